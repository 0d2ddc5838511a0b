"""What each op declares that its derivative needs, written down once more from the derivative itself."""

from __future__ import annotations

import pytest
from helpers.op_rows import ROWS

from convcost.ops import OPS

#: f(x) = w·x: the weight's derivative is x. Products: each factor's derivative is the others.
INPUTS = {f"conv{axes}d" for axes in (1, 2, 3)} | {f"conv_transpose{axes}d" for axes in (1, 2, 3)}
INPUTS |= {"conv2d_table", "deform_conv2d", "linear", "rbf", "batch_norm", "layer_norm", "group_norm"}
INPUTS |= {"scale", "local_response_norm", "prelu", "multiply", "subsample"}
INPUTS |= {"matmul"}
#: A length in the denominator; which rows of the table were read.
INPUTS |= {"l2_normalize", "global_response_norm", "embedding"}
#: Not monotonic, so that the output does not tell the input: x·sigmoid(x) and its like fall and rise.
INPUTS |= {"gelu", "silu", "swish", "mish", "hard_swish"}
#: f'(x) from y: relu y > 0; sigmoid y(1 - y); tanh 1 - y²; softmax y(δ - y); softplus 1 - exp(-y); elu y + 1 where y < 0.
OUTPUTS = {"relu", "relu6", "leaky_relu", "elu", "selu", "hard_sigmoid", "sigmoid", "tanh", "softplus"}
#: The softmaxes as above; where the largest stood is the second output.
OUTPUTS |= {"softmax", "split_softmax", "top_k"}
#: Which element was the largest; which were kept.
MASKS = {"max_pool", "global_max_pool", "adaptive_max_pool", "dropout"}
MASKS |= {f"{kind}_pool{axes}d" for kind in ("max", "adaptive_max") for axes in (1, 2, 3)}
#: The derivative of a length is x divided by it; matrix products of the states, and gates that are made from them.
BOTH = {"lstm", "gru", "rnn"}
#: Where a box or a place between elements lies is an input; a root mean square is as a length.
INPUTS |= {"grid_sample", "roi_align", "rms_norm"}
#: log y: 1 - exp(y)·n.
OUTPUTS |= {"log_softmax"}


def of(saves: tuple[str, ...], words: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(words.split(), saves)


#: Ops whose saves depend on a word, by its value.
BY_WORD: dict[str, dict[str, tuple[str, ...]]] = {
    # A product's derivative is the product divided by the factor; a variance's is 2(x - mean)/n, a sum of squares' 2x, of
    # magnitudes the sign; that of log(sum) is 1/sum = exp(-y), of log(sum(exp)) exp(x - y). A place has none.
    "reduce": of((), "mean sum argmax argmin any all") | of(("mask",), "max min")
    | of(("inputs", "outputs"), "norm product log_sum log_sum_exp") | of(("inputs",), "variance absolute_sum square_sum"),
    "cumulative": of((), "sum") | of(("mask",), "max min") | of(("inputs", "outputs"), "product"),
    # From y: exp y, 2^y·ln 2, y + 1, 1/(2y), -y³/2, -y², 1 + y²; where y lies at a bound; of celu y/a + 1 where y < 0.
    "function": of(("outputs",), "exp exp2 expm1 sqrt rsqrt reciprocal tan celu clip hard_tanh")
    # From x: 1/x; n·x^(n-1); the sign; a bell; cos x, -sin x; and so on.
    | of(("inputs",), "log log1p log2 log10 power square abs erf erfc sin cos asin acos atan sinh cosh asinh acosh atanh")
    | of(("inputs",), "softsign log_sigmoid threshold hard_shrink soft_shrink")
    # Fixed factors and summands; steps, which are flat; answers that are true or false.
    | of((), "negate scale shift cast quantize dequantize sign floor ceil round truncate")
    | of((), "logical_not bitwise_not is_nan is_inf is_finite"),
    # A factor's derivative is the others; which was larger is seen in both; sums and comparisons need nothing.
    "combine": of(("inputs",), "multiply divide modulo power minimum maximum atan2 squared_difference where")
    | of((), "add subtract mean floor_divide equal not_equal less less_equal greater greater_equal")
    | of((), "logical_and logical_or logical_xor bitwise_and bitwise_or bitwise_xor shift_left shift_right"),
}  # fmt: skip


def test_every_op_declares_what_its_derivative_needs() -> None:
    found: dict[str, tuple[str, ...]] = {}
    for row in ROWS:
        case = row.case
        saves = OPS[case.op].cost(case.shapes, OPS[case.op].convert(case.attrs)).saves
        if case.op not in BY_WORD:
            found[case.op] = saves
    assert {*found, *BY_WORD} == set(OPS)
    assert {op for op, saves in found.items() if saves == ("inputs",)} == INPUTS
    assert {op for op, saves in found.items() if saves == ("outputs",)} == OUTPUTS
    assert {op for op, saves in found.items() if saves == ("mask",)} == MASKS
    assert {op for op, saves in found.items() if saves == ("inputs", "outputs")} == BOTH
    assert all(not saves for op, saves in found.items() if op not in INPUTS | OUTPUTS | MASKS | BOTH)


#: Words of ops through which no gradient passes: answers that are true or false, bits, places. Through steps one passes as if
#: they were none.
FLAT = {
    "reduce": {"argmax", "argmin", "any", "all"},
    "cumulative": set[str](),
    "function": {
        "logical_not",
        "bitwise_not",
        "is_nan",
        "is_inf",
        "is_finite",
    },
    "combine": {
        "floor_divide",
        "equal",
        "not_equal",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "logical_and",
        "logical_or",
        "logical_xor",
        "bitwise_and",
        "bitwise_or",
        "bitwise_xor",
        "shift_left",
        "shift_right",
    },
}


@pytest.mark.parametrize("op", BY_WORD)
def test_no_gradient_passes_where_there_is_no_slope(op: str) -> None:
    name = "of" if op == "function" else "function"
    case = next(row.case for row in ROWS if row.case.op == op)
    costs = {word: OPS[op].cost(case.shapes, OPS[op].convert({**case.attrs, name: word})) for word in BY_WORD[op]}
    assert {word for word, cost in costs.items() if cost.flat} == FLAT[op]
    assert not any(cost.saves for cost in costs.values() if cost.flat)


def test_of_all_other_ops_only_one_hot_has_no_slope() -> None:
    costs = (
        (row.case.op, OPS[row.case.op].cost(row.case.shapes, OPS[row.case.op].convert(row.case.attrs))) for row in ROWS
    )
    assert {op for op, cost in costs if cost.flat and op not in BY_WORD} == {"one_hot"}


@pytest.mark.parametrize("op", BY_WORD)
def test_every_word_of_an_op_declares_what_its_derivative_needs(op: str) -> None:
    name, words = ("of" if op == "function" else "function"), BY_WORD[op]
    assert {*OPS[op].attrs[name].kind.words} == {*words}
    case = next(row.case for row in ROWS if row.case.op == op)
    found = {word: OPS[op].cost(case.shapes, OPS[op].convert({**case.attrs, name: word})).saves for word in words}
    assert found == words
