"""Ops that run a body, or not, or several times, as data say: what of them can be told before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from convcost.core.dims import Dim, is_array, is_symbolic
from convcost.core.errors import SpecError, Unfit, one_line
from convcost.importers.contents import same
from convcost.importers.lower import LONGEST_WHY, Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.values import Value

MOST_TRIED = 25_000
"""The most ops that are looked at in bodies of which nobody knows whether they run."""
_BRANCH = "which branch is taken depends on data"
_TURNS = "how many turns it takes depends on data"
Run: TypeAlias = Callable[[Lowering], "list[Value]"]
"""Lowers a body in the place of an op that runs it, and returns what it puts out."""


class _Seen(NamedTuple):
    """A body that was looked at."""

    values: list[Value]
    macs: Dim
    written: Dim
    partial: bool
    """Whether ops in it are unknown, so that the counts are lower bounds."""
    begun: int
    ended: int
    """How many ops had been inlined before it, and after it."""


class _Choice(NamedTuple):
    """The body that stands for both."""

    at: int
    why: str
    begun: int
    ended: int
    known: tuple[bool, ...]
    """For each output, whether both bodies put out the same numbers."""


def holds(condition: Value) -> bool | None:
    """Whether a condition holds; None if data decide, or sizes that are open. A grid of sizes is split where it differs."""
    (found,) = condition.contents if condition.contents and len(condition.contents) == 1 else (None,)
    return bool(found) if isinstance(found, (bool, int)) or is_array(found) else None


def either(low: Lowering, op: Op, condition: str, branches: Sequence[Run], given: Iterable[str]) -> list[Value]:
    """What an op puts out that runs one of two bodies, which of them depends on data: that of the one with fewer MACs.

    A node `unknown` says so. `given` are the values that the bodies may read. Raises `Unsupported` if they put out different
    shapes, or if one of them cannot be told anything of.
    """
    key = (next(id(value) for value in op.attrs.values() if hasattr(value, "ops")), low.inlined)
    choices = low.tried.choices
    if key not in choices:
        choices[key] = _choice(low, branches, [*given])
    choice = choices[key]
    hint = _hint(low, condition)
    if isinstance(choice, str):
        raise Unsupported(choice + hint)
    value = low.find(condition)
    edges = [low.any(value)[0]] if value is not None and value.tensor is not None else []
    why = one_line(choice.why + hint)[:LONGEST_WHY]
    low.emit(replace(op, outputs=()), "unknown", edges, {"type": op.type, "why": why})
    low.inlined = choice.begun
    values = branches[choice.at](low)
    low.inlined = choice.ended
    return [value if known else replace(value, contents=None) for value, known in zip(values, choice.known)]


def uncounted(low: Lowering, count: Value | None, run: Run, given: Iterable[str]) -> Unsupported:
    """That a loop takes a number of turns that depends on data, on this value, and what one of them takes."""
    hint = _hint(low, next((name for name, value in low.values.items() if value is count), ""))
    try:
        seen = _look(low, run, [*given])
    except (SpecError, Unfit, Unsupported):
        return Unsupported(_TURNS + hint)
    return Unsupported(f"{_TURNS}; one takes {_macs(seen)}{hint}")


def _hint(low: Lowering, name: str) -> str:
    """How to say what a condition or a count is, where that can be said."""
    said = [f"--input {one}=…" for one in low.deciding(name)]
    return f"; decided by {' '.join(said)}" if said else ""


def _look(low: Lowering, run: Run, given: Sequence[str]) -> _Seen:
    """Lower a body beside the model; raises what `run` raises."""
    if low.tried.ops > MOST_TRIED:
        raise Unsupported(f"more than {MOST_TRIED:,} ops in such bodies")
    beside = low.beside(given)
    try:
        values = run(beside)
    finally:
        low.tried.ops += 1 + beside.inlined - low.inlined
    low.tried.shapes |= {name: value.shape for name, value in beside.values.items()}
    edges = [beside.any(value)[0] for value in values if not value.lost and value.tensor is not None]
    unread = beside.unread(edges)
    steps = [one for one in beside.walk.steps if one.node.name not in unread]
    macs: Dim = sum((one.cost.macs for one in steps), 0)
    written: Dim = sum((one.written for one in steps), 0)
    return _Seen(values, macs, written, any(one.opaque for one in steps), low.inlined, beside.inlined)


def _choice(low: Lowering, branches: Sequence[Run], given: Sequence[str]) -> _Choice | str:
    """Which of two bodies stands for both, or why none can."""
    begun = low.inlined
    seen: list[_Seen] = []
    try:
        for run in branches:
            seen.append(_look(low, run, given))
            low.inlined = seen[-1].ended
    except (SpecError, Unfit, Unsupported) as error:
        what = error.problems[0].what if isinstance(error, SpecError) else str(error)
        return f"{_BRANCH}, and one of them cannot be counted: {what}"
    finally:
        low.inlined = begun
    first, second = seen
    if len(first.values) != len(second.values) or not all(map(_alike, first.values, second.values)):
        return f"{_BRANCH}, and they put out different shapes; they take {_macs(first)} and {_macs(second)}"
    if is_symbolic(first.macs - second.macs) or is_symbolic(first.written - second.written):
        return f"{_BRANCH}, and which one takes fewer MACs on sizes that are open; they take {_macs(first)} and {_macs(second)}"
    at = 1 if second.macs < first.macs or (second.macs == first.macs and second.written < first.written) else 0
    taken, other = seen[at], seen[1 - at]
    if taken.macs == other.macs:
        why = f"{_BRANCH}; both take {_macs(taken)}, and one of them is counted"
    else:
        fewer, more = (_macs(one).removesuffix(" MACs") for one in (taken, other))
        why = f"{_BRANCH}; the one with fewer MACs is counted, {fewer}, not {more}"
    if taken.written > other.written:
        why += f"; it writes more, {_number(taken.written)} elements, not {_number(other.written)}"
    return _Choice(at, why, taken.begun, second.ended, tuple(map(partial(_equal, low), first.values, second.values)))


def _alike(one: Value, other: Value) -> bool:
    """Whether two values have the same shape."""
    known = not one.lost and not other.lost and one.rank == other.rank
    return known and all(same(a, b) is True for a, b in zip(one.shape, other.shape))


def _equal(low: Lowering, one: Value, other: Value) -> bool:
    """Whether two values are known to be the same numbers."""
    first, second = low.known(one), low.known(other)
    if first is None or second is None or len(first.elements) != len(second.elements):
        return False
    return all(same(a, b) is True for a, b in zip(first.elements, second.elements))


def _macs(seen: _Seen) -> str:
    return f"{'at least ' if seen.partial else ''}{_number(seen.macs)} MACs"


def _number(count: Any) -> str:
    return f"{count:,}" if isinstance(count, int) else str(count) if is_symbolic(count) else "several numbers of"
