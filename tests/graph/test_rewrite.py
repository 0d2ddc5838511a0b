"""Networks with their convolutions rebuilt: a paper's table, layers by hand, there and back again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from helpers.random_graphs import graph, node
from helpers.turns import in_turns
from helpers.zoo import an_end_of_each_family, loaded

import convcost
from convcost.core.errors import UsageError
from convcost.graph.graph import INPUT, Node
from convcost.graph.rewrite import rewrite
from convcost.graph.walk import Walked, walk
from convcost.networks.network import Network
from convcost.ops import OPS
from convcost.results.report import LayerCost, layer_dict

if TYPE_CHECKING:
    from helpers.cli import Cli


CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")


def layers(network: Network) -> dict[str, LayerCost]:
    return {layer.name: layer for layer in network.report().layers}


def is_depthwise(layer: LayerCost) -> bool:
    return layer.op in CONVOLUTIONS and layer.attrs["groups"] == layer.input_shapes[0][-1] > 1


def can_be_rebuilt(layer: LayerCost) -> bool:
    """A convolution over several channels and several taps, in one group."""
    conv = layer.op in CONVOLUTIONS and layer.attrs["groups"] == 1
    return conv and layer.input_shapes[0][-1] > 1 and {*layer.attrs["kernel"]} != {1}


# The paper's Table 4.

#: Table 1 of the MobileNet paper: map, input channels and filters of each separable block (the last one with stride 1).
BLOCKS = [(112, 32, 64), (56, 64, 128), (56, 128, 128), (28, 128, 256), (28, 256, 256), (14, 256, 512)]
BLOCKS += [(14, 512, 512)] * 5 + [(7, 512, 1024), (7, 1024, 1024)]


def test_mobilenet_v1_with_full_convolutions_is_the_one_of_its_papers_table_4() -> None:
    totals = convcost.load("mobilenet_v1").rewrite("standard").report().totals
    # The stem of 32 filters 3×3×3, thirteen 3×3 convolutions, 1,000 classes.
    macs = 112 * 112 * 27 * 32 + sum(n * n * 9 * c * filters for n, c, filters in BLOCKS) + 1024 * 1000
    assert totals.macs == macs == 4_867_293_184  # printed: 4866 M
    # Weights, a scale and a shift per filter, and 1,000 biases.
    params = 27 * 32 + 2 * 32 + sum(9 * c * filters + 2 * filters for _, c, filters in BLOCKS) + 1025 * 1000
    assert totals.params == params
    assert round(params / 10**6, 1) == 29.3  # printed: 29.3 M


def test_one_layer_of_it_by_hand() -> None:
    # Block 2: depthwise 3×3, stride 2, from 112×112×64, and 1×1 to 128 become 3×3, stride 2: 56·56 positions.
    before, after = convcost.load("mobilenet_v1"), convcost.load("mobilenet_v1").rewrite("standard")
    conv = layers(after)["stage2.block1.pointwise.conv2d"]
    assert (conv.input_shapes[0], conv.output_shape) == ((112, 112, 64), (56, 56, 128))
    assert conv.macs == 56 * 56 * 128 * 9 * 64 == 231_211_008
    assert (conv.attrs["kernel"], conv.attrs["stride"], conv.attrs["groups"]) == ((3, 3), (2, 2), 1)
    assert not any("depthwise" in name for name in layers(after))
    assert layers(after)["stem.conv2d"] == layers(before)["stem.conv2d"]


def test_a_rule_that_is_wrong_by_one_misses_table_4(monkeypatch: pytest.MonkeyPatch) -> None:
    right = OPS["conv2d"].rule

    def one_more(*shapes: Any, **attrs: Any) -> Any:
        cost = right(*shapes, **attrs)
        return replace(cost, macs=cost.macs + 1)

    monkeypatch.setitem(OPS, "conv2d", replace(OPS["conv2d"], rule=one_more))
    assert convcost.load("mobilenet_v1").rewrite("standard").report().totals.macs == 4_867_293_184 + 14


# To separable.


@pytest.mark.parametrize(
    ("name", "size", "channels", "filters"), [("stage1.conv2", 224, 64, 64), ("stage5.conv1", 14, 512, 512)]
)
def test_layers_of_a_separable_vgg_by_hand(name: str, size: int, channels: int, filters: int) -> None:
    after = layers(convcost.load("vgg16").rewrite("separable"))
    depthwise, pointwise = after[f"{name}.conv2d.depthwise"], after[f"{name}.conv2d.pointwise"]
    assert depthwise.macs == size * size * channels * 9
    assert pointwise.macs == size * size * channels * filters
    # VGG's bias follows the sum over channels, so it goes to the pointwise convolution alone.
    assert (depthwise.params, pointwise.params) == (9 * channels, channels * filters + filters)
    assert depthwise.output_shape == (size, size, channels)
    assert pointwise.output_shape == (size, size, filters)


def test_a_separable_vgg_16_in_all() -> None:
    sizes = [
        (224, 3, 64),
        (224, 64, 64),
        (112, 64, 128),
        (112, 128, 128),
        (56, 128, 256),
        (56, 256, 256),
        (56, 256, 256),
    ]
    sizes += [(28, 256, 512), (28, 512, 512), (28, 512, 512), (14, 512, 512), (14, 512, 512), (14, 512, 512)]
    linear = 25_088 * 4096 + 4096 * 4096 + 4096 * 1000
    totals = convcost.load("vgg16").rewrite("separable").report().totals
    assert totals.macs == sum(n * n * (9 * c + c * filters) for n, c, filters in sizes) + linear
    biases = sum(filters for _, _, filters in sizes) + 4096 + 4096 + 1000
    assert totals.params == sum(9 * c + c * filters for _, c, filters in sizes) + linear + biases


def drawn_with(layer: LayerCost, rebuilt: set[str]) -> str:
    """The unit of a layer that is left alone: of two convolutions where one was, what runs before it stays with the first."""
    steps = [step.node.name for step in layer.unit.steps]
    conv = next((name for name in steps if name in rebuilt), None)
    if conv is None:
        return layer.unit.name
    return f"{conv}.{'depthwise' if steps.index(layer.name) < steps.index(conv) else 'pointwise'}"


@pytest.mark.parametrize("model", in_turns(an_end_of_each_family(0), 3))
def test_only_what_can_be_separated_is_touched(model: str) -> None:
    before = convcost.load(model)
    old = layers(before)
    rebuilt = {name for name, layer in old.items() if can_be_rebuilt(layer)}
    if not rebuilt:
        with pytest.raises(UsageError, match="no layer that can become separable"):
            before.rewrite("separable")
        return
    new = layers(before.rewrite("separable"))
    assert set(old) - set(new) == rebuilt
    assert set(new) - set(old) == {f"{name}.{part}" for name in rebuilt for part in ("depthwise", "pointwise")}
    assert [name for name in old if name not in rebuilt] == [name for name in new if name in old]
    kept = [name for name in old if name not in rebuilt]
    assert [layer_dict(new[name]) for name in kept] == [
        {**layer_dict(old[name]), "unit": drawn_with(old[name], rebuilt)} for name in kept
    ]
    assert all(new[f"{name}.pointwise"].output_shapes == old[name].output_shapes for name in rebuilt)


# And back.


@pytest.mark.parametrize("model", in_turns(an_end_of_each_family(1), 3, first=1))
def test_separable_and_back_is_the_same_network(model: str) -> None:
    before = loaded(model)
    old = before.report().layers
    if not any(map(can_be_rebuilt, old)):
        with pytest.raises(UsageError, match="has no layer that can become separable"):
            before.rewrite("separable")
        return
    # Pairs that the network has of its own would become standard, too.
    own = [layer.name for layer in old if is_depthwise(layer)]
    back = before.rewrite("separable").rewrite("standard", excluded=own)
    assert back.graph.nodes == before.graph.nodes
    assert back.graph.outputs == before.graph.outputs
    assert back.report().layers == old
    assert back.report().totals == before.report().totals


@pytest.mark.parametrize("model", ["mobilenet_v1", "mobilenet_v2"])
def test_standard_and_back_has_the_costs_of_the_convolutions_again(model: str) -> None:
    # The stem, a convolution from the start, would become separable as well, so it is left out by the pattern.
    before = convcost.load(model)
    again = before.rewrite("standard").rewrite("separable", "stage*")
    convs = [(layer.macs, layer.params) for layer in before.report().layers if layer.op in ("conv2d", "linear")]
    found = [(layer.macs, layer.params) for layer in again.report().layers if layer.op in ("conv2d", "linear")]
    assert found == convs


# To groups.


@pytest.mark.parametrize("groups", [2, 4, 32])
@pytest.mark.parametrize("model", ["alexnet_ungrouped", "googlenet", "resnet18", "mobilenet_v2"])
def test_groups_divide_the_cost_of_the_layers_they_fit(model: str, groups: int) -> None:
    before = convcost.load(model)
    old = layers(before)
    fit = [
        n
        for n, a in old.items()
        if can_be_rebuilt(a) and a.input_shapes[0][2] % groups == a.attrs["channels"] % groups == 0
    ]
    if not fit:
        with pytest.raises(UsageError, match=f"no layer that can become grouped:{groups}"):
            before.rewrite(f"grouped:{groups}")
        return
    new = layers(before.rewrite(f"grouped:{groups}"))
    assert list(new) == list(old)
    for name, layer in old.items():
        if name in fit:
            assert new[name].macs * groups == layer.macs
            biases = layer.attrs["channels"] * layer.attrs["bias"]
            assert (new[name].params - biases) * groups == layer.params - biases
            assert new[name].output_shapes == layer.output_shapes
        else:
            # What it is drawn with has the same name and steps, of which one may be in groups now.
            steps = [step if step.node.name not in fit else new[step.node.name].step for step in layer.unit.steps]
            anchor = next(step for step in steps if step.node.name == layer.unit.anchor.node.name)
            assert new[name] == replace(layer, unit=replace(layer.unit, anchor=anchor, steps=tuple(steps)))


def test_alexnet_with_two_groups_is_the_networks_own_preset_but_for_conv3() -> None:
    grouped = layers(convcost.load("alexnet_ungrouped").rewrite("grouped:2"))
    own = layers(convcost.load("alexnet"))
    differ = [name for name, layer in own.items() if grouped[name].macs != layer.macs]
    assert differ == ["conv3"]  # the one that sees the maps of both GPUs; conv1's 3 channels cannot be halved


# Which layers.


def test_a_pattern_may_name_any_part_of_a_pair() -> None:
    for pattern in ("stage2.block1.depthwise.conv2d", "stage2.block1.pointwise.*", "stage2.*"):
        after = layers(convcost.load("mobilenet_v1").rewrite("standard", pattern))
        assert "stage2.block1.depthwise.conv2d" not in after
        assert "stage1.block1.depthwise.conv2d" in after


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "net.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


# Shapes of networks that need care.


def test_side_outputs_survive() -> None:
    before = convcost.load("googlenet_aux")
    after = before.rewrite("separable")
    assert after.graph.outputs == before.graph.outputs
    assert len(after.graph.outputs) == 3  # the classifier and two auxiliary heads


@pytest.mark.parametrize("between", ["batch_norm", "relu", "prelu", "scale", "swish"])
def test_element_wise_ops_may_stand_between_a_pair(tmp_path: Path, between: str) -> None:
    lines = (f"{DEPTHWISE}}}", between, "{conv2d: {channels: 6, kernel: 1}, name: pw}")
    after = convcost.load(written(tmp_path, HEAD + "".join(f"  - {line}\n" for line in lines))).rewrite("standard")
    assert [(layer.kind, layer.macs) for layer in after.report().layers] == [("conv2d 3×3", 64 * 9 * 4 * 6)]


DEPTHWISE = "{conv2d: {channels: 4, kernel: 3, padding: 1, groups: 4}, name: dw"
HEAD = "convcost: 1\nname: x\ninput: [8, 8, 4]\nlayers:\n"


@pytest.mark.parametrize(
    "lines",
    [
        [f"{DEPTHWISE}, side: true}}", "{conv2d: {channels: 6, kernel: 1}, name: pw, in: dw}"],  # an output itself
        [f"{DEPTHWISE}}}", "{conv2d: {channels: 6, kernel: 1}, name: pw}", "{conv2d: {channels: 6, kernel: 1}, name: p2, in: dw}",
         "{add: , in: [pw, p2]}"],
        [f"{DEPTHWISE}}}", "{conv2d: {channels: 6, kernel: 1, padding: 1}, name: pw}"],  # adds a rim
        [f"{DEPTHWISE}}}", "{conv2d: {channels: 6, kernel: 1, stride: 2}, name: pw}"],
        [f"{DEPTHWISE}}}", "{max_pool: {kernel: 2}}", "{conv2d: {channels: 6, kernel: 1}, name: pw}"],
        [f"{DEPTHWISE}}}", "softmax", "{conv2d: {channels: 6, kernel: 1}, name: pw}"],  # reads all channels
    ],
    ids=["side output", "read twice", "padded", "strided", "pooled between", "softmax between"],
)  # fmt: skip
def test_pairs_that_no_single_convolution_replaces_stay(cli: Cli, tmp_path: Path, lines: list[str]) -> None:
    path = written(tmp_path, HEAD + "".join(f"  - {line}\n" for line in lines))
    assert cli("rewrite", path, "--to", "standard").stderr == "x has no layer that can become standard\n"


def test_a_pair_at_the_end_is_merged_and_the_output_led_to_it(tmp_path: Path) -> None:
    lines = [f"{DEPTHWISE}}}", "{relu: , name: act}", "{conv2d: {channels: 6, kernel: 1}, name: pw}"]
    after = convcost.load(written(tmp_path, HEAD + "".join(f"  - {line}\n" for line in lines))).rewrite("standard")
    assert [node.name for node in after.graph.nodes] == list(after.graph.outputs) == ["pw"]
    assert after.report().totals.macs == 8 * 8 * 6 * 9 * 4


# Weights that several layers use.

ALL = ("weights", "biases", "buffers")


def using(owner: str, new: Node) -> Node:
    return replace(new, shares=dict.fromkeys(ALL, owner))


def towers(*, padding: int = 1, tower: int = 2) -> list[Node]:
    """The same 3×3 convolution from 4 to 4 channels, on the map and again on what it puts out, and so on."""
    names = [INPUT, *(f"tower{i}" for i in range(1, tower + 1))]
    made = [node(b, "conv2d", a, channels=4, kernel=3, padding=padding) for a, b in pairwise(names)]
    return [made[0], *(using(made[0].name, one) for one in made[1:])]


def walked(nodes: Sequence[Node], *outputs: str) -> Walked:
    return walk(graph(nodes, *outputs, input_shape=(8, 8, 4)))


def stored(done: Walked) -> int:
    return sum(step.params for step in done.steps)


def test_layers_that_share_weights_are_separated_alike_and_share_those_of_the_pieces() -> None:
    before = walked(towers(tower=3))
    assert stored(before) == 9 * 4 * 4 + 4
    after = walk(rewrite(before, "separable").graph)
    assert stored(after) == 9 * 4 + 4 * 4 + 4  # one depthwise and one pointwise convolution, used three times
    assert [step.cost.macs for step in after.steps] == 3 * [64 * 9 * 4, 64 * 4 * 4]
    owners = {step.node.name: {*step.node.shares.values()} for step in after.steps}
    assert owners == {
        "tower1.depthwise": set(), "tower1.pointwise": set(),
        "tower2.depthwise": {"tower1.depthwise"}, "tower2.pointwise": {"tower1.pointwise"},
        "tower3.depthwise": {"tower1.depthwise"}, "tower3.pointwise": {"tower1.pointwise"},
    }  # fmt: skip
    assert rewrite(after, "standard").graph == before.graph


def test_layers_that_share_weights_get_the_same_groups() -> None:
    after = walk(rewrite(walked(towers()), "grouped:2").graph)
    assert [step.node.attrs["groups"] for step in after.steps] == [2, 2]
    assert stored(after) == 9 * 2 * 4 + 4
    assert {*after.steps[1].node.shares.values()} == {"tower1"}


@pytest.mark.parametrize(
    ("pattern", "excluded"), [("tower1", []), ("tower2", []), ("*", ["tower2"]), ("*", ["tower1"])]
)
@pytest.mark.parametrize("to", ["separable", "grouped:2"])
def test_of_layers_that_share_weights_none_is_rebuilt_alone(to: str, pattern: str, excluded: list[str]) -> None:
    with pytest.raises(UsageError) as raised:
        rewrite(walked(towers()), to, pattern, excluded)
    said = "tower2 uses the weights of tower1, so that both become # or neither does; choose both, or leave both out"
    assert str(raised.value) == f"random: {said.replace('#', to)}"


def pairs(*, both: bool = True, norm: str = "") -> list[Node]:
    """Two pairs of a depthwise and a pointwise convolution; the second uses the weights of the first."""
    nodes = []
    for number, source in ((1, INPUT), (2, "mix1")):
        nodes += [
            node(f"look{number}", "conv2d", source, channels=4, kernel=3, padding=1, groups=4),
            node(f"norm{number}", "batch_norm", f"look{number}"),
            node(f"mix{number}", "conv2d", f"norm{number}", channels=4, kernel=1),
        ]
    shared = {"look2": "look1", **({"mix2": "mix1"} if both else {}), **({"norm2": norm} if norm else {})}
    return [using(shared[one.name], one) if one.name in shared else one for one in nodes]


@pytest.mark.parametrize("norm", ["", "norm1"])
def test_pairs_that_share_weights_become_convolutions_that_do(norm: str) -> None:
    after = walk(rewrite(walked(pairs(norm=norm)), "standard").graph)
    assert [step.node.name for step in after.steps] == ["mix1", "mix2"]
    assert after.steps[1].node.shares == dict.fromkeys(ALL, "mix1")
    assert stored(after) == 9 * 4 * 4 + 4


def test_a_pair_of_which_only_one_is_shared_is_no_convolution_that_is() -> None:
    with pytest.raises(UsageError, match=r"^random: mix2 uses weights of look1, but as standard they would not"):
        rewrite(walked(pairs(both=False)), "standard")


def test_a_layer_that_uses_the_weights_of_one_that_would_go_is_named() -> None:
    last = using("norm1", node("last", "batch_norm", "mix2"))
    with pytest.raises(UsageError, match=r"^random: last uses the weights of norm1, so that both become standard or"):
        rewrite(walked([*pairs(), last]), "standard")


def test_weights_of_other_sizes_are_not_the_same_weights() -> None:
    # 4 to 6 channels and 6 to 4 have as many weights, 9·24, but the depthwise filters would be 4 and 6.
    wide = node("wide", "conv2d", INPUT, channels=6, kernel=3, bias=False)
    narrow = using("wide", node("narrow", "conv2d", "wide", channels=4, kernel=3, bias=False))
    with pytest.raises(UsageError, match=r"^random: narrow uses weights of wide, but as separable they would not have"):
        rewrite(walked([wide, narrow]), "separable")


def test_what_is_not_trained_stays_so() -> None:
    fixed = [replace(one, trainable=False) for one in towers(tower=1)]
    after = walk(rewrite(walked(fixed), "separable").graph)
    assert [(step.params, step.buffers) for step in after.steps] == [(0, 9 * 4), (0, 4 * 4 + 4)]
    assert rewrite(after, "standard").graph.nodes == tuple(fixed)


def test_a_pair_of_which_one_is_trained_stays_a_pair() -> None:
    look, norm, mix, *_ = pairs()
    with pytest.raises(UsageError, match="no layer that can become standard"):
        rewrite(walked([replace(look, trainable=False), norm, mix]), "standard")


# Along one axis, and along three; on positions of axes before these.


@pytest.mark.parametrize(
    ("op", "shape", "attrs", "positions", "taps"),
    [
        ("conv1d", (500, 12), {"kernel": 7, "padding": "causal", "dilation": 2}, 500, 7),
        ("conv1d", (500, 12), {"kernel": 5, "stride": 2, "padding": 2}, 250, 5),
        ("conv3d", (16, 56, 56, 12), {"kernel": [3, 7, 7], "stride": [1, 2, 2], "padding": "same"}, 16 * 28 * 28, 147),
        ("conv2d", (16, 56, 56, 12), {"kernel": 3, "padding": 1}, 16 * 56 * 56, 9),  # on each frame
        ("conv1d", (8, 500, 12), {"kernel": 3}, 8 * 498, 3),  # on each of eight sequences
    ],
)  # fmt: skip
def test_convolutions_along_any_axes_are_rebuilt(
    op: str, shape: tuple[int, ...], attrs: dict[str, Any], positions: int, taps: int
) -> None:
    before = walk(graph([node("conv", op, INPUT, channels=8, **attrs)], input_shape=shape))
    assert before.steps[0].cost.macs == positions * 8 * taps * 12
    after = walk(rewrite(before, "separable").graph)
    depthwise, pointwise = after.steps
    assert [step.node.op for step in after.steps] == [op, op]
    assert [step.cost.macs for step in after.steps] == [positions * 12 * taps, positions * 8 * 12]
    assert [step.params for step in after.steps] == [12 * taps, 8 * 12 + 8]
    assert pointwise.cost.out == before.steps[0].cost.out
    # All padding is at the taps that see neighbours: the 1×1 multiplies no zero.
    assert depthwise.node.attrs["padding"] == before.graph.nodes[0].attrs["padding"]
    assert pointwise.padding_macs == 0
    assert rewrite(after, "standard").graph == before.graph
    grouped = walk(rewrite(before, "grouped:4").graph).steps[0]
    assert (grouped.cost.macs, grouped.cost.out) == (before.steps[0].cost.macs // 4, before.steps[0].cost.out)


def test_a_padding_word_around_a_single_tap_adds_nothing() -> None:
    look = node("look", "conv1d", INPUT, channels=4, kernel=3, padding="causal", groups=4)
    mix = node("mix", "conv1d", "look", channels=6, kernel=1, padding="causal")
    (merged,) = walk(rewrite(walk(graph([look, mix], input_shape=(9, 4))), "standard").graph).steps
    assert (merged.node.attrs["padding"], merged.cost.out, merged.cost.macs) == (("causal",), ((9, 6),), 9 * 6 * 3 * 4)


def test_a_pair_along_other_axes_is_no_pair() -> None:
    # Rows look at their neighbours, and then frames mix their channels: no single convolution does both.
    look = node("look", "conv2d", INPUT, channels=4, kernel=3, padding=1, groups=4)
    mix = node("mix", "conv3d", "look", channels=6, kernel=1)
    with pytest.raises(UsageError, match="no layer that can become standard"):
        rewrite(walk(graph([look, mix], input_shape=(2, 8, 8, 4))), "standard")


@pytest.mark.parametrize("op", ["max_pool2d", "conv_transpose2d", "conv2d_table"])
def test_other_windows_stay_as_they_are(op: str) -> None:
    attrs = {"conv_transpose2d": {"channels": 6}, "conv2d_table": {"connections": [[0, 1], [0]]}}.get(op, {})
    before = walked(
        [node("window", op, INPUT, kernel=2, **attrs), node("conv", "conv2d", "window", channels=4, kernel=2)]
    )
    (one,) = rewrite(before, "separable").rebuilt
    assert one.names == {"conv"}
