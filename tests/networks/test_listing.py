"""The list of the zoo: by pattern and by family."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from convcost.conventions.convention import PAPER
from convcost.core.errors import UsageError
from convcost.networks.listing import list_table
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
