"""One real agent and, in place of its peer, packets made by hand."""

from tests.support.rng import SeededRng

from rtc_ice import Candidate, ConnectionState, Event, IceAgent, IceConfig
from rtc_stun import (
    BINDING,
    ICE_ATTRIBUTES,
    Address,
    Attribute,
    Datagram,
    ErrorCode,
    IceControlled,
    IceControlling,
    Integrity,
    Message,
    MessageClass,
    Priority,
    UseCandidate,
    Username,
    XorMappedAddress,
    short_term_key,
)

HERE = Address("192.0.2.1", 5000)
THERE = Address("192.0.2.99", 6000)
ELSEWHERE = Address("192.0.2.66", 666)
PEER_UFRAG = "peer"
PEER_PASSWORD = "peerpeerpeerpeerpeerpeer"
TRANSACTION_ID = bytes(range(12))
HOST_PRIORITY = 2130706431
PEER_REFLEXIVE_PRIORITY = 1862270975


def parse(datagram: Datagram) -> Message:
    return Message.parse(datagram.data, ICE_ATTRIBUTES)


def candidate(
    address: Address, *, priority: int = HOST_PRIORITY, foundation: str = "1", kind: str = "host"
) -> Candidate:
    return Candidate(
        foundation=foundation, component_id=1, transport="udp", priority=priority, address=address, type=kind
    )


class Desk:
    """An agent with one address, on a desk: what goes in is crafted, what comes out is looked at."""

    def __init__(
        self,
        *,
        controlling: bool = True,
        config: IceConfig | None = None,
        seed: int = 1,
        meet: bool = True,
        candidates: tuple[Candidate, ...] = (),
        end: bool = True,
    ) -> None:
        self.now = 100.0
        self.agent = IceAgent(controlling=controlling, rng=SeededRng(seed), config=config, now=self.now)
        self.agent.add_local_address(HERE, self.now)
        self.seen: list[Event] = []
        if end:
            self.agent.end_of_local_addresses(self.now)
        if meet:
            self.meet()
        for each in candidates:
            self.agent.add_remote_candidate(each, self.now)

    def meet(self, *, lite: bool = False) -> None:
        """Tell the agent the credentials of its imagined peer."""
        self.agent.set_remote_credentials(PEER_UFRAG, PEER_PASSWORD, self.now, lite=lite)

    @property
    def key(self) -> bytes:
        """What protects requests to the agent, and its responses."""
        return short_term_key(self.agent.local_credentials.password)

    @property
    def peer_key(self) -> bytes:
        """What protects requests of the agent, and responses to it."""
        return short_term_key(PEER_PASSWORD)

    def is_in(self, state: ConnectionState) -> bool:
        """Whether the connection is in that state now."""
        return self.agent.connection_state is state

    def dropped(self, reason: str) -> int:
        return self.agent.stats.dropped.get(reason, 0)

    def output(self) -> list[Datagram]:
        return self.agent.datagrams_to_send(self.now)

    def events(self) -> list[Event]:
        self.seen.extend(events := self.agent.events())
        return events

    def advance(self, seconds: float) -> list[Datagram]:
        """Let time pass as a driver would, timer by timer; return all output."""
        end = self.now + seconds
        output = self.output()
        while (at := self.agent.next_timeout()) is not None and at <= end:
            self.now = max(self.now, at)
            self.agent.handle_timeout(self.now)
            output += self.output()
        self.now = end
        return output

    def next_request(self, *, within: float = 60.0) -> Datagram:
        """Let time pass until the agent sends a request; the present is then the time of its leaving."""
        end = self.now + within
        while True:
            requests = self.requests(self.output())
            if requests:
                return requests[0]
            at = self.agent.next_timeout()
            assert at is not None
            assert at <= end
            self.now = max(self.now, at)
            self.agent.handle_timeout(self.now)

    def send(self, data: bytes, *, source: Address = THERE, local: Address = HERE) -> list[Datagram]:
        """Let a datagram arrive; return what the agent sends because of it."""
        self.agent.receive_datagram(Datagram(data, local, source), self.now)
        return self.output()

    def request(
        self,
        *,
        username: str | None = None,
        key: bytes | None = None,
        priority: int | None = PEER_REFLEXIVE_PRIORITY,
        role: Attribute | None = None,
        claim: bool = True,
        use_candidate: bool = False,
        extra: tuple[Attribute, ...] = (),
        fingerprint: bool = True,
        integrity: Integrity = Integrity.SHA1,
        protect: bool = True,
        named: bool = True,
        transaction_id: bytes = TRANSACTION_ID,
    ) -> bytes:
        """Make a check of the peer, right in all that is not said otherwise."""
        attributes: list[Attribute] = []
        if named:
            attributes.append(Username(username or f"{self.agent.local_credentials.ufrag}:{PEER_UFRAG}"))
        if priority is not None:
            attributes.append(Priority(priority))
        if claim:
            attributes.append(role or (IceControlled(7) if self.agent.controlling else IceControlling(7)))
        if use_candidate:
            attributes.append(UseCandidate())
        attributes.extend(extra)
        message = Message(BINDING, MessageClass.REQUEST, transaction_id, attributes)
        return message.serialize(
            key=(key or self.key) if protect else None, integrity=integrity, fingerprint=fingerprint
        )

    def check(self, *, source: Address = THERE, local: Address = HERE, use_candidate: bool = False) -> list[Datagram]:
        """Let a right check arrive."""
        return self.send(self.request(use_candidate=use_candidate), source=source, local=local)

    def success(self, request: Datagram, *, mapped: Address | None = None, key: bytes | None = None) -> bytes:
        """Make the peer's response to a check of the agent."""
        message = Message(
            BINDING, MessageClass.SUCCESS, parse(request).transaction_id, [XorMappedAddress(mapped or request.local)]
        )
        return message.serialize(key=key or self.peer_key, fingerprint=True)

    def error(self, request: Datagram, code: int, *, key: bytes | None = None) -> bytes:
        message = Message(BINDING, MessageClass.ERROR, parse(request).transaction_id, [ErrorCode.with_phrase(code)])
        return message.serialize(key=key or self.peer_key, fingerprint=True)

    def answer(self, request: Datagram, *, mapped: Address | None = None) -> list[Datagram]:
        """Let the right response to a check arrive."""
        return self.send(self.success(request, mapped=mapped), source=request.remote, local=request.local)

    def connect(self) -> None:
        """Bring the agent to a nominated pair with the peer at `THERE`."""
        if not self.agent.candidate_pair_stats():
            self.agent.add_remote_candidate(candidate(THERE), self.now)
        self.agent.end_of_remote_candidates(self.now)
        self.settle(waiting=[] if self.agent.controlling else self.check(use_candidate=True))

    def settle(self, seconds: float = 0.25, *, waiting: list[Datagram] | None = None) -> None:
        """Let time pass and answer every check."""
        end = self.now + seconds
        waiting = (waiting or []) + self.output()
        while self.now < end:
            while waiting:
                datagram = waiting.pop(0)
                if parse(datagram).message_class is MessageClass.REQUEST:
                    waiting += self.answer(datagram)
            waiting = self.advance(0.01)

    def requests(self, datagrams: list[Datagram]) -> list[Datagram]:
        return [each for each in datagrams if parse(each).message_class is MessageClass.REQUEST]

    def responses(self, datagrams: list[Datagram]) -> list[Datagram]:
        return [each for each in datagrams if parse(each).message_class in (MessageClass.SUCCESS, MessageClass.ERROR)]
