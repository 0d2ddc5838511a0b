"""Checks against limits: what is measured, allowed and said, by hand."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from helpers.checks import EXPAND_LINE, budgets, macs, net, params, peak, rows
from helpers.onnx_bytes import onnx_graph, onnx_model, onnx_node, onnx_tensor, onnx_value
from helpers.paths import ROOT

import convcost
from convcost import UsageError
from convcost.networks.budgets.check import Wanted, run


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def update(folder: Path) -> str:
    """Write the lock file of a folder; its text."""
    done = run([folder / "convcost-budgets.yaml"], Wanted({}, {}), update=True)
    Path(done.budgets.lock).write_text(done.lock_text(), encoding="utf-8")
    return done.lock_text()


def test_each_limit_is_what_one_works_out_by_hand(here: Path) -> None:
    limits = f"{{macs: {macs()}, params: {params()}, peak: {peak() - 1}, weights: {4 * params()}, layer_macs: 6911, flops: 1G}}"
    (here / "net.yaml").write_text(net(limits=limits))
    assert rows(convcost.check("net.yaml")) == {
        ("net.yaml", "macs"): (macs(), macs(), "holds"),
        ("net.yaml", "flops"): (2 * macs(), 10**9, "holds"),
        ("net.yaml", "params"): (params(), params(), "holds"),
        ("net.yaml", "peak"): (peak(), peak() - 1, "broken"),
        ("net.yaml", "weights"): (4 * params(), 4 * params(), "holds"),
        ("net.yaml", "layer_macs"): (64 * 108, 6911, "broken"),
    }


def test_limits_come_from_defaults_specs_entries_and_arguments_each_before_the_one_before(here: Path) -> None:
    text = "defaults: {limits: {macs: 1, params: 1, peak: 1, weights: 1}}\nnetworks: [{model: net.yaml, limits: {peak: 3, weights: 3}}]"
    budgets(here, text, net=net(limits="{params: 2, peak: 2, weights: 2}"))
    found = convcost.check(max_weights=4)
    assert {line.limit: line.allowed for line in found.lines} == {"macs": 1, "params": 2, "peak": 3, "weights": 4}


def test_conditions_of_an_entry(here: Path) -> None:
    text = "defaults: {dtype: int8}\nnetworks:\n- {model: net.yaml, batch: 3, input: 4x4, limits: {peak: 1, weights: 1, macs: 1}}\n"
    budgets(here, text, net=net())
    measured = {line.limit: line.measured for line in convcost.check().lines}
    # A quarter of the positions, three images, a byte each.
    assert measured == {"peak": peak() // 4 // 4 * 3, "weights": params(), "macs": macs() // 4 * 3}


def test_growth_is_exact(here: Path) -> None:
    budgets(here, "networks: [{model: net.yaml, limits: {growth: {macs: 12.5%, params: 0%}}}]", net=net(8))
    update(here)
    (here / "net.yaml").write_text(net(10))
    before, after = macs(8), macs(10)
    assert (before, after) == (9984, 10752)
    assert rows(convcost.check())["net.yaml", "growth.macs"] == (10752, 9984 * 9 // 8, "holds")
    assert rows(convcost.check(tolerance="7.692%"))["net.yaml", "growth.macs"] == (
        10752,
        10751,
        "broken",
    )  # 768 of 9,984: 7.6923…
    assert rows(convcost.check(tolerance="7.6924%"))["net.yaml", "growth.macs"] == (10752, 10752, "holds")


def test_what_grew_is_named_from_the_lock_alone(here: Path) -> None:
    budgets(here, "networks: [{model: net.yaml, limits: {growth: 1%}}]", net=net(8))
    update(here)
    (here / "net.yaml").write_text(net(10))
    found = {line.limit: line for line in convcost.check().broken}
    assert {*found} == {"growth.macs", "growth.params", "growth.peak", "growth.weights"}
    first, follows = found["growth.macs"].grew
    assert (first.name, first.words, first.before, first.after) == ("expand", "channels 8 -> 10", 64 * 32, 64 * 40)
    assert (follows.kind, follows.by) == ("follows", 64 * 2 * 2)  # project reads two channels more
    assert [part.by for part in found["growth.params"].grew] == [10, 4]
    assert found["growth.macs"].at is not None
    assert (found["growth.macs"].at.file, found["growth.macs"].at.line) == ("net.yaml", EXPAND_LINE)
    assert "expand: channels 8 -> 10 (+512 MACs); what follows from that (+256 MACs)" in found["growth.macs"].why
    assert "alive at the peak: expand (2,560 B), stem (1,024 B)" in found["growth.peak"].why


def test_an_inserted_layer_is_the_one_that_grew(here: Path) -> None:
    budgets(here, "networks: [{model: net.yaml, limits: {growth: 0%}}]", net=net(8))
    update(here)
    inserted = "  - {conv2d: {channels: 8, kernel: 3, padding: same}, name: extra}\n  - {conv2d: {channels: 2"
    (here / "net.yaml").write_text(net(8).replace("  - {conv2d: {channels: 2", inserted))
    (line,) = (line for line in convcost.check().broken if line.limit == "growth.macs")
    assert [(part.name, part.kind, part.by) for part in line.grew] == [("extra", "added", 64 * 8 * 8 * 9)]


def test_a_baseline_is_a_network_like_any_other(here: Path) -> None:
    (here / "new.yaml").write_text(net(10, "{macs: 1M}"))
    (here / "old.yaml").write_text(net(8))
    found = rows(convcost.check("new.yaml", baseline="old.yaml", tolerance="50%"))
    assert found["new.yaml", "growth.macs"] == (macs(10), macs(8) * 3 // 2, "holds")
    (none,) = (
        line
        for line in convcost.check("new.yaml", baseline=convcost.load("old.yaml")).lines
        if line.limit == "growth.macs"
    )
    assert (none.said, none.allowed, none.verdict) == ("0%", macs(8), "broken")


def test_without_a_lock_growth_says_how_to_make_one_once(here: Path) -> None:
    budgets(
        here, "defaults: {limits: {growth: 1%, macs: 1G}}\nnetworks: [net.yaml, other.yaml]", net=net(), other=net()
    )
    found = convcost.check()
    assert [line.verdict for line in found.lines] == ["holds", "holds"]
    (failure,) = found.failures
    assert "there is no convcost-lock.yaml: make it by convcost check --update" in failure.text
    assert found.status == 2


def test_a_network_that_the_lock_does_not_have(here: Path) -> None:
    budgets(here, "defaults: {limits: {growth: 1%}}\nnetworks: [net.yaml]", net=net(), other=net())
    update(here)
    (here / "convcost-budgets.yaml").write_text("defaults: {limits: {growth: 1%}}\nnetworks: [net.yaml, other.yaml]")
    (failure,) = convcost.check().failures
    assert failure.text == (
        "convcost-budgets.yaml:1:21: growth: convcost-lock.yaml does not have other.yaml; convcost check --update adds it"
    )


def test_a_lock_of_another_batch_or_policy_is_not_compared_with(here: Path) -> None:
    budgets(here, "networks: [{model: net.yaml, limits: {growth: 1%, macs: 1}}]", net=net())
    update(here)
    found = convcost.check(batch=2)
    assert {line.limit for line in found.lines} == {"macs"}
    assert "has net.yaml at batch 1; " in found.failures[0].what
    assert "has net.yaml at memory fused; " in convcost.check(memory_policy="inplace").failures[0].what


@pytest.mark.parametrize(
    ("asked", "then"), [({"dtype": "int8"}, "dtype fp32"), ({"input_shape": 4}, "input 8×8×3"), ({"dtype": "fp32"}, "")]
)
def test_a_lock_of_another_dtype_or_input_is_not_compared_with(here: Path, asked: dict[str, Any], then: str) -> None:
    """A quarter of the bytes, or of the positions, would leave room for four times the growth."""
    budgets(here, "networks: [{model: net.yaml, limits: {growth: 0%}}]", net=net())
    update(here)
    found = convcost.check(**asked)
    assert found.status == (2 if then else 0)
    assert [failure.what for failure in found.failures] == (
        [f"growth: convcost-lock.yaml has net.yaml at {then}; convcost check --update writes it anew"] if then else []
    )


def test_a_dtype_that_the_network_itself_states_may_change(here: Path) -> None:
    budgets(here, "networks: [{model: net.yaml, limits: {growth: 0%}}]", net=net() + "dtype: int8\n")
    update(here)
    (here / "net.yaml").write_text(net())
    found = {line.limit: line for line in convcost.check().lines}
    assert (found["growth.weights"].before, found["growth.weights"].measured) == (params(), 4 * params())
    assert found["growth.weights"].verdict == "broken"


def test_knobs_make_another_network_of_another_name(here: Path) -> None:
    knobs = net().replace("channels: 8", "channels: wide").replace("layers:", "knobs: {wide: 8, more: 1}\nlayers:")
    budgets(here, "networks: [{model: net.yaml, limits: {growth: 0%}}]", net=knobs)
    update(here)
    found = convcost.check("net.yaml", tolerance="0%", wide=4)
    assert (found.lines, found.status) == ((), 2)
    assert "does not have net.yaml:wide=4; " in found.failures[0].what
    assert {line.network for line in convcost.check("net.yaml", tolerance="0%", wide=8).lines} == {"net.yaml"}
    # What is written for it stands beside the network as it is, even where a budgets file says which are checked.
    done = run([], Wanted({}, {}, knobs={"wide": 4}), update=True)
    assert {name: one.totals["macs"] for name, one in done.updated().items()} == {
        "net.yaml": macs(8),
        "net.yaml:wide=4": macs(4),
    }


def test_a_name_that_is_a_knob_and_an_option_is_neither(here: Path) -> None:
    text = net().replace("layers:", "knobs: {batch: 8}\nlayers:")
    (here / "net.yaml").write_text(text.replace("channels: 8", "channels: batch"))
    found = convcost.check("net.yaml", max_macs="1G", batch=4)
    (failure,) = found.failures
    assert failure.what == (
        "batch is a knob of net.yaml and an option of check: set the knob before, as in load('net.yaml', {'batch': …}), "
        "and give this network"
    )
    (line,) = convcost.check(convcost.load("net.yaml", {"batch": 4}), max_macs="1G", batch=2).lines
    assert line.measured == 2 * macs(4)
    assert convcost.check("net.yaml", max_macs="1G").status == 0


def test_knobs_stand_behind_those_of_the_name(here: Path) -> None:
    knobs = net().replace("channels: 8", "channels: wide").replace("channels: 2,", "channels: thin,")
    (here / "net.yaml").write_text(knobs.replace("layers:", "knobs: {wide: 8, thin: 2}\nlayers:"))
    (line,) = convcost.check("net.yaml:wide=4", max_macs="1G", thin=1).lines
    assert (line.network, line.measured) == ("net.yaml:wide=4,thin=1", 64 * (27 * 4 + 4 * 4 + 4 * 1))
    loaded = convcost.load("net.yaml:wide=4")
    assert [line.network for line in convcost.check(loaded, max_macs="1G", thin=1).lines] == ["tiny:wide=4,thin=1"]


def test_shares_of_a_thousand_per_cent_have_separators(here: Path) -> None:
    (here / "net.yaml").write_text(net())
    assert macs() == 9984
    (row,) = convcost.check("net.yaml", max_macs=1).table().rows
    assert row[4:6] == ["-9,983", "-998,300.00 %"]


UNKNOWN = net().replace(
    "  - {conv2d: {channels: 2, kernel: 1}, name: project}", "  - {unknown: {type: Mystery}, name: odd}"
)


def test_a_lower_bound_can_break_a_limit_but_not_keep_it(here: Path) -> None:
    (here / "odd.yaml").write_text(UNKNOWN)
    known = 64 * (27 * 4 + 4 * 8)
    found = convcost.check("odd.yaml", max_macs=known - 1, max_params="1M")
    assert rows(found) == {
        ("odd.yaml", "macs"): (known, known - 1, "broken"),
        ("odd.yaml", "params"): (152, 10**6, "not proven"),
    }
    assert found.status == 1
    assert convcost.check("odd.yaml", max_params="1M").status == 3


@pytest.mark.parametrize("name", ["mobilenet_v3_small.onnx", "mobilenet_v3_small.keras", "mobilenet_v3_small.pt2"])
def test_model_files_are_networks_like_any_other(here: Path, name: str) -> None:
    shutil.copy(ROOT / "tests" / "models" / name, here)
    budgets(here, f"networks: [{{model: {name}, limits: {{growth: 0%, macs: 1}}}}]")
    update(here)
    found = convcost.check()
    assert {line.limit: line.verdict for line in found.lines}["macs"] == "broken"
    assert len(found.broken) == 1
    assert found.failures == ()


def blocks(wide: int) -> bytes:
    """A convolution `block1`, one inside of a module `block1` and one behind it: 3 to 3, to `wide` and to 3 channels."""
    sizes = (3, 3, wide, 3)
    names = ("block1", "block1/proj/Conv", "head/Conv")
    nodes = [onnx_node("Conv", [f"x{i}", f"w{i}"], [f"x{i + 1}"], name, pads=[1] * 4) for i, name in enumerate(names)]
    tensors = [onnx_tensor(f"w{i}", (sizes[i + 1], sizes[i], 3, 3)) for i in range(3)]
    return onnx_model(onnx_graph(nodes, [onnx_value("x0", (1, 3, 8, 8))], ["x3"], tensors))


def test_a_layer_called_like_a_module_has_a_part_of_its_own_and_its_lock_holds(here: Path) -> None:
    budgets(here, "networks: [{model: net.onnx, limits: {growth: 0%}}]")
    (here / "net.onnx").write_bytes(blocks(3))
    parts = [line.strip(" -") for line in update(here).splitlines() if " | " in line]
    each = f"conv2d 3×3 | 8x8x3 -> 8x8x3 | {64 * 81} MACs | 81 params"
    assert parts == [f"{name} | {each}" for name in ("block1", "block1.proj", "head")]
    assert convcost.check().status == 0
    (here / "net.onnx").write_bytes(blocks(5))
    found = convcost.check()
    grown = 2 * 64 * 27 * 2  # 3 to 2 channels more, and 2 more to 3, at 64 positions
    assert {line.measured for line in found.broken if line.limit == "growth.macs"} == {3 * 64 * 81 + grown}
    assert update(here).count("block1.proj | conv2d 3×3 | 8x8x3 -> 8x8x5 | 8640 MACs | 135 params") == 1
    assert convcost.check().status == 0


def test_growth_above_a_lower_bound_is_not_proven(here: Path) -> None:
    budgets(here, "networks: [{model: net.yaml, limits: {growth: 1%}}]", net=UNKNOWN)
    update(here)
    assert {line.verdict for line in convcost.check().lines} == {"not proven"}


def test_a_spec_that_is_wrong_does_not_hide_the_others(here: Path) -> None:
    budgets(
        here,
        "defaults: {limits: {macs: 1}}\nnetworks: ['*.yaml']",
        good=net(),
        wrong=net().replace("kernel: 3", "kernal: 3"),
    )
    found = convcost.check()
    assert [line.network for line in found.lines] == ["good.yaml"]
    (failure,) = found.failures
    assert failure.where is not None
    assert (failure.network, failure.where.file, failure.where.line) == ("wrong.yaml", "wrong.yaml", 5)
    assert "Did you mean kernel?" in failure.what
    assert found.status == 2


def test_globs_leave_out_the_files_of_the_check_itself(here: Path) -> None:
    folder = budgets(
        here / "deep",
        "defaults: {limits: {growth: 1%, macs: 1G}}\nnetworks: ['*.yaml', 'more/**/*.yaml:width=2']",
        net=net(),
    )
    (folder / "more" / "a").mkdir(parents=True)
    knob = net().replace("layers:", "knobs: {width: 8}\nlayers:").replace("channels: 8", "channels: width")
    (folder / "more" / "a" / "one.yaml").write_text(knob)
    update(folder)
    found = convcost.check("deep/convcost-budgets.yaml")
    assert {line.network for line in found.lines} == {"net.yaml", "more/a/one.yaml:width=2"}
    assert rows(found)["more/a/one.yaml:width=2", "macs"][0] == macs(2)


def tree(folder: Path, *names: str) -> None:
    """Files of a network, in folders."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(net())


def named(pattern: str) -> list[str]:
    """The networks that a pattern means, in their order."""
    return [line.network for line in convcost.check(pattern, max_macs="1G").lines]


def test_a_file_that_is_there_is_no_glob(here: Path) -> None:
    tree(here, "net[1].yaml", "net1.yaml", "d[1]/a.yaml", "d1/b.yaml", "p[2]/c.yaml", "p[2]/net[2].yaml")
    assert named("net[1].yaml") == ["net[1].yaml"]
    assert named("d[1]/*.yaml") == ["d[1]/a.yaml"]
    assert named("net[12].yaml") == ["net1.yaml"]
    assert named("net[[]1].yaml") == ["net[1].yaml"]
    (here / "net1.yaml").unlink()
    assert named("net[1].yaml") == ["net[1].yaml"]
    with pytest.raises(UsageError, match=re.escape("no file matches 'net[12].yaml'")):
        convcost.check("net[12].yaml", max_macs=1)
    text = "networks: [{model: '*.yaml', limits: {macs: 1G}}, {model: 'net[2].yaml', name: one, limits: {macs: 1G}}]"
    budgets(here / "p[2]", text)
    found = convcost.check("p[2]/convcost-budgets.yaml")
    assert [line.network for line in found.lines] == ["c.yaml", "net[2].yaml", "one"]


def test_a_glob_matches_as_in_a_shell(here: Path) -> None:
    tree(
        here,
        "net.yaml",
        "a/net.yaml",
        "a/b/net.yaml",
        "a/b/other.yml",
        ".hidden/net.yaml",
        "a/.net.yaml",
        "c/d/net.yaml",
    )
    assert named("**/*.yaml") == ["a/b/net.yaml", "a/net.yaml", "c/d/net.yaml", "net.yaml"]
    assert named("**/b/**") == ["a/b/net.yaml", "a/b/other.yml"]
    assert named("a/**/net.yaml") == ["a/b/net.yaml", "a/net.yaml"]
    assert named("a/.*.yaml") == ["a/.net.yaml"]
    assert named(".hidden/*.yaml") == [".hidden/net.yaml"]
    assert named("./*/[!a]*.y*ml") == ["a/net.yaml"]
    assert named(f"{here}/[c]/*/../d/*.yaml") == ["c/d/net.yaml"]
    assert named("c/../*.yaml") == ["net.yaml"]


def test_a_glob_finds_each_file_once_however_many_ways_lead_to_it(here: Path) -> None:
    tree(here, "net.yaml", *(f"{folder}/net.yaml" for folder in "abcdefghijkl"), "deep/er/net.yaml")
    every = sorted([*(f"{folder}/net.yaml" for folder in "abcdefghijkl"), "deep/er/net.yaml", "net.yaml"])
    for loop in "xyz":
        (here / f"loop_{loop}").symlink_to(here)
        (here / "a" / f"up_{loop}").symlink_to("..")
    (here / "latest").symlink_to("b")
    begun = time.process_time()
    assert named("**/*.yaml") == named("**/**/*.yaml") == every
    assert named(f"{'**/' * 8}*.yaml") == named(f"{'**/**/./' * 100}net.yaml") == every
    assert named(f"{'[a-l]/../' * 12}*.yaml") == ["net.yaml"]
    assert len(named(f"{'*/' * 12}net.yaml")) == len(every)  # through the links, which lead to every folder again
    # A link that is named is followed, and one whose folder is not matched itself.
    assert named("late*/*.yaml") == ["latest/net.yaml"]
    assert named("latest/**/*.yaml") == ["latest/net.yaml"]
    assert named("[bl]*/net.yaml") == ["b/net.yaml", "l/net.yaml", "loop_x/net.yaml"]
    assert time.process_time() - begun < 5


def test_the_same_network_twice_needs_names(here: Path) -> None:
    text = "networks: [{model: net.yaml, limits: {macs: 1}}, {model: net.yaml, name: small, dtype: int8, limits: {weights: 1}}]"
    budgets(here, text, net=net())
    assert {*rows(convcost.check())} == {("net.yaml", "macs"), ("small", "weights")}
    budgets(here, text.replace("name: small, ", ""))
    with pytest.raises(convcost.SpecError, match=r"net\.yaml stands twice; tell them apart by a name: of its own"):
        convcost.check()


def test_the_budgets_file_is_found_above(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets(here, "networks: [{model: net.yaml, limits: {macs: 1}}]", net=net())
    (here / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(here / "a" / "b")
    (line,) = convcost.check().lines
    assert (line.network, line.measured) == ("net.yaml", macs())


def test_results_are_typed_tabular_and_picklable(here: Path) -> None:
    (here / "net.yaml").write_text(net(limits="{macs: 1, params: 1G}"))
    found = convcost.check("net.yaml")
    assert pickle.loads(pickle.dumps(found)) == found
    assert isinstance(found, convcost.Checked)
    assert found.to_frame()[["limit", "measured"]].to_numpy().tolist() == [["macs", macs()], ["params", params()]]
    assert json.loads(found.table().render("json"))["limits"][0]["largest"][0]["name"] == "stem"
    assert "net.yaml" in found._repr_html_()
    assert repr(found) == "<Checked 2 limits of 1 network · 1 broken>"
    with pytest.raises(UsageError, match=r"there is no format 'junt'\. Did you mean junit\?"):
        found.render("junt")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_mac": 1}, "there is no limit 'mac'. Did you mean macs?"),
        ({"limits": {"sram": "1KiB"}}, "there is no limit 'sram'. Did you mean ram?"),
        ({"limits": {"board.ram": "1KiB"}}, "there is no limit 'board.ram'. Did you mean board?"),
        ({"max_macs": float("inf")}, "'inf' is not a count"),
        ({"max_macs": -1}, "'-1' is not a count"),
        ({"tolerance": 1}, "'1': a growth is said in per cent, as in 1%"),
        ({"tolerance": "-1%"}, "'-1%' is not a share in per cent"),
    ],
    ids=str,
)
def test_limits_that_are_none(here: Path, options: dict[str, object], said: str) -> None:
    (here / "net.yaml").write_text(net())
    with pytest.raises(UsageError) as raised:
        convcost.check("net.yaml", **options)  # type: ignore[arg-type]
    assert said in str(raised.value)


@pytest.mark.slow
def test_a_hundred_specs_take_less_than_two_seconds(here: Path) -> None:
    """MobileNetV2 in many versions, growth included; the best of three, for machines are shared."""
    text = (ROOT / "specs" / "mobilenet_v2.yaml").read_text(encoding="utf-8")
    text = re.sub(r"where\(scaling == authors, (.*), floor\(.*\)\)", r"\1", text)  # as the paper has it
    assert "where" not in text
    (here / "nets").mkdir()
    for i in range(100):
        (here / "nets" / f"n{i}.yaml").write_text(text.replace("name: mobilenet_v2", f"name: v{i}"))
    budgets(here, "defaults: {limits: {macs: 1G, growth: 1%}}\nnetworks: ['nets/*.yaml']")
    update(here)

    def seconds() -> float:
        begun = time.process_time()
        assert convcost.check().ok
        return time.process_time() - begun

    assert min(seconds() for _ in range(3)) < 2


def test_limits_that_are_no_mapping_are_refused_in_words() -> None:
    with pytest.raises(convcost.UsageError, match=r"limits are a mapping, as \{'macs': '300M'\}, got int"):
        convcost.check("lenet5", limits=5)  # type: ignore[arg-type]
