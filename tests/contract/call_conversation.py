"""Two peer connections in a call as a conversation of the contract."""

from collections.abc import Callable
from dataclasses import replace

from tests.support.network import Node

from rtc_peer import (
    BundlePolicy,
    Configuration,
    ConnectionState,
    ConnectionStateChanged,
    FrameReceived,
    RtpSender,
    ToneSent,
)
from rtc_rtp import EncodedFrame, RtpPacket, SendEncoding

from .conversation import Calls
from .peer_conversation import PeerConversation

AUDIO, VIDEO = 0, 1
"""Places of the transceivers."""


class CallConversation(PeerConversation):
    """Sound and pictures both ways, a request for a key frame, and a tone."""

    name = "call"
    # There is one socket on each side.
    configuration = Configuration(bundle_policy=BundlePolicy.MAX_BUNDLE)

    def start(self) -> None:
        for node in self.nodes:
            peer = self._peer(node)
            peer.add_track("audio", "voice", ["stream"])
            peer.add_track("video", "camera", ["stream"])
        self._negotiate()

    def settled(self) -> bool:
        connected = ConnectionStateChanged(ConnectionState.CONNECTED)
        return all(connected in node.events for node in self.nodes)

    def talk(self) -> None:
        now = self.network.now
        for node in self.nodes:
            peer = self._peer(node)
            sound, picture = (each.sender for each in peer.transceivers)
            # Some may be lost on the way, and nobody would send them again.
            for number in range(8):
                sound.send_frame(_sound(number), now=now)
                picture.send_frame(_picture(number, length=5000 if number == 2 else 500), now=now)
        self._peer(self.left).transceivers[AUDIO].sender.insert_dtmf("1", now=now)

    def talked(self) -> bool:
        for node in self.nodes:
            kinds = [each.transceiver.kind for each in node.of(FrameReceived)]
            if "audio" not in kinds or "video" not in kinds:
                return False
        return len(self.left.of(ToneSent)) >= 2

    def _happened(self, node: Node, other: Node, event: object) -> None:
        super()._happened(node, other, event)
        if isinstance(event, FrameReceived) and event.transceiver.kind == "video" and node is self.right:
            self._peer(node).transceivers[VIDEO].receiver.request_key_frame()

    def misuses(self) -> Calls:
        packet = RtpPacket(111, 1, 1, 4711, b"x")
        return [
            ("a kind that is none", lambda node: self._peer(node).add_transceiver("text")),
            (
                "a track that is sent already",
                lambda node: self._peer(node).add_track("audio", "voice"),
            ),
            ("an encoding that is none", lambda node: self._sender(node).send_frame(_sound(1), rid="x")),
            (
                "a frame of another format",
                lambda node: self._sender(node).send_frame(replace(_sound(1), mime_type="audio/x")),
            ),
            ("a packet of another source", lambda node: self._sender(node).send_packet(packet, rewrite=False)),
            ("a tone that is none", lambda node: self._sender(node).insert_dtmf("x")),
            ("a tone in pictures", lambda node: self._sender(node, VIDEO).insert_dtmf("1")),
            ("another number of encodings", lambda node: self._sender(node).set_encodings([])),
            ("other SSRCs", lambda node: self._sender(node).set_encodings([SendEncoding(ssrc=1)])),
            ("a delay that is none", lambda node: self._set_delay(node, -1)),
        ]

    def after_close(self) -> Calls:
        return [
            ("a frame", lambda node: self._sender(node).send_frame(_sound(1))),
            ("a packet", lambda node: self._sender(node).send_packet(RtpPacket(111, 1, 1, 1, b"x"))),
            ("a tone", lambda node: self._sender(node).insert_dtmf("1")),
            ("a key frame", lambda node: self._peer(node).transceivers[VIDEO].receiver.request_key_frame()),
            ("a track", lambda node: self._peer(node).add_track("audio", "late")),
        ]

    def flood(self) -> Callable[[Node], object]:
        frame = _picture(1, 100_000)
        return lambda node: self._sender(node, VIDEO).send_frame(frame)

    def _sender(self, node: Node, place: int = AUDIO) -> RtpSender:
        # By place: after a rule has exchanged the machine for a copy, older handles belong to the original.
        return self._peer(node).transceivers[place].sender

    def _set_delay(self, node: Node, delay: float) -> None:
        self._peer(node).transceivers[AUDIO].receiver.jitter_buffer_target_ms = delay


def _sound(number: int) -> EncodedFrame:
    return EncodedFrame(bytes([number]) * 80, timestamp=960 * number)


def _picture(number: int, length: int) -> EncodedFrame:
    return EncodedFrame(b"\x10\x00\x00\x9d\x01\x2a\x80\x02\xe0\x01" + bytes(length), timestamp=3000 * number)
