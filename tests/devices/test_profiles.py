"""What runtimes write down, by hand: which times count, of which runs, and what is refused."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from helpers.paths import ROOT
from hypothesis import given
from hypothesis import strategies as st

from convcost.core.errors import ConvcostError, SpecError, UsageError
from convcost.devices.profiles import Ran, is_profile, of_onnxruntime, of_tflite, read_profile

if TYPE_CHECKING:
    from pathlib import Path

REAL = ROOT / "tests" / "measured" / "mobilenet_v3_small_profile.json"


def run(start: int, took: int) -> dict[str, Any]:
    return {"cat": "Session", "name": "model_run", "ts": start, "dur": took, "args": {}}


def node(start: int, took: int, name: str, kind: str = "Conv", number: str = "0") -> dict[str, Any]:
    args = {"op_name": kind, "node_index": number, "provider": "CPUExecutionProvider"}
    return {"cat": "Node", "name": f"{name}_kernel_time", "ts": start, "dur": took, "args": args}


SESSION = [
    {"cat": "Session", "name": "session_initialization", "ts": 0, "dur": 900, "args": {}},
    run(1000, 500),
    node(1010, 300, "a"),
    node(1400, 50, "b", "Relu", "1"),
    run(2000, 120),
    node(2010, 60, "a"),
    node(2080, 9, "b", "Relu", "1"),
    node(2090, 8, "b", "Relu", "1"),  # in a loop: twice in a run
    run(3000, 140),
    node(3010, 70, "a"),
    node(3100, 5, "b", "Relu", "1"),
    run(4000, 400),
    node(4010, 200, "a"),
    node(4300, 30, "b", "Relu", "1"),
    node(5000, 7, "a"),  # of no run
]


def test_of_a_session_the_least_or_the_median_time_counts_after_the_first_run() -> None:
    found = of_onnxruntime(json.dumps(SESSION), "p.json")
    assert found.nodes == (Ran("a", "Conv", 0.060), Ran("b", "Relu", 0.005))
    assert found.ms == 0.120
    assert found.note == "the least of 3 runs, after one to warm up"
    middle = of_onnxruntime(json.dumps(SESSION), "p.json", "median")
    assert middle.nodes == (Ran("a", "Conv", 0.070), Ran("b", "Relu", 0.017))
    assert middle.ms == 0.140


def test_a_session_of_one_run_has_no_other_to_take() -> None:
    found = of_onnxruntime(json.dumps(SESSION[:4]), "p.json")
    assert (found.nodes[0].ms, found.ms, found.note) == (0.3, 0.5, "the least of 1 run")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (json.dumps(SESSION)[:-40], "p.json: is no valid JSON"),
        ("[" * 100_000, "p.json: is no valid JSON"),
        (json.dumps([run(0, 5)]), "p.json: no node ran; a session is profiled by SessionOptions.enable_profiling"),
        (json.dumps([run(0, 5), node(1, -2, "a")]), "p.json: event 2 needs name, ts and dur, numbers from 0"),
        (json.dumps([{**node(1, 2, "a"), "dur": "2"}]), "p.json: event 1 needs name, ts and dur"),
        (json.dumps([{**node(1, 2, "a"), "name": 3}]), "p.json: event 1 needs name, ts and dur"),
        (json.dumps([{**node(1, 2, "a"), "dur": 1e300}]), "p.json: event 1 needs name, ts and dur"),
        ('[{"cat": "Node", "name": "a_kernel_time", "ts": 1, "dur": NaN}]', "p.json: event 1 needs name, ts and dur"),
        (json.dumps([run(0, 5), node(9, 2, "a")]), "p.json: no node ran"),
    ],
)
def test_what_is_no_profile_of_a_session_is_refused_in_a_line(text: str, says: str) -> None:
    with pytest.raises((UsageError, SpecError)) as caught:
        of_onnxruntime(text, "p.json")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


LOG = """STARTING!
Num threads: [1]
Graph: [/data/local/tmp/net.tflite]
Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
count=9 first=64791 curr=56295 min=54873 max=65831 avg=57758.2 std=4065

Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
count=50 first=1154 curr=1109 min=1077 max=1720 avg=1143.2 std=62

Inference timings in us: Init: 18777, First inference: 64791, Warmup (avg): 57758.2, Inference (avg): 1143.2
Profiling Info for Benchmark Initialization:
============================== Run Order ==============================
\t             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t         AllocateTensors\t    0.061\t    0.031\t100.000%\t100.000%\t     0.000\t        2\tAllocateTensors/0

Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
\t             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t                 CONV_2D\t    0.640\t    0.600\t 60.000%\t 60.000%\t     0.000\t        1\t[a/Relu;a/BiasAdd, b]:0
\t                     ADD\t    0.400\t    0.400\t 40.000%\t100.000%\t     0.000\t        2\t[sum]:1

============================== Top by Computation Time ==============================
\t             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]
\t                     ADD\t    0.400\t    0.400\t 40.000%\t100.000%\t     0.000\t        2\t[sum]:1
"""
NODES = (Ran("a/Relu;a/BiasAdd, b", "CONV_2D", 0.6, 0), Ran("sum", "ADD", 0.8, 1))  # called twice in a run


def test_what_benchmark_model_prints_is_read() -> None:
    found = of_tflite(LOG, "log.txt")
    assert found.nodes == NODES
    assert found.ms == 1.077
    assert of_tflite(LOG, "log.txt", "median").ms == 1.1432  # it prints no median, but an average
    assert of_tflite(LOG.replace("std=62", "std=62 p5=1080 median=1110 p95=1200"), "log.txt", "median").ms == 1.110


def test_a_phone_that_writes_before_each_line_and_a_screen_without_tabs_are_read() -> None:
    before = "05-31 10:31:13.146 21767 21767 I tflite  : "
    assert of_tflite("\n".join(before + line for line in LOG.splitlines()), "log.txt").nodes == NODES
    assert of_tflite(LOG.replace("\t", "   "), "log.txt").nodes == NODES


def test_the_csv_of_benchmark_model_is_read() -> None:
    text = """Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
node type, first, avg_ms, %, cdf%, mem KB, times called, name
CONV_2D, 0.64, 0.6, 60%, 60%, 0, 1, [a/Relu;a/BiasAdd\t b]:0
ADD, 0.4, 0.4, 40%, 100%, 0, 2, [sum]:1

============================== Top by Computation Time ==============================
"""
    found = of_tflite(text, "p.csv")
    assert found.nodes == NODES  # it writes a tab where a name has a comma
    assert found.ms is None


def test_a_run_without_a_table_of_ops_is_a_time_of_the_whole() -> None:
    found = of_tflite(LOG[: LOG.index("Profiling Info")], "log.txt")
    assert (found.nodes, found.ms) == ((), 1.077)
    assert (
        of_tflite(
            "Inference timings in us: Init: 4, First inference: 5, Warmup (avg): 4e3, Inference (avg): 3500", "l"
        ).ms
        == 3.5
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LOG.replace("    0.600", "     none"), "log.txt: op 1: avg ms must be a number from 0, got 'none'"),
        (LOG.replace("    0.600", "   -0.600"), "log.txt: op 1: avg ms must be a number from 0, got '-0.600'"),
        (LOG.replace("    0.600", "      nan"), "log.txt: op 1: avg ms must be a number from 0, got 'nan'"),
        (LOG.replace("[avg ms]", "[mean]"), "has no columns node type, avg ms and name"),
        ("=== Run Order ===\n\n", "has no columns node type, avg ms and name"),
    ],
)
def test_what_is_no_profile_of_benchmark_model_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        of_tflite(text, "log.txt")
    assert says in str(caught.value)


def test_a_profile_is_known_by_how_it_begins(tmp_path: Path) -> None:
    assert is_profile(str(REAL))
    texts = {"log.txt": LOG, "p.csv": LOG, "p.json": json.dumps(SESSION), "net.json": '{"class_name": "Functional"}'}
    texts |= {"t.csv": "network,ms\nlenet5,1\n", "net.onnx": LOG}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert {name for name in texts if is_profile(str(tmp_path / name))} == {"log.txt", "p.csv", "p.json"}
    assert not is_profile(str(tmp_path / "none.json"))
    with pytest.raises(UsageError, match=r"t\.csv: is no profile: onnxruntime writes JSON"):
        read_profile(str(tmp_path / "t.csv"))


@given(st.data())
def test_no_profile_ends_in_anything_but_an_error_of_ours(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([LOG, json.dumps(SESSION)]))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(st.text(max_size=5)) + text[at + data.draw(st.integers(0, 40)) :]
    for reader in (of_onnxruntime, of_tflite):
        with suppress(ConvcostError):
            reader(text, "p")
