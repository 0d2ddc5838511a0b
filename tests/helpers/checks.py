"""A small network whose costs one can work out by hand, budgets around it, and a repository that holds both."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

NET = """\
convcost: 1
name: tiny
input: [8, 8, 3]
layers:
  - {conv2d: {channels: 4, kernel: 3, padding: same}, name: stem}
  - {conv2d: {channels: WIDE, kernel: 1}, name: expand}
  - {conv2d: {channels: 2, kernel: 1}, name: project}
"""
EXPAND_LINE = 6
"""Where NET states the layer `expand`."""


def net(wide: int = 8, limits: str = "") -> str:
    """The spec, its middle layer so wide, with `limits:` at its end."""
    return NET.replace("WIDE", str(wide)) + (f"limits: {limits}\n" if limits else "")


def macs(wide: int = 8) -> int:
    """64 positions; 3×3×3 to 4 channels, 4 to `wide`, `wide` to 2."""
    return 64 * (27 * 4 + 4 * wide + wide * 2)


def params(wide: int = 8) -> int:
    """Weights, and a bias for each channel."""
    return (27 * 4 + 4) + (4 * wide + wide) + (2 * wide + 2)


def peak(wide: int = 8) -> int:
    """Bytes as fp32: what a layer reads and what it makes, 3 and 4, 4 and `wide`, `wide` and 2 channels of 64 positions."""
    return 4 * 64 * max(3 + 4, 4 + wide, wide + 2)


def budgets(folder: Path, text: str = "networks: [net.yaml]\n", **files: str) -> Path:
    """A folder with a budgets file and the specs that it names; `net` is net.yaml."""
    folder.mkdir(exist_ok=True)
    (folder / "convcost-budgets.yaml").write_text(text, encoding="utf-8")
    for name, spec in files.items():
        (folder / f"{name}.yaml").write_text(spec, encoding="utf-8")
    return folder


def git(folder: Path, *words: str) -> str:
    """What git prints, run in a folder by a made-up person."""
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def rows(checked: Any) -> dict[tuple[str, str], tuple[int, int, str]]:
    """(network, limit) -> measured, allowed, verdict."""
    return {(line.network, line.limit): (line.measured, line.allowed, line.verdict) for line in checked.lines}
