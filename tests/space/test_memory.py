"""What is held of a grid does not grow with its points: the sentences of docs/scale.md, counted in bytes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from math import prod

import numpy as np
import pytest

from convcost.space.evaluate.repeats import Distinct
from convcost.space.open import design_space
from convcost.space.space import DesignSpace
from convcost.space.sweep import pieces, sweep_table

MEBIBYTE = 2**20


@contextmanager
def at_most(mebibytes: int) -> Iterator[None]:
    """Nothing in here may hold more at once, arrays included."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < mebibytes * MEBIBYTE
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def large() -> DesignSpace:
    """4 · 10^10 networks, no two of them equal: 320 GB a metric."""
    axes = {"width": "0.001:20:0.001", "resolution": "224:2223", "classes": "1:1000"}
    made = design_space("mobilenet_v1", {}, over=axes)
    assert made.points == 40_000_000_000
    return made


def test_a_table_of_forty_rows_costs_what_forty_rows_cost(large: DesignSpace) -> None:
    with at_most(20):
        table = sweep_table(large, large.metrics)
    assert len(table.rows) == 40
    assert not large.products.by_metric  # nothing was made ready for the other points


def test_a_file_of_any_length_is_written_from_pieces_that_do_not_grow(large: DesignSpace) -> None:
    with at_most(300):
        for piece in islice(pieces(large, metrics=["macs"]), 2):
            assert prod(piece.shape) <= MEBIBYTE


@pytest.mark.parametrize("period", [2, 8, 1000])
def test_a_window_needs_no_more_values_than_it_has(period: int) -> None:
    """Every other value cannot be built: all those are alike, and lie far apart."""
    kinds = np.where(np.arange(10_000) % period == 1, 1, np.arange(10_000) // 4 + 2)
    axis = Distinct(kinds, worth=1.1)
    for low in range(0, 10_000, 997):
        found = axis.within(slice(low, low + 5))
        needed = np.arange(len(axis.firsts))[found.needed]
        assert len(needed) <= 5
        places = needed if found.positions is None else needed[found.positions]
        assert (kinds[axis.firsts[places]] == kinds[low : low + 5]).all()
