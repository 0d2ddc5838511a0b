"""Runs cases, one after the other or over processes, and gathers what is found."""

from __future__ import annotations

import multiprocessing
import os
import re
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from random import Random
from typing import NamedTuple

from fuzz import calls, commands, doors, models, specs, tables, watch
from fuzz.case import Case
from fuzz.doors import End

KINDS: dict[str, tuple[int, Callable[[str, Random], Case]]] = {
    "spec": (10, specs.case),
    **dict.fromkeys(models.FORMATS, (1, models.case)),
    "table": (3, tables.case),
    "command": (5, commands.case),
    "call": (2, calls.case),
}
"""Kind of case -> its share of all, and its generator."""
_DIGITS = re.compile(r"\b\d+(?:[,.]\d+)*")
_HUNG = 90.0
"""Seconds without a word from a process, after which it is ended, and its case named."""


class Finding(NamedTuple):
    """What is wrong with the answer to a case."""

    case: Case
    kind: str
    """The error and where it came from, the same for the same fault."""
    said: str

    @property
    def measured(self) -> bool:
        """Whether it is an answer that took too much, which what runs beside it has a share in."""
        return self.kind in _MEASURED


_MEASURED = (watch.Slow.__name__, watch.Large.__name__)


@dataclass
class Found:
    """How cases ended."""

    ends: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def add(self, name: str, end: End | Finding) -> None:
        """How the case of this label ended."""
        wrong = isinstance(end, Finding)
        if wrong:
            self.findings.append(end)
        self.ends[f"{name.partition(':')[0]} {'wrong' if wrong else end.how}"] += 1

    def settle(self, alone: Callable[[Case], End | Finding]) -> None:
        """Ask again for what took too much; what ends well alone is none of the findings, and counted as such."""
        for one in [one for one in self.findings if one.measured]:
            self.findings.remove(one)
            kind = one.case.label.partition(":")[0]
            self.ends -= Counter([f"{kind} wrong"])
            end = alone(one.case)
            if isinstance(end, Finding):
                self.add(one.case.label, end)
            else:
                self.ends[f"{kind} {end.how} once alone"] += 1


def made(name: str) -> Case:
    """The case of a label `KIND:SEED:NUMBER`."""
    return KINDS[name.partition(":")[0]][1](name, Random(name))


def label(seed: int, number: int, kinds: Sequence[str] = (*KINDS,)) -> str:
    """The label of a case of a seed, whose kind is drawn from these by their shares."""
    shares = [KINDS[kind][0] for kind in kinds]
    return f"{Random(f'{seed}:{number}').choices(kinds, shares)[0]}:{seed}:{number}"


def judged(case: Case) -> End | Finding:
    """Run a case in a folder of its own, within bounds."""
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("error")  # numpy warns of what has overflowed
        folder = Path(name)
        try:
            case.put(folder)
            with watch.watched():
                end = doors.ask(case, folder)
            if case.right:
                doors.right(case, end)
        except (Exception, watch.Late) as error:  # noqa: BLE001 - whatever gets out is what is looked for
            return Finding(case, _kind(error), "".join(traceback.format_exception(error)))
    return end


def _kind(error: BaseException) -> str:
    """What an error is, and where in convcost it arose; of what the fuzzer itself found, what that is."""
    said = str(error) if isinstance(error, doors.Wrong) else ""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/convcost/" in frame.filename]
    frames = [frame for frame in frames if "/tests/" not in frame.filename]
    where = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].name}" if frames and not said else ""
    return _DIGITS.sub("N", f"{type(error).__name__}{where}: {said}"[:160].rstrip(": "))


# -- processes ---------------------------------------------------------------------------------------------------------


def _work(pipe: Connection, seed: int, numbers: range, kinds: Sequence[str]) -> None:
    """A process that says the label of each case as it begins, and then how it ended."""
    watch.limit()
    for number in numbers:
        pipe.send(one := label(seed, number, kinds))
        pipe.send(judged(made(one)))


class _Worker:
    """A process, and the cases that it still has to run."""

    def __init__(self, seed: int, numbers: range, kinds: Sequence[str]) -> None:
        self.seed, self.left, self.kinds = seed, numbers, kinds
        self.begin()

    def begin(self) -> None:
        """A process for the cases that are left."""
        self.pipe, theirs = multiprocessing.Pipe(duplex=False)
        context = multiprocessing.get_context("spawn")
        given = (theirs, self.seed, self.left, self.kinds)
        self.process = context.Process(target=_work, args=given, daemon=True)
        self.process.start()
        theirs.close()
        self.label, self.heard = "", time.monotonic()

    def hear(self, found: Found) -> bool:
        """Take what it says: a label, or how that case ended; whether a case ended."""
        try:
            word = self.pipe.recv()
        except EOFError:
            if self.left:
                self.process.join()
                self.lost(found, f"the process ended with {self.process.exitcode}")
            return True
        self.heard = time.monotonic()
        if isinstance(word, str):
            self.label = word
        else:
            found.add(self.label, word)
            self.label, self.left = "", self.left[1:]
        return not self.label

    def lost(self, found: Found, why: str) -> None:
        """Name the case at which the process ended or hung, and go on behind it."""
        self.process.kill()
        self.process.join()
        name = self.label or f"?:{self.seed}:{self.left[0]}"
        found.add(name, Finding(Case(name, ()), why, ""))
        self.left = self.left[1:]
        self.begin()


def spread(
    seed: int,
    numbers: range,
    jobs: int,
    say: Callable[[Found], None] = lambda _found: None,
    kinds: Sequence[str] = (*KINDS,),
) -> Found:
    """All of these over processes; one that ends or hangs is named, and the rest goes on.

    An answer that took too much is asked for again once all others are done, in a process that does nothing else.
    """
    found, size = Found(), -(-len(numbers) // jobs)
    workers = [_Worker(seed, numbers[at : at + size], kinds) for at in range(0, len(numbers), size)]
    while workers := [worker for worker in workers if worker.left]:
        ready = wait([worker.pipe for worker in workers], timeout=1)
        for worker in workers:
            if worker.pipe in ready:
                if worker.hear(found):
                    say(found)
            elif time.monotonic() - worker.heard > _HUNG:
                worker.lost(found, "the process hung")
    found.settle(_alone)
    return found


def _alone(case: Case) -> End | Finding:
    """How a case ends in a process that does nothing else, with none beside it."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, initializer=watch.limit) as alone:
        return alone.submit(judged, case).result()
