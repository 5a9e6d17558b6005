"""One thread for the codec of one sender or receiver, started when it is first needed."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

R = TypeVar("R")


class Worker:
    """Runs what takes long, one thing after the other, beside the event loop.

    Args:
        name: Of the thread, for people.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._executor: ThreadPoolExecutor | None = None

    async def run(self, job: Callable[[], R]) -> R:
        """Run a job and wait for it. Whoever is cancelled meanwhile does not stop the job."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, thread_name_prefix=self._name)
        return await asyncio.get_running_loop().run_in_executor(self._executor, job)

    def finish(self, job: Callable[[], object]) -> None:
        """Run a last job after those that were begun, here if there were none, and end the thread. Nobody waits for it."""
        if self._executor is None:
            job()
            return
        executor, self._executor = self._executor, None
        executor.submit(job)
        executor.shutdown(wait=False)
