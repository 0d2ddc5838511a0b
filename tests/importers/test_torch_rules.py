"""What the ops of PyTorch become: kinds of nodes and shapes by hand, without PyTorch."""

from __future__ import annotations

import math
import random
import struct
from dataclasses import replace
from fractions import Fraction
from time import process_time
from typing import Any

import pytest
import sympy
from helpers.foreign import kinds, lowered, network, outs, steps
from helpers.torch_programs import buffer, op, program, refs, weight

from convcost.core.errors import ConvcostError, SpecError, Unfit
from convcost.importers.contents import scaled
from convcost.importers.forms import holders
from convcost.importers.imported import Imported
from convcost.importers.model import Op, Stated, Stored
from convcost.importers.torch.calls import Place, Ref, call
from convcost.importers.torch.made import ARITHMETIC
from convcost.importers.torch.mutation import WRITE_BACK
from convcost.importers.torch.owners import become_weights

X = Ref("x")
MAP = {"x": (1, 6, 8, 10)}
SEQUENCE = {"x": (1, 5, 6)}


W, B, V = Ref("w"), Ref("b"), Ref("v")
ONES: list[tuple[str, dict[str, Any], tuple[Stored, ...], list[str], tuple[int, ...]]] = [
    # op, its arguments, stored tensors -> kinds of nodes, shape of the result (channels last)
    ("relu.default", {"self": X}, (), ["relu"], (8, 10, 6)),
    ("hardtanh.default", {"self": X, "min_val": 0, "max_val": 6}, (), ["relu6"], (8, 10, 6)),
    ("hardtanh.default", {"self": X}, (), ["function"], (8, 10, 6)),
    ("clamp.default", {"self": X, "min": 0}, (), ["relu"], (8, 10, 6)),
    ("clamp.default", {"self": X, "min": 1, "max": 2}, (), ["function"], (8, 10, 6)),
    ("gelu.default", {"self": X}, (), ["gelu"], (8, 10, 6)),
    ("prelu.default", {"self": X, "weight": W}, (weight("w", 6),), ["prelu"], (8, 10, 6)),
    ("softmax.int", {"self": X, "dim": 1}, (), ["softmax"], (8, 10, 6)),
    ("log_softmax.int", {"self": X, "dim": -1}, (), ["log_softmax"], (8, 10, 6)),
    ("dropout.default", {"input": X, "p": 0.5, "train": False}, (), [], (8, 10, 6)),
    ("pow.Tensor_Scalar", {"self": X, "exponent": 2}, (), ["function"], (8, 10, 6)),
    ("add.Tensor", {"self": X, "other": X}, (), ["add"], (8, 10, 6)),
    ("sub.Tensor", {"self": X, "other": X}, (), ["combine"], (8, 10, 6)),
    ("mul.Tensor", {"self": X, "other": W}, (weight("w", 6, 1, 1),), ["scale"], (8, 10, 6)),
    ("mul.Tensor", {"self": X, "other": W}, (weight("w"),), ["w", "multiply"], (8, 10, 6)),
    ("eq.Scalar", {"self": X, "other": 0}, (), ["source", "combine"], (8, 10, 6)),
    ("masked_fill.Scalar", {"self": X, "mask": X, "value": 0.0}, (), ["combine"], (8, 10, 6)),
    ("glu.default", {"self": X, "dim": 1}, (), ["split", "sigmoid", "multiply"], (8, 10, 3)),
    ("conv2d.default", {"input": X, "weight": W, "bias": B, "stride": (2, 2), "padding": (1, 1)}, (weight("w", 4, 6, 3, 3), weight("b", 4)), ["conv2d"], (4, 5, 4)),
    ("conv2d.padding", {"input": X, "weight": W, "padding": "same"}, (weight("w", 4, 6, 2, 2),), ["conv2d"], (8, 10, 4)),
    ("conv2d.default", {"input": X, "weight": W, "groups": 6}, (weight("w", 6, 1, 3, 3),), ["conv2d"], (6, 8, 6)),
    ("convolution.default", {"input": X, "weight": W, "bias": None, "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1), "transposed": True, "output_padding": (0, 0), "groups": 1}, (weight("w", 6, 4, 2, 2),), ["conv_transpose2d"], (16, 20, 4)),
    ("conv_transpose2d.input", {"input": X, "weight": W, "stride": (2, 2), "output_padding": (1, 1)}, (weight("w", 6, 4, 2, 2),), ["conv_transpose2d"], (17, 21, 4)),
    ("max_pool2d.default", {"self": X, "kernel_size": (2, 2)}, (), ["max_pool2d"], (4, 5, 6)),
    ("max_pool2d.default", {"self": X, "kernel_size": (3, 3), "stride": (2, 2), "ceil_mode": True}, (), ["max_pool2d"], (4, 5, 6)),
    ("avg_pool2d.default", {"self": X, "kernel_size": (2,), "stride": ()}, (), ["avg_pool2d"], (4, 5, 6)),
    ("adaptive_avg_pool2d.default", {"self": X, "output_size": (1, 1)}, (), ["global_avg_pool"], (1, 1, 6)),
    ("adaptive_avg_pool2d.default", {"self": X, "output_size": (2, 5)}, (), ["adaptive_avg_pool2d"], (2, 5, 6)),
    ("upsample_nearest2d.vec", {"input": X, "output_size": None, "scale_factors": (2.0, 2.0)}, (), ["upsample2d"], (16, 20, 6)),
    ("upsample_bilinear2d.vec", {"input": X, "output_size": (12, 5), "align_corners": False, "scale_factors": None}, (), ["resize2d"], (12, 5, 6)),
    ("upsample_bilinear2d.vec", {"input": X, "output_size": None, "align_corners": False, "scale_factors": (1.5, 0.5)}, (), ["resize2d"], (12, 5, 6)),
    ("pixel_unshuffle.default", {"self": X, "downscale_factor": 2}, (), ["space_to_depth"], (4, 5, 24)),
    ("channel_shuffle.default", {"self": X, "groups": 3}, (), ["channel_shuffle"], (8, 10, 6)),
    ("group_norm.default", {"input": X, "num_groups": 2, "weight": W, "bias": B}, (weight("w", 6), weight("b", 6)), ["group_norm"], (8, 10, 6)),
    ("layer_norm.default", {"input": X, "normalized_shape": (10,), "weight": W, "bias": B}, (weight("w", 10), weight("b", 10)), ["layer_norm"], (6, 8, 10)),
    ("rms_norm.default", {"input": X, "normalized_shape": (10,), "weight": W}, (weight("w", 10),), ["rms_norm"], (6, 8, 10)),
    ("mean.dim", {"self": X, "dim": (2, 3), "keepdim": True}, (), ["global_avg_pool"], (1, 1, 6)),
    ("sum.dim_IntList", {"self": X, "dim": (1,)}, (), ["reduce"], (8, 10, 1)),
    ("amax.default", {"self": X, "dim": (-1,), "keepdim": True}, (), ["reduce"], (8, 1, 6)),
    ("std.correction", {"self": X, "dim": (1,), "keepdim": True}, (), ["reduce", "function"], (8, 10, 1)),
    ("cumsum.default", {"self": X, "dim": 2}, (), ["cumulative"], (8, 10, 6)),
    ("flip.default", {"self": X, "dims": (2,)}, (), ["gather"], (8, 10, 6)),
    ("roll.default", {"self": X, "shifts": (1, -1), "dims": (2, 3)}, (), ["roll"], (8, 10, 6)),
    ("slice.Tensor", {"self": X, "dim": 1, "start": 2, "end": 9223372036854775807}, (), ["slice"], (8, 10, 4)),
    ("slice.Tensor", {"self": X, "dim": 2, "start": -3, "end": -1}, (), ["slice"], (2, 10, 6)),
    ("slice.Tensor", {"self": X, "dim": 0, "start": 0, "end": 9223372036854775807}, (), [], (8, 10, 6)),
    ("narrow.default", {"self": X, "dim": 3, "start": 1, "length": 4}, (), ["slice"], (8, 4, 6)),
    ("select.int", {"self": X, "dim": 1, "index": -1}, (), ["slice"], (8, 10, 1)),
    ("index_select.default", {"self": X, "dim": 1, "index": W}, (buffer("w", 4, dtype="int64", contents=(0, 0, 1, 5)),), ["source", "gather"], (8, 10, 4)),
    ("pad.default", {"self": X, "pad": (1, 2, 0, 1)}, (), ["pad"], (9, 13, 6)),
    ("constant_pad_nd.default", {"self": X, "pad": (-1, 0)}, (), ["slice"], (8, 9, 6)),
    ("repeat.default", {"self": X, "repeats": (1, 2, 1, 1)}, (), ["tile"], (8, 10, 12)),
    ("expand.default", {"self": X, "size": (3, -1, -1, -1)}, (), ["expand"], (3, 8, 10, 6)),
    ("im2col.default", {"self": X, "kernel_size": (3, 3), "dilation": (1, 1), "padding": (0, 0), "stride": (1, 1)}, (), ["unfold"], (48, 54)),
    ("cosine_similarity.default", {"x1": X, "x2": X}, (), ["multiply", "reduce", "reduce", "reduce", "multiply", "combine"], (8, 10)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "params", "kinds_"),
    [
        ((4,), 36, ["linear"]),
        ((1, 4), 36, ["linear"]),
        ((10, 4), 32 + 40, ["linear", "source", "add"]),
        ((10, 1), 32 + 10, ["linear", "source", "add"]),
        ((1,), 32 + 1, ["linear", "source", "add"]),
    ],
)
def test_what_is_no_number_for_each_channel_is_added_behind_a_product(
    shape: tuple[int, ...], params: int, kinds_: list[str]
):
    """10 rows of 8 to 4: 320 products with 32 weights, by either op."""
    for made in (
        op("aten.linear.default", "y", input=X, weight=W, bias=B),
        op("aten.addmm.default", "y", self=B, mat1=X, mat2=Ref("t")),
    ):
        ops = [op("aten.t.default", "t", self=W), made] if "addmm" in made.type else [made]
        found = steps(program({"x": (10, 8)}, ops, [weight("w", 4, 8), weight("b", *shape)]))
        assert [step.node.op for step in found] == kinds_
        assert (found[0].cost.macs, sum(step.params for step in found)) == (320, params)
        assert found[-1].cost.out[0] == (10, 4)


@pytest.mark.parametrize("shape", [(5,), (3, 10, 4), (5, 4)])
def test_what_does_not_stretch_to_a_product_is_not_added_to_it(shape: tuple[int, ...]):
    said = f"adds {'×'.join(map(str, shape))} to a product of 10×4"
    made = op("aten.addmm.default", "y", self=B, mat1=X, mat2=W)
    with pytest.raises(SpecError, match=said):
        network(program({"x": (10, 8)}, [made], [weight("w", 8, 4), weight("b", *shape)])).report()


def test_a_linear_layer_by_a_vector_has_a_number_for_each_row():
    (step,) = steps(program({"x": (10, 8)}, [op("aten.linear.default", "y", input=X, weight=W)], [weight("w", 8)]))
    assert (step.node.op, step.cost.macs, step.params) == ("linear", 80, 8)


NUMBER = Ref("s")


@pytest.mark.parametrize(
    ("target", "arguments", "makes", "node"),
    [
        ("softmax.int", {"dim": 0}, "y", "softmax"),
        ("log_softmax.int", {"dim": -1}, "y", "log_softmax"),
        ("cumsum.default", {"dim": 0}, "y", "cumulative"),
        ("cummax.default", {"dim": -1}, "y i", "cumulative"),
        ("topk.default", {"k": 1}, "y i", "top_k"),
        ("sort.default", {}, "y i", "top_k"),
        ("sum.default", {}, "y", "reduce"),
        ("mean.dim", {"dim": (0,), "keepdim": True}, "y", "reduce"),
        ("max.dim", {"dim": -1}, "y i", "reduce"),
        ("var.dim", {"dim": (0,)}, "y", "reduce"),
        ("index_select.default", {"dim": 0, "index": Ref("one")}, "y", "gather"),
    ],
)
def test_a_number_is_a_vector_of_one_along_axes(target: str, arguments: dict[str, Any], makes: str, node: str):
    """The sum of a map has no axes; neither has what is made of it, so that it can be added to a vector of 3."""
    ops = [
        op("aten.sum.default", "s", self=X),
        op(f"aten.{target}", makes, self=NUMBER, **arguments),
        op("aten.add.Tensor", "z", self=Ref("y"), other=Ref("three")),
    ]
    made = steps(program({"x": (1, 4, 6), "three": (3,), "one": (1,)}, ops))
    assert [step.node.op for step in made[-2:]] == [node, "add"]
    assert made[-1].cost.out == ((3,),)


@pytest.mark.parametrize(
    ("target", "dim"), [("softmax.int", 1), ("cumsum.default", -2), ("topk.default", 1), ("sum.dim_IntList", (1,))]
)
def test_a_number_has_no_second_axis(target: str, dim: Any):
    extra = {"k": 1} if "topk" in target else {}
    ops = [op("aten.sum.default", "s", self=X), op(f"aten.{target}", "y", self=NUMBER, dim=dim, **extra)]
    axis = dim[0] if isinstance(dim, tuple) else dim
    with pytest.raises(SpecError, match=f"there is no axis {axis} of a tensor of 1"):
        network(program({"x": (1, 4, 6)}, ops)).report()


@pytest.mark.parametrize(("target", "arguments", "tensors", "expected", "shape"), ONES)
def test_one_op(target: str, arguments: dict[str, Any], tensors: Any, expected: list[str], shape: tuple[int, ...]):
    imported = program(
        MAP, [op("aten.relu.default", "r", self=X), op(f"aten.{target}", "y", **_behind(arguments))], tensors
    )
    found = [kind for kind in kinds(imported)[1:] if kind not in ("reshape", "flatten")]
    assert [kind if kind != "source" or "w" not in expected else "w" for kind in found] == expected
    assert outs(imported)[-1] == shape


def _behind(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments with r, which the program computes, in the place of x."""
    return {word: Ref("r") if value is X else value for word, value in arguments.items()}


SEVERAL: list[tuple[str, dict[str, Any], tuple[Stored, ...], list[str], tuple[int, ...]]] = [
    # op on two maps of 6 channels, its arguments, stored tensors -> kinds of nodes, shape of the result (channels last)
    ("adaptive_avg_pool2d.default", {"self": X, "output_size": (1, 1)}, (), ["reduce"], (2, 1, 1, 6)),
    ("adaptive_max_pool2d.default", {"self": X, "output_size": (1, 1)}, (), ["reduce"], (2, 1, 1, 6)),
    ("adaptive_avg_pool2d.default", {"self": X, "output_size": (2, 5)}, (), ["adaptive_avg_pool2d"], (2, 2, 5, 6)),
]  # fmt: skip


@pytest.mark.parametrize(("target", "arguments", "tensors", "expected", "shape"), SEVERAL)
def test_one_op_on_several_maps(
    target: str, arguments: dict[str, Any], tensors: Any, expected: list[str], shape: tuple[int, ...]
):
    """Maps that a view makes of channels are each computed by itself; a batch that the program fixes is left out."""
    viewed = program(
        {"x": (1, 12, 8, 10)},
        [op("aten.view.default", "r", self=X, size=(2, 6, 8, 10)), op(f"aten.{target}", "y", **_behind(arguments))],
        tensors,
    )
    assert [kind for kind in kinds(viewed)[1:] if kind != "reshape"] == expected
    assert outs(viewed)[-1] == shape
    batch = [op("aten.relu.default", "r", self=X), op(f"aten.{target}", "y", **_behind(arguments))]
    assert outs(program({"x": (2, 6, 8, 10)}, batch, tensors))[-1] == shape[1:]


def _places(*made: Op) -> list[Op]:
    """An op that reads a map r and places in it, which two filters compute of it."""
    conv = op("aten.conv2d.default", "g", input=Ref("r"), weight=W)
    return [conv, op("aten.permute.default", "places", self=Ref("g"), dims=(0, 2, 3, 1)), *made]


#: Ops that convcost has for one map only -> what several maps become, with its shape, and what one map is.
OF_ONE_MAP: dict[str, tuple[list[Op], tuple[int, ...], str, tuple[int, ...]]] = {
    "im2col": (  # 6·8 windows of 9 taps of 3 channels
        [op("aten.im2col.default", "y", self=Ref("r"), kernel_size=(3, 3), dilation=(1, 1), padding=(0, 0), stride=(1, 1))],
        (2, 27, 48), "unfold", (48, 27),
    ),
    "im2col with steps": (  # ⌊(8 + 2 - 5) / 2⌋ + 1 by ⌊(10 + 2 - 5) / 2⌋ + 1
        [op("aten.im2col.default", "y", self=Ref("r"), kernel_size=(3, 3), dilation=(2, 2), padding=(1, 1), stride=(2, 2))],
        (2, 27, 12), "unfold", (12, 27),
    ),
    "col2im": (  # 80 windows of 1 tap, put back where they were
        [
            op("aten.flatten.using_ints", "f", self=Ref("r"), start_dim=2),
            op("aten.col2im.default", "y", self=Ref("f"), output_size=(8, 10), kernel_size=(1, 1), dilation=(1, 1), padding=(0, 0), stride=(1, 1)),
        ],
        (2, 3, 8, 10), "fold", (8, 10, 3),
    ),
    "samples": (
        _places(op("aten.grid_sampler.default", "y", input=Ref("r"), grid=Ref("places"), interpolation_mode=0)),
        (2, 3, 8, 10), "grid_sample", (8, 10, 3),
    ),
    "deformed": (  # 1·1 filters, of which each has a place in height and one in width
        _places(op("torchvision.deform_conv2d.default", "y", input=Ref("r"), weight=Ref("u"), offset=Ref("g"), mask=Ref("g"), bias=None, use_mask=False)),
        (2, 4, 8, 10), "deform_conv2d", (8, 10, 4),
    ),
    "boxes": (  # 80 positions of 2 numbers: 32 boxes of 5, and 64 of two maps
        _places(
            op("aten.reshape.default", "boxes", self=Ref("places"), shape=(-1, 5)),
            op("torchvision.roi_align.default", "y", input=Ref("r"), rois=Ref("boxes"), spatial_scale=1.0, pooled_height=2, pooled_width=7),
        ),
        (64, 3, 2, 7), "roi_align", (32, 2, 7, 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OF_ONE_MAP)
def test_ops_of_one_map_on_several(name: str):
    """On several maps the shape is known, so that a program which was exported with two images is that of one."""
    ops, several, kind, one = OF_ONE_MAP[name]
    filters = [weight("w", 2, 3, 1, 1), weight("u", 4, 3, 1, 1)]
    view = op("aten.view.default", "r", self=X, size=(2, 3, 8, 10))
    (*_, last) = steps(program({"x": (1, 6, 8, 10)}, [view, *ops], filters))
    assert (last.node.op, last.cost.out[0]) == ("unknown", several)
    (*_, last) = steps(program({"x": (2, 3, 8, 10)}, [op("aten.relu.default", "r", self=X), *ops], filters))
    assert (last.node.op, last.cost.out[0]) == (kind, one)


@pytest.mark.parametrize(
    ("target", "word", "several", "one"),
    [("pixel_shuffle", "upscale_factor", (2, 2, 16, 20), (16, 20, 2)), ("pixel_unshuffle", "downscale_factor", (2, 32, 4, 5), (4, 5, 32))],
)  # fmt: skip
def test_blocks_of_several_maps(target: str, word: str, several: tuple[int, ...], one: tuple[int, ...]):
    """Two maps of 8 channels: each element is moved once, and read as it is needed; a convolution follows."""
    call_ = op(f"aten.{target}.default", "p", self=Ref("r"), **{word: 2})
    ops = [
        op("aten.view.default", "r", self=X, size=(2, 8, 8, 10)),
        call_,
        op("aten.conv2d.default", "y", input=Ref("p"), weight=W),
    ]
    filters = [weight("w", 3, several[1], 1, 1)]
    made = steps(program({"x": (1, 16, 8, 10)}, ops, filters))
    assert [step.node.op for step in made if step.node.op != "reshape"] == ["transpose", "conv2d"]
    assert made[-1].cost.out == ((2, several[2], several[3], 3),)
    assert made[-1].cost.macs == 2 * several[1] * several[2] * several[3] * 3
    batch = steps(program({"x": (2, 8, 8, 10)}, [op("aten.relu.default", "r", self=X), *ops[1:]], filters))
    assert [step.cost.out[0] for step in batch[1:]] == [one, (*one[:2], 3)]


def test_a_network_that_was_exported_with_two_images_has_the_numbers_of_one():
    """conv of 6·6 filters, the mean of each image, 10 classes: 80·36 MACs and 60."""
    ops = [
        op("aten.conv2d.default", "c", input=X, weight=W),
        op("aten.adaptive_avg_pool2d.default", "p", self=Ref("c"), output_size=(1, 1)),
        op("aten.flatten.using_ints", "f", self=Ref("p"), start_dim=1),
        op("aten.linear.default", "y", input=Ref("f"), weight=Ref("m")),
    ]
    imported = program({"x": (2, 6, 8, 10)}, ops, [weight("w", 6, 6, 1, 1), weight("m", 10, 6)])
    assert [step.cost.macs for step in steps(imported) if step.cost.macs] == [80 * 36, 60]
    assert "global_avg_pool" in kinds(imported)
    viewed = [op("aten.view.default", "v", self=X, size=(2, 4, 6, 6)), op("aten.adaptive_avg_pool2d.default", "p", self=Ref("v"), output_size=(1, 1)), *ops[2:]]  # fmt: skip
    last = steps(program({"x": (1, 8, 6, 6)}, viewed, [weight("m", 10, 4)]))[-1]
    assert (last.cost.out[0], last.cost.macs) == ((2, 10), 2 * 40)


FOLLOWED: dict[str, list[Op]] = {
    "windows along an axis": [op("aten.unfold.default", "y", self=Ref("r"), dimension=2, size=3, step=2)],
    "a turned map": [op("aten.rot90.default", "y", self=Ref("r"), k=1, dims=(2, 3))],
    "roll": [op("aten.roll.default", "y", self=Ref("r"), shifts=(1, 1), dims=(1, 2))],
    "index": [op("aten.index.Tensor", "y", self=Ref("r"), indices=(None, Ref("w")))],
    "einsum": [op("aten.relu.default", "s", self=Ref("r")), op("aten.einsum.default", "y", equation="bchw,bkhw->bck", tensors=(Ref("r"), Ref("s")))],
    "attention": [op("aten.scaled_dot_product_attention.default", "y", query=Ref("r"), key=Ref("k"), value=Ref("k"))],
    "interpolation": [op("aten.upsample_bilinear2d.vec", "y", input=Ref("r"), output_size=(9, 11), align_corners=False, scale_factors=None)],
}  # fmt: skip


@pytest.mark.parametrize("name", FOLLOWED)
def test_two_images_are_two_times_one(name: str):
    """What is computed in several steps is followed from the file's size to that of one image, reshapes among them too."""
    chosen = buffer("w", 2, 2, dtype="int64", contents=(0, 2, 1, 1))
    half = op("aten.slice.Tensor", "k", self=Ref("r"), dim=1, start=0, end=2)
    ops = [op("aten.relu.default", "r", self=X), half, *FOLLOWED[name]]
    one, two = (steps(program({"x": (count, 6, 8, 10)}, ops, [chosen])) for count in (1, 2))
    assert [(step.node.op, step.cost.out) for step in one] == [(step.node.op, step.cost.out) for step in two]
    assert sum(step.cost.macs for step in one) == {"einsum": 6 * 6 * 80, "attention": 2 * 6 * 64 * 10}.get(name, 0)


@pytest.mark.parametrize(("name", "shape", "turned"), [("windows along an axis", (6, 3, 10, 3), (6, 7, 10, 3)), ("a turned map", (10, 8, 6), (10, 16, 6))])  # fmt: skip
def test_elements_in_another_order_are_as_many_at_any_size(name: str, shape: tuple[int, ...], turned: tuple[int, ...]):
    """⌊(8 - 3) / 2⌋ + 1 windows of 3, and ⌊(16 - 3) / 2⌋ + 1."""
    net = program(MAP, [op("aten.relu.default", "r", self=X), *FOLLOWED[name]])
    for high, out in ((8, shape), (16, turned)):
        gather = next(step for step in lowered(net, x=(high, 10, 6)).steps if step.node.op == "gather")
        assert math.prod(gather.cost.out[0]) == math.prod(out)


def test_a_product_by_letters_is_followed_to_other_sizes():
    """6·6 products along all positions, of which there are others."""
    net = program({"x": (1, 6, 8, 10)}, [op("aten.relu.default", "r", self=X), *FOLLOWED["einsum"]])
    here, there = (lowered(net, x=size).steps for size in ((8, 10, 6), (12, 10, 6)))
    assert [step.node.op for step in here] == [step.node.op for step in there]
    assert sum(step.cost.macs for step in there) == 6 * 6 * 120


def test_attention_is_two_products_and_a_softmax():
    """4 heads of 16 numbers over 5 tokens, each 2·4·5·5·16 MACs; the mask is added where it is of numbers."""
    heads = dict.fromkeys("qkv", (1, 4, 5, 16))
    call = op(
        "aten.scaled_dot_product_attention.default",
        "y",
        query=Ref("q"),
        key=Ref("k"),
        value=Ref("v"),
        attn_mask=Ref("m"),
    )
    found = steps(program({**heads, "m": (5, 5)}, [call]))
    assert [step.node.op for step in found if step.node.op != "reshape"] == ["matmul", "add", "softmax", "matmul"]
    assert sum(step.cost.macs for step in found) == 2 * 4 * 25 * 16
    assert found[-1].cost.out == ((4, 5, 16),)


def test_heads_that_share_keys_multiply_as_often():
    """4 heads read 2 keys and values; 7 tokens read 5 others."""
    inputs = {"q": (1, 4, 7, 16), "k": (1, 2, 5, 16), "v": (1, 2, 5, 8)}
    arguments = {"query": Ref("q"), "key": Ref("k"), "value": Ref("v"), "enable_gqa": True}
    for given, tensors in ({}, ()), ({"attn_mask": Ref("m")}, (buffer("m", 7, 5),)):
        call = op("aten.scaled_dot_product_attention.default", "y", **arguments, **given)
        found = steps(program(inputs, [call], tensors))
        assert sum(step.cost.macs for step in found) == 4 * 7 * 5 * (16 + 8)
        assert math.prod(found[-1].cost.out[0]) == 4 * 7 * 8


def test_weights_that_are_transposed_or_cut_are_those_of_the_layer():
    """addmm(b, x, wᵀ); then a matrix of 3·6 rows, of which three layers have 6 each."""
    ops = [
        op("aten.t.default", "t", self=W),
        op("aten.addmm.default", "h", self=B, mat1=X, mat2=Ref("t")),
        op("aten.chunk.default", "q k v", self=Ref("qkv"), chunks=3),
        *(op("aten.linear.default", f"y{name}", input=Ref("h"), weight=Ref(name)) for name in "qkv"),
        op("aten.add.Tensor", "y", self=Ref("yq"), other=Ref("yk")),
        op("aten.add.Tensor", "z", self=Ref("y"), other=Ref("yv")),
    ]
    imported = program({"x": (5, 8)}, ops, [weight("w", 6, 8), weight("b", 6), weight("qkv", 18, 6)], stated={})
    net = network(imported)
    assert [step.node.op for step in net.walked.steps] == ["linear"] * 4 + ["add"] * 2
    assert net.report().totals.params == 6 * 8 + 6 + 18 * 6
    assert net.report().totals.macs == 5 * (8 * 6 + 3 * 6 * 6)


def test_a_parameter_that_is_read_as_data_is_a_source():
    """A class token before the tokens, and a table of positions that is longer than they are."""
    ops = [
        op("aten.expand.default", "e", self=Ref("token"), size=(1, -1, -1)),
        op("aten.cat.default", "c", tensors=refs("e", "x"), dim=1),
        op("aten.slice.Tensor", "p", self=Ref("table"), dim=1, start=0, end=6),
        op("aten.add.Tensor", "y", self=Ref("c"), other=Ref("p")),
    ]
    net = network(program(SEQUENCE, ops, [weight("token", 1, 1, 6), weight("table", 1, 9, 6)]))
    assert [step.node.op for step in net.walked.steps] == ["source", "concat", "source", "slice", "add"]
    assert net.report().totals.params == 6 + 9 * 6


def test_one_table_for_reading_and_writing_words():
    ops = [
        op("aten.embedding.default", "e", weight=W, indices=X),
        op("aten.linear.default", "y", input=Ref("e"), weight=W),
    ]
    net = network(program({"x": (1, 5)}, ops, [weight("w", 50, 8)]))
    assert net.report().totals.params == 400
    reads, writes = net.walked.steps
    assert (reads.node.op, writes.node.op, writes.node.shares) == ("embedding", "linear", {"weights": reads.node.name})
    assert net.report().totals.macs == 5 * 400


def test_a_bias_with_a_part_that_is_not_trained_is_added_behind_the_layer():
    """BEiT: the keys have zeros for a bias, which are no parameters."""
    ops = [
        op("aten.cat.default", "bias", tensors=refs("q", "k", "v"), dim=0),
        op("aten.linear.default", "y", input=X, weight=W, bias=Ref("bias")),
    ]
    net = network(program(SEQUENCE, ops, [weight("w", 9, 6), weight("q", 3), buffer("k", 3), weight("v", 3)]))
    assert net.report().totals.params == 54 + 6
    assert net.report().totals.buffers == 3


def test_normalised_weights_are_a_matrix_and_lengths():
    """Weight normalisation: 4·6·3·3 directions in the layer, 4 lengths in a source."""
    ops = [
        op("aten._weight_norm.default", "w", v=Ref("v"), g=Ref("g"), dim=0),
        op("aten.conv2d.default", "y", input=X, weight=W),
    ]
    net = network(program(MAP, ops, [weight("v", 4, 6, 3, 3), weight("g", 4, 1, 1, 1)]))
    assert net.report().totals.params == 4 * 54 + 4
    assert net.report().complete


def test_a_kernel_that_is_padded_is_wider_and_nothing_else():
    """Zeros around a kernel of 3, one before and two after along the width: 4 filters of 6·3·6 over an 8×10 map."""
    ops = [
        op("aten.constant_pad_nd.default", "padded", self=Ref("w"), pad=(1, 2)),
        op("aten.conv2d.default", "y", input=X, weight=Ref("padded")),
    ]
    for stored in (weight, buffer):
        imported = program(MAP, ops, [stored("w", 4, 6, 3, 3)])
        assert outs(imported)[-1] == (6, 5, 4)
        assert network(imported).report().totals.macs == 6 * 5 * 4 * 6 * 3 * 6


def test_a_sequence_in_two_directions_and_its_last_states():
    """6 numbers to 4 in two directions: 5 steps of 2·3·4·(6 + 4) MACs; each last state is cut out of what is put out."""
    names = [f"{kind}{way}" for way in ("", "_reverse") for kind in ("w_ih", "w_hh", "b_ih", "b_hh")]
    shapes = [(12, 6), (12, 4), (12,), (12,)] * 2
    ops = [
        op("aten.zeros.default", "h", size=(2, 1, 4)),
        op("aten.gru.input", "out last", input=X, hx=Ref("h"), params=refs(*names), has_biases=True, num_layers=1,
           dropout=0.0, train=False, bidirectional=True, batch_first=True),
    ]  # fmt: skip
    tensors = [weight(name, *shape) for name, shape in zip(names, shapes)]
    net = network(program(SEQUENCE, ops, tensors, outputs=["out", "last"]))
    assert net.report().totals.macs == 5 * 2 * 12 * 10
    assert net.report().totals.params == 2 * 12 * 12
    assert net.walked.steps[0].cost.out == ((5, 8),)
    assert net.walked.steps[-1].cost.out == ((2, 4),)


def test_memory_cells_are_as_many_as_channels_and_a_projected_state_is_smaller():
    """6 numbers to 4 cells, and these to a state of 2, in two directions: 5 steps of 2·(4·4·(6 + 2) + 4·2) MACs."""
    names = [f"{kind}{way}" for way in ("", "_reverse") for kind in ("w_ih", "w_hh", "b_ih", "b_hh", "w_hr")]
    shapes = [(16, 6), (16, 2), (16,), (16,), (2, 4)] * 2
    ops = [
        op("aten.zeros.default", "h0", size=(2, 1, 2)), op("aten.zeros.default", "c0", size=(2, 1, 4)),
        op("aten.lstm.input", "out h c", input=X, hx=refs("h0", "c0"), params=refs(*names), has_biases=True, num_layers=1,
           dropout=0.0, train=False, bidirectional=True, batch_first=True),
        op("aten.linear.default", "y", input=Ref("c"), weight=W),
    ]  # fmt: skip
    tensors = [*(weight(name, *shape) for name, shape in zip(names, shapes)), weight("w", 7, 4)]
    made = steps(program(SEQUENCE, ops, tensors, outputs=["h", "y"]))
    assert made[0].cost.macs == 5 * 2 * (16 * 8 + 8)
    assert made[-1].cost.out == ((2, 7),)
    assert (2, 2) in [step.cost.out[0] for step in made]  # the states, one for each direction


def test_einsum_with_weights_is_a_linear_layer():
    """x: 5 tokens of 6; w: 6 by 2 heads of 3."""
    call = op("aten.einsum.default", "y", equation="btc,chd->bhtd", tensors=refs("x", "w"))
    net = network(program(SEQUENCE, [call], [weight("w", 6, 2, 3)]))
    assert net.report().totals.macs == 5 * 6 * 6
    assert net.report().totals.params == 36


ROW = op("aten.select.int", "m", self=X, dim=0, index=0)
PRODUCTS: dict[str, tuple[list[Op], tuple[Stored, ...], int, int]] = {
    # 5 rows of 6 with 7 rows of 6, with 5 of their own, with one vector
    "rows with stored rows": ([op("aten.inner.default", "y", self=X, other=W)], (weight("w", 7, 6),), 5 * 6 * 7, 42),
    "rows with rows": ([ROW, op("aten.inner.default", "y", self=X, other=Ref("m"))], (), 5 * 6 * 5, 0),
    "rows with a vector": ([op("aten.inner.default", "y", self=X, other=W)], (weight("w", 6),), 5 * 6, 6),
    "a vector with rows": ([ROW, op("aten.inner.default", "y", self=W, other=Ref("m"))], (weight("w", 6),), 5 * 6, 6),
    "a vector and a sum": ([ROW, op("aten.addmv.default", "y", self=B, mat=Ref("m"), vec=W)], (weight("w", 6), weight("b", 5)), 5 * 6, 11),
}  # fmt: skip


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_of_rows_and_vectors(name: str):
    ops, tensors, macs, params = PRODUCTS[name]
    totals = network(program(SEQUENCE, ops, tensors)).report().totals
    assert (totals.macs, totals.params) == (macs, params)


def test_both_bounds_of_a_clamp_are_taken():
    """The larger of x and a tensor, and then the smaller of that and another, or a number."""
    for most, kinds_ in ((Ref("b"), ["combine", "combine"]), (2.0, ["combine", "function"])):
        made = steps(
            program(SEQUENCE, [op("aten.clamp.Tensor", "y", self=X, min=W, max=most)], [weight("w", 6), weight("b", 6)])
        )
        lower, upper = (step.node for step in made if step.node.op != "source")
        assert [lower.op, upper.op] == kinds_
        assert upper.inputs[0] == lower.name


def test_parts_may_end_at_places_from_behind():
    (_, *parts) = steps(program(SEQUENCE, [op("aten.relu.default", "r", self=X), op("aten.tensor_split.indices", "a b", self=Ref("r"), indices=(-2,), dim=1)]))  # fmt: skip
    assert [part.cost.out for part in parts] == [((3, 6), (2, 6))]


PLACES = [
    ((4, 9), [("split", [(8, 10, 4), (8, 10, 2)])]),  # the third part is empty: 4, 2, 0
    ((4, 2), [("slice", [(8, 10, 4)]), ("slice", [(8, 10, 4)])]),  # x[:4], x[4:2] and x[2:]: 4, 0, 4
    ((0, 6), []),  # nothing, all of it, nothing
    ((4, 4), [("split", [(8, 10, 4), (8, 10, 2)])]),
]


@pytest.mark.parametrize(("indices", "nodes"), PLACES)
def test_parts_between_places_may_be_empty_or_overlap(indices: tuple[int, ...], nodes: list[tuple[str, Any]]):
    ops = [
        op("aten.relu.default", "r", self=X),
        op("aten.tensor_split.indices", "a b c", self=Ref("r"), indices=indices, dim=1),
        op("aten.cat.default", "j", tensors=refs("a", "b", "c"), dim=1),
        op("aten.relu.default", "y", self=Ref("j")),
    ]
    (first, *made) = steps(program(MAP, ops))
    assert first.cost.out == ((8, 10, 6),)
    assert [(step.node.op, [*step.cost.out]) for step in made[: len(nodes)]] == nodes
    assert made[-1].cost.out == ((8, 10, 8 if indices == (4, 2) else 6),)


PARTS: list[tuple[str, dict[str, Any], int, list[tuple[int, ...]]]] = [
    # op, its arguments, outputs -> the sizes of the parts of axes of 8, 9 and 10
    ("tensor_split.sections", {"sections": 3}, 3, [(3, 3, 2), (3, 3, 3), (4, 3, 3)]),  # as equal as can be
    ("tensor_split.sections", {"sections": 4}, 4, [(2, 2, 2, 2), (3, 2, 2, 2), (3, 3, 2, 2)]),
    ("chunk.default", {"chunks": 3}, 3, [(3, 3, 2), (3, 3, 3), (4, 4, 2)]),  # of the size rounded up
    ("split.Tensor", {"split_size": Ref("half")}, 2, [(4, 4), (4, 4, 1), (5, 5)]),
]


@pytest.mark.parametrize(("target", "arguments", "many", "parts"), PARTS)
def test_parts_of_an_open_axis(target: str, arguments: dict[str, Any], many: int, parts: list[tuple[int, ...]]):
    """The last part is read: in a report, over a grid, and as a formula; what is cut into another number is refused."""
    names = [f"p{i}" for i in range(many)]
    for size, wanted in zip((8, 9, 10), parts):
        ops = [
            op("aten.sym_size.int", "n", self=X, dim=2),
            Op("operator.floordiv", "half", ("n",), ("half",), {"a": Ref("n"), "b": 2}),
            op(f"aten.{target}", " ".join(names), self=X, dim=2, **arguments),
            op("aten.conv2d.default", "y", input=Ref(names[-1]), weight=W),
        ]
        net = program({"x": (1, 6, "h", 10)}, ops, [weight("w", 4, 6, 1, 1)], outputs=["y", *names])
        if len(wanted) != many:
            with pytest.raises(SpecError, match=f"cuts {size} into {many} parts of {wanted[0]}$"):
                lowered(net, x=(size, 10, 6))
            continue
        first, last = lowered(net, x=(size, 10, 6)).steps
        assert first.cost.out == tuple((part, 10, 6) for part in wanted)
        assert last.cost.macs == wanted[-1] * 10 * 6 * 4
        h = sympy.Symbol("h", integer=True, positive=True)
        of_h = lowered(net, x=(h, 10, 6)).steps[0].cost.out
        assert [shape[0].subs(h, size) for shape in of_h] == [*wanted]


def test_parts_of_another_number_than_a_program_has_are_refused():
    """A program that was exported at 6 rows has three parts of 2; 8 rows are four parts of 2."""
    cut = op("aten.chunk.default", "a b c", self=X, chunks=4, dim=2)
    net = program({"x": (1, 6, 6, 10)}, [cut, op("aten.relu.default", "y", self=Ref("c"))])
    assert lowered(net, x=(6, 10, 6)).steps[-1].cost.out == ((2, 10, 6),)
    with pytest.raises(SpecError, match=r"cuts 8 into 3 parts of 2$"):
        lowered(net, x=(8, 10, 6))


def test_what_is_copied_into_a_tensor_stretches_to_it():
    """One map of six, a row of ten, and as many: the result is as large as what is written into."""
    for source in ((6, 8, 10), (1, 8, 10), (10,)):
        ops = [
            op("aten.relu.default", "r", self=X),
            op("aten.copy_.default", "c", self=Ref("r"), src=W),
            op("aten.relu.default", "y", self=Ref("r")),
        ]
        assert outs(program(MAP, ops, [weight("w", *source)]))[-1] == (8, 10, 6)


#: Bounds of a slice of 6 channels that has none.
NOTHING = [(0, 0), (4, 2), (6, 9), (-1, -3), (-9, -6)]


@pytest.mark.parametrize(("start", "end"), NOTHING)
def test_a_slice_without_elements_joins_as_nothing(start: int, end: int):
    """Of data and of a parameter; as many channels as before are left."""
    for source in ("r", "w"):
        ops = [
            op("aten.relu.default", "r", self=X),
            op("aten.slice.Tensor", "s", self=Ref(source), dim=1, start=start, end=end),
            op("aten.cat.default", "j", tensors=refs("s", "r"), dim=1),
            op("aten.relu.default", "y", self=Ref("j")),
        ]
        made = steps(program(MAP, ops, [weight("w", 1, 6, 8, 10)]))
        assert [(step.node.op, step.cost.out) for step in made] == [("relu", ((8, 10, 6),))] * 2


def test_slopes_that_are_computed_are_those_of_channels():
    """6 slopes, computed of 6 stored numbers, for 6 channels of 8·10 positions, and for a row of 6."""
    for shape, out in (((1, 6, 8, 10), (8, 10, 6)), ((1, 6, 10), (10, 6)), ((1, 6), (6,))):
        ops = [
            op("aten.abs.default", "s", self=W),
            op("aten.prelu.default", "y", self=X, weight=Ref("s")),
        ]
        net = network(program({"x": shape}, ops, [weight("w", 6)]))
        assert [*net.walked.steps][-1].cost.out == (out,)
        assert net.report().totals.params == 6


def test_elements_repeated_without_an_axis_are_a_vector():
    made = steps(program(SEQUENCE, [op("aten.repeat_interleave.self_int", "y", self=X, repeats=2)]))
    assert made[-1].cost.out == ((2 * 5 * 6,),)


def test_einsum_of_two_activations_is_a_product():
    call = op("aten.einsum.default", "y", equation="bic,bjc->bij", tensors=refs("x", "x"))
    (step,) = steps(program(SEQUENCE, [call]))
    assert (step.node.op, step.cost.macs, step.cost.out) == ("matmul", 5 * 5 * 6, ((5, 5),))


def test_einsum_stretches_sizes_of_1():
    """5 tokens of 6 times 3 matrices of 6 by 5: 3·5·6·5, and the other way round 3·5·6·5 again."""
    for equation, tensors in (("bic,bcj->bij", refs("x", "w")), ("bci,bjc->bij", refs("w", "x"))):
        call = op("aten.einsum.default", "y", equation=equation, tensors=tensors)
        found = steps(program(SEQUENCE, [call], [weight("w", 3, 6, 5)]))
        assert [step.cost.macs for step in found if step.cost.macs] == [3 * 5 * 6 * 5]
        assert found[-1].cost.out == ((3, 5, 5),)


def test_einsum_sums_over_axes_that_one_factor_has_once():
    """A product of 5 by 6 with matrices whose 3 are summed first, which is one of 6 by 4: 5·6·4."""
    call = op("aten.einsum.default", "y", equation="bic,bcj->ij", tensors=refs("x", "w"))
    found = steps(program(SEQUENCE, [call], [weight("w", 3, 6, 4)]))
    assert [step.node.op for step in found] == ["source", "reduce", "reshape", "matmul"]
    assert (found[1].cost.out, found[-1].cost.out, found[-1].cost.macs) == (((1, 6, 4),), ((5, 4),), 5 * 6 * 4)


def test_functions_that_are_spelled_out_are_recognised():
    """x·relu6(x + 3)/6 with two clamps, x·sigmoid(x), and x·(1 + erf(x/√2))/2; numbers stand in the calls."""
    hard_swish = [
        op("aten.add.Tensor", "a", self=X, other=3),
        op("aten.clamp.default", "b", self=Ref("a"), min=0),
        op("aten.clamp.default", "c", self=Ref("b"), min=None, max=6),
        op("aten.mul.Tensor", "d", self=X, other=Ref("c")),
        op("aten.div.Tensor", "y", self=Ref("d"), other=6),
    ]
    silu = [op("aten.sigmoid.default", "a", self=X), op("aten.mul.Tensor", "y", self=X, other=Ref("a"))]
    gelu = [
        op("aten.mul.Tensor", "a", self=X, other=0.5),
        op("aten.div.Tensor", "b", self=X, other=2**0.5),
        op("aten.erf.default", "c", self=Ref("b")),
        op("aten.add.Tensor", "d", self=Ref("c"), other=1.0),
        op("aten.mul.Tensor", "y", self=Ref("a"), other=Ref("d")),
    ]
    for expected, ops in {"hard_swish": hard_swish, "silu": silu, "gelu": gelu}.items():
        assert kinds(program(MAP, ops)) == [expected]


def test_factors_that_are_not_trained_are_buffers():
    net = network(program(MAP, [op("aten.mul.Tensor", "y", self=X, other=W)], [buffer("w", 6, 1, 1)]))
    assert [step.node.op for step in net.walked.steps] == ["scale"]
    assert (net.report().totals.params, net.report().totals.buffers) == (0, 6)


def test_what_says_which_elements_are_taken_is_read():
    """The places of the two largest of five numbers that a layer makes: it is not left out because only places are read."""
    ops = [
        op("aten.linear.default", "scores", input=X, weight=W),
        op("aten.topk.default", "values places", self=Ref("scores"), k=2, dim=-1),
        op("aten.gather.default", "y", self=X, dim=2, index=Ref("places")),
    ]
    net = network(program(SEQUENCE, ops, [weight("w", 5, 6)]))
    assert [step.node.op for step in net.walked.steps if step.node.op != "reshape"][:2] == ["linear", "top_k"]
    assert net.report().totals.macs == 5 * 6 * 5
    (gather,) = [step.node for step in net.walked.steps if step.node.op == "gather"]
    assert gather.inputs[1] == f"{net.walked.steps[1].node.name}:1"


def test_a_state_that_begins_a_sequence_is_computed():
    """A decoder begins with the last state of an encoder; nothing else reads the encoder."""
    names = ("w_ih", "w_hh", "b_ih", "b_hh")
    tensors = [weight(f"{part}.{name}", 6, *rest) for part in "ab" for name, rest in zip(names, [(6,), (6,), (), ()])]
    ops = [
        op("aten.rnn_tanh.input", f"{part}_out {part}_last", input=X, hx=Ref(first), params=refs(*(f"{part}.{name}" for name in names)),
           has_biases=True, num_layers=1, dropout=0.0, train=False, bidirectional=False, batch_first=True)
        for part, first in (("a", "zeros"), ("b", "a_last"))
    ]  # fmt: skip
    ops.insert(0, op("aten.zeros.default", "zeros", size=(1, 1, 6)))
    net = network(program(SEQUENCE, ops, tensors, outputs=["b_out"]))
    assert net.report().totals.macs == 2 * 5 * 6 * 12


def test_sizes_are_computed_with():
    """The height and width of a map of open size become tokens, whatever they are."""
    ops = [
        op("aten.sym_size.int", "high", self=X, dim=2),
        op("aten.sym_size.int", "wide", self=X, dim=3),
        Op("operator.mul", "n", ("high", "wide"), ("n",), {"a": Ref("high"), "b": Ref("wide")}),
        op("aten.view.default", "y", self=X, size=(1, 6, Ref("n"))),
        op("aten.transpose.int", "t", self=Ref("y"), dim0=1, dim1=2),
        op("aten.linear.default", "z", input=Ref("t"), weight=W),
    ]
    imported = program({"x": ("batch", 6, "h", "w")}, ops, [weight("w", 4, 6)])
    for height, width in ((8, 10), (3, 7)):
        assert lowered(imported, x=(height, width, 6)).steps[-1].cost.out == ((height * width, 4),)


RANGES = [
    ({"end": 5.0}, 5), ({"start": 0, "end": 5.5}, 6), ({"start": 0.0, "end": 1.0, "step": 0.1}, 10),
    ({"start": 1.0, "end": 0.0, "step": -0.25}, 4), ({"start": 5, "end": 0, "step": -1}, 5),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "count"), RANGES)
def test_a_range_of_doubles_has_as_many_numbers(arguments: dict[str, Any], count: int):
    ops = [op("aten.arange.start_step", "a", **arguments), op("aten.cat.default", "y", tensors=refs("w", "a"), dim=0)]
    assert outs(program(SEQUENCE, [*ops, op("aten.relu.default", "z", self=Ref("y"))], [weight("w", 3)]))[-1] == (
        3 + count,
    )


#: A first and a last number, steps -> how many numbers there are.
WHOLE_RANGES = [
    ((1, 4, 1), 4),
    ((4, 1, -1), 4),
    ((0.0, 1.0, 0.25), 5),
    ((0, 5.5, 1), 6),
    ((0, 7, 3), 3),
]


@pytest.mark.parametrize(("numbers", "count"), WHOLE_RANGES)
def test_a_range_that_puts_out_its_last_number(numbers: tuple[float, float, float], count: int):
    start, end, step = numbers
    ops = [
        op("aten.range.step", "a", start=start, end=end, step=step),
        op("aten.cat.default", "y", tensors=refs("w", "a"), dim=0),
        op("aten.relu.default", "z", self=Ref("y")),
    ]
    assert outs(program(SEQUENCE, ops, [weight("w", 3)]))[-1] == (3 + count,)


def test_a_range_to_an_open_size_that_is_put_out():
    """0, 2, 4, 6, 8 for a height of 8, and no further for one of 9."""
    ops = [
        op("aten.sym_size.int", "n", self=X, dim=2),
        op("aten.range.step", "a", start=0, end=Ref("n"), step=2),
        op("aten.cat.default", "y", tensors=refs("w", "a"), dim=0),
        op("aten.relu.default", "z", self=Ref("y")),
    ]
    net = program({"x": (1, 6, "h", 10)}, ops, [weight("w", 3)])
    assert [lowered(net, x=(high, 10, 6)).steps[-1].cost.out for high in (8, 9)] == [((3 + 5,),), ((3 + 5,),)]
    h = sympy.Symbol("h", integer=True, positive=True)
    assert lowered(net, x=(h, 10, 6)).steps[-1].cost.out[0][0].subs(h, 8) == 8


def test_a_range_in_steps_of_nothing_is_refused():
    for step in (0, 0.0):
        ops = [
            op("aten.arange.start_step", "a", start=0, end=5, step=step),
            op("aten.add.Tensor", "y", self=X, other=Ref("a")),
        ]
        with pytest.raises(SpecError, match=r"^net.pt2: aten.arange a: counts in steps of 0$"):
            outs(program(SEQUENCE, ops))


@pytest.mark.parametrize(("half", "size"), [(0.5, 3), (0.25, 1)])
def test_a_known_number_that_is_made_an_integer_is_cut_off(half: float, size: int):
    ops = [
        op("aten.scalar_tensor.default", "s", s=7), op("aten.mul.Tensor", "m", self=Ref("s"), other=half),
        op("aten.to.dtype", "i", self=Ref("m"), dtype=5), op("aten.item.default", "n", self=Ref("i")),
        op("aten.slice.Tensor", "y", self=X, dim=1, start=0, end=Ref("n")),
    ]  # fmt: skip
    model = program(SEQUENCE, ops).model
    net = Imported(replace(model, body=replace(model.body, stated={"i": Stated((), "int64")})))
    assert outs(net)[-1] == (size, 6)


SEVEN = op("aten.scalar_tensor.default", "s", s=-7)
#: What makes a known number of -7, at which a sequence of five rows is cut -> rows that are left.
CUT_AT: dict[str, tuple[Op, int | str]] = {
    "a quotient that is rounded down": (op("aten.floor_divide.default", "k", self=Ref("s"), other=2), 4),  # -4
    "a quotient by nothing": (op("aten.floor_divide.default", "k", self=Ref("s"), other=0), "is not known"),
    "a sum with twice the other": (op("aten.add.Tensor", "k", self=Ref("s"), other=5, alpha=2), "computed from data"),  # 3
    "a sum with the other once": (op("aten.add.Tensor", "k", self=Ref("s"), other=5, alpha=1), 2),  # -2
    "what another is taken from twice": (op("aten.rsub.Scalar", "k", self=Ref("s"), other=5, alpha=2), "computed from data"),
    "another number in its place": (op("aten.fill_.Scalar", "k", self=Ref("s"), value=-3), 3),
    "a known tensor in its place": (op("aten.fill_.Tensor", "k", self=Ref("s"), value=Ref("s")), 5),  # more than there are
    "nothing in its place": (op("aten.zero_.default", "k", self=Ref("s")), 5),
    "chance in its place": (op("aten.bernoulli_.float", "k", self=Ref("s"), p=0.5), "computed from data"),
}  # fmt: skip


@pytest.mark.parametrize("name", CUT_AT)
def test_a_known_number_is_what_the_op_makes_of_it(name: str):
    made, rows = CUT_AT[name]
    ops = [SEVEN, made, op("aten.item.default", "n", self=Ref("k")), op("aten.slice.Tensor", "y", self=X, dim=1, start=Ref("n"))]  # fmt: skip
    last = steps(program(SEQUENCE, [*ops, op("aten.relu.default", "z", self=Ref("y"))]))
    if isinstance(rows, int):
        assert last[-1].cost.out == ((rows, 6),)
    else:
        assert rows in last[0].node.attrs["why"]


def test_a_known_number_that_is_repeated_is_known_in_each_place():
    ops = [
        op("aten.scalar_tensor.default", "s", s=-2), op("aten.expand.default", "e", self=Ref("s"), size=(3,)),
        op("aten.select.int", "k", self=Ref("e"), dim=0, index=2), op("aten.item.default", "n", self=Ref("k")),
        op("aten.slice.Tensor", "y", self=X, dim=1, start=Ref("n")),
    ]  # fmt: skip
    assert outs(program(SEQUENCE, ops))[-1] == (2, 6)


def test_every_function_of_sizes_is_one_of_python():
    assert all(name.split(".")[0] in ("operator", "math", "torch") for name in ARITHMETIC)


#: A scale, and what it makes of sizes of 100 and of 300.
SCALES = [(0.29, 28, 87), (0.57, 56, 170), (1.15, 114, 345), (2.3, 229, 690), (1.5, 150, 450), (1 / 3, 33, 100)]


@pytest.mark.parametrize(("scale", "small", "large"), SCALES)
def test_a_scale_is_a_double(scale: float, small: int, large: int):
    """0.29 · 100 is 28.999999999999996 there, and cut off to 28; 0.29 · 300 is 87. In a sweep it is the same."""
    arguments = {"input": X, "output_size": None, "scale_factors": (scale, scale)}
    net = program({"x": ("batch", 6, "h", "w")}, [op("aten.upsample_nearest2d.vec", "y", **arguments)])
    resolutions = [99, 100, 101, 300]
    single = [lowered(net, x=(high, high, 6)).steps[-1].cost.out[0] for high in resolutions]
    assert (single[1], single[3]) == ((small, small, 6), (large, large, 6))
    swept = network(net, resolution=100).sweep(resolution=resolutions)
    assert swept.activations.tolist() == [high * wide * 6 for high, wide, _ in single]


def test_products_are_rounded_as_floating_point_rounds_them():
    """Of sizes and scales that are drawn: decimals, reciprocals and quotients are those that come near an integer."""
    draw = random.Random(29)
    for _ in range(3000):
        size, a, b = draw.randint(1, 5000), draw.randint(1, 60), draw.randint(1, 60)
        scale = draw.choice([a / b, 1 / a, round(draw.uniform(0.01, 4), 2)])
        assert scaled(size, Fraction(scale), 53) == int(size * scale), (size, scale)
        (single,) = struct.unpack("<f", struct.pack("<f", scale))
        (product,) = struct.unpack("<f", struct.pack("<f", size * single))
        assert scaled(size, Fraction(single), 24) == int(product), (size, single)


def test_a_scale_of_a_sequence_holds_at_any_length():
    """Ops that were taken apart have the size that was asked for, and the scale that it came from."""
    call_ = op("aten.upsample_linear1d.default", "y", self=X, output_size=(12,), align_corners=False, scales=2.0)
    net = program({"x": (1, 8, 6)}, [call_])
    assert [lowered(net, x=(length, 8)).steps[-1].cost.out[0] for length in (6, 9)] == [(12, 8), (18, 8)]


def test_products_of_sizes_and_doubles_are_doubles():
    ops = [
        op("aten.sym_size.int", "high", self=X, dim=2),
        Op("operator.mul", "part", ("high",), ("part",), {"a": Ref("high"), "b": 0.29}),
        Op("math.trunc", "n", ("part",), ("n",), {"a": Ref("part")}),
        op("aten.slice.Tensor", "y", self=X, dim=2, start=0, end=Ref("n")),
    ]
    net = program({"x": ("batch", 6, "h", "w")}, ops)
    assert [lowered(net, x=(high, 10, 6)).steps[-1].cost.out[0] for high in (100, 300)] == [(28, 10, 6), (87, 10, 6)]


def of_sizes(name: str, result: str, a: Any, b: Any = None) -> Op:
    """A function of Python of one or two numbers."""
    given = {"a": a} | ({} if b is None else {"b": b})
    return Op(name, result, tuple(one.name for one in given.values() if isinstance(one, Ref)), (result,), given)


HALVED = of_sizes("operator.truediv", "half", Ref("high"), 2)
#: What a program does with a height, and rows that are left of some.
QUOTIENTS: dict[str, tuple[list[Op], dict[int, int]]] = {
    # 100.0 * 0.29 is 28.999999999999996, and 300.0 * 0.29 is 87.0
    "a product with a half": ([HALVED, of_sizes("operator.mul", "part", Ref("half"), 0.29)], {200: 28, 202: 29, 600: 87}),
    # 99 / 49 is 2.0204081632653060…, and 49 times that 98.99999999999999; 100 / 49 * 49 is 100.0
    "a quotient and back": (
        [of_sizes("operator.truediv", "part", Ref("high"), 49), of_sizes("operator.mul", "part2", Ref("part"), 49)],
        {99: 98, 100: 100, 196: 196},
    ),
    "a quotient of a quotient": (
        [HALVED, of_sizes("operator.truediv", "third", Ref("half"), 3), of_sizes("operator.add", "more", Ref("third"), 0.5)],
        {99: 17, 100: 17, 102: 17, 103: 17, 105: 18},
    ),
    "a half and one": ([HALVED, of_sizes("operator.add", "more", Ref("half"), 1)], {99: 50, 100: 51, 101: 51}),
}  # fmt: skip


@pytest.mark.parametrize("case", QUOTIENTS)
def test_what_is_computed_of_quotients_is_a_double_at_each_point(case: str):
    made, rows = QUOTIENTS[case]
    ops = [
        op("aten.sym_size.int", "high", self=X, dim=2), *made, of_sizes("math.trunc", "n", Ref(made[-1].outputs[0])),
        op("aten.slice.Tensor", "y", self=X, dim=2, start=0, end=Ref("n")), op("aten.relu.default", "z", self=Ref("y")),
    ]  # fmt: skip
    net = program({"x": ("batch", 6, "h", "w")}, ops)
    assert {high: lowered(net, x=(high, 10, 6)).steps[-1].cost.out[0][0] for high in rows} == rows
    swept = network(net, resolution=100).sweep(resolution=[*rows])
    assert swept.activations.tolist() == [count * high * 6 for high, count in rows.items()]


#: A step, and how many numbers there are from 0 to a height: 161 / 0.7 is 230.00000000000003 in doubles.
RANGES_TO_SIZES = [(0.5, {99: 198, 100: 200}), (1.5, {99: 66, 100: 67}), (0.7, {99: 142, 161: 231, 168: 241})]


@pytest.mark.parametrize(("step", "counts"), RANGES_TO_SIZES)
def test_a_range_to_a_size_in_steps_of_a_double_has_as_many_numbers_in_a_sweep(step: float, counts: dict[int, int]):
    ops = [
        op("aten.sym_size.int", "high", self=X, dim=2),
        op("aten.arange.start_step", "a", start=0, end=Ref("high"), step=step),
        op("aten.cat.default", "y", tensors=refs("w", "a"), dim=0),
        op("aten.relu.default", "z", self=Ref("y")),
        op("aten.relu.default", "r", self=X),
    ]
    net = program({"x": ("batch", 6, "h", "w")}, ops, [weight("w", 3)], outputs=["z", "r"])
    for high, count in counts.items():
        assert ((3 + count,),) in [step.cost.out for step in lowered(net, x=(high, high, 6)).steps]
    swept = network(net, resolution=100).sweep(resolution=[*counts])
    made = [2 * (3 + count) + 6 * high * high for high, count in counts.items()]  # joined, and behind a ReLU
    assert swept.activations.tolist() == made


# ---- other sizes -----------------------------------------------------------------------------------------------------


def test_what_the_program_fixes_at_its_own_size_is_refused_elsewhere():
    cut = program(MAP, [op("aten.slice.Tensor", "y", self=X, dim=3, start=0, end=9)])
    interpolated = program(
        MAP, [op("aten.upsample_nearest2d.vec", "y", input=X, output_size=(16, 20), scale_factors=None)]
    )
    for imported in (cut, interpolated):
        assert network(imported).report().complete
        with pytest.raises(SpecError, match="export it with open sizes"):
            lowered(imported, x=(16, 20, 6))


def test_places_of_a_turned_grid_are_as_many_as_the_map_has():
    """A map is sampled at as many places as it has positions, which the program has written down."""
    ops = [
        op("aten.adaptive_avg_pool2d.default", "one", self=X, output_size=(1, 1)),
        op("aten.flatten.using_ints", "flat", self=Ref("one"), start_dim=1),
        op("aten.linear.default", "six", input=Ref("flat"), weight=W),
        op("aten.view.default", "theta", self=Ref("six"), size=(-1, 2, 3)),
        op("aten.affine_grid_generator.default", "grid", theta=Ref("theta"), size=(1, 6, 8, 10), align_corners=False),
    ]
    sample = op("aten.grid_sampler.default", "y", input=X, grid=Ref("grid"), interpolation_mode=0)
    net = program(MAP, [*ops, sample], [weight("w", 6, 6)])
    for high, wide in ((8, 10), (12, 20)):
        made = lowered(net, x=(high, wide, 6)).steps
        assert made[-1].cost.out == ((high, wide, 6),)
        assert sum(step.cost.macs for step in made) == 36 + high * wide * 3 * 2


def test_a_token_that_is_cut_off_is_at_any_size():
    ops = [
        op("aten.slice.Tensor", "y", self=X, dim=1, start=1, end=5),
        op("aten.select.int", "z", self=X, dim=1, index=0),
    ]
    imported = program(SEQUENCE, ops, outputs=["y", "z"])
    assert lowered(imported, x=(9, 6)).steps[0].cost.out == ((8, 6),)


# ---- what is not known, and what is wrong ----------------------------------------------------------------------------


def test_what_depends_on_data_is_unknown_and_what_is_behind_it_too():
    ops = [
        op("aten.nonzero.default", "n", self=X),
        op("aten.relu.default", "y", self=Ref("n")),
    ]
    report = network(program(MAP, ops, stated={"n": ("u0", 4), "y": ("u0", 4)})).report()
    assert not report.complete
    assert [step.node.op for step in network(program(MAP, ops)).walked.steps] == ["unknown", "unknown"]


def test_boxes_are_unknown_and_have_the_shape_that_the_program_states():
    ops = [
        Op("torchvision.nms", "keep", ("x",), ("keep",), {"dets": X, "scores": X, "iou_threshold": 0.5}),
        op("aten.relu.default", "y", self=Ref("keep")),
    ]
    found = steps(program({"x": (10, 4)}, ops, stated={"keep": (7,)}))
    assert [step.node.op for step in found] == ["unknown", "relu"]
    assert found[1].cost.out == ((7,),)


WRONG: list[tuple[list[Op], list[Stored], str]] = [
    ([op("aten.relu.default", "y")], [], "needs the argument self"),
    ([op("aten.linear.default", "y", input=X, weight=W)], [weight("w", 4, 5)], "the file stores 20 weights, but its input takes 40"),
    ([op("aten.conv2d.default", "y", input=X, weight=W, stride=(0, 1))], [weight("w", 4, 6, 3, 3)], "stride must be >= 1, got 0"),
    ([op("aten.view.default", "y", self=X, size=(7, 7))], [], "reshapes 1×6×8×10 to 7×7, which has other elements"),
    ([op("aten.permute.default", "y", self=X, dims=(0, 0, 1, 2))], [], "puts axes into the order"),
    ([op("aten.unsqueeze.default", "y", self=X, dim=9)], [], "there is no axis 9 of a tensor of 5"),
    ([op("aten.unflatten.int", "y", self=X, dim=1, sizes=(-2, -3))], [], "asks for a shape of -2, -3$"),
    ([op("aten.split.Tensor", "y z w", self=X, split_size=4, dim=1)], [], "cuts 6 into 3 parts of 4"),
    ([Op("operator.floordiv", "n", (), ("n",), {"a": 1, "b": 0}), op("aten.view.default", "y", self=X, size=(Ref("n"), 480))], [], "divides by 0"),
    ([Op("operator.mul", "n", (), ("n",), {"a": 2**40, "b": 2**40}), op("aten.view.default", "y", self=X, size=(Ref("n"),))], [], "more than 64 bits"),
]  # fmt: skip


@pytest.mark.parametrize(("ops", "tensors", "said"), WRONG)
def test_what_contradicts_itself_is_said_in_one_line(ops: list[Op], tensors: list[Stored], said: str):
    with pytest.raises(ConvcostError, match=said) as error:
        _ = network(program(MAP, ops, tensors)).walked
    assert "\n" not in str(error.value)
    assert "net.pt2: " in str(error.value)


#: Arguments that no tensor of 1, 6, 8 and 10 elements fits -> what is said.
OUT_OF_RANGE: list[tuple[str, str, dict[str, Any], str]] = [
    ("select.int", "y", {"self": X, "dim": 2, "index": 8}, "chooses element 8 of an axis of 8"),
    ("select.int", "y", {"self": X, "dim": 2, "index": -9}, "chooses element -9 of an axis of 8"),
    ("narrow.default", "y", {"self": X, "dim": 2, "start": -9, "length": 2}, "chooses element -9 of an axis of 8"),
    ("unfold.default", "y", {"self": X, "dimension": 2, "size": 3, "step": 0}, "takes windows of 3 in steps of 0 along an axis of 8"),
    ("unfold.default", "y", {"self": X, "dimension": 2, "size": 9, "step": 1}, "takes windows of 9 in steps of 1 along an axis of 8"),
    ("unfold.default", "y", {"self": X, "dimension": 4, "size": 3, "step": 1}, "there is no axis 4 of a tensor of 4"),
    ("slice.Tensor", "y", {"self": X, "dim": 1, "start": 0, "end": 4, "step": 0}, "step must be >= 1, got 0"),
    ("slice.Tensor", "y", {"self": X, "dim": 4, "start": 0, "end": 4}, "there is no axis 4 of a tensor of 4"),
    ("select.int", "y", {"self": X, "dim": -5, "index": 0}, "there is no axis -5 of a tensor of 4"),
    ("select.int", "y", {"self": X, "dim": 1}, "needs the argument index"),
    ("narrow.default", "y", {"self": X, "dim": 1, "start": 0}, "needs the argument length"),
    ("softmax.int", "y", {"self": X, "dim": 4}, "there is no axis 4 of a tensor of 4"),
    ("softmax.int", "y", {"self": X}, "needs the argument dim"),
    ("cumsum.default", "y", {"self": X, "dim": 7}, "there is no axis 7 of a tensor of 4"),
    ("glu.default", "y", {"self": X, "dim": 9}, "there is no axis 9 of a tensor of 4"),
    ("sum.dim_IntList", "y", {"self": X, "dim": (4,)}, "there is no axis 4 of a tensor of 4"),
    ("topk.default", "y z", {"self": X, "k": 2, "dim": -5}, "there is no axis -5 of a tensor of 4"),
    ("cat.default", "y", {"tensors": (X, X), "dim": 4}, "there is no axis 4 of a tensor of 4"),
    ("cat.default", "y", {"tensors": (), "dim": 0}, "joins no tensors"),
    ("cat.default", "y", {"tensors": (X, W), "dim": 1}, "joins tensors of 4 and 3 axes"),
    ("chunk.default", "y z", {"self": X, "chunks": 0, "dim": 1}, "chunks must be >= 1, got 0"),
    ("split.Tensor", "y z", {"self": X, "split_size": 3, "dim": 5}, "there is no axis 5 of a tensor of 4"),
    ("tensor_split.sections", "y z", {"self": X, "sections": 3, "dim": 1}, "cuts into 3 parts, and makes 2"),
    ("unflatten.int", "y", {"self": X, "dim": 1, "sizes": (0, -1)}, "asks for a shape of 0, -1, which has no elements"),
    ("flatten.using_ints", "y", {"self": X, "start_dim": 3, "end_dim": 1}, "merges axes from 3 to 1"),
    ("permute.default", "y", {"self": X, "dims": (0, 1, 2, 4)}, "there is no axis 4 of a tensor of 4"),
    ("transpose.int", "y", {"self": X, "dim0": 1, "dim1": 4}, "there is no axis 4 of a tensor of 4"),
    ("movedim.intlist", "y", {"self": X, "source": (0, 1), "destination": (2, 2)}, "moves axes (0, 1) to (2, 2)"),
    ("rot90.default", "y", {"self": X, "k": 1, "dims": (2, 2)}, "turns a plane of two axes, got (2, 2)"),
    ("roll.default", "y", {"self": X, "shifts": (1,), "dims": (4,)}, "there is no axis 4 of a tensor of 4"),
    ("index_select.default", "y", {"self": X, "dim": 6, "index": W}, "there is no axis 6 of a tensor of 4"),
    ("expand.default", "y", {"self": X, "size": (3, -1, -1)}, "stretches 1×6×8×10 to 3×-1×-1"),
    ("expand.default", "y", {"self": X, "size": (-1, 1, 6, 8, 10)}, "stretches 1×6×8×10 to -1×1×6×8×10"),
    ("pad.default", "y", {"self": X, "pad": (1, 1, 1)}, "takes two numbers for each axis that is padded, got 3 for a tensor of 4"),
    ("upsample_nearest2d.vec", "y", {"input": X, "output_size": (12, 5, 3)}, "asks for 3 sizes along 2 axes"),
    ("layer_norm.default", "y", {"input": X, "normalized_shape": (1, 1, 6, 8, 10)}, "takes the norm along 5 axes of a tensor of 4"),
    ("zeros.default", "y", {"size": (3, -4)}, "makes a tensor of 3×-4, which is no shape"),
    ("embedding.default", "y", {"weight": W, "indices": X}, "weight must have 2 axes, got 3"),
    ("max_pool2d.default", "y", {"self": V, "kernel_size": (2, 2)}, "takes windows along 2 axes beside the channels, of a tensor of 1"),
]  # fmt: skip


@pytest.mark.parametrize(("target", "makes", "arguments", "said"), OUT_OF_RANGE)
def test_arguments_out_of_range_are_refused_in_words(target: str, makes: str, arguments: dict[str, Any], said: str):
    call_ = op(f"aten.{target}", makes, **arguments)
    behind = op("aten.mul.Tensor", "last", self=X, other=Ref("y"))
    tensors = [weight("w", 6, 8, 10), weight("v", 6)]
    with pytest.raises(ConvcostError) as error:
        _ = network(program(MAP, [call_, behind], tensors)).walked
    assert str(error.value) == f"net.pt2: {call_.type} {'w.y' if 'embedding' in target else 'y'}: {said}"


JUNK = [
    None,
    True,
    -1,
    0,
    2,
    9,
    2**40,
    2**70,
    1.5,
    float("inf"),
    "",
    "same",
    X,
    (),
    (0,),
    (2, 2),
    (-1, -1),
    (X,),
    ((1,),),
]


def test_arguments_of_any_kind_end_in_numbers_or_in_an_error_for_people():
    random_ = random.Random(15)
    ends = {"built": 0, "refused": 0}
    for _ in range(1500):
        target, arguments, tensors, *_ = random_.choice(ONES)
        changed = {**arguments, random_.choice([*arguments]): random_.choice(JUNK)}
        imported = program(MAP, [op(f"aten.{target}", "y", **changed)], tensors)
        ends[outcome(imported)] += 1
    assert min(ends.values()) > 100


def outcome(imported: Any) -> str:
    """Whether a program becomes a graph, or is refused in one line."""
    try:
        lowered(imported, x=(8, 10, 6))
    except ConvcostError as error:
        return "refused" if "\n" not in str(error) else "refused at length"
    return "built"


def test_numbers_that_double_their_digits_end():
    """A constant that is multiplied with itself 80 times, and one that is joined with itself."""
    squares = [op("aten.mul.Tensor", f"c{i + 1}", self=Ref(f"c{i}"), other=Ref(f"c{i}")) for i in range(80)]
    joined = [op("aten.cat.default", f"d{i + 1}", tensors=refs(f"d{i}", f"d{i}"), dim=0) for i in range(80)]
    tensors = [buffer("c0", 1, dtype="int64", contents=(3,)), buffer("d0", 1, dtype="int64", contents=(3,))]
    last = op("aten.add.Tensor", "y", self=X, other=Ref("c80"))
    assert network(program(MAP, [*squares, last], tensors)).report().complete
    last = op("aten.add.Tensor", "y", self=X, other=Ref("d80"))
    with pytest.raises(ConvcostError):
        _ = network(program(MAP, [*joined, last], tensors)).walked


def test_what_varies_does_not_become_weights():
    """Filters that are computed from the input are read as such."""
    ops = (
        op("aten.mul.Tensor", "f", self=W, other=X),
        op("aten.conv2d.default", "y", input=X, weight=Ref("f")),
    )
    body = program(MAP, ops, [weight("w", 6, 6, 8, 10)]).model.body
    assert become_weights(body) == frozenset()


# ---- how calls are written -------------------------------------------------------------------------------------------

NET, LAYER = "net.Net", "torch.nn.modules"
ATTENTION = f"{LAYER}.activation.MultiheadAttention"
FN, METHOD = "builtin_function_or_method", "method_descriptor"
WRITTEN: list[tuple[str, str, str, str, str]] = [
    # operator, class of the innermost module, what was called, the line of source -> form
    ("conv2d.default", f"{LAYER}.conv.Conv2d", f"{FN}.conv2d", "", "module"),
    ("conv2d.default", "net.PaddedConv2d", f"{FN}.conv2d", "", "derived"),
    ("relu.default", f"{LAYER}.activation.ReLU", "function.relu", "", "module"),
    ("relu_.default", NET, "function.relu", "", "functional"),
    ("relu.default", NET, f"{METHOD}.relu", "", "method"),
    ("relu.default", NET, f"{FN}.relu", "", "method"),
    ("gelu.default", NET, f"{FN}.gelu", "", "functional"),
    ("relu.default", f"{LAYER}.transformer.TransformerEncoderLayer", "function.relu", "", "functional"),
    ("softmax.int", NET, f"{METHOD}.softmax", "", "method"),
    ("softmax.int", NET, "function.softmax", "", "functional"),
    ("softmax.int", NET, "", "", "functional"),
    ("mean.dim", NET, f"{METHOD}.mean", "", "mean"),
    ("mean.dim", f"{LAYER}.pooling.AdaptiveAvgPool2d", "", "", "module"),
    ("adaptive_avg_pool2d.default", NET, "function.adaptive_avg_pool2d", "", "functional"),
    ("upsample_bilinear2d.vec", NET, "function.interpolate", "", "functional"),
    ("add.Tensor", NET, f"{METHOD}.add", "", "module"),
    ("add_.Tensor", NET, f"{METHOD}.add_", "x += y", "module"),
    ("add.Tensor", NET, f"{FN}.add", "", "functional"),
    ("mul.Tensor", NET, f"{METHOD}.mul", "return x.mul(y)", "functional"),
    ("matmul.default", NET, f"{METHOD}.matmul", "return q @ k", "module"),
    ("matmul.default", NET, f"{METHOD}.matmul", "return q.matmul(k)", "functional"),
    ("matmul.default", NET, f"{METHOD}.matmul", "return attend(", ""),
    ("matmul.default", NET, "operator.matmul", "return attend(", "module"),
    ("bmm.default", NET, f"{METHOD}.bmm", "", "functional"),
    ("scaled_dot_product_attention.default", NET, "", "", "attention"),
    ("scaled_dot_product_attention.default", ATTENTION, "", "", "fused"),
    ("linear.default", ATTENTION, "", "", "fused"),
    ("bmm.default", ATTENTION, "", "", "unfused"),
    ("view.default", ATTENTION, "", "", "module"),
    ("linear.default", f"{LAYER}.linear.NonDynamicallyQuantizableLinear", "", "", "derived"),
    ("sub.Tensor", NET, f"{METHOD}.sub", "", "module"),
    ("conv2d.default", "", "", "", ""),
]


@pytest.mark.parametrize(("target", "module", "function", "line", "form"), WRITTEN)
def test_how_a_call_is_written(target: str, module: str, function: str, line: str, form: str):
    place = Place(module=module, function=function, line=line)
    assert op(f"aten.{target}", "y", "a.b", place, weight=Ref("a.b.weight")).form == form


def test_weights_of_another_module_are_those_of_a_function():
    """A call in a module that holds the layer whose weights it takes, and one in a module that holds other layers."""
    place = Place(("a",), "net.Net")
    calls = [(weights, {"a.b"}) for weights in ("a.b.weight", "a.weight")]
    found = [call("torch.ops.aten.linear.default", "y", {"weight": Ref(w)}, ["y"], place, own).form for w, own in calls]
    assert found == ["functional", "functional"]
    assert holders(["a.weight", "a.b.weight"]) == {"a.b"}


def test_nodes_have_the_forms_of_their_calls():
    """Attention by a function, and in a module that returns its weights; a mean that is a pool, and one that is none."""
    within, function = Place(module=ATTENTION), Place(module=NET)
    ops = [
        op("aten.linear.default", "q", "attn", within, input=X, weight=W),
        op(
            "aten.scaled_dot_product_attention.default", "a", "", function, query=Ref("q"), key=Ref("q"), value=Ref("q")
        ),
        op("aten.bmm.default", "b", "attn", within, self=Ref("a"), mat2=Ref("a")),
        op("aten.mean.dim", "c", "", function, self=Ref("b"), dim=(2,), keepdim=True),
        op("aten.relu.default", "d", "", Place(module=f"{LAYER}.activation.ReLU"), self=Ref("c")),
        op("aten.mean.dim", "y", "", function, self=Ref("d"), dim=(1,)),
    ]
    net = network(program({"x": (1, 6, 6)}, ops, [weight("w", 6, 6)]))
    found = [(step.node.op, step.node.form) for step in net.walked.steps if step.traits.view == "none"]
    assert found == [
        ("linear", "fused"),
        *(("matmul", "attention"), ("softmax", "attention"), ("matmul", "attention")),
        ("matmul", "unfused"),
        ("reduce", ""),
        ("relu", ""),
        ("global_avg_pool", "mean"),
    ]
    # thop sees modules: none but the ReLU, of which it counts nothing. A product is 6·6·6; fvcore counts the linear layer and
    # the product in the module that returns its weights, but neither what the function multiplies nor a mean
    assert net.report("thop").totals.operations == 0
    assert net.report("fvcore").totals.operations == 216 + 216
    assert all("written" not in remark for remark in net.report("thop").remarks)


def test_a_report_says_that_a_file_does_not_say_how_layers_are_written():
    ops = [op("aten.relu.default", "h", self=X), op("aten.linear.default", "y", input=Ref("h"), weight=W)]
    net = network(program(SEQUENCE, ops, [weight("w", 6, 6)]))
    taken, said = "taken as modules, or operators between tensors:", "and the file does not say what was written"
    assert net.report("thop").remarks == (f"{taken} linear; thop counts functions otherwise, {said}",)
    assert net.report("ptflops").remarks == (f"{taken} relu, linear; ptflops counts functions otherwise, {said}",)
    for name in ("paper", "with_bias", "torch", "torchprofile"):
        assert net.report(name).remarks == ()
    limits = net.reconcile("paper", "thop").limits
    assert ("thop", "linear") in [limit[:2] for limit in limits]


def test_views_of_views_are_written_back_in_time():
    """A tensor is changed three times through 1,500 views of each other, the first of which is read behind."""
    last = Ref("v1499")
    views = [
        op("aten.slice.Tensor", f"v{i}", self=Ref(f"v{i - 1}") if i else Ref("b"), dim=2, start=0, end=2**63 - 1)
        for i in range(1500)
    ]
    changes = [op("aten.relu_.default", f"z{i}", self=last) for i in range(3)]
    ops = [op("aten.clone.default", "b", self=X), *views, *changes, op("aten.relu.default", "y", self=Ref("b"))]
    begun = process_time()
    net = program(MAP, ops)
    assert process_time() - begun < 2
    assert sum(one.type == WRITE_BACK for one in net.model.body.ops) == 3 * 1500
    assert net.model.body.ops[-1].inputs == (net.model.body.ops[-2].outputs[0],)


def test_views_that_are_followed_are_bounded():
    """200 changes through 200 views of each other are 40,000 steps, whether anything reads these behind or not."""
    ops = [op("aten.clone.default", "v", self=X)]
    for i in range(200):
        ops.append(op("aten.slice.Tensor", f"v{i}", self=Ref(ops[-1].outputs[0]), dim=2, start=0, end=8))
    ops += [op("aten.relu_.default", f"z{i}", self=Ref("v199")) for i in range(200)]
    for read in ("v", "x"):
        with pytest.raises(Unfit, match=r"^a program may have 25,000 views followed that it changes$"):
            program(MAP, [*ops, op("aten.relu.default", "y", self=Ref(read))])
