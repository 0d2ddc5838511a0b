"""What is true of an op besides its cost, stated where the op is registered and nowhere else.

A rule states what an op costs; its traits state how others may treat it: whether papers count its MACs, whether it can be
fused into a convolution, whether it may run in place. Code that needs a list of such ops derives it from `OPS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """The traits of an op; none has a default, so that every op states each of them."""

    weighted: bool
    """Whether its multiply-accumulates are the MACs of papers: convolution and linear layers. Their outputs are the conv
    activations, they make up a network's depth, and element-wise ops after them are fused into them in deployment."""
    factors: Literal["none", "weights", "state", "inputs"]
    """What its multiply-accumulates multiply: nothing; its input with what it stores; its input, and its own state of the step
    before, with what it stores; or one input with another. In training the gradient to each factor takes as many again."""
    elementwise: bool
    """Whether the op is element-wise on a single input, with a function that is fixed in deployment: it can be fused into a
    weighted op before it."""
    overwrites: Literal["nothing", "first", "any"]
    """Which inputs it may overwrite, to run in place: only inputs of the output's size, each element of which is read only
    where it is overwritten. Of an op with `broadcast: true` it is the first: the others may be smaller."""
    channels: Literal["mixed", "grouped", "alone"]
    """Which input channels an output channel depends on: all ("mixed"); those of its group, by the attribute `groups`; or one
    ("alone": the op is per-channel, so that it can run on some channels at a time)."""
    resamples: bool
    """Whether its output has other spatial positions than its input: windows, padding, interpolation."""
    view: Literal["none", "whole", "part"]
    """Whether the output is a view of the input's memory, so that nothing is written: of all of it, or of a part."""
    joins: bool
    """Whether it concatenates its inputs along `axis`, so that they could be written directly into its output."""
    attends: Literal["no", "product", "softmax"]
    """Its part in attention, which can run as one kernel that writes no scores: the product of two activations, which makes
    scores and reads them, or the softmax between two such products."""
    computes: Literal["nothing", "arithmetic", "exponentials"]
    """What it does with each element: moves it; adds, multiplies, compares; or takes an exponential, a root or a power."""
    drawn: Literal["alone", "after", "around", "not"]
    """How a person draws it: by itself; with the op that it runs after (an activation); with the one before or after it (a norm);
    or not at all (a view, a dropout)."""
    opaque: bool
    """Whether nobody knows what it costs, so that its counts are no numbers and sums with them are lower bounds."""
    looks_up: bool
    """Whether it reads only chosen rows of a table: of its weights where it has some, else of its first input."""
    padding_macs: Callable[..., Any] | None
    """A function of the rule's arguments that counts the MACs that multiply a padding zero; None if there are none."""


NOTHING = Traits(
    weighted=False,
    factors="none",
    elementwise=False,
    overwrites="nothing",
    channels="mixed",
    resamples=False,
    view="none",
    joins=False,
    attends="no",
    computes="arithmetic",
    drawn="alone",
    opaque=False,
    looks_up=False,
    padding_macs=None,
)
"""No special treatment: the op can only be run as it is."""

# Families of ops with the same traits; an op that differs in one uses `replace`.
CONVOLUTION = replace(NOTHING, weighted=True, factors="weights", channels="grouped", resamples=True)
"""Sliding filters, possibly grouped."""
DENSE = replace(NOTHING, weighted=True, factors="weights")
"""A matrix product with weights over all channels."""
RECURRENT = replace(DENSE, factors="state")
"""Steps along a sequence, each of which reads the state of the one before."""
POOL = replace(NOTHING, channels="alone", resamples=True)
"""Windows, padding, interpolation, moves: other spatial positions, per channel."""
ELEMENTWISE = replace(NOTHING, elementwise=True, overwrites="first", channels="alone", drawn="after")
"""An element-wise function that is fixed in deployment: activations, batch-norm."""
NORM = replace(NOTHING, drawn="around")
"""Statistics of the input itself, by which it is rescaled."""
MOVE = replace(NOTHING, computes="nothing")
"""The elements of the input elsewhere, some several times or not at all."""
VIEW = replace(NOTHING, view="whole", computes="nothing", drawn="not")
"""The input, perhaps reshaped."""
PART = replace(NOTHING, view="part", computes="nothing", drawn="not")
"""Slices of the input."""
SUM = replace(NOTHING, overwrites="any")
"""Element-wise on tensors of one shape (but see `broadcast`)."""
GATE = replace(NOTHING, overwrites="first")
"""Element-wise on a tensor and smaller ones that are broadcast."""
CONCAT = replace(NOTHING, joins=True, computes="nothing")
"""Concatenation."""
OPAQUE = replace(NOTHING, opaque=True)
"""What stands for an operation that is not known."""
