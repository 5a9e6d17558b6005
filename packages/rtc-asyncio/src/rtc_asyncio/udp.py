"""A UDP socket that moves datagrams in batches.

The kernel's segmentation offload carries up to 64 equal datagrams through one system call (`UDP_SEGMENT` on the way out, `UDP_GRO`
on the way in). Both are probed, never assumed: what the kernel or the interface refuses is done one by one from then on.

The kernel also tells when each of them arrived (`SO_TIMESTAMPNS`): an event loop that was busy for a moment finds many at once, and
whoever measures the path by their distances must not take that for a burst.
"""

import asyncio
import contextlib
import errno
import socket
import struct
import sys
import time
from collections.abc import Callable
from itertools import groupby
from typing import Final, TypeAlias

from rtc_stun import Address, Datagram

from .dataclass import dataclass
from .fragmentation import may_cut
from .icmp import IcmpError, icmp_errors, report_icmp

SOL_SOCKET: Final = socket.SOL_SOCKET
SOL_UDP: Final = 17
UDP_SEGMENT: Final = 103
UDP_GRO: Final = 104
SO_TIMESTAMPNS: Final = 35
IPV6_TCLASS: Final = getattr(socket, "IPV6_TCLASS", 67)
"""Python does not name it on every system."""
MAX_SEGMENTS: Final = 64
"""Older kernels cut no more than this from one buffer."""
MAX_SEGMENTED_LENGTH: Final = 65_000
"""Bytes in one segmented send, below the 65,507 of an IPv4 datagram."""
MAX_BATCH: Final = 64
"""Reads before the event loop gets its turn."""
MAX_DATAGRAM_LENGTH: Final = 9216
"""Bytes read at once without offload: a jumbo frame."""
GRO_LENGTH: Final = 65_535
ANCILLARY_LENGTH: Final = 128
"""Bytes of what the kernel tells beside the data: segment size and time."""
BATCH_DURATION: Final = 0.0005
"""Seconds within which what arrives counts as one batch."""
MAX_LATENESS: Final = 1.0
"""Seconds that a datagram can have waited for us; if it seems longer, somebody set the clock of the day."""
RECEIVE_BUFFER_LENGTH: Final = 4 * 1024 * 1024
"""Bytes asked of the kernel; its default holds 92 datagrams and loses the rest of a burst."""
MAX_WAITING: Final = 4096
"""Datagrams that may wait for a full socket; more are lost, as on any network."""
GRO_WINDOW: Final = 64
"""Reads after which the worth of receive offload is judged anew."""
GRO_PATIENCE: Final = 16
"""Windows without gain after which receive offload is given up."""
MAX_GRO_PAUSE: Final = 1 << 20
"""Windows until it is tried again, at most."""
FULL_PAUSE: Final = 0.001
"""Seconds until a full socket is tried again, on an event loop that cannot tell when there is room."""

_NATIVE_INT: Final = struct.Struct("=i")
_SEGMENT_SIZE: Final = struct.Struct("=H")
_TIMESPEC: Final = struct.Struct("@ll")

Batch: TypeAlias = tuple[float, list[Datagram]]
"""When datagrams arrived, in seconds of the event loop's clock, and they."""


@dataclass(slots=True)
class UdpStats:
    """What a socket did."""

    datagrams_sent: int = 0
    datagrams_received: int = 0
    send_calls: int = 0
    receive_calls: int = 0
    datagrams_lost: int = 0
    """Datagrams that the kernel refused or for which there was no room."""
    receive_buffer_length: int = 0
    """Bytes the kernel granted."""


class UdpSocket:
    """One bound, non-blocking UDP socket on an event loop.

    On an event loop that has no `add_reader`, as asyncio's on Windows, a task reads datagram by datagram: slower, but it works.

    Args:
        local: Address to bind; port 0 lets the system choose.
        on_batches: Called from the event loop with everything that has arrived.
        host: What datagrams call our host, where a NAT in front of it gives it another address; None for its own.
        on_icmp: Called from the event loop with each ICMP error, where the system tells them; None to ignore them.
        stamped: Whether to ask the kernel for the times of arrival, which cost a little.
        relays: Whether what is sent comes from others, who did not ask to keep it whole: routers may cut it, but for what
            `send_whole` sends. The kernel's own way is to have each path tell how long datagrams may be, by losing one.

    Raises:
        OSError: The address cannot be bound.
    """

    def __init__(
        self,
        local: Address,
        on_batches: Callable[[list[Batch]], None],
        *,
        host: str | None = None,
        on_icmp: Callable[[IcmpError], None] | None = None,
        stamped: bool = True,
        relays: bool = False,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in local.host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)  # noqa: FBT003 - the only form it has
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_LENGTH)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, RECEIVE_BUFFER_LENGTH)
            if family == socket.AF_INET6:
                self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if relays:
                may_cut(self._socket, allowed=True)
            self._socket.bind(socket_address(local))
        except OSError:
            self._socket.close()
            raise
        self.local = Address(host or local.host, self._socket.getsockname()[1])
        self.stats = UdpStats(receive_buffer_length=self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
        self._on_batches = on_batches
        self._waiting: list[Datagram] = []
        self._remotes: dict[object, Address] = {}
        self._dscp = 0
        self._mark_option = (
            (socket.IPPROTO_IPV6, IPV6_TCLASS) if family == socket.AF_INET6 else (socket.IPPROTO_IP, socket.IP_TOS)
        )
        self._segmentation = _cuts_segments(self._socket)
        self._is_stamped = stamped and _tells_arrivals(self._socket)
        self._on_icmp = on_icmp if on_icmp is not None and report_icmp(self._socket) else None
        self._gro = False
        self._gro_pause = 1 if self._segmentation else MAX_GRO_PAUSE
        self._windows = 0
        self._window_reads = 0
        self._window_datagrams = 0
        self._reader: asyncio.Task[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        try:
            self._loop.add_reader(self._socket, self._readable)
        except NotImplementedError:
            self._reader = self._loop.create_task(self._read())

    def send(self, datagrams: list[Datagram]) -> None:
        """Send in order; what the kernel has no room for waits, bounded, until the socket is writable.

        Args:
            datagrams: Of one code point all of them, see `rtc_stun.Address.dscp`.
        """
        if self._waiting:
            self._wait_for_room(datagrams)
            return
        if datagrams and (dscp := datagrams[0].local.dscp) != self._dscp:
            self._mark(dscp)
        position = 0
        count = len(datagrams)
        while position < count:
            end = position + 1
            if end < count and self._segmentation:
                end = self._run_end(datagrams, position)
            try:
                self._send_run(datagrams, position, end)
            except (BlockingIOError, InterruptedError):
                self._wait_for_room(datagrams[position:])
                return
            except OSError as error:
                if self._on_icmp is not None and self._tell_icmp(datagrams[position]):
                    continue  # It was about an earlier one; this one has not been tried yet.
                if end - position > 1 and error.errno in {errno.EIO, errno.EINVAL, errno.EOPNOTSUPP, errno.EMSGSIZE}:
                    self._segmentation = False
                    continue
                self.stats.datagrams_lost += end - position
            position = end

    def send_whole(self, datagrams: list[Datagram]) -> None:
        """Send what nobody is to cut, from a socket that relays. What is too long, or finds no room, is lost.

        If the kernel knows that one is too long for its path, that is told as if a router had said so.
        """
        may_cut(self._socket, allowed=False)
        for position in range(len(datagrams)):
            try:
                self._send_run(datagrams, position, position + 1)
            except OSError:
                if self._on_icmp is not None and self._tell_icmp(datagrams[position]):
                    with contextlib.suppress(OSError):
                        self._send_run(datagrams, position, position + 1)  # As above.
                        continue
                self.stats.datagrams_lost += 1
        may_cut(self._socket, allowed=True)

    def close(self) -> None:
        """Close at once; waiting datagrams are tried one last time."""
        if self._socket.fileno() < 0:
            return
        if self._reader is not None:
            self._reader.cancel()
        else:
            self._loop.remove_reader(self._socket)
        if self._waiting:
            self._stop_waiting()
            waiting, self._waiting = self._waiting, []
            for datagram in waiting:
                self._mark(datagram.local.dscp)
                try:
                    self._socket.sendto(datagram.data, socket_address(datagram.remote))
                except OSError:
                    self.stats.datagrams_lost += 1
        self._socket.close()

    def abandon(self) -> None:
        """Close the socket alone, where the event loop may be gone."""
        if self._reader is None and not self._loop.is_closed():
            # The next socket has the same number: without this, the event loop would believe that it waits for that already.
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        self._socket.close()

    # --- sending ---

    def _mark(self, dscp: int) -> None:
        """Let what is sent from now on have a code point; where the system does not let us, it has none."""
        self._dscp = dscp
        with contextlib.suppress(OSError):
            # [rfc8835:4.2/1]
            self._socket.setsockopt(*self._mark_option, dscp << 2)

    @staticmethod
    def _run_end(datagrams: list[Datagram], start: int) -> int:
        """Where the run of datagrams ends that one segmented send can carry: one remote, equal lengths, only the last shorter."""
        first = datagrams[start]
        remote = first.remote
        size = len(first.data)
        total = size
        end = start + 1
        limit = min(len(datagrams), start + MAX_SEGMENTS)
        while end < limit:
            candidate = datagrams[end]
            length = len(candidate.data)
            total += length
            if length > size or total > MAX_SEGMENTED_LENGTH or candidate.remote != remote:
                return end
            end += 1
            if length < size:
                return end
        return end

    def _send_run(self, datagrams: list[Datagram], start: int, end: int) -> None:
        first = datagrams[start]
        if end - start == 1:
            self._socket.sendto(first.data, socket_address(first.remote))
        else:
            self._socket.sendmsg(
                [datagram.data for datagram in datagrams[start:end]],
                [(SOL_UDP, UDP_SEGMENT, _SEGMENT_SIZE.pack(len(first.data)))],
                0,
                socket_address(first.remote),
            )
        self.stats.send_calls += 1
        self.stats.datagrams_sent += end - start

    def _wait_for_room(self, datagrams: list[Datagram]) -> None:
        if not self._waiting:
            if self._reader is None:
                self._loop.add_writer(self._socket, self._writable)
            else:
                self._retry = self._loop.call_later(FULL_PAUSE, self._writable)
        room = MAX_WAITING - len(self._waiting)
        self._waiting.extend(datagrams[:room])
        self.stats.datagrams_lost += max(0, len(datagrams) - room)

    def _writable(self) -> None:
        self._stop_waiting()
        waiting, self._waiting = self._waiting, []
        for _, together in groupby(waiting, lambda datagram: datagram.local.dscp):
            self.send(list(together))

    def _stop_waiting(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        else:
            self._loop.remove_writer(self._socket)

    # --- receiving ---

    def _readable(self) -> None:
        batches: list[Batch] = []
        now = self._loop.time()
        try:
            if self._gro or self._is_stamped:
                self._receive_told(batches, now)
            else:
                self._receive_plain(batches, now)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:  # an ICMP error of an earlier send; the transaction behind it will time out
            self.stats.datagrams_lost += 1
        if self._on_icmp is not None and not (batches and batches[0][1]):
            self._tell_icmp()
        count = 0
        for _, datagrams in batches:
            count += len(datagrams)
        self.stats.datagrams_received += count
        self._window_datagrams += count
        if self._window_reads >= GRO_WINDOW:
            self._judge_offload()
        if count:
            self._on_batches(batches)

    def _tell_icmp(self, refused: Datagram | None = None) -> bool:
        """Tell the ICMP errors that wait; whether a datagram was not sent for them alone, and can be tried again."""
        errors = icmp_errors(self._socket)
        if self._on_icmp is not None:
            for error in errors:
                if refused is not None and error.is_refusal:
                    error.destination = refused.remote  # The kernel does not tell the port.
                self._on_icmp(error)
        return bool(errors) and not any(error.is_refusal for error in errors)

    def _receive_plain(self, batches: list[Batch], now: float) -> None:
        """Read what has arrived; raises when there is no more."""
        datagrams: list[Datagram] = []
        batches.append((now, datagrams))
        for _ in range(MAX_BATCH):
            data, source = self._socket.recvfrom(MAX_DATAGRAM_LENGTH)
            datagrams.append(Datagram(data, self.local, self._remote(source)))
            self._window_reads += 1

    def _receive_told(self, batches: list[Batch], now: float) -> None:
        """Read what has arrived with what the kernel tells of it, the time of day of its arrival; raises when there is no more."""
        receive, local, remotes = self._socket.recvmsg, self.local, self._remotes
        length = GRO_LENGTH if self._gro else MAX_DATAGRAM_LENGTH
        behind = time.time() - now
        datagrams: list[Datagram] = []
        ends_at = 0.0
        for _ in range(MAX_BATCH):
            data, ancillary, _, source = receive(length, ANCILLARY_LENGTH)
            self._window_reads += 1
            at, size = now, 0
            for level, kind, value in ancillary:
                if kind == SO_TIMESTAMPNS and level == SOL_SOCKET:
                    seconds, nanoseconds = _TIMESPEC.unpack(value)
                    at = seconds + nanoseconds * 1e-9 - behind
                elif kind == UDP_GRO and level == SOL_UDP:
                    (size,) = _NATIVE_INT.unpack(value[:4])
            if at > ends_at or not datagrams:
                datagrams = []
                batches.append((now - min(max(now - at, 0.0), MAX_LATENESS), datagrams))
                ends_at = at + BATCH_DURATION
            remote = remotes.get(source) or self._remote(source)
            if 0 < size < len(data):
                datagrams.extend(
                    [Datagram(data[start : start + size], local, remote) for start in range(0, len(data), size)]
                )
            else:
                datagrams.append(Datagram(data, local, remote))

    async def _read(self) -> None:
        """Read for an event loop that waits for data instead of telling when there is some."""
        while True:
            try:
                data, source = await self._loop.sock_recvfrom(self._socket, MAX_DATAGRAM_LENGTH)
            except OSError:  # as above
                self.stats.datagrams_lost += 1
                await asyncio.sleep(FULL_PAUSE)
                continue
            self.stats.receive_calls += 1
            self.stats.datagrams_received += 1
            self._on_batches([(self._loop.time(), [Datagram(data, self.local, self._remote(source))])])

    def _judge_offload(self) -> None:
        """Receive offload pays when senders batch, and costs twice as much when they do not: follow what happens.

        It is given up after a number of windows without gain, since the queue may still hold datagrams from before it
        was on, and tried again later, each time after twice as long.
        """
        self.stats.receive_calls += self._window_reads
        gained = self._window_datagrams >= 2 * self._window_reads
        self._window_reads = 0
        self._window_datagrams = 0
        self._windows = 0 if self._gro and gained else self._windows + 1
        if self._windows < (GRO_PATIENCE if self._gro else self._gro_pause):
            return
        self._windows = 0
        try:
            self._socket.setsockopt(SOL_UDP, UDP_GRO, int(not self._gro))
        except OSError:
            self._gro_pause = MAX_GRO_PAUSE
            return
        self._gro = not self._gro
        if not self._gro:
            self._gro_pause = min(self._gro_pause * 2, MAX_GRO_PAUSE)

    def _remote(self, source: object) -> Address:
        """The address type of the packages, made once a peer."""
        known = self._remotes.get(source)
        if known is None:
            if len(self._remotes) > 1024:
                self._remotes.clear()
            known = self._remotes[source] = to_address(source)
        return known


def _cuts_segments(udp: socket.socket) -> bool:
    """Whether the kernel knows `UDP_SEGMENT`. One that does not would send a whole run as one datagram, without a word."""
    if sys.platform != "linux":
        return False
    try:
        udp.getsockopt(SOL_UDP, UDP_SEGMENT)
    except OSError:
        return False
    return True


def _tells_arrivals(udp: socket.socket) -> bool:
    """Ask the kernel to tell when datagrams arrived; whether it will."""
    if sys.platform != "linux":
        return False
    try:
        udp.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


def to_address(source: object) -> Address:
    """Return what a socket says about where something came from."""
    match source:
        case (str(host), int(port), int(), int(zone)) if zone:
            return Address(f"{host.partition('%')[0]}%{socket.if_indextoname(zone)}", port)
        case (str(host), int(port), *_):
            return Address(host, port)
        case _:
            raise TypeError(f"not a socket address: {source!r}")


def socket_address(address: Address) -> tuple[str, int] | tuple[str, int, int, int]:
    """Return an address as a socket wants it."""
    if "%" not in address.host:
        return address
    host, _, zone = address.host.partition("%")
    return host, address.port, 0, int(zone) if zone.isdecimal() else socket.if_nametoindex(zone)
