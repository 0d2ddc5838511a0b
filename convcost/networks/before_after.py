"""A network before and after a rewrite, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from convcost.conventions.convention import PAPER
from convcost.core.dims import product
from convcost.core.dtypes import as_text
from convcost.core.metrics import MAIN, METRICS
from convcost.core.units import binary, compact, exact, inputs_text, percent, shape_text
from convcost.graph.partial import UNKNOWN
from convcost.graph.rewrite import Rebuilt
from convcost.graph.typed import as_dtype
from convcost.memory.lifetimes import lifetimes, tensor_bytes
from convcost.networks.network import Network
from convcost.render.table import Table
from convcost.results.report import LayerCost, Report, bound, metrics_of, title, unknown_notes

_Alive = dict[str, int]
_FEW = 3
"""So many layers that stay are named with the reason; JSON names all."""


def rewrite_table(
    before: Network, after: Network, convention: str = PAPER, *, dtype: str | None = None, memory_policy: str = "fused"
) -> Table:
    """A row per rebuilt layer, then the totals; `after` is a rewrite of `before`."""
    old, new = (one.report(convention, dtype=dtype, memory_policy=memory_policy) for one in (before, after))
    pairs = _pairs(old, new, after.rebuilt)
    alive = _alive(before, old), _alive(after, new)
    memory = [[binary(_most(layers, live)) for layers, live in zip(pair, alive)] for pair in pairs]
    # The table has the bytes live while a layer runs if the rewrite changes them anywhere.
    shown = any(first != second for first, second in memory)
    macs, params = ([f"{METRICS[key].heading} {when}" for when in ("before", "after")] for key in ("macs", "params"))
    headers = ("layer", "before", "after", *macs, "ratio", *params, *(("alive before", "alive after") if shown else ()))
    rows = [
        [_names(a), _kinds(a), _kinds(b), *_change(_sum(a, "macs"), _sum(b, "macs")), *_params(a, b)] for a, b in pairs
    ]
    ratio = _change(old.totals.macs, new.totals.macs)[-1] if old.complete else UNKNOWN
    totals = [*_both(old, new, "macs"), ratio, *_both(old, new, "params")]
    records: list[dict[str, Any]] = [
        {"layer": _names(a), "before": _sums(a, alive[0]), "after": _sums(b, alive[1])} for a, b in pairs
    ]
    data: dict[str, Any] = {"network": old.network, "rewritten": new.network, "layers": records}
    data |= {"complete": old.complete, "totals": {"before": _totals(old), "after": _totals(new)}}
    data |= {"stays": [{"layer": layer, "why": why} for layer, why in after.stays.items()]} if after.stays else {}
    return Table(
        title=f"{title(old)} -> {new.network}",
        heading=f"{old.network} -> {new.network} · {inputs_text(old.inputs)}",
        headers=headers,
        numeric=tuple(i >= 3 for i in range(len(headers))),
        priority=(0, 2, 1, *(0 for _ in macs), 0, *(3 for _ in params), *((4, 4) if shown else ())),
        rows=[[*row, *(cells if shown else [])] for row, cells in zip(rows, memory)],
        total=["all layers", "", "", *totals, *(_peaks(old, new) if shown else [])],
        records=[
            {"layer": r["layer"], **{f"{f}_{when}": r[when][f] for f in r["before"] for when in ("before", "after")}}
            for r in records
        ],
        data={"schema": "convcost.rewrite/1", **data, **_request(old)},
        notes=[*_notes(old, new), *_staying(after.stays)],
    )


def _request(report: Report) -> dict[str, str]:
    """What the figures depend on, besides the networks."""
    return {"convention": report.convention.name, "dtype": report.dtype, "memory_policy": report.memory_policy}


def _pairs(before: Report, after: Report, rebuilt: Iterable[Rebuilt]) -> list[tuple[list[LayerCost], list[LayerCost]]]:
    """The rebuilt layers, each with its replacement."""
    old, new = ({layer.name: layer for layer in report.layers} for report in (before, after))
    return [([old[node.name] for node in one.old], [new[node.name] for node in one.new]) for one in rebuilt]


def _names(layers: list[LayerCost]) -> str:
    """The layer's name, or what the names of several have in common."""
    paths = [layer.name.split(".") for layer in layers if layer.macs] or [layer.name.split(".") for layer in layers]
    common = [parts[0] for parts in zip(*paths) if len(set(parts)) == 1]
    return ".".join(common) or f"{'.'.join(paths[0])} …"


def _kinds(layers: list[LayerCost]) -> str:
    return " + ".join(layer.kind for layer in layers if layer.macs)


def _sum(layers: list[LayerCost], field: str) -> int:
    return sum(getattr(layer, field) for layer in layers)


def _sums(layers: list[LayerCost], alive: _Alive) -> dict[str, int]:
    return {**{field: _sum(layers, field) for field in MAIN}, "peak_activation_bytes": _most(layers, alive)}


def _alive(network: Network, report: Report) -> _Alive:
    """Layer -> bytes live while it runs, under the report's policy; none if that considers convolutions only."""
    lives = lifetimes(as_dtype(network.walked, report.asked_dtype), report.memory_policy)
    bytes_at = dict(lives.timeline(lambda tensor: tensor_bytes(tensor, report.asked_dtype, report.batch)))
    return {layer.name: bytes_at.get(at, 0) for at, layer in enumerate(report.layers)}


def _most(layers: list[LayerCost], alive: _Alive) -> int:
    return max(alive[layer.name] for layer in layers)


def _peaks(old: Report, new: Report) -> list[str]:
    return [f"{bound(report)}{binary(report.totals.peak_activation_bytes)}" for report in (old, new)]


def _params(a: list[LayerCost], b: list[LayerCost]) -> list[str]:
    return [exact(_sum(a, "params")), exact(_sum(b, "params"))]


def _both(old: Report, new: Report, field: str) -> list[str]:
    return [f"{bound(report)}{exact(getattr(report.totals, field))}" for report in (old, new)]


def _change(before: int, after: int) -> list[str]:
    return [exact(before), exact(after), f"{after / before:.4f}" if before else "-"]


def _staying(stays: Mapping[str, str]) -> list[tuple[str, str]]:
    """What could not be merged, and why.

    >>> _staying({"norm1": "no convolution before it, but relu1", "norm2": "its weights are shared"})
    [('stays', '2 layers: norm1 (no convolution before it, but relu1); norm2 (its weights are shared)')]
    """
    if not stays:
        return []
    named = "; ".join(f"{layer} ({why})" for layer, why in islice(stays.items(), _FEW))
    more = f"; and {exact(len(stays) - _FEW)} more" if len(stays) > _FEW else ""
    return [("stays", f"{exact(len(stays))} layer{'s' * (len(stays) > 1)}: {named}{more}")]


def _largest(report: Report) -> LayerCost:
    return max(report.layers, key=lambda layer: max(map(product, layer.output_shapes), default=0))


def _totals(report: Report) -> dict[str, Any]:
    largest = _largest(report)
    return {
        **{field: getattr(report.totals, field) for field in (*MAIN, "operations")},
        "largest_tensor": {"layer": largest.name, "shape": list(largest.output_shape)},
        "peak_activation_bytes": report.totals.peak_activation_bytes,
    }


def _notes(old: Report, new: Report) -> list[tuple[str, str]]:
    def arrow(field: str) -> str:
        a, b = getattr(old.totals, field), getattr(new.totals, field)
        return f"{' -> '.join(_both(old, new, field))} ({compact(a)} -> {compact(b)})"

    tensors = " -> ".join(f"{shape_text(_largest(r).output_shape)} ({_largest(r).name})" for r in (old, new))
    peaks = " -> ".join(_peaks(old, new))
    weights = " -> ".join(f"{bound(report)}{binary(report.totals.weight_bytes)}" for report in (old, new))
    before, after = (report.totals.peak_activation_bytes for report in (old, new))
    change = (
        "unchanged"
        if before == after
        else f"{'higher' if after > before else 'lower'} by {percent(abs(after - before), before)}"
    )
    said = {
        "macs": arrow("macs"),
        "operations": arrow("operations"),
        "params": arrow("params"),
        "weight_bytes": f"{weights} as {as_text(old.dtype)}",
        "activations": f"{arrow('activations')} elements written",
    }
    return [
        *((metric.heading, said[metric.key]) for metric in metrics_of(old, said)),
        ("largest", f"{tensors}, the largest tensor"),
        (
            METRICS["peak_activation_bytes"].heading,
            f"{peaks} of activations at once as {as_text(old.dtype)}, {change}; policy {old.memory_policy}",
        ),
        ("convention", f"{old.convention.name}: {old.convention.counts}"),
        *unknown_notes(old),
    ]
