"""On a terminal nothing wraps: every command's table at every usual width, the whole zoo, and a real terminal for some."""

from __future__ import annotations

import fcntl
import os
import pkgutil
import pty
import re
import struct
import sys
import termios
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from helpers.paths import ROOT
from helpers.turns import in_turns
from helpers.zoo import an_end_of_each_family, loaded

import convcost.cli
from convcost.render import table as table_module
from convcost.render.fit import columns_of
from convcost.render.table import Table, render

if TYPE_CHECKING:
    from pathlib import Path

    from helpers.cli import Cli

WIDTHS = (80, 100, 120, 200)
COMMANDS = [
    "report mobilenet_v2",
    "report mobilenet_v2 --by layer",
    "report nasnet_large --by unit",
    "report resnet50 --convention thop --by op",
    "report inception_resnet_v2 --by layer --columns name,op,input,output,params,macs,activations,buffers,padding_macs,share",
    "report resnet18 mobilenet_v2 efficientnet_b0",
    "report resnet18 mobilenet_v2 --by stage",
    "report mobilenet_v2 mobilenet_v2:width=0.5 mobilenet_v2:width=0.75,resolution=192 --by block",
    "explain mobilenet_v2",
    "explain efficientnet_b0 stage2",
    "explain alexnet conv2",
    "explain mobilenet_v2 --symbols width",
    "memory resnet50",
    "memory nasnet_mobile --by tensor",
    "list",
    "compare --input 6x6x3 --filters 5 --kernel 3",
    "compare --input 112x112x64 --filters 128 --kernel 3 --against grouped:4 --against inverted:6",
    "rewrite vgg16 --to separable",
    "rewrite nasnet_mobile --to standard",
    "sweep mobilenet_v2 --over resolution=96:224:32",
    "sweep mobilenet_v2 --over width=0.25,0.5,1",
    "fit mobilenet_v2 --max-macs 300M",
    "frontier --family mobilenet*",
    "verify",
    "verify mobilenet_v1",
    "reconcile resnet50",
    "reconcile resnet50 paper thop",
    "reconcile resnet50 --printed 4.13G",
    "spec ops",
    "diff resnet18 resnet34",
]


def too_wide(text: str, width: int) -> list[str]:
    return [line for line in text.splitlines() if columns_of(line) > width]


@pytest.mark.slow
@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("command", COMMANDS)
def test_no_table_wraps(cli: Cli, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """What is printed at the least width; the tables of the same run at the others too."""
    plain, least, shown = table_module._text, WIDTHS[0], []

    def at_every_width(table: Table, width: int | None) -> str:
        assert width == least
        for other in WIDTHS[1:]:
            assert too_wide(plain(table, other), other) == []
        shown.append(table)
        return plain(table, width)

    monkeypatch.setattr(table_module, "_text", at_every_width)
    # Every module first: one that a command loads while the function is replaced would keep the replacement for good.
    for module in [import_module(found.name) for found in pkgutil.iter_modules(convcost.cli.__path__, "convcost.cli.")]:
        if hasattr(module, "width_of"):
            monkeypatch.setattr(module, "width_of", lambda _path: least)
    ran = cli(*command.split())
    assert ran.exit_code in (0, 1), ran.output
    assert ran.stdout
    assert shown
    assert too_wide(ran.stdout, least) == [], command


@pytest.mark.slow
@pytest.mark.parametrize("model", in_turns(an_end_of_each_family(0), 3))
def test_no_report_of_the_zoo_wraps_or_loses_a_number(model: str) -> None:
    report = loaded(model).report()
    for table, widths in ((report.table(), WIDTHS), (report.table("layer"), WIDTHS[:1])):
        for width in widths:
            text = render(table, "table", width)
            assert too_wide(text, width) == []
            numbers = {layer.macs for layer in report.layers} if table.headers[0] == "layer" else {report.totals.macs}
            shown = {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", text)}
            assert numbers <= shown


@pytest.mark.parametrize("model", in_turns(an_end_of_each_family(1), 3, first=1))
def test_no_report_of_the_zoo_has_more_than_forty_rows(model: str) -> None:
    assert 1 <= len(loaded(model).report().table().rows) <= 40


def test_the_first_report_fits_a_screen_and_says_how_much_where_and_why(cli: Cli) -> None:
    text = render(loaded("mobilenet_v2").report().table(), "table", 100)
    assert len(text.splitlines()) <= 50
    assert too_wide(text, 100) == []
    for said in ("300,774,272", "3,504,872", "largest ", "by op ", "maps shrink ", "--by layer", "█"):
        assert said in text
    assert cli.ok("report", "mobilenet_v2").splitlines()[0] in text


def in_terminal(width: int, *arguments: str, keep: str = "0") -> str:
    """What a command prints on a terminal of so many columns; what it counts is kept in a folder, if one is given."""
    child, master = pty.fork()
    if child == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "CONVCOST_CACHE": keep}
        environment.pop("COLUMNS", None)
        os.chdir(ROOT)
        os.execve(sys.executable, [sys.executable, "-m", "convcost", *arguments], environment)
    printed = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        printed += part
    os.close(master)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return printed.decode().replace("\r\n", "\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", ["report mobilenet_v2", "report nasnet_large --by layer", "memory resnet50", "verify"]
)
def test_a_real_terminal_is_fitted(command: str, counted_in_this_run: Path) -> None:
    """At two widths: costs are counted once, and kept; what is printed is made for each."""
    texts = {width: in_terminal(width, *command.split(), keep=str(counted_in_this_run)) for width in (80, 120)}
    for width, text in texts.items():
        assert text.count("\n") > 10
        assert too_wide(text, width) == []
    assert texts[80] != texts[120]


def test_what_is_kept_for_one_width_is_not_shown_at_another() -> None:
    texts = {width: in_terminal(width, "report", "lenet5") for width in (60, 100, 60)}
    assert too_wide(texts[60], 60) == []
    assert "█" in texts[100]
    assert texts[100] != texts[60]


def test_columns_goes_before_what_the_terminal_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from convcost.cli import output

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "93")
    assert output.width_of(None) == 93
    assert output.width_of("file.txt") is None
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False, raising=False)
    assert output.width_of(None) is None
