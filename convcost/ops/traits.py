"""What is true of an op beside its cost, stated where the op is entered and nowhere else.

A rule says what an op costs; its traits say what others may do with it: whether papers count its multiplications, whether
a convolution absorbs it, whether it may write over what it reads. Whoever needs a list of such ops asks `OPS` for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """The traits of an op; none has a default, so that each is decided for each op."""

    weighted: bool
    """Whether its multiply-accumulates are the MACs of papers: convolution and linear layers. Their outputs are the conv
    activations, they make up a network's depth, and when deployed they absorb what follows element by element."""
    elementwise: bool
    """Whether every element of the output follows from the element at its place in the one input, by a function that is
    fixed when the network is deployed: a weighted op before it absorbs it."""
    overwrites: Literal["nothing", "first", "any"]
    """Which inputs it may write over: those as large as the output and read only at the place that is written."""
    channels: Literal["mixed", "grouped", "alone"]
    """Which channels of the input a channel of the output follows from: all; those of its group, by the attribute
    `groups`; one (so that the op can run some channels at a time)."""
    resamples: bool
    """Whether what it puts out stands at other positions than what it reads: windows, margins, interpolation."""
    view: Literal["none", "whole", "part"]
    """Whether the output is the input's memory under another shape, so that nothing is written: all of it, or a part."""
    joins: bool
    """Whether it puts its inputs side by side along `axis`, so that they could be written into the output at once."""
    padding_macs: Callable[..., Any] | None
    """The rule, of the same arguments as the op's, that counts the MACs whose factor is a padding zero; None if it has none."""


NOTHING = Traits(
    weighted=False,
    elementwise=False,
    overwrites="nothing",
    channels="mixed",
    resamples=False,
    view="none",
    joins=False,
    padding_macs=None,
)
"""Nobody may do anything with such an op but run it."""

# Families of ops whose traits are alike; an op that differs in one says so with `replace`.
CONVOLUTION = replace(NOTHING, weighted=True, channels="grouped", resamples=True)
"""Filters that slide, maybe in groups."""
DENSE = replace(NOTHING, weighted=True)
"""A product with weights in which every channel has a part."""
POOL = replace(NOTHING, channels="alone", resamples=True)
"""Windows, margins, interpolation: other positions, each channel by itself."""
ELEMENTWISE = replace(NOTHING, elementwise=True, overwrites="first", channels="alone")
"""A function of each element that is fixed when deployed: activations, batch-norm."""
VIEW = replace(NOTHING, view="whole")
"""The input under another shape."""
PART = replace(NOTHING, view="part")
"""Parts of the input."""
SUM = replace(NOTHING, overwrites="any")
"""Tensors of one shape, joined element by element."""
GATE = replace(NOTHING, overwrites="first")
"""A tensor joined with smaller ones, element by element."""
CONCAT = replace(NOTHING, joins=True)
"""Tensors put side by side."""
