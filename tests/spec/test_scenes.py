"""Networks of the zoo that look at clips, sequences and whole scenes: against running implementations and arithmetic.

They are compared layer by layer with torchvision's in tests/oracle/test_running.py.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from helpers.sweeps import assert_a_sweep_is_the_network_at_each_point
from helpers.zoo import loaded

import convcost

# Trainable parameters and MACs of torchvision's networks, as they run (torchvision 0.28).
TORCHVISION = {
    "r3d_18": (33_371_472, 40_696_553_472),
    "mc3_18": (11_695_440, 43_342_635_008),
    "r2plus1d_18": (31_505_325, 40_519_080_960),
    "s3d": (8_320_048, 17_978_771_456),
    "fcn_resnet50": (32_957_013, 142_725_772_800),
    "fcn_resnet50_aux": (35_322_218, 152_716_512_000),
    "fcn_resnet101": (51_949_141, 222_746_867_200),
    "fcn_resnet101_aux": (54_314_346, 232_737_606_400),
    "deeplabv3_resnet50": (39_638_869, 168_731_205_888),
    "deeplabv3_resnet50_aux": (42_004_074, 178_721_945_088),
    "deeplabv3_resnet101": (58_630_997, 248_752_300_288),
    "deeplabv3_resnet101_aux": (60_996_202, 258_743_039_488),
    "deeplabv3_mobilenet_v3_large": (11_025_477, 10_436_350_688),
    "deeplabv3_mobilenet_v3_large_aux": (11_029_328, 10_452_447_938),
    "lraspp_mobilenet_v3_large": (3_221_538, 2_086_219_688),
    "ssdlite320_mobilenet_v3_large": (3_440_060, 583_171_904),
    "ssd300_vgg16": (35_641_826, 34_858_153_472),
    "retinanet_resnet50_fpn": (34_014_999, 151_540_437_248),
    "retinanet_resnet50_fpn_v2": (38_198_935, 152_238_199_040),
    "fcos_resnet50_fpn": (32_269_600, 128_207_052_800),
}


@pytest.mark.parametrize("model", TORCHVISION)
def test_totals_of_torchvision(model: str) -> None:
    totals = loaded(model).report().totals
    assert (totals.params, totals.macs) == TORCHVISION[model]


def below(report: Any, *scopes: str) -> list[Any]:
    """The layers whose outermost scopes are these."""
    return [layer for layer in report.layers if layer.scope[: len(scopes)] == scopes]


def macs_of(report: Any, name: str) -> int:
    """The MACs of one layer by its dotted path."""
    (layer,) = [layer for layer in report.layers if layer.name == name]
    return int(layer.macs)


# --- video ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("flat_from", "million"), [(2, "11.4"), (3, "11.7"), (4, "12.7"), (5, "16.9"), (6, "33.4")])
def test_mixed_convolutions_of_the_paper(flat_from: int, million: str) -> None:
    """arXiv 1711.11248, Table 2: M parameters of MC2, MC3, MC4, MC5 and R3D; a 1×3×3 kernel has a third of a 3×3×3's."""
    report = convcost.load("r3d_18", flat_from=flat_from).report()
    assert f"{report.totals.params / 10**6:.1f}" == million
    wide = {group: 64 * 2 ** (group - 2) for group in (2, 3, 4, 5)}
    kernels = {group: c * (wide.get(group - 1, c) + 3 * c) for group, c in wide.items()}  # of four convolutions
    saved = sum(18 * kernels[group] for group in wide if group >= flat_from)
    assert report.totals.params == TORCHVISION["r3d_18"][0] - saved


def test_channels_between_space_and_time() -> None:
    """Section 3.5: M = 27·in·out // (9·in + 3·out), in torchvision of the whole block, in the paper of each convolution."""

    def between(c: int, out: int) -> int:
        return 27 * c * out // (9 * c + 3 * out)

    assert [between(64, 64), between(64, 128), between(128, 128)] == [144, 230, 288]
    for knob, second in (("block", between(64, 128)), ("conv", between(128, 128))):
        report = convcost.load("r2plus1d_18", between=knob).report()
        widths = {layer.name: layer.output_shape[-1] for layer in report.layers if layer.name.endswith("spatial")}
        assert widths["conv3_x.block1.conv1.spatial"] == between(64, 128)
        assert widths["conv3_x.block1.conv2.spatial"] == second
        assert widths["conv3_x.block2.conv2.spatial"] == between(128, 128)


def test_34_layers() -> None:
    """Table 1: 3, 4, 6 and 3 blocks. Each one more has twice 3×3×3 from and to its channels, and two batch-norms."""
    more = {64: 3 - 2, 128: 4 - 2, 256: 6 - 2, 512: 3 - 2}
    deeper = sum(blocks * (2 * 27 * c * c + 2 * 2 * c) for c, blocks in more.items())
    assert loaded("r3d_34").report().totals.params == TORCHVISION["r3d_18"][0] + deeper


@pytest.mark.parametrize("frames", [8, 16, 32])
def test_frames_of_a_video_resnet(frames: int) -> None:
    """Everything but the classifier is proportional to the number of frames, where each stage halves them evenly."""
    fc = 512 * 400
    per_frame, remainder = divmod(TORCHVISION["r3d_18"][1] - fc, 16)
    assert remainder == 0
    assert convcost.load("r3d_18", frames=frames).report().totals.macs == frames * per_frame + fc


def test_s3d_classifies_before_it_averages() -> None:
    """64 frames are 8 at the end; an average over 2 of them with stride 1 leaves 7 to classify. torchvision: 71.9 G."""
    totals = convcost.load("s3d", frames=64).report()
    assert macs_of(totals, "classifier") == 7 * 1024 * 400
    assert (totals.totals.params, totals.totals.macs) == (TORCHVISION["s3d"][0], 71_916_314_624)


def test_s3d_takes_each_convolution_apart() -> None:
    """The first one: 7×7 from 3 to 64 channels in each of 16 frames, then 7 frames from 64 to 64 at every second."""
    report = loaded("s3d").report()
    assert macs_of(report, "conv1.spatial.conv3d") == 16 * 112 * 112 * 49 * 3 * 64
    assert macs_of(report, "conv1.temporal.conv3d") == 8 * 112 * 112 * 7 * 64 * 64


# --- segmentation -----------------------------------------------------------------------------------------------


def test_a_resnet_that_dilates() -> None:
    """arXiv 1706.05587, section 3.1: rates double where strides are left out, from the second block of a stage on."""
    report = convcost.load("resnet50", output_stride=8, resolution=520).report()
    spatial = {layer.name: layer for layer in report.layers if layer.name.endswith("conv2.conv2d")}
    dilations = {"conv3_x": [1] * 4, "conv4_x": [1] + [2] * 5, "conv5_x": [2] + [4] * 2}
    for stage, expected in dilations.items():
        convs = [layer for name, layer in spatial.items() if name.startswith(stage)]
        assert [layer.step.node.attrs["dilation"] for layer in convs] == [(d, d) for d in expected]
        assert {layer.output_shape[:2] for layer in convs} == {(65, 65)}
    assert report.totals.params == loaded("resnet50").report().totals.params


def test_output_stride_16_leaves_all_but_the_last_stage_alone() -> None:
    """The last map has 14×14 positions for 7×7: each convolution there does four times as much, but the first 1×1."""
    plain, dilated = (convcost.load("resnet50", output_stride=stride).report() for stride in (32, 16))
    last, first = "conv5_x", "conv5_x.block1.conv1.conv2d"
    assert sum(layer.macs for layer in dilated.layers if last not in layer.scope) == sum(
        layer.macs for layer in plain.layers if last not in layer.scope
    )
    in_last = sum(layer.macs for layer in plain.layers if last in layer.scope) - macs_of(plain, first)
    assert sum(layer.macs for layer in dilated.layers if last in layer.scope) == 4 * in_last + macs_of(dilated, first)
    assert macs_of(dilated, first) == macs_of(plain, first) == 14 * 14 * 1024 * 512


def test_a_mobilenet_v3_that_dilates() -> None:
    """arXiv 1905.02244, section 6.4: the three last blocks at a 16th, with dilation 2. At 224 they have 14×14 positions."""
    report = convcost.load("mobilenet_v3_large", output_stride=16).report()
    deep = [layer for layer in report.layers if layer.name.endswith("depthwise.conv2d")]
    assert [layer.step.node.attrs["dilation"] for layer in deep] == [(1, 1)] * 12 + [(2, 2)] * 3
    assert [layer.output_shape for layer in deep[-3:]] == [(14, 14, 672), (14, 14, 960), (14, 14, 960)]
    assert report.totals.params == loaded("mobilenet_v3_large").report().totals.params


@pytest.mark.parametrize("head", ["fcn", "deeplabv3"])
def test_auxiliary_heads_of_segmenters(head: str) -> None:
    """3×3 from 1024 to a quarter, batch-norm, 1×1 to 21 classes, at 65×65; on MobileNetV3 from its 40 channels at an eighth."""
    with_it, without = (loaded(f"{head}_resnet50{aux}").report().totals for aux in ("_aux", ""))
    weights, rest = 9 * 1024 * 256 + 256 * 21, 2 * 256 + 21
    assert with_it.params - without.params == weights + rest
    assert with_it.macs - without.macs == 65 * 65 * weights
    if head == "deeplabv3":
        params = [loaded(f"deeplabv3_mobilenet_v3_large{aux}").report().totals.params for aux in ("_aux", "")]
        assert params[0] - params[1] == (9 * 40 * 10 + 10 * 21) + (2 * 10 + 21)


def test_segmenters_put_out_the_picture() -> None:
    """Also where its sides are odd and differ; the auxiliary head is a second output."""
    for model in ("fcn_resnet50_aux", "deeplabv3_mobilenet_v3_large_aux", "lraspp_mobilenet_v3_large"):
        walked = convcost.load(model, input_shape=(193, 257, 3), classes=5).walked
        shapes = {step.node.name: step.cost.out[0] for step in walked.steps}
        assert [shapes[edge] for edge in walked.outputs] == [(193, 257, 5)] * (1 + model.endswith("_aux"))


def test_the_pyramid_of_deeplabv3() -> None:
    """Figure 5: 1×1, three rates and the pooled map, 256 channels each from 2048. The paper's rates at output stride 16."""
    report = convcost.load("deeplabv3_resnet50", output_stride=16, rate=6).report()
    convs = [layer for layer in below(report, "aspp") if layer.op == "conv2d"]
    assert [layer.step.node.attrs["dilation"][0] for layer in convs] == [1, 6, 12, 18, 1, 1]
    positions = 33 * 33
    expected = [positions * 2048 * 256, *[positions * 9 * 2048 * 256] * 3, 2048 * 256, positions * 5 * 256 * 256]
    assert [layer.macs for layer in convs] == expected


def test_the_head_of_lraspp() -> None:
    """Figure 10: 960 channels at 33×33 become 128, gated by those of the pooled map; 40 at 65×65 are the finer ones."""
    report = loaded("lraspp_mobilenet_v3_large").report()
    assert sum(layer.macs for layer in below(report, "head")) == (33 * 33 + 1) * 960 * 128 + 65 * 65 * (40 + 128) * 21
    assert sum(layer.params for layer in below(report, "head")) == 2 * 960 * 128 + 2 * 128 + (40 + 128) * 21 + 2 * 21


UNET = [64, 128, 256, 512, 1024]


def test_unet_by_hand() -> None:
    """Twice 3×3 at each size down to 16×16 and up again, 2×2 up-convolutions with a bias, 1×1 to two classes."""
    totals = loaded("unet").report().totals
    params = macs = 0
    for level, c in enumerate(UNET):
        positions = (256 >> level) ** 2
        before = UNET[level - 1] if level else 3
        down = 9 * before * c + 9 * c * c
        params, macs = params + down + 2 * 2 * c, macs + positions * down
        if level < 4:
            up, convs = 4 * 2 * c * c, 9 * 2 * c * c + 9 * c * c  # the one from twice the channels of the level below
            params, macs = params + up + c + convs + 2 * 2 * c, macs + positions // 4 * up + positions * convs
    params, macs = params + 64 * 2 + 2, macs + 256 * 256 * 64 * 2
    assert (totals.params, totals.macs) == (params, macs) == (31_037_698, 48_171_581_440)


def test_unet_of_the_paper() -> None:
    """arXiv 1505.04597, Figure 1: 572×572 pixels become 388×388; the maps of the encoder are cropped before they are joined."""
    report = loaded("unet_2015").report()
    sizes = {layer.name: layer.output_shape for layer in report.layers}
    assert [sizes[f"down{n}.conv2.act"] for n in (1, 2, 3, 4)] == [
        (568, 568, 64),
        (280, 280, 128),
        (136, 136, 256),
        (64, 64, 512),
    ]
    assert sizes["middle.conv2.act"] == (28, 28, 1024)
    assert [sizes[f"up{n}.concat"] for n in (4, 3, 2, 1)] == [
        (56, 56, 1024),
        (104, 104, 512),
        (200, 200, 256),
        (392, 392, 128),
    ]
    assert sizes["head"] == (388, 388, 2)
    # One input channel instead of three, and a bias instead of the two numbers of a batch-norm, behind 18 convolutions.
    biases = 2 * (2 * sum(UNET[:4]) + UNET[4])
    assert report.totals.params == 31_037_698 - 2 * 9 * 64 - biases


# --- detection --------------------------------------------------------------------------------------------------


def test_the_class_head_of_retinanet_is_stored_once_and_used_five_times() -> None:
    """arXiv 1708.02002: a 600-pixel-high input is usual; here 800×1280. Four 3×3 of 256 channels and one to 9·80 at each level."""
    report = convcost.load("retinanet_resnet50_fpn", input_shape=(800, 1280, 3), classes=80).report()
    levels = [100 * 160, 50 * 80, 25 * 40, 13 * 20, 7 * 10]
    per_position = 4 * 9 * 256 * 256 + 9 * 256 * 720
    head = below(report, "scores")
    assert sum(layer.macs for layer in head) == sum(levels) * per_position == 85_707_694_080
    assert sum(layer.params for layer in head) == 4 * (9 * 256 * 256 + 256) + 9 * 256 * 720 + 720 == 4_019_920
    (scores,) = [layer for layer in report.layers if layer.name == "scores.concat"]
    assert scores.output_shape == (9 * sum(levels), 80)


def test_frozen_batch_norms_are_buffers() -> None:
    """Two numbers per channel of ResNet-50's 53 batch-norms move from what is trained to what is stored beside."""
    channels = 64 + 3 * (64 + 64 + 256) + 4 * (128 + 128 + 512) + 6 * (256 + 256 + 1024) + 3 * (512 + 512 + 2048)
    channels += 256 + 512 + 1024 + 2048  # the projections
    frozen, trained = (convcost.load("retinanet_resnet50_fpn", frozen=f).report().totals for f in (True, False))
    assert trained.params - frozen.params == frozen.buffers - trained.buffers == 2 * channels == 53_120


def test_the_pyramid_of_retinanet() -> None:
    """Section 3: p3 to p5 are as large as the backbone's maps, p6 and p7 half of what is before them."""
    report = convcost.load("retinanet_resnet50_fpn_v2", input_shape=(800, 1280, 3)).report()
    shapes = {layer.name: layer.output_shape for layer in report.layers}
    maps = {"p3": (100, 160), "p4": (50, 80), "p5": (25, 40), "p6": (13, 20), "p7": (7, 10)}
    assert {name: shapes[name] for name in maps} == {name: (*size, 256) for name, size in maps.items()}
    assert macs_of(report, "p6") == 13 * 20 * 9 * 2048 * 256


def test_ssdlite_looks_at_six_maps() -> None:
    """20², 10², 5², 3², 2² and 1 positions with 6 boxes each; the first map is the expansion to 672 channels."""
    report = loaded("ssdlite320_mobilenet_v3_large").report()
    shapes = {layer.name: layer.output_shape for layer in report.layers}
    boxes = 6 * (400 + 100 + 25 + 9 + 4 + 1)
    assert (shapes["boxes.concat"], shapes["scores.concat"]) == ((boxes, 4), (boxes, 91))
    maps = [(400, 672), (100, 480), (25, 512), (9, 256), (4, 256), (1, 128)]
    scores = sum(layer.macs for layer in below(report, "scores"))
    assert scores == sum(positions * c * (9 + 6 * 91) for positions, c in maps)


def test_ssd_has_8732_boxes() -> None:
    """arXiv 1512.02325, section 3.1 and Table 7: 38²·4 + 19²·6 + 10²·6 + 5²·6 + 3²·4 + 4."""
    (boxes,) = [layer for layer in loaded("ssd300_vgg16").report().layers if layer.name == "boxes.concat"]
    assert boxes.output_shape == (8732, 4)


def test_the_heads_of_fcos() -> None:
    """arXiv 1904.01355, Figure 2: towers of four, then classes; distances to four sides, and how central it is."""
    report = loaded("fcos_resnet50_fpn").report()
    positions = 100**2 + 50**2 + 25**2 + 13**2 + 7**2
    tower = 4 * 9 * 256 * 256
    for head, numbers in (("scores", 91), ("boxes", 4 + 1)):
        assert sum(layer.macs for layer in below(report, head)) == positions * (tower + 9 * 256 * numbers)
        params = tower + 4 * 256 + 4 * 2 * 256 + 9 * 256 * numbers + numbers
        assert sum(layer.params for layer in below(report, head)) == params


# Trainable parameters. YOLOv3 and YOLOv5: "Model Summary: 333 layers, 61949149 parameters", as ultralytics/yolov3 and yolov5
# print at the start of a training; YOLOv8 and YOLO11: "gradients" in ultralytics' cfg/models/v8/yolov8.yaml and 11/yolo11.yaml.
PARAMS = {
    "yolov3": 61_949_149,
    "yolov3_spp": 62_998_749,
    "yolov5s": 7_235_389,
    "yolov8n": 3_157_184,
    "yolov8s": 11_166_544,
    "yolov8m": 25_902_624,
    "yolov8l": 43_691_504,
    "yolov8x": 68_229_632,
    "yolo11n": 2_624_064,
    "yolo11s": 9_458_736,
    "yolo11m": 20_114_672,
    "yolo11l": 25_372_144,
    "yolo11x": 56_966_160,
}


@pytest.mark.parametrize("model", PARAMS)
def test_parameters_of_detectors(model: str) -> None:
    assert loaded(model).report().totals.params == PARAMS[model]


def test_yolov3_tiny_by_hand() -> None:
    """Seven 3×3 convolutions on maps from 416² to 13², four more behind them, and 255 numbers at 13² and 26² positions."""
    chain = [(416, 3, 16), (208, 16, 32), (104, 32, 64), (52, 64, 128), (26, 128, 256), (13, 256, 512), (13, 512, 1024)]
    behind = [(13, 1, 1024, 256), (13, 9, 256, 512), (13, 1, 256, 128), (26, 9, 256 + 128, 256)]
    convs = [*((size, 9, before, after) for size, before, after in chain), *behind]
    heads = [(13, 512), (26, 256)]
    totals = loaded("yolov3_tiny").report().totals
    macs = sum(size * size * taps * before * after for size, taps, before, after in convs)
    assert totals.macs == macs + sum(size * size * c * 255 for size, c in heads) == 2_782_480_896
    params = sum(taps * before * after + 2 * after for _, taps, before, after in convs)
    assert totals.params == params + sum(c * 255 + 255 for _, c in heads) == 8_852_366


def boxes_of(model: str, *names: str) -> list[tuple[int, ...]]:
    """The shapes of what leaves a network, by the names of its last layers."""
    shapes = {layer.name: layer.output_shape for layer in loaded(model).report().layers}
    return [shapes[name] for name in names]


def test_each_level_of_a_detector_has_its_boxes() -> None:
    """3 boxes at 13², 26² and 52² positions; one at 80², 40² and 20²; one at 52², 26² and 13²; one at 40², 20², 10² and 5²."""
    assert boxes_of("yolov3", "boxes") == [(3 * (13**2 + 26**2 + 52**2), 85)]
    assert boxes_of("yolov5n", "boxes") == [(3 * (80**2 + 40**2 + 20**2), 85)]
    for model in ("yolov5nu", "yolov8n", "yolo11n"):
        assert boxes_of(model, "scores.all") == [(8400, 80)]
        assert loaded(model).report().layers[-1].output_shape == (8400, 80)
    assert boxes_of("yolox_nano", "boxes") == [(3549, 85)]
    assert boxes_of("nanodet_m", "boxes") == [(2100, 80 + 4 * 8)]
    assert boxes_of("nanodet_plus_m_320", "boxes") == [(2125, 80 + 4 * 8)]


def test_the_mean_of_a_distribution_has_fixed_weights() -> None:
    """Each of 8400·4 sides is the mean of 16 numbers: 16 weights that are stored and not trained."""
    (mean,) = [layer for layer in loaded("yolov8n").report().layers if layer.name == "sides.mean"]
    assert (mean.macs, mean.params, mean.buffers, mean.output_shape) == (8400 * 4 * 16, 0, 16, (8400, 4, 1))


def test_attention_of_yolo11() -> None:
    """128 of 256 channels attend at 20² positions, in 2 heads: 32 channels of queries and keys and 64 of values in each."""
    products = [layer.macs for layer in loaded("yolo11n").report().layers if layer.op == "matmul"]
    assert products == [2 * 400 * 400 * 32, 2 * 400 * 400 * 64]


def test_ssdlite_on_mobilenet_v2_looks_at_six_maps() -> None:
    """At 320 pixels 20², 10², 5², 3², 2² and 1 positions, with 3 boxes each in the first map and 6 in the others."""
    boxes = 3 * 400 + 6 * (100 + 25 + 9 + 4 + 1)
    report = loaded("ssdlite_mobilenet_v2").report()
    shapes = {layer.name: layer.output_shape for layer in report.layers}
    assert (shapes["boxes.concat"], shapes["scores.concat"]) == ((boxes, 4), (boxes, 81))
    maps = [(400, 576, 3), (100, 1280, 6), (25, 512, 6), (9, 256, 6), (4, 256, 6), (1, 128, 6)]
    for head, numbers in (("boxes", 4), ("scores", 81)):
        assert sum(layer.macs for layer in below(report, head)) == sum(
            positions * c * (9 + each * numbers) for positions, c, each in maps
        )
    # Paper, Table 6: 4.3M and 0.8B. Behind the backbone: four extra layers of three convolutions, and two heads.
    assert (report.totals.params, report.totals.macs) == (4_337_013, 788_830_144)


# --- super-resolution and small pictures ------------------------------------------------------------------------


def test_drrn_by_hand() -> None:
    """25 units use two convolutions of 128 channels that are stored once, beside one from 1 and one to 1 channel, at 720p."""
    totals = loaded("drrn_b1u25").report().totals
    ends, unit = 2 * 9 * 128, 2 * 9 * 128 * 128
    assert totals.params == ends + unit == 297_216
    assert totals.macs == 1280 * 720 * (ends + 25 * unit) == 6_796_895_846_400


@pytest.mark.parametrize("blocks", [2, 6])
def test_recursive_blocks_of_drrn(blocks: int) -> None:
    """Section 3.3: each block has weights of its own; but the first, it begins with a convolution from 128 channels."""
    totals = convcost.load("drrn", blocks=blocks, units=3, height=10, resolution=10).report().totals
    further, unit = 9 * 128 * 128, 2 * 9 * 128 * 128
    assert totals.params == 2 * 9 * 128 + (blocks - 1) * further + blocks * unit
    assert totals.macs == 100 * (2 * 9 * 128 + (blocks - 1) * further + blocks * 3 * unit)


# arXiv 1512.03385, Table 6: parameters in M.
CIFAR = {"resnet20": (3, "0.27"), "resnet32": (5, "0.46"), "resnet44": (7, "0.66"), "resnet56": (9, "0.85")}
CIFAR |= {"resnet110": (18, "1.7")}


@pytest.mark.parametrize("model", CIFAR)
def test_resnets_for_cifar(model: str) -> None:
    """Three stages of n blocks at 32, 16 and 8 pixels; shortcuts have no parameters."""
    n, printed = CIFAR[model]
    totals = loaded(model).report().totals
    params, macs = 27 * 16 + 32, 32 * 32 * 27 * 16
    for before, c, size in ((16, 16, 32), (16, 32, 16), (32, 64, 8)):
        weights = 9 * before * c + (2 * n - 1) * 9 * c * c
        params, macs = params + weights + 2 * n * 2 * c, macs + size * size * weights
    assert (totals.params, totals.macs) == (params + 650, macs + 640)
    assert f"{totals.params / 10**6:.{len(printed) - 2}f}" == printed
    if model == "resnet20":
        assert (totals.params, totals.macs) == (269_722, 40_551_040)


# --- keyword spotting -------------------------------------------------------------------------------------------

# MACs by hand, and kB of 8-bit weights and activations as arXiv 1711.07128, Table 9, prints them.
DS_CNN = {"ds_cnn_s": (2_656_768, "38.6"), "ds_cnn_m": (9_816_384, "189.2"), "ds_cnn_l": (28_327_812, "497.6")}


@pytest.mark.parametrize("model", DS_CNN)
def test_ds_cnn(model: str) -> None:
    """The activations are the input and the output of the layer that has most of them, a convolution with its relu."""
    totals = loaded(model).report(memory_policy="fused", dtype="int8").totals
    kilobytes = Fraction(totals.params + totals.peak_activation_bytes, 1000)
    assert (totals.macs, f"{float(kilobytes):.1f}") == DS_CNN[model]


def test_ds_cnn_s_by_hand() -> None:
    """25×5 positions: 10×4 from one channel, four times 3×3 and 1×1 on 64 channels; then 12 classes."""
    report = loaded("ds_cnn_s").report()
    assert report.totals.macs == 125 * (40 * 64 + 4 * (9 * 64 + 64 * 64)) + 64 * 12
    assert report.totals.params == 41 * 64 + 4 * (10 * 64 + 65 * 64) + 65 * 12


# --- sequences --------------------------------------------------------------------------------------------------


def test_tcn_by_hand() -> None:
    """8 levels of two convolutions of 7 taps on 25 channels, at 784 steps; the first sees one channel, and matches it."""
    steps, taps, c = 784, 7, 25
    totals = loaded("tcn").report().totals
    first, further = (taps * c + c) + (taps * c * c + c) + (c + c), 2 * (taps * c * c + c)
    assert totals.params == first + 7 * further + (c * 10 + 10) == 66_510
    assert totals.macs == steps * (taps * c + 15 * taps * c * c + c) + c * 10


@pytest.mark.parametrize("levels", [1, 5, 10])
def test_levels_of_a_tcn(levels: int) -> None:
    """Each level is causal, so that it keeps the number of steps, and its dilation is twice the last one's."""
    report = convcost.load("tcn", levels=levels, steps=50).report()
    convs = [layer for layer in report.layers if layer.name.endswith("conv1.conv1d")]
    assert [layer.step.node.attrs["dilation"] for layer in convs] == [(2**n,) for n in range(levels)]
    assert {layer.output_shape for layer in convs} == {(50, 25)}


def test_crnn_by_hand() -> None:
    """Maps of 32×160, 16×80 and 4×40 until 40 columns of 256 are left; LSTMs of 128 in both directions with two biases."""
    totals = loaded("crnn").report().totals
    convs = [(32 * 160, 9 * 64), (16 * 80, 9 * 64 * 128), (1 * 40, 4 * 128 * 256)]
    lstm, fc = 2 * 4 * 128 * (256 + 128), 256 * 37
    assert totals.macs == sum(positions * filters for positions, filters in convs) + 40 * (2 * lstm + fc) == 134_400_000
    convs_params = (9 * 64 + 64) + (9 * 64 * 128 + 128) + (4 * 128 * 256 + 2 * 256)
    assert totals.params == convs_params + 2 * (lstm + 2 * 4 * 128 * 2) + fc + 37 == 1_006_117


def test_crnn_of_the_paper() -> None:
    """arXiv 1507.05717, section 3.4: 8.3 M parameters. 100×32 pixels become one row of 24 columns."""
    report = loaded("crnn_2015").report()
    assert f"{report.totals.params / 10**6:.1f}" == "8.3"
    (columns,) = [layer for layer in report.layers if layer.name == "map_to_sequence"]
    assert (columns.input_shapes[0], columns.output_shape) == ((1, 24, 512), (24, 512))


# --- sweeps -----------------------------------------------------------------------------------------------------

SWEPT = {
    "r2plus1d_18": {"width": ["0.5", "1"], "resolution": [64, 112], "frames": [8, 16]},
    "s3d": {"width": ["0.5", "1"], "resolution": [224, 320], "frames": [16, 64]},
    "fcn_resnet50_aux": {"width": ["0.5", "1"], "resolution": [193, 520]},
    "deeplabv3_mobilenet_v3_large_aux": {"width": ["0.75", "1"], "resolution": [193, 520], "classes": [2, 21]},
    "lraspp_mobilenet_v3_large": {"width": ["0.75", "1"], "resolution": [193, 520]},
    "ssdlite320_mobilenet_v3_large": {"width": ["0.75", "1"], "resolution": [256, 320]},
    "ssd300_vgg16": {"width": ["0.5", "1"], "resolution": [300, 320]},
    "retinanet_resnet50_fpn": {"depth": ["1", "2"], "resolution": [512, 800], "classes": [80, 91]},
    "fcos_resnet50_fpn": {"depth": ["1", "2"], "resolution": [512, 800]},
    "ssdlite_mobilenet_v2": {"width": ["0.5", "1"], "resolution": [256, 320]},
    "yolov3": {"width": ["0.5", "1"], "resolution": [320, 416]},
    "yolov5n": {"width": ["0.25", "0.5"], "depth": ["0.33", "1"], "resolution": [320, 640]},
    "yolov8n": {"width": ["0.25", "0.5"], "depth": ["0.33", "1"], "classes": [1, 80]},
    "yolo11n": {"width": ["0.25", "0.5"], "depth": ["0.5", "1"], "resolution": [320, 640]},
    "yolox_nano": {"width": ["0.25", "0.5"], "resolution": [320, 416]},
    "nanodet_m": {"width": ["0.5", "1"], "resolution": [320, 416]},
    "nanodet_plus_m_320": {"width": ["0.5", "1"], "resolution": [320, 416]},
    "unet": {"width": ["0.5", "1"], "resolution": [128, 256]},
    "unet_2015": {"width": ["0.5", "1"], "resolution": [396, 572]},
    "resnet20": {"width": ["1", "4"], "depth": ["1", "2"], "resolution": [32, 64]},
    "ds_cnn_s": {"width": ["0.5", "1"], "frames": [25, 49]},
    "tcn": {"width": ["1", "2"], "steps": [100, 784]},
    "crnn_2015": {"width": ["0.5", "1"], "resolution": [100, 160]},
    "drrn": {"width": ["0.5", "1"], "resolution": [100, 160]},
}


@pytest.mark.parametrize("model", SWEPT)
def test_a_sweep_is_the_network_at_each_point(model: str) -> None:
    assert_a_sweep_is_the_network_at_each_point(model, SWEPT[model])
