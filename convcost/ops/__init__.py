"""One rule per op: input shapes and attributes in, an `OpCost` out, over ints, numpy arrays and sympy symbols alike.

The rules know no graph and no YAML. `OPS` is the table of all of them.
"""

from convcost.core.errors import Unfit
from convcost.ops import (
    activation,
    conv,
    dense,
    function,
    join,
    norm,
    pool,
    rearrange,
    recurrent,
    reduce,
    resample,
    select,
    unknown,
)
from convcost.ops.registry import OPS, Attr, Op, cost, failure
from convcost.ops.traits import Traits

__all__ = ["OPS", "Attr", "Op", "Traits", "Unfit", "cost", "failure"]
# Importing a family enters its rules into the table.
_FAMILIES = (
    activation,
    conv,
    dense,
    function,
    join,
    norm,
    pool,
    rearrange,
    recurrent,
    reduce,
    resample,
    select,
    unknown,
)
