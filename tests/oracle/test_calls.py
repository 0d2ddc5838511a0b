"""Every op of the zoo against torchvision's modules and function calls, down to ReLUs and pools.

The networks here are those whose counts by other tools are reproduced (and their relatives): such a tool sees a
module or a function, so that each op must also be written as it is there.
"""

from __future__ import annotations

from typing import Any

import pytest

from convcost.networks.load import open_network

from .calls import convcost_calls, torch_calls, torchvision_calls
from .require import require

pytestmark = pytest.mark.oracle

#: convcost's name -> torchvision's, and its options
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "alexnet_one_tower": ("alexnet", {}),
    "vgg16": ("vgg16", {}),
    "vgg16_bn": ("vgg16_bn", {}),
    "googlenet_torchvision": ("googlenet", {"aux_logits": False, "init_weights": False}),
    "inception_v3": ("inception_v3", {"aux_logits": False, "init_weights": False}),
    "resnet18": ("resnet18", {}),
    "resnet50": ("resnet50", {}),
    "mobilenet_v2": ("mobilenet_v2", {}),
    "efficientnet_b0": ("efficientnet_b0", {}),
    "shufflenet_v2_x1_0": ("shufflenet_v2_x1_0", {}),
    "mnasnet1_0": ("mnasnet1_0", {}),
    "squeezenet1_0": ("squeezenet1_0", {}),
    "squeezenet1_1": ("squeezenet1_1", {}),
    "resnext50_32x4d": ("resnext50_32x4d", {}),
    "densenet121": ("densenet121", {}),
    "mobilenet_v3_large": ("mobilenet_v3_large", {}),
    "mobilenet_v3_small": ("mobilenet_v3_small", {}),
    "efficientnet_v2_s": ("efficientnet_v2_s", {}),
    "regnet_x_400mf": ("regnet_x_400mf", {}),
    "regnet_y_400mf": ("regnet_y_400mf", {}),
    "convnext_tiny": ("convnext_tiny", {}),
    "r3d_18": ("r3d_18", {}),
    "mc3_18": ("mc3_18", {}),
    "r2plus1d_18": ("r2plus1d_18", {}),
    "fcn_resnet50": ("fcn_resnet50", {}),
    "deeplabv3_resnet50": ("deeplabv3_resnet50", {}),
    "deeplabv3_mobilenet_v3_large": ("deeplabv3_mobilenet_v3_large", {}),
    "lraspp_mobilenet_v3_large": ("lraspp_mobilenet_v3_large", {}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_call(name: str) -> None:
    require("torchvision")
    network = open_network(name, {})
    report = network.report()
    theirs, options = NETWORKS[name]
    *positions, channels = report.input_shape
    wanted = torchvision_calls(theirs, shape=(channels, *positions), **options)
    found = convcost_calls(network.graph.nodes, report.layers)
    assert (found - wanted, wanted - found) == ({}, {})


def test_functions_and_modules_are_told_apart() -> None:
    """On 4×4×3: a module's ReLU, a function's, and a mean; none of the module's own function calls counts again."""
    require("torch")
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = torch.nn.functional.relu(self.relu(x)) + x
            return torch.cat([y, x], 1).mean([2, 3])

    assert torch_calls(Net(), (3, 4, 4)) == {
        ("relu", (4, 4, 3), ""): 1,
        ("relu", (4, 4, 3), "functional"): 1,
        ("add", (4, 4, 3), ""): 1,
        ("concat", (4, 4, 6), ""): 1,
        ("adaptive_avg_pool", (6,), "mean"): 1,
    }
