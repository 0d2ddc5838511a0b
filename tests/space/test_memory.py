"""What is held of a grid does not grow with its points: the sentences of docs/scale.md, counted in bytes."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.limits import posix, process
from helpers.paths import ROOT
from helpers.specs import written

import convcost
from convcost import UsageError
from convcost.core.dims import Array
from convcost.deploy.arena import asked
from convcost.deploy.lowered import lowered
from convcost.deploy.runtime import Deployment
from convcost.devices.stored import find
from convcost.memory.lifetimes import met
from convcost.networks.load import load
from convcost.space import axes, build, extrapolated, fit, kinds, numbers, space, sweep, tally, windows
from convcost.space.evaluate import evaluate
from convcost.space.evaluate.repeats import Distinct
from convcost.space.extrapolated import how_many
from convcost.space.kinds import kinds_along
from convcost.space.open import design_space
from convcost.space.space import DesignSpace
from convcost.space.sweep import pieces, sweep_table
from convcost.space.target import Target

MEBIBYTE = 2**20
PAGE = (ROOT / "docs/scale.md").read_text(encoding="utf-8")


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


@posix
def test_the_command_of_the_page_takes_what_the_page_says(tmp_path: Path) -> None:
    (words,) = re.findall("`convcost (sweep .*--over classes=1:1000)`", PAGE)
    ended = process(tmp_path, *words.split())
    assert ended.status == 0
    (most,) = re.findall("it takes less than\\n([0-9]+) MiB", PAGE)
    assert ended.bytes < int(most) * MEBIBYTE


def test_a_file_of_any_length_is_written_from_pieces_that_do_not_grow(large: DesignSpace) -> None:
    (most,) = re.findall("The pieces that .* take less than ([0-9]+) MiB", PAGE)
    with at_most(int(most)):
        for piece in islice(pieces(large, metrics=["macs"]), 2):
            assert prod(piece.shape) <= MEBIBYTE


def test_parts_of_a_long_grid_are_built_with_so_many_numbers_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    axes = {"width": "0.1:4:0.1", "resolution": "32:71"}
    whole = design_space("mobilenet_v1", {}, over=axes)
    made = []

    class Counted(numbers._Part):
        def count(self, array: Array) -> None:
            made.append((self, array.size))
            super().count(array)

    monkeypatch.setattr(numbers, "_Part", Counted)
    monkeypatch.setattr(numbers, "MOST_MADE", 25_000)
    parts = design_space("mobilenet_v1", {}, over=axes)
    assert len(whole.regions) == 1 < len(parts.regions)
    tried = {id(part): part for part, _ in made}
    assert all(part.made <= 25_000 + 40 for part in tried.values())
    assert len(tried) < 2 * len(parts.regions)  # what was too large is not tried again
    for metric in whole.metrics:
        assert (evaluate(whole, metric) == evaluate(parts, metric)).all()


def test_tables_over_several_axes_at_once_are_refused_before_they_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The channels are one table over both axes, of 100 × 100 numbers of 8 bytes."""
    text = """
        knobs: {a: 1, b: 1}
        input: [8, 8, 3]
        layers:
          - conv2d: {channels: 1 + a * b // 7, kernel: 1}
    """
    axes = {"a": "1:100", "b": "1:101"}
    path = str(written(tmp_path, text))
    monkeypatch.setattr(space, "MOST_TABLES", 2**20)
    assert design_space(path, {}, over=axes).regions[0].held > 80_000
    monkeypatch.setattr(space, "MOST_TABLES", 80_000)
    with pytest.raises(UsageError, match="are tables of more than 0 MiB: give fewer values, of b above all"):
        design_space(path, {}, over=axes)


def test_grids_of_too_many_structures_are_refused_before_most_are_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ", ".join(f"w{i}" for i in range(60))
    text = f"""
        knobs: {{n: 1, a: {{default: w0, choices: [{words}]}}, b: {{default: w0, choices: [{words}]}}}}
        input: [8, 8, 3]
        layers:
          - {{conv2d: {{channels: 4, kernel: 1}}, repeat: n}}
    """
    path = str(written(tmp_path, text))
    monkeypatch.setattr(build, "MOST_STRUCTURES", 50)
    monkeypatch.setattr(build, "_at", lambda *_: pytest.fail("one was built"))
    with pytest.raises(UsageError, match="have more than 50 structures, each of which is built by itself"):
        design_space(path, {}, over={"a": words, "b": words})
    monkeypatch.undo()
    monkeypatch.setattr(build, "MOST_STRUCTURES", 50)
    with pytest.raises(UsageError, match="have more than 50 structures"):
        design_space(path, {}, over={"n": "3:60"}, memory_policy="training")
    monkeypatch.undo()
    monkeypatch.setattr(tally, "MOST_LAYERS", 3 + 4 + 5)  # of n = 3, 4 and 5; the fourth network is too much
    assert len(design_space(path, {}, over={"n": "3:5"}, memory_policy="training").regions) == 3
    with pytest.raises(UsageError, match="have more than 12 layers that are built one by one: give fewer values"):
        design_space(path, {}, over={"n": "3:6"}, memory_policy="training")


#: What ends a network of a conv2d, a relu and n further conv2d -> the layers that three networks of n 1 to 3 take.
LATE = {
    "nothing": ("", 2 + (3 + 4 + 5)),  # the two in front, before the repeats split the grid, and each network by itself
    "what nobody can build": (
        "- conv2d: {channels: 4, kernel: 1, groups: 3}",
        2 + 2 * (3 + 4 + 5),
    ),  # again for the reason
}


@pytest.mark.parametrize("end", LATE)
def test_layers_are_counted_as_they_are_built_whatever_becomes_of_the_network(
    end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last, layers = LATE[end]
    text = f"""
        knobs: {{n: 1}}
        input: [8, 8, 3]
        layers:
          - conv2d: {{channels: 4, kernel: 1}}
          - relu
          - {{conv2d: {{channels: 4, kernel: 1}}, repeat: n}}
          {last}
    """
    path = str(written(tmp_path, text))
    monkeypatch.setattr(tally, "MOST_LAYERS", layers)
    found = design_space(path, {}, over={"n": "1:3"}, memory_policy="training")
    assert [bool(one.costs) for one in found.regions] == [not last] * 3
    monkeypatch.setattr(tally, "MOST_LAYERS", layers - 1)
    with pytest.raises(UsageError, match=f"have more than {layers - 1} layers that are built one by one: give fewer"):
        design_space(path, {}, over={"n": "1:3"}, memory_policy="training")


def test_kernels_are_counted_as_they_are_planned_unless_the_grid_has_as_many_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Networks of 1 to 3 group norms of as many kernels each, a RESHAPE and a FULLY_CONNECTED: to the last kernel of the third."""
    text = """
        knobs: {n: 1, classes: 10}
        input: [8, 8, 4]
        layers:
          - {group_norm: {groups: 2}, repeat: n}
          - flatten
          - linear: {channels: classes}
    """
    path = str(written(tmp_path, text))
    norm = len(lowered(load(path).walked, "fp32").kernels) - 2
    kernels = (1 + 2 + 3) * norm + 3 * 2
    target = Target(Deployment(dtype="fp32"))
    monkeypatch.setattr(tally, "MOST_KERNELS", kernels)
    assert len(design_space(path, {}, over={"n": "1:3"}, target=target).regions) == 3
    monkeypatch.setattr(tally, "MOST_KERNELS", kernels - 1)
    with pytest.raises(
        UsageError, match=f"have more than {kernels - 1} kernels that are planned one by one: give fewer"
    ):
        design_space(path, {}, over={"n": "1:3"}, target=target)
    assert len(design_space(path, {}, over={"n": "1:3", "classes": "1:100"}, target=target).regions) == 3


def test_pairs_of_buffers_are_counted_at_every_point(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of fewer than a thousand points counts as one of a thousand."""
    target = Target(Deployment())
    program = lowered(load("lenet5").walked, "int8")
    pairs = met(asked(program, Deployment()).buffers)
    for points, counted in ((10, 1_000), (1_500, 1_500)):
        monkeypatch.setattr(tally, "MOST_MET", pairs * counted)
        assert design_space("lenet5", {}, over={"classes": f"1:{points}"}, target=target).regions
        monkeypatch.setattr(tally, "MOST_MET", pairs * counted - 1)
        with pytest.raises(
            UsageError, match=f"and {pairs} pairs of its buffers are alive together; over the whole grid"
        ):
            design_space("lenet5", {}, over={"classes": f"1:{points}"}, target=target)


def test_a_grid_whose_tables_are_too_large_is_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a million widths each layer has a table of eight million bytes; its miniature has three of each axis."""
    sizes: list[int] = []

    def noted(*asked: Any) -> Any:
        sizes.append(max(map(len, asked[2].values())))
        return build.parts(*asked)

    monkeypatch.setattr(space, "parts", noted)
    axes = {"width": "0.001:1000:0.001", "resolution": "224:100000", "classes": "1:10"}
    with pytest.raises(UsageError, match="are tables of more than 256 MiB: give fewer values, of width above all"):
        design_space("mobilenet_v1", {}, over=axes)
    assert sizes == [3]
    design_space("mobilenet_v1", {}, over={"width": "0.001:1000:0.01"})
    assert sizes == [3, 3, 100_000]


def test_kinds_are_the_same_however_few_numbers_are_compared_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    columns = [random.integers(0, 3, 200) for _ in range(5)] + [random.integers(0, 2, 200).astype(object) * 2**70]
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    expected = [list(dict.fromkeys(rows)).index(row) for row in rows]
    for most in (1, 500, 2**22):
        monkeypatch.setattr(kinds, "_AT_ONCE", most)
        assert kinds_along(0, iter(columns), 200).tolist() == expected


def test_extrapolated_points_are_counted_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    axes = {"width": "0.5:2:0.5", "resolution": "32:352:64"}
    made = design_space("mobilenet_v2", {}, over=axes, device=find("rk3399_ncnn_1t"))
    assert how_many(made)
    monkeypatch.setattr(extrapolated, "MOST_COUNTED", 23)
    assert how_many(made) is None  # 4 · 6 points, no two of which are alike
    notes = dict(sweep_table(made, ["latency_ms"]).notes)
    assert notes["~"].endswith("so many points, 24, are not counted")


def test_what_looks_at_every_point_refuses_a_large_grid_before_it_builds_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_at", lambda *_: pytest.fail("a part was built"))
    axes = {"resolution": "1:100000", "width": "0.1:100:0.1"}
    with pytest.raises(UsageError, match="fit looks at every point; 100,000,000 are more than 20,000,000"):
        convcost.fit("mobilenet_v2", max_macs="300M", over=axes)
    with pytest.raises(UsageError, match=r"^100,000,000 points need [0-9,]+ bytes at once; read them in pieces"):
        convcost.sweep("mobilenet_v2", axes)


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


def test_the_bounds_are_those_that_the_page_states() -> None:
    """docs/scale.md, row by row."""
    rows = [line.split("|")[2] for line in PAGE.splitlines() if line.startswith("| ")]
    stated = [row for row in rows if any(map(str.isdigit, row))][-12:]
    assert stated == [
        f" 10^{len(str(axes.MOST_VALUES)) - 1} ",
        f" 10^{len(str(axes.MOST_POINTS)) - 1} ",
        f" 2^{numbers.MOST_MADE.bit_length() - 1}, {numbers.MOST_MADE * 8 // MEBIBYTE} MiB ",
        f" {build.MOST_STRUCTURES:,} ",
        f" {tally.MOST_LAYERS:,} ",
        f" {tally.MOST_KERNELS:,} ",
        f" {tally.MOST_MET // 10**9} · 10^9 ",
        f" {space.MOST_TABLES // MEBIBYTE} MiB ",
        f" 2^{windows.PIECE.bit_length() - 1} points ",
        f" {sweep.MOST_HELD // 2**30} GiB ",
        f" {fit.MOST_FITTED // 10**7} · 10^7 ",
        f" 2^{extrapolated.MOST_COUNTED.bit_length() - 1} distinct ",
    ]
    powers = (axes.MOST_VALUES, axes.MOST_POINTS, numbers.MOST_MADE, windows.PIECE, extrapolated.MOST_COUNTED)
    assert powers == (10**6, 10**13, 2**25, 2**20, 2**25)


@pytest.mark.parametrize(("limit", "rows"), [(10, 4), (4_096, 4), (30_000, 30), (10**9, 1048)])
def test_the_first_rows_are_found_in_windows_as_large_as_they_are(
    monkeypatch: pytest.MonkeyPatch, limit: int, rows: int
) -> None:
    """Of 2,000 by 1,000 points: at least 4,096 at once, and no more than a piece has, 2^20."""
    made = design_space("mobilenet_v1", {}, over={"resolution": "224:2223", "classes": "1:1000"})
    found, alone = [], sweep._alone

    def seen(made: DesignSpace, window: windows.Window, metrics: Sequence[str]) -> sweep.Sweep:
        found.append(window)
        return alone(made, window, metrics)

    monkeypatch.setattr(sweep, "_alone", seen)
    first = [*islice(sweep.first_records(made, ["params"], limit), 3)]
    assert [record["classes"] for record in first] == [1, 2, 3]
    assert found == [(slice(0, rows), slice(0, 1000))]
