"""Every point of a sweep equals the network looked at alone - whatever the family, the knobs, the roundings."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from helpers.paths import ROOT
from helpers.slow import slow
from helpers.specs import written
from helpers.turns import in_turns
from hypothesis import given, settings
from hypothesis import strategies as st

import convcost
from convcost import SpecError, UsageError
from convcost.core.metrics import SWEPT
from convcost.graph.rewrite import NothingToRewrite
from convcost.space.axes import values_of
from convcost.space.evaluate import at_points, evaluate, feasible
from convcost.space.evaluate.factors import OFFSET
from convcost.space.open import design_space
from convcost.space.sweep import pieces
from convcost.spec import zoo

exactly = settings(deadline=None, derandomize=True, max_examples=25, database=None)
FAMILIES = [spec.name for spec in zoo.all_specs()]
WINDOWED = ("swin", "swin_v2", "mobilevit", "mobilevit_v2", "tiny_vit")
"""Families whose structure is another one at each size, which takes as long as so many networks: of them fewer sizes."""


def alone(model, batch=1, dtype=None, memory_policy="fused", rewrite="", **knobs):
    """The metrics of one network by the int walk, of types as stated unless one is asked for; None if it cannot be built, or not rewritten."""
    try:
        network = convcost.load(model, **knobs)
        try:
            network = network.rewrite(rewrite) if rewrite else network
        except NothingToRewrite:
            if rewrite != "deployed":  # of which it is the result already
                raise
        totals = network.report(batch=batch, dtype=dtype, memory_policy=memory_policy).totals
        elements = network.report(batch=batch, dtype="int8", memory_policy=memory_policy).totals
    except (SpecError, NothingToRewrite):
        return None
    found = {
        name: getattr(totals, name)
        for name in ("macs", "params", "activations", "peak_activation_bytes", "bytes_moved")
    }
    return found | ({} if memory_policy == "training" else {"peak_activation_elements": elements.peak_activation_bytes})


def assert_equal(model, axes, count=12, seed=0, **asked):
    """Compare random points of a grid, and its corners, with networks looked at alone."""
    made = design_space(model, {}, over=axes, **asked)
    can = feasible(made)
    values = {metric: evaluate(made, metric) for metric in SWEPT}
    random = np.random.default_rng(seed)
    points = {tuple(int(random.integers(size)) for size in made.shape) for _ in range(count)}
    points |= {tuple(0 for _ in made.shape), tuple(size - 1 for size in made.shape)}
    for where in sorted(points):
        knobs = {name: known[i] for (name, known), i in zip(made.axes.items(), where, strict=True)}
        expected = alone(model, **knobs, **asked)
        assert bool(can[where]) == (expected is not None), knobs
        if expected:
            assert {name: int(values[name][where]) for name in expected} == expected, knobs


def numeric_axes(model):
    """Axes for any family: resolutions from 1 px on, widths and depths around one; classes, or its first knob, where it has none."""
    knobs = zoo.find(model).spec.knobs
    axes = {}
    if "resolution" in knobs:
        size = int(knobs["resolution"].default)
        sizes = sorted({*range(1, 40, 12), *range(max(1, size - 40), size + 40, 17), size})
        axes["resolution"] = sizes[::2] if model in WINDOWED else sizes
    if "width" in knobs and isinstance(knobs["width"].default, Fraction):
        axes["width"] = "0.15:1.5:0.15"
    if "depth" in knobs and isinstance(knobs["depth"].default, Fraction):
        axes["depth"] = "0.5,1,2.5"
    return axes or {"classes" if "classes" in knobs else next(iter(knobs)): "10,100,1000"}


@pytest.mark.parametrize("family", in_turns(slow(FAMILIES, "nasnet", "densenet", *WINDOWED), 3))
def test_a_sweep_of_every_family_equals_its_networks_one_by_one(family):
    assert_equal(family, numeric_axes(family), count=4)


@cache
def space(model, policy):
    axes = {"resolution": "20:300:7", "width": "0.1:2:0.05", "depth": "0.4:3.2:0.2"}
    made = design_space(model, {}, over=axes, memory_policy=policy)
    return made, {metric: evaluate(made, metric) for metric in SWEPT}, feasible(made)


@pytest.mark.slow
@exactly
@given(
    st.sampled_from(["mobilenet_v1", "mobilenet_v2", "resnet", "efficientnet"]),
    st.sampled_from(["fused", "unfused", "inplace"]),
    st.tuples(st.integers(0, 40), st.integers(0, 38), st.integers(0, 14)),
)
def test_any_point_of_a_large_grid_equals_the_network_alone(model, policy, where):
    made, values, can = space(model, policy)
    knobs = {name: known[i] for (name, known), i in zip(made.axes.items(), where, strict=True)}
    expected = alone(model, memory_policy=policy, **knobs)
    assert expected is None or can[where]
    assert expected is None or {name: int(values[name][where]) for name in expected} == expected


@pytest.mark.parametrize("policy", ["sum", "training", "largest", "concat_alias"])
def test_policies_that_keep_tensors_see_every_repetition(policy):
    assert_equal("mobilenet_v2", {"depth": "1:3:0.5", "resolution": [64, 65]}, memory_policy=policy)


def test_attention_that_writes_no_scores_is_swept() -> None:
    """Where the scores would be largest and where they would not: the peak moves from layer to layer."""
    assert_equal(
        "mobilevit", {"resolution": [96, 160, 256, 352], "width": "0.5:1.5:0.5"}, memory_policy="fused_attention"
    )


def test_two_thousand_cells_of_a_large_grid_by_tables_and_by_gathering():
    """The two ways to read the tables - matrix products of whole planes, and single cells - agree."""
    axes = {"depth": "0.5:3:0.1", "resolution": "16:320:3", "width": "0.2:2:0.02"}
    made = design_space("efficientnet", {}, over=axes)
    random = np.random.default_rng(1)
    at = [random.integers(size, size=2000) for size in made.shape]
    can = feasible(made)[tuple(at)]
    for metric in SWEPT:
        cells = at_points(made, metric, at)
        assert [cell is not None for cell in cells] == can.tolist()
        assert [cell or 0 for cell in cells] == evaluate(made, metric)[tuple(at)].tolist()


def test_widths_where_rounding_changes_the_structure():
    """At width 0.4 the stem and the first bottleneck of MobileNetV2 both have 8·k channels: then it has a shortcut."""
    assert_equal("mobilenet_v2", {"width": "0.05:0.6:0.01", "resolution": [32]}, count=40)


def test_choices_words_and_lists_are_axes_too():
    axes = {"config": [18, 34, 50], "block": ["basic", "bottleneck"], "resolution": [64, 97], "width": ["0.5", "1"]}
    assert_equal("resnet", axes, count=24)


HANDED = """
convcost: 1
name: handed
knobs: {resolution: 8, channels: 4}
input: [resolution, resolution, 3]
blocks:
  twice: {layers: [relu, {scale: {}}]}
layers:
  - {conv_bn_act: {channels: channels, kernel: 3, act: twice}, name: conv}
"""


def test_a_block_of_the_file_s_own_may_be_handed_to_one_of_the_library(tmp_path):
    """A 3x3 convolution of 3 channels, batch-norm and a scale for each channel: 27 + 2 + 1 parameters."""
    path = tmp_path / "handed.yaml"
    path.write_text(HANDED, encoding="utf-8")
    assert_equal(str(path), {"resolution": [6, 8], "channels": [4, 5]})
    made = design_space(str(path), {}, over={"channels": [4, 5]})
    assert evaluate(made, "params").tolist() == [4 * 30, 5 * 30]


def test_batch_of_ten_thousand_million_is_exact():
    """2.27e10 MACs times 1e10 is beyond 64 bits; 300,774,272 times 1e10 is not, but beyond a float's 53."""
    made = design_space("mobilenet_v2", {}, over={"resolution": [224]}, batch=10**10)
    assert made.bound("macs") > OFFSET
    assert evaluate(made, "macs").tolist() == [3_007_742_720_000_000_000]
    assert_equal("vgg16", {"resolution": [224, 448]}, batch=10**10)
    huge = convcost.sweep("vgg16", resolution=[224], batch=10**10)
    assert huge.macs.dtype == object
    assert huge.macs[0] == 154_702_643_200_000_000_000


@pytest.mark.parametrize("dtype", ["int4", "int2", "fp16"])
def test_peaks_in_bytes_are_those_of_the_report(dtype):
    assert_equal("googlenet", {"resolution": [63, 64, 65]}, dtype=dtype)


def test_floats_integers_and_python_s_own_agree(monkeypatch):
    axes = {"width": "0.5:1:0.1", "resolution": "32:64:4", "depth": "1:2:0.25"}
    expected = {metric: evaluate(design_space("mobilenet_v2", {}, over=axes), metric).tolist() for metric in SWEPT}
    for float_limit, int_limit in ((0, 2**63), (0, 0)):
        monkeypatch.setattr("convcost.space.evaluate.product.OFFSET", float_limit)
        monkeypatch.setattr("convcost.space.evaluate.product.LARGEST_INT64", int_limit)
        made = design_space("mobilenet_v2", {}, over=axes)
        assert {metric: evaluate(made, metric).tolist() for metric in SWEPT} == expected


WAYS = [
    (family, ("separable", ("standard", "grouped:2")[at % 2])[way])
    for way in (0, 1)
    for at, family in enumerate(FAMILIES)
    if way == 0 or at % 3 == 0
]
"""Each family becomes separable, and every third one standard or grouped, too: a rewrite looks at single layers."""


@pytest.mark.parametrize(("family", "way"), in_turns(WAYS, 3, first=1))
def test_a_sweep_of_rewritten_networks_equals_each_of_them_rewritten(family, way):
    """Of each axis two values: each structure is rewritten anew, and how grids are cut is tested above."""
    knobs = zoo.find(family).spec.knobs
    values = {name: values_of(knobs[name], given) for name, given in numeric_axes(family).items()}
    axes = {name: [known[len(known) // 2 if name == "resolution" else 0], known[-1]] for name, known in values.items()}
    assert_equal(family, axes, count=2, rewrite=way)


@pytest.mark.parametrize("family", ["mobileone", "repvgg", "resnet", "vgg"])
def test_a_sweep_of_deployed_networks_equals_each_of_them_deployed(family):
    assert_equal(family, numeric_axes(family), count=1, rewrite="deployed")


def test_rewritten_networks_under_a_policy_that_keeps_all():
    assert_equal(
        "resnet", {"width": "0.5:1:0.25", "depth": [1, 2]}, count=4, rewrite="separable", memory_policy="training"
    )


ACROSS = """
convcost: 1
name: across
input: [32, 32, 16]
knobs: {depth: 5, width: 16}
layers:
  - conv2d: {channels: width, kernel: 1}
  - layers:
      - conv2d: {channels: width, kernel: 1}
      - conv2d: {channels: in.channels, kernel: 3, padding: same, groups: in.channels}
    repeat: depth
    name: block
  - conv2d: {channels: width, kernel: 1}
"""


def test_what_is_rewritten_may_reach_from_one_repetition_into_the_next(tmp_path):
    path = tmp_path / "across.yaml"
    path.write_text(ACROSS)
    assert_equal(str(path), {"depth": "1:9", "width": [16, 32]}, rewrite="standard")
    one = convcost.load(str(path), depth=3).rewrite("standard").report()  # 1x1, 1x1, then three of 3x3
    assert one.totals.macs == 32 * 32 * 16 * 16 * (1 + 1 + 3 * 9)


def test_where_nothing_can_be_rewritten_a_sweep_says_so():
    found = convcost.sweep("resnet50", rewrite="grouped:48", width=["0.5", "0.75"])  # 3/4 of 64, 128, … divide by 48
    assert found.macs.tolist() == [
        None,
        convcost.load("resnet50", width=0.75).rewrite("grouped:48").report().totals.macs,
    ]
    assert found.why(width="0.5") == "resnet50 has no layer that can become grouped:48"
    assert found.why(width="0.75") == ""
    with pytest.raises(UsageError, match="efficientnet has no layer that can become standard"):
        design_space("efficientnet_b0", {}, over={"width": [1]}, rewrite="standard", buildable=True)
    with pytest.raises(UsageError, match="a rewrite goes to separable, standard, deployed, grouped:G"):
        convcost.sweep("vgg16", rewrite="seperable", width=[1])


def test_what_is_deployed_as_it_stands_is_a_point_like_any_other():
    """Both forms of RepVGG-A0 are 8,309,384 parameters and 1,361,451,008 MACs once deployed (mmpretrain's metafile)."""
    found = convcost.sweep("repvgg", rewrite="deployed", form=["training", "inference"], a=["0.75", 1])
    assert (found.macs[:, 0].tolist(), found.params[:, 0].tolist()) == ([1_361_451_008] * 2, [8_309_384] * 2)
    assert found.macs[1].tolist() == found.macs[0].tolist()
    assert found.reasons is None
    assert found.why(form="inference", a=1) == ""
    with pytest.raises(NothingToRewrite, match="repvgg has no layer that can become deployed"):
        convcost.load("repvgg", form="inference").rewrite("deployed")


PADDED_AT_ODD_SIZES = """
convcost: 1
name: padded
knobs: {resolution: 8}
input: [resolution, resolution, 4]
layers:
  - {batch_norm: , name: norm}
  - {conv2d: {channels: 4, kernel: 2, stride: 2, padding: same, bias: false}, name: conv}
"""


def test_a_grid_whose_sizes_decide_whether_anything_merges(tmp_path):
    """Windows of two cover 8 pixels without a zero, so that the norm (8 parameters) becomes a bias (4); not 7 or 9."""
    path = tmp_path / "padded.yaml"
    path.write_text(PADDED_AT_ODD_SIZES)
    found = convcost.sweep(str(path), rewrite="deployed", resolution="6:9")
    assert found.params.tolist() == [64 + 4, 64 + 8, 64 + 4, 64 + 8]
    assert found.macs.tolist() == [9 * 64, 16 * 64, 16 * 64, 25 * 64]
    assert convcost.fit(str(path), rewrite="deployed", over={"resolution": "7:9:2"}, max_macs=25 * 64).fitting == 2


def test_the_order_of_axes_does_not_matter():
    axes = {"width": "0.5:1:0.25", "resolution": "64:96:8", "depth": [1, 2]}
    first = design_space("efficientnet", {}, over=axes)
    for order in (("resolution", "depth", "width"), ("depth", "width", "resolution")):
        other = design_space("efficientnet", {}, over={name: axes[name] for name in order})
        back = [order.index(name) for name in axes]
        for metric in SWEPT:
            assert np.array_equal(evaluate(first, metric), evaluate(other, metric).transpose(back))


@pytest.mark.parametrize("size", [1, 7, 50, 10**6])
def test_pieces_make_the_whole(size):
    made = design_space("alexnet", {}, over={"resolution": "50:90:1", "classes": [10, 20]})
    whole = [record["macs"] for record in convcost.sweep("alexnet", resolution="50:90", classes=[10, 20]).records()]
    found = [record["macs"] for piece in pieces(made, size) for record in piece.records()]
    assert found == whole
    assert None in found


def test_a_candidate_for_the_peak_is_not_covered_by_the_same_sum_with_something_subtracted(tmp_path):
    """Two towers: what is live while the left one's end is pooled is what is live before it is, less the map."""
    path = tmp_path / "towers.yaml"
    path.write_text("""\
convcost: 1
name: towers
knobs: {width: 8, stride: 1}
input: [12, 12, 8]
layers:
  - {conv2d: {channels: 8, kernel: 3, padding: 1}, name: a}
  - {conv2d: {channels: width, kernel: 1}, name: left}
  - {conv2d: {channels: 8, kernel: 3, padding: 1, stride: stride}, in: input, name: b}
  - {conv2d: {channels: width, kernel: 1}, name: right}
  - {global_avg_pool: , in: left, name: x}
  - {global_avg_pool: , in: right, name: y}
  - {concat: , in: [x, y]}
""")
    assert_equal(str(path), {"width": [4, 9], "stride": [1, 2]}, count=8)


@pytest.mark.parametrize(
    "axes", [{"n": [1, 2, 3], "m": [1, 2]}, {"m": [1, 2], "n": [1, 2, 3]}, {"n": [1, 3], "m": [1, 2]}]
)
def test_a_condition_over_two_axes_cuts_both(tmp_path, axes):
    """16 · 2 · 4 MACs where n + m is above 3, and 16 · 2 · 5 elsewhere; both axes have to be cut, one of them of two values."""
    path = written(
        tmp_path,
        """
        knobs: {n: 1, m: 1}
        input: [4, 4, 2]
        layers:
          - {conv2d: {channels: 4, kernel: 1}, if: n + m > 3}
          - {conv2d: {channels: 5, kernel: 1}, if: n + m <= 3}
        """,
    )
    swept = convcost.sweep(str(path), **axes)
    for n, m in product(axes["n"], axes["m"]):
        assert swept.at(n=n, m=m)["macs"] == (128 if n + m > 3 else 160), (n, m)


def test_a_table_that_is_cut_says_so_and_no_other():
    swept = convcost.sweep("lenet5", classes=[1, 2, 3])
    said = {limit: dict(swept.table(limit).notes)["points"] for limit in (None, 2, 3, 4)}
    assert said == {None: "3", 2: "3, of which the first 2 are shown", 3: "3", 4: "3"}


def test_points_that_cannot_be_built_are_masked_with_the_reason():
    grid = convcost.sweep("alexnet", resolution=[1, 66, 67])
    assert grid.macs.mask.tolist() == [True, True, False]
    assert grid.at(resolution=66) == dict.fromkeys(SWEPT)
    with pytest.raises(SpecError) as error:
        convcost.load("alexnet", resolution=66).report()
    assert grid.why(resolution=66) == str(error.value)
    records = list(grid.records())
    assert records[0]["infeasible"] == "conv1: the 11×11 window must fit into the padded input, got 1×1"
    assert records[2]["infeasible"] is None
    frame = grid.to_frame()
    assert frame.macs.isna().tolist() == [True, True, False]


def test_efficientnet_b0_to_b7_are_points_of_one_sweep():
    presets = zoo.find("efficientnet").spec.presets
    axes = {knob: sorted({preset[knob] for preset in presets.values()}) for knob in ("width", "depth", "resolution")}
    grid = convcost.sweep("efficientnet", **axes)
    for name, preset in presets.items():
        assert grid.at(**preset)["params"] == convcost.load(name).report().totals.params
    # Table 2 of arXiv 1905.11946 prints 5.3 M and 66 M.
    assert [round(grid.at(**presets[f"efficientnet_b{i}"])["params"] / 1e6, 1) for i in (0, 7)] == [5.3, 66.3]


def test_table_3_of_efficientnet_where_it_agrees_with_itself():
    """arXiv 1905.11946, Table 3, billions of FLOPS (MACs) to one decimal, as printed."""

    def billions(model, **knobs):
        return round(convcost.load(model, **knobs).report().totals.macs / 1e9, 1)

    v1 = convcost.sweep("mobilenet_v1", width=[1, 2], resolution=[224, 448])
    assert [round(int(v1.macs[at]) / 1e9, 1) for at in ((0, 0), (1, 0))] == [0.6, 2.2]
    v2 = convcost.sweep("mobilenet_v2", width=[1, 2], resolution=[224, 448], depth=[1, 4])
    assert [round(int(v2.macs[at]) / 1e9, 1) for at in ((0, 0, 0), (0, 0, 1), (1, 0, 0), (0, 1, 0))] == [
        0.3,
        1.2,
        1.1,
        1.2,
    ]
    resnet = convcost.sweep("resnet", width=[1, 2], resolution=[224, 448], depth=[1, 4])
    base, deeper, wider, larger = (
        round(int(resnet.macs[at]) / 1e9, 1) for at in ((0, 0, 0), (0, 0, 1), (1, 0, 0), (0, 1, 0))
    )
    assert (base, larger) == (4.1, 16.4)
    # The paper prints 16.2 for depth 4 and 14.7 for width 2; the other way round they fit to 0.1 B.
    assert abs(deeper - 14.7) < 0.2
    assert abs(wider - 16.2) < 0.2
    assert billions("resnet50") == base


def test_repeated_blocks_cost_nothing():
    """A network of 4,000 blocks is costed in as many steps as one of three."""
    from convcost.networks.load import open_network
    from convcost.space.build import GridBuilder

    def steps(depth):
        network = open_network("mobilenet_v2", {"depth": depth})
        builder = GridBuilder(network.origin.of_spec().spec, network.knobs, compress=True)
        builder.build(None)
        return len(builder.walk.steps)

    assert steps(3) == steps(30)
    assert_equal("mobilenet_v2", {"depth": [20, 50], "resolution": [32]})


@pytest.mark.slow
def test_a_network_that_is_too_deep_to_be_built_alone_is_too_deep_in_a_sweep():
    assert_equal("mobilenet_v2", {"depth": [20, 60, 200, 1000], "resolution": [32]}, count=20)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak of its memory from /proc")
def test_a_long_grid_is_read_in_little_memory(tmp_path):
    """Five times 10^7 points, 1.6 GB as arrays of four metrics, in far less than the GiB that 10^9 may take."""
    code = """
from convcost.space.open import design_space
from convcost.space.sweep import pieces
made = design_space("mobilenet_v2", {}, over={"width": "0.1:2:0.001", "resolution": "32:544", "depth": "0.5:3:0.05"})
assert made.points > 4.9e7
total = sum(int(piece.macs.max()) > 0 for piece in pieces(made, metrics=("macs", "params")))
# Not ru_maxrss, which a process takes over from the one that started it.
print(next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert int(done.stdout) < 600


def test_the_tables_of_a_grid_are_plain_integers_that_give_every_cost():
    """What an explorer in a browser does: sum the products of table entries."""
    made = design_space("efficientnet", {}, over={"width": ["0.5", "1"], "resolution": [64, 96], "depth": [1, 2]})
    for i, j, k in np.ndindex(2, 2, 2):
        (region,) = [
            one
            for one in made.to_dict()
            if i in one["values"]["width"] and j in one["values"]["resolution"] and k in one["values"]["depth"]
        ]
        at = {
            name: where.index(place) for (name, where), place in zip(region["values"].items(), (i, j, k), strict=True)
        }
        (terms,) = region["candidates"]
        total = 0
        for term in terms:
            value = term["factor"]
            for table in term["tables"]:
                (axis,) = table["axes"]
                value *= table["values"][at[axis]]
            total += value
        knobs = {name: values[p] for (name, values), p in zip(made.axes.items(), (i, j, k), strict=True)}
        assert total == convcost.load("efficientnet", **knobs).report().totals.macs


def test_a_sweep_says_what_it_does_not_have():
    grid = convcost.sweep("mobilenet_v2", width=[1], resolution=[32, 64])
    with pytest.raises(AttributeError, match=r"a sweep has no 'mac'. Did you mean macs\?"):
        _ = grid.mac
    with pytest.raises(UsageError, match="resolution 33 is not on the axis, which has 32, 64"):
        grid.at(width=1, resolution=33)
    with pytest.raises(UsageError, match="say resolution as well"):
        grid.at(width=1)


def test_a_long_staircase_keeps_its_cliffs_when_it_is_drawn():
    from convcost.plots.space import cliff_figure
    from convcost.space.cliffs import cliffs, steepest

    made = design_space("mobilenet_v2", {}, over={"resolution": "32:9000"})
    line, marks = cliff_figure(made).data
    runs = cliffs(made)
    assert len(marks.x) == len(steepest(runs)) > 500
    assert len(line.x) < 2 * len(runs)


@pytest.mark.parametrize("batch", [1, 10**10])
def test_the_intensity_of_each_point_is_the_ratio_of_its_counts(batch):
    """Also where the counts are beyond what a double holds: each is the double next to the exact ratio."""
    axes = {"width": ["0.5", "1"], "resolution": [0, 96, 224]}
    made = design_space("mobilenet_v2", {}, over=axes, batch=batch)
    (found,) = pieces(made, metrics=("intensity", "macs"))
    for where in np.ndindex(made.shape):
        knobs = {name: known[i] for (name, known), i in zip(made.axes.items(), where, strict=True)}
        if knobs["resolution"] == 0:
            assert found.at(**knobs)["intensity"] is None
            continue
        totals = convcost.load("mobilenet_v2", **knobs).report(batch=batch).totals
        assert found.at(**knobs)["intensity"] == float(Fraction(totals.macs, totals.bytes_moved))
