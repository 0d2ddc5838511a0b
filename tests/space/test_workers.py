"""Work on processes and on dask: the same results, in order, even if a worker dies."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from helpers.sent import always_dies, dies_once, square

from convcost.core.errors import UsageError
from convcost.space.front import grid_front, objectives_of
from convcost.space.open import design_space
from convcost.space.workers import EngineError, over, results


def space():
    made = design_space("mobilenet_v2", {}, over={"width": "0.3:1:0.05", "resolution": "64:160:4"})
    return made, objectives_of(["macs", "resolution", "max:params"], made.axes)


def test_results_come_in_order_on_any_executor():
    with ThreadPoolExecutor(3) as executor:
        assert list(over(executor, square, range(20), ahead=4)) == [i * i for i in range(20)]
    assert list(results(square, range(5))) == [0, 1, 4, 9, 16]


def test_only_a_few_pieces_are_under_way_at_once():
    begun: list[int] = []

    def work():
        for i in range(100):
            begun.append(i)
            yield i

    with ThreadPoolExecutor(2) as executor:
        found = over(executor, square, work(), ahead=4)
        assert next(found) == 0
        assert len(begun) <= 5
        found.close()


def test_processes_give_the_same_front_and_survive_a_killed_worker(tmp_path):
    made, objectives = space()
    assert grid_front(made, objectives, size=40, jobs=2) == grid_front(made, objectives)
    found = list(results(partial(dies_once, str(tmp_path)), range(12), jobs=2))
    assert found == [i * i for i in range(12)]
    assert (tmp_path / "died").exists()


def test_workers_that_keep_dying_are_given_up():
    with pytest.raises(EngineError, match=r"worker processes died 4 times \(out of memory\?\); try fewer --jobs"):
        list(results(always_dies, range(3), jobs=1 + 1))


def test_jobs_and_schedulers_that_make_no_sense_are_refused():
    with pytest.raises(UsageError, match="jobs must be from 1 to 1024, got 0"):
        list(results(square, [], jobs=0))
    with pytest.raises(UsageError, match="a scheduler belongs to the engine dask"):
        list(results(square, [], scheduler="tcp://127.0.0.1:1"))


@pytest.mark.filterwarnings("ignore")
def test_dask_gives_the_same_front_and_survives_a_killed_worker(tmp_path):
    pytest.importorskip("distributed", reason="pip install 'convcost[distributed]'")
    made, objectives = space()
    assert grid_front(made, objectives, size=100, engine="dask", jobs=2) == grid_front(made, objectives)
    found = list(results(partial(dies_once, str(tmp_path)), range(12), engine="dask", jobs=2))
    assert found == [i * i for i in range(12)]
    assert (tmp_path / "died").exists()
