"""The table of a network's layers: stages, blocks in them, units in those, and the layers of each, all on one page."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from html import unescape
from typing import NamedTuple
from urllib.parse import quote, unquote

from convcost.core.display import EVERY_DIGIT
from convcost.core.metrics import METRICS
from convcost.core.units import counted, exact, shape_text
from convcost.formulas.explain import derived
from convcost.graph.partial import UNKNOWN
from convcost.graph.walk import Walked
from convcost.ops import OPS
from convcost.render import html
from convcost.render.cells import bar, shares
from convcost.render.escape import in_html
from convcost.results.costs import (
    Group,
    LayerCost,
    Totals,
    cells,
    group,
    input_text,
    op_text,
    output_text,
    share,
    unit_group,
)
from convcost.results.receptive import field_columns
from convcost.results.report import Report, metrics_of
from convcost.results.timed import time_columns

KINDS = ("stages", "blocks", "units", "layers")
"""What a row may be, from the outermost to a single op."""
_DEPTH = 2
"""How deep scopes are folded: stages, and blocks in them."""
_SHOWN = 40
"""The most rows that the table opens with."""
_WORDS = ("layer", "op", "input", "output")
"""Columns before those of numbers; `page.css` knows how many."""
_COUNTED = ("params", "macs", "operations", "activations", "bytes_moved", "intensity")
"""Of every row, its numbers but the last."""


class Node(NamedTuple):
    """A row, and the rows that it folds."""

    name: str
    kind: int
    """Which of `KINDS`."""
    layers: tuple[LayerCost, ...]
    op: str
    children: tuple[Node, ...] = ()


def forest(report: Report) -> tuple[Node, ...]:
    """The rows of a report: a fold of one thing is that thing, so that nothing is opened in vain.

    >>> from convcost import load
    >>> stem, first, *_ = forest(load("mobilenet_v2").report())
    >>> stem.name, stem.op, [layer.name for layer in stem.children]
    ('stem', 'conv2d 3×3 /2 + bn + relu6', ['stem.conv2d', 'stem.batch_norm', 'stem.relu6'])
    """
    units: dict[str, list[LayerCost]] = {}
    for layer in report.layers:
        units.setdefault(layer.unit.name, []).append(layer)
    return _folded([_unit(layers) for layers in units.values()], (), 0)


def _folded(members: Sequence[Node], scope: tuple[str, ...], kind: int) -> tuple[Node, ...]:
    """The units of a scope, grouped by the next ones in it."""
    if kind == _DEPTH:
        return tuple(members)
    inner: dict[tuple[str, ...], list[Node]] = {}
    for member in members:
        deeper = member.layers[0].unit.scope[: len(scope) + 1]
        inner.setdefault(deeper if len(deeper) > len(scope) else (*scope, "", member.name), []).append(member)
    if len(inner) == 1 and len(members) > 1:
        return _folded(members, next(iter(inner)), kind)
    return tuple(_fold(found, part, kind) for part, found in inner.items())


def _fold(members: Sequence[Node], scope: tuple[str, ...], kind: int) -> Node:
    if len(members) == 1:
        return members[0]
    children = _folded(members, scope, kind + 1)
    layers = tuple(layer for child in children for layer in child.layers)
    return Node(".".join(scope), kind, layers, counted(len(layers), "layer"), children)


def _unit(layers: Sequence[LayerCost]) -> Node:
    alone = tuple(Node(layer.name, KINDS.index("layers"), (layer,), op_text(layer)) for layer in layers)
    if len(alone) == 1:
        return alone[0]
    unit = layers[0].unit
    return Node(unit.name, KINDS.index("units"), tuple(layers), unit.text, alone)


def row_id(name: str) -> str:
    """The id of the row of a stage, a block, a unit or a layer.

    >>> row_id("stage2.block1")
    'row-stage2.block1'
    """
    return "row-" + "_".join(name.split())


def row_link(name: str) -> str:
    """The address of a row on its page.

    >>> row_link("/stem/Conv 1")
    '#row-/stem/Conv_1'
    """
    return f"#{quote(row_id(name), safe='/.:-_')}"


def row_names(report: Report) -> frozenset[str]:
    """The stages, blocks and units that have a row of their own."""

    def below(nodes: Sequence[Node]) -> Iterator[str]:
        for node in nodes:
            yield node.name
            if node.kind < KINDS.index("units"):
                yield from below(node.children)

    return frozenset(below(forest(report)))


_LABEL = re.compile(r"(<text [^>]*>)([^<]+)(</text>)")


def linked(pictures: str, names: Collection[str]) -> str:
    """Pictures whose names of rows lead to these rows; for the pointer only, since pictures are described as a whole.

    >>> linked('<text x="1">stem</text><text x="2">MACs</text>', {"stem"})
    '<a href="#row-stem" tabindex="-1"><text x="1">stem</text></a><text x="2">MACs</text>'
    """

    def link(found: re.Match[str]) -> str:
        name = unescape(found[2])
        return f'<a href="{row_link(name)}" tabindex="-1">{found[0]}</a>' if name in names else found[0]

    return _LABEL.sub(link, pictures)


_LEADS = re.compile(r'href="#(row-[^"]*)"')


def led_to(pictures: str) -> frozenset[str]:
    """The ids of the rows that pictures lead to.

    >>> led_to('<a href="#row-stem" tabindex="-1">')
    frozenset({'row-stem'})
    """
    return frozenset(unquote(unescape(found)) for found in _LEADS.findall(pictures))


def layers_html(report: Report, walked: Walked, ids: Collection[str] | None = None) -> str:
    """The table: it folds, sorts, searches, and explains each number on demand.

    Its rows have ids if these are among `ids`, or if none are given; a script finds the others by their names.
    """
    nodes = forest(report)
    metrics = metrics_of(report, _COUNTED)
    counted_of = (metric.under(report.convention.unit).short for metric in metrics)
    fields = [column.heading for column in field_columns(report.fields)]
    times = [column.heading for column in time_columns(report.timed, EVERY_DIGIT)]
    headers = [*_WORDS, *fields, *counted_of, *times, "share"]
    table = _Rows(report, nodes, ids)
    foot = _tr(["total", "", "", "", *_numbers(report.totals, report)], "")
    inner = "".join(
        [html.head_row(headers, [False] * len(headers)), "<tbody>\n", *table.rows, f"</tbody>\n<tfoot>{foot}</tfoot>\n"]
    )
    summed = (
        len(_WORDS) + len(fields) + metrics.index(METRICS["activations"]) - 1
    )  # what the shares are of stands before them
    minor = " ".join(str(at) for at in range(1, len(headers) - 1 - len(times)) if at != summed)
    attributes = f' class="sortable" data-kinds="{" ".join(KINDS)}" data-kind="{_first_kind(nodes)}"'
    attributes += f' data-sum="{summed}" data-minor="{minor}"'
    records = report.table("layer").records
    framed = html.framed(inner, label="Layers", key="layer-table", attributes=attributes, records=records)
    return framed + _explanations(report, walked, table.layers)


def _first_kind(nodes: Sequence[Node]) -> int:
    """The finest kind of rows of which there are not too many to begin with."""
    return next((kind for kind in (2, 1) if sum(1 for _ in _cut(nodes, kind)) <= _SHOWN), 0)


def _cut(nodes: Sequence[Node], kind: int) -> Iterator[Node]:
    """The rows of a kind, and of those that have no such parts, themselves."""
    for node in nodes:
        if node.kind < kind and node.children:
            yield from _cut(node.children, kind)
        else:
            yield node


class _Rows:
    """The rows of the table as HTML, and the layers in their order."""

    def __init__(self, report: Report, nodes: Sequence[Node], ids: Collection[str] | None) -> None:
        self.report, self.ids = report, ids
        self.rows: list[str] = []
        self.layers: list[LayerCost] = []
        self.most = max((self._share(node) for node in nodes), default=0.0)
        for node in nodes:
            self._add(node, [], 0)

    def _share(self, node: Node) -> float:
        return shares([share(_part(node), self.report.totals)])[0]

    def _add(self, node: Node, around: Sequence[Node], depth: int) -> None:
        """A row under those that fold it, the nearest first, and the rows that it folds itself."""
        within = next((fold.name for fold in around if node.name.startswith(f"{fold.name}.")), "")
        short = node.name.removeprefix(f"{within}.") if within else node.name
        fold = around[0] if around else None
        told = "" if within == (fold.name if fold else "") else f' data-name="{in_html(node.name)}"'
        key = row_id(node.name)
        shown = not (fold and fold.kind == KINDS.index("units")) and (self.ids is None or key in self.ids)
        named = f' id="{in_html(key)}"' if shown else ""
        attributes = f' class="d{depth} k{node.kind}"{named}{told}'
        part = _part(node)
        texts = [short, node.op, *_ends(part), *_numbers(part, self.report)]
        self.rows.append(_tr(texts, attributes, self.most))
        if not node.children:
            self.layers += node.layers
        for child in node.children:
            self._add(child, [node, *around], depth + 1)


def _part(node: Node) -> LayerCost | Group:
    if len(node.layers) == 1:
        return node.layers[0]
    return unit_group(node.layers) if node.kind == KINDS.index("units") else group(node.name, node.layers)


def _ends(part: LayerCost | Group) -> tuple[str, str]:
    """What the row reads, and what it makes."""
    if isinstance(part, LayerCost):
        return input_text(part), output_text(part)
    read = part.read or filter(None, [part.input_shape])
    return " + ".join(map(shape_text, read)), shape_text(part.output_shape or ()) or UNKNOWN


def _numbers(part: LayerCost | Group | Totals, report: Report) -> list[str]:
    """The receptive field if it was asked for; params, MACs, operations if they are something else, activations, bytes moved
    and MACs for each, the time on a device if one was asked for, share.
    """
    fields = (column.text(part) for column in field_columns(report.fields))
    times = (column.text(part) for column in time_columns(report.timed, EVERY_DIGIT))
    return [*fields, *cells(part, metrics_of(report, _COUNTED)), *times, share(part, report.totals)]


def _tr(texts: Sequence[str], attributes: str, most: float = 0.0) -> str:
    """A row whose cells are styled by column: a class on each cell would take a tenth of the page."""
    first, *rest = map(in_html, texts)
    drawn = bar(100 * shares(texts[-1:])[0] / most) if most else ""
    middle = "".join(f"<td>{text}</td>" for text in rest[:-1])
    named = f' class="{drawn}"' if drawn else ""
    return f"<tr{attributes}><th>{first}</th>{middle}<td{named}>{rest[-1]}</td></tr>\n"


_PLACE = 3
"""Digits of a place: a text as short stands where it is needed."""


def _explanations(report: Report, walked: Walked, layers: Sequence[LayerCost]) -> str:
    """The explanation that a click on a layer shows, as data in the order of the rows; equal texts are stored once.

    Each layer's is the place of its words and of its formulas, then operands and value of those that have operands;
    a value is left out where it is the operands themselves. Of what stands in several, the place among the texts is shorter.
    """
    words: dict[str, int] = {}
    formulas: dict[str, int] = {}
    found: dict[str, int] = {}
    places = []
    for layer, quantities in zip(layers, derived(report, walked, layers), strict=True):
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
    explained = [json.loads(text) for text in found]
    often = Counter(text for _, _, *filled in explained for text in filled)
    texts = [text for text, times in often.most_common() if times > 1 and len(text) > _PLACE]
    kept = {text: at for at, text in enumerate(texts)}
    parts = {
        "words": list(words),
        "formulas": [json.loads(text) for text in formulas],
        "texts": texts,
        "found": [[doc, made, *(kept.get(text, text) for text in filled)] for doc, made, *filled in explained],
        "of": places,
    }
    return html.data("explanations", parts)


def _place(known: dict[str, int], text: str) -> int:
    return known.setdefault(text, len(known))
