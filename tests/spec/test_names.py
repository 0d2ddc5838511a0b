"""Layers inside others are read by their dotted path, if they say their names; nothing else is seen from outside."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.specs import assert_resolves_to_itself, assert_swept_like_walked, spec, written

from convcost.networks.load import validate

NET = """
    knobs: {n: 3, more: false}
    input: [8, 8, 3]
    blocks:
      pair:
        args: {channels: 4}
        layers:
          - {conv2d: {channels: channels, kernel: 3, padding: same}, name: first}
          - relu
          - parallel:
              main:
                - {conv2d: {channels: in.channels, kernel: 1}, name: inner}
                - conv2d: {channels: in.channels, kernel: 1}
              side: []
            join: add
      two:
        layers:
          - {pair: , name: one}
          - {pair: {channels: 8}, name: other, if: more}
          - pair
    layers:
      - {pair: , name: a}
      - {pair: , name: b, repeat: n}
      - {two: , name: c}
      - {layers: [{relu: , name: deep}], name: group}
      - each: [{conv2d: {channels: k, kernel: 1}, name: conv}, relu]
        columns: [name, k]
        rows: [[small, 4], [large, 6]]
      - {identity: , name: main}
"""


def read(folder: Path, name: str, **knobs):
    """What a last layer reads that names another one."""
    network = spec(folder, f"{NET}      - {{relu: , in: {name}, name: last}}\n    outputs: [main, last]", **knobs)
    return network.graph.nodes[-1].inputs[0]


@pytest.mark.parametrize(
    ("name", "edge"),
    [
        ("a.first", "a.first"),
        ("a.inner", "a.inner"),  # names of branches are no part of a path
        ("b1", "b1.add"),
        ("b2.first", "b2.first"),
        ("b", "b3.add"),  # the last of those that are repeated
        ("b.inner", "b3.inner"),
        ("c.one.inner", "c.one.inner"),
        ("c.one", "c.one.add"),
        ("group.deep", "group.deep"),
        ("small.conv", "small.conv"),
        ("large", "large.relu"),
    ],
)
def test_a_named_layer_is_read_from_outside(tmp_path: Path, name: str, edge: str) -> None:
    assert read(tmp_path, name) == edge


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.frist", "but a has no layer 'frist'. Did you mean first?"),
        ("a.conv2d", "but only layers that say name: can be read; give line 15 one: {conv2d: {…}, name: conv2d}"),
        ("c.pair.first", "but only layers that say name: can be read; give line 22 one: {pair: {…}, name: pair}"),
        ("pair.first", "but no earlier layer here has this name. Known: a, b, b1, b2, b3, c, group, input, large, main, small"),
        ("c.other", "which is not built here: its condition is false"),
        ("c.other.first", "which is not built here: its condition is false"),
        ("input.first", "but input is given from outside, and only its output is seen here"),
        ("b4.first", "but no earlier layer here has this name. Known: a, b, b1, b2, b3, c, group, input, large, main, small"),
        ("last.first", "which comes later; a layer can only read earlier ones"),
        ("c.one.three", "but c has no layer 'one.three'. Known: one"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_with_the_reason(tmp_path: Path, name: str, message: str) -> None:
    (problem,) = validate(
        str(written(tmp_path, f"{NET}      - {{relu: , in: {name}, name: last}}\n    outputs: [main, last]"))
    )
    assert problem.what.partition(f"reads {name!r}")[2].lstrip(", ") == message


def test_sizes_of_layers_inside_are_asked_by_their_path(tmp_path: Path) -> None:
    layer = (
        "{conv2d: {channels: b.first.channels + c.one.inner.height * 10 + small.conv.channels, kernel: 1}, name: last}"
    )
    network = spec(tmp_path, f"{NET}      - {layer}\n")
    assert network.graph.nodes[-1].attrs["channels"] == 4 + 8 * 10 + 4
    path = written(tmp_path, f"{NET}      - {{conv2d: {{channels: b.frist.channels, kernel: 1}}, name: last}}\n")
    (problem,) = validate(str(path))
    assert (
        problem.what
        == "channels: no earlier layer here is called 'b.frist'; b has no layer 'frist'. Did you mean first?"
    )
    path = written(tmp_path, f"{NET}      - {{conv2d: {{channels: b.first.size, kernel: 1}}, name: last}}\n")
    (problem,) = validate(str(path))
    assert problem.what == "after 'b.first'. comes channels, height, width, length or depth"


def test_a_block_sees_what_is_inside_it_and_what_it_is_given(tmp_path: Path) -> None:
    text = """
        input: [8, 8, 3]
        blocks:
          stem: {layers: [{relu: , name: inside}]}
          head: {layers: [{add: , in: [input, READ], name: sum}]}
        layers:
          - {stem: , name: stem}
          - {head: , name: head}
    """
    for name, why in (
        ("stem.inside", "but no earlier layer here has this name. Known: input"),
        ("input.inside", "but input is given from outside, and only its output is seen here"),
    ):
        (problem,) = validate(str(written(tmp_path, text.replace("READ", name))))
        assert problem.what == f"reads {name!r}, {why}"


def test_a_neighbour_outside_its_branch_is_told_to_name_the_branches(tmp_path: Path) -> None:
    text = """
        input: [8, 8, 3]
        layers:
          - {parallel: {main: [{relu: , name: left}], side: []}, join: add}
          - {relu: , in: left}
    """
    (problem,) = validate(str(written(tmp_path, text)))
    assert problem.what == (
        "reads 'left', which stands in a branch or group that only its neighbours see; give that a name and read it as NAME.left"
    )
    named = text.replace("join: add}", "join: add, name: fork}").replace("in: left", "in: fork.left")
    assert spec(tmp_path, named.replace("relu: , in", "add: , in").replace("fork.left}", "[fork, fork.left]}"))


def test_repetitions_that_are_read_by_number_are_all_built_in_a_grid(tmp_path: Path) -> None:
    text = """
        knobs: {n: 4, width: 4}
        input: [16, 16, 4]
        blocks:
          unit:
            args: {channels: }
            layers:
              - {conv2d: {channels: channels, kernel: 3, padding: same}, name: wide}
              - {conv2d: {channels: in.channels, kernel: 1}, name: inner, repeat: 3}
              - {conv2d: {channels: 4, kernel: 1}, name: narrow}
        layers:
          - {unit: {channels: width}, name: u, repeat: n}
          - {concat: , in: [u2.wide, u.inner, u3, u1.inner2, u], name: all}
          - {conv2d: {channels: u3.inner1.channels, kernel: 1}, name: last}
    """
    assert_swept_like_walked(written(tmp_path, text), n=[2, 3, 4, 7], width=[3, 4, 9])
    assert_resolves_to_itself(spec(tmp_path, text), tmp_path)
