"""An op that reads nothing: what it hands on is stored with the weights, and every door takes it as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from helpers.by_hand import network
from helpers.random_graphs import graph, node

from convcost import plots
from convcost.conventions.catalog import all_conventions
from convcost.formulas.explain import explain
from convcost.graph.graph import Graph
from convcost.graph.walk import depth
from convcost.memory.policies import POLICIES
from convcost.pages.report import report_page
from convcost.render.table import FORMATS
from convcost.results.memory import memory_table
from convcost.spec.write import resolved

TOKENS, CHANNELS = 16, 8


def tokens(**token: Any) -> Graph:
    """A 32×32×3 image in 16 patches, a class token before them, and a linear layer on each; the token is the first layer."""
    return graph(
        [
            replace(node("head.token", "source", shape=[1, CHANNELS]), scope=("head",), **token),
            replace(node("head.patches", "conv2d", "input", channels=CHANNELS, kernel=8, stride=8), scope=("head",)),
            replace(node("head.flat", "reshape", "head.patches", shape=[-1, CHANNELS]), scope=("head",)),
            node("all", "concat", "head.token", "head.flat", axis=0),
            node("mix", "linear", "all", channels=5),
        ],
        input_shape=(32, 32, 3),
    )


PATCHES = 8 * 8 * 3 * CHANNELS
"""Weights of the convolution: each of the 16 patches multiplies all of them."""


def test_a_report_by_hand() -> None:
    report = network(tokens()).report()
    token, patches, *_ = report.layers
    assert (token.params, token.buffers, token.macs, token.activations) == (CHANNELS, 0, 0, 0)
    assert report.totals.params == CHANNELS + PATCHES + CHANNELS + 5 * (CHANNELS + 1)
    assert report.totals.macs == TOKENS * PATCHES + (TOKENS + 1) * CHANNELS * 5
    assert report.totals.activations == TOKENS * CHANNELS + (TOKENS + 1) * CHANNELS + (TOKENS + 1) * 5
    assert report.to_dict()["layers"][0]["input_shapes"] == []
    assert report.table().rows[0][:4] == ["head.token", "source", "", "1×8"]
    # A stage is read where its first layer is that reads anything.
    assert report.by("stage")[0].input_shape == (32, 32, 3)
    assert report.table("stage").rows[0][:4] == ["head", "3", "32×32×3", "16×8"]
    frame = report.to_frame("stage")
    assert frame["input_shapes"][0] == [[32, 32, 3]]
    assert list(report.to_frame()["input_shapes"])[:2] == [[], [[32, 32, 3]]]
    assert depth(tokens()) == 2
    assert patches.name == "head.patches"


def test_a_source_that_is_not_trained_is_a_buffer() -> None:
    report = network(tokens(trainable=False)).report()
    assert (report.layers[0].params, report.layers[0].buffers) == (0, CHANNELS)
    assert report.to_dict()["layers"][0]["trainable"] is False
    explained = explain(network(tokens(trainable=False)), "head.token").table()
    assert ("not trained", "its 8 weights and biases are buffers") in explained.notes


@pytest.mark.parametrize("level", ["layer", "block", "stage", "op"])
@pytest.mark.parametrize("fmt", FORMATS)
def test_every_format_at_every_level(fmt: str, level: str) -> None:
    assert network(tokens()).report().table(level).render(fmt)


@pytest.mark.parametrize("name", all_conventions())
def test_every_convention_counts_it_or_says_why_not(name: str) -> None:
    report = network(tokens()).report(name)
    assert "source" not in report.not_counted
    assert report.layers[0].operations == 0


def test_explanations() -> None:
    net = network(tokens())
    one = explain(net, "head.token").table()
    assert one.title == "random · head.token · source · -> 1×8"
    assert next(row for row in one.rows if row[0] == "params")[2:] == ["1·8", "8"]
    assert explain(net, "head").table().title == "random · head · 32×32×3 -> 16×8"
    assert explain(net).table().render()


@pytest.mark.parametrize("policy", POLICIES)
def test_it_takes_no_memory_of_activations(policy: str) -> None:
    net = network(tokens())
    usage = net.memory(policy)
    assert not any("token" in tensor.name for tensor in usage.lives.tensors)
    sizes = dict(zip((tensor.name for tensor in usage.lives.tensors), usage.sizes, strict=True))
    # Where branches lie in their concat, the token is copied into it, and the patches are there.
    parts = {"all[0]": 4 * CHANNELS, "head.patches": 4 * TOKENS * CHANNELS}
    whole = {"all": 4 * (TOKENS + 1) * CHANNELS, "head.patches": 4 * TOKENS * CHANNELS}
    expected = parts if POLICIES[policy].join else whole
    assert sizes == {"input": 4 * 32 * 32 * 3, "mix": 4 * (TOKENS + 1) * 5, **expected}
    assert memory_table(net.report(memory_policy=policy), usage).render()


def test_orders_parts_pages_and_pictures() -> None:
    net = network(tokens())
    report = net.report()
    assert net.memory(order="best").peak == net.memory().peak
    assert net.memory(parts=2).peak <= net.memory().peak
    assert "head.token" in report_page(net, report)
    assert plots.memory_timeline(report, net.memory())
    assert plots.cost_by(report, "stage")
    assert net.rewrite("separable").report().totals.params > 0


def test_a_view_and_an_element_wise_op_of_it() -> None:
    """The view is stored, too; what is computed from it is written, and not over it."""
    source = graph(
        [
            node("token", "source", shape=[2, 4]),
            node("flat", "reshape", "token", shape=[8]),
            node("act", "relu", "flat"),
            node("sum", "add", "act", "input"),
        ],
        input_shape=(8,),
    )
    for policy in ("unfused", "fused", "inplace"):
        lives = network(source).memory(policy).lives
        assert lives.home["token"] == lives.home["flat"] == ()
    # The input and the activation, and the sum, which may lie over the activation.
    peaks = {policy: network(source).memory(policy).peak for policy in ("unfused", "inplace")}
    assert peaks == {"unfused": 4 * (8 + 8 + 8), "inplace": 4 * (8 + 8)}


def test_the_resolved_form_gives_it_no_input() -> None:
    net = network(tokens(trainable=False))
    text = resolved(net.graph, "net", net.caption)
    assert "  - {source: {shape: [1, 8], stored: true}, name: head.token, trainable: false}\n" in text
