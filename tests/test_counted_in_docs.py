"""Numbers in the prose of README and docs are those of the code: what comes along, and how much of something is shown or held."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from helpers.paths import ROOT

import convcost
from convcost.devices.device import Device
from convcost.devices.stored import find
from convcost.memory.policies import Policy
from convcost.ops import OPS

if TYPE_CHECKING:
    from helpers.cli import Cli

WORDS = {"three": 3, "four": 4, "six": 6, "eight": 8, "fifteen": 15, "fifty": 50}


def number(text: str) -> int:
    """A number as prose has it: fifteen, 1,688."""
    return WORDS[text] if text in WORDS else int(text.replace(",", ""))


def constant(name: str) -> Callable[[], int]:
    """What a module states."""
    module, _, attribute = name.rpartition(".")
    return lambda: int(getattr(import_module(f"convcost.{module}"), attribute))


def devices() -> list[Device]:
    """Those that were calibrated."""
    return [found for found in map(find, convcost.list_devices()) if isinstance(found, Device)]


#: Page, the sentence with a number in it, and where that comes from.
SENTENCES: list[tuple[str, str, Callable[[], int]]] = [
    ("README.md", r"(\d+) such devices and fifteen rooflines", lambda: len(devices())),
    ("README.md", r"such devices and (\w+) rooflines", lambda: len(convcost.list_devices()) - len(devices())),
    ("docs/latency.md", r"leaving out ([\d,]+) networks of", lambda: sum(one.error.networks for one in devices())),
    ("docs/latency.md", r"networks of (\d+) devices in turn", lambda: len(devices())),
    ("docs/boards.md", r"(\d+) boards have", lambda: len(convcost.boards())),
    ("docs/language.md", r"is any of (\w+) functions of one", lambda: len(OPS["function"].attrs["of"].kind.words)),
    ("docs/language.md", r"any of (\d+) of several tensors", lambda: len(OPS["combine"].attrs["function"].kind.words)),
    ("docs/language.md", r"(\d+) levels of nesting", constant("spec.tree.DEEPEST")),
    ("docs/language.md", r"levels of nesting and ([\d,]+) layers", constant("spec.calls.MOST_NODES")),
    ("docs/memory.md", r"A policy is (\w+) switches", lambda: len(Policy._fields) - 1),
    ("docs/pages.md", r"all rows up to ([\d,]+)", constant("cli.sweep._MOST_ON_A_PAGE")),
    ("docs/sweep.md", r"every row up to ([\d,]+)", constant("cli.sweep._MOST_ON_A_PAGE")),
    ("docs/pages.md", r"which there are no more than (\d+)\. ", constant("core.levels.MOST_ROWS")),
    ("docs/pages.md", r"are at most ([\d,]+), spread over all axes", constant("plots.points.MOST_POINTS")),
    ("docs/pages.md", r"Up to (\w+) families stand out", constant("published.highlight.MOST")),
    ("docs/draw.md", r"needs more than (\d+) boxes", constant("diagrams.architecture.boxes.MOST")),
    ("docs/draw.md", r"up to (\d+) boxes long", constant("diagrams.architecture.parts.LONGEST_PERIOD")),
    ("docs/diff.md", r"more than (\d+) changes", constant("core.levels.MOST_ROWS")),
    ("docs/scale.md", r"is done again, (\w+) times at most", constant("space.processes.MOST_DEATHS")),
]


@pytest.mark.parametrize(
    ("page", "sentence", "counted"), SENTENCES, ids=[f"{page}: {text}" for page, text, _ in SENTENCES]
)
def test_a_number_in_a_sentence_is_counted(page: str, sentence: str, counted: Callable[[], int]) -> None:
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    (found,) = re.findall(sentence, text)
    assert number(found) == counted()


PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")),
]


@pytest.mark.parametrize("page", PAGES)
def test_every_name_of_convcost_is_there_under_that_name(page: str) -> None:
    """One that has moved would warn, and a warning is an error here; schemas and files are other names."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for name in re.findall(r"(?<![\w./-])convcost(?:\.[A-Za-z_]\w*)+(?![\w/])", text):
        parts = name.split(".")[1:]
        if parts[-1] in ("yaml", "html", "json"):
            continue
        found = convcost
        for at, part in enumerate(parts, start=1):
            try:
                found = getattr(found, part)
            except AttributeError:
                found = import_module(".".join(["convcost", *parts[:at]]))


def test_the_columns_of_a_table_for_papers_are_all_named(cli: Cli) -> None:
    offered = (
        cli.refused("report", "lenet5", "vgg11", "--columns", "none").partition("There are: ")[2].strip().split(", ")
    )
    (paragraph,) = re.findall(
        r"^- `--columns`:.*?(?=^- )", (ROOT / "docs/papers.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    named = re.findall(r"`([a-z]\w*)`", paragraph)
    assert {*named} == {"params_ratio", *(name for name in offered if not name.endswith("_ratio"))}
    assert {name for name in offered if name.endswith("_ratio")} == {
        f"{name}_ratio"
        for name in offered
        if name not in ("input", "ratio", "top1", "top5", "cited") and not name.endswith("_ratio")
    }
