"""Every convolution and linear layer of convcost's models against the same network built by a real framework."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import convcost

from .cases import CASES, Case
from .frameworks import keras_network, torchvision_network
from .layers import Layer, first_difference, from_report
from .require import require

pytestmark = pytest.mark.oracle

EXAMPLE = (
    Layer("conv", (8, 8, 4), params=108, macs=6912, name="a"),
    Layer("conv", (4, 4, 8), params=296, macs=4608, name="b"),
    Layer("linear", (10,), params=90, macs=80, name="c"),
)


def convcost_layers(model: str, **knobs: Any) -> tuple[Layer, ...]:
    """Ask convcost for the convolution and linear layers of a model."""
    return from_report(convcost.load(model, **knobs).report())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_layers_and_totals(case: Case) -> None:
    """Shapes, parameters and multiply-accumulates agree layer by layer, and so do the totals of the network.

    Networks without parallel branches are compared in execution order.  ResNet and GoogLeNet are compared as
    multisets (``case.ordered`` is False), because implementations execute their branches in different orders.
    """
    require(case.framework)
    theirs = case.build()
    report = convcost.load(case.model, **case.knobs).report()
    difference = first_difference(from_report(report), theirs.layers, ordered=case.ordered)
    if difference is not None:
        pytest.fail(f"{case} {difference}")
    assert report.totals.params == theirs.params, f"{case}: trainable parameters of the whole network"
    assert report.totals.macs == theirs.macs, f"{case}: multiply-accumulates of the whole network"


# --- the comparison can fail ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ordered", [True, False], ids=["sequence", "multiset"])
@pytest.mark.parametrize(
    "change",
    [
        lambda layer: replace(layer, output_shape=(layer.output_shape[0] + 1, *layer.output_shape[1:])),
        lambda layer: replace(layer, params=layer.params + 1),
        lambda layer: replace(layer, macs=layer.macs - 1),
    ],
    ids=["shape", "params", "macs"],
)
@pytest.mark.parametrize("index", range(len(EXAMPLE)))
def test_perturbed_layer_is_reported(index: int, change: Callable[[Layer], Layer], ordered: bool) -> None:
    """A single wrong number in a single layer is a mismatch, and the message shows both versions of that layer."""
    perturbed = [*EXAMPLE[:index], change(EXAMPLE[index]), *EXAMPLE[index + 1 :]]
    assert first_difference(EXAMPLE, EXAMPLE, ordered=ordered) is None
    difference = first_difference(perturbed, EXAMPLE, ordered=ordered)
    assert difference is not None
    assert f"convcost:  {perturbed[index]}" in difference
    assert f"framework: {EXAMPLE[index]}" in difference


@pytest.mark.parametrize("ordered", [True, False], ids=["sequence", "multiset"])
def test_missing_and_repeated_layers_are_reported(ordered: bool) -> None:
    """The numbers of layers have to agree, also where a layer equals another one."""
    repeated = (*EXAMPLE, EXAMPLE[-1])
    for ours, theirs in [(EXAMPLE[:-1], EXAMPLE), (EXAMPLE, EXAMPLE[:-1]), (repeated, EXAMPLE), (EXAMPLE, repeated)]:
        difference = first_difference(ours, theirs, ordered=ordered)
        assert difference is not None
        assert "(none)" in difference


def test_order_matters_to_sequences_only() -> None:
    """Two exchanged layers differ as a sequence and agree as a multiset."""
    exchanged = (EXAMPLE[1], EXAMPLE[0], EXAMPLE[2])
    assert first_difference(exchanged, EXAMPLE, ordered=True) is not None
    assert first_difference(exchanged, EXAMPLE, ordered=False) is None


def test_linear_layer_equals_convolution_on_one_pixel() -> None:
    """1x1 convolutions on 1x1 maps are linear layers; larger maps are not."""
    linear = Layer("linear", (10,), params=90, macs=80)
    assert first_difference([linear], [replace(linear, kind="conv", output_shape=(1, 1, 10))], ordered=True) is None
    assert first_difference([linear], [replace(linear, kind="conv", output_shape=(1, 2, 10))], ordered=True) is not None


def test_another_width_is_reported() -> None:
    """A MobileNetV2 of convcost at one width does not pass for a framework's at another width."""
    require("torchvision")
    ours = convcost_layers("mobilenet_v2", width=0.75, resolution=224)
    theirs = torchvision_network("mobilenet_v2", resolution=224, width_mult=1.0)
    difference = first_difference(ours, theirs.layers, ordered=True)
    assert difference is not None
    assert "layer 0" in difference


def test_needless_biases_are_reported() -> None:
    """The ResNet50 of keras is not resnet50_v1 with its biases, and not the later resnet50 without them."""
    require("keras")
    biased = keras_network("ResNet50")
    v1, later = convcost_layers("resnet50_v1"), convcost_layers("resnet50")
    assert first_difference(v1, biased.layers, ordered=False) is not None
    assert first_difference(later, biased.without_conv_biases().layers, ordered=False) is not None
