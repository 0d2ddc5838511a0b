"""MACs that multiply padding zeros: the rule against counting, in all three number systems."""

from __future__ import annotations

import numpy as np
import sympy
from helpers import brute_force
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import convcost
from convcost.ops import OPS, failure

SMALL = st.integers(1, 3)
Drawn = tuple[str, tuple[int, ...], dict[str, object]]


@st.composite
def convolutions(draw: st.DrawFn, most_axes: int = 3) -> Drawn:
    """The name of an op, the shape of its input - perhaps with an axis before those of the window - and attributes."""
    axes = draw(st.sampled_from([2, 2, 1, 3][: 2 * most_axes]))
    groups = draw(st.integers(1, 2))
    sizes = [draw(st.integers(1, 9 if axes < 3 else 4)) for _ in range(axes)]
    lead = [2] * (draw(st.integers(0, 4)) == 0 and most_axes == 3)
    words = ["same", "valid"] + ["causal"] * 3 * (axes == 1)
    paddings = st.one_of(
        st.sampled_from(words), st.integers(0, 3), st.lists(st.integers(0, 3), min_size=2 * axes, max_size=2 * axes)
    )
    attrs = {
        "channels": groups * draw(SMALL),
        "kernel": [draw(st.integers(1, 4 if axes < 3 else 3)) for _ in range(axes)],
        "stride": [draw(SMALL) for _ in range(axes)],
        "dilation": [draw(SMALL) for _ in range(axes)],
        "padding": draw(paddings),
        "groups": groups,
    }
    name, shape = f"conv{axes}d", (*lead, *sizes, groups * draw(SMALL))
    assume(not any(failure(check) for check in OPS[name].cost([shape], OPS[name].convert(attrs)).checks))
    return name, shape, attrs


def counted(shape: tuple[int, ...], attrs: dict[str, object]) -> int:
    lists = {name: tuple(value) if isinstance(value, list) else value for name, value in attrs.items()}
    return brute_force.conv(shape, **lists).padding_macs


@settings(deadline=None, derandomize=True, max_examples=300)
@given(convolutions())
def test_the_rule_is_what_counting_gives(case: Drawn) -> None:
    name, shape, attrs = case
    converted = OPS[name].convert(attrs)
    assert OPS[name].padding_macs([shape], converted) == counted(shape, attrs)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(convolutions(), st.lists(st.lists(st.integers(0, 2), min_size=1, unique=True), min_size=1, max_size=3))
def test_a_table_of_connections_is_what_counting_gives(case: Drawn, connections: list[list[int]]) -> None:
    name, shape, attrs = case
    assume(name == "conv2d")
    table = {key: value for key, value in attrs.items() if key not in ("channels", "groups")}
    table = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    shape = (*shape[:-1], 3)
    converted = OPS["conv2d_table"].convert({**table, "connections": connections})
    wanted = brute_force.conv2d_table(shape, connections, **table).padding_macs
    assert OPS["conv2d_table"].padding_macs([shape], converted) == wanted


def test_causal_zeros_by_hand() -> None:
    # 20×3, 8 filters of 5 taps 4 apart: taps 16, 12, 8 and 4 before the end of the window miss the first 16, 12, 8, 4 steps.
    attrs = OPS["conv1d"].convert({"channels": 8, "kernel": 5, "dilation": 4, "padding": "causal"})
    assert OPS["conv1d"].padding_macs([(20, 3)], attrs) == (16 + 12 + 8 + 4) * 3 * 8


@settings(deadline=None, derandomize=True, max_examples=60)
@given(convolutions(most_axes=1), st.lists(st.integers(4, 12), min_size=1, max_size=4))
def test_arrays_of_sizes_and_kernels_give_each_point(case: Drawn, sizes: list[int]) -> None:
    _, (_, width, channels), attrs = case
    conv = OPS["conv2d"]
    kernels = np.arange(len(sizes)) % 3 + 1
    cases = [
        ((size, width, channels), {**attrs, "kernel": [int(k), 1]}) for size, k in zip(sizes, kernels, strict=True)
    ]
    assume(not any(failure(c) for s, a in cases for c in conv.cost([s], conv.convert(a)).checks))
    at_once = OPS["conv2d"].padding_macs(
        [(np.array(sizes), width, channels)], conv.convert({**attrs, "kernel": [kernels, 1]})
    )
    each = [OPS["conv2d"].padding_macs([shape], conv.convert(one)) for shape, one in cases]
    assert np.broadcast_to(at_once, len(sizes)).tolist() == each


def test_symbols_give_the_closed_form_of_same_padding() -> None:
    # 3×3 with one zero on each side of n×n: all 9·n² taps but those of the (3n - 2)² that fall on the map.
    n = sympy.Symbol("n", integer=True, positive=True)
    attrs = OPS["conv2d"].convert({"channels": 1, "kernel": 3, "padding": 1})
    form = OPS["conv2d"].padding_macs([(n, n, 1)], attrs)
    for size in (1, 2, 3, 10, 224):
        assert form.subs(n, size) == 9 * size**2 - (3 * size - 2) ** 2


def test_a_symbolic_kernel_gives_a_closed_form() -> None:
    f = sympy.Symbol("f", integer=True, positive=True)
    attrs = OPS["conv2d"].convert({"channels": 5, "kernel": f, "padding": 1})
    form = OPS["conv2d"].padding_macs([(6, 6, 3)], attrs)
    assert form.subs(f, 3).doit() == OPS["conv2d"].padding_macs([(6, 6, 3)], {**attrs, "kernel": (3, 3)})


def test_a_network_adds_them_up() -> None:
    report = convcost.load("vgg16").report()
    # 13 convolutions 3×3 with padding 1: on n×n, (9n² - (3n - 2)²) · c · filters of them.
    layers = [layer for layer in report.layers if layer.op == "conv2d"]
    for layer in layers:
        n, _, c = layer.input_shapes[0]
        assert layer.padding_macs == (9 * n * n - (3 * n - 2) ** 2) * c * layer.output_shape[2]
    assert report.totals.padding_macs == sum(layer.padding_macs for layer in layers)
