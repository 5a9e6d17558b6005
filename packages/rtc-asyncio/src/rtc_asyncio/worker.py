"""One thread for the codec of one sender or receiver, started when it is first needed.

It does what `concurrent.futures` does, without what a picture does not need: a job goes in by one queue, and what comes of it is left in the
mailbox of the event loop.
"""

import atexit
import threading
import weakref
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Final, TypeAlias, TypeVar

from .mailbox import Mailbox

R = TypeVar("R")

Jobs: TypeAlias = "SimpleQueue[Callable[[], object] | None]"
"""What a thread is to do; None ends it."""

_AT_WORK: Final[dict[threading.Thread, Jobs]] = {}
"""The threads that are there, which are to end before the interpreter does."""


class Worker:
    """Runs what takes long, one thing after the other, beside the event loop in which it was told to first.

    Args:
        name: Of the thread, for people.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: Jobs | None = None
        self._mailbox: Mailbox | None = None
        self._forgotten: weakref.finalize[[Jobs], Worker] | None = None

    def start(self, job: Callable[[], R], done: "Callable[[R | BaseException], None]") -> None:
        """Begin a job, after those that were begun before.

        Args:
            job: Runs in the thread.
            done: Called from the event loop with what the job returned or raised, unless the loop is closed by then.
        """
        jobs, mailbox = self._jobs, self._mailbox
        if jobs is None or mailbox is None:
            mailbox = self._mailbox = Mailbox.of_running_loop()
            jobs = self._jobs = _begin(self._name)
            # Nobody may say `finish`: without the worker there is no more to do.
            self._forgotten = weakref.finalize(self, _end, jobs)
            self._forgotten.atexit = False
        jobs.put(partial(perform, job, partial(mailbox.post, done)))

    def finish(self, job: Callable[[], object]) -> None:
        """Run a last job after those that were begun, here if there were none, and end the thread. Nobody waits for it."""
        jobs, self._jobs = self._jobs, None
        if jobs is None:
            job()
            return
        if self._forgotten is not None:
            self._forgotten.detach()
        jobs.put(job)
        _end(jobs)


def _begin(name: str) -> Jobs:
    """Start a thread, and return the queue of what it is to do."""
    jobs: Jobs = SimpleQueue()
    # A thread that the interpreter waits for would keep a program from ending that does not close its connections.
    thread = threading.Thread(target=_work, args=(jobs,), name=name, daemon=True)
    if not _AT_WORK:
        atexit.unregister(_end_all)
        atexit.register(_end_all)
    thread.start()  # it waits until it is told what to do
    _AT_WORK[thread] = jobs
    return jobs


def _work(jobs: Jobs) -> None:
    while (job := jobs.get()) is not None:
        job()
        del job  # what it refers to is not kept until the next one comes
    _AT_WORK.pop(threading.current_thread(), None)


def perform(job: Callable[[], R], done: "Callable[[R | BaseException], None]") -> None:
    """Run a job here, and hand over what it returned or raised."""
    result: R | BaseException
    try:
        result = job()
    except BaseException as error:  # noqa: BLE001 - it is told to whoever began the job
        result = error
    done(result)


def _end(jobs: Jobs) -> None:
    jobs.put(None)


def _end_all() -> None:
    """Let all threads do what they have begun, and wait for their end."""
    for thread, jobs in list(_AT_WORK.items()):
        _end(jobs)
        thread.join()
