"""Which published figures are asked for: those of some families and presets, and of one source."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from convcost.core.errors import UsageError, did_you_mean, is_one_of
from convcost.core.reading import each
from convcost.published.data import sources
from convcost.spec.zoo import find


class OfNetwork(Protocol):
    """A figure of a network, with its source."""

    @property
    def source(self) -> str:
        """A key of sources.yaml, or what a table of one's own says."""

    @property
    def model(self) -> str:
        """A name in the zoo or a path; empty where the zoo does not have the network."""


class Chosen:
    """The figures that are asked for; all of them where nothing is said. Raises `UsageError` for what is not in the zoo."""

    def __init__(self, models: str | Sequence[str] = (), source: str | None = None) -> None:
        self.source = source
        self.asked = [_Asked(model) for model in map(str, each(models))]

    def has(self, one: OfNetwork) -> bool:
        """Whether a figure is among them."""
        if self.source is not None and one.source != self.source:
            return False
        return not self.asked or (one.model != "" and any(each.wants(one.model) for each in self.asked))


class _Asked:
    """A family, by its own name, or one of its presets."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.family = family_of(model)
        self.whole = find(model).spec.name == model

    def wants(self, model: str) -> bool:
        return model == self.model or (self.whole and family_of(model) == self.family)


@lru_cache(maxsize=4096)
def family_of(model: str) -> str:
    """What is the same for all networks of a family: the file of its spec."""
    return find(model).spec.file


def known_source(source: str | None) -> None:
    """Raise `UsageError` for a source that is not in sources.yaml."""
    if source is not None and not is_one_of(source, sources()):
        raise UsageError(f"there is no source {source!r}{did_you_mean(source, sources(), listed_by='convcost verify')}")
