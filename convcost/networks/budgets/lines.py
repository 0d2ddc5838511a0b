"""The lines of a check: one for each limit, and one for what could not be checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from convcost.core.errors import Where
from convcost.core.limits import LIMITS, Kind
from convcost.core.units import exact, milliseconds, percent
from convcost.graph.partial import AT_LEAST
from convcost.networks.budgets.grown import Grown
from convcost.networks.latency import EXTRAPOLATED

_DIGITS = 5
Verdict = Literal["holds", "broken", "not proven"]


@dataclass(frozen=True, slots=True)
class Line:
    """One limit of one network."""

    network: str
    limit: str
    """Its name: `macs`, `layer_macs`, `growth.macs`."""
    said: str
    """As it was written: 300M, 1%."""
    measured: int
    """Counts, bytes, or femtoseconds of a latency; a lower bound if the network has unknown ops."""
    allowed: int
    """The largest amount that keeps the limit."""
    complete: bool
    """Whether every layer is counted; else what is measured is a lower bound."""
    before: int | None = None
    """What it was in the lock file or baseline, where one is known."""
    source: str = ""
    """The lock file or the baseline."""
    grew: tuple[Grown, ...] = ()
    """Of a limit that is broken: the parts that cost more than they did, most first; none if nothing earlier is known."""
    largest: tuple[Grown, ...] = ()
    """Of a limit that is broken though nothing is known to have grown: the parts that cost most."""
    why: str = ""
    """Of a limit that is broken: these in words."""
    where: Where | None = None
    """Where the limit is stated."""
    under: str = ""
    """Of RAM and flash: the runtime, the type and the addresses that they are of; of a latency the device, with its error."""
    extrapolated: bool = False
    """Of a latency: whether the network is far from all that the device was fitted on."""

    @property
    def kind(self) -> Kind:
        """What is limited."""
        return LIMITS[self.limit]

    @property
    def verdict(self) -> Verdict:
        """Whether the limit holds; with unknown ops it can be broken, but not be known to hold."""
        if self.measured > self.allowed:
            return "broken"
        return "holds" if self.complete else "not proven"

    @property
    def headroom(self) -> int:
        """How much is left; negative if the limit is broken."""
        return self.allowed - self.measured

    @property
    def at(self) -> Where | None:
        """Where to look: at the part that grew most, else at the limit."""
        return next((part.where for part in self.grew if part.where), self.where)

    def amount(self, number: int) -> str:
        """A number of it with every digit, bytes as such; a time to five digits."""
        if self.kind.timed:
            return milliseconds(number, _DIGITS)
        return f"{exact(number)}{' B' if self.kind.metric.unit == 'bytes' else ''}"

    @property
    def measured_text(self) -> str:
        """What was measured, with a mark before a lower bound and before what is extrapolated."""
        mark = "" if self.complete else AT_LEAST
        return f"{mark}{EXTRAPOLATED if self.extrapolated else ''}{self.amount(self.measured)}"

    @property
    def headroom_text(self) -> str:
        """How much is left, a time to three digits."""
        return milliseconds(self.headroom) if self.kind.timed else self.amount(self.headroom)

    def value(self, number: int) -> float:
        """A number of it in JSON: a time in milliseconds."""
        return self.kind.metric.value(number)

    @property
    def text(self) -> str:
        """The line in words: `macs: 301,000,000 of 300,000,000, over by 1,000,000 (0.33 %)`."""
        said = f"{self.limit}: {self.measured_text} of {self.amount(self.allowed)}"
        if self.kind.grows and self.before is not None:
            said += f" ({self.said} above {self.amount(self.before)} in {self.source})"
        if self.verdict == "broken":
            share = f" ({percent(-self.headroom, self.allowed)})" if self.allowed else ""
            over = f"over by {self.headroom_text.removeprefix('-')}{share}"
            return f"{said}, {over}{f'; {self.why}' if self.why else ''}"
        return f"{said}, not proven: some ops are not counted" if self.verdict == "not proven" else f"{said}, it holds"


@dataclass(frozen=True, slots=True)
class Failure:
    """A network, or a limit of it, that could not be checked."""

    network: str
    what: str
    """In one line."""
    where: Where | None = None

    @property
    def said(self) -> str:
        """With its network."""
        return f"{self.network}: {self.text}" if self.network and self.where is None else self.text

    @property
    def text(self) -> str:
        """With its place."""
        return f"{self.where}: {self.what}" if self.where else self.what
