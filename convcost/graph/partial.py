"""What of a network nobody can count: unknown ops, which make every sum a lower bound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from convcost.core.errors import UsageError
from convcost.core.units import counted
from convcost.graph.walk import Step

AT_LEAST, AT_MOST, UNKNOWN = ">= ", "<= ", "?"
"""Printed before a sum with unknown parts, before a share of one, and instead of what nobody knows."""
_MOST_LISTED = 6
"""The most types that are named."""


def unknown_types(steps: Iterable[Step]) -> tuple[str, ...]:
    """What each unknown op is called in the file that it comes from, in order; empty for a network that is known."""
    return tuple(step.type for step in steps if step.opaque)


def unknown_text(types: Iterable[str]) -> str:
    """How many ops are unknown, and of which types, the most frequent first.

    >>> unknown_text(["NonMaxSuppression", "Foo", "NonMaxSuppression"]), unknown_text(["Foo"])
    ('3 ops are unknown (2 NonMaxSuppression, 1 Foo)', '1 op is unknown (1 Foo)')
    """
    numbers = Counter(types).most_common()
    listed = [f"{number} {name}" for name, number in numbers[:_MOST_LISTED]]
    if others := numbers[_MOST_LISTED:]:
        listed.append(f"{sum(number for _, number in others)} of {counted(len(others), 'other type')}")
    every = sum(number for _, number in numbers)
    return f"{counted(every, 'op')} {'is' if every == 1 else 'are'} unknown ({', '.join(listed)})"


def refuse_unknown(steps: Iterable[Step], network: str, what: str) -> None:
    """Raise `UsageError` if a network has unknown ops: what is asked for cannot be answered with lower bounds."""
    if types := unknown_types(steps):
        remedy = "replace them in its spec (convcost spec resolve writes one)"
        raise UsageError(f"{network}: {unknown_text(types)}, so that {what}; {remedy}")
