"""What has been built of a grid, and where it ends: networks of which each is built by itself take time one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from convcost.core.errors import UsageError
from convcost.core.units import exact
from convcost.spec.lookup import Lookup

MOST_LAYERS = 60_000
"""The most layers that are built, of which a second builds some ten thousand: of all parts, of those that are then split,
and of those that cannot be built after all."""
MOST_KERNELS = 15_000
"""The most layers that are lowered for a runtime, and kernels that they become, of all parts, about a second; of a grid with
more points, as many as it has points."""
MOST_MET = 4 * 10**9
"""The most pairs of buffers alive together, at all points of all parts: so many take a minute. A part with fewer than `_FEW`
points counts as one with so many: its pairs are held."""
_FEW = 1_000


class TooMany(UsageError):
    """A grid is so large that building all of it would take too long."""


class Tally:
    """How much has been built, for networks that came to nothing, too."""

    def __init__(self, points: int = 1) -> None:
        self.most_kernels = max(MOST_KERNELS, points)
        self.layers = self.kernels = self.met = 0

    @contextmanager
    def of(self, lookup: Lookup) -> Iterator[None]:
        """Count the layers that an elaboration builds, however it ends."""
        try:
            yield
        finally:
            self.layers += len(lookup.walk.steps)

    def lower(self, kernels: int) -> None:
        """Count layers that are to be lowered, or kernels beyond them; raises `TooMany`."""
        self.kernels += kernels
        if self.kernels > self.most_kernels:
            raise TooMany(too_many(f"{exact(self.most_kernels)} kernels that are planned one by one"))

    def meet(self, pairs: int, points: int) -> None:
        """Count pairs of buffers alive together that are about to be placed at each point; raises `TooMany`."""
        self.met += pairs * max(points, _FEW)
        if self.met > MOST_MET:
            raise TooMany(
                f"the arena is planned at every point, and {exact(pairs)} pairs of its buffers are alive together; over the "
                f"whole grid there are more than {exact(MOST_MET)}: give fewer values"
            )

    def refuse_many(self) -> None:
        """Raises `TooMany` where the layers are so many that going on would take too long."""
        if self.layers > MOST_LAYERS:
            raise TooMany(too_many(f"{exact(MOST_LAYERS)} layers that are built one by one"))


def too_many(what: str) -> str:
    """What is said of a grid with more than this of what is built by itself."""
    return (
        f"the networks of this grid have more than {what}: give fewer values of the knobs that change more than sizes"
    )
