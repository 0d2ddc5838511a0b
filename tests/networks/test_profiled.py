"""Profiles as times of layers: whose a runtime's nodes are, and what is done with those that are nobody's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from helpers.paths import ROOT
from helpers.tflite_bytes import File, Graph

from convcost import UsageError, calibrate, load
from convcost.core.errors import ConvcostError
from convcost.devices.kernels import kernels, total
from convcost.devices.profiles import Profile, Ran, of_tflite, read_profile
from convcost.networks.measured.layers import measured_layers
from convcost.networks.measured.named import Opened
from convcost.networks.measured.profiled import measured_profiles, paired
from convcost.networks.measured.ran import How

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.cli import Cli

    from convcost.networks.measured.layers import Layers

MODEL = ROOT / "tests" / "models" / "mobilenet_v3_small.onnx"
REAL = ROOT / "tests" / "measured" / "mobilenet_v3_small_profile.json"


def layers(model: str, *nodes: Ran) -> Layers:
    """The layers of a model file by nodes that a runtime timed."""
    return measured_layers(Opened(load(model), 1, None), Profile("p.json", "onnxruntime", nodes, None, ""))


def least_times() -> dict[str, float]:
    """Node of the real profile -> its least microseconds after the first run, read without convcost."""
    events = json.loads(REAL.read_text(encoding="utf-8"))
    runs = sorted(event["ts"] for event in events if event["name"] == "model_run")
    found: dict[str, float] = {}
    for event in events:
        if event["cat"] == "Node" and event["ts"] > runs[1]:
            name = event["name"].removesuffix("_kernel_time")
            found[name] = min(found.get(name, 1e9), event["dur"])
    return found


def test_the_layers_of_a_real_profile_take_all_of_its_time() -> None:
    found = measured_layers(Opened(load(str(MODEL)), 1, None), read_profile(str(REAL)))
    times = least_times()
    assert sum(one.ms for one in found.measured) == pytest.approx(sum(times.values()) / 1000)
    assert total(one.terms for one in found.measured) == total(kernels(load(str(MODEL)).walked))
    by_name = {one.network: one.ms for one in found.measured}
    # with the ReLU that is fused into it, and the reordering that runs behind it
    fused = times["/features/features.1/block/block.0/block.0.2/Relu_output_0_nchwc"] + times["ReorderOutput_token_176"]
    assert by_name["features.1.block.0.0"] == pytest.approx(fused / 1000)
    assert "ReorderOutput" in found.note


def test_a_real_profile_makes_a_device_that_times_networks(cli: Cli, tmp_path: Path) -> None:
    device = tmp_path / "here.yaml"
    said = cli.ok("calibrate", REAL, MODEL, "--no-winograd", "-o", device)
    assert "layers, each left out in turn" in said
    assert "1 of 1" not in said
    whole = sum(least_times().values()) / 1000
    assert cli.json("latency", MODEL, "--device", device)["latency_ms"] == pytest.approx(whole, rel=0.15)
    assert "layers, each left out in turn" in cli.ok("latency", MODEL, "--device", device)


CHAIN = """convcost: 1
name: chain
input: [16, 16, 8]
layers:
- {conv2d: {channels: 8, kernel: 3, padding: same}, name: first}
- {relu: , name: act}
- parallel:
    main:
    - {conv2d: {channels: 8, kernel: 3, padding: same}, name: second}
    shortcut: []
  join: add
  name: sum
- {relu: , name: last}
- {global_avg_pool: , name: pool}
- flatten:
- {linear: {channels: 4}, name: head}
"""


@pytest.fixture
def chain(tmp_path: Path) -> str:
    path = tmp_path / "chain.yaml"
    path.write_text(CHAIN, encoding="utf-8")
    return str(path)


def test_what_has_no_time_of_its_own_is_part_of_what_the_runtime_fused_it_into(chain: str) -> None:
    """The convolution goes by the name of the ReLU behind the addition, and is both; the pooling is fused into what it reads."""
    found = layers(chain, Ran("first", "Conv", 2.0), Ran("last_nchwc", "Conv", 3.0), Ran("head", "Gemm", 0.5))
    first, last, head = found.measured
    assert (first.network, first.ms, first.terms["kernels"]) == ("first", 2.0, 1)
    assert (last.ms, head.ms) == (3.0, 0.5)
    assert last.terms["winograd"] == 16 * 36 * 8 * 8  # 16 tiles of 4×4, of 36 products for each pair of channels
    assert last.terms["kernels"] == 4
    assert head.terms["vector"] == 8 * 4
    assert total(one.terms for one in found.measured) == total(kernels(load(chain).walked))
    assert found.note == ""


def test_an_addition_and_a_relu_without_a_time_are_part_of_the_convolution_before_them(chain: str) -> None:
    nodes = [Ran(name, "", 1.0) for name in ("first", "sum.second", "pool", "head")]
    assert [one.terms["kernels"] for one in layers(chain, *nodes).measured] == [1, 3, 1, 1]


def test_nodes_that_no_layer_is_count_with_what_ran_before(chain: str) -> None:
    nodes = [Ran("Reorder", "Reorder", 0.25), Ran("first", "Conv", 2.0), Ran("Reorder_1", "Reorder", 0.5)]
    found = layers(chain, *nodes, Ran("sum.second", "Conv", 3.0), Ran("Cast", "Cast", 0.25), Ran("head", "Gemm", 1.0))
    assert [one.ms for one in found.measured] == [2.75, 3.25, 1.0]
    assert found.note == "14 % of the time is of Reorder, Cast, which count with what ran before"


def test_a_profile_of_another_file_is_refused(chain: str) -> None:
    with pytest.raises(UsageError, match=r"p\.json: 67 % of its time is of ops that chain does not have \(Conv\)"):
        layers(chain, Ran("head", "Gemm", 1.0), Ran("conv1", "Conv", 2.0))
    with pytest.raises(UsageError, match="has no times of single ops; --by network"):
        layers(chain)


def test_ops_of_a_tflite_file_are_known_by_what_they_make_or_by_their_number(tmp_path: Path) -> None:
    file = File()
    graph = Graph(file)
    image = graph.tensor("image", [1, 8, 8, 3])
    weights, bias = graph.stored("w", [4, 3, 3, 3]), graph.stored("b", [4])
    made = graph.tensor("net/conv/Relu;net/conv/BiasAdd", [1, 8, 8, 4])
    graph.op("CONV_2D", [image, weights, bias], [made], padding="SAME", stride_w=1, stride_h=1)
    pooled = graph.tensor("pooled", [1, 4, 4, 4])
    graph.op("MAX_POOL_2D", [made], [pooled], stride_w=2, stride_h=2, filter_width=2, filter_height=2)
    file.graphs.append(graph.table([image], [pooled]))
    path = tmp_path / "net.tflite"
    path.write_bytes(file.bytes())
    nodes = (Ran("net/conv/Relu;net/conv/BiasAdd", "CONV_2D", 0.5, 0), Ran("renamed", "MAX_POOL_2D", 0.25, 1))
    found = layers(str(path), *nodes)
    assert [one.ms for one in found.measured] == [0.5, 0.25]
    assert found.measured[0].terms["direct"] == 64 * 27 * 4
    assert found.note == ""


def test_profiles_stand_before_their_models_or_are_named_after_them(tmp_path: Path) -> None:
    for name in ("net.onnx", "net_small.onnx"):
        (tmp_path / name).write_bytes(b"")
    found = paired(["out/net_small_2026-11-29.json", "net_2026-11-29.json"], [True, True], str(tmp_path))
    assert [model for _, model in found] == ["net_small", "net"]
    with pytest.raises(UsageError, match=r"a\.json: of which model is it\? The model stands behind its profile"):
        paired(["a.json"], [True], None)
    with pytest.raises(UsageError, match=r"no file of .* has a name that it begins with"):
        paired(["a.json"], [True], str(tmp_path))
    with pytest.raises(UsageError, match=r"b\.onnx: a model stands behind its profile"):
        paired(["a.json", "a.onnx", "b.onnx"], [True, False, False], None)


def test_the_whole_of_each_network_can_be_what_is_fitted() -> None:
    taken = measured_profiles([(str(REAL), str(MODEL))], How(), by="network")
    (one,) = taken.networks
    events = json.loads(REAL.read_text(encoding="utf-8"))
    runs = [event["dur"] for event in sorted(events, key=lambda event: event["ts"]) if event["name"] == "model_run"]
    assert one.ms == min(runs[1:]) / 1000
    with pytest.raises(UsageError, match="at least 4 networks, got 0 networks"):
        calibrate({str(REAL): str(MODEL)}, by="network")
    with pytest.raises(UsageError, match="by must be layer or network"):
        calibrate({str(REAL): str(MODEL)}, by="op")


def test_a_model_that_cannot_be_read_is_left_out_and_named(tmp_path: Path, cli: Cli) -> None:
    copy = tmp_path / "copy.json"
    copy.write_bytes(REAL.read_bytes())
    found = cli.json("calibrate", REAL, MODEL, copy, "resnet17")
    assert found["left_out"]["resnet17"].startswith("there is no such network")
    assert [one["network"] for one in found["networks"]] == [str(MODEL)]
    assert "of which model is it?" in cli.refused_in_a_line("calibrate", REAL)
    assert "a model stands behind its profile" in cli.refused_in_a_line("calibrate", REAL, MODEL, MODEL)
    with pytest.raises(ConvcostError, match="cannot be read"):
        calibrate({str(tmp_path / "none.json"): str(MODEL)})


def test_a_table_of_layers_stands_before_its_model_like_a_profile(tmp_path: Path, cli: Cli) -> None:
    network = load("mobilenet_v1")
    speeds = {"direct": 40_000, "pointwise": 20_000, "depthwise": 90_000, "vector": 300_000, "kernels": 5 * 10**9}
    rows = []
    for step, terms in zip(network.steps, kernels(network.walked)):
        if ms := sum(speeds.get(term, 0) * count for term, count in terms.items()) / 10**12:
            rows += [f"{step.node.name},{step.node.op},1,{ms:.9f}", f"{step.node.name},{step.node.op},2,{2 * ms:.9f}"]
    path = tmp_path / "layers.csv"
    path.write_text("\n".join(["name,op,threads,ms", *rows, ""]), encoding="utf-8")
    assert "--where threads=1" in cli.refused_in_a_line("calibrate", path, "mobilenet_v1")
    found = cli.json("calibrate", path, "mobilenet_v1", "--where", "threads=1", "-o", tmp_path / "own.yaml")
    assert (found["error"]["of"], found["error"]["networks"]) == ("layers", len(rows) // 2)
    assert [found["femtoseconds"][term] for term in ("pointwise", "depthwise")] == pytest.approx(
        [20_000, 90_000], rel=0.01
    )
    assert found["source"] == "layers.csv"
    assert "no column 'what'" in cli.refused_in_a_line("calibrate", path, "mobilenet_v1", "--network", "what")
    path.write_text("a,ms\nb,1\n", encoding="utf-8")
    assert "layers.csv:1: no column names layers; it is called layer" in cli.refused_in_a_line(
        "calibrate", path, "vgg16"
    )
    path.write_text("layer,ms\nb,\n", encoding="utf-8")
    assert "layers.csv: ms is empty in every row" in cli.refused_in_a_line("calibrate", path, "vgg16")


XNNPACK = """Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
node type,first,avg_ms,%,cdf%,mem KB,times called,name
Convolution (NHWC, F32) IGEMM,0.16,0.2,10%,10%,0,1,Delegate/Convolution (NHWC\t F32) IGEMM:0
Convolution (NHWC, F32) DWConv,0.16,0.4,20%,30%,0,1,Delegate/Convolution (NHWC\t F32) DWConv:1
Convolution (NHWC, F32) GEMM,0.16,0.8,40%,70%,0,1,Delegate/Convolution (NHWC\t F32) GEMM:2
Global Average Pooling (NWC, F32),0.1,0.1,5%,75%,0,1,Delegate/Global Average Pooling (NWC\t F32):3
Fully Connected (NC, F32) GEMM,0.5,0.5,25%,100%,0,1,Delegate/Fully Connected (NC\t F32) GEMM:4
"""
SEPARABLE = """convcost: 1
name: separable
input: [16, 16, 3]
layers:
- {conv2d: {channels: 8, kernel: 3, padding: same}, name: stem}
- {conv2d: {channels: 8, kernel: 3, padding: same, groups: 8}, name: depthwise}
- {conv2d: {channels: 16, kernel: 1}, name: pointwise}
- {global_avg_pool: , name: pool}
- flatten:
- {linear: {channels: 4}, name: head}
"""


def test_xnnpack_keeps_no_names_and_is_matched_by_the_order_of_its_kernels(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(SEPARABLE, encoding="utf-8")
    nodes = of_tflite(XNNPACK, "p.csv").nodes
    assert (nodes[0].kind, nodes[0].name) == ("Convolution (NHWC, F32) IGEMM", "Delegate/Convolution (NHWC, F32) IGEMM")
    found = layers(str(path), *nodes)
    assert [(one.network, one.ms) for one in found.measured] == [
        ("stem", 0.2),
        ("depthwise", 0.4),
        ("pointwise", pytest.approx(0.9)),  # with the pooling, which counts with what ran before
        ("head", 0.5),
    ]
    swapped = (nodes[1], nodes[0], *nodes[2:])  # depthwise where the file has none
    for wrong in (swapped, nodes[1:]):
        with pytest.raises(UsageError, match="of its time is of ops that separable does not have"):
            layers(str(path), *wrong)
