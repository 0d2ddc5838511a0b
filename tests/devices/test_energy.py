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

# For 64 bits: the least and the most.
MEMORY = {
    "horowitz_45nm": [
        ("SRAM of 8 KB", "10", "10"),
        ("SRAM of 32 KB", "20", "20"),
        ("SRAM of 1 MB", "100", "100"),
        ("DRAM", "1300", "2600"),
    ],
    "jouppi_7nm": [
        ("SRAM of 8 KB", "7.5", "7.5"),
        ("SRAM of 32 KB", "8.5", "8.5"),
        ("SRAM of 1 MB", "14", "14"),
        ("HBM2", "250", "450"),
        ("GDDR6", "350", "480"),
        ("DDR3 or DDR4", "1300", "1300"),
    ],
}


def test_every_table_is_held_to_what_is_printed() -> None:
    assert {*all_tables()} == {*PRINTED} == {*MEMORY}


@pytest.mark.parametrize("name", PRINTED)
def test_tables_have_what_is_printed(name: str) -> None:
    table = find_table(name)
    found = {dtype: (text(table.add[dtype]), text(table.multiply[dtype])) for dtype in table.add}
    assert found == PRINTED[name]
    assert set(table.add) == set(table.multiply) <= set(DTYPE_BITS)
    assert table.source
    assert table.read
    lows = [one.low for one in table.memory.values()]
    assert lows == sorted(lows), "the nearest memory is the first"
    assert [(level, *map(text, one)) for level, one in table.memory.items()] == MEMORY[name]


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
    # 16 positions of 54 products; 48 biases; the comparisons of the ReLU and of the pool.
    assert "864 multiplications, 1,008 additions and comparisons, of which 864 and 912 have no number" in shown
    assert found.table("layer").records[0]["multiplications"] == found.to_dict()["multiplications"] == 864
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


def windows(size: int, count: int) -> list[range]:
    """Those of torch's adaptive pools along one axis, as it writes them."""
    return [range(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


@pytest.mark.parametrize(("size", "to"), [(n, k) for n in (1, 2, 5, 6, 7, 12, 13) for k in (1, 2, 3, 6, 7, 9)])
@pytest.mark.parametrize("kind", ["avg", "max"])
def test_adaptive_pools_read_each_of_their_windows(tmp_path: Path, kind: str, size: int, to: int) -> None:
    """From a map of `size` by 6 with 2 channels to one of `to` by 4; what is alone in its window is copied."""
    spec = (
        f"convcost: 1\nname: net\ninput: [{size}, 6, 2]\nlayers:\n  - {{adaptive_{kind}_pool: {{size: [{to}, 4]}}}}\n"
    )
    (layer,) = convcost.energy(net(tmp_path, spec), dtype="int8").layers
    sizes = [len(rows) * len(columns) for rows in windows(size, to) for columns in windows(6, 4)]
    some = [one for one in sizes if one > 1]
    assert (layer.multiplications, layer.additions) == (2 * len(some) if kind == "avg" else 0, 2 * sum(some))


def test_overlapping_windows_of_an_adaptive_pool_by_hand(tmp_path: Path) -> None:
    """13 to 6: six windows of 3 along each axis, from 0, 2, 4, 6, 8, 10."""
    spec = "convcost: 1\nname: net\ninput: [13, 13, 2]\nlayers:\n  - {adaptive_avg_pool: {size: 6}}\n"
    (layer,) = convcost.energy(net(tmp_path, spec), dtype="int8").layers
    assert (layer.multiplications, layer.additions) == (6 * 6 * 2, 18 * 18 * 2)


@pytest.mark.parametrize(
    "op",
    [
        "adaptive_avg_pool: {size: [1, 7]}",
        "adaptive_max_pool: {size: [1, 7]}",
        "avg_pool: {kernel: 1}",
        "max_pool: {kernel: 1, stride: 2}",
        "reduce: {function: mean, axes: [height]}",
    ],
)
def test_a_pool_of_single_elements_computes_nothing(tmp_path: Path, op: str) -> None:
    spec = f"convcost: 1\nname: net\ninput: [1, 7, 2]\nlayers:\n  - {{{op}}}\n"
    (layer,) = convcost.energy(net(tmp_path, spec), dtype="int8").layers
    assert (layer.multiplications, layer.additions, layer.compute, layer.complete) == (0, 0, 0, True)


@pytest.mark.parametrize("op", ["softmax", "sigmoid", "swish", "gelu", "tanh", "layer_norm", "lstm: {channels: 3}"])
def test_what_is_left_out_makes_sums_lower_bounds(tmp_path: Path, op: str) -> None:
    """A linear layer of 4 tokens of 2 to 3: 24 MACs and 12 biases. An LSTM multiplies too, which has a number."""
    layers = f"  - {{linear: {{channels: 3}}, name: known}}\n  - {{{op if ':' in op else op + ': '}, name: left}}\n"
    head = "convcost: 1\nname: net\ninput: [4, 2]\nlayers:\n"
    found = convcost.energy(net(tmp_path, head + layers), dtype="int8")
    known, left = found.layers
    assert (known.complete, left.complete, found.complete) == (True, False, False)
    assert known.compute == 24 * Fraction("0.23") + 12 * Fraction("0.03")
    assert found.to_dict()["complete"] is False
    table = found.table("layer")
    assert table.total is not None
    assert all(cell.startswith(">= ") for cell in table.total[3:6])
    rows = {row[0]: row for row in table.rows}
    assert not any(">=" in cell for cell in rows["known"])
    assert all(cell.startswith(">= ") for cell in rows["left"][4:6])
    some = op.startswith("lstm")
    assert rows["left"][3].startswith(">= ") if some else rows["left"][3] == "no number"
    records = {row["name"]: row for row in table.records}
    assert (records["left"]["compute_pj"] is None) != some
    notes = dict(table.notes)
    assert notes["energy"].startswith(">= ")
    assert notes["compute"].startswith(">= ")
    assert "share" in notes


def test_sums_are_whole_where_nothing_is_left_out() -> None:
    found = convcost.energy(loaded("mobilenet_v2"), dtype="int8")
    assert found.complete
    assert "share" not in dict(found.table().notes)
    assert ">=" not in found.table().render()


UNKNOWN = """
convcost: 1
name: net
input: [64, 64, 3]
layers:
  - {conv2d: {channels: 16, kernel: 3, stride: 2, padding: 1}, name: stem}
  - {unknown: {type: Mix, shape: [32, 32, 16]}, name: mix}
  - {conv2d: {channels: 84, kernel: 1}, name: head}
  - {unknown: {type: NonMaxSuppression}, name: nms}
"""


@pytest.mark.parametrize("level", ["layer", "op", "stage"])
def test_unknown_ops_have_no_number_and_sums_say_so(tmp_path: Path, level: str) -> None:
    """442,368 and 1,376,256 MACs, 16,384 and 86,016 biases; 12,288 + 16,384 + 448 and 16,384 + 86,016 + 1,428 bytes."""
    found = convcost.energy(net(tmp_path, UNKNOWN), dtype="int8")
    compute = (442_368 + 1_376_256) * Fraction("0.23") + (16_384 + 86_016) * Fraction("0.03")
    # Weights are int8, and so are biases, as all that is asked to be.
    moved = 12_288 + 16_384 + 448 + 16_384 + 86_016 + 1_428
    assert (found.compute, found.complete) == (compute, False)
    assert found.memory.low == moved * Fraction(10, 8)
    table = found.table(level)
    unknown = [row for row in table.rows if row[0] in ("mix", "nms") or row[0].startswith("unknown")]
    assert [row[1:] for row in unknown] == [["?"] * 6] * 2
    assert all("?" not in row and row[-1].startswith("<= ") for row in table.rows if row not in unknown)
    assert table.total is not None
    assert all(cell.startswith(">= ") for cell in table.total[1:6])
    assert table.total[6] == "100.00 %"
    assert ">= 130 KiB" in dict(table.notes)["memory"]  # 132,948 bytes
    nulls = [record for record in table.records if record["compute_pj"] is None]
    assert len(nulls) == 2
    assert all(number is None for record in nulls for key, number in record.items() if key not in ("name", "table"))
    for key, whole in (("bytes_moved", moved), ("compute_pj", compute), ("low_pj", found.total.low)):
        assert sum(Fraction(record[key] or 0) for record in table.records) == whole
    layers = found.to_dict()["layers"]
    assert [layer["compute_pj"] is None for layer in layers] == [False, True, False, True]


def test_a_part_with_something_unknown_is_a_lower_bound(tmp_path: Path) -> None:
    layers = UNKNOWN.partition("layers:")[2].replace("  - ", "      - ")
    spec = UNKNOWN.partition("layers:")[0] + f"layers:\n  - name: body\n    layers:{layers}"
    (row,) = convcost.energy(net(tmp_path, spec), dtype="int8").table("stage").rows
    assert all(cell.startswith(">= ") for cell in row[1:6])
    assert row[6] == "?"


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
