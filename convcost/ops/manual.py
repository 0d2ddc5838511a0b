"""The manual pages of the ops, written from their signatures and docstrings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from convcost.core.errors import UsageError, did_you_mean
from convcost.core.units import say
from convcost.core.version import __version__
from convcost.ops import OPS, Attr, Op
from convcost.render.table import Table


class Entry(NamedTuple):
    """An attribute of an op, or an argument of a block."""

    name: str
    takes: str
    """Which values; empty where anything goes that the layers of the block can take."""
    default: str | None
    """What is meant where it is left out; None if it must not be."""

    @property
    def text(self) -> str:
        """Its line on the page."""
        absent = "required" if self.default is None else f"default {self.default}"
        return f"  {self.name:<16}{self.takes}{'; ' * bool(self.takes)}{absent}"


class Manual(NamedTuple):
    """The manual page of an op or of a block: text to read, and its attributes as a table."""

    name: str
    kind: str
    """op or block"""
    summary: str
    entries: tuple[Entry, ...]
    body: str
    """What follows the attributes, line by line."""

    @property
    def text(self) -> str:
        """The page.

        >>> print(manual("relu").text, end="")
        relu - Put out max(0, x)
        <BLANKLINE>
        attributes
          (none)
        <BLANKLINE>
        Put out max(0, x).
        <BLANKLINE>
        Shape unchanged; no params, no MACs.
        """
        called = "attributes" if self.kind == "op" else "arguments"
        entries = [entry.text for entry in self.entries] or ["  (none)"]
        return "\n".join([f"{self.name} - {self.summary}", "", called, *entries, "", *self.body.splitlines(), ""])

    def table(self) -> Table:
        """The attributes, a row each; as JSON also the rest of the page."""
        records = [entry._asdict() for entry in self.entries]
        head = {"schema": "convcost.manual/1", "version": __version__, "name": self.name, "kind": self.kind}
        return Table(
            f"{self.name} - {self.summary}",
            ("attribute" if self.kind == "op" else "argument", "takes", "default"),
            (False,) * 3,
            [[name, takes, "required" if default is None else default] for name, takes, default in self.entries],
            records,
            {**head, "summary": self.summary, "attributes": records, "text": self.body},
            wrap=(False, True, True),
            fields=Entry._fields,
        )


def manual(name: str, blocks: Iterable[str] = ()) -> Manual:
    """The manual page of one op; raises `UsageError`, which may suggest one of some blocks."""
    if name not in OPS:
        known = [*OPS, *blocks]
        hint = did_you_mean(name, known, listed_by="convcost spec ops")
        raise UsageError(f"there is no op {'or block ' * (len(known) > len(OPS))}{name!r}{hint}")
    op = OPS[name]
    return Manual(op.name, "op", summary(op), tuple(map(_entry, op.attrs.values())), op.doc)


def summary(op: Op) -> str:
    """The first sentence of the docstring."""
    return op.doc.split("\n\n")[0].replace("\n", " ").rstrip(".")


def _entry(attr: Attr) -> Entry:
    if attr.required:
        return Entry(attr.name, attr.kind.text, None)
    absent = {"stride": "kernel", "stop": "the end"}.get(attr.name, "none")
    return Entry(attr.name, attr.kind.text, absent if attr.default is None else say(attr.kind.show(attr.default)))


def overview() -> list[tuple[str, str, str]]:
    """Name, attributes and summary of every op."""
    return [
        (op.name, ", ".join(a.name if a.required else f"[{a.name}]" for a in op.attrs.values()), summary(op))
        for _, op in sorted(OPS.items())
    ]
