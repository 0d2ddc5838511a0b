"""The plugin for pytest: a test that is marked with `convcost` fails where a network breaks a limit.

The marker takes what `convcost.check` takes: networks, or a budgets file, and limits.

    @pytest.mark.convcost("nets/keywords.yaml", max_macs="3M", max_peak="64KiB")
    def test_costs(): ...

Without a network, it is the one that the test returns: a name, a path, a `convcost.Network`, or a module of PyTorch with
the `shapes` of its inputs as `convcost.from_torch` takes them.

    @pytest.mark.convcost(max_params="4M", shapes=(1, 3, 224, 224))
    def test_costs():
        return MyNet()

The fixture `convcost_check` is the same as a function. Nothing of convcost is imported before a test asks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from convcost.networks.budgets.checked import Checked

MARKER = "convcost"
_HELP = (
    f'{MARKER}(*networks, max_macs="300M", max_params=…, max_peak=…, max_weights=…, baseline=…, tolerance="1%", **options): '
    "the networks, or what the test returns, keep these limits, as convcost.check says"
)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line("markers", _HELP)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Check the networks that markers name, before the test itself runs."""
    for marker in item.iter_markers(MARKER):
        if marker.args:
            _hold(item, marker.args, dict(marker.kwargs))
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test whose markers name no network, and check what it returns."""
    markers = [marker for marker in pyfuncitem.iter_markers(MARKER) if not marker.args]
    if not markers or iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames  # noqa: SLF001 - as pytest's own implementation of this hook
    made = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    options: dict[str, Any] = {}
    for marker in reversed(markers):  # the closest is first, and wins
        options |= marker.kwargs
    if made is None and options:
        pytest.fail("convcost: the marker names no network, and the test returns none", pytrace=False)
    _hold(pyfuncitem, () if made is None else (made,), options)
    return True


@pytest.fixture
def convcost_check(request: pytest.FixtureRequest) -> Callable[..., Checked]:
    """`convcost.check` that fails the test where a limit is broken, and returns the result where none is."""

    def check(*networks: Any, **options: Any) -> Checked:
        return _hold(request.node, networks, options)

    return check


def _hold(item: pytest.Item, networks: tuple[Any, ...], options: dict[str, Any]) -> Checked:
    """Fail the test unless all limits hold."""
    from convcost.core.errors import ConvcostError
    from convcost.networks.budgets.check import check

    shapes, partial = options.pop("shapes", None), bool(options.pop("partial", False))
    for name in ("baseline", "lock"):
        if name in options:
            options[name] = _found(item, options[name])
    wrong = ""
    try:
        models = [_network(item, network, shapes) for network in networks] or [_budgets(item)]
        result = check(*models, **options)
    except ConvcostError as error:
        wrong = f"convcost: {error}"
    if wrong:  # not while the error is handled: pytest would show both, one after the other
        pytest.fail(wrong, pytrace=False)
    if not result.ok and not (partial and result.status == 3):
        pytest.fail(_said(result), pytrace=False)
    return result


def _network(item: pytest.Item, network: Any, shapes: Any) -> Any:
    """A network as `convcost.check` takes it."""
    if isinstance(network, tuple) and len(network) == 2:
        network, shapes = network
    if callable(getattr(network, "forward", None)) and hasattr(network, "named_parameters"):
        from convcost.networks.from_torch import from_torch

        return from_torch(network, shapes)
    return _found(item, network)


def _found(item: pytest.Item, model: Any) -> Any:
    """A relative path from the folder of the test, else from pytest's root, if there is such a file; else what it was."""
    if not isinstance(model, (str, os.PathLike)) or os.path.isabs(model):
        return model
    for folder in (item.path.parent, item.config.rootpath):
        path = os.path.join(folder, model)
        if os.path.isfile(path):
            return path.removeprefix(os.path.join(os.getcwd(), ""))
    return model


def _budgets(item: pytest.Item) -> str:
    """The budgets file that is nearest to the test."""
    from convcost.networks.budgets.file import FILES, find_file

    found = find_file(str(item.path.parent))
    if found is None:
        pytest.fail(f"convcost: there is no {FILES[0]} beside the test or in a folder above", pytrace=False)
    return found


def _said(result: Checked) -> str:
    lines = [f"{line.network}: {line.text}" for line in (*result.broken, *result.unproven)]
    return "\n".join([result.title, *lines, *(failure.text for failure in result.failures)])
