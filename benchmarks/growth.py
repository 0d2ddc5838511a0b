"""How the time of each command grows with a network, and that it does not grow with a number in one.

    python benchmarks/growth.py [WORD…]

Networks of growing size are written and counted; of the time, the exponent between the two largest sizes is printed: 1 is in
proportion. Above `MOST` it is a fault, and the command ends with 1, but where the size is bounded by a constant that is printed.
Then single numbers grow, and the time may not. Words choose the rows that have them all: `best wide`.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from math import log
from pathlib import Path
from typing import NamedTuple

import convcost
from convcost.deploy.tflm.planner import MOST_PLACED
from convcost.memory.layout import MOST_IN_PLACE
from convcost.memory.order import MOST_TRIED
from convcost.pages.report import report_page

MOST = 1.3
"""The largest exponent that is still called in proportion: sorting, and caches that are outgrown, take part of it."""
FLAT = 1.5
"""How many times longer the largest number may take than the smallest."""
KNOB = "knobs: {w: 4}\n"
CONV = "conv2d: {channels: w, kernel: 1}"


def spec(*layers: str, head: str = KNOB, size: str = "[8, 8, 4]") -> str:
    """A spec of these layers."""
    lines = "".join(f"  - {layer}\n" for layer in layers)
    return f"convcost: 1\nname: grown\n{head}input: {size}\nlayers:\n{lines}"


def chain(n: int) -> str:
    """One convolution after the other."""
    return spec(*[f"{{{CONV}}}"] * n)


def wide(join: str, n: int) -> str:
    """A map that so many convolutions read, and one op reads what they make."""
    branches = [f"{{{CONV}, in: r, name: b{i}}}" for i in range(n)]
    return spec("{relu: , name: r}", *branches, f"{{{join}: , in: [{', '.join(f'b{i}' for i in range(n))}]}}")


def deep(n: int) -> str:
    """Residual blocks, one after the other."""
    first = f"{{{CONV}, name: a0}}"
    blocks = ([f"{{{CONV}, name: c{i}}}", f"{{add: , in: [a{i - 1}, c{i}], name: a{i}}}"] for i in range(1, n // 2))
    return spec(first, *(line for block in blocks for line in block))


def gathered(n: int) -> str:
    """Of each convolution, what all before it made is read again."""
    first = f"{{{CONV}, name: a0}}"
    blocks = ([f"{{{CONV}, name: c{i}}}", f"{{concat: , in: [a{i - 1}, c{i}], name: a{i}}}"] for i in range(1, n // 2))
    return spec(first, *(line for block in blocks for line in block))


def repeated(n: int) -> str:
    """One line, repeated."""
    return spec(f"{{{CONV}, repeat: {n}}}")


def knobs(n: int) -> str:
    """A layer for each of so many knobs."""
    head = "".join(["knobs:\n  w: 4\n", *(f"  k{i}: 4\n" for i in range(n))])
    layers = (f"{{conv2d: {{channels: k{i}, kernel: 1}}}}" for i in range(n))
    return spec(f"{{{CONV}}}", *layers, head=head)


def presets(n: int) -> str:
    """A layer and many presets."""
    return spec(f"{{{CONV}}}", head=f"{KNOB}presets:\n" + "".join(f"  p{i}: {{w: {i + 1}}}\n" for i in range(n)))


def param(n: int) -> str:
    """A chain of convolutions as a file of ncnn."""
    rows = (f"Convolution c{i} 1 1 c{i - 1} c{i} 0=4 1=1 6=16\n" for i in range(n))
    return f"7767517\n{n + 1} {n + 1}\nInput c-1 0 1 c-1 0=8 1=8 2=4\n{''.join(rows)}"


Action = Callable[[str], object]
ACTIONS: dict[str, Action] = {
    "report": lambda path: str(convcost.load(path).report().table()),
    "json": lambda path: convcost.load(path).report().to_dict(),
    "memory": lambda path: convcost.load(path).memory().peak,
    "inplace": lambda path: convcost.load(path).memory("inplace").peak,
    "concat_alias": lambda path: convcost.load(path).memory("concat_alias").peak,
    "best": lambda path: convcost.load(path).memory(order="best").peak,
    "best inplace": lambda path: convcost.load(path).memory("inplace", order="best").peak,
    "patches": lambda path: convcost.load(path).patches("2x2").peak,
    "stream": lambda path: convcost.load(path).patches("1x2", stream=True).peak,
    "training": lambda path: convcost.load(path).training().table(),
    "arena": lambda path: convcost.load(path).deployed(dtype="int8").arena.total,
    "draw": lambda path: convcost.load(path).diagram().svg,
    "page": lambda path: report_page(convcost.load(path), convcost.load(path).report()),
    "sweep": lambda path: str(convcost.sweep(path, w=[4, 8]).table()),
    "import": lambda path: convcost.load(path).report(),
}


class Case(NamedTuple):
    """What grows, and what is timed of it."""

    what: str
    grown: Callable[[int], str]
    sizes: tuple[int, ...]
    actions: tuple[str, ...]
    bounded: str = ""
    """Why the exponent may be larger: the constant by which the size is bounded."""


COUNTED = ("report", "json", "memory", "inplace", "concat_alias", "training", "sweep")
SEARCHED = ("best", "best inplace")
SEEN = ("draw", "page")
_LAYERS, _DRAWN = (1200, 2400, 4800), (300, 600, 1200)
_STEPS = f"the search takes {MOST_TRIED:,} steps at most"
_PLACED = f"a runtime's planner places {MOST_PLACED:,} buffers at most, each among those alive with it"
CASES = (
    Case("layers", chain, _LAYERS, (*COUNTED, *SEARCHED)),
    Case("layers", chain, _DRAWN, SEEN),
    Case("layers", chain, _LAYERS, ("patches", "stream", "arena")),
    Case("alike", lambda n: spec(*["sigmoid"] * n), _DRAWN, SEEN),
    Case("one unit", lambda n: spec(f"{{{CONV}}}", *["batch_norm"] * n), _LAYERS, COUNTED),
    Case("depth", deep, _LAYERS, (*COUNTED, *SEARCHED)),
    Case("depth", deep, _LAYERS, ("patches", "arena")),
    Case("depth", deep, _DRAWN, SEEN),
    Case("wide concat", lambda n: wide("concat", n), _LAYERS, COUNTED),
    Case("wide concat", lambda n: wide("concat", n), _LAYERS, SEARCHED, _STEPS),
    Case("wide concat", lambda n: wide("concat", n), _LAYERS, ("arena",), _PLACED),
    Case("wide concat", lambda n: wide("concat", n), _DRAWN, SEEN),
    Case("wide add", lambda n: wide("add", n), _LAYERS, COUNTED),
    Case("wide add", lambda n: wide("add", n), _LAYERS, SEARCHED, _STEPS),
    Case("wide add", lambda n: wide("add", n), _LAYERS, ("arena",), _PLACED),
    Case("wide add", lambda n: wide("add", n), _DRAWN, SEEN),
    Case("wide gates", lambda n: wide("multiply", n), _LAYERS, ("report",)),
    Case("gathered", gathered, _LAYERS, ("report",)),
    Case(
        "gathered",
        gathered,
        _LAYERS,
        ("concat_alias",),
        f"each map is of all before it; {MOST_IN_PLACE:,} such pairs are followed at most",
    ),
    Case("repeats", repeated, _LAYERS, COUNTED),
    Case("knobs", knobs, (200, 400, 800), COUNTED),
    Case("presets", presets, (250, 500, 1000), ("report", "sweep")),
    Case("file", param, (5000, 10_000, 20_000), ("import",)),
)


def one(attributes: str, size: str = "[64, 64, 4]") -> str:
    """A network of one convolution."""
    return spec(f"{{conv2d: {{channels: 4, {attributes}}}}}", size=size)


NUMBERS: dict[str, Callable[[int], str]] = {
    "kernel": lambda n: one(f"kernel: {n}, padding: same"),
    "dilation": lambda n: one(f"kernel: 3, dilation: {n}, padding: same"),
    "padding": lambda n: one(f"kernel: 3, padding: {n}"),
    "channels": lambda n: spec(f"{{conv2d: {{channels: {n}, kernel: 1}}}}"),
    "groups": lambda n: spec(f"{{conv2d: {{channels: {n}, kernel: 1, groups: {n}}}}}", size=f"[8, 8, {n}]"),
    "size": lambda n: one("kernel: 3, padding: same", size=f"[{n}, {n}, 3]"),
}
"""Of a single convolution, a number that grows a millionfold."""
_NUMBERS = (9, 9_000_001)


def seconds(action: Action, paths: Sequence[Path]) -> list[float]:
    """The CPU times of a run on each, the best of several where they are short, of which others disturb some; they take turns,
    so that what disturbs one for seconds disturbs its neighbours as well. Without the collection of garbage, which looks at
    all that is alive.
    """
    best, spent = [float("inf")] * len(paths), 0.0
    for again in range(8):
        took = [_once(action, path) for path in paths]
        best, spent = [*map(min, best, took)], spent + max(took)
        if again and spent > 2:  # the first run, in which memory is asked for, is compared with no second one
            break
    return best


def _once(action: Action, path: Path) -> float:
    gc.collect()
    gc.disable()
    start = time.process_time()
    action(str(path))
    took = time.process_time() - start
    gc.enable()
    return took


def exponent(sizes: Sequence[int], times: Sequence[float]) -> float:
    """Of the growth between the two largest sizes.

    >>> exponent([10, 100, 200], [1, 1, 4])
    2.0
    """
    return log(times[-1] / times[-2]) / log(sizes[-1] / sizes[-2])


def wanted(words: Sequence[str], *names: str) -> bool:
    """Whether a row has all the words that are given."""
    return all(word in " ".join(names) for word in words)


def grow(case: Case, action: str, folder: Path) -> bool:
    """One line; whether the exponent is as it should be."""
    ending = "param" if action == "import" else "yaml"
    paths = [folder / f"{case.what.replace(' ', '_')}_{size}.{ending}" for size in case.sizes]
    for path, size in zip(paths, case.sizes, strict=True):
        path.write_text(case.grown(size), encoding="utf-8")
    times = seconds(ACTIONS[action], paths)
    found = exponent(case.sizes, times)
    far = found > MOST
    said = "".join(f"{each:>9.3f}" for each in times)
    why = (case.bounded or "TOO STEEP") if far else ""
    print(f"{case.what:<12}{action:<14}{case.sizes[-1]:>8,}{said}{found:>7.2f}  {why}".rstrip(), flush=True)
    return not far or bool(case.bounded)


def stay(what: str, folder: Path) -> bool:
    """One line; whether a large number takes as long as a small one."""
    paths = [folder / f"{what}_{number}.yaml" for number in _NUMBERS]
    for path, number in zip(paths, _NUMBERS, strict=True):
        path.write_text(NUMBERS[what](number), encoding="utf-8")
    times = seconds(ACTIONS["report"], paths)
    ratio = times[-1] / times[0]
    said = "".join(f"{each:>9.3f}" for each in times)
    print(f"{what:<12}{'report':<14}{_NUMBERS[-1]:>12,}{said}{ratio:>7.2f}  {'GROWS' if ratio > FLAT else ''}".rstrip())
    return ratio <= FLAT


def main(words: list[str]) -> int:
    """Every row; 1 if one is too steep."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{'growing':<12}{'timed':<14}{'size':>8}{'seconds at a quarter, a half, all':>27}{'exp.':>7}")
        rows = [(case, action) for case in CASES for action in case.actions if wanted(words, case.what, action)]
        kept = [grow(case, action, folder) for case, action in rows]
        print(f"\n{'number':<12}{'timed':<14}{'largest':>12}{'seconds':>18}{'ratio':>7}")
        kept += [stay(what, folder) for what in NUMBERS if wanted(words, what, "number report")]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
