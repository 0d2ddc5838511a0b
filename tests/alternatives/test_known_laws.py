"""The laws that are written down are those that follow from the recipes, for every way, shape of filter and stride."""

from __future__ import annotations

from itertools import product

import pytest

from convcost.alternatives import known_laws
from convcost.alternatives.known_laws import FORMS, SPATIAL, Form, has_form, known_law
from convcost.alternatives.law import law_of
from convcost.alternatives.recipes import RECIPES, LayerToBuild

#: Number of axes -> layers with every kind of filter and stride: equal or not, one or not.
LAYERS = {
    1: [LayerToBuild((12, 6), 9, kernel, stride) for kernel in (1, 3, 5) for stride in (1, 2, 3)],
    2: [
        LayerToBuild((12, 14, 6), 9, kernel, stride)
        for kernel in product((1, 3, 5), repeat=2)
        for stride in product((1, 2, 3), repeat=2)
    ],
    3: [
        LayerToBuild((6, 12, 14, 6), 9, kernel, stride)
        for kernel in ((1, 1, 1), (3, 3, 3), (3, 1, 1), (1, 3, 3), (3, 5, 1), (2, 3, 5))
        for stride in ((1, 1, 1), (2, 2, 2), (2, 1, 1), (1, 2, 2), (2, 3, 1))
    ],
}
WAYS = [(axes, way) for axes in LAYERS for way in RECIPES if (axes, way) != (1, "spatial")]


def differences(axes: int, way: str) -> list[LayerToBuild]:
    """The layers for which the law that is written down is not the one that sympy derives."""
    amount = 3 if RECIPES[way].amount else 1

    def of(law) -> tuple:
        return str(law), law.written_terms(), law.assumptions, law.value()

    return [layer for layer in LAYERS[axes] if of(known_law(layer, way, amount)) != of(law_of(layer, way, amount))]


def test_every_way_has_its_law_written_down():
    assert all(map(has_form, RECIPES))
    assert {*FORMS, "spatial"} == set(RECIPES)
    assert set(SPATIAL) == set(LAYERS) - {1}


@pytest.mark.parametrize(("axes", "way"), WAYS)
def test_a_known_law_is_the_one_that_is_derived(axes: int, way: str):
    assert differences(axes, way) == []


@pytest.mark.parametrize("axes", LAYERS)
@pytest.mark.parametrize(
    ("way", "wrong"),
    [
        ("separable", Form(("1/n_c", "1/F"), map_cancels=True)),
        ("separable", Form(("1/n_c'", "1/F·F"), map_cancels=True)),
        ("bottleneck", Form(("b·S/F·n_c'", "b/n_c"), map_cancels=True)),
        ("bottleneck", Form(("b/F·n_c'", "b/n_c"), map_cancels=False)),
    ],
)
def test_a_wrong_law_is_noticed(monkeypatch: pytest.MonkeyPatch, axes: int, way: str, wrong: Form):
    monkeypatch.setitem(known_laws.FORMS, way, wrong)
    assert differences(axes, way) != []


@pytest.mark.parametrize(
    ("axes", "wrong"),
    [
        (2, Form(("s_h/f_w", "n_c'/f_h·n_c"), map_cancels=False)),
        (2, Form(("s_w/f_w", "n_c'/f_w·n_c"), map_cancels=False)),
        (3, SPATIAL[3]._replace(shares=SPATIAL[3].shares[:1] + SPATIAL[3].shares[:0:-1])),  # the last two in turn
        (3, SPATIAL[3]._replace(shares=("s_d·s_w/f_h·f_w", *SPATIAL[3].shares[1:]))),
    ],
)
def test_a_wrong_law_of_one_axis_after_the_other_is_noticed(monkeypatch: pytest.MonkeyPatch, axes: int, wrong: Form):
    monkeypatch.setitem(known_laws.SPATIAL, axes, wrong)
    assert differences(axes, "spatial") != []
