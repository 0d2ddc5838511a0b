"""Lifetimes: against counting references, against a machine that really runs in the planned memory, and by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy
from helpers.random_graphs import Machine, Overwritten, graph, graphs, node, peak_by_counting
from hypothesis import given, settings

import convcost
from convcost.graph.graph import INPUT, Graph
from convcost.graph.walk import Walked, walk
from convcost.memory.arena import plan
from convcost.memory.lifetimes import Lifetimes, count, lifetimes, peak_elements
from convcost.memory.policies import POLICIES

FREEING = ["unfused", "fused", "inplace", "concat_alias"]


def lives_of(source: Graph, policy: str) -> Lifetimes:
    return lifetimes(walk(source), policy)


def peak(source: Graph, policy: str) -> int:
    return lives_of(source, policy).peak().elements


def execute(source: Graph, lives: Lifetimes, offsets: tuple[int, ...], size: int, walked: Walked | None = None) -> None:
    """Run the graph with each edge where lifetimes and plan say that it lies."""
    places = {
        edge: [offsets[t] + i for t in tensors for i in range(count(lives.tensors[t]))]
        for edge, tensors in lives.home.items()
    }
    Machine(size).run(source, (walked or walk(source)).steps, places)


@given(graphs())
@settings(max_examples=150, deadline=None)
def test_peaks_equal_counting_references(source: Graph) -> None:
    walked = walk(source)
    for policy in ("unfused", "fused", "inplace"):
        assert lifetimes(walked, policy).peak().elements == peak_by_counting(source, walked.steps, policy)


@pytest.mark.parametrize("policy", [*FREEING, "sum"])
@given(source=graphs())
@settings(max_examples=100, deadline=None)
def test_a_graph_runs_in_the_memory_it_was_given(policy: str, source: Graph) -> None:
    walked = walk(source)
    lives = lifetimes(walked, policy)
    made = plan(lives, [count(tensor) for tensor in lives.tensors])
    execute(source, lives, made.offsets, made.total, walked)


def test_the_machine_notices_a_tensor_that_is_overwritten_too_early() -> None:
    source = graph([node("a", "conv2d", INPUT, channels=2, kernel=1), node("b", "add", "a", INPUT)])
    lives = lives_of(source, "unfused")
    execute(source, lives, (0, 4, 8), 12)
    for offsets in ((0, 0, 4), (0, 2, 8), (0, 4, 6)):
        with pytest.raises(Overwritten):
            execute(source, lives, offsets, 12)


def test_the_machine_notices_a_branch_that_is_not_where_its_concat_is() -> None:
    source = graph(
        [
            node("a", "conv2d", INPUT, channels=1, kernel=1),
            node("b", "conv2d", INPUT, channels=1, kernel=1),
            node("both", "concat", "a", "b"),
            node("end", "conv2d", "both", channels=1, kernel=1),
        ]
    )
    lives = lives_of(source, "concat_alias")
    assert lives.home["both"] == (*lives.home["a"], *lives.home["b"])
    execute(source, lives, (0, 4, 6, 0), 8)
    with pytest.raises(Overwritten):
        execute(source, lives, (0, 4, 5, 0), 8)


@pytest.mark.slow
@given(graphs())
@settings(max_examples=100, deadline=None)
def test_each_assumption_saves_memory_or_changes_nothing(source: Graph) -> None:
    walked = walk(source)
    peaks = {
        name: lifetimes(walked, name).peak().elements for name in ("unfused", "fused", "inplace", "sum", "largest")
    }
    assert peaks["unfused"] >= peaks["fused"] >= peaks["inplace"]
    assert peaks["sum"] >= peaks["inplace"]
    assert peaks["fused"] >= peaks["largest"]


class TestByHand:
    """Elements counted on paper: maps of 2×1, so that c channels are 2·c elements."""

    def chain(self) -> Graph:
        return graph(
            [
                node("wide", "conv2d", INPUT, channels=5, kernel=1),
                node("norm", "batch_norm", "wide"),
                node("act", "relu", "norm"),
                node("narrow", "conv2d", "act", channels=1, kernel=1),
            ]
        )

    def test_a_chain(self) -> None:
        # input 4, wide 10, norm 10, act 10, narrow 2.
        assert peak(self.chain(), "unfused") == 20  # wide and norm, norm and act
        assert peak(self.chain(), "fused") == 14  # input and wide
        assert peak(self.chain(), "sum") == 4 + 10 + 2
        assert peak(self.chain(), "largest") == 14

    def test_training_keeps_what_each_op_declares(self) -> None:
        # conv: its input (4, and act 10); batch-norm: its input (wide 10); relu: its output (act 10, counted once).
        # The output of the batch-norm (10) is needed by nobody later: it lives while relu runs.
        lives = lives_of(self.chain(), "training")
        kept = {tensor.name: count(tensor) for tensor in lives.tensors if tensor.last == lives.length}
        assert kept == {INPUT: 4, "wide": 10, "act": 10, "narrow": 2}
        assert lives.peak().elements == 4 + 10 + 10 + 10
        assert lives.peak().step == 2

    def test_training_counts_a_byte_for_each_element_of_a_mask(self) -> None:
        source = graph(
            [
                node("pool", "max_pool", INPUT, kernel=[2, 1]),
                node("flat", "flatten", "pool"),
                node("drop", "dropout", "flat", rate=Fraction(1, 2)),
                node("end", "linear", "drop", channels=3),
            ],
            input_shape=(2, 1, 8),
        )
        # fp32: pool 8·4 dies as drop writes 8·4 of its own, which linear needs; a mask of 8 bytes each for pool and drop.
        lives = lives_of(source, "training")
        kept = {tensor.name: (tensor.shape, tensor.dtype) for tensor in lives.tensors if tensor.last == lives.length}
        assert kept == {
            "drop": ((8,), None),
            "end": ((3,), None),
            "pool (mask)": ((8,), "uint8"),
            "drop (mask)": ((8,), "uint8"),
        }
        assert "drop" not in {tensor.name for tensor in lives_of(source, "unfused").tensors}

    def residual(self) -> Graph:
        return graph(
            [
                node("start", "conv2d", INPUT, channels=3, kernel=1),
                node("branch", "conv2d", "start", channels=3, kernel=1),
                node("sum", "add", "branch", "start"),
                node("act", "relu", "sum"),
                node("end", "conv2d", "act", channels=1, kernel=1),
            ]
        )

    def test_a_residual_block(self) -> None:
        assert peak(self.residual(), "fused") == 18  # start, branch, sum
        assert peak(self.residual(), "inplace") == 12  # the sum over branch or start, the relu over the sum
        assert peak(self.residual(), "largest") == 12  # branch alone; the add is no layer with weights
        assert peak(self.residual(), "sum") == 4 + 6 + 6 + 6 + 2  # the relu inside the add

    def test_the_network_s_input_is_not_written_over(self) -> None:
        source = graph([node("act", "relu", INPUT), node("end", "conv2d", "act", channels=1, kernel=1)])
        assert peak(source, "inplace") == 8

    def test_an_output_is_not_written_over_and_not_fused_away(self) -> None:
        nodes = [node("conv", "conv2d", INPUT, channels=4, kernel=1), node("act", "relu", "conv")]
        assert peak(graph(nodes, "conv", "act"), "inplace") == 16  # conv stays to the end
        assert peak(graph(nodes, "act"), "inplace") == 12

    def test_a_view_keeps_its_tensor_alive(self) -> None:
        source = graph(
            [
                node("wide", "conv2d", INPUT, channels=6, kernel=1),
                node("halves", "split", "wide", sections=2),
                node("act", "relu", "halves:0"),
                node("back", "concat", "act", "halves:1"),
            ]
        )
        # wide 12 lives as long as one half is needed: with act 6 and back 12 at the concat.
        assert peak(source, "unfused") == 30
        # A half may not be written over, and does not fill its tensor; only act (6) can lie in the concat.
        assert peak(source, "inplace") == 30
        assert peak(source, "concat_alias") == 12 + 6 + 6

    def test_an_inception_module_lies_in_its_concat(self) -> None:
        branches = [node(name, "conv2d", INPUT, channels=c, kernel=1) for name, c in (("a", 3), ("b", 4), ("c", 5))]
        source = graph([*branches, node("all", "concat", "a", "b", "c")])
        assert peak(source, "inplace") == 48  # 24 of the branches, 24 of the concat; the input died before
        assert peak(source, "concat_alias") == 28  # the input and the branches
        assert lives_of(source, "concat_alias").regions == ((1, 2, 3),)

    @pytest.mark.parametrize("flat", [False, True], ids=["nested", "flat"])
    def test_a_dense_block_lies_in_its_last_concat(self, flat: bool) -> None:
        """Both ways to write it: concat of concats, or each time all features so far."""
        nodes, so_far, features = [], INPUT, [INPUT]
        nodes.append(node("f0", "conv2d", INPUT, channels=2, kernel=1))
        features, so_far = ["f0"], "f0"
        for number in range(1, 4):
            nodes.append(node(f"f{number}", "conv2d", so_far, channels=2, kernel=1))
            features.append(f"f{number}")
            nodes.append(node(f"c{number}", "concat", *(features if flat else (so_far, f"f{number}"))))
            so_far = f"c{number}"
        source = graph(nodes)
        assert peak(source, "concat_alias") == 16  # four features of 4, nothing copied
        assert peak(source, "inplace") == 12 + 4 + 16  # c2, f3 and c3; written flat, f0 to f3 and c3

    def test_a_tensor_in_two_concats_lies_in_the_first(self) -> None:
        convs = [node(name, "conv2d", INPUT, channels=1, kernel=1) for name in "abc"]
        joins = [node("ab", "concat", "a", "b"), node("ac", "concat", "a", "c"), node("sum", "add", "ab", "ac")]
        lives = lives_of(graph([*convs, *joins]), "concat_alias")
        names = [lives.tensors[t].name for t in lives.home["ac"]]
        assert names == ["ac[0]", "c"]  # a is copied
        assert [lives.tensors[t].name for t in lives.home["ab"]] == ["a", "b"]

    def test_a_tensor_twice_in_one_concat_is_copied_once(self) -> None:
        nodes = [node("a", "conv2d", INPUT, channels=1, kernel=1), node("aa", "concat", "a", "a")]
        lives = lives_of(graph(nodes), "concat_alias")
        assert [lives.tensors[t].name for t in lives.home["aa"]] == ["a", "aa[1]"]

    def test_concats_along_different_axes_do_not_nest(self) -> None:
        nodes = [
            *(node(name, "conv2d", INPUT, channels=1, kernel=1) for name in "abc"),
            node("ab", "concat", "a", "b", axis="height"),
            node("double", "concat", "ab", "ab"),
        ]
        lives = lives_of(graph(nodes), "concat_alias")
        assert [lives.tensors[t].name for t in lives.home["double"]] == ["double"]

    @pytest.mark.parametrize("axis", ["channels", 2, -1])
    def test_an_axis_by_number_is_the_axis_of_that_name(self, axis: str | int) -> None:
        nodes = [
            *(node(name, "conv2d", INPUT, channels=1, kernel=1) for name in "abc"),
            node("ab", "concat", "a", "b"),
            node("abc", "concat", "ab", "c", axis=axis),
        ]
        lives = lives_of(graph(nodes), "concat_alias")
        assert [lives.tensors[t].name for t in lives.home["abc"]] == ["a", "b", "c"]

    def test_what_is_stored_with_the_weights_is_copied_into_a_concat(self) -> None:
        nodes = [
            node("token", "source", shape=[2, 1, 3]),
            node("a", "conv2d", INPUT, channels=1, kernel=1),
            node("all", "concat", "token", "a"),
        ]
        lives = lives_of(graph(nodes), "concat_alias")
        assert lives.home["token"] == ()
        assert [lives.tensors[t].name for t in lives.home["all"]] == ["all[0]", "a"]
        assert lives.peak().elements == 6 + 2  # the copy and a; of the input, 4, and a before that, 6
        assert peak(graph(nodes), "unfused") == 2 + 8  # a and the concat: the token is read where it is stored

    @pytest.mark.parametrize(("again", "over"), [("row", "start"), ("start", None)])
    def test_a_sum_that_stretches_lies_over_its_first_summand_or_nothing(self, again: str, over: str | None) -> None:
        nodes = [
            node("start", "conv2d", INPUT, channels=3, kernel=1),
            node("row", "reduce", "start", axes="height", function="mean"),
            node("sum", "add", "start", "row", broadcast=True),
            node("end", "add", "sum", again, broadcast=True),
        ]
        lives = lives_of(graph(nodes), "inplace")
        assert (lives.home["sum"] == lives.home["start"]) == (over == "start")
        assert lives.home["sum"] != lives.home["row"]
        # The input 4 and start 6; start and row 3, and where start is read again, another 6 for the sum.
        assert lives.peak().elements == (4 + 6 if over else 6 + 3 + 6)

    def test_a_network_without_layers(self) -> None:
        nothing = walk(Graph("nothing", {INPUT: (2, 1, 3)}, (), (INPUT,)))
        assert lifetimes(nothing, "fused").peak() == (6, -1)
        assert peak_elements(nothing, "largest") == 0


class TestThreeNumberSystems:
    SIZES = (33, 56, 64, 97, 224)

    @pytest.mark.parametrize("policy", POLICIES)
    @pytest.mark.parametrize("model", ["mobilenet_v2", "googlenet", "densenet121", "shufflenet_v2_x1_0"])
    def test_arrays_equal_ints(self, model: str, policy: str) -> None:
        ints = [self._peak(convcost.load(model, resolution=size), policy) for size in self.SIZES]
        network = convcost.load(model)
        source = Graph(
            model, {INPUT: (np.array(self.SIZES), np.array(self.SIZES), 3)}, network.graph.nodes, network.graph.outputs
        )
        array = peak_elements(walk(source), policy)
        assert array.tolist() == ints

    def test_symbols_equal_ints(self) -> None:
        m = sympy.Symbol("m", integer=True, positive=True)
        network = convcost.load("mobilenet_v2")
        source = Graph("m", {INPUT: (32 * m, 32 * m, 3)}, network.graph.nodes, network.graph.outputs)
        form = peak_elements(walk(source), "fused")
        for times in (1, 3, 7):
            assert form.subs(m, times) == self._peak(convcost.load("mobilenet_v2", resolution=32 * times), "fused")
        # 112·112·96 in and 56·56·96 out of the depthwise convolution, with 224 = 32·7.
        assert sympy.simplify(form - (16**2 + 8**2) * 96 * m**2) == 0

    @given(graphs())
    @settings(max_examples=100, deadline=None)
    def test_highest_is_the_peak(self, source: Graph) -> None:
        for policy in POLICIES:
            lives = lives_of(source, policy)
            assert lives.highest() == lives.peak().elements

    @staticmethod
    def _peak(network: convcost.Network, policy: str) -> int:
        return peak_elements(network.walked, policy)


# ResNet-50 at 224 as the field prints it (research threads of mit-han-lab/tinyml#8 and the tools' own output).
RESNET50 = {"sum": 16_987_624, "fused": 2_408_448, "unfused": 2_408_448, "inplace": 1_806_336, "largest": 1_204_224}


@pytest.mark.parametrize("policy", RESNET50)
def test_resnet50_under_every_policy_of_the_field(policy: str) -> None:
    assert convcost.load("resnet50").memory(policy, dtype="int8").peak == RESNET50[policy]


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(convcost.UsageError, match=r"^there is no memory policy 'inplac'. Did you mean inplace\?$"):
        convcost.load("lenet5").memory("inplac")
