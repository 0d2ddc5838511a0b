"""How long a network takes on a device."""

from __future__ import annotations

from dataclasses import dataclass, field

from convcost.devices.device import FEMTOSECONDS, Device, Roofline, Time
from convcost.devices.kernels import Terms, kernels, total
from convcost.devices.stored import find
from convcost.networks.network import Network


@dataclass(frozen=True)
class Latency:
    """How long a network takes on one device, layer by layer, with how far off that is."""

    network: Network
    device: Device | Roofline
    times: tuple[Time, ...] = field(repr=False)
    """Of each layer, in order; nothing where nothing runs."""
    counts: Terms = field(repr=False)
    """The terms of all kernels."""
    lacks: tuple[str, ...] = ()
    """Terms that the device knows nothing of: the total is no time of this network."""
    beyond: tuple[str, ...] = ()
    """In words, by what the network differs from all that the device was fitted on."""

    @property
    def femtoseconds(self) -> int:
        """Of all kernels, one after the other."""
        return int(sum(time.total for time in self.times))

    @property
    def ms(self) -> float:
        """Of all kernels, in milliseconds."""
        return self.femtoseconds / FEMTOSECONDS


def latency(network: Network, device: Device | Roofline | str, dtype: str | None = None, batch: int = 1) -> Latency:
    """How long a network takes on a device, given by name, as a file or as an object."""
    found = find(device) if isinstance(device, str) else device
    counts = total(kernels(network.walked, dtype, batch))
    times = found.times(network.walked, dtype, batch)
    if isinstance(found, Roofline):
        return Latency(network, found, times, counts)
    return Latency(network, found, times, counts, found.lacks(counts), found.beyond(counts))
