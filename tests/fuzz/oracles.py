"""What must hold of any answer, whoever asked: numbers, messages, outputs of a command."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from html.parser import HTMLParser
from math import prod
from typing import Any
from xml.etree import ElementTree as ET

from convcost import ConvcostError
from convcost.memory.usage import Usage
from convcost.results.report import LayerCost, Report

COUNTS = ("macs", "padding_macs", "operations", "params", "buffers", "activations")
_INSIDES = re.compile(r"Fraction\(|<class |object at 0x|Traceback|frozenset\(|MappingProxy|np\.int64|\bUnfit\b")
_LONGEST = 50_000
_LAYOUT = "\n"


class Wrong(Exception):
    """An answer that must not be."""


def holds(condition: bool, what: str) -> None:
    """Raise `Wrong` unless it does."""
    if not condition:
        raise Wrong(what)


def printable(text: str, what: str) -> None:
    """No control characters but ends of lines, and nothing that turns the direction of writing."""
    for char in text:
        if char not in _LAYOUT and unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs"):
            raise Wrong(f"{what} has the character {char!r}")


def message(error: ConvcostError, source: str = "") -> None:
    """An error speaks to people: some words on each line, nothing of Python's insides but what the source quotes."""
    said = str(error)
    holds(bool(said.strip()), "an error without words")
    holds(len(said) < _LONGEST, "an error without an end")
    printable(said, "an error")
    found = _INSIDES.search(said)
    holds(found is None or found[0] in source, f"insides of Python in an error: {found and found[0]}")


def _multiplied(layer: LayerCost) -> int | None:
    """The MACs of a convolution or a linear layer, counted anew: taps and channels that each output element sums over."""
    attrs = layer.step.node.attrs
    if layer.op in ("conv1d", "conv2d", "conv3d"):
        each = prod(attrs["kernel"]) * layer.input_shapes[0][-1] // attrs["groups"]
    elif layer.op == "linear":
        each = layer.input_shapes[0][-1]
    else:
        return None
    return prod(layer.output_shapes[0]) * each * layer.batch


def report(found: Report) -> None:
    """Counts are whole and not negative, sizes are positive, totals are sums."""
    for layer in found.layers:
        for name in COUNTS:
            number = getattr(layer, name)
            if type(number) is not int or number < 0:
                raise Wrong(f"{name} of {layer.op} is {number!r}")
        holds(_multiplied(layer) in (None, layer.macs), f"{layer.op} has a wrong number of MACs")
        holds(layer.padding_macs <= layer.macs, f"{layer.op} has more MACs on padding than MACs")
        for shape in (*layer.input_shapes, *layer.output_shapes):
            holds(all(type(size) is int and size >= 1 for size in shape), f"{layer.op} has a wrong shape")
    totals = found.totals
    for name, number in totals._asdict().items():
        holds(type(number) is int and number >= 0, f"{name} in total is {number!r}")
    for name in COUNTS:
        holds(
            sum(getattr(layer, name) for layer in found.layers) == getattr(totals, name), f"{name} in total is no sum"
        )
    holds(totals.flops == 2 * totals.macs, "FLOPs are not twice the MACs")
    holds(
        totals.bytes_moved == totals.bytes_read + totals.bytes_written + totals.weight_bytes_read,
        "bytes moved are no sum",
    )
    for level in ("unit", "block", "stage", "op", "layer"):
        groups = found.by(level)
        for name in ("macs", "params", "activations"):
            holds(
                sum(getattr(group, name) for group in groups) == getattr(totals, name), f"{name} by {level} is no sum"
            )


def usage(found: Usage) -> None:
    """The peak is what the live tensors have together at most; in a plan, those that live at once do not share a byte."""
    holds(
        found.peak == max((moment.live for moment in found.timeline), default=0), "the peak is no peak of the timeline"
    )
    for plan in found.plans:
        holds(plan.total >= plan.bound, f"{plan.way} is below its bound")
        placed = sorted(zip(plan.offsets, plan.buffers, range(len(plan.buffers))))
        stacked = set(plan.stacked.items())
        for at, (start, one, i) in enumerate(placed):
            for begin, other, j in placed[at + 1 :]:
                if begin >= start + one.size:
                    break
                apart = one.last < other.first or other.last < one.first or not other.size
                holds(apart or bool({(i, j), (j, i)} & stacked), f"{plan.way} puts two tensors over each other")


# -- what a command prints ---------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    """Counts what a page would run or fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, text in attrs:
            if name.startswith("on") or (text or "").strip().lower().startswith("javascript:"):
                self.wrong.append(f"<{tag} {name}={text!r:.60}>")
            if name in ("src", "href") and tag in ("script", "link", "img", "iframe") and "//" in (text or ""):
                self.wrong.append(f"<{tag} {name}={text!r:.60}>")


def output(text: str, kind: str) -> None:
    """What a command printed can be read as what it was asked for."""
    if kind == "json":
        json.loads(text, parse_constant=_no_constant)
    elif kind == "csv":
        # Row by row: what is held here is held against the case.
        lengths = {len(row) for row in csv.reader(io.StringIO(text)) if row}
        holds(len(lengths) <= 1, "rows of a CSV differ in length")
    elif kind == "svg":
        ET.fromstring(text)
    elif kind in ("sarif", "junit"):
        (json.loads if kind == "sarif" else ET.fromstring)(text)
    elif kind == "html":
        page = _Page()
        page.feed(text)
        holds(not page.wrong, f"a page has {page.wrong[:1]}")
    else:
        printable(text, f"the {kind}")


def _no_constant(word: str) -> Any:
    raise Wrong(f"JSON has {word}")
