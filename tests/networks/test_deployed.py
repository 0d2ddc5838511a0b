"""Networks on boards: the arena by hand, the verdict, what would fit against brute force."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import jsonschema
import pytest
from helpers.checks import net
from helpers.tflite_bytes import File, Graph

from convcost import UsageError, check, deployed, load
from convcost.deploy.arena import asked
from convcost.deploy.pins import pins
from convcost.deploy.runtime import Deployment
from convcost.networks import within_board
from convcost.networks.deployed import dtype_of, on_device, program_of, stated_file

PIECES = {"input": 192, "stem": 256, "expand": 512, "project": 128}
"""Of the network of `helpers.checks` as int8: 64 positions of 3, 4, 8 and 2 channels, multiples of 16 all of them."""


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    (tmp_path / "net.yaml").write_text(net(), encoding="utf-8")
    return str(tmp_path / "net.yaml")


def test_the_arena_by_hand(tiny):
    # The largest first: expand at 0; stem is alive with it, and goes on top; the input is alive with stem alone, the
    # output with expand alone.
    found = deployed(tiny)
    assert {one.name: one.size for one in found.arena.buffers} == PIECES
    assert {one.name: one.offset for one in found.arena.buffers} == {
        "expand": 0,
        "stem": 512,
        "input": 0,
        "project": 512,
    }
    assert found.arena.head == 512 + 256
    assert [one.name for one in pins(found.arena)] == ["stem", "expand"]


def test_weights_by_hand(tiny):
    kernels, biases = 27 * 4 + 4 * 8 + 8 * 2, 4 + 8 + 2
    assert deployed(tiny).size.weight_bytes == kernels + 4 * biases
    assert deployed(tiny, dtype="fp32").size.weight_bytes == 4 * (kernels + biases)


@pytest.mark.parametrize("pointers", [32, 64])
def test_both_widths_of_addresses_are_told(tiny, pointers):
    found = deployed(tiny, pointers=pointers)
    assert found.by_pointers[pointers] == found.arena.total == found.arena.head + found.arena.persistent
    assert found.by_pointers[32] < found.by_pointers[64]


def board(folder: Path, ram: int, flash: int, code: int = 100) -> str:
    path = folder / "board.yaml"
    path.write_text(f"ram: {ram}\nflash: {flash}\ncode: {code}\n", encoding="utf-8")
    return str(path)


def test_a_board_fits_to_the_byte(tiny, tmp_path):
    free = deployed(tiny, pointers=32)
    ram, flash = free.arena.total, int(free.size.file_bytes) + 100
    assert deployed(tiny, board=board(tmp_path, ram, flash)).fits
    assert not deployed(tiny, board=board(tmp_path, ram - 1, flash)).fits
    assert not deployed(tiny, board=board(tmp_path, ram, flash - 1)).fits


def test_the_addresses_are_those_of_the_board_unless_said(tiny):
    assert deployed(tiny, board="sipeed_maixduino").deployment.pointers == 64
    assert deployed(tiny, board="nucleo_h743zi").deployment.pointers == 32
    assert deployed(tiny, board="nucleo_h743zi", pointers=64).deployment.pointers == 64
    assert deployed(tiny).deployment.pointers == 64


def test_the_largest_resolution_that_fits_is_that_of_brute_force():
    limit = 100 * 1024
    network = load("mobilenet_v1", width=0.25)
    totals = {size: network.at(resolution=size).arena().total for size in range(70, 121)}
    best = max(size for size, total in totals.items() if total <= limit)
    assert best < 120
    remedies = deployed(network, limit=limit).remedies
    assert (f"--set resolution={best}", totals[best]) in [(one.change, one.ram) for one in remedies]


def test_every_remedy_fits_as_it_is_written(tmp_path):
    place = board(tmp_path, 200 * 1024, 900 * 1024)
    found = deployed("mobilenet_v1", width=0.5, board=place)
    assert not found.fits
    assert found.remedies
    for one in found.remedies:
        knobs = dict(word.split("=") for word in one.change.split() if "=" in word)
        other = deployed("mobilenet_v1", **{"width": "0.5", **knobs}, board=place)
        assert other.fits
        assert (other.arena.total, other.size.flash_bytes) == (one.ram, one.flash)


def test_what_fits_is_what_its_verdict_says_to_the_byte(tmp_path):
    """Cheaper questions come first; RAM, flash and limit are each enough, or a byte too small."""
    free = deployed("ds_cnn_s", board=board(tmp_path, 2**20, 2**20))
    ram, flash = free.arena.total, int(free.size.flash_bytes)
    for ram_less, flash_less in product((0, 1), repeat=2):
        found = deployed("ds_cnn_s", board=board(tmp_path, ram - ram_less, flash - flash_less))
        assert found.fits == found.verdict.fits == (ram_less == flash_less == 0)
    assert [deployed("ds_cnn_s", limit=ram - less, pointers=32).fits for less in (0, 1)] == [True, False]
    assert asked(free.program, free.deployment).least <= ram


def test_a_search_ends_after_its_kernels_and_says_so(monkeypatch, tmp_path):
    """MobileNet is thirty kernels at any size: all is tried within twenty thousand, nothing within one."""
    narrow_board = board(tmp_path, 15 * 1024, 2**20)
    whole = deployed("mobilenet_v1", width=0.25, board=narrow_board)
    assert not whole.searched.cut
    assert whole.table().data["remedies_cut"] is False
    assert "searched" not in dict(whole.notes)
    monkeypatch.setattr(within_board, "MOST_PLANNED", 1)
    found = deployed("mobilenet_v1", width=0.25, board=narrow_board)
    assert (found.remedies, found.searched.cut) == ((), True)
    assert found.table().data["remedies_cut"] is True
    assert "would fit" not in dict(found.notes)
    assert dict(found.notes)["searched"] == (
        "the search ended after 1 kernel of the networks that it tried: more, or larger values, may fit"
    )


def test_floats_are_told_to_become_integers():
    found = deployed("ds_cnn_s", dtype="fp32", limit=40_000)
    assert not found.fits
    assert found.remedies[0].change == "--dtype int8"


def test_what_fits_has_no_remedies_and_a_network_without_knobs_none_either(tiny):
    assert deployed(tiny).remedies == ()
    assert deployed(tiny, limit=1).remedies == ()


def test_a_spec_is_lowered_as_int8_and_its_own_type_is_no_matter(tiny):
    assert stated_file(load(tiny)) == ""
    assert dtype_of(program_of(load(tiny))) == "int8"
    assert program_of(load(tiny)) == program_of(load(tiny), "int8")
    assert on_device(load(tiny), Deployment()).program == program_of(load(tiny))


@pytest.mark.parametrize(("dtype", "times"), [("int8", 1), ("int16", 2), ("fp32", 4)])
@pytest.mark.parametrize("stated", ["bits: 8", "bits: 4", "bits: 1", "dtype: int8", "bits: {weights: 2, outputs: 4}"])
def test_a_type_that_is_asked_for_goes_before_all_that_is_stated(tmp_path, stated, dtype, times):
    (tmp_path / "net.yaml").write_text(net().replace("layers:", f"{stated}\nlayers:"), encoding="utf-8")
    (tmp_path / "plain.yaml").write_text(net(), encoding="utf-8")
    found = deployed(tmp_path / "net.yaml", dtype=dtype)
    assert {one.name: one.size for one in found.arena.buffers} == {name: times * size for name, size in PIECES.items()}
    assert found.program == deployed(tmp_path / "plain.yaml", dtype=dtype).program
    assert dtype_of(found.program) == dtype


def test_what_is_stated_holds_where_no_type_is_asked_for(tmp_path):
    # Two elements in a byte of what is written; the input states nothing. The runtime has no such activations.
    (tmp_path / "net.yaml").write_text(net().replace("layers:", "bits: {outputs: 4}\nlayers:"), encoding="utf-8")
    found = deployed(tmp_path / "net.yaml")
    assert {one.name: one.size for one in found.arena.buffers} == {
        "input": 192,
        "stem": 256 // 2,
        "expand": 512 // 2,
        "project": 128 // 2,
    }
    why = "the runtime has no activations of int4, only of int8 and int16: it refuses the model"
    assert found.arena.refused == (f"{why}; --dtype int8 deploys all as int8",)
    assert not deployed(tmp_path / "net.yaml", board="nucleo_h743zi").fits
    assert not deployed(tmp_path / "net.yaml", limit=1 << 20).fits
    assert [failure.what for failure in check(str(tmp_path / "net.yaml"), board="nucleo_h743zi").failures] == [
        f"tiny: {found.arena.refused[0]}"
    ]
    assert deployed(tmp_path / "net.yaml", dtype="int8", board="nucleo_h743zi").fits


def test_a_remedy_of_a_file_is_lowered_anew_and_says_so(tmp_path, tiny):
    # 64 and 32 elements of four bytes each; as int8 a quarter of it.
    path = dense(tmp_path, "fp32")
    file = deployed(path)
    assert (file.stated, file.arena.head) == (True, 256 + 128)
    found = deployed(path, limit=file.arena.total - 1)
    (one,) = found.remedies
    assert (one.change, one.ram) == ("--dtype int8", deployed(path, dtype="int8").arena.total)
    assert dict(found.notes)["would fit"] == (
        f"--dtype int8: {one.ram:,} bytes of RAM, about {one.flash:,} of flash"
        " (lowered anew, with shorter names than the file's)"
    )
    assert [entry["lowered_anew"] for entry in found.table().data["remedies"]] == [True]
    spec = deployed(tiny, dtype="fp32", limit=4 * 768)
    assert "about" not in dict(spec.notes)["would fit"]
    said = [(entry["change"].split()[0], entry["lowered_anew"]) for entry in spec.table().data["remedies"]]
    assert said == [("--dtype", False), ("--input", False)]


def test_weights_of_int4_run(tmp_path):
    (tmp_path / "net.yaml").write_text(net().replace("layers:", "bits: {weights: 4}\nlayers:"), encoding="utf-8")
    found = deployed(tmp_path / "net.yaml", board="nucleo_h743zi")
    assert found.fits
    assert found.size.weight_bytes == (27 * 4 + 4 * 8 + 8 * 2) // 2 + 4 * (4 + 8 + 2)


def dense(folder: Path, dtype: str) -> Path:
    """A TFLite file of one layer from 64 to 32 elements."""
    file = File()
    graph = Graph(file)
    x, kernel = graph.tensor("x", (1, 64), dtype), graph.stored("kernel", (32, 64), dtype)
    y = graph.tensor("y", (1, 32), dtype)
    graph.op("FULLY_CONNECTED", [x, kernel, -1], [y])
    file.graphs.append(graph.table([x], [y]))
    path = folder / "net.tflite"
    path.write_bytes(file.bytes())
    return path


def test_a_file_of_integers_is_of_floats_where_that_is_asked_for(tmp_path):
    # 64 and 32 elements of a byte each as it stands, then of four.
    path = dense(tmp_path, "int8")
    assert [one.size for one in deployed(path).arena.buffers] == [64, 32]
    assert [one.size for one in deployed(path, dtype="fp32").arena.buffers] == [256, 128]
    assert deployed(path, dtype="fp32").size.weight_bytes == 4 * 32 * 64


NAMED = """
convcost: 1
name: named
input: [8, 8, 4]
layers:
  - {conv2d: {channels: 16, kernel: 3, padding: same, bias: false}, name: stem}
  - {batch_norm: , name: norm}
  - {relu: , name: act}
  - {conv2d: {channels: 16, kernel: 1}, name: gated}
  - {silu: , name: gate}
  - {split: {sections: 2}, name: halves}
  - {concat: , name: both, in: ["halves:1", "halves:0"]}
  - {global_avg_pool: , name: mean}
  - {flatten: , name: flat}
  - {linear: {channels: 4}, name: last}
"""


def test_buffers_are_called_as_the_kernels_that_write_them(tmp_path):
    """Norm and activation go into `stem`, the flatten into `mean`: neither is the name of a kernel, nor of what it writes.
    What one kernel of a layer hands to the next, and the second of several outputs, add to its name."""
    path = tmp_path / "net.yaml"
    path.write_text(NAMED, encoding="utf-8")
    found = deployed(path)
    tensors = [one for one in found.arena.buffers if one.kind == "tensor"]
    assert [one.name for one in tensors] == [
        *("input", "stem", "gated", "gate/logistic", "gate", "halves:0", "halves:1", "both", "mean", "last"),
    ]
    assert [found.arena.ticks[one.first] for one in tensors] == [
        *("", "stem", "gated", "gate", "gate", "halves", "halves", "both", "mean", "last"),
    ]


def test_tables_and_json(tiny):
    found = deployed(tiny, board="nucleo_f411re")
    table = found.table()
    assert [row[1] for row in table.rows] == ["inputs", "stem", "expand", "project"]
    alive = [192, 192 + 256, 256 + 512, 512 + 128]
    assert [record["alive_bytes"] for record in table.records] == alive
    assert [row[4].endswith("← peak") for row in table.rows] == [False, False, True, False]
    data = json.loads(table.render("json"))
    assert data["schema"] == "convcost.memory/1"
    one = data["arena"]
    assert one["runtime"] == "tflm"
    assert one["pointers"] == 32
    assert data["dtype"] == one["dtype"] == "int8"
    assert data["needed_bytes"] == one["total"]
    assert one["total"] == one["head"] + one["persistent"] == one["by_pointers"]["32"]
    assert sum(item["bytes"] for item in one["items"]) == one["persistent"]
    assert data["verdict"]["fits"] is True
    assert data["verdict"]["flash"]["needed"] == data["flash"]["flash_bytes"]
    assert found.to_frame()["alive_bytes"].tolist() == alive
    assert "<table" in found._repr_html_()
    buffers = found.table("tensor").records
    assert {record["name"]: record["size"] for record in buffers} == PIECES
    jsonschema.validate(data, {"type": "object", "required": ["arena", "flash", "board", "verdict"]})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"runtime": "tflite"}, "there is no runtime 'tflite'"),
        ({"kernels": "cmsis"}, "there are no kernels 'cmsis'"),
        ({"pointers": 16}, "addresses have 32 or 64 bits, got 16"),
        ({"board": "nothing"}, "there is no board 'nothing'"),
        ({"board": "rpi_pico", "kernels": "cmsis_nn"}, "Cortex-M33, and the board has Cortex-M0.: leave out --kernels"),
        ({"board": "esp32s3_devkitc", "kernels": "cmsis_nn_mve"}, "the board has Xtensa LX7: leave out --kernels"),
        ({"board": "nucleo_f411re", "kernels": "cmsis_nn_mve"}, "Cortex-M4: give --kernels cmsis_nn"),
    ],
)
def test_what_does_not_exist_is_refused(tiny, options, said):
    with pytest.raises(UsageError, match=said):
        deployed(tiny, **options)


@pytest.mark.parametrize(
    ("place", "kernels"),
    [("nucleo_f446re", "cmsis_nn"), ("stm32n6570_dk", "cmsis_nn_mve"), ("rpi_pico", ""), ("esp32_devkitc", "")],
)
def test_the_kernels_that_a_core_has_are_told(place, kernels):
    said = dict(deployed("ds_cnn_s", board=place).notes).get("kernels", "")
    total = load("ds_cnn_s").arena(pointers=32, kernels=kernels).total if kernels else 0
    assert said == (
        f"with --kernels {kernels}, which this core has, the arena takes {total:,} bytes" if kernels else ""
    )
    assert "kernels" not in dict(deployed("ds_cnn_s", board=place, kernels=kernels or "reference").notes)


REFUSED = """
convcost: 1
name: refused
knobs: {resolution: 8}
input: [resolution, resolution, 3]
layers:
  - conv2d: {channels: 4, kernel: 3}
  - gelu
"""


def test_what_the_runtime_refuses_fits_nowhere(tmp_path):
    """TensorFlow Lite Micro has no kernel for GELU, however much memory there is."""
    file = tmp_path / "refused.yaml"
    file.write_text(REFUSED, encoding="utf-8")
    why = "the runtime has no kernel for GELU: it refuses the model"
    free, limited = deployed(str(file)), deployed(str(file), limit=1 << 20)
    placed = deployed(str(file), board="nucleo_h743zi")
    assert free.arena.refused == placed.verdict.refused == (why,)
    assert (free.fits, limited.fits, placed.fits) == (True, False, False)
    assert limited.remedies == placed.remedies == ()
    assert placed.verdict.to_dict()["refused"] == [why]
    assert dict(placed.notes)["verdict"] == f"does not run on nucleo_h743zi: {why}"
    assert dict(limited.notes)["refused"] == why
    assert dict(limited.notes)["limit"].endswith("enough, but the runtime does not load the model")
    assert [failure.what for failure in check(str(file), board="nucleo_h743zi").failures] == [f"refused: {why}"]


def narrow(folder: Path, knobs: str, side: str, channels: str) -> str:
    """A convolution of stride 1, whose output is the most that is alive."""
    path = folder / "narrow.yaml"
    path.write_text(
        f"convcost: 1\nname: narrow\n{knobs}input: [{side}, {side}, 3]\nlayers:\n"
        f"  - conv2d: {{channels: {channels}, kernel: 3, padding: same}}\n  - relu\n",
        encoding="utf-8",
    )
    return str(path)


def test_a_width_between_two_hundredths_is_found(tmp_path):
    network = load(narrow(tmp_path, "knobs: {width: 1.0, resolution: 32}\n", "resolution", "16*width"))
    totals = {channels: network.at(width=channels / 16).arena().total for channels in range(1, 17)}
    for channels in (6, 4, 13):  # 0.375 is no hundredth, 0.25 is one, 0.8125 is none
        remedies = {one.change: one.ram for one in deployed(network, limit=totals[channels]).remedies}
        assert remedies[f"--set width={channels / 16:g}"] == totals[channels]


def test_an_input_that_no_knob_sets_is_made_smaller(tmp_path):
    path = narrow(tmp_path, "", "32", "16")
    totals = {side: deployed(load(path, input_shape=(side, side))).arena.total for side in range(17, 24)}
    found = deployed(path, limit=totals[20])
    assert [(one.change, one.ram) for one in found.remedies] == [("--input 20x20", totals[20])]
    assert totals[20] < totals[21]


@pytest.mark.parametrize(
    ("knobs", "side", "dtype", "said"),
    [
        ("", "32", None, "nothing that was tried: a smaller --input"),
        ("", "32", "fp32", "nothing that was tried: int8, a smaller --input"),
        ("knobs: {resolution: 32}\n", "resolution", None, "nothing that was tried: a smaller resolution"),
        (
            "knobs: {width: 1}\n",
            "32",
            None,
            "nothing that was tried: a smaller --input; width is a whole number, and 1 already: knobs: {width: 1.0} is searched",
        ),
        (
            "knobs: {resolution: 32, width: 1.0}\n",
            "resolution",
            "fp32",
            "nothing that was tried: int8, a smaller resolution, a smaller width, width and resolution together",
        ),
    ],
)
def test_where_nothing_helps_that_alone_is_told_which_was_tried(tmp_path, knobs, side, dtype, said):
    path = narrow(tmp_path, knobs, side, "16*width" if "width" in knobs else "16")
    found = deployed(path, dtype=dtype, limit=1)
    assert found.remedies == ()
    assert dict(found.notes)["would fit"] == said


def test_a_network_without_anything_to_set_says_so(tmp_path):
    path = tmp_path / "line.yaml"
    path.write_text("convcost: 1\nname: line\ninput: [64]\nlayers:\n  - linear: {channels: 8}\n", encoding="utf-8")
    said = dict(deployed(str(path), limit=1).notes)["would fit"]
    assert said == "nothing was tried; it is int8 already; it has no knobs to set"
