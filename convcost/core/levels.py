"""What a row of a report may be; a module of its own, so that the command line can list it without loading more."""

LEVELS = ("layer", "block", "stage", "op")
