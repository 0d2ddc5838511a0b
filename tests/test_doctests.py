"""Every example in a docstring of the package is run, wherever the package is installed."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import convcost

MODULES = ["convcost", *(info.name for info in pkgutil.walk_packages(convcost.__path__, "convcost."))]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_give_what_they_show(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = [test for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples]
    assert len(found) > 60
