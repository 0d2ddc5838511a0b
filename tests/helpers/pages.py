"""Pages and pictures: the commands that make them, and a parser of their markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser
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
]


def until(page: Any, condition: str, argument: Any = None, seconds: float = 10) -> None:
    """Wait for a condition of the page. Playwright's own way to wait evaluates text, which a page's policy forbids its scripts."""
    for _ in range(round(seconds / 0.02)):
        if page.evaluate(f"argument => Boolean({condition})", argument):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"in {seconds} s it did not become true: {condition}")


def table_of(page: str, key: str) -> list[str]:
    """The table of this id with the records behind it, up to the end of its section, without its id."""
    (found,) = re.findall(f'<table id="{key}"(.*?)</section>', page, re.DOTALL)
    return found.replace(f'id="{key}-', 'id="').splitlines()


class Tags(HTMLParser):
    """Every tag is closed by its own end, as XML would have it."""

    VOID = ("meta", "link", "input", "br")

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
