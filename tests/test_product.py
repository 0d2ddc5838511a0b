"""A grid multiplied out block by block equals its tables summed term by term, whatever the regions, window and sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.grid import product
from convcost.grid.build import Request
from convcost.grid.evaluate import at_points, empty, evaluate
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


@pytest.mark.parametrize(("block", "kept", "matrix"), [(2**17, 2**20, 2**18), (8, 0, 4), (64, 0, 2**18)])
@settings(max_examples=100, deadline=None)
@given(made=grids())
def test_every_window_equals_the_sum_of_terms(made, block, kept, matrix):
    grid, window = made
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(product, "_BLOCK", block)
        patch.setattr(product, "_KEPT", kept)
        patch.setattr(product, "_PRODUCT", matrix)
        patch.setattr(product, "_KEPT_BY_THREAD", product._Kept())
        found = evaluate(grid, "macs", window)
        whole = empty(grid, "macs")
        whole.fill(-1)
        assert evaluate(grid, "macs", out=whole) is whole
    points = np.indices(grid.shape).reshape(len(grid.shape), -1)
    right = np.array([value or 0 for value in at_points(grid, "macs", points)], dtype=object).reshape(grid.shape)
    assert np.array_equal(whole.astype(object), right)
    assert np.array_equal(found.astype(object), right[window])
    assert all(isinstance(value, int) for value in found.ravel().tolist())


def test_sums_of_other_tables_are_left_out_exactly():
    """Rows as maps of 4, 9 and 16 pixels; 2·a + 3·b is a sum of others, 2·a + 3·b + 1 at one place is not."""
    a, b = np.array([4.0, 9, 16]), np.array([1.0, 1, 4])
    mixed, other = 2 * a + 3 * b, 2 * a + 3 * b + np.array([0, 0, 1])
    kept, (parts, *_) = product._independent([mixed, a, b], 3, np.float64)
    assert kept.shape == (3, 2)
    assert sum(factor * kept[:, at] for at, factor in parts).tolist() == mixed.tolist()
    kept, _ = product._independent([a, b, other], 3, np.float64)
    assert kept.shape == (3, 3)


def test_an_efficientnet_has_six_tables_of_map_sizes():
    """Five sizes of maps (1/2 to 1/32 of the image's side), and what does not depend on it."""
    from convcost.grid.sweep import design_space

    made = design_space("efficientnet", {}, over={"resolution": "64:300", "width": "1:2:0.1", "depth": "1:2:0.1"})
    (band,) = product.Product(made, "macs").bands
    assert band.sums[0].profiles.shape[1] == 6
