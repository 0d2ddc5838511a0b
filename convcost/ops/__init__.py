"""One rule per op: input shapes and attributes in, an `OpCost` out, over ints, numpy arrays and sympy symbols alike.

The rules know no graph and no YAML. `OPS` is the table of all of them.
"""

from convcost.ops import activation, conv, merge, norm, pool, shape
from convcost.ops.kinds import Unfit
from convcost.ops.registry import OPS, Attr, Op, failure

__all__ = ["OPS", "WEIGHTED", "Attr", "Op", "Unfit", "failure"]

#: The ops whose multiply-accumulates are "MACs" in papers, and whose outputs are "conv activations".
WEIGHTED = ("conv2d", "conv_transpose2d", "linear")

# Importing a family enters its rules into the table.
_FAMILIES = (activation, conv, merge, norm, pool, shape)
