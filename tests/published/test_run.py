"""What a network needs when it is run, as claims speak of it: every number by hand or by nested loops."""

from __future__ import annotations

from fractions import Fraction

import pytest

import convcost
from convcost.core.errors import ConvcostError, UsageError
from convcost.published.run import RUN, run_count
from convcost.published.verify import DIFFERS, REPRODUCED, UNEXPLAINED, verify

HOW = {"policy": "mcunet", "dtype": "int8", "patches": "4x4", "until": "stage3.block1", "equal": "yes"}


def count(quantity: str, part: str = "", model: str = "mobilenet_v2", **how: str) -> object:
    return run_count(quantity, part, convcost.load(model), how)


def test_the_memory_of_layers_is_input_and_output_the_larger_where_depthwise() -> None:
    """By hand, MobileNetV2 at 224: 112·112·(16 + 96) at the first expansion; the image and 112·112·32 at the stem."""
    assert count("peak_activation_bytes", policy="mcunet", dtype="int8") == 112 * 112 * (16 + 96)
    assert count("peak_activation_bytes", "stem.conv2d", policy="mcunet", dtype="int8") == 3 * 224**2 + 32 * 112**2
    assert count("peak_activation_bytes", "*.depthwise.conv2d", policy="mcunet", dtype="int8") == 96 * 112**2


def receptive(last: int, layers: list[tuple[int, int]]) -> int:
    """How many positions of the input `last` positions need, through (kernel, stride) from the last layer to the first."""
    for kernel, stride in layers:
        last = (last - 1) * stride + kernel
    return last


def stage(sides: list[int]) -> int:
    """MobileNetV2's first five blocks, stem and all, on maps of these sides: the last output first."""
    out, third, second, first, stem = (side**2 for side in sides)
    return (
        27 * 32 * stem
        + 9 * 32 * first
        + 32 * 16 * first
        + 16 * 96 * first
        + 9 * 96 * second
        + 96 * 24 * second
        + 24 * 144 * second
        + 9 * 144 * third
        + 144 * 24 * third
        + 24 * 144 * third
        + 9 * 144 * out
        + 144 * 32 * out
    )


def test_equal_patches_read_what_they_depend_on_and_count_it_every_time() -> None:
    """28 in 4 are 7: through blocks of strides 2, 1, 2, 1 and the stem, back to 75; each layer 16 times on its patch."""
    windows = [
        (3, 2),
        (3, 1),
        (3, 2),
        (3, 1),
        (3, 2),
    ]  # depthwise of stage3.block1, stage2.block2, .block1, stage1, stem
    assert count("patch", **HOW) == (receptive(7, windows),) * 2 == (75, 75)
    by_hand = 16 * stage([receptive(7, windows[:n]) for n in range(5)])  # 7, 15, 17, 35, 37
    plain = stage([28, 56, 56, 112, 112])
    whole = convcost.load("mobilenet_v2").report().totals.macs  # tested elsewhere
    assert count("patched_macs", "patches", **HOW) == by_hand == 129_517_568
    whole = 300_774_272  # by Table 2 of its paper, layer by layer in tests/helpers
    plain = 91_282_688  # the same sum, each layer once on its whole map
    assert count("patched_macs", **HOW) == whole - plain + by_hand
    assert count("overhead_share", "patches", **HOW) == Fraction(100 * (by_hand - plain), plain)
    assert count("overhead_share", **HOW) == Fraction(100 * (by_hand - plain), whole)


def test_weights_in_ram_add_a_byte_for_each() -> None:
    """DS-CNN-S by hand: 2 · 25·5·64 of activations; 10·4·64 + 64, four times 9·64 + 64 and 64·64 + 64, 64·12 + 12."""
    weights = 2560 + 64 + 4 * (576 + 64 + 4096 + 64) + 768 + 12
    at = {"policy": "largest", "dtype": "int8"}
    assert count("peak_activation_bytes", model="ds_cnn_s", **at) == 2 * 25 * 5 * 64
    assert count("peak_activation_bytes", model="ds_cnn_s", weights="ram", **at) == 2 * 25 * 5 * 64 + weights
    assert count("peak_activation_bytes", model="ds_cnn_s", weights="flash", **at) == 2 * 25 * 5 * 64


def test_a_runtime_has_its_own_arena() -> None:
    """What TensorFlow Lite Micro prints for kws_ref_model.tflite."""
    assert count("arena_head_bytes", model="mlperf_tiny_ds_cnn", pointers="64") == 16_000
    assert count("ram_bytes", model="mlperf_tiny_ds_cnn", pointers="64") == 24_272


@pytest.mark.parametrize(
    ("quantity", "part", "how", "said"),
    [
        ("peak_activation_bytes", "", {"polcy": "fused"}, "run: there is no 'polcy' here. Did you mean policy?"),
        ("peak_activation_bytes", "nothing*", {}, "part: no layer that this policy looks at matches 'nothing*'"),
        ("peak_activation_bytes", "", {"weights": "disk"}, "run: weights lie in flash or ram, got 'disk'"),
        ("patched_macs", "", {"dtype": "int8"}, "run: patches are missing"),
        ("patched_macs", "stem", HOW, "part: this is of the network, or of 'patches', not of 'stem'"),
        ("patch", "", {**HOW, "equal": "maybe"}, "run: equal is yes or no, got 'maybe'"),
        ("ram_bytes", "", {"pointers": "16"}, "run: pointers are 32 or 64, got '16'"),
        ("ram_bytes", "stem", {}, "part: a runtime's memory is of the whole network, not of 'stem'"),
    ],
)
def test_what_cannot_be_run_says_so(quantity: str, part: str, how: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        run_count(quantity, part, convcost.load("mobilenet_v2"), how)
    assert str(raised.value).startswith(said)


def table(tmp_path, *rows: str) -> str:
    path = tmp_path / "mine.csv"
    path.write_text("model,run,quantity,printed,unit,because,computed\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return str(path)


def test_a_table_of_ones_own_may_say_how_it_is_run(tmp_path) -> None:
    found = verify(
        data=table(
            tmp_path,
            "ds_cnn_s,policy=largest dtype=int8,peak_activation_bytes,16.0,kB,,",
            "ds_cnn_s,policy=largest dtype=int8,peak_activation_bytes,17.0,kB,misprint,16.00",
            "ds_cnn_s,policy=largest,peak_activation_bytes,16.0,kB,,",
        )
    )
    assert [one.verdict for one in found] == [REPRODUCED, DIFFERS, UNEXPLAINED]
    assert found[0].run == "policy=largest dtype=int8"
    assert "policy=largest dtype=int8" in found.table("figure").rows[0][3]
    assert found.to_dict()["figures"][0]["run"] == "policy=largest dtype=int8"


def test_what_does_not_depend_on_a_run_refuses_one(tmp_path) -> None:
    with pytest.raises(ConvcostError, match="run: params do not depend on how a network runs"):
        verify(data=table(tmp_path, "ds_cnn_s,dtype=int8,params,22.6,K,,"))


def test_every_quantity_of_a_run_is_known_to_docs() -> None:
    from helpers.paths import ROOT

    text = (ROOT / "docs" / "published.md").read_text(encoding="utf-8")
    assert [quantity for quantity in RUN if f"`{quantity}`" not in text] == []
