"""Which networks of the zoo fit a board, or so much RAM and flash, with the accuracy that is cited for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

from convcost.core.axes import size_of
from convcost.core.dims import elements
from convcost.core.dtypes import DTYPE_BITS, as_text
from convcost.core.errors import UsageError
from convcost.core.kept import Answers, answers
from convcost.core.reading import parse_bytes
from convcost.core.units import binary, counted, exact
from convcost.core.version import __version__
from convcost.deploy.runtime import Deployment
from convcost.devices.board import Board, all_boards, as_board, said
from convcost.networks.deployed import on_device
from convcost.networks.listing import known_networks
from convcost.networks.load import open_network
from convcost.networks.network import Network
from convcost.networks.selection import Selection
from convcost.published.cited import RULE, accuracy_of
from convcost.published.data import accuracies
from convcost.published.tasks import accuracy_on_task
from convcost.render.table import Table, Tabular

_TARGETS = "≥ is what a benchmark demands, not what was measured"
_FLOATS = "of networks in floats unless their source says else: quantisation may cost some"
_SMALLER = "smaller widths and resolutions: convcost fit MODEL --max-ram SIZE --max-flash SIZE"

_IMAGENET = "ImageNet-1k"


class Candidate(NamedTuple):
    """A network of the zoo at some knobs and input size."""

    model: str
    knobs: tuple[tuple[str, str], ...] = ()
    resolution: int = 0
    """Its own if 0."""

    def opened(self) -> Network:
        """The network."""
        network = open_network(self.model, dict(self.knobs))
        if self.resolution and self.resolution != size_of(network.graph.input_shape, "height"):
            network = open_network(self.model, dict(self.knobs), self.resolution)
        return network


class Fitting(NamedTuple):
    """A network that fits, what it needs, and the accuracy that is cited for it."""

    label: str
    """As `load` takes it."""
    ram: int
    flash: int
    """Bytes of the model file, and with a board of the runtime's code."""
    macs: int
    params: int
    task: str
    """The data set of the accuracy; empty where nobody prints one."""
    accuracy: str
    """In per cent, as printed."""
    citation: str
    tier: str
    """Who prints it: paper, authors, library, reimplementation."""
    at_least: bool = False
    """Whether the accuracy is what a benchmark demands, not what was measured."""


@dataclass(frozen=True, slots=True)
class Deployable(Tabular):
    """The networks that fit: task by task the most accurate first, then those without a cited accuracy."""

    networks: tuple[Fitting, ...] = field(hash=False)
    deployment: Deployment
    max_ram: int | None
    max_flash: int | None
    board: Board | None
    tried: int
    """How many were looked at."""
    unwritten: tuple[str, ...]
    """Those with layers that have no counterpart among the runtime's kernels."""

    def table(self) -> Table:
        """A row per network."""
        marks = {citation: f"[{at}]" for at, citation in enumerate(_citations(self.networks), start=1)}
        return Table(
            title="",
            heading=f"Networks that fit {self._where()}",
            headers=("network", "RAM", "flash", "MACs", "params", "task", "accuracy (%)", "cited"),
            numeric=(False, True, True, True, True, False, True, False),
            priority=(0, 0, 1, 4, 5, 3, 0, 2),  # on a phone the accuracy, by which they are sorted, beside RAM
            rows=[
                [
                    one.label,
                    binary(one.ram),
                    binary(one.flash),
                    exact(one.macs),
                    exact(one.params),
                    one.task or "-",
                    f"≥ {one.accuracy}" if one.at_least else one.accuracy or "-",
                    marks.get(one.citation, "-"),
                ]
                for one in self.networks
            ],
            records=[_record(one) for one in self.networks],
            data=self._data(),
            notes=[*((mark, citation) for citation, mark in marks.items()), *self._notes()],
            fields=_FIELDS,
        )

    def _where(self) -> str:
        if self.board:
            return self.board.name
        sizes = (("RAM", self.max_ram), ("flash", self.max_flash))
        return " and ".join(f"{binary(size)} of {what}" for what, size in sizes if size is not None)

    def _notes(self) -> Iterator[tuple[str, str]]:
        kind = f"{as_text(self.deployment.dtype)}, addresses of {self.deployment.pointers} bits"
        yield "fits", f"{exact(len(self.networks))} of {counted(self.tried, 'network')} fit {self._where()}"
        yield "RAM", f"the arena of TensorFlow Lite Micro, {kind}"
        code = self.board.code.get(self.deployment.runtime) if self.board else None
        if code:
            yield (
                "flash",
                f"the model file and {exact(code.bytes)} bytes of the runtime's code: {code.says}; {code.source}",
            )
        else:
            least, most = _codes(self.deployment.runtime)
            yield (
                "flash",
                f"the model file; the runtime's code comes on top, {exact(least)} to {exact(most)} bytes as measured",
            )
        yield from (("board", said(self.board)),) if self.board else ()
        if any(one.accuracy for one in self.networks):
            imagenet = any(one.task == _IMAGENET for one in self.networks)
            targets = any(one.at_least for one in self.networks)
            parts = [RULE] * imagenet + [_TARGETS] * targets + [_FLOATS]
            yield "accuracy", "; ".join(parts)
        if not self.networks:
            yield "hint", self._hint()
        if self.unwritten:
            more = f" and {exact(len(self.unwritten) - 3)} more" if len(self.unwritten) > 3 else ""
            yield "left out", f"{', '.join(self.unwritten[:3])}{more}: layers without a kernel of the runtime"

    def _hint(self) -> str:
        """What to do where nothing fits; a bare number is of bytes, which somebody who means kibibytes may not expect."""
        sizes = (("--max-ram", self.max_ram), ("--max-flash", self.max_flash))
        small = [
            f"{option} {size} is {counted(size, 'byte')}; {size}KiB?" for option, size in sizes if size and size < 1024
        ]
        return "; ".join([*small, _SMALLER])

    def _data(self) -> dict[str, Any]:
        return {
            "schema": "convcost.deployable/1",
            "version": __version__,
            "deployment": self.deployment._asdict(),
            "board": self.board.to_dict() if self.board else None,
            "max_ram_bytes": self.max_ram,
            "max_flash_bytes": self.max_flash,
            "tried": self.tried,
            "unwritten": list(self.unwritten),
            "networks": [_record(one) for one in self.networks],
        }


def deployable(
    *patterns: str,
    board: str | Board | None = None,
    max_ram: int | str | None = None,
    max_flash: int | str | None = None,
    dtype: str = "int8",
    runtime: str = "tflm",
    pointers: int | None = None,
    kernels: str = "reference",
    family: str | Sequence[str] | None = (),
    task: str | Sequence[str] | None = (),
    year: str | int | None = "",
    max_macs: int | str | None = None,
    max_params: int | str | None = None,
) -> Deployable:
    """The networks of the zoo that fit a board, or so many bytes of RAM and flash, "256KiB" too, with their cited accuracies.

    Every network is looked at as it stands, and at the knobs and input sizes for which an accuracy is printed. `patterns`,
    `family`, `task`, `year` and the bounds on MACs and parameters are those of `list_networks`. Raises `UsageError` where neither a board nor a size is given, and for unknown names.
    """
    place = None if board is None else as_board(board)
    if place is None and max_ram is None and max_flash is None:
        raise UsageError("say what has to be enough: a board, max_ram or max_flash")
    asked = Selection.of(patterns, family, task, year, max_macs, max_params)
    ram, flash = _bounds(place, max_ram, max_flash)
    deployment = Deployment(runtime, dtype, pointers or (place.pointers if place else 64), kernels).checked(
        place.core if place else ""
    )
    code = place.code.get(runtime) if place else None
    found, unwritten, tried = list[Fitting](), dict[str, None](), set[str]()
    introduced = asked._replace(max_macs=None, max_params=None)  # these are of each candidate
    with answers("deployable") as known:
        names = known.of(("names", *introduced), lambda: known_networks(introduced))
        for candidate in _candidates(names):
            costs = _costs(candidate, deployment, (ram, flash), known)
            if costs["label"] in tried or not asked.affords(costs["macs"], costs["params"]):
                continue
            tried.add(costs["label"])
            if costs.get("unwritten"):
                unwritten[candidate.model] = None
            elif (
                "ram" in costs
                and _within(arena := costs["ram"][str(deployment.pointers)], ram)
                and _within(file := costs["file"] + (code.bytes if code else 0), flash)
            ):
                needs = (costs["label"], arena, file, costs["macs"], costs["params"])
                found.append(Fitting(*needs, *costs["cited"]))
    found.sort(key=_order)
    return Deployable(tuple(found), deployment, ram, flash, place, len(tried), tuple(unwritten))


def _bounds(board: Board | None, ram: int | str | None, flash: int | str | None) -> tuple[int | None, int | None]:
    """The smaller of what the board has and what is given; raises `UsageError`."""
    rams = [parse_bytes(size) for size in (board.ram if board else None, ram) if size is not None]
    flashes = [parse_bytes(size) for size in (board.flash if board else None, flash) if size is not None]
    return min(rams, default=None), min(flashes, default=None)


def _within(needed: int, most: int | None) -> bool:
    return most is None or needed <= most


def _candidates(names: Iterable[str]) -> list[Candidate]:
    """Each network as it stands, then at what accuracies are printed for; none twice."""
    known = dict.fromkeys(names)
    printed = (
        Candidate(row.model, tuple(sorted(row.knobs.items())), row.resolution)
        for row in accuracies()
        if row.model in known and not row.ablation
    )
    return [*dict.fromkeys([*map(Candidate, known), *printed])]


def _costs(
    candidate: Candidate, deployment: Deployment, most: tuple[int | None, int | None], known: Answers
) -> dict[str, Any]:
    """What a candidate costs, and what it needs once deployed, if neither its inputs, which lie in RAM, nor its weights alone
    are too many.
    """
    opened = cache(candidate.opened)  # once for both questions, and not at all if they are answered already
    base: dict[str, Any] = known.of(("costs", *candidate), lambda: _counted(candidate, opened()), candidate.model)
    if not all(
        _within(base[part] * DTYPE_BITS[deployment.dtype] // 8, size) for part, size in zip(("reads", "params"), most)
    ):
        return base
    asked = ("needs", *candidate, deployment.runtime, deployment.dtype, deployment.kernels)
    needs: dict[str, Any] = known.of(asked, lambda: _needs(opened(), deployment), candidate.model)
    return {**base, **needs}


def _counted(candidate: Candidate, network: Network) -> dict[str, Any]:
    totals = network.report().totals
    return {
        "label": network.label,
        "macs": totals.macs,
        "params": totals.params,
        "reads": elements(network.graph.inputs.values()),
        "cited": _cited(candidate, network),
    }


def _cited(candidate: Candidate, network: Network) -> tuple[str, str, str, str, bool]:
    """Data set, accuracy, citation, who prints it and whether it is a target: on ImageNet, or of a network as it stands on a
    task of its own; empty where nobody prints any.
    """
    if found := accuracy_of(network, ["top1"]):
        return _IMAGENET, found.measured.top1, found.citation, found.measured.tier, False
    if (other := accuracy_on_task().get(candidate.model)) and candidate == Candidate(candidate.model):
        return other.dataset, other.value, other.citation, "paper", bool(other.bound)
    return "", "", "", "", False


def _needs(network: Network, deployment: Deployment) -> dict[str, Any]:
    """RAM by the bits of an address, and the model file; or that no program of the runtime can be written, or that the
    runtime would refuse it.
    """
    try:
        found = on_device(network, deployment, dtype=deployment.dtype)
        if found.arena.refused:
            return {"unwritten": True}
        ram = {str(bits): total for bits, total in found.by_pointers.items()}
        return {"ram": ram, "file": int(found.size.file_bytes)}
    except UsageError:
        return {"unwritten": True}


def _order(one: Fitting) -> tuple[bool, bool, str, Fraction, int, str]:
    """ImageNet first, then task by task, the most accurate first; those without an accuracy last, by what they compute."""
    return not one.task, one.task != _IMAGENET, one.task, -Fraction(one.accuracy or 0), -one.macs, one.label


def _citations(networks: Sequence[Fitting]) -> list[str]:
    return [*dict.fromkeys(one.citation for one in networks if one.citation)]


_FIELDS = (
    *("network", "ram_bytes", "flash_bytes", "macs", "params"),
    *("task", "accuracy", "accuracy_at_least", "tier", "citation"),
)


def _record(one: Fitting) -> dict[str, Any]:
    cited = (one.task or None, one.accuracy or None, one.at_least, one.tier or None, one.citation or None)
    return dict(zip(_FIELDS, (one.label, one.ram, one.flash, one.macs, one.params, *cited), strict=True))


def _codes(runtime: str) -> tuple[int, int]:
    """The least and the most that the runtime's code takes on a board that convcost knows."""
    sizes = {board.code[runtime].bytes for board in all_boards().values() if runtime in board.code}
    return min(sizes), max(sizes)
