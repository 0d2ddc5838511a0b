"""Ops that take some elements of a tensor: parts of an axis, or chosen ones."""

from dataclasses import replace

from convcost.core.axes import has, kind, named, position, resized, size_of, worded
from convcost.core.cost import Check, OpCost
from convcost.core.dims import Shape, ceil_div, cut, either, equal, first_given, negate, product
from convcost.ops.attributes import AnyInput, AnyInputOrNone, Axes, Axis, Position, Sections, Size, SizeOrNone
from convcost.ops.registry import op
from convcost.ops.traits import MOVE, NOTHING, PART


@op("slice", PART)
def slice_(
    x: AnyInput, *, start: Position = 0, stop: SizeOrNone = None, step: Size = 1, axis: Axis = "channels"
) -> OpCost:
    """Take every `step`-th element from start to stop - 1 of an axis, by default the channels; nothing is written.

    (h, w, c) -> (h, w, ceil((stop - start) / step)). Without `stop`, up to the end.

    >>> slice_((28, 28, 116), start=58).out
    ((28, 28, 58),)

    Patch merging in Swin reads every second row, and of these every second column:

    >>> slice_((56, 56, 96), start=1, step=2, axis="height").out  # 1, 3, …, 55
    ((28, 56, 96),)
    """
    size = size_of(x, axis)
    end = first_given(stop, size)
    lacks = negate(has(len(x), axis))  # then that alone is said
    return OpCost(
        out=(resized(x, axis, ceil_div(end - start, step)),),
        checks=(
            has_axis(x, axis),
            Check(either(lacks, start < end), "start must be below stop, got {0} and {1}", (start, end)),
            Check(either(lacks, end <= size), "stop must be at most the size of the axis, got {0} of {1}", (end, size)),
        ),
    )


@op("split", PART)
def split(x: AnyInput, *, sections: Sections, axis: Axis = "channels") -> OpCost:
    """Split an axis, by default the channels, into parts that are read as `name:0`, `name:1`, …; nothing is written.

    (h, w, c) -> (h, w, c1), (h, w, c2), …; `sections` is a number of equal parts or the size of each.

    >>> split((28, 28, 116), sections=2).out
    ((28, 28, 58), (28, 28, 58))
    """
    size = size_of(x, axis)
    parts = cut(size, sections)
    once = {id(part): part for part in parts}  # parts may be thousands, of one size
    shapes = {key: resized(x, axis, part) for key, part in once.items()}
    need = "the parts must make up the axis, got {0} of {1}"
    fit = either(negate(has(len(x), axis)), equal(sum(parts), size))
    return OpCost(
        out=tuple([shapes[id(part)] for part in parts]),
        checks=(has_axis(x, axis), Check(fit, need, (sum(parts), size))),
    )


@op("gather", replace(MOVE, looks_up=True))
def gather(x: AnyInput, indices: AnyInputOrNone = None, *, count: Size, axis: Axis) -> OpCost:
    """Take `count` chosen elements of an axis, in any order and perhaps several times.

    (t, c) -> (count, c) along the first axis. Which are chosen may be an input of its own, such as the second output of
    top_k, with one number for each; without it, it is fixed, as where a table of relative positions is spread over all
    pairs of tokens. No params, no MACs: elements are copied.

    The 13·13 relative positions of a 7×7 window in Swin-T, for 3 heads, spread over its 49·49 pairs:

    >>> gather((169, 3), count=49 * 49, axis=0).out
    ((2401, 3),)

    Source: torch.index_select, tf.gather.
    """
    need = "gather takes one element for each index, got count {0} for {1}"
    given = first_given(indices, (count,))
    return OpCost(
        out=(resized(x, axis, count),),
        checks=(has_axis(x, axis), Check(equal(product(given), count), need, (count, given))),
    )


@op("top_k", NOTHING)
def top_k(x: AnyInput, *, count: Size, axis: Axis = "channels") -> OpCost:
    """Take the `count` largest elements along an axis: their values as `name:0`, and where they stood as `name:1`.

    (h, w, c) -> twice (h, w, count). No params, no MACs: elements are compared.

    >>> top_k((8400,), count=300).out
    ((300,), (300,))

    Source: torch.topk.
    """
    size = size_of(x, axis)
    out = resized(x, axis, count)
    need = "count must be at most the size of the axis, got {0} of {1}"
    fit = either(negate(has(len(x), axis)), count <= size)
    return OpCost(out=(out, out), saves=("outputs",), checks=(has_axis(x, axis), Check(fit, need, (count, size))))


@op("scatter", replace(MOVE, overwrites="first"))
def scatter(x: AnyInput, indices: AnyInputOrNone = None, updates: AnyInputOrNone = None) -> OpCost:
    """Put other elements into some places of a tensor: which places, and which elements, are inputs of their own or fixed.

    Shape unchanged. No params, no MACs: elements are copied.

    >>> scatter((100, 256), (20,), (20, 256)).out
    ((100, 256),)

    Source: torch.scatter, torch.index_put, tf.tensor_scatter_nd_update.
    """
    return OpCost(out=(x,))


def has_axis(x: Shape, axis: Axis) -> Check:
    """That there is such an axis; else the error says which there are."""
    need = kind(len(x)) + " of {0} has no " + worded(axis) + "; it has " + named(len(x))
    return Check(has(len(x), axis), need, (x,))


def has_axes(x: Shape, axes: Axes) -> tuple[Check, ...]:
    """That there are these axes, and that none is named twice."""
    places = {position(len(x), axis) for axis in axes}
    once = Check(len(places) == len(axes), "axes must name each axis once, got " + ", ".join(map(str, axes)))
    return (*(has_axis(x, axis) for axis in axes), once)
