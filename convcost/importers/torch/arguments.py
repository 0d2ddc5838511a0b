"""What the rules of PyTorch's ops have in common: their table, arguments by name, and what is done with constants.

A program reads parameters like any other tensor. Where one ends up as the weights of a layer, it may be transposed, cut or
normalised on the way, and is counted with the layer; anywhere else it is data, which a source puts out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import wraps
from math import isfinite, prod
from typing import Any
from weakref import WeakKeyDictionary

from convcost.core.dims import Dim
from convcost.core.errors import Unfit
from convcost.core.units import shape_text
from convcost.importers.accounts import FLOATS
from convcost.importers.build import squeezed
from convcost.importers.contents import Known, exact
from convcost.importers.lower import Lost, Lowering, Rule, Rules, Unsupported, Wants
from convcost.importers.model import MOST_CONTENTS, Body, Op, Stored
from convcost.importers.torch.calls import Ref, is_list, refs
from convcost.importers.torch.owners import become_weights
from convcost.importers.values import Value, axis_in

RULES = Rules(channels=1)
_NEEDED = object()
"""Stands for the default of an argument that has none."""


def rule(*types: str, wants: Wants = None) -> Callable[[Rule], Rule]:
    """Enter a function as the rule of these ops of the namespace aten, and of those that do the same in place."""
    return RULES.rule(*[f"aten.{name}{end}" for name in types for end in ("", "_")], wants=wants)


class Facts:
    """What is known of a program before it is lowered."""

    def __init__(self, body: Body) -> None:
        self.read = {*body.outputs, *(name for op in body.ops for name in op.inputs)}
        """Names that something reads."""
        self.weights = become_weights(body)
        """Names of what ends up as the weights of layers."""


_FACTS: WeakKeyDictionary[Lowering, tuple[Body, Facts]] = WeakKeyDictionary()


def facts(low: Lowering) -> Facts:
    """What is known of the program that is lowered, or of the branch of it."""
    if low not in _FACTS or _FACTS[low][0] is not low.body:
        _FACTS[low] = low.body, Facts(low.body)
    return _FACTS[low][1]


def becomes_weights(low: Lowering, op: Op) -> bool:
    """Whether what an op makes is read as the weights of a layer."""
    return any(name in facts(low).weights for name in op.outputs)


# -- arguments ---------------------------------------------------------------------------------------------------------


def named(low: Lowering, name: str) -> Value:
    """The value of a name; raises `Lost` if its shape is not known."""
    value = low.find(name)
    if value is None:
        raise Unfit(f"reads {name!r}, which nothing makes")
    if value.lost:
        raise Lost(value.lost)
    return value


def optional(low: Lowering, op: Op, word: str) -> Value | None:
    """A tensor by the name of the argument; None if it is left out."""
    given = op.attrs.get(word)
    return named(low, given.name) if isinstance(given, Ref) else None


def tensor(low: Lowering, op: Op, word: str = "self") -> Value:
    """A tensor by the name of the argument; raises `Unfit` if it is left out."""
    value = optional(low, op, word)
    if value is None:
        raise Unfit(f"needs the argument {word}")
    return value


def tensors(low: Lowering, op: Op, word: str = "tensors") -> list[Value]:
    """A list of tensors by the name of the argument."""
    return [named(low, name) for name in refs(op.attrs.get(word))]


def word_of(op: Op, *words: str) -> str:
    """The one of several names that an argument has in this overload; raises `Unfit` if it is left out."""
    found = next((word for word in words if word in op.attrs), None)
    if found is None:
        raise Unfit(f"needs the argument {' or '.join(words)}")
    return found


def careful(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of numbers that gives None where one is not known, and where the result takes more than 64 bits.

    >>> careful(lambda a, b: a * b)(2**40, 2**20), careful(lambda a, b: a * b)(2**40, 2**40), careful(abs)(float("inf"))
    (1152921504606846976, None, None)
    """

    def compute(*given: Any) -> Any:
        if any(one is None or (isinstance(one, float) and not isfinite(one)) for one in given):
            return None
        found = function(*map(exact, given))
        if isinstance(found, Fraction):
            return found if is_held(max(abs(found.numerator), found.denominator)) else None
        return found if not isinstance(found, int) or is_held(found) else None

    return compute


_LARGEST = 1 << 63


def is_held(value: float) -> bool:
    """Whether 64 bits hold a number as an integer.

    >>> is_held(-(2**62)), is_held(2**63), is_held(1e300)
    (True, False, False)
    """
    return abs(value) < _LARGEST


def operand(low: Lowering, op: Op, word: str = "other") -> Value:
    """A tensor, or a number as one."""
    given = op.attrs.get(word)
    if isinstance(given, Ref):
        return named(low, given.name)
    if isinstance(given, (bool, int, float)):
        return Value((), contents=(given,), computed=True)
    raise Unfit(f"needs the argument {word}")


def number(low: Lowering, op: Op, word: str, default: Any = _NEEDED) -> Any:
    """A number, which the program may have computed; raises `Unsupported` if it did so from data, `Unfit` if it is left out."""
    given = op.attrs.get(word)
    given = default if given is None else given
    if given is _NEEDED:
        raise Unfit(f"needs the argument {word}")
    return _number(low, given)


def axis_of(low: Lowering, op: Op, x: Value, word: str = "dim", default: Any = _NEEDED) -> int:
    """An axis of a tensor, counted from the first one; raises `Unfit` if it has none such."""
    return axis_in(number(low, op, word, default), x.rank)


def numbers(low: Lowering, op: Op, word: str, default: Sequence[Any] | None = None) -> tuple[Any, ...]:
    """A list of numbers, such as a shape; a single one is a list of one."""
    given = op.attrs.get(word, default)
    if given is None:
        raise Unfit(f"needs the argument {word}")
    many = given if is_list(given) else (given,)
    return tuple(_number(low, one) for one in many)


def _number(low: Lowering, given: Any) -> Any:
    if not isinstance(given, Ref):
        return given
    value = named(low, given.name)
    if value.contents is None or len(value.contents) != 1:
        raise Unsupported(f"{given.name} decides the shape, and is computed from data")
    if value.contents[0] is None:
        raise Unsupported(f"{given.name} decides the shape, and is not known")
    return value.contents[0]


def per_axis(low: Lowering, op: Op, word: str, axes: int, default: int) -> list[Any]:
    """A number for each axis of a window; a single one is for all."""
    found = list(numbers(low, op, word, (default,)))
    return found * axes if len(found) == 1 else found


# -- what an op makes --------------------------------------------------------------------------------------------------


def part(low: Lowering, op: Op, *leaves: str) -> Op:
    """An op that stands for a part of what an op does, and makes values of its own."""
    return replace(op, outputs=tuple(low.part(op, leaf).outputs[0] for leaf in leaves))


def behind(op: Op, before: Op) -> Op:
    """The op as one that reads what a part has made: a reshape is followed to other input sizes by the name of what it reads."""
    return replace(op, inputs=before.outputs[:1])


def made(low: Lowering, op: Op, i: int = 0) -> Value:
    """What an op has made."""
    return low.values[op.outputs[i]]


def output(op: Op, i: int) -> Op:
    """The op as one that makes only its i-th output."""
    return replace(op, outputs=(op.outputs[i],))


def of_vectors(function: Rule) -> Rule:
    """The rule of an op along axes, for single numbers as well: PyTorch takes one for a vector there, and hands on a number."""

    @wraps(function)
    def rule_of_both(low: Lowering, op: Op) -> None:
        x = tensor(low, op)
        if x.rank or folds(low, op, [x]):
            function(low, op)
            return
        vector = part(low, op, "vector")
        low.relabel(vector, x, [None])
        names = tuple(name and part(low, op, f"vector {i}").outputs[0] for i, name in enumerate(op.outputs))
        inner = replace(behind(op, vector), outputs=names, attrs={**op.attrs, "self": Ref(vector.outputs[0])})
        function(low, inner)
        for i, name in enumerate(op.outputs):
            if name:
                value = made(low, inner, i)
                squeezed(low, output(op, i), value, [0] if value.rank else [])

    return rule_of_both


def stated_shape(low: Lowering, op: Op, i: int = 0) -> tuple[int, ...]:
    """The shape that the program states; raises `Unsupported` if it is open, or the input has another size here."""
    stated = low.body.stated.get(op.outputs[i])
    if stated is None or stated.shape is None or not all(isinstance(size, int) for size in stated.shape):
        raise Unsupported("its shape depends on data")
    if low.own is not None:
        raise Unsupported("its shape is known at the program's own input size only")
    return tuple(size for size in stated.shape if isinstance(size, int))


# -- constants ---------------------------------------------------------------------------------------------------------


def is_parameter(value: Value) -> bool:
    """Whether a constant has stored numbers that have to be counted where it is read."""
    return any(one.dtype in FLOATS and (one.trainable or one.elements > 1) for one in value.stored)


def data(low: Lowering, value: Value) -> Value:
    """A value as data: a constant is put out by a source."""
    if not value.is_constant:
        return value
    low.tensor_of(value)
    return replace(value, contents=None, stored=(), computed=False)


def folds(low: Lowering, op: Op, values: Iterable[Value]) -> bool:
    """Whether what an op makes is computed before anything runs, with nothing to be counted."""
    values = list(values)
    if not all(value.is_constant for value in values):
        return False
    return becomes_weights(low, op) or not any(map(is_parameter, values))


def fold(low: Lowering, op: Op, values: Iterable[Value], shape: Sequence[Dim], known: Known | None = None) -> None:
    """Define what an op makes as a constant of this shape."""
    low.computed(op, values, known or Known(tuple(shape), ()))


def constant(low: Lowering, op: Op, shape: Sequence[Dim], element: Any = None) -> None:
    """Define what an op makes as numbers that are made of nothing, all the same one if it is given."""
    sizes = tuple(shape)
    if any(type(size) is int and size < 0 for size in sizes):
        raise Unfit(f"makes a tensor of {shape_text(sizes)}, which is no shape")
    is_small = all(type(size) is int for size in sizes) and prod(sizes) <= MOST_CONTENTS
    fold(low, op, (), sizes, Known(sizes, (element,) * prod(sizes)) if is_small and element is not None else None)


def cut_off(low: Lowering, value: Value, axis: int, start: int, stop: int, step: int = 1) -> Value:
    """A part of a stored tensor, as a stored tensor of its own."""
    shape = list(value.shape)
    shape[axis] = len(range(start, stop, step))
    if len(value.stored) == 1 and not value.computed:
        one = value.stored[0]
        cut = Stored(f"{one.name}[{axis}:{start}:{stop}]", tuple(shape), one.dtype, None, one.trainable)
        low.accounts.cut(one, cut)
        return Value(tuple(shape), value.dtype, stored=(cut,))
    return replace(value, shape=tuple(shape), contents=None, computed=True)
