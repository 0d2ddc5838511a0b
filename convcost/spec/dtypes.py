"""The types that a spec states: as `dtype:` is read, evaluated, and written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from convcost.core.dtypes import ALIASES, DTYPE_BITS, check_dtype
from convcost.core.errors import Unfit, UsageError, did_you_mean
from convcost.core.units import say
from convcost.graph.graph import ROLES
from convcost.spec.reader import NAME, Names, Reader, say_tree
from convcost.spec.syntax import Broken, Value
from convcost.spec.tree import MappingNode, ScalarNode, Tree

_INPUTS = "inputs"
"""Beside the roles: the network's inputs, at the top of a file."""
_WORDS = frozenset({*DTYPE_BITS, *ALIASES})
Stated = Mapping[str, Value]
"""Role, or name of an input -> the type that is stated for it."""


def of_layers(reader: Reader, tree: Tree, scope: str, names: Names) -> Stated:
    """What `dtype` beside a layer states: one type for all roles, or one for each of some."""
    if isinstance(tree, MappingNode) and _INPUTS in tree.pairs:
        what = "the types of the network's inputs stand at the top of the file"
        reader.complain(tree.keys[_INPUTS], f"{scope}: dtype", what)
        tree = tree._replace(pairs={key: value for key, value in tree.pairs.items() if key != _INPUTS})
        if not tree.pairs:
            return {}
    return _each(reader, tree, f"{scope}: dtype", names, ROLES, ROLES)


def of_network(reader: Reader, tree: Tree, names: Names, inputs: Collection[str]) -> tuple[Stated, Stated]:
    """What `dtype` at the top of a file states: for all layers, by role, and for the inputs, by name."""
    stated = _each(reader, tree, "dtype", names, ROLES, (_INPUTS, *ROLES))
    if not isinstance(tree, MappingNode):
        return stated, dict.fromkeys(inputs, stated["outputs"])
    given = tree.pairs.get(_INPUTS)
    if given is None:
        return stated, {}
    return stated, _each(reader, given, f"dtype: {_INPUTS}", names, (*inputs,), (*inputs,))


def _each(
    reader: Reader, tree: Tree, scope: str, names: Names, keys: Sequence[str], known: Sequence[str]
) -> dict[str, Value]:
    """A type for each of some keys: of a mapping, of those that it names; else the same for all. Others may be `known`."""
    need = "needs the name of a type"
    if not isinstance(tree, MappingNode):
        need = f"{need}, or one for each of {', '.join(known)}" if len(known) > 1 else need
        return dict.fromkeys(keys, _word(reader, tree, scope, names, need))
    if not tree.pairs:
        reader.complain(tree.where, scope, f"needs a type for one of {', '.join(known)}, got none")
    reader.mapping(tree, scope, known)
    return {
        key: _word(reader, value, f"{scope} {key}", names, need) for key, value in tree.pairs.items() if key in keys
    }


def _word(reader: Reader, tree: Tree, scope: str, names: Names, need: str) -> Value:
    """The name of a type, or an expression that gives one."""
    if not isinstance(tree, ScalarNode) or not isinstance(tree.value, str):
        if not (isinstance(tree, ScalarNode) and tree.broken):
            reader.complain(tree.where, scope, f"{need}, got {say_tree(tree)}")
        return Value(tree.where, Broken())
    text = tree.value
    if text in names.values or not NAME.fullmatch(text):
        return reader.value(tree, scope, names)
    if text not in _WORDS:
        try:
            check_dtype(text)
        except UsageError as error:
            known = did_you_mean(text, DTYPE_BITS, also=(*ALIASES, *names.values))
            what = str(error) if "say which" in str(error) else f"there is no dtype {text!r}{known}"
            reader.complain(tree.where, scope, what)
            return Value(tree.where, Broken())
    return Value(tree.where, check_dtype(text))


def said(word: Any) -> str:
    """The type that an evaluated word names; raises `Unfit`.

    >>> said("half")
    'fp16'
    """
    if not isinstance(word, str):
        raise Unfit(f"must be the name of a type, got {say(word)}")
    try:
        return check_dtype(word)
    except UsageError as error:
        raise Unfit(f"must be the name of a type: {error}") from None


def written(dtypes: Mapping[str, str], keys: Sequence[str] = ROLES) -> Any:
    """Stated types as YAML says them: one word where each key has the same.

    >>> written(dict.fromkeys(ROLES, "int8")), written({"weights": "fp16"})
    ('int8', {'weights': 'fp16'})
    """
    alike = {dtypes.get(key, "") for key in keys}
    return dtypes[keys[0]] if len(alike) == 1 and alike != {""} else dict(dtypes)


def top_written(inputs: Mapping[str, str], names: Collection[str], roles: Mapping[str, str]) -> Any:
    """Stated types of inputs, which have these names, and of all layers, as the top of a file says them.

    >>> top_written({"input": "uint8"}, ["input"], {"outputs": "int8"})
    {'inputs': 'uint8', 'outputs': 'int8'}
    >>> top_written({"image": "int8"}, ["image"], dict.fromkeys(ROLES, "int8"))
    'int8'
    """
    kinds = {inputs.get(name, "") for name in names}
    alike = len(kinds) == 1 and kinds != {""}
    if alike and roles == dict.fromkeys(ROLES, *kinds):
        return next(iter(kinds))
    stated: dict[str, Any] = {_INPUTS: next(iter(kinds)) if alike else dict(inputs)} if inputs else {}
    return stated | dict(roles)
