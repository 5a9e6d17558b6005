"""RTP sessions as a conversation."""

from collections.abc import Callable
from dataclasses import replace

from tests.rtp.session.party import (
    AUDIO_SSRC,
    VIDEO_SSRC,
    WALL_CLOCK,
    ByPayloadType,
    audio_receiver,
    audio_sender,
    opus_frame,
    video_receiver,
    video_sender,
    vp8_frame,
)
from tests.support.network import Node

from rtc_rtp import EncodedFrame, FrameReceived, KeyFrameRequested, RtpPacket, RtpSession, SessionOptions

from .conversation import Calls, Conversation


class RtpConversation(Conversation):
    """Sound both ways, and pictures from the left to the right, of which the first has to be asked for."""

    name = "rtp"

    def build(self) -> tuple[Node, Node]:
        options = SessionOptions(send_buffer_size=1 << 20)
        left, right = (
            RtpSession(now=0.0, rng=rng, ntp_time=WALL_CLOCK, options=options, trace=self.trace) for rng in self.rngs
        )
        return self.network.join(left, right)

    def start(self) -> None:
        left, right = (self._session(node) for node in self.nodes)
        left.add_sender("a", audio_sender())
        left.add_sender("v", video_sender())
        left.add_receiver("a", audio_receiver())
        right.add_sender("a", audio_sender(AUDIO_SSRC + 1))
        right.add_receiver("a", audio_receiver())
        right.add_receiver("v", video_receiver())
        right.set_router(ByPayloadType({111: "a", 96: "v", 97: "v"}))
        self._number = 0
        self._say()

    def settled(self) -> bool:
        # Who loses all of what was said hears of it when more is said.
        if self.network.now > 0.02 * self._number:
            self._say()
        kinds = [{event.receiver_id for event in node.of(FrameReceived)} for node in self.nodes]
        return kinds == [{"a"}, {"a", "v"}]

    def talk(self) -> None:
        self._heard = self._counts()
        self._session(self.right).request_key_frame("v")
        self._say()

    def talked(self) -> bool:
        return all(now > before for before, now in zip(self._heard, self._counts(), strict=True))

    def misuses(self) -> Calls:
        huge = EncodedFrame(bytes(2 << 20), 0)
        foreign = RtpPacket(96, 1, 1, 0x4711, b"x")
        return [
            ("a sender that is not there", lambda node: self._session(node).send_frame("x", opus_frame(1))),
            ("an encoding that is not there", lambda node: self._session(node).send_frame("v", huge, rid="x")),
            ("more than the buffer takes", lambda node: self._session(node).send_frame("a", huge)),
            ("a packet of somebody else", lambda node: self._session(node).send_packet("v", foreign)),
            (
                "a codec that was not negotiated",
                lambda node: self._session(node).send_frame("a", replace(opus_frame(1), mime_type="audio/G722")),
            ),
            ("an SSRC twice", lambda node: self._session(node).add_sender("w", video_sender(VIDEO_SSRC))),
            ("no codec", lambda node: self._session(node).add_sender("w", video_sender(7, codecs=()))),
            ("a receiver that is not there", lambda node: self._session(node).remove_receiver("x")),
            ("asking one that is not there", lambda node: self._session(node).request_key_frame("x")),
        ]

    def after_close(self) -> Calls:
        return [
            ("sending", lambda node: self._session(node).send_frame("a", opus_frame(1))),
            ("a receiver", lambda node: self._session(node).add_receiver("z", audio_receiver())),
        ]

    def flood(self) -> Callable[[Node], object]:
        return lambda node: self._session(node).send_frame("a", opus_frame(1, 1000))

    def _say(self) -> None:
        left, right = (self._session(node) for node in self.nodes)
        left.send_frame("a", opus_frame(self._number))
        right.send_frame("a", opus_frame(self._number))
        left.send_frame("v", vp8_frame(self._number, key=self.left.saw(KeyFrameRequested)))
        self._number += 1

    def _counts(self) -> list[int]:
        return [len(node.of(FrameReceived)) for node in self.nodes]

    @staticmethod
    def _session(node: Node) -> RtpSession:
        assert isinstance(node.machine, RtpSession)
        return node.machine
