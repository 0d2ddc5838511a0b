"""Windows cut a grid up: each cell once, in order."""

from __future__ import annotations

import numpy as np

from convcost.space.windows import windows


def test_windows_cover_a_grid_once_in_order():
    seen = np.zeros((5, 4, 3), dtype=int)
    last = -1
    for window in windows(seen.shape, 5):
        cells = np.arange(60).reshape(5, 4, 3)[window].ravel()
        assert cells[0] == last + 1
        assert len(cells) <= 5
        last = cells[-1]
        seen[window] += 1
    assert (seen == 1).all()
