"""The model file that TensorFlow's converter would write for a program, by item: packed as it packs, to the byte.

What the program does not say is assumed: that each tensor has a buffer of its own, as the converter gives them; that there is
one signature, and two entries of metadata as long as those of TensorFlow 2.21. Names are those of the program; the converter's
are longer, since they join those of all ops that became one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from convcost.core.dims import product
from convcost.deploy.items import Tally
from convcost.deploy.packing import OFFSET, Field, Packer
from convcost.deploy.program import Kernel, Program, Tensor
from convcost.deploy.weights import item_of, stored_parts
from convcost.importers.tflite.schema import OPERATORS, OPTIONS, TYPES, WORDS, fields, options_of

_DESCRIPTION: Final = "MLIR Converted."
_METADATA: Final = (("min_runtime_version", 16), ("CONVERSION_METADATA", 96))
"""Name -> bytes of its buffer, of TensorFlow 2.21."""
_SIGNATURE: Final = "serving_default"
_FIRST_ONLY: Final = frozenset(
    {"RESHAPE", "HARD_SWISH", "SQUEEZE", "EXPAND_DIMS", "PRELU", "QUANTIZE", "SHAPE", "WHILE", "IF"}
)
"""Operators whose first version knows integers."""
_EMPTY: Final = frozenset({"PAD", "PADV2", "EXP", "NEG", "SQUARE", "SELECT", "SELECT_V2", "LOG_SOFTMAX", "EXPAND_DIMS"})
"""Operators whose options have no fields, and are stored all the same; those of others like them are not."""
_UNTOLD: Final = frozenset({"CAST", "RESHAPE"})
"""Operators whose options have fields, and are not stored: their tensors say the same."""
_WIDTHS: Final = {"i": 4, "f": 4, "q": 8, "?": 1, "b": 1}


def written(program: Program) -> Tally:
    """The bytes of the file, by item."""
    packer = Packer()
    kernels = [kernel for each in (program, *bodies(program)) for kernel in each.kernels]
    codes = list(dict.fromkeys((kernel.type, _version(program, kernel)) for kernel in kernels))
    _codes(packer, codes)
    graphs = (program, *bodies(program))
    for graph in graphs:
        _graph(packer, graph, codes, program)
    packer.vector("root", OFFSET, len(graphs))
    packer.text("metadata", _DESCRIPTION)
    _buffers(packer, graphs)
    for name, _ in _METADATA:
        packer.text("metadata", name)
        packer.table("metadata", [(0, OFFSET), (1, 4)])
    packer.vector("metadata", OFFSET, len(_METADATA))
    _signature(packer, program)
    packer.table("root", [(0, 4), *((slot, OFFSET) for slot in (1, 2, 3, 4, 6, 7))])
    return packer.finished()


def bodies(program: Program) -> Iterator[Program]:
    """The programs that control flow runs, and those inside them."""
    for kernel in program.kernels:
        for body in kernel.bodies:
            yield body
            yield from bodies(body)


def _codes(packer: Packer, codes: list[tuple[str, int]]) -> None:
    """The operators that are used: each once."""
    for type_, version in codes:
        number = OPERATORS.index(type_) if type_ in OPERATORS else OPERATORS.index("CUSTOM")
        stated: list[Field] = [(0, 1)] if number else []
        if type_ not in OPERATORS:
            packer.text("operators", type_)
            stated += [(1, OFFSET)]
        stated += [(2, 4)] if version != 1 else []
        packer.table("operators", [*stated, *([(3, 4)] if number else [])])
    packer.vector("operators", OFFSET, len(codes))


def _graph(packer: Packer, graph: Program, codes: list[tuple[str, int]], main: Program) -> None:
    deep = {kernel.inputs[1] for kernel in graph.kernels if kernel.type == "DEPTHWISE_CONV_2D"}
    for number, tensor in enumerate(graph.tensors):
        _tensor(packer, tensor, last=number in deep)
    packer.vector("root", OFFSET, len(graph.tensors))
    packer.vector("root", 4, len(graph.inputs))
    packer.vector("root", 4, len(graph.outputs))
    for kernel in graph.kernels:
        _kernel(packer, kernel, codes.index((kernel.type, _version(main, kernel))))
    packer.vector("root", OFFSET, len(graph.kernels))
    packer.text("root", "main" if graph is main else "body")
    packer.table("root", [(slot, OFFSET) for slot in range(5)])


def _tensor(packer: Packer, tensor: Tensor, *, last: bool) -> None:
    """A tensor with what quantises it; the channels of a depthwise kernel are along its last axis, which is said."""
    packer.vector("tensors", 4, len(tensor.shape))
    packer.text("names", tensor.name)
    scaled = not isinstance(tensor.scales, int) or tensor.scales > 0
    if scaled:
        packer.vector("scales", 4, tensor.scales, tensor.scales)
        packer.vector("zero points", 8, tensor.scales, tensor.scales)
    quantised: list[Field] = [(2, OFFSET), (3, OFFSET), *([(6, 4)] if last else [])]
    packer.table("tensors", quantised if scaled else [])
    stated: list[Field] = [(0, OFFSET)]
    stated += [(1, 1)] if tensor.dtype != TYPES[0] else []
    stated += [(2, 4), (3, OFFSET), (4, OFFSET)]
    stated += [(5, 1)] if tensor.variable else []
    packer.table("tensors", [*stated, (8, 1)])


def _kernel(packer: Packer, kernel: Kernel, code: int) -> None:
    packer.vector("operators", 4, len(kernel.inputs))
    packer.vector("operators", 4, len(kernel.outputs))
    options = options_of(kernel.type)
    listed = bool(fields(options)) or kernel.type in _EMPTY
    told = options in OPTIONS and listed and kernel.type not in _UNTOLD
    if told:
        stated = [_option(packer, field, kernel.attrs.get(field.name)) for field in fields(options)]
        packer.table("operators", [found for found in stated if found])
    first: list[Field] = [(0, 4)] if code else []
    packer.table("operators", [*first, (1, OFFSET), (2, OFFSET), *([(3, 1), (4, OFFSET)] if told else [])])


def _option(packer: Packer, field: Any, value: Any) -> Field | None:
    """The field of a table of options as it is stored: not at all where it has the schema's default."""
    slot, _, kind, default = field
    if kind in WORDS:
        return (slot, 1) if value is not None and value != WORDS[kind][default] else None
    if kind == "type":
        return (slot, 1) if value not in (None, "", TYPES[default]) else None
    if kind.endswith("[]"):
        if value:
            packer.vector("operators", _WIDTHS[kind[0]], len(value))
        return (slot, OFFSET) if value else None
    if kind == "text":
        packer.text("operators", value or "")
        return slot, OFFSET
    if kind == "body":
        return slot, 4
    return (slot, _WIDTHS[kind]) if value is not None and value != default else None


def _buffers(packer: Packer, graphs: Iterable[Program]) -> None:
    """The first, which is empty; one for each tensor; those of metadata."""
    packer.table("buffers", [])
    number = 1
    for graph in graphs:
        stored = {part.number: part for part in stored_parts(graph)}
        for index, tensor in enumerate(graph.tensors):
            if found := stored.get(index):
                packer.vector("buffers", 1, tensor.bytes, of=item_of(found), count=product(tensor.shape))
            packer.table("buffers", [(0, OFFSET)] if found else [])
            number += 1
    for _, size in _METADATA:
        packer.vector("buffers", 1, size, of="metadata")
        packer.table("buffers", [(0, OFFSET)])
    packer.vector("buffers", OFFSET, number + len(_METADATA))


def _signature(packer: Packer, program: Program) -> None:
    for word, numbers in (("keras_tensor", program.inputs), ("output_0", program.outputs)):
        for number in numbers:
            packer.text("metadata", word)
            packer.table("metadata", [(0, OFFSET), *([(1, 4)] if number else [])])
        packer.vector("metadata", OFFSET, len(numbers))
    packer.text("metadata", _SIGNATURE)
    packer.table("metadata", [(0, OFFSET), (1, OFFSET), (2, OFFSET)])
    packer.vector("metadata", OFFSET, 1)


def _version(program: Program, kernel: Kernel) -> int:
    """Which version of an operator it needs: only whether that is the first one, which is not stored, changes the size."""
    if kernel.type in _FIRST_ONLY or kernel.type not in OPERATORS:
        return 1
    made = kernel.outputs[0] if kernel.outputs else kernel.inputs[0]
    whole = program.tensors[made].dtype in ("int8", "int16", "int4")
    newer = any(kernel.attrs.get(name) for name in ("half_pixel_centers", "keep_num_dims"))
    adds = kernel.type == "TRANSPOSE_CONV" and len(kernel.inputs) > 3
    return 2 if whole or newer or adds else 1
