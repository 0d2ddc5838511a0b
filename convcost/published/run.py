"""convcost's own count for what a network needs when it runs: memory under a policy, in patches, in a runtime's arena.

How it is run is part of a claim, like its knobs: `policy=mcunet dtype=int8 patches=4x4 until=stage3.block1`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any

from convcost.core.errors import UsageError, did_you_mean
from convcost.networks.deployment import deployed
from convcost.networks.network import Network
from convcost.published.figure import COUNTED_AS, QUANTITIES, FigureValue

_YES = {"yes": True, "no": False}
_PLACES = ("flash", "ram")
_MEMORY = ("policy", "dtype", "order")
_PATCHED = ("policy", "dtype", "patches", "until", "equal", "input_in_ram", "stream")
_DEPLOYED = ("runtime", "dtype", "pointers", "kernels", "board")
PATCHES = "patches"
"""The part of a network that runs in patches."""


def run_count(quantity: str, part: str, network: Network, how: Mapping[str, str]) -> FigureValue:
    """A quantity of `RUN` of a network that is run so, in ones, bytes or per cent; raises `UsageError`.

    >>> from convcost import load
    >>> net, how = load("mobilenet_v2"), {"policy": "mcunet", "dtype": "int8"}
    >>> run_count("peak_activation_bytes", "stem.conv2d", net, how) == 3 * 224**2 + 32 * 112**2
    True
    """
    return RUN[quantity](part, network, how)


def _peak(part: str, network: Network, how: Mapping[str, str]) -> Fraction:
    """The most bytes alive: of the network, while a layer that fits the part runs, or in patches."""
    if "patches" in how:
        found = _patches(network, how)
        if part not in ("", PATCHES):
            raise UsageError(f"part: memory in patches is of the network, or of {PATCHES!r}, not of {part!r}")
        return Fraction(found.stage_bytes if part else found.peak)
    weights = how.get("weights", "flash")
    if weights not in _PLACES:
        raise UsageError(f"run: weights lie in flash or ram, got {weights!r}")
    given = _arguments({word: value for word, value in how.items() if word != "weights"}, _MEMORY)
    usage = network.memory(**given)
    if not part:
        stored = sum(network.report(dtype=given.get("dtype")).weight_dtypes.values()) if weights == "ram" else 0
        return Fraction(usage.peak + stored)
    names = [step.node.name for step in network.steps]
    fitting = [m.live for m in usage.timeline if m.step >= 0 and fnmatchcase(names[m.step], part)]
    if not fitting:
        raise UsageError(f"part: no layer that this policy looks at matches {part!r}")
    return Fraction(max(fitting))


def _patched_macs(part: str, network: Network, how: Mapping[str, str]) -> Fraction:
    found = _patches(network, how)
    return Fraction(found.patched_macs if _in_patches(part) else found.macs)


def _overhead(part: str, network: Network, how: Mapping[str, str]) -> Fraction:
    found = _patches(network, how)
    more = found.patched_macs - found.stage_macs
    return Fraction(100 * more, found.stage_macs if _in_patches(part) else found.whole_macs)


def _in_patches(part: str) -> bool:
    if part not in ("", PATCHES):
        raise UsageError(f"part: this is of the network, or of {PATCHES!r}, not of {part!r}")
    return part == PATCHES


def _patch(_part: str, network: Network, how: Mapping[str, str]) -> FigureValue:
    return tuple(_patches(network, how).reads)


def _patches(network: Network, how: Mapping[str, str]) -> Any:
    given = _arguments(how, _PATCHED)
    if "patches" not in given:
        raise UsageError("run: patches are missing, e.g. patches=4x4 until=stage3.block1")
    return network.patches(given.pop("patches"), **given)


def _deployed(of: Callable[[Any], int]) -> Callable[[str, Network, Mapping[str, str]], Fraction]:
    def count(part: str, network: Network, how: Mapping[str, str]) -> Fraction:
        if part:
            raise UsageError(f"part: a runtime's memory is of the whole network, not of {part!r}")
        return Fraction(of(deployed(network, **_arguments(how, _DEPLOYED))))

    return count


def _counted(convention: str) -> Callable[[str, Network, Mapping[str, str]], Fraction]:
    """What a convention counts, of the types that the network states or that are asked for."""

    def count(part: str, network: Network, how: Mapping[str, str]) -> Fraction:
        report = network.report(convention, **_arguments(how, ("dtype",)))
        if report.not_counted:
            raise UsageError(f"the convention {convention} does not know {', '.join(report.not_counted)}")
        layers = [one for one in report.layers if not part or any(fnmatchcase(n, part) for n in (one.name, one.kind))]
        if not layers:
            raise UsageError(f"part: no layer matches {part!r}")
        return Fraction(sum(layer.operations for layer in layers))

    return count


def _arguments(how: Mapping[str, str], known: tuple[str, ...]) -> dict[str, Any]:
    """The words of a column `run` as keyword arguments."""
    for word in how:
        if word not in known:
            raise UsageError(f"run: there is no {word!r} here{did_you_mean(word, known)}; known: {', '.join(known)}")
    found: dict[str, Any] = {}
    for word, value in how.items():
        if word in ("equal", "input_in_ram", "stream"):
            if value not in _YES:
                raise UsageError(f"run: {word} is yes or no, got {value!r}")
            found[word] = _YES[value]
        elif word == "pointers":
            if value not in ("32", "64"):
                raise UsageError(f"run: pointers are 32 or 64, got {value!r}")
            found[word] = int(value)
        else:
            found[word] = value
    return found


RUN: dict[str, Callable[[str, Network, Mapping[str, str]], FigureValue]] = {
    "peak_activation_bytes": _peak,
    "patched_macs": _patched_macs,
    "overhead_share": _overhead,
    "patch": _patch,
    "ram_bytes": _deployed(lambda found: found.arena.total),
    "arena_head_bytes": _deployed(lambda found: found.arena.head),
    "deployed_weight_bytes": _deployed(lambda found: int(found.size.weight_bytes)),
    "flash_bytes": _deployed(lambda found: int(found.size.flash_bytes)),
    **{name: _counted(name) for name in COUNTED_AS},
}
"""Quantities that depend on how a network is run: on a policy, a runtime, the types of its tensors."""
assert set(RUN) <= set(QUANTITIES)
