"""The patches of a network drawn on its input, with what each reads beyond its own part, and on the output that they make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import prod
from typing import NamedTuple

from convcost.core.units import binary, exact, shape_text
from convcost.render.canvas import Drawing, Label, Mark, Polygon
from convcost.render.lettering import text_width, wrapped
from convcost.render.rectangle import Rectangle
from convcost.results.patches import Patch, Patches, grid_text, more
from convcost.results.report import title

_MARGIN, _GAP, _LINE, _SIDE = 16, 28, 17, 320
_TITLE, _HEADING, _TEXT = 15, 13, 12
_LEAST = 28
"""Of a map with one axis, the height of its strip; of any side, the least length."""
_ONE, _OTHERS, _OWN = "s1", "s0", "s1"
"""Colours of the patch that is picked out and of the others."""

Range = tuple[float, float]


class _Map(NamedTuple):
    """A map on the paper: its corner and the pixels of one position."""

    left: float
    top: float
    across: float
    down: float

    def box(self, rows: Range, columns: Range) -> Rectangle:
        """The place of some rows and columns."""
        return Rectangle(
            self.left + columns[0] * self.across,
            self.top + rows[0] * self.down,
            self.left + columns[1] * self.across,
            self.top + rows[1] * self.down,
        )


def patch_picture(found: Patches, *, side: int = _SIDE, titled: bool = True) -> Drawing:
    """The input with all patches, one picked out, and the output with its tiles; `side` is the longest of the input, in pixels.

    A picture that is not `titled` is for a page that says what it is.

    >>> from convcost import load
    >>> drawing = patch_picture(load("mobilenet_v2").patches("3x3", "stage3.block1", dtype="int8"))
    >>> [label.text for label in drawing.labels if "reads" in label.text]
    ['the patch picked out reads 91×91']
    """
    shape = next(iter(found.report.inputs.values()))
    one = _picked(found)
    ins, outs = _sides(shape[:-1]), _sides(found.shape[:-1])
    scale = side / max(*ins, 1)
    names = title(found.report)
    marks: list[Mark] = []
    y = float(_MARGIN)
    heading = f"{names}: {_what(found)}"
    first, second = f"input {shape_text(shape)}", f"output {shape_text(found.shape)}"
    right = _MARGIN + max(ins[1] * scale, _heading_width(first)) + _GAP
    width = right + max(_output_width(ins, outs, scale), 0.7 * side, _heading_width(second)) + _MARGIN
    for line in wrapped(heading, width - 2 * _MARGIN, _TITLE, bold=True, most=3) if titled else ():
        y += 20
        marks.append(Label(_MARGIN, y - 4, line, _TITLE, bold=True))
    y += 12
    top = y + _LINE + 6
    picture = _Map(_MARGIN, top, scale, max(scale, _LEAST / ins[0]))
    small = min(scale * max(ins) / max(outs) * 0.55, 40.0)
    result = _Map(right, top, small, max(small, _LEAST / outs[0]))
    marks += [
        Label(_MARGIN, y + _LINE - 4, first, _HEADING, bold=True),
        Label(result.left, y + _LINE - 4, second, _HEADING, bold=True),
        *_on_input(found, one, picture, ins),
        *_on_output(found, one, result, outs),
    ]
    y = max(top + ins[0] * picture.down, top + outs[0] * result.down) + 10
    for line in _lines(found, one, shape):
        for part in wrapped(line, width - 2 * _MARGIN, _TEXT, most=3):
            y += _LINE
            marks.append(Label(_MARGIN, y, part, _TEXT))
    return Drawing(heading, round(width), round(y + _MARGIN), tuple(marks))


def _output_width(ins: tuple[int, int], outs: tuple[int, int], scale: float) -> float:
    return outs[1] * min(scale * max(ins) / max(outs) * 0.55, 40.0)


def _heading_width(text: str) -> float:
    """Of what stands above a map."""
    return text_width(text, _HEADING, bold=True)


def _what(found: Patches) -> str:
    if found.options.stream:
        return f"rows kept up to {found.end}"
    return f"{grid_text(found.grid)} up to {found.end}"


def _sides(sizes: Sequence[int]) -> tuple[int, int]:
    """Height and width; a sequence is one row."""
    return (1, sizes[0]) if len(sizes) == 1 else (sizes[-2], sizes[-1])


def _plane(sides: Sequence[tuple[int, int]]) -> tuple[Range, Range]:
    return ((0, 1), sides[0]) if len(sides) == 1 else (sides[-2], sides[-1])


def _picked(found: Patches) -> Patch:
    """One in the middle, of those that read most."""
    most = max(prod(patch.shape) for patch in found.patches)
    largest = [patch for patch in found.patches if prod(patch.shape) == most]
    return largest[len(largest) // 2]


def _on_input(found: Patches, one: Patch, at: _Map, sizes: tuple[int, int]) -> Iterator[Mark]:
    """All patches, darker where several read; the picked one with its own part and what lies around that."""
    everything = at.box((0, sizes[0]), (0, sizes[1]))
    yield Polygon(_corners(everything), fill="paper", stroke="muted")
    for patch in dict.fromkeys(_plane(patch.reads) for patch in found.patches):
        yield Polygon(
            _corners(_inside(at.box(*patch), everything)), fill=_OTHERS, opacity=0.16, stroke=_OTHERS, width=0.6
        )
    rows, columns = _plane(one.reads)
    if found.options.stream and found.rings is not None:
        kept = max(found.rings.get(name, 0) for name in found.report.inputs)
        rows = (rows[1] / 2, min(rows[1] / 2 + kept, rows[1]))
    yield Polygon(_corners(_inside(at.box(rows, columns), everything)), fill=_ONE, opacity=0.35, stroke=_ONE, width=2)
    if not found.options.stream:
        own = _own(one, found.shape, sizes)
        yield Polygon(_corners(at.box(*own)), fill="paper", opacity=0.45, stroke="ink", width=1.2)


def _own(one: Patch, shape: Sequence[int], sizes: tuple[int, int]) -> tuple[Range, Range]:
    """The part of the input that lies where the tile lies in the output."""
    sides = _sides(shape[:-1])
    first, second = (
        (low * size / whole, high * size / whole) for (low, high), size, whole in zip(_plane(one.tile), sizes, sides)
    )
    return first, second


def _on_output(found: Patches, one: Patch, at: _Map, sizes: tuple[int, int]) -> Iterator[Mark]:
    yield Polygon(_corners(at.box((0, sizes[0]), (0, sizes[1]))), fill="paper", stroke="muted")
    for patch in found.patches:
        picked = patch is one
        fill, faint = (_ONE, 0.35) if picked else (_OTHERS, 0.16)
        tile = _inside(at.box(*_plane(patch.tile)), at.box((0, sizes[0]), (0, sizes[1])))
        yield Polygon(_corners(tile), fill=fill, opacity=faint, stroke="ink" if picked else _OTHERS, width=1.2)


def _inside(box: Rectangle, whole: Rectangle) -> Rectangle:
    """What is left within the map, of equal patches that go beyond it."""
    return Rectangle(
        max(box.left, whole.left), max(box.top, whole.top), min(box.right, whole.right), min(box.bottom, whole.bottom)
    )


def _corners(box: Rectangle) -> tuple[tuple[float, float], ...]:
    return (box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom)


def _lines(found: Patches, one: Patch, shape: Sequence[int]) -> Iterator[str]:
    if found.options.stream:
        yield "the rows picked out are those of the input that are kept at once"
    else:
        tile = tuple(stop - start for start, stop in one.tile)
        yield f"the patch picked out reads {shape_text(one.shape)}"
        yield f"of its own is the lighter part in it, which lies where its tile of {shape_text(tile)} lies in the output"
    if len(found.patches) > 1:
        read = sum(prod(patch.shape) for patch in found.patches)
        darker = "; it is darker where several do" if _overlap(found.patches) else ""
        yield f"all {_parts(found)} read {read / prod(shape[:-1]):.2f} times the input{darker}"
    yield (
        f"peak {binary(found.peak)} ({exact(found.peak)} bytes), otherwise {binary(found.whole_bytes)}; "
        f"MACs {exact(found.macs)} ({more(found.whole_macs, found.macs)})"
    )


def _parts(found: Patches) -> str:
    return "strips" if found.options.stream else "patches"


def _overlap(patches: Sequence[Patch]) -> bool:
    """Whether any two read the same; as patches are a grid, two that follow each other along an axis then do."""
    sides = (sorted(set(side)) for side in zip(*(patch.reads for patch in patches), strict=True))
    return any(start < stop for side in sides for (_, stop), (start, _) in pairwise(side))
