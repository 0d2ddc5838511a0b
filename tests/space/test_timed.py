"""Latencies over a grid equal those of its networks, each timed alone; where they are extrapolated or refused as well."""

from __future__ import annotations

import csv
import io
import json
import pickle
import time
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from helpers.specs import written

import convcost
from convcost import UsageError, load, plots
from convcost.core.dims import where
from convcost.core.metrics import SWEPT
from convcost.devices.device import Device, Errors, Fitted, Roofline
from convcost.devices.stored import find
from convcost.devices.stored import written as device_text
from convcost.networks.latency import latency
from convcost.space.evaluate import at_points, evaluate, feasible
from convcost.space.extrapolated import at_each, extrapolated, how_many
from convcost.space.fit import fit_table
from convcost.space.front import grid_front, objectives_of
from convcost.space.numbers import along
from convcost.space.open import design_space
from convcost.space.sweep import pieces
from convcost.space.timed import count_of

if TYPE_CHECKING:
    from helpers.cli import Cli

NO_ERROR = Errors(0.01, 0.02, 0.03, 4)
EVERY = {
    "direct": 3,
    "im2col": 5,
    "winograd": 7,
    "winograd_transform": 11,
    "pointwise": 13,
    "depthwise": 17,
    "vector": 19,
    "weights": 23,
    "activations": 29,
    "elementwise": 31,
    "moved": 37,
    "exponentials": 41,
    "kernels": 1_000_003,
}
"""Femtoseconds that one of each term takes, primes, so that no two mixtures of terms come to the same."""
GRIDS = [
    ("mobilenet_v2", "sd855", {"width": "0.25:1.25:0.5", "resolution": "32:224:64"}),
    ("mobilenet_v1", "pixel1", {"width": "0.05:1:0.19", "resolution": "1:64:21"}),  # one position from 32 on
    ("resnet18", "raspberry_pi_4_ncnn_4t", {"width": "1,7,8,9,64", "resolution": "17,117,224"}),  # Winograd from 8 on
    ("efficientnet_b0", "rk3588_ncnn_1t", {"width": "0.5,1", "resolution": "32,224", "depth": "0.3,1,1.4,3"}),
    ("ds_cnn_s", "h743_tflm", {"width": "16,64,65"}),
    ("vgg16", "v100", {"width": "0.05,0.1,1", "resolution": "32,100"}),
    ("mobilenet_v2", "t4", {"width": "0.25,1", "resolution": "32:224:64", "depth": "1,2"}),
]


def device(name: str = "own", fitted: tuple[Fitted, ...] = (), **coefficients: int) -> Device:
    return Device(name, coefficients or EVERY, NO_ERROR, fitted)


def networks(model: str, axes: dict[str, object]):
    """Every position of a grid with its network."""
    for where_ in product(*(range(len(values)) for values in axes.values())):
        yield where_, load(model, **{name: values[at] for (name, values), at in zip(axes.items(), where_, strict=True)})


@pytest.mark.parametrize(("model", "on", "over"), GRIDS, ids=[f"{model}-{on}" for model, on, _ in GRIDS])
def test_every_point_takes_what_its_network_takes_alone(model: str, on: str, over: dict[str, str]) -> None:
    knobs = {name: values for name, values in over.items() if name in load(model).knobs}
    made = design_space(model, knobs, device=find(on))
    times = evaluate(made, "latency_ms")
    whole = tuple(slice(0, size) for size in made.shape)
    beyond = extrapolated(made, whole)
    assert (beyond is None) == isinstance(find(on), Roofline)
    for where_, network in networks(model, made.axes):
        alone = latency(network, find(on))
        assert times[where_] == alone.femtoseconds
        assert beyond is None or beyond[where_] == alone.extrapolated
    if beyond is not None:
        assert how_many(made) == beyond.sum()
        corners = [np.array([0, size - 1]) for size in made.shape]
        found = at_each(made, corners)
        assert found is not None
        assert found.tolist() == [bool(beyond[tuple(at[i] for at in corners)]) for i in range(2)]


@pytest.mark.parametrize(
    ("model", "on", "settings"),
    [
        ("vgg16", "rk3399_ncnn_1t", {"rewrite": "separable"}),
        ("mobilenet_v2", "raspberry_pi_4_ncnn_1t", {"batch": 4}),
        ("mobilenet_v1", "h743_tflm", {"dtype": "int8"}),
        ("mobilenet_v1", "h743_tflm", {}),  # whose own type is int8
        ("mobilenet_v2", "v100", {"dtype": "fp16", "batch": 8}),
        ("resnet50", "epyc_7742_ncnn_1t", {"memory_policy": "training"}),
    ],
)
def test_settings_of_a_sweep_are_those_of_its_networks(model: str, on: str, settings: dict[str, Any]) -> None:
    made = design_space(model, {"width": "0.25,1", "resolution": "96,224"}, device=find(on), **settings)
    times = evaluate(made, "latency_ms")
    for where_, network in networks(model, made.axes):
        one = network.rewrite(settings["rewrite"]) if "rewrite" in settings else network
        assert times[where_] == latency(one, find(on), settings.get("dtype"), settings.get("batch", 1)).femtoseconds


CONV = """
knobs: {width: 8, resolution: 8}
input: [resolution, resolution, 8]
layers:
  - conv2d: {channels: width, kernel: 3, padding: 1, bias: false}
  - conv2d: {channels: width, kernel: 1, bias: false}
  - global_avg_pool
  - flatten
  - linear: {channels: 10, bias: false}
"""


def by_hand(width: int, resolution: int) -> int:
    """The time of CONV on `device()`, from what the terms are said to count."""
    area = resolution * resolution
    read, made = area * 8, area * width
    if width >= 8:  # tiles of 4×4 outputs by 6×6 products
        tiles = (-(-resolution // 4)) ** 2
        first = EVERY["winograd"] * tiles * 36 * 8 * width + EVERY["winograd_transform"] * (read + made)
    else:
        first = EVERY["direct"] * area * 9 * 8 * width + EVERY["im2col"] * area * 9 * 8
    first += EVERY["weights"] * 4 * 9 * 8 * width + EVERY["activations"] * (read + made)
    if area > 1:
        second = EVERY["pointwise"] * area * width * width + EVERY["weights"] * 4 * width * width
    else:
        second = EVERY["vector"] * width * width
    second += EVERY["activations"] * 2 * made
    third = EVERY["elementwise"] * (made + width)
    fourth = EVERY["vector"] * width * 10 + EVERY["activations"] * (width + 10)
    return first + second + third + fourth + 4 * EVERY["kernels"]


def test_conditions_on_channels_and_positions_hold_point_by_point(tmp_path: Path) -> None:
    """Winograd from 8 channels on, a product of a matrix and a vector at one position: in one grid."""
    made = design_space(str(written(tmp_path, CONV)), {"width": "1:20", "resolution": "1:9"}, device=device())
    assert len(made.regions) == 1  # none of it splits the grid
    times = evaluate(made, "latency_ms")
    for i, j in product(range(20), range(9)):
        assert times[i, j] == by_hand(i + 1, j + 1)


def test_a_choice_between_products_stays_a_sum_of_products() -> None:
    rows, columns = np.arange(1, 8), np.arange(3, 14)
    total = along(rows.tolist(), 0, 2) * along(columns.tolist(), 1, 2) + along(columns.tolist(), 1, 2)
    wide = along(columns.tolist(), 1, 2) >= 8
    chosen = where(wide, total, 5)
    expected = np.where(columns >= 8, rows[:, None] * columns + columns, 5)
    assert not hasattr(chosen, "array")  # not multiplied out
    assert chosen.dense().array.tolist() == expected.tolist()
    assert (
        where(~wide, total, total * 3).dense().array.tolist()
        == np.where(columns < 8, rows[:, None] * columns + columns, 3 * (rows[:, None] * columns + columns)).tolist()
    )


def test_a_network_of_another_kind_is_refused_with_its_point(tmp_path: Path) -> None:
    """From 8 channels on the first layer is computed by Winograd's algorithm, of which the device knows nothing."""
    known = {term: one for term, one in EVERY.items() if not term.startswith("winograd")}
    spec = str(written(tmp_path, CONV))
    small = design_space(spec, {"width": "1:7", "resolution": "2:4"}, device=device(**known))
    assert evaluate(small, "latency_ms")[6, 2] == by_hand(7, 4)
    with pytest.raises(
        UsageError,
        match=r"at resolution 2, width 8: no network that own was fitted on has more than a trace of winograd",
    ):
        design_space(spec, {"width": "5:20", "resolution": "2:4"}, device=device(**known))


def test_latencies_beyond_64_bits_are_exact() -> None:
    """10^12 seconds: a device that takes a second for each MAC of MobileNetV1; and just above 9,223 s, where int64 ends."""
    slow = device(**{**EVERY, "pointwise": 10**15})
    made = design_space("mobilenet_v1", {"width": "0.5,1", "resolution": "128,224"}, device=slow)
    times = evaluate(made, "latency_ms")
    assert times.dtype == object
    alone = latency(load("mobilenet_v1"), slow)
    assert (times[1, 1], alone.femtoseconds > 2**64) == (alone.femtoseconds, True)
    assert convcost.sweep("mobilenet_v1", width=["0.5", "1"], device=slow).latency_ms[1] == alone.ms


def test_milliseconds_are_the_doubles_next_to_them() -> None:
    """From nine seconds on, femtoseconds are no doubles any more."""
    slow = device(**{**EVERY, "pointwise": 50_000_001})
    grid = convcost.sweep("mobilenet_v1", width="0.25:1:0.05", resolution="128:224:32", device=slow)
    times = evaluate(grid.tables, "latency_ms")
    assert times.dtype == np.int64
    assert 2**53 < times.max() < 2**63
    for found, exact in zip(grid.latency_ms.ravel().tolist(), times.ravel().tolist(), strict=True):
        assert found == float(Fraction(exact, 10**12))


def fitted(*names: str) -> Device:
    """A device that is fitted on these networks."""
    plain = device()
    known = [latency(load(name), plain) for name in names]
    return device("own", tuple(Fitted(name, one.ms, one.counts, None) for name, one in zip(names, known, strict=True)))


def test_what_a_device_was_fitted_on_is_not_extrapolated_and_ten_times_as_much_is() -> None:
    own = fitted("mobilenet_v1")
    grid = convcost.sweep("mobilenet_v1", width=["0.25", "1"], resolution=[224, 448], device=own)
    assert grid.extrapolated is not None
    assert grid.extrapolated.tolist() == [[latency(load("mobilenet_v1", width=w, resolution=r), own).extrapolated
                                           for r in (224, 448)] for w in ("0.25", "1")]  # fmt: skip
    assert not grid.extrapolated[1, 0]
    assert grid.extrapolated[1, 1]  # four times the area
    assert {point["extrapolated"] for point in grid.records()} == {True, False}


@pytest.fixture
def own_file(tmp_path: Path) -> str:
    path = tmp_path / "own.yaml"
    path.write_text(device_text(fitted("mobilenet_v1")))
    return str(path)


def test_the_command_writes_what_python_says(own_file: str, cli: Cli) -> None:
    over = ["--over", "width=0.25,1", "--over", "resolution=224,448", "--device", own_file]
    grid = convcost.sweep("mobilenet_v1", width=["0.25", "1"], resolution=[224, 448], device=own_file)
    expected = [str(time) for time in grid.latency_ms.ravel().tolist()]
    told = ["false" if not far else "true" for far in grid.extrapolated.ravel().tolist()]
    rows = list(csv.DictReader(io.StringIO(cli("sweep", "mobilenet_v1", *over, "--format", "csv").output)))
    assert [row["latency_ms"] for row in rows] == expected
    assert [row["extrapolated"] for row in rows] == told
    data = json.loads(cli("sweep", "mobilenet_v1", *over, "--metric", "latency_ms", "--format", "json").output)
    assert [str(point["latency_ms"]) for point in data["points"]] == expected
    assert (data["device"]["name"], data["device"]["error"]["networks"]) == ("own", 4)
    assert [point["extrapolated"] for point in data["points"]] == grid.extrapolated.ravel().tolist()
    text = cli("sweep", "mobilenet_v1", *over).output
    assert text.count("~") == sum(far == "true" for far in told) + 1  # and the note on these
    assert "±1.0 % median" in text
    frame = grid.to_frame()
    assert frame["latency_ms"].tolist() == grid.latency_ms.ravel().tolist()
    assert frame["extrapolated"].tolist() == grid.extrapolated.ravel().tolist()


def test_parquet_holds_doubles_and_marks(own_file: str, tmp_path: Path, cli: Cli) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "grid.parquet"
    over = ("--over", "width=0.25,1", "--over", "resolution=224,448")
    cli("sweep", "mobilenet_v1", *over, "--device", own_file, "--metric", "latency_ms", "-o", str(path))
    table = parquet.read_table(path)
    grid = convcost.sweep("mobilenet_v1", width=["0.25", "1"], resolution=[224, 448], device=own_file)
    assert table["latency_ms"].to_pylist() == grid.latency_ms.ravel().tolist()
    assert table["extrapolated"].to_pylist() == grid.extrapolated.ravel().tolist()


@pytest.mark.parametrize("way", [("--metric", "latency_ms"), ("--front", "latency_ms,resolution")])
def test_a_latency_without_a_device_is_refused(way: tuple[str, str], cli: Cli) -> None:
    found = cli("sweep", "mobilenet_v1", "--over", "width=0.5,1", *way)
    assert found.exit_code == 2
    assert "a latency is of a device: give --device NAME" in found.output


def test_the_front_of_latency_is_that_of_every_pair() -> None:
    made = design_space("mobilenet_v2", {"width": "0.35:1:0.05", "resolution": "96:224:8"}, device=find("sd855"))
    times = evaluate(made, "latency_ms").ravel().tolist()
    params = evaluate(made, "params").ravel().tolist()
    best = {
        (t, p) for t, p in zip(times, params, strict=True)
        if not any((u < t and q >= p) or (u <= t and q > p) for u, q in zip(times, params, strict=True))
    }  # fmt: skip
    found = grid_front(made, objectives_of(["latency_ms", "max:params"], made.axes, made.metrics))
    places = [np.array([where_[name] for where_ in found]) for name in made.axes]
    pairs = set(zip(at_points(made, "latency_ms", places), at_points(made, "params", places), strict=True))
    assert pairs == best


def test_fit_keeps_a_latency_beside_other_limits() -> None:
    """The most MACs within 20 ms and 3 M parameters, by comparing every network of the grid."""
    over = {"width": "0.5:1.4:0.1", "resolution": "160:224:16"}
    found = convcost.fit(
        "mobilenet_v2", max_latency="20ms", max_params="3M", device="sd855", over=over, maximise="macs"
    )
    limit = 20 * 10**12
    kept = []
    for width, resolution in product(range(5, 15), range(160, 225, 16)):
        network = load("mobilenet_v2", width=Fraction(width, 10), resolution=resolution)
        totals = network.report().totals
        if latency(network, "sd855").femtoseconds <= limit and totals.params <= 3_000_000:
            kept.append((totals.macs, Fraction(width, 10), resolution))
    assert found.fitting == len(kept)
    assert found.best is not None
    assert (found.best.knobs["width"], found.best.knobs["resolution"]) == max(kept)[1:]
    assert found.best.costs["latency_ms"] == latency(load("mobilenet_v2", **found.best.knobs), "sd855").ms <= 20


def test_fit_says_how_much_is_lacking_and_what_limits(cli: Cli) -> None:
    text = cli("fit", "mobilenet_v2", "--max-latency", "300us", "--device", "sd855").output
    assert "lacks" in text
    assert "over the budget" in text
    data = json.loads(
        cli("fit", "mobilenet_v2", "--max-latency", "20ms", "--device", "sd855", "--maximise", "macs", "--over",
            "width=0.5:2:0.05", "--format", "json").output
    )  # fmt: skip
    assert data["budgets"] == [{"metric": "latency_ms", "limit": 20.0}]
    assert data["best"]["stopped_by"] == {"width": ["latency_ms"]}
    width = data["best"]["knobs"]["width"]
    assert data["best"]["costs"]["latency_ms"] == latency(load("mobilenet_v2", width=width), "sd855").ms


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("--max-latency", "20ms"), "a latency is of a device"),
        (("--max-latency", "20", "--device", "sd855"), "20ms, 1.5s or 300us"),
        (("--max-latency", "20ms", "--device", "sd85"), "Did you mean sd855"),
    ],
)
def test_a_limit_that_says_nothing_is_refused(given: tuple[str, ...], says: str, cli: Cli) -> None:
    found = cli("fit", "mobilenet_v2", *given)
    assert found.exit_code == 2
    assert says in found.output


def test_compound_scaling_stops_at_a_latency() -> None:
    from convcost.space.compound import compound

    found = compound("efficientnet_b0", max_latency="20ms", device="rk3588_ncnn_4t")
    assert found is not None
    assert found.costs["latency_ms"] == latency(load("efficientnet_b0", **found.knobs), "rk3588_ncnn_4t").ms <= 20
    assert found.binds == ("latency_ms",)


def test_pictures_and_cliffs_are_in_milliseconds() -> None:
    from convcost.plots import sweep_figure
    from convcost.space.cliffs import cliffs

    made = design_space("mobilenet_v2", {"resolution": "222:226"}, device=find("sd855"))
    runs = cliffs(made, "latency_ms")
    assert [run.cost for run in runs if run.last == 224] == [latency(load("mobilenet_v2"), "sd855").ms]
    drawn = sweep_figure(made, "latency_ms")
    assert drawn.layout.yaxis.title.text == "latency (ms)"
    assert max(y for y in drawn.data[0].y if y) == max(run.cost for run in runs)
    plane = design_space("mobilenet_v2", {"width": "0.5,1", "resolution": "192,224"}, device=find("sd855"))
    assert "ms" in sweep_figure(plane, "latency_ms").data[0].text[0][0]


@pytest.mark.slow
def test_a_sweep_with_latencies_takes_hardly_longer_than_without() -> None:
    """Ten million configurations: at the most half as long again, building included; the best of three."""
    axes = {"width": "0.25:2.24:0.01", "resolution": "64:447:2", "depth": "0.5:2:0.006"}
    on = find("rk3588_ncnn_1t")
    shown = tuple(metric for metric in SWEPT if metric != "peak_activation_elements")

    def seconds(device_: Device | Roofline | None) -> float:
        begun = time.process_time()
        made = design_space("efficientnet_b0", axes, device=device_)
        metrics = (*shown, "latency_ms") if device_ else shown
        points = sum(piece.macs.size for piece in pieces(made, metrics=metrics))
        assert points == made.points > 9_000_000
        return time.process_time() - begun

    assert min(seconds(on) for _ in range(3)) < 1.5 * min(seconds(None) for _ in range(3))


def test_points_that_cannot_be_built_have_no_latency() -> None:
    grid = convcost.sweep("lenet5", resolution="8:40:4", device=device())
    assert grid.latency_ms.mask.any()
    assert grid.extrapolated is None  # the device says on which networks it was fitted: none
    can = feasible(grid.tables)
    assert (grid.latency_ms.mask == ~can).all()


def test_latency_is_another_word_for_latency_ms(cli: Cli) -> None:
    asked = ["sweep", "mobilenet_v2", "--over", "resolution=222:226", "--device", "sd855"]
    assert cli(*asked, "--metric", "latency").output == cli(*asked, "--metric", "latency_ms").output
    assert (
        cli(*asked, "--front", "latency,max:resolution").output
        == cli(*asked, "--front", "latency_ms,resolution").output
    )
    cliffs = cli(*asked, "--cliffs", "--metric", "latency").output
    assert "latency along resolution" in cliffs
    assert "latency_ms" not in cliffs
    made = design_space("mobilenet_v2", {"resolution": "222:226"}, device=find("sd855"))
    word, key = (plots.sweep_figure(made, name).to_dict() for name in ("latency", "latency_ms"))
    assert word == key
    grid = convcost.sweep("mobilenet_v2", resolution="222:226", device="sd855")
    assert grid.latency is grid.latency_ms
    most = [
        convcost.fit("mobilenet_v2", max_latency="10ms", device="sd855", maximise=name).best
        for name in ("latency", "latency_ms")
    ]
    assert most[0] == most[1]
    assert (
        "give --device NAME"
        in cli("sweep", "mobilenet_v2", "--over", "resolution=222:226", "--metric", "latency", code=2).output
    )


@pytest.mark.parametrize("word", ["latency", "latency_ms"])
def test_a_column_of_latency_without_a_device_says_how_to_name_one(word: str, cli: Cli) -> None:
    assert "give --device NAME" in cli("report", "mobilenet_v2", "--columns", f"name,{word}", code=2).output
    said = cli("report", "mobilenet_v2", "resnet18", "--columns", f"macs,{word}", code=2).output
    assert "convcost latency MODEL... --device NAME" in said


def test_fit_speaks_of_extrapolation_only_where_what_it_shows_is() -> None:
    def said(most: str) -> tuple[bool, str]:
        over = {"width": "0.5:2:0.25", "resolution": "96:320:32"}
        found = convcost.fit("mobilenet_v2", max_latency=most, device="pixel1", over=over, maximise="macs")
        assert found.best is not None
        alone = latency(convcost.load("mobilenet_v2", **found.best.knobs), "pixel1")
        return alone.extrapolated, dict(fit_table(found).notes).get("~", "")

    assert said("20ms") == (False, "")
    far, note = said("2s")
    assert far
    assert note.startswith("it is far from all networks")


WIDE = {"width": "0.05:2:0.01", "resolution": "16:512", "depth": "0.5:2:0.015"}
"""196 × 497 × 101: ten million configurations."""


@pytest.mark.parametrize(
    ("model", "on", "most"),
    [("mobilenet_v2", "sd855", 3), ("resnet50", "raspberry_pi_4_ncnn_1t", 3), ("resnet50", "v100", 15)],
)
def test_ten_million_latencies_take_little_longer_than_macs(model: str, on: str, most: float) -> None:
    """Up to 1.5 times on a calibrated device, two to six on a roofline, where nothing else runs: the limits leave room."""

    def seconds(metric: str, own: Device | Roofline | None) -> float:
        taken = []
        for _ in range(3):
            begun = time.process_time()
            evaluate(design_space(model, WIDE, device=own), metric)
            taken.append(time.process_time() - begun)
        return min(taken)

    assert seconds("latency_ms", find(on)) <= most * seconds("macs", None)


def test_counts_are_added_up_where_they_are_asked_for_and_survive_a_pickle() -> None:
    axes = {"width": "0.25:1:0.25", "resolution": "32:224:64"}
    made = design_space("mobilenet_v2", axes, device=find("sd855"))
    assert all(count_of("pointwise") not in region.costs.known for region in made.regions)
    sent = pickle.loads(pickle.dumps(made))
    whole = tuple(slice(0, size) for size in made.shape)
    found = extrapolated(sent, whole)
    counts = evaluate(made, count_of("pointwise"))
    for where_, network in networks("mobilenet_v2", made.axes):
        alone = latency(network, find("sd855"))
        assert counts[where_] == alone.counts["pointwise"]
        assert found is not None
        assert found[where_] == alone.extrapolated


def test_a_term_that_costs_nothing_is_counted_too() -> None:
    """Whether it is far more than in all networks of the calibration is asked of it all the same."""
    own = fitted("mobilenet_v1")
    free = Device("free", {**own.coefficients, "depthwise": 0, "elementwise": 0}, own.error, own.fitted)
    made = design_space("mobilenet_v1", {"width": "0.25,1", "resolution": "128,224"}, device=free)
    for where_, network in networks("mobilenet_v1", made.axes):
        alone = latency(network, free)
        assert evaluate(made, "latency_ms")[where_] == alone.femtoseconds
        assert evaluate(made, count_of("depthwise"))[where_] == alone.counts["depthwise"] > 0
