"""Programs inside a program that run as data say: the branches of a condition, the turns of a loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from convcost.core.errors import Unfit
from convcost.importers.bodies import run
from convcost.importers.branches import either, holds, uncounted
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Body, Op
from convcost.importers.torch.arguments import RULES, named
from convcost.importers.torch.calls import Ref, is_list
from convcost.importers.torch.inlining import renamed
from convcost.importers.values import Value


@RULES.rule("higher_order.cond")
def cond(low: Lowering, op: Op) -> None:
    condition, *rest = op.attrs.values()
    first, second = bodies(rest)
    given = handed(low, op, rest[2:])
    branches = [partial(run, op=op, body=body, inputs=given, rename=renamed) for body in (first, second)]
    taken = holds(named(low, condition.name)) if isinstance(condition, Ref) else bool(condition)
    if taken is not None:
        results = branches[0 if taken else 1](low)
    else:
        results = either(low, op, condition.name, branches, given)
    for i, value in enumerate(results):
        low.same(op, value, i)


@RULES.rule("higher_order.while_loop")
def while_loop(low: Lowering, op: Op) -> None:
    """Its body, as often as it runs, if that is known before anything runs."""
    condition, body = bodies(op.attrs.values())
    carried, *rest = ([*group] for group in _groups(low, op))
    beside = [name for group in rest for name in group]
    while True:
        (on,) = run(low, op, condition, (*carried, *beside), renamed)
        turn: Callable[[Lowering], list[Value]] = partial(
            run, op=op, body=body, inputs=(*carried, *beside), rename=renamed
        )
        taken = holds(on)
        if taken is None:
            raise uncounted(low, on, turn, (*carried, *beside))
        if not taken:
            break
        values = turn(low)
        carried = [f"{op.name} {low.inlined} {i}" for i in range(len(values))]
        low.values.update(zip(carried, values))
    for i, name in enumerate(carried):
        low.same(op, low.values[name], i)


def bodies(arguments: Any) -> tuple[Body, Body]:
    """The two programs among the arguments of a call."""
    found = [one for one in arguments if isinstance(one, Body)]
    if len(found) != 2:
        raise Unfit("needs two programs that it may run")
    return found[0], found[1]


def handed(low: Lowering, op: Op, arguments: Sequence[Any]) -> tuple[str, ...]:
    """The names of the values that a call hands to a program that it runs; numbers get one of their own."""
    names: list[str] = []
    for value in (one for group in arguments for one in (group if is_list(group) else (group,))):
        if not isinstance(value, (Ref, bool, int, float)):
            raise Unsupported(f"hands {value!r} to a program"[:80])
        names.append(value.name if isinstance(value, Ref) else f"{op.name} argument {len(names)}")
        if not isinstance(value, Ref):
            low.values[names[-1]] = Value((), contents=(value,), computed=True)
    return tuple(names)


def _groups(low: Lowering, op: Op) -> list[tuple[str, ...]]:
    """The values that a loop carries from turn to turn, and those that it only reads."""
    return [handed(low, op, (group,)) for group in op.attrs.values() if is_list(group)]
