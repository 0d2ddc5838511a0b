"""Explanations as tables and JSON: of one layer, of a part of a network, of its totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from convcost.conventions.convention import PAPER, Convention
from convcost.core.axes import letters
from convcost.core.cost import LEDGER, entry
from convcost.core.dims import Shape
from convcost.core.dtypes import as_text
from convcost.core.errors import UsageError, did_you_mean, is_one_of
from convcost.core.metrics import METRICS
from convcost.core.units import exact, percent, plus, say, shape_text
from convcost.core.version import __version__
from convcost.formulas.letters import named_inputs
from convcost.formulas.trace import Quantity, named, names_in, quantities, same_text, traced_cost
from convcost.graph.graph import producer
from convcost.graph.partial import AT_LEAST, AT_MOST, UNKNOWN
from convcost.graph.receptive import receptive_fields
from convcost.graph.walk import Step, Walked
from convcost.memory.traffic import traffic
from convcost.networks.load import Model, knobs_apart, open_network
from convcost.ops import OPS
from convcost.render.escape import printable
from convcost.render.table import Table, Tabular
from convcost.results.costs import (
    MOVED_ONCE,
    LayerCost,
    cells,
    count,
    ends_text,
    first_read,
    op_text,
    output_text,
    shared_with,
)
from convcost.results.receptive import derivation
from convcost.results.report import (
    Report,
    bound,
    layer_dict,
    not_counted_notes,
    params_text,
    stated_dtypes,
    title,
    unknown_notes,
)
from convcost.results.summary import drops, largest

_LARGEST = 8
_COUNTS = ("MACs", "bias additions", "params", "buffers", "activations")
"""The names of a layer's counts, as `quantities` has them."""


@dataclass(frozen=True, slots=True)
class Explanation(Tabular):
    """The derivation of the numbers of a layer, of a part of a network, or of its totals."""

    report: Report
    name: str
    """The layer or part; empty for the whole network."""
    layers: tuple[LayerCost, ...]
    walked: Walked
    """The network, whose types and readers say what is moved."""

    @property
    def quantities(self) -> tuple[tuple[Quantity, ...], ...]:
        """For each layer its numbers: name, formula, formula with values, result."""
        return tuple(map(tuple, derived(self.report, self.walked, self.layers)))

    def table(self) -> Table:
        """The explanation as a table, to show or to `render`."""
        if not self.name:
            return totals_table(self.report, self.walked)
        if len(self.layers) == 1 and self.layers[0].name.endswith(self.name):
            return layer_table(self.report, self.walked, self.layers[0])
        return part_table(self.report, self.walked, self.name, self.layers)

    def __repr__(self) -> str:
        return printable(f"<Explanation {self.report.network}{' · ' * bool(self.name)}{self.name}>")


@knobs_apart
def explain(
    model: Model, /, layer: str | None = None, *, convention: str = PAPER, dtype: str | None = None, **knobs: Any
) -> Explanation:
    """Where the numbers of a network come from: of one layer or part, by name or a suffix of it, or of the totals.

    `dtype` is the type of every element, for conventions that count bits; without it, what the network states.
    Raises `UsageError` for a layer that there is not.

    >>> print(explain("alexnet", "conv2").quantities[0][3].formula)
    h'·w'·channels·kernel·kernel·c/groups
    """
    network = open_network(model, knobs)
    report = network.report(convention, dtype=dtype)
    layers = report.layers if layer is None else tuple(find(report, layer))
    return Explanation(report, layer or "", layers, network.walked)


def find(report: Report, name: str) -> list[LayerCost]:
    """The layer of that name, or the layers below it: by full path, or by a unique suffix of it.

    Raises `UsageError`.
    """
    names = {step.node.name for step in named_steps([layer.step for layer in report.layers], name, report.network)}
    return [layer for layer in report.layers if layer.name in names]


def named_steps(steps: Sequence[Step], name: str, network: str, what: str = "layer") -> Sequence[Step]:
    """The step of that name, or those below it: by full path, or by a unique suffix of it; raises `UsageError`."""
    paths = {step.node.name: [step] for step in steps}
    for step in steps:
        for depth in range(1, len(step.node.scope) + 1):
            paths.setdefault(".".join(step.node.scope[:depth]), []).append(step)
    if is_one_of(name, paths):
        return paths[name]
    ends = [path for path in paths if path.endswith(f".{name}")]
    if len(ends) == 1:
        return paths[ends[0]]
    if ends:
        shown = ", ".join(ends[:6]) + ", …" * (len(ends) > 6)
        raise UsageError(f"{name!r} fits {len(ends)} layers of {network}: {shown}")
    raise UsageError(
        f"{network} has no {what} {name!r}{did_you_mean(name, paths)} ('convcost report {network} --by layer' lists them)"
    )


def _sees(walked: Walked, step: Step) -> str:
    """How the receptive field of a layer follows, where what it depends on reads one input of the network."""
    needed, steps = {step.node.name}, list[Step]()
    for each in reversed(walked.steps):
        if each.node.name in needed:
            needed.update(map(producer, each.node.inputs))
            steps.append(each)
    if len(needed & walked.inputs.keys()) != 1:
        return ""
    return derivation(receptive_fields(replace(walked, steps=tuple(steps[::-1]))), step)


def layer_table(report: Report, walked: Walked, layer: LayerCost) -> Table:
    """Each number of one layer: formula, formula with values, result."""
    read = named_inputs((one.step for one in report.layers), [layer.name])[layer.name]
    (found,) = derived(report, walked, [layer])
    rows = [[q.name, q.formula, "" if q.formula == q.operands else q.operands, exact(q.value)] for q in found]
    rows += [[name, UNKNOWN, "", UNKNOWN] for name in _COUNTS] if layer.step.opaque else []
    doc = OPS[layer.op].doc.splitlines()
    source = next((line.removeprefix("Source: ") for line in doc if line.startswith("Source: ")), "")
    notes = [("op", f"{layer.op}: {doc[0]}"), ("attributes", _attributes(layer))]
    notes += [("source", source)] if source else []
    notes += _sizes(read)
    word = (layer.attrs.get("padding") or ("",))[0]
    if word in ("same", "causal") and "output_padding" not in layer.attrs:  # a transposed convolution adds no zeros
        notes += [(word, same_text(layer.input_shapes[0], layer.attrs))]
    if layer.padding_macs:
        zeros = f"{exact(layer.padding_macs)} of the MACs ({percent(layer.padding_macs, layer.macs)})"
        notes += [("padding", f"{zeros} multiply padding zeros")]
    notes += [("sees", text)] if (text := _sees(walked, layer.step)) else []
    notes += _storage(layer)
    if report.typed and (dtypes := stated_dtypes(layer)):
        notes += [("types", ", ".join(f"{role} {dtype}" for role, dtype in dtypes.items()))]
    notes += [("share", f"{_share(report, [layer])} of the network's MACs; batch 1")]
    if not layer.step.opaque:
        notes += [("bytes moved", _moved_text(report, layer))]
    if layer.step.opaque:
        notes += [("unknown", f"what {layer.step.type} computes is not known{_because(layer.attrs['why'])}")]
    elif report.convention.name != PAPER or not layer.counted:
        notes += [("operations", _operations(report.convention, layer))]
    return Table(
        title=f"{report.network} · {layer.name} · {op_text(layer)} · {ends_text(layer.input_shapes, layer.output_shape)}",
        headers=("quantity", "formula", "operands put in", "value"),
        numeric=(False, False, False, True),
        rows=rows,
        priority=(0, 2, 1, 0),
        wrap=(False, True, True, False),
        records=[q._asdict() for q in found],
        data=_data(
            report,
            layer.name,
            layers=[{**layer_dict(layer, typed=report.typed), "quantities": [q._asdict() for q in found]}],
        ),
        notes=notes,
    )


def _moved_text(report: Report, layer: LayerCost) -> str:
    """Of what the bytes moved are, and how many MACs that is for each."""
    (per_byte,) = cells(layer, [METRICS["intensity"]])
    parts = (("inputs", layer.bytes_read), ("outputs", layer.bytes_written), ("weights", layer.weight_bytes_read))
    said = (
        f"{exact(layer.bytes_moved)} as {as_text(report.dtype)}: {', '.join(f'{name} {exact(n)}' for name, n in parts)}"
    )
    return f"{said}; {per_byte} MACs per byte; {MOVED_ONCE} {report.memory_policy}"


def _because(why: str | None) -> str:
    return f": {why}" if why else ""


def _share(report: Report, layers: Sequence[LayerCost]) -> str:
    """The MACs of some layers as a share of the network's; not known if one of them is not, at most so many if another is."""
    if any(layer.step.opaque for layer in layers):
        return UNKNOWN
    macs = sum(layer.macs for layer in layers)
    return f"{'' if report.complete or not macs else AT_MOST}{percent(macs, report.totals.macs)}"


def _storage(layer: LayerCost) -> list[tuple[str, str]]:
    """Whose weights a layer uses, if not its own, and that they are not trained."""
    node, cost = layer.step.node, layer.step.cost
    notes = []
    if owners := shared_with(layer):
        kinds = [name for name in node.shares if getattr(cost, name) != 0]
        store = "stores them" if len(owners) == 1 else "store them"
        notes += [("shared", f"its {' and '.join(kinds)} are those of {' and '.join(owners)}, which {store}")]
    if not node.trainable and cost.params:
        notes += [("not trained", f"its {exact(cost.params)} weights and biases are buffers")]
    return notes


def _operands(found: Sequence[Quantity]) -> str:
    """The MACs of a layer with operands put in; empty if nobody knows them."""
    return next((q.operands for q in found if q.name == _COUNTS[0]), "")


def derived(report: Report, walked: Walked, layers: Sequence[LayerCost]) -> Iterator[list[Quantity]]:
    """The numbers of layers of a report, batch 1, each from its op's own rule; sizes are called as where they come from.

    The bytes moved are what the network moves if these layers have traced sizes.
    """
    found = named_inputs((one.step for one in report.layers), {layer.name for layer in layers})
    read = {name: named(shapes) for name, shapes in found.items()}
    costs = {layer.name: traced_cost(layer.op, read[layer.name], layer.attrs) for layer in layers}

    def traced(step: Step) -> Step:
        name = step.node.name
        return step._replace(input_shapes=read[name], cost=costs[name]) if name in costs else step

    steps = tuple(map(traced, walked.steps))
    moved = traffic(Walked(walked.graph, steps), report.memory_policy, report.asked_dtype)
    moved_by = {step.node.name: one for step, one in zip(steps, moved, strict=True)}
    for layer in layers:
        yield quantities(layer.op, read[layer.name], layer.attrs, costs[layer.name], moved_by[layer.name])


def _sizes(read: Sequence[Shape]) -> list[tuple[str, str]]:
    """What the sizes that a layer reads are called, if not by its axes alone."""
    axes = ((size, letter) for shape in read for size, letter in zip(shape, letters(len(shape))))
    if all(size.name.rstrip("0123456789") == letter for size, letter in axes):
        return []
    found = dict(pair for shape in read for size in shape for pair in names_in(size))
    return [("sizes", ", ".join(f"{name} = {value}" for name, value in found.items()))]


def part_table(report: Report, walked: Walked, name: str, layers: Sequence[LayerCost]) -> Table:
    """The layers below a name, with the MACs of each derived."""
    rows, records = [], []
    total = sum(layer.macs for layer in layers)
    partial = any(layer.step.opaque for layer in layers)
    least, most = (AT_LEAST, AT_MOST) if partial else ("", "")
    for layer, found in zip(layers, derived(report, walked, layers), strict=True):
        numbers = [*cells(layer, [METRICS["params"], METRICS["macs"]]), f"{most}{percent(layer.macs, total)}"]
        numbers[2] = UNKNOWN if layer.step.opaque else numbers[2]
        operands = _operands(found)
        rows.append([layer.name, op_text(layer), output_text(layer), operands if layer.macs else "", *numbers])
        records.append({"name": layer.name, "op": layer.op, "operands": operands, "macs": count(layer, "macs")})
    ends = ends_text(first_read(layers), layers[-1].output_shape)
    return Table(
        title=f"{report.network} · {name} · {ends}",
        headers=("layer", "op", "output", "MACs with operands put in", "params", "MACs", "share"),
        numeric=(False, False, False, False, True, True, True),
        priority=(0, 1, 3, 0, 2, 0, 0),  # the operands are what one asks for
        wrap=(False, False, False, True, False, False, False),
        rows=rows,
        total=[
            "total",
            "",
            "",
            "",
            *(f"{least}{exact(n)}" for n in (sum(x.params for x in layers), total)),
            "100.00 %",
        ],
        records=records,
        data=_data(report, name, layers=[layer_dict(layer, typed=report.typed) for layer in layers]),
        notes=[("share", f"{_share(report, layers)} of the network's MACs"), *_counted(report, layers)],
    )


def totals_table(report: Report, walked: Walked) -> Table:
    """Where a network's MACs come from: its largest layers; notes state the share of each op and where maps shrink."""
    totals, least = report.totals, bound(report)
    first = largest(report.layers, "macs", _LARGEST)
    rows, records = [], []
    for layer, found in zip(first, derived(report, walked, first), strict=True):
        operands = _operands(found)
        rows.append([layer.name, op_text(layer), operands, exact(layer.macs), _share(report, [layer])])
        records.append({"name": layer.name, "op": layer.op, "operands": operands, "macs": layer.macs})
    ops = sorted(report.by("op"), key=lambda group: -group.macs)
    most = "" if report.complete else AT_MOST
    shares = ", ".join(f"{g.name} {most}{percent(g.macs, totals.macs)}" for g in ops if g.macs)
    shrinks = drops(report.layers, [*report.inputs.values()])
    rest = totals.macs - sum(layer.macs for layer in first)
    return Table(
        title=f"{title(report)} · the largest layers",
        headers=("layer", "op", "MACs with operands put in", "MACs", "share"),
        numeric=(False, False, False, True, True),
        priority=(0, 1, 0, 0, 0),
        wrap=(False, False, True, False, False),
        rows=[
            *rows,
            ["all others", "", "", f"{least}{exact(rest)}", percent(rest, totals.macs) if not least else UNKNOWN],
        ],
        total=["total", "", "", f"{least}{exact(totals.macs)}", "100.00 %"],
        records=records,
        data=_data(
            report,
            None,
            totals={"macs": totals.macs, "params": totals.params},
            largest=records,
            ops=[{"op": g.name, "layers": g.layers, **{key: count(g, key) for key in ("macs", "params")}} for g in ops],
            resolution_drops=[{"layer": one.name, "from": list(a), "to": list(b)} for one, a, b in shrinks],
        ),
        notes=[
            ("by op", shares),
            ("params", f"{least}{params_text(totals)}"),
            (
                "maps shrink",
                ", ".join(f"{shape_text(a)} -> {shape_text(b)} at {one.name}" for one, a, b in shrinks) or "nowhere",
            ),
            *_counted(report, report.layers),
            ("convention", f"{report.convention.name}: {report.convention.counts}"),
        ],
    )


def _operations(convention: Convention, layer: LayerCost) -> str:
    """What a convention counts for a layer, as a sum of coefficients times ledger entries.

    >>> from convcost import load
    >>> from convcost.conventions.catalog import convention
    >>> norm = load("resnet50").report("thop").layers[1]  # conv1.batch_norm: 112·112·64 elements, four for each
    >>> _operations(convention("thop"), norm)
    'thop: 4 × 802,816 elements read = 3,211,264 MACs'
    """
    cost, factors = OPS[layer.op].cost(layer.input_shapes, layer.attrs), layer.operands.factors
    terms = [
        f"{factor} × {exact(entry(name, cost, layer.input_shapes, layer.attrs, factors))} {LEDGER[name]}"
        for name, factor in convention.factors(layer.op, layer.form, cost.variant).items()
    ]
    if not terms:
        ignored = convention.ignored.get(layer.op, "it is not seen in this form or variant")
        return f"{convention.name}: {f'0 {convention.unit}: {ignored}' if layer.counted else f'not counted: it does not know {layer.op}'}"
    types = f" ({factors.first} by {factors.second})" if convention.by_type else ""
    return f"{convention.name}: {plus(terms)} = {exact(layer.operations)} {convention.unit}{types}"


def _counted(report: Report, layers: Sequence[LayerCost]) -> list[tuple[str, str]]:
    """The sum of operations under a convention other than that of papers."""
    notes = [*not_counted_notes(report), *unknown_notes(report)]
    if report.convention.name == PAPER:
        return notes
    counted = sum(layer.operations for layer in layers)
    least = AT_LEAST if any(layer.step.opaque for layer in layers) else ""
    return [("operations", f"{least}{exact(counted)} {report.convention.unit} under {report.convention.name}"), *notes]


def _attributes(layer: LayerCost) -> str:
    kinds = OPS[layer.op].attrs
    shown = (f"{name} {say(kinds[name].kind.show(value))}" for name, value in layer.attrs.items() if value is not None)
    return ", ".join(shown) or "none"


def _data(report: Report, name: str | None, **more: Any) -> dict[str, Any]:
    head = {"schema": "convcost.explain/1", "version": __version__, "network": report.network, "layer": name}
    return {**head, "complete": report.complete, **more}
