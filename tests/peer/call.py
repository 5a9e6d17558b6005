"""Two peer connections in a call: sound and pictures both ways over the simulated network."""

from collections.abc import Sequence

from tests.peer.pair import Pair, Side

from rtc_peer import FrameReceived, RtpTransceiver
from rtc_peer.media_transport import MediaTransport
from rtc_rtp import EncodedFrame
from rtc_stun import Datagram

AUDIO, VIDEO = "audio", "video"


class Call(Pair):
    """Two sides that send and receive everything that is named.

    Args:
        kinds: What both sides send.
        data: Whether there is a data channel, too.
        options: For `Pair`.
    """

    def __init__(self, kinds: Sequence[str] = (AUDIO, VIDEO), *, data: bool = False, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]  # the caller knows the options
        for side in self.sides:
            for kind in kinds:
                side.machine.add_track(kind, f"{side.name.replace(' ', '-')}-{kind}", ["stream"])
        if data:
            self.left.machine.create_data_channel("chat")

    def begin(self) -> "Call":
        """Negotiate, and wait until media can flow."""
        self.negotiate()
        assert self.run(lambda: all(media_of(side).srtp.profile is not None for side in self.sides))
        self.settle(0.1)
        return self

    def send(self, side: Side, kind: str, number: int, *, keyframe: bool = False) -> None:
        """Send one frame that can be told from others."""
        transceiver(side, kind).sender.send_frame(frame(kind, number, keyframe=keyframe), now=self.now)
        self.network.flush()

    def talk(self, count: int = 10, start: int = 0, kinds: Sequence[str] = (AUDIO, VIDEO)) -> None:
        """Both sides send so many frames of each kind, 20 ms apart, and wait until they have arrived."""
        for number in range(start, start + count):
            for side in self.sides:
                for kind in kinds:
                    self.send(side, kind, number)
            self.settle(0.02)
        self.settle(0.5)


def call(kinds: Sequence[str] = (AUDIO, VIDEO), *, data: bool = False, **options: object) -> Call:
    """A call in which media can flow."""
    return Call(kinds, data=data, **options).begin()


def frame(kind: str, number: int, *, keyframe: bool = False) -> EncodedFrame:
    """An encoded frame: 20 ms of sound, or a picture of three packets, of which the first stands alone."""
    if kind == AUDIO:
        return EncodedFrame(number.to_bytes(4, "big") * 25, timestamp=960 * number)
    keyframe = keyframe or number == 0
    # The frame header of VP8: in a key frame a start code and the size follow; the lowest bit says that it is none.
    head = b"\x10\x00\x00\x9d\x01\x2a\x80\x02\xe0\x01" if keyframe else b"\x11\x00\x00"
    return EncodedFrame(head + number.to_bytes(4, "big") * 700, timestamp=1800 * number, keyframe=keyframe)


def transceiver(side: Side, kind: str) -> RtpTransceiver:
    """The first transceiver of a kind."""
    return next(each for each in side.machine.transceivers if each.kind == kind)


def frames(side: Side, kind: str) -> list[bytes]:
    """The content of what arrived of a kind."""
    return [each.frame.data for each in side.of(FrameReceived) if each.transceiver.kind == kind]


def sent(kind: str, numbers: Sequence[int]) -> list[bytes]:
    """The content of frames."""
    return [frame(kind, number).data for number in numbers]


def media_of(side: Side, transport_id: int = 0) -> MediaTransport:
    """The media of a transport."""
    found = side.machine._layers.transports.transports[transport_id].media
    assert found is not None
    return found


def media_datagrams(side: Side) -> list[Datagram]:
    """Collect what leaves a side from now on and is RTP or RTCP by its first byte."""
    found: list[Datagram] = []

    def tap(now: float, datagram: Datagram) -> bool:
        if 128 <= datagram.data[0] <= 191:
            found.append(datagram)
        return True

    side.node.tap = tap
    return found
