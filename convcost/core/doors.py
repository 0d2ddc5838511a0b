"""Functions of higher packages as methods of objects in lower ones: `network.sweep(…)` is `convcost.sweep(network, …)`.

A lower package imports no higher one. The front door (`convcost/__init__.py`), which knows all public names, registers
here how to resolve them; a method resolves its function by name when it is called.
"""

from __future__ import annotations

TYPE_CHECKING = False  # see convcost/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_FRONT: list[Callable[[str], Any]] = []


def open_front(find: Callable[[str], Any]) -> None:
    """Register how public names are resolved; the front door calls this once."""
    _FRONT[:] = [find]


def public(name: str) -> Any:
    """The public function of this name.

    >>> public("sweep").__module__
    'convcost.space.sweep'
    """
    return _FRONT[0](name)
