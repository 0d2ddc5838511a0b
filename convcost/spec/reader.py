"""Reading a tree with positions, collecting problems instead of raising: what every level of a spec needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from convcost.core.dtypes import DTYPE_BITS
from convcost.core.errors import MOST_PROBLEMS, Problem, SpecError, Where, did_you_mean, nearest
from convcost.core.expr import ExprError
from convcost.core.expr import parse as parse_expr
from convcost.core.units import say
from convcost.graph.graph import FORMS, MODULE
from convcost.ops import OPS
from convcost.ops.attributes import FEW
from convcost.spec import standard
from convcost.spec.hints import attribute_hint, attribute_meant
from convcost.spec.syntax import Broken, EdgeName, Value
from convcost.spec.tree import MappingNode, ScalarNode, SequenceNode, Tree

NOTHING = "none"
"""Used as an op: build nothing."""
UNUSED = "unused"
"""Beside `side`: what a layer puts out is no output of the network either."""
GLUES = ("_", "-")
"""What may stand in the place of the dot between the name of a layer and of what is inside."""
MOST_KEYS = 1000
"""Of one mapping: knobs, presets, blocks, arguments, branches."""
#: Words that an expression may use as themselves: the choices of attributes.
ATTRIBUTE_WORDS = {word for op in OPS.values() for attr in op.attrs.values() for word in attr.kind.words}
#: Of these, the ones that are meant by a word like them: of the many functions that there are, none is likely.
_LIKELY = {word for op in OPS.values() for a in op.attrs.values() if len(a.kind.words) <= FEW for word in a.kind.words}
NAME = re.compile(r"[A-Za-z_]\w*")
_LAYER_NAME = re.compile(r"\w[\w-]*(\.\w[\w-]*)*")
BESIDE = ("name", "in", "if", "repeat", "then", "first", "glue", "side", "as", "share", "trainable", "dtype", "bits")
"""What may stand beside any op or block."""
BELONGS = {"join": "parallel", "columns": "each", "rows": "each", "with": "use", "until": "use"}
"""What stands beside one verb only."""
MODIFIERS = (*BESIDE, *BELONGS)
VERBS = ("parallel", "each", "layers", "use")
_LATER = {"first", "dtype", "bits", "glue"}
"""Words that are younger than knobs of these names."""
_WORDS = {"in", "input", "row", "and", "or", "not", "true", "false", "null", NOTHING, *MODIFIERS, *VERBS}
RESERVED = _WORDS - _LATER


@dataclass(frozen=True, slots=True)
class Names:
    """What an expression at some place may name."""

    values: frozenset[str] = frozenset()
    """Knobs, arguments, columns."""

    def plus(self, names: Iterable[str]) -> Names:
        return Names(self.values | frozenset(names))


@dataclass
class Reader:
    """Reads one file; `problems` grows."""

    file: str
    problems: list[Problem]
    blocks: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    """Argument names of every block, known before the first body is read; None where they cannot be read."""
    words: frozenset[str] = frozenset()
    """The choices of knobs, which an expression may name."""
    mentioned: set[str] = field(default_factory=set)
    """Names of layers that are read, dotted ones with each of their parts."""
    shares: bool = False
    """Whether a layer uses the parameters of another by name."""

    @property
    def sayable(self) -> set[str]:
        """Words that an expression may use as themselves."""
        words = (*self.words, *ATTRIBUTE_WORDS, *FORMS, MODULE, NOTHING, *DTYPE_BITS)
        return {*OPS, *self.blocks, *standard.names(), *words}

    def complain(self, where: Where, scope: str, what: str) -> None:
        self.problems.append(Problem(where, scope, what))
        if len(self.problems) >= MOST_PROBLEMS:
            raise SpecError(self.problems)

    def value(self, tree: Tree, scope: str, names: Names) -> Value:
        if isinstance(tree, SequenceNode):
            return Value(tree.where, tuple(self.value(part, scope, names) for part in tree.items))
        if isinstance(tree, MappingNode):
            self.complain(tree.where, scope, "must be a value or a list, got a mapping")
            return Value(tree.where, Broken())
        if not isinstance(tree.value, str) or tree.broken:
            return Value(tree.where, Broken() if tree.broken else tree.value)
        try:
            expr = parse_expr(tree.value)
        except ExprError as error:
            where = tree.where._replace(column=tree.where.column + error.offset + tree.quoted)
            self.complain(where, scope, str(error))
            return Value(tree.where, Broken())
        for name in expr.shapes:
            self.mention(name)
        unknown = sorted(expr.names - names.values)
        words = self.sayable if unknown else set()
        unknown = [name for name in unknown if name not in words]
        for name in unknown:
            what = (
                "a size is asked as in.channels, in.height or in.width"
                if name == "in"
                else f"there is no {name!r} here"
            )
            likely = words - (ATTRIBUTE_WORDS - _LIKELY) - DTYPE_BITS.keys()
            hint = "" if name == "in" else did_you_mean(name, [*names.values, *expr.shapes], also=likely)
            self.complain(tree.where, scope, what + hint)
        return Value(tree.where, Broken() if unknown else expr)

    def mapping(
        self,
        tree: Tree | None,
        scope: str,
        known: Sequence[str] | None = None,
        required: Sequence[str] = (),
        *,
        of_op: bool = False,
    ) -> MappingNode | None:
        """The tree as a mapping with known keys only; None, with a problem recorded, if it is something else."""
        if tree is None or (isinstance(tree, ScalarNode) and tree.value is None and not required):
            return None
        if not isinstance(tree, MappingNode):
            self.complain(tree.where, scope, f"must be a mapping, got {say_tree(tree)}")
            return None
        if len(tree.pairs) > MOST_KEYS:
            self.complain(tree.where, scope, f"a mapping may have {MOST_KEYS:,} keys, this one has {len(tree.pairs):,}")
            raise SpecError(self.problems)
        for key in self.unknown(tree, known):
            self.complain(tree.keys[key], scope, f"unknown key {key!r}{attribute_hint(key, known or (), of_op=of_op)}")
        for key in self.missing(tree, required, known):
            self.complain(tree.where, scope, f"the key {key!r} is missing")
        return tree

    def unknown(self, tree: MappingNode, known: Sequence[str] | None) -> list[str]:
        """Unknown keys, except for the rest of an expression that an unquoted comma has split."""
        texts = [value.text for value in tree.pairs.values() if isinstance(value, ScalarNode)]
        cut = any(text.count("(") > text.count(")") for text in texts)
        return [key for key in tree.pairs if known is not None and key not in known and not (cut and ")" in key)]

    def missing(self, tree: MappingNode, required: Iterable[str], known: Sequence[str] | None) -> list[str]:
        """Required keys that are missing, not just misspelt."""
        names = known or ()
        meant = {attribute_meant(key, names) or nearest(key, names) for key in self.unknown(tree, known)}
        return [key for key in required if key not in tree.pairs and key not in meant]

    def scalar(self, table: MappingNode, key: str, kind: type) -> Any:
        tree = table.pairs.get(key)
        if tree is None:
            return None
        if isinstance(tree, ScalarNode) and isinstance(tree.value, kind) and not isinstance(tree.value, bool):
            return tree.value
        self.complain(tree.where, key, f"must be {'an integer' if kind is int else 'text'}, got {say_tree(tree)}")
        return None

    def text(self, table: MappingNode, key: str) -> str:
        """The text under a key, none if there is none; YAML ends one that is folded over lines with a line break."""
        return str(self.scalar(table, key, str) or "").strip()

    def layer_name(self, tree: Tree, scope: str) -> str | None:
        if isinstance(tree, ScalarNode) and _LAYER_NAME.fullmatch(tree.text):
            return tree.text
        got = repr(tree.value) if isinstance(tree, ScalarNode) and isinstance(tree.value, str) else say_tree(tree)
        self.complain(tree.where, scope, f"a name consists of letters, digits, _ and -, got {got}")
        return None

    def edges(
        self, tree: Tree, scope: str, need: str = "needs the name of an earlier layer, or a list of names"
    ) -> tuple[EdgeName, ...]:
        entries = tree.items if isinstance(tree, SequenceNode) else (tree,)
        named = [
            e for e in entries if isinstance(e, ScalarNode) and e.value is not None and not isinstance(e.value, bool)
        ]
        if not entries or len(named) < len(entries):
            self.complain(tree.where, scope, need)
            return ()
        for entry in named:
            self.mention(entry.text)
        return tuple(EdgeName(entry.text, entry.where) for entry in named)

    def mention(self, name: str) -> None:
        """Remember that a layer of this name is read."""
        self.mentioned.update(name.partition(":")[0].split("."))

    def input_name(self, name: str, where: Where, scope: str) -> None:
        """Complain about the name of an input, which may be that of a layer: files have inputs called `0` and `input.1`."""
        if NAME.fullmatch(name) or not _LAYER_NAME.fullmatch(name):
            self.new_name(name, where, scope)

    def new_name(self, name: str, where: Where, scope: str) -> None:
        if not NAME.fullmatch(name):
            self.complain(where, scope, f"a name consists of letters, digits and _, got {name!r}")
        elif name in OPS or name in RESERVED:
            what = "an op" if name in OPS else "a word of the language"
            self.complain(where, scope, f"the name {name!r} is taken: it is {what}")


def say_tree(tree: Tree) -> str:
    """A value as it is written in the file, or what kind of node it is."""
    return say(tree.value) if isinstance(tree, ScalarNode) else tree.kind
