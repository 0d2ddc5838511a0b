"""Graph -> the shortest spec that a person would like to read: what is alike as blocks with arguments, repeats as such.

Accepted only by proof: the text is read back and built, and is given up where the graph is not the same.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from typing import NamedTuple

from convcost.core.errors import SpecError
from convcost.graph.graph import Caption, Graph
from convcost.graph.typed import common_dtypes, stating_others
from convcost.graph.walk import Walked, walk
from convcost.ops import OPS
from convcost.spec.calls import MOST_NODES
from convcost.spec.elaborate import attempt
from convcost.spec.outline.arguments import MOST_ARGS, Analysis
from convcost.spec.outline.forks import Forks
from convcost.spec.outline.lines import Writer
from convcost.spec.outline.patterns import Member, Pattern, Patterns, flat
from convcost.spec.outline.pieces import Wiring, pieces
from convcost.spec.outline.selection import Selection
from convcost.spec.parse import parse
from convcost.spec.reader import RESERVED
from convcost.spec.standard import names as standard_names
from convcost.spec.write import head, resolved

NO_CAPTION = Caption()
MOST_TRIES = 2
"""Texts of one style that are written and read back."""
MOST_INLINE = 8
"""Times that patterns which need too many arguments are taken for no blocks, before none is one."""


FEW = 20
"""Lines that a text may have beyond one and a half for each node, before it is looked whether a plain list is shorter."""


class Style(NamedTuple):
    """How a graph is looked at."""

    blocks: bool = True
    """Whether what is alike becomes blocks."""
    variants: bool = True
    """Whether so does what is alike but for items that are left out."""
    forks: bool = True
    """Whether branches that join are written as such, instead of edges by name."""
    joints: str = "_"
    """What parts the names of nodes besides dots."""


STYLES = (
    Style(),
    Style(joints=""),
    Style(variants=False, joints=""),
    Style(variants=False, forks=False, joints=""),
    Style(blocks=False, variants=False, forks=False, joints=""),
)
"""From the shortest text to the one in which the least can go wrong."""


def compact(network: Graph | Walked, name: str, caption: Caption = NO_CAPTION) -> str:
    r"""The YAML text of a network with blocks, repeats and branches, and with defaults left out.

    Reading the text gives the same graph, else it is not returned: a scope of which this is not so is written layer by layer,
    and at last the whole network as `resolved` does.

    >>> from convcost import load
    >>> print("\n".join(compact(load("nin_cifar10").graph, "nin_cifar10").splitlines()[3:9]))
    blocks:
      conv_relu:
        args: {channels: , kernel: 1}
        layers:
          - conv2d: {channels: channels, kernel: kernel, padding: kernel // 2}
          - relu
    """
    walked = walk(network) if isinstance(network, Graph) else network
    nodes = len(walked.graph.nodes)
    found: list[str] = []
    for style in STYLES if 0 < nodes <= MOST_NODES else ():
        if not found or (style == STYLES[-1] and found[0].count("\n") > nodes + nodes // 2 + FEW):
            found += _proved(walked, name, caption, style)
    return min(found, key=lambda text: text.count("\n")) if found else resolved(walked.graph, name, caption)


def _proved(walked: Walked, name: str, caption: Caption, style: Style) -> list[str]:
    """The text in a style, if it stands for the same graph, but for single scopes that are written layer by layer."""
    common = common_dtypes(walked)
    shorter, before = stating_others(walked, common), head(walked.graph, name, caption, common)
    plain: set[str] = set()
    for _ in range(MOST_TRIES):
        text = "\n".join([*before, *_lines(shorter, style, plain), ""])
        wrong = difference(text, walked.graph)
        if wrong is None:
            return [text]
        if not wrong.partition(".")[0]:
            break
        plain.add(wrong.partition(".")[0])
    return []


def _lines(walked: Walked, style: Style, plain: Container[str]) -> list[str]:
    """The lines of blocks and layers, nothing proved yet."""
    wiring = Wiring(walked)
    piece = pieces(wiring, plain, style.joints)
    if style.forks:
        Forks(wiring).find(piece)
    items = list(flat(piece.items))
    root = Pattern(-1, piece, items, [], [Member(piece, list(items))])
    attrs = {attr for node in walked.graph.nodes for attr in node.attrs}
    inline: set[str] = set()
    for left in range(MOST_INLINE, -1, -1):
        patterns = Patterns(piece, inline, variants=style.variants)
        if not style.blocks or not left:
            inline |= {pattern.model.path for pattern in patterns.all.values()}
        selection = Selection(root, patterns, inline, {*RESERVED, *OPS, *standard_names(), *attrs})
        analysis = Analysis(patterns, wiring, selection.is_block, {*RESERVED, *OPS, *selection.names.values()})
        large = {p.model.path for p in selection.in_order if len(analysis.block(p).args) > MOST_ARGS}
        if not large:
            break
        inline |= large
    return Writer(selection, analysis).text(root)


def difference(text: str, graph: Graph) -> str | None:
    """The first layer by which the network of a text is another one than a graph; None if it is the same.

    Empty if it is none, or differs in its inputs, its outputs or the number of its layers.
    """
    try:
        spec, problems = parse(text, "")
        if problems:
            return problems[0].scope
        found, problems, _ = attempt(spec, {})
    except SpecError as error:
        return error.problems[0].scope
    if found is None or problems:
        return problems[0].scope if problems else ""
    built = found.walked.graph
    for one, two in zip(built.nodes, graph.nodes):
        if replace(one, where=None) != replace(two, where=None):
            return two.name
    same = replace(built, name="", nodes=()) == replace(graph, name="", nodes=())
    return None if same and [*built.inputs] == [*graph.inputs] and len(built.nodes) == len(graph.nodes) else ""
