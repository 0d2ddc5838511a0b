"""A comparison of ways to build a layer as a table and as JSON: steps, totals, ratios with their law, executed counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from convcost.compare import Alternative, Layer, Made, compare, ratio
from convcost.dims import elements
from convcost.formula import quantities
from convcost.ops import padding_macs
from convcost.render import Table
from convcost.units import exact, percent, shape_text
from convcost.version import __version__


class Executed(NamedTuple):
    """What the engine counted for one alternative, step by step."""

    multiplications: tuple[int, ...]
    with_padding: tuple[int, ...]


def comparison_table(layer: Layer, against: Sequence[str], *, execute: bool = False) -> Table:
    """All alternatives, step by step; with `execute`, each is really run and its multiplications are counted."""
    alternatives = compare(layer, against)
    counted = {a.name: _run(layer, a) for a in alternatives} if execute else {}
    headers = ("way", "step", "output", "multiplications", "params", "activations", "ratio")
    rows = [row for a in alternatives for row in _rows(a, alternatives[0])]
    notes = [("where from", f"{a.name} {_derivation(step)}") for a in alternatives for step in a.steps]
    notes += [("ratio", _ratio_text(a, alternatives[0], layer)) for a in alternatives[1:]]
    notes += [("padding", _padding_text(a)) for a in alternatives if _on_padding(a)]
    notes += [note for a in alternatives for note in _executed_notes(a, counted)]
    if layer.bias is False:
        notes.append(("params", "without biases; --bias counts one per filter"))
    return Table(
        title=_title(layer, alternatives[0]),
        headers=headers,
        numeric=(False, False, False, True, True, True, True),
        rows=rows,
        records=[_record(a, step) for a in alternatives for step in a.steps],
        data=_data(layer, alternatives, counted),
        notes=notes,
    )


def _title(layer: Layer, standard: Alternative) -> str:
    (height, width), (down, right) = layer.kernel, layer.stride
    stride = f"stride {down}" if down == right else f"stride {down}×{right}"
    padding = layer.padding if isinstance(layer.padding, str) else f"padding {layer.padding}"
    return (
        f"{shape_text(layer.input_shape)} input, {layer.filters} filters of {height}×{width}, {stride}, {padding}"
        f" -> {shape_text(standard.output_shape)}"
    )


def _rows(alternative: Alternative, standard: Alternative) -> list[list[str]]:
    share = f"{float(ratio(alternative, standard)):.4f}"
    totals = [exact(alternative.macs), exact(alternative.params), exact(alternative.activations), share]
    if len(alternative.steps) == 1:
        return [[alternative.name, alternative.steps[0].name, shape_text(alternative.output_shape), *totals]]
    rows = [
        [
            alternative.name if step is alternative.steps[0] else "",
            step.name,
            shape_text(step.cost.out[0]),
            *map(exact, (step.cost.macs, step.cost.params, elements(step.cost.out))),
            "",
        ]
        for step in alternative.steps
    ]
    return [*rows, ["", "= together", shape_text(alternative.output_shape), *totals]]


def _derivation(step: Made) -> str:
    macs = next(q for q in quantities(step.part.op, [step.input_shape], step.part.converted()) if q.name == "MACs")
    return f"{step.name}: {macs.formula} = {macs.operands} = {exact(macs.value)}"


def _ratio_text(alternative: Alternative, standard: Alternative, layer: Layer) -> str:
    share = ratio(alternative, standard)
    law = _law(alternative.name, layer)
    assumed = f" (with {', '.join(law.assumptions)})" if law.assumptions else ""
    counts = f"{exact(alternative.macs)} / {exact(standard.macs)}"
    return f"{alternative.name} / standard = {counts} = {share} = {float(share):.4f}; the law: {law}{assumed}"


def _on_padding(alternative: Alternative) -> int:
    """MACs that multiply padding zeros, by the rule."""
    return sum(padding_macs(s.part.op, [s.input_shape], s.part.converted()) for s in alternative.steps)


def _padding_text(alternative: Alternative) -> str:
    zeros = _on_padding(alternative)
    return f"{alternative.name}: of these, {exact(zeros)} ({percent(zeros, alternative.macs)}) multiply padding zeros"


def _law(name: str, layer: Layer) -> Any:
    from convcost.law import ratio_law

    square = layer.stride[0] == layer.stride[1]
    return ratio_law(name.partition(":")[0], layer.stride[0] if square else 1)


def _run(layer: Layer, alternative: Alternative) -> Executed:
    from convcost.engine import execute

    runs = execute(layer, alternative)
    return Executed(tuple(run.multiplications for run in runs), tuple(run.with_padding for run in runs))


def _executed_notes(alternative: Alternative, counted: dict[str, Executed]) -> list[tuple[str, str]]:
    if alternative.name not in counted:
        return []
    total, zeros = (sum(numbers) for numbers in counted[alternative.name])
    verdict = "as the rule says" if total == alternative.macs else f"but the rule says {exact(alternative.macs)}"
    padding = f"; {exact(zeros)} of them multiplied padding zeros" if zeros else ""
    return [("executed", f"{alternative.name}: {exact(total)} multiplications, {verdict}{padding}")]


def _record(alternative: Alternative, step: Made) -> dict[str, Any]:
    return {
        "way": alternative.name,
        "step": step.name,
        "output_shape": "x".join(map(str, step.cost.out[0])),
        "macs": step.cost.macs,
        "params": step.cost.params,
        "activations": elements(step.cost.out),
    }


def _data(layer: Layer, alternatives: list[Alternative], counted: dict[str, Executed]) -> dict[str, Any]:
    return {
        "schema": "convcost.compare/1",
        "version": __version__,
        "input_shape": list(layer.input_shape),
        "output_shape": list(alternatives[0].output_shape),
        "filters": layer.filters,
        "kernel": list(layer.kernel),
        "stride": list(layer.stride),
        "alternatives": [_alternative(a, alternatives[0], layer, counted.get(a.name)) for a in alternatives],
    }


def _alternative(
    alternative: Alternative, standard: Alternative, layer: Layer, counted: Executed | None
) -> dict[str, Any]:
    share, law = ratio(alternative, standard), _law(alternative.name, layer)
    data: dict[str, Any] = {
        "name": alternative.name,
        "macs": alternative.macs,
        "padding_macs": _on_padding(alternative),
        "params": alternative.params,
        "activations": alternative.activations,
        "steps": [
            {
                "name": step.name,
                "output_shape": list(step.cost.out[0]),
                "macs": step.cost.macs,
                "params": step.cost.params,
                "activations": elements(step.cost.out),
            }
            for step in alternative.steps
        ],
        "ratio": {
            "value": float(share),
            "exact": str(share),
            "formula": str(law),
            "assumptions": list(law.assumptions),
        },
    }
    if counted:
        data["executed"] = {"multiplications": sum(counted.multiplications), "with_padding": sum(counted.with_padding)}
    return data
