"""The words of TFLite's schema: operators, their options field by field, types of elements.

What a newer schema adds stands at the end of each list; nothing is ever taken out of it.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


#: Operators, by number.
OPERATORS: Final = _words("""
    ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
    FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC
    LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX SPACE_TO_DEPTH
    SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD UNIDIRECTIONAL_SEQUENCE_RNN GATHER
    BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE
    BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM
    ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE
    TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK
    LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL
    FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL
    REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND
    HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4 NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM
    BATCH_MATMUL PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS
    HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE READ_VARIABLE
    ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL GELU
    DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2
    UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT STABLEHLO_LOGISTIC STABLEHLO_ADD STABLEHLO_DIVIDE
    STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM STABLEHLO_RESHAPE STABLEHLO_CLAMP STABLEHLO_CONCATENATE
    STABLEHLO_BROADCAST_IN_DIM STABLEHLO_CONVOLUTION STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE
    STABLEHLO_ABS STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR STABLEHLO_LOG
    STABLEHLO_MINIMUM STABLEHLO_NEGATE STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER STABLEHLO_RSQRT
    STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER STABLEHLO_COMPARE STABLEHLO_CONVERT
    STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE STABLEHLO_PAD STABLEHLO_IOTA STABLEHLO_DOT_GENERAL
    STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT STABLEHLO_WHILE STABLEHLO_GATHER STABLEHLO_TRANSPOSE DILATE
    STABLEHLO_RNG_BIT_GENERATOR REDUCE_WINDOW STABLEHLO_COMPOSITE STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT
""")

#: Tables of options, by number: those an operator's field builtin_options may hold, then builtin_options_2.
OPTIONS: Final = _words("""
    NONE Conv2D DepthwiseConv2D ConcatEmbeddings LSHProjection Pool2D SVDF RNN FullyConnected Softmax Concatenation
    Add L2Norm LocalResponseNormalization LSTM ResizeBilinear Call Reshape SkipGram SpaceToDepth
    EmbeddingLookupSparse Mul Pad Gather BatchToSpaceND SpaceToBatchND Transpose Reducer Sub Div Squeeze SequenceRNN
    StridedSlice Exp TopKV2 Split LogSoftmax Cast Dequantize MaximumMinimum ArgMax Less Neg PadV2 Greater
    GreaterEqual LessEqual Select Slice TransposeConv SparseToDense Tile ExpandDims Equal NotEqual Shape Pow ArgMin
    FakeQuant Pack LogicalOr OneHot LogicalAnd LogicalNot Unpack FloorDiv Square ZerosLike Fill
    BidirectionalSequenceLSTM BidirectionalSequenceRNN UnidirectionalSequenceLSTM FloorMod Range
    ResizeNearestNeighbor LeakyRelu SquaredDifference MirrorPad Abs SplitV Unique ReverseV2 AddN GatherNd Cos Where
    Rank ReverseSequence MatrixDiag Quantize MatrixSetDiag HardSwish If While DepthToSpace NonMaxSuppressionV4
    NonMaxSuppressionV5 ScatterNd SelectV2 Densify SegmentSum BatchMatMul Cumsum CallOnce BroadcastTo Rfft2d Conv3D
    Hashtable HashtableFind HashtableImport HashtableSize VarHandle ReadVariable AssignVariable Random Bucketize
    Gelu DynamicUpdateSlice UnsortedSegmentProd UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentSum ATan2 Sign
    Bitcast BitwiseXor RightShift
""")
OPTIONS_2: Final = _words("""
    NONE StablehloConcatenate StablehloBroadcastInDim StablehloSlice StablehloConvolution StablehloCustomCall
    StablehloReduce StablehloScatter StablehloCompare StablehloDynamicSlice StablehloPad StablehloIota
    StablehloDotGeneral StablehloReduceWindow StablehloSort StablehloWhile StablehloGather StablehloTranspose Dilate
    StablehloRngBitGenerator ReduceWindow StableHLOComposite StablehloShiftLeft
""")

#: Types of elements, by number -> the names that reports use; a dash for those that are no numbers, or none of those.
TYPES: Final = _words("""
    fp32 fp16 int32 uint8 int64 - bool int16 - int8 fp64 - uint64 - - uint32 uint16 int4 bf16 int2
""")

#: Words of the schema's enumerations, by number.
WORDS: Final = {
    "padding": ("SAME", "VALID"),
    "activation": ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT"),
    "weights": ("DEFAULT", "SHUFFLED4x16INT8"),
    "mirror": ("REFLECT", "SYMMETRIC"),
    "kernel": ("FULL", "BASIC"),
    "combiner": ("SUM", "MEAN", "SQRTN"),
    "window": ("UNSUPPORTED", "ADD", "MUL", "MINIMUM", "MAXIMUM", "ALL", "ANY"),
    "direction": ("EQ", "NE", "GE", "GT", "LE", "LT"),
}

#: Options -> their fields in the order of their slots: NAME:KIND, with its default behind `=` where that is not 0. The kind is
#: a letter of the module `struct`, with `[]` for a vector; a list of `WORDS`; `type`; `text`; `body`, the number of a
#: subgraph; a dash is a slot that is used no more.
_FIELDS: Final = {
    "Conv2D": "padding:padding stride_w:i stride_h:i fused_activation_function:activation "
    "dilation_w_factor:i=1 dilation_h_factor:i=1 quantized_bias_type:type",
    "Conv3D": "padding:padding stride_d:i stride_w:i stride_h:i fused_activation_function:activation "
    "dilation_d_factor:i=1 dilation_w_factor:i=1 dilation_h_factor:i=1",
    "Pool2D": "padding:padding stride_w:i stride_h:i filter_width:i filter_height:i fused_activation_function:activation",
    "DepthwiseConv2D": "padding:padding stride_w:i stride_h:i depth_multiplier:i fused_activation_function:activation "
    "dilation_w_factor:i=1 dilation_h_factor:i=1",
    "ConcatEmbeddings": "num_channels:i num_columns_per_channel:i[] embedding_dim_per_channel:i[]",
    "LSHProjection": "type:b",
    "SVDF": "rank:i fused_activation_function:activation asymmetric_quantize_inputs:?",
    "RNN": "fused_activation_function:activation asymmetric_quantize_inputs:?",
    "SequenceRNN": "time_major:? fused_activation_function:activation asymmetric_quantize_inputs:?",
    "BidirectionalSequenceRNN": "time_major:? fused_activation_function:activation merge_outputs:? "
    "asymmetric_quantize_inputs:?",
    "FullyConnected": "fused_activation_function:activation weights_format:weights keep_num_dims:? "
    "asymmetric_quantize_inputs:? quantized_bias_type:type",
    "Softmax": "beta:f",
    "Concatenation": "axis:i fused_activation_function:activation",
    "Add": "fused_activation_function:activation pot_scale_int16:?=1",
    "Mul": "fused_activation_function:activation",
    "L2Norm": "fused_activation_function:activation",
    "LocalResponseNormalization": "radius:i bias:f alpha:f beta:f",
    "LSTM": "fused_activation_function:activation cell_clip:f proj_clip:f kernel_type:kernel asymmetric_quantize_inputs:?",
    "UnidirectionalSequenceLSTM": "fused_activation_function:activation cell_clip:f proj_clip:f time_major:? "
    "asymmetric_quantize_inputs:? diagonal_recurrent_tensors:?",
    "BidirectionalSequenceLSTM": "fused_activation_function:activation cell_clip:f proj_clip:f merge_outputs:? "
    "time_major:?=1 asymmetric_quantize_inputs:?",
    "ResizeBilinear": "- - align_corners:? half_pixel_centers:?",
    "ResizeNearestNeighbor": "align_corners:? half_pixel_centers:?",
    "Call": "subgraph:body",
    "Reshape": "new_shape:i[]",
    "SkipGram": "ngram_size:i max_skip_size:i include_all_ngrams:?",
    "SpaceToDepth": "block_size:i",
    "DepthToSpace": "block_size:i",
    "Sub": "fused_activation_function:activation pot_scale_int16:?=1",
    "Div": "fused_activation_function:activation",
    "EmbeddingLookupSparse": "combiner:combiner",
    "Gather": "axis:i batch_dims:i",
    "Reducer": "keep_dims:?",
    "Squeeze": "squeeze_dims:i[]",
    "Split": "num_splits:i",
    "SplitV": "num_splits:i",
    "StridedSlice": "begin_mask:i end_mask:i ellipsis_mask:i new_axis_mask:i shrink_axis_mask:i offset:?",
    "Cast": "in_data_type:type out_data_type:type",
    "ArgMax": "output_type:type",
    "ArgMin": "output_type:type",
    "TransposeConv": "padding:padding stride_w:i stride_h:i fused_activation_function:activation quantized_bias_type:type",
    "SparseToDense": "validate_indices:?",
    "Shape": "out_type:type",
    "FakeQuant": "min:f max:f num_bits:i narrow_range:?",
    "Pack": "values_count:i axis:i",
    "OneHot": "axis:i",
    "Unpack": "num:i axis:i",
    "LeakyRelu": "alpha:f",
    "MirrorPad": "mode:mirror",
    "Unique": "idx_out_type:type=2",
    "ReverseSequence": "seq_dim:i batch_dim:i",
    "If": "then_subgraph_index:body else_subgraph_index:body",
    "While": "cond_subgraph_index:body body_subgraph_index:body",
    "CallOnce": "init_subgraph_index:body",
    "BatchMatMul": "adj_x:? adj_y:? asymmetric_quantize_inputs:?",
    "Cumsum": "exclusive:? reverse:?",
    "Hashtable": "table_id:i key_dtype:type value_dtype:type",
    "VarHandle": "container:text shared_name:text",
    "Random": "seed:q seed2:q",
    "Bucketize": "boundaries:f[]",
    "Gelu": "approximate:?",
    "ReduceWindow": "reduce_function:window",
    "StablehloConcatenate": "dimension:q",
    "StablehloBroadcastInDim": "broadcast_dimensions:q[]",
    "StablehloSlice": "start_indices:q[] limit_indices:q[] strides:q[]",
    "StablehloConvolution": "window_strides:q[] padding:q[] lhs_dilation:q[] rhs_dilation:q[] window_reversal:?[] "
    "input_batch_dimension:q input_feature_dimension:q input_spatial_dimensions:q[] kernel_input_feature_dimension:q "
    "kernel_output_feature_dimension:q kernel_spatial_dimensions:q[] output_batch_dimension:q "
    "output_feature_dimension:q output_spatial_dimensions:q[] feature_group_count:q batch_group_count:q",
    "StablehloCustomCall": "call_target_name:text has_side_effect:? backend_config:text api_version:i",
    "StablehloReduce": "dimensions:q[] body_subgraph_index:body",
    "StablehloScatter": "indices_are_sorted:? update_window_dims:q[] inserted_window_dims:q[] "
    "scatter_dims_to_operand_dims:q[] index_vector_dim:q unique_indices:? update_computation_subgraph_index:body",
    "StablehloCompare": "comparison_direction:direction",
    "StablehloDynamicSlice": "slice_sizes:q[]",
    "StablehloPad": "edge_padding_low:q[] edge_padding_high:q[] interior_padding:q[]",
    "StablehloIota": "iota_dimension:q",
    "StablehloDotGeneral": "lhs_batching_dimensions:q[] rhs_batching_dimensions:q[] lhs_contracting_dimensions:q[] "
    "rhs_contracting_dimensions:q[]",
    "StablehloReduceWindow": "window_dimensions:q[] window_strides:q[] base_dilations:q[] window_dilations:q[] "
    "padding:q[] body_subgraph_index:body",
    "StablehloSort": "dimension:q is_stable:? comparator_subgraph_index:body",
    "StablehloWhile": "cond_subgraph_index:body body_subgraph_index:body",
    "StablehloGather": "offset_dims:q[] collapsed_slice_dims:q[] start_index_map:q[] index_vector_dim:q slice_sizes:q[] "
    "indices_are_sorted:?",
    "StablehloTranspose": "permutation:q[]",
    "StableHLOComposite": "name:text decomposition_subgraph_index:body",
}

#: Operators whose options are not called like themselves.
_OPTIONS_OF: Final = {
    "AVERAGE_POOL_2D": "Pool2D",
    "MAX_POOL_2D": "Pool2D",
    "L2_POOL_2D": "Pool2D",
    "CONV_3D_TRANSPOSE": "Conv3D",
    "L2_NORMALIZATION": "L2Norm",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "SequenceRNN",
    "MEAN": "Reducer",
    "SUM": "Reducer",
    "REDUCE_PROD": "Reducer",
    "REDUCE_MAX": "Reducer",
    "REDUCE_MIN": "Reducer",
    "REDUCE_ANY": "Reducer",
    "REDUCE_ALL": "Reducer",
    "MAXIMUM": "MaximumMinimum",
    "MINIMUM": "MaximumMinimum",
    "RANDOM_STANDARD_NORMAL": "Random",
    "RANDOM_UNIFORM": "Random",
    "MULTINOMIAL": "Random",
}


class Field(NamedTuple):
    """A field of a table of options."""

    slot: int
    name: str
    kind: str
    default: int


@cache
def options_of(operator: str) -> str:
    """The table of options that belongs to an operator; empty if there is none.

    >>> options_of("CONV_2D"), options_of("MEAN"), options_of("RELU")
    ('Conv2D', 'Reducer', '')
    """
    plain = operator.replace("_", "").lower()
    return _OPTIONS_OF.get(operator) or next((name for name in (*OPTIONS, *OPTIONS_2) if name.lower() == plain), "")


@cache
def fields(options: str) -> tuple[Field, ...]:
    """The fields of a table of options; none if it has none, or is not known.

    >>> fields("Conv3D")[5]
    Field(slot=5, name='dilation_d_factor', kind='i', default=1)
    """
    found = []
    for slot, text in enumerate(_FIELDS.get(options, "").split()):
        name, _, rest = text.partition(":")
        kind, _, default = rest.partition("=")
        if kind:
            found.append(Field(slot, name, kind, int(default or 0)))
    return tuple(found)


def dtype_of(number: int) -> str:
    """The name that reports use for a type of elements; empty for texts and other things that are no numbers.

    >>> dtype_of(9), dtype_of(5)
    ('int8', '')
    """
    name = TYPES[number] if 0 <= number < len(TYPES) else ""
    return "" if name == "-" else name


def operator_of(number: int) -> str:
    """The name of an operator; one that came after this list was written goes by its number.

    >>> operator_of(3), operator_of(999)
    ('CONV_2D', 'BUILTIN_999')
    """
    return OPERATORS[number] if 0 <= number < len(OPERATORS) else f"BUILTIN_{number}"
