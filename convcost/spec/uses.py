"""Other specs as parts of one: which file is meant, and the values of its knobs."""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from convcost.core.dims import is_array, is_symbolic
from convcost.core.errors import SpecError, Unfit, UsageError, did_you_mean
from convcost.core.units import say
from convcost.ops.attributes import Integer
from convcost.spec.knobs import knob_value, knob_values
from convcost.spec.lookup import Lookup
from convcost.spec.place import Flow, Place, Unknown
from convcost.spec.syntax import Broken, Knob, Spec, Use
from convcost.spec.unit import Unit
from convcost.spec.zoo import FoundSpec, find, is_path, named, split_name


def opened(use: Use, place: Place, flow: Flow, lookup: Lookup, label: str) -> Unit:
    """The spec that is used, with the values of its knobs; raises `Unknown` after complaining."""
    source = lookup.evaluate(use.source, place, flow, "use", label=label)
    if not isinstance(source, str):
        lookup.complain(
            use.source.where, place.path(label), f"use needs a name of the zoo or a path, got {say(source)}"
        )
        raise Unknown
    try:
        found, own = _found(source, place.unit)
    except UsageError as error:
        lookup.complain(use.source.where, place.path(label), str(error))
        raise Unknown from None
    except SpecError as error:
        lookup.blind = True
        for problem in error.problems:
            if problem.where is None:  # of the file as a whole
                lookup.complain(use.source.where, place.path(label), f"{source} {problem.what}")
            else:
                lookup.add(problem)
        raise Unknown from None
    _refuse_cycle(found.spec, use, place, lookup, label)
    if found.problems:
        _add_problems(found, lookup)
    values = {**defaults(found.spec, found.preset), **own}
    values |= _given(found.spec, use, place, flow, lookup, label)
    return Unit(found.spec, values, around=(*place.unit.around, found.spec.path))


def defaults(spec: Spec, preset: str | None) -> dict[str, Any]:
    """The knobs of a spec at their defaults, or at a preset."""
    return {knob.name: knob.default for knob in spec.knobs.values()} | dict(spec.presets.get(preset or spec.name, {}))


def _found(source: str, unit: Unit) -> tuple[FoundSpec, Mapping[str, Any]]:
    """The spec that a file means by a name or path, and the knobs that the name sets."""
    bare, own = split_name(source)
    if is_path(bare) and not os.path.isabs(bare):
        bare = os.path.join(os.path.dirname(unit.spec.path), bare)
    if os.path.exists(bare) and not os.path.isfile(bare):  # a pipe or a device might never end
        raise UsageError(f"{source} is no file")
    found = find(bare) if is_path(bare) else named(bare)  # a name means the same wherever one works
    if found.spec.foreign is not None:
        name = os.path.splitext(os.path.basename(bare))[0]
        raise UsageError(
            f"{source} is a model file, and use takes specs: write it as one first: convcost import {source} -o {name}.yaml"
        )
    return found, knob_values(found.preset or found.spec.name, found.spec, own)


def _refuse_cycle(spec: Spec, use: Use, place: Place, lookup: Lookup, label: str) -> None:
    around = place.unit.around
    if spec.path in around:
        trail = [*around[around.index(spec.path) :], spec.path]
        what = f"a network cannot contain itself: {' -> '.join(map(os.path.basename, trail))}"
        lookup.complain(use.where, place.path(label), what)
        raise Unknown


def _add_problems(found: FoundSpec, lookup: Lookup) -> None:
    """Report what is wrong with a file that is used, once."""
    for problem in found.problems:
        if problem not in lookup.problems:
            lookup.add(problem)
    lookup.blind = True
    raise Unknown


def _given(spec: Spec, use: Use, place: Place, flow: Flow, lookup: Lookup, label: str) -> dict[str, Any]:
    """The values that `with` gives to knobs: expressions of the spec around, so that they may vary over a grid."""
    values, path = {}, place.path(label)
    broken = False
    for name, value in use.knobs.items():
        knob = spec.knobs.get(name)
        if knob is None:
            hint = did_you_mean(name, spec.knobs) if spec.knobs else ", and no other"
            lookup.complain(value.where, path, f"{spec.name} has no knob {name!r}{hint}")
        elif not isinstance(knob.default, Broken):
            try:
                given = lookup.evaluate(value, place, flow, f"with {name}", label=label)
                values[name] = _fitting(knob, given)
                continue
            except Unfit as error:
                lookup.complain(value.where, path, f"with {error}")
            except Unknown:
                pass
        broken = True
    if broken:
        raise Unknown
    return values


def _fitting(knob: Knob, value: Any) -> Any:
    """A value as the knob takes it; of a number over a grid, one for each point, where the knob is a plain number."""
    several = value if isinstance(value, tuple) else (value,)
    if not any(is_array(one) or is_symbolic(one) for one in several):
        return knob_value(knob, value)
    structure = knob.choices or isinstance(knob.default, (str, bool))
    if structure and is_array(value):
        return knob_value(knob, operator.index(value))  # one answer, or the grid is split
    if structure or isinstance(knob.default, tuple) != isinstance(value, tuple):
        raise Unfit(f"{knob.name} must be a plain value, got {say(value)}")
    try:
        if isinstance(value, tuple):
            return tuple(Integer(0).convert(one) for one in value)
        return value if isinstance(knob.default, Fraction) else Integer(0).convert(value)
    except Unfit as error:
        raise Unfit(f"{knob.name} {error}") from None
