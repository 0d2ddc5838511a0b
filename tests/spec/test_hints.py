"""What is said of names that other tools have."""

from __future__ import annotations

import re

from convcost.ops import OPS
from convcost.spec.hints import ATTRIBUTE_NOTES, ATTRIBUTES, OPS_ABSENT, OPS_ELSEWHERE, op_hint
from convcost.spec.standard import names

#: Of the library, and those that it will have.
BLOCKS = {
    *names(),
    *("multi_head_attention", "transformer_layer", "window_attention", "patch_embedding", "patch_merging"),
    *("feed_forward", "mobilevit_block", "cbam", "eca", "non_local"),
}


def test_what_is_said_of_other_tools_exists_here() -> None:
    for said in OPS_ELSEWHERE.values():
        first = re.split(r"[^a-z0-9_]", said.removeprefix("{"))[0]
        assert first in {*OPS, *BLOCKS, "parallel", "layers", "the"}, said
    attributes = {name for op in OPS.values() for name in op.attrs}
    assert set(ATTRIBUTES.values()) <= attributes
    assert not attributes & (set(ATTRIBUTES) | set(ATTRIBUTE_NOTES))
    assert not {*OPS} & {*OPS_ELSEWHERE, *OPS_ABSENT}
    assert not {*OPS_ELSEWHERE} & {*OPS_ABSENT}


def test_words_for_sequences_and_attention_lead_somewhere() -> None:
    """What Keras, PyTorch and ONNX call the ops of transformers and recurrent networks."""
    meant = {
        "Reshape": "reshape", "nn.Transpose": "transpose", "LSTM": "lstm", "keras.layers.GRU": "gru", "Embedding": "embedding",
        "GatherElements": "gather", "TopK": "top_k", "MatMul": "matmul", "torch.bmm": "matmul", "BatchMatMul": "matmul",
        "Softmax": "softmax", "LogSoftmax": "softmax", "LayerNormalization": "layer_norm", "RMSNorm": "layer_norm",
        "Permute": "transpose", "squeeze": "reshape", "unsqueeze": "reshape", "view": "reshape", "einsum": "matmul",
        "SimpleRNN": "rnn", "Bidirectional": "lstm", "MultiHeadAttention": "multi_head_attention", "Lambda": "the",
        "StridedSlice": "slice", "ReduceMean": "global_avg_pool", "ReduceMax": "reduce", "nn.Parameter": "source",
    }  # fmt: skip
    known = [*OPS, *BLOCKS]
    for word, name in meant.items():
        said = op_hint(word, known)
        assert (
            re.split(r"[^a-z0-9_]", said.partition("Here it is ")[2] or said.partition("Did you mean ")[2])[0] == name
        ), word
