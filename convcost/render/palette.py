"""Colour-blind-safe colours for light and dark backgrounds, marks, and the same as CSS."""

from __future__ import annotations

from typing import NamedTuple


class Theme(NamedTuple):
    """The colours of one surface."""

    paper: str
    ink: str
    muted: str
    grid: str
    series: tuple[str, ...]
    families: tuple[str, ...]
    """Colours of families of networks: six of the series, without its grey, and three more."""
    letters: tuple[str, ...]
    """The same, dark or light enough for text: a contrast of 4.5 or more."""


#: Okabe and Ito's palette (2008) without its yellow, which white paper swallows.
LIGHT = Theme(
    paper="#ffffff",
    ink="#1f2328",
    muted="#59636e",
    grid="#d8dee4",
    series=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#4d4d4d"),
    families=("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5e3c99", "#7a4326", "#98a000"),
    letters=("#0071b0", "#b54f00", "#007d5b", "#a94e81", "#946600", "#1d7cb3", "#5d3b98", "#794225", "#687000"),
)
#: The same hues, lightened for sufficient contrast on a dark background.
DARK = Theme(
    paper="#0d1117",
    ink="#e6edf3",
    muted="#9198a1",
    grid="#30363d",
    series=("#3a9ad9", "#f0803c", "#2fc29a", "#e39cc4", "#f2b84b", "#9ad7f7", "#b8bec6"),
    families=("#3a9ad9", "#f0803c", "#2fc29a", "#e39cc4", "#f2b84b", "#9ad7f7", "#b39ae6", "#c98f6b", "#c3cc4a"),
    letters=("#4ba3dd", "#f28b4d", "#41c9a3", "#e6a7ca", "#f4c05e", "#a6dcf8", "#bca6e9", "#d09d7d", "#cbd360"),
)
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")
"""Marks of series: with seven colours, 42 pairs before one returns, and neighbours differ in both."""
#: Light to dark in one hue, so that order shows without colour too, and black lines on it stay visible.
SCALE = ("#f2f8fc", "#c9e2f2", "#9acbe8", "#66b0da", "#3692c6", "#0072b2")
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


class Look(NamedTuple):
    """How one series is drawn."""

    color: str
    symbol: str


def look(index: int, theme: Theme = LIGHT) -> Look:
    """The look of the series with this index.

    >>> look(0), look(7).symbol
    (Look(color='#0072b2', symbol='circle'), 'square')
    """
    return Look(theme.series[index % len(theme.series)], SYMBOLS[index % len(SYMBOLS)])


_MORE = len(LIGHT.series) - 1  # of the colours of families, these are already those of series
_NAMES = (
    *("paper", "ink", "muted", "grid", *(f"s{index}" for index in range(len(LIGHT.series)))),
    *(f"s{index + 1}" for index in range(_MORE, len(LIGHT.families))),
    *(f"t{index}" for index in range(len(LIGHT.letters))),
)


def _colors(theme: Theme) -> tuple[str, ...]:
    surface = theme.paper, theme.ink, theme.muted, theme.grid
    return (*surface, *theme.series, *theme.families[_MORE:], *theme.letters)


def twins() -> dict[str, str]:
    """Light colour -> its dark counterpart."""
    return dict(zip(_colors(LIGHT), _colors(DARK), strict=True))


def css() -> str:
    """Variables and classes that the light renderer's pictures use, for light and dark surfaces."""

    def block(theme: Theme) -> str:
        return "".join(f"--{n}:{c};" for n, c in zip(_NAMES, _colors(theme), strict=True))

    classes = "".join(f".f-{n}{{fill:var(--{n})}}.l-{n}{{stroke:var(--{n});fill:none}}" for n in _NAMES)
    return f":root{{{block(LIGHT)}}}@media (prefers-color-scheme:dark){{:root{{{block(DARK)}}}}}{classes}"


def color_name(color: str) -> str | None:
    """The CSS variable of a colour of the light theme.

    >>> color_name("#0072b2"), color_name("#123456")
    ('s0', None)
    """
    return dict(zip(_colors(LIGHT), _NAMES, strict=True)).get(color.lower())
