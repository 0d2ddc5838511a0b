"""Conventions are data: what eight counters print for eighteen networks follows from them, to the unit."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import pytest
from helpers.beyond import BEYOND
from helpers.zoo import loaded

from convcost.conventions.catalog import all_conventions, convention
from convcost.core.cost import LEDGER, OpCost, entry
from convcost.core.errors import UsageError
from convcost.graph.graph import FORMS
from convcost.ops import OPS
from convcost.ops.attributes import Boolean, OneOf

# Printed by the tools, run on torchvision 0.28 in evaluation mode, auxiliary heads off, batch 1: ptflops 0.7.5 (both
# backends), fvcore 0.1.5, thop 0.1.1, torchinfo 1.8.0, torchprofile 0.1.0, torch 2.13 FlopCounterMode (on the meta device),
# calflops 0.3.2.
TOOLS = ("ptflops", "ptflops_aten", "fvcore", "thop", "torchinfo", "torchprofile", "torch", "calflops")
PRINTED = """
alexnet_one_tower      716441128   714682664   714197696   714206912   714682664   714197696  1428376960  1429741184
vgg16                15523225576 15483821032 15470289408 15470314496 15483821032 15470289408 30940528640 30973778432
googlenet_torchvision 1513907448  1498377192  1504878688  1511332032  1498391752  1501603376  2996752384  3009356752
inception_v3          5747660552  5713217096  5731282144  5749219168  5713251528  5724188032 11426432192 11458393728
resnet18              1825313768  1814074344  1819065856  1824033792  1814083944  1816557568  3628146688  3636250112
resnet50              4132436968  4089185256  4111512576  4133742592  4089238376  4100300288  8178368512  8211108352
mobilenet_v2           320300008   300775272   314193216   327486720   300809384   307453664   601548544   614967488
efficientnet_b0        410196896   385825092   401659392   415145024   385867108   394869216   771629504   793641400
shufflenet_v2_x1_0     152387568   144908992   148808392   152708792   144925172   146859216   289815984   295505472
mnasnet1_0             334926312   314416872   325329152   336242432   314454792   319873792   628831744   644543104
squeezenet1_0          836821960   823270824   819093576   819094576   823270824   818925576  1637849152  1648970968
vit_b_16             17606030584 16864992232 16867412736 11286254592   173232616 17567610673 35127656448 33723326208
swin_t                3128183416  4503738856  4509232128  2978099712    34368232  4495723032  8981133312  9008009616
swin_v2_t             4045391848  5958277096  5962349568  3906813696    38970472  5948514084 11879380992 11675947008
maxvit_t              5483328960  5576397984  5608201264  5456315648  2013574048  5581603606 11116093440 11192032800
r3d_18                1589580176 40696553872 40739203072  1591637504 40696563472 40717878784 81393106944 81456077824
fcn_resnet50        143252871125 142725861525 143024294400 143277388800 142725915669 142886390400 285451545600 285850474325
deeplabv3_resnet50  169293998037 168731294613 169051360000 169308783360 168731351317 168900478592 337462411776 337882977494
"""
ROWS = {name: dict(zip(TOOLS, map(int, counts))) for name, *counts in map(str.split, PRINTED.strip().splitlines())}


@pytest.mark.parametrize("model", ROWS)
def test_what_the_tools_print(model: str) -> None:
    network = loaded(model)
    beyond = {tool: BEYOND.get((model, tool), 0) for tool in TOOLS}
    assert {tool: network.report(tool).totals.operations + beyond[tool] for tool in TOOLS} == ROWS[model]


def test_the_table_is_whole() -> None:
    assert len(ROWS) == 18
    assert all(len(row) == len(TOOLS) for row in ROWS.values())


def test_paper_is_half_of_what_torch_counts() -> None:
    # FlopCounterMode counts two operations per multiply-accumulate and nothing else.
    for model, row in ROWS.items():
        assert 2 * loaded(model).report().totals.operations == row["torch"], model


def test_timm_prints_what_fvcore_counts() -> None:
    # results/benchmark-infer-*.csv, infer_gmacs: resnet50 4.11, mobilenetv2_100 0.31, efficientnet_b0 0.40.
    for model, gmacs in {"resnet50": 4.11, "mobilenet_v2": 0.31, "efficientnet_b0": 0.40}.items():
        assert round(loaded(model).report("timm").totals.operations / 1e9, 2) == gmacs


def test_pycls_counts_bias_additions() -> None:
    # facebookresearch/pycls dev/model_complexity.json: R-50 4,089,185,256; EfficientNet-B0 385,825,092.
    assert loaded("resnet50").report("with_bias").totals.operations == 4_089_185_256
    assert loaded("efficientnet_b0").report("with_bias").totals.operations == 385_825_092


def test_connections_of_1998() -> None:
    # LeCun et al. 1998, section II.B: C1 122,304; S2 5,880; C3 151,600; S4 2,000; C5 48,120; F6 10,164; output 840.
    report = loaded("lenet5_1998").report("connections")
    counts = [layer.operations for layer in report.layers if layer.operations]
    assert counts == [122_304, 5_880, 151_600, 2_000, 48_120, 10_164, 840]
    assert report.totals.operations == 340_908


def test_ledger_by_hand() -> None:
    # A 2×2 window on 4×4×3 with 5 filters: 3·3 positions; 2·2·3·5 = 60 weights at 9 positions.
    cost = OPS["conv2d"].cost([(4, 4, 3)], OPS["conv2d"].convert({"channels": 5, "kernel": 2}))
    counts = {name: entry(name, cost, [(4, 4, 3)]) for name in LEDGER}
    assert counts == {
        "macs": 540,
        "bias_adds": 45,
        "weights": 60,
        "biases": 5,
        "buffers": 0,
        "weight_positions": 540,
        "elements_in": 48,
        "elements_out": 45,
        "positions_out": 9,
        "elementwise": 0,
        "zeros": 0,
        "states": 16 * 5,
        "window_reads": 0,  # without the attributes, nobody knows a window
        "winograd_saved": 0,
        "bit_products": 540 * 32 * 32,
        "bit_sums": 540 * 64,
        "log2_products": 1936,  # 540 · log2(12) = 540 · 3.5849625 = 1935.88
        "word_macs": 540,
    }


def test_a_form_overrides_the_op() -> None:
    cost = OpCost(out=((2, 2, 3),))
    ptflops = convention("ptflops")
    assert ptflops.operations("relu", cost, [(2, 2, 3)]) == 24  # as a module: counted twice
    assert ptflops.operations("relu", cost, [(2, 2, 3)], "functional") == 12
    assert convention("thop").operations("global_avg_pool", cost, [(4, 4, 3)], "mean") == 0
    assert convention("torchprofile").operations("global_avg_pool", cost, [(4, 4, 3)], "mean") == 12


def test_a_form_that_is_not_stated_is_like_another_and_so_on() -> None:
    """A product of 5×5 scores over 8 numbers, 200 MACs: attention by itself is like that of nn.MultiheadAttention, that a function."""
    product = OpCost(out=((5, 5),), macs=200)
    counted = {name: convention(name) for name in ("fvcore", "ptflops", "thop", "calflops")}

    def count(name: str, form: str, op: str = "matmul") -> Any:
        return counted[name].operations(op, product, [(5, 8)], form)

    assert [count("fvcore", form) for form in ("", "fused", "attention", "unfused")] == [200, 0, 0, 200]
    assert [count("ptflops", form) for form in ("functional", "fused", "attention", "unfused")] == [200, 225, 0, 425]
    assert [count("thop", form, "linear") for form in ("", "functional", "derived", "attention")] == [200, 0, 0, 0]
    assert [count("calflops", form, "relu") for form in ("functional", "method")] == [40, 0]


@pytest.mark.parametrize("name", all_conventions())
def test_terms_name_what_exists(name: str) -> None:
    found = convention(name)
    assert found.unit in {"MACs", "FLOPs", "connections", "BOPs", "ACE", "CPU64", "multiplications"}
    assert found.counts
    assert found.source
    for op, factors in found.terms.items():
        written, _, form = op.partition(" as ")
        target, _, variant = written.partition(" ")
        assert target in OPS, op
        assert not form or form in FORMS, op
        assert not variant or variant in variants(target), op
        assert set(factors) <= set(LEDGER), op
        assert all(isinstance(factor, int) for factor in factors.values()), op
    assert set(found.limits) <= set(OPS)


def variants(op: str) -> set[str]:
    """The variants that the rule gives for any words and flags, on 4×3, 4×4×3 and so on; what else has to be given is 1."""
    words = {name: attr.kind.words for name, attr in OPS[op].attrs.items() if isinstance(attr.kind, OneOf)}
    words |= {name: (True, False) for name, attr in OPS[op].attrs.items() if isinstance(attr.kind, Boolean)}
    sizes = {name: 1 for name, attr in OPS[op].attrs.items() if attr.required and name not in words}
    attrs = [sizes | dict(zip(words, chosen)) for chosen in product(*words.values())]
    several = len(OPS[op].inputs)
    ranks = [OPS[op].axes] if OPS[op].axes else (1, 2, 3) if several == 1 else (2,)
    shapes = [[(4,) * axes + (3,)] * several for axes in ranks]
    return {OPS[op].cost(read, OPS[op].convert(each)).variant for each in attrs for read in shapes}


# By hand, on 4×5×6 = 120 elements at 20 positions, upsampled to 8×10×6 = 480 and resized to 3×7×6 = 126 at 21 positions.
# thop: 1, 11 or 259 per output; fvcore: 1 or 4 (bicubic unknown); torchprofile: 4 for bilinear only; ptflops: every output,
# twice for a module; calflops: the input, or the positions of a given size.
@pytest.mark.parametrize(
    ("op", "mode", "form", "wanted"),
    [
        ("upsample", "nearest", "", {"thop": 480, "fvcore": 480, "torchprofile": 0, "ptflops": 960, "calflops": 120}),
        (
            "upsample",
            "bilinear",
            "",
            {"thop": 5280, "fvcore": 1920, "torchprofile": 1920, "ptflops": 960, "timm": 1920},
        ),
        ("upsample", "bicubic", "", {"thop": 124_320, "fvcore": 0, "torchprofile": 0, "ptflops": 960, "calflops": 120}),
        ("resize", "nearest", "", {"thop": 126, "fvcore": 126, "torchprofile": 0, "ptflops": 252, "calflops": 21}),
        ("resize", "bilinear", "", {"thop": 1386, "fvcore": 504, "torchprofile": 504, "ptflops": 252, "calflops": 21}),
        ("upsample", "nearest", "functional", {"thop": 0, "fvcore": 480, "ptflops": 480, "calflops": 120}),
        ("upsample", "bilinear", "functional", {"thop": 0, "fvcore": 1920, "torchprofile": 1920, "ptflops": 480}),
        ("resize", "bicubic", "functional", {"thop": 0, "fvcore": 0, "torchprofile": 0, "ptflops": 126}),
    ],
)
def test_interpolation_by_hand(op: str, mode: str, form: str, wanted: dict[str, int]) -> None:
    size = {"scale": 2} if op == "upsample" else {"size": [3, 7]}
    cost = OPS[op].cost([(4, 5, 6)], OPS[op].convert({**size, "mode": mode}))
    wanted = {**dict.fromkeys(("paper", "with_bias", "torch", "torchinfo", "ptflops_aten"), 0), **wanted}
    assert {name: convention(name).operations(op, cost, [(4, 5, 6)], form) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("op", "attrs", "form", "wanted"),
    [
        # Of each position: 6 exponentials, 5 additions, 6 divisions.
        ("softmax", {}, "", {"thop": 20 * 17, "ptflops": 120, "calflops": 120, "torchinfo": 0, "torchprofile": 0}),
        ("softmax", {}, "functional", {"thop": 0, "ptflops": 120, "calflops": 120}),
        # x·x, an average over 6 channels and 4 of zeros, times alpha, plus k.
        ("local_response_norm", {"size": 5}, "", {"ptflops": 120 + 200 + 120 + 120, "calflops": 560, "thop": 0}),
        ("local_response_norm", {"size": 5}, "functional", {"torchprofile": 360, "ptflops": 560, "fvcore": 0}),
        ("batch_norm", {}, "", {"ptflops": 240, "fvcore": 240, "thop": 480, "torchinfo": 12, "torchprofile": 120}),
        (
            "batch_norm",
            {"scale": False, "shift": False},
            "",
            {"ptflops": 120, "fvcore": 120, "thop": 240, "torchinfo": 0, "torchprofile": 0, "calflops": 120},
        ),
        ("batch_norm", {"scale": False}, "", {"ptflops": 240, "fvcore": 240, "thop": 480}),
        ("batch_norm", {}, "functional", {"ptflops": 0, "fvcore": 240, "thop": 0, "calflops": 240}),
        ("layer_norm", {}, "", {"ptflops": 120, "fvcore": 600, "thop": 480, "calflops": 600}),
        ("layer_norm", {"scale": False, "shift": False}, "", {"ptflops": 120, "fvcore": 480, "thop": 240}),
        (
            "group_norm",
            {"groups": 3},
            "",
            {
                "ptflops": 240,
                "fvcore": 600,
                "calflops": 600,
                "torchinfo": 12,
                "torchprofile": 120,
                "thop": 0,
                "paper": 0,
            },
        ),
        (
            "group_norm",
            {"groups": 3, "scale": False, "shift": False},
            "",
            {"ptflops": 120, "fvcore": 480, "calflops": 480, "torchinfo": 0, "torchprofile": 0},
        ),
        ("group_norm", {"groups": 3}, "functional", {"ptflops": 0, "fvcore": 600, "calflops": 600}),
        # 6 filters of 2·2·6 = 24 taps at 3·4 positions: 1728 MACs, 72 bias additions, 144 weights, 6 biases.
        (
            "conv2d",
            {"channels": 6, "kernel": 2},
            "functional",
            {"ptflops": 0, "ptflops_aten": 1800, "thop": 0, "torchinfo": 0, "fvcore": 1728, "calflops": 3528},
        ),
        # A class derived from PyTorch's: two tools look the class up, and one of them sees no function of convolution.
        (
            "conv2d",
            {"channels": 6, "kernel": 2},
            "derived",
            {"ptflops": 0, "ptflops_aten": 1800, "thop": 0, "torchinfo": 1800, "fvcore": 1728, "calflops": 3528},
        ),
        ("relu", {}, "derived", {"ptflops": 120, "calflops": 120, "thop": 0}),
        # torch.mul(x, 2.0) and torch.add(x, 2.0) are patched, x * 2.0 is not, and traced it is the same operator.
        (
            "function",
            {"of": "scale"},
            "functional",
            {"ptflops": 120, "calflops": 120, "torchprofile": 120, "fvcore": 0},
        ),
        ("function", {"of": "scale"}, "", {"ptflops": 0, "calflops": 0, "torchprofile": 120, "paper": 0}),
        ("function", {"of": "shift"}, "functional", {"ptflops": 120, "calflops": 120, "torchprofile": 0}),
        ("function", {"of": "exp"}, "functional", {"ptflops": 0, "calflops": 0, "torchprofile": 0, "thop": 0}),
        ("rms_norm", {}, "", {"torchinfo": 6, "fvcore": 0, "torchprofile": 0}),
    ],
)
def test_other_ops_by_hand(op: str, attrs: dict[str, Any], form: str, wanted: dict[str, int]) -> None:
    cost = OPS[op].cost([(4, 5, 6)], OPS[op].convert(attrs))
    assert {name: convention(name).operations(op, cost, [(4, 5, 6)], form) for name in wanted} == wanted


def test_combinations_by_hand() -> None:
    """4×1 and 1×6: 24 results; torch.mul(a, b) counts where it is patched, a * b where it is traced."""
    wanted = {
        ("multiply", "functional"): {"ptflops": 24, "calflops": 24, "torchprofile": 24, "fvcore": 0},
        ("multiply", ""): {"ptflops": 0, "calflops": 0, "torchprofile": 24, "fvcore": 0},
        ("add", "functional"): {"ptflops": 24, "calflops": 24, "torchprofile": 0},
        ("subtract", "functional"): {"ptflops": 0, "calflops": 0, "torchprofile": 0},
    }
    for (word, form), counts in wanted.items():
        cost = OPS["combine"].cost([(4, 1), (1, 6)], {"function": word})
        found = {name: convention(name).operations("combine", cost, [(4, 1), (1, 6)], form) for name in counts}
        assert found == counts, word


# fvcore: 4 for each of 5·6·3 elements; torchprofile: as many as there are neighbours, none for nearest.
@pytest.mark.parametrize(
    ("mode", "wanted"), [("nearest", (360, 0)), ("bilinear", (360, 360)), ("bicubic", (360, 1440))]
)
def test_a_grid_by_hand(mode: str, wanted: tuple[int, int]) -> None:
    shapes = [(7, 8, 3), (5, 6, 2)]
    cost = OPS["grid_sample"].cost(shapes, {"mode": mode})
    assert tuple(convention(n).operations("grid_sample", cost, shapes) for n in ("fvcore", "torchprofile")) == wanted


@pytest.mark.parametrize(("op", "operator"), [("add", 0), ("multiply", 24)])
def test_joins_of_three_by_hand(op: str, operator: int) -> None:
    # torch.add(torch.add(a, b), c): twice 12 elements. Of operators torchprofile sees the product, and no other any.
    cost = OPS[op].cost([(2, 2, 3)] * 3, {})
    for name in ("ptflops", "calflops"):
        assert convention(name).operations(op, cost, [(2, 2, 3)] * 3, "functional") == 24
        assert convention(name).operations(op, cost, [(2, 2, 3)] * 3) == 0
    assert convention("torchprofile").operations(op, cost, [(2, 2, 3)] * 3) == operator


#: Recurrent layers that a tool does not see into: traced or dispatched, they are one operator.
NOT_SEEN = {
    "fvcore": {"lstm", "gru", "rnn"},
    "timm": {"lstm", "gru", "rnn"},
    "ptflops_aten": {"lstm"},
    "torchprofile": {"gru", "rnn"},
    "tf_profiler": {"lstm", "gru", "rnn", "conv3d", "conv_transpose3d"},
}


def test_no_convention_knows_an_op_of_which_nobody_knows_what_it_computes() -> None:
    assert not any(one.knows("unknown") for one in all_conventions().values())


@pytest.mark.parametrize("name", all_conventions())
@pytest.mark.parametrize("op", [op for op in OPS if op != "unknown"])
def test_every_convention_says_what_it_counts_of_every_op(name: str, op: str) -> None:
    one = convention(name)
    assert one.knows(op)
    assert (op in one.terms) != (op in one.ignored)
    assert op in one.terms or len(one.ignored[op].split()) > 3, "why nothing is counted stands there in words"
    # An op that multiplies with weights is counted, or the tool is said not to see it.
    if OPS[op].traits.weighted and op not in {"rbf", "deform_conv2d", *NOT_SEEN.get(name, ())}:
        assert one.terms[op]


def test_paper_counts_the_macs_of_every_weighted_op_and_of_products_of_activations_and_nothing_else() -> None:
    weighted = {name for name, op in OPS.items() if op.traits.weighted}
    counted = {op: factors for op, factors in convention("paper").terms.items() if factors}
    assert counted == {op: {"macs": 1} for op in {*weighted, "matmul"}}
    families = {f"{stem}{axes}d" for stem in ("conv", "conv_transpose") for axes in (1, 2, 3)}
    assert weighted == families | {"conv2d_table", "deform_conv2d", "linear", "rbf", "lstm", "gru", "rnn"}


# 2 heads, 5 tokens by 4, 3 channels each: 2·5·4·3 = 120 MACs, 2·5·4 = 40 products. In nn.MultiheadAttention, ptflops counts
# these once more, and two tools see nothing.
@pytest.mark.parametrize(
    ("form", "differ"),
    [
        ("", {"ptflops": 0, "calflops": 0, "fvcore": 120, "timm": 120, "ptflops_aten": 120}),
        ("functional", {"ptflops": 120, "calflops": 240, "fvcore": 120, "timm": 120, "ptflops_aten": 120}),
        ("fused", {"ptflops": 160, "calflops": 0, "fvcore": 0, "timm": 0, "ptflops_aten": 0}),
    ],
)
def test_products_of_activations_by_hand(form: str, differ: dict[str, int]) -> None:
    shapes = [(2, 5, 3), (2, 3, 4)]
    cost = OPS["matmul"].cost(shapes, OPS["matmul"].convert({}))
    wanted = {"paper": 120, "with_bias": 120, "torch": 240, "torchprofile": 120, **differ}
    wanted |= dict.fromkeys(["thop", "torchinfo", "connections"], 0)
    assert {name: convention(name).operations("matmul", cost, shapes, form) for name in wanted} == wanted


def test_a_layer_of_multi_head_attention_by_hand() -> None:
    # 25 tokens of 4 channels to 3: 300 MACs, 75 biases. The module holds a matrix of its own and a layer that it never
    # calls, so that what looks for modules sees nothing; ptflops has a formula for the whole.
    cost = OPS["linear"].cost([(25, 4)], OPS["linear"].convert({"channels": 3}))
    wanted = {
        "ptflops": 375,
        "ptflops_aten": 375,
        "fvcore": 300,
        "thop": 0,
        "torchinfo": 0,
        "torch": 600,
        "calflops": 600,
    }
    assert {name: convention(name).operations("linear", cost, [(25, 4)], "fused") for name in wanted} == wanted


def test_a_global_pool_of_no_map_is_unseen_by_fvcore() -> None:
    for shape in ((5, 6), (4, 5, 6), (3, 4, 5, 6)):
        cost = OPS["global_avg_pool"].cost([shape], {})
        seen = {form: convention("fvcore").operations("global_avg_pool", cost, [shape], form) for form in ("", "mean")}
        assert seen == {"": 120 if len(shape) == 3 else 0, "mean": 0}
        assert convention("ptflops").operations("global_avg_pool", cost, [shape], "functional") == prod(shape)


# 7 steps of 5 channels to 3, two biases. Of an LSTM, 7·4·3·(5 + 3) = 672 MACs and 7·4·3·2 = 168 biases added; thop adds 4
# sums, 3 products and sums of the cell and 1 product per state, 7·3·8 = 168, and ptflops 4 + 3 + 3, 7·3·10 = 210;
# calflops 2·n - 1 for a dot product, so 4·3 less for each of the two matrices, and the same 10.
@pytest.mark.parametrize(
    ("op", "wanted"),
    [
        (
            "lstm",
            {
                "paper": 672,
                "with_bias": 840,
                "torchinfo": 840,
                "thop": 1008,
                "ptflops": 672 + 168 + 210,
                "calflops": 2 * 672 - 7 * 2 * 12 + 168 + 210,
                "torchprofile": 672,
                "torch": 2 * 672,
                "ptflops_aten": 0,
                "fvcore": 0,
            },
        ),
        # 7·3·3·8 = 504 MACs, 7·3·3·2 = 126 biases; 3 sums, the reset, 3 for the new state: 7·3·7 = 147.
        (
            "gru",
            {
                "paper": 504,
                "torchinfo": 630,
                "ptflops_aten": 630,
                "thop": 777,
                "ptflops": 777,
                "calflops": 2 * 504 - 7 * 2 * 9 + 126 + 147,
                "torchprofile": 0,
            },
        ),
        # 7·3·8 = 168 MACs, 42 biases, 21 sums.
        (
            "rnn",
            {"paper": 168, "torchinfo": 210, "thop": 231, "ptflops": 231, "calflops": 2 * 168 - 7 * 2 * 3 + 42 + 21},
        ),
    ],
)
def test_recurrent_layers_by_hand(op: str, wanted: dict[str, int]) -> None:
    for last in (False, True):  # the states of all steps are computed, whichever are read
        cost = OPS[op].cost([(7, 5)], OPS[op].convert({"channels": 3, "last": last}))
        assert {name: convention(name).operations(op, cost, [(7, 5)]) for name in wanted} == wanted


def test_torchinfo_counts_a_linear_layer_once_and_not_once_per_token() -> None:
    cost = OPS["linear"].cost([(25, 4)], OPS["linear"].convert({"channels": 3}))
    assert convention("torchinfo").operations("linear", cost, [(25, 4)]) == 4 * 3 + 3
    assert convention("paper").operations("linear", cost, [(25, 4)]) == 25 * 4 * 3


def test_conventions_name_ops_that_there_are() -> None:
    named = {op.split(" ")[0] for one in all_conventions().values() for op in (*one.terms, *one.ignored, *one.limits)}
    assert named == {*OPS} - {"unknown"}


def test_unknown_convention() -> None:
    with pytest.raises(UsageError, match=r"^there is no convention 'thopp'. Did you mean thop\?$"):
        convention("thopp")
