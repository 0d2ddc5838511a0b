"""Words of other tools, and what to write instead - or why there is nothing to write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from convcost.core.errors import did_you_mean
from convcost.core.places import zoo_directory
from convcost.spec.tree import MappingNode, SequenceNode, Tree, parse_tree, texts

#: Attribute in other tools -> its name here.
ATTRIBUTES = {
    "filters": "channels",
    "units": "channels",
    "features": "channels",
    "out_channels": "channels",
    "out_features": "channels",
    "kernel_size": "kernel",
    "pool_size": "kernel",
    "strides": "stride",
    "pad": "padding",
    "group": "groups",
    "num_groups": "groups",
    "use_bias": "bias",
    "dilation_rate": "dilation",
    "upscale_factor": "block",
    "downscale_factor": "block",
    "block_size": "block",
    "scale_factor": "scale",
    "dim": "axis",
    "dims": "axes",
    "perm": "axes",
    "permutation": "axes",
    "keepdim": "keep",
    "keepdims": "keep",
    "p": "rate",
    "hidden_size": "channels",
    "embedding_dim": "channels",
    "output_dim": "channels",
    "num_embeddings": "rows",
    "vocab_size": "rows",
    "k": "count",
    "begin": "start",
    "end": "stop",
    "target_shape": "shape",
    "output_shape": "shape",
    "sizes": "shape",
    "output_size": "size",
    "shifts": "shift",
    "window_size": "window",
    "transpose_b": "transpose",
    "adj_y": "transpose",
}
_KNOWN = "is known from what the layer reads: leave it out"
_FREE = "changes no cost: leave it out"
_LAYER = "is a layer of its own: write it behind this one"
_BESIDE = "it stands beside the op or block, as in {relu: , name: act}"
_NOTES = {
    "activation act": "an activation is a layer of its own: write relu, or another, behind this one",
    "batch_norm bn norm normalization": f"a normalisation {_LAYER}",
    "dropout": f"dropout {_LAYER}",
    "in_channels in_features num_features input_channels input_dim normalized_shape input_shape": f"it {_KNOWN}",
    "momentum eps epsilon inplace negative_slope alpha padding_mode data_format kernel_initializer bias_initializer "
    "kernel_regularizer align_corners count_include_pad weights batch_first recurrent_dropout recurrent_activation "
    "approximate padding_idx": f"it {_FREE}",
    "return_sequences": "every state is put out; last: true puts out that after the last step only",
    "num_layers": "each layer is written by itself: say repeat beside it, or write the next one behind it",
    "reset_after": "say biases: 1 where it is false, biases: 2 where it is true",
    "requires_grad frozen freeze": "say trainable: false beside the layer, or beside the block that it is in",
    "shared reuse tied tie_weights": "say share: and the name of the earlier layer, beside this one",
    "affine": "say scale: false and shift: false for a normalisation that learns nothing",
    "name in if repeat then side as share trainable dtype bits": _BESIDE,
    "depth_multiplier": "a depthwise convolution says channels: N * in.channels and groups: in.channels",
}
_DEPTHWISE = "conv2d: {channels: in.channels, kernel: …, groups: in.channels}"
_SEPARABLE = f"{_DEPTHWISE}, and behind it conv2d: {{channels: …, kernel: 1}}"
_INSIDE = "or padding inside the convolution"
_OPS = {
    "conv convolution convolutional convsame": "conv2d",
    "depthwiseconv depthwise dwconv depthwiseconvolution dw": _DEPTHWISE,
    "separableconv sepconv depthwiseseparableconv dsconv dwsepconv": _SEPARABLE,
    "pointwiseconv pointwise pwconv conv1x1 pw": "conv2d: {channels: …, kernel: 1}",
    "groupconv groupedconv groupconvolution": "conv2d with groups",
    "dilatedconv atrousconv": "conv2d with dilation",
    "causalconv causal temporalconv": "conv1d with padding: causal",
    "convtranspose transposedconv transposeconv deconv deconvolution transposedconvolution": "conv_transpose2d",
    "dense fc fullyconnected innerproduct gemm": "linear",
    "dcn dcnv2 deformconvpack modulateddeformconv deformableconvolution": "deformable_conv2d, or deform_conv2d where the "
    "offsets come from elsewhere",
    "maxpooling": "max_pool",
    "avgpooling averagepool averagepooling meanpool": "avg_pool",
    "pool pooling": "max_pool or avg_pool",
    "adaptiveaveragepool adaptiveaveragepooling adaptiveavgpooling": "adaptive_avg_pool",
    "adaptivemaxpooling": "adaptive_max_pool",
    "gap globalaveragepool globalaveragepooling globalavgpooling globalpool": "global_avg_pool",
    "mean reducemean average": "global_avg_pool, or reduce: {axes: …, function: mean} over other axes",
    "amax reducemax amin reducemin reducesum frobeniusnorm": "reduce: {axes: …, function: …}",
    "gmp globalmaxpooling": "global_max_pool",
    "bn batchnormalization frozenbatchnorm syncbatchnorm": "batch_norm",
    "ln layernormalization": "layer_norm",
    "gn groupnormalization": "group_norm",
    "in instancenorm instancenormalization": "group_norm: {groups: in.channels}, with scale: false and shift: false "
    "where nothing is learnt",
    "lrn localresponsenormalization responsenorm": "local_response_norm",
    "rmsnormalization simplifiedlayernorm": "rms_norm",
    "l2norm l2normalization normalize unitnormalization unitnorm": "l2_normalize",
    "grn": "global_response_norm",
    "softmin hardmax": "softmax: its shape and its cost are the same",
    "rsoftmax radixsoftmax": "split_softmax",
    "lrelu": "leaky_relu",
    "hswish": "hard_swish",
    "hsigmoid": "hard_sigmoid",
    "logistic": "sigmoid",
    "activation act nonlinearity": "the function itself as a layer, such as relu",
    "zeropad zeropadding constantpad reflectionpad replicationpad circularpad padding": f"pad: {{padding: …}}, {_INSIDE}",
    "zeropad1d zeropadding1d constantpad1d reflectionpad1d replicationpad1d": f"pad: {{length: …}}, {_INSIDE}",
    "zeropad3d zeropadding3d constantpad3d reflectionpad3d replicationpad3d": "pad: {depth: …, height: …, width: …}, "
    f"{_INSIDE}",
    "cropping centercrop": "crop: {size: …}, or slice where more is cut off on one side",
    "upsampling interpolate unpool unpooling maxunpool": "upsample: {scale: …}",
    "im2col extractpatches imagepatches": "unfold",
    "col2im": "fold",
    "spatialdropout alphadropout gaussiandropout": "dropout",
    "concatenate cat merge": "concat",
    "stack pack": "concat, behind a reshape that makes the new axis",
    "chunk unstack unbind tensorsplit": "split",
    "stridedslice narrow cut": "slice",
    "take indexselect takealongaxis gathernd gatherelements": "gather",
    "view squeeze unsqueeze expanddims unflatten": "reshape: {shape: […]}",
    "permute swapaxes movedim swapdims": "transpose: {axes: […]}",
    "repeatvector broadcastto repeatinterleave expandas": "expand: {shape: […]}, or tile: {repeats: […]}",
    "cyclicshift shiftwindow": "roll",
    "bmm mm batchmatmul batchdot dot": "matmul",
    "einsum tensordot": "matmul, with transpose and reshape around it where the axes need it",
    "wordembedding lookup embeddingbag embeddinglookup": "embedding",
    "parameter variable classtoken clstoken positionalembedding positionembedding posembed": "source: {shape: […]}",
    "bidirectional bilstm bigru": "lstm, gru or rnn with bidirectional: true",
    "simplernn elman vanillarnn rnncell": "rnn",
    "lstmcell lstmlayer": "lstm",
    "grucell": "gru",
    "lambda customlayer": "the ops that the function consists of, such as add, multiply, reduce, reshape",
    "timedistributed": "the op itself: axes before those that it works on are more positions",
    "attention selfattention multiheadattention multiheadselfattention mha mhsa": "multi_head_attention",
    "transformer transformerblock transformerencoder transformerencoderlayer encoderlayer": "transformer_layer",
    "sum plus eltwise elementwiseadd": "add",
    "sub subtract minus": "combine: {function: subtract}",
    "div divide truediv realdiv": "combine: {function: divide}, or function: {of: scale} by a fixed number",
    "maximum minimum pow where select equal greater less": "combine: {function: …}",
    "exp log sqrt rsqrt abs neg square erf sin cos floor ceil round clip clamp cast reciprocal sign": "function: {of: …}",
    "cumsum cumprod cummax": "cumulative: {axis: …}",
    "argmax argmin": "reduce: {axes: …, function: argmax}",
    "scatternd scatterelements indexput tensorscatterupdate": "scatter",
    "warp affinegrid spatialtransformer": "grid_sample",
    "roialign roipool roipooling": "roi_align",
    "nms nonmaxsuppression nonzero custom customop": "unknown: {type: …}, with shape: […] if that is known",
    "mul elementwisemul product scalelayer": "multiply",
    "pixelshuffle": "depth_to_space: {block: …}",
    "pixelunshuffle spacetobatch focus": "space_to_depth: {block: …}",
    "shuffle channelshuffling": "channel_shuffle: {groups: …}",
    "skip noop passthrough linearactivation": "identity",
    "shortcut skipconnection residualconnection": "parallel with join: add",
    "inception branch branches": "parallel with join: concat",
    "se squeezeexcite squeezeexcitation semodule selayer seblock squeezeandexcitation": "squeeze_excite",
    "cbamblock convolutionalblockattention": "cbam",
    "ecalayer ecamodule efficientchannelattention": "eca",
    "nonlocalblock nlblock": "non_local",
    "mbconv invertedresidualblock invertedbottleneck mbconvblock": "inverted_residual",
    "basicblock residualblock resblock resnetblock": "residual",
    "bottleneckblock": "bottleneck",
    "convbn convbnrelu convnormactivation basicconv convbnact convmodule": "conv_bn_act",
    "mlp ffn feedforward positionwisefeedforward": "feed_forward",
    "patchembed patchify patchembeddings": "patch_embedding",
    "patchmerge": "patch_merging",
    "windowattn swinattention shiftedwindowattention": "window_attention",
    "mobilevit": "mobilevit_block",
    "sequential block stage module": "{layers: […], name: …}, or a block of your own under blocks",
    "layerscale": "scale",
}
_ABSENT = {
    "convlstm": "a recurrent layer here runs along tokens; a convolution at each step is written out, gate by gate",
    "droppath stochasticdepth dropconnect dropblock gaussiannoise": "it does nothing when a network is evaluated: "
    "leave it out",
    "input inputlayer": "the input stands at the top of the file, as input: [height, width, channels]",
    "output loss crossentropy": "the network ends with its last layer",
}


def _by_word(table: Mapping[str, str]) -> dict[str, str]:
    return {word: said for words, said in table.items() for word in words.split(" ")}


#: Names of ops in other tools, normalised by `_plain` -> what to write here, or why nothing here corresponds to them.
OPS_ELSEWHERE, OPS_ABSENT = _by_word(_OPS), _by_word(_ABSENT)
ATTRIBUTE_NOTES = _by_word(_NOTES)


def op_meant(word: str, known: Iterable[str]) -> str:
    """The op or block that a word of another tool certainly means; empty if there is none.

    >>> op_meant("nn.Conv2d", ["conv2d"]), op_meant("Dense", ["linear"]), op_meant("Einsum", ["matmul"])
    ('conv2d', 'linear', '')
    >>> op_meant("MaxPooling3D", ["max_pool", "max_pool3d"]), op_meant("BatchNorm1d", ["batch_norm"])
    ('max_pool3d', 'batch_norm')
    """
    names = list(known)
    said = _elsewhere(word, names)
    return _same(word, names) or (said if said in names else "")


def op_hint(word: str, known: Iterable[str], also: Iterable[str] = ()) -> str:
    """The end of a message that there is no such op or block: what to write instead, as far as that is known.

    Words that are `also` possible are suggested if one is near.

    >>> op_hint("Dense", ["elu", "linear"]), op_hint("dwconv", ["conv2d"])
    ('. Here it is linear', '. Here it is conv2d: {channels: in.channels, kernel: …, groups: in.channels}')
    >>> op_hint("MaxPool2d", ["max_pool"]), op_hint("reluu", ["relu"])
    ('. Did you mean max_pool?', '. Did you mean relu?')
    >>> op_hint("DepthwiseConv1D", ["conv1d", "conv2d"])
    '. Here it is conv1d: {channels: in.channels, kernel: …, groups: in.channels}'
    """
    names, plain = list(known), _plain(word)
    if same := _same(word, names):
        return f". Did you mean {same}?"
    if said := _elsewhere(word, names):
        return f". Here it is {said}"
    if plain in OPS_ABSENT:
        return f": {OPS_ABSENT[plain]}"
    return did_you_mean(word, [*names, *also])


def network_hint(word: str, tree: Tree) -> str:
    """The end of a message that there is no such op or block, if it is a network of the zoo: how to use that.

    Only asked for a word that is nothing else, because the zoo's files are read for it.
    """
    written = _flow(tree) if isinstance(tree, MappingNode) and tree.pairs else ""
    knobs = f", with: {written}" if written else ""
    if word.endswith((".yaml", ".yml")):
        return f", but a spec is used as {{use: {word}{knobs}}}"
    specs = texts(zoo_directory())
    known = word in specs or any(f"{word}:" in text and word in _presets(text) for text in specs.values())
    return f", but {word} is a network of the zoo: {{use: {word}{knobs}}}" if known else ""


@lru_cache(maxsize=256)
def _presets(text: str) -> frozenset[str]:
    """The names of a spec's presets; kept, because a file may be wrong a thousand times."""
    tree, _ = parse_tree(text, "")
    presets = tree.pairs.get("presets") if isinstance(tree, MappingNode) else None
    return frozenset(presets.pairs if isinstance(presets, MappingNode) else ())


def _flow(tree: Tree) -> str:
    """A value as YAML writes it in a line."""
    if isinstance(tree, MappingNode):
        return f"{{{', '.join(f'{key}: {_flow(value)}' for key, value in tree.pairs.items())}}}"
    if isinstance(tree, SequenceNode):
        return f"[{', '.join(map(_flow, tree.items))}]"
    return f'"{tree.text}"' if tree.quoted else tree.text


def _same(word: str, names: Sequence[str]) -> str:
    """The name that is written so elsewhere, with or without the number of axes."""
    for plain in dict.fromkeys((_plain(word), _stem(word))):
        if same := [name for name in names if plain and _plain(name) == plain]:
            return min(same, key=len)
    return ""


def _elsewhere(word: str, names: Sequence[str]) -> str:
    """What is said of a word of another tool; of the ops in it, those for the number of axes that the word has."""
    plain, stem = _plain(word), _stem(word)
    if plain in OPS_ELSEWHERE or stem not in OPS_ELSEWHERE:
        return OPS_ELSEWHERE.get(plain, "")
    axes = plain[len(stem) :]

    def along(found: re.Match[str]) -> str:
        return found[1] + axes if found[1] + axes in names else found[0]

    return re.sub(r"\b([a-z]+(?:_[a-z]+)*)(?:2d)?\b", along, OPS_ELSEWHERE[stem])


def attribute_meant(word: str, known: Iterable[str]) -> str:
    """The attribute of an op that a word of another tool certainly means; empty if there is none.

    >>> attribute_meant("filters", ["channels", "kernel"]), attribute_meant("filters", ["kernel"])
    ('channels', '')
    """
    return next((name for name in known if name == ATTRIBUTES.get(word)), "")


def attribute_note(word: str) -> str:
    """What to do about a word that is an attribute in other tools, but not here.

    >>> attribute_note("momentum"), attribute_note("colour")
    ('it changes no cost: leave it out', '')
    """
    return ATTRIBUTE_NOTES.get(word.lower(), "")


def attribute_hint(word: str, known: Iterable[str], *, of_op: bool = False) -> str:
    """The end of a message that there is no such key.

    >>> attribute_hint("strides", ["stride"]), attribute_hint("momentum", ["scale"], of_op=True)
    ('. Did you mean stride?', ': it changes no cost: leave it out')
    """
    names = list(known)
    if meant := attribute_meant(word, names):
        return f". Did you mean {meant}?"
    note = attribute_note(word)
    return f": {note}" if note and (of_op or note == _BESIDE) else did_you_mean(word, names)


def _plain(word: str) -> str:
    """A normalised name: without case, underscores, module path and the 2d of images, in which tools differ.

    >>> _plain("nn.MaxPool2d"), _plain("Conv3DTranspose"), _plain("conv_transpose3d")
    ('maxpool', 'convtranspose3d', 'convtranspose3d')
    """
    stem, axes = _parted(word)
    return stem + axes.removesuffix("2d")


def _stem(word: str) -> str:
    """A normalised name without the number of axes."""
    return _parted(word)[0]


def _parted(word: str) -> tuple[str, str]:
    """A normalised name without the number of axes; and this number, wherever it stands."""
    plain = re.sub(r"[^a-z0-9]", "", word.lower().rpartition(".")[2])
    axes = re.search(r"(?<=[a-z])[123]d", plain)
    return (plain[: axes.start()] + plain[axes.end() :], axes[0]) if axes else (plain, "")
