"""What would make a network fit a limit: each remedy keeps it, and none that is larger would."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import convcost
from convcost import SpecError, UsageError
from convcost.memory.usage import Options
from convcost.networks.network import Network
from convcost.networks.within_memory import largest, limited, made_smaller, remedies, weights_in_ram

if TYPE_CHECKING:
    import pytest

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


class TestLargest:
    """Among sizes at which no network can be built."""

    @staticmethod
    def found(above: int, built: Callable[[int], bool], most: int, layers: int = 1) -> tuple[int | None, int]:
        """The largest that fits, and how many were tried."""
        tried = list[int]()

        def fits(size: int | Fraction) -> int | None:
            tried.append(int(size))
            if not built(int(size)):
                raise UsageError("no network of this size")
            return int(size) if size <= most else None

        return largest(Fraction(1), above, fits, layers), len(tried)

    def test_a_kernel_that_is_larger_than_most_sizes(self) -> None:
        """2³⁰ is halved 30 times; at most 1,000 sizes are tried besides."""
        assert self.found(2**30, lambda size: size >= 4 * 10**8, 7 * 10**8 + 1)[0] == 7 * 10**8 + 1
        for kernel in (4 * 10**8, 2**30):
            answer, tried = self.found(2**30, lambda size, kernel=kernel: size >= kernel, 1)
            assert answer is None
            assert 500 < tried <= 1_030

    def test_a_multiple_that_is_wanted(self) -> None:
        assert self.found(4096, lambda size: size % 32 == 0, 1000)[0] == 992  # 31·32
        assert self.found(2240, lambda size: size % 224 == 0, 1000)[0] == 896  # 4·224

    def test_fewer_are_tried_of_a_network_of_many_layers(self) -> None:
        """100,000 layers are two networks of 50,000: one size is passed, and 2¹⁰ is halved 10 times."""
        assert self.found(2**10, lambda _: False, 1, layers=50_000) == (None, 11)

    def test_of_many_knobs_the_first_are_made_smaller(self, tmp_path: Path) -> None:
        knobs = ", ".join(f"k{at}: 4" for at in range(20))
        layers = "".join(f"  - conv2d: {{channels: k{at}, kernel: 1}}\n" for at in range(20))
        path = tmp_path / "many.yaml"
        path.write_text(f"convcost: 1\nname: many\nknobs: {{{knobs}}}\ninput: [8, 8, 3]\nlayers:\n{layers}")
        assert [*made_smaller(convcost.load(str(path)))] == [f"k{at}" for at in range(8)]


class TestWeightsInRam:
    """DS-CNN-S as int8, by hand: 2 · 25·5·64 bytes of activations, 22,604 weights (tests/published/test_run.py)."""

    def test_they_count_in_what_is_needed(self) -> None:
        network = convcost.load("ds_cnn_s")
        usage = network.memory(dtype="int8")
        for limit, kept in ((38_604, True), (38_603, False)):
            found = limited(network, usage, limit, stored=weights_in_ram())
            assert found is not None
            assert found.kept is kept
            assert found.weights == 22_604
        assert limited(network, usage, 16_000).kept

    def test_as_another_type_they_take_what_that_takes(self) -> None:
        network = convcost.load("ds_cnn_s")
        usage = network.memory(dtype="int8")
        assert limited(network, usage, 10**6, stored=weights_in_ram("fp16")).weights == 2 * 22_604

    def test_what_would_fit_counts_them_too(self) -> None:
        network = convcost.load("ds_cnn_s")
        usage = network.memory(dtype="int8", batch=4)
        limit = 16_000 * 2 + 22_604 + 100
        found = limited(network, usage, limit, stored=weights_in_ram())
        assert dict(found.remedies)["--batch 2"] == 16_000 * 2 + 22_604
        narrow = dict(found.remedies)
        (width,) = (change for change in narrow if change.startswith("--set width="))
        smaller = network.at(width=width.partition("=")[2])
        assert narrow[width] == smaller.memory(dtype="int8", batch=4).needed + smaller.report().totals.params


def test_parts_are_not_tried_where_no_block_can_run_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A single convolution is no block of expansion and projection; those of MobileNetV2 are tried in two parts to eight."""
    one = tmp_path / "one.yaml"
    one.write_text("convcost: 1\nname: one\ninput: [8, 8, 4]\nlayers: [{conv2d: {channels: 4, kernel: 3}}]\n")
    asked: list[int] = []
    memory = Network.memory

    def noted(self: Network, **options: Any) -> Any:
        asked.append(options["parts"])
        return memory(self, **options)

    monkeypatch.setattr(Network, "memory", noted)
    for model, most in ((one, 1), ("mobilenet_v2", 8)):
        asked.clear()
        assert remedies(convcost.load(model), Options(dtype="int8"), 1) == ()
        assert max(asked) == most
