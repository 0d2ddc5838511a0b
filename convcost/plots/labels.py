"""Names on the picture itself: each beside what it names, on no other name, and on as little else as can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from convcost.render.lettering import text_width

_BESIDE = ((1, 0, 0.0), (0, 1, 0.6), (0, -1, 0.6), (1, 1, 0.8), (1, -1, 0.8), (-1, 1, 1.0), (-1, -1, 1.0), (-1, 0, 1.4))
"""Where a name may stand, from the place that it names: across, up, and how much less it is liked there."""
_GAPS = ((8.0, 0.0), (15.0, 1.2), (24.0, 2.6))
"""Pixels between the place and its name, and how much less that is liked."""
_ROUNDS = 3
_HIGH = 1.15
"""The height of a line, of the font size."""


class Box(NamedTuple):
    """A rectangle in pixels, y down."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def meets(self, other: Box) -> bool:
        """Whether two rectangles have more than an edge in common."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


class Spot(NamedTuple):
    """A place that a name may be put beside, and how much less it is liked than another."""

    x: float
    y: float
    dislike: float = 0.0


class Obstacle(NamedTuple):
    """Something that is better not covered, and how much."""

    x: float
    y: float
    weight: float
    of: int = -1
    """The name that it belongs to, which may cover it at half the price."""


def place(
    names: Sequence[tuple[str, Sequence[Spot]]], frame: Box, obstacles: Sequence[Obstacle], size: float
) -> list[Box | None]:
    """A box for each name inside the frame, the first names first; None where one fits nowhere without meeting another.

    >>> place([("a", [Spot(50, 50)]), ("b", [Spot(50, 50)])], Box(0, 0, 100, 100), [], 10)[0]
    Box(left=58.0, top=44.25, right=64.944, bottom=55.75)
    """
    marks = np.array([[o.x, o.y, o.weight, o.of] for o in obstacles] or np.empty((0, 4)), dtype=float)
    every = [_candidates(text, spots, frame, size) for text, spots in names]
    prices = [_prices(boxes, liked, marks, index) for index, (boxes, liked) in enumerate(every)]
    chosen: list[Box | None] = [None] * len(names)
    for _ in range(_ROUNDS):
        for index, (boxes, _liked) in enumerate(every):
            others = [box for at, box in enumerate(chosen) if box is not None and at != index]
            chosen[index] = _cheapest(boxes, prices[index], others)
    return chosen


def _candidates(text: str, spots: Sequence[Spot], frame: Box, size: float) -> tuple[list[Box], list[float]]:
    wide, high = text_width(text, size, bold=True), size * _HIGH
    boxes, dislikes = [], []
    for spot in spots:
        for gap, far in _GAPS:
            for across, up, side in _BESIDE:
                apart = gap * (0.85 if across and up else 1)
                x = spot.x + across * (apart + wide / 2)
                y = spot.y - up * (apart + high / 2 - 2)
                box = Box(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
                if (
                    box.left > frame.left
                    and box.right < frame.right
                    and box.top > frame.top
                    and box.bottom < frame.bottom
                ):
                    boxes.append(box)
                    dislikes.append(spot.dislike + far + side)
    return boxes, dislikes


def _prices(boxes: Sequence[Box], dislikes: Sequence[float], marks: np.ndarray, index: int) -> list[float]:
    """What each box would cost: how little it is liked there, and all that it covers, with 3 pixels around it."""
    weights = np.where(marks[:, 3] == index, 0.5, 1.0) * marks[:, 2]
    found = []
    for box, dislike in zip(boxes, dislikes, strict=True):
        across = (marks[:, 0] > box.left - 3) & (marks[:, 0] < box.right + 3)
        inside = across & (marks[:, 1] > box.top - 3) & (marks[:, 1] < box.bottom + 3)
        found.append(dislike + float(weights[inside].sum()))
    return found


def _cheapest(boxes: Sequence[Box], prices: Sequence[float], others: Sequence[Box]) -> Box | None:
    free = [(price, at) for at, price in enumerate(prices) if not any(boxes[at].meets(other) for other in others)]
    return boxes[min(free)[1]] if free else None
