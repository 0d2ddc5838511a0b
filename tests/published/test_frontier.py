"""Accuracy against cost: the front against brute force, the papers' pictures, and what is left out."""

from __future__ import annotations

import csv
import io
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convcost import load, plots
from convcost.core.errors import UsageError
from convcost.core.kept import Answers
from convcost.devices.device import Device
from convcost.devices.stored import find
from convcost.networks.latency import latency
from convcost.pages.frontier import frontier_page
from convcost.plots.frontier import hover, title_of
from convcost.published.data import Measured, accuracies
from convcost.published.frontier import NO_MEMBER, frontier, frontier_table, mark_front
from convcost.published.point import COUNTED, GIVEN, PREDICTED, PRINTED, Point
from convcost.render.table import render

pytestmark = pytest.mark.usefixtures("costs_once")
HEAD = "item,model,knobs,resolution,top1,macs,convention,family"


def made(cost: int, accuracy: int | Fraction, family: str = "f") -> Point:
    row = Measured("", family, "x", "", {}, 0, str(accuracy), "", "", "", "", 0, "", "", "", "", "")
    return Point(row, Fraction(accuracy), cost, COUNTED)


def table(path: Path, *rows: str, head: str = HEAD) -> str:
    path.write_text("\n".join([head, *rows, ""]), encoding="utf-8")
    return str(path)


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=30))
def test_the_front_is_what_comparing_every_pair_gives(pairs: list[tuple[int, int]]) -> None:
    found = mark_front([made(cost, accuracy) for cost, accuracy in pairs])
    assert [p.cost for p in found] == sorted(cost for cost, _ in pairs)
    expected = {
        (c, a)
        for c, a in pairs
        if not any((d <= c and b > a) or (d < c and b >= a) for d, b in pairs)
    }  # fmt: skip
    front = [(p.cost, int(p.accuracy)) for p in found if p.front]
    assert len(front) == len(set(front))
    assert set(front) == expected


def test_accuracies_are_compared_as_they_are_printed_not_as_floats() -> None:
    """70.1 + 1/10**6 differs from 70.1 by less than float32 could tell."""
    found = mark_front([made(2, Fraction("70.100001")), made(1, Fraction("70.1"))])
    assert [point.front for point in found] == [True, True]


def test_mobilenet_v2_dominates_v1_over_their_checkpoints() -> None:
    """The picture of the MobileNetV2 paper: each V1 checkpoint is beaten by a V2 checkpoint that costs no more."""
    sources = {point.measured.source for point in frontier(family=["MobileNetV[12]"], tier=["authors"]).points}
    found = frontier(family=["MobileNetV[12]"], tier=["authors"])
    assert len(found.points) == 16 + 22, sources
    v1 = [point for point in found.points if point.measured.family == "MobileNetV1"]
    v2 = [point for point in found.points if point.measured.family == "MobileNetV2"]
    assert all(any(b.cost <= a.cost and b.accuracy > a.accuracy for b in v2) for a in v1)
    assert not any(point.front for point in v1)


def test_efficientnets_are_the_front_of_the_figure_of_their_paper() -> None:
    """arXiv 1905.11946, Table 2 and Figure 1."""
    found = frontier(source=["efficientnet"])
    names = {point.measured.item[-2:] for point in found.front if point.measured.family == "EfficientNet"}
    assert names == {f"B{i}" for i in range(8)}
    assert {point.measured.family for point in found.front} == {"EfficientNet"}


def test_costs_are_counted_at_the_resolution_of_the_evaluation() -> None:
    """Table 7 of the MobileNets paper: 569, 418, 290 and 186 million at 224, 192, 160 and 128."""
    found = frontier(family=["MobileNetV1"], source=["mobilenet_v1"])
    at = {p.measured.resolution: p.cost for p in found.points if p.measured.item.startswith("MobileNetV1 1.0-")}
    assert {size: round(cost / 1e6) for size, cost in at.items()} == {224: 569, 192: 418, 160: 291, 128: 186}


def test_a_row_is_counted_at_its_resolution_though_its_knobs_do_not_repeat_it(tmp_path: Path) -> None:
    """Table 7 of the MobileNets paper again: 569 million at 224, 290 at 160."""
    path = table(
        tmp_path / "mine.csv",
        "a,mobilenet_v1,,224,70.6,,,A",
        "b,mobilenet_v1,,160,67.2,,,A",
        "c,mobilenet_v1,resolution=160,160,67.2,,,A",
        "d,mobilenet_v1,,,70.6,,,A",
    )
    points = frontier(data=path).points
    assert {p.measured.item: p.measured.resolution for p in points} == {"a": 224, "b": 160, "c": 160, "d": 224}
    found = {p.measured.item: p.cost for p in points}
    assert (found["a"], found["b"]) == (568740352, load("mobilenet_v1", resolution=160).report().totals.macs)
    assert (found["c"], found["d"]) == (found["b"], found["a"])


def test_shipped_rows_state_the_resolution_that_they_are_counted_at() -> None:
    for point in frontier(tier=()).points[::9]:
        if point.how == COUNTED:
            report = load(point.measured.model, **point.measured.knobs).report()
            assert (report.input_shape[0], report.totals.macs) == (point.measured.resolution, point.cost)


def test_a_file_with_the_name_of_a_network_may_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("table.csv").write_text("item,top1,model\na,70,lenet5\n")
    costs = []
    for channels in (1, 2):
        text = f"convcost: 1\nname: own\ninput: [4, 4, 3]\nlayers: [{{conv2d: {{channels: {channels}, kernel: 1}}}}]\n"
        Path("lenet5").write_text(text)
        costs.append(frontier(data="table.csv").points[0].cost)
    Path("lenet5").unlink()
    costs += [frontier(data="table.csv").points[0].cost for _ in range(2)]
    assert costs == [4 * 4 * 3, 4 * 4 * 3 * 2, 416_520, 416_520]


def test_every_counted_cost_is_what_the_report_says() -> None:
    for x, field in (("params", "params"), ("peak", "peak_activation_bytes"), ("activations", "activations")):
        found = frontier(x=x, family=["MobileNetV1", "SqueezeNet"])
        for point in [point for point in found.points if point.how == COUNTED][::7]:
            report = load(point.measured.model, **point.measured.knobs).report()
            assert getattr(report.totals, field) == point.cost


def test_nothing_is_lost_between_the_file_and_the_picture() -> None:
    found = frontier(tier=(), ablations=True)
    assert len(found.points) + len(found.omitted) == len(accuracies())
    marks = [t for t in plots.frontier(found).data if t.mode == "markers" and t.hovertext]
    assert sum(len(t.x) for t in marks) == len(found.points)
    assert len({o.measured.at for o in found.omitted} | {p.measured.at for p in found.points}) == len(accuracies())


def test_a_printed_figure_stands_in_only_where_it_counts_the_same(tmp_path: Path) -> None:
    path = table(
        tmp_path / "mine.csv",
        "a,,,224,70,569,paper,A",
        "b,,,224,71,570.5,torch,A",
        "c,,,224,72,600,timm,A",
        "d,,,224,73,,,A",
        "e,mobilenet_v2,width=0.5,224,65.4,97,timm,A",
    )
    found = frontier(data=path)
    assert {p.measured.item: (p.cost, p.how) for p in found.points} == {
        "a": (569_000_000, PRINTED),
        "b": (285_250_000, PRINTED),  # half of 570.5 million FLOPs
        "e": (load("mobilenet_v2", width=0.5).report().totals.macs, COUNTED),
    }
    assert [(o.measured.item, o.why) for o in found.omitted] == [
        ("c", "not in the zoo, and its MACs are printed under another convention (timm)"),
        ("d", "not in the zoo, and no MACs are printed"),
    ]
    twice = frontier(data=path, convention="torch")
    assert {p.measured.item: p.cost for p in twice.points if p.measured.item in "ab"} == {
        "a": 1_138_000_000,
        "b": 570_500_000,
    }
    assert "as printed, converted from paper" in hover(twice, twice.points[-1])


def test_a_table_of_ones_own_is_taken_as_given_where_it_states_no_convention(tmp_path: Path) -> None:
    """The smallest table that a student has: item, top1, macs, params; a unit may stand with the number."""
    path = table(tmp_path / "mine.csv", "a,70,300,3.4", "b,72,0.6G,5", head="item,top1,macs,params")
    for options in ({"data": path}, {"add": [path], "source": ["mobilenet_v1"]}):
        found = frontier(**options)
        assert {p.measured.item: (p.cost, p.how) for p in found.points if p.how == GIVEN} == {
            "a": (300_000_000, GIVEN),
            "b": (600_000_000, GIVEN),
        }
        assert "2 as given, in a table that states no convention" in dict(frontier_table(found).notes)["cost"]
    assert {p.cost for p in frontier(data=path, x="params").points} == {3_400_000, 5_000_000}


def test_flops_are_two_to_a_multiply_accumulate_and_a_label_is_a_family(tmp_path: Path) -> None:
    path = table(
        tmp_path / "mine.csv", "a,Mine,70,600M,", "b,Mine,72,1G,paper", head="item,label,top1,flops,convention"
    )
    found = frontier(data=path)
    assert [(p.cost, p.how, p.measured.family) for p in found.points] == [
        (300_000_000, PRINTED, "Mine"),
        (1_000_000_000, PRINTED, "Mine"),
    ]


def test_what_is_published_is_not_replaced_by_what_is_added(tmp_path: Path) -> None:
    path = table(tmp_path / "mine.csv", "mine,mobilenet_v2,width=0.5,224,66,,,MobileNetV2")
    usual, more = frontier(), frontier(add=[path])
    assert [p for p in more.points if not p.yours] == [
        p._replace(front=q.front) for p, q in zip(usual.points, [p for p in more.points if not p.yours], strict=True)
    ]
    (own,) = [point for point in more.points if point.yours]
    assert (own.cost, own.how) == (load("mobilenet_v2", width=0.5).report().totals.macs, COUNTED)
    data: Any = frontier_table(more).data
    assert sum(point["yours"] for point in data["points"]) == 1


def test_where_nothing_can_be_shown_it_says_why(tmp_path: Path) -> None:
    path = table(tmp_path / "mine.csv", "a,70,3.4", head="item,top1,params")
    with pytest.raises(UsageError, match=r"none with macs and top1 \(a: not in the zoo, and no MACs are printed\)$"):
        frontier(data=path)


@pytest.mark.parametrize("word", ["MobileNetV2", "mobilenet_v2", "mobilenetv2", "Mobilenet-V2", "mobilenet*2"])
def test_a_family_is_found_however_it_is_spelled(word: str) -> None:
    assert {point.measured.family for point in frontier(family=[word]).points} == {"MobileNetV2"}


def test_a_bare_word_finds_what_contains_it() -> None:
    assert {p.measured.family for p in frontier(family=["efficient"]).points} == {
        "EfficientNet",
        "EfficientNetV2",
        "EfficientNet-Lite",
        "EfficientFormer",
        "EfficientFormerV2",
        "EfficientViT",
    }


def test_an_ablation_is_named_among_what_is_left_out() -> None:
    found = frontier(family=["MobileNetV1"], source=["mobilenet_v1"])
    assert {one.measured.item for one in found.omitted if one.why == NO_MEMBER} == {
        "MobileNetV1 Conv (full convolutions)",
        "MobileNetV1 Shallow",
    }


def test_your_own_network_stands_on_the_picture(tmp_path: Path) -> None:
    spec = tmp_path / "mine.yaml"
    spec.write_text("convcost: 1\nname: mine\ninput: [8, 8, 3]\nlayers:\n  - {conv2d: {channels: 5, kernel: 3}}\n")
    found = frontier(family=["MobileNetV1"], yours={str(spec): "72.3"})
    (own,) = [point for point in found.points if point.how == "yours"]
    assert (own.cost, own.accuracy) == (6 * 6 * 5 * 27, Fraction("72.3"))
    assert own.front
    (trace,) = [trace for trace in plots.frontier(found).data if trace.name == "mine" and trace.mode == "markers"]
    assert list(trace.x) == [4860]
    assert set(trace.marker.symbol) == {"star"}


def test_of_your_own_network_only_the_accuracy_that_you_give_is_known() -> None:
    for y, other in (("top1", "top5"), ("top5", "top1")):
        found = frontier(y=y, family=["SqueezeNet"], yours={"resnet18": "60.1"})
        (own,) = [point for point in found.points if point.how == "yours"]
        assert (getattr(own.measured, y), getattr(own.measured, other)) == ("60.1", "")
        (row,) = [
            row for row in csv.DictReader(io.StringIO(render(frontier_table(found), "csv"))) if row["tier"] == "yours"
        ]
        assert (row[y], row[other]) == ("60.1", "")


def test_selections() -> None:
    assert {p.measured.year for p in frontier(year="2015-2016").points} <= {2015, 2016}
    assert {p.measured.tier for p in frontier(tier=["paper"]).points} == {"paper"}
    assert {p.measured.family for p in frontier(family=["mobilenetv1"]).points} == {"MobileNetV1"}
    assert all(point.front for point in frontier(front_only=True).points)
    assert all(point.measured.top5 for point in frontier(y="top5").points)


def test_bounds_hold_for_points_and_front() -> None:
    every, few = frontier(), frontier(most="500M", least="70")
    within = [p for p in every.points if p.cost <= 500_000_000 and p.accuracy >= 70]
    assert 0 < len(within) < len(every.points)
    assert {(p.cost, p.name) for p in few.points} == {(p.cost, p.name) for p in within}
    assert [(p.cost, p.accuracy) for p in few.front] == [(p.cost, p.accuracy) for p in mark_front(within) if p.front]
    assert dict(frontier_table(few).notes)["selected"].endswith("macs at most 500,000,000, top1 at least 70 %")


def test_the_front_alone_has_no_column_of_stars_and_items_stand_with_their_family() -> None:
    assert "front" in frontier_table(frontier(family=["vgg"])).headers
    alone = frontier_table(frontier(front_only=True))
    assert alone.headers[:3] == ("network", "top1", "MACs")
    assert "front" not in alone.headers
    named = [row[0] for row in frontier_table(frontier(family=["vgg"], tier=())).rows]
    assert all("vgg" in name.lower() for name in named)


def test_what_is_left_out_is_named() -> None:
    found = frontier(tier=["reimplementation"], family=["DLA", "ResNet"])
    data: Any = frontier_table(found).data
    assert len(data["left_out"]) == len(found.omitted) > 0
    page = frontier_page(found)
    assert f"Left out: {len(found.omitted)}" in page
    assert all(o.measured.item in page for o in found.omitted)
    assert "left out" in render(frontier_table(found), "table")


def test_an_axis_of_bytes_reads_in_binary_and_one_of_counts_never_says_billion() -> None:
    for x, unit in (("macs", "G"), ("peak", "MiB")):
        texts = plots.frontier(frontier(x=x)).layout.xaxis.ticktext
        assert any(text.endswith(unit) for text in texts)
        assert not any("B" in text.replace("iB", "") for text in texts)


def test_an_unknown_axis_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^there is no axis 'mac'\. Did you mean macs\?$"):
        frontier(x="mac")


def test_latencies_of_one_setup_are_the_cost_and_nothing_else_is_beside_them() -> None:
    """Table 3 of the MobileNetV3 paper: V3-Large 1.0 is as accurate as MnasNet-A1 in 51 in place of 71 ms."""
    found = frontier(x="latency", setup="pixel1_2019", source=["mobilenet_v3"])
    at = {point.measured.item: point for point in found.points}
    assert (at["V3-Large 1.0"].cost, at["MnasNet-A1"].cost) == (51 * 10**12, 71 * 10**12)  # femtoseconds
    assert at["V3-Large 1.0"].front
    assert not at["MnasNet-A1"].front
    assert {point.measured.source for point in found.points} == {"mobilenet_v3"}
    assert found.setup is not None
    assert found.setup.key == "pixel1_2019"
    data = found.to_dict()
    assert data["setup"]["threads"] == 1
    assert {point["latency_ms"] for point in data["points"]} >= {51.0, 71.0, 15.8}
    assert next(row for row in frontier_table(found).rows if "MnasNet" in row[0])[2] == "71 ms"


def test_latencies_are_bounded_in_units_of_time() -> None:
    within = frontier(x="latency", setup="sd855", most="10ms")
    assert all(point.cost <= 10 * 10**12 for point in within.points)
    assert len(within.points) == 13  # of the 23: those of Paddle's table that are at most 10 ms
    with pytest.raises(UsageError, match="10M"):
        frontier(x="latency", setup="sd855", most="10M")


def test_an_accuracy_of_floats_is_none_of_an_int8_network() -> None:
    """AI Hub prints none, so that those of its float networks are cited; a quantised one is less accurate."""
    floats = frontier(x="latency", setup="s24_tflite")
    assert {point.measured.model for point in floats.points} >= {"resnet50", "mobilenet_v2"}
    assert all(point.measured.note.startswith("accuracy: ") for point in floats.points)
    with pytest.raises(UsageError, match="no accuracy of the quantised network is printed"):
        frontier(x="latency", setup="s24_tflite_int8")
    quantised = frontier(x="latency", setup="pixel3_int8", source=["mobilenet_v3"])
    assert {point.measured.top1 for point in quantised.points} == {"73.8", "70.9", "64.9", "57.2"}  # its Table 4


def test_a_latency_without_a_setup_and_a_setup_without_latency_are_refused() -> None:
    for wrong, said in (
        ({"x": "latency"}, "latency is of one setup"),
        ({"setup": "sd855"}, "a setup has latencies, and macs is counted"),
        ({"x": "latency", "setup": "sd855", "yours": {"mobilenet_v2": "72"}}, "of published networks"),
        ({"x": "latency", "setup": "sd588"}, "no published latencies of 'sd588'"),
    ):
        with pytest.raises(UsageError, match=said):
            frontier(**wrong)


def test_the_axis_names_what_was_measured_on() -> None:
    found = frontier(x="latency", setup="sd855_t4")
    drawn = plots.frontier(found)
    assert drawn.layout.xaxis.title.text == "latency on Snapdragon 855, CPU, Paddle Lite, 4 threads, fp32"
    assert {"1 ms", "10 ms"} <= set(drawn.layout.xaxis.ticktext)
    page = frontier_page(found)
    assert "latency on Snapdragon 855, CPU, Paddle Lite, 4 threads, fp32, ms" in page
    said = next(hover(found, point) for point in found.points if point.measured.item == "MobileNetV1")
    assert "10.30 ms (as printed)" in said


def test_predicted_latencies_are_those_of_the_networks_alone() -> None:
    """Networks of another kind are left out and counted."""
    found = frontier(x="latency", device="sd855", family=["MobileNetV2", "ResNet"])
    assert {point.how for point in found.points} == {PREDICTED}
    assert {point.measured.family for point in found.points} == {"MobileNetV2"}
    for point in found.points[:3]:
        network = load(point.measured.model, {**point.measured.knobs, "resolution": str(point.measured.resolution)})
        assert point.cost == latency(network, "sd855").femtoseconds
    left = [one for one in found.omitted if one.measured.family == "ResNet" and not one.measured.ablation]
    assert left
    assert {one.why for one in left} == {"of a kind that sd855 was not fitted on"}
    said = frontier_table(found)
    assert "latency on Snapdragon 855" in said.title
    assert said.data["points"][0]["latency_ms"] == found.points[0].cost / 10**12
    assert said.data["device"]["name"] == "sd855"
    assert any(note == "cost" and "±1.3 % median" in text for note, text in said.notes)


def test_networks_of_ones_own_stand_beside_predicted_ones_in_milliseconds() -> None:
    mine = frontier(x="latency", device="sd855", family=["MobileNetV1"], yours={"mobilenet_v2": "72"}, most="25ms")
    (own,) = (point for point in mine.points if point.yours)
    assert own.cost == latency(load("mobilenet_v2"), "sd855").femtoseconds
    assert all(point.cost <= 25 * 10**12 for point in mine.points)
    drawn = plots.frontier(mine)
    assert "(predicted, ±1.3 % median)" in drawn.layout.xaxis.title.text
    with pytest.raises(UsageError, match="resnet18 is of a kind that sd855 was not fitted on"):
        frontier(x="latency", device="sd855", yours={"resnet18": "70"})


def test_a_device_is_for_latency_alone() -> None:
    with pytest.raises(UsageError, match="ask for --x latency, not macs"):
        frontier(x="macs", device="sd855")
    with pytest.raises(UsageError, match="ask for --device or --setup, not for both"):
        frontier(x="latency", device="sd855", setup="sd855")


def test_what_is_extrapolated_is_hollow_and_not_on_the_front_unless_asked_for() -> None:
    chosen = {"x": "latency", "device": "pixel1", "family": ["MobileNetV2", "ResNeXt"]}
    found = frontier(**chosen)  # type: ignore[arg-type]
    far = [point for point in found.points if point.extrapolated]
    known = [point for point in found.points if not point.extrapolated]
    assert {"ResNeXt"} <= {point.measured.family for point in far}
    assert found.far == len(far)
    for point in known:  # dominance among those that are not, pair by pair
        beaten = any(
            (one.cost <= point.cost and one.accuracy > point.accuracy)
            or (one.cost < point.cost and one.accuracy >= point.accuracy)
            for one in known
        )
        assert point.front <= (not beaten)
    assert not any(point.front for point in far)
    (note,) = (text for name, text in frontier_table(found).notes if name == "front")
    assert note.endswith(f"; {len(far)} that are extrapolated left aside, --extrapolated takes them")
    drawn = plots.frontier(found)
    assert "○ extrapolated" in drawn.layout.title.text
    hollow = [
        tip
        for trace in drawn.data
        if trace.mode == "markers"
        for tip, symbol in zip(trace.hovertext, trace.marker.symbol, strict=True)
        if symbol.endswith("-open")
    ]
    assert len(hollow) == len(far)
    assert all("extrapolated for pixel1" in tip for tip in hollow)
    assert "hollow ones extrapolated" in frontier_page(found)
    assert "counted by convcost" not in frontier_page(found)
    both = frontier(**chosen, extrapolated=True)  # type: ignore[arg-type]
    best = max(both.points, key=lambda point: point.accuracy)
    assert (best.measured.family, best.extrapolated, best.front) == ("ResNeXt", True, True)
    with pytest.raises(UsageError, match="all extrapolated"):
        frontier(x="latency", device="pixel1", family=["ResNeXt"], front_only=True)


def test_titles_tell_two_setups_of_one_board_apart() -> None:
    one, four = (
        frontier(x="latency", device=f"raspberry_pi_5_ncnn_{threads}t", family=["MobileNetV1"]) for threads in (1, 4)
    )
    for said in (
        title_of,
        lambda found: frontier_table(found).title,
        lambda found: plots.frontier(found).layout.xaxis.title.text,
    ):
        assert "ncnn, 1 thread" in said(one)
        assert "ncnn, 4 threads" in said(four)


def test_what_networks_are_made_of_is_counted_once_for_all_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second device of the same type opens no network, and says what a latency alone says, with Winograd's algorithm or without."""
    known = Answers({})
    monkeypatch.setattr("convcost.published.cost.answers", lambda _: nullcontext(known))
    chosen: dict[str, Any] = {"x": "latency", "family": ["MobileNetV2"], "source": ["mobilenet_slim"]}
    first = frontier(**chosen, device="pixel1")

    def opened(*_: object) -> None:
        raise AssertionError("a network is opened again")

    other = find("pixel1")
    assert isinstance(other, Device)
    twice = replace(
        other, name="slow", winograd=not other.winograd, coefficients={k: 2 * v for k, v in other.coefficients.items()}
    )
    with monkeypatch.context() as closed:
        closed.setattr("convcost.published.cost.open_network", opened)
        again = frontier(**chosen, device="pixel1")
        slow = {point.name: point for point in frontier(**chosen, device=twice).points}
    assert [point.cost for point in again.points] == [point.cost for point in first.points]
    for point in first.points[::8]:
        network = load(point.measured.model, {**point.measured.knobs, "resolution": str(point.measured.resolution)})
        for found, device in ((point, other), (slow.get(point.name), twice)):
            if found is not None:
                alone = latency(network, device)
                assert (found.cost, found.extrapolated) == (alone.femtoseconds, alone.extrapolated)


def test_a_landscape_of_one_resolution_and_of_imagenet_alone() -> None:
    """ConvNeXt V2's authors: eight rows of ImageNet-1k at 224, ten that learnt from ImageNet-22k before."""
    authors = frontier(source=["convnext_v2_authors"])
    alone = frontier(source=["convnext_v2_authors"], imagenet_only=True)
    assert (len(authors.points), len(alone.points)) == (18, 8)
    assert {point.measured.extra for point in authors.points} == {"", "ImageNet-22k"}
    assert {point.measured.resolution for point in alone.points} == {224}
    assert alone.selection == "source convnext_v2_authors; learnt from ImageNet-1k alone"
    large = frontier(source=["convnext_v2_authors"], resolution="384-512")
    assert sorted({point.measured.resolution for point in large.points}) == [384, 512]
    assert large.selection == "source convnext_v2_authors; resolution 384-512"
    for wrong in ("x", "1-2-3", "-", "192-", "²²⁴"):
        with pytest.raises(UsageError, match="is no resolution or span of resolutions"):
            frontier(resolution=wrong)
    with pytest.raises(UsageError, match="nothing to show"):
        frontier(resolution="1")


def test_what_is_asked_for_may_be_a_text_a_number_a_list_or_nothing() -> None:
    asked = frontier(family="MobileNetV2", source="mobilenet_slim", tier="authors", resolution=224, year=2018)
    assert {(p.measured.family, p.measured.resolution, p.measured.year) for p in asked.points} == {
        ("MobileNetV2", 224, 2018)
    }
    written = frontier(family=["MobileNetV2"], source=["mobilenet_slim"], resolution="224", year="2018")
    assert asked == written
    assert written.selection == "family MobileNetV2; year 2018; source mobilenet_slim; resolution 224"
    nothing = frontier(
        task=None,
        dataset=None,
        family=None,
        year=None,
        tier=None,
        source=None,
        resolution=None,
        add=None,
        highlight=None,
    )
    assert nothing == frontier()


def test_a_span_that_ends_before_it_begins_is_refused_with_both_ends() -> None:
    with pytest.raises(UsageError, match=r"^the span of years 2026-2018 begins at 2026 and ends before it, at 2018$"):
        frontier(year="2026-2018")
    with pytest.raises(UsageError, match=r"^the span of resolutions 300-200 begins at 300 and ends before it, at 200$"):
        frontier(resolution="300-200")


def test_what_is_ones_own_is_asked_for_its_resolution_and_what_it_learnt_from_as_well(tmp_path: Path) -> None:
    rows = ("plain,,224,70,5,", "large,,300,71,6,", "unsaid,,,72,7,", "more,,224,73,8,ImageNet-22k")
    mine = table(tmp_path / "mine.csv", *rows, head="item,model,resolution,top1,macs,extra")
    chosen: dict[str, Any] = {"family": "MobileNetV1", "source": "mobilenet_v1", "add": mine}

    def own(**asked: Any) -> tuple[set[str], dict[str, str], str]:
        found = frontier(**chosen, **asked)
        left = {one.measured.item: one.why for one in found.omitted if one.measured.source == "you"}
        return {point.measured.item for point in found.points if point.yours}, left, found.selection

    elsewhere = "yours, not of the resolution that is asked for"
    assert own()[:2] == ({"plain", "large", "unsaid", "more"}, {})
    assert own(resolution=224)[:2] == ({"plain", "more"}, {"large": elsewhere, "unsaid": elsewhere})
    shown, left, words = own(imagenet_only=True)
    assert (shown, left) == ({"plain", "large", "unsaid"}, {"more": "yours, learnt from more than ImageNet-1k"})
    assert words.endswith("; learnt from ImageNet-1k alone; of yours, also what says nothing of it")
    alone = frontier(data=mine, imagenet_only=True)
    assert {point.measured.item for point in alone.points} == {"plain", "large", "unsaid"}
    assert [(one.measured.item, one.why) for one in alone.omitted] == [("more", left["more"])]
    counted = table(tmp_path / "counted.csv", "a,mobilenet_v2,72", head="item,model,top1")  # 224 where nothing is said
    assert [point.measured.resolution for point in frontier(data=counted, resolution=224).points] == [224]
    with pytest.raises(UsageError, match=elsewhere):
        frontier(data=counted, resolution=160)
    named = frontier(source="mobilenet_v1", resolution=160, yours={"mobilenet_v2": "72"})
    assert not any(point.yours for point in named.points)
    assert [one.measured.item for one in named.omitted if one.why == elsewhere] == ["mobilenet_v2"]


def test_what_networks_learnt_from_is_not_known_of_latencies() -> None:
    message = r"^--imagenet-only is not of latencies: the tables of a setup do not say what networks learnt from$"
    with pytest.raises(UsageError, match=message):
        frontier(x="latency", setup="sd855", imagenet_only=True)


def test_weights_of_libraries_stand_apart_from_what_papers_print() -> None:
    """timm's and mmpretrain's are no tier of the usual landscape, torchvision's one of its own."""
    usual = frontier()
    assert {point.measured.tier for point in usual.points} == {"paper", "authors", "library"}
    assert not {"timm", "mmpretrain", "paddleclas", "osmr"} & {point.measured.source for point in usual.points}
    assert {point.measured.source for point in frontier(tier=["library"]).points} <= {"torchvision", "pycls", "keras"}
