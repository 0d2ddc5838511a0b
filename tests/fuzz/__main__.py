"""`python -m fuzz [CASES] [--seed S] [--jobs J] [--of KIND] [--only LABEL] [--keep FOLDER]`, in tests: prints what is found, exits 1 if there is any."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from convcost.core.kept import place
from fuzz.run import KINDS, Finding, Found, judged, made, spread


def main() -> int:
    """Run what is asked for."""
    asked = argparse.ArgumentParser(prog="python -m fuzz", description="Hostile input through every door of convcost.")
    asked.add_argument("cases", nargs="?", type=int, default=2000, help="how many")
    asked.add_argument("--seed", type=int, default=0, help="which; the same seed is the same cases everywhere")
    asked.add_argument("--from", dest="first", type=int, default=0, help="the number of the first")
    asked.add_argument("--jobs", type=int, default=1, help="processes")
    asked.add_argument("--of", choices=KINDS, action="append", metavar="KIND", help="cases of this kind; repeatable")
    asked.add_argument("--only", metavar="KIND:SEED:NUMBER", help="print one case, and what is found")
    asked.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="write each finding there, as kept cases are written"
    )
    given = asked.parse_args()
    brought_along()
    if given.only:
        case = made(given.only)
        print(case.text())
        found = judged(case)
        print(found.said or (found.kind if isinstance(found, Finding) else found.how))
        return isinstance(found, Finding)
    begun, numbers = time.monotonic(), range(given.first, given.first + given.cases)
    found = spread(given.seed, numbers, given.jobs, _watching(given.keep), given.of or (*KINDS,))
    _tell(found)
    print(
        f"seed {given.seed}: {given.cases:,} cases in {time.monotonic() - begun:.0f} s, {len(found.findings)} findings"
    )
    return bool(found.findings)


def brought_along() -> None:
    """Count what an installed convcost brings along, once for a state of the source: `list` takes what it takes there."""
    if place() is None:  # nothing is kept
        return
    counting = [sys.executable, "-m", "convcost.published.beforehand"]
    subprocess.run(counting, stdout=subprocess.DEVNULL, check=True)


def _watching(keep: Path | None) -> Callable[[Found], None]:
    """What says, after each case, what is new: findings, each written where it is to be kept, and how far it is."""
    told = 0

    def say(found: Found) -> None:
        nonlocal told
        for one in found.findings[told:]:
            print(f"{one.case.label}  {one.kind}", file=sys.stderr, flush=True)
            if keep:
                keep.mkdir(parents=True, exist_ok=True)
                path = keep / f"{one.case.label.replace(':', '-')}.yaml"
                path.write_text(f"{one.case.text()}\n# {one.kind}\n", encoding="utf-8")
        told = len(found.findings)
        if not found.ends.total() % 5000:
            print(f"… {found.ends.total():,}", file=sys.stderr, flush=True)

    return say


def _tell(found: Found) -> None:
    """What was found, the most frequent first, and how the others ended."""
    kinds: dict[str, list[Finding]] = defaultdict(list)
    for one in found.findings:
        kinds[one.kind].append(one)
    for kind, all_ in sorted(kinds.items(), key=lambda pair: -len(pair[1])):
        print(f"{len(all_):6} × {kind}   {', '.join(one.case.label for one in all_[:4])}")
    print(", ".join(f"{end} {number:,}" for end, number in sorted(found.ends.items())))


if __name__ == "__main__":
    sys.exit(main())
