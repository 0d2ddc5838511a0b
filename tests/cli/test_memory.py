"""`convcost memory`: what it prints, limits and remedies, sizes, pages and pictures."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

import convcost
from convcost import SpecError
from convcost.core.reading import parse_bytes
from convcost.memory import POLICIES
from convcost.memory.usage import Options
from convcost.networks.within_memory import remedies
from convcost.plots import memory_timeline, svg

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


def test_report_and_memory_agree() -> None:
    for dtype, batch in (("fp32", 1), ("int4", 3), ("binary", 1)):
        report = convcost.load("squeezenet1_0").report(dtype=dtype, batch=batch, memory_policy="inplace")
        usage = convcost.load("squeezenet1_0").memory("inplace", dtype=dtype, batch=batch)
        assert report.totals.peak_activation_bytes == usage.peak


def test_every_tensor_is_rounded_up_to_whole_bytes() -> None:
    # lenet5's last layers as bits: 84 in, 10 out: 11 + 2 bytes, where 94 bits packed would be 12.
    usage = convcost.load("lenet5").memory(dtype="binary")
    assert [size for tensor, size in zip(usage.lives.tensors, usage.sizes, strict=True)][-2:] == [11, 2]


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
        assert "would fit    --set resolution=186: 1,042,368 bytes" in text

    @pytest.mark.parametrize("model", ["mobilenet_v2", "resnet50", "nasnet_mobile"])
    def test_every_remedy_keeps_the_limit_when_it_is_followed(self, cli: Cli, model: str) -> None:
        limit = convcost.load(model).memory().needed * 9 // 10
        found = cli.json("memory", model, "--limit", limit, code=1)["limit"]
        assert not found["fits"]
        assert len(found["remedies"]) > 1
        for remedy in found["remedies"]:
            followed = cli.json("memory", model, "--limit", limit, *remedy["change"].split())["limit"]
            assert followed == {"bytes": limit, "needed": remedy["bytes"], "fits": True, "remedies": []}

    def test_no_larger_multiple_of_8_would_fit(self) -> None:
        assert convcost.load("mobilenet_v2", resolution=192).memory(dtype="int8").needed > 2**20

    def test_a_batch_is_a_remedy(self) -> None:
        found = dict(remedies(convcost.load("lenet5"), Options(dtype="int8"), 20_000, batch=9))
        assert found["--batch 3"] == 3 * 5880

    def test_nothing_helps(self, cli: Cli) -> None:
        text = cli("memory", "lenet5", "--limit", "1", code=1).stdout
        assert "would fit    nothing that was tried" in text

    def test_an_input_of_its_own_has_no_resolution(self) -> None:
        network = convcost.load("mobilenet_v2", input_shape=(224, 320))
        assert not [change for change, _ in remedies(network, Options(dtype="int8"), 2**20) if "resolution" in change]


class TestSizes:
    @pytest.mark.parametrize(
        ("text", "size"),
        [
            ("256KiB", 2**18),
            ("256 kib", 2**18),
            ("1.5MiB", 1_572_864),
            ("100000", 100_000),
            ("7B", 7),
            ("0", 0),
            ("1e6", 1_000_000),
            ("1,048,576", 2**20),
        ],
    )
    def test_what_is_meant(self, text: str, size: int) -> None:
        assert parse_bytes(text) == size

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("256KB", "'256KB': KB may mean powers of 1,000 or of 1,024; write 256KiB, or the bytes"),
            ("1.5M", "'1.5M': M may mean powers of 1,000 or of 1,024; write 1.5MiB, or the bytes"),
            ("0.3KiB", "'0.3KiB' is not a whole number of bytes"),
            ("-5", "'-5' is not a number of bytes, e.g. 256KiB, 1.5MiB or 100000"),
            ("lots", "'lots' is not a number of bytes, e.g. 256KiB, 1.5MiB or 100000"),
            ("5 pages", "'5 pages' is not a number of bytes, e.g. 256KiB, 1.5MiB or 100000"),
            ("1,5KiB", "'1,5KiB' is not a number of bytes, e.g. 256KiB, 1.5MiB or 100000"),
        ],
    )
    def test_what_is_refused(self, cli: Cli, text: str, message: str) -> None:
        with pytest.raises(convcost.UsageError) as caught:
            parse_bytes(text)
        assert str(caught.value) == message
        assert message in " ".join(cli("memory", "lenet5", "--limit", text, code=2).stderr.split())


class TestPage:
    def test_a_page_is_self_contained_and_the_same_each_time(self, cli: Cli, tmp_path: Path) -> None:
        files = [tmp_path / "a.html", tmp_path / "b.html"]
        for file in files:
            cli.ok("memory", "lenet5", "-o", file)
        text = files[0].read_text(encoding="utf-8")
        assert text == files[1].read_text(encoding="utf-8")
        assert text.count("<figure") == 1
        assert ">Timeline</h2>" in text
        assert ">Tensors</h2>" in text
        assert not re.search(
            r"<(?:script|link|img)[^>]+(?:src|href)=(?!.data:)", text
        )  # nothing is loaded from anywhere

    def test_colours_either_differ_or_have_no_legend(self) -> None:
        for name in ("lenet5", "mobilenet_v2", "resnet50"):
            network = convcost.load(name)
            figure = memory_timeline(network.report(), network.memory())
            shown = {trace.name: trace.fillcolor for trace in figure.data}
            if figure.layout.showlegend and any(trace.showlegend for trace in figure.data):
                assert len(set(shown.values())) == len(shown)
            else:
                assert len(set(shown.values())) == 3  # input, and two tones that take turns

    @pytest.mark.parametrize("width", [350, 400, 640, 960])
    @pytest.mark.parametrize("name", ["lenet5", "mobilenet_v2", "vgg16"])
    def test_what_is_said_of_the_peak_stands_above_it(self, name: str, width: int) -> None:
        network = convcost.load(name)
        drawn = svg(memory_timeline(network.report(), network.memory()), width=width, alone=False)
        box = re.search(r'<rect class="f-paper" stroke="[^"]*" x="\S+" y="(\S+)" width="\S+" height="(\S+)"', drawn)
        line = re.search(r'<path class="l-ink" d="M\S+ \S+L\S+ (\S+)"', drawn)
        assert box
        assert line
        assert float(box[1]) + float(box[2]) <= float(line[1])

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


class TestPicture:
    @pytest.mark.parametrize(
        ("model", "policy"),
        [("mobilenet_v2", "fused"), ("googlenet", "concat_alias"), ("resnet18", "training"), ("lenet5", "largest")],
    )
    def test_the_top_of_all_bands_is_what_is_alive(self, model: str, policy: str) -> None:
        network = convcost.load(model)
        usage = network.memory(policy)
        figure = memory_timeline(network.report(), usage)
        tops: dict[float, int] = {}
        for trace in figure.data:
            for x, y in zip(trace.x, trace.y, strict=True):
                if x is not None:
                    tops[x] = max(tops.get(x, 0), y)
        assert max(tops.values()) == usage.peak
        columns = [at for at in (x + 0.5 for x in tops) if at == int(at)]
        assert len(columns) > 1

    def test_the_area_of_a_band_is_its_bytes_times_its_life(self) -> None:
        network = convcost.load("lenet5")
        usage = network.memory("unfused")  # every step writes, but for flatten
        figure = memory_timeline(network.report(), usage)
        assert len(figure.data) == len(usage.lives.tensors)
        writers = sorted(tensor.first for tensor in usage.lives.tensors)
        for trace, tensor, size in zip(figure.data, usage.lives.tensors, usage.sizes, strict=True):
            points = list(zip(trace.x, trace.y, strict=True))
            doubled = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(points))
            columns = sum(tensor.first <= at <= tensor.last for at in writers)
            assert abs(doubled) / 2 == size * columns

    def test_limit_and_arena_are_drawn_where_they_say_something(self) -> None:
        network = convcost.load("densenet121")
        usage = network.memory("inplace")
        assert usage.needed > usage.peak
        figure = memory_timeline(network.report(), usage, limit=10**6)
        assert sorted(shape.y0 for shape in figure.layout.shapes) == sorted([10**6, usage.needed])


def test_a_limit_that_is_not_kept_is_said_even_where_the_table_goes_to_a_file(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "memory.csv"
    result = cli("memory", "mobilenet_v2", "--dtype", "int8", "--limit", "1MiB", "-o", target)
    assert result.exit_code == 1
    assert result.stdout == ""
    # 112·112·96 in and 56·56·96 out: 1,204,224 + 301,056 bytes.
    assert result.stderr.splitlines()[0] == "limit: 1,505,280 of 1,048,576 bytes: over by 456,704"
    assert "would fit: --set resolution=186: 1,042,368 bytes" in result.stderr
    assert target.exists()


UNET = """convcost: 1
name: unet
knobs: {resolution: 64}
input: [resolution, resolution, 3]
layers:
  - {conv2d: {channels: 8, kernel: 3, padding: same}, name: fine}
  - {max_pool: {kernel: 2}, name: pool}
  - {conv2d: {channels: 16, kernel: 3, padding: same}, name: coarse}
  - {upsample: {scale: 2}, name: up}
  - {concat: , in: [up, fine], name: both}
"""


def test_remedies_are_the_largest_that_fit(tmp_path):
    """By brute force over every size; the second network has no odd ones."""
    (tmp_path / "unet.yaml").write_text(UNET)
    for model, size, limit in (("mobilenet_v2", 224, 2**20), (str(tmp_path / "unet.yaml"), 64, 150_000)):
        needs = {}
        for side in range(size * 3 // 4, size + 1):
            with suppress(SpecError):
                needs[side] = convcost.load(model, resolution=side).memory(dtype="int8").needed
        fitting = max(side for side, need in needs.items() if need <= limit)
        found = dict(remedies(convcost.load(model), Options(dtype="int8"), limit))
        assert found[f"--set resolution={fitting}"] == needs[fitting]
