"""Conventions that count bits, words, windows and Winograd's multiplications: by hand, and against what is printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.zoo import loaded

import convcost
from convcost.conventions.catalog import all_conventions, convention
from convcost.core.cost import Factors, OpCost, entry
from convcost.networks.network import Network
from convcost.ops import OPS

if TYPE_CHECKING:
    from helpers.cli import Cli

#: A first layer of 8 bits, a binary 3×3 in two groups, a product of two activations.
SPEC = """
convcost: 1
name: net
input: [4, 4, 2]
bits: {weights: 1, activations: 4, inputs: 8}
layers:
  - {conv2d: {channels: 8, kernel: 1, bias: false}, bits: {weights: 8}, name: first}
  - {conv2d: {channels: 8, kernel: 3, padding: 1, groups: 2, bias: false}, name: middle}
  - {reshape: {shape: [16, 8]}, name: tokens}
  - {transpose: {axes: [1, 0]}, name: turned}
  - {matmul: , in: [turned, tokens], name: product}
  - {linear: {channels: 3, bias: false}, bits: {weights: fp32}, name: last}
"""


@pytest.fixture
def net(tmp_path: Path) -> Network:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return convcost.load(str(path))


# MACs: 16·8·2 = 256 of int8 by int8; 16·8·(9·4) = 4608 of binary by int4; 8·8·16 = 1024 of int4 by int4;
# 8·3·8 = 192 of fp32 by int4.
MACS = {"first": 256, "middle": 4608, "product": 1024, "last": 192}
COUNTS = {
    "bops": {"first": 256 * 64, "middle": 4608 * 4, "product": 1024 * 16, "last": 192 * 128},
    # log2 of the products in a sum: 2 -> 1, 36 -> 5.169925 (4608 of it: 23823.01), 16 -> 4, 8 -> 3.
    "bops_baskin": {
        "first": 256 * (64 + 16 + 1),
        "middle": 4608 * (4 + 5) + 23_823,
        "product": 1024 * (16 + 8 + 4),
        "last": 192 * (128 + 36 + 3),
    },
    "ace": {"first": 256 * 64, "middle": 4608 * 4, "product": 1024 * 16, "last": 192 * 128},
    # The wider factor says how many fit into 64 bits: 8 of int8, 16 of int4; a float is one.
    "cpu64": {"first": 32, "middle": 288, "product": 64, "last": 192},
    "winograd": {**MACS, "middle": 2048},  # 4608 · 4/9
}


@pytest.mark.parametrize("name", COUNTS)
def test_by_hand(net: Network, name: str) -> None:
    report = net.report(name)
    assert {layer.name: layer.operations for layer in report.layers if layer.macs} == COUNTS[name]
    assert report.totals.operations == sum(COUNTS[name].values())


@pytest.mark.parametrize("name", COUNTS)
def test_a_type_that_is_asked_for_goes_before_those_of_the_network(net: Network, name: str) -> None:
    each = {
        "bops": 64, "bops_baskin": 0, "ace": 64, "cpu64": 0, "winograd": 0,
    }[name]  # fmt: skip
    asked = net.report(name, dtype="int8").totals.operations
    if each:
        assert asked == each * sum(MACS.values())
    elif name == "cpu64":
        assert asked == sum(MACS.values()) // 8
    elif name == "winograd":
        assert asked == net.report(name).totals.operations


@pytest.mark.parametrize("second", COUNTS)
@pytest.mark.parametrize("dtype", [None, "int4"])
def test_terms_lead_from_one_total_to_the_other(net: Network, second: str, dtype: str | None) -> None:
    found = net.reconcile("paper", second, dtype=dtype, batch=3)
    assert found.start == 3 * sum(MACS.values())
    assert found.end == 3 * net.report(second, dtype=dtype).totals.operations
    assert found.start + sum(term.difference for term in found.terms) == found.end


@pytest.mark.parametrize(
    ("attrs", "saves"),
    [
        ({"kernel": 3, "padding": 1}, True),
        ({"kernel": 3, "padding": 1, "groups": 2}, True),
        ({"kernel": 3, "padding": 1, "groups": 4, "channels": 8}, False),
        ({"kernel": 3, "padding": 1, "stride": 2}, False),
        ({"kernel": 3, "padding": 1, "stride": [1, 2]}, False),
        ({"kernel": 3, "padding": 2, "dilation": 2}, False),
        ({"kernel": [3, 1]}, False),
        ({"kernel": 5, "padding": 2}, False),
        ({"kernel": 1}, False),
    ],
)
def test_what_winograd_is_for(attrs: dict[str, object], saves: bool) -> None:
    given = OPS["conv2d"].convert({"channels": 6, **attrs})
    cost = OPS["conv2d"].cost([(8, 8, 4)], given)
    counted = convention("winograd").operations("conv2d", cost, [(8, 8, 4)], attrs=given)
    assert 9 * counted == (4 if saves else 9) * cost.macs


@pytest.mark.parametrize("bits", [2, 3, 5, 6, 7])
def test_words_round_to_the_nearest(bits: int) -> None:
    pair = Factors("binary", f"int{bits}")
    for macs in range(200):
        found = entry("word_macs", OpCost((), macs=macs), [], factors=pair)
        assert abs(2 * (64 * found - bits * macs)) <= 64


def test_a_logarithm_is_rounded_exactly() -> None:
    """2^x between neighbours: the nearest whole number n of m · log2(s) has 2^(2n-1) <= s^(2m) < 2^(2n+1)."""
    for summed in (2, 3, 9, 27, 36, 576):
        for outputs in (1, 2, 5, 16):
            macs = summed * outputs
            found = entry("log2_products", OpCost(out=((outputs,),), macs=macs), [])
            assert 2 ** (2 * found - 1) <= summed ** (2 * macs) < 2 ** (2 * found + 1)


def test_only_those_that_count_bits_depend_on_types() -> None:
    assert {name for name, one in all_conventions().items() if one.by_type} == {"bops", "bops_baskin", "ace", "cpu64"}


def test_hawq_prints_bit_operations_of_resnets() -> None:
    """HAWQ model_zoo.md: 1858 and 116 G for ResNet-18 in floats and with 8 bits, 3951 and 247 G for ResNet-50 (v1)."""
    for model, floats, eight in (("resnet18", 1858, 116), ("resnet50_v1", 3951, 247)):
        counts = [loaded(model).report("bops", dtype=dtype).totals.operations for dtype in ("fp32", "int8")]
        assert [round(count / 10**9) for count in counts] == [floats, eight]


# tf.compat.v1.profiler of TensorFlow 2.21, float_operation, of tf.keras.applications (weights=None), batch 1: the sums over
# Conv2D and DepthwiseConv2dNative, MatMul, MaxPool and AvgPool, Mean. (Its Conv2D is without the biases of its BiasAdd.)
TF = {
    "vgg16": (30_693_261_312, 247_267_328, 6_121_472, 0),
    "resnet50_v1": (7_711_850_496, 4_096_000, 1_806_336, 100_352),
    "densenet121": (5_666_275_328, 2_048_000, 1_806_336 + 702_464, 50_176),
    "inception_v3": (11_422_336_192, 4_096_000, 18_021_600 + 6_377_760, 131_072),
    "xception": (16_446_330_304 + 264_380_688, 4_096_000, 12_749_400, 204_800),
    "mobilenet_v2": (557_555_712 + 41_432_832, 2_560_000, 0, 62_720),
}


@pytest.mark.parametrize("model", TF)
def test_what_tensorflow_s_profiler_prints(model: str) -> None:
    report = loaded(model).report("tf_profiler")
    found = {group.name.split()[0]: 0 for group in report.by("op")}
    for layer in report.layers:
        found[layer.op] += layer.operations - int(layer.step.cost.bias_adds)
    pools = found.get("max_pool", 0) + found.get("avg_pool", 0)
    assert (found["conv2d"], found["linear"], pools, found.get("global_avg_pool", 0)) == TF[model]


def test_keras_flops_prints_its_example(tmp_path: Path) -> None:
    """tokusumi/keras-flops README.md: 0.0338 G."""
    path = tmp_path / "example.yaml"
    path.write_text(
        "convcost: 1\nname: example\ninput: [32, 32, 3]\nlayers:\n  - conv2d: {channels: 32, kernel: 3}\n  - relu\n"
        "  - conv2d: {channels: 64, kernel: 3}\n  - relu\n  - max_pool: {kernel: 2, stride: 2}\n  - flatten\n"
        "  - linear: {channels: 128}\n  - relu\n  - linear: {channels: 10}\n  - softmax\n",
        encoding="utf-8",
    )
    # 30·30·32·(54 + 1) + 28·28·64·(576 + 1) + 14·14·64·4 + 12544·128·2 + 128 + 128·10·2 + 10 + 5·10
    by_hand = 1_584_000 + 28_951_552 + 50_176 + 3_211_264 + 128 + 2_560 + 10 + 50
    assert convcost.load(str(path)).report("tf_profiler").totals.operations == by_hand
    assert f"{by_hand / 10**9:.03}" == "0.0338"


def test_an_explanation_names_the_types(net: Network) -> None:
    text = " ".join(convcost.explain(net, "middle", convention="bops").table().render().split())
    assert "= 18,432 BOPs (binary by int4)" in text
    asked = " ".join(convcost.explain(net, "middle", convention="bops", dtype="int8").table().render().split())
    assert "= 294,912 BOPs (int8 by int8)" in asked


# Layers of each stage, widths of the first stages and of the last, groups of every second layer (RepVGG, Tables 2 and 3).
REPVGG = {
    "repvgg_a0": ((2, 4, 14, 1), 0.75, 2.5, 1),
    "repvgg_a1": ((2, 4, 14, 1), 1, 2.5, 1),
    "repvgg_b0": ((4, 6, 16, 1), 1, 2.5, 1),
    "repvgg_b1g4": ((4, 6, 16, 1), 2, 4, 4),
    "repvgg_b3": ((4, 6, 16, 1), 3, 5, 1),
}


@pytest.mark.parametrize("model", REPVGG)
def test_wino_muls_of_repvgg(model: str) -> None:
    """An independent recount; arXiv 2101.03697 counts 4/9 of the multiplications of 3×3 layers with stride 1."""
    numbers, first, last, groups = REPVGG[model]
    before, size, layer = min(64, int(64 * first)), 112, 1
    count = 112 * 112 * 27 * before
    for number, width in zip(numbers, (64 * first, 128 * first, 256 * first, 512 * last)):
        size //= 2
        for place in range(number):
            macs = size**2 * 9 * before * int(width) // (groups if layer % 2 == 0 else 1)
            count += macs * 4 // 9 if place else macs
            before, layer = int(width), layer + 1
    count += before * 1000
    assert loaded(model).report("winograd").totals.operations == count
    assert model != "repvgg_a0" or count == 747_296_768  # Table 4: 0.7 B


def test_reactnet_as_it_is_printed() -> None:
    """7.9 ACE (arXiv 2112.00133, abstract); 0.87 · 10^8 operations, a 64th for binary ones (arXiv 2003.03488, Table 1)."""
    network = loaded("reactnet_a")
    floats = 112 * 112 * 27 * 32 + 1024 * 1000
    binary = network.report().totals.macs - floats
    assert network.report("ace").totals.operations == binary + 256 * floats == 7_853_572_096
    assert network.report("cpu64").totals.operations == binary // 64 + floats == 87_126_016


def pokebnn(width: float) -> tuple[int, int, int]:
    """Multiply-accumulates of 1, 4 and 8 bits, as size_stats in google/aqt pokebnn.py goes through them."""
    eight = 56 * 56 * (4 * 4 * 3) * 32 + 56 * 56 * (3 * 3) * 64
    one, four, read, size = 0, 0, 64, 56
    for number, features in ((3, 64), (4, 128), (6, 256), (3, 512)):
        inner = int(features * width)
        for place in range(number):
            strided = place == 0 and features > 64
            for kernel, stride, made in ((1, 1, inner), (3, 2 if strided else 1, inner), (1, 1, 4 * inner)):
                size //= stride
                one += size**2 * kernel**2 * read * made
                four += read * (read // 8) + (read // 8) * made
                read = made
    return one, four, eight + read * 1000


@pytest.mark.parametrize("width", [0.5, 0.75, 1.0, 2.0])
def test_pokebnn(width: float) -> None:
    one, four, eight = pokebnn(width)
    network = loaded(f"pokebnn_{str(width).replace('.', '_')}x")
    assert network.report().totals.macs == one + four + eight
    assert network.report("ace").totals.operations == one + 16 * four + 64 * eight
    near = one / 64 + four / 16 + eight / 8
    assert abs(network.report("cpu64").totals.operations - near) <= len(network.steps) / 2
    # arXiv 2112.00133, abstract: a small variant has 2.6 ACE.
    assert width != 0.75 or round(network.report("ace").totals.operations / 10**9, 1) == 2.6


def test_no_convolution_of_efficientnet_is_accelerated() -> None:
    """arXiv 2101.03697, section 4.1: "none of the conv in EfficientNet-B0/B3 is accelerated by Winograd algorithm"."""
    network = loaded("efficientnet_b0")
    assert network.report("winograd").totals.operations == network.report().totals.macs


@pytest.mark.usefixtures("net")
def test_bits_on_the_command_line(cli: Cli, tmp_path: Path) -> None:
    """Bits are asked for, or are those of the spec; what has none refuses."""
    path = str(tmp_path / "net.yaml")
    asked = cli.json("reconcile", path, "bops", "--dtype", "int8")
    assert (asked["dtype"], asked["second"]["operations"]) == ("int8", 64 * sum(MACS.values()))
    stated = cli.json("reconcile", path, "bops")
    assert stated["second"]["operations"] == sum(COUNTS["bops"].values())
    assert "as int8" in cli.ok("reconcile", path, "--dtype", "int8")
    shown = cli.ok("explain", path, "middle", "--convention", "bops", "--dtype", "int8")
    assert "294,912 BOPs (int8 by int8)" in " ".join(shown.split())
    said = cli.refused("reconcile", path, "--printed", "4G", "--dtype", "int8")
    assert "printed figures are of the types that the network states: leave out --dtype" in said
    said = cli.refused("explain", path, "--symbols", "width", "--dtype", "int8")
    assert "--symbols counts MACs and params, which have no bits: leave out --dtype" in said
