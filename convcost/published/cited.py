"""Published accuracies of a network as it stands: which one is cited, how it was chosen, and what else is printed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from convcost.core.places import zoo_directory
from convcost.core.units import scaled
from convcost.networks.network import Network
from convcost.networks.origin import FromSpec
from convcost.networks.together import CITED, Beside
from convcost.published.data import Measured, accuracies, sources
from convcost.spec.knobs import knob_values
from convcost.spec.syntax import Spec
from convcost.spec.uses import defaults
from convcost.spec.zoo import names_of

RULE = (
    "ImageNet-1k, as printed by the source, of the network as it stands here: its knobs, its input size; of several the "
    "one of its own paper, else of its authors, another paper, a library, a reimplementation; of these the first in its list"
)
"""How an accuracy is chosen."""
_OTHERS = ("authors", "paper", "library", "reimplementation")
"""Who is believed after the network's own paper, in this order."""
_SUPERSEDED = "accuracy superseded"
"""How the note of a figure begins that its authors have replaced."""


class Accuracy(NamedTuple):
    """The accuracy that is cited for a network, and the others that are printed for the same."""

    measured: Measured
    others: tuple[Measured, ...]

    @property
    def citation(self) -> str:
        """Who prints it, where, of what: source, table, resolution, weights.

        >>> from convcost import load
        >>> accuracy_of(load("mobilenet_v2"), ["top1"]).citation
        'Sandler et al., MobileNetV2: inverted residuals and linear bottlenecks (arXiv 1801.04381), Table 4, at 224'
        """
        one = self.measured
        source = sources()[one.source]
        where = f"{source.title} ({source.where})"
        return ", ".join(filter(None, (where, one.locator, f"at {one.resolution}" * bool(one.resolution), one.recipe)))


def accuracy_of(network: Network, wanted: Sequence[str]) -> Accuracy | None:
    """The accuracy of a network of the zoo at its knobs and input size; None where nobody prints one.

    `wanted` are `top1`, `top5` or both: who prints all of them comes first.

    >>> from convcost import load
    >>> found = accuracy_of(load("resnet50"), ["top1"])
    >>> found.measured.top1, found.measured.tier, accuracy_of(load("resnet50", classes=10), ["top1"])
    ('76.1', 'authors', None)
    """
    found = [one for one in published_of(network) if any(getattr(one, name) for name in wanted)]
    if not found:
        return None
    own = network.caption.source
    ranked = sorted(found, key=lambda one: (not all(getattr(one, name) for name in wanted), *_rank(one, own)))
    return Accuracy(ranked[0], tuple(ranked[1:]))


def _rank(one: Measured, own: str) -> tuple[int, bool]:
    """Its own paper first: the one that the spec names; last of its kind what is known to be outdated."""
    where = sources()[one.source].where.partition(",")[0]
    rank = 0 if one.tier == "paper" and where in own else 1 + _OTHERS.index(one.tier)
    return rank, one.note.startswith(_SUPERSEDED)


def published_of(network: Network) -> list[Measured]:
    """Every accuracy that is printed for just this network: zoo, knobs and input size are the same."""
    origin, inputs = network.origin, list(network.graph.inputs.values())
    if not isinstance(origin, FromSpec) or not _of_the_zoo(origin.spec) or len(inputs) != 1 or len(inputs[0]) != 3:
        return []
    known = set(names_of(origin.spec))
    return [one for one in accuracies() if one.model in known and _same(one, origin, inputs[0])]


def _of_the_zoo(spec: Spec) -> bool:
    return os.path.dirname(spec.path) == os.path.abspath(zoo_directory())


def _same(one: Measured, origin: FromSpec, shape: Sequence[int]) -> bool:
    spec = origin.spec
    knobs = {**defaults(spec, one.model), **knob_values(one.model, spec, one.knobs)}
    size = one.resolution or knobs.get("resolution")
    others = {name: value for name, value in knobs.items() if name != "resolution"}
    return tuple(shape[:2]) == (size, size) and all(origin.knobs[name] == value for name, value in others.items())


def beside(networks: Sequence[Network], wanted: Sequence[str], digits: int | None = None) -> Beside:
    """The published accuracies of networks as columns, each with a reference that a note explains; none is guessed.

    Those with more than `digits` significant digits are rounded to so many in the columns, and nowhere else.
    """
    found = [accuracy_of(network, wanted) for network in networks]
    marks: dict[str, str] = {}
    for one in filter(None, found):
        marks.setdefault(one.citation, f"[{len(marks) + 1}]")
    columns = {
        name: (
            f"{name[:3]}-{name[3:]} (%)",
            tuple(_rounded(getattr(one.measured, name), digits) if one else "-" for one in found),
        )
        for name in wanted
    }
    columns[CITED] = (CITED, tuple(marks[one.citation] if one else "-" for one in found))
    lines = [(mark, said) for said, mark in marks.items()]
    others = [
        f"{network.label} {_range(one, wanted[0])}" for network, one in zip(networks, found) if one and one.others
    ]
    missing = [network.label for network, one in zip(networks, found) if one is None]
    notes = [*lines, ("accuracy", RULE)]
    notes += [("also printed", "; ".join(others))] if others else []
    notes += [("none printed", f"of {', '.join(missing)}")] if missing else []
    return Beside(columns, [_record(one, wanted) for one in found], [{"accuracy": _data(one)} for one in found], notes)


def _rounded(printed: str, digits: int | None) -> str:
    """An accuracy to so many digits, halves up; as it is printed where that has no more.

    >>> _rounded("71.592", 3), _rounded("70.6", 4), _rounded("9.995", 3), _rounded("", 3)
    ('71.6', '70.6', '10.0', '-')
    """
    if digits is None or len(printed.replace(".", "")) <= digits:
        return printed or "-"
    return scaled(int(Fraction(printed) * 10**9), 10**9, digits)


def _range(found: Accuracy, name: str) -> str:
    """How many others there are, and between which values."""
    printed = sorted((getattr(one, name) for one in found.others if getattr(one, name)), key=float)
    span = " to ".join(dict.fromkeys((printed[0], printed[-1]))) if printed else "without this"
    return f"{len(found.others)} more: {span}"


def _record(found: Accuracy | None, wanted: Sequence[str]) -> dict[str, Any]:
    one = found.measured if found else None
    names = (*wanted, "tier", "source", "locator", "recipe")
    return {name if name in wanted else f"accuracy_{name}": getattr(one, name) if one else "" for name in names}


def _data(found: Accuracy | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {**_printed(found.measured), "others": [_printed(one) for one in found.others]}


def _printed(one: Measured) -> dict[str, Any]:
    return {
        **{name: getattr(one, name) or None for name in ("top1", "top5", "resolution", "year")},
        **{name: getattr(one, name) for name in ("item", "tier", "source", "locator", "recipe", "note")},
        "where": sources()[one.source].where,
    }
