"""A new op by the recipe of CONTRIBUTING.md - one function - works everywhere, and no convention claims to know it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pytest

import convcost
from convcost import plots
from convcost.conventions.catalog import all_conventions, convention
from convcost.core.cost import OpCost
from convcost.core.dims import Dim, Shape
from convcost.ops import OPS
from convcost.ops.attributes import Map, OneOf, Rank, Size
from convcost.ops.registry import op
from convcost.ops.traits import CONVOLUTION, ELEMENTWISE
from convcost.pages.report import report_page
from convcost.render.table import FORMATS

if TYPE_CHECKING:
    from helpers.cli import Cli


@pytest.fixture(autouse=True)
def entered() -> Iterator[None]:
    @op("strip_conv", CONVOLUTION)
    def strip_conv(
        x: Annotated[Shape, Rank("a sequence (t×c)", 2)],
        *,
        channels: Size,
        kernel: Size,
        stride: Size = 1,
        groups: Size = 1,
    ) -> OpCost:
        """Slide `channels` filters along the sequence.

        (t, c) -> (t', channels).
        """
        length: Dim = (x[0] - kernel) // stride + 1
        weights = channels * kernel * (x[1] // groups)
        return OpCost(out=((length, channels),), macs=length * weights, weights=weights, saves=("inputs",))

    @op("snake", ELEMENTWISE)
    def snake(x: Map, *, periodic: Annotated[str, OneOf("sine", "triangle")] = "sine") -> OpCost:  # noqa: ARG001
        """Put out x + sin²(x)."""
        return OpCost(out=(x,), saves=("inputs",))

    yield
    del OPS["strip_conv"], OPS["snake"]


@pytest.fixture
def sequence(tmp_path: Path) -> str:
    """16 filters of 5 taps on 64×2, every second position; then each channel by itself; then 1 tap."""
    path = tmp_path / "ecg.yaml"
    path.write_text(
        "convcost: 1\nname: ecg\nknobs: {width: 16, length: 64}\ninput: [length, 2]\nlayers:\n"
        "  - strip_conv: {channels: width, kernel: 5, stride: 2}\n    name: stem\n"
        "  - strip_conv: {channels: in.channels, kernel: 3, groups: in.channels}\n    name: depthwise\n"
        "  - strip_conv: {channels: 4, kernel: 1}\n    name: mix\n"
    )
    return str(path)


@pytest.fixture
def mapped(tmp_path: Path) -> str:
    path = tmp_path / "snakes.yaml"
    path.write_text(
        "convcost: 1\nname: snakes\nknobs: {width: 8}\ninput: [8, 8, 3]\nlayers:\n"
        "  - conv2d: {channels: width, kernel: 3, padding: 1}\n  - snake: {periodic: triangle}\n  - relu\n"
    )
    return str(path)


# (64 - 5)//2 + 1 = 30 positions of 16·5·2; 28 of 16·3; 28 of 4·16.
MACS = 30 * 16 * 10 + 28 * 16 * 3 + 28 * 4 * 16


def test_the_library_counts_it(sequence: str) -> None:
    report = convcost.report(sequence)
    assert report.totals.macs == MACS
    assert report.totals.conv_activations == report.totals.activations == 30 * 16 + 28 * 16 + 28 * 4
    assert [layer.kind for layer in report.layers] == ["strip_conv 5", "strip_conv 3 depthwise", "strip_conv 1"]
    assert report.totals.operations == 0
    assert report.not_counted == {"strip_conv": 3}
    assert convcost.load(sequence).memory(dtype="int8").peak == 30 * 16 + 28 * 16


def test_a_limit_on_operations_is_not_proven_where_some_are_not_counted(sequence: str) -> None:
    found = convcost.check(sequence, limits={"operations": "1T", "macs": "1T"}, convention="fvcore")
    assert {line.limit: line.verdict for line in found.lines} == {"macs": "holds", "operations": "not proven"}
    assert convcost.check(sequence, limits={"operations": 0}, convention="fvcore").status == 3


@pytest.mark.parametrize("name", all_conventions())
def test_each_convention_says_that_it_is_not_counted(cli: Cli, sequence: str, mapped: str, name: str) -> None:
    assert not convention(name).knows("strip_conv")
    text = " ".join(cli.ok("report", sequence, "--convention", name).split())
    assert f"not counted strip_conv (3 layers): the convention {name} does not know it" in text
    data = cli.json("report", sequence, "--convention", name)
    assert data["not_counted"] == {"strip_conv": 3}
    assert [layer["operations"] for layer in data["layers"]] == [None, None, None]
    assert "snake (1 layer)" in cli.ok("report", mapped, "--convention", name)
    assert "not counted" in cli.ok("explain", sequence, "stem", "--convention", name)
    assert "not counted" in cli.ok("reconcile", sequence, "paper", name)


@pytest.mark.parametrize("level", ["layer", "block", "stage", "op"])
@pytest.mark.parametrize("fmt", FORMATS)
def test_reports_in_every_form(cli: Cli, sequence: str, mapped: str, level: str, fmt: str) -> None:
    for path in (sequence, mapped):
        assert cli.ok("report", path, *([] if fmt == "html" else ["--by", level]), "--format", fmt)
    text = cli.ok("report", sequence, "--by", level, "--format", "table")
    assert "not counted" in text.splitlines()[4]


def test_explanations(cli: Cli, sequence: str) -> None:
    text = cli.ok("explain", sequence, "stem")
    assert "t'·channels·kernel·c" in text
    assert "30·16·5·2" in text
    assert cli.ok("explain", sequence)


def test_pages_and_pictures(sequence: str, mapped: str, tmp_path: Path, cli: Cli) -> None:
    for path in (sequence, mapped):
        network = convcost.load(path)
        report = network.report()
        page = report_page(network, report)
        assert "not counted" in page
        for figure in (
            plots.cost_by(report, "op"),
            plots.cumulative(report),
            plots.memory_timeline(report, network.memory()),
        ):
            assert plots.svg(figure)
    for command in (["report", sequence], ["explore", sequence, "--over", "width=8:16"], ["memory", sequence]):
        target = tmp_path / "page.html"
        cli.ok(*command, "-o", str(target))
        assert target.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_design_spaces(cli: Cli, sequence: str) -> None:
    swept = convcost.sweep(sequence, width=[8, 16], length=[32, 64])
    assert swept.macs[1, 1] == MACS
    each = [[convcost.report(sequence, width=w, length=n).totals.macs for n in (32, 64)] for w in (8, 16)]
    assert swept.macs.tolist() == each
    assert convcost.fit(sequence, max_macs=MACS, over={"width": "8:24"}, maximise="width").best.knobs["width"] == 16  # type: ignore[union-attr]
    assert "width" in cli.ok("explain", sequence, "--symbols", "width")


def test_rewrites(cli: Cli, sequence: str, mapped: str) -> None:
    assert cli.refused("rewrite", sequence, "--to", "separable") == "ecg has no layer that can become separable\n"
    rebuilt = convcost.rewrite(mapped, "separable")
    assert rebuilt.report().totals.macs == 64 * 27 + 64 * 3 * 8
    assert [layer.op for layer in rebuilt.report().layers] == ["conv2d", "conv2d", "snake", "relu"]


def test_what_the_traits_say_is_followed(mapped: str) -> None:
    # The snake lies in the tensor of the convolution before it: 8·8·3 read and 8·8·8 written.
    assert convcost.load(mapped).memory("fused", dtype="int8").peak == 64 * (3 + 8)
    assert convcost.load(mapped).memory("unfused", dtype="int8").peak == 64 * (8 + 8)


def test_specs_take_its_attributes_and_refuse_others(cli: Cli, tmp_path: Path) -> None:
    assert json.loads(cli.ok("spec", "schema"))
    assert "strip_conv" in cli.ok("spec", "ops")
    path = tmp_path / "wrong.yaml"
    path.write_text(
        "convcost: 1\nname: wrong\ninput: [8, 8, 3]\nlayers: [{snake: {periodic: sawtooth}}, {strip_conv: {channels: 2, kernel: 3}}]\n"
    )
    said = cli.refused("report", str(path))
    assert "layers.snake.periodic: must be sine or triangle, got sawtooth" in said
    path.write_text("convcost: 1\nname: wrong\ninput: [8, 8, 3]\nlayers: [{strip_conv: {channels: 2, kernel: 3}}]\n")
    assert "strip_conv needs a sequence (t×c), got a map of 8×8×3" in cli.refused("report", str(path))


def test_no_door_says_zero_of_it(cli: Cli, sequence: str, mapped: str) -> None:
    table = convcost.side_by_side(sequence, mapped)
    assert [text for name, text in table.notes if name == "not counted"]
    assert [network["not_counted"] for network in table.data["networks"]] == [{"strip_conv": 3}, {"snake": 1}]
    rows = convcost.side_by_side(sequence, sequence, by="layer").data["rows"]
    assert [network["operations"] for row in rows for network in row["networks"]] == [None] * 6
    assert [row["differences"] for row in rows] == [[None, None]] * 3
    pair = cli.json("reconcile", sequence, "paper", "thop")
    assert pair["first"]["not_counted"] == pair["second"]["not_counted"] == ["strip_conv"]
    frame = convcost.report(mapped).to_frame()
    assert str(frame["operations"].dtype) == "Int64"
    assert frame["operations"].isna().tolist() == [False, True, False]
    with pytest.raises(
        convcost.UsageError, match="the convention paper does not know strip_conv, so that the cost is not known"
    ):
        convcost.frontier(family=["MobileNetV1"], yours={sequence: "70"})
