"""Changes that would make a network fit a board, or an arena: each is tried, and its RAM and flash computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from typing import NamedTuple

from convcost.core.dtypes import DTYPE_BITS
from convcost.core.errors import ConvcostError, UsageError
from convcost.core.units import counted, decimal_text
from convcost.networks.deployed import DTYPE, OnDevice, on_device
from convcost.networks.load import open_network
from convcost.networks.network import Network
from convcost.networks.within_memory import HUNDREDTH, USUAL, largest, made_smaller

_SIXTEENTH = Fraction(1, 16)
"""The step for channels that are a multiple of a width, and are not rounded: 16*width."""


MOST_PLANNED = 20_000
"""Kernels of all the networks together that a search for what fits has planned; beyond, nothing more is tried."""


class Remedy(NamedTuple):
    """A change of the network, and what it needs then."""

    change: str
    """As on the command line."""
    ram: int
    flash: int
    """Bytes of the model file, and of the runtime's code where a board says it."""


class Searched(NamedTuple):
    """What makes a network fit, of what was tried."""

    remedies: tuple[Remedy, ...] = ()
    cut: bool = False
    """Whether the search ended after `MOST_PLANNED` kernels: then more, or larger values, may fit."""

    @property
    def text(self) -> str:
        """Why there may be more; empty where all was tried.

        >>> Searched(cut=True).text
        'the search ended after 20,000 kernels of the networks that it tried: more, or larger values, may fit'
        """
        ended = f"the search ended after {counted(MOST_PLANNED, 'kernel')} of the networks that it tried"
        return f"{ended}: more, or larger values, may fit" if self.cut else ""


class _Left:
    """The kernels that a search may still plan."""

    def __init__(self) -> None:
        self.kernels = MOST_PLANNED

    def spent(self, kernels: int = 0) -> bool:
        """Whether they are used up, these included."""
        self.kernels -= kernels
        return self.kernels < 0


_WIDTHS = tuple(Fraction(width) for width in ("0.75", "0.5", "0.35", "0.25"))
"""Widths that are tried together with a smaller resolution, where neither alone is enough: those that papers print."""


def searched(found: OnDevice) -> Searched:
    """Changes of one option, or of width and resolution together, that make a network fit; none of one that was rewritten.

    Of resolution and width, the `largest` feasible value is found, to the pixel, and of hundredths and sixteenths. A square
    input that no knob sets is made smaller as `--input` does. No more than `MOST_PLANNED` kernels are planned for it.

    >>> from convcost import load
    >>> from convcost.deploy.runtime import Deployment
    >>> found = on_device(load("mobilenet_v2"), Deployment(), limit=2**20)
    >>> [one.change.partition("=")[0] for one in searched(found).remedies]
    ['--set resolution', '--set width']
    """
    left = _Left()
    return Searched(tuple(_tried(found, left)), left.spent())


def _tried(found: OnDevice, left: _Left) -> Iterator[Remedy]:
    narrow = _narrow(found, left)
    if narrow:
        yield narrow
    network = found.network
    if network.rebuilt:
        return
    singles = [one for knob in _knobs(network) if (one := _by_knob(found, network, knob, "", left))]
    if one := _by_input(found, left):
        singles.append(one)
    yield from singles
    if not singles:
        both = _by_both(found, left)
        yield from (both,) if both else ()


def what_was_tried(found: OnDevice) -> str:
    """Where nothing makes it fit: what was tried of that, and why not more.

    >>> from convcost import load
    >>> from convcost.deploy.runtime import Deployment
    >>> what_was_tried(on_device(load("lenet5"), Deployment(), limit=1))
    'nothing that was tried: a smaller resolution'
    >>> what_was_tried(on_device(load("mobilenet_v2"), Deployment(dtype="fp32"), limit=1))
    'nothing that was tried: int8, a smaller resolution, a smaller width, width and resolution together'
    """
    network = found.network
    knobs = {} if network.rebuilt else _knobs(network)
    whole = [name for name, value in knobs.items() if value == 1 and isinstance(value, int)]
    names = [name for name in knobs if name not in whole]
    words = [DTYPE] if _is_wider(found) else []
    words += [f"a smaller {name}" for name in names]
    words += ["width and resolution together"] if {*names} == {*USUAL} else []
    words += ["a smaller --input"] if _square(network) else []
    why = [f"{name} is a whole number, and 1 already: knobs: {{{name}: 1.0}} is searched" for name in whole]
    why += ["a network that was rewritten has no knobs"] if network.rebuilt else []
    if not words:
        why = [*why, f"it is {found.deployment.dtype} already", *([] if knobs else ["it has no knobs to set"])]
    return "; ".join([f"nothing that was tried: {', '.join(words)}" if words else "nothing was tried", *why])


def _knobs(network: Network) -> Mapping[str, int | Fraction]:
    """The knobs to make smaller, with their values; none of a network without."""
    with suppress(UsageError):
        return made_smaller(network)
    return {}


def _is_wider(found: OnDevice) -> bool:
    return DTYPE_BITS[found.deployment.dtype] > DTYPE_BITS[DTYPE]


def _square(network: Network) -> int:
    """The side of a square input that no knob sets; 0 if there is none, or several inputs."""
    if network.rebuilt or "resolution" in _knobs(network) or len(network.graph.inputs) != 1:
        return 0
    shape = network.graph.input_shape
    return shape[0] if len(shape) == 3 and shape[0] == shape[1] > 1 else 0


def _by_input(found: OnDevice, left: _Left) -> Remedy | None:
    """The largest square input at which it fits, where no knob sets one."""

    def fits(at: int | Fraction) -> Remedy | None:
        if left.spent():
            return None
        network = open_network(found.network, {}, (int(at), int(at)))
        return _fitting(found, network, f"--input {at}x{at}", left)

    side = _square(found.network)
    return largest(Fraction(1), side, fits, len(found.network.steps)) if side else None


def _narrow(found: OnDevice, left: _Left) -> Remedy | None:
    """int8, where the network is deployed as something wider."""
    if not _is_wider(found):
        return None
    return _fitting(found, found.network, f"--dtype {DTYPE}", left, dtype=DTYPE)


def _by_knob(found: OnDevice, network: Network, knob: str, before: str, left: _Left) -> Remedy | None:
    """The largest value of a knob at which it fits."""
    value = network.knobs[knob]
    assert isinstance(value, (int, Fraction))
    units = (Fraction(1),) if isinstance(value, int) else (HUNDREDTH, _SIXTEENTH)

    def fits(at: int | Fraction) -> Remedy | None:
        if left.spent():
            return None
        text = at if isinstance(at, int) else decimal_text(at)
        return _fitting(found, network.at(**{knob: at}), f"{before}--set {knob}={text}", left)

    layers = len(network.steps)
    several = [one for unit in units if value > unit and (one := largest(unit, -(-value // unit), fits, layers))]
    return max(several, key=lambda one: (one.ram, one.flash), default=None)


def _by_both(found: OnDevice, left: _Left) -> Remedy | None:
    """The largest of the usual widths, with the largest resolution, at which it fits."""
    knobs = made_smaller(found.network)
    if {*knobs} != {*USUAL}:
        return None
    for width in _WIDTHS:
        if width < knobs["width"]:
            with suppress(ConvcostError):
                narrow = found.network.at(width=width)
                if one := _by_knob(found, narrow, "resolution", f"--set width={decimal_text(width)} ", left):
                    return one
    return None


def _fitting(found: OnDevice, network: Network, change: str, left: _Left, dtype: str | None = None) -> Remedy | None:
    """The change, if the network fits with it, as far as that is still looked at."""
    dtype = dtype or (found.deployment.dtype if found.asked else None)
    deployment = found.deployment._replace(dtype=dtype or found.deployment.dtype)
    other = on_device(network, deployment, found.board, found.limit, dtype=dtype)
    if left.spent(len(other.program.kernels)):
        return None
    return Remedy(change, other.arena.total, int(other.size.flash_bytes)) if other.fits else None
