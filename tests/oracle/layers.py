"""What the oracle tests compare, and how.  Needs no framework, so the comparison itself can always be tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Literal

CONVCOST_OPS: dict[str, Literal["conv", "linear"]] = {
    "conv2d": "conv",
    "conv_transpose2d": "conv",
    "linear": "linear",
}
"""The convcost operations that have a counterpart in a framework's layer list."""

Key = tuple[tuple[int, ...], int, int]


@dataclass(frozen=True)
class Layer:
    """One call of a convolution, transposed convolution or linear layer.

    ``params`` counts trainable weights and biases, ``weights`` leaves the biases out, ``macs`` counts
    multiply-accumulates without the additions of the biases.  ``name`` is only there for messages.
    """

    kind: Literal["conv", "linear"]
    output_shape: tuple[int, ...]
    params: int
    macs: int
    weights: int | None = None
    name: str = ""

    @property
    def key(self) -> Key:
        """What has to be equal for two layers to agree.

        A 1x1 convolution on a 1x1 map and a linear layer are the same computation, and implementations differ in
        which they use (squeeze-and-excitation, MobileNet's classifier), so ``(1, 1, c)`` counts as ``(c,)``.
        """
        shape = self.output_shape
        return (shape[2:] if len(shape) == 3 and shape[:2] == (1, 1) else shape, self.params, self.macs)

    def __str__(self) -> str:
        shape = "x".join(map(str, self.output_shape))
        return f"{self.name or '?'} [{self.kind}] output {shape}, params {self.params:,}, macs {self.macs:,}"


@dataclass(frozen=True)
class Network:
    """The layer calls of a network in execution order.

    ``params`` is the number of trainable parameters of the whole network: it also counts the scale and shift of
    normalisation layers, which ``layers`` leaves out.
    """

    layers: tuple[Layer, ...]
    params: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all layers."""
        return sum(layer.macs for layer in self.layers)

    def without_conv_biases(self) -> Network:
        """Return the same network as if its convolutions had no biases.

        Keras' ResNet50 adds a bias before every batch normalisation, which makes it redundant; the original
        network has none.
        """
        layers = tuple(_without_bias(layer) if layer.kind == "conv" else layer for layer in self.layers)
        dropped = sum(old.params - new.params for old, new in zip(self.layers, layers, strict=True))
        return Network(layers, self.params - dropped)


def _without_bias(layer: Layer) -> Layer:
    if layer.weights is None:
        raise ValueError(f"number of weights unknown: {layer}")
    return replace(layer, params=layer.weights)


def from_report(report: Any) -> tuple[Layer, ...]:
    """Pick the convolution and linear layers from a convcost report."""
    return tuple(
        Layer(CONVCOST_OPS[row.op], tuple(row.output_shape), row.params, row.macs, name=row.name)
        for row in report.layers
        if row.op in CONVCOST_OPS
    )


def first_difference(ours: Sequence[Layer], theirs: Sequence[Layer], *, ordered: bool) -> str | None:
    """Describe the first layer in which two networks differ; None if they agree.

    ``ordered`` compares the two sequences position by position.  Otherwise they are compared as multisets, for
    networks with parallel branches, which two correct implementations may execute in different orders.
    """
    if ordered:
        return _first_difference_in_order(ours, theirs)
    only_ours, only_theirs = _unmatched(ours, theirs), _unmatched(theirs, ours)
    if not only_ours and not only_theirs:
        return None
    return _message(
        f"as a multiset, {len(only_ours)} convcost and {len(only_theirs)} framework layers left over; first",
        only_ours[0] if only_ours else None,
        only_theirs[0] if only_theirs else None,
    )


def _first_difference_in_order(ours: Sequence[Layer], theirs: Sequence[Layer]) -> str | None:
    for index, (mine, other) in enumerate(zip_longest(ours, theirs)):
        if mine is None or other is None or mine.key != other.key:
            return _message(f"at layer {index} (of {len(ours)} and {len(theirs)})", mine, other)
    return None


def _unmatched(layers: Iterable[Layer], others: Iterable[Layer]) -> list[Layer]:
    """Return the layers that find no partner among the others, each of which can be a partner once."""
    available = Counter(layer.key for layer in others)
    missing = []
    for layer in layers:
        if available[layer.key]:
            available[layer.key] -= 1
        else:
            missing.append(layer)
    return missing


def _message(where: str, ours: Layer | None, theirs: Layer | None) -> str:
    return f"differs {where}:\n  convcost:  {ours or '(none)'}\n  framework: {theirs or '(none)'}"
