"""Every number that `explain` shows: the value is the report's, and so is what its two formulas give when computed."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from helpers.op_rows import ROWS
from helpers.steps import lines_run
from helpers.systems import Case, Row
from helpers.turns import in_turns
from helpers.written_formulas import as_python, evaluate
from helpers.zoo import an_end_of_each_family, loaded
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convcost.core.cost import OpCost
from convcost.core.dims import Shape, ceil_div
from convcost.formulas import explain
from convcost.formulas.letters import named_inputs
from convcost.formulas.trace import Quantity, Traced, named, names_in, quantities, write
from convcost.ops import OPS
from convcost.results.report import LayerCost, Report

AXES = {1: "c", 2: "tc", 3: "hwc", 4: "dhwc"}
AXIS_WORDS = ("channels", "height", "width", "length", "depth")
SIDES = {"t": ("before", "after"), "h": ("top", "bottom"), "w": ("left", "right"), "d": ("front", "back")}


def letters(rank: int) -> list[str]:
    return list(AXES.get(rank, "")) or [*(f"x{i}" for i in range(1, rank)), "c"]


# Every layer of every network of the zoo.


@cache
def report_of(model: str) -> Report:
    return loaded(model).report()


def sizes_of(read: Sequence[Shape], attrs: Mapping[str, Any], rows: Sequence[tuple[str, int]]) -> dict[str, int]:
    """A layer's own sizes by the names that formulas use; equal parts of a size share a name, other sizes do not."""
    sizes: dict[str, int] = {}
    inputs = [pair for shape in read for size in shape for pair in names_in(size)]
    for name, value in (*inputs, *rows):
        assert sizes.setdefault(name, value) == value, f"{name} is {value} and {sizes[name]}"
    for name, value in attrs.items():
        along = letters(len(value) + 1) if isinstance(value, tuple) else []
        if name == "padding" and isinstance(value, tuple):
            for axis, pair in zip(along, value, strict=False):
                bind(sizes, f"padding_{axis}", pair, [f"padding_{side}" for side in SIDES[axis]])
            bind(sizes, "padding", [side for pair in value for side in pair], [])
        elif name == "around" and isinstance(value, tuple):
            for at, pair in enumerate(value, start=1):
                bind(sizes, f"around_{at}", pair, [f"around_{at}_before", f"around_{at}_after"])
        elif name in AXIS_WORDS and isinstance(value, tuple):
            bind(sizes, name, value[0], [f"{name}_before", f"{name}_after"])
        elif isinstance(value, tuple):
            bind(
                sizes,
                name,
                value,
                [f"{name}_{end}" for end in ("12345678" if name in {"sections", "shape", "repeats"} else along)],
            )
        elif isinstance(value, int):
            sizes[name] = value
    return sizes


def bind(sizes: dict[str, int], name: str, value: Sequence[Any], names_of_parts: list[str]) -> None:
    """Name the parts of a size, and all of it if they are equal; words such as "same", and None, are no sizes."""
    sizes.update({part: size for part, size in zip(names_of_parts, value, strict=False) if isinstance(size, int)})
    if len(set(value)) == 1 and isinstance(value[0], int):
        sizes[name] = value[0]


def wrong(op: str, read: Sequence[Shape], attrs: Mapping[str, Any], out: Shape, counts: dict[str, int]) -> list[str]:
    """What an explanation gets wrong about a layer with this output and these counts; sizes that it reads have names."""
    quantities = explain.quantities(op, read, attrs)
    rows, others = quantities[: len(out)], {quantity.name: quantity for quantity in quantities[len(out) :]}
    bad = [f"{q.name}: {q.value} is not {size}" for q, size in zip(rows, out, strict=True) if q.value != size]
    bad += [
        f"{name}: {others[name].value} is not {value}" for name, value in counts.items() if others[name].value != value
    ]
    sizes = sizes_of(read, attrs, [(row.name, row.value) for row in rows])
    for name, formula, operands, value in quantities:
        bad += [f"{name}: {operands} is not {value}"] * (evaluate(operands) != value)
        bad += [f"{name}: {formula} is not {value}"] * (evaluate(formula, sizes) != value)
    return bad


def wrong_of(layer: LayerCost, read: Sequence[Shape]) -> list[str]:
    cost = layer.step.cost
    counts = {"MACs": layer.macs, "params": cost.params, "buffers": cost.buffers, "activations": layer.activations}
    return wrong(layer.op, read, layer.attrs, layer.output_shape, counts)


def inputs_of(report: Report) -> dict[str, tuple[Shape, ...]]:
    """The named sizes that each layer reads."""
    return named_inputs([layer.step for layer in report.layers], {layer.name for layer in report.layers})


@pytest.mark.parametrize("model", in_turns(an_end_of_each_family(0), 3))
def test_each_number_of_each_layer_is_the_reports_and_what_its_formulas_give(model: str) -> None:
    seen: dict[Any, LayerCost] = {}  # layers that are alike in all that a rule sees
    inputs = inputs_of(report_of(model))
    for layer in report_of(model).layers:
        read = inputs[layer.name]
        assert read == layer.input_shapes
        texts = tuple(write(size) for shape in read for size in shape)
        like = seen.setdefault((layer.op, read, texts, tuple(layer.attrs.items())), layer)
        if like is layer:
            assert wrong_of(layer, read) == [], layer.name
        counts = ("macs", "padding_macs", "operations", "activations", "output_shapes", "kind")
        assert [getattr(layer, name) for name in counts] == [getattr(like, name) for name in counts]


ONE_SIDED = Row(
    Case("conv2d", [(5, 5, 1)], {"channels": 2, "kernel": 3, "padding": [0, 2, 0, 2], "bias": False}), "", [(5, 5, 2)]
)
ONE_SIDED.counts.update(macs=25 * 2 * 9, weights=2 * 9)  # two zeros below and to the right: 5 + 2 - 3 + 1 = 5


@pytest.mark.parametrize("row", [*ROWS, ONE_SIDED], ids=lambda row: row.case.op)
def test_each_op_is_explained_as_derived_by_hand(row: Row) -> None:
    op, shapes, attrs = row.case
    n = {**dict.fromkeys(("macs", "bias_adds", "weights", "biases", "buffers"), 0), **row.counts}
    counts = {"MACs": n["macs"], "bias additions": n["bias_adds"], "buffers": n["buffers"]}
    counts |= {"params": n["weights"] + n["biases"], "activations": 0 if row.view else sum(map(math.prod, row.out))}
    if OPS[op].traits.opaque:  # nothing is known but the sizes that are stated
        shown = [(q.formula, q.value) for q in explain.quantities(op, named(shapes), OPS[op].convert(attrs))]
        assert shown == [(str(size), size) for out in row.out[:1] for size in out]
        return
    assert wrong(op, named(shapes), OPS[op].convert(attrs), row.out[0], counts) == [], row.why


CONV2 = next(layer for layer in report_of("alexnet").layers if layer.name == "conv2")


@pytest.mark.parametrize("field", ["macs", "weights", "biases", "buffers"])
def test_a_rule_that_is_wrong_by_one_is_caught(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    def one_more(*shapes: Shape, **attrs: Any) -> OpCost:
        cost = right(*shapes, **attrs)
        return replace(cost, **{field: getattr(cost, field) + 1})

    assert wrong_of(CONV2, named(CONV2.input_shapes)) == []
    right = OPS["conv2d"].rule
    monkeypatch.setitem(OPS, "conv2d", replace(OPS["conv2d"], rule=one_more))
    assert wrong_of(CONV2, named(CONV2.input_shapes)) != []


@pytest.mark.parametrize("part", ["·c/groups", "kernel·", " + 1", "2·", "h'·", "27·", "5·", "/2", " + 256"])
def test_a_formula_with_a_part_missing_is_caught(monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    def cut(*layer: Any) -> list[Quantity]:
        return [
            q._replace(formula=q.formula.replace(part, ""), operands=q.operands.replace(part, "")) for q in full(*layer)
        ]

    full = explain.quantities
    monkeypatch.setattr(explain, "quantities", cut)
    assert wrong_of(CONV2, named(CONV2.input_shapes)) != []


@pytest.mark.parametrize("model", ["mobilenet_v2", "swin_t", "inception_v3", "squeezenet1_1"])
def test_the_bytes_that_a_layer_moves_follow_from_its_sizes(model: str) -> None:
    report, network = report_of(model), loaded(model)
    inputs = inputs_of(report)
    for layer, found in zip(report.layers, explain.derived(report, network.walked, report.layers), strict=True):
        *rest, read, written, stored = found
        assert [q.name for q in (read, written, stored)] == ["bytes read", "bytes written", "weight bytes"]
        assert read.value + written.value + stored.value == layer.bytes_moved, layer.name
        rows = [(row.name, row.value) for row in rest[: len(layer.output_shape)]]
        sizes = sizes_of(inputs[layer.name], layer.attrs, rows)
        sizes |= {role: getattr(layer.step.cost, role) for role in ("weights", "biases", "buffers")}
        for one in (read, written, stored):
            assert evaluate(one.formula, sizes) == evaluate(one.operands) == one.value, layer.name


def test_bytes_moved_are_of_the_type_that_is_asked_for() -> None:
    layer = explain.explain("mobilenet_v1", "stage7.block1.depthwise.conv2d", dtype="int4")
    *_, read, written, stored = layer.quantities[0]
    # Of four bits, and bytes are whole ones: two maps of 14·14·512, and 9·512 weights.
    assert (read.formula, read.value) == ("⌈h·w·c·4/8⌉", 14 * 14 * 512 // 2)
    assert (written.formula, written.value) == ("⌈h·w·channels·4/8⌉", 14 * 14 * 512 // 2)
    assert (stored.formula, stored.operands, stored.value) == ("⌈weights·4/8⌉", "⌈4608·4/8⌉", 9 * 512 // 2)


# Which layer is meant.


@pytest.mark.parametrize(
    ("model", "name", "layers"),
    [
        ("alexnet", "conv2", ["conv2"]),
        ("mobilenet_v1", "block5.depthwise.conv2d", ["stage7.block5.depthwise.conv2d"]),  # five blocks: only stage 7
        ("mobilenet_v1", "stem", ["stem.conv2d", "stem.batch_norm", "stem.relu"]),
        ("mobilenet_v1", "block5.pointwise", [f"stage7.block5.pointwise.{op}" for op in ("conv2d", "batch_norm", "relu")]),
    ],
)  # fmt: skip
def test_a_layer_is_found_by_its_path_an_end_of_it_or_its_scope(model: str, name: str, layers: list[str]) -> None:
    assert [layer.name for layer in explain.find(report_of(model), name)] == layers


# Traced integers, over random expressions.

Tree = Any  # a name, an int, or (sign, tree, tree)
COMPUTE: dict[str, Callable[..., Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod,
    "neg": operator.neg, "ceil": ceil_div,
}  # fmt: skip
LETTERS = "abcd"
exactly = settings(deadline=None, derandomize=True, max_examples=400, database=None)


@st.composite
def trees(draw: st.DrawFn, leaf: st.SearchStrategy[Tree], signs: list[str], depth: int = 3) -> Tree:
    if depth == 0 or draw(st.integers(0, 4)) == 0:
        return draw(leaf)
    sign = draw(st.sampled_from(signs))
    return (sign, *(draw(trees(leaf, signs, depth - 1)) for _ in range(1 if sign == "neg" else 2)))


def compute(tree: Tree, leaf: Callable[[Tree], Any]) -> Any:
    if not isinstance(tree, tuple):
        return leaf(tree)
    return COMPUTE[tree[0]](*(compute(part, leaf) for part in tree[1:]))


ANY_TREE = trees(st.sampled_from([*LETTERS, *LETTERS, 0, 1, 2, 5]), [*COMPUTE])
VALUES = st.fixed_dictionaries({name: st.integers(1, 12) for name in LETTERS})


@exactly
@given(ANY_TREE, VALUES)
def test_a_traced_int_is_the_int_and_its_texts_give_it(tree: Tree, values: dict[str, int]) -> None:
    try:
        plain = compute(tree, lambda leaf: values.get(leaf, leaf))
    except ZeroDivisionError:
        assume(False)
    traced = compute(tree, lambda leaf: Traced(values[leaf], leaf) if leaf in values else leaf)
    assert int(traced) == plain
    operands, formula = write(traced, names=False), write(traced)
    assert evaluate(operands) == plain, operands
    assert evaluate(formula, values) == plain, formula


def labelled(tree: Tree, taken: list[str]) -> Tree:
    """The tree with a name of its own at each leaf."""
    if isinstance(tree, tuple):
        return (tree[0], *(labelled(part, taken) for part in tree[1:]))
    taken.append(f"x{len(taken)}")
    return taken[-1]


def without_a_pair(text: str) -> list[str]:
    """The text without one pair of its brackets, for each pair."""
    opened, texts = [], []
    for at, sign in enumerate(text):
        if sign == "(":
            opened.append(at)
        elif sign == ")":
            start = opened.pop()
            texts.append(text[:start] + text[start + 1 : at] + text[at + 1 :])
    return texts


def meaning(text: str) -> Any:
    """What a formula says, where a + (b - c) says the same as a + b - c, and a·(b/c) the same as a·b/c."""

    def chain(node: ast.expr, plus: type, minus: type, turned: bool) -> list[Any]:
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, (plus, minus)):
            return [(turned, said(node))]
        right = chain(node.right, plus, minus, turned ^ isinstance(node.op, minus))
        return chain(node.left, plus, minus, turned) + right

    def said(node: ast.expr) -> Any:
        match node:
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return ["sum", *chain(node, ast.Add, ast.Sub, turned=False)]
            case ast.BinOp(op=ast.Mult() | ast.Div()):
                return ["product", *chain(node, ast.Mult, ast.Div, turned=False)]
            case ast.BinOp(left=left, right=right):
                return ["mod", said(left), said(right)]
            case ast.Call(func=function, args=[argument]):
                return [ast.dump(function), said(argument)]
            case _:
                return ast.dump(node)

    return said(ast.parse(as_python(text), mode="eval").body)


@exactly
@given(trees(st.just("x"), ["+", "-", "*", "//", "%"]), st.lists(st.integers(1, 12), min_size=8, max_size=8))
def test_brackets_stand_only_where_they_are_needed(tree: Tree, values: list[int]) -> None:
    leaves: list[str] = []
    tree = labelled(tree, leaves)
    sizes = dict(zip(leaves, values, strict=False))
    try:
        number = compute(tree, lambda leaf: Traced(sizes[leaf], leaf))
    except ZeroDivisionError:
        assume(False)
    text = write(number)
    assert evaluate(text, sizes) == int(number), text
    assert [shorter for shorter in without_a_pair(text) if meaning(shorter) == meaning(text)] == [], text


def test_the_test_of_brackets_sees_superfluous_ones() -> None:
    assert without_a_pair("(a + (b·c))") == ["(a + b·c)", "a + (b·c)"]
    assert meaning("a + (b·c)") == meaning("a + b·c")
    assert meaning("a·(b/c)") == meaning("a·b/c")
    assert meaning("a - (b - c)") != meaning("a - b - c")
    assert meaning("a·(b mod c)") != meaning("a·b mod c")
    assert meaning("⌊a/(b·c)⌋") != meaning("⌊a/b·c⌋")


def test_what_stands_for_a_switch_leaves_no_trace_but_a_size_of_one_does() -> None:
    h, one = Traced(5, "h"), Traced(1, "kernel")
    assert write(h * 1 + 0) == "h"
    assert write(h * one) == "h·kernel"
    assert write(h * one, names=False) == "5·1"
    assert (h * 0, write(h * 0)) == (0, "0")
    assert write(-(-h // 2)) == "⌈h/2⌉"
    half = h // 2
    assert write(half * half + half, named={id(half): "h'"}) == "h'·h' + h'"


def wide(many: int) -> list[Quantity]:
    return quantities("concat", [(8, 8, at) for at in range(1, many + 1)], OPS["concat"].convert({}))


def test_a_concatenation_of_as_many_as_a_spec_may_hold_is_written_in_linear_time() -> None:
    channels = next(each for each in wide(4_900) if each.name == "c'")
    assert channels.formula == " + ".join(f"c{at}" for at in range(1, 4_901))
    assert channels.operands == " + ".join(map(str, range(1, 4_901)))
    assert channels.value == 4_900 * 4_901 // 2
    assert lines_run(lambda: wide(500)) < 2.2 * lines_run(lambda: wide(250))
