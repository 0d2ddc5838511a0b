"""A page that shows the costs of a network at other knob values, live: it multiplies out the design space's tables.

The tables are exact integers; so is the page's arithmetic, in doubles below 2^53 and in big integers beyond.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from math import ceil
from typing import Any

from convcost.core.dims import LARGEST
from convcost.core.dtypes import as_text
from convcost.core.errors import UsageError
from convcost.core.metrics import BUDGETED, METRICS
from convcost.core.units import exact, say
from convcost.networks.network import Network
from convcost.networks.vary import varied
from convcost.pages.report import provenance
from convcost.render import html
from convcost.render.escape import in_html
from convcost.render.html import Card, Section
from convcost.results.report import Report, json_value, title
from convcost.space.axes import axes_of, is_dense, value_text
from convcost.space.compound import COMPOUND
from convcost.space.numbers import EXACT_FLOAT
from convcost.space.open import space
from convcost.space.space import DesignSpace
from convcost.space.sweep import DEFAULT_METRICS
from convcost.spec.syntax import Knob, KnobValue

MOST_VALUES = 1000
"""Of one slider."""
MOST_ENTRIES = 400_000
"""The most numbers that a page contains: about two megabytes."""
_MOST_SLIDERS = 4
"""Unasked."""
_STEP, _STEPS = Fraction(1, 20), {"depth": Fraction(1, 10)}
_USUAL = ("width", "depth", "resolution")


def usual_axes(network: Network) -> dict[str, list[KnobValue]]:
    """Width and depth from a quarter to twice their value, those that the network has; else its other numbers likewise.

    Resolution runs from 32, or a quarter of itself where that is less, up to twice itself or 500 more. None
    is larger than a size may be.
    """
    axes: dict[str, list[KnobValue]] = {}
    for name, value in [*varied(network, _USUAL).items()][:_MOST_SLIDERS]:
        axes[name] = _sizes(value) if name == _USUAL[-1] and isinstance(value, int) else _around(name, value)
    return axes


def _sizes(size: int) -> list[KnobValue]:
    last = min(2 * size, size + 500, LARGEST)
    return list(range(max(1, min(32, size // 4), last - MOST_VALUES + 1), last + 1))


def _around(name: str, value: int | Fraction) -> list[KnobValue]:
    """From a quarter to twice a value, itself included.

    >>> _around("depth", 4), [float(one) for one in _around("width", Fraction(1, 10))]
    ([1, 2, 3, 4, 5, 6, 7, 8], [0.05, 0.1, 0.15, 0.2])
    >>> len(_around("width", Fraction(10**9) + Fraction(1, 2))) <= MOST_VALUES
    True
    """
    if isinstance(value, int):
        whole = range(max(1, value // 4), min(2 * value, LARGEST) + 1, -(-2 * value // MOST_VALUES))
        return sorted({*whole, value})
    step = _STEPS.get(name, _STEP)
    step *= max(1, ceil(2 * value / step / MOST_VALUES))
    first, last = -(-value / 4 // step), min(value * 2, Fraction(LARGEST)) // step
    return sorted({*(step * i for i in range(int(first), int(last) + 1)), value})


def explore_page(
    network: Network,
    report: Report,
    over: Mapping[str, Any] | None = None,
    command: str = "",
    fixed: Collection[str] = (),
) -> str:
    """The page; raises `UsageError` if there are no knobs for sliders, or too many values.

    Sliders start at the network's own knob values. If a knob is `fixed` by the user, or its value differs from what the
    network's name implies, the slider must include that value; for other knobs the nearest value is used.
    """
    chosen = dict(over or usual_axes(network))
    if not chosen:
        raise UsageError(
            f"{network.name} has no width, depth or resolution to slide; name knobs with --over KNOB=VALUES"
        )
    _check_lengths(
        axes_of(network.origin.of_spec().spec, network.name, chosen)
    )  # before anything is computed for each value
    made = space(network, report, chosen)
    _check_start(network, made, {*fixed, *network.changed})
    data = page_data(network, report, made)
    top = html.cards(Card(_card(metric, report), "", "", key=f"card-{metric}") for metric in DEFAULT_METRICS)
    body = (
        f'<div class="sliders">{"".join(map(_slider, made.axes))}</div>\n{_standing(network, made)}'
        '<p id="words" role="status" aria-live="polite"></p>'
    )
    picture = '<p class="about" id="legend"></p>\n<div class="charts drawn" id="pictures"></div>'
    sections = [
        Section("knobs", "Knobs", body, about="Slide, or use the arrow keys; the numbers follow at once."),
        Section("budget", "Budget", _budgets(report), about=_BUDGET),
        Section("map", "What fits", picture),
    ]
    name, _, knobs = title(report).partition(" · ")
    return html.page(
        f"{name}: explore",
        sections,
        subtitle=" · ".join(filter(None, (knobs, f"peak memory {_counted(report)}"))),
        top=top + html.data("space", data),
        facts=provenance(network, report, command),
        scripts=[html.asset("amounts.js"), html.asset("explore.js")],
        style=html.asset("explore.css"),
    )


def _check_lengths(axes: Mapping[str, Sequence[KnobValue]]) -> None:
    name = max(axes, key=lambda axis: len(axes[axis]))
    if len(axes[name]) > MOST_VALUES:
        raise UsageError(f"the axis {name} has {exact(len(axes[name]))} values; a slider takes {exact(MOST_VALUES)}")


def _check_start(network: Network, made: DesignSpace, wanted: Collection[str]) -> None:
    for name, values in made.axes.items():
        if name in wanted and network.knobs[name] not in values:
            raise UsageError(f"{name} is set to {value_text(network.knobs[name])}, which is not on its slider (--over)")


_BUDGET = "What has to fit; leave empty what does not matter. The budget of MACs begins with this network's own MACs."


def page_data(network: Network, report: Report, made: DesignSpace) -> dict[str, Any]:
    """The data of the page: axes, the position of the network itself, and the tables of each metric."""
    pool: dict[str, int] = {}
    shared: list[Any] = []

    def kept(table: Mapping[str, Any]) -> int:
        key = repr(table)
        if key not in pool:
            pool[key] = len(shared)
            shared.append(table)
        return pool[key]

    metrics = {}
    for metric in DEFAULT_METRICS:
        regions = made.to_dict(metric)
        for region in regions:
            region["values"] = [_spans(positions) for positions in region["values"].values()]
            region["candidates"] = [
                [[_safe(term["factor"]), [kept(table) for table in term["tables"]]] for term in terms]
                for terms in region["candidates"]
            ]
        metrics[metric] = regions
    entries = sum(_size(table["values"]) for table in shared)
    if entries > MOST_ENTRIES:
        raise UsageError(
            f"a page of {exact(entries)} numbers is too heavy; the most is {exact(MOST_ENTRIES)}: give shorter axes with --over"
        )
    return {
        "axes": {name: [str(json_value(value)) for value in values] for name, values in made.axes.items()},
        "dense": [name for name, values in made.axes.items() if is_dense(values)],
        "at": {name: _nearest(values, network.knobs.get(name)) for name, values in made.axes.items()},
        "metrics": metrics,
        "missing": _missing(made),
        "tables": [
            {"axes": [list(made.axes).index(axis) for axis in table["axes"]], "values": _safe(table["values"])}
            for table in shared
        ],
        "big": any(made.bound(metric) >= EXACT_FLOAT for metric in DEFAULT_METRICS),
        "words": {metric: METRICS[metric].full for metric in DEFAULT_METRICS},
        "compound": {name: str(float(base)) for name, base in COMPOUND.items()},
        "start": {name: float(value) for name, value in network.knobs.items() if isinstance(value, (int, Fraction))},
        "dtype": report.dtype,
    }


def _missing(made: DesignSpace) -> list[dict[str, Any]]:
    """The parts of the grid that cannot be built, and why (the message for the first network of each)."""
    return [
        {
            "values": [_spans(positions.tolist()) for positions in region.box],
            "reason": region.reason,
            "first": [int(positions[0]) for positions in region.box],
        }
        for region in made.regions
        if region.reason
    ]


def _spans(positions: list[int]) -> list[list[int]]:
    """Runs of positions as first and last, with where each run begins in the region's tables."""
    spans: list[list[int]] = []
    for index, at in enumerate(positions):
        if spans and spans[-1][1] == at - 1:
            spans[-1][1] = at
        else:
            spans.append([at, at, index])
    return spans


def _safe(values: Any) -> Any:
    """Integers that JavaScript would round when it reads them, as text."""
    if isinstance(values, list):
        return [_safe(value) for value in values]
    return str(values) if abs(values) >= EXACT_FLOAT else values


def _size(values: Any) -> int:
    return sum(map(_size, values)) if isinstance(values, list) else 1


def _nearest(values: tuple[Any, ...], value: Any) -> int:
    """The position of a value on an axis, or of the numeric one next to it."""
    if value in values:
        return values.index(value)
    numeric = isinstance(value, (int, Fraction)) and all(isinstance(one, (int, Fraction)) for one in values)
    return min(range(len(values)), key=lambda i: abs(values[i] - value)) if numeric else 0


def _card(metric: str, report: Report) -> str:
    return METRICS[metric].full + (f" {_counted(report)}" if "dtype" in METRICS[metric].needs else "")


def _counted(report: Report) -> str:
    """What a number of bytes depends on."""
    return f"as {as_text(report.dtype)}, policy {report.memory_policy}"


def _slider(name: str) -> str:
    shown = in_html(name)
    return (
        f'<p class="slider"><label for="knob-{shown}">{shown}</label> '
        f'<input type="range" id="knob-{shown}" data-axis="{shown}" min="0" step="1"> '
        f'<output id="out-{shown}" for="knob-{shown}"></output></p>\n'
    )


def _standing(network: Network, made: DesignSpace) -> str:
    """The knobs without sliders, and how to get sliders for them."""
    fixed = {name: network.knobs[name] for name in made.knobs if name in network.knobs}
    if not fixed:
        return ""
    said = ", ".join(f"{name} {_text(value)}" for name, value in fixed.items())
    shown = ((name, _example(network.origin.of_spec().spec.knobs[name], value)) for name, value in fixed.items())
    example = next(
        (f", for example <code>--over {in_html(name)}={in_html(text)}</code>" for name, text in shown if text), ""
    )
    return (
        f'<p class="about" id="fixed">Without a slider: {in_html(said)}. With <code>--over KNOB=VALUES</code> you name '
        f"the sliders yourself, each with its values{example}.</p>\n"
    )


def _example(knob: Knob, value: KnobValue) -> str:
    """Values that a slider of this knob may have; empty where none come to mind."""
    if knob.choices:
        return ",".join(map(_text, knob.choices))
    if isinstance(value, bool):
        return "false,true"
    return ",".join(map(_text, (value, value * 2))) if isinstance(value, (int, Fraction)) and value else ""


def _text(value: KnobValue) -> str:
    return str(value_text(value)) if isinstance(value, Fraction) else say(value)


def _budgets(report: Report) -> str:
    start = {"macs": exact(report.totals.macs)}
    return "".join(
        f'<p class="slider"><label for="max-{metric}">{METRICS[metric].full} at most</label> <input type="text" id="max-{metric}" '
        f'data-metric="{metric}" value="{start.get(metric, "")}" placeholder="none" aria-describedby="hint-{metric}" autocomplete="off"> '
        f'<span class="about" id="hint-{metric}">for example {METRICS[metric].examples}</span></p>\n'
        for metric in BUDGETED
    )
