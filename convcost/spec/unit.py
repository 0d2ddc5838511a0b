"""A file at hand: what the words in it mean, wherever in a network its layers are built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from convcost.ops import OPS
from convcost.spec import standard
from convcost.spec.parse import standard_spec
from convcost.spec.syntax import Block, Spec


class Word(str):
    """The name of a block, with the file that means one of its own by it: another file may be handed it as an argument."""

    __slots__ = ("unit",)
    unit: Unit


@dataclass(slots=True)
class Unit:
    """A spec with the values of its knobs. Its layers see its own knobs and blocks, and none of the spec that uses it."""

    spec: Spec
    knobs: Mapping[str, Any]
    read: set[str] = field(default_factory=set)
    """Names that an expression has asked for."""
    around: tuple[str, ...] = ()
    """The files that it is used in, outermost first, and its own."""
    standard: bool = False
    """Whether it is a block of the standard library: what goes wrong inside is told of the line that calls it."""

    def meant(self, word: str) -> str:
        """A word of this file as another file may be given it: it goes on naming a block of this one."""
        if word in OPS or (word not in self.spec.blocks and word not in standard.names()):
            return word
        found = Word(word)
        found.unit = self
        return found

    def block(self, name: str) -> tuple[Block, Unit] | None:
        """A block by name, with the unit that its layers belong to: one of this file, else one of the standard library."""
        unit = name.unit if isinstance(name, Word) else self
        if name in unit.spec.blocks:
            return unit.spec.blocks[name], unit
        spec = standard_spec(name)
        return (spec.blocks[name], Unit(spec, {}, around=unit.around, standard=True)) if spec else None

    def targets(self) -> list[str]:
        """Everything that can be built by name, for hints."""
        return [*OPS, *self.spec.blocks, *standard.names()]
