"""What is said of names that other tools have."""

from __future__ import annotations

import re

from convcost.ops import OPS
from convcost.spec.hints import ATTRIBUTE_NOTES, ATTRIBUTES, OPS_ABSENT, OPS_ELSEWHERE


def test_what_is_said_of_other_tools_exists_here() -> None:
    for said in OPS_ELSEWHERE.values():
        first = re.split(r"[^a-z0-9_]", said.removeprefix("{"))[0]
        assert first in {*OPS, "parallel", "layers", "the"}, said
    attributes = {name for op in OPS.values() for name in op.attrs}
    assert set(ATTRIBUTES.values()) <= attributes
    assert not attributes & (set(ATTRIBUTES) | set(ATTRIBUTE_NOTES))
    assert not {*OPS} & {*OPS_ELSEWHERE, *OPS_ABSENT}
    assert not {*OPS_ELSEWHERE} & {*OPS_ABSENT}
