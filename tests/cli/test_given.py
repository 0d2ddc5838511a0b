"""Options that would change nothing of what is asked for: each is refused, or told, in one line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from helpers.cli import Cli

LAYER = "--input 6x6x3 --filters 5 --kernel 3"
WIDTHS = "mobilenet_v1 --over width=0.5,1"
ACTIVATIONS = "activations alone are shown here: with --limit SIZE weights count against it; a table of memory says what they take"
ROWS = "a page has both, and a picture is of every tensor; a table has the rows that you choose"
DRAWN = "is drawn in a file: give -o FILE.svg, .png, .pdf or .html as well"
GRID = "a picture draws the whole grid; a page, -o FILE.html, has the table as well"
STANDS_OUT = "--highlight: families stand out in a picture: give -o FILE.svg, .png, .pdf or .html as well"
OF_NOTHING = "says nothing of macs, which is all that is shown; give --metric"
NO_RATIO, TEXTS = "a picture draws counts, not the ratio intensity:", "a table, csv, json or parquet"
#: What is typed -> what is said.
REFUSED = {
    "memory lenet5 --patches 2x2 --picture patches": f"--picture patches {DRAWN}",
    "memory lenet5 --patches 2x2 --picture arena -o x.svg": "--picture: patches have one picture; "
    "leave it out, or say --picture patches",
    "latency lenet5 --device v100 --picture kinds": f"--picture kinds {DRAWN}",
    "latency lenet5 --device v100 --picture kinds -o x.json": f"--picture kinds {DRAWN}",
    f"compare {LAYER} --law --execute": "--execute: a law is of many layers, of which none is run: "
    "leave out --execute, or --law",
    f"sweep {WIDTHS} --metric macs --metric params -o x.svg": "a picture of one or two knobs draws one --metric, one of "
    "more knobs two; leave out params, or write a page, -o FILE.html",
    f"sweep {WIDTHS} --metric macs --metric params --metric activations -o x.svg": "a picture of one or two knobs draws one "
    "--metric, one of more knobs two; leave out params, activations, or write a page, -o FILE.html",
    f"sweep {WIDTHS} --metric intensity --metric macs -o x.svg": f"{NO_RATIO} leave it out, or write {TEXTS}",
    f"sweep {WIDTHS} --metric intensity -o x.svg": f"{NO_RATIO} write {TEXTS}",
    f"sweep {WIDTHS} --over depth=1,2 --over resolution=96,128 --metric macs --metric intensity -o x.svg": f"{NO_RATIO} "
    f"leave it out, or write {TEXTS}",
    "frontier --extrapolated": "--extrapolated: said of what a device predicts: give --x latency --device NAME as well",
    "calibrate times.csv --by network": "--by: a table of networks has times of whole networks alone; leave it out",
    "calibrate times.json lenet5 --where a=b --unit ms": "--where, --unit: said of a CSV table; a profile says itself what it holds",
}
#: What changes nothing of what is written, which says so.
TOLD = {
    "memory lenet5 --by tensor -o x.html": f"--by: {ROWS}",
    "memory lenet5 --by tensor -o x.svg": f"--by: {ROWS}",
    "memory lenet5 --board rpi_pico --by tensor -o x.svg": f"--by: {ROWS}",
    "memory lenet5 --weights int8 -o x.svg": f"--weights: {ACTIVATIONS}",
    "memory lenet5 --weights int8 --weights-in ram -o x.csv": f"--weights, --weights-in: {ACTIVATIONS}",
    "memory lenet5 --patches all --weights-in ram": f"--weights-in: {ACTIVATIONS}",
    "memory lenet5 --patches 2x2 --weights-in ram -o x.csv": f"--weights-in: {ACTIVATIONS}",
    "latency lenet5 --device v100 --by layer -o x.svg": "--by: a picture is of every layer, or of --picture kinds; "
    "a table or a page has such rows",
    f"compare {LAYER} --bias --execute -o x.svg": "--bias, --execute: a picture shows the multiplications of the layer; "
    "a page has all else",
    f"compare {LAYER} --execute -o x.csv": "--execute: CSV holds the steps alone; JSON and Markdown, "
    "-o FILE.json or .md, say what was run",
    f"sweep {WIDTHS} --device v100 -o x.svg": f"--device: {OF_NOTHING} latency_ms",
    f"sweep {WIDTHS} --deploy --board rpi_pico -o x.svg": f"--deploy, --board: {OF_NOTHING} ram_bytes or flash_bytes",
    f"sweep {WIDTHS} --cliffs --runtime tflm": f"--runtime: {OF_NOTHING} ram_bytes or flash_bytes",
    f"sweep {WIDTHS} --limit 1 -o x.svg": f"--limit: {GRID}",
    f"sweep {WIDTHS} --cliffs -o x.svg": f"--cliffs: {GRID}",
    "fit mobilenet_v2 --max-macs 1G --along compound --limit 1": "--limit: --along compound shows all that it finds; leave it out",
    "frontier --highlight vgg": STANDS_OUT,
    "frontier --highlight vgg -o x.csv": STANDS_OUT,
    "frontier --family vgg --x params --convention thop": "--convention: says what counts as an operation, and --x params counts none; leave it out",
    "rewrite alexnet --to separable -o - --format json": "--format: -o - prints the new network as a spec, without a table; "
    "-o FILE.yaml prints the table",
    "rewrite alexnet --to separable --convention thop -o x.svg": "--convention: the picture shows MACs; "
    "a table or a page has operations as well",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_would_change_nothing_is_refused(
    cli: Cli, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if words.startswith("calibrate"):
        Path("times.csv").write_text("network,ms\nlenet5,1\n", encoding="utf-8")
        Path("times.json").write_text("[]", encoding="utf-8")
    assert cli.refused(*words.split()).endswith(f"\nError: {REFUSED[words]}\n")
    assert not list(tmp_path.glob("x.*"))


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize("words", TOLD)
def test_what_changes_nothing_of_a_file_is_told(
    cli: Cli, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = cli(*words.split())
    assert (ran.exit_code, ran.stderr) == (0, f"{TOLD[words]}\n")
    assert [*tmp_path.glob("x.*")] or ran.stdout


@pytest.mark.usefixtures("keeping")
@pytest.mark.parametrize(
    "words",
    [
        "memory lenet5 --weights int8 --weights-in ram --limit 1MiB -o x.csv",
        "memory lenet5 --by tensor -o x.md",
        "memory lenet5 --picture arena -o x.html",
        "latency lenet5 --device v100 --by layer --picture kinds -o x.html",
        "latency lenet5 --device v100 --picture kinds -o x.svg",
        f"compare {LAYER} --execute -o x.md",
        f"sweep {WIDTHS} --device v100 --metric latency_ms -o x.svg",
        f"sweep {WIDTHS} --deploy --cliffs --metric flash_bytes",
        f"sweep {WIDTHS} --metric macs --metric params --limit 1 --device v100 -o x.html",
        "rewrite alexnet --to separable --convention thop -o x.html",
        "frontier --family vgg --highlight vgg -o x.json",
    ],
)
def test_what_changes_something_is_taken(cli: Cli, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cli.ok(*words.split())


def test_markdown_of_a_front_has_the_rows_that_are_asked_for(cli: Cli) -> None:
    front = ("sweep", *WIDTHS.split(), "--front", "macs,max:params", "--limit", "1")
    rows = {fmt: cli.ok(*front, "--format", fmt) for fmt in ("markdown", "csv")}
    assert [line.split("|")[1].strip() for line in rows["markdown"].splitlines() if line.startswith("| ")][1:] == [
        "0.5"
    ]
    assert len(rows["csv"].splitlines()) == 1 + 2  # which holds all
