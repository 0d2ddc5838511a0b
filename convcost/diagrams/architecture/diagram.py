"""The picture of a network as a result: to show, to save, to send."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from convcost.core.version import __version__
from convcost.diagrams.architecture import svg as drawn
from convcost.diagrams.architecture import text as drawn_text
from convcost.diagrams.architecture import tikz as drawn_tikz
from convcost.diagrams.architecture.picture import Picture
from convcost.render.escape import printable


@dataclass(frozen=True, slots=True, repr=False)
class Diagram(Picture):
    """The picture of a network; `Network.diagram()` makes one."""

    def svg(self, *, alone: bool = True) -> str:
        """The picture as SVG; unless `alone`, it takes its colours from the surrounding page."""
        return drawn.svg(self, alone=alone)

    def tikz(self) -> str:
        """The picture as a LaTeX document with one TikZ picture."""
        return drawn_tikz.tikz(self)

    def text(self) -> str:
        """The same boxes as lines of text."""
        return drawn_text.text(self)

    def to_dict(self) -> dict[str, Any]:
        """The picture as JSON-ready data: schema `convcost.diagram/1`."""
        return {"schema": "convcost.diagram/1", "version": __version__, **asdict(self)}

    def __repr__(self) -> str:
        return printable(f"<Diagram {self.network} · {len(self.boxes)} boxes · {self.width:g}×{self.height:g}>")

    def __str__(self) -> str:
        return self.text()

    def _repr_svg_(self) -> str:
        return self.svg()

    def _repr_html_(self) -> str:
        """How a notebook shows the picture."""
        return self.svg()
