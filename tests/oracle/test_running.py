"""Networks of the zoo against the same network of a library while it runs: each product, parameters, totals.

``test_layers.py`` compares modules; here attention is compared, too, and what else a module does with its weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, NamedTuple

import pytest

import convcost

from .detectors import ssdlite_of_torchvision, ultralytics_module, yolo, yolox_module
from .frameworks import import_torchvision, timm_module, torchvision_module
from .require import require
from .running import Run, detector, run

pytestmark = pytest.mark.oracle

BUILDERS: dict[str, Callable[..., Any]] = {
    "torchvision": torchvision_module,
    "timm": timm_module,
    "ultralytics": ultralytics_module,
    "yolox": yolox_module,
}
WITHOUT_BOXES: dict[str, Callable[[Any], Any]] = {"torchvision": detector, "ultralytics": yolo}
"""How a detector runs that would go on to boxes."""


@dataclass(frozen=True)
class Row:
    """A network of the zoo and a library's; a row whose network the zoo lacks is skipped.

    The `input` is the library's, channels first. `ordered` is False where branches may run in either order. `frozen` puts
    batch-norms in the backbone whose numbers are buffers, as in detectors that were trained from a trained backbone.
    `printed` says that torchvision has weights of just this network, and prints what it costs. `merged` has timm merge the
    branches of the network that is trained.
    """

    model: str
    name: str
    input: tuple[int, ...] = (3, 224, 224)
    options: dict[str, Any] = field(default_factory=dict)
    knobs: dict[str, Any] = field(default_factory=dict)
    ordered: bool = True
    detects: bool = False
    frozen: bool = False
    printed: bool = True
    library: str = "torchvision"
    merged: bool = False

    def __str__(self) -> str:
        return "-".join([self.model, *(f"{knob}={value}" for knob, value in self.knobs.items())])

    def run(self) -> Run:
        net: Any = BUILDERS[self.library](self.name, **self.options)
        if self.frozen:
            freeze(net.backbone)
        if self.merged:
            net = merged(net)
        return run(net, self.input, forward=WITHOUT_BOXES[self.library](net) if self.detects else None)


def freeze(net: Any) -> None:
    """Put batch-norms in the place of all others whose four numbers per channel are buffers."""
    frozen = import_torchvision().ops.FrozenBatchNorm2d
    for module in net.modules():
        for name, child in module.named_children():
            if type(child).__name__ == "BatchNorm2d":
                setattr(module, name, frozen(child.num_features))


def merged(net: Any) -> Any:
    """The network as timm deploys it: each module that can merge its branches has done so."""
    import torch
    from timm.utils.model import reparameterize_model

    with torch.device("meta"):
        return reparameterize_model(net)


IMAGE_256 = (3, 256, 256)
VOC = (3, 520, 520)
COCO = (3, 800, 800)
CLIP = (3, 16, 112, 112)
LARGE_CLIP = (3, 16, 224, 224)
AUX = {"aux_loss": True}
ANCHORS = {"anchors": 3}
SEGMENTERS = (
    *(f"{head}_{depth}" for head in ("fcn", "deeplabv3") for depth in ("resnet50", "resnet101")),
    "deeplabv3_mobilenet_v3_large",
)

NARROW = {"tail": 2, "width": 0.75, "scaling": "torchvision"}

IN_TWO_FORMS = (
    *(f"repvgg_{name}" for name in ("a0", "a1", "a2", "b0", "b1", "b1g4", "b2", "b2g4", "b3", "b3g4", "d2se")),
    *(f"mobileone_s{size}" for size in range(5)),
    *(f"fastvit_{name}" for name in ("t8", "t12", "s12", "sa12", "sa24", "sa36", "ma36")),
    *(f"repvit_m{name}" for name in ("0_9", "1_0", "1_1", "1_5", "2_3", "1", "2", "3")),
)
"""Networks of timm whose branches are merged for inference; timm builds them as they are trained."""
SIZES = {"repvgg_d2se": 320, **{name: 256 for name in IN_TWO_FORMS if name.startswith("fastvit")}}
REPARAMETERISED = (
    *(
        Row(
            name,
            name,
            (3, SIZES.get(name, 224), SIZES.get(name, 224)),
            knobs={} if merges else {"form": "training"},
            ordered=merges,
            printed=False,
            library="timm",
            merged=merges,
        )
        for name in IN_TWO_FORMS
        for merges in (True, False)
    ),
    Row(
        "fastvit_sa12",
        "fastvit_sa12",
        (3, 224, 224),
        {},
        {"resolution": 224},
        printed=False,
        library="timm",
        merged=True,
    ),
    *(
        Row(name, name, (3, size, size), {}, {"resolution": size} if size != 224 else {}, printed=False, library="timm")
        for name, size in (
            ("ghostnet_050", 224),
            ("ghostnet_100", 224),
            ("ghostnet_130", 224),
            ("ghostnetv2_100", 224),
            ("ghostnetv2_130", 224),
            ("ghostnetv2_160", 224),
            ("ghostnet_100", 193),
            ("ghostnetv2_100", 193),  # maps of odd height are halved and stretched again
        )
    ),
)
ROWS = (
    *REPARAMETERISED,
    # in the zoo for long, and compared by modules elsewhere: the counters agree
    Row("vgg16", "vgg16"),
    Row("mobilenet_v2", "mobilenet_v2"),
    Row("efficientnet_b0", "efficientnet_b0"),
    Row("convnext_tiny", "convnext_tiny"),
    Row("mobilenet_v3_large", "mobilenet_v3_large"),
    Row("resnet50", "resnet50", ordered=False),
    Row("densenet121", "densenet121"),
    Row("regnet_y_400mf", "regnet_y_400mf", ordered=False),
    Row("shufflenet_v2_x1_0", "shufflenet_v2_x1_0", ordered=False),
    # as parts of segmenters and detectors
    *(
        Row(
            "resnet50",
            "resnet50",
            options={"replace_stride_with_dilation": on},
            knobs=knobs,
            ordered=False,
            printed=False,
        )
        for on, knobs in (
            ([False, True, True], {"output_stride": 8}),
            ([False, False, True], {"output_stride": 16}),
        )
    ),
    Row(
        "mobilenet_v3_large",
        "mobilenet_v3_large",
        options={"dilated": True},
        knobs={"output_stride": 16},
        printed=False,
    ),
    *(
        Row(name, name, options={"reduced_tail": True, "width_mult": 0.75}, knobs=NARROW, printed=False)
        for name in ("mobilenet_v3_large", "mobilenet_v3_small")
    ),
    # attention
    *(Row(name, name) for name in ("vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14")),
    Row("vit_b_16", "vit_b_16", (3, 384, 384), {"image_size": 384}, {"resolution": 384}),
    *(Row(name, name) for name in ("swin_t", "swin_s", "swin_b")),
    Row("swin_t", "swin_t", IMAGE_256, {}, {"resolution": 256}, printed=False),  # all maps are padded to whole windows
    *(Row(name, name, IMAGE_256) for name in ("swin_v2_t", "swin_v2_s", "swin_v2_b")),
    Row("maxvit_t", "maxvit_t"),
    *(
        Row(model, name, (3, size, size), {}, knobs, printed=False, library="timm")
        for model, name, size, knobs in (
            ("vit_s_16", "vit_small_patch16_224", 224, {}),
            ("vit_ti_16", "vit_tiny_patch16_224", 224, {}),
            ("swin_l", "swin_large_patch4_window7_224", 224, {}),
            ("mobilevit_xxs", "mobilevit_xxs", 256, {}),
            ("mobilevit_xs", "mobilevit_xs", 256, {}),
            ("mobilevit_s", "mobilevit_s", 256, {}),
            ("mobilevit_s", "mobilevit_s", 224, {"resolution": 224}),
            ("mobilevit_s", "mobilevit_s", 200, {"resolution": 200}),  # 25×25 and 13×13 are stretched to whole patches
            ("mobilenetv4_hybrid_medium", "mobilenetv4_hybrid_medium", 224, {}),
            ("mobilenetv4_hybrid_medium", "mobilenetv4_hybrid_medium", 200, {"resolution": 200}),  # keys of 7×7
            ("mobilenetv4_hybrid_medium_075", "mobilenetv4_hybrid_medium_075", 224, {}),
            ("mobilenetv4_hybrid_large", "mobilenetv4_hybrid_large", 384, {}),
            ("mobilenetv4_hybrid_large_075", "mobilenetv4_hybrid_large_075", 256, {}),
            ("mobilenetv4_conv_blur_medium", "mobilenetv4_conv_blur_medium", 224, {}),
        )
    ),
    # a normalisation over the map, whose factors are in no module that the others compare
    *(
        Row(f"convnextv2_{size}", f"convnextv2_{size}", printed=False, library="timm")
        for size in ("atto", "femto", "pico", "nano", "tiny", "small", "base", "large", "huge")
    ),
    Row(
        "convnextv2_atto",
        "convnextv2_atto",
        (3, 193, 193),
        knobs={"resolution": 193},
        printed=False,
        library="timm",
    ),
    # convolution and attention
    *(
        Row(model, model, (3, size, size), printed=False, library="timm")
        for size, models in (
            (
                224,
                (
                    *(f"levit_{size}" for size in ("128s", "128", "192", "256", "384")),
                    *(f"efficientvit_{size}" for size in ("b0", "b1", "b2", "b3", "l1", "l2", "l3")),
                    *(f"efficientvit_m{size}" for size in range(6)),
                    *(f"efficientformer_{size}" for size in ("l1", "l3", "l7")),
                    *(f"efficientformerv2_{size}" for size in ("s0", "s1", "s2", "l")),
                ),
            ),
            (
                256,
                (
                    *(f"mobilevitv2_{width:03}" for width in range(50, 201, 25)),
                    *(f"edgenext_{size}" for size in ("xx_small", "x_small", "small", "base", "small_rw")),
                ),
            ),
            (384, ("tiny_vit_21m_384",)),
            (512, ("tiny_vit_21m_512",)),
        )
        for model in models
    ),
    *(
        Row(f"tiny_vit_{size}", f"tiny_vit_{size}_224", options={"num_classes": 1000}, printed=False, library="timm")
        for size in ("5m", "11m", "21m")
    ),
    *(
        Row(model, model, knobs={"norm": "mean"}, printed=False, library="timm")
        for model in (f"poolformer_{size}" for size in ("s12", "s24", "s36", "m36", "m48"))
    ),
    Row("levit_384", "levit_conv_384", printed=False, library="timm"),
    *(
        # at sizes where maps are odd, are padded to whole windows or stretched to whole patches
        Row(model, name, (3, size, size), options, {"resolution": size}, printed=False, library="timm")
        for model, name, size, options in (
            ("levit_128", "levit_128", 240, {"img_size": 240}),
            ("levit_256", "levit_256", 256, {"img_size": 256}),
            ("mobilevitv2_100", "mobilevitv2_100", 200, {}),
            ("efficientvit_b0", "efficientvit_b0", 193, {}),
            ("efficientvit_b1", "efficientvit_b1", 288, {}),
            ("efficientvit_m0", "efficientvit_m0", 192, {"img_size": 192}),
            ("efficientvit_m5", "efficientvit_m5", 256, {"img_size": 256}),
            ("efficientformerv2_s1", "efficientformerv2_s1", 256, {"img_size": 256}),
            ("edgenext_small", "edgenext_small", 200, {}),
            ("poolformer_s12", "poolformer_s12", 225, {}),
            ("tiny_vit_5m", "tiny_vit_5m_224", 200, {"num_classes": 1000}),
        )
    ),
    # video
    *(Row(name, name, CLIP, ordered=False) for name in ("r3d_18", "mc3_18", "r2plus1d_18")),
    Row("s3d", "s3d", LARGE_CLIP, ordered=False),
    Row("s3d", "s3d", (3, 64, 224, 224), knobs={"frames": 64}, ordered=False, printed=False),
    Row(
        "r2plus1d_18",
        "r2plus1d_18",
        (3, 8, 80, 80),
        knobs={"frames": 8, "resolution": 80},
        ordered=False,
        printed=False,
    ),
    # segmentation
    *(Row(name, name, VOC, ordered=False, printed=False) for name in SEGMENTERS),
    *(Row(f"{name}_aux", name, VOC, AUX, ordered=False) for name in SEGMENTERS),
    Row("lraspp_mobilenet_v3_large", "lraspp_mobilenet_v3_large", VOC, ordered=False),
    *(
        Row(
            f"{name}{'_aux' * bool(options)}",
            name,
            (3, 193, 193),
            options,
            {"resolution": 193},
            ordered=False,
            printed=False,
        )
        for name, options in (*((name, AUX) for name in SEGMENTERS), ("lraspp_mobilenet_v3_large", {}))
    ),
    # detection
    *(
        Row(name, name, size, ordered=False, detects=True, frozen=frozen)
        for name, size, frozen in (
            ("ssdlite320_mobilenet_v3_large", (3, 320, 320), False),
            ("ssd300_vgg16", (3, 300, 300), False),
            ("retinanet_resnet50_fpn", COCO, True),
            ("retinanet_resnet50_fpn_v2", COCO, False),
            ("fcos_resnet50_fpn", COCO, True),
        )
    ),
    Row(
        "retinanet_resnet50_fpn",
        "retinanet_resnet50_fpn",
        COCO,
        {},
        {"frozen": False},
        ordered=False,
        detects=True,
        printed=False,
    ),
    *(
        Row(
            model,
            name,
            (3, size, size),
            options,
            knobs,
            ordered=False,
            detects=True,
            printed=False,
            library="ultralytics",
        )
        for model, name, size, options, knobs in (
            ("yolov3", "yolov3", 416, {**ANCHORS, "pointwise": True}, {}),
            ("yolov3_spp", "yolov3-spp", 416, {**ANCHORS, "pointwise": True}, {}),
            ("yolov3_tiny", "yolov3-tiny", 416, ANCHORS, {}),
            *((f"yolov5{size}", f"yolov5{size}", 640, ANCHORS, {}) for size in "nsm"),
            ("yolov5m", "yolov5m", 416, ANCHORS, {"resolution": 416}),
            *((f"yolov5{size}u", f"yolov5{size}", 640, {}, {}) for size in "nsm"),
            *((f"yolov8{size}", f"yolov8{size}", 640, {}, {}) for size in "nsmlx"),
            ("yolov8m", "yolov8m", 416, {}, {"resolution": 416}),
            *((f"yolo11{size}", f"yolo11{size}", 640, {}, {}) for size in "nsmlx"),
            ("yolo11n", "yolo11n", 416, {}, {"resolution": 416}),
        )
    ),
    *(
        Row(f"yolox_{size}", "YOLOX", (3, pixels, pixels), options, ordered=False, printed=False, library="yolox")
        for size, pixels, options in (
            ("nano", 416, {"depth": 0.33, "width": 0.25, "depthwise": True}),
            ("tiny", 416, {"depth": 0.33, "width": 0.375}),
            ("s", 640, {"depth": 0.33, "width": 0.5}),
            ("m", 640, {"depth": 0.67, "width": 0.75}),
            ("l", 640, {"depth": 1.0, "width": 1.0}),
            ("x", 640, {"depth": 1.33, "width": 1.25}),
        )
    ),
)


class Step(NamedTuple):
    """What is compared of a product: multiply-accumulates and the number of its output's elements; the rest says which."""

    macs: int
    elements: int
    text: str = ""

    @property
    def key(self) -> tuple[int, int]:
        return self.macs, self.elements


def steps_of_report(report: Any) -> list[Step]:
    """The layers of a report of convcost that multiply and accumulate."""
    return [
        Step(
            row.macs, elements(row.output_shape), f"{row.name} [{row.op}] output {row.output_shape}, macs {row.macs:,}"
        )
        for row in report.layers
        if row.macs
    ]


def steps_of_run(ran: Run) -> list[Step]:
    return [Step(product.macs, elements(product.shape), str(product)) for product in ran.products]


def elements(shape: Sequence[int]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count


def first_difference(ours: list[Step], theirs: list[Step], *, ordered: bool) -> str:
    """The first step in which two networks differ, and none if they agree; in any order compares multisets."""
    if ordered:
        pairs = [*zip_longest(ours, theirs)]
        unlike = [n for n, (a, b) in enumerate(pairs) if a is None or b is None or a.key != b.key]
        if not unlike:
            return ""
        where, (mine, other) = f"at step {unlike[0]} of {len(ours)} and {len(theirs)}", pairs[unlike[0]]
    else:
        left, right = unmatched(ours, theirs), unmatched(theirs, ours)
        if not left and not right:
            return ""
        where = f"in any order: {len(left)} and {len(right)} steps left over"
        mine, other = next(iter(left), None), next(iter(right), None)
    return f"differs {where}:\n  convcost:  {mine and mine.text}\n  framework: {other and other.text}"


def unmatched(steps: list[Step], others: list[Step]) -> list[Step]:
    """The steps that find no partner among the others, each of which can be a partner once."""
    free = Counter(step.key for step in others)
    left = []
    for step in steps:
        free[step.key] -= 1
        if free[step.key] < 0:
            left.append(step)
    return left


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_products_and_totals(row: Row) -> None:
    require(row.library)
    report = convcost.load(row.model, **row.knobs).report()
    assert tuple(report.input_shape) == (*row.input[1:], row.input[0])
    ran = row.run()
    difference = first_difference(steps_of_report(report), steps_of_run(ran), ordered=row.ordered)
    if difference:
        pytest.fail(f"{row} {difference}")
    assert report.totals.macs == ran.macs
    assert report.totals.params == ran.params
    if row.library in ("ultralytics", "yolox"):
        assert report.totals.buffers == ran.buffers


@pytest.mark.parametrize(("size", "classes"), [(320, 81), (300, 91)])
def test_ssdlite_on_mobilenet_v2(size: int, classes: int) -> None:
    """The paper's, and at the size and with the classes of TensorFlow's."""
    require("torchvision")
    report = convcost.load("ssdlite_mobilenet_v2", resolution=size, classes=classes).report()
    ran = run(ssdlite_of_torchvision(classes), (3, size, size))
    difference = first_difference(steps_of_report(report), steps_of_run(ran), ordered=False)
    assert not difference
    assert (report.totals.macs, report.totals.params, report.totals.buffers) == (ran.macs, ran.params, ran.buffers)


# --- the counter itself -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [row for row in ROWS if row.printed], ids=str)
def test_what_torchvision_prints(row: Row) -> None:
    """Beside its weights torchvision prints multiply-accumulates, in 10^9 to three decimals, and parameters."""
    require("torchvision")
    weights = import_torchvision().models.get_model_weights(row.name)
    ran = row.run()
    assert (round(ran.macs / 10**9, 3), ran.params) in [(one.meta["_ops"], one.meta["num_params"]) for one in weights]


def counted(net: Any, *shapes: tuple[int, ...]) -> list[tuple[str, tuple[int, ...], int, int]]:
    return [(each.kind, each.shape, each.macs, each.params) for each in run(net, *shapes).products]


def test_convolutions() -> None:
    """Output × kernel × input channels per group; transposed, input × kernel × output channels per group."""
    require("torch")
    from torch import nn

    assert counted(nn.Conv1d(4, 6, 3, padding=1, groups=2), (4, 10)) == [
        ("conv1d", (10, 6), 10 * 6 * 3 * 2, 6 * 3 * 2 + 6)
    ]
    assert counted(nn.Conv2d(3, 5, 3, bias=False), (3, 6, 8)) == [("conv2d", (4, 6, 5), 4 * 6 * 5 * 27, 5 * 27)]
    assert counted(nn.Conv3d(3, 5, (1, 3, 3)), (3, 2, 6, 8)) == [
        ("conv3d", (2, 4, 6, 5), 2 * 4 * 6 * 5 * 27, 5 * 27 + 5)
    ]
    assert counted(nn.ConvTranspose2d(4, 6, 2, stride=2, groups=2), (4, 5, 7)) == [
        ("conv_transpose2d", (10, 14, 6), 5 * 7 * 4 * 2 * 2 * 3, 4 * 2 * 2 * 3 + 6)
    ]


def test_linear_layers() -> None:
    """A vector, tokens, tokens of windows, and weights used without a module; interpolation multiplies nothing."""
    require("torch")
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(4, 6)

        def forward(self, x: Any) -> Any:
            y = nn.functional.linear(x, self.inner.weight, self.inner.bias.clone())
            return nn.functional.interpolate(y[None], size=(9, 9), mode="bilinear")

    assert counted(nn.Linear(4, 6), (4,)) == [("linear", (6,), 24, 30)]
    assert counted(nn.Linear(4, 6, bias=False), (7, 4)) == [("linear", (7, 6), 7 * 24, 24)]
    assert counted(nn.Linear(4, 6), (5, 7, 4)) == [("linear", (5, 7, 6), 35 * 24, 30)]
    assert counted(Net(), (7, 4)) == [("linear", (7, 6), 7 * 24, 30)]
    assert run(Net(), (7, 4)).products[0].path == "inner"


def test_attention() -> None:
    """2 heads of 3 channels, 5 tokens that ask 7 others: also of an encoder layer, which is one fused op otherwise."""
    require("torch")
    import torch
    from torch import nn

    class Cross(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(6, 2, kdim=4, vdim=4, batch_first=True)

        def forward(self, x: Any, y: Any) -> Any:
            return self.attention(x, y, y, need_weights=False)

    ran = run(Cross(), (5, 6), (7, 4))
    products = [each.macs for each in ran.products if each.activations]
    assert products == [2 * 5 * 7 * 3, 2 * 5 * 7 * 3]
    assert ran.macs == 5 * 6 * 6 + 2 * 7 * 4 * 6 + 2 * 2 * 5 * 7 * 3 + 5 * 6 * 6
    assert ran.params == 6 * 6 + 2 * 6 * 4 + 3 * 6 + 6 * 6 + 6

    fused = torch.backends.mha.get_fastpath_enabled()
    layer = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True)
    assert run(layer, (5, 6)).macs == 5 * 6 * (18 + 6 + 2 * 8) + 2 * 2 * 5 * 5 * 3
    assert torch.backends.mha.get_fastpath_enabled() == fused


def test_products_in_other_words() -> None:
    """The same 2 × (5×3 · 3×7), with both factors from the input; a product with a stored stack is none of activations."""
    require("torch")
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stack = nn.Parameter(torch.empty(2, 3, 7))

        def forward(self, x: Any, y: Any) -> Any:
            return (
                x @ y,
                torch.einsum("bhik,bhkj->bhij", x, y),
                torch.bmm(x[0], y[0]),
                torch.baddbmm(torch.ones(2, 5, 7, device="meta"), x[0], y[0]),
                x @ self.stack,
                nn.functional.scaled_dot_product_attention(x, x, x),
            )

    ran = run(Net(), (2, 5, 3), (2, 3, 7))
    one = 2 * 5 * 3 * 7
    assert [(each.kind, each.macs, each.params, each.activations) for each in ran.products] == [
        *[("matmul", one, 0, True)] * 4,
        ("matmul", one, 0, False),
        *[("matmul", 2 * 5 * 5 * 3, 0, True)] * 2,
    ]
    assert {each.shape for each in ran.products[:5]} == {(2, 5, 7)}
    assert (ran.products[4].path, ran.params) == ("stack", 2 * 3 * 7)


@pytest.mark.parametrize(("name", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
def test_recurrent_layers(name: str, gates: int) -> None:
    """9 steps of 4 channels into 6 in both directions, and those 12 into 6: two layers, two biases each."""
    require("torch")
    from torch import nn

    net = getattr(nn, name)(4, 6, num_layers=2, bidirectional=True, batch_first=True)
    first, second = 2 * gates * 6 * (4 + 6), 2 * gates * 6 * (12 + 6)
    biases = 2 * gates * 6 * 2
    kind = name.lower()
    assert counted(net, (9, 4)) == [
        (kind, (9, 12), 9 * first, first + biases),
        (kind, (9, 12), 9 * second, second + biases),
    ]


def test_deformable_convolution() -> None:
    """A 3×3 convolution from 4 to 6 channels with a bias, and the convolution that says where it reads (18 numbers)."""
    require("torchvision")
    from torch import nn

    deformable = import_torchvision().ops.DeformConv2d

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.where = nn.Conv2d(4, 18, 3, padding=1)
            self.what = deformable(4, 6, 3, padding=1, bias=False)

        def forward(self, x: Any) -> Any:
            return self.what(x, self.where(x))

    assert counted(Net(), (4, 5, 7)) == [
        ("conv2d", (5, 7, 18), 35 * 18 * 36, 18 * 36 + 18),
        ("deform_conv2d", (5, 7, 6), 35 * 6 * 36, 6 * 36),
    ]


def test_what_is_shared_is_stored_once_and_counted_each_time() -> None:
    """A 4×4 linear layer applied twice; running statistics are buffers, the number of batches is none."""
    require("torch")
    from torch import nn

    shared = nn.Linear(4, 4, bias=False)
    ran = run(nn.Sequential(shared, nn.BatchNorm1d(4), shared), (4,))
    assert (ran.macs, ran.params, ran.buffers) == (2 * 16, 16 + 2 * 4, 2 * 4)


def test_an_unknown_product_is_an_error() -> None:
    require("torch")
    from torch import nn

    with pytest.raises(NotImplementedError, match="_trilinear"):
        run(nn.Bilinear(3, 4, 5), (3,), (4,))


# --- the comparison can fail ------------------------------------------------------------------------------------

STEPS = [Step(10, 2, "a"), Step(20, 2, "b"), Step(20, 4, "c")]


@pytest.mark.parametrize("ordered", [True, False], ids=["sequence", "multiset"])
@pytest.mark.parametrize("other", [STEPS[:2], [*STEPS, STEPS[0]], [*STEPS[:2], Step(20, 5)], [*STEPS[:2], Step(21, 4)]])
def test_a_difference_is_reported(other: list[Step], ordered: bool) -> None:
    assert not first_difference(STEPS, STEPS, ordered=ordered)
    assert "differs" in first_difference(STEPS, other, ordered=ordered)
    assert "differs" in first_difference(other, STEPS, ordered=ordered)


def test_the_order_matters_to_sequences_only() -> None:
    assert first_difference(STEPS, STEPS[::-1], ordered=True)
    assert not first_difference(STEPS, STEPS[::-1], ordered=False)
