"""Pages and pictures: the commands that make them, and a parser of their markup."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from time import monotonic
from typing import Any

COMMANDS = [
    ["report", "mobilenet_v2"],
    ["memory", "lenet5"],
    ["compare", "--input", "6x6x3", "--filters", "5", "--kernel", "3"],
    ["reconcile", "resnet50", "thop"],
    ["sweep", "mobilenet_v2", "--over", "resolution=96:128:1"],
    ["sweep", "mobilenet_v2", "--over", "resolution=96,128", "--over", "width=0.5,1"],
    ["sweep", "mobilenet_v2", "--over", "resolution=96,128", "--over", "width=0.5,1", "--over", "depth=1,2"],
    ["report", "vgg11", "vgg16"],
    ["report", "vgg11", "vgg16", "--by", "stage"],
    ["memory", "lenet5", "--picture", "arena"],
    ["reconcile", "resnet50"],
    ["rewrite", "vgg16", "--to", "separable"],
    ["frontier", "--family", "vgg"],
    ["frontier", "--task", "segmentation", "--dataset", "voc labels"],
]


_SECONDS = 10.0
"""How long a page may take for what its scripts do after an event: on a busy machine a second is not enough."""


def until(page: Any, condition: str, argument: Any = None, seconds: float = _SECONDS) -> None:
    """Wait for a condition of the page. Playwright's own way to wait evaluates text, which a page's policy forbids its scripts."""
    _awaited(page, lambda: page.evaluate(f"argument => Boolean({condition})", argument), condition, True, seconds)


def until_same(page: Any, expression: str, value: Any, seconds: float = _SECONDS) -> None:
    """Wait until an expression of the page has a value; the failure says which one it had instead."""
    _awaited(page, lambda: page.evaluate(f"() => {expression}"), expression, value, seconds)


def _awaited(page: Any, found: Callable[[], Any], asked: str, wanted: Any, seconds: float) -> None:
    """Ask until the answer is the one that is wanted; the time is measured, since each answer of a busy page takes some."""
    end = monotonic() + seconds
    while (got := found()) != wanted:
        assert monotonic() < end, f"after {seconds:g} s still {got!r}, not {wanted!r}: {asked}"
        page.wait_for_timeout(20)


def table_of(page: str, key: str) -> list[str]:
    """The table of this id with the records behind it, up to the end of its section, without its id."""
    (found,) = re.findall(f'<table id="{key}"(.*?)</section>', page, re.DOTALL)
    return found.replace(f'id="{key}-', 'id="').splitlines()


class Tags(HTMLParser):
    """Every tag is closed by its own end, as XML would have it."""

    VOID = ("meta", "link", "input", "br", "wbr")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, _attrs: Any) -> None:
        self.seen.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, _attrs: Any) -> None:
        self.seen.append(tag)
