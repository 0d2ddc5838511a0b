"""Loading networks by name with knobs, and validating spec files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any, ParamSpec, TypeAlias, TypeVar

from convcost.core.checks import check_knobs
from convcost.core.errors import Problem, SpecError, UsageError, in_reading_order
from convcost.core.expr import ExprError
from convcost.networks.inputs import GivenShape, by_name, set_inputs
from convcost.networks.network import Network
from convcost.networks.origin import FromSpec
from convcost.spec.elaborate import attempt
from convcost.spec.knobs import knob_values
from convcost.spec.uses import defaults
from convcost.spec.zoo import find, split_name

MOST_PRESET_STEPS = 50_000
P = ParamSpec("P")
R = TypeVar("R")
Model: TypeAlias = "str | os.PathLike[str] | Network"
"""A network, or what `load` accepts: a name, with or without knobs, or the path of a file."""


def knobs_apart(function: Callable[P, R]) -> Callable[P, R]:
    """A function that takes options and knobs by name: it refuses a name that is both, as nobody can tell what is meant.

    Beside a mapping of knobs, if only an empty one, also of axes as `over`, or a `Network`, whose knobs are set, there is no doubt.
    """
    code, own = function.__code__, function.__kwdefaults__ or {}
    takes_mapping = code.co_posonlyargcount > 1
    options = {*code.co_varnames[code.co_posonlyargcount : code.co_argcount], *own}

    @wraps(function)
    def checked(*args: P.args, **named: P.kwargs) -> R:
        model = args[0] if args else None
        apart = any(isinstance(one, Mapping) for one in (*args, named.get("over") if "over" in options else None))
        if isinstance(model, (str, os.PathLike)) and not apart:
            asked = options & named.keys()
            known = find(split_name(os.fspath(model))[0]).spec.knobs if asked else ()
            for name in sorted(asked.intersection(known)):
                raise in_doubt(name, model, function.__name__, mapping=takes_mapping)
        return function(*args, **named)

    return checked


def in_doubt(name: str, model: str | os.PathLike[str], function: str, *, mapping: bool) -> UsageError:
    """The error that a name is a knob of a network and an option of a function, which may take a `mapping` of knobs."""
    called = f"{function if mapping else 'load'}({str(model)!r}, {{{name!r}: …}})"
    how = f"in a mapping, as in {called}" if mapping else f"before, as in {called}, and give this network"
    return UsageError(f"{name} is a knob of {model} and an option of {function}: set the knob {how}")


@knobs_apart
def load(
    model: Model, knobs: Mapping[str, Any] | None = None, /, *, input_shape: GivenShape | None = None, **more: Any
) -> Network:
    """A network by zoo name, preset name or path of a YAML file; knobs are keywords, a mapping, or part of the name.

    A name may carry knobs: `mobilenet_v2:width=0.75,resolution=192`. A `Network` is taken as it is, with the given knobs
    changed. `input_shape` is (h, w, c), (h, w) or one size for both; the channels come from the spec if left out. For a
    network of several inputs it is a mapping from their names: `{"image": (96, 96, 3)}`.
    A float means the decimal it is written as: `width=1.1` is eleven tenths.
    Raises `SpecError` for an invalid spec, `UsageError` for an unknown name or an invalid value.

    >>> load("mobilenet_v1", width=0.5).report().totals.macs
    149497088
    """
    return open_network(model, check_knobs(knobs, more), input_shape)


def open_network(model: Model, knobs: Mapping[str, Any], input_shape: GivenShape | None = None) -> Network:
    """As `load`, with the knobs in a mapping."""
    if isinstance(model, Network):
        if input_shape is None:
            return model.at(knobs) if knobs else model
        return _opened(model.origin.of_spec().at(knobs), knobs, input_shape)
    if not isinstance(model, (str, os.PathLike)):
        raise UsageError(f"a network is a name, a path or a Network, got {type(model).__name__}")
    bare, own = split_name(os.fspath(model))
    if twice := [name for name in own if name in knobs]:
        raise UsageError(f"{model}: {twice[0]} is set twice, in the name and beside it")
    knobs = {**knobs, **own}
    found = find(bare)
    name = found.preset or found.spec.name
    values = defaults(found.spec, found.preset) | knob_values(name, found.spec, knobs)
    if found.problems:
        raise SpecError([*found.problems, *attempt(found.spec, values)[1]])
    return _opened(FromSpec(found.spec, name, values), knobs, input_shape)


def _opened(origin: FromSpec, set_knobs: Mapping[str, Any], input_shape: GivenShape | None) -> Network:
    """The network of a spec, with an input shape if one is given."""
    if input_shape is None:
        return Network(origin)
    spec, values = origin.spec, origin.knobs
    try:
        found = set_inputs(spec._replace(name=origin.name), values, set_knobs, input_shape)  # as messages call it
    except ExprError:  # the spec's own input is wrong, and elaborating says where
        raise SpecError(attempt(spec, values)[1]) from None
    left = {name: shape for name, shape in origin.input_shapes.items() if name not in by_name(spec, input_shape)}
    shapes = left | dict(found.shapes)
    return Network(replace(origin, knobs={**values, **found.knobs}, input_shapes=shapes))


def validate(model: str) -> list[Problem]:
    """Everything that is wrong with a spec, at its default knobs and at every preset, in the order of the file.

    Raises `SpecError` if the file cannot be read as a spec at all.
    """
    found = find(model)
    values = {knob.name: knob.default for knob in found.spec.knobs.values()}
    problems = [*found.problems, *attempt(found.spec, values)[1]]
    known = {(problem.where, problem.what) for problem in problems}
    steps = 0
    for name, preset in found.spec.presets.items():
        tried = attempt(found.spec, {**values, **preset})
        for problem in tried.problems:
            if (problem.where, problem.what) not in known:
                known.add((problem.where, problem.what))
                problems.append(problem._replace(what=f"{problem.what} (at preset {name})"))
        steps += tried.steps
        if steps > MOST_PRESET_STEPS:
            what = f"presets: together they build more than {MOST_PRESET_STEPS:,} layers; those after {name} are not checked"
            return list(in_reading_order([*problems, Problem(None, found.spec.file, what)]))
    return list(in_reading_order(problems))
