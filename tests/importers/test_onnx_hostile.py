"""ONNX files that are damaged, or made to harm: one line each, soon, and in little memory."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from helpers.onnx_bytes import (
    many,
    onnx_constant,
    onnx_graph,
    onnx_model,
    onnx_node,
    onnx_tensor,
    onnx_value,
    put,
    varint,
)
from helpers.onnx_samples import samples

from convcost import load
from convcost.core.errors import ConvcostError

X = onnx_value("x", (1, 3, 8, 8))


def test_what_the_fuzzer_damages_is_whole_before(tmp_path: Path):
    for number, data in enumerate(samples()):
        (tmp_path / f"{number}.onnx").write_bytes(data)
        assert load(tmp_path / f"{number}.onnx").report().complete


def pow_tower() -> bytes:
    nodes = [onnx_node("Pow", [f"p{i}", f"p{i}"], [f"p{i + 1}"]) for i in range(30)]
    return onnx_model(
        onnx_graph([*nodes, onnx_node("Reshape", ["x", "p30"], ["y"])], [X], ["y"], [onnx_constant([9], name="p0")])
    )


def doubled() -> bytes:
    """A constant that is joined with itself, 60 times over."""
    nodes = [onnx_node("Concat", [f"c{i}", f"c{i}"], [f"c{i + 1}"], axis=0) for i in range(60)]
    return onnx_model(
        onnx_graph([*nodes, onnx_node("Add", ["x", "c60"], ["y"])], [X], ["y"], [onnx_constant([1.0], "fp32", "c0")])
    )


def fractions() -> bytes:
    """A fraction that is multiplied with itself, so that its digits double each time."""
    nodes = [onnx_node("Mul", [f"f{i}", f"f{i}"], [f"f{i + 1}"]) for i in range(60)]
    return onnx_model(
        onnx_graph([*nodes, onnx_node("Mul", ["x", "f60"], ["y"])], [X], ["y"], [onnx_constant(0.3, "fp32", "f0")])
    )


def loops() -> bytes:
    """Loops of 10,000 turns within each other, 20 deep."""
    graph = onnx_graph([onnx_node("Relu", ["h"], ["g"])], [], ["go", "g"])
    given = many(11, [onnx_value("i", (), "int64"), onnx_value("go", (), "bool"), onnx_value("h", None)])
    for _ in range(20):
        graph = onnx_graph([onnx_node("Loop", ["n", "", "h"], ["g"], body=type(graph)(graph + given))], [], ["go", "g"])
    top = onnx_node("Loop", ["n", "", "x"], ["y"], body=type(graph)(graph + given))
    return onnx_model(onnx_graph([top], [X], ["y"], [onnx_constant(10_000, name="n")]))


def turns(count: int, *ops: bytes, stored: list[bytes]) -> bytes:
    """A loop of so many turns of these ops, of which the last makes t, which is added to x."""
    given = [onnx_value("i", (), "int64"), onnx_value("go", (), "bool"), onnx_value("h", (1, 4096))]
    body = onnx_graph([*ops, onnx_node("Add", ["h", "t"], ["g"])], given, ["go", "g"])
    top = onnx_node("Loop", ["n", "", "x"], ["y"], body=body)
    return onnx_model(onnx_graph([top], [onnx_value("x", (1, 4096))], ["y"], [*stored, onnx_constant(count, name="n")]))


#: Each turn makes a constant of 4,096 elements, reads it, computes as many and hands them on: 16,384, of 2,000,000 that are allowed.
FOLDED_TURNS = turns(
    1000,
    onnx_node("Tile", ["c", "r"], ["s"]),
    onnx_node("Neg", ["s"], ["t"]),
    stored=[onnx_constant([1], name="c"), onnx_constant([4096], name="r")],
)


#: Each turn adds three tensors of 16 elements, stretched to 4,096, of numbers whose sum has more than 64 bits, so that it is dropped.
LOST_TURNS = turns(
    10_000,
    onnx_node("Sum", ["a", "b", "c"], ["s"]),
    onnx_node("Reshape", ["s", "r"], ["t"]),
    stored=[
        onnx_constant([1, 4096], name="r"),
        onnx_tensor("a", (16, 1, 1), "int64", [2**62] * 16),
        onnx_tensor("b", (1, 16, 1), "int64", [2**62] * 16),
        onnx_tensor("c", (1, 1, 16), "int64", [2**62] * 16),
    ],
)


def of_nothing() -> bytes:
    """A tensor of 0 times 10^9 elements, of which every second is taken, from the last on."""
    nodes = [
        onnx_node("Expand", ["c", "sizes"], ["e"]),
        onnx_node("Slice", ["e", "from", "to", "axis", "step"], ["s"]),
        onnx_node("Concat", ["s", "x"], ["y"], axis=0),
    ]
    ends = {"from": -1, "to": -(2**40), "axis": 1, "step": -2}
    stored = [onnx_constant([number], name=name) for name, number in ends.items()]
    return onnx_model(
        onnx_graph(
            nodes, [onnx_value("x", (1, 10**9 // 2))], ["y"],
            [*stored, onnx_constant([1], name="c"), onnx_constant([0, 10**9], name="sizes")],
        )
    )  # fmt: skip


def branches(count: int) -> bytes:
    """A choice between two bodies that put out two constants of 4,096 elements many times: they differ in the last one."""
    both = [onnx_graph([], [], [name] * count) for name in "cd"]
    choice = onnx_node("If", ["k"], [f"o{i}" for i in range(count)], then_branch=both[0], else_branch=both[1])
    stored = [onnx_constant([1] * 4095 + [last], name=name) for last, name in enumerate("cd")]
    return onnx_model(
        onnx_graph(
            [choice, onnx_node("Add", ["x", "o0"], ["y"])],
            [onnx_value("x", (1, 4096)), onnx_value("k", (), "bool")], ["y"], stored,
        )
    )  # fmt: skip


def one(kind: str, *tensors: bytes, **attrs: object) -> bytes:
    """A model of one op over x and stored tensors."""
    names = [f"t{i}" for i in range(len(tensors))]
    stored = [put(8, name) + tensor for name, tensor in zip(names, tensors)]
    return onnx_model(onnx_graph([onnx_node(kind, ["x", *names], ["y"], **attrs)], [X], ["y"], stored))


HOSTILE = {
    "sizes of 2^62": onnx_model(onnx_graph([onnx_node("Relu", ["x"], ["y"])], [onnx_value("x", (1, 2**62, 2**62))], ["y"])),
    "weights of 2^62": one("Conv", many(1, [2**62, 3, 3, 3]) + put(2, 1)),
    "negative weights": one("Conv", many(1, [-4, 3, 3, 3]) + put(2, 1)),
    "a window of 2^40": one("MaxPool", kernel_shape=[2**40, 2**40]),
    "a kernel below 0": one("MaxPool", kernel_shape=[-2, -2]),
    "stride 0": one("MaxPool", kernel_shape=[2, 2], strides=[0, 0], auto_pad="SAME_LOWER"),
    "padding of 2^62": one("Pad", onnx_constant([0, 0, 2**62, 0, 0, 0, 0, 0])),
    "a batch of 2^40 copies": one("Tile", onnx_constant([2**40, 1, 1, 1])),
    "2^31 parts": onnx_model(onnx_graph([onnx_node("SplitToSequence", ["x"], ["s"], axis=1), onnx_node("SequenceAt", ["s", "i"], ["y"])], [onnx_value("x", (1, 2**31))], ["y"], [onnx_constant(0, name="i")])),
    "10^9 parts in an attribute": one("Split", axis=1, num_outputs=10**9),
    "a resize to 2^60": one("Resize", onnx_constant([1.0] * 4, "fp32"), onnx_constant([1, 3, 2**60, 2**60])),
    "a tower of powers": pow_tower(),
    "a constant that doubles": doubled(),
    "digits that double": fractions(),
    "loops in loops": loops(),
    "constants of 4,096 elements in 10,000 turns": turns(10_000, onnx_node("Tile", ["c", "r"], ["t"]), stored=[onnx_constant([1], name="c"), onnx_constant([4096], name="r")]),
    "constants that are computed in 1,000 turns": FOLDED_TURNS,
    "constants that are computed in 10,000 turns and dropped": LOST_TURNS,
    "a number that is added to 4,096 others 20,000 times in one op": onnx_model(onnx_graph([onnx_node("Sum", ["a", "b", *["c"] * 20_000], ["t"]), onnx_node("Relu", ["x"], ["y"])], [X], ["y", "t"], [onnx_tensor("a", (64, 1), "int64"), onnx_constant([0] * 64, name="b"), onnx_constant(1, name="c")])),
    "a constant of 4,096 elements chosen 4,096 times": onnx_model(onnx_graph([onnx_node("Reshape", ["c", "s"], ["r"]), onnx_node("Gather", ["r", "z"], ["g"], axis=0), onnx_node("Add", ["x", "g"], ["y"])], [onnx_value("x", (4096, 4096))], ["y"], [onnx_constant([0] * 4096, name="c"), onnx_constant([1, 4096], name="s"), onnx_constant([0] * 4096, name="z")])),
    "a constant of 4,096 elements joined 200 times": onnx_model(onnx_graph([onnx_node("Concat", ["c"] * 200, ["k"], axis=0), onnx_node("Add", ["x", "k"], ["y"])], [onnx_value("x", (1, 819_200))], ["y"], [onnx_constant([0] * 4096, name="c")])),
    "every second of 10^9 elements of nothing": of_nothing(),
    "constants of 4,096 elements from 10,000 branches": branches(10_000),
    "a loop of 2^62 turns": onnx_model(onnx_graph([onnx_node("Loop", ["n", "", "x"], ["y"], body=onnx_graph([], [], ["x", "x"]))], [X], ["y"], [onnx_constant(2**62, name="n")])),
    "an equation that is none": one("Einsum", equation="ij" * 2000),
    "an axis of 2^62": one("Softmax", axis=2**62),
    "a name of a megabyte": onnx_model(onnx_graph([onnx_node("Relu" * 250_000, ["x"], ["y"])], [X], ["y"])),
    "a line feed in a name": onnx_model(onnx_graph([onnx_node("Conv", ["x", "x"], ["y"], "a\nb")], [X], ["y"])),
    "100 axes": onnx_model(onnx_graph([onnx_node("Relu", ["x"], ["y"])], [onnx_value("x", (2,) * 100)], ["y"])),
    "1.6 million fields": onnx_model(onnx_graph([onnx_node("Relu", ["x"], ["y"])], [X], ["y"])) + (varint(99 << 3) + b"\0") * 1_600_000,
    "100,000 empty ops": onnx_model(onnx_graph([onnx_node("Relu", ["x"], ["y"]), *[b""] * 100_000], [X], ["y"])),
    "an unpacked tensor of a million": onnx_model(onnx_graph([onnx_node("Add", ["x", "t"], ["y"])], [X], ["y"], [onnx_tensor("t", (2**20,), 7) + many(7, [1]) * 2**20])),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_files_that_are_made_to_harm_do_not(case: str, tmp_path: Path):
    path = tmp_path / "net.onnx"
    path.write_bytes(HOSTILE[case])
    begun = time.process_time()
    try:
        load(path).report()
    except ConvcostError as error:
        text = str(error)
        assert "\n" not in text, text
        assert len(text) < 2_000, len(text)
    assert time.process_time() - begun < 4


def test_constants_are_computed_in_few_turns(tmp_path: Path):
    """122 turns compute with 122 · 16,384 = 1,998,848 elements, and what says how often to repeat the one."""
    (tmp_path / "net.onnx").write_bytes(FOLDED_TURNS)
    words = "a file may have 2,000,000 elements of constants computed with, read or made"
    with pytest.raises(ConvcostError, match=words):
        load(tmp_path / "net.onnx").report()


def test_constants_that_are_dropped_are_computed_in_few_turns(tmp_path: Path):
    """A turn reads 50 elements, makes 256 of the first two and 4,096 of all: 454 turns of 4,402 compute with 1,998,508."""
    (tmp_path / "net.onnx").write_bytes(LOST_TURNS)
    words = "a file may have 2,000,000 elements of constants computed with, read or made"
    with pytest.raises(ConvcostError, match=words):
        load(tmp_path / "net.onnx").report()
