"""Every trait of every op, stated here a second time by hand; a new op is a row in one of the sets below."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from convcost.ops import OPS, Traits
from convcost.ops.traits import ELEMENTWISE as ELEMENTWISE_FAMILY

AXES = (1, 2, 3)
CONVOLUTIONS = {f"conv{axes}d" for axes in AXES}
TRANSPOSED = {f"conv_transpose{axes}d" for axes in AXES}
WEIGHTED = {*CONVOLUTIONS, *TRANSPOSED, "conv2d_table", "deform_conv2d", "linear", "rbf", "lstm", "gru", "rnn"}
#: Each of one input, a fixed function of the element at the place; softmax and layer-norm look around.
ELEMENTWISE = {
    *("relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "swish", "mish"),
    *("hard_swish", "hard_sigmoid", "sigmoid", "tanh", "softplus", "prelu", "batch_norm", "scale", "function"),
}
POOLS = {"max_pool", "avg_pool", "adaptive_avg_pool", "adaptive_max_pool"}
POOLS |= {f"{name}{axes}d" for name in POOLS for axes in AXES} | {"global_avg_pool", "global_max_pool", "subsample"}
INTERPOLATION = {"upsample", "resize"}
INTERPOLATION |= {f"{name}{axes}d" for name in INTERPOLATION for axes in AXES}
#: Every element goes to another position of its channel.
MOVED = {"roll", "window_partition", "window_reverse"}
#: Views of everything, and of parts.
WHOLE, PART = {"identity", "dropout", "flatten", "reshape", "source"}, {"slice", "split", "crop"}
REST = {
    *("softmax", "layer_norm", "group_norm", "local_response_norm", "add", "multiply", "concat", "pad"),
    *("channel_shuffle", "depth_to_space", "space_to_depth", "matmul", "embedding", "reduce", "transpose", "expand"),
    *(
        "split_softmax",
        "l2_normalize",
        "global_response_norm",
        "gather",
        "top_k",
        "unfold",
        "fold",
        "combine",
        "unknown",
    ),
    *("log_softmax", "rms_norm", "tile", "one_hot", "cumulative", "scatter", "grid_sample", "roi_align"),
}
#: Elements elsewhere, and nothing else.
MOVES = {"concat", "pad", "channel_shuffle", "depth_to_space", "space_to_depth", "embedding", "transpose", "expand"}
MOVES |= {"gather", "scatter", "tile", "one_hot", "unfold"}
#: An exponential, a root or a power of each element; of "function" its word says it.
CURVED = {"elu", "selu", "gelu", "silu", "swish", "mish", "sigmoid", "tanh", "softplus"}
CURVED |= {"softmax", "log_softmax", "split_softmax", "local_response_norm", "rbf"}
NORMS = {
    *("batch_norm", "layer_norm", "rms_norm", "group_norm"),
    *("local_response_norm", "l2_normalize", "global_response_norm"),
}
#: Trait -> value -> the ops that have it; all others have the value of "else".
STATED: dict[str, dict[Any, Any]] = {
    "weighted": {True: WEIGHTED, "else": False},
    "factors": {
        "weights": WEIGHTED - {"lstm", "gru", "rnn"},
        "state": {"lstm", "gru", "rnn"},
        "inputs": {"matmul"},
        "else": "none",
    },
    "elementwise": {True: ELEMENTWISE, "else": False},
    # An addition may lie over any of its summands, a gated tensor over itself.
    "overwrites": {"first": ELEMENTWISE | {"multiply", "scatter"}, "any": {"add"}, "else": "nothing"},
    "channels": {
        "grouped": CONVOLUTIONS | TRANSPOSED | {"deform_conv2d", "group_norm"},
        "alone": ELEMENTWISE | POOLS | INTERPOLATION | MOVED | {"pad", "channel_shuffle", "identity", "dropout"},
        "else": "mixed",
    },
    "resamples": {
        True: POOLS
        | INTERPOLATION
        | MOVED
        | CONVOLUTIONS
        | TRANSPOSED
        | {"pad", "conv2d_table", "deform_conv2d", "grid_sample", "roi_align"},
        "else": False,
    },
    "view": {"whole": WHOLE, "part": PART, "else": "none"},
    "joins": {True: {"concat"}, "else": False},
    "drawn": {
        "after": (ELEMENTWISE - {"batch_norm"}) | {"softmax", "log_softmax", "split_softmax"},
        "around": NORMS,
        "not": (WHOLE - {"source"}) | PART | {"transpose"},
        "else": "alone",
    },
    "opaque": {True: {"unknown"}, "else": False},
    "looks_up": {True: {"embedding", "gather"}, "else": False},
    "computes": {
        "nothing": WHOLE | PART | MOVED | MOVES,
        "exponentials": CURVED,
        "else": "arithmetic",
    },
    "attends": {"product": {"matmul"}, "softmax": {"softmax"}, "else": "no"},
}


def test_every_trait_of_every_op_is_stated_here() -> None:
    assert {*OPS} == WEIGHTED | ELEMENTWISE | POOLS | INTERPOLATION | MOVED | WHOLE | PART | REST
    assert {field.name for field in fields(Traits)} == {*STATED, "padding_macs"}


def differences(ops: dict[str, Traits]) -> list[tuple[str, str]]:
    """Each op with a trait that is not what is stated."""
    return [
        (op, trait)
        for op, traits in ops.items()
        for trait, values in STATED.items()
        if getattr(traits, trait)
        != next((v for v, have in values.items() if v != "else" and op in have), values["else"])
    ]


def test_every_op_has_the_traits_that_are_stated() -> None:
    assert differences({name: op.traits for name, op in OPS.items()}) == []


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("trait", STATED)
def test_another_value_of_any_trait_is_found(op: str, trait: str) -> None:
    others = [value for value in STATED[trait] if value != "else"] + [STATED[trait]["else"]]
    for other in others:
        if other != getattr(OPS[op].traits, trait):
            assert differences({op: replace(OPS[op].traits, **{trait: other})}) == [(op, trait)]


def test_padding_zeros_are_told_apart_where_a_window_multiplies_them() -> None:
    have = {name for name, op in OPS.items() if op.traits.padding_macs}
    assert have == CONVOLUTIONS | {"conv2d_table"}


def test_a_trait_is_never_left_out() -> None:
    """A new trait has to be decided for each op; there are no defaults."""
    stated = {field.name: getattr(ELEMENTWISE_FAMILY, field.name) for field in fields(Traits)}
    for left_out in stated:
        with pytest.raises(TypeError):
            Traits(**{name: value for name, value in stated.items() if name != left_out})


def test_traits_agree_with_each_other() -> None:
    for op in OPS.values():
        traits = op.traits
        assert not traits.elementwise or (
            traits.overwrites == "first" and traits.channels == "alone" and traits.view == "none"
        )
        assert traits.padding_macs is None or (traits.weighted and traits.resamples)
        assert traits.channels != "grouped" or "groups" in op.attrs
        assert not traits.joins or "axis" in op.attrs
