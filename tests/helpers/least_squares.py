"""Least squares without a negative number, found another way than convcost finds them."""

from __future__ import annotations

from itertools import combinations

import numpy as np


def tried(matrix, target):
    """The least squares without a negative number, by trying every set of columns: it is the best of some set's own."""
    width = matrix.shape[1]
    best, found = float(target @ target), np.zeros(width)
    for number in range(1, width + 1):
        for chosen in combinations(range(width), number):
            part = matrix[:, chosen]
            x = np.linalg.lstsq(part, target, rcond=None)[0]
            left = target - part @ x
            if (x >= 0).all() and left @ left < best - 1e-15:
                best, found = float(left @ left), np.zeros(width)
                found[list(chosen)] = x
    return found
