"""The page of the zoo as text: every network a row, sources that lead to arXiv, nothing that needs the network."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.pages import Tags

from convcost.networks.listing import list_table
from convcost.pages.zoo import zoo_page
from convcost.render.html import with_links
from convcost.spec.zoo import all_specs, names_of

if TYPE_CHECKING:
    from helpers.cli import Cli


def rows(page: str) -> list[list[str]]:
    body = re.search(r'<table id="zoo-table".*?<tbody>(.*?)</tbody>', page, re.DOTALL)[1]
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", body)]
    return [[unescape(re.sub(r"<[^>]+>", "", cell)) for cell in row] for row in cells]


@pytest.mark.usefixtures("one_list")
def test_every_network_is_a_row_and_no_tag_is_left_open(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "zoo.html"
    cli.ok("list", "-o", path)
    page = path.read_text(encoding="utf-8")
    assert [row[0] for row in rows(page)] == [name for spec in all_specs() for name in names_of(spec)]
    assert ["lenet5", "LeNet-5, as taught today", "classification", "1998", "32×32×1", "61,706", "416,520"] in [
        row[:7] for row in rows(page)
    ]
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert "default-src 'none'" in page
    assert set(re.findall(r"""(?:src|href)=["']([a-z]+:)""", page)) == {"https:", "data:"}  # the latter an empty icon
    assert set(re.findall(r'https://[^"/]+', page)) == {"https://arxiv.org"}


def test_a_source_leads_to_arxiv_and_stays_text() -> None:
    assert with_links("<b>, arXiv 1409.1556 and arXiv 2104.00298") == (
        '&lt;b&gt;, <a href="https://arxiv.org/abs/1409.1556" rel="noreferrer">arXiv 1409.1556</a> and '
        '<a href="https://arxiv.org/abs/2104.00298" rel="noreferrer">arXiv 2104.00298</a>'
    )
    page = zoo_page(list_table(["vgg16"]))
    assert page.count('href="https://arxiv.org/abs/1409.1556"') == 1
    assert "1 network of 1 family, 2014" in page


def test_another_convention_says_what_it_counts() -> None:
    page = zoo_page(list_table(["lenet5"], "torch"))
    assert '<th scope="col" data-key="macs" class="n">FLOPs</th>' in page
    assert rows(page)[0][6] == "833,040"  # twice 416,520
    assert ' data-convention="torch"' in page  # of the command that a script says
    assert "data-convention" not in zoo_page(list_table(["lenet5"]))


def test_the_command_that_finds_the_same_is_said_of_the_whole_zoo_alone(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "zoo.html"
    cli.ok("list", "lenet*", "-o", path)
    assert "data-whole" not in path.read_text(encoding="utf-8")
    assert " data-whole=1" in zoo_page(list_table(["lenet5"]))
