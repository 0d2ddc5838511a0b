"""Let this group run on its own: its marker under ``--strict-markers``, and no doctests where torch is absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

collect_ignore = [
    "plain_torch.py",
    "plain_dense.py",
    "plain_mobile.py",
    "converted.py",
]  # import torch and tensorflow at the top


def pytest_configure(config: pytest.Config) -> None:
    """Declare the ``oracle`` marker."""
    config.addinivalue_line("markers", "oracle: layer-by-layer comparison with networks built by real frameworks")
