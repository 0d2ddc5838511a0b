"""Activation memory: which tensors live at once under a named policy, in which order, and where they could lie."""

from convcost.core.policies import POLICIES, Policy, policy
from convcost.memory.lifetimes import Lifetimes, Peak, Tensor, lifetimes, peak_bytes, peak_elements

__all__ = ["POLICIES", "Lifetimes", "Peak", "Policy", "Tensor", "lifetimes", "peak_bytes", "peak_elements", "policy"]
