"""Pages as text: exact, escaped, deterministic; the browser's part is in tests/browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import xml.etree.ElementTree as ET
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.pages import COMMANDS, Tags

import convcost
from convcost import plots
from convcost.core.units import exact, milliseconds
from convcost.formulas.explain import derived
from convcost.pages.explore import explore_page
from convcost.pages.layers import layers_html
from convcost.pages.report import report_page

if TYPE_CHECKING:
    from helpers.cli import Cli

NET = convcost.load("mobilenet_v2")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_pages_and_pictures_depend_on_nothing_but_what_they_show(cli: Cli, command: list[str], tmp_path: Path) -> None:
    for ending in (".html", ".svg"):
        files = [tmp_path / f"{name}{ending}" for name in ("first", "second")]
        for file in files:
            done = cli(*command, "-o", file)
            assert done.exit_code == 0, done.output
        assert files[0].read_bytes() == files[1].read_bytes()
        text = files[0].read_text(encoding="utf-8")
        assert str(tmp_path) not in text
        if ending == ".svg":
            ET.fromstring(text)
        else:
            tags = Tags()
            tags.feed(text)
            assert tags.open == []
            assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", text)
            assert len(text) < 300_000


def leaves(page: str) -> list[str]:
    """The names of the layers' rows, in their order: those that no deeper row follows."""
    rows = re.findall(r'<tr class="d(\d) k\d"([^>]*)><th>([^<]+)<', page)
    path: list[str] = []
    names = []
    for at, (deep, attributes, short) in enumerate(rows):
        told = re.search(r'data-name="([^"]*)"', attributes)
        path[int(deep) :] = [
            unescape(told[1]) if told else ".".join([*path[int(deep) - 1 : int(deep)], unescape(short)])
        ]
        if at + 1 == len(rows) or int(rows[at + 1][0]) <= int(deep):
            names.append(path[-1])
    return names


@pytest.mark.parametrize("model", ["mobilenet_v2", "squeezenet1_0", "inception_v3", "densenet121"])
def test_every_layer_has_its_row(model: str) -> None:
    """Whatever folds it, by the name that its fold and its own words make."""
    network = convcost.load(model)
    report = network.report()
    found = leaves(layers_html(report, network.walked))
    assert sorted(found) == sorted(layer.name for layer in report.layers)


def test_every_number_of_a_layer_is_explained_on_the_page() -> None:
    report = NET.report()
    page = report_page(NET, report)
    data = json.loads(re.search(r'id="explanations">(.*?)</script>', page)[1])
    names = leaves(page)
    found = derived(report, NET.walked, report.layers)
    layers = {layer.name: quantities for layer, quantities in zip(report.layers, found, strict=True)}
    assert sorted(names) == sorted(layers)
    for name, at in zip(names, data["of"], strict=True):
        expected = [[q.name, q.formula, exact(q.value)] for q in layers[name]]
        _, formulas, *places = data["found"][at]
        filled = [data["texts"][place] if isinstance(place, int) else place for place in places]
        shown = []
        for quantity, formula, *constant in data["formulas"][formulas]:
            operands, value = ("", constant[0]) if constant else (filled.pop(0), filled.pop(0))
            shown.append([quantity, formula, value or operands])
        assert shown == expected
        assert filled == []


def test_a_page_says_what_made_it(cli: Cli) -> None:
    done = cli("report", "mobilenet_v2", "--set", "width=0.75", "--format", "html")
    text = unescape(re.sub(r"<[^>]+>", "", done.stdout))
    flat = cli.ok("spec", "resolve", "mobilenet_v2", "--set", "width=0.75")
    for part in (
        "convcost report mobilenet_v2 --set width=0.75 --format html",
        f"convcost {convcost.__version__}",
        hashlib.sha256(flat.encode()).hexdigest(),
        "paper: multiply-accumulates of conv, linear",
    ):
        assert part in text


HOSTILE = "</script><img src=x onerror=alert(1)>&\"'"


def test_hostile_words_of_a_spec_stay_words(tmp_path: Path) -> None:
    spec = tmp_path / "x.yaml"
    layers = "layers:\n  - {conv2d: {channels: 2, kernel: 1}, name: a}\n  - {relu: {}, name: b}\n"
    head = f"convcost: 1\nname: x\ntitle: {json.dumps(HOSTILE)}\nsource: {json.dumps(HOSTILE)}\nabout: {json.dumps(HOSTILE)}\n"
    spec.write_text(head + "knobs: {resolution: 8}\ninput: [resolution, resolution, 3]\n" + layers)
    network = convcost.load(str(spec))
    for page in (
        report_page(network, network.report(), HOSTILE),
        explore_page(network, network.report(), None, HOSTILE),
    ):
        assert "<img" not in page
        assert page.count("</script>") == page.count("<script")
        tags = Tags()
        tags.feed(page)
        assert tags.open == []


@pytest.mark.usefixtures("one_list", "keeping")
@pytest.mark.parametrize("command", [*COMMANDS, ["explore", "mobilenet_v2"], ["list"]], ids=" ".join)
def test_no_markup_of_a_picture_is_shown_as_text(cli: Cli, command: list[str], tmp_path: Path) -> None:
    path = tmp_path / "x.html"
    cli.ok(*command, "-o", path)
    page = re.sub(r"<script.*?</script>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert "&lt;br" not in page
    assert "&lt;sup" not in page
    if command[0] == "memory":
        assert ">What is alive when</h2>" in page
        assert 'href="#part1">What is alive when</a>' in page
        assert '<p class="about">lenet5 · input 32×32×1 · fp32 · batch 1 · policy fused</p>' in page


def test_a_report_and_a_table_show_themselves_in_a_notebook() -> None:
    shown = convcost.load("lenet5").report()._repr_html_()
    assert "<table" in shown
    assert "416,520" in shown  # 28·28·6·25 + 10·10·16·150 + 400·120 + 120·84 + 84·10 (lenet5 of the zoo)
    assert "<script" not in shown


@pytest.mark.parametrize(
    ("most", "models"),
    [
        (300_000, ["resnet50", "mobilenet_v2", "googlenet"]),
        # Of the hundreds of layers of these, rows, exact numbers and explanations alone take 170 to 200 kB.
        (400_000, ["resnet152", "densenet121", "efficientnet_b4", "inception_v4"]),
    ],
    ids=["usual", "hundreds of layers"],
)
def test_pages_of_usual_networks_stay_light(most: int, models: list[str]) -> None:
    networks = {name: convcost.load(name) for name in models}
    sizes = {name: len(report_page(network, network.report()).encode()) for name, network in networks.items()}
    assert {name: size for name, size in sizes.items() if size >= most} == {}


SPEC = """\
convcost: 1
name: small
title: A small network
knobs: {resolution: 16, width: 1.0}
input: [resolution, resolution, 3]
layers:
  - {conv2d: {channels: 8 * width, kernel: 3}, name: first}
  - {relu: {}, name: then}
"""


@pytest.mark.usefixtures("one_list")
@pytest.mark.parametrize(
    ("command", "heading"),
    [
        (["report"], "A small network"),
        (["memory"], "A small network (small)"),
        (["explain"], "A small network (small)"),
        (["sweep", "--over", "resolution=16:20:1"], "A small network (small)"),
        (["sweep", "--over", "resolution=16:20:1", "--cliffs"], "A small network (small)"),
        (["fit", "--max-macs", "1M"], "A small network (small)"),
        (["explore"], "A small network (small): explore"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, list) else "",
)
def test_a_page_is_headed_by_the_title_of_the_network_never_by_its_path(
    cli: Cli, command: list[str], heading: str, tmp_path: Path
) -> None:
    folder = tmp_path / "some" / "where"
    folder.mkdir(parents=True)
    (folder / "net.yaml").write_text(SPEC)
    out = tmp_path / "x.html"
    done = cli(command[0], folder / "net.yaml", *command[1:], "-o", out)
    assert done.exit_code == 0, done.output
    page = out.read_text(encoding="utf-8")
    assert re.findall("<h1>([^<]*)", page) == [heading]
    assert str(folder) not in page
    assert f"convcost {command[0]} net.yaml" in page


@pytest.mark.usefixtures("one_list")
def test_pages_without_a_network_say_what_they_list(cli: Cli, tmp_path: Path) -> None:
    for command, heading in (
        (["list", "vgg*"], "Networks of the zoo"),
        (["verify", "lenet5"], "Published figures, recomputed"),
    ):
        cli.ok(*command, "-o", tmp_path / "x.html")
        assert f"<h1>{heading}</h1>" in (tmp_path / "x.html").read_text(encoding="utf-8")


def test_published_accuracy_stands_beside_the_cost() -> None:
    page = report_page(NET, NET.report())
    assert "top-1 accuracy<b>72.0 %</b>" in page  # Sandler and others, Table 4
    assert "arXiv 1801.04381), Table 4" in page
    wide = convcost.load("mobilenet_v2", width="0.8")  # which nobody printed
    assert "accuracy" not in report_page(wide, wide.report()).partition("</main>")[0]


@pytest.mark.parametrize(("resolution", "device"), [(224, "pixel1"), (600, "pixel1"), (224, "v100")])
def test_a_page_says_the_time_as_the_terminal_does(cli: Cli, tmp_path: Path, resolution: int, device: str) -> None:
    words = ("report", f"mobilenet_v2:resolution={resolution}", "--device", device)
    cli.ok(*words, "-o", tmp_path / "timed.html")
    page = (tmp_path / "timed.html").read_text(encoding="utf-8")
    found = convcost.latency(f"mobilenet_v2:resolution={resolution}", device)
    mark = "~" if found.extrapolated else ""
    assert (resolution == 600) == found.extrapolated
    head, table = page.split('id="layer-table"')[0], page.split('id="layer-table"')[1]
    whole = milliseconds(found.femtoseconds)
    assert f"{mark}{whole}" in head  # the card
    assert f"on {device}, " in head
    (row,) = re.findall(r'<tr[^>]*id="row-classifier".*?</tr>', table)
    (part,) = (part for part in found.by("layer") if part.name == "classifier")
    assert f"<td>{milliseconds(part.femtoseconds)}</td>" in row
    assert f"<td>{mark}{whole}</td>" in re.search(r"(?s)<tfoot>.*?</tfoot>", table)[0]  # type: ignore[index]
    text = " ".join(unescape(re.sub("<[^>]*>", " ", page)).split())
    assert found.error in text
    assert all(why in text for why in found.beyond)
    assert found.device.source in text
    said = " ".join(cli.ok(*words).split())
    assert found.error in said
    assert found.device.source in said
    assert " latency " not in " ".join(report_page(convcost.load("lenet5"), convcost.load("lenet5").report()).split())


def test_names_in_pictures_lead_to_rows_that_exist() -> None:
    page = report_page(NET, NET.report())
    links = set(re.findall(r'href="#(row-[^"]*)"', page))
    assert {"row-stem", "row-stage2", "row-stage7", "row-classifier"} <= links
    assert links <= set(re.findall(r'<tr [^>]*id="([^"]*)"', page))


@pytest.mark.parametrize("command", [*COMMANDS, ["explore", "mobilenet_v2"]], ids=" ".join)
def test_a_page_runs_its_own_scripts_in_its_own_style_only(cli: Cli, command: list[str], tmp_path: Path) -> None:
    """The policy names each script and each style by its digest, and lets nothing be fetched."""
    cli.ok(*command, "-o", tmp_path / "x.html")
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    (policy,) = re.findall('http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    allowed = dict(part.split(" ", 1) for part in policy.split("; "))
    for tag in ("script", "style"):
        inside = re.findall(rf"<{tag}(?: id=\"palette\")?>(.*?)</{tag}>", page, re.DOTALL)
        digests = {f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in inside}
        assert set(allowed.pop(f"{tag}-src").split()) == digests
    assert allowed == {
        "default-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "img-src": "data:",
        "require-trusted-types-for": "'script'",
    }
    written = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"<[^>]* (on[a-z]+|style)=", written)


@pytest.mark.slow
def test_the_page_of_a_thousand_layers_stays_below_two_megabytes() -> None:
    network = convcost.load("nasnet_large")
    assert len(report_page(network, network.report()).encode()) < 2_000_000


def test_a_page_of_more_tensors_than_a_picture_shows_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "convcost: 1\nname: net\ninput: [8, 8, 4]\nlayers: [{conv2d: {channels: 4, kernel: 1}, repeat: 6}]\n"
    )
    network = convcost.load(str(path))
    assert "No picture" not in report_page(network, network.report())
    # Of the input and what six convolutions write, each meets the next.
    monkeypatch.setattr("convcost.memory.usage.MOST_MET", 5)
    said = "up to 5 pairs of tensors alive together, not 6"
    assert f"<p>No picture: it shows {said}.</p>" in report_page(network, network.report())
    with pytest.raises(convcost.UsageError, match=f"^a picture shows {said}$"):
        plots.memory_timeline(network.report(), network.memory())
    monkeypatch.setattr("convcost.memory.usage.MOST_TENSORS", 5)
    assert "<p>No picture: it shows up to 5 tensors, not 7.</p>" in report_page(network, network.report())
