"""What a network was counted with, on one line: what a table or a picture says below its title."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import Any

from convcost.core.dtypes import as_text
from convcost.core.metrics import Need
from convcost.core.units import decimal_text, exact, inputs_text


def settings_text(
    knobs: Mapping[str, Any],
    inputs: Mapping[str, Sequence[Any]] | None = None,
    *,
    batch: int = 1,
    dtype: str = "",
    policy: str = "",
    needs: Collection[Need] = ("dtype", "memory_policy"),
) -> str:
    """Knobs, inputs, a batch of several, and of dtype and policy what the number `needs`; nothing of what is not given.

    >>> settings_text({"width": 0.5, "bias": True}, {"input": (224, 224, 3)}, batch=8)
    'width 0.5 · bias on · input 224×224×3 · batch 8'
    >>> settings_text({}, dtype="int8", policy="fused"), settings_text({}, dtype="int8", needs=())
    ('as int8 · policy fused', '')
    """
    said = [f"{name} {_knob_text(value)}" for name, value in knobs.items()]
    said += [] if inputs is None else [inputs_text(inputs)]
    said += [f"batch {exact(batch)}"] if batch > 1 else []
    said += [f"as {as_text(dtype)}"] if dtype and "dtype" in needs else []
    said += [f"policy {policy}"] if policy and "memory_policy" in needs else []
    return " · ".join(said)


def _knob_text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Fraction):
        return decimal_text(value)
    return str(list(value) if isinstance(value, tuple) else value)
