"""Register the marker here too, so that the group runs on its own under ``--strict-markers``."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Declare the ``oracle`` marker."""
    config.addinivalue_line("markers", "oracle: layer-by-layer comparison with networks built by real frameworks")
