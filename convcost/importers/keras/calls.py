"""What the rules of Keras read of an op: settings of the layer, arguments of the call; and ops that consist of several steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from convcost.core.dims import Dim
from convcost.core.errors import Unfit
from convcost.core.units import say
from convcost.importers.contents import Known, same
from convcost.importers.keras.values import Tensor, leaves
from convcost.importers.lower import Lowering, Rules, Unsupported, Wants
from convcost.importers.model import MOST_CONTENTS, Op
from convcost.importers.values import Value, channels_at

RULES = Rules(channels=-1, numbered=True)
"""The rules of Keras: class name of a layer, `ops.` and the name of an operation, `tf.` and that of a function."""
rule = RULES.rule

Rule: TypeAlias = Callable[[Lowering, Op], None]


def operation(*names: str, tf: Sequence[str] = (), wants: Wants = None) -> Callable[[Rule], Rule]:
    """Enter a rule for operations of Keras, and for functions of TensorFlow."""
    return rule(*(f"ops.{name}" for name in names), *(f"tf.{name}" for name in tf), wants=wants)


# -- settings of the layer ---------------------------------------------------------------------------------------------


def setting(op: Op, name: str, default: Any = None) -> Any:
    """A setting of the layer; the default where it is missing or null."""
    found = op.attrs["config"].get(name)
    return default if found is None else found


def flag(op: Op, name: str, *, default: bool = False) -> bool:
    """A setting that is true or false; raises `Unfit`."""
    found = setting(op, name, default)
    if not isinstance(found, bool | int):
        raise Unfit(f"{name} must be true or false, got {say(found)}")
    return bool(found)


def word(op: Op, name: str, known: Sequence[str], default: str = "") -> str:
    """A setting that is one of some words; raises `Unfit`."""
    found = setting(op, name, default)
    if not isinstance(found, str) or found.lower() not in known:
        raise Unfit(f"{name} must be {' or '.join(known)}, got {say(found)}")
    return found.lower()


def count(op: Op, name: str, default: int | None = None) -> int:
    """A setting that is a positive integer; raises `Unfit`."""
    return as_count(setting(op, name, default), name)


def as_count(value: Any, name: str) -> int:
    """A positive integer; raises `Unfit`.

    >>> as_count(64, "filters")
    64
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Unfit(f"{name} must be an integer >= 1, got {say(value)}")
    return value


def counts(op: Op, name: str, axes: int, default: Any = None) -> list[int]:
    """A setting that is a positive integer for each axis, or one for all; raises `Unfit`."""
    found = setting(op, name, default)
    sizes = list(found) if isinstance(found, tuple) else [found] * axes
    if len(sizes) == 1:
        sizes *= axes
    if len(sizes) != axes:
        raise Unfit(f"{name} needs {axes} sizes, got {say(found)}")
    return [as_count(size, name) for size in sizes]


def as_int(value: Any, name: str) -> int:
    """An integer; raises `Unfit`."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit(f"{name} must be an integer, got {say(value)}")
    return value


def axes_of(value: Any, rank: int, name: str = "axis") -> tuple[int, ...]:
    """Axes counted from 0, given as one or several, from either end; raises `Unfit`.

    >>> axes_of(-1, 4), axes_of((1, 2), 4)
    ((3,), (1, 2))
    """
    given = value if isinstance(value, tuple) else (value,)
    found = tuple(as_int(axis, name) for axis in given)
    if bad := [axis for axis in found if not -rank <= axis < rank]:
        raise Unfit(f"{name} must be an axis of a tensor of {rank}, got {bad[0]}")
    return tuple(dict.fromkeys(axis % rank for axis in found))


def axis_of(value: Any, rank: int, name: str = "axis") -> int:
    """One axis, counted from 0; raises `Unfit`."""
    found = axes_of(value, rank, name)
    if len(found) != 1:
        raise Unfit(f"{name} must be one axis, got {say(value)}")
    return found[0]


def is_channels_first(op: Op) -> bool:
    """Whether the layer takes channels first."""
    return word(op, "data_format", ("channels_last", "channels_first"), "channels_last") == "channels_first"


def wants_channels(op: Op, made: int | None) -> int | None:  # noqa: ARG001 - as the table calls it
    """The axis of channels of what a layer with a data format takes."""
    return 1 if op.attrs["config"].get("data_format") == "channels_first" else -1


def channel_axis(op: Op, x: Value, axes: int) -> int:
    """The axis of channels, for windows along so many axes; raises `Unfit` if the input has too few."""
    if x.rank != axes + 2:
        raise Unfit(f"takes a tensor of {axes + 2} axes, got {x.rank}")
    return 1 if is_channels_first(op) else x.rank - 1


def batch_of(x: Value) -> list[int]:
    """The batch as an axis, where it is one that the network computes along: of steps of a sequence."""
    return [0] if 0 in channels_at(x, -1) else []


def check_built(op: Op, x: Value, axis: int) -> None:
    """Refuse an input with other channels than the layer was built for; raises `Unfit`."""
    built = op.attrs.get("build")
    shape = built.get("input_shape") if isinstance(built, dict) else None
    if not isinstance(shape, tuple) or len(shape) != x.rank or not isinstance(shape[axis], int):
        return
    has = x.shape[axis]
    if same(has, shape[axis]) is not True:  # asks per point of a grid; over symbols both must be one and the same
        got = f"{has:,}" if type(has) is int else "as many as another size says"
        raise Unfit(f"the layer was built for {shape[axis]:,} channels, and its input has {got}")


def check_rank(low: Lowering, op: Op) -> None:
    """Raise `Unsupported` for what a layer made that has weights of a low rank beside its own: `enable_lora` adds them."""
    if setting(op, "lora_rank", 0) != 0:
        raise Unsupported("weights of a low rank beside its own (lora_rank)", [low.values[op.outputs[0]].shape])


# -- arguments of the call ---------------------------------------------------------------------------------------------


def arguments(op: Op, *names: str) -> dict[str, Any]:
    """The arguments of a call by their names, those given by place too; what is not given is None."""
    args, kwargs = op.attrs["args"], op.attrs["kwargs"]
    found = dict.fromkeys(names)
    found.update(zip(names, args))
    found.update({name: value for name, value in kwargs.items() if name in found})
    return found


def argument(op: Op, name: str, place: int) -> Any:
    """One argument, which may also be a setting of the operation; None if it is not given."""
    args, kwargs, config = op.attrs["args"], op.attrs["kwargs"], op.attrs["config"]
    if name in kwargs:
        return kwargs[name]
    return args[place] if place < len(args) else config.get(name)


def first_argument(op: Op) -> Any:
    """What a call takes first, by place or by name: a tensor, or a list or mapping of some."""
    every = (*op.attrs["args"], *op.attrs["kwargs"].values())
    return next((each for each in every if any(isinstance(leaf, Tensor) for leaf in leaves(each))), Tensor(0))


def value_of(low: Lowering, op: Op, given: Any) -> Value:
    """A tensor or a constant among the arguments as a value; raises `Unsupported`."""
    if isinstance(given, Tensor):
        return low.read(op, given.place)
    known = known_of(given)
    if known is None:
        raise Unsupported(f"an argument is {say(given)}")
    return Value(known.shape, contents=known.elements, computed=True)


def known_of(given: Any) -> Known | None:
    """A number, or a list of lists of numbers; None for anything else.

    >>> known_of(((1, 2), (3, 4)))
    Known(shape=(2, 2), elements=(1, 2, 3, 4))
    """
    if isinstance(given, int | float):
        return Known((), (given,))
    if not isinstance(given, tuple) or not given or len(given) > MOST_CONTENTS:
        return None
    inner = [known_of(item) for item in given]
    parts = [one for one in inner if one is not None]
    if len(parts) != len(inner) or any(one.shape != parts[0].shape for one in parts):
        return None
    return Known((len(parts), *parts[0].shape), tuple(element for one in parts for element in one.elements))


def values_of(low: Lowering, op: Op, given: Any) -> list[Value]:
    """The tensors of a list of arguments, or the single one."""
    listed = given if isinstance(given, tuple) else (given,)
    return [value_of(low, op, item) for item in listed]


def inputs_of(low: Lowering, op: Op) -> list[Value]:
    """The tensors of a layer that merges several, in the order in which it takes them; raises `Unfit` if there are none."""
    args = op.attrs["args"]
    given = args[0] if len(args) == 1 else tuple(args) or tuple(op.attrs["kwargs"].get("inputs") or ())
    found = values_of(low, op, tuple(given.values()) if isinstance(given, dict) else given)
    if not found:
        raise Unfit("takes a list of tensors, got none")
    return found


def same_rank(values: Sequence[Value]) -> int:
    """How many axes tensors have that are put together; raises `Unfit` if they differ."""
    ranks = {value.rank for value in values}
    if len(ranks) != 1:
        raise Unfit(f"takes tensors of equally many axes, got {' and '.join(map(str, sorted(ranks)))}")
    return ranks.pop()


# -- several steps -----------------------------------------------------------------------------------------------------


class Steps:
    """An op that is written as several steps, each of which reads values and makes one."""

    def __init__(self, low: Lowering, op: Op) -> None:
        self.low, self.op = low, op

    def step(self, name: str, *values: Value, scope: bool = True) -> Op:
        """An op for a step; its nodes are named after it, inside of the layer's name if it has a `scope` of its own."""
        whole = self.op.outputs[0]
        inputs = []
        for i, value in enumerate(values):
            inputs.append(f"{whole}#{name}.{i}")
            self.low.values[inputs[-1]] = value
        path = (*self.op.path, name) if scope else self.op.path
        layer = f"{self.op.layer}/{name}" if scope else ""
        return replace(self.op, name=name, inputs=tuple(inputs), outputs=(f"{whole}#{name}",), path=path, layer=layer)

    def made(self, step: Op) -> Value:
        """What a step made."""
        return self.low.values[step.outputs[0]]

    def put(self, value: Value, i: int = 0) -> None:
        """What the last step made is what the op makes."""
        self.low.same(self.op, value, i)

    def reshape(self, name: str, value: Value, shape: Sequence[Any]) -> Value:
        """A step that reads the same elements in another shape."""
        step = self.step(name, value)
        self.low.reshape(step, value, tuple(shape))
        return self.made(step)


def linear(low: Lowering, op: Op, x: Value, channels: Dim, *, bias: bool) -> Value:
    """A product of the last axis with a matrix, at each position."""
    order = channels_at(x, -1)
    at = {"at": "positions"} if len(order) > 2 else {}
    return low.layer(op, "linear", x, order, {"channels": channels, "bias": bias, **at})
