"""A function mapped over pieces of work: in this process, on several, or on a dask cluster - any executor of futures.

Results come in the order of the work, so that an answer never depends on which worker finishes first.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from typing import Any, TypeVar

from convcost.core.errors import ConvcostError, UsageError, did_you_mean

Work = TypeVar("Work")
Result = TypeVar("Result")
ENGINES = ("local", "dask")
MOST_DEATHS = 3
"""How often workers may die before the work is abandoned."""
MOST_JOBS = 1024
_NO_DASK = "the engine dask needs dask: pip install 'convcost[distributed]'"


class EngineError(ConvcostError):
    """The engine could not be started, or its workers keep dying."""


def results(
    function: Callable[[Work], Result],
    work: Iterable[Work],
    *,
    jobs: int = 1,
    engine: str = "local",
    scheduler: str | None = None,
) -> Iterator[Result]:
    """The function's result for each piece of work, in order; raises `UsageError`, `EngineError`.

    The function and its work must be picklable if they leave this process (`jobs` > 1, or dask). Only a few pieces per
    worker are in progress at once, so that memory does not grow with their number.
    """
    check_engine(jobs, engine, scheduler)
    if engine == "dask":
        return _on_dask(function, work, jobs, scheduler)
    if jobs == 1:
        return map(function, work)
    return _on_processes(function, work, jobs)


def check_engine(jobs: int = 1, engine: str = "local", scheduler: str | None = None) -> None:
    """Raises `UsageError` for an unknown engine, or one that does not support these jobs or this scheduler."""
    if not 1 <= jobs <= MOST_JOBS:
        raise UsageError(f"jobs must be from 1 to {MOST_JOBS}, got {jobs}")
    if engine not in ENGINES:
        raise UsageError(f"there is no engine {engine!r}{did_you_mean(engine, ENGINES)}")
    if scheduler is not None and engine != "dask":
        raise UsageError("a scheduler belongs to the engine dask")
    if engine == "dask" and find_spec("distributed") is None:
        raise UsageError(_NO_DASK)


def over(executor: Executor, function: Callable[[Work], Result], work: Iterable[Work], ahead: int) -> Iterator[Result]:
    """As `results`, on any `concurrent.futures` executor, with a bounded number of pieces in progress."""
    waiting: deque[Future[Result]] = deque()
    try:
        for one in work:
            waiting.append(executor.submit(function, one))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _on_processes(function: Callable[[Work], Result], work: Iterable[Work], jobs: int) -> Iterator[Result]:
    """On a pool of processes; if one dies, a new pool does what is left."""
    from concurrent.futures.process import BrokenProcessPool

    todo: deque[Work] = deque()
    source = iter(work)

    def remembered() -> Iterator[Work]:
        yield from tuple(todo)
        for one in source:
            todo.append(one)
            yield one

    for deaths in range(MOST_DEATHS + 1):
        with _pool(jobs) as executor:
            try:
                for result in over(executor, function, remembered(), 2 * jobs):
                    todo.popleft()
                    yield result
            except BrokenProcessPool:
                if deaths == MOST_DEATHS:
                    raise EngineError(
                        f"worker processes died {MOST_DEATHS + 1} times (out of memory?); try fewer --jobs"
                    ) from None
            else:
                return


@contextmanager
def _pool(jobs: int) -> Iterator[Executor]:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # A fresh interpreter for each: a fork would copy this process's threads in whatever state they are.
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _on_dask(
    function: Callable[[Work], Result], work: Iterable[Work], jobs: int, scheduler: str | None
) -> Iterator[Result]:
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise UsageError(_NO_DASK) from None
    cluster: AbstractContextManager[Any] = nullcontext(scheduler)
    if scheduler is None:
        cluster = LocalCluster(
            n_workers=jobs,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            silence_logs=logging.CRITICAL,
        )
    with cluster as address:
        try:
            client = Client(address, timeout="20s", set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise EngineError(f"cannot reach a dask scheduler at {scheduler}: {error}") from None
        with client:
            workers = max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
            # Workers that die are replaced, and their work is done again, by dask itself.
            with client.get_executor(pure=False, retries=MOST_DEATHS) as executor:
                yield from over(executor, function, work, 2 * workers)
