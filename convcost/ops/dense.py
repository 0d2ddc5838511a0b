"""Matrix products: with weights (linear layers), of two activations, and with a table of rows (embeddings)."""

from dataclasses import replace

from convcost.core.axes import kind
from convcost.core.cost import Check, OpCost
from convcost.core.dims import either, equal, maximum, product
from convcost.ops.attributes import AnyInput, At, Flag, Numbers, Positions, Size, Vector, WholeShape
from convcost.ops.registry import op
from convcost.ops.traits import DENSE, MOVE, NOTHING, VIEW

#: Value of `at` -> the most axes that a linear layer takes.
_MOST_AXES = {"tokens": 2, "positions": 8}


@op("linear", DENSE)
def linear(x: AnyInput, *, channels: Size, bias: Flag = True, at: At = "tokens") -> OpCost:
    """Multiply the vector, or each token of a sequence, with a matrix: a fully connected layer.

    (c,) -> (channels,); (t, c) -> (t, channels), with the same weights for every token. A map or a tensor of more axes
    is refused, because a flatten may have been forgotten, unless `at: positions` says that each position is meant:
    (…, c) -> (…, channels), which on a map is a 1×1 convolution. MACs positions·c·channels. Params (c + bias)·channels.

    400 inputs, 120 outputs: 400·120 MACs, 401·120 params. The same for each of 25 tokens: 25 times the MACs.

    >>> linear((400,), channels=120).macs, linear((400,), channels=120).params
    (48000, 48120)
    >>> linear((25, 400), channels=120).macs, linear((25, 400), channels=120).params
    (1200000, 48120)
    """
    positions = product(x[:-1])
    weights = x[-1] * channels
    biases = channels * int(bias)
    need = (
        "linear needs a vector or a sequence, got " + kind(len(x)) + " of {0}. Put flatten or global_avg_pool and "
        "flatten before it, or say at: positions if each position is meant"
    )
    return OpCost(
        out=((*x[:-1], channels),),
        macs=positions * weights,
        bias_adds=positions * biases,
        weights=weights,
        biases=biases,
        saves=("inputs",),
        checks=(Check(len(x) <= _MOST_AXES[at], need, (x,)),),
    )


@op("rbf", replace(DENSE, computes="exponentials"))
def rbf(x: Vector, *, channels: Size) -> OpCost:
    """Compute the squared distance of the vector from each of `channels` fixed points (radial basis functions).

    (c,) -> (channels,). MACs c·channels: each difference is multiplied with itself and accumulated. No params; the
    points are stored, not trained: c·channels buffers.

    >>> rbf((84,), channels=10).macs, rbf((84,), channels=10).params
    (840, 0)

    Source: LeCun et al. 1998, equation 7 (the output layer of LeNet-5).
    """
    points = x[0] * channels
    return OpCost(out=((channels,),), macs=points, buffers=points, saves=("inputs",))


@op("matmul", replace(NOTHING, factors="inputs", attends="product"))
def matmul(x: Positions, y: Positions, *, transpose: Flag = False) -> OpCost:
    """Multiply two activations as matrices, for each index of the leading axes: the two products of attention.

    (…, m, k), (…, k, n) -> (…, m, n); with `transpose`, y is (…, n, k). Leading axes are equal, or 1, or left out, and
    stretch to those of the other. MACs: each of the outputs takes k products. Papers count them; nothing is learnt.

    The scores of ViT-B/16 in one layer: 12 heads, 197 tokens by 197 tokens, 64 channels each.

    >>> scores = matmul((12, 197, 64), (12, 197, 64), transpose=True)
    >>> scores.out, scores.macs  # 12·197·197·64
    (((12, 197, 197),), 29805312)

    Source: Vaswani et al., Attention is all you need (arXiv 1706.03762), equation 1; torch.matmul for the leading axes.
    """
    inner, columns = {False: (y[-2], y[-1]), True: (y[-1], y[-2])}[transpose]
    pairs = tuple(zip((1,) * (len(y) - len(x)) + x[:-2], (1,) * (len(x) - len(y)) + y[:-2]))
    out = (*(maximum(a, b) for a, b in pairs), x[-2], columns)
    need = {
        False: "matmul needs as many rows in the second as channels in the first, got {0} and {1}; transpose: true "
        "multiplies with the transpose of the second",
        True: "matmul needs as many channels in both with transpose: true, got {0} and {1}",
    }[transpose]
    leading = "matmul needs leading axes that are equal or 1, got {0} and {1}"
    return OpCost(
        out=(out,),
        macs=product(out) * x[-1],
        saves=("inputs",),
        checks=(
            Check(equal(x[-1], inner), need, (x, y)),
            *(Check(either(equal(a, b), either(equal(a, 1), equal(b, 1))), leading, (x, y)) for a, b in pairs),
        ),
    )


@op("embedding", replace(MOVE, looks_up=True))
def embedding(x: Numbers, *, rows: Size, channels: Size) -> OpCost:
    """Look up a row of a learnt table for each element: words, or other things that are numbered from 0 to rows - 1.

    (t,) -> (t, channels). Params rows·channels. No MACs: nothing is multiplied.

    The 77 tokens of CLIP's text encoder:

    >>> embedding((77,), rows=49408, channels=512).out, embedding((77,), rows=49408, channels=512).params
    (((77, 512),), 25296896)

    Source: torch.nn.Embedding.
    """
    return OpCost(out=((*x, channels),), weights=rows * channels, saves=("inputs",))


@op("one_hot", MOVE)
def one_hot(x: Numbers, *, channels: Size) -> OpCost:
    """Make each number, from 0 to channels - 1, a vector that is 1 at its place and 0 elsewhere.

    (t,) -> (t, channels). No params, no MACs.

    >>> one_hot((77,), channels=10).out
    ((77, 10),)

    Source: torch.nn.functional.one_hot, tf.one_hot.
    """
    return OpCost(out=((*x, channels),), flat=True)


@op("source", replace(VIEW, drawn="alone"))
def source(*, shape: WholeShape, stored: Flag = True) -> OpCost:
    """Put out a stored tensor that depends on no input: a class token, a table of positions, queries, anchors.

    () -> shape. Params: each element is learnt; with `trainable: false` each is a buffer; with `stored: false` none is either,
    as numbers that are made from nothing: zeros, a range. Nothing is written: what it puts out is stored with the weights.

    The position table of ViT-B/16: 14·14 patches and a class token.

    >>> source(shape=(197, 768)).params
    151296
    """
    return OpCost(out=(shape,), weights=product(shape) * int(stored))
