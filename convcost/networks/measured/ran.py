"""How networks ran that were measured, as far as their files do not say it."""

from __future__ import annotations

from typing import Final, NamedTuple

from convcost.core.checks import check_batch, check_switch
from convcost.core.dtypes import check_dtype
from convcost.core.errors import UsageError
from convcost.networks.inputs import GivenShape

REPEATS: Final = ("min", "median")
"""What stands for a network that was run several times."""


class How(NamedTuple):
    """What holds of all networks of a calibration."""

    models: str | None = None
    """The folder of the model files that are named."""
    input_shape: GivenShape | None = None
    """Of networks whose files state none."""
    dtype: str | None = None
    batch: int = 1
    repeats: str = "min"
    """Which of several times of a network counts."""
    winograd: bool = True
    """Whether the runtime knows Winograd's algorithm."""

    def checked(self) -> How:
        """The same, with the usual name of the type; raises `UsageError` for what cannot be."""
        if self.repeats not in REPEATS:
            raise UsageError(f"repeats must be min or median, got {self.repeats!r}")
        how = self._replace(batch=check_batch(self.batch), winograd=check_switch(self.winograd, "winograd"))
        return how if how.dtype is None else how._replace(dtype=check_dtype(how.dtype))
