"""Networks side by side as bars: their totals, or what each spends in every stage, block, op or layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from convcost.conventions.catalog import convention
from convcost.conventions.convention import PAPER
from convcost.core.metrics import METRICS
from convcost.core.units import exact
from convcost.plots.style import count_axis, figure, titled
from convcost.render.escape import in_figure
from convcost.render.palette import LIGHT
from convcost.results.settings import settings_text

if TYPE_CHECKING:
    import plotly.graph_objects as go


_MOST_ROWS = 40
_MOST_NETWORKS = len(LIGHT.series)
"""Of a picture by rows, where each has its colour."""
_COMPARED = ("macs", "params", "peak_activation_bytes")
"""The totals that are drawn, in the order of the colours."""


def networks_figure(data: Mapping[str, Any]) -> go.Figure:
    """The picture of a comparison, from the data of `side_by_side`: by rows where it has any, else of the totals.

    >>> from convcost import side_by_side
    >>> [trace.name for trace in networks_figure(side_by_side("vgg11", "vgg16").data).data]
    ['MACs', 'params', 'peak memory']
    """
    return _rows(data) if "rows" in data else _totals(data)


def _totals(data: Mapping[str, Any]) -> go.Figure:
    """For each network a bar per total, as a share of the largest of all; the number stands at its end."""
    networks = data["networks"]
    labels = [network["label"] for network in networks]
    shown = list(map(in_figure, labels))
    traces = []
    for key, color in zip(_COMPARED, LIGHT.series, strict=False):
        metric = METRICS[key]
        counts = [network["totals"][key] for network in networks]
        least = ["" if network["complete"] else "≥ " for network in networks]
        largest = max(counts) or 1
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": metric.heading,
                "y": shown,
                "x": [100 * count / largest for count in counts],
                "marker": {"color": color},
                "text": [f"{more}{metric.rounded(count)}" for more, count in zip(least, counts, strict=True)],
                "textposition": "outside",
                "hovertext": [
                    f"{label}<br>{metric.heading} {more}{metric.written(count)}"
                    for label, more, count in zip(shown, least, counts, strict=True)
                ],
                "hoverinfo": "text",
            }
        )
    return figure(
        traces,
        title=titled(
            f"{_names(labels)}: {', '.join(METRICS[key].heading for key in _COMPARED)}",
            f"each as a share of the largest · batch {exact(data['batch'])} · {data['dtype']} · policy {data['memory_policy']}",
        ),
        xaxis={
            "title": {"text": "share of the largest"},
            "ticksuffix": " %",
            "tickvals": [0, 25, 50, 75, 100],
            "range": [0, 122],
        },
        yaxis={"autorange": "reversed"},
        barmode="group",
        height=70 + 70 * len(labels),
    )


def _rows(data: Mapping[str, Any]) -> go.Figure:
    """A bar per network in every row in which any of them computes something, on one axis."""
    labels = [network["label"] for network in data["networks"]][:_MOST_NETWORKS]
    rows = data["rows"]
    counts = {name: _counts(row, len(labels)) for name, row in zip(_unique(rows), rows, strict=True)}
    shown = {name: found for name, found in counts.items() if any(found)}
    if len(shown) > _MOST_ROWS:
        largest = sorted(shown, key=lambda name: -max(count or 0 for count in shown[name]))[:_MOST_ROWS]
        shown = {name: found for name, found in shown.items() if name in largest}
    unit = convention(data["convention"]).unit
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": in_figure(label),
            "y": list(shown),
            "x": [found[at] or 0 for found in shown.values()],
            "marker": {"color": LIGHT.series[at]},
            "hovertext": [
                f"{name}<br>{in_figure(label)}: {'not there' if found[at] is None else f'{exact(found[at] or 0)} {unit}'}"
                for name, found in shown.items()
            ],
            "hoverinfo": "text",
        }
        for at, label in enumerate(labels)
    ]
    some = f", the {len(shown)} largest of {sum(map(any, counts.values()))}" if len(shown) == _MOST_ROWS else ""
    more = f", the first {len(labels)} of {len(data['networks'])}" if len(labels) < len(data["networks"]) else ""
    return figure(
        traces,
        title=titled(f"{_names(labels)}: {unit} by {data['by']}{some}{more}", _asked(data)),
        xaxis={**count_axis(unit), "rangemode": "tozero"},
        yaxis={"autorange": "reversed"},
        barmode="group",
        height=70 + max(30, 12 + 13 * len(labels)) * max(3, len(shown)),
    )


def _asked(data: Mapping[str, Any]) -> str:
    """What operations are counted of, where it is not one input as papers count; labels say knobs and inputs."""
    other = [f"convention {data['convention']}"] if data["convention"] != PAPER else []
    return " · ".join(filter(None, [settings_text({}, batch=data["batch"]), *other]))


def _counts(row: Mapping[str, Any], networks: int) -> list[int | None]:
    """What each network spends in a row; None where it has no such row."""
    return [group and group["operations"] for group in row["networks"][:networks]]


def _unique(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What each row is called; a number tells those of one name apart."""
    seen: Counter[str] = Counter()
    for name in map(_called, rows):
        seen[name] += 1
        yield f"{name} ({seen[name]})" if seen[name] > 1 else name


def _called(row: Mapping[str, Any]) -> str:
    """The names that the networks have for a row, as the table writes them.

    >>> _called({"names": ["stage5", "stage3"]}), _called({"names": [None, "stage6"]}), _called({"names": ["a", "a"]})
    ('stage5 -> stage3', '+ stage6', 'a')
    """
    names = row["names"]
    called = " -> ".join(dict.fromkeys(filter(None, names)))
    return called if names[0] else f"+ {called}"


def _names(labels: Sequence[str]) -> str:
    """What a title calls the networks.

    >>> _names(["a", "b"]), _names(["a", "b", "c", "d", "e"])
    ('a beside b', 'a beside b, c and 2 more')
    """
    first, *others = labels
    if len(others) > 3:
        others = [f"{', '.join(others[:2])} and {len(others) - 2} more"]
    return f"{first} beside {', '.join(others)}"
