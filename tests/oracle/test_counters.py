"""Each convention against the tool it is named after, run on the same network: equal to the unit."""

from __future__ import annotations

from typing import Any

import pytest

import convcost

from .counters import COUNTERS, counted, printed
from .require import require

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]

WITHOUT_HEADS = {"aux_logits": False, "init_weights": False}
NETWORKS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "alexnet_one_tower": ("alexnet", 224, {}),
    "vgg11_bn": ("vgg11_bn", 224, {}),
    "googlenet_torchvision": ("googlenet", 224, WITHOUT_HEADS),
    "inception_v3": ("inception_v3", 299, WITHOUT_HEADS),
    "resnet18": ("resnet18", 225, {}),
    "resnet50": ("resnet50", 224, {}),
    "mobilenet_v2": ("mobilenet_v2", 224, {}),
    "mobilenet_v3_small": ("mobilenet_v3_small", 224, {}),
    "efficientnet_b0": ("efficientnet_b0", 224, {}),
    "shufflenet_v2_x0_5": ("shufflenet_v2_x0_5", 193, {}),
    "mnasnet0_5": ("mnasnet0_5", 224, {}),
    "squeezenet1_1": ("squeezenet1_1", 224, {}),
    "densenet121": ("densenet121", 224, {}),
    "regnet_y_400mf": ("regnet_y_400mf", 224, {}),
    "resnext50_32x4d": ("resnext50_32x4d", 224, {}),
    "convnext_tiny": ("convnext_tiny", 224, {}),
    "efficientnet_v2_s": ("efficientnet_v2_s", 224, {}),
}
"""Our name -> torchvision's, resolution, options."""


@pytest.mark.parametrize("convention", COUNTERS)
@pytest.mark.parametrize("model", NETWORKS)
def test_convention_is_what_the_tool_prints(model: str, convention: str) -> None:
    require("torchvision")
    require(COUNTERS[convention][0])
    name, resolution, options = NETWORKS[model]
    ours = convcost.load(model, resolution=resolution).report(convention).totals.operations
    assert ours == printed(convention, name, resolution, **options)


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
