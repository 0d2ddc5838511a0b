"""What bad input is answered with: every malformed spec against its message, misuse of the command line, a fuzzer.

tests/cases/invalid/NAME.yaml is answered with exactly what NAME.txt says. A name that begins with bomb_ is a spec that
would take for ever, or all memory, if nothing bounded it: it is only ever run in a process of its own, under limits.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest
import yaml
from click.testing import CliRunner, Result
from helpers.paths import ROOT

from convcost import ConvcostError, load
from convcost.cli import main
from convcost.networks.load import open_network, validate
from convcost.ops import OPS
from convcost.spec.hints import ATTRIBUTE_NOTES, ATTRIBUTES, OPS_ABSENT, OPS_ELSEWHERE

CASES = Path("tests/cases/invalid")
NAMES = sorted(path.stem for path in (ROOT / CASES).glob("*.yaml"))
BOMBS = [name for name in NAMES if name.startswith("bomb_")]
QUICK = [name for name in NAMES if name not in BOMBS]
#: Cases that also run as a process, to see exit status, both streams, time and memory as a shell would.
AS_PROCESS = [
    *BOMBS,
    "alias_bomb",
    "block_used_often",
    "bytes_binary",
    "cycle_argument",
    "cycle_two",
    "number_digits",
    "repeat_billion",
    "several_problems",
    "top_empty",
    "unicode",
]
#: What is only wrong at a preset: `report`, which reads the default knobs, may answer.
ONLY_AT_A_PRESET = {"preset_breaks", "preset_value"}
#: Messages that are libyaml's own.
LIBYAML = {name for name in NAMES if ": not valid YAML: " in (ROOT / CASES / f"{name}.txt").read_text(encoding="utf-8")}

#: Of processor time: 2 on a quiet machine, and a busy one may take twice as long.
MOST_SECONDS = 4.0
MOST_BYTES = 300 << 20

posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, limits and devices")


@pytest.fixture(autouse=True)
def _in_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages name files as seen from the root of the repository."""
    monkeypatch.chdir(ROOT)


# -- running -----------------------------------------------------------------------------------------------------


class TooSlow(AssertionError):
    """Something that should be over at once is not."""


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """End what runs inside when it takes too long; where there is no such clock, let it run."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise TooSlow(f"still busy after {seconds} s")

    try:
        before = signal.signal(signal.SIGVTALRM, ring)
    except (AttributeError, ValueError):  # no such signal, or not the main thread
        yield
        return
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def run(*args: str) -> Result:
    """The command line in this process; an exception other than an exit is the test's failure."""
    with at_most(10):
        result = CliRunner().invoke(main, args, prog_name="convcost")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


class Ended(NamedTuple):
    """A process that has ended."""

    status: int
    stdout: str
    stderr: str
    seconds: float
    """Of processor time."""
    bytes: int
    """Most memory at once."""


#: The process that is measured is the child of a small one, because a child starts with the memory mark of its parent.
LAUNCH = """
import json, os, resource, sys
child = os.fork()
if not child:
    resource.setrlimit(resource.RLIMIT_CPU, (6, 6))
    try:
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    except (OSError, ValueError):
        pass
    os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
_, status, used = os.wait4(child, 0)
unit = 1 if sys.platform == "darwin" else 1024
with open(sys.argv[1], "w") as file:
    json.dump([os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, used.ru_maxrss * unit], file)
"""


def process(tmp_path: Path, *args: str) -> Ended:
    """`convcost ARGS` in a process of its own, measured and under limits that only a defect can reach."""
    usage = tmp_path / "usage.json"
    launched = subprocess.run(
        [sys.executable, "-c", LAUNCH, str(usage), "-m", "convcost", *args],
        capture_output=True,
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    status, seconds, peak = json.loads(usage.read_text())
    return Ended(status, launched.stdout.decode(), launched.stderr.decode(), seconds, peak)


def shell(script: str, *args: str) -> subprocess.CompletedProcess[str]:
    """A line of sh in which "$@" is `convcost ARGS`."""
    command = ["sh", "-c", script, "sh", sys.executable, "-m", "convcost", *args]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)


def bounded(ended: Ended) -> None:
    """What holds however bad the input is."""
    assert "Traceback" not in ended.stderr, ended.stderr[-2000:]
    assert ended.status in {0, 2}
    assert ended.seconds < MOST_SECONDS
    assert ended.bytes < MOST_BYTES


# -- the cases ---------------------------------------------------------------------------------------------------


def expected(name: str) -> str:
    return (ROOT / CASES / f"{name}.txt").read_text(encoding="utf-8")


def difference(name: str, got: str, want: str | None = None) -> str:
    """Where the answer is not what the case says, as a diff; empty if they are the same."""
    want = expected(name) if want is None else want
    lines = (text.splitlines(keepends=True) for text in (want, got))
    return "" if got == want else "".join(difflib.unified_diff(*lines, f"{name}.txt", "stderr")) or "line ends differ"


def skip_without_libyaml(name: str) -> None:
    if name in LIBYAML and not yaml.__with_libyaml__:
        pytest.skip("PyYAML was built without libyaml, whose words these are")


@pytest.mark.parametrize("name", QUICK)
def test_message(name: str) -> None:
    skip_without_libyaml(name)
    result = run("spec", "validate", str(CASES / f"{name}.yaml"))
    assert not difference(name, result.stderr)
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize("name", [name for name in QUICK if name not in ONLY_AT_A_PRESET])
def test_report_and_resolve_say_the_same(name: str) -> None:
    for command in (("report",), ("spec", "resolve")):
        result = run(*command, str(CASES / f"{name}.yaml"))
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == run("spec", "validate", str(CASES / f"{name}.yaml")).stderr


@posix
@pytest.mark.parametrize("name", AS_PROCESS)
def test_message_as_process(name: str, tmp_path: Path) -> None:
    skip_without_libyaml(name)
    ended = process(tmp_path, "report", str(CASES / f"{name}.yaml"))
    bounded(ended)
    assert not difference(name, ended.stderr)
    assert (ended.status, ended.stdout) == (2, "")


def test_every_case_is_whole() -> None:
    files = {path.name for path in (ROOT / CASES).iterdir()}
    assert files == {f"{name}{ending}" for name in NAMES for ending in (".yaml", ".txt")}
    assert len(NAMES) >= 75
    assert set(AS_PROCESS) | ONLY_AT_A_PRESET <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_expected_messages_are_well_formed(name: str) -> None:
    """One problem a line, each at a place that exists, in the order of the file, none twice, nothing of Python's."""
    text = expected(name)
    assert text.endswith("\n")
    lines = text.splitlines()
    source = (ROOT / CASES / f"{name}.yaml").read_bytes().decode("utf-8", "replace").lstrip("\ufeff").splitlines()
    places = []
    for said in lines:
        match = re.fullmatch(rf"{CASES.as_posix()}/{name}\.yaml:(\d+):(\d+): (\S.*)", said)
        assert match, said
        line, column = int(match[1]), int(match[2])
        places.append((line, column))
        # A problem may be that the file ends.
        assert line <= len(source) + 1
        assert column <= len([*source, ""][line - 1]) + 1 or not source
        assert not re.search(r"None|True|False|Fraction\(|<[a-z]+ |object at|Error\b", match[3].partition("'")[0]), said
        assert len(said) < 400 + len(name)
    assert places == sorted(places)
    assert len(set(lines)) == len(lines)


def test_the_comparison_can_fail() -> None:
    name = "stride_zero"
    got = run("spec", "validate", str(CASES / f"{name}.yaml")).stderr
    assert not difference(name, got)
    for wrong in (
        got.replace("got 0", "got 1"),
        got.replace(":5:47:", ":5:48:"),
        got + got,
        got.partition("\n")[2],
        got.rstrip("\n"),
        "",
    ):
        assert difference(name, wrong)


def test_what_is_said_of_other_tools_exists_here() -> None:
    for said in OPS_ELSEWHERE.values():
        first = re.split(r"[^a-z0-9_]", said.removeprefix("{"))[0]
        assert first in {*OPS, "parallel", "layers", "the"}, said
    attributes = {name for op in OPS.values() for name in op.attrs}
    assert set(ATTRIBUTES.values()) <= attributes
    assert not attributes & (set(ATTRIBUTES) | set(ATTRIBUTE_NOTES))
    assert not {*OPS} & {*OPS_ELSEWHERE, *OPS_ABSENT}
    assert not {*OPS_ELSEWHERE} & {*OPS_ABSENT}


# -- what cannot be a file of this repository --------------------------------------------------------------------


def refused(*args: str) -> str:
    """What stderr says where the answer is to be one line and exit status 2."""
    result = run(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert result.stderr.endswith("\n")
    return result.stderr[:-1]


BOTH = pytest.mark.parametrize("command", [("report",), ("spec", "validate"), ("spec", "resolve")], ids=" ".join)


@BOTH
def test_directory(command: Sequence[str], tmp_path: Path) -> None:
    path = tmp_path / "folder.yaml"
    path.mkdir()
    assert refused(*command, str(path)) == f"{path}: cannot be read: Is a directory"


@BOTH
def test_missing_file(command: Sequence[str], tmp_path: Path) -> None:
    path = tmp_path / "missing.yaml"
    assert refused(*command, str(path)) == f"{path}: cannot be read: No such file or directory"


@BOTH
def test_unreadable_file(command: Sequence[str], tmp_path: Path) -> None:
    memory = Path("/proc/self/mem")
    if memory.exists():
        assert refused(*command, str(memory)) == f"{memory}: cannot be read: Input/output error"
    if hasattr(os, "geteuid") and os.geteuid() != 0:
        path = tmp_path / "closed.yaml"
        path.write_text("convcost: 1\n")
        path.chmod(0)
        assert refused(*command, str(path)) == f"{path}: cannot be read: Permission denied"


@BOTH
def test_file_of_two_mebibytes(command: Sequence[str], tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("# more\n" * (2 << 20))
    assert refused(*command, str(path)) == f"{path}: is larger than a spec may be (1,048,576 bytes)"


@BOTH
@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device")
def test_file_without_end(command: Sequence[str]) -> None:
    assert refused(*command, "/dev/zero") == "/dev/zero: is larger than a spec may be (1,048,576 bytes)"


@BOTH
@posix
def test_pipe_that_closes_at_once(command: Sequence[str], tmp_path: Path) -> None:
    path = tmp_path / "pipe.yaml"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: os.close(os.open(path, os.O_WRONLY)), daemon=True)
    writer.start()
    assert refused(*command, str(path)) == f"{path}:1:1: the file is empty; a spec starts with 'convcost: 1'"
    writer.join(10)


@BOTH
@pytest.mark.parametrize(
    "name", ["../no_such_x", "no/such\nfile.yaml", "./a\0b", "a\0b", "\0", "a\nb", "", " ", "x" * 5000, "~"]
)
def test_odd_names(command: Sequence[str], name: str) -> None:
    said = refused(*command, name)
    assert "cannot be read" in said or "there is no network" in said


def test_several_files_at_once(tmp_path: Path) -> None:
    """Whatever is wrong with one of the files, the others are checked too."""
    missing, bad = str(tmp_path / "missing.yaml"), str(CASES / "stride_zero.yaml")
    result = run("spec", "validate", missing, "no_such_net", "specs/vgg.yaml", bad)
    assert result.exit_code == 2
    assert result.stdout == "specs/vgg.yaml: ok\n"
    lines = result.stderr.splitlines()
    assert f"{missing}: cannot be read: No such file or directory" in lines
    assert any(line.startswith("there is no network 'no_such_net'") for line in lines)
    assert set(expected("stride_zero").splitlines()) <= set(lines)
    assert len(lines) == 4


# -- large files, made here --------------------------------------------------------------------------------------

HEAD = "convcost: 1\nname: large\ninput: [8, 8, 4]\n"


def numbered(count: int, text: str, between: str = ", ") -> str:
    return between.join(text.replace("#", str(i)) for i in range(count))


#: Each within the bounds of a spec (1 MiB, 5,000 layers) in all but one way, or in none.
LARGE: dict[str, Callable[[], str]] = {
    "unnamed layers": lambda: HEAD + "layers:\n" + "  - relu\n" * 4_900,
    "unnamed convolutions": lambda: HEAD + "layers:\n" + "  - conv2d: {channels: 4, kernel: 1}\n" * 4_900,
    "more layers than may be": lambda: HEAD + "layers:\n" + "  - relu\n" * 100_000,
    "repeated convolution": lambda: HEAD + "layers: [{conv2d: {channels: 4, kernel: 1}, repeat: 5000}]\n",
    "one misspelling, often": lambda: HEAD + "layers:\n" + "  - reluu\n" * 100_000,
    "many misspellings": lambda: HEAD + "layers:\n" + numbered(80_000, "  - rel#\n", ""),
    "many keys twice": lambda: numbered(3, "k#: 1\n", "") * 30_000,
    "many values for layers": lambda: HEAD + f"layers: [{'1,' * 400_000} 1]\n",
    "nothing reads them": lambda: HEAD + "layers:\n" + "  - {relu: , in: input}\n" * 4_900,
    "columns": lambda: (
        HEAD + f"layers:\n  - each: relu\n    columns: [{numbered(50_000, 'a#')}]\n    rows: [[{'1,' * 49_999} 1]]\n"
    ),
    "columns, repeated": lambda: (
        HEAD
        + f"layers:\n  - layers: [{{each: relu, columns: [{numbered(2_000, 'a#')}], rows: [[{'1,' * 1_999} 1]]}}]\n"
        + "    repeat: 4900\n    name: x\n"
    ),
    "arguments": lambda: (
        HEAD + f"blocks:\n  b:\n    args: {{{numbered(50_000, 'a#: 1')}}}\n    layers: [relu]\nlayers: [b]\n"
    ),
    "arguments, repeated": lambda: (
        HEAD
        + f"blocks:\n  b:\n    args: {{{numbered(5_000, 'a#: 1')}}}\n    layers: [relu]\n"
        + "layers: [{b: , repeat: 4900}]\n"
    ),
    "branches": lambda: HEAD + f"layers:\n  - parallel: {{{numbered(4_900, 'b#: [relu]')}}}\n    join: add\n",
    "branches after names": lambda: (
        HEAD
        + f"layers:\n{numbered(2_400, '  - {relu: , name: n#}', chr(10))}\n"
        + f"  - parallel: {{{numbered(2_400, 'b#: [relu]')}}}\n    join: add\n"
    ),
    "blocks": lambda: (
        HEAD + "blocks:\n" + numbered(19_000, "  b#: {layers: [{relu: , if: 1 == 1}]}\n", "") + "layers: [relu]\n"
    ),
    "chain of blocks": lambda: (
        HEAD + "blocks:\n" + "".join(f"  b{i}: {{layers: [b{i + 1}]}}\n" for i in range(3_000)) + "layers: [relu]\n"
    ).replace("[b3000]", "[relu]"),
    "deep groups in deep blocks": lambda: (
        HEAD
        + "blocks:\n"
        + "".join(f"  b{i}: {{layers: {'[{layers: ' * 13}[b{i + 1}]{'}]' * 13}}}\n" for i in range(23))
        + "  b23: {layers: [relu]}\nlayers: [b0]\n"
    ),
    "knobs and misspelt knobs": lambda: (
        HEAD
        + f"knobs: {{{numbered(20_000, 'knob#: 1')}}}\nlayers:\n"
        + numbered(10_000, "  - {relu: , if: knab#}\n", "")
    ),
    "presets": lambda: (
        HEAD
        + f"knobs: {{n: 1}}\npresets: {{{numbered(1_000, 'p#: {n: #}')}}}\n"
        + "layers: [{relu: , repeat: 4000 + n}]\n"
    ),
    "presets that are all too large": lambda: (
        HEAD
        + f"knobs: {{n: 1}}\npresets: {{{numbered(100, 'p#: {n: #}')}}}\n"
        + "layers: [{relu: , repeat: 3000 + n, name: a}, {relu: , repeat: 3000, name: b}]\n"
    ),
    "digits": lambda: (
        HEAD
        + "layers:\n"
        + "".join(f"  - {{dropout: {{rate: {text}}}}}\n" for text in ("9" * 5000, f"1e{'9' * 5000}", f"0.{'1' * 5000}"))
        + "".join(f"  - {{dropout: {{rate: 1 - 1e{sign}{'9' * 300}}}}}\n" for sign in ("", "+", "-"))
    ),
    "edges": lambda: HEAD + f"layers: [{{relu: , name: a}}, {{concat: , in: [{numbered(90_000, 'a')}]}}]\n",
    "edges, repeated": lambda: (
        HEAD
        + f"layers: [{{relu: , name: a}}, {{layers: [{{add: , in: [{numbered(3_000, 'a')}]}}], repeat: 4900, name: b}}]\n"
    ),
    "parts": lambda: (
        HEAD.replace("4]", "1000]")
        + 'layers: [{layers: [{split: {sections: 1000}, name: s}, {relu: , in: "s:0"}, '
        + "{conv2d: {channels: 1000, kernel: 1}}], repeat: 1600, name: x}]\n"
    ),
    "long word": lambda: HEAD + f"layers:\n  - {'x' * 1_000_000}\n",
    "long list": lambda: HEAD + f"layers: [{{conv2d: {{channels: 1, kernel: [{'1,' * 200_000} 1]}}}}]\n",
    "long key": lambda: HEAD + f"layers: [{{conv2d: {{channels: 1, kernel: 1, {'x' * 500}: 1}}}}]\n",
    "large powers": lambda: (
        HEAD
        + f"knobs: {{x: 1.000000001}}\nlayers: [{{conv2d: {{channels: floor({'*'.join('x' * 190)}), kernel: 1}}}}]\n"
    ),
}


@posix
@pytest.mark.parametrize("what", LARGE)
def test_large(what: str, tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text(LARGE[what]())
    assert path.stat().st_size <= 1 << 20, "the file itself is refused"
    ended = process(tmp_path, "spec", "validate", str(path))
    bounded(ended)
    assert (ended.status == 2) == bool(ended.stderr) != bool(ended.stdout)
    assert len(ended.stderr) < 100_000, "nobody reads so many problems"
    assert max(map(len, [*ended.stderr.splitlines(), ""])) < 2_000, "nobody reads such a line"


@posix
def test_resolved_form_of_a_large_network_can_be_read(tmp_path: Path) -> None:
    path, flat = tmp_path / "large.yaml", tmp_path / "flat.yaml"
    path.write_text(HEAD + "layers: [{conv2d: {channels: 4, kernel: 3, padding: 1}, repeat: 4900, name: conv}]\n")
    assert process(tmp_path, "spec", "resolve", str(path), "-o", str(flat)).status == 0
    assert run("spec", "validate", str(flat)).stderr == ""


# -- misuse of the command line ----------------------------------------------------------------------------------

MISUSE: dict[tuple[str, ...], str] = {
    ("vgg61x",): r"there is no network 'vgg61x' in the zoo\. Did you mean vgg\d\d\? \(.*'convcost list' shows all.*\)",
    ("mobilenetv2",): r"there is no network 'mobilenetv2' in the zoo\. Did you mean mobilenet_v2\? \(.*\)",
    ("vgg16", "--set", "widht=1"): r"vgg16 has no knob 'widht'\. Did you mean width\?",
    (
        "vgg16",
        "--set",
        "model=1",
    ): r"vgg16 has no knob 'model'\. Known: classes, config, depth, lrn, norm, resolution, width",
    ("vgg16", "--set", "width=0"): r"width must be a decimal > 0, got 0",
    ("vgg16", "--set", "width=-1"): r"width must be a decimal > 0, got -1",
    ("vgg16", "--set", "width=abc"): r"width must be a decimal > 0, got abc",
    ("vgg16", "--set", "width=true"): r"width must be a decimal > 0, got true",
    ("vgg16", "--set", "width=[1]"): r"width must be a decimal > 0, got \[1\]",
    ("vgg16", "--set", "width=1/2"): r"width must be a decimal > 0, got 1/2",
    ("vgg16", "--set", "width=nan"): r"width must be a decimal > 0, got nan",
    ("vgg16", "--set", "width=1e99"): r"width must be <= 1,000,000,000, got 1e99",
    ("vgg16", "--set", f"width={'9' * 5000}"): r"the number 9+… has too many digits \(at most 18, exponents up to 99\)",
    ("vgg16", "--set", "resolution=224.5"): r"resolution must be an integer >= 0, got 224\.5",
    ("vgg16", "--set", "resolution=1"): r".*specs/vgg\.yaml:\d+:\d+: stage1\.pool: .*window must fit.*",
    ("vgg16", "--set", "classes=0"): r".*specs/vgg\.yaml:\d+:\d+: fc8: channels must be >= 1, got 0",
    ("vgg16", "--set", "classes=1e10"): r"classes must be <= 1,000,000,000, got 1e10",
    ("vgg16", "--set", "config=Z"): r"config must be A or B or C or D or E, got Z",
    ("googlenet", "--set", "aux=2"): r"aux must be true or false, got 2",
    ("googlenet", "--set", "aux=1"): r"aux must be true or false, got 1",
    ("vgg16", "--set", "width=1", "--set", "width=2"): r"Error: Invalid value for '--set': width is set twice",
    ("vgg16", "--set", "width"): r"Error: Invalid value for '--set': 'width' is not KEY=VALUE, e\.g\. width=0\.75",
    ("vgg16", "--set", "width="): r"Error: Invalid value for '--set': 'width=' is not KEY=VALUE, e\.g\. width=0\.75",
    ("vgg16", "--set", "=1"): r"Error: Invalid value for '--set': '=1' is not KEY=VALUE, e\.g\. width=0\.75",
    ("vgg16", "--input", "0"): r"an input size must be an integer from 1 to 1,000,000,000, got 0",
    ("vgg16", "--input", "0x224x3"): r"an input size must be an integer from 1 to 1,000,000,000, got 0",
    ("vgg16", "--input", "9" * 11): r"an input size must be an integer from 1 to 1,000,000,000, got 9{11}",
    ("vgg16", "--input", "3x224"): r".*specs/vgg\.yaml:\d+:\d+: stage2\.pool: .*window must fit.*, got 1×112",
    (
        "vgg16",
        "--input",
        "3x224x224",
    ): r"sizes go height x width x channels: the input of vgg is 224x224x3, not 3x224x224",
    (
        "vgg16",
        "--input",
        "224x224x3x1",
    ): r"the input of vgg is a size, \[height, width\] or \[height, width, channels\], got \[224, 224, 3, 1\]",
    ("vgg16", "--input", ""): r"Error: Invalid value for '--input': '' is not SIZE, HxW or .*",
    ("vgg16", "--input", "-1"): r"Error: Invalid value for '--input': '-1' is not SIZE, HxW or .*",
    ("vgg16", "--input", "224", "--set", "resolution=224"): r"give resolution or an input shape, not both",
    ("vgg16", "--batch", "0"): r"batch must be an integer >= 1, got 0",
    ("vgg16", "--batch", "-1"): r"batch must be an integer >= 1, got -1",
    ("vgg16", "--batch", "9" * 4299): r"batch must be .*",
    ("vgg16", "--batch", "1.5"): r"Error: Invalid value for '--batch': '1\.5' is not a valid integer.*",
    ("vgg16", "--convention", "papr"): r"there is no convention 'papr'\. Did you mean paper\?",
    ("vgg16", "--dtype", "fp31"): r"Error: Invalid value for '--dtype': 'fp31' is not one of 'fp64', .*",
    ("vgg16", "--by", "blok"): r"Error: Invalid value for '--by': 'blok' is not one of 'layer', .*",
    ("vgg16", "--format", "xml"): r"Error: Invalid value for '--format': 'xml' is not one of 'table', .*",
    ("vgg16", "--memory", "none"): r"Error: Invalid value for '--memory': 'none' is not one of 'fused', .*",
    ("vgg16", "-o", "no.xlsx"): r"no\.xlsx: the ending \.xlsx says no format; known are "
    r"\.json, \.csv, \.md, \.html, \.htm, \.tex, \.txt, \.svg, \.png, \.pdf; else give --format",
    ("vgg16", "-o", ""): r".*No such file or directory.*",
    ("vgg16", "-o", "no/such/folder/a.json"): r"cannot write no/such/folder/a\.json: No such file or directory",
    ("vgg16", "-o", "specs"): r"cannot write specs: Is a directory",
    (): r"Error: Missing argument 'MODEL\.\.\.'\.",
}


@pytest.mark.parametrize("args", MISUSE, ids=lambda args: "-".join(args)[:60].replace("\0", "0") or "nothing")
def test_misuse(args: tuple[str, ...]) -> None:
    result = run("report", *args)
    assert (result.exit_code, result.stdout) == (2, "")
    said = result.stderr.rstrip("\n").splitlines()
    assert re.fullmatch(MISUSE[args], said[-1])
    # click puts its usage before the error; the library says one line.
    assert len(said) == 1 or said[0].startswith("Usage: convcost report")


@pytest.mark.parametrize("name", ["plain.txt", "plain", "forced.xlsx"])
def test_no_ending_txt_and_a_stated_format_stay(name: str, tmp_path: Path) -> None:
    forced = ("--format", "table") if name == "forced.xlsx" else ()
    assert run("report", "lenet5", "-o", str(tmp_path / name), *forced).exit_code == 0
    assert (tmp_path / name).read_text() == run("report", "lenet5").stdout


def test_four_channels_are_an_input_like_any_other() -> None:
    assert json.loads(run("report", "vgg16", "--input", "224x224x4", "--format", "json").stdout)["input_shape"] == [
        224,
        224,
        4,
    ]


def test_large_batch_is_exact() -> None:
    one = json.loads(run("report", "vgg16", "--format", "json").stdout)["totals"]
    many = json.loads(run("report", "vgg16", "--format", "json", "--batch", "10000000000").stdout)["totals"]
    for name, value in one.items():
        assert many[name] == value * (1 if name in {"params", "buffers", "weight_bytes"} else 10**10), name


@pytest.mark.parametrize("value", ["[4,x,9]", "[4,1.5]", "[]", "[[1],2,3]", "[true]", "4", "x"])
def test_list_knob(value: str) -> None:
    said = refused("report", "tests/cases/valid/knobs.yaml", "--set", f"sizes={value}")
    assert said == f"sizes must be a list of integers, got {value}"


def test_knobs_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    knobs = ("model", "input_shape", "set", "self", "knobs", "spec")
    path.write_text(
        f"convcost: 1\nname: odd\nknobs: {{{', '.join(f'{knob}: 1' for knob in knobs)}}}\ninput: [1, 1, 1]\n"
        f"layers:\n  - conv2d: {{channels: {' + '.join(knobs)}, kernel: 1, bias: false}}\n"
    )
    settings = [part for i, knob in enumerate(knobs, start=2) for part in ("--set", f"{knob}={i}")]
    answer = json.loads(run("report", str(path), *settings, "--format", "json").stdout)
    assert answer["knobs"] == {knob: i for i, knob in enumerate(knobs, start=2)}
    assert answer["totals"]["macs"] == 2 + 3 + 4 + 5 + 6 + 7
    assert load(str(path), model=3, self=4, set=5).report().totals.macs == 3 + 4 + 5 + 1 + 1 + 1


def test_input_shape_of_a_wrong_spec(tmp_path: Path) -> None:
    """--input replaces the input of the spec; what is wrong there is said all the same."""
    for name in ("input_count_of_sizes", "input_scalar", "input_of_itself", "input_words", "top_types"):
        result = run("report", str(CASES / f"{name}.yaml"), "--input", "8")
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"{name}.yaml:" in result.stderr
    path = tmp_path / "zero.yaml"
    path.write_text("convcost: 1\nname: zero\nknobs: {n: 0}\ninput: [8, 8, 8 // n]\nlayers: [relu]\n")
    assert "division by zero" in refused("report", str(path), "--input", "8")
    assert run("report", str(path), "--input", "8", "--set", "n=2").exit_code == 0


# -- where the output goes ---------------------------------------------------------------------------------------

full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")


@posix
@full
def test_full_device() -> None:
    ended = shell('exec "$@"', "report", "vgg16", "-o", "/dev/full")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "cannot write /dev/full: No space left on device\n"


@posix
@full
@pytest.mark.parametrize(
    "args", [("report", "vgg16"), ("list",), ("spec", "resolve", "vgg16"), ("--help",), ("--version",)], ids=" ".join
)
def test_full_standard_output(args: tuple[str, ...]) -> None:
    ended = shell('exec "$@" > /dev/full', *args)
    assert ended.returncode == 2
    assert ended.stderr == "cannot write to standard output: No space left on device\n"


@posix
def test_closed_standard_output() -> None:
    ended = shell('exec "$@" >&-', "report", "vgg16")
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert ended.stderr.startswith("cannot write to standard output: ")


@posix
@full
def test_nowhere_to_complain() -> None:
    for script in ('exec "$@" 2> /dev/full', 'exec "$@" 2>&-', 'exec "$@" >&- 2>&-'):
        assert shell(script, "report", "no_such_net").returncode == 2


@posix
def test_reader_that_has_seen_enough(tmp_path: Path) -> None:
    path = tmp_path / "long.yaml"
    path.write_text("convcost: 1\nname: long\ninput: [2, 2, 2]\nlayers: [{relu: , repeat: 5000, name: act}]\n")
    ended = shell('"$@" | head -n 1', "report", str(path), "--format", "csv")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("name,")


@posix
def test_file_stays_whole_if_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_text("precious")
    ended = shell('ulimit -f 0; exec "$@"', "report", "vgg16", "-o", str(path))
    assert ended.returncode == 2
    assert ended.stderr == f"cannot write {path}: File too large\n"
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


def test_file_stays_whole_if_the_network_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    path.write_text("precious")
    for args in ((str(CASES / "stride_zero.yaml"),), ("vgg16", "--batch", "0"), ("vgg16", "--convention", "papr")):
        assert run("report", *args, "-o", str(path)).exit_code == 2
        assert path.read_text() == "precious"
    assert run("report", "vgg16", "-o", str(path)).exit_code == 0
    assert json.loads(path.read_text())["network"] == "vgg16"
    assert list(tmp_path.iterdir()) == [path]


# -- fuzzing -----------------------------------------------------------------------------------------------------

TOKENS = re.compile(r"[\w.]+|[^\w\s]")
PIECES = re.findall(
    r"\S+",
    """
    0 -1 1 2 3 16 1e9 1e99 0.5 1.5 true false null ~ '' [] {} [1,2] [a] {a:1} row row[0] in in.channels input.channels
    input none ² name name:0 same valid relu conv2d split concat add multiply 1//0 x[0] ( ) a-b é - * ? << repeat then
    if side layers each columns rows parallel join args inputs default choices knobs presets
    """,
)
#: Texts for each seed.
FUZZED = 150
CHARACTERS = "{}[]:,-#\"'&*!|>%@`\t\n 0123456789abcz²é.()=<>+/\\\x07\u2028"


def mutated(text: str, texts: Sequence[str], rng: random.Random) -> str:
    """The text with a few of its tokens, characters or lines changed."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        how = rng.randrange(10)
        lines = text.split("\n")
        at, row = rng.randrange(len(text) + 1), rng.randrange(len(lines))
        if how < 5 and (tokens := list(TOKENS.finditer(text))):
            token = rng.choice(tokens)
            new = rng.choice(PIECES) if rng.random() < 0.6 else rng.choice(tokens).group()
            text = text[: token.start()] + new + text[token.end() :]
        elif how == 5:
            text = text[:at] + rng.choice(CHARACTERS) + text[at:]
        elif how == 6:
            text = text[:at] + text[at + rng.choice((1, 1, 2, 5, 30)) :]
        else:
            if how == 7:
                lines.insert(rng.randrange(len(lines)), lines[row])
            elif how == 8:
                lines[row] = " " * rng.randrange(8) + lines[row].strip() if rng.random() < 0.5 else ""
            else:
                lines.insert(row, rng.choice(rng.choice(texts).split("\n")))
            text = "\n".join(lines)
    return text


def judged(path: Path, text: str) -> bool:
    """Whether the text is a network; either it is, or every problem is said on one line, at a place of the text."""
    path.write_text(text, encoding="utf-8", newline="")
    with at_most(MOST_SECONDS):
        try:
            problems = validate(str(path))
        except ConvcostError as error:
            problems = list(getattr(error, "problems", ()))
            assert problems, "an error without a problem"
        for problem in problems:
            said = str(problem)
            assert problem.where is not None, said
            assert problem.what, said
            assert said.isprintable(), said
            assert not re.search(r"\bNone\b|Fraction\(|<class|object at", said), said
        try:
            report = open_network(str(path), {}).report()
        except ConvcostError:
            if problems:
                return False
            raise AssertionError("valid, but no report") from None
        assert sum(layer.macs for layer in report.layers) == report.totals.macs
    return not problems


@pytest.mark.parametrize("seed", range(4))
def test_fuzz(seed: int, tmp_path: Path) -> None:
    """Changed specs bring no exception of another kind, no silence, no endless work; some remain networks."""
    folders = (ROOT / "specs", ROOT / "tests/cases/valid", ROOT / CASES)
    files = [path for folder in folders for path in sorted(folder.glob("*.yaml")) if path.stem not in BOMBS]
    texts = [path.read_bytes().decode("utf-8", "replace") for path in files]
    rng = random.Random(seed)
    path = tmp_path / "fuzz.yaml"
    valid = 0
    for number in range(FUZZED):
        text = mutated(rng.choice(texts), texts, rng)
        try:
            valid += judged(path, text)
        except Exception as error:
            error.add_note(f"seed {seed}, number {number}, of this text:\n{text}")
            raise
    assert 0 < valid < FUZZED


def test_the_fuzzer_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of any kind does not pass unseen."""
    path = tmp_path / "fuzz.yaml"
    text = (ROOT / "specs/lenet5.yaml").read_text(encoding="utf-8")
    assert judged(path, text)
    assert not judged(path, text.replace("conv2d", "conv3d"))

    def broken(*_args: Any) -> Any:
        raise IndexError

    monkeypatch.setattr(f"{__name__}.open_network", broken)
    with pytest.raises(IndexError):
        judged(path, text)
