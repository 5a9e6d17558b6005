"""Listeners, handlers and decorators."""

import asyncio

from rtc_asyncio.event_target import Event, EventHandler, EventTarget


class Bell(EventTarget):
    """Something that rings."""

    onring = EventHandler["Ring"]()
    on = EventTarget._on


class Ring(Event):
    """It rang, so often."""

    __slots__ = ("times",)

    def __init__(self, times: int) -> None:
        super().__init__("ring")
        self.times = times

    def payload(self) -> tuple[int]:
        return (self.times,)


async def test_all_three_ways_are_called_in_order_of_attachment() -> None:
    bell = Bell()
    calls: list[object] = []
    bell.addEventListener("ring", lambda event: calls.append(event))
    bell.onring = lambda event: calls.append(event.times)

    @bell.on("ring")
    def _(times: int) -> None:
        calls.append(times + 1)

    event = Ring(3)
    bell.dispatchEvent(event)

    assert calls == [event, 3, 4]
    assert event.target is bell


async def test_an_attribute_holds_one_handler_and_keeps_its_place() -> None:
    bell = Bell()
    calls: list[str] = []
    bell.onring = lambda event: calls.append("old")
    bell.addEventListener("ring", lambda event: calls.append("listener"))
    bell.onring = lambda event: calls.append("new")

    bell.dispatchEvent(Ring(1))

    assert calls == ["new", "listener"]
    bell.onring = None
    assert bell.onring is None


async def test_a_listener_is_added_once_and_can_be_removed_or_used_up() -> None:
    bell = Bell()
    calls: list[int] = []

    def listener(event: Ring) -> None:
        calls.append(event.times)

    bell.addEventListener("ring", listener)
    bell.addEventListener("ring", listener)
    bell.dispatchEvent(Ring(1))
    bell.removeEventListener("ring", listener)
    bell.dispatchEvent(Ring(2))
    bell.addEventListener("ring", listener, once=True)
    bell.dispatchEvent(Ring(3))
    bell.dispatchEvent(Ring(4))

    assert calls == [1, 3]


async def test_async_handlers_run_and_failures_reach_the_loop_alone() -> None:
    bell = Bell()
    reports: list[object] = []
    calls: list[int] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(context["exception"]))

    @bell.on("ring")
    def _(times: int) -> None:
        raise ValueError("plain")

    @bell.on("ring")
    async def _(times: int) -> None:
        await asyncio.sleep(0)
        calls.append(times)
        raise ValueError("async")

    bell.dispatchEvent(Ring(7))
    for _turn in range(5):
        await asyncio.sleep(0)

    assert calls == [7]
    assert [str(report) for report in reports] == ["plain", "async"]


async def test_the_exception_of_a_handler_does_not_stop_the_next() -> None:
    bell = Bell()
    calls: list[int] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)

    def broken(event: Ring) -> None:
        raise ZeroDivisionError

    bell.addEventListener("ring", broken)
    bell.addEventListener("ring", lambda event: calls.append(event.times))
    bell.dispatchEvent(Ring(5))

    assert calls == [5]


def test_reading_an_unset_attribute_gives_none() -> None:
    assert Bell().onring is None
    assert isinstance(Bell.onring, EventHandler)


async def test_dispatch_without_listeners_is_fine() -> None:
    Bell().dispatchEvent(Event("ring"))


async def test_an_attribute_and_a_listener_of_the_same_function_are_two() -> None:
    bell = Bell()
    calls: list[int] = []

    def listener(event: Ring) -> None:
        calls.append(event.times)

    bell.onring = listener
    bell.addEventListener("ring", listener)
    bell.dispatchEvent(Ring(1))
    bell.removeEventListener("ring", listener)
    bell.dispatchEvent(Ring(2))

    assert calls == [1, 1, 2]


async def test_an_object_that_handles_events_listens() -> None:
    calls: list[int] = []

    class Ear:
        def handleEvent(self, event: Ring) -> None:  # noqa: N802 - the name the Web platform gave it
            calls.append(event.times)

    bell, ear = Bell(), Ear()
    bell.addEventListener("ring", ear)
    bell.dispatchEvent(Ring(1))
    ear.handleEvent = lambda event: calls.append(-event.times)  # type: ignore[method-assign]  # looked up at each event
    bell.dispatchEvent(Ring(2))
    bell.removeEventListener("ring", ear)
    bell.dispatchEvent(Ring(3))

    assert calls == [1, -2]


async def test_who_is_removed_while_an_event_is_dispatched_hears_it_no_more() -> None:
    bell = Bell()
    calls: list[str] = []

    def second(event: Ring) -> None:
        calls.append("second")

    def first(event: Ring) -> None:
        calls.append("first")
        bell.removeEventListener("ring", second)
        bell.addEventListener("ring", lambda event: calls.append("late"))
        bell.onring = lambda event: calls.append("new")

    bell.addEventListener("ring", first, once=True)
    bell.addEventListener("ring", second)
    bell.onring = lambda event: calls.append("old")
    bell.dispatchEvent(Ring(1))

    assert calls == ["first", "new"]
    bell.dispatchEvent(Ring(2))
    assert calls == ["first", "new", "new", "late"]


async def test_a_listener_for_once_is_used_up_even_if_others_go_meanwhile() -> None:
    bell = Bell()
    calls: list[int] = []

    def goes(event: Ring) -> None:
        bell.removeEventListener("ring", goes)

    bell.addEventListener("ring", goes)
    bell.addEventListener("ring", lambda event: calls.append(event.times), once=True)
    bell.dispatchEvent(Ring(1))
    bell.dispatchEvent(Ring(2))

    assert calls == [1]
