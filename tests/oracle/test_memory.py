"""Peak activation memory, and what training keeps, against torchvision's own graphs and autograd's own tensors.

Left out: RegNets, where torchvision runs a block's projection before its main path and convcost's specs after it.
"""

from __future__ import annotations

from typing import Any

import pytest
from helpers.turns import in_turns

import convcost
from convcost.core.dims import product
from convcost.memory.lifetimes import lifetimes

from .frameworks import import_torchvision
from .liveness import peak_of_module, saved_by_training
from .require import require

pytestmark = pytest.mark.oracle

WITHOUT_HEADS: dict[str, Any] = {"aux_logits": False, "init_weights": False}
#: Name in torchvision and options, where they are not convcost's name and none.
OTHERWISE = {
    "alexnet_one_tower": ("alexnet", {}),
    "googlenet_torchvision": ("googlenet", WITHOUT_HEADS),
    "inception_v3": ("inception_v3", WITHOUT_HEADS),
}
SAME_NAME = (
    "vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn",
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d",
    "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2", "densenet121", "densenet161", "densenet169",
    "densenet201", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "mnasnet0_5", "mnasnet0_75",
    "mnasnet1_0", "mnasnet1_3", "squeezenet1_0", "squeezenet1_1", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0",
    "shufflenet_v2_x1_5", "shufflenet_v2_x2_0", "efficientnet_b0", "efficientnet_b1", "efficientnet_b2",
    "efficientnet_b3", "efficientnet_b4", "efficientnet_b5", "efficientnet_b6", "efficientnet_b7",
    "efficientnet_v2_s", "efficientnet_v2_m", "efficientnet_v2_l", "convnext_tiny", "convnext_small", "convnext_base",
    "convnext_large",
)  # fmt: skip
#: Known before this oracle was written (unfused, fused).
KNOWN = {
    "resnet50": (2_408_448, 2_408_448),
    "mobilenet_v2": (2_408_448, 1_505_280),
    "efficientnet_b0": (2_408_448, 1_505_280),
    "googlenet_torchvision": (1_605_632, 1_003_520),
    "vgg16": (6_422_528, 6_422_528),
}


def built(model: str) -> Any:
    """The network of torchvision, on the meta device."""
    import torch

    name, options = OTHERWISE.get(model, (model, {}))
    with torch.device("meta"):
        return import_torchvision().models.get_model(name, weights=None, **options)


@pytest.mark.parametrize("model", in_turns([*OTHERWISE, *SAME_NAME], 3))
def test_peaks_equal_liveness_on_the_framework_s_graph(model: str) -> None:
    require("torchvision")
    network = convcost.load(model)
    height, width, channels = network.graph.input_shape
    shape = (channels, height, width)
    theirs = tuple(peak_of_module(built(model), shape, fused=fused) for fused in (False, True))
    assert tuple(network.memory(policy, dtype="int8").peak for policy in ("unfused", "fused")) == theirs
    assert theirs == KNOWN.get(model, theirs)


RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnext50_32x4d", "wide_resnet50_2")


@pytest.mark.parametrize("model", RESNETS)
def test_training_keeps_what_autograd_keeps(model: str) -> None:
    """Feature maps by element, and one mask entry per output of the max pool (torch: an index)."""
    require("torchvision")
    network = convcost.load(model)
    height, width, channels = network.graph.input_shape
    lives = lifetimes(network.walked, "training")
    # The result is handed to the caller, and lives to the end for that reason, not for the backward pass.
    results = {tensor for edge in network.graph.outputs for tensor in lives.home[edge]}
    kept = [t for i, t in enumerate(lives.tensors) if t.last == lives.length and i not in results]
    maps = sum(product(tensor.shape) for tensor in kept if tensor.dtype is None)
    masks = sum(product(tensor.shape) for tensor in kept if tensor.dtype is not None)
    assert (maps, masks) == saved_by_training(built(model), (channels, height, width))


def test_liveness_by_hand() -> None:
    """A residual block on 4 channels of 2×2: 16 elements each; relu after the add is an op of its own."""
    require("torch")
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm, self.relu = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.flatten(self.relu(self.norm(self.conv(x)) + x), 1)

    # Unfused: x, conv and norm, or x, norm and the sum. Fused: x, conv, and the sum.
    assert peak_of_module(Block(), (4, 2, 2), fused=False) == 48
    assert peak_of_module(Block(), (4, 2, 2), fused=True) == 48
    # Without the shortcut: two maps at a time.
    plain = nn.Sequential(nn.Conv2d(4, 8, 1), nn.BatchNorm2d(8), nn.ReLU())
    assert peak_of_module(plain, (4, 2, 2), fused=False) == 64
    assert peak_of_module(plain, (4, 2, 2), fused=True) == 48
    # Autograd keeps x (the conv's input), conv (the norm's) and relu's result.
    assert saved_by_training(plain, (4, 2, 2)) == (16 + 32 + 32, 0)
