"""Ops whose windows slide along one, two or three axes, and what else depends on their number, as ``ops.py`` has them."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from .ops import CHANNELS, READS, Case, Made, called, holding

ALONG = {1: "sequence", 2: "map", 3: "volume"}
"""Axes that a window slides along -> what is read."""
LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
HEAD = {1: (288, 96), 2: (2880, 960), 3: (2880, 960)}
"""MACs and biases of the layer before."""


def cases() -> Iterator[Case]:
    """All of them."""
    for axes, read in ALONG.items():
        for made in (
            weighted(axes),
            held(axes),
            derived_classes(axes),
            pools(axes),
            adaptive(axes),
            interpolations(axes),
        ):
            yield from (Case(*each)._replace(read=READS[read]) for each in made)
    for axes in (1, 3):
        for made in (whole(axes), norms(axes)):
            yield from (Case(*each)._replace(read=READS[ALONG[axes]]) for each in made)


def weighted(axes: int) -> Made:
    from torch import nn

    conv, back = getattr(nn, f"Conv{axes}d"), getattr(nn, f"ConvTranspose{axes}d")
    yield f"conv{axes}d: {{channels: 16, kernel: 3, stride: 2, groups: 4}}", lambda: conv(8, 16, 3, 2, groups=4)
    yield f"conv{axes}d: {{channels: 4, kernel: 2, bias: false}}", lambda: conv(8, 4, 2, bias=False)
    up = f"conv_transpose{axes}d: {{channels: 4, kernel: 2, stride: 2"
    yield f"{up}, bias: false}}", lambda: back(8, 4, 2, 2, bias=False)
    # calflops adds a bias at the positions that a convolution of stride 2 would have
    macs, positions = {1: (12 * 2 * 8 * 4, 6), 2: (120 * 4 * 8 * 4, 6 * 5), 3: (120 * 8 * 8 * 4, 2 * 3 * 2)}[axes]
    head = 2 * HEAD[axes][0] + HEAD[axes][1]
    yield f"{up}}}", lambda: back(8, 4, 2, 2), {"calflops": head + 2 * macs + positions * 4}
    # and divides by the groups twice; torchprofile takes all 8 channels at each tap of each output, whatever the groups
    outputs = {1: 24, 2: 24 * 20, 3: 8 * 12 * 10}[axes] * 4
    beyond = {"calflops": head + 2 * macs // 4, "torchprofile": HEAD[axes][0] + outputs * 8 * 2**axes}
    yield f"{up}, groups: 2, bias: false}}", lambda: back(8, 4, 2, 2, groups=2, bias=False), beyond


def held(axes: int) -> Made:
    """Convolutions that are functions, with the weights of a module that is not called."""
    from torch import nn
    from torch.nn import functional

    conv, back = getattr(nn, f"Conv{axes}d"), getattr(nn, f"ConvTranspose{axes}d")
    line = f"{{conv{axes}d: {{channels: 8, kernel: 3}}, as: functional}}"
    yield line, lambda: holding(conv(8, 8, 3), f"conv{axes}d")
    line = f"{{conv_transpose{axes}d: {{channels: 8, kernel: 2, bias: false}}, as: functional}}"
    yield line, lambda: holding(back(8, 8, 2, bias=False), f"conv_transpose{axes}d")
    # torchinfo counts the parameters of a module that has no other inside
    line, kernel = f"{{conv{axes}d: {{channels: 4, kernel: 3}}, as: functional}}", (3,) * axes
    call = called(
        lambda x, **weights: getattr(functional, f"conv{axes}d")(x, **weights),  # noqa: PLW0108 - looked up when called
        weight=(4, 8, *kernel),
        bias=(4,),
    )
    yield line, call, {"torchinfo": sum(HEAD[axes]) + 3**axes * 8 * 4 + 4}


def derived_classes(axes: int) -> Made:
    """Convolutions of a class derived from PyTorch's."""
    from torch import nn

    for name, op in ((f"Conv{axes}d", f"conv{axes}d"), (f"ConvTranspose{axes}d", f"conv_transpose{axes}d")):
        own = type(f"Own{name}", (getattr(nn, name),), {})
        yield (
            f"{{{op}: {{channels: 8, kernel: 3, bias: false}}, as: derived}}",
            lambda own=own: own(8, 8, 3, bias=False),
        )


def pools(axes: int) -> Made:
    from torch import nn
    from torch.nn import functional

    for kind in ("max", "avg"):
        module, function = getattr(nn, f"{kind.title()}Pool{axes}d"), f"{kind}_pool{axes}d"
        yield f"{function}: {{kernel: 2}}", lambda module=module: module(2)
        yield f"{function}: {{kernel: 3, stride: 2, padding: 1}}", lambda module=module: module(3, 2, 1)
        call = called(lambda x, function=function: getattr(functional, function)(x, 2))
        yield f"{{{function}: {{kernel: 2}}, as: functional}}", call


def adaptive(axes: int) -> Made:
    """To sizes that divide those of the input: elsewhere, thop may cut off 1."""
    from torch import nn
    from torch.nn import functional

    size = {1: [3], 2: [3, 5], 3: [2, 3, 5]}[axes]
    for kind in ("max", "avg"):
        module, function = getattr(nn, f"Adaptive{kind.title()}Pool{axes}d"), f"adaptive_{kind}_pool{axes}d"
        yield f"{function}: {{size: {size}}}", lambda module=module: module(tuple(size))
        call = called(lambda x, function=function: getattr(functional, function)(x, size))
        yield f"{{{function}: {{size: {size}}}, as: functional}}", call


def whole(axes: int) -> Made:
    """Pools over all positions."""
    from torch import nn
    from torch.nn import functional

    for kind in ("max", "avg"):
        module, function = getattr(nn, f"Adaptive{kind.title()}Pool{axes}d"), f"adaptive_{kind}_pool{axes}d"
        yield f"global_{kind}_pool", lambda module=module: module(1)
        call = called(lambda x, function=function: getattr(functional, function)(x, 1))
        yield f"{{global_{kind}_pool: , as: functional}}", call
    mean = called(lambda x: x.mean(tuple(range(2, 2 + axes)), keepdim=True))
    yield "{global_avg_pool: , as: mean}", mean


def interpolations(axes: int) -> Made:
    from torch import nn
    from torch.nn import functional

    size = {1: [31], 2: [9, 31], 3: [9, 7, 5]}[axes]
    for mode in ("nearest", LINEAR[axes]):
        yield f"upsample{axes}d: {{scale: 2, mode: {mode}}}", lambda mode=mode: nn.Upsample(scale_factor=2, mode=mode)
        yield f"resize{axes}d: {{size: {size}, mode: {mode}}}", lambda mode=mode: nn.Upsample(tuple(size), mode=mode)
        grown = f"{{upsample{axes}d: {{scale: 3, mode: {mode}}}, as: functional}}"
        yield grown, called(lambda x, mode=mode: functional.interpolate(x, scale_factor=3, mode=mode))
        sized = f"{{resize{axes}d: {{size: {size}, mode: {mode}}}, as: functional}}"
        yield sized, called(lambda x, mode=mode: functional.interpolate(x, size=size, mode=mode))


def norms(axes: int) -> Made:
    """Ops that read any shape, beside the module of PyTorch for this number of axes."""
    from torch import nn

    norm = getattr(nn, f"BatchNorm{axes}d")
    yield "batch_norm", lambda: norm(CHANNELS)
    yield "batch_norm: {scale: false, shift: false}", lambda: norm(CHANNELS, affine=False)
    yield "group_norm: {groups: 4}", lambda: nn.GroupNorm(4, CHANNELS)
    yield "local_response_norm", lambda: nn.LocalResponseNorm(5)
    yield "prelu", lambda: nn.PReLU(CHANNELS)
    yield "softmax", lambda: nn.Softmax(dim=1)
    yield "relu", nn.ReLU
    padded = {1: "{length: [1, 2]}", 3: "{depth: 1, height: 1, width: 1}"}[axes]
    yield f"pad: {padded}", lambda: {1: nn.ZeroPad1d, 3: nn.ZeroPad3d}[axes]((1, 2) if axes == 1 else 1)
    yield (
        "flatten, linear: {channels: 7}",
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(prod(READS[ALONG[axes]].sizes) * CHANNELS, 7)),
    )
