"""What every op costs, derived by hand, and what it refuses: a new op is a function and a row in a module of its family."""

from __future__ import annotations

from helpers import rows_pointwise, rows_spatial, rows_tensor
from helpers.rows import name_of, refusal, row

__all__ = ["REFUSALS", "ROWS", "name_of", "refusal", "row"]
_FAMILIES = (rows_pointwise, rows_spatial, rows_tensor)

ROWS = [row for family in _FAMILIES for row in family.ROWS]
REFUSALS = [refusal for family in _FAMILIES for refusal in family.REFUSALS]
