"""The wheel brings along what its own zoo costs, so that the first call after installing is as quick as the second.

The files are those that convcost keeps for itself (convcost/core/kept.py): under the content that they follow from, so
that a wheel whose source is edited never asks for them. Who builds the same source several times names a folder in
`CONVCOST_COUNTED`, and all is counted once; of whatever lies there, what was counted of this source goes along.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def of_state(folder: str, printed: str) -> list[str]:
    """The files of a folder that were counted of one state of the source, whose digest was printed last."""
    digest = (printed.split() or [""])[-1]
    if not re.fullmatch("[0-9a-f]{32}", digest) or not os.path.isdir(folder):
        return []
    return [name for name in sorted(os.listdir(folder)) if name.startswith(f"{digest}-") and name.endswith(".json")]


class Counted(BuildHookInterface):  # type: ignore[type-arg]
    """Counts while the wheel is built."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Let convcost count in a process of its own, and put what it keeps beside the package."""
        if version == "editable":
            return
        self.folder = tempfile.TemporaryDirectory()
        there = self.folder.name  # not the checkout: a file there goes before a network of its name
        counted = os.path.abspath(os.environ.get("CONVCOST_COUNTED") or os.path.join(there, "counted"))
        # What a build in isolation has installed, PyYAML among it, stands on this process's path alone.
        path = os.pathsep.join([self.root, *filter(None, sys.path)])
        environment = {**os.environ, "CONVCOST_CACHE": counted, "PYTHONPATH": path}
        time.sleep(0.1)  # source that was unpacked just now is not trusted to be what runs
        counting = [sys.executable, "-m", "convcost.published.beforehand"]
        done = subprocess.run(counting, env=environment, cwd=there, capture_output=True, text=True, check=False)  # noqa: S603
        names = () if done.returncode else of_state(counted, done.stdout)
        if not names:
            why = (done.stderr.strip().splitlines() or ["nothing was kept of the source as it is"])[-1]
            self.app.display_warning(f"nothing is counted beforehand: {why}")
        for name in names:
            build_data["force_include"][os.path.join(counted, name)] = f"convcost/counted/{name}"

    def finalize(self, _version: str, _build_data: dict[str, Any], _artifact_path: str) -> None:
        """Nothing stays but the wheel."""
        if hasattr(self, "folder"):
            self.folder.cleanup()
