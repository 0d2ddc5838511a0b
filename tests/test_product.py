"""A grid multiplied out block by block equals its tables summed term by term, whatever the regions, window and sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.grid import factors, product, repeats
from convcost.grid.build import Request
from convcost.grid.evaluate import at_points, empty, evaluate, feasible
from convcost.grid.tables import Region, Tables, Term


def table(draw, shape, largest):
    """A table along some axes; often with repeats, as rounding makes them."""
    axes = draw(st.sets(st.sampled_from(range(len(shape))), min_size=1, max_size=2))
    sizes = [size if axis in axes else 1 for axis, size in enumerate(shape)]
    values = draw(st.lists(st.integers(0, largest), min_size=1, max_size=int(np.prod(sizes))))
    spread = np.resize(np.repeat(np.array(values, dtype=object), draw(st.integers(1, 4))), sizes)
    return spread.astype(np.int64) if spread.max(initial=0) < 2**63 else spread


@st.composite
def grids(draw):
    """A grid cut into regions by axis after axis, some of which cannot be built."""
    shape = draw(st.lists(st.integers(1, 7), min_size=1, max_size=4))
    largest = draw(st.sampled_from([3, 10**4, 2**40, 2**70]))
    boxes = [tuple(np.arange(size) for size in shape)]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(boxes) - 1))
        axis = draw(st.integers(0, len(shape) - 1))
        chosen = np.array([draw(st.booleans()) for _ in boxes[at][axis]])
        if chosen.any() and not chosen.all():
            whole = boxes.pop(at)
            boxes += [(*whole[:axis], whole[axis][some], *whole[axis + 1 :]) for some in (chosen, ~chosen)]
    regions = []
    for box in boxes:
        size = tuple(map(len, box))
        sums = [
            tuple(
                Term(draw(st.integers(0, 5)), tuple(table(draw, size, largest) for _ in range(draw(st.integers(0, 2)))))
                for _ in range(draw(st.integers(0, 4)))
            )
            for _ in range(draw(st.integers(1, 3)))
        ]
        broken = draw(st.integers(0, 5)) == 0
        regions.append(Region(box, {} if broken else {"macs": tuple(sums)}, "cannot be built" if broken else ""))
    axes = {f"axis{i}": tuple(range(size)) for i, size in enumerate(shape)}
    window = tuple(
        slice(low, draw(st.integers(low + 1, size))) for size in shape for low in [draw(st.integers(0, size - 1))]
    )
    return Tables("some", {}, axes, tuple(regions), {}, Request(1, "fp32", "fused")), window


@pytest.mark.parametrize(
    ("block", "kept", "matrix", "plane"),
    [(2**17, 2**20, 2**18, 2**16), (2**17, 2**20, 2**18, 1), (8, 0, 4, 1), (64, 0, 2**18, 1)],
)
@settings(max_examples=100, deadline=None)
@given(made=grids())
def test_every_window_equals_the_sum_of_terms(made, block, kept, matrix, plane):
    grid, window = made
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(product, "BLOCK", block)
        patch.setattr(factors, "_KEPT", kept)
        patch.setattr(factors, "_PRODUCT", matrix)
        patch.setattr(repeats, "_PLANE", plane)
        found = evaluate(grid, "macs", window)
        whole = empty(grid, "macs")
        whole.fill(-1)
        assert evaluate(grid, "macs", out=whole) is whole
    points = np.indices(grid.shape).reshape(len(grid.shape), -1)
    right = np.array([value or 0 for value in at_points(grid, "macs", points)], dtype=object).reshape(grid.shape)
    assert np.array_equal(whole.astype(object), right)
    assert np.array_equal(found.astype(object), right[window])
    assert all(isinstance(value, int) for value in found.ravel().tolist())


def test_a_window_may_leave_its_ends_open_or_be_empty():
    from convcost.grid.sweep import design_space

    made = design_space("lenet5", {}, over={"resolution": "32:41"})
    whole = evaluate(made, "macs")
    for part in (slice(None), slice(2, None), slice(-3, 99), slice(4, 2)):
        assert evaluate(made, "macs", (part,)).tolist() == whole[part].tolist()
        assert feasible(made, (part,)).shape == whole[part].shape
