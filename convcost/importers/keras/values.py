"""Values of a Keras configuration as plain Python: tensors become places, markers what they stand for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

from convcost.core.dims import LARGEST
from convcost.core.dtypes import ALIASES, DTYPE_BITS
from convcost.core.errors import Problem, SpecError, Unfit
from convcost.core.units import say
from convcost.importers.model import Size

DEEPEST = 64
"""Nested lists and mappings of one value."""
MOST_AXES = 32
_UNREAD = ("_initializer", "_regularizer", "_constraint")
"""Ends of the names of settings that say how weights are trained; no cost depends on them."""

Fail: TypeAlias = Callable[[str], SpecError]
"""Makes the error of a place from what is wrong there."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """The place of a tensor among the arguments of a call: which of `Op.inputs` it is."""

    place: int


@dataclass(frozen=True, slots=True)
class Reference:
    """A tensor as the argument of a call names it: the output of an earlier call of a layer."""

    layer: str
    call: int
    output: int
    shape: tuple[Size, ...] | None = None
    """With the batch, as the file states it."""
    dtype: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice `start:stop:step` in an index; a bound may be left out, or be a tensor."""

    start: Any
    stop: Any
    step: Any

    @property
    def bounds(self) -> tuple[Any, Any, Any]:
        return self.start, self.stop, self.step


def failing(file: str, *places: str) -> Fail:
    """The errors of one place of a file.

    >>> print(failing("net.keras", "conv1")("strides must be a list"))
    net.keras: conv1: strides must be a list
    """
    scope = ": ".join(place for place in places if place)
    return lambda what: SpecError([Problem(None, f"{file}: {scope}" if scope else file, what)])


def plain(value: Any, fail: Fail, references: list[Reference] | None = None, depth: int = 0) -> Any:
    """A value of the configuration: lists as tuples, Keras' markers as what they stand for.

    With a list of references given, a tensor is appended to it and stands in the value as a `Tensor`.

    >>> plain([1, {"class_name": "__tuple__", "items": [2]}, {"class_name": "__ellipsis__", "config": {}}], failing("f"))
    (1, (2,), Ellipsis)
    """
    if depth > DEEPEST:
        raise fail(f"lists and mappings nest deeper than {DEEPEST}")
    if isinstance(value, list):
        return tuple(plain(item, fail, references, depth + 1) for item in value)
    if not isinstance(value, dict):
        return value
    kind = value.get("class_name")
    if kind == "__keras_tensor__" and references is not None:
        references.append(_tensor(value.get("config"), fail))
        return Tensor(len(references) - 1)
    if isinstance(kind, str) and kind.startswith("__"):
        return _marker(kind, value, fail, references, depth)
    return {key: plain(item, fail, references, depth + 1) for key, item in value.items() if not key.endswith(_UNREAD)}


def _marker(kind: str, value: Mapping[str, Any], fail: Fail, references: list[Reference] | None, depth: int) -> Any:
    """What a mapping with a class name in double underscores stands for; a mapping where that is nothing known."""
    if kind == "__ellipsis__":
        return ...
    if kind == "__tuple__" and isinstance(value.get("items"), list):
        return plain(value["items"], fail, references, depth + 1)
    config = plain(value.get("config"), fail, references, depth + 1)
    if kind == "__slice__" and isinstance(config, dict):
        return Slice(config.get("start"), config.get("stop"), config.get("step"))
    if kind in ("__numpy__", "__tensor__") and isinstance(config, dict) and "value" in config:
        return config["value"]
    return {"class_name": kind, "config": config}


def _tensor(config: Any, fail: Fail) -> Reference:
    """A tensor that a call takes, from its history."""
    config = config if isinstance(config, dict) else {}
    found = reference(config.get("keras_history"))
    if found is None:
        raise fail(
            f"a tensor needs a history of the form [layer, call, output], got {say(config.get('keras_history'))}"
        )
    stated = config.get("shape")
    sizes = None if stated is None else shape(stated, fail)
    return replace(found, shape=sizes, dtype=dtype_name(config.get("dtype")))


def reference(value: Any) -> Reference | None:
    """A reference of the form `[layer, call, output]`, if the value is one.

    >>> reference(["conv1", 0, 0])
    Reference(layer='conv1', call=0, output=0, shape=None, dtype='')
    """
    if not isinstance(value, list) or len(value) != 3:
        return None
    layer, call, output = value
    if not isinstance(layer, str) or not is_count(call) or not is_count(output):
        return None
    return Reference(layer, call, output)


def is_count(value: Any) -> bool:
    """Whether a value is an integer from 0 up to the largest size; true and false are none."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST


def shape(value: Any, fail: Fail) -> tuple[Size, ...]:
    """A shape that the file states; open sizes are None.

    >>> shape([None, 224, 224, 3], failing("f"))
    (None, 224, 224, 3)
    """
    if not isinstance(value, list | tuple) or len(value) > MOST_AXES:
        raise fail(f"a shape must be a list of at most {MOST_AXES} sizes, got {say(value)}")
    sizes = tuple(None if size == -1 and not isinstance(size, bool) else size for size in value)
    for size in sizes:
        if size is not None and not is_count(size):
            raise fail(f"a size must be an integer from 0 to {LARGEST:,} or null, got {say(size)}")
    return sizes


def is_shape(value: Any) -> bool:
    """Whether a value looks like a shape, not like several of them.

    >>> is_shape([None, 4]), is_shape([[None, 4], [None, 4]])
    (True, False)
    """
    return isinstance(value, list | tuple) and all(size is None or isinstance(size, int) for size in value)


def dtype_name(value: Any) -> str:
    """The name that reports use for a dtype; empty if it has none.

    >>> dtype_name("float16"), dtype_name("string"), dtype_name(None)
    ('fp16', '', '')
    """
    name = ALIASES.get(value, value) if isinstance(value, str) else ""
    return name if name in DTYPE_BITS else ""


class Policy(NamedTuple):
    """The dtypes of a layer, empty where its policy states none."""

    computes: str
    stores: str
    """What it keeps its variables in."""
    kernels: str
    """What it keeps its kernel in, if it can quantise that."""


def policy(value: Any, name: str = "") -> Policy:
    """The dtypes that a dtype policy states, or a map of policies for the layer of this name.

    >>> tuple(policy("float32")), tuple(policy({"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}))
    (('fp32', 'fp32', 'fp32'), ('fp16', 'fp32', 'fp32'))
    >>> tuple(policy({"class_name": "QuantizedDTypePolicy", "config": {"mode": "int8", "source_name": "bfloat16"}}))
    ('bf16', 'bf16', 'int8')
    """
    mode: Any = None
    for _ in range(3):
        if isinstance(value, dict):
            config = value.get("config")
            config = config if isinstance(config, dict) else {}
            mode = config.get("mode") or mode
            own = _mapped(config.get("policy_map"), name)
            value = own or config.get("name") or config.get("source_name") or config.get("default_policy")
    before, _, word = (value if isinstance(value, str) else "").rpartition("_from_")  # int8_from_float32
    computes, stores = dtype_name(word.removeprefix("mixed_")), dtype_name(word)
    stores = "fp32" if word.startswith("mixed_") else stores
    return Policy(computes, stores, _quantised(before or mode) or stores)


def _mapped(policies: Any, name: str) -> Any:
    """What a map of policies states for a layer: by its name, else by the one pattern that is found in it.

    Patterns of a file are not run; those that are plain words are looked for. Raises `Unfit` for others, and where two are found.

    >>> _mapped({"dense": "float16", "conv": "int8_from_float32"}, "dense_2"), _mapped({"conv": "float16"}, "dense")
    ('float16', None)
    """
    if not isinstance(policies, dict):
        return None
    if name in policies:
        return policies[name]
    if strange := next((key for key in policies if not re.fullmatch(r"[\w/ -]+", key)), None):
        raise Unfit(f"states dtypes by a pattern, {say(strange)}, which is not followed: state them by names of layers")
    found = [key for key in policies if key in name]
    if len(found) > 1:
        raise Unfit(f"states several dtypes: {', '.join(map(say, found))} are all found in its name")
    return policies[found[0]] if found else None


def _quantised(mode: Any) -> str:
    """The dtype of kernels in a mode of quantisation; those of float8 are kept as they are. Keras packs two of 4 bits in a byte.

    >>> _quantised("int8"), _quantised("int4/128"), _quantised("gptq/3/128"), _quantised("awq/4/-1"), _quantised("float8")
    ('int8', 'int4', 'uint8', 'int4', '')
    """
    kind, *others = mode.split("/") if isinstance(mode, str) else ("",)
    if kind in ("gptq", "awq"):
        return "int4" if others[:1] == ["4"] else "uint8"
    return kind if kind in ("int8", "int4") else ""


def leaves(structure: Any) -> Iterator[Any]:
    """What stands in tuples and mappings, in the order in which Keras flattens them: mappings by their sorted keys.

    >>> list(leaves(({"b": 1, "a": 2}, 3)))
    [2, 1, 3]
    """
    if isinstance(structure, Mapping):
        for key in sorted(structure):
            yield from leaves(structure[key])
    elif isinstance(structure, tuple):
        for item in structure:
            yield from leaves(item)
    else:
        yield structure


def constant_name(made: str, place: int | str) -> str:
    """What a number is called that an operation takes, by the tensor that it makes and the place or name of the argument."""
    return f"{made}#{place}"
