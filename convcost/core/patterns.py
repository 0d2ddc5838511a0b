"""Names as people type them: globs, in any case and with or without separators; a bare word also inside a name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

_SEPARATORS = re.compile(r"(\[[^\]]*\]?)|[\s_.-]+")
"""In the brackets of a glob, - makes a range; one that is not closed goes on to the end."""
_GLOB = frozenset("*?[")
Item = TypeVar("Item")


def plain(name: str) -> str:
    """A name or a glob without case and separators, by which its spellings are one.

    >>> plain("MobileNet_V2"), plain("mobilenet-v[1-2]")
    ('mobilenetv2', 'mobilenetv[1-2]')
    """
    return _SEPARATORS.sub(lambda found: found[1] or "", name.lower())


def containing(word: str, names: Iterable[str]) -> list[str]:
    """The names that contain a word, however it is spelled; those that begin with it first.

    >>> containing("resnet-5", ["seresnet50", "resnet50", "resnet101"])
    ['resnet50', 'seresnet50']
    """
    asked = plain(word)
    found = [name for name in names if asked and asked in plain(name)]
    return sorted(found, key=lambda name: not plain(name).startswith(asked))


def fitting(pattern: str, items: Iterable[Item], words: Callable[[Item], Iterable[str]]) -> list[Item]:
    """The items one of whose words fits a glob; if none does, for a pattern that is a bare word, those that contain it.

    >>> every = ["resnet", "resnet_v2", "EfficientNet", "EfficientNetV2"]
    >>> fitting("ResNet", every, lambda name: [name])
    ['resnet']
    >>> fitting("efficient", every, lambda name: [name]), fitting("*v2", every, lambda name: [name])
    (['EfficientNet', 'EfficientNetV2'], ['resnet_v2', 'EfficientNetV2'])
    """
    all_items: Sequence[Item] = list(items)
    asked = plain(pattern)
    spelled = [{plain(word) for word in words(item) if word} for item in all_items]
    found = [item for item, spellings in zip(all_items, spelled) if any(fnmatchcase(word, asked) for word in spellings)]
    if found or not asked or not _GLOB.isdisjoint(pattern):
        return found
    return [item for item, spellings in zip(all_items, spelled) if any(asked in word for word in spellings)]
