"""Conditions that symbols leave open, decided for the general case, so that there are numbers at which all of them hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

from convcost.core.errors import UsageError

_SIZES = (*range(1, 17), *(base << more for more in range(8) for base in (20, 24, 28)), 10**4, 10**5, 10**6, 10**9)
_MOST_POINTS = 200
"""Numbers for several symbols that are tried out where a condition does not hold at those that are known."""
MOST_TRIALS = 5_000
"""How often a condition is tried out; from then on all is decided at the numbers that are known."""
MOST_CONDITIONS = 100
"""Different conditions that one closed form may assume."""
_MOST_NUMBERS = 12
"""Of the conditions, about which sizes are tried."""
_GENERAL = (997, 883, 769, 661, 547, 439, 331, 223)
"""What stands first for a symbol: so many names are different sizes, further ones are any of these."""


class Assumed:
    """What is assumed of symbols, all of them positive whole numbers."""

    def __init__(self) -> None:
        self.conditions: dict[Any, None] = {}
        self.point: Mapping[Any, Any] = {}
        """Numbers at which all conditions hold."""
        self.trials = 0

    def decide(self, condition: Any) -> bool:
        """Whether a condition is taken to hold; that, or its opposite, is assumed from now on.

        It holds unless it is an equation, or cannot hold beside what is assumed before. Raises `UsageError` for too many.

        >>> from sympy import Symbol
        >>> n, assumed = Symbol("n", integer=True, positive=True), Assumed()
        >>> assumed.decide(n > 7), assumed.decide(n < 5), assumed.decide(n < 1000)
        (True, False, True)
        >>> [*assumed.conditions], assumed.point
        ([n > 7, n >= 5, n < 1000], {n: 997})
        """
        for known, holds in ((condition, True), (~condition, False)):
            if known in self.conditions:
                return holds
        likely = ~condition if type(condition).__name__ == "Equality" else condition
        chosen = next((each for each in (likely, ~likely) if self.can_hold([each])), likely)
        self.conditions.setdefault(chosen)
        if len(self.conditions) > MOST_CONDITIONS:
            raise UsageError(
                f"a closed form would assume more than {MOST_CONDITIONS} conditions: leave fewer knobs as symbols, or others"
            )
        return bool(chosen == condition)

    def can_hold(self, more: Sequence[Any]) -> bool:
        """Whether numbers are found at which more conditions hold beside all that are assumed; these are known then."""
        from sympy import Integer

        names = sorted({*self.point}.union(*(condition.free_symbols for condition in more)), key=str)
        left = (size for size in cycle(_GENERAL) if size not in self.point.values() or len(self.point) >= len(_GENERAL))
        # All that is assumed holds at the numbers that are known; it says nothing of a symbol that these do not name.
        point: Mapping[Any, Any] = {
            name: self.point[name] if name in self.point else Integer(next(left)) for name in names
        }
        if all(self._holds(condition, point) for condition in more):
            self.point = point
            return True
        conditions = (*more, *self.conditions)
        for point in _points(names, conditions) if self.trials < MOST_TRIALS else ():
            if self.trials < MOST_TRIALS and all(self._holds(condition, point) for condition in conditions):
                self.point = point
                return True
        return False

    def _holds(self, condition: Any, point: Mapping[Any, Any]) -> bool:
        from sympy import true

        self.trials += 1
        try:
            return bool(condition.xreplace(point).doit() == true)
        except ZeroDivisionError:  # there it is neither
            return False


def _points(names: Sequence[Any], conditions: Sequence[Any]) -> Iterator[Mapping[Any, Any]]:
    """Small and large numbers for all symbols, equal and unequal ones."""
    from sympy import Integer

    sizes = [Integer(size) for size in _sizes(conditions)]
    for at in range(_MOST_POINTS if len(names) > 1 else len(sizes)):
        yield {
            name: sizes[(at * (2 * place + 1) + place * (at // len(sizes))) % len(sizes)]
            for place, name in enumerate(names)
        }


def _sizes(conditions: Sequence[Any]) -> list[int]:
    """Sizes to try: small ones, large ones, and those about which numbers of the conditions decide."""
    from sympy import Rational

    numbers = sorted({number for condition in conditions for number in condition.atoms(Rational)}, key=abs)
    ends = {abs(end) for number in numbers[:_MOST_NUMBERS] for end in (int(number.p), int(number.q))} - {0}
    about = {base for one in ends for other in ends for base in (one * other, one // other)}
    return sorted(size for size in {*_SIZES, *(base + more for base in about for more in (-1, 0, 1))} if size > 0)
