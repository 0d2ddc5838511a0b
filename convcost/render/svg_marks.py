"""Pieces of SVG: colours, marks, lines, tooltips."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from convcost.render.escape import lines_in_html, of_figure
from convcost.render.palette import SCALE, color_name


def shade(share: float) -> str:
    """A colour of the scale for a share from 0 to 1, between its neighbours.

    >>> shade(0), shade(1)
    ('#f2f8fc', '#0072b2')
    """
    place = min(1.0, max(0.0, share)) * (len(SCALE) - 1)
    index = min(int(place), len(SCALE) - 2)
    ends = [[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in SCALE[index : index + 2]]
    return "#" + "".join(f"{round(a + (b - a) * (place - index)):02x}" for a, b in zip(*ends, strict=True))


def readable(color: str) -> str:
    """Black or white, whichever has the higher contrast with a colour: at least 4.5 (WCAG 2.1, contrast ratio).

    >>> readable("#c9e2f2"), readable("#0072b2")
    ('#000000', '#ffffff')
    """
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#ffffff"


_SHAPES = {
    "square": "M{l} {t}H{r}V{b}H{l}Z",
    "diamond": "M{x} {t}L{r} {y}L{x} {b}L{l} {y}Z",
    "triangle-up": "M{x} {t}L{r} {b}H{l}Z",
    "triangle-down": "M{x} {b}L{r} {t}H{l}Z",
    "triangle-right": "M{l} {t}L{r} {y}L{l} {b}Z",
    "triangle-left": "M{r} {t}L{l} {y}L{r} {b}Z",
    "diamond-tall": "M{x} {t}L{v} {y}L{x} {b}L{u} {y}Z",
    "diamond-wide": "M{l} {y}L{x} {m}L{r} {y}L{x} {n}Z",
    "hourglass": "M{l} {t}H{r}L{l} {b}H{r}Z",
    "bowtie": "M{l} {t}V{b}L{r} {t}V{b}Z",
    "pentagon": "M{x} {t}L{r} {i}L{v} {b}H{u}L{l} {i}Z",
    "hexagon2": "M{u} {t}H{v}L{r} {y}L{v} {b}H{u}L{l} {y}Z",
    "star-diamond": "M{x} {t}L{q} {o}L{r} {y}L{q} {z}L{x} {b}L{p} {z}L{l} {y}L{p} {o}Z",
    "x": "M{l} {m}L{u} {t}L{x} {o}L{v} {t}L{r} {m}L{q} {y}L{r} {n}L{v} {b}L{x} {z}L{u} {b}L{l} {n}L{p} {y}Z",
    "circle": "M{l} {y}a{h} {h} 0 1 0 {w} 0a{h} {h} 0 1 0 -{w} 0Z",
    "cross": "M{x} {t}V{b}M{l} {y}H{r}",
}


_STAR = tuple(
    (math.sin(math.pi * corner / 5) * size, -math.cos(math.pi * corner / 5) * size)
    for corner, size in zip(range(10), (1.0, 0.42) * 5, strict=True)
)


def mark(x: float, y: float, symbol: str, color: str | None, size: float, dim: float, tip: str | None) -> str:
    """One mark, with its tooltip."""
    shape, hollow = symbol.removesuffix("-open"), symbol.endswith("-open") or symbol == "cross"
    paint = f'{stroke(color)} stroke-width="{2.4 if symbol == "cross" else 1.5}"' if hollow else fill(color)
    dimmed = opacity(dim)
    if shape == "circle":
        return (
            f'<circle {paint}{dimmed} cx="{number(x)}" cy="{number(y)}" r="{number(size / 2)}">{tip_text(tip)}</circle>'
        )
    return f'<path {paint}{dimmed} d="{outline(x, y, shape, size)}">{tip_text(tip)}</path>'


def outline(x: float, y: float, shape: str, size: float) -> str:
    """The path of a mark's shape around a place.

    >>> outline(0, 0, "square", 8), outline(0, 0, "circle", 8)
    ('M-4 -4H4V4H-4Z', 'M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z')
    """
    half = size / 2
    if shape == "star":
        return f"M{'L'.join(f'{number(x + half * across)} {number(y + half * down)}' for across, down in _STAR)}Z"
    edges = {"x": x, "y": y, "l": x - half, "r": x + half, "t": y - half, "b": y + half}
    edges |= {"u": x - half * 0.6, "v": x + half * 0.6, "m": y - half * 0.6, "n": y + half * 0.6}
    edges |= {"p": x - half * 0.35, "q": x + half * 0.35, "o": y - half * 0.35, "z": y + half * 0.35}
    edges |= {"i": y - half * 0.2, "h": half, "w": size}
    return _SHAPES[shape].format(**{name: number(value) for name, value in edges.items()})


def stepped(points: Sequence[tuple[float, float]], shape: str) -> list[tuple[float, float]]:
    """The corners of steps: hv goes across first, vh up first; lines are themselves."""
    found = [points[0]]
    for (x, y), (to_x, to_y) in pairwise(points):
        found += [*{"hv": [(to_x, y)], "vh": [(x, to_y)]}.get(shape, []), (to_x, to_y)]
    return found


def path(points: Sequence[tuple[float, float]]) -> str:
    """A line through points on a grid of a tenth of a pixel, each from the one before; straight runs are one stroke.

    >>> path([(1, 1), (2, 1), (3.5, 1), (3.5, 3), (3, 2)])
    'M1 1h2.5v2l-.5-1'
    """
    spots = [(round(x * 10), round(y * 10)) for x, y in points]
    steps: list[tuple[int, int]] = []
    for (x, y), (to_x, to_y) in pairwise(spots):
        across, down = to_x - x, to_y - y
        before = steps[-1] if steps else (0, 0)
        if (down == before[1] == 0 and across * before[0] > 0) or (across == before[0] == 0 and down * before[1] > 0):
            steps[-1] = (before[0] + across, before[1] + down)
        elif across or down:
            steps.append((across, down))
    return f"M{_tenths(spots[0][0])} {_tenths(spots[0][1])}{''.join(_stroke(*step) for step in steps)}"


def rounded(
    start: tuple[float, float],
    corners: Sequence[tuple[tuple[float, float], tuple[float, float], tuple[float, float]]],
    end: tuple[float, float],
) -> str:
    """A line with round corners, on the same grid; a corner is where it begins, its point, and where it ends.

    >>> rounded((0, 0), [((5, 0), (10, 0), (10, 5))], (10, 20))
    'M0 0h5q5 0 5 5v15'
    """
    x, y = round(start[0] * 10), round(start[1] * 10)
    parts = [f"M{_tenths(x)} {_tenths(y)}"]
    for spots in (*corners, (end,)):
        (first_x, first_y), *rest = [(round(across * 10), round(down * 10)) for across, down in spots]
        if (first_x, first_y) != (x, y):
            parts.append(_stroke(first_x - x, first_y - y))
        x, y = first_x, first_y
        if rest:
            parts.append("q" + " ".join(f"{_tenths(across - x)} {_tenths(down - y)}" for across, down in rest))
            x, y = rest[-1]
    return "".join(parts)


def _stroke(across: int, down: int) -> str:
    if across and down:
        return f"l{_tenths(across)}{'' if down < 0 else ' '}{_tenths(down)}"
    return f"h{_tenths(across)}" if across else f"v{_tenths(down)}"


def _tenths(value: int) -> str:
    return f"{value / 10:g}".replace("0.", ".") if abs(value) < 10 else f"{value / 10:.1f}".removesuffix(".0")


def tip_text(tip: str | None) -> str:
    """The tooltip of a mark; lines are separated by plotly's `<br>`."""
    return f"<title>{lines_in_html(of_figure(tip.replace('<br>', chr(10))))}</title>" if tip else ""


def fill(color: str | None) -> str:
    """The attribute that fills with a colour, by its name in the page's theme where it has one."""
    name = color_name(color or "#59636e")
    return f'class="f-{name}"' if name else f'fill="{color}"'


def stroke(color: str | None) -> str:
    """The attribute that draws a line in a colour, as `fill`."""
    name = color_name(color or "#59636e")
    return f'class="l-{name}"' if name else f'fill="none" stroke="{color}"'


def both(color: str | None) -> str:
    """The attributes that fill with a colour and draw the edge in it."""
    name = color_name(color or "#59636e")
    return f'class="f-{name}" stroke="var(--{name})"' if name else f'fill="{color}" stroke="{color}"'


def opacity(value: float | None) -> str:
    """The attribute of a share of opacity; none where it is whole."""
    return "" if value in (None, 1) else f' opacity="{value}"'


def number(value: float) -> str:
    """A coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")
