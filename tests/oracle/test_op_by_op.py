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

from . import ops, ops_axes, ops_functions, ops_tokens
from .counters import COUNTERS, counted
from .ops import NO_COUNTERPART, Case
from .require import require

pytestmark = [pytest.mark.oracle, pytest.mark.filterwarnings("ignore")]


def network_of(case: Case, folder: Path) -> convcost.Network:
    path = folder / "one.yaml"
    path.write_text(case.spec, encoding="utf-8")
    return open_network(str(path), {})


def all_cases() -> list[Case]:
    """Empty without PyTorch; the tests say so."""
    try:
        return [case for module in (ops, ops_axes, ops_functions, ops_tokens) for case in module.cases()]
    except ModuleNotFoundError:
        return []


@pytest.mark.parametrize("convention", COUNTERS)
def test_every_op_counts_what_the_tool_prints(convention: str, tmp_path: Path) -> None:
    require("torchvision")  # before a tool imports it in its own way
    require(COUNTERS[convention][0])
    different = []
    for case in all_cases():
        ours = network_of(case, tmp_path).report(convention).totals.operations
        theirs = counted(convention, case.network(), case.read.shape)
        if convention in case.beyond:
            assert ours != theirs == case.beyond[convention], case.layers
        elif ours != theirs:
            different.append(f"{case.layers}: {convention} prints {theirs}, the convention gives {ours}")
    assert not different, "\n".join(different)


def test_what_is_beyond_a_convention_is_said() -> None:
    for case in all_cases():
        for convention in case.beyond:
            assert any(f"{op}:" in f"{case.layers}:" for op in named(convention).limits), (convention, case.layers)


def test_every_op_is_here(tmp_path: Path) -> None:
    require("torch")
    ops = {node.op for case in all_cases() for node in network_of(case, tmp_path).graph.nodes}
    assert ops == set(OPS) - NO_COUNTERPART


def test_flop_counter_mode_on_a_cpu() -> None:
    """It sees neither the scores of attention nor an LSTM, as the limits of the convention say."""
    require("torch")
    from torch import zeros
    from torch.utils.flop_counter import FlopCounterMode

    made = {
        line: case for case in all_cases() for line in [case.layers] if "fused" in line or line.startswith("lstm: ")
    }
    assert len(made) > 2
    for line, case in made.items():
        with FlopCounterMode(display=False) as counter:
            case.network()(zeros(1, *case.read.shape))
        # the layer before and, of attention, 12 tokens times matrices of 8·24 and 8·8
        assert counter.get_total_flops() == 2 * (288 + (12 * 8 * (24 + 8) if "fused" in line else 0)), line


def test_a_wrong_count_is_noticed(tmp_path: Path) -> None:
    """A bilinear upsampling is none of nearest neighbours: 4 for each of 24·20·8 elements, not 1."""
    require("torchvision")
    require("fvcore")
    bilinear = next(case for case in all_cases() if case.layers == "upsample: {scale: 2, mode: bilinear}")
    nearest = bilinear._replace(layers="upsample: {scale: 2}")
    theirs = counted("fvcore", bilinear.network(), bilinear.read.shape)
    assert theirs - network_of(nearest, tmp_path).report("fvcore").totals.operations == 3 * 24 * 20 * 8
