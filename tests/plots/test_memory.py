"""The timeline of memory, drawn: bands, their colours, and what is said of the peak."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from helpers.paths import SPECS
from helpers.specs import spec

import convcost
from convcost import plots
from convcost.core.errors import UsageError
from convcost.plots import memory_timeline, svg
from convcost.plots.bands import columns, outline, stacked


class TestPicture:
    @pytest.mark.parametrize(
        ("model", "policy"),
        [("mobilenet_v2", "fused"), ("googlenet", "concat_alias"), ("resnet18", "training"), ("lenet5", "largest")],
    )
    def test_the_top_of_all_bands_is_what_is_alive(self, model: str, policy: str) -> None:
        network = convcost.load(model)
        usage = network.memory(policy)
        figure = memory_timeline(network.report(), usage)
        tops: dict[float, int] = {}
        for trace in figure.data:
            for x, y in zip(trace.x, trace.y, strict=True):
                if x is not None:
                    tops[x] = max(tops.get(x, 0), y)
        assert max(tops.values()) == usage.peak
        columns = [at for at in (x + 0.5 for x in tops) if at == int(at)]
        assert len(columns) > 1

    def test_the_area_of_a_band_is_its_bytes_times_its_life(self) -> None:
        network = convcost.load("lenet5")
        usage = network.memory("unfused")  # every step writes, but for flatten
        figure = memory_timeline(network.report(), usage)
        bands = {re.match("<b>(.*?)</b>", trace.text)[1]: trace for trace in figure.data if trace.fill}
        assert len(bands) == len(usage.lives.tensors)
        writers = sorted(tensor.first for tensor in usage.lives.tensors)
        for tensor, size in zip(usage.lives.tensors, usage.sizes, strict=True):
            points = list(zip(bands[tensor.name].x, bands[tensor.name].y, strict=True))
            doubled = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(points))
            columns = sum(tensor.first <= at <= tensor.last for at in writers)
            assert abs(doubled) / 2 == size * columns

    def test_limit_and_arena_are_drawn_where_they_say_something(self) -> None:
        network = convcost.load("densenet121")
        usage = network.memory("inplace")
        assert usage.needed > usage.peak
        figure = memory_timeline(network.report(), usage, limit=10**6)
        assert sorted(shape.y0 for shape in figure.layout.shapes) == sorted([10**6, usage.needed])


def role_of(name: str, model: str, policy: str = "fused") -> str:
    network = convcost.load(model)
    figure = memory_timeline(network.report(), network.memory(policy))
    return next(trace.name for trace in figure.data if trace.fill and trace.text.startswith(f"<b>{name}</b>"))


@pytest.mark.parametrize(
    ("name", "policy", "role"),
    [
        ("input", "fused", "network input"),
        ("stage2.block1.expand.conv2d", "fused", "read by the next layer"),
        ("stage2.block1.project.conv2d", "fused", "waits for a later layer (skip, branch)"),  # until block2's sum
        ("classifier", "fused", "network output"),
        ("stage2.block1.expand.conv2d", "training", "kept for the backward pass"),
        ("stage2.block2.project.conv2d", "inplace", "written over in place"),  # by the sum with the shortcut
    ],
)
def test_the_colour_of_a_band_says_what_it_is_kept_for(name: str, policy: str, role: str) -> None:
    assert role_of(name, "mobilenet_v2", policy) == role


def test_each_role_has_one_colour_and_one_entry_of_the_legend() -> None:
    for name, policy in (("mobilenet_v2", "inplace"), ("nasnet_mobile", "fused"), ("resnet18", "training")):
        network = convcost.load(name)
        bands = [trace for trace in memory_timeline(network.report(), network.memory(policy)).data if trace.fill]
        looks = {(trace.name, trace.fillcolor) for trace in bands}
        assert len({role for role, _ in looks}) == len({color for _, color in looks}) == len(looks)
        assert sorted(trace.name for trace in bands if trace.showlegend) == sorted(role for role, _ in looks)


@pytest.mark.parametrize("width", [350, 400, 640, 960])
@pytest.mark.parametrize("name", ["lenet5", "mobilenet_v2", "vgg16"])
def test_what_is_said_of_the_peak_stands_above_it(name: str, width: int) -> None:
    network = convcost.load(name)
    drawn = svg(memory_timeline(network.report(), network.memory()), width=width, alone=False)
    box = re.search(r'<rect class="f-paper" stroke="[^"]*" x="\S+" y="(\S+)" width="\S+" height="(\S+)"', drawn)
    line = re.search(r'<path class="l-ink" d="M\S+ \S+V([^"]+)"', drawn)
    assert box
    assert line
    assert float(box[1]) + float(box[2]) <= float(line[1])


def test_the_arena_is_the_plan() -> None:
    """A rectangle per tensor, from its offset, as high as its bytes, as long as it lives; none on another."""
    network = convcost.load("googlenet")
    usage = network.memory("concat_alias")
    figure = plots.arena_plan(network.report(), usage)
    writers = sorted({tensor.first for tensor in usage.lives.tensors})
    boxes = {}
    for trace in (trace for trace in figure.data if trace.fill):
        name = re.match("<b>(.*?)</b>", trace.text)[1]
        boxes[name] = (min(trace.x), max(trace.x), min(trace.y), max(trace.y))
    for tensor, size, offset in zip(usage.lives.tensors, usage.sizes, usage.arena.offsets, strict=True):
        left, right, low, high = boxes[tensor.name]
        assert (low, high) == (offset, offset + size)
        assert right - left == sum(tensor.first <= at <= tensor.last for at in writers)
    for (a, b, c, d), (e, f, g, h) in combinations(boxes.values(), 2):
        assert not (a < f and e < b and c < h and g < d)
    assert max(high for *_, high in boxes.values()) == usage.arena.total


def test_what_has_no_arena_says_so() -> None:
    network = convcost.load("lenet5")
    with pytest.raises(UsageError, match="no arena to draw: policy largest; the timeline needs none"):
        plots.memory_figure(network.report(), network.memory("largest"), "arena")
    with pytest.raises(UsageError, match="there is no picture 'map' of memory; timeline and arena can be drawn"):
        plots.memory_figure(network.report(), network.memory(), "map")


def test_what_stays_long_does_not_move() -> None:
    """U-Net's skips lie on each other, the one that dies last at the bottom; none moves while it lives."""
    network = convcost.load(SPECS / "unet.yaml")
    figure = memory_timeline(network.report(), network.memory())
    skips = [trace for trace in figure.data if trace.fill and trace.name.startswith("waits")]
    assert len(skips) >= 3
    for trace in skips:
        assert len(set(trace.y)) == 2
    lengths = [max(trace.x) - min(trace.x) for trace in sorted(skips, key=lambda trace: min(trace.y))]
    assert lengths == sorted(lengths, reverse=True)


def test_an_edge_that_is_written_over_another_is_told() -> None:
    usage = convcost.load("resnet18").memory("inplace")
    names = {usage.lives.tensors[number].name: edges for number, edges in usage.lives.over.items()}
    assert names
    for edges in names.values():
        assert all(usage.lives.home[edge] for edge in edges)
    outputs = [usage.lives.tensors[number].name for number in usage.lives.outputs]
    assert outputs == ["fc"]


def test_names_stand_on_bands_that_hold_them() -> None:
    network = convcost.load("vgg16")
    drawn = svg(memory_timeline(network.report(), network.memory()), width=860)
    assert re.search(r"<text[^>]*>stage1\.[^<]*</text>", drawn)


def test_what_stays_where_it_is_takes_no_more_points_the_longer_it_stays(tmp_path: Path) -> None:
    """Branches that are all alive until they are joined: each band is one rectangle of five points, or moves once."""

    def points(branches: int) -> int:
        text = "input: [8, 8, 4]\nlayers:\n  - {relu: , name: r}\n"
        text += "".join(f"  - {{relu: , in: r, name: c{at}}}\n" for at in range(branches))
        text += f"  - {{concat: , in: [{', '.join(f'c{at}' for at in range(branches))}]}}\n"
        usage = spec(tmp_path, text).memory("unfused")
        return sum(len(outline(parts)["x"]) for parts in stacked(usage, columns(usage)).values())

    assert points(80) - points(40) <= 40 * 9
