"""`convcost`, and `python -m convcost`."""

import gc

from convcost.core.ending import KEYBOARD, OTHERS, heed


def run() -> None:
    """The command line in a process of its own; signals are heeded before all else is imported."""
    heed(KEYBOARD + OTHERS)
    # A command makes much that it holds until it ends: to look through all of it for garbage took a fifth of the time.
    gc.set_threshold(50_000, 20, 50)
    from convcost.cli import main

    main(prog_name="convcost")


if __name__ == "__main__":
    run()
