"""Boards as data: what memory a microcontroller has. Those that convcost knows stand in boards.yaml; a file may state another."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, NamedTuple

from convcost.core.errors import Problem, SpecError, UsageError, did_you_mean
from convcost.core.patterns import plain
from convcost.core.reading import parse_bytes
from convcost.core.units import exact
from convcost.spec.tree import MappingNode, ScalarNode, SequenceNode, Tree, parse_tree, read_text, shown_path

_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "boards.yaml")
_KEYS: Final = (
    "title", "vendor", "chip", "core", "clock", "ram", "flash", "flash_is", "external_ram", "pointers", "accelerator",
    "code", "note", "sources",
)  # fmt: skip
"""What may be stated of a board; in boards.yaml `code` follows from the core."""
_REQUIRED = ("ram", "flash")
_BEGINS = "a board states at least ram: and flash:, as in ram: 256KiB"
_CORES: Final = (
    *(f"Cortex-M{name}" for name in ("0", "0+", "1", "3", "4", "7", "23", "33", "35P", "52", "55", "85")),
    "RISC-V (32 bits)", "RISC-V (RV64)", "Xtensa LX6", "Xtensa LX7",
)  # fmt: skip
"""How cores are written here; a file of one's own may name another, if it is no Cortex-M."""
_LARGEST = 2**20
"""Bytes of a file of boards."""


class Code(NamedTuple):
    """What a runtime's own code takes in flash."""

    bytes: int
    says: str
    """How it is known, in words."""
    source: str


@dataclass(frozen=True, slots=True)
class Board:
    """A board, and what memory its processor has."""

    name: str
    regions: Mapping[str, int] = field(hash=False)
    """SRAM that holds data: name -> bytes of a run of addresses without gaps; the largest first."""
    flash: int
    """Bytes."""
    title: str = ""
    vendor: str = ""
    chip: str = ""
    core: str = ""
    clock: int | None = None
    """MHz."""
    flash_external: bool = False
    """Whether the flash is a chip of its own on the board."""
    external_ram: int = 0
    """Bytes of PSRAM or SDRAM beside the chip, which no verdict counts."""
    pointers: int = 32
    """Bits of an address."""
    accelerator: str = ""
    note: str = ""
    sources: tuple[str, ...] = ()
    code: Mapping[str, Code] = field(default_factory=dict, hash=False)
    """Runtime -> what its code takes in flash."""

    @property
    def ram(self) -> int:
        """Bytes that an arena can have: it is one array, and lies in the largest region.

        >>> find("nucleo_h743zi").ram, find("nucleo_h743zi").ram_total
        (524288, 1015808)
        """
        return max(self.regions.values())

    @property
    def region(self) -> str:
        """The name of that region."""
        return max(self.regions, key=self.regions.__getitem__)

    @property
    def ram_total(self) -> int:
        """Bytes of SRAM in all regions."""
        return sum(self.regions.values())

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data."""
        return {
            "name": self.name,
            "title": self.title,
            "vendor": self.vendor,
            "chip": self.chip,
            "core": self.core,
            "clock_mhz": self.clock,
            "ram_bytes": self.ram,
            "ram_region": self.region,
            "ram_total_bytes": self.ram_total,
            "ram_regions": dict(self.regions),
            "flash_bytes": self.flash,
            "flash_external": self.flash_external,
            "external_ram_bytes": self.external_ram,
            "pointers": self.pointers,
            "accelerator": self.accelerator,
            "code": {runtime: code._asdict() for runtime, code in self.code.items()},
            "note": self.note,
            "sources": list(self.sources),
        }


def as_board(board: str | os.PathLike[str] | Board) -> Board:
    """A board by name, as a file, or as it is; raises as `find` does."""
    if isinstance(board, Board):
        return board
    if not isinstance(board, (str, os.PathLike)):
        raise UsageError(f"a board is a name, a file or a Board, got {type(board).__name__}")
    return find(os.fspath(board))


def find(name: str) -> Board:
    """The board of a name, or that of a YAML file; raises `UsageError`, and `SpecError` for what is wrong with a file.

    >>> find("arduino_nano_33_ble").ram, find("arduino_nano_33_ble").flash, find("sipeed_maixduino").pointers
    (262144, 1048576, 64)
    """
    if name.endswith((".yaml", ".yml")) or os.sep in name:
        return read_board(name)
    known = all_boards()
    meant = name.lower().replace("-", "_")
    if meant not in known:
        more = "`convcost boards` lists all; a file of your own states ram: and flash:"
        raise UsageError(f"there is no board {name!r}{_hint(meant, known) or '.'} {more}")
    return known[meant]


def _hint(name: str, known: Mapping[str, Board]) -> str:
    """The boards that contain the name, or whose chip begins so; else one of a like name."""
    bare = name.replace("_", "")
    found = [
        one.name
        for one in known.values()
        if bare and (bare in one.name.replace("_", "") or one.chip.lower().replace("-", "").startswith(bare))
    ]
    return f". Did you mean {' or '.join(found[:3])}?" if found else did_you_mean(name, known)


@lru_cache(maxsize=1)
def all_boards() -> dict[str, Board]:
    """Every board of boards.yaml, by name."""
    tree, problems = parse_tree(read_text(_FILE, "a file of boards", _LARGEST), "boards.yaml")
    assert isinstance(tree, MappingNode)
    reader = _Reader(problems)
    stated = reader.table(tree.pairs["boards"], "boards")
    boards = {name: reader.board(name, one) for name, one in stated.items()}
    codes = _codes(reader, tree.pairs["runtimes"])
    if problems:
        raise SpecError(problems)
    return {name: _with_code(board, codes) for name, board in boards.items() if board}


class _Measured(NamedTuple):
    """What a runtime's code takes on cores that begin so; it was measured on one of them."""

    cores: str
    on: str
    code: Code

    def of(self, core: str) -> Code:
        """For a core that may be none of those: then that is said, for the largest is taken."""
        if self.cores or core == self.on:
            return self.code
        return self.code._replace(says=f"not measured on {core or 'a core that nothing is said of'}; {self.code.says}")


_Codes = Mapping[str, Sequence[_Measured]]


def _codes(reader: _Reader, tree: Tree) -> _Codes:
    """Runtime -> for cores that begin so, what its code takes."""
    found: dict[str, list[_Measured]] = {}
    for runtime, entries in reader.table(tree, "runtimes").items():
        for entry in entries.items if isinstance(entries, SequenceNode) else ():
            table = reader.table(entry, f"runtimes.{runtime}")
            size = reader.size(table["flash"], f"runtimes.{runtime}.flash")
            words = (
                reader.text(table.get(key), f"runtimes.{runtime}.{key}")
                for key in ("cores", "measured_on", "says", "source")
            )
            cores, on, says, source = words
            found.setdefault(runtime, []).append(_Measured(cores, on, Code(size, says, source)))
    return found


def _with_code(board: Board, codes: _Codes) -> Board:
    """A board with the code of each runtime, as measured on a core like its own, unless it states another."""
    from dataclasses import replace

    known = {
        runtime: next(one.of(board.core) for one in entries if board.core.startswith(one.cores))
        for runtime, entries in codes.items()
    }
    return replace(board, code={**known, **board.code})


def list_boards() -> tuple[str, ...]:
    """The names of all boards, vendor by vendor.

    >>> list_boards()[0], len(list_boards()) >= 30
    ('nucleo_h743zi', True)
    """
    return tuple(all_boards())


def read_board(path: str) -> Board:
    """The board that a YAML file states by the keys of boards.yaml; raises `SpecError` with everything that is wrong.

    What a runtime's code takes follows from `core:` as for the boards that convcost knows, or is stated: `code: 60KiB`.
    """
    shown = shown_path(path)
    tree, problems = parse_tree(read_text(path, "a file of a board", _LARGEST), shown, _BEGINS)
    name = os.path.splitext(os.path.basename(path))[0]
    reader = _Reader(problems)
    board = reader.board(name, tree)
    if board is None or problems:
        raise SpecError(problems)
    own = parse_tree(read_text(_FILE, "a file of boards", _LARGEST), "boards.yaml")[0]
    assert isinstance(own, MappingNode)
    return _with_code(board, _codes(_Reader([]), own.pairs["runtimes"]))


class _Reader:
    """Reads boards from trees with positions; `problems` grows."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems

    def board(self, name: str, tree: Tree) -> Board | None:
        """A board; None if something that it needs is missing."""
        if not isinstance(tree, MappingNode):
            self.complain(tree, name, f"{_BEGINS}, got {tree.kind}")
            return None
        for key in tree.pairs:
            if key not in _KEYS:
                self.problems.append(Problem(tree.keys[key], name, f"unknown key {key!r}{did_you_mean(key, _KEYS)}"))
        for key in _REQUIRED:
            if key not in tree.pairs:
                self.complain(tree, name, f"{key}: is missing; {_BEGINS}")
        table = tree.pairs
        regions = self.regions(table["ram"], f"{name}.ram") if "ram" in table else {}
        flash = self.size(table["flash"], f"{name}.flash") if "flash" in table else 0
        if not regions or not flash:
            return None
        words = {key: self.text(table.get(key), f"{name}.{key}") for key in _TEXTS}
        words["core"] = self.core(words["core"], table, f"{name}.core")
        code = {"tflm": Code(self.size(table["code"], f"{name}.code"), "stated", name)} if "code" in table else {}
        return Board(
            name=name,
            regions=regions,
            flash=flash,
            clock=self.number(table.get("clock"), f"{name}.clock"),
            flash_external=self.choice(table.get("flash_is"), f"{name}.flash_is", ("internal", "external"))
            == "external",
            external_ram=self.size(table["external_ram"], f"{name}.external_ram") if "external_ram" in table else 0,
            pointers=int(self.choice(table.get("pointers"), f"{name}.pointers", ("32", "64")) or 32),
            sources=self.texts(table.get("sources"), f"{name}.sources"),
            code=code,
            **words,
        )

    def regions(self, tree: Tree, scope: str) -> dict[str, int]:
        """Regions of SRAM by name, the largest first; a size alone is one region."""
        if not isinstance(tree, MappingNode):
            size = self.size(tree, scope)
            return {"SRAM": size} if size else {}
        found = {name: self.size(part, f"{scope}.{name}") for name, part in tree.pairs.items()}
        if not found:
            self.complain(tree, scope, "has no region; one is written as in SRAM1: 128KiB")
        return {} if 0 in found.values() else dict(sorted(found.items(), key=lambda entry: -entry[1]))

    def size(self, tree: Tree, scope: str) -> int:
        """Bytes, more than none; 0 after a complaint."""
        try:
            value = tree.value if isinstance(tree, ScalarNode) else None
            size = parse_bytes(value) if isinstance(tree, ScalarNode) else 0
        except UsageError as error:
            self.complain(tree, scope, str(error))
            return 0
        if not isinstance(tree, ScalarNode) or value is None or size <= 0:
            self.complain(tree, scope, f"must be bytes, as in 256KiB or 1MiB, got {tree.kind}")
            return 0
        return size

    def number(self, tree: Tree | None, scope: str) -> int | None:
        """A clock in MHz, or None where none is stated."""
        if tree is None:
            return None
        if isinstance(tree, ScalarNode) and type(tree.value) is int and tree.value > 0:
            return tree.value
        self.complain(tree, scope, f"must be a whole number of MHz, as in 64, got {tree.kind}")
        return None

    def choice(self, tree: Tree | None, scope: str, among: Sequence[str]) -> str:
        """One of some words; empty where none is stated."""
        if tree is None:
            return ""
        if isinstance(tree, ScalarNode) and tree.text in among:
            return tree.text
        self.complain(tree, scope, f"must be {' or '.join(among)}, got {tree.kind}")
        return ""

    def core(self, said: str, table: Mapping[str, Tree], scope: str) -> str:
        """A core as it is written here: case, separators, Arm's name and the F of a floating-point unit are no matter.

        Whether it is known, decides what the runtime's code takes; one that is near a Cortex-M but none, is a mistake.
        """
        bare = plain(said).removeprefix("arm")
        known = {plain(name): name for name in _CORES}
        if found := known.get(bare) or (known.get(bare.removesuffix("f")) if bare.startswith("cortexm") else None):
            return found
        if bare.startswith("cortexm") and "code" not in table:
            cores = [name for name in _CORES if name.startswith("Cortex-M")]
            self.complain(
                table["core"], scope, f"there is no {said!r}{did_you_mean(said, cores)}; else state code: as well"
            )
        return said

    def texts(self, tree: Tree | None, scope: str) -> tuple[str, ...]:
        """Texts in a list, or one alone."""
        parts = tree.items if isinstance(tree, SequenceNode) else () if tree is None else (tree,)
        return tuple(self.text(part, scope) for part in parts)

    def text(self, tree: Tree | None, scope: str) -> str:
        """Text; empty where none is stated."""
        if tree is None:
            return ""
        if isinstance(tree, ScalarNode) and tree.value is not None:
            return tree.text
        self.complain(tree, scope, f"must be text, got {tree.kind}")
        return ""

    def table(self, tree: Tree, scope: str) -> dict[str, Tree]:
        """The pairs of a mapping."""
        if isinstance(tree, MappingNode):
            return tree.pairs
        self.complain(tree, scope, f"must be a mapping, got {tree.kind}")
        return {}

    def complain(self, tree: Tree, scope: str, what: str) -> None:
        self.problems.append(Problem(tree.where, scope, what))


_TEXTS = ("title", "vendor", "chip", "core", "accelerator", "note")


def said(board: Board) -> str:
    """A board in words: what it has, and where an arena can lie.

    >>> said(find("nucleo_f411re"))
    'nucleo_f411re: STM32F411RE, Cortex-M4 at 100 MHz, 131,072 bytes of SRAM, 524,288 bytes of flash'
    """
    clock = f" at {exact(board.clock)} MHz" if board.clock else ""
    core = f"{board.core}{clock}" if board.core else ""
    inside = f" of which {exact(board.ram)} in one piece ({board.region})" if len(board.regions) > 1 else ""
    parts = (
        board.chip,
        core,
        f"{exact(board.ram_total)} bytes of SRAM{inside}",
        f"{exact(board.flash)} bytes of flash{' beside the chip' if board.flash_external else ''}",
    )
    return f"{board.name}: {', '.join(filter(None, parts))}"
