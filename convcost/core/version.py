"""The version, in the lowest package, so that every module can import it."""

__version__ = "0.1.0"
