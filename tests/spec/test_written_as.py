"""How the reference implementation writes a layer: a word, or an expression that gives one."""

from __future__ import annotations

from pathlib import Path

import pytest

import convcost
from convcost.core.errors import SpecError

SPEC = """
convcost: 1
name: written
input: [8, 8, 3]
knobs:
  last: {default: functional, choices: [functional, module, fused, add]}
blocks:
  act:
    args: {how: module}
    layers:
      - {relu: , as: how}
      - {softmax: , as: "where(how == module, functional, how)"}
layers:
  - act
  - {act: {how: last}}
"""


def forms(tmp_path: Path, **knobs: str) -> list[str]:
    path = tmp_path / "written.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return [node.form for node in convcost.load(str(path), **knobs).graph.nodes]


def test_an_argument_or_an_expression_may_say_it(tmp_path: Path) -> None:
    assert forms(tmp_path) == ["", "functional", "functional", "functional"]
    assert forms(tmp_path, last="fused") == ["", "functional", "fused", "fused"]
    assert forms(tmp_path, last="module") == ["", "functional", "", "functional"]


def test_what_is_no_form_is_refused_where_it_stands(tmp_path: Path) -> None:
    need = r"written\.yaml:11:22: act_2\.relu: as must be functional, method, derived, fused, unfused, attention, mean or linear, got add"
    with pytest.raises(SpecError, match=need):
        forms(tmp_path, last="add")
