"""Calibrating a device: from a file of measurements to coefficients, how far off they are, and the file of the device."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from convcost.core.checks import check_integer, check_path, needed_path
from convcost.core.dims import LARGEST
from convcost.core.errors import UsageError, did_you_mean
from convcost.core.places import MODEL_FILE
from convcost.core.units import counted
from convcost.core.version import __version__
from convcost.devices.calibration import FEWEST, Calibration, calibrated
from convcost.devices.device import Device, Fitted, share_text
from convcost.devices.kernels import untyped
from convcost.devices.layered import calibrated_layers
from convcost.devices.stored import readable
from convcost.networks.inputs import GivenShape
from convcost.networks.measured.columns import THREADS, plain
from convcost.networks.measured.named import SPEC_FILE
from convcost.networks.measured.profiled import measured_profiles
from convcost.networks.measured.ran import How
from convcost.networks.measured.table import Chosen, measured_table
from convcost.render.escape import printable
from convcost.render.table import Table, Tabular
from convcost.spec.tree import shown_path

BY: Final = ("layer", "network")
"""What profiles are taken as measurements of."""
_COUNTED: Final[Mapping[str, tuple[str, str]]] = {
    "im2col": ("element", "G elements/s"),
    "winograd": ("multiplication", "G multiplications/s"),
    "winograd_transform": ("element", "G elements/s"),
    "activations": ("element", "G elements/s"),
    "elementwise": ("element", "G elements/s"),
    "moved": ("element", "G elements/s"),
    "exponentials": ("element", "G elements/s"),
    "weights": ("byte", "GB/s"),
    "kernels": ("kernel", ""),
}
"""Term -> what one of it is called, and a thousand million of it in a second; all others are MACs."""


@dataclass(frozen=True, slots=True)
class Calibrated(Tabular):
    """A device that was fitted to measurements, and all that is to be known of the fit."""

    device: Device
    left: Mapping[str, str] = field(hash=False)
    """Network that is not in the fit -> why."""
    notes: tuple[tuple[str, str], ...] = ()
    """What was taken from where."""

    def __repr__(self) -> str:
        return printable(f"<Calibrated {self.device.name} · {self.device.error.text}>")

    def yaml(self) -> str:
        """The device as the YAML of its file; raises `UsageError` for one that no file can hold."""
        return readable(self.device)

    def table(self) -> Table:
        """A row per network: measured, predicted by a fit to all the others, and how far off that is."""
        device = self.device
        called = labels([one.network for one in device.fitted])
        return Table(
            title=f"{device.title or device.name} · {counted(len(device.fitted), 'network')}",
            headers=("network", "ms", "left out", "error"),
            numeric=(False, True, True, True),
            rows=[[called[one.network], _ms(one.ms), _ms(one.left_out_ms), _error(one)] for one in device.fitted],
            records=[_record(one) for one in device.fitted],
            data=_data(self),
            notes=_notes(self),
            priority=(0, 1, 2, 0),
        )


def calibrate(
    measurements: str | os.PathLike[str] | Mapping[str, str],
    *,
    by: str = "layer",
    where: Mapping[str, str] | None = None,
    time: str | None = None,
    unit: str | None = None,
    network: str | None = None,
    models: str | None = None,
    input_shape: GivenShape | None = None,
    dtype: str | None = None,
    batch: int = 1,
    repeats: str = "min",
    winograd: bool = True,
    **words: Any,
) -> Calibrated:
    """A device fitted to networks and how long they took, each of which is then left out in turn.

    `measurements` is a CSV file - `where` chooses its rows, as in {"device": "Pixel 4", "threads": "4"}; `time`, `unit` and
    `network` name columns where their headings do not - or profiles, {"profile.json": "net.onnx"}, or tables of a network's
    layers, {"layers.csv": "net.onnx"}, fitted `by` layer or network. `models` is a folder of model files that the table names, `input_shape` for those that state no sizes. `dtype` and
    `batch` are how the networks ran. Of several times of a network the `repeats` counts: `min` or `median`. `winograd` says
    whether the runtime knows that algorithm. `words` go into the file: name, title, runtime, threads, source, note.
    Raises `UsageError` and `SpecError` for a file that is none of this, and for one that says too little.
    """
    words = _checked(words)
    how = How(check_path(models, "models"), input_shape, dtype, batch, repeats, winograd).checked()
    if not isinstance(where, Mapping | None):
        raise UsageError(f"where is a mapping, as {{'device': 'Pixel 4'}}, got {type(where).__name__}")
    conditions = {str(column): str(value) for column, value in (where or {}).items()}
    asked = Chosen(conditions, *(None if name is None else str(name) for name in (time, unit, network)))
    if isinstance(measurements, Mapping):
        pairs = [
            (needed_path(file, "a profile"), needed_path(model, f"the model of {file}"))
            for file, model in measurements.items()
        ]
        return _of_profiles(pairs, how, by, asked, words)
    return _of_table(needed_path(measurements, "a table of measurements"), asked, how, words)


def _checked(words: Mapping[str, Any]) -> dict[str, Any]:
    """What goes into the file: texts, and a number of threads; raises `UsageError`."""
    known = {"name", "title", "runtime", "threads", "source", "note"}
    if unknown := words.keys() - known:
        raise UsageError(f"there is no option {min(unknown)!r}{did_you_mean(min(unknown), known)}")
    said = {key: value for key, value in words.items() if value is not None}
    if "threads" in said:
        said["threads"] = check_integer(said["threads"], "threads", LARGEST)
    for name, value in said.items():
        if name != "threads" and not isinstance(value, str):
            raise UsageError(f"{name} is a text, got {type(value).__name__}")
    return said


def _of_table(path: str, asked: Chosen, how: How, words: Mapping[str, Any]) -> Calibrated:
    taken = measured_table(path, asked, how)
    setup = {plain(column): value for column, value in taken.setup.items()}
    threads = next((setup[name] for name in THREADS if name in setup), "")
    said = {
        "name": os.path.splitext(os.path.basename(path))[0],
        "title": setup.get("device", ""),
        "runtime": setup.get("runtime", ""),
        "threads": int(threads[:6]) if threads.isdecimal() else None,
        "source": taken.source,
    }
    if len(taken.measured) < FEWEST:
        raise UsageError(f"{shown_path(path)}: {_too_few([one.network for one in taken.measured])}{_why(taken.left)}")
    try:
        found = calibrated(taken.measured)
    except UsageError as error:
        raise UsageError(f"{shown_path(path)}: {error}{_why(taken.left)}") from None
    return Calibrated(_device(found, how, {**said, **_given(words)}), {**taken.left, **found.left}, tuple(taken.notes))


def _too_few(names: Sequence[str]) -> str:
    """What is there of a table of fewer networks than a calibration needs.

    >>> _too_few(["resnet18", "vgg16"])
    'a calibration needs at least 4 networks, got 2: resnet18 and vgg16; 2 more are missing'
    """
    got = f"{len(names)}: {' and '.join(names)}" if names else "none"
    missing = FEWEST - len(names)
    return f"a calibration needs at least {FEWEST} networks, got {got}; {missing} more {'is' if missing == 1 else 'are'} missing"


def _of_profiles(
    pairs: Sequence[tuple[str, str]], how: How, by: str, asked: Chosen, words: Mapping[str, Any]
) -> Calibrated:
    if by not in BY:
        raise UsageError(f"by must be layer or network, got {by!r}")
    if not pairs:
        raise UsageError("there is no profile to calibrate by")
    taken = measured_profiles(pairs, how, by, asked)
    said = {
        "name": os.path.splitext(os.path.basename(pairs[0][0]))[0],
        "runtime": taken.runtime,
        "source": taken.source,
    }
    try:
        if by == "layer":
            found = calibrated_layers(taken.networks)
        else:
            found = calibrated(layer for one in taken.networks for layer in one.layers)
    except UsageError as error:
        raise UsageError(f"{shown_path(pairs[0][0])}: {error}{_why(taken.left)}") from None
    return Calibrated(_device(found, how, {**said, **_given(words)}), {**taken.left, **found.left}, tuple(taken.notes))


def _given(words: Mapping[str, Any]) -> dict[str, Any]:
    """The words that are not empty."""
    return {key: value for key, value in words.items() if value}


def _device(found: Calibration, how: How, words: Mapping[str, Any]) -> Device:
    return Device(
        coefficients=found.coefficients, error=found.error, fitted=found.fitted, tied=found.tied, dtype=how.dtype or "",
        winograd=how.winograd, **words,
    )  # fmt: skip


def _why(left: Mapping[str, str]) -> str:
    """The first networks that could not be used."""
    first = [f"; {name}: {_bare(name, why)}" for name, why in list(left.items())[:_SHOWN]]
    more = f"; and {len(left) - _SHOWN} more could not be used" if len(left) > _SHOWN else ""
    return "".join(first) + more


def _bare(name: str, why: str) -> str:
    """Why a network could not be used, without its file, which stands before it."""
    return re.sub(rf"^(\S*/)?{re.escape(os.path.basename(name))}: ", "", why)


_SHOWN: Final = 3
"""Networks that a message names."""


def rate(term: str, femtoseconds: int) -> str:
    """A coefficient as people read it: what one takes, and how many there are in a second.

    >>> rate("pointwise", 61_000), rate("weights", 125_000), rate("kernels", 12_300_000_000)
    ('61 ps per MAC, 16.4 GMAC/s', '125 ps per byte, 8 GB/s', '12.3 us per kernel')
    """
    one, many = _COUNTED.get(untyped(term), ("MAC", "GMAC/s"))
    took = next(f"{_short(femtoseconds / size)} {unit}" for unit, size in _UNITS if femtoseconds >= size or size == 1)
    return f"{took} per {one}" + (f", {_short(10**6 / femtoseconds)} {many}" if many else "")


def _short(value: float) -> str:
    """To three significant digits, none of them after a hundred."""
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.3g}"


_UNITS: Final = (("ms", 10**12), ("us", 10**9), ("ns", 10**6), ("ps", 10**3), ("fs", 1))


def labels(names: Sequence[str]) -> dict[str, str]:
    """What networks are called in a table: files without folder and ending, unless others are called so, too.

    >>> labels(["nets/squeezenet.param", "a/net.onnx, batch 8", "b/net.onnx, batch 8", "mobilenet_v2:width=0.5"]).values()
    dict_values(['squeezenet', 'a/net.onnx, batch 8', 'b/net.onnx, batch 8', 'mobilenet_v2:width=0.5'])
    """
    short = {name: _stem(name) for name in names}
    often = Counter(short.values())
    return {name: stem if often[stem] == 1 else name for name, stem in short.items()}


def _stem(name: str) -> str:
    """The name of a run without the folder and the ending of its file, if it has one."""
    path, *how = name.split(", ")
    file, *knobs = os.path.basename(path).split(":")
    if not (MODEL_FILE.search(file) or SPEC_FILE.search(file)):
        return name
    return ", ".join([":".join([os.path.splitext(file)[0], *knobs]), *how])


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}" if value < 10**4 else f"{value:,.0f}"


def _error(one: Fitted) -> str:
    if one.left_out_ms is None:
        return ""
    share = one.left_out_ms / one.ms - 1
    return ("+" if share > 0 else "") + share_text(share).replace("-", "−")


def _record(one: Fitted) -> dict[str, Any]:
    error = None if one.left_out_ms is None else one.left_out_ms / one.ms - 1
    return {"network": one.network, "ms": one.ms, "left_out_ms": one.left_out_ms, "error": error}


def _notes(found: Calibrated) -> list[tuple[str, str]]:
    device = found.device
    tied = {term: terms for terms in device.tied for term in terms}
    notes = [("error", device.error.text)]
    for term, time in device.coefficients.items():
        others = [other for other in tied.get(term, ()) if other != term]
        if time:
            notes.append((term, rate(term, time) + (f", as {' and '.join(others)}" if others else "")))
    if none := [term for term, time in device.coefficients.items() if not time]:
        notes.append(("no time", f"{', '.join(none)}: nothing is left for them, or too few networks tell them apart"))
    notes += found.notes
    return notes + [("left out", text) for text in left_texts(found.left)]


def left_texts(left: Mapping[str, str]) -> list[str]:
    """Which networks are not in a fit, and why, those of one reason together.

    >>> left_texts({"a": "no such network; is it b?", "c": "no such network", "d.onnx": "nets/d.onnx: an op is unknown"})
    ['a and c: no such network', 'd.onnx: an op is unknown']
    """
    reasons = dict[str, list[str]]()
    for name, why in left.items():
        reasons.setdefault(_bare(name, why), []).append(name)
    often = Counter(why.partition("; is it ")[0] for why in reasons)
    plain = dict[str, list[str]]()
    for why, names in reasons.items():
        short = why.partition("; is it ")[0]
        plain.setdefault(why if often[short] == 1 else short, []).extend(names)
    return [f"{_several(names)}: {why}" for why, names in plain.items()]


def _several(names: Sequence[str]) -> str:
    """Names as a sentence has them; of many the first, and how many others there are."""
    if len(names) > _LISTED + 1:
        return f"{', '.join(names[:_LISTED])} and {len(names) - _LISTED} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


_LISTED: Final = 8
"""Networks that a line names."""


def _data(found: Calibrated) -> dict[str, Any]:
    device = found.device
    return {
        "schema": "convcost.calibration/1",
        "version": __version__,
        "device": device.name,
        **{key: getattr(device, key) or None for key in ("title", "runtime", "threads", "source")},
        "femtoseconds": dict(device.coefficients),
        "tied": [list(terms) for terms in device.tied],
        "error": device.error._asdict(),
        "networks": [{**_record(one), "terms": dict(one.terms)} for one in device.fitted],
        "left_out": dict(found.left),
        "notes": dict(found.notes),
    }
