"""What the sizes of tensors are called, followed through a network.

By its rank alone a tensor of three axes is a map, h×w×c. But an axis that an op hands on keeps its name, so that the scores of
attention are heads×t×t wherever they are read: `reshape` cuts the channels into heads and c/heads, `transpose` moves these
names along, a matrix product takes one axis from each side. What an op makes anew is called by its rank again.

Names never enter a cost. They are found by running the ops' rules over traced ints, and looking where these come out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from math import prod
from typing import Any

from convcost.core.dims import Shape
from convcost.formulas.trace import Traced, named, names_in, traced_cost, write  # noqa: F401 - the examples use write
from convcost.graph.graph import Node
from convcost.graph.walk import Step, output_edges
from convcost.ops import OPS
from convcost.ops.attributes import ShapeOf

HEADS, PARTS = "heads", "parts"
"""What the channels of a tensor are cut into, as attention does: its heads; before these, queries, keys and values."""


def named_inputs(steps: Iterable[Step], wanted: Collection[str]) -> dict[str, tuple[Shape, ...]]:
    """For each of some nodes the shapes that it reads, each size a traced int with its name.

    `steps` are those of the whole network; what stands behind the last of the wanted nodes is not looked at.
    """
    edges: dict[str, Shape] = {}
    found: dict[str, tuple[Shape, ...]] = {}
    left = {*wanted}
    for step in steps if wanted else ():
        node = step.node
        read = named([edges.get(edge, shape) for edge, shape in zip(node.inputs, step.input_shapes)])
        if node.name in left:
            found[node.name] = read
            left.remove(node.name)
            if not left:
                break
        edges |= zip(output_edges(node, step.cost), _handed_on(step, read))
    return found


def _handed_on(step: Step, read: Sequence[Shape]) -> Iterator[Shape]:
    """The shapes that a node makes, each size traced if it has a name of its own, else an int.

    It has one if it is a size that the node reads, or if the op says what it makes.
    """
    ours = {id(size) for one in read for size in one}
    stated = OPS[step.node.op].letters
    for shape in traced_cost(step.node.op, read, step.node.attrs).out:
        if read and _is_reshape(step.node):
            yield _regrouped(read[0], shape)
        else:
            new = (Traced(size, name) for size, name in zip(shape, stated)) if stated else map(int, shape)
            yield tuple(size if id(size) in ours else one for size, one in zip(shape, new))


def _is_reshape(node: Node) -> bool:
    """Whether a node reads the same elements in the same order, as a tensor of the sizes that it states."""
    op = OPS[node.op]
    return op.traits.view == "whole" and any(isinstance(attr.kind, ShapeOf) for attr in op.attrs.values())


def _regrouped(old: Shape, new: Shape) -> Shape:
    """The sizes of a reshaped tensor, traced where they are those of the old one, parts of its channels, or these whole again.

    >>> t, c = Traced(197, "t"), Traced(768, "c")
    >>> cut = _regrouped((t, c), (197, 12, 64))
    >>> [write(size) for size in cut], [write(size) for size in _regrouped(cut, (197, 768))]
    (['t', 'heads', 'c/heads'], ['t', 'c'])
    >>> _regrouped((Traced(14, "h"), Traced(14, "w"), c), (196, 768))  # of a new axis only the size is known
    (196, 768)
    """
    found: list[Any] = []
    for before, after in _groups(old, new):
        cut = len(before) == 1 < len(after) and before[0] is old[-1]
        found += _cut(before[0], after) if cut else _kept(before, after)
    return tuple(found)


def _groups(old: Shape, new: Shape) -> Iterator[tuple[Shape, Shape]]:
    """Axes of two shapes that hold as many elements, as few at a time as can be."""
    had, has = [int(size) for size in old], [int(size) for size in new]
    at = to = 0
    while at < len(had) or to < len(has):
        start, first = at, to
        at, to = min(at + 1, len(had)), min(to + 1, len(has))
        while (a := prod(had[start:at])) != (b := prod(has[first:to])):
            at, to = (at + 1, to) if a < b else (at, to + 1)
        yield old[start:at], new[first:to]


def _cut(channels: Any, parts: Shape) -> Sequence[Any]:
    """The channels cut into heads, and before these into queries, keys and values; what each head has is a quotient."""
    names = (PARTS, HEADS)[1 - len(parts) :]
    if len(parts) > len(names) + 1 or channels.sign:
        return [int(size) for size in parts]
    sizes = [Traced(size, name) for size, name in zip(parts, names)]
    return [*sizes, channels // prod(sizes[1:], start=sizes[0])]


def _kept(old: Shape, new: Shape) -> Sequence[Any]:
    """Axes that stay, beside new or lost ones of size 1; and channels that are whole again."""
    large = [size for size in old if size != 1]
    if len(large) == 1 and sum(size != 1 for size in new) == 1:
        return [int(size) if size == 1 else large[0] for size in new]
    *others, last = old or (1,)
    if len(new) == 1 and isinstance(last, Traced) and last.sign == "//":
        whole, cut = last.operands
        if {name for size in others for name in names_in(size)} == {*names_in(cut)}:
            return [whole]
    return [int(size) for size in new]
