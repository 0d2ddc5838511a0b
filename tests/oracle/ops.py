"""Every op of the language that PyTorch has, as layers of a spec beside the module or function that they stand for.

Each stands behind a layer from 3 to 8 channels, because some counters stumble over networks without parameters. What a
counter sees of an op depends on whether it is a module or a function call, so both are here. Functions are looked up when
they are called, not before: some counters put their own in the place of PyTorch's while they count.

Here are the ops that read maps. Those that slide along one, two or three axes are in ``ops_axes.py``, those of tokens in
``ops_tokens.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import nn

CHANNELS = 8
"""Of what the op under test reads."""


class Read(NamedTuple):
    """What the op under test reads, besides its channels, and what makes these of 3."""

    sizes: tuple[int, ...]
    head: str
    """A layer of a spec."""
    module: str
    """The same in torch.nn, called with 3 and 8, and with a kernel of 1 if it is a convolution."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The input in PyTorch, without the batch: channels first for a convolution."""
        return (3, *self.sizes) if self.module.startswith("Conv") else (*self.sizes, 3)


HEIGHT, WIDTH = 12, 10
READS = {
    "map": Read((HEIGHT, WIDTH), "conv2d: {channels: 8, kernel: 1}", "Conv2d"),
    "sequence": Read((12,), "conv1d: {channels: 8, kernel: 1}", "Conv1d"),
    "volume": Read((4, 6, 5), "conv3d: {channels: 8, kernel: 1}", "Conv3d"),
    "tokens": Read((12,), "linear: {channels: 8}", "Linear"),
    "stack": Read((2, 12), "linear: {channels: 8, at: positions}", "Linear"),
}
"""Tokens are a sequence, and a stack is several of them, with the channels last in PyTorch as well. The layer before the op
takes 2,880 MACs and adds 960 biases on a map or volume, 288 and 96 on a sequence or tokens, 576 and 192 on a stack."""


class Case(NamedTuple):
    """An op as a spec says it, and how to build it in PyTorch."""

    layers: str
    """Layers of a spec, as the items of a YAML list."""
    build: Callable[[], nn.Module]
    beyond: Mapping[str, int] = {}
    """Convention -> what its tool prints, by hand, where no linear function over the ledger gives that."""
    read: Read = READS["map"]

    @property
    def spec(self) -> str:
        """A network that ends with these layers."""
        sizes = ", ".join(map(str, self.read.sizes))
        head = f"convcost: 1\nname: one\ninput: [{sizes}, 3]\nlayers:\n  - {self.read.head}\n"
        return f"{head}  - {{layers: [{self.layers}]}}\n"

    def network(self) -> nn.Module:
        """The same in PyTorch."""
        from torch import nn

        kernel = (1,) if self.read.module.startswith("Conv") else ()
        return nn.Sequential(getattr(nn, self.read.module)(3, CHANNELS, *kernel), self.build()).eval()


ACTIVATIONS = {
    "relu": "ReLU relu",
    "relu6": "ReLU6 relu6",
    "leaky_relu": "LeakyReLU leaky_relu",
    "elu": "ELU elu",
    "selu": "SELU selu",
    "gelu": "GELU gelu",
    "silu": "SiLU silu",
    "swish": "SiLU silu",
    "mish": "Mish mish",
    "hard_swish": "Hardswish hardswish",
    "hard_sigmoid": "Hardsigmoid hardsigmoid",
    "sigmoid": "Sigmoid sigmoid",
    "tanh": "Tanh tanh",
    "softplus": "Softplus softplus",
}
"""Op -> the module of torch.nn, and the function of torch.nn.functional."""
MODES = ("nearest", "bilinear", "bicubic")
NO_COUNTERPART = {"conv2d_table", "rbf", "subsample", "roi_align", "unknown"}
"""Ops of 1998 that PyTorch lacks, one that torchvision runs as a kernel of its own, and what nobody knows."""


def cases() -> Iterator[Case]:
    """All of them on maps."""
    for made in (activations(), pools(), norms(), interpolations(), weighted(), moves(), joins(), held()):
        yield from (Case(*each) for each in made)


Made = Iterator[tuple[str, Callable[[], Any]] | tuple[str, Callable[[], Any], Mapping[str, int]]]


def activations() -> Made:
    from torch import nn
    from torch.nn import functional

    for op, names in ACTIVATIONS.items():
        module, function = names.split()
        yield op, getattr(nn, module)
        yield f"{{{op}: , as: functional}}", called(lambda x, function=function: getattr(functional, function)(x))
    yield "prelu", lambda: nn.PReLU(CHANNELS)
    yield "softmax", lambda: nn.Softmax(dim=1)
    yield "{softmax: , as: functional}", called(lambda x: functional.softmax(x, dim=1))
    yield "flatten, softmax", lambda: nn.Sequential(nn.Flatten(), nn.Softmax(dim=1))


def pools() -> Made:
    from torch import nn
    from torch.nn import functional

    yield "max_pool: {kernel: 2}", lambda: nn.MaxPool2d(2)
    yield "max_pool: {kernel: 3, stride: 2, padding: 1}", lambda: nn.MaxPool2d(3, 2, 1)
    yield "{max_pool: {kernel: 2}, as: functional}", called(lambda x: functional.max_pool2d(x, 2))
    yield "avg_pool: {kernel: 2}", lambda: nn.AvgPool2d(2)
    yield "avg_pool: {kernel: 3, stride: 1, padding: 1}", lambda: nn.AvgPool2d(3, 1, 1)
    yield "{avg_pool: {kernel: 2}, as: functional}", called(lambda x: functional.avg_pool2d(x, 2))
    yield "adaptive_avg_pool: {size: [3, 5]}", lambda: nn.AdaptiveAvgPool2d((3, 5))
    yield "{adaptive_avg_pool: {size: 4}, as: functional}", called(lambda x: functional.adaptive_avg_pool2d(x, 4))
    yield "adaptive_max_pool: {size: [3, 5]}", lambda: nn.AdaptiveMaxPool2d((3, 5))
    yield "{adaptive_max_pool: {size: 4}, as: functional}", called(lambda x: functional.adaptive_max_pool2d(x, 4))
    yield "global_avg_pool", lambda: nn.AdaptiveAvgPool2d(1)
    yield "{global_avg_pool: , as: functional}", called(lambda x: functional.adaptive_avg_pool2d(x, 1))
    yield "{global_avg_pool: , as: mean}", called(lambda x: x.mean([2, 3], keepdim=True))
    yield "global_max_pool", lambda: nn.AdaptiveMaxPool2d(1)
    yield "{global_max_pool: , as: functional}", called(lambda x: functional.adaptive_max_pool2d(x, 1))


def norms() -> Made:
    from torch import nn
    from torch.nn import functional

    yield "batch_norm", lambda: nn.BatchNorm2d(CHANNELS)
    yield "batch_norm: {scale: false, shift: false}", lambda: nn.BatchNorm2d(CHANNELS, affine=False)
    yield "layer_norm", lambda: last_axis(nn.LayerNorm(CHANNELS))
    yield "layer_norm: {shift: false}", lambda: last_axis(nn.LayerNorm(CHANNELS, bias=False))
    plain = "layer_norm: {scale: false, shift: false}"
    yield plain, lambda: last_axis(nn.LayerNorm(CHANNELS, elementwise_affine=False))
    yield "group_norm: {groups: 4}", lambda: nn.GroupNorm(4, CHANNELS)
    yield "group_norm: {groups: 4, scale: false, shift: false}", lambda: nn.GroupNorm(4, CHANNELS, affine=False)
    # thop knows the module that normalises each channel by itself, and no other group norm
    single = "group_norm: {groups: 8"
    yield f"{single}}}", lambda: nn.InstanceNorm2d(CHANNELS, affine=True), {"thop": 2880 + 4 * 960}
    yield f"{single}, scale: false, shift: false}}", lambda: nn.InstanceNorm2d(CHANNELS), {"thop": 2880 + 2 * 960}
    for size in (4, 5):
        yield f"local_response_norm: {{size: {size}}}", lambda size=size: nn.LocalResponseNorm(size)
    yield "{local_response_norm: , as: functional}", called(lambda x: functional.local_response_norm(x, 5))


def interpolations() -> Made:
    from torch import nn
    from torch.nn import functional

    for mode in MODES:
        yield f"upsample: {{scale: 2, mode: {mode}}}", lambda mode=mode: nn.Upsample(scale_factor=2, mode=mode)
        yield f"resize: {{size: [9, 31], mode: {mode}}}", lambda mode=mode: nn.Upsample((9, 31), mode=mode)
        grown = f"{{upsample: {{scale: 3, mode: {mode}}}, as: functional}}"
        yield grown, called(lambda x, mode=mode: functional.interpolate(x, scale_factor=3, mode=mode))
        sized = f"{{resize: {{size: [9, 31], mode: {mode}}}, as: functional}}"
        yield sized, called(lambda x, mode=mode: functional.interpolate(x, (9, 31), mode=mode))


def weighted() -> Made:
    from torch import nn

    yield "conv2d: {channels: 16, kernel: 3, dilation: 2}", lambda: nn.Conv2d(8, 16, 3, dilation=2)
    yield "{conv2d: {channels: 7, kernel: 1}, as: linear}", lambda: last_axis(nn.Linear(CHANNELS, 7))
    for bias in (True, False):
        line = f"flatten, linear: {{channels: 7, bias: {str(bias).lower()}}}"
        yield line, lambda bias=bias: nn.Sequential(nn.Flatten(), nn.Linear(HEIGHT * WIDTH * CHANNELS, 7, bias))


def moves() -> Made:
    import torch
    from torch import nn
    from torch.nn import functional

    yield "identity", nn.Identity
    yield "dropout: {rate: 0.5}", nn.Dropout
    yield "{dropout: {rate: 0.5}, as: functional}", called(lambda x: functional.dropout(x, 0.5, training=False))
    yield "flatten", nn.Flatten
    yield "{flatten: , as: functional}", called(lambda x: torch.flatten(x, 1))
    yield "pad: {padding: [1, 2]}", lambda: nn.ZeroPad2d((2, 2, 1, 1))
    yield "{pad: {padding: [1, 2]}, as: functional}", called(lambda x: functional.pad(x, (2, 2, 1, 1)))
    yield "channel_shuffle: {groups: 2}", lambda: nn.ChannelShuffle(2)
    yield "{channel_shuffle: {groups: 2}, as: functional}", called(_shuffled)
    yield "depth_to_space: {block: 2}", lambda: nn.PixelShuffle(2)
    yield "{depth_to_space: {block: 2}, as: functional}", called(lambda x: functional.pixel_shuffle(x, 2))
    yield "space_to_depth: {block: 2}", lambda: nn.PixelUnshuffle(2)
    yield "{space_to_depth: {block: 2}, as: functional}", called(lambda x: functional.pixel_unshuffle(x, 2))
    yield "{slice: {start: 2, stop: 5}}", called(lambda x: x[:, 2:5])
    swapped = "{split: {sections: 2}, name: s}, {concat: , in: ['s:1', 's:0']}"
    yield swapped, called(lambda x: torch.cat([*reversed(x.chunk(2, 1))], 1))


def joins() -> Made:
    """Ops of several tensors: by an operator, and as a function call."""
    import torch

    both = "{identity: , name: a}, {identity: , name: b, in: a}, "
    yield both + "{add: , in: [a, b]}", called(lambda x: x + x)
    yield both + "{add: , in: [a, b], as: functional}", called(lambda x: torch.add(x, x))
    yield both + "{add: , in: [a, b, a], as: functional}", called(lambda x: torch.add(torch.add(x, x), x))
    yield both + "{concat: , in: [a, b]}", called(lambda x: torch.cat([x, x], 1))
    yield both + "{multiply: , in: [a, b]}", called(lambda x: x * x)
    yield both + "{multiply: , in: [a, b, a]}", called(lambda x: x * x * x)
    gated = "{identity: , name: a}, {global_avg_pool: , as: mean, name: g}, {multiply: , in: [a, g]"
    yield f"{gated}}}", called(lambda x: x * x.mean([2, 3], keepdim=True))
    yield f"{gated}, as: functional}}", called(lambda x: torch.mul(x, x.mean([2, 3], keepdim=True)))


def held() -> Made:
    """Functions whose weights a module of another class holds."""
    import torch
    from torch.nn import functional

    ends = {"weight": (8,), "bias": (8,)}
    made: dict[str, tuple[Callable[..., Any], dict[str, tuple[int, ...]]]] = {
        "{prelu: , as: functional}": (
            lambda x, weight: functional.prelu(x, weight),  # noqa: PLW0108 - looked up when called
            {"weight": (8,)},
        ),
        "{batch_norm: , as: functional}": (
            lambda x, **weights: functional.batch_norm(x, x.new_zeros(8), x.new_ones(8), **weights),
            ends,
        ),
        "{layer_norm: , as: functional}": (
            lambda x, **weights: functional.layer_norm(x.permute(0, 2, 3, 1), (8,), **weights).permute(0, 3, 1, 2),
            ends,
        ),
        "{group_norm: {groups: 4}, as: functional}": (
            lambda x, **weights: functional.group_norm(x, 4, **weights),
            ends,
        ),
        "scale": (lambda x, factor: x * factor, {"factor": (8, 1, 1)}),
        "scale: {shift: true}": (lambda x, f, shift: x * f + shift, {"f": (8, 1, 1), "shift": (8, 1, 1)}),
        "{scale: {shift: true}, as: functional}": (
            lambda x, f, shift: torch.add(torch.mul(x, f), shift),
            {"f": (1, 8, 1, 1), "shift": (1, 8, 1, 1)},
        ),
    }
    for layers, (function, shapes) in made.items():
        yield layers, called(function, **shapes)


def called(function: Callable[..., Any], **shapes: tuple[int, ...]) -> Callable[[], Any]:
    """What makes a module that calls a function, with parameters of these names and shapes."""

    def build() -> nn.Module:
        import torch
        from torch import nn

        class Calls(nn.Module):
            def forward(self, x: Any) -> Any:
                return function(x, **dict(self.named_parameters()))

        module = Calls()
        for name, shape in shapes.items():
            module.register_parameter(name, nn.Parameter(torch.zeros(shape)))
        return module

    return build


def holding(module: nn.Module, function: str) -> nn.Module:
    """A module that calls a function with the weights of another one, which it holds."""
    from torch import nn
    from torch.nn import functional

    class Holds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.held = module

        def forward(self, x: Any) -> Any:
            return getattr(functional, function)(x, self.held.weight, self.held.bias)

    return Holds()


def last_axis(module: nn.Module) -> nn.Module:
    """A module that works on the last axis, put between two permutations."""
    from torch import nn

    class Permuted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, x: Any) -> Any:
            # Contiguous, as behind a norm: PyTorch makes a product and a sum of a linear layer on anything else.
            return self.module(x.permute(0, 2, 3, 1).contiguous()).permute(0, 3, 1, 2)

    return Permuted()


def _shuffled(x: Any) -> Any:
    batch, channels, height, width = x.shape
    return x.view(batch, 2, channels // 2, height, width).transpose(1, 2).reshape(x.shape)
