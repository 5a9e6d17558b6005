"""`RTCDataChannel` on real sockets: messages, back-pressure, closing, and what asyncio adds."""

import asyncio

import pytest

from rtc_asyncio import InvalidStateError, NetworkError, OperationError, RTCPeerConnection
from rtc_asyncio.data_channel import DRAIN_LOW
from rtc_asyncio.udp import UdpSocket

from .party import connected, incoming, negotiate

Pair = tuple[RTCPeerConnection, RTCPeerConnection]


async def test_text_stays_text_and_bytes_stay_bytes(pair: Pair) -> None:
    channel, other = await connected(*pair)
    for message in ("text", "", "größer ☺", b"bytes", b"", bytearray(b"array"), memoryview(b"view")):
        channel.send(message)
    received = []
    async with asyncio.timeout(30):
        async for message in other:
            received.append(message)
            if len(received) == 7:
                break

    assert received == ["text", "", "größer ☺", b"bytes", b"", b"array", b"view"]


async def test_other_types_are_refused(pair: Pair) -> None:
    channel, _ = await connected(*pair)

    with pytest.raises(TypeError):
        channel.send(42)  # type: ignore[arg-type]


async def test_a_message_beyond_the_limit_is_refused(pair: Pair) -> None:
    channel, _ = await connected(*pair)
    assert pair[0].sctp is not None
    limit = pair[0].sctp.maxMessageSize
    assert limit is not None

    with pytest.raises(TypeError):
        channel.send(bytes(int(limit) + 1))


async def test_sending_before_open_is_refused(pair: Pair) -> None:
    channel = pair[0].createDataChannel("x")

    with pytest.raises(InvalidStateError):
        channel.send("early")


async def test_messages_wait_for_the_first_listener(pair: Pair) -> None:
    channel, other = await connected(*pair)
    for number in range(5):
        channel.send(str(number))
    await asyncio.sleep(0.05)
    received: list[str | bytes] = []
    other.on("message")(received.append)
    channel.send("last")
    async with asyncio.timeout(30):
        while len(received) < 6:
            await asyncio.sleep(0.005)

    assert received == ["0", "1", "2", "3", "4", "last"]


async def test_an_event_has_the_data(pair: Pair) -> None:
    channel, other = await connected(*pair)
    events: list[object] = []
    other.onmessage = events.append
    channel.send("x")
    async with asyncio.timeout(30):
        while not events:
            await asyncio.sleep(0.005)

    assert events[0].data == "x"  # type: ignore[attr-defined]
    assert events[0].target is other  # type: ignore[attr-defined]


async def test_a_handler_of_datachannel_may_send_at_once(pair: Pair) -> None:
    left, right = pair
    right.on("datachannel")(lambda channel: channel.send("welcome"))
    channel = left.createDataChannel("x")
    await negotiate(left, right)

    async with asyncio.timeout(30):
        assert await anext(aiter(channel)) == "welcome"


async def test_bulk_with_drain_stays_within_bounds(pair: Pair) -> None:
    channel, other = await connected(*pair)
    total, most, received = 20_000_000, 0, 0
    done = asyncio.Event()

    @other.on("message")
    def _(message: str | bytes) -> None:
        nonlocal received
        received += len(message)
        if received == total:
            done.set()

    for _number in range(total // 50_000):
        channel.send(bytes(50_000))
        most = max(most, channel.bufferedAmount)
        await channel.drain()
    async with asyncio.timeout(30):
        await done.wait()

    assert most <= 1024 * 1024 + 50_000
    assert channel.bufferedAmount == 0


async def test_without_drain_the_buffer_ends_in_an_error(pair: Pair) -> None:
    channel, _ = await connected(*pair)

    with pytest.raises(OperationError):
        for _ in range(1000):
            channel.send(bytes(200_000))


async def test_bufferedamountlow_fires_at_the_threshold(pair: Pair) -> None:
    channel, _ = await connected(*pair)
    amounts: list[int] = []
    channel.bufferedAmountLowThreshold = 100_000
    channel.on("bufferedamountlow")(lambda: amounts.append(channel.bufferedAmount))
    for _ in range(40):
        channel.send(bytes(50_000))
    assert channel.bufferedAmount == 2_000_000  # nothing leaves before the loop gets its turn
    async with asyncio.timeout(30):
        while not amounts:
            await asyncio.sleep(0.005)

    assert amounts[0] <= 100_000


async def test_a_reader_that_is_slow_slows_the_sender_down(pair: Pair) -> None:
    """Nobody reads: the window closes, and memory on both sides stays bounded."""
    channel, other = await connected(*pair)
    sent = 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            while sent < 200_000_000:
                channel.send(bytes(100_000))
                sent += 100_000
                await channel.drain()

    assert sent < 40_000_000
    received = 0
    async with asyncio.timeout(30):
        async for message in other:
            received += len(message)
            if received == sent:
                break


async def test_closing_ends_iterators_on_both_sides(pair: Pair) -> None:
    channel, other = await connected(*pair)
    channel.send("one")
    channel.close()
    async with asyncio.timeout(30):
        received = [message async for message in other]
        assert [message async for message in channel] == []

    assert received == ["one"]
    assert (channel.readyState, other.readyState) == ("closed", "closed")


async def test_the_other_side_hears_closing_then_close(pair: Pair) -> None:
    channel, other = await connected(*pair)
    heard: list[str] = []
    other.on("closing")(lambda: heard.append("closing"))
    other.on("close")(lambda: heard.append("close"))
    channel.close()
    channel.close()
    async with asyncio.timeout(30):
        await other.wait_for("closed")
        await channel.wait_for("closed")

    assert heard == ["closing", "close"]


async def test_stream_ids_are_used_again(pair: Pair) -> None:
    await connected(*pair)
    arrived = incoming(pair[1])
    ids = set()
    for _ in range(5):
        channel = pair[0].createDataChannel("again")
        async with asyncio.timeout(30):
            await channel.wait_for("open")
            ids.add(channel.id)
            other = await arrived.get()
            channel.close()
            await channel.wait_for("closed")
            await other.wait_for("closed")

    assert len(ids) == 1


async def test_waiting_for_open_on_a_connection_that_closes_fails(pair: Pair) -> None:
    channel = pair[0].createDataChannel("x")
    waiting = asyncio.ensure_future(channel.wait_for("open"))
    await asyncio.sleep(0)
    await pair[0].close()

    with pytest.raises(NetworkError):
        await waiting


@pytest.mark.parametrize("is_raised_first", [True, False])
async def test_drain_goes_on_where_the_threshold_is_above_what_is_buffered(pair: Pair, is_raised_first: bool) -> None:
    channel, _ = await connected(*pair)
    for _ in range(60):
        channel.send(bytes(60_000))
    if is_raised_first:
        channel.bufferedAmountLowThreshold = 8 << 20
    waiting = asyncio.ensure_future(channel.drain())
    await asyncio.sleep(0)
    channel.bufferedAmountLowThreshold = 8 << 20
    await asyncio.sleep(0)

    assert waiting.done()
    assert channel.bufferedAmount > DRAIN_LOW


async def test_bufferedamountlow_fires_though_somebody_waited_for_room_before(pair: Pair) -> None:
    channel, other = await connected(*pair)
    other.on("message")(lambda message: None)
    fired: list[int] = []
    channel.on("bufferedamountlow")(lambda: fired.append(channel.bufferedAmount))
    for _ in range(40):
        channel.send(bytes(60_000))
    await channel.drain()
    async with asyncio.timeout(30):
        while not fired:
            await asyncio.sleep(0.005)

    assert fired == [0]


async def test_bufferedamountlow_does_not_fire_where_a_handler_before_it_has_sent_more(pair: Pair) -> None:
    channel, _ = await connected(*pair)
    second = pair[0].createDataChannel("second")
    await second.wait_for("open")
    fired: list[int] = []
    channel.bufferedAmountLowThreshold = second.bufferedAmountLowThreshold = 300_000
    second.on("bufferedamountlow")(lambda: fired.append(second.bufferedAmount))

    def refill() -> None:
        if len(refills) < 2:
            refills.append(second.bufferedAmount)
            for _ in range(5):
                second.send(bytes(60_000))

    refills: list[int] = []
    channel.on("bufferedamountlow")(refill)
    for _ in range(10):
        channel.send(bytes(60_000))
        second.send(bytes(60_000))
    async with asyncio.timeout(30):
        while not fired or second.bufferedAmount:
            await asyncio.sleep(0.005)

    assert refills
    assert max(fired) <= 300_000


async def test_who_gives_up_waiting_for_room_leaves_the_threshold_as_it_was(pair: Pair) -> None:
    channel, _ = await connected(*pair)
    channel.bufferedAmountLowThreshold = 1000
    for _ in range(20):
        channel.send(bytes(100_000))
    waiting = asyncio.ensure_future(channel.drain())
    await asyncio.sleep(0)
    meanwhile = channel._channel.buffered_amount_low_threshold
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert (meanwhile, channel._channel.buffered_amount_low_threshold) == (DRAIN_LOW, 1000)


async def test_drain_fails_when_the_channel_closes(pair: Pair) -> None:
    channel, _ = await connected(*pair)
    for _ in range(50):
        channel.send(bytes(100_000))
    waiting = asyncio.ensure_future(channel.drain())
    await asyncio.sleep(0)
    await pair[0].close()

    with pytest.raises(NetworkError):
        await waiting


@pytest.mark.parametrize(
    "init",
    [
        {"negotiated": True},
        {"maxRetransmits": 1, "maxPacketLifeTime": 1},
        {"maxRetransmits": 65_536},
        {"negotiated": True, "id": 65_535},
        {"protocol": "x" * 65_536},
    ],
)
async def test_contradictory_properties_are_refused(pair: Pair, init: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        pair[0].createDataChannel("x", init)


async def test_a_taken_stream_is_an_operation_error(pair: Pair) -> None:
    pair[0].createDataChannel("x", negotiated=True, id=3)

    with pytest.raises(OperationError):
        pair[0].createDataChannel("y", negotiated=True, id=3)


@pytest.mark.spec("rfc8835:4.2/1", "rfc8835:4.2/3")
@pytest.mark.parametrize(("priority", "codes"), [("very-low", {1}), ("low", set()), ("medium", {10}), ("high", {18})])
async def test_a_channel_has_the_importance_that_was_asked_for(
    priority: str, codes: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    marks: set[int] = set()
    mark = UdpSocket._mark

    def spy(udp: UdpSocket, dscp: int) -> None:
        marks.add(dscp)
        mark(udp, dscp)

    monkeypatch.setattr(UdpSocket, "_mark", spy)
    async with RTCPeerConnection() as left, RTCPeerConnection() as right:
        ours, theirs = await connected(left, right, {"priority": priority})
        ours.send("x")
        async for message in theirs:
            assert message == "x"
            break

        assert ours.priority == theirs.priority == priority
    assert marks - {0} == codes
