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
PADDINGS = st.one_of(
    st.sampled_from(["same", "valid"]), st.integers(0, 3), st.lists(st.integers(0, 3), min_size=4, max_size=4)
)


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[tuple[int, int, int], dict[str, object]]:
    groups = draw(st.integers(1, 2))
    shape = (draw(st.integers(1, 9)), draw(st.integers(1, 9)), groups * draw(SMALL))
    attrs = {
        "channels": groups * draw(SMALL),
        "kernel": [draw(st.integers(1, 4)), draw(st.integers(1, 4))],
        "stride": [draw(SMALL), draw(SMALL)],
        "dilation": [draw(SMALL), draw(SMALL)],
        "padding": draw(PADDINGS),
        "groups": groups,
    }
    conv = OPS["conv2d"]
    assume(not any(failure(check) for check in conv.cost([shape], conv.convert(attrs)).checks))
    return shape, attrs


def counted(shape: tuple[int, int, int], attrs: dict[str, object]) -> int:
    pairs = {name: tuple(attrs[name]) for name in ("kernel", "stride", "dilation")}  # type: ignore[arg-type]
    padding = tuple(attrs["padding"]) if isinstance(attrs["padding"], list) else attrs["padding"]
    return brute_force.conv2d(shape, attrs["channels"], padding=padding, groups=attrs["groups"], **pairs).padding_macs


@settings(deadline=None, derandomize=True, max_examples=300)
@given(convolutions())
def test_the_rule_is_what_counting_gives(case: tuple[tuple[int, int, int], dict[str, object]]) -> None:
    shape, attrs = case
    converted = OPS["conv2d"].convert(attrs)
    assert OPS["conv2d"].padding_macs([shape], converted) == counted(shape, attrs)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(convolutions(), st.lists(st.integers(4, 12), min_size=1, max_size=4))
def test_arrays_of_sizes_and_kernels_give_each_point(
    case: tuple[tuple[int, int, int], dict[str, object]], sizes: list[int]
) -> None:
    (_, width, channels), attrs = case
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


def test_a_symbolic_kernel_becomes_a_sum() -> None:
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
