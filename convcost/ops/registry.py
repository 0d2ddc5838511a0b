"""The table of ops, and the decorator that enters a rule into it.

A rule's signature is its specification: positional parameters are input shapes, keyword-only parameters are the
attributes of the spec language, and the docstring is the manual page.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from convcost.core.axes import NAMES, kind, letters
from convcost.core.cost import Check, OpCost
from convcost.core.dims import Dim, Shape, is_array, is_symbolic
from convcost.core.errors import Unfit, UsageError, did_you_mean, is_one_of
from convcost.core.units import shape_text
from convcost.ops.attributes import Kind, Rank
from convcost.ops.traits import Traits

Rule = Callable[..., OpCost]
REQUIRED: Final = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Attr:
    """One attribute of an op: its kind and its default."""

    name: str
    kind: Kind
    default: Any

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


@dataclass(frozen=True, slots=True)
class Op:
    """An op: its rule, and what the rule's signature says of inputs and attributes."""

    name: str
    rule: Rule
    text: str
    """Its manual, which speaks of maps: that of the rule."""
    axes: int | None
    """How many axes its windows slide along; None if it has none."""
    inputs: tuple[Rank, ...]
    """Ranks of the inputs; the last one applies to all further inputs if `variadic`."""
    optional: int
    """How many of the inputs, the last ones, may be left out; that of a rule that takes nothing but `*x`, too."""
    variadic: bool
    attrs: Mapping[str, Attr]
    required: tuple[str, ...]
    """The attributes that have no default."""
    defaults: Mapping[str, Any]
    """Attribute -> its default, `REQUIRED` where there is none."""
    traits: Traits
    """What is true of it besides its cost."""
    hint: str
    """What to do where an input is missing."""
    letters: tuple[str, ...]
    """What formulas call the axes of its output; empty where they go by its rank."""
    says: str
    """The attribute that says what it computes, so that tables name it with its value; empty where the name says it."""

    @property
    def doc(self) -> str:
        """Its manual."""
        return spoken(inspect.cleandoc(self.text), self.axes or 2)

    @property
    def reads_nothing(self) -> bool:
        """Whether it has no inputs."""
        return not self.inputs

    @property
    def least(self) -> int:
        """The fewest inputs that it takes."""
        return len(self.inputs) - self.optional

    def convert(self, attrs: Mapping[str, Any]) -> dict[str, Any]:
        """All attributes as the rule takes them, defaults filled in; raises `Unfit`."""
        return {
            name: attr.kind.convert(attrs[name]) if name in attrs else attr.default for name, attr in self.attrs.items()
        }

    def cost(self, shapes: Sequence[Shape], attrs: Mapping[str, Any]) -> OpCost:
        """Apply the rule to inputs of these shapes; raises `Unfit` if their number or ranks are wrong.

        >>> from convcost.ops import OPS
        >>> conv = OPS["conv2d"]
        >>> conv.cost([(6, 6, 3)], conv.convert({"channels": 5, "kernel": 3})).macs  # 4·4 · 5 · 3·3·3
        2160
        """
        ranks = self.inputs
        if len(shapes) != len(ranks):
            self._refuse_number(len(shapes))
            ranks = (*ranks, *ranks[-1:] * (len(shapes) - len(ranks)))
        for rank, shape in zip(ranks, shapes):
            if len(shape) not in rank.ranks:
                got = kind(len(shape))
                raise Unfit(f"{self.name} needs {rank.text}, got {got} of {shape_text(shape)}{_remedy(self, shape)}")
        return self.rule(*shapes, **attrs)

    def _refuse_number(self, given: int) -> None:
        """Raise `Unfit` unless it takes so many inputs."""
        least = self.least
        most = None if self.variadic else len(self.inputs)
        if given < least or (most is not None and given > most):
            between = "or" if most == least + 1 else "to"
            count = f"{least} or more" if most is None else f"{least} {between} {most}"
            count = str(least or "no") if least == most else count
            hint = self.hint if given < least else ""
            raise Unfit(f"{self.name} takes {count} input{'s' * (count != '1')}, got {given}{hint}")

    def padding_macs(self, shapes: Sequence[Shape], attrs: Mapping[str, Any]) -> Dim:
        """The MACs that multiply a padding zero: counted, but without effect on the result.

        Not an entry of the ledger, because only explanations and reports need it.
        """
        count, padding = self.traits.padding_macs, attrs.get("padding")
        return 0 if count is None or padding in _UNPADDED else count(*shapes, **attrs)


#: Attributes of windows without any padding.
_UNPADDED: Final = tuple(((0, 0),) * axes for axes in (1, 2, 3))
OPS: dict[str, Op] = {}


def cost(name: str, *shapes: Shape, **attrs: Any) -> OpCost:
    """The cost of an op on inputs of these shapes, with attributes as a spec writes them; raises `Unfit`, and `UsageError` for an
    unknown op.

    >>> from convcost.ops import cost
    >>> cost("conv2d", (6, 6, 3), channels=5, kernel=3).macs  # 4·4 · 5 · 3·3·3
    2160
    """
    if not is_one_of(name, OPS):
        raise UsageError(f"there is no op {name!r}{did_you_mean(name, OPS)}")
    return OPS[name].cost(shapes, OPS[name].convert(attrs))


def op(
    name: str,
    traits: Traits,
    doc: str | None = None,
    *,
    axes: int | None = None,
    leading: bool = True,
    hint: str = "",
    letters: tuple[str, ...] = (),
    says: str = "",
) -> Callable[[Rule], Rule]:
    """Register a rule and its traits under the name that specs use; raises `ValueError` if the name is taken.

    One rule may be registered for several numbers of `axes` that its windows slide along: kinds that have something for each
    axis, and ranks, are then those for that number. Whether more axes may stand before those is `leading`; these are more
    positions. `letters` are what formulas call the axes of the output, where its rank does not say what they are; `says` is
    the attribute that says what it computes.
    """

    def enter(rule: Rule) -> Rule:
        if name in OPS:
            raise ValueError(f"op {name!r} is registered twice")
        parameters = _parameters(rule)
        shapes = [p for p in parameters if p.kind is not inspect.Parameter.KEYWORD_ONLY]
        ranks = (p.annotation.__metadata__[0] for p in shapes)
        variadic = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in shapes)
        attrs = {p.name: _attr(p, axes) for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
        OPS[name] = Op(
            name=name,
            rule=rule,
            text=doc or rule.__doc__ or "",
            axes=axes,
            inputs=tuple(rank.over(axes, leading=leading) if axes else rank for rank in ranks),
            optional=sum(p.default is not REQUIRED for p in shapes) + (variadic and len(shapes) == 1),
            variadic=variadic,
            attrs=attrs,
            required=tuple(attr.name for attr in attrs.values() if attr.required),
            defaults={attr.name: attr.default for attr in attrs.values()},
            traits=traits,
            hint=hint,
            letters=letters,
            says=says,
        )
        return rule

    return enter


@cache
def _parameters(rule: Rule) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(rule, eval_str=True).parameters.values())


def _attr(parameter: inspect.Parameter, axes: int | None) -> Attr:
    of_map: Kind = parameter.annotation.__metadata__[0]
    own, default = of_map.over(axes) if axes else of_map, parameter.default
    given = default is not REQUIRED and default is not None
    return Attr(parameter.name, own, own.convert(default) if given else default)


def spoken(manual: str, axes: int) -> str:
    """A manual that speaks of maps, in the letters and words of windows along another number of axes.

    >>> spoken("Over the map: (h, w, c) -> (h', w', c), kernel_h·kernel_w taps, h' = h - 1.", 1)
    "Over the sequence: (t, c) -> (t', c), kernel taps, t' = t - 1."
    >>> spoken("Over the map: (h, w, c) -> (h', w', c), kernel_h·kernel_w taps.", 3)
    "Over the volume: (d, h, w, c) -> (d', h', w', c), kernel_d·kernel_h·kernel_w taps."
    """
    if axes == 2:
        return manual
    spatial = letters(axes + 1)[:-1]

    def each(found: re.Match[str]) -> str:
        before, prime, between = found.groups()
        if axes == 1 and before.endswith("_"):
            return before[:-1]
        return between.join(before + letter + prime for letter in spatial)

    manual = re.sub(r"\b(\w+[_·]|)h('?)(, |·)\1w\2", each, manual)
    manual = re.sub(r"\bmap\b", kind(axes + 1).split()[-1], manual)
    return re.sub(r"\bh\b", spatial[0], manual) if axes == 1 else manual


def failure(check: Check) -> str | None:
    """The message of a failed check; None if it holds, or if symbols leave it undecided.

    >>> failure(Check(False, "{0} must divide {1}", (3, 64)))
    '3 must divide 64'
    """
    if is_symbolic(check.holds):
        return None
    if is_array(check.holds):
        if check.holds.all():
            return None
        return _at_first_failure(check)
    return None if check.holds else str(check)


def _at_first_failure(check: Check) -> str:
    """The message for the first point at which an array of checks fails."""
    import numpy as np

    at = tuple(int(i) for i in np.argwhere(~check.holds)[0])

    def there(operand: Any) -> Any:
        if isinstance(operand, tuple):
            return tuple(map(there, operand))
        return np.broadcast_to(operand, check.holds.shape)[at] if is_array(operand) else operand

    point = ", ".join(map(str, at))
    return f"{Check(False, check.need, tuple(map(there, check.operands)))} (first at point {point})"


def _remedy(op: Op, shape: Shape) -> str:
    """What to write instead, or before the op."""
    rank = len(shape)
    here = _along(op, rank - 1)
    if op.axes and here:
        fewer = f", or {_along(op, 2)} at each position of the first axis" if rank == 4 else ""
        need = f"; {kind(op.axes + 1)} is [{', '.join(NAMES[op.axes + 1])}]" if rank <= op.axes else ""
        return f". Here it is {here}{fewer}{need}"
    if op.axes == 1:
        return f". reshape: {{shape: [{shape[0]}, 1]}} makes it a sequence"
    if rank == 2:
        return ". A map is [height, width, channels]"
    return ". Put flatten or global_avg_pool and flatten before it" if rank == 3 else ""


def _along(op: Op, axes: int) -> str:
    """The op of the same family whose windows slide along so many axes, if there is one."""
    name = f"{op.name.removesuffix(f'{op.axes}d')}{axes}d"
    return name if name in OPS else ""
