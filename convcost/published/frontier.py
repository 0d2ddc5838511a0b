"""Accuracy against cost: published accuracies, costs counted at the resolution of the evaluation, the exact Pareto front.

Networks of the zoo are counted; for others the printed figure is used if its convention is compatible. Networks with
neither are left out, and listed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

from convcost.conventions.catalog import convention as named_convention
from convcost.conventions.convention import PAPER, Convention
from convcost.core.checks import check_path
from convcost.core.errors import UsageError, did_you_mean, is_one_of, nearest
from convcost.core.metrics import Metric
from convcost.core.patterns import fitting
from convcost.core.reading import Sizes, parse_bytes, parse_count, parse_duration, parse_sizes, parse_years, several
from convcost.core.units import counted, exact
from convcost.core.version import __version__
from convcost.devices.device import Device, Roofline
from convcost.devices.stored import as_device
from convcost.networks.latency import EXTRAPOLATED, device_summary, error_text, place_text
from convcost.published.choices import ACCURACIES, COSTS, KINDS, LANDSCAPES, LATENCY, METRICS_OF_TASKS, TIERS
from convcost.published.cost import costed
from convcost.published.data import Measured, accuracies, per_cent, read_accuracies, sources
from convcost.published.highlight import highlighted
from convcost.published.latency import Setup, Timings, timings_on
from convcost.published.own import Yours, beside, listed, one_by_one
from convcost.published.point import GIVEN, PRINTED, Omitted, Point
from convcost.published.tasks import datasets, landscape
from convcost.published.timed import measured, timed
from convcost.render.table import Table, Tabular

_PARTS = 10**6  # of a per cent; published_data takes no finer ones, and finer ones of one's own count as equal
_AS_PRINTED = "as each source prints it: ImageNet-1k, single crop unless its note says otherwise; not recomputed"
_BESIDE = "ImageNet-1k, as the table of the latency prints it, or as it is cited for the network where that computes in floats"
_LEARNT_ALONE = "learnt from ImageNet-1k alone"
_YOURS_UNSAID = "; of yours, also what says nothing of it"
NO_MEMBER = "an ablation, not a member of its family"
"""Why an ablation is left out unless it is asked for."""


@dataclass(frozen=True, slots=True)
class Frontier(Tabular):
    """Points in order of cost, with the selection that gave them."""

    x: str
    y: str
    convention: Convention
    points: tuple[Point, ...] = field(hash=False)
    omitted: tuple[Omitted, ...] = field(hash=False)
    selection: str
    """The selection, in words."""
    considered: int
    """Points that the front was sought among."""
    front_only: bool = False
    """The others were left out."""
    highlighted: tuple[str, ...] = ()
    """The published families that stand out in the picture."""
    setup: Setup | None = None
    """What the latencies on the x axis were measured on."""
    device: Device | Roofline | None = None
    """What they are predicted for."""
    far: int = 0
    """How many of the points that were considered are extrapolated, shown or not."""
    extrapolated: bool = False
    """Whether these may be on the front."""
    task: str = ""
    """Of the accuracies; empty for the classification of ImageNet."""
    dataset: str = ""
    """Of a task: the only one that they are on."""

    @property
    def cost(self) -> Metric:
        """What stands on the x axis, as the convention calls it."""
        return COSTS[self.x].under(self.convention.unit)

    @property
    def on(self) -> str:
        """What latencies are of; empty for any other cost."""
        if self.setup:
            return self.setup.title
        return place_text(self.device).removeprefix(f"{self.device.name}: ") if self.device else ""

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
    y: str | None = None,
    task: str | None = "",
    dataset: str | None = "",
    convention: str = PAPER,
    family: str | Sequence[str] | None = (),
    year: str | int | None = "",
    tier: str | Sequence[str] | None = TIERS,
    source: str | Sequence[str] | None = (),
    resolution: str | int | None = "",
    imagenet_only: bool = False,
    yours: Yours | None = None,
    add: str | Sequence[str] | None = (),
    data: str | os.PathLike[str] | None = None,
    highlight: str | Sequence[str] | None = (),
    ablations: bool = False,
    front_only: bool = False,
    most: str | int | None = None,
    least: str | None = None,
    setup: str | None = None,
    device: str | os.PathLike[str] | Device | Roofline | None = None,
    extrapolated: bool = False,
) -> Frontier:
    """The published landscape, and beside it your own networks and the tables in the files `add`.

    `y` is `top1`, where nothing is said, or `top5`, on ImageNet. A `task`, detection or segmentation, has a landscape of its own on
    one `dataset`, by its own metric: box mAP, mIoU; without a name that of which most is printed. None mixes two data sets.
    `yours` is model or path -> accuracy, or (model, accuracy, label) one by one. `data` is a table that stands in the
    place of the published one. `family` are globs over families and networks, `source` over sources; `year` is 2018 or
    2015-2019, `resolution` 224 or 192-256, of squares, or 1024x2048; `imagenet_only` leaves out what learnt from more than
    ImageNet-1k, other images or a teacher; both hold for yours, too. With a source or `data`, all tiers are taken. Only points
    that cost at most `most` ("500M", "256KiB", "20ms") and are at least `least` per cent accurate count, also for the front.
    The families that `highlight` fits stand out, see `published.highlight` for the rule without it. `ablations` are left out
    unless asked for. With `x="latency"`, costs are the published latencies of one `setup`, or those predicted for a `device`;
    networks far from all that it was fitted on are on the front only if `extrapolated`. Raises `UsageError` if nothing is left.

    >>> frontier(family=["MobileNetV1"], source=["mobilenet_v1"]).front[0].cost  # Table 6: 41 million mult-adds
    41030272
    """
    task, (family, source, add, highlight) = task or "", map(several, (family, source, add, highlight))
    y = _metric(y, task, dataset, {"setup": setup, "add": add, "data": data, "imagenet_only": imagenet_only})
    data, chosen, bounds = check_path(data, "data"), _on_axes(x, y, task, convention), _Bounds.of(x, y, most, least)
    found, place = _on(setup, x, own=bool((yours := one_by_one(yours)) or add or data), device=device)
    on, rows = landscape(task, dataset or "") if task else ("", _on_imagenet(found, data))
    tiers = () if data is not None or source or found else TIERS if tier is None else several(tier)
    asked = _Learnt(parse_sizes(resolution), imagenet_only, instead=data is not None, beside=bool(yours or add))
    kept = asked.published(_selected(rows, family, year, tiers, source))
    counting = partial(_costed, x=x, chosen=chosen, ablations=ablations, as_given=data is not None, device=place)
    points, omitted = timed(kept, found, y) if found else counting(kept, y=y)
    every, left = asked.of_yours((points, omitted), beside(listed(yours, y), add, x, y, chosen, place))
    _refuse_nothing(every, (len(rows), len(kept)), x, y, left)
    shown = _shown(marked := mark_front(bounds.within(every), extrapolated=extrapolated), front_only=front_only)
    words = _in_words(family, year, tiers, source, data, add, resolution=resolution, more=(asked.words, bounds.words))
    return Frontier(
        x, y, chosen, shown, tuple(left), words, len(marked), front_only, highlighted(shown, highlight, rows),
        found.setup if found else None, place, sum(point.extrapolated for point in marked), extrapolated, task, on,
    )  # fmt: skip


def _on_imagenet(found: Timings | None, data: str | None) -> list[Measured]:
    """The accuracies beside the latencies of a setup, the published ones, or those of a table in their place."""
    return list(measured(found) if found else accuracies() if data is None else read_accuracies(data))


def _shown(marked: Sequence[Point], *, front_only: bool) -> tuple[Point, ...]:
    """The points to show; raises `UsageError` if there are none."""
    shown = tuple(point for point in marked if point.front or not front_only)
    if not shown:
        points = counted(len(marked), "point")
        raise UsageError(f"nothing to show: {points}, all extrapolated, none on the front; --extrapolated takes them")
    return shown


def _metric(y: str | None, task: str, dataset: str | None, others: Mapping[str, Any]) -> str:
    """What stands on the y axis: top-1 unless something else is asked for; raises `UsageError` for what does not go together."""
    _refuse_unchecked(task, others["setup"], imagenet_only=others["imagenet_only"])
    if not task:
        if dataset:
            raise UsageError(f"a data set is of a task, and none is asked for: {', '.join(LANDSCAPES)}")
        return y or ACCURACIES[0]
    if not is_one_of(task, LANDSCAPES):
        raise UsageError(f"there is no landscape of {task!r}{did_you_mean(task, LANDSCAPES)}")
    metric = METRICS_OF_TASKS[LANDSCAPES[task]]
    if y and y != LANDSCAPES[task]:
        of = {**dict.fromkeys(ACCURACIES, "ImageNet"), **{word: other for other, word in LANDSCAPES.items()}}
        if not is_one_of(y, of):
            raise UsageError(f"there is no axis {y!r}{did_you_mean(y, (LANDSCAPES[task],))}")
        raise UsageError(f"{y} is of {of[y]}; {task} is measured by its {metric}")
    if word := next((name for name, given in others.items() if given), ""):
        raise UsageError(f"{word} is of ImageNet; beside {task} stand networks of yours, each with its {metric}")
    return LANDSCAPES[task]


def _refuse_unchecked(task: str, setup: str | None, *, imagenet_only: bool) -> None:
    """Raises `UsageError` for what nobody has printed of a task, or of latencies."""
    if is_one_of(task, LANDSCAPES) and setup is not None:
        raise UsageError(
            f"a setup's latencies stand against accuracies on ImageNet, and {task} has none there: leave out the setup or the "
            "task, or ask for --x latency with --device"
        )
    if imagenet_only and task in LANDSCAPES:
        raise UsageError(f"--imagenet-only is of ImageNet, and nobody checked what networks for {task} learnt from")
    if imagenet_only and setup is not None:
        raise UsageError(
            "--imagenet-only is not of latencies: the tables of a setup do not say what networks learnt from"
        )


def _on_axes(x: str, y: str, task: str, convention: str) -> Convention:
    """What the x axis counts by; raises `UsageError` for an axis or a convention that there is not."""
    for other, metric in LANDSCAPES.items():
        if y == metric and not task:
            raise UsageError(
                f"{y} is of {other}, and without a task accuracies are of ImageNet: ask for --task {other}"
            )
    for word, known in ((x, tuple(COSTS)), (y, (LANDSCAPES[task],) if task else ACCURACIES)):
        if word not in known:
            raise UsageError(f"there is no axis {word!r}{did_you_mean(word, known)}")
    return named_convention(convention)


def _on(
    setup: str | None, x: str, *, own: bool, device: str | os.PathLike[str] | Device | Roofline | None
) -> tuple[Timings | None, Device | Roofline | None]:
    """The latencies of the setup, or the device, that is asked for; neither unless latency is. Raises `UsageError`."""
    if device is not None and (x != LATENCY or setup is not None):
        more = f"--x latency, not {x}" if x != LATENCY else "--device or --setup, not for both"
        raise UsageError(f"a device is what latency is predicted for, a setup what is printed of it: ask for {more}")
    if device is not None:
        return None, as_device(device)
    if setup is None and x != LATENCY:
        return None, None
    if setup is None:
        raise UsageError(
            "latency is of one setup: name it, e.g. --setup sd855 for what is printed (`convcost verify --latency all` lists "
            "setups), or --device sd855 for what is predicted (`convcost devices` lists devices)"
        )
    if x != LATENCY:
        raise UsageError(f"a setup has latencies, and {x} is counted: leave out the setup, or ask for latency")
    if own:
        raise UsageError(
            "latency is what is printed of published networks: networks and tables of yours have none here"
        )
    return timings_on(setup), None


def _costed(
    kept: Sequence[Measured],
    *,
    x: str,
    y: str,
    chosen: Convention,
    ablations: bool,
    as_given: bool,
    device: Device | Roofline | None,
) -> tuple[list[Point], list[Omitted]]:
    """The selected rows with their costs, and those without a cost or an accuracy, and ablations, with the reason."""
    members = [row for row in kept if ablations or not row.ablation]
    known = [row for row in members if row.printed(y)]
    points, omitted = costed(known, x, y, chosen, as_given=as_given, device=device)
    omitted += [Omitted(row, f"no {y} is printed") for row in members if not row.printed(y)]
    omitted += [Omitted(row, NO_MEMBER) for row in kept if row.ablation and not ablations]
    return points, omitted


def _refuse_nothing(
    every: Sequence[Point], counts: tuple[int, int], x: str, y: str, omitted: Sequence[Omitted], most: int = 3
) -> None:
    """Raises `UsageError` where there is nothing to show, with the reason of the first accuracies that are left out."""
    if every:
        return
    selected = "{} accuracies, {} selected, none with {} and {}".format(*counts, x, y)
    said = "; ".join(f"{one.measured.item}: {one.why}" for one in omitted[:most])
    raise UsageError(f"nothing to show: {selected}{f' ({said})' if said else ''}")


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
            unit = COSTS[x].unit
            limit = {"bytes": parse_bytes, "ms": parse_duration}.get(unit, parse_count)(most)
            shown = COSTS[x].written(limit) if unit == "ms" else exact(limit)
            said.append(f"{x} at most {shown}{' bytes' if unit == 'bytes' else ''}")
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


def mark_front(points: Iterable[Point], *, extrapolated: bool = False) -> list[Point]:
    """The points in order of cost, those on the Pareto front marked; of equal points the first.

    Points that are extrapolated are on it only if that is asked for: of their costs not even the error is known.
    """
    from convcost.space.pareto import front, objective  # with numpy, which most commands do without

    ordered = sorted(points, key=lambda p: (p.cost, -p.accuracy))
    among = [at for at, point in enumerate(ordered) if extrapolated or not point.extrapolated]
    costs = objective([ordered[at].cost for at in among], "cost", largest=False)
    accuracies = objective([int(ordered[at].accuracy * _PARTS) for at in among], "accuracy", largest=True)
    leading = {among[best] for best in front([costs, accuracies]).tolist()} if among else set()
    return [point._replace(front=at in leading) for at, point in enumerate(ordered)]


def _selected(
    rows: Sequence[Measured],
    family: Sequence[str],
    year: str | int | None,
    tier: Sequence[str],
    source: Sequence[str],
) -> list[Measured]:
    first, last = parse_years(year) or (0, 9999)
    for one in tier:
        if one not in KINDS:
            raise UsageError(f"there is no tier {one!r}{did_you_mean(one, KINDS)}")
    chosen = _matching(_matching(rows, rows, family, "family", _family_words), rows, source, "source", _source_words)
    return [row for row in chosen if (not tier or row.tier in tier) and first <= row.year <= last]


@dataclass(frozen=True, slots=True)
class _Learnt:
    """At which resolution networks are asked for, and whether they learnt from ImageNet-1k alone."""

    sizes: Sizes | None
    imagenet_only: bool
    instead: bool
    """The caller's table stands in the place of the published one."""
    beside: bool
    """Networks of the caller's stand beside these."""

    @property
    def words(self) -> str:
        """What networks learnt from, if that is asked for; nobody but the caller can say it of the caller's own."""
        return (_LEARNT_ALONE + _YOURS_UNSAID * (self.instead or self.beside)) * self.imagenet_only

    def published(self, rows: Sequence[Measured]) -> list[Measured]:
        """Those of the published rows that are asked for; the caller's own are judged by what their networks are."""
        return [row for row in rows if self.instead or not self.lacking(row)]

    def lacking(self, row: Measured) -> str:
        """What a row is not that is asked for, in words; empty if it is all."""
        size = (row.resolution, row.width or row.resolution)
        if self.sizes and not (row.resolution and self.sizes.hold(*size)):
            return "yours, not of the resolution that is asked for"
        return "yours, learnt from more than ImageNet-1k" if self.imagenet_only and row.extra else ""

    def of_yours(self, *found: tuple[list[Point], list[Omitted]]) -> tuple[list[Point], list[Omitted]]:
        """All points, without those of the caller's own that are not asked for: the caller named them, so they are left out by name."""
        points, omitted = ([one for each in side for one in each] for side in zip(*found))
        whys = [(one, self.lacking(one.measured) if self.instead or one.yours else "") for one in points]
        left = [Omitted(point.measured, why) for point, why in whys if why]
        return [point for point, why in whys if not why], [*omitted, *left]


def _matching(
    rows: Sequence[Measured],
    every: Sequence[Measured],
    patterns: Sequence[str],
    what: str,
    words: Callable[[Measured], tuple[str, ...]],
) -> Sequence[Measured]:
    """Those of the rows that a pattern fits; raises `UsageError` for one that fits none of them all."""
    if not patterns:
        return rows
    fit: set[str] = set()
    for pattern in patterns:
        found = fitting(pattern, every, words)
        if not found:
            known = {getattr(row, what) for row in every}
            listed = "" if nearest(pattern, known) else f". Known: {', '.join(sorted(known, key=str.lower))}"
            raise UsageError(f"there is no {what} {pattern!r}{listed or did_you_mean(pattern, known)}")
        fit.update(row.at for row in found)
    return [row for row in rows if row.at in fit]


def _family_words(row: Measured) -> tuple[str, ...]:
    return row.family, row.model


def _source_words(row: Measured) -> tuple[str, ...]:
    known = sources().get(row.source)
    return row.source, known.where if known else ""


def _in_words(
    family: Sequence[str],
    year: str | int | None,
    tier: Sequence[str],
    source: Sequence[str],
    data: str | None,
    add: Sequence[str],
    *,
    resolution: str | int | None,
    more: Iterable[str],
) -> str:
    parts = {"family": ", ".join(family), "year": str(year or ""), "source": ", ".join(source), "tier": ", ".join(tier)}
    parts["resolution"] = str(resolution or "")
    parts["added"] = ", ".join(add)
    said = "; ".join(f"{word} {value}" for word, value in parts.items() if value)
    return "; ".join(filter(None, (data, said, *more)))


def frontier_table(found: Frontier) -> Table:
    """A row per point in order of cost; a star marks the Pareto front."""
    records = [_record(found, point) for point in found.points]
    other = [score for score in ACCURACIES if score != found.y and not found.task]
    score = METRICS_OF_TASKS[found.y] if found.task else found.y
    rows = [
        [
            point.name,
            point.measured.printed(found.y),
            point.figure or exact(point.cost),
            *([] if found.front_only else ["*" if point.front else ""]),
            *(point.measured.printed(name) for name in other),
            {PRINTED: "as printed", GIVEN: "as given"}.get(point.how, point.how),
            point.measured.size_text,
            point.measured.tier,
            point.measured.source,
        ]
        for point in found.points
    ]
    starred = () if found.front_only else ("front",)
    cost = found.cost.column
    return Table(
        title=f"{f'{found.dataset} {score}' if found.task else 'Accuracy'} against {cost}{f' on {found.on}' if found.on else ''} · {counted(len(found.points), 'point', 'points')} of "
        f"{counted(len(found.families), 'family', 'families')}",
        headers=("network", score, cost, *starred, *other, "cost is", "input", "tier", "source"),
        numeric=(False, True, True, *(False for _ in starred), *(True for _ in other), False, True, False, False),
        rows=rows,
        records=records,
        data={
            "schema": "convcost.frontier/1",
            "version": __version__,
            "x": found.x,
            "y": found.y,
            **({"task": found.task, "dataset": found.dataset} if found.task else {}),
            "convention": {"name": found.convention.name, "unit": found.convention.unit},
            "setup": {**found.setup._asdict(), "title": found.setup.title} if found.setup else None,
            **({"device": device_summary(found.device)} if found.device else {}),
            **({"extrapolated": found.far, "extrapolated_on_front": found.extrapolated} if found.device else {}),
            "selection": found.selection,
            "highlighted": list(found.highlighted),
            "points": [{**record, "knobs": dict(p.measured.knobs)} for record, p in zip(records, found.points)],
            "left_out": [{"item": o.measured.item, "family": o.measured.family, "why": o.why} for o in found.omitted],
        },
        notes=frontier_notes(found),
    )


def frontier_notes(found: Frontier) -> list[tuple[str, str]]:
    """Notes on what was selected and left out, and on the marks."""
    star = "" if found.front_only else "* "
    notes = [
        (
            "front",
            f"{star}no other point is as accurate for less ({len(found.front)} of {found.considered}){_aside(found)}",
        ),
        ("accuracy", _BESIDE if found.setup else _on_task(found) if found.task else _AS_PRINTED),
        ("cost", _cost_note(found)),
    ]
    if found.selection:
        notes.append(("selected", found.selection))
    if found.omitted:
        whys = Counter(omitted.why for omitted in found.omitted)
        notes.append(("left out", "; ".join(f"{count} {why}" for why, count in whys.most_common())))
        notes.append(("these are", _listed([omitted.measured.item for omitted in found.omitted])))
    return notes


def _on_task(found: Frontier) -> str:
    """What the accuracies of a task are, and which other data sets there are, which never stand beside this one."""
    more = ", ".join(f"{name} ({count})" for name, count in datasets(found.task).items() if name != found.dataset)
    return (
        f"{_MEANS[found.y]}, as each source prints it, on {found.dataset} alone, one scale unless its note says otherwise; "
        f"not recomputed{f'; other data sets: {more}' if more else ''}"
    )


_MEANS = {"map": "box mAP, the mean over IoUs from 0.5 to 0.95", "miou": "mIoU, the mean over classes"}


def _aside(found: Frontier) -> str:
    """How many points cannot be on the front, and why."""
    if not found.far or found.extrapolated:
        return ""
    return f"; {exact(found.far)} that {'is' if found.far == 1 else 'are'} extrapolated left aside, --extrapolated takes them"


def _listed(names: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more (.json and .html name all)"


def _cost_note(found: Frontier) -> str:
    if found.setup:
        return f"as its source prints it, on {found.setup.title}; no latency of another setup is beside it"
    if found.device:
        far = sum(point.extrapolated for point in found.points)
        more = f"; {EXTRAPOLATED} {exact(far)} far from all networks that it was fitted on" if far else ""
        return f"predicted for {place_text(found.device)}; {error_text(found.device)}{more}"
    how = Counter(point.how for point in found.points)
    said = f"{len(found.points) - how[PRINTED] - how[GIVEN]} counted by convcost at the resolution of the evaluation"
    if "convention" in found.cost.needs:
        said += f", convention {found.convention.name}: {found.convention.counts}"
    said += f"; {how[PRINTED]} as printed, for networks that are not in the zoo" if how[PRINTED] else ""
    return said + (f"; {how[GIVEN]} as given, in a table that states no convention" if how[GIVEN] else "")


def _record(found: Frontier, point: Point) -> dict[str, Any]:
    one = point.measured
    return {
        "family": one.family,
        "item": one.item,
        "model": one.model,
        "knobs": " ".join(f"{name}={value}" for name, value in one.knobs.items()),
        "resolution": one.resolution or None,
        **(
            {"width": one.width or None, "dataset": one.dataset or found.dataset, found.y: one.score or None}
            if found.task
            else {"top1": one.top1 or None, "top5": one.top5 or None}
        ),
        found.cost.key if found.on else found.x: found.cost.value(point.cost),
        **({"extrapolated": point.extrapolated} if found.device else {}),
        "cost_is": point.how,
        "front": point.front,
        "year": one.year or None,
        "tier": one.tier,
        "source": one.source,
        "locator": one.locator,
        "recipe": one.recipe,
        "extra": one.extra,
        "note": one.note,
        "ablation": one.ablation,
        "yours": point.yours,
    }
