"""convcost: what a convolutional network costs, exactly, and where each number comes from.

>>> import convcost
>>> convcost.load("mobilenet_v2", width=0.75).report().totals.macs
209069792
"""

from typing import TYPE_CHECKING, Any

from convcost.errors import ConvcostError, SpecError, UsageError
from convcost.network import Network, load
from convcost.version import __version__

if TYPE_CHECKING:
    from convcost.beside import side_by_side
    from convcost.fronts import pareto
    from convcost.grid.fit import fit
    from convcost.grid.sweep import sweep

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

#: Name -> the module that has it; most of these need numpy, which looking at a network does not.
_LATER = {
    "fit": "convcost.grid.fit",
    "pareto": "convcost.fronts",
    "side_by_side": "convcost.beside",
    "sweep": "convcost.grid.sweep",
}


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'convcost' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LATER[name]), name)
