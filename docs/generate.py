"""Write what follows from code and data: docs/ops.md, cli.md, conventions.md, the JSON Schema, and all of reports/.

python docs/generate.py            write them
python docs/generate.py --check    exit 1 if one of them is stale (a test does this)
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import gallery
from tabulate import tabulate

from convcost.cli.main import main as convcost
from convcost.conventions.catalog import all_conventions, group_words, in_words
from convcost.conventions.convention import Convention
from convcost.core.cost import LEDGER
from convcost.core.units import exact, plus
from convcost.networks.listing import list_table
from convcost.networks.load import load
from convcost.ops import OPS
from convcost.ops.manual import manual
from convcost.published.data import sources
from convcost.published.verify import source_table, summary_table, verify
from convcost.render.table import json_text, render
from convcost.spec import standard
from convcost.spec.schema import json_schema

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Written by docs/generate.py; change the code or the specs instead. -->\n"


def ops_page() -> str:
    """The manual pages of all ops, as `convcost spec ops OP` prints them."""
    parts = [
        NOTE,
        "# Ops and blocks\n",
        "What `convcost spec ops NAME` prints, for every op and for every block of the standard library, which come last; the",
        "default of an attribute is what a spec may leave out.\n",
    ]
    parts += [f"## {name}\n\n```text\n{manual(name).text}```\n" for name in sorted(OPS)]
    parts += [f"## {name}\n\n```text\n{standard.manual(name).text}```\n" for name in sorted(standard.names())]
    return "\n".join(parts)


KEPT = """\
## What is kept between calls

`list`, `frontier`, `verify` and the texts of `report` keep what they counted of the zoo, so that asking again takes no
counting; the wheel brings along what the first three ask by default. An answer is kept under a digest of everything that it
depends on: the source and data of convcost and the specs of the zoo, byte by byte. After any edit of them everything is
counted anew, and a file of yours is counted every time.

`CONVCOST_CACHE` is the folder to keep answers in; `CONVCOST_CACHE=0` keeps and reads none. Without it that is
`$XDG_CACHE_HOME/convcost`, by default `~/.cache/convcost`; on macOS `~/Library/Caches/convcost`, on Windows
`%LOCALAPPDATA%\\convcost`. It holds at most 200 files and 16 MiB, plain JSON behind a checksum; it may be deleted at any
time. Where it cannot be read or written, convcost counts. A program that changes convcost's rules in memory should
turn it off.
"""


def cli_page() -> str:
    """The help of every command."""
    return "\n".join([NOTE, "# Commands\n", *_help(convcost, "convcost", None), KEPT])


def _help(command: click.Command, path: str, parent: click.Context | None) -> list[str]:
    widths = {"max_content_width": 80, "terminal_width": 80, "help_option_names": ["-h", "--help"]}
    with click.Context(command, info_name=path.rsplit(maxsplit=1)[-1], parent=parent, **widths) as ctx:
        parts = [f"## {path}\n\n```text\n{command.get_help(ctx)}\n```\n"]
        if isinstance(command, click.Group):
            for name in command.list_commands(ctx):
                inner = command.get_command(ctx, name)
                if inner is not None:
                    parts += _help(inner, f"{path} {name}", ctx)
        return parts


def zoo_page() -> str:
    """The zoo as `convcost list` shows it."""
    return f"{NOTE}\n# The zoo\n\n{render(list_table(), 'markdown')}"


def published_page() -> str:
    """Every published figure beside what convcost finds, source by source."""
    verdicts = verify()
    table = summary_table(verdicts)
    parts = [
        NOTE,
        "# Published figures, recomputed\n",
        "What `convcost verify` says; [docs/published.md](../docs/published.md) explains how to read it. Cited accuracies",
        "stand in [accuracy.csv](../specs/published/accuracy.csv).\n",
        render(replace(table, notes=table.notes[-1:]), "markdown"),
    ]
    for source in sources().values():
        figures = source_table(source.key, verdicts)
        if figures.rows:
            where = f"{source.where}, {source.year}; {source.kind}, read {source.read}"
            parts += [f"## {source.key}\n", f"{source.title}. {where}.\n", render(figures, "markdown")]
    return re.sub(" {2,}|-{4,}", lambda run: run[0][0] * (1 if run[0][0] == " " else 3), "\n".join(parts))  # not padded


def conventions_page() -> str:
    """Every convention with its terms, and what they make of some networks."""
    parts = [
        NOTE,
        "# Conventions\n",
        "What counts as an operation. Each convention is a linear function over the ledger of a network's ops, kept as",
        "data in [conventions.yaml](../convcost/conventions/conventions.yaml): a new one is an entry there and nothing else.",
        "`--convention NAME` chooses one, and `convcost reconcile MODEL [FIRST] [SECOND]` shows term by term why two differ.",
        "Those named after a tool give what that tool prints, to the unit: tests compare them with the tools themselves, on",
        "networks and op by op; what no such function can give is named under the table. `a as functional` is an op that the",
        "reference implementation calls as a function (`as` in [language.md](language.md)), `upsample bilinear` one in this",
        "mode. What a convention ignores stands there with the reason; an op that it does not name is printed as not counted.",
        "Words for several ops are explained [below](#words).\n",
        "Four conventions count **bits**: `bops`, `bops_baskin`, `ace` and `cpu64` take the types of what each layer multiplies,",
        "as the network states them (`bits:` and `dtype:` in [language.md](language.md#bits)), fp32 where it states none, or as",
        "`--dtype` asks - of `report`, `reconcile` and `explain`. `convcost report resnet18 --convention bops --dtype int8` is",
        "W8A8. Every count stays a whole number: where a convention has a logarithm or a 64th, each layer's part is rounded to the",
        "nearest, and the description says so. A sweep counts MACs, parameters and bytes under no convention; a knob may give the",
        "bits, and `report MODEL:bits=4 MODEL:bits=8 --convention bops` then sets its values side by side.\n",
        *map(_convention, all_conventions().values()),
        "## What they make of some networks\n",
        _counts(COUNTED),
        "## Words\n",
        tabulate(group_words().items(), ("word", "ops"), tablefmt="github") + "\n",
    ]
    return "\n".join(parts)


COUNTED = (
    "alexnet_one_tower", "vgg16", "googlenet_torchvision", "inception_v3", "resnet18", "resnet50", "mobilenet_v2",
    "efficientnet_b0", "shufflenet_v2_x1_0", "mnasnet1_0", "squeezenet1_0", "vit_b_16", "swin_t", "r3d_18",
)  # fmt: skip


def _convention(convention: Convention) -> str:
    ops: dict[str, list[str]] = {}
    for op, factors in convention.terms.items():
        sums = plus(f"{factor} × {LEDGER[name]}" for name, factor in factors.items())
        ops.setdefault(sums or "not counted", []).append(op)
    rows = [[", ".join(in_words(names)), what] for what, names in ops.items()]
    why: dict[str, list[str]] = {}
    for op, words in convention.ignored.items():
        why.setdefault(f"nothing: {words}", []).append(op)
    rows += [[", ".join(in_words(names)), what] for what, names in why.items()]
    beyond: dict[str, list[str]] = {}
    for op, words in convention.limits.items():
        beyond.setdefault(words, []).append(op)
    head = f"## {convention.name}\n\nIn {convention.unit}: {convention.counts}.\n\nSource: {convention.source}.\n"
    limits = [f"- not to the unit, {', '.join(in_words(names))}: {limit}" for limit, names in beyond.items()]
    return "\n".join(
        [head, tabulate(rows, ("ops", "each counts"), tablefmt="github"), *([""] if limits else []), *limits, ""]
    )


def _counts(models: Sequence[str]) -> str:
    networks = [load(model) for model in models]
    rows = [[name, *(exact(one.report(name).totals.operations) for one in networks)] for name in all_conventions()]
    aligned = ["left"] + ["right"] * len(models)
    return tabulate(rows, ("", *models), tablefmt="github", disable_numparse=True, colalign=aligned) + "\n"


FILES = {
    "docs/ops.md": ops_page,
    "docs/cli.md": cli_page,
    "docs/conventions.md": conventions_page,
    "reports/zoo.md": zoo_page,
    "reports/published.md": published_page,
    "specs/convcost.schema.json": lambda: json_text(json_schema()),
    **gallery.files(),
}


def main(args: list[str]) -> int:
    """Write or check every file; the number of stale ones tells the exit status."""
    texts = {name: make() for name, make in FILES.items()}
    stale = [name for name, text in texts.items() if not _is_current(ROOT / name, text)]
    if "--check" in args:
        for name in stale:
            print(f"{name} is stale: run python docs/generate.py")
        return 1 if stale else 0
    for name in stale:
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(texts[name], encoding="utf-8")
    return 0


def _is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
