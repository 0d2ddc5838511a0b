"""What a layer, a group of layers and a network cost: the parts of a report, and their numbers for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

from convcost.core.deferred import Deferred
from convcost.core.dims import Shape
from convcost.core.display import EVERY_DIGIT, Display
from convcost.core.metrics import METRICS, MOVED, RATIOS, Metric
from convcost.core.units import percent, shape_text
from convcost.graph.drawn import Unit, is_hidden
from convcost.graph.partial import AT_LEAST, AT_MOST, UNKNOWN
from convcost.graph.typed import Operands
from convcost.graph.walk import Step
from convcost.memory.traffic import Traffic

NOT_COUNTED = "not counted"
"""Printed instead of a number of operations for an op that the convention does not know."""


MOVED_ONCE = "each tensor moved once by each layer that uses it, after the fusion of policy"
"""What bytes moved are, but for the name of the policy."""


@dataclass(frozen=True)
class LayerCost(Deferred):
    """One op of the network at the report's batch size: its step of the walk, and its costs."""

    _apart = frozenset({"femtoseconds"})

    step: Step
    """The node, the shapes that it reads, and its ledger (`step.cost`), batch 1."""
    batch: int
    padding_macs: int
    """Of the MACs, those that multiply padding zeros."""
    operations: int
    """Operations under the report's convention; 0 for an op that it does not know, which is not counted."""
    counted: bool
    """Whether the convention knows the op, and counts it or says that it ignores it."""
    unit: Unit
    """What it is drawn with: its convolution, its batch-norm and its activation."""
    traffic: Traffic
    """The bytes that it moves, over the batch, after what the report's memory policy fuses."""
    operands: Operands
    """The types of what it multiplies, reads and writes."""
    femtoseconds: int
    """How long it takes on the report's device, if there is one."""

    @property
    def name(self) -> str:
        """Unique dotted path."""
        return self.step.node.name

    @property
    def scope(self) -> tuple[str, ...]:
        """The stages and blocks that contain it, outermost first."""
        return self.step.node.scope

    @property
    def within(self) -> tuple[str, ...]:
        """The scopes that it is counted in: its own, else those of what it is drawn with, else that alone."""
        return self.scope or self.unit.scope or (self.unit.name,)

    @property
    def stage(self) -> str:
        """The outermost scope that it is counted in."""
        return self.part(1)

    @property
    def block(self) -> str:
        """The stage and the block in it that it is counted in."""
        return self.part(2)

    def part(self, depth: int) -> str:
        """The first so many scopes that it is counted in."""
        return ".".join(self.within[:depth])

    @property
    def op(self) -> str:
        """The op that specs name."""
        return self.step.node.op

    @property
    def kind(self) -> str:
        """The kind of op, as tables of papers distinguish them: `conv2d 1×1`, `conv2d 3×3 depthwise`."""
        return self.step.kind

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Every attribute of the op."""
        return self.step.node.attrs

    @property
    def form(self) -> str:
        """How the reference implementation writes the op; some conventions distinguish the forms."""
        return self.step.node.form

    @property
    def line(self) -> int | None:
        """Line of the spec."""
        where = self.step.node.where
        return where.line if where else None

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """The shapes that it reads."""
        return self.step.input_shapes

    @property
    def output_shapes(self) -> tuple[Shape, ...]:
        """The shapes of its outputs."""
        return self.step.cost.out

    @property
    def output_shape(self) -> Shape:
        """The shape of the (first) output; empty if nobody knows it."""
        return next(iter(self.step.cost.out), ())

    @property
    def macs(self) -> int:
        """Multiply-accumulates of convolution and linear layers, without bias."""
        return int(self.step.cost.macs * self.batch)

    @property
    def params(self) -> int:
        """Trainable elements that it stores: none of those that it shares with an earlier layer."""
        return int(self.step.params)

    @property
    def used_params(self) -> int:
        """Trainable elements that it uses, shared ones included."""
        return int(self.step.used_params)

    @property
    def buffers(self) -> int:
        """Elements stored but not trained."""
        return int(self.step.buffers)

    @property
    def activations(self) -> int:
        """Elements written; 0 for views."""
        return int(self.step.written * self.batch)

    @property
    def bytes_moved(self) -> int:
        """Bytes of what it reads, of what it writes, and of its weights."""
        return int(self.traffic.bytes_moved)

    @property
    def bytes_read(self) -> int:
        """Bytes of the tensors that it reads."""
        return int(self.traffic.inputs)

    @property
    def bytes_written(self) -> int:
        """Bytes of the tensors that it writes."""
        return int(self.traffic.outputs)

    @property
    def weight_bytes_read(self) -> int:
        """Bytes of the weights, biases and buffers that it uses, shared ones included."""
        return int(self.traffic.weights)

    @property
    def intensity(self) -> Fraction | None:
        """MACs per byte moved; None where nothing is moved."""
        return _per_byte(self)


@dataclass(frozen=True)
class Totals(Deferred):
    """Sums over all layers; bytes follow from the dtypes of tensors. Of ops that the convention does not know there are none.

    With unknown layers they are lower bounds.
    """

    _apart = frozenset({"femtoseconds"})

    macs: int
    flops: int
    """2 × macs."""
    padding_macs: int
    """Of the MACs, those that multiply padding zeros."""
    operations: int
    params: int
    """Stored once, however many layers share them."""
    used_params: int
    """Counted at each use."""
    buffers: int
    activations: int
    """Elements that all ops write."""
    conv_activations: int
    """Elements that convolution and linear layers write."""
    weight_bytes: int
    """Storage of the params."""
    peak_activation_bytes: int
    """The peak of live activations, under the report's memory policy."""
    bytes_moved: int
    """Between memory and the processor, by all layers, after what the memory policy fuses."""
    bytes_read: int
    """Of these, of the tensors that layers read."""
    bytes_written: int
    """Of the tensors that layers write."""
    weight_bytes_read: int
    """Of weights, biases and buffers, at each use."""
    unknown: int
    """How many layers nobody can count."""
    femtoseconds: int
    """How long all layers take on the report's device, if there is one."""

    @property
    def intensity(self) -> Fraction | None:
        """All MACs per byte moved; None where nothing is moved."""
        return _per_byte(self)


@dataclass(frozen=True)
class Group(Deferred):
    """Layers that belong together: a unit, a block, a stage, or an op."""

    name: str
    layers: int
    macs: int
    operations: int
    params: int
    buffers: int
    activations: int
    counted: bool
    """Whether the report's convention knows the op of at least one of its layers."""
    input_shape: Shape | None
    """Of the group's first layer that has one; None if none has, or if the layers are not consecutive (an op, a choice)."""
    output_shape: Shape | None
    """Of the group's last layer; None as well if nobody knows it, which `consecutive` tells apart."""
    unknown: int
    """How many of its layers nobody can count: with any, its sums are lower bounds."""
    text: str
    """Of a unit, what is drawn: `conv2d 3×3 /2 + bn + relu6`."""
    padding_macs: int
    used_params: int
    read: tuple[Shape, ...]
    """Of a unit, every shape that its first layer reads."""
    shared: int
    """How many of its layers use weights of earlier ones, beside their own or in their place."""
    consecutive: bool
    """Whether its layers follow on each other, so that it reads and makes something."""
    last: str
    """The layer that it ends with, where its layers follow on each other."""
    bytes_moved: int
    bytes_read: int
    bytes_written: int
    weight_bytes_read: int
    femtoseconds: int
    """How long its layers take on the report's device, if there is one."""

    @property
    def intensity(self) -> Fraction | None:
        """Its MACs per byte moved; None where nothing is moved."""
        return _per_byte(self)


Part = LayerCost | Group
"""What a row stands for."""
SUMMED = ("macs", "padding_macs", "operations", "params", "used_params", "buffers", "activations", *MOVED)
"""The metrics that are sums over layers."""
_OF_A_LAYER = {*LayerCost._fields, *vars(LayerCost)}
OF_LAYERS = tuple(key for key in METRICS if key in _OF_A_LAYER and key not in RATIOS)
"""The counts that every layer has."""
OF_GROUPS = tuple(key for key in OF_LAYERS if key in Group._fields)
"""Those that are added up over a group: all of them."""


def sums(parts: Sequence[Part], metrics: Sequence[str]) -> dict[str, Any]:
    """Metrics added up over layers or groups."""
    return {key: sum(getattr(part, key) for part in parts) for key in metrics}


def group(name: str, layers: Sequence[LayerCost], *, ends: bool = True, **more: Any) -> Group:
    """Layers as one; `ends` are the shapes that consecutive ones read and make. `more` are fields of a `Group`."""
    shapes: dict[str, Any] = {"input_shape": None, "output_shape": None}
    if ends:
        shapes = {"input_shape": next(iter(first_read(layers)), None), "output_shape": layers[-1].output_shape or None}
    known = {"text": "", "read": (), "last": layers[-1].name if ends else "", **shapes, **more}
    return Group.deferred(partial(_of_group, layers), name=name, layers=len(layers), consecutive=ends, **known)


def _of_group(layers: Sequence[LayerCost], field: str) -> int:
    """What is added up over a group."""
    match field:
        case "counted":
            return not layers or any(layer.counted for layer in layers)
        case "unknown":
            return sum(layer.step.opaque for layer in layers)
        case "shared":
            return sum(bool(shared_with(layer)) for layer in layers)
    return sum(getattr(layer, field) for layer in layers)


NO_LAYERS = group("", (), ends=False)
"""Where a network has no part that stands for one of another."""


def unit_group(layers: Sequence[LayerCost]) -> Group:
    """The layers of a unit as one: what it reads and makes is what is drawn, not the views behind that."""
    drawn = [layer for layer in layers if not is_hidden(layer.step)] or layers
    unit = layers[0].unit
    return group(
        unit.name,
        layers,
        text=unit.text,
        read=layers[0].input_shapes,
        output_shape=drawn[-1].output_shape or None,
    )


def is_unknown(part: Part | Totals) -> bool:
    """Whether nobody can count anything of a part: its counts are no numbers."""
    if isinstance(part, LayerCost):
        return part.step.opaque
    return isinstance(part, Group) and 0 < part.layers == part.unknown


def count(part: Part | Totals, metric: str) -> int | None:
    """So much of a metric, at least; None where nobody knows anything of the part, or its convention does not."""
    return counts(part, (metric,))[metric]


def counts(part: Part | Totals, metrics: Iterable[str]) -> dict[str, int | None]:
    """The same of several metrics, by name."""
    if is_unknown(part):
        return dict.fromkeys(metrics)
    known = isinstance(part, Totals) or part.counted
    return {
        metric: int(getattr(part, metric)) if known or metric not in _OF_CONVENTIONS else None for metric in metrics
    }


_OF_CONVENTIONS = frozenset(key for key, metric in METRICS.items() if "convention" in metric.needs)


def ratio(part: Part | Totals, metric: str) -> Fraction | None:
    """A ratio of two counts; None where there is none, and of a part of which nobody knows all, where it may be anything."""
    found: Fraction | None = getattr(part, metric)
    return None if _is_partial(part) else found


def _is_partial(part: Part | Totals) -> bool:
    return part.step.opaque if isinstance(part, LayerCost) else bool(part.unknown)


def per_byte(part: Part | Totals) -> float | None:
    """The arithmetic intensity for JSON, beside the two counts that it is exactly."""
    moved = part.bytes_moved
    return part.macs / moved if moved and not _is_partial(part) else None


def _per_byte(part: Part | Totals) -> Fraction | None:
    return Fraction(part.macs, part.bytes_moved) if part.bytes_moved else None


def cells(part: Part | Totals, metrics: Iterable[Metric], display: Display = EVERY_DIGIT) -> list[str]:
    """What a table says of some metrics of a part."""
    missing = UNKNOWN if is_unknown(part) else NOT_COUNTED
    least = AT_LEAST if not isinstance(part, LayerCost) and part.unknown else ""

    def cell(metric: Metric) -> str:
        if metric.key in RATIOS:
            found = ratio(part, metric.key)
            return metric.text(found, display) if found is not None else UNKNOWN if missing == UNKNOWN or least else "-"
        number = count(part, metric.key)
        return missing if number is None else f"{least}{_cell(part, metric, number, display)}"

    return list(map(cell, metrics))


def _cell(part: Part | Totals, metric: Metric, number: int, display: Display) -> str:
    """A number; beside the parameters that a layer stores, or in their place, that it shares others."""
    text = metric.text(number, display)
    if metric.key == "params" and _shares(part):
        return f"{text} + shared" if number else "shared"
    return text


def _shares(part: Part | Totals) -> bool:
    return bool(shared_with(part)) if isinstance(part, LayerCost) else getattr(part, "shared", 0) > 0


def shared_with(layer: LayerCost) -> tuple[str, ...]:
    """The earlier layers whose weights, biases or buffers a layer uses; none where it would have none of its own."""
    cost, shares = layer.step.cost, layer.step.node.shares
    return tuple(dict.fromkeys(owner for name, owner in shares.items() if getattr(cost, name) != 0))


def share(part: Part | Totals, totals: Totals) -> str:
    """A part's operations as a share of the network's: of those that are known, an upper bound; of a partial sum it is none."""
    number = count(part, "operations")
    if number is None:
        return UNKNOWN if is_unknown(part) else NOT_COUNTED
    if part is not totals and isinstance(part, (Group, Totals)) and part.unknown:
        return UNKNOWN
    most = AT_MOST if part is not totals and totals.unknown and number else ""
    return f"{most}{percent(number, totals.operations)}"


def op_text(layer: LayerCost) -> str:
    """The op with its window, groups and stride: `conv2d 3×3 depthwise /2`."""
    return layer.step.text


def input_text(layer: LayerCost) -> str:
    """The input shapes of a layer; empty for one that reads nothing."""
    return " + ".join(map(shape_text, layer.input_shapes))


def output_text(layer: LayerCost) -> str:
    """The shape of a layer's (first) output; `?` if nobody knows it."""
    return shape_text(layer.output_shape) or UNKNOWN


def ends_text(read: Sequence[Shape], made: Shape) -> str:
    """The shapes that something reads and the one that it makes, `?` if that is not known.

    >>> ends_text([(56, 56, 64)], (56, 56, 256)), ends_text([], (1, 768))
    ('56×56×64 -> 56×56×256', '-> 1×768')
    """
    return f"{' + '.join(map(shape_text, read))} -> {shape_text(made) or UNKNOWN}".strip()


def first_read(layers: Sequence[LayerCost]) -> Sequence[Shape]:
    """The first shape that the first of consecutive layers reads, of those that read any: what goes into the part."""
    return next((layer.input_shapes[:1] for layer in layers if layer.input_shapes), ())
