"""Mutants are one token away from the code, a seed always gives the same ones, and the bench tells who survives."""

from __future__ import annotations

import argparse
import ast
from pathlib import Path

import pytest

from mutation import run
from mutation.__main__ import chosen
from mutation.mutants import Mutant, mutants
from mutation.run import ROOT, Bench, all_mutants, equivalents, modules, stages

SOURCE = '''"""A module of 1 line."""
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    ONE = 1

@lru_cache(maxsize=1)
def f(x: int | None, y: int = 3, *rest: int) -> int | str:
    """It returns 7."""
    total: int = min(x, -y) // (2 * x)  # 9
    if x is not None and rest:
        total += sum(zip(rest, rest[1:], strict=True))
    while flag: pass
    return f"{1 + 2}" if not isinstance(x, int | str) else [é for é in "ä" if é.ok] + [True]
'''


def test_every_kind_of_token_is_changed_and_nothing_that_gives_no_result() -> None:
    assert [(one.old, one.new) for one in mutants("x.py", SOURCE)] == [
        *[("3", "4"), ("min", "max"), ("-", ""), ("//", "*"), ("2", "3"), ("*", "+")],
        *[("is not", "is"), ("and", "or"), ("+=", "-="), ("1", "2"), ("", "not ")],
        *[("not ", ""), ("", "not "), ("+", "-"), ("True", "False")],
    ]
    assert mutants("x.py", SOURCE)[-2].shown.endswith("if é.ok] - [True]")


@pytest.mark.parametrize("file", ["convcost/core/dims.py", "convcost/spec/elaborate.py", "convcost/ops/conv.py"])
def test_each_is_the_module_with_one_token_changed(file: str) -> None:
    found = all_mutants([file])
    assert len({one.label for one in found}) == len(found) > 50
    source = (ROOT / file).read_text(encoding="utf-8")
    for one in found:
        assert one.text != source
        assert one.text.replace(one.shown, "", 1) != one.text
        assert len(one.text) - len(source) == len(one.new) - len(one.old)
    for one in found[::10]:
        ast.parse(one.text)


def test_a_seed_always_gives_the_same_ones() -> None:
    def sample(seed: int) -> list[str]:
        asked = argparse.Namespace(names=["ops"], sample=5, seed=seed, only=None)
        return [one.label for one in chosen(asked)]

    assert sample(1) == sample(1) != sample(2)
    (line, *_) = all_mutants(modules("core/dims.py"))
    only = argparse.Namespace(names=["core"], only=line.label)
    assert chosen(only) == [line]


def test_what_is_said_to_be_equivalent_is_a_mutant_of_the_code_as_it_is() -> None:
    known = equivalents()
    files = sorted({file for file, _ in known})
    assert {*known} <= {(one.file, one.shown) for one in all_mutants(files)}
    assert all(known.values())


def test_all_packages_are_covered_by_tests_that_are_there() -> None:
    packages = {path.parent.name for path in (ROOT / "convcost").glob("*/__init__.py")}
    assert {*run.COVERING} <= packages
    for package in ("core", "ops", "memory", "space", "spec", "importers", "devices"):
        for asked in stages(f"convcost/{package}/__init__.py"):
            assert all((ROOT / word.split("::")[0]).exists() for word in asked if word.startswith("tests"))
    assert all((ROOT / file).exists() for file in run.BROAD)


@pytest.mark.slow
def test_who_is_noticed_and_who_survives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`n + 1` is tested, the default is not, `n -= 1` never ends, and what fails anyway notices nothing."""
    source = "def after(n=0):\n    return n + 1\n\n\ndef first(n):\n    while n < 9:\n        n += 1\n    return n\n"
    test = (
        "from convcost.core.half import after, first\n\n\ndef test_it():\n    assert (after(3), first(8)) == (4, 9)\n"
    )
    doctests = "import pytest\n\n\n"
    doctests += '@pytest.mark.parametrize("name", ["convcost.core.half", "convcost.testing.plugin"])\n'
    doctests += "def test_examples_in_docstrings_give_what_they_show(name):\n    pass\n"
    for folder in ("project/convcost/core", "project/convcost/testing", "project/tests/core", "copy"):
        (tmp_path / folder).mkdir(parents=True)
    for name, text in {
        "convcost/__init__.py": "",
        "convcost/core/__init__.py": "",
        "convcost/testing/__init__.py": "",
        "convcost/testing/plugin.py": "import os\n",  # pytest loads it wherever convcost is installed
        "convcost/core/half.py": source,
        "tests/core/test_half.py": test,
        "tests/core/test_half_done.py": "def test_it():\n    assert False\n",
        "tests/test_doctests.py": doctests,
        "pyproject.toml": '[tool.pytest.ini_options]\nmarkers = ["slow: x", "browser: x", "oracle: x"]\n',
    }.items():
        (tmp_path / "project" / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(run, "ROOT", tmp_path / "project")
    monkeypatch.setattr(run, "COVERING", {"testing": ("core",)})
    monkeypatch.setattr(run, "BROAD", set())
    monkeypatch.setattr(run, "SECONDS", (3, 3))
    monkeypatch.setattr(run, "equivalents", lambda: {("convcost/core/half.py", "while n <= 9:"): "of no consequence"})
    bench = Bench(tmp_path / "copy")
    expected = {
        "def after(n=1):": "survived",
        "return n - 1": "killed",
        "while n <= 9:": "equivalent",
        "n -= 1": "killed by its time",
    }
    every = all_mutants(["convcost/core/half.py"])
    assert len(every) == 7
    assert {one.shown: bench.outcome(one, 1).word for one in every if one.shown in expected} == expected
    plugin = tmp_path / "copy" / "convcost" / "testing" / "plugin.py"
    unstarted = bench.outcome(
        Mutant("convcost/testing/plugin.py", 1, 7, "os", "nothing_of_this_name", "import os\n"), 1
    )
    assert (unstarted.word, unstarted.why) == ("killed", "pytest does not start")
    plugin.write_text("import nothing_of_this_name\n", encoding="utf-8")
    with pytest.raises(RuntimeError, match="without any mutant"):
        bench.outcome(every[0], 1)
    assert (tmp_path / "project" / "convcost" / "core" / "half.py").read_text(encoding="utf-8") == source
    assert (tmp_path / "copy" / "convcost" / "core" / "half.py").read_text(encoding="utf-8") == source
