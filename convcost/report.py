"""A walk turned into exact numbers for people and machines: per layer, per group, in total."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from convcost import memory
from convcost.amounts import plain
from convcost.cost import Convention
from convcost.dims import Shape, elements
from convcost.errors import UsageError, did_you_mean
from convcost.graph import Graph
from convcost.ops import WEIGHTED, padding_macs
from convcost.ops.kinds import say
from convcost.units import check_dtype, exact, storage
from convcost.walk import Step

if TYPE_CHECKING:
    import pandas as pd

    from convcost.render import Table

LARGEST_BATCH = 10**15
LEVELS = ("layer", "block", "stage", "op")
"""What rows of a report may stand for."""


class LayerCost(NamedTuple):
    """One op of the network, at the report's batch size."""

    name: str
    """Unique dotted path."""
    scope: tuple[str, ...]
    op: str
    attrs: Mapping[str, Any]
    input_shapes: tuple[Shape, ...]
    output_shapes: tuple[Shape, ...]
    macs: int
    """Multiply-accumulates of convolution and linear layers, without bias."""
    padding_macs: int
    """Of the MACs, those that multiply padding zeros."""
    operations: int
    """Operations under the report's convention."""
    params: int
    """Trainable elements."""
    buffers: int
    """Elements stored but not trained."""
    activations: int
    """Elements written; 0 for views."""
    line: int | None
    """Line of the spec."""
    form: str = ""
    """How the reference implementation writes the op; some conventions tell the ways apart."""

    @property
    def output_shape(self) -> Shape:
        """The shape of the (first) output."""
        return self.output_shapes[0]

    @property
    def kind(self) -> str:
        """What sort of op it is, as papers' tables tell them apart: `conv2d 1×1`, `conv2d 3×3 depthwise`."""
        return kind_of(self.op, self.attrs, self.input_shapes)


class Totals(NamedTuple):
    """Sums over all layers; bytes follow from the report's dtype."""

    macs: int
    flops: int
    """2 × macs."""
    padding_macs: int
    """Of the MACs, those that multiply padding zeros."""
    operations: int
    params: int
    buffers: int
    activations: int
    """Elements that all ops write."""
    conv_activations: int
    """Elements that convolution and linear layers write."""
    weight_bytes: int
    """Storage of the params."""
    peak_activation_bytes: int
    """Activations alive at once, under the report's memory policy."""


class Group(NamedTuple):
    """Layers that belong together: a block, a stage, or an op."""

    name: str
    layers: int
    macs: int
    operations: int
    params: int
    buffers: int
    activations: int
    input_shape: Shape | None = None
    """Of the group's first layer; None where the layers do not follow each other (an op)."""
    output_shape: Shape | None = None
    """Of the group's last layer."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a network costs."""

    network: str
    title: str
    source: str
    knobs: Mapping[str, Any]
    input_shape: Shape
    batch: int
    dtype: str
    convention: Convention
    memory_policy: str
    layers: tuple[LayerCost, ...]
    totals: Totals
    changed: tuple[str, ...] = ()
    """The knobs that stand at other values than the network's name says."""

    def by(self, level: str) -> tuple[Group, ...]:
        """The layers put together by block, stage or op, in order of appearance; raises `UsageError`."""
        if level not in LEVELS:
            raise UsageError(f"cannot group by {level!r}{did_you_mean(level, LEVELS)}")
        groups: dict[str, list[LayerCost]] = {}
        for layer in self.layers:
            groups.setdefault(_key(layer, level), []).append(layer)
        return tuple(_group(name, layers, level) for name, layers in groups.items())

    def __repr__(self) -> str:
        from convcost.tables import title

        return (
            f"<Report {title(self)} · {exact(self.totals.operations)} {self.convention.unit} ({self.convention.name})>"
        )

    def table(self, by: str = "layer") -> Table:
        """The report as a table by layer, block, stage or op, to show or to `render`; raises `UsageError`."""
        from convcost.tables import report_table

        return report_table(self, by)

    def to_frame(self) -> pd.DataFrame:
        """A pandas DataFrame with a row per layer."""
        from convcost.tables import to_frame

        return to_frame(self)

    def _repr_html_(self) -> str:
        """How a notebook shows the report."""
        return self.table()._repr_html_()

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-ready data, schema convcost.report/1."""
        from convcost.tables import to_dict

        return to_dict(self)


def report(
    graph: Graph,
    steps: Iterable[Step],
    convention: Convention,
    *,
    network: str,
    title: str = "",
    source: str = "",
    knobs: Mapping[str, Any] | None = None,
    changed: tuple[str, ...] = (),
    batch: int = 1,
    dtype: str = "fp32",
    memory_policy: str = "fused",
) -> Report:
    """Put a walk together with a convention, a batch size, a dtype and a memory policy.

    Raises `UsageError` if one of them does not exist or fit.
    """
    check_dtype(dtype)
    check_batch(batch)
    steps = tuple(steps)
    layers = tuple(_layer(step, convention, batch) for step in steps)
    peak = memory.peak_bytes(steps, graph.input_shape, graph.outputs, memory_policy, dtype, batch)
    return Report(
        network=network,
        title=title,
        source=source,
        knobs=dict(knobs or {}),
        input_shape=graph.input_shape,
        batch=batch,
        dtype=dtype,
        convention=convention,
        memory_policy=memory_policy,
        layers=layers,
        totals=_totals(layers, dtype, peak),
        changed=changed,
    )


def check_batch(batch: Any) -> int:
    """The batch size, if it is one; raises `UsageError`."""
    batch = plain(batch)
    if isinstance(batch, bool) or not isinstance(batch, int) or not 1 <= batch <= LARGEST_BATCH:
        bound = f"<= {LARGEST_BATCH:,}" if isinstance(batch, int) and batch > 1 else "an integer >= 1"
        raise UsageError(f"batch must be {bound}, got {say(batch)}")
    return batch


def _layer(step: Step, convention: Convention, batch: int) -> LayerCost:
    node, cost = step.node, step.cost
    return LayerCost(
        name=node.name,
        scope=node.scope,
        op=node.op,
        attrs=node.attrs,
        input_shapes=step.input_shapes,
        output_shapes=cost.out,
        macs=cost.macs * batch,
        padding_macs=padding_macs(node.op, step.input_shapes, node.attrs) * batch,
        operations=convention.operations(node.op, cost, step.input_shapes, node.form) * batch,
        params=cost.params,
        buffers=cost.buffers,
        activations=0 if cost.view else elements(cost.out) * batch,
        line=node.where.line if node.where else None,
        form=node.form,
    )


def _totals(layers: tuple[LayerCost, ...], dtype: str, peak: int) -> Totals:
    macs = sum(layer.macs for layer in layers)
    params = sum(layer.params for layer in layers)
    return Totals(
        macs=macs,
        flops=2 * macs,
        padding_macs=sum(layer.padding_macs for layer in layers),
        operations=sum(layer.operations for layer in layers),
        params=params,
        buffers=sum(layer.buffers for layer in layers),
        activations=sum(layer.activations for layer in layers),
        conv_activations=sum(layer.activations for layer in layers if layer.op in WEIGHTED),
        weight_bytes=storage(params, dtype),
        peak_activation_bytes=peak,
    )


def _key(layer: LayerCost, level: str) -> str:
    if level == "op":
        return layer.kind
    depth = {"layer": None, "block": 2, "stage": 1}[level]
    return layer.name if depth is None else ".".join(layer.scope[:depth]) or layer.name


def _group(name: str, layers: list[LayerCost], level: str) -> Group:
    sums: dict[str, Any] = {
        field: sum(getattr(layer, field) for layer in layers)
        for field in ("macs", "operations", "params", "buffers", "activations")
    }
    ends: dict[str, Any] = (
        {} if level == "op" else {"input_shape": layers[0].input_shapes[0], "output_shape": layers[-1].output_shape}
    )
    return Group(name=name, layers=len(layers), **sums, **ends)


def kind_of(op: str, attrs: Mapping[str, Any], input_shapes: Sequence[Shape]) -> str:
    """What sort of op it is that reads these shapes."""
    kernel = attrs.get("kernel")
    text = op if kernel is None else f"{op} {kernel[0]}×{kernel[1]}"
    groups = attrs.get("groups", 1)
    if op == "channel_shuffle" or groups == 1:
        return text
    return f"{text} depthwise" if groups == input_shapes[0][-1] else f"{text} groups {groups}"


def totals_dict(totals: Totals) -> dict[str, int]:
    """The totals by name."""
    return totals._asdict()
