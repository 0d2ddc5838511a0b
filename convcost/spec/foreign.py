"""A model file as a spec: its layers are those of the file, its knobs the sizes of its inputs."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from pathlib import PurePath
from typing import NamedTuple

from convcost.core import axes
from convcost.core.errors import Where
from convcost.core.expr import ExprError, parse
from convcost.importers.imported import Entry, Imported
from convcost.importers.model import Size
from convcost.importers.names import plain
from convcost.importers.read import read
from convcost.spec.syntax import Knob, Spec, Value

RESOLUTION = "resolution"


class _Sized(NamedTuple):
    """An axis of an input: the knob that sets it, if it can be varied, and the size that the file states."""

    knob: str
    size: Size


def open_model(path: str, shown: str) -> Spec:
    """The spec of a model file; raises `SpecError`. `shown` is the path in messages."""
    return foreign_spec(read(path, shown), shown)


def foreign_spec(imported: Imported, shown: str) -> Spec:
    """The spec of a model that has been read."""
    where = Where(shown, 1, 1)
    inputs: dict[str, tuple[Value, ...]] = {}
    knobs: dict[str, Knob] = {}
    for name, entry in imported.entries.items():
        prefix = "" if len(imported.entries) == 1 or name == next(iter(imported.entries)) else f"{_word(name)}_"
        sizes = tuple(_sized(entry, prefix))
        inputs[name] = tuple(Value(where, parse(knob) if knob else size) for knob, size in sizes)
        for knob, size in sizes:
            if knob and (knob not in knobs or knobs[knob].default is None):
                knobs[knob] = Knob(knob, where, size if isinstance(size, int) else None)
    scalars: dict[str, str] = {}
    for name, entry in imported.entries.items():
        if entry.is_scalar:
            scalars[name] = knob = _scalar(name, knobs)
            truths = (False, True) if entry.dtype == "bool" else ()
            knobs[knob] = Knob(knob, where, None, truths, f"the value of the input {name}; data, if left open")
    model = imported.model
    name = PurePath(shown).name or model.name or "model"
    return Spec(
        shown, name, inputs, (), knobs, about=model.producer, path=model.file, foreign=imported, scalars=scalars
    )


def _word(name: str) -> str:
    """The name of an input as the start of that of a knob, which is a word.

    >>> _word("images"), _word("input-2"), _word("0")
    ('images', 'input_2', 'input0')
    """
    plain_name = re.sub(r"\W", "_", name)
    return f"input{plain_name}" if plain_name[:1].isdigit() else plain_name


def _scalar(name: str, taken: Container[str]) -> str:
    """The knob that is the value of an input: called like the input, unless a size is.

    >>> _scalar("sr", {"length"}), _scalar("length", {"length"})
    ('sr', 'length_value')
    """
    word = _word(name)
    while word in taken:
        word += "_value"
    return word


def _sized(entry: Entry, prefix: str) -> Iterator[_Sized]:
    """Each size of an input with its knob; height and width are one knob if the file does not tell them apart."""
    sizes = entry.sizes
    names = axes.NAMES.get(len(sizes), ())
    spatial = sizes[-3:-1] if len(sizes) >= 3 else ()
    square = len(spatial) == 2 and (spatial[0] == spatial[1] or not any(isinstance(size, int) for size in spatial))
    for at, size in enumerate(sizes):
        if len(sizes) == 1:
            yield _Sized("" if isinstance(size, int) else _named(size, f"{prefix}length"), size)
        elif at == len(sizes) - 1:  # channels
            yield _Sized("" if isinstance(size, int) else _named(size, f"{prefix}channels"), size)
        elif square and at >= len(sizes) - 3:
            yield _Sized(f"{prefix}{RESOLUTION}", size)
        else:
            name = f"{prefix}{names[at] if names else f'size{at + 1}'}"
            yield _Sized(name if isinstance(size, int) else _named(size, name), size)


def _named(size: Size, otherwise: str) -> str:
    """The knob of an open size: the file's own name for it, if that is a word."""
    word = plain(size) if isinstance(size, str) else ""
    try:
        return word if parse(word).names == {word} else otherwise
    except ExprError:
        return otherwise
