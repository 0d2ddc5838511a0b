"""Norms that compute their statistics from the input itself: mostly several kernels, as Keras writes them."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.core.axes import position
from convcost.core.dims import Dim, Shape, equal
from convcost.deploy.lowering.rules import Lowering, refused, rule
from convcost.graph.walk import Step


@rule("local_response_norm")
def local_response_norm(low: Lowering, step: Step) -> None:
    """LOCAL_RESPONSE_NORMALIZATION, which computes with floats only."""
    x = low.read(step)
    radius = step.node.attrs["size"] // 2
    low.in_floats("LOCAL_RESPONSE_NORMALIZATION", step, (x,), low.shape(x), edge=step.node.name, radius=radius)


@rule("l2_normalize")
def l2_normalize(low: Lowering, step: Step) -> None:
    """L2_NORMALIZATION over the last axis."""
    x, rank = low.read(step), len(step.input_shapes[0])
    if position(rank, step.node.attrs["axis"]) != rank - 1:
        raise refused(step, "TFLite normalises to length 1 along the last axis only")
    low.emit("L2_NORMALIZATION", step, (x,), low.shape(x), edge=step.node.name, fused_activation_function="NONE")


@rule("layer_norm")
def layer_norm(low: Lowering, step: Step) -> None:
    """A dozen kernels: mean, variance, and what scales and shifts.

    Scale and shift become one factor and one summand of each element first, so that x is multiplied once and added to once.
    """
    x, attrs = low.read(step), step.node.attrs
    shape, rank = low.shape(x), len(step.input_shapes[0])
    axes = sorted({(position(rank, axis) or 0) + 1 for axis in attrs["axes"]})
    small = tuple(1 if at in axes else size for at, size in enumerate(shape))
    learnt = tuple(size if at in axes else 1 for at, size in enumerate(shape))
    mean = low.emit("MEAN", step, (x, low.numbers(*axes)), small, keep_dims=True)
    negative = low.in_floats("NEG", step, (mean,), small)
    apart = low.emit("SQUARED_DIFFERENCE", step, (x, mean), shape)
    edge, word = low.activated(step.node.name)
    _normalised(low, step, x, (negative, apart), axes, learnt, edge, word)


@rule("group_norm")
def group_norm(low: Lowering, step: Step) -> None:
    """As a layer norm, between a RESHAPE to groups and their channels and one back."""
    x, groups = low.read(step), step.node.attrs["groups"]
    shape = low.shape(x)
    apart = (*shape[:-1], groups, shape[-1] // groups)
    rank = len(apart)
    axes = (*range(1, rank - 2), rank - 1)
    small = (*(1,) * (rank - 2), groups, 1)
    learnt = (*(1,) * (rank - 2), groups, shape[-1] // groups)
    grouped = low.emit("RESHAPE", step, (x, low.numbers(*apart)), apart)
    mean = low.emit("MEAN", step, (grouped, low.numbers(*axes)), small, keep_dims=True)
    negative = low.in_floats("NEG", step, (mean,), small)
    centred = low.emit("SUB", step, (grouped, mean), apart, fused_activation_function="NONE")
    squared = low.in_floats("SQUARE", step, (centred,), apart)
    edge, word = low.activated(step.node.name)
    made = _normalised(low, step, grouped, (negative, squared), axes, learnt, "", word)
    low.emit("RESHAPE", step, (made, low.numbers(*shape)), shape, edge=edge)


def _normalised(
    low: Lowering,
    step: Step,
    x: int,
    statistics: tuple[int, int],
    axes: Sequence[int],
    learnt: Shape,
    edge: str,
    activation: str,
) -> int:
    """A tensor by its mean over axes, taken negative, and the squares of what it differs from that by."""
    attrs, name, (negative, squares) = step.node.attrs, step.node.name, statistics
    small = low.shape(negative)
    variance = low.emit("MEAN", step, (squares, low.numbers(*axes)), small, keep_dims=True)
    epsilon = low.constant((), low.types.activations, ("epsilon",), scales=1)
    above = low.emit("ADD", step, (variance, epsilon), small, fused_activation_function="NONE")
    factor = low.emit("RSQRT", step, (above,), small)
    if attrs["scale"]:
        scale = low.factors(f"{name}.weights", learnt)
        factor = _product(low, step, factor, scale)
    shift = _product(low, step, negative, factor)
    if attrs["shift"]:
        added = low.factors(f"{name}.biases", learnt)
        shift = low.emit("ADD", step, (shift, added), _wide(low, shift, added), fused_activation_function="NONE")
    scaled = _product(low, step, x, factor)
    return low.emit("ADD", step, (scaled, shift), low.shape(x), edge=edge, fused_activation_function=activation)


def _product(low: Lowering, step: Step, x: int, y: int) -> int:
    return low.emit("MUL", step, (x, y), _wide(low, x, y), fused_activation_function="NONE")


def _wide(low: Lowering, x: int, y: int) -> Shape:
    """What two shapes of one rank, equal or 1 along each axis, stretch to."""
    pairs: Sequence[tuple[Dim, Dim]] = tuple(zip(low.shape(x), low.shape(y), strict=True))
    return tuple(other if bool(equal(one, 1)) else one for one, other in pairs)
