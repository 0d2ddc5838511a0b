"""Published latencies: each of one network on one setup, none twice, and of the very network that was timed."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest

from convcost import load
from convcost.core.errors import UsageError
from convcost.published.data import claims
from convcost.published.latency import Timings, setups, timings, timings_on

_PADDLE_MACS = {
    "MobileNetV1_x0_25": "43.56",
    "MobileNetV2_x0_25": "34.18",
    "MobileNetV2_x0_75": "197.37",
    "MobileNetV2": "327.84",
    "MobileNetV3_large_x0_35": "40.90",
    "MobileNetV3_small_x1_25": "100.07",
    "MobileNetV3_small_x0_35": "14.56",
    "ShuffleNetV2_x1_5": "301.35",
}
"""Millions, from the source's own column, of a network of each kind."""


def _paddle_flops(network: str) -> int:
    """What paddle.flops counts, from the layers: its source is PaddlePaddle/Paddle python/paddle/hapi/dynamic_flops.py."""
    total = 0
    for step in load(network).steps:
        written, read = step.written, sum(_size(shape) for shape in step.input_shapes)
        if step.node.op == "conv2d":
            total += step.cost.macs + (written if step.node.attrs.get("bias") else 0)
        elif step.node.op == "linear":
            total += step.cost.macs
        elif step.node.op == "batch_norm":
            total += 2 * read
        elif step.node.op == "global_avg_pool":
            total += read + written
    return total


def _size(shape: tuple[int, ...]) -> int:
    height, width, channels = shape if len(shape) == 3 else (1, 1, shape[-1])
    return height * width * channels


@pytest.mark.parametrize("item", _PADDLE_MACS)
def test_what_paddle_timed_is_what_its_own_column_of_operations_counts(item):
    network = next(one.network for one in timings_on("sd855").timings if one.item == item)
    assert abs(_paddle_flops(network) - Fraction(_PADDLE_MACS[item]) * 10**6) <= 5_000


def test_a_network_that_was_timed_is_the_one_whose_operations_and_parameters_its_source_prints():
    """Both are recounted by `verify`, so that a latency is of no other network than the one that was measured."""
    printed: dict[tuple[str, str], list[tuple[str, dict[str, str]]]] = {}
    for claim in claims():
        if claim.figure.quantity in ("macs", "params") and not claim.part:
            printed.setdefault((claim.source, claim.item), []).append((claim.model, dict(claim.knobs)))
    both = [one for one in timings() if (one.source, one.item) in printed]
    assert len(both) >= 190
    assert {one.item for one in timings_on("sd855").timings} == {one.item for one in both if one.setup.key == "sd855"}
    assert {one.item for one in timings_on("pixel1").timings} == {one.item for one in both if one.setup.key == "pixel1"}
    for one in both:
        assert (one.model, dict(one.knobs)) in printed[one.source, one.item], one


def test_no_latency_stands_twice_and_every_setup_is_used():
    every = timings()
    assert [key for key, n in Counter((t.setup.key, t.source, t.locator, t.item) for t in every).items() if n > 1] == []
    assert {one.setup.key for one in every} == set(setups())
    titles = Counter(setup.title for setup in setups().values())
    assert [title for title, count in titles.items() if count > 1] == []


def test_latencies_of_two_setups_cannot_be_put_together():
    one, two = timings_on("sd855"), timings_on("sd855_t2")
    with pytest.raises(UsageError, match="measured on Snapdragon 855, CPU, Paddle Lite, 2 threads, fp32, not on"):
        Timings(one.setup, (*one.timings, *two.timings))
    with pytest.raises(UsageError, match=r"no published latencies of 'sd885'\. Did you mean sd855"):
        timings_on("sd885")
