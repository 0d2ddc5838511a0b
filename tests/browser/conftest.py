"""A real browser for the pages: playwright from PyPI driving a Chromium or Chrome that the system has."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from helpers.cli import Cli

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
    "--disable-component-update",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed (pip install '.[browser]')"
    )
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


SETTLED = (
    "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))))"
)
"""The first pictures are drawn in a frame; an observer of their sizes, which comes after it, may ask for one more."""


class Opened:
    """A page in the browser, and everything that it complained about or asked the network for."""

    def __init__(self, page: Any, path: Path) -> None:
        self.page, self.path = page, path
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(path.as_uri())
        page.evaluate(SETTLED)


@pytest.fixture
def opened(cli: Cli, chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Run a command with -o, open the page that it writes; afterwards nothing may have gone wrong in it."""
    pages: list[Opened] = []

    def show(*command: str, width: int = 1280, scheme: str = "light") -> Opened:
        path = tmp_path / f"page{len(pages)}.html"
        cli.ok(*command, "-o", path)
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        pages.append(Opened(page, path))
        return pages[-1]

    yield show
    for one in pages:
        assert one.complaints == []
        assert [url for url in one.requests if not url.startswith(("file://", "data:", "blob:"))] == []
        one.page.close()
