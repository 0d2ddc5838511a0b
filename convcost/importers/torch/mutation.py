"""Ops that change a tensor in place, as ops that make a new one.

A program of torch.export may change tensors: ``x.add_(y)``, ``z[:, :4] = x``. Which ops depend on which is then not said by
names alone. Here each name is given to what the tensor is at that point: whatever reads `x` after ``add_`` reads its
result, and where a view is changed, what it is a view of is changed with it, by an op that writes the part back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from convcost.core.errors import Unfit
from convcost.importers.model import Body, Op, Stated
from convcost.importers.torch.calls import Ref
from convcost.importers.torch.inlining import renamed

VIEWS = frozenset(
    f"aten.{name}"
    for name in (
        *(
            "slice",
            "select",
            "view",
            "reshape",
            "flatten",
            "unflatten",
            "permute",
            "transpose",
            "t",
            "numpy_T",
            "alias",
        ),
        *(
            "squeeze",
            "unsqueeze",
            "expand",
            "narrow",
            "diagonal",
            "detach",
            "swapaxes",
            "movedim",
            "view_as",
            "expand_as",
        ),
        *("split", "split_with_sizes", "chunk", "unbind", "tensor_split", "swapdims", "moveaxis", "expand_copy"),
    )
)
"""Ops whose results are the memory of what they read (reshape and flatten: mostly)."""
MOST_FOLLOWED = 25_000
"""The most views through which changes are followed to what these are views of."""
WRITE_BACK = "torch.write_back"
"""The op that puts a changed view into what it is a view of: `self` is that, `source` the view."""


def without_mutation(body: Body) -> Body:
    """The body with names that say what depends on what; raises `Unfit` if too many ops would have to be put in.

    >>> ops = (Op("aten.relu_", "relu_", ("x",), ("relu_",), {"self": Ref("x")}),)
    >>> body = Body({"x": Stated((1, 8), "fp32")}, ("x",), ops, {})
    >>> without_mutation(body).outputs
    ('relu_',)
    """
    if not any(_changes(op) for op in body.ops):
        return body
    return _Names(body).renamed()


def _changes(op: Op) -> str:
    """The name of the tensor that an op changes in place; empty if it changes none."""
    changed = op.attrs.get("self")
    word = op.type.rpartition(".")[2]
    is_in_place = word.endswith("_") and not word.endswith("__")
    return changed.name if is_in_place and isinstance(changed, Ref) else ""


class _Names:
    """Which tensor each name of a program means, while its ops are gone through in order."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self.root: dict[str, str] = {}
        """Name -> the first name of the same tensor."""
        self.newest: dict[str, str] = {}
        """First name of a tensor that was changed -> the name of what it is now."""
        self.base: dict[str, str] = {}
        """First name of a view -> that of what it is a view of."""
        self.followed = 0
        """Through how many views changes have been followed to what these are views of."""
        self.stated = dict(body.stated)
        self.last_read = {name: at for at, op in enumerate(body.ops) for name in op.inputs}
        self.last_read |= dict.fromkeys(body.outputs, len(body.ops))

    def renamed(self) -> Body:
        ops: list[Op] = []
        for at, op in enumerate(self.body.ops):
            ops.append(self.now(op))
            changed = _changes(op)
            if changed and op.outputs:
                ops += self.change(self.root.get(changed, changed), op.outputs[0], at)
            elif op.type in VIEWS and op.inputs:
                viewed = self.root.get(op.inputs[0], op.inputs[0])
                self.base.update(dict.fromkeys(op.outputs, viewed))
        outputs = tuple(map(self.name, self.body.outputs))
        return replace(self.body, ops=tuple(ops), outputs=outputs, stated=self.stated)

    def name(self, name: str) -> str:
        """The name of what a tensor is now."""
        root = self.root.get(name, name)
        return self.newest.get(root, name)

    def now(self, op: Op) -> Op:
        """The op, reading what tensors are now."""
        if not any(self.root.get(name, name) in self.newest for name in op.inputs):
            return op
        names = {name: self.name(name) for name in op.inputs}
        attrs = {word: renamed(value, names) for word, value in op.attrs.items()}
        return replace(op, inputs=tuple(map(self.name, op.inputs)), attrs=attrs)

    def change(self, root: str, result: str, at: int) -> list[Op]:
        """Note that a tensor has become the result of an op; the ops that write this into what it is a view of."""
        self.become(root, result)
        ops: list[Op] = []
        changed = result
        for base in self.bases(root, at):
            whole, old = f"{changed}.{base}", self.name(base)
            self.stated[whole] = self.stated.get(base) or self.body.inputs.get(base) or Stated(None)
            arguments: Mapping[str, Any] = {"self": Ref(old), "source": Ref(result)}
            ops.append(Op(WRITE_BACK, whole, (old, result), (whole,), arguments))
            self.become(base, whole)
            result = whole
        return ops

    def become(self, root: str, result: str) -> None:
        """Note that a tensor has a new name."""
        self.root[result], self.newest[root] = root, result
        self.last_read[root] = max(self.last_read.get(root, -1), self.last_read.get(result, -1))

    def bases(self, root: str, at: int) -> list[str]:
        """What a tensor is a view of, and what that is a view of, up to the last one that an op after this one reads."""
        found, read = [], 0
        while (base := self.base.get(root)) is not None:
            found.append(base)
            read, root = len(found) if self.last_read.get(base, -1) > at else read, base
        self.followed += len(found)
        if self.followed > MOST_FOLLOWED:
            raise Unfit(f"a program may have {MOST_FOLLOWED:,} views followed that it changes")
        return found[:read]
