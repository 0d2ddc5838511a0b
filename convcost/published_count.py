"""What convcost counts in the place of a published figure: a quantity of a network, or of some of its layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any

from convcost.conventions import convention
from convcost.cost import PAPER, entry
from convcost.dims import Shape, elements
from convcost.errors import UsageError
from convcost.graph import Node
from convcost.network import open_network
from convcost.ops import WEIGHTED
from convcost.published_data import Definition, Terms
from convcost.published_figures import Value
from convcost.report import kind_of
from convcost.walk import Step, walk

Steps = Sequence[Step]


class Counter:
    """Counts quantities; each network is walked once, however many figures are about it."""

    def __init__(self) -> None:
        self._walked: dict[Any, Steps] = {}

    def steps(self, model: str, knobs: Mapping[str, str], rewrite: str = "") -> Steps:
        """The walk of a network, rebuilt if asked for; raises `ConvcostError` if there is none."""
        key = (model, rewrite, *sorted(knobs.items()))
        if key not in self._walked:
            network = open_network(model, knobs)
            self._walked[key] = walk((network.rewrite(rewrite) if rewrite else network).graph)
        return self._walked[key]

    def count(self, quantity: str, part: str, model: str, knobs: Mapping[str, str], way: Definition) -> Value:
        """A quantity of a network, in ones, bytes or per cent; raises `ConvcostError`."""
        steps = self.steps(way.model or model, {**({} if way.model else knobs), **way.knobs}, way.rewrite)
        kept = [step for step in steps if not any(matches(step, pattern) for pattern in way.skip)]
        if quantity in _AT_A_SIZE:
            return _AT_A_SIZE[quantity](kept, part)
        if quantity == "blocks":
            return Fraction(_blocks(kept, part))
        chosen = [step for step in kept if matches(step, part)] if part else kept
        if not chosen:
            raise UsageError(f"part: no layer of {model} matches {part!r}")
        if quantity.endswith("_share"):
            count = _SUMS[quantity.removesuffix("_share")]
            return 100 * count(chosen, way) / count(kept, way)
        if quantity in _SUMS:
            return _SUMS[quantity](chosen, way)
        return _attribute(quantity, chosen, part)


def matches(step: Step, pattern: str) -> bool:
    """Whether a layer's name, a scope that it stands in, its op or its kind (`conv2d 1×1`) fits a pattern."""
    node = step.node
    names = [node.name, node.op, kind_of(node.op, node.attrs, step.input_shapes)]
    scopes = (".".join(node.scope[:depth]) for depth in range(1, len(node.scope) + 1))
    return any(fnmatchcase(name, pattern) for name in [*names, *scopes])


def _operations(steps: Steps, way: Definition) -> Fraction:
    if way.operations is not None:
        return _linear(steps, way.operations)
    counted = convention(way.convention or PAPER)
    return Fraction(sum(counted.operations(s.node.op, s.cost, s.input_shapes, s.node.form) for s in steps))


def _params(steps: Steps, way: Definition) -> Fraction:
    if way.params is not None:
        return _linear(steps, way.params) + way.plus
    return Fraction(sum(step.cost.params for step in steps) + way.plus)


def _linear(steps: Steps, terms: Terms) -> Fraction:
    """The sum over all layers of the ledger entries that their first fitting term names."""
    total = Fraction(0)
    for step in steps:
        factors = next((terms[pattern] for pattern in terms if matches(step, pattern)), {})
        total += sum(factor * entry(name, step.cost, step.input_shapes) for name, factor in factors.items())
    return total


def _activations(steps: Steps, _way: Definition) -> Fraction:
    return Fraction(sum(elements(step.cost.out) for step in steps if not step.cost.view))


def _weighted(steps: Steps) -> list[Step]:
    return [step for step in steps if step.node.op in WEIGHTED]


def _connections(steps: Steps, _way: Definition) -> Fraction:
    return _operations(steps, Definition(convention="connections"))


_SUMS: dict[str, Callable[[Steps, Definition], Fraction]] = {
    "macs": _operations,
    "connections": _connections,
    "params": _params,
    "activations": _activations,
    "conv_activations": lambda steps, way: _activations(_weighted(steps), way),
    "weight_bytes": lambda steps, way: 4 * _params(steps, way),
    "activation_bytes": lambda steps, way: 4 * _activations(steps, way),
    "layers": lambda steps, _way: Fraction(len(_weighted(steps))),
}


def _attribute(quantity: str, steps: Steps, part: str) -> Value:
    """A shape, or a size that is the same in both directions."""
    if quantity == "input_shape":
        return steps[0].input_shapes[0]
    if quantity == "output_shape":
        return steps[-1].cost.out[0]
    found = {_square(step.node, quantity) for step in steps if quantity in step.node.attrs}
    if len(found) != 1 or None in found:
        raise UsageError(f"part: the layers matching {part!r} have no common {quantity}")
    return Fraction(found.pop() or 0)


def _square(node: Node, name: str) -> int | None:
    value = node.attrs[name]
    sizes = set(value) if isinstance(value, tuple) else {value}
    return sizes.pop() if len(sizes) == 1 else None


def _blocks(steps: Steps, part: str) -> int:
    """Scopes that fit the pattern part by part, so that `stage*.block*` does not count what stands inside them."""
    patterns = part.split(".")
    scopes = {step.node.scope[: len(patterns)] for step in steps}
    fitting = [s for s in scopes if len(s) == len(patterns) and all(map(fnmatchcase, s, patterns))]
    if not fitting:
        raise UsageError(f"part: no block matches {part!r}")
    return len(fitting)


def _widest(steps: Steps, part: str) -> Shape:
    """Of the block outputs of a size (`56` for 56×56) the one with the most channels."""
    blocks: dict[str, Shape] = {}
    for step in steps:
        if not step.cost.view:
            blocks[".".join(step.node.scope[:2]) or step.node.name] = step.cost.out[0]
    shapes = [shape for shape in blocks.values() if len(shape) == 3 and part == f"{shape[0]}"]
    if not shapes:
        raise UsageError(f"part: no block puts out a map of size {part!r}")
    return max(shapes, key=lambda shape: shape[-1])


_AT_A_SIZE: dict[str, Callable[[Steps, str], Fraction]] = {
    "channels_at": lambda steps, part: Fraction(_widest(steps, part)[-1]),
    "half_bytes_at": lambda steps, part: Fraction(2 * elements([_widest(steps, part)])),
}
