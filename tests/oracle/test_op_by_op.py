"""Each convention against its tool, one op at a time, as a module and as a function call: equal to the unit.

Networks of the zoo hold few kinds of op in few forms; a U-Net of one's own may hold any.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import convcost
from convcost.conventions.catalog import convention as named
from convcost.networks.load import open_network
from convcost.ops import OPS

from .counters import COUNTERS, counted
from .ops import HEIGHT, NO_COUNTERPART, WIDTH, Case, cases
from .require import require

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]

UP = "conv_transpose2d: {channels: 4, kernel: 2, stride: 2"
#: Where a tool counts what no linear function over the ledger gives: convention, layers -> why, by hand.
BEYOND = {
    # 12·10 · 2·2·8·4 MACs, twice; a bias at 6·5 positions, where a convolution of stride 2 would have its outputs
    ("calflops", f"{UP}}}"): 6720 + 30720 + 6 * 5 * 4,
    # divided by the groups twice
    ("calflops", f"{UP}, groups: 2, bias: false}}"): 6720 + 30720 // 4,
    # every output takes all 8 channels at each of 2·2 taps, whatever the groups
    ("torchprofile", f"{UP}, groups: 2, bias: false}}"): 2880 + 24 * 20 * 4 * 8 * 4,
}


def network_of(case: Case, folder: Path) -> convcost.Network:
    path = folder / "one.yaml"
    path.write_text(case.spec, encoding="utf-8")
    return open_network(str(path), {})


def all_cases() -> list[Case]:
    """Empty without PyTorch; the tests say so."""
    try:
        return list(cases())
    except ModuleNotFoundError:
        return []


@pytest.mark.parametrize("convention", COUNTERS)
def test_every_op_counts_what_the_tool_prints(convention: str, tmp_path: Path) -> None:
    require("torchvision")  # before a tool imports it in its own way
    require(COUNTERS[convention][0])
    different = []
    for case in all_cases():
        ours = network_of(case, tmp_path).report(convention).totals.operations
        theirs = counted(convention, case.network(), (3, HEIGHT, WIDTH))
        if (convention, case.layers) in BEYOND:
            assert ours != theirs == BEYOND[convention, case.layers], case.layers
        elif ours != theirs:
            different.append(f"{case.layers}: {convention} prints {theirs}, the convention gives {ours}")
    assert not different, "\n".join(different)


def test_what_is_beyond_a_convention_is_said() -> None:
    for convention, layers in BEYOND:
        assert any(f"{op}: " in layers for op in named(convention).limits), layers


def test_every_op_is_here(tmp_path: Path) -> None:
    require("torch")
    ops = {node.op for case in all_cases() for node in network_of(case, tmp_path).graph.nodes}
    assert ops == set(OPS) - NO_COUNTERPART


def test_a_wrong_count_is_noticed(tmp_path: Path) -> None:
    """A bilinear upsampling is none of nearest neighbours: 4 for each of 24·20·8 elements, not 1."""
    require("torchvision")
    require("fvcore")
    bilinear = next(case for case in all_cases() if case.layers == "upsample: {scale: 2, mode: bilinear}")
    nearest = bilinear._replace(layers="upsample: {scale: 2}")
    theirs = counted("fvcore", bilinear.network(), (3, HEIGHT, WIDTH))
    assert theirs - network_of(nearest, tmp_path).report("fvcore").totals.operations == 3 * 24 * 20 * 8
