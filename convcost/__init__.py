"""convcost: what a convolutional network costs, exactly, and where each number comes from.

>>> import convcost
>>> convcost.load("mobilenet_v2", width=0.75).report().totals.macs
209069792
"""

from convcost.errors import ConvcostError, SpecError, UsageError
from convcost.network import Network, load
from convcost.version import __version__

__all__ = ["ConvcostError", "Network", "SpecError", "UsageError", "__version__", "load"]
