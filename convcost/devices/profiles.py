"""What runtimes write down of a run, as it stands in their files: onnxruntime's JSON, text and CSV of TensorFlow Lite's benchmark_model.

The times here are those of nodes, as the runtime names them; which layers of a network these are is not known here.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Any, Final, NamedTuple, TypeGuard

from convcost.core.errors import Problem, SpecError, UsageError
from convcost.core.units import counted
from convcost.spec.tree import read_text, shown_path

LARGEST: Final = 2**27
"""Bytes of a profile."""
_ENDINGS: Final = (".json", ".csv", ".txt", ".log")
_BEGINNING: Final = 2**16
"""Characters that tell what a file is."""
_ORDER = re.compile(r"(?<!=)=+ Run Order =+")
_REGULAR: Final = "Operator-wise Profiling Info for Regular Benchmark Runs"
_NUMBER: Final = r"\d{1,15}(?:\.\d{1,9})?(?:e\+?\d)?"
_COUNTED = re.compile(r"\bcount=\d+ ")
_LEAST, _MIDDLE, _AVERAGE = (re.compile(rf"\b{word}=({_NUMBER})") for word in ("min", "median", "avg"))
_KERNEL: Final = "_kernel_time"


class Ran(NamedTuple):
    """A node of a runtime, and how long it took in one run."""

    name: str
    """As the runtime calls it."""
    kind: str
    """What it does, in the runtime's words."""
    ms: float
    at: int | None = None
    """The number of its op in the model file, where the runtime says it."""


class Profile(NamedTuple):
    """What a runtime wrote down of one network."""

    file: str
    """As messages call it."""
    runtime: str
    nodes: tuple[Ran, ...]
    """In the order in which they ran; none where only the whole was timed."""
    ms: float | None
    """One run of the whole network; None where that was not timed."""
    note: str
    """What was taken from the file, in words."""


def is_profile(path: str) -> bool:
    """Whether a file is one that a runtime wrote down, by how it begins."""
    if not path.lower().endswith(_ENDINGS) or not os.path.isfile(path):
        return False
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            begins = file.read(_BEGINNING)
    except OSError:
        return False
    return _is_of_onnxruntime(begins) or _is_of_tflite(begins)


def read_profile(path: str, repeats: str = "min") -> Profile:
    """The profile of a file; of several runs of a node the least time counts, or the `median`.

    Raises `SpecError` for a file that cannot be read, `UsageError` for one that is no profile.
    """
    text, shown = read_text(path, "a profile", LARGEST), shown_path(path)
    if _is_of_onnxruntime(text[:_BEGINNING]):
        return of_onnxruntime(text, shown, repeats)
    if _is_of_tflite(text):
        return of_tflite(text, shown, repeats)
    raise UsageError(
        f"{shown}: is no profile: onnxruntime writes JSON (SessionOptions.enable_profiling), TensorFlow Lite's "
        "benchmark_model text or CSV (--enable_op_profiling=true)"
    )


def _is_of_onnxruntime(text: str) -> bool:
    return text.lstrip().startswith("[") and '"cat"' in text and '"dur"' in text


def _is_of_tflite(text: str) -> bool:
    return bool(_ORDER.search(text) or "Inference timings in us:" in text)


# -- onnxruntime ---------------------------------------------------------------------------------------------------------


def of_onnxruntime(text: str, file: str, repeats: str = "min") -> Profile:
    """The profile of a session of onnxruntime. The first of several runs is left out: it allocates.

    >>> run = '{"cat": "Session", "name": "model_run", "ts": %d, "dur": %d}, '
    >>> node = '{"cat": "Node", "name": "a_kernel_time", "ts": %d, "dur": %d, "args": {"op_name": "Conv"}}'
    >>> text = "[" + ", ".join(run % (t, d) + node % (t + 1, d - 9) for t, d in ((0, 99), (200, 59), (300, 69))) + "]"
    >>> found = of_onnxruntime(text, "p.json")
    >>> found.nodes, found.ms, found.note
    ((Ran(name='a', kind='Conv', ms=0.05, at=None),), 0.059, 'the least of 2 runs, after one to warm up')
    """
    runs, nodes = _events(text, file)
    spans = [(start, start + took) for start, took in sorted(runs)]
    if not spans:
        spans = [(min(node.start for node in nodes), max(node.start + node.took for node in nodes))]
    kept = spans[1:] or spans
    best = min if repeats == "min" else median
    found = []
    for first, times in _by_node(nodes, kept).items():
        found.append(Ran(first.name, first.kind, best(times) / 1000))
    if not found:
        raise UsageError(f"{file}: no node ran; a session writes its profile when it ends: session.end_profiling()")
    whole = best([end - start for start, end in kept]) / 1000 if runs else None
    word = "least" if repeats == "min" else "median"
    note = f"the {word} of {counted(len(kept), 'run')}" + (", after one to warm up" if len(spans) > 1 else "")
    return Profile(file, "onnxruntime", tuple(found), whole, note)


class _Event(NamedTuple):
    """A kernel that ran."""

    name: str
    kind: str
    number: str
    start: float
    took: float
    """Both in microseconds."""


def _events(text: str, file: str) -> tuple[list[tuple[float, float]], list[_Event]]:
    """Start and duration of each run, and the nodes that ran; raises `SpecError` and `UsageError`."""
    try:
        events = json.loads(text)
    except (ValueError, RecursionError) as error:
        what = f"is no valid JSON: {error}; a session completes its profile when it ends: session.end_profiling()"
        raise SpecError([Problem(None, file, what)]) from None
    runs, nodes = [], []
    if not isinstance(events, list):
        events = []
    for number, event in enumerate(events, start=1):
        if not isinstance(event, dict) or event.get("cat") not in ("Session", "Node"):
            continue
        name, start, took = event.get("name"), event.get("ts"), event.get("dur")
        if not isinstance(name, str) or not (_is_time(start) and _is_time(took)):
            raise UsageError(f"{file}: event {number} needs name, ts and dur, numbers from 0, got {str(event)[:80]}")
        if event["cat"] == "Session" and name == "model_run":
            runs.append((start, took))
        elif event["cat"] == "Node" and name.endswith(_KERNEL):
            args = event.get("args")
            said = args if isinstance(args, dict) else {}
            kind, index = str(said.get("op_name", "")), str(said.get("node_index", ""))
            nodes.append(_Event(name.removesuffix(_KERNEL), kind, index, start, took))
    if not nodes:
        raise UsageError(f"{file}: no node ran; a session is profiled by SessionOptions.enable_profiling = True")
    return runs, nodes


def _is_time(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _FOREVER


_FOREVER: Final = 10**15
"""Microseconds."""


def _by_node(nodes: Sequence[_Event], spans: Sequence[tuple[float, float]]) -> Mapping[_Event, list[float]]:
    """The first event of each node -> the microseconds that the node took in each run; one in a loop runs several times in it."""
    from bisect import bisect_right

    starts = [start for start, _ in spans]
    firsts = dict[tuple[str, str], _Event]()
    sums = dict[tuple[str, str], dict[int, float]]()
    for node in sorted(nodes, key=lambda one: one.start):
        run = bisect_right(starts, node.start) - 1
        if run < 0 or node.start > spans[run][1]:
            continue
        key = node.name, node.number
        firsts.setdefault(key, node)
        times = sums.setdefault(key, {})
        times[run] = times.get(run, 0.0) + node.took
    return {firsts[key]: list(times.values()) for key, times in sums.items()}


# -- TensorFlow Lite -----------------------------------------------------------------------------------------------------


def of_tflite(text: str, file: str, repeats: str = "min") -> Profile:
    r"""The profile of benchmark_model: what it prints, or the file of --profiling_output_csv_file.

    The times of nodes are averages over all runs; the whole is the least, or the median, where it is printed.

    >>> lines = "count=50 first=1900 curr=1210 min=1200 max=1500 avg=1300 std=9", "=== Run Order ==="
    >>> rows = "\t[node type]\t[first]\t[avg ms]\t[times called]\t[Name]", "\t CONV_2D\t 1.3\t 1.25\t 1\t[relu]:0"
    >>> text = "\n".join([*lines, *rows])
    >>> of_tflite(text, "log.txt").nodes, of_tflite(text, "log.txt").ms
    ((Ran(name='relu', kind='CONV_2D', ms=1.25, at=0),), 1.2)
    """
    begin = max(text.find(_REGULAR), 0)
    nodes = tuple(_table(text[begin:], file))
    whole = _whole(text, repeats)
    if not nodes and whole is None:
        raise UsageError(f"{file}: no op was timed; benchmark_model does so with --enable_op_profiling=true")
    return Profile(file, "TensorFlow Lite", nodes, whole, "averages of all runs after those to warm up")


def _whole(text: str, repeats: str) -> float | None:
    """The time of a run in milliseconds; of the lines that count runs, the last one that stands before any table is theirs."""
    table = _ORDER.search(text)
    lines = [line for line in text[: table.start() if table else len(text)].splitlines() if _COUNTED.search(line)]
    wanted = (_LEAST, _AVERAGE) if repeats == "min" else (_MIDDLE, _AVERAGE)
    found = next((said for way in wanted if lines and (said := way.search(lines[-1]))), None)
    found = found or re.search(rf"Inference \(avg\): ({_NUMBER})", text)
    return float(found[1]) / 1000 if found and float(found[1]) > 0 else None


def _table(text: str, file: str) -> Iterator[Ran]:
    """The rows of the first table of ops in the order in which they ran; raises `UsageError`."""
    begin = _ORDER.search(text)
    if begin is None:
        return
    first, *rows = text[begin.end() :].lstrip("\r\n").splitlines() or [""]
    split = _splitting(first)
    heading = [cell.strip("[]").replace("_", " ").lower() for cell in split(first)]
    if not {"node type", "avg ms", "name"} <= set(heading):
        raise UsageError(
            f"{file}: its table of ops has no columns node type, avg ms and name, but {first.strip()[:80]!r}"
        )
    before = heading.index("node type")  # what a phone's log says at the beginning of each line
    for number, line in enumerate(rows, start=1):
        cells = split(line)
        if len(cells) < len(heading):
            return  # the table ends with an empty line, or with the next heading
        yield _ran(dict(zip(heading[before:], cells[before:])), f"{file}: op {number}")


def _splitting(heading: str) -> Callable[[str], list[str]]:
    """How lines are split into cells: in text by tabs, or by spaces where somebody's screen had no tabs; in CSV by commas."""
    if "[node type]" not in heading:
        return partial(_split_csv, len(heading.split(",")))
    if "\t" in heading:
        return lambda line: [cell.strip() for cell in line.split("\t")]
    return lambda line: re.split(r"\s{2,}", line.strip())


def _split_csv(columns: int, line: str) -> list[str]:
    """The cells of a line of CSV; the first one, the type of a node, may have commas in it, and no quotes around them.

    >>> _split_csv(3, "Convolution (NHWC, F32) GEMM, 0.5, Delegate/0")
    ['Convolution (NHWC, F32) GEMM', '0.5', 'Delegate/0']
    """
    first, *rest = line.rsplit(",", columns - 1)
    return [first.strip().strip('"'), *(cell.strip() for cell in rest)]


def _ran(row: Mapping[str, str], at: str) -> Ran:
    try:
        ms = float(row["avg ms"]) * float(row.get("times called") or 1)
    except ValueError:
        ms = -1.0
    if not 0 <= ms < _FOREVER:
        raise UsageError(f"{at}: avg ms must be a number from 0, got {row['avg ms'][:40]!r}")
    name, _, number = row["name"].replace("\t", ",").rpartition(":")
    if not number.isdecimal() or not name:
        name, number = row["name"], ""
    return Ran(name.removeprefix("[").removesuffix("]"), row["node type"], ms, int(number[:9]) if number else None)
