"""The waterfall between two conventions: its rows sum to the difference, for every network."""

from __future__ import annotations

from itertools import pairwise, permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from helpers.turns import in_turns
from helpers.zoo import an_end_of_each_family, loaded

import convcost
from convcost.conventions.catalog import all_conventions
from convcost.conventions.reconcile import Difference, reconcile
from convcost.core.errors import UsageError
from convcost.spec.zoo import names

if TYPE_CHECKING:
    from helpers.cli import Cli

MIXED = (
    *("convnext_tiny", "crnn", "googlenet", "lenet5_1998", "mobilenet_v3_small", "shufflenet_v2_x1_0", "swin_v2_t"),
    "r3d_18",
)
"""Networks that have all kinds of ops together: here each convention stands beside each other one."""
assert {*MIXED} <= {*names()}


NUMBERED = [*enumerate(sorted({*an_end_of_each_family(1), *MIXED}))]


@pytest.mark.parametrize(
    ("number", "model"), in_turns(NUMBERED, 2, every=[(at, model) for at, model in NUMBERED if model in MIXED])
)
def test_rows_sum_to_the_difference(number: int, model: str) -> None:
    network = loaded(model)
    ring = [*pairwise([*all_conventions(), "paper"])]
    for first, second in permutations(all_conventions(), 2) if model in MIXED else ring[number % 3 :: 3]:
        found = network.reconcile(first, second)
        ends = [network.report(name).totals.operations for name in (first, second)]
        assert [found.start, found.end] == ends
        assert found.start + sum(term.difference for term in found.terms) == found.end, (first, second)


def test_a_single_input_is_meant_where_no_batch_is_named() -> None:
    """lenet5 has 236 biases, each added once for an element: 28² · 6 + 10² · 16 + 120 + 84 + 10 of them."""
    first, second = (all_conventions()[name] for name in ("paper", "with_bias"))
    found = reconcile("lenet5", loaded("lenet5").steps, first, second)
    assert found.end - found.start == 28**2 * 6 + 10**2 * 16 + 120 + 84 + 10
    assert sum(term.difference for term in found.terms) == found.end - found.start


def test_a_missing_term_would_be_noticed() -> None:
    found = convcost.load("resnet50").reconcile("paper", "thop")
    assert found.start + sum(term.difference for term in found.terms[1:]) != found.end


def test_resnet50_from_paper_to_thop_by_hand() -> None:
    # Batch-norm passes every conv output once: 11,113,984 elements (11,114,984 conv and fc outputs less fc's 1000);
    # the global pool reads 7·7·2048 = 100,352 and writes 2,048.
    found = convcost.load("resnet50").reconcile("paper", "thop")
    assert found.terms == (
        Difference("batch_norm", "", "elements_in", 11_113_984, 0, 4),
        Difference("global_avg_pool", "", "elements_in", 100_352, 0, 1),
        Difference("global_avg_pool", "", "elements_out", 2_048, 0, 1),
    )


def test_vit_from_paper_to_fvcore_by_hand() -> None:
    # 25 norms of 197 tokens of 768 channels; in 12 layers, two products of 12·197·197·64 that fvcore does not see.
    found = convcost.load("vit_b_16").reconcile("paper", "fvcore")
    assert set(found.terms) == {
        Difference("layer_norm", "", "elements_in", 25 * 197 * 768, 0, 5),
        Difference("matmul", "fused", "macs", 12 * 2 * 12 * 197 * 197 * 64, 1, 0),
    }


def test_forms_are_told_apart_where_a_convention_does() -> None:
    network = convcost.load("googlenet_torchvision")  # its ReLUs are function calls
    assert {term.what for term in network.reconcile("paper", "ptflops").terms if term.op == "relu"} == {
        "relu as functional"
    }
    assert {term.what for term in network.reconcile("paper", "calflops").terms if term.op == "relu"} == {"relu"}


UNET = """
convcost: 1
name: unet
input: [4, 6, 3]
layers:
  - {max_pool: {kernel: 2}, name: down}
  - {upsample: {scale: 2, mode: bilinear}, name: up}
  - {upsample: {scale: 2, mode: bilinear}, as: functional, name: up_again}
  - {upsample: {scale: 3}, name: repeated}
  - {conv_transpose2d: {channels: 2, kernel: 2, stride: 2, bias: false}, name: transposed}
  - softmax
  - flatten
"""


@pytest.fixture
def unet(tmp_path: Path) -> str:
    path = tmp_path / "unet.yaml"
    path.write_text(UNET, encoding="utf-8")
    return str(path)


def test_every_way_of_an_op_has_its_row(unet: str) -> None:
    # 2×3×3 -> 4×6×3 = 72 -> 8×12×3 = 288 -> 24×36×3 = 2592 -> 48×72×2 = 6912 elements at 3456 positions. The transposed
    # convolution has 2·2·3·2 = 24 weights: 24·36·24 = 20736 MACs; thop takes them at every output position: 82944.
    found = convcost.load(unet).reconcile("ptflops", "thop")
    assert [(term.what, term.entry, term.amount, term.before, term.after) for term in found.terms] == [
        ("max_pool", "elements_in", 72, 2, 0),
        ("upsample bilinear", "elements_out", 72, 2, 11),
        ("upsample as functional", "elements_out", 288, 1, 0),  # neither tells its mode
        ("upsample", "elements_out", 2592, 2, 1),
        ("conv_transpose2d", "macs", 20_736, 1, 0),
        ("conv_transpose2d", "weight_positions", 82_944, 0, 1),
        ("softmax", "elements_in", 6912, 1, 3),
        ("softmax", "positions_out", 3456, 0, -1),
    ]


def test_what_a_convention_leaves_out_is_named(cli: Cli, unet: str) -> None:
    text = cli.ok("reconcile", unet, "paper", "thop")
    assert "left out     paper: max_pool, upsample, softmax\n" in text  # flatten computes nothing
    assert "left out     thop: max_pool, upsample as functional\n" in text
    data = cli.json("reconcile", unet, "calflops")
    assert (data["first"]["left_out"], data["second"]["left_out"]) == (["max_pool", "upsample", "softmax"], [])


def test_where_a_tool_cannot_be_followed_is_said(cli: Cli, unet: str) -> None:
    text = cli.ok("reconcile", unet, "torchprofile")
    said = "to the unit? torchprofile, conv_transpose2d: with groups, it takes every channel for each group"
    assert said in " ".join(text.split())
    assert "to the unit?" not in cli.ok("reconcile", "resnet50", "torchprofile")


def test_there_and_back() -> None:
    network = convcost.load("mobilenet_v2")
    there, back = network.reconcile("fvcore", "thop"), network.reconcile("thop", "fvcore")
    assert [term.difference for term in there.terms] == [-term.difference for term in back.terms]


def test_the_same_convention_has_no_terms() -> None:
    assert convcost.load("mobilenet_v2").reconcile("thop", "thop").terms == ()


def test_batch_multiplies_every_term() -> None:
    network = convcost.load("mobilenet_v2")
    once, many = network.reconcile("paper", "thop"), network.reconcile("paper", "thop", batch=7)
    assert [term.amount for term in many.terms] == [7 * term.amount for term in once.terms]
    assert (many.start, many.end) == (7 * once.start, 7 * once.end)


@pytest.mark.parametrize("batch", [0, -1, True, 1.5, "2"])
def test_bad_batch(batch: Any) -> None:
    with pytest.raises(UsageError, match=r"^batch must be an integer >= 1, got "):
        convcost.load("lenet5").reconcile("paper", "thop", batch=batch)


def test_a_bare_walk_will_do() -> None:
    conventions = all_conventions()
    assert reconcile("nothing", (), conventions["paper"], conventions["thop"]).terms == ()
