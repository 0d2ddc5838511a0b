"""The library's front door: `load` a network, ask it for its `report`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from convcost.amounts import plain
from convcost.conventions import convention as named_convention
from convcost.dims import Shape
from convcost.errors import Problem, SpecError, UsageError
from convcost.expr import ExprError
from convcost.graph import Graph
from convcost.ops.kinds import LARGEST, Unfit, say
from convcost.reconcile import Reconciliation, reconcile
from convcost.report import Report, check_batch, report
from convcost.rewrite import Rebuilt, rewrite, rewritten_name
from convcost.spec.elaborate import Elaborated, attempt
from convcost.spec.knobs import knob_value, no_knob
from convcost.spec.model import KnobValue, Spec
from convcost.spec.zoo import find
from convcost.units import decimal_text, shape_text
from convcost.walk import Step, walk

if TYPE_CHECKING:
    from convcost.memory.usage import Runs, Usage

MOST_PRESET_STEPS = 50_000


class Network:
    """A spec with knob values: everything about one network that a number may depend on."""

    def __init__(
        self,
        spec: Spec,
        name: str,
        knobs: Mapping[str, KnobValue],
        input_shape: Shape | None = None,
        built: Elaborated | None = None,
    ) -> None:
        self.spec = spec
        self.name = name
        self.knobs = dict(knobs)
        self.input_shape = input_shape
        """Of the input, where it is not what the spec states."""
        self._built = built
        self.origin = name
        """The name that the spec knows the network by; a rewrite keeps it."""
        self.rebuilt: tuple[Rebuilt, ...] = ()
        """What a rewrite made of which nodes; nothing for a network as it stands in its spec."""

    @property
    def label(self) -> str:
        """The name with what is changed, as `load` takes it: `mobilenet_v2:width=0.75,resolution=192`.

        >>> load("mobilenet_v2", width=0.75).label
        'mobilenet_v2:width=0.75'
        """
        knobs = ",".join(f"{name}={_written(self.knobs[name])}" for name in self.changed)
        label = f"{self.name}:{knobs}" if knobs else self.name
        return label if self.input_shape is None else f"{label} {shape_text(self.input_shape)}"

    def __repr__(self) -> str:
        return f"<Network {self.label}>"

    def _repr_html_(self) -> str:
        """How a notebook shows the network: its report."""
        return self.report()._repr_html_()

    @cached_property
    def _elaborated(self) -> Elaborated:
        if self._built is not None:
            return self._built
        network, problems, _ = attempt(self.spec, self.knobs, self.input_shape)
        if network is None or problems:
            raise SpecError(problems)
        return network

    @property
    def graph(self) -> Graph:
        """The network as nodes and edges, every choice made."""
        return self._elaborated.graph

    @property
    def steps(self) -> tuple[Step, ...]:
        """The walk of the graph: each op with the shapes it reads and what it costs, batch 1."""
        return tuple(self._elaborated.steps)

    @property
    def changed(self) -> tuple[str, ...]:
        """The knobs that stand at other values than the name says.

        >>> load("resnet50").changed, load("resnet50", width=2).changed
        ((), ('width',))
        """
        preset = self.spec.presets.get(self.origin, {})
        own = {knob.name: preset.get(knob.name, knob.default) for knob in self.spec.knobs.values()}
        return tuple(name for name, value in self.knobs.items() if value != own[name])

    def at(self, **knobs: Any) -> Network:
        """The same spec with some knobs changed, from where this network stands.

        Raises `UsageError` for a knob or value that there is not, for a network with an input shape of its own, and for
        one that was rewritten.

        >>> load("mobilenet_v2", width=0.5).at(resolution=96).graph.input_shape
        (96, 96, 3)
        """
        if self._built is not None or self.input_shape is not None:
            raise UsageError(f"{self.name} is not what its knobs say any more, so that they cannot be changed")
        return Network(self.spec, self.name, {**self.knobs, **_knob_values(self.name, self.spec, knobs)})

    def rewrite(self, to: str, layers: str = "*", *, excluded: Sequence[str] = ()) -> Network:
        """The network with its convolutions rebuilt: `separable`, `standard` or `grouped:G`.

        `layers` is a glob over layer names, `excluded` are globs of those to leave as they are. The new network has no
        knobs: set them before. Raises `UsageError` if no matching layer can be rebuilt.

        >>> load("mobilenet_v1").rewrite("standard").report().totals.macs  # the paper's Table 4: 4866 M
        4867293184
        """
        made = rewrite(replace(self.graph, name=self.name), to, layers, excluded)
        built = Elaborated(made.graph, walk(made.graph), self._elaborated.knobs)
        after = Network(self.spec, rewritten_name(self.name, to), self.knobs, built=built)
        after.origin, after.rebuilt = self.origin, made.rebuilt
        return after

    def report(
        self, convention: str = "paper", *, batch: int = 1, dtype: str = "fp32", memory_policy: str = "fused"
    ) -> Report:
        """What the network costs, in exact integers.

        Raises `UsageError` for an unknown convention, dtype or policy.

        >>> load("mobilenet_v2").report().totals.macs
        300774272
        """
        built = self._elaborated
        return report(
            built.graph,
            built.steps,
            named_convention(convention),
            network=self.name,
            title=self.spec.title,
            source=self.spec.source,
            knobs=built.knobs,
            changed=self.changed,
            batch=batch,
            dtype=dtype,
            memory_policy=memory_policy,
        )

    def memory(
        self,
        policy: str = "fused",
        *,
        dtype: str = "fp32",
        batch: int = 1,
        order: Runs = "given",
        parts: int = 1,
        align: int = 1,
    ) -> Usage:
        """Which activations are alive when, how many bytes at most, and where they could lie.

        `order="best"` runs the layers in the order that needs least; `parts` splits the inner tensors of blocks;
        `align` is of the arena's offsets. Raises `UsageError` for an option that does not exist or fit.

        >>> usage = load("resnet50").memory("inplace", dtype="int8")
        >>> usage.peak, usage.arena.total
        (1806336, 1806336)
        """
        from convcost.memory.usage import Options, usage

        graph, options = self.graph, Options(policy, dtype, order, parts, align)
        return usage(self.steps, graph.input_shape, graph.outputs, options, batch=check_batch(batch))

    def reconcile(self, first: str, second: str, *, batch: int = 1) -> Reconciliation:
        """The terms by which two conventions differ on this network; raises `UsageError` for an unknown name.

        Batch-norm passes 11,113,984 elements of ResNet-50, and thop counts four operations for each:

        >>> load("resnet50").reconcile("paper", "thop").terms[0].difference
        44455936
        """
        conventions = named_convention(first), named_convention(second)
        return reconcile(self.name, self._elaborated.steps, *conventions, check_batch(batch))


def load(model: str, /, *, input_shape: Shape | int | None = None, **knobs: Any) -> Network:
    """A network by zoo name, preset name or path of a YAML file, with knobs set, here or in the name.

    A name may carry knobs: `mobilenet_v2:width=0.75,resolution=192`.
    `input_shape` is (h, w, c), (h, w) or one size for both; the channels come from the spec if left out.
    A float means the decimal it is written as: `width=1.1` is eleven tenths.
    Raises `SpecError` for a file that does not hold, `UsageError` for a name or value that does not exist.

    >>> load("mobilenet_v1", width=0.5).report().totals.macs
    149497088
    """
    return open_named(model, knobs, input_shape)


def open_named(model: str, knobs: Mapping[str, Any], input_shape: Shape | int | None = None) -> Network:
    """As `load`, with the knobs in a mapping."""
    bare, own = split_name(model)
    if twice := [name for name in own if name in knobs]:
        raise UsageError(f"{model}: {twice[0]} is set twice, in the name and beside it")
    return open_network(bare, {**knobs, **own}, input_shape)


def split_name(model: str) -> tuple[str, dict[str, str]]:
    """A network's name, and the knobs that follow it after a colon; raises `UsageError`.

    A file that exists, or that ends as specs do, is a path, whatever characters it has.

    >>> split_name("mobilenet_v2:width=0.75,resolution=192")
    ('mobilenet_v2', {'width': '0.75', 'resolution': '192'})
    >>> split_name("runs:a=1/net.yaml"), split_name("runs:a=1/net.yaml:width=2")
    (('runs:a=1/net.yaml', {}), ('runs:a=1/net.yaml', {'width': '2'}))
    """
    bare, colon, words = model.rpartition(":")
    is_path = model.endswith((".yaml", ".yml")) or (os.sep in model and "=" not in words)
    if not colon or is_path or ("\0" not in model and os.path.isfile(model)):
        return model, {}
    own: dict[str, str] = {}
    for word in re.split(r",(?![^\[]*\])", words):  # a comma in brackets is one of a list
        knob, sign, value = (part.strip() for part in word.partition("="))
        if not (bare and knob and sign and value):
            example = f"{bare or 'mobilenet_v2'}:width=0.75,resolution=192"
            raise UsageError(f"{model!r}: after the colon stand knobs, as in {example}")
        if knob in own:
            raise UsageError(f"{model}: {knob} is set twice")
        own[knob] = value
    return bare, own


def open_network(model: str, knobs: Mapping[str, Any], input_shape: Shape | int | None = None) -> Network:
    """As `open_named`, for a name without knobs."""
    if split_name(model)[1]:
        raise UsageError(f"{model}: here knobs stand apart from the name: --set KNOB=VALUE")
    found = find(model)
    name = found.preset or found.spec.name
    values = {knob.name: knob.default for knob in found.spec.knobs.values()} | dict(found.spec.presets.get(name, {}))
    values |= _knob_values(name, found.spec, knobs)
    if found.problems:
        raise SpecError([*found.problems, *attempt(found.spec, values)[1]])
    shape = None
    if input_shape is not None:
        if "resolution" in knobs:
            raise UsageError("give resolution or an input shape, not both")
        try:
            shape = _full_shape(found.spec, values, input_shape)
            if _is_resolution(found.spec, values, shape):
                values["resolution"], shape = shape[0], None
        except ExprError:  # the spec's own input is wrong, and elaborating says where
            raise SpecError(attempt(found.spec, values)[1]) from None
    return Network(found.spec, name, values, shape)


def _knob_values(name: str, spec: Spec, given: Mapping[str, Any]) -> dict[str, KnobValue]:
    """Knobs as the spec takes them; raises `UsageError`."""
    values = {}
    for knob, value in given.items():
        if knob not in spec.knobs:
            raise no_knob(name, knob, spec.knobs)
        try:
            values[knob] = knob_value(spec.knobs[knob], value)
        except Unfit as error:
            raise UsageError(str(error)) from None
    return values


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
            return list(SpecError([*problems, Problem(None, found.spec.file, what)]).problems)
    return list(SpecError(problems).problems)


def _written(value: KnobValue) -> str:
    """A knob's value as `knob_value` reads it."""
    if isinstance(value, Fraction):
        return decimal_text(value).removesuffix(".0")
    return say(value).replace(" ", "")


def _full_shape(spec: Spec, values: Mapping[str, KnobValue], given: Shape | int) -> Shape:
    """The input shape with the channels of the spec filled in; raises `UsageError`."""
    given = plain(given)
    if not isinstance(given, (int, tuple, list)):
        raise UsageError(f"an input shape is a size, (height, width) or (height, width, channels), got {say(given)}")
    sizes = (given,) if isinstance(given, int) else tuple(map(plain, given))
    if len(spec.input) == 1:
        whole = sizes
    else:
        sizes = sizes * 2 if len(sizes) == 1 else sizes
        whole = sizes if len(sizes) == 3 else (*sizes, spec.input[-1].evaluate(values))
    if len(whole) != len(spec.input):
        need = "one number" if len(spec.input) == 1 else "a size, [height, width] or [height, width, channels]"
        raise UsageError(f"the input of {spec.name} is {need}, got {say(given)}")
    if len(whole) == 3 == len(sizes):
        channels = spec.input[-1].evaluate(values)
        if whole[0] == channels != whole[2]:
            got, meant = (shape_text(shape).replace("×", "x") for shape in (whole, (*whole[1:], whole[0])))
            raise UsageError(f"sizes go height x width x channels: the input of {spec.name} is {meant}, not {got}")
    for size in whole:
        if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= LARGEST:
            raise UsageError(f"an input size must be an integer from 1 to {LARGEST:,}, got {say(size)}")
    return whole


def _is_resolution(spec: Spec, values: Mapping[str, KnobValue], shape: Shape) -> bool:
    """Whether setting the knob `resolution` gives this input shape, so that the report can say so."""
    if "resolution" not in values:
        return False
    return tuple(value.evaluate({**values, "resolution": shape[0]}) for value in spec.input) == shape
