"""Laws come out of the rules by cancelling, hold for every layer that they are meant for, and are written correctly.

`evaluate` reads a formula as a person would and computes it exactly; it knows nothing of the rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import sympy
from helpers.written_formulas import evaluate
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.alternatives.law import ratio_law
from convcost.alternatives.recipes import LayerToBuild, build, ratio
from convcost.core.cost import OpCost
from convcost.formulas.symbols import relation, symbol, written
from convcost.ops import OPS

exactly = settings(deadline=None, derandomize=True, max_examples=200, database=None)

# Reading a formula.


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2·(3 + 4) + 1", 15), ("⌊7/2⌋ + ⌈7/2⌉", 7), ("9/2·3", Fraction(27, 2)), ("7 mod 4·2", 6), ("7 - (3 - 2)", 6),
        ("-h'·h", -6), ("h² + h'⁻¹", Fraction(13, 3)), ("⌊⌈h/2⌉/3⌋", 0),
    ],
)  # fmt: skip
def test_the_reader_of_formulas_reads_them_right(text: str, value: Fraction) -> None:
    assert evaluate(text, {"h": 2, "h'": 3}) == value


# The law of the course, and those of the other ways.

N_C, N, F, G, B, T, S = (symbol(name) for name in ("n_c", "n_c'", "f", "g", "b", "t", "s"))

# Multiplications per output position and stride s, by hand; the standard convolution takes f²·n_c·n_c'. A 1×1 in front
# of the strided convolution works on s·s as many positions, the k×1 of `spatial` on s as many (it strides down only).
LAWS = {
    "standard": sympy.Integer(1),
    "separable": (F**2 * N_C + N_C * N) / (F**2 * N_C * N),
    "grouped": 1 / G,
    "bottleneck": (S**2 * N_C * B + F**2 * B * N) / (F**2 * N_C * N),
    "inverted": (S**2 * N_C * T * N_C + F**2 * T * N_C + T * N_C * N) / (F**2 * N_C * N),
    "spatial": (S * F * N_C * N + F * N * N) / (F**2 * N_C * N),
}


@pytest.mark.parametrize("stride", [1, 2, 3, S], ids=str)
def test_the_separable_law_is_the_papers_at_any_stride(stride: Any) -> None:
    # MobileNet, section 3.1: 1/N + 1/D_K², whatever the stride, the map and the input channels.
    law = ratio_law("separable", stride)
    assert sympy.expand(law.expression - (1 / N + 1 / F**2)) == 0
    assert law.expression.free_symbols == {N, F}
    assert law.assumptions == ()
    assert str(law) == "1/n_c' + 1/f²"


@pytest.mark.parametrize("stride", [1, 2, 3, S], ids=str)
@pytest.mark.parametrize("way", LAWS)
def test_each_law_is_the_one_derived_by_hand(way: str, stride: Any) -> None:
    assert sympy.simplify(ratio_law(way, stride).expression - LAWS[way].subs(S, stride)) == 0


@pytest.mark.parametrize("stride", [1, 2, S], ids=str)
@pytest.mark.parametrize(("axes", "text"), [(1, "1/n_c' + 1/f"), (2, "1/n_c' + 1/f²"), (3, "1/n_c' + 1/f³")])
def test_the_separable_law_along_any_number_of_axes(axes: int, text: str, stride: Any) -> None:
    law = ratio_law("separable", stride, axes)
    assert sympy.expand(law.expression - (1 / N + 1 / F**axes)) == 0
    assert (str(law), law.assumptions) == (text, ())


#: As `LAWS`, with f and s once for each axis; `spatial` works on s·s, then on s, then on one times the positions.
LAWS_OF_VOLUMES = {
    "grouped": 1 / G,
    "bottleneck": (S**3 * N_C * B + F**3 * B * N) / (F**3 * N_C * N),
    "inverted": (S**3 * N_C * T * N_C + F**3 * T * N_C + T * N_C * N) / (F**3 * N_C * N),
    "spatial": (S**2 * F * N_C * N + S * F * N * N + F * N * N) / (F**3 * N_C * N),
}
LAWS_OF_SEQUENCES = {
    "grouped": 1 / G,
    "bottleneck": (S * N_C * B + F * B * N) / (F * N_C * N),
    "inverted": (S * N_C * T * N_C + F * T * N_C + T * N_C * N) / (F * N_C * N),
}


@pytest.mark.parametrize("stride", [1, 2, S], ids=str)
@pytest.mark.parametrize(
    ("axes", "way"), [*((1, way) for way in LAWS_OF_SEQUENCES), *((3, way) for way in LAWS_OF_VOLUMES)]
)
def test_each_law_of_sequences_and_volumes_is_the_one_derived_by_hand(axes: int, way: str, stride: Any) -> None:
    by_hand = {1: LAWS_OF_SEQUENCES, 3: LAWS_OF_VOLUMES}[axes][way].subs(S, stride)
    law = ratio_law(way, stride, axes)
    assert sympy.simplify(law.expression - by_hand) == 0
    divides = {1: "the stride divides t", 3: "the stride divides d, h and w"}[axes]
    if way != "grouped":
        assert law.assumptions == ("padding same", *([divides] if stride != 1 else []))


def test_two_steps_of_one_share_are_one_term() -> None:
    assert str(ratio_law("spatial", axes=3)) == "1/f² + 2·n_c'/(f²·n_c)"
    assert ratio_law("spatial", axes=3).written_terms() == ["1/f²", "n_c'/(f²·n_c)", "n_c'/(f²·n_c)"]


def test_stride_matters_where_a_step_works_on_the_map_before_it() -> None:
    changed = {way for way in LAWS if ratio_law(way, 1).expression != ratio_law(way, 2).expression}
    assert changed == {"bottleneck", "inverted", "spatial"}


def test_laws_state_what_they_assume() -> None:
    same, divides = "padding same", "the stride divides h and w"
    assert ratio_law("grouped").assumptions == ("g divides n_c and n_c'",)
    for way in ("bottleneck", "inverted", "spatial"):
        assert ratio_law(way, 1).assumptions == (same,)
        assert ratio_law(way, 2).assumptions == (same, divides)


def test_latex_is_latex() -> None:
    assert ratio_law("separable").latex in (
        r"\frac{1}{n_{c'}} + \frac{1}{f^{2}}",
        r"\frac{1}{f^{2}} + \frac{1}{n_{c'}}",
    )


# Against counts of real layers.

SIZE = st.integers(1, 12)


@st.composite
def layers(draw: st.DrawFn) -> tuple[LayerToBuild, str, dict[str, int]]:
    """A layer that satisfies the assumptions of all laws, a way to build it, and the sizes by their symbols."""
    way = draw(st.sampled_from([*LAWS]))
    stride, kernel, amount = draw(st.integers(1, 4)), draw(st.integers(1, 7)), draw(st.integers(1, 6))
    step = amount if way == "grouped" else 1
    channels, filters = step * draw(SIZE), step * draw(SIZE)
    layer = LayerToBuild(
        (stride * draw(SIZE), stride * draw(SIZE), channels), filters, (kernel,) * 2, (stride,) * 2, "same"
    )
    name = way if way in ("standard", "separable", "spatial") else f"{way}:{amount}"
    letters = {"grouped": "g", "bottleneck": "b", "inverted": "t"}
    return layer, name, {"n_c": channels, "n_c'": filters, "f": kernel, "s": stride, letters.get(way, "-"): amount}


@exactly
@given(layers())
def test_a_law_gives_the_exact_ratio_of_the_counts(case: tuple[LayerToBuild, str, dict[str, int]]) -> None:
    layer, way, sizes = case
    law = ratio_law(way.partition(":")[0], layer.stride[0])
    assert evaluate(str(law), sizes) == ratio(build(layer, way), build(layer, "standard"))


@exactly
@given(
    st.tuples(st.integers(5, 12), st.integers(5, 12), SIZE), SIZE, st.integers(1, 5), st.integers(1, 3), st.integers(0, 3)
)  # fmt: skip
def test_the_separable_law_needs_no_assumption(
    shape: tuple[int, int, int], filters: int, kernel: int, stride: int, padding: int
) -> None:
    layer = LayerToBuild(shape, filters, (kernel, kernel), (stride, stride), padding)
    share = ratio(build(layer, "separable"), build(layer, "standard"))
    assert share == Fraction(1, filters) + Fraction(1, kernel**2)


def test_without_its_assumptions_a_law_fails() -> None:
    # 7×7, stride 2: the reduce works on 49 positions, the convolution on 4·4, and 4·16 is not 49.
    layer = LayerToBuild((7, 7, 4), 6, (3, 3), (2, 2), "same")
    share = ratio(build(layer, "bottleneck:2"), build(layer, "standard"))
    assert share == Fraction(49 * 4 * 2 + 16 * 9 * 2 * 6, 16 * 9 * 4 * 6)
    assert share != evaluate(str(ratio_law("bottleneck", 2)), {"n_c": 4, "n_c'": 6, "f": 3, "b": 2})


# A wrong rule gives a wrong law.


def spoil(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any, Any], Any]) -> None:
    """Let the rule of conv2d give other MACs, changed in view of all that it gives and of its attributes."""
    right = OPS["conv2d"].rule

    def spoilt(*shapes: Any, **attrs: Any) -> OpCost:
        cost = right(*shapes, **attrs)
        return replace(cost, macs=change(cost, attrs))

    monkeypatch.setitem(OPS, "conv2d", replace(OPS["conv2d"], rule=spoilt))


WRONG: dict[str, Callable[[Any, Any], Any]] = {
    "one more": lambda cost, _: cost.macs + 1,
    "kernel once more": lambda cost, attrs: cost.macs * attrs["kernel"][0],
    "kernel once less": lambda cost, attrs: cost.macs / attrs["kernel"][1],
    "bias counted": lambda cost, attrs: cost.macs + cost.out[0][0] * cost.out[0][1] * attrs["channels"],
    "groups forgotten": lambda cost, attrs: cost.macs * attrs["groups"],
}


@pytest.mark.parametrize("mistake", WRONG)
@pytest.mark.parametrize("stride", [1, 2])
def test_the_separable_law_changes_with_the_rule(monkeypatch: pytest.MonkeyPatch, mistake: str, stride: int) -> None:
    spoil(monkeypatch, lambda cost, _: cost.macs)
    assert ratio_law("separable", stride).expression == 1 / N + 1 / F**2
    spoil(monkeypatch, WRONG[mistake])
    assert sympy.simplify(ratio_law("separable", stride).expression - (1 / N + 1 / F**2)) != 0


@pytest.mark.parametrize("way", [way for way in LAWS if way != "standard"])
def test_every_law_changes_with_the_rule(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    spoil(monkeypatch, WRONG["one more"])
    assert sympy.simplify(ratio_law(way).expression - LAWS[way].subs(S, 1)) != 0


# Expressions as text.

X, Y, Z = (symbol(name) for name in ("x", "y_z", "n'"))


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> Any:
    """A sympy expression of +, -, ·, / and powers; at times one of floors and ceilings."""
    kind = draw(st.sampled_from(["leaf"] if depth == 0 else ["leaf", *"+-**/^", "⌊", "⌈"]))
    if kind == "leaf":
        return draw(st.sampled_from([X, Y, Z, X, Y, Z, sympy.Integer(2), sympy.Rational(-3, 2), sympy.Integer(7)]))
    one = draw(expressions(depth - 1))
    if kind == "^":
        return one ** draw(st.sampled_from([2, 3, 12, -1]))
    if kind in "⌊⌈":
        return (sympy.floor if kind == "⌊" else sympy.ceiling)(one / draw(st.integers(2, 5)))
    other = draw(expressions(depth - 1))
    if kind == "/":
        return one / other if other != 0 else one
    return {"+": one + other, "-": one - other, "*": one * other}[kind]


@exactly
@given(expressions(), st.booleans(), st.lists(st.integers(1, 9), min_size=3, max_size=3))
def test_a_written_expression_says_what_the_expression_is(expression: Any, factored: bool, values: list[int]) -> None:
    expression = sympy.factor(expression) if factored else expression
    number = sympy.sympify(expression).subs(dict(zip((X, Y, Z), values, strict=True)))
    text = written(expression)
    try:
        found = evaluate(text, dict(zip(("x", "y_z", "n'"), values, strict=True)))
    except ZeroDivisionError:
        assert not number.is_Rational or number == 0, text  # to sympy 0 times a division by zero may be 0
    else:
        assert found == Fraction(int(number.p), int(number.q)), text


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (1 / N + 1 / F**2, "1/n_c' + 1/f²"),
        (X**12 - X, "x¹² - x"),
        (-X / 2 - 1, "-x/2 - 1"),
        (X / (Y * Z), "x/(n'·y_z)"),
        ((X + 1) ** 2 * Y, "(x + 1)²·y_z"),
        (sympy.Integer(0), "0"),
        (sympy.Rational(-3, 4), "-3/4"),
    ],
)
def test_expressions_are_written_as_people_write_them(expression: Any, text: str) -> None:
    assert written(expression) == text


@pytest.mark.parametrize(
    "expression",
    [
        sympy.floor(X * Y / 2),
        sympy.floor((X**2 - 1) / 2) * Y,
        sympy.ceiling(sympy.floor(X / 2) / 3),
        sympy.Mod(X * Y, 3 * Z) + 1,
        2 * sympy.Max(X, Y * Z),
        sympy.factor(2 * X + 2 * Y),
    ],
    ids=str,
)
def test_nothing_is_written_in_the_language_of_sympy(expression: Any) -> None:
    text = written(expression)
    assert not re.search(r"\*|floor|ceiling|Mod\(|Max\(|^\(.*\)$", text), text


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (T > 1, "t > 1"),
        (sympy.Ne(B, 4 * N), "b ≠ 4·n_c'"),
        (4 * X - 5 >= 0, "4·x - 5 ≥ 0"),
    ],
    ids=str,
)
def test_conditions_are_written_as_people_write_them(condition: Any, text: str) -> None:
    assert relation(condition) == text


@pytest.mark.parametrize("condition", [sympy.Eq(sympy.Mod(96, G), 0), (S > 1) | sympy.Ne(B, 4 * N)], ids=str)
def test_no_condition_is_written_in_the_language_of_sympy(condition: Any) -> None:
    assert not re.search(r"\*|\||Mod\(|Eq\(|Ne\(", relation(condition))
