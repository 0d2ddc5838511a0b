"""What the rules of all formats have in common: ops as every framework has them, over values in the file's order of axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from convcost.core.dims import Dim, Shape, product
from convcost.core.errors import Unfit
from convcost.core.units import shape_text
from convcost.importers.contents import Known, same
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.values import Value, axis_in, channels_at, is_one, is_zero

#: Function of two tensors -> of one, where the other is a single number.
_WITH_NUMBER = {
    "add": "shift",
    "subtract": "shift",
    "multiply": "scale",
    "divide": "scale",
    "power": "power",
    "minimum": "clip",
    "maximum": "clip",
}


# -- element-wise ------------------------------------------------------------------------------------------------------


def combined(low: Lowering, op: Op, function: str, values: Sequence[Value], compute: Any = None) -> None:
    """A function of the elements of several tensors, which stretch to each other; `compute` is that of known ones."""
    if all(value.is_constant for value in values):
        known = low.all_known(values) if compute else None
        found = low.mapped(compute, *known) if known else None
        low.computed(op, values, found or Known(_stretched([value.shape for value in values]), ()))
        return
    first, *rest = values
    number = next((value for value in values if value.is_number and not _is_parameter(value)), None)
    if len(values) == 2 and number is not None and function in _WITH_NUMBER:
        of = "reciprocal" if function == "divide" and number is first else _WITH_NUMBER[function]
        low.pointwise(op, "function", rest[0] if number is first else first, {"of": of})
        return
    if function == "multiply" and len(values) == 2 and scaled(low, op, *values):
        return
    order, rank = common_order(low, values)
    edges = [low.present(value, aligned(value, order, rank)) for value in values]
    shapes = [low.walk.shapes[edge] for edge in edges]
    whole = max(range(len(shapes)), key=lambda i: (len(shapes[i]), -sum(map(is_one, shapes[i]))))
    first_edge = edges.pop(whole)
    full = all(_covers(shapes[whole], shape) for shape in shapes)
    if function in ("add", "multiply") and full:
        kind = function
        attrs: dict[str, Any] = (
            {"broadcast": True} if function == "add" and not all(alike(shapes[0], shape) for shape in shapes) else {}
        )
    else:
        kind, attrs = "combine", {"function": function}
        edges.insert(whole, first_edge)
        first_edge = edges.pop(0)
    computed = (value for value in values if not value.is_constant and value.rank == rank)
    low.result(op, low.emit(op, kind, [first_edge, *edges], attrs), order, rank, like=next(computed, None))


def _is_parameter(value: Value) -> bool:
    """Whether the file says of a number that it is trained, so that it has to be counted."""
    return any(one.trainable for one in value.stored)


def scaled(low: Lowering, op: Op, x: Value, factor: Value) -> bool:
    """Whether a product is that with a stored factor for each channel, which then becomes a scale."""
    if x.is_constant:
        x, factor = factor, x
    if not factor.stored or factor.computed or low.is_read_as_data(factor) or x.rank < factor.rank:
        return False
    order = low.any(x)[1]
    channel = order[-1]
    at = None if channel is None else channel - (x.rank - factor.rank)
    if at is None or at < 0 or not all(is_one(size) for i, size in enumerate(factor.shape) if i != at):
        return False
    if is_one(factor.shape[at]):
        return False
    low.pointwise(op, "scale", x, {}, {"weights": (factor,)})
    return True


def common_order(low: Lowering, values: Sequence[Value]) -> tuple[tuple[int, ...], int]:
    """An order of the axes of the tensor that values stretch to, and its rank: that of the largest one that is computed."""
    rank = max(value.rank for value in values)
    shape = _stretched([value.shape for value in values])
    wide = {axis for axis, size in enumerate(shape) if not is_one(size)}
    for value in sorted(
        (value for value in values if not value.is_constant), key=lambda one: sum(map(is_one, one.shape)) - one.rank
    ):
        order = tuple(axis + rank - value.rank for axis in low.any(value)[1] if axis is not None)
        if wide <= {*order}:
            return order, rank
    channel = 1 if low.rules.channels == 1 and rank > 2 else rank - 1
    first = 1 if rank > 1 and is_one(shape[0]) else 0
    return (*(axis for axis in range(first, rank) if axis != channel), channel), rank


def aligned(value: Value, order: Sequence[int], rank: int) -> list[int | None]:
    """The axes of a value of lower rank at the places of those of the tensor that it stretches to."""
    lacks = rank - value.rank
    has = {axis + lacks for axis in range(value.rank) if value.tensor is None or value.axes[axis] is not None}
    found: list[int | None] = [axis - lacks if axis in has else None for axis in order]
    while found and found[0] is None:
        del found[0]
    return found


def _stretched(shapes: Sequence[Shape]) -> Shape:
    rank = max(map(len, shapes))
    found: list[Dim] = [1] * rank
    for shape in shapes:
        for axis, size in enumerate(shape, start=rank - len(shape)):
            if is_one(found[axis]):
                found[axis] = size
    return tuple(found)


def alike(first: Shape, second: Shape) -> bool:
    """Whether two shapes are the same, whatever varies."""
    return len(first) == len(second) and all(a is b or same(a, b) is True for a, b in zip(first, second))


def _covers(whole: Shape, shape: Shape) -> bool:
    """Whether no axis of a shape is one that the whole has only once."""
    return all(is_one(size) or not is_one(all_) for all_, size in zip(whole[::-1], shape[::-1]))


# -- weights -----------------------------------------------------------------------------------------------------------


def convolution(
    low: Lowering,
    op: Op,
    x: Value,
    channel: int,
    attrs: dict[str, Any],
    weights: Value | None,
    bias: Value | None,
    kind: str = "conv",
) -> Value:
    """A convolution, also transposed, of `attrs["kernel"]` along as many axes as that has sizes."""
    axes = len(attrs["kernel"])
    if axes > 3:
        raise Unsupported(f"windows along {axes} axes")
    order = channels_at(x, channel, windows=axes)
    used = {"weights": (weights,), "biases": (bias,)} if bias is not None else {"weights": (weights,)}
    if axes == 1 and kind == "conv" and len(order) > 2 and is_one(x.shape[order[-2]]):
        axes, attrs = 2, _on_a_row(attrs)
    return low.layer(op, f"{kind}{axes}d", x, order, {**attrs, "bias": bias is not None}, used)


def _on_a_row(attrs: dict[str, Any]) -> dict[str, Any]:
    """A window along one axis as one along two, of which the first has size 1: conv1d takes a single position for a mistake.

    >>> _on_a_row({"channels": 8, "kernel": [3], "padding": [1, 1]})
    {'channels': 8, 'kernel': [1, 3], 'padding': [0, 0, 1, 1]}
    """
    before = {"kernel": [1], "stride": [1], "dilation": [1], "padding": [0, 0]}
    return {
        name: [*before[name], *value] if name in before and isinstance(value, (list, tuple)) else value
        for name, value in attrs.items()
    }


def linear(
    low: Lowering, op: Op, x: Value, axis: int, channels: Dim, weights: Value | None, bias: Value | None = None
) -> Value:
    """A product with a stored matrix along an axis."""
    order = channels_at(x, axis)
    attrs: dict[str, Any] = {"channels": channels, "bias": bias is not None}
    if len(order) > 2:
        attrs["at"] = "positions"
    used = {"weights": (weights,), "biases": (bias,)} if bias is not None else {"weights": (weights,)}
    return low.layer(op, "linear", x, order, attrs, used)


def matrix_product(low: Lowering, op: Op, x: Value, y: Value, *, flip_x: bool = False, flip_y: bool = False) -> None:
    """A product of matrices, as numpy defines it: with a stored one a linear layer, else of two activations."""
    if x.rank < 2 or y.rank < 2:
        raise Unsupported("a product with a vector")
    row, inner = (-1, -2) if flip_x else (-2, -1)
    depth, column = (-1, -2) if flip_y else (-2, -1)
    if _is_matrix(y) and not x.is_constant and y.rank <= x.rank:
        if flip_x:
            raise Unsupported("a product of a transposed activation with stored weights")
        linear(low, op, x, inner, y.shape[column], y)
    elif _is_matrix(x) and not y.is_constant and not flip_y and x.rank <= y.rank:
        linear(low, op, y, depth, x.shape[row], x)
    else:
        _product(low, op, x, y, (row, inner), (depth, column))


def check_added(other: Shape, made: Shape, shown: Shape | None = None) -> None:
    """Raise `Unfit` for what is added to a product without stretching to it, such as a matrix that has more rows."""
    fits = zip(reversed(other), reversed(made))
    if len(other) > len(made) or not all(is_one(size) or same(size, wanted) is not False for size, wanted in fits):
        raise Unfit(f"adds {shape_text(other if shown is None else shown)} to a product of {shape_text(made)}")


def _is_matrix(value: Value) -> bool:
    return value.is_constant and bool(value.stored) and all(map(is_one, value.shape[:-2]))


def _product(low: Lowering, op: Op, x: Value, y: Value, x_axes: tuple[int, int], y_axes: tuple[int, int]) -> None:
    rank = max(x.rank, y.rank)
    outer = _stretched([x.shape[:-2], y.shape[:-2]]) if rank > 2 else ()
    leading = [axis for axis, size in enumerate(outer) if axis > 0 or not is_one(size)]
    first = [*aligned(x, leading, rank), *(axis_in(axis, x.rank) for axis in x_axes)]
    depth, column = (axis_in(axis, y.rank) for axis in y_axes)
    before = aligned(y, leading, rank)
    flipped = low.is_stored_before(y, column, depth)
    second = [*before, column, depth] if flipped else [*before, depth, column]
    edges = [low.present(x, first), low.present(y, second)]
    step = low.emit(op, "matmul", edges, {"transpose": True} if flipped else {})
    order = [*leading, rank - 2, rank - 1]
    low.result(op, step, order[-len(step.cost.out[0]) :], rank)  # an axis that both lack is none of the product's


# -- maps --------------------------------------------------------------------------------------------------------------


def blocks(low: Lowering, op: Op, x: Value, channel: int, block: int, *, spread: bool) -> None:
    """The channels of a map spread over blocks of positions, or the blocks put into the channels.

    Several maps at once have their axes cut, moved and merged.
    """
    order = channels_at(x, channel, windows=2)
    if len(order) == 3:
        low.layer(op, "depth_to_space" if spread else "space_to_depth", x, order, {"block": block})
        return
    if block < 1:
        raise Unfit(f"block must be at least 1, got {block}")
    high, wide, deep = order[-3:]
    plain: dict[int, list[Any]] = {axis: [axis] for axis in range(x.rank)}
    stacked, tiled = plain | {deep: ["row", "column", deep]}, plain | {high: [high, "row"], wide: [wide, "column"]}
    before, after = (stacked, tiled) if spread else (tiled, stacked)
    sizes: dict[Any, Dim] = {**dict(enumerate(x.shape)), "row": block, "column": block}
    for axis, many in ((deep, block * block),) if spread else ((high, block), (wide, block)):
        sizes[axis] = sizes[axis] // many
    pieces, moved = ([piece for axis in plain for piece in parts[axis]] for parts in (before, after))
    split = low.part(op, "split")
    swapped = low.part(op, "swapped", split.outputs)
    low.reshape(split, x, [sizes[piece] for piece in pieces])
    low.transpose(swapped, low.values[split.outputs[0]], [pieces.index(piece) for piece in moved])
    whole = [product(sizes[piece] for piece in after[axis]) for axis in plain]
    low.reshape(replace(op, inputs=swapped.outputs), low.values[swapped.outputs[0]], whole)


# -- axes --------------------------------------------------------------------------------------------------------------


def along(low: Lowering, op: Op, kind: str, x: Value, axis: int, attrs: dict[str, Any] | None = None) -> Value:
    """An op along one axis that keeps the shape, such as a softmax."""
    edge, order = with_axes(low, x, [axis])
    step = low.emit(op, kind, [edge], {**(attrs or {}), "axis": order.index(axis_in(axis, x.rank))})
    return low.result(op, step, order, x.rank, like=x)


def with_axes(low: Lowering, x: Value, axes: Sequence[int]) -> tuple[str, tuple[int | None, ...]]:
    """An edge of a value in which these axes are presented, and the order of its axes."""
    edge, order = low.any(x)
    missing = [at for axis in axes if (at := axis_in(axis, x.rank)) not in order]
    if not missing:
        return edge, order
    whole = (*missing, *(axis for axis in order if axis is not None))
    return low.present(x, whole), whole


def reduced(low: Lowering, op: Op, x: Value, axes: Sequence[int], function: str, *, keep: bool) -> None:
    """A mean, sum, largest, … over some axes."""
    gone = sorted({axis_in(axis, x.rank) for axis in axes})
    edge, order = with_axes(low, x, gone)
    size = low.walk.shapes[edge]
    places = [order.index(axis) for axis in gone]
    if function == "mean" and places == list(range(len(size) - 1)) and len(size) > 1:
        step = low.emit(op, "global_avg_pool", [edge], {})
    else:
        step = low.emit(op, "reduce", [edge], {"axes": places, "function": function, "keep": True})
    value = low.result(op, step, order, x.rank, like=x)
    if not keep:
        squeezed(low, op, value, gone)


def whole_pooled(low: Lowering, op: Op, x: Value, channel: int, axes: int, function: str) -> None:
    """The mean or the largest (`max`) of each channel of a map, as axes of one element; of several maps, of each by itself."""
    order = channels_at(x, channel, windows=axes)
    if len(order) > axes + 1:
        reduced(low, op, x, order[-1 - axes : -1], function, keep=True)
    else:
        low.layer(op, "global_max_pool" if function == "max" else "global_avg_pool", x, order)


def squeezed(low: Lowering, op: Op, value: Value, axes: Sequence[int]) -> None:
    """A value without some axes of size 1."""
    gone = {axis_in(axis, value.rank) for axis in axes}
    if bad := [axis for axis in gone if not is_one(value.shape[axis])]:
        raise Unfit(f"leaves out axis {bad[0]}, which has {value.shape[bad[0]]} elements")
    low.relabel(op, value, [axis for axis in range(value.rank) if axis not in gone])


def unsqueezed(low: Lowering, op: Op, value: Value, axes: Sequence[int]) -> None:
    """A value with further axes of size 1 at these places of the result."""
    rank = value.rank + len(axes)
    new = {axis_in(axis, rank) for axis in axes}
    if len(new) < len(axes):
        raise Unfit(f"puts in axes {tuple(axes)}, one of them twice")
    old = iter(range(value.rank))
    low.relabel(op, value, [None if at in new else next(old) for at in range(rank)])


def concatenated(low: Lowering, op: Op, values: Sequence[Value], axis: int) -> None:
    """Tensors one after the other along an axis."""
    values = [value for value in values if not any(size == 0 for size in value.shape if type(size) is int)]
    if not values:
        raise Unsupported("nothing but empty tensors")
    if odd := next((value for value in values if value.rank != values[0].rank), None):
        raise Unfit(f"joins tensors of {values[0].rank} and {odd.rank} axes")
    axis = axis_in(axis, values[0].rank)
    if len(values) == 1:
        low.same(op, values[0])
        return
    base = next((value for value in values if not value.is_constant), values[0])
    order = tuple(at for at in with_axes(low, base, [axis])[1] if at is not None)
    edges = [low.present(value, order) for value in values]
    step = low.emit(op, "concat", edges, {"axis": order.index(axis)})
    low.result(op, step, order, values[0].rank, like=base)


def cut(low: Lowering, op: Op, x: Value, axis: int, sizes: Sequence[Dim]) -> None:
    """A tensor in parts along an axis."""
    axis = axis_in(axis, x.rank)
    edge, order = with_axes(low, x, [axis])
    if len(sizes) == 1:
        low.same(op, x)
        return
    equal = all(type(size) is int and size == sizes[0] for size in sizes)
    sections = len(sizes) if equal else list(sizes)
    step = low.emit(op, "split", [edge], {"sections": sections, "axis": order.index(axis)})
    for i in range(len(sizes)):
        low.result(op, step, order, x.rank, i, like=x)


def taken(low: Lowering, op: Op, x: Value, axis: int, start: Dim, stop: Dim, step: int = 1) -> Value:
    """Every `step`-th element of an axis from start to stop - 1; both are within it."""
    axis = axis_in(axis, x.rank)
    whole = type(start) is int and start == 0 and step == 1 and (stop is x.shape[axis] or is_zero(stop - x.shape[axis]))
    if whole:
        low.same(op, x)
        return low.values[op.outputs[0]]
    edge, order = with_axes(low, x, [axis])
    attrs = {"start": start, "stop": stop, "step": step, "axis": order.index(axis)}
    return low.result(op, low.emit(op, "slice", [edge], attrs), order, x.rank, like=x)


def flattened(low: Lowering, op: Op, x: Value, axis: int) -> None:
    """A matrix: the axes before one merged, and the others merged."""
    axis = axis if axis >= 0 else axis + x.rank
    low.reshape(op, x, (product(x.shape[:axis]), product(x.shape[axis:])))
