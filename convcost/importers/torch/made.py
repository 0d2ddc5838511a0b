"""Ops of PyTorch whose result is made of nothing but sizes, and arithmetic on sizes."""

from __future__ import annotations

import math
import operator
from typing import Any

from convcost.core.dims import ceil, ceil_div, floor, is_symbolic, maximum, minimum, product
from convcost.core.errors import Unfit
from convcost.core.ratio import quotient
from convcost.importers.contents import decided, exact, is_round, scalar, vector
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import MOST_CONTENTS, Op
from convcost.importers.torch.arguments import (
    RULES,
    axis_of,
    careful,
    constant,
    fold,
    folds,
    is_held,
    number,
    numbers,
    rule,
    stated_shape,
    tensor,
    word_of,
)
from convcost.importers.torch.calls import refs


@rule("sym_size")
def sym_size(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    low.constant(op, scalar(x.shape[axis_of(low, op, x)]))


@rule("sym_numel", "numel")
def sym_numel(low: Lowering, op: Op) -> None:
    low.constant(op, scalar(product(tensor(low, op).shape)))


_PLAIN = {f"operator.{word}": getattr(operator, word) for word in ("add", "sub", "mul", "floordiv", "mod", "neg")}
#: Function of Python -> itself, of ints and doubles, and what it makes of sizes over another number system.
ARITHMETIC: dict[str, tuple[Any, Any]] = {
    **{name: (function, function) for name, function in _PLAIN.items()},
    "operator.truediv": (operator.truediv, quotient),
    "math.floor": (math.floor, floor),
    "math.trunc": (math.trunc, floor),
    "math.ceil": (math.ceil, ceil),
    "torch.sym_int": (math.trunc, floor),
    "torch.sym_max": (max, maximum),
    "torch.sym_min": (min, minimum),
}


@RULES.rule(*ARITHMETIC)
def arithmetic(low: Lowering, op: Op) -> None:
    read = [number(low, op, word) for word in op.attrs]
    plain, other = ARITHMETIC[op.type]
    if other not in (floor, ceil) and not all(map(is_round, map(finite, read))):
        read = [decided(one) for one in read]  # a product of doubles is rounded, at each point of a grid by itself
    if op.type.endswith(("div", "mod")) and any(isinstance(one, (int, float)) and one == 0 for one in read[1:]):
        raise Unfit("divides by 0")
    is_plain = all(isinstance(one, (int, float)) for one in read)
    found = plain(*read) if is_plain else careful(other)(*read)
    if found is None or (is_plain and not is_held(found)):
        raise Unfit("computes a number that takes more than 64 bits")
    low.constant(op, scalar(found))


def finite(value: Any) -> Any:
    """A number as exact arithmetic takes it; raises `Unfit` for infinities and what is no number."""
    if isinstance(value, float) and not math.isfinite(value):
        raise Unfit("computes with a number that is not finite")
    return exact(value)


@RULES.rule("torch.sym_sum")
def sym_sum(low: Lowering, op: Op) -> None:
    low.constant(op, scalar(sum(numbers(low, op, next(iter(op.attrs))))))


@rule("arange", "range")
def arange(low: Lowering, op: Op) -> None:
    """Numbers from a first one to a last one, which `range` puts out and `arange` does not."""
    read = [number(low, op, "start", 0), number(low, op, "end"), number(low, op, "step", 1)]
    start, end, step = read if all(map(is_round, map(finite, read))) else map(decided, read)
    if not is_symbolic(step) and step == 0:
        raise Unfit("counts in steps of 0")
    has_end = op.type.startswith("aten.range")
    if all(type(one) is int for one in (start, end, step)):
        found = range(start, end + has_end * (1 if step > 0 else -1), step)
        if len(found) <= MOST_CONTENTS:
            low.constant(op, vector(found))
        else:
            constant(low, op, (len(found),))
    elif all(isinstance(one, (int, float)) for one in (start, end, step)):
        steps = (end - start) / step
        count = max(math.floor(steps) + 1 if has_end else math.ceil(steps), 0)
        if not is_held(count):
            raise Unfit("makes more numbers than 64 bits count")
        constant(low, op, (count,))
    else:
        start, end, step = map(exact, (start, end, step))
        count = 1 - ceil_div(start - end, step) if has_end else ceil_div(end - start, step)
        constant(low, op, (count,) if is_round(step) else stated_shape(low, op))


@rule("linspace", "logspace", "eye", "hann_window", "hamming_window", "bartlett_window", "tril_indices", "triu_indices")
def stated_constant(low: Lowering, op: Op) -> None:
    constant(low, op, stated_shape(low, op))


#: Op -> the element that it fills a tensor with, if it is known.
FILLED = {"zeros": 0, "ones": 1, "full": None, "empty": None, "rand": None, "randn": None, "randint": None}


@rule(*FILLED, *(f"new_{name}" for name in FILLED), "empty_strided", "empty_permuted", "new_empty_strided", "randperm")
def filled(low: Lowering, op: Op) -> None:
    word = word_of(op, "size", "n")
    constant(low, op, numbers(low, op, word), _element(low, op))


@rule(*(f"{name}_like" for name in FILLED))
def filled_like(low: Lowering, op: Op) -> None:
    constant(low, op, tensor(low, op).shape, _element(low, op))


def _element(low: Lowering, op: Op) -> Any:
    if "fill_value" in op.attrs:
        return number(low, op, "fill_value")
    words = op.type.partition(".")[2].split("_")
    return next((FILLED[word] for word in words if word in FILLED), None)


@rule("scalar_tensor", "tensor")
def scalar_tensor(low: Lowering, op: Op) -> None:
    low.constant(op, scalar(number(low, op, "s" if "s" in op.attrs else "data")))


@rule("item", "_local_scalar_dense")
def item(low: Lowering, op: Op) -> None:
    x = tensor(low, op)
    if x.contents is None or len(x.contents) != 1:
        raise Unsupported("a number that is computed from data")
    low.constant(op, scalar(x.contents[0]))


@rule("bucketize", "searchsorted", "complex", "polar", "outer", "diag", "diagonal",
      "view_as_real", "view_as_complex", "diag_embed", "histc", "isin", "count_nonzero", "kron", "trace")  # fmt: skip
def of_constants(low: Lowering, op: Op) -> None:
    """What convcost counts only where nothing runs: of constants."""
    names = list(refs(tuple(op.attrs.values())))
    read = [value for name in names if (value := low.find(name)) is not None]
    if len(read) < len(names) or not folds(low, op, read):
        raise Unsupported(f"convcost has no rule for {op.type}")
    fold(low, op, read, stated_shape(low, op))
