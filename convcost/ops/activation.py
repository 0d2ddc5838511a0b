"""Activation functions: shape unchanged, no parameters (except prelu); element-wise, but for the softmaxes."""

from dataclasses import replace

from convcost.core.cost import Check, OpCost
from convcost.core.dims import divides
from convcost.ops.attributes import AnyInput, Axis, Size
from convcost.ops.registry import op
from convcost.ops.select import has_axis
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


#: Those that are made of straight lines; all others take an exponential of each element.
_STRAIGHT = ("relu", "relu6", "leaky_relu", "hard_swish", "hard_sigmoid")
_CURVED = replace(ELEMENTWISE, computes="exponentials")
_TRAITS = {**dict.fromkeys(ACTIVATIONS, _CURVED), **dict.fromkeys(_STRAIGHT, ELEMENTWISE)}
_RULES = {**dict.fromkeys(ACTIVATIONS, activation), **dict.fromkeys(_TURNING, turning_activation)}
for _name, _formula in ACTIVATIONS.items():
    op(_name, _TRAITS[_name], f"Put out {_formula}.\n\nShape unchanged; no params, no MACs.")(_RULES[_name])


@op("prelu", ELEMENTWISE)
def prelu(x: AnyInput) -> OpCost:
    """Return x where x > 0, else a learnt multiple of x.

    Shape unchanged. Params: one slope per channel.

    >>> prelu((28, 28, 64)).params
    64

    Source: He et al. (arXiv 1502.01852).
    """
    return OpCost(out=(x,), weights=x[-1], saves=("inputs",))


@op("softmax", replace(NOTHING, attends="softmax", computes="exponentials", drawn="after"))
def softmax(x: AnyInput, *, axis: Axis = "channels") -> OpCost:
    """Divide exp(x) by the sum of exp along an axis, by default the channels.

    Shape unchanged; no params, no MACs. Each element depends on all others along the axis, so that it is not
    element-wise: the whole tensor has to be there.

    The weights of attention, which sum to 1 over the 197 tokens that are read:

    >>> softmax((12, 197, 197)).out
    ((12, 197, 197),)
    """
    return OpCost(out=(x,), saves=("outputs",), checks=(has_axis(x, axis),))


@op("log_softmax", replace(NOTHING, computes="exponentials", drawn="after"))
def log_softmax(x: AnyInput, *, axis: Axis = "channels") -> OpCost:
    """Take the logarithm of the softmax along an axis, by default the channels.

    Shape unchanged; no params, no MACs.

    >>> log_softmax((25, 80)).out
    ((25, 80),)
    """
    return OpCost(out=(x,), saves=("outputs",), checks=(has_axis(x, axis),))


@op("split_softmax", replace(NOTHING, computes="exponentials", drawn="after"))
def split_softmax(x: AnyInput, *, parts: Size) -> OpCost:
    """Cut the channels into `parts` equal parts and take the softmax over these: over all first channels, all second, ….

    Shape unchanged; parts must divide the channels. No params, no MACs. The weights of the branches of a split attention.

    >>> split_softmax((1, 1, 128), parts=2).out
    ((1, 1, 128),)

    Source: Zhang et al., ResNeSt (arXiv 2004.08955), equation 3 (r-Softmax); selective kernels (arXiv 1903.06586).
    """
    need = "parts must divide the channels, got {0} for {1} channels"
    fit = Check(divides(parts, x[-1]), need, (parts, x[-1]), of_shape=False)
    return OpCost(out=(x,), saves=("outputs",), checks=(fit,))
