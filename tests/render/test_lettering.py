"""What a line of text takes across, and what is left of one that is wider than its room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from convcost.render import lettering
from convcost.render.lettering import MORE, shortened, text_width

if TYPE_CHECKING:
    import pytest


@given(st.text(st.sampled_from("ijmW·_. é漢"), max_size=30), st.floats(0, 400), st.booleans())
def test_as_much_of_a_text_stays_as_the_room_holds(text: str, room: float, bold: bool) -> None:
    found = shortened(text, room, 10, bold=bold)
    if text_width(text, 10, bold=bold) <= room:
        assert found == text
        return
    fitting = [text[:end] for end in range(1, len(text)) if text_width(text[:end] + MORE, 10, bold=bold) <= room]
    assert found == (fitting[-1].rstrip(" ·+_.") + MORE if fitting else "")


def test_a_long_text_is_measured_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of thousands of layers, one after the other: 2^20 letters are halved 20 times."""
    measured = []

    def width(text: str, size: float, *, bold: bool) -> float:
        measured.append(text)
        return len(text) * size * (1.5 if bold else 1)

    monkeypatch.setattr(lettering, "text_width", width)
    assert shortened("n" * 2**20, 100, 10) == "n" * 9 + MORE
    assert len(measured) <= 1 + 20 + 1
