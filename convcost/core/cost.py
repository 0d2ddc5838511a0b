"""What one operation costs: the ledger entry that every rule returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from convcost.core.dims import Dim, Shape, elements, product
from convcost.core.dtypes import DEFAULT, DTYPE_BITS, is_float
from convcost.core.units import shape_text

#: A tensor that must be kept for the backward pass. A mask takes one byte per output element: which elements a dropout
#: kept, or where in its window the maximum was.
Saved = Literal["inputs", "outputs", "mask"]


@dataclass(frozen=True, slots=True)
class Check:
    """A precondition as data: whether it holds, and what to say if not.

    Over ints, `holds` is a bool and False is an error; over arrays, it is an array of bools; over symbols, it is a
    relation, which becomes an assumption printed under the formula if it cannot be decided.
    `need` is a format string over the operands.
    """

    holds: Any
    need: str
    operands: tuple[Any, ...] = ()
    of_shape: bool = True
    """Whether the output shapes are meaningless if the check fails; otherwise the layers after it can still be checked."""

    def __str__(self) -> str:
        return self.need.format(*(shape_text(o) if isinstance(o, tuple) else o for o in self.operands))


@dataclass(frozen=True, slots=True)
class OpCost:
    """The cost of one op on one image (batch 1), in exact counts; no bytes and no FLOPs here.

    Bits per element and the meaning of an "operation" (a `Convention`) are applied once, above.
    """

    out: tuple[Shape, ...]
    """Shapes of the outputs, (h, w, c) or (c,)."""
    macs: Dim = 0
    """Multiply-accumulates, without bias; multiplications of padding zeros included."""
    bias_adds: Dim = 0
    """Additions of a bias, one per output element that has one."""
    weights: Dim = 0
    """Trainable elements that multiply: filters, matrices, the scale of a normalisation."""
    biases: Dim = 0
    """Trainable elements that are added: biases, the shift of a normalisation."""
    buffers: Dim = 0
    """Elements that are stored but not trained: running mean and variance."""
    elementwise: Dim = 0
    """Sums or products of two elements, in element-wise ops on several tensors."""
    zeros: Dim = 0
    """Zeros with which a normalisation over neighbouring channels pads the channel axis."""
    variant: str = ""
    """The variant of the op that an attribute or the number of axes selects, where conventions count variants differently:
    the mode of an interpolation."""
    saves: tuple[Saved, ...] = ()
    """What the backward pass needs from the forward pass, besides weights: nothing, inputs, outputs, or a mask."""
    flat: bool = False
    """Whether no gradient passes through it: its derivative is 0 wherever it has one, as that of a comparison."""
    checks: tuple[Check, ...] = ()
    """Preconditions: the entry is valid only if all of them hold."""

    @property
    def params(self) -> Dim:
        """Trainable elements."""
        return self.weights + self.biases


LEDGER = {
    "macs": "multiply-accumulates",
    "bias_adds": "bias additions",
    "weights": "weights",
    "biases": "biases",
    "buffers": "running statistics",
    "weight_positions": "weights times output positions",
    "elements_in": "elements read",
    "elements_out": "elements written",
    "positions_out": "output positions",
    "elementwise": "element-wise sums and products",
    "zeros": "zeros written for padding",
    "states": "positions read times channels written",
    "window_reads": "elements in windows",
    "winograd_saved": "multiplications that F(2×2, 3×3) saves",
    "bit_products": "multiply-accumulates times bits of one factor times bits of the other",
    "bit_sums": "multiply-accumulates times the bits of both factors",
    "log2_products": "multiply-accumulates times log2 of the products in a sum",
    "word_macs": "multiply-accumulates in words of 64 bits",
}
"""What a convention can count of an op: field -> in words."""


class Factors(NamedTuple):
    """The types of what a layer's multiply-accumulates multiply."""

    first: str = DEFAULT
    """Of its weights; of its first input, if it has none."""
    second: str = DEFAULT
    """Of what it reads; of its second input, if it has no weights."""

    @property
    def bits(self) -> tuple[int, int]:
        """How many bits each factor has.

        >>> Factors("binary", "int8").bits
        (1, 8)
        """
        return DTYPE_BITS[self.first], DTYPE_BITS[self.second]


USUAL: Final = Factors()
"""Where nothing is known of types."""
BY_TYPE: Final = frozenset({"bit_products", "bit_sums", "word_macs"})
"""The entries that depend on the types of factors."""
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})
_WORD: Final = 64
_DIGITS: Final = 60
"""More than enough to round what nobody can write exactly: counts have at most some thirty digits."""


def entry(
    field: str,
    cost: OpCost,
    inputs: Sequence[Shape],
    attrs: Mapping[str, Any] = _NONE,
    factors: Factors = USUAL,
) -> Dim:
    """One entry of an op's ledger; the op's attributes and the types of its factors matter for some.

    >>> entry("elements_out", OpCost(out=((4, 4, 5),)), [(6, 6, 3)])
    80
    >>> entry("bit_products", OpCost(out=((4, 4, 5),), macs=2160), [(6, 6, 3)], factors=Factors("binary", "int4"))
    8640
    """
    holder = _Derived(cost, inputs, attrs, factors) if field in _DERIVED else cost
    count: Dim = getattr(holder, field)
    return count


class _Derived(NamedTuple):
    """The entries that follow from an op's cost, and from where it stands."""

    cost: OpCost
    inputs: Sequence[Shape]
    attrs: Mapping[str, Any]
    factors: Factors

    @property
    def elements_in(self) -> Dim:
        return elements(self.inputs)

    @property
    def elements_out(self) -> Dim:
        return elements(self.cost.out)

    @property
    def positions_out(self) -> Dim:
        return product(self.cost.out[0][:-1])

    @property
    def weight_positions(self) -> Dim:
        return self.cost.weights * self.positions_out

    @property
    def states(self) -> Dim:
        return product(self.inputs[0][:-1]) * self.cost.out[0][-1]

    @property
    def window_reads(self) -> Dim:
        """Outputs times the size of the window; of an op without one, nothing."""
        kernel = self.attrs.get("kernel")
        return self.elements_out * product(kernel) if kernel else 0

    @property
    def winograd_saved(self) -> Dim:
        """What F(2×2, 3×3) saves: of 36 multiplications for four outputs it needs 16, so 5 of 9, if nothing is skipped.

        A depthwise convolution has no sum over channels, without which its transforms cost more than they save.

        >>> layer = {"kernel": (3, 3), "stride": (1, 1), "dilation": (1, 1), "groups": 1}
        >>> others = {}, {"stride": (2, 2)}, {"groups": 2}, {"groups": 4}
        >>> [entry("winograd_saved", OpCost((), macs=576), [(8, 8, 4)], layer | other) for other in others]
        [320, 0, 320, 0]
        """
        square = self.attrs.get("kernel") == (3, 3)
        plain = self.attrs.get("stride") == (1, 1) == self.attrs.get("dilation")
        depthwise = 1 != self.attrs.get("groups") == self.inputs[0][-1]
        return 5 * self.cost.macs // 9 if square and plain and not depthwise else 0

    @property
    def bit_products(self) -> Dim:
        first, second = self.factors.bits
        return self.cost.macs * first * second

    @property
    def bit_sums(self) -> Dim:
        return self.cost.macs * sum(self.factors.bits)

    @property
    def log2_products(self) -> Dim:
        """Multiply-accumulates times log2 of how many are added up for an output, to the nearest whole number.

        >>> entry("log2_products", OpCost(out=((4, 4, 5),), macs=4 * 4 * 5 * 27), [])  # 2160 · 4.754888
        10271
        """
        macs = int(self.cost.macs)
        summed = macs // max(1, int(self.elements_out))
        with localcontext(prec=_DIGITS):
            return int((macs * _log2(max(1, summed))).to_integral_value())

    @property
    def word_macs(self) -> Dim:
        """Instructions of 64 bits: 64 / b multiply-accumulates of b-bit integers in each, those of floats one by one.

        To the nearest whole number, halves up.

        >>> pairs = Factors("binary", "binary"), Factors("int8", "int4"), Factors("binary", "fp32")
        >>> [entry("word_macs", OpCost((), macs=640), [], factors=pair) for pair in pairs]
        [10, 80, 640]
        """
        macs = int(self.cost.macs)
        if any(map(is_float, self.factors)):
            return macs
        bits = min(max(self.factors.bits), _WORD)
        return (2 * macs * bits + _WORD) // (2 * _WORD)


_DERIVED: Final = frozenset(LEDGER) & frozenset(vars(_Derived))


@cache
def _log2(number: int) -> Decimal:
    with localcontext(prec=_DIGITS):
        return Decimal(number).ln() / Decimal(2).ln()
