"""Precomputing the answers of `list` by any convention, and the default ones of `frontier` and `verify`, so that a wheel can
ship with them.

Of `list --max-ram --max-flash` and `--board`, what all networks cost, and what each needs once deployed.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor

from convcost.conventions.catalog import convention
from convcost.conventions.convention import PAPER
from convcost.core.kept import fingerprint
from convcost.networks.listing import count_by_every_convention
from convcost.published.choices import LANDSCAPES
from convcost.published.cost import costed
from convcost.published.data import accuracies
from convcost.published.deployable import deployable
from convcost.published.tasks import datasets, landscape
from convcost.published.verify import verify

_ANY = 2**60
"""Bytes of RAM that no network needs."""


def count() -> None:
    """Compute all of them into the cache folder CONVCOST_CACHE; of large libraries it needs numpy alone, for claims on patches."""
    with ProcessPoolExecutor(len(_PARTS)) as side_by_side:
        for part in [side_by_side.submit(one) for one in _PARTS]:
            part.result()


def _listed() -> None:
    count_by_every_convention()


def _published() -> None:
    costed(accuracies(), "macs", "top1", convention(PAPER))
    for task, metric in LANDSCAPES.items():
        for dataset in datasets(task):
            costed(landscape(task, dataset)[1], "macs", metric, convention(PAPER))
    verify()


def _deployed() -> None:
    deployable(max_ram=_ANY)


_PARTS = (_deployed, _published, _listed)
"""They share little but reading the zoo."""


if __name__ == "__main__":
    count()
    # What the names of the files begin with: a wheel ships with these alone.
    sys.stdout.write(f"{fingerprint() or ''}\n")
