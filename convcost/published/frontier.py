"""Accuracy against cost: published accuracies, costs counted at the resolution of the evaluation, the exact Pareto front.

Networks of the zoo are counted; for others the printed figure is used if its convention is compatible. Networks with
neither are left out, and listed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import Any, NamedTuple

from convcost.conventions.catalog import convention as named_convention
from convcost.conventions.convention import PAPER, Convention
from convcost.core.axes import size_of
from convcost.core.dtypes import storage
from convcost.core.errors import ConvcostError, UsageError, did_you_mean, nearest
from convcost.core.kept import Answers, answers
from convcost.core.metrics import Metric
from convcost.core.reading import parse_bytes, parse_count
from convcost.core.units import counted, exact
from convcost.core.version import __version__
from convcost.graph.partial import refuse_unknown
from convcost.networks.load import open_network
from convcost.networks.network import Network
from convcost.published.choices import ACCURACIES, COSTS, KINDS, TIERS
from convcost.published.data import Measured, accuracies, per_cent, read_accuracies, sources
from convcost.render.table import Table, Tabular
from convcost.results.report import Totals
from convcost.spec.zoo import names

_PARTS = 10**6  # of a per cent; published_data takes no finer ones, and finer ones of one's own count as equal
COUNTED, PRINTED, YOURS = "counted", "printed", "yours"


class Point(NamedTuple):
    """One published accuracy and what the network costs."""

    measured: Measured
    accuracy: Fraction
    """Per cent."""
    cost: int
    how: str
    """`counted` here, `printed` in the source, or `yours`."""
    front: bool = False
    """Whether it is on the Pareto front: no other point is as accurate at less cost, or more accurate at the same cost."""

    @property
    def name(self) -> str:
        """The network in the words of its source, with its family where that says nothing of it."""
        one = self.measured
        return one.item if one.family.lower()[:4] in one.item.lower() else f"{one.family} {one.item}"

    @property
    def source(self) -> str:
        """Where the accuracy is printed."""
        known = sources().get(self.measured.source)
        return ", ".join(filter(None, (known.where if known else self.measured.source, self.measured.locator)))


class Omitted(NamedTuple):
    """An accuracy that is left out, and why."""

    measured: Measured
    why: str


@dataclass(frozen=True, slots=True)
class Frontier(Tabular):
    """Points in order of cost, with the selection that gave them."""

    x: str
    y: str
    convention: Convention
    points: tuple[Point, ...]
    omitted: tuple[Omitted, ...]
    selection: str
    """The selection, in words."""
    considered: int
    """Points that the front was sought among."""
    front_only: bool = False
    """The others were left out."""

    @property
    def cost(self) -> Metric:
        """What stands on the x axis, as the convention calls it."""
        return COSTS[self.x].under(self.convention.unit)

    @property
    def front(self) -> tuple[Point, ...]:
        """The Pareto front, cheapest first."""
        return tuple(point for point in self.points if point.front)

    def table(self) -> Table:
        """A row per point in order of cost, to show or to `render`."""
        return frontier_table(self)

    def __repr__(self) -> str:
        return f"<Frontier {self.y} against {self.x} · {counted(len(self.points), 'point')}, {len(self.front)} on the front>"

    @property
    def families(self) -> tuple[str, ...]:
        """Every family, the oldest first."""
        years: dict[str, int] = {}
        for point in self.points:
            year = point.measured.year or 9999
            years[point.measured.family] = min(year, years.get(point.measured.family, year))
        return tuple(sorted(years, key=lambda family: (years[family], family.lower())))


def frontier(
    *,
    x: str = "macs",
    y: str = "top1",
    convention: str = PAPER,
    family: Sequence[str] = (),
    year: str = "",
    tier: Sequence[str] = TIERS,
    source: Sequence[str] = (),
    yours: Mapping[str, str] | None = None,
    data: str | None = None,
    front_only: bool = False,
    most: str | int | None = None,
    least: str | None = None,
) -> Frontier:
    """The published landscape, or the table in the file `data`, with your own networks (model or path -> accuracy).

    `family` are globs over families and networks, `source` over sources; `year` is 2018 or 2015-2019; with a source or a
    file, all tiers are taken. Only points that cost at most `most` ("500M", "256KiB") and are at least `least` per cent
    accurate count, also for the front. Raises `UsageError` for what does not exist, and where nothing is left to show.

    The smallest MobileNet of its paper, 41 million mult-adds in Table 6:

    >>> found = frontier(family=["MobileNetV1"], source=["mobilenet_v1"])
    >>> found.front[0].measured.top1, found.front[0].cost
    ('50.6', 41030272)
    """
    for word, known in ((x, tuple(COSTS)), (y, ACCURACIES)):
        if word not in known:
            raise UsageError(f"there is no axis {word!r}{did_you_mean(word, known)}")
    chosen = named_convention(convention)
    bounds = _Bounds.of(x, y, most, least)
    own = {model: (value, per_cent(value, model)) for model, value in (yours or {}).items()}
    rows = list(accuracies() if data is None else read_accuracies(data))
    tiers = () if data is not None or source else tier
    kept = _selected(rows, family, year, tiers, source)
    points, omitted = costed([one for one in kept if getattr(one, y)], x, y, chosen)
    omitted += [Omitted(one, f"no {y} is printed") for one in kept if not getattr(one, y)]
    points += [_own(model, *accuracy, x, y, chosen) for model, accuracy in own.items()]
    if not points:
        raise UsageError(f"nothing to show: {len(rows)} accuracies, {len(kept)} selected, none with {x} and {y}")
    marked = mark_front(bounds.within(points))
    return Frontier(
        x,
        y,
        chosen,
        tuple(point for point in marked if point.front or not front_only),
        tuple(omitted),
        "; ".join(filter(None, (_in_words(family, year, tiers, source, data), bounds.words))),
        len(marked),
        front_only,
    )


class _Bounds(NamedTuple):
    """Bounds on cost and accuracy."""

    most: int | None
    least: Fraction | None
    words: str

    @classmethod
    def of(cls, x: str, y: str, most: str | int | None, least: str | None) -> _Bounds:
        """Bounds as a caller writes them; raises `UsageError`."""
        said, limit, bound = [], None, None
        if most is not None:
            size = COSTS[x].unit == "bytes"
            limit = parse_bytes(most) if size else parse_count(most)
            said.append(f"{x} at most {exact(limit)}{' bytes' if size else ''}")
        if least is not None:
            bound = per_cent(least, "the least accuracy")
            said.append(f"{y} at least {least} %")
        return cls(limit, bound, ", ".join(said))

    def within(self, points: list[Point]) -> list[Point]:
        """The points within both; raises `UsageError` if there are none."""
        found = [
            point
            for point in points
            if (self.most is None or point.cost <= self.most) and (self.least is None or point.accuracy >= self.least)
        ]
        if not found:
            raise UsageError(f"nothing to show: no point has {self.words}")
        return found


def mark_front(points: Iterable[Point]) -> list[Point]:
    """The points in order of cost, those on the Pareto front marked; of equal points the first."""
    from convcost.space.pareto import front, objective  # with numpy, which counting beforehand does without

    ordered = sorted(points, key=lambda p: (p.cost, -p.accuracy))
    costs = objective([point.cost for point in ordered], "cost", largest=False)
    accuracies = objective([int(point.accuracy * _PARTS) for point in ordered], "accuracy", largest=True)
    leading = set(front([costs, accuracies]).tolist()) if ordered else set()
    return [point._replace(front=at in leading) for at, point in enumerate(ordered)]


def _selected(
    rows: Sequence[Measured], family: Sequence[str], year: str, tier: Sequence[str], source: Sequence[str]
) -> list[Measured]:
    first, last = _years(year)
    for one in tier:
        if one not in KINDS:
            raise UsageError(f"there is no tier {one!r}{did_you_mean(one, KINDS)}")
    for patterns, words, what in ((family, _family_words, "family"), (source, _source_words, "source")):
        for pattern in patterns:
            if not any(_fits(pattern, words(row)) for row in rows):
                known = {row.family if what == "family" else row.source for row in rows}
                listed = "" if nearest(pattern, known) else f". Known: {', '.join(sorted(known, key=str.lower))}"
                raise UsageError(f"there is no {what} {pattern!r}{listed or did_you_mean(pattern, known)}")
    return [
        row
        for row in rows
        if (not tier or row.tier in tier)
        and (not year or first <= row.year <= last)
        and (not family or any(_fits(pattern, _family_words(row)) for pattern in family))
        and (not source or any(_fits(pattern, _source_words(row)) for pattern in source))
    ]


def _family_words(row: Measured) -> tuple[str, ...]:
    return row.family, row.model


def _source_words(row: Measured) -> tuple[str, ...]:
    known = sources().get(row.source)
    return row.source, known.where if known else ""


def _fits(pattern: str, words: Iterable[str]) -> bool:
    return any(fnmatchcase(word.lower(), pattern.lower()) for word in words if word)


def _years(text: str) -> tuple[int, int]:
    if not text:
        return 0, 0
    ends = text.split("-")
    if len(ends) > 2 or not all(end.isascii() and end.isdigit() and len(end) == 4 for end in ends):
        raise UsageError(f"{text!r} is no year or span of years, e.g. 2018 or 2015-2019")
    return int(ends[0]), int(ends[-1])


def _in_words(family: Sequence[str], year: str, tier: Sequence[str], source: Sequence[str], data: str | None) -> str:
    parts = {"family": ", ".join(family), "year": year, "source": ", ".join(source), "tier": ", ".join(tier)}
    said = "; ".join(f"{word} {value}" for word, value in parts.items() if value)
    return f"{data}{'; ' if said else ''}{said}" if data else said


def costed(rows: Iterable[Measured], x: str, y: str, chosen: Convention) -> tuple[list[Point], list[Omitted]]:
    """Each row with its cost, counted if the zoo has the network and printed if not; the others with the reason."""
    points, omitted = [], []
    with answers("frontier") as known:
        zoo = set(known.of(("zoo",), names))
        for row in rows:
            accuracy = Fraction(getattr(row, y))
            if row.model in zoo or row.model.endswith((".yaml", ".yml")):
                costs = _counted(row, chosen, known)
                points.append(Point(row._replace(resolution=costs["resolution"]), accuracy, costs[x], COUNTED))
                continue
            printed = _printed(row, x, chosen)
            if isinstance(printed, str):
                omitted.append(Omitted(row, printed))
            else:
                points.append(Point(row, accuracy, printed, PRINTED))
    return points, omitted


def _counted(row: Measured, chosen: Convention, known: Answers) -> dict[str, int]:
    """The costs at the resolution of the row, which its knobs may repeat but not contradict; and that resolution."""
    knobs = dict(sorted(row.knobs.items()))
    asked = row.model, knobs, row.resolution, chosen.name
    try:
        costs: dict[str, int] = known.of(("costs", *asked), lambda: _costs(*asked), row.model)
    except ConvcostError as error:
        raise UsageError(f"{row.at}: {error}") from None
    return costs


def _costs(model: str, knobs: Mapping[str, str], resolution: int, convention: str) -> dict[str, int]:
    """Every cost of a network at a resolution, its own if that is 0; and the resolution."""
    network = open_network(model, knobs)
    if resolution and resolution != size_of(network.graph.input_shape, "height"):
        if "resolution" in knobs:
            raise UsageError(f"resolution is {resolution}, but knobs say {knobs['resolution']}; leave out one")
        network = open_network(model, knobs, resolution)
    _refuse_unknown(network, model)
    report = network.report(convention)
    return {**{x: cost_of(report.totals, x) for x in COSTS}, "resolution": size_of(report.input_shape, "height")}


def _refuse_unknown(network: Network, name: str) -> None:
    refuse_unknown(network.steps, name, "its cost is only known to be larger than what is counted")


def cost_of(totals: Totals, x: str) -> int:
    """The cost of a network along an x axis."""
    return int(getattr(totals, COSTS[x].key))


def _printed(row: Measured, x: str, chosen: Convention) -> int | str:
    """The printed figure as a cost, or why there is none."""
    if x in ("params", "weight_bytes"):
        if not row.params:
            return "not in the zoo, and no parameters are printed"
        params = int(Fraction(row.params) * 10**6)
        return storage(params, "fp32") if x == "weight_bytes" else params
    if x != "macs":
        return "not in the zoo, and nobody prints this"
    if not row.macs:
        return "not in the zoo, and no MACs are printed"
    factor = _factor(row.convention, chosen)
    if factor is None:
        return f"not in the zoo, and its MACs are printed under another convention ({row.convention or 'unknown'})"
    return int(Fraction(row.macs) * 10**6 * factor)


def _factor(printed: str, chosen: Convention) -> Fraction | None:
    """The factor that converts a figure from its printed convention to the chosen one; None if no factor does."""
    if printed == chosen.name:
        return Fraction(1)
    try:
        scales = [_per_mac(named_convention(printed)), _per_mac(chosen)]
    except UsageError:
        return None
    return Fraction(scales[1], scales[0]) if all(scales) else None


def _per_mac(counted: Convention) -> int:
    """Operations per multiply-accumulate of a convention that counts these and nothing else; 0 if it does not."""
    number = counted.factors("conv2d").get("macs", 0)
    said = [*(counted.factors(op) for op in ("linear", "matmul", "lstm")), *filter(None, counted.terms.values())]
    return number if all(factors == {"macs": number} for factors in said) else 0


def _own(text: str, value: str, accuracy: Fraction, x: str, y: str, chosen: Convention) -> Point:
    """The point of a caller's own network; only the given accuracy is known."""
    network = open_network(text, {})
    _refuse_unknown(network, text)
    report = network.report(chosen.name)
    if report.not_counted and x == "macs":
        ops = ", ".join(report.not_counted)
        raise UsageError(f"{text}: the convention {chosen.name} does not know {ops}, so that the cost is not known")
    known: dict[str, Any] = {y: value}
    row = Measured(
        at="--your",
        family="yours",
        item=network.name,
        model=network.name,
        resolution=size_of(report.input_shape, "height"),
        tier=YOURS,
        source="you",
        **known,
    )
    return Point(row, accuracy, cost_of(report.totals, x), YOURS)


def frontier_table(found: Frontier) -> Table:
    """A row per point in order of cost; a star marks the Pareto front."""
    records = [_record(found, point) for point in found.points]
    other = next(score for score in ACCURACIES if score != found.y)
    rows = [
        [
            point.name,
            getattr(point.measured, found.y),
            exact(point.cost),
            *([] if found.front_only else ["*" if point.front else ""]),
            getattr(point.measured, other),
            "as printed" if point.how == PRINTED else point.how,
            str(point.measured.resolution or ""),
            point.measured.tier,
            point.measured.source,
        ]
        for point in found.points
    ]
    starred = () if found.front_only else ("front",)
    cost = found.cost.column
    return Table(
        title=f"Accuracy against {cost} · {counted(len(found.points), 'point', 'points')} of "
        f"{counted(len(found.families), 'family', 'families')}",
        headers=("network", found.y, cost, *starred, other, "cost is", "input", "tier", "source"),
        numeric=(False, True, True, *(False for _ in starred), True, False, True, False, False),
        rows=rows,
        records=records,
        data={
            "schema": "convcost.frontier/1",
            "version": __version__,
            "x": found.x,
            "y": found.y,
            "convention": {"name": found.convention.name, "unit": found.convention.unit},
            "selection": found.selection,
            "points": [{**record, "knobs": dict(p.measured.knobs)} for record, p in zip(records, found.points)],
            "left_out": [{"item": o.measured.item, "family": o.measured.family, "why": o.why} for o in found.omitted],
        },
        notes=frontier_notes(found),
    )


def frontier_notes(found: Frontier) -> list[tuple[str, str]]:
    """Notes on what was selected and left out, and on the marks."""
    star = "" if found.front_only else "* "
    notes = [
        ("front", f"{star}no other point is as accurate for less ({len(found.front)} of {found.considered})"),
        (
            "accuracy",
            "as each source prints it: ImageNet-1k, single crop unless its note says otherwise; not recomputed",
        ),
        ("cost", _cost_note(found)),
    ]
    if found.selection:
        notes.append(("selected", found.selection))
    if found.omitted:
        whys = Counter(omitted.why for omitted in found.omitted)
        notes.append(("left out", "; ".join(f"{count} {why}" for why, count in whys.most_common())))
        notes.append(("these are", _listed([omitted.measured.item for omitted in found.omitted])))
    return notes


def _listed(names: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more (.json and .html name all)"


def _cost_note(found: Frontier) -> str:
    counted = sum(point.how != PRINTED for point in found.points)
    said = f"{counted} counted by convcost at the resolution of the evaluation"
    if "convention" in found.cost.needs:
        said += f", convention {found.convention.name}: {found.convention.counts}"
    rest = len(found.points) - counted
    return said + (f"; {rest} as printed, for networks that are not in the zoo" if rest else "")


def _record(found: Frontier, point: Point) -> dict[str, Any]:
    one = point.measured
    return {
        "family": one.family,
        "item": one.item,
        "model": one.model,
        "knobs": " ".join(f"{name}={value}" for name, value in one.knobs.items()),
        "resolution": one.resolution or None,
        "top1": one.top1 or None,
        "top5": one.top5 or None,
        found.x: point.cost,
        "cost_is": point.how,
        "front": point.front,
        "year": one.year or None,
        "tier": one.tier,
        "source": one.source,
        "locator": one.locator,
        "recipe": one.recipe,
        "note": one.note,
    }
