"""The page of one network: its numbers, their derivation, and its costs at other sizes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from convcost import plots
from convcost.core.display import EVERY_DIGIT
from convcost.core.dtypes import as_text
from convcost.core.units import binary, exact, input_shapes_text
from convcost.core.version import __version__
from convcost.diagrams.architecture.page import diagram_html
from convcost.memory.usage import too_many
from convcost.networks.network import Network
from convcost.pages.accuracy import ABOUT, accuracy_card, accuracy_table
from convcost.pages.files import WHOLE, drawing, figure_title, within
from convcost.pages.layers import layers_html, led_to, linked, row_link, row_names
from convcost.render import html
from convcost.render.html import Card, Section
from convcost.render.table import table_html
from convcost.results.report import (
    Report,
    bound,
    metrics_of,
    notes,
    title,
)
from convcost.results.timed import LATENCY, cell, time_notes
from convcost.spec.write import resolved


def report_page(network: Network, report: Report, command: str = "") -> str:
    """The page of a report, self-contained; its bytes depend only on the network."""
    names = row_names(report)
    architecture = _architecture(network, report, names)
    where, memory = linked(_where(report), names), linked(_memory(network, report), names)
    layers = layers_html(report, network.walked, led_to(architecture + where + memory))
    sections = [
        Section("architecture", "Architecture", architecture, about=_ARCHITECTURE),
        Section("where", "Where the cost is", where),
        Section("layers", "Layer by layer", layers, about=_LAYERS),
        Section("memory", "What is alive when", memory, about=_MEMORY),
        *_sizes(network, report),
        *_accuracy(network),
        Section(
            "about",
            "What was counted",
            html.notes([*notes(report), *time_notes(report.timed, report.totals, EVERY_DIGIT)]),
        ),
    ]
    _, _, said = title(report).partition(" · ")
    name = report.network if report.title else ""
    return html.page(
        report.title or report.network,
        sections,
        subtitle=" · ".join(filter(None, [name, said, report.source])),
        top=html.cards([*total_cards(report), *accuracy_card(network)]),
        facts=provenance(network, report, command),
        scripts=[html.asset("layers.js")],
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
        *_time_card(report),
        Card(
            "input" if len(report.inputs) == 1 else "inputs",
            input_shapes_text(report.inputs),
            f"batch {exact(report.batch)}",
        ),
    ]


def _time_card(report: Report) -> list[Card]:
    """How long it takes, of a report that was asked for a device."""
    if report.timed is None:
        return []
    return [Card(LATENCY.full, cell(report.timed, report.totals, EVERY_DIGIT), report.timed.brief)]


def provenance(network: Network, report: Report, command: str = "") -> list[tuple[str, str]]:
    """Everything that the numbers of a page depend on."""
    spec = []
    if network.graph.inputs:  # without any it is no spec
        flat = resolved(network.graph, network.name, network.caption)
        digest = hashlib.sha256(flat.encode()).hexdigest()
        spec = [("spec", f"sha256 {digest} of what `convcost spec resolve` prints for it")]
    return [
        *([("command", command)] if command else []),
        ("made by", f"convcost {__version__}"),
        ("convention", f"{report.convention.name}: {report.convention.counts}"),
        ("network", f"{title(report)}{f'; {report.source}' if report.source else ''}"),
        *spec,
    ]


_ARCHITECTURE = "To scale: taller is a larger map, wider more channels, darker a larger share of the MACs. A click shows what is inside."


def _architecture(network: Network, report: Report, names: Collection[str]) -> str:
    return diagram_html(network, report, lambda name: row_link(name) if name in names else "")


_CUMULATIVE_HEIGHT = 260


def _where(report: Report) -> str:
    """Two pictures of one height beside each other, and one below: no column ends before the other."""
    levels = ("stage", "block")  # of a network whose cost is all in one scope the next ones tell more
    level = next((one for one in levels if sum(part.macs > 0 for part in report.by(one)) > 1), "unit")
    pair = [(plots.cost_by(report, level), f"By {level}"), (plots.cost_by(report, "op"), "By kind of op")]
    height = max(int(figure.layout.height) for figure, _ in pair)
    drawn = "".join(drawing(figure, caption, height=height) for figure, caption in pair)
    below = drawing(plots.cumulative(report), "From the first layer to the last", wide=WHOLE, height=_CUMULATIVE_HEIGHT)
    return f'<div class="charts">{drawn}</div>\n{below}'


_MEMORY = "A band per tensor, from the layer that writes it to its last use; the top is what is alive at once."


def _memory(network: Network, report: Report) -> str:
    usage = network.memory(report.memory_policy, dtype=report.asked_dtype, batch=report.batch)
    if many := too_many(usage):
        return f"<p>No picture: it shows {many}.</p>"
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
    drawn = "".join(drawing(figure, within(figure_title(figure), report.network)) for figure in figures)
    about = _SIZES[len(figures) - 1]
    if None in figures[0].data[0].y:
        about += " Sizes that cannot be built are left out."
    return [Section("sizes", "At another size", f'<div class="charts">{drawn}</div>', about=about)]


def _accuracy(network: Network) -> list[Section]:
    """What others print of its accuracy; nothing of a network that nobody published."""
    table = accuracy_table(network)
    if table is None:
        return []
    return [Section("accuracy", "Published accuracy", table_html(table, "accuracy-table"), about=ABOUT)]


_LAYERS = "Units are what one would draw as one; a layer's name opens its formula, the operands put in, and the value."
