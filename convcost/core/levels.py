"""What rows of a report may stand for; apart, so that the command line can list them without loading anything else."""

LEVELS = ("layer", "block", "stage", "op")
