"""A peer that follows no rules but the test's: it sends raw chunks to an association on a virtual clock and reads what comes back."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from tests.support.rng import SeededRng

from rtc_sctp import (
    Association,
    AssociationConfig,
    AssociationState,
    Chunk,
    CookieAckChunk,
    CookieEchoChunk,
    DataChunk,
    Event,
    ForwardTsnSupported,
    IDataChunk,
    InitAckChunk,
    InitChunk,
    Packet,
    Parameter,
    SackChunk,
    StateCookie,
    SupportedExtensions,
    crc32c,
    verify_checksum,
)

PEER_TAG: Final = 0x7EE7_0001
PEER_TSN: Final = 1000
"""The first TSN of the scripted peer."""
PEER_COOKIE: Final = b"cookie of the scripted peer"
WHOLE: Final = 3
"""Flags of an unfragmented message."""

EXTENSIONS: Final[tuple[Parameter, ...]] = (ForwardTsnSupported(), SupportedExtensions((130, 192)))
INTERLEAVING: Final[tuple[Parameter, ...]] = (ForwardTsnSupported(), SupportedExtensions((64, 130, 192, 194)))

C = TypeVar("C", bound=Chunk)
E = TypeVar("E", bound=Event)


def packet(*chunks: Chunk | bytes, tag: int, source_port: int = 5000, destination_port: int = 5000) -> bytes:
    """A packet with its checksum; any chunks, in any order."""
    head = source_port.to_bytes(2) + destination_port.to_bytes(2) + tag.to_bytes(4)
    body = b"".join(chunk if isinstance(chunk, bytes) else chunk.serialize() for chunk in chunks)
    return head + crc32c(head + bytes(4) + body).to_bytes(4, "little") + body


def pick(kind: type[C], chunks: Iterable[Chunk]) -> list[C]:
    """Those chunks that are of one kind."""
    return [chunk for chunk in chunks if isinstance(chunk, kind)]


class Script:
    """One association under test, and everything the test wants to say to it."""

    def __init__(
        self, config: AssociationConfig | None = None, *, seed: int = 1, rng: Callable[[int], bytes] | None = None
    ) -> None:
        self.now = 0.0
        self.association = Association(
            config=config or AssociationConfig(heartbeat_interval=None), rng=rng or SeededRng(seed)
        )
        self.events: list[Event] = []
        self.tag = 0
        """The tag that the association expects: it is in its INIT or INIT ACK."""

        self.tsn = PEER_TSN
        """The next TSN of the scripted peer."""

        self.stream_sequences: dict[int, int] = {}
        self.association_tsn = 0
        """The first TSN of the association."""

        self.acknowledged = 0
        """The cumulative TSN of `acknowledge_all`."""

    # --- moving bytes ---

    def send(self, *chunks: Chunk | bytes, tag: int | None = None) -> None:
        """Deliver one packet with these chunks, in this order; see `packets` for the answer."""
        self.deliver(packet(*chunks, tag=self.tag if tag is None else tag))

    def deliver(self, *datagrams: bytes) -> None:
        """Deliver raw packets, one by one."""
        for datagram in datagrams:
            self.association.receive_datagram(datagram, self.now)
        self._collect_events()

    def datagrams(self) -> list[bytes]:
        """What the association sends now, raw."""
        datagrams = self.association.datagrams_to_send(self.now)
        self._collect_events()
        return datagrams

    def packets(self) -> list[Packet]:
        """What the association sends now, its checksums verified."""
        read = []
        for datagram in self.datagrams():
            verify_checksum(datagram, zero_acceptable=True)
            read.append(Packet.parse(datagram))
        return read

    def chunks(self) -> list[Chunk]:
        """The chunks of `packets`, one after the other."""
        return [chunk for packet in self.packets() for chunk in packet.chunks]

    def answer(self, *chunks: Chunk | bytes, tag: int | None = None) -> list[Chunk]:
        """Deliver one packet and return the chunks that come back at once."""
        self.send(*chunks, tag=tag)
        return self.chunks()

    # --- moving time ---

    def wait(self, seconds: float) -> list[Packet]:
        """Let time pass, timers expire, and return all packets sent meanwhile, now included."""
        return [packet for _, packet in self.wait_timed(seconds)]

    def wait_timed(self, seconds: float) -> list[tuple[float, Packet]]:
        """The same, with the time of each packet."""
        end = self.now + seconds
        sent = [(self.now, packet) for packet in self.packets()]
        for _ in range(10_000):
            due = self.association.next_timeout()
            if due is None or due > end:
                self.now = end
                return sent
            self.now = max(self.now, due)
            self.association.handle_timeout(self.now)
            sent += [(self.now, packet) for packet in self.packets()]
        raise AssertionError("the association never comes to rest")

    def wait_chunks(self, seconds: float) -> list[Chunk]:
        """The chunks of `wait`."""
        return [chunk for packet in self.wait(seconds) for chunk in packet.chunks]

    def wait_until_sent(self, kind: type[C], limit: float = 100.0) -> C:
        """Let time pass until a chunk of a kind is sent."""
        end = self.now + limit
        while True:
            found = pick(kind, self.chunks())
            if found:
                return found[0]
            due = self.association.next_timeout()
            assert due is not None, f"no {kind.__name__} will ever come"
            assert due <= end, f"no {kind.__name__} within {limit} s"
            self.now = max(self.now, due)
            self.association.handle_timeout(self.now)

    # --- setting up ---

    def init(self, *parameters: Parameter, streams: int = 100, a_rwnd: int = 1 << 20, tag: int = PEER_TAG) -> InitChunk:
        """The peer's INIT."""
        return InitChunk(tag, a_rwnd, streams, streams, PEER_TSN, parameters)

    def init_ack(
        self, *parameters: Parameter, streams: int = 100, a_rwnd: int = 1 << 20, tag: int = PEER_TAG
    ) -> InitAckChunk:
        """The peer's INIT ACK, with a cookie."""
        return InitAckChunk(tag, a_rwnd, streams, streams, PEER_TSN, (*parameters, StateCookie(PEER_COOKIE)))

    def learn(self, chunk: InitChunk | InitAckChunk) -> None:
        """Note tag and first TSN of the association."""
        self.tag = chunk.initiate_tag
        self.association_tsn = chunk.initial_tsn
        self.acknowledged = (chunk.initial_tsn - 1) & 0xFFFF_FFFF

    def connect(self) -> InitChunk:
        """Let the association open; returns its INIT."""
        self.association.connect(self.now)
        (init,) = pick(InitChunk, self.chunks())
        self.learn(init)
        return init

    def to_cookie_echoed(self, *parameters: Parameter, streams: int = 100, a_rwnd: int = 1 << 20) -> CookieEchoChunk:
        """Let the association open up to its COOKIE ECHO."""
        self.connect()
        (echo,) = pick(CookieEchoChunk, self.answer(self.init_ack(*parameters, streams=streams, a_rwnd=a_rwnd)))
        return echo

    def establish(self, *parameters: Parameter, streams: int = 100, a_rwnd: int = 1 << 20) -> "Script":
        """Open from the association's side."""
        self.to_cookie_echoed(*parameters, streams=streams, a_rwnd=a_rwnd)
        self.answer(CookieAckChunk())
        assert self.association.state is AssociationState.ESTABLISHED
        return self

    def obtain_cookie(self, init: InitChunk | None = None) -> tuple[InitAckChunk, bytes]:
        """Send an INIT; returns the INIT ACK and its cookie."""
        (init_ack,) = pick(InitAckChunk, self.answer(init or self.init(*EXTENSIONS), tag=0))
        self.learn(init_ack)
        return init_ack, cookie_of(init_ack)

    def accept(self, *parameters: Parameter, streams: int = 100, a_rwnd: int = 1 << 20) -> "Script":
        """Open from the peer's side."""
        _, cookie = self.obtain_cookie(self.init(*parameters, streams=streams, a_rwnd=a_rwnd))
        self.answer(CookieEchoChunk(cookie))
        assert self.association.state is AssociationState.ESTABLISHED
        return self

    # --- data ---

    def data(
        self,
        payload: bytes = b"data",
        *,
        stream_id: int = 0,
        flags: int = WHOLE,
        ppid: int = 51,
        tsn: int | None = None,
    ) -> DataChunk:
        """The peer's next DATA; the numbers go up by themselves."""
        if tsn is None:
            tsn = self.tsn
            self.tsn = (tsn + 1) & 0xFFFF_FFFF
        sequence = self.stream_sequences.get(stream_id, 0)
        if flags & 1 and not flags & 4:
            self.stream_sequences[stream_id] = (sequence + 1) & 0xFFFF
        return DataChunk(tsn, stream_id, sequence, ppid, payload, flags)

    def sack(
        self,
        cumulative_tsn: int | None = None,
        *,
        a_rwnd: int = 1 << 20,
        gaps: tuple[tuple[int, int], ...] = (),
        duplicates: tuple[int, ...] = (),
    ) -> SackChunk:
        """The peer's SACK; without a TSN it acknowledges nothing new."""
        if cumulative_tsn is not None:
            self.acknowledged = cumulative_tsn & 0xFFFF_FFFF
        return SackChunk(self.acknowledged, a_rwnd, gaps, duplicates)

    def queue(self, *payloads: bytes, stream_id: int = 0, ppid: int = 51) -> None:
        """Let the application send messages."""
        for payload in payloads:
            self.association.send(stream_id, ppid, payload)

    def sent_data(self) -> list[DataChunk]:
        """DATA that the association sends now."""
        return pick(DataChunk, self.chunks())

    def sent_i_data(self) -> list[IDataChunk]:
        """I-DATA that the association sends now."""
        return pick(IDataChunk, self.chunks())

    def finish(self, *, a_rwnd: int = 1 << 20) -> list[DataChunk]:
        """Acknowledge everything that the association sends until nothing more comes; returns the DATA."""
        received: list[DataChunk] = []
        while sent := self.sent_data():
            received += sent
            self.send(
                self.sack(max(sent, key=lambda chunk: (chunk.tsn - self.acknowledged) & 0xFFFF_FFFF).tsn, a_rwnd=a_rwnd)
            )
        return received

    # --- what the application sees ---

    def happened(self, kind: type[E]) -> list[E]:
        """Events of a kind since the last call of `forget`."""
        return [event for event in self.events if isinstance(event, kind)]

    def forget(self) -> None:
        """Leave behind all events so far."""
        self.events.clear()

    @property
    def dropped(self) -> dict[str, int]:
        """What the association did not take, by reason."""
        return dict(self.association.stats.dropped)

    @property
    def state(self) -> AssociationState:
        """Where the association is."""
        return self.association.state

    def is_in(self, state: AssociationState) -> bool:
        """Whether the association is in a state."""
        return self.association.state is state

    def _collect_events(self) -> None:
        self.events += self.association.events()


def cookie_of(init_ack: InitAckChunk) -> bytes:
    """The State Cookie in an INIT ACK."""
    (cookie,) = [parameter.cookie for parameter in init_ack.parameters if isinstance(parameter, StateCookie)]
    return cookie
