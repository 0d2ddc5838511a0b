"""Activation functions: element-wise, shape unchanged, no parameters (except prelu)."""

from convcost.core.cost import OpCost
from convcost.ops.attributes import AnyInput
from convcost.ops.registry import op
from convcost.ops.traits import ELEMENTWISE, NOTHING

#: Name in a spec -> what is computed of each element x.
ACTIVATIONS = {
    "relu": "max(0, x)",
    "relu6": "min(max(0, x), 6)",
    "leaky_relu": "x where x > 0, else a small fixed multiple of x",
    "elu": "x where x > 0, else exp(x) - 1",
    "selu": "elu with fixed scale and slope",
    "gelu": "x · Φ(x)",
    "silu": "x · sigmoid(x); the same as swish",
    "swish": "x · sigmoid(x); the same as silu",
    "mish": "x · tanh(softplus(x))",
    "hard_swish": "x · relu6(x + 3) / 6",
    "hard_sigmoid": "relu6(x + 3) / 6",
    "sigmoid": "1 / (1 + exp(-x))",
    "tanh": "the hyperbolic tangent of x",
    "softplus": "log(1 + exp(x))",
    "softmax": "exp(x) divided by the sum of exp over the channels",
}
#: Those that are not monotonic: their slope cannot be computed from their output.
_TURNING = frozenset({"gelu", "silu", "swish", "mish", "hard_swish"})


def activation(x: AnyInput) -> OpCost:
    """Any monotonic function of each element: the shape stays, nothing is learnt; its slope follows from the output.

    >>> activation((112, 112, 32)).out
    ((112, 112, 32),)
    """
    return OpCost(out=(x,), saves=("outputs",))


def turning_activation(x: AnyInput) -> OpCost:
    """As `activation`, but the slope follows from the input only."""
    return OpCost(out=(x,), saves=("inputs",))


#: Softmax reads all channels of a position.
_TRAITS = {"softmax": NOTHING}
_RULES = {**dict.fromkeys(ACTIVATIONS, activation), **dict.fromkeys(_TURNING, turning_activation)}
for _name, _formula in ACTIVATIONS.items():
    op(_name, _TRAITS.get(_name, ELEMENTWISE), f"Put out {_formula}.\n\nShape unchanged; no params, no MACs.")(
        _RULES[_name]
    )


@op("prelu", ELEMENTWISE)
def prelu(x: AnyInput) -> OpCost:
    """Return x where x > 0, else a learnt multiple of x.

    Shape unchanged. Params: one slope per channel.

    >>> prelu((28, 28, 64)).params
    64

    Source: He et al. (arXiv 1502.01852).
    """
    return OpCost(out=(x,), weights=x[-1], saves=("inputs",))
