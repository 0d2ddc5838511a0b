"""The library's front door: `load` a network, ask it for its `report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from convcost.conventions.catalog import convention as named_convention
from convcost.conventions.reconcile import Reconciliation, reconcile
from convcost.core.checks import check_batch
from convcost.core.dims import Shape
from convcost.core.errors import SpecError, UsageError
from convcost.core.units import decimal_text, say, shape_text
from convcost.graph.graph import Graph
from convcost.graph.rewrite import Rebuilt, rewrite, rewritten_name
from convcost.graph.walk import Step, walk
from convcost.results.report import Report, report
from convcost.spec.elaborate import Elaborated, attempt
from convcost.spec.knobs import knob_values
from convcost.spec.syntax import KnobValue, Spec

if TYPE_CHECKING:
    from convcost.memory.usage import Runs, Usage


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

        >>> from convcost import load
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

        >>> from convcost import load
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

        >>> from convcost import load
        >>> load("mobilenet_v2", width=0.5).at(resolution=96).graph.input_shape
        (96, 96, 3)
        """
        if self._built is not None or self.input_shape is not None:
            raise UsageError(f"{self.name} is not what its knobs say any more, so that they cannot be changed")
        return Network(self.spec, self.name, {**self.knobs, **knob_values(self.name, self.spec, knobs)})

    def rewrite(self, to: str, layers: str = "*", *, excluded: Sequence[str] = ()) -> Network:
        """The network with its convolutions rebuilt: `separable`, `standard` or `grouped:G`.

        `layers` is a glob over layer names, `excluded` are globs of those to leave as they are. The new network has no
        knobs: set them before. Raises `UsageError` if no matching layer can be rebuilt.

        >>> from convcost import load
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

        >>> from convcost import load
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

        >>> from convcost import load
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

        >>> from convcost import load
        >>> load("resnet50").reconcile("paper", "thop").terms[0].difference
        44455936
        """
        conventions = named_convention(first), named_convention(second)
        return reconcile(self.name, self._elaborated.steps, *conventions, check_batch(batch))


def _written(value: KnobValue) -> str:
    """A knob's value as `knob_value` reads it."""
    if isinstance(value, Fraction):
        return decimal_text(value).removesuffix(".0")
    return say(value).replace(" ", "")
