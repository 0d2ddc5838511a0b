"""Changes that would make a network fit a board, or an arena: each is tried, and its RAM and flash computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import NamedTuple

from convcost.core.dtypes import DTYPE_BITS
from convcost.core.errors import ConvcostError, UsageError
from convcost.core.units import decimal_text
from convcost.networks.deployed import DTYPE, OnDevice, on_device
from convcost.networks.network import Network
from convcost.networks.vary import varied
from convcost.networks.within_memory import HUNDREDTH, USUAL, largest


class Remedy(NamedTuple):
    """A change of the network, and what it needs then."""

    change: str
    """As on the command line."""
    ram: int
    flash: int
    """Bytes of the model file, and of the runtime's code where a board says it."""


_WIDTHS = tuple(Fraction(width) for width in ("0.75", "0.5", "0.35", "0.25"))
"""Widths that are tried together with a smaller resolution, where neither alone is enough: those that papers print."""


def remedies(found: OnDevice) -> tuple[Remedy, ...]:
    """Changes of one option, or of width and resolution together, that make a network fit; none of one that was rewritten.

    Of resolution and width, the largest feasible value is found, to the pixel and to a hundredth.

    >>> from convcost import load
    >>> from convcost.deploy.runtime import Deployment
    >>> found = on_device(load("mobilenet_v2"), Deployment(), limit=2**20)
    >>> [one.change.partition("=")[0] for one in remedies(found)]
    ['--set resolution', '--set width']
    """
    return tuple(_tried(found))


def _tried(found: OnDevice) -> Iterator[Remedy]:
    narrow = _narrow(found)
    if narrow:
        yield narrow
    network = found.network
    if network.rebuilt:
        return
    with suppress(UsageError):  # a network without knobs
        singles = [one for knob in varied(network, USUAL) if (one := _by_knob(found, network, knob, ""))]
        yield from singles
        if not singles:
            both = _by_both(found)
            yield from (both,) if both else ()


def _narrow(found: OnDevice) -> Remedy | None:
    """int8, where the network is deployed as something wider."""
    if DTYPE_BITS[found.deployment.dtype] <= DTYPE_BITS[DTYPE]:
        return None
    return _fitting(found, found.network, f"--dtype {DTYPE}", dtype=DTYPE)


def _by_knob(found: OnDevice, network: Network, knob: str, before: str) -> Remedy | None:
    """The largest value of a knob at which it fits."""
    value = network.knobs[knob]
    assert isinstance(value, (int, Fraction))
    unit = Fraction(1) if isinstance(value, int) else HUNDREDTH
    if value <= unit:
        return None

    def fits(at: int | Fraction) -> Remedy | None:
        text = at if isinstance(at, int) else decimal_text(at)
        return _fitting(found, network.at(**{knob: at}), f"{before}--set {knob}={text}")

    return largest(unit, -(-value // unit), fits)


def _by_both(found: OnDevice) -> Remedy | None:
    """The largest of the usual widths, with the largest resolution, at which it fits."""
    knobs = varied(found.network, USUAL)
    if {*knobs} != {*USUAL}:
        return None
    for width in _WIDTHS:
        if width < knobs["width"]:
            with suppress(ConvcostError):
                narrow = found.network.at(width=width)
                if one := _by_knob(found, narrow, "resolution", f"--set width={decimal_text(width)} "):
                    return one
    return None


def _fitting(found: OnDevice, network: Network, change: str, dtype: str | None = None) -> Remedy | None:
    """The change, if the network fits with it."""
    dtype = dtype or (found.deployment.dtype if found.asked else None)
    deployment = found.deployment._replace(dtype=dtype or found.deployment.dtype)
    other = on_device(network, deployment, found.board, found.limit, dtype=dtype)
    return Remedy(change, other.arena.total, int(other.size.flash_bytes)) if other.fits else None
