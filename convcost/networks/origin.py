"""The origin of a network: a spec at some knob values, or another network whose convolutions were rebuilt.

An origin builds the walked graph and knows its name and caption. No other package asks which kind of origin it is, except
to vary knobs, which only a spec has. A model file is a spec whose layers are those of the file.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, NamedTuple, Protocol

from convcost.core.dims import Shape
from convcost.core.errors import SpecError, UsageError
from convcost.core.units import decimal_text, input_shapes_text, say
from convcost.graph.graph import Caption
from convcost.graph.rewrite import Rebuilt, rewrite, rewritten_name
from convcost.graph.walk import Walked, walk
from convcost.spec.elaborate import attempt
from convcost.spec.knobs import knob_values
from convcost.spec.syntax import KnobValue, Spec, sides
from convcost.spec.uses import defaults
from convcost.spec.zoo import names_of


class Built(NamedTuple):
    """The result of building an origin."""

    walked: Walked
    knobs: Mapping[str, Any]
    """The knob values that the network depends on."""
    rebuilt: tuple[Rebuilt, ...] = ()
    """The nodes that a rewrite replaced, with their replacements."""
    remarks: tuple[str, ...] = ()
    """Of a model file: what people should know about its numbers."""
    stays: Mapping[str, str] = {}
    """Layers that a rewrite would have merged -> why it could not."""


class Origin(Protocol):
    """The interface of all origins."""

    @property
    def name(self) -> str:
        """The name of the network."""

    @property
    def family(self) -> str:
        """The family: the common name of all networks of its file."""

    @property
    def file(self) -> str:
        """The file that it was read from."""

    @property
    def caption(self) -> Caption:
        """Its title, year, source, description and task."""

    @property
    def knobs(self) -> Mapping[str, KnobValue]:
        """Every knob with its value; empty if it has none."""

    @property
    def input_shapes(self) -> Mapping[str, Shape]:
        """Name -> shape of the inputs whose shapes are not what the file states."""

    @property
    def changed(self) -> tuple[str, ...]:
        """The knobs whose values differ from those that the name implies."""

    @property
    def alone(self) -> bool:
        """Whether all of it stands in its file, and in those of the zoo that it uses."""

    def build(self) -> Built:
        """The walked graph; raises `SpecError`."""

    def relatives(self) -> Iterator[Origin]:
        """The origins of the other networks of its family."""

    def of_spec(self) -> FromSpec:
        """The origin as a spec, to vary its knobs; raises `UsageError` if it is no spec."""

    def at(self, knobs: Mapping[str, Any], /) -> Origin:
        """The same with some knobs changed; raises `UsageError`."""


@dataclass(frozen=True, slots=True)
class FromSpec:
    """A spec at some knob values: everything about a network that a number may depend on."""

    spec: Spec = field(hash=False)
    name: str
    knobs: Mapping[str, KnobValue] = field(hash=False)
    input_shapes: Mapping[str, Shape] = field(default_factory=dict, hash=False)

    @property
    def family(self) -> str:
        """The name of the spec."""
        return self.spec.name

    @property
    def file(self) -> str:
        """The file of the spec."""
        return self.spec.file

    @property
    def caption(self) -> Caption:
        """The caption that the spec states."""
        return Caption(self.spec.title, self.spec.year, self.spec.source, self.spec.about, self.spec.task)

    @property
    def changed(self) -> tuple[str, ...]:
        """The knobs whose values differ from those of the preset of this name."""
        preset = self.spec.presets.get(self.name, {})
        own = {knob.name: preset.get(knob.name, knob.default) for knob in self.spec.knobs.values()}
        return tuple(name for name, value in self.knobs.items() if value != own[name])

    @property
    def alone(self) -> bool:
        """Whether no file beside that of a model was read."""
        return self.spec.foreign is None or self.spec.foreign.model.alone

    def build(self) -> Built:
        """Elaborate the spec; raises `SpecError` with every problem found."""
        network, problems, _ = attempt(self.spec, self.knobs, self.input_shapes)
        if network is None or problems:
            raise SpecError(problems)
        return Built(network.walked, network.knobs, remarks=network.notes)

    def relatives(self) -> Iterator[Origin]:
        """The networks of the spec's other names."""
        for name in names_of(self.spec):
            if name != self.name:
                yield FromSpec(self.spec, name, defaults(self.spec, name))

    def of_spec(self) -> FromSpec:
        """Itself."""
        return self

    def at(self, knobs: Mapping[str, Any], /) -> FromSpec:
        """Other values of some knobs; raises `UsageError`."""
        for knob in knobs:
            if sides(self.spec, knob, self.input_shapes):
                raise UsageError(f"{knob} sets the input, and {self.name} has an input shape of its own")
        return replace(self, knobs={**self.knobs, **knob_values(self.name, self.spec, knobs)})


@dataclass(frozen=True, slots=True)
class FromRewrite:
    """Another network with its convolutions rebuilt."""

    before: Origin
    to: str
    layers: str = "*"
    excluded: tuple[str, ...] = ()

    @property
    def of_all(self) -> bool:
        """Whether all layers were rewritten that can be: none was selected or excluded."""
        return self.layers == "*" and not self.excluded

    @property
    def name(self) -> str:
        """The other network's name, and what its convolutions became."""
        return rewritten_name(self.before.name, self.to)

    @property
    def family(self) -> str:
        """That of the other network."""
        return self.before.family

    @property
    def file(self) -> str:
        """The file of the other network."""
        return self.before.file

    @property
    def caption(self) -> Caption:
        """That of the other network."""
        return self.before.caption

    @property
    def knobs(self) -> Mapping[str, KnobValue]:
        """Those that the other network was built with."""
        return self.before.knobs

    @property
    def input_shapes(self) -> Mapping[str, Shape]:
        """Those of the other network."""
        return self.before.input_shapes

    @property
    def changed(self) -> tuple[str, ...]:
        """The changed knobs of the other network."""
        return self.before.changed

    @property
    def alone(self) -> bool:
        """As the other network."""
        return self.before.alone

    def build(self) -> Built:
        """Build the other network and rewrite it."""
        return self.rebuilt(self.before.build())

    def rebuilt(self, before: Built) -> Built:
        """Rewrite the other network once it is built; raises `UsageError` if nothing can be rebuilt."""
        walked = Walked(replace(before.walked.graph, name=self.before.name), before.walked.steps)
        made = rewrite(walked, self.to, self.layers, self.excluded)
        return Built(walk(made.graph), before.knobs, made.rebuilt, before.remarks, made.stays)

    def relatives(self) -> Iterator[Origin]:
        """The family of the other network, not rewritten."""
        return self.before.relatives()

    def of_spec(self) -> FromSpec:
        """Raises `UsageError`: the graph was rebuilt at one value of each knob."""
        raise UsageError(f"{self.name} was rebuilt, so that it has no knobs; vary {self.before.name} and rewrite that")

    def at(self, _: Mapping[str, Any], /) -> FromRewrite:
        """Raises `UsageError`."""
        raise UsageError(f"{self.name} is not what its knobs say any more, so that they cannot be changed")


def label(origin: Origin) -> str:
    """The name with changed knobs, as `load` takes it: `mobilenet_v2:width=0.75,resolution=192`."""
    knobs = knobs_text(origin)
    text = f"{origin.name}:{knobs}" if knobs else origin.name
    return f"{text} {input_shapes_text(origin.input_shapes)}" if origin.input_shapes else text


def knobs_text(origin: Origin, among: Container[str] | None = None) -> str:
    """The changed knobs, or those of them that are `among` some, as a name carries them: `width=0.75,resolution=192`."""
    names = (name for name in origin.changed if among is None or name in among)
    return ",".join(f"{name}={_written(origin.knobs[name])}" for name in names)


def _written(value: KnobValue) -> str:
    """A knob's value as `knob_value` reads it."""
    if isinstance(value, Fraction):
        return decimal_text(value).removesuffix(".0")
    return say(value).replace(" ", "")
