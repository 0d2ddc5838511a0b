"""Element-wise functions of one tensor and of several, and other ops that papers do not count, as ``ops.py`` has the rest."""

from __future__ import annotations

from collections.abc import Iterator

from .ops import CHANNELS, Case, Made, called, last_axis


def cases() -> Iterator[Case]:
    """All of them on maps."""
    for made in (of_one, of_several, norms, along_an_axis, copies, places):
        yield from (Case(*each) for each in made())


def of_one() -> Made:
    import torch

    same = (
        "exp exp2 expm1 log log1p log2 log10 sqrt rsqrt reciprocal square abs sign erf erfc sin cos tan asin acos atan"
    )
    same += " sinh cosh asinh acosh atanh floor ceil round logical_not"
    for word in same.split():
        line, call = f"function: {{of: {word}}}", called(lambda x, word=word: getattr(torch, word)(x))
        yield line, call
        yield f"{{{line}, as: functional}}", call
    yield "function: {of: negate}", called(lambda x: -x)
    yield "function: {of: power}", called(lambda x: x**3)
    yield "function: {of: clip}", called(lambda x: torch.clamp(x, 0, 1))
    yield "function: {of: truncate}", called(lambda x: torch.trunc(x))  # noqa: PLW0108 - looked up when called
    yield "function: {of: cast}", called(lambda x: x.to(torch.float64))
    yield "function: {of: scale}", called(lambda x: x * 2.0)
    yield "{function: {of: scale}, as: functional}", called(lambda x: torch.mul(x, 2.0))
    yield "function: {of: shift}", called(lambda x: x + 2.0)
    yield "{function: {of: shift}, as: functional}", called(lambda x: torch.add(x, 2.0))


def of_several() -> Made:
    import torch

    both = "{identity: , name: a}, {identity: , name: b, in: a}, "
    for word, name in {
        "add": "add",
        "subtract": "sub",
        "multiply": "mul",
        "divide": "div",
        "maximum": "maximum",
        "minimum": "minimum",
        "power": "pow",
        "atan2": "atan2",
        "less": "lt",
        "equal": "eq",
    }.items():
        line = f"{both}{{combine: {{function: {word}}}, in: [a, b], as: functional}}"
        yield line, called(lambda x, name=name: getattr(torch, name)(x, x))
    line = "{combine: {function: subtract}, in: [a, b]}"
    yield both + line, called(lambda x: x - x)
    yield both + line.replace("subtract", "multiply"), called(lambda x: x * x)
    rows = "{identity: , name: x}, {reduce: {axes: width, function: max}, name: a, in: x}, "
    rows += "{reduce: {axes: height, function: max}, name: b, in: x}, "
    made = called(lambda x: torch.mul(x.amax(3, keepdim=True), x.amax(2, keepdim=True)))
    yield f"{rows}{{combine: {{function: multiply}}, in: [a, b], as: functional}}", made
    where = called(lambda x: torch.where(x > 0, x, x))
    known = "{identity: , name: x}, {function: {of: sign}, name: c}, "
    yield f"{known}{{combine: {{function: where}}, in: [c, x, x]}}", where


def norms() -> Made:
    from torch import nn
    from torch.nn import functional

    yield "rms_norm", lambda: last_axis(nn.RMSNorm(CHANNELS))
    yield "rms_norm: {scale: false}", lambda: last_axis(nn.RMSNorm(CHANNELS, elementwise_affine=False))
    yield "log_softmax", lambda: nn.LogSoftmax(dim=1)
    yield "{log_softmax: , as: functional}", called(lambda x: functional.log_softmax(x, dim=1))


def along_an_axis() -> Made:
    import torch

    yield "cumulative: {axis: height}", called(lambda x: torch.cumsum(x, 2))
    yield "{cumulative: {axis: width, function: product}, as: functional}", called(lambda x: torch.cumprod(x, 3))
    for word, name in {"argmax": "argmax", "variance": "var", "product": "prod"}.items():
        line = f"reduce: {{axes: channels, function: {word}}}"
        yield line, called(lambda x, name=name: getattr(torch, name)(x, dim=1, keepdim=True))


def copies() -> Made:
    import torch
    from torch.nn import functional

    yield "tile: {repeats: [2, 1, 3]}", called(lambda x: x.repeat(1, 3, 2, 1))
    yield "pad: {around: [0, [1, 0], 2]}", called(lambda x: functional.pad(x, (1, 0, 0, 0, 2, 2)))
    chosen = "{reduce: {axes: channels, function: argmax, keep: false}}, {reshape: {shape: [120]}}, "
    one_hot = called(lambda x: functional.one_hot(x.argmax(1).reshape(1, 120), 8))
    yield f"{chosen}{{one_hot: {{channels: 8}}}}", one_hot
    yield "scatter", called(lambda x: torch.index_fill(x, 2, torch.zeros(1, dtype=torch.int64, device=x.device), 0.0))


def places() -> Made:
    from torch.nn import functional

    grid = "{identity: , name: x}, {slice: {stop: 2}, name: grid}, "
    for mode in ("nearest", "bilinear", "bicubic"):
        line = f"{grid}{{grid_sample: {{mode: {mode}}}, in: [x, grid]}}"
        yield (
            line,
            called(
                lambda x, mode=mode: functional.grid_sample(
                    x, x[:, :2].permute(0, 2, 3, 1), mode=mode, align_corners=False
                )
            ),
        )
