"""Layers of PyTorch with weights: convolutions, matrix products, norms, recurrent layers, embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from convcost.core.dims import Dim, Shape, product
from convcost.core.errors import Unfit
from convcost.importers import build, fixed
from convcost.importers.build import matrix_product, with_axes
from convcost.importers.contents import same
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.torch.arguments import (
    RULES,
    becomes_weights,
    behind,
    constant,
    data,
    facts,
    fold,
    folds,
    is_parameter,
    made,
    number,
    numbers,
    optional,
    output,
    part,
    per_axis,
    rule,
    stated_shape,
    tensor,
    tensors,
    word_of,
)
from convcost.importers.torch.pointwise import joined
from convcost.importers.values import Value, channels_at, is_one


def weights_of(low: Lowering, value: Value) -> Value:
    """Weights as those of a layer: what they are computed from besides a tensor of their own size is counted by sources."""
    if not value.computed or not value.stored:
        return value
    size = product(value.shape)
    main = next((one for one in value.stored if one.elements == size and one.trainable), None)
    for one in value.stored:
        if one is not main and is_parameter(low.values[one.name]):
            low.count(low.values[one.name])
    return value if main is None else replace(value, stored=(main,), computed=False)


def sizes_of(value: Value, word: str, rank: int) -> Shape:
    """The shape of an argument that has so many axes; raises `Unfit` if it has others."""
    if value.rank != rank:
        raise Unfit(f"{word} must have {rank} axes, got {value.rank}")
    return value.shape


def bias_of(value: Value | None) -> tuple[Value | None, Value | None]:
    """A bias as that of a layer, or as what is to be added behind it."""
    if value is None:
        return None, None
    trains = {one.trainable for one in value.stored}
    is_own = len(trains) == 1 and sum(one.elements for one in value.stored) == product(value.shape)
    return (value, None) if is_own else (None, value)


# -- convolutions ------------------------------------------------------------------------------------------------------


def convolved(low: Lowering, op: Op, axes: int, *, transposed: bool = False) -> None:
    """A convolution along so many axes."""
    x, weights = data(low, tensor(low, op, "input")), tensor(low, op, "weight")
    if not weights.is_constant:
        raise Unsupported("a convolution with filters that are computed from data")
    groups = number(low, op, "groups", 1)
    kernel = list(weights.shape[2:])
    attrs: dict[str, Any] = {
        "channels": weights.shape[1] * groups if transposed else weights.shape[0],
        "kernel": kernel,
        "stride": per_axis(low, op, "stride", axes, 1),
        "padding": _padding(low, op, axes),
        "dilation": per_axis(low, op, "dilation", axes, 1),
        "groups": groups,
    }
    extra = per_axis(low, op, "output_padding", axes, 0)
    if transposed and any(extra):
        attrs["output_padding"] = extra
    bias, behind = bias_of(optional(low, op, "bias"))
    kind = "conv_transpose" if transposed else "conv"
    inner = op if behind is None else part(low, op, "product")
    build.convolution(low, inner, x, x.rank - axes - 1, attrs, weights_of(low, weights), bias, kind)
    if behind is not None:
        lifted = part(low, op, "bias")
        low.relabel(lifted, behind, [0, *[None] * axes])
        joined(low, op, "add", [made(low, inner), made(low, lifted)])


def _padding(low: Lowering, op: Op, axes: int) -> Any:
    given = op.attrs.get("padding", 0)
    if isinstance(given, str):
        return "same" if given == "same" else 0
    return per_axis(low, op, "padding", axes, 0)


@rule("conv1d", wants=-2)
def conv1d(low: Lowering, op: Op) -> None:
    convolved(low, op, 1)


@rule("conv2d", wants=-3)
def conv2d(low: Lowering, op: Op) -> None:
    convolved(low, op, 2)


@rule("conv3d", wants=-4)
def conv3d(low: Lowering, op: Op) -> None:
    convolved(low, op, 3)


@rule("conv_transpose1d", wants=-2)
def conv_transpose1d(low: Lowering, op: Op) -> None:
    convolved(low, op, 1, transposed=True)


@rule("conv_transpose2d", wants=-3)
def conv_transpose2d(low: Lowering, op: Op) -> None:
    convolved(low, op, 2, transposed=True)


@rule("conv_transpose3d", wants=-4)
def conv_transpose3d(low: Lowering, op: Op) -> None:
    convolved(low, op, 3, transposed=True)


@rule("convolution", "_convolution", wants=1)
def convolution(low: Lowering, op: Op) -> None:
    axes = tensor(low, op, "weight").rank - 2
    convolved(low, op, axes, transposed=bool(op.attrs.get("transposed")))


@RULES.rule("torchvision.deform_conv2d", wants=1)
def deform_conv2d(low: Lowering, op: Op) -> None:
    x, weights, bias = tensor(low, op, "input"), tensor(low, op, "weight"), optional(low, op, "bias")
    offset = tensor(low, op, "offset")
    if data(low, x).axes[0] is not None:
        raise Unsupported(
            "a deformable convolution of several maps", [(x.shape[0], weights.shape[0], *offset.shape[2:])]
        )
    read = [x, offset]
    if op.attrs.get("use_mask"):
        read.append(tensor(low, op, "mask"))
    attrs = {
        "channels": weights.shape[0],
        "kernel": list(weights.shape[2:]),
        "stride": [number(low, op, f"stride_{axis}", 1) for axis in "hw"],
        "padding": [number(low, op, f"pad_{axis}", 0) for axis in "hw"],
        "dilation": [number(low, op, f"dilation_{axis}", 1) for axis in "hw"],
        "groups": number(low, op, "groups", 1),
        "bias": bias is not None,
    }
    edges = [low.present(value, channels_at(value, 1, windows=2)) for value in read]
    used = {"weights": (weights,), "biases": (bias,)} if bias is not None else {"weights": (weights,)}
    step = low.emit(op, "deform_conv2d", edges, attrs, used)
    low.result(op, step, channels_at(x, 1, windows=2), x.rank)


# -- matrix products ---------------------------------------------------------------------------------------------------


@rule("linear", wants=-1)
def linear(low: Lowering, op: Op) -> None:
    dense(low, op, tensor(low, op, "input"), tensor(low, op, "weight"), optional(low, op, "bias"))


def dense(low: Lowering, op: Op, x: Value, weights: Value, bias: Value | None) -> None:
    """A product with the transpose of a matrix, and a sum with a vector."""
    x = data(low, x)
    own, behind = bias_of(bias)
    row = (*(1,) * (bias.rank - 1), *weights.shape[:1]) if bias is not None else ()
    if not weights.stored or weights.rank != 2 or (bias is not None and bias.shape != row):
        own, behind = None, bias
    inner = op if behind is None else part(low, op, "product")
    if weights.stored and weights.rank == 2:
        build.linear(low, inner, x, -1, weights.shape[0], weights_of(low, weights), own)
    elif weights.rank == 1:
        multiplied(low, inner, x, weights)
    else:
        matrix_product(low, inner, x, data(low, weights), flip_y=True)
    if behind is not None:
        summed(low, op, made(low, inner), behind)


def summed(low: Lowering, op: Op, product_: Value, other: Value) -> None:
    """A product plus what stretches to it; raises `Unfit` for what does not."""
    build.check_added(other.shape, product_.shape)
    joined(low, op, "add", [product_, other])


@rule("addmm", "addmv", wants=None)
def product_and_sum(low: Lowering, op: Op) -> None:
    bias, x = tensor(low, op), tensor(low, op, word_of(op, "mat1", "mat"))
    y = tensor(low, op, word_of(op, "mat2", "vec"))
    if y.stored and y.rank == 2:
        dense(low, op, x, _flipped(low, op, y), bias)
        return
    inner = part(low, op, "product")
    multiplied(low, inner, x, y)
    summed(low, op, made(low, inner), bias)


@rule("baddbmm")
def products_and_sum(low: Lowering, op: Op) -> None:
    inner = part(low, op, "product")
    multiplied(low, inner, tensor(low, op, "batch1"), tensor(low, op, "batch2"))
    summed(low, op, made(low, inner), tensor(low, op))


@rule("matmul", "mm", "bmm", "mv", "dot", "linalg_matmul", wants=-1)
def matmul(low: Lowering, op: Op) -> None:
    word = word_of(op, "other", "mat2", "vec", "tensor")
    multiplied(low, op, tensor(low, op, "self" if "self" in op.attrs else "input"), tensor(low, op, word))


@rule("inner", wants=-1)
def inner_product(low: Lowering, op: Op) -> None:
    """Sums along the last axes of both."""
    x, y = tensor(low, op), tensor(low, op, "other")
    if y.rank > 2 and x.rank > 1:
        raise Unsupported("products of the rows of tensors with more than two axes")
    if y.rank == 2 and x.rank > 1:
        dense(low, op, x, y, None)
    else:
        multiplied(low, op, *((x, y) if y.rank < 2 else (y, x)))


def multiplied(low: Lowering, op: Op, x: Value, y: Value) -> None:
    """A product as numpy defines it, of vectors, too."""
    if x.is_constant and y.is_constant and becomes_weights(low, op):
        fold(low, op, [x, y], stated_shape(low, op))  # the largest singular value of weights, by which they are divided
        return
    gone = []
    if x.rank == 1:
        x, gone = _lifted(low, part(low, op, "row"), x, 0), [-2]
    if y.rank == 1:
        y, gone = _lifted(low, part(low, op, "column"), y, 1), [*gone, -1]
    if y.stored and y.rank == 2 and not y.computed:
        x = data(low, x)
    elif not (x.stored and x.rank == 2 and not y.is_constant):
        x, y = data(low, x), data(low, y)
    inner = part(low, op, "matrix") if gone else op
    matrix_product(low, inner, x, y)
    if gone:
        build.squeezed(low, op, made(low, inner), gone)


def _lifted(low: Lowering, op: Op, x: Value, axis: int) -> Value:
    low.relabel(op, x, [0, None] if axis else [None, 0])
    return made(low, op)


def _flipped(low: Lowering, op: Op, value: Value) -> Value:
    inner = part(low, op, "transposed")
    low.transpose(inner, value, (1, 0))
    return made(low, inner)


@rule("einsum")
def einsum(low: Lowering, op: Op) -> None:
    read = tensors(low, op)
    terms, _, result = str(op.attrs[word_of(op, "equation")]).replace(" ", "").partition("->")
    letters = terms.split(",")
    if len(read) != 2 or "." in terms or not result or any(len(set(one)) < len(one) for one in letters):
        raise Unsupported(f"products of the form {op.attrs['equation']}")
    x, first = _of_stretched(low, op, "first", (read[0], letters[0]), (read[1], letters[1]), result)
    y, second = _of_stretched(low, op, "second", (read[1], letters[1]), (read[0], letters[0]), result)
    contracted(low, op, (x, y), (first, second), result)


def _of_stretched(
    low: Lowering, op: Op, leaf: str, own: tuple[Value, str], other: tuple[Value, str], result: str
) -> tuple[Value, str]:
    """A factor and its letters without summed axes that one of the two has once: the other is summed over them by itself."""
    (x, term), (y, others) = own, other
    sizes = dict(zip(others, y.shape))
    both = [
        (at, size, sizes[one])
        for at, (one, size) in enumerate(zip(term, x.shape))
        if one in sizes and one not in result
    ]
    single = [at for at, size, wide in both if is_one(size) and not is_one(wide)]
    summed = [at for at, size, wide in both if is_one(wide) and not is_one(size)]
    inner, rest = part(low, op, f"{leaf}_summed"), part(low, op, f"{leaf}_left")
    if summed:
        build.reduced(low, inner, data(low, x), summed, "sum", keep=True)
        x = made(low, inner)
    if single or summed:
        build.squeezed(low, rest, x, [*single, *summed])
        x = made(low, rest)
    return x, "".join(one for at, one in enumerate(term) if at not in {*single, *summed})


def contracted(low: Lowering, op: Op, read: tuple[Value, Value], terms: tuple[str, str], result: str) -> None:
    """A product of two tensors whose axes are letters, as one of matrices; `result` has the letters that stay."""
    (x, y), (first, second) = read, terms
    batch = [one for one in result if one in first and one in second]
    inner = [one for one in first if one in second and one not in result]
    rows = [one for one in result if one in first and one not in second]
    columns = [one for one in result if one in second and one not in first]
    if len(batch) + len(inner) + len(rows) != len(first) or len(batch) + len(inner) + len(columns) != len(second):
        raise Unsupported("a product that sums one of its factors alone")
    of_x, of_y = dict(zip(first, x.shape)), dict(zip(second, y.shape))
    wide_x = {one: size for one, size in of_x.items() if one not in of_y or not is_one(size)}  # sizes of 1 stretch

    def matrix(value: Value, term: str, groups: Sequence[list[str]], leaf: str) -> Value:
        sizes = dict(zip(term, value.shape))
        turned, flat = part(low, op, f"{leaf}_turned"), part(low, op, leaf)
        low.transpose(turned, value, [term.index(one) for group in groups for one in group])
        shape = [*(sizes[one] for one in groups[0]), *(product(sizes[one] for one in group) for group in groups[1:])]
        return reshaped(low, behind(flat, turned), made(low, turned), shape)

    is_linear = y.is_constant and y.stored and not batch
    left = matrix(data(low, x), first, (batch, rows, inner), "left")
    right = matrix(y if is_linear else data(low, y), second, (batch, inner, columns), "right")
    multiply, spread = part(low, op, "product"), part(low, op, "spread")
    matrix_product(low, multiply, left, right)
    order = [*batch, *rows, *columns]
    sizes = [{**of_y, **wide_x}[one] for one in order]
    wide = reshaped(low, behind(spread, multiply), made(low, multiply), sizes)
    low.transpose(op, wide, [order.index(one) for one in result])


def reshaped(low: Lowering, op: Op, value: Value, shape: Sequence[Any]) -> Value:
    """A value in another shape, which is that of this walk."""
    if tuple(shape) == value.shape:
        low.same(op, value)
    else:
        low.reshape(op, value, tuple(shape))
    return made(low, op)


# -- attention ---------------------------------------------------------------------------------------------------------


@rule("scaled_dot_product_attention", "_scaled_dot_product_flash_attention_for_cpu", wants=-1)
def attention(low: Lowering, op: Op) -> None:
    """Scores, softmax, and their product with the values: three nodes, so that the scores are seen."""
    query, key, value = (data(low, tensor(low, op, word)) for word in ("query", "key", "value"))
    mask = optional(low, op, "attn_mask")
    if min(query.rank, key.rank, value.rank) < 2:
        raise Unfit("needs queries, keys and values of rows")
    scores, weights, masked = (part(low, op, leaf) for leaf in ("scores", "weights", "masked"))
    shape, result = (*query.shape[:-1], key.shape[-2]), (*query.shape[:-1], value.shape[-1])
    is_grouped = query.rank > 2 and same(query.shape[-3], key.shape[-3]) is False
    if is_grouped:  # heads that share a key are further rows of one product with it
        rows, heads = part(low, op, "rows"), key.shape[-3]
        each = query.shape[-3] // heads * query.shape[-2]
        query = reshaped(low, rows, query, (*query.shape[:-3], heads, each, query.shape[-1]))
    matrix_product(low, scores, query, key, flip_y=True)
    found = made(low, scores)
    if mask is not None:
        apart = reshaped(low, behind(part(low, op, "apart"), scores), found, shape) if is_grouped else found
        joined(low, masked, "where" if mask.dtype == "bool" else "add", [apart, mask])
        found = reshaped(low, behind(part(low, op, "together"), masked), made(low, masked), found.shape)
    build.along(low, weights, "softmax", found, -1)
    product_ = part(low, op, "product") if is_grouped else output(op, 0)
    matrix_product(low, product_, made(low, weights), value)
    if is_grouped:
        reshaped(low, behind(output(op, 0), product_), made(low, product_), result)


# -- products that PyTorch has an op of its own for --------------------------------------------------------------------


@rule("_weight_norm", "_weight_norm_interface")
def weight_norm(low: Lowering, op: Op) -> None:
    """A direction and a length for each filter, which make its weights."""
    direction, lengths = tensor(low, op, "v"), tensor(low, op, "g")
    if not becomes_weights(low, op):
        raise Unsupported("weights that are read as data")
    fold(low, output(op, 0), [direction, lengths], direction.shape)


@rule("bilinear")
def bilinear(low: Lowering, op: Op) -> None:
    """For each output the product of one vector, a matrix and another vector: a linear layer, and a product."""
    first, second = data(low, tensor(low, op, "input1")), data(low, tensor(low, op, "input2"))
    weights, bias = tensor(low, op, "weight"), optional(low, op, "bias")
    channels, inner, outer = sizes_of(weights, "weight", 3)
    turned, matrix, wide, rows, column = (
        part(low, op, leaf) for leaf in ("turned", "matrix", "wide", "rows", "column")
    )
    low.transpose(turned, weights, (0, 2, 1))
    table = reshaped(low, matrix, made(low, turned), (channels * outer, inner))
    dense(low, wide, first, table, None)
    left = reshaped(low, behind(rows, wide), made(low, wide), (*first.shape[:-1], channels, outer))
    build.unsqueezed(low, column, second, [-1])
    product_, flat = part(low, op, "product"), part(low, op, "flat")
    matrix_product(low, product_, left, made(low, column))
    build.squeezed(low, op if bias is None else flat, made(low, product_), [-1])
    if bias is not None:
        joined(low, op, "add", [made(low, flat), bias])


@rule("affine_grid_generator")
def affine_grid(low: Lowering, op: Op) -> None:
    """Every position times a matrix that is computed: (n, 2, 3) to (n, h, w, 2)."""
    theta, size = data(low, tensor(low, op, "theta")), list(numbers(low, op, "size"))
    written = {axis: one for axis, one in enumerate(op.attrs["size"]) if axis > 1 and type(one) is int}
    bare = Value((1,) * len(size), computed=True)  # what it makes has no size of theta's
    for axis, one in fixed.sizes_here(low, op.inputs[0], bare, written).items():
        size[axis] = one
    places, turned, product_ = (part(low, op, leaf) for leaf in ("places", "turned", "product"))
    axes = len(size) - 2
    constant(low, places, (product(size[2:]), axes + 1))
    low.transpose(turned, theta, (0, 2, 1))
    matrix_product(low, product_, data(low, made(low, places)), made(low, turned))
    reshaped(low, behind(op, product_), made(low, product_), (theta.shape[0], *size[2:], axes))


@rule("cosine_similarity")
def cosine_similarity(low: Lowering, op: Op) -> None:
    read, axis = [data(low, tensor(low, op, word)) for word in ("x1", "x2")], number(low, op, "dim", 1)
    both, dot, lengths = (part(low, op, leaf) for leaf in ("both", "dot", "lengths"))
    joined(low, both, "multiply", read)
    build.reduced(low, dot, made(low, both), [axis], "sum", keep=False)
    norms = []
    for i, x in enumerate(read):
        inner = part(low, op, f"length{i}")
        build.reduced(low, inner, x, [axis], "norm", keep=False)
        norms.append(made(low, inner))
    joined(low, lengths, "multiply", norms)
    joined(low, op, "divide", [made(low, dot), made(low, lengths)])


# -- norms -------------------------------------------------------------------------------------------------------------


def normalised(
    low: Lowering,
    op: Op,
    kind: str,
    x: Value,
    order: Sequence[int | None],
    attrs: dict[str, Any],
    buffers: bool = False,
) -> None:
    """A norm with the arguments `weight` and `bias`, either of which may be left out."""
    scale, shift = optional(low, op, "weight"), optional(low, op, "bias")
    used: dict[str, tuple[Value | None, ...]] = {"weights": (scale,), "biases": (shift,)}
    if buffers:
        used["buffers"] = (optional(low, op, "running_mean"), optional(low, op, "running_var"))
    used = {field: values for field, values in used.items() if any(value is not None for value in values)}
    given = {"scale": scale is not None, "shift": shift is not None}
    low.layer(output(op, 0), kind, x, order, {**attrs, **given}, used)


@rule("batch_norm", "native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm", wants=1)
def batch_norm(low: Lowering, op: Op) -> None:
    x = tensor(low, op, "input")
    if x.is_constant and becomes_weights(low, op):
        given = (optional(low, op, word) for word in ("weight", "bias"))
        fold(low, op, [x, *(one for one in given if one is not None)], x.shape)  # standardised weights
        return
    _by_channel(low, op, data(low, x), own_statistics=optional(low, op, "running_mean") is None)


@rule("instance_norm", "_native_batch_norm_legit", wants=1)
def instance_norm(low: Lowering, op: Op) -> None:
    x = data(low, tensor(low, op, "input"))
    _by_channel(low, op, x, own_statistics=bool(op.attrs.get("use_input_stats", op.attrs.get("training", True))))


def _by_channel(low: Lowering, op: Op, x: Value, *, own_statistics: bool) -> None:
    """Each channel by itself: with the statistics of training, or with those of the input."""
    order = channels_at(x, 1, windows=max(x.rank - 2, 0))
    if own_statistics and x.rank > 2:
        normalised(low, op, "group_norm", x, order, {"groups": x.shape[1]})
    else:
        normalised(low, op, "batch_norm", x, order, {}, buffers=True)


@rule("group_norm", "native_group_norm", wants=1)
def group_norm(low: Lowering, op: Op) -> None:
    x = data(low, tensor(low, op, "input"))
    groups = number(low, op, "num_groups" if "num_groups" in op.attrs else "group")
    normalised(low, op, "group_norm", x, channels_at(x, 1, windows=x.rank - 2), {"groups": groups})


@rule("layer_norm", "native_layer_norm", "rms_norm", "_fused_rms_norm", wants=-1)
def layer_norm(low: Lowering, op: Op) -> None:
    x, scale = data(low, tensor(low, op, "input")), optional(low, op, "weight")
    depth = len(numbers(low, op, "normalized_shape"))
    if depth > x.rank:
        raise Unfit(f"takes the norm along {depth} axes of a tensor of {x.rank}")
    axes = range(x.rank - depth, x.rank)
    _, order = with_axes(low, x, axes)
    attrs: dict[str, Any] = {"axes": [order.index(axis) for axis in axes]}
    if "rms" in op.type:
        used = {"weights": (scale,)} if scale is not None else {}
        low.layer(output(op, 0), "rms_norm", x, order, {**attrs, "scale": scale is not None}, used)
    else:
        normalised(low, op, "layer_norm", x, order, attrs)


# -- tables and sequences ----------------------------------------------------------------------------------------------


@rule("embedding")
def embedding(low: Lowering, op: Op) -> None:
    table, x = tensor(low, op, "weight"), data(low, tensor(low, op, "indices"))
    if not table.stored:
        raise Unsupported("a table that is computed from data")
    rows, channels = sizes_of(table, "weight", 2)
    edge, order = low.any(x)
    step = low.emit(
        op, "embedding", [edge], {"rows": rows, "channels": channels}, {"weights": (weights_of(low, table),)}
    )
    low.result(op, step, [*order, x.rank], x.rank + 1)


@rule("one_hot")
def one_hot(low: Lowering, op: Op) -> None:
    x, classes = tensor(low, op), number(low, op, "num_classes", -1)
    if type(classes) is int and classes < 0:
        raise Unsupported("as many channels as the largest number in the data")
    if folds(low, op, [x]):
        fold(low, op, [x], (*x.shape, classes))
        return
    edge, order = low.any(x)
    low.result(op, low.emit(op, "one_hot", [edge], {"channels": classes}), [*order, x.rank], x.rank + 1)


#: Op -> that of convcost.
RECURRENT = {"lstm": "lstm", "gru": "gru", "rnn_tanh": "rnn", "rnn_relu": "rnn"}


@rule(*RECURRENT)
def recurrent(low: Lowering, op: Op) -> None:
    """Layers on top of each other, each one node."""
    if "batch_sizes" in op.attrs:
        raise Unsupported("sequences of several lengths")
    kind = RECURRENT[op.type.partition(".")[2]]
    params = tensors(low, op, "params")
    ways = 1 + bool(op.attrs.get("bidirectional"))
    layers = number(low, op, "num_layers", 1)
    if layers < 1 or not params or len(params) % (layers * ways) or len(params) < 2 * layers * ways:
        raise Unfit(f"has {len(params)} weights and biases for {layers * ways} layers and directions")
    each = len(params) // (layers * ways)
    x = data(low, tensor(low, op, "input"))
    if not 2 <= x.rank <= 3 or params[0].rank != 2 or params[1].rank != 2:
        raise Unfit("needs a sequence of rows, and two matrices for each layer and direction")
    order = _sequence(x, bool(op.attrs.get("batch_first")))
    ends: list[Value] = []
    for layer in range(layers):
        own = params[layer * ways * each : (layer + 1) * ways * each]
        inner = output(op, 0) if layer == layers - 1 else part(low, op, f"layer{layer}")
        x = _one_layer(low, inner, kind, x, order, own, ways)
        if any(name in facts(low).read for name in op.outputs[1:]):
            ends += _last_states(low, op, x, order[-2], ways, layer)
    for i, name in enumerate(op.outputs[1:], start=1):
        if name in facts(low).read:
            build.concatenated(
                low, output(op, i), ends if i == 1 else _cells(low, op, ends, _channels(kind, params)), 0
            )


def _sequence(x: Value, batch_first: bool) -> list[int]:
    """The axes of a sequence as nodes have them: the batch, if there is one, then steps, then channels."""
    if x.rank == 2:
        return [0, 1]
    batch, steps = (0, 1) if batch_first else (1, 0)
    is_left_out = x.axes[batch] is None or (type(x.shape[batch]) is int and x.shape[batch] == 1)
    return [steps, 2] if is_left_out else [batch, steps, 2]


def _channels(kind: str, params: list[Value]) -> Dim:
    """How many channels a layer has; with a projection its state has fewer."""
    return params[1].shape[0] // {"lstm": 4, "gru": 3, "rnn": 1}[kind]


def _one_layer(low: Lowering, op: Op, kind: str, x: Value, order: list[int], params: list[Value], ways: int) -> Value:
    """One layer, whose weights are for each way two matrices, perhaps two biases, and perhaps the matrix of a projection."""
    matrices = tuple(one for one in params if one.rank > 1)
    biases = tuple(one for one in params if one.rank == 1)
    attrs: dict[str, Any] = {
        "channels": _channels(kind, params),
        "bidirectional": ways == 2,
        "biases": len(biases) // ways,
    }
    if len(matrices) > 2 * ways:
        attrs["projection"] = matrices[1].shape[1]
    used = {"weights": matrices, "biases": biases}
    return low.layer(op, kind, x, order, attrs, {field: values for field, values in used.items() if values})


def _last_states(low: Lowering, op: Op, x: Value, steps: int, ways: int, layer: int) -> list[Value]:
    """The state after the last step: of the way forth at the end of the sequence, of the way back at its start."""
    found, hidden = [], x.shape[-1] // ways
    for way in range(ways):
        at = x.shape[steps] - 1 if way == 0 else 0
        taken, half, bare, lifted = (
            part(low, op, f"{leaf}{layer}_{way}") for leaf in ("end", "half", "state", "lifted")
        )
        last = build.taken(low, taken, x, steps, at, at + 1)
        own = build.taken(low, half, last, -1, way * hidden, (way + 1) * hidden) if ways > 1 else last
        build.squeezed(low, bare, own, [steps])
        build.unsqueezed(low, lifted, made(low, bare), [0])
        found.append(made(low, lifted))
    return found


def _cells(low: Lowering, op: Op, states: list[Value], channels: Dim) -> list[Value]:
    """The memory cells beside last states: as large, unless these are projections of fewer elements."""
    found = []
    for i, state in enumerate(states):
        inner = part(low, op, f"cells{i}")
        if same(state.shape[-1], channels):
            low.same(inner, state)
        else:
            edge, order = with_axes(low, state, [-1])
            step = low.emit(inner, "gather", [edge], {"count": channels, "axis": order.index(state.rank - 1)})
            low.result(inner, step, order, state.rank)
        found.append(made(low, inner))
    return found


@rule(*(f"{name}_cell" for name in RECURRENT))
def cell(low: Lowering, op: Op) -> None:
    """One step of a recurrent layer: a sequence of one."""
    x = data(low, tensor(low, op, "input"))
    kind = RECURRENT[op.type.partition(".")[2].removesuffix("_cell")]
    given = [optional(low, op, word) for word in ("w_ih", "w_hh", "b_ih", "b_hh")]
    params = [one for one in given if one is not None]
    lifted, inner = part(low, op, "sequence"), part(low, op, "steps")
    build.unsqueezed(low, lifted, x, [-2])
    sequence = made(low, lifted)
    order = [axis for axis in range(sequence.rank) if sequence.axes[axis] is not None or axis == sequence.rank - 2]
    state = _one_layer(low, inner, kind, sequence, order, params, 1)
    for i, name in enumerate(op.outputs):
        if name:
            build.squeezed(low, output(op, i), state, [-2])
