"""What a device runs for a network: its kernels, each with the amounts of work that its time is made of.

A kernel is a layer together with the batch-norm and activations that are fused into it. The terms of a kernel are exact
counts, so that a model of time that is linear in them is as exact, over ints, grids and symbols, as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from convcost.core.dims import Dim, both, ceil_div, elements, equal, product, where
from convcost.core.dtypes import DEFAULT, DTYPE_BITS
from convcost.graph.typed import Operands, operands
from convcost.graph.walk import Step, Walked
from convcost.memory.layout import layout
from convcost.memory.policies import policy

Terms = Mapping[str, Dim]
"""Term -> its count in a kernel, or in all of a network's."""

TERMS: Final[Mapping[str, str]] = {
    "direct": "MACs of convolutions with windows, as a matrix product of unfolded windows (im2col)",
    "im2col": "elements of these windows, unfolded",
    "winograd": "multiplications of 3×3 convolutions of stride 1 by Winograd's F(4×4, 3×3)",
    "winograd_transform": "elements that these read and write, transformed",
    "pointwise": "MACs of 1×1 convolutions and of linear layers at several positions: a product of two matrices",
    "depthwise": "MACs of depthwise convolutions",
    "transposed": "MACs of transposed convolutions, depthwise ones too",
    "vector": "MACs of linear layers, and of 1×1 convolutions, at one position: each weight is read and used once",
    "matmul": "MACs of products of two activations",
    "recurrent": "MACs of recurrent layers, one position after the other",
    "weights": "bytes of the weights that convolutions and linear layers at several positions read",
    "activations": "elements that convolutions and linear layers read and write",
    "elementwise": "elements that kernels read and write that add, multiply or compare them",
    "moved": "elements that kernels read and write that only move them: concatenation, transposition, padding",
    "exponentials": "elements of which an exponential, a root or a power is taken, in a kernel of its own or not",
    "kernels": "kernels, each of which takes time to start",
}
"""Term -> what is counted. MACs of other operands than fp32 are terms of their own: `pointwise_int8`."""
MULTIPLIED: Final = ("direct", "winograd", "pointwise", "depthwise", "transposed", "vector", "matmul", "recurrent")
"""The terms that are multiplications, and may have types."""

TILE: Final = 4
"""Outputs along an axis that a Winograd tile makes at once, from TILE + 2 inputs by as many multiplications (Lavin and Gray,
arXiv 1509.09308)."""
FEWEST: Final = 8
"""Channels, read and written, from which on runtimes use Winograd's algorithm: below, its transforms cost more than it saves.
ncnn and XNNPACK ask for 8 or 16."""
_RECURRENT: Final = frozenset({"lstm", "gru", "rnn"})
ALIKE: Final = {"uint8": "int8", "uint16": "int16"}
"""Types -> those that the same kernels multiply."""


def kernels(walked: Walked, dtype: str | None = None, batch: int = 1, *, winograd: bool = True) -> tuple[Terms, ...]:
    """The terms of each layer's kernel, in the layers' order; of what is fused into another only exponentials, of a view none.

    Without `winograd` all windows are unfolded, as by runtimes that know no other way.

    >>> from convcost import load
    >>> counts = kernels(load("mobilenet_v1").walked)
    >>> counts[1:3], counts[3]  # depthwise 3×3 on 112×112×32
    (({}, {}), {'depthwise': 3612672, 'activations': 802816, 'weights': 1152, 'kernels': 1})
    """
    made = {placed.step for placed in layout(walked, policy("fused")).tensors}
    types = operands(walked, dtype)
    known: dict[tuple[int, Operands, bool], Terms] = {}  # equal layers have one ledger, and one kernel

    def of(at: int, step: Step) -> Terms:
        key = id(step.cost), types[step.node.name], at in made
        if key not in known:
            runs = _terms(step, types[step.node.name].factors.first, batch, winograd) if at in made else {}
            known[key] = runs | _exponentials(step, batch)
        return known[key]

    return tuple(of(at, step) for at, step in enumerate(walked.steps))


def total(counts: Iterable[Terms]) -> dict[str, Dim]:
    """The terms of all kernels together, in the order of `TERMS`.

    >>> total([{"kernels": 1, "vector": 5}, {}, {"kernels": 1}])
    {'vector': 5, 'kernels': 2}
    """
    found: dict[str, Dim] = {}
    for terms in counts:
        for term, count in terms.items():
            found[term] = found.get(term, 0) + count
    return {term: found[term] for term in sorted(found, key=rank)}


def rank(term: str) -> tuple[int, str]:
    """Where a term stands among others: by `TERMS`, those of other types after that of floats."""
    base = untyped(term)
    return (list(TERMS).index(base) if base in TERMS else len(TERMS), term)


def untyped(term: str) -> str:
    """A term without the type of its operands.

    >>> untyped("winograd_int8"), untyped("winograd_transform")
    ('winograd', 'winograd_transform')
    """
    return term if term in TERMS else term.rpartition("_")[0] or term


def multiplied_as(terms: Terms) -> str:
    """The type of the operands of most multiplications; a linear layer at the end, say, may have another.

    >>> multiplied_as({"direct_int8": 100, "vector": 2, "weights": 300}), multiplied_as({"direct": 5})
    ('int8', 'fp32')
    """
    sums: dict[str, Dim] = {}
    for term, count in terms.items():
        base = untyped(term)
        if base in MULTIPLIED:
            word = term.removeprefix(base).lstrip("_").replace("float", "fp") or "fp32"
            sums[word] = sums.get(word, 0) + count
    return max(sums, key=lambda word: sums[word], default="fp32")


def _exponentials(step: Step, batch: int) -> dict[str, Dim]:
    taken = step.exponentials
    return {} if _nothing(taken) else {"exponentials": batch * taken}


def _terms(step: Step, dtype: str, batch: int, winograd: bool) -> dict[str, Dim]:
    """What one kernel is made of."""
    moved = elements(step.input_shapes) + elements(step.cost.out)
    width = DTYPE_BITS[dtype]
    suffix = "" if dtype == DEFAULT else f"_{ALIKE.get(dtype, dtype)}"
    tiled = winograd and _tiled(step)
    multiplied = [(term + suffix, batch * count) for term, count in _multiplied(step, tiled) if not _nothing(count)]
    if not multiplied:
        moves = "moved" if step.traits.computes == "nothing" else "elementwise"
        return {moves: batch * moved, "kernels": 1}
    counts = {**dict(multiplied), **{term: batch * count for term, count in _unfolded(step, moved, tiled)}}
    stored = step.cost.weights * (width // 8) if width % 8 == 0 else ceil_div(step.cost.weights * width, 8)
    counts["weights"] = where(_single(step), 0, stored)
    return {term: count for term, count in counts.items() if not _nothing(count)} | {"kernels": 1}


def _nothing(count: Dim) -> bool:
    return isinstance(count, int) and count == 0


def _multiplied(step: Step, tiled: Any) -> Iterator[tuple[str, Dim]]:
    """What a kernel multiplies, by how it does so; nothing if it is no product of matrices."""
    traits, macs = step.traits, step.cost.macs
    if traits.attends == "product":
        yield "matmul", macs
    elif step.node.op in _RECURRENT:
        yield "recurrent", macs
    elif _multiplies_positions(step):
        single = _single(step)
        yield "vector", where(single, macs, 0)
        yield "pointwise", where(single, 0, macs)
    elif _slides(step) and _transposes(step):
        yield "transposed", macs
    elif _slides(step) and step.by_channel:
        yield "depthwise", macs
    elif _slides(step):
        yield "winograd", 0 if tiled is False else where(tiled, _tiles(step), 0)
        yield "direct", where(tiled, 0, macs)
    elif traits.weighted:
        yield step.node.op, macs


def _multiplies_positions(step: Step) -> bool:
    """Whether it multiplies each position by one matrix."""
    return step.node.op == "linear" or step.is_pointwise


def _single(step: Step) -> Any:
    """Whether it does so at one position: a bool, or a condition on sizes that are no ints."""
    return equal(product(step.cost.out[0][:-1]), 1) if _multiplies_positions(step) else False


def _slides(step: Step) -> bool:
    """Whether it is a convolution whose window takes its input where it stands, transposed ones included."""
    return step.traits.weighted and step.traits.channels == "grouped" and len(step.node.inputs) == 1


def _transposes(step: Step) -> bool:
    return "output_padding" in step.node.attrs


def _tiled(step: Step) -> Any:
    """Whether Winograd's algorithm is used: a bool, or a condition on sizes that are no ints."""
    attrs = step.node.attrs
    if step.node.op != "conv2d" or attrs["kernel"] != (3, 3):
        return False
    if not all(size == 1 for size in (*attrs["stride"], *attrs["dilation"])):
        return False
    read, written = step.input_shapes[0][-1] // attrs["groups"], attrs["channels"] // attrs["groups"]
    return both(read >= FEWEST, written >= FEWEST)


def _tiles(step: Step) -> Dim:
    """Multiplications by Winograd's algorithm, over whole tiles."""
    read, out = step.input_shapes[0], step.cost.out[0]
    tiles = product(out[:-3]) * product(ceil_div(size, TILE) for size in out[-3:-1])
    return tiles * (TILE + 2) ** 2 * (read[-1] // step.node.attrs["groups"]) * out[-1]


def _unfolded(step: Step, moved: Dim, tiled: Any) -> Iterator[tuple[str, Dim]]:
    """What a kernel that multiplies reads and writes, and makes in between."""
    yield "activations", moved
    if not _slides(step) or _transposes(step) or step.is_pointwise or step.by_channel:
        return
    yield "winograd_transform", 0 if tiled is False else where(tiled, moved, 0)
    yield "im2col", where(tiled, 0, _windows(step))


def _windows(step: Step) -> Dim:
    """Elements of all windows of a convolution, of every group."""
    return product(step.cost.out[0][:-1]) * product(step.node.attrs["kernel"]) * step.input_shapes[0][-1]
