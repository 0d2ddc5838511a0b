"""Networks of the zoo, each put together once for all tests of a process: nothing changes a network."""

from __future__ import annotations

from functools import cache

import convcost

loaded = cache(convcost.load)
