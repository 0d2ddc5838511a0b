"""Ops in an order in which each follows those that make what it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from convcost.core.errors import one_line
from convcost.importers.model import Op, reads
from convcost.importers.onnx.wire import malformed


def in_order(ops: Sequence[Op], given: Callable[[str], bool], file: str) -> tuple[Op, ...]:
    """The ops in the file's order if it is one, else each moved behind what it needs, and no farther.

    Raises `SpecError` if a tensor is made twice or by nobody, or if ops wait for each other.

    >>> late, early = Op("Relu", "late", ("b",), ("c",)), Op("Relu", "early", ("a",), ("b",))
    >>> [op.name for op in in_order([late, early], "a".__eq__, "net.onnx")]
    ['early', 'late']
    """
    maker: dict[str, int] = {}
    for index, op in enumerate(ops):
        for name in filter(None, op.outputs):
            if name in maker:
                raise malformed(file, shown(op), f"makes {name!r}, which {shown(ops[maker[name]])} makes, too")
            maker[name] = index
    needs: list[list[int]] = []
    for op in ops:
        read = set(reads(op))
        if missing := sorted(name for name in read if name not in maker and not given(name)):
            what = f"reads {missing[0]!r}, which no op makes; the file is damaged or was cut from a larger one"
            raise malformed(file, shown(op), what)
        needs.append(sorted(maker[name] for name in read if name in maker))
    if all(not need or need[-1] < index for index, need in enumerate(needs)):
        return tuple(ops)
    return tuple(ops[index] for index in _sorted(ops, needs, file))


def _sorted(ops: Sequence[Op], needs: Sequence[Sequence[int]], file: str) -> Iterator[int]:
    """The indices of the ops, depth first without recursion, since a chain may have any length."""
    placed = [False] * len(ops)
    waiting = [False] * len(ops)
    for first in range(len(ops)):
        if placed[first]:
            continue
        stack = [(first, iter(needs[first]))]
        waiting[first] = True
        while stack:
            index, rest = stack[-1]
            if (need := next((need for need in rest if not placed[need]), None)) is None:
                stack.pop()
                placed[index] = True
                yield index
            elif waiting[need]:
                what = f"needs the result of {shown(ops[need])}, which needs its own; the ops form a circle"
                raise malformed(file, shown(ops[index]), what)
            else:
                waiting[need] = True
                stack.append((need, iter(needs[need])))


def shown(op: Op) -> str:
    """An op as messages call it.

    >>> shown(Op("Conv", "conv1", (), ())), shown(Op("Conv", "", (), ("y",)))
    ("op 'conv1'", "op Conv that makes 'y'")
    """
    return one_line(f"op {op.name!r}" if op.name else f"op {op.type} that makes {next(iter(op.outputs), '')!r}")
