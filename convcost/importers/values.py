"""Tensors of a foreign model while it is lowered: in the file's own order of axes, and as edges of the graph.

A foreign tensor keeps its native shape: the file's order of axes, the batch included. The graph has the same elements with
channels last and without the batch, perhaps in several orders. As the order of axes never enters a cost, a transposition is
only noted, and becomes a node where data is really moved: where an op needs another order than there is, and the file has
not stored it in that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from convcost.core.dims import Dim, Shape, is_array, product
from convcost.core.errors import Unfit
from convcost.importers.contents import same
from convcost.importers.model import Op, Stored

Key: TypeAlias = tuple[int | None, ...]
"""The axes of an edge: each an axis of its tensor, or None for one of size 1 that the tensor does not have."""


def is_one(size: Dim) -> bool:
    """Whether a size is 1 whatever varies; a grid is split where its points differ in that."""
    return size == 1 if type(size) is int else is_array(size) and same(size, 1) is True


def is_zero(size: Dim) -> bool:
    """Whether a size, or a difference of sizes, is 0 whatever varies."""
    return type(size) is int and size == 0


@dataclass(eq=False, slots=True)
class Tensor:
    """Elements in memory, with the edges that present them."""

    sizes: Shape
    """Size of each axis; the batch is none of them."""
    memory: tuple[int, ...]
    """The axes in the order in which the file's runtime stores them, the fastest last."""
    preferred: Key
    """The order in which it is presented to an op that does not mind the order."""
    edges: dict[Key, str] = field(default_factory=dict)
    """Order of axes -> the edge that has it."""
    view_of: Value | None = None
    """Where no edge has been made so far: the value of which this is another reading."""
    read_by: Op | None = None
    """The op of the file that reads it so."""

    def in_memory(self) -> tuple[int, ...]:
        """The axes in memory, without those of size 1."""
        return tuple(axis for axis in self.memory if not is_one(self.sizes[axis]))

    def shown(self, key: Key) -> Shape:
        """The shape of an edge with these axes; a tensor of a single number is a vector.

        >>> Tensor((224, 160, 3), (2, 0, 1), (0, 1, 2)).shown((2, None, 0, 1))
        (3, 1, 224, 160)
        """
        return tuple(1 if axis is None else self.sizes[axis] for axis in key) or (1,)

    def plain(self, key: Key) -> tuple[int, ...]:
        """A key without axes of size 1: keys that agree in it are readings of the same memory."""
        return tuple(axis for axis in key if axis is not None and not is_one(self.sizes[axis]))


@dataclass(eq=False, slots=True)
class Value:
    """A tensor as an op of the file sees it."""

    shape: Shape
    """In the file's order of axes, the batch included."""
    dtype: str = ""
    tensor: Tensor | None = None
    """None for a constant that no op has read as data so far, and for what is lost."""
    axes: Key = ()
    """For each axis of the shape that of the tensor; None for one of size 1 that the tensor does not have."""
    contents: tuple[Any, ...] | None = None
    """Its elements, the last axis fastest, where a shape may depend on them: numbers, or sizes in any number system."""
    stored: tuple[Stored, ...] = ()
    """The stored tensors that it consists of, at most moved about."""
    computed: bool = False
    """Whether its elements are computed from those stored tensors before anything runs, and are not they themselves."""
    lost: str = ""
    """Why its shape is not known."""

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_constant(self) -> bool:
        """Whether it depends on no input of the model."""
        return not self.lost and (self.tensor is None or bool(self.stored) or self.computed)

    @property
    def is_number(self) -> bool:
        """Whether it is a single element, known or stored."""
        return self.is_constant and all(map(is_one, self.shape))

    def native(self, order: Sequence[int | None]) -> Key:
        """The axes of the tensor for axes of the shape; None stands for an axis of size 1 to put in."""
        return tuple(None if axis is None else self.axes[axis] for axis in order)


def stored_value(stored: Stored) -> Value:
    """A stored tensor as a value."""
    return Value(stored.shape, stored.dtype, contents=stored.contents, stored=(stored,))


def empty_along(x: Value, axis: int) -> Value:
    """A tensor without elements, such as a cache that is still empty."""
    return Value((*x.shape[:axis], 0, *x.shape[axis + 1 :]), x.dtype, contents=(), computed=True)


def axis_in(axis: Any, rank: int) -> int:
    """An axis counted from the first one; raises `Unfit` if there is none such.

    >>> axis_in(-1, 4)
    3
    """
    if type(axis) is not int or not -rank <= axis < rank:
        raise Unfit(f"there is no axis {axis} of a tensor of {rank}")
    return axis % rank


def channels_at(value: Value, channel: int, windows: int = 0) -> tuple[int, ...]:
    """The axes of a value with the channels last, the others in their order.

    Left out are the batch - the first axis, where it has size 1 - and axes of size 1 that were only put in by the file, but
    not those that windows slide along: the last ones beside the channels, as many as `windows`.

    >>> channels_at(Value((1, 3, 224, 224)), 1), channels_at(Value((16, 3, 7, 7)), 1), channels_at(Value((1, 196, 768)), -1)
    ((2, 3, 1), (0, 2, 3, 1), (1, 2))
    """
    if value.rank == 0:
        raise Unfit("takes a tensor with axes, got a single number")
    if value.rank <= windows:
        raise Unfit(f"takes windows along {windows} axes beside the channels, of a tensor of {value.rank}")
    channel = axis_in(channel, value.rank)
    others = [axis for axis in range(value.rank) if axis != channel]
    slid = others[len(others) - windows :]
    kept = [axis for axis in others if axis in slid or not _is_left_out(value, axis)]
    return (*kept, channel)


def _is_left_out(value: Value, axis: int) -> bool:
    return value.axes[axis] is None if value.tensor else axis == 0 and is_one(value.shape[0])


def transposed(value: Value, order: Sequence[int]) -> Value:
    """The value with its axes in another order: the same memory, read in another way."""
    return Value(
        tuple(value.shape[axis] for axis in order),
        value.dtype,
        value.tensor,
        value.native(order) if value.tensor else (),
        _moved(value, order) if value.contents is not None else None,
        value.stored,
        value.computed,
    )


def _moved(value: Value, order: Sequence[int]) -> tuple[Any, ...] | None:
    """Known contents in another order of axes."""
    if not all(type(size) is int for size in value.shape):
        return None
    strides = [int(product(value.shape[axis + 1 :])) for axis in range(value.rank)]
    places = [0]
    for axis in order:
        places = [at + i * strides[axis] for at in places for i in range(value.shape[axis])]
    return tuple(value.contents[at] for at in places) if value.contents is not None else None


class Cut(NamedTuple):
    """A group of axes, and the axes that a reshape makes of them."""

    old: tuple[int, ...]
    new: tuple[int, ...]


def cuts(old: Sequence[int], new: Sequence[int]) -> tuple[Cut, ...]:
    """A reshape as the smallest groups of axes with as many elements; axes of size 1 stand in none of them.

    >>> cuts((1, 768, 14, 14), (1, 768, 196))
    (Cut(old=(1,), new=(1,)), Cut(old=(2, 3), new=(2,)))
    >>> cuts((64, 49, 96), (8, 8, 7, 7, 96))
    (Cut(old=(0,), new=(0, 1)), Cut(old=(1,), new=(2, 3)), Cut(old=(2,), new=(4,)))
    """
    found = []
    olds, news = ([at for at, size in enumerate(shape) if size != 1] for shape in (old, new))
    i = j = 0
    while i < len(olds) and j < len(news):
        first, second = i, j
        many, same = old[olds[i]], new[news[j]]
        i, j = i + 1, j + 1
        while many != same:
            if many < same and i < len(olds):
                many, i = many * old[olds[i]], i + 1
            elif same < many and j < len(news):
                same, j = same * new[news[j]], j + 1
            else:
                i, j = len(olds), len(news)
                break
        found.append(Cut(tuple(olds[first:i]), tuple(news[second:j])))
    return tuple(found)


def is_view(value: Value, groups: Iterable[Cut]) -> bool:
    """Whether a reshape only reads the memory otherwise: the axes that it merges or cuts stand next to each other there.

    Heads that were put before the tokens cannot be merged into the channels without moving them:

    >>> heads = Value((1, 197, 12, 64), tensor=Tensor((12, 197, 64), (0, 1, 2), (0, 1, 2)), axes=(None, 1, 0, 2))
    >>> is_view(heads, cuts((1, 197, 12, 64), (1, 197, 768)))
    False
    """
    assert value.tensor is not None
    memory = value.tensor.in_memory()
    for group in groups:
        axes = [axis for at in group.old if (axis := value.axes[at]) is not None and axis in memory]
        if axes and memory[(start := memory.index(axes[0])) : start + len(axes)] != tuple(axes):
            return False
    return True


def shuffle(value: Value, groups: Sequence[Cut]) -> tuple[Value, Dim] | None:
    """What a reshape makes of channels that were cut into groups and put in another order: the value before the cut whose
    channels are shuffled, and how many groups they were cut into; None if it is no such reshape.

    (1, 6, 8, 8) -> (1, 2, 3, 8, 8) -> (1, 3, 2, 8, 8) -> (1, 6, 8, 8):

    >>> whole = Value((1, 6, 8, 8), tensor=Tensor((8, 8, 6), (2, 0, 1), (0, 1, 2), {(0, 1, 2): "x"}), axes=(None, 2, 0, 1))
    >>> cut = reshaped(whole, (1, 2, 3, 8, 8), cuts((1, 6, 8, 8), (1, 2, 3, 8, 8)))
    >>> found = shuffle(transposed(cut, (0, 2, 1, 3, 4)), cuts((1, 3, 2, 8, 8), (1, 6, 8, 8)))
    >>> found is not None and (found[0] is whole, found[1])
    (True, 2)
    """
    tensor = value.tensor
    merged = [group for group in groups if len(group.old) > 1]
    if tensor is None or tensor.edges or tensor.view_of is None or len(merged) != 1 or len(merged[0].old) != 2:
        return None
    first, second = (value.axes[at] for at in merged[0].old)
    in_order = [axis for group in groups for at in group.old if (axis := value.axes[at]) is not None]
    if first is None or second is None or first != second + 1 or any(len(group.new) != 1 for group in groups):
        return None
    as_cut = sorted(in_order) == [second if axis == first else first if axis == second else axis for axis in in_order]
    return (tensor.view_of, tensor.sizes[second]) if as_cut else None


def reshaped(value: Value, shape: Shape, groups: Sequence[Cut]) -> Value:
    """The value read in another shape, which `is_view`; its edges are made when they are needed.

    The axes keep the order that they have in memory, and in the edge that presents them now.
    """
    assert value.tensor is not None
    old = value.tensor
    kept = [at for at in range(len(shape)) if not is_one(shape[at])]
    new_axis = {at: i for i, at in enumerate(kept)}

    def follow(order: Iterable[int | None]) -> Iterator[int]:
        """The new axes in the order of the old ones that they are made of."""
        place = {axis: i for i, axis in enumerate(order)}
        ranks = {at: place.get(value.axes[group.old[0]], -1) for group in groups for at in group.new}
        yield from (new_axis[at] for at in sorted(kept, key=lambda at: ranks.get(at, -1)))

    shown = next(iter(old.edges), old.preferred)
    tensor = Tensor(tuple(shape[at] for at in kept), tuple(follow(old.memory)), tuple(follow(shown)), view_of=value)
    return Value(shape, value.dtype, tensor, tuple(new_axis.get(at) for at in range(len(shape))))
