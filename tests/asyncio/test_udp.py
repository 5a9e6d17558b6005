"""The UDP socket on real sockets: batches, offload, back-pressure."""

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable

import pytest

from rtc_asyncio.interfaces import local_hosts
from rtc_asyncio.udp import MAX_WAITING, Batch, UdpSocket, _cuts_segments
from rtc_stun import Address, Datagram, MarkedAddress

LOCAL = Address("127.0.0.1", 0)


class Pair:
    """Two sockets and what the second one received."""

    def __init__(self) -> None:
        self.received: list[Datagram] = []
        self.batches: list[int] = []
        self.arrivals: list[float] = []
        self.left = UdpSocket(LOCAL, lambda batches: None)
        self.right = UdpSocket(LOCAL, self._receive)

    def _receive(self, batches: list[Batch]) -> None:
        for arrived_at, datagrams in batches:
            self.received += datagrams
            self.arrivals += [arrived_at] * len(datagrams)
        self.batches.append(sum(len(datagrams) for _, datagrams in batches))

    def send(self, *payloads: bytes) -> None:
        self.left.send([Datagram(data, self.left.local, self.right.local) for data in payloads])

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.received) < count:
                await asyncio.sleep(0.001)


def _into(received: list[Datagram]) -> Callable[[list[Batch]], None]:
    return lambda batches: received.extend(datagram for _, datagrams in batches for datagram in datagrams)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    pair = Pair()
    yield pair
    pair.left.close()
    pair.right.close()


async def test_a_datagram_arrives_with_both_addresses(pair: Pair) -> None:
    pair.send(b"hello")
    await pair.wait(1)

    assert pair.received == [Datagram(b"hello", pair.right.local, pair.left.local)]


async def test_runs_of_every_shape_keep_their_borders(pair: Pair) -> None:
    # A short datagram in the middle is what segmentation offload gets wrong if runs are cut carelessly.
    sizes = [1200, 1200, 700, 1200, 1200, 1200, 1, 1300, 1200, 0, 5, 5, 5, 4, 4, 5, *[1200] * 200, 3]
    payloads = [bytes([index % 251]) * size for index, size in enumerate(sizes)]

    for start in range(0, len(payloads), 50):
        pair.send(*payloads[start : start + 50])
        await pair.wait(min(start + 50, len(payloads)))

    assert [datagram.data for datagram in pair.received] == payloads


async def test_a_batch_takes_few_system_calls(pair: Pair) -> None:
    pair.send(*[bytes(1200)] * 100)
    await pair.wait(100)

    assert pair.left.stats.send_calls <= 4


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels are not asked when datagrams arrived")
async def test_datagrams_that_a_busy_event_loop_finds_at_once_have_the_times_they_arrived_at(pair: Pair) -> None:
    begun = asyncio.get_running_loop().time()
    for _ in range(3):
        pair.send(b"x")
        time.sleep(0.02)  # noqa: ASYNC251 - the event loop is to be busy
    await pair.wait(3)
    first, second, third = pair.arrivals

    assert pair.batches == [3]
    assert begun - 0.005 <= first
    assert second - first > 0.015
    assert third - second > 0.015
    assert third < asyncio.get_running_loop().time() - 0.015


async def test_a_clock_of_the_day_that_jumps_moves_arrivals_by_a_second_at_most(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    for count, jump in enumerate((3600.0, -3600.0), 1):
        monkeypatch.setattr(time, "time", lambda jump=jump: real() + jump)
        pair.send(b"x")
        await pair.wait(count)
    now = asyncio.get_running_loop().time()

    assert all(now - 1.5 < arrived_at <= now for arrived_at in pair.arrivals)


async def test_without_arrivals_from_the_kernel_they_are_when_we_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtc_asyncio.udp._tells_arrivals", lambda udp: False)
    begun = asyncio.get_running_loop().time()
    pair = Pair()
    pair.send(b"one", b"two")
    await pair.wait(2)
    pair.left.close()
    pair.right.close()

    assert [datagram.data for datagram in pair.received] == [b"one", b"two"]
    assert begun <= pair.arrivals[0] == pair.arrivals[1] <= asyncio.get_running_loop().time()


async def test_without_segmentation_everything_still_arrives(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: UdpSocket, datagrams: list[Datagram], start: int, end: int) -> None:
        if end - start > 1:
            raise OSError(5, "no offload here")
        original(self, datagrams, start, end)

    original = UdpSocket._send_run
    monkeypatch.setattr(UdpSocket, "_send_run", refuse)
    pair.send(*[bytes(1200)] * 60)
    await pair.wait(60)

    assert len(pair.received) == 60


async def test_receive_offload_follows_what_the_sender_does(pair: Pair) -> None:
    for _ in range(20):
        pair.send(*[bytes(1000)] * 60)
        await asyncio.sleep(0.002)
    await pair.wait(1200)

    assert {len(datagram.data) for datagram in pair.received} == {1000}


async def test_a_full_socket_makes_datagrams_wait_and_then_loses_them_countably(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = True

    def blocked(self: UdpSocket, datagrams: list[Datagram], start: int, end: int) -> None:
        if full:
            raise BlockingIOError
        original(self, datagrams, start, end)

    original = UdpSocket._send_run
    monkeypatch.setattr(UdpSocket, "_send_run", blocked)
    pair.send(*[b"x"] * (MAX_WAITING + 7))

    assert pair.left.stats.datagrams_lost == 7

    full = False
    await pair.wait(100)


async def test_an_address_in_use_is_an_error_and_leaves_nothing_open() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))

        with pytest.raises(OSError, match="in use"):
            UdpSocket(Address(*taken.getsockname()), lambda batches: None)


async def test_ipv6(pair: Pair) -> None:
    received: list[Datagram] = []
    left = UdpSocket(Address("::1", 0), _into(received))
    right = UdpSocket(Address("::1", 0), lambda batches: None)
    right.send([Datagram(b"six", right.local, left.local)])
    async with asyncio.timeout(30):
        while not received:
            await asyncio.sleep(0.001)
    left.close()
    right.close()

    assert received[0].remote == right.local


def test_a_kernel_that_does_not_know_segmentation_is_not_asked_for_it() -> None:
    class Old:
        def getsockopt(self, level: int, option: int) -> int:
            raise OSError(92, "protocol not available")

    assert not _cuts_segments(Old())  # type: ignore[arg-type]  # all that is asked of a socket


async def test_without_writers_datagrams_that_wait_are_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()

    def absent(*arguments: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(loop, "add_reader", absent)
    monkeypatch.setattr(loop, "add_writer", absent)
    pair = Pair()
    full = True

    def blocked(self: UdpSocket, datagrams: list[Datagram], start: int, end: int) -> None:
        if full:
            raise BlockingIOError
        original(self, datagrams, start, end)

    original = UdpSocket._send_run
    monkeypatch.setattr(UdpSocket, "_send_run", blocked)
    pair.send(b"one", b"two")
    await asyncio.sleep(0.01)
    assert pair.received == []

    full = False
    await pair.wait(2)
    pair.left.close()
    pair.right.close()
    await asyncio.sleep(0)

    assert [datagram.data for datagram in pair.received] == [b"one", b"two"]


async def test_an_unreachable_destination_loses_its_datagrams_alone(pair: Pair) -> None:
    unreachable = Address("203.0.113.1", 9)  # from a socket that is bound to loopback
    pair.left.send(
        [Datagram(b"lost", pair.left.local, unreachable)] * 3 + [Datagram(b"x", pair.left.local, pair.right.local)]
    )
    await pair.wait(1)

    assert pair.left.stats.datagrams_lost == 3
    assert [datagram.data for datagram in pair.received] == [b"x"]


async def test_a_port_that_nobody_listens_on_does_not_disturb_the_others(pair: Pair) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:
        gone.bind(("127.0.0.1", 0))
        closed = Address(*gone.getsockname())
    for _ in range(5):
        pair.left.send([Datagram(b"lost", pair.left.local, closed)])
        await asyncio.sleep(0.001)  # the ICMP error comes back meanwhile
    pair.send(b"x")
    await pair.wait(1)

    assert [datagram.data for datagram in pair.received] == [b"x"]


async def test_link_local_addresses_keep_their_zone() -> None:
    host = next((host for host in local_hosts() if host.startswith("fe80:")), None)
    if host is None:
        pytest.skip("no link-local address here")
    received: list[Datagram] = []
    left, right = UdpSocket(Address(host, 0), lambda batches: None), UdpSocket(Address(host, 0), _into(received))
    left.send([Datagram(b"near", left.local, right.local)])
    left.send([Datagram(b"near", left.local, Address(right.local.host.partition("%")[0], right.local.port))])
    async with asyncio.timeout(30):
        while len(received) < 2:
            await asyncio.sleep(0.001)
    left.close()
    right.close()

    assert {datagram.remote for datagram in received} == {left.local}


# --- code points ---


class Hearer:
    """A plain socket that is told the code point of each datagram."""

    def __init__(self, host: str) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.settimeout(5)
        if family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        else:
            self._socket.setsockopt(socket.IPPROTO_IP, 13, 1)  # IP_RECVTOS
        self.address = Address(host, self._socket.getsockname()[1])

    def hear(self) -> tuple[bytes, int]:
        data, ancillary, _, _ = self._socket.recvmsg(2048, 128)
        ((_, _, octet),) = ancillary
        return data, octet[0] >> 2

    def close(self) -> None:
        self._socket.close()


@pytest.mark.skipif(sys.platform != "linux", reason="how a socket is told of it differs")
@pytest.mark.spec("rfc8835:4.2/1")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_datagrams_leave_with_the_code_point_of_their_address(host: str) -> None:
    udp, hearer = UdpSocket(Address(host, 0), lambda batches: None), Hearer(host)
    expected = []
    for dscp in (0, 46, 46, 34, 1, 0):
        local = MarkedAddress(*udp.local, dscp) if dscp else udp.local
        payloads = [bytes([dscp]) * size for size in (1200, 1200, 300)]
        udp.send([Datagram(data, local, hearer.address) for data in payloads])
        expected += [(data, dscp) for data in payloads]

    heard = [hearer.hear() for _ in expected]

    udp.close()
    hearer.close()
    assert heard == expected


@pytest.mark.skipif(sys.platform != "linux", reason="how a socket is told of it differs")
async def test_datagrams_that_waited_for_room_keep_their_code_points(monkeypatch: pytest.MonkeyPatch) -> None:
    udp, hearer = UdpSocket(LOCAL, lambda batches: None), Hearer("127.0.0.1")
    marks = (0, 46, 10, 46)
    with monkeypatch.context() as patch:
        patch.setattr(udp, "_send_run", _no_room)
        for dscp in marks:
            udp.send([Datagram(bytes([dscp]), MarkedAddress(*udp.local, dscp), hearer.address)] * 2)
    await asyncio.sleep(0.01)

    heard = [hearer.hear() for _ in range(2 * len(marks))]

    udp.close()
    hearer.close()
    assert heard == [(bytes([dscp]), dscp) for dscp in marks for _ in range(2)]


def _no_room(*_: object) -> None:
    raise BlockingIOError


async def test_where_a_system_takes_no_code_point_datagrams_leave_without(pair: Pair) -> None:
    pair.left._mark_option = (socket.IPPROTO_IP, 9999)

    pair.left.send([Datagram(b"x", MarkedAddress(*pair.left.local, 46), pair.right.local)])
    await pair.wait(1)

    assert pair.received[0].data == b"x"


async def test_the_next_socket_after_an_abandoned_one_hears(pair: Pair) -> None:
    """It gets the number of the descriptor, which the event loop must not take for the former socket."""
    pair.right.abandon()
    pair.right = UdpSocket(LOCAL, pair._receive)
    pair.send(b"hello")

    await pair.wait(1)


def test_a_socket_is_abandoned_when_the_event_loop_is_gone() -> None:
    async def left_open() -> UdpSocket:
        return UdpSocket(LOCAL, lambda batches: None)

    udp = asyncio.run(left_open())
    udp.abandon()

    assert udp._socket.fileno() < 0
