"""Embeddings, and the layers of transformers that KerasHub (KerasNLP before) has, written out."""

from __future__ import annotations

from typing import Any

from convcost.core.errors import Unfit
from convcost.importers.build import combined, taken
from convcost.importers.keras.activations import activated
from convcost.importers.keras.attention import Heads, attend
from convcost.importers.keras.calls import (
    Steps,
    argument,
    arguments,
    check_rank,
    count,
    flag,
    linear,
    rule,
    setting,
    value_of,
)
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.values import Value, channels_at


def of_hub(name: str) -> tuple[str, str]:
    """What a class of KerasHub is called in files, and was before.

    >>> of_hub("RotaryEmbedding")
    ('keras_hub>RotaryEmbedding', 'keras_nlp>RotaryEmbedding')
    """
    return f"keras_hub>{name}", f"keras_nlp>{name}"


# -- embeddings --------------------------------------------------------------------------------------------------------


@rule("Embedding", "ReversibleEmbedding", *of_hub("ReversibleEmbedding"))
def embedding(low: Lowering, op: Op) -> None:
    x = low.read(op)
    rows, channels = count(op, "input_dim"), count(op, "output_dim")
    if not op.type.endswith("ReversibleEmbedding") or not argument(op, "reverse", 1):
        _looked_up(low, op, x, rows, channels)
    elif flag(op, "tie_weights", default=True):
        # A product with the table, which is stored where words are looked up.
        table = low.emit(op, "source", [], {"shape": [rows, channels], "stored": False})
        order = channels_at(x, -1, windows=1)
        step = low.emit(op, "matmul", [low.present(x, order), table.node.name], {"transpose": True})
        low.result(op, step, order, x.rank)
    else:
        reverse = Steps(low, op).step("reverse", x)
        low.same(op, linear(low, reverse, x, rows, bias=False))
    check_rank(low, op)


def _looked_up(low: Lowering, op: Op, x: Value, rows: int, channels: int) -> Value:
    order = channels_at(x, -1) if x.rank > 1 else (None,)
    step = low.emit(op, "embedding", [low.present(x, order)], {"rows": rows, "channels": channels})
    return low.result(op, step, (*order, x.rank), x.rank + 1)


@rule(*of_hub("PositionEmbedding"))
def position_embedding(low: Lowering, op: Op) -> None:
    _positions(low, op, low.read(op), count(op, "sequence_length"))


def _positions(low: Lowering, op: Op, x: Value, length: int) -> Value:
    """A learnt row for each position of a sequence, of a table that may be longer."""
    if x.rank != 3 or not (type(x.shape[0]) is int and x.shape[0] == 1):
        raise Unsupported("positions of a tensor that is no sequence")
    if type(x.shape[1]) is int and x.shape[1] > length:
        raise Unfit(f"the layer has {length:,} positions, and its input {x.shape[1]:,}")
    step = low.emit(op, "source", [], {"shape": [length, x.shape[2]]})
    return taken(low, op, low.result(op, step, [1, 2], 3), 1, 0, x.shape[1])


@rule(*of_hub("TokenAndPositionEmbedding"))
def token_and_position_embedding(low: Lowering, op: Op) -> None:
    x, steps = low.read(op), Steps(low, op)
    if not flag(op, "tie_weights", default=True):
        raise Unsupported("an embedding with other weights in reverse")
    step = steps.step("token_embedding", x)
    tokens = _looked_up(low, step, x, count(op, "vocabulary_size"), count(op, "embedding_dim"))
    step = steps.step("position_embedding", tokens)
    positions = _positions(low, step, tokens, count(op, "sequence_length"))
    step = steps.step("sum", tokens, positions)
    combined(low, step, "add", [tokens, positions])
    steps.put(steps.made(step))


# -- layers ------------------------------------------------------------------------------------------------------------


@rule(*of_hub("TransformerEncoder"), *of_hub("TransformerDecoder"), wants=-1)
def transformer_layer(low: Lowering, op: Op) -> None:
    """Attention of a sequence to itself, perhaps to another one, and two dense layers; each with a sum and a norm."""
    is_decoder = op.type.endswith("Decoder")
    given = arguments(op, *(("decoder_sequence", "encoder_sequence") if is_decoder else ("inputs",)))
    x, *others = (value_of(low, op, each) for each in given.values() if each is not None)
    block = Block(low, op)
    x = block.attention("self_attention", x, x)
    for other in others:
        x = block.attention("cross_attention", x, other)
    block.steps.put(block.feed_forward(x, count(op, "intermediate_dim")))
    low.not_made(op, op.outputs[1:])  # scores, or what is kept of the tokens before


class Block:
    """A layer of a transformer while it is written out."""

    def __init__(self, low: Lowering, op: Op) -> None:
        self.low, self.op, self.steps = low, op, Steps(low, op)
        self.first = flag(op, "normalize_first")

    def normed(self, name: str, x: Value) -> Value:
        step = self.steps.step(f"{name}_layer_norm", x)
        return self.low.layer(step, "layer_norm", x, channels_at(x, -1))

    def around(self, name: str, x: Value, inside: Any) -> Value:
        """What is inside, with a sum around it and a norm before or behind."""
        made = inside(self.normed(name, x) if self.first else x)
        step = self.steps.step(f"{name}_sum", made, x)
        combined(self.low, step, "add", [made, x])
        made = self.steps.made(step)
        return made if self.first else self.normed(name, made)

    def attention(self, name: str, x: Value, other: Value) -> Value:
        heads = count(self.op, "num_heads")
        if type(x.shape[-1]) is not int or x.shape[-1] < heads:
            raise Unsupported("heads of a number of channels that is not known")
        size = x.shape[-1] // heads

        def attended(query: Value) -> Value:
            value = query if other is x else other
            step = self.steps.step(name, query, value)
            return attend(self.low, step, (query, value, value), Heads(heads, heads, size, size), bias=True)

        return self.around(name, x, attended)

    def feed_forward(self, x: Value, channels: int) -> Value:
        def dense(value: Value) -> Value:
            step = self.steps.step("feedforward_intermediate_dense", value)
            made = linear(self.low, step, value, channels, bias=True)
            made = activated(self.low, step, made, setting(self.op, "activation", "relu"))
            return linear(self.low, self.steps.step("feedforward_output_dense", made), made, x.shape[-1], bias=True)

        return self.around("feedforward", x, dense)
