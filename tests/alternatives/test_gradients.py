"""Gradients by execution: the engine's are those of the definition, and it multiplies as often as forward."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from helpers.convolutions import Array, Case, cases, exactly, run
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.alternatives import execution as engine
from convcost.alternatives.execution import Counter, convolve, input_gradient, multiply, weight_gradient
from convcost.ops import OPS

if TYPE_CHECKING:
    import pytest

HOW = ("stride", "padding", "dilation", "groups")


def of_each(shape: tuple[int, ...], loss: Any, most: int = 40) -> dict[tuple[int, ...], int]:
    """The gradient of a linear function: what it makes of a 1 at each place, of some at most."""
    places = list(np.ndindex(*shape))
    some = np.random.default_rng(1).permutation(len(places))[:most]
    found = {}
    for at in (places[number] for number in some):
        one = np.zeros(shape, dtype=int)
        one[at] = 1
        found[at] = int(loss(one))
    return found


def wrong(case: Case) -> list[str]:
    """In what the gradients differ from the definition, or their products from those of the forward pass."""
    image, weights, output, forward = run(case)
    how = {name: case.converted[name] for name in HOW}
    given_ = np.random.default_rng(2).integers(-9, 10, output.shape)
    to_input, to_weights = Counter(), Counter()
    of_image = input_gradient(given_, weights, image.shape, **how, counter=to_input)
    of_weights = weight_gradient(image, given_, case.converted["kernel"], **how, counter=to_weights)
    bad = []
    by_image = of_each(image.shape, lambda one: (given_ * convolve(one, weights, **how)).sum())
    by_weights = of_each(weights.shape, lambda one: (given_ * convolve(image, one, **how)).sum())
    if any(of_image[at] != value for at, value in by_image.items()):
        bad.append("to the input")
    if any(of_weights[at] != value for at, value in by_weights.items()):
        bad.append("to the weights")
    if not forward == to_input == to_weights:
        bad.append("products")
    return bad


@settings(exactly, max_examples=80)
@given(cases())
def test_gradients_of_a_convolution_are_those_of_the_definition_and_multiply_as_often(case: Case) -> None:
    assert wrong(case) == []


SMALL = Case(
    (5, 4, 4), {"channels": 6, "kernel": [3, 3], "stride": [2, 1], "dilation": [1, 1], "groups": 2, "padding": 1}
)


def test_a_wrong_engine_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wrong(SMALL) == []
    kept = engine.input_gradient
    monkeypatch.setitem(globals(), "input_gradient", lambda *a, **more: kept(*a, **more)[::-1])
    assert wrong(SMALL) == ["to the input"]


@settings(exactly, max_examples=60)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.integers(1, 2), st.integers(0, 1), st.integers(1, 2))
def test_a_transposed_convolution_is_the_gradient_of_one(
    size: int, kernel: int, stride: int, dilation: int, padding: int, groups: int
) -> None:
    attrs = {"channels": 2 * groups, "kernel": kernel, "stride": stride, "dilation": dilation, "groups": groups}
    attrs |= {"padding": padding, "bias": False}
    op = OPS["conv_transpose1d"]
    shape = (size, 3 * groups)
    converted = op.convert(attrs)
    cost = op.cost([shape], converted)
    if cost.out[0][0] < 1:
        return
    random = np.random.default_rng(3)
    x: Array = random.integers(-9, 10, shape)
    weights = random.integers(-9, 10, (kernel, 2, 3 * groups))
    forward, back, of_weights = Counter(), Counter(), Counter()
    how = {name: converted[name] for name in HOW}
    y = input_gradient(x, weights, cost.out[0], **how, counter=forward)
    expected = np.zeros(cost.out[0], dtype=int)  # each element, spread through its group's filters
    for at, tap, c, out in np.ndindex(size, kernel, 3 * groups, 2):
        place = at * stride + tap * dilation - padding
        if 0 <= place < len(expected):
            expected[place, c // 3 * 2 + out] += x[at, c] * weights[tap, out, c]
    assert np.array_equal(y, expected)
    convolve(y, weights, **how, counter=back)
    weight_gradient(y, x, (kernel,), **how, counter=of_weights)
    counts = {one.multiplications for one in (forward, back, of_weights)}
    assert counts == {cost.macs}


def test_gradients_of_a_product_are_products() -> None:
    random = np.random.default_rng(4)
    x, y, given_ = (random.integers(-9, 10, shape) for shape in ((2, 3, 4), (2, 4, 5), (2, 3, 5)))
    forward, to_x, to_y = Counter(), Counter(), Counter()
    assert np.array_equal(multiply(x, y, forward), x @ y)
    of_x = multiply(given_, y.swapaxes(1, 2), to_x)
    of_y = multiply(x.swapaxes(1, 2), given_, to_y)
    assert all(of_x[at] == value for at, value in of_each(x.shape, lambda one: (given_ * (one @ y)).sum()).items())
    assert all(of_y[at] == value for at, value in of_each(y.shape, lambda one: (given_ * (x @ one)).sum()).items())
    assert forward == to_x == to_y == Counter(2 * 3 * 4 * 5)
