"""`limits:` of a spec, and of a budgets file: what a network may cost at most."""

from __future__ import annotations

from convcost.core.errors import UsageError
from convcost.core.limits import GROWTH, Limit, read_limit
from convcost.spec.reader import Reader, say_tree
from convcost.spec.tree import MappingNode, ScalarNode, Tree


def of_network(reader: Reader, tree: Tree | None, scope: str) -> dict[str, Limit]:
    """Name -> limit; what is wrong is recorded as a problem at its place."""
    table = reader.mapping(tree, scope)
    found: dict[str, Limit] = {}
    for name, stated in table.pairs.items() if table else ():
        if name == GROWTH and isinstance(stated, MappingNode):
            for part, share in stated.pairs.items():
                found |= _limit(reader, f"{GROWTH}.{part}", share, stated, part, scope)
        elif table is not None:
            found |= _limit(reader, name, stated, table, name, scope)
    return found


def _limit(reader: Reader, name: str, stated: Tree, table: MappingNode, key: str, scope: str) -> dict[str, Limit]:
    where = table.keys[key]
    inside = f"{scope}.{name}"
    if isinstance(stated, ScalarNode) and stated.broken:
        return {}
    if not isinstance(stated, ScalarNode) or isinstance(stated.value, bool) or stated.value is None:
        example = "1%" if name.startswith(GROWTH) else "300M or 256KiB"
        reader.complain(stated.where, inside, f"must be an amount, as in {example}, got {say_tree(stated)}")
        return {}
    try:
        return read_limit(name, stated.text, where)
    except UsageError as error:
        unknown = str(error).startswith("there is no limit")
        reader.complain(where if unknown else stated.where, scope if unknown else inside, str(error))
        return {}
