"""Which form the header extensions of a stream take."""

import os

import pytest

from rtc_rtp import (
    ABS_SEND_TIME,
    DEPENDENCY_DESCRIPTOR,
    MID,
    TRANSPORT_SEQUENCE_NUMBER,
    VIDEO_ORIENTATION,
    ExtensionMap,
    ReceiverReport,
    ReportBlock,
    RtpPacket,
    RtpSession,
    SendEncoding,
    SendParameters,
    VideoOrientation,
    is_rtcp,
)
from rtc_rtp.sending.header_extensions import HeaderExtensions

from .party import EXTENSIONS, OPUS, Party, opus_frame, video_receiver, video_sender, vp8_frame

LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"


def _profiles(negotiated: ExtensionMap) -> list[bytes]:
    """The 16 bits before the extension of each packet of a stream."""
    session = RtpSession(now=0.0, rng=os.urandom, ntp_time=1.8e9)
    session.add_sender(
        "voice",
        SendParameters(
            mid="a-name-of-more-than-16-bytes",
            kind="audio",
            codecs=(OPUS,),
            encodings=(SendEncoding(ssrc=1),),
            header_extensions=negotiated,
        ),
    )
    packets: list[bytes] = []
    for number in range(20):
        if number == 10:  # the peer has seen the stream: it need not be named any more
            report = ReceiverReport(
                9, [ReportBlock(1, highest_sequence_number=RtpPacket.parse(packets[-1]).sequence_number)]
            )
            session.receive_datagram(report.serialize(), number * 0.02)
        session.send_frame("voice", opus_frame(number))
        packets += [each for each in session.datagrams_to_send(number * 0.02) if not is_rtcp(each)]
    return [each[12:14] for each in packets]


@pytest.mark.parametrize("orientation", [None, VideoOrientation(90)])
def test_the_fast_path_of_stamps_says_what_the_general_one_says(orientation: VideoOrientation | None) -> None:
    negotiated = ExtensionMap(
        {3: str(TRANSPORT_SEQUENCE_NUMBER), 2: str(ABS_SEND_TIME), 5: str(VIDEO_ORIENTATION)}, allow_mixed=True
    )
    packet = RtpPacket(96, 1, 2, 3, b"media")
    extensions = HeaderExtensions(negotiated, None, None)
    if orientation is not None:
        extensions.tell_orientation(packet.extensions, orientation)

    extensions.stamp(packet, 0x1234, b"abc")

    stamps = {3: b"\x12\x34", 2: b"abc"}
    others = {} if orientation is None else {5: VIDEO_ORIENTATION.serialize(orientation)}
    assert packet.serialize() == RtpPacket(96, 1, 2, 3, b"media", extensions=others | stamps).serialize()


@pytest.mark.parametrize("allow_mixed", [True, False])
@pytest.mark.parametrize("orientation", [None, VideoOrientation(90)])
def test_packets_that_leave_together_are_numbered_one_after_the_other(
    orientation: VideoOrientation | None, allow_mixed: bool
) -> None:
    time = 20 if not allow_mixed else 2  # a number that the one-byte form has no room for
    negotiated = ExtensionMap(
        {3: str(TRANSPORT_SEQUENCE_NUMBER), time: str(ABS_SEND_TIME), 5: str(VIDEO_ORIENTATION)},
        allow_mixed=allow_mixed,
    )
    packets = [RtpPacket(96, number, 2, 3, b"media", marker=number == 3) for number in (1, 2, 3)]
    extensions = HeaderExtensions(negotiated, None, None)
    if orientation is not None:
        extensions.tell_orientation(packets[-1].extensions, orientation)

    datagrams = extensions.serialize(packets, 0x1_FFFE, b"abc")

    said = [RtpPacket.parse(data).extensions for data in datagrams]
    assert [elements[3] for elements in said] == [b"\xff\xfe", b"\xff\xff", b"\0\0"]
    assert [elements[time] for elements in said] == [b"abc"] * 3
    assert [5 in elements for elements in said] == [False, False, orientation is not None]
    assert {data[12:14] for data in datagrams} == {b"\xbe\xde" if allow_mixed else b"\x10\0"}
    assert [RtpPacket.parse(data).marker for data in datagrams] == [False, False, True]


@pytest.mark.spec("rfc8834:5.2/2")
def test_who_knows_no_header_extension_receives_all_the_same() -> None:
    party = Party()
    extensions = ExtensionMap({**EXTENSIONS, 8: str(VIDEO_ORIENTATION), 9: str(DEPENDENCY_DESCRIPTOR)})
    party.left.add_sender("v", video_sender(header_extensions=extensions))
    party.right.add_receiver("v", video_receiver(header_extensions=ExtensionMap()))

    for number in range(30):
        frame = vp8_frame(number, key=number == 0)
        frame.orientation = VideoOrientation(90)
        party.frames_sent.append(frame)
        party.left.send_frame("v", frame)
        party.network.flush()
        party.network.advance(1 / 30)
    party.network.advance(1.0)

    assert all(packet.extensions for packet in party.rtp())
    assert [frame.data for frame in party.received()] == [frame.data for frame in party.frames_sent]
    assert {frame.orientation for frame in party.received()} == {None}


@pytest.mark.spec("rfc8285:4.1.2/9", "rfc8285:6/3", "rfc8285:6/6")
def test_a_stream_keeps_to_one_form_unless_mixing_was_agreed_on() -> None:
    transport_wide = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
    uris = {1: str(MID), 2: LEVEL, 3: transport_wide}
    alone = _profiles(ExtensionMap(uris))
    mixed = _profiles(ExtensionMap(uris, allow_mixed=True))

    assert alone == [b"\x10\x00"] * 20
    assert mixed == [b"\x10\x00"] * 10 + [b"\xbe\xde"] * 10
