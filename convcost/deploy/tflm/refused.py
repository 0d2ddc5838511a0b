"""What TensorFlow Lite Micro would not run, as far as a program shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from convcost.deploy.program import Kernel, Program
from convcost.deploy.tflm.structures import known

#: Custom kernels that the runtime brings along, and of which it is not known here what they keep.
UNCOUNTED: Final = frozenset(
    {
        "CIRCULAR_BUFFER",
        "DECODE",
        "ethos-u",
        "SignalDelay",
        "SignalEnergy",
        "SignalFftAutoScale",
        "SignalFilterBank",
        "SignalFilterBankLog",
        "SignalFilterBankSpectralSubtraction",
        "SignalFilterBankSquareRoot",
        "SignalFramer",
        "SignalIrfft",
        "SignalOverlapAdd",
        "SignalPCAN",
        "SignalRfft",
        "SignalStacker",
        "SignalWindow",
    }
)
_WEIGHTED: Final = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL")


def refusals(program: Program) -> Iterator[str]:
    """Why the runtime would not load a program; nothing for one that it runs."""
    every = list(_every(program))
    if lacking := sorted(_lacking(program) - UNCOUNTED):
        yield f"the runtime has no kernel for {', '.join(lacking)}: it refuses the model"
    if mixed := sorted({kernel.type for kernel, graph in every if _mixes(kernel, graph)}):
        yield f"the runtime refuses {', '.join(mixed)} of floating-point inputs with integer weights"
    if any(kernel.type == "DEQUANTIZE" and _given(kernel, graph, 0) == "fp16" for kernel, graph in every):
        yield "the runtime does not convert fp16 weights to fp32: it refuses the model"


def uncounted(program: Program) -> Iterator[str]:
    """What of a program is not counted, although the runtime has its kernels."""
    if kernels := sorted(_lacking(program) & UNCOUNTED):
        yield f"what {', '.join(kernels)} keeps, and needs while it runs, is not counted"


def _every(program: Program) -> Iterator[tuple[Kernel, Program]]:
    """Every kernel with the graph that it stands in."""
    return ((kernel, graph) for graph in (program, *program.subgraphs) for kernel in graph.kernels)


def _lacking(program: Program) -> set[str]:
    """The types of kernels of which it is not known what they keep."""
    return {kernel.type for kernel, _ in _every(program) if not known(kernel.type)}


def _mixes(kernel: Kernel, graph: Program) -> bool:
    return (
        kernel.type in _WEIGHTED and _given(kernel, graph, 0) == "fp32" and _given(kernel, graph, 1).startswith("int")
    )


def _given(kernel: Kernel, graph: Program, place: int) -> str:
    """The type of an input by its place; empty where there is none."""
    number = kernel.inputs[place] if place < len(kernel.inputs) else -1
    return graph.tensors[number].dtype if number >= 0 else ""
