"""Bad specs are answered at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from helpers.cli import Cli


@pytest.fixture(scope="session")
def cli(cli: Cli) -> Cli:
    """The command line, under a bound of processor time."""
    return cli.within(10)
