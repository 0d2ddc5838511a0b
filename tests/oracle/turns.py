"""Which comparisons every run makes, where running each network takes seconds."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from helpers.turns import turned


def pairs_in_turns(models: Iterable[str], conventions: Iterable[str], every: Collection[str]) -> list[Any]:
    """Each network with each convention, for `parametrize`: those of `every` with all of them, others with every fifth."""
    asked = [*conventions]
    return [
        turned((model, convention), repeats=model not in every and (at + of) % 5 > 0)
        for at, model in enumerate(models)
        for of, convention in enumerate(asked)
    ]
