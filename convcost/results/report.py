"""What one network costs, in exact numbers: per layer, per group and in total; as a table, a frame and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from convcost.conventions.convention import PAPER, Convention
from convcost.conventions.written import unsaid
from convcost.core.checks import check_batch, check_integer
from convcost.core.cost import Factors
from convcost.core.dims import LARGEST, Shape
from convcost.core.display import display
from convcost.core.dtypes import DEFAULT, as_text, asked_dtype, one_word, storage
from convcost.core.errors import UsageError, did_you_mean, is_one_of
from convcost.core.levels import LEVELS, MOST_ROWS
from convcost.core.metrics import METRICS, MOVED, RATIOS, TRAFFIC, Metric, Need
from convcost.core.reading import python_int, several
from convcost.core.units import binary, compact, counted, decimal_text, exact, percent
from convcost.core.version import __version__
from convcost.graph.drawn import Unit, units
from convcost.graph.graph import ROLES, Caption
from convcost.graph.partial import AT_LEAST, UnknownOp, unknown_ops, unknown_text
from convcost.graph.receptive import Fields, receptive_fields
from convcost.graph.typed import Operands, as_dtype, operands, params_by_dtype, states_types, used_dtypes
from convcost.graph.walk import Step, Walked
from convcost.memory.layout import MemoryLayout, layout
from convcost.memory.lifetimes import peak_bytes
from convcost.memory.policies import POLICIES, policy
from convcost.memory.traffic import Traffic, traffic
from convcost.render.escape import printable
from convcost.render.table import Table
from convcost.results import receptive
from convcost.results.costs import (
    MOVED_ONCE,
    NOT_COUNTED,
    OF_GROUPS,
    OF_LAYERS,
    SUMMED,
    Group,
    LayerCost,
    Part,
    Totals,
    cells,
    count,
    counts,
    ends_text,
    first_read,
    group,
    input_text,
    is_unknown,
    op_text,
    output_text,
    per_byte,
    share,
    shared_with,
    sums,
    unit_group,
)
from convcost.results.deployed import deployed_notes
from convcost.results.rows import (
    AS_USUAL,
    SHARE,
    USUAL,
    Column,
    Showing,
    bars,
    columns,
    cut,
    levels_that_fit,
    ordered,
    selected,
)
from convcost.results.settings import settings_text
from convcost.results.summary import drops, summary_notes
from convcost.results.timed import Timed, device_dict, time_columns, time_dict, time_notes

if TYPE_CHECKING:
    import pandas as pd

    from convcost.deploy.flash import DeployedSize


__all__ = [  # with what a report consists of
    "LEVELS",
    "NOT_COUNTED",
    "SUMMED",
    "Group",
    "LayerCost",
    "Report",
    "Totals",
    "cells",
    "count",
    "ends_text",
    "first_read",
    "input_text",
    "is_unknown",
    "op_text",
    "output_text",
    "report",
    "share",
    "shared_with",
]

NO_CAPTION = Caption()


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
    deployed: DeployedSize | None = None
    """What it takes in flash, if that was asked for."""
    fields: Mapping[str, Fields] = field(default_factory=dict, hash=False)
    """Layer -> its receptive field, if these were asked for."""
    timed: Timed | None = None
    """What the layers' times are of, if these were asked for."""

    @property
    def weight_dtypes(self) -> Mapping[str, int]:
        """Dtype -> the bytes of the parameters that are stored as it."""
        elements = params_by_dtype((layer.step for layer in self.layers), self.asked_dtype or DEFAULT)
        return {dtype: storage(number, dtype) for dtype, number in elements.items()}

    @property
    def input_shape(self) -> Shape:
        """The shape of the (first) input."""
        return next(iter(self.inputs.values()), ())

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

    def by(self, level: str | int) -> tuple[Group, ...]:
        """The layers grouped by unit, block, stage or op, or by their first so many scopes, in order of appearance.

        Raises `UsageError`.
        """
        return tuple(_group(name, layers, level) for name, layers in self.parts(level).items())

    def parts(self, level: str | int) -> dict[str, list[LayerCost]]:
        """The layers of each unit, block, stage or op, or each alone, in order of appearance; raises `UsageError`.

        A layer of no scope belongs where what it is drawn with does: an activation to its convolution.
        """
        return _parts(self.layers, level)

    def __repr__(self) -> str:
        counted = f"{bound(self)}{exact(self.totals.operations)} {self.convention.unit}"
        return printable(f"<Report {title(self)} · {counted} ({self.convention.name})>")

    def table(
        self,
        by: str | int | None = None,
        *,
        sort: str | None = None,
        top: int | None = None,
        only: str | None = None,
        columns: str | Sequence[str] | None = None,
        units: str = "",
        digits: int | None = None,
        traffic: bool = False,
    ) -> Table:
        """The report as a table by unit, layer, block, stage or op, or by the first so many scopes, to show or to `render`.

        Without `by`, the finest of unit, block and stage that has at most 40 rows; its records are those of all layers.
        `sort` is a metric, the largest first, or `name`; `top` keeps so many rows, the rest as one; `only` ops, names or
        globs of them; `traffic` shows the bytes that are moved. Raises `UsageError`.
        """
        wanted = None if columns is None else several(columns)
        return report_table(self, by, Showing(sort, top, only, wanted, display(units, digits), traffic))

    def to_frame(self, by: str | int = "layer") -> pd.DataFrame:
        """A pandas DataFrame with a row per layer, unit, block, stage or op, of the same columns; raises `UsageError`."""
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
    fields: bool = False,
) -> Report:
    """The report of a walked graph under a convention, a batch size, a dtype and a memory policy.

    Without a dtype, tensors have the types that the network states, and fp32 where it states none. Raises `UsageError` if one of them is unknown or invalid.
    """
    dtype = asked_dtype(dtype)
    walked = as_dtype(walked, dtype)
    batch = check_batch(batch)
    asked = _Asked(walked, memory_policy, dtype, batch)
    types = [each.factors for each in asked.operands] if convention.by_type else [Factors()] * len(walked.steps)
    layers = tuple(_layer(at, step, types[at], convention, asked) for at, step in enumerate(walked.steps))
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
        totals=_totals(layers, asked),
        changed=changed,
        remarks=(*remarks, *_unsaid(walked.steps, convention)),
        asked_dtype=dtype,
        input_dtypes={name: walked.graph.dtypes.get(name, dtype or DEFAULT) for name in walked.inputs},
        typed=states_types(walked.graph),
        fields=receptive_fields(walked) if fields else {},
    )


def with_times(report: Report, found: Timed) -> Report:
    """The report with how long each layer takes on a device."""
    layers = tuple(layer._replace(femtoseconds=found.times[layer.name]) for layer in report.layers)
    whole = sum(layer.femtoseconds for layer in layers)
    return replace(report, layers=layers, totals=report.totals._replace(femtoseconds=whole), timed=found)


def _unsaid(steps: Sequence[Step], convention: Convention) -> tuple[str, ...]:
    """A remark on layers that a convention counts by how they are written, where a model file does not say how."""
    ops = unsaid(steps, convention)
    if not ops:
        return ()
    taken = f"taken as modules, or operators between tensors: {', '.join(ops)}"
    return (f"{taken}; {convention.name} counts functions otherwise, and the file does not say what was written",)


def _layer(at: int, step: Step, factors: Factors, convention: Convention, asked: _Asked) -> LayerCost:
    return LayerCost.deferred(
        partial(asked.of, at),
        step=step,
        batch=asked.batch,
        operations=convention.of(step, factors) * asked.batch,
        counted=convention.knows(step.node.op),
        femtoseconds=0,
    )


class _Asked:
    """What is counted of a network's layers where it is asked for, of all at once; raises `UsageError` for an unknown policy."""

    def __init__(self, walked: Walked, memory_policy: str, dtype: str | None, batch: int) -> None:
        self.walked, self.dtype, self.batch = walked, dtype, batch
        self.policy, self.policy_name = policy(memory_policy), memory_policy

    def of(self, layer: int, field: str) -> Any:
        """A field of the cost of a layer."""
        return getattr(self, field)[layer]

    @cached_property
    def where(self) -> MemoryLayout:
        return layout(self.walked, self.policy)

    @cached_property
    def peak(self) -> int:
        return peak_bytes(self.walked, self.policy_name, self.dtype, self.batch, self.where)

    @cached_property
    def unit(self) -> list[Unit]:
        drawn = {id(step): unit for unit in units(self.walked) for step in unit.steps}
        return [drawn[id(step)] for step in self.walked.steps]

    @cached_property
    def traffic(self) -> tuple[Traffic, ...]:
        return traffic(self.walked, self.policy_name, self.dtype, self.batch, self.where)

    @cached_property
    def operands(self) -> list[Operands]:
        return [*operands(self.walked, self.dtype).values()]

    @cached_property
    def padding_macs(self) -> list[int]:
        alike = {id(step.cost): step for step in self.walked.steps}  # one ledger entry, and as many zeros
        zeros = {key: step.padding_macs * self.batch for key, step in alike.items()}
        return [zeros[id(step.cost)] for step in self.walked.steps]


def _totals(layers: Sequence[LayerCost], asked: _Asked) -> Totals:
    def compute(field: str) -> int:
        match field:
            case "flops":
                return 2 * made.macs
            case "conv_activations":
                return sum(layer.activations for layer in layers if layer.step.traits.weighted)
            case "weight_bytes":
                stored = params_by_dtype(asked.walked.steps, asked.dtype or DEFAULT)
                return sum(storage(number, kind) for kind, number in stored.items())
            case "peak_activation_bytes":
                return asked.peak
            case "unknown":
                return sum(layer.step.opaque for layer in layers)
        return sum(getattr(layer, field) for layer in layers)

    made = Totals.deferred(compute, femtoseconds=0)
    return made


def _parts(layers: Sequence[LayerCost], level: str | int) -> dict[str, list[LayerCost]]:
    level = check_level(level)
    groups: dict[str, list[LayerCost]] = {}
    for layer in layers:
        groups.setdefault(_key(layer, level), []).append(layer)
    return groups


def check_level(level: str | int) -> str | int:
    """What a row stands for, a level or a depth; raises `UsageError` for what it cannot be."""
    level = python_int(level)
    if isinstance(level, int):
        return check_integer(level, "depth", LARGEST)
    if not is_one_of(level, LEVELS):
        raise UsageError(f"cannot group by {level!r}{did_you_mean(level, LEVELS)}")
    return level


def _key(layer: LayerCost, level: str | int) -> str:
    if isinstance(level, int):
        return layer.part(level)
    if level == "unit":
        return layer.unit.name
    return str(getattr(layer, {"layer": "name", "op": "kind"}.get(level, level)))


def _group(name: str, layers: Sequence[LayerCost], level: str | int) -> Group:
    return unit_group(layers) if level == "unit" else group(name, layers, ends=level != "op")


def usual_level(report: Report, layers: Sequence[LayerCost] | None = None) -> str:
    """What rows stand for where nobody says: the finest of unit, block and stage with at most 40 rows, of some layers.

    Kinds of op, where even stages are more, as in a file that has no scopes.
    """
    shown = report.layers if layers is None else layers
    return levels_that_fit({level: len(_parts(shown, level)) for level in _USUAL_LEVELS}, MOST_ROWS)


_USUAL_LEVELS = ("unit", "block", "stage", "op")


def totals_dict(totals: Totals) -> dict[str, int]:
    """The totals by name."""
    return {name: value for name, value in totals._asdict().items() if name in METRICS}


def to_dict(report: Report, level: str | int = "layer") -> dict[str, Any]:
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
        "totals": {**totals_dict(report.totals), "intensity": per_byte(report.totals), **_more_totals(report)},
        **device_dict(report.timed),
        **_dtypes_dict(report),
        **({"deployed": report.deployed.to_dict()} if report.deployed else {}),
        "not_counted": dict(report.not_counted),
        "memory_policy": report.memory_policy,
        "layers": [layer_dict(layer, typed=report.typed) | _more(report, layer, layer.name) for layer in report.layers],
    }
    if level != "layer":
        data |= {"by": level} if isinstance(level, str) else {"by": "depth", "depth": level}
        data["groups"] = [_group_dict(group) | _more(report, group, group.last) for group in report.by(level)]
    return data


def _more(report: Report, part: Part, last: str) -> dict[str, Any]:
    """The time of a part, and the receptive field of the layer that it ends with, where these were asked for."""
    fields = {"receptive_field": receptive.fields_dict(report.fields[last])} if last in report.fields else {}
    return fields | time_dict(report.timed, part)


def _more_totals(report: Report) -> dict[str, Any]:
    deployed = {"deployed_weight_bytes": int(report.deployed.weight_bytes)} if report.deployed else {}
    return deployed | time_dict(report.timed, report.totals)


def _dtypes_dict(report: Report) -> dict[str, Any]:
    """The types that the network states for its inputs, and in how many bytes parameters of each type are stored."""
    if not report.typed:
        return {}
    return {"input_dtypes": report.input_dtypes, "weight_dtypes": dict(report.weight_dtypes)}


def inputs_dict(inputs: Mapping[str, Shape]) -> dict[str, Any]:
    """A network's inputs as JSON-ready data: the shape of the first, empty where there is none, and of all by name.

    >>> inputs_dict({"image": (96, 96, 3), "tokens": (77,)})
    {'input_shape': [96, 96, 3], 'inputs': {'image': [96, 96, 3], 'tokens': [77]}}
    """
    shapes = {name: list(shape) for name, shape in inputs.items()}
    return {"input_shape": next(iter(shapes.values()), []), "inputs": shapes}


def layer_dict(layer: LayerCost, *, typed: bool = False) -> dict[str, Any]:
    """One layer as JSON-ready data; `output_shapes` only where there are several, `dtypes` only in a network that is `typed`.

    `kind` is what `--by op` groups by; `kernel`, `stride` and `groups` are null if an op has none. `shared` is the earlier
    layer whose weights this one uses, a mapping if it uses only some of them, or null. `unit` is what it is drawn with.
    """
    step, node = layer.step, layer.step.node
    data = {
        "name": node.name,
        "scope": list(node.scope),
        "op": node.op,
        "kind": step.kind,
        "kernel": _window(layer, "kernel"),
        "stride": _window(layer, "stride", "kernel"),
        "groups": node.attrs.get("groups"),
        "input_shapes": [list(shape) for shape in step.input_shapes],
        "output_shape": list(layer.output_shape) or None,
        **counts(layer, OF_LAYERS),
        "intensity": per_byte(layer),
        "shared": node.owner or dict(node.shares) or None,
        "trainable": node.trainable,
        "line": layer.line,
        "unit": layer.unit.name,
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


def to_frame(report: Report, by: str | int = "layer") -> pd.DataFrame:
    """A row per layer or group, exact counts as int64 (as Python ints if one does not fit; <NA> where nobody knows them).

    The columns are those of `layer_dict`, and `stage`, `block` and the number of `layers`; what a group's layers have not
    in common is missing.
    """
    import pandas as pd

    parts = report.parts(by).items()
    rows = [
        _frame_row(name, layers, by, report.typed) | time_dict(report.timed, group(name, layers))
        for name, layers in parts
    ]
    frame = pd.DataFrame(rows, columns=[*rows[0]] if rows else None)
    may_lack = _MAY_LACK if report.complete else dict.fromkeys((*_MAY_LACK, *OF_LAYERS))
    return frame.astype(dict.fromkeys(may_lack, "Int64")) if rows else frame  # not floats where one is missing


_MAY_LACK = ("groups", "line", "operations")


def _frame_row(name: str, layers: Sequence[LayerCost], by: str | int, typed: bool) -> dict[str, Any]:
    each = [layer_dict(layer, typed=typed) for layer in layers]
    for data, layer in zip(each, layers, strict=True):
        data.pop("output_shapes", None)
        data |= {"scope": ".".join(layer.scope), "stage": layer.stage, "block": layer.block}
    row = {key: value if all(one[key] == value for one in each) else None for key, value in each[0].items()}
    row |= {"name": name, "layers": len(layers), "unknown": sum(layer.step.opaque for layer in layers)}
    if len(each) > 1:
        known = [one for one, layer in zip(each, layers, strict=True) if not layer.step.opaque]
        row |= {key: sum(one[key] or 0 for one in known) if known else None for key in SUMMED}
        row["intensity"] = per_byte(group(name, layers))
        if by != "op":
            row["input_shapes"] = next((one["input_shapes"] for one in each if one["input_shapes"]), [])
            row["output_shape"] = each[-1]["output_shape"]
    return row


def report_table(report: Report, level: str | int | None = None, showing: Showing = AS_USUAL) -> Table:
    """The report as a table with totals and the convention it used; raises `UsageError`."""
    level = None if level is None else check_level(level)
    layers = selected(report.layers, showing.only, singly=level in ("layer", "op"))
    shown = usual_level(report, layers) if level is None else level
    parts = _parts(layers, shown)
    every: Sequence[Part] = layers if shown == "layer" else [_group(*part, shown) for part in parts.items()]
    timed = report.timed is not None
    rows = ordered(every, showing.sort, showing.top, timed=timed)
    exact_rows = ordered(layers, showing.sort, showing.top, timed=timed) if level is None else rows
    rows = cut(rows, showing.top, lambda part: parts[part.name])
    found = _columns(report, shown, showing)
    whole = report.totals if showing.only is None else _totals_of(report, layers)
    first = "total" if showing.only is None else "total shown"

    def unshown(field: str) -> Any:
        """What text does not show."""
        if field == "data":
            return to_dict(report, "layer" if level is None else level)
        return [_record(report, part, _asked(showing)) for part in exact_rows[: showing.top]]

    return Table.deferred(
        unshown,
        title=title(report),
        headers=tuple(column.heading for column in found),
        numeric=tuple(column.numeric for column in found),
        rows=[[column.text(part) for column in found] for part in rows],
        total=[first, *(column.text(whole) for column in found[1:])],
        notes=[
            *notes(report),
            *time_notes(report.timed, whole, showing.display),
            *(moved_notes(report) if any(column.key in (*MOVED, *RATIOS) for column in found) else []),
            *_closing(report),
            *(_rows_note(report, shown) if level is None else []),
        ],
        priority=tuple(column.priority for column in found),
        bars=bars(rows, showing.top or len(rows)) if any(column.key == SHARE for column in found) else (),
    )


_METRICS = tuple(dict.fromkeys((*USUAL, *OF_LAYERS, *RATIOS)))
"""What a row can say, the usual first."""


def _columns(report: Report, shown: str | int, showing: Showing) -> list[Column]:
    metrics = [metric.under(unit_text(report)) for metric in metrics_of(report, _METRICS)]
    level = shown if isinstance(shown, str) else "part"
    more = [*receptive.field_columns(report.fields), *time_columns(report.timed, showing.display)]
    return columns(level, metrics, report.totals, showing, of_layers=shown == "layer", more=more)


def _totals_of(report: Report, layers: Sequence[LayerCost]) -> Totals:
    """The sums over some of the layers, of what a column says; the rest is that of the network."""
    unknown = sum(layer.step.opaque for layer in layers)
    time = sum(layer.femtoseconds for layer in layers)
    return replace(report.totals, **sums(layers, OF_LAYERS), unknown=unknown, femtoseconds=time)


def _closing(report: Report) -> list[tuple[str, str]]:
    """The notes on where the cost lies."""
    shrinks = drops(report.layers, [*report.inputs.values()])
    return summary_notes(report.by("unit"), report.by("op"), shrinks, report.totals)


def _rows_note(report: Report, shown: str | int) -> list[tuple[str, str]]:
    """What rows stand for, and how to see more, where that was not asked for."""
    finer = {"unit": ("layer",), "block": ("unit", "layer")}.get(str(shown), ("block", "unit", "layer"))
    counts = {level: counted(len(report.parts(level)), *_ONE.get(level, (str(level),))) for level in (shown, *finer)}
    if shown == "unit" and len(report.parts(shown)) == len(report.layers):
        return []
    see = f"{', '.join(f'--by {level}' for level in finer)} {'show them' if len(finer) > 1 else 'shows them'}"
    return [("rows", f"{counts.pop(shown)} of {', '.join(counts.values())}; {see}")]


_ONE: Mapping[str | int, tuple[str, str]] = {"op": ("kind of op", "kinds of op")}


def title(report: Report) -> str:
    """The network, the knobs that its name does not determine, and its input on one line."""
    name = report.network if not report.title else f"{report.title} ({report.network})"
    return " · ".join([name, settings_text(changed_knobs(report), report.inputs), f"batch {exact(report.batch)}"])


def changed_knobs(report: Report) -> dict[str, Any]:
    """The knobs that the network's name does not determine, without the one that its input says."""
    settled = {*report.knobs} - {*report.changed} | {"resolution"}
    return {name: value for name, value in report.knobs.items() if name not in settled}


def said(report: Report, *needs: Need) -> str:
    """What a picture is drawn for, besides the network: changed knobs, input, and of dtype and policy what it `needs`.

    >>> from convcost import load
    >>> said(load("mobilenet_v2", width=0.5).report(dtype="int8"), "dtype")
    'width 0.5 · input 224×224×3 · as int8'
    """
    return settings_text(
        changed_knobs(report),
        report.inputs,
        batch=report.batch,
        dtype=report.dtype,
        policy=report.memory_policy,
        needs=needs,
    )


def notes(report: Report) -> list[tuple[str, str]]:
    """Notes on the totals and the convention."""
    t, says = report.totals, POLICIES[report.memory_policy].says
    zeros = f", of which {percent(t.padding_macs, t.macs)} multiply padding zeros" if t.padding_macs else ""
    weights, peak, least = binary(t.weight_bytes), binary(t.peak_activation_bytes), bound(report)
    said = {
        "params": f"{params_text(t)}, {weights} as {as_text(report.dtype)}; buffers {exact(t.buffers)}",
        "macs": f"{exact(t.macs)} ({compact(t.macs)}){zeros}; FLOPs = 2 × MACs = {exact(t.flops)}",
        "operations": f"{exact(t.operations)} {report.convention.unit} under this convention",
        "activations": f"{exact(t.activations)} elements written, {exact(t.conv_activations)} by conv and linear layers",
        "peak_activation_bytes": f"{peak} of activations at once as {as_text(report.dtype)}; "
        f"policy {report.memory_policy}: {says}",
    }
    return [
        *unknown_notes(report),
        *((metric.heading, f"{least}{said[metric.key]}") for metric in metrics_of(report, said)),
        *(deployed_notes(report.deployed) if report.deployed else []),
        ("convention", f"{report.convention.name}: {report.convention.counts}"),
        *types_notes(report),
        *shared_notes(report.layers),
        *not_counted_notes(report),
        *([("receptive", receptive.note(report.fields))] if report.fields else []),
        *(("file", remark) for remark in report.remarks),
    ]


def moved_notes(report: Report) -> list[tuple[str, str]]:
    """A note on the bytes that are moved: what they are of, and when they are counted."""
    t, least = report.totals, bound(report)
    each = (("inputs", t.bytes_read), ("outputs", t.bytes_written), ("weights", t.weight_bytes_read))
    parts = ", ".join(f"{name} {least}{binary(size)}" for name, size in each)
    said = f"{least}{binary(t.bytes_moved)} as {as_text(report.dtype)} ({exact(t.bytes_moved)} bytes): {parts}"
    (per_byte,) = cells(t, [METRICS["intensity"]])
    return [("bytes moved", f"{said}; {per_byte} MACs per byte; {MOVED_ONCE} {report.memory_policy}")]


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


def _asked(showing: Showing) -> Sequence[str] | None:
    """The columns of exact values that are asked for; None for all."""
    if showing.columns is None:
        return None
    return (*showing.columns, *(TRAFFIC if showing.traffic else ()))


def _record(report: Report, part: Part, columns: Sequence[str] | None) -> dict[str, Any]:
    data = layer_dict(part, typed=report.typed) if isinstance(part, LayerCost) else _group_dict(part)
    flat = {name: _flat(value) for name, value in data.items() if name != "output_shapes"}
    flat |= {column.key: column.text(part) for column in receptive.field_columns(report.fields)}
    flat |= time_dict(report.timed, part)
    whole = {**flat, "convention": report.convention.name}
    if columns is None:
        return whole
    number, every = count(part, "operations"), report.totals.operations
    whole["share"] = number / every if report.complete and number is not None and every else None
    asked = [name.strip().lower() for name in columns]
    keys = dict.fromkeys(key for name in ("name", *asked) for key in _SAID_AS.get(name, (name,)))
    return {key: whole[key] for key in keys if key in whole}


_SAID_AS = {"input": ("input_shapes", "input_shape"), "output": ("output_shape",), "op": ("op", "text")}
"""Column of a table -> what its exact values are called."""


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
        **counts(group, OF_GROUPS),
        "intensity": per_byte(group),
        "unknown": group.unknown,
        **({"text": group.text} if group.text else {}),
    }
