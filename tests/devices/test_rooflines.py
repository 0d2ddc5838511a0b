"""The rooflines of datasheets: figures that were read somewhere, and follow from each other where they must."""

from __future__ import annotations

import re

import pytest

from convcost import UsageError, list_devices
from convcost.core.dtypes import DTYPE_BITS
from convcost.devices.catalog import devices_table
from convcost.devices.device import Device, Roofline
from convcost.devices.stored import find

ROOFLINES = [name for name in list_devices() if isinstance(find(name), Roofline)]


def test_there_are_some() -> None:
    assert len(ROOFLINES) >= 10
    assert not {*ROOFLINES} & {name for name in list_devices() if isinstance(find(name), Device)}


@pytest.mark.parametrize("name", ROOFLINES)
def test_each_has_a_title_and_says_where_it_was_read(name: str) -> None:
    device = find(name)
    assert isinstance(device, Roofline)
    assert device.title
    assert re.search(r"\d", device.source), "the figures as they stand there"
    assert "GB/s" in device.source
    assert {*device.macs} <= {*DTYPE_BITS}
    speeds = [device.macs[dtype] for dtype in sorted(device.macs, key=lambda one: -DTYPE_BITS[one])]
    assert speeds == sorted(speeds), "what has fewer bits is not slower"


PRINTED = [
    # As the sources print them: TFLOPS or TOPS, dense, and GB/s.
    ("v100", "fp32", 15.7, 900),
    ("v100", "fp16", 125, 900),
    ("t4", "fp32", 8.141, 320),
    ("t4", "int8", 130, 320),
    ("a100", "fp32", 19.5, 1555),
    ("a100", "fp16", 312, 1555),
    ("a100", "int8", 624, 1555),
    ("h100", "fp32", 67, 3350),
    ("h100", "fp16", 1979 / 2, 3350),
    ("h100", "int8", 3958 / 2, 3350),
    ("gtx_1080_ti", "fp32", 11.3, 484.4),
    ("rtx_2080_ti", "fp16", 26.90, 616),
    ("rtx_3090", "fp32", 35.58, 936.2),
    ("rtx_4090", "fp32", 82.58, 1008),
    ("rtx_4090", "fp16", 165.15, 1008),
    ("rtx_4090", "int8", 660.60, 1008),
    ("jetson_nano", "fp32", 2 * 128 * 921e6 / 1e12, 25.6),
    ("jetson_tx2", "fp32", 0.7501, 59.7),
    ("jetson_agx_xavier", "fp16", 20, 137),
    ("jetson_orin_nano_super", "fp32", 2 * 1024 * 1.02e9 / 1e12, 102),
    ("jetson_orin_nano_super", "int8", 67 / 2, 102),
    ("apple_m1_gpu", "fp32", 2.617, 66.67),
    ("ethos_u55_256", "int8", 2 * 256 * 500e6 / 1e12, 4),
    ("ethos_u65_512", "int8", 2 * 512 * 1e9 / 1e12, 16),
    ("t4", "fp16", 65.13, 320),
    ("rtx_2080_ti", "fp32", 13.45, 616),
    ("rtx_3090", "fp16", 35.58, 936.2),
    ("jetson_tx2", "fp16", 1.5, 59.7),
    ("jetson_agx_xavier", "fp32", 1.3, 137),
    ("apple_m1_gpu", "fp16", 5.2, 66.67),
    ("ethos_u55_256", "int16", 256 * 500e6 / 1e12, 4),
]
CACHES = {
    "v100": 6144 * 2**10, "t4": 4 * 2**20, "a100": 41_943_040, "h100": 50 * 2**20,
    "rtx_3090": 6 * 2**20, "rtx_4090": 72 * 2**20, "jetson_tx2": 512 * 2**10,
}  # fmt: skip
"""Bytes, as the sources print them; the others state none."""


def test_every_figure_is_held_to_what_is_printed() -> None:
    found = {name: find(name) for name in ROOFLINES}
    speeds = {(name, dtype) for name, one in found.items() if isinstance(one, Roofline) for dtype in one.macs}
    assert sorted((name, dtype) for name, dtype, *_ in PRINTED) == sorted(speeds)
    assert {name: one.cache for name, one in found.items() if isinstance(one, Roofline) and one.cache} == CACHES


@pytest.mark.parametrize(("name", "dtype", "tera_operations", "gigabytes"), PRINTED)
def test_a_mac_is_two_operations(name: str, dtype: str, tera_operations: float, gigabytes: float) -> None:
    device = find(name)
    assert isinstance(device, Roofline)
    assert 2 * device.macs[dtype] == pytest.approx(tera_operations * 1e12, rel=1e-9)
    assert device.bandwidth == pytest.approx(gigabytes * 1e9, rel=1e-9)


def test_devices_are_listed_and_found() -> None:
    assert list_devices("v100") == ("v100",)
    assert {"jetson_nano", "jetson_nano_gpu_ncnn"} <= {*list_devices("jetson_nano*")}
    with pytest.raises(UsageError, match="no device matches 'zzz'"):
        list_devices("zzz")
    rows = {row[0]: row for row in devices_table().rows}
    assert [*rows] == [*list_devices()]
    assert rows["v100"][1:3] == ["roofline", "fp32 7,850 MAC/ns"]
    records = {record["name"]: record for record in devices_table().records}
    assert records["v100"]["error_median"] is None
    assert records["sd855"]["networks"] == 23
