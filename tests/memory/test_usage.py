"""What a network needs in all: reports agree, and every tensor is whole bytes."""

from __future__ import annotations

import convcost


def test_report_and_memory_agree() -> None:
    for dtype, batch in (("fp32", 1), ("int4", 3), ("binary", 1)):
        report = convcost.load("squeezenet1_0").report(dtype=dtype, batch=batch, memory_policy="inplace")
        usage = convcost.load("squeezenet1_0").memory("inplace", dtype=dtype, batch=batch)
        assert report.totals.peak_activation_bytes == usage.peak


def test_every_tensor_is_rounded_up_to_whole_bytes() -> None:
    # lenet5's last layers as bits: 84 in, 10 out: 11 + 2 bytes, where 94 bits packed would be 12.
    usage = convcost.load("lenet5").memory(dtype="binary")
    assert [size for tensor, size in zip(usage.lives.tensors, usage.sizes, strict=True)][-2:] == [11, 2]
