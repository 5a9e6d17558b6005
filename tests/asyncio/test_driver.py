"""The one timer of a driver."""

import asyncio
from collections.abc import Iterable

import pytest

from rtc_asyncio.driver import TIMER_LEAD, TIMER_SLACK, Driver
from rtc_stun import Datagram

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
