"""The table of rules of ncnn: with or without an activation that is merged into a layer, and held to the shapes in the file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any, Final, TypeAlias

from convcost.core.dims import Shape
from convcost.core.errors import Unfit
from convcost.core.units import counted, shape_text
from convcost.importers.contents import same
from convcost.importers.lower import Lowering, Rule, Rules, Unsupported, Wants
from convcost.importers.model import Op
from convcost.importers.ncnn.given import BLOBS, listed, whole
from convcost.importers.values import Value

RULES: Final = Rules(channels=1)
MOST_AXES: Final = 4
"""The most axes that a blob of ncnn has: channels, depth, height and width."""
MERGED: Final = 9
"""The parameter of layers with weights that says which activation is merged into them; the next one lists its numbers."""
Reads: TypeAlias = int | Callable[[Mapping[str, Any]], int | None] | None
"""How many blobs a layer reads, also as its parameters say; None for any number."""
#: Merged activation -> the op of convcost and its attributes.
_MERGED: Final[dict[int, tuple[str, dict[str, Any]]]] = {
    1: ("relu", {}),
    2: ("leaky_relu", {}),
    3: ("function", {"of": "clip"}),
    4: ("sigmoid", {}),
    5: ("mish", {}),
    6: ("hard_swish", {}),
}


def rule(
    *types: str,
    wants: Wants = None,
    of_all: bool = False,
    merged: bool = False,
    reads: Reads = 1,
    makes: int | None = 1,
) -> Callable[[Rule], Rule]:
    """Enter a function as the rule of these layers, which read and make so many blobs, or any number (None).

    Into those that are `merged` an activation may be, which is a node of its own then; `wants` is as in `Rules`.
    """

    def enter(function: Rule) -> Rule:
        @wraps(function)
        def whole_rule(low: Lowering, op: Op) -> None:
            read = reads(op.attrs) if callable(reads) else reads
            for count, needs, what in ((op.attrs[BLOBS], read, "reads"), (len(op.outputs), makes, "makes")):
                if needs is not None and count != needs:
                    raise Unfit(
                        f"{what} {counted(count, 'blob')}, where {needs} {'is' if needs == 1 else 'are'} needed"
                    )
            function(low, op)
            if merged and (kind := whole(op.attrs, MERGED, 0)):
                _activated(low, op, kind)
            check_made(low, op)

        RULES.rule(*types, wants=wants, of_all=of_all)(whole_rule)
        return function

    return enter


def others_if(is_so: Callable[[Mapping[str, Any]], bool]) -> Reads:
    """Any number of blobs where parameters say so, and else one: what ncnn does not read, it refuses.

    >>> others_if(lambda attrs: attrs["5"] == 1)({"5": 0})
    1
    """
    return lambda attrs: None if is_so(attrs) else 1


def _activated(low: Lowering, op: Op, kind: int) -> None:
    """The activation behind a layer."""
    if kind not in _MERGED:
        raise Unsupported(f"a merged activation of kind {kind}", [made(low, op).shape])
    word, attrs = _MERGED[kind]
    if kind == 3 and is_relu6(listed(op.attrs, MERGED + 1) or ()):
        word, attrs = "relu6", {}
    low.pointwise(replace(op, name=f"{op.name}_{'clip' if attrs else word}"), word, made(low, op), attrs)


def is_relu6(bounds: tuple[Any, ...]) -> bool:
    """Whether these are the bounds of a ReLU6.

    >>> is_relu6((0.0, 6.0)), is_relu6((-1, 1))
    (True, False)
    """
    return tuple(bounds) == (0, 6)


def check_made(low: Lowering, op: Op) -> None:
    """Raise `Unfit` for blobs of too many axes, and for shapes at the file's own size that the converter's hints deny."""
    for name in op.outputs:
        value, stated = low.find(name), low.body.stated.get(name)
        if value is not None and value.rank > 1 + MOST_AXES:
            raise Unfit(f"makes a blob of {value.rank - 1} axes, and one has at most {MOST_AXES}")
        if low.own is not None or value is None or value.lost or stated is None or stated.shape is None:
            continue
        fits = value.rank == len(stated.shape) and all(
            same(a, b) is not False for a, b in zip(value.shape, stated.shape)
        )
        if not fits:
            raise Unfit(
                f"makes {shape_text(value.shape[1:])} (channels first), but the hint in its line says "
                f"{shape_text(tuple(size or 0 for size in stated.shape[1:] if not isinstance(size, str)))}; convert the "
                "model again, or take the hints -23330=... out of it"
            )


def made(low: Lowering, op: Op, i: int = 0) -> Value:
    """What a layer makes, as far as its rule has come."""
    return low.values[op.outputs[i]]


def blobs_of(low: Lowering, op: Op) -> list[Value]:
    """What a layer reads that it does not store itself."""
    return [low.read(op, i) for i in range(op.attrs[BLOBS])]


def axis_of(given: int, x: Value) -> int:
    """The axis of a value that ncnn counts without the batch, or from the end; raises `Unfit` if there is none.

    >>> axis_of(0, Value((1, 3, 224, 224))), axis_of(-1, Value((1, 3, 224, 224)))
    (1, 3)
    """
    axis = given + x.rank if given < 0 else given + 1
    if not 1 <= axis < x.rank:
        raise Unfit(f"names axis {given} of {x.rank - 1}")
    return axis


def like(low: Lowering, op: Op) -> list[Shape]:
    """The shapes of all that a layer makes, where they are that of what it reads."""
    return [low.read(op).shape for _ in op.outputs]
