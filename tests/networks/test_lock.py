"""The lock file: read as it was written, changed only where a cost is, and refused in one line where it is broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.checks import net
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost import SpecError, UsageError
from convcost.graph.items import Item
from convcost.networks.budgets import lock
from convcost.networks.budgets.costs import Measured, Recorded, as_written, reduced
from convcost.networks.budgets.file import Conditions
from convcost.networks.budgets.lock import read, spare_others, updated, write
from convcost.networks.load import load

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
ODD = st.text("a|\\ ->?3x+\n", min_size=1, max_size=12)
"""What a line of a part consists of, in the name or in the kind of one."""
SHAPES = st.lists(st.integers(1, 10**18), max_size=4).map(tuple)
PARTS = st.builds(
    as_written,
    NAMES | ODD,
    st.sampled_from(["conv2d 3×3 /2 + bn + relu6", "linear", "conv2d 1×7 depthwise", "add", "source"]) | NAMES | ODD,
    st.lists(SHAPES, max_size=3),
    SHAPES,
    st.integers(0, 10**200),
    st.integers(0, 10**200),
)
RECORDS = st.builds(
    Recorded,
    source=st.just("lock"),
    batch=st.integers(1, 64),
    memory=st.just("fused"),
    dtype=st.sampled_from(["fp32", "int8", "mixed"]),
    inputs=st.sampled_from([{"input": (4, 4, 3)}, {"image": (4, 4, 3), "tokens": (7,)}]),
    totals=st.fixed_dictionaries(dict.fromkeys(("macs", "params", "peak", "weights"), st.integers(0, 10**200))),
    unknown=st.integers(0, 3),
    parts=st.lists(PARTS, max_size=4, unique_by=lambda part: part.name).map(tuple),
    whole=st.just(False),
    device=st.just(""),
)


def timed(one: Recorded, device: str, latency: int) -> Recorded:
    """The same with a latency on a device."""
    return one._replace(totals={**one.totals, "latency": latency}, device=device)


ON_DEVICES = st.builds(timed, RECORDS, NAMES, st.integers(0, 10**20))


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(st.dictionaries(NAMES, st.one_of(RECORDS, ON_DEVICES), max_size=3))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, networks: dict[str, Recorded]) -> None:
    path = tmp_path_factory.mktemp("lock") / "lock.yaml"
    path.write_text(write(networks), encoding="utf-8", newline="\n")
    found = read(str(path)) if networks else {}
    assert found is not None
    assert {name: one.costs for name, one in found.items()} == {name: one.costs for name, one in networks.items()}
    assert [part.name for one in found.values() for part in one.parts] == [
        part.name for name in found for part in networks[name].parts
    ]


def test_no_more_is_written_than_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two = {"a": recorded(tmp_path / "a.yaml", net()), "b": recorded(tmp_path / "b.yaml", net())}
    (tmp_path / "lock").write_text(write(two))
    size = (tmp_path / "lock").stat().st_size
    said = "a lock file of 2 networks would be larger than one may be ({:,} bytes, {:,} values); check some of them with another, --lock FILE"
    monkeypatch.setattr(lock, "LARGEST", size)
    assert read(str(tmp_path / "lock")) is not None
    assert write(two)
    monkeypatch.setattr(lock, "LARGEST", size - 1)
    with pytest.raises(UsageError) as raised:
        write(two)
    assert str(raised.value) == said.format(size - 1, 1_000_000)
    monkeypatch.setattr(lock, "LARGEST", size)
    # A mapping at the top with two keys and their values, then of each network its name, and nine keys; lists of three parts.
    monkeypatch.setattr(lock, "MOST_VALUES", 1 + 4 + 2 * (2 + 18 + 3) - 1)
    with pytest.raises(UsageError, match="values"):
        write(two)
    with pytest.raises(SpecError, match="values"):
        read(str(tmp_path / "lock"))


def recorded(path: Path, spec: str) -> Recorded:
    path.write_text(spec)
    return Measured("net", load(str(path)), Conditions()).recorded("")


def test_a_rename_leaves_the_lock_as_it_is_and_a_cost_changes_its_lines_alone(tmp_path: Path) -> None:
    spec = net(8)
    before = write({"a": recorded(tmp_path / "a.yaml", spec)})
    (tmp_path / "lock").write_text(before)
    known = read(str(tmp_path / "lock"))
    assert known is not None
    renamed = recorded(tmp_path / "a.yaml", spec.replace("name: expand", "name: wide"))
    assert write(updated(known, [("a", renamed)], whole=True)) == before
    wider = write(updated(known, [("a", recorded(tmp_path / "a.yaml", net(9)))], whole=True))
    changed = [new for old, new in zip(before.splitlines(), wider.splitlines(), strict=True) if old != new]
    # 4 to 9 channels and 9 to 2 at 64 positions; what these two layers store; the totals.
    assert [line.strip() for line in changed] == [
        f"macs: {64 * (27 * 4 + 4 * 9 + 9 * 2)}",
        f"params: {112 + 45 + 20}",
        f"peak: {4 * 64 * 13}",
        f"weights: {4 * (112 + 45 + 20)}",
        f"- expand | conv2d 1×1 | 8x8x4 -> 8x8x9 | {64 * 36} MACs | 45 params",
        f"- project | conv2d 1×1 | 8x8x9 -> 8x8x2 | {64 * 18} MACs | 20 params",
    ]


def test_networks_are_sorted_and_those_not_checked_any_more_leave(tmp_path: Path) -> None:
    one = recorded(tmp_path / "a.yaml", net())
    everything = updated({"old": one}, [("b", one), ("a", one)], whole=False)
    assert [
        line.strip(" :") for line in write(everything).splitlines() if line.startswith("  ") and line[2] != " "
    ] == ["a", "b", "old"]
    assert {*updated({"old": one}, [("a", one)], whole=True)} == {"a"}


@pytest.mark.parametrize("name", ["mobilenet_v2", "googlenet", "vit_b_16", "resnet50"])
def test_a_part_is_as_much_as_its_line_says(name: str, tmp_path: Path) -> None:
    measured = Measured(name, load(name), Conditions())
    (tmp_path / "lock").write_text(write({name: measured.recorded("")}))
    found = read(str(tmp_path / "lock"))
    assert found is not None

    def said(part: Item) -> tuple[object, ...]:
        return part.name, part.own, part.exact, part.core, part.kind, part.scope, part.macs, part.params

    assert [said(part) for part in found[name].parts] == [said(reduced(part)) for part in measured.parts]
    assert sum(part.macs for part in found[name].parts) == measured.report.totals.macs
    assert sum(part.params for part in found[name].parts) == measured.report.totals.params


GOOD = """\
convcost-lock: 1
networks:
  a:
    input: 8x8x3
    dtype: fp32
    batch: 1
    memory: fused
    macs: 1
    params: 1
    peak: 1
    weights: 1
    parts:
      - stem | conv2d | 8x8x3 -> 8x8x4 | 1 MACs | 1 params
"""
BROKEN = {
    "": "lock:1:1: the file is empty; convcost check --update writes it anew, git restores it",
    "- a": "lock:1:1: a lock file must be a mapping",
    GOOD.replace("lock: 1", "lock: 2"): "lock:1:16: no lock file of version 1",
    GOOD.replace("macs: 1\n", "macs: -1\n"): "lock:8:11: a.macs must be a whole number, got -1",
    GOOD.replace("macs: 1\n", "macs: 1e999\n"): "lock:8:11: the number 1e999 has too many digits",
    GOOD.replace("macs: 1\n", "macs: 1.5\n"): "lock:8:11: a.macs must be a whole number, got 1.5",
    GOOD.replace("    macs: 1\n", ""): "lock:4:5: a.macs is missing",
    GOOD.replace(
        "    macs: 1\n", "    macs: 1\n    macs: 1\n"
    ): "lock:9:5: the key 'macs' stands twice (first in line 8)",
    GOOD.replace("8x8x3\n", "big\n", 1): "lock:4:12: a.input must be shapes, got big",
    GOOD.replace("1 params", "params"): "lock:13:9: a part is NAME | KIND | SHAPE -> SHAPE | N MACs | N params",
    GOOD.replace(
        "stem |", "a." * 150 + "stem |"
    ): "lock:13:9: a part's name has at most 150 words with a dot between two",
    GOOD
    + GOOD.splitlines()[-1]
    + "\n": "lock:14:9: the part stem stands twice; convcost check --update writes it anew",
    GOOD.replace("      - stem", "        stem"): "lock:13:9: a.parts must be a list",
    GOOD.replace("a:\n", "a: 1\n  b:\n"): "lock:3:6: a must be a mapping",
    "<<<<<<< HEAD\n"
    + GOOD: "lock:2:14: not valid YAML: mapping values are not allowed in this context; convcost check --update",
}


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_lock_is_refused_in_a_line(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lock").write_text(text)
    with pytest.raises(SpecError) as raised:
        read("lock")
    assert str(raised.value).startswith(BROKEN[text])
    assert "\n" not in str(raised.value)


def test_a_broken_lock_may_be_written_anew_and_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ours = {*BROKEN} - {"- a"} | {GOOD, "\n \n", "<<<<<<< HEAD\n", "---\n# a word\n'convcost-lock': 1"}
    ours |= {"\ufeff" + GOOD, GOOD + "\udcff", "||||||| a\n=======\n>>>>>>> b\n" + GOOD}
    for text in ours:
        Path("lock").write_text(text, encoding="utf-8", errors="surrogateescape")
        spare_others("lock")
    spare_others("none")
    others = [
        "- a",
        "# notes\n",
        "convcost: 1\n" + GOOD,
        "# A page\n\n```yaml\n" + GOOD,
        "\0",
        "\n" * (1 << 16) + "a",
        "\udcff",
    ]
    for text in others:
        Path("lock").write_text(text, encoding="utf-8", errors="surrogateescape")
        with pytest.raises(SpecError) as raised:
            spare_others("lock")
        assert str(raised.value) == (
            "lock: this is no lock file, which begins with convcost-lock: 1; "
            "name another behind --lock, or lock: in the budgets"
        )


def test_the_good_one_is_good(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(GOOD)
    assert read(str(tmp_path / "lock")) is not None
    assert read(str(tmp_path / "none")) is None
