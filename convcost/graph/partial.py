"""What of a network nobody can count: unknown ops, which make every sum a lower bound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from convcost.core.errors import UsageError
from convcost.core.units import counted, exact
from convcost.graph.walk import Step

AT_LEAST, AT_MOST, UNKNOWN = ">= ", "<= ", "?"
"""Printed before a sum with unknown parts, before a share of one, and instead of what nobody knows."""
_MOST_LISTED = 6
"""The most types that are named."""


class UnknownOp(NamedTuple):
    """A layer whose counts nobody knows."""

    name: str
    type: str
    """What the file that it comes from calls its op."""
    why: str
    """Why it is not known, in words for people; empty if there is nothing to say."""
    behind: bool
    """Whether only what it reads is the reason: the result of an unknown op, of a shape that nobody knows."""


def unknown_ops(steps: Iterable[Step]) -> tuple[UnknownOp, ...]:
    """The unknown ops of a walk, in order; none if all is known."""
    found = (step.node for step in steps if step.opaque)
    return tuple(UnknownOp(n.name, n.attrs["type"], n.attrs["why"] or "", n.attrs["behind"]) for n in found)


def unknown_text(ops: Sequence[UnknownOp]) -> str:
    """How many ops are unknown, and of which types, the most frequent first; those behind others are only counted.

    >>> nms, foo = UnknownOp("nms", "NonMaxSuppression", "", False), UnknownOp("boxes", "Gather", "", True)
    >>> unknown_text([nms, nms, foo]), unknown_text([nms])
    ('2 ops are unknown (2 NonMaxSuppression), and so is 1 behind', '1 op is unknown (1 NonMaxSuppression)')
    """
    numbers = Counter(op.type for op in ops if not op.behind).most_common()
    listed = [f"{number} {name}" for name, number in numbers[:_MOST_LISTED]]
    if others := numbers[_MOST_LISTED:]:
        listed.append(f"{sum(number for _, number in others)} of {counted(len(others), 'other type')}")
    behind = sum(op.behind for op in ops)
    first = len(ops) - behind
    after = f", and so {'is' if behind == 1 else 'are'} {exact(behind)} behind" if behind else ""
    return f"{counted(first, 'op')} {'is' if first == 1 else 'are'} unknown ({', '.join(listed)}){after}"


def refuse_unknown(steps: Iterable[Step], network: str, what: str) -> None:
    """Raise `UsageError` if a network has unknown ops: what is asked for cannot be answered with lower bounds."""
    if ops := unknown_ops(steps):
        remedy = "replace them in its spec (convcost import writes one)"
        raise UsageError(f"{network}: {unknown_text(ops)}, so that {what}; {remedy}")
