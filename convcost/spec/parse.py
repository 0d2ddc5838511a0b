"""YAML tree -> syntax of a whole file. Everything that can be known without knob values is checked here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from convcost.core import axes
from convcost.core.errors import Problem, SpecError, Where, did_you_mean
from convcost.core.expr import ExprError
from convcost.core.tasks import TASKS
from convcost.graph.graph import INPUT
from convcost.ops import Unfit
from convcost.ops.attributes import MOST_AXES
from convcost.spec import bits, dtypes, limits, standard
from convcost.spec.knobs import knob_value
from convcost.spec.layers import LayerReader
from convcost.spec.reader import Names, Reader, say_tree
from convcost.spec.syntax import (
    BROKEN,
    Block,
    Broken,
    Call,
    Each,
    EdgeName,
    Item,
    Knob,
    KnobValue,
    LayerGroup,
    Parallel,
    Spec,
    Value,
)
from convcost.spec.tree import MappingNode, ScalarNode, SequenceNode, Tree, parse_tree

VERSION = 1
_TOP = (
    "convcost",
    "name",
    "title",
    "year",
    "task",
    "source",
    "about",
    "knobs",
    "presets",
    "input",
    "inputs",
    "dtype",
    "bits",
    "limits",
    "blocks",
    "layers",
    "outputs",
)
_BLOCK = ("args", "inputs", "layers", "outputs")


def parse(text: str, file: str) -> tuple[Spec, list[Problem]]:
    """Read a spec; problems inside it are returned, with `Broken` in place of what they concern.

    Raises `SpecError` if it is no spec at all.
    """
    tree, problems = parse_tree(text, file)
    return _FileReader(Reader(file, problems)).spec(tree), problems


@lru_cache(maxsize=256)
def standard_spec(name: str) -> Spec | None:
    """The file of a block of the standard library, as a spec without a network; None if there is no such block."""
    if name not in standard.names():
        return None
    problems: list[Problem] = []
    spec = _FileReader(Reader(standard.path(name), problems)).standard(name, standard.tree(name))
    if problems:
        raise SpecError(problems)
    return spec


class _FileReader:
    """Reads the keys at the top of a file."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.sequences = LayerReader(reader)
        self.cyclic = False
        """Whether a block contains itself."""

    def spec(self, tree: Tree) -> Spec:
        if not isinstance(tree, MappingNode):
            raise SpecError(
                [*self.reader.problems, Problem(tree.where, "", f"a spec must be a mapping, got {say_tree(tree)}")]
            )
        one = "inputs" if "inputs" in tree.pairs else INPUT
        top = self.reader.mapping(tree, "", _TOP, required=("convcost", "name", one, "layers"))
        if top is None or "layers" not in top.pairs or one not in top.pairs:
            raise SpecError(self.reader.problems)
        self.version(top)
        year = self.reader.scalar(top, "year", int)
        knobs = self.knobs(top)
        names = Names(frozenset(knobs))
        self.reader.words = frozenset(c for knob in knobs.values() for c in knob.choices if isinstance(c, str))
        blocks = self.read_blocks(top, names)
        name = self.reader.text(top, "name") or "network"
        inputs = self.inputs(top, knobs, name)
        stated = top.pairs.get("dtype")
        typed = dtypes.of_network(self.reader, stated, names, inputs) if stated is not None else ({}, {})
        fine = top.pairs.get("bits")
        narrow = bits.of_network(self.reader, fine, names, inputs) if fine is not None else ({}, {})
        return Spec(
            file=self.reader.file,
            name=name,
            title=self.reader.text(top, "title"),
            year=year if isinstance(year, int) else None,
            task=self.task(top),
            source=self.reader.text(top, "source"),
            about=self.reader.text(top, "about"),
            knobs=knobs,
            presets=self.presets(top, knobs),
            blocks=blocks,
            inputs=inputs,
            layers=self.layers(top.pairs["layers"], names),
            outputs=self.reader.edges(top.pairs["outputs"], "outputs") if "outputs" in top.pairs else (),
            mentioned=frozenset(self.reader.mentioned),
            shares=self.reader.shares,
            dtypes=typed[0],
            input_dtypes=typed[1],
            bits=narrow[0],
            input_bits=narrow[1],
            limits=limits.of_network(self.reader, top.pairs.get("limits"), "limits"),
        )

    def standard(self, name: str, tree: MappingNode) -> Spec:
        """A file of the standard library: one block, with where it is from and what it is for."""
        self.reader.mapping(tree, "", ("convcost", "block", "about", "source", *_BLOCK), required=("about", "layers"))
        args = tree.pairs.get("args")
        self.reader.blocks[name] = tuple(args.pairs) if isinstance(args, MappingNode) else ()
        block = self.block(name, tree, Names())
        about, source = (self.reader.text(tree, key) for key in ("about", "source"))
        return Spec(
            self.reader.file,
            name,
            inputs={},
            layers=(),
            blocks={name: block._replace(about=about, source=source)},
            mentioned=frozenset(self.reader.mentioned),
            shares=self.reader.shares,
        )

    def layers(self, tree: Tree, names: Names) -> tuple[Item, ...]:
        """The network's layers; not built where blocks contain themselves."""
        items = self.sequences.items(tree, "layers", names)
        return (Item(tree.where, Broken()),) if self.cyclic else items

    def version(self, top: MappingNode) -> None:
        stated = top.pairs.get("convcost")
        if stated is not None and not (
            isinstance(stated, ScalarNode) and stated.value == VERSION and stated.text == "1"
        ):
            got = f"the text {stated.value!r}" if isinstance(stated, ScalarNode) and stated.quoted else say_tree(stated)
            self.reader.complain(stated.where, "convcost", f"this version reads language {VERSION}, got {got}")

    def task(self, top: MappingNode) -> str:
        """What the network is for, one of the known words; empty if it is not said."""
        word = self.reader.text(top, "task")
        if not word or word in TASKS:
            return word
        self.reader.complain(top.pairs["task"].where, "task", f"there is no task {word!r}{did_you_mean(word, TASKS)}")
        return ""

    def inputs(self, top: MappingNode, knobs: Mapping[str, Knob], network: str) -> dict[str, tuple[Value, ...]]:
        """The shape of each input by its name; a single one that stands under `input` has none of its own."""
        names = Names(frozenset(knobs))
        if "inputs" not in top.pairs:
            return {INPUT: self.input(top.pairs[INPUT], "input", names, knobs, network)}
        if INPUT in top.pairs:
            self.reader.complain(
                top.keys[INPUT], "input", "say input: for a single input or inputs: for several, not both"
            )
        several = top.pairs["inputs"]
        if not isinstance(several, MappingNode) or not several.pairs:
            need = "must name each input, as in {image: [height, width, channels], tokens: [length]}"
            self.reader.complain(several.where, "inputs", f"{need}, got {say_tree(several)}")
            return {INPUT: ()}
        for name, where in several.keys.items():
            if name != INPUT:
                self.reader.input_name(name, where, f"inputs.{name}")
        return {name: self.input(tree, f"inputs.{name}", names, knobs, network) for name, tree in several.pairs.items()}

    def input(self, tree: Tree, scope: str, names: Names, knobs: Mapping[str, Knob], network: str) -> tuple[Value, ...]:
        """The sizes of one input: a list of them, or a mapping that says which axis each is of."""
        known = {frozenset(axes.NAMES[rank]): axes.NAMES[rank] for rank in axes.NAMES}
        if isinstance(tree, MappingNode) and frozenset(tree.pairs) in known:
            return tuple(self.reader.value(tree.pairs[axis], scope, names) for axis in known[frozenset(tree.pairs)])
        if not isinstance(tree, SequenceNode) or not 1 <= len(tree.items) <= MOST_AXES:
            got = f"a list of {len(tree.items)}" if isinstance(tree, SequenceNode) else say_tree(tree)
            got = f"a mapping of {', '.join(tree.pairs)}" if isinstance(tree, MappingNode) and tree.pairs else got
            maps = " or ".join(f"[{', '.join(axes.NAMES[rank])}]" for rank in (3, 2, 4))
            need = f"must be {maps}, or [channels] for a vector"
            self.reader.complain(tree.where, scope, f"{need}, got {got}")
            return ()
        sizes = tuple(self.reader.value(part, scope, names) for part in tree.items)
        self.refuse_channels_first(tree.where, scope, sizes, knobs, network)
        return sizes

    def refuse_channels_first(
        self, where: Where, scope: str, sizes: tuple[Value, ...], knobs: Mapping[str, Knob], network: str
    ) -> None:
        """Complain about a list that, at default knobs, looks as if channels stood first; which axis is which can be said."""
        if any(isinstance(size.content, Broken) for size in sizes):
            return
        try:
            shape = [size.evaluate({name: knob.default for name, knob in knobs.items()}) for size in sizes]
        except (ExprError, Unfit):
            return  # elaborating says what is wrong
        if all(type(size) is int for size in shape) and axes.channels_first(shape):
            meant = ", ".join(f"{axis}: {size}" for axis, size in zip(axes.NAMES[len(shape)], shape))
            what = f"{axes.channels_first_text(shape, network)}; if it is meant, say {{{meant}}}"
            self.reader.complain(where, scope, what)

    def knobs(self, top: MappingNode) -> dict[str, Knob]:
        table = self.reader.mapping(top.pairs.get("knobs"), "knobs")
        if table is None:
            return {}
        return {name: self.knob(name, table.keys[name], tree) for name, tree in table.pairs.items()}

    def knob(self, name: str, where: Where, tree: Tree) -> Knob:
        scope = f"knobs.{name}"
        self.reader.new_name(name, where, scope)
        choices: tuple[KnobValue, ...] = ()
        about = ""
        default: Tree | None = tree
        if isinstance(tree, MappingNode):
            self.reader.mapping(tree, scope, ("default", "choices", "about"), required=("default",))
            default, listed = tree.pairs.get("default"), tree.pairs.get("choices")
            about = self.reader.text(tree, "about")
            if isinstance(listed, SequenceNode):
                constants = [self.constant(choice, scope) for choice in listed.items]
                choices = tuple(choice for choice in constants if choice is not None)
            elif listed is not None:
                self.reader.complain(listed.where, scope, f"choices must be a list, got {say_tree(listed)}")
        value = self.constant(default, scope) if default is not None else None
        if default is None or value is None:
            return Knob(name, where, BROKEN, choices, about)
        knob = Knob(name, where, value, choices, about)
        try:
            knob_value(knob, value)
        except Unfit as error:
            self.reader.complain(default.where, scope, str(error).removeprefix(f"{name} "))
            return Knob(name, where, BROKEN, choices, about)
        return knob

    def constant(self, tree: Tree, scope: str) -> KnobValue | None:
        """A value that needs no knobs; None after a complaint."""
        if isinstance(tree, SequenceNode):
            parts = [part.value for part in tree.items if isinstance(part, ScalarNode)]
            whole = [part for part in parts if isinstance(part, int) and not isinstance(part, bool)]
            if whole and len(whole) == len(tree.items):
                return tuple(whole)
        elif isinstance(tree, ScalarNode) and tree.broken:
            return None
        elif isinstance(tree, ScalarNode) and tree.value is not None:
            return tree.value
        need = "must be a number, a word, true or false, or a list of integers"
        self.reader.complain(tree.where, scope, f"{need}, got {say_tree(tree)}")
        return None

    def presets(self, top: MappingNode, knobs: dict[str, Knob]) -> dict[str, dict[str, KnobValue]]:
        table = self.reader.mapping(top.pairs.get("presets"), "presets")
        if table is None:
            return {}
        presets = {}
        for name, tree in table.pairs.items():
            scope = f"presets.{name}"
            settings = self.reader.mapping(tree, scope, tuple(knobs))
            presets[name] = self.preset(scope, settings, knobs)
        return presets

    def preset(self, scope: str, settings: MappingNode | None, knobs: dict[str, Knob]) -> dict[str, KnobValue]:
        values = {}
        for knob, tree in settings.pairs.items() if settings else ():
            if knob in knobs and (value := self.constant(tree, f"{scope}.{knob}")) is not None:
                try:
                    values[knob] = knob_value(knobs[knob], value)
                except Unfit as error:
                    self.reader.complain(tree.where, scope, str(error))
        return values

    def read_blocks(self, top: MappingNode, names: Names) -> dict[str, Block]:
        table = self.reader.mapping(top.pairs.get("blocks"), "blocks")
        if table is None:
            return {}
        bodies: dict[str, MappingNode] = {}
        for name, tree in table.pairs.items():
            self.reader.new_name(name, table.keys[name], f"blocks.{name}")
            if name in ("first", "glue"):  # a knob or an argument may have this name, because it is no op
                what = f"the name {name!r} is taken: it is a word of the language"
                self.reader.complain(table.keys[name], f"blocks.{name}", what)
            if name in names.values:
                self.reader.complain(table.keys[name], f"blocks.{name}", f"the name {name!r} is taken: it is a knob")
            body = self.reader.mapping(tree, f"blocks.{name}", _BLOCK, required=("layers",))
            args = self.reader.mapping(body.pairs.get("args"), f"blocks.{name}.args") if body else None
            unread = body is None or bool(self.reader.unknown(body, _BLOCK))
            self.reader.blocks[name] = tuple(args.pairs) if args else None if unread else ()
            if body is not None:
                bodies[name] = body
        blocks = {name: self.block(name, body, names) for name, body in bodies.items()}
        self.refuse_cycles(blocks)
        return blocks

    def block(self, name: str, body: MappingNode, names: Names) -> Block:
        scope = f"blocks.{name}"
        args: dict[str, Value | None] = {}
        stated = body.pairs.get("args")
        for arg, tree in stated.pairs.items() if isinstance(stated, MappingNode) else ():
            self.reader.new_name(arg, stated.keys[arg], f"{scope}.args.{arg}")  # type: ignore[union-attr]
            if arg in self.reader.blocks:
                what = f"the name {arg!r} is taken: it is a block"
                self.reader.complain(stated.keys[arg], f"{scope}.args.{arg}", what)  # type: ignore[union-attr]
            missing = isinstance(tree, ScalarNode) and tree.value is None
            # A default may use the knobs and the arguments before it.
            args[arg] = None if missing else self.reader.value(tree, f"{scope}.args.{arg}", names.plus(args))
        inputs, outputs = (self.different_edges(body, key, scope) for key in ("inputs", "outputs"))
        layers = body.pairs.get("layers")
        items = self.sequences.items(layers, scope, names.plus(args)) if layers is not None else ()
        names_of_inputs = tuple(edge.name for edge in inputs) or ("input",)
        return Block(name, body.where, args, names_of_inputs, items, outputs, broken=self.reader.blocks[name] is None)

    def different_edges(self, body: MappingNode, key: str, scope: str) -> tuple[EdgeName, ...]:
        """The names under a key of a block, each of which may occur once."""
        listed = body.pairs.get(key)
        edges = self.reader.edges(listed, f"{scope}.{key}", "needs one or more names") if listed is not None else ()
        for i, edge in enumerate(edges):
            if edge.name in [earlier.name for earlier in edges[:i]]:
                self.reader.complain(edge.where, f"{scope}.{key}", f"the name {edge.name!r} stands twice")
        return edges

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
                    self.reader.complain(call.where, f"blocks.{name}", what)
                    self.cyclic = True
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
        elif isinstance(body, (Each, LayerGroup)):
            yield from _calls(body.items)
