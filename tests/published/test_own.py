"""What a caller gives of networks of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import convcost
from convcost import UsageError
from convcost.published.own import Own, listed


@pytest.mark.parametrize(
    ("yours", "quoted"),
    [
        ("lenet5", "'lenet5'"),
        (["lenet5"], "'lenet5'"),
        ([5], "5"),
        (5, "5"),
        ([("a",)], "('a',)"),
        ([b"ab"], "b'ab'"),
        ([{"a": 1, "b": 2}], "{'a': 1, 'b': 2}"),
    ],
)
def test_what_is_no_network_with_an_accuracy_is_refused(yours: object, quoted: str) -> None:
    with pytest.raises(UsageError) as refused:
        listed(yours)  # type: ignore[arg-type]
    assert str(refused.value) == f"yours: {quoted} is not (model, accuracy) or (model, accuracy, label)"


@pytest.mark.parametrize("kind", [object, str])
def test_a_table_of_any_library_is_rows(kind: type) -> None:
    table: Any = np.array([["lenet5", "99.1", ""], ["resnet18", "69.8", "mine"]], dtype=kind)
    rows = [Own("lenet5", "99.1"), Own("resnet18", "69.8", "mine")]
    assert listed(table) == listed(list(table)) == listed(pd.DataFrame(table).to_numpy()) == rows


def test_a_table_stands_beside_the_published_networks() -> None:
    found = convcost.frontier(
        family=np.array(["MobileNetV1"]), yours=np.array([["lenet5", "99.1", "mine"]], dtype=object)
    )
    (own,) = (point for point in found.points if point.yours)
    assert own.cost == 416_520  # 28×28×6×25 + 10×10×16×150 + 400×120 + 120×84 + 84×10
