"""What differs between the members of a pattern becomes arguments of a block, or follows from sizes and other arguments."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from convcost.core import axes
from convcost.spec.outline.patterns import Member, Pattern, Patterns, is_activation
from convcost.spec.outline.pieces import Leaf, Piece, Wiring
from convcost.spec.write import Expression

MOST_ARGS = 10
"""Of one block; one that needs more is none that a reader could see through."""
MOST_FACTOR = 8
"""The largest whole number by which sizes that depend on one another are multiplied or divided."""
ACT = "act"
"""In the place of an attribute, the op that an activation is."""
_SIZES = ("shape", "sections")
"""Attributes that are lists of sizes."""
_WIDTHS = ("channels", "groups")
"""Attributes that count channels, and so may follow from one another and from what is read."""
Place = tuple[int, ...]
"""Where an item stands: its place in the pattern, and in each piece around it that is no block."""
Column = list[Any]
"""One value for each member of a pattern, ABSENT where that leaves the item out."""


class _Absent:
    pass


ABSENT: Any = _Absent()


@dataclass(slots=True)
class Argument:
    """An argument of a block."""

    name: str
    attr: str
    """The attribute that it stands for; empty for a flag."""
    column: Column
    default: Any = ABSENT
    """ABSENT if it must be given."""


@dataclass(slots=True)
class Block:
    """A pattern with its arguments: what a spec calls by name. The whole network is one without any."""

    pattern: Pattern
    name: str = ""
    args: list[Argument] = field(default_factory=list)
    values: dict[tuple[Place, str], Any] = field(default_factory=dict)
    """For each attribute or argument of an item, an `Expression` or what it is in all members."""
    inputs: tuple[str, ...] = ("input",)
    """What its inputs are called inside."""
    conditions: dict[str, str] = field(default_factory=dict)
    """Flag of the pattern -> the argument, or the expression, that says whether items are built."""


@dataclass(slots=True)
class _Slot:
    place: Place
    attr: str
    column: Column
    shapes: Column
    """The shape of what the item reads first, None if it reads nothing."""
    word: str
    """What the item is called."""
    widths: bool
    op: bool
    """Whether it is an attribute of an op, not an argument of a block."""

    @property
    def read(self) -> Column:
        """Channels of what the item reads first."""
        return [shape[-1] if shape else None for shape in self.shapes]


class Analysis:
    """Makes blocks of patterns; `is_block` tells which patterns are called by name where they are inside another."""

    def __init__(
        self, patterns: Patterns, wiring: Wiring, is_block: Callable[[Pattern], bool], taken: Collection[str]
    ) -> None:
        self.patterns, self.wiring, self.is_block = patterns, wiring, is_block
        self.taken = taken
        """Names that no argument may have."""
        self.blocks: dict[int, Block] = {}

    def block(self, pattern: Pattern) -> Block:
        """The block of a pattern, made when first asked for, after those inside it."""
        if pattern.number not in self.blocks:
            block = Block(pattern, inputs=_input_names(pattern))
            _Arguments(self, block).fill()
            self.blocks[pattern.number] = block
        return self.blocks[pattern.number]

    def inner(self, item: Piece) -> tuple[Pattern, Member]:
        """The pattern and member that a piece is."""
        return self.patterns.of[id(item)]


class _Arguments:
    """Finds the arguments of one block."""

    def __init__(self, analysis: Analysis, block: Block) -> None:
        self.analysis, self.block = analysis, block
        self.members = block.pattern.members
        self.out: Column = []
        """Channels that the block puts out, where an argument of their own says them."""
        channels, model = analysis.wiring.channels, block.pattern.model
        self.inputs = {
            name: [channels(member.piece.inputs[number : number + 1]) for member in self.members]
            for number, (name, _) in enumerate(zip(block.inputs, model.inputs))
        }

    def fill(self) -> None:
        pattern, block = self.block.pattern, self.block
        slots = list(self.slots(pattern, [(member, member) for member in self.members], ()))
        self.assign(slots)
        shapes = [self.analysis.wiring.shapes.get(member.piece.output) for member in self.members]
        out = [shape[-1] if shape else None for shape in shapes]
        widths = [arg for arg in block.args if arg.attr == "channels"]
        if len(widths) > 1 and (len(widths) > 2 or widths[1].column == out):
            self.out = out
            self.assign(slots)
        for flag in pattern.flags:
            column = [member.flags[flag] for member in self.members]
            block.conditions[flag] = (pattern.is_shortcut(flag) and self.condition(column)) or self.flag(flag, column)
        for arg in block.args:
            arg.default = _default(arg)
        block.args.sort(key=lambda arg: arg.default is not ABSENT)  # those that must be given come first
        for member in self.members:
            member.args.clear()
        for arg in block.args:
            for member, value in zip(self.members, arg.column):
                if value is not ABSENT:
                    member.args[arg.name] = value

    def assign(self, slots: Sequence[_Slot]) -> None:
        """Say what each attribute is: the same everywhere, what follows from something else, or an argument."""
        self.block.args.clear()
        for slot in slots:
            if len(self.block.args) > MOST_ARGS:
                return  # it is no block, however many more there are
            present = [value for value in slot.column if value is not ABSENT]
            value: Any = present[0] if present else ABSENT
            if any(not same(one, value) for one in present):
                value = self.sizes(slot) or self.relation(slot) or self.new(slot)
            elif (
                len(present) < len(slot.column)
                and slot.attr in (*_WIDTHS, "stride")
                and type(value) is int
                and value > 1
            ):
                value = self.relation(slot) or value  # it stands in few, and would be another one elsewhere
            self.block.values[slot.place, slot.attr] = value

    def slots(
        self, pattern: Pattern, members: Sequence[tuple[Member, Member | None]], around: Place
    ) -> Iterator[_Slot]:
        """The attributes and arguments of all items, those inside of pieces that are no blocks too.

        `members` are those of the block, each with that of the pattern at hand, or none where it is left out.
        """
        for at, model in enumerate(pattern.flat):
            items = [member.items[at] if member else None for _, member in members]
            place = (*around, at)
            shapes = self.analysis.wiring.shapes
            read = [shapes.get(item.inputs[0]) if item and item.inputs else None for item in items]
            if isinstance(model, Leaf):
                yield from self.of_leaf(model, place, items, read)
            elif isinstance(model, Piece):
                inner = self.analysis.inner(model)[0]
                own = [self.analysis.inner(item)[1] if isinstance(item, Piece) else None for item in items]
                if not self.analysis.is_block(inner):
                    yield from self.slots(inner, [(outer, mine) for (outer, _), mine in zip(members, own)], place)
                    continue
                for arg in self.analysis.block(inner).args:
                    column = [mine.args.get(arg.name, ABSENT) if mine else ABSENT for mine in own]
                    yield _Slot(place, arg.name, column, read, model.name, arg.attr in _WIDTHS, op=False)

    def of_leaf(self, model: Leaf, place: Place, items: Sequence[Any], read: Column) -> Iterator[_Slot]:
        if is_activation(model.node.op):
            column = [item.node.op if item else ABSENT for item in items]
            yield _Slot(place, ACT, column, read, model.name, widths=False, op=True)
        shown = [self.analysis.patterns.attributes(item) if item else {} for item in items]
        # Last what may follow from the others.
        for attr in sorted(self.analysis.patterns.attributes(model), key=lambda name: name == "padding"):
            column = [found.get(attr, ABSENT) for found in shown]
            yield _Slot(place, attr, column, read, model.name, attr in _WIDTHS, op=True)

    # -- relations -----------------------------------------------------------------------------------------------

    def relation(self, slot: _Slot) -> Expression | None:
        """An expression that gives the attribute in every member; None if it takes an argument of its own."""
        if slot.attr == "groups" and self.equal(slot.column, slot.read, 1):
            return Expression("in.channels")
        if slot.op and slot.attr == "padding" and (found := self.padding(slot)):
            return found
        for arg in self.block.args:
            alike = arg.attr == slot.attr or (slot.widths and arg.attr in (*_WIDTHS, "size"))
            if alike and all(a is ABSENT or b is ABSENT or same(a, b) for a, b in zip(arg.column, slot.column)):
                arg.column = [b if a is ABSENT else a for a, b in zip(arg.column, slot.column)]
                return Expression(arg.name)
        return self.width(slot) if slot.widths else None

    def sizes(self, slot: _Slot) -> list[Any] | None:
        """A list of sizes, each for itself; None for what is no such list or of different lengths."""
        lists = [value for value in slot.column if value is not ABSENT]
        if slot.attr not in _SIZES or not slot.op or len({len(v) if isinstance(v, list) else -1 for v in lists}) > 1:
            return None
        found: list[Any] = []
        for at in range(len(lists[0]) if isinstance(lists[0], list) else 0):
            column = [ABSENT if value is ABSENT else value[at] for value in slot.column]
            one = replace(slot, column=column, attr="size", widths=True)
            present = [value for value in column if value is not ABSENT]
            equal = all(same(value, present[0]) for value in present)
            found.append(present[0] if equal else self.axis(one) or self.relation(one) or self.new(one))
        return found or None

    def axis(self, slot: _Slot) -> Expression | None:
        """A size that is one of what the item reads, or the product of its positions."""
        ranks = {len(shape) for shape in slot.shapes if shape}
        if len(ranks) != 1 or not ranks <= {*axes.NAMES}:
            return None
        names = axes.NAMES[ranks.pop()]
        columns = {
            f"in.{name}": [shape[at] if shape else None for shape in slot.shapes] for at, name in enumerate(names)
        }
        if len(names) == 3:
            product = [shape[0] * shape[1] if shape else None for shape in slot.shapes]
            columns["in.height * in.width"] = product
        return next((Expression(name) for name, column in columns.items() if self.equal(slot.column, column, 1)), None)

    def width(self, slot: _Slot) -> Expression | None:
        """A number of channels that is another one, or a whole multiple or fraction of one."""
        args = {arg.name: arg.column for arg in self.block.args if arg.attr in _WIDTHS}
        read = {"in.channels": slot.read, **{f"{name}.channels": column for name, column in self.inputs.items()}}
        for names in (args, read):
            for name, column in names.items():
                if self.equal(slot.column, column, 1):
                    return Expression(name)
        for name, column in {**args, **read}.items():
            for factor in range(2, MOST_FACTOR + 1):
                if self.equal(slot.column, column, factor):
                    return Expression(f"{factor} * {name}")
                there = [ABSENT if mine is ABSENT else one for one, mine in zip(column, slot.column)]
                if ABSENT not in [one for one, mine in zip(column, slot.column) if mine is not ABSENT] and self.equal(
                    there, slot.column, factor
                ):
                    return Expression(f"{name} // {factor}")
        return None

    @staticmethod
    def equal(column: Column, other: Column, factor: int) -> bool:
        """Whether all values that are there are so many times the others."""
        pairs = [(a, b) for a, b in zip(column, other) if a is not ABSENT]
        return bool(pairs) and all(type(a) is type(b) is int and a == factor * b for a, b in pairs)

    def padding(self, slot: _Slot) -> Expression | None:
        """A padding that is half the kernel, rounded down, or the dilation, or both."""
        own = {attr: self.block.values.get((slot.place, attr)) for attr in ("kernel", "dilation")}
        columns = {attr: self.column(slot.place, attr) for attr in own}
        halves = [value // 2 if type(value) is int and value % 2 else ABSENT for value in columns["kernel"]]
        if isinstance(own["kernel"], Expression) and self.equal(slot.column, halves, 1):
            return Expression(f"{own['kernel']} // 2")
        if isinstance(own["dilation"], Expression) and self.equal(slot.column, columns["dilation"], 1):
            return own["dilation"]
        both = [a * b if type(a) is type(b) is int else ABSENT for a, b in zip(halves, columns["dilation"])]
        if all(isinstance(value, Expression) for value in own.values()) and self.equal(slot.column, both, 1):
            return Expression(f"{own['dilation']} * ({own['kernel']} // 2)")
        return None

    def column(self, place: Place, attr: str) -> Column:
        """The values of an attribute of a node in all members."""
        found: Column = []
        for member in self.members:
            item: Any = member.items[place[0]]
            for at in place[1:]:
                item = self.analysis.inner(item)[1].items[at] if isinstance(item, Piece) else None
            found.append(self.analysis.patterns.attributes(item).get(attr, ABSENT) if item else ABSENT)
        return found

    def condition(self, column: Column) -> str:
        """A condition on what the block reads and how it strides that says in every member whether items are built: that a
        shortcut can be the identity, or has to project; empty if there is none.
        """
        read = self.inputs.get("input", [])
        strides = next((arg for arg in self.block.args if arg.attr == "stride" and _whole(arg.column)), None)
        strided = [value > 1 for value in strides.column] if strides else [False] * len(column)
        for width in [arg for arg in self.block.args if arg.attr == "channels" and _whole([*arg.column, *read])]:
            for factor in range(1, MOST_FACTOR + 1):
                changed = [one != factor * other for one, other in zip(read, width.column)]
                text = f"{width.name}" if factor == 1 else f"{factor} * {width.name}"
                if column == [not (a or b) for a, b in zip(strided, changed)]:
                    return (
                        f"{strides.name} == 1 and input.channels == {text}" if strides else f"input.channels == {text}"
                    )
                if column == [a or b for a, b in zip(strided, changed)]:
                    return f"{strides.name} > 1 or input.channels != {text}" if strides else f"input.channels != {text}"
        return ""

    def flag(self, flag: str, column: Column) -> str:
        """A new argument that says whether items are built."""
        name = self.free(flag, "")
        self.block.args.append(Argument(name, "", column))
        return name

    # -- new arguments -------------------------------------------------------------------------------------------

    def new(self, slot: _Slot) -> Expression:
        """A new argument for an attribute."""
        inner = bool(self.out) and slot.attr == "channels" and slot.column != self.out
        name = self.free(slot.attr, slot.word, inner=inner)
        attr = "channels" if slot.widths and slot.attr not in (*_WIDTHS, "size") else slot.attr
        self.block.args.append(Argument(name, attr, slot.column))
        return Expression(name)

    def free(self, name: str, word: str, *, inner: bool = False) -> str:
        """A name for an argument: its attribute's, unless that is `inner` to the block, else with that of its item, else with a
        number behind.
        """
        used = {*self.analysis.taken, *(arg.name for arg in self.block.args)}
        names = [] if inner else [name]
        for part in reversed(word.split(".")):
            if re.fullmatch(r"[A-Za-z_]\w*", part):
                names.append(f"{part}_{name}")
            elif re.fullmatch(r"\d+[A-Za-z_]\w*", part):
                names.append(f"{name}_{part}")
        names += [f"inner_{name}"] if inner else [f"with_{name}"] if not word else []
        names += [f"{name}_{number}" for number in range(2, len(used) + 3)]
        return next(each for each in names if each not in used)


def same(one: Any, other: Any) -> bool:
    """Whether two values are written alike.

    >>> same(1, 1), same(1, True), same([1, 2], [1, 2])
    (True, False, True)
    """
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _whole(column: Column) -> bool:
    """Whether all values are there, and whole numbers."""
    return all(type(value) is int for value in column)


def _default(arg: Argument) -> Any:
    """The default of an argument: what most members have; none for a width, unless some members have no use for it."""
    present = [tuple(value) if isinstance(value, list) else value for value in arg.column if value is not ABSENT]
    value, times = Counter((type(value), value) for value in present).most_common(1)[0]
    found = list(value[1]) if isinstance(value[1], tuple) else value[1]
    if len(present) < len(arg.column):
        return found
    if arg.attr == "groups":
        return 1 if 1 in arg.column else ABSENT
    return found if arg.attr not in _WIDTHS and 2 * times >= len(present) else ABSENT


def _input_names(pattern: Pattern) -> tuple[str, ...]:
    """What a block calls what it reads."""
    many = len(pattern.model.inputs)
    heads = {item.name.split(".")[0] for item in pattern.flat if isinstance(item, (Leaf, Piece))}
    names = ["input"] if many < 2 else ["x", "skip", *(f"skip{number}" for number in range(2, many))]
    return tuple(f"{name}_" if name in heads and many > 1 else name for name in names)
