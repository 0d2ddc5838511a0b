"""Pages and images: figures and tables on one self-contained HTML page, or one figure as an image.

    data = document("memory.html", "The title", [figure, table])    # bytes or text, for whoever writes the file

Figures on a page are light drawings that need no script. SVG is drawn here too; PNG and PDF go through kaleido, which
comes with the extra `image` and needs a Chrome or Chromium. The bytes depend on nothing but what is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from convcost.core.errors import OutputError
from convcost.core.version import __version__
from convcost.render import html
from convcost.render.canvas import Drawing
from convcost.render.escape import of_figure
from convcost.render.svg import svg
from convcost.render.table import PICTURES, Table, ending, heading_of, table_html

if TYPE_CHECKING:
    import plotly.graph_objects as go


WIDTH, HEIGHT = 1000, 560
"""Default size of a PNG or PDF, in pixels, if the figure states none."""
_WIDE, WHOLE, _NARROW = 520, 1064, 350
"""Drawn widths, in pixels of a page: half of it, all of it, a phone.

Each is a little less than its column at most, so that a picture fills it without letters larger than the page's own,
and shrinks by no more than a tenth where two of 468 or one of 960 stand on a screen of 1000.
"""


def document(
    path: str, title: str, parts: Sequence[go.Figure | Table], facts: Sequence[tuple[str, str]] = ()
) -> str | bytes:
    """The content for a file of this name: a page of all parts, or the first figure as an image.

    Raises `OutputError` if an image is wanted and cannot be made here.
    """
    if ending(path) in PICTURES:
        return image(next(part for part in parts if not isinstance(part, Table)), path)
    return page(title, parts, facts)


def page(
    title: str,
    parts: Sequence[go.Figure | Table | Sequence[go.Figure]],
    facts: Sequence[tuple[str, str]] = (),
    headings: Mapping[int, str] = MappingProxyType({}),
) -> str:
    """A self-contained page, a section per part; `headings` (part, from 1) where a figure's own title is not wanted.

    Several figures as one part stand beside each other, each under its title.
    """
    name, subtitle = heading_of(title)
    sections = []
    for index, part in enumerate(parts, start=1):
        if isinstance(part, Table):
            heading = "" if title in (part.title, part.heading) else within(part.title, name)
            sections.append(html.Section(f"part{index}", heading, table_html(part, f"table{index}")))
        elif isinstance(part, Sequence):
            drawn = "".join(drawing(figure, within(figure_title(figure), name)) for figure in part)
            charts = f'<div class="charts">{drawn}</div>'
            sections.append(html.Section(f"part{index}", headings.get(index, ""), charts))
        else:
            sections.append(section(part, f"part{index}", headings.get(index) or within(figure_title(part), name)))
    return html.page(name, sections, subtitle=subtitle, facts=[*facts, ("made by", f"convcost {__version__}")])


def section(figure: go.Figure, key: str, heading: str = "") -> html.Section:
    """A figure under its title, or another heading; the second line of its title is text below."""
    _, _, below = str(figure.layout.title.text or "").partition("<br>")
    return html.Section(key, heading or figure_title(figure), drawing(figure, wide=WHOLE), about=of_figure(below))


def within(title: str, page: str) -> str:
    """The title of a part of a page, without the network that the page is about.

    >>> within("unet: MACs at 7 resolutions", "U-Net (unet)"), within("unet · 7 points", "unet")
    ('MACs at 7 resolutions', '7 points')
    """
    known, _, inside = page.rstrip(")").partition(" (")
    for name in filter(None, (page, known, inside)):
        for sign in (": ", " · "):
            if title.startswith(f"{name}{sign}"):
                rest = title.removeprefix(f"{name}{sign}")
                return rest[:1].upper() + rest[1:]
    return title


def figure_title(figure: go.Figure) -> str:
    """What the figure says it shows: the first line of its title."""
    return of_figure(str(figure.layout.title.text or "").split("<br>")[0])


def drawing(figure: go.Figure, caption: str = "", *, wide: int = _WIDE, height: int | None = None) -> str:
    """A figure as a piece of a page: drawn once for a screen, there of a certain height if asked, and once for a phone."""
    drawn = svg(figure, width=wide, height=height, alone=False), svg(figure, width=_NARROW, alone=False, tips=False)
    return html.chart(figure_title(figure), *drawn, caption=caption)


def framed(drawing: Drawing) -> go.Figure:
    """A drawing as the only thing on a plotly figure of its size, for whoever makes PNG and PDF of figures."""
    from base64 import b64encode

    import plotly.graph_objects as go

    source = f"data:image/svg+xml;base64,{b64encode(drawing.svg().encode()).decode()}"
    whole = {"x": 0, "y": 1, "sizex": 1, "sizey": 1, "xref": "paper", "yref": "paper", "sizing": "stretch"}
    hidden = {"visible": False}
    return go.Figure(
        layout={
            "images": [{"source": source, **whole}],
            "width": drawing.width,
            "height": drawing.height,
            "margin": dict.fromkeys("ltrb", 0),
            "xaxis": hidden,
            "yaxis": hidden,
        }
    )


def image(figure: go.Figure | Drawing, path: str) -> str | bytes:
    """A figure, or a drawing, as SVG, PNG or PDF, as the file's ending says; raises `OutputError`."""
    kind = ending(path)[1:]
    if kind == "svg":
        return figure.svg() if isinstance(figure, Drawing) else svg(figure)
    if isinstance(figure, Drawing):
        figure = framed(figure)
    size: dict[str, Any] = {"width": int(figure.layout.width or WIDTH), "height": int(figure.layout.height or HEIGHT)}
    try:
        import kaleido  # noqa: F401 - plotly's own message sends people to install it globally

        return bytes(figure.to_image(format=kind, scale=2 if kind == "png" else 1, **size))
    except Exception as error:  # noqa: BLE001 - what a browser that does not start raises is anybody's guess
        raise OutputError(
            f"cannot write {path}: {kind.upper()} needs the extra image (pip install 'convcost[image]') and "
            f"Chrome or Chromium ({type(error).__name__}); .svg and .html need neither"
        ) from None
