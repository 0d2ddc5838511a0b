"""Which comparisons .ci/run makes, where running each network takes seconds; the others are marked `repeats`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def in_turns(models: Iterable[str], conventions: Iterable[str], every: Collection[str]) -> list[Any]:
    """Each network with each convention, for `parametrize`: those of `every` with all of them, others with every fifth."""
    asked = [*conventions]
    return [
        _one(model, convention, repeats=model not in every and (at + of) % 5 > 0)
        for at, model in enumerate(models)
        for of, convention in enumerate(asked)
    ]


def every_third(models: Iterable[str]) -> list[Any]:
    """Each network, for `parametrize`: the first, the fourth, …"""
    return [_one(model, repeats=at % 3 > 0) for at, model in enumerate(models)]


def _one(*values: str, repeats: bool) -> Any:
    return pytest.param(*values, marks=pytest.mark.repeats if repeats else ())
