"""What is counted for every published figure, once for all tests of it."""

from __future__ import annotations

import pytest

from convcost.published.count import Recount
from convcost.published.data import Claim, claims
from convcost.published.verify import Verdict, judge


@pytest.fixture(scope="session")
def counter() -> Recount:
    return Recount()


@pytest.fixture(scope="session")
def verdicts(counter: Recount) -> list[tuple[Claim, Verdict]]:
    return [(claim, judge(claim, counter)) for claim in claims()]
