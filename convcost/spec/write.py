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
from convcost.core.units import decimal_text
from convcost.graph.graph import INPUT, Caption, Graph, Node
from convcost.ops import OPS
from convcost.spec.dtypes import inputs_written, written

#: A word, a dotted path, an edge: what needs no quotes.
_PLAIN = re.compile(r"[^\W\d][\w.-]*(:\d+)?")
#: What YAML would read as something else than the word it is.
_MEANT_OTHERWISE = {"true", "false", "null", "~", ""}


def resolved(graph: Graph, name: str, caption: Caption) -> str:
    """The YAML text of a network with every choice made, under the name that it was loaded by."""
    heads: dict[str, Any] = {"convcost": 1, "name": name, "title": caption.title, "year": caption.year}
    heads |= {"source": caption.source, "about": caption.about}
    lines = [f"{key}: {_text(value)}" for key, value in heads.items() if value not in ("", None)]
    lines += [_inputs(graph.inputs)]
    lines += [f"dtype: {_text(inputs_written(graph.dtypes))}"] if graph.dtypes else []
    if not graph.nodes or graph.outputs != (graph.nodes[-1].name,):
        lines += [f"outputs: {_text(list(graph.outputs))}"]
    lines += ["layers:" if graph.nodes else "layers: []"]
    return "\n".join([*lines, *map(_node, graph.nodes), ""])


def _inputs(inputs: Mapping[str, Shape]) -> str:
    """The line that states the inputs; a map that looks as if its channels came first says which size is which.

    >>> _inputs({"input": (224, 224, 3)}), _inputs({"image": (3, 256, 256), "tokens": (77,)})
    ('input: [224, 224, 3]', 'inputs: {image: {height: 3, width: 256, channels: 256}, tokens: [77]}')
    """
    shapes = {
        name: dict(zip(axes.NAMES[len(shape)], shape)) if axes.channels_first(shape) else list(shape)
        for name, shape in inputs.items()
    }
    return f"input: {_text(shapes[INPUT])}" if [*shapes] == [INPUT] else f"inputs: {_text(shapes)}"


def _node(node: Node) -> str:
    kinds = OPS[node.op].attrs
    attrs = {name: kinds[name].kind.show(value) for name, value in node.attrs.items() if value is not None}
    entry: dict[str, Any] = {node.op: attrs, "name": node.name}
    if node.inputs:
        entry["in"] = node.inputs[0] if len(node.inputs) == 1 else list(node.inputs)
    if node.shares:
        entry["share"] = node.owner or dict(node.shares)
    if not node.trainable:
        entry["trainable"] = False
    if node.dtypes:
        entry["dtype"] = written(node.dtypes)
    if node.form:
        entry["as"] = node.form
    return f"  - {_text(entry)}"


def _text(value: Any) -> str:
    """A value in YAML's flow style."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return _joined("{", (f"{key}: {_text(item)}" for key, item in value.items()), "}")
    if isinstance(value, (list, tuple)):
        return _joined("[", map(_text, value), "]")
    if isinstance(value, (float, Fraction)):
        return decimal_text(Fraction(str(value)))
    return str(value) if isinstance(value, int) else _word(value)


def _joined(before: str, parts: Iterable[str], after: str) -> str:
    return before + ", ".join(parts) + after


def _word(text: str) -> str:
    """A text, quoted where YAML or the number parser would read it as something else."""
    if _PLAIN.fullmatch(text) and text.lower() not in _MEANT_OTHERWISE:
        return text
    # A string of JSON is one of YAML; what YAML does not allow even there is escaped.
    quoted = json.dumps(text.strip("\n"), ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in quoted)
