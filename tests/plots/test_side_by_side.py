"""Networks side by side, drawn: each bar is a number of the table."""

from __future__ import annotations

import pytest
from helpers.limits import at_most

import convcost
from convcost import plots


def test_rows_are_those_of_the_table() -> None:
    data = convcost.side_by_side("mobilenet_v1", "mobilenet_v2", by="stage").data
    figure = plots.networks_figure(data)
    assert [trace.name for trace in figure.data] == ["mobilenet_v1", "mobilenet_v2"]
    assert "MACs by stage" in figure.layout.title.text
    for trace in figure.data:
        assert sum(trace.x) == convcost.load(trace.name).report().totals.macs  # nothing that costs is left out
    drawn = {name for trace in figure.data for name, count in zip(trace.y, trace.x, strict=True) if count}
    assert drawn == set(figure.data[0].y)  # and no row that costs nothing is drawn


def test_of_many_rows_the_largest_are_drawn_and_that_is_said() -> None:
    figure = plots.networks_figure(convcost.side_by_side("resnet50", "resnet101", by="layer").data)
    counts = [max(pair) for pair in zip(*(trace.x for trace in figure.data), strict=True)]
    assert len(counts) == 40
    assert "the 40 largest of" in figure.layout.title.text
    layers = convcost.load("resnet101").report().layers
    assert max(counts) == max(layer.macs for layer in layers)


@pytest.mark.parametrize("models", [("vgg11", "vgg16"), ("mobilenet_v1", "resnet50", "lenet5", "alexnet")])
def test_totals_are_shares_of_the_largest(models: tuple[str, ...]) -> None:
    figure = plots.networks_figure(convcost.side_by_side(*models).data)
    totals = [convcost.load(model).report().totals for model in models]
    for trace, field in zip(figure.data, ("macs", "params", "peak_activation_bytes"), strict=True):
        counts = [getattr(one, field) for one in totals]
        assert list(trace.x) == [100 * count / max(counts) for count in counts]
        assert list(trace.y) == list(models)


def test_operations_under_each_convention() -> None:
    from convcost.networks.conventions import all_table

    network = convcost.load("resnet50")
    figure = plots.operations_figure(all_table(network, 1).data)
    bars = {name: count for trace in figure.data for name, count in zip(trace.y, trace.x, strict=True)}
    assert bars["paper"] == 4_089_184_256  # as in test_the_waterfall
    assert bars["thop"] == 4_133_742_592
    assert {trace.name for trace in figure.data} >= {"MACs", "FLOPs"}


def test_rows_of_one_name_are_numbered_and_counted_once() -> None:
    """Ten thousand rows, two of each name: the second has a number."""
    sizes = range(1, 5001)
    rows = [{"names": [f"r{at}"], "networks": [{"operations": at}]} for _ in range(2) for at in sizes]
    data = {"networks": [{"label": "a"}], "rows": rows, "convention": "paper", "by": "layer", "batch": 1}
    with at_most(3):
        (trace,) = plots.networks_figure(data).data
    assert list(trace.y) == [*(f"r{at}" for at in sizes[-20:]), *(f"r{at} (2)" for at in sizes[-20:])]
