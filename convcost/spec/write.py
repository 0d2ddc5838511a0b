"""Graph -> the resolved form of a spec: every node explicit, no knobs, blocks, repeats or defaults left.

Resolving a resolved file gives the same text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from convcost.core import axes
from convcost.core.dims import Shape
from convcost.core.errors import UsageError
from convcost.core.units import decimal_text
from convcost.graph.graph import INPUT, Caption, Graph, Node, producer
from convcost.ops import OPS
from convcost.spec.dtypes import top_written, written

#: A word, a dotted path, an edge: what needs no quotes.
_PLAIN = re.compile(r"[^\W\d][\w.-]*(:\d+)?")
#: What YAML would not read as a part of an expression.
_SPLIT = re.compile(r"[][{},:#]")
#: What YAML would read as something else than the word it is.
_MEANT_OTHERWISE = {"true", "false", "null", "~", ""}


NO_DTYPES: Mapping[str, str] = {}


class Expression(str):
    """The text of an expression, which is written as it stands."""

    __slots__ = ()


def resolved(graph: Graph, name: str, caption: Caption) -> str:
    """The YAML text of a network with every choice made, under the name that it was loaded by."""
    lines = head(graph, name, caption)
    end = graph.nodes[-1].name if graph.nodes else next(iter(graph.inputs), "")  # of the main path
    if graph.outputs and graph.outputs != (end,):
        lines += [f"outputs: {in_flow(list(graph.outputs))}"]
    lines += ["layers:" if graph.nodes else "layers: []"]
    read = {producer(edge) for node in graph.nodes for edge in (*node.inputs, *graph.outputs)}
    return "\n".join([*lines, *(_node(node, unused=node.name not in read) for node in graph.nodes), ""])


def head(graph: Graph, name: str, caption: Caption, dtypes: Mapping[str, str] = NO_DTYPES) -> list[str]:
    """The lines before the layers: what the network is called, where it is from, and its inputs.

    With `dtypes`, also the types of all layers that state no other of a role. Raises `UsageError` for a network without inputs.
    """
    if not graph.inputs:
        raise UsageError(f"{name} has no inputs, so that it cannot be written as a spec, which states at least one")
    heads: dict[str, Any] = {"convcost": 1, "name": name, "title": caption.title, "year": caption.year}
    heads |= {"task": caption.task, "source": caption.source, "about": caption.about}
    # Spaces around a text are none of it to who reads it; a model file may have them.
    heads = {key: value.strip() if isinstance(value, str) else value for key, value in heads.items()}
    lines = [f"{key}: {in_flow(value)}" for key, value in heads.items() if value not in ("", None)]
    lines += [_inputs(graph.inputs)]
    typed = graph.dtypes or dtypes
    return [*lines, f"dtype: {in_flow(top_written(graph.dtypes, graph.inputs, dtypes))}"] if typed else lines


def _inputs(inputs: Mapping[str, Shape]) -> str:
    """The line that states the inputs; a map that looks as if its channels came first says which size is which.

    >>> _inputs({"input": (224, 224, 3)}), _inputs({"image": (3, 256, 256), "tokens": (77,)})
    ('input: [224, 224, 3]', 'inputs: {image: {height: 3, width: 256, channels: 256}, tokens: [77]}')
    """
    shapes = {
        name: dict(zip(axes.NAMES[len(shape)], shape)) if axes.channels_first(shape) else list(shape)
        for name, shape in inputs.items()
    }
    return f"input: {in_flow(shapes[INPUT])}" if [*shapes] == [INPUT] else f"inputs: {in_flow(shapes)}"


def _node(node: Node, *, unused: bool) -> str:
    entry: dict[str, Any] = {node.op: attributes(node), "name": node.name}
    if not OPS[node.op].reads_nothing:
        entry["in"] = node.inputs[0] if len(node.inputs) == 1 else list(node.inputs)
    if node.shares:
        entry["share"] = node.owner or dict(node.shares)
    if unused and not (OPS[node.op].traits.opaque and node.attrs.get("shape") is None):  # which has no output
        entry["side"] = "unused"
    return f"  - {in_flow(entry | modifiers(node))}"


def attributes(node: Node) -> dict[str, Any]:
    """The attributes of a node as a spec writes them, those at their defaults too."""
    kinds = OPS[node.op].attrs
    return {name: kinds[name].kind.show(value) for name, value in node.attrs.items() if value is not None}


def modifiers(node: Node) -> dict[str, Any]:
    """What stands beside an op and is neither its name nor the name of another layer."""
    found: dict[str, Any] = {}
    if not node.trainable:
        found["trainable"] = False
    if node.dtypes:
        found["dtype"] = written(node.dtypes)
    if node.form:
        found["as"] = node.form
    return found


def in_flow(value: Any) -> str:
    """A value in YAML's flow style.

    >>> in_flow({"conv2d": {"channels": 8, "kernel": [3, 1], "bias": False}, "name": "0"})
    '{conv2d: {channels: 8, kernel: [3, 1], bias: false}, name: "0"}'
    """
    if value is None or isinstance(value, bool):
        return {None: "", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return _joined("{", (f"{key}: {in_flow(item)}" for key, item in value.items()), "}")
    if isinstance(value, (list, tuple)):
        return _joined("[", map(in_flow, value), "]")
    if isinstance(value, (float, Fraction)):
        return decimal_text(Fraction(str(value)))
    if isinstance(value, Expression):
        return json.dumps(value) if _SPLIT.search(value) else value
    return str(value) if isinstance(value, int) else _word(value)


def _joined(before: str, parts: Iterable[str], after: str) -> str:
    return before + ", ".join(parts) + after


def _word(text: str) -> str:
    """A text, quoted where YAML or the number parser would read it as something else."""
    if _PLAIN.fullmatch(text) and text.lower() not in _MEANT_OTHERWISE:
        return text
    # A string of JSON is one of YAML; what YAML does not allow even there is escaped.
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)
