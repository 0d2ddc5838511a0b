"""Element-wise ops: activations, batch-norms that nothing takes in, sums, products."""

from __future__ import annotations

from convcost.core.dims import Shape
from convcost.deploy.lowering.rules import FUSED, Lowering, batched, rule
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
    low.emit(KERNELS[step.node.op], step, (x,), low.shape(x), edge=step.node.name)


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
    """ADD or MUL, one for each operand but the first."""
    kernel = {"add": "ADD", "multiply": "MUL"}[step.node.op]
    total, out = low.read(step), batched(step.cost.out[0])
    operands = [aligned(low, step, low.read(step, at), out) for at in range(1, len(step.node.inputs))]
    for operand in operands[:-1]:
        total = low.emit(kernel, step, (total, operand), out, fused_activation_function="NONE")
    edge, word = low.activated(step.node.name)
    low.emit(kernel, step, (total, operands[-1]), out, edge=edge, fused_activation_function=word)


def aligned(low: Lowering, step: Step, x: int, wanted: Shape) -> int:
    """An operand with as many axes as the result: ones before the first, but behind the batch."""
    shape = low.shape(x)
    lacks = len(wanted) - len(shape)
    if not lacks:
        return x
    wider = (1, *(1,) * lacks, *shape[1:])
    return low.emit("RESHAPE", step, (x, low.numbers(*wider)), wider)
