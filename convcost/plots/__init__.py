"""Pictures as plotly figures, to show, restyle or save; one style, fixed ids, no timestamps.

>>> from convcost import load, plots
>>> [trace.name for trace in plots.cost_by(load("lenet5").report(), "op").data]
['MACs', 'params', 'activations']
"""

from convcost.palette import look
from convcost.plots.landscape import frontier
from convcost.plots.laws import separable_ratio, waterfall, ways
from convcost.plots.memory import memory_timeline
from convcost.plots.network import before_after, cliffs, cost_by, cumulative, heat_map
from convcost.plots.sizes import cliff_figure, drawable, grid_figure, sizes, sweep_figure
from convcost.plots.style import dark, template
from convcost.plots.svg import svg

__all__ = [
    "before_after",
    "cliff_figure",
    "cliffs",
    "cost_by",
    "cumulative",
    "dark",
    "drawable",
    "frontier",
    "grid_figure",
    "heat_map",
    "look",
    "memory_timeline",
    "separable_ratio",
    "sizes",
    "svg",
    "sweep_figure",
    "template",
    "waterfall",
    "ways",
]
