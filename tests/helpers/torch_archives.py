"""Archives like those of torch.export.save, written by hand: JSON in a zip file, and weights that are no weights."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

FLOAT, LONG = 7, 5
"""PyTorch's numbers of two types of elements."""


def meta(*sizes: int | str, dtype: int = FLOAT) -> dict[str, Any]:
    """What an archive says of a tensor; a text is the expression of an open size."""
    strides, step = [], 1
    for size in reversed(sizes):
        strides.insert(0, step)
        step *= size if isinstance(size, int) else 1
    written = [{"as_int": s} if isinstance(s, int) else {"as_expr": {"expr_str": s, "hint": None}} for s in sizes]
    return {
        "dtype": dtype,
        "sizes": written,
        "requires_grad": False,
        "device": {"type": "cpu", "index": None},
        "strides": [{"as_int": stride} for stride in strides],
        "storage_offset": {"as_int": 0},
        "layout": 7,
    }


def tensor(name: str) -> dict[str, Any]:
    return {"as_tensor": {"name": name}}


def node(
    target: str,
    name: str,
    module: str = "",
    outputs: list[Any] | None = None,
    kept: tuple[str, ...] = ("torch.nn.Module",),
    **inputs: Any,
) -> dict[str, Any]:
    """A call: arguments that are texts are names of tensors; `kept` are the class of its module, the function, the source."""
    stack = ";".join(f"L__self__{part},{part},{kept[0]}" for part in ("", module) if part or not module)
    said = dict(zip(("torch_fn", "stack_trace"), kept[1:]))
    return {
        "target": f"torch.ops.{target}",
        "inputs": [
            {"name": word, "arg": tensor(value) if isinstance(value, str) else value, "kind": 1}
            for word, value in inputs.items()
        ],
        "outputs": [tensor(name)] if outputs is None else outputs,
        "metadata": {"nn_module_stack": stack, **said},
        "name": name,
    }


def program(
    nodes: list[dict[str, Any]],
    values: dict[str, Any],
    inputs: dict[str, Any],
    outputs: list[str],
) -> dict[str, Any]:
    """A program: each input is "user_input", or a pair of its kind and its full name."""
    names = {"parameter": "parameter_name", "buffer": "buffer_name", "tensor_constant": "tensor_constant_name"}
    specs: list[Any] = []
    for name, kind in inputs.items():
        if kind == "user_input":
            specs.append({"user_input": {"arg": tensor(name)}})
        else:
            specs.append({kind[0]: {"arg": {"name": name}, names[kind[0]]: kind[1]}})
    return {
        "graph_module": {
            "graph": {
                "inputs": [tensor(name) for name in inputs],
                "outputs": [tensor(name) for name in outputs],
                "nodes": nodes,
                "tensor_values": values,
                "sym_int_values": {},
                "sym_bool_values": {},
            },
            "signature": {
                "input_specs": specs,
                "output_specs": [{"user_output": {"arg": tensor(name)}} for name in outputs],
            },
            "module_call_graph": [],
        },
        "opset_version": {"aten": 10},
        "range_constraints": {},
        "schema_version": {"major": 8, "minor": 20},
        "torch_version": "2.13.0+cpu",
    }


def small() -> dict[str, Any]:
    """Convolution, batch-norm, a ReLU in place: 3x32x32 to 8x32x32."""
    values = {
        "p_conv_weight": meta(8, 3, 3, 3),
        "p_bn_weight": meta(8),
        "p_bn_bias": meta(8),
        "b_bn_running_mean": meta(8),
        "b_bn_running_var": meta(8),
        "x": meta(1, 3, 32, 32),
        **{name: meta(1, 8, 32, 32) for name in ("conv2d", "batch_norm", "relu_")},
    }
    inputs = {
        "p_conv_weight": ("parameter", "conv.weight"),
        "p_bn_weight": ("parameter", "bn.weight"),
        "p_bn_bias": ("parameter", "bn.bias"),
        "b_bn_running_mean": ("buffer", "bn.running_mean"),
        "b_bn_running_var": ("buffer", "bn.running_var"),
        "x": "user_input",
    }
    ones, none = {"as_ints": [1, 1]}, {"as_none": True}
    normed = {"running_mean": "b_bn_running_mean", "running_var": "b_bn_running_var", "training": {"as_bool": False}}
    nodes = [
        node("aten.conv2d.default", "conv2d", "conv", input="x", weight="p_conv_weight", bias=none, stride=ones, padding=ones),
        node("aten.batch_norm.default", "batch_norm", "bn", input="conv2d", weight="p_bn_weight", bias="p_bn_bias", **normed),
        node("aten.relu_.default", "relu_", "act@1", self="batch_norm"),
    ]  # fmt: skip
    return program(nodes, values, inputs, ["relu_"])


def save(
    path: Path,
    written: Any,
    weights: dict[str, Any] | None = None,
    constants: dict[str, Any] | None = None,
    members: dict[str, bytes] | None = None,
    where: str = "net/models/model.json",
) -> str:
    """An archive with this program; weights and constants are (member, meta, pickled?) by full name."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(where, written if isinstance(written, (str, bytes)) else json.dumps(written))
        for kind, entries in (("weights", weights), ("constants", constants)):
            config = {
                name: {"path_name": member, "is_param": kind == "weights", "use_pickle": pickled, "tensor_meta": of}
                for name, (member, of, pickled) in (entries or {}).items()
            }
            archive.writestr(f"net/data/{kind}/model_{kind}_config.json", json.dumps({"config": config}))
        for name, data in (members or {}).items():
            archive.writestr(name, data)
    return str(path)
