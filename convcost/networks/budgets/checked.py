"""The result of a check: its lines, as a table and in the formats of build systems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from convcost.core.errors import UsageError, did_you_mean, spelled
from convcost.core.units import counted, exact, percent
from convcost.core.version import __version__
from convcost.graph.partial import UNKNOWN
from convcost.networks.budgets.formats import harmless, junit, sarif, workflow_commands
from convcost.networks.budgets.grown import Grown
from convcost.networks.budgets.lines import Failure, Line
from convcost.render.table import Table, Tabular

FORMATS = ("table", "json", "markdown", "github", "sarif", "junit")
"""How a check can be written."""


_HEADERS = ("network", "limit", "measured", "allowed", "headroom", "in %", "verdict")


@dataclass(frozen=True, slots=True)
class Checked(Tabular):
    """All lines of a check."""

    lines: tuple[Line, ...]
    failures: tuple[Failure, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every limit is known to hold."""
        return self.status == 0

    @property
    def status(self) -> int:
        """The exit status of the command: 0 all hold, 1 one is broken, 2 something could not be checked, 3 one is not proven."""
        verdicts = {line.verdict for line in self.lines}
        if self.failures:
            return 2
        return 1 if "broken" in verdicts else 3 if "not proven" in verdicts else 0

    @property
    def broken(self) -> tuple[Line, ...]:
        """The lines whose limit is broken."""
        return tuple(line for line in self.lines if line.verdict == "broken")

    @property
    def unproven(self) -> tuple[Line, ...]:
        """The lines of which nobody knows whether their limit holds."""
        return tuple(line for line in self.lines if line.verdict == "not proven")

    @property
    def notes(self) -> list[tuple[str, str]]:
        """What is said of each limit that is broken, and what RAM, flash and latencies are of."""
        under = dict.fromkeys(
            ("latency" if line.kind.timed else "RAM, flash", line.under) for line in self.lines if line.under
        )
        return [
            *(("broken", spelled(f"{line.network}: {line.text}")) for line in self.broken),
            *under,
        ]

    @property
    def title(self) -> str:
        """How it went, in a line."""
        number = counted(len(self.lines), "limit")
        names = {line.network for line in self.lines} | {failure.network for failure in self.failures}
        networks = counted(len(names - {""}), "network")
        parts = []
        if self.broken:
            parts.append(f"{exact(len(self.broken))} broken")
        if self.unproven:
            parts.append(f"{exact(len(self.unproven))} not proven")
        if self.failures:
            parts.append(f"{exact(len(self.failures))} not checked")
        return f"convcost check · {number} of {networks} · {', '.join(parts) or 'all hold'}"

    def __repr__(self) -> str:
        return f"<Checked {self.title.removeprefix('convcost check · ')}>"

    def __str__(self) -> str:
        return self.table().render()

    def table(self) -> Table:
        """A row for each limit, and below what grew where one is broken."""
        grew = any(line.grew for line in self.lines)
        headers = (*_HEADERS, *(["what grew"] if grew else []))
        return Table(
            self.title,
            headers,
            tuple(2 <= at <= 5 for at in range(len(headers))),
            [_row(line)[: len(headers)] for line in self.lines],
            [_record(line) for line in self.lines],
            _data(self),
            priority=(0, 0, 0, 0, 0, 1, 0, 2)[: len(headers)],
            notes=[*self.notes, *(("not checked", spelled(failure.said)) for failure in self.failures)],
        )

    def render(self, format: str = "table") -> str:  # noqa: A002 - as the command's option is called
        """The check as text: `table`, `json`, `markdown`, `github`, `sarif` or `junit`; raises `UsageError`."""
        if format == "github":
            return harmless(self.table().render()) + workflow_commands(self.lines, self.failures)
        if format == "sarif":
            return sarif(self.lines, self.failures, self.status)
        if format == "junit":
            return junit(self.lines, self.failures)
        if format not in FORMATS:
            raise UsageError(f"there is no format {format!r}{did_you_mean(format, FORMATS)}")
        return self.table().render(format)


def _row(line: Line) -> list[str]:
    known = line.complete or line.headroom < 0
    return [
        spelled(line.network),
        line.limit,
        line.measured_text,
        line.amount(line.allowed),
        line.headroom_text if known else UNKNOWN,
        percent(line.headroom, line.allowed) if known else UNKNOWN,
        line.verdict,
        spelled(line.grew[0].short) if line.grew else "",
    ]


def _record(line: Line) -> dict[str, Any]:
    return {
        "network": line.network,
        "limit": line.limit,
        "metric": line.kind.key,
        "of": line.kind.of,
        "said": line.said,
        "measured": line.value(line.measured),
        "allowed": line.value(line.allowed),
        "headroom": line.value(line.headroom),
        "before": None if line.before is None else line.value(line.before),
        "against": line.source or None,
        "complete": line.complete,
        "extrapolated": line.extrapolated if line.kind.timed else None,
        "verdict": line.verdict,
        "why": line.why,
        "under": line.under or None,
        "file": line.at.file if line.at else None,
        "line": line.at.line if line.at else None,
    }


def _data(checked: Checked) -> dict[str, Any]:
    return {
        "schema": "convcost.check/1",
        "version": __version__,
        "status": checked.status,
        "limits": [{**_record(line), **_parts(line)} for line in checked.lines],
        "not_checked": [
            {
                "network": failure.network,
                "what": failure.what,
                "file": failure.where.file if failure.where else None,
                "line": failure.where.line if failure.where else None,
            }
            for failure in checked.failures
        ],
    }


def _parts(line: Line) -> dict[str, Any]:
    return {"grew": [_part(part) for part in line.grew], "largest": [_part(part) for part in line.largest]}


def _part(part: Grown) -> dict[str, Any]:
    return {
        "name": part.name,
        "kind": part.kind,
        "words": part.words,
        "places": part.places,
        "unit": part.unit,
        "before": part.before,
        "after": part.after,
        "file": part.where.file if part.where else None,
        "line": part.where.line if part.where else None,
    }
