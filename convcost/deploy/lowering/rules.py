"""A lowering in progress, and the table of rules: what a step becomes, what is fused into the kernel before it.

A rule reads tensors by the edges of the graph and emits kernels. It looks ahead for what the converter folds into its kernel:
batch-norms into weights and biases, an activation into those kernels that have one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from convcost.core.dims import Dim, Shape, equal
from convcost.core.errors import UsageError
from convcost.deploy.program import ABSENT, Kernel, Program, Tensor
from convcost.graph.walk import Step, Walked, output_edges


class Types(NamedTuple):
    """The dtypes of a program's tensors, by what they are for."""

    activations: str
    kernels: str
    biases: str

    @property
    def quantised(self) -> bool:
        """Whether tensors have scales."""
        return self.activations != "fp32"


#: The dtype that is asked for -> those of tensors; TensorFlow's quantisation for integers only.
TYPES: Final = {
    "int8": Types("int8", "int8", "int32"),
    "int16": Types("int16", "int8", "int64"),
    "fp32": Types("fp32", "fp32", "fp32"),
}
#: Activations that a kernel can compute along with its own work.
FUSED: Final = {"relu": "RELU", "relu6": "RELU6"}
#: What is multiplied and added per channel with fixed numbers: into weights and biases where a convolution is before it.
AFFINE: Final = frozenset({"batch_norm", "scale"})
#: What the converter leaves out: it does nothing once a network is trained.
NOTHING: Final = frozenset({"identity", "dropout"})


class Lowering:
    """Kernels and tensors so far; a tensor's number is that of its making, until `program` puts stored ones first."""

    def __init__(self, walked: Walked, types: Types) -> None:
        self.types = types
        self.home: dict[str, int] = {}
        """Edge -> its tensor."""
        self.done: set[str] = set()
        """Steps that are part of an earlier kernel."""
        self.padded: set[str] = set()
        """Convolutions that write, as SAME, the zeros of a pad before them."""
        self.rows: dict[int, int] = {}
        """A sequence -> the map of one row that it was made of."""
        self._tensors: list[Tensor] = []
        self._inputs: list[int] = []
        self._kernels: list[Kernel] = []
        self._makers: dict[int, Kernel] = {}
        """Tensor -> the kernel that computes it."""
        self._constants: list[tuple[int, tuple[Any, ...]]] = []
        self._outputs = walked.outputs
        self._alias = _aliases(walked)
        self._readers = _readers(walked, self._alias)
        for name, shape in walked.inputs.items():
            stated = walked.graph.dtypes.get(name, "")
            dtype = "int32" if stated in ("int32", "int64") else types.activations
            self._inputs.append(self._new(Tensor(name, (1, *shape), dtype, scales=self.scales(dtype))))
            self.home[name] = self._inputs[-1]

    # -- what is there -------------------------------------------------------------------------------------------------

    def read(self, step: Step, at: int = 0) -> int:
        """The tensor of an input of a step."""
        return self.home[step.node.inputs[at]]

    def shape(self, tensor: int) -> Shape:
        """The shape of a tensor, the batch included."""
        return self._tensors[tensor].shape

    def dtype(self, tensor: int) -> str:
        """The dtype of a tensor."""
        return self._tensors[tensor].dtype

    def scales(self, dtype: str) -> int:
        """How many scales a tensor of this type has: one where it is quantised."""
        return int(self.types.quantised and dtype == self.types.activations)

    def after(self, edge: str) -> Step | None:
        """The only step that reads an edge; None if there are others, or if the edge is an output of the network."""
        readers = self._readers.get(self._alias.get(edge, edge), [])
        return readers[0] if len(readers) == 1 else None

    def readers(self, edge: str) -> tuple[Step | None, ...]:
        """The steps that read an edge, one for each reading; None stands for the caller."""
        return tuple(self._readers.get(self._alias.get(edge, edge), ()))

    def is_constant(self, step: Step) -> bool:
        """Whether a step computes from stored tensors alone, so that the converter stores what it makes."""
        homes = [self.home.get(edge) for edge in step.node.inputs]
        return bool(homes) and all(home is not None and self._tensors[home].stored for home in homes)

    def store(self, step: Step) -> None:
        """Store what a step makes."""
        for edge, shape in zip(outputs(step), step.cost.out):
            self.home[edge] = self.factors(edge, batched(shape))

    def maker(self, tensor: int) -> Kernel | None:
        """The kernel that computes a tensor; None of an input and of what is stored."""
        return self._makers.get(tensor)

    # -- what is looked for ahead --------------------------------------------------------------------------------------

    def folded(self, edge: str) -> tuple[str, bool]:
        """The edge behind the batch-norms that are folded into weights and biases, and whether there are any.

        Only where nothing else reads what is normalised.
        """
        found = False
        while (step := self.after(edge)) and step.node.op in AFFINE:
            self.done.add(step.node.name)
            edge, found = step.node.name, True
        return edge, found

    def activated(self, edge: str) -> tuple[str, str]:
        """The edge behind an activation that a kernel computes itself, and the activation."""
        step = self.after(edge)
        word = FUSED.get(step.node.op, "NONE") if step else "NONE"
        if step is None or word == "NONE":
            return edge, "NONE"
        self.done.add(step.node.name)
        return step.node.name, word

    def finished(self, edge: str, kernel: Callable[[str, str], int]) -> None:
        """Emit a kernel that can compute an activation, with what follows its edge; it is called with edge and activation.

        Of a hard sigmoid, relu6(x + 3) / 6, the 3 is added to the bias, and only the product is a kernel of its own.
        """
        after = self.after(edge)
        if after is None or after.node.op != "hard_sigmoid":
            kernel(*self.activated(edge))
            return
        self.done.add(after.node.name)
        clipped = kernel(f"{edge}/relu6", "RELU6")
        sixth = self.constant((), self.types.activations, ("sixth",), scales=1)
        shape = self.shape(clipped)
        self.emit("MUL", after, (clipped, sixth), shape, edge=after.node.name, fused_activation_function="NONE")

    # -- what is made --------------------------------------------------------------------------------------------------

    def floats(self, name: str, shape: Sequence[Dim]) -> int:
        """Stored elements of a kernel that has no integer version."""
        return self._new(Tensor(name, tuple(shape), "fp32", stored=True))

    def weights(self, name: str, shape: Sequence[Dim], scales: Dim) -> int:
        """Stored elements of a kernel, with so many scales where they are integers."""
        scales = scales if self.types.quantised else 0
        return self._new(Tensor(name, tuple(shape), self.types.kernels, stored=True, scales=scales))

    def bias(self, name: str, channels: Dim, *, zero: bool, scales: Dim | None = None) -> int:
        """One number for each output channel, with as many scales as its weights have: by default one per channel.

        Zeros of one size are stored once where they have no scales.
        """
        if zero and not self.types.quantised:
            return self.constant((channels,), self.types.biases, ("zeros", channels))
        scales = (channels if scales is None else scales) if self.types.quantised else 0
        return self._new(Tensor(name, (channels,), self.types.biases, stored=True, scales=scales))

    def factors(self, name: str, shape: Sequence[Dim]) -> int:
        """Stored elements of an element-wise operand, with a single scale."""
        dtype = self.types.activations
        return self._new(Tensor(name, tuple(shape), dtype, stored=True, scales=self.scales(dtype)))

    def numbers(self, *values: Any, shape: Sequence[Dim] | None = None) -> int:
        """A stored list of int32: sizes, axes, margins. Equal ones are stored once."""
        return self.constant((len(values),) if shape is None else tuple(shape), "int32", values)

    def constant(self, shape: Shape, dtype: str, content: tuple[Any, ...], *, scales: int = 0) -> int:
        """A stored tensor of this content, which the converter stores once."""
        for tensor, other in self._constants:
            if self.dtype(tensor) == dtype and len(self.shape(tensor)) == len(shape) and _same(other, content):
                return tensor
        scales = scales if self.types.quantised else 0
        made = self._new(Tensor(f"constant{len(self._constants)}", shape, dtype, stored=True, scales=scales))
        self._constants.append((made, content))
        return made

    def emit(
        self,
        kernel: str,
        step: Step,
        inputs: Sequence[int],
        shape: Shape,
        *,
        edge: str = "",
        dtype: str = "",
        **attrs: Any,
    ) -> int:
        """A kernel with one output of this shape, the batch included; the edge, if given, is then that tensor."""
        return self.emit_all(kernel, step, inputs, [shape], edges=[edge] if edge else [], dtype=dtype, **attrs)[0]

    def emit_all(
        self,
        kernel: str,
        step: Step,
        inputs: Sequence[int],
        shapes: Sequence[Shape],
        *,
        edges: Sequence[str] = (),
        dtype: str = "",
        **attrs: Any,
    ) -> tuple[int, ...]:
        """A kernel with an output for each shape."""
        name = step.node.name
        dtype = dtype or self.types.activations
        names = edges or [f"{name}/{kernel.lower()}"] * len(shapes)
        made = [
            self._new(Tensor(called, tuple(shape), dtype, scales=self.scales(dtype)))
            for called, shape in zip(names, shapes, strict=True)
        ]
        written = Kernel(kernel, name, tuple(inputs), tuple(made), attrs)
        self._kernels.append(written)
        self._makers |= dict.fromkeys(made, written)
        self.home |= dict(zip(edges, made))
        return tuple(made)

    def in_floats(
        self, operator: str, step: Step, inputs: Sequence[int], shape: Shape, *, edge: str = "", **attrs: Any
    ) -> int:
        """A kernel that has no integer version: between DEQUANTIZE and QUANTIZE where tensors are integers."""
        if not self.types.quantised:
            return self.emit(operator, step, inputs, shape, edge=edge, **attrs)
        x, *others = inputs
        floats = self.converted("DEQUANTIZE", step, x, "fp32")
        made = self.emit(operator, step, (floats, *others), shape, dtype="fp32", **attrs)
        return self.emit("QUANTIZE", step, (made,), shape, edge=edge)

    def converted(self, operator: str, step: Step, x: int, dtype: str) -> int:
        """A tensor in other numbers: the converter writes that right after the kernel that makes it."""
        made = self.emit(operator, step, (x,), self.shape(x), dtype=dtype)
        kernel = self._kernels.pop()
        count = len(self._kernels)  # it stands near the end, as a rule
        at = next((i for i in range(count - 1, -1, -1) if x in self._kernels[i].outputs), -1)
        self._kernels.insert(at + 1, kernel)
        return made

    def unwritten(self, edge: str, shape: Shape) -> int:
        """A tensor that no kernel makes, because those that read it read what it was made of."""
        self.home[edge] = self._new(Tensor(edge, shape, self.types.activations))
        return self.home[edge]

    def same(self, step: Step, tensor: int) -> None:
        """Let the output of a step be a tensor that is there already."""
        self.home[step.node.name] = tensor

    def _new(self, tensor: Tensor) -> int:
        self._tensors.append(tensor)
        return len(self._tensors) - 1

    # -- the whole -----------------------------------------------------------------------------------------------------

    def program(self) -> Program:
        """The program: inputs, then what is stored, then what is computed, in the order in which it is."""
        used = {number for kernel in self._kernels for number in kernel.inputs} | {
            self.home[edge] for edge in self._outputs
        }
        stored = [at for at, tensor in enumerate(self._tensors) if tensor.stored and at in used]
        made = [at for kernel in self._kernels for at in kernel.outputs]
        order = [*self._inputs, *stored, *made]
        number = {old: new for new, old in enumerate(order)} | {ABSENT: ABSENT}
        kernels = [
            kernel._replace(
                inputs=tuple(number[one] for one in kernel.inputs), outputs=tuple(number[one] for one in kernel.outputs)
            )
            for kernel in self._kernels
        ]
        return Program(
            tensors=tuple(self._tensors[at] for at in order),
            kernels=tuple(kernels),
            inputs=tuple(number[one] for one in self._inputs),
            outputs=tuple(number[self.home[edge]] for edge in self._outputs),
        )


def _same(some: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether lists have the same elements; over a grid, it is split where points differ."""
    return len(some) == len(others) and all(
        type(one) is type(other) and one == other
        if isinstance(one, str) or isinstance(other, str)
        else bool(equal(one, other))
        for one, other in zip(some, others)
    )


def _aliases(walked: Walked) -> dict[str, str]:
    """Edge -> the one that it is, behind what does nothing."""
    found: dict[str, str] = {}
    for step in walked.steps:
        if step.node.op in NOTHING:
            before = step.node.inputs[0]
            found[step.node.name] = found.get(before, before)
    return found


def _readers(walked: Walked, alias: Mapping[str, str]) -> dict[str, list[Step | None]]:
    """Edge -> the steps that read it, one entry for each reading; None stands for the caller."""
    found: dict[str, list[Step | None]] = {}
    for step in walked.steps:
        if step.node.op not in NOTHING:
            for edge in step.node.inputs:
                found.setdefault(alias.get(edge, edge), []).append(step)
    for edge in walked.outputs:
        found.setdefault(alias.get(edge, edge), []).append(None)
    return found


Rule = Callable[[Lowering, Step], None]
RULES: Final[dict[str, Rule]] = {}


def rule(*ops: str) -> Callable[[Rule], Rule]:
    """Enter a function as that which lowers these ops."""

    def enter(function: Rule) -> Rule:
        for op in ops:
            if op in RULES:
                raise ValueError(f"there are two rules for {op}")
            RULES[op] = function
        return function

    return enter


def refused(step: Step, why: str) -> UsageError:
    """The error for a layer that TFLite has no kernels for."""
    return UsageError(f"{step.node.name}: {why}, so that no TFLite program can be written for it")


def outputs(step: Step) -> tuple[str, ...]:
    """The edges that a step makes."""
    return output_edges(step.node, step.cost)


def batched(shape: Shape) -> Shape:
    """The shape of a tensor in a file: a batch of one before all else.

    >>> batched((56, 56, 64))
    (1, 56, 56, 64)
    """
    return (1, *shape)
