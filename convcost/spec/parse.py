"""YAML tree -> human form. Everything that can be known without knob values is checked here, and collected."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from convcost.errors import Problem, SpecError, Where, did_you_mean
from convcost.expr import ExprError
from convcost.expr import parse as parse_expr
from convcost.ops import OPS
from convcost.ops.kinds import OneOf, Sides, say
from convcost.spec import source
from convcost.spec.model import (
    Block,
    Branch,
    Broken,
    Call,
    Edge,
    Group,
    Item,
    Knob,
    KnobValue,
    Parallel,
    Spec,
    Table,
    Value,
)
from convcost.spec.source import Mapping, Scalar, Tree

VERSION = 1
NOTHING = "none"
"""In the place of an op: build nothing."""

#: Words that an expression may use as themselves: the choices of attributes.
ATTRIBUTE_WORDS = {
    word
    for op in OPS.values()
    for attr in op.attrs.values()
    if isinstance(attr.kind, (OneOf, Sides))
    for word in attr.kind.words
}
#: What people of other tools write, and what it is called here.
SYNONYMS = {
    "filters": "channels",
    "units": "channels",
    "features": "channels",
    "out_channels": "channels",
    "out_features": "channels",
    "kernel_size": "kernel",
    "pool_size": "kernel",
    "strides": "stride",
    "pad": "padding",
    "group": "groups",
    "use_bias": "bias",
    "dilation_rate": "dilation",
}
_NAME = re.compile(r"[A-Za-z_]\w*")
_LAYER_NAME = re.compile(r"\w[\w-]*(\.\w[\w-]*)*")
_TOP = ("convcost", "name", "title", "year", "source", "about", "knobs", "presets", "input", "blocks", "layers")
_MODIFIERS = ("name", "in", "if", "repeat", "then", "side", "join", "columns", "rows")
_VERBS = ("parallel", "each", "layers")
_RESERVED = {"in", "input", "row", "and", "or", "not", "true", "false", "null", NOTHING, *_MODIFIERS, *_VERBS}


def parse(text: str, file: str) -> tuple[Spec, list[Problem]]:
    """Read a spec; what is wrong inside it comes back as problems, with `Broken` in its place.

    Raises `SpecError` if it is no spec at all.
    """
    tree, problems = source.parse(text, file)
    return _Reader(file, problems).spec(tree), problems


@dataclass(frozen=True, slots=True)
class _Names:
    """What an expression at some place may name."""

    values: frozenset[str] = frozenset()
    """Knobs, arguments, columns."""

    def plus(self, names: Iterable[str]) -> _Names:
        return _Names(self.values | frozenset(names))


@dataclass
class _Reader:
    """Reads one file; `problems` grows."""

    file: str
    problems: list[Problem]
    blocks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Argument names of every block, known before the first body is read."""

    words: frozenset[str] = frozenset()
    """The choices of knobs, which an expression may name."""

    def complain(self, where: Where, scope: str, what: str) -> None:
        self.problems.append(Problem(where, scope, what))

    # -- the file ----------------------------------------------------------------------------------------------

    def spec(self, tree: Tree) -> Spec:
        top = self.mapping(tree, "", _TOP, required=("convcost", "name", "input", "layers"))
        if top is None or "layers" not in top.pairs or "input" not in top.pairs:
            raise SpecError(self.problems)
        self.version(top)
        year = self.scalar(top, "year", int)
        knobs = self.knobs(top)
        names = _Names(frozenset(knobs))
        self.words = frozenset(c for knob in knobs.values() for c in knob.choices if isinstance(c, str))
        blocks = self.read_blocks(top, names)
        return Spec(
            file=self.file,
            name=str(self.scalar(top, "name", str) or "network"),
            title=str(self.scalar(top, "title", str) or ""),
            year=year if isinstance(year, int) else None,
            source=str(self.scalar(top, "source", str) or ""),
            about=str(self.scalar(top, "about", str) or ""),
            knobs=knobs,
            presets=self.presets(top, knobs),
            blocks=blocks,
            input=self.input(top.pairs["input"], names),
            layers=self.items(top.pairs["layers"], "layers", names),
        )

    def version(self, top: Mapping) -> None:
        stated = top.pairs.get("convcost")
        if isinstance(stated, Scalar) and stated.value != VERSION:
            self.complain(stated.where, "convcost", f"this version reads language {VERSION}, got {say(stated.value)}")

    def input(self, tree: Tree, names: _Names) -> tuple[Value, ...]:
        value = self.value(tree, "input", names)
        if not isinstance(value.content, tuple) or len(value.content) not in (1, 3):
            self.complain(tree.where, "input", "must be [height, width, channels], or [channels] for a vector")
            return ()
        return value.content

    def knobs(self, top: Mapping) -> dict[str, Knob]:
        table = self.mapping(top.pairs.get("knobs"), "knobs")
        if table is None:
            return {}
        knobs = {}
        for name, tree in table.pairs.items():
            scope = f"knobs.{name}"
            self.new_name(name, table.keys[name], scope)
            choices: tuple[KnobValue, ...] = ()
            about = ""
            default: Tree | None = tree
            if isinstance(tree, Mapping):
                full = self.mapping(tree, scope, ("default", "choices", "about"), required=("default",))
                default = full.pairs.get("default") if full else None
                listed = full.pairs.get("choices") if full else None
                about = str(self.scalar(full, "about", str) or "") if full else ""
                if isinstance(listed, source.Sequence):
                    choices = tuple(self.constant(choice, scope) for choice in listed.items)
                elif listed is not None:
                    self.complain(listed.where, scope, f"choices must be a list, got {listed.kind}")
            if default is None:
                continue
            value = self.constant(default, scope)
            if choices and value not in choices:
                self.complain(default.where, scope, f"must be {' or '.join(map(say, choices))}, got {say(value)}")
            knobs[name] = Knob(name, table.keys[name], value, choices, about)
        return knobs

    def constant(self, tree: Tree, scope: str) -> KnobValue:
        if isinstance(tree, source.Sequence):
            parts = tuple(self.constant(part, scope) for part in tree.items)
            if parts and all(isinstance(part, int) and not isinstance(part, bool) for part in parts):
                return parts  # type: ignore[return-value]
        elif isinstance(tree, Scalar) and tree.value is not None:
            return tree.value
        self.complain(tree.where, scope, "must be a number, a word, true or false, or a list of integers")
        return 0

    def presets(self, top: Mapping, knobs: dict[str, Knob]) -> dict[str, dict[str, KnobValue]]:
        table = self.mapping(top.pairs.get("presets"), "presets")
        if table is None:
            return {}
        presets = {}
        for name, tree in table.pairs.items():
            scope = f"presets.{name}"
            settings = self.mapping(tree, scope, tuple(knobs))
            presets[name] = {
                knob: self.constant(value, f"{scope}.{knob}")
                for knob, value in (settings.pairs.items() if settings else ())
                if knob in knobs
            }
        return presets

    def read_blocks(self, top: Mapping, names: _Names) -> dict[str, Block]:
        table = self.mapping(top.pairs.get("blocks"), "blocks")
        if table is None:
            return {}
        bodies: dict[str, Mapping] = {}
        for name, tree in table.pairs.items():
            self.new_name(name, table.keys[name], f"blocks.{name}")
            body = self.mapping(tree, f"blocks.{name}", ("args", "inputs", "layers"), required=("layers",))
            args = self.mapping(body.pairs.get("args"), f"blocks.{name}.args") if body else None
            self.blocks[name] = tuple(args.pairs) if args else ()
            if body is not None:
                bodies[name] = body
        blocks = {name: self.block(name, body, names) for name, body in bodies.items()}
        self.refuse_cycles(blocks)
        return blocks

    def block(self, name: str, body: Mapping, names: _Names) -> Block:
        scope = f"blocks.{name}"
        args: dict[str, Value | None] = {}
        stated = body.pairs.get("args")
        for arg, tree in stated.pairs.items() if isinstance(stated, Mapping) else ():
            self.new_name(arg, stated.keys[arg], f"{scope}.args.{arg}")  # type: ignore[union-attr]
            missing = isinstance(tree, Scalar) and tree.value is None
            # A default may use the knobs and the arguments before it.
            args[arg] = None if missing else self.value(tree, f"{scope}.args.{arg}", names.plus(args))
        inputs = ["input"]
        if (listed := body.pairs.get("inputs")) is not None:
            inputs = [edge.name for edge in self.edges(listed, f"{scope}.inputs")]
        layers = body.pairs.get("layers")
        items = self.items(layers, scope, names.plus(args)) if layers is not None else ()
        return Block(name, body.where, args, tuple(inputs), items)

    def refuse_cycles(self, blocks: dict[str, Block]) -> None:
        calls = {name: [c for c in _calls(block.items) if c.target in blocks] for name, block in blocks.items()}
        done: set[str] = set()

        def visit(name: str, path: tuple[str, ...]) -> None:
            if name in done:
                return
            for call in calls[name]:
                if call.target in (*path, name):
                    trail = [*path, name][[*path, name].index(call.target) :]
                    what = f"a block cannot contain itself: {' -> '.join([*trail, call.target])}"
                    self.complain(call.where, f"blocks.{name}", what)
                else:
                    visit(call.target, (*path, name))
            done.add(name)

        for name in blocks:
            visit(name, ())

    # -- sequences ---------------------------------------------------------------------------------------------

    def items(self, tree: Tree, scope: str, names: _Names) -> tuple[Item, ...]:
        if not isinstance(tree, source.Sequence):
            self.complain(tree.where, scope, f"must be a list of layers, got {tree.kind}")
            return (Item(tree.where, Broken()),)
        return tuple(self.item(entry, scope, names) for entry in tree.items)

    def item(self, tree: Tree, scope: str, names: _Names) -> Item:
        if isinstance(tree, Scalar) and isinstance(tree.value, str):
            return Item(tree.where, self.call(tree, scope, names))
        if not isinstance(tree, Mapping):
            self.complain(tree.where, scope, f"a layer is an op's name or {{op: {{…}}}}, got {tree.kind}")
            return Item(tree.where, Broken())
        modifiers = {key: value for key, value in tree.pairs.items() if key in _MODIFIERS}
        verbs = [key for key in tree.pairs if key not in _MODIFIERS]
        if len(verbs) != 1:
            got = f"got {' and '.join(verbs)}" if verbs else "got none"
            hint = "".join(did_you_mean(v, _MODIFIERS) for v in verbs if not self.is_target(v, names))
            self.complain(tree.where, scope, f"a layer has exactly one op or block, {got}{hint}")
            return Item(tree.where, Broken())
        return self.item_of(tree, verbs[0], modifiers, scope, names)

    def item_of(self, tree: Mapping, verb: str, modifiers: dict[str, Tree], scope: str, names: _Names) -> Item:
        named = modifiers.get("name")
        name = self.layer_name(named, scope) if named is not None else None
        scope = f"{scope}.{name or verb}" if verb not in _VERBS or name else scope
        allowed = {"parallel": {"join"}, "each": {"columns", "rows"}}.get(verb, set())
        for key in modifiers:
            if key in ("join", "columns", "rows") and key not in allowed:
                belongs = "parallel" if key == "join" else "each"
                self.complain(tree.keys[key], scope, f"{key} goes with {belongs}, not with {verb}")
        body: Call | Parallel | Table | Group | Broken
        if verb == "parallel":
            body = self.parallel(tree, scope, names)
        elif verb == "each":
            body = self.table(tree, scope, names)
        elif verb == "layers":
            body = Group(self.items(tree.pairs[verb], scope, names))
        else:
            body = self.call_of(tree.keys[verb], verb, tree.pairs[verb], scope, names)
        condition, repeat, side = modifiers.get("if"), modifiers.get("repeat"), modifiers.get("side")
        if side is not None and not (isinstance(side, Scalar) and isinstance(side.value, bool)):
            self.complain(side.where, scope, "side must be true or false")
        return Item(
            where=tree.where,
            body=body,
            name=name,
            condition=self.value(condition, f"{scope}: if", names) if condition else None,
            inputs=self.edges(modifiers["in"], scope) if "in" in modifiers else (),
            repeat=self.value(repeat, f"{scope}: repeat", names) if repeat else None,
            then=self.overrides(modifiers.get("then"), body, scope, names),
            side=isinstance(side, Scalar) and side.value is True,
        )

    def overrides(self, tree: Tree | None, body: object, scope: str, names: _Names) -> dict[str, Value]:
        if tree is None:
            return {}
        if not isinstance(body, Call):
            if not isinstance(body, Broken):
                self.complain(
                    tree.where, scope, "then changes the arguments of a repeated op or block; there is none here"
                )
            return {}
        table = self.mapping(tree, f"{scope}: then", self.attributes(body.target))
        pairs = table.pairs if table else {}
        return {name: self.value(value, f"{scope}.{name}", names) for name, value in pairs.items()}

    def parallel(self, tree: Mapping, scope: str, names: _Names) -> Parallel | Broken:
        branches, join = tree.pairs["parallel"], tree.pairs.get("join")
        if join is None:
            self.complain(tree.where, scope, "parallel needs a join: add, concat or another op of several inputs")
        if not isinstance(branches, Mapping) or len(branches.pairs) < 2:
            self.complain(branches.where, scope, "parallel needs two or more named branches")
            return Broken()
        read = tuple(
            self.branch(name, branches.keys[name], body, f"{scope}.{name}", names)
            for name, body in branches.pairs.items()
        )
        if join is None:
            return Broken()
        call = self.item(join, f"{scope}: join", names).body
        return Parallel(read, call) if isinstance(call, Call) else Broken()

    def branch(self, name: str, where: Where, tree: Tree, scope: str, names: _Names) -> Branch:
        if not isinstance(tree, Mapping):
            return Branch(name, where, self.items(tree, scope, names))
        full = self.mapping(tree, scope, ("if", "in", "layers"), required=("layers",))
        pairs = full.pairs if full else {}
        return Branch(
            name,
            where,
            self.items(pairs["layers"], scope, names) if "layers" in pairs else (Item(where, Broken()),),
            self.value(pairs["if"], f"{scope}: if", names) if "if" in pairs else None,
            self.edges(pairs["in"], scope) if "in" in pairs else (),
        )

    def table(self, tree: Mapping, scope: str, names: _Names) -> Table | Broken:
        heads, body = tree.pairs.get("columns"), tree.pairs.get("rows")
        if not isinstance(heads, source.Sequence) or not isinstance(body, source.Sequence):
            self.complain(tree.where, scope, "each needs columns (a list of names) and rows (a list of lists)")
            return Broken()
        columns = tuple(str(head.value) if isinstance(head, Scalar) else "" for head in heads.items)
        for head, column in zip(heads.items, columns):
            if columns.count(column) > 1 or not column:
                self.complain(head.where, scope, f"columns must have different names, got {column!r}")
        rows = []
        for row in body.items:
            cells = row.items if isinstance(row, source.Sequence) else ()
            if len(cells) != len(columns):
                got = len(cells) if isinstance(row, source.Sequence) else row.kind
                self.complain(row.where, scope, f"a row needs {len(columns)} cells ({', '.join(columns)}), got {got}")
                return Broken()
            # A cell called name is a name, not an expression.
            rows.append(
                tuple(
                    Value(cell.where, self.layer_name(cell, scope))
                    if column == "name"
                    else self.value(cell, scope, names)
                    for column, cell in zip(columns, cells)
                )
            )
        each = tree.pairs["each"]
        inner = names.plus([*(c for c in columns if _NAME.fullmatch(c)), "row"])
        items = (
            self.items(each, scope, inner) if isinstance(each, source.Sequence) else (self.item(each, scope, inner),)
        )
        return Table(columns, tuple(rows), items)

    # -- calls and values --------------------------------------------------------------------------------------

    def is_target(self, name: str, names: _Names) -> bool:
        return name in OPS or name in self.blocks or name in names.values or name == NOTHING

    def attributes(self, target: str) -> tuple[str, ...] | None:
        """The arguments that a target takes; None if that is not known before the network is built."""
        if target in OPS:
            return tuple(OPS[target].attrs)
        return self.blocks.get(target)

    def call(self, tree: Scalar, scope: str, names: _Names) -> Call | Broken:
        name = str(tree.value)
        return self.call_of(tree.where, name, Scalar(tree.where, None), f"{scope}.{name}", names)

    def call_of(self, where: Where, target: str, tree: Tree, scope: str, names: _Names) -> Call | Broken:
        if not self.is_target(target, names):
            hint = did_you_mean(target, [*OPS, *self.blocks, *_VERBS])
            self.complain(where, scope, f"there is no op or block {target!r}{hint}")
            return Broken()
        empty = isinstance(tree, Scalar) and tree.value is None
        if not empty and not isinstance(tree, Mapping):
            self.complain(tree.where, scope, f"the arguments of {target} must be a mapping, got {say_tree(tree)}")
            return Broken()
        before = len(self.problems)
        table = None if empty else self.mapping(tree, scope, self.attributes(target))
        args = {name: self.value(v, f"{scope}.{name}", names) for name, v in (table.pairs.items() if table else ())}
        if target in OPS:
            missing = [attr.name for attr in OPS[target].attrs.values() if attr.required and attr.name not in args]
            if missing:
                self.complain(where, scope, f"{target} needs {' and '.join(missing)}")
        return Broken() if len(self.problems) > before else Call(where, target, args)

    def value(self, tree: Tree, scope: str, names: _Names) -> Value:
        if isinstance(tree, source.Sequence):
            return Value(tree.where, tuple(self.value(part, scope, names) for part in tree.items))
        if isinstance(tree, Mapping):
            self.complain(tree.where, scope, "must be a value or a list, got a mapping")
            return Value(tree.where, 0)
        if not isinstance(tree.value, str):
            return Value(tree.where, tree.value)
        try:
            expr = parse_expr(tree.value)
        except ExprError as error:
            where = tree.where._replace(column=tree.where.column + error.offset)
            self.complain(where, scope, str(error))
            return Value(tree.where, Broken())
        words = {*OPS, *self.blocks, *self.words, *ATTRIBUTE_WORDS, NOTHING}
        unknown = sorted(expr.names - names.values - words)
        for name in unknown:
            what = (
                "a size is asked as in.channels, in.height or in.width"
                if name == "in"
                else f"there is no {name!r} here"
            )
            hint = "" if name == "in" else did_you_mean(name, [*names.values, *expr.shapes])
            self.complain(tree.where, scope, what + hint)
        return Value(tree.where, Broken() if unknown else expr)

    # -- small things ------------------------------------------------------------------------------------------

    def mapping(
        self, tree: Tree | None, scope: str, known: Sequence[str] | None = None, required: Sequence[str] = ()
    ) -> Mapping | None:
        """The tree as a mapping with known keys only; None, with a complaint, if it is something else."""
        if tree is None or (isinstance(tree, Scalar) and tree.value is None and not required):
            return None
        if not isinstance(tree, Mapping):
            self.complain(tree.where, scope, f"must be a mapping, got {say_tree(tree)}")
            return None
        for key, where in tree.keys.items():
            if known is not None and key not in known:
                synonym = SYNONYMS.get(key)
                hint = f". Did you mean {synonym}?" if synonym in known else did_you_mean(key, known)
                self.complain(where, scope, f"unknown key {key!r}{hint}")
        for key in required:
            if key not in tree.pairs:
                self.complain(tree.where, scope, f"the key {key!r} is missing")
        return tree

    def scalar(self, table: Mapping, key: str, kind: type) -> Any:
        tree = table.pairs.get(key)
        if tree is None:
            return None
        if isinstance(tree, Scalar) and isinstance(tree.value, kind):
            return tree.value
        self.complain(tree.where, key, f"must be {'an integer' if kind is int else 'text'}, got {say_tree(tree)}")
        return None

    def layer_name(self, tree: Tree, scope: str) -> str:
        text = say(tree.value) if isinstance(tree, Scalar) else ""
        if not isinstance(tree, Scalar) or not _LAYER_NAME.fullmatch(text):
            got = say_tree(tree)
            self.complain(tree.where, scope, f"a name consists of letters, digits, _ and -, got {got}")
            return "?"
        return text

    def edges(self, tree: Tree, scope: str) -> tuple[Edge, ...]:
        entries = tree.items if isinstance(tree, source.Sequence) else (tree,)
        if not entries or not all(isinstance(e, Scalar) and e.value not in (None, True, False) for e in entries):
            self.complain(tree.where, scope, "needs the name of an earlier layer, or a list of names")
            return ()
        return tuple(Edge(str(entry.value), entry.where) for entry in entries if isinstance(entry, Scalar))

    def new_name(self, name: str, where: Where, scope: str) -> None:
        if not _NAME.fullmatch(name):
            self.complain(where, scope, f"a name consists of letters, digits and _, got {name!r}")
        elif name in OPS or name in _RESERVED:
            what = "an op" if name in OPS else "a word of the language"
            self.complain(where, scope, f"the name {name!r} is taken: it is {what}")


def say_tree(tree: Tree) -> str:
    """A value as it stands in the file, or what kind of thing it is."""
    return (say(tree.value) if tree.value is not None else "nothing") if isinstance(tree, Scalar) else tree.kind


def _calls(items: Iterable[Item]) -> Iterable[Call]:
    """Every call below these items."""
    for item in items:
        body = item.body
        if isinstance(body, Call):
            yield body
        elif isinstance(body, Parallel):
            yield body.join
            for branch in body.branches:
                yield from _calls(branch.items)
        elif isinstance(body, (Table, Group)):
            yield from _calls(body.items)
