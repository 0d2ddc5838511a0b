"""A function mapped over pieces of work: in this process, on several, or on a dask cluster - any executor of futures.

Results come in the order of the work, so that an answer never depends on which worker finishes first.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from importlib.util import find_spec
from multiprocessing import active_children, resource_tracker
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar

from convcost.core.ending import deaf, tidied
from convcost.core.errors import UsageError, did_you_mean
from convcost.space.processes import MOST_DEATHS, EngineError, Processes

Work = TypeVar("Work")
Result = TypeVar("Result")
ENGINES = ("local", "dask")
MOST_JOBS = 1024
_NO_DASK = "the engine dask needs dask: pip install 'convcost[distributed]'"


def results(
    function: Callable[[Work], Result],
    work: Iterable[Work],
    *,
    jobs: int = 1,
    engine: str = "local",
    scheduler: str | None = None,
) -> Generator[Result, None, None]:
    """The function's result for each piece of work, in order; raises `UsageError`, `EngineError`.

    The function and its work must be picklable if they leave this process (`jobs` > 1, or dask). Only a few pieces per
    worker are in progress at once, so that memory does not grow with their number. Workers end when the results are closed.
    """
    check_engine(jobs, engine, scheduler)
    if engine == "dask":
        return _on_dask(function, work, jobs, scheduler)
    if jobs == 1:
        return (function(one) for one in work)
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


def over(
    executor: Executor | _Quiet, function: Callable[[Work], Result], work: Iterable[Work], ahead: int
) -> Iterator[Result]:
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


def _on_processes(function: Callable[[Work], Result], work: Iterable[Work], jobs: int) -> Generator[Result, None, None]:
    """On processes, each of which a thread waits for; they end with the last piece, or if the rest is not wanted."""
    with closing(Processes(function)) as processes, ThreadPoolExecutor(jobs, "convcost-job", deaf) as executor:
        try:
            yield from over(executor, processes, work, 2 * jobs)
        finally:
            processes.end()


def _on_dask(
    function: Callable[[Work], Result], work: Iterable[Work], jobs: int, scheduler: str | None
) -> Generator[Result, None, None]:
    try:
        from distributed import Client
    except ImportError:
        raise UsageError(_NO_DASK) from None
    with _dask_here(jobs) if scheduler is None else nullcontext(scheduler) as address:
        try:
            client = Client(address, timeout="20s", set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise EngineError(f"cannot reach a dask scheduler at {scheduler}: {error}") from None
        with client:
            workers = max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
            # Workers that die are replaced, and their work is done again, by dask itself.
            with client.get_executor(pure=False, retries=MOST_DEATHS) as executor:
                yield from over(_Quiet(executor), function, work, 2 * workers)


class _Quiet(NamedTuple):
    """dask's executor without its advice to programmers.

    Each piece brings the tables of the grid along, of some MiB: what dask would have held for all pieces in the memory of
    its workers (`scatter`) is lost if these die, and cannot be made again.
    """

    executor: Executor

    def submit(self, function: Callable[[Work], Result], one: Work) -> Future[Result]:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sending large graph")
            return self.executor.submit(function, one)


@contextmanager
def _dask_here(jobs: int) -> Iterator[Any]:
    """A cluster of workers on this machine, of which nothing is left behind if a signal ends this process."""
    import dask
    from distributed import LocalCluster

    scratch = TemporaryDirectory(prefix="convcost-dask-", ignore_cleanup_errors=True)

    def tidy() -> None:
        for worker in active_children():  # those that are still starting would notice late that we are gone
            worker.kill()
        scratch.cleanup()

    sys.warnoptions.append("ignore:resource_tracker")  # it need not say that it cleans up behind us
    resource_tracker.ensure_running()  # while it starts, it would open the ears of the thread below
    sys.warnoptions.pop()
    start = partial(
        LocalCluster,
        n_workers=jobs,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    )
    with tidied(tidy), scratch, dask.config.set(temporary_directory=scratch.name):
        with ThreadPoolExecutor(1, "convcost-dask", deaf) as starter:
            cluster = starter.submit(start).result()
        with cluster:
            yield cluster
