"""From ops of a file to nodes: which nodes there are, in what order of axes, and what they store; all numbers by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from time import process_time

import pytest
import sympy
from helpers.foreign import integers, kinds, lowered, model, network, number, op, outs, steps, stored, walked

from convcost.core.errors import SpecError
from convcost.importers.imported import Entry, Imported
from convcost.importers.model import Op, Stated

IMAGE = {"x": (1, 3, 32, 48)}


def test_channels_come_last_and_the_batch_is_left_out() -> None:
    net = model(
        IMAGE, [op("Conv", "x w b", "y", strides=(2, 2), pads=(1, 1, 1, 1))], [stored("w", 8, 3, 3, 3), stored("b", 8)]
    )
    (step,) = steps(net)
    assert walked(net).graph.inputs == {"x": (32, 48, 3)}
    assert step.cost.out == ((16, 24, 8),)
    assert step.cost.macs == 16 * 24 * 8 * 27
    assert step.params == 8 * 27 + 8


def test_a_flatten_reads_the_map_as_it_is() -> None:
    """The order of channels and positions in memory is the file's own, so that nothing is moved."""
    net = model(
        IMAGE,
        [op("Relu", "x", "r"), op("Flatten", "r", "f"), op("Gemm", "f w b", "y", transB=1)],
        [stored("w", 10, 32 * 48 * 3), stored("b", 10)],
    )
    assert kinds(net) == ["relu", "flatten", "linear"]
    assert steps(net)[-1].cost.macs == 10 * 32 * 48 * 3


def test_transposing_to_channels_last_and_back_is_nothing() -> None:
    net = model(
        IMAGE,
        [
            op("Conv", "x w", "c", pads=(1, 1, 1, 1)),
            op("Transpose", "c", "t", perm=(0, 2, 3, 1)),
            op("MatMul", "t m", "l"),
            op("Transpose", "l", "u", perm=(0, 3, 1, 2)),
            op("Add", "u c", "y"),
        ],
        [stored("w", 8, 3, 3, 3), stored("m", 8, 8)],
    )
    assert kinds(net) == ["conv2d", "linear", "add"]
    assert outs(net) == [(32, 48, 8)] * 3


def attention(heads: int = 4, tokens: int = 50, width: int = 64) -> Imported:
    each = width // heads
    ops = []
    for one in "qkv":
        ops += [op("MatMul", f"x w{one}", one), op("Reshape", f"{one} cut", f"{one}h")]
    ops += [
        op("Transpose", "qh", "qt", perm=(0, 2, 1, 3)),
        op("Transpose", "kh", "kt", perm=(0, 2, 3, 1)),
        op("Transpose", "vh", "vt", perm=(0, 2, 1, 3)),
        op("MatMul", "qt kt", "s"),
        op("MatMul", "s vt", "o"),
        op("Transpose", "o", "ot", perm=(0, 2, 1, 3)),
        op("Reshape", "ot join", "y"),
    ]
    tensors = [stored(f"w{one}", width, width) for one in "qkv"]
    tensors += [integers("cut", 1, tokens, heads, each), integers("join", 1, tokens, width)]
    return model({"x": (1, tokens, width)}, ops, tensors)


def test_heads_are_moved_before_the_tokens_once_each() -> None:
    """Three transpositions make heads of queries, keys and values, one puts them back; keys need no second one."""
    found = steps(attention())
    assert [step.node.op for step in found].count("transpose") == 4
    assert [step.cost.out[0] for step in found if step.node.op == "matmul"] == [(4, 50, 50), (4, 50, 16)]
    assert sum(step.cost.macs for step in found) == 3 * 50 * 64 * 64 + 2 * 4 * 50 * 50 * 16
    assert found[-1].cost.out == ((50, 64),)


def test_what_is_only_moved_keeps_its_type() -> None:
    """Heads of half precision are moved as such, whatever views stand between; so is an input of bytes."""
    half = {
        one: Stated(None, "fp16") for one in ("q", "k", "v", "qh", "kh", "vh", "qt", "kt", "vt", "s", "o", "ot", "y")
    }
    body = attention().model.body
    found = steps(Imported(replace(attention().model, body=replace(body, stated=half))))
    moved = [step for step in found if step.node.op == "transpose"]
    assert [step.node.dtypes for step in moved] == [{"outputs": "fp16"}] * 4
    turned = [
        op("Transpose", "x", "t", perm=(0, 3, 1, 2)),
        op("Reshape", "t rows", "r"),
        op("Gemm", "r w b", "y", transB=1),
    ]
    net = model({"x": (1, 8, 9, 3)}, turned, [stored("w", 10, 216), stored("b", 10), integers("rows", 1, -1)])
    body = replace(net.model.body, inputs={"x": Stated((1, 8, 9, 3), "uint8")})
    first = steps(Imported(replace(attention().model, body=body)))[0]
    assert (first.node.op, first.node.dtypes) == ("transpose", {"outputs": "uint8"})


@pytest.mark.parametrize(
    ("other", "kind", "counted"),
    [
        ((1, 8, 1, 1), "multiply", 32 * 48 * 8),
        ((1, 1, 32, 48), "multiply", 32 * 48 * 8),
    ],
)
def test_gates_are_aligned_by_the_axes_of_the_file(other: tuple[int, ...], kind: str, counted: int) -> None:
    net = model({"x": (1, 8, 32, 48), "g": other}, [op("Relu", "x", "r"), op("Mul", "r g", "y")])
    last = steps(net)[-1]
    assert last.node.op == kind
    assert last.cost.elementwise == counted
    assert last.cost.out == ((32, 48, 8),)


def test_a_sum_with_a_number_is_a_function_and_stores_nothing() -> None:
    net = model(IMAGE, [op("Add", "x three", "y")], [number("three", 3.0)])
    (step,) = steps(net)
    assert (step.node.op, step.node.attrs["of"], step.params) == ("function", "shift", 0)


def test_a_product_with_a_number_for_each_channel_is_a_scale() -> None:
    net = model({"x": (1, 8, 32, 48)}, [op("Mul", "x s", "y")], [stored("s", 8, 1, 1)])
    (step,) = steps(net)
    assert (step.node.op, step.params) == ("scale", 8)


def test_a_stored_table_is_a_source() -> None:
    net = model({"x": (1, 50, 64)}, [op("Add", "x p", "y")], [stored("p", 1, 50, 64)])
    assert kinds(net) == ["source", "add"]
    assert steps(net)[0].params == 50 * 64


def test_a_tensor_that_two_layers_use_is_stored_once() -> None:
    net = model(
        {"x": (1, 8, 32, 48)},
        [op("Conv", "x w", "a", pads=(1, 1, 1, 1)), op("Conv", "a w", "y", pads=(1, 1, 1, 1))],
        [stored("w", 8, 8, 3, 3)],
    )
    first, second = steps(net)
    assert (first.params, second.params, second.used_params) == (8 * 8 * 9, 0, 8 * 8 * 9)


def test_a_tensor_in_two_roles_is_counted_in_both_and_said_to_be_stored_once() -> None:
    """Exporters merge equal tensors: zeros that are the bias of one layer and the running mean of another."""
    net = model(
        {"x": (1, 8, 32, 48)},
        [op("Conv", "x w b", "c"), op("BatchNormalization", "c s t b v", "y")],
        [stored("w", 8, 8, 1, 1), *(stored(name, 8) for name in "bstv")],
    )
    report = network(net).report()
    assert (report.totals.params, report.totals.buffers) == (8 * 8 + 8 + 2 * 8, 2 * 8)
    assert report.remarks == (
        "8 stored numbers are counted in more than one layer: equal ones that the exporter merged, or tied ones",
    )


def test_what_no_layer_counts_is_listed() -> None:
    net = model(IMAGE, [op("Relu", "x", "y")], [stored("lost", 40)])
    assert network(net).report().remarks == ("40 stored numbers in 1 tensors are in no layer: lost",)


# -- away from the file's own size ---------------------------------------------------------------------------------------


def test_a_layer_must_need_what_the_file_stores_for_it() -> None:
    """AlexNet's first linear layer takes 6·6·256 inputs: at another resolution there would be others."""
    net = model(
        {"x": (1, 4, 8, 8)}, [op("Flatten", "x", "f"), op("Gemm", "f w", "y", transB=1)], [stored("w", 10, 4 * 8 * 8)]
    )
    assert steps(net, resolution=8)[-1].params == 2560
    with pytest.raises(SpecError, match=r"the file stores 2,560 weights, but its input takes 10,240"):
        steps(net, resolution=16)


def shuffled() -> Imported:
    """Channels shuffled as ShuffleNet does: cut into groups, put in another order, joined."""
    ops = [
        op("Conv", "x w", "c", pads=(1, 1, 1, 1)),
        op("Reshape", "c cut", "r"),
        op("Transpose", "r", "t", perm=(0, 2, 1, 3, 4)),
        op("Reshape", "t join", "s"),
        op("Conv", "s v", "y"),
    ]
    tensors = [
        stored("w", 6, 3, 3, 3),
        stored("v", 5, 6, 1, 1),
        integers("cut", 1, 2, 3, 8, 8),
        integers("join", 1, 6, 8, 8),
    ]
    return model({"x": (1, 3, 8, 8)}, ops, tensors)


def test_channels_that_are_cut_swapped_and_joined_are_a_shuffle() -> None:
    found = steps(shuffled())
    assert [step.node.op for step in found] == ["conv2d", "channel_shuffle", "conv2d"]
    assert found[1].node.attrs["groups"] == 2


def test_other_swaps_are_no_shuffle() -> None:
    """Rows are cut, swapped and joined: that moves positions, not channels alone; and joined to something else."""
    ops = [
        op("Reshape", "x cut", "r"),
        op("Transpose", "r", "t", perm=(0, 2, 1, 3, 4)),
        op("Reshape", "t join", "y"),
    ]
    net = model({"x": (1, 6, 8, 8)}, ops, [integers("cut", 1, 2, 3, 8, 8), integers("join", 1, 3, 16, 8)])
    assert "channel_shuffle" not in kinds(net)


@pytest.mark.parametrize("size", [8, 12, 40])
def test_sizes_that_a_reshape_fixes_are_derived_again(size: int) -> None:
    assert outs(shuffled(), resolution=size)[-1] == (size, size, 5)


def test_tokens_become_the_map_again_that_they_were() -> None:
    ops = [
        op("Reshape", "x tokens", "t"),
        op("Transpose", "t", "u", perm=(0, 2, 1)),
        op("MatMul", "u m", "l"),
        op("Transpose", "l", "v", perm=(0, 2, 1)),
        op("Reshape", "v map", "y"),
    ]
    tensors = [integers("tokens", 1, 6, 64), integers("map", 1, 6, 8, 8), stored("m", 6, 6)]
    net = model({"x": (1, 6, 8, 8)}, ops, tensors)
    found = walked(net, resolution=10)
    assert found.steps[1].cost.out == ((100, 6),)
    assert found.steps[-1].cost.out[0] in {(10, 10, 6), (6, 10, 10)}


def test_a_cut_that_only_the_own_size_explains_is_refused() -> None:
    """8 rows cut into 2 windows of 4: of 12 rows it could be 3 windows of 4, or 2 of 6."""
    net = model({"x": (1, 6, 8, 8)}, [op("Reshape", "x cut", "y")], [integers("cut", 1, 6, 2, 4, 8)])
    assert outs(net)
    with pytest.raises(SpecError, match="the file fixes a reshape of 1×6×8×8 to 1×6×2×4×8"):
        walked(net, resolution=12)


def computed_shape() -> Imported:
    """Flattened by what the graph itself computes of the shape, as exports with open sizes do."""
    ops = [
        op("Shape", "x", "s"),
        op("Gather", "s zero", "n", axis=0),
        op("Unsqueeze", "n", "n1", axes=(0,)),
        op("Concat", "n1 rest", "target", axis=0),
        op("Conv", "x w", "c", pads=(1, 1, 1, 1)),
        op("Reshape", "c target", "y"),
    ]
    zero = integers("zero", 0)._replace(shape=(), contents=(0,))
    return model({"x": ("N", 3, "h", "w")}, ops, [zero, integers("rest", 6, -1), stored("w", 6, 3, 3, 3)])


def test_shapes_that_the_graph_computes_are_followed() -> None:
    assert steps(computed_shape(), resolution=10)[-1].cost.out[0] in {(100, 6), (6, 100)}


@pytest.mark.parametrize("make", [shuffled, computed_shape])
def test_a_grid_and_symbols_give_what_single_sizes_give(make: Callable[[], Imported]) -> None:
    net = make()
    sizes = [8, 16, 24]
    single = [sum(step.cost.macs for step in steps(net, resolution=size)) for size in sizes]
    swept = network(net, resolution=8).sweep(resolution=sizes)
    assert swept.macs.tolist() == single
    n = sympy.Symbol("n", integer=True, positive=True)
    formula = sum(step.cost.macs for step in lowered(net, x=(8 * n, 8 * n, 3)).steps)
    assert [formula.subs(n, size // 8) for size in sizes] == single


def test_a_batch_that_the_file_fixes_is_no_part_of_the_network() -> None:
    """Reshapes that have it in them are derived again for one image."""
    ops = [op("Conv", "x w", "c"), op("Reshape", "c flat", "f"), op("Gemm", "f m", "y", transB=1)]
    net = model(
        {"x": (4, 3, 8, 8)}, ops, [stored("w", 6, 3, 1, 1), integers("flat", 4, 384), stored("m", 10, 6 * 8 * 8)]
    )
    assert walked(net).graph.inputs == {"x": (8, 8, 3)}
    assert [step.cost.macs for step in steps(net) if step.cost.macs] == [8 * 8 * 6 * 3, 384 * 10]


def test_each_image_of_a_batch_that_the_file_fixes_is_pooled_by_itself() -> None:
    ops = [op("GlobalAveragePool", "x", "p"), op("Reshape", "p flat", "f"), op("Gemm", "f m", "y", transB=1)]
    net = model({"x": (4, 3, 8, 8)}, ops, [integers("flat", 4, 3), stored("m", 10, 3)])
    assert [step.cost.macs for step in steps(net) if step.cost.macs] == [3 * 10]


def test_sizes_that_the_file_fixes_for_each_image_of_a_batch_stay() -> None:
    net = model({"x": (4, 3, 8, 8)}, [op("Resize", "x - - s", "y")], [integers("s", 4, 3, 9, 11)])
    assert steps(net)[-1].cost.out == ((9, 11, 3),)


def test_each_image_of_a_batch_that_the_file_fixes_is_sampled_by_itself() -> None:
    """Filters of 1·1 that stand where two others say: 64·4·3 MACs."""
    ops = [op("Conv", "x w", "places"), op("DeformConv", "x u places", "y")]
    net = model({"x": (4, 3, 8, 8)}, ops, [stored("w", 2, 3, 1, 1), stored("u", 4, 3, 1, 1)])
    assert (steps(net)[-1].node.op, steps(net)[-1].cost.macs) == ("deform_conv2d", 64 * 4 * 3)


def test_a_batch_that_is_more_than_so_many_images_is_refused() -> None:
    """Each image is multiplied with all others: for one image there is no such network."""
    ops = [op("Reshape", "x rows", "r"), op("Transpose", "r", "t", perm=(1, 0)), op("MatMul", "r t", "y")]
    net = model({"x": (4, 8, 4, 4)}, ops, [integers("rows", 4, 128)])
    with pytest.raises(SpecError, match="fixes a batch of 4, and does more with it"):
        steps(net)


def test_over_symbols_a_layer_must_need_what_the_file_stores_too() -> None:
    net = model(
        {"x": (1, 4, 8, 8)}, [op("Flatten", "x", "f"), op("Gemm", "f w", "y", transB=1)], [stored("w", 10, 4 * 8 * 8)]
    )
    n = sympy.Symbol("n", integer=True, positive=True)
    with pytest.raises(SpecError, match="the file stores 2,560 weights, but its input takes 40\\*n\\*\\*2"):
        lowered(net, x=(n, n, 4))


def test_numbers_that_go_into_computed_weights_are_said() -> None:
    """Filters that are normalised to a stored length: 8 of the 72 stored numbers are in no weight."""
    ops = [op("Mul", "v g", "w"), op("Conv", "x w", "y")]
    net = model({"x": (1, 8, 4, 4)}, ops, [stored("v", 8, 8, 1, 1), stored("g", 8, 1, 1, 1)])
    report = network(net).report()
    assert report.totals.params == 64
    assert report.remarks == ("8 stored numbers go into weights that are computed before anything runs",)


def test_what_a_file_says_of_itself_is_printed_on_one_line() -> None:
    net = model({"null": (1, 8, 4, 4)}, [op("Relu", "null", "y")])
    shouting = replace(net, model=replace(net.model, producer="p\x1b[31m\nq"))
    assert network(shouting).report().remarks == ("p\\x1b[31m\\nq",)
    assert [*net.entries] == ["null_"]


def test_many_inputs_that_are_called_alike_take_no_time():
    """Names of different signs are the same words: an input gets its number behind them."""
    names = ["".join(signs) for signs in product(".:;/", repeat=7)]
    begun = process_time()
    entries = model({f"{signs[:3]}a{signs[3:]}b": (1, 3) for signs in names}, [op("Relu", "...a....b", "y")]).entries
    assert process_time() - begun < 5
    assert [[*entries][i] for i in (0, 1, 2, -1)] == ["a_b", "a_b_2", "a_b_3", "a_b_16384"]


# -- unknown ----------------------------------------------------------------------------------------------------------


def test_behind_an_op_whose_shape_is_stated_all_stays_exact() -> None:
    net = model(
        IMAGE,
        [op("Foo", "x", "f"), op("Conv", "f w", "y")],
        [stored("w", 4, 5, 1, 1)],
        stated={"f": Stated((1, 5, 16, 16), "fp32")},
    )
    found = steps(net)
    assert found[0].opaque
    assert found[0].node.attrs["type"] == "Foo"
    assert found[-1].cost.macs == 16 * 16 * 5 * 4


def test_behind_an_op_of_unknown_shape_all_is_unknown() -> None:
    net = model(IMAGE, [op("NonZero", "x", "f"), op("Relu", "f", "r"), op("Relu", "x", "y")], outputs=["r", "y"])
    assert kinds(net) == ["unknown", "unknown", "relu"]
    assert not network(net).report().complete


def test_what_was_made_for_an_op_that_cannot_be_told_is_not_left_behind() -> None:
    """A table that only the unknown op would have read stands in no layer."""
    net = model(
        {"x": (1, 50, 64)},
        [op("Add", "x p", "a"), op("MatMul", "a x", "m"), op("Foo", "m q", "f"), op("Relu", "x", "y")],
        [stored("p", 1, 50, 64), stored("q", 7)],
        outputs=["y"],
    )
    assert kinds(net) == ["relu"]


# -- inputs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "ops", "sizes"),
    [
        ((1, 3, 32, 48), [op("Relu", "x", "r"), op("Conv", "r w", "y")], (32, 48, 3)),
        ((1, 32, 48, 3), [op("Transpose", "x", "t", perm=(0, 3, 1, 2)), op("Conv", "t w", "y")], (32, 48, 3)),
        (("N", 3, "h", "w"), [op("Conv", "x w", "y")], ("h", "w", 3)),
        ((1, 50, 3), [op("MatMul", "x m", "y")], (50, 3)),
        (("seq", "batch", 3), [op("MatMul", "x m", "y")], ("seq", 3)),
        ((None, 3), [op("MatMul", "x m", "y")], (3,)),
        ((1, 3, 16, 32, 48), [op("Conv", "x v", "y")], (16, 32, 48, 3)),
    ],
)
def test_the_layout_of_an_input_is_found_out(
    shape: tuple[object, ...], ops: list[Op], sizes: tuple[object, ...]
) -> None:
    tensors = [stored("w", 4, 3, 1, 1), stored("v", 4, 3, 1, 1, 1), stored("m", 3, 5)]
    (entry,) = model({"x": shape}, ops, tensors).entries.values()  # type: ignore[arg-type]
    assert entry.sizes == sizes


def test_an_open_size_has_to_be_said() -> None:
    net = model({"images": ("N", 3, "h", "w")}, [op("Conv", "images w", "y")], [stored("w", 4, 3, 1, 1)])
    with pytest.raises(
        SpecError, match=r"net.onnx: its input images has an open size: say it with --input 224, or --set resolution=…"
    ):
        walked(net)
    assert outs(net, resolution=10) == [(10, 10, 4)]


def test_sizes_may_be_written_as_the_file_has_them() -> None:
    entry = Entry("x", ("h", "w", 3), (2, 3, 1), 4, "fp32")
    assert entry.presented((1, 3, 480, 640)) == entry.presented((3, 480, 640)) == (480, 640, 3)
    assert entry.presented((480, 640)) is None
    assert entry.presented((2, 3, 480, 640)) is None
