"""Counting beforehand: what `list`, `frontier` and `verify` ask unless told otherwise, so that a wheel can bring it along."""

from __future__ import annotations

from convcost.conventions.catalog import convention
from convcost.conventions.convention import PAPER
from convcost.networks.listing import list_table
from convcost.published.data import accuracies
from convcost.published.frontier import costed
from convcost.published.verify import verify


def count() -> None:
    """Count it all, to be kept where CONVCOST_CACHE says; needs neither numpy nor any other large library."""
    list_table()
    costed(accuracies(), "macs", "top1", convention(PAPER))
    verify()


if __name__ == "__main__":
    count()
