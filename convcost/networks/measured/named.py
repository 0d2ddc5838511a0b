"""Networks that a table of measurements names: of the zoo, with knobs or without, or model files of a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Final, NamedTuple

from convcost.core import patterns
from convcost.core.dtypes import check_dtype
from convcost.core.errors import ConvcostError, UsageError, nearest
from convcost.core.places import MODEL_FILE
from convcost.core.reading import whole_number
from convcost.graph.partial import refuse_unknown, unknown_ops
from convcost.networks.inputs import RESOLUTION, GivenShape
from convcost.networks.load import open_network
from convcost.networks.measured.columns import plain
from convcost.networks.network import Network
from convcost.spec.zoo import find, is_path, names, split_name

_OF_ROW: Final[Mapping[str, tuple[str, ...]]] = {
    "input": ("input", "input shape", "input size", "img", "img size", "image size"),
    "batch": ("batch", "batch size", "batchsize", "n batch", "bs"),
    "dtype": ("dtype",),
}
"""What says how a network ran -> the columns that say it."""
SPEC_FILE = re.compile(r"\.(ya?ml|param)$")


class Run(NamedTuple):
    """A network as a row of a table says that it ran: what rows of the same network have in common."""

    model: str
    """As `load` takes it, without the settings."""
    settings: tuple[tuple[str, str], ...] = ()
    """Values of knobs that stand in columns of their own."""
    input: str = ""
    batch: str = ""
    dtype: str = ""

    @property
    def name(self) -> str:
        """As a table of results calls it.

        >>> Run("mobilenet_v2", (("width", "0.5"),), batch="8").name
        'mobilenet_v2:width=0.5, batch 8'
        """
        settings = ",".join(f"{knob}={value}" for knob, value in self.settings)
        sign = "," if "=" in self.model.rpartition(":")[2] else ":"
        name = f"{self.model}{sign}{settings}" if settings else self.model
        return self.named(", ".join(filter(None, (name, self.input))))

    def named(self, network: str) -> str:
        """A network of this name, and how it ran.

        >>> Run("mobilenet_v2", dtype="int8").named("mobilenet_v2:width=0.5")
        'mobilenet_v2:width=0.5, int8'
        """
        batch = f"batch {self.batch}" if self.batch not in ("", "1") else ""
        return ", ".join(filter(None, (network, batch, self.dtype)))


MOST_SOUGHT: Final = 100
"""Names that no network has for which the nearest one is sought."""
_FEW: Final = 20
"""Of a network that is fitted, at most one layer in so many may be one that nobody can count."""

_OPEN: Final = (
    "its file leaves the size of its input open: a column input of the table says it, as in 352x352x3, or --input for "
    "all such files"
)


class Opened(NamedTuple):
    """A network that was run, and how."""

    network: Network
    batch: int
    dtype: str | None


class Namer:
    """Finds networks by the names that tables give them."""

    def __init__(self, beside: str = "", folder: str | None = None, input_shape: GivenShape | None = None) -> None:
        if folder is not None:
            check_folder(folder)
        self.beside, self.folder, self.input_shape = beside, folder, input_shape
        self._knobs = dict[str, Mapping[str, Any]]()
        self._found = dict[str, str | ConvcostError]()
        self._sought = 0

    def run(self, name: str, cells: Mapping[str, str]) -> Run:
        """The network of a name, and what the other cells of its row say of it; raises `ConvcostError` where there is none."""
        model = self._known(name)
        own = {plain(column): value for column, value in cells.items() if value}
        how = {meant: own[word] for meant, words in _OF_ROW.items() for word in words if word in own}
        stated, knobs = split_name(model)[1], self._knobs_of(model)
        settings = {knob: own[plain(knob)] for knob in knobs if plain(knob) in own and knob not in (*stated, *_OF_ROW)}
        if RESOLUTION in own and RESOLUTION not in knobs:
            how["input"] = own[RESOLUTION]
        if (
            "width" in own
            and "width" not in knobs
            and not is_path(model)
            and not re.fullmatch(r"0*1(\.0*)?", own["width"], re.ASCII)
        ):
            raise UsageError(f"it has no knob width, and the table says {own['width']}")
        return Run(model, tuple(settings.items()), **how)

    def columns_of(self, run: Run, columns: tuple[str, ...]) -> list[str]:
        """The columns whose cells a run consists of."""
        used = {
            RESOLUTION,
            *(word for words in _OF_ROW.values() for word in words),
            *(plain(k) for k, _ in run.settings),
        }
        return [column for column in columns if plain(column) in used]

    def open(self, run: Run, dtype: str | None = None, batch: int = 1) -> Opened:
        """The network of a run; raises `ConvcostError` if it cannot be read, or if much of it cannot be counted.

        What its row says goes before `dtype` and `batch`.
        """
        if run.batch:
            batch = whole_number(run.batch) or 0
            if batch < 1:
                raise UsageError(f"batch must be a whole number above 0, got {run.batch!r}")
        network = self._network(run)
        if _FEW * len(unknown_ops(network.steps)) > len(network.steps):
            refuse_unknown(network.steps, network.name, "its time cannot be told from its counts")
        return Opened(network, batch, check_dtype(run.dtype) if run.dtype else dtype)

    def _network(self, run: Run) -> Network:
        settings = dict(run.settings)
        if run.input:
            return open_network(run.model, settings, _shape(run.input))
        try:
            network = open_network(run.model, settings)
            network.walked  # noqa: B018 - a file that states no sizes is only refused here
        except ConvcostError:
            if self.input_shape is not None:
                return open_network(run.model, settings, self.input_shape)
            if self._is_open(run.model, settings):
                raise UsageError(_OPEN) from None
            raise
        return network

    def _is_open(self, model: str, settings: Mapping[str, str]) -> bool:
        """Whether a model file leaves a size of its input open, and nothing else says it."""
        stated = {*settings, *split_name(model)[1]}
        return any(knob.default is None and name not in stated for name, knob in self._knobs_of(model).items())

    def _knobs_of(self, model: str) -> Mapping[str, Any]:
        bare = split_name(model)[0]
        if bare not in self._knobs:
            self._knobs[bare] = find(bare).spec.knobs
        return self._knobs[bare]

    def _known(self, name: str) -> str:
        """What `load` takes for a name of a table, which may stand in many rows; raises `ConvcostError`."""
        if name not in self._found:
            try:
                self._found[name] = self._model(name)
            except ConvcostError as error:
                self._found[name] = error
        found = self._found[name]
        if isinstance(found, ConvcostError):
            raise found
        return found

    def _model(self, name: str) -> str:
        """What `load` takes for a name of a table."""
        if not name:
            raise UsageError("no network is named")
        if self.folder is not None:
            return _in_folder(name, self.folder, self._hint)
        bare, _ = split_name(name)
        if is_path(bare) or SPEC_FILE.search(bare):
            inside = os.path.join(self.beside, name)
            return name if os.path.exists(bare) or not os.path.exists(os.path.join(self.beside, bare)) else inside
        if bare in self._zoo.values():
            return name
        spelled = self._zoo.get(patterns.plain(bare))
        if spelled is None:
            raise UsageError(f"there is no such network in the zoo{self._hint(bare, self._zoo.values())}")
        return spelled + name[len(bare) :]

    def _hint(self, name: str, known: Iterable[str]) -> str:
        """The network that was probably meant, at the end of a message; of a table of such names for the first ones."""
        self._sought += 1
        close = nearest(name, known) if self._sought <= MOST_SOUGHT else None
        return f"; is it {close}?" if close else ""

    @cached_property
    def _zoo(self) -> dict[str, str]:
        """Every name of the zoo, by its spelling without case and separators."""
        return {patterns.plain(name): name for name in reversed(names())}


def check_folder(folder: str) -> None:
    """Raise `UsageError` if there is no such folder of model files."""
    if not (isinstance(folder, (str, os.PathLike)) and os.path.isdir(folder)):
        raise UsageError(f"{folder} is no folder; --models names the folder that has the model files")


def _in_folder(name: str, folder: str, hint: Callable[[str, Iterable[str]], str]) -> str:
    """The model file of a folder that a name means; raises `UsageError`."""
    bare, _ = split_name(name)
    whole = os.path.join(folder, bare)
    if os.path.isfile(whole):
        return os.path.normpath(whole) + name[len(bare) :]
    files = [file for file in sorted(os.listdir(folder)) if MODEL_FILE.search(file) or SPEC_FILE.search(file)]
    spelled = [file for file in files if spelling(bare) in (spelling(file), spelling(os.path.splitext(file)[0]))]
    found = [file for file in spelled if os.path.splitext(file)[0] == bare] or spelled
    if len(found) > 1:
        raise UsageError(f"{folder} has {' and '.join(found)}; the table has to name one of them")
    if not found:
        close = hint(bare, {os.path.splitext(file)[0] for file in files})
        raise UsageError(f"{folder} has no model file of this name{close}")
    return os.path.normpath(os.path.join(folder, found[0])) + name[len(bare) :]


def spelling(name: str) -> str:
    """The name of a file, or of a network, without what tables and folders spell differently.

    >>> spelling("MobileNet-SSD"), spelling("yolo-fastest-1.1.param")
    ('mobilenet_ssd', 'yolo_fastest_1.1.param')
    """
    return name.lower().replace("-", "_").replace(" ", "_")


def _shape(text: str) -> tuple[int, ...]:
    """Sizes as a table has them; raises `UsageError`.

    >>> _shape("224x224x3"), _shape("96")
    ((224, 224, 3), (96,))
    """
    sizes = [whole_number(part.strip()) for part in re.split("[x×*]", text.lower().strip("()[]"))]
    if not sizes or any(size is None for size in sizes):
        raise UsageError(f"input must be sizes, as in 224x224x3, got {text!r}")
    return tuple(size for size in sizes if size is not None)
