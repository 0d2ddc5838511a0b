"""Closed forms of whole networks and blocks: the spec elaborated over symbols, with the assumptions under which
roundings vanish.

A size of the input, and any other whole number, is set to K·m, for the smallest K at which every floor and ceiling on the way
is exact; a decimal knob to a multiple of 1/q, for the largest q at which no channel count is rounded. What remains undecided
(is t > 1?) is assumed, and the assumption is stated.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain, count, repeat
from typing import Any, NamedTuple

import sympy
from sympy.core.evalf import PrecisionExhausted

from convcost.core.axes import NAMES, letters
from convcost.core.cases import Case
from convcost.core.dims import is_symbolic
from convcost.core.errors import SpecError, Unfit, UsageError, did_you_mean
from convcost.core.expr import Expr, ExprError, number
from convcost.core.version import __version__
from convcost.formulas.explain import named_steps
from convcost.formulas.symbols import relation, symbol, written
from convcost.graph.graph import INPUT, Node
from convcost.graph.partial import AT_LEAST, UnknownOp, unknown_ops, unknown_text
from convcost.graph.walk import Step, Walk
from convcost.networks.load import open_network
from convcost.render.table import Table
from convcost.spec.elaborate import Builder, Elaborated
from convcost.spec.knobs import knob_value
from convcost.spec.lookup import Lookup
from convcost.spec.parse import standard_spec
from convcost.spec.syntax import Block, Call, Item, Knob, Spec, Value
from convcost.spec.zoo import find, split_name

_MOST_TRIES = 24
"""How often a size is given another factor: up to 2²⁴ if each is 2."""
MOST_ROUNDED = 300
"""Different sizes with a rounding or a case distinction in them."""
_PARTS = (8, 4, 2, 1)
_RESOLUTION = "resolution"
_ROUNDED = (sympy.floor, sympy.ceiling, sympy.Mod, Case, sympy.Max, sympy.Min)


class ClosedForm(NamedTuple):
    """MACs, params and activations as sympy expressions, batch 1."""

    quantities: dict[str, Any]
    assumptions: tuple[str, ...]
    unknown: tuple[UnknownOp, ...] = ()
    """The unknown ops among the layers: with any, the quantities are lower bounds."""


def closed_form(model: str, part: str | None, symbols: Sequence[str], settings: Mapping[str, Any]) -> ClosedForm:
    """The closed forms of a network, of a part of it, or of a block of its spec; raises `UsageError`, `SpecError`.

    >>> form = closed_form("lenet5", None, ["classes"], {})
    >>> print(written(form.quantities["params"]))
    85·classes + 60856
    """
    block = _block(model, part, (*symbols, *settings))
    network = open_network(model, _of_network(model, block, settings))
    spec, values = network.origin.of_spec().spec, dict(network.knobs)
    knobs = {name: name for name in values}
    if block is not None:
        spec, values, own = _around_block(spec, str(part), block, values, settings, symbols)
        knobs |= own
    for name in symbols:
        if name not in knobs:
            raise UsageError(f"{model} has no knob {name!r}{did_you_mean(name, knobs)}")
        if isinstance(values[knobs[name]], (str, bool, tuple)) or knobs[name] in spec.scalars.values():
            raise UsageError(f"{name} is not a number and cannot be a symbol")
    asked = {knobs[name]: name for name in symbols}
    stand_ins = {knob: symbol(_apart("m", knobs) if knob == _RESOLUTION else name) for knob, name in asked.items()}
    found, back, assumptions = _search(spec, values, stand_ins)
    if block is not None:
        assumptions += _renamed(_axes(spec, block, (*settings, *symbols)))
    steps: Sequence[Step] = found.walked.steps
    if part is not None and block is None:
        steps = named_steps(steps, part, model, "layer or block")
    terms = {
        "MACs": [step.cost.macs for step in steps],
        "params": [step.params for step in steps],
        "activations": [step.written for step in steps],
    }
    shape = sympy.expand if block is None else sympy.factor
    quantities = {name: _shaped(sympy.Add(*each).subs(back, simultaneous=True), shape) for name, each in terms.items()}
    return ClosedForm(quantities, assumptions, unknown_ops(steps))


def _shaped(value: Any, shape: Callable[[Any], Any]) -> Any:
    """A formula expanded or factored, with what is rounded in it left alone."""
    names = {rounded: sympy.Dummy(integer=True) for rounded in value.atoms(*_ROUNDED)}
    return shape(value.xreplace(names)).xreplace({name: rounded for rounded, name in names.items()})


def _search(
    spec: Spec, values: Mapping[str, Any], stand_ins: Mapping[str, Any]
) -> tuple[Elaborated, dict[Any, Any], tuple[str, ...]]:
    """Elaborate with the finest decimals and the smallest multiples that leave no rounding, if there are such.

    Also returns how substitutes are written: an integer n in place of 8·width is written as 8·width.
    """
    decimals = [name for name in stand_ins if isinstance(values[name], Fraction)]
    multiples = {one: sympy.Integer(1) for name, one in stand_ins.items() if name not in decimals}

    def chosen(part: int) -> dict[str, Any]:
        return {name: one / part if name in decimals else multiples[one] * one for name, one in stand_ins.items()}

    for part in _PARTS if decimals else (1,):
        found, factors = _tried(spec, {**values, **chosen(part)}, multiples)
        tries = 0
        while factors and (tries := tries + 1) <= _MOST_TRIES:
            multiples |= {one: multiples[one] * factor for one, factor in factors.items()}
            found, factors = _tried(spec, {**values, **chosen(part)}, multiples)
        if found is not None:
            exact = ", so that no channel count is rounded"
            break
    else:
        exact, found = "", _built(spec, {**values, **chosen(part)}, _Counting({}))
    real = _real({one: multiple for one, multiple in multiples.items() if one != stand_ins.get(_RESOLUTION)})
    back = {stand_ins[name]: stand_ins[name] * part for name in decimals} | real
    back = {old: new for old, new in back.items() if old != new}
    said = {one: multiple.subs(real, simultaneous=True) for one, multiple in multiples.items()}
    positive = (
        f"{one} > 0" for name, one in stand_ins.items() if values[name] is not None and values[name] <= 0
    )  # as all symbols are
    roundings = _said(decimals, stand_ins, said, part, exact)
    return found, back, (*roundings, *positive, *_open(found, stand_ins.values(), back))


def _real(multiples: Mapping[Any, Any]) -> dict[Any, Any]:
    """What each stand-in is of the numbers themselves: of c, a multiple of n, which is one of 2, it is c/n, and n/2 of n.

    >>> c, n = symbol("c"), symbol("n")
    >>> _real({c: 2 * n, n: sympy.Integer(2)})
    {c: c/n, n: n/2}
    """
    real = {one: one for one in multiples}
    for _ in multiples:  # each multiple may be one of a symbol that is itself a multiple
        real = {one: one / multiple.subs(real, simultaneous=True) for one, multiple in multiples.items()}
    return real


def _tried(spec: Spec, values: Mapping[str, Any], symbols: Collection[Any]) -> tuple[Elaborated | None, dict[Any, Any]]:
    """The network if nothing is rounded in it; else None, with factors of symbols that could help."""
    try:
        return _built(spec, values, _Unrounded({})), {}
    except _Rounded as rounded:
        return None, _missing(rounded.size, symbols)
    except PrecisionExhausted:  # sympy could not tell whether a rounding is exact
        return None, dict.fromkeys(symbols, 2)


def _missing(size: Any, symbols: Container[Any]) -> dict[Any, Any]:
    """Symbols of which a size must have a multiple, so that a floor or ceiling in it is exact, each with a prime factor or
    a symbol.

    >>> m, heads = symbol("m"), symbol("heads")
    >>> _missing(sympy.ceiling((6 * m + 1) / 4), {m}), _missing(sympy.floor(m / heads), {m, heads})
    ({m: 2}, {m: heads})
    """
    found: dict[Any, Any] = {}
    for rounding in size.atoms(sympy.floor, sympy.ceiling, sympy.Mod):
        quotient = rounding.args[0] / rounding.args[1] if isinstance(rounding, sympy.Mod) else rounding.args[0]
        if quotient.has(*_ROUNDED):
            continue  # that comes first
        for term in sympy.Add.make_args(sympy.expand(quotient)):
            top, bottom = sympy.fraction(term)
            number, divisor = bottom.as_coeff_Mul()
            ours = sorted((one for one in top.free_symbols if one in symbols), key=str)
            if ours and number > 1:
                found[ours[0]] = min(sympy.primefactors(number))
            elif ours and divisor in symbols:
                found.setdefault(ours[0], divisor)
    return found


def _built(spec: Spec, values: Mapping[str, Any], walk: Walk) -> Elaborated:
    """Elaborate, in a walk that may stop."""
    lookup = Lookup(spec, values, walk=walk)
    network = Builder(lookup).build()
    if network is None or lookup.problems:
        raise SpecError(lookup.problems)
    return network


def _rounded(step: Step) -> Iterator[Any]:
    """The sizes that a step makes and that contain a rounding or a case distinction."""
    sizes = (size for shape in step.cost.out for size in shape if hasattr(size, "has"))
    return (size for size in sizes if size.has(*_ROUNDED))


class _Rounded(Exception):
    """A size contains a rounding."""

    def __init__(self, size: Any) -> None:
        super().__init__(size)
        self.size = size


class _Unrounded(Walk):
    """A walk that stops with `_Rounded` at the first size that contains a rounding or a case distinction.

    From there on roundings would nest, and sympy would spend minutes on a result that is discarded.
    """

    def step(self, node: Node) -> Step:
        step = super().step(node)
        for size in _rounded(step):
            raise _Rounded(size)
        return step


class _Counting(Walk):
    """A walk that stops where more sizes are rounded than anybody could read; raises `UsageError`."""

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        super().__init__(inputs)
        self.rounded: set[Any] = set()

    def step(self, node: Node) -> Step:
        step = super().step(node)
        self.rounded.update(_rounded(step))
        if len(self.rounded) > MOST_ROUNDED:
            many = f"more than {MOST_ROUNDED} sizes, each in a way of its own"
            raise UsageError(f"a closed form would round {many}: leave fewer knobs as symbols, or others")
        return step


def _said(
    decimals: Collection[str], stand_ins: Mapping[str, Any], multiples: Mapping[Any, Any], part: int, exact: str
) -> Iterable[str]:
    for name, one in stand_ins.items():
        multiple = multiples.get(one, 1)
        if name == _RESOLUTION and name not in decimals:
            yield f"resolution = {written(multiple)}·{one}"
        elif multiple != 1:
            yield f"{one} is a multiple of {written(multiple)}"
    for name in decimals:
        which = "an integer" if part == 1 else f"a multiple of 1/{part}"
        yield f"{stand_ins[name]} is {which}{exact}"


def _open(found: Elaborated, names: Iterable[Any], back: Mapping[Any, Any]) -> Iterator[str]:
    """Assumptions made during elaboration, and preconditions that symbols leave undecided, in the symbols of the form."""
    checks = (check.holds for step in found.walked.steps for check in step.cost.checks if is_symbolic(check.holds))
    conditions = (*found.assumed.conditions, *(holds for holds in checks if not _is_identity(holds)))
    # A part of what a form calls n need not be whole, so that nothing is decided by n's being so.
    loose = {name: sympy.Symbol(name.name, positive=True) for name in names} if back else {}
    said = {name: back.get(name, name).xreplace(loose) for name in loose}
    yield from dict.fromkeys(relation(holds.xreplace(said)) for holds in conditions)
    if not found.assumed.can_hold(conditions):
        yield "no numbers are known at which all of these hold"


def _is_identity(holds: Any) -> bool:
    """Whether both sides of an equation are the same once multiplied out, which sympy does not do by itself."""
    return isinstance(holds, sympy.Eq) and sympy.expand(holds.lhs - holds.rhs) == 0


def _block(model: str, part: str | None, named: Iterable[str]) -> Block | None:
    """The block that a part names: of the spec, or, where something is named that is no knob, of the standard library."""
    spec = find(split_name(model)[0]).spec
    if part is None or part in spec.blocks or {*named} <= {*spec.knobs}:
        return spec.blocks.get(part or "")
    library = standard_spec(part)
    return library.blocks[part] if library else None


def _of_network(model: str, block: Block | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that name knobs, and not arguments of a block or axes of its input."""
    others = {*block.args, *_axes(find(split_name(model)[0]).spec, block, settings)} if block else {}
    return {name: value for name, value in settings.items() if name not in others}


def _axes(spec: Spec, block: Block, named: Iterable[str]) -> tuple[str, ...]:
    """What the axes of a block's input are called: those of a map, unless the length or the depth of another is named.

    An argument of the block or a knob that is called c is that; the channels are c_in then.
    """
    taken, ours = {*block.args, *spec.knobs}, {*named}
    sequence, volume, image = (tuple(_apart(letter, taken) for letter in letters(rank)) for rank in (2, 4, 3))
    return next((axes for axes in (sequence, volume) if axes[0] in ours), image)


def _apart(name: str, taken: Container[str]) -> str:
    """A name, or another for what nothing else is called.

    >>> _apart("c", {"channels"}), _apart("c", {"c"}), _apart("c", {"c", "c_in"})
    ('c', 'c_in', 'c_in2')
    """
    others = map("{}_in{}".format, repeat(name), chain([""], count(2)))
    return next(each for each in chain([name], others) if each not in taken)


def _around_block(
    spec: Spec,
    name: str,
    block: Block,
    values: Mapping[str, Any],
    settings: Mapping[str, Any],
    symbols: Sequence[str],
) -> tuple[Spec, dict[str, Any], dict[str, str]]:
    """A spec of a single block, on an h×w×c input (t×c, d×h×w×c); what is said of its arguments becomes knobs of that spec.

    Also returns the values of all knobs, and which of them each argument and axis is: none that a layer inside could read.
    """
    axes = _axes(spec, block, (*settings, *symbols))
    args: dict[str, Any] = {}
    for arg, default in block.args.items():
        if arg in settings:
            args[arg] = _setting(settings[arg])
        elif arg in symbols:
            known = default is not None and not isinstance(default.content, Expr)
            args[arg] = default.evaluate(values) if default is not None and known else 1
        elif default is None:
            raise UsageError(f"the block {name} needs {arg}: give it in --symbols or with --set {arg}=…")
    sizes = {axis: _size(axis, settings[axis]) if axis in settings else symbol(axis) for axis in axes}
    own = {given: f"{given} of {name}" for given in (*axes, *args)}
    read = {given: Value(block.where, _reading(knob)) for given, knob in own.items()}
    call = Call(block.where, name, {arg: read[arg] for arg in args})
    alone = spec._replace(
        inputs={INPUT: tuple(read[axis] for axis in axes)},
        layers=(Item(block.where, call, name=name),),
        knobs={**spec.knobs, **{knob: Knob(knob, block.where, 1) for knob in own.values()}},
    )
    return alone, {**values, **{own[given]: value for given, value in {**args, **sizes}.items()}}, own


def _reading(knob: str) -> Expr:
    """The value of a knob whose name no file can write."""
    return Expr(knob, lambda env: env[knob], frozenset({knob}), frozenset())


def _renamed(axes: Sequence[str]) -> tuple[str, ...]:
    """What stands for axes that are not called by their letters."""
    called = zip(axes, letters(len(axes)), NAMES[len(axes)], strict=True)
    return tuple(f"{axis} = in.{word}" for axis, letter, word in called if axis != letter)


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
    least, at_least = (AT_LEAST, r"\geq ") if form.unknown else ("", "")
    rows = [[name, f"{least}{written(value)}"] for name, value in form.quantities.items()]
    records = [
        {"quantity": name, "formula": written(value), "latex": str(sympy.latex(value)), "sympy": str(value)}
        for name, value in form.quantities.items()
    ]
    data: dict[str, Any] = {"schema": "convcost.closed_form/1", "version": __version__, "network": model, "part": part}
    data |= {"symbols": names, "complete": not form.unknown, "unknown": [op._asdict() for op in form.unknown]}
    data |= {"quantities": records, "assumptions": list(form.assumptions)}
    unknown = [("unknown", f"{unknown_text(form.unknown)}: these are lower bounds")] if form.unknown else []
    return Table(
        title=f"{os.path.basename(model)}{f' · {part}' if part else ''} in {', '.join(names)}",
        headers=("quantity", "closed form"),
        numeric=(False, False),
        wrap=(False, True),
        rows=rows,
        latex=[[record["quantity"], f"${at_least}{record['latex']}$"] for record in records],
        records=records,
        data=data,
        notes=[*unknown, *(("where", assumption) for assumption in form.assumptions)],
    )
