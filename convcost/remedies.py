"""What would bring a network under a limit of memory: each change is tried, and what it then needs is computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction

from convcost.errors import ConvcostError, UsageError
from convcost.memory.policies import POLICIES
from convcost.memory.usage import Options, Usage
from convcost.memory_tables import Limit
from convcost.network import Network
from convcost.units import DTYPE_BITS, decimal_text

#: Policies that a runtime can be asked for, from the one that asks least.
_POLICIES = ("fused", "inplace", "concat_alias")
_DTYPES = ("fp16", "int8")
_PARTS = range(2, 9)
#: Knob -> the steps in which it is looked at.
_UNITS = {"resolution": Fraction(1), "width": Fraction(1, 100)}


def remedies(network: Network, options: Options, limit: int, batch: int = 1) -> tuple[tuple[str, int], ...]:
    """Changes of one option that bring a network under a limit of bytes, with the bytes that are needed then.

    Each is written as on the command line. Of the resolution and the width, the largest that does is found, to the
    pixel and to a hundredth.

    >>> from convcost.network import load
    >>> remedies(load("mobilenet_v2"), Options(dtype="int8"), 2**20)
    (('--split-expansion 2', 1028608), ('--set resolution=186', 1042368), ('--set width=0.55', 752640))
    """
    return tuple(
        (change, needed)
        for change, needed in (
            *_by_policy(network, options, batch, limit),
            *_by_order(network, options, batch, limit),
            *_by_parts(network, options, batch, limit),
            *_by_dtype(network, options, batch, limit),
            *_by_batch(network, options, batch, limit),
            *_by_knob(network, options, batch, limit),
        )
        if needed <= limit
    )


def limited(network: Network, usage: Usage, size: int | None) -> Limit | None:
    """A limit, if there is one, with what would keep it where it is not kept."""
    if size is None:
        return None
    if usage.needed <= size:
        return Limit(size, kept=True, remedies=())
    return Limit(size, kept=False, remedies=remedies(network, usage.options, size, usage.batch))


def _needed(network: Network, options: Options, batch: int) -> int:
    return network.memory(batch=batch, **options.arguments()).needed


def _by_policy(network: Network, options: Options, batch: int, limit: int) -> Iterator[tuple[str, int]]:
    """The first policy beyond the one asked for; a policy that only counts otherwise is no remedy."""
    del limit
    asked = _POLICIES.index(options.policy) + 1 if options.policy in _POLICIES else 0
    if POLICIES[options.policy].keeps != "use":
        return
    for name in _POLICIES[asked:]:
        yield f"--policy {name}", _needed(network, options._replace(policy=name), batch)


def _by_order(network: Network, options: Options, batch: int, limit: int) -> Iterator[tuple[str, int]]:
    del limit
    if options.order == "given" and POLICIES[options.policy].keeps == "use":
        yield "--order best", _needed(network, options._replace(order="best"), batch)


def _by_parts(network: Network, options: Options, batch: int, limit: int) -> Iterator[tuple[str, int]]:
    """The fewest parts that do."""
    for parts in _PARTS if options.parts == 1 else ():
        try:
            needed = _needed(network, options._replace(parts=parts), batch)
        except UsageError:  # not under this policy
            return
        if needed <= limit:
            yield f"--split-expansion {parts}", needed
            return


def _by_dtype(network: Network, options: Options, batch: int, limit: int) -> Iterator[tuple[str, int]]:
    """The widest type that does."""
    for name in _DTYPES:
        if DTYPE_BITS[name] < DTYPE_BITS[options.dtype]:
            needed = _needed(network, options._replace(dtype=name), batch)
            yield f"--dtype {name}", needed
            if needed <= limit:
                return


def _by_batch(network: Network, options: Options, batch: int, limit: int) -> Iterator[tuple[str, int]]:
    """The largest batch that does: needs grow with it, in proportion but for rounding."""
    one = _needed(network, options, 1)
    if batch > 1 and one <= limit:
        fitting = min(limit // one, batch - 1)
        yield f"--batch {fitting}", _needed(network, options, fitting)


def _by_knob(network: Network, options: Options, batch: int, limit: int) -> Iterator[tuple[str, int]]:
    """The largest value of a knob that does, below the one that the network has."""
    for knob, unit in _UNITS.items():
        value = network.knobs.get(knob)
        square = knob != "resolution" or network.input_shape is None
        if square and isinstance(value, (int, Fraction)) and value > unit:
            found = _largest(network, options, batch, limit, knob, unit, -(-value // unit))
            if found:
                text = found[0] if isinstance(value, int) else decimal_text(found[0])
                yield f"--set {knob}={text}", found[1]


def _largest(
    network: Network, options: Options, batch: int, limit: int, knob: str, unit: Fraction, above: int
) -> tuple[Fraction, int] | None:
    """Bisection over multiples of the unit below one that does not fit, on the assumption that needs grow with them.

    Where no network can be built, the next smaller one that can counts.
    """
    low, found = 0, None  # all up to `low` fit or are no networks; `above` does not fit
    while above - low > 1:
        middle = at = (low + above) // 2
        needed = None
        while at > low and needed is None:
            with suppress(ConvcostError):
                needed = _needed(network.at(**{knob: _value(unit * at)}), options, batch)
            at -= needed is None
        if needed is None or needed <= limit:
            low, found = middle, found if needed is None else (unit * at, needed)
        else:
            above = at
    return found


def _value(value: Fraction) -> int | Fraction:
    return value.numerator if value.denominator == 1 else value
