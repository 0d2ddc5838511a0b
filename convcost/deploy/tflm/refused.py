"""What TensorFlow Lite Micro would not run, as far as a program shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from convcost.core.dtypes import DTYPE_BITS
from convcost.deploy.program import ABSENT, Kernel, Program
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
#: Integers that no kernel of the runtime computes; int4 is unpacked where it is weights of one of `_UNPACKED`.
_NARROW: Final = frozenset(dtype for dtype, bits in DTYPE_BITS.items() if bits < 8)
_UNPACKED: Final = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
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
    if narrow := list(_too_narrow(program)):
        yield f"the runtime has {', and '.join(narrow)}: it refuses the model; --dtype int8 deploys all as int8"


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


def _too_narrow(program: Program) -> Iterator[str]:
    """Which integers of less than a byte no kernel computes."""
    if found := _activations(program):
        yield f"no activations of {_listed(found)}, only of int8 and int16"
    if pairs := {pair for kernel, graph in _every(program) for pair in _packed(kernel, graph)}:
        kernels = ", ".join(sorted({kernel for kernel, _ in pairs}))
        unpacked = ", ".join(_UNPACKED)
        types = _listed({dtype for _, dtype in pairs})
        yield f"no weights of {types} for {kernels}, only of int8, and of int4 for {unpacked} of int8 inputs"


def _activations(program: Program) -> set[str]:
    """The narrow types of tensors that are given or computed."""
    graphs = (program, *program.subgraphs)
    numbers = ((graph, number) for graph in graphs for number in graph.inputs)
    made = ((graph, number) for graph in graphs for kernel in graph.kernels for number in kernel.outputs)
    every = {graph.tensors[number].dtype for some in (numbers, made) for graph, number in some if number != ABSENT}
    return every & _NARROW


def _packed(kernel: Kernel, graph: Program) -> Iterator[tuple[str, str]]:
    """The kernel with each narrow type of what it reads from the file and does not unpack."""
    for place, number in enumerate(kernel.inputs):
        if number != ABSENT and graph.tensors[number].stored and (dtype := graph.tensors[number].dtype) in _NARROW:
            unpacks = kernel.type in _UNPACKED and place == 1 and _given(kernel, graph, 0) == "int8"
            if not (unpacks and dtype == "int4") and not _mixes(kernel, graph):
                yield kernel.type, dtype


def _listed(dtypes: set[str]) -> str:
    """Types, the narrowest first."""
    return ", ".join(sorted(dtypes, key=lambda dtype: (DTYPE_BITS[dtype], dtype)))


def _given(kernel: Kernel, graph: Program, place: int) -> str:
    """The type of an input by its place; empty where there is none."""
    number = kernel.inputs[place] if place < len(kernel.inputs) else -1
    return graph.tensors[number].dtype if number >= 0 else ""
