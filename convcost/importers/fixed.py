"""What a file has fixed at its own input size, at another one: places on axes, sizes that are asked for, pads, windows.

A number that an exporter has written down may be one that the author wrote, or what a size came to where the file was traced.
Along axes that are as large as there both are the same. Along others a number is kept where it cannot come from the size, is
derived again where a tensor shows what it was the size of, and is refused otherwise; what is as often the one as the other is
kept with a remark in the report. Files with open sizes write down no size, so that nothing of this is about them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from convcost.core.dims import Dim, Shape
from convcost.core.errors import Unfit
from convcost.core.units import shape_text
from convcost.importers.contents import same
from convcost.importers.lower import Lowering
from convcost.importers.values import Value

FEW = 8
"""Up to here a place, if the axis is as many times as long, is that of something, such as tokens put in front."""
REMEDY = "export it with open sizes"


# -- what is fixed -----------------------------------------------------------------------------------------------------


def is_elsewhere(low: Lowering, *, images: bool = False) -> bool:
    """Whether a size that the file fixes for its inputs is another one here; of `images` only, not how many there are."""
    if low.own is None:
        return False
    for name, stated in low.model.body.inputs.items():
        value = low.find(name)
        if value is None or stated.shape is None or name not in low.own:
            continue
        for size, now, then, axis in zip(stated.shape, value.shape, low.own[name], value.axes):
            if isinstance(size, int) and same(now, then) is not True and not (images and axis is None):
                return True
    return False


def is_derived(low: Lowering, name: str) -> bool:
    """Whether a number of the file is computed from the sizes of what it is given, so that it is right at any size."""
    seen, left = {name}, [name]
    while left:
        one = left.pop()
        low.follows()
        value = low.find(one)
        if one in low.model.body.inputs or (value is not None and not value.is_constant):
            return True
        new = {*low.reads.get(low.parts.get(one, one), ())} - seen
        seen |= new
        left += sorted(new)
    return False


def literal(low: Lowering, name: str, numbers: Sequence[Any] | None) -> tuple[Any, ...]:
    """The numbers of a tensor of the file as far as it has written them down; None for those that it computes from sizes."""
    found = tuple(numbers or ())
    if not is_elsewhere(low):
        return (None,) * len(found)
    if not is_derived(low, name):
        return tuple(one if type(one) is int else None for one in found)
    parts = [(part, low.find(part)) for part in low.reads.get(name, ())]
    contents = [value.contents if value is not None and value.contents is not None else () for _, value in parts]
    if 1 < len(parts) <= len(found) and sum(map(len, contents)) == len(found):  # a list that was put together
        return tuple(one for (part, _), some in zip(parts, contents) for one in literal(low, part, some))
    return (None,) * len(found)


def own_size(low: Lowering, name: str, x: Value, axis: int) -> int | None:
    """The size of an axis of a value of this name at the file's own size, where it is another one here."""
    if x.is_constant or not is_elsewhere(low):
        return None
    own = low.own_shape(name)[axis]
    return None if same(x.shape[axis], own) is True else own


# -- places ------------------------------------------------------------------------------------------------------------


def is_few(place: int, own: int) -> bool:
    """Whether a place is so near to the start of an axis that it hardly is a part of its size.

    >>> is_few(1, 7), is_few(2, 197), is_few(2, 7), is_few(16, 1024)
    (True, True, False, False)
    """
    return place <= 1 or (place <= FEW and place * FEW <= own)


def ends_there(low: Lowering, name: str, x: Value, axis: int, start: Any, stop: Any, step: int = 1) -> bool:
    """Whether a slice from one literal place to another, each None if it is none, goes to the end of the axis.

    Raises `Unfit` for places within it that may come from its size.
    """
    own = own_size(low, name, x, axis)
    if own is None:
        return False
    if stop == own:
        stop = None
        is_end = True
    else:
        is_end = False
    if stop is not None and start is not None and 0 <= start == stop - 1:
        return is_end  # a single element: one, whichever it is
    for place in (start, stop):
        if place is None or not 0 < place < own:
            continue
        if step < 0 or not is_few(place, own):
            raise Unfit(
                f"the file fixes place {place} on an axis that has {own} elements there, and "
                f"{shape_text((x.shape[axis],))} here; {REMEDY}"
            )
    if stop is not None and 0 < stop < own:
        low.notes[f"a part of {stop - (start or 0)} that the file cuts off an axis of {own} is as large here"] = None
    elif start is not None and 1 < start < own:
        low.notes[f"the first {start} that the file leaves out of an axis of {own} are as many here"] = None
    return is_end


def check_parts(low: Lowering, name: str, x: Value, axis: int, sizes: Sequence[Any]) -> None:
    """Refuse parts of literal sizes, each None if it is none, of an axis that has another size than the file's own."""
    own = own_size(low, name, x, axis)
    given = [size for size in sizes if type(size) is int and size >= 0]
    if own is None or not given:
        return
    if len(given) == len(sizes) or not all(is_few(size, own) for size in given):
        raise Unfit(
            f"the file fixes parts of {', '.join(map(str, given[:4]))} of an axis that has {own} elements there, and "
            f"{shape_text((x.shape[axis],))} here; {REMEDY}"
        )


def check_chosen(low: Lowering, name: str, x: Value, axis: int, indices: str, count: Dim) -> None:
    """Refuse several elements that the file chooses by number of an axis that has another size than its own."""
    own = own_size(low, name, x, axis)
    if own is None or (type(count) is int and count <= 1) or is_derived(low, indices):
        return
    raise Unfit(
        f"the file fixes which {shape_text((count,))} elements it takes of an axis that has {own} there, and "
        f"{shape_text((x.shape[axis],))} here; {REMEDY}"
    )


# -- sizes -------------------------------------------------------------------------------------------------------------


def sizes_here(
    low: Lowering,
    name: str,
    x: Value,
    wanted: dict[int, Any],
    rank: int | None = None,
    *,
    grows: bool = False,
    scales: bool = False,
) -> dict[int, Dim]:
    """Literal sizes that an op asks for, by axis of a result of this rank, as they are here.

    The size that the axis of x has at the file's own size is the one that it has here; any others together are those of the
    same axes of an input, or else of what has been computed so far; where there only are fewer images, they stay. Raises
    `Unfit` where there is no such tensor, or several that differ; but an op that `grows` axes of size 1 may ask for copies,
    which are no size of anything, and one that `scales` may ask for whole multiples or fractions of the axes of x.
    """
    if not is_elsewhere(low):
        return {}
    rank = x.rank if rank is None else rank
    lacks = rank - x.rank
    own = (1,) * lacks + (x.shape if x.is_constant else low.own_shape(name))
    now = (1,) * lacks + x.shape
    found: dict[int, Dim] = {axis: now[axis] for axis, size in wanted.items() if size == own[axis]}
    others = {axis: size for axis, size in wanted.items() if axis not in found and type(size) is int and size >= 0}
    if grows:
        others = {axis: size for axis, size in others.items() if size != 1}
    if not others or not (grows or is_elsewhere(low, images=True)):
        return found
    like = _sizes_like(low, rank, others)
    if like is not None:
        if any(same(a, b) is not True for a, b in zip(like, others.values())):
            low.notes["sizes that the file fixes, and that other tensors have too, are here what these have"] = None
        return found | dict(zip(others, like))
    asked = shape_text(tuple(others.values()))
    if scales and all(own[axis] > 1 for axis in others):
        return found | {axis: _in_ratio(now[axis], own[axis], size) for axis, size in others.items()}
    if not grows:
        raise Unfit(f"the file fixes a size of {asked}, made of {shape_text(low.own_shape(name))} there; {REMEDY}")
    low.notes[f"{asked} copies that the file fixes at its own input size are as many here"] = None
    return found


def _in_ratio(now: Dim, then: int, size: int) -> Dim:
    """A size that keeps its ratio to one that has become another; raises `Unfit` where that is none of whole numbers."""
    if same(now, then):
        return size
    if size % then == 0:
        return now * (size // then)
    if size and then % size == 0 and same(now % (then // size), 0):
        return now // (then // size)
    raise Unfit(
        f"the file fixes a size of {size}, made from one of {then}, so that it cannot be read at another input size; {REMEDY}"
    )


def _sizes_like(low: Lowering, rank: int, sizes: dict[int, int]) -> Shape | None:
    """The sizes here of those axes that have these at the file's own size, of an input or anything computed so far."""
    for values in (_inputs(low), _computed(low)):
        found: Shape | None = None
        for own, shape in values:
            if len(own) != rank or any(own[axis] != size for axis, size in sizes.items()):
                continue
            here = tuple(shape[axis] for axis in sizes)
            if found is not None and any(a is not b and same(a, b) is not True for a, b in zip(found, here)):
                raise Unfit(
                    f"the file fixes a size of {shape_text(tuple(sizes.values()))}, which is here {shape_text(found)} of one "
                    f"tensor and {shape_text(here)} of another; {REMEDY}"
                )
            found = here
        if found is not None:
            return found
    return None


def _inputs(low: Lowering) -> Iterator[tuple[Shape, Shape]]:
    """The shapes of the file's inputs, there and here."""
    for name in low.model.body.inputs:
        value = low.find(name)
        if value is not None and low.own is not None and name in low.own:
            yield low.own[name], value.shape


def _computed(low: Lowering) -> Iterator[tuple[Shape, Shape]]:
    """The shapes of what has been computed so far, there and here."""
    for name, value in low.values.items():
        low.follows()
        if not value.lost and not value.is_constant and low.own is not None and name in low.own:
            yield low.own[name], value.shape


# -- remarks -----------------------------------------------------------------------------------------------------------


def note_padding(low: Lowering, name: str, x: Value, axes: Sequence[int]) -> None:
    """Say that literal padding of axes that have another size than the file's own is kept."""
    if any(own_size(low, name, x, axis) is not None for axis in axes):
        low.notes["padding that the file fixes at its own input size is the same here"] = None


def note_window(low: Lowering, name: str, x: Value, axes: Sequence[int], kernel: Sequence[Any]) -> None:
    """Say that a pool whose window is the whole map at the file's own size is one with that window here."""
    own = [own_size(low, name, x, axis) for axis in axes]
    if any(one is not None for one in own) and tuple(low.own_shape(name)[axis] for axis in axes) == tuple(kernel):
        low.notes[
            f"a pool of {shape_text(tuple(kernel))} covered the whole map at the file's own size; it stays a window"
        ] = None
