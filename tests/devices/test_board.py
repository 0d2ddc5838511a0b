"""Boards: what every entry states, what a file of one's own may say, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from convcost import SpecError, UsageError, boards
from convcost.core.reading import parse_bytes
from convcost.devices.board import all_boards, find, read_board, said
from convcost.devices.listing import boards_table

EVERY = [*all_boards().values()]


def test_there_are_many_from_many_vendors_and_some_with_an_accelerator():
    assert len(EVERY) >= 30
    assert len({board.vendor for board in EVERY}) >= 10
    assert sum(bool(board.accelerator) for board in EVERY) >= 5


@pytest.mark.parametrize("board", EVERY, ids=lambda board: board.name)
def test_every_board_is_whole(board):
    assert all((board.title, board.vendor, board.chip, board.core, board.sources))
    assert 16 <= board.clock <= 1000
    assert 2**14 <= board.ram <= board.ram_total <= 2**23
    assert 2**16 <= board.flash <= 2**27
    assert list(board.regions.values()) == sorted(board.regions.values(), reverse=True)
    assert board.pointers == (64 if "RV64" in board.core else 32)
    assert all(source.startswith("https://") for source in board.sources)
    assert len(set(board.sources)) == len(board.sources) >= 2  # what the board carries, and how its memory is mapped
    assert board.code["tflm"].bytes > 0
    assert board.code["tflm"].source


@pytest.mark.parametrize(
    ("name", "ram", "total", "flash"),
    [  # the banks of each one by one, as memory maps have them
        ("nucleo_h743zi", 512, 512 + 128 + 128 + 32 + 64 + 128, 2048),
        ("stm32f746g_disco", 320, 320, 1024),
        ("nucleo_l4r5zi", 192 + 64 + 384, 640, 2048),
        ("nucleo_l476rg", 96, 128, 1024),
        ("arduino_nano_33_ble", 256, 256, 1024),
        ("rpi_pico", 264, 264, 2048),
        ("max78000evkit", 32 + 32 + 48 + 16, 128, 512),
    ],
)
def test_boards_that_everybody_knows(name, ram, total, flash):
    board = find(name)
    assert (board.ram, board.ram_total, board.flash) == (ram * 1024, total * 1024, flash * 1024)


@pytest.mark.parametrize(
    ("name", "ends"),
    [  # where each region begins and ends, as the files among the sources say it
        ("esp32_devkitc", [(0x3FFAE000, 0x3FFE0000), (0x3FFE0000, 0x40000000)]),
        ("esp32s2_devkitm", [(0x3FFB2000, 0x40000000)]),
        ("esp32s3_devkitc", [(0x3FC88000, 0x3FCF0000 + 0x8000)]),
        ("xiao_esp32s3", [(0x3FC88000, 0x3FCF0000 + 0x8000)]),
        ("esp32c3_devkitm", [(0x3FC80000, 0x3FCC0000 + 0x20000)]),
        ("esp32c6_devkitc", [(0x40800000, 0x40800000 + 4 * 0x20000)]),
        ("apollo4p_evb", [(0x10000000, 0x10000000 + 0x2C0000)]),
        ("sparkfun_edge", [(0x10000000, 0x10000000 + 0x60000)]),
        ("cy8cproto_062_4343w", [(0x8000000, 0x8000000 + 0x100000)]),
    ],
)
def test_regions_are_runs_of_addresses(name, ends):
    assert [*find(name).regions.values()] == [end - start for start, end in ends]


def test_names_may_have_capitals_and_dashes():
    assert find("NUCLEO-H743ZI") is find("nucleo_h743zi")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("stm32h743", "Did you mean nucleo_h743zi?"),
        ("nucleo_h734zi", "Did you mean nucleo_h7"),
        ("uno", "Did you mean arduino_uno_r4?"),
        ("qqqq", "there is no board 'qqqq'. `convcost boards` lists all"),
    ],
)
def test_a_name_that_is_none_says_what_was_meant(name, hint):
    with pytest.raises(UsageError) as raised:
        find(name)
    assert hint in str(raised.value)
    assert "\n" not in str(raised.value)


def written(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_file_of_ones_own_needs_two_lines(tmp_path):
    board = find(written(tmp_path, "ram: 100KiB\nflash: 1MiB\n"))
    assert (board.name, board.ram, board.flash, board.pointers, board.regions) == (
        "mine",
        102_400,
        2**20,
        32,
        {"SRAM": 102_400},
    )
    assert board.code["tflm"].bytes == max(one.code["tflm"].bytes for one in EVERY)  # of an unknown core


@pytest.mark.parametrize(
    ("said", "core"),
    [
        ("cortex-m4", "Cortex-M4"),
        ("Cortex M4", "Cortex-M4"),
        ("ARM Cortex-M4F", "Cortex-M4"),
        ("cortex_m0+", "Cortex-M0+"),
        ("xtensa lx7", "Xtensa LX7"),
        ("RISC-V", "RISC-V"),
    ],
)
def test_a_core_is_known_however_it_is_written(tmp_path, said, core):
    board = find(written(tmp_path, f"ram: 1KiB\nflash: 1MiB\ncore: {said}\n"))
    assert board.core == core
    alike = next(one for one in EVERY if one.core.split("-")[0].split(" ")[0] == core.split("-")[0].split(" ")[0])
    assert board.code["tflm"].bytes == alike.code["tflm"].bytes


def test_every_core_of_a_board_is_written_as_cores_are(tmp_path):
    for core in {one.core for one in EVERY}:
        assert find(written(tmp_path, f"ram: 1KiB\nflash: 1MiB\ncore: {core.upper()}\n")).core == core


def test_what_was_not_measured_on_a_core_is_not_told_as_if_it_were(tmp_path):
    for one in EVERY:
        far = not one.core.startswith("Cortex-M") and one.core != "Xtensa LX7"
        assert one.code["tflm"].says.startswith("not measured on " if far else "a benchmark"), one.name
    nothing = find(written(tmp_path, "ram: 1KiB\nflash: 1MiB\n"))
    assert nothing.code["tflm"].says.startswith("not measured on a core that nothing is said of; a benchmark")
    stated = find(written(tmp_path, "ram: 1KiB\nflash: 1MiB\ncore: Cortex-M99\ncode: 9KiB\n"))
    assert (stated.core, stated.code["tflm"].bytes) == ("Cortex-M99", 9 * 1024)


def test_a_file_may_say_all_that_boards_yaml_says(tmp_path):
    text = (
        "title: Mine\ncore: Cortex-M4\nclock: 64\nram: {A: 32KiB, B: 64KiB}\nflash: 512KiB\nflash_is: external\n"
        "pointers: 64\ncode: 10KiB\nsources: [the drawer]\n"
    )
    board = read_board(written(tmp_path, text))
    assert (board.ram, board.region, board.ram_total) == (65_536, "B", 98_304)
    assert (board.clock, board.flash_external, board.pointers) == (64, True, 64)
    assert (board.code["tflm"].bytes, board.sources) == (10_240, ("the drawer",))


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("ram: 1KiB\n", ["mine.yaml:1:1: mine: flash: is missing"]),
        ("", ["the file is empty; a board states at least ram: and flash:"]),
        ("- ram\n", ["mine.yaml:1:1: mine: a board states at least ram: and flash:", "got a list"]),
        ("ram: 1KiB\nflash: 1MiB\nsram: 2\n", ["mine.yaml:3:1: mine: unknown key 'sram'. Did you mean ram?"]),
        ("ram: much\nflash: 1MiB\n", ["mine.yaml:1:6: mine.ram: 'much' is not"]),
        ("ram: -1\nflash: 1MiB\n", ["mine.yaml:1:6: mine.ram: "]),
        ("ram: 0\nflash: 1MiB\n", ["mine.yaml:1:6: mine.ram: must be bytes, as in 256KiB or 1MiB, got 0"]),
        ("ram: {A: 1KiB, B: []}\nflash: 1MiB\n", ["mine.yaml:1:19: mine.ram.B: must be bytes"]),
        ("ram: {}\nflash: 1MiB\n", ["mine.yaml:1:6: mine.ram: has no region"]),
        (
            "ram: 1KiB\nflash: 1MiB\npointers: 16\n",
            ["mine.yaml:3:11: mine.pointers: must be 32 or 64, got 16"],
        ),
        ("ram: 1KiB\nflash: 1MiB\nclock: fast\n", ["mine.yaml:3:8: mine.clock: must be a whole number of MHz"]),
        (
            "ram: 1KiB\nflash: 1MiB\nflash_is: far\n",
            ["mine.yaml:3:11: mine.flash_is: must be internal or external, got far"],
        ),
        ("ram: no\nflash: {a: 1}\n", ["mine.yaml:1:6", "mine.yaml:2:8"]),
        ("ram: [1\n", ["not valid YAML"]),
        ("ram: 1KiB\nflash: 1MiB\ncore: Cortex-M99\n", ["mine.yaml:3:7: mine.core: there is no 'Cortex-M99'"]),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_place(tmp_path, monkeypatch, text, errors):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as raised:
        find(Path(written(tmp_path, text)).name)
    for error in errors:
        assert error in str(raised.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(SpecError, match="cannot be read"):
        find(str(tmp_path / "none.yaml"))


def test_the_table_has_a_row_for_each_and_json_all_of_it():
    table = boards_table()
    assert [row[0] for row in table.rows] == [board.name for board in EVERY]
    assert [entry["name"] for entry in table.data["boards"]] == [board.name for board in EVERY]
    assert all(entry["sources"] for entry in table.data["boards"])
    assert all(record["ram_bytes"] <= record["ram_total_bytes"] for record in table.records)


def test_patterns_and_sizes_choose():
    assert {board.vendor for board in boards("nordic")} == {"Nordic Semiconductor"}
    least = parse_bytes("1MiB")
    assert {row[0] for row in boards_table((), least).rows} == {board.name for board in EVERY if board.ram >= least}
    with pytest.raises(UsageError, match="no board matches 'zzz'"):
        boards("zzz")


def test_in_words():
    assert said(find("nucleo_l476rg")) == (
        "nucleo_l476rg: STM32L476RG, Cortex-M4 at 80 MHz, 131,072 bytes of SRAM of which 98,304 in one piece (SRAM1), "
        "1,048,576 bytes of flash"
    )
