"""Apply each node's rule in execution order: shapes and costs of a whole network."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from convcost.core.cost import Check, OpCost
from convcost.core.dims import Dim, Shape, elements, equal, is_array, is_symbolic
from convcost.core.dtypes import DEFAULT
from convcost.core.errors import Problem, SpecError
from convcost.core.units import shape_text
from convcost.graph.graph import STORED, Graph, Node, producer
from convcost.ops import OPS, Traits, Unfit, failure
from convcost.ops.function import EXPONENTIALS

LARGEST_SIZE = 10**18
"""The largest height, width or number of channels: a bound on repeated growth."""


class Step(NamedTuple):
    """A node with the shapes it reads and what it costs."""

    node: Node
    input_shapes: tuple[Shape, ...]
    cost: OpCost

    @property
    def traits(self) -> Traits:
        """The traits of the node's op."""
        return OPS[self.node.op].traits

    @property
    def opaque(self) -> bool:
        """Whether nobody knows what it costs: its counts are no numbers, and sums with them are lower bounds."""
        return self.traits.opaque

    @property
    def type(self) -> str:
        """What it computes where its op's name does not say that: the function, the type of an unknown op; else empty."""
        says = OPS[self.node.op].says
        return str(self.node.attrs[says]) if says else ""

    @property
    def exponentials(self) -> Dim:
        """Elements of which it takes an exponential, a root or a power."""
        taken = self.traits.computes == "exponentials" or self.type in EXPONENTIALS
        return elements(self.cost.out) if taken else 0

    @property
    def written(self) -> Dim:
        """Elements written; 0 for a view, and for an unknown op, which may be one."""
        return elements(self.cost.out) if self.traits.view == "none" and not self.opaque else 0

    @property
    def params(self) -> Dim:
        """Trainable elements that the node stores: none that it shares with an earlier node, none that are not trained."""
        node, cost = self.node, self.cost
        if node.trainable and not node.shares:
            return cost.weights + cost.biases
        return self._stored("weights", "biases") if node.trainable else 0

    @property
    def buffers(self) -> Dim:
        """Elements that the node stores and that are not trained."""
        node = self.node
        if node.trainable and not node.shares:
            return self.cost.buffers
        return self._stored("buffers") if node.trainable else self._stored(*STORED)

    @property
    def used_params(self) -> Dim:
        """Trainable elements that the node uses, shared ones included."""
        return self.cost.params if self.node.trainable else 0

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of the tensors that the node has: what it writes, and what it stores; not what it shares or only views.

        A count over a grid or of symbols stands for some.
        """
        node, cost = self.node, self.cost
        stored = [role for role in STORED if role not in node.shares and _some(getattr(cost, role))]
        return ("outputs", *stored) if self.traits.view == "none" else tuple(stored)

    def _stored(self, *fields: str) -> Dim:
        own: list[Dim] = [getattr(self.cost, name) for name in fields if name not in self.node.shares]
        return sum(own, 0)

    @property
    def padding_macs(self) -> Dim:
        """The MACs that multiply a padding zero: counted, but without effect on the result."""
        return OPS[self.node.op].padding_macs(self.input_shapes, self.node.attrs)

    @property
    def by_channel(self) -> bool:
        """Whether the op is per-channel: each output channel depends on one input channel (a pool, a depthwise convolution)."""
        channels = self.traits.channels
        if channels == "alone":
            return not self.node.attrs.get("channels")  # an op that is given channels, pad, adds some
        return channels == "grouped" and bool(self.node.attrs["groups"] == self.input_shapes[0][-1] > 1)

    @property
    def kind(self) -> str:
        """The kind of op, as tables of papers distinguish them: `conv2d 1×1`, `conv2d 3×3 depthwise`, `function erf`."""
        node, kernel = self.node, self.window("kernel")
        if self.type:
            return f"{node.op} {self.type}"
        text = f"{node.op} {'×'.join(map(str, kernel))}" if kernel else node.op
        groups = node.attrs["groups"] if self.traits.channels == "grouped" else 1
        if groups == 1:
            return text
        return f"{text} depthwise" if groups == self.input_shapes[0][-1] else f"{text} groups {groups}"

    @property
    def text(self) -> str:
        """The kind with its stride: `conv2d 3×3 depthwise /2`."""
        stride = self.window("stride")
        if all(step == 1 for step in stride) or stride == self.window("kernel"):
            return self.kind
        return f"{self.kind} /{'×'.join(map(str, stride if len(set(stride)) > 1 else stride[:1]))}"

    @property
    def is_pointwise(self) -> bool:
        """Whether it is a 1×1 convolution."""
        kernel = self.window("kernel")
        return self.traits.weighted and bool(kernel) and all(size == 1 for size in kernel)

    def window(self, attr: str) -> tuple[Dim, ...]:
        """An attribute that has one size per spatial axis of a window, or a single size; empty if the op has none."""
        value = self.node.attrs.get(attr)
        return value if isinstance(value, tuple) else () if value is None else (value,)


@dataclass(frozen=True, slots=True)
class Walked:
    """A graph with the result of walking it: every shape and every cost, batch 1."""

    graph: Graph
    steps: tuple[Step, ...]
    """One for each node, in the graph's order."""

    @property
    def inputs(self) -> Mapping[str, Shape]:
        """The shapes of the graph's inputs, by name."""
        return self.graph.inputs

    @property
    def input_shape(self) -> Shape:
        """The shape of the graph's first input."""
        return self.graph.input_shape

    @property
    def outputs(self) -> tuple[str, ...]:
        """The edges that are outputs of the graph."""
        return self.graph.outputs


class Misfit(Unfit):
    """A node whose checks fail; `cost` is its ledger where the output shapes are sure all the same, so that what follows
    can still be looked at.
    """

    def __init__(self, why: str, cost: OpCost | None) -> None:
        super().__init__(why)
        self.cost = cost


class Walk:
    """A walk in progress: knows the shape of every edge produced so far, and costs equal layers once.

    A spec is elaborated and walked at the same time, because a condition may depend on the current shape.
    """

    def __init__(self, inputs: Mapping[str, Shape]) -> None:
        self.shapes: dict[str, Shape] = dict(inputs)
        self.steps: list[Step] = []
        self.made: dict[str, Step] = {}
        self.known: dict[Any, OpCost] = {}

    def step(self, node: Node) -> Step:
        """Cost one node and remember its outputs; raises `Unfit` with all that is wrong.

        Of the types that the node states the step keeps those of tensors that it has, and not the usual one.
        """
        try:
            shapes = tuple([self.shapes[edge] for edge in node.inputs])
        except KeyError as edge:
            raise Unfit(f"reads {edge}, which has no known shape") from None
        cost = self.cost(node, shapes)
        step = Step(node, shapes, cost)
        if node.dtypes:
            own = {role: node.dtypes.get(role, DEFAULT) for role in step.roles}
            node = replace(node, dtypes=not_usual(own))
            step = step._replace(node=node)
        if node.shares:
            self.compare(step)
        self.remember(node, cost)
        self.steps.append(step)
        self.made[node.name] = step
        return step

    def forget(self, names: Collection[str]) -> None:
        """Leave out steps that nothing reads, by the names of their nodes."""
        if names:
            self.steps = [step for step in self.steps if step.node.name not in names]

    def compare(self, step: Step) -> None:
        """Refuse a node that needs other weights than the node whose weights it shares; raises `Unfit`."""
        need = "shares the {2} of {3}, which has {1}, but needs {0}"
        for field, owner in step.node.shares.items():
            here, there = getattr(step.cost, field), getattr(self.made[owner].cost, field)
            if said := failure(Check(equal(here, there), need, (here, there, field, owner))):
                raise Unfit(said)

    def remember(self, node: Node, cost: OpCost) -> None:
        """Know the shapes of what a node writes, so that others can read it."""
        if len(cost.out) == 1:  # nearly always
            self.shapes[node.name] = cost.out[0]
            return
        for edge, shape in zip(output_edges(node, cost), cost.out):
            self.shapes[edge] = shape

    def cost(self, node: Node, shapes: tuple[Shape, ...]) -> OpCost:
        """What the node costs; raises `Unfit`."""
        key = self.key(node, shapes)
        try:
            found = self.known.get(key)
        except TypeError:  # arrays have no hash
            return self.checked(node, shapes)
        if found is None:
            found = self.known[key] = self.checked(node, shapes)
        return found

    def key(self, node: Node, shapes: tuple[Shape, ...]) -> Any:
        """Equal for nodes that cost the same."""
        return node.op, shapes, tuple(node.attrs.items())

    def checked(self, node: Node, shapes: tuple[Shape, ...]) -> OpCost:
        """Apply the node's rule and evaluate its checks; raises `Unfit`."""
        cost = OPS[node.op].cost(shapes, node.attrs)
        # By identity: operands may be arrays, which have no hash, and a rule that checks thousands of parts checks the same
        # objects each time.
        open_ones = [check for check in cost.checks if check.holds is not True]  # over ints, mostly none
        different = {(check.need, id(check.operands), id(check.holds)): check for check in open_ones}
        if failures := {said: check for check in different.values() if (said := failure(check))}:
            shaped = not any(check.of_shape for check in failures.values())
            raise Misfit("; ".join(failures) + _came_along(node, shapes), cost if shaped else None)
        # A split has thousands of equal outputs.
        once = cost.out if len(cost.out) == 1 else {id(shape): shape for shape in cost.out}.values()
        for shape in once:
            if any(map(_is_too_large, shape)):
                raise Unfit(
                    f"no size may be above {LARGEST_SIZE:,}, got {shape_text(shape)}" + _came_along(node, shapes)
                )
        return cost


def not_usual(dtypes: Mapping[str, str]) -> dict[str, str]:
    """Stated types without the one that a tensor has where nothing is said.

    >>> not_usual({"outputs": "fp32", "weights": "int8"})
    {'weights': 'int8'}
    """
    return {key: dtype for key, dtype in dtypes.items() if dtype != DEFAULT}


def walk(graph: Graph) -> Walked:
    """The graph with the shapes and the cost of each node; raises `SpecError` naming the first node whose checks fail."""
    under_way = Walk(graph.inputs)
    for node in graph.nodes:
        try:
            under_way.step(node)
        except Unfit as error:
            raise SpecError([Problem(node.where, node.name, str(error))]) from None
    steps = tuple(under_way.steps)
    if any(node.dtypes for node in graph.nodes):
        graph = replace(graph, nodes=tuple(step.node for step in steps))
    return Walked(graph, steps)


def output_edges(node: Node, cost: OpCost) -> tuple[str, ...]:
    """The edges that a node makes: its name, or `name:0`, `name:1`, … if it has several outputs; none if it has none."""
    if len(cost.out) == 1:
        return (node.name,)
    return tuple(f"{node.name}:{i}" for i in range(len(cost.out)))


def _some(count: Dim) -> bool:
    """Whether it is not known to be nothing."""
    return not (type(count) is int and count == 0)


def _is_too_large(size: Dim) -> bool:
    if type(size) is int:  # nearly all are
        return size > LARGEST_SIZE
    if is_symbolic(size):
        from convcost.core.cases import short_enough

        short_enough(size, "each size ")
        return False
    above = size > LARGEST_SIZE
    return bool(above.any()) if is_array(above) else bool(above)


def _came_along(node: Node, shapes: tuple[Shape, ...]) -> str:
    if len(shapes) < 2:
        return ""
    return f" (inputs: {', '.join(f'{edge} {shape_text(shape)}' for edge, shape in zip(node.inputs, shapes))})"


def depth(graph: Graph) -> int:
    """Convolution and linear layers on the longest way from the input to an output: the 50 of ResNet-50.

    >>> from convcost import load
    >>> [depth(load(name).graph) for name in ("resnet50", "vgg16", "googlenet")]
    [50, 16, 22]
    """
    longest = dict.fromkeys(graph.inputs, 0)
    for node in graph.nodes:
        before = max((longest[producer(edge)] for edge in node.inputs), default=0)
        longest[node.name] = before + OPS[node.op].traits.weighted
    return max((longest[producer(edge)] for edge in graph.outputs), default=0)
