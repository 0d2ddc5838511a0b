"""YAML tree -> human form of sequences: layers, branches, tables, and calls of ops and blocks."""

from __future__ import annotations

from convcost.errors import Where, did_you_mean
from convcost.ops import OPS
from convcost.spec import source
from convcost.spec.model import Branch, Broken, Call, Group, Item, Parallel, Table, Value
from convcost.spec.reader import MODIFIERS, NAME, NOTHING, VERBS, Names, Reader, say_tree
from convcost.spec.source import Mapping, Scalar, Tree


class LayerReader(Reader):
    """Reads sequences of layers."""

    def items(self, tree: Tree, scope: str, names: Names) -> tuple[Item, ...]:
        if not isinstance(tree, source.Sequence):
            self.complain(tree.where, scope, f"must be a list of layers, got {tree.kind}")
            return (Item(tree.where, Broken()),)
        return tuple(self.item(entry, scope, names) for entry in tree.items)

    def item(self, tree: Tree, scope: str, names: Names) -> Item:
        if isinstance(tree, Scalar) and isinstance(tree.value, str):
            return Item(tree.where, self.call(tree, scope, names))
        if not isinstance(tree, Mapping):
            self.complain(tree.where, scope, f"a layer is an op's name or {{op: {{…}}}}, got {tree.kind}")
            return Item(tree.where, Broken())
        modifiers = {key: value for key, value in tree.pairs.items() if key in MODIFIERS}
        verbs = [key for key in tree.pairs if key not in MODIFIERS]
        if len(verbs) != 1:
            got = f"got {' and '.join(verbs)}" if verbs else "got none"
            hint = "".join(did_you_mean(v, MODIFIERS) for v in verbs if not self.is_target(v, names))
            self.complain(tree.where, scope, f"a layer has exactly one op or block, {got}{hint}")
            return Item(tree.where, Broken())
        return self.item_of(tree, verbs[0], modifiers, scope, names)

    def item_of(self, tree: Mapping, verb: str, modifiers: dict[str, Tree], scope: str, names: Names) -> Item:
        named = modifiers.get("name")
        name = self.layer_name(named, scope) if named is not None else None
        scope = f"{scope}.{name or verb}" if verb not in VERBS or name else scope
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

    def overrides(self, tree: Tree | None, body: object, scope: str, names: Names) -> dict[str, Value]:
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

    def parallel(self, tree: Mapping, scope: str, names: Names) -> Parallel | Broken:
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

    def branch(self, name: str, where: Where, tree: Tree, scope: str, names: Names) -> Branch:
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

    def table(self, tree: Mapping, scope: str, names: Names) -> Table | Broken:
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
        inner = names.plus([*(c for c in columns if NAME.fullmatch(c)), "row"])
        items = (
            self.items(each, scope, inner) if isinstance(each, source.Sequence) else (self.item(each, scope, inner),)
        )
        return Table(columns, tuple(rows), items)

    def is_target(self, name: str, names: Names) -> bool:
        return name in OPS or name in self.blocks or name in names.values or name == NOTHING

    def attributes(self, target: str) -> tuple[str, ...] | None:
        """The arguments that a target takes; None if that is not known before the network is built."""
        if target in OPS:
            return tuple(OPS[target].attrs)
        return self.blocks.get(target)

    def call(self, tree: Scalar, scope: str, names: Names) -> Call | Broken:
        name = str(tree.value)
        return self.call_of(tree.where, name, Scalar(tree.where, None), f"{scope}.{name}", names)

    def call_of(self, where: Where, target: str, tree: Tree, scope: str, names: Names) -> Call | Broken:
        if not self.is_target(target, names):
            hint = did_you_mean(target, [*OPS, *self.blocks, *VERBS])
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
