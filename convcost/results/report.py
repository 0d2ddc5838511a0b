"""What one network costs, in exact numbers: per layer, per group and in total; as a table, a frame and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from convcost.conventions.convention import PAPER, Convention
from convcost.conventions.written import unsaid
from convcost.core.checks import check_batch
from convcost.core.dims import Shape
from convcost.core.dtypes import DEFAULT, as_text, asked_dtype, one_word, storage
from convcost.core.errors import UsageError, did_you_mean
from convcost.core.levels import LEVELS
from convcost.core.metrics import METRICS, Metric
from convcost.core.units import binary, compact, counted, decimal_text, exact, inputs_text, percent, shape_text
from convcost.core.version import __version__
from convcost.graph.graph import ROLES, Caption
from convcost.graph.partial import AT_LEAST, AT_MOST, UNKNOWN, UnknownOp, unknown_ops, unknown_text
from convcost.graph.typed import as_dtype, params_by_dtype, states_types, used_dtypes
from convcost.graph.walk import Step, Walked
from convcost.memory.lifetimes import peak_bytes
from convcost.memory.policies import POLICIES
from convcost.render.table import Table

if TYPE_CHECKING:
    import pandas as pd


NO_CAPTION = Caption()
SUMMED = ("macs", "padding_macs", "operations", "params", "used_params", "buffers", "activations")
"""The metrics that are sums over layers."""
NOT_COUNTED = "not counted"
"""Printed instead of a number of operations for an op that the convention does not know."""


class LayerCost(NamedTuple):
    """One op of the network at the report's batch size: its step of the walk, and its costs."""

    step: Step
    """The node, the shapes that it reads, and its ledger (`step.cost`), batch 1."""
    batch: int
    padding_macs: int
    """Of the MACs, those that multiply padding zeros."""
    operations: int
    """Operations under the report's convention; 0 for an op that it does not know, which is not counted."""
    counted: bool
    """Whether the convention knows the op, and counts it or says that it ignores it."""

    @property
    def name(self) -> str:
        """Unique dotted path."""
        return self.step.node.name

    @property
    def scope(self) -> tuple[str, ...]:
        """The stages and blocks that contain it, outermost first."""
        return self.step.node.scope

    @property
    def stage(self) -> str:
        """The outermost scope that contains it, or its own name."""
        return _scope(self, 1)

    @property
    def block(self) -> str:
        """The stage and the block in it, or its own name."""
        return _scope(self, 2)

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


class Totals(NamedTuple):
    """Sums over all layers; bytes follow from the dtypes of tensors. Of ops that the convention does not know there are none.

    With unknown layers they are lower bounds.
    """

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
    unknown: int = 0
    """How many layers nobody can count."""


class Group(NamedTuple):
    """Layers that belong together: a block, a stage, or an op."""

    name: str
    layers: int
    macs: int
    operations: int
    params: int
    buffers: int
    activations: int
    counted: bool = True
    """Whether the report's convention knows the op of at least one of its layers."""
    input_shape: Shape | None = None
    """Of the group's first layer that has one; None if none has, or if the layers are not consecutive (an op)."""
    output_shape: Shape | None = None
    """Of the group's last layer; None as well if nobody knows it."""
    unknown: int = 0
    """How many of its layers nobody can count: with any, its sums are lower bounds."""


OF_LAYERS = tuple(key for key in METRICS if hasattr(LayerCost, key))
"""The metrics that every layer has."""
OF_GROUPS = tuple(key for key in OF_LAYERS if key in Group._fields)
"""Those that are added up over a group."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a network costs."""

    network: str
    title: str
    source: str
    knobs: Mapping[str, Any] = field(hash=False)
    inputs: Mapping[str, Shape] = field(hash=False)
    """Name of each input -> its shape; a single one without a name of its own is called `input`."""
    batch: int
    dtype: str
    """Of every element, or `mixed` where the network states several."""
    convention: Convention
    memory_policy: str
    layers: tuple[LayerCost, ...] = field(hash=False)
    totals: Totals
    changed: tuple[str, ...] = ()
    """The knobs whose values differ from those that the network's name implies."""
    asked_dtype: str | None = None
    """The dtype that was asked for, whatever the network states; None for what it states."""
    input_dtypes: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Name of an input -> the type of its elements."""
    typed: bool = False
    """Whether tensors have types that the network states."""
    remarks: tuple[str, ...] = ()
    """Of a model file: what people should know about its numbers."""

    @property
    def weight_dtypes(self) -> Mapping[str, int]:
        """Dtype -> the bytes of the parameters that are stored as it."""
        elements = params_by_dtype((layer.step for layer in self.layers), self.asked_dtype or DEFAULT)
        return {dtype: storage(number, dtype) for dtype, number in elements.items()}

    @property
    def input_shape(self) -> Shape:
        """The shape of the (first) input."""
        return next(iter(self.inputs.values()))

    @property
    def not_counted(self) -> Mapping[str, int]:
        """Ops that the convention does not know, with the number of their layers: their operations are not counted."""
        return Counter(layer.op for layer in self.layers if not layer.counted)

    @property
    def complete(self) -> bool:
        """Whether every layer is counted; else the totals are lower bounds."""
        return not self.totals.unknown

    @property
    def unknown(self) -> tuple[UnknownOp, ...]:
        """The layers whose counts nobody knows."""
        return unknown_ops(layer.step for layer in self.layers)

    def by(self, level: str) -> tuple[Group, ...]:
        """The layers grouped by block, stage or op, in order of appearance; raises `UsageError`."""
        return tuple(_group(name, layers, level) for name, layers in self.parts(level).items())

    def parts(self, level: str) -> dict[str, list[LayerCost]]:
        """The layers of each block, stage or op, or each alone, in order of appearance; raises `UsageError`."""
        if level not in LEVELS:
            raise UsageError(f"cannot group by {level!r}{did_you_mean(level, LEVELS)}")
        groups: dict[str, list[LayerCost]] = {}
        for layer in self.layers:
            groups.setdefault(_key(layer, level), []).append(layer)
        return groups

    def __repr__(self) -> str:
        counted = f"{bound(self)}{exact(self.totals.operations)} {self.convention.unit}"
        return f"<Report {title(self)} · {counted} ({self.convention.name})>"

    def table(self, by: str = "layer") -> Table:
        """The report as a table by layer, block, stage or op, to show or to `render`; raises `UsageError`."""
        return report_table(self, by)

    def to_frame(self, by: str = "layer") -> pd.DataFrame:
        """A pandas DataFrame with a row per layer, block, stage or op, of the same columns; raises `UsageError`."""
        return to_frame(self, by)

    def _repr_html_(self) -> str:
        """How a notebook shows the report."""
        return self.table()._repr_html_()

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON-ready data, schema convcost.report/1."""
        return to_dict(self)


def report(
    walked: Walked,
    convention: Convention,
    *,
    network: str,
    caption: Caption = NO_CAPTION,
    knobs: Mapping[str, Any] | None = None,
    changed: tuple[str, ...] = (),
    remarks: tuple[str, ...] = (),
    batch: int = 1,
    dtype: str | None = None,
    memory_policy: str = "fused",
) -> Report:
    """The report of a walked graph under a convention, a batch size, a dtype and a memory policy.

    Without a dtype, tensors have the types that the network states, and fp32 where it states none. Raises `UsageError` if one of them is unknown or invalid.
    """
    dtype = asked_dtype(dtype)
    walked = as_dtype(walked, dtype)
    check_batch(batch)
    padding = {id(step.cost): step for step in walked.steps}  # equal layers have one ledger entry, and as many zeros
    zeros = {key: step.padding_macs for key, step in padding.items()}
    layers = tuple(_layer(step, convention, batch, zeros[id(step.cost)]) for step in walked.steps)
    peak = peak_bytes(walked, memory_policy, dtype, batch)
    return Report(
        network=network,
        title=caption.title,
        source=caption.source,
        knobs=dict(knobs or {}),
        inputs=dict(walked.inputs),
        batch=batch,
        dtype=one_word(used_dtypes(walked, dtype)),
        convention=convention,
        memory_policy=memory_policy,
        layers=layers,
        totals=_totals(layers, dtype, peak),
        changed=changed,
        remarks=(*remarks, *_unsaid(walked.steps, convention)),
        asked_dtype=dtype,
        input_dtypes={name: walked.graph.dtypes.get(name, dtype or DEFAULT) for name in walked.inputs},
        typed=states_types(walked.graph),
    )


def _unsaid(steps: Sequence[Step], convention: Convention) -> tuple[str, ...]:
    """A remark on layers that a convention counts by how they are written, where a model file does not say how."""
    ops = unsaid(steps, convention)
    if not ops:
        return ()
    taken = f"taken as modules, or operators between tensors: {', '.join(ops)}"
    return (f"{taken}; {convention.name} counts functions otherwise, and the file does not say what was written",)


def _layer(step: Step, convention: Convention, batch: int, padding_macs: int) -> LayerCost:
    operations = convention.operations(step.node.op, step.cost, step.input_shapes, step.node.form)
    known = convention.knows(step.node.op)
    return LayerCost(step, batch, padding_macs * batch, operations * batch, known)


def _totals(layers: tuple[LayerCost, ...], dtype: str | None, peak: int) -> Totals:
    sums = _sums(layers, OF_LAYERS)
    stored = params_by_dtype((layer.step for layer in layers), dtype or DEFAULT)
    return Totals(
        **sums,
        flops=2 * sums["macs"],
        conv_activations=sum(layer.activations for layer in layers if layer.step.traits.weighted),
        weight_bytes=sum(storage(number, kind) for kind, number in stored.items()),
        peak_activation_bytes=peak,
        unknown=sum(layer.step.opaque for layer in layers),
    )


def _sums(layers: Sequence[LayerCost], metrics: Sequence[str]) -> dict[str, Any]:
    return {key: sum(getattr(layer, key) for layer in layers) for key in metrics}


def _key(layer: LayerCost, level: str) -> str:
    return str(getattr(layer, {"layer": "name", "op": "kind"}.get(level, level)))


def _scope(layer: LayerCost, depth: int) -> str:
    return ".".join(layer.scope[:depth]) or layer.name


def _group(name: str, layers: list[LayerCost], level: str) -> Group:
    ends: dict[str, Any] = {}
    if level != "op":
        ends = {"input_shape": next(iter(first_read(layers)), None), "output_shape": layers[-1].output_shape or None}
    known = any(layer.counted for layer in layers)
    unknown = sum(layer.step.opaque for layer in layers)
    return Group(name=name, layers=len(layers), **_sums(layers, OF_GROUPS), counted=known, **ends, unknown=unknown)


def totals_dict(totals: Totals) -> dict[str, int]:
    """The totals by name."""
    return {name: value for name, value in totals._asdict().items() if name in METRICS}


def to_dict(report: Report, level: str = "layer") -> dict[str, Any]:
    """The report as JSON-ready data, schema convcost.report/1; keys are never renamed within a schema version.

    With a `level` other than layer, `groups` holds the sums as well.
    """
    data = {
        "schema": "convcost.report/1",
        "version": __version__,
        "network": report.network,
        "title": report.title,
        "source": report.source,
        "knobs": {name: json_value(value) for name, value in report.knobs.items()},
        **inputs_dict(report.inputs),
        "batch": report.batch,
        "dtype": report.dtype,
        "convention": {
            "name": report.convention.name,
            "unit": report.convention.unit,
            "counts": report.convention.counts,
            "source": report.convention.source,
        },
        "complete": report.complete,
        "unknown": [layer._asdict() for layer in report.unknown],
        "remarks": list(report.remarks),
        "totals": totals_dict(report.totals),
        **_dtypes_dict(report),
        "not_counted": dict(report.not_counted),
        "memory_policy": report.memory_policy,
        "layers": [layer_dict(layer, typed=report.typed) for layer in report.layers],
    }
    if level != "layer":
        data["by"] = level
        data["groups"] = [_group_dict(group) for group in report.by(level)]
    return data


def _dtypes_dict(report: Report) -> dict[str, Any]:
    """The types that the network states for its inputs, and in how many bytes parameters of each type are stored."""
    if not report.typed:
        return {}
    return {"input_dtypes": report.input_dtypes, "weight_dtypes": dict(report.weight_dtypes)}


def inputs_dict(inputs: Mapping[str, Shape]) -> dict[str, Any]:
    """A network's inputs as JSON-ready data: the shape of the first, and of all by name.

    >>> inputs_dict({"image": (96, 96, 3), "tokens": (77,)})
    {'input_shape': [96, 96, 3], 'inputs': {'image': [96, 96, 3], 'tokens': [77]}}
    """
    shapes = {name: list(shape) for name, shape in inputs.items()}
    return {"input_shape": next(iter(shapes.values())), "inputs": shapes}


def layer_dict(layer: LayerCost, *, typed: bool = False) -> dict[str, Any]:
    """One layer as JSON-ready data; `output_shapes` only where there are several, `dtypes` only in a network that is `typed`.

    `kind` is what `--by op` groups by; `kernel`, `stride` and `groups` are null if an op has none. `shared` is the earlier
    layer whose weights this one uses, a mapping if it uses only some of them, or null.
    """
    data = {
        "name": layer.name,
        "scope": list(layer.scope),
        "op": layer.op,
        "kind": layer.kind,
        "kernel": _window(layer, "kernel"),
        "stride": _window(layer, "stride", "kernel"),
        "groups": layer.attrs.get("groups"),
        "input_shapes": [list(shape) for shape in layer.input_shapes],
        "output_shape": list(layer.output_shape) or None,
        **{key: count(layer, key) for key in OF_LAYERS},
        "shared": layer.step.node.owner or dict(layer.step.node.shares) or None,
        "trainable": layer.step.node.trainable,
        "line": layer.line,
    }
    if typed:
        data["dtypes"] = stated_dtypes(layer)
    if len(layer.output_shapes) > 1:
        data["output_shapes"] = [list(shape) for shape in layer.output_shapes]
    return data


def stated_dtypes(layer: LayerCost) -> dict[str, str]:
    """Role of tensors that a layer has -> their type in a network that states types."""
    return {role: layer.step.node.dtypes.get(role, DEFAULT) for role in layer.step.roles}


def _window(layer: LayerCost, *attrs: str) -> list[int] | None:
    """The first of the attributes that is given: the stride of a pool defaults to its kernel."""
    return next((list(sizes) for name in attrs if (sizes := layer.step.window(name))), None)


def json_value(value: Any) -> Any:
    """A knob's value in JSON: decimals as text, so that they stay exact.

    >>> json_value(Fraction("0.75")), json_value(224)
    ('0.75', 224)
    """
    if isinstance(value, Fraction):
        return decimal_text(value)
    return list(value) if isinstance(value, tuple) else value


def to_frame(report: Report, by: str = "layer") -> pd.DataFrame:
    """A row per layer or group, exact counts as int64 (as Python ints if one does not fit; <NA> where nobody knows them).

    The columns are those of `layer_dict`, and `stage`, `block` and the number of `layers`; what a group's layers have not
    in common is missing.
    """
    import pandas as pd

    rows = [_frame_row(name, layers, by, report.typed) for name, layers in report.parts(by).items()]
    frame = pd.DataFrame(rows, columns=[*rows[0]] if rows else None)
    may_lack = _MAY_LACK if report.complete else dict.fromkeys((*_MAY_LACK, *OF_LAYERS))
    return frame.astype(dict.fromkeys(may_lack, "Int64")) if rows else frame  # not floats where one is missing


_MAY_LACK = ("groups", "line", "operations")


def _frame_row(name: str, layers: Sequence[LayerCost], by: str, typed: bool) -> dict[str, Any]:
    each = [layer_dict(layer, typed=typed) for layer in layers]
    for data, layer in zip(each, layers, strict=True):
        data.pop("output_shapes", None)
        data |= {"scope": ".".join(layer.scope), "stage": layer.stage, "block": layer.block}
    row = {key: value if all(one[key] == value for one in each) else None for key, value in each[0].items()}
    row |= {"name": name, "layers": len(layers), "unknown": sum(layer.step.opaque for layer in layers)}
    if len(each) > 1:
        known = [one for one, layer in zip(each, layers, strict=True) if not layer.step.opaque]
        row |= {key: sum(one[key] or 0 for one in known) if known else None for key in SUMMED}
        if by != "op":
            row["input_shapes"] = next((one["input_shapes"] for one in each if one["input_shapes"]), [])
            row["output_shape"] = each[-1]["output_shape"]
    return row


_COLUMNS = ("params", "macs", "operations")


def report_table(report: Report, level: str = "layer") -> Table:
    """The report as a table with totals and the convention it used."""
    metrics = metrics_of(report, _COLUMNS)
    if level == "layer":
        first: tuple[str, ...] = ("layer", "op", "input", "output")
        rows = [[layer.name, op_text(layer), input_text(layer), output_text(layer)] for layer in report.layers]
        groups: Sequence[LayerCost | Group] = report.layers
    else:
        first = (level, "layers", "input", "output")
        groups = report.by(level)
        rows = [[g.name, str(g.layers), _shape(g.input_shape), _shape(g.output_shape) or UNKNOWN] for g in groups]
        if level == "op":
            first, rows = first[:2], [row[:2] for row in rows]
    totals = report.totals
    for row, group in zip(rows, groups, strict=True):
        row.extend((*cells(group, metrics), share(group, totals)))
    headers = (*first, *(metric.under(unit_text(report)).heading for metric in metrics), "share")
    return Table(
        title=title(report),
        headers=headers,
        numeric=tuple(i >= len(first) or name == "layers" for i, name in enumerate(headers)),
        rows=rows,
        total=["total", *[""] * (len(first) - 1), *cells(totals, metrics), share(totals, totals)],
        records=[_record(report, group) for group in groups],
        data=to_dict(report, level),
        notes=notes(report),
    )


def title(report: Report) -> str:
    """The network, the knobs that its name does not determine, and its input on one line."""
    settled = {*report.knobs} - {*report.changed} | {"resolution"}  # the input says that
    knobs = [f"{name} {_knob_text(value)}" for name, value in report.knobs.items() if name not in settled]
    name = report.network if not report.title else f"{report.title} ({report.network})"
    return " · ".join([name, *knobs, inputs_text(report.inputs), f"batch {exact(report.batch)}"])


def notes(report: Report) -> list[tuple[str, str]]:
    """Notes on the totals and the convention."""
    t, policy = report.totals, POLICIES[report.memory_policy].says
    zeros = f", of which {percent(t.padding_macs, t.macs)} multiply padding zeros" if t.padding_macs else ""
    weights, peak, least = binary(t.weight_bytes), binary(t.peak_activation_bytes), bound(report)
    said = {
        "params": f"{params_text(t)}, {weights} as {as_text(report.dtype)}; buffers {exact(t.buffers)}",
        "macs": f"{exact(t.macs)} ({compact(t.macs)}){zeros}; FLOPs = 2 × MACs = {exact(t.flops)}",
        "operations": f"{exact(t.operations)} {report.convention.unit} under this convention",
        "activations": f"{exact(t.activations)} elements written, {exact(t.conv_activations)} by conv and linear layers",
        "peak_activation_bytes": f"{peak} of activations at once as {as_text(report.dtype)}; "
        f"policy {report.memory_policy}: {policy}",
    }
    return [
        *unknown_notes(report),
        *((metric.heading, f"{least}{said[metric.key]}") for metric in metrics_of(report, said)),
        ("convention", f"{report.convention.name}: {report.convention.counts}"),
        *types_notes(report),
        *shared_notes(report.layers),
        *not_counted_notes(report),
        *(("file", remark) for remark in report.remarks),
    ]


def types_notes(report: Report) -> list[tuple[str, str]]:
    """A note on the types that the network states: of its inputs, and of what its layers write and store."""
    if not report.typed:
        return []
    found: dict[str, Counter[str]] = {"inputs": Counter(report.input_dtypes.values())}
    for layer in report.layers:
        for role, dtype in stated_dtypes(layer).items():
            found.setdefault(role, Counter())[dtype] += 1
    return [("types", "; ".join(f"{role} {_kinds_text(found[role])}" for role in ("inputs", *ROLES) if role in found))]


def _kinds_text(kinds: Counter[str]) -> str:
    """A single type, or how many tensors have each.

    >>> _kinds_text(Counter({"int8": 3})), _kinds_text(Counter({"int8": 3, "fp32": 1}))
    ('int8', 'int8 (3), fp32 (1)')
    """
    return next(iter(kinds)) if len(kinds) == 1 else ", ".join(f"{kind} ({exact(n)})" for kind, n in kinds.items())


def params_text(totals: Totals) -> str:
    """The parameters; what they come to at each use too where layers share some."""
    if totals.used_params == totals.params:
        return f"{exact(totals.params)} ({compact(totals.params)})"
    return f"{exact(totals.params)} stored ({compact(totals.params)}), {exact(totals.used_params)} counted at each use"


_LISTED = 3
"""The most owners of shared weights that a note names."""


def shared_notes(layers: Sequence[LayerCost]) -> list[tuple[str, str]]:
    """A note on the layers that use the weights of earlier ones."""
    found = [each for layer in layers if (each := shared_with(layer))]
    if not found:
        return []
    owners = list(dict.fromkeys(owner for each in found for owner in each))
    more = f" and {counted(len(owners) - _LISTED, 'other')}" if len(owners) > _LISTED else ""
    use = "uses" if len(found) == 1 else "use"
    said = f"{counted(len(found), 'layer')} {use} weights of earlier ones, which are stored once: those of "
    return [("shared", f"{said}{', '.join(owners[:_LISTED])}{more}")]


def shared_with(layer: LayerCost) -> tuple[str, ...]:
    """The earlier layers whose weights, biases or buffers a layer uses; none where it would have none of its own."""
    cost, shares = layer.step.cost, layer.step.node.shares
    return tuple(dict.fromkeys(owner for name, owner in shares.items() if getattr(cost, name) != 0))


def unknown_notes(report: Report) -> list[tuple[str, str]]:
    """A note on the ops that nobody can count, so that all sums are lower bounds."""
    if report.complete:
        return []
    whys: dict[str, str] = {}
    for op in report.unknown:
        if op.why and not op.behind:
            whys.setdefault(op.type, op.why)
    reasons = "; ".join(f"{name}: {why}" for name, why in [*whys.items()][:_LISTED])
    said = f"{unknown_text(report.unknown)}: sums are lower bounds, shares upper bounds"
    return [("unknown", f"{said}. {reasons}" if reasons else said)]


def bound(report: Report) -> str:
    """What stands before a sum over the network: nothing, or that it is a lower bound."""
    return "" if report.complete else AT_LEAST


def not_counted_notes(report: Report) -> list[tuple[str, str]]:
    """Notes on ops that the convention does not know, so that the operations leave them out; of unknown ops nobody counts any."""
    known = {layer.op for layer in report.layers if not layer.step.opaque}
    found = {op: number for op, number in report.not_counted.items() if op in known}
    if not found:
        return []
    ops = (f"{op} ({counted(number, 'layer')})" for op, number in found.items())
    return [("not counted", f"{', '.join(ops)}: the convention {report.convention.name} does not know it")]


def metrics_of(report: Report, keys: Iterable[str]) -> list[Metric]:
    """Those of some metrics that tell something: what a convention counts is, under the papers', the MACs again."""
    paper = report.convention.name == PAPER
    return [METRICS[key] for key in keys if not (paper and "convention" in METRICS[key].needs)]


def unit_text(report: Report) -> str:
    """What the convention counts in, with its name: `FLOPs (fvcore)`."""
    return f"{report.convention.unit} ({report.convention.name})"


def is_unknown(part: LayerCost | Group | Totals) -> bool:
    """Whether nobody can count anything of a part: its counts are no numbers."""
    if isinstance(part, LayerCost):
        return part.step.opaque
    return isinstance(part, Group) and 0 < part.layers == part.unknown


def count(part: LayerCost | Group | Totals, metric: str) -> int | None:
    """So much of a metric, at least; None where nobody knows anything of the part, or its convention does not."""
    known = "convention" not in METRICS[metric].needs or getattr(part, "counted", True)
    return int(getattr(part, metric)) if known and not is_unknown(part) else None


def cells(part: LayerCost | Group | Totals, metrics: Iterable[Metric]) -> list[str]:
    """What a table says of some metrics of a part."""
    missing = UNKNOWN if is_unknown(part) else NOT_COUNTED
    least = AT_LEAST if not isinstance(part, LayerCost) and part.unknown else ""
    counts = ((metric, count(part, metric.key)) for metric in metrics)
    return [missing if number is None else f"{least}{_cell(part, metric, number)}" for metric, number in counts]


def _cell(part: LayerCost | Group | Totals, metric: Metric, number: int) -> str:
    """A number; beside the parameters that a layer stores, or in their place, that it shares others."""
    text = metric.written(number)
    if metric.key == "params" and isinstance(part, LayerCost) and shared_with(part):
        return f"{text} + shared" if number else "shared"
    return text


def share(part: LayerCost | Group | Totals, totals: Totals) -> str:
    """A part's operations as a share of the network's: of those that are known, an upper bound; of a partial sum it is none."""
    number = count(part, "operations")
    if number is None:
        return UNKNOWN if is_unknown(part) else NOT_COUNTED
    if part is not totals and isinstance(part, (Group, Totals)) and part.unknown:
        return UNKNOWN
    most = AT_MOST if part is not totals and totals.unknown and number else ""
    return f"{most}{percent(number, totals.operations)}"


def _record(report: Report, part: LayerCost | Group) -> dict[str, Any]:
    data = layer_dict(part, typed=report.typed) if isinstance(part, LayerCost) else _group_dict(part)
    flat = {name: _flat(value) for name, value in data.items() if name != "output_shapes"}
    return {**flat, "convention": report.convention.name}


def _flat(value: Any) -> Any:
    """Shapes as 224x224x3, several of them apart by spaces; scopes dotted."""
    if isinstance(value, dict):
        return " ".join(f"{name}:{owner}" for name, owner in value.items())
    if not isinstance(value, list):
        return value
    if value and isinstance(value[0], list):
        return " ".join("x".join(map(str, shape)) for shape in value)
    return ("." if value and isinstance(value[0], str) else "x").join(map(str, value))


def _group_dict(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "layers": group.layers,
        "input_shape": list(group.input_shape) if group.input_shape else None,
        "output_shape": list(group.output_shape) if group.output_shape else None,
        **{key: count(group, key) for key in OF_GROUPS},
        "unknown": group.unknown,
    }


def _knob_text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(json_value(value))


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


def _shape(shape: Any) -> str:
    return shape_text(shape) if shape else ""
