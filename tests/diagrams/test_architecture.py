"""The picture of an architecture: what is in it, that nothing overlaps, and that it says what the papers draw."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections import Counter
from itertools import combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from helpers.drawn_geometry import faults
from helpers.limits import at_most
from helpers.random_graphs import graphs
from helpers.specs import spec
from helpers.turns import in_turns
from helpers.zoo import ends_of_families, loaded
from hypothesis import given, settings
from hypothesis import strategies as st

import convcost
from convcost.core.errors import UsageError
from convcost.diagrams.architecture.boxes import MOST, choose, linked
from convcost.diagrams.architecture.diagram import Diagram
from convcost.diagrams.architecture.draw import Plan, draw, plan
from convcost.diagrams.architecture.extents import box_extent
from convcost.diagrams.architecture.layout import _crossings, _Net
from convcost.diagrams.architecture.page import diagram_html
from convcost.diagrams.architecture.parts import Part, tree, wiring
from convcost.diagrams.architecture.picture import Box, Edge, Label, Picture
from convcost.diagrams.architecture.sheet import Costs
from convcost.graph.walk import walk
from convcost.render.rectangle import Rectangle

if TYPE_CHECKING:
    from helpers.cli import Cli

MODELS = Path(__file__).parent.parent / "models"


def row(diagram: Diagram) -> list[Box]:
    return [box for box in diagram.boxes if not box.panel]


@pytest.mark.parametrize("name", in_turns(ends_of_families(), 3))
def test_the_first_and_the_last_of_each_family_are_within_forty_boxes_and_nothing_overlaps(name: str) -> None:
    diagram = loaded(name).diagram()
    assert len(diagram.boxes) <= MOST
    assert faults(diagram) == [], name
    totals = loaded(name).report().totals
    assert sum(box.macs for box in row(diagram)) == totals.macs
    assert sum(box.params for box in row(diagram)) == totals.params


@pytest.mark.parametrize("file", sorted(path.name for path in MODELS.glob("mobilenet*")))
def test_a_model_file_is_drawn_like_a_network_of_the_zoo(file: str) -> None:
    diagram = convcost.load(str(MODELS / file)).diagram()
    assert faults(diagram) == []
    assert len(diagram.boxes) <= MOST
    assert diagram.panels, "its blocks repeat"


@pytest.mark.parametrize("name", ["mobilenet_v2", "unet", "retinanet_resnet50_fpn", "googlenet", "vit_b_16"])
@pytest.mark.parametrize(
    "options", [{"depth": 1}, {"depth": 2}, {"depth": 9}, {"by": "memory"}, {"room": 350.0}], ids=str
)
def test_nothing_overlaps_however_it_is_asked_for(name: str, options: dict[str, Any]) -> None:
    assert faults(loaded(name).diagram(**options)) == []


@pytest.mark.parametrize(
    "options",
    [{"depth": 1}, {"depth": 2}, {"by": "memory"}, pytest.param({"depth": 9}, marks=pytest.mark.slow), {"room": 350.0}],
    ids=str,
)
def test_nothing_overlaps_in_cells_of_many_branches(options: dict[str, Any]) -> None:
    """All of its layers apart are a picture of hundreds of boxes, which takes seconds."""
    assert faults(loaded("nasnet_mobile").diagram(**options)) == []


@given(graphs(most=14))
@settings(max_examples=60, deadline=None)
def test_nothing_overlaps_in_a_picture_of_any_graph(graph: Any) -> None:
    wired = wiring(walk(graph))
    nothing = [0] * len(wired.units)
    costs = Costs(nothing, nothing, lambda _: 0.0, [True] * len(nothing))
    for room in (860.0, 350.0):
        planned = Plan("random", "random", "", "macs", choose(wired, lambda _: 0.0), costs)
        assert faults(planned.diagram(room)) == []


@given(graphs(most=14))
@settings(max_examples=60, deadline=None)
def test_a_line_for_every_tensor_that_goes_from_one_box_to_another(graph: Any) -> None:
    """Counted anew: from the nodes of the graph, through the boxes that own them."""
    wired = wiring(walk(graph))
    parts = _units(tree(wired))
    scene = linked(parts, wired, wired.inputs)
    names = [*wired.inputs, *(wired.units[part.units[0]].name for part in parts)]
    owner = {step.node.name: unit.name for unit in wired.units for step in unit.steps}
    wanted = {
        (owner.get(edge.partition(":")[0], edge), owner[node.name]) for node in graph.nodes for edge in node.inputs
    }
    assert {(names[a], names[b]) for a, b, _ in scene.links} == {(a, b) for a, b in wanted if a != b}


def _units(part: Part) -> list[Part]:
    return [part] if part.is_unit else [unit for inner in part.parts for unit in _units(inner)]


def test_a_fault_of_each_sort_is_found() -> None:
    def box(x: float, name: str) -> Box:
        return Box(name, "unit", "", 1, (1,), 0, 0, 0.0, 0.0, "", True, x, 10.0, 20.0, 20.0)

    apart, over, text = (box(10, "a"), box(60, "b")), (box(10, "a"), box(25, "b")), Label("wide", 5, 50, 10)
    line = Edge(0, 1, (1,), ((30.0, 20.0), (60.0, 20.0)), "")
    through = Edge(0, 1, (1,), ((30.0, 20.0), (90.0, 20.0)), "")
    pictures = {
        "": (apart, (line,), (text,)),
        "overlap": (over, (), ()),
        "clipped": (apart, (), (Label("wide", 90, 50, 10),)),
        "overlaps a": (apart, (), (Label("wide", 15, 25, 10),)),
        "labels": (apart, (), (text, Label("wide", 10, 52, 10))),
        "crosses b": (apart, (through,), ()),
        "does not end": (apart, (through,), ()),
        "crosses the label": (apart, (line,), (Label("wide", 32, 23, 10),)),
        "slanted": (apart, (Edge(0, 1, (1,), ((30.0, 20.0), (60.0, 25.0)), ""),), ()),
    }
    for said, (boxes, edges, labels) in pictures.items():
        found = faults(Picture("n", "n", "", "macs", 100.0, 100.0, boxes, edges, labels, ()))
        assert (not found) if not said else any(said in fault for fault in found), (said, found)


def test_a_unet_has_the_shape_of_a_u() -> None:
    diagram = loaded("unet").diagram()
    place = {box.name: box_extent(box) for box in row(diagram)}
    for level in range(1, 5):
        down, up = place[f"down{level}"], place[f"up{level}"]
        assert (down.top, down.bottom) == (up.top, up.bottom)
        assert down.right < up.left
        skip = next(
            e
            for e in diagram.edges
            if (diagram.boxes[e.source].name, diagram.boxes[e.target].name) == (f"down{level}", f"up{level}")
        )
        assert len(skip.points) == 2, "straight across"
    downwards = [place[f"down{level}"].top for level in range(1, 5)]
    assert downwards == sorted(downwards)
    assert place["middle"].top > max(downwards)


def test_googlenets_branches_are_branches_and_drawn_once() -> None:
    """Szegedy et al., Figure 2 (b): four ways from one tensor, of one, two, two and two layers, which meet in one."""
    diagram = loaded("googlenet").diagram()
    (panel,) = diagram.panels
    assert panel.places == 9  # 3a, 3b, 4a to 4e, 5a, 5b: Table 1
    inner = [edge for edge in diagram.edges if edge.panel]
    assert sum(edge.source == -1 for edge in inner) == 4
    (meets,) = (at for at, box in enumerate(diagram.boxes) if box.panel and box.text == "concat")
    assert sum(edge.target == meets for edge in inner) == 4
    assert sum(bool(box.panel) for box in diagram.boxes) == 1 + 2 + 2 + 2 + 1


def test_mobilenets_inverted_residual_is_drawn_once_with_its_skip() -> None:
    """Table 2 of the paper has 17 bottlenecks in stages of 1, 2, 3, 4, 3, 3, 1; all but a stage's first have a skip."""
    diagram = loaded("mobilenet_v2").diagram()
    stages = (1, 2, 3, 4, 3, 3, 1)
    skipping = next(p for p in diagram.panels if any(b.panel == p.letter and b.text == "add" for b in diagram.boxes))
    assert skipping.places == sum(n - 1 for n in stages)
    (other,) = (p for p in diagram.panels if p != skipping)
    assert other.places == len(stages) - 1  # the first has no expansion
    (add,) = (at for at, box in enumerate(diagram.boxes) if box.panel == skipping.letter and box.text == "add")
    assert -1 in {edge.source for edge in diagram.edges if edge.target == add}
    said = {box.name: box.text for box in row(diagram)}
    assert said["stage4"] == f"{other.letter} + 3×{skipping.letter}"


@pytest.mark.parametrize(
    ("name", "places"),
    [("resnet50", {4, 12}), ("resnet18", {5, 3}), ("vit_b_16", {12}), ("densenet121", {58}), ("nasnet_mobile", {3, 9})],
)  # 3 + 4 + 6 + 3 blocks, a projection in each stage; 12 layers; 6 + 12 + 24 + 16; 3 stages of N = 4 normal cells
def test_as_many_blocks_as_the_paper_has(name: str, places: set[int]) -> None:
    assert {panel.places for panel in loaded(name).diagram().panels} == places


def test_boxes_are_larger_for_larger_maps_and_more_channels() -> None:
    place = {box.name: box for box in row(loaded("vgg16").diagram(depth=1))}
    stages = [place[f"stage{n}"] for n in range(1, 6)]
    assert [box.shape for box in stages] == [(112, 112, 64), (56, 56, 128), (28, 28, 256), (14, 14, 512), (7, 7, 512)]
    assert all(a.height > b.height for a, b in pairwise(stages))
    assert all(a.width <= b.width for a, b in pairwise(stages))


def test_sizes_of_tensors_stand_on_the_lines() -> None:
    diagram = loaded("lenet5").diagram()
    assert [edge.shape for edge in diagram.edges][:3] == [(32, 32, 1), (28, 28, 6), (14, 14, 6)]
    assert {"28×28", "×6"} <= {label.text for label in diagram.labels}


def test_the_colour_says_what_is_asked() -> None:
    macs, params, memory = (loaded("vgg16").diagram(by=by) for by in ("macs", "params", "memory"))
    darkest = [max(row(d), key=lambda box: box.tint).name for d in (macs, params, memory)]
    assert [name.partition(".")[0] for name in darkest][1:] == ["fc6–7", "stage1"]  # 103 M of 138 M; 2 × 224·224·64
    assert {box.share for box in row(macs) if "pool" in box.name} == {0.0}
    assert max(box.share for box in memory.boxes) == 1.0


def test_unfolding_shows_what_is_inside() -> None:
    plain, opened = loaded("mobilenet_v2").diagram(), loaded("mobilenet_v2").diagram(unfold=["stage3"])
    names = [box.name for box in row(opened)]
    assert "stage3" not in names
    assert [name for name in names if name.startswith("stage3")] == ["stage3.block1", "stage3.block2–3"]
    assert len(row(opened)) == len(row(plain)) + 1
    every = loaded("mobilenet_v2").diagram(depth=9)
    assert sum(box.repeats for box in row(every) if box.kind != "input") >= len(row(every)) - 1
    with pytest.raises(UsageError, match=r"no stage or block 'stage33' to unfold. Did you mean stage3"):
        loaded("mobilenet_v2").diagram(unfold=["stage33"])


CHAIN = "input: [64, 64, 8]\nlayers:\n"


def test_a_long_network_with_flat_names_is_drawn_at_once(tmp_path: Path) -> None:
    """1,200 layers: 240 residual blocks of which only the names of layers tell."""
    lines = ["  - {conv2d: {channels: 8, kernel: 3, padding: same}, name: l0}\n"]
    for block in range(240):
        before = f"sum{block - 1}" if block else "l0"
        lines += [
            f"  - {{conv2d: {{channels: 8, kernel: {3 + 2 * (block % 3)}, padding: same}}, name: a{block}}}\n",
            f"  - {{relu: , name: r{block}}}\n",
            f"  - {{conv2d: {{channels: 8, kernel: 1}}, name: b{block}}}\n",
            f"  - {{batch_norm: , name: n{block}}}\n",
            f"  - {{add: , in: [n{block}, {before}], name: sum{block}}}\n",
        ]
    network = spec(tmp_path, CHAIN + "".join(lines))
    assert len(network.steps) == 1 + 5 * 240
    with at_most(1):
        diagram = network.diagram()
    assert faults(diagram) == []
    assert len(diagram.boxes) <= MOST
    assert any(box.repeats == 80 for box in diagram.boxes), "three blocks that alternate, 80 times"


TWO = """inputs: {left: [32, 32, 3], right: [32, 32, 3]}
layers:
  - {conv2d: {channels: 8, kernel: 3}, in: left, name: a}
  - {conv2d: {channels: 8, kernel: 3}, in: right, share: a, name: b}
  - {concat: , in: [a, b], name: both}
  - {unknown: {type: Foo, shape: [30, 30, 4]}, name: foo}
  - {conv2d: {channels: 2, kernel: 1}, name: one}
  - {conv2d: {channels: 4, kernel: 1}, in: foo, name: other}
outputs: [one, other]
"""


def test_several_inputs_and_outputs_and_unknown_ops(tmp_path: Path) -> None:
    diagram = spec(tmp_path, TWO).diagram()
    assert faults(diagram) == []
    boxes = {box.name: box for box in diagram.boxes}
    assert [name for name, box in boxes.items() if box.kind == "input"] == ["left", "right"]
    assert [name for name, box in boxes.items() if not box.known] == ["foo"]
    assert Counter(edge.target for edge in diagram.edges)[-1] == 2
    assert "unknown" in {label.text for label in diagram.labels}
    assert ">= " in diagram.facts


TOWERS = """inputs: {left: [64, 64, 3], right: [64, 64, 3]}
layers:
  - {use: mobilenet_v2, until: head, in: left, name: first}
  - {use: mobilenet_v2, until: head, in: right, name: second, share: first}
  - {concat: , in: [first, second]}
"""


def test_two_towers_stand_beside_each_other(tmp_path: Path) -> None:
    diagram = spec(tmp_path, TOWERS).diagram()
    assert faults(diagram) == []
    place = {box.name: box for box in row(diagram)}
    for stage in range(1, 8):
        first, second = place[f"first.stage{stage}"], place[f"second.stage{stage}"]
        assert (first.x, first.width, first.height) == (second.x, second.width, second.height)
    assert {panel.places for panel in diagram.panels} == {2 * 6, 2 * 10}


def test_the_picture_is_data_that_can_be_sent() -> None:
    diagram = loaded("mobilenet_v2").diagram()
    assert pickle.loads(pickle.dumps(diagram)) == diagram
    said = diagram.to_dict()
    assert said["schema"] == "convcost.diagram/1"
    assert len(json.loads(json.dumps(said))["boxes"]) == len(diagram.boxes)
    assert convcost.draw("mobilenet_v2").svg() == diagram.svg() == diagram._repr_html_()
    with pytest.raises(UsageError, match=r"by must be one of macs, params, memory, got 'mac'. Did you mean macs"):
        convcost.draw("lenet5", by="mac")
    with pytest.raises(UsageError, match="depth must be 1 or more, got 0"):
        convcost.draw("lenet5", depth=0)


def test_the_svg_is_static_and_follows_the_theme() -> None:
    text = loaded("resnet50").diagram().svg()
    root = ET.fromstring(text)
    tags = Counter(element.tag.rpartition("}")[2] for element in root.iter())
    assert not {"script", "image", "foreignObject"} & set(tags)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "prefers-color-scheme:dark" in text


def test_blocks_say_that_their_shares_are_of_all_copies() -> None:
    """MobileNetV2's six first blocks of stages: what their expansions cost together, which is more than the largest alone."""
    network = loaded("mobilenet_v2")
    diagram = network.diagram()
    said = [label.text for label in diagram.labels]
    assert "A and B: all of a kind together" in said
    assert "/s: the stride that the sizes show" in said
    (box,) = (box for box in diagram.boxes if box.panel == "A" and box.name.endswith("expand"))
    firsts = [layer for layer in network.report().layers if re.match(r"stage\d\.block1\.expand", layer.name)]
    assert box.macs == sum(layer.macs for layer in firsts)
    heads = [line.partition("shares ")[2] for line in diagram.text().splitlines() if line[1:4] == " = "]
    assert heads == ["of all 6 together", "of all 10 together"]


def test_what_does_not_differ_is_not_explained() -> None:
    for name in ("lenet5", "unet"):
        assert not [label.text for label in loaded(name).diagram().labels if label.text.startswith("/s:")]


def test_the_text_has_a_line_for_every_box() -> None:
    diagram = loaded("unet").diagram()
    lines = str(diagram).splitlines()
    assert all(any(line.startswith(box.name) for line in lines) for box in diagram.boxes)
    assert "← up4, down3" in next(line for line in lines if line.startswith("up3"))


def test_what_is_inside_of_a_box_is_on_the_page_once() -> None:
    network = loaded("mobilenet_v2")
    piece = diagram_html(network, network.report())
    root = ET.fromstring(
        f"<div>{piece.partition('</style>')[2].partition('<script>')[0].replace(' hidden>', '>')}</div>"
    )
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    opens = {element.get("data-opens") for element in root.iter() if element.get("data-opens")}
    assert len(ids) == len(set(ids))
    assert opens == set(ids)
    headings = {element.text for element in root.iter("h3")}
    assert {"stage2", "stage3", "stage3.block1"} <= headings


def test_tikz_compiles(tmp_path: Path) -> None:
    if not shutil.which("pdflatex") or not shutil.which("kpsewhich"):
        pytest.skip("no LaTeX is installed")
    if not subprocess.run(["kpsewhich", "tikz.sty"], capture_output=True, check=False).stdout:
        pytest.skip("TikZ is not installed")
    (tmp_path / "net.tex").write_text(loaded("nasnet_mobile").diagram().tikz(), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "net.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "(1 page," in done.stdout


def test_tikz_has_every_box_and_label() -> None:
    diagram = loaded("resnet18").diagram()
    text = diagram.tikz()
    assert text.count(r"\draw[box") == len(diagram.boxes) + sum(box.repeats > 1 for box in diagram.boxes)
    assert text.count(r"\node[") == len(diagram.labels)
    assert text.count(r"\draw[flow]") == len(diagram.edges)
    assert "×" not in text


@pytest.mark.parametrize(
    ("ending", "begins"),
    [("svg", "<svg"), ("tex", r"\documentclass"), ("json", "{"), ("txt", "LeNet"), ("html", "<!doctype html>")],
)
def test_the_ending_says_the_format(cli: Cli, tmp_path: Path, ending: str, begins: str) -> None:
    path = tmp_path / f"net.{ending}"
    assert cli.ok("draw", "lenet5", "-o", path) == ""
    assert path.read_text(encoding="utf-8").startswith(begins)
    assert path.read_bytes() == _again(cli, path), "the same bytes each time"


def _again(cli: Cli, path: Path) -> bytes:
    cli.ok("draw", "lenet5", "-o", path)
    return path.read_bytes()


def test_without_a_file_it_is_text(cli: Cli) -> None:
    said = cli.ok("draw", "lenet5", "--color", "params")
    assert said == convcost.load("lenet5").diagram(by="params").text()
    assert cli.json("draw", "lenet5")["network"] == "lenet5"


def test_an_unknown_ending_is_refused(cli: Cli) -> None:
    said = cli.refused_in_a_line("draw", "lenet5", "-o", "net.gif")
    assert said == (
        "net.gif: the ending .gif says no format; known are .svg, .tex, .json, .html, .htm, .txt, .png, .pdf; "
        "else give --format"
    )


def test_the_plan_is_the_same_for_every_width() -> None:
    planned = plan("resnet50")
    wide, narrow = planned.diagram(), planned.diagram(350)
    assert [box.name for box in wide.boxes] == [box.name for box in narrow.boxes]
    assert narrow.width < wide.width
    assert Rectangle(0, 0, narrow.width, narrow.height).holds(box_extent(narrow.boxes[-1]))


@pytest.mark.parametrize("format_", ["text", "svg", "tikz", "json", "html"])
def test_a_network_without_layers_is_its_input(format_: str, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "empty.yaml").write_text("convcost: 1\nname: empty\ninput: [8, 8, 3]\nlayers: []\n")
    assert "input" in cli("draw", tmp_path / "empty.yaml", "--format", format_, code=0).stdout
    cli("report", tmp_path / "empty.yaml", "-o", tmp_path / "empty.html", code=0)


def test_a_photo_needs_the_extra(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "kaleido", None)
    path = tmp_path / "net.png"
    said = cli.refused_in_a_line("draw", "lenet5", "-o", path)
    assert "PNG needs the extra image (pip install 'convcost[image]')" in said
    assert ".svg and .html need neither" in said
    assert not path.exists()


def test_a_photo_is_the_picture(cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("kaleido")
    path = tmp_path / "net.png"
    ran = cli("draw", "lenet5", "-o", path)
    if ran.exit_code:
        pytest.skip(ran.stderr)
    diagram = loaded("lenet5").diagram()
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    size = int.from_bytes(header[16:20], "big"), int.from_bytes(header[20:24], "big")
    assert size == (2 * diagram.width, 2 * diagram.height)


def test_repeats_of_a_numbered_name_are_called_after_it(tmp_path: Path) -> None:
    """`repeat: 3, name: stage2` makes stages of their own, `name: stage2.block` one stage of blocks."""
    text = (
        "convcost: 1\nname: net\ninput: [32, 32, 8]\nlayers:\n"
        "  - {inverted_residual: {expansion: 4, channels: 8}, repeat: 3, name: stage2}\n"
        "  - {inverted_residual: {expansion: 4, channels: 8}, repeat: 2, name: stage3}\n"
    )
    path = tmp_path / "net.yaml"
    path.write_text(text)
    network = convcost.load(str(path))
    assert [group.name for group in network.report().by("stage")] == [
        *("stage2_1", "stage2_2", "stage2_3"),
        *("stage3_1", "stage3_2"),
    ]
    diagram = network.diagram()
    assert [box.name for box in row(diagram)] == ["input", "stage2_1 – stage3_2"]  # all alike
    assert [(panel.name, panel.places) for panel in diagram.panels] == [("stage", 5)]
    path.write_text(
        text.replace("name: stage3", "name: stage2").replace("repeat: 2, name: stage2", "repeat: 2, first: stage2_4")
    )
    (panel,) = convcost.load(str(path)).diagram().panels
    assert (panel.name, panel.places) == ("stage2", 5)
    path.write_text(text.replace("name: stage2", "name: stage2.block").replace("name: stage3", "name: stage3.block"))
    network = convcost.load(str(path))
    assert [group.name for group in network.report().by("stage")] == ["stage2", "stage3"]
    assert [group.name for group in network.report().by("block")] == [
        *("stage2.block1", "stage2.block2", "stage2.block3"),
        *("stage3.block1", "stage3.block2"),
    ]
    assert [panel.name for panel in network.diagram().panels] == ["block"]


def reads_all(tmp_path: Path, count: int) -> Path:
    """A chain of layers, all of which one more reads."""
    path = tmp_path / "all.yaml"
    layers = [f"  - {{conv2d: {{channels: 4, kernel: 3, padding: same}}, name: c{at}}}" for at in range(count)]
    every = ", ".join(f"c{at}" for at in range(count))
    head = ["convcost: 1", "name: all", "input: [8, 8, 3]", "layers:"]
    path.write_text("\n".join([*head, *layers, f"  - {{concat: , in: [{every}]}}", ""]), encoding="utf-8")
    return path


def test_a_picture_of_too_many_lines_past_boxes_is_refused(tmp_path: Path) -> None:
    """316 layers: one link to each from what is before it, one out of the concat, and 316 + 315 + … + 1 to that."""
    path = str(reads_all(tmp_path, 316))
    assert 316 + 1 + 316 * 317 // 2 == 50_403
    with pytest.raises(UsageError) as refused:
        draw(path, depth=1)
    assert str(refused.value) == (
        "lines that lead past 50,403 ranks of boxes are too many for a picture; the most is 50,000: with a smaller --depth, and less of --unfold, boxes are fewer"
    )


@given(st.lists(st.lists(st.integers(0, 5), unique=True), min_size=2, max_size=6))
def test_crossings_are_those_of_every_pair_of_lines(ends: list[list[int]]) -> None:
    count = len(ends)
    net = _Net([0] * count + [1] * 6, [], count, [], rows=[[*range(count)], [*range(count, count + 6)]])
    net.after.update({at: [count + end for end in those] for at, those in enumerate(ends)})
    pairs = combinations([(at, end) for at, those in enumerate(ends) for end in those], 2)
    assert _crossings(net) == sum((a < b and c > d) or (a > b and c < d) for (a, c), (b, d) in pairs)
