"""Element-wise ops: activations, batch-norms that nothing takes in, sums, products."""

from __future__ import annotations

from convcost.deploy.lowering.rules import FUSED, Lowering, batched, refused, rule
from convcost.graph.walk import Step

#: Activations that have a kernel of their own.
KERNELS = {
    **FUSED,
    "leaky_relu": "LEAKY_RELU",
    "elu": "ELU",
    "gelu": "GELU",
    "hard_swish": "HARD_SWISH",
    "sigmoid": "LOGISTIC",
    "tanh": "TANH",
}


@rule(*KERNELS)
def activation(low: Lowering, step: Step) -> None:
    """An activation after a kernel that has none of its own."""
    x = low.read(step)
    emit = low.in_floats if step.node.op == "elu" else low.emit
    emit(KERNELS[step.node.op], step, (x,), low.shape(x), edge=step.node.name)


@rule("silu", "swish")
def silu(low: Lowering, step: Step) -> None:
    """The product x · sigmoid(x): LOGISTIC, MUL."""
    x = low.read(step)
    gate = low.emit("LOGISTIC", step, (x,), low.shape(x))
    low.emit("MUL", step, (x, gate), low.shape(x), edge=step.node.name, fused_activation_function="NONE")


@rule("hard_sigmoid")
def hard_sigmoid(low: Lowering, step: Step) -> None:
    """relu6(x + 3) / 6: ADD with RELU6, MUL. After a convolution the 3 goes into its bias."""
    x = low.read(step)
    three, sixth = (low.constant((), low.types.activations, (one,), scales=1) for one in ("three", "sixth"))
    clipped = low.emit("ADD", step, (x, three), low.shape(x), fused_activation_function="RELU6")
    low.emit("MUL", step, (clipped, sixth), low.shape(x), edge=step.node.name, fused_activation_function="NONE")


@rule("prelu")
def prelu(low: Lowering, step: Step) -> None:
    """PRELU, with a slope for each channel."""
    x = low.read(step)
    rank, channels = len(low.shape(x)) - 1, low.shape(x)[-1]
    slopes = low.factors(f"{step.node.name}.weights", (*(1,) * (rank - 1), channels))
    low.emit("PRELU", step, (x, slopes), low.shape(x), edge=step.node.name)


@rule("batch_norm", "scale")
def affine(low: Lowering, step: Step) -> None:
    """MUL and ADD per channel, where there is no kernel before it that could take them in."""
    x, name = low.read(step), step.node.name
    shifts = step.node.op == "batch_norm" or bool(step.node.attrs["shift"])
    factors = low.factors(f"{name}.weights", low.shape(x)[-1:])
    if not shifts:
        edge, word = low.activated(name)
        low.emit("MUL", step, (x, factors), low.shape(x), edge=edge, fused_activation_function=word)
        return
    scaled = low.emit("MUL", step, (x, factors), low.shape(x), fused_activation_function="NONE")
    shift = low.factors(f"{name}.biases", low.shape(x)[-1:])
    edge, word = low.activated(name)
    low.emit("ADD", step, (scaled, shift), low.shape(x), edge=edge, fused_activation_function=word)


@rule("add", "multiply")
def join(low: Lowering, step: Step) -> None:
    """ADD or MUL, one for each operand but the first; those of fewer axes stretch, as a batch of one stands before them."""
    kernel = {"add": "ADD", "multiply": "MUL"}[step.node.op]
    total, out = low.read(step), batched(step.cost.out[0])
    operands = [low.read(step, at) for at in range(1, len(step.node.inputs))]
    for operand in operands[:-1]:
        total = low.emit(kernel, step, (total, operand), out, fused_activation_function="NONE")
    edge, word = low.activated(step.node.name)
    low.emit(kernel, step, (total, operands[-1]), out, edge=edge, fused_activation_function=word)


#: Functions of one tensor -> their kernels, and those of them that compute with floats only.
FUNCTIONS = {
    "exp": "EXP",
    "log": "LOG",
    "sqrt": "SQRT",
    "rsqrt": "RSQRT",
    "abs": "ABS",
    "square": "SQUARE",
    "negate": "NEG",
    "sign": "SIGN",
    "sin": "SIN",
    "cos": "COS",
    "floor": "FLOOR",
    "ceil": "CEIL",
    "round": "ROUND",
}
FLOATS = frozenset({"SQUARE", "NEG", "SIGN", "SIN", "COS", "FLOOR", "CEIL", "ROUND"})
#: Functions of several tensors -> their kernels.
COMBINED = {
    "add": "ADD",
    "subtract": "SUB",
    "multiply": "MUL",
    "divide": "DIV",
    "minimum": "MINIMUM",
    "maximum": "MAXIMUM",
    "squared_difference": "SQUARED_DIFFERENCE",
}


@rule("function")
def function(low: Lowering, step: Step) -> None:
    """A kernel, or an element-wise one with a fixed operand."""
    x, of, name = low.read(step), step.node.attrs["of"], step.node.name
    if of in FUNCTIONS:
        emit = low.in_floats if FUNCTIONS[of] in FLOATS else low.emit
        emit(FUNCTIONS[of], step, (x,), low.shape(x), edge=name)
    elif of in ("scale", "shift"):
        edge, word = low.activated(name)
        operand = low.factors(f"{name}.constant", ())
        kernel = {"scale": "MUL", "shift": "ADD"}[of]
        low.emit(kernel, step, (x, operand), low.shape(x), edge=edge, fused_activation_function=word)
    else:
        raise refused(step, f"{of} of each element is not lowered to TFLite's kernels by convcost")


@rule("combine")
def combine(low: Lowering, step: Step) -> None:
    """A kernel for each operand but the first; a quotient of integers is computed with floats."""
    of, out = step.node.attrs["function"], batched(step.cost.out[0])
    if of not in COMBINED or len(step.node.inputs) != 2:
        raise refused(step, f"{of} of {len(step.node.inputs)} tensors is not lowered to TFLite's kernels by convcost")
    operands = (low.read(step), low.read(step, 1))
    if of == "divide" and low.types.quantised:
        raise refused(step, "TFLite divides floats only")
    low.emit(COMBINED[of], step, operands, out, edge=step.node.name)


@rule("softplus")
def softplus(low: Lowering, step: Step) -> None:
    """The logarithm of exp(x) + 1: EXP, ADD, LOG."""
    x, one = low.read(step), low.constant((), low.types.activations, ("one",), scales=1)
    grown = low.emit("EXP", step, (x,), low.shape(x))
    above = low.emit("ADD", step, (grown, one), low.shape(x), fused_activation_function="NONE")
    low.emit("LOG", step, (above,), low.shape(x), edge=step.node.name)
