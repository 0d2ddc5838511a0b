"""The landscape: accuracy against cost. A few families stand out and are named; the rest is grey; a band is the front."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from convcost.core.errors import UsageError
from convcost.core.units import binary, compact, counted, exact, milliseconds
from convcost.devices.device import share_text
from convcost.plots.labels import Obstacle, Spot, place
from convcost.plots.style import figure
from convcost.published.choices import METRICS_OF_TASKS
from convcost.published.frontier import Frontier, mark_front
from convcost.published.point import GIVEN, PRINTED, YOURS, Point
from convcost.render.escape import in_figure
from convcost.render.families import family_looks, letters_of
from convcost.render.palette import LIGHT, Look
from convcost.render.rectangle import Rectangle
from convcost.render.svg import axes
from convcost.render.svg_axes import PlotAxis

if TYPE_CHECKING:
    import plotly.graph_objects as go


WIDTH, HEIGHT = 860, 540
"""Of the picture, in pixels, unless it is asked for at another size."""
_SCORES = {"top1": "top-1 accuracy", "top5": "top-5 accuracy", **METRICS_OF_TASKS}
_PALE, _GREY = 0.4, 0.45
_LETTERS = 13
_NARROW = 500
_TICK = 66
"""Pixels for the text of a tick."""
MOST_NAMED = 40
"""Families whose names are sought a place."""
FRONT = "front"
"""The name of the front among the traces."""


class Series(NamedTuple):
    """A family in the picture."""

    name: str
    yours: bool
    awake: bool
    """Whether it stands out."""
    look: Look
    points: tuple[Point, ...]
    line: tuple[Point, ...]
    """Its own Pareto front, cheapest first, without ablations."""


def title_of(found: Frontier) -> str:
    """What the picture shows; of latencies also what they are of."""
    return f"{found.dataset or 'ImageNet'} {_SCORES[found.y]} against {found.cost.full}{f' on {found.on}' if found.on else ''}"


def series_of(found: Frontier) -> list[Series]:
    """Every family: first those in grey, then those that stand out, the last chosen first, then the caller's own."""
    grouped: dict[tuple[str, bool], list[Point]] = {}
    for point in found.points:
        grouped.setdefault(point.series, []).append(point)
    looks = family_looks(family for family, yours in grouped if not yours)
    made = []
    for (family, yours), points in grouped.items():
        members = [point for point in points if not point.measured.ablation]
        line = tuple(point for point in mark_front(members, extrapolated=found.extrapolated) if point.front)
        look = Look(LIGHT.ink, "star") if yours else looks[family]
        name = f"{family} (yours)" if yours and (family, False) in grouped else family
        made.append(Series(name, yours, yours or family in found.highlighted, look, tuple(points), line))
    order = {family: index for index, family in enumerate(reversed(found.highlighted))}
    return sorted(made, key=lambda one: (one.yours, one.awake, order.get(one.name, -1), one.name.lower()))


def frontier(found: Frontier, *, width: int = WIDTH, height: int = HEIGHT, alone: bool = True) -> go.Figure:
    """Accuracy against cost, laid out for this many pixels; unless `alone`, for a page, which says the title itself.

    A mark per accuracy: filled if the cost was counted here, hollow if it is printed or extrapolated, pale if its own family does
    as well for less. Thin steps join each family's own Pareto front, so that none runs above the front of all, which is
    a band. Families that do not stand out are grey dots. Raises `UsageError` for a cost of 0, which the axis has no place for.
    """
    if free := [point.name for point in found.points if not point.cost]:
        why = f"costs 0 {found.cost.heading}, and the axis of costs is logarithmic"
        raise UsageError(f"{free[0]}: {why}: leave it out of the picture; as a table it is shown")
    every = series_of(found)
    traces = [_dots(found, one) for one in every if not one.awake]
    traces.append(_band(found.front))
    for one in every:
        if one.awake:
            traces += [_steps(one), _marks(found, one)]
    drawn = figure(
        traces,
        title=f"{in_figure(title_of(found))}<br>{_key(found, every, narrow=width < _NARROW)}",
        xaxis=_cost_axis(found, width),
        yaxis={"title": {"text": f"{_SCORES[found.y]}, %"}, "range": _accuracies(found)},
        showlegend=False,
        hovermode="closest",
        width=width,
        height=height,
    )
    names, leads = _names(every, found.front, axes(drawn, alone=alone))
    return drawn.add_traces(names).update_layout(shapes=leads)


def _dots(found: Frontier, one: Series) -> dict[str, Any]:
    return {
        **_trace(one.name, one.points, "markers"),
        "marker": {
            "color": LIGHT.muted,
            "symbol": ["circle-open" if point.hollow else "circle" for point in one.points],
            "size": 4.5,
            "opacity": _GREY,
        },
        "hovertext": [hover(found, point) for point in one.points],
        "hoverinfo": "text",
    }


def _band(front: Sequence[Point]) -> dict[str, Any]:
    return {
        **_trace(FRONT, front, "lines"),
        "line": {"color": LIGHT.ink, "width": 7, "shape": "hv"},
        "opacity": 0.16,
        "hoverinfo": "skip",
    }


def _steps(one: Series) -> dict[str, Any]:
    return {
        **_trace(one.name, one.line, "lines"),
        "line": {"color": one.look.color, "width": 1.5, "shape": "hv"},
        "hoverinfo": "skip",
    }


def _marks(found: Frontier, one: Series) -> dict[str, Any]:
    best = {id(point.measured) for point in one.line}
    symbol = one.look.symbol
    return {
        **_trace(one.name, one.points, "markers"),
        "marker": {
            "color": one.look.color,
            "symbol": [f"{symbol}-open" if point.hollow else symbol for point in one.points],
            "size": 15 if one.yours else 8.5,
            "opacity": [1 if one.yours or id(point.measured) in best else _PALE for point in one.points],
        },
        "hovertext": [hover(found, point) for point in one.points],
        "hoverinfo": "text",
    }


def _trace(name: str, points: Sequence[Point], mode: str) -> dict[str, Any]:
    places = {"x": [point.cost for point in points], "y": [float(point.accuracy) for point in points]}
    return {"type": "scatter", "mode": mode, "name": in_figure(name), "legendgroup": name, **places}


_MARK, _LINE, _PALE_DOT, _FRONT = 3.0, 4.0, 0.2, 0.4
"""How much a name is to keep off a mark, a line and a dot in grey, and off the front."""


def _names(
    every: Sequence[Series], front: Sequence[Point], at: tuple[PlotAxis, PlotAxis]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The names of the families that stand out and of the front, each at the end of its line if there is room.

    And the lines that lead from names to their places where they are far from them.
    """
    x, y = at

    def spot(point: Point) -> tuple[float, float]:
        return x.at(point.cost), y.at(float(point.accuracy))

    awake = [one for one in every if one.awake and one.points][::-1]
    shown = awake[:MOST_NAMED]
    obstacles = [Obstacle(*spot(p), _PALE_DOT) for one in every if not one.awake for p in one.points]
    obstacles += [Obstacle(*spot(p), _MARK) for one in awake[MOST_NAMED:] for p in one.points]
    wishes = []
    for index, one in enumerate(shown):
        obstacles += [Obstacle(*spot(point), _MARK, index) for point in one.points]
        obstacles += [Obstacle(*place, _LINE, index) for place in _along([spot(point) for point in one.line])]
        ends = [Spot(*spot(point), 0.9 * far) for far, point in enumerate((one.line or one.points)[::-1])]
        wishes.append((one.name, ends))
    corners = [spot(point) for point in front]
    obstacles += [Obstacle(*place, _FRONT) for place in _along(corners)]
    middle = len(corners) // 2
    wishes.append(("Pareto front", [Spot(*place, 0.2 * abs(far - middle)) for far, place in enumerate(corners)]))
    frame = Rectangle(min(x.start, x.end), min(y.start, y.end), max(x.start, x.end), max(y.start, y.end))
    boxes = place(wishes, frame, obstacles, _LETTERS)
    colors = [LIGHT.ink if one.yours else letters_of(one.look) for one in shown]
    texts = zip([*(one.name for one in shown), FRONT], wishes, boxes, [*colors, LIGHT.muted], strict=True)
    called = [(name, text, one, color) for name, (text, _), one, color in texts if one is not None]
    leads = [_lead(one.lead, color, x, y) for _, _, one, color in called if one.lead]
    names = [
        {
            "type": "scatter",
            "mode": "text",
            "name": in_figure(name),
            "legendgroup": name,
            "x": [x.value(one.box.middle[0])],
            "y": [y.value(one.box.middle[1])],
            "text": [in_figure(text)],
            "textposition": "middle center",
            "textfont": {"color": color, "size": _LETTERS, "weight": 600},
            "hoverinfo": "skip",
        }
        for name, text, one, color in called
    ]
    return names, leads


def _lead(ends: Sequence[tuple[float, float]], color: str, x: PlotAxis, y: PlotAxis) -> dict[str, Any]:
    """The line that leads from a name to its place."""
    places = {
        f"{axis}{end}": scale.value(where[side])
        for end, where in enumerate(ends)
        for side, (axis, scale) in enumerate((("x", x), ("y", y)))
    }
    return {"type": "line", **places, "line": {"color": color, "width": 1}}


def _along(places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Places every few pixels along the steps through some others."""
    found = []
    for (x, y), (to_x, to_y) in pairwise(places):
        found += [(x + 6 * step, y) for step in range(int(abs(to_x - x) / 6))]
        found += [(to_x, y - 6 * step) for step in range(int(abs(to_y - y) / 6))]
    return found


def _key(found: Frontier, every: Sequence[Series], *, narrow: bool) -> str:
    """What the marks mean, as far as they are there."""
    how = {point.how for point in found.points}
    said = [f"{counted(len(found.points), 'accuracy', 'accuracies')} of {counted(len(every), 'family', 'families')}"]
    if how - {PRINTED, GIVEN, YOURS} and how & {PRINTED, GIVEN}:
        said.append("● cost counted, ○ as printed")
    if any(point.extrapolated for point in found.points):
        said.append("● predicted, ○ extrapolated: far from all that the device was fitted on")
    if any(one.yours for one in every):
        said.append("★ yours")
    if not narrow and any(not one.awake for one in every):
        said.append("grey: other families")
    return " · ".join(said)


def hover(found: Frontier, point: Point) -> str:
    """The hover text of a point: network, knobs, numbers, source."""
    first, *rest = map(in_figure, said(found, point))
    return "<br>".join([f"<b>{first}</b>", *rest])


def said(found: Frontier, point: Point) -> list[str]:
    """What is said of a point, line by line: network, knobs, numbers, source."""
    one = point.measured
    knobs = " ".join(f"{name}={value}" for name, value in one.knobs.items())
    printed = (("top-1", one.top1), ("top-5", one.top5), (_SCORES[found.y], one.score))
    scores = " · ".join(f"{word} {value} %" for word, value in printed if value)
    size = f"{one.size_text} px" if one.resolution else ""
    lines = [
        point.name,
        " · ".join(filter(None, (one.model, knobs, size))),
        scores,
        f"{cost_text(found, point)} ({how_text(found, point)})",
        " · ".join(filter(None, (one.tier, point.source, str(one.year or ""), one.recipe))),
        f"ablation: {one.ablation}" if one.ablation else "",
    ]
    return [line for line in lines if line]


def cost_text(found: Frontier, point: Point) -> str:
    """The cost of a point, exact and short; a latency as it is printed or predicted."""
    if point.figure:
        return point.figure
    if found.cost.unit == "bytes":
        return f"{exact(point.cost)} bytes, {binary(point.cost)}"
    short = compact(point.cost)
    return f"{exact(point.cost)} {found.cost.heading}" + (f", {short}" if point.cost >= 1000 else "")


def how_text(found: Frontier, point: Point) -> str:
    """Where the cost of a point comes from."""
    if point.how == GIVEN:
        return "as given"
    if found.device:
        return f"{'extrapolated' if point.extrapolated else 'predicted'} for {found.device.name}"
    if point.how != PRINTED:
        return "counted by convcost"
    if "convention" in found.cost.needs and point.measured.convention != found.convention.name:
        return f"as printed, converted from {point.measured.convention}"
    return "as printed"


def _accuracies(found: Frontier) -> list[float]:
    """The range of accuracies, with room for marks and names."""
    seen = [float(point.accuracy) for point in found.points]
    room = (max(seen) - min(seen)) * 0.05 or 1.0
    return [max(0.0, min(seen) - room), min(100.0, max(seen) + room)]


def _round_ticks(low: int, high: int, most: int) -> list[int]:
    """Counts of one digit from somewhat below `low` to somewhat above `high`: as many per decade as there is room for."""
    ticks: list[int] = []
    for digits in ((1, 2, 5), (1, 3), (1,)):
        ticks = [digit * 10**power for power in range(len(str(high)) + 1) for digit in digits]
        ticks = [tick for tick in ticks if low / 1.5 <= tick <= high * 1.5]
        if len(ticks) <= most:
            break
    return ticks


_FEWEST = 3
"""Ticks that tell where on an axis one is."""


def _ticks(round_ones: Sequence[int], ends: tuple[float, float], steps: Iterable[int], most: int) -> list[int]:
    """Round ticks where some are between the `ends`; else multiples of the smallest of the steps that makes few enough."""
    low, high = ends
    if sum(low <= tick <= high for tick in round_ones) >= _FEWEST:
        return [*round_ones]
    step = next(step for step in steps if (high - low) / step <= most)
    return [step * at for at in range(max(1, math.ceil(low / step)), math.floor(high / step) + 1)]


def _apart(ticks: Sequence[int], text: Callable[[int, int], str]) -> list[str]:
    """The texts of ticks, to as many digits as tell them apart."""
    return next(
        texts
        for digits in itertools.count(3)
        if len({*(texts := [text(tick, digits) for tick in ticks])}) == len(ticks)
    )


def _predicted(found: Frontier) -> str:
    """That latencies are no measurements, and how far off they are."""
    if found.device is None:
        return ""
    error = getattr(found.device, "error", None)
    return f" (predicted{f', ±{share_text(error.median)} median' if error else ', by its datasheet'})"


def _plain(text: str) -> str:
    """A figure with its unit, without a fraction of zeros.

    >>> _plain("1.000 M"), _plain("1.001 M"), _plain("4.00 MiB"), _plain("2.500 ms"), _plain("7.0")
    ('1 M', '1.001 M', '4 MiB', '2.500 ms', '7')
    """
    return re.sub(r"\.0+(?= |$)", "", text)


def _cost_axis(found: Frontier, width: int) -> dict[str, Any]:
    """A log axis with round SI steps, or binary ones for bytes."""
    counted = f" (convention {found.convention.name})" if "convention" in found.cost.needs else ""
    costs = [point.cost for point in found.points if point.cost]
    low, high = min(costs, default=1), max(costs, default=1)
    room = (math.log10(high) - math.log10(low)) * 0.04 or 0.5
    logarithms = [math.log10(low) - room, math.log10(high) + room]
    ends, most = (10 ** logarithms[0], 10 ** logarithms[1]), (width - 80) // _TICK
    if found.cost.unit == "bytes":
        powers = [2**power for power in range(70) if low / 2 <= 2**power <= high * 2]
        ticks = _ticks(powers, ends, (2**power for power in itertools.count()), most)
        texts = [_plain(text) for text in _apart(ticks, binary)]
        title = f"{found.cost.full} as fp32"
    else:
        steps = (digit * 10**power for power in itertools.count() for digit in (1, 2, 5))
        ticks = _ticks(_round_ticks(low, high, most), ends, steps, most)
        if found.on:
            texts = [_plain(text) for text in _apart(ticks, milliseconds)]
            title = f"{found.cost.full} on {found.on}{_predicted(found)}"
        else:
            texts = [_plain(text).replace(" ", "") for text in _apart(ticks, compact)]
            title = f"{found.cost.full}{counted}"
    return {"title": {"text": title}, "type": "log", "tickvals": ticks, "ticktext": texts, "range": logarithms}
