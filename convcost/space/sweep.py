"""`convcost.sweep`: every point of a grid of knob values, exact, as labelled arrays or a stream of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from convcost.core.checks import check_knobs
from convcost.core.dims import Array
from convcost.core.errors import SpecError, UsageError, did_you_mean
from convcost.core.metrics import DEPLOYED, RATIOS, SWEPT, TIMED, key_of
from convcost.core.units import counted, exact, say
from convcost.graph.rewrite import NothingToRewrite, may_be_nothing
from convcost.networks.load import Model, knobs_apart
from convcost.render.escape import printable
from convcost.render.table import Table, Tabular
from convcost.space.axes import axis_array, value_text
from convcost.space.build import Request
from convcost.space.evaluate import feasible, inside, values
from convcost.space.open import asked_for
from convcost.space.points_table import MOST_SHOWN, points_table
from convcost.space.space import DesignSpace, Region, build_space
from convcost.space.target import EXTRAPOLATED, INFEASIBLE, HowDeployed, device_of
from convcost.space.windows import PIECE, Window, windows
from convcost.spec.knobs import knob_values

if TYPE_CHECKING:
    import pandas as pd

    from convcost.devices.board import Board
    from convcost.devices.device import Device, Roofline


MOST_HELD = 4 * 2**30
"""The most bytes of the arrays of one sweep; a larger sweep must be read in pieces."""
_FEW = 4096
"""The fewest points that are looked at together where only the first ones are shown."""
_TOGETHER = 1024
"""Points of which records are made together: who wants the first ones does not wait for all."""


@dataclass(frozen=True, eq=False)
class Sweep(Tabular):
    """The costs of every network of a grid, in exact integers.

    Arrays have one axis for each swept knob, in the order given; they are numpy masked arrays, masked where no
    network can be built (`why` says why).
    """

    network: str
    axes: Mapping[str, tuple[Any, ...]]
    metrics: Mapping[str, np.ma.MaskedArray[Any, Any]]
    """macs, params, activations, peak_activation_elements, peak_activation_bytes, bytes_moved: of one batch.

    Of deployed networks also ram_bytes, arena_head_bytes, deployed_weight_bytes, flash_bytes; of a device latency_ms.
    """
    tables: DesignSpace = field(repr=False)
    window: Window = field(repr=False)

    def __getattr__(self, name: str) -> np.ma.MaskedArray[Any, Any]:
        metrics = self.__dict__.get("metrics", {})  # not there yet while a sweep is being unpickled
        if (key := key_of(name)) in metrics:
            return metrics[key]  # type: ignore[no-any-return]
        raise AttributeError(f"a sweep has no {name!r}{did_you_mean(name, metrics)}")

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each axis has."""
        return tuple(map(len, self.axes.values()))

    def __len__(self) -> int:
        return prod(self.shape)

    def __repr__(self) -> str:
        axes = " × ".join(f"{len(values)} {name}" for name, values in self.axes.items())
        return printable(f"<Sweep {self.tables.title} · {axes} · {', '.join(self.metrics)}>")

    def table(self, limit: int | None = None) -> Table:
        """The points as a table to show or to `render`; at most `limit` rows."""
        shown = list(islice(self.records(), limit))
        count = exact(len(self)) + (
            "" if len(shown) == len(self) else f", of which the first {exact(len(shown))} are shown"
        )
        title = f"{self.tables.title} · {exact(len(self))} points"
        return points_table(self.tables, shown, tuple(self.metrics), title, [("points", count)])

    def _repr_html_(self) -> str:
        """How a notebook shows the first points."""
        return self.table(40)._repr_html_()

    @cached_property
    def extrapolated(self) -> Array | None:
        """For every point whether it differs from all networks that the device was fitted on, so that its error says nothing
        of the latency; None without a calibrated device.
        """
        if not {*TIMED} & self.metrics.keys():
            return None
        from convcost.space.extrapolated import extrapolated

        return extrapolated(self.tables, self.window)

    def at(self, values: Mapping[str, Any] | None = None, /, **more: Any) -> dict[str, float | None]:
        """The metrics at one point, None where no network can be built; raises `UsageError`.

        The value of each axis is given by name or in a mapping, as `load` takes it.

        >>> sweep("mobilenet_v2", width="0.5:1:0.25", resolution=[192, 224]).at(width=0.75, resolution=192)["macs"]
        153941888
        """
        given = {**(values or {}), **more}
        source = self.tables.source.origin.of_spec()
        where = []
        for name, known in self.axes.items():
            if name not in given:
                raise UsageError(f"say {name} as well: the axes are {', '.join(self.axes)}")
            value = knob_values(source.name, source.spec, {name: given[name]})[name]
            if value not in known:
                raise UsageError(f"{name} {say(given[name])} is not on the axis, which has {_range_text(known)}")
            where.append(known.index(value))
        for name in given:
            if name not in self.axes:
                raise UsageError(f"there is no axis {name!r}{did_you_mean(name, self.axes)}")
        return {name: _item(array[tuple(where)]) for name, array in self.metrics.items()}

    def why(self, values: Mapping[str, Any] | None = None, /, **more: Any) -> str:
        """Why the network at a point cannot be built, values given as to `at`; empty where it can."""
        rewrite = self.tables.request.rewrite
        try:
            network = self.tables.source.at(values, **more)
            (network.rewrite(rewrite) if rewrite else network).report()
        except SpecError as error:
            return str(error)
        except NothingToRewrite as error:
            return "" if may_be_nothing(rewrite) else str(error)
        return ""

    def records(self) -> Iterator[dict[str, Any]]:
        """Each point as a dict of knob values and metrics, in the order of the axes, the last one changing fastest."""
        reasons, beyond = self.reasons, self.extrapolated
        flat = {name: array.ravel() for name, array in self.metrics.items()}
        columns: dict[str, list[Any]] = {}
        for at, where in enumerate(np.ndindex(*self.shape)):
            if not (place := at % _TOGETHER):
                columns = {
                    name: array[at : at + _TOGETHER].tolist() for name, array in flat.items()
                }  # None where masked
            point = {name: values[i] for (name, values), i in zip(self.axes.items(), where, strict=True)}
            point |= {name: column[place] for name, column in columns.items()}
            point |= {} if beyond is None else {EXTRAPOLATED: bool(beyond[where])}
            yield point if reasons is None else point | {INFEASIBLE: reasons[where]}

    def to_frame(self) -> pd.DataFrame:
        """A pandas DataFrame with a row per point: knobs as columns, then metrics; <NA> where none can be built."""
        import pandas as pd

        grids = np.meshgrid(*(np.arange(size) for size in self.shape), indexing="ij")
        columns: dict[str, Any] = {
            name: pd.Series(axis_array(values)[grid.ravel()])
            for (name, values), grid in zip(self.axes.items(), grids, strict=True)
        }
        for name, array in self.metrics.items():
            columns[name] = _column(array)
        if self.extrapolated is not None:
            columns[EXTRAPOLATED] = self.extrapolated.ravel()
        if self.reasons is not None:
            columns[INFEASIBLE] = self.reasons.ravel()
        return pd.DataFrame(columns)

    @property
    def reasons(self) -> Array | None:
        """For every point why no network can be built there (the message for the first of its kind); None if all can be."""
        if all(not region.reason for region in self.tables.regions):
            return None
        texts = np.full(self.shape, None, dtype=object)
        for region in self.tables.regions:
            if region.reason:
                texts[np.ix_(*inside(region, self.window)[1])] = region.reason
        return texts

    @property
    def infeasible(self) -> list[tuple[dict[str, tuple[Any, ...]], str]]:
        """Parts of the grid in which no network can be built, each with the reason at its first point."""
        return [(_covered(self.tables, region), region.reason) for region in self.tables.regions if region.reason]


@knobs_apart
def sweep(
    model: Model,
    settings: Mapping[str, Any] | None = None,
    /,
    *,
    batch: int = 1,
    dtype: str | None = None,
    memory_policy: str = "fused",
    rewrite: str = "",
    runtime: str | None = None,
    deploy: str | bool | None = None,
    board: str | os.PathLike[str] | Board | None = None,
    pointers: int | None = None,
    kernels: str | None = None,
    device: str | os.PathLike[str] | Device | Roofline | None = None,
    **knobs: Any,
) -> Sweep:
    """Every network of a grid of knob values, as labelled arrays.

    A knob is an axis if it is given as a list, a range, or text like "0.25:1.4:0.05" (both ends included) or "1,2,4";
    a single value sets it; knobs called like an option go into the mapping `settings`. `rewrite` rebuilds the convolutions of each network: `separable`, `standard`, `grouped:G` or `deployed`.
    With a `runtime`, a type to `deploy` as (True for int8) or a `board`, RAM and flash of the deployed networks are computed too;
    with a `device`, by name or as a file, how long it takes each.
    Raises `UsageError` for a knob or value that does not exist, or a grid that is too large to hold at once.

    >>> grid = sweep("mobilenet_v1", width=[0.25, 0.5, 0.75, 1], resolution=[128, 160, 192, 224])
    >>> int(grid.macs[3, 3]), int(grid.macs[0, 0])  # the paper's DesignSpace 6 and 7: 569 M; 0.25 MobileNet-128 14 M
    (568740352, 13570048)
    """
    target = HowDeployed(runtime, deploy, board, pointers, kernels).target(dtype)
    request = Request(batch, dtype, memory_policy, rewrite=rewrite, target=target, device=device_of(device))
    asked = asked_for(model, check_knobs(settings, knobs), {}, request)
    points = prod(map(len, asked.axes.values()))
    held = points * (8 * len((*SWEPT, *(DEPLOYED if target else ()), *(TIMED if device else ()))) + 1)
    if held > MOST_HELD:
        raise UsageError(
            f"{exact(points)} points need {exact(held)} bytes at once; read them in pieces: "
            "convcost.space.sweep.pieces, or convcost sweep … -o FILE"
        )
    made = build_space(*asked)
    return piece(made, tuple(slice(0, size) for size in made.shape))


def piece(made: DesignSpace, window: Window, metrics: Sequence[str] = ()) -> Sweep:
    """One window of a grid; without `metrics` with all that there are."""
    metrics = metrics or made.metrics
    axes = {name: axis[part] for (name, axis), part in zip(made.axes.items(), window, strict=True)}
    holes = any(region.reason for region in made.regions)
    mask: Any = ~feasible(made, window) if holes else np.ma.nomask
    arrays = {metric: np.ma.array(values(made, metric, window), mask=mask) for metric in metrics}
    arrays |= {metric: np.ma.masked_invalid(arrays[metric]) for metric in metrics if metric in RATIOS}
    return Sweep(made.network, axes, arrays, made, window)


def pieces(made: DesignSpace, size: int = PIECE, metrics: Sequence[str] = ()) -> Iterator[Sweep]:
    """The whole grid, a piece at a time; never more than a few pieces are in memory."""
    for window in windows(made.shape, size):
        yield piece(made, window, metrics)


def first_records(made: DesignSpace, metrics: Sequence[str], limit: int) -> Iterator[dict[str, Any]]:
    """The first points as `Sweep.records` has them; few others are made ready."""
    together = min(max(limit, _FEW), PIECE)  # a window is a grid of its own: thousands of small ones take longer
    found = (_alone(made, window, metrics).records() for window in windows(made.shape, together))
    return islice(chain.from_iterable(found), limit)


def _alone(made: DesignSpace, window: Window, metrics: Sequence[str]) -> Sweep:
    """A window as a grid of its own."""
    some = made.taken([np.arange(part.start, part.stop) for part in window])
    return piece(some, tuple(slice(0, size) for size in some.shape), metrics)


def _covered(made: DesignSpace, region: Region) -> dict[str, tuple[Any, ...]]:
    return {
        name: tuple(values[i] for i in chosen)
        for (name, values), chosen in zip(made.axes.items(), region.box, strict=True)
    }


def _range_text(values: Sequence[Any]) -> str:
    shown = [str(value_text(value)) for value in values]
    return ", ".join(shown) if len(shown) <= 8 else f"{len(shown)} values from {shown[0]} to {shown[-1]}"


def _item(value: Any) -> float | None:
    if value is np.ma.masked:
        return None
    return float(value) if isinstance(value, np.floating) else int(value)


def _column(array: np.ma.MaskedArray[Any, Any]) -> Any:
    """A metric as a column of exact integers, or of doubles, <NA> where masked."""
    import pandas as pd

    flat = array.ravel()
    if flat.dtype == object:
        return np.array([_item(value) for value in flat], dtype=object)
    kind = pd.arrays.FloatingArray if flat.dtype.kind == "f" else pd.arrays.IntegerArray
    return kind(np.ascontiguousarray(flat.data), np.ma.getmaskarray(flat).copy())


def sweep_table(made: DesignSpace, metrics: Sequence[str], limit: int = MOST_SHOWN) -> Table:
    """The first points of a sweep as a table that says how many there are."""
    shown = list(first_records(made, metrics, limit))
    notes = [("points", exact(made.points) + _more(len(shown), made.points))]
    return points_table(made, shown, metrics, f"{made.title} · {counted(made.points, 'point')}", notes)


def _more(shown: int, points: int) -> str:
    return "" if shown == points else f", of which the first {exact(shown)} are shown; -o FILE.csv writes all"


DEFAULT_METRICS = tuple(metric for metric in SWEPT if metric not in ("peak_activation_elements", "bytes_moved"))


def default_metrics(made: DesignSpace) -> tuple[str, ...]:
    """What a table of points shows where nothing is asked for."""
    return tuple(metric for metric in made.metrics if metric in {*DEFAULT_METRICS, *DEPLOYED, *TIMED})
