"""The laws of the known ways to build a layer, written down, so that printing them needs no sympy.

`law.py` derives the same from the recipes with sympy; a test does so for every way, shape of filter and stride.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any, NamedTuple

from convcost.alternatives.recipes import RECIPES, LayerToBuild
from convcost.core.axes import letters


class Form(NamedTuple):
    """The law of one way: MACs of each step as a share of the standard convolution's."""

    shares: tuple[str, ...]
    """One product per step; f_h is the filter's size along the height, s_h the stride, F and S are those of all axes."""
    map_cancels: bool
    """Whether the map size cancels; otherwise `same` padding and sizes divisible by the stride are assumed."""


FORMS = {
    "standard": Form(("1",), map_cancels=True),
    "separable": Form(("1/n_c'", "1/F"), map_cancels=True),
    "grouped": Form(("1/g",), map_cancels=True),
    "bottleneck": Form(("b·S/F·n_c'", "b/n_c"), map_cancels=False),
    "inverted": Form(("n_c·S·t/F·n_c'", "t/n_c'", "t/F"), map_cancels=False),
}
"""Way -> law along any number of axes; everything after / is the divisor."""
SPATIAL = {
    2: Form(("s_w/f_w", "n_c'/f_h·n_c"), map_cancels=False),
    3: Form(("s_h·s_w/f_h·f_w", "n_c'·s_w/f_d·f_w·n_c", "n_c'/f_d·f_h·n_c"), map_cancels=False),
}
"""Number of axes -> law of the way `spatial`, a step of which slides along one of them."""
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
        # Steps with equal sizes are one term: n_c'/(f²·n_c) twice is 2·n_c'/(f²·n_c).
        numbers: dict[tuple[Any, ...], int] = {}
        for number, *sizes in self.terms:
            key = tuple(tuple(sorted(part)) for part in sizes)
            numbers[key] = numbers.get(key, 0) + number
        terms = (Share(number, *sizes) for sizes, number in numbers.items())
        return " + ".join(map(str, sorted(terms, key=lambda term: (len(term.bottom), -len(term.top)))))

    def written_terms(self) -> list[str]:
        """Each step's share as text."""
        return [str(term) for term in self.terms]


def has_form(way: str) -> bool:
    """Whether the law of a way is written down."""
    return way == "spatial" or way in FORMS


def known_law(layer: LayerToBuild, way: str, amount: int) -> KnownLaw:
    """The law of a way that is written down, for a layer's filter and stride; `amount` is the parameter of the way.

    >>> law = known_law(LayerToBuild((6, 6, 3), 5, 3), "separable", 1)
    >>> print(law, "=", law.value())  # 1/5 + 1/9
    1/n_c' + 1/f² = 14/45
    >>> print(known_law(LayerToBuild((16, 112, 112, 3), 64, 3), "separable", 1))
    1/n_c' + 1/f³
    """
    axes = letters(layer.axes + 1)[:-1]
    filters = filter_letters(layer)
    sizes = {"n_c": layer.channels, "n_c'": layer.filters, **dict(zip(filters, layer.kernel))}
    if taken := RECIPES[way].amount:
        sizes[taken.letter] = amount
    form = SPATIAL[layer.axes] if way == "spatial" else FORMS[way]
    assumptions = ["g divides n_c and n_c'"] if way == "grouped" else []
    if not form.map_cancels:
        assumptions += assumed(layer)
    known = {f"f_{axis}": filter_ for axis, filter_ in zip(axes, filters)}
    stride = {f"s_{axis}": step for axis, step in zip(axes, layer.stride)}
    terms = tuple(_share(share, known, stride) for share in form.shares)
    return KnownLaw(terms, tuple(assumptions), sizes)


def filter_letters(layer: LayerToBuild) -> tuple[str, ...]:
    """What the filter's sizes are called: f along each axis where they are equal, else f_h, f_w.

    >>> filter_letters(LayerToBuild((6, 6, 3), 5, 3)), filter_letters(LayerToBuild((6, 6, 3), 5, (3, 1)))
    (('f', 'f'), ('f_h', 'f_w'))
    """
    if len(set(layer.kernel)) == 1:
        return ("f",) * layer.axes
    return tuple(f"f_{axis}" for axis in letters(layer.axes + 1)[:-1])


def assumed(layer: LayerToBuild) -> list[str]:
    """What a law assumes in which the map size does not cancel.

    >>> assumed(LayerToBuild((16, 112, 112, 3), 64, 3, 2))
    ['padding same', 'the stride divides d, h and w']
    """
    *axes, last = letters(layer.axes + 1)[:-1]
    strided = any(step != 1 for step in layer.stride)
    divided = f"{', '.join(axes)} and {last}" if axes else last
    return ["padding same", *([f"the stride divides {divided}"] if strided else [])]


def _share(written: str, filters: dict[str, str], stride: dict[str, int]) -> Share:
    over, _, under = written.partition("/")
    top, bottom = (tuple(filter(None, part.split("·"))) for part in (over, under))
    number = prod(stride.values()) if "S" in top else prod(stride.get(size, 1) for size in top)
    kept = tuple(size for size in top if size not in stride and size not in ("1", "S"))
    below = (size for name in bottom for size in (filters.values() if name == "F" else [filters.get(name, name)]))
    return Share(number, kept, tuple(below))


def _powers(sizes: tuple[str, ...]) -> list[str]:
    """The factors of a product, equal ones as powers."""
    counts = {size: sizes.count(size) for size in sorted(sizes)}
    return [size if count == 1 else size + str(count).translate(_SUPERSCRIPTS) for size, count in counts.items()]
