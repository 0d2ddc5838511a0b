"""Attention layers of Keras, written out as linear layers, products and a softmax; and products by an equation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from convcost.core.dims import Dim, product
from convcost.core.errors import Unfit
from convcost.core.units import say
from convcost.importers.build import combined, matrix_product, reduced, unsqueezed
from convcost.importers.keras.activations import activated, softmax
from convcost.importers.keras.calls import (
    Steps,
    arguments,
    as_count,
    axes_of,
    batch_of,
    check_rank,
    count,
    flag,
    inputs_of,
    linear,
    rule,
    setting,
    value_of,
    word,
)
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.values import Value, channels_at, transposed

# -- scaled products ---------------------------------------------------------------------------------------------------


class Heads(NamedTuple):
    """The heads of attention: those of the queries, and the groups of them that share keys and values."""

    queries: int
    groups: int
    size: int
    """Channels of each head of queries and keys."""
    value_size: int


@rule("MultiHeadAttention", "keras_hub>CachedMultiHeadAttention", "keras_nlp>CachedMultiHeadAttention", wants=-1)
def multi_head_attention(low: Lowering, op: Op) -> None:
    heads, size = count(op, "num_heads"), count(op, "key_dim")
    attention_layer(low, op, Heads(heads, heads, size, count(op, "value_dim", size)))
    if op.type != "MultiHeadAttention":
        low.not_made(op, op.outputs[1:])  # what is kept of the tokens before


@rule("GroupedQueryAttention", "GroupQueryAttention", wants=-1)
def grouped_query_attention(low: Lowering, op: Op) -> None:
    size = count(op, "head_dim")
    heads, groups = count(op, "num_query_heads"), count(op, "num_key_value_heads")
    if heads % groups:
        raise Unfit(f"num_key_value_heads must divide num_query_heads, got {groups} for {heads}")
    attention_layer(low, op, Heads(heads, groups, size, size))


def attention_layer(low: Lowering, op: Op, heads: Heads) -> None:
    """A layer of attention with projections."""
    given = arguments(op, "query", "value", "key")
    query, value = value_of(low, op, given["query"]), value_of(low, op, given["value"])
    key = value if given["key"] is None else value_of(low, op, given["key"])
    attend(low, op, (query, key, value), heads, bias=flag(op, "use_bias", default=True))


def attend(low: Lowering, op: Op, tensors: tuple[Value, Value, Value], heads: Heads, *, bias: bool) -> Value:
    """Attention with projections of queries, keys and values, written out."""
    steps, shape = Steps(low, op), tensors[0].shape
    query, key, value = (_tokens(steps, name, x, op) for name, x in zip("qkv", tensors))

    def projected(name: str, x: Value, parts: int, each: int) -> Value:
        made = linear(low, steps.step(name, x), x, parts * each, bias=bias)
        return steps.reshape(f"{name}_heads", made, (*made.shape[:-1], parts, each))

    queries = projected("query", query, heads.queries, heads.size)
    keys = projected("key", key, heads.groups, heads.size)
    values = projected("value", value, heads.groups, heads.value_size)
    if heads.groups != heads.queries:
        grouped = (heads.groups, heads.queries // heads.groups, heads.size)
        queries = steps.reshape("query_groups", queries, (*query.shape[:-1], *grouped))
        keys, values = (
            steps.reshape(name, x, (*x.shape[:-1], 1, x.shape[-1]))
            for name, x in (("key_groups", keys), ("value_groups", values))
        )
    mixed, weights = _mixed(low, steps, queries, keys, values, 1 if heads.groups == heads.queries else 2)
    channels = heads.queries * heads.value_size
    mixed = steps.reshape("heads", mixed, (*query.shape[:-1], channels))
    if flag(op, "use_gate"):
        step = steps.step("gate", query)
        gate = activated(low, step, linear(low, step, query, channels, bias=bias), "sigmoid")
        step = steps.step("gated", mixed, gate)
        combined(low, step, "multiply", [mixed, gate])
        mixed = steps.made(step)
    sizes = _output_sizes(op, shape[-1])
    mixed = linear(low, steps.step("attention_output", mixed), mixed, product(sizes), bias=bias)
    if len(op.outputs) > 1 and puts_scores(op):
        steps.put(steps.reshape("scores", weights, (shape[0], heads.queries, *weights.shape[-2:])), 1)
    made = steps.reshape("output", mixed, (*shape[:-1], *sizes))
    steps.put(made)
    return made


def puts_scores(op: Op) -> bool:
    """Whether a call asks for the scores of attention beside what is mixed by them; by place, versions differ in which."""
    given = op.attrs["kwargs"].get("return_attention_scores", False)
    return given is True or any(each is True for each in op.attrs["args"])


def _output_sizes(op: Op, channels: Dim) -> tuple[Dim, ...]:
    """The sizes of what is put out for each token: those of the queries unless the layer says others."""
    given = setting(op, "output_shape")
    if given is None:
        return (channels,)
    sizes = given if isinstance(given, tuple) else (given,)
    return tuple(as_count(size, "output_shape") for size in sizes)


def _tokens(steps: Steps, name: str, x: Value, op: Op) -> Value:
    """What is attended, as a sequence: a map is one of its positions."""
    if x.rank < 3:
        raise Unfit(f"takes tensors of at least 3 axes, got {x.rank}")
    axes = setting(op, "attention_axes")
    attended = set(axes_of(axes, x.rank, "attention_axes")) if axes is not None else {*range(1, x.rank - 1)}
    if attended == {x.rank - 2}:
        return x
    if attended != {*range(1, x.rank - 1)}:
        raise Unsupported(f"attention along axes {say(axes)} of {x.rank}")
    return steps.reshape(f"{name}_tokens", x, (x.shape[0], product(x.shape[1:-1]), x.shape[-1]))


def _mixed(low: Lowering, steps: Steps, queries: Value, keys: Value, values: Value, heads: int) -> tuple[Value, Value]:
    """Values weighted by the softmax of the products of queries and keys, and these weights.

    All are of the form (batch, …, tokens, heads, channels), with one or two axes of `heads`.
    """
    rank = queries.rank
    token = rank - 2 - heads

    def order_of(x: Value) -> list[int | None]:
        """Heads first, then tokens and channels: what a product takes."""
        outer = [axis for axis in channels_at(x, -1) if axis < token]
        return [*outer, *range(token + 1, rank - 1), token, rank - 1]

    order = order_of(queries)
    # Of the scores, heads stand before the tokens.
    moved = {token: rank - 2, **{token + 1 + i: token + i for i in range(heads)}}
    places = [axis if axis is None else moved.get(axis, axis) for axis in order]
    step = steps.step("scores", queries, keys)
    edges = [low.present(queries, order), low.present(keys, order_of(keys))]
    scores = low.result(step, low.emit(step, "matmul", edges, {"transpose": True}), places, rank)
    weights = softmax(low, steps.step("softmax", scores), scores, -1)
    step = steps.step("mix", weights, values)
    edges = [low.present(weights, places), low.present(values, order_of(values))]
    return low.result(step, low.emit(step, "matmul", edges), order, rank), weights


# -- without projections -----------------------------------------------------------------------------------------------


@rule("Attention", "AdditiveAttention", wants=-1)
def attention(low: Lowering, op: Op) -> None:
    query, value, *more = inputs_of(low, op)
    key = more[0] if more else value
    if not query.rank == key.rank == value.rank == 3:
        raise Unsupported("attention of tensors that have not 3 axes")
    steps = Steps(low, op)
    if op.type == "Attention" and word(op, "score_mode", ("dot", "concat"), "dot") == "dot":
        step = steps.step("scores", query, key)
        matrix_product(low, step, query, key, flip_y=True)
        scores = steps.made(step)
        if flag(op, "use_scale"):
            scores = _scaled(low, steps.step("scale", scores), scores)
    else:
        scores = _additive(low, op, steps, query, key)
    weights = softmax(low, steps.step("softmax", scores), scores, -1)
    step = steps.step("mix", weights, value)
    matrix_product(low, step, weights, value)
    steps.put(steps.made(step))
    if len(op.outputs) > 1 and puts_scores(op):
        steps.put(weights, 1)


def _scaled(low: Lowering, step: Op, x: Value) -> Value:
    """A tensor times one learnt number."""
    edge, order = low.any(x)
    number = low.emit(step, "source", [], {"shape": [1]})
    return low.result(step, low.emit(step, "multiply", [edge, number.node.name]), order, x.rank)


def _additive(low: Lowering, op: Op, steps: Steps, query: Value, key: Value) -> Value:
    """Scores that are sums over the channels of tanh(query + key)."""
    step = steps.step("query_rows", query)
    unsqueezed(low, step, query, [2])
    rows = steps.made(step)
    step = steps.step("key_columns", key)
    unsqueezed(low, step, key, [1])
    columns = steps.made(step)
    step = steps.step("sum", rows, columns)
    combined(low, step, "add", [rows, columns])
    sums, learnt = steps.made(step), flag(op, "use_scale", default=op.type == "AdditiveAttention")
    if learnt and op.type == "Attention":
        sums = _scaled(low, steps.step("scale", sums), sums)
    sums = low.pointwise(steps.step("tanh", sums), "tanh", sums)
    if learnt and op.type == "AdditiveAttention":
        # A factor for each channel, and their sum: a product with a vector.
        step = steps.step("scale", sums)
        sums = linear(low, step, sums, 1, bias=False)
        return steps.reshape("scores", sums, sums.shape[:-1])
    step = steps.step("scores", sums)
    reduced(low, step, sums, [3], "sum", keep=False)
    scores = steps.made(step)
    return _scaled(low, steps.step("weight", scores), scores) if op.type == "Attention" else scores


# -- products by an equation -------------------------------------------------------------------------------------------

_EQUATION = re.compile(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?")


def labels(equation: Any, rank: int) -> tuple[list[str], str, list[str]]:
    """The labels of the axes of what an equation takes, of its weights, and of what it makes; raises `Unfit`.

    >>> labels("...x,xy->...y", 3)
    (['0', '1', 'x'], 'xy', ['0', '1', 'y'])
    """
    found = _EQUATION.fullmatch(equation.replace(" ", "")) if isinstance(equation, str) else None
    if found is None:
        raise Unfit(f"an equation must be of the form ab,bc->ac, got {say(equation)}")
    before, taken, after, weights, before_out, made, after_out = found.groups()
    left = rank - len(taken)
    if (before, after) != (before_out, after_out) or (before and after) or left < 0 or (left and not (before or after)):
        raise Unfit(f"the equation {equation} does not fit a tensor of {rank} axes")
    rest = [str(i) for i in range(left)]
    if any(len({*text}) != len(text) for text in (taken, weights, made)):
        raise Unsupported(f"the equation {equation}, which names an axis twice")
    return (
        [*(rest if before else []), *taken, *(rest if after else [])],
        weights,
        [*(rest if before else []), *made, *(rest if after else [])],
    )


@rule("EinsumDense", wants=-1)
def einsum_dense(low: Lowering, op: Op) -> None:
    x, equation = low.read(op), setting(op, "equation")
    taken, weights, made = labels(equation, x.rank)
    sizes = dict(zip(taken, x.shape))
    given = setting(op, "output_shape", ())
    given = given if isinstance(given, tuple) else (given,)
    explicit = [label for label in made if label.isalpha()]
    for label, size in zip(reversed(explicit), reversed(given)):
        if label not in taken:
            sizes[label] = as_count(size, "output_shape")
    inner = [label for label in taken if label in weights and label not in made]
    shared = [label for label in taken if label in weights and label in made]
    new = [label for label in made if label in weights and label not in taken]
    if {*weights} != {*inner, *shared, *new} or any(label not in sizes for label in made):
        raise Unsupported(f"the equation {equation}")
    if {*taken} != {*inner, *shared, *(label for label in taken if label in made)} or not inner:
        raise Unsupported(f"the equation {equation}")
    bias = setting(op, "bias_axes") or ""
    if not isinstance(bias, str):
        raise Unfit(f"bias_axes must be a text of axes, got {say(bias)}")
    steps = Steps(low, op)
    if shared:
        result = _batched(low, op, x, (taken, made), (inner, shared, new), sizes)
    else:
        result = _contracted(low, op, x, (taken, made), (inner, new), sizes, bias={*bias} == {*new} and bool(new))
    if bias and (shared or {*bias} != {*new}):
        result = _biased(low, op, result, made, {*bias}, sizes)
    activated(low, steps.op, result, setting(op, "activation"))
    check_rank(low, op)


def _contracted(
    low: Lowering,
    op: Op,
    x: Value,
    named: tuple[list[str], list[str]],
    parts: tuple[list[str], list[str]],
    sizes: dict[str, Dim],
    *,
    bias: bool,
) -> Value:
    """A product that is a linear layer: axes are summed over, and others come in their place."""
    (taken, made), (inner, new), steps = named, parts, Steps(low, op)
    kept = [label for label in taken if label not in inner]
    channels = product(sizes[label] for label in new)
    if len(inner) == 1:
        order = channels_at(x, taken.index(inner[0]))
        at = {"at": "positions"} if len(order) > 2 else {}
        x = low.layer(op, "linear", x, order, {"channels": channels, "bias": bias, **at})
        x = transposed(x, [*(taken.index(label) for label in kept), taken.index(inner[0])])
    else:
        x = transposed(x, [taken.index(label) for label in (*kept, *inner)])
        shape = (*x.shape[: len(kept)], product(sizes[label] for label in inner))
        x = steps.reshape("inner", x, shape)
        x = linear(low, op, x, channels, bias=bias)
    if len(new) != 1:
        x = steps.reshape("new", x, (*x.shape[: len(kept)], *(sizes[label] for label in new)))
    now = [*kept, *new]
    return transposed(x, [now.index(label) for label in made])


def _batched(
    low: Lowering,
    op: Op,
    x: Value,
    named: tuple[list[str], list[str]],
    parts: tuple[list[str], list[str], list[str]],
    sizes: dict[str, Dim],
) -> Value:
    """A product with other weights for each index of some axes."""
    (taken, made), (inner, shared, new) = named, parts
    if len(inner) != 1 or len(new) != 1:
        raise Unsupported("a product over several axes, with other weights along further ones")
    free = [label for label in taken[0 if batch_of(x) else 1 :] if label not in inner and label not in shared]
    *leading, row = [*shared, *free] if free else [*shared, ""]
    order = [*(taken.index(label) for label in leading), taken.index(row) if row else None, taken.index(inner[0])]
    shape = [*(sizes[label] if label in shared else 1 for label in leading), sizes[inner[0]], sizes[new[0]]]
    weights = low.emit(op, "source", [], {"shape": shape})
    step = low.emit(op, "matmul", [low.present(x, order), weights.node.name])
    places = [*(made.index(label) for label in leading), made.index(row) if row else None, made.index(new[0])]
    return low.result(op, step, places, len(made))


def _biased(low: Lowering, op: Op, x: Value, made: Sequence[str], axes: set[str], sizes: dict[str, Dim]) -> Value:
    """A stored number added along some axes."""
    if not axes <= {*made}:
        raise Unfit(f"bias_axes must be axes of what is made, got {''.join(sorted(axes))}")
    edge, order = low.any(x)
    shape = [sizes[made[at]] if at is not None and made[at] in axes else 1 for at in order]
    step = Steps(low, op).step("bias", x)
    source = low.emit(step, "source", [], {"shape": shape})
    return low.result(step, low.emit(step, "add", [edge, source.node.name], {"broadcast": True}), order, x.rank)
