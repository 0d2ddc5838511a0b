"""Networks that are grown op by op, so that most can be built: every op and attribute, from the table of ops, and ways to connect.

An op, or a kind of attribute, that is added to the table is grown, too.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from functools import cache
from math import prod
from random import Random
from typing import Any

from convcost.core.errors import Unfit
from convcost.ops import OPS
from fuzz import mutants
from fuzz.values import FORMULAS

Shape = tuple[int, ...]
Layer = dict[str, Any]
_SIZES = (1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 12, 16, 24, 32, 33, 64)
_SHAPES = (
    (16, 16, 4),
    (32, 32, 3),
    (7, 9, 6),
    (1, 1, 8),
    (64, 8),
    (30, 12),
    (48,),
    (4, 9, 8, 2),
    (20, 20, 1),
    (2, 3, 4, 5, 6),
)
_LARGEST = 1 << 34
"""Elements of a tensor that is grown further."""
_MANY = 200
"""Layers or branches of a wide or deep one: work must grow with them, and not faster."""
_TRIES = 12
"""So often attributes are drawn until an op takes its inputs."""
_TYPES = ("int8", "fp16", "int4", "binary", {"outputs": "int8"}, {"weights": "int8", "biases": "int32"})


def drawn(schema: Mapping[str, Any], rng: Random) -> Any:
    """A value that a JSON Schema of literal values allows, small more often than large."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if "anyOf" in schema:
        return drawn(rng.choice(schema["anyOf"]), rng)
    return _DRAWN[schema["type"]](schema, rng)


def _integer(schema: Mapping[str, Any], rng: Random) -> int:
    least, most = schema["minimum"], schema["maximum"]
    size = rng.choice(_SIZES) if rng.random() < 0.97 else rng.choice((most, most - 1, least, 10**5))
    return max(least, min(most, size + least * (-10 < least < 0)))


def _array(schema: Mapping[str, Any], rng: Random) -> list[Any]:
    least, most = schema["minItems"], schema.get("maxItems", 8)
    return [drawn(schema["items"], rng) for _ in range(rng.randint(least, min(most, max(least, 3))))]


_DRAWN: dict[str, Callable[[Mapping[str, Any], Random], Any]] = {
    "integer": _integer,
    "array": _array,
    "number": lambda _schema, rng: rng.choice((0, 0.1, 0.5, 0.25, 0.999)),
    "boolean": lambda _schema, rng: rng.random() < 0.5,
    "string": lambda _schema, rng: rng.choice(("x", "a b", "Mix")),
}


@cache
def _ops() -> tuple[str, ...]:
    return tuple(sorted(OPS))


class Growing:
    """A network on the way: its layers, and the shapes of what can be read."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.here: Shape = rng.choice(_SHAPES)
        self.inputs = {"input": self.here}
        if rng.random() < 0.15:
            self.inputs = {"a": self.here, "b": rng.choice((self.here, rng.choice(_SHAPES)))}
        self.made = dict(self.inputs)
        """Of what layers at the top put out, and the inputs."""
        self.layers: list[Layer] = []

    def name(self) -> str:
        """One that no layer has."""
        return f"n{len(self.layers)}"

    def grow(self, layers: int) -> None:
        """So many layers more, or fewer where nothing fits."""
        for _ in range(layers):
            roll = self.rng.random()
            ways = (
                (0.12, self.branches),
                (0.2, self.sequence),
                (0.3, self.joined),
                (0.34, self.parts),
                (1, self.single),
            )
            found = next(way for most, way in ways if roll < most)()
            if found is None:
                continue
            layer, shape = found
            layer.setdefault("name", self.name())
            self.layers.append(layer)
            self.made[layer["name"]] = self.here = shape

    def op(self, *shapes: Shape, among: tuple[str, ...] = ()) -> tuple[Layer, Shape] | None:
        """An op that takes inputs of these shapes and has one output, with its attributes as a spec writes them."""
        found = self.any_op(*shapes, among=among, outputs=(1,))
        return found and (found[0], found[1][0])

    def any_op(
        self, *shapes: Shape, among: tuple[str, ...] = (), outputs: Container[int] = range(1, 9)
    ) -> tuple[Layer, tuple[Shape, ...]] | None:
        """An op that takes inputs of these shapes and has so many outputs."""
        for _ in range(_TRIES):
            op = OPS[self.rng.choice(among or _ops())]
            if op.name == "unknown" or not op.least <= len(shapes) <= (99 if op.variadic else len(op.inputs)):
                continue
            attrs = {
                name: drawn(attr.kind.schema(), self.rng)
                for name, attr in op.attrs.items()
                if attr.required or self.rng.random() < 0.4
            }
            try:
                cost = op.cost(shapes, op.convert(attrs))
            except (Unfit, ZeroDivisionError):
                continue
            held = all(check.holds for check in cost.checks) and len(cost.out) in outputs
            if held and all(0 < prod(shape) < _LARGEST for shape in cost.out):
                return {op.name: attrs}, cost.out
        return None

    def single(self) -> tuple[Layer, Shape] | None:
        """An op on what the one before made, perhaps repeated, typed, frozen, at the side."""
        found = self.op(self.here)
        if found is None:
            return None
        layer, shape = found
        roll = self.rng.random()
        if shape == self.here and roll < 0.2:
            layer["repeat"] = self.rng.choice((1, 2, 3, 3, 4, _MANY))
        elif roll < 0.25:
            layer["dtype"] = self.rng.choice(_TYPES)
        elif roll < 0.28:
            layer["trainable"] = False
        elif roll < 0.31:
            layer["side"] = True
            return layer, self.here
        return layer, shape

    def joined(self) -> tuple[Layer, Shape] | None:
        """An op on several of what was made before."""
        names = [name for name in self.made if name not in self.sides()]
        read = [self.rng.choice(names) for _ in range(self.rng.choice((1, 2, 2, 3)))]
        if self.layers and self.layers[-1]["name"] in names:
            read[0] = self.layers[-1]["name"]  # which something has to read
        alike = [name for name in names if self.made[name] == self.made[read[0]]]
        if self.rng.random() < 0.7:
            read[1:] = [self.rng.choice(alike) for _ in read[1:]]
        found = self.op(*(self.made[name] for name in read))
        return found and ({**found[0], "in": read if len(read) > 1 else read[0]}, found[1])

    def sides(self) -> set[str]:
        """Layers beside the main line."""
        return {layer["name"] for layer in self.layers if layer.get("side")}

    def branches(self) -> tuple[Layer, Shape] | None:
        """Branches from here that an op joins."""
        begun, shapes, parts = self.here, [], {}
        for number in range(self.rng.choice((2, 2, 3))):
            found = self.op(begun) if self.rng.random() < 0.75 else None
            parts[f"p{number}"] = [found[0]] if found else []
            shapes.append(found[1] if found else begun)
        if self.rng.random() < 0.05:
            parts["p0"] = {"repeat": _MANY, "layers": parts["p0"]}
            shapes[:1] *= _MANY
        joined = self.op(*shapes, among=("add", "concat", "multiply", "combine"))
        return joined and ({"parallel": parts, "join": joined[0]}, joined[1])

    def sequence(self) -> tuple[Layer, Shape] | None:
        """A few ops in a row under one name, perhaps repeated."""
        begun, parts, shape = self.here, [], self.here
        for _ in range(self.rng.choice((1, 2, 3))):
            if found := self.op(shape):
                parts.append(found[0])
                shape = found[1]
        more = {"repeat": self.rng.choice((1, 2, 4))} if shape == begun and self.rng.random() < 0.5 else {}
        return ({"layers": parts, **more}, shape) if parts else None

    def parts(self) -> tuple[Layer, Shape] | None:
        """An op with several outputs, and one that joins them."""
        found = self.any_op(self.here, outputs=range(2, 9), among=("split", "top_k"))
        joined = found and self.op(*found[1])
        if not found or not joined:
            return None
        read = [f"cut:{number}" for number in range(len(found[1]))]
        return {"layers": [{**found[0], "name": "cut"}, {**joined[0], "in": read}]}, joined[1]


def network(rng: Random) -> dict[str, Any]:
    """The tree of a spec that most likely is a network."""
    growing = Growing(rng)
    growing.grow(rng.choice((1, 2, 3, 5, 8)))
    head: dict[str, Any] = {"convcost": 1, "name": "net"}
    several = len(growing.inputs) > 1
    head |= (
        {"inputs": {name: [*shape] for name, shape in growing.inputs.items()}}
        if several
        else {"input": [*growing.inputs["input"]]}
    )
    return {**head, "layers": growing.layers or ["relu"]}


# -- knobs -------------------------------------------------------------------------------------------------------------


def leaves(layers: list[Layer]) -> Iterator[tuple[Any, Any]]:
    """Where attributes of ops have a number or a word, in lists, too; and repeats."""
    for inside, key in mutants.places(layers):
        if key == "repeat":
            yield inside, key
        elif isinstance(inside, dict) and key in OPS:
            yield from (
                (place, name)
                for place, name in mutants.places(inside[key])
                if not isinstance(place[name], (list, dict))
            )


_WORDS = ("same", "valid", "channels", "height", "mean", "max", "relu", "add", "int8", "true", "0")


def knobbed(rng: Random, spec: dict[str, Any]) -> dict[str, list[str]]:
    """Put knobs into the places of a few attributes of a spec; the values that a sweep could give each, as texts."""
    axes: dict[str, list[str]] = {}
    spots = [*leaves(spec["layers"])]
    spots += [(spec["input"], axis) for axis in range(len(spec["input"]))] if "input" in spec else []
    for inside, key in rng.sample(spots, min(len(spots), rng.choice((1, 1, 2, 3)))):
        name, old = rng.choice(_KNOBS), inside[key]
        if name in axes:
            continue
        stated, axis, formula = _knob(rng, old)
        numbers = [other for other in axes if isinstance(spec["knobs"][other], (int, float))]
        together = f"({name} * {rng.choice(numbers)})" if numbers and rng.random() < 0.3 else name
        inside[key] = formula.format(n=old, k=together if formula != "{k}" else name)
        spec.setdefault("knobs", {})[name] = stated
        axes[name] = [str(one).lower() if isinstance(one, bool) else str(one) for one in dict.fromkeys(axis)]
    if rng.random() < 0.05 and axes:
        axes[rng.choice(sorted(axes))].append(rng.choice(_ODD))
    return axes


_ODD = ("1e999", "-1", "nan", "1e9", "9" * 400, "1/3", "x", "", "1e-99", "2147483648")
_KNOBS = ("k", "width", "n", "self", "batch", "depth", "m", "dtype", "memory")


def _knob(rng: Random, old: Any) -> tuple[Any, Sequence[Any], str]:
    """A knob for the place of a value: what its spec states, its values, and the formula that stands there then."""
    if isinstance(old, bool):
        return old, (True, False), "{k}"
    if isinstance(old, str):
        words = (old, *rng.sample(_WORDS, 2))
        return {"default": old, "choices": words}, words, "{k}"
    if rng.random() < 0.6:
        return old, (old, old + 1, max(old - 1, 0), rng.choice(_SIZES)), "{k}"
    default = rng.choice((1, 2, 1.0, 1.5))
    other = (0.5, 0.75, 1.1, 2.0, 3.0, 0.3333) if isinstance(default, float) else (1, 2, 3, 5, 0)
    return default, (default, *rng.sample(other, 2)), rng.choice(FORMULAS)
