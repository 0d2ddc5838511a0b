"""Closed forms give the report's integers wherever their assumptions hold, the papers' formulas, and not more.

`wrong_at` puts numbers into a closed form and compares with the network reported for these numbers.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import sympy
from helpers.written_formulas import evaluate

import convcost
from convcost.core.errors import SpecError, UsageError
from convcost.formulas.closed_form import ClosedForm, closed_form
from convcost.formulas.symbols import symbol, written
from convcost.ops import OPS

Numbers = dict[str, Any]


@cache
def form_of(model: str, *symbols: str) -> ClosedForm:
    return closed_form(model, None, symbols, {})


def step_of(form: ClosedForm) -> int:
    """K, of the assumption resolution = K·m."""
    found = [re.fullmatch(r"resolution = (\d+)·m", assumption) for assumption in form.assumptions]
    return next((int(match[1]) for match in found if match), 0)


def holds(assumption: str, numbers: Numbers) -> bool:
    """Whether numbers satisfy an assumption, as it is printed."""
    if match := re.fullmatch(r"resolution = (\d+)·m", assumption):
        return numbers["resolution"] % int(match[1]) == 0
    if match := re.fullmatch(
        r"width is (?:an integer|a multiple of 1/(\d+)), so that no channel count is rounded", assumption
    ):
        return (numbers["width"] * int(match[1] or 1)).denominator == 1
    relation = re.fullmatch(r"(.+) (≥|>|=|≠) (.+)", assumption)
    assert relation, f"what is meant by {assumption!r}?"
    left, right = (evaluate(side, with_m(numbers, 32)) for side in relation.group(1, 3))
    return {"≥": left >= right, ">": left > right, "=": left == right, "≠": left != right}[relation[2]]


def with_m(numbers: Numbers, step: int) -> Numbers:
    """m beside the resolution it stands for."""
    return {**numbers, "m": Fraction(numbers["resolution"], step)} if step and "resolution" in numbers else numbers


def wrong_at(model: str, form: ClosedForm, numbers: Numbers) -> dict[str, tuple[Any, int]]:
    """What a closed form gives at these numbers, and what the network is reported to cost, where they differ."""
    totals = (
        convcost.load(model, **{k: float(v) if isinstance(v, Fraction) else v for k, v in numbers.items()})
        .report()
        .totals
    )
    put_in = {symbol(name): sympy.Rational(value) for name, value in with_m(numbers, step_of(form)).items()}
    reported = {"MACs": totals.macs, "params": totals.params, "activations": totals.activations}
    found = {name: sympy.sympify(form.quantities[name]).subs(put_in) for name in reported}
    return {name: (found[name], value) for name, value in reported.items() if found[name] != value}


RESOLUTIONS = [32, 64, 96, 160, 192, 224, 320, 480]
WIDTHS = [Fraction(n, 8) for n in (1, 2, 3, 4, 6, 8, 10, 16, 24)]
VALUES: dict[str, list[Any]] = {"resolution": RESOLUTIONS, "width": WIDTHS, "classes": [1, 10, 1000]}
GRIDS = [
    ("lenet5", ("resolution",)),
    ("lenet5", ("classes",)),
    ("alexnet", ("resolution", "classes")),
    ("vgg16", ("resolution", "width", "classes")),
    ("googlenet", ("resolution",)),
    ("resnet18", ("resolution", "width")),
    ("resnet50", ("resolution", "width")),
    ("resnet50_v1", ("resolution",)),
    ("mobilenet_v1", ("resolution", "width")),
    ("mobilenet_v1", ("width", "classes")),
    ("mobilenet_v2", ("resolution", "width")),
    ("efficientnet_b0", ("resolution", "width")),
    ("efficientnet_b3", ("resolution",)),
    ("vit_b_16", ("resolution", "width")),
    ("mobilevit_xxs", ("resolution",)),
]


@pytest.mark.parametrize(
    ("model", "symbols"), GRIDS, ids=lambda value: value if isinstance(value, str) else ",".join(value)
)
def test_a_closed_form_gives_the_report_wherever_its_assumptions_hold(model: str, symbols: tuple[str, ...]) -> None:
    form = form_of(model, *symbols)
    points = [dict(zip(symbols, values, strict=True)) for values in product(*(VALUES[name] for name in symbols))]
    held = [point for point in points if all(holds(assumption, point) for assumption in form.assumptions)]
    assert len(held) >= 3
    assert [
        (point, wrong_at(model, form, point))
        for point in held[:: max(1, len(held) // 9)]
        if wrong_at(model, form, point)
    ] == []
    assert not any(value.has(sympy.floor, sympy.ceiling, sympy.Max) for value in form.quantities.values())


@pytest.mark.parametrize(
    ("model", "symbols", "numbers"),
    [
        ("mobilenet_v1", ("resolution",), {"resolution": 225}),
        ("resnet50", ("resolution",), {"resolution": 225}),
        ("vgg16", ("resolution",), {"resolution": 223}),
        ("lenet5", ("resolution",), {"resolution": 33}),
        ("mobilenet_v1", ("width",), {"width": Fraction(9, 10)}),
        ("mobilenet_v2", ("width",), {"width": Fraction(1, 2)}),  # the head is not narrowed below width 1
        ("resnet50", ("width",), {"width": Fraction(1, 8)}),  # satisfies its assumption: the control of this test
    ],
)
def test_where_an_assumption_fails_so_does_the_form(model: str, symbols: tuple[str, ...], numbers: Numbers) -> None:
    form = form_of(model, *symbols)
    satisfied = all(holds(assumption, numbers) for assumption in form.assumptions)
    assert satisfied == (model == "resnet50" and "width" in numbers)
    try:
        assert bool(wrong_at(model, form, numbers)) is not satisfied
    except SpecError:  # such as a channel count that is no integer
        assert not satisfied


def test_a_rule_that_is_wrong_by_one_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    form = form_of("resnet18", "resolution")
    assert wrong_at("resnet18", form, {"resolution": 96}) == {}
    right = OPS["conv2d"].rule

    def one_more(*shapes: Any, **attrs: Any) -> Any:
        cost = right(*shapes, **attrs)
        return replace(cost, macs=cost.macs + 1)

    monkeypatch.setitem(OPS, "conv2d", replace(OPS["conv2d"], rule=one_more))
    assert set(wrong_at("resnet18", form, {"resolution": 96})) == {"MACs"}
    spoilt = closed_form("resnet18", None, ["resolution"], {})
    assert sympy.expand(spoilt.quantities["MACs"] - form.quantities["MACs"]) == 20  # convolutions of ResNet-18


# From papers and by hand.


@pytest.mark.parametrize(
    ("width", "resolution", "millions"),
    [
        ("1", 224, 569), ("0.75", 224, 325), ("0.5", 224, 149), ("0.25", 224, 41),  # Table 6
        ("1", 192, 418), ("1", 160, 290), ("1", 128, 186),  # Table 7
        ("0.5", 160, 76),  # Table 9
    ],
)  # fmt: skip
def test_mobilenet_v1_costs_what_its_paper_says(width: str, resolution: int, millions: int) -> None:
    form = form_of("mobilenet_v1", "resolution", "width")
    macs = form.quantities["MACs"].subs(
        {symbol("width"): sympy.Rational(width), symbol("m"): sympy.Rational(resolution, 32)}
    )
    assert abs(macs / 10**6 - millions) < 1


TINY = """
convcost: 1
name: tiny
knobs: {resolution: 32, width: 1.0, classes: 10}
input: [resolution, resolution, 3]
layers:
  - {conv2d: {channels: 8 * width, kernel: 3, padding: same}}
  - {max_pool: {kernel: 2}}
  - {conv2d: {channels: 16 * width, kernel: 3, padding: same, bias: false}}
  - global_avg_pool
  - flatten
  - {linear: {channels: classes}}
"""


def test_a_small_network_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    form = closed_form(str(path), None, ["resolution", "width", "classes"], {})
    m, w, n = symbol("m"), symbol("width"), symbol("classes")
    assert form.assumptions == ("resolution = 2·m", "width is a multiple of 1/8, so that no channel count is rounded")
    # (2m)² · 8w·27, then m² · 16w·9·8w, then 16w·n; one bias per filter of the first and per class.
    assert sympy.expand(form.quantities["MACs"] - (864 * m**2 * w + 1152 * m**2 * w**2 + 16 * w * n)) == 0
    assert sympy.expand(form.quantities["params"] - (8 * w * 28 + 1152 * w**2 + 16 * w * n + n)) == 0
    # (2m)²·8w and m²·8w, then m²·16w, then 16w, then n; flatten is a view.
    assert sympy.expand(form.quantities["activations"] - (56 * m**2 * w + 16 * w + n)) == 0


def test_sizes_that_only_activations_depend_on_are_chosen_so_that_nothing_is_rounded(tmp_path: Path) -> None:
    path = tmp_path / "pooled.yaml"
    path.write_text(TINY.replace("  - {conv2d: {channels: 16 * width, kernel: 3, padding: same, bias: false}}\n", ""))
    form = closed_form(str(path), None, ["resolution"], {})
    m = symbol("m")
    assert form.assumptions == ("resolution = 2·m",)
    assert sympy.expand(form.quantities["activations"] - (32 * m**2 + 8 * m**2 + 8 + 10)) == 0


H, W, C, K, T = (symbol(name) for name in ("h", "w", "c", "channels", "t"))


def block(symbols: str, **settings: str) -> ClosedForm:
    return closed_form("mobilenet_v2", "bottleneck", symbols.split(","), settings)


def test_the_bottleneck_of_mobilenet_v2_costs_what_its_paper_says() -> None:
    form = block("h,w,c,channels,t", stride="1")
    # Section 3.2: h · w · d' · t (d' + k² + d''), for 3×3 kernels.
    assert sympy.expand(form.quantities["MACs"] - H * W * C * T * (C + 3**2 + K)) == 0
    # Expand c·tc, depthwise 9·tc, project tc·c'; a scale and a shift for each channel of the three batch-norms.
    weights = C * T * C + 9 * T * C + T * C * K + 2 * (T * C + T * C + K)
    assert sympy.expand(form.quantities["params"] - weights) == 0
    # Convolution, batch-norm and ReLU6 write tc twice over each; the projection and its batch-norm write c'.
    assert sympy.expand(form.quantities["activations"] - H * W * (6 * T * C + 2 * K)) == 0
    assert "t > 1" in form.assumptions
    assert "c ≠ channels" in form.assumptions  # else there is a shortcut


def test_the_bottleneck_at_stride_2_expands_on_the_larger_map() -> None:
    form = block("h,w,c,channels,t", stride="2")
    macs = H * W * C * T * C + H / 2 * W / 2 * (9 * T * C + T * C * K)
    assert sympy.expand(form.quantities["MACs"] - macs) == 0
    assert {"h is a multiple of 2", "w is a multiple of 2"} <= set(form.assumptions)


def test_what_is_set_is_put_in() -> None:
    form = block("h,w,channels", stride="1", t="6", c="24")
    assert sympy.expand(form.quantities["MACs"] - H * W * 24 * 6 * (24 + 9 + K)) == 0
    form = block("c,channels,t", stride="1", h="56", w="56")
    assert sympy.expand(form.quantities["MACs"] - 56 * 56 * C * T * (C + 9 + K)) == 0


def test_a_layer_and_a_stage_have_closed_forms_too() -> None:
    # 3×3 from 256 to 512 channels after three poolings of 32·m.
    form = closed_form("vgg16", "stage4.conv1", ["resolution"], {})
    assert sympy.expand(form.quantities["MACs"] - (4 * symbol("m")) ** 2 * 9 * 256 * 512) == 0
    stage = closed_form("vgg16", "stage4", ["resolution"], {})
    assert sympy.expand(stage.quantities["MACs"] - (4 * symbol("m")) ** 2 * 9 * 512 * (256 + 512 + 512)) == 0


TCN = """
convcost: 1
name: tcn
knobs: {length: 64, frames: 8}
blocks:
  strided:
    args: {channels: }
    layers:
      - conv1d: {channels: channels, kernel: 4, stride: 2, padding: causal, bias: false}
  volume:
    args: {channels: }
    layers:
      - conv3d: {channels: channels, kernel: [1, 3, 3], stride: [1, 2, 2], padding: 1}
input: [length, 3]
layers:
  - {strided: {channels: 8}, repeat: 2}
  - {conv1d: {channels: 5, kernel: 1}}
"""


def test_a_network_over_sequences_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "tcn.yaml"
    path.write_text(TCN)
    form = closed_form(str(path), None, ["length"], {})
    n = symbol("length")
    assert form.assumptions == ("length is a multiple of 4",)
    # 4 taps from 3 to 8 channels at half the positions, from 8 to 8 at a quarter, and 8·5 there.
    assert sympy.expand(form.quantities["MACs"] - (n / 2 * 4 * 3 * 8 + n / 4 * 4 * 8 * 8 + n / 4 * 8 * 5)) == 0
    assert form.quantities["params"] == 4 * 3 * 8 + 4 * 8 * 8 + 8 * 5 + 5
    assert wrong_at(str(path), form, {"length": 100}) == {}
    assert wrong_at(str(path), form, {"length": 101}) != {}


def test_a_block_over_a_sequence_or_a_volume_is_named_by_their_letters(tmp_path: Path) -> None:
    path = tmp_path / "tcn.yaml"
    path.write_text(TCN)
    t, d, h, w, c, n = (symbol(name) for name in ("t", "d", "h", "w", "c", "channels"))
    form = closed_form(str(path), "strided", ["t", "c", "channels"], {})
    assert sympy.expand(form.quantities["MACs"] - t / 2 * 4 * c * n) == 0
    assert form.assumptions == ("t is a multiple of 2",)
    form = closed_form(str(path), "volume", ["d", "h", "w", "c", "channels"], {})
    # A frame more before and after: the kernel has one tap along them. Rows and columns are halved.
    assert sympy.expand(form.quantities["MACs"] - (d + 2) * h / 2 * w / 2 * 9 * c * n) == 0
    assert {"h is a multiple of 2", "w is a multiple of 2"} <= set(form.assumptions)
    form = closed_form(str(path), "volume", ["h", "c", "channels"], {"d": "16", "w": "112"})
    assert sympy.expand(form.quantities["MACs"] - 18 * h / 2 * 56 * 9 * c * n) == 0


def test_attention_is_quartic_in_the_resolution_over_all_tokens_and_quadratic_in_windows() -> None:
    m = symbol("m")
    vit = form_of("vit_b_16", "resolution")
    t = m**2 + 1  # patches and the class token; 12 layers of 4·d² + 2·d·4d per token, and of 2·t·t·d
    by_hand = m**2 * 3 * 16**2 * 768 + 12 * (t * 12 * 768**2 + 2 * t**2 * 768) + 768 * 1000
    assert sympy.expand(vit.quantities["MACs"] - by_hand) == 0
    assert vit.assumptions == ("resolution = 16·m",)
    # 7·7 positions in the last stage, at a stride of 32: from 224 to 224 all maps are whole windows.
    for model, step in (("swin_t", 224), ("swin_v2_t", 256), ("maxvit_t", 224)):
        form = form_of(model, "resolution")
        assert form.assumptions[0] == f"resolution = {step}·m"
        assert sympy.degree(form.quantities["MACs"], m) == 2
        assert wrong_at(model, form, {"resolution": 2 * step}) == {}


def test_the_library_raises_what_the_command_says() -> None:
    with pytest.raises(UsageError, match=r"^block is not a number and cannot be a symbol$"):
        closed_form("resnet50", None, ["block"], {})


def test_a_closed_form_is_written_as_it_is() -> None:
    form = form_of("mobilenet_v2", "resolution", "width")
    for value in form.quantities.values():
        assert evaluate(written(value), {"m": 3, "width": 2}) == value.subs({symbol("m"): 3, symbol("width"): 2})
