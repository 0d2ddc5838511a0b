"""Networks that state the types of their tensors: bytes by hand, and wherever bytes or types are said."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.specs import assert_resolves_to_itself, spec, written

import convcost
from convcost.core.dtypes import DTYPE_BITS
from convcost.core.errors import UsageError
from convcost.formulas.closed_form import closed_form
from convcost.formulas.symbols import symbol
from convcost.graph.graph import Caption, Graph
from convcost.graph.rewrite import rewrite
from convcost.memory.policies import POLICIES
from convcost.memory.usage import Options
from convcost.networks.before_after import rewrite_table
from convcost.networks.side_by_side import side_by_side
from convcost.networks.within_memory import remedies
from convcost.pages.report import report_page
from convcost.render.table import render
from convcost.results.memory import memory_table
from convcost.spec.compact import compact
from convcost.spec.write import resolved

if TYPE_CHECKING:
    from helpers.cli import Cli

SMALL = """
    input: [8, 8, 3]
    DTYPE
    layers:
      - {conv2d: {channels: 4, kernel: 3, padding: same}, name: conv}
      - relu
      - flatten
      - {linear: {channels: 10}, name: fc}
"""
INT8 = "dtype: {inputs: uint8, outputs: int8, weights: int8, biases: int32}"
WEIGHTS, BIASES = 4 * 3 * 3 * 3 + 256 * 10, 4 + 10
"""conv: 3·3·3 to each of 4 channels; fc: 8·8·4 = 256 to each of 10."""
INPUT, MAP, CLASSES = 8 * 8 * 3, 8 * 8 * 4, 10
"""Elements; the largest sum that is alive at once under `fused` is of the first two."""


def small(folder: Path, dtype: str = "") -> convcost.Network:
    return spec(folder, SMALL.replace("DTYPE", dtype))


@pytest.mark.parametrize(
    ("stated", "word", "weights", "peak"),
    [
        ("", "fp32", 4 * (WEIGHTS + BIASES), 4 * (INPUT + MAP)),
        (INT8, "mixed", WEIGHTS + 4 * BIASES, INPUT + MAP),
        ("dtype: {weights: fp16, biases: fp16}", "mixed", 2 * (WEIGHTS + BIASES), 4 * (INPUT + MAP)),
        ("dtype: {inputs: uint8}", "mixed", 4 * (WEIGHTS + BIASES), INPUT + 4 * MAP),
        ("dtype: int8", "int8", WEIGHTS + BIASES, INPUT + MAP),
        ("dtype: int4", "int4", (WEIGHTS + BIASES) // 2, (INPUT + MAP) // 2),
        ("dtype: {inputs: half, outputs: float16, weights: fp16, biases: fp16}", "fp16", 5364, 2 * (INPUT + MAP)),
        ("dtype: {buffers: int8}", "fp32", 4 * (WEIGHTS + BIASES), 4 * (INPUT + MAP)),
    ],
)
def test_each_tensor_takes_its_own_bytes(tmp_path: Path, stated: str, word: str, weights: int, peak: int) -> None:
    report = small(tmp_path, stated).report()
    assert (report.dtype, report.totals.weight_bytes, report.totals.peak_activation_bytes) == (word, weights, peak)
    assert (report.totals.params, report.totals.activations) == (2682, 2 * MAP + CLASSES)


def test_types_of_one_role_beside_each_layer(tmp_path: Path) -> None:
    """The convolution writes int8, fused with its activation, which writes fp16; the classifier stores its weights as int4."""
    text = """
        input: [8, 8, 3]
        layers:
          - {conv2d: {channels: 4, kernel: 3, padding: same}, name: conv, dtype: int8}
          - {relu: , dtype: {outputs: fp16}}
          - flatten
          - {linear: {channels: 10}, name: fc, dtype: {weights: int4}}
    """
    report = spec(tmp_path, text).report()
    assert report.weight_dtypes == {"int8": 108 + 4, "int4": 2560 // 2, "fp32": 4 * 10}
    assert report.totals.weight_bytes == 112 + 1280 + 40
    assert report.totals.peak_activation_bytes == 4 * INPUT + 2 * MAP
    assert spec(tmp_path, text).report(memory_policy="unfused").totals.peak_activation_bytes == 4 * INPUT + MAP


def test_packed_elements_are_rounded_up_once_for_each_type(tmp_path: Path) -> None:
    """3·1 + 3·3 weights of int4 are 6 bytes together, where each layer by itself would take 2 and 5."""
    layers = "{linear: {channels: 3, bias: false}, name: a}, {linear: {channels: 3, bias: false}, name: b}"
    network = spec(tmp_path, f"input: [1]\ndtype: {{weights: int4, outputs: fp16}}\nlayers: [{layers}]\n")
    assert network.report().totals.weight_bytes == 6


def test_what_is_shared_or_fixed_is_no_parameter_of_any_type(tmp_path: Path) -> None:
    """a stores 2·2 int8 weights and 2 int32 biases; b uses them, whatever it states; c is not trained."""
    text = """
        input: [4, 4, 2]
        layers:
          - {conv2d: {channels: 2, kernel: 1}, name: a, dtype: {weights: int8, biases: int32}}
          - {conv2d: {channels: 2, kernel: 1}, name: b, share: a, dtype: fp16}
          - {conv2d: {channels: 2, kernel: 1}, name: c, trainable: false, dtype: {weights: fp64}}
    """
    report = spec(tmp_path, text).report()
    assert report.weight_dtypes == {"int8": 4, "int32": 8}
    assert report.layers[1].step.node.dtypes == {"outputs": "fp16"}


# -- where a spec states them ---------------------------------------------------------------------------------------


def dtypes(network: convcost.Network) -> dict[str, dict[str, str]]:
    return {node.name: dict(node.dtypes) for node in network.graph.nodes}


def test_what_is_inside_wins(tmp_path: Path) -> None:
    text = """
        input: [4, 4, 2]
        dtype: {outputs: int8, weights: int8}
        blocks:
          unit:
            args: {kind: int16}
            layers:
              - {conv2d: {channels: 2, kernel: 1}, name: one}
              - {conv2d: {channels: 2, kernel: 1}, name: two, dtype: {outputs: kind}}
        layers:
          - {unit: , name: a}
          - {unit: {kind: fp16}, name: b, dtype: {weights: int4, biases: int32}, repeat: 2}
          - parallel:
              x: [{conv2d: {channels: 2, kernel: 1}, name: c}]
              y: [{layers: [relu], dtype: uint8, name: d}]
            join: add
            dtype: {outputs: int32}
          - each: {conv2d: {channels: 2, kernel: 1}, dtype: t}
            columns: [name, t]
            rows: [[e, fp16], [f, bf16]]
    """
    top = {"outputs": "int8", "weights": "int8"}
    conv = ("outputs", "weights", "biases")
    unit = {"outputs": "int8", "weights": "int4", "biases": "int32"}
    found = dtypes(spec(tmp_path, text))
    assert found == {
        "a.one": top,
        "a.two": {**top, "outputs": "int16"},
        **{f"b{i}.one": unit for i in (1, 2)},
        **{f"b{i}.two": {**unit, "outputs": "fp16"} for i in (1, 2)},
        "c": {**top, "outputs": "int32"},
        "d.relu": {"outputs": "uint8"},
        "add": {"outputs": "int32"},
        "e": dict.fromkeys(conv, "fp16"),
        "f": dict.fromkeys(conv, "bf16"),
    }
    assert_resolves_to_itself(spec(tmp_path, text), tmp_path)


def test_a_spec_that_is_used_brings_its_own_types_but_not_those_of_its_inputs(tmp_path: Path) -> None:
    written(tmp_path, SMALL.replace("- relu", "- {batch_norm: , name: norm}").replace("DTYPE", INT8), "part")
    text = "input: [8, 8, 3]\nlayers: [{use: part.yaml, name: p, dtype: {outputs: fp16, buffers: fp16}}]\n"
    network = spec(tmp_path, text)
    assert dtypes(network)["p.conv"] == {"outputs": "int8", "weights": "int8", "biases": "int32"}
    assert dtypes(network)["p.norm"] == {"outputs": "int8", "weights": "int8", "biases": "int32", "buffers": "fp16"}
    assert network.graph.dtypes == {}


def test_inputs_by_name_and_all_together(tmp_path: Path) -> None:
    text = "inputs: {image: [2, 2, 2], depth: [2, 2, 2]}\ndtype: DTYPE\nlayers: [{add: , in: [image, depth]}]\n"
    for stated, found in (
        ("{inputs: {image: uint8}}", {"image": "uint8"}),
        ("{inputs: uint8, outputs: int8}", {"image": "uint8", "depth": "uint8"}),
        ("int8", {"image": "int8", "depth": "int8"}),
        ("{outputs: int8}", {}),
    ):
        network = spec(tmp_path, text.replace("DTYPE", stated))
        assert network.graph.dtypes == found
        assert_resolves_to_itself(network, tmp_path)


@pytest.mark.parametrize("write", [resolved, compact])
@pytest.mark.parametrize("stated", ["", INT8, "dtype: int8", "dtype: {inputs: uint8, weights: fp16}"])
def test_what_is_written_states_the_same_types(
    tmp_path: Path, stated: str, write: Callable[[Graph, str, Caption], str]
) -> None:
    network = small(tmp_path, stated)
    text = write(network.graph, network.name, network.caption)
    assert ("dtype" in text) == bool(stated)
    flat = tmp_path / "flat.yaml"
    flat.write_text(text, encoding="utf-8")
    again = convcost.load(str(flat))
    assert (dtypes(again), again.graph.dtypes) == (dtypes(network), network.graph.dtypes)
    assert again.report().totals == network.report().totals
    assert write(again.graph, again.name, again.caption) == text


@pytest.mark.parametrize(
    ("stated", "top"),
    [
        (INT8, "dtype: {inputs: uint8, outputs: int8, weights: int8, biases: int32}"),
        ("dtype: int8", "dtype: int8"),
        ("dtype: {inputs: int8, outputs: int8, weights: int8, biases: int8}", "dtype: int8"),
        ("dtype: {weights: fp16}", "dtype: {weights: fp16}"),
    ],
)
def test_what_all_layers_state_is_written_once(tmp_path: Path, stated: str, top: str) -> None:
    network = small(tmp_path, stated)
    lines = compact(network.graph, "net").splitlines()
    assert [line for line in lines if "dtype" in line] == [top]


def test_what_most_layers_state_is_written_once_and_the_others_beside_it(tmp_path: Path) -> None:
    """Where one layer states nothing, nothing can be said of all."""
    other = SMALL.replace("DTYPE", INT8).replace("name: fc", "name: fc, dtype: {outputs: fp32}")
    lines = compact(spec(tmp_path, other).graph, "net").splitlines()
    assert [line for line in lines if "dtype" in line] == [
        "dtype: {inputs: uint8, outputs: int8, weights: int8, biases: int32}",
        "  - {linear: {channels: 10}, name: fc, dtype: {outputs: fp32}}",
    ]
    some = SMALL.replace("DTYPE", "").replace("name: fc", "name: fc, dtype: {weights: int8}")
    assert [line for line in compact(spec(tmp_path, some).graph, "net").splitlines() if "dtype" in line] == [
        "  - {linear: {channels: 10}, name: fc, dtype: {weights: int8}}"
    ]


def test_a_type_that_is_stated_is_part_of_a_network(tmp_path: Path) -> None:
    assert small(tmp_path).graph != small(tmp_path, "dtype: int8").graph
    assert convcost.load("lenet5").dtype == "fp32"
    assert small(tmp_path, INT8).dtype == "mixed"


# -- every network of a grid ----------------------------------------------------------------------------------------

GRID = """
    knobs:
      width: 1.0
      depth: 2
      resolution: 9
      kind: {default: int8, choices: [int8, int4, fp16, fp32]}
    input: [resolution, resolution, 3]
    dtype: {inputs: uint8, outputs: kind, weights: int8, biases: int32}
    layers:
      - {conv2d: {channels: round_to(16 * width), kernel: 3, stride: 2, padding: same}, name: stem, dtype: {outputs: fp32}}
      - {relu: , dtype: {outputs: int8}}
      - parallel:
          main:
            - {conv2d: {channels: 2 * in.channels, kernel: 1}, name: expand, if: width > 1}
            - {conv2d: {channels: in.channels, kernel: 3, padding: same, groups: in.channels}, name: filter}
            - relu
            - {conv2d: {channels: round_to(16 * width), kernel: 1}, name: project, dtype: {outputs: fp16}}
          shortcut: [identity]
        join: add
        name: block
        repeat: depth
      - {concat: , in: [stem, block], name: both}
      - flatten
      - {linear: {channels: 10}, name: fc, dtype: {outputs: fp32}}
"""
AXES = {"width": [0.5, 1, 1.5], "depth": [1, 3, 6], "resolution": [7, 8, 15], "kind": ["int8", "int4", "fp16"]}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_sweep_equals_its_networks(tmp_path: Path, policy: str) -> None:
    path = str(written(tmp_path, GRID))
    for dtype in (None, "int4"):
        grid = convcost.sweep(path, AXES, batch=3, dtype=dtype, memory_policy=policy)
        for point in product(*AXES.values()):
            knobs = dict(zip(AXES, point, strict=True))
            totals = convcost.report(path, knobs, batch=3, dtype=dtype, memory_policy=policy).totals
            swept = grid.at(**knobs)
            assert {key: getattr(totals, key, value) for key, value in swept.items()} == swept, knobs


def test_a_sweep_of_rewritten_networks_equals_them(tmp_path: Path) -> None:
    path = str(written(tmp_path, GRID))
    grid = convcost.sweep(path, width=[0.5, 1], rewrite="separable", memory_policy="inplace")
    for width in (0.5, 1):
        after = convcost.load(path, width=width).rewrite("separable").report(memory_policy="inplace")
        assert grid.at(width=width)["peak_activation_bytes"] == after.totals.peak_activation_bytes


def test_a_sweep_says_what_its_bytes_are(tmp_path: Path, cli: Cli) -> None:
    path = written(tmp_path, SMALL.replace("DTYPE", "knobs: {kind: int8}\n    dtype: kind"))
    for values, asked, word, text in (
        ("int8", [], "int8", "as int8"),
        ("int8,fp16", [], "mixed", "as stated"),
        ("int8,fp16", ["--dtype", "fp16"], "fp16", "as fp16"),
    ):
        arguments = ("sweep", str(path), "--over", f"kind={values}", *asked)
        assert cli.json(*arguments)["dtype"] == word
        assert f"{text}, policy fused" in cli(*arguments).stdout


def test_a_budget_is_kept_in_the_bytes_that_are_stated(tmp_path: Path) -> None:
    """4·width channels: 192 + 8·8·4·width bytes of int8 beside the uint8 image; 576 for width 1.5, 512 for 1.25."""
    text = SMALL.replace("DTYPE", "knobs: {width: 1.0}\n    " + INT8).replace(
        "channels: 4", "channels: floor(4 * width)"
    )
    path = str(written(tmp_path, text))
    found = convcost.fit(path, max_peak=575, over={"width": "1:2:0.25"}, maximise="width")
    assert found.best is not None
    assert (found.best.knobs["width"] * 4, found.best.costs["peak_activation_bytes"]) == (5, 512)
    assert found.budgets[0].text == "peak activations <= 575 B as stated"
    asked = convcost.fit(path, max_peak=575, over={"width": "1:2:0.25"}, maximise="width", dtype="fp32")
    assert asked.best is None
    assert asked.budgets[0].text == "peak activations <= 575 B as fp32"
    with pytest.raises(UsageError, match=r"^there is no dtype 'itn8'\. Did you mean int8\?$"):
        convcost.fit(path, max_peak=575, dtype="itn8")


def test_a_closed_form_of_a_network_that_states_types(tmp_path: Path) -> None:
    """112 of the convolution, 256 weights and a bias to each class."""
    text = SMALL.replace("DTYPE", "knobs: {classes: 10}\n    " + INT8).replace("channels: 10", "channels: classes")
    form = closed_form(str(written(tmp_path, text)), None, ["classes"], {})
    assert form.quantities["params"] == 112 + 257 * symbol("classes")


# -- what if, before and after, side by side ------------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
def test_a_dtype_that_is_asked_for_replaces_all(tmp_path: Path, policy: str) -> None:
    plain, stated = small(tmp_path), small(tmp_path, INT8)
    for dtype in DTYPE_BITS:
        one, other = (net.report(dtype=dtype, memory_policy=policy, batch=3) for net in (plain, stated))
        assert (one.totals, one.dtype) == (other.totals, other.dtype)
        assert render(one.table(), "csv") == render(other.table(), "csv")
    best = POLICIES[policy].keeps == "use"
    for order in ("given", "best") if best else ("given",):
        usages = [net.memory(policy, dtype="fp16", order=order) for net in (plain, stated)]
        assert usages[0].sizes == usages[1].sizes
        assert usages[0].order == usages[1].order


def test_rebuilt_layers_have_the_types_of_those_that_they_replace(tmp_path: Path) -> None:
    network = small(tmp_path, INT8)
    own = network.graph.nodes[0].dtypes
    assert own == {"outputs": "int8", "weights": "int8", "biases": "int32"}
    apart = rewrite(network.walked, "separable").graph
    assert [(node.name, node.dtypes) for node in apart.nodes[:2]] == [("conv.depthwise", own), ("conv.pointwise", own)]
    assert apart.dtypes == network.graph.dtypes == {"input": "uint8"}
    separable = network.rewrite("separable")
    # 3·9 + 3·4 weights of the two, 4 biases of the second; fc as before.
    assert separable.report().totals.weight_bytes == 27 + 12 + 4 * 4 + 2560 + 4 * 10
    back = separable.rewrite("standard").graph
    assert [replace(node, where=None) for node in back.nodes] == [
        replace(node, where=None) for node in network.graph.nodes
    ]
    grouped = spec(tmp_path, SMALL.replace("[8, 8, 3]", "[8, 8, 4]").replace("DTYPE", INT8)).rewrite("grouped:2")
    assert grouped.graph.nodes[0].dtypes == own


def test_a_table_of_before_and_after_is_of_stated_bytes(tmp_path: Path) -> None:
    before = small(tmp_path, INT8)
    table = rewrite_table(before, before.rewrite("separable"))
    assert table.data["dtype"] == "mixed"
    assert dict(table.notes)["weights"] == "2.66 KiB -> 2.59 KiB as stated"
    (layer,) = table.data["layers"]
    assert layer["before"]["peak_activation_bytes"] == INPUT + MAP
    assert layer["after"]["peak_activation_bytes"] == max(INPUT + INPUT, INPUT + MAP)


def test_networks_of_different_types_side_by_side(tmp_path: Path) -> None:
    nets = [
        convcost.load(str(written(tmp_path, SMALL.replace("DTYPE", dtype), name)))
        for name, dtype in (("a", ""), ("b", INT8))
    ]
    table = side_by_side(*nets)
    assert [side["totals"]["weight_bytes"] for side in table.data["networks"]] == [10728, 2724]
    assert (table.data["dtype"], [side["dtype"] for side in table.data["networks"]]) == ("mixed", ["fp32", "mixed"])
    assert dict(table.notes)["memory"].startswith("a as fp32, b as stated; peak memory is of activations at once")
    alike = side_by_side(*nets, dtype="int8")
    assert alike.data["dtype"] == "int8"
    assert "dtype" not in alike.data["networks"][0]
    assert dict(alike.notes)["memory"].startswith("as int8; peak memory")


def test_what_would_keep_a_limit(tmp_path: Path) -> None:
    """1000 bytes are too few for an image of 4·192 bytes beside 256 of int8; both as fp16 take 896."""
    network = small(tmp_path, "dtype: {outputs: int8}")
    assert network.memory().peak == 4 * INPUT + MAP == 1024
    assert ("--dtype fp16", 2 * (INPUT + MAP)) in remedies(network, Options(), 1000)
    assert not [what for what, _ in remedies(small(tmp_path, INT8), Options(), 400) if "dtype" in what]


# -- what is said ---------------------------------------------------------------------------------------------------


def test_the_report_says_types(tmp_path: Path, cli: Cli) -> None:
    path = str(written(tmp_path, SMALL.replace("DTYPE", INT8)))
    text = cli("report", path).stdout
    assert "2.66 KiB as stated; buffers 0" in text
    assert "448 B of activations at once as stated; policy fused" in text
    assert "types        inputs uint8; outputs int8; weights int8; biases int32\n" in text
    data = cli.json("report", path)
    assert (data["dtype"], data["input_dtypes"]) == ("mixed", {"input": "uint8"})
    assert data["weight_dtypes"] == {"int8": 2668, "int32": 56}
    own = {"outputs": "int8", "weights": "int8", "biases": "int32"}
    assert [layer["dtypes"] for layer in data["layers"]] == [own, {"outputs": "int8"}, {}, own]
    asked = cli.json("report", path, "--dtype", "fp16")
    assert asked["dtype"] == "fp16"
    assert "weight_dtypes" not in asked
    assert "dtypes" not in asked["layers"][0]


def test_the_report_counts_types_where_layers_differ(tmp_path: Path) -> None:
    text = SMALL.replace("DTYPE", INT8).replace("name: fc", "name: fc, dtype: {outputs: fp32}")
    notes = dict(spec(tmp_path, text).report().table().notes)
    assert notes["types"] == "inputs uint8; outputs int8 (2), fp32 (1); weights int8; biases int32"


def test_a_network_that_states_nothing_says_nothing_of_types(cli: Cli) -> None:
    for command in (("report", "lenet5"), ("memory", "lenet5"), ("explain", "lenet5", "conv1")):
        assert "types  " not in cli(*command).stdout
    data = cli.json("report", "lenet5")
    assert data["dtype"] == "fp32"
    assert not {"input_dtypes", "weight_dtypes"} & {*data}
    assert not [layer for layer in data["layers"] if "dtypes" in layer]


def test_memory_says_types(tmp_path: Path, cli: Cli) -> None:
    path = str(written(tmp_path, SMALL.replace("DTYPE", INT8)))
    text = cli("memory", path, "--by", "tensor").stdout
    assert "input   8×8×3  uint8      start        1    192     256\n" in text
    assert "weights      2.66 KiB as stated, apart\n" in text
    assert "weights      5.24 KiB as fp16, apart\n" in cli("memory", path, "--weights", "fp16").stdout  # 2·2682
    data = cli.json("memory", path)
    assert (data["dtype"], data["weights"]) == ("mixed", {"dtype": "mixed", "bytes": 2724})
    assert [(one["name"], one["dtype"], one["bytes"]) for one in data["tensors"]] == [
        ("input", "uint8", 192),
        ("conv", "int8", 256),
        ("fc", "int8", 10),
    ]
    assert repr(convcost.load(path).memory()).startswith("<Usage fused · mixed · order given · peak 448 bytes")


def test_a_layer_is_explained_with_its_types(tmp_path: Path, cli: Cli) -> None:
    path = str(written(tmp_path, SMALL.replace("DTYPE", INT8)))
    assert "types        outputs int8, weights int8, biases int32\n" in cli("explain", path, "conv").stdout


def test_pages_say_that_bytes_are_as_stated(tmp_path: Path) -> None:
    network = small(tmp_path, INT8)
    assert "2.66 KiB as stated" in report_page(network, network.report())


def test_frames_and_csv_have_the_types(tmp_path: Path, cli: Cli) -> None:
    path = str(written(tmp_path, SMALL.replace("DTYPE", INT8)))
    frame = convcost.load(path).report().to_frame()
    assert frame["dtypes"].tolist()[1] == {"outputs": "int8"}
    lines = cli("report", path, "--format", "csv").stdout.splitlines()
    place = lines[0].split(",").index("dtypes")
    assert [line.split(",")[place] for line in lines[1:3]] == ["outputs:int8 weights:int8 biases:int32", "outputs:int8"]


def test_the_order_and_parts_are_in_bytes_where_widths_differ(tmp_path: Path) -> None:
    network = small(tmp_path, INT8)
    usage = network.memory(order="best")
    data = memory_table(network.report(), usage).data
    assert data["order"]["peak_bytes"] == 448
    plain = small(tmp_path, "dtype: int8")
    data = memory_table(plain.report(), plain.memory(order="best")).data
    assert data["order"]["peak_elements"] == 448


def test_json_of_a_report_can_be_read_back(tmp_path: Path) -> None:
    assert json.loads(json.dumps(small(tmp_path, INT8).report().to_dict()))["dtype"] == "mixed"
