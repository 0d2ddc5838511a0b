"""`convcost list`: every family, with year and source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from helpers.cli import Cli


@pytest.mark.usefixtures("one_list")
def test_list_shows_every_family_with_year_and_source(cli: Cli) -> None:
    data = cli.json("list")
    assert data["schema"] == "convcost.list/1"
    shown = {network["name"]: network for network in data["networks"]}
    assert {"lenet5", "alexnet_ungrouped", "vgg19", "googlenet_aux", "resnet152", "efficientnet_b7"} <= set(shown)
    assert shown["resnet50"]["macs"] == 4_089_184_256
    assert all(network["year"] and network["source"] for network in shown.values())
