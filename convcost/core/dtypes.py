"""Dtypes: how many bits an element takes, the names that frameworks give each dtype, and how several are said."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from convcost.core.errors import UsageError, did_you_mean

#: Bits per element, by the name that reports use for the dtype.
DTYPE_BITS = {
    "fp64": 64,
    "fp32": 32,
    "tf32": 32,
    "fp16": 16,
    "bf16": 16,
    "fp8": 8,
    "int64": 64,
    "int32": 32,
    "int16": 16,
    "int8": 8,
    "uint64": 64,
    "uint32": 32,
    "uint16": 16,
    "uint8": 8,
    "int7": 7,
    "int6": 6,
    "int5": 5,
    "int4": 4,
    "int3": 3,
    "int2": 2,
    "bool": 8,
    "binary": 1,
}
_FLOATS = ("fp", "bf", "tf")
"""How the names of floating-point dtypes begin."""
DEFAULT = "fp32"
"""The dtype of a tensor for which neither the caller nor the network says one."""
MIXED = "mixed"
"""In place of a dtype: the tensors have several, as the network states."""
DEPLOYED_AS = ("int8", "int16", "fp32")
"""What networks can be lowered to, for a runtime on a device; with int16 activations, kernels are of int8."""
ALIASES = {
    "float64": "fp64",
    "double": "fp64",
    "float32": "fp32",
    "single": "fp32",
    "float16": "fp16",
    "half": "fp16",
    "bfloat16": "bf16",
    "float8": "fp8",
    "float8_e4m3fn": "fp8",
    "float8_e4m3fnuz": "fp8",
    "float8_e5m2": "fp8",
    "float8_e5m2fnuz": "fp8",
    "qint32": "int32",
    "qint8": "int8",
    "quint8": "uint8",
}
"""What torch, numpy and others call a dtype -> the name that reports use."""
_TWO = {"float": ("float32", "float64"), "int": ("int32", "int64"), "long": ("int32", "int64")}
"""Names that mean different dtypes in different frameworks: torch's float has 32 bits, numpy's 64."""


def storage(elements: int, dtype: str) -> int:
    """Bytes that this many elements take when packed, rounded up to whole bytes.

    >>> storage(3, "int4"), storage(10, "fp32")
    (2, 40)
    """
    bits = DTYPE_BITS[dtype]
    # Whole bytes need no rounding: over a grid a product stays a product.
    return elements * (bits // 8) if bits % 8 == 0 else -(-(elements * bits) // 8)


def is_float(dtype: str) -> bool:
    """Whether a dtype has an exponent.

    >>> is_float("bf16"), is_float("int16"), is_float("binary")
    (True, False, False)
    """
    return dtype.startswith(_FLOATS)


def one_word(dtypes: Collection[str]) -> str:
    """The dtype that all tensors have, or that they have several.

    >>> one_word({"int8"}), one_word({"int8", "int32"}), one_word(())
    ('int8', 'mixed', 'fp32')
    """
    return next(iter(dtypes), DEFAULT) if len(dtypes) < 2 else MIXED


def as_text(dtype: str) -> str:
    """What stands behind "as" in a sentence about bytes.

    >>> as_text("int8"), as_text("mixed")
    ('int8', 'stated')
    """
    return "stated" if dtype == MIXED else dtype


def asked_dtype(given: Any) -> str | None:
    """As `check_dtype`; None, what the network states, stays None."""
    return None if given is None else check_dtype(given)


def check_dtype(given: Any) -> str:
    """The name that reports use for a dtype, given any of its names or a framework's dtype object; raises `UsageError`.

    >>> check_dtype("int8"), check_dtype("bfloat16"), check_dtype("torch.float16")
    ('int8', 'bf16', 'fp16')
    """
    name = _name(given)
    dtype = ALIASES.get(name, name)
    if dtype in DTYPE_BITS:
        return dtype
    if name in _TWO:
        small, large = _TWO[name]
        raise UsageError(f"dtype {name!r} is {small} in some frameworks and {large} in others; say which")
    raise UsageError(f"there is no dtype {name!r}{did_you_mean(name, DTYPE_BITS, also=ALIASES)}")


def _name(given: Any) -> str:
    """A dtype's name without its module, from a string, a numpy dtype or scalar type, or a torch dtype."""
    named = given if isinstance(given, str) else getattr(given, "name", None) or getattr(given, "__name__", None)
    return str(given if named is None else named).rpartition(".")[2]
