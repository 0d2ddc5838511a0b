"""What a person would draw as one: a convolution with its batch-norm and its activation; views are not drawn at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from convcost.graph.graph import producer
from convcost.graph.walk import Step, Walked

SHORT = {
    "batch_norm": "bn",
    "layer_norm": "ln",
    "rms_norm": "rms",
    "group_norm": "gn",
    "local_response_norm": "lrn",
    "global_response_norm": "grn",
}
"""Op -> how it is called beside the op that it is drawn with."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Consecutive layers that a person would draw as one."""

    name: str
    """The innermost scope that contains nothing else, or the anchor's own name; that of no other unit, nor of an input."""
    anchor: Step
    """The layer that gives the unit its place: the convolution, the pool, the sum."""
    steps: tuple[Step, ...] = field(hash=False)
    """All of its layers, in the order of the graph."""
    inputs: tuple[str, ...]
    """The units that it reads, and inputs of the network, each once."""

    @property
    def scope(self) -> tuple[str, ...]:
        """The stages and blocks that contain it, outermost first."""
        return self.anchor.node.scope

    @property
    def text(self) -> str:
        """What is drawn, in the order in which it runs: `conv2d 3×3 /2 + bn + relu6`."""
        drawn = [step for step in self.steps if step is self.anchor or not is_hidden(step)]
        return " + ".join(_called(step, alone=step is self.anchor) for step in drawn)


def units(walked: Walked) -> tuple[Unit, ...]:
    """The units of a walked graph, each layer in exactly one, in the order of their anchors.

    >>> from convcost import load
    >>> [unit.text for unit in units(load("mobilenet_v1").walked)][:2]
    ['conv2d 3×3 /2 + bn + relu', 'conv2d 3×3 depthwise + bn + relu']
    """
    parts = _Parts(walked)
    for step in walked.steps:
        parts.place(step)
    made = [(parts.anchor(members), members) for members in parts.members() if members]
    order = {id(step): at for at, step in enumerate(walked.steps)}
    made.sort(key=lambda pair: order[id(pair[0])])
    names = _names(made, walked)
    owners = {step.node.name: name for name, (_, members) in zip(names, made) for step in members}
    return tuple(
        Unit(name, anchor, tuple(members), _reads(members, owners, name))
        for name, (anchor, members) in zip(names, made)
    )


def is_hidden(step: Step) -> bool:
    """Whether a person would not draw the op: a view of what is there already, or a dropout."""
    return step.traits.drawn == "not"


def finishes(step: Step) -> bool:
    """Whether a person would draw the op with the one before it: an activation, a norm, a softmax."""
    return step.traits.drawn in ("after", "around")


class _Parts:
    """Which steps belong together so far; a part is known by its first step's name, and a merged one by where it went."""

    def __init__(self, walked: Walked) -> None:
        self.steps = {step.node.name: step for step in walked.steps}
        self.readers = Counter(edge for step in walked.steps for edge in step.node.inputs)
        self.readers.update(walked.outputs)
        self.reader = {edge: step for step in walked.steps for edge in step.node.inputs}
        self.parts: dict[str, list[Step]] = {}
        self.part_of: dict[str, str] = {}
        self.kept_for: dict[str, str] = {}
        """Name of a step -> the part that runs before it and is drawn with it."""
        self.drawable: set[str] = set()
        """Parts with something that the others are drawn with."""
        self.weighted: set[str] = set()
        """Parts with weights."""
        self.after: dict[str, Step | None] = {}
        """Name of a step -> the first one behind it, each alone to read what is before it, that is drawn by itself."""

    def members(self) -> Iterable[list[Step]]:
        return self.parts.values()

    def place(self, step: Step) -> None:
        """Put a step to the part before it, or begin one."""
        name = step.node.name
        part = self.kept_for.pop(name, None) or self._before(step) or name
        self.parts.setdefault(part, []).append(step)
        self.part_of[name] = part
        if step.traits.weighted:
            self.weighted.add(part)
        if not (finishes(step) or is_hidden(step)):
            self.drawable.add(part)
        elif part not in self.drawable:  # nothing yet that it could be drawn with
            reader = self._sole_reader(step)
            if reader is not None and (reader.traits.weighted or finishes(reader) or is_hidden(reader)):
                self.kept_for[reader.node.name] = part

    def _before(self, step: Step) -> str | None:
        """The part of the only tensor that a step reads, if a person would draw both as one."""
        if len(step.node.inputs) != 1:
            return None
        (edge,) = step.node.inputs
        part = self.part_of.get(producer(edge))
        if part is None or is_hidden(step):
            return part
        if not finishes(step) or self.readers[edge] != 1 or self._is_source(part):
            return None
        return None if self._prepares(step, part) else part

    def _prepares(self, step: Step, part: str) -> bool:
        """Whether a norm belongs to the weighted op that it runs before, not to the join or pool that it runs after."""
        if part in self.weighted or not is_norm(step):
            return False
        reader = self._first_after(step)
        return reader is not None and reader.traits.weighted

    def _first_after(self, step: Step) -> Step | None:
        """The first step behind this one that is neither hidden nor a finish, if each alone reads what is before it."""
        passed, reader = [step], self._sole_reader(step)
        while reader is not None and (finishes(reader) or is_hidden(reader)):
            if reader.node.name in self.after:
                reader = self.after[reader.node.name]
                break
            passed.append(reader)
            reader = self._sole_reader(reader)
        self.after.update(dict.fromkeys((one.node.name for one in passed), reader))
        return reader

    def _sole_reader(self, step: Step) -> Step | None:
        """The step that alone reads what a step makes."""
        name = step.node.name
        return self.reader.get(name) if self.readers[name] == 1 else None

    def _is_source(self, part: str) -> bool:
        return not self.parts[part][0].node.inputs

    def anchor(self, members: Sequence[Step]) -> Step:
        """The step that the others are drawn with: the weighted one, else the first that is no finish, else the first."""
        for wanted in (lambda s: s.traits.weighted, lambda s: not finishes(s) and not is_hidden(s)):
            for step in members:
                if wanted(step):
                    return step
        return members[0]


def is_norm(step: Step) -> bool:
    """Whether the op is a norm, which may also run before a convolution."""
    return step.traits.drawn == "around"


def _called(step: Step, *, alone: bool) -> str:
    return step.text if alone else SHORT.get(step.node.op, step.kind)


def _names(made: Sequence[tuple[Step, Sequence[Step]]], walked: Walked) -> list[str]:
    """The scope of a unit that is all of it, else its anchor's name; no two are the same, and none is that of an input.

    A scope may be called like a node outside of it, as `block1` and what is in `block1/proj` are in files of ONNX.
    """
    steps = walked.steps
    sizes = Counter(step.node.scope[:deep] for step in steps for deep in range(1, len(step.node.scope) + 1))
    whole = [_whole(anchor, members, sizes) for anchor, members in made]
    called = Counter(whole)
    others = {*walked.inputs, *(step.node.name for step in steps)}
    names = []
    for scope, (anchor, members) in zip(whole, made):
        own = any(step.node.name == scope for step in members)
        is_free = scope and called[scope] == 1 and (own or scope not in others)
        names.append(scope if is_free else anchor.node.name)
    return names


def _whole(anchor: Step, members: Sequence[Step], sizes: Counter[tuple[str, ...]]) -> str:
    """The scope of a unit that is all of it; empty if there is none."""
    scope = anchor.node.scope
    inside = sum(step.node.scope[: len(scope)] == scope for step in members)
    return ".".join(scope) if scope and sizes[scope] == inside else ""


def _reads(members: Sequence[Step], owners: dict[str, str], own: str) -> tuple[str, ...]:
    edges = (producer(edge) for step in members for edge in step.node.inputs)
    return tuple(dict.fromkeys(owner for edge in edges if (owner := owners.get(edge, edge)) != own))
