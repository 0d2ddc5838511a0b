"""Checking networks against limits: on their costs, and on the growth since a lock file was written or from a baseline."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, NamedTuple

from convcost.core.checks import check_batch, check_path
from convcost.core.errors import ConvcostError, Problem, SpecError, UsageError
from convcost.core.limits import BOARD, GROWTH, LIMITS, LOCKED, TIMED, Limit, read_limit
from convcost.core.units import exact
from convcost.devices.board import Board
from convcost.devices.board import find as find_board
from convcost.devices.device import Device, Roofline
from convcost.devices.stored import as_device
from convcost.networks.budgets import lock as lock_file
from convcost.networks.budgets.checked import Checked
from convcost.networks.budgets.costs import Measured, Recorded
from convcost.networks.budgets.file import Budgets, Entry, budgets_of
from convcost.networks.budgets.grown import grown, grown_text, largest, largest_text
from convcost.networks.budgets.lines import Failure, Line
from convcost.networks.deployed_tables import pinned
from convcost.networks.inputs import GivenShape
from convcost.networks.load import Model, in_doubt, open_network
from convcost.networks.network import Network
from convcost.networks.origin import FromSpec, knobs_text
from convcost.networks.revision import is_of_same_file, of_same_file, opened_at, revised
from convcost.spec.tree import shown_path
from convcost.spec.zoo import is_path, split_name

_NAMED = 3
"""Tensors that a line names."""
_NO_LIMITS = "say limits: {macs: 300M} in its file or in the budgets, or --max-macs 300M"


class Wanted(NamedTuple):
    """What the caller says beside the networks; it wins over files."""

    limits: Mapping[str, Limit]
    conditions: Mapping[str, Any]
    """Of `Conditions`, those that are said."""
    baseline: Model | None = None
    knobs: Mapping[str, Any] = {}
    options: Collection[str] = ()
    """Names of what is said that could be meant as a knob."""


@dataclass
class Run:
    """A check while it runs."""

    budgets: Budgets
    locked: Mapping[str, Recorded] | None
    """What the lock file holds; None if there is none."""
    lines: list[Line] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    measured: dict[str, Measured] = field(default_factory=dict)
    whole: bool = False
    """Whether all that the lock file should hold is checked."""

    @property
    def result(self) -> Checked:
        """What it came to."""
        return Checked(tuple(self.lines), tuple(self.failures))

    def fail(self, failure: Failure) -> None:
        """Add what keeps limits from being judged, once: it is the same for each kind of growth."""
        if not any(one.what == failure.what for one in self.failures):
            self.failures.append(failure)

    def updated(self) -> dict[str, Recorded]:
        """What the lock file should hold now."""
        now = ((name, one.recorded("")) for name, one in self.measured.items())
        return lock_file.updated(self.locked or {}, now, whole=self.whole)

    def lock_text(self) -> str:
        """The text of the lock file that says so."""
        return lock_file.write(self.updated())

    def changed(self) -> list[str]:
        """The networks that it would say something else of, or not name any more."""
        before, after = self.locked or {}, self.updated()
        return [name for name in {**before, **after} if before.get(name) is not after.get(name)]


def check(
    *models: Model,
    limits: Mapping[str, Any] | None = None,
    max_macs: Any = None,
    max_params: Any = None,
    max_peak: Any = None,
    max_weights: Any = None,
    board: str | None = None,
    baseline: Model | None = None,
    tolerance: Any = None,
    lock: str | os.PathLike[str] | None = None,
    convention: str | None = None,
    batch: int | None = None,
    dtype: str | None = None,
    memory_policy: str | None = None,
    device: str | os.PathLike[str] | Device | Roofline | None = None,
    input_shape: GivenShape | None = None,
    **knobs: Any,
) -> Checked:
    """Whether networks keep their limits, line by line.

    `models` are networks, or one budgets file; without any, the nearest `convcost-budgets.yaml` is read. Limits are those
    of the budgets file and of specs, and those given here, which win: `max_macs="300M"` is `limits={"macs": "300M"}`, and so
    for all other names; `max_ram` and `max_flash` are of the network under TensorFlow Lite Micro, and `board` limits both;
    `max_latency="20ms"` is on a `device`, by name or as a file. Growth is against `baseline`, or against the lock file; `tolerance="1%"` is `limits={"growth": "1%"}`. The other options
    are those of `report`, for all networks. Raises `UsageError` and `SpecError` for budgets that cannot be read; networks
    that cannot are in the result's `failures`.

    >>> result = check("mobilenet_v2", max_macs="300M", max_params="4M")
    >>> [(line.limit, line.headroom, line.verdict) for line in result.lines]
    [('macs', -774272, 'broken'), ('params', 495128, 'holds')]
    """
    options = [name for name, value in locals().items() if value is not None and name not in ("models", "knobs")]
    if not isinstance(limits, Mapping | None):
        raise UsageError(f"limits are a mapping, as {{'macs': '300M'}}, got {type(limits).__name__}")
    lock = check_path(lock, "lock")
    said = {"macs": max_macs, "params": max_params, "peak": max_peak, "weights": max_weights}
    said |= {BOARD: board, GROWTH: tolerance}
    said |= {key.removeprefix("max_"): knobs.pop(key) for key in [*knobs] if key.startswith("max_")}
    conditions = {
        "convention": convention,
        "batch": None if batch is None else check_batch(batch),
        "dtype": dtype,
        "memory": memory_policy,
        "device": None if device is None else as_device(device),
        "input": input_shape,
    }
    wanted = Wanted(
        limits_given({**(limits or {}), **{name: amount for name, amount in said.items() if amount is not None}}),
        {name: value for name, value in conditions.items() if value is not None},
        baseline,
        knobs,
        options,
    )
    return run(models, wanted, lock).result


def limits_given(given: Mapping[str, Any]) -> dict[str, Limit]:
    """Limits by name, as a caller gives them; raises `UsageError`."""
    found: dict[str, Limit] = {}
    for name, amount in given.items():
        if name == GROWTH and isinstance(amount, Mapping):
            for part, share in amount.items():
                found |= read_limit(f"{GROWTH}.{part}", share)
        else:
            found |= read_limit(name, amount)
    return found


def run(models: Sequence[Model], wanted: Wanted, lock: str | None = None, *, update: bool = False) -> Run:
    """Check all networks; with `update`, growth is against what they cost now."""
    budgets = budgets_of(models, lock)
    entries = [_with(entry, wanted) for entry in budgets.entries]
    done = Run(budgets, _locked(budgets.lock, update=update), whole=budgets.file is not None and not wanted.knobs)
    for entry in entries:
        try:
            _check(entry, done, wanted, update=update)
        except SpecError as error:
            done.failures += [
                Failure(entry.name, str(problem._replace(where=None)), problem.where) for problem in error.problems
            ]
        except ConvcostError as error:
            done.failures.append(Failure(entry.name, str(error), entry.where))
    return done


def _locked(path: str, *, update: bool) -> dict[str, Recorded] | None:
    """What the lock file holds; one that is broken is no obstacle to writing it anew, another file is."""
    lock_file.spare_others(path)
    try:
        return lock_file.read(path)
    except SpecError:
        if update:
            return None
        raise


def _with(entry: Entry, wanted: Wanted) -> Entry:
    """An entry under what the caller says."""
    conditions = entry.conditions._replace(**wanted.conditions)
    baseline = wanted.baseline if wanted.baseline is not None else entry.baseline
    return replace(entry, conditions=conditions, limits={**entry.limits, **wanted.limits}, baseline=baseline)


def _check(entry: Entry, done: Run, wanted: Wanted, *, update: bool) -> None:
    """Add the lines of one network."""
    network = open_network(entry.model, wanted.knobs, entry.conditions.input)
    if not isinstance(entry.model, Network):  # whose knobs are set
        for name in sorted(set(network.knobs).intersection(wanted.options)):
            raise in_doubt(name, entry.model, "check", mapping=False)
    entry = replace(entry, name=_named(entry, network, wanted.knobs))
    limits = {**entry.defaults, **_stated(network), **entry.limits}
    if entry.baseline is not None and not any(LIMITS[name].grows for name in limits):
        limits |= read_limit(GROWTH, "0%")
    if not limits and not update:
        raise UsageError(f"{entry.name} has no limits: {_NO_LIMITS}")
    board = _board(limits)
    if board is not None:
        limits |= {
            name: limits[name]._replace(amount=Fraction(size)) for name, size in _has(board).items() if name in limits
        }
    now = Measured(entry.name, network, entry.conditions, board, _most(limits))
    done.measured[entry.name] = now
    before = now.recorded(shown_path(done.budgets.lock)) if update else _before(entry, network, done, wanted)
    for name in LIMITS:
        if name in limits:
            _judge(limits[name], now, before, done)


def _board(limits: Mapping[str, Limit]) -> Board | None:
    """The board that limits name, by its name or by a file's beside theirs; raises `SpecError` with the place, `UsageError`."""
    limit = next((limit for name, limit in limits.items() if name.startswith(f"{BOARD}.")), None)
    if limit is None:
        return None
    if limit.where is None:
        return find_board(limit.said)
    beside = os.path.join(os.path.dirname(limit.where.file), limit.said)
    try:
        return find_board(beside if is_path(limit.said) else limit.said)
    except UsageError as error:
        raise SpecError([Problem(limit.where, f"limits.{BOARD}", str(error))]) from None


def _most(limits: Mapping[str, Limit]) -> dict[str, int]:
    """The bytes of RAM and flash that all limits together allow, by the keys of their metrics."""
    found: dict[str, int] = {}
    for limit in limits.values():
        if limit.kind.deployed:
            found[limit.kind.key] = min(limit.allowed(), found.get(limit.kind.key, limit.allowed()))
    return found


def _has(board: Board) -> dict[str, int]:
    """What a board has of what it limits."""
    return {f"{BOARD}.ram": board.ram, f"{BOARD}.flash": board.flash}


def _named(entry: Entry, network: Network, knobs: Mapping[str, Any]) -> str:
    """What an entry is called where the caller sets knobs: another network has another name, as `load` labels it."""
    if not knobs:
        return entry.name
    if isinstance(entry.model, Network):
        return entry.model.at(**knobs).label
    changed = knobs_text(network.origin, knobs)
    own = os.fspath(entry.model)[len(split_name(os.fspath(entry.model))[0]) :]  # :width=0.5
    return f"{entry.name}{',' if own and entry.name.endswith(own) else ':'}{changed}" if changed else entry.name


def _stated(network: Network) -> Mapping[str, Limit]:
    """The limits that a network's own spec states."""
    origin = network.origin
    return origin.spec.limits if isinstance(origin, FromSpec) else {}


def _before(entry: Entry, network: Network, done: Run, wanted: Wanted) -> Recorded | None:
    """What the network cost before: the baseline, or what the lock file holds; None if neither is known."""
    if entry.baseline is None:
        return (done.locked or {}).get(entry.name)
    baseline, knobs, shape = entry.baseline, {}, entry.conditions.input
    if (same := _same_file(entry)) is not None:
        own = split_name(same)[1]
        baseline, knobs = same, {name: value for name, value in wanted.knobs.items() if name not in own}
        shape = shape if shape is not None else dict(network.input_shapes) or None
    old = opened_at(baseline, knobs, shape)
    return Measured(entry.name, old, entry.conditions).recorded(_called(entry.baseline))


def _same_file(entry: Entry) -> str | None:
    """The baseline, if it is the network's own file in a revision: alone, `main:`, or by its path; else None.

    It has the preset and the knobs of the network, unless some stand behind it.
    """
    baseline = entry.baseline
    if not isinstance(baseline, str):
        return None
    if baseline.endswith(":"):
        return of_same_file(baseline, entry.model)
    place = revised(baseline)
    if place is None or not is_of_same_file(baseline, entry.model):
        return None
    return baseline if place.rest else of_same_file(f"{place.revision}:", entry.model)


def _called(baseline: Model) -> str:
    return baseline.label if isinstance(baseline, Network) else os.fspath(baseline)


def _judge(limit: Limit, now: Measured, before: Recorded | None, done: Run) -> None:
    """Add the line of one limit, or what keeps it from being judged."""
    kind, measured = limit.kind, now.amount(limit.kind)
    if before is not None and (then := now.unlike(before, kind)):
        if kind.grows:
            then = f"{before.source} has {now.name} at {then}"
            done.fail(Failure(now.name, f"growth: {then}; convcost check --update writes it anew", limit.where))
            return
        before = None
    if kind.grows and before is None:
        _without_lock(now.name, limit, done)
        return
    locked = {key: name for name, key in {**LOCKED, **TIMED}.items()}.get(kind.key) if kind.of == "network" else None
    base = before.totals.get(locked) if before is not None and locked is not None else None
    known = now.is_whole(kind) and not (kind.grows and before is not None and before.unknown)
    line = Line(
        network=now.name,
        limit=limit.name,
        said=limit.said,
        measured=measured,
        allowed=limit.allowed(base or 0),
        complete=known,
        before=base,
        source=before.source if before is not None else "",
        where=limit.where or now.file,
        under=now.deployed_under if kind.deployed else now.timed_under if kind.timed else "",
        extrapolated=kind.timed and now.latency.extrapolated,
    )
    done.lines.append(_explained(line, now, before) if line.verdict == "broken" else line)


def _without_lock(name: str, limit: Limit, done: Run) -> None:
    """Say once what a limit on growth needs."""
    path = shown_path(done.budgets.lock)
    remedy = "convcost check --update"
    if done.locked is None:
        what = f"growth is against a lock file, and there is no {path}: make it by {remedy}, or give a --baseline"
        failure = Failure("", what, None)
    else:
        failure = Failure(name, f"growth: {path} does not have {name}; {remedy} adds it", limit.where)
    done.fail(failure)


def _explained(line: Line, now: Measured, before: Recorded | None) -> Line:
    """The line of a broken limit with what grew, or with what is largest."""
    words, among = [], set[str]()
    if before is not None and line.kind.grows and before.dtype != now.report.dtype:
        words.append(f"dtype was {before.dtype}, is {now.report.dtype}")
    if line.kind.key == "peak_activation_bytes":
        alive = _alive(now)
        words.append(_alive_text(alive))
        among = {now.owners.get(name, name) for name, _ in alive}
    if line.kind.deployed:
        words.append(_deployed_text(now))
    grew = grown(before, now, line.kind, among) if before is not None else ()
    most = () if grew else largest(now, line.kind)
    words += [grown_text(grew), largest_text(most)]
    return replace(line, grew=grew, largest=most, why="; ".join(filter(None, words)))


def _deployed_text(now: Measured) -> str:
    """What pins RAM, and what would keep all limits on RAM and flash."""
    fit = "; ".join(
        f"{one.change}: {exact(one.ram)} B of RAM, {exact(one.flash)} B of flash" for one in now.searched.remedies
    )
    said = [f"RAM is {pinned(now.deployed)}", *([f"would fit: {fit}"] if fit else []), now.searched.text]
    return "; ".join(filter(None, said))


def _alive(now: Measured) -> list[tuple[str, int]]:
    """The tensors that are alive at the peak, by the layers that made them, with their bytes; the largest first."""
    usage = now.network.memory(now.under.memory, dtype=now.under.dtype, batch=now.under.batch)
    return [(tensor.name, size) for tensor, size in usage.alive]


def _alive_text(alive: Sequence[tuple[str, int]]) -> str:
    more = len(alive) - _NAMED
    named = ", ".join(f"{name} ({exact(size)} B)" for name, size in alive[:_NAMED])
    return f"alive at the peak: {named}{f' and {exact(more)} more' if more > 0 else ''}"
