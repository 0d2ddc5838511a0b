"""The bits that a spec states: `bits:` says the types of what multiply-accumulates read, as papers on quantisation do.

It is a way of stating types, not another kind of them: an integer of so many bits has a type, and a number beside a block
stands for those of the kernels and the outputs in it. A batch-norm, which the same papers leave as it is, has no kernels.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any, Final

from convcost.core.errors import Unfit
from convcost.core.units import say
from convcost.ops import OPS
from convcost.spec.dtypes import said as dtype_said
from convcost.spec.reader import NAME, Names, Reader, say_tree
from convcost.spec.syntax import Broken, Value
from convcost.spec.tree import MappingNode, ScalarNode, Tree

KERNELS: Final = "kernels"
"""Beside the roles of tensors: the weights of layers whose multiply-accumulates papers count."""
INPUTS: Final = "inputs"
"""Beside the roles, at the top of a file: the network's inputs."""
#: Words of a spec -> whose bits they state.
ROLES: Final[Mapping[str, str]] = {
    "weights": KERNELS,
    "kernels": KERNELS,
    "outputs": "outputs",
    "activations": "outputs",
    "biases": "biases",
}
_ALL: Final = (KERNELS, "outputs")
"""What a single number is for."""
#: Bits -> the integers that have so many.
INTEGERS: Final[Mapping[int, str]] = {1: "binary", **{n: f"int{n}" for n in (2, 3, 4, 5, 6, 7, 8, 16, 32, 64)}}
Stated = Mapping[str, Value]
_NEED: Final = "1 to 8, 16, 32 or 64 bits, or the name of a type"


def of_layers(reader: Reader, tree: Tree, scope: str, names: Names) -> Stated:
    """What `bits` beside a layer states: role, or `KERNELS` -> a number of bits or a type."""
    scope = f"{scope}: bits"
    if not isinstance(tree, MappingNode):
        return dict.fromkeys(_ALL, _number(reader, tree, scope, names))
    return _each(reader, tree, scope, names, ROLES)


def of_network(reader: Reader, tree: Tree, names: Names, inputs: Collection[str]) -> tuple[Stated, Stated]:
    """What `bits` at the top of a file states: for all layers, and for the inputs, by name."""
    if not isinstance(tree, MappingNode):
        number = _number(reader, tree, "bits", names)
        return dict.fromkeys(_ALL, number), dict.fromkeys(inputs, number)
    stated = _each(reader, tree, "bits", names, {**ROLES, INPUTS: INPUTS})
    given = stated.pop(INPUTS, None)
    return stated, {} if given is None else dict.fromkeys(inputs, given)


def _each(reader: Reader, tree: MappingNode, scope: str, names: Names, roles: Mapping[str, str]) -> dict[str, Value]:
    """The bits of each role that a mapping names."""
    if not tree.pairs:
        reader.complain(tree.where, scope, f"needs the bits of one of {', '.join(roles)}, got none")
    reader.mapping(tree, scope, tuple(roles))
    found: dict[str, Value] = {}
    for word, value in tree.pairs.items():
        role = roles.get(word, "")
        if role in found:
            reader.complain(tree.keys[word], scope, f"{word} says again whose bits another word says: leave one out")
        elif role:
            found[role] = _number(reader, value, f"{scope} {word}", names)
    return found


def _number(reader: Reader, tree: Tree, scope: str, names: Names) -> Value:
    """A number of bits, the name of a type, or an expression that gives either."""
    if not isinstance(tree, ScalarNode) or tree.value is None or isinstance(tree.value, bool):
        if not (isinstance(tree, ScalarNode) and tree.broken):
            reader.complain(tree.where, scope, f"needs {_NEED}, got {say_tree(tree)}")
        return Value(tree.where, Broken())
    text = tree.value
    if isinstance(text, str) and (text in names.values or not NAME.fullmatch(text)):
        return reader.value(tree, scope, names)
    try:
        return Value(tree.where, said(text))
    except Unfit as error:
        reader.complain(tree.where, scope, str(error))
        return Value(tree.where, Broken())


def said(number: Any) -> str:
    """The type that an evaluated number of bits, or a word, stands for; raises `Unfit`.

    >>> said(1), said(4), said(8), said("int8")
    ('binary', 'int4', 'int8', 'int8')
    """
    if isinstance(number, str):
        return dtype_said(number)
    dtype = "" if isinstance(number, bool) else INTEGERS.get(_whole(number), "")
    if not dtype:
        raise Unfit(f"must be {_NEED}, got {say(number)}")
    return dtype


def _whole(number: Any) -> Any:
    """The one number that there is: over a grid whose points differ, the grid is split."""
    if isinstance(number, (int, Fraction)):
        return number
    try:
        return operator.index(number)
    except TypeError:  # a letter, where formulas are written
        return None


def around(outer: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The types that hold in a place: its own before those around it.

    >>> around({"kernels": "binary", "outputs": "int8"}, {"weights": "fp32"})
    {'outputs': 'int8', 'weights': 'fp32'}
    """
    hidden = {KERNELS} if "weights" in own else set()
    return {**{key: dtype for key, dtype in outer.items() if key not in hidden}, **own}


def of_op(dtypes: Mapping[str, str], op: str) -> Mapping[str, str]:
    """Role -> type, for a layer of an op: kernels are the weights of what multiplies by them, and of nothing else.

    >>> of_op({"kernels": "binary", "outputs": "int8"}, "conv2d")
    {'outputs': 'int8', 'weights': 'binary'}
    >>> of_op({"kernels": "binary", "outputs": "int8"}, "batch_norm")
    {'outputs': 'int8'}
    """
    kernels = dtypes.get(KERNELS)
    if kernels is None:
        return dtypes
    rest = {key: dtype for key, dtype in dtypes.items() if key != KERNELS}
    return {**rest, "weights": kernels} if OPS[op].traits.weighted else rest
