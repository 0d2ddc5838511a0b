"""Laws of ratios: the ops' own rules evaluated over sympy symbols, and printed readably.

Above the rules, sympy is imported here and in `closed_form.py`, and by nothing else.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import sympy

from convcost.alternatives.known_laws import assumed, filter_letters
from convcost.alternatives.recipes import RECIPES, LayerToBuild, assemble
from convcost.core.axes import letters
from convcost.core.dims import Dim
from convcost.formulas.symbols import degrees, symbol, written


class Law(NamedTuple):
    """The MACs of each step of a way to build a layer, as shares of the standard convolution's."""

    terms: tuple[Any, ...]
    """One expression per step."""
    assumptions: tuple[str, ...]
    """Conditions under which the law is exact."""
    operands: dict[Any, int]
    """The layer's own sizes for the symbols."""

    @property
    def expression(self) -> Any:
        """The sum of the terms."""
        return sympy.expand(sum(self.terms))

    def value(self) -> Fraction:
        """The law for the layer's sizes."""
        number = self.expression.subs(self.operands)
        return Fraction(int(number.p), int(number.q))

    def __str__(self) -> str:
        # In the order of `written`, but terms of equal degrees in that of the steps.
        parts: dict[Any, Any] = {}
        for term in (part for step in self.terms for part in sympy.Add.make_args(step)):
            number, rest = term.as_coeff_Mul()
            parts[rest] = parts.get(rest, 0) + number
        return " + ".join(map(written, sorted((number * rest for rest, number in parts.items()), key=degrees)))

    def written_terms(self) -> list[str]:
        """Each step's share as text."""
        return [written(term) for term in self.terms]

    @property
    def latex(self) -> str:
        """The formula in LaTeX."""
        return str(sympy.latex(self.expression))


def ratio_law(way: str, stride: Dim = 1, axes: int = 2) -> Law:
    """The law for filters of size f along each of some axes, n_c channels, n_c' filters, and a stride.

    >>> print(ratio_law("separable"), "|", ratio_law("grouped"), "|", ratio_law("inverted"))
    1/n_c' + 1/f² | 1/g | t/n_c' + t/f² + n_c·t/(f²·n_c')
    >>> print(ratio_law("separable", axes=1), "|", ratio_law("separable", axes=3))
    1/n_c' + 1/f | 1/n_c' + 1/f³
    """
    return law_of(LayerToBuild((0,) * (axes + 1), 0, 0, stride), way, 0)


def law_of(layer: LayerToBuild, way: str, amount: int) -> Law:
    """The law for a layer's kernel and stride, from the recipe of `compare` run over symbols; sympy only cancels.

    If the map size does not cancel, `same` padding and sizes divisible by the stride are assumed.
    """
    sizes = tuple(symbol(name) for name in letters(layer.axes + 1)[:-1])
    channels, filters = symbol("n_c"), symbol("n_c'")
    kernel = tuple(symbol(name) for name in filter_letters(layer))
    taken = RECIPES[way].amount
    number = symbol(taken.letter) if taken else 1
    operands = {channels: layer.channels, filters: layer.filters, number: amount, **dict(zip(kernel, layer.kernel))}
    assumptions = []
    if way == "grouped":
        channels, filters = number * symbol("m"), number * symbol("n")
        assumptions.append("g divides n_c and n_c'")
    terms = _shares(LayerToBuild((*sizes, channels), filters, kernel, layer.stride, "valid"), way, number)
    if any(term.has(*sizes) for term in terms):
        assumptions += assumed(layer)
        shape = (*(step * size for step, size in zip(layer.stride, sizes)), channels)
        terms = _shares(LayerToBuild(shape, filters, kernel, layer.stride, "same"), way, number)
    return Law(terms, tuple(assumptions), operands)


def _shares(layer: LayerToBuild, way: str, amount: Dim) -> tuple[Any, ...]:
    standard = assemble(layer, "standard", 1, "standard").macs
    steps = assemble(layer, way, amount, way).steps
    return tuple(sympy.expand(sympy.cancel(step.cost.macs / standard)) for step in steps)
