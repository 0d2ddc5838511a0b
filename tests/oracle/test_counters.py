"""Each convention against the tool it is named after, run on the same network: equal to the unit."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from helpers.beyond import BEYOND

import convcost
from convcost.conventions.catalog import convention as named

from .counters import COUNTERS, counted, printed
from .require import require
from .turns import pairs_in_turns

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]

WITHOUT_HEADS = {"aux_logits": False, "init_weights": False}
WITHOUT_WEIGHTS = {"weights_backbone": None}


class Theirs(NamedTuple):
    """A network of torchvision, and what it reads."""

    name: str
    resolution: int
    options: dict[str, Any]
    frames: int | None = None
    """Of a clip."""

    @property
    def shape(self) -> tuple[int, ...]:
        frames = () if self.frames is None else (self.frames,)
        return (3, *frames, self.resolution, self.resolution)

    @property
    def knobs(self) -> dict[str, int]:
        frames = {} if self.frames is None else {"frames": self.frames}
        return {"resolution": self.resolution, **frames}


NETWORKS: dict[str, Theirs] = {
    "alexnet_one_tower": Theirs("alexnet", 224, {}),
    "vgg11_bn": Theirs("vgg11_bn", 224, {}),
    "googlenet_torchvision": Theirs("googlenet", 224, WITHOUT_HEADS),
    "inception_v3": Theirs("inception_v3", 299, WITHOUT_HEADS),
    "resnet18": Theirs("resnet18", 225, {}),
    "resnet50": Theirs("resnet50", 224, {}),
    "mobilenet_v2": Theirs("mobilenet_v2", 224, {}),
    "mobilenet_v3_small": Theirs("mobilenet_v3_small", 224, {}),
    "efficientnet_b0": Theirs("efficientnet_b0", 224, {}),
    "shufflenet_v2_x0_5": Theirs("shufflenet_v2_x0_5", 193, {}),
    "mnasnet0_5": Theirs("mnasnet0_5", 224, {}),
    "squeezenet1_1": Theirs("squeezenet1_1", 224, {}),
    "densenet121": Theirs("densenet121", 224, {}),
    "regnet_y_400mf": Theirs("regnet_y_400mf", 224, {}),
    "resnext50_32x4d": Theirs("resnext50_32x4d", 224, {}),
    "convnext_tiny": Theirs("convnext_tiny", 224, {}),
    "efficientnet_v2_s": Theirs("efficientnet_v2_s", 224, {}),
    "vit_b_16": Theirs("vit_b_16", 224, {}),
    "swin_t": Theirs("swin_t", 224, {}),
    "swin_v2_t": Theirs("swin_v2_t", 256, {}),
    "maxvit_t": Theirs("maxvit_t", 224, {}),
    "r3d_18": Theirs("r3d_18", 56, {}, frames=8),
    "mc3_18": Theirs("mc3_18", 56, {}, frames=8),
    "r2plus1d_18": Theirs("r2plus1d_18", 56, {}, frames=8),
    "s3d": Theirs("s3d", 224, {}, frames=16),
    "fcn_resnet50": Theirs("fcn_resnet50", 65, WITHOUT_WEIGHTS),
    "deeplabv3_resnet50": Theirs("deeplabv3_resnet50", 65, WITHOUT_WEIGHTS),
    "deeplabv3_mobilenet_v3_large": Theirs("deeplabv3_mobilenet_v3_large", 97, WITHOUT_WEIGHTS),
    "lraspp_mobilenet_v3_large": Theirs("lraspp_mobilenet_v3_large", 97, WITHOUT_WEIGHTS),
}
"""Our name -> torchvision's, resolution, options."""


@pytest.mark.parametrize(
    ("model", "convention"), pairs_in_turns(NETWORKS, COUNTERS, every=("mobilenet_v2", "r3d_18", "swin_t"))
)
def test_convention_is_what_the_tool_prints(model: str, convention: str) -> None:
    require("torchvision")
    require(COUNTERS[convention][0])
    theirs = NETWORKS[model]
    ours = convcost.load(model, **theirs.knobs).report(convention).totals.operations
    assert ours + BEYOND.get((model, convention), 0) == printed(convention, theirs.name, theirs.shape, **theirs.options)


def test_what_is_beyond_a_convention_is_said() -> None:
    for model, convention in BEYOND:
        assert {node.op for node in convcost.load(model).graph.nodes} & {*named(convention).limits}, (model, convention)


@pytest.mark.parametrize("convention", COUNTERS)
def test_crnn(convention: str) -> None:
    """Convolutions, a map that becomes a sequence, two bidirectional LSTMs and a linear layer at each step."""
    require("torch")
    require(COUNTERS[convention][0])
    from .plain_torch import CRNN

    for columns in (24, 160):
        ours = convcost.load("crnn", resolution=columns).report(convention).totals.operations
        assert ours == counted(convention, CRNN().eval(), (1, 32, columns))


TRANSPOSED = """
convcost: 1
name: transposed
input: [16, 16, 64]
layers:
  - conv_transpose2d: {channels: 32, kernel: 4, stride: 2, padding: 1, bias: false}
"""


@pytest.mark.parametrize("convention", COUNTERS)
def test_transposed_convolution(convention: str, tmp_path: Any) -> None:
    """The true count is 16·16·64 · 4·4·32 = 8,388,608; three of the tools take every tap at every output."""
    require("torch")
    require(COUNTERS[convention][0])
    from torch import nn

    path = tmp_path / "transposed.yaml"
    path.write_text(TRANSPOSED, encoding="utf-8")
    ours = convcost.load(str(path)).report(convention).totals.operations
    net = nn.Sequential(nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1, bias=False)).eval()
    assert ours == counted(convention, net, (64, 16, 16))
