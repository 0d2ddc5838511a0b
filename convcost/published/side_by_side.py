"""Networks side by side with what is published of them: the totals of each and, where asked, its accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.conventions.convention import PAPER
from convcost.core.display import display
from convcost.core.errors import UsageError
from convcost.core.reading import several
from convcost.networks.load import Model, load
from convcost.networks.side_by_side import side_by_side as of_rows
from convcost.networks.together import CITED, check_columns, sides_of, totals_table
from convcost.published.choices import ACCURACIES
from convcost.published.cited import beside
from convcost.render.table import Table


def side_by_side(
    *networks: Model,
    by: str | None = None,
    columns: str | Sequence[str] | None = None,
    units: str = "",
    digits: int | None = None,
    convention: str = PAPER,
    batch: int = 1,
    dtype: str | None = None,
    memory_policy: str = "fused",
) -> Table:
    """Two networks or more as a table: a row each, with its totals; or rows `by` stage, block, op or layer.

    A network is a name, optionally with knobs, or a `Network`. Of totals, `columns` says which: params, macs, peak,
    peak_ratio and so on, and `top1` and `top5`, which are published accuracies, each with its citation; `units` ("M",
    "params=M,macs=G") and `digits` say how text writes them. Raises `UsageError` for fewer than two networks, and for an
    unknown level, column or option.

    >>> table = side_by_side("mobilenet_v2", "resnet50", columns=["params", "top1"], units="M")
    >>> table.headers, table.rows[1]
    (('network', 'params (M)', 'top-1 (%)', 'cited'), ['resnet50', '25.6', '76.1', '[2]'])
    """
    if by is not None:
        if several(columns) or units or digits:
            raise UsageError("columns, units and digits are of the totals, which have a row per network: leave out by")
        return of_rows(*networks, by=by, convention=convention, batch=batch, dtype=dtype, memory_policy=memory_policy)
    chosen = several(columns)
    check_columns(chosen, (*ACCURACIES, CITED))
    opened = list(map(load, networks))
    sides = sides_of(opened, convention=convention, batch=batch, dtype=dtype, memory_policy=memory_policy)
    wanted = [name for name in chosen if name in ACCURACIES]
    if not wanted and CITED in chosen:
        raise UsageError(
            f"the column {CITED} says where an accuracy is printed: name {' or '.join(ACCURACIES)} as well"
        )
    asked = display(units, digits)
    if not wanted:
        return totals_table(sides, chosen, asked)
    names = chosen if CITED in chosen else (*chosen, CITED)
    return totals_table(sides, names, asked, beside(opened, wanted, digits))
