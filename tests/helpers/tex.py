"""LaTeX as an author would compile it: a whole document around what convcost writes, through the engine that is here."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

ENGINES = ("pdflatex", "lualatex", "tectonic")
PACKAGES = ("booktabs.sty", "siunitx.sty")


@lru_cache(maxsize=1)
def engine() -> str | None:
    """The engine that is here with the packages that the tables need; None if there is none."""
    for name in ENGINES:
        if shutil.which(name) and (name == "tectonic" or _has_packages()):
            return name
    return None


def _has_packages() -> bool:
    if not shutil.which("kpsewhich"):
        return False
    found = subprocess.run(["kpsewhich", *PACKAGES], capture_output=True, text=True, timeout=60, check=False)
    return len(found.stdout.split()) == len(PACKAGES)


def reader() -> str | None:
    """What reads the text of a PDF; None if it is not here."""
    return shutil.which("pdftotext")


def pages(folder: Path) -> list[str]:
    """The text of each page that was compiled there, line by line as it is printed."""
    name = reader()
    assert name is not None
    command = [name, "-layout", "tables.pdf", "-"]
    ran = subprocess.run(command, cwd=folder, capture_output=True, timeout=60, check=True)
    return ran.stdout.decode().split("\f")[:-1]


def document(parts: Sequence[str]) -> str:
    """A document of these tables, as large as they need, a page or more each."""
    tables = "\n".join(f"\\noindent\n{part}\\clearpage" for part in parts)
    size = "\\usepackage[paperwidth=150cm,paperheight=100cm,margin=2cm]{geometry}\n"
    used = size + "".join(f"\\usepackage{{{name}}}\n" for name in ("booktabs", "siunitx"))
    return f"\\documentclass{{article}}\n{used}\\pagestyle{{empty}}\\begin{{document}}\n{tables}\n\\end{{document}}\n"


def complaints(text: str, folder: Path) -> list[str]:
    """What the engine complains about in a document: errors, and characters that are not printed; the PDF stays in the folder."""
    name = engine()
    assert name is not None
    (folder / "tables.tex").write_text(text, encoding="utf-8")
    options = [] if name == "tectonic" else ["-interaction=nonstopmode", "-halt-on-error"]
    ran = subprocess.run(
        [name, *options, "tables.tex"],
        cwd=folder,
        capture_output=True,
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    said = ran.stdout.decode("utf-8", "replace") + ran.stderr.decode("utf-8", "replace")
    found = re.findall(r"^!.*(?:\n.*){0,6}|^Missing character.*", said, re.MULTILINE)
    return found or ([said[-2000:]] if ran.returncode else [])
