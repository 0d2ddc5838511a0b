"""The methods of `Network` as functions that take a name, a file or a `Network`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from convcost.conventions.convention import PAPER
from convcost.conventions.reconcile import Reconciliation
from convcost.core.checks import check_knobs
from convcost.networks.inputs import GivenShape
from convcost.networks.load import Model, knobs_apart, open_network
from convcost.networks.network import Network
from convcost.results.report import Report


@knobs_apart
def report(
    model: Model,
    knobs: Mapping[str, Any] | None = None,
    /,
    *,
    convention: str = PAPER,
    batch: int = 1,
    dtype: str | None = None,
    memory_policy: str = "fused",
    deploy: str | bool | None = False,
    input_shape: GivenShape | None = None,
    **more: Any,
) -> Report:
    """What a network costs, in exact integers; knobs by name, in the mapping `knobs`, or in the network's name.

    Raises `UsageError` for an unknown name, knob or option, `SpecError` for an invalid spec.

    >>> report("mobilenet_v2", width=0.75).totals.macs
    209069792
    """
    network = open_network(model, check_knobs(knobs, more), input_shape)
    return network.report(convention, batch=batch, dtype=dtype, memory_policy=memory_policy, deploy=deploy)


@knobs_apart
def rewrite(
    model: Model, /, to: str, layers: str = "*", *, excluded: str | Sequence[str] = (), **knobs: Any
) -> Network:
    """A network with its convolutions rebuilt: `separable`, `standard`, `grouped:G` or `deployed`; see `Network.rewrite`.

    >>> rewrite("mobilenet_v1", "standard").report().totals.macs  # the paper's Table 4: 4866 M
    4867293184
    """
    return open_network(model, knobs).rewrite(to, layers, excluded=excluded)


@knobs_apart
def reconcile(
    model: Model, /, first: str, second: str, *, batch: int = 1, dtype: str | None = None, **knobs: Any
) -> Reconciliation:
    """The terms by which two conventions differ on a network; see `Network.reconcile`.

    >>> [term.difference for term in reconcile("resnet50", "paper", "ptflops_aten").terms]  # the 1000 biases of fc
    [1000]
    """
    return open_network(model, knobs).reconcile(first, second, batch=batch, dtype=dtype)
