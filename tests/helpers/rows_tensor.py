"""Products, joins, views and reshaping, derived by hand."""

from __future__ import annotations

from fractions import Fraction

from helpers.rows import refusal, row

# Every number stands on the arithmetic beside it, never on what the code put out.
# fmt: off
ROWS = [
    row("linear", [(400,)], {"channels": 120}, [(120,)], "LeNet-5's f5: 400·120 = 48,000, and a bias each",
        macs=48_000, bias_adds=120, weights=48_000, biases=120),
    row("linear", [(84,)], {"channels": 10, "bias": False}, [(10,)], "84·10 = 840", macs=840, weights=840),
    row("rbf", [(84,)], {"channels": 10}, [(10,)], "84·10 = 840 squared differences; 10 fixed points of 84 numbers",
        macs=840, buffers=840),
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
    row("depth_to_space", [(4, 5, 18)], {"block": 3}, [(12, 15, 2)], "360 elements: 18/9 channels at 3·4 times 3·5 positions"),
    row("space_to_depth", [(4, 6, 3)], {"block": 2}, [(2, 3, 12)], "72 elements: 4·3 channels at 4/2 times 6/2 positions"),
    row("channel_shuffle", [(28, 14, 240)], {"groups": 3}, [(28, 14, 240)], "the same channels in another order"),
    row("channel_shuffle", [(20, 6)], {"groups": 3}, [(20, 6)], "the same channels in another order"),
    row("channel_shuffle", [(2, 3, 4, 6)], {"groups": 3}, [(2, 3, 4, 6)], "the same channels in another order"),
    row("slice", [(28, 14, 116)], {"start": 58, "stop": 116}, [(28, 14, 58)], "116-58 = 58", view=True),
    row("slice", [(28, 14, 116)], {"start": 0, "stop": 27, "axis": "height"}, [(27, 14, 116)], "27-0 = 27", view=True),
    row("split", [(28, 14, 116)], {"sections": 2}, [(28, 14, 58)] * 2, "116/2 = 58", view=True),
    row("split", [(28, 14, 116)], {"sections": [100, 16]}, [(28, 14, 100), (28, 14, 16)], "as given", view=True),
    row("split", [(28, 15, 4)], {"sections": 3, "axis": "width"}, [(28, 5, 4)] * 3, "15/3 = 5", view=True),
]

VECTOR_GATE = (
    "multiply needs gates that are maps, such as 1×1×8, got a vector of #: "
    "put no flatten before a gate, and conv2d with kernel: 1 in the place of linear"
)
GATES = "multiply needs gates of shape 4×5×8 (height and width may be 1), got "

# Each breaks one condition only, so that no check can hide behind another.
REFUSALS = [
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
