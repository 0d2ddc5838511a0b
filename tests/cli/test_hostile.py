"""What files say stays words: through every command that shows any of it, in every format that the command offers."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import click
import pytest
from helpers import formats, hostile, tex

import convcost
from convcost import plots
from convcost.cli import main
from convcost.render.escape import from_csv, of_figure
from convcost.render.table import Table

if TYPE_CHECKING:
    from helpers.cli import Cli, Ran

DOORS: dict[str, Callable[[hostile.Files], list[object]]] = {
    "report": lambda at: ["report", at.spec, "--by", "layer"],
    "report of several": lambda at: ["report", at.spec, at.other],
    "report of several by stage": lambda at: ["report", at.spec, at.other, "--by", "stage"],
    "report of a model file": lambda at: ["report", at.model, "--partial", "--by", "layer"],
    "report with a device": lambda at: ["report", at.spec, "--device", at.device],
    "explain": lambda at: ["explain", at.spec],
    "memory": lambda at: ["memory", at.spec],
    "memory, tensors": lambda at: ["memory", at.spec, "--by", "tensor"],
    "latency": lambda at: ["latency", at.spec, "--device", at.device],
    "latency of several": lambda at: ["latency", at.spec, at.other, "--device", at.device],
    "draw": lambda at: ["draw", at.spec],
    "draw a model file": lambda at: ["draw", at.model, "--partial"],
    "diff": lambda at: ["diff", at.spec, at.other],
    "check": lambda at: ["check", at.budgets],
    "calibrate": lambda at: ["calibrate", at.measured, "--title", hostile.WORD.replace("\0", ""), "--name", "x"],
    "rewrite": lambda at: ["rewrite", at.spec, "--to", "separable"],
    "report with a board": lambda at: ["report", at.spec, "--board", at.board],
    "memory with a board": lambda at: ["memory", at.spec, "--board", at.board],
    "memory in patches": lambda at: ["memory", at.spec, "--patches", "2x2", "--until", "a"],
    "reconcile": lambda at: ["reconcile", at.other],
    "sweep": lambda at: ["sweep", at.spec, "--over", f"v=plain,{hostile.SHORT}"],
    "sweep of two": lambda at: ["sweep", at.spec, "--over", f"v=plain,{hostile.SHORT}", "--over", "resolution=8,9"],
    "sweep of three": lambda at: ["sweep", at.spec, "--over", f"v=plain,{hostile.SHORT}", "--front", "macs,params"],
    "fit": lambda at: ["fit", at.spec, "--over", f"v=plain,{hostile.SHORT}", "--max-macs", "1G"],
    "explore": lambda at: ["explore", at.spec, "-o", "-"],
    "frontier": lambda at: ["frontier", "--data", at.table],
    "frontier with yours": lambda at: ["frontier", "--family", "vgg", "--your", f"{at.other}=70.1={hostile.SHORT}"],
    "verify a metafile": lambda at: ["verify", "--data", at.metafile],
    "import": lambda at: ["import", at.spec],
    "import of a model file": lambda at: ["import", at.model, "--partial"],
    "spec resolve": lambda at: ["spec", "resolve", at.spec],
    "spec validate": lambda at: ["spec", "validate", at.spec],
}


WRITES = {"explore": "html"}
"""What a command without --format writes."""
ALL_ROWS = ("report", "report of a model file", "memory, tensors")
"""Whose page has the rows of all levels, and takes no --by."""
PICTURES = (
    "report",
    "report of several",
    "report of several by stage",
    "memory",
    "latency of several",
    "sweep",
    "sweep of two",
    "frontier",
    "draw",
)


def kinds(words: list[Any]) -> list[str]:
    """The formats that a command offers; one that offers none writes just one."""
    command: Any = main
    for word in words:
        if not isinstance(command, click.Group):
            break
        command = command.get_command(click.Context(command), str(word))
    offered = [one.type.choices for one in command.params if "--format" in one.opts]
    return [kind for kind in offered[0] if kind != "parquet"] if offered else [""]


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> hostile.Files:
    return hostile.files(tmp_path_factory.mktemp("hostile"))


def run(cli: Cli, door: str, kind: str, at: hostile.Files) -> Ran:
    words = DOORS[door](at)
    if kind == "html" and door in ALL_ROWS:
        words = words[: words.index("--by")]
    asked = ["--format", kind] if kind else []
    return cli(*words, *asked)


@pytest.mark.parametrize("door", DOORS)
def test_words_stay_words(cli: Cli, door: str, at: hostile.Files) -> None:
    for kind in kinds(DOORS[door](at)):
        ran = run(cli, door, kind, at)
        assert ran.exit_code in (0, 1), ran.output
        assert ran.stdout
        for line in (*ran.stdout.split("\n"), *ran.stderr.split("\n")):
            assert not [char for char in line if not (char.isprintable() or char == "\xa0")], (kind, line)
        shape = kind or WRITES.get(door, "")
        if shape in LOOK:
            LOOK[shape](ran.stdout)


@pytest.mark.parametrize("door", PICTURES)
def test_words_of_a_picture_are_letters(cli: Cli, door: str, at: hostile.Files, tmp_path: Path) -> None:
    path = tmp_path / "x.svg"
    cli(*DOORS[door](at), "-o", path, code=0)
    _svg(path.read_text(encoding="utf-8"))


def test_words_of_a_figure_are_no_tags_of_plotly(at: hostile.Files) -> None:
    """Which reads tags in titles, names, labels and hover texts; its own entities are read back."""
    spec = str(at.spec)
    network = convcost.load(spec)
    report = network.report()
    figures = [
        plots.sweep_figure(convcost.sweep(spec, v=["plain", hostile.SHORT]).tables),
        plots.cost_by(report, "op"),
        plots.memory_timeline(report, network.memory()),
        plots.networks_figure(convcost.side_by_side(spec, str(at.other)).data),
        convcost.latency(spec, str(at.device)).figure(),
    ]
    for figure in figures:
        texts = [text for text in formats.leaves(json.loads(figure.to_json())) if isinstance(text, str)]
        assert any("&lt;" in text for text in texts)
        assert not [
            text for text in texts if re.search(r'<(?!/?(b|sup|br|span)>|span style="color:#[0-9a-f]{6}">)', text)
        ]
    assert of_figure(figures[0].data[0].y[1]) == hostile.SHORT


def test_what_a_prompt_shows_is_text(at: hostile.Files) -> None:
    network, report = convcost.load(str(at.spec)), convcost.report(str(at.spec))
    shown: list[object] = [network, report, report.table(), convcost.diff(str(at.spec), str(at.other))]
    shown += [
        convcost.sweep(str(at.spec), v=["plain", hostile.SHORT]),
        network.diagram(),
        network.explain(),
        network.training(),
    ]
    shown += [convcost.latency(str(at.spec), str(at.device)), network.memory()]
    for one in shown:
        assert repr(one).isprintable()
        for line in str(one).split("\n"):
            assert line.isprintable()


class _Tags(HTMLParser):
    """What a page's tags are, and all that is in them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, set[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")


def _html(text: str) -> None:
    formats.read("html", text)
    page = _Tags()
    page.feed(text)
    assert not {"img", "i", "iframe", "object", "embed", "base", "form", "frame"} & page.tags
    assert not [name for name in page.attributes if name.startswith("on") or name in ("style", "src", "action")]
    assert all(link.startswith(("#", "data:,")) for link in page.attributes.get("href", ()))
    assert hostile.MARK not in "".join(re.findall(r"<script>(.*?)</script>", text, re.DOTALL))
    assert "display:none" not in "".join(re.findall(r"<style[^>]*>(.*?)</style>", text, re.DOTALL))


def _svg(text: str) -> None:
    known = {"svg", "style", "title", "rect", "path", "text", "g", "circle", "a"}
    found = ET.fromstring(text)
    assert {one.tag.rpartition("}")[2] for one in found.iter()} <= known
    assert not [name for one in found.iter() for name in one.attrib if name.startswith("on") or name.endswith("href")]


def _csv(text: str) -> None:
    formats.read("csv", text)
    for row in csv.reader(text.splitlines(keepends=True), strict=True):
        assert not [cell for cell in row if cell[:1] in tuple("=+-@\t\r") and cell[1:] and not _is_number(cell)]


def _is_number(cell: str) -> bool:
    try:
        return bool(float(cell.replace(",", "").removesuffix("%").strip()) + 1) or True
    except ValueError:
        return False


def _markdown(text: str) -> None:
    formats.read("markdown", text)
    plain = re.sub(r"\\[!-/:-@\[-`{-~]", "", text.replace("- **", "- ").replace("**: ", ": "))
    assert not re.search(r"<[A-Za-z/!?]|&#?\w+;|\]\(|\*\*|`|~~|\$", plain)


def _latex(text: str) -> None:
    assert hostile.TEX not in re.sub(r"(?m)^%.*", "", text)
    assert text.isascii() or not re.search("[^ -\u017f]", re.sub(r"(?m)^%.*", "", text).replace("\n", ""))


def _json(text: str) -> None:
    json.loads(text)


LOOK: dict[str, Callable[[str], None]] = {
    "html": _html, "svg": _svg, "csv": _csv, "markdown": _markdown, "latex": _latex, "tikz": _latex, "json": _json,
    "sarif": _json, "junit": lambda text: (ET.fromstring(text), None)[1],
}  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        ["report", "no\x1b[31m\u202e.yaml"],
        ["repo\x9brt"],
        ["report", "lenet5", "--n\x1b\n"],
        ["sweep", "lenet5", "--over", "\x1b=1"],
    ],
)
def test_a_message_is_text(cli: Cli, words: list[str]) -> None:
    """Also of what only the command line says: a shell's glob puts names of files there."""
    said = cli.refused(*words)
    assert not [char for char in said if not char.isprintable() and char != "\n"]


def test_json_says_it_exactly(cli: Cli, at: hostile.Files) -> None:
    """Escapes are all that a terminal needs: what was read is what is said."""
    assert cli.json("report", at.spec)["source"] == hostile.WORD


def test_a_table_that_convcost_wrote_is_read_as_it_was(cli: Cli, tmp_path: Path) -> None:
    """A cell is marked as no formula, and unmarked again; marked ones stay apart from those that look so."""
    items = ["=1+1", "'=1+1", "@x", "-y", "+z", "-5", "plain", "it's", "＝1"]
    rows = [{"item": item, "top1": "70.1", "macs": "100M"} for item in items]
    text = Table("", ("item",), (False,), [[item] for item in items], rows, {}).render("csv")
    written = [row["item"] for row in csv.DictReader(text.splitlines())]
    assert written == ["'=1+1", "''=1+1", "'@x", "'-y", "'+z", "-5", "plain", "it's", "'＝1"]
    assert [from_csv(cell) for cell in written] == items
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    points = cli.json("frontier", "--data", tmp_path / "t.csv")["points"]
    assert {point["item"] for point in points} == {*items}


@pytest.mark.skipif(tex.engine() is None, reason="no LaTeX with booktabs and siunitx here")
def test_every_hostile_table_compiles(cli: Cli, at: hostile.Files, tmp_path: Path) -> None:
    parts = {door: run(cli, door, "latex", at).stdout for door in DOORS if "latex" in kinds(DOORS[door](at))}
    assert len(parts) > 10
    assert tex.complaints(tex.document([*parts.values()]), tmp_path) == []
    if tex.reader() is not None:
        printed = "".join(tex.pages(tmp_path))
        assert "root:" not in printed
        assert "input{/etc/passwd}" in printed


@pytest.mark.skipif(tex.engine() is None, reason="no LaTeX here")
def test_a_hostile_picture_compiles(cli: Cli, at: hostile.Files, tmp_path: Path) -> None:
    text = run(cli, "draw", "tikz", at).stdout
    assert tex.complaints(text, tmp_path) == []
