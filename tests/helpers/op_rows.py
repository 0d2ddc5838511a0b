"""What every op costs, derived by hand, and what it refuses: a new op is a function and a row here."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from helpers.systems import Case, Refusal, Row


def row(
    op: str, shapes: list[Any], attrs: dict[str, Any], out: list[Any], why: str, variant: str = "", **counts: int
) -> Row:
    """A row of the table; whatever is not counted must be 0."""
    view = bool(counts.pop("view", False))
    return Row(Case(op, shapes, attrs), why, out, counts, view, variant)


ELEMENTWISE = [
    "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "swish", "mish", "hard_swish", "hard_sigmoid",
    "sigmoid", "tanh", "softplus", "softmax",
]  # fmt: skip

# LeCun et al. 1998, Table I: the maps of S2 that each map of C3 reads.
C3 = [
    [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5],
    [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5],
    [0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5],
    [0, 1, 2, 3, 4, 5],
]  # fmt: skip

# Every number stands on the arithmetic beside it, never on what the code put out.
# fmt: off
ROWS = [
    *(row(op, [(112, 56, 32)], {}, [(112, 56, 32)], "one element out for each in, nothing learnt") for op in ELEMENTWISE),
    row("softmax", [(1000,)], {}, [(1000,)], "a vector stays a vector"),
    row("prelu", [(28, 14, 64)], {}, [(28, 14, 64)], "one slope for each of 64 channels", weights=64),
    row("prelu", [(10,)], {}, [(10,)], "one slope for each of 10 channels", weights=10),

    row("conv2d", [(6, 6, 3)], {"channels": 5, "kernel": 3}, [(4, 4, 5)],
        "4·4 = 16 positions; 3·3·3 = 27 taps · 5 filters = 135; 16·135 = 2160; 16·5 = 80 elements",
        macs=2160, bias_adds=80, weights=135, biases=5),
    row("conv2d", [(6, 6, 3)], {"channels": 3, "kernel": 3, "groups": 3, "bias": False}, [(4, 4, 3)],
        "depthwise: 3 filters of 3·3·1 = 27 weights, at 16 positions: 432", macs=432, weights=27),
    row("conv2d", [(4, 4, 3)], {"channels": 5, "kernel": 1, "bias": False}, [(4, 4, 5)],
        "pointwise: 5 filters of 1·1·3 = 15 weights, at 16 positions: 240", macs=240, weights=15),
    row("conv2d", [(7, 11, 4)], {"channels": 6, "kernel": [3, 2], "stride": [2, 3], "bias": False}, [(3, 4, 6)],
        "rows start at 0 2 4, columns at 0 3 6 9; 3·2·4·6 = 144 weights; 12·144 = 1728", macs=1728, weights=144),
    row("conv2d", [(5, 7, 2)], {"channels": 4, "kernel": 3, "padding": 1}, [(5, 7, 4)],
        "a zero all around makes up for kernel 3; 9·2·4 = 72; 35·72 = 2520; 35·4 = 140",
        macs=2520, bias_adds=140, weights=72, biases=4),
    row("conv2d", [(5, 7, 2)], {"channels": 1, "kernel": 3, "padding": [1, 2]}, [(5, 9, 1)],
        "5+1+1-3+1 = 5, 7+2+2-3+1 = 9; 9·2 = 18; 45·18 = 810", macs=810, bias_adds=45, weights=18, biases=1),
    row("conv2d", [(5, 7, 1)], {"channels": 2, "kernel": 3, "stride": 2, "padding": [1, 2, 0, 3]}, [(3, 4, 2)],
        "8 padded rows: 0 2 4; 10 padded columns: 0 2 4 6; 9·2 = 18; 12·18 = 216; 12·2 = 24",
        macs=216, bias_adds=24, weights=18, biases=2),
    row("conv2d", [(7, 10, 2)], {"channels": 5, "kernel": 3, "stride": 3, "padding": "same"}, [(3, 4, 5)],
        "ceil(7/3) = 3, ceil(10/3) = 4; 9·2·5 = 90; 12·90 = 1080; 12·5 = 60",
        macs=1080, bias_adds=60, weights=90, biases=5),
    row("conv2d", [(9, 11, 1)], {"channels": 3, "kernel": [3, 2], "dilation": [2, 3], "padding": "valid"}, [(5, 8, 3)],
        "extents 2·2+1 = 5 and 3·1+1 = 4: 9-5+1 = 5, 11-4+1 = 8; 3·2·3 = 18; 40·18 = 720; 40·3 = 120",
        macs=720, bias_adds=120, weights=18, biases=3),
    row("conv2d", [(27, 27, 96)], {"channels": 256, "kernel": 5, "padding": 2, "groups": 2}, [(27, 27, 256)],
        "AlexNet's conv2: 25·48·256 = 307,200; 729·307,200 = 223,948,800; 729·256 = 186,624",
        macs=223_948_800, bias_adds=186_624, weights=307_200, biases=256),
    row("conv_transpose2d", [(2, 2, 1)], {"channels": 3, "kernel": 3, "stride": 2}, [(5, 5, 3)],
        "starts at 0 and 2, 3 long: 5; 9·3 = 27 weights, by each of 4 pixels: 108; 25·3 = 75",
        macs=108, bias_adds=75, weights=27, biases=3),
    row("conv_transpose2d", [(3, 4, 6)], {"channels": 4, "kernel": [4, 3], "stride": [2, 3], "padding": [1, 2, 0, 1],
        "output_padding": [1, 2], "dilation": [1, 2], "groups": 2, "bias": False}, [(6, 15, 4)],
        "2·2+4-3+1 = 6; extent 2·2+1 = 5, 3·3+5-1+2 = 15; 4·3·(6/2)·4 = 144 weights, by 3·4 pixels: 1728",
        macs=1728, weights=144),
    row("conv_transpose2d", [(5, 6, 2)], {"channels": 1, "kernel": 3, "stride": [2, 3], "padding": "same"}, [(10, 18, 1)],
        "5·2 = 10, 6·3 = 18; 9·2·1 = 18 weights, by 30 pixels: 540; 10·18 = 180",
        macs=540, bias_adds=180, weights=18, biases=1),
    row("conv2d_table", [(14, 14, 6)], {"connections": C3, "kernel": 5}, [(10, 10, 16)],
        "LeNet-5's C3: 6·3 + 9·4 + 1·6 = 60 pairs of maps, 25·60 = 1500; 100·1500 = 150,000; 100·16 = 1600",
        macs=150_000, bias_adds=1600, weights=1500, biases=16),
    row("conv2d_table", [(7, 9, 3)], {"connections": [[2], [0, 1, 2]], "kernel": [3, 2], "stride": [2, 3],
        "padding": [1, 0], "dilation": [1, 2], "bias": False}, [(4, 3, 2)],
        "9 padded rows: 0 2 4 6; 3 columns wide: 0 3 6; 3·2·(1+3) = 24; 12·24 = 288", macs=288, weights=24),
    row("linear", [(400,)], {"channels": 120}, [(120,)], "LeNet-5's f5: 400·120 = 48,000, and a bias each",
        macs=48_000, bias_adds=120, weights=48_000, biases=120),
    row("linear", [(84,)], {"channels": 10, "bias": False}, [(10,)], "84·10 = 840", macs=840, weights=840),
    row("rbf", [(84,)], {"channels": 10}, [(10,)], "84·10 = 840 squared differences; 10 fixed points of 84 numbers",
        macs=840, buffers=840),

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

    row("max_pool", [(7, 9, 4)], {"kernel": 3}, [(2, 3, 4)], "steps of 3: rows 0 3, columns 0 3 6"),
    row("max_pool", [(8, 10, 1)], {"kernel": [2, 3], "stride": [3, 2]}, [(3, 4, 1)], "rows 0 3 6, columns 0 2 4 6"),
    row("max_pool", [(6, 7, 2)], {"kernel": 3, "stride": 2, "ceil_mode": True}, [(3, 3, 2)],
        "rows 0 2, and 4 hangs over the end by one; columns 0 2 4 fit exactly"),
    row("max_pool", [(5, 6, 1)], {"kernel": 2, "stride": 3, "padding": 1, "ceil_mode": True}, [(2, 3, 1)],
        "rows 0 3 (6 would start in the zeros behind 1+5), columns 0 3 6 (6 is the last pixel of 1+6)"),
    row("max_pool", [(2, 4, 1)], {"kernel": 3, "stride": 2, "ceil_mode": True}, [(1, 2, 1)],
        "the one row of windows hangs over the end, as does the second of columns 0 2"),
    row("max_pool", [(7, 8, 3)], {"kernel": 3, "stride": 1, "dilation": [2, 1]}, [(3, 6, 3)], "7-5+1 = 3, 8-3+1 = 6"),
    row("max_pool", [(7, 10, 2)], {"kernel": 3, "stride": 2, "padding": "same"}, [(4, 5, 2)], "ceil(7/2), ceil(10/2)"),
    row("avg_pool", [(28, 30, 6)], {"kernel": 2}, [(14, 15, 6)], "steps of 2: 28/2 = 14, 30/2 = 15"),
    row("avg_pool", [(8, 10, 1)], {"kernel": [2, 3], "stride": [3, 2], "padding": [1, 0]}, [(3, 4, 1)],
        "10 padded rows: 0 3 6 (9 has room for one); columns 0 2 4 6"),
    row("avg_pool", [(6, 7, 2)], {"kernel": 3, "stride": 2, "ceil_mode": True}, [(3, 3, 2)], "as for max_pool"),
    row("subsample", [(28, 28, 6)], {"kernel": 2}, [(14, 14, 6)],
        "LeNet-5's S2: a coefficient and a bias for each of 6 maps; 14·14·6 = 1176 biases added",
        bias_adds=1176, weights=6, biases=6),
    row("subsample", [(4, 9, 5)], {"kernel": [2, 3]}, [(2, 3, 5)], "4/2, 9/3; 2·3·5 = 30", bias_adds=30, weights=5, biases=5),
    row("global_avg_pool", [(7, 6, 1280)], {}, [(1, 1, 1280)], "one window for each channel"),
    row("global_max_pool", [(7, 6, 1280)], {}, [(1, 1, 1280)], "one window for each channel"),
    row("adaptive_avg_pool", [(8, 9, 512)], {"size": [7, 6]}, [(7, 6, 512)], "the size is given"),
    row("adaptive_max_pool", [(8, 9, 512)], {"size": [7, 6]}, [(7, 6, 512)], "the size is given"),

    row("add", [(56, 28, 64)] * 2, {}, [(56, 28, 64)], "56·28·64 = 100,352 sums", elementwise=100_352),
    row("add", [(10,)] * 3, {}, [(10,)], "10 sums, and 10 more", elementwise=20),
    row("multiply", [(14, 12, 672), (1, 1, 672)], {}, [(14, 12, 672)],
        "a squeeze-and-excitation gate per channel: 14·12·672 = 112,896 products", elementwise=112_896),
    row("multiply", [(4, 5, 6)] * 3, {}, [(4, 5, 6)],
        "2 · 4·5·6 = 240; products of activations are no MACs", elementwise=240),
    row("multiply", [(10,), (10,)], {}, [(10,)], "element by element", elementwise=10),
    row("concat", [(28, 14, 64), (28, 14, 128), (28, 14, 32), (28, 14, 30)], {}, [(28, 14, 254)], "64+128+32+30 = 254"),
    row("concat", [(2, 5, 3), (4, 5, 3)], {"axis": "height"}, [(6, 5, 3)], "2+4 = 6"),
    row("concat", [(2, 5, 3), (2, 4, 3)], {"axis": "width"}, [(2, 9, 3)], "5+4 = 9"),
    row("concat", [(10,), (20,)], {}, [(30,)], "10+20 = 30"),

    row("identity", [(7, 6, 512)], {}, [(7, 6, 512)], "handed on", view=True),
    row("dropout", [(4096,)], {"rate": Fraction(1, 2)}, [(4096,)], "handed on when evaluated", view=True),
    row("flatten", [(7, 6, 40)], {}, [(1680,)], "7·6·40 = 1680", view=True),
    row("flatten", [(10,)], {}, [(10,)], "a vector is flat already", view=True),
    row("pad", [(224, 220, 3)], {"padding": 3}, [(230, 226, 3)], "3 on each side"),
    row("pad", [(5, 6, 1)], {"padding": [1, 2]}, [(7, 10, 1)], "1+5+1, 2+6+2"),
    row("pad", [(5, 6, 1)], {"padding": [1, 2, 3, 5]}, [(8, 14, 1)], "1+5+2, 3+6+5"),
    row("upsample", [(16, 15, 64)], {"scale": [2, 3]}, [(32, 45, 64)], "2·16, 3·15", variant="nearest"),
    row("upsample", [(4, 5, 6)], {"scale": 2, "mode": "bicubic"}, [(8, 10, 6)], "2·4, 2·5", variant="bicubic"),
    row("resize", [(33, 32, 256)], {"size": [65, 64]}, [(65, 64, 256)], "the size is given",
        variant="nearest"),
    row("resize", [(4, 5, 6)], {"size": 3, "mode": "bilinear"}, [(3, 3, 6)], "the size is given", variant="bilinear"),
    row("depth_to_space", [(4, 5, 18)], {"block": 3}, [(12, 15, 2)], "360 elements: 18/9 channels at 3·4 times 3·5 positions"),
    row("space_to_depth", [(4, 6, 3)], {"block": 2}, [(2, 3, 12)], "72 elements: 4·3 channels at 4/2 times 6/2 positions"),
    row("channel_shuffle", [(28, 14, 240)], {"groups": 3}, [(28, 14, 240)], "the same channels in another order"),
    row("slice", [(28, 14, 116)], {"start": 58, "stop": 116}, [(28, 14, 58)], "116-58 = 58", view=True),
    row("slice", [(28, 14, 116)], {"start": 0, "stop": 27, "axis": "height"}, [(27, 14, 116)], "27-0 = 27", view=True),
    row("split", [(28, 14, 116)], {"sections": 2}, [(28, 14, 58)] * 2, "116/2 = 58", view=True),
    row("split", [(28, 14, 116)], {"sections": [100, 16]}, [(28, 14, 100), (28, 14, 16)], "as given", view=True),
    row("split", [(28, 15, 4)], {"sections": 3, "axis": "width"}, [(28, 5, 4)] * 3, "15/3 = 5", view=True),
]

WINDOW = "the 3×3 window must fit into the padded input, got "
VECTOR_GATE = (
    "multiply needs gates that are maps, such as 1×1×8, got a vector of #: "
    "put no flatten before a gate, and conv2d with kernel: 1 in the place of linear"
)
GATES = "multiply needs gates of shape 4×5×8 (height and width may be 1), got "
TRANSPOSED = {"channels": 4, "kernel": 2}


def refusal(op: str, shapes: list[Any], attrs: dict[str, Any], message: str, cure: Any = None) -> Refusal:
    """A case that is refused, and the nearest one that is not: other shapes, or some other attributes."""
    return Refusal(Case(op, shapes, attrs), message, cure)


# Each breaks one condition only, so that no check can hide behind another.
REFUSALS = [
    refusal("conv2d", [(2, 9, 1)], {"channels": 1, "kernel": 3}, WINDOW + "2×9", [(3, 9, 1)]),
    refusal("conv2d", [(9, 2, 1)], {"channels": 1, "kernel": 3, "padding": [0, 0]}, WINDOW + "9×2", {"padding": [0, 1]}),
    refusal("conv2d", [(6, 5, 4)], {"channels": 6, "kernel": 1, "groups": 3},
            "groups must divide the input channels, got groups 3 for 4 channels", [(6, 5, 6)]),
    refusal("conv2d", [(6, 5, 4)], {"channels": 3, "kernel": 1, "groups": 2},
            "groups must divide the output channels, got groups 2 for 3 channels", {"channels": 2}),
    refusal("conv_transpose2d", [(5, 5, 4)], {**TRANSPOSED, "output_padding": [1, 0], "stride": 1},
            "output_padding must be smaller than stride or dilation, got 1 for stride 1 and dilation 1", {"stride": 2}),
    refusal("conv_transpose2d", [(5, 5, 4)], {**TRANSPOSED, "output_padding": [0, 2], "stride": 2},
            "output_padding must be smaller than stride or dilation, got 2 for stride 2 and dilation 1",
            {"output_padding": [0, 1]}),
    refusal("conv_transpose2d", [(1, 5, 4)], {**TRANSPOSED, "padding": [1, 0]},
            "padding crops the whole output, got height 0", {"padding": [0, 0]}),
    refusal("conv_transpose2d", [(5, 1, 4)], {**TRANSPOSED, "padding": [0, 2]},
            "padding crops the whole output, got width -2", [(5, 4, 4)]),
    refusal("conv_transpose2d", [(5, 5, 6)], {**TRANSPOSED, "groups": 4},
            "groups must divide the input channels, got groups 4 for 6 channels", [(5, 5, 8)]),
    refusal("conv_transpose2d", [(5, 5, 6)], {**TRANSPOSED, "groups": 3},
            "groups must divide the output channels, got groups 3 for 4 channels", {"groups": 2}),
    refusal("conv2d_table", [(2, 9, 1)], {"connections": [[0]], "kernel": 3}, WINDOW + "2×9", [(3, 9, 1)]),
    refusal("conv2d_table", [(9, 2, 1)], {"connections": [[0]], "kernel": 3, "padding": [0, 0]}, WINDOW + "9×2", {"padding": [0, 1]}),
    refusal("conv2d_table", [(6, 5, 3)], {"connections": [[3, 0], [0]], "kernel": 1},
            "connections must name channels below 3, got 3", [(6, 5, 4)]),
    refusal("conv2d_table", [(6, 5, 3)], {"connections": [[0], [2, 4]], "kernel": 1},
            "connections must name channels below 3, got 4", [(6, 5, 5)]),
    refusal("conv2d_table", [(6, 5, 3)], {"connections": [[0], [5, 2]], "kernel": 1},
            "connections must name channels below 3, got 5", [(6, 5, 6)]),
    refusal("subsample", [(5, 6, 2)], {"kernel": 2}, "the 2×2 window must divide the map, got 5×6", [(4, 6, 2)]),
    refusal("subsample", [(4, 8, 2)], {"kernel": [2, 3]}, "the 2×3 window must divide the map, got 4×8", {"kernel": [2, 2]}),
    *(each for op in ("max_pool", "avg_pool") for each in (
        refusal(op, [(2, 9, 1)], {"kernel": 3}, WINDOW + "2×9", [(3, 9, 1)]),
        refusal(op, [(9, 2, 1)], {"kernel": 3}, WINDOW + "9×2", [(9, 3, 1)]),
        refusal(op, [(4, 5, 1)], {"kernel": 2, "padding": [2, 0]},
                "padding must be smaller than the window, got 2 for a window of 2", {"padding": [1, 0]}),
        refusal(op, [(4, 5, 1)], {"kernel": 2, "padding": [0, 3]},
                "padding must be smaller than the window, got 3 for a window of 2", {"kernel": 4}),
    )),
    refusal("max_pool", [(2, 4, 1)], {"kernel": 4, "stride": 2, "ceil_mode": True},
            "the 4×4 window must fit into the padded input, got 2×4", [(3, 4, 1)]),
    refusal("max_pool", [(9, 9, 1)], {"kernel": 2, "dilation": 3, "padding": [4, 0]},
            "padding must be smaller than the window, got 4 for a window of 4", {"padding": [3, 0]}),
    refusal("avg_pool", [(4, 5, 1)], {"kernel": 2, "padding": [0, 2, 0, 0]},
            "padding must be smaller than the window, got 2 for a window of 2", {"padding": [0, 1, 0, 0]}),
    refusal("add", [(4, 5, 8), (3, 5, 8)], {}, "add needs equal shapes, got 4×5×8 and 3×5×8", [(4, 5, 8)] * 2),
    refusal("add", [(4, 5, 8), (4, 1, 8)], {}, "add needs equal shapes, got 4×5×8 and 4×1×8", [(4, 5, 8)] * 2),
    refusal("add", [(4, 5, 8), (4, 5, 9)], {}, "add needs equal shapes, got 4×5×8 and 4×5×9", [(4, 5, 9)] * 2),
    refusal("add", [(8,), (8, 1, 1)], {}, "add needs equal shapes, got 8 and 8×1×1"),
    refusal("add", [(8,), (8,), (9,)], {}, "add needs equal shapes, got 8, 8 and 9", [(8,)] * 3),
    refusal("add", [(4, 5, 8), (4, 5, 9), (4, 5, 7)], {}, "add needs equal shapes, got 4×5×8, 4×5×9 and 4×5×7",
            [(4, 5, 8)] * 3),
    refusal("add", [(4, 5, 8), (4, 5, 8), (4, 5, 9)], {}, "add needs equal shapes, got 4×5×8, 4×5×8 and 4×5×9",
            [(4, 5, 8)] * 3),
    refusal("multiply", [(4, 5, 8), (2, 5, 8)], {}, GATES + "2×5×8", [(4, 5, 8), (1, 1, 8)]),
    refusal("multiply", [(4, 5, 8), (4, 2, 8)], {}, GATES + "4×2×8", [(4, 5, 8), (4, 5, 8)]),
    refusal("multiply", [(4, 5, 8), (4, 5, 9)], {}, GATES + "4×5×9", [(4, 5, 9), (4, 5, 9)]),
    refusal("multiply", [(8,), (1, 1, 8)], {}, "multiply needs gates of shape 8 (height and width may be 1), got 1×1×8"),
    refusal("multiply", [(8,), (8,), (9,)], {}, "multiply needs gates of shape 8 (height and width may be 1), got 8 and 9",
            [(8,)] * 3),
    refusal("multiply", [(4, 5, 8), (8,)], {}, VECTOR_GATE.replace("#", "8")),
    refusal("multiply", [(4, 5, 8), (1, 1, 8), (9,)], {}, VECTOR_GATE.replace("#", "9")),
    refusal("concat", [(4, 5, 8), (3, 5, 7)], {},
            "concat needs shapes that agree in all axes but channels, got 4×5×8 and 3×5×7", [(4, 5, 8), (4, 5, 7)]),
    refusal("concat", [(4, 5, 8), (4, 6, 7)], {},
            "concat needs shapes that agree in all axes but channels, got 4×5×8 and 4×6×7", [(4, 5, 8), (4, 5, 7)]),
    refusal("concat", [(4, 5, 8), (3, 5, 9)], {"axis": "height"},
            "concat needs shapes that agree in all axes but height, got 4×5×8 and 3×5×9", [(4, 5, 9), (3, 5, 9)]),
    refusal("concat", [(8,), (1, 1, 8)], {}, "concat needs shapes that agree in all axes but channels, got 8 and 1×1×8"),
    refusal("concat", [(8,), (8,)], {"axis": "height"}, "a vector of 8 has no height"),
    refusal("concat", [(4, 5, 8), (4, 5, 8), (4, 6, 8)], {},
            "concat needs shapes that agree in all axes but channels, got 4×5×8, 4×5×8 and 4×6×8", [(4, 5, 8)] * 3),
    refusal("group_norm", [(4, 5, 10)], {"groups": 4},
            "groups must divide the channels, got groups 4 for 10 channels", {"groups": 5}),
    refusal("depth_to_space", [(4, 5, 10)], {"block": 2},
            "block² must divide the channels, got 4 for 10 channels", [(4, 5, 12)]),
    refusal("space_to_depth", [(4, 5, 3)], {"block": 2},
            "block must divide the map, got block 2 for 4×5", [(4, 6, 3)]),
    refusal("space_to_depth", [(5, 4, 3)], {"block": 2},
            "block must divide the map, got block 2 for 5×4", [(6, 4, 3)]),
    refusal("channel_shuffle", [(4, 5, 10)], {"groups": 4},
            "groups must divide the channels, got groups 4 for 10 channels", {"groups": 5}),
    refusal("slice", [(4, 5, 8)], {"start": 4, "stop": 4}, "start must be below stop, got 4 and 4", {"stop": 5}),
    refusal("slice", [(4, 5, 8)], {"start": 0, "stop": 6, "axis": "width"},
            "stop must be at most the size of the axis, got 6 of 5", {"stop": 5}),
    refusal("slice", [(8,)], {"start": 0, "stop": 6, "axis": "width"}, "a vector of 8 has no width"),
    refusal("split", [(4, 5, 10)], {"sections": 4}, "the parts must make up the axis, got 8 of 10", [(4, 5, 12)]),
    refusal("split", [(4, 5, 10)], {"sections": [3, 8]}, "the parts must make up the axis, got 11 of 10",
            {"sections": [2, 8]}),
    refusal("split", [(8,)], {"sections": 2, "axis": "height"}, "a vector of 8 has no height"),
]
# fmt: on


def name_of(entry: Row | Refusal) -> str:
    return f"{entry.case.op} {entry.case.shapes[0]} {entry.case.attrs}"
