"""Profiles, each of a network, as measurements: of the whole networks, or of their layers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from convcost.core.errors import ConvcostError, UsageError, one_line
from convcost.devices.calibration import Measured
from convcost.devices.kernels import kernels, total
from convcost.devices.layered import Timed
from convcost.devices.profiles import Profile, is_profile, read_profile
from convcost.networks.measured.layers import measured_layers
from convcost.networks.measured.named import Namer, check_folder, spelling
from convcost.networks.measured.ops import profile_of_table
from convcost.networks.measured.ran import How
from convcost.networks.measured.table import ALL_ROWS, Chosen

TABLES: Final = (".csv", ".tsv")
"""What the names of tables end with."""


class Profiled(NamedTuple):
    """What profiles say."""

    networks: tuple[Timed, ...]
    """Each with its layers; with itself as the only one where the whole is asked for."""
    left: Mapping[str, str]
    """Network that could not be used -> why."""
    notes: tuple[tuple[str, str], ...]
    runtime: str
    source: str


def paired(files: Sequence[str], measured: Iterable[bool], models: str | None) -> list[tuple[str, str]]:
    """Each profile with the model that stands behind it, or with that of the folder whose name it begins with.

    Raises `UsageError`.

    >>> paired(["a.json", "a.onnx", "b.json", "resnet18"], [True, False, True, False], None)
    [('a.json', 'a.onnx'), ('b.json', 'resnet18')]
    """
    found: list[tuple[str, str]] = []
    for file, is_measured in zip(files, measured):
        if is_measured:
            found.append((file, ""))
        elif found and not found[-1][1]:
            found[-1] = found[-1][0], file
        else:
            raise UsageError(
                f"{file}: a model stands behind its profile: PROFILE.json MODEL.onnx PROFILE.json MODEL.onnx"
            )
    return [(file, model or _of_folder(file, models)) for file, model in found]


def _of_folder(file: str, folder: str | None) -> str:
    """The model of a folder that a profile is named after: onnxruntime writes PREFIX_DATE.json."""
    name = os.path.basename(file)
    if folder is None:
        raise UsageError(f"{file}: of which model is it? The model stands behind its profile: {name} MODEL.onnx")
    check_folder(folder)
    stems = sorted({os.path.splitext(other)[0] for other in os.listdir(folder)}, key=len, reverse=True)
    for stem in stems:
        if spelling(name).startswith(spelling(stem)):
            return stem
    raise UsageError(f"{file}: no file of {folder} has a name that it begins with; the model stands behind its profile")


def measured_profiles(
    pairs: Sequence[tuple[str, str]], how: How, by: str = "layer", asked: Chosen = ALL_ROWS
) -> Profiled:
    """The measurements of profiles, or of tables of layers, with their models.

    Raises `UsageError` and `SpecError` for a file that is neither; `asked` is about tables.

    A network that cannot be read, or whose ops are not those of its profile, is left out and named.
    """
    networks, left, notes, runtimes = [], dict[str, str](), list[tuple[str, str]](), dict[str, None]()
    for file, model in pairs:
        is_table = not is_profile(file) and file.lower().endswith(TABLES)
        profile = profile_of_table(file, asked, how.repeats, how.batch) if is_table else read_profile(file, how.repeats)
        runtimes |= {profile.runtime: None} if profile.runtime else {}
        namer = Namer(os.path.dirname(file), how.models, how.input_shape)
        try:
            run = namer.run(model, {})
            timed, note = _timed(namer, run.name, profile, how, by)
        except ConvcostError as error:
            left[model] = one_line(str(error).splitlines()[0])
            continue
        networks.append(timed)
        notes.append((timed.network, f"{profile.file}: {note}"))
    names = ", ".join(os.path.basename(file) for file, _ in pairs[:3]) + (" …" if len(pairs) > 3 else "")
    return Profiled(tuple(networks), left, tuple(notes), " and ".join(runtimes), names)


def _timed(namer: Namer, name: str, profile: Profile, how: How, by: str) -> tuple[Timed, str]:
    """A network with its layers, or as a whole, and what is to be said of it."""
    opened = namer.open(namer.run(name, {}), how.dtype, how.batch)
    if by == "layer":
        layers = measured_layers(opened, profile, how.winograd)
        said = f"{len(layers.measured)} layers, {profile.note}"
        return Timed(name, layers.measured), "; ".join(filter(None, (said, layers.note)))
    ms = profile.ms if profile.ms is not None else sum(ran.ms for ran in profile.nodes)
    terms = total(kernels(opened.network.walked, opened.dtype, opened.batch, winograd=how.winograd))
    return Timed(name, (Measured(name, ms, terms),)), f"{ms:.4g} ms, {profile.note}"
