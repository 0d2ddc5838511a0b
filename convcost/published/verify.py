"""Verification: every published figure recomputed and judged."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from convcost.core.checks import check_path
from convcost.core.errors import ConvcostError, UsageError, one_line
from convcost.core.kept import answers
from convcost.core.units import counted, exact
from convcost.core.version import __version__
from convcost.published.choices import METRICS_OF_TASKS
from convcost.published.chosen import Chosen, known_source
from convcost.published.count import Recount
from convcost.published.data import (
    OWN,
    Claim,
    Definition,
    Measured,
    accuracies,
    claims,
    combined,
    read_claims,
    sources,
)
from convcost.published.figure import QUANTITIES, Figure, FigureValue
from convcost.published.latency import Timing, timings
from convcost.published.metafile import SOURCE, SUFFIXES, Listed, read_metafile, stated, unstated, without_a_term
from convcost.published.predictions import Compared, as_printed, prediction, signed
from convcost.published.quoted import slips
from convcost.published.rows import raise_all
from convcost.published.tasks import OnTask, on_tasks
from convcost.render.table import Table, Tabular

if TYPE_CHECKING:
    import pandas as pd

REPRODUCED, DIFFERS, CITED, UNEXPLAINED = VERDICTS = ("reproduced", "differs", "cited", "unexplained")
"""The possible verdicts."""


class Verdict(NamedTuple):
    """A published figure, with convcost's own number and the verdict."""

    source: str
    locator: str
    item: str
    model: str
    knobs: str
    quantity: str
    part: str
    printed: str
    """With its unit."""
    computed: str
    """By convcost's own definition, in the printed unit and with one more digit; empty for what is cited."""
    recounted: str
    """Under the explanation, where that is a way to count."""
    verdict: str
    """One of `VERDICTS`."""
    explanation: str
    """Why it differs, or how it was rounded; if unexplained, what fails."""
    counting: tuple[str, ...] = ()
    """The way to count that explains it: keys of definitions.yaml."""
    found: FigureValue | None = None
    """Exactly what convcost computed, in ones, bytes or per cent; None for what is cited."""
    refound: FigureValue | None = None
    """Exactly what it found under the explanation."""
    run: str = ""
    """How the network is run, where that is part of the claim; of a latency, the key of its setup."""
    error: float | None = None
    """By which share of it a calibrated device errs on a latency; None for all else, and where there is no device."""


class Verdicts(tuple[Verdict, ...], Tabular):
    """Verdicts on published figures, one for each."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Every figure as JSON-ready data, schema convcost.verify/1."""
        return figures_table(self).data

    def to_frame(self) -> pd.DataFrame:
        """A row per figure as a pandas DataFrame."""
        return figures_table(self).to_frame()

    def table(self, by: str = "source") -> Table:
        """A row per source with every figure that differs, or with `by="figure"` a row per figure."""
        if by not in ("source", "figure"):
            raise UsageError(f"verdicts stand by source or by figure, got {by!r}")
        return summary_table(self) if by == "source" else figures_table(self)

    @property
    def unexplained(self) -> tuple[Verdict, ...]:
        """The verdicts that make a check fail."""
        return tuple(unexplained(self))

    def __repr__(self) -> str:
        return f"<Verdicts on {counted(len(self), 'figure')} · {len(self.unexplained)} unexplained>"


def verify(
    models: str | Sequence[str] = (), data: str | os.PathLike[str] | None = None, source: str | None = None
) -> Verdicts:
    """Recompute the published figures, all or those of some families, presets and one source.

    `data` is the path of a CSV file whose claims are checked instead, or of a metafile of OpenMMLab (`metafile.yml`). Raises
    `UsageError` for an unknown name and for an invalid file.

    >>> [verdict.printed for verdict in verify(["googlenet"]) if verdict.part == "inception_3b"]
    ['28×28×480', '380 Ki', '304 M']
    """
    data = check_path(data, "data")
    chosen = Chosen(models, source)
    if data is None:
        known_source(source)
    listed = read_metafile(data) if data is not None and data.lower().endswith(SUFFIXES) else None
    if listed:
        every: Sequence[Claim] = listed.claims
    else:
        every = claims() if data is None else read_claims(data)
    verdicts, problems = [], []
    with answers("verify") as known:
        counter = Recount(known)
        for claim in every:
            try:
                if chosen.has(claim):
                    verdicts.append(_explained(claim, counter) if listed else judge(claim, counter))
            except ConvcostError as error:
                problems.append(f"{claim.at}: {one_line(str(error))}")
        timed = [one for one in timings() if chosen.has(one)] if data is None else []
        compared = [Compared(one, prediction(one, known)) for one in timed]
    raise_all(problems)
    every_cited: list[Measured | OnTask] = [*accuracies(), *on_tasks()] if data is None else []
    cited = [one for one in every_cited if chosen.has(one)]
    wrong = slips() if cited or timed else {}
    quoted = [_held(one, wrong) for one in (*map(_cited, cited), *map(_timed, compared))]
    if listed:
        quoted = [_cited(one) for one in listed.accuracies if chosen.has(one)]
        quoted += [_quoted(other, one) for other in listed.others if chosen.has(other) for one in other.figures]
    return Verdicts((*verdicts, *quoted))


def judge(claim: Claim, counter: Recount) -> Verdict:
    """The verdict on one claim: reproduced, differs as explained, or unexplained."""
    plain = _count(claim, OWN, counter)
    fits = claim.figure.fits(plain)
    if claim.counting:
        return _recounted(claim, plain, fits, counter)
    if not claim.because:
        word, said = (
            (REPRODUCED, claim.figure.how)
            if fits
            else (UNEXPLAINED, "it differs, and the columns counting and because give no reason")
        )
        return _verdict(claim, plain, word, said)
    if fits:
        return _verdict(claim, plain, UNEXPLAINED, "what convcost finds fits; it needs no explanation any more")
    if not claim.figure.states(claim.computed, plain):
        return _verdict(claim, plain, UNEXPLAINED, f"the data says that convcost finds {claim.computed}")
    if claim.difference and claim.difference != claim.figure.less(claim.computed):
        return _verdict(claim, plain, UNEXPLAINED, "the data says that it differs by another amount")
    return _verdict(claim, plain, DIFFERS, claim.because)


def _explained(claim: Claim, counter: Recount) -> Verdict:
    """The verdict on a figure that states no reason: with the first that its family has, or else what others have."""
    found = judge(claim, counter)
    if found.verdict != UNEXPLAINED:
        return found
    for explained in stated(claim):
        if (held := _holding(explained, counter)) is not None:
            return held
    other = [
        held
        for explained in unstated(claim)
        if (held := _holding(explained, counter)) is not None and _has_all(explained, held, counter)
    ]
    if not other:
        return found._replace(explanation=f"no way in which figures of {SOURCE} are counted gives it")
    said = "; or: ".join(dict.fromkeys(held.explanation for held in other))
    return other[0]._replace(explanation=f"would be: {said} (stated of other networks only)")


def _holding(explained: Claim, counter: Recount) -> Verdict | None:
    """The verdict on a figure with an explanation; None if that does not hold."""
    try:
        held = judge(explained, counter)
    except ConvcostError:  # a way to count that knows other networks, as of a knob that this one does not have
        return None
    return held if held.verdict != UNEXPLAINED else None


def _has_all(claim: Claim, held: Verdict, counter: Recount) -> bool:
    """Whether a network has all that a way to count speaks of: each term changes the count."""

    def counted(way: Definition) -> FigureValue | None:
        try:
            return _count(claim, way, counter)
        except ConvcostError:  # nothing is left to count
            return None

    return all(counted(less) != held.refound for less in without_a_term(combined(claim.counting)))


def _recounted(claim: Claim, plain: FigureValue, fits: bool, counter: Recount) -> Verdict:
    """The verdict on an explanation that is a way to count, every part of which must be needed."""
    way = combined(claim.counting)
    found = _count(claim, way, counter)
    text = claim.figure.written(found)

    def verdict(word: str, explanation: str) -> Verdict:
        said = _verdict(claim, plain, word, explanation)
        return said._replace(recounted=text, refound=found, counting=claim.counting)

    if fits:
        return verdict(UNEXPLAINED, f"it fits without {' '.join(claim.counting)}, which explains nothing any more")
    if not claim.figure.fits(found, way.habit):
        return verdict(UNEXPLAINED, f"{' '.join(claim.counting)} gives {text}")
    for key in claim.counting if len(claim.counting) > 1 else ():
        others = combined(k for k in claim.counting if k != key)
        if claim.figure.fits(_count(claim, others, counter), others.habit):
            return verdict(UNEXPLAINED, f"it fits without {key}, which explains nothing any more")
    return verdict(DIFFERS, "; ".join(filter(None, (way.says, claim.figure.how))))


def _count(claim: Claim, way: Definition, counter: Recount) -> FigureValue:
    return counter.count(claim.figure.quantity, claim.part, claim.model, claim.knobs, way, claim.run)


def _verdict(claim: Claim, plain: FigureValue, word: str, explanation: str) -> Verdict:
    return Verdict(
        source=claim.source,
        locator=claim.locator,
        item=claim.item,
        model=claim.model,
        knobs=_knobs_text(claim),
        quantity=claim.figure.quantity,
        part=claim.part,
        printed=claim.figure.text,
        computed=claim.figure.written(plain),
        recounted="",
        verdict=word,
        explanation=explanation,
        found=plain,
        run=" ".join(f"{name}={value}" for name, value in claim.run.items()),
    )


def _cited(one: Measured | OnTask) -> Verdict:
    if isinstance(one, OnTask):
        return _cited(one.measured)._replace(
            quantity=METRICS_OF_TASKS[one.metric], part=one.dataset, printed=f"{one.bound} {one.value} %".strip()
        )
    return Verdict(
        source=one.source,
        locator=one.locator,
        item=one.item,
        model=one.model,
        knobs=_knobs_text(one),
        quantity="accuracy",
        part="",
        printed=" / ".join(filter(None, (one.top1, one.top5))) + " %",
        computed="",
        recounted="",
        verdict=CITED,
        explanation="",
    )


def _quoted(other: Listed, printed: Figure) -> Verdict:
    """A figure of a network that the zoo does not have."""
    return Verdict(
        source=other.source,
        locator=other.locator,
        item=other.item,
        model="",
        knobs="",
        quantity=printed.quantity,
        part="",
        printed=printed.text,
        computed="",
        recounted="",
        verdict=CITED,
        explanation="not in the zoo: no network has this name",
    )


def _timed(one: Compared) -> Verdict:
    """A latency: quoted, beside what a calibrated device predicts in its unit."""
    timing = one.timing
    return Verdict(
        source=timing.source,
        locator=timing.locator,
        item=timing.item,
        model=timing.model,
        knobs=_knobs_text(timing),
        quantity="latency",
        part="",
        printed=timing.figure,
        computed=as_printed(one),
        recounted="",
        verdict=CITED,
        explanation="",
        run=timing.setup.key,
        error=None if one.error is None else float(one.error),
    )


def _held(one: Verdict, wrong: Mapping[str, str]) -> Verdict:
    """What is quoted, unexplained where the total of its source is not what it should be."""
    said = wrong.get(one.source)
    return one._replace(verdict=UNEXPLAINED, explanation=said) if said else one


def _knobs_text(one: Claim | Measured | Timing) -> str:
    return " ".join(f"{name}={value}" for name, value in one.knobs.items())


def unexplained(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """The verdicts that make a check fail."""
    return [one for one in verdicts if one.verdict == UNEXPLAINED]


_SHOWN = 2
"""Figures of one explanation in the summary; `verify MODEL` and the machine formats have all."""
_MANY = {DIFFERS: "differ"}
"""What is said of several figures."""


def summary_table(verdicts: Sequence[Verdict]) -> Table:
    """A row per source, and below it every figure that differs, together with those of the same explanation."""
    of_source: dict[str, Counter[str]] = {}
    for one in verdicts:
        of_source.setdefault(one.source, Counter())[one.verdict] += 1
    everything = Counter(one.verdict for one in verdicts)
    return Table(
        title="",
        heading="Published figures, recomputed",
        headers=("source", "kind", "year", "figures", *VERDICTS),
        numeric=(False, False, True, True, *(True for _ in VERDICTS)),
        priority=(0, 2, 3, 1, *(0 for _ in VERDICTS)),
        rows=[[key, *_about(key), *_counts(counts)] for key, counts in of_source.items()],
        total=["all sources", "", "", *_counts(everything)],
        records=[_record(one) for one in verdicts],
        data=_data(verdicts),
        notes=[*_grouped(verdicts), *_closing(verdicts)],
    )


def figures_table(verdicts: Sequence[Verdict]) -> Table:
    """A row per figure, printed and computed; explanations as numbered notes."""
    numbers: dict[str, int] = {}
    for one in verdicts:
        if one.explanation:
            numbers.setdefault(one.explanation, len(numbers) + 1)
    rows = [
        [
            one.source,
            one.locator,
            one.item or f"{one.model} {one.knobs}".strip(),
            quantity_text(one),
            one.printed,
            computed_text(one),
            f"{one.verdict} [{numbers[one.explanation]}]" if one.explanation else one.verdict,
        ]
        for one in verdicts
    ]
    return Table(
        title="",
        heading="Published figures, recomputed",
        headers=("source", "where", "item", "quantity", "printed", "computed", "verdict"),
        numeric=(False, False, False, False, True, True, False),
        priority=(2, 3, 0, 1, 0, 0, 0),
        rows=rows,
        records=[_record(one) for one in verdicts],
        data=_data(verdicts),
        notes=[*((f"[{number}]", text) for text, number in numbers.items()), *_closing(verdicts)],
    )


def source_table(key: str, verdicts: Sequence[Verdict]) -> Table:
    """The figures of one source, each with its explanation, for reports/published.md."""
    own = [one for one in verdicts if one.source == key and one.verdict != CITED]
    return Table(
        title="",
        heading="Published figures, recomputed",
        headers=("where", "item", "quantity", "printed", "computed", "verdict", "explanation"),
        numeric=(False, False, False, True, True, False, False),
        priority=(2, 0, 1, 0, 0, 0, 3),
        wrap=(False, False, False, False, False, False, True),
        rows=[
            [o.locator, o.item, quantity_text(o), o.printed, computed_text(o), o.verdict, o.explanation] for o in own
        ],
        records=[_record(one) for one in own],
        data=_data(own),
    )


def quantity_text(one: Verdict) -> str:
    """The quantity as people name it, with the part that it is of, and how the network is run."""
    return ", ".join(filter(None, (QUANTITIES.get(one.quantity, one.quantity), one.part, one.run)))


def computed_text(one: Verdict) -> str:
    """The number by the rules and, if the explanation is a definition, the number under that; of a latency its error."""
    if one.error is not None:
        return f"{one.computed} ({signed(Fraction(one.error))})"
    return one.computed if one.recounted in ("", one.computed) else f"{one.computed}, {one.recounted}"


def _about(key: str) -> list[str]:
    known = sources().get(key)
    return [known.kind, str(known.year)] if known else ["", ""]


def _counts(counts: Counter[str]) -> list[str]:
    return [exact(counts.total()), *(exact(counts[word]) for word in VERDICTS)]


def _grouped(verdicts: Iterable[Verdict]) -> list[tuple[str, str]]:
    """Differences grouped by source, place and explanation, in the order of the data; unexplained ones last."""
    groups: dict[tuple[str, str, str, str], list[Verdict]] = {}
    for one in verdicts:
        if one.verdict in (DIFFERS, UNEXPLAINED):
            groups.setdefault((one.verdict, one.source, one.locator, one.explanation), []).append(one)
    ordered = sorted(groups.items(), key=lambda item: VERDICTS.index(item[0][0]))
    return [
        (word, f"{', '.join(filter(None, (source, locator)))}: {said}. {_listed(together)}")
        for (word, source, locator, said), together in ordered
    ]


def _listed(verdicts: Sequence[Verdict]) -> str:
    """The first figures of a group, each with what convcost finds, and how many more there are."""
    said = []
    for one in verdicts[:_SHOWN]:
        name = ", ".join(filter(None, (one.item or one.model, quantity_text(one))))
        recounted = f", counted so {one.recounted}" if one.recounted not in ("", one.computed) else ""
        said.append(f"{name}: printed {one.printed}, computed {one.computed}{recounted}")
    more = len(verdicts) - len(said)
    return "; ".join(said) + (f"; and {exact(more)} more" if more else "")


def _closing(verdicts: Sequence[Verdict]) -> list[tuple[str, str]]:
    counts = Counter(one.verdict for one in verdicts)
    if not verdicts:
        return [("figures", "none of these networks is among the published figures")]
    said = {word: _MANY.get(word, word) if counts[word] > 1 else word for word in VERDICTS}
    parts = [f"{exact(counts[word])} {said[word]}" for word in VERDICTS if counts[word]]
    return [("figures", f"{exact(len(verdicts))}: {', '.join(parts)}")]


def _record(one: Verdict) -> dict[str, Any]:
    """A flat record for CSV: shapes as 7x7x320, definitions separated by spaces."""
    return {
        name: value if isinstance(value, str | int | float) else _flat(value) for name, value in _fields(one).items()
    }


def _flat(value: Any) -> str:
    return (
        "" if value is None else "x".join(map(str, value)) if value and isinstance(value[0], int) else " ".join(value)
    )


def _fields(one: Verdict) -> dict[str, Any]:
    """A verdict in JSON: exact integers where there are any, else the fraction as text; shapes as lists."""
    exactly = {"found": _exact(one.found), "refound": _exact(one.refound)}
    return {**one._asdict(), "counting": list(one.counting), **exactly}


def _exact(value: FigureValue | None) -> Any:
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else str(value)
    return None if value is None else list(value)


def _data(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    counts = Counter(one.verdict for one in verdicts)
    return {
        "schema": "convcost.verify/1",
        "version": __version__,
        "totals": {"figures": len(verdicts), **{word: counts[word] for word in VERDICTS}},
        "figures": [_fields(one) for one in verdicts],
    }
