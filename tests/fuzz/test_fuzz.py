"""2,000 hostile cases, and 1,500 of model files; the same by hundreds of thousands: `python -m fuzz 200000 --jobs 2`, in tests."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from helpers.limits import posix
from helpers.paths import ROOT, TESTS

from fuzz import doors, run, watch
from fuzz.case import Case, kept
from fuzz.doors import End
from fuzz.models import FORMATS
from fuzz.run import Finding, Found, judged, label, made, spread

pytestmark = posix
PARTS, EACH = 4, 500
FILES = 300
"""Of each format of models, about."""
KEPT = sorted((Path(__file__).parent / "kept").glob("*.yaml"))
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{TESTS}"}


def python(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**ENVIRONMENT, **more}
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_hostile_input_through_every_door(part: int) -> None:
    """In a process of its own, whose memory is that of the cases."""
    ran = python("-m", "fuzz", str(EACH), "--from", str(part * EACH))
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    for kind in run.KINDS.keys() - FORMATS.keys():
        assert f"{kind} fine" in ran.stdout, "some are answered"
        assert f"{kind} refused" in ran.stdout, "and some are not"


@pytest.mark.slow
def test_hostile_model_files_of_each_format() -> None:
    """Files of which few are answered, or few refused, do not reach what reads them."""
    ran = python("-m", "fuzz", str(FILES * len(FORMATS)), *(f"--of={kind}" for kind in FORMATS))
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    ends = Counter({end: int(number) for end, number in re.findall(r"(\w+ \w+) (\d+)", ran.stdout)})
    for kind in FORMATS:
        assert min(ends[f"{kind} fine"], ends[f"{kind} refused"]) > FILES / 10


@pytest.fixture(scope="module")
def apart() -> Iterator[Executor]:
    """A process for kept cases alone: one that has run thousands of other tests has memory that no case asked for."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        yield process


@pytest.mark.parametrize("path", KEPT, ids=[path.stem for path in KEPT])
def test_what_was_found_once_is_right_now(path: Path, apart: Executor) -> None:
    case = kept(path)
    assert case.right, "a kept case says what is right"
    end = apart.submit(judged, case).result()
    assert isinstance(end, End), end.said


def test_a_label_is_one_case_everywhere() -> None:
    """Made twice, and by a process whose texts have other hashes."""
    some = [label(3, number) for number in range(60)]
    texts = [made(one).text() for one in some]
    assert texts == [made(one).text() for one in some]
    script = "import sys, hashlib\nfrom fuzz.run import made\nfor one in sys.argv[1:]: print(hashlib.md5(made(one).text().encode()).hexdigest())"
    printed = python("-c", script, *some, PYTHONHASHSEED="7").stdout
    assert printed.split() == [hashlib.md5(text.encode()).hexdigest() for text in texts]


# -- the fuzzer can fail -----------------------------------------------------------------------------------------------

NET = b"convcost: 1\nname: net\ninput: [6, 6, 3]\nlayers:\n  - {conv2d: {channels: 5, kernel: 3}, name: c}\n"


def found(
    monkeypatch: pytest.MonkeyPatch, place: str, broken: Any, *ask: Any, files: dict[str, bytes] | None = None
) -> str:
    """What kind of finding a case is, with something broken."""
    monkeypatch.setattr(place, broken)
    end = judged(Case("net", ask or ("network", "net.yaml"), files or {"net.yaml": NET}))
    return end.kind if isinstance(end, Finding) else end.how


def test_a_whole_network_is_fine():
    for door in (
        "network",
        "resolved",
        "imported",
        "remembered",
        "rewritten",
        "drawn",
        "explained",
        "deployed",
        "shown",
    ):
        assert judged(Case("net", (door, "net.yaml"), {"net.yaml": NET})) == End("fine")


def test_an_exception_is_found_with_its_place(monkeypatch: pytest.MonkeyPatch):
    def broken(*_args: Any) -> Any:
        raise IndexError

    assert found(monkeypatch, "convcost.networks.load.find", broken).startswith("IndexError")


def test_a_total_that_is_no_sum_is_found(monkeypatch: pytest.MonkeyPatch):
    from convcost.results import report

    real = report._totals
    broken = lambda *args: replace(real(*args), params=1)  # noqa: E731
    assert found(monkeypatch, "convcost.results.report._totals", broken) == "Wrong: params in total is no sum"


def test_a_sweep_that_is_off_by_one_is_found(monkeypatch: pytest.MonkeyPatch):
    """144 · 16 positions · n of kernel 3 and 3 channels: 432 MACs at n = 1, and one more is wrong."""
    from convcost.space.sweep import Sweep

    knobbed = NET.replace(b"5", b"n").replace(b"input", b"knobs: {n: 1}\ninput")
    real = Sweep.records
    broken = lambda grid: ({**record, "macs": record["macs"] + 1} for record in real(grid))  # noqa: E731
    ask = ("swept", "net.yaml", {"batch": 1}, {"n": ["1", "2"]})
    assert judged(Case("net", ask, {"net.yaml": knobbed})) == End("fine")
    assert found(monkeypatch, "convcost.space.sweep.Sweep.records", broken, *ask, files={"net.yaml": knobbed}) == (
        "Wrong: macs of a sweep is N, alone N"
    )


def test_of_a_sweep_of_large_networks_some_are_compared(monkeypatch: pytest.MonkeyPatch):
    """Each has 4,000 layers, and 8,000 are built beside the sweep's own: those of two of the twelve."""
    large = b"convcost: 1\nname: net\ninput: [c, d]\nknobs: {c: 1, d: 1}\nlayers: [{relu: , repeat: 4000}]\n"
    real, built = doors.convcost.load, list[Any]()
    monkeypatch.setattr("convcost.load", lambda *asked: built.append(asked) or real(*asked))
    ask = ("swept", "net.yaml", {}, {"c": ["1", "2", "3", "4"], "d": ["1", "2", "3"]})
    assert judged(Case("net", ask, {"net.yaml": large})) == End("fine")
    assert len(built) == 2


def test_a_fit_of_large_networks_is_tried_in_part(monkeypatch: pytest.MonkeyPatch):
    """Each has 4,001 nodes: after two of the twelve 8,000 are built, and what was found is looked at."""
    large = b"convcost: 1\nname: net\ninput: [c, d]\nknobs: {c: 1, d: 1}\nlayers: [{relu: , repeat: 4001}]\n"
    real, built = doors.convcost.load, list[Any]()
    monkeypatch.setattr("convcost.load", lambda *asked: built.append(asked) or real(*asked))
    ask = ("fitted", "net.yaml", 10, {"c": ["1", "2", "3", "4"], "d": ["1", "2", "3"]})
    assert judged(Case("net", ask, {"net.yaml": large})) == End("fine")
    assert len(built) == 2 + 1


def test_a_fit_that_leaves_out_the_largest_is_found(monkeypatch: pytest.MonkeyPatch):
    """28·n parameters: n = 1 and 2 are within 60, and 2 is the larger."""
    knobbed = NET.replace(b"5", b"n").replace(b"input", b"knobs: {n: 1}\ninput")
    ask = ("fitted", "net.yaml", 60, {"n": ["1", "2", "3"]})
    assert judged(Case("net", ask, {"net.yaml": knobbed})) == End("fine")
    kind = found(monkeypatch, "convcost.space.fit.maximal", lambda fits, _: fits, *ask, files={"net.yaml": knobbed})
    assert kind.startswith("Wrong: the largest are")


def test_a_refusal_without_a_word_is_found_but_for_annotations(monkeypatch: pytest.MonkeyPatch):
    ask, files = ("convcost", "check", "net.yaml", "--format"), {"net.yaml": NET}
    kinds = [
        found(monkeypatch, "convcost.cli.check.tell", lambda _said: None, *ask, word, files=files)
        for word in ("json", "github")
    ]
    assert kinds == ["Wrong: exit status N without a word", "refused"]


def test_what_takes_too_long_is_cut_and_named(monkeypatch: pytest.MonkeyPatch):
    def broken(*_args: Any) -> Any:
        while True:
            pass

    monkeypatch.setattr(watch, "SECONDS", 0.1)
    assert found(monkeypatch, "convcost.networks.load.find", broken).startswith("Late")


def test_what_takes_too_much_memory_is_named(monkeypatch: pytest.MonkeyPatch):
    real = doors.convcost.load

    def broken(*args: Any) -> Any:
        assert bytearray(watch.BYTES)
        return real(*args)

    assert found(monkeypatch, "convcost.load", broken).startswith("Large")


def test_what_took_too_much_is_asked_for_again_alone():
    """Of three cases of one kind one was wrong, one took too long twice, and one only beside others."""
    cases = {name: made(f"call:3:{name}") for name in "123"}
    ends = {"2": Finding(cases["2"], "Slow", ""), "3": End("refused")}
    got = Found()
    for name, kind in {"1": "KeyError", "2": "Slow", "3": "Large"}.items():
        got.add(f"call:3:{name}", Finding(cases[name], kind, ""))
    got.settle(lambda case: ends[case.label[-1]])
    assert [(one.case.label, one.kind) for one in got.findings] == [("call:3:1", "KeyError"), ("call:3:2", "Slow")]
    assert got.ends == {"call wrong": 2, "call refused once alone": 1}


@pytest.mark.slow
def test_a_process_that_dies_is_named_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    deadly = f"""
        import os, random
        class Deadly(random.Random):
            def __init__(self, seed=None):
                if str(seed) in ("5:3", "command:5:7"):
                    os.kill(os.getpid(), {int(signal.SIGKILL)})
                super().__init__(seed)
        random.Random = Deadly
    """
    (tmp_path / "sitecustomize.py").write_text(dedent(deadly))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ENVIRONMENT['PYTHONPATH']}")
    got = spread(5, range(12), jobs=2)
    assert got.ends.total() == 12
    assert {one.case.label for one in got.findings} == {"?:5:3", "command:5:7"}
