"""The laws of the known ways to build a layer, written down, so that printing them needs no sympy.

`law.py` derives the same from the recipes with sympy; a test does so for every way, shape of filter and stride.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import NamedTuple

from convcost.alternatives.recipes import RECIPES, LayerToBuild


class Form(NamedTuple):
    """The law of one way: MACs of each step as a share of the standard convolution's."""

    shares: tuple[str, ...]
    """One product per step; f_h and f_w are the filter's sizes, s_h and s_w the stride's."""
    map_cancels: bool
    """Whether the map size cancels; otherwise `same` padding and sizes divisible by the stride are assumed."""


FORMS = {
    "standard": Form(("1",), map_cancels=True),
    "separable": Form(("1/n_c'", "1/f_h·f_w"), map_cancels=True),
    "grouped": Form(("1/g",), map_cancels=True),
    "bottleneck": Form(("b·s_h·s_w/f_h·f_w·n_c'", "b/n_c"), map_cancels=False),
    "inverted": Form(("n_c·s_h·s_w·t/f_h·f_w·n_c'", "t/n_c'", "t/f_h·f_w"), map_cancels=False),
    "spatial": Form(("s_w/f_w", "n_c'/f_h·n_c"), map_cancels=False),
}
"""Way -> law; everything after / is the divisor."""
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


class Share(NamedTuple):
    """A product of sizes divided by a product of sizes."""

    number: int
    """A numeric factor, from the stride."""
    top: tuple[str, ...]
    bottom: tuple[str, ...]

    def value(self, sizes: dict[str, int]) -> Fraction:
        """The share for a layer's sizes."""
        return Fraction(self.number * prod(sizes[s] for s in self.top), prod(sizes[s] for s in self.bottom))

    def __str__(self) -> str:
        top = [*([str(self.number)] if self.number != 1 or not self.top else []), *_powers(self.top)]
        below = _powers(self.bottom)
        divisor = f"({'·'.join(below)})" if len(below) > 1 else "".join(below)
        return "·".join(top) + (f"/{divisor}" if divisor else "")


class KnownLaw(NamedTuple):
    """A law for a filter shape and stride, with the sizes of one layer."""

    terms: tuple[Share, ...]
    """One per step."""
    assumptions: tuple[str, ...]
    """Conditions under which the law is exact."""
    sizes: dict[str, int]
    """Symbol -> the layer's own size."""

    def value(self) -> Fraction:
        """The law for the layer's sizes."""
        return sum((term.value(self.sizes) for term in self.terms), Fraction(0))

    def __str__(self) -> str:
        ordered = sorted(self.terms, key=lambda term: (len(term.bottom), -len(term.top)))
        return " + ".join(map(str, ordered))

    def written_terms(self) -> list[str]:
        """Each step's share as text."""
        return [str(term) for term in self.terms]


def known_law(layer: LayerToBuild, way: str, amount: int) -> KnownLaw:
    """The law of a way in `FORMS` for a layer's filter and stride; `amount` is the parameter of the way.

    >>> law = known_law(LayerToBuild((6, 6, 3), 5, (3, 3)), "separable", 1)
    >>> print(law, "=", law.value())  # 1/5 + 1/9
    1/n_c' + 1/f² = 14/45
    """
    (height, width), (down, right) = layer.kernel, layer.stride
    square = height == width
    sizes = {"n_c": layer.input_shape[2], "n_c'": layer.filters}
    sizes |= {"f": height} if square else {"f_h": height, "f_w": width}
    if taken := RECIPES[way].amount:
        sizes[taken.letter] = amount
    form = FORMS[way]
    assumptions = ["g divides n_c and n_c'"] if way == "grouped" else []
    if not form.map_cancels:
        assumptions += ["padding same", *(["the stride divides h and w"] if (down, right) != (1, 1) else [])]
    terms = tuple(_share(share, {"s_h": down, "s_w": right}, square=square) for share in form.shares)
    return KnownLaw(terms, tuple(assumptions), sizes)


def _share(written: str, stride: dict[str, int], *, square: bool) -> Share:
    over, _, under = written.partition("/")
    top, bottom = (tuple(filter(None, part.split("·"))) for part in (over, under))
    if square:
        bottom = tuple("f" if size in ("f_h", "f_w") else size for size in bottom)
    kept = tuple(size for size in top if size not in stride and size != "1")
    return Share(prod(stride.get(size, 1) for size in top), kept, bottom)


def _powers(sizes: tuple[str, ...]) -> list[str]:
    """The factors of a product, equal ones as powers."""
    counts = {size: sizes.count(size) for size in sorted(sizes)}
    return [size if count == 1 else size + str(count).translate(_SUPERSCRIPTS) for size, count in counts.items()]
