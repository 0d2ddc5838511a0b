"""Idioms: each is spelled out as exporters do, and has to become one op of its name, with what it stores."""

from __future__ import annotations

from math import sqrt

import pytest
from helpers.foreign import kinds, model, number, op, steps, stored

from convcost.importers.model import Op, Stored

INPUT = {"x": (1, 50, 64)}
NUMBERS = [
    *(number(name, value) for name, value in {"half": 0.5, "one": 1, "three": 3, "six": 6, "sixth": 1 / 6}.items()),
    *(number(name, value) for name, value in {"root": sqrt(2), "c": 0.044715, "k": sqrt(0.63661977), "two": 2}.items()),
    number("eps", 1e-5),
]
_GELU = [op("Div", "x root", "a"), op("Erf", "a", "b"), op("Add", "b one", "d")]
_SHIFTED = [op("Add", "x three", "a"), op("Clip", "a", "b", min=0.0, max=6.0)]
_NORM = [
    op("ReduceMean", "x", "m", axes=(-1,)),
    op("Sub", "x m", "c0"),
    op("Pow", "c0 two", "p"),
    op("ReduceMean", "p", "v", axes=(-1,)),
    op("Add", "v eps", "e"),
    op("Sqrt", "e", "s"),
    op("Div", "c0 s", "n"),
    op("Mul", "n gamma", "g"),
    op("Add", "g beta", "y"),
]
CASES: dict[str, tuple[str, list[Op]]] = {
    "gelu, halved last": ("gelu", [*_GELU, op("Mul", "x d", "e"), op("Mul", "e half", "y")]),
    "gelu, halved first": ("gelu", [*_GELU, op("Mul", "x half", "e"), op("Mul", "e d", "y")]),
    "gelu, the other way round": ("gelu", [*_GELU, op("Mul", "half d", "e"), op("Mul", "e x", "y")]),
    "gelu by tanh": (
        "gelu",
        [
            op("Pow", "x three", "p"),
            op("Mul", "p c", "q"),
            op("Add", "x q", "r"),
            op("Mul", "r k", "s"),
            op("Tanh", "s", "t"),
            op("Add", "t one", "u"),
            op("Mul", "x u", "v"),
            op("Mul", "v half", "y"),
        ],
    ),
    "hard_swish, divided last": ("hard_swish", [*_SHIFTED, op("Mul", "x b", "c0"), op("Div", "c0 six", "y")]),
    "hard_swish, times a sixth": ("hard_swish", [*_SHIFTED, op("Mul", "b sixth", "c0"), op("Mul", "x c0", "y")]),
    "hard_swish by hard_sigmoid": (
        "hard_swish",
        [op("HardSigmoid", "x", "a", alpha=1 / 6, beta=0.5), op("Mul", "a x", "y")],
    ),
    "hard_sigmoid": ("hard_sigmoid", [*_SHIFTED, op("Div", "b six", "y")]),
    "silu": ("silu", [op("Sigmoid", "x", "a"), op("Mul", "x a", "y")]),
    "mish": ("mish", [op("Softplus", "x", "a"), op("Tanh", "a", "b"), op("Mul", "x b", "y")]),
}


@pytest.mark.parametrize(("kind", "ops"), CASES.values(), ids=CASES)
def test_an_activation_in_several_ops_is_one(kind: str, ops: list[Op]) -> None:
    assert kinds(model(INPUT, ops, NUMBERS)) == [kind]


def test_a_layer_norm_in_nine_ops_is_one_with_its_scale_and_shift() -> None:
    (step,) = steps(model(INPUT, _NORM, [*NUMBERS, stored("gamma", 64), stored("beta", 64)]))
    assert (step.node.op, step.params) == ("layer_norm", 128)


def test_a_product_and_a_sum_with_stored_ones_are_a_linear_layer() -> None:
    ops = [op("MatMul", "x w", "m"), op("Add", "b m", "y")]
    (step,) = steps(model(INPUT, ops, [stored("w", 64, 10), stored("b", 10)]))
    assert (step.node.op, step.cost.macs, step.params) == ("linear", 50 * 64 * 10, 64 * 10 + 10)


def test_a_scale_and_a_shift_for_each_channel_are_one_op() -> None:
    ops = [op("Mul", "x w", "m"), op("Add", "m b", "y")]
    (step,) = steps(model({"x": (1, 8, 16, 16)}, ops, [stored("w", 8, 1, 1), stored("b", 1, 8, 1, 1)]))
    assert (step.node.op, step.params) == ("scale", 16)


@pytest.mark.parametrize(
    ("ops", "tensors", "expected"),
    [
        # What stands between is read by something else too.
        (
            [op("Sigmoid", "x", "a"), op("Mul", "x a", "b"), op("Add", "a b", "y")],
            [],
            ["sigmoid", "multiply", "add"],
        ),
        # Other numbers.
        ([op("Add", "x one", "a"), op("Clip", "a", "b", min=0.0, max=6.0), op("Div", "b six", "y")], NUMBERS, None),
        ([op("HardSigmoid", "x", "a", alpha=0.2, beta=0.5), op("Mul", "x a", "y")], [], ["hard_sigmoid", "multiply"]),
        # A table of positions is no bias: it has a row for each token.
        (
            [op("MatMul", "x w", "m"), op("Add", "m p", "y")],
            [stored("w", 64, 10), stored("p", 1, 50, 10)],
            ["linear", "source", "add"],
        ),
    ],
)
def test_what_only_looks_like_an_idiom_stays_as_it_is(
    ops: list[Op], tensors: list[Stored], expected: list[str] | None
) -> None:
    found = kinds(model(INPUT, ops, tensors))
    assert found == (expected or ["function", "relu6", "function"])
