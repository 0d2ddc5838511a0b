"""Ops on tokens and on stacks of tokens, as ``ops.py`` has those on maps; and what takes maps apart and puts them together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from .ops import CHANNELS, HEIGHT, READS, WIDTH, Case, Made, called, holding

if TYPE_CHECKING:
    from torch import nn

TOKENS, HEADS = 12, 2


def cases() -> Iterator[Case]:
    """All of them."""
    for read, families in {
        "tokens": (linear, recurrent, norms, activations, reductions, selections, stored, attention),
        "stack": (products, joins, linear_on_stacks),
        "map": (rearrangements, on_maps),
    }.items():
        for made in families:
            yield from (Case(*each)._replace(read=READS[read]) for each in made())


def linear() -> Made:
    from torch import nn
    from torch.nn import functional

    yield "linear: {channels: 7}", lambda: nn.Linear(CHANNELS, 7)
    yield "linear: {channels: 7, bias: false}", lambda: nn.Linear(CHANNELS, 7, bias=False)
    own = type("OwnLinear", (nn.Linear,), {})
    yield "{linear: {channels: 7}, as: derived}", lambda: own(CHANNELS, 7)
    yield "{linear: {channels: 7}, as: functional}", lambda: holding(nn.Linear(CHANNELS, 7), "linear")
    call = called(lambda x, **weights: functional.linear(x, **weights), weight=(7, CHANNELS), bias=(7,))  # noqa: PLW0108
    # torchinfo counts the parameters of a module that has no other inside, once as those of the layer before
    yield "{linear: {channels: 7}, as: functional}", call, {"torchinfo": 24 + 8 + 56 + 7}


def linear_on_stacks() -> Made:
    from torch import nn

    yield "linear: {channels: 7, at: positions}", lambda: nn.Linear(CHANNELS, 7)


def recurrent() -> Made:
    from torch import nn

    for op in ("lstm", "gru", "rnn"):
        module = getattr(nn, op.upper())
        for both in (False, True):
            for biases in (0, 2):
                line = f"{op}: {{channels: 5, bidirectional: {str(both).lower()}, biases: {biases}}}"
                options = {"bidirectional": both, "bias": biases > 0, "batch_first": True}
                yield line, lambda module=module, options=options: every_state(module(CHANNELS, 5, **options))
        last = f"{op}: {{channels: 5, last: true}}"
        yield last, lambda module=module: last_state(module(CHANNELS, 5, batch_first=True))


def every_state(module: nn.Module) -> nn.Module:
    """A recurrent layer of which the states after each step are read."""
    return _read(module, lambda states: states)


def last_state(module: nn.Module) -> nn.Module:
    """A recurrent layer of which only the state after the last step is read."""
    return _read(module, lambda states: states[:, -1])


def _read(module: nn.Module, read: Callable[[Any], Any]) -> nn.Module:
    from torch import nn

    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, x: Any) -> Any:
            return read(self.module(x)[0])

    return Reads()


def norms() -> Made:
    from torch import nn
    from torch.nn import functional

    both = (TOKENS, CHANNELS)
    axes = "axes: [length, channels]"
    yield "layer_norm", lambda: nn.LayerNorm(CHANNELS)
    yield f"layer_norm: {{{axes}}}", lambda: nn.LayerNorm(both)
    yield f"layer_norm: {{{axes}, scale: false, shift: false}}", lambda: nn.LayerNorm(both, elementwise_affine=False)
    call = called(lambda x, **weights: functional.layer_norm(x, both, **weights), weight=both, bias=both)
    yield f"{{layer_norm: {{{axes}}}, as: functional}}", call
    yield "l2_normalize", called(lambda x: functional.normalize(x, dim=-1))
    yield "l2_normalize: {axis: length}", called(lambda x: functional.normalize(x, dim=1))


def activations() -> Made:
    from torch import nn
    from torch.nn import functional

    yield "softmax", lambda: nn.Softmax(dim=-1)
    # 12 exponentials, 11 sums and 12 quotients of each channel
    yield "softmax: {axis: length}", lambda: nn.Softmax(dim=1), {"thop": 288 + 8 * (12 + 11 + 12)}
    yield "{softmax: {axis: length}, as: functional}", called(lambda x: functional.softmax(x, dim=1))
    yield "gelu", nn.GELU


def reductions() -> Made:
    import torch

    reduced: dict[str, Callable[[Any], Any]] = {
        "mean": lambda x: x.mean(1, keepdim=True),
        "sum": lambda x: x.sum(1, keepdim=True),
        "max": lambda x: x.amax(1, keepdim=True),
        "min": lambda x: x.amin(1, keepdim=True),
        "norm": lambda x: x.norm(dim=1, keepdim=True),
    }
    for function, call in reduced.items():
        yield f"reduce: {{axes: length, function: {function}}}", called(call)
    yield "reduce: {axes: channels, function: mean, keep: false}", called(lambda x: torch.mean(x, 2))
    yield "reduce: {axes: [length, channels], function: mean}", called(lambda x: x.mean((1, 2), keepdim=True))


def selections() -> Made:
    import torch
    from torch import nn
    from torch.nn import functional

    def numbers(x: Any) -> Any:
        return torch.zeros_like(x[..., 0], dtype=torch.long)

    numbered = f"slice: {{stop: 1}}, reshape: {{shape: [{TOKENS}]}}, "
    table = "embedding: {rows: 20, channels: 6}"
    yield numbered + table, lambda: nn.Sequential(called(numbers)(), nn.Embedding(20, 6))
    yield (
        f"{numbered}{{{table}, as: functional}}",
        called(lambda x, weight: functional.embedding(numbers(x), weight), weight=(20, 6)),
    )
    yield "gather: {count: 5, axis: length}", called(lambda x: torch.index_select(x, 1, numbers(x)[0, :5]))
    yield "{top_k: {count: 3}, name: largest}, {identity: , in: 'largest:0'}", called(lambda x: x.topk(3, -1)[0])


def stored() -> Made:
    """Tensors that a module holds itself, beside what it reads."""
    import torch

    x = "{identity: , name: x}, "
    token = f"{{source: {{shape: [1, {CHANNELS}]}}, name: token}}, "
    joined = called(lambda x, token: torch.cat([token.expand(len(x), -1, -1), x], 1), token=(1, 1, CHANNELS))
    yield f"{x}{token}{{concat: {{axis: length}}, in: [token, x]}}", joined
    table = f"{{source: {{shape: [{TOKENS}, {CHANNELS}]}}, name: table}}, "
    yield f"{x}{table}{{add: , in: [x, table]}}", called(lambda x, table: x + table, table=(1, TOKENS, CHANNELS))
    spread = f"{x}{token}{{add: {{broadcast: true}}, in: [x, token]"
    yield f"{spread}}}", called(lambda x, token: x + token, token=(1, 1, CHANNELS))
    looked_up_when_called = called(lambda x, token: torch.add(x, token), token=(1, 1, CHANNELS))  # noqa: PLW0108
    yield f"{spread}, as: functional}}", looked_up_when_called
    repeated = f"{token}{{expand: {{shape: [{TOKENS}, {CHANNELS}]}}, name: many}}, {{add: , in: [x, many]}}"
    yield x + repeated, called(lambda x, token: x + token.expand(x.shape).contiguous(), token=(1, 1, CHANNELS))


def attention() -> Made:
    """Attention in a module of PyTorch, in one function, and written out."""
    from torch import nn
    from torch.nn import functional

    def heads(x: Any) -> Any:
        return x.unflatten(-1, (HEADS, -1)).transpose(1, 2)

    def merged(x: Any) -> Any:
        return x.transpose(1, 2).flatten(2)

    class Module(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(CHANNELS, HEADS, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.attention(x, x, x, need_weights=False)[0]

    class Attention(nn.Module):
        """A linear layer before and behind what is made of queries, keys and values."""

        def __init__(self, mix: Callable[[Any, Any, Any], Any]) -> None:
            super().__init__()
            self.qkv, self.projection, self.mix = nn.Linear(CHANNELS, 3 * CHANNELS), nn.Linear(CHANNELS, CHANNELS), mix

        def forward(self, x: Any) -> Any:
            return self.projection(merged(self.mix(*map(heads, self.qkv(x).chunk(3, -1)))))

    linear, product = TOKENS * 4 * CHANNELS * CHANNELS, TOKENS * TOKENS * CHANNELS
    # torchprofile sees that four sizes are multiplied, and counts one for each
    yield attends("fused", "fused", "fused"), Module, {"torchprofile": 288 + linear + 2 * product + 4}
    # ptflops has a formula for the module, none for the function
    yield (
        attends("", "fused", "fused"),
        lambda: Attention(lambda q, k, v: functional.scaled_dot_product_attention(q, k, v)),  # noqa: PLW0108
        {"ptflops": 288 + 96 + linear + TOKENS * 4 * CHANNELS},
    )
    yield (
        attends("", "functional", "functional"),
        lambda: Attention(lambda q, k, v: functional.softmax(q.matmul(k.transpose(-2, -1)), dim=-1).matmul(v)),
    )
    yield (
        attends("", "", "functional"),
        lambda: Attention(lambda q, k, v: functional.softmax(q @ k.transpose(-2, -1), dim=-1) @ v),
    )


def attends(linear: str, product: str, softmax: str) -> str:
    """The layers of attention in several heads, its linear layers, products and softmax written as said."""

    def written(form: str) -> str:
        return f", as: {form}" if form else ""

    split = f"reshape: {{shape: [{TOKENS}, {HEADS}, {CHANNELS // HEADS}]}}"
    parts = ", ".join(
        f"{{layers: [{{{split}}}, {{transpose: {{axes: [1, 0, 2]}}}}], in: 'qkv:{i}', name: {name}}}"
        for i, name in enumerate("qkv"[i] for i in range(3))
    )
    return (
        f"{{linear: {{channels: {3 * CHANNELS}}}, name: triple{written(linear)}}}, {{split: {{sections: 3}}, name: qkv}}, "
        f"{parts}, {{matmul: {{transpose: true}}, in: [q, k]{written(product)}}}, {{softmax: , name: s{written(softmax)}}}, "
        f"{{matmul: , in: [s, v]{written(product)}}}, {{transpose: {{axes: [1, 0, 2]}}}}, "
        f"{{reshape: {{shape: [{TOKENS}, {CHANNELS}]}}}}, {{linear: {{channels: {CHANNELS}}}{written(linear)}}}"
    )


def products() -> Made:
    import torch

    both = "{identity: , name: a}, {identity: , name: b, in: a}, "
    line = both + "{matmul: {transpose: true}, in: [a, b]"
    yield f"{line}}}", called(lambda x: x @ x.transpose(-2, -1))
    yield f"{line}, as: functional}}", called(lambda x: torch.matmul(x, x.transpose(-2, -1)))
    yield f"{line}, as: functional}}", called(lambda x: x.matmul(x.transpose(-2, -1)))
    one = "{identity: , name: a}, {slice: {stop: 1, axis: 0}, name: b}, "
    line = f"{one}{{matmul: {{transpose: true}}, in: [a, b], as: functional}}"
    yield line, called(lambda x: torch.matmul(x, x[:, :1].transpose(-2, -1)))
    # three tools count the elements of the first factor, as they are before they are stretched, times 12
    beyond = {"ptflops": 576 + 192 + 96 * 12, "fvcore": 576 + 96 * 12, "calflops": 2 * (576 + 96 * 12)}
    line = f"{one}{{matmul: {{transpose: true}}, in: [b, a], as: functional}}"
    yield line, called(lambda x: torch.matmul(x[:, :1], x.transpose(-2, -1))), beyond


def joins() -> Made:
    import torch

    gate = "{identity: , name: a}, {reduce: {axes: channels, function: mean}, name: g}, {multiply: , in: [a, g]"
    yield f"{gate}}}", called(lambda x: x * x.mean(-1, keepdim=True))
    yield f"{gate}, as: functional}}", called(lambda x: torch.mul(x, x.mean(-1, keepdim=True)))
    swapped = "{split: {sections: 2, axis: 0}, name: s}, {concat: {axis: 0}, in: ['s:1', 's:0']}"
    yield swapped, called(lambda x: torch.cat([*reversed(x.chunk(2, 1))], 1))


def rearrangements() -> Made:
    import torch
    from torch import nn
    from torch.nn import functional

    yield "transpose: {axes: [1, 0, 2]}", called(lambda x: x.transpose(2, 3).contiguous())
    yield "reshape: {shape: [-1, 8]}", called(lambda x: x.flatten(2))
    yield "roll: {shift: -3}", called(lambda x: torch.roll(x, (-3, -3), (2, 3)))
    windows = (
        f"{{window_partition: {{window: [3, 5]}}}}, {{window_reverse: {{size: [{HEIGHT}, {WIDTH}], window: [3, 5]}}}}"
    )
    yield windows, called(_windows)
    yield "crop: {size: [8, 6]}", called(lambda x: x[:, :, 2:10, 2:8])
    yield "unfold: {kernel: 3, padding: 1}", lambda: nn.Unfold(3, padding=1)
    yield "{unfold: {kernel: 3, padding: 1}, as: functional}", called(lambda x: functional.unfold(x, 3, padding=1))
    folded = f"unfold: {{kernel: 2, stride: 2}}, fold: {{size: [{HEIGHT}, {WIDTH}], kernel: 2, stride: 2}}"
    yield folded, lambda: nn.Sequential(nn.Unfold(2, stride=2), nn.Fold((HEIGHT, WIDTH), 2, stride=2))


def _windows(x: Any) -> Any:
    """Windows of 3×5 as sequences, and back again."""
    batch, channels, height, width = x.shape
    cut = x.view(batch, channels, height // 3, 3, width // 5, 5).permute(0, 2, 4, 3, 5, 1)
    sequences = cut.reshape(batch, -1, 15, channels)
    return sequences.view(cut.shape).permute(0, 5, 1, 3, 2, 4).reshape(x.shape)


def on_maps() -> Made:
    import torch
    from torch.nn import functional

    def split_softmax(x: Any) -> Any:
        return functional.softmax(x.view(len(x), 2, CHANNELS // 2, *x.shape[2:]), dim=1).view(x.shape)

    def energies(x: Any, gamma: Any, beta: Any) -> Any:  # as in the authors' code, with the channels last
        x = x.permute(0, 2, 3, 1)
        lengths = torch.norm(x, p=2, dim=(1, 2), keepdim=True)
        shares = lengths / (lengths.mean(dim=-1, keepdim=True) + 1e-6)
        return gamma * (x * shares) + beta + x

    yield "split_softmax: {parts: 2}", called(split_softmax)
    # two products of each element, and the mean over the channels, which is one number
    shares = called(energies, gamma=(1, 1, 1, CHANNELS), beta=(1, 1, 1, CHANNELS))
    yield "global_response_norm", shares, {"torchprofile": 2880 + 2 * 960 + 1}
    for mask in (False, True):
        for groups in (1, 2):
            for bias in (True, False):
                # ptflops counts 24 for each tap at each position, and 1 for its mask
                taps = HEIGHT * WIDTH * 9 * (CHANNELS * 4 // groups + 24 + mask)
                beyond = {"ptflops": 2880 + 960 + taps + bias * HEIGHT * WIDTH * 4}
                yield deformed(mask, groups, bias), lambda given=(mask, groups, bias): _deformable(*given), beyond
    call = called(_deformed, weight=(4, CHANNELS, 3, 3), bias=(4,))
    beyond = {"torchinfo": 2880 + 960 + 9 * CHANNELS * 4 + 4}  # as of any module that has no other inside
    yield f"{deformed(False, 1, True)[:-1]}, as: functional}}", call, beyond


def deformed(mask: bool, groups: int, bias: bool) -> str:
    """A deformable convolution that reads a map of zeros as its offsets, and perhaps as its mask."""
    zeros = f"{{source: {{shape: [{HEIGHT}, {WIDTH}, 18]}}, name: offsets}}, "
    zeros += f"{{source: {{shape: [{HEIGHT}, {WIDTH}, 9]}}, name: mask}}, " if mask else ""
    options = f"channels: 4, kernel: 3, padding: 1, groups: {groups}, bias: {str(bias).lower()}"
    read = "x, offsets, mask" if mask else "x, offsets"
    return f"{{identity: , name: x}}, {zeros}{{deform_conv2d: {{{options}}}, in: [{read}]}}"


def _deformed(x: Any, weight: Any, bias: Any) -> Any:
    from torchvision.ops import deform_conv2d

    return deform_conv2d(x, x.new_zeros(1, 18, HEIGHT, WIDTH), weight, bias, padding=1)


def _deformable(mask: bool, groups: int, bias: bool) -> nn.Module:
    from torch import nn
    from torchvision.ops import DeformConv2d

    class Deformable(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = DeformConv2d(CHANNELS, 4, 3, padding=1, groups=groups, bias=bias)

        def forward(self, x: Any) -> Any:
            zeros = [x.new_zeros(1, channels, HEIGHT, WIDTH) for channels in ((18, 9) if mask else (18,))]
            return self.conv(x, *zeros)

    return Deformable()
