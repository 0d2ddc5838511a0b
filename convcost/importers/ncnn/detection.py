"""ncnn's layers of detectors: boxes that depend on sizes alone, and what is found, which depends on data."""

from __future__ import annotations

from typing import Any

from convcost.importers.contents import Known
from convcost.importers.lower import Depends, Lowering
from convcost.importers.model import Op
from convcost.importers.ncnn.file import BY_DATA
from convcost.importers.ncnn.given import DROPPED, listed, whole
from convcost.importers.ncnn.rules import rule


@rule("PriorBox", reads=None)
def prior_box(low: Lowering, op: Op) -> None:
    """Boxes around each position, and their variances: known before anything runs, from sizes alone.

    For each smallest size a box of it, one of the mean with the largest size, and one or two of each ratio.
    """
    x = low.read(op)
    height, width = x.shape[-2:]
    least, most, ratios = (len(listed(op.attrs, at) or ()) for at in (0, 1, 2))
    image = [whole(op.attrs, at, 0) for at in (9, 10)]
    if len(op.inputs) == 1 and image == [DROPPED, DROPPED] and not most:
        boxes: Any = least - 1 + ratios
        low.computed(op, [], Known((1, 4 * width * height * boxes), ()))
        return
    boxes = least * ratios * (2 if whole(op.attrs, 7, 1) else 1) + least + most
    low.computed(op, [], Known((1, 2, 4 * width * height * boxes), ()))


@rule(*BY_DATA, reads=None, makes=None)
def found(low: Lowering, op: Op) -> None:
    del low, op
    raise Depends("how many boxes it finds depends on data")
