"""Peak activation memory of a torch module, from its torch.fx graph: knows nothing of convcost.

Each value of the graph points at a storage: its own, or that of the value it is a view of. Executing the graph in its
order, a storage is alive from the node that makes it to the last node that reads any value in it.
"""

from __future__ import annotations

import math
import operator
from typing import Any

VIEW_MODULES = ("Flatten", "Dropout", "Identity", "StochasticDepth")
VIEW_FUNCTIONS = (
    "flatten",
    "dropout",
    "stochastic_depth",
    "chunk",
    "getitem",
    "view",
    "transpose",
    "permute",
    "reshape",
)
ABSORBED = ("BatchNorm2d", "ReLU", "ReLU6", "SiLU", "Hardswish", "Hardsigmoid", "Sigmoid", "GELU", "relu", "relu_")
ABSORBING = ("Conv2d", "Linear")


def peak_of_module(net: Any, input_shape: tuple[int, ...], *, fused: bool) -> int:
    """The most elements alive at once; `input_shape` is (channels, height, width)."""
    import torch
    from torch.fx import symbolic_trace
    from torch.fx.passes.shape_prop import ShapeProp

    traced = symbolic_trace(net.to("meta").eval())
    ShapeProp(traced).propagate(torch.empty(1, *input_shape, device="meta"))
    modules = dict(traced.named_modules())
    nodes = [node for node in traced.graph.nodes if _is_tensor(node)]
    kinds = {node: _kind(node, modules) for node in nodes}
    storage: dict[Any, Any] = {}
    absorbing = set()
    for node in nodes:
        before = [n for n in node.all_input_nodes if n in storage]
        inside = (
            fused
            and kinds[node] in ABSORBED
            and before[0] in absorbing
            and len([user for user in before[0].users if _reads(user)]) == 1
        )
        if kinds[node] in ABSORBING or inside:
            absorbing.add(node)
        view = kinds[node] in VIEW_MODULES or kinds[node] in VIEW_FUNCTIONS
        storage[node] = storage[before[0]] if view or inside else node
    position = {node: at for at, node in enumerate(nodes)}
    last = {home: position[home] for home in storage.values()}
    for node in traced.graph.nodes:
        for read in node.all_input_nodes:
            if read in storage and _reads(node):
                until = len(nodes) if node.op == "output" else position[node]
                last[storage[read]] = max(last[storage[read]], until)
    sizes = {home: _elements(home) for home in last}
    return max(sum(sizes[h] for h in last if position[h] <= at <= last[h]) for at in range(len(nodes)))


def _kind(node: Any, modules: dict[str, Any]) -> str:
    if node.op == "call_module":
        return type(modules[node.target]).__name__.replace("Conv2dNormActivation", "Conv2d")
    if node.target is operator.getitem:
        return "getitem"
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")


def _meta(node: Any) -> Any:
    return node.meta.get("tensor_meta")


def _is_tensor(node: Any) -> bool:
    return node.op not in ("output", "get_attr") and _meta(node) is not None


def _reads(node: Any) -> bool:
    """Whether a node reads elements: asking for a size or a shape does not."""
    return node.op == "output" or _meta(node) is not None


def _elements(node: Any) -> int:
    meta = _meta(node)
    parts = meta if isinstance(meta, (tuple, list)) and not hasattr(meta, "shape") else [meta]
    return sum(math.prod(part.shape[1:]) for part in parts)


def saved_by_training(net: Any, input_shape: tuple[int, ...]) -> tuple[int, int]:
    """Elements of the feature maps, and of the masks and indices, that autograd keeps in one forward pass.

    Parameters, buffers and the statistics of batch-norms (a mean and a deviation per channel) are left out.
    """
    import torch

    net = net.to("meta").train()
    known = {t.untyped_storage()._cdata for t in (*net.parameters(), *net.buffers())}
    kept: dict[int, Any] = {}

    def pack(tensor: Any) -> Any:
        storage = tensor.untyped_storage()._cdata
        if storage not in known and tensor.dim() > 1:
            kept[storage] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = net(torch.empty(2, *input_shape, device="meta"))
    del result
    maps = sum(t.numel() for t in kept.values() if t.is_floating_point())
    return maps // 2, sum(t.numel() for t in kept.values() if not t.is_floating_point()) // 2
