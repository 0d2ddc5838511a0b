"""Layers under the roofs of a device, and time beside MACs: every number by hand, nothing clipped, no name on another."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from functools import cache

import pytest
from helpers.letters import clipped, overlapping, struck

from convcost import Latencies, UsageError, latencies, latency, plots
from convcost.devices.device import Device, Errors, Roofline
from convcost.render.palette import LIGHT

#: A MAC takes a picosecond, a byte 8 of them, a kernel a microsecond.
ROOF = Roofline("roof", {"fp32": 10**12}, 125 * 10**9, overhead=10**9)
FITTED = Device(
    "fitted",
    {
        **dict.fromkeys(("direct", "pointwise", "depthwise", "vector"), 1000),
        "winograd": 2000,
        "activations": 40_000,
        **dict.fromkeys(
            ("im2col", "winograd_transform", "weights", "elementwise", "moved", "exponentials", "kernels"), 1
        ),
    },
    Errors(0.1, 0.2, 0.3, 9),
    (),
)


@cache
def both() -> Latencies:
    return latencies(["resnet18", "efficientnet_b0"], [ROOF])


def test_a_point_is_where_its_layer_is() -> None:
    # MobileNetV1's pointwise layers at 14×14×512: 51,380,224 MACs in 1,851,392 bytes, five of them.
    figure = plots.roofline_figure([latency("mobilenet_v1", ROOF)])
    (trace,) = [one for one in figure.data if one.name == "pointwise"]
    at = next(
        i for i, tip in enumerate(trace.hovertext) if tip.startswith("stage7.block1.pointwise.conv2d and 4 alike")
    )
    assert trace.x[at] == 51_380_224 / 1_851_392
    seconds = 51_380_224 * 1e-12 + 1e-6  # its MACs take longer than its bytes: 27.8 MACs a byte, of 8
    assert trace.y[at] == pytest.approx(51_380_224 / seconds)


def test_areas_are_times() -> None:
    figure = plots.roofline_figure([latency("mobilenet_v1", ROOF)])
    (trace,) = [one for one in figure.data if one.name == "depthwise"]
    # At 112×112×32 and at 56×56×128, stride 1: 8 ps a byte, twice the map and 9 weights a channel, and a microsecond.
    first, second = ((2 * side * side * c * 4 + 9 * c * 4) * 8e-12 + 1e-6 for side, c in ((112, 32), (56, 128)))
    sizes = {tip.partition("<br>")[0]: size for tip, size in zip(trace.hovertext, trace.marker.size)}
    ratio = (sizes["stage3.block1.depthwise.conv2d"] / sizes["stage1.block1.depthwise.conv2d"]) ** 2
    assert ratio == pytest.approx(second / first, rel=0.02)


def test_the_roofs_of_a_datasheet_meet_at_its_ridge() -> None:
    figure = plots.roofline_figure([latency("mobilenet_v1", ROOF)])
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    flat, slope = lines
    assert flat.y[0] == flat.y[1] == pytest.approx(10**12)
    assert flat.x[0] == pytest.approx(8)
    assert slope.x[1] == pytest.approx(8)
    assert slope.y[1] == pytest.approx(10**12)
    assert all(y == pytest.approx(125e9 * x) for x, y in zip(slope.x, slope.y))
    assert [trace.name for trace in lines] == ["fp32 1,000 MAC/ns", "125 GB/s"]


def test_no_point_is_above_a_roof_of_a_datasheet() -> None:
    for one in both():
        for trace in plots.roofline_figure([one]).data:
            if trace.mode == "markers":
                assert all(y <= min(1e12, 125e9 * x) * 1.000001 for x, y in zip(trace.x, trace.y))


def test_the_roofs_of_a_calibrated_device_are_the_rates_of_its_kernels() -> None:
    figure = plots.roofline_figure([latency("resnet18", FITTED)])
    texts = {trace.name for trace in figure.data if trace.mode == "lines"}
    # 1,000 fs a MAC are 1,000 MACs in a nanosecond; a multiplication of Winograd's stands for four; 4 bytes in 40 ps.
    assert texts == {
        "direct, pointwise, vector 1,000 MAC/ns",
        "winograd (effective) 2,000 MAC/ns",
        "activations 100 GB/s",
    }
    title = figure.layout.title.text
    assert "beside the rates of fitted" in title
    assert "roof" not in title
    assert "under the roofs of roof" in plots.roofline_figure([both()[0]]).layout.title.text


def test_lines_of_different_rates_are_apart() -> None:
    slow = Device("slow", {**FITTED.coefficients, "pointwise": 4000, "vector": 500}, FITTED.error, ())
    texts = {trace.name for trace in plots.roofline_figure([latency("resnet18", slow)]).data if trace.mode == "lines"}
    # The multiplications of Winograd's algorithm stand for four MACs, and take two of those of a linear layer.
    assert texts >= {"direct 1,000 MAC/ns", "pointwise 250 MAC/ns", "winograd (effective), vector 2,000 MAC/ns"}


def test_several_networks_have_a_series_each_and_one_device() -> None:
    figure = plots.roofline_figure(both())
    assert [trace.name for trace in figure.data if trace.mode == "markers"] == ["resnet18", "efficientnet_b0"]
    with pytest.raises(UsageError, match="of one device"):
        plots.roofline_figure(latencies(["lenet5"], [ROOF, FITTED]))


def test_bars_hold_exact_shares_of_macs_and_time() -> None:
    figure = plots.kinds_figure(both())
    ends = {}
    for trace in figure.data:
        for name, start, length in zip(trace.y, trace.base, trace.x):
            assert start == pytest.approx(ends.get(name, 0))
            ends[name] = start + length
    resnet, efficient = both()
    slowest = max(resnet.femtoseconds, efficient.femtoseconds)
    macs = {one.report.network: one.report.totals.macs for one in both()}
    assert ends == {
        "resnet18: MACs": pytest.approx(100),
        "resnet18: time": pytest.approx(100 * resnet.femtoseconds / slowest),
        "efficientnet_b0: MACs": pytest.approx(100 * macs["efficientnet_b0"] / macs["resnet18"]),
        "efficientnet_b0: time": pytest.approx(100 * efficient.femtoseconds / slowest),
    }
    texts = sorted(text for trace in figure.data for text in trace.text if text)
    assert len(texts) == 4
    assert "1.81 G" in texts


def test_devices_have_a_bar_of_time_each() -> None:
    figure = plots.kinds_figure(latencies(["lenet5"], [ROOF, FITTED]))
    names = list(dict.fromkeys(name for trace in figure.data for name in trace.y))
    assert sorted(names) == ["lenet5: MACs", "lenet5: time on fitted", "lenet5: time on roof"]


@pytest.mark.parametrize("picture", ["roofline", "kinds", "calibrated"])
def test_a_picture_is_well_formed_and_its_words_can_be_read(picture: str) -> None:
    figure = {
        "roofline": lambda: plots.roofline_figure([both()[1]]),
        "kinds": lambda: plots.kinds_figure(both()),
        "calibrated": lambda: plots.roofline_figure([latency("resnet18", FITTED)]),
    }[picture]()
    for width in (1000, 760, 350):
        text = plots.svg(figure, width=width)
        ET.fromstring(text)
        assert "NaN" not in text
        assert clipped(text) == []
        assert overlapping(text) == []
        assert struck(text) == []


def test_dark_pictures_have_no_light_colour_left() -> None:
    for figure in (plots.roofline_figure([both()[1]]), plots.kinds_figure(both())):
        text = str(plots.dark(figure).to_plotly_json()["data"]).lower()
        assert not any(color in text for color in (LIGHT.ink, LIGHT.muted, *LIGHT.series, *LIGHT.families))


def test_every_kind_has_a_colour_of_its_own() -> None:
    from convcost.networks.latency import KINDS
    from convcost.plots.roofline import COLORS

    assert {*COLORS} == {*KINDS}
    assert len({*COLORS.values()}) == len(KINDS)


def test_a_network_that_multiplies_nothing_has_no_roofline(tmp_path) -> None:
    path = tmp_path / "pool.yaml"
    path.write_text("convcost: 1\nname: pool\ninput: [8, 8, 3]\nlayers:\n  - max_pool: {kernel: 2, stride: 2}\n")
    with pytest.raises(UsageError, match="no layer multiplies"):
        plots.roofline_figure([latency(str(path), ROOF)])
    assert math.isclose(latency(str(path), ROOF).ms, (4 * (192 + 48) * 8e-12 + 1e-6) * 1000)
