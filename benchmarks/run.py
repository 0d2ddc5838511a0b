"""Every benchmark, one after the other: python benchmarks/run.py [NAME…]

startup   commands beside `python -c pass`
walk      one elaboration and walk, per network
sweep     grids beside memory fills and loops; fronts; a thousand resolutions beside one walk
growth    the exponents by which times grow with networks
counters  other counters on the same networks, where they are installed
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NAMES = ("startup", "walk", "sweep", "growth", "counters")


def main(chosen: list[str]) -> int:
    """Each in a process of its own, so that none warms another up."""
    wrong = [name for name in chosen if name not in NAMES]
    if wrong:
        print(f"there is no benchmark {wrong[0]!r}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    for name in chosen or NAMES:
        print(f"== {name}", flush=True)
        subprocess.run([sys.executable, str(Path(__file__).parent / f"{name}.py")], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
