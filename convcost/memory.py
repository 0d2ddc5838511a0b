"""Peak activation memory: which tensors live at once, under a named policy.

A tensor lives from the step that makes it to the last step that reads it; while an op runs, its inputs and outputs
live; the network's input lives to its last use, its outputs to the end. Weights and workspaces are not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from convcost.dims import Dim, Shape, product
from convcost.errors import UsageError, did_you_mean
from convcost.graph import INPUT
from convcost.ops import WEIGHTED
from convcost.ops.activation import ACTIVATIONS
from convcost.walk import Step, output_edges

#: What a deployed convolution or linear layer absorbs.
_FUSIBLE = frozenset({"batch_norm", "prelu", *ACTIVATIONS} - {"softmax"})

POLICIES = {
    "fused": "batch-norm and activations fused into the conv or linear layer before them, where nothing else reads "
    "it; every other op writes its own tensor; views write none",
    "unfused": "every op writes its own tensor; views (flatten, dropout in evaluation, identity, slices) write none",
}
"""Name -> what it assumes, in words."""


class Peak(NamedTuple):
    """The most elements alive at once, and the step at which they are (-1: the network has no steps)."""

    elements: Dim
    step: int


def peak(steps: Sequence[Step], input_shape: Shape, outputs: Sequence[str], policy: str = "fused") -> Peak:
    """The peak over the given execution order, in elements, batch 1.

    Raises `UsageError` for an unknown policy.
    """
    if policy not in POLICIES:
        raise UsageError(f"there is no memory policy {policy!r}{did_you_mean(policy, POLICIES)}")
    home = homes(steps, policy)
    sizes: dict[str, Dim] = {INPUT: product(input_shape)}
    last: dict[str, int] = {INPUT: -1}
    for at, step in enumerate(steps):
        for edge, shape in zip(output_edges(step.node, step.cost), step.cost.out):
            if home[edge] == edge:
                sizes[edge] = product(shape)
            last[home[edge]] = at
        for edge in step.node.inputs:
            last[home[edge]] = at
    last.update({home[edge]: len(steps) for edge in outputs})
    return _highest(steps, home, sizes, last)


def homes(steps: Sequence[Step], policy: str) -> dict[str, str]:
    """Edge -> the edge whose memory it lies in: itself, or for views and fused ops the tensor they work on."""
    readers = Counter(edge for step in steps for edge in step.node.inputs)
    home = {INPUT: INPUT}
    weighted: set[str] = set()
    for step in steps:
        node = step.node
        fused = (
            policy == "fused" and node.op in _FUSIBLE and node.inputs[0] in weighted and readers[node.inputs[0]] == 1
        )
        for edge in output_edges(node, step.cost):
            home[edge] = home[node.inputs[0]] if step.cost.view or fused else edge
        if node.op in WEIGHTED or fused:
            weighted.add(node.name)
    return home


def _highest(steps: Sequence[Step], home: dict[str, str], sizes: dict[str, Dim], last: dict[str, int]) -> Peak:
    ends: dict[int, list[str]] = {}
    for tensor, at in last.items():
        ends.setdefault(at, []).append(tensor)
    live = sizes[INPUT]
    best = Peak(live, -1)
    for at, step in enumerate(steps):
        live = live + sum(sizes[e] for e in output_edges(step.node, step.cost) if home[e] == e)
        if live > best.elements:
            best = Peak(live, at)
        live = live - sum(sizes[tensor] for tensor in ends.get(at, ()))
    return best
