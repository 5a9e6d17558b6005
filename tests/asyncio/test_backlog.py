"""Counting that waits: every note is counted once, in its order, whoever does it."""

import threading

from rtc_asyncio.backlog import MOST, Backlog


def test_notes_wait_until_there_are_many() -> None:
    backlog: Backlog[int] = Backlog()
    counted: list[int] = []
    for number in range(MOST - 1):
        backlog.add(number, counted.append)
    assert counted == []

    backlog.add(MOST - 1, counted.append)

    assert counted == list(range(MOST))


def test_whoever_asks_sees_all_of_them() -> None:
    backlog: Backlog[int] = Backlog()
    counted: list[int] = []
    backlog.add(1, counted.append)
    backlog.work_off(counted.append)
    backlog.work_off(counted.append)

    assert counted == [1]


def test_one_thread_adds_while_another_asks() -> None:
    backlog: Backlog[int] = Backlog()
    counted: list[int] = []

    def count(number: int) -> None:
        counted.append(number)

    def add() -> None:
        for number in range(20_000):
            backlog.add(number, count)

    adding = threading.Thread(target=add)
    adding.start()
    while adding.is_alive():
        backlog.work_off(count)
    adding.join()
    backlog.work_off(count)

    assert counted == list(range(20_000))
