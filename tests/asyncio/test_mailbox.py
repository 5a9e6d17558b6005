"""What threads leave for the event loop is done there, in order, whatever becomes of either."""

import asyncio
import contextvars
import errno
import gc
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from rtc_asyncio.mailbox import Mailbox
from rtc_asyncio.worker import Worker

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="the counter is Linux's")


@pytest.fixture(params=["counter", "no counter", "not known", "not watched"])
def _counting(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EMFILE, "too many open files")

    def cannot(*_: object) -> None:
        raise NotImplementedError

    if request.param == "no counter":
        monkeypatch.setattr(os, "eventfd", refuse, raising=False)
    elif request.param == "not known":
        monkeypatch.delattr(os, "eventfd", raising=False)
    elif request.param == "not watched":
        loop = asyncio.new_event_loop()
        monkeypatch.setattr(type(loop), "add_reader", cannot)
        loop.close()


def _in_a_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.usefixtures("_counting")
async def test_calls_are_made_in_their_order_in_the_thread_of_the_loop() -> None:
    mailbox = Mailbox.of_running_loop()
    seen: list[int] = []
    threads: set[threading.Thread] = set()
    all_there = asyncio.Event()

    def take(number: int) -> None:
        seen.append(number)
        threads.add(threading.current_thread())
        if number == 99:
            all_there.set()

    def post() -> None:
        for number in range(100):
            mailbox.post(take, number)

    thread = _in_a_thread(post)
    async with asyncio.timeout(10):
        await all_there.wait()
    thread.join()

    assert seen == list(range(100))
    assert threads == {threading.current_thread()}


@pytest.mark.usefixtures("_counting")
async def test_one_that_fails_does_not_keep_the_others() -> None:
    loop = asyncio.get_running_loop()
    failures: list[dict[str, object]] = []
    loop.set_exception_handler(lambda _, context: failures.append(context))
    mailbox = Mailbox.of_running_loop()
    done = asyncio.Event()

    def fail(_: object) -> None:
        raise ZeroDivisionError

    def tell(_: object) -> None:
        done.set()

    def both() -> None:
        mailbox.post(fail, None)
        mailbox.post(tell, None)

    _in_a_thread(both).join()
    async with asyncio.timeout(10):
        await done.wait()

    assert [type(each["exception"]) for each in failures] == [ZeroDivisionError]


async def test_what_is_posted_by_a_call_has_its_turn_next() -> None:
    mailbox = Mailbox.of_running_loop()
    left = 3
    done = asyncio.Event()

    def again(_: object) -> None:
        nonlocal left
        left -= 1
        if left:
            mailbox.post(again, None)
        else:
            done.set()

    mailbox.post(again, None)
    async with asyncio.timeout(10):
        await done.wait()


async def test_a_loop_has_one_mailbox() -> None:
    assert Mailbox.of_running_loop() is Mailbox.of_running_loop()


@pytest.mark.usefixtures("_counting")
def test_after_the_loop_nobody_reads_and_nothing_breaks() -> None:
    async def make() -> Mailbox:
        return Mailbox.of_running_loop()

    mailbox = asyncio.run(make())
    seen: list[int] = []

    mailbox.post(seen.append, 1)
    _in_a_thread(lambda: mailbox.post(seen.append, 2)).join()

    assert seen == []


@only_linux
def test_the_counter_lives_as_long_as_somebody_may_write_to_it() -> None:
    async def make() -> Mailbox:
        return Mailbox.of_running_loop()

    mailbox = asyncio.run(make())
    gc.collect()
    counter = mailbox._counter
    assert counter is not None
    name = f"/proc/self/fd/{counter}"

    assert os.readlink(name) == "anon_inode:[eventfd]"
    del mailbox
    gc.collect()
    assert not os.path.lexists(name) or os.readlink(name) != "anon_inode:[eventfd]"


@only_linux
def test_loops_that_come_and_go_leave_nothing_open() -> None:
    async def work() -> None:
        worker = Worker("test")
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        worker.start(lambda: 7, done.set_result)
        async with asyncio.timeout(10):
            assert await done == 7
        ended = threading.Event()
        worker.finish(ended.set)
        ended.wait(10)

    asyncio.run(work())
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        asyncio.run(work())
    for thread in threading.enumerate():
        if thread.name == "test":
            thread.join(10)
    gc.collect()

    assert len(os.listdir("/proc/self/fd")) == before


def test_a_loop_that_ends_before_the_work_is_not_kept_by_what_comes_of_it() -> None:
    threads = set(threading.enumerate())
    go_on = threading.Event()
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def begin() -> None:
        loop = asyncio.get_running_loop()
        worker = Worker("test")
        told: list[object] = [loop, worker]
        worker.start(lambda: go_on.wait(10), told.append)
        loops.append(weakref.ref(loop))

    for _ in range(3):
        asyncio.run(begin())
    go_on.set()
    for _ in range(200):  # until the threads have told nobody, and are told to end
        gc.collect()
        if threads.issuperset(threading.enumerate()):
            break
        time.sleep(0.01)

    assert [loop() for loop in loops] == [None] * 3
    assert threads.issuperset(threading.enumerate())


@only_linux
async def test_calls_are_made_in_no_context_of_somebody_else() -> None:
    request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="none")
    request.set("the first who came")
    mailbox = Mailbox.of_running_loop()
    seen: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    _in_a_thread(lambda: mailbox.post(lambda _: seen.set_result(request.get()), None)).join()

    async with asyncio.timeout(10):
        assert await seen == "none"
