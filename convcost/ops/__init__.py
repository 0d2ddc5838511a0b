"""One rule per op: input shapes and attributes in, an `OpCost` out, over ints, numpy arrays and sympy symbols alike.

The rules know no graph and no YAML. `OPS` is the table of all of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from convcost.core.dims import Dim, Shape
from convcost.core.errors import Unfit
from convcost.ops import activation, conv, join, norm, pool, shape
from convcost.ops.registry import OPS, Attr, Op, failure

__all__ = ["OPS", "WEIGHTED", "Attr", "Op", "Unfit", "failure", "padding_macs"]
#: The ops whose multiply-accumulates are "MACs" in papers, and whose outputs are "conv activations".
WEIGHTED = ("conv2d", "conv2d_table", "conv_transpose2d", "linear", "rbf")


def padding_macs(op: str, shapes: Sequence[Shape], attrs: Mapping[str, Any]) -> Dim:
    """Of an op's MACs, those whose factor is a padding zero: work that the count names but no result needs.

    Apart from the rules' ledger, because only explanations and reports ask for it.
    """
    return conv.padding_macs(*shapes, **attrs) if op == "conv2d" else 0


# Importing a family enters its rules into the table.
_FAMILIES = (activation, conv, join, norm, pool, shape)
