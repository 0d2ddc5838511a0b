"""The memory of a network as tables: the timeline, step by step, and the tensors with their arena offsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from convcost.core.dtypes import DEFAULT, as_text, asked_dtype, one_word, storage
from convcost.core.errors import UsageError, is_one_of
from convcost.core.units import binary, exact, percent, shape_text
from convcost.core.version import __version__
from convcost.graph.partial import AT_LEAST
from convcost.memory.arena import PLANNERS, Plan
from convcost.memory.lifetimes import Tensor
from convcost.memory.order import MOST_TRIED
from convcost.memory.policies import POLICIES
from convcost.memory.usage import Moment, Usage
from convcost.render.table import Table
from convcost.results.report import Report, bound, inputs_dict, json_value, op_text, title, unknown_notes

LEVELS = ("step", "tensor")
"""What a row may be."""
PICTURES = ("timeline", "arena")
PLACES = ("flash", "ram")
"""Where weights may lie."""
"""What a picture may show: what is alive when, and where it lies."""
_WIDTH = 24
_EIGHTHS = " ▏▎▍▌▋▊▉"


class Limit(NamedTuple):
    """A limit in bytes, whether it is met, and which changes would meet it."""

    size: int
    kept: bool
    remedies: tuple[tuple[str, int], ...]
    """Changes, as options of the command, each with the bytes needed after it."""
    partial: bool = False
    """Whether what is needed is a lower bound, because of unknown ops: then it is only known to be exceeded."""
    weights: int = 0
    """Bytes of weights that count, too."""


def memory_table(
    report: Report,
    usage: Usage,
    level: str = "step",
    weights: str | None = None,
    limit: Limit | None = None,
    weights_in: str = "flash",
) -> Table:
    """The timeline, or the tensors; `report` is of the same network, `weights` the dtype of its parameters if another.

    `weights_in` says where these lie, in flash or in RAM (`PLACES`): there they count in what is needed.
    """
    stored = stored_weights(report, weights or usage.options.dtype, weights_in)
    data = _data(report, usage, stored, limit)
    notes = _notes(report, usage, stored, limit)
    make = _tensors if level == "tensor" else _steps
    headers, numeric, rows, records = make(report, usage)
    priority, shorten = [_GIVES_WAY.get(name, 0) for name in headers], [name in _SHORTENED for name in headers]
    return Table(
        title(report),
        headers,
        numeric,
        rows,
        records,
        data,
        notes=notes,
        priority=tuple(priority),
        shorten=tuple(shorten),
    )


_GIVES_WAY = {"": 1, "op": 2, "output": 3, "step": 4, "from step": 1, "to step": 1, "type": 2, "shape": 3}
"""Heading -> how its column gives way on a narrow screen; bars are the first that are missed."""
_SHORTENED = ("layer", "op", "output", "tensor", "shape")
"""Headings of texts: a bar is none."""


def memory_page_parts(
    report: Report,
    usage: Usage,
    weights: str | None = None,
    limit: Limit | None = None,
    weights_in: str = "flash",
) -> list[Table]:
    """Both tables, for a page that has the title already."""
    steps, tensors = (memory_table(report, usage, level, weights, limit, weights_in) for level in LEVELS)
    return [replace(steps, title="Timeline"), replace(tensors, title="Tensors", notes=[])]


class StoredWeights(NamedTuple):
    """How the parameters are stored, in how many bytes, and where."""

    dtype: str
    bytes: int
    place: str = "flash"

    @property
    def in_ram(self) -> int:
        """Bytes of RAM that they take."""
        return self.bytes if self.place == "ram" else 0


def check_place(place: str) -> str:
    """Where weights lie, if they can lie there; raises `UsageError`."""
    if not is_one_of(place, PLACES):
        raise UsageError(f"weights lie in {' or '.join(PLACES)}, got {place!r}")
    return place


def stored_weights(report: Report, dtype: str | None, place: str = "flash") -> StoredWeights:
    """The parameters as a dtype, if one is given, else as the network states."""
    place, asked = check_place(place), asked_dtype(dtype)
    if asked is not None:
        return StoredWeights(asked, storage(report.totals.params, asked), place)
    return StoredWeights(one_word({*report.weight_dtypes}), sum(report.weight_dtypes.values()), place)


_Parts = tuple[tuple[str, ...], tuple[bool, ...], list[list[str]], list[dict[str, Any]]]


def _steps(report: Report, usage: Usage) -> _Parts:
    """A row for every step that writes a tensor; views and fused ops belong to the row above."""
    rows = []
    writers = {tensor.first for tensor in usage.lives.tensors}
    for moment in usage.timeline:
        if moment.position not in writers and usage.lives.windows is None:
            continue
        name, op, shape = _made(report, moment)
        mark = " ← peak" if moment.position == usage.peak_position else ""
        number = "" if moment.step < 0 else str(moment.position + 1)
        rows.append([number, name, op, shape, exact(moment.live), bar(moment.live, usage.peak) + mark])
    headers = ("step", "layer", "op", "output", "bytes alive", "")
    records = [{k: v for k, v in entry.items() if k != "alive"} for entry in _timeline(report, usage)]
    return headers, (True, False, False, False, True, False), rows, records


def _tensors(_report: Report, usage: Usage) -> _Parts:
    """A row for every tensor: its size, its live range and its offset in the smallest arena."""
    rows, records = [], []
    arena = usage.arena
    for i, tensor in enumerate(usage.lives.tensors):
        offset = arena.offsets[i] if arena else None
        place = "" if offset is None else exact(offset)
        lives = (_clock(tensor.first, usage), _clock(tensor.last, usage))
        said = _tensor(tensor, usage.sizes[i], usage)
        typed = [said["dtype"]] if "dtype" in said else []
        rows.append([tensor.name, shape_text(tensor.shape), *typed, *lives, exact(usage.sizes[i]), place])
        records.append({**said, "shape": "x".join(map(str, tensor.shape)), "offset": offset})
    kinds = ("type",) if usage.typed else ()
    headers = ("tensor", "shape", *kinds, "from step", "to step", "bytes", "offset")
    return headers, tuple(at >= 2 + len(kinds) for at in range(len(headers))), rows, records


def bar(part: int, whole: int) -> str:
    """A bar of text blocks, to an eighth of a character.

    >>> bar(1, 2), bar(0, 2)
    ('████████████', '')
    """
    eighths = (part * _WIDTH * 8 + whole // 2) // whole if whole else 0
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def _made(report: Report, moment: Moment) -> tuple[str, str, str]:
    """Name, op and output of the step at a moment."""
    if moment.step < 0:
        return (", ".join(report.inputs), "", " + ".join(map(shape_text, report.inputs.values())))
    layer = report.layers[moment.step]
    return (layer.name, op_text(layer), " + ".join(map(shape_text, layer.output_shapes)))


def _clock(position: int, usage: Usage) -> str:
    if position < 0:
        return "start"
    return "end" if position >= usage.lives.length else str(position + 1)


def _notes(report: Report, usage: Usage, weights: StoredWeights, limit: Limit | None) -> list[tuple[str, str]]:
    peak, options = usage.peak, usage.options
    at = next((m for m in usage.timeline if m.position == usage.peak_position), Moment(-1, -1, 0))
    alive = ", ".join(f"{t.name} {shape_text(t.shape)} ({exact(size)})" for t, size in _shown(usage.alive))
    more = len(usage.alive) - len(_shown(usage.alive))
    least = bound(report)
    said = f"{least}{binary(peak)} ({exact(peak)} bytes) of activations at once as {as_text(usage.dtype)}"
    notes = [
        ("peak memory", f"{said}, at {_made(report, at)[0]}"),
        ("alive there", alive + (f" and {more} more" if more > 0 else "")),
        ("policy", f"{options.policy}: {POLICIES[options.policy].says}"),
        ("order", _order_text(usage)),
        *(("split", line) for line in _split_text(usage)),
        *([("arena", _arena_text(usage))] if usage.plans else []),
        ("weights", _weights_text(usage, weights, least)),
    ]
    return [*unknown_notes(report), *notes, *limit_notes(usage, limit)]


def _weights_text(usage: Usage, weights: StoredWeights, least: str) -> str:
    said = f"{least}{binary(weights.bytes)} as {as_text(weights.dtype)}"
    if weights.place == "flash":
        return f"{said}, apart"
    return (
        f"{said}, in RAM as well: {least}{exact(usage.needed + weights.bytes)} bytes, {exact(usage.needed)} of activations and "
        f"{exact(weights.bytes)} of weights"
    )


def _shown(alive: Sequence[tuple[Tensor, int]]) -> Sequence[tuple[Tensor, int]]:
    return alive[:8]


def _order_text(usage: Usage) -> str:
    if usage.order is None:
        return "as the spec gives it"
    same = usage.order.steps == tuple(range(len(usage.order.steps)))
    changed = "as the spec gives it" if same else "changed"
    if usage.order.exact:
        return f"{changed}: no order of the layers has a smaller peak"
    return (
        f"{changed}: the best that was found in {exact(usage.order.tried)} steps of the search, {exact(usage.order.peak)} "
        f"{usage.unit}, which is a bound; no order stays below {exact(usage.order.bound)}"
    )


def _split_text(usage: Usage) -> list[str]:
    if usage.options.parts == 1:
        return []
    done = usage.splits
    if not done:
        return [f"no block gets smaller in {exact(usage.options.parts)} parts"]
    best = max(done, key=lambda split: split.before)
    counts = " to ".join(exact(parts) for parts in sorted({min(s.parts for s in done), max(s.parts for s in done)}))
    blocks = f"{exact(len(done))} block{'s' * (len(done) != 1)} in {counts} parts"
    if max(split.parts for split in done) < usage.options.parts:
        blocks += f" (of {exact(usage.options.parts)} asked for: a part has one channel or more)"
    needs = f"the largest, up to {best.name}, needs {exact(best.after)} {usage.unit} instead of {exact(best.before)}"
    return [f"{blocks}, without further multiplications; {needs}"]


def _arena_text(usage: Usage) -> str:
    aligned = f", offsets in multiples of {exact(usage.options.align)}" if usage.options.align > 1 else ""
    if not any(plan.wasted for plan in usage.plans):
        return f"{exact(usage.needed)} bytes{aligned}: every plan gets by with what is alive at once"
    return f"offsets for every tensor{aligned}: {'; '.join(map(_plan_text, usage.plans))}"


def _plan_text(plan: Plan) -> str:
    share = percent(plan.wasted, plan.total)
    lost = f"{exact(plan.wasted)} ({share}) lost between tensors" if plan.wasted else "nothing lost between tensors"
    return f"{plan.way} {exact(plan.total)} bytes, {lost}"


def limit_notes(usage: Usage, limit: Limit | None) -> list[tuple[str, str]]:
    """Whether a limit is met and, if not, by how much it is exceeded and what would help."""
    if limit is None:
        return []
    needed = usage.needed + limit.weights
    said = f"{AT_LEAST if limit.partial else ''}{exact(needed)} of {exact(limit.size)} bytes"
    if limit.kept:
        return [("limit", f"{said}: it fits{', as far as it is known' if limit.partial else ''}")]
    notes = [("limit", f"{said}: over by {exact(needed - limit.size)}")]
    notes += [("would fit", f"{change}: {exact(size)} bytes") for change, size in limit.remedies]
    if not limit.remedies and not limit.partial:
        notes.append(("would fit", "nothing that was tried: another policy, order, split, dtype or resolution"))
    return notes


def _data(report: Report, usage: Usage, weights: StoredWeights, limit: Limit | None) -> dict[str, Any]:
    options, arena = usage.options, usage.arena
    order: dict[str, Any] = {"runs": options.order, "steps": list(usage.running)}
    if usage.order:
        order |= {"exact": usage.order.exact, "steps_tried": usage.order.tried, "most_tried": MOST_TRIED}
        order |= {f"peak_{usage.unit}": usage.order.peak, f"bound_{usage.unit}": usage.order.bound}
    data: dict[str, Any] = {
        "schema": "convcost.memory/1",
        "version": __version__,
        "network": report.network,
        "knobs": {name: json_value(value) for name, value in report.knobs.items()},
        **inputs_dict(report.inputs),
        "batch": usage.batch,
        "dtype": usage.dtype,
        "policy": {"name": options.policy, "says": POLICIES[options.policy].says},
        "order": order,
        "complete": report.complete,
        "unknown": [layer._asdict() for layer in report.unknown],
        "peak_activation_bytes": usage.peak,
        "peak_position": usage.peak_position,
        "alive_at_peak": [_tensor(tensor, size, usage) for tensor, size in usage.alive],
        "weights": {"dtype": weights.dtype, "bytes": weights.bytes},
        "weights_in": weights.place,
        "needed_bytes": usage.needed + weights.in_ram,
        "parts": options.parts,
        "splits": [split._asdict() for split in usage.splits],
        "align": options.align,
        "arenas": [
            {"way": p.way, "bytes": p.total, "bound": p.bound, "wasted": p.wasted, "says": PLANNERS[p.way].says}
            for p in usage.plans
        ],
        "timeline": _timeline(report, usage),
        "tensors": [
            {**_tensor(tensor, usage.sizes[i], usage), "offset": arena.offsets[i] if arena else None}
            for i, tensor in enumerate(usage.lives.tensors)
        ],
    }
    if limit is not None:
        remedies = [{"change": change, "bytes": size} for change, size in limit.remedies]
        data["limit"] = {"bytes": limit.size, "needed": usage.needed + limit.weights, "fits": limit.kept}
        data["limit"]["remedies"] = remedies
    return data


def _timeline(report: Report, usage: Usage) -> list[dict[str, Any]]:
    return [
        {
            "position": moment.position,
            "layer": _made(report, moment)[0],
            "op": report.layers[moment.step].op if moment.step >= 0 else None,
            "live_bytes": moment.live,
        }
        for moment in usage.timeline
    ]


def _tensor(tensor: Tensor, size: int, usage: Usage) -> dict[str, Any]:
    """A tensor; its type too where the network states any."""
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        **({"dtype": tensor.dtype or DEFAULT} if usage.typed else {}),
        "bytes": size,
        "first": tensor.first,
        "last": tensor.last,
    }
