"""Ops of PyTorch that slide windows without weights, or resample: pools, interpolation, unfolding."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from convcost.core.dims import Dim, is_symbolic, product
from convcost.core.errors import Unfit
from convcost.importers import build, fixed
from convcost.importers.contents import exact, scaled
from convcost.importers.lower import Lowering, Unsupported
from convcost.importers.model import Op
from convcost.importers.torch.arguments import RULES, data, number, numbers, output, per_axis, rule, tensor
from convcost.importers.values import Value, channels_at


def _axes(op: Op) -> int:
    """Along how many axes an op slides: the last digit in its name."""
    return next(int(letter) for letter in op.type if letter in "123")


def _read(low: Lowering, op: Op, axes: int) -> tuple[Value, tuple[int, ...]]:
    """What windows slide over, and its axes with the channels last."""
    x = data(low, tensor(low, op, "input" if "input" in op.attrs else "self"))
    return x, channels_at(x, x.rank - axes - 1, windows=axes)


def _lost(low: Lowering, op: Op, i: int, what: str) -> None:
    """A further output, which is lost if anything reads it."""
    if len(op.outputs) > i and op.outputs[i]:
        low.values[op.outputs[i]] = Value((), lost=what)


def _pool(low: Lowering, op: Op) -> None:
    axes = _axes(op)
    x, order = _read(low, op, axes)
    kernel = per_axis(low, op, "kernel_size", axes, 1)
    attrs: dict[str, Any] = {
        "kernel": kernel,
        "stride": per_axis(low, op, "stride", axes, 1) if op.attrs.get("stride") else kernel,
        "padding": per_axis(low, op, "padding", axes, 0),
    }
    if number(low, op, "ceil_mode", False):
        attrs["ceil_mode"] = True
    kind = "max_pool" if "max" in op.type else "avg_pool"
    if kind == "max_pool":
        attrs["dilation"] = per_axis(low, op, "dilation", axes, 1)
    fixed.note_window(low, op.inputs[0], x, order[-1 - axes : -1], kernel)
    low.layer(output(op, 0), f"{kind}{axes}d", x, order, attrs)
    _lost(low, op, 1, "it says where the largest elements of a pool were")


def _adaptive(low: Lowering, op: Op) -> None:
    axes = _axes(op)
    x, order = _read(low, op, axes)
    sizes = per_axis(low, op, "output_size", axes, 1)
    kind = "max" if "max" in op.type else "avg"
    wanted = [x.shape[at - axes] if size is None else size for at, size in enumerate(sizes)]
    if all(type(size) is int and size == 1 for size in wanted):
        build.whole_pooled(low, output(op, 0), x, order[-1], axes, "max" if kind == "max" else "mean")
    else:
        low.layer(output(op, 0), f"adaptive_{kind}_pool{axes}d", x, order, {"size": wanted})
    _lost(low, op, 1, "it says where the largest elements of a pool were")


def _resized(low: Lowering, op: Op) -> None:
    axes = _axes(op)
    x, order = _read(low, op, axes)
    modes = {"nearest": "nearest", "linear": "linear", "bicubic": "bicubic"}
    mode = next(word for name, word in modes.items() if name in op.type)
    mode = {("linear", 2): "bilinear", ("linear", 3): "trilinear"}.get((mode, axes), mode)
    before = x.shape[x.rank - axes :]
    words = ["scales"] if axes == 1 else [f"scales_{axis}" for axis in "dhw"[3 - axes :]]
    factors = op.attrs.get("scale_factors") or [op.attrs.get(word) for word in words]
    sizes = op.attrs.get("output_size")
    if sizes is None or (factors and all(one is not None for one in factors)):
        scales = [number(low, op, "", one) for one in factors or ()]
        if len(scales) != axes or None in scales:
            raise Unsupported("interpolation to an unknown size")
        if all(Fraction(one).denominator == 1 for one in scales):
            low.layer(op, f"upsample{axes}d", x, order, {"scale": [int(one) for one in scales], "mode": mode})
            return
        wanted: list[Dim] = [
            scaled(size, Fraction(exact(one) if is_symbolic(size) else float(one)), 53)
            for size, one in zip(before, scales)
        ]
    else:
        wanted = list(numbers(low, op, "output_size"))
        if len(wanted) != axes:
            raise Unfit(f"asks for {len(wanted)} sizes along {axes} axes")
        first = x.rank - axes
        written = {axis: one for axis, one in enumerate(sizes, start=first) if type(one) is int}
        here = fixed.sizes_here(low, op.inputs[0], x, written)
        wanted = [here.get(axis, one) for axis, one in enumerate(wanted, start=first)]
    _to_size(low, op, x, order, before, wanted, mode)


def _to_size(
    low: Lowering, op: Op, x: Value, order: tuple[int, ...], before: tuple[Dim, ...], wanted: list[Dim], mode: str
) -> None:
    axes = len(wanted)
    is_known = all(type(size) is int for size in (*before, *wanted))
    if is_known and list(before) == wanted:
        low.same(op, x)
    elif is_known and all(new % old == 0 for new, old in zip(wanted, before)):
        scale = [new // old for new, old in zip(wanted, before)]
        low.layer(op, f"upsample{axes}d", x, order, {"scale": scale, "mode": mode})
    else:
        low.layer(op, f"resize{axes}d", x, order, {"size": wanted, "mode": mode})


for _dims in (1, 2, 3):
    _pools = (f"max_pool{_dims}d", f"avg_pool{_dims}d", f"max_pool{_dims}d_with_indices")
    rule(*_pools, wants=-_dims - 1)(_pool)
    _pools = (f"adaptive_avg_pool{_dims}d", f"adaptive_max_pool{_dims}d", f"_adaptive_avg_pool{_dims}d")
    rule(*_pools, wants=-_dims - 1)(_adaptive)
    _modes = {1: ("linear",), 2: ("bilinear", "bicubic"), 3: ("trilinear",)}[_dims]
    _names = [f"{_mode}{_dims}d" for _mode in ("nearest", "nearest-exact", *_modes)]
    _names += [f"_{_name}" for _name in (f"nearest_exact{_dims}d", f"bilinear{_dims}d_aa", f"bicubic{_dims}d_aa")]
    rule(
        *dict.fromkeys(f"{'_' * _name.startswith('_')}upsample_{_name.lstrip('_')}" for _name in _names),
        wants=-_dims - 1,
    )(_resized)


@rule("pixel_shuffle", "pixel_unshuffle", wants=1)
def pixel_shuffle(low: Lowering, op: Op) -> None:
    x = data(low, tensor(low, op))
    is_spread = "upscale_factor" in op.attrs
    block = number(low, op, "upscale_factor" if is_spread else "downscale_factor")
    build.blocks(low, op, x, x.rank - 3, block, spread=is_spread)


@rule("channel_shuffle", "native_channel_shuffle", wants=1)
def channel_shuffle(low: Lowering, op: Op) -> None:
    x = data(low, tensor(low, op))
    order = channels_at(x, 1, windows=x.rank - 2)
    low.layer(op, "channel_shuffle", x, order, {"groups": number(low, op, "groups")})


@rule("im2col", wants=1)
def unfold(low: Lowering, op: Op) -> None:
    """(n, c, h, w) to (n, c·taps, windows)."""
    x = data(low, tensor(low, op))
    attrs = _window(low, op)
    order = channels_at(x, x.rank - 3, windows=2)
    if len(order) > 3:
        room = (
            (size + 2 * zeros, apart * (taps - 1) + 1, by)
            for size, taps, by, zeros, apart in zip(x.shape[-2:], *attrs.values())
        )
        windows = product((size - extent) // by + 1 for size, extent, by in room)
        raise Unsupported(
            "the windows of several maps", [(*x.shape[:-3], x.shape[-3] * product(attrs["kernel"]), windows)]
        )
    step = low.emit(op, "unfold", [low.present(x, order)], attrs)
    low.result(op, step, [x.rank - 2, x.rank - 3], x.rank - 1)


@rule("col2im", wants=1)
def fold(low: Lowering, op: Op) -> None:
    """(n, c·taps, windows) to (n, c, h, w)."""
    x = data(low, tensor(low, op))
    order = channels_at(x, x.rank - 2, windows=1)
    attrs = {**_window(low, op), "size": per_axis(low, op, "output_size", 2, 1)}
    if len(order) > 2:
        shape = (*x.shape[:-2], x.shape[-2] // product(attrs["kernel"]), *attrs["size"])
        raise Unsupported("several maps made of their windows", [shape])
    step = low.emit(op, "fold", [low.present(x, order)], attrs)
    rank = x.rank + 1
    low.result(op, step, [rank - 2, rank - 1, rank - 3], rank)


def _window(low: Lowering, op: Op) -> dict[str, Any]:
    words = {"kernel": "kernel_size", "stride": "stride", "padding": "padding", "dilation": "dilation"}
    return {ours: per_axis(low, op, theirs, 2, 0 if ours == "padding" else 1) for ours, theirs in words.items()}


@rule("grid_sampler", "grid_sampler_2d", wants=1)
def grid_sample(low: Lowering, op: Op) -> None:
    x, grid = data(low, tensor(low, op, "input")), data(low, tensor(low, op, "grid"))
    if x.rank != 4:
        raise Unsupported("elements of a volume at places that are computed")
    if x.axes[0] is not None:
        raise Unsupported("samples of several maps", [(*x.shape[:2], *grid.shape[1:-1])])
    mode = {0: "bilinear", 1: "nearest", 2: "bicubic"}.get(number(low, op, "interpolation_mode", 0), "bilinear")
    order = channels_at(x, 1, windows=2)
    edges = [low.present(x, order), low.present(grid, channels_at(grid, -1, windows=2))]
    low.result(op, low.emit(op, "grid_sample", edges, {"mode": mode}), order, x.rank)


@RULES.rule("torchvision.roi_align", wants=1)
def roi_align(low: Lowering, op: Op) -> None:
    """Boxes are rows of (image, left, top, right, bottom): their shape is known, or that of all that follows is not."""
    x, boxes = data(low, tensor(low, op, "input")), data(low, tensor(low, op, "rois"))
    size = [number(low, op, f"pooled_{side}") for side in ("height", "width")]
    if x.axes[0] is not None:
        raise Unsupported("regions of several images at once", [(boxes.shape[0], x.shape[1], *size)])
    edges = [low.present(x, channels_at(x, 1, windows=2)), low.present(boxes, (0, 1))]
    step = low.emit(op, "roi_align", edges, {"size": size})
    low.result(op, step, (0, 2, 3, 1), 4)
