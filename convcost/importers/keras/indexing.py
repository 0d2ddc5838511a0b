"""Indices and slices of tensors, in Keras and in the functions of TensorFlow that older files have in their place."""

from __future__ import annotations

from typing import Any, NamedTuple

from convcost.core.errors import Unfit
from convcost.core.units import counted, say
from convcost.importers import fixed
from convcost.importers.build import squeezed, taken, unsqueezed, with_axes
from convcost.importers.contents import Known, gathered, sliced
from convcost.importers.keras.calls import Steps, argument, as_int, axis_of, operation, value_of
from convcost.importers.keras.operations import is_single
from convcost.importers.keras.values import Slice, Tensor
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.values import Value


@operation("Take", tf=("gather", "compat.v1.gather"))
def take(low: Lowering, op: Op) -> None:
    is_tf = op.type.startswith("tf.")
    x = value_of(low, op, argument(op, "params" if is_tf else "x", 0))
    indices = value_of(low, op, argument(op, "indices", 1))
    given = argument(op, "axis", 3 if is_tf else 2)
    if is_tf and argument(op, "batch_dims", 4):
        raise Unsupported("other elements for each of a batch (batch_dims)")
    axis = axis_of(0 if given is None else given, max(x.rank, 1))
    known, which = low.known(x), low.known(indices)
    if known and which:
        try:
            low.computed(op, [x], gathered(known, which, axis))
        except IndexError as error:
            raise Unfit(str(error)) from None
        return
    if which is None or indices.rank > 1 or axis == 0:
        raise Unsupported("chosen elements of an activation")
    named = [item for item in (argument(op, "indices", 1),) if isinstance(item, Tensor)]
    fixed.check_chosen(low, op.inputs[0], x, axis, op.inputs[named[0].place] if named else "", len(which.elements))
    edge, order = with_axes(low, x, [axis])
    step = low.emit(op, "gather", [edge], {"count": len(which.elements), "axis": order.index(axis)})
    made = low.result(op, step, order, x.rank)
    if indices.rank == 0:
        squeezed(low, op, made, [axis])


class Key(NamedTuple):
    """What stands in the brackets behind a tensor."""

    items: tuple[tuple[int, Any], ...]
    """Axis -> a slice of it, or the index of an element."""
    new: tuple[int, ...]
    """Axes of size 1 that are put in, as the result counts them."""


def key_of(given: Any, rank: int) -> Key:
    """The indices and slices for a tensor of this many axes; raises `Unfit`.

    >>> key_of((..., None, 0), 3)
    Key(items=((2, 0),), new=(2,))
    """
    parts = given if isinstance(given, tuple) else (given,)
    real = sum(item is not None and item is not ... for item in parts)
    if real > rank or sum(item is ... for item in parts) > 1:
        raise Unfit(f"has {real} indices for a tensor of {rank} axes")
    axis, out, items, new = 0, 0, [], []
    for item in parts:
        if item is ...:
            axis, out = axis + rank - real, out + rank - real
        elif item is None:
            new.append(out)
            out += 1
        else:
            items.append((axis, item))
            axis, out = axis + 1, out + is_slice(item)
    return Key(tuple(items), tuple(new))


def is_slice(item: Any) -> bool:
    """Whether a part of a key is a slice, which keeps the axis."""
    return isinstance(item, Slice | dict)


@operation("GetItem", tf=("__operators__.getitem",))
def get_item(low: Lowering, op: Op) -> None:
    given = argument(op, "key", 1)
    indexed(low, op, argument(op, "slice_spec", 1) if given is None else given)


@operation(tf=("strided_slice",))
def strided_slice(low: Lowering, op: Op) -> None:
    """What stands in brackets, written as lists of bounds, and as masks with a bit for each of their places."""
    begins, ends, steps = (argument(op, name, place) for place, name in enumerate(("begin", "end", "strides"), start=1))
    if not isinstance(begins, tuple) or not isinstance(ends, tuple) or not isinstance(steps, tuple | None):
        raise Unsupported("bounds that are not written down")
    steps = (1,) * len(begins) if steps is None else steps
    if not len(begins) == len(ends) == len(steps):
        raise Unfit(
            f"has {counted(len(begins), 'begin')}, {counted(len(ends), 'end')} and {counted(len(steps), 'stride')}"
        )
    names = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
    masks = [as_int(argument(op, name, place) or 0, name) for place, name in enumerate(names, start=4)]
    key: list[Any] = []
    for at, bounds in enumerate(zip(begins, ends, steps)):
        no_begin, no_end, is_rest, is_new, is_index = (bool(mask >> at & 1) for mask in masks)
        begin, end, step = bounds
        part = begin if is_index else Slice(None if no_begin else begin, None if no_end else end, step)
        key.append(... if is_rest else None if is_new else part)
    indexed(low, op, tuple(key))


def indexed(low: Lowering, op: Op, given: Any) -> None:
    """The elements of a tensor that a key takes."""
    x, steps = low.read(op), Steps(low, op)
    key = key_of(given, x.rank)
    bounds = [(axis, _whole_end(low, op, x, axis, item)) for axis, item in key.items]
    gone = [axis for axis, item in key.items if not is_slice(item)]
    if (known := low.known(x)) is not None:
        for axis, one in bounds:
            known = sliced(known, axis, *one.bounds)
        kept = [size for axis, size in enumerate(known.shape) if axis not in gone]
        for axis in key.new:
            kept.insert(axis, 1)
        low.computed(op, [x], Known(tuple(kept), known.elements))
        return
    for axis, one in bounds:
        if one != Slice(None, None, None):
            x = slice_along(low, steps.step(f"axis_{axis}", x, scope=False), x, axis, one)
    if gone:
        step = steps.step("dropped", x, scope=False)
        squeezed(low, step, x, gone)
        x = steps.made(step)
    if key.new:
        unsqueezed(low, op, x, key.new)
    else:
        low.same(op, x)


def bounds_of(low: Lowering, op: Op, item: Any) -> Slice:
    """An index or a slice as bounds; those of an index take a single element."""
    if isinstance(item, dict):
        item = Slice(item.get("start"), item.get("stop"), item.get("step"))
    if isinstance(item, Slice):
        return Slice(*(_number(low, op, bound) for bound in item.bounds))
    at = _number(low, op, item)
    if at is None:
        raise Unsupported(f"an index {say(item)}")
    return Slice(at, None if at == -1 else at + 1, None)


def _whole_end(low: Lowering, op: Op, x: Value, axis: int, item: Any) -> Slice:
    """The bounds of an index or a slice, without an end that is that of the axis at the file's own size; raises `Unfit`."""
    found = bounds_of(low, op, item)
    written = Slice(item.get("start"), item.get("stop"), item.get("step")) if isinstance(item, dict) else item
    if not isinstance(written, Slice):
        return found
    start, stop, step = (one if type(one) is int else None for one in written.bounds)
    is_end = fixed.ends_there(low, op.inputs[0], x, axis, start, stop, step or 1)
    return Slice(found.start, None, found.step) if is_end else found


def _number(low: Lowering, op: Op, bound: Any) -> Any:
    if isinstance(bound, Tensor):
        contents = low.contents(op, bound.place)
        return contents[0] if contents and len(contents) == 1 else None
    return None if bound is None else as_int(bound, "an index")


def slice_along(low: Lowering, op: Op, x: Value, axis: int, bounds: Slice) -> Value:
    """A slice along one axis, its bounds counted from either end."""
    size, step = x.shape[axis], 1 if bounds.step is None else bounds.step
    if axis == 0 and is_single(size):  # the batch: all of it, or its only element
        low.same(op, x)
        return low.values[op.outputs[0]]
    if type(size) is int and all(bound is None or type(bound) is int for bound in bounds.bounds):
        if step == 0:
            raise Unfit("a slice with a step of 0")
        chosen = range(size)[slice(bounds.start, bounds.stop, step)]
        if not chosen:
            raise Unsupported("a slice of nothing")
        if step < 0:
            edge, order = with_axes(low, x, [axis])
            node = low.emit(op, "gather", [edge], {"count": len(chosen), "axis": order.index(axis)})
            return low.result(op, node, order, x.rank)
        return taken(low, op, x, axis, chosen[0], chosen[-1] + 1, step)
    if type(step) is not int or step < 1:
        raise Unsupported("a slice whose bounds depend on the size")
    start = 0 if bounds.start is None else bounds.start
    stop = size if bounds.stop is None else bounds.stop
    start, stop = (size + end if type(end) is int and end < 0 else end for end in (start, stop))
    return taken(low, op, x, axis, start, stop, step)
