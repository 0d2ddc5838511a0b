"""Every command in every format that it offers, printed and written to a file: it is what it says, and says the same numbers.

The commands and their formats are those of the command line itself, so that a new one is missed here, not forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
import pytest
from helpers import formats

from convcost.cli import main

if TYPE_CHECKING:
    from helpers.cli import Cli

pytestmark = pytest.mark.usefixtures("in_root")

DEVICE = "jetson_agx_xavier_gpu_ncnn"
LAYER = "--input 6x6x3 --filters 5 --kernel 3"
#: Command -> what stands behind it; each kind of table that it makes.
CASES = {
    "boards": ["nano"],
    "calibrate": ["tests/measured/measured.csv --where network=m --name x"],
    "check": ["lenet5 --max-macs 1M", "lenet5 --max-macs 300k --max-params 1k", "lenet5 vgg11 --max-macs 1M"],
    "compare": [LAYER, f"{LAYER} --against spatial --against inverted:4", f"{LAYER} --law"],
    "devices": ["pixel"],
    "diff": ["lenet5 lenet5:classes=3", "lenet5 lenet5", "lenet5 vgg11 --by stage"],
    "draw": ["lenet5"],
    "explain": ["lenet5", "lenet5 c3", "lenet5 s2", f"lenet5 --device {DEVICE}", "lenet5 --symbols classes"],
    "explore": ["lenet5"],
    "fit": ["mobilenet_v1 --max-macs 300M --over width=0.25:1:0.25", "mobilenet_v1 --max-macs 1 --over width=0.5,1"],
    "frontier": ["--family vgg", "--task detection --family yolov8"],
    "import": ["lenet5", "lenet5 --flat"],
    "latency": [f"lenet5 --device {DEVICE}", f"lenet5 vgg11 --device {DEVICE}"],
    "list": ["lenet*", "lenet* --max-ram 1MiB", "lenet* --max-ram 1"],
    "memory": [
        *("lenet5", "lenet5 --limit 1KiB", "lenet5 --policy training", "lenet5 --board arduino_nano_33_ble"),
        *("lenet5 --patches 2x2 --until c1", "lenet5 --patches all --until c3"),
    ],
    "reconcile": ["lenet5", "lenet5 thop", "lenet5 paper paper", "lenet5 --printed 416k", "lenet5 --printed 1G"],
    "report": [
        *("lenet5", "lenet5 vgg11", "lenet5 vgg11 --by stage", "lenet5 --energy"),
        *("lenet5 --training --by layer", "lenet5 --board arduino_nano_33_ble"),
        f"lenet5 --traffic --receptive --device {DEVICE}",
    ],
    "rewrite": ["vgg11 --to separable"],
    "spec ops": ["", "conv2d", "relu", "squeeze_excite"],
    "spec resolve": ["lenet5"],
    "spec schema": [""],
    "spec validate": ["lenet5"],
    "sweep": [
        *("mobilenet_v1 --over width=0.5,1", "mobilenet_v1 --over width=0.5,1 --front macs,params"),
        "mobilenet_v1 --over resolution=96:128 --cliffs",
    ],
    "verify": ["lenet5_1998", "--source lenet5"],
}
#: What a command without --format writes.
WRITES = {"explore": "html", "import": "yaml", "spec resolve": "yaml", "spec schema": "json", "spec validate": "text"}
ENDINGS = {
    "table": ".txt", "text": ".txt", "json": ".json", "csv": ".csv", "markdown": ".md", "html": ".html",
    "latex": ".tex", "tikz": ".tex", "svg": ".svg", "sarif": ".sarif", "junit": ".xml", "yaml": ".yaml",
}  # fmt: skip
#: Columns of CSV that JSON has otherwise: as exact fractions, or of each layer of a row.
OTHERWISE = {"compare": {"ratio"}, "latency": {"convolution_ms", "linear_ms", "elementwise_ms", "overhead_ms"}}


class Door(NamedTuple):
    """A command of the command line, and the formats that it offers."""

    words: str
    formats: tuple[str, ...]
    writes: bool
    """Whether it has -o."""


def doors(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[Door]:
    """Every command below this one."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from doors(below, (*words, name))
        return
    options = {opt: option for option in command.params for opt in option.opts}
    offered = options["--format"].type if "--format" in options else None
    name = " ".join(words)
    kinds = tuple(offered.choices) if isinstance(offered, click.Choice) else (WRITES[name],)
    yield Door(name, tuple(kind for kind in kinds if kind != "parquet"), "-o" in options)


DOORS = {door.words: door for door in doors(main)}


def each() -> Iterator[tuple[Door, list[str]]]:
    """Every command with each of its kinds of table."""
    for name, cases in CASES.items():
        yield from ((DOORS[name], [*name.split(), *case.split()]) for case in cases)


def test_every_command_is_tried() -> None:
    assert {*DOORS} == {*CASES}
    assert all(CASES.values())
    assert {name for name, door in DOORS.items() if not door.writes} == {"spec validate"}, (
        "which says ok or what is wrong"
    )


@pytest.mark.parametrize(
    ("door", "words"), [*each()], ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_every_format_is_what_it_says(cli: Cli, door: Door, words: list[str], tmp_path: Path) -> None:
    printed, codes = {}, set()
    for kind in door.formats:
        asked = [] if door.words in WRITES else ["--format", kind]
        ran = cli(*words, *asked, *(["-o", "-"] if door.words == "explore" else []))
        codes.add(ran.exit_code)
        printed[kind] = ran.stdout
        formats.read(kind, ran.stdout)
        if door.writes and door.words != "calibrate":  # whose file is the device
            same_as_written(cli, door, words, kind, ran.stdout, tmp_path)
    assert len(codes) == 1
    assert codes <= {0, 1}
    agree(door, printed)


def same_as_written(cli: Cli, door: Door, words: list[str], kind: str, printed: str, folder: Path) -> None:
    """A file whose ending says the format holds what is printed in it, and nothing is printed then."""
    path = folder / f"x{ENDINGS.get(kind, '')}"
    said = [] if kind in ENDINGS else ["--format", kind]
    assert cli(*words, *said, "-o", path).stdout == ""
    written = path.read_text(encoding="utf-8")
    if kind == "html":  # a page says which command made it
        assert formats.read(kind, written) == formats.read(kind, printed)
    elif door.words == "import":
        assert written.splitlines()[1:] == printed.splitlines()[1:]
    else:
        assert written == printed


def agree(door: Door, printed: dict[str, str]) -> None:
    """Every number of the CSV is in the JSON, and every one that a table shows in all others."""
    if "csv" in printed:
        head, *rows = formats.read("csv", printed["csv"]).rows
        data = {*formats.leaves(formats.read("json", printed["json"]).data)}
        cells = {head[at]: formats.numbers(row[at] for row in rows) for at in range(len(head))}
        assert {name: found - data for name, found in cells.items() if found - data}.keys() <= OTHERWISE.get(
            door.words, set()
        )
    if "markdown" in printed:
        rows = formats.read("markdown", printed["markdown"]).rows[1:]
        shown = formats.numbers(cell for row in rows for cell in row)
        for kind in printed.keys() & {"table", "html", "latex"}:
            assert shown - formats.tokens(kind, printed[kind]) == set(), kind


@pytest.mark.parametrize("kind", ["table", "html", "latex"])
def test_a_number_within_another_is_none(kind: str) -> None:
    printed = {
        "markdown": "| op | macs |\n|---|---|\n| a | 1,440 |\n| b | 4 |\n",
        "table": "op  macs\na  1,440\nb  4\n",
        "html": "<style>td { width: 4 }</style><td>a</td><td>1,440</td><td>b</td><td>4</td><script>x = 4</script>",
        "latex": "a & 1440 \\\\\nb & 4 \\\\\n",
    }
    both = {"markdown": printed["markdown"], kind: printed[kind]}
    agree(DOORS["report"], both)
    wrong = printed[kind].replace(">4<", "><").replace("  4", "  -").replace("& 4", "& -")
    with pytest.raises(AssertionError, match=kind):
        agree(DOORS["report"], {**both, kind: wrong})


@pytest.mark.parametrize(
    ("name", "some", "none"),
    [
        ("diff", "lenet5 lenet5:classes=3", "lenet5 lenet5"),
        ("list", "lenet* --max-ram 1MiB", "lenet* --max-ram 1"),
        ("reconcile", "lenet5 thop", "lenet5 paper paper"),
        ("reconcile", "lenet5 --printed 416k", "lenet5 --printed 1G"),
        ("spec ops", "conv2d", "relu"),
    ],
)
def test_a_table_without_rows_has_the_same_columns(cli: Cli, name: str, some: str, none: str) -> None:
    full, empty = (
        formats.read("csv", cli(*name.split(), *words.split(), "--format", "csv").stdout).rows for words in (some, none)
    )
    assert len(full) > len(empty) == 1
    assert full[0] == empty[0]


#: Commands that draw, by their first case; all others refuse a picture in one line.
DRAW = {"compare", "draw", "frontier", "latency", "memory", "reconcile", "report", "rewrite", "sweep"}


@pytest.mark.parametrize("name", sorted(name for name, door in DOORS.items() if door.writes))
def test_a_picture_is_one_and_an_unknown_ending_is_none(cli: Cli, name: str, tmp_path: Path) -> None:
    words = [*name.split(), *CASES[name][0].split()]
    for ending in (".svg", ".SVG", ".xyz", ".parquet"):
        path = tmp_path / f"x{ending}"
        if ending.lower() == ".svg" and name in DRAW:
            assert cli.ok(*words, "-o", path) == ""
            formats.read("svg", path.read_text(encoding="utf-8"))
        elif not (name == "sweep" and ending == ".parquet"):
            said = cli.refused(*words, "-o", path)
            assert str(path) in said.splitlines()[-1]
            assert not path.exists()


def test_a_sweep_is_also_written_as_parquet(cli: Cli, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    words = ["sweep", "mobilenet_v1", "--over", "width=0.5,1"]
    cli.ok(*words, "-o", tmp_path / "x.parquet")
    rows = parquet.read_table(tmp_path / "x.parquet").to_pylist()
    assert [row["macs"] for row in rows] == [row["macs"] for row in cli.json(*words)["points"]]


@pytest.mark.parametrize("name", ["spec resolve", "import", "spec schema", "explore", "calibrate"])
def test_a_file_of_another_kind_is_refused(cli: Cli, name: str, tmp_path: Path) -> None:
    words = [*name.split(), *CASES[name][0].split()]
    for ending in {*ENDINGS.values()} - {ENDINGS.get(WRITES.get(name, "yaml")), ".txt"}:
        path = tmp_path / f"x{ending}"
        said = cli.refused(*words, "-o", path)
        assert str(path) in said
        assert ENDINGS[WRITES.get(name, "yaml")] in said, "and which file it is"
        assert not path.exists()
