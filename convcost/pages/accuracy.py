"""What is published of a network's accuracy, beside its cost: every source that measured just this network."""

from __future__ import annotations

from convcost.networks.network import Network
from convcost.published.cited import accuracy_of
from convcost.published.data import Measured, sources
from convcost.render.html import Card
from convcost.render.table import Table

ABOUT = "ImageNet-1k validation, single crop unless the source says otherwise; quoted, never recomputed, of this network at this size."
_HEADERS = ("printed as", "top-1 (%)", "top-5 (%)", "its params (M)", "its MACs (M)", "from", "source")
_NUMBERS = range(1, 5)


def accuracy_card(network: Network) -> list[Card]:
    """The accuracy that is cited for a network, with its source; none where nobody prints one.

    >>> from convcost import load
    >>> [(card.name, card.short) for card in accuracy_card(load("mobilenet_v2"))], accuracy_card(load("unet"))
    ([('top-1 accuracy', '72.0 %')], [])
    """
    found = accuracy_of(network, ["top1"])
    if found is None:
        return []
    one = found.measured
    said = f"{_short(one)}, {one.locator}" if one.locator else _short(one)
    return [Card("top-1 accuracy", f"{one.top1} %", said)]


_OF_THE_FILE = {"at", "family", "model", "knobs"}
"""What a row of the data has beside what was printed: where it stands on this machine, and the network that the page is of."""


def accuracy_table(network: Network) -> Table | None:
    """All published accuracies of a network as it stands, the cited one first; None where there are none."""
    found = accuracy_of(network, ["top1"])
    if found is None:
        return None
    shown = [found.measured, *found.others]
    said = [name for name in Measured._fields if name not in _OF_THE_FILE and any(getattr(one, name) for one in shown)]
    return Table(
        title="",
        headers=_HEADERS,
        numeric=tuple(at in _NUMBERS for at in range(len(_HEADERS))),
        rows=[_row(one) for one in shown],
        records=[{name: getattr(one, name) for name in said} for one in shown],
        data={},
        priority=(0, 0, 2, 3, 3, 1, 4),
    )


def _row(one: Measured) -> list[str]:
    source = sources()[one.source]
    recipe = "" if one.recipe in one.item else one.recipe
    place = ", ".join(filter(None, (f"{source.title} ({source.where})", one.locator, recipe, one.note)))
    return [one.item, one.top1, one.top5, one.params, one.macs, one.tier, place]


def _short(one: Measured) -> str:
    """Who prints it: the authors of a paper, or the name of a library."""
    return sources()[one.source].title.partition(",")[0]
