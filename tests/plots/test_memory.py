"""The timeline of memory, drawn: bands, their colours, and what is said of the peak."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

import convcost
from convcost.plots import memory_timeline, svg


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
        assert len(figure.data) == len(usage.lives.tensors)
        writers = sorted(tensor.first for tensor in usage.lives.tensors)
        for trace, tensor, size in zip(figure.data, usage.lives.tensors, usage.sizes, strict=True):
            points = list(zip(trace.x, trace.y, strict=True))
            doubled = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(points))
            columns = sum(tensor.first <= at <= tensor.last for at in writers)
            assert abs(doubled) / 2 == size * columns

    def test_limit_and_arena_are_drawn_where_they_say_something(self) -> None:
        network = convcost.load("densenet121")
        usage = network.memory("inplace")
        assert usage.needed > usage.peak
        figure = memory_timeline(network.report(), usage, limit=10**6)
        assert sorted(shape.y0 for shape in figure.layout.shapes) == sorted([10**6, usage.needed])


def test_colours_either_differ_or_have_no_legend() -> None:
    for name in ("lenet5", "mobilenet_v2", "resnet50"):
        network = convcost.load(name)
        figure = memory_timeline(network.report(), network.memory())
        shown = {trace.name: trace.fillcolor for trace in figure.data}
        if figure.layout.showlegend and any(trace.showlegend for trace in figure.data):
            assert len(set(shown.values())) == len(shown)
        else:
            assert len(set(shown.values())) == 3  # input, and two tones that take turns


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
