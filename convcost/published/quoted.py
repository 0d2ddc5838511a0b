"""Numbers that are only quoted - accuracies, latencies, costs beside them - held by a total for each source.

No count tells whether they were copied right. So sources.yaml says what all that is quoted from a source adds up to, as
bookkeepers do: a digit that changes, a row that is lost or doubled, changes the sum; two figures that are swapped do not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal

from convcost.published.data import accuracies, sources
from convcost.published.latency import timings
from convcost.published.tasks import on_tasks


def _numbers() -> Iterator[tuple[str, str]]:
    """Each number that is quoted, with its source."""
    for row in accuracies():
        yield from ((row.source, text) for text in (row.top1, row.top5, row.params, row.macs))
    for timing in timings():
        yield from ((timing.source, text) for text in (timing.printed, timing.top1))
    for one in on_tasks():
        yield from ((one.source, text) for text in (one.value, one.params, one.macs))


def totals() -> Mapping[str, Decimal]:
    """What is quoted from each source, added up whatever its units are: accuracies, millions, milliseconds.

    >>> totals()["hello_edge"]  # 95.4 % and 94.4 %
    Decimal('189.8')
    """
    found: defaultdict[str, Decimal] = defaultdict(Decimal)
    for source, text in _numbers():
        if text:
            found[source] += Decimal(text)
    return found


def slips() -> dict[str, str]:
    """Each source whose total is not what sources.yaml states, with what is wrong."""
    found = totals()
    return {
        key: f"what is quoted from {key} adds up to {found[key]}, not {source.quoted or 'stated'}"
        for key, source in sources().items()
        if Decimal(source.quoted or 0) != found[key]
    }
