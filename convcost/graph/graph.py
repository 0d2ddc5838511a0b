"""A network as a flat list of nodes in execution order, joined by named edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from convcost.core.dims import Shape
from convcost.core.errors import Problem, SpecError, Where

INPUT = "input"
"""The edge that carries the input of a network with a single one that has no name of its own."""
STORED = ("weights", "biases", "buffers")
"""The fields of an op's ledger that are stored tensors, which several nodes can share."""
ROLES = ("outputs", *STORED)
"""Whose types a node may state: the tensors that it writes, and each field that it stores."""
TABLES = ("embedding", "linear")
"""Ops that can share a matrix with each other: a network of language reads and writes words with one table."""
FORMS = {
    "functional": "a function call without a module, which counters that hook modules do not see",
    "method": "a method of the tensor or a function of torch itself, where counters patch that of torch.nn.functional",
    "derived": "a module of a class derived from PyTorch's, which counters that look up the class do not know",
    "fused": "inside nn.MultiheadAttention, which calls one function for scores, softmax and their product with the values",
    "unfused": "inside nn.MultiheadAttention where it also returns the weights, and calls a function for each of the three",
    "attention": "inside that one function, scaled_dot_product_attention, where it is called by itself",
    "mean": "a mean over height and width instead of a pooling op",
    "linear": "a linear layer at each position instead of a 1×1 convolution",
}
"""How a layer may be written in the network's reference implementation, where counters treat the forms differently."""
MODULE = "module"
"""The word for none of them, where an expression says how a layer is written: a module, or an operator between tensors."""
LIKE = {
    "derived": "functional",
    "method": "functional",
    "fused": "functional",
    "unfused": "fused",
    "attention": "fused",
}
"""Form -> the form that it is like to a counter that does not care for the difference."""


class Caption(NamedTuple):
    """Title, year, source, description and task of a network."""

    title: str = ""
    year: int | None = None
    source: str = ""
    about: str = ""
    task: str = ""
    """One of `core.tasks.TASKS`; empty if it is not stated."""


@dataclass(frozen=True, slots=True)
class Node:
    """One op of a network, with every attribute explicit.

    An edge is the name of the node that makes the tensor, or `name:1` for the second output of a node with several.
    """

    name: str
    """Unique dotted path: the scopes, then the node's own name."""
    op: str
    inputs: tuple[str, ...]
    attrs: Mapping[str, Any] = field(hash=False)
    scope: tuple[str, ...] = ()
    """The stages and blocks that contain the node, outermost first."""
    where: Where | None = None
    """The line of the spec that made it."""
    form: str = ""
    """How the reference implementation writes it, one of `FORMS`; no cost depends on it, some conventions do."""
    form_known: bool = field(default=True, compare=False)
    """Whether that is known; else it is taken as a module or an operator."""
    shares: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Field of the ledger, one of `STORED` -> the earlier node whose tensor this one uses, so that it stores none itself."""
    trainable: bool = True
    """Whether its weights and biases are parameters; else they are buffers: stored, but not trained."""
    dtypes: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Role, one of `ROLES` -> the dtype that the network states for it; a role left out has the report's. A walk keeps
    what is not fp32, of the roles that the node has."""

    @property
    def owner(self) -> str:
        """The earlier node all of whose stored tensors this one uses; empty if there is none."""
        owners = {self.shares.get(name, "") for name in STORED}
        return owners.pop() if len(owners) == 1 else ""


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes in execution order. The order is checked, never corrected, because peak memory depends on it."""

    name: str
    inputs: Mapping[str, Shape] = field(hash=False)
    """Name of each input, which is the name of its edge -> its shape; `INPUT` where there is only one without a name."""
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    """The edges that are outputs, each once."""
    dtypes: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Name of an input -> the dtype that the network states for it; an input left out has the report's."""

    @property
    def input_shape(self) -> Shape:
        """The shape of the first input; of no axes where there is none."""
        return next(iter(self.inputs.values()), ())

    def __post_init__(self) -> None:
        problems, seen = [], {*self.inputs}
        makers: dict[str, str] = {}
        for node in self.nodes:
            problems += [
                Problem(node.where, node.name, f"reads {edge!r}, which no earlier node makes")
                for edge in node.inputs
                if producer(edge) not in seen
            ]
            problems += [
                Problem(node.where, node.name, f"shares the weights of {owner!r}, which is no earlier {node.op}")
                for owner in dict.fromkeys(node.shares.values())
                if not may_share(makers.get(owner, ""), node.op)
            ]
            if node.name in seen:
                problems.append(Problem(node.where, node.name, "two nodes have this name"))
            seen.add(node.name)
            makers[node.name] = node.op
        if problems:
            raise SpecError(problems)


def may_share(owner: str, op: str) -> bool:
    """Whether an op of this kind may use the parameters of one of another kind.

    >>> may_share("conv2d", "conv2d"), may_share("embedding", "linear"), may_share("conv2d", "linear")
    (True, True, False)
    """
    return owner == op or (owner in TABLES and op in TABLES)


def form_need(got: str) -> str:
    """What may stand for a form, and what does.

    >>> form_need("3")
    'must be functional, method, derived, fused, unfused, attention, mean or linear, got 3'
    """
    *words, last = FORMS
    return f"must be {', '.join(words)} or {last}, got {got}"


def producer(edge: str) -> str:
    """The node that makes the tensor an edge names.

    >>> producer("halves:1"), producer("conv1")
    ('halves', 'conv1')
    """
    return edge.partition(":")[0]
