"""Names of a tensor's axes, by rank: spatial axes first, channels last; the batch is never one of them.

A shape is (channels,), (length, channels), (height, width, channels) or (depth, height, width, channels). A tensor of
higher rank has more spatial axes before those, without names. No cost depends on this order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

#: An axis by name, or by number: 0 is the first, -1 the last.
Axis: TypeAlias = str | int

#: Number of axes -> their names.
NAMES: Final = {
    1: ("channels",),
    2: ("length", "channels"),
    3: ("height", "width", "channels"),
    4: ("depth", "height", "width", "channels"),
}
#: Number of axes -> what such a tensor is called.
KINDS: Final = {1: "a vector", 2: "a sequence", 3: "a map", 4: "a volume"}
#: Name of an axis -> its letter in formulas.
LETTERS: Final = {"depth": "d", "height": "h", "width": "w", "length": "t", "channels": "c"}
WORDS: Final = ("channels", "height", "width", "length", "depth")
"""Every name that an axis may have."""
#: Name of an axis -> what its two ends are called.
SIDES: Final = {
    "length": ("before", "after"),
    "height": ("top", "bottom"),
    "width": ("left", "right"),
    "depth": ("front", "back"),
}


def spatial_names(number: int) -> tuple[str, ...]:
    """The names of so many spatial axes; of more than a volume has, their numbers.

    >>> spatial_names(1), spatial_names(2), spatial_names(4)
    (('length',), ('height', 'width'), ('axis 0', 'axis 1', 'axis 2', 'axis 3'))
    """
    return NAMES[number + 1][:-1] if number + 1 in NAMES else tuple(f"axis {axis}" for axis in range(number))


def spatial(shape: Sequence[Any]) -> tuple[Any, ...]:
    """The spatial sizes: of all axes but the channels.

    >>> spatial((56, 28, 64)), spatial((10,))
    ((56, 28), ())
    """
    return tuple(shape[:-1])


def channels(shape: Sequence[Any]) -> Any:
    """The size of the last axis.

    >>> channels((56, 28, 64))
    64
    """
    return shape[-1]


def position(rank: int, axis: Axis) -> int | None:
    """The index of an axis, given by name or by number, in a shape of this rank; None if it has no such axis.

    >>> position(3, "width"), position(3, -1), position(5, "channels"), position(1, "width"), position(1, 1)
    (1, 2, 4, None, None)
    """
    if isinstance(axis, int):
        return axis % rank if -rank <= axis < rank else None
    names = NAMES.get(rank, ("channels",))
    return names.index(axis) + rank - len(names) if axis in names else None


def has(rank: int, axis: Axis) -> bool:
    """Whether a shape of this rank has an axis: a vector has channels, but neither height nor width."""
    return position(rank, axis) is not None


def named(rank: int) -> str:
    """The axes of a tensor of this rank, as an error lists them.

    >>> named(3), named(1)
    ('height, width and channels (by number: 0 to 2)', 'channels (by number: 0)')
    """
    names = NAMES.get(rank, ("channels",))
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"{listed} (by number: 0{f' to {rank - 1}' if rank > 1 else ''})"


def worded(axis: Axis) -> str:
    """An axis in a sentence.

    >>> worded("width"), worded(-1)
    ('width', 'axis -1')
    """
    return axis if isinstance(axis, str) else f"axis {axis}"


def size_of(shape: Sequence[Any], axis: Axis) -> Any:
    """The size of an axis; of the first axis if there is no such axis (ask `has` first).

    >>> size_of((56, 28, 64), "width"), size_of((56, 28, 64), -1)
    (28, 64)
    """
    return shape[position(len(shape), axis) or 0]


def resized(shape: Sequence[Any], axis: Axis, new: Any) -> tuple[Any, ...]:
    """The shape with one axis of another size.

    >>> resized((56, 28, 64), "channels", 32)
    (56, 28, 32)
    """
    at = position(len(shape), axis) or 0
    return (*shape[:at], new, *shape[at + 1 :])


def reduced(shape: Sequence[Any], some: Sequence[Axis], *, keep: bool) -> tuple[Any, ...]:
    """The shape after a reduction over some axes, which are left with size 1 or not at all.

    >>> reduced((56, 28, 64), ["height", 1], keep=True), reduced((56, 28, 64), ["height", 1], keep=False)
    ((1, 1, 64), (64,))
    """
    gone = {position(len(shape), axis) for axis in some}
    if keep:
        return tuple(1 if at in gone else size for at, size in enumerate(shape))
    return tuple(size for at, size in enumerate(shape) if at not in gone)


def kind(rank: int) -> str:
    """What a tensor of this rank is called.

    >>> kind(1), kind(3), kind(5)
    ('a vector', 'a map', 'a tensor of 5 axes')
    """
    return KINDS.get(rank, f"a tensor of {rank} axes")


def channels_first(shape: Sequence[Any]) -> bool:
    """Whether the shape of a map or a volume looks as if its channels stood first, as other frameworks write it.

    Channels of images are 1, 3 or 4; the two last sizes are those of a square, or too many for channels.

    >>> channels_first((3, 256, 256)), channels_first((3, 16, 112, 112)), channels_first((256, 256, 3))
    (True, True, False)
    >>> channels_first((3, 480, 640)), channels_first((1, 28, 28)), channels_first((4, 7, 512))
    (True, True, False)
    """
    if len(shape) not in (3, 4):
        return False
    first, *_, last_but_one, last = shape
    square = first in (1, 3, 4) and last_but_one == last >= 8
    return bool(square or (first == 3 and min(last_but_one, last) >= 32))


def channels_first_text(shape: Sequence[Any], of: str, called: str = "input") -> str:
    """What to say about an input of a network whose channels stand first.

    >>> channels_first_text((3, 96, 64), "vgg16")
    'sizes go height x width x channels: the input of vgg16 is 96x64x3, not 3x96x64'
    """
    got, meant = ("x".join(map(str, sizes)) for sizes in (shape, (*shape[1:], shape[0])))
    return f"sizes go {' x '.join(NAMES[len(shape)])}: the {called} of {of} is {meant}, not {got}"


def letters(rank: int) -> tuple[str, ...]:
    """A letter for each axis, as formulas write it.

    >>> letters(3), letters(2), letters(5)
    (('h', 'w', 'c'), ('t', 'c'), ('x1', 'x2', 'x3', 'x4', 'c'))
    """
    if rank in NAMES:
        return tuple(LETTERS[name] for name in NAMES[rank])
    return (*(f"x{i}" for i in range(1, rank)), "c")
