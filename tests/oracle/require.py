"""Skip a test, saying why, where the framework it compares with is not installed.

``pytest.importorskip`` would do for torch; torchvision and keras need the preparations of ``frameworks.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib import import_module
from types import ModuleType

import pytest

from .counters import import_calflops
from .detectors import import_ultralytics, import_yolox
from .frameworks import import_keras, import_timm, import_torchsr, import_torchvision
from .mmseg_networks import import_mmseg

IMPORTERS: dict[str, Callable[[], ModuleType]] = {
    "torch": partial(import_module, "torch"),
    "torchvision": import_torchvision,
    "keras": import_keras,
    "timm": import_timm,
    "ultralytics": import_ultralytics,
    "yolox": import_yolox,
    **{tool: partial(import_module, tool) for tool in ("fvcore", "ptflops", "thop", "torchinfo", "torchprofile")},
    "calflops": import_calflops,
    "pytorchcv": partial(import_module, "pytorchcv.models.common.conv"),
    "torchsr": import_torchsr,
    "mmseg": import_mmseg,
}
HINTS = {
    "torch": "pip install torch (a CPU build is enough)",
    "torchvision": "pip install the torchvision release made for the installed torch",
    "keras": "pip install keras (it runs on torch here)",
    "timm": "pip install timm",
    "ultralytics": "pip install --no-deps ultralytics, and what detectors.py names",
    "yolox": "pip install --no-deps yolox, and what detectors.py names",
    "pytorchcv": "pip install --no-deps pytorchcv",
    "torchsr": "pip install --no-deps torchsr",
    "mmseg": "pip install --no-deps mmsegmentation mmcv-lite==2.1.0 mmengine, and what these import",
}


def require(framework: str) -> None:
    """Import a framework, or skip the calling test if a package is missing; a broken package is an error."""
    missing = _missing_package(framework)
    if missing is not None:
        hint = HINTS.get(missing, f"{framework} needs it")
        pytest.skip(f"{missing} is not installed: {hint}")


@cache
def _missing_package(framework: str) -> str | None:
    try:
        IMPORTERS[framework]()
    except ModuleNotFoundError as error:
        return error.name or framework
    return None
