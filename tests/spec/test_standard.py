"""The standard library of blocks: what each costs, derived by hand; and how a spec finds, hides and asks them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.specs import assert_resolves_to_itself, assert_swept_like_walked, spec, totals, written

from convcost.core import axes
from convcost.networks.load import validate
from convcost.ops import OPS
from convcost.spec import standard
from convcost.spec.parse import standard_spec

if TYPE_CHECKING:
    from helpers.cli import Cli


def conv(channels: int, c: int, k: int = 1, groups: int = 1) -> int:
    """Weights of a convolution without bias."""
    return channels * k * k * c // groups


def norm(channels: int) -> int:
    """Scale and shift."""
    return 2 * channels


#: A block on an input: parameters, MACs and shape of the output.
CASES = {
    # 56·56 positions, 3·3·24·48 weights; with a bias in the place of a batch-norm.
    "conv_bn_act: {channels: 48, kernel: 3}": ((56, 56, 24), conv(48, 24, 3) + norm(48), 56 * 56 * conv(48, 24, 3), (56, 56, 48)),
    "conv_bn_act: {channels: 48, kernel: 3, stride: 2, groups: 3, norm: none, act: gelu}": (
        (56, 56, 24), conv(48, 24, 3, 3) + 48, 28 * 28 * conv(48, 24, 3, 3), (28, 28, 48)),
    "depthwise_separable: {channels: 48, stride: 2}": (
        (56, 56, 24), 9 * 24 + norm(24) + conv(48, 24) + norm(48), 28 * 28 * (9 * 24 + conv(48, 24)), (28, 28, 48)),
    # MobileNetV2's block with t = 6: 24 -> 144 -> 144 -> 32.
    "inverted_residual: {channels: 32, stride: 2}": (
        (56, 56, 24),
        conv(144, 24) + norm(144) + 9 * 144 + norm(144) + conv(32, 144) + norm(32),
        56 * 56 * conv(144, 24) + 28 * 28 * (9 * 144 + conv(32, 144)),
        (28, 28, 32)),
    "inverted_residual: {channels: 24, expansion: 1, attention: squeeze_excite}": (
        (56, 56, 32),
        9 * 32 + norm(32) + (32 * 2 + 2) + (2 * 32 + 32) + conv(24, 32) + norm(24),
        56 * 56 * (9 * 32 + conv(24, 32)) + 2 * 32 * 2,
        (56, 56, 24)),
    "squeeze_excite: {reduction: 4}": ((7, 7, 64), (64 * 16 + 16) + (16 * 64 + 64), 2 * 64 * 16, (7, 7, 64)),
    # ResNet-18's conv3_1 and ResNet-50's conv2_1.
    "residual: {channels: 128, stride: 2}": (
        (56, 56, 64),
        conv(128, 64, 3) + conv(128, 128, 3) + conv(128, 64) + 3 * norm(128),
        28 * 28 * (conv(128, 64, 3) + conv(128, 128, 3) + conv(128, 64)),
        (28, 28, 128)),
    "bottleneck: {channels: 256}": (
        (56, 56, 64),
        conv(64, 64) + conv(64, 64, 3) + conv(256, 64) + conv(256, 64) + 2 * norm(64) + 2 * norm(256),
        56 * 56 * (conv(64, 64) + conv(64, 64, 3) + 2 * conv(256, 64)),
        (56, 56, 256)),
    # ResNeXt-50 32×4d, a later block: 128 channels in 32 groups.
    "bottleneck: {channels: 256, width: 128, groups: 32}": (
        (56, 56, 256),
        conv(128, 256) + conv(128, 128, 3, 32) + conv(256, 128) + 2 * norm(128) + norm(256),
        56 * 56 * (conv(128, 256) + conv(128, 128, 3, 32) + conv(256, 128)),
        (56, 56, 256)),
    # Channel gate: 256 -> 16 -> 256 without biases, stored once, on means and on maxima. Spatial gate: 7·7·2 at each position.
    "cbam: ": ((56, 56, 256), 2 * 256 * 16 + 98, 2 * (2 * 256 * 16) + 307_328, (56, 56, 256)),
    "eca: ": ((56, 56, 256), 3, 3 * 256, (56, 56, 256)),
    # theta, phi and g to 512, the projection back; 196·196 scores of 512 products, and 196·512 sums of 196.
    "non_local: ": (
        (14, 14, 1024),
        3 * (1024 * 512 + 512) + 512 * 1024 + 1024,
        411_041_792 + 2 * 196 * 196 * 512,
        (14, 14, 1024)),
    # 64·64 positions, 2·3·3 offsets for each from 3·3·64, and as many products as a convolution.
    "deformable_conv2d: {channels: 64}": (
        (64, 64, 64), 36_928 + 10_386, 150_994_944 + 42_467_328, (64, 64, 64)),
    "deformable_conv2d: {channels: 32, mask: true, bias: false, stride: 2}": (
        (16, 16, 8),
        (27 * 9 * 8 + 27) + 32 * 9 * 8,
        8 * 8 * (27 * 9 * 8 + 32 * 9 * 8),
        (8, 8, 32)),
}  # fmt: skip
NEEDS = {"deformable_conv2d": "deform_conv2d"}
#: What transformers are made of is tested in test_transformers.py.
OF_TRANSFORMERS = {
    *("multi_head_attention", "linear_attention", "window_attention", "transformer_layer", "feed_forward"),
    *("patch_embedding", "patch_merging", "mobilevit_block", "split_heads", "merge_heads"),
    *("relative_position_bias", "continuous_position_bias"),
}


def text(call: str, shape: tuple[int, ...], more: str = "") -> str:
    named = dict(zip(axes.NAMES[len(shape)], shape)) if axes.channels_first(shape) else list(shape)
    return f"input: {str(named).replace(chr(39), '')}\nlayers:\n  - {{{call}, name: it}}\n{more}"


@pytest.mark.parametrize("call", CASES)
def test_cost(call: str, tmp_path: Path) -> None:
    shape, params, macs, out = CASES[call]
    if (needed := NEEDS.get(call.partition(":")[0])) and needed not in OPS:
        pytest.skip(f"needs {needed}")
    network = spec(tmp_path, text(call, shape))
    report = network.report()
    assert (report.totals.params, report.totals.macs) == (params, macs)
    assert report.layers[-1].output_shape == out
    assert all(layer.name.startswith("it.") for layer in report.layers)
    assert_resolves_to_itself(network, tmp_path)


def test_every_block_is_tried() -> None:
    assert {call.partition(":")[0] for call in CASES} | OF_TRANSFORMERS | {"cross_attention"} == standard.names()


def test_attention_to_another_sequence(tmp_path: Path) -> None:
    """64 tokens of 32 channels look at 16 of 48: scores 64·16, in PVT those of a map reduced by a convolution."""
    network = spec(
        tmp_path,
        """
        inputs: {x: [64, 32], context: [16, 48]}
        layers:
          - {cross_attention: {heads: 4}, in: [x, context], name: it}
        """,
    )
    found = network.report().totals
    queries, keys_values, projection = 32 * 32 + 32, 48 * 64 + 64, 32 * 32 + 32
    assert found.params == queries + keys_values + projection
    assert found.macs == 64 * 32 * 32 + 16 * 48 * 64 + 2 * 4 * 64 * 16 * 8 + 64 * 32 * 32


def test_scores_are_a_tensor_that_memory_sees(tmp_path: Path) -> None:
    network = spec(tmp_path, text("multi_head_attention: {heads: 12}", (197, 768)))
    report = {layer.name: layer for layer in network.report().layers}
    assert report["it.scores"].output_shape == (12, 197, 197)
    # Scores and their softmax are two tensors of 12·197·197; values wait for them, and the input is given.
    peak = network.report(dtype="int8", memory_policy="unfused").totals.peak_activation_bytes
    assert peak >= 2 * 12 * 197 * 197 + 197 * 768


@pytest.mark.parametrize(
    ("call", "shape", "axes"),
    [
        ("mobilevit_block: {transformer_channels: w, depth: n}", "[r, r, 16]", {"w": [16, 32, 36], "n": [1, 3, 4], "r": [8, 12]}),
        ("window_attention: {heads: n, window: w, shift: w // 2}", "[r, r, 24]", {"w": [3, 4], "n": [1, 2, 3], "r": [8, 9]}),
        ("transformer_layer: {heads: n, windows: true, expansion: w}", "[r, 9, 24]", {"w": [1, 2], "n": [1, 5, 3], "r": [2, 4]}),
        ("cbam: {reduction: n}", "[r, r, 8 * w]", {"w": [1, 3], "n": [2, 4], "r": [7, 9]}),
        ("inverted_residual: {channels: w, stride: n, attention: squeeze_excite}", "[r, r, 32]", {"w": [16, 32], "n": [1, 2], "r": [7, 8]}),
    ],
)  # fmt: skip
def test_a_grid_equals_its_networks(tmp_path: Path, call: str, shape: str, axes: dict[str, list[int]]) -> None:
    layers = f"  - {{{call}, name: it, repeat: 3}}\n"
    path = written(tmp_path, f"knobs: {{w: 1, n: 1, r: 8}}\ninput: {shape}\nlayers:\n{layers}")
    assert_swept_like_walked(path, **axes)


class TestNames:
    def test_blocks_and_arguments_of_the_calling_file_may_be_named(self, tmp_path: Path) -> None:
        """`act`, `norm` and `attention` take an op, a block of the library, and one of the file, wherever that is built."""
        more = """
        blocks:
          mine:
            args: {k: 1}
            layers: [{conv2d: {channels: in.channels, kernel: k, bias: false}, name: own}, gate]
          gate: {layers: [{conv2d: {channels: in.channels, kernel: 1, bias: false}, name: inner}]}
        layers:
          - {inverted_residual: {channels: 8, expansion: 2, attention: mine, norm: none, act: gate}, name: it}
        """
        network = spec(tmp_path, f"        input: [4, 4, 8]{more}")
        names = [node.name for node in network.graph.nodes]
        assert "it.attention.own" in names
        assert "it.attention.gate.inner" in names
        assert "it.expand.act.inner" in names
        # 16 wide: 8·16 + 16, gate 16·16, 9·16 + 16, gate, two of 16·16, 16·8 + 8.
        assert network.report().totals.params == 144 + 256 + 160 + 256 + 2 * 256 + 136

    def test_a_block_of_the_file_hides_one_of_the_library_but_not_inside_the_library(self, tmp_path: Path) -> None:
        own = "blocks: {conv_bn_act: {args: {channels: }, layers: [{conv2d: {channels: channels, kernel: 1, bias: false}}]}}\n"
        call = "  - {conv_bn_act: {channels: 5}, name: a}\n  - {depthwise_separable: {channels: 5}, name: b}\n"
        found = totals(tmp_path, f"input: [4, 4, 3]\n{own}layers:\n{call}")
        assert found.params == 15 + (9 * 5 + norm(5) + 25 + norm(5))

    def test_layers_inside_are_read_by_path(self, tmp_path: Path) -> None:
        more = "  - {add: , in: [it.conv2.norm, it]}\n"
        network = spec(tmp_path, text("residual: {channels: 8}", (4, 4, 8), more))
        assert network.graph.nodes[-1].inputs == ("it.conv2.norm", "it.act")

    def test_what_goes_wrong_inside_is_told_of_the_line_that_calls(self, tmp_path: Path) -> None:
        more = "  - {bottleneck: {channels: 9, groups: 4}, name: other}\n"
        problems = validate(str(written(tmp_path, text("bottleneck: {channels: 8, groups: 3}", (4, 4, 8), more))))
        assert [(p.where.line, p.scope) for p in problems if p.where] == [(5, "it.conv.conv"), (6, "other.conv.conv")]
        assert problems[0].what.startswith("groups must divide the input channels, got groups 3 for 2 channels")
        assert {p.where.file.rpartition("/")[2] for p in problems if p.where} == {"net.yaml"}
        report = spec(tmp_path, text("residual: {channels: 8}", (4, 4, 8))).report()
        assert {layer.line for layer in report.layers} == {5}

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            ("conv_bn_act: {kernel: 3}", "it: conv_bn_act needs channels"),
            ("conv_bn_act: {channels: 3, kernal: 3}", "layers.it: unknown key 'kernal'. Did you mean kernel?"),
            (
                "conv_bn_ack: {channels: 3}",
                "layers.it: there is no op or block 'conv_bn_ack'. Did you mean conv_bn_act?",
            ),
            ("squeeze_excite: {gate: sigmoidd}", "layers.it.gate: there is no 'sigmoidd' here. Did you mean sigmoid?"),
            ("ECALayer: ", "layers.it: there is no op or block 'ECALayer'. Here it is eca"),
            ("MBConv: {channels: 8}", "layers.it: there is no op or block 'MBConv'. Here it is inverted_residual"),
        ],
    )
    def test_what_is_wrong_with_a_call_is_known_before_it_is_built(
        self, tmp_path: Path, call: str, message: str
    ) -> None:
        (problem,) = validate(str(written(tmp_path, text(call, (4, 4, 8)))))
        assert f"{problem.scope}: {problem.what}" == message

    def test_generated_names_inside_are_not_read(self, tmp_path: Path) -> None:
        more = "  - {add: , in: [it.add, it]}\n"
        (problem,) = validate(str(written(tmp_path, text("residual: {channels: 8}", (4, 4, 8), more))))
        assert (
            problem.what
            == "reads 'it.add', but only layers that say name: can be read; inside residual, this one says none"
        )


class TestPages:
    @pytest.mark.parametrize("name", sorted(standard.names()))
    def test_every_block_is_whole(self, name: str) -> None:
        found = standard_spec(name)
        assert found is not None
        block = found.blocks[name]
        assert block.about.endswith(".")
        assert block.source
        assert "block" in standard.tree(name).pairs
        assert standard.tree(name).pairs["block"].text == name  # type: ignore[union-attr]
        assert tuple(block.args) == tuple(standard.arguments(name))
        assert max(map(len, Path(standard.path(name)).read_text(encoding="utf-8").splitlines())) <= 140

    def test_spec_ops_lists_and_shows_them(self, cli: Cli) -> None:
        listed = {record["op"]: record for record in cli.json("spec", "ops")["ops"]}
        assert {name for name, record in listed.items() if record["kind"] == "block"} == standard.names()
        assert {name for name, record in listed.items() if record["kind"] == "op"} == set(OPS)
        assert listed["squeeze_excite"]["attributes"] == "[reduction], [channels], [act], [gate]"
        page = cli.ok("spec", "ops", "cbam")
        for said in (
            "cbam - Two gates",
            "reduction       default 16",
            "Source: Woo et al.",
            "layers:\n",
            "name: spatial_gate}",
        ):
            assert said in page
        assert cli.refused_in_a_line("spec", "ops", "squeze_excite").endswith("Did you mean squeeze_excite?")

    def test_a_spec_without_them_reads_none(self) -> None:
        run = "import convcost\nfrom convcost.spec import standard\nconvcost.load('resnet50').graph\nprint(standard.tree.cache_info().currsize)"
        done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True)
        assert done.stdout == "0\n"
