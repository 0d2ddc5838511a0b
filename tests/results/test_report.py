"""Reports: the contract's JSON, sums that agree at every level, exactness at any batch size, titles, pandas."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import convcost
from convcost.results.report import title, to_dict


@pytest.mark.parametrize("model", ["lenet5", "googlenet_aux", "efficientnet_b0"])
def test_batch_multiplies_everything_but_parameters(model: str) -> None:
    network = convcost.load(model)
    one, many = network.report(), network.report(batch=10**10)
    for field in ("macs", "flops", "operations", "activations", "conv_activations", "peak_activation_bytes"):
        assert getattr(many.totals, field) == 10**10 * getattr(one.totals, field)
    for field in ("params", "buffers", "weight_bytes"):
        assert getattr(many.totals, field) == getattr(one.totals, field)


def test_how_much_is_depthwise_can_be_asked_of_the_rows() -> None:
    report = convcost.load("mobilenet_v1").report()
    rows = [row for row in report.to_dict()["layers"] if row["kind"] == "conv2d 3×3 depthwise"]
    # Table 1 of the paper: side of the map that is written, and channels, of each of the 13; nine taps each.
    maps = [(112, 32), (56, 64), (56, 128), (28, 128), (28, 256), (14, 256), *[(14, 512)] * 5, (7, 512), (7, 1024)]
    assert sum(row["macs"] for row in rows) == sum(side**2 * channels * 9 for side, channels in maps) == 17385984
    assert [row["groups"] for row in rows] == [channels for _, channels in maps]
    assert [row["stride"] for row in rows] == [[s, s] for s in (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)]
    assert {tuple(row["kernel"]) for row in rows} == {(3, 3)}
    by_kind = {group.name: group.macs for group in report.by("op")}
    frame = report.to_frame()
    assert frame.groupby("kind")["macs"].sum().to_dict() == by_kind
    assert frame["groups"].dtype == "Int64"  # 32 is not printed as 32.0 because a ReLU has no groups
    relu = next(row for row in report.to_dict()["layers"] if row["op"] == "relu")
    assert (relu["kind"], relu["kernel"], relu["stride"], relu["groups"]) == ("relu", None, None, None)
    pool = convcost.load("vgg16").report().to_dict()["layers"][4]
    assert (pool["kind"], pool["stride"]) == ("max_pool 2×2", [2, 2])  # a pool steps by its kernel


def test_json_is_the_contract() -> None:
    data = to_dict(convcost.load("mobilenet_v2", width=0.75, resolution=192).report())
    assert data["schema"] == "convcost.report/1"
    own = {"width": "0.75", "depth": "1.0", "resolution": 192, "classes": 1000}
    assert data["knobs"] == {"scaling": "authors", **own}
    assert data["input_shape"] == [192, 192, 3]
    assert (data["network"], data["batch"], data["dtype"]) == ("mobilenet_v2", 1, "fp32")
    assert data["convention"]["name"] == "paper"
    assert data["convention"]["unit"] == "MACs"
    assert data["memory_policy"] == "fused"
    assert set(data["totals"]) >= {
        "macs", "flops", "operations", "params", "buffers", "activations", "conv_activations", "weight_bytes",
        "peak_activation_bytes",
    }  # fmt: skip
    layer = data["layers"][0]
    assert layer["name"] == "stem.conv2d"
    assert layer["scope"] == ["stem"]
    assert layer["input_shapes"] == [[192, 192, 3]]
    assert layer["output_shape"] == [96, 96, 24]
    assert layer["macs"] == 96 * 96 * 24 * 27  # 3×3×3 taps
    assert layer["params"] == 24 * 27
    assert layer["activations"] == 96 * 96 * 24
    assert isinstance(layer["line"], int)
    assert json.loads(json.dumps(data)) == data


def test_operations_follow_the_convention_and_macs_do_not() -> None:
    network = convcost.load("lenet5")
    paper, biased, torch = (network.report(name).totals for name in ("paper", "with_bias", "torch"))
    assert paper.macs == biased.macs == torch.macs == paper.operations
    assert torch.operations == 2 * paper.macs
    # One addition per output of each layer: 28·28·6 + 10·10·16 + 120 + 84 + 10.
    assert biased.operations - paper.macs == 4704 + 1600 + 120 + 84 + 10


def test_with_bias_is_what_pycls_counts() -> None:
    # facebookresearch/pycls dev/model_complexity.json, "flops" of its ResNet-50, ResNet-101 and ResNet-152 baselines.
    printed = {"resnet50": 4_089_185_256, "resnet101": 7_801_406_440, "resnet152": 11_513_627_624}
    for model, operations in printed.items():
        assert convcost.load(model).report("with_bias").totals.operations == operations


def test_views_write_nothing() -> None:
    layers = {layer.op: layer for layer in convcost.load("alexnet").report().layers}
    assert layers["flatten"].activations == layers["dropout"].activations == 0
    assert layers["local_response_norm"].activations > 0


def test_a_frame_has_a_row_per_layer() -> None:
    report = convcost.load("vgg16").report()
    frame = report.to_frame()
    assert len(frame) == len(report.layers)
    assert frame["macs"].sum() == report.totals.macs
    assert frame["output_shape"].iloc[0] == [224, 224, 64]


def test_weight_bytes_are_rounded_up_to_whole_bytes() -> None:
    network = convcost.load("lenet5")
    assert network.report(dtype="fp32").totals.weight_bytes == 4 * 61_706
    assert network.report(dtype="int4").totals.weight_bytes == 30_853
    assert network.report(dtype="binary").totals.weight_bytes == 7_714  # 61,706 bits are 7,713.25 bytes


class TestTitle:
    def test_a_name_settles_its_knobs(self) -> None:
        assert title(convcost.load("resnet50").report()) == "ResNet (resnet50) · input 224×224×3 · batch 1"

    def test_other_knobs_are_named(self) -> None:
        report = convcost.load("mobilenet_v2", width=0.75, resolution=192).report(batch=2)
        assert title(report) == "MobileNetV2 (mobilenet_v2) · width 0.75 · input 192×192×3 · batch 2"

    def test_a_rewritten_network_keeps_what_was_settled(self) -> None:
        network = convcost.load("vgg11", width=0.5).rewrite("separable")
        assert title(network.report()) == "VGG (vgg11_separable) · width 0.5 · input 224×224×3 · batch 1"


def test_rows_that_stand_for_kinds_of_op_are_counted_as_words_are(tmp_path: Path) -> None:
    """Of many stages the rows are kinds of op: 1×1 and 3×3."""
    layers = "".join(f"  - conv2d: {{channels: 4, kernel: {1 + 2 * (at % 2)}, padding: same}}\n" for at in range(46))
    (tmp_path / "many.yaml").write_text(
        f"convcost: 1\nname: many\ninput: [8, 8, 3]\nlayers:\n{layers}", encoding="utf-8"
    )
    said = dict(convcost.load(tmp_path / "many.yaml").report().table().notes)["rows"]
    assert said.startswith("2 kinds of op of 46 blocks, ")
