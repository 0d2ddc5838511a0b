"""Attention, as one op of the standard or of onnxruntime: two products, and a softmax between them."""

from __future__ import annotations

from convcost.core.dims import Dim
from convcost.core.errors import Unfit
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.onnx.choosing import embedded
from convcost.importers.onnx.norms import normalised
from convcost.importers.onnx.steps import Steps
from convcost.importers.onnx.table import handed_on, of_microsoft, rule, whole, wholes
from convcost.importers.values import Value


def heads_of(steps: Steps, name: str, heads: int) -> str:
    """Tokens of all heads side by side, as (batch, heads, tokens, channels of a head)."""
    value = steps.value(name)
    if value.rank != 3 or heads < 1:
        raise Unfit(f"needs tokens of (batch, tokens, channels) for {heads} heads, got {value.rank} axes")
    batch, tokens, channels = value.shape
    split = steps.reshaped(name, [batch, tokens, heads, channels // heads])
    return steps.transposed(split, (0, 2, 1, 3))


def attended(steps: Steps, query: str, key: str, value: str, *, scores_at: int = 0) -> str:
    """What queries find in keys and values, all of (batch, heads, tokens, channels); several heads may share a key.

    The scores are the result of the whole op of this number, if it has one.
    """
    if any(steps.value(name).rank != 4 for name in (query, key, value)):
        raise Unfit("needs queries, keys and values of (batch, heads, tokens, channels)")
    batch, heads, tokens, depth = steps.value(query).shape
    shared = steps.value(key).shape[1]
    if heads is not shared and heads != shared:
        query = steps.reshaped(query, [batch, shared, heads // shared * tokens, depth])
    scores = steps.along(steps.product(query, key, flip=True), "softmax", -1)
    if scores_at and scores_at < len(steps.whole.outputs):
        every = [batch, heads, tokens, steps.value(key).shape[2]]
        steps.done(steps.reshaped(scores, every) if heads != shared else scores, scores_at)
    found = steps.product(scores, value)
    wide = steps.value(value).shape[-1]
    return steps.reshaped(found, [batch, heads, tokens, wide]) if heads != shared else found


def merged(steps: Steps, name: str) -> str:
    """The heads side by side again."""
    batch, heads, tokens, depth = steps.value(name).shape
    return steps.reshaped(steps.transposed(name, (0, 2, 1, 3)), [batch, tokens, heads * depth])


def continued(low: Lowering, op: Op, steps: Steps, name: str, past: int, i: int) -> str:
    """Keys or values behind those of earlier tokens, if there are such; the i-th result of the op are all of them."""
    before = low.optional(op, past)
    if before is not None and before.rank == 4:
        name = steps.joined([op.inputs[past], name], 2)
    if i < len(op.outputs) and op.outputs[i]:
        steps.done(name, i)
    return name


@rule("Attention", wants=-1, of_all=True)
def attention(low: Lowering, op: Op) -> None:
    steps = Steps(low, op)
    names = list(op.inputs[:3])
    flat = [low.read(op, i).rank for i in range(3)] == [3, 3, 3]
    if flat:
        heads, shared = whole(op, "q_num_heads"), whole(op, "kv_num_heads")
        names = [heads_of(steps, name, count) for name, count in zip(names, (heads, shared, shared))]
    query, key, value = names
    key = continued(low, op, steps, key, 4, 1)
    value = continued(low, op, steps, value, 5, 2)
    found = attended(steps, query, key, value, scores_at=3)
    steps.done(merged(steps, found) if flat else found)


@rule(*of_microsoft("Attention", "QAttention"), wants=-1)
def packed_attention(low: Lowering, op: Op) -> None:
    """Attention that makes queries, keys and values itself, by one stored matrix."""
    x, weights, bias = low.read(op), low.read(op, 1), low.optional(op, 2)
    heads = whole(op, "num_heads")
    if x.rank != 3 or weights.rank != 2:
        raise Unfit("needs tokens and a stored matrix")
    if op.type.endswith("QAttention"):
        for i in (3, 4, 6, 7):
            scale = low.optional(op, i)
            low.accounts.set_aside(scale.stored if scale is not None else ())
    wide = weights.shape[1]
    widths: list[Dim] = list(wholes(op, "qkv_hidden_sizes")) or [wide // 3] * 3
    if low.optional(op, 8 if op.type.endswith("QAttention") else 4) is not None or any(op.outputs[1:]):
        whole_shape = (*x.shape[:2], widths[-1])
        raise Unsupported(
            "keys and values of earlier tokens, or for later ones", [] if any(op.outputs[1:]) else [whole_shape]
        )
    steps = Steps(low, op)
    query, key, value = steps.cut(steps.linear(op.inputs[0], wide, weights, bias), 2, widths)
    names = [heads_of(steps, name, heads) for name in (query, key, value)]
    steps.done(merged(steps, attended(steps, *names)))


@rule(*of_microsoft("MultiHeadAttention", "GroupQueryAttention"), wants=-1, of_all=True)
def many_heads(low: Lowering, op: Op) -> None:
    grouped = op.type.endswith("GroupQueryAttention")
    heads = whole(op, "num_heads")
    shared = whole(op, "kv_num_heads") if grouped else heads
    steps = Steps(low, op)
    x, key, value = (low.optional(op, i) for i in range(3))
    if x is None or x.rank != 3:
        raise Unsupported("queries, keys and values in one tensor")
    names = list(op.inputs[:3])
    if key is None or value is None:
        if not grouped:
            raise Unsupported("queries, keys and values in one tensor")
        depth = x.shape[2] // (heads + 2 * shared)
        names = list(steps.cut(op.inputs[0], 2, [heads * depth, shared * depth, shared * depth]))
    elif not grouped and low.optional(op, 3) is not None:
        names = _with_bias(low, op, steps, names)
    split = [
        heads_of(steps, name, count) if steps.value(name).rank == 3 else name
        for name, count in zip(names, (heads, shared, shared))
    ]
    past = 3 if grouped else 6
    split[1] = continued(low, op, steps, split[1], past, 1)
    split[2] = continued(low, op, steps, split[2], past + 1, 2)
    steps.done(merged(steps, attended(steps, *split)))


def _with_bias(low: Lowering, op: Op, steps: Steps, names: list[str]) -> list[str]:
    """Queries, keys and values plus their parts of one stored vector."""
    bias = low.read(op, 3)
    widths = [steps.value(name).shape[-1] for name in names]
    low.notes.setdefault("the biases inside MultiHeadAttention are counted as sums")
    return [
        steps.combined("add", name, steps.name(Value((width,), bias.dtype, stored=bias.stored, computed=True)))
        for name, width in zip(names, widths)
    ]


@rule("RotaryEmbedding", *of_microsoft("RotaryEmbedding", "GemmaRotaryEmbedding"))
def rotary(low: Lowering, op: Op) -> None:
    """Each pair of channels turned by an angle that depends on the place of the token."""
    x = low.read(op)
    for i in (1, 2, 3):
        table = low.optional(op, i)
        low.accounts.set_aside(table.stored if table is not None else ())
    low.pointwise(op, "function", x, {"of": "scale"})


@rule(*of_microsoft("EmbedLayerNormalization"))
def embedding_norm(low: Lowering, op: Op) -> None:
    """The sum of the embeddings of words, positions and segments, and its norm."""
    ids, segments = low.read(op), low.optional(op, 1)
    words, places, kinds = low.read(op, 2), low.read(op, 3), low.optional(op, 4)
    steps = Steps(low, op)
    first = steps.op(op.inputs[0])
    total = first.outputs[0]
    embedded(low, first, words, ids)
    tokens = ids.shape[-1]
    rows = steps.taken(op.inputs[3], 0, 0, tokens) if places.rank == 2 else op.inputs[3]
    total = steps.combined("add", total, rows)
    if segments is not None and kinds is not None:
        second = steps.op(op.inputs[1])
        embedded(low, second, kinds, segments)
        total = steps.combined("add", total, second.outputs[0])
    value = steps.value(total)
    normalised(low, op, value, value.rank - 1, low.optional(op, 5), low.optional(op, 6))
    handed_on(low, op, value, "", 2)
    handed_on(low, op, ids, "int32", 1)
