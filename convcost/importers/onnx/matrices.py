"""Products of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import TypeAlias

from convcost.core.dims import Dim, Shape, product, stretched
from convcost.core.errors import Unfit
from convcost.importers.build import check_added, combined, linear, matrix_product, reduced
from convcost.importers.contents import Known, same
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op, Stored
from convcost.importers.onnx.steps import Steps
from convcost.importers.onnx.table import made, of_microsoft, rule, whole, word
from convcost.importers.onnx.windows import activated
from convcost.importers.values import Value, is_one, transposed

Labels: TypeAlias = tuple[str, ...]


@rule("Gemm", *of_microsoft("FusedGemm", "GemmFastGelu"), wants=-1)
def gemm(low: Lowering, op: Op) -> None:
    x, weights, bias = low.read(op), low.read(op, 1), low.optional(op, 2)
    fused = "FastGelu" if op.type.endswith("GemmFastGelu") else word(op, "activation", "")
    first = low.part(op, "gemm") if fused else op
    product_of(low, first, x, weights, bias, bool(whole(op, "transA", 0)), bool(whole(op, "transB", 0)))
    if fused:
        activated(low, op, low.values[first.outputs[0]], "Gelu" if fused == "FastGelu" else fused)


def product_of(
    low: Lowering, op: Op, x: Value, weights: Value, bias: Value | None, flip_x: bool = False, flip_w: bool = False
) -> None:
    """A product of two matrices and a sum: a linear layer if one is stored, and the bias one number for each channel."""
    if x.rank < 2 or weights.rank != 2:
        raise Unfit(f"needs two matrices, got {x.rank} and {weights.rank} axes")
    if flip_x:
        x = _flipped(x)
    columns = weights.shape[0] if flip_w else weights.shape[1]
    whole_bias = bias is not None and bias.is_constant and bool(bias.stored) and _is_row(bias, columns)
    if weights.is_constant and weights.stored and not x.is_constant and (bias is None or whole_bias):
        linear(low, op, x, -1, columns, weights, bias)
        return
    first = low.part(op, "product") if bias is not None else op
    multiplied(low, first, x, _flipped(weights) if flip_w else weights)
    if bias is not None:
        total = low.values[first.outputs[0]]
        check_added(bias.shape, total.shape)
        combined(low, op, "add", [total, bias])


def _flipped(value: Value) -> Value:
    """Matrices with rows for columns; what their elements are is nothing to a product."""
    rank = value.rank
    return transposed(replace(value, contents=None), (*range(rank - 2), rank - 1, rank - 2))


def _is_row(bias: Value, columns: Dim) -> bool:
    return (bias.rank > 0 and all(map(is_one, bias.shape[:-1])) and not is_one(bias.shape[-1])) or (
        is_one(columns) and bias.is_number
    )


@rule("MatMul", *of_microsoft("FusedMatMul", "TransposeMatMul"), wants=-1, of_all=True)
def matmul(low: Lowering, op: Op) -> None:
    x, y = low.read(op), low.read(op, 1)
    if whole(op, "transBatchA", 0) or whole(op, "transBatchB", 0):
        raise Unsupported("batches that stand behind the rows")
    multiplied(low, op, x, y, bool(whole(op, "transA", 0)), bool(whole(op, "transB", 0)))


def multiplied(low: Lowering, op: Op, x: Value, y: Value, flip_x: bool = False, flip_y: bool = False) -> None:
    """A product as numpy defines it, of vectors too."""
    if x.rank == 0 or y.rank == 0:
        raise Unfit("a product of matrices needs axes")
    if flip_x and x.rank > 1:
        x = _flipped(x)
    if flip_y and y.rank > 1 and (y.is_constant or x.is_constant):
        y, flip_y = _flipped(y), False
    if x.is_constant and y.is_constant:
        _product_of_constants(low, op, x, y)
        return
    lifted = low.part(op, "product") if x.rank == 1 or y.rank == 1 else op
    row = relabelled(low, low.part(op, "row"), x, (None, 0)) if x.rank == 1 else x
    column = relabelled(low, low.part(op, "column"), y, (0, None)) if y.rank == 1 else y
    matrix_product(low, lifted, row, column, flip_y=flip_y)
    if lifted is not op:
        found = low.values[lifted.outputs[0]]
        gone = {found.rank - 2 if x.rank == 1 else -1, found.rank - 1 if y.rank == 1 else -1}
        low.relabel(op, found, [axis for axis in range(found.rank) if axis not in gone])


def relabelled(low: Lowering, op: Op, value: Value, order: Sequence[int | None]) -> Value:
    """A value with axes of size 1 put in or left out."""
    low.relabel(op, value, order)
    return low.values[op.outputs[0]]


def _product_of_constants(low: Lowering, op: Op, x: Value, y: Value) -> None:
    """A product that is computed before anything runs; what it takes is noted, but not counted."""
    shape = _product_shape(x.shape, y.shape)
    low.computed(op, [x, y], Known(shape, ()))
    made(low, op).dtype = x.dtype
    low.accounts.fold(product(shape) * x.shape[-1])


def _product_shape(x: Shape, y: Shape) -> Shape:
    outer = stretched([x[:-2], y[:-2]]) if len(x) > 2 or len(y) > 2 else ()
    return (*outer, *x[-2:-1], *(y[-1:] if len(y) > 1 else ()))


@rule(*of_microsoft("MatMulNBits", "MatMulBnb4"), wants=-1)
def matmul_packed(low: Lowering, op: Op) -> None:
    """A product with stored weights of a few bits each, which stand packed together with a scale for each block."""
    x, packed = low.read(op), low.read(op, 1)
    inner, columns = whole(op, "K"), whole(op, "N")
    bits = whole(op, "bits", 4)
    for i in (2, 3, 4):
        value = low.optional(op, i) if op.type.endswith("MatMulNBits") or i == 2 else None
        low.accounts.set_aside(value.stored if value is not None else ())
    bias = low.optional(op, 5)
    size = prod(one.elements for one in packed.stored)
    dtype = {2: "int2", 4: "int4", 8: "int8"}.get(bits, "int4")
    if len(packed.stored) != 1 or size * 8 < inner * columns * bits:
        raise Unfit(f"{size:,} bytes hold less than {inner:,} · {columns:,} numbers of {bits} bits")
    linear(low, op, x, -1, columns, unpacked(low, packed, (inner, columns), dtype), bias)


def unpacked(low: Lowering, packed: Value, shape: tuple[int, ...], dtype: str) -> Value:
    """A stored tensor of bytes as the one of smaller numbers that stand in them."""
    numbers = Stored(f"{packed.stored[0].name}[{dtype}]", shape, dtype)
    low.accounts.cut(packed.stored[0], numbers)
    return Value(shape, dtype, stored=(numbers,))


# -- sums of products by the letters of axes -----------------------------------------------------------------------------


@rule("Einsum", wants=-1, of_all=True)
def einsum(low: Lowering, op: Op) -> None:
    values = [low.read(op, i) for i in range(len(op.inputs))]
    operands, result = labelled(word(op, "equation", ""), [value.rank for value in values])
    if all(value.is_constant for value in values):
        sizes = _stretched_sizes(*(dict(zip(one, value.shape)) for value, one in zip(values, operands)))
        low.computed(op, values, Known(tuple(sizes[label] for label in result), ()))
        return
    steps = Steps(low, op)
    name, labels = op.inputs[0], operands[0]
    for i in range(1, len(values)):
        later = {*result, *(label for one in operands[i + 1 :] for label in one)}
        name, labels = _pair(steps, name, labels, op.inputs[i], operands[i], later)
    name, labels = _summed(steps, name, labels, {*result})
    if {*labels} != {*result}:
        raise Unsupported("axes that only the result has")
    steps.done(steps.transposed(name, [labels.index(label) for label in result]))


def labelled(equation: str, ranks: Sequence[int]) -> tuple[list[Labels], Labels]:
    """The letters of the axes of each operand and of the result; those behind an ellipsis are numbered.

    >>> labelled("bij, bjk -> bik", [3, 3])
    ([('b', 'i', 'j'), ('b', 'j', 'k')], ('b', 'i', 'k'))
    >>> labelled("...i,ij", [3, 2])
    ([('.0', '.1', 'i'), ('i', 'j')], ('.0', '.1', 'j'))
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise Unfit(f"the equation {equation!r} is for {len(terms)} operands, not {len(ranks)}")
    most = max((rank - len(term.replace("...", "")) for term, rank in zip(terms, ranks) if "..." in term), default=0)
    operands = [_letters(term, rank - len(term.replace("...", "")), most) for term, rank in zip(terms, ranks)]
    if any(len(one) != rank for one, rank in zip(operands, ranks)):
        raise Unfit(f"the equation {equation!r} does not have a letter for each axis")
    every = [label for one in operands for label in one]
    if arrow:
        return operands, _letters(right, most, most)
    once = sorted(label for label in {*every} if every.count(label) == 1 and not label.startswith("."))
    return operands, (*(f".{i}" for i in range(most)), *once)


def _letters(term: str, number: int, most: int) -> Labels:
    before, dots, after = term.partition("...")
    return (*before, *(f".{most - number + i}" for i in range(number if dots else 0)), *after)


def _summed(steps: Steps, name: str, labels: Labels, kept: set[str]) -> tuple[str, Labels]:
    """A value summed over the axes that nobody needs."""
    if len({*labels}) < len(labels):
        raise Unsupported("an axis that occurs twice in an operand")
    gone = [at for at, label in enumerate(labels) if label not in kept]
    if not gone:
        return name, labels
    op = steps.op(name)
    reduced(steps.low, op, steps.value(name), gone, "sum", keep=False)
    return op.outputs[0], tuple(label for label in labels if label in kept)


def _without_single(
    steps: Steps, name: str, labels: Labels, other: dict[str, Dim], later: set[str]
) -> tuple[str, Labels]:
    """A value without axes of size 1 that stretch to those of another operand, which is summed over them by itself."""
    sizes = dict(zip(labels, steps.value(name).shape))
    kept = [
        at
        for at, label in enumerate(labels)
        if label in later or not is_one(sizes[label]) or is_one(other.get(label, 1))
    ]
    if len(kept) < len(labels):
        return steps.relabelled(name, kept), tuple(labels[at] for at in kept)
    return name, labels


def _stretched_sizes(*operands: dict[str, Dim]) -> dict[str, Dim]:
    """The sizes of axes to which those of size 1 stretch.

    >>> _stretched_sizes({"i": 1, "j": 5}, {"i": 3, "j": 5})
    {'i': 3, 'j': 5}
    """
    found: dict[str, Dim] = {}
    for label, size in (pair for one in operands for pair in one.items()):
        had = found.get(label, 1)
        if not is_one(had) and not is_one(size) and same(had, size) is False:
            raise Unfit(f"axis {label!r} has sizes {had} and {size}")
        found[label] = size if is_one(had) else had
    return found


def _pair(steps: Steps, x: str, x_labels: Labels, y: str, y_labels: Labels, later: set[str]) -> tuple[str, Labels]:
    """The product of two operands, summed over what neither the result nor a later operand has; axes of size 1 stretch."""
    of_x, of_y = dict(zip(x_labels, steps.value(x).shape)), dict(zip(y_labels, steps.value(y).shape))
    x, x_labels = _without_single(steps, x, x_labels, of_y, later)
    y, y_labels = _without_single(steps, y, y_labels, of_x, later)
    x, x_labels = _summed(steps, x, x_labels, later | {*y_labels})
    y, y_labels = _summed(steps, y, y_labels, later | {*x_labels})
    both = [label for label in x_labels if label in y_labels]
    batch, inner = [one for one in both if one in later], [one for one in both if one not in later]
    rows = [label for label in x_labels if label not in y_labels]
    columns = [label for label in y_labels if label not in x_labels]
    of_x, of_y = dict(zip(x_labels, steps.value(x).shape)), dict(zip(y_labels, steps.value(y).shape))
    sizes = _stretched_sizes(of_x, of_y)
    x = steps.transposed(x, [x_labels.index(label) for label in (*batch, *rows, *inner)])
    y = steps.transposed(y, [y_labels.index(label) for label in (*batch, *inner, *columns)])

    def many(labels: Sequence[str]) -> Dim:
        return product(sizes[label] for label in labels)

    outer_x, outer_y = [of_x[label] for label in batch], [of_y[label] for label in batch]
    shape = [sizes[label] for label in (*batch, *rows, *columns)]
    if not inner:
        x = steps.reshaped(x, [*outer_x, *(sizes[label] for label in rows), *(1 for _ in columns)])
        y = steps.reshaped(y, [*outer_y, *(1 for _ in rows), *(sizes[label] for label in columns)])
        return steps.combined("multiply", x, y), (*batch, *rows, *columns)
    second = steps.value(y)
    if second.is_constant and not batch and rows:  # a linear layer, which takes any axes before the channels
        y = steps.reshaped(y, [many(inner), many(columns)])
        x = steps.reshaped(x, [*(sizes[label] for label in rows), many(inner)])
    else:
        x = steps.reshaped(x, [*outer_x, many(rows), many(inner)])
        y = steps.reshaped(y, [*outer_y, many(inner), many(columns)])
    return steps.reshaped(steps.product(x, y), shape), (*batch, *rows, *columns)
