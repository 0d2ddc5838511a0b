"""What is counted for every published figure, once for all tests of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from convcost.core.kept import Answers, answers
from convcost.published.count import Recount
from convcost.published.data import Claim, claims
from convcost.published.verify import Verdict, judge


@pytest.fixture(scope="session")
def counter(counted_in_this_run: Path) -> Recount:
    """It knows what this run has counted of the zoo already; what becomes of it is judged anew."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("CONVCOST_CACHE", str(counted_in_this_run))
        with answers("verify") as known:
            return Recount(Answers(known.all))


@pytest.fixture(scope="session")
def verdicts(counter: Recount) -> list[tuple[Claim, Verdict]]:
    return [(claim, judge(claim, counter)) for claim in claims()]
