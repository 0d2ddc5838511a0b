"""Programs of TFLite files: whatever a device has, as the file states it; and files that are none."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from helpers.tflite_bytes import File, Graph, Scalar, single
from helpers.tflm_files import FILES
from hypothesis import given, settings
from hypothesis import strategies as st

from convcost.core.errors import SpecError, UsageError
from convcost.deploy.arena import arena
from convcost.deploy.program import Program
from convcost.deploy.runtime import KERNELS, Deployment
from convcost.deploy.stated import stated_program


def read(tmp_path: Path, data: bytes) -> Program:
    path = tmp_path / "file.tflite"
    path.write_bytes(data)
    return stated_program(str(path))


def test_tensors_keep_their_numbers(tmp_path: Path):
    """Input, weights and bias, output of a convolution with a scale for each of 10 channels."""
    found = read(tmp_path, FILES["CONV_2D int8"]())
    assert [(t.shape, t.dtype, t.stored, t.scales) for t in found.tensors] == [
        ((1, 6, 8, 4), "int8", False, 1),
        ((10, 3, 3, 4), "int8", True, 10),
        ((10,), "int32", True, 10),
        ((1, 6, 8, 10), "int8", False, 1),
    ]
    (kernel,) = found.kernels
    assert (kernel.type, kernel.inputs, kernel.outputs) == ("CONV_2D", (0, 1, 2), (3,))
    assert (kernel.attrs["padding"], kernel.attrs["dilation_w_factor"]) == ("SAME", 1)
    assert (found.inputs, found.outputs, found.stated) == ((0,), (3,), True)


def test_subgraphs_stand_in_the_order_of_the_file(tmp_path: Path):
    """The branches of a condition, and one that nothing runs."""
    found = read(tmp_path, FILES["IF"]())
    assert [len(graph.kernels) for graph in found.subgraphs] == [2, 1, 1]
    bodies = found.kernels[0].bodies
    assert bodies[0] is found.subgraphs[0]
    assert bodies[1] is found.subgraphs[1]


def test_variables_and_places(tmp_path: Path):
    assert [t.shape for t in read(tmp_path, FILES["SVDF of rank 2 int8"]()).tensors if t.variable] == [(2, 80)]
    assert read(tmp_path, FILES["offline plan"]()).offsets == (64, 256, -1, -1)


def test_a_subgraph_that_runs_itself(tmp_path: Path):
    file = File()
    graph = Graph(file)
    x, y = graph.tensor("x", [1]), graph.tensor("y", [1])
    graph.op("CALL_ONCE", [x], [y], init_subgraph_index=0)
    file.graphs.append(graph.table([x], [y]))
    with pytest.raises(SpecError, match="runs itself"):
        read(tmp_path, file.bytes())


def test_elements_that_are_no_numbers(tmp_path: Path):
    file = File()
    graph = Graph(file)
    x = graph.tensor("words", [3])
    graph.tensors[x][1] = Scalar("b", 5)
    file.graphs.append(graph.table([x], [x]))
    with pytest.raises(SpecError, match=r"file.tflite.*'words'"):
        read(tmp_path, file.bytes())


def test_a_file_that_is_none(tmp_path: Path):
    with pytest.raises(SpecError, match="not a whole TFLite model"):
        read(tmp_path, b"TFL3" * 100)
    with pytest.raises(SpecError, match="empty"):
        read(tmp_path, b"")


def test_a_kernel_without_what_the_runtime_reads(tmp_path: Path):
    program = read(tmp_path, single("CONV_2D", [(1, 4, 4, 1)], (1, 4, 4, 1)))
    with pytest.raises(UsageError, match="CONV_2D"):
        arena(program)


@settings(max_examples=60)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_damaged_files_end_with_a_message(tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject):
    damaged = bytearray(FILES[name]())
    for place in data.draw(st.lists(st.integers(8, len(damaged) - 1), min_size=1, max_size=4)):
        damaged[place] = data.draw(st.integers(0, 255))
    with suppress(SpecError, UsageError):
        program = read(tmp_path_factory.mktemp("damaged"), bytes(damaged))
        arena(program, Deployment(kernels=data.draw(st.sampled_from(sorted(KERNELS)))))
