"""The file that TensorFlow would write: its sizes are those of files that it has written."""

from __future__ import annotations

import pytest

from convcost.deploy.flash import deployed_size
from convcost.deploy.packing import Packer
from convcost.deploy.program import Kernel, Program, Tensor

#: A network of two convolutions, a sum, a concatenation, a pooling and a linear layer on 16×16×3, as TensorFlow 2.21 converts
#: it from Keras to int8: the lengths of the tensors' names, shapes, scales. Its file has 15,192 bytes.
_TENSORS = [
    (30, (1, 16, 16, 3), "int8", 1, False),
    (14, (2,), "int32", 0, True),
    (28, (10,), "int32", 10, True),
    (27, (10, 1024), "int8", 10, True),
    (128, (8,), "int32", 8, True),
    (35, (8, 3, 3, 8), "int8", 8, True),
    (120, (8,), "int32", 8, True),
    (33, (8, 3, 3, 3), "int8", 8, True),
    (121, (1, 16, 16, 8), "int8", 1, False),
    (129, (1, 16, 16, 8), "int8", 1, False),
    (22, (1, 16, 16, 8), "int8", 1, False),
    (33, (1, 16, 16, 16), "int8", 1, False),
    (38, (1, 8, 8, 16), "int8", 1, False),
    (30, (1, 1024), "int8", 1, False),
    (27, (1, 10), "int8", 1, False),
]
_CONV = {"padding": "SAME", "stride_w": 1, "stride_h": 1, "fused_activation_function": "RELU"}
_POOL = {"padding": "VALID", "stride_w": 2, "stride_h": 2, "filter_width": 2, "filter_height": 2}
_KERNELS = (
    Kernel("CONV_2D", "", (0, 7, 6), (8,), _CONV),
    Kernel("CONV_2D", "", (8, 5, 4), (9,), _CONV),
    Kernel("ADD", "", (8, 9), (10,)),
    Kernel("CONCATENATION", "", (10, 8), (11,), {"axis": -1}),
    Kernel("MAX_POOL_2D", "", (11,), (12,), _POOL),
    Kernel("RESHAPE", "", (12, 1), (13,)),
    Kernel("FULLY_CONNECTED", "", (13, 3, 2), (14,)),
)


def _program() -> Program:
    tensors = tuple(Tensor("n" * name, shape, dtype, stored, scales=n) for name, shape, dtype, n, stored in _TENSORS)
    return Program(tensors, _KERNELS, (0,), (14,))


def test_a_file_of_tensorflow_is_met_to_the_byte():
    found = deployed_size(_program())
    assert (found.file_bytes, found.exact) == (15_192, False)


def test_its_items_are_what_the_network_has():
    """Kernels of 216, 576 and 10,240 bytes; 26 biases of four; 60 scales: 26 of kernels, 26 of biases, 8 tensors."""
    items = {item.name: (item.bytes, item.count) for item in deployed_size(_program()).items}
    assert items["kernels int8"] == (216 + 576 + 10_240,) * 2
    assert items["biases int32"] == (4 * 26, 26)
    assert items["constants int32"] == (8, 2)
    assert items["scales"] == (4 * (60 + 14), 60)  # 14 vectors, each with its length
    assert items["zero points"] == (8 * 60 + 4 * 14, 60)
    assert items["names"] == (sum(name for name, *_ in _TENSORS) + 5 * 15, 15)  # a length and a zero each


def test_weights_are_kernels_and_biases():
    assert deployed_size(_program()).weight_bytes == 216 + 576 + 10_240 + 4 * 26


def test_binary_kernels_are_packed():
    tensors = tuple(t._replace(dtype="binary") if t.shape == (8, 3, 3, 8) else t for t in _program().tensors)
    found = deployed_size(Program(tensors, _KERNELS, (0,), (14,)))
    assert found.weight_bytes == 216 + 576 // 8 + 10_240 + 4 * 26
    assert {item.name for item in found.items} >= {"kernels binary", "kernels int8"}


def test_the_runtime_is_kept_apart():
    found = deployed_size(_program(), runtime=40_000)
    assert found.flash_bytes == found.file_bytes + 40_000 == 15_192 + 40_000


# -- the packer, by hand ---------------------------------------------------------------------------------------------------


def test_equal_tables_share_one_vtable():
    """A table of one offset: 4 bytes to its vtable and 4 of its own; the vtable has 2 sizes and 1 place of 2 bytes each."""
    packer = Packer()
    packer.table("tensors", [(0, 4)])
    assert packer.tally.bytes == {"tensors": 8, "vtables": 6}
    packer.text("names", "")
    packer.table("tensors", [(0, 4)])
    assert packer.tally.bytes["vtables"] == 6


@pytest.mark.parametrize(("bytes_", "zeros"), [(8, 0), (7, 1), (5, 3)])
def test_vectors_start_at_multiples_of_four(bytes_: int, zeros: int):
    packer = Packer()
    packer.vector("buffers", 1, bytes_)
    assert packer.tally.bytes == {"alignment": zeros, "buffers": bytes_ + 4}


def test_eight_bytes_stand_at_multiples_of_eight():
    """From the end: 4 of a length, then 8 of a number need 4 zeros behind it."""
    packer = Packer()
    packer.vector("scales", 4, 0)
    packer.vector("zero points", 8, 1, 1)
    assert packer.tally.bytes == {"alignment": 4, "scales": 4, "zero points": 12}


def test_sizes_may_be_arrays():
    """A grid of sizes gives at each point what that size gives alone: paddings of tables depend on none."""
    import numpy as np

    widths = np.array([1, 2, 3, 5, 8, 13])

    def size(channels):
        tensors = [list(row) for row in _TENSORS]
        tensors[5][1], tensors[5][3] = (channels, 3, 3, 8), channels
        made = tuple(Tensor("n" * name, shape, dtype, stored, scales=n) for name, shape, dtype, n, stored in tensors)
        return deployed_size(Program(made, _KERNELS, (0,), (14,))).file_bytes

    assert size(widths).tolist() == [size(int(width)) for width in widths]


def test_a_table_has_a_row_for_each_item():
    found = deployed_size(_program())
    table = found.table()
    assert [row[0] for row in table.rows] == [item.name for item in found.items]
    assert table.total is not None
    assert table.total[1] == "15,192"
    assert sum(int(row[1].replace(",", "")) for row in table.rows) == 15_192
    assert found.to_frame()["bytes"].sum() == 15_192
    assert "<table" in found._repr_html_()
