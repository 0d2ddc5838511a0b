"""Idioms: ops that exporters spell out in several, found before a model is lowered, and made one op again.

A pattern is written over a small vocabulary, into which each format's table puts its ops (`Rules.spell`); a row of the
report then says what the layer is: a GELU, not a division, an error function, a sum and two products.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from convcost.core.dims import Dim, product
from convcost.importers.build import linear
from convcost.importers.contents import Known
from convcost.importers.forms import written_alike
from convcost.importers.lower import NUMBER, Lowering, Spell, Spelled, Wants
from convcost.importers.model import Body, Op, Stored
from convcost.importers.values import channels_at


class Calls(NamedTuple):
    """A pattern: an op of this word whose inputs match in this order, or for sums and products in any."""

    word: str
    parts: tuple[Any, ...]


class Number(NamedTuple):
    """A pattern: a stored number, up to rounding."""

    value: float


class Weights(NamedTuple):
    """A pattern: a stored tensor with more than one element, under this name."""

    name: str


def calls(word: str, *parts: Any) -> Calls:
    return Calls(word, parts)


X = "x"
"""A pattern: any tensor, the same wherever it stands."""
_PLUS_3 = calls("add", X, Number(3))
_SHIFTED = (calls("relu6", _PLUS_3), calls("below_6", calls("relu", _PLUS_3)))
_GATES = tuple(
    gate for shifted in _SHIFTED for gate in (calls("div", shifted, Number(6)), calls("mul", shifted, Number(1 / 6)))
)
_ERF = calls("add", calls("erf", calls("div", X, Number(2**0.5))), Number(1))
_ERF_TIMES = calls("add", calls("erf", calls("mul", X, Number(0.5**0.5))), Number(1))
_CUBE = (
    calls("mul", calls("pow", X, Number(3)), Number(0.044715)),
    calls("mul", calls("mul", calls("mul", X, X), X), Number(0.044715)),
    calls("mul", calls("mul", X, calls("mul", X, X)), Number(0.044715)),
)
_TANH = tuple(
    calls("add", calls("tanh", calls("mul", calls("add", X, cube), Number(0.7978845608))), Number(1)) for cube in _CUBE
)
_CENTRED = calls("sub", X, calls("mean", X))
_VARIANCES = (calls("mean", calls("square", _CENTRED)), calls("mean", calls("mul", _CENTRED, _CENTRED)))
_NORMS = tuple(calls("div", _CENTRED, calls("sqrt", calls("add", variance, Number(0)))) for variance in _VARIANCES)
_SPREAD = calls("mean", calls("squared_difference", X, calls("mean", X)))
_FACTOR = calls("mul", calls("rsqrt", calls("add", _SPREAD, Number(0))), Weights("scale"))
#: A layer norm of TensorFlow: the mean is taken off after the multiplication.
_NORM_BEHIND = calls(
    "add", calls("mul", X, _FACTOR), calls("sub", Weights("shift"), calls("mul", calls("mean", X), _FACTOR))
)
PATTERNS: tuple[tuple[str, Any], ...] = (
    *(("layer_norm", calls("add", calls("mul", norm, Weights("scale")), Weights("shift"))) for norm in _NORMS),
    ("layer_norm", _NORM_BEHIND),
    *(
        ("gelu", pattern)
        for erf in (_ERF, _ERF_TIMES, *_TANH)
        for pattern in (
            calls("mul", calls("mul", X, erf), Number(0.5)),
            calls("mul", calls("mul", X, Number(0.5)), erf),
            calls("mul", X, calls("mul", erf, Number(0.5))),
        )
    ),
    *(("hard_swish", calls("mul", X, gate)) for gate in _GATES),
    *(("hard_swish", calls("div", calls("mul", X, shifted), Number(6))) for shifted in _SHIFTED),
    *(("hard_swish", calls("mul", calls("mul", X, shifted), Number(1 / 6))) for shifted in _SHIFTED),
    ("hard_swish", calls("mul", X, calls("hard_sigmoid", X))),
    *(("hard_sigmoid", gate) for gate in _GATES),
    ("relu6", calls("below_6", calls("relu", X))),
    ("silu", calls("mul", X, calls("sigmoid", X))),
    ("mish", calls("mul", X, calls("tanh", calls("softplus", X)))),
    ("linear", calls("add", calls("matmul", X, Weights("weights")), Weights("bias"))),
    ("scale", calls("add", calls("mul", X, Weights("scale")), Weights("shift"))),
)
"""What an idiom is called, and how it is spelled out; the first that matches counts, the longer ones first."""
_COMMUTATIVE = frozenset({"add", "mul"})
#: Epsilons are of any size: a number pattern of 0 matches all that are smaller than this.
_EPSILON = 0.01
SAME = "same"
"""The word for ops that hand on what they read."""
_MOST_HANDED_ON = 8


class Match:
    """An attempt to match a pattern against the ops that lead to a tensor."""

    def __init__(self, finder: Finder) -> None:
        self.finder = finder
        self.names: dict[str, str] = {}
        self.ops: list[Op] = []

    def fits(self, name: str, pattern: Any) -> bool:
        """Whether what makes a tensor fits the pattern; names and ops are noted."""
        if isinstance(pattern, Number):
            return self.finder.is_number(name, pattern.value)
        if isinstance(pattern, Weights):
            stored = self.finder.stored(name)
            return stored is not None and stored.elements > 1 and self.take(pattern.name, name)
        if isinstance(pattern, str):
            return self.take(pattern, name)
        op = self.finder.makers.get(name)
        spelled = self.finder.spelled(op) if op is not None else None
        if op is None or spelled is None or spelled.word != pattern.word or len(spelled.inputs) != len(pattern.parts):
            return False
        orders = [spelled.inputs, spelled.inputs[::-1]] if spelled.word in _COMMUTATIVE else [spelled.inputs]
        names, ops = dict(self.names), len(self.ops)
        for inputs in orders:
            self.ops.append(op)
            if all(self.fits(one, part) for one, part in zip(inputs, pattern.parts)):
                return True
            self.names = dict(names)
            del self.ops[ops:]
        return False

    def take(self, key: str, name: str) -> bool:
        return self.names.setdefault(key, name) == name


class Finder:
    """The ops of a body, to look for patterns in."""

    def __init__(self, body: Body, spell: Spell) -> None:
        self.body, self.spell = body, spell
        self.makers = {name: op for op in body.ops for name in op.outputs if name}
        self.uses = Counter(name for op in body.ops for name in {*op.inputs})
        self.uses.update(body.outputs)
        self.known: dict[int, Spelled | None] = {}

    def spelled(self, op: Op) -> Spelled | None:
        if id(op) not in self.known:
            self.known[id(op)] = self.spell(op, self.body)
        return self.known[id(op)]

    def stored(self, name: str) -> Stored | None:
        """The stored tensor of a name, perhaps handed on by ops that change nothing; a number is one, too."""
        if name.startswith(NUMBER):
            return Stored(name, (), "", (float(name.removeprefix(NUMBER)),))
        for _ in range(_MOST_HANDED_ON):
            op = self.makers.get(name)
            spelled = self.spelled(op) if op is not None else None
            if spelled is None or spelled.word != SAME:
                break
            name = spelled.inputs[0]
        return self.body.tensors.get(name)

    def is_number(self, name: str, value: float) -> bool:
        """Whether a tensor is this stored number; any small one where it is 0."""
        stored = self.stored(name)
        if stored is None or stored.elements != 1 or not stored.contents:
            return False
        found = stored.contents[0]
        if not isinstance(found, (int, float)):
            return False
        return 0 < found < _EPSILON if value == 0 else abs(found - value) < 1e-3 * abs(value)

    def idiom(self, op: Op) -> tuple[Op, list[Op]] | None:
        """The idiom that an op ends, as one op, and the ops that it stands for."""
        spelled = self.spelled(op)
        if spelled is None:
            return None
        for word, pattern in PATTERNS:
            if pattern.word == spelled.word:
                match = Match(self)
                if match.fits(op.outputs[0], pattern) and self.is_closed(match.ops, op) and self.is_apt(word, match):
                    return _merged(word, op, match), match.ops
        return None

    def is_apt(self, word: str, match: Match) -> bool:
        """Whether the stored tensors of an idiom have the shapes that it takes."""
        stored = {key: one for key, name in match.names.items() if key != X and (one := self.stored(name))}
        if word == "linear":
            columns = stored["weights"].shape[-1]
            return len(stored["weights"].shape) == 2 and stored["bias"].shape[-1] == stored["bias"].elements == columns
        wide = [[(at, size) for at, size in enumerate(one.shape[::-1]) if size != 1] for one in stored.values()]
        return all(one == wide[0] for one in wide) and (word != "scale" or len(wide[0]) == 1)

    def is_closed(self, ops: Sequence[Op], last: Op) -> bool:
        """Whether nothing else reads what stands between the ops of an idiom."""
        inside = {id(op): op for op in ops}
        inner = Counter(name for op in inside.values() for name in {*op.inputs})
        return all(
            self.uses[name] == inner[name] for op in inside.values() if op is not last for name in op.outputs if name
        )


def _merged(word: str, last: Op, match: Match) -> Op:
    inputs = [match.names[X], *(name for key, name in match.names.items() if key != X)]
    paths = [op.path for op in match.ops]
    path = tuple(part for part, *others in zip(*paths) if all(other == part for other in others))
    attrs = {"keys": tuple(match.names)}
    return Op(f"idiom.{word}", last.name, tuple(inputs), last.outputs, attrs, path, form=written_alike(match.ops))


def recognised(body: Body, spell: Spell) -> Body:
    """The body with idioms as one op each, where their last op stands."""
    finder = Finder(body, spell)
    gone: set[int] = set()
    placed: dict[int, Op] = {}
    for op in reversed(body.ops):
        if id(op) not in gone and len(op.outputs) == 1 and (found := finder.idiom(op)):
            made, parts = found
            if not any(id(part) in gone for part in parts):
                gone.update(map(id, parts))
                placed[id(op)] = made
    if not placed:
        return body
    return replace(body, ops=tuple(_kept(body.ops, gone, placed)))


def _kept(ops: Sequence[Op], gone: set[int], placed: Mapping[int, Op]) -> Iterator[Op]:
    for op in ops:
        if id(op) in placed:
            yield placed[id(op)]
        elif id(op) not in gone:
            yield op


def known_before(low: Lowering, op: Op, channels: Dim | None = None) -> bool:
    """Whether an idiom reads constants alone, so that its result is computed before anything runs; then it is defined."""
    values = [low.read(op, i) for i in range(len(op.inputs))]
    if not all(value.is_constant for value in values):
        return False
    shape = values[0].shape
    low.computed(op, values, Known(shape if channels is None else (*shape[:-1], channels), ()))
    return True


def activation(low: Lowering, op: Op) -> None:
    """An idiom that is an element-wise function."""
    if not known_before(low, op):
        low.pointwise(op, op.type.removeprefix("idiom."), low.read(op))


def layer_norm(low: Lowering, op: Op) -> None:
    """A layer norm over the last axes, as many as its scale has."""
    x, scale, shift = (low.read(op, i) for i in range(3))
    depth = sum(1 for size in scale.shape if size != 1) or 1
    order = channels_at(x, -1)
    axes = list(range(len(order) - depth, len(order)))
    if not known_before(low, op):
        low.layer(op, "layer_norm", x, order, {"axes": axes}, {"weights": (scale,), "biases": (shift,)})


def dense(low: Lowering, op: Op) -> None:
    """A product with a stored matrix and the sum with a stored vector."""
    x, weights, bias = (low.read(op, i) for i in range(3))
    columns = weights.shape[-1]
    if known_before(low, op, columns):
        low.accounts.fold(product(x.shape) * columns)
        return
    linear(low, op, x, -1, columns, weights, bias)


def scale(low: Lowering, op: Op) -> None:
    """A product with a number for each channel, and the sum with one."""
    x, factor, shift = (low.read(op, i) for i in range(3))
    at = next((i for i, size in enumerate(factor.shape) if size != 1), 0) - len(factor.shape)
    used = {"weights": (factor,), "biases": (shift,)}
    if not known_before(low, op):
        low.layer(op, "scale", x, channels_at(x, at), {"shift": True}, used)


IDIOMS: Mapping[str, Callable[[Lowering, Op], None]] = {
    **{f"idiom.{word}": activation for word in ("gelu", "hard_swish", "hard_sigmoid", "relu6", "silu", "mish")},
    "idiom.layer_norm": layer_norm,
    "idiom.linear": dense,
    "idiom.scale": scale,
}
#: Where idioms expect the channels of what they read.
IDIOM_WANTS: Mapping[str, Wants] = {**dict.fromkeys(IDIOMS, "same"), "idiom.layer_norm": -1, "idiom.linear": -1}
