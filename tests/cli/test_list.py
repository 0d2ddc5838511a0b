"""`convcost list`: every family, with year and source."""

from __future__ import annotations

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
