"""The gallery in reports/: pictures and a page per family, made by docs/generate.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from convcost import plots
from convcost.alternatives.ratios import ratios
from convcost.alternatives.recipes import LayerToBuild
from convcost.core.units import binary, exact, shape_text
from convcost.diagrams.course import course
from convcost.networks.latencies import latencies
from convcost.networks.load import load
from convcost.networks.network import Network
from convcost.networks.side_by_side import side_by_side
from convcost.plots import svg
from convcost.published.data import Measured, accuracies
from convcost.published.frontier import Frontier, frontier, frontier_table
from convcost.render.table import Table, render
from convcost.results.report import Report, report_table
from convcost.spec.syntax import Spec
from convcost.spec.zoo import all_specs, names_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

NOTE = "<!-- Written by docs/generate.py; change the code or the specs instead. -->\n"


COURSE = LayerToBuild((6, 6, 3), 5, 3)
"""The course's example: 2,160 multiplications become 672."""


@cache
def landscape() -> Frontier:
    """All that papers, authors and libraries report: what `convcost frontier` shows."""
    return frontier()


@cache
def mobilenets() -> Frontier:
    """The checkpoint grids of MobileNet v1 and v2 over widths and resolutions."""
    return frontier(family=("MobileNetV1", "MobileNetV2"), tier=("authors",))


SLOWER, GPU = ("efficientnet_b0", "resnet18"), "jetson_agx_xavier_gpu_ncnn"
"""A network that takes longer than one with five times its MACs, and where."""
DRAWN = ("mobilenet_v2", "unet", "resnet50", "googlenet", "nasnet_mobile", "retinanet_resnet50_fpn")
"""Networks whose architecture is shown by itself; the others are on the pages of their families."""


def _pictures() -> dict[str, Callable[[], str]]:
    return {
        **{f"reports/drawn_{name}.svg": lambda name=name: load(name).diagram().svg() for name in DRAWN},
        "reports/accuracy.svg": lambda: svg(plots.frontier(landscape()), tips=False),
        "reports/mobilenets.svg": lambda: svg(plots.frontier(mobilenets(), height=460), tips=False),
        "reports/course.svg": lambda: course(COURSE).svg(),
        "reports/separable.svg": lambda: svg(plots.ratio_figure(ratios(COURSE), COURSE), width=860),
        "reports/slower.svg": lambda: svg(plots.kinds_figure(latencies(SLOWER, [GPU])), width=860),
        "reports/roofline.svg": lambda: svg(plots.roofline_figure(latencies(SLOWER[:1], [GPU])), width=860),
        "reports/reconcile.svg": lambda: svg(
            plots.waterfall(load("resnet50").reconcile("paper", "ptflops")), width=860
        ),
        "reports/cliffs.svg": lambda: svg(_sizes()[0], width=860),
        "reports/sizes.svg": lambda: svg(_sizes()[1], width=860),
        "reports/beside.svg": lambda: svg(plots.networks_figure(_beside()), width=860),
        "reports/memory.svg": lambda: svg(_memory("mobilenet_v2"), width=860),
        "reports/arena.svg": lambda: svg(_memory("unet", "arena"), width=860),
    }


@cache
def _sizes() -> Sequence[go.Figure]:
    network = load("mobilenet_v2")
    return plots.sizes(network, network.report())


def _beside() -> Mapping[str, Any]:
    return side_by_side("mobilenet_v1", "mobilenet_v2", by="stage").data


def _memory(name: str, picture: str = "timeline") -> go.Figure:
    network = load(name)
    return plots.memory_figure(network.report(), network.memory(), picture)


def index_page() -> str:
    """All pictures with the command that makes each, and the families."""
    found = landscape()
    rows = [f"[{spec.title or spec.name}](families/{spec.name}.md)" for spec in all_specs()]
    return f"""{NOTE}
# Gallery

Made by `python docs/generate.py`; a test fails when it no longer follows from the code, the specs and the published data.

- [zoo.md](zoo.md): every network of the zoo
- [published.md](published.md): every published figure, recomputed
- [frontier.md](frontier.md): the front of accuracy against MACs
- families: {", ".join(rows)}

## Accuracy against MACs

{len(found.points)} published accuracies of {len(found.families)} families, MACs counted at the resolution of each evaluation:
`convcost frontier -o accuracy.svg`. Four of the named families hold most of the front, the others are the best known; any can be named
(`--highlight 'vgg,convnext*'`), and all wake on the page (`-o accuracy.html`).

![Accuracy against MACs](accuracy.svg)

## Architectures

Stages to scale, each repeated block once, colour by the share of the MACs: `convcost draw mobilenet_v2 -o mobilenet_v2.svg`,
`convcost draw unet -o unet.svg`. [docs/draw.md](../docs/draw.md) explains them; each family's page has its own.

![MobileNetV2](drawn_mobilenet_v2.svg)

![U-Net](drawn_unet.svg)

## MobileNetV2 against MobileNetV1

The checkpoints of both over widths and resolutions:
`convcost frontier --family 'mobilenet_v[12]' --tier authors -o mobilenets.svg`.

![MobileNet checkpoints](mobilenets.svg)

## Depthwise separable against normal convolution

The course's layer takes 672 multiplications instead of 2,160: `convcost compare --input 6x6x3 --filters 5 --kernel 3 -o
course.svg`.

![A normal and a depthwise separable convolution](course.svg)

The ratio is 1/n_c' + 1/f²; the star is this layer: `convcost compare --input 6x6x3 --filters 5 --kernel 3 --law -o
separable.svg`.

![Ratio over n_c' and f](separable.svg)

## Fewer MACs, and yet slower

EfficientNet-B0 takes longer than ResNet-18, which has five times its MACs: it starts more kernels, and computes more swishes
and squeezes, which multiply nothing. `convcost latency efficientnet_b0 resnet18 --device jetson_agx_xavier_gpu_ncnn -o
slower.svg`.

![MACs and time of both, by kind of kernel](slower.svg)

Its layers under the rates of the device: `convcost latency efficientnet_b0 --device jetson_agx_xavier_gpu_ncnn -o
roofline.svg`.

![EfficientNet-B0's layers as points](roofline.svg)

## Why two tools disagree

ResNet-50 from the papers' count to ptflops, term by term: `convcost reconcile resnet50 ptflops -o reconcile.svg`.

![From paper to ptflops](reconcile.svg)

## Cost at another size

MobileNetV2 at every resolution: `convcost sweep mobilenet_v2 --over resolution=128:320 -o cliffs.svg`.

![MACs at every resolution](cliffs.svg)

Over width and resolution, with the edges of three budgets: on the page of `convcost report mobilenet_v2 -o report.html`;
with sliders: `convcost explore mobilenet_v2 -o explore.html`.

![Width against resolution](sizes.svg)

## Two networks, stage by stage

`convcost report mobilenet_v1 mobilenet_v2 --by stage -o beside.svg`.

![MACs by stage of two networks](beside.svg)

## What is alive when

The activations of MobileNetV2, coloured by what they are kept for: `convcost memory mobilenet_v2 -o memory.svg`.

![Memory timeline](memory.svg)

## Where it lies

The same of U-Net, whose skips wait for the way up, as offsets in one block of memory:
`convcost memory unet --picture arena -o arena.svg`.

![Arena of U-Net](arena.svg)
"""


def frontier_page() -> str:
    """The front of everything that papers, authors and libraries report."""
    text = render(frontier_table(frontier(front_only=True)), "markdown")
    return f"{NOTE}\n# The front\n\n`convcost frontier --front-only`\n\n{text}"


@lru_cache(maxsize=1)
def _first(name: str) -> Network:
    """The network that a family's page and both of its pictures are of, one after the other."""
    return load(name)


def family_page(spec: Spec) -> str:
    """One family: its networks, where the first one's cost is, and what accuracies are published."""
    names = names_of(spec)
    reports = [_first(names[0]).report(), *(load(name).report() for name in names[1:])]
    chosen = reports[0]
    parts = [
        NOTE,
        f"# {spec.title or spec.name}\n",
        f"{spec.source}, {spec.year}. [The spec](../../specs/{spec.name}.yaml).\n",
        *([f"{' '.join(spec.about.split())}\n"] if spec.about else []),
        render(_networks(names, reports), "markdown"),
        f"![Architecture of {names[0]}]({spec.name}_drawn.svg)\n",
        f"## Where the cost of {names[0]} is\n",
        f"![Cost by stage]({spec.name}.svg)\n",
        render(_plain(report_table(chosen, "stage")), "markdown"),
    ]
    cited = [one for one in accuracies() if one.model in names]
    if cited:
        parts += ["## Published accuracies (ImageNet-1k)\n", render(_accuracies(cited), "markdown")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts))


def _networks(names: list[str], reports: list[Report]) -> Table:
    rows = [
        [
            name,
            shape_text(report.input_shape),
            exact(report.totals.params),
            exact(report.totals.macs),
            exact(report.totals.activations),
            binary(report.totals.peak_activation_bytes),
        ]
        for name, report in zip(names, reports, strict=True)
    ]
    headers = ("network", "input", "params", "MACs", "activations", "peak, fp32")
    return Table("", headers, (False, False, True, True, True, True), rows, [], {})


def _plain(table: Table) -> Table:
    return Table("", table.headers, table.numeric, table.rows, [], {}, total=table.total)


def _accuracies(cited: list[Measured]) -> Table:
    rows = [
        [one.item, _knobs(one), str(one.resolution), one.top1, one.top5, one.tier, f"{one.source}, {one.locator}"]
        for one in cited
    ]
    headers = ("as printed", "knobs", "input", "top-1", "top-5", "tier", "source")
    return Table("", headers, (False, False, True, True, True, False, False), rows, [], {})


def _knobs(one: Measured) -> str:
    return " ".join([one.model, *(f"{name}={value}" for name, value in one.knobs.items())])


def files() -> dict[str, Callable[[], str]]:
    """Every file of the gallery and what makes it."""
    found: dict[str, Callable[[], str]] = {
        "reports/README.md": index_page,
        "reports/frontier.md": frontier_page,
        **_pictures(),
    }
    for spec in all_specs():
        name = names_of(spec)[0]
        found[f"reports/families/{spec.name}.md"] = lambda spec=spec: family_page(spec)
        found[f"reports/families/{spec.name}_drawn.svg"] = lambda name=name: _first(name).diagram().svg()
        found[f"reports/families/{spec.name}.svg"] = lambda name=name: svg(
            plots.cost_by(_first(name).report()), width=860
        )
    return found
