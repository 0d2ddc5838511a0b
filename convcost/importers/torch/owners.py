"""Which tensors of a PyTorch program end up as the weights of layers, and which module a layer stands in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from convcost.importers.model import Body, Op
from convcost.importers.torch.calls import Ref, refs
from convcost.importers.torch.mutation import VIEWS, WRITE_BACK

WEIGHTS = (
    "weight",
    "bias",
    "params",
    "w_ih",
    "w_hh",
    "b_ih",
    "b_hh",
    "qkv_weight",
    "qkv_bias",
    "proj_weight",
    "proj_bias",
)
"""Arguments that are counted with the layer, if they are stored."""
FOLDED = VIEWS | {
    WRITE_BACK,
    *(f"aten.{name}" for name in ("add", "sub", "mul", "div", "neg", "pow", "exp", "sigmoid", "tanh", "sqrt", "rsqrt")),
    *(f"aten.{name}" for name in ("mean", "var", "std", "var_mean", "norm", "linalg_vector_norm", "batch_norm")),
    *(
        f"aten.{name}"
        for name in ("_weight_norm", "clone", "contiguous", "to", "_to_copy", "cat", "repeat", "reshape_as")
    ),
    *(
        f"aten.{name}"
        for name in ("zero_", "fill_", "mv", "mm", "dot", "matmul", "clamp_min", "expand_as", "_weight_norm")
    ),
}
"""Ops by which weights are made of stored tensors before anything runs."""


def become_weights(body: Body) -> frozenset[str]:
    """The names of all that ends up as the weights of layers, and depends on no input.

    >>> ops = (Op("aten.t", "t", ("w",), ("t",)), Op("aten.linear", "y", ("x", "t"), ("y",), {"weight": Ref("t")}))
    >>> sorted(become_weights(Body({"x": None}, ("y",), ops, {"w": None})))
    ['t', 'w']
    """
    varying = {*body.inputs}
    for op in body.ops:
        if varying.intersection(op.inputs):
            varying.update(op.outputs)
    found: set[str] = set()
    for op in reversed(body.ops):
        for word in WEIGHTS:
            found.update(refs(op.attrs.get(word)))
        if op.type in FOLDED and found.intersection(op.outputs) and not varying.intersection(op.outputs):
            found.update(op.inputs)
    return frozenset(found - varying)


def at_their_owners(body: Body) -> Body:
    """The body with each layer in the module that owns its weights, where another calls the function with them.

    Attention does so with the weights of its projections:

    >>> op = Op("aten.linear", "linear", ("x", "attn.qkv.weight"), ("linear",), {"weight": Ref("attn.qkv.weight")}, ("attn",))
    >>> [op.path for op in at_their_owners(Body({}, (), (op,), {"attn.qkv.weight": None})).ops]
    [('attn', 'qkv')]

    What weights are made with before anything runs stands in no module.
    """
    weights = become_weights(body)
    stored = {name: name for name in body.tensors}
    ops = []
    for op in body.ops:
        if op.type in VIEWS and op.inputs and op.inputs[0] in stored:
            stored |= dict.fromkeys(op.outputs, stored[op.inputs[0]])
        ops.append(replace(op, path=()) if weights.intersection(op.outputs) else _at_its_owner(op, stored))
    return replace(body, ops=tuple(ops))


def _at_its_owner(op: Op, stored: Mapping[str, str]) -> Op:
    """The op in the module that owns the tensor which it multiplies with; `stored` are views of stored tensors."""
    given = op.attrs.get("weight", op.attrs.get("mat2"))
    name = stored.get(given.name, "") if isinstance(given, Ref) else ""
    owner = tuple(filter(None, name.removesuffix("weight").rstrip("._").split(".")))
    return replace(op, path=owner) if len(owner) > len(op.path) and owner[: len(op.path)] == op.path else op
