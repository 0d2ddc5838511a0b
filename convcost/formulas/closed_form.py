"""Closed forms of whole networks and blocks: the spec elaborated over symbols, with the assumptions under which
roundings vanish.

A size of the input is set to K·m, for the smallest K at which every floor and ceiling on the way is exact; a decimal
knob to a multiple of 1/q, for the largest q at which no channel count is rounded. What remains undecided (is t > 1?) is
assumed, and the assumption is stated.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import product
from typing import Any, NamedTuple

import sympy
from sympy.core.evalf import PrecisionExhausted

from convcost.core.axes import letters
from convcost.core.dims import is_symbolic
from convcost.core.errors import SpecError, Unfit, UsageError, did_you_mean
from convcost.core.expr import Expr, ExprError, number
from convcost.core.expr import parse as parse_expr
from convcost.core.version import __version__
from convcost.formulas.symbols import relation, symbol, written
from convcost.graph.graph import INPUT, Node
from convcost.graph.walk import Step, Walk
from convcost.networks.load import open_network
from convcost.render.table import Table
from convcost.spec.elaborate import Builder, Elaborated, elaborate
from convcost.spec.knobs import knob_value
from convcost.spec.lookup import Lookup
from convcost.spec.syntax import Block, Call, Item, Knob, Spec, Value

_MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
_PARTS = (8, 4, 2, 1)
_RESOLUTION = "resolution"
_ROUNDED = (sympy.floor, sympy.ceiling, sympy.Mod, sympy.Piecewise, sympy.Max, sympy.Min)


class ClosedForm(NamedTuple):
    """MACs, params and activations as sympy expressions, batch 1."""

    quantities: dict[str, Any]
    assumptions: tuple[str, ...]


def closed_form(model: str, part: str | None, symbols: Sequence[str], settings: Mapping[str, Any]) -> ClosedForm:
    """The closed forms of a network, of a part of it, or of a block of its spec; raises `UsageError`, `SpecError`.

    >>> form = closed_form("lenet5", None, ["classes"], {})
    >>> print(written(form.quantities["params"]))
    85·classes + 60856
    """
    network = open_network(model, _of_network(model, part, settings))
    spec, values = network.origin.of_spec().spec, dict(network.knobs)
    whole = part is None or part not in spec.blocks
    if not whole:
        spec, values = _around_block(spec, str(part), values, settings, symbols)
    for name in symbols:
        if name not in values:
            raise UsageError(f"{model} has no knob {name!r}{did_you_mean(name, values)}")
        if isinstance(values[name], (str, bool, tuple)):
            raise UsageError(f"{name} is not a number and cannot be a symbol")
    found, back, assumptions = _search(spec, values, symbols, _sides(spec))
    steps = [step for step in found.walked.steps if part is None or not whole or _below(step.node.name, part)]
    if not steps:
        raise UsageError(f"{model} has no layer or block {part!r}")
    sums = {
        "MACs": sum(step.cost.macs for step in steps),
        "params": sum(step.params for step in steps),
        "activations": sum(step.written for step in steps),
    }
    shape = sympy.expand if whole else sympy.factor
    return ClosedForm({name: shape(sympy.sympify(value).subs(back)) for name, value in sums.items()}, assumptions)


def _sides(spec: Spec) -> set[str]:
    """The knobs that say how large the input is along an axis that windows slide along, or how long."""
    sizes = (size.content for shape in spec.inputs.values() for size in shape[:-1])
    return {knob for size in sizes if isinstance(size, Expr) for knob in size.names}


def _search(
    spec: Spec, values: Mapping[str, Any], names: Sequence[str], sides: Container[str]
) -> tuple[Elaborated, dict[Any, Any], tuple[str, ...]]:
    """Elaborate with the finest decimals and sizes that leave no rounding, else with the coarsest tried.

    Also returns how substitutes are written: an integer n in place of 8·width is written as 8·width.
    """
    resolution = [name for name in names if name == _RESOLUTION]
    sides = [name for name in names if name in sides and name not in resolution]
    decimals = [name for name in names if isinstance(values[name], Fraction)]
    for part, multiple in product(_PARTS if decimals else (1,), _MULTIPLES):
        # K·m for the resolution, K·n for another size, n/q for a decimal, a positive integer otherwise.
        chosen = {name: symbol(name) for name in names}
        chosen |= {name: multiple * symbol("m" if name == _RESOLUTION else name) for name in (*sides, *resolution)}
        chosen |= {name: symbol(name) / part for name in decimals}
        with suppress(PrecisionExhausted, _Rounded):  # the first: sympy could not tell whether a rounding is exact
            found = _unrounded(spec, {**values, **chosen})
            break
    else:
        found = elaborate(spec, {**values, **chosen})
    back = {symbol(name): symbol(name) * part for name in decimals}
    back |= {symbol(name): symbol(name) / multiple for name in sides}
    return found, back, (*_said(names, sides, decimals, multiple, part), *_open(found))


def _unrounded(spec: Spec, values: Mapping[str, Any]) -> Elaborated:
    """Elaborate, but stop with `_Rounded` at the first size that contains a rounding or a case distinction.

    From there on roundings would nest, and sympy would spend minutes on a result that is discarded.
    """
    lookup = Lookup(spec, values, walk=_Unrounded({}))
    network = Builder(lookup).build()
    if network is None or lookup.problems:
        raise SpecError(lookup.problems)
    return network


class _Rounded(Exception):
    """A size contains a rounding."""


class _Unrounded(Walk):
    """A walk that stops at the first size that contains a rounding or a case distinction."""

    def step(self, node: Node) -> Step:
        step = super().step(node)
        if any(size.has(*_ROUNDED) for shape in step.cost.out for size in shape if hasattr(size, "has")):
            raise _Rounded
        return step


def _said(
    names: Sequence[str], sides: Sequence[str], decimals: Sequence[str], multiple: int, part: int
) -> Iterable[str]:
    for name in names:
        if name == _RESOLUTION:
            yield f"resolution = {multiple}·m"
        elif name in sides and multiple > 1:
            yield f"{name} is a multiple of {multiple}"
    for name in decimals:
        which = "an integer" if part == 1 else f"a multiple of 1/{part}"
        yield f"{name} is {which}, so that no channel count is rounded"


def _open(found: Elaborated) -> tuple[str, ...]:
    """Assumptions made during elaboration, and preconditions that symbols leave undecided."""
    checks = (check.holds for step in found.walked.steps for check in step.cost.checks if is_symbolic(check.holds))
    return tuple(map(relation, dict.fromkeys((*found.assumptions, *checks))))


def _below(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.") or f".{part}." in f".{name}."


def _of_network(model: str, part: str | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that name knobs, and not arguments of a block or axes of its input."""
    from convcost.spec.zoo import find

    spec = find(model).spec
    block = spec.blocks.get(part or "")
    if block is None:
        return dict(settings)
    others = {*block.args, *_axes(spec, block, settings)}
    return {name: value for name, value in settings.items() if name not in others}


def _axes(spec: Spec, block: Block, named: Iterable[str]) -> tuple[str, ...]:
    """The letters of the axes of a block's input: those of a map, unless the length or the depth of another is named."""
    ours = {*named} - {*block.args} - {*spec.knobs}
    return next((letters(rank) for rank in (2, 4) if letters(rank)[0] in ours), letters(3))


def _around_block(
    spec: Spec, name: str, values: dict[str, Any], settings: Mapping[str, Any], symbols: Sequence[str]
) -> tuple[Spec, dict[str, Any]]:
    """A spec of a single block, on an h×w×c input (t×c, d×h×w×c); its arguments become knobs of that spec."""
    block = spec.blocks[name]
    axes = _axes(spec, block, (*settings, *symbols))
    args: dict[str, Any] = dict.fromkeys(axes, 1)
    for arg, default in block.args.items():
        given = settings.get(arg, default.evaluate(values) if default is not None else None)
        if given is None and arg not in symbols:
            raise UsageError(f"the block {name} needs {arg}: give it in --symbols or with --set {arg}=…")
        args[arg] = 1 if given is None else _setting(given)
    call = Call(block.where, name, {arg: Value(block.where, parse_expr(arg)) for arg in block.args})
    alone = spec._replace(
        inputs={INPUT: tuple(Value(block.where, parse_expr(axis)) for axis in axes)},
        layers=(Item(block.where, call, name=name),),
        knobs={**spec.knobs, **{arg: Knob(arg, block.where, 1) for arg in args}},
    )
    sizes = {axis: _size(axis, settings[axis]) if axis in settings else symbol(axis) for axis in axes}
    return alone, {**values, **args, **sizes}


def _size(axis: str, given: Any) -> Any:
    """The size of an axis of a block's input: a whole number."""
    try:
        return knob_value(Knob(axis, None, 1), given)
    except (ExprError, Unfit) as error:
        raise UsageError(str(error)) from None


def _setting(given: Any) -> Any:
    """The value of an argument of a block: a number, or a word where it is none."""
    try:
        exact = number(given) if isinstance(given, str) else None
    except (ExprError, Unfit) as error:
        raise UsageError(str(error)) from None
    return given if exact is None else exact


def closed_form_table(model: str, part: str | None, symbols: Sequence[str], settings: Mapping[str, Any]) -> Table:
    """The closed forms as a table, JSON and LaTeX."""
    names = [name.strip() for name in symbols if name.strip()]
    form = closed_form(model, part, names, settings)
    rows = [[name, written(value)] for name, value in form.quantities.items()]
    records = [
        {"quantity": name, "formula": written(value), "latex": str(sympy.latex(value)), "sympy": str(value)}
        for name, value in form.quantities.items()
    ]
    data: dict[str, Any] = {"schema": "convcost.closed_form/1", "version": __version__, "network": model, "part": part}
    data |= {"symbols": names, "quantities": records, "assumptions": list(form.assumptions)}
    return Table(
        title=f"{model}{f' · {part}' if part else ''} in {', '.join(names)}",
        headers=("quantity", "closed form"),
        numeric=(False, False),
        rows=rows,
        latex=[[name, f"${sympy.latex(value)}$"] for name, value in form.quantities.items()],
        records=records,
        data=data,
        notes=[("where", assumption) for assumption in form.assumptions],
    )
