"""RAM and flash over a grid equal those of its networks, each lowered, planned and packed alone."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import nullcontext
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from helpers.deployed import alone
from helpers.specs import written
from helpers.turns import in_turns
from hypothesis import given, settings
from hypothesis import strategies as st

import convcost
from convcost import UsageError
from convcost.core.metrics import DEPLOYED, SWEPT
from convcost.deploy.arena import planned
from convcost.deploy.runtime import Deployment
from convcost.deploy.tflm.lifetimes import Request
from convcost.deploy.tflm.planner import height
from convcost.space.deployed import head_of
from convcost.space.evaluate import evaluate, feasible
from convcost.space.fit import default_axes
from convcost.space.numbers import along
from convcost.space.open import design_space
from convcost.space.target import HowDeployed
from convcost.spec import zoo

exactly = settings(deadline=None, derandomize=True, max_examples=60, database=None)


@st.composite
def buffers_over_a_grid(draw):
    """Buffers of up to two axes, their sizes multiples of 16 as the planner takes them."""
    blocks = st.integers(1, draw(st.sampled_from([3, 60])))

    def along_axis(axis, count):
        values = draw(st.lists(blocks, min_size=count, max_size=count))
        return along(values, axis, 2)

    shape = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    found = []
    for at in range(draw(st.integers(1, 8))):
        first = draw(st.integers(0, 6))
        size = 16 * (draw(blocks) if draw(st.booleans()) else along_axis(0, shape[0]))
        size = size * along_axis(1, shape[1]) if draw(st.booleans()) else size
        found.append(Request(f"t{at}", size, first, first + draw(st.integers(0, 3)), "tensor"))
    return found, shape


def at_point(size, where):
    if isinstance(size, int):
        return size
    array = size.dense().array
    return int(array[tuple(i if length > 1 else 0 for i, length in zip(where, array.shape, strict=True))])


@exactly
@given(buffers_over_a_grid())
def test_the_head_over_a_grid_is_that_of_the_planner_at_each_point(made):
    buffers, shape = made
    head = head_of(buffers)
    for where in product(*map(range, shape)):
        single = tuple(each._replace(size=at_point(each.size, where)) for each in buffers)
        assert at_point(head, where) == height([each.size for each in single], planned(single))


def assert_equal(model, axes, count=6, **asked):
    """Random points of a grid and its corners against networks deployed alone."""
    how = HowDeployed(**asked)
    target = how.target(limited=True)
    made = design_space(model, {}, over=axes, target=target)
    can = feasible(made)
    values = {metric: evaluate(made, metric) for metric in DEPLOYED}
    random = np.random.default_rng(0)
    points = {tuple(int(random.integers(size)) for size in made.shape) for _ in range(count)}
    points |= {tuple(0 for _ in made.shape), tuple(size - 1 for size in made.shape)}
    for where in sorted(points):
        knobs = {name: known[i] for (name, known), i in zip(made.axes.items(), where, strict=True)}
        expected = alone(model, knobs, target.deployment, target.code)
        assert bool(can[where]) == (expected is not None), knobs
        assert expected is None or {name: int(values[name][where]) for name in DEPLOYED} == expected, knobs


@pytest.mark.parametrize(
    ("model", "axes"),
    [
        ("mobilenet_v1", {"width": "0.05:2:0.03", "resolution": "16:300"}),
        ("mobilenet_v2", {"width": "0.1:1.4:0.05", "resolution": "32:224:7"}),
        ("mobilenet_v3", {"width": "0.25:1:0.25", "resolution": "96:224:16"}),
        ("resnet18", {"width": "0.25:1:0.25", "resolution": "61:68"}),  # padded before it is strided, or not, by parity
        ("shufflenet_v2", {"width": "0.5:1.5:0.5", "resolution": "95:98"}),
        ("squeezenet", {"resolution": "100:140:5"}),
        ("ds_cnn_s", {"width": "16:128:8"}),
        ("mobilenet_v2", {"depth": "0.5:2:0.25", "width": "0.5:1:0.25"}),  # another structure for each
        ("resnet", {"block": "basic,bottleneck", "resolution": "64:96:32"}),
    ],
)
def test_points_of_a_grid_take_what_networks_take_alone(model, axes):
    assert_equal(model, axes)


@pytest.mark.parametrize(
    "asked",
    [{"pointers": 32}, {"kernels": "cmsis_nn"}, {"deploy": "fp32"}, {"board": "nucleo_h743zi"}],
    ids=["pointers", "kernels", "dtype", "board"],
)
def test_whatever_is_said_of_the_deployment_is_what_every_point_is_deployed_as(asked):
    assert_equal("mobilenet_v1", {"width": "0.25:1:0.25", "resolution": "96:128:8"}, **asked)


def test_a_grid_whose_sizes_are_too_many_is_split(monkeypatch):
    from convcost.space import deployed

    axes = {"width": "0.25:1:0.05", "resolution": "32:64"}
    whole = design_space("mobilenet_v1", {}, over=axes, target=HowDeployed("tflm").target())
    monkeypatch.setattr(deployed, "_MOST_SIZES", 5000)
    parts = design_space("mobilenet_v1", {}, over=axes, target=HowDeployed("tflm").target())
    assert len(parts.regions) > len(whole.regions)
    assert all(np.array_equal(evaluate(whole, metric), evaluate(parts, metric)) for metric in DEPLOYED)


AXES = {"width": "0.05:0.6:0.05", "resolution": "32:128:16"}


def test_fit_within_ram_and_flash_is_what_networks_one_by_one_say():
    found = convcost.fit("mobilenet_v1", over=AXES, max_ram="96KiB", max_flash="512KiB", runtime="tflm", deploy=True)
    fits = []
    for width, resolution in product(found.axes["width"], found.axes["resolution"]):
        single = alone("mobilenet_v1", {"width": width, "resolution": resolution})
        if single["ram_bytes"] <= 96 * 1024 and single["flash_bytes"] <= 512 * 1024:
            fits.append((width, resolution))
    largest = [p for p in fits if not any(q != p and q[0] >= p[0] and q[1] >= p[1] for q in fits)]
    assert found.fitting == len(fits)
    assert [(one.knobs["width"], one.knobs["resolution"]) for one in found.maximal] == sorted(largest)
    for one in found.maximal:
        assert {name: one.costs[name] for name in DEPLOYED} == alone("mobilenet_v1", one.knobs)
        assert set(one.binds) <= {"ram_bytes", "flash_bytes"}


def test_axes_that_are_only_named_run_as_by_default():
    named = convcost.fit("mobilenet_v2", max_ram="256KiB", over="width,resolution")
    default = convcost.fit("mobilenet_v2", max_ram="256KiB")
    assert named.axes == default.axes
    assert named.fitting == default.fitting
    assert (
        convcost.fit("mobilenet_v2", max_ram="256KiB", over=["width"], resolution=96).axes["width"]
        == named.axes["width"]
    )
    with pytest.raises(UsageError, match="wdth"):
        convcost.fit("mobilenet_v2", max_ram="256KiB", over="wdth")
    with pytest.raises(UsageError, match=r"block of resnet\S* is no number"):
        convcost.fit("resnet18", max_ram="256KiB", over="block")


def test_a_board_says_how_much_there_is():
    found = convcost.fit("mobilenet_v1", over=AXES, board="nucleo_f411re", maximise="macs")
    # STM32F411RE: 128 KiB of SRAM, 512 KiB of flash; addresses of 32 bits.
    assert {budget.metric: budget.limit for budget in found.budgets} == {
        "ram_bytes": 128 * 1024,
        "flash_bytes": 512 * 1024,
    }
    target = found.tables.request.target
    assert target.code > 0
    expected = alone("mobilenet_v1", found.best.knobs, Deployment(pointers=32), target.code)
    assert {name: found.best.costs[name] for name in DEPLOYED} == expected
    tighter = convcost.fit("mobilenet_v1", over=AXES, board="nucleo_f411re", max_ram="64KiB")
    assert [budget.limit for budget in tighter.budgets] == [64 * 1024, 512 * 1024]


def test_a_limit_on_ram_alone_implies_a_runtime_and_says_so():
    found = convcost.fit("mobilenet_v1", over=AXES, max_ram="96KiB")
    notes = dict(found.table().notes)
    assert notes["deployed"].startswith("tflm, int8, 64-bit addresses, reference kernels, as nothing else is said")
    assert (
        "as nothing else"
        not in dict(convcost.fit("mobilenet_v1", over=AXES, max_ram="96KiB", runtime="tflm").table().notes)["deployed"]
    )


def test_a_sweep_has_the_metrics_of_a_deployment_if_it_is_asked_for():
    plain = convcost.sweep("mobilenet_v1", width="0.25:1:0.25")
    deployed = convcost.sweep("mobilenet_v1", width="0.25:1:0.25", runtime="tflm")
    assert tuple(plain.metrics) == SWEPT
    assert tuple(deployed.metrics) == (*SWEPT, *DEPLOYED)
    assert all(np.array_equal(plain.metrics[name], deployed.metrics[name]) for name in ("macs", "params"))
    # 4 bytes an element before, 1 now.
    assert np.array_equal(plain.peak_activation_bytes, 4 * deployed.peak_activation_bytes)
    assert deployed.at(width="0.25")["ram_bytes"] == alone("mobilenet_v1", {"width": "0.25"})["ram_bytes"]


def test_rewritten_networks_are_deployed_as_rewritten():
    grid = convcost.sweep("resnet18", width=["0.1", "0.2"], resolution=[32, 64], rewrite="separable", deploy=True)
    expected = alone("resnet18", {"width": "0.2", "resolution": 32}, rewrite="separable")
    found = grid.at(width="0.2", resolution=32)
    assert {name: found[name] for name in DEPLOYED} == expected


WEIGHED = """
    knobs: {width: 8, resolution: 32}
    input: [resolution, resolution, 3]
    layers:
      - conv2d: {channels: width, kernel: 3}
      - {split_softmax: {parts: 2}, name: weigh}
"""


def test_a_layer_that_the_runtime_has_no_kernel_for_is_named(tmp_path):
    file = written(tmp_path, WEIGHED)
    assert convcost.fit(file, max_macs="1M").fits
    with pytest.raises(UsageError, match=r"^weigh: .* no TFLite program can be written for it"):
        convcost.fit(file, max_ram="1MiB")


AVERAGED = """
    knobs: {width: 8, resolution: 12}
    input: [resolution, resolution, 3]
    layers:
      - conv2d: {channels: width, kernel: 1}
      - adaptive_avg_pool: {size: 6}
"""


def test_points_that_cannot_be_deployed_are_none_of_those_that_fit(tmp_path):
    """Windows that average 9 pixels to 6 overlap, as TFLite's cannot; 12 pixels to 6 are windows of two."""
    file = written(tmp_path, AVERAGED)
    grid = convcost.sweep(file, resolution=[6, 9, 12], width=[8, 16], deploy=True)
    assert convcost.fit(file, over={"resolution": "6:12:3"}, max_ram="1MiB").fitting == 2
    assert grid.ram_bytes.mask.tolist() == [[False, False], [True, True], [False, False]]
    assert "overlap" in grid.reasons[1, 0]


# Local and global response normalization, GELU, a softmax over splits, recurrent layers, tables of connections, volumes,
# uneven pools, variances and types of few bits; quotients of integers, and convolutions of a stack of windows.
REFUSED = (
    "alexnet",
    "alexnet_one_tower",
    "convnext",
    "convnext_v2",
    "crnn",
    "edgenext",
    "efficientformer",
    "efficientformer_v2",
    "efficientvit",
    "efficientvit_m",
    "fast_scnn",
    "fastvit",
    "googlenet",
    "imdn",
    "lenet5_1998",
    "maxvit",
    "pokebnn",
    "poolformer",
    "reactnet",
    "repvit",
    "resnest",
    "s3d",
    "swin",
    "swin_v2",
    "tiny_vit",
    "vgg",
    "video_resnet",
    "vit",
)


@pytest.mark.slow
@pytest.mark.parametrize("family", in_turns([spec.name for spec in zoo.all_specs()], 3, first=2))
def test_grids_of_every_family_that_can_be_deployed(family):
    knobs = zoo.find(family).spec.knobs
    axes = {}
    if "resolution" in knobs:
        size = int(knobs["resolution"].default)
        axes["resolution"] = [max(1, size - 33), size]
    if "width" in knobs and isinstance(knobs["width"].default, Fraction):
        axes["width"] = [Fraction("0.5"), 1]
    why = "no TFLite program can be written for it|it refuses the model"
    with pytest.raises(UsageError, match=why) if family in REFUSED else nullcontext():
        spans = default_axes(convcost.load(family))
        ends = {
            name: [Fraction(end) if "." in end else int(end) for end in span.split(":")[:2]]
            for name, span in spans.items()
        }
        assert_equal(family, axes or ends, count=1)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"batch": 8}, "tflm runs one input at a time: leave out the batch of 8"),
        ({"runtime": "tflmm"}, "there is no runtime 'tflmm'"),
        ({"over": {"width": "0.5:1:0.0001", "resolution": "16:5000"}}, "the arena is planned at every point"),
        ({"board": "nowhere"}, "there is no board 'nowhere'"),
    ],
)
def test_what_cannot_be_deployed_is_said(asked, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        convcost.fit("mobilenet_v1", max_ram="96KiB", **{"over": AXES, **asked})


def test_sweeps_without_a_deployment_import_nothing_of_it():
    code = (
        "import sys, convcost; convcost.fit('mobilenet_v1', max_macs='100M'); convcost.sweep('mobilenet_v1', width='0.5:1:0.25');"
        "print([name for name in sys.modules if name.startswith(('convcost.deploy', 'convcost.devices'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


GELUS = """
    knobs: {width: 8}
    input: [8, 8, 3]
    layers:
      - {conv2d: {channels: width, kernel: 3}, name: conv}
      - gelu
"""


def test_what_the_runtime_refuses_fits_nothing(tmp_path):
    """TensorFlow Lite Micro has no kernel for GELU, though TFLite has one: no size of such a network runs."""
    path = written(tmp_path, GELUS)
    refused = "the runtime has no kernel for GELU: it refuses the model"
    with pytest.raises(UsageError, match=refused):
        convcost.fit(path, over={"width": [4, 8]}, max_ram=2**20)
    with pytest.raises(UsageError, match=refused):
        convcost.sweep(path, {"width": [4, 8]}, runtime="tflm")
    assert convcost.load(path).deployed().arena.refused == (refused,)


NARROW = """
    knobs: {n: 32}
    input: [8, 8, n]
    layers:
      - {conv2d: {channels: n, kernel: 1}, bits: {weights: 4}}
"""


@pytest.mark.parametrize(
    ("deploy", "kernel_bits", "bias_bytes"),
    [(None, 4, 4), (True, 4, 4), ("int8", 8, 4), ("int16", 8, 8), ("fp32", 32, 4)],
)
def test_a_type_that_is_asked_for_goes_before_what_networks_state(tmp_path, deploy, kernel_bits, bias_bytes):
    """n · n elements of kernels and n biases; beside activations of int16, TensorFlow has kernels of int8 and biases of int64."""
    found = convcost.sweep(written(tmp_path, NARROW), {"n": [32, 64]}, runtime="tflm", deploy=deploy)
    assert found.deployed_weight_bytes.tolist() == [n * n * kernel_bits // 8 + n * bias_bytes for n in (32, 64)]
