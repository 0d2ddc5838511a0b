"""Names on the picture itself: each beside what it names, on no other name, and on as little else as can be.

A name that has room only at some distance has a line that leads to what it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from convcost.render.lettering import text_width
from convcost.render.rectangle import Rectangle

_BESIDE = ((1, 0, 0.0), (0, 1, 0.6), (0, -1, 0.6), (1, 1, 0.8), (1, -1, 0.8), (-1, 1, 1.0), (-1, -1, 1.0), (-1, 0, 1.4))
"""Where a name may stand, from the place that it names: across, up, and how much less it is liked there."""
_GAPS = ((8.0, 0.0), (15.0, 1.2), (24.0, 2.6), (40.0, 4.0), (60.0, 5.5), (85.0, 7.0))
"""Pixels between the place and its name, and how much less that is liked."""
_FAR = 15.0
"""Pixels from which on a line leads from the name to its place."""
_OWN = 0.5
"""Of the price of an obstacle, where a name covers what it names."""
_ROUNDS = 3
MOST_SPOTS = 500
"""Places that names are tried beside, shared out evenly; of more, those that are disliked least."""
_HIGH = 1.15
"""The height of a line, of the font size."""


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
    """The name that it belongs to, which may cover it at a part of the price."""


class Placed(NamedTuple):
    """Where a name stands, and the line that leads to its place if it is far: from the name, to the place."""

    box: Rectangle
    lead: tuple[tuple[float, float], tuple[float, float]] | None

    def meets(self, other: Placed) -> bool:
        """Whether names lie on each other, or one on the line of the other."""
        return self.box.meets(other.box) or self._leads_through(other.box) or other._leads_through(self.box)

    def _leads_through(self, box: Rectangle) -> bool:
        if self.lead is None:
            return False
        (x, y), (to_x, to_y) = self.lead
        if max(x, to_x) <= box.left - 2 or min(x, to_x) >= box.right + 2:
            return False
        if max(y, to_y) <= box.top - 2 or min(y, to_y) >= box.bottom + 2:
            return False
        steps = int(max(abs(to_x - x), abs(to_y - y)) / 3) + 1
        places = ((x + (to_x - x) * at / steps, y + (to_y - y) * at / steps) for at in range(steps + 1))
        return any(box.left - 2 < a < box.right + 2 and box.top - 2 < b < box.bottom + 2 for a, b in places)


def place(
    names: Sequence[tuple[str, Sequence[Spot]]], frame: Rectangle, obstacles: Sequence[Obstacle], size: float
) -> list[Placed | None]:
    """A place for each name inside the frame, the first names first; None where one fits nowhere without meeting another.

    >>> place([("a", [Spot(50, 50)]), ("b", [Spot(50, 50)])], Rectangle(0, 0, 100, 100), [], 10)[0]
    Placed(box=Rectangle(left=58.0, top=44.25, right=64.8, bottom=55.75), lead=None)
    """
    marks = np.array([[o.x, o.y, o.weight, o.of] for o in obstacles] or np.empty((0, 4)), dtype=float)
    share = max(1, MOST_SPOTS // max(1, len(names)))
    every = [_priced(text, _likeliest(spots, share), frame, size, marks, at) for at, (text, spots) in enumerate(names)]
    chosen: list[Placed | None] = [None] * len(names)
    for _ in range(_ROUNDS):
        for index, (boxes, prices) in enumerate(every):
            others = [one for at, one in enumerate(chosen) if one is not None and at != index]
            chosen[index] = _cheapest(boxes, prices, others)
    return chosen


def _likeliest(spots: Sequence[Spot], most: int) -> Sequence[Spot]:
    return spots if len(spots) <= most else sorted(spots, key=lambda spot: spot.dislike)[:most]


def _priced(
    text: str, spots: Sequence[Spot], frame: Rectangle, size: float, marks: np.ndarray, index: int
) -> tuple[list[Placed], list[float]]:
    """Where a name may stand, and what each box would cost: how little it is liked there, and all that it covers, with 3
    pixels around it.
    """
    wide, high = text_width(text, size, bold=True), size * _HIGH
    far = _GAPS[-1][0] + 3
    weights = np.where(marks[:, 3] == index, _OWN, 1.0) * marks[:, 2]
    boxes, prices = [], []
    for spot in spots:
        near = (abs(marks[:, 0] - spot.x) < far + wide) & (abs(marks[:, 1] - spot.y) < far + high)
        here, costs = marks[near], weights[near]
        for box, dislike in _candidates(spot, wide, high, frame):
            across = (here[:, 0] > box.box.left - 3) & (here[:, 0] < box.box.right + 3)
            inside = across & (here[:, 1] > box.box.top - 3) & (here[:, 1] < box.box.bottom + 3)
            boxes.append(box)
            prices.append(dislike + float(costs[inside].sum()))
    return boxes, prices


def _candidates(spot: Spot, wide: float, high: float, frame: Rectangle) -> Iterator[tuple[Placed, float]]:
    """The boxes of this size beside a spot that lie in the frame, and how little each is liked."""
    for gap, far in _GAPS:
        for across, up, side in _BESIDE:
            apart = gap * (0.85 if across and up else 1)
            x = spot.x + across * (apart + wide / 2)
            y = spot.y - up * (apart + high / 2 - 2)
            box = Rectangle(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
            if box.left > frame.left and box.right < frame.right and box.top > frame.top and box.bottom < frame.bottom:
                near = (min(max(spot.x, box.left), box.right), min(max(spot.y, box.top), box.bottom))
                yield Placed(box, (near, (spot.x, spot.y)) if gap > _FAR else None), spot.dislike + far + side


def _cheapest(boxes: Sequence[Placed], prices: Sequence[float], others: Sequence[Placed]) -> Placed | None:
    ordered = (boxes[at] for _, at in sorted((price, at) for at, price in enumerate(prices)))
    return next((one for one in ordered if not any(one.meets(other) for other in others)), None)
