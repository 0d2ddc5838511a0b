"""Write what follows from the code: docs/ops.md, docs/cli.md, specs/convcost.schema.json, reports/zoo.md.

python docs/generate.py            write them
python docs/generate.py --check    exit 1 if one of them is stale (a test does this)
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from convcost.cli.main import main as convcost
from convcost.listing import list_table
from convcost.ops import OPS
from convcost.render import json_text, render
from convcost.spec.manual import page
from convcost.spec.schema import json_schema

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Written by docs/generate.py; change the code or the specs instead. -->\n"


def ops_page() -> str:
    """The manual pages of all ops, as `convcost spec ops OP` prints them."""
    parts = [
        NOTE,
        "# Ops\n",
        "What `convcost spec ops OP` prints, for every op; the default of an attribute is what a spec may leave out.\n",
    ]
    parts += [f"## {name}\n\n```text\n{page(name)}```\n" for name in sorted(OPS)]
    return "\n".join(parts)


def cli_page() -> str:
    """The help of every command."""
    return "\n".join([NOTE, "# Commands\n", *_help(convcost, "convcost", None)])


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


FILES = {
    "docs/ops.md": ops_page,
    "docs/cli.md": cli_page,
    "reports/zoo.md": zoo_page,
    "specs/convcost.schema.json": lambda: json_text(json_schema()),
}


def main(args: list[str]) -> int:
    """Write or check every file; the number of stale ones tells the exit status."""
    stale = [name for name, make in FILES.items() if not _is_current(ROOT / name, make())]
    if "--check" in args:
        for name in stale:
            print(f"{name} is stale: run python docs/generate.py")
        return 1 if stale else 0
    for name in stale:
        (ROOT / name).write_text(FILES[name](), encoding="utf-8")
    return 0


def _is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
