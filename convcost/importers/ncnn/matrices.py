"""ncnn's layers that multiply matrices or look up rows: inner products, products, attention, recurrent layers, embeddings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from convcost.core.dims import Dim, Shape, product
from convcost.core.errors import Unfit
from convcost.core.units import shape_text
from convcost.importers.build import along, check_added, combined, concatenated, linear, matrix_product, squeezed, taken
from convcost.importers.contents import same
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.ncnn.given import BLOBS, KEPT, number, whole
from convcost.importers.ncnn.rules import blobs_of, made, rule
from convcost.importers.values import Value, is_one


def own(low: Lowering, op: Op, name: str) -> Value | None:
    """What a layer stores under this name; None if it stores no such."""
    names = op.attrs[KEPT]
    return low.read(op, op.attrs[BLOBS] + names.index(name)) if name in names else None


@rule("InnerProduct", wants=-1, merged=True)
def inner_product(low: Lowering, op: Op) -> None:
    """A product with a stored matrix: of each row, if rows are as long as it is wide, else of all elements."""
    x, weights, bias, channels = low.read(op), low.read(op, 1), low.optional(op, 2), whole(op.attrs, 0, 0)
    inner = weights.stored[0].elements // channels if channels > 0 else 0
    if x.rank != 2 and not (x.rank == 3 and same(x.shape[2], inner) is True):
        flat = low.part(op, "flat")
        low.reshape(flat, x, (1, product(x.shape[1:])))
        x = made(low, flat)
    linear(low, op, x, -1, channels, weights, bias)


@rule("Gemm", wants=-1, of_all=True, reads=None)
def gemm(low: Lowering, op: Op) -> None:
    """A product of matrices, which may be put out transposed, or as a map of one row for each channel."""
    is_turned, is_map = bool(whole(op.attrs, 14, 0)), bool(whole(op.attrs, 11, 0))
    if not is_turned and not is_map:
        _gemm(low, op)
        return
    plain = replace(op, outputs=low.part(op, "product").outputs)
    _gemm(low, plain)
    order = (0, 2, 1) if is_turned else (0, 1, 2)
    turned = low.part(op, "turned") if is_map else op
    low.transpose(turned, made(low, plain), order)
    if is_map:
        low.relabel(op, made(low, turned), (0, 1, None, 2))


def _gemm(low: Lowering, op: Op) -> None:
    """Each of the matrices is stored or computed, transposed or not; something may be added to their product."""
    read = blobs_of(low, op)
    x, y = (one if (one := own(low, op, name)) is not None else _matrix(low, op, name, read) for name in "AB")
    c = own(low, op, "C") if whole(op.attrs, 6, 0) else read[0] if read else None
    flip_x, flip_y = bool(whole(op.attrs, 2, 0)), bool(whole(op.attrs, 3, 0))
    scales = [number(op.attrs, at, 1.0) for at in (0, 1)]
    if flip_x and y.stored:
        x, flip_x = _turned(low, low.part(op, "A"), x), False
    if flip_y and x.stored:
        y, flip_y = _turned(low, low.part(op, "B"), y), False
    columns = y.shape[-2 if flip_y else -1]
    if _is_linear(x, y, c, columns) and scales == [1, 1]:
        linear(low, op, x, -1, columns, y, c)
        return
    matrix_product(low, op, x, y, flip_x=flip_x, flip_y=flip_y)
    if c is not None:
        c = _summand(low, op, c, *made(low, op).shape[-2:])
    if c is not None and scales[1] != 1:
        part = low.part(op, "multiple")
        low.pointwise(part, "function", c, {"of": "scale"})
        c = made(low, part)
    if c is not None:
        combined(low, op, "add", [made(low, op), c])
    if scales[0] != 1:
        low.pointwise(op, "function", made(low, op), {"of": "scale"})


def _matrix(low: Lowering, op: Op, name: str, read: list[Value]) -> Value:
    """The next of the blobs as a matrix: a vector is a row, and a map of one row for each channel is that of these rows."""
    if not read:
        raise Unfit("needs two matrices")
    x = read.pop(0)
    if x.rank == 3:
        return x
    if x.rank > 4 or not is_one(x.shape[-2] if x.rank == 4 else 1):
        raise Unfit(f"multiplies matrices, got a blob of {shape_text(x.shape[1:])} (channels first)")
    rows = low.part(op, f"{name} rows")
    low.relabel(rows, x, (0, 1, 3) if x.rank == 4 else (0, None, 1))
    return made(low, rows)


def _summand(low: Lowering, op: Op, c: Value, rows: Dim, columns: Dim) -> Value:
    """What is added to a product: a number, or one for each row, each column or each element.

    Another blob that is a vector has one for each row if it has not as many elements as there are columns.
    """
    shown = c.shape if whole(op.attrs, 6, 0) else c.shape[1:]
    if c.rank == 2 and shown == c.shape[1:] and not is_one(c.shape[1]) and same(c.shape[1], columns) is False:
        part = low.part(op, "C rows")
        low.relabel(part, c, (0, 1, None))
        c = made(low, part)
    check_added(c.shape if whole(op.attrs, 6, 0) else c.shape[1:], (rows, columns), shown)
    return c


def _turned(low: Lowering, op: Op, x: Value) -> Value:
    """A matrix whose rows are read as columns."""
    low.transpose(op, x, (*range(x.rank - 2), x.rank - 1, x.rank - 2))
    return made(low, op)


def _is_linear(x: Value, y: Value, c: Value | None, columns: Dim) -> bool:
    """Whether a product is that of rows with a stored matrix, plus a stored bias for each column."""
    if x.is_constant or not y.stored:
        return False
    return c is None or (bool(c.stored) and c.rank == 1 and c.shape[0] == columns)


@rule("MatMul", wants=-1, of_all=True, reads=2)
def matmul(low: Lowering, op: Op) -> None:
    """A product of matrices; a vector is a row of the first and a column of the second, and that axis is none of the product's."""
    x, y, flip = low.read(op), low.read(op, 1), bool(whole(op.attrs, 0, 0))
    is_row, is_column = x.rank == 2, y.rank == 2
    if not is_row and not is_column:
        matrix_product(low, op, x, y, flip_y=flip)
        return
    row, column, whole_product = (low.part(op, what) for what in ("row", "column", "matrix"))
    if is_row:
        low.relabel(row, x, (0, None, 1))
        x = made(low, row)
    if is_column:
        low.relabel(column, y, (0, 1, None))
        y, flip = made(low, column), False
    matrix_product(low, whole_product, x, y, flip_y=flip)
    squeezed(low, op, made(low, whole_product), [-2] if is_row else [-1])


@rule("Embed")
def embed(low: Lowering, op: Op) -> None:
    """A row of a stored table for each number, and what is added to it."""
    x, table, bias = low.read(op), low.read(op, 1), low.optional(op, 2)
    rows, channels = table.shape
    edge, order = low.any(x)
    step = low.emit(op, "embedding", [edge], {"rows": rows, "channels": channels}, {"weights": (table,)})
    value = low.result(op, step, (*(order or (None,)), x.rank), x.rank + 1)
    if bias is not None:
        combined(low, op, "add", [value, bias])


# -- attention ---------------------------------------------------------------------------------------------------------


class _Parts:
    """The steps of a layer that is several nodes."""

    def __init__(self, low: Lowering, op: Op) -> None:
        self.low, self.op = low, op

    def __call__(self, what: str, *reads: str) -> Op:
        return replace(self.low.part(self.op, what, reads), name=f"{self.op.name}_{what}")

    def linear(self, what: str, x: Value, channels: Dim, weights: Value, bias: Value | None) -> Value:
        return linear(self.low, self(what), x, -1, channels, weights, bias)

    def heads(self, what: str, x: Value, heads: int) -> Value:
        """(1, tokens, channels) as (1, heads, tokens, channels of a head)."""
        split, turned = self(f"{what}_split"), self(f"{what}_heads")
        self.low.reshape(split, x, (*x.shape[:2], heads, x.shape[2] // heads))
        self.low.transpose(turned, made(self.low, split), (0, 2, 1, 3))
        return made(self.low, turned)


@rule("MultiHeadAttention", wants=-1, of_all=True, reads=None, makes=None)
def attention(low: Lowering, op: Op) -> None:
    """Queries, keys and values of up to three inputs, what queries find, and a product that leads out."""
    read = blobs_of(low, op)
    if whole(op.attrs, 5, 0) or whole(op.attrs, 7, 0) or not 1 <= len(read) <= 3:
        raise Unsupported("a mask that is added, or keys of earlier tokens")
    if len(op.outputs) != 1:
        raise Unfit(f"makes {len(op.outputs)} blobs, where 1 is needed")
    query = read[0]
    key = read[1] if len(read) > 1 else query
    value = read[2] if len(read) > 2 else key
    if any(one.rank != 3 for one in (query, key, value)):
        raise Unfit("needs tokens of (channels, tokens)")
    wide, heads = whole(op.attrs, 0, 0), whole(op.attrs, 1, 1)
    if heads < 1 or wide < 1 or wide % heads:
        raise Unfit(f"has {heads} heads of {wide} channels")
    parts = _Parts(low, op)
    ways = []
    for name, x in (("q", query), ("k", key), ("v", value)):
        weights, bias = own(low, op, f"{name}.weights"), own(low, op, f"{name}.biases")
        assert weights is not None
        ways.append(parts.heads(name, parts.linear(name, x, wide, weights, bias), heads))
    scores, chances, found, joined, flat = (parts(what) for what in ("scores", "softmax", "found", "join", "flat"))
    matrix_product(low, scores, ways[0], ways[1], flip_y=True)
    along(low, chances, "softmax", made(low, scores), -1)
    matrix_product(low, found, made(low, chances), ways[2])
    low.transpose(joined, made(low, found), (0, 2, 1, 3))
    low.reshape(flat, made(low, joined), (1, query.shape[1], wide))
    weights, bias = own(low, op, "out.weights"), own(low, op, "out.biases")
    assert weights is not None
    linear(low, replace(op, name=f"{op.name}_out"), made(low, flat), -1, weights.shape[1], weights, bias)


@rule("SDPA", wants=-1, of_all=True, reads=None, makes=None)
def scaled_attention(low: Lowering, op: Op) -> None:
    """What queries of (heads, tokens, channels) find in keys and values, which several heads may share; a mask, earlier tokens."""
    read = blobs_of(low, op)
    masked, cached = whole(op.attrs, 5, 0) != 0, whole(op.attrs, 7, 0) != 0
    if len(read) != 3 + masked + 2 * cached or any(one.rank != 4 for one in read[:3]):
        raise Unfit(f"needs queries, keys and values of (heads, tokens, channels){' and a mask' if masked else ''}")
    query, key, value = read[:3]
    parts = _Parts(low, op)
    if cached:
        key, value = (_continued(low, parts, op, i, one, read[-2 + i]) for i, one in enumerate((key, value)))
    groups: Any = key.shape[1]
    heads, tokens, depth = query.shape[1:]
    shared = same(heads, groups) is not True
    if shared:
        joined = parts("q_groups")
        low.reshape(joined, query, (1, groups, heads // groups * tokens, depth))
        query = made(low, joined)
    scores, chances, found = (parts(what) for what in ("scores", "softmax", "found"))
    matrix_product(low, scores, query, key, flip_y=True)
    before = made(low, scores)
    if masked:
        before = _masked(low, parts, before, read[3], (1, heads, tokens, key.shape[2]))
    along(low, chances, "softmax", before, -1)
    matrix_product(low, found if shared else op, made(low, chances), value)
    if shared:
        low.reshape(replace(op, inputs=found.outputs), made(low, found), (1, heads, tokens, value.shape[3]))


def _continued(low: Lowering, parts: _Parts, op: Op, i: int, now: Value, past: Value) -> Value:
    """Keys or values behind those of earlier tokens, which the layer hands on as well."""
    part = parts("kv"[i])
    concatenated(low, part, [past, now], 2)
    low.define(op, made(low, part), i + 1)
    return made(low, part)


def _masked(low: Lowering, parts: _Parts, scores: Value, mask: Value, shape: Shape) -> Value:
    """Scores with a mask added: one for all heads, or of each."""
    split, added, back = (parts(what) for what in ("scores_heads", "mask", "scores_groups"))
    low.reshape(split, scores, shape)
    if mask.rank < 4:
        wide = parts("mask_heads")
        low.relabel(wide, mask, [0, *[None] * (4 - mask.rank), *range(1, mask.rank)])
        mask = made(low, wide)
    combined(low, added, "add", [made(low, split), mask])
    low.reshape(back, made(low, added), scores.shape)
    return made(low, back)


@rule("RotaryEmbed", wants=-1, reads=3)
def rotary(low: Lowering, op: Op) -> None:
    """Each pair of channels turned by an angle that depends on the place of the token."""
    low.pointwise(op, "function", low.read(op), {"of": "scale"})


# -- recurrent layers --------------------------------------------------------------------------------------------------


@rule("LSTM", "RNN", "GRU", wants=-1, reads=None, makes=None)
def recurrent(low: Lowering, op: Op) -> None:
    """A sequence of (tokens, channels) to the states, and if asked for the last of them."""
    x, wide = low.read(op), whole(op.attrs, 0, 0)
    ways = 2 if whole(op.attrs, 2, 0) == 2 else 1
    hidden = whole(op.attrs, 3, wide) if op.type == "LSTM" else wide
    if x.rank != 3:
        raise Unfit(f"needs tokens of channels, got {x.rank - 1} axes")
    shapes = [(1, x.shape[1], ways * wide), (1, ways, wide), (1, ways, hidden)][: len(op.outputs)]
    if op.type == "GRU":
        raise Unsupported("a GRU with four biases for each channel", shapes)
    if hidden != wide and len(op.outputs) > 2:
        raise Unsupported("cells that are not those that it makes", shapes)
    weights, states, biases, projection = (own(low, op, name) for name in ("weights", "states", "biases", "projection"))
    used: dict[str, Any] = {"weights": tuple(one for one in (weights, states, projection) if one is not None)}
    attrs: dict[str, Any] = {"channels": hidden, "bidirectional": ways == 2, "biases": 1}
    if projection is not None:
        attrs["projection"] = wide
    step = low.emit(op, op.type.lower(), [low.present(x, (1, 2))], attrs, used | {"biases": (biases,)})
    value = low.result(op, step, (1, 2), 3)
    for i in range(1, len(op.outputs)):
        last = low.part(op, f"last {i}")
        taken(low, last, value, 1, x.shape[1] - 1, x.shape[1])
        low.reshape(replace(op, inputs=last.outputs, outputs=(op.outputs[i],)), made(low, last), (1, ways, wide))
