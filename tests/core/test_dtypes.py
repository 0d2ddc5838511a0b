"""Types of elements under every name that frameworks give them; reports have one name for each."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from helpers.magnitudes import COUNTS
from hypothesis import given as given_any
from hypothesis import settings

import convcost
from convcost.cli import main
from convcost.core import dtypes
from convcost.core.dtypes import ALIASES, DTYPE_BITS, check_dtype


class FrameworkType:
    """A type as torch has them: without a name of its own, and written with its module."""

    def __init__(self, written: str) -> None:
        self.written = written

    def __repr__(self) -> str:
        return self.written


#: What a user of a framework writes, and the bits that its documentation gives the type.
NAMES = [
    ("float64", 64), ("double", 64), ("float32", 32), ("single", 32), ("float16", 16), ("half", 16), ("bfloat16", 16),
    ("float8", 8), ("float8_e4m3fn", 8), ("float8_e5m2", 8), ("int64", 64), ("int32", 32), ("int16", 16), ("int8", 8),
    ("uint64", 64), ("uint32", 32), ("uint16", 16), ("uint8", 8), ("qint8", 8), ("quint8", 8), ("bool", 8),
]  # fmt: skip
OBJECTS = [
    (np.float64, 64), (np.float32, 32), (np.half, 16), (np.int8, 8), (np.dtype("uint8"), 8), (np.dtype("int64"), 64),
    (np.dtype(bool), 8), (np.dtype("<f4"), 32), (bool, 8), (FrameworkType("torch.bfloat16"), 16),
    (FrameworkType("torch.float32"), 32), (FrameworkType("torch.qint8"), 8),
]  # fmt: skip


@pytest.mark.parametrize(("given", "bits"), [*NAMES, *OBJECTS], ids=repr)
def test_a_framework_s_name_has_its_bits(given: Any, bits: int) -> None:
    report = convcost.load("lenet5").report(dtype=given)
    assert report.totals.weight_bytes * 8 == 61_706 * bits  # LeNet-5 has 61,706 parameters
    assert report.dtype in DTYPE_BITS


@pytest.mark.parametrize("name", DTYPE_BITS)
def test_the_names_of_reports_stay(name: str) -> None:
    assert check_dtype(name) == name


def test_an_alias_is_no_other_name_and_leads_to_one() -> None:
    assert not ALIASES.keys() & DTYPE_BITS.keys()
    assert set(ALIASES.values()) <= DTYPE_BITS.keys()


def test_every_door_takes_an_alias_and_says_the_same_as_of_the_name() -> None:
    network = convcost.load("lenet5")
    assert network.report(dtype="half") == network.report(dtype="fp16")
    assert network.memory(dtype="half") == network.memory(dtype="fp16")
    assert network.memory(dtype="half").options.dtype == "fp16"
    budget = {"max_peak": "1MiB", "over": {"classes": "2:4"}}
    assert (
        convcost.fit("lenet5", dtype="half", **budget).budgets == convcost.fit("lenet5", dtype="fp16", **budget).budgets
    )
    found, expected = (convcost.sweep("lenet5", classes=[2, 3], dtype=dtype) for dtype in ("half", "fp16"))
    assert found.table().data == expected.table().data


@pytest.mark.parametrize(
    "command",
    [
        ("report", "lenet5"),
        ("memory", "lenet5", "--weights", "double"),
        ("fit", "lenet5", "--max-peak", "1MiB", "--over", "classes=2:4"),
        ("sweep", "lenet5", "--over", "classes=2:4"),
    ],
)
def test_commands_take_an_alias(command: tuple[str, ...]) -> None:
    runner = CliRunner()
    alias = runner.invoke(main, [*command, "--dtype", "float16", "--format", "json"])
    name = runner.invoke(
        main, [*(word.replace("double", "fp64") for word in command), "--dtype", "fp16", "--format", "json"]
    )
    assert (alias.exit_code, alias.stdout) == (name.exit_code, name.stdout) == (0, name.stdout)
    assert json.loads(alias.stdout)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("itn8", "there is no dtype 'itn8'. Did you mean int8?"),
        ("float23", "there is no dtype 'float23'. Did you mean float32?"),
        ("FP16", "there is no dtype 'FP16'. Did you mean fp16?"),
        ("float", "dtype 'float' is float32 in some frameworks and float64 in others; say which"),
        (int, "dtype 'int' is int32 in some frameworks and int64 in others; say which"),
    ],
)
def test_what_is_no_type_is_refused(given: Any, message: str) -> None:
    with pytest.raises(convcost.UsageError, match=f"^{re.escape(message)}$"):
        convcost.load("lenet5").report(dtype=given)


exactly = settings(deadline=None, derandomize=True, max_examples=300, database=None)


@pytest.mark.parametrize("dtype", dtypes.DTYPE_BITS)
@exactly
@given_any(elements=COUNTS)
def test_storage_is_the_fewest_whole_bytes_that_hold_all_bits(dtype, elements):
    bits = elements * dtypes.DTYPE_BITS[dtype]
    assert 0 <= 8 * dtypes.storage(elements, dtype) - bits < 8


@pytest.mark.parametrize(
    ("dtype", "size"), [("fp64", 80), ("fp32", 40), ("fp16", 20), ("int8", 10), ("int4", 5), ("int2", 3), ("binary", 2)]
)
def test_storage_of_ten_elements(dtype, size):
    assert dtypes.storage(10, dtype) == size
