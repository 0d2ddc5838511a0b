"""How a row is written: a case, and what it costs or why it is refused."""

from __future__ import annotations

from typing import Any

from helpers.systems import Case, Refusal, Row


def row(
    op: str, shapes: list[Any], attrs: dict[str, Any], out: list[Any], why: str, variant: str = "", **counts: int
) -> Row:
    """A row of the table; whatever is not counted must be 0."""
    view = bool(counts.pop("view", False))
    return Row(Case(op, shapes, attrs), why, out, counts, view, variant)


def refusal(op: str, shapes: list[Any], attrs: dict[str, Any], message: str, cure: Any = None) -> Refusal:
    """A case that is refused, and the nearest one that is not: other shapes, or some other attributes."""
    return Refusal(Case(op, shapes, attrs), message, cure)


def name_of(entry: Row | Refusal) -> str:
    return f"{entry.case.op} {entry.case.shapes[:1]} {entry.case.attrs}"
