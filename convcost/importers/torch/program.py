"""Modules of the running process, and programs that torch.export made of them. The only module that imports PyTorch.

A module is never changed and its weights are never copied: what is exported is a twin, whose parameters and buffers have
shapes and types, but no memory.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from itertools import chain
from typing import TYPE_CHECKING, Any

from convcost.core.dtypes import check_dtype
from convcost.core.errors import Unfit, UsageError, one_line
from convcost.core.units import say
from convcost.importers.forms import METHOD, OPERATOR, WITH_OPERATORS, holders
from convcost.importers.model import MOST_CONTENTS, Body, Model, Op, Size, Stated, Stored
from convcost.importers.torch.calls import NOWHERE, Place, Ref, call, module_path
from convcost.importers.torch.inlining import inlined
from convcost.importers.torch.mutation import without_mutation
from convcost.importers.torch.owners import at_their_owners

if TYPE_CHECKING:
    import torch

REMEDY = "export it yourself and pass the result of torch.export.export, or load its ONNX file"
DATA_REMEDY = (
    "what it does depends on the data; ask for the part before that, such as module.backbone, or load its ONNX file"
)
TYPES_REMEDY = "say the types of the inputs, as in dtypes={'tokens': 'int64'}"
LONGEST = 200
"""Characters of what torch.export says about a failure that are shown."""
MOST_REAL = 4096
"""Elements of the largest buffer that the twin keeps as it is, because sizes may be computed from it."""


def read(
    module: Any,
    shapes: Any = None,
    *,
    dtypes: Any = None,
    training: bool = False,
) -> Model:
    """The model that a module computes for inputs of these shapes; raises `UsageError`.

    `module` is an `nn.Module`, or a `torch.export.ExportedProgram`, which has its shapes. `shapes` is that of the only input,
    ``(1, 3, 224, 224)``, a list of several, or a mapping from the names of arguments to shapes; the batch is in them.
    `dtypes` are types in the same form, or one for all; left out, inputs have the type of the module's parameters. A tensor in
    the place of a shape stands for its shape and type. The module is looked at as in evaluation, unless it is asked for the
    mode that it is in by `training`.
    """
    torch = _torch()
    if isinstance(module, torch.export.ExportedProgram):
        return _model(module, "ExportedProgram")
    if not isinstance(module, torch.nn.Module):
        raise UsageError(f"need an nn.Module or a torch.export.ExportedProgram, got {say(type(module).__name__)}")
    if shapes is None:
        raise UsageError(f"need the shapes of the inputs of {type(module).__name__}, as in (1, 3, 224, 224)")
    name = type(module).__name__
    twin = _Twin(module)
    try:
        exported = twin.export(shapes, dtypes, training)
    except UsageError:
        raise
    except Exception as error:  # whatever the module's own code, and PyTorch on the way, may raise
        remedy = _remedy(str(error), dtypes)
        raise UsageError(one_line(f"{name}: torch.export failed: {_said(error)}; {remedy}")) from error
    return _model(exported, name, twin.notes, by_operator=True)


def _remedy(said: str, dtypes: Any) -> str:
    """What to do about what torch.export said."""
    if dtypes is None and "scalar types: Long, Int" in said:
        return TYPES_REMEDY
    return DATA_REMEDY if "data-dependent" in said else REMEDY


def _torch() -> Any:
    try:
        import torch
        import torch.export
    except ModuleNotFoundError:
        raise UsageError("PyTorch is not installed, and a module needs it: pip install torch") from None
    return torch


def _said(error: Exception) -> str:
    """The first line of what an error says that is not empty; its type if it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:LONGEST]}" if lines else type(error).__name__


class _Twin:
    """A module with the structure and code of another, whose tensors have no memory."""

    def __init__(self, module: torch.nn.Module) -> None:
        from torch._subclasses.fake_tensor import FakeTensorMode

        self.notes: list[str] = []
        self.mode = FakeTensorMode(allow_non_fake_inputs=True)
        self.dtype = next((p.dtype for p in module.parameters() if p.is_floating_point()), None)
        name = type(module).__name__
        known: dict[int, Any] = {}
        for tensor in _tensors(module):
            known[id(tensor)] = self.without_memory(tensor)
        try:
            self.module = copy.deepcopy(module, known)
        except Exception as error:  # a module may hold anything: locks, open files, generators
            raise UsageError(one_line(f"{name} cannot be copied: {_said(error)}; {REMEDY}")) from error
        dropped = sum(map(_drop_hooks, self.module.modules()))
        if dropped:
            self.notes.append(f"{dropped} hooks of the module were not run")

    def without_memory(self, tensor: torch.Tensor) -> Any:
        """A tensor of the same shape and type on the CPU; small integers are kept, since sizes may depend on them."""
        import torch

        is_parameter = isinstance(tensor, torch.nn.Parameter)
        if torch.nn.parameter.is_lazy(tensor):
            raise UsageError("the module has parameters without a shape; run it once, then ask")
        if not is_parameter and not tensor.is_floating_point() and tensor.numel() <= MOST_REAL and not tensor.is_meta:
            return tensor.detach().cpu().clone()
        with self.mode:
            fake = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="cpu")
        return torch.nn.Parameter(fake, requires_grad=tensor.requires_grad) if is_parameter else fake

    def export(self, shapes: Any, dtypes: Any, training: bool) -> Any:
        """The exported program of the twin for inputs of these shapes."""
        import torch

        if not training:
            self.module.eval()
        positional, named = _of_one(*_inputs(shapes))
        with self.mode:
            args = tuple(self.input(shape, _dtype_of(dtypes, at)) for at, shape in enumerate(positional))
            kwargs = {name: self.input(shape, _dtype_of(dtypes, name)) for name, shape in named.items()}
        with _unfused(), _methods_as_functions(), _quiet(), torch.no_grad():
            return torch.export.export(self.module, args, kwargs)

    def input(self, shape: Any, dtype: Any) -> torch.Tensor:
        import torch

        if isinstance(shape, torch.Tensor):
            return torch.empty(shape.shape, dtype=shape.dtype, device="cpu")
        of = _torch_dtype(dtype) if dtype is not None else self.dtype or torch.get_default_dtype()
        return torch.empty(_checked(shape), dtype=of, device="cpu")


def _tensors(module: torch.nn.Module) -> Iterator[torch.Tensor]:
    """Parameters, buffers, and the tensors that modules have as plain attributes."""
    import torch

    yield from module.parameters()
    yield from module.buffers()
    for each in module.modules():
        yield from (value for value in vars(each).values() if isinstance(value, torch.Tensor))


def _drop_hooks(module: torch.nn.Module) -> int:
    """Drop the hooks of a module that are not PyTorch's own: they would write into what the user watches it with."""
    dropped = 0
    for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"):
        hooks = getattr(module, kind, {})
        for key, hook in list(hooks.items()):
            if not type(hook).__module__.startswith("torch."):
                del hooks[key]
                dropped += 1
    return dropped


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what PyTorch and the module's code would print on the way."""
    import io
    import logging

    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    said = io.StringIO()
    try:
        with warnings.catch_warnings(), redirect_stdout(said), redirect_stderr(said):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def _unfused() -> Iterator[None]:
    """Attention as the ops that it consists of, where PyTorch has one for all of it."""
    import torch

    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextmanager
def _methods_as_functions() -> Iterator[None]:
    """`a.matmul(b)` as torch.matmul(a, b), which is the same, so that it can be told from `a @ b`, which counters do not see."""
    import torch

    for name in WITH_OPERATORS:
        setattr(torch.Tensor, name, _method(getattr(torch, name)))
    try:
        yield
    finally:
        for name in WITH_OPERATORS:
            delattr(torch.Tensor, name)


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function as a method, which one of C++ is not by itself."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    return method


def _inputs(shapes: Any) -> tuple[list[Any], dict[str, Any]]:
    """Shapes by position and by name: one shape, several, or a mapping."""
    import torch

    if isinstance(shapes, Mapping):
        return [], {str(name): shape for name, shape in shapes.items()}
    if isinstance(shapes, torch.Tensor) or (isinstance(shapes, Sequence) and all(type(size) is int for size in shapes)):
        return [shapes], {}
    if isinstance(shapes, Iterable) and not isinstance(shapes, str):
        return list(shapes), {}
    raise UsageError(f"shapes must be (1, 3, 224, 224), a list of such, or a mapping by name, got {say(shapes)}")


def _of_one(given: list[Any], named: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Shapes with a batch of one, where an image or a volume has a larger one: it is no part of a network.

    >>> _of_one([(8, 3, 224, 224), (8, 77)], {}), _of_one([(4, 50, 64)], {})
    (([(1, 3, 224, 224), (1, 77)], {}), ([(4, 50, 64)], {}))
    """
    everything = [*given, *named.values()]
    batches = {shape[0] for shape in everything if isinstance(shape, (tuple, list)) and len(shape) > 3}
    if len(batches) != 1:
        return given, named

    def one(shape: Any) -> Any:
        plain = isinstance(shape, (tuple, list)) and len(shape) > 1 and shape[0] in batches
        return (1, *shape[1:]) if plain else shape

    return [*map(one, given)], {name: one(shape) for name, shape in named.items()}


def _checked(shape: Any) -> tuple[int, ...]:
    sizes = tuple(shape) if isinstance(shape, Sequence) and not isinstance(shape, str) else None
    if sizes is None or not all(type(size) is int and size >= 1 for size in sizes):
        raise UsageError(f"a shape must be a tuple of integers >= 1, the batch first, got {say(shape)}")
    return sizes


def _dtype_of(dtypes: Any, key: int | str) -> Any:
    """The type that was given for an input; None if none was."""
    if isinstance(dtypes, Mapping):
        return dtypes.get(key)
    if isinstance(dtypes, (list, tuple)):
        return dtypes[key] if isinstance(key, int) and key < len(dtypes) else None
    return dtypes


def _torch_dtype(dtype: Any) -> torch.dtype:
    import torch

    if isinstance(dtype, torch.dtype):
        return dtype
    wanted = check_dtype(dtype)
    words = {"fp64": "float64", "fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
    found = getattr(torch, words.get(wanted, wanted), None)
    if not isinstance(found, torch.dtype):
        raise UsageError(f"PyTorch has no dtype {wanted}")
    return found


def _model(exported: Any, name: str, notes: Iterable[str] = (), *, by_operator: bool = False) -> Model:
    """An exported program as a model; `by_operator` if what it has as methods are operators, where there are both.

    Raises `UsageError` if following what it changes would take too long.
    """
    import torch

    body = _Graph(exported.graph_module, _stored_names(exported), by_operator=by_operator).body(exported)
    producer = f"torch {torch.__version__.split('+')[0]}"
    try:
        plain = without_mutation(inlined(body))
    except Unfit as error:
        raise UsageError(f"{name}: {error}") from None
    return Model("torch", name, name, producer, at_their_owners(plain), tuple(notes))


def _stored_names(exported: Any) -> dict[str, str]:
    """Placeholder of a stored tensor -> its full name; names of one tensor are one name."""
    found: dict[str, str] = {}
    first: dict[Any, str] = {}
    for spec in exported.graph_signature.input_specs:
        if spec.target is not None and hasattr(spec.arg, "name"):
            tensor = exported.state_dict.get(spec.target, exported.constants.get(spec.target))
            found[spec.arg.name] = first.setdefault(spec.target if tensor is None else id(tensor), spec.target)
    return found


class _Graph:
    """A graph of PyTorch's fx that is being read."""

    def __init__(self, module: Any, names: Mapping[str, str], *, by_operator: bool = False) -> None:
        self.module, self.names, self.by_operator = module, names, by_operator
        self.holders = holders(names.values())
        self.nodes = list(module.graph.nodes)
        self.parts: dict[str, tuple[str, ...]] = {}
        """Node with several results -> their names."""
        self.stated: dict[str, Stated] = {}

    def body(self, exported: Any) -> Body:
        """The body of a whole program: parameters, buffers and constants are its stored tensors."""
        specs = {spec.arg.name: spec for spec in exported.graph_signature.input_specs if hasattr(spec.arg, "name")}
        inputs: dict[str, Stated] = {}
        tensors: dict[str, Stored] = {}
        for node in self.nodes:
            if node.op != "placeholder":
                continue
            spec, value = specs[node.name], node.meta.get("val")
            if spec.target is None:
                if _is_tensor(value):
                    inputs[node.name] = _stated(value)
            elif _is_tensor(value):
                name = self.names[node.name]
                real = exported.constants.get(spec.target, exported.state_dict.get(spec.target))
                tensors.setdefault(name, _stored(name, value, real, trainable=spec.kind.name == "PARAMETER"))
        ops = tuple(self.ops())
        kinds = [spec.kind.name for spec in exported.graph_signature.output_specs]
        results = next(node for node in self.nodes if node.op == "output").args[0]
        ends = (self.argument(each) for kind, each in zip(kinds, results) if kind == "USER_OUTPUT")
        return Body(inputs, tuple(e.name for e in ends if isinstance(e, Ref)), ops, tensors, self.stated)

    def branch(self) -> Body:
        """The body of a program inside a program."""
        places = [node for node in self.nodes if node.op == "placeholder"]
        inputs = {node.name: _stated(node.meta.get("val")) for node in places}
        ops = tuple(self.ops())
        results = next(node for node in self.nodes if node.op == "output").args[0]
        flat = results if isinstance(results, (tuple, list)) else (results,)
        ends = (self.argument(each) for each in flat)
        return Body(inputs, tuple(e.name for e in ends if isinstance(e, Ref)), ops, {}, self.stated)

    def ops(self) -> Iterator[Op]:
        for node in self.nodes:
            if node.op == "call_function" and not _is_part(node):
                self.parts[node.name] = outputs = _results(node)
                values = node.meta.get("val")
                flat = values if isinstance(values, (tuple, list)) else (values,)
                self.stated |= {name: _stated(value) for name, value in zip(outputs, flat) if _is_tensor(value)}
                yield call(
                    _target(node.target), node.name, self.arguments(node), outputs, self.place(node), self.holders
                )

    def place(self, node: Any) -> Place:
        """Where a node stands in the modules, and what was called there."""
        found = _place(node)
        is_operator = self.by_operator and found.function.partition(".")[2] in WITH_OPERATORS
        return found._replace(function=found.function.replace(METHOD, OPERATOR)) if is_operator else found

    def arguments(self, node: Any) -> dict[str, Any]:
        """The arguments of a call by the names of the schema; of functions without one by number."""
        schema = getattr(node.target, "_schema", None)
        words = [each.name for each in schema.arguments] if schema else _python_words(node.target)
        given = {words[at] if at < len(words) else str(at): each for at, each in enumerate(node.args)}
        given |= node.kwargs
        order = {word: at for at, word in enumerate(words)}
        return {word: self.argument(given[word]) for word in sorted(given, key=lambda word: order.get(word, 99))}

    def argument(self, value: Any) -> Any:
        """An argument: a number, a text, None, a `Ref`, a body, or a tuple of these."""
        import torch

        if isinstance(value, torch.fx.Node):
            return self.read(value)
        if isinstance(value, (tuple, list)):
            return tuple(map(self.argument, value))
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        return (value.real, value.imag) if isinstance(value, complex) else _word(value)

    def read(self, node: Any) -> Any:
        """What a node stands for where it is an argument."""
        if node.op == "get_attr":
            return _Graph(getattr(self.module, node.target), {}, by_operator=self.by_operator).branch()
        if _is_part(node):
            return Ref(self.parts[node.args[0].name][node.args[1]])
        return Ref(self.names.get(node.name, node.name))


def _word(value: Any) -> str:
    """What a type of elements, a device, a layout is called."""
    import torch

    if isinstance(value, torch.dtype):
        return _dtype(value)
    return str(value.type if isinstance(value, torch.device) else value).removeprefix("torch.")


def _is_tensor(value: Any) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _is_part(node: Any) -> bool:
    """Whether a node only takes one of several results of another."""
    import operator

    return bool(node.op == "call_function" and node.target is operator.getitem)


def _results(node: Any) -> tuple[str, ...]:
    """The names of a call's results: of several, those of the nodes that take them."""
    value = node.meta.get("val")
    if not isinstance(value, (tuple, list)):
        return (node.name,)
    taken = {user.args[1]: user.name for user in node.users if _is_part(user)}
    return tuple("" if each is None else taken.get(at, f"{node.name}_unused_{at}") for at, each in enumerate(value))


def _target(target: Any) -> str:
    module = getattr(target, "__module__", "") or ""
    name = getattr(target, "__name__", str(target))
    return f"{module.replace('torch._ops', 'torch.ops')}.{name}"


def _python_words(function: Any) -> list[str]:
    """The names of the arguments of a function of Python; none where it does not tell, or takes any number."""
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    words = list(chain.from_iterable([each.name] for each in parameters))
    return words if _target(function).startswith(("_operator", "math", "torch.sym")) else []


def _place(node: Any) -> Place:
    """Where a node stands in the modules, and what was called there."""
    stack = node.meta.get("nn_module_stack")
    if not stack:
        return NOWHERE
    innermost = list(stack.values())[-1]
    path, kind = innermost if isinstance(innermost, tuple) else (innermost, "")
    class_ = f"{kind.__module__}.{kind.__qualname__}" if isinstance(kind, type) else str(kind)
    called = node.meta.get("torch_fn") or ()
    lines = str(node.meta.get("stack_trace") or "").rstrip()
    return Place(module_path(str(path)), class_, str(called[-1]) if called else "", lines.rpartition("\n")[2])


def _stated(value: Any) -> Stated:
    return Stated(tuple(map(_size, value.shape)), _dtype(value.dtype)) if _is_tensor(value) else Stated(None)


def _stored(name: str, value: Any, real: Any, *, trainable: bool) -> Stored:
    """A stored tensor; contents of small ones that are not trainable, if they are integers or a single number."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensor

    shape, contents = tuple(map(int, value.shape)), None
    is_there = isinstance(real, torch.Tensor) and not isinstance(real, FakeTensor) and not real.is_meta
    most = 1 if value.is_floating_point() else MOST_CONTENTS
    if is_there and not trainable and not value.is_complex() and real.numel() <= most:
        contents = tuple(real.detach().reshape(-1).tolist())
    return Stored(name, shape, _dtype(value.dtype), contents, trainable)


def _size(size: Any) -> Size:
    return size if type(size) is int else str(size)


def _dtype(dtype: Any) -> str:
    """The name that reports use for a type of elements; empty for complex numbers and types that they do not know."""
    try:
        return check_dtype(dtype)
    except UsageError:
        return ""
