"""Convolutions drawn at random, of one to three axes, and run by the engine."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import assume, settings
from hypothesis import strategies as st

from convcost.alternatives.execution import Counter, convolve
from convcost.ops import OPS, failure

Array = np.ndarray[Any, np.dtype[Any]]
exactly = settings(deadline=None, derandomize=True, max_examples=200, database=None)


class Case(NamedTuple):
    """A convolution: the input's shape, and attributes as a spec writes them."""

    shape: tuple[int, ...]
    attrs: dict[str, Any]

    @property
    def op(self) -> str:
        """The convolution along all axes of the input but the channels."""
        return f"conv{len(self.shape) - 1}d"

    @property
    def converted(self) -> dict[str, Any]:
        return OPS[self.op].convert(self.attrs)


SMALL = st.integers(1, 3)
#: Number of axes -> the largest size of one: loops over all taps of all windows must end.
LARGEST = {1: 9, 2: 7, 3: 4}


def paddings(axes: int) -> st.SearchStrategy[Any]:
    words = ["same", "valid", *(["causal"] if axes == 1 else [])]
    lists = [st.lists(st.integers(0, 3), min_size=n, max_size=n) for n in (axes, 2 * axes)]
    return st.one_of(st.sampled_from(words), st.integers(0, 2), *lists)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    axes, groups = draw(SMALL), draw(SMALL)
    sizes = [draw(st.integers(1, LARGEST[axes])) for _ in range(axes)]
    shape = (*sizes, groups * draw(st.integers(1, 2)))
    padding = draw(paddings(axes))
    attrs = {"channels": groups * draw(st.integers(1, 2)), "groups": groups, "padding": padding, "bias": False}
    attrs |= {name: [draw(SMALL) for _ in range(axes)] for name in ("kernel", "stride", "dilation")}
    case = Case(shape, attrs)
    assume(not any(map(failure, OPS[case.op].cost([shape], case.converted).checks)))
    return case


def run(case: Case) -> tuple[Array, Array, Array, Counter]:
    """Image, weights, what the engine makes of them, and what it counted."""
    random = np.random.default_rng(0)
    a = case.converted
    image = random.integers(-9, 10, case.shape)
    weights = random.integers(-9, 10, (*a["kernel"], case.shape[-1] // a["groups"], a["channels"]))
    counter = Counter()
    names = ("stride", "padding", "dilation", "groups")
    return image, weights, convolve(image, weights, **{name: a[name] for name in names}, counter=counter), counter
