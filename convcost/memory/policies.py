"""The named policies of peak memory, as data: a sentence for people and a few independent switches.

Tools print very different numbers for one network because each assumes a different policy and names none. A new policy
is a new entry of this table.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from convcost.core.errors import UsageError, did_you_mean, is_one_of

Fuses = Literal["nothing", "weighted", "any"]
"""The ops into which later ops are fused: none, conv and linear layers, or any op."""
Keeps = Literal["use", "end", "backward", "layer"]
"""How long a tensor is kept: until its last use; to the end; to the end if the backward pass needs it; only during the
one conv or linear layer that reads or writes it."""


class Policy(NamedTuple):
    """Assumptions about fusion, in-place writes and how long tensors are kept."""

    says: str
    """The policy in one sentence, shown under every number that follows from it."""
    fuse: Fuses = "nothing"
    """The ops into which a batch-norm and activation after them are fused."""
    overwrite: bool = False
    """Whether element-wise ops run in place over an input that is not needed any more."""
    join: bool = False
    """Whether branches are written directly into their concat's output, so that the concat writes nothing."""
    keeps: Keeps = "use"
    attention: bool = False
    """Whether attention runs as one kernel that never writes its scores."""
    depthwise: bool = False
    """Whether a depthwise convolution writes over its input, a channel at a time; where single layers are looked at, in any
    case, else where the input dies there."""


_FUSED = (
    "batch-norm and activations fused into the conv or linear layer before them, where nothing else reads it; "
    "every other op writes its own tensor; views write none"
)
POLICIES = {
    "fused": Policy(_FUSED, fuse="weighted"),
    "unfused": Policy(
        "every op writes its own tensor; views (flatten, dropout in evaluation, identity, slices) write none"
    ),
    "fused_attention": Policy(
        "as fused, and attention runs as one kernel that never writes its scores (FlashAttention): what lies between two "
        "products of activations, a softmax among it, has no memory of its own",
        fuse="weighted",
        attention=True,
    ),
    "inplace": Policy(
        "as fused, and an activation, a batch-norm, an add or a multiply writes over an input that dies there",
        fuse="weighted",
        overwrite=True,
    ),
    "concat_alias": Policy(
        "as inplace, and branches write straight into their concat's output, where each lies in one concat only",
        fuse="weighted",
        overwrite=True,
        join=True,
    ),
    "tinyengine": Policy(
        "as inplace, and a depthwise convolution writes over its input where that dies there, a channel at a time "
        "(TinyEngine; the buffer for one channel is not counted)",
        fuse="weighted",
        overwrite=True,
        depthwise=True,
    ),
    "largest": Policy(
        "the largest input + output of any one conv or linear layer, batch-norm and activations fused; what else is "
        "alive meanwhile (a shortcut, another branch) is forgotten",
        fuse="weighted",
        keeps="layer",
    ),
    "mcunet": Policy(
        "as largest, and of a depthwise convolution, which runs in place, the larger of its input and its output (MCUNetV2's "
        "figures)",
        fuse="weighted",
        keeps="layer",
        depthwise=True,
    ),
    "sum": Policy(
        "the input and every output kept to the end, nothing reused; batch-norm and activations fused into the op before "
        "them, an add included; views write none",
        fuse="any",
        keeps="end",
    ),
    "training": Policy(
        "the forward pass of training: what the backward pass needs is kept to the end, as each op declares, masks at "
        "one byte per element; nothing fused; gradients, weights and the optimizer's state not counted",
        keeps="backward",
    ),
}
"""Name -> policy."""


def policy(name: str) -> Policy:
    """A policy by name; raises `UsageError`.

    >>> policy("inplace").overwrite, policy("inplace").join
    (True, False)
    """
    if not is_one_of(name, POLICIES):
        raise UsageError(f"there is no memory policy {name!r}{did_you_mean(name, POLICIES)}")
    return POLICIES[name]
