"""Pictures as plotly figures, to show, restyle or save; one style, fixed ids, no timestamps.

>>> from convcost import load, plots
>>> [trace.name for trace in plots.cost_by(load("lenet5").report(), "op").data]
['MACs', 'params', 'activations']
"""

from convcost.plots.alternatives import ratio_figure, separable_ratio, ways
from convcost.plots.arena import arena_figure
from convcost.plots.conventions import operations_figure, waterfall
from convcost.plots.curves import cliffs, samples
from convcost.plots.frontier import frontier
from convcost.plots.maps import heat_map
from convcost.plots.memory import arena_plan, memory_figure, memory_timeline
from convcost.plots.patches import patch_picture
from convcost.plots.points import points_figure
from convcost.plots.report import before_after, cost_by, cumulative
from convcost.plots.roofline import kinds_figure, roofline_figure
from convcost.plots.side_by_side import networks_figure
from convcost.plots.space import cliff_figure, grid_figure, sizes, sweep_figure, sweep_figures
from convcost.plots.style import dark, template
from convcost.render.palette import look
from convcost.render.svg import svg

__all__ = [
    "arena_figure",
    "arena_plan",
    "before_after",
    "cliff_figure",
    "cliffs",
    "cost_by",
    "cumulative",
    "dark",
    "frontier",
    "grid_figure",
    "heat_map",
    "kinds_figure",
    "look",
    "memory_figure",
    "memory_timeline",
    "networks_figure",
    "operations_figure",
    "patch_picture",
    "points_figure",
    "ratio_figure",
    "roofline_figure",
    "samples",
    "separable_ratio",
    "sizes",
    "svg",
    "sweep_figure",
    "sweep_figures",
    "template",
    "waterfall",
    "ways",
]
