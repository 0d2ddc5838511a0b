"""What would make a network fit a limit: each remedy keeps it, and none that is larger would."""

from __future__ import annotations

from contextlib import suppress

import convcost
from convcost import SpecError
from convcost.memory.usage import Options
from convcost.networks.within_memory import remedies

UNET = """convcost: 1
name: unet
knobs: {resolution: 64}
input: [resolution, resolution, 3]
layers:
  - {conv2d: {channels: 8, kernel: 3, padding: same}, name: fine}
  - {max_pool: {kernel: 2}, name: pool}
  - {conv2d: {channels: 16, kernel: 3, padding: same}, name: coarse}
  - {upsample: {scale: 2}, name: up}
  - {concat: , in: [up, fine], name: both}
"""


def test_remedies_are_the_largest_that_fit(tmp_path):
    """By brute force over every size; the second network has no odd ones."""
    (tmp_path / "unet.yaml").write_text(UNET)
    for model, size, limit in (("mobilenet_v2", 224, 2**20), (str(tmp_path / "unet.yaml"), 64, 150_000)):
        needs = {}
        for side in range(size * 3 // 4, size + 1):
            with suppress(SpecError):
                needs[side] = convcost.load(model, resolution=side).memory(dtype="int8").needed
        fitting = max(side for side, need in needs.items() if need <= limit)
        found = dict(remedies(convcost.load(model), Options(dtype="int8"), limit))
        assert found[f"--set resolution={fitting}"] == needs[fitting]


def test_a_batch_is_a_remedy() -> None:
    found = dict(remedies(convcost.load("lenet5"), Options(dtype="int8"), 20_000, batch=9))
    assert found["--batch 3"] == 3 * 5880


def test_an_input_of_its_own_has_no_resolution() -> None:
    network = convcost.load("mobilenet_v2", input_shape=(224, 320))
    assert not [change for change, _ in remedies(network, Options(dtype="int8"), 2**20) if "resolution" in change]
