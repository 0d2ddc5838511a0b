"""`python -m mutation PACKAGE|MODULE… [--sample N] [--seed S] [--only LABEL] [--stages N] [--list]`, in tests; exits 1 if one survives."""

from __future__ import annotations

import argparse
import random
import sys

from mutation.mutants import Mutant
from mutation.run import SURVIVED, all_mutants, bench, modules


def chosen(asked: argparse.Namespace) -> list[Mutant]:
    """The mutants that are to be run: always the same ones of a seed."""
    every = all_mutants(modules(*asked.names))
    if asked.only:
        return [one for one in every if one.label.startswith(asked.only)]
    return random.Random(asked.seed).sample(every, min(asked.sample or len(every), len(every)))


def main() -> int:
    """Run them one after the other; a line for each."""
    parser = argparse.ArgumentParser(prog="python -m mutation", description="One token of the code changed at a time.")
    parser.add_argument(
        "names", nargs="+", help="a package or a module, as seen from convcost/: ops, spec/elaborate.py"
    )
    parser.add_argument("--sample", type=int, help="how many; all if it is left out")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="those whose label begins so: convcost/core/dims.py:12")
    parser.add_argument(
        "--stages", type=int, help="of the tests: 1 is those near the module, 2 all but the slow; else all"
    )
    parser.add_argument("--list", action="store_true", help="show them, and run nothing")
    asked = parser.parse_args()
    survivors = 0
    every = chosen(asked)
    if asked.list:
        print(*(f"{one.label}    {one.shown}" for one in every), sep="\n")
        return 0
    with bench() as made:
        for one in every:
            found = made.outcome(one, asked.stages)
            survivors += found.word == SURVIVED
            print(f"{found.word:10} {one.label}    {found.why or one.shown}", flush=True)
    print(f"{len(every)} mutants, {survivors} survived")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
