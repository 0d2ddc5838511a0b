"""An expression over a grid is at every point what it is there alone, or no value there either."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import product
from random import Random
from typing import Any

import numpy as np
import pytest

from convcost.core.expr import ExprError, parse
from convcost.space.axes import is_ordered
from convcost.space.build import Box, divided
from convcost.space.numbers import Mask, Number, Undecided, along

AXES: dict[str, tuple[Any, ...]] = {
    "n": (0, 1, 2, 5),
    "m": (3, 4),
    "w": (Fraction(1, 2), Fraction(1), Fraction(7, 4)),
    "b": (False, True),
}
FIXED = {"s": (1, 2, 3), "word": "same"}
LEAVES = (
    "n",
    "m",
    "w",
    "b",
    "s",
    "word",
    "0",
    "1",
    "2",
    "0.5",
    "1.0",
    "true",
    "false",
    "n",
    "w",
    "x.width",
    "n * m",
    "10.5",
)
BETWEEN = ("+", "-", "*", "//", "%", "==", "!=", "<", "<=", ">", ">=", "and", "or")
CALLS = (
    "ceil(%s)",
    "floor(%s)",
    "round_to(%s, 8)",
    "min(%s, 2)",
    "max(m, %s)",
    "where(%s, n, 7)",
    "where(n > 1, %s, w)",
    "max(n * m, %s)",
    "min(n * m, 10.5, %s)",
    "max(n * m * w, %s) * w",
    "max(n * m, 10.5) + (%s)",
    "s[max(n * m, %s) - 10]",
)
BITS = ("not %s", "-(%s)", "s[%s]", "ceil(%s / 3)", "floor(n / (%s))", "(%s)")
NOTHING = "no value"


def drawn(random: Random, depth: int) -> str:
    """An expression, as often as not of the wrong types."""
    if depth == 0 or random.random() < 0.15:
        return random.choice(LEAVES)
    if random.random() < 0.6:
        return f"({drawn(random, depth - 1)} {random.choice(BETWEEN)} {drawn(random, depth - 1)})"
    return random.choice(CALLS + BITS) % drawn(random, depth - 1)


def value(text: str, names: Mapping[str, Any]) -> Any:
    try:
        return parse(text).evaluate({**FIXED, **names, ".x": (8, names["n"] + 1, 3)})
    except ExprError:
        return NOTHING


def over_the_grid(text: str) -> Iterator[tuple[Box, Any]]:
    """The value in each part of the grid in which there is one."""
    waiting: list[Box] = [tuple(np.arange(len(values)) for values in AXES.values())]
    while waiting:
        box = waiting.pop()
        names = {}
        for axis, (name, values) in enumerate(AXES.items()):
            chosen = [values[i] for i in box[axis]]
            if len(chosen) > 1 and not is_ordered(chosen):
                waiting += [(*box[:axis], box[axis][[i]], *box[axis + 1 :]) for i in range(len(chosen))]
                break
            names[name] = along(chosen, axis, len(AXES)) if len(chosen) > 1 else chosen[0]
        else:
            try:
                yield box, value(text, names)
            except Undecided as split:
                waiting += divided(box, split.labels)


def there(found: Any, place: tuple[int, ...]) -> Any:
    """A value over a part of the grid at a place of that part."""
    if isinstance(found, tuple):
        return tuple(there(one, place) for one in found)
    if not isinstance(found, (Number, Mask)):
        return found
    array = found.array if isinstance(found, Mask) else found.dense().array
    here = array[tuple(i if size > 1 else 0 for i, size in zip(place, array.shape, strict=True))]
    return bool(here) if isinstance(found, Mask) else Fraction(int(here), found.dense().denominator)


@pytest.mark.parametrize("seed", range(8))
def test_an_expression_over_a_grid_is_what_it_is_at_each_point(seed: int) -> None:
    random = Random(seed)
    for _ in range(60):
        text = drawn(random, 3)
        if len(text) > 400:
            continue
        left = set(product(*(range(len(values)) for values in AXES.values())))
        for box, found in over_the_grid(text):
            for place in product(*(range(len(chosen)) for chosen in box)):
                where = tuple(int(chosen[i]) for chosen, i in zip(box, place, strict=True))
                left.remove(where)
                names = {name: values[i] for (name, values), i in zip(AXES.items(), where, strict=True)}
                alone = value(text, names)
                assert (there(found, place), isinstance(there(found, place), bool)) == (
                    alone,
                    isinstance(alone, bool),
                ), (text, names)
        assert not left, text
