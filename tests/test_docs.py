"""README and docs are held to the code: every command shown is run, every file shown is used, nothing is stale."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from helpers.paths import ROOT
from helpers.slow import slow

from convcost.cli.main import main
from convcost.ops import OPS

PAGES = ["README.md", *(f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md")))]
FENCE = re.compile(
    r"(?:^<!-- file: (?P<file>\S+) -->\n)?^```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.DOTALL | re.MULTILINE
)


def blocks(page: str, kind: str) -> list[re.Match[str]]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [match for match in FENCE.finditer(text) if match["kind"] == kind]


def shell_lines(page: str) -> list[str]:
    """Commands in `sh` blocks, which .ci/run has to run because they install something."""
    return [line for match in blocks(page, "sh") for line in match["body"].splitlines() if line.strip()]


def sessions(page: str) -> list[tuple[str, str]]:
    """(command, expected output) of every `$ command` in `console` blocks."""
    found = []
    for match in blocks(page, "console"):
        for part in re.split(r"^\$ ", match["body"], flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            found.append((command, expected))
    return found


def matches(expected: str, actual: str) -> bool:
    """Equal, where a line `...` stands for any number of lines."""
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\s*\n" for line in expected.splitlines())
    return re.fullmatch(pattern, actual) is not None


def run(command: str, folder: Path) -> str:
    """Run a shown command as a reader would, with this checkout's convcost; output and errors together."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    stub = folder / "convcost"
    stub.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m convcost "$@"\n')
    stub.chmod(0o755)
    done = subprocess.run(
        command, shell=True, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.stdout.decode()


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("page", slow(PAGES, "README.md", "docs/course.md", "docs/sweep.md"))
def test_every_command_shown_prints_what_is_shown(page: str, tmp_path: Path) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        if match["file"]:
            (tmp_path / match["file"]).write_text(match["body"], encoding="utf-8")
    for model in [*(ROOT / "tests" / "models").iterdir(), *(ROOT / "tests" / "measured").iterdir()]:
        if model.is_file() and model.name in text:
            shutil.copy(model, tmp_path)
    for command, expected in sessions(page):
        actual = run(command, tmp_path)
        assert matches(expected, actual), f"{page}: $ {command}\n--- shown\n{expected}\n--- printed\n{actual}"


@pytest.mark.parametrize("page", PAGES)
def test_every_python_session_shown_gives_what_is_shown(page: str) -> None:
    text = "\n".join(match["body"] for match in blocks(page, "pycon"))
    test = doctest.DocTestParser().get_doctest(text, {}, page, page, 0)
    assert doctest.DocTestRunner().run(test).failed == 0


def test_commands_that_install_are_run_by_ci() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    lines = [line for page in ("README.md", "CONTRIBUTING.md") for line in shell_lines(page)]
    assert "pip install . && convcost report mobilenet_v2" in shell_lines("README.md")
    assert "pip install '.[test]' && pytest" in shell_lines("README.md")
    for line in lines:
        assert line in script, line


def test_the_comparison_can_fail() -> None:
    assert matches("a\n...\nz\n", "a\nb\nc\nz\n")
    assert not matches("a\n...\nz\n", "a\nb\nc\n")
    assert not matches("total  672\n", "total  673\n")
    assert not matches("672\n", "1672\n")


@pytest.mark.slow
@pytest.mark.usefixtures("keeping")
def test_generated_pages_are_current() -> None:
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*PAGES, "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]:
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            assert ((ROOT / page).parent / target).exists(), f"{page} links to {target}"


def test_every_op_has_a_manual_page_that_says_shapes_and_an_example() -> None:
    for name, op in OPS.items():
        assert len(op.doc.splitlines()[0]) > 10, name
        assert "->" in op.doc or "hape unchanged" in op.doc or "is written" in op.doc, (
            f"{name}: what becomes of the shape?"
        )


def leaves(command: click.Command | None, path: str) -> list[tuple[str, click.Command]]:
    """Every command below this one, with the words that call it."""
    assert command is not None
    if not isinstance(command, click.Group):
        return [(path, command)]
    context = click.Context(command)  # the command line is loaded command by command, as they are asked for
    names = command.list_commands(context)
    return [leaf for name in names for leaf in leaves(command.get_command(context, name), f"{path} {name}")]


def test_commands_and_their_help_end_with_an_example() -> None:
    commands = leaves(main, "convcost")
    assert len(commands) > 17
    for path, command in commands:
        assert f"Example:\n  {path}" in (command.epilog or ""), path


def test_no_code_block_of_the_readme_needs_a_scroll_bar() -> None:
    bodies = [match["body"] for match in FENCE.finditer((ROOT / "README.md").read_text(encoding="utf-8"))]
    assert len(bodies) > 10
    assert [line for body in bodies for line in body.splitlines() if len(line) > 80] == []


def test_the_first_screen_of_the_readme_has_two_pictures_and_a_short_report() -> None:
    first = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:50]
    pictures = [line for line in first if line.startswith("![")]
    assert len(pictures) == 2
    assert "$ convcost report mobilenet_v2" in "\n".join(first)


def said(page: str) -> list[str]:
    """What stands in backticks in the prose of a page."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", (ROOT / page).read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md", "SECURITY.md"])
def test_every_path_that_is_named_exists(page: str) -> None:
    """Below the root or below convcost/; words in capitals stand for any name, and files of examples have no folder."""
    folders = {path.name for top in (ROOT, ROOT / "convcost") for path in top.iterdir() if path.is_dir()}
    modules = {path.name for path in (ROOT / "convcost").rglob("*.py")}
    for path in (found for text in said(page) for found in re.findall(r"(?<![\w./:*$-])[\w.-]+(?:/[\w.*-]*)*", text)):
        if re.search("[A-Z]{2}", path) and path not in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"):
            continue
        if "/" in path and (path.split("/")[0] in folders or path.endswith(".py")):
            assert any(True for top in (ROOT, ROOT / "convcost") for _ in top.glob(path)), f"{page} names {path}"
        elif path.endswith(".py") and "/" not in path:
            assert path in modules, f"{page} names {path}"


def test_every_module_on_the_map_of_the_packages_exists() -> None:
    (text,) = (match["body"] for match in blocks("docs/design.md", "text") if match["body"].startswith("testing/"))
    package, count = "", 0
    for line in re.sub(r"\(.*?\)", "", text, flags=re.DOTALL).splitlines():
        first = not line.startswith(" ")
        package = line.partition("/")[0] if first else package
        rest = line.removeprefix(f"{package}/") if first else line
        for names, colon, _ in (part.partition(":") for part in re.split(r"\s{2,}", rest)):
            if first and not colon:
                continue  # what the package is for
            for name in re.findall(r"(?:^|, )([a-z_]+)(?=/?(?:,|$))", names):
                below = ROOT / "convcost" / package
                found = [*below.rglob(f"{name}.py"), *below.rglob(name)]
                assert found, f"docs/design.md: there is no {name} in {package}/"
                count += 1
    assert count > 150


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md", "SECURITY.md"])
def test_every_option_that_is_named_is_one_of_a_command(page: str) -> None:
    options = {"--help", "--version"}
    for command in (command for _, command in leaves(main, "convcost")):
        options.update(option for given in command.params for option in (*given.opts, *given.secondary_opts))
    for program in sorted((ROOT / "tests").glob("*/__main__.py")):  # those of `python -m fuzz` and the like
        options.update(re.findall('"(--[a-z-]+)"', program.read_text(encoding="utf-8")))
    named = {option for text in said(page) for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", text)}
    assert named <= options
