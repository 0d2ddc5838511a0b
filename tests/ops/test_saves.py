"""What each op declares that its derivative needs, written down once more from the derivative itself."""

from __future__ import annotations

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
#: Ops whose saves depend on an attribute, by its value.
BY_FUNCTION: dict[str, dict[str, tuple[str, ...]]] = {
    "reduce": {"mean": (), "sum": (), "max": ("mask",), "min": ("mask",), "norm": ("inputs", "outputs")}
}


def test_every_op_declares_what_its_derivative_needs() -> None:
    found: dict[str, tuple[str, ...]] = {}
    for row in ROWS:
        case = row.case
        saves = OPS[case.op].cost(case.shapes, OPS[case.op].convert(case.attrs)).saves
        if case.op in BY_FUNCTION:
            assert saves == BY_FUNCTION[case.op][case.attrs["function"]]
        else:
            found[case.op] = saves
    assert {*found, *BY_FUNCTION} == set(OPS)
    assert {op for op, saves in found.items() if saves == ("inputs",)} == INPUTS
    assert {op for op, saves in found.items() if saves == ("outputs",)} == OUTPUTS
    assert {op for op, saves in found.items() if saves == ("mask",)} == MASKS
    assert {op for op, saves in found.items() if saves == ("inputs", "outputs")} == BOTH
    assert all(not saves for op, saves in found.items() if op not in INPUTS | OUTPUTS | MASKS | BOTH)
