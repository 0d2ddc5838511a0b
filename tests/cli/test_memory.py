"""`convcost memory`: what it prints, limits and their remedies, pages."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

import convcost
from convcost.memory.policies import POLICIES

if TYPE_CHECKING:
    from helpers.cli import Cli

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def test_lenet_by_hand(cli: Cli) -> None:
    # 32·32·1 in; c1 28·28·6 = 4,704; pool 14·14·6 = 1,176. At one byte per element: 1,024 + 4,704, 4,704 + 1,176.
    text = cli.ok("memory", "lenet5", "--dtype", "int8")
    assert re.search(r"^ +1  c1 +conv2d 5×5 +28×28×6 +5,728  █{23}▍$", text, re.MULTILINE)  # 24 · 5,728 / 5,880 = 23.4
    assert re.search(r"^ +3  s2 +avg_pool 2×2 +14×14×6 +5,880  █{24} ← peak$", text, re.MULTILINE)
    assert "peak memory  5.74 KiB (5,880 bytes) of activations at once as int8" in text


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_is_said_in_a_sentence(cli: Cli, policy: str) -> None:
    # The line is wrapped for people; each word stands in it.
    text = " ".join(cli.ok("memory", "squeezenet1_1", "--policy", policy).split())
    assert f"policy {policy}: {POLICIES[policy].says}" in text


def test_json_has_all_of_it(cli: Cli) -> None:
    found = cli.json("memory", "mobilenet_v2", "--dtype", "int8", "--weights", "int4", "--align", "16")
    network = convcost.load("mobilenet_v2")
    assert found["schema"] == "convcost.memory/1"
    assert (found["network"], found["dtype"], found["batch"], found["align"]) == ("mobilenet_v2", "int8", 1, 16)
    assert found["peak_activation_bytes"] == 112 * 112 * 96 + 56 * 56 * 96
    assert [(t["shape"], t["bytes"]) for t in found["alive_at_peak"]] == [
        ([112, 112, 96], 112 * 112 * 96),
        ([56, 56, 96], 56 * 56 * 96),
    ]
    assert found["weights"] == {"dtype": "int4", "bytes": network.report().totals.params // 2}
    assert len(found["timeline"]) == len(network.steps) + 1
    assert max(moment["live_bytes"] for moment in found["timeline"]) == found["peak_activation_bytes"]
    assert all(tensor["offset"] % 16 == 0 for tensor in found["tensors"])
    jsonschema.validate(
        found, {"type": "object", "required": ["policy", "order", "arenas", "splits"], "additionalProperties": True}
    )


def test_csv_is_exact(cli: Cli) -> None:
    lines = cli.ok("memory", "lenet5", "--format", "csv").splitlines()
    assert lines[0] == "position,layer,op,live_bytes"
    assert lines[1] == "-1,input,,4096"
    tensors = cli.ok("memory", "lenet5", "--format", "csv", "--by", "tensor").splitlines()
    assert tensors[0] == "name,shape,bytes,first,last,offset"
    assert tensors[1].startswith("input,32x32x1,4096,-1,0,")


class TestLimit:
    def test_what_fits_exits_0(self, cli: Cli) -> None:
        text = cli.ok("memory", "mobilenet_v2", "--dtype", "int8", "--limit", "1.5MiB")
        assert "limit        1,505,280 of 1,572,864 bytes: it fits" in text

    def test_what_does_not_fit_exits_1_and_says_what_would(self, cli: Cli) -> None:
        text = cli("memory", "mobilenet_v2", "--dtype", "int8", "--limit", "1MiB", code=1).stdout
        assert "limit        1,505,280 of 1,048,576 bytes: over by 456,704" in text
        assert "would fit    --split-expansion 2: 1,028,608 bytes" in text
        assert "would fit    --patches 1x2 --until stage2.block1.project.batch_norm: 978,432 bytes" in text
        assert "would fit    --set resolution=186: 1,042,368 bytes" in text

    @pytest.mark.parametrize("model", ["mobilenet_v2", "resnet50", "nasnet_mobile"])
    def test_every_remedy_keeps_the_limit_when_it_is_followed(self, cli: Cli, model: str) -> None:
        limit = convcost.load(model).memory().needed * 9 // 10
        found = cli.json("memory", model, "--limit", limit, code=1)["limit"]
        assert not found["fits"]
        assert len(found["remedies"]) > 1
        for remedy in found["remedies"]:
            followed = cli.json("memory", model, "--limit", limit, *remedy["change"].split())
            if remedy["change"].startswith("--patches"):
                assert followed["peak_bytes"] == remedy["bytes"] <= limit
                continue
            assert followed["limit"] == {"bytes": limit, "needed": remedy["bytes"], "fits": True, "remedies": []}

    def test_no_larger_multiple_of_8_would_fit(self) -> None:
        assert convcost.load("mobilenet_v2", resolution=192).memory(dtype="int8").needed > 2**20

    def test_weights_in_ram_count(self, cli: Cli) -> None:
        """DS-CNN-S as int8: 2 · 25·5·64 of activations, and 22,604 weights."""
        asked = ("memory", "ds_cnn_s", "--dtype", "int8", "--weights-in", "ram", "--limit")
        found = cli.json(*asked, "38604")
        assert found["weights_in"] == "ram"
        assert found["needed_bytes"] == found["limit"]["needed"] == 16_000 + 22_604
        assert "limit        38,604 of 38,603 bytes: over by 1" in cli(*asked, "38603", code=1).stdout
        plain = cli.json("memory", "ds_cnn_s", "--dtype", "int8", "--limit", "16000")
        assert (plain["weights_in"], plain["needed_bytes"]) == ("flash", 16_000)

    def test_nothing_helps(self, cli: Cli) -> None:
        text = cli("memory", "lenet5", "--limit", "1", code=1).stdout
        assert "would fit    nothing that was tried" in text


class TestPage:
    def test_a_page_is_self_contained_and_the_same_each_time(self, cli: Cli, tmp_path: Path) -> None:
        files = [tmp_path / "a.html", tmp_path / "b.html"]
        for file in files:
            cli.ok("memory", "lenet5", "-o", file)
        text = files[0].read_text(encoding="utf-8")
        assert text == files[1].read_text(encoding="utf-8")
        assert text.count("<figure") == 2  # the timeline and the arena
        assert ">Timeline</h2>" in text
        assert ">Tensors</h2>" in text
        assert not re.search(
            r"<(?:script|link|img)[^>]+(?:src|href)=(?!.data:)", text
        )  # nothing is loaded from anywhere

    def test_a_page_shows_every_band(self, cli: Cli, tmp_path: Path) -> None:
        file = tmp_path / "page.html"
        cli.ok("memory", "googlenet", "-o", file)
        shown = file.read_text(encoding="utf-8")
        tensors = len(convcost.load("googlenet").memory().lives.tensors)
        for size in ("wide-picture", "narrow"):
            drawn = shown.split(f'<div class="{size}">')[1].split("</svg>")[0]
            _, bands = drawn.split('<g stroke="var(--paper)"')
            outlines = re.findall(r' d="(M[^"]*)"', bands.split('<path class="l-ink"')[0])  # without the leader line
            assert sum(outline.count("M") for outline in outlines) == tensors
            assert "peak 4.59 MiB" in drawn

    @pytest.mark.parametrize("more", [(), ("--format", "csv"), ("-o", "-")])
    def test_a_picture_needs_a_file(self, cli: Cli, more: tuple[str, ...]) -> None:
        message = cli("memory", "lenet5", "--picture", "arena", *more, code=2).stderr
        needed = "--picture arena is drawn in a file: give -o FILE.svg, .png, .pdf or .html as well"
        assert needed in " ".join(message.split())

    def test_an_image_needs_its_extra(self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "kaleido", None)
        file = tmp_path / "x.png"
        message = cli("memory", "lenet5", "-o", file, code=2).stderr
        assert message == (
            f"cannot write {file}: PNG needs the extra image (pip install 'convcost[image]') and Chrome or Chromium "
            "(ModuleNotFoundError); .svg and .html need neither\n"
        )
        assert not file.exists()

    def test_a_picture(self, cli: Cli, tmp_path: Path) -> None:
        file = tmp_path / "x.svg"
        cli.ok("memory", "lenet5", "-o", file)
        assert file.read_bytes().startswith(b"<svg")

    def test_a_picture_by_the_browser(self, cli: Cli, tmp_path: Path) -> None:
        pytest.importorskip("kaleido")
        if CHROMIUM is None:
            pytest.skip("chromium is not installed")
        file = tmp_path / "x.png"
        cli.ok("memory", "lenet5", "-o", file)
        assert file.read_bytes().startswith(b"\x89PNG")


def test_a_limit_that_is_not_kept_is_said_even_where_the_table_goes_to_a_file(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "memory.csv"
    result = cli("memory", "mobilenet_v2", "--dtype", "int8", "--limit", "1MiB", "-o", target)
    assert result.exit_code == 1
    assert result.stdout == ""
    # 112·112·96 in and 56·56·96 out: 1,204,224 + 301,056 bytes.
    assert result.stderr.splitlines()[0] == "limit: 1,505,280 of 1,048,576 bytes: over by 456,704"
    assert "would fit: --set resolution=186: 1,042,368 bytes" in result.stderr
    assert target.exists()
