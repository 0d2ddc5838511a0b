"""Attention in the standard library, and the transformers of the zoo: totals derived by hand, in the letters of the papers.

Layers are compared one by one with running networks in tests/oracle.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from helpers.zoo import loaded

import convcost
from convcost import SpecError
from convcost.networks.network import Network

Build = Callable[..., Network]


class Counts(NamedTuple):
    """What is compared."""

    macs: int
    products: int
    """MACs whose factors are both activations."""
    params: int
    buffers: int


def counts(network: Network) -> Counts:
    totals = network.report().totals
    products = sum(layer.macs for layer in network.report().layers if layer.op == "matmul")
    return Counts(totals.macs, products, totals.params, totals.buffers)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Makes a network of lines of YAML, one a layer, on an input of some shape."""

    def made(shape: tuple[int, ...], *layers: str) -> Network:
        path = tmp_path / "net.yaml"
        lines = "\n".join(f"  - {layer}" for layer in layers)
        path.write_text(f"convcost: 1\nname: net\ninput: {list(shape)}\nlayers:\n{lines}\n", encoding="utf-8")
        return convcost.load(str(path))

    return made


def linear(c: int, channels: int, *, bias: bool = True) -> int:
    """Parameters of a linear layer, or of a 1×1 convolution."""
    return c * channels + channels * bias


def norm(c: int) -> int:
    """Parameters of a norm: a factor and a shift per channel."""
    return 2 * c


# -- blocks of attention -----------------------------------------------------------------------------------------

T, C = 10, 24


class TestMultiHeadAttention:
    @pytest.mark.parametrize("heads", [1, 2, 3, 24])
    def test_tokens(self, build: Build, heads: int) -> None:
        # Queries, keys, values and the projection: four matrices. Scores and mix: each token by each, all channels.
        net = build((T, C), f"{{multi_head_attention: {{heads: {heads}}}, name: attention}}")
        assert counts(net) == (4 * T * C * C + 2 * T * T * C, 2 * T * T * C, 4 * linear(C, C), 0)
        shapes = {layer.name.split(".")[-1]: layer.output_shape for layer in net.report().layers}
        assert (shapes["scores"], shapes["mix"]) == ((heads, T, T), (heads, T, C // heads))
        assert shapes["projection"] == (T, C)

    def test_layers_have_the_names_of_papers(self, build: Build) -> None:
        net = build((T, C), "{multi_head_attention: {heads: 2}, name: attention}")
        counted = [layer.name for layer in net.report().layers if layer.macs]
        assert counted == [f"attention.{name}" for name in ("qkv", "scores", "mix", "projection")]

    def test_three_matrices_cost_what_one_does(self, build: Build) -> None:
        fused, apart = (
            build((T, C), f"multi_head_attention: {{heads: 2, fused: {word}}}") for word in ("true", "false")
        )
        assert counts(fused) == counts(apart)
        names = [layer.name.split(".")[-1] for layer in apart.report().layers if layer.macs]
        assert names == ["query", "key", "value", "scores", "mix", "projection"]

    def test_biases_can_be_left_out(self, build: Build) -> None:
        net = build((T, C), "multi_head_attention: {heads: 2, qkv_bias: false}")
        assert counts(net).params == 3 * linear(C, C, bias=False) + linear(C, C)
        net = build((T, C), "multi_head_attention: {heads: 2, qkv_bias: false, bias: false}")
        assert counts(net).params == 4 * C * C

    def test_keys_and_values_may_have_other_channels(self, build: Build) -> None:
        net = build(
            (T, C), "{multi_head_attention: {heads: 2, key_channels: 8, value_channels: 48, channels: 6}, name: a}"
        )
        weights = C * (8 + 8 + 48) + 48 * 6
        assert counts(net) == (T * weights + T * T * (8 + 48), T * T * (8 + 48), weights + 8 + 8 + 48 + 6, 0)
        assert net.report().layers[-1].output_shape == (T, 6)

    @pytest.mark.parametrize("r", [1, 2])
    def test_the_positions_of_a_map(self, build: Build, r: int) -> None:
        # PVT, equation 2: a convolution with bias shrinks the map r-fold, a norm follows; queries see h·w / r² keys.
        h, w = 4, 6
        net = build((h, w, C), f"multi_head_attention: {{heads: 2, at: positions, reduction: {r}}}")
        t, keys, shrinks = h * w, h * w // r**2, r > 1
        macs = 2 * t * C * C + 2 * keys * C * C + shrinks * keys * r * r * C * C
        params = 4 * linear(C, C) + shrinks * (linear(r * r * C, C) + norm(C))
        assert counts(net) == (macs + 2 * t * keys * C, 2 * t * keys * C, params, 0)
        assert net.report().layers[-1].output_shape == (h, w, C)

    def test_windows(self, build: Build) -> None:
        n = 5
        net = build((n, T, C), "multi_head_attention: {heads: 2, windows: true}")
        assert counts(net) == (n * (4 * T * C * C + 2 * T * T * C), n * 2 * T * T * C, 4 * linear(C, C), 0)
        assert net.report().layers[-1].output_shape == (n, T, C)

    @pytest.mark.parametrize("bias", ["relative_position_bias", "continuous_position_bias"])
    def test_position_bias(self, build: Build, bias: str) -> None:
        # A table of (2·2 - 1)·(2·5 - 1) = 27 offsets in a window of 2×5, or a network of 2·512 + 512·heads weights that
        # fills it from a fixed table of coordinates; and the fixed index of T·T = 100 numbers.
        n, heads, offsets = 5, 2, 3 * 9
        plain = build((n, T, C), f"multi_head_attention: {{heads: {heads}, windows: true}}")
        args = f"heads: {heads}, windows: true, position_bias: {bias}, window: 2, window_width: 5"
        more = {
            "relative_position_bias": (0, offsets * heads, T * T),
            "continuous_position_bias": (
                offsets * (2 * 512 + 512 * heads),
                linear(2, 512) + linear(512, heads, bias=False),
                T * T + 2 * offsets,
            ),
        }[bias]
        before, after = counts(plain), counts(build((n, T, C), f"multi_head_attention: {{{args}}}"))
        assert (after.macs - before.macs, after.params - before.params, after.buffers) == more
        assert after.products == before.products

    def test_cosines_and_their_factor(self, build: Build) -> None:
        net = build((T, C), "multi_head_attention: {heads: 2, qk_norm: l2_normalize, logit_scale: true}")
        assert counts(net) == (4 * T * C * C + 2 * T * T * C, 2 * T * T * C, 4 * linear(C, C) + 2, 0)
        normed = [layer.input_shapes[0] for layer in net.report().layers if layer.op == "l2_normalize"]
        assert normed == [(2, T, C // 2)] * 2

    def test_norms_of_queries_and_keys(self, build: Build) -> None:
        net = build((T, C), "multi_head_attention: {heads: 2, qk_norm: layer_norm}")
        assert counts(net).params == 4 * linear(C, C) + 2 * norm(C // 2)

    def test_mask(self, build: Build) -> None:
        assert counts(build((T, C), "multi_head_attention: {heads: 2, mask: true}")).buffers == T * T
        net = build((5, T, C), "multi_head_attention: {heads: 2, mask: true, windows: true}")
        assert counts(net).buffers == 5 * T * T

    def test_a_map_must_be_meant(self, build: Build) -> None:
        with pytest.raises(SpecError, match="at: positions"):
            build((4, 6, C), "multi_head_attention: {heads: 2}").report()

    def test_heads_divide_the_channels(self, build: Build) -> None:
        with pytest.raises(SpecError, match="reshape keeps all elements"):
            build((T, C), "multi_head_attention: {heads: 5}").report()


def test_cross_attention(tmp_path: Path) -> None:
    # 10 tokens of 24 channels ask 7 tokens of 16: keys and values have the channels that queries have.
    path = tmp_path / "net.yaml"
    path.write_text(
        "convcost: 1\nname: net\ninputs: {x: [10, 24], context: [7, 16]}\n"
        "layers: [{cross_attention: {heads: 2}, in: [x, context], name: attention}]\n"
    )
    net = convcost.load(str(path))
    products = 2 * 10 * 7 * 24
    params = 2 * linear(24, 24) + 2 * linear(16, 24)
    assert counts(net) == (2 * 10 * 24 * 24 + 2 * 7 * 16 * 24 + products, products, params, 0)
    assert net.report().layers[-1].output_shape == (10, 24)


class TestTransformerLayer:
    # Attention, two norms, and a feed-forward network of 4·C channels inside.
    PARAMS = 4 * linear(C, C) + 2 * norm(C) + linear(C, 4 * C) + linear(4 * C, C)
    MACS = 4 * T * C * C + 2 * T * T * C + 8 * T * C * C

    @pytest.mark.parametrize("first", ["true", "false"])
    def test_norms_before_or_behind(self, build: Build, first: str) -> None:
        net = build((T, C), f"transformer_layer: {{heads: 2, norm_first: {first}}}")
        assert counts(net) == (self.MACS, 2 * T * T * C, self.PARAMS, 0)
        norms = [layer.op for layer in net.report().layers][:: len(net.report().layers) - 1]
        assert norms == (["layer_norm", "add"] if first == "true" else ["linear", "layer_norm"])

    def test_layer_scale(self, build: Build) -> None:
        net = build((T, C), "transformer_layer: {heads: 2, layer_scale: true}")
        assert counts(net) == (self.MACS, 2 * T * T * C, self.PARAMS + 2 * C, 0)

    def test_in_windows(self, build: Build) -> None:
        args = "heads: 2, windows: true, position_bias: relative_position_bias, window: 2, window_width: 5"
        net = build((3, T, C), f"transformer_layer: {{{args}}}")
        assert counts(net) == (3 * self.MACS, 3 * 2 * T * T * C, self.PARAMS + 27 * 2, T * T)

    def test_on_a_map_with_fewer_keys(self, build: Build) -> None:
        net = build((4, 6, C), "transformer_layer: {heads: 2, at: positions, reduction: 2, hidden: 30, act: relu}")
        t, keys = 24, 6
        attention = 2 * t * C * C + 2 * keys * C * C + keys * 4 * C * C + 2 * t * keys * C
        assert counts(net).macs == attention + 2 * t * C * 30


class TestWindowAttention:
    def test_windows_of_a_map(self, build: Build) -> None:
        # 4×6 in windows of 2: 6 windows of 4 tokens.
        net = build((4, 6, C), "window_attention: {heads: 2, window: 2}")
        t = 24
        assert counts(net) == (4 * t * C * C + 2 * t * 4 * C, 2 * t * 4 * C, 4 * linear(C, C) + 3 * 3 * 2, 16)
        assert net.report().layers[-1].output_shape == (4, 6, C)

    def test_a_shift_costs_a_mask(self, build: Build) -> None:
        plain, shifted = (build((4, 6, C), f"window_attention: {{heads: 2, window: 2, shift: {n}}}") for n in (0, 1))
        assert counts(shifted)[:3] == counts(plain)[:3]
        assert counts(shifted).buffers == counts(plain).buffers + 6 * 4 * 4  # windows, tokens, tokens
        assert [layer.op for layer in shifted.report().layers].count("roll") == 2

    def test_one_window_is_not_shifted(self, build: Build) -> None:
        plain, shifted = (build((3, 4, C), f"window_attention: {{heads: 2, window: 4, shift: {n}}}") for n in (0, 2))
        assert [layer.op for layer in shifted.report().layers] == [layer.op for layer in plain.report().layers]

    def test_maps_are_padded_to_windows(self, build: Build) -> None:
        # 5×6 in windows of 2 high and 4 wide: 6×8, and cut back.
        net = build((5, 6, C), "window_attention: {heads: 2, window: 2, window_width: 4}")
        t = 6 * 8
        assert counts(net).macs == 4 * t * C * C + 2 * t * 8 * C
        assert net.report().layers[-1].output_shape == (5, 6, C)


class TestPatches:
    def test_embedding(self, build: Build) -> None:
        net = build((8, 12, 3), "patch_embedding: {channels: 10, patch: 4}")
        assert counts(net) == (2 * 3 * 16 * 3 * 10, 0, linear(16 * 3, 10), 0)
        assert net.report().layers[-1].output_shape == (6, 10)
        net = build((8, 12, 3), "patch_embedding: {channels: 10, patch: 4, norm: layer_norm, flat: false}")
        assert counts(net).params == linear(16 * 3, 10) + norm(10)
        assert net.report().layers[-1].output_shape == (2, 3, 10)

    @pytest.mark.parametrize("first", ["true", "false"])
    @pytest.mark.parametrize("size", [(8, 6), (7, 5)])
    def test_merging(self, build: Build, first: str, size: tuple[int, int]) -> None:
        net = build((*size, C), f"patch_merging: {{norm_first: {first}}}")
        params = linear(4 * C, 2 * C, bias=False) + norm(4 * C if first == "true" else 2 * C)
        assert counts(net) == (4 * 3 * 4 * C * 2 * C, 0, params, 0)
        assert net.report().layers[-1].output_shape == (4, 3, 2 * C)


class TestLinearAttention:
    @pytest.mark.parametrize("t", [10, 20])
    def test_grows_with_the_tokens(self, build: Build, t: int) -> None:
        # keyᵀ · value and query · that: d·d each per token and head, where d = C / heads; query · sum: d.
        heads, d = 3, C // 3
        products = t * heads * (2 * d * d + d)
        net = build((t, C), f"linear_attention: {{heads: {heads}}}")
        assert counts(net) == (4 * t * C * C + products, products, 4 * linear(C, C), 0)

    def test_on_a_map(self, build: Build) -> None:
        flat, map_ = (
            build(shape, f"linear_attention: {{heads: 2, feature: relu{more}}}")
            for shape, more in (((24, C), ""), ((4, 6, C), ", at: positions"))
        )
        assert counts(flat) == counts(map_)
        assert map_.report().layers[-1].output_shape == (4, 6, C)


def mobilevit_block(h: int, w: int, c: int, d: int, depth: int, patch: int = 2, kernel: int = 3) -> tuple[int, int]:
    """MACs and parameters of Figure 1b: convolutions before and behind, L layers over h·w / patch² patches."""
    whole = [math.ceil(size / patch) * patch for size in (h, w)]
    across, tokens = whole[0] * whole[1], whole[0] * whole[1] // patch**2
    local, expand, project, fusion = kernel**2 * c * c, c * d, d * c, kernel**2 * 2 * c * c
    layer_macs = across * (4 * d * d + 2 * d * 2 * d) + patch**2 * 2 * tokens * tokens * d
    layer_params = 2 * norm(d) + 4 * linear(d, d) + linear(d, 2 * d) + linear(2 * d, d)
    macs = h * w * (local + expand + project + fusion) + depth * layer_macs
    params = local + norm(c) + expand + depth * layer_params + norm(d) + project + norm(c) + fusion + norm(c)
    return macs, params


class TestMobileViTBlock:
    @pytest.mark.parametrize("size", [(8, 6), (7, 5)])
    def test_counts(self, build: Build, size: tuple[int, int]) -> None:
        net = build((*size, 16), "mobilevit_block: {transformer_channels: 24, depth: 3}")
        found = counts(net)
        assert (found.macs, found.params) == mobilevit_block(*size, 16, 24, 3)
        assert net.report().layers[-1].output_shape == (*size, 16)

    def test_patches_stretch_the_map(self, build: Build) -> None:
        ops = [
            [
                layer.op
                for layer in build((*size, 16), "mobilevit_block: {transformer_channels: 24, depth: 1}").report().layers
            ]
            for size in ((8, 6), (7, 6))
        ]
        assert [found.count("resize") for found in ops] == [0, 2]


# -- networks of the zoo -----------------------------------------------------------------------------------------


def vit(blocks: int, d: int, mlp: int, patch: int, resolution: int, classes: int = 1000) -> Counts:
    """arXiv 2010.11929, equations 1 to 4: patches, a class token, a position table, L layers, a norm, a head."""
    patches = (resolution // patch) ** 2
    t = patches + 1
    layer = 4 * linear(d, d) + linear(d, mlp) + linear(mlp, d) + 2 * norm(d)
    params = linear(3 * patch * patch, d) + d + t * d + blocks * layer + norm(d) + linear(d, classes)
    products = blocks * 2 * t * t * d
    macs = patches * 3 * patch * patch * d + blocks * t * (4 * d * d + 2 * d * mlp) + products + d * classes
    return Counts(macs, products, params, 0)


# Table 1: Layers, Hidden size D, MLP size, and the patch; resolution.
VIT = {
    ("vit_b_16", 224): (12, 768, 3072, 16),
    ("vit_b_16", 384): (12, 768, 3072, 16),
    ("vit_b_32", 224): (12, 768, 3072, 32),
    ("vit_l_16", 224): (24, 1024, 4096, 16),
    ("vit_l_32", 224): (24, 1024, 4096, 32),
    ("vit_h_14", 518): (32, 1280, 5120, 14),
    ("vit_s_16", 224): (12, 384, 1536, 16),
    ("vit_ti_16", 224): (12, 192, 768, 16),
}


@pytest.mark.parametrize(("model", "resolution"), VIT)
def test_vit(model: str, resolution: int) -> None:
    found = counts(convcost.load(model, resolution=resolution))
    assert found == vit(*VIT[model, resolution], resolution)


# Of torchvision 0.28 as it runs: MACs, of which products of activations, parameters (tests/oracle has every layer).
RUNNING = {
    "vit_b_16": (17_563_828_224, 715_327_488, 86_567_656),
    "swin_t": (4_490_566_656, 140_141_568, 28_288_354),
    "swin_v2_t": (5_939_690_496, 239_075_328, 28_351_570),
    "maxvit_t": (5_558_046_720, 177_020_928, 30_919_624),
}


@pytest.mark.parametrize("model", RUNNING)
def test_running_networks(model: str) -> None:
    assert counts(loaded(model))[:3] == RUNNING[model]


class TestSwin:
    @staticmethod
    def stages(blocks: tuple[int, ...], c: int, window: int, resolution: int) -> list[tuple[int, int, int, int, int]]:
        """Of each stage: its blocks, channels, heads, positions of its map, and those of the padded map."""
        sizes = [resolution // 4]
        for _ in blocks[1:]:
            sizes.append(math.ceil(sizes[-1] / 2))
        padded = [math.ceil(size / window) * window for size in sizes]
        return [
            (n, c * 2**i, c * 2**i // 32, size**2, whole**2)
            for i, (n, size, whole) in enumerate(zip(blocks, sizes, padded))
        ]

    def swin(self, blocks: tuple[int, ...], c: int, window: int, resolution: int) -> Counts:
        """arXiv 2103.14030: equation 2 for the attention of a block, on the padded map, and 8·c² for its MLP."""
        area, offsets = window**2, (2 * window - 1) ** 2
        stages = self.stages(blocks, c, window, resolution)
        products = sum(n * 2 * area * padded * c for n, c, _, _, padded in stages)
        macs = sum(n * (padded * 4 * c * c + size * 8 * c * c) for n, c, _, size, padded in stages)
        merged = sum(size * 4 * (c // 2) * c for _, c, _, size, _ in stages[1:])
        head = linear(8 * c, 1000) + norm(8 * c)
        embedding = linear(48, c) + norm(c)
        params = embedding + head + sum(4 * (c // 2) * c + norm(4 * (c // 2)) for _, c, *_ in stages[1:])
        params += sum(
            n * (4 * linear(c, c) + linear(c, 4 * c) + linear(4 * c, c) + 2 * norm(c) + offsets * heads)
            for n, c, heads, *_ in stages
        )
        # The mask of every second block, where the map is larger than a window, and the index of each block.
        masks = sum(n // 2 * padded // area * area**2 for n, _, _, size, padded in stages if size > area)
        first = stages[0][3] * 48 * c
        return Counts(first + macs + merged + 8 * c * 1000 + products, products, params, masks + sum(blocks) * area**2)

    @pytest.mark.parametrize("resolution", [224, 256, 230])
    @pytest.mark.parametrize(
        ("model", "c", "blocks"),
        [("swin_t", 96, (2, 2, 6, 2)), ("swin_s", 96, (2, 2, 18, 2)), ("swin_b", 128, (2, 2, 18, 2))],
    )
    def test_v1(self, model: str, c: int, blocks: tuple[int, ...], resolution: int) -> None:
        assert counts(convcost.load(model, resolution=resolution)) == self.swin(blocks, c, 7, resolution)

    def test_buffers_are_those_of_the_authors(self) -> None:
        # timm's swin_large_patch4_window7_224, after the authors' code: a mask for each window of each shifted block - 1, 1
        # and 9 of them on maps of 64, 16 and 4 windows - and an index in each of the 24 blocks. torchvision stores the latter.
        assert counts(loaded("swin_l")).buffers == (64 + 16 + 9 * 4) * 49**2 + 24 * 49**2 == 336_140

    @pytest.mark.parametrize("resolution", [256, 224])
    @pytest.mark.parametrize(
        ("model", "c", "blocks"),
        [("swin_v2_t", 96, (2, 2, 6, 2)), ("swin_v2_s", 96, (2, 2, 18, 2)), ("swin_v2_b", 128, (2, 2, 18, 2))],
    )
    def test_v2(self, model: str, c: int, blocks: tuple[int, ...], resolution: int) -> None:
        # arXiv 2111.09883: instead of a table, a network of 2·512 + 512·heads weights fills it from coordinates; a
        # factor per head; the norm of merging stands behind the matrix, on half of the channels.
        stages, offsets = self.stages(blocks, c, 8, resolution), 15**2
        plain = self.swin(blocks, c, 8, resolution)
        macs = sum(n * offsets * (2 * 512 + 512 * heads) for n, _, heads, *_ in stages)
        tables = sum(n * heads * offsets for n, _, heads, *_ in stages)
        networks = sum(n * (linear(2, 512) + linear(512, heads, bias=False) + heads) for n, _, heads, *_ in stages)
        norms = sum(norm(4 * (c // 2)) - norm(c) for _, c, *_ in stages[1:])
        params = plain.params - tables + networks - norms
        buffers = plain.buffers + sum(blocks) * offsets * 2
        assert counts(convcost.load(model, resolution=resolution)) == (
            plain.macs + macs,
            plain.products,
            params,
            buffers,
        )

    def test_the_authors_have_no_bias_of_keys_in_v2(self) -> None:
        # Their code, and timm's swinv2_tiny_window8_256, have 28,347,154 parameters; torchvision's keys have a bias.
        biases = sum(n * 96 * 2**i for i, n in enumerate((2, 2, 6, 2)))
        assert counts(loaded("swin_v2_t")).params - biases == 28_347_154

    def test_depth_multiplies_blocks_in_pairs(self) -> None:
        once, twice = (convcost.load("swin_t", depth=depth) for depth in (1, 2))
        blocks = [sum(layer.op == "softmax" for layer in net.report().layers) for net in (once, twice)]
        assert blocks == [12, 24]
        assert sum(layer.op == "softmax" for layer in convcost.load("swin_t", depth="0.5").report().layers) == 2 * 5


def test_maxvit_has_windows_and_grids_of_the_same_size() -> None:
    # arXiv 2204.01697, section 3: both attend to P·P tokens; only which positions these are differs.
    layers = loaded("maxvit_t").report().layers
    scores = {layer.name: layer.output_shape for layer in layers if layer.name.endswith(".scores")}
    assert len(scores) == 2 * (2 + 2 + 5 + 2)
    for name, shape in scores.items():
        assert shape == scores[name.replace(".block.", ".grid.")]
        assert shape[2:] == (49, 49)


# timm 1.0 after the authors' code: parameters of maxvit_tiny_tf_224 and so on.
MAXVIT = {
    "t": (64, 64, 30_916_528),
    "s": (64, 96, 68_927_956),
    "b": (64, 96, 119_467_708),
    "l": (128, 128, 211_785_560),
}


@pytest.mark.parametrize("size", MAXVIT)
def test_maxvit_beside_the_authors(size: str) -> None:
    # Their stem and head have biases; torchvision has a convolution in the first shortcut where no channels change, too.
    stem, c, params = MAXVIT[size]
    assert counts(loaded(f"maxvit_{size}")).params == params - stem - 1000 + (linear(c, c) if stem == c else 0)


# timm 1.0: parameters of mobilevit_xxs, xs and s; arXiv 2110.02178 prints 1.3 M, 2.3 M and 5.6 M.
@pytest.mark.parametrize(("size", "params"), [("xxs", 1_272_024), ("xs", 2_317_848), ("s", 5_578_632)])
def test_mobilevit_parameters(size: str, params: int) -> None:
    assert counts(loaded(f"mobilevit_{size}")).params == params


def test_mobilevit_blocks_by_hand() -> None:
    layers = loaded("mobilevit_xs").report().layers
    # Table 4: stages of 32, 16 and 8 positions a side (256×256), with c, d and L.
    for stage, size, c, d, depth in (("stage3", 32, 64, 96, 2), ("stage4", 16, 80, 120, 4), ("stage5", 8, 96, 144, 3)):
        inside = [layer for layer in layers if layer.name.startswith(f"{stage}.mobilevit.")]
        assert (sum(layer.macs for layer in inside), sum(layer.params for layer in inside)) == mobilevit_block(
            size, size, c, d, depth
        )


SWEEPS = {
    "vit_ti_16": {"width": ["0.5", "1", "1.5"], "resolution": [160, 224, 230]},
    "swin_t": {"width": ["0.5", "1"], "resolution": [224, 230, 256]},
    "swin_v2_t": {"width": ["0.5", "1"], "resolution": [192, 256, 300]},
    "mobilevit_xxs": {"width": ["0.5", "0.75", "1", "1.25"], "resolution": [192, 200, 224, 256]},
}


@pytest.mark.parametrize("model", SWEEPS)
def test_a_sweep_equals_the_walk_at_each_point(model: str) -> None:
    for point in convcost.sweep(model, **SWEEPS[model]).records():
        totals = convcost.load(model, width=point["width"], resolution=point["resolution"]).report().totals
        for metric in ("macs", "params", "activations"):
            assert point[metric] == getattr(totals, metric), (point, metric)
