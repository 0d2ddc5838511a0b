"""Finding specs: the zoo that ships with convcost, by family or preset name, and files by path."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import NamedTuple

from convcost.core.errors import Problem, SpecError, UsageError, did_you_mean
from convcost.core.places import zoo_directory
from convcost.spec.parse import parse
from convcost.spec.syntax import Spec
from convcost.spec.tree import read_text, shown_path


class FoundSpec(NamedTuple):
    """A spec, and the preset of it that was asked for."""

    spec: Spec
    preset: str | None
    problems: tuple[Problem, ...]
    """What is wrong with the file."""


def files() -> list[str]:
    """Every spec of the zoo, in alphabetical order."""
    folder = zoo_directory()
    return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".yaml"))


@lru_cache(maxsize=256)
def _parsed(text: str, file: str) -> tuple[Spec, tuple[Problem, ...]]:
    spec, problems = parse(text, file)
    return spec, tuple(problems)


def open_file(path: str, preset: str | None = None) -> FoundSpec:
    """Read a spec file; raises `SpecError` if it is no spec at all."""
    spec, problems = _parsed(read_text(path), shown_path(path))
    return FoundSpec(spec, preset, problems)


def find(model: str) -> FoundSpec:
    """A spec by zoo name, preset name or path.

    >>> find("vgg16").spec.name, find("vgg16").preset
    ('vgg', 'vgg16')
    """
    if os.sep in model or model.endswith((".yaml", ".yml")) or ("\0" not in model and os.path.isfile(model)):
        return open_file(model)
    for path in files():
        if os.path.basename(path) == f"{model}.yaml":
            return open_file(path)
    for path in files():
        # Reading all files is quick, parsing them is not: parse only one that has the word.
        if model and f"{model}:" in read_text(path) and model in (found := open_file(path, model)).spec.presets:
            return found
    hint = did_you_mean(model, names())
    raise UsageError(
        f"there is no network {model!r} in the zoo{hint} ('convcost list' shows all; a file needs its path)"
    )


def names() -> list[str]:
    """Every name that `find` knows: families and presets, family by family."""
    return [name for path in files() for name in names_of(open_file(path).spec)]


def names_of(spec: Spec) -> list[str]:
    """The names of one family: its own, unless a preset is the same network, and its presets."""
    defaults = {name: knob.default for name, knob in spec.knobs.items()}
    covered = spec.name in spec.presets or any({**defaults, **p} == defaults for p in spec.presets.values())
    return [*([] if covered else [spec.name]), *spec.presets]


def all_specs() -> list[Spec]:
    """Every family of the zoo; raises `SpecError` if one of the files is wrong."""
    found = [open_file(path) for path in files()]
    if problems := [problem for one in found for problem in one.problems]:
        raise SpecError(problems)
    return [one.spec for one in found]
