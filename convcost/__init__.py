"""convcost: what a convolutional network costs, exactly, and where each number comes from.

>>> import convcost
>>> convcost.load("mobilenet_v2", width=0.75).report().totals.macs
209069792
"""

from typing import TYPE_CHECKING, Any

from convcost.core.errors import ConvcostError, SpecError, UsageError
from convcost.core.version import __version__
from convcost.networks.load import load
from convcost.networks.network import Network

if TYPE_CHECKING:
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

#: Name -> the module that has it; most of these need numpy, which looking at a network does not.
_LATER = {
    "fit": "convcost.space.fit",
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
