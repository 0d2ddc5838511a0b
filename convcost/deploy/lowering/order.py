"""The order in which a converted network runs: depth first, each branch to its end.

TensorFlow's converter sorts a graph anew: in reverse post-order from its inputs, of several readers of a tensor first the one
whose name comes first in the alphabet. A graph has no such names, so here it is the one that comes first in the graph, as
with names that are numbered. Where a spec writes one branch after the other, its order stays as it is.

Stored tensors are roots of that order as well. Those of a Keras model with its own default name, `functional`, come after
its inputs, `keras_tensor` or `input`, and change nothing; a model whose name stands behind its input's in the alphabet runs
what has no weights, a pool beside convolutions, before them.
"""

from __future__ import annotations

from collections.abc import Sequence

from convcost.graph.graph import producer
from convcost.graph.walk import Step, Walked


def depth_first(walked: Walked) -> tuple[Step, ...]:
    """The steps of a graph in the order in which the converter writes them."""
    readers: dict[str, list[int]] = {}
    for at, step in enumerate(walked.steps):
        for edge in dict.fromkeys(step.node.inputs):
            readers.setdefault(producer(edge), []).append(at)
    roots = [at for at, step in enumerate(walked.steps) if not step.node.inputs]
    fed = sorted({at for name in walked.inputs for at in readers.get(name, ())} | {*roots})
    names = [step.node.name for step in walked.steps]
    after = [sorted(readers.get(name, ())) for name in names]
    return tuple(walked.steps[at] for at in reverse_post_order(fed, after))


def reverse_post_order(roots: Sequence[int], after: Sequence[Sequence[int]]) -> list[int]:
    """Every node that is reached from the roots, each before all that it leads to; `after` are the nodes behind each.

    Of two branches 1 -> 3 and 2 -> 4 behind node 0, which join in 5, the first runs to its end before the second:

    >>> reverse_post_order([0], [[1, 2], [3], [4], [5], [5], []])
    [0, 1, 3, 2, 4, 5]
    """
    left, seen = list[int](), set[int]()
    stack = [(root, False) for root in roots]
    while stack:
        node, leaves = stack.pop()
        if leaves:
            left.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack += [(one, False) for one in after[node] if one not in seen]
    return left[::-1]
