"""Training steps against torch.utils.flop_counter, which counts what torch really calls, forward and backward."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from helpers.random_graphs import graph, node
from helpers.run_training import run_step

import convcost
from convcost.graph.training import backward
from convcost.graph.walk import walk
from convcost.memory.training import training_bytes

from .frameworks import import_torchvision
from .liveness import saved_by_training
from .require import require

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]

WITHOUT_HEADS = {"aux_logits": False, "init_weights": False}
#: Ours -> theirs; none has a grouped convolution.
NETWORKS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "resnet18": ("resnet18", 224, {}),
    "resnet50": ("resnet50", 224, {}),
    "vgg11_bn": ("vgg11_bn", 224, {}),
    "densenet121": ("densenet121", 224, {}),
    "googlenet_torchvision": ("googlenet", 224, WITHOUT_HEADS),
    "inception_v3": ("inception_v3", 299, WITHOUT_HEADS),
    "vit_b_16": ("vit_b_16", 224, {}),
}


def flops(net: Any, image: Any) -> tuple[int, int]:
    """What FlopCounterMode counts, forward and backward; attention as its products, which it does not see on CPU if fused."""
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        loss = net(image)
        forward = counter.get_total_flops()
        loss.sum().backward()
    return forward, counter.get_total_flops() - forward


@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_is_what_torch_counts(name: str) -> None:
    require("torchvision")
    import torch

    theirs, size, options = NETWORKS[name]
    net = getattr(import_torchvision().models, theirs)(**options).to("meta").train()
    forward, back = flops(net, torch.zeros(2, 3, size, size, device="meta"))
    step = convcost.load(name).training(batch=2)
    assert forward == 2 * step.forward
    assert back == 2 * (step.to_inputs + step.to_weights)


def test_a_frozen_stem_is_what_torch_counts() -> None:
    """Without gradients to the weights of its first stages, torch stops there too."""
    require("torch")
    import torch

    nets = [torch.nn.Conv2d(3, 8, 3), torch.nn.Conv2d(8, 16, 3), torch.nn.ReLU(), torch.nn.Conv2d(16, 4, 3)]
    net = torch.nn.Sequential(*nets)
    net[1].requires_grad_(requires_grad=False)
    source = graph(
        [
            node("a", "conv2d", "input", channels=8, kernel=3),
            node("b", "conv2d", "a", channels=16, kernel=3),
            node("relu", "relu", "b"),
            node("c", "conv2d", "relu", channels=4, kernel=3),
        ],
        input_shape=(12, 12, 3),
    )
    walked = walk(replace(source, nodes=tuple(replace(one, trainable=one.name != "b") for one in source.nodes)))
    _, back = flops(net, torch.zeros(1, 3, 12, 12))
    assert back == 2 * sum(one.to_inputs + one.to_weights for one in backward(walked).values())


def test_of_a_depthwise_convolution_torch_counts_the_gradient_to_weights_for_all_pairs_of_channels() -> None:
    """FlopCounterMode takes the gradient to the weights of a grouped convolution for that of a whole one: 64 times too much
    for 64 groups. Executed, it takes as many products as forward: 14·14·9·64.
    """
    require("torch")
    import torch

    net = torch.nn.Conv2d(64, 64, 3, padding=1, groups=64, bias=False)
    image = torch.zeros(1, 64, 14, 14, requires_grad=True)
    forward, back = flops(net, image)
    macs = 14 * 14 * 9 * 64
    assert forward == 2 * macs
    assert back == 2 * (macs + 64 * macs)
    nodes = [
        node("before", "scale", "input"),
        node("it", "conv2d", "before", channels=64, kernel=3, padding=1, groups=64),
    ]
    walked = walk(graph(nodes, input_shape=(14, 14, 64)))
    found, executed = backward(walked)["it"], run_step(walked)["it"]
    assert (found.to_inputs, found.to_weights) == (executed.to_inputs, executed.to_weights) == (macs, macs)


def test_of_mobilenet_v2_only_the_depthwise_gradients_to_weights_differ() -> None:
    """Backward, torch counts ten times what is run: of each depthwise layer as many times as it has groups."""
    require("torchvision")
    import torch

    net = import_torchvision().models.mobilenet_v2().to("meta").train()
    forward, back = flops(net, torch.zeros(1, 3, 224, 224, device="meta"))
    step = convcost.load("mobilenet_v2").training()
    assert forward == 2 * step.forward == 2 * 300_774_272
    over = sum((one.layer.attrs.get("groups", 1) - 1) * one.to_weights for one in step.layers)
    assert back == 2 * (step.to_inputs + step.to_weights + over)


#: Ours -> theirs: what is frozen of a ResNet.
FROZEN = {
    "nothing": ((), ()),
    "the first stages": (("conv1", "conv2_x"), ("conv1", "bn1", "layer1")),
    "all but the classifier": (("conv",), ("conv1", "bn1", "layer")),
    "a stage in the middle": (("conv3_x",), ("layer2",)),
}


@pytest.mark.parametrize("what", FROZEN)
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_frozen_network_keeps_what_autograd_keeps(name: str, what: str) -> None:
    """Maps by their elements, and a mask entry per output of the max pool."""
    require("torchvision")
    ours, theirs = FROZEN[what]
    net = getattr(import_torchvision().models, name)()
    for parameter, weights in net.named_parameters():
        weights.requires_grad_(not parameter.startswith(theirs) if theirs else True)
    maps, masks = saved_by_training(net, (3, 224, 224))
    walked = convcost.load(name).walked
    nodes = tuple(replace(one, trainable=not (ours and one.name.startswith(ours))) for one in walked.graph.nodes)
    kept = sum(one.kept for one in training_bytes(walk(replace(walked.graph, nodes=nodes))))
    assert kept == 4 * maps + masks
