"""One whole conversation of two peer connections in virtual time, every circumstance chosen by a seed.

Delay, loss up to 30 %, jitter, reordering, duplication, small MTUs, translators on either side or none; signalling that is slow or fast; channels of every
reliability; messages of all sizes from both sides. Where loss breaks the path, whoever notices restarts ICE, as an application would. In the end every
reliable message has arrived, in order where order was promised.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from tests.support.nat import Nat, full_cone, port_restricted_cone, restricted_cone
from tests.support.network import Host, Link, Network, Node
from tests.support.rng import SeededRng

import rtc_peer
from rtc_datachannel import (
    ChannelOpened,
    ChannelReceived,
    DataChannel,
    DataChannelConfig,
    MessageReceived,
)
from rtc_dtls import DtlsConfig
from rtc_dtls.group import ECDHE_GROUPS
from rtc_peer import WEBRTC_ASSOCIATION, WEBRTC_HANDSHAKE, PeerConnection, PeerOptions, SignalingState
from rtc_stun import Address

WALL_CLOCK = datetime(2026, 1, 1, tzinfo=UTC)
PATIENCE = 1500.0
"""Virtual seconds for everything; loss of 30 % both ways makes timers double often, and windows stay at one packet."""
SECURITY_OVERHEAD = 40
"""Bytes that DTLS adds to a packet."""
REPEATABLE_HANDSHAKE = replace(WEBRTC_HANDSHAKE, groups=ECDHE_GROUPS)
"""ML-KEM takes randomness of its own, and signatures of what follows from it differ in length: a byte decides what a narrow path
loses. Without it a seed is the same conversation every time; `handshake.py` has it."""

CHANNELS: tuple[tuple[str, dict[str, object]], ...] = (
    ("ordered", {}),
    ("unordered", {"ordered": False}),
    ("unreliable", {"ordered": False, "max_retransmits": 0}),
    ("short-lived", {"max_packet_life_time_ms": 200}),
)


class SimulationError(AssertionError):
    """A promise was broken; the message tells which."""


@dataclass
class Party:
    """One side: its machine, its place on the network, what it sent and received on each channel."""

    node: Node
    host: Host
    address: Address | None = None
    channels: dict[str, DataChannel] = field(default_factory=dict)
    labels: dict[int, str] = field(default_factory=dict)
    sent: dict[str, list[str | bytes]] = field(default_factory=dict)
    received: dict[str, list[str | bytes]] = field(default_factory=dict)

    @property
    def machine(self) -> PeerConnection:
        """The peer connection."""
        assert isinstance(self.node.machine, PeerConnection)
        return self.node.machine


class Call:
    """The conversation of one seed."""

    def __init__(self, seed: int, handshake: DtlsConfig = REPEATABLE_HANDSHAKE) -> None:
        self._handshake = handshake
        self.random = random.Random(seed)
        self.link = self._choose_link()
        self.network = Network(seed=seed, link=self.link)
        self.signalling_delay = self.random.choice([0.0, 0.05, 0.5])
        self.left = self._party(f"{seed} left", "10.0.0.5", self._choose_nat("203.0.113.1"))
        # Two translators that filter need a server to learn addresses from; one side is always reachable here.
        self.right = self._party(f"{seed} right", "198.51.100.7", None)
        self.early: dict[int, list[rtc_peer.IceCandidateFound]] = {0: [], 1: []}

    @property
    def parties(self) -> tuple[Party, Party]:
        """Both sides."""
        return self.left, self.right

    def run(self) -> None:
        """Connect, talk, compare, close.

        Raises:
            SimulationError: Something did not happen, or happened wrongly.
        """
        self._negotiate()
        self._wait(self._all_open, "every channel to open on both sides")
        self._talk()
        self._wait(self._all_arrived, "every reliable message to arrive")
        self._compare()
        self.left.machine.close(self.network.now)
        self.network.run(timeout=1.0)
        if not self.left.machine.closed:
            raise SimulationError("the connection did not close")

    # --- circumstances ---

    def _choose_link(self) -> Link:
        choose = self.random
        return Link(
            delay=choose.choice([0.001, 0.02, 0.1]),
            jitter=choose.choice([0.0, 0.0, 0.03]),
            loss=choose.choice([0.0, 0.01, 0.1, 0.2, 0.3]),
            duplication=choose.choice([0.0, 0.05]),
            reordering=choose.choice([0.0, 0.1]),
            mtu=choose.choice([600, 800, 1200, 1472]),
        )

    def _choose_nat(self, public: str) -> Nat | None:
        make = self.random.choice([None, None, full_cone, restricted_cone, port_restricted_cone])
        return None if make is None else make(public)

    def _party(self, name: str, address: str, nat: Nat | None) -> Party:
        host = self.network.host(address, behind=nat)
        options = PeerOptions(
            dtls=replace(self._handshake, mtu=min(1200, self.link.mtu)),
            data=DataChannelConfig(
                association=replace(
                    WEBRTC_ASSOCIATION,
                    max_packet_size=min(WEBRTC_ASSOCIATION.max_packet_size, self.link.mtu - SECURITY_OVERHEAD),
                )
            ),
        )
        machine = PeerConnection(rng=SeededRng(name), wall_clock=WALL_CLOCK, options=options)
        node = self.network.attach(machine)
        party = Party(node, host)
        node.on_event = lambda event: self._happened(party, event)
        return party

    # --- signalling ---

    def _negotiate(self) -> None:
        left, right = self.left.machine, self.right.machine
        for label, options in CHANNELS:
            self.left.channels[label] = left.create_data_channel(label, **options)  # type: ignore[arg-type]
        left.set_local_description(None, self.network.now)
        self._pass_time()
        assert left.local_description is not None
        right.set_remote_description(left.local_description, self.network.now)
        right.set_local_description(None, self.network.now)
        self._pass_time()
        assert right.local_description is not None
        left.set_remote_description(right.local_description, self.network.now)
        self.network.flush()
        for index, party in enumerate(self.parties):
            for candidate in self.early[index]:
                self._add(party, candidate)
            self.early[index] = []

    def _pass_time(self) -> None:
        self.network.flush()
        self.network.advance(self.signalling_delay)

    def _happened(self, party: Party, event: object) -> None:
        match event:
            case rtc_peer.GatheringWanted(transport_id=transport_id):
                if party.address is None:
                    party.address = self.network.bind(party.node, party.host.bind(5000))
                    party.machine.add_local_address(transport_id, party.address, self.network.now)
                party.machine.end_of_local_addresses(transport_id, self.network.now)
            case rtc_peer.IceCandidateFound():
                index = 1 - self.parties.index(party)
                other = self.parties[index]
                if other.machine.remote_description is None:
                    self.early[index].append(event)
                else:
                    self._add(other, event)
            case ChannelOpened(channel=channel) | ChannelReceived(channel=channel):
                party.channels[channel.label] = channel
                if channel.id is not None:
                    party.labels[channel.id] = channel.label
            case MessageReceived(channel_id=channel_id, data=data):
                party.received.setdefault(party.labels[channel_id], []).append(data)
            case rtc_peer.ConnectionStateChanged(state=rtc_peer.ConnectionState.FAILED):
                self._restart(party)
            case _:
                pass

    def _restart(self, party: Party) -> None:
        """Negotiate new paths, unless the other side does so already."""
        now, here = self.network.now, party.machine
        there = self.parties[1 - self.parties.index(party)].machine
        if here.signaling_state is not SignalingState.STABLE or there.closed:
            return
        here.restart_ice()
        here.set_local_description(None, now)
        assert here.local_description is not None
        there.set_remote_description(here.local_description, now)
        there.set_local_description(None, now)
        assert there.local_description is not None
        here.set_remote_description(there.local_description, now)

    def _add(self, party: Party, event: rtc_peer.IceCandidateFound) -> None:
        party.machine.add_ice_candidate(
            event.candidate,
            self.network.now,
            sdp_mid=event.sdp_mid,
            username_fragment=event.username_fragment,
        )

    # --- talk ---

    def _talk(self) -> None:
        for party in self.parties:
            for label, _ in CHANNELS:
                for number in range(self.random.randint(1, 12)):
                    message = self._message(number)
                    party.machine.send(party.channels[label], message)
                    party.sent.setdefault(label, []).append(message)
        self.network.flush()

    def _message(self, number: int) -> str | bytes:
        length = self.random.choice([0, 1, 100, 1200, 5000, 20_000])
        return f"{number} " + "ü" * length if self.random.random() < 0.5 else self.random.randbytes(length)

    def _all_open(self) -> bool:
        return all(len(party.labels) == len(CHANNELS) for party in self.parties)

    def _all_arrived(self) -> bool:
        return all(
            len(there.received.get(label, ())) >= len(here.sent[label])
            for here, there in (self.parties, self.parties[::-1])
            for label in ("ordered", "unordered")
        )

    def _compare(self) -> None:
        for here, there in (self.parties, self.parties[::-1]):
            if there.received["ordered"] != here.sent["ordered"]:
                raise SimulationError("an ordered channel changed order or content")
            if Counter(there.received["unordered"]) != Counter(here.sent["unordered"]):
                raise SimulationError("an unordered reliable channel lost or changed a message")
            for label in ("unreliable", "short-lived"):
                if Counter(there.received.get(label, ())) - Counter(here.sent[label]):
                    raise SimulationError(f"the {label} channel delivered what was not sent, or twice")

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        if not self.network.run(until=condition, timeout=PATIENCE):
            states = [party.machine.connection_state.value for party in self.parties]
            raise SimulationError(f"waited {PATIENCE:g} virtual seconds for {what}; the peers are {states}")
