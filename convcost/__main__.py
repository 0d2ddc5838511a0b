"""`python -m convcost` is `convcost`."""

from convcost.cli import main

main(prog_name="convcost")
