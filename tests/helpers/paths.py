"""Where the tests find what they read."""

from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
SPECS = TESTS / "specs"
"""Specs that only tests use."""
CASES = TESTS / "cases"
