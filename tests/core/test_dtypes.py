"""What elements of every type take up in memory."""

from __future__ import annotations

import pytest
from helpers.magnitudes import COUNTS
from hypothesis import given, settings

from convcost.core import dtypes

exactly = settings(deadline=None, derandomize=True, max_examples=300, database=None)


@pytest.mark.parametrize("dtype", dtypes.DTYPE_BITS)
@exactly
@given(elements=COUNTS)
def test_storage_is_the_fewest_whole_bytes_that_hold_all_bits(dtype, elements):
    bits = elements * dtypes.DTYPE_BITS[dtype]
    assert 0 <= 8 * dtypes.storage(elements, dtype) - bits < 8


@pytest.mark.parametrize(
    ("dtype", "size"), [("fp64", 80), ("fp32", 40), ("fp16", 20), ("int8", 10), ("int4", 5), ("int2", 3), ("binary", 2)]
)
def test_storage_of_ten_elements(dtype, size):
    assert dtypes.storage(10, dtype) == size
