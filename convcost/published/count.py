"""convcost's own count for a published figure: a quantity of a network, or of some of its layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

from convcost.conventions.catalog import convention
from convcost.conventions.convention import PAPER
from convcost.core.cost import USUAL, Factors, entry
from convcost.core.dims import Dim, Shape, elements
from convcost.core.errors import UsageError
from convcost.core.kept import Answers
from convcost.graph.graph import STORED
from convcost.graph.partial import refuse_unknown
from convcost.graph.typed import operands
from convcost.graph.walk import Step
from convcost.networks.load import open_network
from convcost.published.data import OWN, Coefficients, Definition
from convcost.published.figure import QUANTITIES, FigureValue
from convcost.published.run import RUN, run_count

_GLOB = frozenset("*?[")


class Layer(NamedTuple):
    """One op of a network, and the names by which a pattern may match it."""

    step: Step
    names: tuple[str, ...]
    """Its name, its op, its kind (`conv2d 1×1`), and each scope that contains it."""
    factors: Factors = USUAL
    """The types of what its multiply-accumulates multiply."""

    def fits(self, pattern: str) -> bool:
        """Whether one of its names fits a glob."""
        if pattern == "*" or pattern in self.names:
            return True
        return not _GLOB.isdisjoint(pattern) and any(fnmatchcase(name, pattern) for name in self.names)


Layers = Sequence[Layer]


class Recount:
    """Counts quantities; each network is walked once for all its figures, or not at all if all answers are cached."""

    def __init__(self, known: Answers | None = None) -> None:
        self._walked: dict[Any, Layers] = {}
        self._known = known or Answers({})

    def layers(self, model: str, knobs: Mapping[str, str], rewrite: str = "") -> Layers:
        """The layers of a network, rebuilt if asked for; raises `ConvcostError` if there is none."""
        key = (model, rewrite, *sorted(knobs.items()))
        if key not in self._walked:
            network = open_network(model, knobs)
            refuse_unknown(network.steps, model, "there are only lower bounds to compare with")
            walked = (network.rewrite(rewrite) if rewrite else network).walked
            types = operands(walked)
            self._walked[key] = [Layer(s, _names(s), types[s.node.name].factors) for s in walked.steps]
        return self._walked[key]

    def count(
        self,
        quantity: str,
        part: str,
        model: str,
        knobs: Mapping[str, str],
        way: Definition,
        run: Mapping[str, str] | None = None,
    ) -> FigureValue:
        """A quantity of a network, in ones, bytes or per cent; `run` says how it runs. Raises `ConvcostError`."""
        how = {**(run or {}), **way.run}
        asked = quantity, part, model, dict(sorted(knobs.items())), _said(way), dict(sorted(how.items()))
        if quantity in RUN:
            count = partial(self._count_run, quantity, part, model, knobs, way, how)
        elif how:
            raise UsageError(
                f"run: {QUANTITIES[quantity]} do not depend on how a network runs; of those that do: {', '.join(RUN)}"
            )
        else:
            count = partial(self._count, quantity, part, model, knobs, way)
        found = self._known.of(asked, lambda: _plain(count()), model, way.model)
        return Fraction(found) if isinstance(found, str) else tuple(found)

    def _count_run(
        self, quantity: str, part: str, model: str, knobs: Mapping[str, str], way: Definition, how: Mapping[str, str]
    ) -> FigureValue:
        network = open_network(way.model or model, {**({} if way.model else knobs), **way.knobs})
        refuse_unknown(network.steps, model, "there are only lower bounds to compare with")
        return run_count(quantity, part, network, how)

    def _count(self, quantity: str, part: str, model: str, knobs: Mapping[str, str], way: Definition) -> FigureValue:
        layers = self.layers(way.model or model, {**({} if way.model else knobs), **way.knobs}, way.rewrite)
        kept = [layer for layer in layers if not any(map(layer.fits, way.skip))]
        if quantity in _AT_A_SIZE:
            return _AT_A_SIZE[quantity](_widest(kept, part, reader=way.reader))
        if quantity == "blocks":
            return Fraction(_blocks(kept, part))
        chosen = [layer for layer in kept if layer.fits(part)] if part else kept
        if not chosen:
            raise UsageError(f"part: no layer of {model} matches {part!r}" if part else f"{model}: no layer is counted")
        if quantity.endswith("_share"):
            return _share(_SUMS[quantity.removesuffix("_share")], chosen, kept, way)
        if quantity in _SUMS:
            return _SUMS[quantity](chosen, way)
        return _attribute(quantity, chosen, part)


def _said(way: Definition) -> tuple[Any, ...]:
    """The part of a definition that a number may depend on, as a cache key."""
    if way == OWN:
        return ()
    named = way.convention, way.operations, way.model, dict(way.knobs), way.rewrite, way.reader
    return way.skip, way.params, way.plus, *named


def _plain(found: FigureValue) -> str | list[int]:
    """A number as exact text, a shape as a list: the cache holds plain data."""
    return str(found) if isinstance(found, Fraction) else list(found)


def _names(step: Step) -> tuple[str, ...]:
    node = step.node
    scopes = (".".join(node.scope[:depth]) for depth in range(1, len(node.scope) + 1))
    return (node.name, node.op, step.kind, *scopes)


def _operations(layers: Layers, way: Definition) -> Fraction:
    if way.operations is not None:
        return _linear(layers, way.operations)
    counted = convention(way.convention or PAPER)
    if unknown := dict.fromkeys(s.node.op for s, *_ in layers if not counted.knows(s.node.op)):
        raise UsageError(
            f"the convention {counted.name} does not know {', '.join(unknown)}, so that nothing is counted"
        )
    return Fraction(sum(counted.of(step, factors) for step, _, factors in layers))


def _params(layers: Layers, way: Definition) -> Fraction:
    if way.params is not None:
        return _linear(layers, way.params, _stored) + way.plus
    return Fraction(sum(layer.step.params for layer in layers) + way.plus)


def _used(name: str, step: Step) -> Dim:
    return entry(name, step.cost, step.input_shapes, step.node.attrs)


def _stored(name: str, step: Step) -> Dim:
    """A ledger entry of what the layer itself stores: nothing that it shares, and as buffers what is not trained."""
    if name == "buffers":
        return step.buffers
    return _used(name, step) if name not in STORED or (step.node.trainable and name not in step.node.shares) else 0


def _linear(layers: Layers, terms: Coefficients, of: Callable[[str, Step], Dim] = _used) -> Fraction:
    """The sum over all layers of the ledger entries in the first term that matches each."""
    sums: Counter[tuple[str, str]] = Counter()  # of ints: to add up fractions takes ten times as long
    for layer in layers:
        fitting = next((pattern for pattern in terms if layer.fits(pattern)), "")
        for name in terms.get(fitting, ()):
            sums[fitting, name] += of(name, layer.step)
    return sum((terms[pattern][name] * total for (pattern, name), total in sums.items()), Fraction(0))


def _share(count: Callable[[Layers, Definition], Fraction], part: Layers, whole: Layers, way: Definition) -> Fraction:
    total = count(whole, way)
    if not total:
        raise UsageError("a share of nothing: the network has none of this quantity")
    return 100 * count(part, way) / total


def _activations(layers: Layers, _way: Definition) -> Fraction:
    return Fraction(sum(step.written for step, *_ in layers))


def _weighted(layers: Layers) -> list[Layer]:
    return [layer for layer in layers if layer.step.traits.weighted]


_SUMS: dict[str, Callable[[Layers, Definition], Fraction]] = {
    "macs": _operations,
    "connections": lambda layers, _way: _operations(layers, Definition(convention="connections")),
    "params": _params,
    "activations": _activations,
    "conv_activations": lambda layers, way: _activations(_weighted(layers), way),
    "weight_bytes": lambda layers, way: 4 * _params(layers, way),
    "activation_bytes": lambda layers, way: 4 * _activations(layers, way),
    "layers": lambda layers, _way: Fraction(len(_weighted(layers))),
}


def _attribute(quantity: str, layers: Layers, part: str) -> FigureValue:
    """A shape, or a size that is the same in both directions and in all layers."""
    if quantity == "input_shape":
        return next((step.input_shapes[0] for step, *_ in layers if step.input_shapes), ())
    if quantity == "output_shape":
        return layers[-1].step.cost.out[0]
    if quantity == "channels":
        return Fraction(layers[-1].step.cost.out[0][-1])
    values = {step.node.attrs[quantity] for step, *_ in layers if quantity in step.node.attrs}
    sizes = {size for value in values for size in (value if isinstance(value, tuple) else (value,))}
    if len(sizes) != 1:
        raise UsageError(f"part: the layers matching {part!r} have no common {quantity}")
    return Fraction(sizes.pop())


def _blocks(layers: Layers, part: str) -> int:
    """Scopes that match the pattern part by part, so that `stage*.block*` does not count scopes nested in them."""
    patterns = part.split(".")
    scopes = {layer.step.node.scope[: len(patterns)] for layer in layers}
    fitting = [s for s in scopes if len(s) == len(patterns) and all(map(fnmatchcase, s, patterns))]
    if not fitting:
        raise UsageError(f"part: no block matches {part!r}")
    return len(fitting)


def _widest(layers: Layers, part: str, *, reader: bool) -> Shape:
    """The block output of a given size (`56` for 56×56) with the most channels, or with those of the block after it."""
    blocks: dict[str, Shape] = {}
    for step, *_ in layers:
        if step.traits.view == "none":
            blocks[".".join(step.node.scope[:2]) or step.node.name] = step.cost.out[0]
    shapes = [shape for shape in blocks.values() if len(shape) == 3]
    fitting = [at for at, shape in enumerate(shapes) if part == f"{shape[0]}"]
    if not fitting:
        raise UsageError(f"part: no block puts out a map of size {part!r}")
    widest = max(reversed(fitting), key=lambda at: shapes[at][-1])
    after = min(widest + 1, len(shapes) - 1) if reader else widest
    return *shapes[widest][:-1], shapes[after][-1]


_AT_A_SIZE: dict[str, Callable[[Shape], Fraction]] = {
    "channels_at": lambda widest: Fraction(widest[-1]),
    "half_bytes_at": lambda widest: Fraction(2 * elements([widest])),
}
