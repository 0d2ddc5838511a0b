"""What the network behind a published accuracy costs: counted where the zoo has it, else as it is printed."""

from __future__ import annotations

from _blake2 import blake2b
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from convcost.conventions.catalog import convention as named_convention
from convcost.conventions.convention import Convention
from convcost.core.axes import size_of
from convcost.core.dtypes import storage
from convcost.core.errors import ConvcostError, UsageError
from convcost.core.kept import Answers, answers
from convcost.core.units import milliseconds
from convcost.devices.device import Device, Roofline
from convcost.devices.kernels import kernels, total
from convcost.graph.partial import refuse_unknown
from convcost.networks.latency import EXTRAPOLATED, latency
from convcost.networks.load import open_network
from convcost.networks.network import Network
from convcost.published.choices import COSTS, LATENCY
from convcost.published.data import Measured
from convcost.published.point import COUNTED, GIVEN, PREDICTED, PRINTED, Omitted, Point
from convcost.results.report import Totals
from convcost.spec.zoo import names

Size = int | tuple[int, int]
LOWER_BOUND = "its cost is only known to be larger than what is counted"
"""Why a network with ops that are not known has no place in a picture of costs."""


def costed(
    rows: Iterable[Measured],
    x: str,
    y: str,
    chosen: Convention,
    *,
    as_given: bool = False,
    device: Device | Roofline | None = None,
) -> tuple[list[Point], list[Omitted]]:
    """Each row with its cost, counted if the zoo has the network and printed if not; the others with the reason.

    `as_given` takes MACs of which no convention is stated as they stand; else they are left out. On a `device` the cost is
    the latency that is predicted there.
    """
    points: list[Point] = []
    omitted: list[Omitted] = []
    with answers("frontier") as known:
        zoo = set(known.of(("zoo",), names))
        for row in rows:
            accuracy = Fraction(row.printed(y))
            if row.model in zoo or row.model.endswith((".yaml", ".yml")):
                if device is not None:
                    found = _timed(row, accuracy, device, known)
                    if isinstance(found, Point):
                        points.append(found)
                    else:
                        omitted.append(found)
                    continue
                costs = _counted(row, chosen, known)
                points.append(Point(row._replace(resolution=costs["resolution"]), accuracy, costs[x], COUNTED))
                continue
            printed = _printed(row, x, chosen, as_given)
            if isinstance(printed, str):
                omitted.append(Omitted(row, printed))
            else:
                unstated = as_given and x == "macs" and not row.convention
                points.append(Point(row, accuracy, printed, GIVEN if unstated else PRINTED))
    return points, omitted


def _timed(row: Measured, accuracy: Fraction, device: Device | Roofline, known: Answers) -> Point | Omitted:
    """A row with the latency that is predicted for a device, or why there is none."""
    asked = row.model, dict(sorted(row.knobs.items())), row.size
    try:
        if isinstance(device, Device):
            terms = known.of(("terms", *asked, device.dtype), lambda: _terms(_sized(*asked), device), row.model)
            found = _predicted(terms, device)
        else:
            found = known.of(("latency", *asked, _digest(device)), lambda: timed(_sized(*asked), device), row.model)
    except ConvcostError as error:
        raise UsageError(f"{row.at}: {error}") from None
    if "why" in found:
        return Omitted(row, found["why"])
    return on_device(row._replace(resolution=found["resolution"]), accuracy, found, PREDICTED)


def timed(network: Network, device: Device | Roofline) -> dict[str, Any]:
    """The latency of a network in femtoseconds, whether it is extrapolated, and the resolution; or why there is none."""
    if isinstance(device, Device):
        return _predicted(_terms(network, device), device)
    try:
        found = latency(network, device)
    except UsageError as error:
        return {"why": str(error)}
    resolution = size_of(network.graph.input_shape, "height")
    return {"time": found.femtoseconds, "extrapolated": False, "resolution": resolution}


def _terms(network: Network, device: Device) -> dict[str, Any]:
    """What a network is made of without Winograd's algorithm and with it: the times on all devices of its type follow."""
    dtype = device.asked(network.walked, None)
    every = (total(kernels(network.walked, dtype, winograd=winograd)) for winograd in (False, True))
    return {
        "terms": [{term: int(count) for term, count in counts.items()} for counts in every],
        "resolution": size_of(network.graph.input_shape, "height"),
    }


def _predicted(made: Mapping[str, Any], device: Device) -> dict[str, Any]:
    """What `timed` says, from what a network is made of: a time is linear in it."""
    terms: Mapping[str, int] = made["terms"][int(device.winograd)]
    if device.lacks(terms):
        return {"why": f"of a kind that {device.name} was not fitted on"}
    time = sum(device.coefficients.get(term, 0) * count for term, count in terms.items())
    return {"time": time, "extrapolated": bool(device.outside(terms)), "resolution": made["resolution"]}


def on_device(row: Measured, accuracy: Fraction, found: Mapping[str, Any], how: str) -> Point:
    """A point with a predicted latency."""
    figure = f"{EXTRAPOLATED if found['extrapolated'] else ''}{milliseconds(found['time'])}"
    return Point(row, accuracy, found["time"], how, figure=figure, extrapolated=found["extrapolated"])


def _digest(device: Roofline) -> str:
    """What changes with anything that a device says of a network."""
    text = repr(device)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _counted(row: Measured, chosen: Convention, known: Answers) -> dict[str, int]:
    """The costs at the resolution of the row, which its knobs may repeat but not contradict; and that resolution."""
    knobs = dict(sorted(row.knobs.items()))
    asked = row.model, knobs, row.size, chosen.name
    try:
        costs: dict[str, int] = known.of(("costs", *asked), lambda: _costs(*asked), row.model)
    except ConvcostError as error:
        raise UsageError(f"{row.at}: {error}") from None
    return costs


def _costs(model: str, knobs: Mapping[str, str], resolution: Size, convention: str) -> dict[str, int]:
    """Every cost of a network at a resolution, its own if that is 0; and the resolution."""
    report = _sized(model, knobs, resolution).report(convention)
    return {
        **{x: cost_of(report.totals, x) for x in COSTS if x != LATENCY},
        "resolution": size_of(report.input_shape, "height"),
    }


def _sized(model: str, knobs: Mapping[str, str], resolution: Size) -> Network:
    """A network at a resolution, its own if that is 0, or at a height and a width; raises `UsageError`."""
    network = open_network(model, knobs)
    shape = network.graph.input_shape
    own = shape[:2] if isinstance(resolution, tuple) else size_of(shape, "height")
    if resolution and resolution != own:
        if "resolution" in knobs:
            raise UsageError(f"resolution is {resolution}, but knobs say {knobs['resolution']}; leave out one")
        network = open_network(model, knobs, resolution)
    refuse_unknown(network.steps, model, LOWER_BOUND)
    return network


def cost_of(totals: Totals, x: str) -> int:
    """The cost of a network along an x axis."""
    return int(getattr(totals, COSTS[x].key))


def _printed(row: Measured, x: str, chosen: Convention, as_given: bool) -> int | str:
    """The printed figure as a cost, or why there is none."""
    if x in ("params", "weight_bytes"):
        if not row.params:
            return "not in the zoo, and no parameters are printed"
        params = int(Fraction(row.params) * 10**6)
        return storage(params, "fp32") if x == "weight_bytes" else params
    if x != "macs":
        return "not in the zoo, and nobody prints this"
    if not row.macs:
        return "not in the zoo, and no MACs are printed"
    factor = Fraction(1) if as_given and not row.convention else _factor(row.convention, chosen)
    if factor is None:
        return f"not in the zoo, and its MACs are printed under another convention ({row.convention or 'unknown'})"
    return int(Fraction(row.macs) * 10**6 * factor)


def _factor(printed: str, chosen: Convention) -> Fraction | None:
    """The factor that converts a figure from its printed convention to the chosen one; None if no factor does."""
    if printed == chosen.name:
        return Fraction(1)
    try:
        scales = [_per_mac(named_convention(printed)), _per_mac(chosen)]
    except UsageError:
        return None
    return Fraction(scales[1], scales[0]) if all(scales) else None


def _per_mac(counted: Convention) -> int:
    """Operations per multiply-accumulate of a convention that counts these and nothing else; 0 if it does not."""
    number = counted.factors("conv2d").get("macs", 0)
    said = [*(counted.factors(op) for op in ("linear", "matmul", "lstm")), *filter(None, counted.terms.values())]
    return number if all(factors == {"macs": number} for factors in said) else 0
