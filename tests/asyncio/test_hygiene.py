"""What is left behind: nothing. And what other event loops and threads may do."""

import asyncio
import gc
import threading
import warnings
import weakref
from collections.abc import Callable

import pytest

import rtc_dtls
import rtc_ice
import rtc_sctp
from rtc_asyncio import NetworkError, RTCPeerConnection

from .party import connected, trickle

Pair = tuple[RTCPeerConnection, RTCPeerConnection]


class WithoutReaders(asyncio.SelectorEventLoop):
    """As the event loop of Windows: it waits for data, and does not tell when there is some."""

    def add_reader(self, fd: object, callback: Callable[..., object], *args: object) -> None:
        raise NotImplementedError

    def add_writer(self, fd: object, callback: Callable[..., object], *args: object) -> None:
        raise NotImplementedError


def others() -> set[asyncio.Task[object]]:
    """Tasks beside the test's own."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task() and "fixture" not in repr(task)}


async def talk() -> int:
    """Send messages between two connections and return how many bytes arrived."""
    async with RTCPeerConnection(hosts=["127.0.0.1"]) as left, RTCPeerConnection(hosts=["127.0.0.1"]) as right:
        channel, other = await connected(left, right)
        for _ in range(40):
            channel.send(bytes(50_000))
            await channel.drain()
        channel.close()
        return sum([len(message) async for message in other])


def test_an_event_loop_without_readers_will_do() -> None:
    with asyncio.Runner(loop_factory=WithoutReaders, debug=True) as runner:
        assert runner.run(talk()) == 2_000_000


def test_one_event_loop_after_the_other() -> None:
    assert [asyncio.run(talk()) for _ in range(2)] == [2_000_000, 2_000_000]


def test_a_connection_that_is_dropped_without_close_says_so() -> None:
    async def drop() -> None:
        pc = RTCPeerConnection(hosts=["127.0.0.1"])
        pc.createDataChannel("x")
        await pc.setLocalDescription()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asyncio.run(drop())
        gc.collect()

    assert "unclosed <rtc_asyncio.peer_connection.RTCPeerConnection" in str(caught[0].message)
    assert {warning.category for warning in caught} == {ResourceWarning}


async def test_a_connection_that_was_closed_is_freed() -> None:
    left, right = RTCPeerConnection(hosts=["127.0.0.1"]), RTCPeerConnection(hosts=["127.0.0.1"])
    await connected(left, right)
    await left.close()
    await right.close()
    references = [weakref.ref(left), weakref.ref(right)]
    del left, right
    async with asyncio.timeout(30):
        while any(reference() for reference in references):
            await asyncio.sleep(0.001)
            gc.collect()


async def test_what_a_closed_connection_consisted_of_is_gone_without_a_search_for_circles() -> None:
    kinds = (RTCPeerConnection, rtc_ice.IceAgent, rtc_dtls.DtlsConnection, rtc_sctp.Association)

    def alive() -> int:
        return sum([type(each) in kinds for each in gc.get_objects()])

    gc.collect()
    before = alive()
    gc.disable()
    try:
        left, right = RTCPeerConnection(hosts=["127.0.0.1"]), RTCPeerConnection(hosts=["127.0.0.1"])
        trickle(left, right)  # with listeners that refer to both
        trickle(right, left)
        await connected(left, right)
        assert alive() >= before + 2 * len(kinds)
        await left.close()
        await right.close()
        del left, right
        async with asyncio.timeout(30):
            while alive() > before:
                await asyncio.sleep(0.01)
    finally:
        gc.enable()


async def test_a_cancelled_wait_leaves_nothing_behind(pair: Pair) -> None:
    channel = pair[0].createDataChannel("x")
    for waiting in (channel.wait_for("open"), pair[0].wait_for("connected"), anext(aiter(channel))):
        task = asyncio.ensure_future(waiting)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert others() == set()


async def test_a_cancelled_description_has_taken_effect(pair: Pair) -> None:
    async with RTCPeerConnection({"iceServers": [{"urls": "stun:192.0.2.1"}]}, hosts=["127.0.0.1"]) as left:
        left.createDataChannel("x")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await left.setLocalDescription()
        assert left.signalingState == "have-local-offer"

    assert others() == set()


async def test_closing_while_a_name_is_resolved_leaves_nothing_behind() -> None:
    pc = RTCPeerConnection({"iceServers": [{"urls": "stun:nothing.invalid"}]}, hosts=["127.0.0.1"])
    pc.createDataChannel("x")
    setting = asyncio.ensure_future(pc.setLocalDescription())
    await asyncio.sleep(0)
    await pc.close()
    await asyncio.gather(setting, return_exceptions=True)
    await asyncio.sleep(0)

    assert others() == set()


async def test_who_does_not_trickle_finds_that_gathering_is_over() -> None:
    async with RTCPeerConnection(hosts=["127.0.0.1"]) as pc:
        pc.createDataChannel("x")
        await pc.setLocalDescription()

        assert pc.iceGatheringState == "complete"
        assert pc.localDescription is not None
        assert "a=end-of-candidates" in pc.localDescription.sdp


async def test_a_name_that_cannot_be_one_holds_nothing_up() -> None:
    server = f"stun:{'a' * 70}.example"
    async with RTCPeerConnection({"iceServers": [{"urls": server}]}, hosts=["127.0.0.1"]) as pc:
        pc.createDataChannel("x")
        async with asyncio.timeout(4):
            await pc.setLocalDescription()

        assert pc.iceGatheringState == "complete"


async def test_draining_a_channel_that_is_not_open_yet_does_not_wait(pair: Pair) -> None:
    async with asyncio.timeout(1):
        await pair[0].createDataChannel("x").drain()


async def test_closing_a_channel_that_never_opens_ends_the_wait_for_it(pair: Pair) -> None:
    channel = pair[0].createDataChannel("x")
    waiting = asyncio.ensure_future(channel.wait_for("open"))
    await asyncio.sleep(0)
    channel.close()

    async with asyncio.timeout(1):
        with pytest.raises(NetworkError):
            await waiting


async def test_another_thread_is_refused(pair: Pair) -> None:
    channel, other = await connected(*pair)
    problems: list[str] = []

    def misuse() -> None:
        for command in (lambda: channel.send("x"), channel.close, lambda: pair[0].createDataChannel("y")):
            try:
                command()
            except RuntimeError as error:
                problems.append(str(error))

    thread = threading.Thread(target=misuse)
    thread.start()
    await asyncio.to_thread(thread.join)

    assert len(problems) == 3
    assert all("call_soon_threadsafe" in problem for problem in problems)
    assert channel.readyState == "open"
    assert channel.bufferedAmount == 0
    asyncio.get_running_loop().call_soon_threadsafe(channel.send, "in the right way")
    async with asyncio.timeout(30):
        assert await anext(aiter(other)) == "in the right way"


async def test_exceptions_of_handlers_reach_the_exception_handler_of_the_loop(pair: Pair) -> None:
    reports: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: reports.append(str(context["exception"])))

    @pair[1].on("datachannel")
    async def _(channel: object) -> None:
        raise ValueError("async")

    @pair[0].on("connectionstatechange")
    def _() -> None:
        raise ValueError("plain")

    await connected(*pair)

    assert set(reports) == {"async", "plain"}
