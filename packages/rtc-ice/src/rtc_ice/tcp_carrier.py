"""The connections of TCP candidates: opened for checks, framed, and closed when nothing needs them (:rfc:`6544`).

::

    check of a pair ──► no connection yet? ──► OpenTransport ──► frames wait ──► transport_opened ──► frames leave
    the peer connects ──► transport_accepted ──► first frame is STUN ──► the agent finds it proven, or time runs out

A stream carries the datagrams of one path, from a base to the peer's address.
"""

from collections.abc import Callable, Collection
from typing import Final

from rtc_ice.carrier import StreamWish
from rtc_ice.errors import ParseError
from rtc_ice.framing import MAX_FRAME_LENGTH, FrameBuffer, frame
from rtc_ice.pair import Path
from rtc_ice.tcp import TcpType
from rtc_stun import Address, CloseTransport, Datagram, OpenTransport, StreamData, is_stun

MAX_STREAMS: Final = 128
"""How many connections an agent may have at a time, in both directions together."""

MAX_ATTEMPTS_PER_HOST: Final = 5
"""How many connections to one IP address may be on their way."""

MAX_UNPROVEN_STREAMS: Final = 32
"""How many of them the peer, or somebody else, may have opened without having proven to be the peer."""

UNPROVEN_LIFETIME: Final = 15.0
"""Seconds in which such a one has to be proven."""

MAX_UNPROVEN_FRAME_LENGTH: Final = 2048
"""Bytes of a frame on such a one: checks are short."""

MAX_WAITING_FRAMES: Final = 64
"""How many frames wait for a connection to be opened; further ones are dropped."""


class _Stream:
    """One connection."""

    __slots__ = ("buffer", "deadline", "frames", "heard", "is_open", "path", "transport_id")

    def __init__(self, transport_id: int, path: Path, *, is_open: bool) -> None:
        self.transport_id = transport_id
        self.path = path
        self.is_open = is_open
        self.buffer = FrameBuffer()
        self.frames: list[bytes] = []
        """What is to be written."""
        self.heard = False
        """Whether a first frame has shown that ICE is spoken at the other end."""
        self.deadline: float | None = None
        """Until when it has to be proven, if it was accepted and is not."""

    def take_output(self) -> bytes:
        output = b"".join(self.frames)
        self.frames.clear()
        return output


class TcpCarrier:
    """Carries the datagrams of an agent's TCP candidates; implements `rtc_ice.carrier.Carrier`.

    Args:
        count: Counts what is dropped, by reason.
    """

    def __init__(self, count: Callable[[str], None]) -> None:
        self._count = count
        self._bases: dict[Address, TcpType] = {}
        self._streams: dict[int, _Stream] = {}
        self._by_path: dict[Path, _Stream] = {}
        self._next_id = 0
        self._arrived: list[Datagram] = []
        self._wishes: list[StreamWish] = []
        self._lost: list[tuple[Path, bool]] = []
        self._farewell: list[StreamData] = []
        """What is to be written to streams that are closed after that."""
        self._now = 0.0

    # --- what the agent tells ---

    def add_base(self, base: Address, tcp_type: TcpType) -> None:
        """Take a local candidate."""
        self._bases[base] = tcp_type

    def remove_base(self, base: Address) -> None:
        """Forget a local candidate, and close its streams."""
        self._bases.pop(base, None)
        self.keep([path for path in self._by_path if path[0] != base])

    def lost(self) -> list[tuple[Path, bool]]:
        """Drain the paths whose stream could not be opened, or broke: then with True."""
        lost, self._lost = self._lost, []
        return lost

    def prove(self, paths: Collection[Path]) -> None:
        """Tell on which paths the peer was proven to be: their streams may stay."""
        for stream in self._streams.values():
            if stream.deadline is not None and stream.path in paths:
                stream.deadline = None
                stream.buffer.max_length = MAX_FRAME_LENGTH

    def keep(self, paths: Collection[Path]) -> list[Path]:
        """Close the streams of all other paths, and return these; those that are accepted and not proven yet have their own time."""
        others = [
            stream
            for stream in self._streams.values()
            if stream.path not in paths and (stream.deadline is None or stream.path[0] not in self._bases)
        ]
        for stream in others:
            self._close(stream)
        return [stream.path for stream in others]

    @property
    def has_streams(self) -> bool:
        """Whether there is a connection, or one is being opened."""
        return bool(self._streams)

    # --- a carrier ---

    def carries(self, base: Address, transport: str) -> bool:  # noqa: ARG002 - the signature is Carrier's
        """Whether it is a TCP candidate's."""
        return transport == "tcp"

    def send(self, datagram: Datagram, now: float) -> None:
        """Send on the stream of a path; a check opens it, if we are to connect."""
        self._now = max(self._now, now)
        path = (datagram.local, datagram.remote, datagram.transport)
        # [rfc6544:9.2/2]
        stream = self._by_path.get(path) or (self._open(path) if is_stun(datagram.data) else None)
        if stream is None:
            self._count("no-stream")
        elif not stream.is_open and len(stream.frames) >= MAX_WAITING_FRAMES:
            self._count("stream-not-open")
        elif len(datagram.data) > MAX_FRAME_LENGTH:
            self._count("frame-too-long")
        else:
            # [rfc6544:7.1/3] [rfc6544:7.2/3] [rfc6544:10.1/2]
            # [rfc8835:3.4/8]
            stream.frames.append(frame(datagram.data))

    def receive_datagram(self, datagram: Datagram, now: float) -> bool:  # noqa: ARG002 - the signature is Carrier's
        """Nothing that arrives at UDP sockets is wrapped here."""
        return False

    def arrived(self) -> list[Datagram]:
        """Drain what the streams have brought."""
        arrived, self._arrived = self._arrived, []
        return arrived

    def handle_timeout(self, now: float) -> None:
        """Close accepted streams that nobody has proven to be the peer's."""
        self._now = max(self._now, now)
        for stream in list(self._streams.values()):
            if stream.deadline is not None and stream.deadline <= self._now:
                self._count("unproven-stream")
                self._abort(stream)

    def next_timeout(self) -> float | None:
        """Return when the next stream has to be proven; at once while there is something to write."""
        if self._farewell or any(stream.is_open and stream.frames for stream in self._streams.values()):
            return self._now
        deadlines = (stream.deadline for stream in self._streams.values() if stream.deadline is not None)
        return min(deadlines, default=None)

    def datagrams_to_send(self, now: float) -> list[Datagram]:  # noqa: ARG002 - the signature is Carrier's
        """Nothing of it leaves by UDP."""
        return []

    def stream_data_to_send(self, now: float) -> list[StreamData]:
        """Drain what is to be written; every element ends where a frame ends."""
        self._now = max(self._now, now)
        output, self._farewell = self._farewell, []
        for stream in self._streams.values():
            if stream.is_open and stream.frames:
                output.append(StreamData(stream.transport_id, stream.take_output()))
        return output

    def stream_wishes(self) -> list[StreamWish]:
        """Drain the wishes to connect and to close."""
        wishes, self._wishes = self._wishes, []
        return wishes

    def transport_opened(self, transport_id: int, now: float, local: Address | None) -> None:  # noqa: ARG002 - Carrier's
        """Send what waited for the connection."""
        self._now = max(self._now, now)
        stream = self._streams.get(transport_id)
        if stream is not None:
            stream.is_open = True

    def transport_failed(self, transport_id: int, now: float) -> None:
        """Take note that a connection could not be made, or is gone."""
        self._now = max(self._now, now)
        stream = self._streams.get(transport_id)
        if stream is not None:
            self._forget(stream)
            self._lost.append((stream.path, stream.is_open))

    def transport_accepted(self, local: Address, remote: Address, now: float) -> int | None:
        """Take a connection of the peer's, as far as there is room."""
        self._now = max(self._now, now)
        tcp_type = self._bases.get(local)
        # [rfc6544:7.2/1] [rfc6544:7.2/2] [rfc6544:11.1/3]
        if tcp_type is None or not tcp_type.accepts:
            self._count("stream-to-no-candidate")
            return None
        path = (local, remote, "tcp")
        known = self._by_path.get(path)
        unproven = sum(stream.deadline is not None for stream in self._streams.values())
        if unproven >= MAX_UNPROVEN_STREAMS or (known is None and len(self._streams) >= MAX_STREAMS):
            self._count("stream-limit")
            return None
        stream = self._add(path, is_open=True)
        stream.deadline = self._now + UNPROVEN_LIFETIME
        stream.buffer.max_length = MAX_UNPROVEN_FRAME_LENGTH
        if known is not None:
            # Both have opened at the same time, and the peer was first; or it came back before we heard that it had gone.
            stream.frames = known.frames
            self._drop(known)
        return stream.transport_id

    def receive_stream_data(self, transport_id: int, data: bytes, now: float) -> None:
        """Take frames apart; a stream on which something else is spoken is given up."""
        self._now = max(self._now, now)
        stream = self._streams.get(transport_id)
        if stream is None:
            return
        try:
            # [rfc6544:7.1/3] [rfc6544:7.2/3] [rfc6544:10.2/1]
            packets = stream.buffer.feed(data)
        except ParseError:
            self._count("malformed-frame")
            self._abort(stream)
            return
        # [rfc6544:7.1/6] [rfc4571:2/4] Whoever answers a check with something else is not the peer.
        if packets and not stream.heard and not is_stun(packets[0]):
            self._count("stream-not-ice")
            self._abort(stream)
            return
        stream.heard = stream.heard or bool(packets)
        self._arrived += [Datagram(packet, *stream.path) for packet in packets]

    def close(self, now: float) -> None:
        """Close all streams."""
        self._now = max(self._now, now)
        self._arrived.clear()
        for stream in list(self._streams.values()):
            self._close(stream)

    @property
    def has_farewell(self) -> bool:
        """Never: nothing leaves by UDP."""
        return False

    # --- streams ---

    def _open(self, path: Path) -> _Stream | None:
        base, remote, _ = path
        tcp_type = self._bases.get(base)
        if tcp_type is None or not tcp_type.connects:
            return None
        attempts = sum(not each.is_open and each.path[1].host == remote.host for each in self._streams.values())
        # [rfc6544:12/2]
        if len(self._streams) >= MAX_STREAMS or attempts >= MAX_ATTEMPTS_PER_HOST:
            self._count("stream-limit")
            self._lost.append((path, False))
            return None
        stream = self._add(path, is_open=False)
        # [rfc6544:4.1/8] Checks are paced, and each opens its own connection.
        # [rfc6544:7.1/1] [rfc6544:7.1/2] From the candidate's interface; where we are active, from a port that is free.
        local = Address(base.host, 0) if tcp_type is TcpType.ACTIVE else base
        self._wishes.append(OpenTransport(stream.transport_id, remote, "tcp", None, local))
        return stream

    def _add(self, path: Path, *, is_open: bool) -> _Stream:
        stream = self._streams[self._next_id] = _Stream(self._next_id, path, is_open=is_open)
        self._by_path[path] = stream
        self._next_id += 1
        return stream

    def _close(self, stream: _Stream) -> None:
        """Close when all is written."""
        if stream.is_open and stream.frames:
            self._farewell.append(StreamData(stream.transport_id, stream.take_output()))
        self._drop(stream, abort=False)

    def _abort(self, stream: _Stream) -> None:
        """Close a stream that is of no use; its path is lost."""
        self._drop(stream)
        self._lost.append((stream.path, False))

    def _drop(self, stream: _Stream, *, abort: bool = True) -> None:
        self._forget(stream)
        self._wishes.append(CloseTransport(stream.transport_id, abort=abort))

    def _forget(self, stream: _Stream) -> None:
        del self._streams[stream.transport_id]
        if self._by_path.get(stream.path) is stream:
            del self._by_path[stream.path]
