"""Devices in files: reading those that convcost knows or that somebody calibrated, and writing one.

A calibrated device is one file, with the networks that it was fitted on, as measured, so that its error can be recounted
from the file alone. The rooflines of datasheets stand in rooflines.yaml together.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any, Final

from convcost.core.dtypes import DTYPE_BITS
from convcost.core.errors import Problem, SpecError, UsageError, did_you_mean, nearest
from convcost.core.patterns import containing
from convcost.devices.device import SECOND, Device, Errors, Fitted, Roofline
from convcost.devices.kernels import TERMS, untyped
from convcost.spec.tree import (
    MOST_VALUES,
    MappingNode,
    ScalarNode,
    SequenceNode,
    Tree,
    parse_tree,
    read_text,
    shown_path,
)

_HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)))
_CALIBRATED = os.path.join(_HERE, "calibrated")
_ROOFLINES = os.path.join(_HERE, "rooflines.yaml")
_LARGEST = 2**22
"""Bytes of a file of a device."""
_BEGINS = "a device states femtoseconds: of terms, or macs_per_second: and bytes_per_second:"
_TEXTS = ("title", "runtime", "source", "note")
_KEYS: Final = (*_TEXTS, "threads", "dtype", "winograd", "femtoseconds", "tied", "error", "terms_in", "networks")
_ERROR_KEYS: Final = ("median", "p90", "worst", "networks")
_ROOFLINE_KEYS: Final = (*_TEXTS, "macs_per_second", "bytes_per_second", "overhead_us", "cache")


def find(name: str) -> Device | Roofline:
    """The device of a name, or of a YAML file; raises `UsageError`, and `SpecError` for all that is wrong with a file."""
    if is_file(name):
        return read_device(name)
    meant = name.lower().replace("-", "_")
    if meant in _rooflines():
        return _rooflines()[meant]
    if meant in calibrated_names():
        return _known(meant)
    raise UsageError(
        f"there is no device {name!r}{hint(name) or '.'} `convcost devices` lists all; "
        "`convcost calibrate TABLE.csv -o device.yaml` makes one from your own measurements"
    )


def is_file(name: str) -> bool:
    """Whether a device is named by the path of its file."""
    return name.endswith((".yaml", ".yml")) or os.sep in name


_HINTS = 3


def hint(name: str) -> str:
    """The devices whose names contain one, or else begin like it, at the end of a message; nothing if there is none.

    >>> hint("raspberry-pi-4"), hint("a10o")
    ('. Did you mean raspberry_pi_4_ncnn_1t or raspberry_pi_4_ncnn_4t?', '. Did you mean a100?')
    """
    known, meant = list_devices(), name.lower().replace("-", "_")
    found = containing(name, known) if len(name) > 1 else []
    if not found and (near := nearest(meant, {one[: len(meant)] for one in known})):
        found = containing(near, known)
    more = [f"one of {len(found) - _HINTS} others"] if len(found) > _HINTS else []
    return f". Did you mean {' or '.join([*found[:_HINTS], *more])}?" if found else ""


def as_device(device: str | os.PathLike[str] | Device | Roofline) -> Device | Roofline:
    """A device by name, as a file, or as it is; raises as `find` does."""
    if isinstance(device, (Device, Roofline)):
        return device
    if not isinstance(device, (str, os.PathLike)):
        raise UsageError(f"a device is a name, a file or a Device, got {type(device).__name__}")
    return find(os.fspath(device))


def list_devices() -> tuple[str, ...]:
    """The names of all devices that convcost knows: calibrated ones first, then rooflines."""
    return (*calibrated_names(), *_rooflines())


@lru_cache(maxsize=1)
def calibrated_names() -> tuple[str, ...]:
    """The names of calibrated devices."""
    files = os.listdir(_CALIBRATED) if os.path.isdir(_CALIBRATED) else []
    return tuple(sorted(name.removesuffix(".yaml") for name in files if name.endswith(".yaml")))


@lru_cache(maxsize=64)
def _known(name: str) -> Device | Roofline:
    return read_device(os.path.join(_CALIBRATED, f"{name}.yaml"))


@lru_cache(maxsize=1)
def _rooflines() -> dict[str, Roofline]:
    if not os.path.exists(_ROOFLINES):
        return {}
    tree, problems = parse_tree(read_text(_ROOFLINES, "a file of devices", _LARGEST), "rooflines.yaml")
    reader = _Reader(problems)
    found = {name: reader.roofline(name, one) for name, one in reader.table(tree, "rooflines").items()}
    if problems:
        raise SpecError(problems)
    return {name: one for name, one in found.items() if one}


def read_device(path: str) -> Device | Roofline:
    """The device that a YAML file states; raises `SpecError` with everything that is wrong."""
    name, text = os.path.splitext(os.path.basename(path))[0], read_text(path, "a file of a device", _LARGEST)
    return _stated(text, shown_path(path), name, os.path.dirname(os.path.abspath(path)))


def _stated(text: str, file: str, name: str, folder: str = _CALIBRATED) -> Device | Roofline:
    """The device of this name that the text of a file in a folder states."""
    tree, problems = parse_tree(text, file, _BEGINS)
    found = _Reader(problems, folder).device(name, tree)
    if found is None or problems:
        raise SpecError(problems)
    return found


class _Reader:
    """Reads devices from trees with positions; `problems` grows."""

    def __init__(self, problems: list[Problem], folder: str = _CALIBRATED) -> None:
        self.problems, self.folder = problems, folder

    def device(self, name: str, tree: Tree | None) -> Device | Roofline | None:
        """A device of either kind; None if something that it needs is missing."""
        if not isinstance(tree, MappingNode):
            if tree is not None:
                self.complain(tree, name, f"{_BEGINS}, got {tree.kind}")
            return None
        if "femtoseconds" not in tree.pairs:
            return self.roofline(name, tree)
        self.only(tree, name, _KEYS)
        table = tree.pairs
        coefficients = self.terms(table["femtoseconds"], f"{name}.femtoseconds")
        fitted = self.fitted(table, name, coefficients)
        error = self.errors(table, name)
        if not coefficients or error is None:
            return None
        threads = self.whole(table["threads"], f"{name}.threads", 1) if "threads" in table else None
        tied = tuple(tuple(self.texts(one, f"{name}.tied")) for one in self.items(table.get("tied"), f"{name}.tied"))
        return Device(
            name, coefficients, error, fitted, threads=threads, tied=tied,
            dtype=self.choice(table, "dtype", name, DTYPE_BITS), winograd=self.choice(table, "winograd", name, ("true", "false")) != "false", **self.words(table, name),
        )  # fmt: skip

    def roofline(self, name: str, tree: Tree) -> Roofline | None:
        """What a datasheet says; None if something is missing."""
        if not isinstance(tree, MappingNode):
            self.complain(tree, name, f"{_BEGINS}, got {tree.kind}")
            return None
        self.only(tree, name, _ROOFLINE_KEYS)
        table, missing = tree.pairs, False
        for key in ("macs_per_second", "bytes_per_second"):
            if key not in table:
                self.complain(tree, name, f"{key}: is missing; {_BEGINS}")
                missing = True
        if missing:
            return None
        macs = self.wholes(table["macs_per_second"], f"{name}.macs_per_second", 1)
        for dtype in macs:
            if dtype not in DTYPE_BITS:
                self.complain(
                    table["macs_per_second"], name, f"unknown dtype {dtype!r}{did_you_mean(dtype, DTYPE_BITS)}"
                )
        bandwidth = self.whole(table["bytes_per_second"], f"{name}.bytes_per_second", 1)
        overhead = self.number(table["overhead_us"], f"{name}.overhead_us") if "overhead_us" in table else Fraction(0)
        if not macs or not bandwidth:
            return None
        cache = self.whole(table["cache"], f"{name}.cache") if "cache" in table else 0
        return Roofline(
            name, macs, bandwidth, overhead=int((overhead or 0) * SECOND / 10**6), cache=cache or 0,
            **self.words(table, name),
        )  # fmt: skip

    def fitted(self, table: Mapping[str, Tree], name: str, takes: Mapping[str, int]) -> tuple[Fitted, ...]:
        """The networks that a device was fitted on, with their terms, which may stand in a file beside it and take time."""
        known = not self.problems
        shared = self.shared(table["terms_in"], f"{name}.terms_in") if "terms_in" in table else {}
        found = []
        for at, entry in enumerate(self.items(table.get("networks"), f"{name}.networks")):
            scope = f"{name}.networks[{at}]"
            one = self.table(entry, scope)
            if "network" not in one or "ms" not in one:
                self.complain(entry, scope, "network: and ms: are needed")
                continue
            network, ms = self.text(one["network"], scope), self.number(one["ms"], scope)
            guess = self.number(one["left_out_ms"], scope) if "left_out_ms" in one else None
            terms = self.terms(one["terms"], scope) if "terms" in one else shared.get(network)
            if not terms or not any(terms.values()):
                self.complain(entry, scope, f"terms: of {network} are missing, here and in what terms_in: names")
            elif ms is not None and not ms:
                self.complain(one["ms"], scope, "ms: must be above 0")
            elif known and not any(takes.get(term, 0) * count for term, count in terms.items()):
                self.complain(entry, scope, f"terms: of {network} ({', '.join(terms)}) take no time by femtoseconds:")
            elif ms is not None:
                found.append(Fitted(network, float(ms), terms, None if guess is None else float(guess)))
        return tuple(found)

    def shared(self, tree: Tree, scope: str) -> Mapping[str, Mapping[str, int]]:
        """Network -> its terms, of a file in the folder of this one."""
        path = os.path.join(self.folder, self.text(tree, scope))
        other, problems = parse_tree(read_text(path, "a file of terms", _LARGEST), shown_path(path))
        self.problems += problems
        return {name: self.terms(one, name) for name, one in self.table(other, scope).items()}

    def errors(self, table: Mapping[str, Tree], name: str) -> Errors | None:
        """How far off it is: never left out."""
        if "error" not in table:
            self.complain(table["femtoseconds"], name, "error: is missing: median, p90, worst and networks")
            return None
        pairs = dict(self.table(table["error"], f"{name}.error"))
        of = self.text(pairs.pop("of"), f"{name}.error.of") if "of" in pairs else "networks"
        groups = self.whole(pairs.pop("groups"), f"{name}.error.groups", 2) if "groups" in pairs else 0
        found = {key: self.number(one, f"{name}.error.{key}") for key, one in pairs.items()}
        if found.keys() != {*_ERROR_KEYS} or of not in ("networks", "layers"):
            self.complain(table["error"], f"{name}.error", "needs median, p90, worst and networks")
            return None
        if self.whole(pairs["networks"], f"{name}.error.networks", 1) is None or None in (groups, *found.values()):
            return None
        median, p90, worst, number = (float(found[key] or 0) for key in _ERROR_KEYS)
        return Errors(median, p90, worst, int(number), of, groups or 0)

    def choice(self, table: Mapping[str, Tree], key: str, name: str, known: Collection[str]) -> str:
        """One of some words; empty where the key is missing."""
        word = self.text(table[key], f"{name}.{key}") if key in table else ""
        if word and word not in known:
            self.complain(table[key], f"{name}.{key}", f"must be {' or '.join(known)}, got {word!r}")
        return word

    def words(self, table: Mapping[str, Tree], name: str) -> dict[str, str]:
        return {key: self.text(table[key], f"{name}.{key}") for key in _TEXTS if key in table}

    def table(self, tree: Tree | None, scope: str) -> Mapping[str, Tree]:
        if isinstance(tree, MappingNode):
            return tree.pairs
        if tree is not None:
            self.complain(tree, scope, f"must be a table, got {tree.kind}")
        return {}

    def items(self, tree: Tree | None, scope: str) -> tuple[Tree, ...]:
        if tree is None or isinstance(tree, SequenceNode):
            return tuple(tree.items) if tree else ()
        self.complain(tree, scope, f"must be a list, got {tree.kind}")
        return ()

    def texts(self, tree: Tree, scope: str) -> list[str]:
        return [self.text(one, scope) for one in self.items(tree, scope)]

    def text(self, tree: Tree, scope: str) -> str:
        if isinstance(tree, ScalarNode):
            return tree.text
        self.complain(tree, scope, f"must be a text, got {tree.kind}")
        return ""

    def number(self, tree: Tree, scope: str) -> Fraction | None:
        """A number that is not below 0, exactly as written; None, and a problem, for all else."""
        text = self.text(tree, scope)
        if _NUMBER.fullmatch(text) and (number := Fraction(text)) <= _MOST:
            return number
        self.complain(tree, scope, f"must be a number from 0 to 10^{len(str(_MOST)) - 1}, got {text[:_SHOWN]!r}")
        return None

    def whole(self, tree: Tree, scope: str, least: int = 0) -> int | None:
        """A whole number that is not below the least; None, and a problem, for all else."""
        number = self.number(tree, scope)
        if number is not None and (number.denominator > 1 or number < least):
            self.complain(
                tree, scope, f"must be a whole number, at least {least}, got {self.text(tree, scope)[:_SHOWN]!r}"
            )
            return None
        return None if number is None else int(number)

    def wholes(self, tree: Tree, scope: str, least: int = 0) -> dict[str, int]:
        """Names with whole numbers."""
        table = self.table(tree, scope)
        if isinstance(tree, MappingNode) and not table:
            self.complain(tree, scope, "is empty")
        found = {key: self.whole(one, f"{scope}.{key}", least) for key, one in table.items()}
        return {key: number for key, number in found.items() if number is not None}

    def terms(self, tree: Tree, scope: str) -> dict[str, int]:
        """Terms with whole numbers."""
        for term in self.table(tree, scope):
            if untyped(term) not in TERMS:
                self.complain(tree, scope, f"unknown term {term!r}{did_you_mean(term, TERMS)}")
        return self.wholes(tree, scope)

    def only(self, tree: MappingNode, scope: str, keys: tuple[str, ...]) -> None:
        for key in tree.pairs:
            if key not in keys:
                self.problems.append(Problem(tree.keys[key], scope, f"unknown key {key!r}{did_you_mean(key, keys)}"))

    def complain(self, tree: Tree, scope: str, what: str) -> None:
        self.problems.append(Problem(tree.where, scope, what))


_NUMBER: Final = re.compile(r"(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,2})?", re.ASCII)
_MOST: Final = 10**24
"""No device is faster, and no network has more of anything."""
_SHOWN: Final = 40
"""Characters of a number that a message quotes."""


def readable(device: Device) -> str:
    """A calibrated device as the YAML of its file; raises `UsageError` where `read_device` would refuse that."""
    text, why = "", f"their values are more than {MOST_VALUES:,}"
    if sum(2 * len(one.terms) for one in device.fitted) <= MOST_VALUES:
        text = written(device)
        why = _unreadable(text, device.name)
    if why:
        raise UsageError(f"{device.name}: no file can hold this device, so leave networks out: {why}")
    return text


def _unreadable(text: str, name: str) -> str:
    """Why the text of a device would be refused; empty if it would not."""
    if len(text.encode()) > _LARGEST:
        return f"they take more than {_LARGEST:,} bytes"
    try:
        _stated(text, "", name)
    except SpecError as error:
        first = error.problems[0]
        return f"{first.scope}{': ' if first.scope else ''}{first.what.partition(';')[0]}"
    return ""


def written(device: Device, terms_in: str = "") -> str:
    """A calibrated device as the YAML of its file; the terms of its networks are left to the file that `terms_in` names."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # writes the same, the first in a fifth of the time
    head = {key: value for key in _TEXTS[:2] if (value := getattr(device, key))}
    head |= {"threads": device.threads} if device.threads else {}
    head |= {"dtype": device.dtype} if device.dtype else {}
    head |= {} if device.winograd else {"winograd": False}
    head |= {key: value for key in _TEXTS[2:] if (value := getattr(device, key))}
    parts = [_block(head) if head else "", _block({"femtoseconds": _whole(device.coefficients)})]
    if device.tied:
        parts.append("tied:\n" + "".join(f"- [{', '.join(terms)}]\n" for terms in device.tied))
    usual = Errors._field_defaults
    error = {key: value for key, value in device.error._asdict().items() if value != usual.get(key)}
    shown = ", ".join(f"{key}: {_share(value) if isinstance(value, float) else value}" for key, value in error.items())
    parts.append(f"error: {{{shown}}}  # of {device.error.of} that were left out in turn{device.error.in_groups}\n")
    parts.append(f"terms_in: {terms_in}\n" if terms_in else "")
    entries = []
    for one in device.fitted:
        entry: dict[str, Any] = {"network": one.network, "ms": one.ms}
        entry |= {} if one.left_out_ms is None else {"left_out_ms": round(one.left_out_ms, 4)}
        entry |= {} if terms_in else {"terms": _whole(one.terms)}
        line = yaml.dump(entry, Dumper=dumper, default_flow_style=True, sort_keys=False, width=10**6)
        entries.append(f"- {line}")
    return "".join(parts) + "networks:\n" + "".join(entries)


def _share(value: float) -> str:
    """To four decimals, and in full where it has more digits than a number of a file may have."""
    return f"{value:.4f}" if value < _SHORT else str(value)


def _whole(numbers: Mapping[str, int]) -> dict[str, int | str]:
    """Whole numbers, those of more digits than a number of a file may have as texts, which the reader takes for numbers too."""
    return {key: number if number < _PLAIN else str(number) for key, number in numbers.items()}


_PLAIN: Final = 10**18
"""Below, a whole number has no more digits than a number of a file may have."""
_SHORT: Final = 10**14
"""The same of a number with four decimals."""


def _block(table: Mapping[str, Any]) -> str:
    import yaml

    return str(yaml.safe_dump(dict(table), sort_keys=False, allow_unicode=True, width=10**6))
