"""YAML tree -> human form of a whole file. Everything that can be known without knob values is checked here."""

from __future__ import annotations

from collections.abc import Iterable

from convcost.errors import Problem, SpecError
from convcost.ops.kinds import say
from convcost.spec import source
from convcost.spec.layers import LayerReader
from convcost.spec.model import Block, Call, Group, Item, Knob, KnobValue, Parallel, Spec, Table, Value
from convcost.spec.reader import Names
from convcost.spec.source import Mapping, Scalar, Tree

VERSION = 1
_TOP = ("convcost", "name", "title", "year", "source", "about", "knobs", "presets", "input", "blocks", "layers")


def parse(text: str, file: str) -> tuple[Spec, list[Problem]]:
    """Read a spec; what is wrong inside it comes back as problems, with `Broken` in its place.

    Raises `SpecError` if it is no spec at all.
    """
    tree, problems = source.parse(text, file)
    return _FileReader(file, problems).spec(tree), problems


class _FileReader(LayerReader):
    """Reads the keys at the top of a file."""

    def spec(self, tree: Tree) -> Spec:
        top = self.mapping(tree, "", _TOP, required=("convcost", "name", "input", "layers"))
        if top is None or "layers" not in top.pairs or "input" not in top.pairs:
            raise SpecError(self.problems)
        self.version(top)
        year = self.scalar(top, "year", int)
        knobs = self.knobs(top)
        names = Names(frozenset(knobs))
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

    def input(self, tree: Tree, names: Names) -> tuple[Value, ...]:
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

    def read_blocks(self, top: Mapping, names: Names) -> dict[str, Block]:
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

    def block(self, name: str, body: Mapping, names: Names) -> Block:
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
