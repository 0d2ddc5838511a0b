"""What the documentation named before the house was redrawn can still be imported, and says where it stands now."""

from __future__ import annotations

from importlib import import_module

import pytest

import convcost
from convcost import pages
from convcost.core.moved import MOVED

DOCUMENTED = [(module, name) for module, names in MOVED.items() for name in names]


@pytest.mark.parametrize(("module", "name"), DOCUMENTED)
def test_a_documented_name_is_found_and_says_where_it_is_now(module: str, name: str) -> None:
    now = MOVED[module][name]
    with pytest.warns(DeprecationWarning, match=rf"^{module}\.{name} is now {now}\.{name}$"):
        found = getattr(import_module(module), name)
    assert found is getattr(import_module(now), name)


def test_other_names_are_gone() -> None:
    with pytest.raises(ImportError):
        from convcost.engine import Run  # noqa: F401
    with pytest.raises(ModuleNotFoundError):
        import_module("convcost.beside")


def test_an_old_import_does_not_take_the_place_of_a_function() -> None:
    import_module("convcost.explain")
    assert convcost.explain("lenet5", "c1").name == "c1"
    assert pages.document.__module__ == "convcost.pages.files"
