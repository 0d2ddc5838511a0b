"""A picture of a network as data: boxes, lines, labels, each with its place in pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from convcost.core.dims import Shape

BY = ("macs", "params", "memory")
"""What the colour of a box may say."""
SCALE_WIDTH = 100.0
"""Of the scale of colours in the legend."""
STACK = 3.0
"""How far the second outline of a box that stands for several is off."""
LINE = 1.3
"""Distance of lines, in font sizes."""
ASCENT, DESCENT = 0.93, 0.24
"""What a line takes above and below its baseline, in font sizes."""
Kind = Literal["input", "unit", "scope", "run"]


@dataclass(frozen=True, slots=True)
class Box:
    """A unit, a stage, a block, or several that are alike."""

    name: str
    """Dotted, as in a report."""
    kind: Kind
    text: str
    """What it computes, or what it consists of."""
    repeats: int
    shape: Shape
    """Of what it makes."""
    macs: int
    """Of all that it stands for; in a drawn block, over all its places."""
    params: int
    share: float
    """Of the network's MACs or parameters; by memory, what is alive there in shares of the peak."""
    tint: float
    """From 0, pale, to 1."""
    panel: str
    """The letter of the block that it is drawn in; empty in the row of stages."""
    known: bool
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Edge:
    """A tensor, from the box that makes it to one that reads it."""

    source: int
    """Number of the box; -1 for what comes from outside a block."""
    target: int
    """Number of the box; -1 for what leaves."""
    shape: Shape
    points: tuple[tuple[float, float], ...]
    panel: str


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text; `x` is its start, middle or end, `y` its baseline."""

    text: str
    x: float
    y: float
    size: float
    bold: bool = False
    anchor: Literal["start", "middle", "end"] = "start"
    tone: Literal["ink", "muted", "badge"] = "ink"
    box: int = -1
    """The box that it belongs to."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A kind of block that is drawn once, in a frame."""

    letter: str
    name: str
    shown: str
    """The block whose sizes are drawn."""
    places: int
    """How many of its kind there are."""
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything of a picture that has a place."""

    network: str
    title: str
    facts: str
    """What it takes and costs, in a line."""
    by: str
    width: float
    height: float
    boxes: tuple[Box, ...] = field(repr=False)
    edges: tuple[Edge, ...] = field(repr=False)
    labels: tuple[Label, ...] = field(repr=False)
    panels: tuple[Panel, ...] = field(repr=False)
    legend: tuple[float, float] | None = None
    """Where the scale of colours begins, if there is one."""
