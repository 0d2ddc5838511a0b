"""The types that a network states for its tensors, and what they come to.

A tensor without a stated type has the one that a caller asks for, `core.dtypes.DEFAULT` if none. A caller who asks for one
has it everywhere: what if all were int8? So the question is settled once, by `as_dtype`, before anything is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from convcost.core.cost import Factors
from convcost.core.dtypes import DEFAULT, DTYPE_BITS
from convcost.graph.graph import ROLES, Graph, producer
from convcost.graph.walk import Step, Walked, not_usual, output_edges

PARAMS = ("weights", "biases")
"""The roles whose elements are parameters if they are trained."""


def states_types(graph: Graph) -> bool:
    """Whether a network states a type for any of its tensors."""
    return bool(graph.dtypes) or any(node.dtypes for node in graph.nodes)


def as_dtype(walked: Walked, dtype: str | None) -> Walked:
    """The network with the types that it states, or with none, so that each tensor has the dtype that is asked for."""
    if dtype is None or not states_types(walked.graph):
        return walked
    steps = tuple(step._replace(node=replace(step.node, dtypes={})) for step in walked.steps)
    graph = replace(walked.graph, nodes=tuple(step.node for step in steps), dtypes={})
    return Walked(graph, steps)


def common_dtypes(walked: Walked) -> dict[str, str]:
    """Role -> the type that most tensors of this role have, where that is not the usual one.

    If that is one type for all roles that any node has, it is said for every role.
    """
    stated: dict[str, Counter[str]] = {}
    for step in walked.steps:
        for role in step.roles:
            stated.setdefault(role, Counter())[step.node.dtypes.get(role, DEFAULT)] += 1
    found = not_usual({role: kinds.most_common(1)[0][0] for role, kinds in stated.items()})
    alike = found.keys() == stated.keys() and len({*found.values()}) == 1
    return dict.fromkeys(ROLES, next(iter(found.values()))) if alike else found


def stating_others(walked: Walked, known: Mapping[str, str]) -> Walked:
    """The network whose nodes state their types only where these are not those that are `known` of a role, the usual one too."""
    if not known:
        return walked

    def others(step: Step) -> Step:
        own = {role: step.node.dtypes.get(role, DEFAULT) for role in step.roles}
        rest = {role: dtype for role, dtype in own.items() if known.get(role, DEFAULT) != dtype}
        return step._replace(node=replace(step.node, dtypes=rest))

    steps = tuple(map(others, walked.steps))
    return Walked(replace(walked.graph, nodes=tuple(step.node for step in steps)), steps)


def edge_dtypes(walked: Walked) -> Mapping[str, str]:
    """The type of each edge that has a stated one; a view has that of what it views."""
    if not states_types(walked.graph):
        return {}
    found = dict(walked.graph.dtypes)
    for step in walked.steps:
        node = step.node
        stated = found.get(node.inputs[0]) if views(step) else node.dtypes.get("outputs")
        if stated is not None:
            found |= dict.fromkeys(output_edges(node, step.cost), stated)
    return found


def edge_dtype(edge: str, made: Mapping[str, Step], inputs: Mapping[str, str]) -> str:
    """The type of one edge among nodes made so far; empty if none is stated."""
    while (step := made.get(producer(edge))) is not None:
        if not views(step):
            return step.node.dtypes.get("outputs", "")
        edge = step.node.inputs[0]
    return inputs.get(edge, "")


def views(step: Step) -> bool:
    """Whether a step hands on elements of what it reads."""
    return step.traits.view != "none" and bool(step.node.inputs)


def params_by_dtype(steps: Iterable[Step], dtype: str = DEFAULT) -> Mapping[str, int]:
    """Dtype -> the trainable elements that are stored as it; `dtype` is that of all whose type is not stated."""
    found: Counter[str] = Counter()
    for step in steps:
        node = step.node
        if not node.dtypes:
            found[dtype] += int(step.params)
        elif node.trainable:
            for role in PARAMS:
                if role not in node.shares:
                    found[node.dtypes.get(role, dtype)] += int(getattr(step.cost, role))
    return +found  # without what nothing is stored as


class Bits(NamedTuple):
    """How many bits the elements have that a layer multiplies, and those that it writes."""

    weights: int
    """Of its weights, shared ones too; 0 if it has none."""
    inputs: tuple[int, ...]
    """Of each tensor that it reads."""
    outputs: int


class Operands(NamedTuple):
    """The types of the elements that a layer multiplies, and of those that it writes."""

    weights: str
    """Of its weights, shared ones too; empty if it has none."""
    inputs: tuple[str, ...]
    """Of each tensor that it reads."""
    outputs: str

    @property
    def factors(self) -> Factors:
        """What its multiply-accumulates multiply: weights by what it reads, or two tensors that it reads.

        >>> Operands("int4", ("int8",), "int8").factors, Operands("", ("int8", "int4"), "int8").factors
        (Factors(first='int4', second='int8'), Factors(first='int8', second='int4'))
        """
        read = self.inputs or (self.weights or DEFAULT,)
        return Factors(self.weights, read[0]) if self.weights else Factors(read[0], read[-1])


def operands(walked: Walked, dtype: str | None = None) -> Mapping[str, Operands]:
    """Layer -> the types of its operands, if this dtype is asked for or none.

    >>> from convcost import load
    >>> operands(load("ds_cnn_s").walked, "int8")["conv1"]
    Operands(weights='int8', inputs=('int8',), outputs='int8')
    """
    walked, other = as_dtype(walked, dtype), dtype or DEFAULT
    edges = edge_dtypes(walked)
    alike = cache(lambda weights, inputs: Operands(weights, (other,) * inputs, other))
    found: dict[str, Operands] = {}
    for step in walked.steps:
        node = step.node
        weights = node.dtypes.get("weights", other) if "weights" in step.roles else ""
        if owner := node.shares.get("weights"):
            weights = found[owner].weights
        if not edges:  # as in most networks
            found[node.name] = alike(weights, len(node.inputs))
            continue
        made = next(iter(output_edges(node, step.cost)), "")
        found[node.name] = Operands(
            weights, tuple(edges.get(edge, other) for edge in node.inputs), edges.get(made, other)
        )
    return found


def operand_bits(walked: Walked, dtype: str | None = None) -> Mapping[str, Bits]:
    """Layer -> the bits of its operands, if this dtype is asked for or none.

    >>> from convcost import load
    >>> operand_bits(load("ds_cnn_s").walked, "int8")["conv1"]
    Bits(weights=8, inputs=(8,), outputs=8)
    """
    return {
        name: Bits(
            DTYPE_BITS[one.weights] if one.weights else 0,
            tuple(DTYPE_BITS[dtype] for dtype in one.inputs),
            DTYPE_BITS[one.outputs],
        )
        for name, one in operands(walked, dtype).items()
    }


def used_dtypes(walked: Walked, dtype: str | None = None) -> frozenset[str]:
    """Every type that an input, a tensor that is written, weights or biases have, if this one is asked for or none."""
    walked, other = as_dtype(walked, dtype), dtype or DEFAULT
    if not states_types(walked.graph):
        return frozenset({other})
    found = {walked.graph.dtypes.get(name, other) for name in walked.inputs}
    for step in walked.steps:
        found |= {step.node.dtypes.get(role, other) for role in step.roles if role != "buffers"}
    return frozenset(found)
