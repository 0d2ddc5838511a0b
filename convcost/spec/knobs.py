"""Values of knobs (architecture hyper-parameters): exact, of the type of the knob's default, and within bounds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from convcost.core.dims import LARGEST
from convcost.core.errors import Problem, Unfit, UsageError, did_you_mean
from convcost.core.expr import Expr, ExprError, number
from convcost.core.reading import python_int
from convcost.core.units import say
from convcost.spec.syntax import Knob, KnobValue, Spec, Value

FIXED = "knobs stand in a spec under knobs, and are set before it is resolved or rewritten"
"""Why a spec may have no knobs at all, and the way out."""


OTHERS = {
    **dict.fromkeys(("alpha", "width_mult", "width_multiplier", "multiplier", "channel_multiplier"), ("width",)),
    **dict.fromkeys(("rho", "input_size", "image_size", "img_size", "size", "input"), ("resolution", "size")),
    **dict.fromkeys(("num_classes", "n_classes", "outputs"), ("classes",)),
    **dict.fromkeys(("depth_mult", "depth_multiplier", "layers"), ("depth",)),
}
"""Knob in papers and other tools -> what it may be called here."""


def no_knob(network: str, name: str, known: Iterable[str]) -> UsageError:
    """The error that a network has no knob of this name.

    >>> print(no_knob("vgg16_separable", "width", []))
    vgg16_separable has no knob 'width', and no other: knobs stand in a spec under knobs, and are set before it is resolved or rewritten
    """
    names = list(known)
    whole = name.partition("[")[0]
    if whole != name and whole in names:
        return UsageError(f"{network} has no knob {name!r}; {whole} is given as a whole, as in {whole}=[3, 3, 5]")
    ours = next((one for one in OTHERS.get(name.lower(), ()) if one in names), None)
    if ours:
        return UsageError(f"{network} has no knob {name!r}. Did you mean {ours}?")
    said = did_you_mean(name, names) if names else f", and no other: {FIXED}"
    return UsageError(f"{network} has no knob {name!r}{said}")


def knob_value(knob: Knob, value: Any) -> KnobValue:
    """A value as the knob takes it: of the default's type, exact, positive; raises `Unfit`.

    >>> knob_value(Knob("width", None, Fraction(1)), "0.75")
    Fraction(3, 4)
    """
    exact: Any = _exact(value)
    need, fits = _fit(knob, exact)
    if not fits:
        hint = _instead(value) if isinstance(knob.default, (int, Fraction)) else ""
        raise Unfit(f"{knob.name} must be {need}, got {say(value)}{hint}")
    fitting: KnobValue = Fraction(exact) if isinstance(knob.default, Fraction) and not knob.choices else exact
    return fitting


def _instead(value: Any) -> str:
    """What was probably meant by a text that is no value.

    >>> _instead("0,5"), _instead("0.1-1.0"), _instead("five")
    ('; a decimal point is meant: 0.5', '; a range is 0.1:1.0:0.1, as a value of --over', '')
    """
    text = str(value).strip()
    if found := re.fullmatch(r"(\d+),(\d+)", text, re.ASCII):
        return f"; a decimal point is meant: {found[1]}.{found[2]}"
    if found := re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)(?:-|\.\.|…)(\d+(?:\.\d+)?|\.\d+)", text, re.ASCII):
        step = "0.1" if "." in text else "1"
        return f"; a range is {found[1]}:{found[2]}:{step}, as a value of --over"
    return ""


def _fit(knob: Knob, exact: Any) -> tuple[str, bool]:
    """What the knob takes, in words, and whether this is it."""
    default = knob.default
    is_number = isinstance(exact, (int, Fraction)) and not isinstance(exact, bool)
    if knob.choices:
        alike = knob.choices[0] if default is None else default
        fits = exact in knob.choices and isinstance(exact, bool) == isinstance(alike, bool)
        return " or ".join(map(say, knob.choices)), fits
    if isinstance(default, bool):
        return "true or false", isinstance(exact, bool)
    if isinstance(default, str):
        return "a word", isinstance(exact, str)
    if isinstance(default, tuple):
        whole = isinstance(exact, tuple) and all(isinstance(n, int) and not isinstance(n, bool) for n in exact)
        return f"a list of integers, as in {say(default)}", whole and all(0 <= n <= LARGEST for n in exact)
    if isinstance(default, Fraction):
        above = is_number and exact > LARGEST
        return (f"<= {LARGEST:,}" if above else "a decimal > 0"), is_number and 0 < exact <= LARGEST
    above = isinstance(exact, int) and is_number and exact > LARGEST
    whole = is_number and isinstance(exact, int)
    return (f"<= {LARGEST:,}" if above else "an integer >= 0"), whole and 0 <= exact <= LARGEST


def _exact(value: Any) -> Any:
    """Floats and decimals as the exact fractions that they are written as, text as YAML would read it."""
    if isinstance(value, (float, Decimal)):
        value = str(value)
    value = python_int(value)
    if not isinstance(value, str):
        return tuple(value) if isinstance(value, list) else value
    if value in ("true", "false"):
        return value == "true"
    if value.startswith("[") and value.endswith("]"):
        if "[" in value[1:-1]:
            return value  # a list holds no lists, however deep
        return tuple(_exact(part.strip()) for part in value[1:-1].split(","))
    try:
        exact = number(value)
    except ExprError as error:
        raise Unfit(str(error)) from None
    return value if exact is None else exact


def knob_values(name: str, spec: Spec, given: Mapping[str, Any]) -> dict[str, KnobValue]:
    """Knobs as the spec takes them; raises `UsageError`."""
    values = {}
    for knob, value in given.items():
        if knob not in spec.knobs:
            raise no_knob(name, knob, spec.knobs)
        try:
            values[knob] = knob_value(spec.knobs[knob], value)
        except Unfit as error:
            raise UsageError(str(error)) from None
    return values


def unsaid(spec: Spec, knobs: Mapping[str, object], given: Mapping[str, object]) -> Iterator[Problem]:
    """What has to be said of the inputs of a model file whose sizes it leaves open."""
    several = len(spec.inputs) > 1
    for name, sizes in spec.inputs.items():
        names = (next(iter(size.content.names)) for size in sizes if isinstance(size.content, Expr))
        missing = dict.fromkeys(knob for knob in names if knobs.get(knob) is None)
        if missing and name not in given:
            example = f"{f'{name}=' if several else ''}{_example(sizes)}"
            what = f"its input {name} has an open size: say it with --input {example}, or --set {next(iter(missing))}=…"
            yield Problem(None, spec.file, what)


def _example(sizes: Sequence[Value]) -> str:
    """Sizes of an input as they could be given, those that the file states among them."""
    said = [224 if isinstance(size.content, Expr) else size.content for size in sizes]
    both = len(said) == 3 and all(isinstance(size.content, Expr) for size in sizes[:2])
    return str(said[0]) if both else "x".join(map(str, said))
