"""`python -m convcost` is `convcost`."""

from convcost.cli import main

if __name__ == "__main__":
    main(prog_name="convcost")
