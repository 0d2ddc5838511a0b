"""One layer, several ways to build it: normal, depthwise separable, grouped, bottleneck, inverted bottleneck, spatial.

Each alternative is a short list of ops; shapes and costs come from the ops' own rules, so that the same recipe gives
numbers over ints and a law over symbols.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any, NamedTuple

from convcost.core.axes import kind
from convcost.core.checks import integer_within
from convcost.core.cost import OpCost
from convcost.core.dims import LARGEST, Dim, Shape, elements, is_array, maximum
from convcost.core.errors import UsageError, did_you_mean
from convcost.core.reading import python_int, several, whole_number
from convcost.core.units import say, shape_text
from convcost.ops import OPS, Unfit, failure


@dataclass(frozen=True, slots=True)
class LayerToBuild:
    """The layer to build: its input shape, filters, kernel, stride, padding and bias.

    Its filters slide along all axes of the input but the channels: one, two or three. A single kernel size or stride is
    that of each axis; another number of them than axes raises `UsageError`.

    >>> LayerToBuild((16, 112, 112, 3), 64, 3).kernel, LayerToBuild((5000, 12), 32, 7).op
    ((3, 3, 3), 'conv1d')
    """

    input_shape: Shape
    filters: Dim
    kernel: Any
    """A size per axis, once it is made."""
    stride: Any = 1
    """A step per axis, once it is made."""
    padding: Any = "valid"
    bias: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_shape", tuple(map(_own, self.input_shape)))
        for name in ("filters", "padding"):
            object.__setattr__(self, name, _own(getattr(self, name)))
        if not 1 <= self.axes <= MOST_AXES:
            raise UsageError(f"a layer's input must be {_INPUTS}, got {self._tensor}")
        for name in ("kernel", "stride"):
            sizes = _own(getattr(self, name))
            sizes = sizes if isinstance(sizes, tuple) else (sizes,)
            if len(sizes) not in (1, self.axes):
                need = "one number" if self.axes == 1 else f"one number or {self.axes}"
                raise UsageError(f"{name} must be {need} for {self._tensor}, got {shape_text(sizes)}")
            object.__setattr__(self, name, sizes if len(sizes) == self.axes else sizes * self.axes)

    @property
    def _tensor(self) -> str:
        return f"{kind(len(self.input_shape))} of {shape_text(self.input_shape)}"

    @property
    def axes(self) -> int:
        """How many axes the filters slide along."""
        return len(self.input_shape) - 1

    @property
    def channels(self) -> Dim:
        """Those of the input."""
        return self.input_shape[-1]

    @property
    def op(self) -> str:
        """The convolution that slides along so many axes."""
        return f"conv{self.axes}d"


def _own(given: Any) -> Any:
    """A number of another library as Python's, an array or a list as a tuple of such; anything else as it is."""
    given = given.tolist() if is_array(given) else given
    return tuple(map(_own, given)) if isinstance(given, (tuple, list)) else python_int(given)


MOST_AXES = 3
"""The most axes that there is a convolution for."""
_INPUTS = "a sequence (length×channels), a map (height×width×channels) or a volume (depth×height×width×channels)"


class RecipeStep(NamedTuple):
    """One op of a recipe: its name for people, the op, its attributes as a spec writes them."""

    name: str
    op: str
    attrs: dict[str, Any]

    def converted(self) -> dict[str, Any]:
        """The attributes as the op's rule takes them; raises `Unfit` naming the attribute."""
        converted = {}
        for name, attr in OPS[self.op].attrs.items():
            try:
                converted[name] = attr.kind.convert(self.attrs[name]) if name in self.attrs else attr.default
            except Unfit as error:
                raise Unfit(f"{name} {error}") from None
        return converted


Steps = Callable[[LayerToBuild, Dim], list[RecipeStep]]


def _conv(
    layer: LayerToBuild, name: str, channels: Dim, kernel: Any, *, steps: bool = True, groups: Dim = 1
) -> RecipeStep:
    """A convolution with the layer's padding and bias, and with its stride unless told otherwise."""
    attrs = {"channels": channels, "kernel": kernel, "groups": groups, "bias": layer.bias}
    return RecipeStep(
        name, layer.op, {**attrs, **({"stride": layer.stride, "padding": layer.padding} if steps else {})}
    )


def _standard(layer: LayerToBuild, _amount: Dim) -> list[RecipeStep]:
    return [_conv(layer, "convolution", layer.filters, layer.kernel)]


def _separable(layer: LayerToBuild, _amount: Dim) -> list[RecipeStep]:
    c = layer.channels
    depthwise = _conv(layer, "depthwise", c, layer.kernel, groups=c)
    return [depthwise, _conv(layer, "pointwise", layer.filters, 1, steps=False)]


def _grouped(layer: LayerToBuild, groups: Dim) -> list[RecipeStep]:
    return [_conv(layer, "grouped convolution", layer.filters, layer.kernel, groups=groups)]


def _bottleneck(layer: LayerToBuild, channels: Dim) -> list[RecipeStep]:
    narrow = _conv(layer, "reduce", channels, 1, steps=False)
    return [narrow, _conv(layer, "convolution", layer.filters, layer.kernel)]


def _inverted(layer: LayerToBuild, expansion: Dim) -> list[RecipeStep]:
    wide = expansion * layer.channels
    expand = _conv(layer, "expand", wide, 1, steps=False)
    depthwise = _conv(layer, "depthwise", wide, layer.kernel, groups=wide)
    return [expand, depthwise, _conv(layer, "project", layer.filters, 1, steps=False)]


def _spatial(layer: LayerToBuild, _amount: Dim) -> list[RecipeStep]:
    """k×1, then 1×k, and so on: one convolution per axis, with kernel, stride and padding along this axis only."""
    if layer.axes == 1:
        shown = shape_text(layer.input_shape)
        raise Unfit(f"needs two axes or three to slide along, one after the other; a sequence of {shown} has one")
    padding = OPS[layer.op].attrs["padding"].kind.convert(layer.padding)
    steps = []
    for at in range(layer.axes):
        kernel = _along(at, layer.kernel, 1)
        step = _conv(layer, shape_text(kernel), layer.filters, kernel)
        zeros = [side for axis in _along(at, padding, (0, 0)) for side in axis]
        step.attrs.update(stride=_along(at, layer.stride, 1), padding="same" if "same" in padding else zeros)
        steps.append(step)
    return steps


def _along(at: int, values: Sequence[Any], other: Any) -> tuple[Any, ...]:
    """The value of one axis at its place, another one at the places of the others."""
    return tuple(value if axis == at else other for axis, value in enumerate(values))


class RecipeNumber(NamedTuple):
    """The parameter of a way to build a layer: its name, its letter in laws, and its meaning."""

    word: str
    letter: str
    says: str


class Recipe(NamedTuple):
    """A way to build a layer: its recipe, its parameter (None: it has none), and a description."""

    steps: Steps
    amount: RecipeNumber | None
    about: str


_GROUPS = RecipeNumber("groups", "g", "groups that channels and filters are split into")
_CHANNELS = RecipeNumber("channels", "b", "channels that the 1×1 leaves; their number, not a factor")
_EXPANSION = RecipeNumber("expansion", "t", "times as many channels inside as the input has")
RECIPES = {
    "standard": Recipe(_standard, None, "each filter sees all channels"),
    "separable": Recipe(_separable, None, "one filter per channel, then 1×1 across channels (MobileNet)"),
    "grouped": Recipe(_grouped, _GROUPS, "filters see only the channels of their group (AlexNet, ResNeXt)"),
    "bottleneck": Recipe(_bottleneck, _CHANNELS, "1×1 down to fewer channels, then the convolution (GoogLeNet)"),
    "inverted": Recipe(_inverted, _EXPANSION, "1×1 to more channels, depthwise, 1×1 to the filters (MobileNetV2)"),
    "spatial": Recipe(_spatial, None, "one convolution per axis: k×1, then 1×k (Inception-v3)"),
}


class BuiltStep(NamedTuple):
    """One op of an alternative, with what it costs."""

    name: str
    input_shape: Shape
    cost: OpCost
    part: RecipeStep


class Alternative(NamedTuple):
    """A layer built in one way."""

    name: str
    steps: tuple[BuiltStep, ...]
    about: str

    @property
    def output_shape(self) -> Shape:
        """As the layer's, with the filters as channels."""
        return self.steps[-1].cost.out[0]

    @property
    def macs(self) -> Dim:
        """Multiply-accumulates of all its ops, without bias."""
        return sum(step.cost.macs for step in self.steps)

    @property
    def params(self) -> Dim:
        """Trainable elements."""
        return sum(step.cost.params for step in self.steps)

    @property
    def activations(self) -> Dim:
        """Elements written, including those between its ops."""
        return sum(elements(step.cost.out) for step in self.steps)

    @property
    def peak(self) -> Dim:
        """The peak of live elements: input plus output of its largest op, nothing fused.

        >>> [build(LayerToBuild((6, 6, 3), 5, (3, 3)), way).peak for way in ("standard", "inverted:6")]  # 6·6·18 + 4·4·18
        [188, 936]
        """
        return reduce(maximum, (elements((step.input_shape, *step.cost.out)) for step in self.steps))


def build(layer: LayerToBuild, way: str) -> Alternative:
    """The layer built in a way: `separable`, `grouped:4`, …; raises `UsageError`.

    >>> layer = LayerToBuild((6, 6, 3), 5, (3, 3))
    >>> [(step.name, step.cost.macs) for step in build(layer, "separable").steps]
    [('depthwise', 432), ('pointwise', 240)]
    """
    name, _, text = way.partition(":")
    if name not in RECIPES:
        raise UsageError(f"there is no way {name!r} to build a layer{did_you_mean(name, RECIPES)}")
    amount = RECIPES[name].amount
    if amount is None and text:
        raise UsageError(f"{name} takes no number, got {way}")
    number = whole_number(text) if amount is not None else 1
    if amount is not None and number is None:
        raise UsageError(f"{name} needs its {amount.word}, as {name}:4, got {way[:40]}")
    return assemble(layer, name, number or 0, way)


def assemble(layer: LayerToBuild, name: str, amount: Dim, label: str) -> Alternative:
    """As `build`, over any number system: the recipe's ops, one after the other."""
    shape, made = layer.input_shape, []
    try:
        parts = RECIPES[name].steps(layer, amount)
    except Unfit as error:
        raise UsageError(f"{label} {error}") from None
    for part in parts:
        try:
            cost = OPS[part.op].cost([shape], part.converted())
        except Unfit as error:
            raise UsageError(f"{label}: {part.name}: {error}") from None
        for check in cost.checks:
            if said := failure(check):
                raise UsageError(f"{label}: {part.name}: {said}")
        made.append(BuiltStep(part.name, shape, cost, part))
        shape = cost.out[0]
    return Alternative(label, tuple(made), RECIPES[name].about)


def compare(layer: LayerToBuild, against: str | Sequence[str] = ("separable",)) -> list[Alternative]:
    """The standard convolution first, then each of the other ways; raises `UsageError`."""
    for size in layer.input_shape:
        if integer_within(size, 1, LARGEST) is None:
            raise UsageError(f"an input size must be an integer from 1 to {LARGEST:,}, got {say(size)}")
    return [build(layer, way) for way in dict.fromkeys(("standard", *several(against)))]


def amount_of(way: str) -> tuple[RecipeNumber, int] | None:
    """The parameter that the number in `bottleneck:4` sets, and the number; None for a way without one.

    >>> amount_of("bottleneck:4")[0].says
    'channels that the 1×1 leaves; their number, not a factor'
    """
    name, _, text = way.partition(":")
    amount = RECIPES[name].amount
    return (amount, whole_number(text) or 0) if amount else None


def ratio(alternative: Alternative, standard: Alternative) -> Fraction:
    """MACs of an alternative divided by those of the standard convolution, exactly.

    >>> standard, separable = compare(LayerToBuild((6, 6, 3), 5, (3, 3)))
    >>> ratio(separable, standard)
    Fraction(14, 45)
    """
    return Fraction(alternative.macs, standard.macs)


def ratio_to_standard(layer: LayerToBuild, way: str) -> Fraction:
    """MACs of a layer built in a way, divided by those of the standard convolution; raises `UsageError`.

    >>> ratio_to_standard(LayerToBuild((6, 6, 3), 5, (3, 3)), "separable")
    Fraction(14, 45)
    """
    found = compare(layer, (way,))
    return ratio(found[-1], found[0])  # one and the same, of the standard convolution itself
