"""Nothing that a test counts comes from an earlier run, or stays for a later one."""

from __future__ import annotations

import os

os.environ["CONVCOST_CACHE"] = (
    "0"  # at once, and so for every process that a test begins; tests of keeping set a folder
)
