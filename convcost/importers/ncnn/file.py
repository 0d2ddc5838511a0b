"""The text of a `.param` file as a `Model`: a number that says what it is, two counts, and a line for each layer.

The weights stand in a `.bin` file beside it, which is not read: the `.param` says how many each layer has. Blobs have no batch
in ncnn; here they have one of size 1 before their other axes, in the order channels, depth, height, width, of which the file
writes the reverse.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import IO, Any, Final

from convcost.core.errors import Problem, SpecError, Unfit, one_line
from convcost.core.units import counted
from convcost.importers.model import Body, Model, Op, Size, Stated, Stored
from convcost.importers.names import free
from convcost.importers.ncnn.given import BLOBS, KEPT, parameters, whole, wholes
from convcost.importers.ncnn.weights import TAKES, Kept, kept

MAGIC: Final = 7767517
"""What the first line of a file says."""
MOST_BYTES: Final = 16 << 20
LONGEST_LINE: Final = 1 << 20
MOST_LAYERS: Final = 100_000
MOST_BLOBS: Final = 1_000
"""Of a layer."""
HINT: Final = 30
"""The parameter in which a converter has written the shapes of what a layer makes: four numbers for each."""
BY_DATA: Final = ("DetectionOutput", "YoloDetectionOutput", "Yolov3DetectionOutput", "Proposal", "PSROIPooling")
"""Layers that make as much as they find, so that a hint of its shape is one of some image."""
_PASSING: Final = ("Split", "Padding", "Noop")
_LONGEST_NAME: Final = 200


class Malformed(Exception):
    """Raised where a file is not what the format asks for."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A line of the file."""

    at: str
    """Its place in messages: the number of its line, its type and its name."""
    type: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: dict[str, Any]


def read(path: str) -> Model:
    """The model that a `.param` file describes; raises `SpecError` if it is none."""
    with open(path, "rb") as opened:
        return parse(opened, path)


def parse(opened: IO[bytes], path: str) -> Model:
    """The model that an open file describes; raises `SpecError` that names the file."""
    try:
        found, is_longer = layers(opened)
        model = _model(found, path)
    except Malformed as error:
        what = f"not a whole .param file of ncnn: {error}; convert or download it again"
        raise SpecError([Problem(None, path, one_line(what))]) from None
    longer = f"lines follow behind the {counted(len(found), 'layer')} that the file says: not read, as ncnn does not"
    return replace(model, notes=(*model.notes, longer)) if is_longer else model


# -- lines -------------------------------------------------------------------------------------------------------------


def _lines(opened: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
    """The words of each line that has some, with its number."""
    size = os.fstat(opened.fileno()).st_size if hasattr(opened, "name") else 0
    if size > MOST_BYTES:
        raise Malformed(f"it has {size:,} bytes, and a text of layers has at most {MOST_BYTES:,}")
    number = 0
    while line := opened.readline(LONGEST_LINE + 1):
        number += 1
        if number == 1 and line.startswith(MAGIC.to_bytes(4, "little")):
            raise Malformed(
                "it is a binary one (.param.bin), which has no names; give the .param file that it was made of"
            )
        if len(line) > LONGEST_LINE:
            raise Malformed(f"line {number} has more than {LONGEST_LINE:,} bytes")
        try:
            text = line.decode()
        except UnicodeDecodeError:
            raise Malformed(f"line {number} is no text") from None
        if not text.strip().replace("\t", " ").isprintable():
            raise Malformed(f"line {number} is no text")
        if words := text.split():
            yield number, words


def layers(opened: IO[bytes]) -> tuple[list[Layer], bool]:
    """The layers of a file, as many as it says, and whether more lines follow; raises `Malformed`."""
    lines = _lines(opened)
    number, words = next(lines, (1, []))
    if words != [str(MAGIC)]:
        raise Malformed(f"line {number} must be {MAGIC}, got {' '.join(words)[:40]!r}")
    number, words = next(lines, (number + 1, []))
    if len(words) != 2 or not all(word.isdecimal() and len(word) < 10 for word in words):
        raise Malformed(f"line {number} must say how many layers and blobs there are, got {' '.join(words)[:40]!r}")
    many, blobs = map(int, words)
    if not 1 <= many <= MOST_LAYERS:
        raise Malformed(f"line {number} says {many:,} layers, and there may be 1 to {MOST_LAYERS:,}")
    found = [_layer(number, words) for number, words in islice(lines, many)]
    if len(found) < many:
        raise Malformed(f"line 2 says {counted(many, 'layer')}, and there are {len(found):,}")
    made = sum(len(layer.outputs) for layer in found)
    if made > blobs:
        raise Malformed(f"line 2 says {counted(blobs, 'blob')}, and its layers make {made:,}")
    return found, next(lines, None) is not None


def _layer(number: int, words: list[str]) -> Layer:
    at = " ".join([f"line {number}:", *(word[:_LONGEST_NAME] for word in words[:2])])
    counts = words[2:4]
    if len(counts) < 2 or not all(word.isdecimal() and len(word) < 10 for word in counts):
        raise Malformed(f"{at}: needs a type, a name, and how many blobs it reads and makes")
    reads, makes = map(int, counts)
    if max(reads, makes) > MOST_BLOBS:
        raise Malformed(f"{at}: reads {reads:,} blobs and makes {makes:,}; a layer may have {MOST_BLOBS:,}")
    names = words[4 : 4 + reads + makes]
    if len(names) < reads + makes or (lost := [name for name in names if "=" in name and _is_parameter(name)]):
        got = len(names) if len(names) < reads + makes else len(names) - len(lost)
        raise Malformed(f"{at}: says that it reads {reads} and makes {makes} blobs, and names {got}")
    if long := [name for name in names if len(name) > _LONGEST_NAME]:
        raise Malformed(f"{at}: names a blob {long[0][:40]!r}… of {len(long[0])} letters")
    try:
        attrs = parameters(words[4 + reads + makes :])
    except Unfit as error:
        raise Malformed(f"{at}: {error}") from None
    return Layer(at, words[0], words[1][:_LONGEST_NAME], tuple(names[:reads]), tuple(names[reads:]), attrs)


def _is_parameter(word: str) -> bool:
    key = word.partition("=")[0]
    return key.lstrip("-").isdecimal()


# -- the model ---------------------------------------------------------------------------------------------------------


def _model(found: list[Layer], path: str) -> Model:
    _check_order(found)
    stated, notes = _stated(found)
    tensors: dict[str, Stored] = {}
    ops = []
    names = Counter(name for layer in found for name in layer.outputs)
    for layer in found:
        if layer.type == "Input":
            continue
        if layer.type == "MemoryData":
            tensors |= _data(layer)
            continue
        parts = _kept(layer)
        stored = [Stored(free(f"{layer.name}.{one.name}", names, "{}#{}"), one.shape, one.dtype) for one in parts]
        tensors |= {one.name: one for one in stored}
        attrs = {**layer.attrs, BLOBS: len(layer.inputs), KEPT: tuple(one.name for one in parts)}
        reads = (*layer.inputs, *(one.name for one in stored))
        ops.append(Op(layer.type, layer.name, reads, layer.outputs, attrs))
    inputs = {name: stated[name] for layer in found if layer.type == "Input" for name in layer.outputs}
    if not inputs:
        raise Malformed("it has no layer Input")
    return Model(
        format="ncnn",
        file=path,
        name=os.path.basename(path).removesuffix(".param"),
        producer=f"ncnn, {counted(len(found), 'layer')}",
        body=Body(inputs, _outputs(found), tuple(ops), tensors, stated),
        notes=tuple(notes),
    )


def _check_order(found: Sequence[Layer]) -> None:
    """That each blob is there before it is read, and is made once."""
    made: set[str] = set()
    for layer in found:
        if lost := [name for name in layer.inputs if name not in made]:
            raise Malformed(f"{layer.at}: nothing before it makes its input {lost[0]!r}")
        twice = [name for name, count in Counter(layer.outputs).items() if count > 1 or name in made]
        if twice:
            raise Malformed(f"{layer.at}: its output {twice[0]!r} is already there")
        made.update(layer.outputs)


def _outputs(found: Sequence[Layer]) -> tuple[str, ...]:
    """What no layer reads; of a layer that does nothing but end several branches, these."""
    read = {name for layer in found for name in layer.inputs}
    ends: dict[str, None] = {}
    for layer in found:
        idle = [name for name in layer.outputs if name not in read]
        if layer.type == "Noop" and idle:
            ends |= dict.fromkeys(layer.inputs)
        else:
            ends |= dict.fromkeys(idle)
    return tuple(ends)


def _kept(layer: Layer) -> list[Kept]:
    """What a layer stores beside the file."""
    try:
        return kept(layer.type, layer.attrs)
    except Unfit as error:
        raise Malformed(f"{layer.at}: {error}") from None


def _data(layer: Layer) -> dict[str, Stored]:
    """The blob that is stored as it is."""
    if len(layer.outputs) != 1:
        raise Malformed(f"{layer.at}: makes {len(layer.outputs)} blobs of one that is stored")
    if not (shape := _own(layer)):
        raise Malformed(f"{layer.at}: does not say how much it stores")
    return {name: Stored(name, shape, "fp32") for name in layer.outputs}


# -- what it says of shapes --------------------------------------------------------------------------------------------


def _sizes(attrs: dict[str, Any]) -> tuple[int, ...]:
    """The shape of an input or of stored data, a batch of 1 before it; empty if the file does not say it.

    >>> _sizes({"0": 224, "1": 160, "2": 3}), _sizes({"0": 768, "1": 145}), _sizes({"0": 768})
    ((1, 3, 160, 224), (1, 145, 768), (1, 768))
    """
    width, height, channels, depth = (whole(attrs, number, 0) for number in (0, 1, 2, 11))
    if min(width, height, channels, depth) < 0:
        raise Unfit(f"states a size of {min(width, height, channels, depth)}")
    inner = [depth] if depth else []
    plane = [size for size in (height, width) if size]
    found = [channels, *inner, height, width] if channels else plane
    return (1, *found) if found and 0 not in found else ()


def _hints(layer: Layer) -> list[tuple[int, ...]]:
    """The shapes that the converter has written down for what a layer makes, a batch of 1 before each; none if it has not."""
    found = wholes(layer.attrs, HINT)
    if found is None:
        return []
    if len(found) != 4 * len(layer.outputs):
        raise Unfit(f"hints at shapes by {len(found)} numbers, where {4 * len(layer.outputs)} are needed")
    hints = []
    for at in range(0, len(found), 4):
        axes, *sizes = found[at : at + 4]
        hints.append((1, *reversed(sizes[:axes])) if 1 <= axes <= 3 and min(sizes[:axes]) > 0 else ())
    return hints


def _stated(found: Sequence[Layer]) -> tuple[dict[str, Stated], list[str]]:
    """What the file states about blobs, and what people should know of it.

    Hints are those of the size at which the file was written, so that they go where its inputs have another one now, or none.
    """
    hints: dict[str, tuple[int, ...]] = {}
    for layer in found:
        try:
            hints |= zip(layer.outputs, _hints(layer))
        except Unfit as error:
            raise Malformed(f"{layer.at}: {error}") from None
    inputs: dict[str, Stated] = {}
    notes, stale, takers = [], False, _takers(found)
    for layer in found:
        if layer.type != "Input":
            continue
        for name in layer.outputs:
            sizes, hint = _own(layer), hints.get(name, ())
            if sizes and hint and sizes != hint:
                notes.append(
                    f"the input {name} is of another size than its shape hint: the hints of the file are not used"
                )
            stale = stale or (bool(hint) and sizes not in ((), hint)) or not (sizes or hint)
            inputs[name] = Stated(sizes or hint or _open(found[takers[name]] if name in takers else None), "fp32")
    if stale:
        hints = {}
    stated: dict[str, Stated] = {}
    for layer in found:
        dtype = stated[layer.inputs[0]].dtype if layer.type == "Split" and layer.inputs else _made(layer)
        for name in layer.outputs:
            shape = None if layer.type in BY_DATA else hints.get(name) or None
            stated[name] = inputs.get(name) or Stated(shape, dtype)
    return stated, notes


def _own(layer: Layer) -> tuple[int, ...]:
    try:
        return _sizes(layer.attrs)
    except Unfit as error:
        raise Malformed(f"{layer.at}: {error}") from None


def _made(layer: Layer) -> str:
    """The type of what a layer makes: a convolution of integers hands on integers if the file has a scale for them."""
    is_conv = layer.type in ("Convolution", "ConvolutionDepthWise")
    requantised = is_conv and isinstance(scales := layer.attrs.get("8", 0), int) and scales > 100
    return "int8" if requantised else ""


def _takers(found: Sequence[Layer]) -> dict[str, int]:
    """Of each blob the first layer that takes a shape of its own, by its place, whatever hands the blob on between them."""
    takers: dict[str, int] = {}
    for at, layer in reversed([*enumerate(found)]):
        if layer.type in _PASSING:
            ends = [takers[name] for name in layer.outputs if name in takers]
        else:
            ends = [at] if layer.type in TAKES else []
        if ends:
            takers |= {name: min(*ends, takers.get(name, len(found))) for name in layer.inputs}
    return takers


def _open(taker: Layer | None) -> tuple[Size, ...]:
    """The shape of an input of which the file says nothing, from the first layer that takes one of its own; else a map."""
    if taker is not None:
        with suppress(Unfit, ZeroDivisionError):
            return (1, *TAKES[taker.type](taker.attrs))
    return (1, None, None, None)
