"""ncnn's layers that move, join, cut or reduce: nothing is multiplied by a weight. Axes are counted without the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from convcost.core.axes import NAMES
from convcost.core.dims import Dim, minimum
from convcost.core.errors import Unfit
from convcost.importers import fixed
from convcost.importers.build import concatenated, cut, flattened, reduced, squeezed, taken, unsqueezed, with_axes
from convcost.importers.contents import decided, less
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.ncnn.expressions import evaluated, names_others
from convcost.importers.ncnn.given import BLOBS, DROPPED, SAME_LOWER, number, whole, wholes
from convcost.importers.ncnn.rules import MOST_AXES, axis_of, blobs_of, like, made, others_if, rule
from convcost.importers.values import Value, is_one

#: Orders of Permute by number, the fastest axis first.
_ORDERS: Final = (
    *("WHDC", "HWDC", "WDHC", "DWHC", "HDWC", "DHWC", "WHCD", "HWCD", "WCHD", "CWHD", "HCWD", "CHWD"),
    *("WDCH", "DWCH", "WCDH", "CWDH", "DCWH", "CDWH", "HDCW", "DHCW", "HCDW", "CHDW", "DCHW", "CDHW"),
)
#: Parameters of Crop: sizes, and what is left out behind, of width, height, channels and depth.
_SIZES_OF_CROP: Final = (3, 4, 5, 14, 6, 7, 8, 15)
_ORDERS_OF_MAPS: Final = ("WHC", "HWC", "WCH", "CWH", "HCW", "CHW")
#: Numbers of Reduction -> the word of `reduce`; a sum of magnitudes has two.
_REDUCTIONS: Final = (
    *("sum", "absolute_sum", "square_sum", "mean", "max", "min", "product", "absolute_sum", "norm", "log_sum"),
    "log_sum_exp",
)


@rule("Split", wants="same", makes=None)
def split(low: Lowering, op: Op) -> None:
    """The same blob under several names: one for each layer that reads it."""
    for i in range(len(op.outputs)):
        low.same(op, low.read(op), i)


@rule("Noop", "Packing", "DeepCopy", wants="same", reads=None, makes=None)
def noop(low: Lowering, op: Op) -> None:
    """Nothing; how elements are packed in memory is no matter of the network."""
    if len(op.inputs) < len(op.outputs):
        raise Unfit(f"hands on {len(op.outputs)} blobs of {len(op.inputs)}")
    for i in range(len(op.outputs)):
        low.same(op, low.read(op, i), i)


@rule("Concat", wants="same", reads=None)
def concat(low: Lowering, op: Op) -> None:
    values = [low.read(op, i) for i in range(len(op.inputs))]
    if not values or len({value.rank for value in values}) > 1:
        raise Unfit(f"joins tensors of {', '.join(str(value.rank - 1) for value in values)} axes")
    concatenated(low, op, values, axis_of(whole(op.attrs, 0, 0), values[0]))


@rule("Slice", wants="same", makes=None)
def slice_(low: Lowering, op: Op) -> None:
    """Parts of given sizes, of which each that is left open is an equal share of what is left; or between given places."""
    x = low.read(op)
    axis, sizes, places = axis_of(whole(op.attrs, 1, 0), x), wholes(op.attrs, 0), wholes(op.attrs, 2)
    whole_size: Any = x.shape[axis]
    wanted: list[Any] = [None if size == DROPPED else size for size in sizes or (DROPPED,) * len(op.outputs)]
    literal = wanted
    if places is not None:
        pairs = [*zip((0, *places), places)]
        literal = [*(end - start if (start < 0) == (end < 0) else None for start, end in pairs), None]
        at_places = [tuple(whole_size + place if place < 0 else place for place in pair) for pair in pairs]
        wanted = [*(end - start for start, end in at_places), None]
    if len(wanted) != len(op.outputs):
        raise Unfit(f"cuts {len(wanted)} parts for {len(op.outputs)} outputs")
    fixed.check_parts(low, op.inputs[0], x, axis, literal)
    left = whole_size
    parts: list[Dim] = []
    for at, size in enumerate(wanted):
        part = left // (len(wanted) - at) if size is None else size
        parts.append(part)
        left = left - part
    if not less(0, left):
        cut(low, op, x, axis, parts)
        return
    start: Any = 0
    for name, part in zip(op.outputs, parts):  # what no part takes is left out
        taken(low, replace(op, outputs=(name,)), x, axis, start, start + part)
        start = start + part


# -- other shapes ------------------------------------------------------------------------------------------------------


@rule("Flatten", wants=1)
def flatten(low: Lowering, op: Op) -> None:
    flattened(low, op, low.read(op), 1)


@rule("Reshape", reads=others_if(lambda attrs: names_others(attrs.get("6"))))
def reshape(low: Lowering, op: Op) -> None:
    """Other sizes, of which 0 is that of the same axis before, and -1 what is left."""
    x = low.read(op)
    if whole(op.attrs, 3, 0):
        raise Unsupported("a shape of elements with the channels last")
    if any(whole(op.attrs, at, DROPPED) != DROPPED for at in (12, 13)):
        raise Unsupported("a batch put into or taken out of the axes")
    if isinstance(text := op.attrs.get("6"), str):
        sizes_here = evaluated(text, blobs_of(low, op))
        low.reshape(op, x, low.fitted(replace(op, inputs=op.inputs[:1]), x, [1, *reversed(sizes_here)]))
        return
    wanted = [(at, whole(op.attrs, at, DROPPED)) for at in (2, 11, 1, 0)]
    sizes = [(at, size) for at, size in wanted if size != DROPPED]
    before = {0: x.shape[-1], 1: x.shape[-2] if x.rank > 2 else 1, 2: x.shape[1] if x.rank > 3 else 1}
    before[11] = x.shape[2] if x.rank > 4 else 1
    shape = low.fitted(op, x, [1, *(before[at] if size == 0 else size for at, size in sizes)])
    low.reshape(op, x, shape)


@rule("Permute")
def permute(low: Lowering, op: Op) -> None:
    x, kind = low.read(op), whole(op.attrs, 0, 0)
    orders = {2: ("W",), 3: ("WH", "HW"), 4: _ORDERS_OF_MAPS, 5: _ORDERS}.get(x.rank, ())
    if not 0 <= kind < len(orders):
        raise Unfit(f"puts {x.rank - 1} axes into order {kind}, where there are {len(orders)}")
    plain = orders[0][::-1]
    low.transpose(op, x, [0, *(plain.index(letter) + 1 for letter in reversed(orders[kind]))])


def _named(op: Op, x: Value) -> list[int]:
    """The axes that Squeeze names: in a list, or each by its own parameter."""
    listed = wholes(op.attrs, 3)
    if listed is not None:
        return list(listed)
    flags = {0: -1, 1: -2, 11: -3, 2: 0}
    there = {2: (0,), 3: (0, 1), 4: (0, 1, 2)}.get(x.rank, tuple(flags))
    return [axis for at, axis in flags.items() if at in there and whole(op.attrs, at, 0)]


@rule("Squeeze", wants=1)
def squeeze(low: Lowering, op: Op) -> None:
    x = low.read(op)
    listed = [axis_of(axis, x) for axis in _named(op, x)]
    gone = [axis for axis in dict.fromkeys(listed) if is_one(x.shape[axis])]
    squeezed(low, op, x, gone[: x.rank - 2])


@rule("ExpandDims", wants=1)
def expand_dims(low: Lowering, op: Op) -> None:
    x, listed = low.read(op), wholes(op.attrs, 3)
    if listed is None:
        raise Unsupported("new axes that are named by their letters")
    rank = x.rank - 1 + len(listed)
    axes = [axis + rank if axis < 0 else axis for axis in listed]
    if len(set(axes)) < len(axes) or not all(0 <= axis < rank for axis in axes):
        raise Unfit(f"puts axes {', '.join(map(str, listed))} into a blob that then has {rank}")
    unsqueezed(low, op, x, [axis + 1 for axis in axes])


@rule("Tile")
def tile(low: Lowering, op: Op) -> None:
    x, repeats = low.read(op), wholes(op.attrs, 2)
    if repeats is None:
        times = [1] * x.rank
        times[axis_of(whole(op.attrs, 0, 0), x)] = whole(op.attrs, 1, 1)
    else:
        if len(repeats) > MOST_AXES:
            raise Unfit(f"repeats {len(repeats)} axes, and a blob has at most {MOST_AXES}")
        times = [1] * max(x.rank - len(repeats), 1) + list(repeats)
    if min(times) < 1:
        raise Unsupported(f"repeats an axis {min(times)} times")
    if len(times) > x.rank:
        part = low.part(op, "axes")
        unsqueezed(
            low, part, x, [2] if x.rank == 4 else range(1, 1 + len(times) - x.rank)
        )  # a depth behind the channels
        x = made(low, part)
    wide = [axis for axis, count in enumerate(times) if count > 1]
    if not wide:
        low.same(op, x)
        return
    edge, order = with_axes(low, x, wide)
    attrs = {"repeats": [1 if axis is None else times[axis] for axis in order]}
    low.result(op, low.emit(op, "tile", [edge], attrs), order, x.rank)


# -- parts -------------------------------------------------------------------------------------------------------------


def _has_size_of_another(attrs: Mapping[str, Any]) -> bool:
    """Whether a crop reads another blob: for its size, or for places that are computed from sizes."""
    places = [attrs[str(at)] for at in (19, 20, 21) if str(at) in attrs]
    between = all(str(at) in attrs for at in (9, 10))
    return names_others(*places) if places else not between and not any(whole(attrs, at, 0) for at in _SIZES_OF_CROP)


@rule("Crop", wants="same", reads=others_if(_has_size_of_another))
def crop(low: Lowering, op: Op) -> None:
    """A part of some axes: between places, of a size from an offset on, or as large as another tensor."""
    x = low.read(op)
    listed = [op.attrs.get(str(at)) for at in (19, 20, 21)]
    if all(isinstance(one, str) for one in listed):
        starts, ends, axes = (evaluated(str(one), blobs_of(low, op)) for one in listed)
        _computed(low, op, x, starts, ends, axes)
        return
    if any(one is not None for one in listed):
        raise Unsupported("places that depend on other tensors")
    first, last = wholes(op.attrs, 9), wholes(op.attrs, 10)
    if first is not None and last is not None:
        _between(low, op, x, first, last)
        return
    low.same(op, x)
    offsets = [whole(op.attrs, at, 0) for at in (2, 13, 1, 0)]
    sizes = [whole(op.attrs, at, 0) for at in (5, 14, 4, 3)]
    behind = [whole(op.attrs, at, 0) for at in (8, 15, 7, 6)]
    used = _cropped(x, {2: (3,), 3: (2, 3), 4: (0, 2, 3), 5: (0, 1, 2, 3)}[x.rank], offsets, op.attrs[BLOBS])
    given = low.optional(op, 1) if not any(sizes) else None
    for axis, at in enumerate(used, start=1):
        size: Any = x.shape[axis]
        room = size - offsets[at] - behind[at]
        if given is not None:
            wanted = _as_large(given, x, axis)
        elif sizes[at] in (0, DROPPED):
            wanted = room
        else:
            end = offsets[at] + sizes[at]
            is_end = fixed.ends_there(low, op.inputs[0], x, axis, offsets[at], end)
            wanted = room if is_end else minimum(sizes[at], room)
        taken(low, op, made(low, op), axis, offsets[at], offsets[at] + wanted)


def _as_large(given: Value, x: Value, axis: int) -> Dim:
    """What another tensor has along an axis: width and height are its last ones, 1 if it lacks them; others both must have.

    >>> [_as_large(Value((1, 5, 6)), Value((1, 8, 10, 12)), axis) for axis in (1, 2, 3)]
    [8, 5, 6]
    """
    behind = x.rank - axis
    if behind <= 2:
        return given.shape[-behind] if behind < given.rank else 1
    return given.shape[axis] if given.rank == x.rank else x.shape[axis]


def _cropped(x: Value, used: tuple[int, ...], offsets: Sequence[int], blobs: int) -> tuple[int, ...]:
    """The numbers of each axis, among those of channels, depth, height and width: as far as offsets are, for the outer axes."""
    kept = tuple(at for at in used if offsets[at] != DROPPED)
    if kept == used:
        return used
    if blobs > 1:
        raise Unsupported("places that depend on other tensors")
    if x.rank > 4 or kept != used[len(used) - len(kept) :]:
        raise Unsupported("a part of some axes whose offsets are not those of the outer ones")
    return kept


def _computed(low: Lowering, op: Op, x: Value, starts: Sequence[Dim], ends: Sequence[Dim], axes: Sequence[Dim]) -> None:
    """A part of some axes between places that are computed from sizes, those below 0 counted from the end."""
    if not len(starts) == len(ends) == len(axes):
        raise Unfit(f"crops {len(axes)} axes between {len(starts)} and {len(ends)} places")
    low.same(op, x)
    for start, end, given in zip(starts, ends, axes):
        axis = axis_of(decided(given), x)
        size: Any = x.shape[axis]
        first, last = (size + place if less(place, 0) else place for place in (start, end))
        taken(low, op, made(low, op), axis, first, size if less(last, 1) else minimum(last, size))


def _between(low: Lowering, op: Op, x: Value, starts: Sequence[int], ends: Sequence[int]) -> None:
    axes = wholes(op.attrs, 11)
    axes = tuple(range(len(starts))) if axes is None else axes
    if not len(starts) == len(ends) == len(axes):
        raise Unfit(f"crops {len(axes)} axes between {len(starts)} and {len(ends)} places")
    low.same(op, x)
    for start, end, given in zip(starts, ends, axes):
        axis = axis_of(given, x)
        size: Any = x.shape[axis]
        first = 0 if start == DROPPED else start
        is_end = end == DROPPED or fixed.ends_there(low, op.inputs[0], x, axis, first, end)
        stop = size if is_end else size + end if end <= 0 else minimum(end, size)
        begin = size + first if first < 0 else first
        taken(low, op, made(low, op), axis, begin, stop)


def _has_sides_of_another(attrs: Mapping[str, Any]) -> bool:
    """Whether another blob says how many elements are put around."""
    return {whole(attrs, at, 0) for at in range(4)} in ({DROPPED}, {SAME_LOWER})


@rule("Padding", wants=1, reads=others_if(_has_sides_of_another))
def padding(low: Lowering, op: Op) -> None:
    """Elements around the last two axes, and before and behind the channels or the depth."""
    x = low.read(op)
    if _has_sides_of_another(op.attrs):
        raise Unsupported("as many elements as another tensor says")
    numbers = {x.rank - 1: (2, 3), x.rank - 2: (0, 1), x.rank - 3: (7, 8)}
    wide = {axis: tuple(whole(op.attrs, at, 0) for at in ends) for axis, ends in numbers.items() if axis > 0}
    wide = {axis: ends for axis, ends in wide.items() if any(ends)}
    if not wide:
        low.same(op, x)
        return
    fixed.note_padding(low, op.inputs[0], x, [*wide])
    edge, order = with_axes(low, x, [*wide])
    names = NAMES.get(len(order))
    if names is None:
        raise Unsupported(f"zeros around a tensor of {len(order)} axes")
    attrs = {names[order.index(axis)]: list(ends) for axis, ends in wide.items()}
    low.result(op, low.emit(op, "pad", [edge], attrs), order, x.rank)


@rule("Reduction", wants=1)
def reduction(low: Lowering, op: Op) -> None:
    x, axes, kind = low.read(op), wholes(op.attrs, 3), whole(op.attrs, 0, 0)
    if not 0 <= kind < len(_REDUCTIONS):
        raise Unsupported(f"a reduction of kind {kind}")
    keep = bool(whole(op.attrs, 4, 0))
    every = list(range(1, x.rank))
    over = every if whole(op.attrs, 1, 1) or axes is None else sorted({axis_of(axis, x) for axis in axes})
    if number(op.attrs, 2, 1.0) != 1:
        low.notes["factors of reductions are not counted"] = None
    if keep or over != every:
        reduced(low, op, x, over, _REDUCTIONS[kind], keep=keep)
    else:  # a blob has at least one axis
        part = low.part(op, "reduced")
        reduced(low, part, x, over, _REDUCTIONS[kind], keep=True)
        squeezed(low, op, made(low, part), over[1:])


@rule("ArgMax", wants=1)
def arg_max(low: Lowering, op: Op) -> None:
    x, count = low.read(op), whole(op.attrs, 1, 1)
    shape = (1, 2, count) if whole(op.attrs, 0, 0) else (1, count)
    del x
    raise Unsupported("where the largest elements of all stand", [shape])


@rule("Flip", wants="same")
def flip(low: Lowering, op: Op) -> None:
    raise Unsupported("elements in reverse order", like(low, op))
