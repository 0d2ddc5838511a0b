from __future__ import annotations

from convcost.core.errors import UsageError, did_you_mean

#: Bits that one element takes, by the name that frameworks give the type.
DTYPE_BITS = {
    "fp64": 64,
    "fp32": 32,
    "tf32": 32,
    "fp16": 16,
    "bf16": 16,
    "fp8": 8,
    "int32": 32,
    "int16": 16,
    "int8": 8,
    "uint8": 8,
    "int4": 4,
    "int2": 2,
    "binary": 1,
}


def storage(elements: int, dtype: str) -> int:
    """Bytes that so many elements take when packed, rounded up to whole bytes.

    >>> storage(3, "int4"), storage(10, "fp32")
    (2, 40)
    """
    return -(-elements * DTYPE_BITS[dtype] // 8)


def check_dtype(name: str) -> str:
    """The name of a type, if there is one; raises `UsageError`."""
    if name not in DTYPE_BITS:
        raise UsageError(f"there is no dtype {name!r}{did_you_mean(name, DTYPE_BITS)}")
    return name
