"""The picture of an architecture as a page of its own, and as PNG or PDF."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.core.version import __version__
from convcost.diagrams.architecture.diagram import Diagram
from convcost.diagrams.architecture.draw import Plan
from convcost.diagrams.architecture.page import planned_html
from convcost.pages.files import image
from convcost.render import html


def diagram_page(plan: Plan, facts: Sequence[tuple[str, str]] = ()) -> str:
    """A self-contained page: the picture, which unfolds on click, and the same as text."""
    section = html.Section("architecture", "", planned_html(plan))
    return html.page(plan.named, [section], subtitle=plan.facts, facts=[*facts, ("made by", f"convcost {__version__}")])


def photo(diagram: Diagram, path: str) -> str | bytes:
    """The picture as PNG or PDF, as the file's ending says, by the way of plotly's figures; raises `OutputError`."""
    import plotly.graph_objects as go

    whole = {"xref": "paper", "yref": "paper", "x": 0, "y": 1, "sizex": 1, "sizey": 1, "sizing": "stretch"}
    figure = go.Figure(layout={"images": [{"source": _data(diagram), **whole}]})
    hidden = {"visible": False}
    figure.update_layout(
        xaxis=hidden,
        yaxis=hidden,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        width=diagram.width,
        height=diagram.height,
        paper_bgcolor="white",
        plot_bgcolor="white",
    )
    return image(figure, path)


def _data(diagram: Diagram) -> str:
    from base64 import b64encode

    return f"data:image/svg+xml;base64,{b64encode(diagram.svg().encode()).decode()}"
