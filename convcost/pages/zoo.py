"""The page of the zoo: every network as a row, to search, to filter and to sort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcost.conventions.convention import PAPER
from convcost.core.units import counted, exact, input_shapes_text
from convcost.core.version import __version__
from convcost.render import html
from convcost.render.escape import in_html
from convcost.render.html import Section
from convcost.render.table import Table

_COLUMNS = (
    ("network", "network", False),
    ("family", "family", False),
    ("task", "task", False),
    ("year", "year", True),
    ("input", "input", False),
    ("params", "params", True),
    ("macs", "MACs", True),
    ("source", "source", False),
)
"""What a script calls each column, how it is headed, and whether it holds numbers."""
_SOURCE = len(_COLUMNS) - 1
_LONG = (1, _SOURCE)
_SPARED_ON_A_PHONE = (1, 2, 3, 4, _SOURCE)


def zoo_page(found: Table, facts: Sequence[tuple[str, str]] = (), *, whole: bool = True) -> str:
    """A page of the networks that `list_table` found; operations stand in the place of MACs under another convention.

    It is complete without a script: that makes the search, the filters and what sorts, and of the `whole` zoo the command that
    finds the same.
    """
    networks: Sequence[Mapping[str, Any]] = found.data["networks"]
    unit = found.headers[list(found.headers).index("year") - 1]
    heads = "".join(_head(key, unit if key == "macs" else text, number) for key, text, number in _COLUMNS)
    numeric = [number for _, _, number in _COLUMNS]
    rows = "".join(html.row(_cells(one), numeric, long=_LONG, linked=(_SOURCE,), breaks=True) for one in networks)
    convention = found.data["convention"]
    counts = "" if convention == PAPER else f' data-convention="{in_html(convention)}"'
    table = html.framed(
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n",
        label=found.heading,
        key="zoo-table",
        attributes=f' class="sortable" data-minor="{" ".join(map(str, _SPARED_ON_A_PHONE))}"{" data-whole=1" * whole}{counts}',
        records=found.records,
    )
    return html.page(
        found.heading,
        [Section("networks", "", table + html.notes(found.notes))],
        subtitle=_subtitle(networks),
        facts=[*facts, ("made by", f"convcost {__version__}")],
        scripts=(html.asset("amounts.js"), html.asset("zoo.js")),
        style=html.asset("zoo.css"),
    )


def _head(key: str, text: str, number: bool) -> str:
    right = ' class="n"' if number else ""
    return f'<th scope="col" data-key="{key}"{right}>{in_html(text)}</th>'


def _cells(one: Mapping[str, Any]) -> list[str]:
    shape = input_shapes_text(one["inputs"])
    counts = (exact(one["params"]), exact(one["operations"]))
    return [
        one["name"],
        one["title"] or one["family"],
        one["task"],
        str(one["year"] or ""),
        shape,
        *counts,
        one["source"],
    ]


def _subtitle(networks: Sequence[Mapping[str, Any]]) -> str:
    """How many networks of how many families and years."""
    families = len({one["family"] for one in networks})
    years = sorted({one["year"] for one in networks if one["year"]})
    span = " to ".join(dict.fromkeys(map(str, (years[0], years[-1])))) if years else ""
    of = f"{counted(len(networks), 'network')} of {exact(families)} famil{'y' if families == 1 else 'ies'}"
    return ", ".join(filter(None, (of, span)))
