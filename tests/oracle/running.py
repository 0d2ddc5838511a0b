"""What a torch module multiplies and accumulates while it runs, in the order of execution: knows nothing of convcost.

``frameworks.py`` hooks modules, so it sees convolutions and linear layers that are modules, and nothing else. But attention
multiplies activations with each other in function calls, Swin applies the weights of its linear layers itself, and
``nn.MultiheadAttention`` never calls its output projection. Here PyTorch's dispatcher is watched, where all that a module
does ends: each convolution and each matrix product that runs (on the "meta" device) is counted.

* A ``TorchDispatchMode`` counts, and follows from op to op what depends on the input of the network: a product of two such
  factors is one of activations, any other has a stored factor.
* A ``TorchFunctionMode`` adds what the dispatcher does not know: that the rows of a product were positions of a map, that the
  products of a sequence's steps are one recurrent layer.
* Attention runs as its two products, never as one fused op, and an op that multiplies and is not known is an error.

>>> print(Product("linear", (49, 1536), macs=49 * 384 * 1536, params=384 * 1536, path="reduction"))
reduction [linear] output 49x1536, params 589,824, macs 28,901,376
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch
    from torch import nn

COUNTERS = "num_batches_tracked"
"""Buffers that count batches: numbers of the training, not of the network."""
FRESH = {"new_zeros", "new_ones", "new_empty", "new_full", "zeros_like", "ones_like", "empty_like", "full_like"}
"""Ops whose result has the size of what they read, and nothing else of it."""
GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
"""Functions that run all layers of a recurrent network -> matrices in a cell per operand."""
SUSPICIOUS = (
    *(
        "addmv",
        "attention",
        "cdist",
        "conv",
        "dot",
        "einsum",
        "gemm",
        "gru",
        "linear",
        "lstm",
        "matmul",
        "mkldnn",
        "mm",
    ),
    *("rnn", "_trilinear"),
)
"""In the names of ops that multiply and accumulate: one that nobody counts is an error, not a zero."""


@dataclass(frozen=True)
class Product:
    """One convolution or matrix product that ran.

    `shape` is that of the output without a batch of one: channels last for convolutions, otherwise as PyTorch has it.
    `params` are the weights and biases it read; `activations` says that both factors depend on the input.
    """

    kind: str
    """``conv1d``, ``conv_transpose2d``, …, ``deform_conv2d``, ``linear``, ``matmul``, ``lstm``, ``gru`` or ``rnn``."""
    shape: tuple[int, ...]
    macs: int
    params: int
    path: str
    """The owner of the weight, or the module that was running."""
    activations: bool = False

    def __str__(self) -> str:
        shape = "x".join(map(str, self.shape))
        return f"{self.path or '?'} [{self.kind}] output {shape}, params {self.params:,}, macs {self.macs:,}"


class Run(NamedTuple):
    """All products of one run at batch 1, and what the module stores."""

    products: tuple[Product, ...]
    params: int
    """Elements of all parameters; one that several modules share counts once."""
    buffers: int
    """Elements of all buffers but the counters of batches."""

    @property
    def macs(self) -> int:
        return sum(product.macs for product in self.products)

    @property
    def macs_of_activations(self) -> int:
        """Multiply-accumulates of products whose factors both depend on the input, such as the two of attention."""
        return sum(product.macs for product in self.products if product.activations)


def run(net: nn.Module, *shapes: tuple[int, ...], forward: Callable[..., Any] | None = None) -> Run:
    """Run a module in evaluation mode on inputs of these shapes: (channels, …) or (tokens, channels), without the batch.

    `forward` runs it in another way than calling it does: without what stands between its parts, for example.
    """
    import torch

    net.to("meta").eval()
    inputs = [torch.empty(1, *shape, device="meta") for shape in shapes]
    watch = Watch(net, inputs)
    with torch.no_grad(), watch.watching():
        (forward or net)(*inputs)
    buffers = sum(tensor.numel() for name, tensor in net.named_buffers() if not name.endswith(COUNTERS))
    return Run(tuple(watch.products), sum(tensor.numel() for tensor in net.parameters()), buffers)


def detector(net: Any) -> Callable[[torch.Tensor], Any]:
    """A detector of torchvision without what depends on the numbers in the image: backbone and heads, no boxes.

    Of a network with two stages, the first (with its region proposals).
    """

    def forward(image: torch.Tensor) -> Any:
        maps = list(net.backbone(image).values())
        return (net.head if hasattr(net, "head") else net.rpn.head)(maps)

    return forward


class Watch:
    """What is known while a module runs: who is running, which memory depends on the input, what was multiplied."""

    def __init__(self, net: nn.Module, inputs: list[torch.Tensor]) -> None:
        self.net = net
        self.products: list[Product] = []
        self.running: list[str] = []
        self.owners = {_storage(tensor): name for name, tensor in net.named_parameters()}
        self.dependent = {_storage(tensor) for tensor in inputs}
        self.kept: list[torch.Tensor] = list(inputs)
        """All results, so that no storage takes the address of an earlier one."""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Follow modules, functions and ops; nothing runs as one fused op that can run as several."""
        import torch
        from torch.nn.attention import SDPBackend, sdpa_kernel

        fused = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        with ExitStack() as stack:
            stack.callback(torch.backends.mha.set_fastpath_enabled, fused)
            for name, module in self.net.named_modules():
                for handle in self._follow(name, module):
                    stack.callback(handle.remove)
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
            stack.enter_context(_dispatch_mode(self))
            stack.enter_context(_function_mode(self))
            yield

    def _follow(self, name: str, module: nn.Module) -> Iterator[Any]:
        def enter(_module: Any, _inputs: Any) -> None:
            self.running.append(name)

        def leave(_module: Any, _inputs: Any, _output: Any) -> None:
            self.running.pop()

        yield module.register_forward_pre_hook(enter)
        yield module.register_forward_hook(leave)

    def op(self, name: str, args: tuple[Any, ...], result: Any) -> None:
        """Note an op that ran: its product if it is one, and whether its result depends on the input."""
        if name in PRODUCTS:
            self.products.append(PRODUCTS[name](self, args, result))
        elif any(part in name for part in SUSPICIOUS) and "upsample" not in name:
            raise NotImplementedError(f"{name} multiplies and accumulates, and nothing here counts it")
        self.kept.extend(_tensors(result))
        if name not in FRESH and self.depends(args):
            self.dependent.update(_storage(tensor) for tensor in _tensors(result))

    def depends(self, *values: Any) -> bool:
        """Whether one of these tensors depends on the input of the network."""
        return any(_storage(tensor) in self.dependent for tensor in _tensors(*values))

    def stored(self, *values: Any) -> int:
        """Elements of the operands that do not depend on the input: of weights and biases, and of copies of these."""
        return sum(tensor.numel() for tensor in _tensors(*values) if not self.depends(tensor))

    def owned(self, *values: Any) -> int:
        """Elements of the operands that are parameters."""
        return sum(tensor.numel() for tensor in _tensors(*values) if _storage(tensor) in self.owners)

    def path(self, weight: torch.Tensor) -> str:
        """Whose parameter this is; of what is no parameter, the module that is running.

        ``attn.qkv.weight`` is ``attn.qkv``, and the ``attn.in_proj_weight`` of ``nn.MultiheadAttention`` is ``attn.in_proj``.
        """
        name = self.owners.get(_storage(weight))
        if name is None:
            return self.running[-1] if self.running else ""
        return name.removesuffix("weight").rstrip("._")


def _dispatch_mode(watch: Watch) -> Any:
    from torch.utils._python_dispatch import TorchDispatchMode

    class Ops(TorchDispatchMode):  # type: ignore[misc, no-untyped-call, unused-ignore]
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            result = function(*args, **kwargs)
            watch.op(function.overloadpacket.__name__, (*args, *kwargs.values()), result)
            return result

    return Ops()  # type: ignore[no-untyped-call, unused-ignore]


def _function_mode(watch: Watch) -> Any:
    from torch.overrides import TorchFunctionMode

    class Functions(TorchFunctionMode):  # type: ignore[misc, unused-ignore]
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            before = len(watch.products)
            result = function(*args, **kwargs)
            ran = watch.products[before:]
            name = getattr(function, "__name__", "")
            if name in GATES:
                watch.products[before:] = recurrent(watch, name, args, ran)
            elif len(ran) == 1:
                watch.products[before:] = [_as_called(watch, name, (*args, *kwargs.values()), result, ran[0])]
            return result

    return Functions()


def _as_called(watch: Watch, name: str, args: tuple[Any, ...], result: Any, product: Product) -> Product:
    """A product as the function was called that made it: with all axes of its output, and any bias added afterwards."""
    if name == "linear":
        return replace(product, kind="linear", shape=_without_batch(result.shape), params=watch.stored(*args[1:]))
    if name in ("matmul", "__matmul__", "__rmatmul__", "einsum", "tensordot"):
        return replace(product, shape=_without_batch(result.shape))
    return product


def _storage(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _tensors(*values: Any) -> Iterator[torch.Tensor]:
    """All tensors in nested tuples, lists and dicts, in order."""
    import torch

    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _tensors(*value)
        elif isinstance(value, dict):
            yield from _tensors(*value.values())


def _without_batch(shape: Any) -> tuple[int, ...]:
    """A shape without a batch of one; windows and heads that stand in its place stay."""
    return tuple(shape[1:] if len(shape) > 1 and shape[0] == 1 else shape)


def _channels_last(shape: Any) -> tuple[int, ...]:
    """The output shape of a convolution without a batch of one; a larger one is heads that share the weights."""
    return (*(shape[:1] if shape[0] > 1 else ()), *shape[2:], shape[1])


# --- the ops ----------------------------------------------------------------------------------------------------


def convolution(watch: Watch, args: tuple[Any, ...], result: torch.Tensor) -> Product:
    """Each output value takes the weights of one output channel; transposed, each input value those of one input channel."""
    x, weight, bias, transposed = args[0], args[1], args[2], args[6]
    macs = (x if transposed else result).numel() * weight[0].numel()
    kind = f"conv{'_transpose' if transposed else ''}{weight.dim() - 2}d"
    shape = _channels_last(result.shape)
    return Product(kind, shape, macs, watch.stored(weight, bias), watch.path(weight), watch.depends(weight))


def deformable(watch: Watch, args: tuple[Any, ...], result: torch.Tensor) -> Product:
    """As one that is not deformable: what it costs to read between pixels is not counted.

    torchvision passes zeros where there is no bias.
    """
    weight, bias = args[1], args[4]
    macs = result.numel() * weight[0].numel()
    shape = _channels_last(result.shape)
    return Product("deform_conv2d", shape, macs, watch.owned(weight, bias), watch.path(weight))


def matrix_product(first: int) -> Callable[[Watch, tuple[Any, ...], torch.Tensor], Product]:
    """The product of the arguments `first` and `first + 1`; what stands before them is added to it.

    One with a stored matrix on the right is a linear layer; one of stacks of matrices is not, also if these are stored.
    """

    def product(watch: Watch, args: tuple[Any, ...], result: torch.Tensor) -> Product:
        left, right = args[first : first + 2]
        linear = right.dim() == 2 and not watch.depends(right)
        params = watch.stored(*args[:first], right) if linear else 0
        macs = result.numel() * left.shape[-1]
        activations = watch.depends(left) and watch.depends(right)
        kind = "linear" if linear else "matmul"
        return Product(kind, _without_batch(result.shape), macs, params, watch.path(right), activations)

    return product


def recurrent(watch: Watch, name: str, args: tuple[Any, ...], ran: list[Product]) -> list[Product]:
    """The layers of a recurrent network, by formula; the two directions of a layer are one.

    At each position of the sequence all matrices of a layer are used once. What ran has to amount to the same.
    """
    x, _, tensors, _, layers, _, _, bidirectional, _ = args
    positions = x.numel() // x.shape[-1]
    path = watch.running[-1] if watch.running else ""
    each = len(tensors) // layers
    found = []
    for layer in range(layers):
        own = tensors[layer * each : (layer + 1) * each]
        matrices = [tensor for tensor in own if tensor.dim() == 2]
        hidden = matrices[0].shape[0] // GATES[name]
        shape = (*_without_batch(x.shape[:-1]), hidden * (2 if bidirectional else 1))
        macs = positions * sum(matrix.numel() for matrix in matrices)
        params = sum(tensor.numel() for tensor in own)
        found.append(Product(name.partition("_")[0], shape, macs, params, f"{path}.{layer}".lstrip(".")))
    if sum(product.macs for product in ran) != sum(product.macs for product in found):
        raise AssertionError(f"{name} ran as {[*map(str, ran)]}, and should be {[*map(str, found)]}")
    return found


PRODUCTS: dict[str, Callable[[Watch, tuple[Any, ...], Any], Product]] = {
    "convolution": convolution,
    "deform_conv2d": deformable,
    "mm": matrix_product(0),
    "bmm": matrix_product(0),
    "mv": matrix_product(0),
    "addmm": matrix_product(1),
    "baddbmm": matrix_product(1),
}
"""Ops of the dispatcher -> what they multiply."""
