"""`convcost fit`: what fits, by how much the rest does not, and compound scaling."""

from __future__ import annotations

import pytest
from helpers.deployed import alone

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


AXES = ("--over", "width=0.1:0.4:0.1", "--over", "resolution=64:128:32")


def test_fit_under_ram_and_flash_says_what_single_networks_take(cli):
    asked = ("mobilenet_v1", *AXES, "--max-ram", "96KiB", "--max-flash", "512KiB", "--runtime", "tflm", "--deploy")
    data = cli.json("fit", *asked)
    assert data["deployment"] == {
        "runtime": "tflm",
        "dtype": "int8",
        "pointers": 64,
        "kernels": "reference",
        "board": None,
        "code_bytes": 0,
    }
    assert data["budgets"] == [{"metric": "ram_bytes", "limit": 98_304}, {"metric": "flash_bytes", "limit": 524_288}]
    assert data["maximal"]
    for one in data["maximal"]:
        single = alone("mobilenet_v1", one["knobs"])
        assert {name: one["costs"][name] for name in single} == single
        assert single["ram_bytes"] <= 98_304
        assert single["flash_bytes"] <= 524_288
    shown = cli.ok("fit", *asked)
    assert "RAM bytes" in shown
    assert "flash bytes" in shown
    assert "tflm, int8, 64-bit addresses, reference kernels; RAM is the arena" in " ".join(shown.split())


def test_axes_are_named_alone_or_with_their_values(cli):
    both = cli.json("fit", "mobilenet_v2", "--max-ram", "256KiB", "--over", "width,resolution")
    one = cli.json("fit", "mobilenet_v2", "--max-ram", "256KiB", "--over", "width", "--over", "resolution=16:512")
    assert both == one
    # Widths from 0.05 to 2 by hundredths, resolutions from 16 to 512.
    assert both["points"] == 196 * 497


def test_deploy_needs_no_value_wherever_it_stands(cli):
    plain = cli.json("fit", "mobilenet_v1", *AXES, "--max-ram", "96KiB", "--deploy")
    assert plain == cli.json("fit", "mobilenet_v1", "--deploy", *AXES, "--max-ram", "96KiB")
    assert plain == cli.json("fit", "mobilenet_v1", "--deploy", "int8", *AXES, "--max-ram", "96KiB")
    assert plain != cli.json("fit", "mobilenet_v1", "--deploy", "fp32", *AXES, "--max-ram", "384KiB")


AS_TYPES = "a TFLite program is lowered as int8, int16, fp32, got fp16; give --deploy int8 as well"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("--max-ram", "1MiB", "--along", "compound"), "--along compound counts MACs, parameters and peak alone"),
        (("--max-macs", "1M", "--pointers", "32"), "--pointers 32 is of a runtime"),
        (("--max-ram", "1MiB", "--over", "width", "--over", "width=0.5:1:0.1"), "width is set twice"),
        (("--max-ram", "1MiB", "--over", "width,"), "needs names with commas between them, got 'width,'"),
        (("--max-ram", "1MiB", "--batch", "2"), "tflm runs one input at a time: leave out the batch of 2"),
        (("--max-ram", "lots"), "'lots'"),
        (("--deploy", "binary", "--max-ram", "1MiB"), "'binary' is not one of 'int8', 'int16', 'fp32'"),
        (("--dtype", "fp16", "--max-ram", "1MiB"), AS_TYPES),
        (("--dtype", "fp16", "--board", "rpi_pico"), AS_TYPES),
    ],
)  # fmt: skip
def test_what_fit_cannot_deploy_is_refused(cli, asked, said):
    assert said in " ".join(cli.refused("fit", "mobilenet_v1", *asked).split())
