"""Ops that bring branches together."""

from convcost.core.axes import resized, size_of, worded
from convcost.core.cost import Check, OpCost
from convcost.core.dims import Shape, either, equal, negate, product
from convcost.ops.attributes import AnyInput, Axis, Flag
from convcost.ops.registry import op
from convcost.ops.select import has_axis
from convcost.ops.traits import CONCAT, GATE, SUM


@op("add", SUM)
def add(x: AnyInput, *others: AnyInput, broadcast: Flag = False) -> OpCost:
    """Add tensors, element-wise: of equal shape, or stretched to the shape of the first with `broadcast`.

    (h, w, c), (h, w, c), … -> (h, w, c). Unequal shapes are an error unless `broadcast: true` says that the others may
    have size 1 in any axis, or lack axes before their first: a bias for each channel (c,), one for each token (t, 1).

    >>> add((56, 56, 64), (56, 56, 64)).out
    ((56, 56, 64),)
    >>> add((12, 197, 197), (1, 197, 197), broadcast=True).out  # a position bias for all heads of attention
    ((12, 197, 197),)
    """
    shapes = (x, *others)
    given = _listed(shapes)
    need = {
        False: "add needs equal shapes, got " + given,
        True: "add with broadcast needs shapes that stretch to the first (by sizes of 1 or missing leading axes), got "
        + given,
    }[broadcast]
    stretch = "add needs equal shapes, got " + given + "; broadcast: true stretches all to the first"
    return OpCost(
        out=(x,),
        elementwise=len(others) * product(x),
        checks=tuple(
            check
            for other in others
            for check in (
                # Where the others have more axes, or differ in more than that, that alone is said.
                Check(either(broadcast, len(x) <= len(other)), stretch, shapes),
                *_stretches(x, other, need, shapes),
                *(
                    Check(
                        either(either(broadcast, len(x) < len(other)), either(equal(a, b), negate(equal(b, 1)))),
                        stretch,
                        shapes,
                    )
                    for a, b in zip(x[::-1], other[::-1])
                ),
            )
        ),
    )


@op("multiply", GATE)
def multiply(x: AnyInput, *gates: AnyInput) -> OpCost:
    """Multiply a tensor by gates, element-wise; a gate may be one number per channel (1×1×c, or a vector) or per position.

    (h, w, c), (h or 1, w or 1, c or 1), … -> (h, w, c). Gates are stretched to the shape of the first input: they may
    have size 1 in any axis, or lack axes before their first. They never enlarge it.

    >>> multiply((14, 14, 672), (1, 1, 672)).out
    ((14, 14, 672),)
    >>> multiply((14, 14, 672), (672,)).elementwise, multiply((56, 56, 64), (56, 56, 1)).elementwise
    (131712, 200704)

    Source: Hu et al., Squeeze-and-Excitation Networks (arXiv 1709.01507), equation 4; CBAM (arXiv 1807.06521).
    """
    shapes = (x, *gates)
    need = "multiply needs gates of shape {0} (any size may be 1, leading axes may be left out), got "
    need += _listed(gates, first=1)
    return OpCost(
        out=(x,),
        elementwise=len(gates) * product(x),
        saves=("inputs",),
        checks=tuple(check for gate in gates for check in _stretches(x, gate, need, shapes)),
    )


@op("concat", CONCAT)
def concat(x: AnyInput, *others: AnyInput, axis: Axis = "channels") -> OpCost:
    """Concatenate tensors along an axis, by default the channels.

    (h, w, c1), (h, w, c2), … -> (h, w, c1 + c2 + …); all other axes must agree.

    The four branches of GoogLeNet's inception (3a):

    >>> concat((28, 28, 64), (28, 28, 128), (28, 28, 32), (28, 28, 32)).out
    ((28, 28, 256),)
    """
    shapes, rest = (x, *others), resized(x, axis, 1)
    need = "concat needs shapes that agree in all axes but " + worded(axis) + ", got " + _listed(shapes)
    return OpCost(
        out=(resized(x, axis, sum((size_of(other, axis) for other in others), size_of(x, axis))),),
        checks=(
            has_axis(x, axis),
            # Both get the same size along the axis, so that only the others are compared.
            *(check for other in others for check in _equal_shapes(rest, resized(other, axis, 1), need, shapes)),
        ),
    )


def _stretches(x: Shape, other: Shape, need: str, shapes: tuple[Shape, ...]) -> tuple[Check, ...]:
    """That a shape is that of x, but for sizes of 1 and for leading axes that it lacks; one check for each axis."""
    return (
        Check(len(x) >= len(other), need, shapes),
        *(Check(either(equal(a, b), equal(b, 1)), need, shapes) for a, b in zip(x[::-1], other[::-1])),
    )


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
