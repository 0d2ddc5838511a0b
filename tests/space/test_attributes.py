"""Any attribute of any op may hold a knob, as a whole or in a list, and sweeps like its networks one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from helpers.op_rows import ROWS
from helpers.specs import assert_swept_like_walked, written

from convcost.ops import OPS

if TYPE_CHECKING:
    from helpers.systems import Case

#: Kind of knob -> its default, and the values that are swept.
KNOBS: dict[str, tuple[Any, list[Any]]] = {
    "integer": (1, [0, 1, 2, 3, 5]),
    "decimal": (1.5, ["0.5", "1.0", "1.5"]),
    "truth": (True, [True, False]),
    "list": ([1, 2], [(1, 2), (2, 2), (0, 1)]),
    "word": ("same", ["same", "valid", "channels", "nearest"]),
}
UNKNOWN = ("unknown",)
"""Ops that no sweep takes: nothing is known of them."""


def plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [plain(one) for one in value]
    return float(value) if isinstance(value, Fraction) else value


def places(value: Any, path: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """The value itself, and the first entry of each list in it."""
    yield path
    if isinstance(value, list) and value:
        yield from places(value[0], (*path, 0))


def put(value: Any, path: tuple[int, ...], new: Any) -> Any:
    return [put(value[0], path[1:], new), *value[1:]] if path else new


def cases() -> Iterator[tuple[Case, str, tuple[int, ...]]]:
    """Each attribute of each op, once, with each place in it that a knob may take."""
    seen = set()
    for case in (row.case for row in ROWS if row.case.op not in UNKNOWN):
        for name in OPS[case.op].attrs:
            for path in places(plain(case.attrs.get(name))):
                if (case.op, name, path) not in seen:
                    seen.add((case.op, name, path))
                    yield case, name, path


def assert_swept(folder: Path, case: Case, name: str, path: tuple[int, ...], kind: str) -> None:
    """Also as `knob - 2`, which has -1 and 0 among its values."""
    default, values = KNOBS[kind]
    shapes = {f"x{i}": shape for i, shape in enumerate(case.shapes) if shape is not None} or {"x0": (3,)}
    read = {"in": [*shapes]} if OPS[case.op].inputs else {}
    for value in ("k", "k - 2") if kind == "integer" else ("k",):
        attrs = {**plain_all(case), name: put(plain(case.attrs.get(name)), path, value)}
        text = f"knobs: {{k: {json.dumps(default)}}}\ninputs: {json.dumps(shapes)}\nlayers:\n"
        assert_swept_like_walked(written(folder, f"{text}  - {json.dumps({case.op: attrs, **read})}\n"), k=values)


def plain_all(case: Case) -> dict[str, Any]:
    return {name: plain(value) for name, value in case.attrs.items()}


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=pytest.mark.slow) for kind in KNOBS])
def test_every_attribute_of_every_op_sweeps_like_its_networks(tmp_path: Path, kind: str) -> None:
    for case, name, path in cases():
        assert_swept(tmp_path, case, name, path, kind)


@pytest.mark.parametrize("kind", KNOBS)
def test_every_kind_of_attribute_sweeps_like_its_networks(tmp_path: Path, kind: str) -> None:
    once = {(OPS[case.op].attrs[name].kind.text, path): (case, name, path) for case, name, path in cases()}
    for case, name, path in once.values():
        assert_swept(tmp_path, case, name, path, kind)
