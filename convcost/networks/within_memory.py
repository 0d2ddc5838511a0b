"""Changes that would bring a network within a memory limit: each is tried, and its memory computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from functools import partial
from itertools import chain, islice
from typing import Any, NamedTuple, TypeVar

from convcost.core.dtypes import DTYPE_BITS
from convcost.core.errors import ConvcostError, UsageError
from convcost.core.units import decimal_text
from convcost.graph.partial import refuse_unknown, unknown_ops
from convcost.graph.typed import used_dtypes
from convcost.memory.parts import chains
from convcost.memory.policies import POLICIES
from convcost.memory.usage import Options, Usage
from convcost.networks.network import Network
from convcost.networks.vary import varied
from convcost.results.memory import Limit, stored_weights

#: Policies that a runtime can follow, the least demanding first.
_POLICIES = ("fused", "fused_attention", "inplace", "tinyengine", "concat_alias")
_DTYPES = ("fp16", "int8")
_PARTS = range(2, 9)
USUAL = ("resolution", "width")
HUNDREDTH = Fraction(1, 100)
"""The step of the search for a decimal; that for an integer is 1."""
MOST_KNOBS = 8
"""Knobs that are tried, the first ones; resolution and width where there are these."""
MOST_SKIPPED = 1_000
"""Values at which no network can be built that the search of one knob passes one by one."""
MOST_BUILT = 100_000
"""Layers of the networks that these would be."""


Stored = Callable[[Network, Options], int]
"""The bytes of weights that count, of a network with options."""


def weights_apart(_network: Network, _options: Options) -> int:
    """Of weights that stay in flash."""
    return 0


def weights_in_ram(given: str | None = None) -> Stored:
    """Of weights that lie in RAM, as a dtype if one is given."""

    def stored(network: Network, options: Options) -> int:
        return stored_weights(network.report(dtype=options.dtype), given or options.dtype).bytes

    return stored


def remedies(
    network: Network, options: Options, limit: int, batch: int = 1, stored: Stored = weights_apart
) -> tuple[tuple[str, int], ...]:
    """Changes of a single option that bring a network within a limit in bytes, with the bytes then needed.

    Each is written as on the command line. Of resolution and width, the `largest` feasible value is found, to the pixel
    and to a hundredth.

    >>> from convcost.networks.load import load
    >>> for change, needed in remedies(load("mobilenet_v2"), Options(dtype="int8"), 2**20):
    ...     print(change, needed)
    --split-expansion 2 1028608
    --patches 1x2 --until stage2.block1.project.batch_norm 978432
    --set resolution=186 1042368
    --set width=0.55 752640
    """
    tried = _Tried(network, options, limit, batch, stored)
    whole = chain(tried.policies(), tried.orders(), tried.parts(), tried.patches())
    changes = chain(whole, tried.dtypes(), tried.batches(), tried.knobs())
    return tuple((change, needed) for change, needed in changes if needed <= limit)


def limited(
    network: Network, usage: Usage, size: int | None, *, partial: bool = False, stored: Stored = weights_apart
) -> Limit | None:
    """A limit, if there is one, with the changes that would meet it if it is exceeded.

    With unknown ops more may be needed than is known: what is known may exceed the limit, but if it does not, `UsageError`
    is raised, unless a `partial` answer is accepted.
    """
    if size is None:
        return None
    weights = stored(network, usage.options)
    kept = usage.needed + weights <= size
    if unknown_ops(network.steps):
        if kept and not partial:
            refuse_unknown(network.steps, network.label, "whether the limit is kept is not known")
        return Limit(size, kept, (), partial=True, weights=weights)
    found = () if kept else remedies(network, usage.options, size, usage.batch, stored)
    return Limit(size, kept, found, weights=weights)


class _Tried(NamedTuple):
    """Each kind of change; where there is a choice, the smallest change that meets the limit."""

    network: Network
    options: Options
    limit: int
    batch: int
    stored: Stored = weights_apart

    def needed(self, network: Network | None = None, batch: int | None = None, **changed: Any) -> int:
        """Bytes needed with some of it changed."""
        options = self.options._replace(**changed)
        network = network or self.network
        return network.memory(batch=batch or self.batch, **options.arguments()).needed + self.stored(network, options)

    def policies(self) -> Iterator[tuple[str, int]]:
        """The first policy after the requested one that meets the limit, of those that a runtime can follow."""
        asked = _POLICIES.index(self.options.policy) + 1 if self.options.policy in _POLICIES else 0
        for name in _POLICIES[asked:] if POLICIES[self.options.policy].keeps == "use" else ():
            try:
                needed = self.needed(policy=name)
            except UsageError:  # more than this policy follows
                continue
            yield f"--policy {name}", needed
            if needed <= self.limit:
                return

    def orders(self) -> Iterator[tuple[str, int]]:
        """The best order of execution."""
        if self.options.order == "given" and POLICIES[self.options.policy].keeps == "use":
            yield "--order best", self.needed(order="best")

    def parts(self) -> Iterator[tuple[str, int]]:
        """The fewest parts that meet the limit."""
        for parts in _PARTS if self.options.parts == 1 and chains(self.network.walked) else ():
            try:
                needed = self.needed(parts=parts)
            except UsageError:  # not under this policy
                return
            yield f"--split-expansion {parts}", needed
            if needed <= self.limit:
                return

    def patches(self) -> Iterator[tuple[str, int]]:
        """The first layers in patches, those with the fewest multiply-accumulates that meet the limit."""
        options = self.options
        if (options.order, options.parts, options.align, self.batch) != ("given", 1, 1, 1):
            return
        weights = self.stored(self.network, options)
        with suppress(ConvcostError):  # no patches keep the limit, or nothing here can run in them
            found = self.network.patches("auto", policy=options.policy, dtype=options.dtype, limit=self.limit - weights)
            yield f"--patches {'x'.join(map(str, found.grid))} --until {found.end}", found.peak + weights

    def dtypes(self) -> Iterator[tuple[str, int]]:
        """The widest dtype for every element that meets the limit, of those narrower than one that some have."""
        widest = max(DTYPE_BITS[name] for name in used_dtypes(self.network.walked, self.options.dtype))
        for name in _DTYPES:
            if DTYPE_BITS[name] < widest:
                needed = self.needed(dtype=name)
                yield f"--dtype {name}", needed
                if needed <= self.limit:
                    return

    def batches(self) -> Iterator[tuple[str, int]]:
        """The largest batch that meets the limit: memory is proportional to it, apart from rounding."""
        if self.batch > 1 and (one := self.needed(batch=1)) <= self.limit:
            weights = self.stored(self.network, self.options)
            fitting = min((self.limit - weights) // max(1, one - weights), self.batch - 1)
            yield f"--batch {fitting}", self.needed(batch=fitting)

    def knobs(self) -> Iterator[tuple[str, int]]:
        """The largest value of a knob that meets the limit, below the network's own."""
        for knob, value in self.varied().items():
            unit = Fraction(1) if isinstance(value, int) else HUNDREDTH
            if value > unit and (
                found := largest(unit, -(-value // unit), partial(self._fitting, knob), len(self.network.steps))
            ):
                yield found

    def varied(self) -> Mapping[str, int | Fraction]:
        """The knobs to make smaller; none of a network that was rewritten."""
        return {} if self.network.rebuilt else made_smaller(self.network)

    def _fitting(self, knob: str, value: int | Fraction) -> tuple[str, int] | None:
        """The change to a value of a knob, if it meets the limit."""
        needed = self.needed(self.network.at(**{knob: value}))
        text = value if isinstance(value, int) else decimal_text(value)
        return (f"--set {knob}={text}", needed) if needed <= self.limit else None


def made_smaller(network: Network) -> Mapping[str, int | Fraction]:
    """The knobs to make smaller, with their values; raises `UsageError` for a network without knobs."""
    return dict(islice(varied(network, USUAL).items(), MOST_KNOBS))


Found = TypeVar("Found")


def largest(
    unit: Fraction, above: int, fits: Callable[[int | Fraction], Found | None], layers: int = 1
) -> Found | None:
    """What `fits` says of the largest multiple of the unit that fits, below `above` of them, which do not.

    Bisection, assuming that what is needed grows with the value. For a value at which no network can be built, the next
    smaller feasible one counts: that of networks which want a multiple of something. Where none is found within a half of
    what is left of `MOST_SKIPPED` such values, and of `MOST_BUILT` layers, such values are taken to be too small; then what
    is found fits, but a larger one may.

    >>> largest(Fraction(1), 100, lambda size: size if size * size <= 200 else None)
    14
    """
    left = min(MOST_SKIPPED, MOST_BUILT // max(1, layers))
    low, found = 0, None  # all up to `low` fit or are no networks; `above` does not fit
    while above - low > 1:
        middle = (low + above) // 2
        at, feasible, one = middle + 1, False, None
        stop = max(low, middle - 1 - left // 2)
        while at - 1 > stop and not feasible:
            at -= 1
            with suppress(ConvcostError):
                one, feasible = fits(_value(unit * at)), True
        left -= middle - at
        if not feasible:
            low = middle
        elif one is not None:
            low, found = middle, one
        else:
            above = at
    return found


def _value(value: Fraction) -> int | Fraction:
    return value.numerator if value.denominator == 1 else value
