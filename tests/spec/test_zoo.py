"""The zoo against published totals; the sources stand beside the numbers.

Layers are compared one by one with running frameworks in tests/oracle.
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from helpers.zoo import loaded

import convcost
from convcost import rewrite
from convcost.core.tasks import TASKS
from convcost.networks.load import validate
from convcost.spec.write import resolved
from convcost.spec.zoo import files, find, names

# Trainable parameters and MACs as running implementations count them (torchvision 0.28, keras 3.15; LeNet-5, AlexNet
# and GoogLeNet as written in torch from the papers), confirmed by the recount in the papers' own tables.
TOTALS = {
    ("lenet5",): (61_706, 416_520),
    ("alexnet",): (60_965_224, 724_406_816),
    ("alexnet_ungrouped",): (62_378_344, 1_135_256_096),
    ("vgg11",): (132_863_336, 7_609_090_048),
    ("vgg16",): (138_357_544, 15_470_264_320),
    ("vgg19",): (143_667_240, 19_632_062_464),
    ("googlenet",): (6_998_552, 1_582_671_872),
    ("resnet18",): (11_689_512, 1_814_073_344),
    ("resnet50",): (25_557_032, 4_089_184_256),
    ("resnet152",): (60_192_808, 11_513_626_624),
    ("resnet50_v1",): (25_557_032, 3_857_973_248),
    ("mobilenet_v1", "1"): (4_231_976, 568_740_352),
    ("mobilenet_v1", "0.75"): (2_585_560, 325_400_448),
    ("mobilenet_v1", "0.5"): (1_331_592, 149_497_088),
    ("mobilenet_v1", "0.25"): (470_072, 41_030_272),
    ("mobilenet_v2", "1.4"): (6_108_776, 582_195_824),
    ("mobilenet_v2", "1"): (3_504_872, 300_774_272),
    ("mobilenet_v2", "0.75"): (2_636_424, 209_069_792),
    ("mobilenet_v2", "0.5"): (1_968_680, 97_131_840),
    ("mobilenet_v2", "0.35"): (1_677_128, 59_285_808),
    ("efficientnet_b0",): (5_288_548, 385_814_752),
    ("efficientnet_b1",): (7_794_184, 686_802_832),
    ("efficientnet_b4",): (19_341_616, 4_393_771_024),
    ("efficientnet_b7",): (66_347_960, 37_745_884_192),
    # params: torchvision's weights metadata; MACs: calflops on the same networks, whose rounding the metadata has
    ("alexnet_one_tower",): (61_100_840, 714_188_480),
    ("googlenet_torchvision",): (6_624_904, 1_498_376_192),
    ("inception_v3",): (23_834_568, 5_713_216_096),
    ("squeezenet1_0",): (1_248_424, 818_924_576),
    ("densenet121",): (7_978_856, 2_834_161_664),
    ("mobilenet_v3_large",): (5_483_032, 216_589_760),
    ("mobilenet_v3_small",): (2_542_856, 56_510_400),
    ("resnext50_32x4d",): (25_028_904, 4_230_479_872),
    ("regnet_y_400mf",): (4_344_144, 401_842_848),
    ("convnext_tiny",): (28_589_128, 4_455_531_264),
    ("efficientnet_v2_s",): (21_458_488, 8_365_617_152),
    ("shufflenet_v2_x1_0",): (2_278_604, 144_907_992),
    ("mnasnet1_0",): (4_383_312, 314_415_872),
}


@pytest.mark.parametrize("path", files(), ids=lambda path: path.rsplit("/", 1)[-1])
def test_each_network_says_what_it_is_for(path: str) -> None:
    assert find(path).spec.task in TASKS


def test_the_task_is_said_of_a_network_and_of_what_becomes_of_it() -> None:
    network = loaded("retinanet_resnet50_fpn")
    assert network.task == network.caption.task == "detection"
    assert rewrite(loaded("mobilenet_v1"), to="standard").task == "classification"
    assert "\ntask: super-resolution\n" in resolved(loaded("drrn").graph, "drrn", loaded("drrn").caption)


# Trainable parameters in torchvision's weights metadata, and its "_ops", MACs in thousandths of a billion.
TORCHVISION = {
    "squeezenet1_1": (1_235_496, 349),
    "shufflenet_v2_x0_5": (1_366_792, 40),
    "shufflenet_v2_x1_5": (3_503_624, 296),
    "shufflenet_v2_x2_0": (7_393_996, 583),
    "mnasnet0_5": (2_218_512, 104),
    "mnasnet0_75": (3_170_208, 215),
    "mnasnet1_3": (6_282_256, 526),
    "densenet161": (28_681_000, 7_728),
    "densenet169": (14_149_480, 3_360),
    "densenet201": (20_013_928, 4_291),
    "resnext101_32x8d": (88_791_336, 16_414),
    "resnext101_64x4d": (83_455_272, 15_460),
    "wide_resnet50_2": (68_883_240, 11_398),
    "wide_resnet101_2": (126_886_696, 22_753),
    "convnext_small": (50_223_688, 8_684),
    "convnext_base": (88_591_464, 15_355),
    "convnext_large": (197_767_336, 34_361),
    "efficientnet_v2_m": (54_139_356, 24_582),
    "efficientnet_v2_l": (118_515_272, 56_080),
    "vgg11_bn": (132_868_840, 7_609),
    "vgg13_bn": (133_053_736, 11_308),
    "vgg16_bn": (138_365_992, 15_470),
    "vgg19_bn": (143_678_248, 19_632),
}


@pytest.mark.parametrize("model", TORCHVISION)
def test_torchvision_metadata(model: str) -> None:
    totals = loaded(model).report().totals
    assert (totals.params, round(Fraction(totals.macs, 10**6))) == TORCHVISION[model]


# pycls dev/model_complexity.json: "flops" are MACs and the additions of biases, counted exactly; trainable parameters.
PYCLS = {
    "regnet_x_200mf": (199_040_872, 2_684_792),
    "regnet_x_400mf_paper": (397_678_568, 5_157_512),
    "regnet_x_600mf": (600_891_112, 6_196_040),
    "regnet_x_800mf": (799_700_712, 7_259_656),
    "regnet_x_1_6gf": (1_602_850_792, 9_190_136),
    "regnet_x_3_2gf": (3_176_622_952, 15_296_552),
    "regnet_x_4gf": (3_964_499_816, 22_118_248),
    "regnet_x_6_4gf": (6_460_292_264, 26_209_256),
    "regnet_x_8gf": (7_995_133_416, 39_572_648),
    "regnet_x_12gf": (12_086_679_016, 46_106_056),
    "regnet_x_16gf": (15_940_756_456, 54_278_536),
    "regnet_x_32gf": (31_735_930_792, 107_811_560),
    "regnet_y_200mf": (199_519_076, 3_162_996),
    "regnet_y_400mf": (401_849_056, 4_344_144),
    "regnet_y_600mf": (601_227_608, 6_055_160),
    "regnet_y_800mf_paper": (797_183_328, 6_263_168),
    "regnet_y_1_6gf": (1_612_087_326, 11_202_430),
    "regnet_y_3_2gf": (3_176_496_162, 19_436_338),
    "regnet_y_4gf": (3_973_301_344, 20_646_656),
    "regnet_y_6_4gf": (6_355_221_876, 30_583_252),
    "regnet_y_8gf_paper": (7_963_074_196, 39_180_068),
    "regnet_y_12gf": (12_092_395_504, 51_822_544),
    "regnet_y_16gf": (15_911_534_044, 83_590_140),
    "regnet_y_32gf": (32_279_583_362, 145_046_770),
    "resnext50_32x4d": (4_230_480_872, 25_028_904),
    "resnext101_32x4d": (7_969_997_800, 44_177_704),
}


@pytest.mark.parametrize("model", PYCLS)
def test_pycls_complexity(model: str) -> None:
    totals = loaded(model).report("with_bias").totals
    assert (totals.operations, totals.params) == PYCLS[model]


# arXiv 1905.02244, Table 3, and tensorflow/models mobilenet/README.md: M mult-adds and M parameters. Small is printed
# as 66 M (65 minimalistic); a plain count gives 56.9 and 52.3.
MOBILENET_V3 = [
    ("mobilenet_v3_large", "0.75", "155", "4.0"),
    ("mobilenet_v3_small_1280", "0.75", "44", "2.4"),
    ("mobilenet_v3_large_minimalistic", "1", "209", "3.9"),
    ("mobilenet_v3_small_1280", "1", None, "2.9"),
    ("mobilenet_v3_small_minimalistic", "1", None, "2.0"),
]


# Table 3 in the last version of the paper, where the head has 1024 channels: 56 M (cut off) and 2.5 M; 2.0 M at 0.75.
def test_mobilenet_v3_small_as_the_paper_prints_it_last() -> None:
    whole, thinner = (convcost.load("mobilenet_v3_small", width=width).report().totals for width in ("1", "0.75"))
    assert (whole.macs // 10**6, f"{whole.params / 10**6:.1f}") == (56, "2.5")
    assert f"{thinner.params / 10**6:.1f}" == "2.0"


@pytest.mark.parametrize(("model", "width", "macs", "params"), MOBILENET_V3)
def test_mobilenet_v3_variants_as_published(model: str, width: str, macs: str | None, params: str) -> None:
    totals = convcost.load(model, width=width).report().totals
    assert f"{totals.params / 10**6:.1f}" == params
    assert macs is None or f"{totals.macs / 10**6:.0f}" == macs


# tensorflow/tpu mnasnet/README.md: M parameters of A1 at each depth multiplier.
def test_mnasnet_a1_as_published() -> None:
    params = [convcost.load("mnasnet_a1", width=w).report().totals.params for w in ("1.4", "1", "0.75", "0.5", "0.35")]
    assert [f"{n / 10**6:.1f}" for n in params] == ["6.1", "3.9", "2.9", "2.1", "1.7"]


def test_heads_in_torchvision() -> None:
    # What torchvision builds with both heads, and what its metadata says of Inception v3 (with its head).
    assert loaded("googlenet_torchvision_aux").report().totals.params == 13_004_888
    assert loaded("inception_v3_aux").report().totals.params == 27_161_264


def test_the_other_columns_of_vgg_table_1() -> None:
    # arXiv 1409.1556, Table 2: 134 million for C, 133 for A-LRN. C is D with 1×1 for 3×3 in the last convolution of
    # stages 3 to 5, which saves 8·(256² + 2·512²) weights; normalisation learns nothing.
    params = {name: loaded(name).report().totals.params for name in ("vgg16", "vgg16_c", "vgg11", "vgg11_lrn")}
    assert params["vgg16_c"] == params["vgg16"] - 8 * (256**2 + 2 * 512**2)
    assert round(params["vgg16_c"] / 10**6) == 134
    assert params["vgg11_lrn"] == params["vgg11"]


@pytest.mark.parametrize("case", TOTALS, ids="-".join)
def test_totals(case: tuple[str, ...]) -> None:
    model, *width = case
    totals = convcost.load(model, **({"width": width[0]} if width else {})).report().totals
    assert (totals.params, totals.macs) == TOTALS[case]


def test_both_auxiliary_heads_of_googlenet() -> None:
    # Each: 5×5/3 average pool to 4×4, 1×1 conv to 128, fc 2048 -> 1024 -> 1000, all with biases (section 5).
    first = (512 * 128 + 128) + (2048 * 1024 + 1024) + (1024 * 1000 + 1000)
    second = (528 * 128 + 128) + (2048 * 1024 + 1024) + (1024 * 1000 + 1000)
    plain = loaded("googlenet").report().totals.params
    assert loaded("googlenet_aux").report().totals.params == plain + first + second == 13_378_280


# Scaling of other networks in the EfficientNet paper (arXiv 1905.11946, Table 3): an independent recount in thousandths
# of a billion MACs, and what the paper prints. Its ResNet-50 entries for d=4 and w=2 are swapped in print.
SCALED = [
    ("mobilenet_v1", {"width": 2}, 2_216, "2.2"),
    ("mobilenet_v1", {"resolution": 448}, 2_272, "2.2"),
    ("mobilenet_v2", {"depth": 4}, 1_220, "1.2"),
    ("mobilenet_v2", {"width": 2}, 1_137, "1.1"),
    ("mobilenet_v2", {"resolution": 448}, 1_199, "1.2"),
    ("resnet50", {"depth": 4}, 14_571, "14.7 (as w=2)"),
    ("resnet50", {"width": 2}, 16_117, "16.2 (as d=4)"),
    ("resnet50", {"resolution": 448}, 16_351, "16.4"),
]


@pytest.mark.parametrize(("model", "knobs", "million", "printed"), SCALED)
def test_scaling_by_depth_width_and_resolution(model: str, knobs: dict[str, int], million: int, printed: str) -> None:
    macs = convcost.load(model, **knobs).report().totals.macs
    assert round(Fraction(macs, 10**6)) == million
    assert abs(macs / 10**9 - float(printed.split(maxsplit=1)[0])) < 0.15


def test_mobilenet_v1_table_2_share_per_layer_type() -> None:
    # arXiv 1704.04861, Table 2: 1×1 94.86 % of mult-adds and 74.59 % of parameters (without batch-norm and biases).
    report = loaded("mobilenet_v1").report()
    kinds = {group.name: group for group in report.by("op")}
    weights = 4_209_088  # the sum of the weights in Table 1
    share = {name: round(100 * group.macs / report.totals.macs, 2) for name, group in kinds.items()}
    assert share["conv2d 1×1"] == 94.86
    assert share["conv2d 3×3 depthwise"] == 3.06
    assert share["linear"] == 0.18
    assert round(100 * kinds["conv2d 1×1"].params / weights, 2) == 74.59
    assert round(100 * kinds["conv2d 3×3 depthwise"].params / weights, 2) == 1.06


# timm's infer_macts and pycls' acts count the outputs of conv and linear layers; the first is ResNet-50's.
def test_conv_activations_are_what_timm_prints() -> None:
    assert loaded("resnet50").report().totals.conv_activations == 11_114_984
    assert loaded("resnet50_v1").report().totals.conv_activations == 10_588_136


# Elements alive at once, by an independent liveness computation on torch.fx graphs of the same networks.
PEAKS = {
    ("resnet50", "unfused"): 2_408_448,  # the add of stage 1: three maps of 56·56·256
    ("resnet50", "fused"): 2_408_448,
    ("mobilenet_v2", "unfused"): 2_408_448,  # batch-norm on 112·112·96: input and output
    ("mobilenet_v2", "fused"): 1_505_280,  # 112·112·96 in, 56·56·96 out
    ("efficientnet_b0", "unfused"): 2_408_448,
    ("efficientnet_b0", "fused"): 1_505_280,
    ("vgg16", "unfused"): 6_422_528,  # relu on 224·224·64: input and output
    ("vgg16", "fused"): 6_422_528,  # conv1_2: 224·224·64 in and out
}


@pytest.mark.parametrize(("model", "policy"), PEAKS)
def test_peak_activation_memory(model: str, policy: str) -> None:
    report = loaded(model).report(memory_policy=policy, dtype="int8")
    assert report.totals.peak_activation_bytes == PEAKS[model, policy]


def test_lenet5_on_28_pixels_without_padding_has_44426_parameters() -> None:
    # C5 then sees 4·4·16 = 256 inputs: 156 + 2,416 + 257·120 + 10,164 + 850.
    assert convcost.load("lenet5", resolution=28).report().totals.params == 44_426


@pytest.mark.parametrize("path", files(), ids=lambda path: path.rsplit("/", 1)[-1])
def test_every_file_is_valid_at_every_preset(path: str) -> None:
    assert validate(path) == []


#: Families that do not look at pictures -> the knobs of what they read.
SEQUENCES = {
    "ds_cnn": {"frames", "features"},
    "tcn": {"steps", "features"},
    "mlperf_tiny_ds_cnn": {"frames", "features"},
    "mlperf_tiny_autoencoder": {"frames", "features"},
}
RESTORING = {
    *("drrn", "mlperf_tiny_autoencoder"),
    *("srcnn", "fsrcnn", "espcn", "vdsr", "edsr", "carn", "imdn"),
}
"""Families that put out what they read, larger or without noise, and so have no classes."""


def test_every_family_has_the_knobs_that_are_promised() -> None:
    for name in names():
        knobs, family = set(convcost.load(name).knobs), find(name).spec.name
        assert SEQUENCES.get(family, {"resolution"}) <= knobs, name
        assert family in RESTORING or "classes" in knobs, name
        if name.startswith(("mobilenet", "efficientnet", "resnet", "vgg")):
            assert {"width", "depth"} <= knobs, name


@pytest.mark.parametrize(
    "model",
    [
        *("vgg16", "resnet50", "mobilenet_v1", "mobilenet_v2", "efficientnet_b0"),
        *("mobilenet_edgetpu_100", "mobilenet_edgetpu_v2_m"),
    ],
)
def test_depth_multiplies_the_repeats_of_each_stage_rounded_up(model: str) -> None:
    def repeats(depth: str) -> dict[str, int]:
        blocks = {
            layer.scope[:2] for layer in convcost.load(model, depth=depth).report().layers if len(layer.scope) > 1
        }
        stages = [scope[0] for scope in blocks]
        return {stage: stages.count(stage) for stage in stages}

    once = repeats("1")
    assert repeats("1.5") == {stage: -(-3 * count // 2) for stage, count in once.items()}
    assert repeats("2") == {stage: 2 * count for stage, count in once.items()}


@pytest.mark.parametrize(("depth", "blocks"), [("0.5", 18), ("1", 21), ("1.5", 39), ("2", 42)])
def test_depth_multiplies_the_blocks_of_each_row_of_mobilenet_v4(depth: str, blocks: int) -> None:
    """Conv-M behind its fused stage has 18 rows, three of which stand for two blocks: 18 + 3 are 21, and 15 · 2 + 3 · 3 are 39."""
    report = convcost.load("mobilenetv4_conv_medium", depth=depth).report()
    assert len({layer.scope[:2] for layer in report.layers if layer.name.startswith("stage")}) == blocks


def test_width_multiplies_the_channels_of_mobilenet_edgetpu_but_not_its_head_below_1() -> None:
    """The stem of 5·5·3·64 weights, and the classifier of 1344 inputs (672 · 3 are 2016)."""
    for width, stem, classifier in (("1", 4_800, 1_345_000), ("0.5", 2_400, 1_345_000), ("1.5", 7_200, 2_017_000)):
        group = "96" if width == "1.5" else "64"  # the authors' 64 do not divide 1.5 times the channels
        layers = convcost.load("mobilenet_edgetpu_v2_m", width=width, group=group).report().layers
        assert (layers[0].params, layers[-1].params) == (stem, classifier), width


# LeCun et al. 1998, section II.B: trainable parameters and connections of each layer of LeNet-5 as the text states them;
# a connection of a layer is a multiply-accumulate or a bias addition, or in subsampling one of 4 inputs or the bias.
LENET5_1998 = {
    "c1": (156, 122_304),
    "s2": (12, 5_880),
    "c3": (1_516, 151_600),
    "s4": (32, 2_000),
    "c5": (48_120, 48_120),
    "f6": (10_164, 10_164),
    "output": (0, 840),
}


def test_lenet5_as_published_layer_by_layer() -> None:
    report = loaded("lenet5_1998").report()
    found = {}
    for layer in report.layers:
        units = math.prod(layer.output_shape)
        if layer.name in LENET5_1998:
            inputs = 4 * units if layer.op == "subsample" else layer.macs
            found[layer.name] = (layer.params, inputs + (units if layer.name != "output" else 0))
    assert found == LENET5_1998
    assert report.totals.params == 60_000
    assert sum(connections for _, connections in found.values()) == 340_908


# Trainable parameters and MACs of running implementations, by preset; each is compared layer by layer in tests/oracle.
RUNNING = {
    # pytorchcv's counter and an independent recount
    "shufflenet_v1": (1_865_728, 137_460_672),
    "shufflenet_v1_g1": (1_531_936, 143_078_976),
    "shufflenet_v1_g8": (2_434_768, 138_365_952),
    # keras
    "xception": (22_855_952, 8_357_403_496),
    "inception_resnet_v2": (55_813_192, 13_155_794_016),
    "resnet50_v2": (25_568_360, 3_482_255_360),
    "nasnet_mobile": (5_289_978, 563_638_816),
    "nasnet_large": (88_753_150, 23_783_414_658),
}


@pytest.mark.parametrize("model", RUNNING)
def test_totals_of_running_implementations(model: str) -> None:
    totals = loaded(model).report().totals
    assert (totals.params, totals.macs) == RUNNING[model]


# Millions of MACs, millions of parameters: megvii-model/ShuffleNet-Series, ShuffleNetV1/README.md, whose code has no
# biases in the classifier. (Its 138 M for 1x with 3 groups are 137 M in arXiv 1707.01083, Table 1, and here.)
SHUFFLENET_V1 = [
    ({"groups": 3}, 137, "1.9"),
    ({"groups": 8}, 138, "2.4"),
    ({"groups": 3, "width": 2}, 524, "5.4"),
    ({"groups": 8, "width": 2}, 522, "6.5"),
    ({"groups": 3, "width": 1.5, "stem": 16}, 292, "3.4"),
    ({"groups": 8, "width": 1.5, "stem": 16}, 290, "4.3"),
    ({"groups": 3, "width": 0.5}, 38, "0.7"),
    ({"groups": 8, "width": 0.5}, 40, "1.0"),
]


@pytest.mark.parametrize(("knobs", "million", "params"), SHUFFLENET_V1)
def test_shufflenet_v1_as_its_authors_count(knobs: dict[str, float], million: int, params: str) -> None:
    totals = convcost.load("shufflenet_v1", **knobs).report().totals
    assert (round(totals.macs / 10**6), f"{(totals.params - 1000) / 10**6:.1f}") == (million, params)


# arXiv 1807.11164, Table 5, in M. The left branch of the authors' blocks.py puts out the 24 channels that come in, and
# the right one c - 24 from its c/2: in stage2, at 28·28, 24·24 + c/2·(c - 24) products in place of 24·c/2 + c/2·c/2.
@pytest.mark.parametrize(("model", "c", "printed"), [("x1_0", 116, 146), ("x1_5", 176, 299), ("x2_0", 244, 591)])
def test_shufflenet_v2_as_its_authors_build_it(model: str, c: int, printed: int) -> None:
    half, kept = (
        convcost.load(f"shufflenet_v2_{model}", left_branch=branch).report().totals for branch in ("half", "kept")
    )
    more = 24 * 24 + c // 2 * (c - 24) - 24 * c // 2 - (c // 2) ** 2
    assert (kept.macs - half.macs, kept.params - half.params) == (28 * 28 * more, more)
    assert round(kept.macs / 10**6) == printed


def test_googlenet_with_the_costs_of_table_1_in_its_stem() -> None:
    # 2.7K and 34M: 7·7 filters on 8 copies of 3 channels, and 1×1 from these 24 channels to 64, at 112·112 positions.
    stem = [layer for layer in convcost.load("googlenet", stem="separable").report().layers if "conv1" in layer.scope]
    assert sum(layer.macs for layer in stem) == 112 * 112 * (24 * 49 + 24 * 64) == 34_019_328
    assert sum(layer.params for layer in stem) == 24 * 49 + 24 * 64 + 64


def test_mobilenet_v1_tables_4_and_5() -> None:
    # arXiv 1704.04861: the shallow network, 307 M and 2.9 M; all convolutions full, 4866 M (4867.3 M by an independent
    # recount, each pair of depthwise and pointwise one 3×3 with the stride of the depthwise) and 29.3 M.
    shallow = loaded("mobilenet_v1_shallow").report().totals
    assert (round(shallow.macs / 10**6), round(shallow.params / 10**6, 1)) == (307, 2.9)
    full = convcost.load("mobilenet_v1").rewrite("standard").report().totals
    assert (round(full.macs / 10**6, 1), round(full.params / 10**6, 1)) == (4867.3, 29.3)


# Parameters as osmr/imgclsmob, gluon/README.md, prints them.
OSMR = {
    ("bn_inception",): 11_295_240,
    ("inception_v4",): 42_679_816,
    ("inception_resnet_v2", "bn_scale"): 55_843_464,
    ("nasnet_mobile",): 5_289_978,
}


@pytest.mark.parametrize("case", OSMR, ids="-".join)
def test_parameters_as_osmr_prints_them(case: tuple[str, ...]) -> None:
    model, *switched = case
    assert convcost.load(model, **dict.fromkeys(switched, True)).report().totals.params == OSMR[case]


# open-mmlab/mmpretrain, configs/repvgg/metafile.yml (B0: PaddleClas, 14.34 M); huggingface/pytorch-image-models: parameters
# of the training form, and MACs and outputs of convolutions (with the classifier's) of the inference form.
REPVGG = {
    "repvgg_a0": (8_309_384, "9.11", "1.36", "1.79"),
    "repvgg_a1": (12_789_864, "14.09", "2.36", "2.37"),
    "repvgg_a2": (25_499_944, "28.21", "5.12", "3.13"),
    "repvgg_b0": (14_339_048, "15.82", "3.06", "3.07"),
    "repvgg_b1": (51_829_480, "57.42", "11.82", "5.32"),
    "repvgg_b1g4": (36_125_416, "39.97", "7.31", "5.32"),
    "repvgg_b2": (80_315_112, "89.02", "18.38", "6.45"),
    "repvgg_b2g4": (55_777_512, "61.76", "11.33", "6.45"),
    "repvgg_b3": (110_960_872, "123.09", "26.21", "7.55"),
    "repvgg_b3g4": (75_626_728, "83.83", "16.06", "7.55"),
}


@pytest.mark.parametrize("model", REPVGG)
def test_repvgg_in_both_forms(model: str) -> None:
    totals = loaded(model).report().totals
    training = convcost.load(model, form="training").report().totals
    printed = f"{training.params / 1e6:.2f}", f"{totals.macs / 1e9:.2f}", f"{totals.conv_activations / 1e6:.2f}"
    assert (totals.params, *printed) == REPVGG[model]


# open-mmlab/mmpretrain, configs/mobileone/metafile.yml: parameters of the inference form; its count takes the elements that
# pools read, and not the classifier.
MOBILEONE = {
    "s0": (2_078_504, 274_136_576 - 49 * 1024 + 1024 * 1000),
    "s1": (4_764_840, 823_839_744 - 49 * 1280 + 1280 * 1000),
    "s2": (7_808_168, 1_296_478_848 - 49 * 2048 + 2048 * 1000),
    "s3": (10_078_312, 1_893_842_944 - 49 * 2048 + 2048 * 1000),
    # S4 pools before each squeeze: ten times 14·14·896, and 7·7·896 and 7·7·2048
    "s4": (14_838_352, 2_979_222_528 - 49 * (10 * 4 * 896 + 896 + 2048) - 49 * 2048 + 2048 * 1000),
}


@pytest.mark.parametrize("size", MOBILEONE)
def test_mobileone_as_mmpretrain_prints_it(size: str) -> None:
    totals = loaded(f"mobileone_{size}").report().totals
    assert (totals.params, totals.macs) == MOBILEONE[size]


def test_a_ghost_module_by_hand() -> None:
    """Block 3 at 56×56: of 24 channels 72 - 36 by 1×1, 36 by 3×3 of one each -, and of these 24 again, 12 and 12."""
    layers = {layer.name: layer for layer in loaded("ghostnet_100").report().layers}
    block = [layer for name, layer in layers.items() if name.startswith("block3.") and layer.op == "conv2d"]
    assert [layer.macs // 56**2 for layer in block] == [24 * 36, 9 * 36, 72 * 12, 9 * 12]
    assert [layer.output_shape[-1] for layer in block] == [36, 36, 12, 12]


def test_ghostnet_in_all() -> None:
    totals = loaded("ghostnet_100").report().totals
    # timm 1.0, ghostnet_100: convolutions and linear layers, those of squeeze-and-excitation included
    assert (totals.params, totals.macs) == (5_182_508, 141_150_512)


def test_reactnet_a_by_hand() -> None:
    """Blocks from 32 to 1024 channels at 112 to 7 pixels: 3×3 over c channels, and 1×1 from c to the next."""
    widths = [32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024]
    size, macs, params = 112, 112 * 112 * 27 * 32 + 1024 * 1000, 27 * 32 + 2 * 32 + 1025 * 1000
    for before, after in pairwise(widths):
        size //= 2 if after == 2 * before != 64 else 1
        macs += size**2 * (9 * before**2 + before * after)
        # kernels; the two norms; shifts and slopes of two signs and two PReLUs
        params += 9 * before**2 + before * after + 2 * (before + after) + 5 * before + 3 * after
    totals = loaded("reactnet_a").report().totals
    assert (totals.macs, totals.params) == (macs, params)
