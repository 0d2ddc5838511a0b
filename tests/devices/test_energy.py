"""Energy by hand: operations and bytes times the numbers of a cited table."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from helpers.zoo import loaded

import convcost
from convcost.core.dtypes import DTYPE_BITS
from convcost.core.errors import UsageError
from convcost.devices.energy import Range, all_tables, counted_ops, energy_text, find_table, text
from convcost.networks.network import Network
from convcost.ops import OPS

# ISSCC 2014, Figure 1.1.9, and ISCA 2021, Table 2: (addition, multiplication) in pJ.
PRINTED = {
    "horowitz_45nm": {
        "int8": ("0.03", "0.2"),
        "int32": ("0.1", "3.1"),
        "fp16": ("0.4", "1.1"),
        "fp32": ("0.9", "3.7"),
    },
    "jouppi_7nm": {
        "int8": ("0.007", "0.07"),
        "int32": ("0.03", "1.48"),
        "bf16": ("0.11", "0.21"),
        "fp16": ("0.16", "0.34"),
        "fp32": ("0.38", "1.31"),
    },
}


@pytest.mark.parametrize("name", PRINTED)
def test_tables_have_what_is_printed(name: str) -> None:
    table = find_table(name)
    found = {dtype: (text(table.add[dtype]), text(table.multiply[dtype])) for dtype in table.add}
    assert found == PRINTED[name]
    assert set(table.add) == set(table.multiply) <= set(DTYPE_BITS)
    assert table.source
    assert table.read
    lows = [one.low for one in table.memory.values()]
    assert lows == sorted(lows) or name == "jouppi_7nm", "the nearest memory is the first"


def test_improvements_that_the_newer_table_prints_beside_the_numbers() -> None:
    """From 45 to 7 nm: 4.3, 3.3, 2.5, 2.4 of additions and 2.9, 2.1, 3.2, 2.8 of multiplications."""
    old, new = find_table("horowitz_45nm"), find_table("jouppi_7nm")
    types = ("int8", "int32", "fp16", "fp32")
    assert [f"{float(old.add[t] / new.add[t]):.1f}" for t in types] == ["4.3", "3.3", "2.5", "2.4"]
    assert [f"{float(old.multiply[t] / new.multiply[t]):.1f}" for t in types] == ["2.9", "2.1", "3.2", "2.8"]


def test_of_every_op_it_is_said_what_it_does() -> None:
    """Beside multiply-accumulates: ops that multiply with weights, and products, do nothing more, or it stands there."""
    plain = {name for name, op in OPS.items() if op.traits.weighted} | {"matmul", "unknown"}
    said = {one.split(" ")[0] for one in counted_ops()}
    assert set(OPS) == plain | said


SPEC = """
convcost: 1
name: net
input: [4, 4, 2]
layers:
  - {conv2d: {channels: 3, kernel: 3, padding: 1}, name: conv}
  - {relu: , name: act}
  - {max_pool: {kernel: 2, stride: 2}, name: pool}
  - {softmax: , name: odds}
"""


def net(path: Path, spec: str = SPEC) -> Network:
    (path / "net.yaml").write_text(spec, encoding="utf-8")
    return convcost.load(str(path / "net.yaml"))


# 16 positions of 3 filters of 18 weights: 864 MACs and 48 biases; 48 comparisons; 12 windows of 4.
OPERATIONS = {"conv": (864, 864 + 48), "act": (0, 48), "pool": (0, 48), "odds": (0, 0)}


@pytest.mark.parametrize(
    ("table", "dtype", "multiply", "add"),
    [
        ("horowitz_45nm", "int8", "0.2", "0.03"),
        ("horowitz_45nm", "fp32", "3.7", "0.9"),
        ("jouppi_7nm", "int8", "0.07", "0.007"),
        ("jouppi_7nm", "bf16", "0.21", "0.11"),
    ],
)
@pytest.mark.parametrize("batch", [1, 3])
def test_operations_by_hand(tmp_path: Path, table: str, dtype: str, multiply: str, add: str, batch: int) -> None:
    found = convcost.energy(net(tmp_path), table, dtype=dtype, batch=batch)
    for layer in found.layers:
        products, sums = OPERATIONS[layer.name]
        assert (layer.multiplications, layer.additions) == (products * batch, sums * batch)
        assert layer.compute == batch * (products * Fraction(multiply) + sums * Fraction(add))
    assert found.compute == batch * (864 * Fraction(multiply) + (912 + 48 + 48) * Fraction(add))
    assert found.complete


@pytest.mark.parametrize(("table", "low", "high"), [("horowitz_45nm", 10, 2600), ("jouppi_7nm", "7.5", 1300)])
def test_memory_by_hand(tmp_path: Path, table: str, low: object, high: object) -> None:
    """In int8: the convolution reads 32, writes 48 and has 57 parameters; its ReLU is part of it; the pool 48 and 12; 12 and 12."""
    found = convcost.energy(net(tmp_path), table, dtype="int8")
    moved = {"conv": 32 + 48 + 57, "act": 0, "pool": 60, "odds": 24}
    assert {layer.name: layer.bytes_moved for layer in found.layers} == moved
    each = [Fraction(str(end)) / 8 for end in (low, high)]
    assert found.memory == Range(*(sum(moved.values()) * end for end in each))
    assert found.total == Range(found.compute + found.memory.low, found.compute + found.memory.high)


def test_a_type_that_the_table_lacks_is_said_and_not_made_up(tmp_path: Path) -> None:
    spec = SPEC.replace("input: [4, 4, 2]", "input: [4, 4, 2]\nbits: {weights: 4, outputs: 8, inputs: 8}")
    found = convcost.energy(net(tmp_path, spec))
    conv, act, pool, _ = found.layers
    assert (conv.lacking, conv.compute) == ("int4 by int8", 0)
    assert act.compute == pool.compute == 48 * Fraction("0.03")
    assert conv.memory.low == (32 + 48 + 27 + 12) * Fraction(10, 8)  # 54 weights of 4 bits, 3 biases of 4 bytes
    assert not found.complete
    assert dict(found.lacking) == {"int4 by int8": 1}
    shown = " ".join(found.table("layer").render().split())
    assert "no number int4 by int8 (1 layer): horowitz_45nm has int8, int32, fp16, fp32 only" in shown
    assert "energy >= " in shown
    assert found.table("layer").rows[0][3] == "no number"
    assert found.to_dict()["layers"][0]["compute_pj"] is None


@pytest.mark.parametrize("dtype", ["bf16", "int16", "int4", "fp64", "binary"])
def test_types_without_numbers(dtype: str) -> None:
    found = convcost.energy(loaded("lenet5"), dtype=dtype)
    assert set(found.lacking) == {dtype}
    assert found.compute == 0
    assert found.memory.low > 0


def test_unsigned_integers_take_what_signed_ones_take(tmp_path: Path) -> None:
    signed, unsigned = (convcost.energy(net(tmp_path), dtype=dtype) for dtype in ("int8", "uint8"))
    assert signed.total == unsigned.total


def test_what_is_left_out_is_named(tmp_path: Path) -> None:
    found = convcost.energy(net(tmp_path), dtype="int8")
    shown = " ".join(found.table().render().split())
    assert "left out softmax: they need exponentials; the bytes that they move are counted" in shown


def test_json_is_exact_and_rows_add_up() -> None:
    found = convcost.energy(loaded("mobilenet_v2"), "jouppi_7nm", dtype="int8")
    for level in ("layer", "unit", "stage", "op", 1):
        data = found.table(level).data
        assert data["schema"] == "convcost.report/1"
        records = found.table(level).records
        for key in ("compute_pj", "low_pj", "high_pj"):
            assert sum(Fraction(one[key]) for one in records) == Fraction(data["energy"][key])
    energy = found.to_dict()
    assert (energy["schema"], energy["network"]) == ("convcost.energy/1", "mobilenet_v2")
    assert Fraction(energy["low_pj"]) == found.total.low
    assert Fraction(energy["memory_pj"]["DDR3 or DDR4"][1]) == found.memory.high
    assert energy["table"]["multiply_pj"]["int8"] == "0.07"


def test_there_is_no_such_table() -> None:
    with pytest.raises(UsageError, match=r"^there is no table of energies 'horowitz'"):
        convcost.energy("lenet5", "horowitz")
    with pytest.raises(UsageError, match="Known: horowitz_45nm, jouppi_7nm"):
        convcost.energy("lenet5", "zzz")
    assert all(name == table.name for name, table in all_tables().items())


@pytest.mark.parametrize(
    ("picojoules", "shown"),
    [
        *(("0", "0 pJ"), ("999.4", "999 pJ"), ("999.6", "1.00 nJ"), ("12345", "12.3 nJ"), ("5e15", "5.00 kJ")),
        *(("2e12", "2.00 J"), ("0.07", "0.0700 pJ"), ("100000", "100 nJ")),
    ],
)
def test_for_people(picojoules: str, shown: str) -> None:
    assert energy_text(Fraction(picojoules)) == shown
