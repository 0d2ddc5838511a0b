"""Ops that bring branches together."""

from convcost.core.axes import has, kind, resized, size_of
from convcost.core.cost import Check, OpCost
from convcost.core.dims import Shape, either, equal, product
from convcost.ops.attributes import AnyInput, AxisName
from convcost.ops.registry import op
from convcost.ops.traits import CONCAT, GATE, SUM


@op("add", SUM)
def add(x: AnyInput, *others: AnyInput) -> OpCost:
    """Add tensors of equal shape, element-wise.

    (h, w, c), (h, w, c), … -> (h, w, c). Nothing is broadcast: unequal shapes are an error.

    >>> add((56, 56, 64), (56, 56, 64)).out
    ((56, 56, 64),)
    """
    shapes = (x, *others)
    need = "add needs equal shapes, got " + _listed(shapes)
    return OpCost(
        out=(x,),
        elementwise=len(others) * product(x),
        checks=tuple(check for other in others for check in _equal_shapes(x, other, need, shapes)),
    )


@op("multiply", GATE)
def multiply(x: AnyInput, *gates: AnyInput) -> OpCost:
    """Multiply a tensor by gates, element-wise; a gate may be one number per channel (1×1×c).

    (h, w, c), (h or 1, w or 1, c), … -> (h, w, c). Gates are broadcast to the shape of the first input.

    >>> multiply((14, 14, 672), (1, 1, 672)).out
    ((14, 14, 672),)

    Source: Hu et al., Squeeze-and-Excitation Networks (arXiv 1709.01507), equation 4.
    """
    need = "multiply needs gates of shape {0} (height and width may be 1), got " + _listed(gates, first=1)
    flat = (
        "multiply needs gates that are maps, such as 1×1×{0}, got a vector of {1}: "
        "put no flatten before a gate, and conv2d with kernel: 1 in the place of linear"
    )
    shapes = (x, *gates)
    return OpCost(
        out=(x,),
        elementwise=len(gates) * product(x),
        saves=("inputs",),
        checks=tuple(
            check
            for gate in gates
            for check in (
                Check(len(x) <= len(gate), flat, (x[-1], gate)),
                Check(len(x) >= len(gate), need, shapes),
                # Of a gate with other axes, that alone is said.
                Check(either(len(x) != len(gate), equal(x[-1], gate[-1])), need, shapes),
                *(Check(either(equal(a, b), equal(b, 1)), need, shapes) for a, b in zip(x[:-1], gate[:-1])),
            )
        ),
    )


@op("concat", CONCAT)
def concat(x: AnyInput, *others: AnyInput, axis: AxisName = "channels") -> OpCost:
    """Concatenate tensors along an axis, by default the channels.

    (h, w, c1), (h, w, c2), … -> (h, w, c1 + c2 + …); all other axes must agree.

    The four branches of GoogLeNet's inception (3a):

    >>> concat((28, 28, 64), (28, 28, 128), (28, 28, 32), (28, 28, 32)).out
    ((28, 28, 256),)
    """
    shapes = (x, *others)
    need = "concat needs shapes that agree in all axes but " + axis + ", got " + _listed(shapes)
    return OpCost(
        out=(resized(x, axis, sum((size_of(other, axis) for other in others), size_of(x, axis))),),
        checks=(
            has_axis(x, axis),
            # Both get the same size along the axis, so that only the others are compared.
            *(
                check
                for other in others
                for check in _equal_shapes(resized(x, axis, 1), resized(other, axis, 1), need, shapes)
            ),
        ),
    )


def has_axis(x: Shape, axis: str) -> Check:
    """That there is an axis of this name."""
    return Check(has(len(x), axis), kind(len(x)) + " of {0} has no " + axis, (x,))


def _equal_shapes(x: Shape, other: Shape, need: str, shapes: tuple[Shape, ...]) -> tuple[Check, ...]:
    """One check per axis, after one for the rank; all have the same message about all inputs."""
    return (
        Check(len(x) == len(other), need, shapes),
        *(Check(equal(a, b), need, shapes) for a, b in zip(x, other)),
    )


def _listed(shapes: tuple[Shape, ...], first: int = 0) -> str:
    """The places of operands in a message: {0}, {1} and {2}.

    >>> _listed(((8,), (8,), (9,))), _listed(((8,),), first=1)
    ('{0}, {1} and {2}', '{1}')
    """
    places = [f"{{{i}}}" for i, _ in enumerate(shapes, first)]
    return " and ".join(filter(None, (", ".join(places[:-1]), *places[-1:])))
