"""The arena of a runtime, drawn: every buffer where the planner has it, what pins the head, what is free, what stays."""

from __future__ import annotations

import re
from itertools import combinations, pairwise

import pytest
from helpers.letters import clipped, covered, overlapping, struck, texts

import convcost
from convcost import plots
from convcost.deploy.pins import pins


def deployed(name: str, **knobs: object) -> convcost.networks.deployment.Deployed:
    return convcost.deployed(name, **knobs)


def boxes(figure) -> dict[str, tuple[float, float, int, int]]:
    """What is written in its tooltip -> left, right, low, high."""
    found = {}
    for trace in figure.data:
        if trace.fill and not trace.name.startswith("persistent"):
            key = re.match(r"<b>(.*?)</b>.*?at ([\d,]+)<br>", trace.text)
            name = f"{key[1]} at {key[2]} from {min(trace.x)}"
            found[name] = (min(trace.x), max(trace.x), min(trace.y), max(trace.y))
    return found


@pytest.mark.parametrize("name", ["mobilenet_v1", "ds_cnn_s", "resnet20"])
def test_every_buffer_lies_where_the_planner_has_it(name: str) -> None:
    found = deployed(name)
    drawn = sorted(boxes(plots.arena_figure(found)).values())
    assert drawn == sorted(
        (buffer.first - 0.5, buffer.last + 0.5, buffer.offset, buffer.offset + buffer.size)
        for buffer in found.arena.buffers
    )
    for (a, b, c, d), (e, f, g, h) in combinations(drawn, 2):
        assert not (a < f and e < b and c < h and g < d)


def test_what_pins_the_head_is_outlined_from_its_start_to_its_end() -> None:
    """By hand: MobileNet 0.25 at 96: 48·48·8 twice, then 48·48·16 below them; the planner's order leaves them so."""
    found = deployed("mobilenet_v1", width=0.25, resolution=96)
    figure = plots.arena_figure(found)
    (frame,) = [trace for trace in figure.data if trace.name == "pins the head"]
    heights, run = [], []
    for y in frame.y:
        if y is None:
            heights.append(max(run) - min(run))
            run = []
        else:
            run.append(y)
    assert heights == [48 * 48 * 8, 48 * 48 * 8, 48 * 48 * 16]
    assert sum(heights) == found.arena.head == 73_728
    for above, below in pairwise(pins(found.arena)):
        assert below.offset + below.size == above.offset


def test_lines_stand_at_head_arena_limit_and_at_the_ram_of_a_board_that_is_near() -> None:
    found = deployed("ds_cnn_s", limit=20_000)
    levels = sorted(shape.y0 for shape in plots.arena_figure(found).layout.shapes)
    assert levels == sorted({16_000, found.arena.total, 20_000})  # 25·5·64 twice
    far = deployed("ds_cnn_s", board="nucleo_h743zi")
    assert max(shape.y0 for shape in plots.arena_figure(far).layout.shapes) == far.arena.total
    near = deployed("mobilenet_v1", width=0.25, resolution=96, board="nucleo_f411re")  # 128 KiB
    assert max(shape.y0 for shape in plots.arena_figure(near).layout.shapes) == 128 * 1024


def test_what_stays_is_a_band_of_its_own_above_the_head() -> None:
    found = deployed("ds_cnn_s")
    (band,) = [trace for trace in plots.arena_figure(found).data if (trace.name or "").startswith("persistent")]
    assert (min(band.y), max(band.y)) == (found.arena.head, found.arena.total)
    assert band.fillcolor not in {trace.fillcolor for trace in plots.arena_figure(found).data if trace.fill} - {
        band.fillcolor
    }


def test_what_is_free_where_the_head_is_pinned_is_written_there() -> None:
    """When the stem runs, it lies at 55,296 and its input below 27,648: what is between is free."""
    found = deployed("mobilenet_v1", width=0.25, resolution=96)
    (words,) = [trace for trace in plots.arena_figure(found).data if trace.mode == "text"]
    rooms = [
        tuple(room)
        for room, said in zip(words.meta["rooms"], words.meta["wordings"], strict=True)
        if said[-1] == "free"
    ]
    assert rooms == [(-0.5, 1.5, 27_648, 55_296)]


NETWORKS = (
    ("mobilenet_v1", {"width": 0.25, "resolution": 96}),
    ("mobilenet_v2", {"width": 0.35, "resolution": 144, "board": "nucleo_h743zi"}),
    ("ds_cnn_s", {"limit": 16_100}),
    ("densenet121", {}),
)


@pytest.mark.parametrize("wide", [350, 520, 860, 1280])
@pytest.mark.parametrize(("name", "asked"), NETWORKS)
def test_the_picture_can_be_read_at_every_width(name: str, asked: dict[str, object], wide: int) -> None:
    drawing = plots.svg(plots.arena_figure(deployed(name, **asked)), width=wide)
    assert texts(drawing)
    assert clipped(drawing) == []
    assert overlapping(drawing) == []
    assert covered(drawing) == []


@pytest.mark.parametrize("wide", [350, 860])
@pytest.mark.parametrize("share", [0.12, 0.3, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("name", ["mobilenet_v1", "ds_cnn_s"])
def test_no_line_runs_through_a_label(name: str, share: float, wide: int) -> None:
    """A limit in the midst of buffers: what is written on them stands above it or below."""
    whole = deployed(name)
    figure = plots.arena_figure(deployed(name, limit=int(whole.arena.total * share)))
    assert struck(plots.svg(figure, width=wide)) == []


def test_a_label_on_a_line_is_found_and_moved() -> None:
    """By hand: the first two maps of DS-CNN take 8,000 each; a line at 3,000 leaves the room from there to 8,000."""
    figure = plots.arena_figure(deployed("ds_cnn_s", limit=3_000))
    (words,) = [trace for trace in figure.data if trace.mode == "text"]
    rooms = [tuple(room[2:]) for room in words.meta["rooms"]]
    assert (3_000, 8_000) in rooms
    assert not any(low < 3_000 < high for low, high in rooms)
    words.meta["rooms"] = [[left, right, 0, 6_000] for left, right, _, _ in words.meta["rooms"]]
    assert struck(plots.svg(figure, width=860))


def test_a_stated_file_has_its_kernels_named_by_what_tells_them_apart() -> None:
    from convcost.plots.arena import scopes

    ticks = ("", "model/conv/Relu;model/bn", "model/dw/Relu", "model/pw/Relu", "model/fc/Softmax")
    assert [name for _, name in scopes(ticks)] == ["input", "conv", "dw", "pw", "fc"]
    assert [name for _, name in scopes(("", "stem.conv", "stage1.a", "stage1.b", "fc"))] == [
        "input",
        "stem",
        "stage1",
        "fc",
    ]


def test_scratch_takes_no_layer_its_name() -> None:
    """With CMSIS-NN the stem has a buffer beside its tensor: on the tensor stands the layer, not its activation."""
    found = deployed("mobilenet_v1", width=0.25, resolution=96, kernels="cmsis_nn")
    assert any(buffer.kind == "scratch" and buffer.name.startswith("stem.") for buffer in found.arena.buffers)
    (words,) = [trace for trace in plots.arena_figure(found).data if trace.mode == "text"]
    assert "stem" in {said[-1] for said in words.meta["wordings"]}
    assert "relu" not in {said[-1] for said in words.meta["wordings"]}
