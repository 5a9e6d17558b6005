"""Two sessions on a simulated network, and media that looks real enough for payload formats."""

from dataclasses import replace

from tests.support.network import Link, Network, Node
from tests.support.rng import SeededRng

from rtc_rtp import (
    EncodedFrame,
    ExtensionMap,
    FrameReceived,
    ReceiveParameters,
    RtpCodec,
    RtpPacket,
    RtpSession,
    SendEncoding,
    SendParameters,
    SessionOptions,
    is_rtcp,
)

WALL_CLOCK = 1_800_000_000.0
EXTENSIONS = ExtensionMap(
    {
        1: "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        2: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        3: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        4: "urn:ietf:params:rtp-hdrext:sdes:mid",
        5: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        6: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
        7: "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
    }
)
OPUS = RtpCodec(payload_type=111, mime_type="audio/opus", clock_rate=48_000, channels=2, parameters={"minptime": "10"})
VP8 = RtpCodec(
    payload_type=96,
    mime_type="video/VP8",
    clock_rate=90_000,
    feedback=frozenset({"nack", "nack pli", "ccm fir"}),
    rtx_payload_type=97,
)
AUDIO_SSRC, VIDEO_SSRC, RTX_SSRC = 0xA0D10, 0x71DE0, 0x71DE1


def audio_sender(ssrc: int = AUDIO_SSRC, **changes: object) -> SendParameters:
    """One stream of Opus."""
    parameters = SendParameters(
        mid="0", kind="audio", codecs=(OPUS,), encodings=(SendEncoding(ssrc=ssrc),), header_extensions=EXTENSIONS
    )
    return replace(parameters, **changes)  # type: ignore[arg-type]


def video_sender(ssrc: int = VIDEO_SSRC, **changes: object) -> SendParameters:
    """One stream of VP8 with retransmission."""
    parameters = SendParameters(
        mid="1",
        kind="video",
        codecs=(VP8,),
        encodings=(SendEncoding(ssrc=ssrc, rtx_ssrc=ssrc + 1),),
        header_extensions=EXTENSIONS,
        reduced_size=True,
    )
    return replace(parameters, **changes)  # type: ignore[arg-type]


def audio_receiver(**changes: object) -> ReceiveParameters:
    """Whoever sends Opus."""
    parameters = ReceiveParameters(mid="0", kind="audio", codecs=(OPUS,), header_extensions=EXTENSIONS)
    return replace(parameters, **changes)  # type: ignore[arg-type]


def video_receiver(**changes: object) -> ReceiveParameters:
    """Whoever sends VP8."""
    parameters = ReceiveParameters(
        mid="1", kind="video", codecs=(VP8,), header_extensions=EXTENSIONS, reduced_size=True
    )
    return replace(parameters, **changes)  # type: ignore[arg-type]


class ByPayloadType:
    """A router as simple as can be."""

    def __init__(self, receivers: dict[int, str]) -> None:
        self.receivers = receivers

    def route(self, packet: RtpPacket) -> str | None:
        """Look the payload type up."""
        return self.receivers.get(packet.payload_type)

    def describe(self, ssrc: int, mid: str) -> None:
        """Take no note of it: payload types tell."""


def vp8_frame(number: int, *, key: bool, length: int = 3000) -> EncodedFrame:
    """A frame of VP8 at 30 a second; the first partition holds noise that depends on the number."""
    noise = SeededRng(f"frame {number}")(length)
    if key:
        data = b"\x10\x02\x00\x9d\x01\x2a" + (640).to_bytes(2, "little") + (480).to_bytes(2, "little") + noise
    else:
        data = b"\x11\x02\x00" + noise
    return EncodedFrame(data, number * 3000 & 0xFFFF_FFFF, keyframe=key)


def opus_frame(number: int, length: int = 80) -> EncodedFrame:
    """20 milliseconds of Opus in one frame."""
    return EncodedFrame(b"\x78" + SeededRng(f"sound {number}")(length), number * 960 & 0xFFFF_FFFF)


class Party:
    """Two sessions, the left one with senders, the right one with receivers, and a clock that sends frames."""

    def __init__(
        self,
        *,
        link: Link | None = None,
        back: Link | None = None,
        seed: int = 1,
        options: SessionOptions | None = None,
        probe: bool = True,
    ) -> None:
        self.network = Network(seed=seed, link=link or Link(delay=0.02))
        self.sessions = [
            RtpSession(now=0.0, rng=SeededRng(f"{seed} {side}"), ntp_time=WALL_CLOCK, options=options)
            for side in ("left", "right")
        ]
        self.left, self.right = self.sessions
        self.nodes = self.network.join(self.left, self.right, link=link, back=back)
        self.sent: list[list[bytes]] = [[], []]
        for node, log in zip(self.nodes, self.sent, strict=True):
            node.tap = lambda _, datagram, log=log: bool(log.append(datagram.data)) or True
        self.frames_sent: list[EncodedFrame] = []
        self.key_frame_wanted = False

    @property
    def here(self) -> Node:
        """Where the left session is on the network."""
        return self.nodes[0]

    @property
    def there(self) -> Node:
        """Where the right session is on the network."""
        return self.nodes[1]

    def connect_video(self, **changes: object) -> None:
        """Let video flow from left to right."""
        self.left.add_sender("v", replace(video_sender(), **changes))  # type: ignore[arg-type]
        self.right.add_receiver("v", video_receiver())

    def connect_audio(self) -> None:
        """Let audio flow from left to right."""
        self.left.add_sender("a", audio_sender())
        self.right.add_receiver("a", audio_receiver())

    def route(self) -> None:
        """Tell audio from video at the right end."""
        self.right.set_router(ByPayloadType({111: "a", 96: "v", 97: "v"}))

    def send_video(self, count: int, *, first: int = 0, length: int = 3000, answer: bool = True) -> None:
        """Send frames at 30 a second, number 0 a key frame, and another whenever the peer asks for one."""
        for number in range(first, first + count):
            wanted = answer and any(type(event).__name__ == "KeyFrameRequested" for event in self.here.events)
            if wanted:
                self.here.events.clear()
            frame = vp8_frame(number, key=number == 0 or wanted, length=length)
            self.frames_sent.append(frame)
            self.left.send_frame("v", frame)
            self.network.flush()
            self.network.advance(1 / 30)

    def send_audio(self, count: int, *, first: int = 0) -> None:
        """Send frames at 50 a second."""
        for number in range(first, first + count):
            frame = opus_frame(number)
            self.frames_sent.append(frame)
            self.left.send_frame("a", frame)
            self.network.flush()
            self.network.advance(0.02)

    def received(self, receiver_id: str = "v") -> list[EncodedFrame]:
        """The frames that the right end got."""
        return [event.frame for event in self.there.of(FrameReceived) if event.receiver_id == receiver_id]

    def rtcp(self, side: int) -> list[bytes]:
        """What one side sent of RTCP."""
        return [data for data in self.sent[side] if is_rtcp(data)]

    def rtp(self, side: int = 0) -> list[RtpPacket]:
        """What one side sent of RTP."""
        return [RtpPacket.parse(data) for data in self.sent[side] if not is_rtcp(data)]
