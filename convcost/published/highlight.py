"""Which families of a picture stand out: those that its reader asks for, or by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from convcost.core.errors import UsageError, did_you_mean
from convcost.core.patterns import fitting
from convcost.published.data import Measured
from convcost.published.point import Point
from convcost.render.families import family_looks

MOST = 8
"""As many families as a reader tells apart by colour, and as fit beside their lines by name."""


def highlighted(points: Iterable[Point], patterns: Sequence[str], known: Iterable[Measured]) -> tuple[str, ...]:
    """The published families that stand out, in the order of their choice.

    Those that a pattern fits; raises `UsageError` if there are none. Without patterns, all if they are at most `MOST`,
    or else by rule: half of them hold most of the front; the others are the best known ones, those that most sources
    among the `known` accuracies print, and of as many sources those with most accuracies. Of those of one colour, the
    first alone, as long as there are families of other colours.
    """
    published = [point for point in points if not point.yours]
    families = tuple(dict.fromkeys(point.measured.family for point in published))
    if patterns:
        return _asked(families, patterns)
    if len(families) <= MOST:
        return families
    holding = Counter(point.measured.family for point in published if point.front)
    seen = {family: at for at, family in enumerate(families)}
    colors = {family: look.color for family, look in family_looks(families).items()}
    leading = _of_own_colour(sorted(holding, key=lambda one: (-holding[one], seen[one])), colors, ())
    leading = leading[: MOST // 2]
    others = [family for family in _best_known(families, known) if family not in leading]
    alone = _of_own_colour(others, colors, leading)
    return (*leading, *[*alone, *(one for one in others if one not in alone)][: MOST - len(leading)])


def _of_own_colour(families: Iterable[str], colors: Mapping[str, str], before: Iterable[str]) -> list[str]:
    """The families whose colour none of those before has."""
    taken = {colors[family] for family in before}
    found = []
    for family in families:
        if colors[family] not in taken:
            taken.add(colors[family])
            found.append(family)
    return found


def _asked(families: Sequence[str], patterns: Sequence[str]) -> tuple[str, ...]:
    chosen: list[str] = []
    for pattern in patterns:
        found = fitting(pattern, families, lambda family: [family])
        if not found:
            raise UsageError(f"no family {pattern!r} to highlight is in the picture{did_you_mean(pattern, families)}")
        chosen += found
    return tuple(dict.fromkeys(chosen))


def _best_known(families: Iterable[str], known: Iterable[Measured]) -> list[str]:
    sources: dict[str, set[str]] = {family: set() for family in families}
    rows: Counter[str] = Counter()
    for row in known:
        if row.family in sources:
            sources[row.family].add(row.source)
            rows[row.family] += 1
    return sorted(sources, key=lambda family: (-len(sources[family]), -rows[family], family.lower()))
