"""Which positions of its inputs an op reads for a position of its output, axis by axis.

An op is local if each position of its output depends on a window of positions of each input, axis by axis. Convolutions,
pools and all that is element-wise are, and so can run in patches (`reach`); what looks at all positions (a global pool,
attention), spreads its input, or moves positions is not. Receptive fields go through all of these (`routes`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import gcd
from typing import Any, NamedTuple, TypeAlias

from convcost.core.axes import position, worded
from convcost.core.dims import Dim, ceil_div, least_remainder, maximum, minimum, where
from convcost.graph.walk import Step
from convcost.ops.window import dilated, slide, windowed


class Window(NamedTuple):
    """The positions along one axis of an input that positions of the output need.

    Position p of the output needs `extent` positions from floor((p·stride + ahead) / scale) - before on.
    """

    size: int
    """Positions that the input has."""
    stride: int = 1
    """0 where every position of the output needs the same ones."""
    before: int = 0
    extent: int = 1
    scale: int = 1
    apart: int = 1
    """The distance of the positions that are needed within the extent, of a dilated window."""
    ahead: int = 0
    """Of interpolation, which aligns centres: how far the first position is moved, in parts of `scale`."""

    def needs(self, start: Dim, stop: Dim) -> tuple[Dim, Dim]:
        """The first position that is needed for those from start to stop - 1, and the one after the last; some may lie beyond
        the ends of the axis, where there are zeros or nothing.

        >>> Window(112, stride=2, before=1, extent=3).needs(0, 7), Window(28, scale=2).needs(3, 7)
        ((-1, 14), (1, 4))
        """
        first, last = ((p * self.stride + self.ahead) // self.scale for p in (start, stop - 1))
        return first - self.before, last - self.before + self.extent

    def taps(self, at: int) -> range:
        """The positions that one position of the output reads, beyond the ends too.

        >>> Window(9, before=2, extent=5, apart=2).taps(3), Window(4, stride=2, scale=4, ahead=-1, extent=2).taps(1)
        (range(1, 6, 2), range(0, 2))
        """
        first, stop = self.needs(at, at + 1)
        return range(first, stop, self.apart)

    @property
    def whole(self) -> bool:
        """Whether every position of the output reads all positions."""
        return self.stride == 0 and self.extent == self.size

    @property
    def same(self) -> bool:
        """Whether each position of the output reads the one at its own place."""
        return self == Window(self.size)

    def clipped(self, start: Dim, stop: Dim) -> tuple[Dim, Dim]:
        """The same without what lies beyond the ends; the second number is not above the first where nothing is left.

        A window with gaps may begin beyond an end and skip the positions next to it:

        >>> Window(9, stride=2, before=1).clipped(0, 3), Window(9, before=2, extent=5, apart=4).clipped(0, 1)
        ((1, 4), (2, 3))
        """
        first, last = self.needs(start, stop)
        if self.apart == 1 and self.stride <= self.extent:
            return maximum(first, 0), minimum(last, self.size)
        # The highest is the lowest of what is seen from the other end.
        behind = self.size + self.before - self.extent - (stop - 1) * self.stride
        return self._lowest(start * self.stride - self.before, stop - start), self.size - self._lowest(
            behind, stop - start
        )

    def _lowest(self, first: Dim, windows: Dim) -> Dim:
        """The lowest position from 0 on that so many windows reach, the first of which begins at `first`; the size if none does."""
        ahead = maximum(ceil_div(-first, self.stride), 0)  # windows that begin before 0
        begins = where(ahead < windows, first + ahead * self.stride, self.size)
        over = maximum(ceil_div(1 - first - self.extent, self.stride), 0)  # of these, windows that end before 0
        reaching = maximum(minimum(ahead, windows) - over, 0)
        # What reaches over 0 from `begin` has its first position there at begin modulo the distance of positions.
        least = least_remainder(reaching, self.stride, first + over * self.stride, self.apart)
        return minimum(minimum(begins, where(reaching > 0, least, self.size)), self.size)


class Spread(NamedTuple):
    """The positions of an input that reach positions of the output of a transposed convolution.

    Position i of the input reaches those from i·scale - before on, `extent` of them, or every `apart`-th.
    """

    size: int
    scale: int
    """The stride of the convolution: so many positions of the output to one of the input."""
    before: int
    extent: int
    apart: int = 1

    @property
    def stride(self) -> int:
        """Positions of the input to `scale` positions of the output."""
        return 1

    def taps(self, at: int) -> range:
        """The positions that reach one position of the output, beyond the ends too; none where the stride leaves gaps.

        >>> [*Spread(4, 2, 1, 4).taps(1)], [*Spread(4, 2, 0, 1).taps(1)]  # i with 0 <= 1 + before - 2·i < extent
        ([0, 1], [])
        """
        place = at + self.before
        first, last = ceil_div(place - self.extent + 1, self.scale), place // self.scale
        # A tap is a multiple of `apart`: i·scale = place modulo that, which every so many i solve, or none.
        common = gcd(self.scale, self.apart)
        if place % common:
            return range(0)
        every = self.apart // common
        some = place // common * pow(self.scale // common, -1, every) % every
        return range(first + (some - first) % every, last + 1, every)

    @property
    def whole(self) -> bool:
        """Whether every position of the output reads all positions."""
        return False

    @property
    def same(self) -> bool:
        """Whether each position of the output reads the one at its own place."""
        return False


class Portion(NamedTuple):
    """The positions of an input that an adaptive pool averages: `scale` shares of it that may overlap."""

    size: int
    scale: int

    @property
    def stride(self) -> int:
        """Positions of the input to `scale` positions of the output."""
        return self.size

    def taps(self, at: int) -> range:
        """The positions in one share.

        >>> [Portion(7, 3).taps(at) for at in range(3)]
        [range(0, 3), range(2, 5), range(4, 7)]
        """
        return range(at * self.size // self.scale, -(-(at + 1) * self.size // self.scale))

    @property
    def whole(self) -> bool:
        """Whether every position of the output reads all positions."""
        return False

    @property
    def same(self) -> bool:
        """Whether each position of the output reads the one at its own place."""
        return False


Reads: TypeAlias = Window | Spread | Portion
"""What positions of the output read along one axis of an input; it repeats every `scale` positions, moved by `stride`."""
Windows = tuple[Window, ...]
"""One for each axis of a map but the channels."""


class Route(NamedTuple):
    """How an output depends on one input, along every axis of the input, the channels too."""

    reads: tuple[Reads, ...]
    to: tuple[int | frozenset[int], ...]
    """The axis of the output that goes along with each axis; where elements are moved, the axes over which they are
    scattered; none where the axis is gone."""


class NotLocal(Exception):
    """An op that cannot run on a patch, with the reason, in words that follow its name."""


def reach(step: Step) -> tuple[Windows, ...]:
    """The windows of each input; raises `NotLocal`.

    >>> from convcost import load
    >>> reach(load("mobilenet_v2").steps[0])[0][1]
    Window(size=224, stride=2, before=0, extent=3, scale=1, apart=1, ahead=0)
    """
    rank = _rank(step)
    if any(len(shape) != rank for shape in step.input_shapes) or rank < 2:
        raise NotLocal("reads or makes a tensor without positions, or of another number of axes")
    if step.node.op in _BY_AXES:
        _refuse_other_axes(step)
    elif step.node.op in _INTERPOLATING and step.node.attrs["mode"] != "nearest":
        raise NotLocal(f"interpolates ({step.node.attrs['mode']}), by a rule that differs between frameworks")
    of = _LOCAL.get(step.node.op) or (_each if step.traits.elementwise or step.node.op in _POINTWISE else None)
    if of is None:
        raise NotLocal(_WHY.get(step.node.op, "is not local in space"))
    return tuple(map(_stretched, [step] * len(step.input_shapes), of(step)))


def _rank(step: Step) -> int:
    """Axes of the (first) output; raises `NotLocal` where nobody knows its shape."""
    if not step.cost.out:
        raise NotLocal("makes a tensor of unknown shape")
    return len(step.cost.out[0])


def _refuse_other_axes(step: Step) -> None:
    rank = len(step.input_shapes[0])
    for axis in _named(step):
        if _at(rank, axis) != rank - 1:
            raise NotLocal(f"works along {worded(axis)}, not along the channels alone")


def _named(step: Step) -> Sequence[Any]:
    """What the attribute `axis` or `axes` names."""
    attrs = step.node.attrs
    return attrs["axes"] if "axes" in attrs else (attrs.get("axis", "channels"),)


def _stretched(step: Step, windows: Windows) -> Windows:
    """Where an input of one position is stretched over all of an axis, that one is needed."""
    out, many = step.cost.out[0], len(step.input_shapes) > 1
    return tuple(
        window._replace(stride=0) if many and window.size == 1 and size > 1 else window
        for window, size in zip(windows, out[:-1])
    )


def _each(step: Step) -> list[Windows]:
    """Each position needs the one at its place."""
    return [tuple(map(Window, shape[:-1])) for shape in step.input_shapes]


def _slid(step: Step) -> list[Windows]:
    """Windows along the last axes before the channels."""
    (x,), attrs = step.input_shapes[:1], step.node.attrs
    kernel = attrs["kernel"]
    ones = (1,) * len(kernel)
    stride, dilation = attrs.get("stride") or kernel, attrs.get("dilation", ones)
    padding, rounds = attrs.get("padding", ((0, 0),) * len(kernel)), bool(attrs.get("ceil_mode"))
    found = list(map(Window, x[: -1 - len(kernel)]))
    for size, taps, by, around, apart in zip(windowed(x, len(kernel)), kernel, stride, padding, dilation):
        extent = dilated(taps, apart)
        found.append(Window(size, by, slide(size, extent, by, around, rounds).before, extent, apart=apart))
    return [tuple(found)]


def _padded(step: Step) -> list[Windows]:
    attrs, rank = step.node.attrs, len(step.input_shapes[0])
    before = [0] * rank
    sides = zip(("height", "width"), attrs.get("padding") or ())
    ends = [(name, one) for name in ("height", "width", "length", "depth") for one in attrs.get(name) or ()]
    for axis, (ahead, _) in (*sides, *ends, *enumerate(attrs.get("around") or ())):
        before[_at(rank, axis)] += ahead
    return [tuple(Window(size, 1, ahead) for size, ahead in zip(step.input_shapes[0][:-1], before))]


def _at(rank: int, axis: Any) -> int:
    found = position(rank, axis)
    if found is None:  # the op's own rule refuses it
        raise NotLocal(f"names an axis {axis!r} that its input lacks")
    return found


def _cropped(step: Step) -> list[Windows]:
    """The middle: the odd position is cut off at the end."""
    sizes, out = step.input_shapes[0][:-1], step.cost.out[0]
    return [tuple(Window(size, 1, -((size - kept) // 2)) for size, kept in zip(sizes, out))]


def _sliced(step: Step) -> list[Windows]:
    attrs, shape = step.node.attrs, step.input_shapes[0]
    found = list(map(Window, shape))
    at = _at(len(shape), attrs["axis"])
    found[at] = Window(shape[at], attrs["step"], -attrs["start"])
    return [tuple(found[:-1])]


def _upsampled(step: Step) -> list[Windows]:
    """By a factor, or to a size; interpolation aligns the centres, and takes 2 or 4 neighbours along each axis."""
    attrs, shape = step.node.attrs, step.input_shapes[0]
    made = step.cost.out[0]
    taps = _INTERPOLATED.get(attrs["mode"], 2)
    found = list(map(Window, shape[:-1]))
    for axis, (size, new) in enumerate(zip(shape[:-1], made[:-1])):
        if axis < len(shape) - 1 - len(attrs.get("scale") or attrs["size"]) or new == size:
            continue
        common = gcd(size, new)
        by, to = size // common, new // common
        nearest = Window(size, by, scale=to)
        centred = Window(size, 2 * by, taps // 2 - 1, taps, 2 * to, ahead=by - to)
        found[axis] = nearest if taps == 1 else centred
    return [tuple(found)]


def _blocks(step: Step) -> list[Windows]:
    block = step.node.attrs["block"]
    spreads = step.node.op == "depth_to_space"
    one = {"scale": block} if spreads else {"stride": block, "extent": block}
    return [tuple(Window(size, **one) for size in step.input_shapes[0][:-1])]


_INTERPOLATING = ("upsample", "upsample1d", "upsample2d", "upsample3d")
_INTERPOLATED = {"nearest": 1, "bicubic": 4}
"""Mode -> the elements of the input that make one of the output, along each axis; 2 in all others."""
_BY_AXES = ("softmax", "log_softmax", "layer_norm", "rms_norm", "l2_normalize", "concat", "split")
_LOCAL: Mapping[str, Callable[[Step], Sequence[Windows]]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "conv2d_table", "subsample"), _slid),
    **dict.fromkeys([f"{kind}_pool{axes}" for kind in ("max", "avg") for axes in ("", "1d", "2d", "3d")], _slid),
    **dict.fromkeys(_INTERPOLATING, _upsampled),
    **dict.fromkeys(("softmax", "log_softmax", "layer_norm", "rms_norm", "l2_normalize"), _each),
    **dict.fromkeys(("concat", "split"), _each),
    **dict.fromkeys(("depth_to_space", "space_to_depth"), _blocks),
    "pad": _padded,
    "crop": _cropped,
    "slice": _sliced,
}
_POINTWISE = ("linear", "add", "multiply", "identity", "dropout", "channel_shuffle", "local_response_norm")
"""Ops that are not element-wise, but work on each position alone."""
_WHY = {
    **dict.fromkeys(("global_avg_pool", "global_max_pool"), "looks at all positions"),
    **dict.fromkeys(("adaptive_avg_pool", "adaptive_max_pool"), "has windows of different sizes"),
    **dict.fromkeys(("group_norm", "global_response_norm"), "takes its statistics over all positions"),
    **dict.fromkeys(("reduce", "cumulative"), "sums over positions"),
    **dict.fromkeys(("lstm", "gru", "rnn"), "goes through all positions"),
    **dict.fromkeys(("matmul", "flatten", "reshape", "transpose"), "mixes positions with other axes"),
    **dict.fromkeys(("deform_conv2d", "grid_sample", "roi_align"), "reads where its other input says"),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), "spreads its input"),
    **dict.fromkeys(("roll", "window_partition", "window_reverse"), "moves positions"),
    "unknown": "is not known",
}


def routes(step: Step) -> tuple[Route, ...]:
    """How the (first) output depends on each input, through whatever can be followed; raises `NotLocal`.

    >>> from convcost import load
    >>> pool = next(step for step in load("mobilenet_v2").steps if step.node.op == "global_avg_pool")
    >>> [read.whole for read in routes(pool)[0].reads], routes(pool)[0].to
    ([True, True, False], (0, 1, 2))
    """
    op = step.node.op
    _rank(step)
    if not step.input_shapes:
        return ()
    if (of := _ROUTED.get(op)) is not None:
        return tuple(of(step))
    if (windows := _WIDER.get(op) or _LOCAL.get(op)) is not None:
        return tuple(_followed(step, found) for found in windows(step))
    if step.traits.elementwise or op in (*_POINTWISE, *_BROADCAST, *_OVER_CHANNELS):
        return tuple(_stretching(step, shape) for shape in step.input_shapes)
    raise NotLocal(_WHY.get(op, "is not local in space"))


def _followed(step: Step, reads: Sequence[Reads]) -> Route:
    """Axes stay, and what is read along the channels follows from the op."""
    last = len(reads)
    size = step.input_shapes[0][-1]
    return Route((*reads, Window(size) if _keeps_channels(step) else _every(size)), tuple(range(last + 1)))


def _every(size: int) -> Window:
    """All positions, for each position of the output."""
    return Window(size, stride=0, extent=size)


def _keeps_channels(step: Step) -> bool:
    """Whether an output channel depends on the channel at its place alone."""
    return step.traits.elementwise or step.traits.channels == "alone" or step.node.op in (*_BROADCAST, "crop")


def _stretching(step: Step, shape: Sequence[int]) -> Route:
    """Each position reads the one at its place, or the only one along an axis that is stretched."""
    out = step.cost.out[0]
    first = len(out) - len(shape)
    places = zip(shape, out[first:])
    reads = [Window(size, stride=0) if size == 1 < new else Window(size) for size, new in places]
    if not _keeps_channels(step):
        reads[-1] = _every(shape[-1])
    return Route(tuple(reads), tuple(range(first, len(out))))


def _pooled(step: Step) -> list[list[Reads]]:
    """All positions."""
    return [[_every(size) for size in step.input_shapes[0][:-1]]]


def _adapted(step: Step) -> list[list[Reads]]:
    sizes, made = step.input_shapes[0][:-1], step.cost.out[0][:-1]
    return [[Window(size) if size == new else Portion(size, new) for size, new in zip(sizes, made)]]


def _spread(step: Step) -> list[list[Reads]]:
    """The taps of a transposed convolution, along the last axes before the channels."""
    (x,), attrs, out = step.input_shapes[:1], step.node.attrs, step.cost.out[0]
    kernel = attrs["kernel"]
    axes = len(kernel)
    found: list[Reads] = list(map(Window, x[: -1 - axes]))
    extras = attrs["output_padding"] or (None,) * axes
    each = zip(windowed(x, axes), windowed(out, axes), kernel, attrs["stride"], attrs["padding"], attrs["dilation"])
    for (size, new, taps, by, cropped, apart), extra in zip(each, extras):
        extent = dilated(taps, apart)
        if cropped == "same":
            before = extent // 2 if extra is not None else slide(new, extent, by, "same").before
        else:
            before = 0 if cropped == "valid" else cropped[0]
        found.append(Spread(size, by, before, extent, apart))
    return [found]


def _along_named(step: Step) -> list[Route]:
    """All positions along the axes that are named; the others stay by themselves."""
    shape = step.input_shapes[0]
    some = {_at(len(shape), axis) for axis in _named(step)}
    kept = step.node.attrs.get("keep", True)
    left = [at for at in range(len(shape)) if kept or at not in some]
    return [
        Route(
            tuple(_every(size) if at in some else Window(size) for at, size in enumerate(shape)),
            tuple(left.index(at) if at in left else frozenset() for at in range(len(shape))),
        )
    ]


def _recurrent(step: Step) -> list[Route]:
    """All tokens; at the last one, or at each, where the earlier ones see less and the last one sees all."""
    shape, out = step.input_shapes[0], step.cost.out[0]
    tokens = len(shape) - 2
    reads = [*map(Window, shape[:tokens]), _every(shape[-2]), _every(shape[-1])]
    to = [*range(tokens), tokens if len(out) == len(shape) else frozenset[int](), len(out) - 1]
    return [Route(tuple(reads), tuple(to))]


def _multiplied(step: Step) -> list[Route]:
    """The rows of the first, the columns of the second, and all that is summed over."""
    x, y = step.input_shapes
    rank = len(step.cost.out[0])
    columns = len(y) - (2 if step.node.attrs["transpose"] else 1)
    summed = 2 * len(y) - 3 - columns

    def route(shape: Sequence[int], gone: int, *, to: int) -> Route:
        leading = [Window(size, stride=0) if size == 1 else Window(size) for size in shape[:-2]]
        ends = [_every(shape[at]) if at == gone else Window(shape[at]) for at in (len(shape) - 2, len(shape) - 1)]
        axes = [frozenset[int]() if at == gone else to for at in (len(shape) - 2, len(shape) - 1)]
        return Route((*leading, *ends), (*range(rank - len(shape), rank - 2), *axes))

    return [route(x, len(x) - 1, to=rank - 2), route(y, summed, to=rank - 1)]


def _permuted(step: Step) -> list[Route]:
    shape = step.input_shapes[0]
    order = [_at(len(shape), axis) for axis in step.node.attrs["axes"]]
    return [Route(tuple(map(Window, shape)), tuple(order.index(at) for at in range(len(shape))))]


def _regrouped(step: Step) -> list[Route]:
    """The same elements in the same order: an axis stays where as many elements lie behind it as before, and is of one size."""
    shape, out = step.input_shapes[0], step.cost.out[0]
    behind = {(_product(out[at + 1 :]), size): at for at, size in enumerate(out) if size > 1}
    stay = [behind.get((_product(shape[at + 1 :]), size)) for at, size in enumerate(shape)]
    others = frozenset(at for at, size in enumerate(out) if at not in stay and size > 1)
    to = tuple((frozenset() if size == 1 else others) if at is None else at for at, size in zip(stay, shape))
    return [Route(tuple(map(Window, shape)), to)]


def _product(sizes: Sequence[int]) -> int:
    found = 1
    for size in sizes:
        found *= size
    return found


def _looked_up(step: Step) -> list[Route]:
    """Each element becomes a row of channels."""
    shape = step.input_shapes[0]
    return [Route(tuple(map(Window, shape)), tuple(range(len(shape))))]


def _moved(step: Step) -> list[Route]:
    """Each element goes to some place or several."""
    every = frozenset(range(len(step.cost.out[0])))
    return [Route(tuple(map(Window, shape)), (every,) * len(shape)) for shape in step.input_shapes]


def _along_one(step: Step) -> list[Route]:
    """Elements are moved along an axis, from several inputs or to several outputs; what lies along the others stays."""
    at = _at(len(step.input_shapes[0]), step.node.attrs.get("axis", "channels"))

    def place(axis: int) -> int | frozenset[int]:
        return frozenset({at}) if axis == at else axis

    return [Route(tuple(map(Window, shape)), tuple(map(place, range(len(shape))))) for shape in step.input_shapes]


def _gathered(step: Step) -> list[Route]:
    """Elements along an axis, chosen once and for all; which an input chooses, it depends on all of that input."""
    if len(step.input_shapes) > 1:
        raise NotLocal("reads where its other input says")
    return _along_one(step)


_BROADCAST = ("add", "multiply", "combine", "identity", "dropout", "expand")
"""Element-wise ops on one tensor or several, which are stretched where they have one position."""
_OVER_CHANNELS = ("split_softmax", "rbf")
"""Ops that look along the channels, at each position alone."""
_WIDER: Mapping[str, Callable[[Step], Sequence[Sequence[Reads]]]] = {
    **dict.fromkeys(("global_avg_pool", "global_max_pool", "group_norm", "global_response_norm"), _pooled),
    **dict.fromkeys(
        [f"adaptive_{kind}_pool{axes}" for kind in ("max", "avg") for axes in ("", "1d", "2d", "3d")], _adapted
    ),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _spread),
    **dict.fromkeys(("resize", "resize1d", "resize2d", "resize3d"), _upsampled),
}
"""Ops that cannot run on patches, but whose windows along each axis are known: those of each input."""
_ROUTED: Mapping[str, Callable[[Step], list[Route]]] = {
    **dict.fromkeys(("softmax", "log_softmax", "layer_norm", "rms_norm", "l2_normalize"), _along_named),
    **dict.fromkeys(("reduce", "cumulative", "top_k"), _along_named),
    **dict.fromkeys(("lstm", "gru", "rnn"), _recurrent),
    **dict.fromkeys(("flatten", "reshape"), _regrouped),
    **dict.fromkeys(("embedding", "one_hot"), _looked_up),
    **dict.fromkeys(("roll", "window_partition", "window_reverse", "unfold", "tile"), _moved),
    **dict.fromkeys(("concat", "split"), _along_one),
    "gather": _gathered,
    "transpose": _permuted,
    "matmul": _multiplied,
}
"""Ops whose axes go elsewhere, or that look along others than windows do."""
