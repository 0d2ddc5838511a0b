"""A grid multiplied out block by block equals its tables summed term by term, whatever the regions, window and sizes."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convcost
from convcost.space.build import Request
from convcost.space.evaluate import at_points, empty, evaluate, factors, feasible, product, repeats, threads
from convcost.space.evaluate.factors import Factors, low_bits
from convcost.space.open import design_space
from convcost.space.space import DesignSpace, Region, TableTerm


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
                TableTerm(
                    draw(st.integers(0, 5)), tuple(table(draw, size, largest) for _ in range(draw(st.integers(0, 2))))
                )
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
    return DesignSpace("some", {}, axes, tuple(regions), {}, Request(1, "fp32", "fused")), window


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


def test_what_is_made_ready_travels_with_a_space_but_no_part_of_it_takes_it_over():
    made = design_space("lenet5", {}, over={"resolution": "32:41", "classes": [2, 3]})
    evaluate(made, "macs")
    assert [*made.products.by_metric] == ["macs"]
    assert [*pickle.loads(pickle.dumps(made)).products.by_metric] == ["macs"]
    part = made.taken([np.array([0, 2]), np.array([1])])
    for other in (part, made.only(["params"])):
        assert not other.products.by_metric
    assert evaluate(part, "macs").tolist() == evaluate(made, "macs")[np.ix_([0, 2], [1])].tolist()


def test_a_window_may_leave_its_ends_open_or_be_empty():
    from convcost.space.open import design_space

    made = design_space("lenet5", {}, over={"resolution": "32:41"})
    whole = evaluate(made, "macs")
    for part in (slice(None), slice(2, None), slice(-3, 99), slice(4, 2)):
        assert evaluate(made, "macs", (part,)).tolist() == whole[part].tolist()
        assert feasible(made, (part,)).shape == whole[part].shape


NEGATIVE = """
convcost: 1
name: negative
input: [4, 4, 3]
knobs: {a: 1, b: 1, c: 1}
layers:
  - conv2d: {channels: 1000 + (5 - a) * b + (a - 4) * c, kernel: 1}
  - conv2d: {channels: 1, kernel: 1}
  - conv2d: {channels: b, kernel: 1}
  - conv2d: {channels: b, kernel: 1}
  - conv2d: {channels: c, kernel: 1}
  - conv2d: {channels: c, kernel: 1}
  - conv2d: {channels: 1, kernel: 1}
"""


def test_tables_with_negative_numbers_are_not_taken_for_sums_of_others(tmp_path):
    """(5 - a) + (a - 4) is the constant 1: of numbers that cancel, partial sums would pass 2^53."""
    path = tmp_path / "negative.yaml"
    path.write_text(NEGATIVE)
    found = convcost.sweep(str(path), a="1:8", b="1:30", c="1:29").params
    a, b, c = np.ogrid[1:9, 1:31, 1:30]
    channels = [3, 1000 + (5 - a) * b + (a - 4) * c, 1, b, b, c, c, 1]
    assert np.array_equal(found, sum((before + 1) * after for before, after in pairwise(channels)))


def test_profiles_that_differ_beyond_the_rows_looked_at_stay_apart():
    first, second = np.arange(1.0, 1001), np.arange(1.0, 1001) ** 2
    near = first + second
    near[501] += 1
    columns, shares = factors.fewest(np.stack([first, second, first + second, near], axis=1))
    assert columns.shape == (1000, 3)
    assert np.array_equal(columns @ shares.T, np.stack([first, second, first + second, near], axis=1))
    assert shares.min() == 0


def test_a_difference_is_no_sum():
    first, second = np.array([1.0, 2, 3, 4]), np.array([5.0, 7, 11, 13])
    columns, _ = factors.fewest(np.stack([first, second, 2 * second - first], axis=1))
    assert columns.shape == (4, 3)
    columns, _ = factors.fewest(np.stack([first, second, 2 * second + first], axis=1))
    assert columns.shape == (4, 2)


def test_an_array_to_write_into_has_to_be_as_empty_gives_it():
    made = design_space("mobilenet_v2", {}, over={"width": "0.5:1:0.25", "resolution": [96, 128]})
    for dtype in (object, np.int32, np.float64, ">i8"):
        with pytest.raises(TypeError, match="macs are of int64 here"):
            evaluate(made, "macs", out=np.zeros(made.shape, dtype=dtype))


class TestThreads:
    """Threads beside the one that asks: `on_threads` runs a function on all of them."""

    def test_all_are_waited_for(self):
        done = []
        main = threading.get_ident()

        def run():
            if threading.get_ident() != main:
                time.sleep(0.05)
            done.append(threading.get_ident())

        with two_threads():
            threads.on_threads(run, 2)
        assert len(done) == len({*done}) == 2

    def test_an_error_of_another_thread_is_raised_here(self):
        main = threading.get_ident()

        def run():
            if threading.get_ident() != main:
                raise ValueError("there")

        with two_threads(), pytest.raises(ValueError, match="there"):
            threads.on_threads(run, 2)

    def test_an_error_here_waits_for_the_others(self):
        main, ended = threading.get_ident(), []

        def run():
            if threading.get_ident() == main:
                raise KeyboardInterrupt
            time.sleep(0.05)
            ended.append(1)

        with two_threads(), pytest.raises(KeyboardInterrupt):
            threads.on_threads(run, 2)
        assert ended == [1]

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
    def test_a_fork_has_threads_of_its_own(self):
        made = design_space(
            "efficientnet", {}, over={"resolution": "32:231", "width": "0.25:2:0.01", "depth": "1:2:0.1"}
        )
        right = evaluate(made, "macs").sum()
        code = "import os, sys\nfrom convcost.space.evaluate import evaluate\nfrom convcost.space.open import design_space\n"
        code += "made = design_space('efficientnet', {}, over={'resolution': '32:231', 'width': '0.25:2:0.01', 'depth': '1:2:0.1'})\n"
        code += "evaluate(made, 'macs')\nchild = os.fork()\nos.write(1, b'%d\\n' % evaluate(made, 'macs').sum())\n"
        code += "if child: sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\nos._exit(0)"
        done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, timeout=60, check=True)
        assert done.stdout.split() == [b"%d" % right] * 2

    def test_several_may_ask_at_once(self):
        made = design_space(
            "efficientnet", {}, over={"resolution": "32:231", "width": "0.25:2:0.01", "depth": "1:2:0.1"}
        )
        right = evaluate(made, "macs")
        with ThreadPoolExecutor(6) as pool:
            assert all(np.array_equal(one, right) for one in pool.map(lambda _: evaluate(made, "macs"), range(12)))


@contextmanager
def two_threads():
    """Two threads, however many cores there are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "thread_count", lambda: 2)
        patch.setattr(threads, "_HELPERS", [threads._Helpers()])
        yield


def test_products_of_halves_are_exact_up_to_63_bits() -> None:
    random = np.random.default_rng(7)
    for bits in range(1, 43, 3):
        rows = random.integers(0, 2**bits, (7, 5))
        most = (2**63 - 1) // max(1, int(rows.sum(axis=1).max()))
        columns = random.integers(0, most, (1, 5, 4), endpoint=True)
        columns[0, :, 0] = most
        halved = low_bits(rows, columns)
        assert halved >= 10
        factors = Factors(rows, columns, [])
        found = np.empty((7, 4), dtype=np.int64)
        factors.write(0, slice(0, 7), found)
        expected = [
            [sum(a * b for a, b in zip(row, column)) for column in columns[0].T.tolist()] for row in rows.tolist()
        ]
        assert found.tolist() == expected


def test_products_of_negative_or_huge_numbers_are_not_halved() -> None:
    ones = np.ones((1, 1, 1), dtype=np.int64)
    assert low_bits(np.array([[-1]]), ones) == low_bits(np.array([[2**44]]), ones) == 0
    assert low_bits(np.array([[1.0]]), ones) == 0
