"""`convcost list`: every family, with year and source."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from convcost.networks.listing import list_networks

if TYPE_CHECKING:
    from helpers.cli import Cli


@pytest.mark.usefixtures("one_list")
def test_list_shows_every_family_with_year_and_source(cli: Cli) -> None:
    data = cli.json("list")
    assert data["schema"] == "convcost.list/1"
    shown = {network["name"]: network for network in data["networks"]}
    assert {"lenet5", "alexnet_ungrouped", "vgg19", "googlenet_aux", "resnet152", "efficientnet_b7"} <= set(shown)
    assert shown["resnet50"]["macs"] == 4_089_184_256
    assert all(network["year"] and network["task"] and network["source"] for network in shown.values())


@pytest.mark.parametrize(
    ("pattern", "some", "none"),
    [
        ("efficient", {"efficientnet_b0", "efficientnet_v2_s"}, {"mobilenet_v2"}),
        ("EfficientNet", {"efficientnet_b0", "efficientnet_b7"}, {"efficientnet_v2_s"}),
        ("resnet", {"resnet50"}, {"resnet50_v2", "inception_resnet_v2"}),
        ("b7", {"efficientnet_b7"}, {"efficientnet_b0"}),
        ("mobilenet-v[12]", {"mobilenet_v1", "mobilenet_v2"}, {"mobilenet_v3_large"}),
    ],
)
def test_a_name_or_family_is_itself_and_any_other_word_what_contains_it(
    pattern: str, some: set[str], none: set[str]
) -> None:
    found = set(list_networks(pattern))
    assert some <= found
    assert not none & found


def test_filters_combine_with_patterns_and_with_each_other(cli: Cli) -> None:
    asked = ("list", "mobilenet*", "--year", "2018-2019", "--max-macs", "300M", "--max-params", "5M")
    shown = {network["name"]: network for network in cli.json(*asked)["networks"]}
    assert {"mobilenet_v3_small", "mobilenet_v3_small_1280"} <= set(shown)
    assert not {"mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large"} & set(shown)  # 2017; 300.8 M; 5.48 M params
    found = cli.json("list", "--family", "MobileNetV2", "--max-macs", "301M")["networks"]
    assert [network["name"] for network in found] == ["mobilenet_v2"]


RESNET50_BY_THOP = 4_089_184_256 + 4 * 11_113_984 + 50 * 2048
"""Four for each output of a convolution, behind which a batch-norm is; the pool reads 49 times 2,048 and writes 2,048."""


@pytest.mark.parametrize(
    ("convention", "most", "found"),
    [
        ("paper", "4.1G", ["resnet50"]),
        ("thop", "4.1G", []),
        ("thop", str(RESNET50_BY_THOP), ["resnet50"]),
        ("thop", str(RESNET50_BY_THOP - 1), []),
    ],
)
def test_a_bound_on_macs_is_on_those_that_the_convention_counts(
    cli: Cli, convention: str, most: str, found: list[str]
) -> None:
    done = cli("list", "resnet50", "--convention", convention, "--max-macs", most, "--format", "json")
    networks = json.loads(done.stdout)["networks"]
    assert (done.exit_code, [network["name"] for network in networks]) == (0 if found else 1, found)
    assert all(network["operations"] <= int(RESNET50_BY_THOP) for network in networks)


def test_what_is_left_of_no_network_is_an_empty_table_and_status_1(cli: Cli) -> None:
    done = cli("list", "--task", "detection", "--max-macs", "1k", "--format", "csv")
    assert (done.exit_code, done.stdout) == (
        1,
        "name,family,title,input_shape,params,macs,operations,task,year,source\n",
    )


def test_filters_are_also_of_what_fits_a_board(cli: Cli) -> None:
    sizes = ("--max-ram", "256KiB", "--max-flash", "1MiB")
    spotting = cli.json("list", "--task", "keyword spotting", "--max-macs", "5M", *sizes)["networks"]
    assert {network["network"] for network in spotting} == {"ds_cnn_s", "mlperf_tiny_ds_cnn"}
    widths = cli.json("list", "mobilenet_v1", "--max-macs", "20M", *sizes)["networks"]
    assert widths
    assert all(network["macs"] <= 20_000_000 for network in widths)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--task", "detectio"], "Did you mean detection?"),
        (["--year", "19"], "Invalid value for '--year': '19' is no year or span of years, e.g. 2018 or 2015-2019"),
        (["--max-macs", "many"], "Invalid value for '--max-macs': 'many' is not a count"),
        (
            ["--year", "2026-2018"],
            "Invalid value for '--year': the span of years 2026-2018 begins at 2026 and ends before it, at 2018",
        ),
        (
            ["--convention", "torch", "--max-macs", "1G"],
            "a bound on MACs is none on what torch counts, FLOPs: leave out the bound or the convention",
        ),
        (
            ["--convention", "thop", "--max-ram", "256KiB"],
            "--convention thop is of the list without a board, RAM or flash: leave out either",
        ),
        (["--family", "resnat"], "there is no family 'resnat'. Did you mean resnet?"),
    ],
)
def test_what_cannot_be_asked_for(cli: Cli, options: list[str], error: str) -> None:
    done = cli("list", *options)
    assert done.exit_code == 2
    assert error in done.stderr
