"""The command line: parse options, call one library function, print. No arithmetic here."""

from convcost.cli.main import main

__all__ = ["main"]
