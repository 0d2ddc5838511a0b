"""The page of one network: its numbers, their derivation, and its costs at other sizes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from html import escape

from convcost import plots
from convcost.core.dtypes import as_text
from convcost.core.units import binary, exact, input_shapes_text, shape_text
from convcost.core.version import __version__
from convcost.formulas.explain import derived
from convcost.graph.partial import UNKNOWN
from convcost.networks.network import Network
from convcost.ops import OPS
from convcost.pages.files import WHOLE, drawing, figure_title
from convcost.render import html
from convcost.render.html import Card, Section
from convcost.results.report import (
    Group,
    LayerCost,
    Report,
    Totals,
    bound,
    cells,
    input_text,
    metrics_of,
    notes,
    op_text,
    output_text,
    share,
    title,
)
from convcost.spec.write import resolved

_WORDS = 4
"""Columns of the layers before those of numbers; `page.css` knows."""
_COUNTED = ("params", "macs", "operations", "activations")
"""Of every layer, its columns of numbers but the last."""
_FOLDED = 60
"""Layers from which on a table opens folded."""


def report_page(network: Network, report: Report, command: str = "") -> str:
    """The page of a report, self-contained; its bytes depend only on the network."""
    sections = [
        Section("where", "Where the cost is", _where(report)),
        Section("memory", "What is alive when", _memory(network, report), about=_MEMORY),
        *_sizes(network, report),
        Section("layers", "Layer by layer", layers_html(report), about=_LAYERS),
        Section("about", "What was counted", html.notes(notes(report))),
    ]
    name, _, knobs = title(report).partition(" · ")
    return html.page(
        name,
        sections,
        subtitle=" · ".join(filter(None, [knobs, report.source])),
        top=html.cards(total_cards(report)),
        facts=provenance(network, report, command),
    )


def total_cards(report: Report) -> list[Card]:
    """The totals, short and exact."""
    t, least = report.totals, bound(report)
    said = {
        "macs": exact(t.macs),
        "operations": f"{exact(t.operations)} under convention {report.convention.name}",
        "params": f"{exact(t.params)}, {binary(t.weight_bytes)} as {as_text(report.dtype)}",
        "activations": f"{exact(t.activations)} elements written",
        "peak_activation_bytes": f"{exact(t.peak_activation_bytes)} bytes of activations as {as_text(report.dtype)}, "
        f"policy {report.memory_policy}",
    }
    shown = [metric.under(report.convention.unit) for metric in metrics_of(report, said)]
    return [
        *(Card(m.full, f"{least}{m.rounded(getattr(t, m.key))}", f"{least}{said[m.key]}") for m in shown),
        Card(
            "input" if len(report.inputs) == 1 else "inputs",
            input_shapes_text(report.inputs),
            f"batch {exact(report.batch)}",
        ),
    ]


def provenance(network: Network, report: Report, command: str = "") -> list[tuple[str, str]]:
    """Everything that the numbers of a page depend on."""
    flat = resolved(network.graph, network.name, network.caption)
    digest = hashlib.sha256(flat.encode()).hexdigest()
    return [
        *([("command", command)] if command else []),
        ("made by", f"convcost {__version__}"),
        ("convention", f"{report.convention.name}: {report.convention.counts}"),
        ("network", f"{title(report)}{f'; {report.source}' if report.source else ''}"),
        ("spec", f"sha256 {digest} of what `convcost spec resolve` prints for it"),
    ]


def _where(report: Report) -> str:
    stages = plots.cost_by(report, "stage")
    figures = [(stages, "By stage"), (plots.cost_by(report, "op"), "By kind of op")]
    figures += [(plots.cumulative(report), "From the first layer to the last")]
    return f'<div class="charts">{"".join(drawing(figure, caption) for figure, caption in figures)}</div>'


_MEMORY = "A band per tensor, from the layer that writes it to its last use; the top is what is alive at once."


def _memory(network: Network, report: Report) -> str:
    usage = network.memory(report.memory_policy, dtype=report.asked_dtype, batch=report.batch)
    return drawing(plots.memory_timeline(report, usage), wide=WHOLE)


_SIZES = (
    "MACs at every resolution: what a change of size costs.",
    "MACs at every resolution, and against width: what a change of size costs, and what a budget allows.",
)
"""About one picture, and about two."""


def _sizes(network: Network, report: Report) -> list[Section]:
    """Cost at other resolutions and widths; nothing for a network that has no such knobs."""
    figures = plots.sizes(network, report)
    if not figures:
        return []
    drawn = "".join(drawing(figure, figure_title(figure)) for figure in figures)
    about = _SIZES[len(figures) - 1]
    if None in figures[0].data[0].y:
        about += " Sizes that cannot be built are left out."
    return [Section("sizes", "At another size", f'<div class="charts">{drawn}</div>', about=about)]


_LAYERS = "Sort by any column; a layer's name opens its formula, the operands put in, and the value."


def layers_html(report: Report) -> str:
    """A table of layers that sorts, folds by stage, and explains each number on demand."""
    counted = [metric.under(report.convention.unit).heading for metric in metrics_of(report, _COUNTED)]
    headers = ["layer", "op", "input", "output", *counted, "share"]
    numeric = [index >= _WORDS for index in range(len(headers))]
    by_stage: dict[str, list[LayerCost]] = {}
    for layer in report.layers:
        by_stage.setdefault(layer.stage, []).append(layer)
    groups = {group.name: group for group in report.by("stage")}
    folded = len(report.layers) > _FOLDED
    bodies = [_stage(report, groups[name], layers, folded=folded) for name, layers in by_stage.items()]
    total = ["total", "", "", "", *_numbers(report.totals, report)]
    foot = f"<tfoot>{html.row(total, numeric)}</tfoot>\n"
    inner = html.head_row(headers, numeric, sortable=True) + "".join(bodies) + foot
    tools = "".join(
        f'<button type="button" data-fold="{word}" aria-controls="layer-table">{said}</button>'
        for word, said in (("open", "Unfold all"), ("close", "Fold all"))
    )
    framed = html.framed(inner, label="Layers", key="layer-table", sortable=True)
    in_order = [layer for layers in by_stage.values() for layer in layers]
    return f'<div class="tools">{tools}</div>\n{framed}{_explanations(report, in_order)}'


def _stage(report: Report, group: Group, layers: Sequence[LayerCost], *, folded: bool) -> str:
    """A stage's layers under their sum; a stage of one layer is that layer."""
    hidden = ""
    head = ""
    if len(layers) > 1:
        button = f'<button type="button" aria-expanded="{str(not folded).lower()}">{escape(group.name)}</button>'
        ends = [shape_text(group.input_shape or ()), shape_text(group.output_shape or ()) or UNKNOWN]
        cells = [button, f"{len(layers)} layers", *ends, *_numbers(group, report)]
        head = _row(cells, ' class="group"')
        hidden = " hidden" if folded else ""
    rows = "".join(_layer(report, layer, hidden) for layer in layers)
    return f"<tbody>\n{head}{rows}</tbody>\n"


def _layer(report: Report, layer: LayerCost, hidden: str) -> str:
    name = f"<button>{escape(layer.name)}</button>"
    texts = [op_text(layer), input_text(layer), output_text(layer)]
    cells = [name, *map(escape, texts), *_numbers(layer, report)]
    return _row(cells, hidden)


def _row(cells: Sequence[str], attributes: str) -> str:
    """A row whose numbers are styled by column: a class on each cell would take a tenth of the page."""
    return html.row(cells, [False] * len(cells), finished=True, attributes=attributes)


def _numbers(part: LayerCost | Group | Totals, report: Report) -> list[str]:
    """Params, MACs, operations if they are something else, activations, share."""
    return [*cells(part, metrics_of(report, _COUNTED)), share(part, report.totals)]


def _explanations(report: Report, layers: Sequence[LayerCost]) -> str:
    """The explanation that a click on a layer shows, as data in the order of the rows; equal texts are stored once.

    Each layer's is the place of its words and of its formulas, then operands and value of those that have operands;
    a value is left out where it is the operands themselves.
    """
    words: dict[str, int] = {}
    formulas: dict[str, int] = {}
    found: dict[str, int] = {}
    places = []
    for layer, quantities in zip(layers, derived(report, layers), strict=True):
        doc = f"{op_text(layer)}: {OPS[layer.op].doc.splitlines()[0]} All for batch 1."
        rows: list[list[str]] = []
        filled: list[str] = []
        for q in quantities:
            value = exact(q.value)
            fixed = q.formula == q.operands
            rows.append([q.name, q.formula, value] if fixed else [q.name, q.formula])
            filled += [] if fixed else [q.operands, "" if value == q.operands else value]
        made = [_place(words, doc), _place(formulas, json.dumps(rows)), *filled]
        places.append(_place(found, json.dumps(made)))
    parts = {
        "words": list(words),
        "formulas": [json.loads(text) for text in formulas],
        "found": [json.loads(text) for text in found],
        "of": places,
    }
    return html.data("explanations", parts)


def _place(known: dict[str, int], text: str) -> int:
    return known.setdefault(text, len(known))
