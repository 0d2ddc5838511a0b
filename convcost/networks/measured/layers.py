"""A profile of a model file as times of a network's layers: whose a runtime's nodes are, by the names that the file gives them.

Runtimes rename what they rebuild: a fused node goes by the name of one of its ops, or of what the last one makes, with
something behind it. What a node of the runtime stands for is the op or tensor of the file whose name it begins with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from convcost.core.errors import UsageError
from convcost.core.units import counted
from convcost.devices.calibration import Measured
from convcost.devices.device import bound_of, share_text
from convcost.devices.kernels import Terms, kernels, total
from convcost.devices.profiles import Profile, Ran
from convcost.graph.graph import producer
from convcost.graph.walk import Walked
from convcost.memory.layout import layout
from convcost.memory.policies import policy
from convcost.networks.measured.named import Opened

LEAST: Final = 0.5
"""The share of the time that has to be of nodes whose layers are known."""
_BEFORE: Final = ("fused ",)
"""What runtimes write before names."""
_DELEGATE: Final = "Delegate/"
_WEIGHTED: Final = ("Convolution", "Deconvolution", "Fully Connected")
_SHOWN: Final = 3


class Layers(NamedTuple):
    """A network's layers, as measured."""

    measured: tuple[Measured, ...]
    """One for each that was timed, with the work of what was fused into it."""
    note: str
    """What was not of any layer."""


def measured_layers(opened: Opened, profile: Profile, winograd: bool = True) -> Layers:
    """The layers of the network that a profile is of; raises `UsageError` if its nodes are not those of the network.

    The time of a node that is no layer's - the runtime changes an order of axes for its own sake - counts with the layer
    that ran before.
    """
    walked = opened.network.walked
    terms = kernels(walked, opened.dtype, opened.batch, winograd=winograd)
    homes = _homes(walked)
    names = _names(opened)
    if not profile.nodes:
        raise UsageError(f"{profile.file}: has no times of single ops; --by network takes that of the whole")
    found = dict[int, float]()
    lost, before, waiting = dict[str, float](), -1, 0.0
    in_order = _in_order(profile.nodes, walked, homes)
    for number, ran in enumerate(profile.nodes):
        at = in_order.get(number, homes.get(_node(ran, names), -1))
        if at < 0:
            lost[ran.kind] = lost.get(ran.kind, 0.0) + ran.ms
        before = at if at >= 0 else before
        if before < 0:
            waiting += ran.ms
        else:
            found[before] = found.get(before, 0.0) + ran.ms + waiting
            waiting = 0.0
    whole, unknown = sum(ran.ms for ran in profile.nodes), sum(lost.values())
    if not found or whole <= 0 or unknown > (1 - LEAST) * whole:
        raise UsageError(
            f"{profile.file}: {share_text(unknown / whole if whole else 1)} of its time is of ops that "
            f"{opened.network.name} does not have ({_first(list(lost))}); is it a profile of another file? "
            "--by network takes the time of the whole"
        )
    work = _together(walked, terms, homes, found)
    steps = walked.steps
    rows = tuple(Measured(steps[at].node.name, ms, work[at]) for at, ms in found.items() if ms > 0 and work[at])
    note = f"{share_text(unknown / whole)} of the time is of {_first(list(lost))}, which count with what ran before"
    return Layers(rows, note if lost else "")


def _names(opened: Opened) -> Mapping[str, str]:
    """Tensor or op of the model file, and number of an op -> the node that stands for it; of a spec the nodes themselves."""
    spec = opened.network.origin.of_spec().spec
    steps = opened.network.steps
    found = {step.node.name: step.node.name for step in steps}
    if spec.foreign is None:
        return found
    makers = spec.foreign.makers(opened.network.walked.inputs)
    for number, op in enumerate(spec.foreign.model.body.ops):
        made = next((makers[name] for name in op.outputs if name in makers), "")
        if made:
            found |= {name: made for name in (op.name, f"{op.type}:{number}") if name}
    return found | makers


def _node(ran: Ran, names: Mapping[str, str]) -> str:
    """The node of the network that a node of a runtime is; empty if none is.

    >>> names = {"/a/Conv": "a", "/a/Relu_output_0": "a.relu", "CONV_2D:3": "c"}
    >>> [_node(Ran(name, "CONV_2D", 1.0, 3), names) for name in ("/a/Relu_output_0_nchwc", "fused /a/Conv", "b", "/a/Convert")]
    ['a.relu', 'a', 'c', 'c']
    """
    name = ran.name
    for before in _BEFORE:
        name = name.removeprefix(before)
    end = len(name)
    while end:
        if name[:end] in names:
            return names[name[:end]]
        end = max((name.rfind(sign, 0, end) for sign in "_/:;, "), default=0)
        end = max(end, 0)
    return names.get(f"{ran.kind}:{ran.at}", "") if ran.at is not None else ""


def _in_order(nodes: Sequence[Ran], walked: Walked, homes: Mapping[str, int]) -> Mapping[int, int]:
    """Number of a node of XNNPACK, TensorFlow Lite's delegate, that has weights -> the kernel that it is.

    It keeps no names, but runs the ops in the order of the file: they are those kernels if they are as many, and depthwise
    where these are.
    """
    theirs = [at for at, ran in enumerate(nodes) if ran.name.startswith(_DELEGATE) and ran.kind.startswith(_WEIGHTED)]
    steps = [(at, step) for at, step in enumerate(walked.steps) if homes[step.node.name] == at]
    ours = [(at, step) for at, step in steps if step.traits.weighted and step.traits.factors == "weights"]
    alike = all(("DWConv" in nodes[one].kind) == step.by_channel for one, (_, step) in zip(theirs, ours))
    return dict(zip(theirs, (at for at, _ in ours))) if len(theirs) == len(ours) and alike else {}


def _homes(walked: Walked) -> dict[str, int]:
    """Node -> the step of the kernel that it is part of, as what it makes is what that one writes."""
    placed = layout(walked, policy("fused"))
    found = {}
    for at, step in enumerate(walked.steps):
        home = placed.home.get(step.node.name, ())
        found[step.node.name] = placed.tensors[home[0]].step if home else placed.runs_with.get(at, at)
    return found


def _together(
    walked: Walked, terms: Sequence[Terms], homes: Mapping[str, int], timed: Mapping[int, float]
) -> Mapping[int, Terms]:
    """Timed kernel -> its work, and that of kernels without a time of their own: the runtime ran them as part of it.

    A convolution without a time was fused into what reads it; anything else runs with the last kernel that it reads.
    """
    readers, reads = dict[int, set[int]](), dict[int, set[int]]()
    for step in walked.steps:
        here = homes[step.node.name]
        for edge in step.node.inputs:
            there = homes.get(producer(edge), -1)
            if there not in (-1, here):
                readers.setdefault(there, set()).add(here)
                reads.setdefault(here, set()).add(there)
    owners, parts = dict[int, int](), dict[int, list[Terms]]()
    for at, one in enumerate(terms):
        home = homes[walked.steps[at].node.name]  # an activation in the kernel of a convolution has work of its own
        if one and home not in owners:
            multiplies = any(bound_of(term) == "compute" for term in one)
            before = owners.get(max(reads.get(home, ()), default=-1), -1)
            after = _reader(home, readers, timed)
            found = (after, before) if multiplies or home in timed else (before, after)
            owners[home] = next((owner for owner in found if owner >= 0), -1)
        if one:
            parts.setdefault(owners[home], []).append(one)
    return {at: total(parts.get(at, [])) for at in timed}


def _reader(at: int, readers: Mapping[int, Iterable[int]], timed: Mapping[int, float]) -> int:
    """The kernel itself if it was timed, else the nearest one that was and that reads what it makes; -1 if there is none."""
    seen, here = {at}, [at]
    while here:
        if found := [one for one in here if one in timed]:
            return found[0]
        here = sorted({reader for one in here for reader in readers.get(one, ())} - seen)
        seen.update(here)
    return -1


def _first(kinds: Sequence[str]) -> str:
    more = f" and {counted(len(kinds) - _SHOWN, 'other kind')}" if len(kinds) > _SHOWN else ""
    return ", ".join(kinds[:_SHOWN]) + more
