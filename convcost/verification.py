"""Verdicts on published figures as tables and JSON: a summary per source, or every figure of some networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from convcost.published import CITED, DIFFERS, UNEXPLAINED, VERDICTS, Verdict
from convcost.published_data import sources
from convcost.published_figures import QUANTITIES, Value
from convcost.render import Table
from convcost.units import exact
from convcost.version import __version__

_SHOWN = 2
"""Figures of one explanation in the summary; `verify MODEL` and the machine formats have all."""
_MANY = {DIFFERS: "differ"}


def summary_table(verdicts: Sequence[Verdict]) -> Table:
    """A row per source, and below it every figure that differs, together with those of the same explanation."""
    of_source: dict[str, Counter[str]] = {}
    for one in verdicts:
        of_source.setdefault(one.source, Counter())[one.verdict] += 1
    everything = Counter(one.verdict for one in verdicts)
    return Table(
        title="",
        headers=("source", "kind", "year", "figures", *VERDICTS),
        numeric=(False, False, True, True, *(True for _ in VERDICTS)),
        rows=[[key, *_about(key), *_counts(counts)] for key, counts in of_source.items()],
        total=["all sources", "", "", *_counts(everything)],
        records=[_record(one) for one in verdicts],
        data=_data(verdicts),
        notes=[*_grouped(verdicts), *_closing(verdicts)],
    )


def figures_table(verdicts: Sequence[Verdict]) -> Table:
    """A row per figure, printed beside computed; explanations as numbered notes."""
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
        headers=("source", "where", "item", "quantity", "printed", "computed", "verdict"),
        numeric=(False, False, False, False, True, True, False),
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
        headers=("where", "item", "quantity", "printed", "computed", "verdict", "explanation"),
        numeric=(False, False, False, True, True, False, False),
        rows=[
            [o.locator, o.item, quantity_text(o), o.printed, computed_text(o), o.verdict, o.explanation] for o in own
        ],
        records=[_record(one) for one in own],
        data=_data(own),
    )


def quantity_text(one: Verdict) -> str:
    """The quantity as people name it, with the part that it is of."""
    label = QUANTITIES.get(one.quantity, one.quantity)
    return f"{label}, {one.part}" if one.part else label


def computed_text(one: Verdict) -> str:
    """What convcost finds and, where the explanation is a way to count, what that gives."""
    return f"{one.computed}, {one.recounted}" if one.recounted else one.computed


def _about(key: str) -> list[str]:
    known = sources().get(key)
    return [known.kind, str(known.year)] if known else ["", ""]


def _counts(counts: Counter[str]) -> list[str]:
    return [exact(counts.total()), *(exact(counts[word]) for word in VERDICTS)]


def _grouped(verdicts: Iterable[Verdict]) -> list[tuple[str, str]]:
    """Differences by source, place and explanation, in the order of the data; what is unexplained stands last."""
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
        recounted = f", counted so {one.recounted}" if one.recounted else ""
        said.append(f"{name}: printed {one.printed}, computed {one.computed}{recounted}")
    more = len(verdicts) - len(said)
    return "; ".join(said) + (f"; and {exact(more)} more" if more else "")


def _closing(verdicts: Sequence[Verdict]) -> list[tuple[str, str]]:
    counts = Counter(one.verdict for one in verdicts)
    if not verdicts:
        return [("figures", "none of these networks is among the published figures")]
    parts = [f"{exact(counts[word])} {_MANY.get(word, word)}" for word in VERDICTS if counts[word]]
    return [("figures", f"{exact(len(verdicts))}: {', '.join(parts)}")]


def _record(one: Verdict) -> dict[str, Any]:
    """A flat record for CSV: shapes as 7x7x320, ways to count apart by spaces."""
    return {name: value if isinstance(value, str | int) else _flat(value) for name, value in _fields(one).items()}


def _flat(value: Any) -> str:
    return (
        "" if value is None else "x".join(map(str, value)) if value and isinstance(value[0], int) else " ".join(value)
    )


def _fields(one: Verdict) -> dict[str, Any]:
    """A verdict in JSON: exact integers where there are any, else the fraction as text; shapes as lists."""
    exactly = {"found": _exact(one.found), "refound": _exact(one.refound)}
    return {**one._asdict(), "counting": list(one.counting), **exactly}


def _exact(value: Value | None) -> Any:
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
