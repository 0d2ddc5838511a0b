"""Functions of higher floors that objects of lower ones offer as methods: `network.sweep(…)` is `convcost.sweep(network, …)`.

A lower floor imports no higher one. The front door, which knows all of them, says here how a public name is found; a
method asks for its function by that name when it is called.
"""

from __future__ import annotations

TYPE_CHECKING = False  # see convcost/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_FRONT: list[Callable[[str], Any]] = []


def open_front(find: Callable[[str], Any]) -> None:
    """Let public names be found so; the front door calls this once."""
    _FRONT[:] = [find]


def public(name: str) -> Any:
    """The public function of this name.

    >>> public("sweep").__module__
    'convcost.space.sweep'
    """
    return _FRONT[0](name)
