"""The op that stands for an operation that nobody can count."""

from convcost.core.cost import OpCost
from convcost.core.dims import first_given
from convcost.ops.attributes import AnyInput, Flag, Shapes, Text, Word
from convcost.ops.registry import op
from convcost.ops.traits import OPAQUE


@op("unknown", OPAQUE, says="type")
def unknown(
    *x: AnyInput,
    type: Word,  # noqa: A002
    shape: Shapes = None,
    why: Text = None,
    behind: Flag = False,
) -> OpCost:
    """Stand for an operation of a model file that convcost has no op for: what it costs is not known, which is not 0.

    (…), (…), … -> shape, or nothing at all. Any number of inputs, also none (`in: []`). `type` is what the file calls it, and
    `why` says more. With `shape`, which is one shape or a list of shapes (read as `name:0`, `name:1`, …), all that follows is
    exact. Without, it has no output that anything but a further unknown could read; that says `behind: true` where it is
    unknown for no other reason. Counts of the layer are written `?`, sums that it is part of are lower bounds (`>= N`).

    >>> unknown((100, 4), (100,), type="NonMaxSuppression").out
    ()
    >>> from convcost.ops import cost
    >>> cost("unknown", (14, 14, 64), type="com.example.Mix", shape=[14, 14, 32]).out
    ((14, 14, 32),)
    >>> cost("unknown", (8400, 84), type="Detect", shape=[[100, 4], [100]]).out
    ((100, 4), (100,))
    """
    return OpCost(out=first_given(shape, ()))
