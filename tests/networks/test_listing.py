"""The list of the zoo: by pattern and by family."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from convcost.conventions.convention import PAPER
from convcost.core.errors import UsageError
from convcost.networks.listing import list_networks, list_table
from convcost.render.table import Table
from convcost.spec import zoo


class TestList:
    def test_by_pattern_and_by_family(self, counted_once: Callable[..., Table]) -> None:
        def names(*patterns: str) -> list[str]:
            return [record["name"] for record in counted_once(patterns, PAPER).records]

        assert names("lenet*", "mobilenet_v2") == ["lenet5", "lenet5_1998", "mobilenet_v2"]
        assert names("resnet") == [name for name in names() if name in zoo.find("resnet50").spec.presets]

    def test_a_pattern_that_nothing_matches(self) -> None:
        with pytest.raises(UsageError, match=r"^no network of the zoo matches 'resnet500'. Did you mean resnet50\?$"):
            list_table(["lenet5", "resnet500"])


def test_texts_numbers_lists_and_none_are_asked_for_alike() -> None:
    assert list_networks(task=None, family=None, year=None, max_macs=None) == list_networks()
    yolo = list_networks(family="yolo*")
    assert yolo
    assert yolo == list_networks(family=["yolo*"]) == list_networks(family=("yolo*",), task=["detection"])
    assert list_networks("mobilenet_v*", year=2017) == list_networks("mobilenet_v*", year="2017-2017")
    assert [row["name"] for row in list_table("lenet5").records] == ["lenet5"]
    with pytest.raises(UsageError, match=r"^the span of years 2026-2018 begins at 2026 and ends before it, at 2018$"):
        list_networks(year="2026-2018")


def test_networks_that_no_paper_has_are_listed_with_the_code_that_has_them() -> None:
    """EfficientNet-Lite came a year after the paper, as code of its authors."""
    said = {row["name"]: (row["year"], row["source"]) for row in list_table(("efficientnet_lite",), PAPER).records}
    assert said == {f"efficientnet_lite{i}": (2020, "tensorflow/tpu efficientnet_lite_builder.py") for i in range(5)}
    assert {row["source"] for row in list_table(("efficientnet",), PAPER).records} == {
        "Tan and Le, arXiv 1905.11946, Table 1"
    }
