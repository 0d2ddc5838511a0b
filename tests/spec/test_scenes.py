"""Networks of the zoo that look at clips, sequences and whole scenes: against running implementations and arithmetic.

They are compared layer by layer with torchvision's in tests/oracle/test_running.py.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from helpers.zoo import loaded

import convcost

# Trainable parameters and MACs of torchvision's networks, as they run (torchvision 0.28).
TORCHVISION = {
    "r3d_18": (33_371_472, 40_696_553_472),
    "mc3_18": (11_695_440, 43_342_635_008),
    "r2plus1d_18": (31_505_325, 40_519_080_960),
    "s3d": (8_320_048, 17_978_771_456),
}


@pytest.mark.parametrize("model", TORCHVISION)
def test_totals_of_torchvision(model: str) -> None:
    totals = loaded(model).report().totals
    assert (totals.params, totals.macs) == TORCHVISION[model]


def params_below(report: Any, *scopes: str) -> int:
    """The parameters of all layers whose outermost scopes begin so."""
    return sum(layer.params for layer in report.layers if layer.scope[: len(scopes)] == scopes)


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
