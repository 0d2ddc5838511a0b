"""What the stored tensors of a program are."""

from __future__ import annotations

from itertools import pairwise

from convcost.deploy.program import Kernel, Program, Tensor
from convcost.deploy.weights import stored_parts, weight_bytes

WIDTHS = [8, 16, 32, 32, 64, 64, *[128] * 6, 256, 256]


def person_detector() -> Program:
    """The stored tensors of MobileNetV1 at a width of 0.25 on one channel, two classes, and what reads them."""
    tensors, kernels = [Tensor("x", (1, 96, 96, 1), "int8", scales=1)], []

    def layer(kind: str, shape: tuple[int, ...], channels: int) -> None:
        number = len(tensors)
        tensors.append(Tensor("kernel", shape, "int8", stored=True, scales=channels))
        tensors.append(Tensor("bias", (channels,), "int32", stored=True, scales=channels))
        kernels.append(Kernel(kind, "", (0, number, number + 1), (0,)))

    layer("CONV_2D", (8, 3, 3, 1), 8)
    for before, after in pairwise(WIDTHS):
        layer("DEPTHWISE_CONV_2D", (1, 3, 3, before), before)
        layer("CONV_2D", (after, 1, 1, before), after)
    tensors.append(Tensor("axes", (2,), "int32", stored=True))
    kernels.append(Kernel("MEAN", "", (0, len(tensors) - 1), (0,)))
    layer("FULLY_CONNECTED", (2, 256), 2)
    return Program(tuple(tensors), tuple(kernels), (0,), (0,))


def test_the_person_detector_takes_what_its_kernels_and_biases_take():
    """207,968 kernel elements of a byte each, 2,738 biases of four."""
    assert weight_bytes(person_detector()) == 207_968 + 4 * 2_738 == 218_920


def test_shapes_and_axes_are_no_weights():
    parts = {part.part for part in stored_parts(person_detector()) if part.tensor.name == "axes"}
    assert parts == {"constants"}


def test_slopes_are_parameters_and_not_kernels():
    tensors = (
        Tensor("x", (1, 4), "int8", scales=1),
        Tensor("slope", (4,), "int8", stored=True, scales=1),
        Tensor("shift", (4,), "fp32", stored=True),
    )
    program = Program(tensors, (Kernel("PRELU", "", (0, 1), (0,)), Kernel("ADD", "", (0, 2), (0,))), (0,), (0,))
    assert [part.part for part in stored_parts(program)] == ["parameters", "parameters"]
    assert weight_bytes(program) == 4 + 16


def test_what_reads_a_tensor_first_says_what_it_is():
    tensors = (Tensor("x", (1, 4), "fp32"), Tensor("w", (4, 4), "fp32", stored=True))
    kernels = (Kernel("FULLY_CONNECTED", "", (0, 1, -1), (0,)), Kernel("ADD", "", (0, 1), (0,)))
    assert [part.part for part in stored_parts(Program(tensors, kernels, (0,), (0,)))] == ["kernels"]
