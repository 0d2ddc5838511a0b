"""The lines of a spec: pieces as calls of blocks, groups or layers one by one, each item as short as it can be said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from convcost.ops import OPS
from convcost.spec.outline.arguments import ABSENT, ACT, Analysis, Block, Place, same
from convcost.spec.outline.naming import generated
from convcost.spec.outline.patterns import Pattern, flat, no_padding
from convcost.spec.outline.pieces import Fork, Item, Leaf, Piece, output
from convcost.spec.outline.selection import Selection
from convcost.spec.reader import UNUSED
from convcost.spec.write import Expression, in_flow, modifiers

WIDEST = 120
"""Characters of a line; longer ones are broken, as far as they can be."""
WIDER = 80
"""Characters that a line of a single op may have beyond, before it takes one line for each key."""
FEWEST_ROWS, FEWEST_COLUMNS = 5, 2
"""Of a table."""
MOST_ALIKE = 200
"""Calls that are looked at together, to find those that repeat."""
_CALL = 4
"""What a call more costs, where an argument that changes to its default costs 1, to something else 2."""
JOINED = ":"
"""In the place of the edge before a node that joins branches, whose ends it reads: no edge is called so."""
Lines = list[str]
Entry = dict[str, Any]


@dataclass(slots=True)
class Spot:
    """Where lines are written: inside a block, a group, or the network."""

    block: Block
    around: tuple[Piece, ...]
    """The pieces whose names can be read here, the innermost last."""
    places: dict[int, Place]
    """Identity of an item -> where its attributes are found."""
    prefix: str = ""
    """What stands before names here: that of a scope whose layers stand one by one."""
    implicit: set[int] = field(default_factory=set)
    """Identities of the nodes that are called after their op."""
    indent: int = 2
    """Spaces before a line."""
    condition: str = ""
    """The condition that says whether the items here are built, where they stand one by one."""


class Writer:
    """Writes the lines of blocks and layers. Which nodes are read by name is known only after a first time."""

    def __init__(self, selection: Selection, analysis: Analysis) -> None:
        self.selection, self.analysis = selection, analysis
        self.wiring = analysis.wiring
        self.read: set[int] = set()
        """Identities of the nodes of models that are read by name."""

    def text(self, root: Pattern) -> Lines:
        """The lines behind the head of a spec."""
        for _ in range(2):
            block = self.analysis.block(root)
            last = root.model.output
            spot = self.spot(block, root.model)
            layers = self.sequence(root.model.items, next(iter(self.wiring.walked.graph.inputs)), spot)
            outputs = self.wiring.walked.graph.outputs
            stated = (
                []
                if not outputs or outputs == (last,)
                else [f"outputs: {in_flow([self.name_of(e, spot) for e in outputs])}"]
            )
            blocks = [line for pattern in self.selection.in_order for line in self.definition(pattern)]
        return [*stated, *(["blocks:", *_inside(blocks)] if blocks else []), "layers:", *_inside(layers)]

    def definition(self, pattern: Pattern) -> Lines:
        block = self.analysis.block(pattern)
        name, model = self.selection.names[pattern.number], pattern.model
        lines = [f"{name}:"]
        if block.args:
            given = {arg.name: None if arg.default is ABSENT else arg.default for arg in block.args}
            lines += _inside(_broken("args", given, 4))
        if len(block.inputs) > 1:
            lines += [f"  inputs: {in_flow(list(block.inputs))}"]
        items = self.sequence(model.items, model.inputs[0], replace(self.spot(block, model), indent=6))
        return [*lines, "  layers:", *_inside(_inside(items))]

    def spot(self, block: Block, piece: Piece) -> Spot:
        spot = Spot(block, (piece,), {id(item): (at,) for at, item in enumerate(flat(piece.items))})
        spot.implicit = self.implicit(piece)
        return spot

    # -- sequences ------------------------------------------------------------------------------------------------

    def sequence(self, items: Sequence[Item], flow: str, spot: Spot) -> Lines:
        """The lines of items; `flow` is the edge that the first one reads unless it says otherwise."""
        lines: Lines = []
        runs = list(self.runs(list(_apart(items)) if spot.prefix else items, spot))
        at = 0
        while at < len(runs):
            rows = self.rows(runs, at, flow, spot)
            table = self.table(rows, spot)
            lines += table
            for run in runs[at : at + max(len(rows), 1)] if not table else ():
                lines += self.item(run, flow, spot)
                flow = output(run, flow)
            at += max(len(rows), 1)
            flow = output(runs[at - 1], flow)
        return lines

    # -- tables ---------------------------------------------------------------------------------------------------

    def rows(self, runs: Sequence[Sequence[Item]], at: int, flow: str, spot: Spot) -> list[Piece]:
        """The calls of one block from a place on that could be rows of a table: alone, each reading the one before."""
        rows: list[Piece] = []
        for run in runs[at:]:
            item = run[0]
            if len(run) > 1 or not isinstance(item, Piece) or not self.is_call(item) or item.inputs != (flow,):
                break
            alike = not rows or self.analysis.inner(item)[0] is self.analysis.inner(rows[0])[0]
            alike = alike and (not rows or item.glue == rows[0].glue)
            if not alike or item.owner or self.condition(item, spot):
                break
            rows.append(item)
            flow = item.output
        return rows

    def table(self, rows: Sequence[Piece], spot: Spot) -> Lines:
        """A table with a row for each call; empty where calls are as clear."""
        if len(rows) < FEWEST_ROWS:
            return []
        given = [self.arguments(piece, spot) for piece in rows]
        columns = [name for name in given[0] if any(not same(args[name], given[0][name]) for args in given)]
        if len(columns) < FEWEST_COLUMNS or any(_is_open(args[name]) for args in given for name in columns):
            return []
        pattern = self.analysis.inner(rows[0])[0]
        defaults = {arg.name: arg.default for arg in self.analysis.block(pattern).args}
        call: Entry = {name: Expression(name) for name in columns}
        call |= {name: v for name, v in given[0].items() if name not in columns and not same(v, defaults[name])}
        cells = [["name", *columns]]
        cells += [[spot.prefix + piece.name, *(args[name] for name in columns)] for piece, args in zip(rows, given)]
        texts = [[in_flow(cell) for cell in row] for row in cells]
        widths = [max(len(row[at]) + 1 for row in texts) for at in range(len(columns) + 1)]
        heads, *lines = [
            "["
            + " ".join(f"{text}{',' * (at < len(columns))}".ljust(widths[at]) for at, text in enumerate(row)).rstrip()
            + "]"
            for row in texts
        ]
        called: Entry = {self.selection.names[pattern.number]: call}
        each = _broken("each", called if rows[0].glue == "." else called | {"glue": rows[0].glue}, spot.indent + 2)
        return [
            f"- {each[0]}",
            *_inside(each[1:]),
            f"  columns: {heads}",
            "  rows:",
            *(f"    - {line}" for line in lines),
        ]

    def is_call(self, item: Item) -> bool:
        return isinstance(item, Piece) and self.selection.is_block(self.analysis.inner(item)[0])

    def item(self, run: Sequence[Item], flow: str, spot: Spot) -> Lines:
        item = run[0]
        if isinstance(item, Leaf):
            return _entry(self.leaf(item, flow, spot), spot.indent - WIDER)
        if isinstance(item, Fork):
            return self.fork(item, flow, spot)
        if self.is_call(item):
            return _entry(self.call([each for each in run if isinstance(each, Piece)], flow, spot), spot.indent)
        return self.piece(item, flow, spot)

    def leaf(self, leaf: Leaf, flow: str, spot: Spot) -> Entry:
        node = leaf.node
        op = str(spot.block.values.get((spot.places[id(leaf)], ACT), node.op))
        entry: Entry = {op: self.attributes(leaf, spot) or None}
        if id(leaf) not in spot.implicit:
            entry["name"] = spot.prefix + leaf.name
        if flow != JOINED:
            entry |= self.inputs(leaf, flow, spot)
        entry |= self.condition(leaf, spot) | ({"side": UNUSED} if leaf.unused else {})
        owners = {what: owner for what, owner in node.shares.items() if spot.around[0].has(owner)}
        if owners:  # else those of a block whose call says so
            owners = {what: self.name_of(owner, spot, inside=True) for what, owner in owners.items()}
            entry["share"] = next(iter(owners.values())) if node.owner else owners
        return entry | modifiers(node)

    def attributes(self, leaf: Leaf, spot: Spot) -> Entry:
        """The attributes of a node that are not at their defaults."""
        place, op = spot.places[id(leaf)], leaf.node.op
        values = {attr: spot.block.values[place, attr] for attr in self.analysis.patterns.attributes(leaf)}
        return {a: value for a, value in values.items() if value is not ABSENT and not _is_default(op, a, value)}

    def inputs(self, item: Item, flow: str, spot: Spot) -> Entry:
        if not item.inputs and isinstance(item, Leaf) and not OPS[item.node.op].reads_nothing:
            return {"in": []}
        if not item.inputs or item.inputs == (flow,):
            return {}
        names = [self.name_of(edge, spot) for edge in item.inputs]
        return {"in": names[0] if len(names) == 1 else names}

    def condition(self, item: Item, spot: Spot) -> Entry:
        flag = self.flag(item, -1, spot) or spot.condition
        return {"if": Expression(flag)} if flag else {}

    def flag(self, item: Item, branch: int, spot: Spot) -> str | None:
        place = spot.places[id(item)]
        flag = spot.block.pattern.optional.get((place[0], branch)) if len(place) == 1 else None
        return spot.block.conditions[flag] if flag else None

    def fork(self, fork: Fork, flow: str, spot: Spot) -> Lines:
        names = _branch_names(fork)
        lines = ["- parallel:"]
        for number, (name, branch) in enumerate(zip(names, fork.branches)):
            flag = self.flag(fork, number, spot)
            inner = self.sequence(branch, fork.inputs[0], replace(spot, indent=spot.indent + (8 if flag else 6)))
            if not inner:
                lines += [f"    {name}: {{if: {flag}, layers: []}}" if flag else f"    {name}: []"]
            elif flag:
                lines += [
                    f"    {name}:",
                    f"      if: {flag}",
                    "      layers:",
                    *_inside(_inside(_inside(_inside(inner)))),
                ]
            else:
                lines += [f"    {name}:", *_inside(_inside(_inside(inner)))]
        join = self.leaf(fork.join, JOINED, spot)
        lines += _inside(_broken("join", join if len(join) > 1 or join[fork.join.node.op] else fork.join.node.op, 4))
        beside = self.inputs(fork, flow, spot) | self.condition(fork, spot)
        return [*lines, *(f"  {key}: {in_flow(value)}" for key, value in beside.items())]

    def piece(self, piece: Piece, flow: str, spot: Spot) -> Lines:
        """A piece that is no block: its layers one by one if they are few, else as a group."""
        for at, item in enumerate(flat(piece.items)):
            spot.places[id(item)] = (*spot.places[id(piece)], at)
        condition = self.condition(piece, spot)
        if not self.selection.is_group(piece):
            prefix = f"{spot.prefix}{piece.name}{piece.glue}"
            return self.sequence(
                piece.items, flow, replace(spot, prefix=prefix, condition=str(condition.get("if", "")))
            )
        inner = replace(spot, around=(*spot.around, piece), prefix="", implicit=self.implicit(piece), condition="")
        inner.indent += 4
        lines = [f"- name: {in_flow(spot.prefix + piece.name)}", *(f"  if: {flag}" for flag in condition.values())]
        first = piece.inputs[0] if piece.inputs else ""
        if first and first != flow:
            lines += [f"  in: {in_flow(self.name_of(first, spot))}"]
        return [*lines, "  layers:", *_inside(_inside(self.sequence(piece.items, first, inner)))]

    # -- calls ----------------------------------------------------------------------------------------------------

    def runs(self, items: Sequence[Item], spot: Spot) -> Iterator[Sequence[Item]]:
        """The items in order, each alone or with those after it that one call with `repeat` stands for."""
        at = 0
        while at < len(items):
            alike = self.alike(items, at, spot)
            yield from self.parts(alike, spot) if len(alike) > 1 else [items[at : at + 1]]
            at += max(len(alike), 1)

    def parts(self, alike: Sequence[Piece], spot: Spot) -> Iterator[Sequence[Piece]]:
        """Calls of one block, one after the other, cut into as few runs as say them, with as few arguments that change."""
        args = [self.arguments(piece, spot) for piece in alike]
        defaults = {arg.name: arg.default for arg in self.analysis.block(self.analysis.inner(alike[0])[0]).args}
        best: list[tuple[int, int]] = [(0, 0)] * (len(alike) + 1)  # from behind: cost of all runs, length of the first
        for at in range(len(alike) - 1, -1, -1):
            choices = []
            for length in range(1, len(alike) - at + 1):
                if length > 2 and not _equal(args[at + 1], args[at + length - 1]):
                    break
                changed = _changed(args[at], args[at + 1]) if length > 1 else {}
                if any(value is ABSENT for value in changed.values()):
                    break
                changes = sum(1 if same(value, defaults[name]) else 2 for name, value in changed.items())
                choices.append((best[at + length][0] + _CALL + changes, length))
            best[at] = min(choices)
        at = 0
        while at < len(alike):
            yield alike[at : at + best[at][1]]
            at += best[at][1]

    def alike(self, items: Sequence[Item], at: int, spot: Spot) -> list[Piece]:
        """The pieces from a place on that call one block, one after the other, and are numbered."""
        found: list[Piece] = []
        for item in items[at : at + MOST_ALIKE]:
            if not isinstance(item, Piece) or not self.is_call(item) or self.condition(item, spot):
                break
            if found:
                before = found[-1]
                follows = before.output and item.inputs == (before.output, *before.inputs[1:])
                pattern = self.analysis.inner(item)[0]
                follows = (
                    follows
                    and item.glue == before.glue
                    and item.owner == (found[0].owner or (found[0].path if item.owner else ""))
                )
                if not follows or pattern is not self.analysis.inner(before)[0] or item.name != _next(before.name):
                    break
            found.append(item)
        return found

    def arguments(self, piece: Piece, spot: Spot) -> dict[str, Any]:
        """The values of all arguments that a call gives, their defaults included."""
        place = spot.places[id(piece)]
        given = {}
        for arg in self.analysis.block(self.analysis.inner(piece)[0]).args:
            value = spot.block.values.get((place, arg.name), ABSENT)
            given[arg.name] = arg.default if value is ABSENT else value
        return given

    def call(self, run: Sequence[Piece], flow: str, spot: Spot) -> Entry:
        pattern = self.analysis.inner(run[0])[0]
        defaults = {arg.name: arg.default for arg in self.analysis.block(pattern).args}
        args = self.arguments(run[0], spot)
        given = {name: value for name, value in args.items() if not same(value, defaults[name])}
        entry: Entry = {self.selection.names[pattern.number]: given or None}
        name = spot.prefix + run[0].name
        if len(run) == 1:
            entry["name"] = name
        else:
            entry["repeat"] = len(run)
            if then := _changed(args, self.arguments(run[1], spot)):
                entry["then"] = then
            base = _numbered_base(name)
            entry |= {"name": base} if base and not self.is_named(base, spot) else {"first": name}
        if run[0].glue != ".":
            entry["glue"] = run[0].glue
        entry |= self.inputs(run[0], flow, spot) | self.condition(run[0], spot)
        if run[-1].owner:
            own = len(run) > 1 and run[-1].owner == run[0].path
            entry["share"] = True if own else self.piece_name(run[0].owner, spot)
        return entry

    def piece_name(self, path: str, spot: Spot) -> str:
        """What a block or group is called here."""
        around = next(piece for piece in reversed(spot.around) if piece.has(path))
        return around.relative(path)

    def is_named(self, name: str, spot: Spot) -> bool:
        """Whether something else here has this name."""
        return spot.around[-1].inside(name) in self.selection.paths

    # -- names ----------------------------------------------------------------------------------------------------

    def name_of(self, edge: str, spot: Spot, *, inside: bool = False) -> str:
        """What an edge is called here; with `inside`, the node that makes it, not the block whose output it is."""
        made = self.wiring.maker(edge)
        for piece in reversed(spot.around):
            if made >= 0 and piece.at <= made < piece.end:
                return self.inner_name(edge, made, piece, inside=inside)
        if edge in spot.around[0].inputs and spot.around[0].path:
            return spot.block.inputs[spot.around[0].inputs.index(edge)]
        return edge

    def inner_name(self, edge: str, made: int, piece: Piece, *, inside: bool) -> str:
        """The name of an edge as seen from a piece: that of the outermost block or group whose output it is."""
        before = ""
        leaf, chain = self.selection.chain(made, piece)
        around = model = piece  # the model is what the lines are written of, in which names are stated or left out
        for item in chain:
            pattern = self.analysis.inner(item)[0]
            block = self.selection.is_block(pattern)
            if (block or self.selection.is_group(item)) and item.output == edge and not inside:
                return before + item.name
            before += item.name + item.glue
            own = pattern.model if block else self.counterpart(item, around, model)
            around, model = item, own if isinstance(own, Piece) else item
        self.read.add(id(self.counterpart(leaf, around, model)))
        _, colon, part = edge.partition(":")
        return before + leaf.name + colon + part

    def counterpart(self, item: Item, around: Piece, model: Piece) -> Item:
        """The item of a model that stands for one of a piece."""
        if around is model:
            return item
        return self.selection.flat_of(model)[self.selection.place(item, self.analysis.inner(around)[1])]

    def implicit(self, piece: Piece) -> set[int]:
        """The nodes directly in a block, group or network that may be called after their op."""
        return generated(self.named(piece.items, ""), self.read)

    def named(self, items: Iterable[Item], prefix: str) -> Iterator[tuple[str, Leaf | None]]:
        """What gets a name in a scope, in order, with the node if it may get it from its op."""
        for item in _apart(items) if prefix else items:
            if isinstance(item, Leaf):
                yield prefix + item.name, None if prefix else item
            elif isinstance(item, Fork):
                for branch in item.branches:
                    yield from self.named(branch, prefix)
                yield item.join.name, item.join
            elif self.is_call(item) or self.selection.is_group(item):
                yield prefix + item.name, None
            else:
                yield from self.named(item.items, f"{prefix}{item.name}{item.glue}")


def _apart(items: Iterable[Item]) -> Iterator[Item]:
    """Items without forks: what these consist of."""
    for item in items:
        if isinstance(item, Fork):
            for branch in item.branches:
                yield from _apart(branch)
            yield item.join
        else:
            yield item


def _is_open(value: Any) -> bool:
    """Whether a value can be no cell of a table."""
    return value is ABSENT or isinstance(value, (Expression, list))


def _next(name: str) -> str:
    """The name with the next number; empty if it has none."""
    found = re.search(r"(?<!\d)(0|[1-9]\d{0,8})$", name, re.ASCII)
    return f"{name[: found.start()]}{int(found.group()) + 1}" if found else ""


def _numbered_base(name: str) -> str:
    """The name that repetitions from this one on may be numbered after: `block` for `block1`, `conv1` for `conv1_1`."""
    if not name.endswith("1") or name[-2:-1].isdigit():
        return ""
    base = name[:-1]
    if base.endswith("_") and base[-2:-1].isdigit():
        return base[:-1]
    return base if re.search(r"[^\W\d_]$", base) else ""


def _equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(same(one[name], other[name]) for name in one)


def _changed(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in other.items() if not same(value, one[name])}


def _is_default(op: str, attr: str, value: Any) -> bool:
    """Whether an attribute has the value that it has where a spec says none."""
    stated = OPS[op].attrs[attr]
    if stated.required or stated.default is None or isinstance(value, Expression):
        return False
    default = stated.kind.show(stated.default)
    return same(value, 0 if no_padding(op, attr, stated.default) else default)


def _branch_names(fork: Fork) -> list[str]:
    """What branches are called: after the scope that a short one stands in, else by what they do or by number."""
    two, add = len(fork.branches) == 2, fork.join.node.op == "add"
    names: list[str] = []
    for number, branch in enumerate(fork.branches, start=1):
        words = {item.name.split(".")[0] for item in branch if not isinstance(item, Fork)}
        word = words.pop() if len(words) == 1 and len(branch) < 3 else ""
        if fork.join.node.op == "multiply":
            name = "main" if number == 1 else "gate" if two else f"gate{number - 1}"
        elif not branch:
            name = "shortcut"
        elif two and (not all(fork.branches) or (add and number == 1)):
            name = "main"
        elif re.fullmatch(r"[A-Za-z_]\w*", word):
            name = word
        else:
            name = "shortcut" if two and add else f"branch{number}"
        names.append(f"{name}_{number}" if name in names else name)
    return names


def _entry(entry: Entry, indent: int) -> Lines:
    """An item of a list: on one line if it fits, else a line for each key."""
    keys = list(entry)
    if len(keys) == 1:
        value = entry[keys[0]]
        line = f"- {keys[0]}" if value is None else f"- {keys[0]}: {in_flow(value)}"
    else:
        line = f"- {in_flow(entry)}"
    if indent + len(line) <= WIDEST:
        return [line]
    lines = [part for key in keys for part in _broken(key, entry[key], indent + 2)]
    return [f"- {lines[0]}", *_inside(lines[1:])]


def _broken(key: str, value: Any, indent: int) -> Lines:
    """A key with its value: on one line if it fits, else a line for each entry of the value."""
    line = f"{key}: {in_flow(value)}"
    if indent + len(line) <= WIDEST or not isinstance(value, dict):
        return [line]
    if len(value) == 1:
        return [f"{key}:", *_inside(line for name, inner in value.items() for line in _broken(name, inner, indent + 2))]
    lines, line = [], f"{key}: {{"
    for at, (name, inner) in enumerate(value.items(), start=1):
        text = f"{name}: {in_flow(inner)}" + (", " if at < len(value) else "}")
        if indent + len(line) + len(text) > WIDEST:
            lines.append(line.rstrip())
            line = "    "
        line += text
    return [*lines, line]


def _inside(lines: Iterable[str]) -> Lines:
    return [f"  {line}" for line in lines]
