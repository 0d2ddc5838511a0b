"""How long a network takes on a device: layer by layer, by kind of kernel, and what the time goes into."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple

from convcost.core.dims import Shape
from convcost.core.doors import public
from convcost.core.dtypes import DTYPE_BITS, as_text
from convcost.core.errors import UsageError, did_you_mean
from convcost.core.levels import LEVELS, MOST_ROWS
from convcost.core.metrics import METRICS
from convcost.core.units import binary, compact, counted, exact, milliseconds, scaled, shape_text
from convcost.core.version import __version__
from convcost.devices.catalog import at_least, device_dict
from convcost.devices.device import BOUNDS, FEMTOSECONDS, Bound, Device, Fitted, Roofline, Time, bound_of, share_text
from convcost.devices.kernels import Terms, kernels, multiplied_as, total, untyped
from convcost.devices.stored import as_device, calibrated_names, find
from convcost.graph.partial import AT_LEAST, AT_MOST, UNKNOWN
from convcost.networks.inputs import GivenShape
from convcost.networks.load import Model, knobs_apart, open_network
from convcost.networks.network import Network
from convcost.render.table import Table, Tabular
from convcost.results.report import LayerCost, Report, bound, inputs_dict, json_value, op_text, title, unknown_notes
from convcost.results.rows import levels_that_fit
from convcost.results.timed import FAR, Timed

KINDS: Final = (
    *("convolution", "pointwise", "depthwise", "linear", "matmul", "recurrent"),
    *("other", "elementwise", "moves", "overhead"),
)
"""Kinds of kernel that time is divided among, in the order in which they are shown; `overhead` is of all kernels."""
_KIND_OF: Final = {
    "winograd": "convolution",
    "direct": "convolution",
    "vector": "linear",
    "exponentials": "elementwise",
    "moved": "moves",
}
"""Term -> the kind of kernel that has it, where that is another word."""
BY: Final = (*LEVELS, "kind")
"""What a row may stand for."""
_USUAL: Final = ("unit", "block", "stage", "op")
_NANOSECOND: Final = 10**6
"""Femtoseconds."""
Place = Device | Roofline
EXTRAPOLATED: Final = FAR
"""Printed before a time that is extrapolated."""


def kind_of(terms: Terms) -> str:
    """What kind of kernel has these terms.

    >>> kind_of({"winograd": 1, "kernels": 1}), kind_of({"pointwise_int8": 5, "weights": 1}), kind_of({"elementwise": 1})
    ('convolution', 'pointwise', 'elementwise')
    """
    for term in terms:
        base = untyped(term)
        kind = _KIND_OF.get(base, base)
        if kind in KINDS:
            return kind
    return "other"


def divided(time: Time) -> dict[Bound, int]:
    """What the time of a kernel goes into; of a roofline, which computes while it moves, into whichever takes longer.

    >>> divided(Time({"pointwise": 5, "weights": 2, "activations": 1, "kernels": 1}, 9))
    {'compute': 5, 'memory': 3, 'overhead': 1}
    >>> divided(Time({"compute": 5, "memory": 7, "overhead": 1}, 8))
    {'compute': 0, 'memory': 7, 'overhead': 1}
    """
    sums: dict[Bound, int] = dict.fromkeys(BOUNDS, 0)
    for term, part in time.parts.items():
        sums[bound_of(term)] += int(part)
    if sum(sums.values()) > time.total:
        hidden: Bound = "compute" if sums["compute"] < sums["memory"] else "memory"
        sums[hidden] = 0
    return sums


class Part(NamedTuple):
    """Layers as one: a row of a table."""

    name: str
    text: str
    """What is drawn or computed; empty for several layers of different kinds."""
    output_shape: Shape | None
    layers: int
    kernels: int
    macs: int
    bytes_moved: int
    kinds: Mapping[str, int]
    """Kind of kernel -> femtoseconds."""
    bounds: Mapping[Bound, int]
    """What they go into."""
    unknown: int = 0
    """Layers whose time nobody knows."""

    @property
    def femtoseconds(self) -> int:
        return sum(self.kinds.values())

    @property
    def bound(self) -> Bound | None:
        """What most of the time goes into; None where nothing runs."""
        if not self.femtoseconds:
            return None
        return max(self.bounds.items(), key=lambda entry: entry[1])[0]


@dataclass(frozen=True)
class Latency(Tabular):
    """How long a network takes on one device, layer by layer, with how far off that is."""

    network: Network
    device: Place
    report: Report = field(repr=False)
    """Of the same dtype and batch."""
    times: tuple[Time, ...] = field(repr=False, hash=False)
    """Of each layer, in order; nothing where nothing runs."""
    terms: tuple[Terms, ...] = field(repr=False, hash=False)
    """What each layer's kernel is made of."""
    beyond: tuple[str, ...] = ()
    """In words, by what the network differs from all that the device was fitted on: its time is extrapolated."""

    @property
    def femtoseconds(self) -> int:
        """Of all kernels, one after the other."""
        return int(sum(time.total for time in self.times))

    @property
    def ms(self) -> float:
        """Of all kernels, in milliseconds."""
        return self.femtoseconds / FEMTOSECONDS

    @property
    def extrapolated(self) -> bool:
        """Whether the network goes beyond all that the device was fitted on."""
        return bool(self.beyond)

    @property
    def counts(self) -> Terms:
        """The terms of all kernels together."""
        return total(self.terms)

    @property
    def error(self) -> str:
        """How far off it is, in words: of an extrapolated time that this is not known."""
        return far_text(self.device) if self.extrapolated else error_text(self.device)

    @property
    def timed(self) -> Timed:
        """Its times as a report shows them beside the layers' costs."""
        times = {layer.name: int(time.total) for layer, time in zip(self.report.layers, self.times, strict=True)}
        said = f"{place_text(self.device)}, as {as_text(self.report.dtype)}: {self.error}"
        return Timed(said, times, device_summary(self.device), self.beyond, brief_text(self))

    @cached_property
    def whole(self) -> Part:
        """All layers as one."""
        return self.part("total", range(len(self.times)), "")

    def by(self, level: str) -> tuple[Part, ...]:
        """The layers that run, by unit, layer, block, stage, op or kind of kernel; raises `UsageError`.

        By kind, what it takes to start kernels is a part of its own.
        """
        if level == "kind":
            return self._kinds()
        if level not in LEVELS:
            raise UsageError(f"cannot group by {level!r}{did_you_mean(level, BY)}")
        at = {layer.name: position for position, layer in enumerate(self.report.layers)}
        parts = self.report.parts(level)
        made = [self.part(name, [at[one.name] for one in layers], level) for name, layers in parts.items()]
        return tuple(part for part in made if part.kernels or part.femtoseconds or part.unknown)

    def part(self, name: str, positions: Sequence[int] | range, level: str) -> Part:
        """Some of the layers, by their places, as one."""
        kinds: dict[str, int] = {}
        bounds: dict[Bound, int] = dict.fromkeys(BOUNDS, 0)
        for at in positions:
            for one, time in divided(self.times[at]).items():
                bounds[one] += time
                kind = "overhead" if one == "overhead" else self.kind(at)
                if time:
                    kinds[kind] = kinds.get(kind, 0) + time
        layers = [self.report.layers[at] for at in positions]
        return Part(
            name=name,
            text=_text(layers, level),
            output_shape=layers[-1].output_shape if level and level != "op" else None,
            layers=len(layers),
            kernels=sum("kernels" in self.terms[at] for at in positions),
            macs=sum(layer.macs for layer in layers),
            bytes_moved=sum(layer.bytes_moved for layer in layers),
            kinds={kind: kinds[kind] for kind in KINDS if kind in kinds},
            bounds=bounds,
            unknown=sum(layer.step.opaque for layer in layers),
        )

    def kind(self, at: int) -> str:
        """What kind of kernel a layer is, by its place; `other` for an unknown op."""
        return "other" if self.report.layers[at].step.opaque else kind_of(self.terms[at])

    def _kinds(self) -> tuple[Part, ...]:
        """A part for each kind of kernel, and one for what it takes to start them."""
        found: dict[str, list[int]] = {}
        for at, terms in enumerate(self.terms):
            if terms or self.report.layers[at].step.opaque:
                found.setdefault(self.kind(at), []).append(at)
        parts = []
        for kind in KINDS:
            if kind in found:
                part = self.part(kind, found[kind], "op")
                bounds: dict[Bound, int] = {**part.bounds, "overhead": 0}
                parts.append(part._replace(text="", kinds={kind: part.kinds.get(kind, 0)}, bounds=bounds))
        started = self.whole.bounds["overhead"]
        if started:
            bounds = {"compute": 0, "memory": 0, "overhead": started}
            parts.append(Part("overhead", "", None, 0, self.whole.kernels, 0, 0, {"overhead": started}, bounds))
        return tuple(parts)

    def table(self, by: str | None = None) -> Table:
        """A row per unit, layer, block, stage, op or kind of kernel; without `by`, of the finest of unit, block and stage
        that has at most 40 rows, while its records are those of all layers. Raises `UsageError`.
        """
        return _table(self, by)

    def to_frame(self, by: str = "layer") -> Any:
        """A pandas DataFrame with a row per layer that runs, or per part of a level."""
        return self.table(by).to_frame()

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data, schema convcost.latency/1."""
        return {"schema": "convcost.latency/1", "version": __version__, **latency_dict(self)}

    def figure(self) -> Any:
        """Its layers under the device's roofs, or beside its rates: MACs per second against MACs per byte, a plotly figure."""
        return public("plots").roofline_figure([self])


@knobs_apart
def latency(
    model: Model,
    /,
    device: Place | str | os.PathLike[str],
    dtype: str | None = None,
    batch: int = 1,
    *,
    input_shape: GivenShape | None = None,
    **knobs: Any,
) -> Latency:
    """How long a network takes on a device, given by name, as a file or as an object.

    Raises `UsageError` where the device knows nothing of one of the network's kernels: it gives no number then.
    """
    network = open_network(model, knobs, input_shape)
    found = as_device(device)
    asked, dtype = dtype, found.asked(network.walked, dtype)
    report = network.report(batch=batch, dtype=dtype)
    batch = report.batch
    winograd = not isinstance(found, Device) or found.winograd
    terms = kernels(network.walked, dtype, batch, winograd=winograd)
    beyond: tuple[str, ...] = ()
    if isinstance(found, Device):
        counts = total(terms)
        refuse(network, found, terms, asked)
        beyond = found.beyond({term: int(count) for term, count in counts.items()})
    return Latency(network, found, report, found.times(network.walked, dtype, batch), terms, beyond)


def refuse(network: Network, device: Device, terms: Sequence[Terms], dtype: str | None = None) -> None:
    """Raise `UsageError` if a device knows nothing of a term of a network's kernels; other devices are named that do, for the
    type that is asked for.
    """
    lacks = device.lacks(total(terms))
    if not lacks:
        return
    names = [step.node.name for step in network.walked.steps]
    found = {term: [name for name, one in zip(names, terms, strict=True) if term in one] for term in lacks}
    kinds: dict[tuple[str, ...], str] = {}
    for term, layers in found.items():
        kinds.setdefault(tuple(layers), term)  # the transforms of Winograd's algorithm are no kind of their own
    most = sorted(kinds.items(), key=lambda entry: -len(entry[0]))
    said = [f"{term} ({counted(len(layers), 'layer')})" for layers, term in most[:_NAMED]]
    said[0] = f"{said[0][:-1]}, as {most[0][0][0]})"
    said += [counted(len(most) - _NAMED, "other kind")] if len(most) > _NAMED else []
    raise UsageError(
        f"{network.label}: no network that {device.name} was fitted on has more than a trace of {' or '.join(said)}, so that its time there is not "
        f"known. {_knowing(network, device, dtype)} `convcost calibrate TABLE.csv -o device.yaml` makes one of networks that do"
    )


_NAMED: Final = 3


def _knowing(network: Network, device: Device, dtype: str | None) -> str:
    """Which of convcost's own devices take a network, in a sentence's beginning: those first that it is not far from, and that
    are most like this one.
    """
    known: dict[tuple[str | None, bool], Terms] = {}

    def counts(one: Device) -> Terms:
        """As its own runtime runs it: that may have another type, or know no Winograd's algorithm."""
        key = one.asked(network.walked, dtype), one.winograd
        if key not in known:
            known[key] = total(one.kernels(network.walked, dtype))
        return known[key]

    calibrated = [one for name in calibrated_names() if isinstance(one := find(name), Device)]
    every = [one for one in calibrated if not one.lacks(counts(one))]
    if not every:
        return "Only rooflines take it, of those that `convcost devices` lists;"
    names = [one.name for one in sorted(every, key=lambda one: (one.outside(counts(one)), _unlike(one, device)))]
    more = [f"one of {len(names) - _NAMED} others"] if len(names) > _NAMED else []
    return f"Devices with such networks: {' or '.join([*names[:_NAMED], *more])};"


def _unlike(one: Device, other: Device) -> tuple[bool, int, bool, float, str]:
    """How little two devices are alike: by runtime, by words of their titles, by threads; of those as like, by their error."""
    words = ({*device.title.lower().replace(",", " ").split()} for device in (one, other))
    alike = len(set.intersection(*words))
    return one.runtime != other.runtime, -alike, one.threads != other.threads, one.error.median, one.name


_MOST_FAMILIES: Final = 6


def families(device: Device) -> str:
    """The networks of a calibration, those of one name once.

    >>> from convcost.devices.device import Errors, Fitted
    >>> one = [Fitted(name, 1.0, {}, None) for name in ("mobilenet_v1", "mobilenet_v1:width=0.5", "nets/own.param")]
    >>> families(Device("own", {}, Errors(0, 0, 0, 0), tuple(one)))
    '3 networks: mobilenet_v1, own'
    """
    names = dict.fromkeys(one.network.partition(":")[0] for one in device.fitted)
    shown = [os.path.splitext(os.path.basename(name))[0] for name in names]
    more = f" and {len(shown) - _MOST_FAMILIES} more" if len(shown) > _MOST_FAMILIES else ""
    return f"{counted(len(device.fitted), 'network')}: {', '.join(shown[:_MOST_FAMILIES])}{more}"


def error_text(device: Place) -> str:
    """How far off its times are, in words."""
    if isinstance(device, Device):
        return device.error.text
    return (
        "by peak figures of a datasheet, no error is known: runtimes mostly take longer, and less only where a cache keeps "
        "tensors or Winograd's algorithm multiplies less"
    )


def far_text(device: Place) -> str:
    """How far off a time is of a network that is far from all that the device was fitted on: nothing says that.

    >>> from convcost.devices.device import Errors
    >>> far_text(Device("own", {}, Errors(0.022, 0.066, 0.12, 22), ()))
    'far from all that was measured, how far off is not known; ±2.2 % median, 12 % worst is the error of networks like those'
    """
    if not isinstance(device, Device):
        return error_text(device)
    median, worst = share_text(device.error.median), share_text(device.error.worst)
    known = f"±{median} median, {worst} worst is the error of {device.error.of} like those"
    return f"far from all that was measured, how far off is not known; {known}"


def brief_text(found: Latency) -> str:
    """A device by its name, with how far off it is, in a few words."""
    device = found.device
    if not isinstance(device, Device):
        return f"on {device.name}, by peak figures of a datasheet"
    if found.extrapolated:
        return f"on {device.name}, far from all that was measured"
    return f"on {device.name}, ±{share_text(device.error.median)} median"


def device_summary(device: Place) -> dict[str, Any]:
    """What JSON says of a device beside times: all but the networks that it was fitted on."""
    return {key: value for key, value in device_dict(device).items() if key != "fitted_on"}


def place_text(device: Place) -> str:
    """A device, its runtime and its threads.

    >>> place_text(Roofline("a100", {}, 1, title="NVIDIA A100")), place_text(Roofline("own", {}, 1))
    ('a100: NVIDIA A100', 'own')
    """
    words = [device.title]
    if isinstance(device, Device):
        words += [device.runtime, counted(device.threads, "thread") if device.threads else ""]
    said = ", ".join(filter(None, words))
    return f"{device.name}: {said}" if said else device.name


# The table.

_HEADINGS: Final = ("op", "output", "kernels", "MACs", "moved", "MAC/B", "ms", "share", "MAC/ns", "bound")
_GIVES_WAY: Final = {"op": 2, "output": 5, "kernels": 6, "MACs": 0, "moved": 4, "MAC/B": 3, "share": 0, "MAC/ns": 1}


def _table(found: Latency, by: str | None) -> Table:
    level = by or _usual(found)
    parts = found.by(level)
    exact_parts = found.by("layer") if by is None else parts
    hidden = {"layer": "kernels", "unit": "kernels"}.get(level, "op")
    headings = [one for one in _HEADINGS if one != hidden and not (level in ("op", "kind") and one == "output")]
    whole = found.whole.femtoseconds
    most = max((part.femtoseconds for part in parts), default=0)
    rows = [[part.name, *(_cell(part, heading, found) for heading in headings)] for part in parts]
    totals = ["total", *(_cell(found.whole, heading, found) for heading in headings)]
    return Table(
        title=f"{title(found.report)} · as {as_text(found.report.dtype)} · {found.device.name}",
        headers=(level, *headings),
        numeric=(False, *(heading not in ("op", "output", "bound") for heading in headings)),
        rows=rows,
        total=totals,
        records=[_record(part, found) for part in exact_parts],
        data={**found.to_dict(), **_groups(parts, by, whole)},
        notes=[*unknown_notes(found.report), *notes(found)],
        priority=(0, *(_GIVES_WAY.get(heading, 0) for heading in headings)),
        bars=tuple(part.femtoseconds / most for part in parts) if most else (),
    )


def _usual(found: Latency) -> str:
    return levels_that_fit({level: len(found.by(level)) for level in _USUAL}, MOST_ROWS)


def _cell(part: Part, heading: str, found: Latency) -> str:
    """What a table says of a part; of one whose time nobody knows, that."""
    whole, time = found.whole.femtoseconds, part.femtoseconds
    least, most = (AT_LEAST if part.unknown else ""), ("" if found.report.complete else AT_MOST)
    if 0 < part.layers == part.unknown and heading not in ("op", "output", "kernels"):
        return UNKNOWN
    if part.unknown and heading in ("MAC/B", "MAC/ns", "bound"):
        return UNKNOWN
    said: Mapping[str, Callable[[], str]] = {
        "op": lambda: part.text,
        "output": lambda: shape_text(part.output_shape or ()),
        "kernels": lambda: exact(part.kernels),
        "MACs": lambda: f"{least}{METRICS['macs'].rounded(part.macs)}",
        "moved": lambda: f"{least}{METRICS['bytes_moved'].rounded(part.bytes_moved)}",
        "MAC/B": lambda: scaled(part.macs, part.bytes_moved, 3) if part.bytes_moved else "-",
        "ms": lambda: time_text(found) if part is found.whole else f"{least}{scaled(time, FEMTOSECONDS, 3)}",
        "share": lambda: (most if part is not found.whole else "") + share_text(time / whole) if whole else "-",
        "MAC/ns": lambda: rate_text(part),
        "bound": lambda: part.bound or "",
    }
    return said[heading]()


def time_text(found: Latency) -> str:
    """The whole time in milliseconds, marked if it is a lower bound or extrapolated."""
    mark = EXTRAPOLATED if found.extrapolated else ""
    return f"{bound(found.report)}{mark}{scaled(found.femtoseconds, FEMTOSECONDS, 3)}"


def rate_text(part: Part) -> str:
    """MACs per nanosecond, that is 10⁹ MACs per second."""
    return scaled(part.macs * _NANOSECOND, part.femtoseconds, 3) if part.femtoseconds else "-"


def _text(layers: Sequence[LayerCost], level: str) -> str:
    if level == "unit":
        return layers[0].unit.text
    return op_text(layers[0]) if level == "layer" else ""


def shares_text(times: Mapping[Any, int]) -> str:
    """Parts of a time, the largest first, each with its share.

    >>> shares_text({"compute": 10**12, "memory": 3 * 10**12, "overhead": 0})
    'memory 3.00 ms (75 %), compute 1.00 ms (25 %)'
    """
    whole = sum(times.values())
    ordered = sorted(times.items(), key=lambda entry: -entry[1])
    return ", ".join(f"{name} {milliseconds(time)} ({share_text(time / whole)})" for name, time in ordered if time)


def notes(found: Latency) -> list[tuple[str, str]]:
    """The lines below a table: the time with how far off it is, what it goes into, the device and where it is from."""
    return [
        ("time", f"{time_text(found)} ms: {found.error}"),
        *(("extrapolated", why) for why in found.beyond),
        *measured_notes(found),
        *without_notes(found),
        ("kinds", shares_text(found.whole.kinds)),
        ("bound", shares_text(found.whole.bounds)),
        *device_notes(found.device),
    ]


def without_notes(found: Latency) -> list[tuple[str, str]]:
    """The terms that are not in the time: those that the device knows nothing of, too few to matter."""
    if not isinstance(found.device, Device):
        return []
    few = {term: int(count) for term, count in found.counts.items() if term not in found.device.coefficients}
    said = ", ".join(f"{compact(count)} {term}" for term, count in few.items())
    return [("without", f"{said}, which the device knows nothing of, and which are too few to matter")] if few else []


def sum_text(found: Latency, names: Collection[str]) -> str:
    """How the time of some layers, by name, is made of the terms of their kernels."""
    at = [position for position, layer in enumerate(found.report.layers) if layer.name in names]
    part = found.part("", at, "")
    if not any(found.terms[position] for position in at):
        return f"none on {found.device.name}: what is fused into another kernel, or moves nothing, takes no time of its own"
    whole = f"{milliseconds(part.femtoseconds)} on {found.device.name}"
    if isinstance(found.device, Roofline):
        return f"{whole}: {shares_text(part.bounds)}; a kernel computes and moves at once, and what takes longer counts"
    counts, rates = total(found.terms[position] for position in at), found.device.coefficients
    return f"{whole} = {' + '.join(f'{exact(int(counts[one]))} {one} × {_each(rates[one])}' for one in counts if rates.get(one))}"


def _each(femtoseconds: int) -> str:
    """The time of one, in picoseconds."""
    return f"{scaled(femtoseconds, 1000, 4)} ps"


def measured_notes(found: Latency) -> list[tuple[str, str]]:
    """If the network itself was measured: what that said, and what the others say of it; else one of its name that was."""
    if known := measured(found):
        apart = f"; a fit without it says {_ms(known.left_out_ms)}" if known.left_out_ms is not None else ""
        return [("measured", f"{_ms(known.ms)} ({known.network}){apart}")]
    named = namesake(found)
    if named is None:
        return []
    here, there = multiplied_as(found.counts), multiplied_as(named.terms)
    if here != there:
        return [("measured", f"{_ms(named.ms)} for {named.network}, which ran as {there}, and not as {here}")]
    name = "a network of this name" if named.network == found.network.label else named.network
    return [("measured", f"{_ms(named.ms)} for {name} with other counts: {_differs(found, named)}")]


def measured(found: Latency) -> Fitted | None:
    """What was measured of a network with the very same counts; None if nothing was."""
    if not isinstance(found.device, Device):
        return None
    return next((one for one in found.device.fitted if dict(one.terms) == dict(found.counts)), None)


def namesake(found: Latency) -> Fitted | None:
    """What was measured of a network of the same name, whose counts are others; None if nothing was.

    One that ran as the same types goes before one that ran as others; a table may name the type behind the network.
    """
    if not isinstance(found.device, Device) or found.report.batch != 1 or measured(found):
        return None
    named = [one for one in found.device.fitted if _untyped_name(one.network) == found.network.label]
    return min(named, key=lambda one: multiplied_as(one.terms) != multiplied_as(found.counts), default=None)


def _untyped_name(network: str) -> str:
    """The name of a network without the type that it ran as.

    >>> _untyped_name("resnet18_int8"), _untyped_name("mobilenet_v1:width=0.5"), _untyped_name("net_v2")
    ('resnet18', 'mobilenet_v1:width=0.5', 'net_v2')
    """
    name, _, dtype = network.rpartition("_")
    return name if name and dtype in DTYPE_BITS else network


def _differs(found: Latency, named: Fitted) -> str:
    """The term in which two networks are most apart, by its time."""
    assert isinstance(found.device, Device)
    here, there, rates = found.counts, named.terms, found.device.coefficients
    apart = {
        term: rates.get(term, 0) * abs(int(here.get(term, 0)) - int(there.get(term, 0))) for term in {**here, **there}
    }
    term = max(apart, key=lambda one: apart[one])
    counts = int(there.get(term, 0)), int(here.get(term, 0))
    texts = [compact(count) for count in counts]
    first, second = texts if texts[0] != texts[1] else map(exact, counts)
    return f"{term} {first} there, {second} here"


def _ms(ms: float) -> str:
    return milliseconds(round(ms * FEMTOSECONDS))


def device_notes(device: Place) -> list[tuple[str, str]]:
    """What a device is, what it was fitted on or states, and its source."""
    said = [("device", place_text(device))]
    if isinstance(device, Device):
        times = [one.ms for one in device.fitted]
        if times:
            said.append(("fitted on", f"{families(device)}; {_ms(min(times))} to {_ms(max(times))}"))
        said += [("tied", ", ".join(" = ".join(terms) for terms in device.tied))] if device.tied else []
        said += [
            ("at least", f"{', '.join(terms)}: as {of}, the least that they may take")
            for of, terms in at_least(device).items()
        ]
    else:
        said.append(("roofline", roofline_text(device)))
    said += [("source", device.source)] if device.source else []
    return [*said, *([("note", device.note)] if device.note else [])]


def roofline_text(device: Roofline) -> str:
    """Its peaks, and from how many MACs per byte on each is reached.

    >>> roofline_text(Roofline("own", {"fp32": 8 * 10**9, "int8": 32 * 10**9}, 4 * 10**9, overhead=5 * 10**9))
    'fp32 8.00 MAC/ns, int8 32.0 MAC/ns, 4.00 GB/s, 5.00 µs to start a kernel; bound by memory below fp32 2.00 MAC/B, int8 8.00 MAC/B'
    """
    peaks = [f"{dtype} {scaled(peak, 10**9, 3)} MAC/ns" for dtype, peak in device.macs.items()]
    ridges = [f"{dtype} {scaled(peak, device.bandwidth, 3)} MAC/B" for dtype, peak in device.macs.items()]
    start = [f"{scaled(device.overhead, 10**9, 3)} µs to start a kernel"] if device.overhead else []
    kept = [f"{binary(device.cache)} of cache"] if device.cache else []
    said = [*peaks, f"{scaled(device.bandwidth, 10**9, 3)} GB/s", *kept, *start]
    return f"{', '.join(said)}; bound by memory below {', '.join(ridges)}"


# JSON and CSV.


def latency_dict(found: Latency) -> dict[str, Any]:
    """A latency as JSON-ready data, without a schema."""
    report, device = found.report, found.device
    known = measured(found)
    return {
        "network": report.network,
        "title": report.title,
        "label": found.network.label,
        "knobs": {name: json_value(value) for name, value in report.knobs.items()},
        **inputs_dict(report.inputs),
        "batch": report.batch,
        "dtype": report.dtype,
        "complete": report.complete,
        "unknown": [layer._asdict() for layer in report.unknown],
        "device": {key: value for key, value in device_dict(device).items() if key not in ("error", "fitted_on")},
        "latency_ms": found.ms,
        "error": device.error._asdict() if isinstance(device, Device) else None,
        "extrapolated": found.extrapolated,
        "reasons": list(found.beyond),
        "measured_ms": known.ms if known else None,
        "left_out_ms": known.left_out_ms if known else None,
        "totals": _numbers(found.whole),
        "kinds": _milliseconds(found.whole.kinds),
        "bounds": _milliseconds(found.whole.bounds),
        "layers": [_layer_dict(found, at) for at, terms in enumerate(found.terms) if terms],
    }


def _layer_dict(found: Latency, at: int) -> dict[str, Any]:
    layer, time, terms = found.report.layers[at], found.times[at], found.terms[at]
    part = found.part(layer.name, [at], "layer")
    return {
        "name": layer.name,
        "op": layer.kind,
        "kind": found.kind(at),
        "output_shape": list(layer.output_shape),
        **_numbers(part),
        "bound": part.bound,
        "terms": {term: int(count) for term, count in terms.items()},
        "parts_ms": _milliseconds(time.parts),
    }


def _numbers(part: Part) -> dict[str, Any]:
    return {
        "macs": part.macs,
        "bytes_moved": part.bytes_moved,
        "intensity": part.macs / part.bytes_moved if part.bytes_moved else None,
        "latency_ms": part.femtoseconds / FEMTOSECONDS,
        "macs_per_second": part.macs * 10**15 / part.femtoseconds if part.femtoseconds else None,
    }


def _milliseconds(times: Mapping[Any, Any]) -> dict[str, float]:
    return {str(name): int(time) / FEMTOSECONDS for name, time in times.items()}


def _groups(parts: Iterable[Part], by: str | None, whole: int) -> dict[str, Any]:
    if by is None or by == "layer":
        return {}
    groups = [
        {
            "name": part.name,
            "kernels": part.kernels,
            **_numbers(part),
            "share": part.femtoseconds / whole if whole else None,
            "bound": part.bound,
            "kinds": _milliseconds(part.kinds),
        }
        for part in parts
    ]
    return {"by": by, "groups": groups}


def _record(part: Part, found: Latency) -> dict[str, Any]:
    """A row of CSV."""
    shape = part.output_shape
    return {
        "name": part.name,
        "op": part.text or None,
        "output_shape": "x".join(map(str, shape)) if shape else None,
        "kernels": part.kernels,
        **_numbers(part),
        "bound": part.bound,
        **{f"{kind}_ms": part.kinds.get(kind, 0) / FEMTOSECONDS for kind in found.whole.kinds},
        "device": found.device.name,
        "extrapolated": found.extrapolated,
    }
