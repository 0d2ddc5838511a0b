"""Processes that work for this one: pieces of work come to each through a pipe, and it ends when the pipe does.

That pipe is closed when this process has ended, however it did: no worker outlives it, and none has to be told.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from subprocess import PIPE, Popen
from traceback import format_exc, format_exception_only
from typing import TYPE_CHECKING, Any, NoReturn

from convcost.core.errors import ConvcostError

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_DEATHS = 3
"""How often workers may die over a piece of work before it is abandoned."""
_SERVE = "import sys; sys.path[:] = sys.argv[1:]; from convcost.space.processes import serve; serve()"


class EngineError(ConvcostError):
    """The engine could not be started, or its workers keep dying."""


class Processes:
    """A function, done by a process of its own for each thread that calls it, and by a new one if that dies."""

    def __init__(self, function: Any) -> None:
        self._function = pickle.dumps(function)
        self._own = threading.local()
        self._all: list[Popen[bytes]] = []
        self._lock = threading.Lock()
        self._ended = False

    def __call__(self, work: Any) -> Any:
        """The function's result; raises what it raises, and `EngineError` if processes keep dying."""
        for _ in range(MOST_DEATHS + 1):
            process = getattr(self._own, "process", None) or self._started()
            try:
                return _asked(process, work)
            except _Gone:
                self._forget(process)
        raise EngineError(f"worker processes died {MOST_DEATHS + 1} times (out of memory?); try fewer --jobs")

    def _started(self) -> Popen[bytes]:
        with self._lock:
            if self._ended:
                raise EngineError("the work was given up")
            try:
                command = [sys.executable, "-c", _SERVE, *map(str, sys.path)]
                process = Popen(command, stdin=PIPE, stdout=PIPE)  # noqa: S603 - this Python
            except OSError as error:
                raise EngineError(f"cannot start a worker process: {error.strerror}; try fewer --jobs") from None
            self._all.append(process)
        with suppress(_Gone):
            _send(process, self._function)
        self._own.process = process
        return process

    def _forget(self, process: Popen[bytes]) -> None:
        """Close the pipes of this thread's process, which has died."""
        self._own.process = None
        with self._lock:
            self._all.remove(process)
        process.kill()
        _close(process)

    def end(self) -> None:
        """End all processes, whatever they are doing; none is started any more."""
        with self._lock:
            self._ended = True
            for process in self._all:
                process.kill()

    def close(self) -> None:
        """Forget the processes, once they have ended and no thread asks them any more."""
        self.end()
        for process in self._all:
            _close(process)


class _Gone(Exception):
    """A process has died."""


def _close(process: Popen[bytes]) -> None:
    with suppress(OSError), process:  # what was on its way to it
        pass


def _send(process: Popen[bytes], packed: bytes) -> None:
    """Bytes as a pickle of bytes: it says how long it is, and nothing has to be imported to read it."""
    assert process.stdin is not None
    try:
        pickle.dump(packed, process.stdin)
        process.stdin.flush()
    except OSError:
        raise _Gone from None


def _asked(process: Popen[bytes], work: Any) -> Any:
    """What a process answers; raises what the function raised there."""
    _send(process, pickle.dumps(work))
    assert process.stdout is not None
    try:
        packed = pickle.load(process.stdout)  # noqa: S301 - our own process wrote it
    except (EOFError, pickle.UnpicklingError):
        raise _Gone from None
    done, found = pickle.loads(packed)  # noqa: S301
    if not done:
        raise found
    return found


def serve() -> NoReturn:
    """The work of such a process, until its standard input ends; its standard output is kept for answers."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    asked: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(asked,), daemon=True).start()
    from convcost.space.evaluate import threads

    threads.be_alone()
    answer = _answering(asked.get())
    while True:
        packed = answer(asked.get())
        try:
            pickle.dump(packed, answers)
            answers.flush()
        except OSError:  # nobody waits for it any more
            os._exit(0)


def _answering(packed: bytes) -> Callable[[bytes], bytes]:
    """How pieces of work are answered, by a function from the process that has started this one; if there is none, by the reason."""
    try:
        return partial(_answer, pickle.loads(packed))  # noqa: S301
    except Exception as error:  # noqa: BLE001 - it is raised where the work was asked for
        reason = _failed(error)
        return lambda _: reason


def _answer(function: Callable[[Any], Any], packed: bytes) -> bytes:
    try:
        return pickle.dumps((True, function(pickle.loads(packed))))  # noqa: S301
    except Exception as error:  # noqa: BLE001 - it is raised where the work was asked for
        return _failed(error)


def _failed(error: Exception) -> bytes:
    """The error that is being handled, to be raised elsewhere; what says the same if it cannot be sent there and made again."""
    said = "".join(format_exception_only(error)).rstrip()
    note = f"In a worker process:\n{format_exc()}"
    error.add_note(note)
    try:
        packed = pickle.dumps((False, error))
        pickle.loads(packed)  # noqa: S301
    except Exception:  # noqa: BLE001 - whatever its class does then
        other = RuntimeError(said)
        other.add_note(note)
        return pickle.dumps((False, other))
    return packed


def _listen(asked: SimpleQueue[bytes]) -> None:
    """Take in work on a thread of its own, so that the end of it is noticed whatever is being worked on."""
    try:
        while True:
            asked.put(pickle.load(sys.stdin.buffer))  # noqa: S301
    finally:
        os._exit(0)
