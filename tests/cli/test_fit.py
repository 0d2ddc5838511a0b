"""`convcost fit`: what fits, by how much the rest does not, and compound scaling."""

from __future__ import annotations

import pytest

import convcost


def macs(width, resolution):
    return convcost.load("mobilenet_v2", width=width, resolution=resolution).report().totals.macs


def test_fit_exits_1_if_nothing_fits_and_says_what_is_lacking(cli):
    done = cli("fit", "mobilenet_v2", "--max-macs", "10M", "--over", "resolution=96:224:32")
    least = macs("1", 96)
    assert done.exit_code == 1
    assert f"MACs {least:,} is {least - 10_000_000:,} ({least / 1e7:.2f}×) over the budget" in done.stdout
    cli.ok("fit", "mobilenet_v2", "--max-macs", "60M", "--over", "resolution=96:224:32")
    cli("fit", "efficientnet_b0", "--max-macs", "1M", "--along", "compound", code=1)


def test_fit_in_json(cli):
    data = cli.json("fit", "mobilenet_v2", "--max-macs", "300M", "--maximise", "macs")
    assert data["schema"] == "convcost.fit/1"
    assert data["best"]["knobs"] == {"width": "0.98", "resolution": 224}
    assert data["edges"] == {"width": {"value": "79/80", "included": False}}
    assert data["best"]["stopped_by"] == {"width": ["macs"], "resolution": ["macs"]}


@pytest.mark.parametrize("budget", ["1G", "4.2G"])
def test_the_printed_knobs_of_compound_scaling_give_the_printed_network(cli, budget):
    done = cli.ok("fit", "efficientnet_b0", "--max-macs", budget, "--along", "compound")
    row = next(line for line in done.splitlines() if line.startswith("< ")).split()
    depth, width, resolution, shown = row[2:6]
    report = convcost.load("efficientnet_b0", depth=depth, width=width, resolution=resolution).report()
    assert f"{report.totals.macs:,}" == shown
    if budget == "1G":
        assert "where width passes 53/48; beyond" in done


def test_a_budget_of_nothing_has_no_ratio(cli):
    done = cli("fit", "mobilenet_v2", "--max-macs", "0", "--over", "resolution=96:224:32")
    assert done.exit_code == 1
    assert f"MACs {macs('1', 96):,} is {macs('1', 96):,} over the budget" in done.stdout


def test_a_grid_on_which_nothing_can_be_built_says_why_at_its_first_point(cli):
    done = cli("fit", "alexnet", "--max-macs", "1G", "--over", "resolution=3,4")
    assert done.exit_code == 2
    assert "conv1: the 11×11 window must fit into the padded input, got 3×3" in done.stderr.splitlines()[0]
