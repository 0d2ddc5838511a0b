"""What a check measures of a network, and compares: totals, and the parts that a person would draw as one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from os.path import abspath, isfile
from typing import NamedTuple

from convcost.core.dims import Shape
from convcost.core.dtypes import as_text
from convcost.core.errors import UsageError, Where
from convcost.core.limits import LOCKED, TIMED, Kind
from convcost.core.places import zoo_directory
from convcost.core.units import exact, inputs_text
from convcost.deploy.runtime import RUNTIMES
from convcost.devices.board import Board
from convcost.graph.drawn import units
from convcost.graph.items import PER_CHANNEL, Item, items
from convcost.networks.budgets.file import Conditions
from convcost.networks.deployment import Deployed, deployed
from convcost.networks.latency import Latency, latency, place_text
from convcost.networks.network import Network
from convcost.networks.within_board import Searched

_KERNEL = re.compile(r"\d+(×\d+)*")
_DEPTHWISE = "depthwise"
_UNLIMITED = 2**62
"""Bytes."""


class Recorded(NamedTuple):
    """What a network cost: what a lock file holds of it, or what is known of a baseline."""

    source: str
    """The lock file, or the name of the baseline."""
    batch: int
    memory: str
    dtype: str
    inputs: Mapping[str, Shape]
    totals: Mapping[str, int]
    """Of each of `LOCKED`, by its name there; with a device of `TIMED` too, in femtoseconds."""
    unknown: int
    """How many layers nobody could count, so that the totals are lower bounds."""
    parts: tuple[Item, ...]
    whole: bool = True
    """Whether the parts are all that is known of a network, not what a lock file holds of them."""
    device: str = ""
    """What its latency is of, which is one of the totals then."""

    @property
    def costs(self) -> tuple[object, ...]:
        """All that a lock file holds but names, and where it was read."""
        return (*self[1:7], self.device), [
            (part.text, part.reads, part.makes, part.macs, part.params) for part in self.parts
        ]


class Measured:
    """A network under some conditions; its parts are looked at only where they are asked for."""

    def __init__(
        self,
        name: str,
        network: Network,
        under: Conditions,
        board: Board | None = None,
        most: Mapping[str, int] | None = None,
    ) -> None:
        self.name = name
        self.most = most or {}
        """The bytes of RAM and flash that all limits together allow, by the keys of their metrics."""
        self.network = network
        self.under = under
        self.board = board
        self.report = network.report(under.convention, batch=under.batch, dtype=under.dtype, memory_policy=under.memory)

    def is_whole(self, kind: Kind) -> bool:
        """Whether every layer is counted; else the amount is a lower bound, as are operations without those that a convention
        does not know; what is deployed has no layer that nobody knows.
        """
        if kind.deployed:
            return True
        return self.report.complete and not ("convention" in kind.metric.needs and self.report.not_counted)

    @cached_property
    def deployed(self) -> Deployed:
        """The network under TensorFlow Lite Micro, with the addresses of its board; raises `UsageError` if that refuses it."""
        found = deployed(self.network, dtype=self.under.dtype, board=self.board)
        if found.arena.refused:
            raise UsageError(f"{self.network.label}: {'; '.join(found.arena.refused)}")
        return found

    @property
    def deployed_under(self) -> str:
        """What RAM and flash are of."""
        deployment = self.deployed.deployment
        bits = f"addresses of {deployment.pointers} bits"
        of = (
            f"as of {self.board.name}" if self.board else "as on a computer; limits: {board: NAME} has those of a board"
        )
        runtime = RUNTIMES[deployment.runtime].partition(":")[0]
        code = bool(self.board and self.board.code)
        parts = [f"the arena of {runtime}", "the model file", *(["the runtime's code"] if code else [])]
        return f"{', '.join(parts)}; {as_text(deployment.dtype)}, {bits}, {of}"

    @cached_property
    def searched(self) -> Searched:
        """What would keep all limits on RAM and flash: those of a board that has as much as they allow."""
        found = self.deployed
        ram, flash = (self.most.get(key, _UNLIMITED) for key in ("ram_bytes", "flash_bytes"))
        board = replace(found.board or Board("limits", {}, 0), regions={"RAM": ram}, flash=flash)
        return replace(found, board=board).searched

    @property
    def file(self) -> Where | None:
        """The file of a network that is none of the zoo, at its first line."""
        file = self.network.origin.file
        return None if not file or abspath(file).startswith(zoo_directory()) or not isfile(file) else Where(file, 1, 1)

    @cached_property
    def parts(self) -> tuple[Item, ...]:
        """In the order of the graph, their costs at batch 1."""
        return items(self.network.walked)

    @property
    def owners(self) -> dict[str, str]:
        """Name of a layer -> that of the part which it belongs to."""
        return {step: part.name for part in self.parts for step in part.steps}

    @cached_property
    def places(self) -> dict[str, Where | None]:
        """Name of a part -> where the spec states it."""
        return {unit.name: unit.anchor.node.where for unit in units(self.network.walked)}

    def unlike(self, before: Recorded, kind: Kind) -> str:
        """The conditions under which the earlier costs were measured, those that are not these; empty if they are the same.

        A dtype, or a size of the input, that no condition says is the network's own: it may change as all else of it.
        """
        under = self.under
        words = []
        if before.batch != under.batch:
            words.append(f"batch {exact(before.batch)}")
        if before.memory != under.memory:
            words.append(f"memory {before.memory}")
        if under.dtype is not None and before.dtype != self.report.dtype:
            words.append(f"dtype {before.dtype}")
        if kind.timed and under.device and before.device != under.device.name:
            words.append(f"device {before.device}" if before.device else "no device")
        if under.input is not None and _sizes(before.inputs) != _sizes(self.report.inputs):
            words.append(inputs_text(before.inputs))
        return ", ".join(words)

    @cached_property
    def latency(self) -> Latency:
        """How long the network takes on the device; raises `UsageError` without one, and if that knows nothing of a layer."""
        if self.under.device is None:
            raise UsageError(
                "a latency is of a device: say device: NAME beside limits:, or --device NAME; `convcost devices` lists all"
            )
        return latency(self.network, self.under.device, self.under.dtype, self.under.batch)

    @property
    def timed_under(self) -> str:
        """What a latency is of, and how far off it is."""
        found = self.latency
        far = "".join(f"; extrapolated: {why}" for why in found.beyond)
        return f"{place_text(found.device)}; {found.error}{far}"

    def times(self, part: Item) -> int:
        """The femtoseconds that a part takes on the device."""
        return sum(self._times[step] for step in part.steps)

    @cached_property
    def _times(self) -> dict[str, int]:
        steps = self.network.walked.steps
        return {step.node.name: int(time.total) for step, time in zip(steps, self.latency.times, strict=True)}

    def amount(self, kind: Kind) -> int:
        """So much of what is limited: in total, or of the layer that has most of it."""
        if kind.timed:
            return self.latency.femtoseconds
        if kind.deployed:
            return int(self.deployed.arena.total if kind.key == "ram_bytes" else self.deployed.size.flash_bytes)
        if kind.of == "layer":
            return max((int(getattr(layer, kind.key)) for layer in self.report.layers), default=0)
        return int(getattr(self.report.totals, kind.key))

    def recorded(self, source: str) -> Recorded:
        """As a lock file holds it."""
        totals, timed = self.report.totals, self._recorded_latency()
        return Recorded(
            source=source,
            batch=self.under.batch,
            memory=self.under.memory,
            dtype=self.report.dtype,
            inputs=dict(self.report.inputs),
            totals={name: int(getattr(totals, key)) for name, key in LOCKED.items()} | timed,
            unknown=totals.unknown,
            parts=self.parts,
            device=self.under.device.name if self.under.device and timed else "",
        )

    def _recorded_latency(self) -> dict[str, int]:
        """The latency, if there is a device, and it knows all layers."""
        try:
            return dict.fromkeys(TIMED, self.latency.femtoseconds)
        except UsageError:
            return {}


def _sizes(inputs: Mapping[str, Shape]) -> list[Shape]:
    """The shapes of inputs without their channels, which a condition need not say."""
    return [shape[:-1] or shape for shape in inputs.values()]


def as_written(name: str, text: str, reads: Sequence[Shape], makes: Shape, macs: int, params: int) -> Item:
    """A part from what a lock file holds of it: its name, how it is drawn, its shapes and its costs.

    >>> part = as_written("stem", "conv2d 3×3 /2 + bn", [(4, 4, 3)], (2, 2, 8), 864, 232)
    >>> part.core, dict(part.choices)
    ('conv2d 3×3 /2', {'kernel': '3×3', 'stride': '2', 'channels': '8'})
    """
    core, *finish = text.split(" + ")
    op, *words = core.split(" ")
    choices = {"stride" if word[0] == "/" else "kernel": word.removeprefix("/") for word in words if _is_size(word)}
    for word in words:
        if not _is_size(word):
            choices |= {"groups": PER_CHANNEL} if word == _DEPTHWISE else {word: "yes"}
    weighted = bool(params and macs)
    if weighted and _DEPTHWISE not in words and makes:
        choices["channels"] = str(makes[-1])
    return Item(
        name=name,
        scope=tuple(name.split(".")),
        text=text,
        core=core,
        kind=f"{op}{f' {_DEPTHWISE}' if _DEPTHWISE in words else ''}",
        ops=(op, *finish),
        choices=choices,
        reads=tuple(reads),
        makes=makes,
        weighted=weighted,
        macs=macs,
        params=params,
        finish=tuple(finish),
    )


def _is_size(word: str) -> bool:
    return bool(_KERNEL.fullmatch(word.removeprefix("/")))


def reduced(part: Item) -> Item:
    """A part as far as a lock file holds it, to compare with what one does."""
    return as_written(part.name, part.text, part.reads, part.makes, part.macs, part.params)
