"""A Keras configuration as a graph of calls: Functional and Sequential models, and models as layers of these.

A model is read once and *written out* at each call, so that its layers stand in the network by themselves, under the
name of the model. A layer that is called several times is several ops with the same `layer`.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from convcost.core.errors import Unfit, did_you_mean
from convcost.core.units import say
from convcost.importers.keras.values import (
    Fail,
    Policy,
    Reference,
    Tensor,
    constant_name,
    dtype_name,
    failing,
    is_shape,
    leaves,
    plain,
    policy,
    reference,
    shape,
)
from convcost.importers.model import Body, Op, Size, Stated, Stored
from convcost.importers.names import free

DEEPEST = 32
"""Models inside models."""
MOST_CALLS = 20_000
"""Layers, and calls of layers with models written out; the largest network of keras.applications has a thousand."""
LONGEST_TYPE = 80
"""Characters of a class name, with where it is from."""
MOST_OUTPUTS = 4096
"""Tensors that one call makes."""
FUNCTIONAL = ("Functional", "Model", "Network")
"""What models of layers that are connected freely are called; the last two by older versions."""
SOURCES = ("InputLayer", "Input")
_MARKS = {"Attention": "use_scale", "AdditiveAttention": "use_scale", "LayerScale": "projection_dim"}
"""Class that people write themselves, too -> the setting that shows that it is the one of Keras."""
_OPERATIONS = ("keras.src.ops", "keras.ops")
_OWN = ("keras", "tf_keras", "tensorflow.keras", "tensorflow.python.keras", "keras.src")
"""The modules of Keras' own classes, whose names alone say what they are."""


class Call(NamedTuple):
    """One call of a layer, with what it takes."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    references: list[Reference]
    """The tensors among the arguments, in their order."""


@dataclass(slots=True)
class Layer:
    """A layer, an operation or a model, with its calls."""

    name: str
    type: str
    attrs: Mapping[str, Any]
    """Its configuration; the arguments of a call are added to it."""
    calls: list[Call]
    model: Functional | None = None
    """What it is made of, if it is a model."""
    stated: Stated | None = None
    """What an input layer says about its tensor."""
    outputs: list[int] = field(default_factory=list)
    """How many tensors each call makes, as far as they are used."""


@dataclass(slots=True)
class Functional:
    """A model: layers by name, the order of their calls, and the tensors it takes and puts out."""

    name: str
    layers: dict[str, Layer]
    inputs: Any
    """Tuples and mappings of references, as the model was made."""
    outputs: Any
    current: bool = True
    """Whether Keras 3 wrote it; before, calls of models were counted from 1."""
    order: list[tuple[Layer, int]] = field(default_factory=list)
    """Layer and number of each call, each after those whose tensors it takes."""


class Reader:
    """Reads one file's configuration."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.left = MOST_CALLS

    def model(self, spec: Any, path: tuple[str, ...] = ()) -> Functional:
        """The model that a serialised object describes; raises `SpecError` if it describes none."""
        fail = failing(self.file, *path)
        if len(path) > DEEPEST:
            raise fail(f"models nest deeper than {DEEPEST}")
        kind, config = self.parts(spec, fail)
        if isinstance(config, list):  # a Sequential of the first versions
            config = {"layers": config}
        if not isinstance(config, dict):
            raise fail(f"config must be a mapping, got {say(config)}")
        layers = config.get("layers")
        if not isinstance(layers, list) or not all(isinstance(layer, dict) for layer in layers):
            raise fail(_opaque(kind))
        if "output_layers" in config:
            model = self.functional(config, path, fail)
        else:
            model = self.sequential(spec, config, path, fail)
        connect(model, fail)
        return model

    def parts(self, spec: Any, fail: Fail) -> tuple[str, Any]:
        """Class name and configuration of a serialised object."""
        if not isinstance(spec, dict):
            raise fail(f"a layer must be a mapping with class_name and config, got {say(spec)}")
        kind, config = spec.get("class_name"), spec.get("config")
        if not isinstance(kind, str) or not kind:
            raise fail(f"a layer needs a class_name, got {say(kind)}")
        return kind, {} if config is None else config

    def functional(self, config: dict[str, Any], path: tuple[str, ...], fail: Fail) -> Functional:
        """A model whose layers are connected by the tensors that their calls take."""
        specs = config["layers"]
        names = {name for spec in specs if isinstance(name := _layer_name(spec), str)}
        layers: dict[str, Layer] = {}
        current = False
        for spec in specs:
            layer = self.layer(spec, path, fail)
            if layer.name in layers:
                raise fail(f"two layers are called {say(layer.name)}")
            nodes = spec.get("inbound_nodes") or []
            if not isinstance(nodes, list):
                raise fail(f"{layer.name}: inbound_nodes must be a list, got {say(nodes)}")
            here = failing(self.file, *path, layer.name)
            current = current or any(isinstance(node, dict) for node in nodes)
            layer.calls = [_call(node, names, here) for node in nodes]
            if layer.stated is not None:
                layer.calls = [Call((), {}, [])]
            elif not nodes and layer.model is None:
                layer.calls = [Call((), {}, [])]  # an operation that takes no tensor
            layers[layer.name] = layer
        inputs = _structure(config.get("input_layers"), fail)
        outputs = _structure(config["output_layers"], fail)
        return Functional(_text(config.get("name")), layers, inputs, outputs, current)

    def sequential(
        self, spec: Mapping[str, Any], config: dict[str, Any], path: tuple[str, ...], fail: Fail
    ) -> Functional:
        """A model whose layers each take what the one before puts out."""
        layers: dict[str, Layer] = {}
        last: Reference | None = None
        for each in config["layers"]:
            layer = self.layer(each, path, fail)
            if layer.name in layers:
                raise fail(f"two layers are called {say(layer.name)}")
            if last is None and layer.stated is None:
                stated = Stated(_first_shape(spec, config, each, fail), "")
                last = Reference(f"{layer.name}_input", 0, 0)
                layers[last.layer] = Layer(last.layer, "InputLayer", {}, [Call((), {}, [])], stated=stated)
            if layer.stated is not None:
                layer.calls = [Call((), {}, [])]
            else:
                assert last is not None
                last = replace(last, shape=_built_shape(each, fail) or last.shape)
                layer.calls = [Call((Tensor(0),), {}, [last])]
            layers[layer.name] = layer
            last = Reference(layer.name, 0, 0)
        if last is None:
            raise fail("the model has no layers")
        return Functional(_text(config.get("name")), layers, (Reference(next(iter(layers)), 0, 0),), (last,))

    def layer(self, spec: Any, path: tuple[str, ...], fail: Fail) -> Layer:
        """A layer without its calls."""
        self.left -= 1
        if self.left < 0:
            raise fail(f"the network has more than {MOST_CALLS:,} layers")
        kind, config = self.parts(spec, fail)
        name = _layer_name(spec)
        if isinstance(config, list) and isinstance(name, str):
            config = {"layers": config, "name": name}
        if not isinstance(name, str) or not name:
            raise fail(f"a layer needs a name, got {say(name)}")
        if not isinstance(config, dict):
            raise fail(f"{name}: config must be a mapping, got {say(config)}")
        here = failing(self.file, *path, name)
        if kind in SOURCES:
            given = next((config[key] for key in ("batch_shape", "batch_input_shape") if config.get(key)), None)
            sizes = None if given is None else shape(given, here)
            return Layer(name, kind, {}, [], stated=Stated(sizes, dtype_name(config.get("dtype"))))
        model = None
        if isinstance(config.get("layers"), list) and all(isinstance(each, dict) for each in config["layers"]):
            model = self.model(spec, (*path, name))
        settings = {} if model else plain(config, here)
        if not isinstance(settings, dict):
            raise here(f"config must be a mapping of settings, got {say(config.get('class_name'))}")
        try:
            dtypes = policy(config.get("dtype"), name)
        except Unfit as error:
            raise here(str(error)) from None
        attrs = {
            "config": settings,
            "trainable": config.get("trainable") is not False,
            "dtypes": dtypes,
            "build": plain(spec.get("build_config"), here),
        }
        layer = Layer(name, self.type(spec, kind, config, here), attrs, [], model)
        if kind == "TimeDistributed":
            only = {"class_name": "Sequential", "config": {"layers": [config.get("layer")]}}
            inner = self.model(only, (*path, name))
            layer.attrs = {**attrs, "model": inner}
        return layer

    def type(self, spec: Mapping[str, Any], kind: str, config: Mapping[str, Any], fail: Fail) -> str:
        """What reports call an op: the class name, of operations and of foreign classes with where they are from."""
        found = self.qualified(spec, kind, config)
        if not found.isprintable() or len(found) > LONGEST_TYPE:
            raise fail(f"a class name must have at most {LONGEST_TYPE} printable characters, got {say(found)}")
        return found

    def qualified(self, spec: Mapping[str, Any], kind: str, config: Mapping[str, Any]) -> str:
        module, registered = spec.get("module"), spec.get("registered_name")
        if kind in ("TFOpLambda", "SlicingOpLambda"):
            return f"tf.{_text(config.get('function')) or kind}"
        if not isinstance(module, str):
            return _old_type(spec, kind, config)
        if module.startswith(_OPERATIONS):
            return f"ops.{kind}"
        if module.partition(".")[0] in _OWN or module.startswith(_OWN[2:4]):
            return kind
        if isinstance(registered, str) and ">" in registered:
            return registered
        return f"{module}>{kind}"


def _old_type(spec: Mapping[str, Any], kind: str, config: Mapping[str, Any]) -> str:
    """What reports call an op of the old format, which says nothing of where a class is from.

    Operations have no settings of a layer; classes that people write themselves, too, are known by theirs.
    """
    nodes = spec.get("inbound_nodes")
    new = isinstance(nodes, list) and nodes and isinstance(nodes[0], dict)
    if new and "trainable" not in config and "dtype" not in config:
        return f"ops.{kind}"
    return kind if _MARKS.get(kind, "") in ("", *config) else f"custom>{kind}"


def _opaque(kind: str) -> str:
    """Why a model cannot be read whose file does not list its layers."""
    return (
        f"the file holds no layers of {say(kind)}, only what its constructor takes, because it is a subclassed model; "
        "save keras.Model(model.inputs, model.outputs) instead if it has symbolic inputs, "
        "or export it to ONNX or from PyTorch"
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _layer_name(spec: Mapping[str, Any]) -> Any:
    """The name of a layer, beside its configuration or inside of it."""
    config = spec.get("config")
    return spec.get("name") or (config.get("name") if isinstance(config, dict) else None)


def _first_shape(
    spec: Mapping[str, Any], config: Mapping[str, Any], first: Mapping[str, Any], fail: Fail
) -> tuple[Size, ...] | None:
    """The shape that a Sequential model without an input layer takes, batch first; None if the file states none."""
    inner = first.get("config")
    inner = inner if isinstance(inner, dict) else {}
    built = spec.get("build_config")
    for given in (
        inner.get("batch_input_shape"),
        config.get("build_input_shape"),
        built.get("input_shape") if isinstance(built, dict) else None,
    ):
        if given and is_shape(given):
            return shape(given, fail)
    return _built_shape(first, fail)


def _built_shape(spec: Mapping[str, Any], fail: Fail) -> tuple[Size, ...] | None:
    """The shape of the single input that a layer was built for, batch first; None if the file does not say."""
    built = spec.get("build_config")
    given = built.get("input_shape") if isinstance(built, dict) else None
    return shape(given, fail) if given and is_shape(given) else None


def _structure(value: Any, fail: Fail, depth: int = 0) -> Any:
    """The tensors that a model takes or puts out: references in tuples and mappings, in the order in which Keras lists them.

    >>> _structure([["a", 0, 0]], failing("f"))[0].layer
    'a'
    """
    if (found := reference(value)) is not None:
        return found
    if depth > DEEPEST:
        raise fail(f"lists of tensors nest deeper than {DEEPEST}")
    if isinstance(value, list):
        return tuple(_structure(item, fail, depth + 1) for item in value)
    if isinstance(value, dict):
        if value.get("class_name") == "__tuple__":
            return _structure(value.get("items"), fail, depth + 1)
        return {key: _structure(item, fail, depth + 1) for key, item in value.items()}
    if value is None:
        return ()
    raise fail(f"a tensor must be of the form [layer, call, output], got {say(value)}")


def _call(node: Any, names: set[str], fail: Fail) -> Call:
    """A call as the file states it: with arguments by place and by name, or as the list of tensors of older versions."""
    references: list[Reference] = []
    if isinstance(node, dict) and isinstance(node.get("args"), list):
        args = plain(node["args"], fail, references)
        kwargs = plain(node.get("kwargs") or {}, fail, references)
        if not isinstance(kwargs, dict):
            raise fail(f"arguments by name must be a mapping, got {say(kwargs)}")
        return Call(args, kwargs, references)
    kwargs = {}
    args = _old(node, names, references, kwargs, fail)
    if isinstance(node, list) and isinstance(args, tuple) and len(args) == 1:
        args = args[0]
    named = {key: _old_named(value, names, references, fail) for key, value in kwargs.items()}
    return Call((args,), named, references)


def _is_old(value: Any) -> bool:
    """Whether a list is a tensor as versions before 3 write it: `[layer, call, output]`, arguments by name as a fourth."""
    if not isinstance(value, list) or len(value) not in (3, 4):
        return False
    return reference(value[:3]) is not None and (len(value) == 3 or isinstance(value[3], dict | None))


def _old(
    node: Any, names: set[str], references: list[Reference], kwargs: dict[str, Any], fail: Fail, depth: int = 0
) -> Any:
    """What a call of a version before 3 takes by place; arguments by name, which stand with a tensor, are collected."""
    if depth > DEEPEST:
        raise fail(f"lists of tensors nest deeper than {DEEPEST}")
    if isinstance(node, list) and len(node) == 4 and node[0] == "_CONSTANT_VALUE":
        if isinstance(node[3], dict):
            kwargs.update(node[3])
        return plain(node[2], fail)
    if _is_old(node):
        if node[0] not in names:
            raise fail(f"takes a tensor of {say(node[0])}, which is no layer{did_you_mean(node[0], names)}")
        if len(node) == 4 and node[3]:
            kwargs.update(node[3])
        references.append(Reference(*node[:3]))
        return Tensor(len(references) - 1)
    if isinstance(node, list):
        return tuple(_old(item, names, references, kwargs, fail, depth + 1) for item in node)
    if isinstance(node, dict):
        return {key: _old(item, names, references, kwargs, fail, depth + 1) for key, item in node.items()}
    raise fail(f"a call must be a list of tensors [layer, call, output, arguments], got {say(node)}")


def _old_named(value: Any, names: set[str], references: list[Reference], fail: Fail, depth: int = 0) -> Any:
    """An argument by name of a version before 3: a list of layer, call and output is a tensor if the layer exists."""
    if depth > DEEPEST:
        raise fail(f"lists and mappings nest deeper than {DEEPEST}")
    if _is_old(value) and value[0] in names:
        references.append(Reference(*value[:3]))
        return Tensor(len(references) - 1)
    if isinstance(value, list):
        return tuple(_old_named(item, names, references, fail, depth + 1) for item in value)
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _old_named(item, names, references, fail, depth + 1) for key, item in value.items()}
    return plain(value, fail)


def connect(model: Functional, fail: Fail) -> None:
    """Check what the calls of a model take, and put them in order.

    Afterwards references count the calls of every layer from 0, and layers know how many tensors their calls make.
    """
    for layer in model.layers.values():
        layer.outputs = [1] * len(layer.calls)
    for layer in model.layers.values():
        for call in layer.calls:
            call.references[:] = [_found(each, model, False, fail) for each in call.references]
    model.inputs = _map(model.inputs, lambda each: _found(each, model, True, fail))
    model.outputs = _map(model.outputs, lambda each: _found(each, model, True, fail))
    model.order = _ordered(model.layers, fail)


def _ordered(layers: Mapping[str, Layer], fail: Fail) -> list[tuple[Layer, int]]:
    """The calls, each after those whose tensors it takes, in the file's order as far as that allows."""
    every, places = list(layers.values()), {name: place for place, name in enumerate(layers)}
    waiting: dict[tuple[int, int], int] = {}
    readers: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for place, layer in enumerate(every):
        for number, call in enumerate(layer.calls):
            makers = {(places[each.layer], each.call) for each in call.references}
            waiting[place, number] = len(makers)
            for maker in makers:
                readers.setdefault(maker, []).append((place, number))
    ready = [each for each, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    order = []
    while ready:
        place, number = heapq.heappop(ready)
        order.append((every[place], number))
        for reader in readers.get((place, number), ()):
            waiting[reader] -= 1
            if waiting[reader] == 0:
                heapq.heappush(ready, reader)
    if len(order) < len(waiting):
        stuck = [every[place].name for (place, _), count in waiting.items() if count > 0]
        raise fail(f"layers take tensors of each other in a circle: {', '.join(map(say, stuck[:3]))}")
    return order


def _map(structure: Any, function: Any) -> Any:
    """Tuples and mappings with each reference replaced."""
    if isinstance(structure, Reference):
        return function(structure)
    if isinstance(structure, Mapping):
        return {key: _map(item, function) for key, item in structure.items()}
    return tuple(_map(item, function) for item in structure)


def _found(given: Reference, model: Functional, end: bool, fail: Fail) -> Reference:
    """A reference that counts calls from 0, checked; `end` where the model takes it in or puts it out."""
    layer = model.layers.get(given.layer)
    if layer is None:
        raise fail(f"there is no layer {say(given.layer)}{did_you_mean(given.layer, model.layers)}")
    call = given.call
    if layer.model is not None and len(layer.calls) == 1 and call <= 1:
        call = 0
    elif layer.model is not None and (layer.type in FUNCTIONAL if end and model.current else not model.current):
        # A model that was made from its inputs has been called once already: its first call here is its second.
        call -= 1
    if not 0 <= call < len(layer.calls):
        raise fail(f"{given.layer} is called {len(layer.calls)} times, there is no call {given.call}")
    if given.output >= MOST_OUTPUTS:
        raise fail(f"a call makes at most {MOST_OUTPUTS:,} tensors, got number {given.output} of {given.layer}")
    if layer.stated is not None and given.output:
        raise fail(f"the input layer {given.layer} makes one tensor, there is no number {given.output}")
    if layer.model is not None and given.output >= (count := sum(1 for _ in leaves(layer.model.outputs))):
        raise fail(f"{given.layer} puts out {count} tensors, there is no number {given.output}")
    layer.outputs[call] = max(layer.outputs[call], given.output + 1)
    return replace(given, call=call)


def _open_batch(stated: Stated) -> Stated:
    """What a file states, its first axis named: in Keras that is the batch, also where its size is fixed."""
    return stated._replace(shape=("batch", *stated.shape[1:])) if stated.shape else stated


_QUANTISED: Final = ("Dense", "EinsumDense", "Embedding", "ReversibleEmbedding")
"""Layers that keep their kernels in another dtype where their policies say so."""


def _dtypes(stated: Policy, kind: str) -> dict[str, str]:
    """The types of what a layer of this type makes and of what it stores, by its policy; empty where it states none.

    >>> _dtypes(Policy("fp16", "fp32", "fp32"), "Dense")["outputs"], _dtypes(Policy("fp32", "fp32", "int8"), "Dense")["weights"]
    ('fp16', 'int8')
    """
    weights = stated.kernels if kind.rpartition(">")[2] in _QUANTISED else stated.stores
    found = {"outputs": stated.computes, "weights": weights, "biases": stated.stores, "buffers": stated.stores}
    return {role: dtype for role, dtype in found.items() if dtype}


class Writer:
    """Writes a model out, call by call, into a list of ops with tensors that have names."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.left = MOST_CALLS
        self.ops: list[Op] = []
        self.stated: dict[str, Stated] = {}
        self.numbers: dict[str, Stored] = {}
        """The numbers that operations take."""
        self.taken: dict[str, int] = {}
        """Names of tensors, each with the last number that it was given behind it."""

    def body(self, model: Functional, path: tuple[str, ...], trainable: bool = True) -> Body:
        """A model as ops; its inputs carry the names of its input layers."""
        fail = failing(self.file, *path)
        inputs: dict[str, Stated] = {}
        bound = []
        for each in leaves(model.inputs):
            layer = model.layers[each.layer]
            if layer.stated is None:
                raise fail(f"the input {say(each.layer)} is no input layer, but a {layer.type}")
            bound.append(self.name(each.layer))
            inputs[bound[-1]] = _open_batch(layer.stated)
        outputs = self.write(model, bound, path, trainable)
        return Body(inputs, tuple(leaves(outputs)), tuple(self.ops), self.numbers, self.stated)

    def write(self, model: Functional, bound: Sequence[str], path: tuple[str, ...], trainable: bool) -> Any:
        """Write out a call of a model that takes these tensors; the tensors it puts out, structured as it puts them."""
        fail = failing(self.file, *path)
        made: dict[tuple[str, int], Sequence[str]] = {}
        for each, name in zip(leaves(model.inputs), bound, strict=True):
            made[each.layer, 0] = (name,)
        for layer, number in model.order:
            self.left -= 1
            if self.left < 0:
                raise fail(f"the network has more than {MOST_CALLS:,} calls of layers")
            if layer.stated is not None:
                if (layer.name, number) not in made:
                    raise fail(f"the input layer {say(layer.name)} is none of the model's inputs")
                continue
            call = layer.calls[number]
            taken = [self.tensor(made, each) for each in call.references]
            learns = trainable and layer.attrs["trainable"] is True
            if layer.model is None:
                made[layer.name, number] = self.op(layer, number, taken, path, learns)
            else:
                inner = self.binding(layer, call, taken, failing(self.file, *path, layer.name))
                put = self.write(layer.model, inner, (*path, layer.name), learns)
                made[layer.name, number] = tuple(leaves(put))
        return _map(model.outputs, lambda each: self.tensor(made, each))

    def tensor(self, made: Mapping[tuple[str, int], Sequence[str]], each: Reference) -> str:
        """The name of a tensor; what the file states about it is noted."""
        name = made[each.layer, each.call][each.output]
        if name not in self.stated and each.shape is not None:
            self.stated[name] = _open_batch(Stated(each.shape, each.dtype))
        return name

    def binding(self, layer: Layer, call: Call, taken: Sequence[str], fail: Fail) -> list[str]:
        """The tensors that a called model takes, in the order of its inputs: by name if given by name, else in order."""
        assert layer.model is not None
        wanted = layer.model.inputs
        args = call.args[0] if len(call.args) == 1 else call.args
        given = [taken[each.place] for each in leaves(args) if isinstance(each, Tensor)]
        names = [each.layer for each in leaves(wanted)]
        if isinstance(args, Mapping) and not isinstance(wanted, Mapping) and set(names) <= set(args):
            given = [taken[each.place] for name in names if isinstance(each := args[name], Tensor)]
        if len(given) != len(names):
            raise fail(f"the model takes {len(names)} tensors, got {len(given)}")
        for tensor, name in zip(given, names):
            # What a model was made for says the shape of what it is called with, where nothing else does.
            stated = layer.model.layers[name].stated
            if stated is not None and stated.shape is not None:
                self.stated.setdefault(tensor, _open_batch(stated))
        return given

    def op(self, layer: Layer, number: int, taken: Sequence[str], path: tuple[str, ...], learns: bool) -> Sequence[str]:
        """Write an op; the names of the tensors that it makes."""
        call = layer.calls[number]
        place = "/".join((*path, layer.name))
        first = self.name(place if number == 0 else f"{place} ({number + 1})")
        outputs = (first, *(self.name(f"{first}:{index}") for index in range(1, layer.outputs[number])))
        self.left -= len(outputs) - 1
        attrs = {**layer.attrs, "args": call.args, "kwargs": call.kwargs}
        inner = attrs.pop("model", None)
        if isinstance(inner, Functional):
            attrs["body"] = self.inner(inner, (*path, layer.name), learns)
        *scopes, leaf = [part for part in layer.name.split("/") if part] or [layer.name]
        path = (*path, *scopes, leaf)
        if layer.type.startswith(("ops.", "tf.")):
            named: list[tuple[int | str, Any]] = [*enumerate(call.args), *call.kwargs.items()]
            for key, given in named:
                if isinstance(given, int | float):
                    called = constant_name(first, key)
                    self.numbers[called] = Stored(called, (), "", (given,))
        dtypes = _dtypes(layer.attrs["dtypes"], layer.type)
        self.ops.append(Op(layer.type, leaf, tuple(taken), outputs, attrs, path, place, learns, dtypes))
        return outputs

    def inner(self, model: Functional, path: tuple[str, ...], learns: bool) -> Body:
        """The body of a layer that applies others, to each step of a sequence; it may state other shapes than the whole has."""
        writer = Writer(self.file)
        writer.left, writer.taken = self.left, self.taken
        body = writer.body(model, path, learns)
        self.left = writer.left
        return replace(body, stated={})

    def name(self, wanted: str) -> str:
        """A name that no tensor has yet."""
        return free(wanted, self.taken, "{} [{}]")
