"""convcost: what a convolutional network costs, exactly, and where each number comes from.

>>> import convcost
>>> convcost.load("mobilenet_v2", width=0.75).report().totals.macs
209069792
"""

from __future__ import annotations

from convcost.core.version import __version__

TYPE_CHECKING = False  # type checkers know it by its name; importing typing costs more than all the rest here
if TYPE_CHECKING:
    from typing import Any

    from convcost.core.errors import ConvcostError, SpecError, UsageError
    from convcost.networks.load import load
    from convcost.networks.network import Network
    from convcost.networks.side_by_side import side_by_side
    from convcost.space.fit import fit
    from convcost.space.pareto import pareto
    from convcost.space.sweep import sweep

__all__ = [
    "ConvcostError",
    "Network",
    "SpecError",
    "UsageError",
    "__version__",
    "fit",
    "load",
    "pareto",
    "side_by_side",
    "sweep",
]

#: Name -> the module that has it, imported when the name is first asked for: importing convcost costs next to nothing.
_LATER = {
    "ConvcostError": "convcost.core.errors",
    "Network": "convcost.networks.network",
    "SpecError": "convcost.core.errors",
    "UsageError": "convcost.core.errors",
    "fit": "convcost.space.fit",
    "load": "convcost.networks.load",
    "pareto": "convcost.space.pareto",
    "side_by_side": "convcost.networks.side_by_side",
    "sweep": "convcost.space.sweep",
}


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'convcost' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATER[name]), name)
