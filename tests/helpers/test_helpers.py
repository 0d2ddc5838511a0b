"""What tests lean on can fail, and no test leans on another."""

from __future__ import annotations

import ast
import itertools
from fractions import Fraction
from pathlib import Path

import click
import pytest

import convcost
from convcost.cli import main
from helpers.cli import Cli
from helpers.invalid import difference, expected
from helpers.limits import MOST_BYTES, MOST_SECONDS, Ended, TooSlow, at_most, bounded, posix
from helpers.pages import Tags
from helpers.paths import TESTS
from helpers.slow import slow
from helpers.written_formulas import evaluate
from helpers.zoo import loaded

# The command line.


def test_a_command_leaves_status_and_both_streams(cli: Cli) -> None:
    done = cli("report", "lenet6")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("there is no network 'lenet6' in the zoo.")
    assert done.output == done.stderr
    assert cli("report", "lenet5").stdout_bytes == cli.ok("report", "lenet5").encode()


def test_arguments_are_made_text(cli: Cli) -> None:
    assert cli.json("report", "lenet5", "--batch", 3)["batch"] == 3


@pytest.mark.parametrize(
    "wrong",
    [
        lambda cli: cli("report", "lenet6", code=0),
        lambda cli: cli("report", "lenet5", code=2),
        lambda cli: cli.ok("report", "lenet6"),
        lambda cli: cli.json("report", "lenet6"),
        lambda cli: cli.refused("report", "lenet5"),
        lambda cli: cli.refused_in_a_line("report"),  # click puts its usage before the error
    ],
)
def test_another_status_than_expected_is_a_failure(cli: Cli, wrong: object) -> None:
    with pytest.raises(AssertionError):
        wrong(cli)  # type: ignore[operator]


def planted(monkeypatch: pytest.MonkeyPatch, action: object) -> None:
    monkeypatch.setitem(main.commands, "list", click.Command("list", callback=action))  # type: ignore[attr-defined]


def test_an_exception_is_the_tests_failure(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    planted(monkeypatch, lambda: {}["gone"])
    with pytest.raises(KeyError):
        cli("list")


def test_a_word_on_standard_error_is_not_ok(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    planted(monkeypatch, lambda: click.echo("careful", err=True))
    assert cli("list", code=0).stderr == "careful\n"
    with pytest.raises(AssertionError):
        cli.ok("list")


@posix
def test_a_command_that_never_ends_is_ended(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    planted(monkeypatch, lambda: [None for _ in itertools.count()])
    with pytest.raises(TooSlow):
        cli.within(0.1)("list")


# Bounds.


@posix
def test_the_clock_rings_once_and_is_put_away() -> None:
    with pytest.raises(TooSlow, match=r"^still busy after 0\.05 s$"), at_most(0.05):
        for _ in itertools.count():
            pass
    with at_most(0.05):
        pass
    sum(range(10**7))


GOOD = Ended(2, "", "wrong\n", MOST_SECONDS / 2, MOST_BYTES // 2)


def test_what_is_bounded_is_let_through() -> None:
    bounded(GOOD)


@pytest.mark.parametrize(
    "change", [{"status": 1}, {"status": -9}, {"stderr": "Traceback"}, {"seconds": MOST_SECONDS}, {"bytes": MOST_BYTES}]
)
def test_what_is_not_bounded_is_noticed(change: dict[str, object]) -> None:
    with pytest.raises(AssertionError):
        bounded(GOOD._replace(**change))  # type: ignore[arg-type]


# Markup, messages, parameters, networks.


@pytest.mark.parametrize(("text", "left"), [("<p><b>x</b></p>", []), ("<p>x<br></p>", []), ("<p><b>x</b>", ["p"])])
def test_open_tags_are_counted(text: str, left: list[str]) -> None:
    tags = Tags()
    tags.feed(text)
    assert tags.open == left


@pytest.mark.parametrize("text", ["<p><b>x</p></b>", "</p>"])
def test_a_tag_that_is_closed_by_another_is_noticed(text: str) -> None:
    with pytest.raises((AssertionError, IndexError)):
        Tags().feed(text)


def test_a_message_that_ends_its_lines_otherwise_differs() -> None:
    text = expected("stride_zero")
    assert difference("stride_zero", text) == ""
    assert difference("stride_zero", text.replace("\n", "\r\n"))


def test_no_parameter_that_there_is_not_can_be_slow() -> None:
    assert len(slow("ab", "b")) == 2
    with pytest.raises(AssertionError, match="no parameter is"):
        slow("ab", "c")


def test_a_network_that_was_looked_at_before_is_like_a_new_one() -> None:
    for _ in range(2):
        shared = loaded("squeezenet1_0")
        assert shared.rewrite("separable").report().totals != shared.report().totals
        shared.memory("inplace", order="best", parts=2)
        assert shared.report() == convcost.load("squeezenet1_0").report()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2·3²", 18),
        ("⌊7/2⌋", 3),
        ("⌈7/2⌉", 4),
        ("7 mod 4", 3),
        ("4·4·n_c'·3·3·n_c", 2160),
        ("1/n_c' + 1/9", Fraction(14, 45)),
    ],
)
def test_formulas_are_read_as_they_are_written(text: str, value: object) -> None:
    assert evaluate(text, {"n_c": 3, "n_c'": 5}) == value


# Tests stand alone.


def leanings(text: str) -> list[str]:
    """What a test takes from another test, or by way of the path that modules are looked for on."""
    found = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names):
                modules = [alias.name for alias in names]
            case ast.ImportFrom(module=module, names=names):
                modules = [module or "", *(alias.name for alias in names)]
            case ast.Attribute(value=ast.Name(id="sys"), attr="path"):
                found.append("sys.path")
                continue
            case _:
                continue
        parts = {part for name in modules for part in name.split(".")}
        found += sorted(part for part in parts if part.startswith("test_") or part in {"conftest", "tests"})
    return found


@pytest.mark.parametrize("path", sorted(TESTS.rglob("*.py")), ids=lambda path: path.relative_to(TESTS).as_posix())
def test_no_test_leans_on_another(path: Path) -> None:
    assert leanings(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("from test_x import run", "test_x"),
        ("import tests.cli.test_main", "test_main"),
        ("from .conftest import cli", "conftest"),
        ("from tests import helpers", "tests"),
        ("import sys\nsys.path.append('tests')", "sys.path"),
    ],
)
def test_a_test_that_leans_on_another_is_found(text: str, what: str) -> None:
    assert what in leanings(text)
    assert leanings("from helpers.cli import Cli\nimport sys") == []
