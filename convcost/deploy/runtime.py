"""How a network is deployed: the runtime, the types, and the target's addresses."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from convcost.core.checks import integer_within
from convcost.core.dtypes import check_dtype
from convcost.core.errors import UsageError, did_you_mean, is_one_of
from convcost.core.units import say

Runtime = Literal["tflm"]
RUNTIMES: dict[str, str] = {"tflm": "TensorFlow Lite Micro: its greedy planner, reference kernels"}
"""Name -> what it says of itself."""
KERNELS: dict[str, str] = {
    "reference": "TensorFlow's own portable kernels, as `tflite-micro` from PyPI runs them",
    "cmsis_nn": "Arm's CMSIS-NN for cores with DSP instructions: Cortex-M4, M7, M33",
    "cmsis_nn_mve": "Arm's CMSIS-NN for cores with vector instructions: Cortex-M52, M55, M85",
}
"""Libraries of kernels: they differ in what they ask for beside their tensors."""
CORES: dict[str, tuple[str, ...]] = {
    "cmsis_nn": ("Cortex-M4", "Cortex-M7", "Cortex-M33"),
    "cmsis_nn_mve": ("Cortex-M52", "Cortex-M55", "Cortex-M85"),
}
"""Library of kernels -> the cores that it is for, where it is not for all."""
Pointers = Literal[32, 64]
"""Bits of an address: 32 on microcontrollers; 64 where the runtime is tried on a computer."""


class Deployment(NamedTuple):
    """How a network is deployed; `checked` raises `UsageError` for what does not exist."""

    runtime: str = "tflm"
    dtype: str = "int8"
    """Of kernels and activations; biases of integer kernels are int32."""
    pointers: int = 64
    kernels: str = "reference"
    """The library of kernels."""

    def checked(self, core: str = "") -> Deployment:
        """The same, with the names that reports use; where a `core` is known, the kernels have to be made for it.

        >>> Deployment(dtype="float32").checked().dtype
        'fp32'
        """
        if not is_one_of(self.runtime, RUNTIMES):
            raise UsageError(f"there is no runtime {self.runtime!r}{did_you_mean(self.runtime, RUNTIMES)}")
        if not is_one_of(self.kernels, KERNELS):
            raise UsageError(f"there are no kernels {self.kernels!r}{did_you_mean(self.kernels, KERNELS)}")
        bits = integer_within(self.pointers, 32, 64)
        if bits is None or bits not in get_args(Pointers):
            raise UsageError(f"addresses have 32 or 64 bits, got {say(self.pointers)}")
        if core and core not in CORES.get(self.kernels, (core,)):
            raise UsageError(
                f"kernels {self.kernels} are for {', '.join(CORES[self.kernels])}, and the board has {core}: "
                f"{_instead(core)}"
            )
        return self._replace(dtype=check_dtype(self.dtype), pointers=bits)


def _instead(core: str) -> str:
    """The kernels for a core.

    >>> _instead("Cortex-M55"), _instead("Cortex-M0+")
    ('give --kernels cmsis_nn_mve', 'leave out --kernels')
    """
    found = next((name for name, cores in CORES.items() if core in cores), "")
    return f"give --kernels {found}" if found else "leave out --kernels"
