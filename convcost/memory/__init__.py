"""Activation memory: live ranges of tensors under a named policy, execution order, and arena offsets.

`convcost.memory.peak_elements` and other names are imported on first use, so that naming a policy on the command line
loads nothing else.
"""

from typing import Any

from convcost.memory.policies import POLICIES, Policy, policy

__all__ = ["POLICIES", "Lifetimes", "Peak", "Policy", "Tensor", "peak_bytes", "peak_elements", "policy"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'convcost.memory' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("convcost.memory.lifetimes"), name)
