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
from convcost.core.errors import Problem, SpecError, UsageError
from convcost.core.limits import LOCKED, TIMED
from convcost.core.units import counted, inputs_cell
from convcost.graph.items import Item
from convcost.networks.budgets.costs import Recorded, as_written
from convcost.spec.calls import MOST_PARTS
from convcost.spec.tree import (
    MappingNode,
    ScalarNode,
    SequenceNode,
    Tree,
    parse_tree,
    read_bytes,
    read_text,
    shown_path,
)

VERSION = 1
LARGEST = 32 << 20
"""Bytes of a lock file."""
MOST_VALUES = 1_000_000
"""Of a lock file: as many lines of layers as it can hold, and more."""
_HEAD = """\
# What networks cost, written by convcost check --update. Commit it: a later check says what has grown since.
convcost-lock: 1
networks:
"""
_REMEDY = "convcost check --update writes it anew, git restores it"
_OTHER = "this is no lock file, which begins with convcost-lock: 1; name another behind --lock, or lock: in the budgets"
_BEGINS = re.compile(r"[\"']?convcost-lock[\"']?\s*:")
_BEFORE = re.compile(r"\s*($|#|---\s*$|(<{7}|[|]{7}|={7}|>{7})(\s|$))")
"""A line that may stand before it: none, a comment, and what a merge leaves."""
_BEGINNING = 1 << 16
"""Bytes of a file that are looked at to see whether it is one."""
_LONG = 10**18
"""A number from which on YAML as specs read it refuses one that is not quoted."""
_PLAIN = re.compile(r"[A-Za-z_./][\w./+-]*([:=,@][\w./+-]+)*", re.ASCII)
_SHAPE = r"(?:\d{1,19}(?:x\d{1,19})*|\?)"
"""Sizes of at most 10¹⁸."""
_KIND = r"(?:[^|]|(?<=\\)\|)+"
"""How a part is drawn, where a bar of its own stands behind a backslash."""
_NUMBER = r"\d{1,300}"
"""More digits than 5,000 layers can come to, whose eight axes have 10¹⁸ each."""
_ROW = re.compile(
    rf"(.+) \| ({_KIND}) \| (|{_SHAPE}(?: \+ {_SHAPE})*) ?-> ({_SHAPE}) \| ({_NUMBER}) MACs \| ({_NUMBER}) params",
    re.DOTALL | re.ASCII,
)
_WORDS = {"true", "false", "null", "none"}
_TEXTS = ("memory", "dtype")
_NUMBERS = ("batch", *LOCKED)
(_TIME,) = TIMED
_LATENCY = "latency_fs"
"""What a lock file calls it, in femtoseconds."""


def write(networks: Mapping[str, Recorded]) -> str:
    """The text of a lock file, which `read` reads as what it was; raises `UsageError` where it would hold too much for that.

    >>> stem = as_written("stem", "conv2d 3×3", [(4, 4, 3)], (4, 4, 3), 1296, 81)
    >>> one = Recorded("", 1, "fused", "fp32", {"input": (4, 4, 3)}, {"macs": 1296, "params": 81}, 0, (stem,))
    >>> print(write({"tiny.yaml": one}).partition("networks:")[2])
    <BLANKLINE>
      tiny.yaml:
        input: 4x4x3
        dtype: fp32
        batch: 1
        memory: fused
        macs: 1296
        params: 81
        parts:
          - stem | conv2d 3×3 | 4x4x3 -> 4x4x3 | 1296 MACs | 81 params
    <BLANKLINE>
    """
    text = _HEAD + "".join(f"  {_key(name)}:\n{_entry(networks[name])}" for name in sorted(networks))
    values = 2 * text.count("\n") - sum(len(one.parts) for one in networks.values())
    if values > MOST_VALUES or len(text.encode()) > LARGEST:
        raise UsageError(
            f"a lock file of {counted(len(networks), 'network')} would be larger than one may be ({LARGEST:,} bytes, "
            f"{MOST_VALUES:,} values); check some of them with another, --lock FILE"
        )
    return text


def _entry(one: Recorded) -> str:
    lines = [
        f"input: {_text(inputs_cell(one.inputs))}",
        f"dtype: {_text(one.dtype)}",
        f"batch: {one.batch}",
        f"memory: {_text(one.memory)}",
        *([f"unknown: {one.unknown}"] if one.unknown else []),
        *(f"{name}: {_digits(number)}" for name, number in one.totals.items() if name not in TIMED),
        *([f"device: {_text(one.device)}", f"{_LATENCY}: {_digits(one.totals[_TIME])}"] if one.device else []),
        "parts:" if one.parts else "parts: []",
        *(f"  - {_text(_row(part))}" for part in one.parts),
    ]
    return "".join(f"    {line}\n" for line in lines)


def _digits(number: int) -> str:
    return str(number) if number < _LONG else f'"{number}"'


def _row(part: Item) -> str:
    reads = " + ".join(map(_shape, part.reads))
    shapes = f"{reads} -> {_shape(part.makes)}".strip()
    kind = part.text.replace("\\", r"\\").replace("|", r"\|")
    return f"{part.name} | {kind} | {shapes} | {part.macs} MACs | {part.params} params"


def _shape(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "?"


def _key(name: str) -> str:
    return name if _PLAIN.fullmatch(name) and name.lower() not in _WORDS else _quoted(name)


def _text(text: str) -> str:
    """A scalar that YAML reads as this text: plain where it is one for sure, quoted otherwise.

    >>> _text("8x8x3"), _text("1e999"), _text("0" * 19)
    ('8x8x3', '"1e999"', '"0000000000000000000"')
    """
    plain = re.fullmatch(r"[A-Za-z0-9_./(][^:#\n\"']*", text) and text.isprintable() and text == text.strip()
    plain = plain and not re.fullmatch(r"[\d._eE+-]+", text)  # a number, which may have too many digits
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


def spare_others(path: str) -> None:
    """Raise `SpecError` for a file that is there and is no lock file, whole or broken: none is written in its place."""
    if not os.path.exists(path):
        return
    text = read_bytes(path, _BEGINNING).decode("utf-8-sig", "replace")
    first = next((line for line in text.splitlines() if not _BEFORE.match(line)), "")
    empty = not first and "#" not in text and len(text) < _BEGINNING
    if not empty and not _BEGINS.match(first):
        raise SpecError([Problem(None, shown_path(path), _OTHER)])


def read(path: str) -> dict[str, Recorded] | None:
    """The networks of a lock file; None if there is no such file. Raises `SpecError` for one that is broken."""
    if not os.path.exists(path):
        return None
    shown = shown_path(path)
    text = read_text(path, "a lock file", LARGEST)
    try:
        tree, problems = parse_tree(text, shown, _REMEDY, MOST_VALUES)
    except SpecError as error:
        problems = list(error.problems)
    if problems:
        first = problems[0]
        raise SpecError([first if _REMEDY in first.what else first._replace(what=f"{first.what}; {_REMEDY}")])
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
    device = _scalar(entry, "device", name).text if "device" in entry.pairs else ""
    if device:
        numbers[_TIME] = _number(entry, _LATENCY, name)
    if not isinstance(rows, SequenceNode):
        _refuse(rows, f"{name}.parts must be a list")
    return Recorded(
        source,
        numbers.pop("batch"),
        texts["memory"],
        texts["dtype"],
        _inputs(_scalar(entry, "input", name), name),
        numbers,
        _number(entry, "unknown", name) if "unknown" in entry.pairs else 0,
        _parts(rows),
        whole=False,
        device=device,
    )


def _inputs(stated: ScalarNode, name: str) -> dict[str, Shape]:
    """The shapes of the inputs, as `core.units.inputs_cell` writes them."""
    found: dict[str, Shape] = {}
    for word in filter(None, stated.text.split(" ")):  # of a network without inputs, nothing
        called, _, shape = word.rpartition("=")
        if not re.fullmatch(_SHAPE, shape, re.ASCII):
            _refuse(stated, f"{name}.input must be shapes, got {stated.kind}")
        found[called or "input"] = _sizes(shape)
    return found


def _parts(rows: SequenceNode) -> tuple[Item, ...]:
    """The parts of a network, each of which has a name of its own: they are aligned by these."""
    found: dict[str, Item] = {}
    for row in rows.items:
        part = _part(row)
        if part.name in found:
            _refuse(row, f"the part {part.name} stands twice")
        found[part.name] = part
    return tuple(found.values())


def _part(row: Tree) -> Item:
    found = _ROW.fullmatch(row.text) if isinstance(row, ScalarNode) else None
    if found is None:
        _refuse(row, "a part is NAME | KIND | SHAPE -> SHAPE | N MACs | N params")
    name, kind, reads, makes, macs, params = found.groups()
    if name.count(".") >= MOST_PARTS:
        _refuse(row, f"a part's name has at most {MOST_PARTS} words with a dot between two")
    shapes = [_sizes(shape) for shape in reads.split(" + ")] if reads else []
    kind = re.sub(r"\\([\\|])", r"\1", kind)
    return as_written(name, kind, shapes, _sizes(makes), int(macs), int(params))


def _sizes(shape: str) -> Shape:
    return () if shape == "?" else tuple(map(int, shape.split("x")))


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
    value = int(tree.text) if re.fullmatch(_NUMBER, tree.text, re.ASCII) else None
    if value is None:
        _refuse(tree, f"{scope}.{key} must be a whole number, got {tree.kind}")
    return value


def _refuse(tree: Tree, what: str) -> NoReturn:
    """Raise the error that a lock file is broken, with the two remedies."""
    raise SpecError([Problem(tree.where, "", f"{what}; {_REMEDY}")])


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
