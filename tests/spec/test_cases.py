"""Inputs that users' questions have led to, one of each kind, with the right answers worked out beside them.

Where a spec as its user writes it is refused, the message says what to write, and that has the right answer.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.specs import spec, totals, written

import convcost
from convcost.networks.load import validate


def said(folder: Path, text: str) -> str:
    """The one thing that is wrong with a spec."""
    (problem,) = validate(str(written(folder, text)))
    return problem.what


def sizes(folder: Path, text: str) -> dict[str, tuple[int, ...]]:
    return {layer.name: layer.output_shape for layer in spec(folder, text).report().layers}


# -- padding words -------------------------------------------------------------------------------------------------


def test_same_of_a_transposed_convolution_is_keras_rule_for_any_output_padding(tmp_path: Path) -> None:
    """Keras: in·stride without output_padding; with p, (in - 1)·stride + kernel - 2·(kernel // 2) + p."""
    down = "".join(
        f"  - {{conv2d: {{channels: 8, kernel: 3, stride: 2, padding: same}}, name: e{i}}}\n" for i in range(1, 5)
    )
    up = "".join(
        f"  - {{conv_transpose2d: {{channels: 8, kernel: 3, stride: 2, padding: same{p}}}, name: d{i}}}\n"
        for i, p in enumerate(["", *[", output_padding: 0"] * 3], start=1)
    )
    found = sizes(tmp_path, f"input: [25, 25, 1]\nlayers:\n{down}{up}")
    assert [found[f"e{i}"][0] for i in range(1, 5)] == [13, 7, 4, 2]
    assert [found[f"d{i}"][0] for i in range(1, 5)] == [2 * 2, 3 * 2 + 1, 6 * 2 + 1, 12 * 2 + 1] == [4, 7, 13, 25]
    one = "{conv_transpose2d: {channels: 4, kernel: 3, stride: 2, padding: same, output_padding: 1}, name: up}"
    assert sizes(tmp_path, f"input: [8, 8, 4]\nlayers: [{one}]\n")["up"] == (7 * 2 + 1 + 1, 16, 4)


def test_a_kernel_smaller_than_the_stride(tmp_path: Path) -> None:
    """Numbers are PyTorch's rule, (4 - 1)·3 + 2 = 11; valid and same are Keras', 4·3 = 12; 4·4·2·2·2·3 MACs each way."""
    layer = "input: [4, 4, 2]\nlayers: [{conv_transpose2d: {channels: 3, kernel: 2, stride: 3PADDING}, name: up}]\n"
    for padding, size in (("", 11), (", padding: 0", 11), (", padding: valid", 12), (", padding: same", 12)):
        text = layer.replace("PADDING", padding)
        assert sizes(tmp_path, text)["up"] == (size, size, 3)
        assert totals(tmp_path, text).macs == 384


def test_zeros_on_the_channel_axis(tmp_path: Path) -> None:
    """ResNet-20 of CIFAR-10 with option A: shortcuts subsample and pad channels, and have no parameters."""
    text = """
        input: [32, 32, 3]
        blocks:
          basic:
            args: {channels: , stride: 1}
            layers:
              - parallel:
                  main:
                    - {conv2d: {channels: channels, kernel: 3, stride: stride, padding: 1, bias: false}, name: conv1}
                    - batch_norm
                    - relu
                    - {conv2d: {channels: channels, kernel: 3, padding: 1, bias: false}, name: conv2}
                    - batch_norm
                  shortcut:
                    - {max_pool: {kernel: 1, stride: stride}, name: subsample, if: stride > 1}
                    - {pad: {padding: [0, 0, 0, 0], channels: [in.channels // 2, in.channels // 2]}, name: widen, if: in.channels < channels}
                join: add
              - relu
        layers:
          - {conv2d: {channels: 16, kernel: 3, padding: 1, bias: false}, name: conv1}
          - batch_norm
          - relu
          - each: {basic: {channels: c, stride: s}, repeat: 3, then: {stride: 1}, name: block}
            columns: [c, s]
            rows: [[16, 1], [32, 2], [64, 2]]
          - global_avg_pool
          - flatten
          - {linear: {channels: 10}, name: fc}
    """
    found = totals(tmp_path, text)
    convolutions = 27 * 16 + 9 * (6 * 16 * 16 + 16 * 32 + 5 * 32 * 32 + 32 * 64 + 5 * 64 * 64)
    norms = 2 * (7 * 16 + 6 * 32 + 6 * 64)
    assert found.params == convolutions + norms + 64 * 10 + 10 == 269_722
    maps = 1024 * 27 * 16 + 9 * (1024 * 6 * 256 + 256 * (512 + 5 * 1024) + 64 * (2048 + 5 * 4096))
    assert found.macs == maps + 640 == 40_551_040


# -- conditions, inputs, order of axes -----------------------------------------------------------------------------


def test_a_layer_whose_condition_is_false_need_not_find_what_it_reads(tmp_path: Path) -> None:
    convolution = "{conv2d: {channels: 4, kernel: 3, padding: same}, name: NAME}"
    layers = [
        convolution.replace("NAME", "a"),
        convolution.replace("NAME}", "b, if: deep == 1}"),
        "{add: {}, in: [a, b], name: sum, if: deep == 1}",
        "{global_avg_pool: {}, name: pool, in: b, if: deep == 1, side: true}",
        convolution.replace("NAME", "c"),
    ]
    text = "knobs: {deep: 0}\ninput: [8, 8, 4]\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers)
    assert [*sizes(tmp_path, text)] == ["a", "c"]
    assert len(spec(tmp_path, text, deep=1).graph.nodes) == 5


def test_channels_first_are_refused_in_the_words_of_the_input_option(tmp_path: Path) -> None:
    text = "input: SHAPE\nlayers: [{conv2d: {channels: 64, kernel: 3}, name: conv}]\n"
    refused = said(tmp_path, text.replace("SHAPE", "[3, 256, 256]"))
    words = "sizes go height x width x channels: the input of net is 256x256x3, not 3x256x256"
    assert refused == f"{words}; if it is meant, say {{height: 3, width: 256, channels: 256}}"
    with pytest.raises(convcost.UsageError, match=f"^{words}$"):
        convcost.load(str(written(tmp_path, text.replace("SHAPE", "[256, 256, 3]"))), input_shape=(3, 256, 256))
    meant = totals(tmp_path, text.replace("SHAPE", "{height: 3, width: 256, channels: 256}"))
    assert meant.params == 64 * (9 * 256 + 1)


def test_several_inputs(tmp_path: Path) -> None:
    text = """
        inputs:
          image: [224, 224, 3]
          vector: [17]
        layers:
          - {conv2d: {channels: 8, kernel: 3}, in: image, name: c}
    """
    found = totals(tmp_path, text)
    assert (found.macs, found.params) == (222 * 222 * 8 * 27, 8 * 28) == (10_645_344, 224)


# -- gates and attention: what a user stands in for, and the block that it is --------------------------------------


def test_gates_of_one_channel_and_means_over_channels(tmp_path: Path) -> None:
    """CBAM's spatial gate: 7·7·2 at each of 56·56 positions, from means and maxima that cost none."""
    text = """
        input: [56, 56, 256]
        layers:
          - parallel:
              map: []
              gate:
                - parallel:
                    mean: [{reduce: {axes: channels, function: mean}}]
                    most: [{reduce: {axes: channels, function: max}}]
                  join: concat
                - {conv2d: {channels: 1, kernel: 7, padding: 3, bias: false}, name: spatial}
                - sigmoid
            join: multiply
    """
    assert (totals(tmp_path, text).macs, totals(tmp_path, text).params) == (98 * 56 * 56, 98) == (307_328, 98)
    report = spec(tmp_path, "input: [56, 56, 256]\nlayers: [{cbam: , name: gates}]\n").report()
    (spatial,) = (layer for layer in report.layers if layer.name == "gates.spatial")
    assert (spatial.macs, spatial.params) == (307_328, 98)


def test_a_convolution_along_the_channels(tmp_path: Path) -> None:
    found = totals(tmp_path, "input: [56, 56, 256]\nlayers: [eca]\n")
    assert (found.macs, found.params) == (3 * 256, 3)


def test_products_of_two_activations(tmp_path: Path) -> None:
    found = totals(tmp_path, "input: [14, 14, 1024]\nlayers: [{non_local: {channels: 512}, name: block}]\n")
    projections = 4 * 196 * 1024 * 512
    assert projections == 411_041_792
    assert found.macs == projections + 2 * 196 * 196 * 512 == 450_379_776
    assert found.params == 4 * 1024 * 512 + 3 * 512 + 1024 == 2_099_712


def test_taps_that_are_moved_need_offsets(tmp_path: Path) -> None:
    """64 -> 64, 3×3 on 64×64: as many products as a convolution, and 2·9 offsets at each position from another one."""
    text = "input: [64, 64, 64]\nlayers: [{CALL: {channels: 64, kernel: 3, padding: 1}, name: deform}]\n"
    assert said(tmp_path, text.replace("CALL", "deform_conv2d")).endswith(
        "the block deformable_conv2d computes them itself"
    )
    found = totals(tmp_path, text.replace("CALL", "deformable_conv2d"))
    assert found.macs == 4096 * 9 * 64 * 64 + 4096 * 9 * 64 * 18 == 150_994_944 + 42_467_328
    assert found.params == (9 * 64 * 64 + 64) + (9 * 64 * 18 + 18) == 36_928 + 10_386


# -- shared weights ------------------------------------------------------------------------------------------------


def test_the_same_weights_twice(tmp_path: Path) -> None:
    text = "input: [10]\nlayers:\n  - {linear: {channels: 10}, name: fc}\n  - {linear: {channels: 10}, name: NAME, share: fc}\n"
    assert said(tmp_path, text.replace("NAME", "fc")) == (
        "the name 'fc' is taken by line 5; where its weights are used again, say another name"
    )
    found = totals(tmp_path, text.replace("NAME", "again"))
    assert (found.macs, found.params) == (2 * 10 * 10, 110)


# (A Siamese trunk and a recursive network are in test_sharing.py.)


# -- sequences and volumes -----------------------------------------------------------------------------------------


def test_a_volume(tmp_path: Path) -> None:
    text = "input: [16, 112, 112, 3]\nlayers: [{conv3d: {channels: 64, kernel: 3, padding: same}, name: conv1}]\n"
    found = totals(tmp_path, text)
    assert (found.macs, found.params) == (16 * 112**2 * 64 * 81, 64 * 82) == (1_040_449_536, 5_248)


TCN = """
    knobs: {filters: 8, taps: 5, steps: 20, features: 3}
    input: INPUT
    blocks:
      causal:
        args: {d: }
        layers: [{CAUSAL}, relu]
      residual:
        args: {d: }
        layers:
          - parallel:
              main:
                - {causal: {d: d}, name: c1}
                - {causal: {d: d}, name: c2}
              shortcut:
                - {MATCH, name: match, if: in.channels != filters}
            join: add
          - relu
    layers:
      - each: {residual: {d: d}, name: block}
        columns: [d]
        rows: [[1], [2], [4]]
"""


def test_causal_convolutions_as_a_sequence_and_by_the_detour_of_a_map_of_height_1(tmp_path: Path) -> None:
    detour = TCN.replace("INPUT", "[1, steps, features]").replace("MATCH", "conv2d: {channels: filters, kernel: 1}")
    detour = detour.replace(
        "CAUSAL",
        'conv2d: {channels: filters, kernel: [1, taps], dilation: [1, d], padding: [0, 0, "d * (taps - 1)", 0]}',
    )
    direct = TCN.replace("INPUT", "[steps, features]").replace("MATCH", "conv1d: {channels: filters, kernel: 1}")
    direct = direct.replace("CAUSAL", "conv1d: {channels: filters, kernel: taps, dilation: d, padding: causal}")
    weights = 5 * 8 * (3 + 5 * 8) + 3 * 8
    for text in (detour, direct):
        found = totals(tmp_path, text)
        assert found.params == weights + 7 * 8 == 1_800
        assert found.macs == 20 * weights == 34_880
        # Of 20 steps, the first d, 2d, 3d and 4d have 4, 3, 2, 1 taps on zeros: 10·d of 8·c products in each convolution.
        assert found.padding_macs == 10 * 8 * (3 + 8) + 20 * 64 * 2 + 40 * 64 * 2 == 8_560


def test_an_electrocardiogram_as_a_person_writes_it(tmp_path: Path) -> None:
    text = """
        knobs: {samples: 5000, leads: 12}
        input: [samples, leads]
        layers:
          - conv1d: {channels: 32, kernel: 7, stride: 2, padding: 3}
          - batch_norm
          - relu
          - POOL: {kernel: 2}
          - conv1d: {channels: 64, kernel: 7, padding: 3}
          - relu
          - global_avg_pool
          - flatten
          - linear: {channels: 5}
    """
    assert said(tmp_path, text.replace("POOL", "max_pool")).startswith(
        "max_pool needs a map (h×w×c), got a sequence of 2500×32. Here it is max_pool1d"
    )
    report = spec(tmp_path, text.replace("POOL", "max_pool1d")).report()
    assert (
        (report.layers[0].macs, report.layers[0].params) == (2500 * 7 * 12 * 32, 7 * 12 * 32 + 32) == (6_720_000, 2_720)
    )
    assert report.totals.params == 2_720 + 2 * 32 + (7 * 32 * 64 + 64) + (64 * 5 + 5)


def test_recurrence(tmp_path: Path) -> None:
    """512 -> 256 over 25 steps: four gates, each of 768·256 products; PyTorch stores two biases for each, Keras one."""
    text = "input: [25, 512]\nlayers: [{lstm: {channels: 256BIASES}}]\n"
    for biases, params in (("", 788_480), (", biases: 2", 788_480), (", biases: 1", 787_456)):
        found = totals(tmp_path, text.replace("BIASES", biases))
        assert (found.macs, found.params) == (25 * 4 * 768 * 256, params) == (19_660_800, params)
    text = "input: [1, 25, 512]\nlayers:\n  - {lstm: {channels: 256}}\n  - {linear: {channels: 37ALL}}\n"
    assert "say at: positions if each position is meant" in said(tmp_path, text.replace("ALL", ""))
    assert totals(tmp_path, text.replace("ALL", ", at: positions")).macs == 19_660_800 + 25 * 256 * 37


# -- specs on specs ------------------------------------------------------------------------------------------------


def test_a_network_of_the_zoo_as_a_backbone(tmp_path: Path) -> None:
    layer = "{mobilenet_v2: {width: 1.0}, name: backbone}"
    text = f"input: [320, 320, 3]\nlayers:\n  - {layer}\n  - {{conv2d: {{channels: 24, kernel: 1}}, name: head}}\n"
    hint = said(tmp_path, text).partition("but mobilenet_v2 is a network of the zoo: ")[2]
    assert hint == "{use: mobilenet_v2, with: {width: 1.0}}"
    assert totals(tmp_path, text.replace(layer, f"{hint[:-1]}, until: head, name: backbone}}")).params == 2_254_616


def test_presets_of_ones_own_file_have_names(tmp_path: Path) -> None:
    """DS-CNN: 64, 172 and 276 channels; MACs by hand, and parameters with int8 activations in kB as MLPerf counts them."""
    path = written(
        tmp_path,
        """
        knobs: {c: 64, w1: 2, s1: 1, blocks: 4}
        presets:
          ds_cnn_m: {c: 172, w1: 1, s1: 2}
          ds_cnn_l: {c: 276, w1: 1, s1: 2, blocks: 5}
        input: [49, 10, 1]
        blocks:
          ds:
            args: {stride: 1}
            layers:
              - {conv2d: {channels: in.channels, kernel: 3, stride: stride, padding: same, groups: in.channels}, name: dw}
              - relu
              - {conv2d: {channels: c, kernel: 1}, name: pw}
              - relu
        layers:
          - {conv2d: {channels: c, kernel: [10, 4], stride: [2, w1], padding: same}, name: conv1}
          - relu
          - {ds: {stride: s1}, repeat: blocks, then: {stride: 1}, name: ds}
          - global_avg_pool
          - flatten
          - {linear: {channels: 12}, name: fc}
        """,
        "ds_cnn",
    )

    def macs(c: int, first: int, inner: int, blocks: int) -> int:
        return first * 40 * c + blocks * inner * (9 * c + c * c) + 12 * c

    assert convcost.load(str(path)).report().totals.macs == macs(64, 25 * 5, 25 * 5, 4) == 2_656_768
    assert convcost.load(f"{path}:ds_cnn_m").report().totals.macs == macs(172, 25 * 10, 13 * 5, 4) == 9_816_384
    large = macs(276, 25 * 10, 13 * 5, 5)
    assert convcost.load(f"{path}:ds_cnn_l").report().totals.macs == large == 28_327_812
    assert convcost.load(f"{path}:ds_cnn_m:c=64,blocks=1").report().totals.macs == macs(64, 250, 65, 1)


def test_a_u_net_with_its_skips(tmp_path: Path) -> None:
    """Each decoder reads the encoder of its size: 64 to 1024 channels, on 256×256."""
    text = """
        knobs: {width: 1.0, resolution: 256, classes: 2}
        input: [resolution, resolution, 3]
        blocks:
          double:
            args: {channels: }
            layers:
              - {conv_bn_act: {channels: channels, kernel: 3}, name: conv1}
              - {conv_bn_act: {channels: channels, kernel: 3}, name: conv2}
          up:
            args: {channels: }
            inputs: [x, skip]
            layers:
              - {conv_transpose2d: {channels: channels, kernel: 2, stride: 2}, name: up, in: x}
              - {concat, in: [skip, up]}
              - {double: {channels: channels}, name: double}
        layers:
          - {double: {channels: 64 * width}, name: enc1}
          - max_pool: {kernel: 2}
          - {double: {channels: 128 * width}, name: enc2}
          - max_pool: {kernel: 2}
          - {double: {channels: 256 * width}, name: enc3}
          - max_pool: {kernel: 2}
          - {double: {channels: 512 * width}, name: enc4}
          - max_pool: {kernel: 2}
          - {double: {channels: 1024 * width}, name: middle}
          - {up: {channels: 512 * width}, in: [middle, enc4], name: dec4}
          - {up: {channels: 256 * width}, in: [dec4, enc3], name: dec3}
          - {up: {channels: 128 * width}, in: [dec3, enc2], name: dec2}
          - {up: {channels: 64 * width}, in: [dec2, enc1], name: dec1}
          - {conv2d: {channels: classes, kernel: 1}, name: head}
    """
    params, macs, c = 0, 0, 3
    for level, channels in enumerate((64, 128, 256, 512, 1024)):
        positions = (256 >> level) ** 2
        weights = 9 * (c * channels + channels * channels)
        params, macs, c = params + weights + 4 * channels, macs + positions * weights, channels
    for level, channels in reversed([*enumerate((64, 128, 256, 512))]):
        positions = (256 >> level) ** 2
        weights = 9 * (2 * channels * channels + channels * channels)
        up = 4 * 2 * channels * channels
        params += weights + 4 * channels + up + channels
        macs += positions * weights + positions // 4 * up
    found = totals(tmp_path, text)
    assert found.params == params + 64 * 2 + 2 == 31_037_698
    assert found.macs == macs + 256 * 256 * 64 * 2 == 48_171_581_440
