"""A deployed network as tables: what is alive at each kernel, the buffers of the arena, and notes on RAM, flash and board."""

from __future__ import annotations

from typing import Any

from convcost.core.dtypes import as_text
from convcost.core.units import binary, counted, exact, shape_text
from convcost.core.version import __version__
from convcost.deploy.arena import arena
from convcost.deploy.pins import pins
from convcost.deploy.runtime import CORES, KERNELS, RUNTIMES
from convcost.devices.board import said
from convcost.networks.deployed import OnDevice
from convcost.networks.within_board import Searched, what_was_tried
from convcost.render.table import Table
from convcost.results.memory import bar

LEVELS = ("step", "tensor")
_NAMED = 4
"""Buffers, and parts of the persistent memory, that a line names."""


def deployed_table(
    found: OnDevice, searched: Searched, level: str = "step", data: dict[str, Any] | None = None
) -> Table:
    """A row per kernel, or per buffer; `data` is what JSON says beside the deployment."""
    headers, numeric, priority, rows, records = _buffers(found) if level == "tensor" else _kernels(found)
    return Table(
        title=title(found),
        headers=headers,
        numeric=numeric,
        rows=rows,
        records=records,
        data={**(data or _head(found)), **_needs(found), **deployed_dict(found, searched)},
        notes=notes(found, searched),
        priority=priority,
        shorten=tuple(not number and name != "" for number, name in zip(numeric, headers)),
    )


def title(found: OnDevice) -> str:
    """What a table or page of it is called."""
    network, deployment = found.network, found.deployment
    inputs = " + ".join(map(shape_text, network.graph.inputs.values()))
    place = f" on {found.board.name}" if found.board else ""
    return f"{network.label} · input {inputs} · {as_text(deployment.dtype)} · {deployment.runtime}{place}"


def deployed_dict(found: OnDevice, searched: Searched) -> dict[str, Any]:
    """The deployment as JSON-ready data: arena, flash, and the verdict of a board."""
    data: dict[str, Any] = {"arena": arena_dict(found), "flash": found.size.to_dict()}
    if found.board is not None and found.verdict is not None:
        data |= {"board": found.board.to_dict(), "verdict": found.verdict.to_dict()}
    if found.limit is not None:
        needed = found.arena.total
        fits = needed <= found.limit and not found.arena.refused
        data["limit"] = {"bytes": found.limit, "needed": needed, "fits": fits}
    if not found.fits:
        anew = {"lowered_anew": found.stated}
        data["remedies"] = [
            {"change": one.change, "ram_bytes": one.ram, "flash_bytes": one.flash, **anew} for one in searched.remedies
        ]
        data["remedies_cut"] = searched.cut
    return data


def arena_dict(found: OnDevice) -> dict[str, Any]:
    """The arena as JSON-ready data."""
    one = found.arena
    return {
        "runtime": one.runtime,
        "pointers": one.pointers,
        "kernels": found.deployment.kernels,
        "dtype": found.deployment.dtype,
        "stated": found.stated,
        "head": one.head,
        "persistent": one.persistent,
        "total": one.total,
        "by_pointers": {str(bits): total for bits, total in found.by_pointers.items()},
        "bound": one.bound,
        "peak_at": one.peak_at,
        "most_alive_at": one.most_alive_at,
        "items": [item._asdict() for item in one.items],
        "buffers": [buffer._asdict() for buffer in one.buffers],
        "timeline": _timeline(found),
        "refused": list(one.refused),
        "notes": list(one.notes),
    }


def _head(found: OnDevice) -> dict[str, Any]:
    """What JSON says first, where it says nothing else."""
    network = found.network
    return {
        "schema": "convcost.memory/1",
        "version": __version__,
        "network": network.name,
        "inputs": {name: list(shape) for name, shape in network.graph.inputs.items()},
        "batch": 1,
    }


def _needs(found: OnDevice) -> dict[str, Any]:
    """What JSON says of the whole: of the deployment, whatever stands beside it."""
    return {"dtype": found.deployment.dtype, "needed_bytes": found.arena.total}


_Parts = tuple[tuple[str, ...], tuple[bool, ...], tuple[int, ...], list[list[str]], list[dict[str, Any]]]


def _timeline(found: OnDevice) -> list[dict[str, Any]]:
    """Each tick with its kernel and the bytes alive."""
    one, kernels = found.arena, found.program.kernels
    plain = len(one.ticks) == 1 + len(kernels)
    return [
        {
            "tick": tick,
            "kernel": name,
            "op": kernels[tick - 1].type if plain and tick else None,
            "alive_bytes": one.alive_bytes(tick),
        }
        for tick, name in enumerate(one.ticks)
    ]


def _kernels(found: OnDevice) -> _Parts:
    """A row for each tick: the inputs, and every kernel."""
    one = found.arena
    records = _timeline(found)
    rows = []
    for entry in records:
        mark = " ← peak" if entry["tick"] == one.most_alive_tick else ""
        alive = entry["alive_bytes"]
        number = exact(entry["tick"]) if entry["tick"] else ""
        rows.append([number, entry["kernel"] or "inputs", entry["op"] or "", exact(alive), bar(alive, one.head) + mark])
    headers = ("step", "kernel", "op", "bytes alive", "")
    return headers, (True, False, False, True, False), (3, 0, 2, 0, 1), rows, records


def _buffers(found: OnDevice) -> _Parts:
    """A row for each buffer of the head."""
    records = [buffer._asdict() for buffer in found.arena.buffers]
    rows = [
        [one.name, one.kind, _clock(one.first), _clock(one.last), exact(one.size), exact(one.offset)]
        for one in found.arena.buffers
    ]
    headers = ("buffer", "kind", "from step", "to step", "bytes", "offset")
    return headers, (False, False, True, True, True, True), (0, 3, 2, 2, 0, 1), rows, records


def _clock(tick: int) -> str:
    return "" if tick < 0 else "start" if tick == 0 else exact(tick)


def notes(found: OnDevice, searched: Searched) -> list[tuple[str, str]]:
    """What an engineer asks: how much RAM, what pins it, what stays; how much flash; whether it fits, and what would."""
    one = found.arena
    other = next(bits for bits in found.by_pointers if bits != one.pointers)
    parts = (
        f"{binary(one.total)} ({exact(one.total)} bytes): head {exact(one.head)}, persistent {exact(one.persistent)}"
    )
    lines = [
        ("arena", f"{parts}, with addresses of {one.pointers} bits; {exact(found.by_pointers[other])} with {other}"),
        ("head", pinned(found)),
        ("persistent", _persistent(found)),
        ("runtime", _runtime(found)),
        *_other_kernels(found),
    ]
    verdict = found.verdict
    if found.board is None or verdict is None:
        lines.append(("flash", _flash(found)))
    else:
        lines += [("board", said(found.board)), *verdict.notes()]
        lines += [("note", found.board.note)] if found.board.note else []
    return [
        *lines,
        *_limit(found),
        *_would_fit(found, searched),
        *(("refused", text) for text in one.refused if verdict is None),
        *(("assumed", text) for text in dict.fromkeys(one.notes)),
    ]


def pinned(found: OnDevice) -> str:
    """What stands on what from the start of the head to its end; and what the planner's order loses, if anything."""
    one = found.arena
    chain = pins(one)
    stands = ", on ".join(f"{buffer.name} ({exact(buffer.size)})" for buffer in chain[:_NAMED])
    more = f" and {exact(len(chain) - _NAMED)} more" if len(chain) > _NAMED else ""
    lost = one.head - one.bound
    loses = (
        f"; {exact(one.bound)} are alive at once at most, the planner's order loses {exact(lost)}" if lost > 0 else ""
    )
    return f"pinned by {stands}{more}{loses}"


def _persistent(found: OnDevice) -> str:
    """The largest parts of what stays."""
    items = sorted(found.arena.items, key=lambda item: -item.bytes)
    parts = [f"{item.name} {exact(item.bytes)}" for item in items[:_NAMED]]
    rest = sum(item.bytes for item in items[_NAMED:])
    return ", ".join([*parts, *([f"{counted(len(items) - _NAMED, 'other')} {exact(rest)}"] if rest else [])])


def _runtime(found: OnDevice) -> str:
    deployment = found.deployment
    order = "tensors in the order of the file" if found.stated else "as TensorFlow would write the file"
    kind = as_text(deployment.dtype)
    return f"{RUNTIMES[deployment.runtime].partition(':')[0]}, {kind}; kernels: {KERNELS[deployment.kernels]}; {order}"


def _other_kernels(found: OnDevice) -> list[tuple[str, str]]:
    """What the arena takes with the kernels that Arm has for the board's core, if these are not the ones asked for."""
    core = found.board.core if found.board else ""
    name = next((name for name, cores in CORES.items() if core in cores), "")
    if not name or name == found.deployment.kernels:
        return []
    total = arena(found.program, found.deployment._replace(kernels=name)).total
    return [("kernels", f"with --kernels {name}, which this core has, the arena takes {exact(total)} bytes")]


def _flash(found: OnDevice) -> str:
    """The model file; the runtime's code is known of boards alone."""
    size = found.size
    about = "" if size.exact else "about "
    return (
        f"{about}{binary(int(size.file_bytes))} ({exact(int(size.file_bytes))} bytes) of model file, "
        f"{exact(int(size.weight_bytes))} of them weights and biases; the runtime's code comes on top, and --board says how much"
    )


def _limit(found: OnDevice) -> list[tuple[str, str]]:
    if found.limit is None:
        return []
    left = found.limit - found.arena.total
    said_so = f"it fits, {exact(left)} are left" if left >= 0 else f"over by {exact(-left)}"
    if left >= 0 and found.arena.refused:
        said_so = "enough, but the runtime does not load the model"
    return [("limit", f"{exact(found.arena.total)} of {exact(found.limit)} bytes: {said_so}")]


def _would_fit(found: OnDevice, searched: Searched) -> list[tuple[str, str]]:
    if found.fits or found.arena.refused:
        return []
    # What is changed is no longer the file: it is lowered anew, as TensorFlow would write it but for names.
    about, anew = ("about ", " (lowered anew, with shorter names than the file's)") if found.stated else ("", "")
    lines = [
        ("would fit", f"{one.change}: {exact(one.ram)} bytes of RAM, {about}{exact(one.flash)} of flash{anew}")
        for one in searched.remedies
    ]
    if searched.cut:
        return [*lines, ("searched", searched.text)]
    return lines or [("would fit", what_was_tried(found))]
