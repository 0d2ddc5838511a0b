"""`report --training` and `report --receptive`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from helpers.cli import Cli


def test_resnet18(cli: Cli) -> None:
    text = cli.ok("report", "resnet18", "--training", "--by", "stage")
    assert "5,324,206,080 (5.32 G) = 2.93 × forward" in text
    data = cli.json("report", "resnet18", "--training", "--optimizer", "adam", "--batch", "32")
    assert data["training"]["macs"]["total"] == 32 * 5_324_206_080
    assert data["training"]["memory_bytes"]["optimizer"] == 2 * 4 * 11_689_512


def test_vgg16_sees_212_positions(cli: Cli) -> None:
    text = cli.ok("report", "vgg16", "--receptive", "--by", "stage")
    assert [line.split()[6:9] for line in text.splitlines() if line.startswith("stage5")] == [["212", "32", "-90"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lenet5", "--optimizer", "adam"), "--optimizer is of a training step: give --training as well"),
        (("lenet5", "--training", "--optimizer", "adan"), "'adan' is not one of 'sgd', 'momentum', 'adam'"),
        (("lenet5", "vgg16", "--training"), "--training is of one network, not of 2: ask for one at a time"),
        (
            ("lenet5", "--training", "--top", "3", "--memory", "sum"),
            "--training has columns and a memory policy of its own: leave out --top, --memory",
        ),
        (("lenet5", "--training", "--receptive"), "leave out --receptive"),
        (
            ("lenet5", "vgg16", "--receptive"),
            "--receptive adds columns to the rows of one network, not of 2: ask for one at a time",
        ),
    ],
)
def test_what_is_refused_is_said(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    assert message in cli.refused("report", *arguments)


def test_a_type_without_gradients_is_refused_in_a_line(cli: Cli) -> None:
    said = cli.refused_in_a_line("report", "lenet5", "--training", "--dtype", "int8")
    assert (
        said == "training needs a type that has gradients, fp64, fp32, tf32, fp16, bf16, got int8: ask for dtype fp32"
    )
