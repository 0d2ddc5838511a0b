"""Operations of Keras, `keras.ops`, that compute, and the functions of TensorFlow that older files have in their place."""

from __future__ import annotations

import operator
import re
from collections.abc import Sequence
from typing import Any

from convcost.core.dims import Dim, product
from convcost.core.errors import Unfit
from convcost.core.units import say
from convcost.importers.build import along, combined, matrix_product, reduced, squeezed, taken, unsqueezed, with_axes
from convcost.importers.contents import Known, floored
from convcost.importers.keras.activations import KINDS, WORDS, softmax
from convcost.importers.keras.calls import Steps, argument, as_count, axes_of, axis_of, operation, setting, value_of
from convcost.importers.keras.values import Tensor
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.values import Value, transposed

# -- element-wise ------------------------------------------------------------------------------------------------------

#: Operation -> the word of `combine`, and what it makes of numbers.
ARITHMETIC: dict[str, tuple[str, Any]] = {
    "Add": ("add", operator.add),
    "Subtract": ("subtract", operator.sub),
    "Multiply": ("multiply", operator.mul),
    "Divide": ("divide", None),
    "TrueDivide": ("divide", None),
    "DivideNoNan": ("divide", None),
    "FloorDivide": ("floor_divide", floored),
    "Mod": ("modulo", None),
    "Fmod": ("modulo", None),
    "Power": ("power", None),
    "Maximum": ("maximum", None),
    "Minimum": ("minimum", None),
    "Fmax": ("maximum", None),
    "Fmin": ("minimum", None),
    "Arctan2": ("atan2", None),
    "Equal": ("equal", None),
    "NotEqual": ("not_equal", None),
    "Less": ("less", None),
    "LessEqual": ("less_equal", None),
    "Greater": ("greater", None),
    "GreaterEqual": ("greater_equal", None),
    "LogicalAnd": ("logical_and", None),
    "LogicalOr": ("logical_or", None),
    "LogicalXor": ("logical_xor", None),
    "BitwiseAnd": ("bitwise_and", None),
    "BitwiseOr": ("bitwise_or", None),
    "BitwiseXor": ("bitwise_xor", None),
}
#: Function of TensorFlow -> the operation of Keras that it is, its tensors called x and y.
TF_ARITHMETIC = {
    "__operators__.add": "Add",
    "math.add": "Add",
    "add": "Add",
    "math.subtract": "Subtract",
    "subtract": "Subtract",
    "math.multiply": "Multiply",
    "multiply": "Multiply",
    "math.divide": "Divide",
    "math.truediv": "Divide",
    "divide": "Divide",
    "math.divide_no_nan": "Divide",
    "math.floordiv": "FloorDivide",
    "math.floormod": "Mod",
    "math.pow": "Power",
    "pow": "Power",
    "math.maximum": "Maximum",
    "maximum": "Maximum",
    "math.minimum": "Minimum",
    "minimum": "Minimum",
    "math.equal": "Equal",
    "math.not_equal": "NotEqual",
    "math.less": "Less",
    "math.less_equal": "LessEqual",
    "math.greater": "Greater",
    "math.greater_equal": "GreaterEqual",
    "math.logical_and": "LogicalAnd",
    "math.logical_or": "LogicalOr",
}


@operation(*ARITHMETIC, tf=tuple(TF_ARITHMETIC), wants="same")
def arithmetic(low: Lowering, op: Op) -> None:
    name = op.type.removeprefix("ops.")
    names = ("x1", "x2")
    if op.type.startswith("tf."):
        name, names = TF_ARITHMETIC[op.type.removeprefix("tf.")], ("x", "y")
    function, compute = ARITHMETIC[name]
    given = [argument(op, each, place) for place, each in enumerate(names)]
    if None in given:  # bitwise operations and some of TensorFlow call them so
        given = [argument(op, each, place) for place, each in enumerate(("x", "y"))]
    combined(low, op, function, [value_of(low, op, each) for each in given], compute)


@operation("Where", tf=("where",), wants="same")
def where(low: Lowering, op: Op) -> None:
    names = ("condition", "x", "y") if op.type == "tf.where" else ("condition", "x1", "x2")
    given = [argument(op, name, place) for place, name in enumerate(names)]
    if None in given:
        raise Unsupported("places of what is not 0")
    combined(low, op, "where", [value_of(low, op, each) for each in given])


#: Operation -> the word of `function`.
FUNCTIONS = {
    "Absolute": "abs",
    "Abs": "abs",
    "Fabs": "abs",
    "Arccos": "acos",
    "Arccosh": "acosh",
    "Arcsin": "asin",
    "Arcsinh": "asinh",
    "Arctan": "atan",
    "Arctanh": "atanh",
    "BitwiseInvert": "bitwise_not",
    "BitwiseNot": "bitwise_not",
    "Ceil": "ceil",
    "Clip": "clip",
    "Cos": "cos",
    "Cosh": "cosh",
    "Erf": "erf",
    "Erfc": "erfc",
    "Exp": "exp",
    "Exp2": "exp2",
    "Expm1": "expm1",
    "Floor": "floor",
    "Isfinite": "is_finite",
    "Isinf": "is_inf",
    "Isnan": "is_nan",
    "Log": "log",
    "Log10": "log10",
    "Log1p": "log1p",
    "Log2": "log2",
    "LogicalNot": "logical_not",
    "Negative": "negate",
    "Reciprocal": "reciprocal",
    "Round": "round",
    "Rsqrt": "rsqrt",
    "SaturateCast": "cast",
    "Sign": "sign",
    "Sin": "sin",
    "Sinh": "sinh",
    "Sqrt": "sqrt",
    "Square": "square",
    "Tan": "tan",
    "Trunc": "truncate",
}
TF_FUNCTIONS = {
    "math.abs": "abs",
    "math.exp": "exp",
    "math.log": "log",
    "math.log1p": "log1p",
    "math.negative": "negate",
    "math.reciprocal": "reciprocal",
    "math.round": "round",
    "math.rsqrt": "rsqrt",
    "math.sign": "sign",
    "math.sin": "sin",
    "math.cos": "cos",
    "math.sqrt": "sqrt",
    "sqrt": "sqrt",
    "math.square": "square",
    "square": "square",
    "math.floor": "floor",
    "math.ceil": "ceil",
    "math.erf": "erf",
    "clip_by_value": "clip",
    "math.logical_not": "logical_not",
}


@operation(*FUNCTIONS, tf=tuple(TF_FUNCTIONS), wants="same")
def function(low: Lowering, op: Op) -> None:
    x = low.read(op)
    if x.is_constant:
        low.computed(op, [x], Known(x.shape, ()))
        return
    name = op.type.partition(".")[2]
    of = TF_FUNCTIONS[name] if op.type.startswith("tf.") else FUNCTIONS[name]
    bounds = (argument(op, "x_min", 1), argument(op, "x_max", 2)) if of == "clip" else ()
    if bounds == (0, 6):
        low.pointwise(op, "relu6", x)
    else:
        low.pointwise(op, "function", x, {"of": of})


#: Class of an operation -> the activation that it is.
ACTIVATIONS = {
    "".join(part.title() for part in name.split("_")): name
    for name in (*KINDS, *WORDS)
    if name not in ("swish", "hard_swish", "gelu_approximate")
}


@operation(
    *ACTIVATIONS,
    tf=(
        *("nn.relu", "nn.relu6", "nn.silu", "nn.swish", "nn.gelu", "nn.elu", "nn.selu", "nn.leaky_relu", "nn.sigmoid"),
        *("nn.tanh", "math.sigmoid", "sigmoid", "math.tanh", "tanh", "math.softplus", "nn.softplus", "nn.softsign"),
    ),
    wants="same",
)
def activation(low: Lowering, op: Op) -> None:
    name = op.type.rpartition(".")[2]
    name = ACTIVATIONS.get(name, name)
    x = low.read(op)
    if name in KINDS:
        low.pointwise(op, KINDS[name], x)
    else:
        low.pointwise(op, "function", x, {"of": WORDS[name]})


@operation("Softmax", "LogSoftmax", tf=("nn.softmax", "nn.log_softmax", "compat.v1.nn.softmax"), wants="same")
def softmaxes(low: Lowering, op: Op) -> None:
    softmax(low, op, low.read(op), argument(op, "axis", 1), log="og" in op.type.rpartition(".")[2][:3])


@operation("Glu", wants="same")
def glu(low: Lowering, op: Op) -> None:
    """One half of the channels times the sigmoid of the other."""
    x, steps = low.read(op), Steps(low, op)
    axis = axis_of(argument(op, "axis", 1), x.rank)
    half = x.shape[axis] // 2
    first = taken(low, steps.step("first", x, scope=False), x, axis, 0, half)
    second = taken(low, steps.step("second", x, scope=False), x, axis, half, x.shape[axis])
    gate = low.pointwise(steps.step("gate", second, scope=False), "sigmoid", second)
    combined(low, op, "multiply", [first, gate])


@operation("Cast", tf=("cast",), wants="same")
def cast(low: Lowering, op: Op) -> None:
    x = low.read(op)
    if x.contents is not None:
        low.same(op, x)
    else:
        low.pointwise(op, "function", x, {"of": "cast"})


@operation(
    *("Copy", "StopGradient", "ConvertToTensor", "Array"),
    tf=("identity", "stop_gradient", "convert_to_tensor", "ensure_shape", "nn.dropout"),
    wants="same",
)
def identity(low: Lowering, op: Op) -> None:
    low.same(op, low.read(op))


# -- along axes --------------------------------------------------------------------------------------------------------

#: Operation -> the word of `reduce`.
REDUCTIONS = {
    "Mean": "mean",
    "Sum": "sum",
    "Max": "max",
    "Amax": "max",
    "Min": "min",
    "Amin": "min",
    "Any": "max",
    "All": "min",
    "math.reduce_mean": "mean",
    "reduce_mean": "mean",
    "math.reduce_sum": "sum",
    "reduce_sum": "sum",
    "math.reduce_max": "max",
    "reduce_max": "max",
    "math.reduce_min": "min",
    "Norm": "norm",
}


def _reduction_axes(op: Op, x: Value) -> tuple[tuple[int, ...], bool]:
    """The axes of a reduction, all of them if none are given, and whether they are kept."""
    given = argument(op, "axis", 1)
    axes = tuple(range(x.rank)) if given is None else axes_of(given, x.rank)
    return axes, bool(argument(op, "keepdims", 2))


@operation(
    *(name for name in REDUCTIONS if "reduce_" not in name),
    tf=tuple(name for name in REDUCTIONS if "reduce_" in name),
)
def reduce(low: Lowering, op: Op) -> None:
    x = low.read(op)
    axes, keep = _reduction_axes(op, x)
    if 0 in axes and not is_single(x.shape[0]):
        raise Unsupported("a reduction over the batch")
    over(low, op, x, axes, REDUCTIONS[op.type.partition(".")[2]], keep=keep)


def over(low: Lowering, op: Op, x: Value, axes: Sequence[int], of: str, *, keep: bool) -> None:
    """A reduction; axes that the network does not have, as that of the batch, are only left out."""
    real = [axis for axis in axes if not (is_single(x.shape[axis]) and axis == 0)]
    if real:
        reduced(low, op, x, real, of, keep=True)
        x = low.values[op.outputs[0]]
    if keep or not axes:
        low.same(op, x)
    else:
        squeezed(low, op, x, axes)


def is_single(size: Dim) -> bool:
    return type(size) is int and size == 1


@operation("Var", "Std", "Logsumexp")
def spread(low: Lowering, op: Op) -> None:
    """Reductions with a function of each element before: written as these two."""
    x, steps = low.read(op), Steps(low, op)
    axes, keep = _reduction_axes(op, x)
    of = "exp" if op.type == "ops.Logsumexp" else "square"
    first = low.pointwise(steps.step(of, x, scope=False), "function", x, {"of": of})
    over(low, op, first, axes, "sum" if of == "exp" else "mean", keep=keep)
    after = {"ops.Std": "sqrt", "ops.Logsumexp": "log"}.get(op.type)
    if after:
        low.pointwise(op, "function", low.values[op.outputs[0]], {"of": after})


@operation("Argmax", "Argmin", tf=("math.argmax", "argmax", "math.argmin"))
def largest(low: Lowering, op: Op) -> None:
    x = low.read(op)
    given = argument(op, "axis", 1)
    if given is None:
        raise Unsupported("the place of the largest of all elements")
    keep = not op.type.startswith("tf.") and bool(argument(op, "keepdims", 2))  # where TensorFlow has a dtype
    over(low, op, x, (axis_of(given, x.rank),), "max", keep=keep)


@operation("Normalize", tf=("math.l2_normalize", "nn.l2_normalize"))
def normalize(low: Lowering, op: Op) -> None:
    x = low.read(op)
    if argument(op, "order", 2) not in (None, 2):
        raise Unsupported("a length that is not Euclidean")
    along(low, op, "l2_normalize", x, axis_of(argument(op, "axis", 1), x.rank))


@operation("TopK", tf=("math.top_k",))
def top_k(low: Lowering, op: Op) -> None:
    x = low.read(op)
    given = argument(op, "k", 1)
    count = as_count(1 if given is None and op.type.startswith("tf.") else given, "k")
    edge, order = with_axes(low, x, [-1])
    step = low.emit(op, "top_k", [edge], {"count": count, "axis": order.index(x.rank - 1)})
    low.result(op, step, order, x.rank)
    low.result(op, step, order, x.rank, 1)


@operation("OneHot", tf=("one_hot",))
def one_hot(low: Lowering, op: Op) -> None:
    """Whether each number is equal to the one of a class."""
    x, steps = low.read(op), Steps(low, op)
    classes = as_count(argument(op, "num_classes", 1) or argument(op, "depth", 1), "num_classes")
    given = argument(op, "axis", 2)
    axis = axis_of(-1 if given is None else given, x.rank + 1)
    if axis == 0:
        raise Unsupported("classes in the place of the batch")
    step = steps.step("number", x, scope=False)
    unsqueezed(low, step, x, [axis])
    number = Value((classes, *(1,) * (x.rank - axis)), computed=True)
    combined(low, op, "equal", [steps.made(step), number])


# -- matrices ----------------------------------------------------------------------------------------------------------


@operation("Matmul", tf=("linalg.matmul", "matmul"), wants=-1)
def matmul(low: Lowering, op: Op) -> None:
    is_tf = op.type.startswith("tf.")
    x, y = (
        value_of(low, op, argument(op, name, place)) for place, name in enumerate(("a", "b") if is_tf else ("x1", "x2"))
    )
    names = ("transpose_a", "transpose_b", "adjoint_a", "adjoint_b")
    transpose_x, transpose_y, adjoint_x, adjoint_y = (
        bool(argument(op, name, place)) for place, name in enumerate(names, start=2)
    )
    matrix_product(low, op, x, y, flip_x=transpose_x or adjoint_x, flip_y=transpose_y or adjoint_y)


@operation("Einsum", tf=("einsum",), wants=-1)
def einsum(low: Lowering, op: Op) -> None:
    """A sum of products of two tensors by the letters of their axes: a product of matrices for each index of what both keep."""
    given = setting(op, "subscripts") or argument(op, "equation", 0)
    values = [value_of(low, op, each) for each in op.attrs["args"] if isinstance(each, Tensor)]
    left, right, made = two_terms(given, [value.rank for value in values])
    x, y = values
    outer = [label for label in left if label in right and label in made]
    inner = [label for label in left if label in right and label not in made]
    rows, columns = ([label for label in one if label not in other] for one, other in ((left, right), (right, left)))
    if not inner or {*made} != {*outer, *rows, *columns}:
        raise Unsupported(f"the equation {given}")
    sizes = dict(zip((*left, *right), (*x.shape, *y.shape)))
    steps = Steps(low, op)

    def matrix(name: str, value: Value, labels: str, axes: tuple[list[str], list[str]]) -> Value:
        """An operand as matrices behind the axes that both keep."""
        value = transposed(value, [labels.index(label) for label in (*outer, *axes[0], *axes[1])])
        shape = [*(sizes[label] for label in outer), *(product(sizes[label] for label in each) for each in axes)]
        return steps.reshape(name, value, shape)

    x, y = matrix("first", x, left, (rows, inner)), matrix("second", y, right, (inner, columns))
    step = steps.step("product", x, y, scope=False)
    matrix_product(low, step, x, y)
    now = [*outer, *rows, *columns]
    value = steps.reshape("axes", steps.made(step), [sizes[label] for label in now])
    steps.put(transposed(value, [now.index(label) for label in made]))


def two_terms(equation: Any, ranks: Sequence[int]) -> tuple[str, str, str]:
    """The letters of the axes of two operands and of their product; raises `Unsupported` for other equations.

    >>> two_terms("bij, bjk -> bik", [3, 3])
    ('bij', 'bjk', 'bik')
    """
    found = re.fullmatch(r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)", str(equation).replace(" ", ""))
    if found is None:
        raise Unsupported(f"the equation {say(equation)}")
    left, right, made = found.groups()
    if [len(left), len(right)] != list(ranks):
        raise Unfit(f"the equation {equation} does not have a letter for each axis")
    if any(len({*term}) < len(term) for term in (left, right, made)):
        raise Unsupported(f"the equation {equation}, which names an axis twice")
    return left, right, made
