"""The manual pages of the ops, written from their signatures and docstrings."""

from __future__ import annotations

from collections.abc import Iterable

from convcost.core.errors import UsageError, did_you_mean
from convcost.core.units import say
from convcost.ops import OPS, Attr, Op


def page(name: str, blocks: Iterable[str] = ()) -> str:
    """The manual page of one op; raises `UsageError`, which may suggest one of some blocks."""
    if name not in OPS:
        known = [*OPS, *blocks]
        raise UsageError(f"there is no op {'or block ' * (len(known) > len(OPS))}{name!r}{did_you_mean(name, known)}")
    op = OPS[name]
    attrs = [f"  {attr.name:<16}{_describe(attr)}" for attr in op.attrs.values()] or ["  (none)"]
    return "\n".join([f"{op.name} - {summary(op)}", "", "attributes", *attrs, "", *op.doc.splitlines(), ""])


def summary(op: Op) -> str:
    """The first sentence of the docstring."""
    return op.doc.split("\n\n")[0].replace("\n", " ").rstrip(".")


def _describe(attr: Attr) -> str:
    if attr.required:
        return f"{attr.kind.text}; required"
    absent = {"stride": "kernel", "stop": "the end"}.get(attr.name, "none")
    default = absent if attr.default is None else say(attr.kind.show(attr.default))
    return f"{attr.kind.text}; default {default}"


def overview() -> list[tuple[str, str, str]]:
    """Name, attributes and summary of every op."""
    return [
        (op.name, ", ".join(a.name if a.required else f"[{a.name}]" for a in op.attrs.values()), summary(op))
        for _, op in sorted(OPS.items())
    ]
