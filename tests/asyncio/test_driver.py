"""The one timer of a driver, and when it flushes."""

import asyncio
import time
from collections.abc import Callable, Iterable

import pytest

from rtc_asyncio.driver import LINGER_LIMIT, TIMER_LEAD, TIMER_SLACK, Driver
from rtc_stun import Address, Datagram

NEAR = TIMER_LEAD * 0.9
FAR = 5.0


class Clockwork:
    """A machine that does nothing but wait for a time."""

    def __init__(self) -> None:
        self.due: float | None = None
        self.woken: list[float] = []

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None:
        """Take nothing."""

    def handle_timeout(self, now: float) -> None:
        """Note the time, and wait no more."""
        self.woken.append(now)
        self.due = None

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Send nothing."""
        return []

    def events(self) -> list[object]:
        """Tell nothing."""
        return []

    def next_timeout(self) -> float | None:
        """Return what was set."""
        return self.due


def ignore(event: object) -> None:
    """Nothing happens."""


@pytest.mark.parametrize(
    ("lead", "moves", "timers"),
    [
        pytest.param(NEAR, [0.0, TIMER_SLACK * 0.4, TIMER_SLACK * 0.8], 1, id="a-little-later"),
        pytest.param(NEAR, [0.0, TIMER_SLACK * 2], 2, id="much-later"),
        pytest.param(NEAR, [0.0, TIMER_SLACK * 0.8, TIMER_SLACK * 1.6], 2, id="later-by-and-by"),
        pytest.param(NEAR, [0.0, -0.001], 2, id="earlier"),
        pytest.param(FAR, [0.0, 0.1, 100.0, 0.0], 1, id="far-away-and-later"),
        pytest.param(FAR, [0.0, 100.0, -0.001], 2, id="far-away-and-earlier"),
    ],
)
async def test_the_timer_is_set_anew_where_it_would_be_too_late_or_much_too_early_soon(
    lead: float, moves: list[float], timers: int
) -> None:
    loop = asyncio.get_running_loop()
    machine = Clockwork()
    driver = Driver(machine, ignore)
    first = loop.time() + lead
    handles: set[int] = set()
    kept: list[asyncio.TimerHandle] = []
    for move in moves:
        machine.due = first + move
        driver.flush()
        assert driver._timer is not None
        kept.append(driver._timer)
        handles.add(id(driver._timer))
    driver.close()

    assert len(handles) == timers
    assert all(handle.cancelled() for handle in kept)


async def test_the_machine_is_woken_once_when_it_is_due_and_not_before() -> None:
    loop = asyncio.get_running_loop()
    machine = Clockwork()
    driver = Driver(machine, ignore)
    machine.due = loop.time() + 0.01
    driver.flush()
    machine.due = due = loop.time() + 0.02 + TIMER_SLACK
    driver.flush()
    async with asyncio.timeout(10):
        while not machine.woken:
            await asyncio.sleep(0.001)
    await asyncio.sleep(0.01)
    driver.close()

    assert len(machine.woken) == 1
    assert machine.woken[0] >= due


class Correspondent(Clockwork):
    """A machine that tells of what arrives, and notes what had been asked of it when it was drained."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[object] = []
        self.asked: list[str] = []
        self.drained: list[list[str]] = []

    def receive_datagrams(self, datagrams: Iterable[Datagram], now: float) -> None:
        """Tell of each."""
        self.told += datagrams

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Note what was asked until now."""
        self.drained.append(self.asked)
        self.asked = []
        return []

    def events(self) -> list[object]:
        """Tell what arrived."""
        told, self.told = self.told, []
        return told


HELLO = Datagram(b"hello", Address("192.0.2.1", 1), Address("192.0.2.2", 2))


def correspond(handle: Callable[[Correspondent, Driver[object]], None]) -> tuple[Correspondent, Driver[object]]:
    """A driver that has just read a datagram, and what hears of it."""
    machine = Correspondent()
    driver = Driver(machine, lambda event: handle(machine, driver))
    driver._received([(0.0, [HELLO])])
    return machine, driver


async def test_what_somebody_answers_who_was_woken_leaves_with_what_the_machine_sends() -> None:
    loop = asyncio.get_running_loop()
    woken: asyncio.Future[None] = loop.create_future()

    def wake(machine: Correspondent, driver: Driver[object]) -> None:
        woken.set_result(None)
        driver.linger()

    machine, driver = correspond(wake)
    at_once = list(machine.drained)
    await woken
    machine.asked.append("answer")
    driver.wake()
    before_the_turn_ends = list(machine.drained)
    await asyncio.sleep(0)
    driver.close()

    assert at_once == before_the_turn_ends == []
    assert machine.drained[0] == ["answer"]


async def test_what_a_handler_answers_itself_leaves_at_once() -> None:
    def answer(machine: Correspondent, driver: Driver[object]) -> None:
        machine.asked.append("answer")
        driver.wake()
        driver.linger()

    machine, driver = correspond(answer)
    at_once = list(machine.drained)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    again = list(machine.drained)
    driver.close()

    assert at_once == again == [["answer"]]


async def test_where_nobody_answers_the_machine_sends_in_the_next_turn_whatever_arrives() -> None:
    machine, driver = correspond(lambda machine, driver: driver.linger())
    at_once = list(machine.drained)
    turns = []
    for _ in range(3):
        driver.take(0.0, [HELLO])
        await asyncio.sleep(0)
        turns.append(len(machine.drained))
    driver.close()

    assert at_once == []
    assert turns == [1, 2, 3]


async def test_nobody_is_waited_for_after_one_who_computed_for_long_before_it_answered() -> None:
    loop = asyncio.get_running_loop()

    def wake(machine: Correspondent, driver: Driver[object]) -> None:
        loop.call_soon(time.sleep, 1.5 * LINGER_LIMIT)
        driver.linger()

    machine, driver = correspond(wake)
    waits = list(machine.drained)
    await asyncio.sleep(0)
    late = len(machine.drained)
    driver._received([(0.0, [HELLO])])
    at_once = len(machine.drained)
    driver._impatient_until = loop.time()
    driver._received([(0.0, [HELLO])])
    waits_again = len(machine.drained)
    driver.close()

    assert (waits, late, at_once, waits_again) == ([], 1, 2, 2)


async def test_a_handler_that_fails_leaves_a_flush_for_what_it_asked_before() -> None:
    def fail(machine: Correspondent, driver: Driver[object]) -> None:
        machine.asked.append("half")
        driver.wake()
        raise LookupError("a fault of the application")

    machine = Correspondent()
    driver = Driver(machine, lambda event: fail(machine, driver))
    with pytest.raises(LookupError):
        driver._received([(0.0, [HELLO])])
    await asyncio.sleep(0)
    sent = list(machine.drained)
    driver.close()

    assert sent == [["half"]]
