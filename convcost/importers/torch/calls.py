"""What the two readers of PyTorch programs have in common: how the call of an operator is stated as an `Op`.

The type of an op is that of PyTorch's dispatcher without the overload: ``aten.conv2d``. Its attributes are the arguments, by
the names that they have in the operator's schema; those that the program leaves out, because they have their default, are
left out here, too. A tensor or number that the program computes is a `Ref`; `inputs` are all that are read, in order.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeGuard

from convcost.importers.forms import Call, form
from convcost.importers.model import Op

OVERLOADED = 3
"""Words of an operator's name with its overload: namespace, name, overload."""


class Ref(NamedTuple):
    """An argument that is a tensor or a number which the program has by a name."""

    name: str


class Place(NamedTuple):
    """Where a call stands, as far as a program keeps it."""

    path: tuple[str, ...] = ()
    """The modules that contain it, outermost first."""
    module: str = ""
    """The class of the innermost one, with the Python module that defines it."""
    function: str = ""
    """The kind and name of what was called: builtin_function_or_method.conv2d."""
    line: str = ""
    """The line of Python."""

    @property
    def name(self) -> str:
        """The innermost module's full name."""
        return ".".join(self.path)


NOWHERE = Place()


def op_type(target: str) -> str:
    """The type of an op, given the full name of the function that the program calls.

    >>> op_type("torch.ops.aten.conv2d.default"), op_type("torch.ops.higher_order.cond"), op_type("_operator.mul")
    ('aten.conv2d', 'higher_order.cond', 'operator.mul')
    """
    words = target.removeprefix("torch.ops.").lstrip("_").split(".")
    return ".".join(words[:-1] if len(words) == OVERLOADED and target.startswith("torch.ops.") else words)


def module_path(name: str) -> tuple[str, ...]:
    """The modules that contain an op, outermost first, given the innermost one's full name.

    A module that is called several times has the number of the call behind an @. Programs of older versions name modules by
    the expressions that Python reads them with.

    >>> module_path("features.1.block.0"), module_path("relu@1"), module_path("getattr(L['self'].layer1, '0').conv1")
    (('features', '1', 'block', '0'), ('relu',), ('layer1', '0', 'conv1'))
    """
    if "L['self']" in name:
        name = ".".join(_WORD.findall(name.replace("L['self']", "")))
    return tuple(name.partition("@")[0].split(".")) if name else ()


_WORD = re.compile(r"(?:\.|')(\w+)")


def refs(value: Any) -> Iterator[str]:
    """The names in an argument, which may be a tuple of arguments.

    >>> list(refs((Ref("x"), 3, (Ref("y"), None))))
    ['x', 'y']
    """
    if isinstance(value, Ref):
        yield value.name
    elif isinstance(value, tuple):
        for item in value:
            yield from refs(item)


def is_list(value: Any) -> TypeGuard[tuple[Any, ...]]:
    """Whether an argument is several: a `Ref`, which is a tuple as well, is one.

    >>> is_list((Ref("x"), 3)), is_list(Ref("x")), is_list(3)
    (True, False, False)
    """
    return isinstance(value, tuple) and not isinstance(value, Ref)


def call(
    target: str,
    name: str,
    arguments: Mapping[str, Any],
    outputs: Iterable[str],
    place: Place = NOWHERE,
    holders: Collection[str] = (),
) -> Op:
    """The op that calls a function with these arguments; `holders` are the modules that store tensors and hold no others.

    >>> op = call("torch.ops.aten.add.Tensor", "add_1", {"self": Ref("x"), "other": 1}, ["add_1"], Place(("layer1", "0")))
    >>> op.type, op.inputs, op.attrs["other"]
    ('aten.add', ('x',), 1)
    """
    inputs = tuple(found for value in arguments.values() for found in refs(value))
    kind, weights = op_type(target), arguments.get("weight")
    own = isinstance(weights, Ref) and weights.name.rpartition(".")[0] == place.name and place.name in holders
    written = form(Call(kind.rpartition(".")[2], place.module, place.function, place.line, own))
    return Op(kind, name, inputs, tuple(outputs), dict(arguments), place.path, form=written)
