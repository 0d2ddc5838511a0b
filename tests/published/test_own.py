"""What a caller gives of networks of their own."""

from __future__ import annotations

import pytest

from convcost import UsageError
from convcost.published.own import listed


@pytest.mark.parametrize(
    ("yours", "quoted"), [("lenet5", "'lenet5'"), (["lenet5"], "'lenet5'"), ([5], "5"), (5, "5"), ([("a",)], "('a',)")]
)
def test_what_is_no_network_with_an_accuracy_is_refused(yours: object, quoted: str) -> None:
    with pytest.raises(UsageError) as refused:
        listed(yours)  # type: ignore[arg-type]
    assert str(refused.value) == f"yours: {quoted} is not (model, accuracy) or (model, accuracy, label)"
