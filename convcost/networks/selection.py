"""What is asked of the networks of the zoo: names, family, task, year, and at most so many MACs and parameters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from convcost.core.errors import UsageError, did_you_mean
from convcost.core.patterns import fitting
from convcost.core.reading import parse_count, parse_years, several
from convcost.core.tasks import TASKS
from convcost.core.units import exact


class Entry(NamedTuple):
    """A network of the zoo, as its spec introduces it."""

    name: str
    family: str
    title: str = ""
    task: str = ""
    year: int | None = None


class Selection(NamedTuple):
    """What is asked for; everything where nothing is."""

    patterns: tuple[str, ...] = ()
    """Globs over names and families, or words that these contain."""
    family: tuple[str, ...] = ()
    """Globs over families and their titles alone, or words that these contain."""
    task: tuple[str, ...] = ()
    years: tuple[int, int] | None = None
    max_macs: int | None = None
    max_params: int | None = None

    @classmethod
    def of(
        cls,
        patterns: str | Sequence[str] | None = (),
        family: str | Sequence[str] | None = (),
        task: str | Sequence[str] | None = (),
        year: str | int | None = "",
        max_macs: str | int | None = None,
        max_params: str | int | None = None,
    ) -> Selection:
        """What a caller asks for, as it is written; raises `UsageError`.

        >>> Selection.of(task="detection", year="2019-2026", max_macs="600M").words
        'task detection; year 2019-2026; at most 600,000,000 MACs'
        """
        tasks = several(task)
        for word in tasks:
            if word not in TASKS:
                raise UsageError(f"there is no task {word!r}{did_you_mean(word, TASKS)}")
        most = (None if bound is None else parse_count(bound) for bound in (max_macs, max_params))
        return cls(several(patterns), several(family), tasks, parse_years(year), *most)

    @property
    def words(self) -> str:
        """What is asked for beside the patterns, in words; empty if it is nothing."""
        years = "-".join(map(str, dict.fromkeys(self.years or ())))
        parts = {"family": ", ".join(self.family), "task": ", ".join(self.task), "year": years}
        bounds = ((self.max_macs, "MACs"), (self.max_params, "params"))
        said = [f"{word} {value}" for word, value in parts.items() if value]
        return "; ".join([*said, *(f"at most {exact(most)} {what}" for most, what in bounds if most is not None)])

    def named(self, zoo: Iterable[Entry]) -> list[str]:
        """The networks whose name, family, task and year are asked for; raises `UsageError` for a pattern that fits none."""
        every = list(zoo)
        kept = _fitting(self.patterns, every, _NETWORK)
        families = _fitting(self.family, every, _FAMILY)
        return [one.name for one in every if {one.name} <= kept & families and self._introduced(one)]

    def _introduced(self, one: Entry) -> bool:
        first, last = self.years or (0, 0)
        return (not self.task or one.task in self.task) and (not self.years or first <= (one.year or 0) <= last)

    def affords(self, macs: int, params: int) -> bool:
        """Whether a network costs no more than is asked for."""
        return (self.max_macs is None or macs <= self.max_macs) and (
            self.max_params is None or params <= self.max_params
        )


_NETWORK, _FAMILY = "no network of the zoo matches", "there is no family"


def _fitting(patterns: Sequence[str], every: Sequence[Entry], wrong: str) -> set[str]:
    """The names of all that fit one of the patterns; raises `UsageError` for one that nothing does."""

    def words(one: Entry) -> tuple[str, ...]:
        return (one.name, one.family) if wrong == _NETWORK else (one.family, one.title)

    found: set[str] = set()
    for pattern in patterns:
        fit = fitting(pattern, every, words)
        if not fit:
            near = did_you_mean(pattern, {words(one)[0] for one in every}, listed_by="convcost list")
            raise UsageError(f"{wrong} {pattern!r}{near}")
        found.update(one.name for one in fit)
    return found if patterns else {one.name for one in every}
