"""Small ONNX files with something of everything, for tests that change them."""

from __future__ import annotations

from helpers.onnx_bytes import (
    many,
    onnx_constant,
    onnx_function,
    onnx_graph,
    onnx_model,
    onnx_node,
    onnx_tensor,
    onnx_value,
    put,
)


def samples() -> list[bytes]:
    """Files of layers, shape arithmetic, subgraphs, functions, quantised and recurrent ops."""
    x = onnx_value("x", (1, 3, 8, 8))
    conv = onnx_node("Conv", ["x", "w", "b"], ["c"], "/stem/conv/Conv", pads=[1, 1, 1, 1], strides=[2, 2], group=1)
    weights = [onnx_tensor("w", (4, 3, 3, 3)), onnx_tensor("b", (4,))]
    shapes = [
        onnx_node("Shape", ["c"], ["s"]), onnx_node("Gather", ["s", "i"], ["n"], axis=0), onnx_node("Concat", ["n", "m"], ["t"], axis=0),
        onnx_node("Reshape", ["c", "t"], ["r"]), onnx_node("Gemm", ["r", "k"], ["y"], transB=1),
    ]  # fmt: skip
    known = [onnx_constant([0], name="i"), onnx_constant([-1], name="m"), onnx_tensor("k", (5, 64))]
    branch = onnx_graph([onnx_node("Relu", ["c"], ["t"])], [], ["t"])
    other = onnx_graph([onnx_node("MaxPool", ["c"], ["e"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])], [], ["e"])
    choice = [
        onnx_node("Constant", [], ["on"], value_int=1),
        onnx_node("If", ["on"], ["y"], then_branch=branch, else_branch=other),
    ]
    turn = onnx_graph(
        [onnx_node("Relu", ["h"], ["g"]), onnx_node("Identity", ["go"], ["on"])],
        [onnx_value("i", (), "int64"), onnx_value("go", (), "bool"), onnx_value("h", None)], ["on", "g"],
    )  # fmt: skip
    loop = [onnx_node("Constant", [], ["n"], value_int=3), onnx_node("Loop", ["n", "", "c"], ["y"], body=turn)]
    body = onnx_function(
        "own", "f", ["a"], ["b"], [onnx_node("HardSwish", ["a"], ["t"]), onnx_node("Mul", ["a", "t"], ["b"])]
    )
    call = onnx_node("f", ["c"], ["y"], "block", "own")
    lstm = onnx_node("LSTM", ["q", "lw", "lr"], ["y", "h", ""], hidden_size=6)
    states = [onnx_tensor("lw", (1, 24, 5)), onnx_tensor("lr", (1, 24, 6))]
    scales = [onnx_tensor("s", (), "fp32", [0.5]), onnx_tensor("z", (), "uint8", [1])]
    pairs = [onnx_node("QuantizeLinear", ["c", "s", "z"], ["q"]), onnx_node("DequantizeLinear", ["q", "s", "z"], ["y"])]
    resize = onnx_node("Resize", ["c", "", "f"], ["y"], mode="linear")
    typed = many(5, [put(1, 4) + put(2, 1) + put(8, "f") + put(4, b"\0\0\x80\x3f" * 2 + b"\0\0\0\x40" * 2)])
    return [
        onnx_model(onnx_graph([conv, *shapes], [x], ["y"], [*weights, *known], [onnx_value("c", (1, 4, "h", None))])),
        onnx_model(onnx_graph([conv, *choice], [x], ["y"], weights)),
        onnx_model(onnx_graph([conv, *loop], [x], ["y"], weights)),
        onnx_model(onnx_graph([conv, call], [x], ["y"], weights), functions=[body]),
        onnx_model(onnx_graph([lstm], [onnx_value("q", (9, 1, 5))], ["y", "h"], states)),
        onnx_model(onnx_graph([conv, *pairs], [x], ["y"], [*weights, *scales])),
        onnx_model(onnx_graph([conv, resize], [x], ["y"], weights) + typed),
    ]
