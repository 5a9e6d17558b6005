"""Two sessions exchange frames."""

from dataclasses import replace

import pytest
from tests.rtp.session.party import RTX_SSRC, VIDEO_SSRC, VP8, Party, video_receiver, video_sender, vp8_frame
from tests.support.network import Link
from tests.support.rng import SeededRng

from rtc_rtp import EncodedFrame, RtpCodec, RtpPacket, SendEncoding, SourceAssociation, is_rtcp
from rtc_rtp.payload.vp8 import Vp8PayloadDescriptor


def test_video_arrives_whole_and_in_order() -> None:
    party = Party()
    party.connect_video()

    party.send_video(30)
    party.network.advance(1.0)

    assert [frame.data for frame in party.received()] == [frame.data for frame in party.frames_sent]


def test_audio_arrives_in_order() -> None:
    party = Party()
    party.connect_audio()

    party.send_audio(50)
    party.network.advance(1.0)

    assert [frame.data for frame in party.received("a")] == [frame.data for frame in party.frames_sent]


def test_audio_and_video_share_a_session() -> None:
    party = Party()
    party.connect_video()
    party.connect_audio()
    party.route()

    party.send_video(10)
    party.send_audio(10)
    party.network.advance(1.0)

    assert (len(party.received("v")), len(party.received("a"))) == (10, 10)


@pytest.mark.spec("rfc8834:6.1/1", "rfc8834:6.1/2")
def test_lost_packets_are_sent_again_and_every_frame_arrives() -> None:
    party = Party(link=Link(delay=0.02, loss=0.05), back=Link(delay=0.02))
    party.connect_video()

    party.send_video(150)
    party.network.advance(2.0)

    assert [frame.data for frame in party.received()] == [frame.data for frame in party.frames_sent]
    assert party.right.receiver_stats("v")[0].retransmitted_packets_received > 10


def test_a_hopeless_loss_is_answered_with_a_key_frame() -> None:
    party = Party()
    party.connect_video()
    party.send_video(10)
    party.network.run(timeout=0.1)
    link = party.network.nodes[0].hosts
    next(iter(link.values())).up = False
    party.send_video(60, first=10, answer=False)
    next(iter(link.values())).up = True

    party.send_video(60, first=70)
    party.network.advance(1.0)

    assert party.received()[-1].data == party.frames_sent[-1].data
    assert party.left.sender_stats("v")[None].pli_count > 0


def h264_picture(number: int) -> EncodedFrame:
    """A picture of H.264 in three slices, each a unit of its own; all of them key frames."""
    noise = SeededRng(f"slice {number}")(1500).replace(b"\x00", b"\x01")
    slices = b"".join(b"\x00\x00\x00\x01\x65" + bytes((start,)) + noise for start in (0x88, 0x44, 0x22))
    parameters = (
        b"\x00\x00\x00\x01\x67\x42\xc0\x1f\x8c\x8d\x40\x50\x1e\x90\x0f\x08\x84\x6a\x00\x00\x00\x01\x68\xce\x3c\x80"
    )
    return EncodedFrame(parameters + slices, number * 3000)


H264 = RtpCodec(
    payload_type=96,
    mime_type="video/H264",
    clock_rate=90_000,
    parameters={"packetization-mode": "1", "profile-level-id": "42c01f"},
    feedback=frozenset({"nack", "nack pli"}),
    rtx_payload_type=97,
)


def test_units_behind_a_gap_do_not_pass_for_the_next_picture() -> None:
    party = Party()
    party.left.add_sender("v", video_sender(codecs=(H264,)))
    party.right.add_receiver("v", video_receiver(codecs=(H264,)))
    seen = 0

    def lose_the_third(_: float, datagram: object) -> bool:
        nonlocal seen
        seen += 1
        return seen != 3

    party.here.tap = lose_the_third
    party.left.send_frame("v", h264_picture(0))
    party.network.advance(0.5)

    assert [frame.data for frame in party.received()] == [h264_picture(0).data]
    assert party.right.receiver_stats("v")[0].pli_count == 0


def test_a_picture_of_many_units_is_repaired_rather_than_cut() -> None:
    link = Link(delay=0.02)
    party = Party(link=link, back=Link(delay=0.02))
    party.left.add_sender("v", video_sender(codecs=(H264,)))
    party.right.add_receiver("v", video_receiver(codecs=(H264,)))
    pictures = [h264_picture(number) for number in range(60)]
    for picture in pictures:
        party.left.send_frame("v", picture)
        party.network.flush()
        # Nobody can miss what was before the first packet.
        link.loss = 0.15
        party.network.advance(1 / 30)
    party.network.advance(1.0)

    assert [frame.data for frame in party.received()] == [picture.data for picture in pictures]


def test_a_packet_that_is_given_up_lets_the_next_key_frame_through_at_once() -> None:
    party = Party(back=Link(delay=0.005), link=Link(delay=0.005))
    party.connect_video()
    party.send_video(90)
    lost = party.rtp()[-1].sequence_number + 2 & 0xFFFF
    party.here.tap = lambda _, datagram: (
        lost
        not in {
            int.from_bytes(datagram.data[2:4], "big"),
            int.from_bytes(datagram.data[-2:], "big"),
        }
        and datagram.data[8:12] != (0x71DE1).to_bytes(4, "big")
    )
    party.left.send_frame("v", vp8_frame(90, key=False))
    party.left.send_frame("v", vp8_frame(91, key=True))
    party.network.flush()

    party.network.advance(0.5)

    assert party.received()[-1].data == vp8_frame(91, key=True).data


@pytest.mark.spec("rfc7741:4.2/18")
def test_frames_are_numbered_on_when_what_was_negotiated_changes() -> None:
    party = Party()
    party.connect_video()
    party.send_video(3, length=100)
    slower = SendEncoding(ssrc=VIDEO_SSRC, rtx_ssrc=RTX_SSRC, max_bitrate_bps=500_000)

    party.left.add_sender("v", video_sender(encodings=(slower,)))
    party.send_video(3, first=3, length=100)

    packets = [packet for packet in party.rtp() if packet.payload_type == VP8.payload_type]
    numbers = [Vp8PayloadDescriptor.parse(packet.payload)[0].picture_id for packet in packets]
    assert numbers == [0, 1, 2, 3, 4, 5]


def lose_first_rtp(party: Party) -> None:
    lost = False

    def tap(_: float, datagram: object) -> bool:
        nonlocal lost
        passes = lost or is_rtcp(datagram.data)  # type: ignore[attr-defined]
        lost = lost or not passes
        return passes

    party.here.tap = tap


@pytest.mark.parametrize("other", [VP8, H264, replace(VP8, mime_type="video/unheard-of")])
def test_packets_that_wait_while_their_payload_type_is_given_away_do_no_harm(other: RtpCodec) -> None:
    party = Party()
    party.connect_video()
    party.send_video(2)
    lose_first_rtp(party)
    party.left.send_frame("v", vp8_frame(2, key=False))
    party.network.flush()
    party.network.advance(0.022)

    elsewhere = replace(VP8, payload_type=100, rtx_payload_type=101)
    party.right.add_receiver("v", video_receiver(codecs=(elsewhere,)))
    party.right.add_receiver("v", video_receiver(codecs=(elsewhere, replace(other, payload_type=96))))
    party.network.advance(2.0)

    assert [frame.data for frame in party.received()[:2]] == [vp8_frame(0, key=True).data, vp8_frame(1, key=False).data]


def test_a_parameter_that_a_format_does_not_allow_is_refused_before_packets_come() -> None:
    party = Party()
    out_of_order = RtpCodec(
        payload_type=98, mime_type="video/H265", clock_rate=90_000, parameters={"sprop-max-don-diff": "2"}
    )

    with pytest.raises(ValueError, match="decoding order"):
        party.right.add_receiver("v", video_receiver(codecs=(VP8, out_of_order)))


def test_a_picture_without_a_marker_ends_where_the_next_begins() -> None:
    party = Party()
    party.right.add_receiver("v", video_receiver(codecs=(H264,)))
    picture, next_picture = b"\x65\x80picture", b"\x41\x80next"
    packets = [
        RtpPacket(96, 1, 0, VIDEO_SSRC, picture),
        RtpPacket(96, 2, 3000, VIDEO_SSRC, next_picture, marker=True),
    ]

    for packet in (*packets, RtpPacket(96, 3, 6000, VIDEO_SSRC, next_picture, marker=True)):
        party.right.receive_datagrams([bytes(packet)], 0.1)
    party.network.flush()

    start = b"\x00\x00\x00\x01"
    assert [frame.data for frame in party.received()] == [start + picture, start + next_picture, start + next_picture]


def test_a_key_frame_behind_a_delimiter_of_its_own_is_found() -> None:
    """GStreamer sends an access unit delimiter, parameter sets and the picture in packets of their own."""
    party = Party()
    party.right.add_receiver("v", video_receiver(codecs=(H264,), ssrcs={VIDEO_SSRC: SourceAssociation()}))
    broken = [
        RtpPacket(96, 1, 0, VIDEO_SSRC, b"\x41\x80begins"),
        RtpPacket(96, 3, 0, VIDEO_SSRC, b"\x41\x20", marker=True),
    ]
    units = (b"\x09\x10", b"\x67\x42\xc0", b"\x68\xce", b"\x65\x80key")
    key = [RtpPacket(96, 4 + i, 3000, VIDEO_SSRC, unit, marker=i == 3) for i, unit in enumerate(units)]

    for packet in (*broken, *key):
        party.right.receive_datagrams([bytes(packet)], 0.0)
    party.network.flush()

    assert [frame.data for frame in party.received()] == [b"".join(b"\x00\x00\x00\x01" + unit for unit in units)]
