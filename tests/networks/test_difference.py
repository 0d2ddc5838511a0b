"""What is said to differ between two networks is what was edited."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import pytest
from helpers.edits import CHAIN, EDITS, Edit, Expected

import convcost
from convcost import UsageError
from convcost.graph.align import align
from convcost.graph.changes import changes
from convcost.graph.items import items
from convcost.networks.difference import Difference, Row

if TYPE_CHECKING:
    from helpers.cli import Cli


def described(edit: Edit, found: Difference) -> str:
    """Empty if the difference is described as what it was; else what is said in its place."""
    made = [row for row in found.changes if row.kind != "follows"]
    follows = any(row.kind == "follows" for row in found.changes)
    as_was = len(made) == len(edit.expected) and all(map(_is, made, edit.expected)) and follows == edit.follows
    return "" if as_was else "\n".join(f"{row.kind} {row.name!r} {row.words!r} {row.places}" for row in found.changes)


def _is(row: Row, expected: Expected) -> bool:
    place = fnmatchcase(row.name, expected.name.replace("[", "[[]")) if expected.name != "" else row.name == ""
    return (row.kind, row.words, row.places) == (expected.kind, expected.words, expected.places) and place


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_described_as_what_it_was(name: str, tmp_path: Path) -> None:
    edit = EDITS[name]
    found = edit.difference(tmp_path)
    assert described(edit, found) == ""
    if edit.macs is not None:
        assert found.more("macs") == edit.macs


def test_there_are_enough_edits() -> None:
    assert len(EDITS) >= 30


ROW = """\
convcost: 1
name: row
input: [8, 8, 4]
layers:
  - {conv2d: {channels: 4, kernel: 1}, name: a}
  - {conv2d: {channels: 4, kernel: 3, padding: same}, name: b}
  - {conv2d: {channels: 4, kernel: 5, padding: same}, name: c}
  - {conv2d: {channels: 4, kernel: 7, padding: same}, name: d}
"""


def of_row(folder: Path, change: str, *, without: str = "") -> Difference:
    """The row against one without the layers of these names, with something at its end."""
    lines = [line for line in ROW.splitlines() if not any(f"name: {name}}}" in line for name in without)]
    (folder / "old.yaml").write_text(ROW)
    (folder / "new.yaml").write_text("\n".join(lines) + f"\n{change}")
    return convcost.diff(folder / "old.yaml", folder / "new.yaml")


def test_only_what_stood_side_by_side_is_one_row(tmp_path: Path) -> None:
    # Weights and biases: 4·4·k² + 4.
    sizes = {"a": 16 + 4, "b": 144 + 4, "c": 400 + 4, "d": 784 + 4}
    for without, names in (("ac", ["a", "c"]), ("bc", ["b … c"]), ("bd", ["b", "d"])):
        rows = of_row(tmp_path, "", without=without).changes
        assert [row.name for row in rows if row.kind == "removed"] == names
        assert sum(row.more("params") for row in rows) == -sum(sizes[name] for name in without)


def test_another_output_is_a_difference(tmp_path: Path) -> None:
    """What is an output is held to the end: at the last layer 3 of 64·4 floats in the place of 2."""
    found = of_row(tmp_path, "outputs: [a, d]\n")
    assert found.differs
    assert [(row.kind, row.name, row.words) for row in found.changes] == [("changed", "a", "+ output")]
    assert found.more("peak_activation_bytes") == 64 * 4 * 4
    back = convcost.diff(tmp_path / "new.yaml", tmp_path / "old.yaml")
    assert [row.words for row in back.changes] == ["- output"]
    assert not of_row(tmp_path, "outputs: [d]\n").differs


MIRROR = {"added": "removed", "removed": "added"}
MODELS = [
    ("mobilenet_v2", "mobilenet_v2:depth=1.4"),
    ("mobilenet_v2", "efficientnet_b0"),
    ("resnet50", "mobilenet_v1"),
    ("googlenet", "inception_v3"),
    ("unet", "unet_2015"),
    ("vit_b_16", "vit_l_16"),
    ("shufflenet_v2", "squeezenet"),
]


def rows_of(found: Difference) -> set[tuple[object, ...]]:
    """What is said, words aside, which name the old before the new."""
    return {(row.kind, row.name, row.was, row.places, row.old, row.new) for row in found.changes}


def turned(found: Difference) -> set[tuple[object, ...]]:
    """The same as of the other direction."""
    return {(MIRROR.get(row.kind, row.kind), row.places, row.new, row.old) for row in found.changes}


def assert_mirrors(one: Difference, other: Difference) -> None:
    """Both are the same difference in two directions."""
    assert turned(one) == {(row.kind, row.places, row.old, row.new) for row in other.changes}
    assert {level: len(rows) for level, rows in one.parts.items()} == {k: len(rows) for k, rows in other.parts.items()}


def assert_adds_up(found: Difference) -> None:
    """Changes, and rows of each level, add up to the difference of the totals; rows to both networks' totals."""
    for key in ("macs", "operations", "params", "activations"):
        assert sum(row.more(key) for row in found.changes) == found.more(key)
        for rows in found.parts.values():
            assert sum(getattr(row.old, key) for row in rows) == found.old.totals[key]
            assert sum(getattr(row.new, key) for row in rows) == found.new.totals[key]


@pytest.mark.parametrize(("old", "new"), MODELS)
def test_the_other_direction_is_the_mirror_and_rows_add_up(old: str, new: str) -> None:
    there, back = convcost.diff(old, new), convcost.diff(new, old)
    assert_mirrors(there, back)
    assert_adds_up(there)
    assert_adds_up(convcost.diff(old, new, convention="thop", batch=3, dtype="int8"))


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_taken_back_is_the_mirror(name: str, tmp_path: Path) -> None:
    old, new = EDITS[name].write(tmp_path)
    there, back = convcost.diff(old, new), convcost.diff(new, old)
    assert_mirrors(there, back)
    assert_adds_up(there)


@pytest.mark.parametrize("model", ["mobilenet_v2", "nasnet_mobile", "densenet121", "vit_b_16", "ssd", "crnn"])
def test_a_network_does_not_differ_from_itself(model: str) -> None:
    found = convcost.diff(model, convcost.load(model))
    assert not found.differs
    assert found.changes == ()
    assert {row.kind for rows in found.parts.values() for row in rows} == {"same"}


def test_the_largest_network_of_the_zoo_is_compared_at_once() -> None:
    old, new = (items(convcost.load(name).walked) for name in ("nasnet_large", "nasnet_large:width=0.75"))
    begin = process_time()
    found = changes(align(old, new))
    assert process_time() - begin < 0.5
    assert [change.kind for change in found] == ["widened"]


def test_layers_without_scopes_are_compared_in_time() -> None:
    """A model file may have no blocks: a thousand layers in a row, each with other channels."""
    old, new = (items(convcost.load(name).walked) for name in ("nasnet_large", "nasnet_large:width=0.75"))
    flat = [tuple(replace(item, scope=()) for item in side) for side in (old, new)]
    begin = process_time()
    found = align(*flat)
    assert process_time() - begin < 3
    assert [(a.name, b.name) for a, b in found.units] == [(a.name, b.name) for a, b in zip(old, new)]


def test_a_block_around_the_same_layers_is_no_difference_in_cost(tmp_path: Path) -> None:
    """Layers that are put into a block are the same layers under another name."""
    text = CHAIN.replace("layers:\n", "layers:\n  - name: body\n    layers:\n", 1)
    head, body = text.split("    layers:\n")
    wrapped = head + "    layers:\n" + "".join(f"    {line}\n" for line in body.splitlines())
    for name, said in (("old", CHAIN), ("new", wrapped)):
        (tmp_path / f"{name}.yaml").write_text(said, encoding="utf-8")
    found = convcost.diff(tmp_path / "old.yaml", tmp_path / "new.yaml")
    assert {row.kind for row in found.changes} <= {"renamed"}
    assert found.more("macs") == found.more("params") == 0


def test_families_are_aligned_by_the_size_of_their_maps() -> None:
    """EfficientNet's count of stages begins at 2: its stage3 has the 56×56×24 maps of MobileNetV2's stage2."""
    found = convcost.diff("mobilenet_v2", "efficientnet_b0")
    beside = {row.was: row.name for row in found.parts["stage"]}
    assert beside == {
        "stem": "stem",
        **{f"stage{n}": f"stage{n + 1}" for n in range(1, 8)},
        "head": "head",
        "global_avg_pool": "global_avg_pool",
        "classifier": "classifier",
    }


def test_it_can_be_pickled_and_shown() -> None:
    found = convcost.diff("resnet18", "resnet34")
    assert pickle.loads(pickle.dumps(found)) == found
    assert repr(found) == "<Difference resnet18 -> resnet34 · 4 changes>"
    assert len(found.to_frame()) == 4
    assert "conv4_x.block3" in found._repr_html_()


def test_levels_have_a_row_for_each_part_that_differs(cli: Cli) -> None:
    data = cli.json("diff", "resnet18", "resnet34", "--by", "stage")
    assert data["schema"] == "convcost.diff/1"
    assert [row["name"] for row in data["rows"]] == ["conv2_x", "conv3_x", "conv4_x", "conv5_x"]
    assert len(cli.json("diff", "resnet18", "resnet34", "--by", "stage", "--all")["rows"]) == 8
    assert "did you mean" in cli.refused("diff", "resnet18", "resnet34", "--by", "stages").lower()


@pytest.mark.parametrize("fmt", ["table", "json", "csv", "markdown", "html", "latex"])
def test_every_format_says_what_differs(cli: Cli, fmt: str) -> None:
    said = cli.ok("diff", "vgg16", "vgg19", "--format", fmt)
    assert all(name in said for name in ("stage3", "stage4", "stage5"))


def test_the_exit_status_says_whether_they_differ(cli: Cli) -> None:
    assert cli("diff", "vgg16", "vgg19").exit_code == 0
    assert cli("diff", "vgg16", "vgg19", "--exit-code").exit_code == 1
    assert cli("diff", "vgg16", "vgg16", "--exit-code").exit_code == 0
    assert "nothing differs" in cli.ok("diff", "vgg16", "vgg16")


def test_lower_bounds_are_marked_and_the_answer_is_partial(cli: Cli, tmp_path: Path) -> None:
    text = CHAIN.replace(
        "  - global_avg_pool\n", "  - {unknown: {type: Odd, shape: [16, 16, 64]}}\n  - global_avg_pool\n"
    )
    for name, said in (("old", CHAIN), ("new", text)):
        (tmp_path / f"{name}.yaml").write_text(said, encoding="utf-8")
    ran = cli("diff", tmp_path / "old.yaml", tmp_path / "new.yaml", code=3)
    assert "?" in ran.stdout
    assert ">=" in ran.stdout
    assert "Odd" in ran.stderr


def test_what_follows_is_told_apart_from_an_activation_that_was_changed(tmp_path: Path) -> None:
    """The activation costs no MACs and no parameters: all that differs follows from the channels of the first layer."""
    edit = Edit(CHAIN.replace("relu", "relu6"), "relu6", "hard_swish", (), times=None)
    old, new = edit.write(tmp_path)
    Path(new).write_text(
        Path(new)
        .read_text(encoding="utf-8")
        .replace(
            "channels: 32, kernel: 3, padding: same}, name: first",
            "channels: 48, kernel: 3, padding: same}, name: first",
        ),
        encoding="utf-8",
    )
    rows = {row.words: row for row in convcost.diff(old, new).changes}
    swapped = rows["relu6 -> hard_swish"]
    assert (swapped.places, swapped.more("macs"), swapped.more("params")) == (3, 0, 0)
    assert rows["relu6 -> hard_swish, channels 32 -> 48"].more("macs") == 32 * 32 * 9 * 16 * 16
    (follows,) = [row for row in rows.values() if row.kind == "follows"]
    assert follows.more("macs") == 32 * 32 * 9 * 16 * 32
    assert follows.more("params") == 9 * 16 * 32


def test_more_changes_than_fit_a_screen_are_shown_by_block_or_stage(cli: Cli) -> None:
    found = convcost.diff("googlenet", "inception_v3")
    assert len(found.changes) > 40
    shown = found.table()
    assert len(shown.rows) <= 40
    assert shown.notes[0][1].startswith("by stage, because there are")
    assert len(shown.records) == len(found.changes)
    assert len(found.table("change").rows) == len(found.changes)
    assert cli.json("diff", "googlenet", "inception_v3") == found.to_dict()


def test_repeats_are_said_where_all_that_is_added_is_one_of_them() -> None:
    """What a row says of repeats is what that row adds."""
    for old, new in MODELS:
        for row in convcost.diff(old, new).changes:
            if row.words.startswith("repeats"):
                before, after = map(int, re.findall(r"\d+", row.words)[:2])
                assert row.places % abs(after - before) == 0


BLOCKS = "convcost: 1\nname: blocks\ninput: [8, 8, 4]\nlayers:\n" + "".join(
    f"  - {{depthwise_separable: {{channels: 4, kernel: 3}}, name: {name}}}\n"
    for name in ("b1", "b2", "b3", "b4", "c1")
)


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ("b1 b2", "b1.depthwise, b2.depthwise"),
        ("b1 b2 b3 c1", "*.depthwise (4 of 5)"),
        ("b1 b2 b3 b4", "b*.depthwise (4×)"),
        ("b1 b2 b3 b4 c1", "*.depthwise (5×)"),
    ],
)
def test_a_pattern_says_all_only_where_all_were_changed(changed: str, place: str, tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(BLOCKS)
    new = BLOCKS
    for name in changed.split():
        new = new.replace(f"kernel: 3}}, name: {name}", f"kernel: 5}}, name: {name}")
    (tmp_path / "new.yaml").write_text(new)
    paths = tmp_path / "old.yaml", tmp_path / "new.yaml"
    (row,) = convcost.diff(*paths).table().rows
    more = len(changed.split()) * 64 * 4 * (25 - 9)
    assert row[:4] == ["~", place, "kernel 3 -> 5", f"+{more:,}"]
    (line,) = (one for one in convcost.check(paths[1], baseline=paths[0]).broken if one.limit == "growth.macs")
    assert line.why == f"grew: {place}: kernel 3 -> 5 (+{more:,} MACs)"


def test_only_rows_with_layers_that_nobody_counts_lack_their_costs(tmp_path: Path) -> None:
    unknown = "  - {unknown: {type: Odd, shape: [8, 8, 4]}, name: odd}\n"
    (tmp_path / "old.yaml").write_text(ROW + unknown)
    edited = ROW.replace("name: b}", "name: second}").replace("kernel: 7", "kernel: 5")
    (tmp_path / "new.yaml").write_text(edited + unknown + unknown.replace("odd", "more").replace("Odd", "Other"))
    table = convcost.diff(tmp_path / "old.yaml", tmp_path / "new.yaml").table()
    said = {row[1]: row[3:] for row in table.rows}
    # 64 positions, 4 to 4 channels: 49 - 25 taps less.
    assert said == {"d": [f"-{64 * 16 * 24:,}", "-384"], "second": ["0", "0"], "more": ["?", "?"]}
    assert table.total is not None
    assert table.total[3:] == [f"-{64 * 16 * 24:,} ?", "-384 ?"]


SHARED = "convcost: 1\nname: shared\ninput: [8, 8, 4]\nlayers:\n" + "".join(
    f"  - {{conv2d: {{channels: 4, kernel: 3, padding: same}}, name: {name}}}\n" for name in ("a", "b", "c, share: a")
)


def test_weights_of_another_layer_are_a_difference_and_a_renamed_owner_is_none(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text(SHARED)
    (tmp_path / "new.yaml").write_text(SHARED.replace("share: a", "share: b"))
    found = convcost.diff(tmp_path / "old.yaml", tmp_path / "new.yaml")
    assert [(row.kind, row.name, row.words) for row in found.changes] == [("changed", "c", "shares a -> b")]
    assert found.differs
    assert found.more("params") == 0
    (tmp_path / "new.yaml").write_text(SHARED.replace("name: a", "name: z").replace("share: a", "share: z"))
    found = convcost.diff(tmp_path / "old.yaml", tmp_path / "new.yaml")
    assert [(row.kind, row.words) for row in found.changes] == [("renamed", "a -> z")]


@pytest.mark.parametrize("called", ["8", "ab", "", [], ["a"], ["a", "b", "c"], 5, [1, 2], {"a": 1, "b": 2}])
def test_two_networks_are_called_by_two_names(called: object) -> None:
    with pytest.raises(UsageError) as refused:
        convcost.diff("lenet5", "lenet5", called=called)  # type: ignore[arg-type]
    assert str(refused.value) == f"called takes two names, as ('before', 'after'), got {called!r}"


def test_two_networks_of_one_label_are_called_as_the_caller_says() -> None:
    found = convcost.diff("lenet5", "lenet5", called=("before", "after"))
    assert (found.old.label, found.new.label) == ("before", "after")
