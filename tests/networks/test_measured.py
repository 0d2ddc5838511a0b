"""Tables of measurements: which columns and rows are meant, which networks, and what is refused, with its file and row."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from convcost import UsageError, calibrate, load
from convcost.core.errors import ConvcostError
from convcost.devices.kernels import kernels, total
from convcost.networks.calibrate import labels
from convcost.networks.measured.columns import time_column, unit_of
from convcost.networks.measured.named import Namer
from convcost.networks.measured.ops import profile_of_table
from convcost.networks.measured.ran import How
from convcost.networks.measured.sheet import sheet
from convcost.networks.measured.table import Chosen, measured_table

if TYPE_CHECKING:
    from pathlib import Path

    from convcost.networks.measured.table import Taken


def read(tmp_path: Path, text: str | bytes, **said: Any) -> Taken:
    """The measurements of a table with this text."""
    path = tmp_path / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    chosen = {key: value for key, value in said.items() if key in Chosen._fields}
    how = {key: value for key, value in said.items() if key not in chosen}
    return measured_table(str(path), Chosen(**chosen), How(**how))


def times(taken: Taken) -> dict[str, float]:
    return {one.network: one.ms for one in taken.measured}


@pytest.mark.parametrize(
    ("heading", "cell"),
    [
        ("ms", "1.5"),
        ("ms", "1.5e0"),
        ("latency_ms", "1.5"),
        ("Latency (ms)", "1.5"),
        ("avg [us]", "1500"),
        ("inference_time_us", "1500"),
        ("median_ns", "1500000"),
        ("Seconds", "0.0015"),
        ("min µs", "1500"),
        ("throughput_inf_s", "666.6666667"),
        ("FPS", "666.6666667"),
    ],
)
def test_a_heading_says_what_its_times_are_in(tmp_path: Path, heading: str, cell: str) -> None:
    assert times(read(tmp_path, f"model,{heading}\nlenet5,{cell}\n")) == {"lenet5": pytest.approx(1.5)}


@pytest.mark.parametrize(
    ("heading", "ms"),
    [
        ("images_s", 80),
        ("img/s", 80),
        ("throughput (images/s)", 80),
        ("FPS", 80),
        ("inf/s", 10),
        ("qps", 10),
        ("ips", 10),
    ],
)
def test_a_rate_of_images_counts_all_of_a_batch(tmp_path: Path, heading: str, ms: float) -> None:
    # A hundred a second: of images, of which a run has eight, or of runs.
    assert times(read(tmp_path, f"model,batch,{heading}\nlenet5,8,100\n")) == {"lenet5, batch 8": pytest.approx(ms)}
    assert times(read(tmp_path, f"model,{heading}\nlenet5,100\n", batch=8)) == {"lenet5": pytest.approx(ms)}
    unit = "inf/s" if ms == 10 else "img/s"
    found = read(tmp_path, "model,batch,rate\nlenet5,8,100\n", time="rate", unit=unit)
    assert times(found) == {"lenet5, batch 8": pytest.approx(ms)}
    (tmp_path / "t.csv").write_text(f"layer,{heading}\nc1,100\n")
    assert profile_of_table(str(tmp_path / "t.csv"), Chosen(), batch=8).nodes[0].ms == pytest.approx(ms)


def test_of_several_times_the_least_goes_first_and_a_column_can_be_asked_for(tmp_path: Path) -> None:
    text = "model,max_ms,avg_ms,min_ms,latency\nlenet5,3,2,1,9\n"
    assert times(read(tmp_path, text)) == {"lenet5": 1}
    assert times(read(tmp_path, text, time="avg_ms")) == {"lenet5": 2}
    assert times(read(tmp_path, text, time="AVG ms", unit="ms")) == {"lenet5": 2}
    with pytest.raises(UsageError, match=r"t\.csv:1: the column avg_ms is in ms by its heading, and in s by --unit"):
        read(tmp_path, text, time="avg_ms", unit="s")
    assert times(read(tmp_path, text, time="latency", unit="us")) == {"lenet5": pytest.approx(0.009)}
    with pytest.raises(UsageError, match=r"t\.csv:1: the column latency states no unit; --unit ms says it"):
        read(tmp_path, text, time="latency")


def test_a_table_may_be_of_tabs_or_semicolons_with_decimal_commas_and_a_mark_at_its_beginning(tmp_path: Path) -> None:
    text = "\ufeffModel;Latency (ms)\r\nlenet5;1,5\r\n\r\nvgg16;20\r\n"
    assert times(read(tmp_path, text)) == {"lenet5": 1.5, "vgg16": 20}
    assert times(read(tmp_path, "name\tms\nlenet5\t1.5\n")) == {"lenet5": 1.5}


def test_networks_are_spelled_as_on_the_command_line_or_have_knobs_in_columns(tmp_path: Path) -> None:
    taken = read(
        tmp_path,
        "network,width,resolution,ms\n"
        '"mobilenet_v2:width=0.5,resolution=192",,,1\n'
        "MobileNet-V2,0.75,,3\n"
        '"mobilenet_v2:width=0.35",,96,4\n'
        "lenet5,0.5,,6\n"
        "lenet5,1.0,,5\n",
    )
    names = [
        "mobilenet_v2:width=0.5,resolution=192",
        "mobilenet_v2:width=0.75",
        "mobilenet_v2:width=0.35,resolution=96",
    ]
    assert times(taken) == dict(zip([*names, "lenet5"], [1, 3, 4, 5]))
    assert [one.terms for one in taken.measured] == [total(kernels(load(one.network).walked)) for one in taken.measured]
    assert taken.left == {"lenet5": "it has no knob width, and the table says 0.5"}


def test_a_row_may_say_input_batch_and_type(tmp_path: Path) -> None:
    taken = read(tmp_path, "network,input,batch,dtype,ms\nresnet18,96x64,,,1\nresnet18,,8,,2\nresnet18,,,int8,3\n")
    small, eight, narrow = (one.terms for one in taken.measured)
    assert small == total(kernels(load("resnet18", input_shape=(96, 64)).walked))
    one = total(kernels(load("resnet18").walked))
    assert eight["winograd"] == 8 * one["winograd"]
    assert "winograd_int8" in narrow
    assert [found.network for found in taken.measured] == ["resnet18 96×64×3", "resnet18, batch 8", "resnet18, int8"]


def test_names_are_files_of_a_folder_or_stand_beside_the_table(tmp_path: Path) -> None:
    spec = "convcost: 1\nname: {0}\ninput: [8, 8, 3]\nlayers:\n- conv2d: {{channels: {1}, kernel: 3}}\n"
    folder = tmp_path / "nets"
    folder.mkdir()
    for name, channels in (("a", 4), ("b", 6), ("twice", 5)):
        (folder / f"{name}.yaml").write_text(spec.format(name, channels))
    (folder / "twice.onnx").write_bytes(b"")
    taken = read(tmp_path, "model,ms\na,1\nb.yaml,2\ntwice,3\nresnet18,4\n", models=str(folder))
    macs = {name.rpartition("/")[2]: one.terms["direct"] for one in taken.measured for name in [one.network]}
    # "same" padding is not asked for: 6 by 6 outputs, of 27 products for each channel
    assert macs == {"a.yaml": 36 * 27 * 4, "b.yaml": 36 * 27 * 6}
    assert taken.left["twice"].endswith("nets has twice.onnx and twice.yaml; the table has to name one of them")
    assert "nets has no model file of this name" in taken.left["resnet18"]
    beside = read(tmp_path, "model,ms\nnets/a.yaml,1\n")
    assert [one.terms["direct"] for one in beside.measured] == [36 * 27 * 4]
    with pytest.raises(UsageError, match="is no folder"):
        read(tmp_path, "model,ms\na,1\n", models=str(tmp_path / "none"))


def test_runs_of_one_network_count_once_by_their_least_or_median_time(tmp_path: Path) -> None:
    text = "network,run,ms\nlenet5,1,3\nlenet5,2,1\nlenet5,3,2.5\nvgg16,1,7\n"
    taken = read(tmp_path, text)
    assert times(taken) == {"lenet5": 1, "vgg16": 7}
    assert dict(taken.notes)["runs"] == "1 network ran more than once; the least time counts"
    assert times(read(tmp_path, text, repeats="median")) == {"lenet5": 2.5, "vgg16": 7}
    spelled = (
        "network,resolution,ms\nmobilenet_v2,,3\nMobileNetV2,224,2\nmobilenet_v2:width=1.0,224,4\nmobilenet_v2,192,1\n"
    )
    assert times(read(tmp_path, spelled)) == {"mobilenet_v2": 2, "mobilenet_v2:resolution=192": 1}


DEVICES = """device,threads,note,model,ms
"Board 5, fast",1,x,lenet5,1
"Board 5, fast",4,x,lenet5,2
"Board 5, slow",1,x,vgg16,3
Board 4,1,x,lenet5,4
"""


def test_rows_of_several_devices_are_never_put_together(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, DEVICES)
    said = str(caught.value)
    assert "\n" not in said
    assert (
        "differ in device: Board 5, fast, Board 5, slow, Board 4; threads: 1, 4; choose, as in --where device=" in said
    )
    with pytest.raises(UsageError, match="differ in device: Board 5, fast, Board 5, slow; threads: 1, 4"):
        read(tmp_path, DEVICES, where={"device": "board 5"})
    assert times(read(tmp_path, DEVICES, where={"device": "board 5, f", "threads": "4"})) == {"lenet5": 2}
    assert times(read(tmp_path, DEVICES, where={"device": "*", "threads": "1"})) == {"lenet5": 1, "vgg16": 3}
    assert read(tmp_path, DEVICES, where={"device": "Board 4"}).setup == {"device": "Board 4"}
    with pytest.raises(UsageError, match="no row has device=Board 9"):
        read(tmp_path, DEVICES, where={"device": "Board 9"})
    with pytest.raises(UsageError, match="there is no column 'board'"):
        read(tmp_path, DEVICES, where={"board": "4"})


def test_a_column_of_words_that_tells_rows_of_one_network_apart_is_a_setup_whatever_it_is_called(
    tmp_path: Path,
) -> None:
    with pytest.raises(UsageError, match="differ in mood: calm, hot"):
        read(tmp_path, "network,mood,ms\nlenet5,calm,1\nlenet5,hot,2\n")
    assert times(read(tmp_path, "network,mood,ms\nlenet5,calm,1\nvgg16,hot,2\n")) == {"lenet5": 1, "vgg16": 2}


def rows_at(column: str, first: str, second: str) -> str:
    """A table of three networks that ran in two ways: the second takes half the time."""
    nets = (("lenet5", 1), ("vgg16", 40), ("resnet18", 8))
    rows = [f"{net},{value},{ms / by}" for value, by in ((first, 1), (second, 2)) for net, ms in nets]
    return "\n".join([f"network,{column},ms", *rows, ""])


SET = (
    "nthreads", "num_threads", "numThreads", "nthr", "opt_level", "clock_mhz", "use_gpu", "batchsize_max", "simd", "cores",
    "device id", "fan speed", "idle_run_pct",
)  # fmt: skip
RUN = (
    "run",
    "run_id",
    "Iteration",
    "trial no",
    "#",
    "seed",
    "date",
    "timestamp",
    "Start_ms",
    "std",
    "max",
    "p90 latency",
)


@pytest.mark.parametrize("column", SET)
def test_numbers_that_recur_over_networks_and_differ_within_one_are_a_setup_whatever_they_are_called(
    tmp_path: Path, column: str
) -> None:
    for first, second in (("1", "4"), ("0", "1"), ("0.5", "2e3"), ("25%", "50%")):
        text = rows_at(column, first, second)
        with pytest.raises(UsageError) as caught:
            read(tmp_path, text)
        asked = f'"{column}"' if " " in column else column
        assert f"differ in {column}: {first}, {second}; choose, as in --where {asked}=" in str(caught.value)
        assert times(read(tmp_path, text, where={column: second})) == {"lenet5": 0.5, "vgg16": 20, "resnet18": 4}
        assert times(read(tmp_path, text, where={column: "*"})) == {"lenet5": 0.5, "vgg16": 20, "resnet18": 4}
    # the other way of running may have been tried with one network only
    with pytest.raises(UsageError, match="differ in"):
        read(tmp_path, f"network,{column},ms\nlenet5,1,1\nvgg16,1,40\nresnet18,1,8\nlenet5,4,0.5\n")


@pytest.mark.parametrize("column", RUN)
def test_numbers_of_runs_and_of_times_tell_no_setups_apart(tmp_path: Path, column: str) -> None:
    assert times(read(tmp_path, rows_at(column, "1", "2"))) == {"lenet5": 0.5, "vgg16": 20, "resnet18": 4}


def test_what_was_measured_in_each_run_tells_no_setups_apart(tmp_path: Path) -> None:
    text = "network,peak_kb,params,ms\nlenet5,301,61,1\nlenet5,305,61,2\nvgg16,9120,138,9\nvgg16,9124,138,8\n"
    assert times(read(tmp_path, text)) == {"lenet5": 1, "vgg16": 8}
    same = "network,level,ms\nlenet5,4,1\nlenet5,4.0,2\nvgg16,4,9\n"
    assert times(read(tmp_path, same)) == {"lenet5": 1, "vgg16": 9}


@pytest.mark.parametrize("column", ["batch", "batch_size", "batchsize", "batchSize", "Batch Size"])
def test_a_batch_is_how_a_network_ran_however_its_column_is_spelled(tmp_path: Path, column: str) -> None:
    one, eight = read(tmp_path, f"network,{column},ms\nresnet18,1,1\nresnet18,8,6\n").measured
    assert (one.network, one.ms, eight.network, eight.ms) == ("resnet18", 1, "resnet18, batch 8", 6)
    assert eight.terms["winograd"] == 8 * one.terms["winograd"]


@pytest.mark.parametrize("spelled", ["mobilenet-ssd", "MobileNet_SSD", "mobilenet ssd", "mobilenet_ssd.YAML"])
def test_names_of_files_may_be_spelled_with_dashes_and_in_any_case(tmp_path: Path, spelled: str) -> None:
    folder = tmp_path / "nets"
    folder.mkdir()
    spec = "convcost: 1\nname: {}\ninput: [8, 8, 3]\nlayers:\n- conv2d: {{channels: 4, kernel: 3}}\n"
    for name in ("mobilenet_ssd", "mobilenetssd", "Net-1", "net_1"):
        (folder / f"{name}.yaml").write_text(spec.format(name.replace("-", "_")))
    text = f"model,run,ms\n{spelled},1,3\nmobilenet_ssd,2,2\n"
    taken = read(tmp_path, text, models=str(folder))
    assert {name.rpartition("/")[2]: ms for name, ms in times(taken).items()} == {"mobilenet_ssd.yaml": 2}
    taken = read(tmp_path, "model,ms\nnet_1,1\nNet-1,2\nNET_1,3\n", models=str(folder))
    assert sorted(name.rpartition("/")[2] for name in times(taken)) == ["Net-1.yaml", "net_1.yaml"]
    assert taken.left["NET_1"].endswith("nets has Net-1.yaml and net_1.yaml; the table has to name one of them")


def test_what_cannot_be_used_is_left_out_and_named(tmp_path: Path) -> None:
    taken = read(tmp_path, "network,ms\nlenet5,1\nresnet17,2\nvgg16,\nmobilenet_v2:width=-1,4\n,5\n")
    assert times(taken) == {"lenet5": 1}
    assert taken.left["resnet17"].startswith("there is no such network in the zoo; is it resnet")
    assert taken.left["vgg16"].endswith("t.csv:4: ms is empty")
    assert set(taken.left) == {"resnet17", "vgg16", "mobilenet_v2:width=-1", ""}


HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "t.csv: is empty; a table of measurements begins with a heading"),
    "blank": ("\n\n  \n", "t.csv: is empty"),
    "a heading alone": ("network,ms\n", "t.csv: has a heading and no rows"),
    "NaN": ("network,ms\nlenet5,nan\n", "t.csv:2: ms must be a number above 0, got 'nan'"),
    "infinite": ("network,ms\nvgg16,2\nlenet5,inf\n", "t.csv:3: ms must be a number above 0, got 'inf'"),
    "negative": ("network,ms\nlenet5,-1\n", "t.csv:2: ms must be a number above 0, got '-1'"),
    "zero": ("network,ms\nlenet5,0\n", "t.csv:2: ms must be a number above 0, got '0'"),
    "a rate of zero": ("network,fps\nlenet5,0\n", "t.csv:2: fps must be a number above 0, got '0'"),
    "a word": ("network,ms\nlenet5,fast\n", "t.csv:2: ms must be a number above 0, got 'fast'"),
    "underscores": ("network,ms\nlenet5,1_0\n", "t.csv:2: ms must be a number above 0, got '1_0'"),
    "a power that nobody can write out": ("network,ms\nlenet5,1e999999999\n", "got '1e999999999'"),
    "too long": ("network,ms\nlenet5,1e12\n", "t.csv:2: ms must be a number above 0 and a time from 1 ps to 12 days"),
    "no networks": ("device,ms\na,1\n", "t.csv:1: no column names networks"),
    "no times": ("network,flops\nlenet5,1\n", "t.csv:1: no column has times"),
    "the same column twice": ("network,ms,ms\nlenet5,1,2\n", "t.csv:1: the column ms stands twice"),
    "a cell too many": ("network,ms\nlenet5,1,2\n", "t.csv:2: 3 cells where the heading has 2; a cell with a comma"),
    "a cell too few": ("network,ms,x\nlenet5,1\n", "t.csv:2: 2 cells where the heading has 3"),
    "an open quote": ('network,ms\n"lenet5,1\n', "t.csv:2: not valid CSV"),
    "zero bytes": (b"a,ms\0\n", "t.csv: is no table: it has zero bytes"),
    "binary": (bytes(range(256)), "not UTF-8 text"),
    "a huge cell": (f"network,ms\n{'x' * 200_000},1\n", "t.csv:2: not valid CSV: field larger than field limit"),
    "too large": (b"network,ms\n" + b"lenet5,1\n" * 2**22, "t.csv: is larger than a table of measurements may be"),
    "too many rows": ("network,ms\n" + "lenet5,1\n" * 200_001, "t.csv: has more than 200,000 rows"),
}


@pytest.mark.parametrize("sort", HOSTILE)
def test_a_hostile_table_is_refused_in_a_line_that_names_file_and_row(tmp_path: Path, sort: str) -> None:
    text, said = HOSTILE[sort]
    with pytest.raises(ConvcostError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=200) | st.binary(max_size=200))
@example("network,ms\n=,1\n")
@example("network,ms\n:=,1\n")
def test_no_table_ends_in_anything_but_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, text: str | bytes
) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    for head in ("", "network,ms\n", "network,width,ms\nmobilenet_v2,"):
        whole = head + text if isinstance(text, str) else head.encode() + text
        with suppress(ConvcostError):
            read(folder, whole.encode("utf-8", "surrogatepass") if isinstance(whole, str) else whole)


def test_units_at_the_end_of_headings() -> None:
    assert unit_of("p50 latency ms") == ("p50 latency", "ms")
    assert unit_of("classes") == ("classes", "")
    with pytest.raises(UsageError, match="there is no unit 'hours'"):
        time_column(sheet("network,ms\nlenet5,1\n", "t.csv"), unit="hours")


def test_a_calibration_of_too_few_says_the_file_and_what_was_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("network,ms\nlenet5,1\nfoo,2\n")
    with pytest.raises(
        UsageError, match=r"t\.csv: a calibration needs at least 4 networks.*foo: there is no such network"
    ):
        calibrate(path)


def test_all_that_is_wrong_with_a_table_is_said_at_once(tmp_path: Path) -> None:
    rows = ("mobilenet_v2,abc", "lenet5,2", "resnet18,-3", ",5", "vgg16,", "alexnet,inf", "lenet5,0")
    with pytest.raises(UsageError) as caught:
        read(tmp_path, "network,ms\n" + "\n".join(rows))
    said = str(caught.value).splitlines()
    assert [re.sub(r"^.*/", "", line) for line in said] == [
        "t.csv:2: ms must be a number above 0, got 'abc'",
        "t.csv:4: ms must be a number above 0, got '-3'",
        "t.csv:5: network is empty",
        "t.csv:6: ms is empty",
        "t.csv:7: ms must be a number above 0, got 'inf'",
        "t.csv:8: ms must be a number above 0, got '0'",
    ]
    with pytest.raises(UsageError) as caught:
        read(tmp_path, "network,ms\nlenet5\nlenet5,1\nlenet5,1,2\n")
    assert [line.partition("t.csv:")[2][:2] for line in str(caught.value).splitlines()] == ["2:", "4:"]
    with pytest.raises(UsageError) as caught:
        read(tmp_path, "network,ms\n" + "lenet5,x\n" * 1000)
    assert str(caught.value).splitlines()[-1] == "… and 940 more problems"


def test_too_few_networks_are_counted_and_named_with_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("network,ms\nmobilenet_v2,20\nresnet18,30\nvgg16,40\n")
    with pytest.raises(UsageError, match="got 3: mobilenet_v2 and resnet18 and vgg16; 1 more is missing"):
        calibrate(path)


def test_a_file_without_sizes_says_that_a_column_may_hold_them(tmp_path: Path) -> None:
    layers = ["Input data 0 1 data", "Convolution c 1 1 data o 0=8 1=3 5=1 6=216", "ReLU r 1 1 o p"]
    (tmp_path / "net.param").write_text("\n".join(["7767517", "3 3", *layers, ""]))
    taken = read(tmp_path, "network,ms\nnet.param,1\n")
    assert "a column input of the table says it" in next(iter(taken.left.values()))
    taken = read(tmp_path, "network,ms,input\nnet.param,1,64x64x3\nnet.param,2,96x96x3\n")
    assert not taken.left
    assert len(taken.measured) == 2


def test_a_table_calls_files_by_their_stems_unless_two_have_the_same() -> None:
    assert labels(["/far/away/squeezenet.param", "/far/away/alexnet.yaml:classes=10, batch 8"]) == {
        "/far/away/squeezenet.param": "squeezenet",
        "/far/away/alexnet.yaml:classes=10, batch 8": "alexnet:classes=10, batch 8",
    }
    same = ["a/net.onnx", "b/net.onnx", "stage1.conv", "mobilenet_v2:width=0.5"]
    assert labels(same) == {name: name for name in same}
    assert labels(["nets/vgg16.onnx", "vgg16"])["nets/vgg16.onnx"] == "nets/vgg16.onnx"


def test_of_many_names_that_no_network_has_the_first_are_compared_with_all() -> None:
    namer = Namer()
    said = []
    for at in range(101):
        with pytest.raises(UsageError) as caught:
            namer.run(f"resnet18x{at}", {})
        said.append(str(caught.value))
    assert all(one.startswith("there is no such network in the zoo; is it resnet") for one in said[:100])
    assert said[100] == "there is no such network in the zoo"


def test_a_column_that_stands_twice_among_many_is_named() -> None:
    names = [f"c{at}" for at in range(16_000)]
    with pytest.raises(UsageError, match=r"^t\.csv:1: the column c7 stands twice$"):
        sheet(",".join([*names, "c7"]) + "\n1\n", "t.csv")
