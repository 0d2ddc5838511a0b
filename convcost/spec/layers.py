"""YAML tree -> syntax of sequences: layers, branches, tables, and calls of ops and blocks."""

from __future__ import annotations

import re

from convcost.core.errors import Where, did_you_mean, nearest
from convcost.core.expr import parse as parse_expr
from convcost.core.reading import whole_number
from convcost.graph.graph import FORMS, STORED, form_need
from convcost.ops import OPS
from convcost.ops.attributes import Boolean, Kind, Sides
from convcost.spec import bits, dtypes, standard
from convcost.spec.hints import attribute_meant, attribute_note, network_hint, op_hint, op_meant
from convcost.spec.reader import BELONGS, GLUES, MODIFIERS, NAME, NOTHING, UNUSED, VERBS, Names, Reader, say_tree
from convcost.spec.syntax import (
    Body,
    Branch,
    Broken,
    BrokenCall,
    Call,
    Each,
    Item,
    LayerGroup,
    Parallel,
    Share,
    Use,
    Value,
)
from convcost.spec.tree import MappingNode, ScalarNode, SequenceNode, Tree

MOST_COLUMNS = 100
#: At the end of a name, at most as many digits as a size has; one with zeros before it is no number to count on from.
_NUMBER = re.compile(r"(?<!\d)(0|[1-9][0-9]{0,8})$", re.ASCII)


class LayerReader:
    """Reads sequences of layers."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def items(self, tree: Tree, scope: str, names: Names) -> tuple[Item, ...]:
        if not isinstance(tree, SequenceNode):
            self.reader.complain(tree.where, scope, f"must be a list of layers, got {say_tree(tree)}")
            return (Item(tree.where, Broken()),)
        return tuple(self.item(entry, scope, names) for entry in tree.items)

    def item(self, tree: Tree, scope: str, names: Names) -> Item:
        if isinstance(tree, ScalarNode) and isinstance(tree.value, str):
            return Item(tree.where, self.call(tree, scope, names))
        if not isinstance(tree, MappingNode):
            self.reader.complain(tree.where, scope, f"a layer is an op's name or {{op: {{…}}}}, got {say_tree(tree)}")
            return Item(tree.where, Broken())
        modifiers = {key: value for key, value in tree.pairs.items() if key in MODIFIERS}
        verbs = [key for key in tree.pairs if key not in MODIFIERS]
        if len(verbs) != 1:
            got = f"got {' and '.join(verbs)}" if verbs else "got none"
            self.reader.complain(
                tree.where, scope, f"a layer has exactly one op or block, {got}{self.remedy(verbs, names)}"
            )
            named = modifiers.get("name")
            return Item(tree.where, Broken(), self.reader.layer_name(named, scope) if named is not None else None)
        return self.item_of(tree, verbs[0], modifiers, scope, names)

    def remedy(self, verbs: list[str], names: Names) -> str:
        """What to do about several keys of which at most one can be an op: put arguments inside, correct a spelling."""
        others = [verb for verb in verbs if not self.is_target(verb, names) and verb not in VERBS]
        target = next((verb for verb in verbs if verb not in others), "")
        inside = [verb for verb in others if verb in (self.attributes(target) or ())]
        if inside:
            return f"; arguments go inside, as in {{{target}: {{{inside[0]}: …}}}}"
        return did_you_mean(others[0], MODIFIERS) if others else ""

    def item_of(self, tree: MappingNode, verb: str, modifiers: dict[str, Tree], scope: str, names: Names) -> Item:
        named = modifiers.get("name", modifiers.get("first"))
        name = self.reader.layer_name(named, scope) if named is not None else None
        scope = f"{scope}.{name or verb}" if verb not in VERBS or name else scope
        self.refuse_misplaced(tree, verb, scope)
        body = self.body(tree, verb, scope, names)
        for key in ("then", "first"):
            if key in modifiers and "repeat" not in modifiers:
                self.reader.complain(tree.keys[key], scope, f"{key} goes with repeat")
        if "as" in modifiers:
            body = self.written_as(modifiers["as"], body, scope, names)
        alone = self.reads_none(verb, modifiers.get("in"))
        inputs = self.reader.edges(modifiers["in"], scope) if "in" in modifiers and not alone else ()
        if len(inputs) > 1 and isinstance(body, (Parallel, Each, LayerGroup)):
            self.reader.complain(modifiers["in"].where, scope, f"{verb} takes 1 input, got {len(inputs)}")
        if "in" in modifiers and not inputs and not alone:
            body = Broken()
        values = {
            key: self.reader.value(modifiers[key], f"{scope}: {key}", names)
            for key in ("if", "repeat", "trainable")
            if key in modifiers
        }
        return Item(
            where=tree.where,
            body=body,
            name=name,
            condition=values.get("if"),
            inputs=inputs,
            repeat=values.get("repeat"),
            then=self.overrides(modifiers.get("then"), body, scope, names),
            side=self.side(modifiers.get("side"), scope),
            unused=_says_unused(modifiers.get("side")),
            share=self.share(tree, verb, body, name, scope),
            trainable=values.get("trainable"),
            dtypes=dtypes.of_layers(self.reader, modifiers["dtype"], scope, names) if "dtype" in modifiers else {},
            bits=bits.of_layers(self.reader, modifiers["bits"], scope, names) if "bits" in modifiers else {},
            alone=alone,
            glue=self.glue(modifiers.get("glue"), body, scope),
            start=self.start(tree, name, scope) if "first" in modifiers else None,
        )

    def reads_none(self, verb: str, stated: Tree | None) -> bool:
        """Whether `in: []` says that an op, one that can do without any input, reads nothing."""
        empty = isinstance(stated, SequenceNode) and not stated.items
        return empty and verb in OPS and OPS[verb].least == 0

    def glue(self, tree: Tree | None, body: Body, scope: str) -> str:
        """What joins the name of an item to those inside."""
        if tree is None:
            return ""
        if not (isinstance(tree, ScalarNode) and tree.text in GLUES):
            self.reader.complain(tree.where, scope, f"glue must be {' or '.join(GLUES)}, got {say_tree(tree)}")
        elif isinstance(body, Call) and body.target in OPS:
            self.reader.complain(
                tree.where, scope, f"glue joins the names of what is inside, and {body.target} is an op"
            )
        else:
            return tree.text
        return ""

    def start(self, tree: MappingNode, name: str | None, scope: str) -> int | None:
        """The number from which repetitions count on, at the end of the name of the first."""
        where = tree.pairs["first"].where
        if "name" in tree.pairs:
            self.reader.complain(
                where, scope, "first says what the first repetition is called, name what all are: one will do"
            )
        elif name and (found := _NUMBER.search(name)):
            return int(found.group())
        elif name:
            what = f"first must end with a number from which the others count on, as in layer1.0, got {name!r}"
            self.reader.complain(where, scope, what)
        return None

    def body(self, tree: MappingNode, verb: str, scope: str, names: Names) -> Body:
        """What an item builds."""
        if verb == "parallel":
            return self.parallel(tree, scope, names)
        if verb == "each":
            return self.table(tree, scope, names)
        if verb == "layers":
            return LayerGroup(self.items(tree.pairs[verb], scope, names))
        if verb == "use":
            return self.use(tree, scope, names)
        return self.call_of(tree.keys[verb], verb, tree.pairs[verb], scope, names)

    def use(self, tree: MappingNode, scope: str, names: Names) -> Use | Broken:
        """Another spec: its name, a path, or a knob or argument that names one; the same for the layer where it ends."""
        source, end = tree.pairs["use"], tree.pairs.get("until")
        if not isinstance(source, ScalarNode) or not source.text:
            need = "use needs the name of a network of the zoo, the path of a spec, or a knob that names one"
            self.reader.complain(source.where, scope, f"{need}, got {say_tree(source)}")
            return Broken()
        table = self.reader.mapping(tree.pairs.get("with"), f"{scope}: with")
        given = {
            knob: self.setting(value, f"{scope}: with {knob}", names)
            for knob, value in (table.pairs if table else {}).items()
        }
        until = None
        if end is not None:
            if not isinstance(end, ScalarNode) or not end.text:
                self.reader.complain(end.where, scope, f"until needs the name of a layer, got {say_tree(end)}")
                return Broken()
            self.reader.mention(end.text)
            until = self.word(end, names)
        stem = source.text.rpartition("/")[2].partition(":")[0].removesuffix(".yaml").removesuffix(".yml")
        return Use(tree.where, self.word(source, names), stem if NAME.fullmatch(stem) else "part", given, until)

    def setting(self, tree: Tree, scope: str, names: Names) -> Value:
        """The value of a knob of another spec; a word that means nothing here may be one of its own."""
        if isinstance(tree, ScalarNode) and isinstance(tree.value, str) and NAME.fullmatch(tree.value):
            known = tree.value in names.values or tree.value in self.reader.sayable
            return self.reader.value(tree, scope, names) if known else Value(tree.where, tree.value)
        return self.reader.value(tree, scope, names)

    def word(self, tree: ScalarNode, names: Names) -> Value:
        """A text as it stands, or the value of the knob or argument that has this name."""
        known = tree.text in names.values and not tree.quoted
        return Value(tree.where, parse_expr(tree.text) if known else tree.text)

    def side(self, tree: Tree | None, scope: str) -> bool:
        """Whether the next layer reads what this one read."""
        if tree is None or _says_unused(tree):
            return tree is not None
        if not (isinstance(tree, ScalarNode) and isinstance(tree.value, bool)):
            self.reader.complain(tree.where, scope, f"side must be true, false or unused, got {say_tree(tree)}")
        return isinstance(tree, ScalarNode) and tree.value is True

    def share(self, tree: MappingNode, verb: str, body: Body, name: str | None, scope: str) -> Share | None:
        """Whose parameters an item uses."""
        stated = tree.pairs.get("share")
        if stated is None:
            return None
        if name is None and isinstance(body, (Parallel, Each, LayerGroup)):
            what = f"share needs a name beside {verb}, so that the layers inside correspond to those of the owner"
            self.reader.complain(tree.keys["share"], scope, what)
        elif isinstance(stated, ScalarNode) and stated.value is True:
            if "repeat" in tree.pairs:
                return Share(stated.where)
            self.reader.complain(stated.where, scope, "share: true goes with repeat; else it names an earlier layer")
        elif isinstance(stated, MappingNode) and isinstance(body, Call):
            fields = self.reader.mapping(stated, f"{scope}: share", STORED)
            known = {key: value for key, value in fields.pairs.items() if key in STORED} if fields else {}
            owners = {key: self.reader.edges(value, scope) for key, value in known.items()}
            self.reader.shares = True
            if not stated.pairs:
                self.reader.complain(stated.where, scope, f"share needs one of {', '.join(STORED)}, got none")
                return None
            return Share(stated.where, fields={field: edges[0] for field, edges in owners.items() if edges})
        elif isinstance(stated, ScalarNode) and stated.value is not None and not isinstance(stated.value, bool):
            self.reader.shares = True
            return Share(stated.where, self.reader.edges(stated, scope)[0])
        else:
            need = "share needs the name of an earlier layer or block, or true for what is repeated"
            self.reader.complain(stated.where, scope, f"{need}, got {say_tree(stated)}")
        return None

    def refuse_misplaced(self, tree: MappingNode, verb: str, scope: str) -> None:
        """Complain about keys that belong to another verb."""
        for key in tree.pairs:
            if BELONGS.get(key, verb) != verb:
                self.reader.complain(tree.keys[key], scope, f"{key} goes with {BELONGS[key]}, not with {verb}")

    def written_as(self, tree: Tree, body: Body, scope: str, names: Names) -> Body:
        """The body, with how the reference implementation writes its op: a word, or an expression that gives one."""
        text = tree.text if isinstance(tree, ScalarNode) and isinstance(tree.value, str) else ""
        if text in FORMS:
            form = Value(tree.where, text)
        elif text and (text in names.values or not NAME.fullmatch(text)):
            form = self.reader.value(tree, f"{scope}: as", names)
        else:
            self.reader.complain(tree.where, scope, f"as {form_need(say_tree(tree))}")
            return body
        if isinstance(body, Call):
            return body._replace(form=form)
        if not isinstance(body, Broken):
            self.reader.complain(tree.where, scope, "as says how an op is written; there is none here")
        return body

    def overrides(self, tree: Tree | None, body: object, scope: str, names: Names) -> dict[str, Value]:
        if tree is None:
            return {}
        if not isinstance(body, Call):
            if not isinstance(body, Broken):
                self.reader.complain(
                    tree.where, scope, "then changes the arguments of a repeated op or block; there is none here"
                )
            return {}
        table = self.reader.mapping(tree, f"{scope}: then", self.attributes(body.target))
        pairs, known = (table.pairs if table else {}), self.attributes(body.target)
        return {
            name: self.reader.value(value, f"{scope}.{name}", names)
            for name, value in pairs.items()
            if known is None or name in known
        }

    def parallel(self, tree: MappingNode, scope: str, names: Names) -> Parallel | Broken:
        branches, join = tree.pairs["parallel"], tree.pairs.get("join")
        if join is None:
            self.reader.complain(
                tree.where, scope, "parallel needs a join: add, concat or another op of several inputs"
            )
        several = isinstance(branches, MappingNode) and (len(branches.pairs) > 1 or _is_repeated(branches))
        if not isinstance(branches, MappingNode) or not several:
            self.reader.complain(branches.where, scope, "parallel needs two or more named branches, or one with repeat")
            return Broken()
        read = tuple(
            self.branch(name, branches.keys[name], body, f"{scope}.{name}", names)
            for name, body in branches.pairs.items()
        )
        if join is None:
            return Broken()
        item = self.join(join, f"{scope}.join", names)
        return Parallel(read, item.body, item.name) if isinstance(item.body, Call) else Broken()

    def join(self, tree: Tree, scope: str, names: Names) -> Item:
        """The op or block that joins branches: an item that may say its name and how it is written, and nothing else."""
        if isinstance(tree, ScalarNode) and isinstance(tree.value, str):
            return Item(tree.where, self.call_of(tree.where, tree.value, ScalarNode(tree.where, None), scope, names))
        for key, where in tree.keys.items() if isinstance(tree, MappingNode) else ():
            if key in MODIFIERS and key not in ("name", "as"):
                self.reader.complain(where, scope, f"{key} does not go with a join")
            elif key in VERBS:
                self.reader.complain(tree.where, scope, f"must be an op or a block, got {key}")
                return Item(tree.where, Broken())
        return self.item(tree, scope, names)

    def branch(self, name: str, where: Where, tree: Tree, scope: str, names: Names) -> Branch:
        if not isinstance(tree, MappingNode):
            return Branch(name, where, self.items(tree, scope, names))
        full = self.reader.mapping(tree, scope, ("if", "in", "repeat", "layers"), required=("layers",))
        pairs = full.pairs if full else {}
        inputs = self.reader.edges(pairs["in"], scope) if "in" in pairs else ()
        if len(inputs) > 1:
            self.reader.complain(pairs["in"].where, scope, f"a branch takes 1 input, got {len(inputs)}")
        return Branch(
            name,
            where,
            self.items(pairs["layers"], scope, names) if "layers" in pairs else (Item(where, Broken()),),
            self.reader.value(pairs["if"], f"{scope}: if", names) if "if" in pairs else None,
            inputs,
            self.reader.value(pairs["repeat"], f"{scope}: repeat", names) if "repeat" in pairs else None,
        )

    def table(self, tree: MappingNode, scope: str, names: Names) -> Each | Broken:
        heads, body = tree.pairs.get("columns"), tree.pairs.get("rows")
        if not isinstance(heads, SequenceNode) or not isinstance(body, SequenceNode) or not heads.items:
            self.reader.complain(tree.where, scope, "each needs columns (a list of names) and rows (a list of lists)")
            return Broken()
        before = len(self.reader.problems)
        columns = self.columns(heads, scope)
        if not columns:
            return Broken()
        rows = [self.row(row, columns, scope, names) for row in body.items]
        if len(self.reader.problems) > before:
            return Broken()
        each = tree.pairs["each"]
        inner = names.plus([*(c for c in columns if NAME.fullmatch(c)), "row"])
        items = self.items(each, scope, inner) if isinstance(each, SequenceNode) else (self.item(each, scope, inner),)
        if not items:
            self.reader.complain(each.where, scope, "each needs one layer or more")
            return Broken()
        return Each(columns, tuple(rows), items)

    def columns(self, heads: SequenceNode, scope: str) -> tuple[str, ...]:
        """The names of a table's columns: labels such as 50, or names that its layers can use."""
        columns: list[str] = []
        if len(heads.items) > MOST_COLUMNS:
            self.reader.complain(
                heads.where, scope, f"a table may have {MOST_COLUMNS} columns, got {len(heads.items):,}"
            )
            return ()
        for head in heads.items:
            text = head.text if isinstance(head, ScalarNode) else ""
            if not text:
                got = "''" if isinstance(head, ScalarNode) and head.quoted else say_tree(head)
                self.reader.complain(head.where, scope, f"a column needs a name, got {got}")
            elif text in columns or (
                whole_number(text) is not None and whole_number(text) in map(whole_number, columns)
            ):
                self.reader.complain(head.where, scope, f"columns must have different names, got {text!r}")
            elif text != "name" and NAME.fullmatch(text):
                self.reader.new_name(text, head.where, scope)
                if text in self.reader.blocks:
                    self.reader.complain(head.where, scope, f"the name {text!r} is taken: it is a block")
            columns.append(text)
        return tuple(columns)

    def row(self, row: Tree, columns: tuple[str, ...], scope: str, names: Names) -> tuple[Value, ...]:
        """The cells of one row; a cell in the column `name` is a name, not an expression."""
        if not isinstance(row, SequenceNode):
            need = f"a row must be a list of {len(columns)} cells ({', '.join(columns)})"
            self.reader.complain(row.where, scope, f"{need}, got {say_tree(row)}")
            return ()
        if len(row.items) != len(columns):
            need = f"a row needs {len(columns)} cells ({', '.join(columns)})"
            self.reader.complain(row.where, scope, f"{need}, got {len(row.items)}")
        return tuple(
            Value(cell.where, self.reader.layer_name(cell, scope))
            if column == "name"
            else self.reader.value(cell, scope, names)
            for column, cell in zip(columns, row.items)
        )

    def is_target(self, name: str, names: Names) -> bool:
        own = name in OPS or name in self.reader.blocks or name in names.values or name == NOTHING
        return own or name in standard.names()

    def attributes(self, target: str) -> tuple[str, ...] | None:
        """The arguments that a target takes; None if that is not known before the network is built."""
        if target in OPS:
            return tuple(OPS[target].attrs)
        if target in self.reader.blocks or target not in standard.names():
            return self.reader.blocks.get(target)
        return tuple(standard.arguments(target))

    def call(self, tree: ScalarNode, scope: str, names: Names) -> Call | Broken:
        name = str(tree.value)
        return self.call_of(tree.where, name, ScalarNode(tree.where, None), f"{scope}.{name}", names)

    def call_of(self, where: Where, target: str, tree: Tree, scope: str, names: Names) -> Call | Broken:
        if not self.is_target(target, names):
            targets = [*OPS, *self.reader.blocks, *standard.names()]
            hint = network_hint(target, tree) or op_hint(target, targets, VERBS)
            self.reader.complain(where, scope, f"there is no op or block {target!r}{hint}")
            target = op_meant(target, targets)  # what is wrong with its arguments and behind it can still be told
            if not target:
                return BrokenCall()
        empty = isinstance(tree, ScalarNode) and tree.value is None
        if not empty and not isinstance(tree, MappingNode):
            self.reader.complain(
                tree.where, scope, f"the arguments of {target} must be a mapping, got {say_tree(tree)}"
            )
            return BrokenCall()
        before = len(self.reader.problems)
        known = self.attributes(target)
        table = None if empty else self.reader.mapping(tree, scope, known, of_op=target in OPS)
        given = self.arguments(table, known)
        if table and target in OPS:  # a word of another tool has been told, and hides nothing
            before += sum(
                bool(key in given.values() or attribute_note(key)) for key in self.reader.unknown(table, known)
            )
        args = {
            name: self.argument(target, name, table.pairs[key], f"{scope}.{name}", names)  # type: ignore[union-attr]
            for name, key in given.items()
        }
        if target in OPS:
            required = [attr.name for attr in OPS[target].attrs.values() if attr.required]
            missing = self.reader.missing(table, required, known) if table else required
            if missing:
                self.reader.complain(where, scope, f"{target} needs {' and '.join(missing)}")
        return BrokenCall() if len(self.reader.problems) > before else Call(where, target, args)

    def arguments(self, table: MappingNode | None, known: tuple[str, ...] | None) -> dict[str, str]:
        """Argument -> the key that it is given by: its name, or what another tool calls it."""
        keys = list(table.pairs) if table else []
        given = {key: key for key in keys if known is None or key in known}
        others = {meant: key for key in keys if key not in given and (meant := attribute_meant(key, known or ()))}
        return {**others, **given}

    def argument(self, target: str, name: str, tree: Tree, scope: str, names: Names) -> Value:
        """The value of an argument; a word of an op's attribute (`axis: width`) takes precedence over a knob of that name."""
        kind = OPS[target].attrs[name].kind if target in OPS else Kind()
        says_words = bool(kind.words) or kind.literal or isinstance(kind, (Boolean, Sides))
        if says_words and isinstance(tree, SequenceNode):
            return Value(tree.where, tuple(self.argument(target, name, one, scope, names) for one in tree.items))
        word = tree.value if isinstance(tree, ScalarNode) else None
        if kind.literal and isinstance(tree, ScalarNode) and word is not None:
            return self.word(tree, names)
        if not says_words or not isinstance(word, str):
            return self.reader.value(tree, scope, names)
        if word in kind.words:
            return Value(tree.where, word)
        if not NAME.fullmatch(word) or word in names.values or word in self.reader.sayable:
            return self.reader.value(tree, scope, names)
        near = nearest(word, names.values)
        self.reader.complain(tree.where, scope, f"{kind.unfit(word)}{f'. Did you mean {near}?' if near else ''}")
        return Value(tree.where, Broken())


def _says_unused(tree: Tree | None) -> bool:
    return isinstance(tree, ScalarNode) and tree.value == UNUSED


def _is_repeated(branches: MappingNode) -> bool:
    """Whether a single branch stands for several."""
    return any(isinstance(tree, MappingNode) and "repeat" in tree.pairs for tree in branches.pairs.values())
