"""The version, on the lowest floor, so that everything may state it."""

__version__ = "0.1.0"
