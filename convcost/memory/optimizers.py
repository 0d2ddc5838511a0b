"""What is trained, and with what: the optimizers, as data, and the types that have gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from convcost.core.dtypes import DEFAULT, asked_dtype
from convcost.core.errors import UsageError, did_you_mean, is_one_of


class Optimizer(NamedTuple):
    """What an optimizer remembers of each parameter."""

    copies: int
    """Numbers beside the parameter and its gradient."""
    says: str


OPTIMIZERS: Mapping[str, Optimizer] = {
    "sgd": Optimizer(0, "nothing"),
    "momentum": Optimizer(1, "a running mean of its gradient"),
    "adam": Optimizer(2, "running means of its gradient and of its square"),
}
"""Name -> optimizer. AdamW, NAdam and the like remember what Adam does, RMSprop what momentum does."""
FLOATS = ("fp64", "fp32", "tf32", "fp16", "bf16")
"""The types in which a network is trained."""


def optimizer(name: str) -> Optimizer:
    """An optimizer by name; raises `UsageError`.

    >>> optimizer("adam").copies
    2
    """
    if not is_one_of(name, OPTIMIZERS):
        raise UsageError(f"there is no optimizer {name!r}{did_you_mean(name, OPTIMIZERS)}")
    return OPTIMIZERS[name]


def trained_as(dtype: str | None) -> str:
    """The type in which a network is trained, fp32 unless one is asked for; raises `UsageError` for one without gradients.

    >>> trained_as(None), trained_as("bf16")
    ('fp32', 'bf16')
    """
    dtype = asked_dtype(dtype)
    if dtype is not None and dtype not in FLOATS:
        raise UsageError(
            f"training needs a type that has gradients, {', '.join(FLOATS)}, got {dtype}: ask for dtype fp32"
        )
    return dtype or DEFAULT
