"""Random graphs for the tests of memory, and a machine that runs a graph in a real block of memory.

Nothing here uses convcost.memory: the machine is told where edges lie, and notices when somebody wrote over them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from convcost.graph.graph import INPUT, Graph, Node
from convcost.graph.walk import Step, Walked, output_edges, walk
from convcost.ops import OPS

SIDE = 2
"""Height of all maps; their width is 1, so that a map of c channels has 2·c elements."""
FUSED_INTO_CONV = ("relu", "batch_norm")
BYTES = {"int8": 1, "fp16": 2, "fp32": 4}
"""Of an element, by type."""


def node(name: str, op: str, *inputs: str, **attrs: Any) -> Node:
    """A node with the defaults of its op filled in."""
    return Node(name, op, inputs, OPS[op].convert(attrs))


def graph(
    nodes: Sequence[Node], *outputs: str, input_shape: tuple[int, ...] = (SIDE, 1, 2), **more: tuple[int, ...]
) -> Graph:
    """A graph; its last node is the output if none is named. `more` are further inputs by name."""
    return Graph("random", {INPUT: input_shape, **more}, tuple(nodes), outputs or (nodes[-1].name,))


@st.composite
def graphs(draw: st.DrawFn, most: int = 12, *, views: bool = True, stored: bool = False) -> Graph:
    """A graph of one or two inputs and up to `most` nodes: convolutions, activations, adds, multiplies, concats, pools, views.

    With `stored`, one or two tensors may be computed from what is stored, not from an input.
    """
    names = [INPUT, *draw(st.lists(st.just("second"), max_size=1))]
    shapes: dict[str, tuple[int, ...]] = {name: (SIDE, 1, draw(st.integers(1, 4))) for name in names}
    inputs = dict(shapes)
    nodes: list[Node] = []
    for number in range(draw(st.integers(0, 2)) if stored else 0):
        table, rows = f"table{number}", f"rows{number}"
        shapes[rows] = (SIDE, 1, draw(st.integers(1, 6)))
        nodes.append(node(table, "source", shape=(SIDE, 1, draw(st.integers(1, 6)))))
        nodes.append(node(rows, "conv2d", table, channels=shapes[rows][-1], kernel=1))
    for number in range(draw(st.integers(1, most))):
        new = draw(_nodes(f"n{number}", shapes, views=views))
        nodes.append(new)
        cost = OPS[new.op].cost([shapes[edge] for edge in new.inputs], new.attrs)
        shapes.update(zip(output_edges(new, cost), cost.out))
    read = {edge for each in nodes for edge in each.inputs}
    ends = [edge for edge in shapes if edge not in read and edge not in inputs]
    outputs = draw(st.lists(st.sampled_from(ends), min_size=1, unique=True))
    extra = draw(st.lists(st.sampled_from(sorted(set(shapes) - {*inputs})), max_size=1))
    return Graph("random", inputs, tuple(nodes), tuple(dict.fromkeys([*outputs, *extra])))


@st.composite
def typed_graphs(draw: st.DrawFn, most: int = 12, *, views: bool = True) -> Graph:
    """A graph that states the types of some of its inputs and of what some of its nodes write."""
    source = draw(graphs(most, views=views))
    types = st.sampled_from([None, *BYTES])

    def stated(names: Iterable[str]) -> dict[str, str]:
        return {name: found for name in names if (found := draw(types)) is not None}

    nodes = tuple(replace(one, dtypes=stated(["outputs"])) for one in source.nodes)
    return replace(source, nodes=nodes, dtypes=stated(source.inputs))


def widths(source: Graph) -> dict[str, int]:
    """Bytes of an element of each input and of what each node writes."""
    found = {name: BYTES[source.dtypes.get(name, "fp32")] for name in source.inputs}
    return found | {one.name: BYTES[one.dtypes.get("outputs", "fp32")] for one in source.nodes}


def _nodes(name: str, shapes: Mapping[str, tuple[int, ...]], *, views: bool) -> st.SearchStrategy[Node]:
    edges = list(shapes)
    recent = st.sampled_from(edges[-4:]) | st.sampled_from(edges)

    def alike(edge: str) -> st.SearchStrategy[list[str]]:
        same = [other for other in edges if shapes[other] == shapes[edge]]
        return st.lists(st.sampled_from(same), min_size=1, max_size=2).map(lambda others: [edge, *others])

    kinds = [
        st.builds(lambda e, c: node(name, "conv2d", e, channels=c, kernel=1, bias=False), recent, st.integers(1, 6)),
        recent.map(lambda e: node(name, "relu", e)),
        recent.map(lambda e: node(name, "batch_norm", e)),
        recent.map(lambda e: node(name, "avg_pool", e, kernel=1)),
        recent.flatmap(alike).map(lambda several: node(name, "add", *several)),
        recent.flatmap(alike).map(lambda several: node(name, "multiply", *several)),
        st.lists(recent, min_size=2, max_size=4).map(lambda several: node(name, "concat", *several)),
    ]
    if views:
        wide = [edge for edge in edges if shapes[edge][-1] > 1]
        kinds.append(recent.map(lambda e: node(name, "identity", e)))
        if wide:
            one = st.sampled_from(wide)
            kinds.append(one.map(lambda e: node(name, "slice", e, start=0, stop=shapes[e][-1] - 1)))
            kinds.append(one.map(lambda e: node(name, "split", e, sections=[1, shapes[e][-1] - 1])))
    return st.one_of(kinds)


def reordered(source: Graph, order: Sequence[int]) -> Walked:
    """A graph in another order; a graph checks that nothing runs before what it reads."""
    return walk(Graph(source.name, source.inputs, tuple(source.nodes[i] for i in order), source.outputs))


class Overwritten(AssertionError):
    """Somebody read what was not there any more."""


class Machine:
    """Runs a graph in one block of cells, each of which remembers which element of which result it holds, and which byte of it."""

    def __init__(self, size: int, wide: Mapping[str, int] | None = None) -> None:
        self.cells: list[Any] = [None] * size
        self.wide = wide or {}
        """Edge -> cells that an element of it takes, one if it is not here."""
        self.lies: dict[str, list[int]] = {}
        """Edge -> addresses of the first cells of its elements, channel after channel."""
        self.holds: dict[str, list[Any]] = {}
        """Edge -> the elements that should stand there."""

    def read(self, edge: str) -> None:
        for address, element in zip(self.lies[edge], self.holds[edge], strict=True):
            for part, cell in enumerate(self.cells_of(edge, [address])):
                if self.cells[cell] != (element, part):
                    raise Overwritten(f"{edge} at {cell}: {self.cells[cell]} instead of {element, part}")

    def write(self, edge: str, addresses: list[int], elements: list[Any]) -> None:
        self.lies[edge], self.holds[edge] = addresses, elements
        for address, element in zip(addresses, elements, strict=True):
            for part, cell in enumerate(self.cells_of(edge, [address])):
                self.cells[cell] = (element, part)

    def cells_of(self, edge: str, addresses: Iterable[int]) -> list[int]:
        """All cells of the elements of an edge at some addresses."""
        return [address + part for address in addresses for part in range(self.wide.get(edge, 1))]

    def run(self, source: Graph, steps: Sequence[Step], places: Mapping[str, list[int]]) -> None:
        """Execute; `places` are the addresses of each edge that its op writes (views find their own)."""
        for name in source.inputs:
            self.write(name, places[name], [(name, i) for i in range(len(places[name]))])
        for step in steps:
            for edge in step.node.inputs:
                self.read(edge)
            if step.traits.view != "none":
                self._look(step)
            elif step.node.op == "concat":
                self._concat(step, places[step.node.name])
            else:
                self._compute(step, places[step.node.name])
        for edge in source.outputs:
            self.read(edge)

    def _look(self, step: Step) -> None:
        """Views: the same addresses, or a part of them; elements are stored channel after channel."""
        (source,) = step.node.inputs
        start = step.node.attrs.get("start", 0) * SIDE
        for edge, shape in zip(output_edges(step.node, step.cost), step.cost.out):
            stop = start + shape[-1] * SIDE
            self.lies[edge], self.holds[edge] = self.lies[source][start:stop], self.holds[source][start:stop]
            start = stop

    def _concat(self, step: Step, addresses: list[int]) -> None:
        """What lies in place already stays; the rest is copied, which must not destroy what is still to be copied."""
        name, elements = step.node.name, [e for edge in step.node.inputs for e in self.holds[edge]]
        sources = [self.cells_of(edge, [at]) for edge in step.node.inputs for at in self.lies[edge]]
        read = {cell for source in sources for cell in source}
        for address, source in zip(addresses, sources, strict=True):
            target = self.cells_of(name, [address])
            if target != source and not read.isdisjoint(target):
                raise Overwritten(f"{name} copies onto what it reads")
        self.write(name, addresses, elements)

    def _compute(self, step: Step, addresses: list[int]) -> None:
        """An op may write where it reads only if each element depends on the one at its place alone."""
        name = step.node.name
        for edge in step.node.inputs:
            mine, theirs = self.cells_of(name, addresses), self.cells_of(edge, self.lies[edge])
            if set(mine) & set(theirs) and (step.node.op in ("conv2d", "avg_pool") or mine != theirs):
                raise Overwritten(f"{name} writes over {edge} while it reads it")
        self.write(name, addresses, [(name, i) for i in range(len(addresses))])


# --- liveness by counting references -------------------------------------------------------------------------------


def peak_by_counting(source: Graph, steps: Sequence[Step], policy: str, wide: Mapping[str, int] | None = None) -> int:
    """The peak of an execution that frees a buffer when the last one who needs it has run: unfused, fused, inplace.

    In elements, or in bytes if it is said how `wide` an element of each input and of what each node writes is.
    """
    wide = wide or dict.fromkeys([*source.inputs, *(one.name for one in source.nodes)], 1)
    uses = Counter(edge for step in steps for edge in step.node.inputs)
    uses.update(source.outputs)
    buffer = {name: -number for number, name in enumerate(source.inputs)}
    elements = {buffer[name]: _count(shape) for name, shape in source.inputs.items()}
    size = {buffer[name]: wide[name] * elements[buffer[name]] for name in source.inputs}
    needed = Counter({buffer[name]: uses[name] for name in source.inputs})
    convs, live, peak = set[str](), sum(size.values()), sum(size.values())
    live -= sum(size[number] for number in size if not needed[number])
    for number, step in enumerate(steps, 1):
        op, name, inputs = step.node.op, step.node.name, step.node.inputs
        into_conv = policy != "unfused" and op in FUSED_INTO_CONV and inputs[0] in convs and uses[inputs[0]] == 1
        if op == "conv2d" or into_conv:
            convs.add(name)
        edges = output_edges(step.node, step.cost)
        if step.traits.view != "none" or into_conv:
            for edge in edges:
                buffer[edge] = buffer[inputs[0]]
                needed[buffer[edge]] += uses[edge]
        else:
            buffer[name], elements[number], needed[number] = number, _count(step.cost.out[0]), uses[name]
            last = name if policy == "unfused" or op != "conv2d" else _last_fused(name, steps, uses)
            size[number] = elements[number] * wide[last]
            over = _overwritable(step, buffer, needed, elements, size) if policy == "inplace" else None
            live += size[number] - (size[over] if over is not None else 0)
            peak = max(peak, live)
            if over is not None:
                live += size[over]  # freed with the others below
        for edge in inputs:
            needed[buffer[edge]] -= 1
        for dead in {buffer[edge] for edge in (*inputs, *edges)}:
            if needed[dead] == 0:
                live -= size[dead]
    return peak


def _last_fused(name: str, steps: Sequence[Step], uses: Counter[str]) -> str:
    """The last op of those that run with a convolution, which is what writes."""
    for step in steps:
        if step.node.op in FUSED_INTO_CONV and step.node.inputs[0] == name and uses[name] == 1:
            name = step.node.name
    return name


def _overwritable(
    step: Step, buffer: dict[str, int], needed: Counter[int], elements: dict[int, int], size: dict[int, int]
) -> int | None:
    op, inputs = step.node.op, step.node.inputs
    candidates = {"add": inputs, "multiply": inputs[:1], "relu": inputs, "batch_norm": inputs}.get(op, ())
    for edge in candidates:
        mine = buffer[edge]
        others = [other for other in inputs if other != edge]
        only_me = needed[mine] == inputs.count(edge) and all(buffer[other] != mine for other in others)
        new = buffer[step.node.name]
        if only_me and mine > 0 and (elements[mine], size[mine]) == (elements[new], size[new]):
            return mine
    return None


def _count(shape: Sequence[int]) -> int:
    result = 1
    for axis in shape:
        result *= axis
    return result
