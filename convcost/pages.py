"""Pages and pictures: figures and tables on one self-contained HTML page, or one figure as an image.

    data = document("memory.html", "The title", [figure, table])    # bytes or text, for whoever writes the file

A page holds all of plotly.js, so that it shows without a network; its bytes depend on nothing but what is shown.
Images go through kaleido, which comes with the extra `image` and needs a Chrome or Chromium.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from convcost.errors import OutputError
from convcost.render import PAGE, Table, table_html

if TYPE_CHECKING:
    import plotly.graph_objects as go

IMAGES = {".svg": "svg", ".png": "png", ".pdf": "pdf"}
"""File name endings that ask for a figure as an image."""
PAGES = (".html", ".htm")
WIDTH, HEIGHT = 1200, 640
"""Of an image, in pixels, where the figure does not say."""


def is_picture(path: str | None) -> bool:
    """Whether a file name asks for an image."""
    return os.path.splitext(path or "")[1].lower() in IMAGES


def document(path: str, title: str, parts: Sequence[go.Figure | Table]) -> str | bytes:
    """What to write into a file of this name: a page of all parts, or the first figure as an image.

    Raises `OutputError` if an image is wanted and cannot be made here.
    """
    if not is_picture(path):
        return page(title, parts)
    return image(next(part for part in parts if not isinstance(part, Table)), path)


def page(title: str, parts: Sequence[go.Figure | Table]) -> str:
    """A self-contained page; figures are numbered, so that the same parts give the same bytes."""
    pieces, figures = [], 0
    for part in parts:
        if isinstance(part, Table):
            heading = f"<h2>{escape(part.title)}</h2>\n" if part.title else ""
            pieces.append(heading + table_html(part))
        else:
            figures += 1
            pieces.append(_figure(part, f"figure{figures}", with_script=figures == 1))
    return PAGE.format(title=escape(title), body="\n".join(pieces))


def image(figure: go.Figure, path: str) -> bytes:
    """A figure as SVG, PNG or PDF, as the file's ending says; raises `OutputError`."""
    ending = os.path.splitext(path)[1].lower()
    size: dict[str, Any] = {
        "width": int(figure.layout.width or WIDTH),
        "height": int(figure.layout.height or HEIGHT),
    }
    try:
        import kaleido  # noqa: F401 - plotly's own message sends people to install it globally

        data = figure.to_image(format=IMAGES[ending], scale=2 if ending == ".png" else 1, **size)
    except Exception as error:  # noqa: BLE001 - plotly, kaleido and the browser each raise their own
        raise OutputError(
            f"cannot write {path}: a {IMAGES[ending].upper()} needs the extra image (pip install 'convcost[image]') and "
            f"Chrome or Chromium ({type(error).__name__}); an .html file needs neither"
        ) from None
    return bytes(data)


def _figure(figure: go.Figure, name: str, *, with_script: bool) -> str:
    made = figure.to_html(
        full_html=False,
        include_plotlyjs=with_script,
        div_id=name,
        config={"displaylogo": False, "responsive": True, "showSendToCloud": False},
    )
    return f'<div class="figure">{made}</div>'
