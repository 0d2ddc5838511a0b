"""The doors: each asks something of a case's files and judges the answer; it raises what it finds."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from click.testing import CliRunner

import convcost
from convcost import ConvcostError, SpecError
from convcost.cli import main
from convcost.networks.load import validate
from convcost.spec.calls import MOST_NODES
from convcost.spec.compact import compact
from convcost.spec.write import resolved
from fuzz import oracles
from fuzz.case import Case
from fuzz.oracles import Wrong, holds

SWEPT = ("macs", "params", "activations", "peak_activation_bytes")
_COMPARED, _JUDGED, _REFUSED = 8_000, 2_000, 1_000
"""Layers of the networks of a sweep that are built one by one to be compared with it, of some anywhere; those of the first of
them, whose reports are judged in all they say; and as how many layers one counts that is refused, but not for its size."""
_WRITTEN = {".json": "json", ".csv": "csv", ".svg": "svg", ".html": "html", ".sarif": "sarif", ".xml": "junit"}


class End(NamedTuple):
    """How a case ended."""

    how: str
    """`fine`, `refused`, or what a command's exit status means."""
    said: str = ""
    """The message of a refusal; all that a command printed."""


def ask(case: Case, folder: Path) -> End:
    """Ask what a case asks, in a folder that has its files.

    An answer that must not be raises: `Wrong`, or whatever exception got out.
    """
    door, *what = case.ask
    try:
        return DOORS[door](folder, *what) or End("fine")
    except ConvcostError as error:
        oracles.message(error, "".join(data.decode("utf-8", "replace") for data in case.files.values()))
        return End("refused", str(error))


def right(case: Case, end: End) -> None:
    """Raise `Wrong` unless a kept case ended as is right: how, with words that it said, with numbers of its JSON by their path."""
    stated = dict(case.right)
    holds(end.how == stated.pop("ends", "fine"), f"it ended {end}")
    for words in stated.pop("says", ()):
        holds(words in end.said, f"it does not say {words!r}: {end.said}")
    for path, number in stated.items():
        found = json.loads(end.said)
        for key in path.split("."):
            found = found[int(key) if isinstance(found, list) else key]
        holds(found == number, f"{path} is {found}, and has to be {number}")


# -- networks ----------------------------------------------------------------------------------------------------------


def network(folder: Path, name: str) -> None:
    """It is loaded and reported, or refused; validating agrees."""
    path = str(folder / name)
    try:
        oracles.report(convcost.load(path).report())
    except ConvcostError as error:
        if name.endswith(".yaml"):
            _at_places(path)
        else:
            lines = str(error).splitlines()
            holds(
                len(lines) == 1 or all("open size" in line for line in lines), f"several lines on a model file: {error}"
            )
            holds(
                not name.endswith(".keras") or "malformed" not in lines[0],
                f"a rule met what it does not expect: {error}",
            )
        raise


def _at_places(path: str) -> None:
    """Validating refuses a spec as well, and says of each problem where it stands."""
    try:
        problems = tuple(validate(path))
    except SpecError as error:
        problems = error.problems
    holds(bool(problems), "load refuses what validate does not")
    for problem in problems:
        whole = problem.scope.endswith("net.yaml")  # such as its size
        holds(
            (whole or problem.where is not None) and bool(problem.what),
            f"a problem without a place or words: {problem}",
        )


def _same(folder: Path, name: str, write: Callable[..., str]) -> None:
    """Another text of the network costs the same."""
    found = convcost.load(str(folder / name))
    text = write(found.graph, found.name.partition(".")[0] or "net", found.caption)
    again = folder / "again.yaml"
    again.write_text(text, encoding="utf-8")
    try:
        other = convcost.load(str(again))
        totals = other.report().totals
    except ConvcostError as error:
        raise Wrong(f"what {write.__name__} writes is refused: {error}") from None
    holds(totals == found.report().totals, f"what {write.__name__} writes costs something else")
    same = other.graph.outputs == found.graph.outputs or not found.graph.nodes
    holds(same, f"what {write.__name__} writes has other outputs")
    if write is resolved:
        holds(resolved(other.graph, other.name, other.caption) == text, "resolving twice changes something")


def resolve(folder: Path, name: str) -> None:
    """The resolved form is the same network."""
    _same(folder, name, resolved)


def imported(folder: Path, name: str) -> None:
    """The form with blocks and repeats is the same network."""
    _same(folder, name, compact)


def remembered(folder: Path, name: str) -> None:
    """Memory under each policy, given and best order."""
    found = convcost.load(str(folder / name))
    for policy in ("fused", "unfused", "inplace", "concat_alias"):
        given, best = (found.memory(policy, order=order) for order in ("given", "best"))
        oracles.usage(given)
        oracles.usage(best)
        holds(best.peak <= given.peak, f"the best order of {policy} needs more than the given one")
        peak = found.report(memory_policy=policy).totals.peak_activation_bytes
        holds(peak == given.peak, f"the report says another peak of {policy} than the memory")


def rewritten(folder: Path, name: str) -> None:
    """Convolutions rebuilt: still a network, with the same shape of output."""
    found = convcost.load(str(folder / name))
    for way in ("separable", "standard", "grouped:2"):
        with suppress(ConvcostError):
            oracles.report(found.rewrite(way).report())


def drawn(folder: Path, name: str) -> None:
    """The picture in each form."""
    found = convcost.load(str(folder / name)).diagram()
    oracles.output(found.svg(), "svg")
    oracles.printable(found.text(), "a drawing")
    oracles.printable(found.tikz(), "TikZ")
    json.dumps(found.to_dict(), allow_nan=False)


def explained(folder: Path, name: str) -> None:
    """Each number of each layer by its formula."""
    found = convcost.load(str(folder / name))
    oracles.printable(str(found.explain().table()), "an explanation")
    for layer in found.report().layers[:6]:
        oracles.printable(str(found.explain(layer.name).table()), "an explanation")


def deployed(folder: Path, name: str) -> None:
    """What a runtime would take."""
    found = convcost.load(str(folder / name))
    oracles.printable(str(found.deployed().table()), "a deployment")
    oracles.report(found.report(deploy=True))


_MANY = 1_000
"""Layers of a network of which a case does not ask all questions."""


def shown(folder: Path, name: str) -> None:
    """The report in each form, at other batches and types, and its training; a table at every level once, which is what each
    other report is shown at one of: the time of a case is that of a few questions. Of thousands of layers, fewer are asked.
    """
    found = convcost.load(str(folder / name))
    once, often = (found.report(batch=batch).totals for batch in (1, 10**15))
    holds(
        once.macs * 10**15 == often.macs and once.params == often.params, "costs of a batch are not those of its images"
    )
    asked: tuple[tuple[dict[str, Any], tuple[str, ...]], ...] = (
        ({"convention": "thop", "receptive": True}, ("stage",)),
        ({"dtype": "int4", "memory_policy": "training"}, ("unit",)),
        ({}, ("layer", "unit", "stage", "op")),
        ({"batch": 10**15}, ("layer",)),
    )
    for options, levels in asked[: 1 if len(found.steps) > _MANY else None]:
        made = found.report(**options)
        oracles.report(made)
        json.dumps(made.to_dict(), allow_nan=False)
        for level in levels:
            oracles.printable(str(made.table(level)), "a table")
    found.training("adam", batch=3).table()
    holds(not convcost.diff(found, found).differs, "a network differs from itself")


def swept(folder: Path, name: str, settings: Mapping[str, Any], axes: Mapping[str, Sequence[str]]) -> None:
    """A sweep has what each of its networks has alone, or refuses what each of them refuses.

    Of large networks, only some are compared: the time of a case is that of what is asked, not of asking it again.
    """
    path, built = str(folder / name), 0

    def alone(point: Mapping[str, Any]) -> dict[str, int | None]:
        nonlocal built
        try:
            found = convcost.load(path, point).report(**settings)
        except ConvcostError as error:
            built += MOST_NODES if "a network may have" in str(error) else _REFUSED
            return dict.fromkeys(SWEPT)
        if built < _JUDGED:
            oracles.report(found)
        built += len(found.layers)
        return {metric: getattr(found.totals, metric) for metric in SWEPT}

    try:
        grid = convcost.sweep(path, axes, **settings)
    except ConvcostError as error:
        points = (alone(dict(zip(axes, values))) for values in itertools.product(*axes.values()))
        holds(any(point["macs"] is None for point in points), f"a sweep is refused, none of its networks is: {error}")
        raise
    every = [*zip(itertools.product(*grid.axes.values()), grid.records(), strict=True)]
    Random(0).shuffle(every)
    for values, got in every:
        for metric, number in alone(dict(zip(grid.axes, values))).items() if built < _COMPARED else ():
            holds(got[metric] == number, f"{metric} of a sweep is {got[metric]}, alone {number}")


def fitted(folder: Path, name: str, budget: int, axes: Mapping[str, Sequence[str]]) -> None:
    """What a fit finds is what trying all points finds: those within the budget that none as large in every number is.

    Of large networks, not all are tried: then what is found is within the budget.
    """
    path, built = str(folder / name), 0
    found = convcost.fit(path, max_params=budget, over=axes)
    within: list[tuple[Any, ...]] = []
    for values in itertools.product(*found.axes.values()):
        with suppress(ConvcostError):
            totals = (network := convcost.load(path, dict(zip(found.axes, values)))).report().totals
            built += len(network.graph.nodes)
            if totals.params <= budget:
                within.append(values)
        if built > _COMPARED:
            one = convcost.load(path, found.maximal[0].knobs).report().totals if found.maximal else None
            holds(one is None or one.params <= budget, "what is found is not within the budget")
            return
    ordered = [
        all(isinstance(value, (int, Fraction)) and not isinstance(value, bool) for value in axis)
        for axis in found.axes.values()
    ]

    def above(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
        return one != other and all(a >= b if by_size else a == b for a, b, by_size in zip(one, other, ordered))

    largest = {values for values in within if not any(above(other, values) for other in within)}
    holds(found.fitting == len(within), f"{found.fitting} fit, and {len(within)} do one by one")
    got = {tuple(one.knobs[knob] for knob in found.axes) for one in found.maximal}
    holds(got == largest, f"the largest are {sorted(map(str, got))}, and one by one {sorted(map(str, largest))}")


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Have a folder as the working directory."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


# -- the command line --------------------------------------------------------------------------------------------------


def command(folder: Path, *words: str) -> End:
    """`convcost WORDS` in the folder: an exit status, streams and files as promised."""
    with working_in(folder):
        ran = CliRunner().invoke(main, list(words), prog_name="convcost")
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    holds(ran.exit_code in (0, 1, 2, 3), f"exit status {ran.exit_code}")
    holds("Traceback" not in ran.output, "a traceback")
    holds(
        ran.exit_code != 2 or not ran.stdout or words[0] == "check" or "validate" in words,
        "exit status 2, and something is printed",
    )
    annotated = words[0] == "check" and _format(words) == "github"  # a runner reads them where it reads all else
    told = ran.stderr.strip() or (annotated and "not checked" in ran.stdout)
    holds(ran.exit_code != 2 or bool(told), "exit status 2 without a word")
    oracles.printable(ran.stderr, "a message")
    asked, made = _format(words), [*folder.glob("out.*")]
    if ran.exit_code != 2 and ran.stdout and not made:
        oracles.output(ran.stdout, asked or "text")
    for path in made:
        oracles.output(path.read_text(encoding="utf-8"), asked or _WRITTEN.get(path.suffix, "text"))
    return End(("fine", "said no", "refused", "partial")[ran.exit_code], ran.output)


def _format(words: Sequence[str]) -> str:
    """The format that is asked for; empty where the file or nothing says it, and where help is asked for."""
    last = [after for word, after in itertools.pairwise(words) if word == "--format"]
    return last[-1].lower() if last and not {"-h", "--help", "--version"} & {*words} else ""


# -- Python ------------------------------------------------------------------------------------------------------------


def call(folder: Path, name: str, positional: Sequence[Any], named: Mapping[str, Any]) -> None:
    """A public function with these arguments; what it gives can be shown, and written as JSON."""
    with working_in(folder):
        found = getattr(convcost, name)(*positional, **named)
        repr(found)
        if hasattr(found, "table"):
            oracles.printable(str(found.table()), "a table")
        if hasattr(found, "to_dict"):
            json.dumps(found.to_dict(), allow_nan=False)


DOORS: dict[str, Callable[..., End | None]] = {
    "network": network,
    "resolved": resolve,
    "imported": imported,
    "remembered": remembered,
    "rewritten": rewritten,
    "drawn": drawn,
    "explained": explained,
    "deployed": deployed,
    "shown": shown,
    "swept": swept,
    "fitted": fitted,
    "convcost": command,
    "call": call,
}
