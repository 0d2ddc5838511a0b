"""How long a network takes: sums over kernels by hand, what it goes into, what is refused and what is marked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from helpers.checks import macs, net

from convcost import Latencies, Latency, UsageError, latencies, latency, list_devices, load
from convcost.devices.catalog import at_least
from convcost.devices.device import Device, Errors, Fitted, Roofline
from convcost.devices.stored import find
from convcost.networks.latencies import why
from convcost.networks.latency import families, kind_of

ERRORS = Errors(0.01, 0.02, 0.03, 5)
#: Femtoseconds for one of each.
RATES = {"direct": 3, "im2col": 5, "pointwise": 7, "weights": 11, "activations": 13, "kernels": 10_000}
#: What the three convolutions of `net()` are made of: 64 positions, windows of 27 elements, 3 -> 4 -> 8 -> 2 channels, fp32.
STEM = {"direct": 64 * 27 * 4, "im2col": 64 * 27, "weights": 27 * 4 * 4, "activations": 64 * (3 + 4), "kernels": 1}
EXPAND = {"pointwise": 64 * 4 * 8, "weights": 4 * 8 * 4, "activations": 64 * (4 + 8), "kernels": 1}
PROJECT = {"pointwise": 64 * 8 * 2, "weights": 8 * 2 * 4, "activations": 64 * (8 + 2), "kernels": 1}


def _sum(terms: dict[str, int]) -> int:
    return sum(RATES[term] * count for term, count in terms.items())


TOTAL = _sum(STEM) + _sum(EXPAND) + _sum(PROJECT)


def _device(name: str = "own", fitted: tuple[Fitted, ...] = (), **more: int) -> Device:
    return Device(name, {**RATES, **more}, ERRORS, fitted, title="a board", runtime="a runtime", threads=2)


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    (tmp_path / "tiny.yaml").write_text(net(), encoding="utf-8")
    return str(tmp_path / "tiny.yaml")


def test_a_latency_is_the_sum_of_its_kernels(tiny: str) -> None:
    found = latency(tiny, _device())
    assert found.femtoseconds == TOTAL
    assert found.ms == TOTAL / 10**12
    rows = {part.name: part for part in found.by("layer")}
    assert {name: part.femtoseconds for name, part in rows.items()} == {
        "stem": _sum(STEM),
        "expand": _sum(EXPAND),
        "project": _sum(PROJECT),
    }
    # 3 · 6912 multiply; 5 · 1728 + 11 · 432 + 13 · 448 move
    assert rows["stem"].bounds == {"compute": 20_736, "memory": 8_640 + 4_752 + 5_824, "overhead": 10_000}
    assert rows["stem"].bound == "compute"
    assert found.whole.macs == macs()
    assert load(tiny).latency(_device()) == found


@pytest.mark.parametrize("level", ["unit", "layer", "block", "stage", "op", "kind"])
def test_every_level_adds_up_to_the_whole(level: str) -> None:
    device = Roofline("slow", {"fp32": 10**9}, 10**9, overhead=10**9)
    found = latency("mobilenet_v3_small", device)
    parts = found.by(level)
    assert sum(part.femtoseconds for part in parts) == found.femtoseconds
    assert sum(part.macs for part in parts) == found.whole.macs == load("mobilenet_v3_small").report().totals.macs
    for one in ("compute", "memory", "overhead"):
        assert sum(part.bounds[one] for part in parts) == found.whole.bounds[one]  # type: ignore[index]
    if level != "kind":
        assert sum(part.kernels for part in parts) == found.whole.kernels


def test_kinds_divide_the_time(tiny: str) -> None:
    found = latency(tiny, _device())
    starts = 3 * 10_000
    assert found.whole.kinds == {
        "convolution": _sum(STEM) - 10_000,
        "pointwise": _sum(EXPAND) + _sum(PROJECT) - 20_000,
        "overhead": starts,
    }
    assert [part.name for part in found.by("kind")] == ["convolution", "pointwise", "overhead"]
    assert found.by("kind")[-1].kernels == 3


def test_a_roofline_takes_what_is_longer(tiny: str) -> None:
    # A MAC takes 1 ns, and so does a byte: expand has 2048 MACs and moves 4 · (64 · 12 + 32 + 8) = 3232 bytes.
    found = latency(tiny, Roofline("slow", {"fp32": 10**9}, 10**9, overhead=7 * 10**9))
    parts = {part.name: part for part in found.by("layer")}
    assert parts["stem"].femtoseconds == (6912 + 7000) * 10**6
    assert parts["stem"].bounds == {"compute": 6912 * 10**6, "memory": 0, "overhead": 7 * 10**9}
    assert parts["expand"].femtoseconds == (4 * (64 * 12 + 32 + 8) + 7000) * 10**6
    assert parts["expand"].bounds["compute"] == 0
    assert "by peak figures of a datasheet, no error is known" in dict(found.table().notes)["time"]
    assert found.to_dict()["error"] is None


def test_what_a_device_was_never_fitted_on_is_refused() -> None:
    with pytest.raises(UsageError) as raised:
        latency("resnet18", _device(vector=1, elementwise=1))
    said = str(raised.value)
    # 13 of its 16 convolutions 3×3 in blocks are of stride 1; the others halve the map.
    assert "winograd (13 layers, as conv2_x.block1.conv1.conv2d" in said
    assert "Devices with such networks: " in said
    assert "convcost calibrate" in said
    assert "\n" not in said
    with pytest.raises(UsageError, match="pointwise_int8"):
        latency("mobilenet_v1", _device(vector=1, elementwise=1, depthwise=1), dtype="int8")


def test_terms_that_are_too_few_to_matter_are_said(tmp_path: Path) -> None:
    # Of 64·(7 + 12 + 10) elements and few more, two are exponentials after a pool; 128 of them without it are refused.
    (tmp_path / "few.yaml").write_text(f"{net()}  - global_avg_pool\n  - softmax\n", encoding="utf-8")
    (tmp_path / "many.yaml").write_text(f"{net()}  - softmax\n", encoding="utf-8")
    said = dict(latency(tmp_path / "few.yaml", _device(elementwise=1)).table().notes)
    assert said["without"] == "2 exponentials, which the device knows nothing of, and which are too few to matter"
    with pytest.raises(UsageError, match=r"more than a trace of exponentials \(1 layer, as softmax\)"):
        latency(tmp_path / "many.yaml", _device(elementwise=1))


def test_what_goes_beyond_is_marked_everywhere(tiny: str) -> None:
    small = Fitted("small", 1.0, {"direct": 10, "pointwise": 1000, "activations": 10, "kernels": 1}, 1.5)
    found = latency(tiny, _device(fitted=(small,)))
    assert found.extrapolated
    assert found.to_dict()["extrapolated"] is True
    assert len(found.to_dict()["reasons"]) == len(found.beyond) > 0
    table = found.table()
    assert table.total is not None
    assert any(cell.startswith("~") for cell in table.total)
    assert "extrapolated" in dict(table.notes)
    assert all(record["extrapolated"] for record in table.records)
    beside = Latencies((found, latency("lenet5", Roofline("own2", {"fp32": 1}, 1)))).table()
    assert beside.rows[0][3].startswith("~")
    assert not beside.data["latencies"][1]["extrapolated"]


def test_of_an_extrapolated_time_no_error_is_known(tiny: str) -> None:
    """Nowhere does the error of a device stand beside a time as if it held for it."""
    small = Fitted("small", 1.0, {"direct": 10, "pointwise": 1000, "activations": 10, "kernels": 1}, 1.5)
    far, near = latency(tiny, _device(fitted=(small,))), latency(tiny, _device("near"))
    held = "±1.0 % median, 2.0 % for nine in ten, 3.0 % worst of 5 networks, each left out in turn"
    assert near.error == held
    assert far.error == (
        "far from all that was measured, how far off is not known; "
        "±1.0 % median, 3.0 % worst is the error of networks like those"
    )
    said = dict(far.table().notes)["time"]
    assert said.startswith("~")
    assert said.endswith(f" ms: {far.error}")
    assert held not in str(far.table().notes)
    assert held not in str(Latencies((far, latency("lenet5", Roofline("own2", {"fp32": 1}, 1)))).table().notes)
    report = load(tiny).report(device=far.device)
    assert dict(report.table().notes)["latency"].startswith("~")
    assert far.error in dict(report.table().notes)["latency"]
    assert report.to_dict()["extrapolated"] is True
    assert report.to_dict()["reasons"] == [*far.beyond]
    assert load(tiny).report(device=near.device).to_dict()["extrapolated"] is False
    for figure in (far.figure(), Latencies((far,)).figure()):
        assert "~ far from all that was measured" in figure.layout.title.text.replace("<br>", " ")
    assert "far from" not in near.figure().layout.title.text


def test_a_network_that_was_measured_says_so(tiny: str) -> None:
    every = {term: sum(one.get(term, 0) for one in (STEM, EXPAND, PROJECT)) for term in RATES}
    known = Fitted("as it was called there", 2.5, every, 2.25)
    found = latency(tiny, _device(fitted=(known,)))
    assert dict(found.table().notes)["measured"] == f"2.50 ms ({known.network}); a fit without it says 2.25 ms"
    assert found.to_dict()["measured_ms"] == 2.5
    assert latency(tiny, _device(fitted=(known,)), batch=2).to_dict()["measured_ms"] is None


def test_a_network_of_a_measured_name_says_what_is_different(tiny: str) -> None:
    every = {term: sum(one.get(term, 0) for one in (STEM, EXPAND, PROJECT)) for term in RATES}
    known = Fitted(load(tiny).label, 2.5, {**every, "direct": 1000, "kernels": 4}, 2.25)
    said = dict(latency(tiny, _device(fitted=(known,))).table().notes)["measured"]
    # 3 · (6912 - 1000) femtoseconds of it are more than 10,000 for one more kernel.
    assert said == "2.50 ms for a network of this name with other counts: direct 1.00 k there, 6.91 k here"


def test_what_was_measured_is_of_the_same_type_or_says_of_which(tiny: str) -> None:
    every = {term: sum(one.get(term, 0) for one in (STEM, EXPAND, PROJECT)) for term in RATES}
    name = load(tiny).label
    as_int8 = {f"{term}_int8" if term in ("direct", "pointwise") else term: count for term, count in every.items()}
    floats, ints = Fitted(name, 2.5, every, None), Fitted(f"{name}_int8", 1.5, {**as_int8, "kernels": 4}, None)
    more = {"direct_int8": 1, "pointwise_int8": 1}
    both = _device(fitted=(floats, ints), **more)
    said = dict(latency(tiny, both, dtype="int8").table().notes)["measured"]
    assert said.startswith(f"1.50 ms for {name}_int8 with other counts: ")
    assert dict(latency(tiny, both).table().notes)["measured"].startswith("2.50 ms (")
    other = dict(latency(tiny, _device(fitted=(floats,), **more), dtype="int8").table().notes)["measured"]
    assert other == f"2.50 ms for {name}, which ran as fp32, and not as int8"
    reverse = dict(latency(tiny, _device(fitted=(ints,), **more)).table().notes)["measured"]
    assert reverse == f"1.50 ms for {name}_int8, which ran as int8, and not as fp32"


def test_networks_of_different_types_are_not_compared_in_silence(tiny: str) -> None:
    terms = ("direct_int8", "pointwise_int8", "im2col", "weights", "activations", "kernels")
    ints = Device("ints", dict.fromkeys(terms, 1), ERRORS, (), dtype="int8")
    found = latencies([tiny], [_device("floats"), ints])
    table = found.table()
    assert "as fp32 and int8 · floats and ints" in table.title
    at = table.headers.index("as")
    assert [row[at] for row in table.rows] == ["fp32", "int8"]
    assert "on ints as int8 takes" in why(found.rows[1])
    assert "as long as on floats as fp32" in why(found.rows[1])
    figure = found.figure()
    assert "as fp32 and int8 · floats and ints" in figure.layout.title.text
    names = {name for trace in figure.data for name in trace.y}
    assert names >= {"tiny: time on floats as fp32", "tiny: time on ints as int8"}
    alike = latencies([tiny], [_device("one"), _device("two")])
    assert "as" not in alike.table().headers
    assert "as fp32 · one and two" in alike.table().title
    assert "as fp32 · one and two" in alike.figure().layout.title.text


def test_terms_that_may_take_no_less_are_named(tiny: str) -> None:
    """What has one coefficient has it for a reason that is said: tied, or the least that a fit allows."""
    same = {"depthwise": 7, "vector": 7, "depthwise_int8": 7}  # pointwise takes 7; of int8 there is none
    bare = _device(**same)
    assert dict(latency(tiny, bare).table().notes)["at least"] == (
        "depthwise, vector: as pointwise, the least that they may take"
    )
    assert latency(tiny, bare).to_dict()["device"]["at_least"] == {"pointwise": ["depthwise", "vector"]}
    tied = replace(bare, tied=(("pointwise", "depthwise", "vector"),))
    assert "at least" not in dict(latency(tiny, tied).table().notes)
    assert "at least" not in dict(latency(tiny, _device(depthwise=8)).table().notes)


def test_of_all_devices_equal_coefficients_have_a_reason() -> None:
    for name in list_devices():
        device = find(name)
        if isinstance(device, Device):
            rates = [
                term for term, time in device.coefficients.items() if time and term.startswith(("depth", "vector"))
            ]
            alike = [{of, *terms} for of, terms in at_least(device).items()] + [{*terms} for terms in device.tied]
            for term in rates:
                of = "pointwise" + term.removeprefix("depthwise").removeprefix("vector")
                if device.coefficients.get(of) == device.coefficients[term]:
                    assert any({term, of} <= group for group in alike), (name, term)


def test_why_adds_up() -> None:
    device = Roofline("slow", {"fp32": 10**9}, 10**9, overhead=10**9)
    found = latencies(["mobilenet_v1", "efficientnet_b0"], [device])
    first, second = found
    parts = {kind: second.whole.kinds.get(kind, 0) - first.whole.kinds.get(kind, 0) for kind in second.whole.kinds}
    assert sum(parts.values()) == second.femtoseconds - first.femtoseconds
    said = why(found.rows[1])
    assert said.startswith("efficientnet_b0 has 0.6")
    assert all(f"{kind} " in said for kind, time in parts.items() if time)
    assert [row.first for row in found.rows] == [first, first]


def test_of_many_networks_the_surprising_are_explained() -> None:
    device = Roofline("slow", {"fp32": 10**12}, 10**10)  # memory decides
    names = ["vgg11", "lenet5", "mobilenet_v1", "squeezenet", "resnet18", "densenet121"]
    found = latencies(names, [device])
    lines = [said for word, said in found.table().notes if word == "why"]
    expected = [row for row in found.rows[1:] if (row.macs_ratio < 1) != (row.ratio < 1)]  # type: ignore[operator]
    assert [line.split()[0] for line in lines] == [row.label for row in expected]


def test_of_several_devices_the_first_is_compared_with(tiny: str) -> None:
    found = latencies([tiny], [_device("one"), _device("two", pointwise=14)])
    assert found.rows[1].ratio == found[1].femtoseconds / TOTAL
    assert found[1].femtoseconds == TOTAL + 7 * 64 * (4 * 8 + 8 * 2)
    assert "on two takes" in why(found.rows[1])
    with pytest.raises(UsageError, match="given twice"):
        latencies([tiny], [_device("one"), _device("one")])
    with pytest.raises(UsageError, match="one of each"):
        latencies([tiny], [])


def test_json_has_every_layer_with_its_terms(tiny: str) -> None:
    data = latency(tiny, _device()).to_dict()
    assert data["schema"] == "convcost.latency/1"
    assert data["latency_ms"] == TOTAL / 10**12
    assert [layer["terms"] for layer in data["layers"]] == [STEM, EXPAND, PROJECT]
    assert [layer["latency_ms"] for layer in data["layers"]] == [_sum(one) / 10**12 for one in (STEM, EXPAND, PROJECT)]
    assert data["error"] == ERRORS._asdict()
    assert data["layers"][1]["parts_ms"]["pointwise"] == 7 * 2048 / 10**12
    assert sum(data["kinds"].values()) == pytest.approx(data["latency_ms"])


def test_the_frame_has_a_row_per_kernel(tiny: str) -> None:
    frame = latency(tiny, _device()).to_frame()
    assert frame["name"].tolist() == ["stem", "expand", "project"]
    assert frame["latency_ms"].sum() == pytest.approx(TOTAL / 10**12)


def test_what_is_fused_takes_no_time_of_its_own() -> None:
    found = latency("mobilenet_v1", Roofline("slow", {"fp32": 10**9}, 10**12))
    # 27 convolutions, a pool and a linear layer run; batch-norms, activations and a flatten do not.
    assert found.whole.kernels == 29
    assert len(found.by("layer")) == 29
    assert kind_of(found.terms[0]) == "convolution"


def test_an_unknown_level_is_refused(tiny: str) -> None:
    with pytest.raises(UsageError, match="cannot group by 'kinds'"):
        latency(tiny, _device()).by("kinds")


def test_families_are_named_once() -> None:
    fitted = tuple(Fitted(f"{name}:width=0.5", 1.0, {}, None) for name in "abcdefgh")
    assert families(_device(fitted=fitted)) == "8 networks: a, b, c, d, e, f and 2 more"


def test_the_result_is_shown_in_a_notebook(tiny: str) -> None:
    found = latency(tiny, _device())
    assert isinstance(found, Latency)
    assert "<table" in found._repr_html_()
    assert [one.name for one in found.figure().data if one.mode == "markers"] == ["convolution", "pointwise"]
