"""The wheel brings along what its own zoo costs, so that the first call after installing is as quick as the second.

The files are those that convcost keeps for itself (convcost/core/kept.py): under the content that they follow from, so
that a wheel whose source is edited never asks for them. Who builds the same source several times names a folder in
`CONVCOST_COUNTED`, and all is counted once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Counted(BuildHookInterface):  # type: ignore[type-arg]
    """Counts while the wheel is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Let convcost count in a process of its own, and put what it keeps beside the package."""
        if version == "editable":
            return
        self.folder = tempfile.TemporaryDirectory()
        there = self.folder.name  # not the checkout: a file there goes before a network of its name
        counted = os.environ.get("CONVCOST_COUNTED") or os.path.join(there, "counted")
        # What a build in isolation has installed, PyYAML among it, stands on this process's path alone.
        path = os.pathsep.join([self.root, *filter(None, sys.path)])
        environment = {**os.environ, "CONVCOST_CACHE": counted, "PYTHONPATH": path}
        time.sleep(0.1)  # source that was unpacked just now is not trusted to be what runs
        counting = [sys.executable, "-m", "convcost.published.beforehand"]
        done = subprocess.run(counting, env=environment, cwd=there, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            self.app.display_warning(f"nothing is counted beforehand: {done.stderr.strip().splitlines()[-1]}")
        for name in sorted(os.listdir(counted)) if os.path.isdir(counted) else ():
            build_data["force_include"][os.path.join(counted, name)] = f"convcost/counted/{name}"

    def finalize(self, _version: str, _build_data: dict[str, Any], _artifact_path: str) -> None:
        """Nothing stays but the wheel."""
        if hasattr(self, "folder"):
            self.folder.cleanup()
