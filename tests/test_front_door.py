"""The front door: its names, and that each takes a name, a name with knobs, a path and a `Network` and answers the same."""

from __future__ import annotations

import inspect
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from helpers import formats
from helpers.sent import totals

import convcost
from convcost import UsageError
from convcost.ops import cost
from convcost.render.table import FORMATS

if TYPE_CHECKING:
    from helpers.cli import Cli

FUNCTIONS = {
    *(
        "boards",
        "calibrate",
        "check",
        "compare",
        "deployable",
        "deployed",
        "diff",
        "draw",
        "energy",
        "explain",
        "fit",
        "from_torch",
        "frontier",
        "list_conventions",
        "list_networks",
        "load",
        "pareto",
        "published_latencies",
        "reconcile",
    ),
    *("report", "rewrite", "side_by_side", "sweep", "verify"),
    *("calibrate", "latencies", "latency", "list_devices"),
}
TYPES = {
    *(
        "Board",
        "Calibrated",
        "Checked",
        "Comparison",
        "Convention",
        "Deployable",
        "Deployed",
        "DesignSpace",
        "Diagram",
        "Difference",
        "Energy",
        "Explanation",
        "Fit",
        "Frontier",
        "Graph",
        "Group",
        "LayerCost",
    ),
    *(
        "Network",
        "Node",
        "PatchFront",
        "Patches",
        "PublishedLatencies",
        "PublishedSetups",
        "Reconciliation",
        "Report",
        "Step",
        "Sweep",
        "Table",
        "Totals",
        "Training",
        "Usage",
        "Verdict",
        "Verdicts",
    ),
    *("Calibrated", "Device", "Latencies", "Latency", "Roofline"),
    "Walked",
}
ERRORS = {"ConvcostError", "OutputError", "SpecError", "UsageError"}
ZOO = Path(__file__).resolve().parent.parent / "specs"


def test_the_public_names_are_these_and_no_others() -> None:
    assert {*convcost.__all__} == FUNCTIONS | TYPES | ERRORS | {"__version__", "plots"}
    assert all(inspect.isfunction(getattr(convcost, name)) for name in FUNCTIONS)
    assert all(inspect.isclass(getattr(convcost, name)) for name in TYPES | ERRORS)
    with pytest.raises(AttributeError, match="module 'convcost' has no attribute 'reports'"):
        convcost.reports  # noqa: B018


def test_every_public_name_says_what_it_is() -> None:
    assert all(inspect.getdoc(getattr(convcost, name)) for name in FUNCTIONS | TYPES | ERRORS)


def mobilenet_v2_macs(width: float) -> int:
    """Table 2 of the paper (arXiv 1801.04381), layer by layer; channels are rounded to multiples of 8."""

    def scaled(channels: int) -> int:
        near = max(8, int(channels * width + 4) // 8 * 8)
        return near + 8 if near < 0.9 * channels * width else near

    size, c = 112, scaled(32)
    macs = size * size * c * 27
    for t, channels, repeats, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):  # fmt: skip
        for i in range(repeats):
            wide, out = t * c, scaled(channels)
            macs += size * size * c * wide * (t > 1)
            size = size // stride if i == 0 else size
            macs += size * size * wide * (9 + out)
            c = out
    return macs + size * size * c * 1280 + 1280 * 1000


assert round(mobilenet_v2_macs(1) / 1e6) == 301, "the paper prints 300 M"
HALF = mobilenet_v2_macs(0.5)  # 97 M in the authors' table of checkpoints
#: The same network at width 0.5, said in every way.
SAID: dict[str, tuple[Any, dict[str, Any]]] = {
    "name and knob": ("mobilenet_v2", {"width": 0.5}),
    "name with knob": ("mobilenet_v2:width=0.5", {}),
    "path": (ZOO / "mobilenet_v2.yaml", {"width": "0.5"}),
    "path as text": (f"{ZOO / 'mobilenet_v2.yaml'}:width=0.5", {}),
    "network": (convcost.load("mobilenet_v2", width=0.5), {}),
    "network and knob": (convcost.load("mobilenet_v2"), {"width": 0.5}),
}


@pytest.mark.parametrize("said", SAID)
class TestEveryWayToSayANetwork:
    def test_report(self, said: str) -> None:
        model, knobs = SAID[said]
        assert convcost.report(model, **knobs).totals.macs == HALF
        assert convcost.report(model, knobs).totals.macs == HALF
        assert convcost.load(model, **knobs).report().totals.macs == HALF

    def test_sweep_and_fit(self, said: str) -> None:
        model, knobs = SAID[said]
        swept = convcost.sweep(model, resolution=[192, 224], **knobs)
        assert swept.macs[1] == HALF
        assert (swept.macs == convcost.load(model, **knobs).sweep(resolution=[192, 224]).macs).all()
        fitting = convcost.fit(model, knobs, max_macs=HALF, over={"resolution": "192:256"}, maximise="macs")
        assert fitting.best
        assert fitting.best.knobs["resolution"] == 224
        again = convcost.load(model, **knobs).fit(max_macs=HALF, over={"resolution": "192:256"}, maximise="macs")
        assert again.best == fitting.best

    def test_explain_rewrite_and_reconcile(self, said: str) -> None:
        model, knobs = SAID[said]
        first = convcost.explain(model, "stem.conv2d", **knobs).layers[0]
        assert first.macs == 112 * 112 * 16 * 3 * 3 * 3
        assert convcost.load(model, **knobs).explain("stem.conv2d").layers[0] == first
        assert convcost.rewrite(model, "standard", **knobs).report().totals.macs > HALF
        terms = convcost.reconcile(model, "paper", "ptflops_aten", **knobs).terms
        assert [term.difference for term in terms] == [1000]  # the biases of the classifier

    def test_side_by_side(self, said: str) -> None:
        model, knobs = SAID[said]
        table = convcost.side_by_side("mobilenet_v2", convcost.load(model, **knobs))
        assert table.data["networks"][1]["totals"]["macs"] == HALF


def test_a_rewritten_network_is_swept_as_it_is() -> None:
    rebuilt = convcost.load("mobilenet_v1").rewrite("standard")
    swept = convcost.sweep(rebuilt, width=[0.5, 1])
    assert swept.macs.tolist()[1] == rebuilt.report().totals.macs == 4_867_293_184
    assert swept.macs.tolist() == convcost.sweep("mobilenet_v1", width=[0.5, 1], rewrite="standard").macs.tolist()
    part = convcost.load("mobilenet_v1").rewrite("standard", "stage1.*")
    with pytest.raises(
        UsageError, match=r"^mobilenet_v1_standard was rebuilt, so that it has no knobs; vary mobilenet_v1 and"
    ):
        convcost.sweep(part, width=[0.5, 1])


def test_a_knob_may_be_called_like_an_option(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "convcost: 1\nname: net\nknobs: {batch: 4, dtype: 1, input_shape: 3, rewrite: 2}\ninput: [8, 8, input_shape]\n"
        "layers: [{conv2d: {channels: batch * dtype * rewrite, kernel: 1, bias: false}}]\n"
    )
    # 8·8 positions · 3 channels in · batch·1·2 channels out
    assert convcost.report(path, {"batch": 5}).totals.macs == 64 * 3 * 10
    assert convcost.sweep(path, {"batch": [1, 2], "dtype": [1, 3]}).macs.tolist() == [[384, 1152], [768, 2304]]
    assert convcost.load(path, {"input_shape": 1}).report().totals.macs == 64 * 8


def test_a_knob_is_not_both_set_and_swept() -> None:
    for model, settings in (("mobilenet_v2:width=0.5", {}), ("mobilenet_v2", {"width": 0.5})):
        with pytest.raises(UsageError, match="width is set"):
            convcost.fit(model, settings, max_macs="300M", over={"width": "0.5:1:0.5"})


def results() -> list[Any]:
    network = convcost.load("lenet5")
    return [
        *(network, network.graph, network.walked, network.steps[0], network.report(), network.report().layers[0]),
        *(network.report().totals, network.report().by("stage")[0], network.reconcile("paper", "thop")),
        *(convcost.explain("lenet5", "c1"), convcost.compare((6, 6, 3), 5, 3)),
        convcost.compare((6, 6, 3), 5, 3, padding=[1, 1]),
        *(network.memory(), convcost.frontier(family=["MobileNetV1"]), convcost.verify(["lenet5_1998"])),
        *(network.report().table(), convcost.latency("vgg16", "a100"), convcost.latencies("vgg16", ["a100", "v100"])),
        *(network.training(), network.patches("2x2"), network.patch_front()),
        *(convcost.latency("vgg16", "rk3588_ncnn_1t").device, convcost.check("lenet5", max_macs=1)),
        *(convcost.deployed("ds_cnn_s", board="arduino_nano_33_ble"), network.arena(), convcost.energy("vgg16")),
        *(convcost.published_latencies("keras_a100"), convcost.diff("resnet18", "resnet34"), convcost.boards()[0]),
    ]


@pytest.mark.parametrize("result", results(), ids=lambda result: type(result).__name__)
def test_a_result_survives_pickling_and_is_equal(result: Any) -> None:
    again = pickle.loads(pickle.dumps(result))
    assert again == result
    assert repr(again) == repr(result)


@pytest.mark.parametrize("result", results(), ids=lambda result: type(result).__name__)
def test_what_is_frozen_can_be_a_key(result: Any) -> None:
    assert {result: 1}[pickle.loads(pickle.dumps(result))] == 1


def test_results_have_a_table_a_frame_and_json() -> None:
    shown = [
        *(convcost.report("lenet5"), convcost.explain("lenet5"), convcost.compare((6, 6, 3), 5, 3)),
        *(convcost.frontier(family=["MobileNetV1"]), convcost.verify(["lenet5_1998"])),
        *(convcost.reconcile("lenet5", "paper", "thop"), convcost.sweep("mobilenet_v1", width=[0.5, 1])),
        convcost.fit("mobilenet_v1", max_macs="300M", over={"width": "0.25:1:0.25"}),
    ]
    for result in shown:
        for kind in FORMATS:
            formats.read(kind, result.table().render(kind))
        assert len(result.to_frame()) == len(formats.read("csv", result.table().render("csv")).rows) - 1 > 0
        assert result.to_dict()["schema"].startswith("convcost.")
        assert "<table" in result._repr_html_()


def test_a_frame_without_rows_has_the_same_columns() -> None:
    for some, none in (
        (convcost.diff("lenet5", "lenet5:classes=3"), convcost.diff("lenet5", "lenet5")),
        (convcost.reconcile("lenet5", "paper", "thop"), convcost.reconcile("lenet5", "paper", "paper")),
        (convcost.deployable("lenet*", max_ram="1MiB"), convcost.deployable("lenet*", max_ram=1)),
    ):
        assert len(some.to_frame()) > len(none.to_frame()) == 0
        assert list(some.to_frame().columns) == list(none.to_frame().columns)


def test_layers_and_groups_are_frames_of_the_same_columns() -> None:
    report = convcost.report("mobilenet_v2")
    layers, stages = report.to_frame(), report.to_frame(by="stage")
    assert list(layers.columns) == list(stages.columns)
    assert {"stage", "block"} <= set(layers.columns)
    assert layers.groupby("stage", sort=False)["macs"].sum().tolist() == stages["macs"].tolist()
    assert stages["params"].sum() == report.totals.params
    assert list(report.to_frame(by="block")["name"]) == list(dict.fromkeys(layers["block"]))


def test_networks_go_to_other_processes() -> None:
    networks = [convcost.load("mobilenet_v2", width=width) for width in (0.35, 0.5, 0.75, 1)]
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(totals, networks)) == [totals(network) for network in networks]


def test_a_result_answers_for_the_network_that_made_it(tmp_path: Path) -> None:
    """A file that is edited meanwhile does not answer for the old table."""
    path = tmp_path / "net.yaml"
    text = "convcost: 1\nname: net\nknobs: {width: 1.0}\ninput: [8, 8, 3]\nlayers: [{conv2d: {channels: ceil(6 * width), kernel: 1, groups: 3}}]\n"
    path.write_text(text)
    swept = convcost.sweep(path, width=["0.5", "1"])
    path.write_text(text.replace("groups: 3", "groups: 5"))
    assert swept.why(width="0.5") == ""
    assert "groups must divide" in convcost.load(path).sweep(width=["0.5", "1"]).why(width="0.5")


SHAPED = convcost.load("mobilenet_v2", input_shape=(200, 224))


def test_a_network_with_an_input_shape_of_its_own_varies_its_other_knobs() -> None:
    half = convcost.report("mobilenet_v2", width=0.5, input_shape=(200, 224)).totals.macs
    assert convcost.report(SHAPED, width=0.5).totals.macs == half
    assert convcost.sweep(SHAPED, {"width": [0.5, 1], "classes": 1000}).macs[0] == half
    assert convcost.fit(SHAPED, max_macs=half).axes.keys() == {"width"}
    assert (
        convcost.load(SHAPED, input_shape=96).report().totals == convcost.report("mobilenet_v2", resolution=96).totals
    )
    for refused in (lambda: SHAPED.at(resolution=96), lambda: convcost.report(SHAPED, resolution=96)):
        with pytest.raises(
            UsageError, match=r"^resolution sets the input, and mobilenet_v2 has an input shape of its own$"
        ):
            refused()


def test_an_input_shape_and_a_swept_resolution_are_refused(cli: Cli) -> None:
    said = "resolution sets the input: give it as an axis or an input shape, not both\n"
    for size in ("300", "224", "200x224"):
        assert cli.refused("sweep", "mobilenet_v2", "--input", size, "--over", "resolution=96,128") == said


def test_knobs_of_a_name_are_neither_swept_nor_lost() -> None:
    for knobs in ({"width": [0.5, 1]}, {"width": "0.5:1:0.5"}):
        with pytest.raises(UsageError, match=r"^width is set and swept$"):
            convcost.sweep("mobilenet_v2:width=0.5", knobs)


def test_settings_of_a_rewritten_network_are_those_of_its_spec() -> None:
    rebuilt = convcost.load("mobilenet_v2").rewrite("standard")
    swept = convcost.sweep(rebuilt, width=[0.5, 1], resolution=192)
    assert (
        swept.macs.tolist()
        == convcost.sweep("mobilenet_v2", width=[0.5, 1], resolution=192, rewrite="standard").macs.tolist()
    )


def test_what_is_no_network_is_refused() -> None:
    for model in (None, 3, b"resnet50"):
        with pytest.raises(UsageError, match=r"^a network is a name, a path or a Network, got "):
            convcost.load(model)  # type: ignore[arg-type]
    assert convcost.verify("lenet5_1998") == convcost.verify(["lenet5_1998"])


@pytest.mark.parametrize(
    ("ask", "name"),
    [
        (lambda names: convcost.compare((6, 6, 3), 5, 3, against=names).ratios, "separable"),
        (lambda names: [node.op for node in convcost.rewrite("lenet5", "separable", excluded=names).graph.nodes], "c1"),
        (lambda names: convcost.draw("resnet18", unfold=names).to_dict(), "conv2_x"),
        (lambda names: str(convcost.report("lenet5").table(columns=names)), "padding_macs"),
        (lambda names: str(convcost.side_by_side("lenet5", "lenet5_1998", columns=names)), "params"),
        (lambda names: convcost.latencies(names, ["a100"]).to_dict(), "lenet5"),
        (lambda names: convcost.latencies(["lenet5"], names).to_dict(), "a100"),
        (lambda names: convcost.pareto({"ab": [2, 1]}, names), "ab"),
        (lambda names: convcost.fit("lenet5", max_params="1M", over=names).to_dict(), "classes"),
    ],
)  # fmt: skip
def test_where_several_names_are_taken_a_text_is_one_name_and_not_its_letters(ask: Any, name: str) -> None:
    assert ask(name) == ask([name])


POLICIES = ". Known: concat_alias, fused, fused_attention, inplace, largest, mcunet, sum, tinyengine, training, unfused"
LIMITS = (
    ". Known: activations, board, buffers, bytes_moved, flash, flops, growth, latency, layer_activations, layer_macs, "
    "layer_params, macs, operations, params, peak, ram, weights"
)

BYTES = "not a number of bytes, e.g. 256KiB, 1.5MiB or 100000"
KNOBS = "knobs are a mapping, as {'width': 0.5}, or given by name"
DTYPES = (
    ". Known: bf16, binary, bool, fp16, fp32, fp64, fp8, int16, int2, int3, int32, int4, int5, int6, int64, int7, int8, "
    "tf32, uint16, uint32, uint64, uint8"
)
LEVELS = ". Known: block, layer, op, stage, unit"
LENET = convcost.load("lenet5")
COCO = ". Known: COCO val2017, COCO 2014 minival, COCO test-dev"
PER_CENT = "an accuracy is a number of per cent above 0, at most 100, e.g. 72.3, got"
INPUT = (
    "a layer's input must be a sequence (length×channels), a map (height×width×channels) or a volume "
    "(depth×height×width×channels)"
)


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: convcost.compare((6, 6, 3), 5, 3, against=5),
         "there is no way '5' to build a layer. Known: bottleneck, grouped, inverted, separable, spatial, standard"),
        (lambda: convcost.rewrite("lenet5", "separable", excluded=5), "lenet5 has no layer matching '5' to leave out"),
        (lambda: convcost.draw("lenet5", unfold=[5]), "there is no stage or block '5' to unfold"),
        (lambda: convcost.latencies(5, "a100"), "a network is a name, a path or a Network, got int"),
        (lambda: convcost.latencies("lenet5", [5]), "a device is a name, a file or a Device, got int"),
        (lambda: convcost.latency("lenet5", None), "a device is a name, a file or a Device, got NoneType"),
        (lambda: convcost.pareto({"ab": [2, 1]}, 5), "there is no column 5. Known: ab"),
        (lambda: convcost.fit("lenet5", max_params="1M", over=5), "lenet5 has no knob '5'. Known: classes, resolution"),
        (lambda: convcost.boards([5]), "no board matches '[5]'"),
        (lambda: convcost.report("lenet5", convention=None), "there is no convention None; convcost.list_conventions() has all"),
        (lambda: convcost.diff("lenet5", "alexnet", convention=["a"]), "there is no convention ['a']; convcost.list_conventions() has all"),
        (lambda: convcost.report("lenet5", memory_policy=[]), f"there is no memory policy []{POLICIES}"),
        (lambda: convcost.sweep("lenet5", classes=[1], memory_policy=5), f"there is no memory policy 5{POLICIES}"),
        (lambda: convcost.check("lenet5", limits={3: 4}), f"there is no limit 3{LIMITS}"),
        (lambda: convcost.check("lenet5", limits={None: 4}), f"there is no limit None{LIMITS}"),
        (lambda: convcost.check("lenet5", limits={b"macs": 4}), f"there is no limit b'macs'{LIMITS}"),
        (lambda: convcost.check("lenet5", max_macs=1, lock=3), "lock is the path of a file, got int"),
        (lambda: convcost.verify(data=3), "data is the path of a file, got int"),
        (lambda: convcost.frontier(data=3), "data is the path of a file, got int"),
        (lambda: convcost.frontier(task=[3]), "there is no landscape of [3]. Known: detection, segmentation"),
        (lambda: convcost.verify(source=[3]), "there is no source [3]. `convcost verify` lists all"),
        (lambda: convcost.published_latencies(5), "there are no published latencies of 5. `convcost verify --latency all` lists all"),
        (lambda: convcost.deployed("lenet5", runtime=[]), "there is no runtime []. Known: tflm"),
        (lambda: convcost.deployed("lenet5", board=3), "a board is a name, a file or a Board, got int"),
        (lambda: convcost.deployable(board=3), "a board is a name, a file or a Board, got int"),
        (lambda: convcost.sweep("lenet5", classes=[1], board=3), "a board is a name, a file or a Board, got int"),
        (lambda: convcost.energy("lenet5", table=[]), "there is no table of energies []. Known: horowitz_45nm, jouppi_7nm"),
        (lambda: convcost.rewrite("lenet5", 3), "a rewrite goes to separable, standard, deployed, grouped:G (G > 1), got int"),
        (lambda: convcost.draw("lenet5", depth=[1]), "depth must be 1 or more, got [1]"),
        (lambda: convcost.load("lenet5", input_shape={3: 4}), "lenet5 has no input 3. Known: input"),
        (lambda: convcost.frontier(y=["top1"], task="detection"), "there is no axis ['top1']. Known: map"),
        (lambda: convcost.frontier(task="detection", dataset=[3]), f"there is no data set [3]{COCO}"),
        (lambda: convcost.frontier(task="detection", dataset=b"coco"), f"there is no data set b'coco'{COCO}"),
        (lambda: convcost.frontier(x="latency", setup=[3]), "there are no published latencies of [3]. `convcost verify --latency all` lists all"),
        (lambda: convcost.frontier(least=[]), f"the least accuracy: {PER_CENT} []"),
        (lambda: convcost.frontier(least=float("inf")), f"the least accuracy: {PER_CENT} inf"),
        (lambda: convcost.frontier(yours={"lenet5": []}), f"lenet5, top1: {PER_CENT} []"),
        (lambda: convcost.calibrate(5), "a table of measurements is the path of a file, got int"),
        (lambda: convcost.calibrate(None), "a table of measurements is the path of a file, got NoneType"),
        (lambda: convcost.calibrate({5: 6}), "a profile is the path of a file, got int"),
        (lambda: convcost.calibrate({"a.json": 6}), "the model of a.json is the path of a file, got int"),
        (lambda: convcost.calibrate("a.csv", where=5), "where is a mapping, as {'device': 'Pixel 4'}, got int"),
        (lambda: convcost.calibrate("a.csv", batch=[]), "batch must be an integer >= 1, got []"),
        (lambda: convcost.draw("lenet5", room=[]), "room must be a number of pixels above 0, got []"),
        (lambda: convcost.draw("lenet5", room=float("nan")), "room must be a number of pixels above 0, got nan"),
        (lambda: convcost.draw(5), "a network is a name, a path or a Network, got int"),
        (lambda: convcost.compare((6, 6, 3), b"x", 3), "standard: convolution: channels must be an integer, got b'x'"),
        (lambda: convcost.compare((6, 6, 3), 5, {3}), "standard: convolution: kernel must be an integer, got {3}"),
        (lambda: convcost.compare((6, 6, 3), 5, 3, padding=b"x"), "standard: convolution: padding must be an integer, got b'x'"),
        (lambda: convcost.compare(5, 5, 3), f"{INPUT}, got a vector of 5"),
        (lambda: convcost.compare((6, 6, 3), 5, 3, execute=5), "execute must be true or false, got 5"),
        (lambda: convcost.deployed("lenet5", limit="16KB"), "limit: '16KB': KB may mean powers of 1,000 or of 1,024; write 16KiB, or the bytes"),
        (lambda: convcost.deployed("lenet5", limit=True), f"limit: 'true' is {BYTES}"),
        (lambda: convcost.deployed("lenet5", limit=-1), f"limit: '-1' is {BYTES}"),
        (lambda: convcost.deployed("lenet5", limit=1.5), "limit: '1.5' is not a whole number of bytes"),
        (lambda: convcost.deployed("lenet5", pointers=0), "addresses have 32 or 64 bits, got 0"),
        (lambda: convcost.deployed("lenet5", pointers=[32]), "addresses have 32 or 64 bits, got [32]"),
        (lambda: convcost.sweep("lenet5", classes=[1], pointers=0), "addresses have 32 or 64 bits, got 0"),
        (lambda: convcost.sweep("lenet5", classes=[1], deploy=8), "deploy is a type, as int8, or true or false, got 8"),
        (lambda: LENET.patches("2x2", limit="4 loaves"), f"limit: '4 loaves' is {BYTES}"),
        (lambda: LENET.patch_front(limit=True), f"limit: 'true' is {BYTES}"),
        (lambda: LENET.patches("2x2", weights_in="RAM"), "weights lie in flash or ram, got 'RAM'"),
        (lambda: LENET.patch_front(weights_in=["ram"]), "weights lie in flash or ram, got ['ram']"),
        (lambda: LENET.patches("2x2", input_in_ram="no"), "input_in_ram must be true or false, got no"),
        (lambda: LENET.patches("2x2", equal=None), "equal must be true or false, got nothing"),
        (lambda: LENET.memory(align="16"), "align must be from 1 to 1,073,741,824 bytes, got '16'"),
        (lambda: LENET.memory(align=True), "align must be from 1 to 1,073,741,824 bytes, got true"),
        (lambda: LENET.memory(parts=None), "a block runs as it is, 1, or in 2 to 1,000,000 parts, got nothing"),
        (lambda: LENET.memory(parts=True), "a block runs as it is, 1, or in 2 to 1,000,000 parts, got true"),
        (lambda: LENET.training(["sgd"]), "there is no optimizer ['sgd']. Known: adam, momentum, sgd"),
        (lambda: LENET.rewrite("separable", layers=["c1"]), "layers is a glob over names, as stage2.*, got list"),
        (lambda: LENET.rewrite("separable", layers=None), "layers is a glob over names, as stage2.*, got NoneType"),
        (lambda: LENET.report(receptive="no"), "receptive must be true or false, got no"),
        (lambda: LENET.report(deploy=""), f"there is no dtype ''{DTYPES}"),
        (lambda: LENET.reconcile("paper", "thop", dtype=5), f"there is no dtype '5'{DTYPES}"),
        (lambda: LENET.report().by(["stage"]), f"cannot group by ['stage']{LEVELS}"),
        (lambda: LENET.report().by(True), "depth must be an integer >= 1, got true"),
        (lambda: LENET.report().table(digits="3"), "digits must be an integer from 1 to 30, got '3'"),
        (lambda: LENET.report().table(units=5), "units is a text, as M or macs=G,params=M, got int"),
        (lambda: convcost.side_by_side("lenet5", "vgg16", by=["op"]), f"cannot group by ['op']{LEVELS}"),
        (lambda: convcost.side_by_side("lenet5", "vgg16", by=2), f"cannot group by 2{LEVELS}"),
        (lambda: convcost.load("lenet5", 224), f"{KNOBS}, got int"),
        (lambda: LENET.at([("classes", 3)]), f"{KNOBS}, got list"),
        (lambda: convcost.sweep("lenet5", "classes"), f"{KNOBS}, got str"),
        (lambda: convcost.report("lenet5", {1: 2}), "the name of a knob is a text, got 1"),
        (lambda: convcost.fit("lenet5", max_params="1M", over={1: 2}), "the name of a knob is a text, got 1"),
        (lambda: convcost.load("lenet5", {"classes": 3}, classes=3), "classes is set twice, in the mapping and by name"),
        (lambda: LENET.at({"classes": 3}, classes=4), "classes is set twice, in the mapping and by name"),
        (lambda: convcost.fit("lenet5", max_params="1M", maximise=["macs"]), "maximise is the name of a metric or axis, got list"),
        (lambda: convcost.calibrate("a.csv", threads="4"), "threads must be an integer >= 1, got '4'"),
        (lambda: convcost.calibrate("a.csv", threads=True), "threads must be an integer >= 1, got true"),
        (lambda: convcost.calibrate("a.csv", title=5), "title is a text, got int"),
        (lambda: convcost.calibrate("a.csv", models=5), "models is the path of a file, got int"),
        (lambda: convcost.calibrate("a.csv", winograd="no"), "winograd must be true or false, got no"),
        (lambda: cost("conv2"), "there is no op 'conv2'. Did you mean conv2d?"),
        (lambda: cost(["conv2d"]), "there is no op ['conv2d']"),
    ],
)  # fmt: skip
def test_what_is_no_name_is_refused_in_words(ask: Any, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        ask()
    assert str(refused.value) == said
