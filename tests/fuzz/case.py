"""A case: a few small files, and what is asked about them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Case:
    """What a generator makes, or a file of `kept/` has."""

    label: str
    """`KIND:SEED:NUMBER`, or the name of the file."""
    ask: tuple[Any, ...]
    """The name of a door, and what it takes: words of a command line, arguments of a call."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Name -> content."""
    right: Mapping[str, Any] = field(default_factory=dict)
    """Of a kept case: what the answer has to be."""

    def put(self, folder: Path) -> None:
        """Write its files."""
        for name, data in self.files.items():
            (folder / name).write_bytes(data)

    def text(self) -> str:
        """It as a file of `kept/`, for a person to add what is right."""
        kept: dict[str, Any] = {"about": self.label, "ask": list(self.ask), "files": {}}
        for name, data in self.files.items():
            kept["files"][name] = _shown(data)
        return yaml.safe_dump({**kept, "right": dict(self.right)}, sort_keys=False, allow_unicode=True, width=120)


def _shown(data: bytes) -> str | dict[str, str]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}
    return text if text.replace("\n", "").isprintable() else {"base64": base64.b64encode(data).decode()}


def kept(path: Path) -> Case:
    """The case of a file."""
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    files = {
        name: content.encode() if isinstance(content, str) else base64.b64decode(content["base64"])
        for name, content in found.get("files", {}).items()
    }
    return Case(path.stem, tuple(found["ask"]), files, found["right"])
