"""A sweep written to a file piece by piece, as CSV, JSON or Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from typing import Any, BinaryIO

import numpy as np

from convcost.core.errors import UsageError
from convcost.core.metrics import RATIOS, TIMED
from convcost.core.units import exact
from convcost.render.escape import in_csv, in_json
from convcost.results.report import json_value
from convcost.space.axes import axis_array, value_text
from convcost.space.evaluate import prepare
from convcost.space.points_table import meta
from convcost.space.space import DesignSpace
from convcost.space.sweep import Sweep, piece
from convcost.space.target import EXTRAPOLATED, INFEASIBLE, is_calibrated
from convcost.space.windows import PIECE, Progress, Window, windows
from convcost.space.workers import results

_TEXT = 2**16
"""Points of a piece that is written as text: its rows, each number an object, take ten times what arrays of it do."""


class Writer:
    """The interface of all writers: takes a sweep piece by piece."""

    def write(self, piece: Sweep) -> None:
        """Add the points of a piece."""
        raise NotImplementedError

    def close(self) -> None:
        """Write what comes after the last piece."""

    def abandon(self) -> None:
        """Write nothing more: the file is thrown away."""


def write(
    made: DesignSpace, fmt: str, file: BinaryIO, metrics: Sequence[str], progress: Progress | None = None, **engine: Any
) -> None:
    """Write every point of a grid, in order, a piece at a time; keywords as in `workers.results`."""
    size = PIECE // 4 if fmt == "parquet" else _TEXT
    prepare(made, metrics)  # so that no worker has to, window after window
    out = writer(fmt, file, made, metrics)
    try:
        with closing(results(partial(_piece, made, metrics), windows(made.shape, size), **engine)) as found:
            for done in found:
                out.write(done)
                if progress:
                    progress(len(done))
        out.close()
    except BaseException:
        out.abandon()
        raise


def _piece(made: DesignSpace, metrics: Sequence[str], window: Window) -> Sweep:
    return piece(made, window, metrics)


def writer(fmt: str, file: BinaryIO, made: DesignSpace, metrics: Sequence[str]) -> Writer:
    """A writer of `csv`, `json` or `parquet`; raises `UsageError` if Parquet is not installed."""
    kinds: dict[str, Callable[[BinaryIO, DesignSpace, Sequence[str]], Writer]]
    kinds = {"csv": _Csv, "json": _Json, "parquet": _Parquet}
    return kinds[fmt](file, made, metrics)


class _Csv(Writer):
    """Empty cells where no network can be built."""

    def __init__(self, file: BinaryIO, _made: DesignSpace, _metrics: Sequence[str]) -> None:
        self.file = file
        self.header: list[str] | None = None

    def write(self, piece: Sweep) -> None:
        columns = _columns(piece, lambda value: str(in_csv(value_text(value))), "")
        text = io.StringIO()
        out = csv.writer(text, lineterminator="\n")
        if self.header is None:
            self.header = [*columns]
            out.writerow(self.header)
        out.writerows(zip(*columns.values(), strict=True))
        self.file.write(text.getvalue().encode())


class _Json(Writer):
    def __init__(self, file: BinaryIO, made: DesignSpace, _metrics: Sequence[str]) -> None:
        self.file = file
        head = in_json(json.dumps(meta(made), indent=2, ensure_ascii=False))
        self.file.write(f'{head[:-2]},\n  "points": ['.encode())
        self.separator = "\n"

    def write(self, piece: Sweep) -> None:
        columns = _columns(piece, lambda value: in_json(json.dumps(json_value(value), ensure_ascii=False)), "null")
        line = "    {" + ", ".join(f"{json.dumps(name).replace('%', '%%')}: %s" for name in columns) + "}"
        rows = zip(*columns.values(), strict=True)
        while some := list(islice(rows, 10_000)):
            lines = ",\n".join(line % row for row in some)
            self.file.write(f"{self.separator}{lines}".encode())
            self.separator = ",\n"

    def close(self) -> None:
        self.file.write(b"\n  ]\n}\n")


def _columns(piece: Sweep, text: Callable[[Any], str], missing: str) -> dict[str, list[Any]]:
    """The points of a piece as columns of integers and texts; each value of an axis is formatted once."""
    places = np.indices(piece.shape).reshape(len(piece.shape), -1)
    columns: dict[str, list[Any]] = {}
    for (name, values), place in zip(piece.axes.items(), places, strict=True):
        texts = [text(value) for value in values]
        columns[name] = [texts[i] for i in place.tolist()]
    for name, array in piece.metrics.items():
        columns[name] = [missing if number is None else number for number in array.ravel().tolist()]
    if piece.extrapolated is not None:
        columns[EXTRAPOLATED] = [text(beyond) for beyond in piece.extrapolated.ravel().tolist()]
    if piece.reasons is not None:
        reasons = piece.reasons.ravel().tolist()
        said = {reason: missing if reason is None else text(reason) for reason in {*reasons}}
        columns[INFEASIBLE] = [said[reason] for reason in reasons]
    return columns


class _Parquet(Writer):
    """Knobs as columns with a dictionary each, so that a grid takes half a byte a row."""

    def __init__(self, file: BinaryIO, made: DesignSpace, metrics: Sequence[str]) -> None:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError:
            raise UsageError("Parquet needs pyarrow: pip install 'convcost[parquet]'") from None
        wide = [metric for metric in metrics if metric not in (*TIMED, *RATIOS) and made.bound(metric) >= 2**63]
        if wide:
            most = exact(made.bound(wide[0]))
            raise UsageError(f"{wide[0]} may reach {most}, more than Parquet's 64 bits hold; use csv or json")
        kinds = {name: axis_array(values).dtype for name, values in made.axes.items()}
        fields = [
            (name, pa.string() if kind.kind == "O" else pa.from_numpy_dtype(kind)) for name, kind in kinds.items()
        ]
        fields += [(metric, pa.float64() if metric in (*TIMED, *RATIOS) else pa.int64()) for metric in metrics]
        if {*TIMED} & {*metrics} and is_calibrated(made.request.device):
            fields.append((EXTRAPOLATED, pa.bool_()))
        if any(region.reason for region in made.regions):
            fields.append((INFEASIBLE, pa.string()))
        schema = pa.schema(fields, metadata={"convcost": json.dumps(meta(made), ensure_ascii=False)})
        self.pa, self.schema = pa, schema
        self.out = parquet.ParquetWriter(file, schema, compression="zstd")

    def write(self, piece: Sweep) -> None:
        self.out.write_table(self.pa.Table.from_pandas(piece.to_frame(), schema=self.schema, preserve_index=False))

    def close(self) -> None:
        self.out.close()

    def abandon(self) -> None:
        self.out.is_open = False  # else it writes its end when it is collected, to a file that is closed by then
