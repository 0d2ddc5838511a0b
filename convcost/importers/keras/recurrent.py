"""Recurrent layers of Keras: LSTM, GRU and simple ones, of cells, in both directions, and convolutional ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from convcost.core.errors import Unfit
from convcost.core.units import say
from convcost.importers.build import combined, concatenated, cut, squeezed, taken
from convcost.importers.keras.calls import Steps, check_built, count, counts, flag, rule, setting, word
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.values import Value, channels_at

#: Class of a layer or of a cell -> the op of convcost.
KINDS = {
    "LSTM": "lstm",
    "LSTMCell": "lstm",
    "CuDNNLSTM": "lstm",
    "GRU": "gru",
    "GRUCell": "gru",
    "CuDNNGRU": "gru",
    "SimpleRNN": "rnn",
    "SimpleRNNCell": "rnn",
}
CONVOLUTIONAL = ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")


class Cell(NamedTuple):
    """What is done at each step of a sequence."""

    kind: str
    units: int
    biases: int

    @property
    def states(self) -> int:
        """How many tensors it carries along."""
        return 2 if self.kind == "lstm" else 1


def cell(op: Op, kind: str) -> Cell:
    """The cell that settings describe; raises `Unsupported` for a class that is not Keras' own."""
    if kind not in KINDS:
        raise Unsupported(f"a cell of class {kind}")
    biases = int(flag(op, "use_bias", default=True))
    if biases and (kind.startswith("CuDNN") or (KINDS[kind] == "gru" and flag(op, "reset_after", default=True))):
        biases = 2
    return Cell(KINDS[kind], count(op, "units"), biases)


def inner(op: Op, given: Any, part: str) -> Op:
    """A layer or a cell that stands in the settings of another, as an op of its own."""
    config = given.get("config") if isinstance(given, dict) else None
    kind = given.get("class_name") if isinstance(given, dict) else None
    if not isinstance(config, dict) or not isinstance(kind, str):
        raise Unfit(f"a layer must be a mapping with class_name and config, got {say(given)}")
    attrs: Mapping[str, Any] = {**op.attrs, "config": config}
    return replace(op, type=kind, attrs=attrs, layer=f"{op.layer}/{part}", path=(*op.path, part))


def cells(op: Op) -> list[Cell]:
    """The cells of a layer, one on top of the other."""
    if op.type in KINDS:
        return [cell(op, op.type)]
    if op.type != "RNN":
        raise Unsupported(f"a sequence through {op.type}")
    only = inner(op, setting(op, "cell"), "cell")
    if only.type != "StackedRNNCells":
        return [cell(only, only.type)]
    listed = setting(only, "cells", ())
    if not isinstance(listed, tuple) or not listed:
        raise Unfit(f"cells must be a list of cells, got {say(listed)}")
    each = [inner(only, one, str(i)) for i, one in enumerate(listed)]
    return [cell(one, one.type) for one in each]


def run(low: Lowering, op: Op, x: Value, one: Cell, *, last: bool, both: bool = False) -> Value:
    """A cell along a sequence: its state after each step, or after the last one."""
    if x.rank != 3:
        raise Unfit(f"takes a tensor of 3 axes, got {x.rank}")
    order = channels_at(x, -1, windows=1)
    attrs = {"channels": one.units, "biases": one.biases, "last": last, "bidirectional": both}
    step = low.emit(op, one.kind, [low.present(x, order)], attrs)
    return low.result(op, step, (*order[:-2], 1) if last else order, 2 if last else 3)


def stacked(low: Lowering, op: Op, x: Value, *, last: bool) -> tuple[Value, list[Value]]:
    """All cells of a layer: the state of the last one, and the states that each carries after the last step."""
    check_built(op, x, x.rank - 1)
    found, every, steps = [], cells(op), Steps(low, op)
    for i, one in enumerate(every):
        is_last = i == len(every) - 1
        step = steps.step(f"cell_{i}", x) if len(every) > 1 else op
        x = run(low, step, x, one, last=last and is_last)
        if len(op.outputs) > 1:
            found += [ended(low, steps, x, i)] * one.states
    return x, found


def ended(low: Lowering, steps: Steps, x: Value, i: int) -> Value:
    """The state after the last step. The cell of an LSTM has the same size, and is written beside it."""
    if x.rank == 2:
        return x
    step = steps.step(f"state_{i}", x, scope=False)
    value = taken(low, step, x, 1, x.shape[1] - 1, x.shape[1])
    squeezed(low, step, value, [1])
    return steps.made(step)


def check_batch(op: Op) -> None:
    """Raise `Unsupported` for a layer of Keras 2 that takes and makes steps before the batch."""
    if flag(op, "time_major"):
        raise Unsupported("time before the batch (time_major)")


def put_out(op: Op, states: list[Value]) -> list[Value]:
    """The states that a layer puts out behind what it makes: all, or none."""
    return states if flag(op, "return_state") else []


@rule(*(kind for kind in KINDS if not kind.endswith("Cell")), "RNN", wants=-1)
def recurrent(low: Lowering, op: Op) -> None:
    check_batch(op)
    last = not flag(op, "return_sequences")
    made, states = stacked(low, op, low.read(op), last=last)
    for i, value in enumerate([made, *put_out(op, states)][: len(op.outputs)]):
        low.same(op, value, i)


@rule("Bidirectional", wants=-1)
def bidirectional(low: Lowering, op: Op) -> None:
    x, steps = low.read(op), Steps(low, op)
    check_built(op, x, x.rank - 1)
    forward = inner(op, setting(op, "layer"), "forward")
    given = setting(op, "backward_layer")
    backward = inner(op, given, "backward") if given is not None else replace(forward, layer=f"{op.layer}/backward")
    check_batch(forward)
    check_batch(backward)
    last = not flag(forward, "return_sequences")
    merge = op.attrs["config"].get("merge_mode", "concat")
    if forward.type in KINDS and (one := cell(forward, forward.type)) == cell(backward, backward.type):
        made = run(low, op, x, one, last=last, both=True)
        if merge == "concat" and len(op.outputs) == 1:
            return
        halves = _halves(low, steps, made, one.units)
        states = (
            [[ended(low, steps, half, i)] * one.states for i, half in enumerate(halves)] if len(op.outputs) > 1 else []
        )
        whole: Value | None = made
    else:
        parts = [_direction(low, steps, side, x, name) for side, name in ((forward, "forward"), (backward, "backward"))]
        halves, states, whole = [made for made, _ in parts], [found for _, found in parts], None
    merged = _merged(low, op, steps, merge, halves, whole)
    every = put_out(forward, [state for each in states for state in each])
    for i, value in enumerate([*merged, *every][: len(op.outputs)]):
        low.same(op, value, i)


def _direction(low: Lowering, steps: Steps, side: Op, x: Value, name: str) -> tuple[Value, list[Value]]:
    """One direction by itself."""
    step = steps.step(name, x)
    one = replace(step, type=side.type, attrs=side.attrs, outputs=(step.outputs[0], *steps.op.outputs[1:]))
    if side.type in CONVOLUTIONAL:
        return convolutional(low, one, x)
    return stacked(low, one, x, last=not flag(side, "return_sequences"))


def _halves(low: Lowering, steps: Steps, x: Value, units: int) -> list[Value]:
    """The two directions of what was computed together."""
    step = steps.step("directions", x, scope=False)
    step = replace(step, outputs=(step.outputs[0], f"{step.outputs[0]}:1"))
    cut(low, step, x, -1, [units, units])
    return [low.values[name] for name in step.outputs]


def _merged(low: Lowering, op: Op, steps: Steps, merge: Any, halves: list[Value], whole: Value | None) -> list[Value]:
    """Both directions as the layer puts them out."""
    if merge is None:
        return halves
    if merge == "concat" and whole is not None:
        return [whole]
    step = steps.step("merge", *halves, scope=False)
    if merge == "concat":
        is_first = setting(op, "layer")["config"].get("data_format") == "channels_first"
        concatenated(low, step, halves, -1 if not is_first else 1 - halves[0].rank % 2)
    elif merge in ("sum", "ave", "mul"):
        combined(low, step, {"sum": "add", "ave": "mean", "mul": "multiply"}[merge], halves)
    else:
        raise Unfit(f"merge_mode must be concat, sum, ave, mul or null, got {say(merge)}")
    return [steps.made(step)]


@rule(*CONVOLUTIONAL, wants=-1)
def convolutional_layer(low: Lowering, op: Op) -> None:
    check_batch(op)
    made, states = convolutional(low, op, low.read(op))
    for i, value in enumerate([made, *put_out(op, states)][: len(op.outputs)]):
        low.same(op, value, i)


def convolutional(low: Lowering, op: Op, x: Value) -> tuple[Value, list[Value]]:
    """An LSTM whose products are convolutions: one of all inputs, and one of all states, each for four gates."""
    axes, filters = int(op.type[8]), count(op, "filters")
    if x.rank != axes + 3:
        raise Unfit(f"takes a tensor of {axes + 3} axes, got {x.rank}")
    is_first = word(op, "data_format", ("channels_last", "channels_first"), "channels_last") == "channels_first"
    channel, steps = 2 if is_first else x.rank - 1, Steps(low, op)
    order = channels_at(x, channel, windows=axes)
    kernel = counts(op, "kernel_size", axes)
    attrs = {
        "channels": 4 * filters,
        "kernel": kernel,
        "stride": counts(op, "strides", axes, 1),
        "padding": word(op, "padding", ("valid", "same"), "valid"),
        "dilation": counts(op, "dilation_rate", axes, 1),
        "bias": flag(op, "use_bias", default=True),
    }
    gates = low.layer(steps.step("input", x), f"conv{axes}d", x, order, attrs)
    state = taken(low, steps.step("state", gates, scope=False), gates, channel, 0, filters)
    step = steps.step("recurrent", state)
    again = {"channels": 4 * filters, "kernel": kernel, "padding": "same", "bias": False}
    other = low.layer(step, f"conv{axes}d", state, channels_at(state, channel, windows=axes), again)
    step = steps.step("gates", gates, other, scope=False)
    combined(low, step, "add", [gates, other])
    opened = low.pointwise(steps.step("opened", gates, scope=False), "sigmoid", steps.made(step))
    made = taken(low, steps.step("output", opened, scope=False), opened, channel, 0, filters)
    if flag(op, "return_sequences") and len(op.outputs) == 1:
        return made, []
    step = steps.step("last", made, scope=False)
    final = taken(low, step, made, 1, made.shape[1] - 1, made.shape[1])
    squeezed(low, step, final, [1])
    final = steps.made(step)
    return made if flag(op, "return_sequences") else final, [final, final]
