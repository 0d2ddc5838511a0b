"""What a report says of a network as it is deployed: the size of its weights, and of its model file item by item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convcost.core.units import binary, exact

if TYPE_CHECKING:
    from convcost.deploy.flash import DeployedSize
    from convcost.deploy.items import Item


def deployed_notes(size: DeployedSize) -> list[tuple[str, str]]:
    """Lines below a table: the weights, the file, its items, and what was assumed."""
    weights, file = int(size.weight_bytes), int(size.file_bytes)
    whose = "the file itself" if size.exact else "as TensorFlow would write it, but for the names"
    return [
        ("deployed", f"{exact(weights)} bytes of weights and biases ({binary(weights)}) as {size.dtype}"),
        ("model file", f"{exact(file)} bytes ({binary(file)}), {whose}: {items_text(size.items)}"),
        *(("assumed", note) for note in size.notes),
    ]


def items_text(items: Sequence[Item]) -> str:
    """Every item with its bytes, the largest first: they add up to the file.

    >>> from convcost.deploy.items import Item
    >>> items_text([Item("kernels int8", 48, 48), Item("biases int32", 16, 4)])
    'kernels int8 48, biases int32 16'
    """
    return ", ".join(f"{item.name} {exact(int(item.bytes))}" for item in sorted(items, key=lambda item: -item.bytes))
