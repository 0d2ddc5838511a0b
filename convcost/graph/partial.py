"""What of a network nobody can count: unknown ops, which make every sum a lower bound."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from convcost.core.errors import UsageError
from convcost.core.units import counted
from convcost.graph.walk import Step

AT_LEAST, AT_MOST, UNKNOWN = ">= ", "<= ", "?"
"""Printed before a sum with unknown parts, before a share of one, and instead of what nobody knows."""
BEHIND = ""
"""Stands for the type of an op that is unknown only because it stands behind one."""
_MOST_LISTED = 6
"""The most types that are named."""


def unknown_types(steps: Iterable[Step]) -> tuple[str, ...]:
    """What each unknown op is called in the file that it comes from, in order; empty for a network that is known.

    An op that is unknown only because it stands behind another is `BEHIND`.
    """
    return tuple(BEHIND if step.node.attrs["behind"] else step.type for step in steps if step.opaque)


def unknown_text(types: Iterable[str]) -> str:
    """How many ops are unknown, and of which types, the most frequent first.

    >>> unknown_text(["NonMaxSuppression", "Foo", "NonMaxSuppression"]), unknown_text(["Foo"])
    ('3 ops are unknown (2 NonMaxSuppression, 1 Foo)', '1 op is unknown (1 Foo)')
    >>> unknown_text(["NonZero", BEHIND, BEHIND])
    '1 op is unknown (1 NonZero), and so are 2 behind'
    """
    every = Counter(types)
    behind = every.pop(BEHIND, 0)
    numbers = every.most_common()
    listed = [f"{number} {name}" for name, number in numbers[:_MOST_LISTED]]
    if others := numbers[_MOST_LISTED:]:
        listed.append(f"{sum(number for _, number in others)} of {counted(len(others), 'other type')}")
    total = every.total()
    after = f", and so {'is' if behind == 1 else 'are'} {behind} behind" if behind else ""
    return f"{counted(total, 'op')} {'is' if total == 1 else 'are'} unknown ({', '.join(listed)}){after}"


def refuse_unknown(steps: Iterable[Step], network: str, what: str) -> None:
    """Raise `UsageError` if a network has unknown ops: what is asked for cannot be answered with lower bounds."""
    if types := unknown_types(steps):
        remedy = "replace them in its spec (convcost spec resolve writes one)"
        raise UsageError(f"{network}: {unknown_text(types)}, so that {what}; {remedy}")
