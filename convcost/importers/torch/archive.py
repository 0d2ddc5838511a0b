"""Programs that torch.export wrote to a file: `.pt2` archives, read without PyTorch.

An archive is a zip file. What the network computes is JSON; weights are other members, which are not read, and pickled ones
are never opened. Small constants are read, since shapes may depend on them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import Any, NamedTuple, TypeAlias, TypeVar
from zipfile import ZipFile

from convcost.core.errors import Problem, SpecError, Unfit
from convcost.core.units import say
from convcost.importers.forms import holders
from convcost.importers.model import MOST_CONTENTS, Body, Model, Op, Size, Stated, Stored
from convcost.importers.torch.calls import NOWHERE, Place, Ref, call, is_list, module_path
from convcost.importers.torch.inlining import inlined
from convcost.importers.torch.mutation import without_mutation
from convcost.importers.torch.owners import at_their_owners

T = TypeVar("T")
Names: TypeAlias = Mapping[str, str]
"""Name in the graph -> the full name of the stored tensor that it stands for."""
LARGEST_TEXT = 1 << 26
"""Bytes of the longest JSON that is read: 64 MiB."""
MOST_ITEMS = 4_000_000
"""The most items in a JSON text: each takes memory, however short its text is."""
LARGEST_SIZE = 1 << 62
DEEPEST = 40
"""Levels of programs inside programs: the branches of conditions."""
HOW_TO_EXPORT = "torch.export.save(torch.export.export(module.eval(), (example,)), 'model.pt2')"
DTYPES = {
    **dict(enumerate(("uint8", "int8", "int16", "int32", "int64", "fp16", "fp32", "fp64"), start=1)),
    **dict(enumerate(("bool", "bf16"), start=12)),
    **dict(enumerate(("uint16", *["fp8"] * 5, "uint32", "uint64"), start=28)),
}
"""PyTorch's number of a type of elements -> the name that reports use; complex numbers are not among them."""
MEMORY_FORMATS = {1: "contiguous_format", 2: "channels_last", 3: "channels_last_3d", 4: "preserve_format"}
STRUCT = {"int8": "b", "uint8": "B", "int16": "h", "int32": "i", "int64": "q", "bool": "?", "fp32": "f", "fp64": "d"}
"""Type of elements -> its code in the struct module."""


class Malformed(ValueError):
    """The file is not what the program that wrote it would have written; the message says where."""


def read(file: str) -> Model:
    """The model in a `.pt2` archive; raises `SpecError`."""
    with _opened(file) as archive:
        try:
            return _Reader(file, archive).model()
        except (Malformed, RecursionError) as error:
            why = "nested too deeply" if isinstance(error, RecursionError) else error
            raise _refusal(file, f"malformed archive: {why}") from None
        except Unfit as error:
            raise _refusal(file, str(error)) from None


def _opened(file: str) -> ZipFile:
    try:
        return ZipFile(file)
    except OSError as error:
        raise _refusal(file, f"cannot be read: {error.strerror or error}") from None
    except Exception as error:  # noqa: BLE001 - a damaged table of contents lets struct, seek and decode raise as well
        raise _refusal(file, _not_a_zip(file) or f"damaged archive: {error}") from None


def _refusal(file: str, what: str) -> SpecError:
    return SpecError([Problem(None, file, what)])


def _not_a_zip(file: str) -> str:
    """What a file is that PyTorch may have written, and that is no archive; empty if it may be a damaged one."""
    with open(file, "rb") as opened:
        start = opened.read(4)
    if start[:1] == b"\x80":
        return f"weights pickled by an old torch.save, which do not say what the network computes; {_export()}"
    return "" if start[:2] == b"PK" else f"not a .pt2 archive (no zip file); {_export()}"


def _export() -> str:
    return f"write the network with {HOW_TO_EXPORT}"


class _Payload(NamedTuple):
    """A stored tensor as the archive lists it: the member that has its bytes, and what it is."""

    member: str
    """Empty if it must not be opened."""
    meta: Any


class _Reader:
    """An archive that is being read."""

    def __init__(self, file: str, archive: ZipFile) -> None:
        self.file, self.archive = file, archive
        self.names = archive.namelist()
        self.notes: list[str] = []

    def model(self) -> Model:
        member = self.program_member()
        program = self.json(member)
        graph_module = _get(program, "graph_module", dict)
        program_graph, signature = _get(graph_module, "graph", dict), _get(graph_module, "signature", dict)
        if "input_specs" not in signature:
            raise _refusal(self.file, f"written by PyTorch 2.1 or older; {_export()} again")
        version = program.get("torch_version")
        body = self.body(program_graph, signature, self.payloads(member))
        producer = f"torch {version.split('+')[0]}" if isinstance(version, str) else "torch.export"
        name = os.path.splitext(os.path.basename(self.file))[0]
        return Model("torch", self.file, name, producer, body, tuple(self.notes))

    def program_member(self) -> str:
        """The member that is the program; raises `SpecError` if the archive has something else in it, or several."""
        programs = [name for name in self.names if _PROGRAM.search(name)]
        if len(programs) == 1:
            return programs[0]
        if chosen := [name for name in programs if name.endswith("models/model.json")]:
            return chosen[0]
        if programs:
            models = ", ".join(sorted(os.path.basename(name).removesuffix(".json") for name in programs))
            raise _refusal(self.file, f"has several models ({models}); save each to a file of its own")
        raise _refusal(self.file, f"{self.what_it_is()}; {_export()}")

    def what_it_is(self) -> str:
        """What a zip file without an exported program is."""
        ends = {name.partition("/")[2] or name for name in self.names}
        if "constants.pkl" in ends or any(name.startswith("code/") for name in ends):
            return "a TorchScript program, which has no shapes"
        if "data.pkl" in ends:
            return "weights or a module saved by torch.save, which do not say what the network computes"
        if any("aotinductor" in name for name in self.names):
            return "a network compiled by AOTInductor, without the program it was made of"
        return "a zip file without an exported program in it (no models/*.json)"

    def json(self, member: str) -> Any:
        """A member that is JSON, of a size that can be parsed."""
        text = self.bytes(member, LARGEST_TEXT)
        if sum(map(text.count, (b",", b"[", b"{"))) > MOST_ITEMS:
            raise Malformed(f"{member} has more than {MOST_ITEMS:,} items")
        try:
            return json.loads(text)
        except ValueError as error:
            raise Malformed(f"{member} is not JSON: {error}") from None

    def bytes(self, member: str, most: int) -> bytes:
        """The contents of a member, whatever size its header states."""
        try:
            with self.archive.open(member) as opened:
                found = opened.read(most + 1)
        except Exception as error:  # noqa: BLE001 - of a damaged or encrypted member, errors have many types
            raise Malformed(f"{member} cannot be read: {error}") from None
        if len(found) > most:
            raise Malformed(f"{member} is larger than {most:,} bytes")
        return found

    def payloads(self, program: str) -> dict[str, _Payload]:
        """Full name of each stored tensor -> where its bytes are; empty in archives that pickle them all together."""
        root, _, model = program.rpartition("models/")
        model = model.removesuffix(".json")
        found = {}
        for folder, kind in (("weights", "weights"), ("constants", "constants")):
            config = f"{root}data/{folder}/{model}_{kind}_config.json"
            if config not in self.names:
                continue
            for name, each in _get(self.json(config), "config", dict).items():
                path = _get(each, "path_name", str)
                is_plain = each.get("use_pickle") is False
                member = f"{root}data/{folder}/{path}" if is_plain else ""
                found[name] = _Payload(member, each.get("tensor_meta"))
        return found

    def body(self, graph: Mapping[str, Any], signature: Mapping[str, Any], payloads: Mapping[str, _Payload]) -> Body:
        """The program of the whole model: what its signature says of each input, and the graph."""
        values = _get(graph, "tensor_values", dict)
        inputs: dict[str, Stated] = {}
        tensors: dict[str, Stored] = {}
        names: dict[str, str] = {}
        same: dict[Any, str] = {}
        for spec in _get(signature, "input_specs", list):
            kind, stated = _only(spec)
            if kind == "user_input":
                place = _argument(_get(stated, "arg", dict), {})
                if isinstance(place, Ref):
                    inputs[place.name] = _stated(values.get(place.name))
            elif kind in _STORED:
                place = Ref(_get(_get(stated, "arg", dict), "name", str))
                name = _get(stated, _STORED[kind], str)
                payload = payloads.get(name)
                tensor = self.stored(name, _get(values, place.name, dict), payload, trainable=kind == "parameter")
                owner = same.setdefault(_identity(payload, name), name)
                names[place.name] = owner
                tensors.setdefault(owner, tensor)
        ops, outputs = _ops(graph, names, 0), _outputs(graph, signature, names)
        computed = {name: _stated(meta) for name, meta in values.items() if name not in names and name not in inputs}
        return at_their_owners(
            without_mutation(inlined(_ordered(Body(inputs, outputs, tuple(ops), tensors, computed))))
        )

    def stored(self, name: str, meta: Mapping[str, Any], payload: _Payload | None, *, trainable: bool) -> Stored:
        """A stored tensor; contents of small ones that are not trainable, if they are integers or a single number."""
        shape = tuple(_whole(size, name) for size in _get(meta, "sizes", list))
        dtype = DTYPES.get(_get(meta, "dtype", int), "")
        contents = None
        if payload is not None and payload.member and not trainable and dtype in STRUCT:
            is_said = prod(shape) <= (1 if dtype.startswith("fp") else MOST_CONTENTS)
            if is_said and _is_contiguous(meta, shape):
                contents = self.contents(payload.member, prod(shape), dtype)
        return Stored(name, shape, dtype, contents, trainable)

    def contents(self, member: str, elements: int, dtype: str) -> tuple[Any, ...] | None:
        """The elements of a constant; None if the archive has not as many bytes as they take."""
        import struct

        form = f"<{elements}{STRUCT[dtype]}"
        if member not in self.names:
            return None
        found = self.bytes(member, MOST_CONTENTS * 8)
        return struct.unpack(form, found) if len(found) == struct.calcsize(form) else None


_PROGRAM = re.compile(r"(^|/)models/[^/]+\.json$|(^|/)serialized_exported_program\.json$")
_STORED = {"parameter": "parameter_name", "buffer": "buffer_name", "tensor_constant": "tensor_constant_name"}
"""Kind of a stored input -> where its full name stands."""


def _get(record: Any, key: str, kind: type[T]) -> T:
    """An entry of a JSON object; raises `Malformed` if it is missing or of another type."""
    value = record.get(key) if isinstance(record, dict) else None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Malformed(f"{key!r} must be {_JSON[kind]}, got {say(value)}")
    return value


_JSON: dict[type, str] = {dict: "an object", list: "an array", str: "a text", int: "an integer"}


def _only(union: Any) -> tuple[str, Any]:
    """The one entry of an object that says by its key what it is."""
    if not isinstance(union, dict) or len(union) != 1:
        raise Malformed(f"an object with one entry is needed, got {say(union)}")
    return next(iter(union.items()))


def _identity(payload: _Payload | None, name: str) -> Any:
    """Equal for the names of one stored tensor, which the archive has once."""
    if payload is None or not payload.member or not isinstance(payload.meta, dict):
        return name
    return payload.member, json.dumps([payload.meta.get(key) for key in ("sizes", "strides", "storage_offset")])


def _whole(size: Any, where: str) -> int:
    """A size that must not be open."""
    found = _size(size)
    if not isinstance(found, int):
        raise Malformed(f"{where}: a stored tensor has the open size {found}")
    return found


def _size(size: Any) -> Size:
    """A size: a number, or the expression of an open one."""
    kind, value = _only(size)
    if kind == "as_expr":
        return expression(_get(value, "expr_str", str))
    if kind != "as_int" or not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LARGEST_SIZE:
        raise Malformed(f"a size must be an integer from 0 to 2^62, got {say(value)}")
    return value


def expression(text: str) -> str:
    """The expression of an open size as a person would write it.

    >>> expression("Symbol('s77', positive=True, integer=True)")
    's77'
    >>> expression("Mul(Integer(32), Symbol('s77', positive=True, integer=True))")
    '32*s77'
    """
    shown = _SYMBOL.sub(lambda found: found[1] or found[2], text[:LONGEST_EXPRESSION])
    while (simpler := _CALL.sub(_infix, shown)) != shown:
        shown = simpler
    if found := _SUM.fullmatch(shown):
        shown = found[1]
    return shown.translate(_ROUND).replace("+ -", "- ")


LONGEST_EXPRESSION = 1000
_SYMBOL = re.compile(r"(?:Symbol\('(\w+)'[^()]*\)|Integer\((-?\d+)\))")
_SUM = re.compile(r"\[([^\[\]]*)\]")
_ROUND = str.maketrans("[]", "()")
_CALL = re.compile(r"(?<!\w)(Mul|Add)\(([^()]*)\)")


def _infix(found: re.Match[str]) -> str:
    """A product or sum of simple terms; square brackets stand for parentheses while others are calls."""
    terms = found[2].split(", ")
    return "*".join(terms) if found[1] == "Mul" else f"[{' + '.join(terms)}]"


def _stated(meta: Any) -> Stated:
    if not isinstance(meta, dict):
        return Stated(None)
    return Stated(tuple(map(_size, _get(meta, "sizes", list))), DTYPES.get(_get(meta, "dtype", int), ""))


def _is_contiguous(meta: Mapping[str, Any], shape: tuple[int, ...]) -> bool:
    strides = [_size(stride) for stride in _get(meta, "strides", list)]
    expected = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
    return strides == expected and _size(_get(meta, "storage_offset", dict)) == 0


def _ops(graph: Mapping[str, Any], names: Mapping[str, str], depth: int) -> list[Op]:
    if depth > DEEPEST:
        raise Malformed(f"programs inside programs, more than {DEEPEST} levels deep")
    ops, own = [], holders(names.values())
    for at, node in enumerate(_get(graph, "nodes", list)):
        outputs = [name for output in _get(node, "outputs", list) for name in _result(output)]
        given = node.get("name")
        name = given if isinstance(given, str) and given else (outputs[0] if outputs else f"node_{at}")
        arguments: dict[str, Any] = {}
        for position, each in enumerate(_get(node, "inputs", list)):
            word = _get(each, "name", str) or str(position)
            arguments[word] = _argument(_get(each, "arg", dict), names, depth)
        ops.append(call(_get(node, "target", str), name, arguments, outputs, _place(node), own))
    return ops


def _place(node: Mapping[str, Any]) -> Place:
    """Where a node stands: its modules, the last entry of `key,name,class;key,name,class;…`, and `name;function` there."""
    metadata = node.get("metadata")
    stack, called, lines = map(_texts(metadata), ("nn_module_stack", "torch_fn", "stack_trace"))
    if not stack:
        return NOWHERE
    path, _, module = stack.rpartition(";")[2].split(",", 1)[-1].rpartition(",")
    return Place(module_path(path), module, called.rpartition(";")[2], lines.rstrip().rpartition("\n")[2])


def _texts(metadata: Any) -> Callable[[str], str]:
    """What a node says beside its arguments, by key; empty if it says nothing."""

    def text(key: str) -> str:
        found = metadata.get(key) if isinstance(metadata, dict) else None
        return found if isinstance(found, str) else ""

    return text


def _result(output: Any) -> Iterator[str]:
    """The names of the tensors and numbers that an output of a node stands for; an empty one for what is left out."""
    found = _argument(output, {})
    for each in found if is_list(found) else (found,):
        yield each.name if isinstance(each, Ref) else ""


def _outputs(graph: Mapping[str, Any], signature: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, ...]:
    """The outputs that the caller gets: not the buffers that the program updates, which come before them."""
    kinds = [_only(spec)[0] for spec in _get(signature, "output_specs", list)]
    found = [_argument(output, names) for output in _get(graph, "outputs", list)]
    if len(kinds) != len(found):
        raise Malformed(f"the signature has {len(kinds)} outputs, the graph {len(found)}")
    return tuple(each.name for kind, each in zip(kinds, found) if kind == "user_output" and isinstance(each, Ref))


def _argument(union: Any, names: Names, depth: int = 0) -> Any:
    """An argument: a number, a text, None, a `Ref`, a body, or a tuple of these."""
    kind, value = _only(union)
    if kind in _LISTS:
        return tuple(_argument({_LISTS[kind]: each} if _LISTS[kind] else each, names, depth) for each in _items(value))
    if kind not in _ONE:
        raise Malformed(f"an argument of the unknown kind {say(kind)}")
    return _ONE[kind](value, names, depth)


def _items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Malformed(f"an array of arguments is needed, got {say(value)}")
    return value


def _plain(value: Any, names: Names, depth: int) -> Any:
    """Numbers and texts, lists as tuples; infinite numbers are texts in the file."""
    if isinstance(value, list):
        return tuple(_plain(each, names, depth) for each in value)
    if isinstance(value, dict):
        return tuple((key, _plain(each, names, depth)) for key, each in value.items())
    return float(value) if isinstance(value, str) and value in {"Infinity", "-Infinity", "NaN"} else value


def _ref(value: Any, names: Names, _depth: int) -> Ref:
    name = _get(value, "name", str)
    return Ref(names.get(name, name))


def _symbol(value: Any, names: Names, _depth: int) -> Any:
    """A number that may be computed."""
    kind, found = _only(value)
    if kind == "as_name" and isinstance(found, str):
        return Ref(names.get(found, found))
    if kind in {"as_int", "as_float", "as_bool"} and isinstance(found, (int, float)):
        return found
    raise Malformed(f"a number or its name is needed, got {say(found)}")


def _word(words: Mapping[int, str], value: Any) -> str:
    return words.get(value, "") if isinstance(value, int) else ""


def _graph(value: Any, _names: Names, depth: int) -> Body:
    return _branch(_get(value, "graph", dict), depth + 1)


_ONE: dict[str, Callable[[Any, Names, int], Any]] = {
    **dict.fromkeys(("as_int", "as_float", "as_bool", "as_string", "as_operator", "as_complex"), _plain),
    **dict.fromkeys(("as_ints", "as_floats", "as_bools", "as_strings", "as_int_lists", "as_float_lists"), _plain),
    **dict.fromkeys(("as_tensor", "as_custom_obj"), _ref),
    **dict.fromkeys(("as_sym_int", "as_sym_float", "as_sym_bool"), _symbol),
    "as_string_to_argument": _plain,
    "as_none": lambda _value, _names, _depth: None,
    "as_optional_tensor": _argument,
    "as_graph": _graph,
    "as_scalar_type": lambda value, _names, _depth: _word(DTYPES, value),
    "as_memory_format": lambda value, _names, _depth: _word(MEMORY_FORMATS, value),
    "as_layout": lambda value, _names, _depth: _word({7: "strided"}, value),
    "as_device": lambda value, _names, _depth: _get(value, "type", str),
}
_LISTS = {
    "as_tensors": "as_tensor",
    "as_sym_ints": "as_sym_int",
    "as_sym_floats": "as_sym_float",
    "as_sym_bools": "as_sym_bool",
    "as_nested_tensors": "as_tensors",
    "as_optional_tensors": "",
}
"""Kind of a list -> the kind of its items; empty if each says its own."""


def _branch(graph: Mapping[str, Any], depth: int) -> Body:
    """A program inside a program, which stores nothing itself."""
    values = _get(graph, "tensor_values", dict)
    found = [_argument(each, {}) for each in _get(graph, "inputs", list)]
    inputs = {each.name: _stated(values.get(each.name)) for each in found if isinstance(each, Ref)}
    ends = [_argument(each, {}) for each in _get(graph, "outputs", list)]
    flat = [one for each in ends for one in ((each,) if isinstance(each, Ref) else each or ())]
    outputs = tuple(each.name for each in flat if isinstance(each, Ref))
    computed = {name: _stated(meta) for name, meta in values.items() if name not in inputs}
    return Body(inputs, outputs, tuple(_ops(graph, {}, depth)), {}, computed)


def _ordered(body: Body) -> Body:
    """The body, if each op reads what an earlier one makes; raises `Malformed`."""
    made = {*body.inputs, *body.tensors}
    for op in body.ops:
        if missing := next((name for name in op.inputs if name not in made), None):
            raise Malformed(f"{op.name} reads {missing!r}, which nothing before it makes")
        made.update(op.outputs)
    if missing := next((name for name in body.outputs if name not in made), None):
        raise Malformed(f"the output {missing!r} is made by nothing")
    return body
