"""Budgets: which networks are checked, under what conditions, against which limits; of a file, or of arguments."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from convcost.conventions.catalog import all_conventions
from convcost.conventions.convention import PAPER
from convcost.core.dtypes import check_dtype
from convcost.core.errors import Problem, SpecError, UsageError, Where, did_you_mean
from convcost.core.limits import Limit
from convcost.devices.device import Device, Roofline
from convcost.devices.stored import find as find_device
from convcost.memory.policies import POLICIES
from convcost.networks.budgets.globs import is_glob, matching
from convcost.networks.inputs import GivenShape
from convcost.networks.load import Model
from convcost.networks.network import Network
from convcost.networks.revision import revised
from convcost.spec import limits as limits_of
from convcost.spec.reader import Reader, say_tree
from convcost.spec.tree import MappingNode, ScalarNode, SequenceNode, Tree, parse_tree, read_text, shown_path
from convcost.spec.zoo import is_path, split_name

FILES = ("convcost-budgets.yaml", "convcost-budgets.yml")
LOCK = "convcost-lock.yaml"
VERSION = 1
_TOP = ("convcost-budgets", "lock", "defaults", "networks")
_CONDITIONS = ("dtype", "batch", "input", "memory", "convention", "device", "baseline", "limits")
_ENTRY = ("model", "name", *_CONDITIONS)
_SIZES = re.compile(r"\d{1,9}([x×]\d{1,9}){0,8}", re.ASCII)
_OF_BUDGETS = re.compile(r"^[\"']?networks[\"']?\s*:", re.MULTILINE)
_OF_SPEC = re.compile(r"^[\"']?layers[\"']?\s*:", re.MULTILINE)


class Conditions(NamedTuple):
    """What a measurement depends on besides the network."""

    dtype: str | None = None
    """Of every element; None for what the network states."""
    batch: int = 1
    input: GivenShape | None = None
    memory: str = "fused"
    convention: str = PAPER
    device: Device | Roofline | None = None
    """What a limit on latency is of."""


_ANY = Conditions()


@dataclass(frozen=True, slots=True)
class Entry:
    """One network that is checked."""

    name: str
    """What it is called in results and in the lock file."""
    model: Model
    conditions: Conditions = _ANY
    limits: Mapping[str, Limit] = field(default_factory=dict, hash=False)
    """By name; they win over those that the network's own spec states."""
    defaults: Mapping[str, Limit] = field(default_factory=dict, hash=False)
    """Those that hold where neither says anything."""
    baseline: Model | None = None
    """The network with which growth is compared; None for the lock file's."""
    where: Where | None = None
    """Where a budgets file names it."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """Everything that is checked at once."""

    entries: tuple[Entry, ...]
    lock: str
    """Path of the lock file, which may not exist."""
    file: str | None = None
    """Path of the budgets file; None for budgets that were given as arguments."""


def find_file(start: str) -> str | None:
    """The budgets file of a folder, or of the nearest one above it."""
    folder = os.path.abspath(start)
    while True:
        for name in FILES:
            if os.path.isfile(path := os.path.join(folder, name)):
                return path
        if folder == (folder := os.path.dirname(folder)):
            return None


def is_budgets(path: str) -> bool:
    """Whether a file is one of budgets, not a spec: by its name, or by the keys at its top."""
    if os.path.basename(path) in FILES:
        return True
    if not path.endswith((".yaml", ".yml")) or not os.path.isfile(path):
        return False
    text = read_text(path)
    return bool(_OF_BUDGETS.search(text)) and not _OF_SPEC.search(text)


def budgets_of(models: Sequence[Model], lock: str | None = None) -> Budgets:
    """The budgets of files and networks, or of the nearest budgets file if there are none; raises `UsageError`, `SpecError`."""
    if not models:
        found = find_file(os.getcwd())
        if found is None:
            raise UsageError(
                f"there is no {FILES[0]} here or in a folder above; name a network and its limits, "
                "as in: convcost check net.yaml --max-macs 300M"
            )
        return read_budgets(found, lock)
    files = [m for m in models if isinstance(m, (str, os.PathLike)) and is_budgets(os.fspath(m))]
    if files and len(models) > 1:
        raise UsageError(f"{os.fspath(files[0])} is a file of budgets: give it alone")
    if files:
        return read_budgets(os.fspath(files[0]), lock)
    path = lock or LOCK
    entries = [entry for model in models for entry in _given(model, path)]
    return Budgets(unlike(entries), path)


def left_aside(models: Sequence[Model]) -> str:
    """What to say where networks were named that the nearest budgets file lists, whose conditions and limits do not count
    then; empty if there is nothing to say.
    """
    named = [os.fspath(model) for model in models if isinstance(model, (str, os.PathLike))]
    path = find_file(os.getcwd())
    if path is None or any(map(is_budgets, named)):
        return ""
    try:
        listed = {_place(str(entry.model)) for entry in read_budgets(path).entries}
        known = [name for name in named if _place(name) in listed]
    except (SpecError, UsageError):  # of a file that is not used, or of a name that the check itself will refuse
        return ""
    if not known:
        return ""
    were = f"{', '.join(known)} {'was' if len(known) == 1 else 'were'} named"
    return f"{shown_path(path)} is not used: {were}; run `convcost check` to use it"


def _place(model: str) -> str:
    """A path from wherever one looks; another name as it is."""
    bare = split_name(model)[0]
    return os.path.abspath(bare) + model[len(bare) :] if is_path(bare) or os.path.isfile(bare) else model


def _given(model: Model, lock: str) -> Iterator[Entry]:
    if isinstance(model, Network):
        yield Entry(model.label, model)
        return
    if not isinstance(model, (str, os.PathLike)):
        raise UsageError(f"a network is a name, a path or a Network, got {type(model).__name__}")
    yield from expanded(Entry(os.fspath(model), os.fspath(model)), "", (lock,))


def unlike(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The entries, whose names have to differ; raises `UsageError`, `SpecError`."""
    seen: set[str] = set()
    for entry in entries:
        if entry.name in seen:
            what = f"{entry.name} stands twice; tell them apart by a name: of its own"
            if entry.where is None:
                raise UsageError(what)
            raise SpecError([Problem(entry.where, "networks", what)])
        seen.add(entry.name)
    return tuple(entries)


def expanded(entry: Entry, folder: str, excluded: Sequence[str]) -> Iterator[Entry]:
    """The entries of a name, a path or a glob, all relative to a folder; excluded files match no glob."""
    text = str(entry.model)
    bare, knobs = split_name(text)
    rest = text[len(bare) :] if knobs else ""
    if is_glob(bare, folder):
        skipped = {os.path.abspath(path) for path in excluded}
        found = [(name, path) for name, path in matching(bare, folder) if os.path.abspath(path) not in skipped]
        if not found:
            what = f"no file matches {bare!r}"
            raise SpecError([Problem(entry.where, "networks", what)]) if entry.where else UsageError(what)
        for name, path in found:
            yield replace(entry, name=name + rest, model=path + rest)
        return
    at = os.path.join(folder, bare)
    if is_path(bare) or os.path.isfile(at):
        entry = replace(entry, model=at + rest)
    yield entry


def read_budgets(path: str, lock: str | None = None) -> Budgets:
    """A budgets file; raises `SpecError` with everything that is wrong with it."""
    shown = shown_path(path)
    tree, problems = parse_tree(read_text(path, "a budgets file"), shown, "budgets begin with networks:")
    reader = _Budgets(Reader(shown, problems), os.path.dirname(path))
    found = reader.budgets(tree, path, lock)
    if problems:
        raise SpecError(problems)
    return found


class _Budgets:
    """Reads the keys of a budgets file; relative paths start from its folder."""

    def __init__(self, reader: Reader, folder: str) -> None:
        self.reader = reader
        self.folder = folder

    def budgets(self, tree: Tree, path: str, lock: str | None) -> Budgets:
        top = self.table(tree, "", _TOP, required=("networks",))
        if top is None or "networks" not in top.pairs:
            raise SpecError(self.reader.problems)
        version = top.pairs.get("convcost-budgets")
        if version is not None and not (isinstance(version, ScalarNode) and version.text == str(VERSION)):
            self.complain(version, "convcost-budgets", f"this version reads budgets {VERSION}, got {say_tree(version)}")
        said = self.text(top, "lock") or LOCK
        lock = lock or os.path.join(self.folder, said)
        table = self.table(top.pairs.get("defaults"), "defaults", _CONDITIONS)
        defaults = self.entry("", table, "defaults", Entry("", "")) if table else Entry("", "")
        listed = top.pairs["networks"]
        if not isinstance(listed, SequenceNode) or not listed.items:
            need = "must be a list of networks, each as in - model: mobilenet_v2"
            self.complain(listed, "networks", f"{need}, got {say_tree(listed)}")
            return Budgets((), lock, path)
        stated = [entry for item in listed.items if (entry := self.network(item, defaults))]
        if self.reader.problems:
            return Budgets((), lock, path)
        entries = [one for entry in stated for one in expanded(entry, self.folder, (path, lock))]
        return Budgets(unlike(entries), lock, path)

    def table(
        self, tree: Tree | None, scope: str, known: Sequence[str], required: Sequence[str] = ()
    ) -> MappingNode | None:
        """A mapping with known keys only."""
        table = self.reader.mapping(tree, scope, required=required)
        for key in table.pairs if table else ():
            if key not in known and table is not None:
                self.reader.complain(table.keys[key], scope, f"unknown key {key!r}{did_you_mean(key, known)}")
        return table

    def network(self, tree: Tree, defaults: Entry) -> Entry | None:
        """An entry of the list; a name or a path alone is one too."""
        if isinstance(tree, ScalarNode) and isinstance(tree.value, str):
            return replace(defaults, name=tree.text, model=tree.text, where=tree.where)
        table = self.table(tree, "networks", _ENTRY, required=("model",))
        model = self.text(table, "model") if table else None
        if table is None or model is None:
            return None
        scope = f"networks.{model}"
        entry = self.entry(model, table, scope, replace(defaults, name=model, where=table.keys["model"]))
        name = self.text(table, "name")
        if name and is_glob(split_name(model)[0], self.folder):
            self.complain(
                table.pairs["name"], scope, "several networks cannot have one name: leave it out beside a glob"
            )
        return replace(entry, name=name or model)

    def entry(self, model: str, table: MappingNode, scope: str, base: Entry) -> Entry:
        """What stands beside a network, or in the defaults."""
        stated = limits_of.of_network(self.reader, table.pairs.get("limits"), f"{scope}.limits")
        conditions = base.conditions._replace(**self.conditions(table, scope))
        baseline = self.text(table, "baseline")
        is_revision = baseline is None or baseline.endswith(":") or revised(baseline) is not None
        if baseline is not None and not is_revision and is_path(split_name(baseline)[0]):
            baseline = os.path.join(self.folder, baseline)  # which an absolute path is not changed by
        entry = replace(base, model=model, conditions=conditions, baseline=baseline or base.baseline)
        return replace(entry, defaults=stated) if scope == "defaults" else replace(entry, limits=stated)

    def conditions(self, table: MappingNode, scope: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if (dtype := self.text(table, "dtype")) is not None:
            try:
                found["dtype"] = check_dtype(dtype)
            except UsageError as error:
                self.complain(table.pairs["dtype"], scope, str(error))
        for key, known in (("memory", POLICIES), ("convention", all_conventions())):
            if (word := self.text(table, key)) is not None:
                found[key] = word
                if word not in known:
                    self.complain(table.pairs[key], scope, f"there is no {key} {word!r}{did_you_mean(word, known)}")
        if (batch := table.pairs.get("batch")) is not None:
            if isinstance(batch, ScalarNode) and type(batch.value) is int and batch.value > 0:
                found["batch"] = batch.value
            else:
                self.complain(batch, f"{scope}.batch", f"must be a number of images, got {say_tree(batch)}")
        if (stated := table.pairs.get("input")) is not None:
            found["input"] = self.input(stated, f"{scope}.input")
        if device := self.device(table, scope):
            found["device"] = device
        return found

    def device(self, table: MappingNode, scope: str) -> Device | Roofline | None:
        """What latencies are of, by its name or as a file."""
        name = self.text(table, "device")
        if name is None:
            return None
        try:
            return find_device(os.path.join(self.folder, name) if is_path(name) else name)
        except UsageError as error:
            self.complain(table.pairs["device"], f"{scope}.device", str(error))
            return None

    def input(self, tree: Tree, scope: str) -> GivenShape | None:
        """A size, 224x224x3, a list of sizes, or any of these by the name of an input."""
        if isinstance(tree, MappingNode):
            shapes = {name: self.input(part, f"{scope}.{name}") for name, part in tree.pairs.items()}
            return {name: shape for name, shape in shapes.items() if isinstance(shape, (int, tuple))}
        parts = tree.items if isinstance(tree, SequenceNode) else (tree,)
        sizes = [part.value for part in parts if isinstance(part, ScalarNode) and type(part.value) is int]
        if sizes and len(sizes) == len(parts):
            return tuple(sizes) if isinstance(tree, SequenceNode) else sizes[0]
        if isinstance(tree, ScalarNode) and _SIZES.fullmatch(tree.text):
            return tuple(map(int, re.split("[x×]", tree.text)))
        self.complain(tree, scope, f"must be 224, 224x224x3 or [224, 224, 3], got {say_tree(tree)}")
        return None

    def text(self, table: MappingNode, key: str) -> str | None:
        tree = table.pairs.get(key)
        if tree is None:
            return None
        if isinstance(tree, ScalarNode) and isinstance(tree.value, str) and tree.value:
            return tree.value
        self.complain(tree, key, f"must be text, got {say_tree(tree)}")
        return None

    def complain(self, tree: Tree, scope: str, what: str) -> None:
        self.reader.complain(tree.where, scope, what)
