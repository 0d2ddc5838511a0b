"""What single networks take where they are deployed, one by one: to hold whole grids against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convcost import SpecError
from convcost.core.metrics import DEPLOYED
from convcost.deploy.arena import arena
from convcost.deploy.flash import deployed_size
from convcost.deploy.lowered import lowered
from convcost.deploy.runtime import Deployment
from convcost.networks.load import load


def alone(
    model: str, knobs: Mapping[str, Any], deployment: Deployment | None = None, code: int = 0, rewrite: str = ""
) -> dict[str, int] | None:
    """The metrics of one network where it is deployed; None if it cannot be built."""
    deployment = deployment or Deployment()
    try:
        network = load(model, **knobs)
        walked = (network.rewrite(rewrite) if rewrite else network).walked
    except SpecError:
        return None
    program = lowered(walked, deployment.dtype)
    held, size = arena(program, deployment), deployed_size(program, runtime=code)
    found = held.total, held.head, int(size.weight_bytes), int(size.flash_bytes)
    return dict(zip(DEPLOYED, found, strict=True))
