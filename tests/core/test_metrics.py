"""What can be counted stands in one table; all else reads it, and no module keeps names of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import astuple, replace

import pytest
from helpers.house import sources
from helpers.paths import ROOT

import convcost
from convcost.core.metrics import BUDGETED, DEPLOYED, MAIN, METRICS, MOVED, RATIOS, SWEPT, TIMED, Metric
from convcost.core.units import binary, exact
from convcost.networks.side_by_side import side_by_side
from convcost.published.choices import COSTS, KINDS, TIERS
from convcost.published.figure import QUANTITIES, measure_of
from convcost.render.table import Table
from convcost.results.report import OF_GROUPS, OF_LAYERS, Group, LayerCost, Totals
from convcost.space.build import Costs


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_every_metric_says_what_it_is_and_how_it_is_written(metric: Metric) -> None:
    assert METRICS[metric.key] is metric
    assert all((metric.heading, metric.unit, metric.short, metric.column, metric.full, metric.claimed))
    others = {"bytes": "2.00 MiB", "ms": "0.00000210 ms"}  # a time is counted in femtoseconds
    assert metric.written(2**21) == others.get(metric.unit, "2,097,152")
    assert metric.rounded(2**21) == others.get(metric.unit, "2.10 M")
    typed = bool({"dtype", "deployment"} & set(metric.needs))
    assert (metric.unit == "bytes") == (typed and metric.over != "ratio") == ("bytes" in metric.key)
    assert (metric.over == "peak") == metric.key.startswith("peak_")
    fused = metric.over in ("peak", "ratio") or metric.key in MOVED
    assert ("memory_policy" in metric.needs) == fused


@pytest.mark.parametrize("field", ["heading", "column", "full", "claimed"])
def test_no_two_metrics_go_by_one_name(field: str) -> None:
    names = [getattr(metric, field) for metric in METRICS.values()]
    assert len(set(names)) == len(names)


def test_whatever_is_computed_is_in_the_table() -> None:
    assert Costs._fields == SWEPT
    assert set(Totals._fields) - {"unknown", "femtoseconds"} <= set(METRICS)  # no cost, and latency_ms uncut
    assert OF_GROUPS == OF_LAYERS  # a row of layers says all that a layer does
    assert set(Totals._fields) - set(OF_LAYERS) == {
        *("flops", "conv_activations", "weight_bytes", "peak_activation_bytes", "unknown", "femtoseconds"),
    }
    assert {*OF_GROUPS, "layers"} == set(METRICS) & set(Group._fields)
    assert {*OF_LAYERS, *RATIOS} == {key for key in METRICS if isinstance(getattr(LayerCost, key, None), property)} | {
        *set(METRICS) & set(LayerCost._fields)
    }
    assert all(METRICS[key].over == "sum" for key in (*OF_LAYERS, *MAIN))
    assert all(hasattr(of, key) for key in RATIOS for of in (LayerCost, Group, Totals))
    assert {*BUDGETED, *MAIN} <= set(SWEPT)
    assert not {*DEPLOYED} & set(SWEPT)
    assert all((METRICS[key].over == "whole") == (key in DEPLOYED) for key in METRICS)
    assert {metric.key for metric in COSTS.values()} <= {*Totals._fields, *TIMED}
    assert set(TIERS) < set(KINDS)


def test_figures_in_print_are_read_in_the_unit_of_their_metric() -> None:
    for key in set(QUANTITIES) & set(METRICS):
        assert (measure_of(key).worth("KiB") is not None) == (METRICS[key].unit == "bytes")


def test_only_what_a_convention_counts_is_called_as_it_says() -> None:
    renamed = [key for key, metric in METRICS.items() if "ops" in astuple(metric.under("ops"))]
    assert renamed == ["operations"]


def _tables() -> list[tuple[str, Table]]:
    """Tables, with the name that each takes from a metric."""
    report = convcost.load("lenet5").report("fvcore")
    swept = convcost.sweep("mobilenet_v2", width=["0.5", "1"])
    fitted = convcost.fit("mobilenet_v2", max_macs="300M", over={"width": "0.5:1:0.1"})
    return [
        ("heading", report.table()),
        ("short", side_by_side("lenet5", "alexnet", convention="fvcore")),
        ("column", swept.table()),
        ("column", fitted.table()),
    ]


def test_a_name_planted_into_the_table_is_what_tables_show(monkeypatch: pytest.MonkeyPatch) -> None:
    planted = replace(METRICS["macs"], heading="planted heading", short="planted short", column="planted column")
    before = [table for _, table in _tables()]
    monkeypatch.setitem(METRICS, "macs", planted)  # type: ignore[arg-type]  # to all others it is read-only
    for old, (field, table) in zip(before, _tables(), strict=True):
        name = getattr(planted, field)
        assert name not in old.render("table")
        assert name in table.render("table"), table.title


def test_a_way_of_writing_follows_from_the_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = convcost.fit("mobilenet_v2", max_macs="300M", over={"width": "0.5:1:0.1"})
    peak = fitted.maximal[0].costs["peak_activation_bytes"]
    assert binary(peak) in fitted.table().rows[0]
    monkeypatch.setitem(METRICS, "peak_activation_bytes", replace(METRICS["peak_activation_bytes"], unit="elements"))  # type: ignore[arg-type]
    assert exact(peak) in fitted.table().rows[0]


def copies(module: str, text: str) -> Iterator[str]:
    """Literal tables of what metrics are called: two keys or more with plain words beside them, in a dict or in pairs."""
    for node in ast.walk(ast.parse(text)):
        pairs: list[tuple[ast.expr | None, ast.expr]] = []
        match node:
            case ast.Dict(keys=keys, values=values):
                pairs = list(zip(keys, values, strict=True))
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                pairs = [(part.elts[0], part.elts[1]) for part in parts if _is_pair(part)]
        named = [key.value for key, value in pairs if isinstance(key, ast.Constant) and _is_text(value)]
        found = [str(key) for key in named if key in METRICS]
        if len(found) > 1:
            yield f"{module}:{getattr(node, 'lineno', 0)} names {', '.join(found)}"


def _is_pair(node: ast.expr) -> bool:
    return isinstance(node, (ast.Tuple, ast.List)) and len(node.elts) == 2


def _is_text(node: ast.expr) -> bool:
    """Text as it stands, or first in a tuple with how it is written."""
    first = node.elts[0] if isinstance(node, ast.Tuple) and node.elts else node
    return isinstance(first, ast.Constant) and isinstance(first.value, str)


def test_no_other_module_names_metrics() -> None:
    texts = sources(ROOT / "convcost")
    ledger = "convcost.core.cost"  # what an op's ledger holds has keys of its own, two of which are also metrics
    others = {name: text for name, text in texts.items() if name not in ("convcost.core.metrics", ledger)}
    assert [copy for name, text in others.items() for copy in copies(name, text)] == []


@pytest.mark.parametrize(
    "copy",
    [
        'HEADERS = {"macs": "MACs", "params": "parameters"}',
        'def inside():\n    return {"fps": "images", "macs": "MACs", "peak_activation_bytes": "peak"}.get("macs")',
        'ROWS = {"depth": ("depth", exact), "layers": ("layers", exact)}',
        'PAIRS = (("macs", "MACs"), ("weight_bytes", "weights"))',
    ],
)
def test_a_planted_copy_is_found(copy: str) -> None:
    assert len([*copies("planted", copy)]) == 1


@pytest.mark.parametrize(
    "other",
    ['{"macs": "MACs"}', '{"macs": 1, "params": 2}', 'KEYS = ("macs", "params")', '{"MACs": "macs", "why": "params"}'],
)
def test_what_is_no_copy_is_let_be(other: str) -> None:
    assert [*copies("other", other)] == []
