"""Layers that use the parameters of earlier ones, and parameters that are not trained.

What stands inside a block corresponds to what has the same relative path inside the owner. A tensor has one owner: where
the owner uses another's itself, that one's is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from convcost.core.cost import Check, OpCost
from convcost.core.dims import equal
from convcost.core.units import say
from convcost.graph.graph import STORED, Node, may_share
from convcost.graph.walk import Step
from convcost.ops import failure
from convcost.spec.lookup import Lookup
from convcost.spec.place import Place, Sharing, Unknown
from convcost.spec.syntax import EdgeName, Share


def begin(share: Share, place: Place, lookup: Lookup, label: str) -> Sharing | None:
    """The sharing that an item states by name; raises `Unknown` after complaining. None for that of its repetitions."""
    if share.fields:
        fields = {field: _owner(edge, place, lookup, label) for field, edge in share.fields.items()}
        return Sharing(share.where, "", fields=fields)
    return Sharing(share.where, _owner(share.owner, place, lookup, label)) if share.owner else None


def _owner(edge: EdgeName, place: Place, lookup: Lookup, label: str) -> str:
    """The path of the layer whose parameters are named."""
    layer = place.find(edge.name)
    if layer is None:
        what = f"shares the parameters of {edge.name!r}{place.missing(edge.name)}"
    elif not layer.flow.known:  # its own problem has been told
        raise Unknown
    elif not layer.path or layer.path not in lookup.built.spans:
        what = f"shares the parameters of {edge.name!r}, which is an input here and has none"
    elif layer.flow.known:
        return layer.path
    else:
        raise Unknown
    lookup.complain(edge.where, place.path(label), what)
    raise Unknown


def stored(node: Node, cost: OpCost, place: Place, lookup: Lookup) -> Node:
    """The node with whose parameters it uses and whether it trains them, as far as it has any; raises `Unknown`."""
    here = {field: getattr(cost, field) for field in STORED}
    sharing = place.sharing
    owners = _owners(node, here, sharing, lookup) if sharing else {}
    shares = {field: owner.node.shares.get(field, owner.node.name) for field, owner in owners.items()}
    trainable = place.trainable
    for owner in owners.values():
        if owner.node.trainable and not place.trainable and sharing:
            what = f"shares the parameters of {owner.node.name}, which are trained: say trainable: false there"
            lookup.complain(sharing.where, node.name, what)
            raise Unknown
    trained = {
        owners[field].node.trainable for field in ("weights", "biases") if field in owners and _some(here[field])
    }
    if any(_some(here[field]) for field in ("weights", "biases") if field not in owners):
        trained.add(trainable)
    if len(trained) > 1 and sharing:
        what = "weights and biases of a layer are trained together, and here some are and some are not: say trainable: false"
        lookup.complain(sharing.where, node.name, what)
        raise Unknown
    trainable = trained.pop() if trained else trainable
    has_params = any(_some(here[field]) for field in ("weights", "biases"))
    return replace(node, shares=shares, trainable=trainable or not has_params)


def _owners(node: Node, here: dict[str, Any], sharing: Sharing, lookup: Lookup) -> dict[str, Step]:
    """The owner of each field that the node shares: of all, if it stores anything in one of them."""
    rest = node.name.removeprefix(sharing.root)
    paths = sharing.fields or dict.fromkeys(STORED, f"{sharing.owner}{rest}")
    owners, some = {}, False
    for field, path in paths.items():
        owner = lookup.walk.made.get(path)
        there = getattr(owner.cost, field) if owner else 0
        some |= _some(here[field]) or _some(there)
        torn = lookup.built.torn.intersection((path, sharing.owner))
        if owner is None and (torn or not _some(here[field])):
            continue
        if owner is None and sharing.fields:
            what = f"shares the {field} of {path}, which is no op; share: {path} uses all that is inside"
        elif owner is None:
            what = f"shares the parameters of {sharing.owner}, which has no layer {path}"
        elif not may_share(owner.node.op, node.op) and some:
            what = f"shares the parameters of {path}, but is {node.op} and not {owner.node.op}"
        elif failure(Check(equal(here[field], there), "", ())) is not None:
            what = f"shares the {field} of {path}, which has {say(there)}, but needs {say(here[field])}"
        else:
            owners[field] = owner
            continue
        lookup.complain(sharing.where, node.name, what)
        raise Unknown
    return owners if some else {}


def _some(count: Any) -> bool:
    """Whether something is stored; a count over a grid or of symbols is not asked."""
    return not (type(count) is int and count == 0)


def refuse_rest(sharing: Sharing, steps: tuple[int, int], lookup: Lookup) -> None:
    """Complain if the owner has layers with parameters that nothing here corresponds to."""
    if sharing.fields or not sharing.root:
        return
    owner, built = sharing.owner, lookup.built
    walked: Sequence[Step] = lookup.walk.steps
    if owner not in built.stored:
        inside = walked[slice(*built.spans[owner])]
        built.stored[owner] = tuple(
            step.node.name for step in inside if any(_some(getattr(step.cost, field)) for field in STORED)
        )
    own = {step.node.name for step in walked[slice(*steps)]} if built.stored[owner] else set()
    for name in built.stored[owner]:
        counterpart = f"{sharing.root}{name.removeprefix(owner)}"
        if counterpart not in own:
            what = f"shares the parameters of {owner}, which has {name}, but there is no {counterpart} here"
            lookup.complain(sharing.where, sharing.root, what)
            return
