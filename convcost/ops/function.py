"""Element-wise functions that have no op of their own: of one tensor, and of several that stretch to each other.

Which function it is changes no count of the ledger; conventions may tell them apart, as variants.
"""

from convcost.core.cost import Check, OpCost, Saved
from convcost.core.dims import either, equal, product, stretched
from convcost.ops.attributes import AnyInput, OfOne, OfSeveral
from convcost.ops.registry import op
from convcost.ops.traits import ELEMENTWISE, NOTHING

#: What the derivative needs, for those that need anything: y' from y, as exp' = y, sqrt' = 1 / 2y, tan' = 1 + y²; or from x.
_SAVES_OF_ONE: dict[str, tuple[Saved, ...]] = {
    **dict.fromkeys(("exp", "exp2", "expm1", "sqrt", "rsqrt", "reciprocal", "tan"), ("outputs",)),
    **dict.fromkeys(("celu", "clip", "hard_tanh"), ("outputs",)),
    **dict.fromkeys(("log", "log1p", "log2", "log10", "power", "square", "abs", "erf", "erfc"), ("inputs",)),
    **dict.fromkeys(("sin", "cos", "asin", "acos", "atan"), ("inputs",)),
    **dict.fromkeys(("sinh", "cosh", "asinh", "acosh", "atanh"), ("inputs",)),
    **dict.fromkeys(("softsign", "log_sigmoid", "threshold", "hard_shrink", "soft_shrink"), ("inputs",)),
}
#: A sum's derivative is 1 and a comparison has none; of a product it is the other factors, of a maximum which was larger.
_SAVES_OF_SEVERAL: dict[str, tuple[Saved, ...]] = dict.fromkeys(
    ("multiply", "divide", "modulo", "power", "minimum", "maximum", "atan2", "squared_difference", "where"), ("inputs",)
)


#: Functions that take an exponential, a root or a power of each element; the others move, compare or multiply it.
EXPONENTIALS = frozenset(
    {
        *("exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "power", "sqrt", "rsqrt", "erf", "erfc", "celu"),
        *("softsign", "log_sigmoid", "sin", "cos", "tan", "asin", "acos", "atan"),
        *("sinh", "cosh", "asinh", "acosh", "atanh"),
    }
)
#: Answers that are true or false, and arithmetic on bits: no gradient passes. It passes through a sign or a rounding, which
#: networks are trained with as if it were none (Bengio et al., arXiv 1308.3432: the straight-through estimator).
_FLAT = dict.fromkeys(
    (
        *("logical_not", "bitwise_not", "is_nan", "is_inf", "is_finite"),
        *("floor_divide", "equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
        *("logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor"),
        *("shift_left", "shift_right"),
    ),
    True,
)


@op("function", ELEMENTWISE, says="of")
def function(x: AnyInput, *, of: OfOne) -> OpCost:
    """Compute a fixed function of each element that has no op of its own: exp, sqrt, abs, round, cast ….

    Shape unchanged; no params, no MACs. `of` is the function's word. `power` is to a fixed exponent; `scale` multiplies
    with a fixed number, and `shift` adds one (learnt ones are the op scale); `clip` limits to fixed bounds; `cast`,
    `quantize` and `dequantize` change the type of the elements.

    >>> function((197, 768), of="erf").out
    ((197, 768),)
    """
    return OpCost(out=(x,), variant=of, saves=_SAVES_OF_ONE.get(of, ()), flat=_FLAT.get(of, False))


@op("combine", NOTHING, says="function")
def combine(x: AnyInput, *others: AnyInput, function: OfSeveral) -> OpCost:
    """Compute a function of the elements at one place in several tensors: subtract, divide, maximum, equal, where ….

    (h, w, c), (h or 1, w or 1, c or 1), … -> (h, w, c). All stretch to each other: sizes in an axis are equal or 1, and
    leading axes may be left out. add and multiply do the same for the first input only, and refuse what would enlarge it.
    Counts one operation for each element of the output and each input but the first.

    >>> combine((8, 1), (1, 5), function="subtract").out, combine((8, 1), (1, 5), function="subtract").elementwise
    (((8, 5),), 40)
    >>> combine((12, 50, 50), (50, 50), (1,), function="where").elementwise  # 2 · 12·50·50
    60000

    Source: numpy's rules of broadcasting, which ONNX, TensorFlow and PyTorch share.
    """
    shapes = (x, *others)
    out = stretched(shapes)
    places = " and ".join(f"{{{i}}}" for i, _ in enumerate(shapes))
    need = "combine needs shapes that stretch to each other (by sizes of 1 or missing leading axes), got " + places
    return OpCost(
        out=(out,),
        elementwise=len(others) * product(out),
        variant=function,
        saves=_SAVES_OF_SEVERAL.get(function, ()),
        flat=_FLAT.get(function, False),
        checks=tuple(
            Check(either(equal(size, whole), equal(size, 1)), need, shapes)
            for shape in shapes
            for size, whole in zip(shape[::-1], out[::-1])
        ),
    )
