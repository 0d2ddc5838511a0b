"""The lock file: what networks cost when they were last looked at, as text whose differences people read.

One line per network and metric, exact; then one line per part of the network, so that a later check can say what grew
without the earlier spec. Networks stand in the order of their names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import NoReturn

from convcost.core.dims import Shape
from convcost.core.errors import Problem, SpecError
from convcost.core.limits import LOCKED
from convcost.networks.costs import Part, Recorded
from convcost.spec.tree import MappingNode, ScalarNode, SequenceNode, Tree, parse_tree, read_text, shown_path

VERSION = 1
LARGEST = 32 << 20
"""Bytes of a lock file."""
_HEAD = """\
# What networks cost, written by convcost check --update. Commit it: a later check says what has grown since.
convcost-lock: 1
networks:
"""
_PLAIN = re.compile(r"[A-Za-z_./][\w./+-]*([:=,@][\w./+-]+)*", re.ASCII)
_ROW = re.compile(r"(.+) \| (.+) \| ([\dx]+|\?) \| (\d{1,30}) MACs \| (\d{1,30}) params", re.DOTALL)
_WORDS = {"true", "false", "null", "none"}
_TEXTS = ("memory", "dtype", "input")
_NUMBERS = ("batch", *LOCKED)


def write(networks: Mapping[str, Recorded]) -> str:
    """The text of a lock file.

    >>> one = Recorded("", 1, "fused", "fp32", "4x4x3", {"macs": 1296, "params": 27}, 0, (
    ...     Part("stem", "conv2d 3×3", (4, 4, 3), 1296, 27),))
    >>> print(write({"tiny.yaml": one}).partition("networks:")[2])
    <BLANKLINE>
      tiny.yaml:
        input: 4x4x3
        dtype: fp32
        batch: 1
        memory: fused
        macs: 1296
        params: 27
        parts:
          - stem | conv2d 3×3 | 4x4x3 | 1296 MACs | 27 params
    <BLANKLINE>
    """
    return _HEAD + "".join(f"  {_key(name)}:\n{_entry(networks[name])}" for name in sorted(networks))


def _entry(one: Recorded) -> str:
    lines = [
        f"input: {_text(one.input)}",
        f"dtype: {_text(one.dtype)}",
        f"batch: {one.batch}",
        f"memory: {_text(one.memory)}",
        *([f"unknown: {one.unknown}"] if one.unknown else []),
        *(f"{name}: {number}" for name, number in one.totals.items()),
        "parts:" if one.parts else "parts: []",
        *(f"  - {_text(_row(part))}" for part in one.parts),
    ]
    return "".join(f"    {line}\n" for line in lines)


def _row(part: Part) -> str:
    shape = "x".join(map(str, part.shape)) or "?"
    return f"{part.name} | {part.kind} | {shape} | {part.macs} MACs | {part.params} params"


def _key(name: str) -> str:
    return name if _PLAIN.fullmatch(name) and name.lower() not in _WORDS else _quoted(name)


def _text(text: str) -> str:
    """A scalar that YAML reads as this text: plain where it is one for sure, quoted otherwise."""
    plain = re.fullmatch(r"[A-Za-z0-9_./(][^:#\n\"']*", text) and text.isprintable() and text == text.strip()
    return text if plain and text.lower() not in _WORDS else _quoted(text)


def _quoted(text: str) -> str:
    """Double quotes of YAML, every character that is not printable as its code.

    >>> _quoted("a: b" + chr(10)) == '"a: b' + chr(92) + 'U0000000A"'
    True
    """
    escaped = (
        char if char.isprintable() else f"\\U{ord(char):08X}" for char in text.replace("\\", "\\\\").replace('"', '\\"')
    )
    return f'"{"".join(escaped)}"'


def read(path: str) -> dict[str, Recorded] | None:
    """The networks of a lock file; None if there is no such file. Raises `SpecError` for one that is broken."""
    if not os.path.exists(path):
        return None
    shown = shown_path(path)
    tree, problems = parse_tree(
        read_text(path, "a lock file", LARGEST), shown, "convcost check --update writes it anew"
    )
    if problems:
        raise SpecError(problems)
    top = _mapping(tree, "")
    version = top.pairs.get("convcost-lock")
    if not isinstance(version, ScalarNode) or version.text != str(VERSION):
        _refuse(version or tree, f"no lock file of version {VERSION}")
    networks = _mapping(_get(top, "networks", ""), "networks")
    return {name: _recorded(_mapping(entry, name), name, shown) for name, entry in networks.pairs.items()}


def _recorded(entry: MappingNode, name: str, source: str) -> Recorded:
    texts = {key: _scalar(entry, key, name).text for key in _TEXTS}
    numbers = {key: _number(entry, key, name) for key in _NUMBERS}
    rows = _get(entry, "parts", name)
    if not isinstance(rows, SequenceNode):
        _refuse(rows, f"{name}.parts must be a list")
    return Recorded(
        source,
        numbers.pop("batch"),
        texts["memory"],
        texts["dtype"],
        texts["input"],
        numbers,
        _number(entry, "unknown", name) if "unknown" in entry.pairs else 0,
        tuple(map(_part, rows.items)),
    )


def _part(row: Tree) -> Part:
    found = _ROW.fullmatch(row.text) if isinstance(row, ScalarNode) else None
    if found is None:
        _refuse(row, "a part is NAME | KIND | SHAPE | N MACs | N params")
    name, kind, shape, macs, params = found.groups()
    sizes: Shape = () if shape == "?" else tuple(int(size or 0) for size in shape.split("x"))
    return Part(name, kind, sizes, int(macs), int(params))


def _get(table: MappingNode, key: str, scope: str) -> Tree:
    if key not in table.pairs:
        _refuse(table, f"{f'{scope}.' if scope else ''}{key} is missing")
    return table.pairs[key]


def _mapping(tree: Tree, scope: str) -> MappingNode:
    if not isinstance(tree, MappingNode):
        _refuse(tree, f"{scope or 'a lock file'} must be a mapping")
    return tree


def _scalar(table: MappingNode, key: str, scope: str) -> ScalarNode:
    tree = _get(table, key, scope)
    if not isinstance(tree, ScalarNode):
        _refuse(tree, f"{scope}.{key} must be one value")
    return tree


def _number(table: MappingNode, key: str, scope: str) -> int:
    tree = _scalar(table, key, scope)
    value = int(tree.text) if re.fullmatch(r"\d{1,40}", tree.text, re.ASCII) else None
    if value is None:
        _refuse(tree, f"{scope}.{key} must be a whole number, got {tree.kind}")
    return value


def _refuse(tree: Tree, what: str) -> NoReturn:
    """Raise the error that a lock file is broken, with the two remedies."""
    remedy = "convcost check --update writes it anew, git restores it"
    raise SpecError([Problem(tree.where, "", f"{what}; {remedy}")])


def updated(
    before: Mapping[str, Recorded], measured: Iterable[tuple[str, Recorded]], *, whole: bool
) -> dict[str, Recorded]:
    """The networks of a lock file after a check: those whose costs are what they were stay as they are written.

    With `whole`, networks that are not checked any more are left out.
    """
    now = dict(measured)
    kept = {} if whole else dict(before)
    same = {name: before[name] for name, one in now.items() if name in before and before[name].costs == one.costs}
    return kept | now | same
