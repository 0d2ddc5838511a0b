"""What files of other tools need said: repetitions that count on from a number, joins and inputs of any name, unused layers."""

from __future__ import annotations

from pathlib import Path

import pytest

import convcost
from convcost.core.errors import SpecError
from convcost.graph.graph import Caption, Graph
from convcost.spec.elaborate import attempt, elaborate
from convcost.spec.parse import parse
from convcost.spec.write import resolved

UNIT = (
    "blocks: {unit: {args: {stride: 1}, layers: [{conv2d: {channels: 4, kernel: 1, stride: stride}, name: c}, relu]}}"
)


def graph(layers: str, blocks: str = UNIT) -> Graph:
    spec, problems = parse(f"convcost: 1\nname: net\ninput: [8, 8, 4]\n{blocks}\nlayers:\n{layers}", "net.yaml")
    if problems:
        raise SpecError(problems)
    return elaborate(spec, {}).walked.graph


def names(layers: str) -> list[str]:
    return [node.name for node in graph(layers).nodes]


@pytest.mark.parametrize(
    ("first", "made"),
    [
        ("layer1.0", ["layer1.0", "layer1.1", "layer1.2"]),
        ("'0'", ["0", "1", "2"]),
        ("0", ["0", "1", "2"]),
        ("encoder_layer_9", ["encoder_layer_9", "encoder_layer_10", "encoder_layer_11"]),
        ("block2", ["block2", "block3", "block4"]),
        ("a.b-7.c99", ["a.b-7.c99", "a.b-7.c100", "a.b-7.c101"]),
    ],
)
def test_repetitions_count_on_from_the_number_of_the_first(first: str, made: list[str]) -> None:
    assert names(f"  - {{unit: , repeat: 3, first: {first}}}") == [
        f"{name}.{op}" for name in made for op in ("c", "relu")
    ]


def test_ops_and_groups_count_on_as_well() -> None:
    assert names("  - {relu: , repeat: 2, first: act.0}") == ["act.0", "act.1"]
    assert names("  - {layers: [relu, tanh], repeat: 2, first: '5'}") == ["5.relu", "5.tanh", "6.relu", "6.tanh"]


def test_each_is_read_by_its_own_name_the_first_too() -> None:
    layers = "  - {unit: {stride: 1}, repeat: 3, first: s.0}\n  - {add: , in: [s.0, s.1, s.2, s.0.c]}"
    assert graph(layers).nodes[-1].inputs == ("s.0.relu", "s.1.relu", "s.2.relu", "s.0.c")


THREE = """  - {conv2d: {channels: 2, kernel: 1}, in: input, name: a}
  - {conv2d: {channels: 3, kernel: 1}, in: input, name: b}
  - {conv2d: {channels: 7, kernel: 1}, in: input, name: c}
"""


def test_what_is_repeated_reads_its_other_inputs_again_each_time() -> None:
    """The first of them is what the one before puts out; b and c are read each time."""
    nodes = graph(f"{THREE}  - {{concat: , in: [a, b, c], repeat: 3, name: all}}").nodes
    assert [node.inputs for node in nodes[3:]] == [("a", "b", "c"), ("all1", "b", "c"), ("all2", "b", "c")]
    block = "blocks: {all_of: {inputs: [x, y, z], layers: [{concat: , in: [x, y, z]}]}}"
    made = graph(f"{THREE}  - {{all_of: , in: [a, b, c], repeat: 2, name: all}}", block).nodes
    assert [node.inputs for node in made[3:]] == [("a", "b", "c"), ("all1.concat", "b", "c")]


def test_then_and_share_go_with_it() -> None:
    found = graph("  - {unit: {stride: 2}, repeat: 3, then: {stride: 1}, share: true, first: s.0}").nodes
    assert [node.attrs["stride"] for node in found if node.op == "conv2d"] == [(2, 2), (1, 1), (1, 1)]
    assert [node.shares.get("weights", "") for node in found if node.op == "conv2d"] == ["", "s.0.c", "s.0.c"]


def test_in_a_table_the_column_name_is_the_scope() -> None:
    layers = "  - each: {unit: {stride: s}, repeat: n, first: '0'}\n    columns: [name, s, n]\n    rows: [[layer1, 1, 1], [layer2, 2, 2]]"
    assert names(layers)[::2] == ["layer1.0.c", "layer2.0.c", "layer2.1.c"]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("{unit: , first: s.0}", "first goes with repeat"),
        ("{unit: , repeat: 2, first: stage}", "first must end with a number from which the others count on"),
        ("{unit: , repeat: 2, first: stage01}", "first must end with a number from which the others count on"),
        ("{unit: , repeat: 2, first: s.1234567890}", "first must end with a number from which the others count on"),
        ("{unit: , repeat: 2, first: s.0, name: s}", "one will do"),
        ("{unit: , repeat: 2, first: [s.0]}", "a name consists of letters"),
        ("{unit: , repeat: 2, first: s.0}\n  - {unit: , name: s.1}", "the name 's.1' is taken"),
    ],
)
def test_what_first_cannot_be_is_said(layer: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        graph(f"  - {layer}")


def test_an_argument_may_be_called_first_but_no_block() -> None:
    blocks = "blocks: {unit: {args: {first: }, layers: [{conv2d: {channels: first, kernel: 1}}]}}"
    assert graph("  - {unit: {first: 8}, repeat: 2, first: s.0}", blocks).nodes[0].attrs["channels"] == 8
    with pytest.raises(SpecError, match="the name 'first' is taken: it is a word of the language"):
        graph("  - relu", "blocks: {first: {layers: [relu]}}")


def test_a_repetition_that_is_read_by_its_number_is_built_in_a_sweep(tmp_path: Path) -> None:
    """A sweep builds three repetitions for many of them, unless something reads one by its name."""
    file = tmp_path / "net.yaml"
    file.write_text(
        "convcost: 1\nname: net\nknobs: {n: 6}\ninput: [8, 8, 4]\nlayers:\n"
        "  - {conv2d: {channels: in.channels, kernel: 1}, repeat: n, first: trunk.unit_0}\n"
        "  - {relu: , name: last}\n  - {add: , in: [last, trunk.unit_2]}\n"
        "  - {conv2d: {channels: trunk.unit_4.channels + 1, kernel: 1}, in: trunk.unit_4, side: true}\n"
    )
    swept = convcost.sweep(str(file), n=[6, 7, 9]).macs.tolist()
    assert swept == [convcost.load(str(file), n=n).report().totals.macs for n in (6, 7, 9)]
    assert (
        swept[0] == 6 * 64 * 16 + 64 * 4 * 5
    )  # six 1×1 convolutions from 4 to 4 channels at 64 positions, one from 4 to 5


JOINED = """\
  - parallel:
      main: [{conv2d: {channels: 4, kernel: 1}, name: c}]
      shortcut: []
    join: {add: , name: sum_1, as: functional}
"""


def test_a_join_may_say_its_name_and_how_it_is_written() -> None:
    made = graph(f"{JOINED}  - {{relu: , name: act}}\n  - {{add: , in: [act, sum_1]}}").nodes
    assert [(node.name, node.form) for node in made] == [("c", ""), ("sum_1", "functional"), ("act", ""), ("add", "")]
    assert made[-1].inputs == ("act", "sum_1")


def test_the_name_of_a_join_is_taken_and_counts_among_those_that_come() -> None:
    with pytest.raises(SpecError, match="the name 'sum_1' is taken"):
        graph(f"{JOINED}  - {{relu: , name: sum_1}}")
    with pytest.raises(SpecError, match="reads 'sum_1', which comes later"):
        graph(f"  - {{relu: , name: early, in: sum_1}}\n{JOINED}")


def test_a_join_that_is_not_built_cannot_be_read() -> None:
    alone = JOINED.replace("shortcut: []", "shortcut: {if: in.channels > 4, layers: []}")
    assert [node.name for node in graph(alone).nodes] == ["c"]
    with pytest.raises(SpecError, match="which is not built here: its condition is false"):
        graph(f"{alone}  - {{relu: , in: sum_1}}")


UNUSED = """\
  - {conv2d: {channels: 4, kernel: 1}, name: c}
  - {source: {shape: [3]}, name: left_over, side: unused}
  - {relu: , name: act}
"""


def test_what_nothing_reads_may_be_left_over() -> None:
    """The next layer reads what stands before it, and the network puts out no more than without it."""
    found = graph(UNUSED)
    assert [(node.name, node.inputs) for node in found.nodes] == [("c", ("input",)), ("left_over", ()), ("act", ("c",))]
    assert found.outputs == ("act",)


def test_it_may_be_a_block_or_the_last_layer() -> None:
    assert graph("  - {relu: , name: a}\n  - {unit: , name: u, side: unused}").outputs == ("a",)


def test_the_resolved_form_says_that_it_is_unused_and_comes_back() -> None:
    text = resolved(graph(UNUSED), "net", Caption())
    assert "name: left_over, side: unused}" in text
    spec, problems = parse(text, "net.yaml")
    assert problems == []
    assert resolved(elaborate(spec, {}).walked.graph, "net", Caption()) == text


@pytest.mark.parametrize("name", ["0", "input.1", "serving-default", "a.b", "x"])
def test_an_input_may_be_called_like_a_layer(name: str) -> None:
    spec, problems = parse(
        f"convcost: 1\nname: net\ninputs: {{'{name}': [8, 8, 4], other: [4]}}\nlayers: [relu, {{relu: , in: '{name}', name: r}}, {{add: , in: [relu_x, r]}}]".replace(
            "[relu,", "[{relu: , name: relu_x},"
        ),
        "net.yaml",
    )
    assert problems == []
    assert [node.inputs for node in elaborate(spec, {}).walked.graph.nodes] == [(name,), (name,), ("relu_x", "r")]


@pytest.mark.parametrize("name", ["a b", "a/b", "relu", "in", "repeat", "a..b", ".a"])
def test_not_like_anything_else(name: str) -> None:
    _, problems = parse(f"convcost: 1\nname: net\ninputs: {{'{name}': [8, 8, 4]}}\nlayers: [tanh]", "net.yaml")
    assert len(problems) == 1
    assert f"inputs.{name}" in problems[0].scope


GLUED = (
    "blocks: {unit: {layers: [{conv2d: {channels: 4, kernel: 1}, name: conv}, relu, {layers: [tanh], name: in.ner}]}}"
)


def test_glue_joins_names_and_makes_no_scope() -> None:
    found = graph("  - {unit: , repeat: 2, first: block_0, glue: _}\n  - {unit: , name: b, glue: '-'}", GLUED).nodes
    names = ["conv", "relu", "in.ner.tanh"]
    assert [each.name for each in found] == [
        f"{before}{name}" for before in ("block_0_", "block_1_", "b-") for name in names
    ]
    assert [each.scope for each in found[:4]] == [(), (), ("block_0_in", "ner"), ()]


def test_what_is_glued_is_read_by_its_names() -> None:
    layers = "  - {layers: [{unit: , name: q, glue: _}], name: p, glue: _}\n"
    made = graph(f"{layers}  - {{add: , in: [p_q_conv, p_q, p, p_q_in.ner]}}", GLUED).nodes
    assert made[-1].inputs == ("p_q_conv", "p_q_in.ner.tanh", "p_q_in.ner.tanh", "p_q_in.ner.tanh")
    inside = graph("  - {layers: [{unit: , name: q, glue: _}], name: s}\n  - {add: , in: [s.q_conv, s.q]}", GLUED).nodes
    assert inside[-1].inputs == ("s.q_conv", "s.q_in.ner.tanh")


def test_a_table_may_glue_and_weights_may_be_shared() -> None:
    layers = "  - each: {unit: , glue: _}\n    columns: [name]\n    rows: [[block2a], [block2b]]\n  - {unit: , name: again, glue: _, share: block2a}"
    made = graph(layers, GLUED).nodes
    assert [each.name for each in made if each.op == "conv2d"] == ["block2a_conv", "block2b_conv", "again_conv"]
    assert made[6].owner == "block2a_conv"


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("{unit: , name: a, glue: .}", "glue must be _ or -"),
        ("{unit: , name: a, glue: [_]}", "glue must be _ or -"),
        ("{relu: , name: a, glue: _}", "glue joins the names of what is inside, and relu is an op"),
        ("{unit: , name: a, glue: _}\n  - {relu: , name: a_conv}", "the name 'a_conv' is taken"),
        ("{relu: , name: a_relu}\n  - {unit: , name: a, glue: _}", "two nodes have this name"),
    ],
)
def test_what_glue_cannot_be_is_said(layer: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        graph(f"  - {layer}", GLUED)


def test_a_glued_repetition_that_is_read_from_outside_is_built_in_a_sweep(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(
        f"convcost: 1\nname: net\nknobs: {{n: 6}}\ninput: [8, 8, 4]\n{GLUED}\nlayers:\n"
        "  - {unit: , repeat: n, name: unit, glue: _}\n"
        "  - {conv2d: {channels: unit4_conv.channels, kernel: 1}, in: unit4_conv, side: true}\n"
    )
    swept = convcost.sweep(str(file), n=[6, 7]).macs.tolist()
    assert swept == [7 * 64 * 16, 8 * 64 * 16]  # 1×1 convolutions from 4 to 4 channels at 64 positions


BEHIND_A_PROBLEM = """
input: [8, 8, 4]
blocks:
  unit: {layers: [{conv2d: {channels: 3 * in.chanels, kernel: 1}}, {conv2d: {channels: 4, kernel: 1}}]}
layers:
  - {conv2d: {channels: 4, kernel: 1}, name: first}
  - {unit: , repeat: 900, name: unit}
  - {add: , in: [unit7, unit]}
  - {relu: , in: unit901}
"""


def told(text: str) -> list[str]:
    """What is wrong, in words, of the file and of what is built of it."""
    spec, problems = parse(f"convcost: 1\nname: net\n{text}", "net.yaml")
    tried = attempt(spec, {})
    assert tried.steps < 30
    return [problem.what for problem in (*problems, *tried.problems)]


def test_what_is_repeated_behind_a_problem_is_built_until_it_says_no_more() -> None:
    """Each of the 900 can still be read by its number, and each takes its name; what is built are the first two."""
    first, last = told(BEHIND_A_PROBLEM)
    assert first == "after 'in'. comes channels, height, width, length or depth"
    assert last == "reads 'unit901', but no earlier layer here has this name. Did you mean unit91?"
    taken = BEHIND_A_PROBLEM.replace("name: first", "name: unit800").replace("unit901", "unit9")
    assert told(taken)[1:] == ["the name 'unit800' is taken by line 8; say name: to tell them apart"]
