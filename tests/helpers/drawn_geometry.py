"""What is wrong with the geometry of a picture: overlaps, clipped labels, lines through boxes or text."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from convcost.diagrams.architecture.extents import box_extent, label_extent, line_extents
from convcost.diagrams.architecture.picture import Picture
from convcost.render.rectangle import Rectangle

TOUCH = 1.0
"""Pixels by which a line may lie over the edge of what it touches."""


def faults(picture: Picture) -> list[str]:
    """Every fault, in words; none in a picture that can be printed."""
    return [*_boxes(picture), *_labels(picture), *_lines(picture), *_ends(picture)]


def _boxes(picture: Picture) -> Iterator[str]:
    canvas = Rectangle(0, 0, picture.width, picture.height)
    covered = [(box.name, box_extent(box)) for box in picture.boxes]
    for name, extent in covered:
        if not canvas.holds(extent):
            yield f"{name} is outside"
    for (name, extent), (other, place) in combinations(covered, 2):
        if extent.meets(place):
            yield f"{name} and {other} overlap"


def _labels(picture: Picture) -> Iterator[str]:
    canvas = Rectangle(0, 0, picture.width, picture.height)
    covered = [(label, label_extent(label)) for label in picture.labels]
    places = [box_extent(box) for box in picture.boxes]
    for label, extent in covered:
        if not canvas.holds(extent):
            yield f"the label {label.text} is clipped"
        for at, (box, place) in enumerate(zip(picture.boxes, places, strict=True)):
            if extent.meets(place) and not (place.holds(extent) and label.box == at):
                yield f"the label {label.text} overlaps {box.name}"
    for (label, extent), (other, place) in combinations(covered, 2):
        if extent.meets(place):
            yield f"the labels {label.text} and {other.text} overlap"


def _lines(picture: Picture) -> Iterator[str]:
    canvas = Rectangle(0, 0, picture.width, picture.height)
    boxes = [(box.name, box_extent(box).wider(-TOUCH)) for box in picture.boxes]
    labels = [(label.text, label_extent(label).wider(-TOUCH)) for label in picture.labels]
    for edge in picture.edges:
        for extent in line_extents(edge):
            if not canvas.holds(extent):
                yield f"a line of {edge.source} is outside"
            for name, place in boxes:
                if extent.meets(place):
                    yield f"the line from {edge.source} to {edge.target} crosses {name}"
            for text, place in labels:
                if extent.meets(place):
                    yield f"the line from {edge.source} to {edge.target} crosses the label {text}"


def _ends(picture: Picture) -> Iterator[str]:
    """Lines begin and end at the sides of their boxes, and each piece is horizontal or vertical."""
    for edge in picture.edges:
        for number, point in ((edge.source, edge.points[0]), (edge.target, edge.points[-1])):
            if number < 0:
                continue
            place = box_extent(picture.boxes[number])
            near = place.wider(TOUCH)
            far = place.wider(-TOUCH)
            x, y = point
            at_side = near.left <= x <= near.right and near.top <= y <= near.bottom
            inside = far.left < x < far.right and far.top < y < far.bottom
            if not at_side or inside:
                yield f"the line from {edge.source} to {edge.target} does not end at {picture.boxes[number].name}"
        if any(a[0] != b[0] and a[1] != b[1] for a, b in zip(edge.points, edge.points[1:])):
            yield f"the line from {edge.source} to {edge.target} is slanted"
