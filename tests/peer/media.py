"""Media between two peer connections below negotiation: what a negotiation would hand to the transports, written by hand."""

from collections.abc import Iterable
from dataclasses import replace

from tests.peer.pair import Pair, Side

import rtc_rtp
from rtc_peer.capabilities import MediaKind
from rtc_peer.media_transport import MediaTransport
from rtc_peer.negotiated import NegotiatedMedia
from rtc_peer.orders import Outcome
from rtc_rtp import EncodedFrame, ExtensionMap, ReceiveParameters, RtpCodec, SendEncoding, SendParameters

AUDIO, VIDEO = 1, 2
"""Transceivers, by number."""
EXTENSIONS = ExtensionMap(
    {
        3: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        4: "urn:ietf:params:rtp-hdrext:sdes:mid",
        10: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        11: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    }
)
FEEDBACK = frozenset({"nack", "nack pli", "ccm fir", "transport-cc"})
OPUS = RtpCodec(payload_type=111, mime_type="audio/opus", clock_rate=48_000, channels=2)
VP8 = RtpCodec(payload_type=96, mime_type="video/VP8", clock_rate=90_000, feedback=FEEDBACK, rtx_payload_type=97)


def section(
    number: int = AUDIO, ssrc: int = 1000, *, sends: bool = True, receives: bool = True, transport_id: int = 0
) -> NegotiatedMedia:
    """One section in force on one side, whose own stream has the SSRC `ssrc`."""
    kind: MediaKind = "audio" if number == AUDIO else "video"
    codec, mid = (OPUS, "a") if number == AUDIO else (VP8, "v")
    rtx_ssrc = ssrc + 1 if codec.rtx_payload_type is not None else None
    return NegotiatedMedia(
        transceiver_id=number,
        mid=mid,
        kind=kind,
        transport_id=transport_id,
        sends=sends,
        receives=receives,
        send=SendParameters(
            mid=mid,
            kind=kind,
            codecs=(codec,),
            encodings=(SendEncoding(ssrc=ssrc, rtx_ssrc=rtx_ssrc),),
            header_extensions=EXTENSIONS,
            reduced_size=True,
        ),
        receive=ReceiveParameters(
            mid=mid, kind=kind, codecs=(codec,), header_extensions=EXTENSIONS, reduced_size=True, deliver="both"
        )
        if receives
        else None,
    )


def delivering(media: NegotiatedMedia, deliver: "rtc_rtp.parameters.Delivery") -> NegotiatedMedia:
    """The same section with another way to hand media on."""
    assert media.receive is not None
    return replace(media, receive=replace(media.receive, deliver=deliver))


def frame(number: int, *, video: bool = False, length: int = 100, keyframe: bool = True) -> EncodedFrame:
    """An encoded frame of 20 ms of sound, or of a picture of VP8, that can be told from others."""
    if not video:
        return EncodedFrame(number.to_bytes(4, "big") * (length // 4), timestamp=960 * number)
    # A VP8 key frame: start code and size; a later one has the lowest bit set.
    head = b"\x10\x00\x00\x9d\x01\x2a\x80\x02\xe0\x01" if keyframe else b"\x11\x00\x00"
    return EncodedFrame(head + number.to_bytes(4, "big") * (length // 4), timestamp=3000 * number, keyframe=keyframe)


def apply(pair: Pair, left: Iterable[NegotiatedMedia], right: Iterable[NegotiatedMedia]) -> None:
    """Put sections into force on both sides, as an exchange of descriptions does."""
    for side, media in ((pair.left, left), (pair.right, right)):
        side.machine._layers.apply(Outcome(media=tuple(media)), controlling=True, now=pair.now)
    pair.network.flush()


def media_of(side: Side, transport_id: int = 0) -> MediaTransport:
    """The media of a transport."""
    found = side.machine._layers.transports.transports[transport_id].media
    assert found is not None
    return found


def send(side: Side, number: int, encoded: EncodedFrame, now: float) -> None:
    """Send a frame on the transport of a transceiver, as its sender does."""
    layers = side.machine._layers
    media = layers.media_transport(number)
    assert media is not None
    media.send_frame(number, encoded)
    layers.settle(now)


def frames(side: Side, number: int | None = None) -> list[bytes]:
    """The content of the frames that arrived."""
    found = side.of(rtc_rtp.FrameReceived)
    return [each.frame.data for each in found if number is None or each.receiver_id == number]
