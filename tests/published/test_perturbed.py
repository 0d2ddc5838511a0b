"""A slip in transcription is noticed: one digit of a published figure changed, for every figure and sort of figure."""

from __future__ import annotations

import csv
import random
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import pytest

from convcost.core.errors import UsageError
from convcost.core.printed import Printed
from convcost.published import quoted
from convcost.published.data import Claim, accuracies, claims, read_claims, sources
from convcost.published.figure import figure
from convcost.published.latency import timings
from convcost.published.rows import published_file
from convcost.published.tasks import on_tasks
from convcost.published.verify import UNEXPLAINED, judge, verify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from convcost.published.count import Recount
    from convcost.published.verify import Verdict

SEED, OF_EACH = 19, 12


class Row(NamedTuple):
    """A row of a file of claims, its cells by column."""

    file: str
    cells: dict[str, str]

    @property
    def sort(self) -> str:
        """What ties its figure to the network: nothing but the count, another way to count, or a difference."""
        return "recounted" if self.cells["counting"] else "stated" if self.cells["because"] else "plain"


def rows() -> Iterator[Row]:
    for name in ("claims.csv", "memory.csv", "bits.csv"):
        with open(published_file(name), encoding="utf-8", newline="") as file:
            yield from (Row(name, cells) for cells in csv.DictReader(file))


def changed(text: str, dice: random.Random) -> str:
    """The text with one of its digits replaced by another."""
    at = dice.choice([place for place, letter in enumerate(text) if letter in "0123456789"])
    return f"{text[:at]}{(int(text[at]) + dice.randint(1, 9)) % 10}{text[at + 1 :]}"


def noticed(row: Row, counter: Recount, path: Path) -> bool:
    """Whether the row is refused, or its figure unexplained."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, row.cells)
        writer.writeheader()
        writer.writerow(row.cells)
    try:
        (claim,) = read_claims(str(path), sources())
    except UsageError:
        return True
    return judge(claim, counter).verdict == UNEXPLAINED


@pytest.mark.parametrize("sort", ["plain", "recounted", "stated"])
def test_twelve_of_each_sort_and_twelve_noticed(sort: str, counter: Recount, tmp_path: Path) -> None:
    dice = random.Random(f"{SEED} {sort}")
    chosen = dice.sample([row for row in rows() if row.sort == sort], OF_EACH)
    assert not any(noticed(row, counter, tmp_path / "as_it_is.csv") for row in chosen)
    for row in chosen:
        wrong = row._replace(cells={**row.cells, "printed": changed(row.cells["printed"], dice)})
        assert noticed(wrong, counter, tmp_path / "changed.csv"), wrong


@pytest.mark.parametrize("column", ["computed", "difference"])
def test_what_a_stated_reason_rests_on_is_noticed_too(column: str, counter: Recount, tmp_path: Path) -> None:
    dice = random.Random(f"{SEED} {column}")
    for row in dice.sample([row for row in rows() if row.sort == "stated"], OF_EACH):
        wrong = row._replace(cells={**row.cells, column: changed(row.cells[column], dice)})
        assert noticed(wrong, counter, tmp_path / "changed.csv"), wrong


@pytest.mark.parametrize("file", ["accuracy", "latency", "tasks"])
def test_a_changed_digit_of_what_is_only_quoted_is_noticed(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any of them changes what its source adds up to; `verify` then says so of all that is quoted from that source."""
    assert quoted.slips() == {}
    dice = random.Random(f"{SEED} {file}")
    name, whole, columns = {
        "accuracy": ("accuracies", list(accuracies()), ("top1", "top5", "params", "macs")),
        "latency": ("timings", list(timings()), ("printed", "top1")),
        "tasks": ("on_tasks", list(on_tasks()), ("value", "params", "macs")),
    }[file]
    for at in dice.sample(range(len(whole)), OF_EACH):
        column = dice.choice([column for column in columns if getattr(whole[at], column)])
        wrong = whole[at]._replace(**{column: changed(getattr(whole[at], column), dice)})
        other = [*whole[:at], wrong, *whole[at + 1 :]]
        monkeypatch.setattr(quoted, name, lambda rows=other: rows)
        assert list(quoted.slips()) == [wrong.source], wrong


def test_verify_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """From ResNet's authors three networks are quoted; 0.1 more makes another total, and any of them may be wrong."""
    rows = list(accuracies())
    at = next(at for at, row in enumerate(rows) if row.source == "resnet_authors")
    wrong = rows[at]._replace(top1=str(Decimal(rows[at].top1) + Decimal("0.1")))
    monkeypatch.setattr(quoted, "accuracies", lambda: [*rows[:at], wrong, *rows[at + 1 :]])
    found = verify(["resnet"], source="resnet_authors")
    assert {one.verdict for one in found} == {UNEXPLAINED}
    (said,) = {one.explanation for one in found}
    stated = Decimal(sources()["resnet_authors"].quoted)
    assert said == f"what is quoted from resnet_authors adds up to {stated + Decimal('0.1')}, not {stated}"


def halfway(claim: Claim, verdict: Verdict) -> bool:
    """Whether what convcost finds lies exactly between two figures, of which each is as right as the other."""
    means, found = claim.figure.means, verdict.refound or verdict.found
    return isinstance(means, Printed) and 2 * abs(found - means.value) == means.last != 0


def test_a_changed_last_digit_of_any_figure_is_noticed(verdicts: list[tuple[Claim, Verdict]], counter: Recount) -> None:
    for claim, verdict in verdicts:
        read = claim.figure
        at = max(place for place, letter in enumerate(read.printed) if letter in "0123456789")
        for step in (1, 9):
            text = f"{read.printed[:at]}{(int(read.printed[at]) + step) % 10}{read.printed[at + 1 :]}"
            try:
                wrong = claim._replace(figure=figure(read.quantity, text, read.unit, read.rounding))
            except UsageError:
                continue
            assert judge(wrong, counter).verdict == UNEXPLAINED or halfway(claim, verdict), wrong


def test_every_reason_that_is_only_stated_says_how_far_the_figure_is_off() -> None:
    """So that no figure of the project's own data rests on words alone."""
    stated = [claim for claim in claims() if claim.because]
    assert stated
    assert [claim.at for claim in stated if not claim.difference] == []
