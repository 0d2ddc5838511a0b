"""What pins the head of an arena: the buffers that stand on each other from its start to its end."""

from __future__ import annotations

from collections.abc import Iterator

from convcost.deploy.arena import Arena, Buffer


def pins(found: Arena) -> tuple[Buffer, ...]:
    """A chain of buffers from the end of the head down: each begins where the next ends, and both are alive together.

    Their sizes add up to the head: as long as none of them gets smaller or goes elsewhere, neither does the head. Where a
    file places buffers itself, the chain may end above the start.

    >>> from convcost import load
    >>> found = load("mobilenet_v1", width=0.25, resolution=96).arena()
    >>> [(buffer.name, buffer.size) for buffer in pins(found)]
    [('stem.conv2d', 18432), ('stage1.block1.depthwise.conv2d', 18432), ('stage1.block1.pointwise.conv2d', 36864)]
    """
    return tuple(_chain(found))


def _chain(found: Arena) -> Iterator[Buffer]:
    placed = [buffer for buffer in found.buffers if buffer.size]
    above = next((buffer for buffer in placed if buffer.offset + buffer.size == found.head), None)
    while above is not None:
        yield above
        above = next((below for below in placed if _stands_on(above, below)), None)


def _stands_on(above: Buffer, below: Buffer) -> bool:
    return below.offset + below.size == above.offset and below.first <= above.last and above.first <= below.last
