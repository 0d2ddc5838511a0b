"""Branches and loops that data decide, and inputs whose value decides them: products counted by hand.

The model of most tests makes 8 channels of 16: through 32 others, which is 16·32 + 32·8 = 768 products, or at once, 128.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from click.testing import CliRunner
from helpers.foreign import kinds, model, network, op, steps, stored
from helpers.onnx_bytes import onnx_constant, onnx_graph, onnx_model, onnx_node, onnx_tensor, onnx_value
from helpers.tflite_bytes import File, Graph

import convcost
from convcost.cli.main import main
from convcost.core.errors import SpecError, UsageError
from convcost.importers.imported import Imported
from convcost.importers.model import Body, Model, Op, Stated, Stored
from convcost.importers.tflite.file import parse
from convcost.importers.torch.calls import Ref

LONG, SHORT = 16 * 32 + 32 * 8, 16 * 8


def body(ops: Sequence[Op], outputs: str, inputs: str = "", tensors: Sequence[Stored] = ()) -> Body:
    given = dict.fromkeys(inputs.split(), Stated(None))
    return Body(given, tuple(outputs.split()), tuple(ops), {one.name: one for one in tensors})


def dense(x: str, y: str, w: str) -> Op:
    return op("MatMul", f"{x} {w}", y)


DEEP = body([dense("x", "h", "a"), dense("h", "t", "b")], "t")
FLAT = body([dense("x", "e", "c")], "e")
WEIGHTS = [stored("a", 16, 32), stored("b", 32, 8), stored("c", 16, 8)]
RATE = [Stored("rate", (), "int64", (16000,))]


def typed(net: Imported, **dtypes: str) -> Imported:
    """The model with other types of its inputs than fp32."""
    inputs = {name: stated._replace(dtype=dtypes.get(name, "fp32")) for name, stated in net.model.body.inputs.items()}
    return Imported(replace(net.model, body=replace(net.model.body, inputs=inputs)))


def by_rate(then: Body = DEEP, other: Body = FLAT, **more: Any) -> Imported:
    """A network that stands inside an If on the sampling rate."""
    ops = [op("Equal", "sr rate", "on"), op("If", "on", "y", "choose", then_branch=then, else_branch=other)]
    return typed(model({"x": (1, 16), "sr": ()}, ops, [*WEIGHTS, *RATE], **more), sr="int64")


def by_data(then: Body = DEEP, other: Body = FLAT, after: Sequence[Op] = (), **more: Any) -> Imported:
    """A network whose branch depends on a sum of its input."""
    ops = [
        op("ReduceSum", "x", "s", keepdims=0),
        op("Greater", "s s", "on"),
        op("If", "on", "y", "choose", then_branch=then, else_branch=other),
        *after,
    ]
    return model({"x": (1, 16)}, ops, [*WEIGHTS, *more.pop("tensors", ())], **more)


def macs(net: Imported, **knobs: Any) -> int:
    return sum(step.cost.macs for step in steps(net, **knobs))


def last_out(net: Imported) -> tuple[int, ...]:
    """The shape that its last node puts out."""
    (shape,) = steps(net)[-1].cost.out
    return shape


def why(net: Imported, **knobs: Any) -> str:
    """Why the only unknown op is unknown."""
    (one,) = (step for step in steps(net, **knobs) if step.opaque)
    return str(one.node.attrs["why"])


# -- a value that is given ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "products"), [(16000, LONG), (8000, SHORT)])
def test_the_branch_of_a_value_that_is_given_is_taken_exactly(rate: int, products: int):
    found = network(by_rate(), sr=rate).report()
    assert (found.totals.macs, found.complete, found.knobs["sr"]) == (products, True, rate)
    assert {layer.op for layer in found.layers} == {"linear"}


def test_a_value_that_is_left_open_is_data():
    found = network(by_rate()).report()
    assert (found.totals.macs, found.complete) == (SHORT, False)
    assert "sr" not in found.knobs
    assert why(by_rate()).endswith("; the one with fewer MACs is counted, 128, not 768; decided by --input sr=…")


@pytest.mark.parametrize(
    ("shape", "dtype", "is_scalar"),
    [
        ((), "int64", True),
        ((1,), "int32", True),
        ((), "bool", True),
        ((), "fp32", False),  # no shape depends on a fraction
        ((1,), "int8", False),  # a number that was quantised
        ((1, 1), "int64", False),  # a sequence of one token, whose length may be given
        ((2,), "int64", False),
        (("n",), "int64", False),
    ],
)
def test_which_inputs_have_a_value_that_can_be_given(shape: tuple[Any, ...], dtype: str, is_scalar: bool):
    net = typed(model({"x": (1, 16), "n": shape}, [op("Relu", "x", "y")]), n=dtype)
    assert net.entries["n"].is_scalar is is_scalar


def test_a_flag_is_given_as_a_truth_value_and_its_knob_gets_out_of_the_way_of_a_size():
    ops = [op("If", "length", "y", then_branch=DEEP, else_branch=FLAT)]
    net = typed(model({"x": (1, 5, 16), "length": ()}, ops, WEIGHTS), length="bool")
    assert macs(net, length_value=True) == 5 * LONG
    assert macs(net, length_value=False) == 5 * SHORT


def test_a_value_decides_shapes_too():
    """Without it the number of columns is open, and the layer behind unknown."""
    ops = [
        op("Reshape", "n one", "r"),
        op("Concat", "r eight", "s", axis=0),
        op("Expand", "x s", "e"),
        dense("e", "y", "a"),
    ]
    tensors = [*WEIGHTS, Stored("one", (1,), "int64", (1,)), Stored("eight", (1,), "int64", (16,))]
    net = typed(model({"x": (1, 16), "n": ()}, ops, tensors), n="int64")
    assert macs(net, n=7) == 7 * 16 * 32
    assert kinds(net)[-2:] == ["unknown", "unknown"]


@pytest.fixture
def file(tmp_path: Path) -> str:
    """`by_rate` as a file, with a flag that nothing reads."""
    inner = [
        onnx_graph([onnx_node("MatMul", ["x", "a"], ["h"]), onnx_node("MatMul", ["h", "b"], ["t"])], [], ["t"]),
        onnx_graph([onnx_node("MatMul", ["x", "c"], ["e"])], [], ["e"]),
    ]
    nodes = [
        onnx_node("Equal", ["sr", "rate"], ["on"]),
        onnx_node("If", ["on"], ["y"], "choose", then_branch=inner[0], else_branch=inner[1]),
    ]
    tensors = [onnx_tensor("a", (16, 32)), onnx_tensor("b", (32, 8)), onnx_tensor("c", (16, 8))]
    inputs = [onnx_value("x", (1, 16)), onnx_value("sr", (), "int64"), onnx_value("flag", (), "bool")]
    path = tmp_path / "net.onnx"
    graph = onnx_graph(nodes, inputs, ["y"], [*tensors, onnx_constant(16000, name="rate")])
    path.write_bytes(onnx_model(graph))
    return str(path)


def test_a_value_is_given_like_a_shape_or_like_a_knob(file: str):
    for net in (
        convcost.load(file, sr=16000),
        convcost.load(file, input_shape={"sr": 16000}),
        convcost.load(file + ":sr=16000"),
        convcost.load(convcost.load(file), input_shape={"sr": 16000}),
        convcost.load(file, sr=8000).at(sr=16000),
    ):
        assert net.report().totals.macs == LONG
        assert net.label.endswith("net.onnx:sr=16000")
    sizes = convcost.load(file).report().inputs
    assert convcost.load(file, input_shape=dict(sizes)).report().totals.macs == SHORT, "a tuple is a shape, not a value"


def test_values_sweep(file: str):
    assert convcost.sweep(file, sr=[8000, 16000, 44100]).macs.tolist() == [SHORT, LONG, SHORT]
    found = CliRunner().invoke(main, ["sweep", file, "--over", "sr=8000,16000", "--input", "sr=16000"])
    assert (found.exit_code, "sr sets the input" in found.output) == (2, True)


def test_values_are_no_sizes_that_a_fit_makes_smaller(file: str):
    with pytest.raises(UsageError, match="it has neither width nor resolution"):
        convcost.fit(file, max_macs=100)
    assert "sr" not in convcost.fit(convcost.load(file, sr=16000), max_macs=100, over={"flag": [False, True]}).axes


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"input_shape": {"sr": 16000}, "sr": 16000}, "sr is given twice"),
        ({"input_shape": {"flag": 2}}, "flag must be false or true, got 2"),
        ({"input_shape": {"sr": -1}}, "sr must be an integer >= 0, got -1"),
        ({"sr": 0.5}, "sr must be an integer >= 0, got 0.5"),
        ({"input_shape": {"x": True}}, "an input size must be an integer"),
    ],
)
def test_values_that_are_none(file: str, given: Mapping[str, Any], message: str):
    with pytest.raises(UsageError, match=re.escape(message)):
        convcost.load(file, **given)


@pytest.mark.parametrize(
    ("options", "status", "total"),
    [
        (["--input", "sr=16000"], 0, "768"),
        (["--set", "sr=16000"], 0, "768"),
        (["--input", "sr=8000", "--input", "flag=true"], 0, "128"),
        (["--input", "flag=1"], 3, ">= 128"),
    ],
)
def test_the_command_takes_values(file: str, options: list[str], status: int, total: str):
    found = CliRunner().invoke(main, ["report", file, *options])
    assert found.exit_code == status
    assert f" {total} " in next(line for line in found.stdout.splitlines() if line.startswith("total"))


def test_a_value_is_no_symbol(file: str):
    found = CliRunner().invoke(main, ["explain", file, "--symbols", "sr"])
    assert (found.exit_code, "sr is not a number" in found.output) == (2, True)


# -- branches that data decide -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("then", "other"), [(DEEP, FLAT), (FLAT, DEEP)])
def test_of_two_branches_the_one_with_fewer_products_is_counted(then: Body, other: Body):
    """The other one leaves nothing behind, and what follows is exact."""
    net = by_data(then, other, [op("Relu", "y", "z")])
    assert kinds(net) == ["reduce", "combine", "unknown", "linear", "relu"]
    assert (macs(net), last_out(net)) == (SHORT, (8,))
    assert why(net) == "which branch is taken depends on data; the one with fewer MACs is counted, 128, not 768"


def test_it_says_where_fewer_products_write_more():
    """16 numbers through 4 to 8 are 96 products and 12 numbers written; at once they are 128 and 8."""
    narrow = body([dense("x", "h", "a"), dense("h", "t", "b")], "t", tensors=[stored("a", 16, 4), stored("b", 4, 8)])
    net = by_data(narrow)
    assert macs(net) == 16 * 4 + 4 * 8
    assert why(net).endswith("is counted, 96, not 128; it writes more, 12 elements, not 8")


def test_of_equal_branches_one_is_counted():
    relu, tanh = (body([op(kind, "x", kind)], kind) for kind in ("Relu", "Tanh"))
    assert kinds(by_data(relu, tanh))[-1] == "relu"
    assert "both take 0 MACs, and one of them is counted" in why(by_data(relu, tanh))


def test_a_branch_with_an_unknown_op_has_a_lower_bound():
    strange = body([op("Strange", "x", "s"), dense("s", "t", "c")], "t")
    strange = replace(strange, stated={"s": Stated((1, 16))})
    found = [str(step.node.attrs["why"]) for step in steps(by_data(DEEP, strange)) if step.opaque]
    assert "is counted, at least 128, not 768" in found[0]
    assert "no rule for Strange" in found[1]


def test_branches_of_different_shapes_stay_unknown():
    net = by_data(body([dense("x", "t", "a")], "t"), stated={"y": Stated((1, "n"))})
    assert kinds(net) == ["reduce", "combine", "unknown"]
    assert "they put out different shapes; they take 512 MACs and 128 MACs" in why(net)


def test_a_branch_that_does_not_fit_its_input_leaves_the_op_unknown():
    net = by_rate(body([dense("x", "t", "c")], "t", tensors=[stored("c", 99, 8)]), stated={"y": Stated((1, 8))})
    assert "one of them cannot be counted: " in why(net)
    assert why(net).endswith("decided by --input sr=…")
    assert last_out(net) == (8,), "the file states it"
    with pytest.raises(SpecError, match="MatMul"):
        steps(net, sr=16000)
    assert macs(net, sr=8000) == SHORT


def constant(*values: int) -> Body:
    return body([], "k", tensors=[Stored("k", (len(values),), "int64", values)])


def test_numbers_that_differ_between_branches_decide_no_shape():
    after = [op("Reshape", "x y", "z")]
    assert kinds(by_data(constant(4, 4), constant(2, 8), after))[-1] == "unknown"
    assert last_out(by_data(constant(4, 4), constant(4, 4), after)) == (4, 4)


def test_branches_inside_branches():
    """The outer one takes at least the smaller of 0 (relu) and what the inner one takes at least: 128."""
    inner = body([op("If", "on", "i", "inner", then_branch=DEEP, else_branch=FLAT)], "i")
    net = by_data(inner, DEEP)
    assert macs(net) == SHORT
    found = [step.node.attrs["why"] for step in steps(net) if step.opaque]
    assert ["at least 128, not 768" in found[0], "128, not 768" in found[1], len(found)] == [True, True, 2]


def test_many_branches_inside_each_other_take_no_time():
    nest = FLAT
    for i in range(25):
        nest = body([op("If", "on", f"i{i}", then_branch=nest, else_branch=nest)], f"i{i}")
    begun = process_time()
    assert macs(by_data(nest, DEEP)) <= SHORT
    assert process_time() - begun < 20


def test_a_branch_is_followed_to_other_sizes():
    """A reshape that the file fixes at 16 tokens, in the branch with more products at any size; at 24 it is 24·256."""
    last = op("Transpose", "x", "l", perm=(0, 2, 3, 1))
    fixed = body([last, op("Reshape", "l shape", "r"), dense("r", "m", "w"), op("Reshape", "m back", "t")], "t")
    cheap = body([op("Transpose", "x", "k", perm=(0, 2, 3, 1)), op("Relu", "k", "e")], "e")
    shapes = [Stored("shape", (3,), "int64", (1, 256, 16)), Stored("back", (4,), "int64", (1, 16, 16, 16))]

    def net(then: Body, other: Body) -> Imported:
        ops = [op("Equal", "sr rate", "on"), op("If", "on", "y", then_branch=then, else_branch=other)]
        tensors = [*RATE, *shapes, stored("w", 16, 16)]
        return typed(model({"x": (1, 16, 16, 16), "sr": ()}, ops, tensors), sr="int64")

    assert macs(net(fixed, cheap), resolution=24, sr=16000) == 24 * 24 * 256
    assert macs(net(fixed, fixed), resolution=24) == 24 * 24 * 256
    assert "fewer MACs is counted, 0, not 147,456" in why(net(fixed, cheap), resolution=24)


def test_over_symbols_it_stays_unknown(tmp_path: Path):
    """128 products for each token in both branches; which takes fewer is not asked of symbols, and a grid is refused."""
    inner = [onnx_graph([onnx_node("MatMul", ["x", w], [w + "y"])], [], [w + "y"]) for w in "ab"]
    nodes = [
        onnx_node("Equal", ["sr", "rate"], ["on"]),
        onnx_node("If", ["on"], ["y"], "choose", then_branch=inner[0], else_branch=inner[1]),
    ]
    inputs = [onnx_value("x", (1, "tokens", 16)), onnx_value("sr", (), "int64")]
    tensors = [onnx_tensor("a", (16, 8)), onnx_tensor("b", (16, 8)), onnx_constant(16000, name="rate")]
    path = tmp_path / "open.onnx"
    path.write_bytes(onnx_model(onnx_graph(nodes, inputs, ["y"], tensors)))
    found = CliRunner().invoke(main, ["explain", str(path), "--symbols", "tokens"])
    assert (found.exit_code, "1 op is unknown" in found.output) == (3, True)
    given = CliRunner().invoke(main, ["explain", str(path), "--set", "sr=16000", "--symbols", "tokens"])
    assert (given.exit_code, "128·tokens" in given.output) == (0, True)
    with pytest.raises(UsageError, match="1 op is unknown"):
        convcost.sweep(str(path), tokens=[3, 4])
    assert convcost.sweep(str(path), tokens=[3, 4], sr=16000).macs.tolist() == [3 * 128, 4 * 128]


def test_a_partial_network_is_written_as_a_spec(file: str, tmp_path: Path):
    spec = tmp_path / "net.yaml"
    assert CliRunner().invoke(main, ["import", file, "-o", str(spec)]).exit_code == 3
    found = convcost.load(str(spec)).report()
    assert (found.totals.macs, found.complete) == (SHORT, False)


# -- loops -------------------------------------------------------------------------------------------------------------


def looping(count: str = "n", **shapes: Any) -> Imported:
    turn = body([dense("h", "m", "w"), op("Identity", "on", "go")], "go m", "i on h")
    ops = [op("Loop", f"{count} yes x", "y", "turns", body=turn)]
    tensors = [stored("w", 16, 16), Stored("yes", (), "bool", (True,))]
    return typed(model({"x": (1, 16), **shapes}, ops, tensors), n="int64")


def test_a_loop_says_what_one_turn_takes():
    net = looping(n=())
    assert kinds(net) == ["unknown"]
    assert why(net) == "how many turns it takes depends on data; one takes 256 MACs; decided by --input n=…"
    assert macs(net, n=3) == 3 * 256


def test_a_loop_whose_turn_nobody_can_count_says_nothing_of_it():
    turn = body([op("Reshape", "h i", "m"), op("Identity", "on", "go")], "go m", "i on h")
    ops = [op("ReduceSum", "x", "n", keepdims=0), op("Loop", "n - x", "y", body=turn)]
    found = why(model({"x": (1, 16)}, ops))
    assert found.startswith("how many turns it takes depends on data")
    assert "--input" not in found


# -- the other formats -------------------------------------------------------------------------------------------------


def lite(condition: str) -> Imported:
    """An IF of TFLite on an input of this type: 16 to 8 channels, or through 32."""
    file = File()
    graph = Graph(file)
    which, x, y = graph.tensor("which", [], condition), graph.tensor("x", [1, 16]), graph.tensor("y", [1, 8])
    graph.op("IF", [which, x], [y], then_subgraph_index=1, else_subgraph_index=2)
    file.graphs.append(graph.table([which, x], [y]))
    for widths in ((16, 32, 8), (16, 8)):
        inner = Graph(file)
        begun = at = inner.tensor("i", [1, 16])
        for i, (reads, makes) in enumerate(pairwise(widths)):
            made = inner.tensor(f"t{i}", [1, makes])
            inner.op("FULLY_CONNECTED", [at, inner.stored(f"w{i}", [makes, reads]), -1], [made])
            at = made
        file.graphs.append(inner.table([begun], [at]))
    return Imported(parse(file.bytes(), "net.tflite"))


def test_tflite():
    net = lite("bool")
    assert [macs(net, which=True), macs(net, which=False), macs(net)] == [LONG, SHORT, SHORT]
    assert why(net).endswith("128, not 768; decided by --input which=…")


def torch(op_: Op, inputs: Mapping[str, Stated], outputs: str, before: Sequence[Op] = ()) -> Imported:
    tensors = {name: Stored(name, shape, "fp32", None, True) for name, shape in MATRICES.items()}
    made = Body(inputs, tuple(outputs.split()), (*before, op_), tensors)
    return Imported(Model("torch", "net.pt2", "net", "", made))


MATRICES = {"a": (32, 16), "b": (8, 32), "c": (8, 16), "w": (16, 16)}


def linear(x: str, y: str, w: str) -> Op:
    return Op("aten.linear", y, (x, w), (y,), {"input": Ref(x), "weight": Ref(w), "bias": None})


def program(ops: Sequence[Op], inputs: str, output: str) -> Body:
    return Body(dict.fromkeys(inputs.split(), Stated(None)), (output,), tuple(ops), {})


def test_torch_cond():
    first = program([linear("i", "h", "p"), linear("h", "t", "q")], "i p q r", "t")
    second = program([linear("i", "h", "r")], "i p q r", "h")
    handed = tuple(map(Ref, "xabc"))
    attrs = {"0": Ref("on"), "1": first, "2": second, "3": handed}
    cond = Op("higher_order.cond", "cond", ("on", *"xabc"), ("y",), attrs)
    net = torch(cond, {"x": Stated((1, 16), "fp32"), "on": Stated((), "bool")}, "y")
    assert [macs(net, on=True), macs(net, on=False), macs(net)] == [LONG, SHORT, SHORT]
    assert why(net).endswith("128, not 768; decided by --input on=…")
    assert sum(step.params for step in steps(net)) == 128


def test_torch_while_loop():
    """Two turns, each of 16·16 products, where the counter is known; else what one takes."""
    less = program([Op("aten.lt", "lt", ("i",), ("lt",), {"self": Ref("i"), "other": 2})], "i h w", "lt")
    more = Op("aten.add", "add", ("i",), ("add",), {"self": Ref("i"), "other": 1})
    turn = program([more, linear("h", "m", "w")], "i h w", "add")
    turn = replace(turn, outputs=("add", "m"))
    attrs = {"0": less, "1": turn, "2": (Ref("n"), Ref("x")), "3": (Ref("w"),)}
    loop = Op("higher_order.while_loop", "loop", ("n", "x", "w"), ("last", "y"), attrs)
    net = torch(loop, {"x": Stated((1, 16), "fp32"), "n": Stated((), "int64")}, "y")
    assert macs(net, n=0) == 2 * 256
    assert "one takes 256 MACs" in why(net)
