"""From a network and axes to a checked design space."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sized
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from convcost.core.checks import check_batch
from convcost.core.dtypes import asked_dtype
from convcost.core.errors import SpecError, UsageError
from convcost.core.units import exact
from convcost.graph.rewrite import NothingToRewrite, way_of
from convcost.memory.policies import policy
from convcost.networks.inputs import GivenShape, by_name
from convcost.networks.load import Model, open_network
from convcost.networks.network import Network
from convcost.networks.origin import FromRewrite
from convcost.results.report import Report
from convcost.space.axes import axes_of, split_settings
from convcost.space.build import Request
from convcost.space.space import DesignSpace, build_space
from convcost.space.target import Target
from convcost.spec.elaborate import attempt
from convcost.spec.syntax import KnobValue
from convcost.spec.zoo import split_name

if TYPE_CHECKING:
    from convcost.devices.device import Device, Roofline


def design_space(
    model: Model,
    knobs: Mapping[str, Any],
    *,
    over: Mapping[str, Any] | None = None,
    batch: int = 1,
    dtype: str | None = None,
    memory_policy: str = "fused",
    input_shape: GivenShape | None = None,
    rewrite: str = "",
    target: Target | None = None,
    device: Device | Roofline | None = None,
    buildable: bool = False,
    check: Callable[[int], None] | None = None,
) -> DesignSpace:
    """The design space of a grid: all tables needed to evaluate any part of it.

    Knobs in `over` are axes even with a single value; other knobs are axes if their value looks like one. If it must be
    `buildable`, raises `SpecError` if no point of the grid is a valid network. `check` is given the number of points,
    before anything is built, and raises `UsageError` for too many.
    """
    request = Request(batch, dtype, memory_policy, rewrite=rewrite, target=target, device=device)
    asked = asked_for(model, knobs, over or {}, request, input_shape)
    if check:
        check(prod(map(len, asked.axes.values())))
    made = build_space(*asked)
    if buildable:
        check_buildable(made)
    return made


def space(network: Network, report: Report, over: Mapping[str, Any]) -> DesignSpace:
    """The design space of a grid of knob values, with the report's batch, dtype and memory policy; raises as `design_space`."""
    axes = axes_of(network.origin.of_spec().spec, network.name, over, shaped=network.input_shapes)
    made = build_space(
        network, axes, Request(report.batch, report.asked_dtype, report.memory_policy, network.input_shapes)
    )
    check_buildable(made)
    return made


def check_buildable(made: DesignSpace) -> None:
    """Raises `SpecError` if no point is feasible: with the problems at the spec's own knobs, else at the first point.

    Raises `NothingToRewrite` if they can be built, but not rewritten.
    """
    if not all(region.reason for region in made.regions):
        return
    origin = made.source.origin.of_spec()
    first = {name: values[0] for name, values in made.axes.items()}
    for values in (origin.knobs, {**origin.knobs, **first}):
        problems = attempt(origin.spec, values, made.request.input_shapes).problems
        if problems:
            raise SpecError(problems)
    raise NothingToRewrite(made.regions[0].reason)


def opened(
    model: Model,
    settings: Mapping[str, Any],
    swept: Iterable[str],
    rewrite: str,
    input_shape: GivenShape | None = None,
) -> tuple[Network, str]:
    """The network whose knobs vary, and the rewrite at each point; a fully rewritten network is rewritten at each point.

    Raises `UsageError` for a knob that is set, beside the name or in it, and swept.
    """
    own: Mapping[str, Any] = {}
    if isinstance(model, Network):
        origin = model.origin
        if isinstance(origin, FromRewrite) and origin.of_all and not rewrite:
            model, rewrite = Network(origin.before), origin.to
    elif isinstance(model, (str, os.PathLike)):
        own = split_name(os.fspath(model))[1]
    for name in swept:
        if name in settings or name in own:
            raise UsageError(f"{name} is set and swept")
    return open_network(model, settings, input_shape), rewrite


_MOST_DEPLOYED = 20_000_000
"""The most points of a grid at each of which buffers are placed."""


def _deployable(request: Request, axes: Mapping[str, Sized]) -> Request:
    """The request with all elements of the type that is deployed, unless another one is asked for; raises `UsageError`."""
    assert request.target is not None
    points = prod(map(len, axes.values()))
    if points > _MOST_DEPLOYED:
        raise UsageError(
            f"the arena is planned at every point; {exact(points)} are more than {exact(_MOST_DEPLOYED)}: give fewer values"
        )
    if request.batch > 1:
        raise UsageError(
            f"{request.target.deployment.runtime} runs one input at a time: leave out the batch of {request.batch}"
        )
    return request._replace(dtype=request.dtype or request.target.deployment.dtype)


class Asked(NamedTuple):
    """The checked input of a design space."""

    network: Network
    axes: Mapping[str, tuple[KnobValue, ...]]
    request: Request


def asked_for(
    model: Model,
    knobs: Mapping[str, Any],
    over: Mapping[str, Any],
    request: Request,
    input_shape: GivenShape | None = None,
) -> Asked:
    """The network, the axes and the rest, each checked; nothing is computed yet."""
    policy(request.memory_policy)
    request = request._replace(dtype=asked_dtype(request.dtype), batch=check_batch(request.batch))
    if request.rewrite:
        way_of(request.rewrite)
    given, settings = split_settings(knobs)
    if twice := [name for name in over if name in knobs]:
        raise UsageError(f"{twice[0]} is set and swept")
    network, rewrite = opened(model, settings, (*given, *over), request.rewrite, input_shape)
    request = request._replace(rewrite=rewrite)
    spec = network.origin.of_spec().spec
    shaped = {*network.input_shapes, *(by_name(spec, input_shape) if input_shape is not None else ())}
    axes = axes_of(spec, network.name, given | dict(over), shaped=shaped)
    if request.target:
        request = _deployable(request, axes)
    return Asked(network, axes, request._replace(input_shapes=network.input_shapes))
