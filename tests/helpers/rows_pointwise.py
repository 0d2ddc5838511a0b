"""Activations and normalisations, derived by hand."""

from __future__ import annotations

from helpers.rows import refusal, row

ELEMENTWISE = [
    "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "swish", "mish", "hard_swish", "hard_sigmoid",
    "sigmoid", "tanh", "softplus",
]  # fmt: skip

# Every number stands on the arithmetic beside it, never on what the code put out.
# fmt: off
ROWS = [
    *(row(op, [(112, 56, 32)], {}, [(112, 56, 32)], "one element out for each in, nothing learnt") for op in ELEMENTWISE),
    row("softmax", [(1000,)], {}, [(1000,)], "a vector stays a vector"),
    row("softmax", [(12, 197, 195)], {"axis": 1}, [(12, 197, 195)], "as many elements as before, along any axis"),
    row("log_softmax", [(25, 80)], {}, [(25, 80)], "as many elements as before"),
    row("log_softmax", [(12, 197, 195)], {"axis": 1}, [(12, 197, 195)], "along any axis"),
    row("function", [(112, 56, 32)], {"of": "erf"}, [(112, 56, 32)], "one element out for each in", variant="erf"),
    row("function", [(10,)], {"of": "cast"}, [(10,)], "as another type", variant="cast"),
    row("cumulative", [(77, 8)], {"axis": 0}, [(77, 8)], "a sum for each element", variant="sum"),
    row("cumulative", [(4, 5, 6)], {"axis": "width", "function": "max"}, [(4, 5, 6)], "the largest so far", variant="max"),
    row("split_softmax", [(1, 2, 128)], {"parts": 2}, [(1, 2, 128)], "two parts of 64 channels, weighed against each other"),
    row("prelu", [(28, 14, 64)], {}, [(28, 14, 64)], "one slope for each of 64 channels", weights=64),
    row("prelu", [(10,)], {}, [(10,)], "one slope for each of 10 channels", weights=10),
    row("batch_norm", [(4, 5, 3)], {}, [(4, 5, 3)], "scale, shift, mean and variance for each of 3 channels",
        weights=3, biases=3, buffers=6),
    row("batch_norm", [(10,)], {"scale": False}, [(10,)], "10 shifts, 10 means, 10 variances", biases=10, buffers=20),
    row("batch_norm", [(4, 5, 3)], {"shift": False}, [(4, 5, 3)], "no shift", weights=3, buffers=6),
    row("batch_norm", [(4, 5, 3)], {"scale": False, "shift": False}, [(4, 5, 3)], "3 means, 3 variances",
        variant="non-affine", buffers=6),
    row("layer_norm", [(4, 5, 3)], {"scale": False, "shift": False}, [(4, 5, 3)], "nothing is learnt",
        variant="non-affine"),
    row("layer_norm", [(4, 5, 3)], {}, [(4, 5, 3)], "scale and shift for each of 3 channels", weights=3, biases=3),
    row("layer_norm", [(10,)], {"scale": False}, [(10,)], "10 shifts", biases=10),
    row("layer_norm", [(10,)], {"shift": False}, [(10,)], "10 scales", weights=10),
    row("layer_norm", [(4, 5, 3)], {"axes": ["height", "width", "channels"]}, [(4, 5, 3)],
        "4·5·3 = 60 scales and as many shifts", weights=60, biases=60),
    row("layer_norm", [(6, 7, 4, 5, 3)], {"axes": [-3, "channels"], "shift": False}, [(6, 7, 4, 5, 3)],
        "4·3 = 12 scales", weights=12),
    row("layer_norm", [(4, 5, 3)], {"axes": "width"}, [(4, 5, 3)], "5 scales, 5 shifts", weights=5, biases=5),
    row("rms_norm", [(4, 5, 3)], {}, [(4, 5, 3)], "a scale for each of 3 channels", weights=3),
    row("rms_norm", [(4, 5, 3)], {"axes": ["width", "channels"]}, [(4, 5, 3)], "5·3 = 15 scales", weights=15),
    row("rms_norm", [(7, 3)], {"scale": False}, [(7, 3)], "nothing is learnt", variant="non-affine"),
    row("l2_normalize", [(4, 5, 3)], {}, [(4, 5, 3)], "nothing is learnt"),
    row("l2_normalize", [(7, 3)], {"axis": "length"}, [(7, 3)], "nothing is learnt"),
    row("global_response_norm", [(4, 5, 3)], {}, [(4, 5, 3)], "a factor and a shift for each of 3 channels",
        weights=3, biases=3),
    row("group_norm", [(25, 6)], {"groups": 2}, [(25, 6)], "6 scales and shifts, on a sequence", weights=6, biases=6),
    row("group_norm", [(4, 5, 6)], {"groups": 3}, [(4, 5, 6)], "scale and shift for each of 6 channels", weights=6, biases=6),
    row("group_norm", [(4, 5, 6)], {"groups": 6, "scale": False}, [(4, 5, 6)], "6 shifts", biases=6),
    row("group_norm", [(4, 5, 6)], {"groups": 1, "shift": False}, [(4, 5, 6)], "6 scales", weights=6),
    row("scale", [(4, 5, 3)], {}, [(4, 5, 3)], "a factor for each of 3 channels", weights=3),
    row("scale", [(4, 5, 3)], {"shift": True}, [(4, 5, 3)], "3 factors and 3 shifts, these at 20 positions: 60",
        bias_adds=60, weights=3, biases=3),
    row("scale", [(10,)], {"shift": True}, [(10,)], "10 factors, 10 shifts added once each",
        bias_adds=10, weights=10, biases=10),
    row("local_response_norm", [(55, 54, 96)], {"size": 3}, [(55, 54, 96)],
        "nothing is learnt; a window of 3 needs one channel of zeros on each side: 2·55·54 = 5940", zeros=5940),
    row("local_response_norm", [(7, 8)], {"size": 4}, [(7, 8)], "3 channels of zeros at each of 7 tokens", zeros=21),
    row("local_response_norm", [(20, 5)], {}, [(20, 5)], "a window of 5 needs 4 channels of zeros: 4·20 = 80", zeros=80),
    row("local_response_norm", [(2, 3, 4, 5)], {"size": 2}, [(2, 3, 4, 5)], "one channel of zeros: 2·3·4 = 24", zeros=24),
    row("group_norm", [(20, 6)], {"groups": 2}, [(20, 6)], "scale and shift for each of 6 channels", weights=6, biases=6),
    row("group_norm", [(2, 3, 4, 6)], {"groups": 2}, [(2, 3, 4, 6)], "scale and shift for each of 6", weights=6, biases=6),
]

# Each breaks one condition only, so that no check can hide behind another.
REFUSALS = [
    refusal("group_norm", [(4, 5, 10)], {"groups": 4},
            "groups must divide the channels, got groups 4 for 10 channels", {"groups": 5}),
    refusal("softmax", [(4, 5, 8)], {"axis": "length"},
            "a map of 4×5×8 has no length; it has height, width and channels (by number: 0 to 2)"),
    refusal("log_softmax", [(4, 8)], {"axis": "width"},
            "a sequence of 4×8 has no width; it has length and channels (by number: 0 to 1)"),
    refusal("cumulative", [(8,)], {"axis": "length"}, "a vector of 8 has no length; it has channels (by number: 0)"),
    refusal("rms_norm", [(25, 8)], {"axes": ["channels", "width"]},
            "a sequence of 25×8 has no width; it has length and channels (by number: 0 to 1)"),
    refusal("rms_norm", [(25, 8)], {"axes": ["height", "channels"]},
            "a sequence of 25×8 has no height; it has length and channels (by number: 0 to 1)"),
    refusal("rms_norm", [(4, 5, 8)], {"axes": ["channels", 2]}, "axes must name each axis once, got channels, 2"),
    refusal("split_softmax", [(1, 1, 10)], {"parts": 4},
            "parts must divide the channels, got 4 for 10 channels", {"parts": 5}),
    refusal("l2_normalize", [(8,)], {"axis": 1}, "a vector of 8 has no axis 1; it has channels (by number: 0)"),
    refusal("layer_norm", [(25, 8)], {"axes": ["channels", "width"]},
            "a sequence of 25×8 has no width; it has length and channels (by number: 0 to 1)"),
    refusal("layer_norm", [(25, 8)], {"axes": ["height", "channels"]},
            "a sequence of 25×8 has no height; it has length and channels (by number: 0 to 1)"),
    refusal("layer_norm", [(4, 5, 8)], {"axes": ["channels", 2]}, "axes must name each axis once, got channels, 2"),
]
# fmt: on
