"""Words of files in a real browser: nothing of them runs, and nothing that a mistake let through would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from helpers import hostile

if TYPE_CHECKING:
    from helpers.cli import Cli

RAN = "document.documentElement.dataset.ran"


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> hostile.Files:
    return hostile.files(tmp_path_factory.mktemp("hostile"))


PAGES: dict[str, Callable[[hostile.Files], list[object]]] = {
    "report": lambda at: ["report", at.spec, "--device", at.device],
    "report of several": lambda at: ["report", at.spec, at.other, "--by", "stage"],
    "report of a model file": lambda at: ["report", at.model, "--partial"],
    "memory": lambda at: ["memory", at.spec],
    "latency": lambda at: ["latency", at.spec, at.other, "--device", at.device],
    "draw": lambda at: ["draw", at.spec],
    "explain": lambda at: ["explain", at.spec],
    "sweep": lambda at: ["sweep", at.spec, "--over", f"v=plain,{hostile.SHORT}"],
    "explore": lambda at: ["explore", at.spec],
    "frontier": lambda at: ["frontier", "--data", at.table],
}


@pytest.mark.parametrize("page", PAGES)
def test_words_of_files_do_not_run(page: str, opened: Callable[..., Any], at: hostile.Files) -> None:
    """They are read as they are, marks that turn letters around spelled out; `opened` looks for complaints of the policy."""
    shown = opened(*PAGES[page](at)).page
    assert shown.evaluate(RAN) is None
    assert shown.locator("img, iframe, object, embed, base, form").count() == 0
    text = shown.evaluate("document.body.textContent")
    assert "<img src=x onerror=" in text
    assert not [char for char in text if not (char.isprintable() or char in "\n\xa0")]
    assert shown.evaluate("getComputedStyle(document.querySelector('h1')).display") == "block"
    for button in shown.get_by_role("button").all()[:20]:
        if button.is_visible():
            button.click()
    assert shown.evaluate(RAN) is None


INJECTED = {
    "a script": f"<script>{hostile.MARK}</script>",
    "a handler": f'<img src="data:," onerror="{hostile.MARK}">',
    "a script from elsewhere": '<script src="https://example.org/x.js"></script>',
    "a picture from elsewhere": '<img src="https://example.org/x.png">',
    "a style": "<style>h1 { display: none }</style>",
    "a style in an attribute": '<p id="styled" style="display: none">x</p>',
    "a frame": '<iframe src="https://example.org/"></iframe>',
    "another base": '<base href="https://example.org/">',
    "a link that runs": f'<a id="runs" href="javascript:{hostile.MARK}">x</a>',
}


@pytest.mark.parametrize("what", INJECTED)
def test_the_policy_holds_what_a_mistake_would_let_through(what: str, cli: Cli, chromium: Any, tmp_path: Path) -> None:
    """Markup is put into a finished page: it does not run, it is not a style, and nobody is asked for anything."""
    path = tmp_path / "page.html"
    cli.ok("report", "lenet5", "-o", path)
    path.write_text(path.read_text(encoding="utf-8").replace("<main", f"{INJECTED[what]}<main", 1), encoding="utf-8")
    page = chromium.new_page()
    asked: list[str] = []
    refused: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: refused.extend([request.url] * (request.failure == "csp")))
    try:
        page.goto(path.as_uri())
        if what == "a link that runs":
            page.locator("#runs").click()
        assert page.evaluate(RAN) is None
        assert page.evaluate("getComputedStyle(document.querySelector('h1')).display") == "block"
        assert page.evaluate("document.baseURI") == path.as_uri()
        styled = page.locator("#styled")
        assert styled.count() == 0 or styled.is_visible()
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == refused
    finally:
        page.close()


@pytest.mark.parametrize("what", ["a script", "a handler", "a style", "a style in an attribute", "a link that runs"])
def test_without_a_policy_it_would_be_noticed(what: str, cli: Cli, chromium: Any, tmp_path: Path) -> None:
    """The tests above look at what does happen in a page that does not forbid it."""
    path = tmp_path / "page.html"
    cli.ok("report", "lenet5", "-o", path)
    text = path.read_text(encoding="utf-8").replace("Content-Security-Policy", "x", 1)
    path.write_text(text.replace("<main", f"{INJECTED[what]}<main", 1), encoding="utf-8")
    page = chromium.new_page()
    try:
        page.goto(path.as_uri())
        if what == "a link that runs":
            page.locator("#runs").click()
            page.wait_for_function(f"() => {RAN} !== undefined")
        hidden = page.evaluate("getComputedStyle(document.querySelector('h1')).display") == "none"
        styled = page.locator("#styled")
        assert page.evaluate(RAN) == "1" or hidden or (styled.count() and not styled.is_visible())
    finally:
        page.close()
