"""`convcost`, and `python -m convcost`."""

from convcost.core.ending import KEYBOARD, OTHERS, heed


def run() -> None:
    """The command line in a process of its own; signals are heeded before all else is imported."""
    heed(KEYBOARD + OTHERS)
    from convcost.cli import main

    main(prog_name="convcost")


if __name__ == "__main__":
    run()
