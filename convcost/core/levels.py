"""What a row of a report may be; a module of its own, so that the command line can list it without loading more."""

LEVELS = ("unit", "layer", "block", "stage", "op")
"""A thing that a person would draw, an op, the first two scopes, the first one, a kind of op."""
MOST_ROWS = 40
"""The most rows that a person reads on one screen: of more, a report goes to the next coarser level."""
DIFFERENCES = ("change", "unit", "block", "stage")
"""What a row of a difference between two networks may be."""
