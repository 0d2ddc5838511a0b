"""The picture of patches: whatever the shapes, all that is written can be read, and it says what is drawn."""

from __future__ import annotations

from itertools import combinations

import pytest

import convcost
from convcost.plots.patches import patch_picture
from convcost.render.rectangle import Rectangle

DRAWN = (
    ("mobilenet_v2", "4x4", {"until": "stage3.block1"}),
    ("mobilenet_v2", None, {"until": "stage3", "stream": True}),
    ("mobilenet_v2", "1x3", {"until": "stage3", "stream": True}),
    ("mobilenet_v2", "3x3", {"until": "stem", "equal": True}),
    ("ds_cnn_s", "3x1", {}),
    ("unet", "2x2", {}),
    ("tcn", "4", {}),
)  # input and output of all shapes: square, narrow, with one axis, of few and of many channels
PHONE, SCREEN, ALONE = 150, 420, 320


def picture(name: str, grid: str | None, asked: dict[str, object], side: int = ALONE, *, titled: bool = True):
    return patch_picture(convcost.load(name).patches(grid, dtype="int8", **asked), side=side, titled=titled)


@pytest.mark.parametrize("side", [PHONE, SCREEN, ALONE])
@pytest.mark.parametrize(("name", "grid", "asked"), DRAWN)
def test_no_text_is_cut_off_or_lies_on_another(
    name: str, grid: str | None, asked: dict[str, object], side: int
) -> None:
    drawing = picture(name, grid, asked, side, titled=side == ALONE)
    paper = Rectangle(0, 0, drawing.width, drawing.height)
    assert [label.text for label in drawing.labels if not paper.holds(label.box)] == []
    assert [(one.text, other.text) for one, other in combinations(drawing.labels, 2) if one.box.meets(other.box)] == []


def test_darker_is_said_of_what_is_darker() -> None:
    """A 3×3 convolution with stride 2 reads 2·n + 1 positions for n, so that two patches share one; rows share nothing."""

    def said(grid: str | None, **asked: object) -> str:
        return " ".join(label.text for label in picture("mobilenet_v2", grid, asked).labels)

    assert "all patches read" in (text := said("2x2", until="stem"))
    assert "darker" in text
    assert "all strips read" in (text := said("1x3", until="stem", stream=True))
    assert "darker" in text
    for alone in (said(None, until="stage3", stream=True), said("1x1", until="stem")):
        assert "darker" not in alone
        assert "times the input" not in alone
