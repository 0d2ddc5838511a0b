"""Precomputing the default answers of `list`, `frontier` and `verify`, so that a wheel can ship with them."""

from __future__ import annotations

from convcost.conventions.catalog import convention
from convcost.conventions.convention import PAPER
from convcost.networks.listing import list_table
from convcost.published.cost import costed
from convcost.published.data import accuracies
from convcost.published.verify import verify


def count() -> None:
    """Compute all of them into the cache folder CONVCOST_CACHE; needs neither numpy nor any other large library."""
    list_table()
    costed(accuracies(), "macs", "top1", convention(PAPER))
    verify()


if __name__ == "__main__":
    count()
