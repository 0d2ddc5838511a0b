"""What a new user writes from docs/language.md alone: its networks, each in less than 40 lines, against arithmetic by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.paths import ROOT
from helpers.specs import assert_resolves_to_itself, assert_swept_like_walked
from helpers.zoo import loaded

import convcost
from convcost.networks.load import validate

PAGE = (ROOT / "docs/language.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^<!-- file: (\S+) -->\n```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A folder with every file that the page shows."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_every_network_of_the_page_is_short_and_right(page: Path, name: str) -> None:
    assert validate(str(page / name)) == []
    assert FILES[name].count("\n") < 40
    assert_resolves_to_itself(convcost.load(str(page / name)), page)


def test_every_fragment_is_yaml_that_the_language_reads() -> None:
    """Fragments that are not whole files are shown as they would stand in one."""
    fragments = [
        text
        for text in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
        if text not in FILES.values()
    ]
    assert len(fragments) == 4  # inputs, a table, a repeated unit, the line for editors


def test_a_vision_transformer(page: Path) -> None:
    """ViT-B/16 as torchvision has it: 86,567,656 parameters, 17,563,828,224 MACs, of them 12 · 2 · 12·197·197·64 of activations."""
    path = page / "vit.yaml"
    report = convcost.load(str(path)).report()
    assert (report.totals.params, report.totals.macs) == (86_567_656, 17_563_828_224)
    products = sum(layer.macs for layer in report.layers if layer.op == "matmul")
    assert products == 12 * 2 * 12 * 197 * 197 * 64 == 715_327_488
    # Half the side: 49 tokens and the class token.
    layer = 50 * (4 * 768 * 768 + 2 * 768 * 3072) + 2 * 50 * 50 * 768
    small = convcost.load(str(path), resolution=112).report().totals.macs
    assert small == 49 * 16 * 16 * 3 * 768 + 12 * layer + 768 * 1000
    assert_swept_like_walked(path, resolution=[32, 112, 224], patch=[14, 16, 32])


def test_a_u_net_over_an_encoder_of_the_zoo(page: Path) -> None:
    """segmentation_models.pytorch's Unet("resnet34") has 24,436,369 parameters."""
    path = page / "unet.yaml"
    assert convcost.load(str(path)).report().totals.params == 24_436_369
    decoder = sum(
        9 * (c * out + out * out) + 4 * out
        for c, out in ((512 + 256, 256), (256 + 128, 128), (128 + 64, 64), (64 + 64, 32), (32, 16))
    )
    for encoder in ("resnet18", "resnet34"):
        body = loaded(encoder).report().totals.params - (512 * 1000 + 1000)
        assert convcost.load(str(path), encoder=encoder).report().totals.params == body + decoder + 9 * 16 + 1
    assert_swept_like_walked(path, encoder=["resnet18", "resnet34"], resolution=[64, 96], classes=[1, 21])


def test_a_one_dimensional_network_for_electrocardiograms(page: Path) -> None:
    path = page / "ecg.yaml"
    found = convcost.load(str(path)).report().totals
    weights = 7 * 12 * 32, 7 * 32 * 64, 3 * 64 * 128
    assert found.params == sum(weights) + 2 * (32 + 64) + 128 + 128 * 5 + 5
    # 5000 samples, halved four times: 2500, 1250, 625, and 312 after the last pool.
    assert found.macs == 2500 * weights[0] + 625 * weights[1] + 312 * weights[2] + 128 * 5
    assert_swept_like_walked(path, samples=[1000, 4999, 5000], leads=[1, 12])


def test_two_towers_with_the_same_weights(page: Path) -> None:
    """Koch et al. 2015, figure 4: each tower has 38,947,648 parameters, stored once."""
    network = convcost.load(str(page / "siamese.yaml"))
    found = network.report().totals
    convolutions = (100 * 64 + 64) + (49 * 64 * 128 + 128) + (16 * 128 * 128 + 128) + (16 * 128 * 256 + 256)
    assert convolutions + 6 * 6 * 256 * 4096 + 4096 == 38_947_648
    assert found.params == 38_947_648 + 4097
    assert found.used_params == 2 * 38_947_648 + 4097
    macs = 96**2 * 100 * 64 + 42**2 * 49 * 64 * 128 + 18**2 * 16 * 128 * 128 + 6**2 * 16 * 128 * 256
    assert found.macs == 2 * (macs + 9216 * 4096) + 4096


def test_binary_kernels_and_two_bits_of_activations(page: Path) -> None:
    """A byte for each weight of the first layer, a bit for each of the second, four bytes for each factor of a batch-norm."""
    found = convcost.load(str(page / "w1a2.yaml")).report()
    assert found.weight_dtypes == {"int8": 3 * 9 * 64, "binary": 64 * 9 * 64 // 8, "fp32": 4 * 2 * 2 * 64}
    assert found.totals.weight_bytes == 7_360
    # 32·32·64 elements of a byte are read at the second layer, as many of two bits written.
    assert found.totals.peak_activation_bytes == 32 * 32 * 64 + 32 * 32 * 64 // 4
