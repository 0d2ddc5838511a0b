"""Laws of ratios: the ops' own rules evaluated over sympy symbols, and printed readably.

Above the rules, sympy is imported here and in `closed_form.py`, and by nothing else.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import sympy

from convcost.alternatives.recipes import RECIPES, LayerToBuild, assemble
from convcost.core.dims import Dim
from convcost.formulas.symbols import symbol, written


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
        return written(self.expression)

    def written_terms(self) -> list[str]:
        """Each step's share as text."""
        return [written(term) for term in self.terms]

    @property
    def latex(self) -> str:
        """The formula in LaTeX."""
        return str(sympy.latex(self.expression))


def ratio_law(way: str, stride: Dim = 1) -> Law:
    """The law for f×f filters, n_c channels, n_c' filters, and a stride.

    >>> print(ratio_law("separable"), "|", ratio_law("grouped"), "|", ratio_law("inverted"))
    1/n_c' + 1/f² | 1/g | t/n_c' + t/f² + n_c·t/(f²·n_c')
    """
    return law_of(LayerToBuild((0, 0, 0), 0, (0, 0), (stride, stride)), way, 0)


def law_of(layer: LayerToBuild, way: str, amount: int) -> Law:
    """The law for a layer's kernel and stride, from the recipe of `compare` run over symbols; sympy only cancels.

    If the map size does not cancel, `same` padding and sizes divisible by the stride are assumed.
    """
    (height, width), (down, right) = layer.kernel, layer.stride
    map_h, map_w, channels, filters = (symbol(name) for name in ("h", "w", "n_c", "n_c'"))
    kernel = (symbol("f"), symbol("f")) if height == width else (symbol("f_h"), symbol("f_w"))
    taken = RECIPES[way].amount
    number = symbol(taken.letter) if taken else 1
    operands = {channels: layer.input_shape[2], filters: layer.filters, number: amount}
    operands |= {kernel[0]: height, kernel[1]: width}
    assumptions = []
    if way == "grouped":
        channels, filters = number * symbol("m"), number * symbol("n")
        assumptions.append("g divides n_c and n_c'")
    terms = _shares(LayerToBuild((map_h, map_w, channels), filters, kernel, layer.stride, "valid"), way, number)
    if any(term.has(map_h) or term.has(map_w) for term in terms):
        assumptions += ["padding same", *(["the stride divides h and w"] if (down, right) != (1, 1) else [])]
        shape = (down * map_h, right * map_w, channels)
        terms = _shares(LayerToBuild(shape, filters, kernel, layer.stride, "same"), way, number)
    return Law(terms, tuple(assumptions), operands)


def _shares(layer: LayerToBuild, way: str, amount: Dim) -> tuple[Any, ...]:
    standard = assemble(layer, "standard", 1, "standard").macs
    steps = assemble(layer, way, amount, way).steps
    return tuple(sympy.expand(sympy.cancel(step.cost.macs / standard)) for step in steps)
