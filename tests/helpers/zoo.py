"""Networks of the zoo, each put together once for all tests of a process: nothing changes a network."""

from __future__ import annotations

import gc
from functools import cache

import convcost
from convcost.networks.network import Network
from convcost.spec.zoo import all_specs, names_of


@cache
def loaded(name: str) -> Network:
    """What stays until the end is no garbage: looking through it took more than a third of the time of some files."""
    network = convcost.load(name)
    gc.collect(1)  # so that no garbage of the tests before stays with it
    gc.freeze()
    return network


def ends_of_families() -> list[str]:
    """The first and the last network of each file: for what holds of a structure, whatever its numbers.

    What is between two presets of a family are other widths and depths, which sweeps go through. That each network can be
    read and adds up is tested with all of them.
    """
    return [*dict.fromkeys(name for spec in all_specs() for name in (names_of(spec)[0], names_of(spec)[-1]))]


def an_end_of_each_family(turn: int) -> list[str]:
    """Of one file the first network, of the next the last, or in another turn the other way round: for what so many structures
    show as well as twice as many, and several tests of a kind look at.
    """
    return [names_of(spec)[-((at + turn) % 2)] for at, spec in enumerate(all_specs())]
