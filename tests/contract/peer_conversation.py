"""Two whole peer connections as a conversation of the contract."""

from collections.abc import Callable
from datetime import UTC, datetime

from tests.support.network import Host, Node

import rtc_peer
from rtc_datachannel import ChannelOpened, ChannelReceived, DataChannel, MessageReceived
from rtc_dtls import DtlsConfig, GroupId
from rtc_peer import PeerConnection, SdpType, SessionDescription
from rtc_stun import Address

from .conversation import Calls, Conversation

WALL_CLOCK = datetime(2026, 1, 1, tzinfo=UTC)
FOREIGN = DataChannel("of nobody")


class PeerConversation(Conversation):
    """Offer and answer over a perfect signalling channel, one data channel, an echo."""

    name = "peer"
    saturation = 10_000
    configuration = rtc_peer.Configuration()
    # ML-KEM takes no randomness but the library's, so nothing would be the same twice.
    options = rtc_peer.PeerOptions(dtls=DtlsConfig(groups=(GroupId.X25519,)))

    def build(self) -> tuple[Node, Node]:
        self.homes: dict[int, Host] = {}
        nodes = []
        for index, rng in enumerate(self.rngs):
            node = self.network.attach(
                PeerConnection(
                    rng=rng,
                    wall_clock=WALL_CLOCK,
                    configuration=self.configuration,
                    options=self.options,
                    trace=self.trace,
                )
            )
            self.homes[index] = self.network.host(f"192.0.2.{index + 1}")
            nodes.append(node)
        left, right = nodes
        left.on_event = lambda event: self._happened(left, right, event)
        right.on_event = lambda event: self._happened(right, left, event)
        for index, node in enumerate(nodes):
            # The socket exists before the machine asks: junk may come at any time.
            self.network.bind(node, self.homes[index].bind(5000))
        return left, right

    def start(self) -> None:
        self._peer(self.left).create_data_channel("talk")
        self._negotiate()

    def _negotiate(self) -> None:
        now = self.network.now
        left, right = (self._peer(node) for node in self.nodes)
        left.set_local_description(None, now)
        offer = left.local_description
        assert offer is not None
        right.set_remote_description(offer, now)
        right.set_local_description(None, now)
        answer = right.local_description
        assert answer is not None
        left.set_remote_description(answer, now)

    def settled(self) -> bool:
        return self.left.saw(ChannelOpened) and self.right.saw(ChannelReceived)

    def talk(self) -> None:
        for node in self.nodes:
            peer = self._peer(node)
            peer.send(self._channel(peer), "hello")
            peer.send(self._channel(peer), bytes(5000))

    def talked(self) -> bool:
        return all(len(node.of(MessageReceived)) >= 2 for node in self.nodes)

    def misuses(self) -> Calls:
        now = self.network.now
        return [
            ("answering no offer", lambda node: self._peer(node).create_answer()),
            (
                "an answer out of turn",
                lambda node: self._peer(node).set_remote_description(SessionDescription(SdpType.ANSWER, ""), now),
            ),
            (
                "an offer that is no SDP",
                lambda node: self._peer(node).set_remote_description(SessionDescription(SdpType.OFFER, "v=1"), now),
            ),
            ("rolling nothing back", lambda node: self._roll_back(node)),
            ("a candidate without a section", lambda node: self._peer(node).add_ice_candidate("candidate:1", now)),
            ("a malformed candidate", lambda node: self._peer(node).add_ice_candidate("nonsense", now, sdp_mid="0")),
            (
                "an address for no transport",
                lambda node: self._peer(node).add_local_address(99, Address("192.0.2.9", 1), now),
            ),
            (
                "an address that is none",
                lambda node: self._peer(node).add_local_address(0, Address("example", 1), now),
            ),
            ("a name for a name", lambda node: self._peer(node).host_resolved("a.local", ["b.local"], now)),
            ("a message on another's channel", lambda node: self._peer(node).send(FOREIGN, "x")),
            ("closing another's channel", lambda node: self._peer(node).close_channel(FOREIGN, now)),
            (
                "a channel limited twice",
                lambda node: self._peer(node).create_data_channel(max_retransmits=1, max_packet_life_time_ms=1),
            ),
            (
                "a channel that exists",
                lambda node: self._peer(node).create_data_channel(
                    negotiated=True, channel_id=self._channel(self._peer(node)).id
                ),
            ),
        ]

    def after_close(self) -> Calls:
        return [
            ("an offer", lambda node: self._peer(node).create_offer()),
            ("a channel", lambda node: self._peer(node).create_data_channel("late")),
            ("an address", lambda node: self._peer(node).add_local_address(0, Address("192.0.2.9", 1), 99.0)),
            ("a description", lambda node: self._peer(node).set_local_description(None, 99.0)),
            ("a configuration", lambda node: self._peer(node).set_configuration(rtc_peer.Configuration())),
        ]

    def flood(self) -> Callable[[Node], object]:
        block = bytes(65_536)
        return lambda node: self._peer(node).send(self._channel(self._peer(node)), block)

    def _happened(self, node: Node, other: Node, event: object) -> None:
        peer, now = self._peer(node), self.network.now
        match event:
            case rtc_peer.GatheringWanted(transport_id=transport_id):
                peer.add_local_address(transport_id, Address(f"192.0.2.{self.nodes.index(node) + 1}", 5000), now)
                peer.end_of_local_addresses(transport_id, now)
            case rtc_peer.IceCandidateFound():
                self._peer(other).add_ice_candidate(
                    event.candidate, now, sdp_mid=event.sdp_mid, username_fragment=event.username_fragment
                )
            case _:
                pass

    def _roll_back(self, node: Node) -> None:
        self._peer(node).set_local_description(SessionDescription(SdpType.ROLLBACK), self.network.now)

    @staticmethod
    def _peer(node: Node) -> PeerConnection:
        assert isinstance(node.machine, PeerConnection)
        return node.machine

    @staticmethod
    def _channel(peer: PeerConnection) -> DataChannel:
        # By identifier: after a rule has exchanged the machine for a copy, older handles belong to the original.
        channel = peer.channel(0) or peer.channel(1)
        assert channel is not None
        return channel
