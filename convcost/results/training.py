"""What a training step costs: forward, and the gradients to inputs and weights; what it keeps in memory, and what it moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from convcost.core.display import EVERY_DIGIT, Display
from convcost.core.dtypes import storage
from convcost.core.metrics import METRICS
from convcost.core.units import binary, compact, exact, percent
from convcost.graph.partial import AT_LEAST, AT_MOST, UNKNOWN
from convcost.graph.training import backward
from convcost.graph.walk import Walked
from convcost.memory.optimizers import OPTIMIZERS, trained_as
from convcost.memory.training import StepBytes, training_bytes
from convcost.render.escape import printable
from convcost.render.table import Table, Tabular
from convcost.results.costs import LayerCost
from convcost.results.report import Report, bound, title, to_dict, unknown_notes, usual_level


class LayerTraining(NamedTuple):
    """One layer in a training step, over the batch."""

    layer: LayerCost
    to_inputs: int
    """MACs of the gradients to its inputs."""
    to_weights: int
    """MACs of the gradient to its weights."""
    bytes: StepBytes

    @property
    def macs(self) -> int:
        """MACs of the step, forward and backward."""
        return self.layer.macs + self.to_inputs + self.to_weights


class Held(NamedTuple):
    """The bytes that a training step holds in memory."""

    weights: int
    """Trained or not, and running statistics."""
    gradients: int
    optimizer: int
    activations: int
    """Those that the backward pass reads, over the batch."""

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self)


@dataclass(frozen=True, slots=True)
class Training(Tabular):
    """A training step of a network."""

    report: Report
    optimizer: str
    layers: tuple[LayerTraining, ...]
    held: Held

    @property
    def forward(self) -> int:
        """MACs of the forward pass."""
        return self.report.totals.macs

    @property
    def to_inputs(self) -> int:
        """MACs of the gradients to inputs."""
        return sum(one.to_inputs for one in self.layers)

    @property
    def to_weights(self) -> int:
        """MACs of the gradients to weights."""
        return sum(one.to_weights for one in self.layers)

    @property
    def macs(self) -> int:
        """MACs of the step, forward and backward."""
        return self.forward + self.to_inputs + self.to_weights

    @property
    def bytes_moved(self) -> int:
        """Bytes that the step moves, nothing fused."""
        return sum(int(one.bytes.moved) for one in self.layers)

    def table(self, by: str | int | None = None, display: Display = EVERY_DIGIT) -> Table:
        """A row for each unit, layer, block, stage or op; raises `UsageError`."""
        return training_table(self, by, display)

    def __repr__(self) -> str:
        return printable(
            f"<Training {self.report.network} · {exact(self.macs)} MACs · {binary(self.held.total)} · {self.optimizer}>"
        )


def training(walked: Walked, report: Report, optimizer: str = "sgd", dtype: str | None = None) -> Training:
    """What a training step of a reported network costs; raises `UsageError` for an unknown optimizer or an unfit dtype.

    >>> from convcost import load
    >>> load("resnet18").training().macs
    5324206080
    """
    batch, passes = report.batch, backward(walked)
    moved = training_bytes(walked, optimizer, dtype, batch)
    layers = tuple(
        LayerTraining(layer, int(back.to_inputs * batch), int(back.to_weights * batch), each)
        for layer, back, each in zip(report.layers, map(passes.__getitem__, (x.name for x in report.layers)), moved)
    )
    as_type = trained_as(dtype)
    params, copies = storage(report.totals.params, as_type), OPTIMIZERS[optimizer].copies
    held = Held(
        weights=params + storage(report.totals.buffers, as_type),
        gradients=params,
        optimizer=copies * params,
        activations=sum(int(one.bytes.kept) for one in layers),
    )
    return Training(report, optimizer, layers, held)


class _Row(NamedTuple):
    """Layers together."""

    name: str
    op: str
    forward: int
    to_inputs: int
    to_weights: int
    kept: int
    moved: int
    unknown: str
    """What stands before sums, or instead of them."""

    @property
    def macs(self) -> int:
        return self.forward + self.to_inputs + self.to_weights


def training_table(found: Training, by: str | int | None = None, display: Display = EVERY_DIGIT) -> Table:
    """A training step as a table with totals; raises `UsageError`."""
    report = found.report
    level = usual_level(report) if by is None else by
    of = {one.layer.name: one for one in found.layers}
    units = {id(one.layer.unit): one.layer.unit for one in found.layers}
    texts = {key: unit.text for key, unit in units.items()}  # once: a unit may have thousands of layers
    rows = []
    for name, layers in report.parts(level).items():
        ops = {texts[id(layer.unit)] for layer in layers}
        rows.append(_row(name, [of[layer.name] for layer in layers], ops.pop() if len(ops) == 1 else ""))
    whole = _row("total", found.layers)
    macs, kept = METRICS["macs"], METRICS["activation_bytes"]

    def cells(row: _Row) -> list[str]:
        counts = [macs.text(n, display) for n in (row.forward, row.to_inputs, row.to_weights, row.macs)]
        numbers = [*counts, kept.text(row.kept, display)]
        return [UNKNOWN if row.unknown == UNKNOWN else f"{row.unknown}{number}" for number in numbers]

    first = [str(level) if isinstance(level, str) else "part", *(["op"] if level in ("layer", "unit") else [])]
    words = len(first)
    return Table(
        title=f"{title(report)} · training step",
        headers=(*first, "forward", "to inputs", "to weights", "step", "kept", "share"),
        numeric=(False,) * words + (True,) * 6,
        rows=[[*(row.name, row.op)[:words], *cells(row), _share(row, whole)] for row in rows],
        total=[*("total", "")[:words], *cells(whole), percent(whole.macs, whole.macs)],
        records=[_record(row) for row in rows],
        data={**to_dict(report), "training": _dict(found)},
        notes=_notes(found),
        priority=(*(0, 4)[:words], 0, 1, 1, 0, 2, 3),
    )


def _share(row: _Row, whole: _Row) -> str:
    """The MACs of a row as a share of the step's: of those that are known, an upper bound; of a partial sum it is none."""
    if row.unknown:
        return UNKNOWN
    return f"{AT_MOST if whole.unknown and row.macs else ''}{percent(row.macs, whole.macs)}"


def _row(name: str, layers: Sequence[LayerTraining], op: str = "") -> _Row:
    opaque = [one.layer.step.opaque for one in layers]
    return _Row(
        name,
        op,
        sum(one.layer.macs for one in layers),
        sum(one.to_inputs for one in layers),
        sum(one.to_weights for one in layers),
        sum(int(one.bytes.kept) for one in layers),
        sum(int(one.bytes.moved) for one in layers),
        UNKNOWN if all(opaque) else AT_LEAST if any(opaque) else "",
    )


def _record(row: _Row) -> dict[str, Any]:
    known = row.unknown != UNKNOWN
    counts = {
        "macs": row.forward,
        "to_inputs_macs": row.to_inputs,
        "to_weights_macs": row.to_weights,
        "step_macs": row.macs,
        "kept_bytes": row.kept,
        "bytes_moved": row.moved,
    }
    return {"name": row.name, **{key: number if known else None for key, number in counts.items()}}


def _dict(found: Training) -> dict[str, Any]:
    """The training step as JSON-ready data; counts of a layer that nobody knows are null."""
    held = found.held
    moved = [one.bytes for one in found.layers]
    return {
        "optimizer": found.optimizer,
        "dtype": found.report.dtype,
        "batch": found.report.batch,
        "macs": {
            "forward": found.forward,
            "to_inputs": found.to_inputs,
            "to_weights": found.to_weights,
            "total": found.macs,
        },
        "memory_bytes": {**held._asdict(), "total": held.total},
        "bytes_moved": {
            **{name: sum(int(getattr(one, name)) for one in moved) for name in ("forward", "backward", "update")},
            "total": found.bytes_moved,
        },
        "layers": [_layer_dict(one) for one in found.layers],
    }


def _layer_dict(one: LayerTraining) -> dict[str, Any]:
    moved = {name: int(getattr(one.bytes, name)) for name in ("forward", "backward", "update")}
    return {**_record(_row(one.layer.name, [one])), "bytes_moved": {**moved, "total": int(one.bytes.moved)}}


def _notes(found: Training) -> list[tuple[str, str]]:
    report, held = found.report, found.held
    least = bound(report)
    ratio = f" = {decimal(found.macs, found.forward)} × forward" if found.forward and report.complete else ""
    moved = found.bytes_moved
    each = (("weights", held.weights), ("gradients", held.gradients), (found.optimizer, held.optimizer))
    kept = f"activations {binary(held.activations)} kept for the backward pass of batch {exact(report.batch)}"
    parts = ", ".join([*(f"{name} {binary(size)}" for name, size in each if size), kept])
    return [
        *unknown_notes(report),
        (
            "MACs",
            f"{least}{exact(found.macs)} ({compact(found.macs)}){ratio}; FLOPs = 2 × MACs = {exact(2 * found.macs)}",
        ),
        ("to inputs", "the gradients to what layers read; none where nothing that is trained lies behind"),
        ("to weights", "the gradients to weights that are trained, at each use"),
        *(
            []
            if report.complete
            else [("taken", "gradients to pass through unknown ops, and nothing in them to be trained")]
        ),
        ("memory", f"{least}{binary(held.total)} as {report.dtype}: {parts}"),
        ("not counted", "the gradients of activations, which live for a moment, and workspaces"),
        ("optimizer", f"{found.optimizer}: remembers {OPTIMIZERS[found.optimizer].says} for each parameter"),
        (
            "bytes moved",
            f"{least}{binary(moved)}: each tensor once by each kernel that uses it, nothing fused"
            + (f"; {decimal(found.macs, moved)} MACs per byte" if moved and report.complete else ""),
        ),
    ]


def decimal(number: int, of: int) -> str:
    """A ratio to three digits.

    >>> decimal(5_324_206_080, 1_814_073_344)
    '2.93'
    """
    return EVERY_DIGIT.ratio(Fraction(number, of))
