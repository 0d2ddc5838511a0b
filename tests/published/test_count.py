"""What is counted of a part of a network, and as which tool does."""

from __future__ import annotations

import pytest

from convcost.published.data import combined
from convcost.published.verify import REPRODUCED, verify

# By hand for MobileNetV1 and LeNet-5: stage7 repeats a block of 512 channels five times (Table 1).
PARTS = [
    ("mobilenet_v1", "blocks", "stage7.block*", "5"),
    ("mobilenet_v1", "blocks", "stage*", "9"),
    ("mobilenet_v1", "layers", "stage7", "10"),
    ("mobilenet_v1", "stride", "stem.conv2d", "2"),
    ("mobilenet_v1", "kernel", "conv2d 3×3 depthwise", "3"),
    ("mobilenet_v1", "channels", "stage8", "1024"),
    ("mobilenet_v1", "groups", "stage1.block1.depthwise.conv2d", "32"),
    ("mobilenet_v1", "channels_at", "14", "512"),
    ("mobilenet_v1", "half_bytes_at", "14", "200704"),  # 2 · 14 · 14 · 512
    ("lenet5", "conv_activations", "c1", "4704"),  # 28 · 28 · 6
    ("lenet5", "activation_bytes", "c1", "18816"),
    ("lenet5", "weight_bytes", "c1", "624"),  # 4 · 156
    ("lenet5", "macs", "linear", "58920"),  # 48,000 + 10,080 + 840
]


@pytest.mark.parametrize(("model", "quantity", "part", "printed"), PARTS)
def test_quantities_of_parts(model, quantity, part, printed, tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text(f"model,quantity,part,printed\n{model},{quantity},{part},{printed}\n", encoding="utf-8")
    (found,) = verify(data=str(table))
    assert found.verdict == REPRODUCED, found


def test_what_the_converter_to_tensorflow_lite_estimates(tmp_path, counter):
    """By hand: 96 + 9 + 240 products, 48 + 3 + 5 outputs with a bias, 3 sigmoids at 64, 48 outputs of a product."""
    spec = tmp_path / "gated.yaml"
    spec.write_text(
        "convcost: 1\nname: gated\ninput: [4, 4, 2]\nlayers:\n"
        "- conv2d: {channels: 3, kernel: 1, bias: false}\n- batch_norm\n- relu\n"
        "- parallel:\n    x: []\n    gate: [global_avg_pool, {conv2d: {channels: 3, kernel: 1}}, sigmoid]\n"
        "  join: multiply\n- flatten\n- linear: {channels: 5}\n"
    )
    found = counter.count("macs", "", str(spec), {}, combined(["tflite_converter"]))
    assert 2 * found == 2 * (96 + 9 + 240) + 48 + 3 + 5 + 64 * 3 + 48
