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


def test_words_for_windows_along_one_two_or_three_axes_lead_to_the_op_for_these():
    meant = {
        "Conv1d": "conv1d", "nn.Conv2d": "conv2d", "Conv3D": "conv3d", "CausalConv1d": "conv1d", "conv": "conv2d",
        "Conv1DTranspose": "conv_transpose1d", "Conv2dTranspose": "conv_transpose2d", "Deconv3d": "conv_transpose3d",
        "MaxPool1d": "max_pool1d", "MaxPooling2D": "max_pool", "MaxPool3d": "max_pool3d", "AveragePooling1D": "avg_pool1d",
        "AdaptiveAvgPool1d": "adaptive_avg_pool1d", "AdaptiveMaxPool3d": "adaptive_max_pool3d", "MaxUnpool2d": "upsample",
        "GlobalAveragePooling1D": "global_avg_pool", "GlobalMaxPool3D": "global_max_pool", "DepthwiseConv1D": "conv1d",
        "UpSampling1D": "upsample1d", "UpSampling2D": "upsample", "Upsample": "upsample", "ZeroPadding1D": "pad",
        "ZeroPad2d": "pad", "ReflectionPad3d": "pad", "Cropping2D": "crop", "CenterCrop": "crop", "im2col": "unfold",
        "nn.Unfold": "unfold", "col2im": "fold", "DeformConv2d": "deform_conv2d", "DCNv2": "deformable_conv2d",
        "deformable_conv": "deformable_conv2d", "BatchNorm1d": "batch_norm", "InstanceNorm3d": "group_norm",
        "Dropout2d": "dropout", "SpatialDropout1D": "dropout", "ConvLSTM2D": "",
    }  # fmt: skip
    assert {word: first_op(word) for word in meant} == meant
    assert "length" in op_hint("ZeroPadding1D", OPS)
    assert "depth" in op_hint("ZeroPadding3D", OPS)
    assert op_hint("SeparableConv1D", OPS).count("conv1d") == 2


def first_op(word: str) -> str:
    """The first op or block that is named for a word of another tool."""
    said = op_hint(word, [*OPS, *BLOCKS])
    return re.split(r"[^a-z0-9_]", said.partition("Here it is ")[2] or said.partition("Did you mean ")[2])[0]


def test_words_for_sequences_and_attention_lead_somewhere() -> None:
    """What Keras, PyTorch and ONNX call the ops of transformers and recurrent networks."""
    meant = {
        "Reshape": "reshape", "nn.Transpose": "transpose", "LSTM": "lstm", "keras.layers.GRU": "gru", "Embedding": "embedding",
        "GatherElements": "gather", "TopK": "top_k", "MatMul": "matmul", "torch.bmm": "matmul", "BatchMatMul": "matmul",
        "Softmax": "softmax", "LogSoftmax": "log_softmax", "LayerNormalization": "layer_norm", "RMSNorm": "rms_norm",
        "Permute": "transpose", "squeeze": "reshape", "unsqueeze": "reshape", "view": "reshape", "einsum": "matmul",
        "SimpleRNN": "rnn", "Bidirectional": "lstm", "MultiHeadAttention": "multi_head_attention", "Lambda": "the",
        "StridedSlice": "slice", "ReduceMean": "global_avg_pool", "ReduceMax": "reduce", "nn.Parameter": "source",
    }  # fmt: skip
    assert {word: first_op(word) for word in meant} == meant
