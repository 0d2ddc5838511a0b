"""Pages and pictures as text: exact, escaped, deterministic, whole or not at all; the browser's part is in tests/browser."""

from __future__ import annotations

import json
import os
import re
import xml.etree.ElementTree as ET
from fractions import Fraction
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcost
from convcost import plots
from convcost.alternatives.recipes import LayerToBuild, compare
from convcost.core.errors import UsageError
from convcost.core.units import exact
from convcost.formulas.explain import layer_quantities
from convcost.pages.explore import explore_page
from convcost.pages.report import report_page
from convcost.render import html
from convcost.render.palette import DARK, LIGHT
from convcost.render.svg_axes import PlotAxis, si
from convcost.render.svg_marks import path, readable, shade

if TYPE_CHECKING:
    from helpers.cli import Cli

NET = convcost.load("mobilenet_v2")
COMMANDS = [
    ["report", "mobilenet_v2"],
    ["memory", "lenet5"],
    ["compare", "--input", "6x6x3", "--filters", "5", "--kernel", "3"],
    ["reconcile", "resnet50", "thop"],
    ["sweep", "mobilenet_v2", "--over", "resolution=96:128:1"],
    ["sweep", "mobilenet_v2", "--over", "resolution=96,128", "--over", "width=0.5,1"],
    ["rewrite", "vgg16", "--to", "separable"],
    ["frontier", "--family", "vgg"],
]


def figures() -> dict[str, go.Figure]:
    report = NET.report()
    return {
        "stage": plots.cost_by(report),
        "op": plots.cost_by(report, "op"),
        "cumulative": plots.cumulative(report),
        "memory": plots.memory_timeline(report, NET.memory()),
        "sizes 0": plots.sizes(NET, report)[0],
        "sizes 1": plots.sizes(NET, report)[1],
        "ratio": plots.separable_ratio(marked=LayerToBuild((6, 6, 3), 5, (3, 3))),
        "ways": plots.ways(compare(LayerToBuild((6, 6, 3), 5, (3, 3)), ["separable", "inverted:6"])),
        "waterfall": plots.waterfall(NET.reconcile("paper", "ptflops")),
        "before_after": plots.before_after(report, NET.rewrite("standard").report()),
    }


class Tags(HTMLParser):
    """Every tag is closed by its own end, as XML would have it."""

    VOID = ("meta", "link", "input", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, _attrs: Any) -> None:
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, _attrs: Any) -> None:
        self.seen.append(tag)


@pytest.mark.parametrize("name", figures())
def test_a_picture_is_well_formed_small_and_fits_its_frame(name: str) -> None:
    figure = figures()[name]
    for width in (860, 350):
        text = plots.svg(figure, width=width)
        root = ET.fromstring(text)
        assert root.attrib["viewBox"].startswith(f"0 0 {width} ")
        assert len(text) < 60_000
        for mark in root.iter("{http://www.w3.org/2000/svg}rect"):
            left, wide = float(mark.get("x", 0)), float(mark.get("width"))
            assert left >= -0.5
            assert left + wide <= width + 0.5
        assert plots.svg(figure, width=width) == text
        assert "NaN" not in text


@pytest.mark.parametrize("name", figures())
def test_dark_pictures_have_no_light_colour_left(name: str) -> None:
    text = str(plots.dark(figures()[name]).to_json())
    data = json.dumps(json.loads(text)["data"])
    assert not any(color in data.lower() for color in (LIGHT.ink, LIGHT.paper, *LIGHT.series))


def test_bars_hold_exact_shares() -> None:
    report = NET.report()
    (macs, *_) = plots.cost_by(report).data
    by_hand = {stage.name: 100 * stage.macs / report.totals.macs for stage in report.by("stage")}
    assert {y: x for y, x in zip(macs.y, macs.x, strict=True) if x} == {k: v for k, v in by_hand.items() if v}
    assert "MACs 10,838,016, 3.60 %" in macs.hovertext[0]  # the stem: 112·112·32·27


def test_the_waterfall_leads_from_one_total_to_the_other() -> None:
    found = convcost.load("resnet50").reconcile("paper", "thop")
    (bar,) = plots.waterfall(found).data
    assert bar.x[0] == 4_089_184_256
    assert bar.base[1:-1] == (4_089_184_256, 4_133_640_192, 4_133_740_544)
    assert bar.base[-2] + bar.x[-2] == bar.x[-1] == 4_133_742_592
    assert "does not begin at 0" in plots.waterfall(found).layout.xaxis.title.text


def test_the_ratio_is_the_law() -> None:
    for trace in plots.separable_ratio().data:
        kernel = int(trace.name.removeprefix("f = "))
        for n, ratio in zip(trace.x, trace.y, strict=True):
            assert ratio == float(Fraction(1, n) + Fraction(1, kernel**2))


def test_cliffs_are_the_report_at_every_size() -> None:
    line, marks = plots.sizes(NET, NET.report())[0].data
    for size, macs in list(zip(line.x, line.y, strict=True))[::17]:
        assert convcost.load("mobilenet_v2", resolution=size).report().totals.macs == macs
    assert 224 in marks.x  # 225 needs a row more in every stage: 112 -> 113, …, 7 -> 8


def test_budget_lines_hold_the_largest_network_that_fits() -> None:
    figure = plots.sizes(NET, NET.report())[1]
    grid, *lines = figure.data
    line = next(line for line in lines if "301 M" in line.name)
    sizes = [int(x) for x in grid.x]
    for size, width in zip(line.x, line.y, strict=True):
        cost = {r: convcost.load("mobilenet_v2", width=width, resolution=r).report().totals.macs for r in sizes}
        assert max(r for r in sizes if cost[r] <= 300_774_272) == int(size)


def test_the_light_renderer_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(UsageError, match=r"^the light renderer draws scatter, bar and heatmap, not pie;"):
        plots.svg(go.Figure(go.Pie(values=[1, 2])))


@given(st.floats(1e-3, 1e15), st.floats(1.01, 1e9), st.booleans())
def test_ticks_are_round_few_and_inside(low: float, factor: float, log: bool) -> None:
    axis = PlotAxis({"type": "log"} if log else {}, [low, low * factor]).place(0, 500)
    ticks = axis.ticks(8)
    assert len(ticks) <= 8 or log
    for tick in ticks:
        assert -1 <= axis.tick_at(tick) <= 501
        assert f"{tick.value:e}".split("e")[0].rstrip("0").rstrip(".") in {*"123456789"} or not log


@pytest.mark.parametrize(("value", "text"), [(1e7, "10M"), (1e9, "1G"), (5e8, "500M"), (999, "999"), (2e12, "2T")])
def test_counts_read_in_si(value: float, text: str) -> None:
    assert si(value) == text


def test_shades_run_evenly_from_light_to_dark() -> None:
    lightness = [sum(int(shade(i / 50)[j : j + 2], 16) for j in (1, 3, 5)) for i in range(51)]
    assert lightness == sorted(lightness, reverse=True)


def contrast(color: str, paper: str) -> float:
    """The contrast ratio of WCAG 2.1."""

    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((luminance(color), luminance(paper)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("surface", [LIGHT, DARK])
def test_colours_stand_off_the_paper(surface: Any) -> None:
    """WCAG 2.1: 4.5 for text; marks may go down to 2 because shape and place tell them apart as well."""
    assert contrast(surface.ink, surface.paper) > 7
    assert contrast(surface.muted, surface.paper) > 4.5
    assert all(contrast(color, surface.paper) > 2 for color in surface.series)


def test_numbers_stand_off_every_shade_of_a_map(cli: Cli, tmp_path: Path) -> None:
    assert all(contrast(readable(shade(i / 500)), shade(i / 500)) >= 4.5 for i in range(501))
    page = tmp_path / "x.html"
    cli("sweep", "mobilenet_v2", "--over", "resolution=96:256:32", "--over", "width=0.25:1.5:0.25", "-o", page)
    shown = re.findall(
        r'<path fill="(#\w{6})" d="[^"]*">(?:<title>[^<]*</title>)?</path><text fill="(#\w{6})"',
        page.read_text("utf-8"),
    )
    assert len(shown) >= 36  # six sizes by six widths; as many again where the drawing for a phone has room
    assert all(contrast(ink, cell) >= 4.5 for cell, ink in shown)


corners = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=12)


@given(corners)
def test_a_short_path_is_the_same_line(points: list[tuple[int, int]]) -> None:
    """Every corner is met in order; between two there is nothing but the straight way."""
    text = path([(x / 10, y / 10) for x, y in points])
    x, y = (round(float(n) * 10) for n in re.match(r"M(\S+) ([^hvl]+)", text).groups())
    met = [(x, y)]
    for kind, one, two in re.findall(r"([hvl])(-?[\d.]+)(?: ?(-?[\d.]+))?", text):
        across, down = {"h": (one, 0), "v": (0, one), "l": (one, two)}[kind]
        x, y = x + round(float(across) * 10), y + round(float(down) * 10)
        met.append((x, y))
    left = list(met)
    for at, corner in enumerate(points):
        if corner in left:
            left = left[left.index(corner) :]
            continue
        before, after = points[at - 1], next(p for p in points[at:] if p in met)  # only a straight run drops a corner
        assert before[0] == corner[0] == after[0] or before[1] == corner[1] == after[1]
    assert met[0] == points[0]
    assert met[-1] == points[-1]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_pages_and_pictures_depend_on_nothing_but_what_they_show(cli: Cli, command: list[str], tmp_path: Path) -> None:
    for ending in (".html", ".svg"):
        files = [tmp_path / f"{name}{ending}" for name in ("first", "second")]
        for file in files:
            done = cli(*command, "-o", file)
            assert done.exit_code == 0, done.output
        assert files[0].read_bytes() == files[1].read_bytes()
        text = files[0].read_text(encoding="utf-8")
        assert str(tmp_path) not in text
        if ending == ".svg":
            ET.fromstring(text)
        elif command[0] != "frontier":  # whose script is plotly's
            tags = Tags()
            tags.feed(text)
            assert tags.open == []
            assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", text)
            assert len(text) < 300_000


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("ending", [".html", ".svg"])
def test_a_folder_that_is_not_there_is_one_clear_error(
    cli: Cli, command: list[str], ending: str, tmp_path: Path
) -> None:
    path = tmp_path / "none" / f"x{ending}"
    done = cli(*command, "-o", path)
    assert (done.exit_code, done.stderr) == (2, f"cannot write {path}: No such file or directory\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(cli: Cli, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = cli("explore", "mobilenet_v2", "-o", tmp_path / "x.html")
    assert done.stderr.endswith(": Permission denied\n")


@pytest.mark.parametrize("ending", [".png", ".pdf"])
def test_without_the_extra_a_picture_is_one_clear_error(
    cli: Cli, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "kaleido", None)
    path = tmp_path / f"x{ending}"
    done = cli("report", "lenet5", "-o", path)
    assert done.exit_code == 2
    assert done.stderr == (
        f"cannot write {path}: {ending[1:].upper()} needs the extra image (pip install 'convcost[image]') and Chrome or "
        "Chromium (ModuleNotFoundError); .svg and .html need neither\n"
    )
    assert not path.exists()


def test_without_a_chrome_a_picture_is_one_clear_error(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("kaleido")

    def no_chrome(*_: Any, **__: Any) -> None:
        raise RuntimeError("Kaleido requires Google Chrome to be installed.\nMany lines follow.")

    monkeypatch.setattr(go.Figure, "to_image", no_chrome)
    path = tmp_path / "x.png"
    done = cli("frontier", "--family", "vgg", "-o", path)
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert "Chrome or Chromium (RuntimeError)" in done.stderr
    assert not path.exists()


@pytest.mark.parametrize("command", [["list"], ["explain", "alexnet"], ["reconcile", "resnet50"], ["spec", "ops"]])
def test_what_has_no_picture_says_so(cli: Cli, command: list[str], tmp_path: Path) -> None:
    path = tmp_path / "x.svg"
    done = cli(*command, "-o", path)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"{path}: there is no picture of this; .json, .csv, .md, .html")
    assert not path.exists()


def test_every_number_of_a_layer_is_explained_on_the_page() -> None:
    report = NET.report()
    page = report_page(NET, report)
    data = json.loads(re.search(r'id="explanations">(.*?)</script>', page)[1])
    names = re.findall(r'<th scope="row"><button>([^<]+)<', page)
    layers = {layer.name: layer for layer in report.layers}
    assert sorted(names) == sorted(layers)
    for name, at in zip(names, data["of"], strict=True):
        expected = [[q.name, q.formula, exact(q.value)] for q in layer_quantities(layers[name])]
        _, formulas, *filled = data["found"][at]
        shown = []
        for quantity, formula, *constant in data["formulas"][formulas]:
            operands, value = ("", constant[0]) if constant else (filled.pop(0), filled.pop(0))
            shown.append([quantity, formula, value or operands])
        assert shown == expected
        assert filled == []


def test_a_page_says_what_made_it(cli: Cli) -> None:
    done = cli("report", "mobilenet_v2", "--set", "width=0.75", "--format", "html")
    text = unescape(re.sub(r"<[^>]+>", "", done.stdout))
    flat = cli.ok("spec", "resolve", "mobilenet_v2", "--set", "width=0.75")
    import hashlib

    for part in (
        "convcost report mobilenet_v2 --set width=0.75 --format html",
        f"convcost {convcost.__version__}",
        hashlib.sha256(flat.encode()).hexdigest(),
        "paper: multiply-accumulates of conv and linear layers",
    ):
        assert part in text


HOSTILE = "</script><img src=x onerror=alert(1)>&\"'"


def test_hostile_words_of_a_spec_stay_words(tmp_path: Path) -> None:
    spec = tmp_path / "x.yaml"
    layers = "layers:\n  - {conv2d: {channels: 2, kernel: 1}, name: a}\n  - {relu: {}, name: b}\n"
    head = f"convcost: 1\nname: x\ntitle: {json.dumps(HOSTILE)}\nsource: {json.dumps(HOSTILE)}\nabout: {json.dumps(HOSTILE)}\n"
    spec.write_text(head + "knobs: {resolution: 8}\ninput: [resolution, resolution, 3]\n" + layers)
    network = convcost.load(str(spec))
    for page in (
        report_page(network, network.report(), HOSTILE),
        explore_page(network, network.report(), None, HOSTILE),
    ):
        assert "<img" not in page
        assert page.count("</script>") == page.count("<script")
        tags = Tags()
        tags.feed(page)
        assert tags.open == []


@pytest.mark.parametrize("command", [*COMMANDS, ["explore", "mobilenet_v2"], ["list"]], ids=" ".join)
def test_no_markup_of_a_picture_is_shown_as_text(cli: Cli, command: list[str], tmp_path: Path) -> None:
    path = tmp_path / "x.html"
    cli.ok(*command, "-o", path)
    page = re.sub(r"<script.*?</script>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert "&lt;br" not in page
    assert "&lt;sup" not in page
    if command[0] == "memory":
        assert ">What is alive when</h2>" in page
        assert 'href="#part1">What is alive when</a>' in page
        assert '<p class="about">lenet5 · input 32×32×1 · fp32 · batch 1 · policy fused</p>' in page


def test_the_template_escapes_what_is_text() -> None:
    cards = html.cards([html.Card(HOSTILE, HOSTILE, HOSTILE)])
    table = html.table(("a", HOSTILE), (False, True), [[HOSTILE, HOSTILE]], label=HOSTILE)
    page = html.page(
        HOSTILE, [html.Section("k", HOSTILE, cards + table, HOSTILE)], subtitle=HOSTILE, facts=[(HOSTILE, HOSTILE)]
    )
    assert "<img" not in page
    assert page.count(html.escape(HOSTILE)) >= 10


def test_a_report_and_a_table_show_themselves_in_a_notebook() -> None:
    shown = convcost.load("lenet5").report()._repr_html_()
    assert "<table" in shown
    assert "416,520" in shown  # 28·28·6·25 + 10·10·16·150 + 400·120 + 120·84 + 84·10 (lenet5 of the zoo)
    assert "<script" not in shown


@pytest.mark.parametrize("model", ["resnet152", "densenet121", "efficientnet_b4", "inception_v4"])
def test_pages_of_usual_networks_stay_light(model: str) -> None:
    network = convcost.load(model)
    assert len(report_page(network, network.report()).encode()) < 300_000
