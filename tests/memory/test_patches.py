"""Patches by hand: MCUNetV2's figures step by step, ranges of windows, and where patches may end."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest
from helpers.random_graphs import node

import convcost
from convcost.core.errors import UsageError
from convcost.graph.graph import INPUT, Graph, Node
from convcost.graph.reach import NotLocal, Window, reach
from convcost.graph.walk import walk
from convcost.memory import patches
from convcost.memory.patches import Rules, candidates, on_grid
from convcost.memory.region import region, until
from convcost.memory.rows import RingBuffers, on_rows, strips
from convcost.results.patches import Patches


class TestMCUNetV2:
    """Lin et al., arXiv 2110.15352, Table 1: MobileNetV2 at 224×224, int8, the layers up to 28×28×32 in 4×4 patches.

    Backwards from a tile of 7×7: the depthwise convolutions have kernels of 3, two of them and the first layer a stride of 2.

        28×28: 7      stage3.block1 projects
        56×56: 15     6·2 + 3, what its depthwise convolution reads
        56×56: 17     15 + 2, stage2.block2
       112×112: 35    16·2 + 3, stage2.block1
       112×112: 37    35 + 2, stage1.block1
       224×224: 75    36·2 + 3, the first layer
    """

    @staticmethod
    def patches(policy: str = "mcunet", **more: bool) -> Patches:
        return convcost.load("mobilenet_v2").patches("4x4", "stage3.block1", policy=policy, dtype="int8", **more)

    def test_the_input_patch_is_75_by_75(self) -> None:
        assert self.patches().reads == self.patches(equal=True).reads == (75, 75)

    def test_multiplications_of_equal_patches(self) -> None:
        """The layers with their MACs for a position: 3·3·3·32 = 864, 9·32 = 288, 32·16 = 512, 16·96 = 1536, 9·96 = 864,
        96·24 = 2304, 24·144 = 3456, 9·144 = 1296, 144·24 = 3456, 24·144 = 3456, 9·144 = 1296, 144·32 = 4608.
        """
        one = (
            37**2 * 864
            + 35**2 * (288 + 512 + 1536)
            + 17**2 * (864 + 2304 + 3456)
            + 15**2 * (1296 + 3456 + 3456)
            + 7**2 * (1296 + 4608)
        )
        whole = (
            112**2 * (864 + 288 + 512 + 1536) + 56**2 * (864 + 2304 + 3456 + 1296 + 3456 + 3456) + 28**2 * (1296 + 4608)
        )
        found = self.patches(equal=True)
        assert (found.stage_macs, found.patched_macs) == (whole, 16 * one) == (91_282_688, 129_517_568)
        assert round(100 * (found.patched_macs / found.stage_macs - 1), 1) == 41.9  # printed: 130 M, +42 %
        # Of 300,774,272 in all, as the paper of MobileNetV2 says (300 M).
        assert found.macs == 300_774_272 - whole + 16 * one == 339_009_152  # +12.7 %, printed: +10 %

    def test_multiplications_of_patches_clipped_at_the_borders(self) -> None:
        """What lies beyond the map is no position. With `padding: same`, strides of 2 add their zero at the end, and those of
        1 a zero at both ends. Tiles begin at 0, 7, 14, 21.

        28×28 -> 56×56, stride 2: from 2·7i to 2·(7i + 6) + 3: 15, and 14 for the last, which ends at 56.
        56×56 -> 56×56, stride 1, one position more at both ends: 14i - 1 to 14i + 16: 16, 17, 17, 15.
        56×56 -> 112×112, stride 2: from 28i - 2 to 28i + 33: 33, 35, 35, 30.
        112×112 -> 112×112: from 28i - 3 to 28i + 34: 34, 37, 37, 31.
        """
        sums = {112: 34 + 37 + 37 + 31, 111: 33 + 35 + 35 + 30, 56: 16 + 17 + 17 + 15, 55: 15 + 15 + 15 + 14}
        patched = (
            sums[112] ** 2 * 864
            + sums[111] ** 2 * (288 + 512 + 1536)
            + sums[56] ** 2 * (864 + 2304 + 3456)
            + sums[55] ** 2 * (1296 + 3456 + 3456)
            + 28**2 * (1296 + 4608)
        )
        found = self.patches()
        assert found.patched_macs == patched
        assert found.macs == 300_774_272 - 91_282_688 + patched == 328_693_616  # +9.3 %: the paper's +10 %

    def test_peaks(self) -> None:
        found = self.patches()
        assert found.whole_bytes == 112 * 112 * (16 + 96) == 1372 * 1024
        # In a patch: 35×35 of the expansion to 96 channels and of the 16 that it reads; and all of 28×28×32: 158.5 KiB.
        assert found.inside_bytes == 35 * 35 * (16 + 96)
        assert found.stage_bytes == found.inside_bytes + 28 * 28 * 32 == 162_288
        # After the patches: the expansion to 192 channels at 28×28, 171.5 KiB (printed: 172 kB).
        assert found.rest_bytes == found.peak == 28 * 28 * (32 + 192) == 175_616
        assert found.peak == 171.5 * 1024

    def test_a_shortcut_that_is_not_forgotten(self) -> None:
        """The paper's rule counts the input and the output of a layer alone. While stage3.block2 projects, its shortcut waits:
        192 channels in, 32 out, and 32 that are to be added."""
        found = self.patches("tinyengine")
        assert found.rest_bytes == found.peak == 28 * 28 * (192 + 32 + 32) == 196 * 1024

    def test_the_first_convolution(self) -> None:
        """539 KiB: 224·224·3 in, 112·112·32 out."""
        usage = convcost.load("mobilenet_v2").memory("mcunet", dtype="int8")
        assert next(moment.live for moment in usage.timeline if moment.step == 0) == 224 * 224 * 3 + 112 * 112 * 32
        assert 224 * 224 * 3 + 112 * 112 * 32 == 539 * 1024

    def test_an_input_in_memory_is_there_as_a_whole(self) -> None:
        """The first layer reads patches from it, so that none of them has memory of its own."""
        found = self.patches("tinyengine", input_in_ram=True)
        assert found.inside_bytes == 224 * 224 * 3 + 35 * 35 * (16 + 96)

    def test_every_element_of_four_bytes_takes_four_times_as_much(self) -> None:
        wide = convcost.load("mobilenet_v2").patches("4x4", "stage3.block1", policy="mcunet", dtype="fp32")
        assert wide.stage_bytes == 4 * self.patches().stage_bytes

    def test_kept_rows(self) -> None:
        """Row by row, the 3×3 convolutions keep three rows of what they read and the others one; stage2.block2 adds what it
        read, one row later than its depthwise convolution needs it: two rows. All of 28×28×32 is the output.

        Rows of 224×3; 112×32, ×32, ×16, ×96; 56×96, ×24, ×144, ×144, ×24, ×24, ×144; 28×144.
        """
        found = convcost.load("mobilenet_v2").patches(None, "stage3.block1", dtype="int8", stream=True)
        kept = (
            3 * 224 * 3
            + 112 * (3 * 32 + 32 + 16 + 3 * 96)
            + 56 * (96 + 2 * 24 + 3 * 144 + 144 + 24 + 24 + 3 * 144)
            + 28 * 144
        )
        assert found.inside_bytes == kept
        assert found.macs == 300_774_272


def one(op: str, *shapes: tuple[int, ...], **attrs: object) -> tuple[tuple[Window, ...], ...]:
    inputs = dict(zip((INPUT, "second"), shapes))
    return reach(walk(Graph("one", inputs, (node("it", op, *inputs, **attrs),), ("it",))).steps[0])


class TestReach:
    """Which positions of the input positions 2 and 3 of the output need, along height and width."""

    @pytest.mark.parametrize(
        ("op", "attrs", "rows", "columns"),
        [
            ("conv2d", {"channels": 1, "kernel": 1}, (2, 4), (2, 4)),
            ("conv2d", {"channels": 1, "kernel": 3, "padding": 1}, (1, 5), (1, 5)),
            ("conv2d", {"channels": 1, "kernel": [3, 1], "dilation": 2}, (2, 8), (2, 4)),
            ("conv2d", {"channels": 1, "kernel": 3, "stride": 2, "padding": "same"}, (4, 9), (4, 9)),
            ("max_pool", {"kernel": 2}, (4, 8), (4, 8)),
            ("avg_pool", {"kernel": 3, "stride": 1, "padding": 1}, (1, 5), (1, 5)),
            ("pad", {"padding": [1, 2]}, (1, 3), (0, 2)),
            ("pad", {"height": [2, 0]}, (0, 2), (2, 4)),
            ("crop", {"size": [8, 10]}, (4, 6), (3, 5)),
            ("slice", {"start": 3, "step": 2, "axis": "width"}, (2, 4), (7, 10)),
            ("upsample", {"scale": 2}, (1, 2), (1, 2)),
            ("space_to_depth", {"block": 2}, (4, 8), (4, 8)),
            ("batch_norm", {}, (2, 4), (2, 4)),
            ("softmax", {}, (2, 4), (2, 4)),
            ("linear", {"channels": 3, "at": "positions"}, (2, 4), (2, 4)),
        ],
    )
    def test_windows(self, op: str, attrs: dict[str, object], rows: tuple[int, int], columns: tuple[int, int]) -> None:
        ((height, width),) = one(op, (12, 12, 4), **attrs)
        assert (height.needs(2, 4), width.needs(2, 4)) == (rows, columns)

    def test_depth_to_space(self) -> None:
        ((height, _),) = one("depth_to_space", (6, 6, 4), block=2)
        assert height.needs(2, 5) == (1, 3)

    def test_what_is_stretched_is_read_as_a_whole(self) -> None:
        _, (height, width) = one("multiply", (6, 8, 4), (6, 1, 4))
        assert (height.needs(2, 4), width.needs(2, 4)) == ((2, 4), (0, 1))

    @pytest.mark.parametrize(
        ("op", "attrs", "why"),
        [
            ("global_avg_pool", {}, "looks at all positions"),
            ("adaptive_avg_pool", {"size": 2}, "has windows of different sizes"),
            ("group_norm", {"groups": 2}, "takes its statistics over all positions"),
            ("concat", {"axis": "height"}, "works along height, not along the channels alone"),
            ("upsample", {"scale": 2, "mode": "bilinear"}, "interpolates"),
            ("conv_transpose2d", {"channels": 2, "kernel": 2}, "spreads its input"),
            ("roll", {"shift": [1]}, "moves positions"),
            ("transpose", {"axes": [1, 0, 2]}, "mixes positions with other axes"),
        ],
    )
    def test_what_is_not_local(self, op: str, attrs: dict[str, object], why: str) -> None:
        with pytest.raises(NotLocal, match=why):
            one(op, *([(8, 8, 4)] * (2 if op == "concat" else 1)), **attrs)


class TestEnds:
    def test_a_squeeze_and_excitation_ends_the_layers_that_can_run_in_patches(self) -> None:
        network = convcost.load("efficientnet_b0")
        with pytest.raises(
            UsageError,
            match=r"^patches cannot reach the end of stage2: stage2\.block1\.se\.global_avg_pool looks at all positions; "
            r"the patches can end with stage2\.block1\.depthwise\.swish$",
        ):
            network.patches("2x2", "stage2")

    def test_patches_do_not_end_within_a_shortcut(self) -> None:
        with pytest.raises(UsageError, match=r"what follows reads more than stage3\.block2\.expand\.relu6"):
            convcost.load("mobilenet_v2").patches("2x2", "stage3.block2.expand")

    def test_a_name_that_there_is_not(self) -> None:
        with pytest.raises(UsageError, match=r"^there is no stage, block or layer 'stage33'"):
            convcost.load("mobilenet_v2").patches("2x2", "stage33")

    def test_a_policy_that_frees_nothing(self) -> None:
        with pytest.raises(
            UsageError, match=r"^patches need a policy that frees memory while the network runs, not sum$"
        ):
            convcost.load("mobilenet_v2").patches("2x2", policy="sum")

    def test_what_is_fused_belongs_to_the_end(self) -> None:
        """Named is the convolution; the tensor that is put together is that of its activation."""
        assert convcost.load("mobilenet_v2").patches("2x2", "stem.conv2d").end == "stem.relu6"
        unfused = convcost.load("mobilenet_v2").patches("2x2", "stem.conv2d", policy="unfused")
        assert unfused.end == "stem.conv2d"

    def test_layers_that_the_end_does_not_need_run_after_the_patches(self) -> None:
        """`other` reads a second input and runs first; the patches of the first input come before it all the same."""
        nodes = (
            node("other", "conv2d", "second", channels=4, kernel=1),
            node("first", "conv2d", INPUT, channels=4, kernel=1),
            node("both", "add", "first", "other"),
        )
        walked = walk(Graph("two", {INPUT: (4, 4, 2), "second": (4, 4, 3)}, nodes, ("both",)))
        found, end = until(walked, "fused", "first")
        assert [step.node.name for step in found.walked.steps] == ["first", "other", "both"]
        assert end.edge == "first"

    def test_tensors_that_wait_are_not_looked_at_at_each_step(self) -> None:
        """20,000 parts wait for the end of 3,000 convolutions: no patches end before it."""
        splits = [node(f"split{i}", "split", "first", sections=500) for i in range(40)]
        names = ["first", *map(str, range(3_000))]
        convs = [node(name, "conv2d", before, channels=1, kernel=1) for before, name in pairwise(names)]
        parts = [node(f"all{i}", "concat", *(f"split{i}:{part}" for part in range(500))) for i in range(40)]
        last = node("last", "concat", names[-1], *(each.name for each in parts))
        first = node("first", "conv2d", INPUT, channels=500, kernel=1)
        nodes = (first, *splits, *convs, *parts, last)
        walked = walk(Graph("waiting", {INPUT: (2, 2, 3)}, nodes, ("last",)))
        start = time.process_time()
        found = region(walked, "fused")
        assert time.process_time() - start < 2
        assert [end.edge for end in found.ends] == ["last"]

    def test_a_network_without_positions_has_no_ends(self) -> None:
        nodes: tuple[Node, ...] = (node("one", "linear", INPUT, channels=3),)
        found = region(walk(Graph("vector", {INPUT: (4,)}, nodes, ("one",))), "fused")
        assert found.ends == ()
        assert found.obstacle.startswith("one ")

    def test_patches_end_before_an_op_that_nobody_knows(self) -> None:
        """Its output has no shape."""
        nodes = (node("conv", "conv2d", INPUT, channels=4, kernel=1), node("foo", "unknown", "conv", type="Foo"))
        found = region(walk(Graph("partial", {INPUT: (8, 8, 3)}, nodes, ("conv",))), "fused")
        assert found.obstacle == "foo makes a tensor of unknown shape"
        assert [(end.edge, end.shape) for end in found.ends] == [("conv", (8, 8, 4))]


class TestChoices:
    def test_auto_keeps_the_limit_with_the_fewest_multiplications(self) -> None:
        """By trying all that the front is made of."""
        network = convcost.load("mobilenet_v2", width=0.35, resolution=96)
        front = network.patch_front(dtype="int8")
        peaks, macs = [one.peak for one in front.choices], [one.macs for one in front.choices]
        assert peaks == sorted(peaks, reverse=True)
        assert macs == sorted(macs)
        assert (peaks[0], macs[0]) == (network.memory(dtype="int8").peak, network.report().totals.macs)
        for before, choice in zip(front.choices, front.choices[1:]):
            found = network.patches("auto", dtype="int8", limit=choice.peak)
            assert (found.peak, found.macs) == (choice.peak, choice.macs)
            if before.end:  # a byte less than the one before needs the next
                assert network.patches("auto", dtype="int8", limit=before.peak - 1).macs == choice.macs

    def test_a_limit_that_nothing_keeps(self) -> None:
        with pytest.raises(UsageError, match=r"^no patches keep 1,000 bytes: the lowest peak is [\d,]+, with "):
            convcost.load("mobilenet_v2").patches("auto", limit=1000)

    @pytest.mark.parametrize(
        "grid", ["3x3x3", "0x2", "a", "", "99x99", (1, 2, 3), "1_0", "３x３", (3.5, 3), True, (3, None)]
    )
    def test_a_grid_that_is_none(self, grid: object) -> None:
        with pytest.raises(UsageError, match=r"^a grid of patches is a number for each of 2 axes, as in 3x3"):
            convcost.load("mobilenet_v2").patches(grid, "stage3")

    def test_a_grid_finer_than_the_output(self) -> None:
        with pytest.raises(UsageError, match=r"need an output of that many positions, got 28×28×32$"):
            convcost.load("mobilenet_v2").patches("30x2", "stage3")

    def test_an_end_that_is_none_is_told_where_they_are_listed(self) -> None:
        with pytest.raises(UsageError, match=r"^there is no stage, block or layer 'qqqq'; --patches all lists "):
            convcost.load("mobilenet_v2").patches("2x2", "qqqq")

    def test_one_patch_is_the_whole_map(self) -> None:
        """But for the input, which no layer reads later, and the output, which is there from the start."""
        network = convcost.load("mobilenet_v2")
        found = network.patches(1, "stage3", dtype="int8")
        assert found.macs == network.report().totals.macs
        assert found.stage_bytes == network.memory(dtype="int8").peak + 28 * 28 * 32

    def test_one_axis(self) -> None:
        found = convcost.load("tcn").patches(4, "level1", dtype="int8")
        assert found.grid == (4,)
        assert [patch.tile for patch in found.patches] == [((0, 196),), ((196, 392),), ((392, 588),), ((588, 784),)]

    def test_thousands_of_patches_that_are_alike_are_weighed_once(self, tmp_path: Path) -> None:
        """Tiles of 2 rows of the last layer's output; of each layer before it 2 rows more, of the input 22."""
        spec = tmp_path / "tall.yaml"
        spec.write_text(
            "convcost: 1\nname: tall\ninput: [8192, 4, 2]\nlayers:\n"
            + "  - conv2d: {channels: 2, kernel: 3, padding: same}\n" * 10
        )
        network = convcost.load(spec)
        start = time.process_time()
        found = network.patches("4096x1", dtype="int8")
        assert time.process_time() - start < 2
        # 22 rows of the input beside 20 of what the first layer makes of them, each of 4·2 bytes; later layers need fewer.
        assert (found.end, found.inside_bytes, found.output_bytes) == ("conv2d_10", (22 + 20) * 4 * 2, 8192 * 4 * 2)

    @pytest.mark.parametrize("name", ["densenet264", "r2plus1d_34", "inception_resnet_v2"])
    def test_thousands_of_choices_take_less_than_a_second(self, name: str) -> None:
        """The networks of the zoo that take longest; once of five times, some of which others disturb."""
        network = convcost.load(name)
        network.report()

        def seconds() -> float:
            start = time.process_time()
            assert network.patch_front(dtype="int8").tried > 5_000
            return time.process_time() - start

        assert any(seconds() < 1 for _ in range(5))


class TestVolumes:
    """Maps of three axes and more: all grids at once are what each comes to alone."""

    GRAPH = Graph(
        "volume",
        {INPUT: (12, 10, 9, 2)},
        (
            node("one", "conv3d", INPUT, channels=3, kernel=[3, 1, 3], padding="same"),
            node("two", "conv3d", "one", channels=2, kernel=[1, 3, 2], dilation=[1, 2, 1]),
            node("three", "conv3d", "two", channels=4, kernel=3, stride=[2, 1, 1], padding=1),
            node("four", "conv3d", "three", channels=1, kernel=2),
        ),
        ("four",),
    )

    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("input_in_ram", [False, True])
    def test_each_grid_of_many_is_that_grid(self, stream: bool, input_in_ram: bool) -> None:
        found = region(walk(self.GRAPH), "fused")
        assert [end.edge for end in found.ends] == ["one", "two", "three", "four"]
        rules, buffers = Rules("int8", input_in_ram), RingBuffers(found, "fused")
        if stream:
            every = list(strips(buffers, found.ends, rules, [[1], [1, 2, 3], [2, 5]]))
            grids = [on_rows(buffers, one.end, one.counts, rules) for one in every]
        else:
            every = list(candidates(found, found.ends, rules, [[1, 4], [1, 2, 3], [2, 5]]))
            grids = [on_grid(found, one.end, one.counts, rules) for one in every]
        assert len(every) == (4 * 3 * 2 if stream else 4 * 2 * 3 * 2)
        assert [(one.counts, one.macs, one.live) for one in every] == [
            (grid.counts, int(grid.macs.sum()), int(grid.live.max())) for grid in grids
        ]

    def test_by_hand(self) -> None:
        """A pointwise layer after one of 3×3×3: of each half of each axis 5 positions of 4 + 1, of 8 · 2 int8 channels."""
        nodes = (
            node("one", "conv3d", INPUT, channels=1, kernel=3, padding=1),
            node("two", "conv3d", "one", channels=1, kernel=1),
        )
        found, end = until(walk(Graph("cube", {INPUT: (8, 8, 8, 2)}, nodes, ("two",))), "fused", "two")
        (one,) = candidates(found, [end], Rules("int8"), [[2]] * 3)
        assert (one.macs, one.live) == (8**3 * (27 * 2 + 1), 5**3 * 2 + 4**3)

    @pytest.mark.parametrize("stream", [False, True])
    def test_hundreds_of_layers_are_followed_in_seconds(self, tmp_path: Path, stream: bool) -> None:
        spec = tmp_path / "deep.yaml"
        layers = "  - conv3d: {channels: 4, kernel: 3, padding: same}\n" * 400
        spec.write_text(f"convcost: 1\nname: deep\ninput: [64, 64, 64, 4]\nlayers:\n{layers}")
        network = convcost.load(spec)
        network.report()
        start = time.process_time()
        assert network.patch_front(dtype="int8", stream=stream).tried > 1_000
        assert time.process_time() - start < 4

    def test_the_more_axes_the_fewer_patches_along_each(self, tmp_path: Path) -> None:
        """Of a map of four axes grids of 1 to 5 patches along each are tried."""
        spec = tmp_path / "four.yaml"
        spec.write_text("convcost: 1\nname: four\ninput: [9, 9, 9, 9, 2]\nlayers:\n  - relu\n  - relu\n")
        found = convcost.load(spec).patch_front(dtype="int8", policy="unfused")
        assert (found.tried, found.along) == (2 * 5**4, 5)
        assert "a grid of up to 5 patches along an axis" in dict(found.table().notes)["front"]


class TestManyDepths:
    """Of many layers at which patches might end, so many are tried that the work stays in proportion."""

    @pytest.fixture
    def spec(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Six convolutions, of whose 36 pairs of an end and a layer 18 are followed, with all grids of 1 to 8 patches along an
        axis: of three ends.
        """
        path = tmp_path / "chain.yaml"
        layer = "{conv2d: {channels: 4, kernel: 3, padding: same}, repeat: 6, name: c}"
        path.write_text(f"convcost: 1\nname: chain\ninput: [8, 8, 4]\nlayers:\n  - {layer}\n")
        monkeypatch.setattr(patches, "MOST_IN_PATCHES", 18 * 36**2)
        monkeypatch.setattr(patches, "_PER_CALL", 0)
        monkeypatch.setattr(patches, "_PER_PAIR", 0)
        return path

    @pytest.mark.parametrize("stream", [False, True])
    def test_are_spread_evenly_and_the_rest_is_said(
        self, spec: Path, monkeypatch: pytest.MonkeyPatch, stream: bool
    ) -> None:
        """Kept rows are strips from above: 1 + 2 + … + 8 of them, or the two that are asked for; where there are few, the ranges
        of an axis count instead, each as 16.
        """
        network = convcost.load(spec)
        monkeypatch.setattr(patches, "MOST_IN_PATCHES", 18 * (16 * 36 if stream else 36**2))
        front = network.patch_front(stream=stream)
        assert front.tried == (3 * 8 if stream else 3 * 8 * 8)
        monkeypatch.setattr(patches, "MOST_IN_PATCHES", 18 * 16 * 2)
        for found in (front, network.patches("1x2", stream=stream)):
            ((_, said),) = (note for note in found.table().notes if note[0] == "not tried")
            assert said.startswith("3 layers at which patches might end")
            assert found.to_dict()["ends_not_tried"] == 3
        found = region(network.walked, "fused")
        assert [end.edge for end in patches.depths(found, found.ends, [(1,), (2,)])] == ["c2", "c4", "c6"]

    def test_one_that_is_named_is_tried(self, spec: Path) -> None:
        found = convcost.load(spec).patches("2x2", until="c3")
        assert (found.end, found.untried) == ("c3", 0)
        assert not [note for note in found.table().notes if note[0] == "not tried"]

    def test_what_cannot_be_is_left_out_before_some_are_chosen(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Only the first of six maps has 2×2 positions."""
        path = tmp_path / "chain.yaml"
        one, rest = "{conv2d: {channels: 4, kernel: 1}}", "{conv2d: {channels: 4, kernel: 1}, repeat: 4}"
        layers = "".join(f"  - {layer}\n" for layer in (one, "{conv2d: {channels: 4, kernel: 2}}", rest))
        path.write_text(f"convcost: 1\nname: chain\ninput: [2, 2, 4]\nlayers:\n{layers}")
        monkeypatch.setattr(patches, "MOST_IN_PATCHES", 12 * 16 * 2)
        monkeypatch.setattr(patches, "_PER_CALL", 0)
        monkeypatch.setattr(patches, "_PER_PAIR", 0)
        found = convcost.load(path).patches("2x2")
        assert (found.end, found.grid, found.untried) == ("conv2d", (2, 2), 0)

    def test_of_a_limit_only_ends_that_may_keep_it_are_tried(self, spec: Path) -> None:
        """A map of 8×8×4 bytes, 256, is what no end keeps in less; a refusal says of how many ends it speaks."""
        network = convcost.load(spec)
        message = r"^no patches keep 255 bytes: the lowest peak of 3 of 6 ends that were tried \(--until names any\) is \d+, with"
        with pytest.raises(UsageError, match=message):
            network.patches(limit=255, dtype="int8")

    def test_few_are_all_tried(self) -> None:
        found = convcost.load("lenet5").patch_front()
        assert found.untried == 0
        assert found.to_dict()["ends_not_tried"] == 0


def test_sequences_are_cut_into_every_number_of_patches(tmp_path: Path) -> None:
    """48 MACs for a position of each layer, 32 positions; where two patches meet, the first layer runs two more twice."""
    layer = "{conv1d: {channels: 4, kernel: 3, padding: same}}"
    path = tmp_path / "net.yaml"
    path.write_text(f"convcost: 1\nname: net\ninput: [32, 4]\nlayers: [{layer}, {layer}]\n", encoding="utf-8")
    found = convcost.load(str(path)).patch_front(policy="mcunet", dtype="int8")
    macs = {one["grid"][0]: one["macs"] for one in found.to_dict()["front"] if one["grid"]}
    assert len(macs) > 4
    assert macs == {number: 48 * (2 * 32 + 2 * (number - 1)) for number in macs}


class TestBeyond64Bits:
    """Counts and positions that do not fit numpy's integers are exact."""

    @staticmethod
    def tried(
        stream: bool, channels: int, rows: int = 8, scale: int = 1, *, equal: bool = False
    ) -> list[tuple[tuple[int, ...], int, int]]:
        """Two pointwise layers: nothing is computed twice, whatever the grid; 8 columns, `channels` in and between, 1 out."""
        nodes = (
            node("up", "upsample", INPUT, scale=[scale, 1]),
            node("wide", "conv2d", "up", channels=channels, kernel=1),
            node("one", "conv2d", "wide", channels=1, kernel=1),
        )
        walked = walk(Graph("huge", {INPUT: (rows // scale, 8, channels)}, nodes, ("one",)))
        found, end = until(walked, "unfused", "one")
        rules = Rules("int8", equal=equal)
        if stream:
            buffers = RingBuffers(found, "unfused")
            every = list(strips(buffers, [end], rules, [[1], [1, 2]]))
            grids = [on_rows(buffers, end, one.counts, rules) for one in every]
        else:
            every = list(candidates(found, [end], rules, [[1, 2]] * 2))
            grids = [on_grid(found, end, one.counts, rules) for one in every]
        assert [(int(grid.macs.sum()), int(grid.live.max())) for grid in grids] == [
            (one.macs, one.live) for one in every
        ]
        return [(one.counts, one.macs, one.live) for one in every]

    def test_multiply_accumulates(self) -> None:
        n = 10**9
        macs = 64 * (n * n + n)
        assert macs > 2**63
        # In a patch of 8×8, 8×4, … two tensors of n channels are alive: what is scaled and what is computed of it.
        assert self.tried(False, n) == [((a, b), macs, 2 * (64 // a // b) * n) for a in (1, 2) for b in (1, 2)]
        # Row by row: a row of the input, of what is scaled, and of what is computed of it.
        assert self.tried(True, n) == [((1, b), macs, 3 * (8 // b) * n) for b in (1, 2)]

    @pytest.mark.parametrize("equal", [False, True])
    def test_positions(self, equal: bool) -> None:
        rows = 8 * 10**17
        assert self.tried(False, 3, rows, 10**9, equal=equal) == [
            ((a, b), rows * 8 * (9 + 3), 2 * 3 * (rows // a) * (8 // b)) for a in (1, 2) for b in (1, 2)
        ]

    def test_rows(self) -> None:
        rows = 8 * 10**8
        assert self.tried(True, 10**6, rows) == [
            ((1, b), rows * 8 * (10**12 + 10**6), 3 * (8 // b) * 10**6) for b in (1, 2)
        ]
