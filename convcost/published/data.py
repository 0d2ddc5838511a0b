"""Published figures as data: claims, their sources, the ways to count that explain them, cited accuracies.

The files are in specs/published: claims.csv, memory.csv, bits.csv, accuracy.csv, sources.yaml, definitions.yaml.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache, reduce
from typing import Any, NamedTuple

from convcost.conventions.catalog import all_conventions
from convcost.core.errors import UsageError
from convcost.core.units import decimal_text
from convcost.published.figure import SHAPES, Figure, figure
from convcost.published.rows import key_values, one_of, published_file, published_yaml, read_rows

COLUMNS = (
    *("source", "locator", "item", "model", "knobs", "run", "quantity", "part", "printed", "unit", "rounding"),
    *("counting", "because", "computed", "difference"),
)
"""Of a file of claims."""
_NEEDED = ("model", "quantity", "printed")
_SIGNED = re.compile(r"[+-]?\d{1,15}(\.\d{1,9})?", re.ASCII)
_PLAIN = re.compile(r"(\d{1,3}(,\d{3}){1,9}|\d{1,30})(\.\d{1,30})?", re.ASCII)
_DECIMAL = re.compile(r"\s*(\d{1,9}(\.\d{0,30})?|\.\d{1,30})\s*", re.ASCII)
_SIZES = re.compile(r"\d{1,9}(×\d{1,9})*", re.ASCII)
Coefficients = Mapping[str, Mapping[str, Fraction]]
"""Glob over ops and their kinds -> entry of the ledger -> coefficient; the first glob that fits a layer holds."""
FLOPS = "torch"
"""The convention of a column `flops` that names none: a multiply-accumulate is two operations."""


class Source(NamedTuple):
    """Where figures are printed."""

    key: str
    title: str
    where: str
    """arXiv number, or repository and path."""
    year: int
    kind: str
    read: str
    """How its figures were read: A the file itself, B a full-text copy of the paper, C a secondary transcription."""
    quoted: str = ""
    """What the numbers that are only quoted from it add up to: `convcost.published.quoted`."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A way to count that differs from convcost's own; several of them can be combined."""

    key: str = ""
    says: str = ""
    """What it does, as the explanation of a figure."""
    skip: tuple[str, ...] = ()
    """Layers that it leaves out: globs over names, scopes, ops and kinds of op."""
    params: Coefficients | None = None
    """What a parameter is, if not every weight and bias."""
    plus: int = 0
    """Parameters that the source counts and no layer of the network has."""
    convention: str = ""
    """What an operation is: a name of conventions.yaml …"""
    operations: Coefficients | None = None
    """… or terms of its own."""
    model: str = ""
    """Counts this network instead."""
    knobs: Mapping[str, str] = field(default_factory=dict)
    """Counts the network at these knobs instead."""
    rewrite: str = ""
    """Counts the network rebuilt: what `Network.rewrite` takes."""
    run: Mapping[str, str] = field(default_factory=dict)
    """Counts the network run otherwise: words of a claim's column `run`."""
    habit: str = ""
    """Makes the figure otherwise than the rows beside it: `down` cuts off, `up` and `twice` round up and twice."""
    reader: bool = False
    """Takes for a map the channels of the block that reads it."""

    def __or__(self, other: Definition) -> Definition:
        """Both combined; where both state something, the second takes precedence."""
        return Definition(
            key=" ".join(filter(None, (self.key, other.key))),
            says="; ".join(filter(None, (self.says, other.says))),
            skip=self.skip + other.skip,
            params=other.params or self.params,
            plus=self.plus + other.plus,
            convention=other.convention or self.convention,
            operations=other.operations or self.operations,
            model=other.model or self.model,
            knobs={**self.knobs, **other.knobs},
            rewrite=other.rewrite or self.rewrite,
            run={**self.run, **other.run},
            habit=other.habit or self.habit,
            reader=other.reader or self.reader,
        )


OWN = Definition()
"""convcost's own way: multiply-accumulates of conv and linear layers; trainable parameters."""


class Claim(NamedTuple):
    """One published figure."""

    at: str
    """Its file and line, for messages."""
    source: str
    locator: str
    """Table or list."""
    item: str
    """The name of the row in print."""
    model: str
    knobs: Mapping[str, str]
    figure: Figure
    """The quantity, as printed."""
    part: str
    """Which layers; empty for the whole network."""
    counting: tuple[str, ...]
    """The explanation that is recomputed: keys of definitions.yaml."""
    because: str
    """The explanation that is stated, where nothing can be recomputed …"""
    computed: str
    """… with what convcost finds instead, which is checked."""
    run: Mapping[str, str] = {}
    """How the network is run, where memory, patches or a runtime are spoken of: `convcost.published.run`."""
    difference: tuple[Fraction, ...] = ()
    """The figure less what convcost finds, as both are written, of each axis of a shape; checked as well."""


NO_KNOBS: Mapping[str, str] = {}


class Measured(NamedTuple):
    """One published accuracy: quoted, not recomputable; fields that its source does not state are empty."""

    at: str
    family: str
    item: str
    model: str = ""
    """Name in the zoo; empty if the zoo does not have the network."""
    knobs: Mapping[str, str] = NO_KNOBS
    """The knobs that give the network at the resolution of the evaluation."""
    resolution: int = 0
    top1: str = ""
    top5: str = ""
    params: str = ""
    """As printed, in millions unless exact."""
    macs: str = ""
    """As printed, in millions."""
    convention: str = ""
    """How the source counts them."""
    year: int = 0
    tier: str = ""
    source: str = ""
    locator: str = ""
    recipe: str = ""
    note: str = ""
    ablation: str = ""
    """What was changed to see what it does, where the network is no member of its family for that."""
    extra: str = ""
    """What it learnt from beside ImageNet-1k and its labels: other images, another network as a teacher."""
    score: str = ""
    """On a task of its own: per cent, by the metric of the task."""
    dataset: str = ""
    """What the score is on; empty for ImageNet-1k."""
    width: int = 0
    """Of an input that is not square, of which `resolution` is the height."""

    def printed(self, y: str) -> str:
        """The accuracy that `y` says: `top1`, `top5`, or the metric of a task; empty if it is not printed."""
        return {"top1": self.top1, "top5": self.top5}.get(y, self.score)

    @property
    def size(self) -> int | tuple[int, int]:
        """The size of its pictures, as a network takes it; 0 if it is not printed."""
        return (self.resolution, self.width) if self.width else self.resolution

    @property
    def size_text(self) -> str:
        """The size of its pictures as it is shown: 640, or 1024×2048."""
        return f"{self.resolution}×{self.width}" if self.width else str(self.resolution or "")


@lru_cache(maxsize=1)
def sources() -> dict[str, Source]:
    """Every source by key.

    >>> sources()["mobilenet_v1"].where
    'arXiv 1704.04861'
    """
    return {key: Source(key, **entry) for key, entry in published_yaml("sources.yaml").items()}


@lru_cache(maxsize=1)
def definitions() -> dict[str, Definition]:
    """Every way to count by key.

    >>> definitions()["conv_only"].skip
    ('linear',)
    """
    return {key: _definition(key, entry) for key, entry in published_yaml("definitions.yaml").items()}


def _definition(key: str, entry: Mapping[str, Any]) -> Definition:
    given = dict(entry, skip=tuple(entry.get("skip", ())))
    for column in ("knobs", "run"):
        given[column] = {name: str(value) for name, value in given.get(column, {}).items()}
    for name in {"params", "operations"} & set(given):
        given[name] = {
            pattern: {count: Fraction(str(factor)) for count, factor in factors.items()}
            for patterns, factors in given[name].items()
            for pattern in patterns.split(", ")
        }
    return Definition(key, **given)


def combined(keys: Iterable[str]) -> Definition:
    """Several ways to count at once."""
    known = ways()
    return reduce(Definition.__or__, (known[key] for key in keys), OWN)


@lru_cache(maxsize=1)
def ways() -> dict[str, Definition]:
    """Every way to count that a claim can name: those of definitions.yaml, and every convention by its own name."""
    named = all_conventions().values()
    conventions = {one.name: Definition(one.name, f"counts {one.counts}", convention=one.name) for one in named}
    return {**conventions, **definitions()}


@lru_cache(maxsize=1)
def claims() -> tuple[Claim, ...]:
    """The claims that ship with convcost: on the network alone, on memory, on bits; in the order of their files."""
    files = ("claims.csv", "memory.csv", "bits.csv")
    return tuple(claim for name in files for claim in read_claims(published_file(name), sources()))


def read_claims(path: str, known_sources: Collection[str] | None = None) -> list[Claim]:
    """Claims from a CSV file; raises `UsageError` with the file and line of everything that does not fit.

    Needs the columns model, quantity and printed; source is free where no known ones are given.
    """

    def claim(at: str, cells: dict[str, str]) -> Claim:
        for column in _NEEDED:
            if not cells[column]:
                raise UsageError(f"{column} is empty")
        if known_sources is not None:
            one_of("source", cells["source"], known_sources)
        counting = tuple(cells.pop("counting").split())
        for key in counting:
            one_of("counting", key, ways())
        if counting and cells["because"]:
            raise UsageError("counting and because exclude each other: an explanation is recomputed or stated")
        if bool(cells["because"]) != bool(cells["computed"]):
            raise UsageError("because and computed go together: what is stated, and what convcost finds")
        difference = cells.pop("difference")
        if difference and not cells["because"]:
            raise UsageError("difference is of what is printed and computed, and there is no because")
        printed = figure(cells.pop("quantity"), cells.pop("printed"), cells.pop("unit"), cells.pop("rounding"))
        _check_computed(printed, cells["computed"])
        made: dict[str, Any] = {**cells, "figure": printed, "counting": counting, "knobs": _knobs(cells["knobs"])}
        made["run"] = key_values(cells["run"], "run", "policy=inplace")
        return Claim(at=at, **made, difference=_difference(difference))

    return read_rows(path, COLUMNS, _NEEDED, claim)


@lru_cache(maxsize=1)
def accuracies() -> tuple[Measured, ...]:
    """The published ImageNet-1k accuracies that ship with convcost, in the order of the file."""
    return tuple(read_accuracies(published_file("accuracy.csv"), sources()))


_ACCURACY_CELLS = {
    ("resolution", "year"): (r"[0-9]{1,9}", "a whole number"),
    ("top1", "top5"): (r"100(\.0+)?|[0-9]{1,2}(\.[0-9]{1,6})?", "an accuracy in per cent, e.g. 70.6"),
}
_MILLIONS = {"params": 10**4, "macs": 10**6, "flops": 10**6}
"""Columns of figures in millions, and from where on a bare number must be a count: 10 G parameters, 1 T operations."""
_OF_ONES_OWN = ("label", "flops")
"""Columns of a table of one's own alone: the family by another name, and operations of which a MAC is two."""


def read_accuracies(path: str, known_sources: Collection[str] | None = None) -> list[Measured]:
    """Accuracies from a CSV file; raises `UsageError` with the file and line of everything that does not fit.

    Needs the columns item and top1. Where no known sources are given, the table is one's own: source is free, figures
    may carry a unit (`300M`), `label` is another word for family, and `flops` are two for each multiply-accumulate.
    """
    own = known_sources is None

    def measured(at: str, cells: dict[str, str]) -> Measured:
        _check_accuracy(cells)
        if known_sources is not None:
            one_of("source", cells["source"], known_sources)
        for column in filter(cells.__contains__, _MILLIONS):
            cells[column] = _millions(cells[column], column, own)
        if own:
            _settle(cells)
        numbers = {column: int(cells[column] or 0) for column in ("resolution", "year")}
        made: dict[str, Any] = {**cells, **numbers, "family": cells["family"] or cells["item"]}
        return Measured(at=at, **{**made, "knobs": _knobs(cells["knobs"])})

    names = [name for name in Measured._fields if name not in ("at", "score", "dataset", "width")]
    return list(read_rows(path, [*names, *(_OF_ONES_OWN if own else ())], ("item", "top1"), measured))


def _check_accuracy(cells: Mapping[str, str]) -> None:
    """Raise `UsageError` for a cell that is not what its column holds."""
    for column in ("item", "top1"):
        if not cells[column]:
            raise UsageError(f"{column} is empty")
    for columns, (pattern, need) in _ACCURACY_CELLS.items():
        for column in columns:
            if cells[column] and not re.fullmatch(pattern, cells[column]):
                raise UsageError(f"{column} must be {need}, got {cells[column]!r}")
    for column in ("top1", "top5"):
        if cells[column]:
            per_cent(cells[column], column)


def _millions(cell: str, column: str, own: bool) -> str:
    """A figure as a number of millions; raises `UsageError`, also for one's own bare number that must be a count.

    >>> _millions("3.47", "params", own=True), _millions("4.1G", "macs", own=True), _millions("", "macs", own=True)
    ('3.47', '4100.0', '')
    """
    if re.fullmatch(r"([0-9]{1,15}(\.[0-9]{1,6})?)?", cell):
        if own and cell and Fraction(cell) >= _MILLIONS[column]:
            meant = decimal_text(Fraction(cell) / 10**6)
            raise UsageError(f"{column} are in millions, and {cell} looks like a count: write {meant}, or {meant}M")
        return cell
    found = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([kKMGT])", cell) if own else None
    if found is None:
        unit = ", or with its unit, 3.47M" if own else ""
        raise UsageError(f"{column} must be a number of millions, e.g. 3.47{unit}, got {cell!r}")
    return decimal_text(
        Fraction(found[1]) * {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}[found[2].upper()] / 10**6
    )


def _settle(cells: dict[str, str]) -> None:
    """The columns of one's own as those that all tables have; raises `UsageError` where both are filled in."""
    label, flops = (cells.pop(column) for column in _OF_ONES_OWN)
    for column, other, word in (("family", label, "label"), ("macs", flops, "flops")):
        if cells[column] and other:
            raise UsageError(f"{column} and {word} exclude each other")
        cells[column] = cells[column] or other
    if flops:
        cells["convention"] = cells["convention"] or FLOPS


def per_cent(value: str, what: str) -> Fraction:
    """An accuracy as a number; raises `UsageError`."""
    try:
        accuracy = Fraction(-1 if isinstance(value, str) and not _DECIMAL.fullmatch(value) else value)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        accuracy = Fraction(-1)
    if not 0 < accuracy <= 100:
        raise UsageError(f"{what}: an accuracy is a number of per cent above 0, at most 100, e.g. 72.3, got {value!r}")
    if accuracy <= 1:
        meant = decimal_text(accuracy * 100).removesuffix(".0")
        raise UsageError(f"{what}: {value} is a fraction, and accuracies are per cent: write {meant}")
    return accuracy


def _check_computed(printed: Figure, computed: str) -> None:
    """Raise `UsageError` for what convcost finds unless it is written as the figure is, without its unit."""
    if not computed:
        return
    pattern, form = (
        (_SIZES, "a shape, e.g. 28×28×480") if printed.quantity in SHAPES else (_PLAIN, "a number, e.g. 416,520")
    )
    if not pattern.fullmatch(computed):
        unit = f", in {printed.unit} and without this unit" if printed.unit else ", without a unit"
        raise UsageError(f"computed: {computed!r} is not {form}{'' if pattern is _SIZES else unit}")
    try:
        figure(printed.quantity, computed, "" if pattern is _SIZES else printed.unit, "")
    except UsageError as error:
        raise UsageError(f"computed: {str(error).removeprefix('printed: ').partition(';')[0]}") from None


def _difference(text: str) -> tuple[Fraction, ...]:
    """`-39.7`, or `-3×-3×0` of shapes, as numbers; none of an empty text. Raises `UsageError`."""
    parts = text.replace(",", "").split("×") if text else []
    if not all(_SIGNED.fullmatch(part) for part in parts):
        raise UsageError(f"difference: {text!r} is no number, e.g. -39.7, or one for each axis, -3×-3×0")
    return tuple(map(Fraction, parts))


def _knobs(text: str) -> dict[str, str]:
    """`width=0.75 resolution=192` as a mapping."""
    return key_values(text, "knobs", "width=0.75")
