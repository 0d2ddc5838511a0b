"""A comparison of ways to build a layer as a table and as JSON: steps, totals, ratios with their law, executed counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from convcost.alternatives import recipes
from convcost.alternatives.known_laws import KnownLaw, has_form, known_law
from convcost.alternatives.recipes import Alternative, BuiltStep, LayerToBuild, amount_of, ratio
from convcost.core.axes import NAMES, kind, letters
from convcost.core.checks import check_switch
from convcost.core.dims import Shape, elements
from convcost.core.reading import each
from convcost.core.units import exact, percent, shape_text
from convcost.core.version import __version__
from convcost.formulas.trace import Quantity, quantities, same_text
from convcost.ops import OPS
from convcost.render.table import Table, Tabular

if TYPE_CHECKING:
    from convcost.alternatives.law import Law


class Executed(NamedTuple):
    """What the engine counted for one alternative, step by step."""

    multiplications: tuple[int, ...]
    with_padding: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Comparison(Tabular):
    """One layer, built in several ways."""

    layer: LayerToBuild
    alternatives: tuple[Alternative, ...] = field(hash=False)
    """The standard convolution first."""
    execute: bool = False
    """Whether the table also shows the multiplications counted by running the convolutions."""

    @property
    def ratios(self) -> dict[str, Fraction]:
        """Multiplications of each other way, divided by those of the standard convolution."""
        standard = self.alternatives[0]
        return {a.name: ratio(a, standard) for a in self.alternatives[1:]}

    def table(self) -> Table:
        """All ways, step by step, to show or to `render`."""
        against = [a.name for a in self.alternatives[1:]] or ["standard"]
        return comparison_table(self.layer, against, execute=self.execute)

    def __repr__(self) -> str:
        return f"<Comparison {shape_text(self.layer.input_shape)} · {', '.join(a.name for a in self.alternatives)}>"


def compare(
    input_shape: Shape,
    filters: int,
    kernel: int | Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: Any = "valid",
    bias: bool = False,
    against: str | Sequence[str] = ("separable",),
    execute: bool = False,
) -> Comparison:
    """One layer, several ways to build it: `separable`, `grouped:G`, `bottleneck:B`, `inverted:T`, `spatial`.

    The input is (length, channels), (height, width, channels) or (depth, height, width, channels); kernel and stride are
    a number, or one per axis; `against` is one way or several. Raises `UsageError` for a way that is unknown or does not fit
    the layer.

    Five 3×3 filters on 6×6×3: 2160 multiplications become 672, and 1/5 + 1/9 = 14/45.

    >>> compare((6, 6, 3), 5, 3).ratios
    {'separable': Fraction(14, 45)}

    Along one axis the ratio is 1/n_c' + 1/f, along three 1/n_c' + 1/f³: 1/5 + 1/3 and 1/5 + 1/27.

    >>> compare((6, 3), 5, 3).ratios, compare((6, 6, 6, 3), 5, 3).ratios
    ({'separable': Fraction(8, 15)}, {'separable': Fraction(32, 135)})
    """
    layer = LayerToBuild(tuple(each(input_shape)), filters, kernel, stride, padding, bias)
    return Comparison(layer, tuple(recipes.compare(layer, against)), check_switch(execute, "execute"))


def layer_title(layer: LayerToBuild) -> str:
    """The layer in a line.

    >>> layer_title(LayerToBuild((6, 6, 3), 5, 3))
    '6×6×3 input, 5 filters of 3×3, stride 1, padding valid -> 4×4×5'
    """
    return _title(layer, recipes.compare(layer, ())[0])


def ratio_lines(layer: LayerToBuild, alternatives: Sequence[Alternative]) -> list[str]:
    """Of each way but the first, its ratio to that as fraction, number and law.

    >>> layer = LayerToBuild((6, 6, 3), 5, 3)
    >>> print(*ratio_lines(layer, recipes.compare(layer)))
    separable / standard = 672/2,160 = 14/45 = 0.3111 = 1/n_c' + 1/f²
    """
    return [_why(one, alternatives[0], layer)[-1] for one in alternatives[1:]]


def law_to_standard(way: str, layer: LayerToBuild) -> Law | KnownLaw:
    """The law of a way's ratio to the standard convolution, for a layer's shape of filter and stride.

    >>> print(law_to_standard("bottleneck:4", LayerToBuild((6, 6, 3), 5, 3)))
    b/n_c + b/(f²·n_c')
    """
    name, _, text = way.partition(":")
    amount = int(text or 1)
    if has_form(name):
        return known_law(layer, name, amount)
    from convcost.alternatives.law import law_of  # with sympy, which costs more than all the rest

    return law_of(layer, name, amount)


def law_said(law: Law | KnownLaw) -> str:
    """A law with what it assumes.

    >>> law_said(law_to_standard("bottleneck:4", LayerToBuild((6, 6, 3), 5, 3)))
    "b/n_c + b/(f²·n_c') (with padding same)"
    """
    assumed = " and ".join(law.assumptions)
    return f"{law} (with {assumed})" if assumed else str(law)


def way_text(alternative: Alternative) -> str:
    """The parameter of a way to build a layer, in words; empty where it has none."""
    return _way_text(alternative)


def comparison_table(layer: LayerToBuild, against: Sequence[str], *, execute: bool = False) -> Table:
    """All alternatives, step by step; with `execute`, each is run and its multiplications are counted."""
    alternatives = recipes.compare(layer, against)
    standard = alternatives[0]
    counted = _run(layer, alternatives) if execute else {}
    notes = [*_input_notes(layer), ("output", _output_text(standard))]
    notes += [("way", text) for a in alternatives if (text := _way_text(a))]
    notes += [("where from", f"{a.name} {_derivation(step)}") for a in alternatives for step in a.steps]
    notes += [("why", line) for a in alternatives[1:] for line in _why(a, standard, layer)]
    if len(alternatives) > 1:
        notes.append(("memory", _memory_text(alternatives)))
    notes += [("padding", _padding_text(a)) for a in alternatives if _on_padding(a)]
    notes += [note for a in alternatives for note in _executed_notes(a, counted)]
    if not layer.bias:
        notes.append(("params", "without biases; --bias counts one per filter"))
    return Table(
        title=_title(layer, standard),
        headers=("way", "step", "output", "multiplications", "params", "activations", "ratio"),
        numeric=(False, False, False, True, True, True, True),
        priority=(0, 1, 3, 0, 2, 4, 0),
        rows=[row for a in alternatives for row in _rows(a, standard)],
        records=[_record(a, step) for a in alternatives for step in a.steps],
        data=_data(layer, alternatives, counted),
        notes=notes,
    )


def _title(layer: LayerToBuild, standard: Alternative) -> str:
    steps = layer.stride
    stride = f"stride {shape_text(steps[:1] if len(set(steps)) == 1 else steps)}"
    padding = layer.padding if isinstance(layer.padding, str) else shape_text(_listed(layer.padding))
    if padding in ("same", "causal"):
        padding = f"{padding} ({same_text(layer.input_shape, standard.steps[0].part.converted())})"
    filters = f"{layer.filters} filter{'s' * (layer.filters != 1)} of {shape_text(layer.kernel)}"
    shapes = f"{shape_text(layer.input_shape)} input", f"-> {shape_text(standard.output_shape)}"
    return f"{shapes[0]}, {filters}, {stride}, padding {padding} {shapes[1]}"


def _input_notes(layer: LayerToBuild) -> list[tuple[str, str]]:
    """What the sizes of the input are, unless it is a map: 224×224 is a sequence, and not a map without its channels."""
    names = NAMES[layer.axes + 1]
    sizes = ", ".join(f"{name} {size}" for name, size in zip(names, layer.input_shape))
    return [("input", f"{kind(layer.axes + 1)}: {sizes}")] if layer.axes != 2 else []


def _listed(padding: Any) -> tuple[int, ...]:
    return tuple(padding) if isinstance(padding, (list, tuple)) else (padding,)


def _output_text(standard: Alternative) -> str:
    """The derivation of the output size; axes next to each other with the same derivation stand together."""
    alike: list[tuple[list[str], str, str]] = []  # the names, the letter of the first, its text
    for quantity, letter in zip(_quantities(standard.steps[0]), letters(len(standard.output_shape))[:-1]):
        text = f"{quantity.formula} = {quantity.operands} = {quantity.value}"
        if alike and re.sub(rf"\b{letter}\b", alike[-1][1], text) == alike[-1][2]:
            alike[-1][0].append(quantity.name)
        else:
            alike.append(([quantity.name], letter, text))
    return ", ".join(f"{' = '.join(names)} = {text}" for names, _, text in alike)


def _way_text(alternative: Alternative) -> str:
    """The parameter of an alternative: its letter in the law, and in words."""
    found = amount_of(alternative.name)
    return f"{alternative.name}: {found[0].letter} = {found[1]} {found[0].says}" if found else ""


def _quantities(step: BuiltStep) -> list[Quantity]:
    return quantities(step.part.op, [step.input_shape], step.part.converted())


def _rows(alternative: Alternative, standard: Alternative) -> list[list[str]]:
    def row(way: str, name: str, shape: Shape, macs: int, params: int, written: int) -> list[str]:
        share = f"{macs / standard.macs:.4f}"
        return [way, name, shape_text(shape), exact(macs), exact(params), exact(written), share]

    rows = [
        row(
            alternative.name if step is alternative.steps[0] else "",
            step.name,
            step.cost.out[0],
            step.cost.macs,
            step.cost.params,
            elements(step.cost.out),
        )
        for step in alternative.steps
    ]
    if len(rows) == 1:
        return rows
    whole = alternative
    return [*rows, row("", "= together", whole.output_shape, whole.macs, whole.params, whole.activations)]


def _derivation(step: BuiltStep) -> str:
    macs = next(q for q in _quantities(step) if q.name == "MACs")
    return f"{step.name}: {macs.formula} = {macs.operands} = {exact(macs.value)}"


def _why(alternative: Alternative, standard: Alternative, layer: LayerToBuild) -> list[str]:
    """The ratio as fraction, number and law, step by step where there are several."""
    law = law_to_standard(alternative.name, layer)
    applies = law.value() == ratio(alternative, standard)
    lines = []
    if len(alternative.steps) > 1:
        for step, term in zip(alternative.steps, law.written_terms(), strict=True):
            share = Fraction(step.cost.macs, standard.macs)
            said = f" = {term}" if applies else ""
            lines.append(f"{step.name} / standard = {exact(step.cost.macs)}/{exact(standard.macs)} = {share}{said}")
    share = ratio(alternative, standard)
    counts = f"{exact(alternative.macs)}/{exact(standard.macs)} = {share} = {float(share):.4f}"
    said = f" = {law_said(law)}" if applies else f"; the law {law_said(law)} gives {float(law.value()):.4f}"
    return [*lines, f"{alternative.name} / standard = {counts}{said}"]


def _memory_text(alternatives: Sequence[Alternative]) -> str:
    """The peak of live elements: a ratio of MACs does not show what the tensors between steps add."""
    peaks = ", ".join(f"{a.name} {exact(a.peak)}" for a in alternatives)
    return f"elements alive at once, input and output of the op that needs most: {peaks}"


def _on_padding(alternative: Alternative) -> int:
    """MACs that multiply padding zeros, by the rule."""
    return sum(OPS[s.part.op].padding_macs([s.input_shape], s.part.converted()) for s in alternative.steps)


def _padding_text(alternative: Alternative) -> str:
    zeros = _on_padding(alternative)
    return f"{alternative.name}: of these, {exact(zeros)} ({percent(zeros, alternative.macs)}) multiply padding zeros"


def _run(layer: LayerToBuild, alternatives: Sequence[Alternative]) -> dict[str, Executed]:
    from convcost.alternatives.execution import check_work, execute

    check_work(alternatives)
    counted = {}
    for one in alternatives:
        runs = execute(layer, one)
        counted[one.name] = Executed(
            tuple(run.multiplications for run in runs), tuple(run.with_padding for run in runs)
        )
    return counted


def _executed_notes(alternative: Alternative, counted: dict[str, Executed]) -> list[tuple[str, str]]:
    if alternative.name not in counted:
        return []
    total, zeros = (sum(numbers) for numbers in counted[alternative.name])
    verdict = "as the rule says" if total == alternative.macs else f"but the rule says {exact(alternative.macs)}"
    padding = f"; {exact(zeros)} of them multiplied padding zeros" if zeros else ""
    return [("executed", f"{alternative.name}: {exact(total)} multiplications, {verdict}{padding}")]


def _record(alternative: Alternative, step: BuiltStep) -> dict[str, Any]:
    return {
        "way": alternative.name,
        "step": step.name,
        "output_shape": "x".join(map(str, step.cost.out[0])),
        "macs": step.cost.macs,
        "params": step.cost.params,
        "activations": elements(step.cost.out),
    }


def _data(layer: LayerToBuild, alternatives: list[Alternative], counted: dict[str, Executed]) -> dict[str, Any]:
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
    alternative: Alternative, standard: Alternative, layer: LayerToBuild, counted: Executed | None
) -> dict[str, Any]:
    share, law = ratio(alternative, standard), law_to_standard(alternative.name, layer)
    taken = amount_of(alternative.name)
    data: dict[str, Any] = {
        "name": alternative.name,
        **({"amount": {**taken[0]._asdict(), "value": taken[1]}} if taken else {}),
        "macs": alternative.macs,
        "padding_macs": _on_padding(alternative),
        "params": alternative.params,
        "activations": alternative.activations,
        "peak_activations": alternative.peak,
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
            "applies": law.value() == share,
        },
    }
    if counted:
        data["executed"] = {"multiplications": sum(counted.multiplications), "with_padding": sum(counted.with_padding)}
    return data
