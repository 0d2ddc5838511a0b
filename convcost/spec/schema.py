"""JSON Schema of the spec language, generated from the table of ops, for completion and checks in editors.

    # yaml-language-server: $schema=convcost.schema.json

The schema knows ops and blocks of the standard library with their attributes. Other names of blocks are defined by each
file, so that any other key is accepted as a block.
"""

from __future__ import annotations

from typing import Any

from convcost.core import axes
from convcost.core.dtypes import DTYPE_BITS
from convcost.core.limits import BOARD, GROWTH, LIMITS, LOCKED
from convcost.core.tasks import TASKS
from convcost.graph.graph import FORMS, ROLES, STORED
from convcost.ops import OPS, Op
from convcost.ops.attributes import MOST_AXES
from convcost.spec import bits, standard
from convcost.spec.reader import GLUES, UNUSED, say_tree

Schema = dict[str, Any]
_EXPRESSION: Schema = {"type": "string", "description": "an expression, e.g. round_to(32 * width)"}
_SCALAR: Schema = {"type": ["number", "string", "boolean"]}
_REF_ITEMS: Schema = {"$ref": "#/definitions/layers"}
_EDGES: Schema = {
    "description": "names of earlier layers that this one reads; by default the layer before",
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
}


def json_schema() -> Schema:
    """The schema (draft 7) as JSON-ready data."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "convcost network",
        "description": "A convolutional network as convcost reads it, language version 1",
        "type": "object",
        "required": ["convcost", "name", "layers"],
        "anyOf": [{"required": ["input"]}, {"required": ["inputs"]}],
        "additionalProperties": False,
        "properties": {
            "convcost": {"const": 1, "description": "version of the language"},
            "name": {"type": "string", "description": "the name of the network"},
            "title": {"type": "string", "description": "the name as people write it"},
            "year": {"type": "integer", "description": "of publication"},
            "task": {"enum": list(TASKS), "description": "what the network is for"},
            "source": {"type": "string", "description": "paper, table, figure"},
            "about": {"type": "string", "description": "what a reader should know"},
            "knobs": {
                "type": "object",
                "description": "what a caller may set, with defaults; 1.0 makes a decimal knob, 1 an integer one",
                "additionalProperties": {"anyOf": [_SCALAR, _int_list(), _full_knob()]},
            },
            "presets": {
                "type": "object",
                "description": "named knob settings; each name can be used as a network's name",
                "additionalProperties": {"type": "object"},
            },
            "input": _shape(),
            "inputs": {
                "description": "several inputs by name; the first layer reads the first of them",
                "type": "object",
                "minProperties": 1,
                "additionalProperties": _shape(),
            },
            "dtype": _dtype("types of the inputs and of all layers that state no other", inputs=True),
            "bits": _bits(
                "bits of the inputs, and of kernels and outputs of all layers that state no others", inputs=True
            ),
            "limits": _limits(),
            "blocks": {"type": "object", "additionalProperties": _block()},
            "layers": _REF_ITEMS,
            "outputs": {**_EDGES, "description": "what the network puts out, where it is not simply the last layer"},
        },
        "definitions": {"layers": {"type": "array", "items": _item()}},
    }


def _shape() -> Schema:
    size: Schema = {"anyOf": [{"type": "integer", "minimum": 1}, _EXPRESSION]}
    named = [
        {
            "type": "object",
            "required": list(names),
            "additionalProperties": False,
            "properties": dict.fromkeys(names, size),
        }
        for names in axes.NAMES.values()
    ]
    return {
        "description": "[height, width, channels], [length, channels] for a sequence, [depth, height, width, channels] for "
        "a volume, [channels] for a vector; or a mapping that says which axis each size is of",
        "anyOf": [{"type": "array", "items": size, "minItems": 1, "maxItems": MOST_AXES}, *named],
    }


def _limits() -> Schema:
    """What the network may cost at most, as `convcost check` reads it."""
    share: Schema = {"type": "string", "pattern": r"^\+?[0-9][0-9.,]*\s*%$"}
    amount: Schema = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]}
    properties: Schema = {
        name: {
            **amount,
            "description": f"of {'each layer' if kind.of == 'layer' else 'the network'}: {kind.metric.full}",
        }
        for name, kind in LIMITS.items()
        if not kind.grows and not name.startswith(f"{BOARD}.")
    }
    properties[BOARD] = {
        "type": "string",
        "description": "RAM and flash of a board that `convcost boards` lists, or of a file",
    }
    each = {"type": "object", "additionalProperties": False, "properties": dict.fromkeys(LOCKED, share)}
    properties[GROWTH] = {
        "description": "against the lock file or a baseline, as in 1%",
        "anyOf": [share, {"const": 0}, each],
    }
    return {
        "type": "object",
        "description": "what the network may cost at most: 300M, 256KiB",
        "additionalProperties": False,
        "properties": properties,
    }


def _full_knob() -> Schema:
    properties = {"default": {}, "choices": {"type": "array"}, "about": {"type": "string"}}
    return {"type": "object", "required": ["default"], "additionalProperties": False, "properties": properties}


def _int_list() -> Schema:
    return {"type": "array", "items": {"type": "integer"}, "minItems": 1}


def _block() -> Schema:
    return {
        "type": "object",
        "required": ["layers"],
        "additionalProperties": False,
        "properties": {
            "args": {"type": ["object", "null"], "description": "arguments with defaults; an empty one must be given"},
            "inputs": _EDGES,
            "layers": _REF_ITEMS,
            "outputs": _EDGES,
        },
    }


def _item() -> Schema:
    properties: Schema = {name: _standard(name) for name in sorted(standard.names())}
    properties |= {name: _op(op) for name, op in sorted(OPS.items())}
    properties |= {
        "parallel": {
            "type": "object",
            "description": "branches from the same input",
            "minProperties": 2,
            "additionalProperties": {"anyOf": [_REF_ITEMS, _branch()]},
        },
        "join": {
            "description": "the op that joins the branches, with its name and as, if it says them",
            "anyOf": [{"type": "string"}, {"type": "object"}],
        },
        "each": {"description": "what to build for each row of a table", "anyOf": [_REF_ITEMS, {"type": "object"}]},
        "columns": {"type": "array", "items": {"type": ["string", "integer"]}},
        "rows": {"type": "array", "items": {"type": "array"}},
        "layers": _REF_ITEMS,
        "use": {"type": "string", "description": "another spec as a part: a name of the zoo, or a path from this file"},
        "with": {"type": "object", "description": "values of the knobs of the spec that is used"},
        "until": {"type": "string", "description": "the last layer of the spec that is used; dotted inside a block"},
    }
    properties |= _beside()
    return {
        "anyOf": [
            {"type": "string", "description": "an op or block without arguments"},
            {
                "type": "object",
                "properties": properties,
                # What is neither an op nor part of the language calls a block of this file.
                "additionalProperties": {"type": ["object", "null"]},
            },
        ]
    }


def _beside() -> Schema:
    """What may stand beside any op or block."""
    return {
        "share": _share(),
        "trainable": {
            "type": ["boolean", "string"],
            "description": "false: the parameters are stored, but not trained",
        },
        "dtype": _dtype("types of what the layers write and store"),
        "bits": _bits("how many bits an element of the kernels has, and one of the outputs"),
        "name": {"type": ["string", "number"], "description": "of the layer; dotted into the names of what is inside"},
        "in": _EDGES,
        "if": {"description": "build only where this holds", "type": ["string", "boolean"]},
        "repeat": {"description": "how often", "anyOf": [{"type": "integer", "minimum": 0}, _EXPRESSION]},
        "then": {"description": "arguments that change from the second time on", "type": "object"},
        "first": {
            "description": "the name of the first repetition, which ends with a number; the others count on",
            "type": ["string", "number"],
        },
        "as": {
            "description": "how the reference implementation writes it, where counters care",
            "anyOf": [{"enum": list(FORMS)}, _EXPRESSION],
        },
        "glue": {
            "description": "joins its name to those inside, in the place of a dot, and makes no scope of its own",
            "enum": list(GLUES),
        },
        "side": {
            "description": "an output of the network beside the main line; unused: no output, and nothing reads it",
            "anyOf": [{"type": "boolean"}, {"const": UNUSED}],
        },
    }


def _share() -> Schema:
    fields = {
        "type": "object",
        "additionalProperties": False,
        "properties": {field: {"type": "string"} for field in STORED},
    }
    return {
        "description": "use the parameters of an earlier layer or block; true: of the first repetition",
        "anyOf": [{"type": "string"}, {"const": True}, fields],
    }


def _dtype(description: str, *, inputs: bool = False) -> Schema:
    """One type, or one for each role: int8, fp16, …, or an expression."""
    word: Schema = {"type": "string", "description": f"one of {', '.join(DTYPE_BITS)}, or an expression"}
    named: Schema = {"anyOf": [word, {"type": "object", "minProperties": 1, "additionalProperties": word}]}
    properties: Schema = {**({"inputs": named} if inputs else {}), **dict.fromkeys(ROLES, word)}
    each: Schema = {"type": "object", "minProperties": 1, "additionalProperties": False, "properties": properties}
    return {"description": description, "anyOf": [word, each]}


def _bits(description: str, *, inputs: bool = False) -> Schema:
    """A number of bits, or one for each role: 1 to 8, 16, …, or the name of a type, or an expression."""
    number: Schema = {"anyOf": [{"enum": list(bits.INTEGERS)}, {"type": "string"}]}
    roles = (*bits.ROLES, *((bits.INPUTS,) if inputs else ()))
    each: Schema = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": dict.fromkeys(roles, number),
    }
    return {"description": description, "anyOf": [number, each]}


def _standard(name: str) -> Schema:
    """A block of the standard library; blocks that a file defines under the same name may have other arguments."""
    arguments = standard.arguments(name)
    return {
        "type": ["object", "null"],
        "description": f"{standard.summary(name)} (a block of the standard library)",
        "properties": {
            arg: {"description": "must be given" if standard.must_be_given(tree) else f"default {say_tree(tree)}"}
            for arg, tree in arguments.items()
        },
    }


def _branch() -> Schema:
    repeat: Schema = {
        "description": "so many equal branches",
        "anyOf": [{"type": "integer", "minimum": 0}, _EXPRESSION],
    }
    properties = {"if": {"type": ["string", "boolean"]}, "in": _EDGES, "repeat": repeat, "layers": _REF_ITEMS}
    return {"type": "object", "required": ["layers"], "additionalProperties": False, "properties": properties}


def _op(op: Op) -> Schema:
    return {
        "type": ["object", "null"],
        "description": op.doc,
        "additionalProperties": False,
        "required": [attr.name for attr in op.attrs.values() if attr.required],
        "properties": {
            attr.name: {
                "description": f"must be {attr.kind.text}",
                "anyOf": [attr.kind.schema(), _EXPRESSION, {"type": "array", "items": _SCALAR}],
            }
            for attr in op.attrs.values()
        },
    }
