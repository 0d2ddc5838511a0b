"""Which positions of its inputs an op needs for some positions of its output: what lets a network run in patches.

An op is local if each position of its output depends on a window of positions of each input, axis by axis. Convolutions,
pools and all that is element-wise are; what looks at all positions (a global pool, attention) or reorders them is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from convcost.core.axes import position, worded
from convcost.core.dims import Dim, ceil_div, maximum, minimum, where
from convcost.graph.walk import Step
from convcost.ops.window import dilated, slide, windowed


class Window(NamedTuple):
    """The positions along one axis of an input that positions of the output need.

    Position p of the output needs `extent` positions from floor(p·stride / scale) - before on.
    """

    size: int
    """Positions that the input has."""
    stride: int = 1
    before: int = 0
    extent: int = 1
    scale: int = 1
    apart: int = 1
    """The distance of the positions that are needed within the extent, of a dilated window."""

    def needs(self, start: Dim, stop: Dim) -> tuple[Dim, Dim]:
        """The first position that is needed for those from start to stop - 1, and the one after the last; some may lie beyond
        the ends of the axis, where there are zeros or nothing.

        >>> Window(112, stride=2, before=1, extent=3).needs(0, 7), Window(28, scale=2).needs(3, 7)
        ((-1, 14), (1, 4))
        """
        first, last = start * self.stride // self.scale, (stop - 1) * self.stride // self.scale
        return first - self.before, last - self.before + self.extent

    def clipped(self, start: Dim, stop: Dim) -> tuple[Dim, Dim]:
        """The same without what lies beyond the ends; the second number is not above the first where nothing is left.

        A window with gaps may begin beyond an end and skip the positions next to it:

        >>> Window(9, stride=2, before=1).clipped(0, 3), Window(9, before=2, extent=5, apart=4).clipped(0, 1)
        ((1, 4), (2, 3))
        """
        first, last = self.needs(start, stop)
        if self.apart == 1 and self.stride <= self.extent:
            return maximum(first, 0), minimum(last, self.size)
        lowest, highest = self.size, 0
        for tap in range(-self.before, self.extent - self.before, self.apart):
            # Of the positions p of the output, the first with p·stride + tap >= 0, and the last with p·stride + tap < size.
            ahead = maximum(start, ceil_div(-tap, self.stride))
            back = minimum(stop - 1, (self.size - 1 - tap) // self.stride)
            some = ahead <= back
            lowest = minimum(lowest, where(some, ahead * self.stride + tap, self.size))
            highest = maximum(highest, where(some, back * self.stride + tap + 1, 0))
        return lowest, highest


Windows = tuple[Window, ...]
"""One for each axis of a map but the channels."""


class NotLocal(Exception):
    """An op that cannot run on a patch, with the reason, in words that follow its name."""


def reach(step: Step) -> tuple[Windows, ...]:
    """The windows of each input; raises `NotLocal`.

    >>> from convcost import load
    >>> reach(load("mobilenet_v2").steps[0])[0][1]
    Window(size=224, stride=2, before=0, extent=3, scale=1, apart=1)
    """
    if any(len(shape) != len(step.cost.out[0]) for shape in step.input_shapes) or len(step.cost.out[0]) < 2:
        raise NotLocal("reads or makes a tensor without positions, or of another number of axes")
    of = _LOCAL.get(step.node.op) or (_each if step.traits.elementwise or step.node.op in _POINTWISE else None)
    if of is None:
        raise NotLocal(_WHY.get(step.node.op, "is not local in space"))
    return tuple(map(_stretched, [step] * len(step.input_shapes), of(step)))


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


def _by_channels(step: Step) -> list[Windows]:
    """What works along the channels alone, by the attribute `axis` or `axes`."""
    attrs, rank = step.node.attrs, len(step.input_shapes[0])
    for axis in attrs["axes"] if "axes" in attrs else (attrs.get("axis", "channels"),):
        if _at(rank, axis) != rank - 1:
            raise NotLocal(f"works along {worded(axis)}, not along the channels alone")
    return _each(step)


def _upsampled(step: Step) -> list[Windows]:
    attrs, shape = step.node.attrs, step.input_shapes[0]
    if attrs["mode"] != "nearest":
        raise NotLocal(f"interpolates ({attrs['mode']}), by a rule that differs between frameworks")
    before = len(shape) - 1 - len(attrs["scale"])
    scales = ((1,) * before, attrs["scale"])
    return [tuple(Window(size, scale=scale) for size, scale in zip(shape, (*scales[0], *scales[1])))]


def _blocks(step: Step) -> list[Windows]:
    block = step.node.attrs["block"]
    spreads = step.node.op == "depth_to_space"
    one = {"scale": block} if spreads else {"stride": block, "extent": block}
    return [tuple(Window(size, **one) for size in step.input_shapes[0][:-1])]


_LOCAL: Mapping[str, Callable[[Step], Sequence[Windows]]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "conv2d_table", "subsample"), _slid),
    **dict.fromkeys([f"{kind}_pool{axes}" for kind in ("max", "avg") for axes in ("", "1d", "2d", "3d")], _slid),
    **dict.fromkeys(("upsample", "upsample1d", "upsample2d", "upsample3d"), _upsampled),
    **dict.fromkeys(("softmax", "log_softmax", "layer_norm", "rms_norm", "l2_normalize"), _by_channels),
    **dict.fromkeys(("concat", "split"), _by_channels),
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
