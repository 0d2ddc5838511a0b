"""Finding specs: the zoo that ships with convcost, by family or preset name, and files by path."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import NamedTuple

from convcost.core.errors import Problem, SpecError, UsageError, did_you_mean
from convcost.core.places import MODEL_FILE, zoo_directory
from convcost.core.reading import listed
from convcost.spec.parse import parse
from convcost.spec.syntax import Spec
from convcost.spec.tree import read_text, shown_path, texts


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
def _parsed(text: str, file: str, path: str) -> tuple[Spec, tuple[Problem, ...]]:
    spec, problems = parse(text, file)
    return spec._replace(path=path), tuple(problems)


def open_file(path: str, preset: str | None = None) -> FoundSpec:
    """Read a spec or a model file; raises `SpecError` if it is neither."""
    if MODEL_FILE.search(path):
        from convcost.spec.foreign import open_model

        return FoundSpec(open_model(path, shown_path(path)), preset, ())
    spec, problems = _parsed(read_text(path), shown_path(path), os.path.abspath(path))
    return FoundSpec(spec, preset, problems)


def is_path(model: str) -> bool:
    """Whether a name without knobs is the path of a file, with or without one of its presets.

    >>> is_path("resnet50"), is_path("nets/mine.yaml"), is_path("mine.yaml:small")
    (False, True, True)
    """
    return os.sep in model or bool(_OF_FILE.search(model) or MODEL_FILE.search(model))


_OF_FILE = re.compile(r"\.ya?ml(:[^:=/]+)?$")


def split_name(model: str) -> tuple[str, dict[str, str]]:
    """A network's name, and the knobs that follow it after a colon; raises `UsageError`.

    The name of an existing file, or one with the extension of specs, is a path, whatever characters it contains; a
    preset of the file may stand behind it.

    >>> split_name("mobilenet_v2:width=0.75,resolution=192")
    ('mobilenet_v2', {'width': '0.75', 'resolution': '192'})
    >>> split_name("runs:a=1/net.yaml"), split_name("runs:a=1/net.yaml:width=2")
    (('runs:a=1/net.yaml', {}), ('runs:a=1/net.yaml', {'width': '2'}))
    >>> split_name("ds_cnn.yaml:ds_cnn_m:c=64")
    ('ds_cnn.yaml:ds_cnn_m', {'c': '64'})
    """
    bare, colon, words = model.rpartition(":")
    whole = bool(_OF_FILE.search(model) or MODEL_FILE.search(model)) or (os.sep in model and "=" not in words)
    if not colon or whole or ("\0" not in model and os.path.isfile(model)):
        return model, {}
    own: dict[str, str] = {}
    for word in listed(words):
        knob, sign, value = (part.strip() for part in word.partition("="))
        if not (bare and knob and sign and value):
            example = f"{bare or 'mobilenet_v2'}:width=0.75,resolution=192"
            raise UsageError(f"{model!r}: after the colon stand knobs, as in {example}")
        if knob in own:
            raise UsageError(f"{model}: {knob} is set twice")
        own[knob] = value
    return bare, own


def find(model: str) -> FoundSpec:
    """A spec by zoo name, preset name or path, with or without a preset of the file behind it.

    >>> find("vgg16").spec.name, find("vgg16").preset
    ('vgg', 'vgg16')
    """
    if re.match(r"[a-z]+://", model):
        raise UsageError(f"{model}: networks are read from files; download it first")
    return _of_file(model) if is_path(model) or ("\0" not in model and os.path.isfile(model)) else named(model)


def named(model: str) -> FoundSpec:
    """A spec of the zoo by its name or a preset's, whatever files there are; raises `UsageError`."""
    folder = zoo_directory()
    if at := _place(model, folder):
        return open_file(*at)
    if what := _is_something_else(model):
        raise UsageError(what)
    hint = did_you_mean(re.split(r"[./:]+", model)[-1] or model, _known(folder))
    raise UsageError(
        f"there is no network {model!r} in the zoo{hint} ('convcost list' shows all; a file needs its path)"
    )


def _is_something_else(model: str) -> str:
    """What to say of a name that is no network, but a folder, or a file but for its ending; empty for any other."""
    if "\0" in model:
        return ""
    if os.path.isdir(model):
        return f"{model} is a folder; a network is a file in it, or a name that 'convcost list' shows"
    files = (f"{model}{suffix}" for suffix in (".yaml", ".yml", ".onnx", ".tflite", ".keras", ".pt2", ".param"))
    found = next(filter(os.path.isfile, files), None)
    return f"there is no network {model!r} in the zoo; the file is {found}" if found else ""


@lru_cache(maxsize=2)
def _known(_folder: str) -> tuple[str, ...]:
    """Every name of the zoo, for hints."""
    return tuple(names())


def _of_file(model: str) -> FoundSpec:
    """A spec by path, or by path and preset."""
    path, colon, preset = model.rpartition(":")
    if not colon or not _OF_FILE.search(path) or _OF_FILE.search(preset) or os.path.isfile(model):
        return open_file(model)
    found = open_file(path, preset)
    if preset not in found.spec.presets:
        hint = did_you_mean(preset, found.spec.presets) if found.spec.presets else ", and no other"
        raise UsageError(f"{found.spec.file} has no preset {preset!r}{hint}")
    return found


@lru_cache(maxsize=1024)
def _place(model: str, folder: str) -> tuple[str, str | None] | None:
    """The file of the zoo, in this folder, that has a network of this name, and the preset that it is of it."""
    specs = texts(folder)
    if model in specs:
        return os.path.join(folder, f"{model}.yaml"), None
    word = re.compile(rf"[\s{{,]{re.escape(model)}:")
    for name, text in specs.items():
        path = os.path.join(folder, f"{name}.yaml")
        # Reading all files is quick, parsing them is not: parse only one that has the word. Most do not even have its letters.
        if model and f"{model}:" in text and word.search(text) and model in open_file(path).spec.presets:
            return path, model
    return None


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
