"""Closed forms of whole networks and blocks: the spec elaborated over symbols, with the assumptions under which
roundings vanish.

A size of the input is set to K·m, for the smallest K at which every floor and ceiling on the way is exact; a decimal
knob to a multiple of 1/q, for the largest q at which no channel count is rounded. What remains undecided (is t > 1?) is
assumed, and the assumption is stated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import product
from typing import Any, NamedTuple

import sympy
from sympy.core.evalf import PrecisionExhausted

from convcost.core.dims import is_symbolic
from convcost.core.errors import SpecError, Unfit, UsageError, did_you_mean
from convcost.core.expr import ExprError, number
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
from convcost.spec.syntax import Call, Item, Knob, Spec, Value

_MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
_PARTS = (8, 4, 2, 1)
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
    network = open_network(model, {k: v for k, v in settings.items() if k not in _arguments(model, part)})
    spec, values = network.origin.of_spec().spec, dict(network.knobs)
    whole = part is None or part not in spec.blocks
    if not whole:
        spec, values = _around_block(spec, str(part), values, settings, symbols)
    for name in symbols:
        if name not in values:
            raise UsageError(f"{model} has no knob {name!r}{did_you_mean(name, values)}")
        if isinstance(values[name], (str, bool, tuple)):
            raise UsageError(f"{name} is not a number and cannot be a symbol")
    found, back, assumptions = _search(spec, values, symbols)
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


def _search(
    spec: Spec, values: Mapping[str, Any], names: Sequence[str]
) -> tuple[Elaborated, dict[Any, Any], tuple[str, ...]]:
    """Elaborate with the finest decimals and sizes that leave no rounding, else with the coarsest tried.

    Also returns how substitutes are written: an integer n in place of 8·width is written as 8·width.
    """
    decimals = [name for name in names if isinstance(values[name], Fraction)]
    for part, multiple in product(_PARTS if decimals else (1,), _MULTIPLES):
        chosen = {name: _stand_in(name, name in decimals, multiple, part) for name in names}
        with suppress(PrecisionExhausted, _Rounded):  # the first: sympy could not tell whether a rounding is exact
            found = _unrounded(spec, {**values, **chosen})
            break
    else:
        found = elaborate(spec, {**values, **chosen})
    back = {symbol(name): symbol(name) * part for name in decimals}
    back |= {symbol(name): symbol(name) / multiple for name in names if name in _SIDES}
    return found, back, (*_said(names, multiple, part, decimals), *_open(found))


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


def _stand_in(name: str, is_decimal: bool, multiple: int, part: int) -> Any:
    """What a knob is set to: K·m for a size, n/q for a decimal, a positive integer otherwise."""
    if is_decimal:
        return symbol(name) / part
    if name == _RESOLUTION:
        return multiple * symbol("m")
    return multiple * symbol(name) if name in _SIDES else symbol(name)


_RESOLUTION, _SIDES = "resolution", ("h", "w")


def _said(names: Sequence[str], multiple: int, part: int, decimals: Sequence[str]) -> Iterable[str]:
    for name in names:
        if name == _RESOLUTION:
            yield f"resolution = {multiple}·m"
        elif name in _SIDES and multiple > 1:
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


def _arguments(model: str, part: str | None) -> set[str]:
    """Settings that name arguments of a block, not knobs."""
    from convcost.spec.zoo import find

    block = find(model).spec.blocks.get(part or "")
    return {"h", "w", "c", *(block.args if block else ())} if block else set()


def _around_block(
    spec: Spec, name: str, values: dict[str, Any], settings: Mapping[str, Any], symbols: Sequence[str]
) -> tuple[Spec, dict[str, Any]]:
    """A spec of a single block, on an h×w×c input; its arguments become knobs of that spec."""
    block = spec.blocks[name]
    args: dict[str, Any] = {"h": 1, "w": 1, "c": 1}
    for arg, default in block.args.items():
        given = settings.get(arg, default.evaluate(values) if default is not None else None)
        if given is None and arg not in symbols:
            raise UsageError(f"the block {name} needs {arg}: give it in --symbols or with --set {arg}=…")
        args[arg] = 1 if given is None else _setting(arg, given)
    call = Call(block.where, name, {arg: Value(block.where, parse_expr(arg)) for arg in block.args})
    alone = spec._replace(
        inputs={INPUT: tuple(Value(block.where, parse_expr(axis)) for axis in ("h", "w", "c"))},
        layers=(Item(block.where, call, name=name),),
        knobs={**spec.knobs, **{arg: Knob(arg, block.where, 1) for arg in args}},
    )
    sides = {axis: _setting(axis, settings[axis]) if axis in settings else symbol(axis) for axis in ("h", "w", "c")}
    return alone, {**values, **args, **sides}


def _setting(name: str, given: Any) -> Any:
    """The value of an argument of a block: a number, or a word where it is none; sides are whole numbers."""
    try:
        if name in ("h", "w", "c"):
            return knob_value(Knob(name, None, 1), given)
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
