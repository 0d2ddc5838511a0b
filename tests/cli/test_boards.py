"""`convcost boards`, and the commands that take --board: what they print, what they refuse, the way of a new user."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.checks import net
from helpers.paths import ROOT

from convcost import deployable, deployed, list_networks, load
from convcost.devices.board import list_boards

if TYPE_CHECKING:
    from helpers.cli import Cli


def test_boards_are_listed_in_every_format(cli: Cli) -> None:
    text = cli.ok("boards")
    assert [line.split()[0] for line in text.splitlines()[2 : 2 + len(list_boards())]] == [*list_boards()]
    found = cli.json("boards", "nucleo_h743zi")
    assert [board["ram_bytes"] for board in found["boards"]] == [512 * 1024]
    assert found["schema"] == "convcost.boards/1"
    assert len(cli.ok("boards", "--format", "csv").splitlines()) == 1 + len(list_boards())
    assert "<table" in cli.ok("boards", "esp32*", "--format", "html")
    assert "no board matches 'zzz'" in cli("boards", "zzz", code=2).stderr


def test_sizes_choose_boards(cli: Cli) -> None:
    found = cli.json("boards", "--min-ram", "1MiB", "--min-flash", "4MiB")["boards"]
    assert found
    assert all(board["ram_bytes"] >= 2**20 and board["flash_bytes"] >= 2**22 for board in found)


def test_memory_of_a_runtime(cli: Cli) -> None:
    found = cli.json("memory", "ds_cnn_s", "--runtime", "tflm")
    # 25 · 5 · 64 = 8,000 elements are read and 8,000 written, one byte each: a multiple of 16.
    assert found["arena"]["head"] == 2 * 8000
    assert found["arena"]["pointers"] == 64
    assert found["peak_activation_bytes"] == 2 * 8000
    assert found["dtype"] == "int8"
    assert (
        cli.json("memory", "ds_cnn_s", "--runtime", "tflm", "--pointers", "32")["arena"]["total"]
        == (found["arena"]["by_pointers"]["32"])
    )
    assert cli.json("memory", "ds_cnn_s", "--runtime", "tflm", "--dtype", "fp32")["arena"]["head"] == 4 * 2 * 8000
    assert "arena" not in cli.json("memory", "ds_cnn_s")


def test_json_says_what_is_of_the_policy_and_what_of_the_runtime(cli: Cli, tmp_path: Path) -> None:
    # A file of mixed types, or a limit, changes nothing: what is needed is the arena, and the policy names its own keys.
    (tmp_path / "net.yaml").write_text(net().replace("layers:", "bits: {weights: 4}\nlayers:"), encoding="utf-8")
    for how in (["--runtime", "tflm"], ["--board", "nucleo_f411re"], ["--runtime", "tflm", "--limit", "1MiB"]):
        found = cli.json("memory", tmp_path / "net.yaml", *how)
        assert (
            found["needed_bytes"]
            == found["arena"]["total"]
            == found.get("limit", {}).get("needed", found["needed_bytes"])
        )
        assert found["dtype"] == found["arena"]["dtype"] == "int8"
        others = {
            "schema",
            "version",
            "network",
            "knobs",
            "input_shape",
            "inputs",
            "batch",
            "dtype",
            "policy",
            "complete",
        }
        others |= {"unknown", "weights_in", "needed_bytes", "arena", "flash", "limit", "board", "verdict"}
        assert {*found} - others == {*found["policy"]["figures"]}
        # 64 positions of 4 and 8 channels are alive at the kernel `expand`, of one byte each.
        assert found["peak_activation_bytes"] == 64 * (4 + 8)


def test_a_board_is_a_verdict_and_an_exit_status(cli: Cli, tmp_path: Path) -> None:
    text = " ".join(cli.ok("memory", "ds_cnn_s", "--board", "nucleo_f411re").split())
    assert "verdict fits nucleo_f411re: " in text
    ran = cli("memory", "mobilenet_v1", "--board", "nucleo_f411re", code=1)
    said = " ".join(ran.stdout.split())
    assert "does not fit nucleo_f411re: RAM is over by" in said
    page = tmp_path / "page.html"
    ran = cli("memory", "mobilenet_v1", "--board", "nucleo_f411re", "-o", page, code=1)
    assert ran.stderr.startswith("verdict: does not fit nucleo_f411re")
    assert "Kernels" in page.read_text(encoding="utf-8")
    csv = cli.ok("memory", "ds_cnn_s", "--board", "nucleo_f411re", "--by", "tensor", "--format", "csv")
    assert csv.splitlines()[0] == "name,size,first,last,offset,kind"


def test_a_limit_is_of_the_arena(cli: Cli) -> None:
    total = load("ds_cnn_s").arena().total
    cli("memory", "ds_cnn_s", "--runtime", "tflm", "--limit", total, code=0)
    ran = cli("memory", "ds_cnn_s", "--runtime", "tflm", "--limit", total - 1, code=1)
    assert f"{total:,} of {total - 1:,} bytes: over by 1" in " ".join(ran.stdout.split())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--runtime", "tflm", "--policy", "inplace"], "leave out --policy: under a runtime"),
        (["--board", "rpi_pico", "--batch", "2"], "it is decided: one input at a time"),
        (["--board", "rpi_pico", "--picture", "arena", "-o", "x.svg"], "leave out --picture: under a runtime"),
        (["--pointers", "32"], "--pointers 32 is of a runtime"),
        (["--kernels", "cmsis_nn"], "--kernels cmsis_nn is of a runtime"),
        (["--runtime", "tflite"], "'tflite' is not"),
        (["--board", "pico3"], "there is no board 'pico3'"),
        (["--board", "none.yaml"], "none.yaml: cannot be read"),
    ],
)
def test_what_memory_refuses(cli: Cli, options: list[str], said: str) -> None:
    assert said in cli("memory", "ds_cnn_s", *options, code=2).stderr


def test_from_memory_to_three_networks_in_two_commands(cli: Cli) -> None:
    found = cli.json("list", "mobilenet_v1", "resnet_cifar", "ds_cnn", "--max-ram", "256KiB", "--max-flash", "1MiB")
    cited = [one for one in found["networks"] if one["citation"]]
    assert len(cited) >= 3
    for one in cited[:3]:
        assert one["ram_bytes"] <= 256 * 1024
        assert one["flash_bytes"] <= 1024 * 1024
        checked = cli.json("memory", one["network"], "--runtime", "tflm", "--limit", "256KiB")
        assert checked["arena"]["total"] == one["ram_bytes"]
        assert checked["flash"]["file_bytes"] == one["flash_bytes"]


def test_what_fits_is_what_fits_one_by_one() -> None:
    patterns = ("ds_cnn*", "resnet_cifar", "lenet5")
    place = "nucleo_f446re"
    found = deployable(*patterns, board=place)
    fits = {name for name in list_networks(*patterns) if deployed(name, board=place).fits} - {"lenet5_1998"}
    assert {one.label for one in found.networks} == fits
    for one in found.networks:
        alone = deployed(one.label, board=place)
        assert (one.ram, one.flash) == (alone.arena.total, alone.size.flash_bytes)


def test_the_most_accurate_comes_first_task_by_task() -> None:
    found = deployable("mobilenet_v1", "resnet_cifar", "lenet5", max_ram=2**20, max_flash=2**21)
    tasks = [one.task for one in found.networks]
    assert tasks == sorted(tasks, key=["ImageNet-1k", "CIFAR-10", ""].index)
    for task in {*tasks} - {""}:
        printed = [float(one.accuracy) for one in found.networks if one.task == task]
        assert printed == sorted(printed, reverse=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pointers", "32"], "--pointers is of deployed networks"),
        (["--dtype", "int8"], "--dtype is of deployed networks"),
        (["--board", "pico3"], "there is no board 'pico3'"),
        (["--max-ram", "much"], "'much' is not"),
    ],
)
def test_what_list_refuses(cli: Cli, options: list[str], said: str) -> None:
    assert said in cli("list", *options, code=2).stderr


@pytest.mark.parametrize("pattern", ["mobilenet_v1", "ds_cnn*", "resnet_cifar", "mlperf_tiny_*"])
def test_every_list_with_accuracies_says_what_they_are_of(pattern: str) -> None:
    found = deployable(pattern, max_flash=2**22)
    said = dict(found.table().notes)["accuracy"]
    assert "quantisation may cost some" in said
    targets = [one for one in found.networks if one.label.startswith("mlperf_tiny_") and one.accuracy]
    assert ("≥ is what a benchmark demands" in said) == bool(targets)
    for one, row in zip(found.networks, found.table().rows, strict=True):
        assert one.at_least == (one in targets)
        assert row[6] == (f"≥ {one.accuracy}" if one in targets else one.accuracy or "-")


def test_nothing_that_fits_is_said(cli: Cli) -> None:
    said = " ".join(cli("list", "lenet5", "--max-ram", "1KiB", code=1).stdout.split())
    assert "0 of 1 network fit 1.00 KiB of RAM" in said
    assert "hint smaller widths and resolutions: convcost fit" in said
    said = " ".join(cli("list", "lenet5", "--max-ram", "256", "--max-flash", "1MiB", code=1).stdout.split())
    assert "hint --max-ram 256 is 256 bytes; 256KiB?; smaller" in said


@pytest.mark.parametrize(
    "words",
    [
        ("memory", "ds_cnn_s"),
        ("report", "ds_cnn_s"),
        ("sweep", "ds_cnn_s", "--over", "width=1"),
        ("sweep", "ds_cnn_s", "--over", "width=1", "--runtime", "tflm"),
        ("fit", "ds_cnn_s", "--max-ram", "1MiB"),
        ("check", "ds_cnn_s"),
        ("list",),
    ],
)
def test_an_empty_name_is_no_board(cli: Cli, words: tuple[str, ...]) -> None:
    assert "there is no board ''" in cli(*words, "--board", "", code=2).stderr


@pytest.mark.parametrize(
    ("words", "option", "amount"),
    [
        *(
            (words, option, "512KB")
            for words in (("fit", "ds_cnn_s"), ("check", "ds_cnn_s"), ("list",))
            for option in ("--max-ram", "--max-flash")
        ),
        (("memory", "ds_cnn_s"), "--limit", "512KB"),
        (("check", "ds_cnn_s"), "--limit", "flash=512KB"),
        (("fit", "ds_cnn_s"), "--max-macs", "lots"),
        (("check", "ds_cnn_s"), "--tolerance", "1"),
    ],
)
def test_an_amount_that_is_none_is_told_with_its_option(
    cli: Cli, words: tuple[str, ...], option: str, amount: str
) -> None:
    assert f"Invalid value for '{option}'" in cli(*words, option, amount, code=2).stderr


def test_other_words_for_ram_and_flash_are_known(cli: Cli) -> None:
    for word, meant in (("ram", "ram_bytes"), ("sram", "ram_bytes"), ("flash", "flash_bytes")):
        ran = cli("sweep", "ds_cnn_s", "--over", "width=1", "--metric", word, code=2)
        assert f"Did you mean {meant}?" in ran.stderr


def test_check_limits_ram_flash_and_a_board(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(net(), encoding="utf-8")
    alone = deployed("net.yaml", pointers=32)
    ram, file = alone.arena.total, int(alone.size.file_bytes)
    Path("own.yaml").write_text(f"ram: {ram}\nflash: {file + 7}\ncode: 7\n", encoding="utf-8")
    lines = {line["limit"]: line for line in cli.json("check", "net.yaml", "--board", "own.yaml")["limits"]}
    assert [*lines] == ["board.ram", "board.flash"]
    assert (lines["board.ram"]["measured"], lines["board.ram"]["headroom"]) == (ram, 0)
    assert (lines["board.flash"]["measured"], lines["board.flash"]["headroom"]) == (file + 7, 0)
    ran = cli("check", "net.yaml", "--board", "own.yaml", "--max-ram", ram - 1, code=1)
    assert "RAM is pinned by stem (256), on expand (512)" in " ".join(ran.stdout.split())
    other = deployed("net.yaml").arena.total  # without a board, addresses of 64 bits
    cli("check", "net.yaml", "--max-ram", other, "--max-flash", file, code=0)
    cli("check", "net.yaml", "--max-ram", other - 1, code=1)
    cli("check", "net.yaml", "--max-flash", file - 1, code=1)


def test_check_reads_a_board_of_a_budgets_file_beside_it(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    (folder / "net.yaml").write_text(net(), encoding="utf-8")
    (folder / "own.yaml").write_text("ram: 1KiB\nflash: 1MiB\n", encoding="utf-8")
    text = "networks: [{model: net.yaml, limits: {board: own.yaml}}]\n"
    (folder / "convcost-budgets.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    ran = cli("check", "inside/convcost-budgets.yaml", code=1)
    assert re.search(r"board\.ram +[\d,]+ B +1,024 B", ran.stdout)
    (folder / "convcost-budgets.yaml").write_text(text.replace("own.yaml", "nucleo"), encoding="utf-8")
    ran = cli("check", "inside/convcost-budgets.yaml", code=2)
    assert ran.stderr.startswith("inside/convcost-budgets.yaml:1:")
    assert "there is no board 'nucleo'. Did you mean nucleo_h743zi" in ran.stderr


def test_a_report_says_what_the_device_needs(cli: Cli) -> None:
    found = cli.json("report", "ds_cnn_s", "--board", "nucleo_f411re", "--deploy")
    alone = deployed("ds_cnn_s", board="nucleo_f411re")
    assert found["arena"]["total"] == alone.arena.total
    assert found["verdict"]["fits"] is True
    assert found["totals"]["deployed_weight_bytes"] == alone.size.weight_bytes
    assert "verdict" in cli.ok("report", "ds_cnn_s", "--board", "nucleo_f411re")
    assert "one network, not of 2" in cli("report", "ds_cnn_s", "lenet5", "--board", "rpi_pico", code=2).stderr
    assert "leave out --batch" in cli("report", "ds_cnn_s", "--batch", "2", "--runtime", "tflm", code=2).stderr
    assert "there is no runtime 'tfl'" in cli("report", "ds_cnn_s", "--runtime", "tfl", code=2).stderr


@pytest.mark.parametrize("where", [("--runtime", "tflm"), ("--board", "nucleo_f411re")])
def test_a_report_plans_the_arena_as_the_type_that_is_asked_for(cli: Cli, where: tuple[str, str]) -> None:
    """At most two maps of 25 x 5 x 64 elements are alive at once, of four bytes each as fp32."""
    found = cli.json("report", "ds_cnn_s", "--dtype", "fp32", *where)
    assert (found["dtype"], found["arena"]["dtype"], found["arena"]["head"]) == ("fp32", "fp32", 2 * 25 * 5 * 64 * 4)
    said = cli.json("memory", "ds_cnn_s", "--dtype", "fp32", *where)
    assert (found["arena"], found["flash"]) == (said["arena"], said["flash"])
    anew = cli.json("report", "ds_cnn_s", "--dtype", "fp32", "--deploy", *where)  # --deploy alone is of that type
    assert (anew["arena"], anew["deployed"]["dtype"]) == (said["arena"], "fp32")
    other = cli.json(
        "report", "ds_cnn_s", "--dtype", "fp32", "--deploy", "int8", *where
    )  # which goes first, as in a sweep
    assert (other["arena"]["dtype"], other["arena"]["head"]) == ("int8", 2 * 25 * 5 * 64)
    assert (other["dtype"], other["deployed"]["dtype"]) == ("fp32", "int8")


@pytest.mark.parametrize("ending", ["csv", "json", "md"])
def test_a_report_says_of_a_file_that_the_network_does_not_fit(cli: Cli, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    ran = cli("report", "mobilenet_v2:width=0.25", "--board", "nucleo_f411re", "-o", path, code=1)
    told = cli("memory", "mobilenet_v2:width=0.25", "--board", "nucleo_f411re", "-o", tmp_path / f"b.{ending}", code=1)
    assert ran.stderr == told.stderr
    assert ran.stderr.startswith("verdict: does not fit nucleo_f411re: RAM is over by ")
    assert path.exists()
    fits = cli("report", "ds_cnn_s", "--board", "nucleo_f411re", "-o", path, code=0)
    assert (fits.stdout, fits.stderr) == ("", "")
    assert "does not fit" in cli("report", "mobilenet_v2:width=0.25", "--board", "nucleo_f411re", code=1).stdout


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--runtime", "tflm"), "--runtime"),
        (("--deploy",), "--deploy"),
        (("--deploy", "--runtime", "tflm"), "--deploy, --runtime"),
        (("--deploy", "--board", "nucleo_f411re"), "--deploy"),
    ],
)
def test_csv_has_no_place_for_what_a_report_says_of_the_whole(
    cli: Cli, words: tuple[str, ...], named: str, tmp_path: Path
) -> None:
    said = f"{named}: said of the whole network, and CSV holds rows alone; JSON and Markdown, -o FILE.json or .md, hold both\n"
    assert cli("report", "ds_cnn_s", *words, "-o", tmp_path / "x.csv", code=0).stderr.startswith(said)


def test_a_plain_report_loads_nothing_of_devices() -> None:
    code = (
        "import sys\nfrom convcost.cli import main\nsys.argv = ['convcost', 'report', 'ds_cnn_s']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(*[m for m in sys.modules if m.startswith(('convcost.deploy', 'convcost.devices'))], sep='')"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CONVCOST_CACHE": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


@pytest.mark.parametrize(
    "words",
    [
        ("memory", "ds_cnn_s"),
        ("list", "ds_cnn_s"),
        ("fit", "ds_cnn_s"),
        ("sweep", "mobilenet_v1", "--over", "width=1"),
    ],
)
def test_kernels_are_of_the_core_that_a_board_has(cli: Cli, words: tuple[str, ...]) -> None:
    said = (
        "kernels cmsis_nn are for Cortex-M4, Cortex-M7, Cortex-M33, and the board has Cortex-M0+: leave out --kernels"
    )
    ran = cli(*words, "--board", "rpi_pico", "--kernels", "cmsis_nn", code=2)
    assert said in ran.stderr


def test_check_says_what_would_keep_limits_on_ram_and_flash(cli: Cli) -> None:
    network = "mobilenet_v1:width=0.25,resolution=96"
    ram = deployed(network).arena.total
    ran = cli("check", network, "--max-ram", ram - 1, code=1)
    found = re.search(r"would fit: --set resolution=(\d+): ([\d,]+) B of RAM", " ".join(ran.stdout.split()))
    assert found
    size = int(found[1])
    totals = {side: deployed("mobilenet_v1", width="0.25", resolution=side).arena.total for side in range(size, 96)}
    assert [side for side, total in totals.items() if total < ram] == [size]
    assert totals[size] == int(found[2].replace(",", ""))


def test_check_keeps_a_board_and_limits_beside_it_together(cli: Cli) -> None:
    network, place = "mobilenet_v1:width=0.5,resolution=96", "nucleo_f446re"  # 128 KiB of RAM, 512 KiB of flash
    ran = cli.json("check", network, "--board", place, "--max-ram", "100KiB", "--max-flash", "400KiB", code=1)
    whys = [line["why"] for line in ran["limits"] if line["verdict"] == "broken"]
    assert whys
    for change in re.findall(r"(--set .*?): ([\d,]+) B of RAM, ([\d,]+) B of flash", whys[0]):
        knobs = {"width": "0.5", "resolution": "96", **dict(re.findall(r"(\w+)=([\d.]+)", change[0]))}
        other = deployed("mobilenet_v1", board=place, **knobs)
        assert other.arena.total <= 100 * 1024
        assert int(other.size.flash_bytes) <= 400 * 1024
        assert [f"{other.arena.total:,}", f"{int(other.size.flash_bytes):,}"] == list(change[1:])


def test_check_says_of_which_addresses_ram_is(cli: Cli) -> None:
    lines = cli.json("check", "ds_cnn_s", "--max-ram", "1MiB", "--max-macs", "1G")["limits"]
    assert [line["under"] is None for line in lines] == [True, False]
    said = " ".join(cli.ok("check", "ds_cnn_s", "--max-ram", "1MiB").split())
    assert "addresses of 64 bits, as on a computer; limits: {board: NAME} has those of a board" in said
    said = " ".join(cli.ok("check", "ds_cnn_s", "--max-ram", "1MiB", "--board", "nucleo_f446re").split())
    assert "addresses of 32 bits, as of nucleo_f446re" in said
    assert "addresses" not in cli.ok("check", "ds_cnn_s", "--max-macs", "1G")
