"""No label is cut off, none lies on another, no box across one: in every picture of the gallery, and on a phone."""

from __future__ import annotations

import re
import string
from functools import cache
from pathlib import Path

import pytest
from helpers.letters import advances, clipped, covered, overlapping, struck, texts, width
from helpers.paths import ROOT

import convcost
from convcost import plots
from convcost.render.lettering import shortened, text_width, wrapped
from convcost.space.open import design_space

REPORTS = sorted((ROOT / "reports").glob("*.svg"))
FAMILIES = sorted((ROOT / "reports" / "families").glob("*.svg"))


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_the_gallery_can_be_read(path: Path) -> None:
    check(path.read_text(encoding="utf-8"))


def test_the_pictures_of_families_can_be_read() -> None:
    assert len(FAMILIES) > 20
    for path in FAMILIES:
        check(path.read_text(encoding="utf-8"))


def check(drawing: str) -> None:
    assert texts(drawing)
    assert clipped(drawing) == []
    assert overlapping(drawing) == []
    assert covered(drawing) == []


@cache
def figure(name: str) -> object:
    model, _, what = name.partition(" ")
    if what.startswith("sweep"):
        axes = dict(axis.split("=") for axis in what.split()[1:])
        return plots.sweep_figure(design_space(model, {}, over=axes))
    if what == "beside":
        return plots.networks_figure(convcost.side_by_side(model, "efficientnet_b0", by="stage").data)
    if what == "together":
        return plots.networks_figure(convcost.side_by_side(model, "efficientnet_b0", "vgg16").data)
    network = convcost.load(model)
    report = network.report()
    if what == "conventions":
        from convcost.networks.conventions import all_table

        return plots.operations_figure(all_table(network, 1).data)
    if what in ("stage", "op", "block"):
        return plots.cost_by(report, what)
    policy, _, picture = what.partition("/")
    return plots.memory_figure(report, network.memory(policy), picture or "timeline")


PICTURES = (
    "mobilenet_v2 sweep resolution=96:224:32",
    "mobilenet_v2 sweep resolution=200:230",
    "mobilenet_v2 sweep width=0.35:1.4:0.35 resolution=96:224:32",
    "mobilenet_v2 sweep width=0.35:1.4:0.05 resolution=96:224:4",
    "mobilenet_v2 sweep width=0.35:1.4:0.35 resolution=96:224:32 depth=0.5,1,2",
    "vgg16 sweep config=A,B,C,D,E width=0.5,1 resolution=192,224",
    "mobilenet_v2 beside",
    "mobilenet_v2 together",
    "resnet50 conventions",
    "googlenet stage",
    "googlenet sweep resolution=128:320",  # whose numbers along the side are wide where they are many
    "nasnet_large op",
    "mobilenet_v2 block",
    "mobilenet_v2 fused",
    "mobilenet_v2 inplace/arena",
    "resnet18 training",
    "googlenet concat_alias/arena",
    "nasnet_large fused",
    "nasnet_large fused/arena",
    "lenet5 largest",
)


@pytest.mark.parametrize("wide", [350, 520, 860, 1024])
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_can_be_read_at_every_width(name: str, wide: int) -> None:
    check(plots.svg(figure(name), width=wide))


@pytest.mark.parametrize("wide", [350, 760, 1280])
@pytest.mark.parametrize("share", [0.2, 0.93, 0.97, 0.999, 1.0, 1.001, 1.03, 1.07])
def test_the_words_on_lines_stand_off_each_other(share: float, wide: int) -> None:
    """Limits near the peak and near the arena, which is larger: every line is named, in both pictures."""
    network = convcost.load("mobilenet_v2", width="0.55", resolution=132)
    report, usage = network.report(dtype="int8"), network.memory(dtype="int8", align=4096)
    assert usage.arena is not None
    assert usage.peak < usage.arena.total < usage.peak * 1.01
    for limit in (int(usage.peak * share), int(usage.arena.total * share)):
        for picture in ("timeline", "arena"):
            drawing = plots.svg(plots.memory_figure(report, usage, picture, limit), width=wide)
            check(drawing)
            assert struck(drawing) == []
            written = [box.text for box in texts(drawing)]
            named = ["limit", "arena", *(["alive at once"] if picture == "arena" else [])]
            for name in named:
                assert any(re.fullmatch(rf"(.* and )?{name} (and .* )?[\d.]+ [KM]?iB", text) for text in written), name


@pytest.mark.parametrize(("wide", "most"), [(1280, 0), (760, 1), (390, 3)])
def test_stages_are_named_as_far_as_there_is_room(wide: int, most: int) -> None:
    network = convcost.load("mobilenet_v2")
    report = network.report()
    names = {layer.scope[0] if layer.scope else layer.name for layer in report.layers if layer.macs}
    for picture in ("timeline", "arena"):
        drawing = plots.svg(plots.memory_figure(report, network.memory(), picture), width=wide)
        check(drawing)
        lacking = names - {box.text for box in texts(drawing)}
        assert len(lacking) <= most
        assert not lacking & {"stem", "classifier"}  # the ends are named first


def test_the_measure_is_never_too_short() -> None:
    """What fits by it fits in DejaVu Sans, the widest of the fonts that a drawing names."""
    if advances(False) is None:
        pytest.skip("DejaVu Sans is not installed here")
    for bold in (False, True):
        for character in string.printable[:95] + "×·…≤≥²³→±−–½µ":
            room = text_width(character, 100, bold=bold) - width(character, 100, bold=bold)
            assert -1e-3 < room < 1, (character, bold)  # rounded up to a hundredth of the font size
    for words in ("MobileNetV2: activations alive at each layer", "peak 5.74 MiB (6,021,120 bytes)"):
        assert text_width(words, 15, bold=True) >= width(words, 15, bold=True)


@pytest.mark.parametrize("room", [40, 90, 160])
def test_wrapped_lines_stay_within_their_room(room: int) -> None:
    for text in ("stage2.block1.expand.conv2d 112×112×96", "conv2d 3×3 depthwise /2 + bn + relu6", "global_avg_pool"):
        lines = wrapped(text, room, 13)
        assert len(lines) <= 2
        assert all(width(line, 13) <= room + 0.5 for line in lines)
        assert width(shortened(text, room, 13), 13) <= room + 0.5


def test_what_cannot_be_read_is_found() -> None:
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 50" font-size="13">'
    long, below = '<text x="5" y="20">Hello World here</text>', '<text x="8" y="27">again</text>'
    box = '<rect rx="3" x="20" y="4" width="30" height="30"/>'
    drawing = f"{head}{long}{below}{box}</svg>"
    assert clipped(drawing) == ["Hello World here"]
    assert overlapping(drawing) == [("Hello World here", "again")]
    assert covered(drawing) == ["Hello World here", "again"]
