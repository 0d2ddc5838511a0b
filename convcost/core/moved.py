"""Deprecated module names: importing one that was documented still works.

convcost itself does not use them; each use warns with the new place of the name.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # see convcost/__init__.py
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

#: Old module -> the names that were documented -> where they are now.
MOVED = {
    "convcost.comparison": {"comparison_table": "convcost.alternatives.comparison"},
    "convcost.engine": {"conv2d": "convcost.alternatives.execution"},
    "convcost.executors": {"over": "convcost.space.workers"},
    "convcost.explain": {"layer_table": "convcost.formulas.explain"},
    "convcost.frontier_tables": {"frontier_table": "convcost.published.frontier"},
    "convcost.grid": {},
    "convcost.grid.frontier": dict.fromkeys(("local_front", "merge", "objectives_of"), "convcost.space.front"),
    "convcost.grid.sweep": {
        "design_space": "convcost.space.open",
        "pieces": "convcost.space.sweep",
        "windows": "convcost.space.windows",
    },
    "convcost.listing": {"list_table": "convcost.networks.listing"},
    "convcost.memory.blocks": {"largest_by_size": "convcost.memory.parts"},
    "convcost.memory_tables": {"memory_table": "convcost.results.memory"},
    "convcost.report_page": {"report_page": "convcost.pages.report"},
    "convcost.rewriting": {"rewrite_table": "convcost.networks.before_after"},
}


class _Moved(type(sys)):  # type: ignore[misc]  # a module
    """A deprecated module: its documented names are resolved in their new modules."""

    def __getattr__(self, name: str) -> Any:
        names = MOVED[self.__name__]
        if name not in names:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        import warnings
        from importlib import import_module

        said = f"{self.__name__}.{name} is now {names[name]}.{name}"
        warnings.warn(said, DeprecationWarning, stacklevel=2)
        return getattr(import_module(names[name]), name)

    def __call__(self, *args: Any, **options: Any) -> Any:
        """`convcost.explain` is a function now; an import of the old module must not take its place."""
        from convcost.core.doors import public

        return public(self.__name__.rpartition(".")[2])(*args, **options)


class _Finder:
    """Finder and loader, last on the path, for module names without a file."""

    @staticmethod
    def find_spec(name: str, _path: Any = None, _target: Any = None) -> ModuleSpec | None:
        if name not in MOVED:
            return None
        from importlib.machinery import ModuleSpec

        return ModuleSpec(name, _Finder, is_package=name == "convcost.grid")  # type: ignore[arg-type]

    @staticmethod
    def create_module(spec: ModuleSpec) -> ModuleType:
        return _Moved(spec.name)

    @staticmethod
    def exec_module(_module: ModuleType) -> None:
        """There is nothing to run."""


def keep() -> None:
    """Make the old module names importable."""
    sys.meta_path.append(_Finder)
