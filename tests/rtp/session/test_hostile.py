"""Whatever a peer sends, a session goes on, and does not grow."""

import copy
import pickle
import sys
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rtp.session.party import (
    AUDIO_SSRC,
    RTX_SSRC,
    VIDEO_SSRC,
    VP8,
    WALL_CLOCK,
    ByPayloadType,
    Party,
    audio_receiver,
    audio_sender,
    opus_frame,
    video_receiver,
    video_sender,
    vp8_frame,
)
from tests.rtp.strategies import rtcp_packets
from tests.support.effort import examples
from tests.support.network import Link
from tests.support.rng import SeededRng

from rtc_rtp import (
    ReceiverReport,
    RtpCodec,
    RtpPacket,
    RtpSession,
    SessionOptions,
    SourceAssociation,
    parse_compound,
    rtcp,
)

ROUTES: dict[int, str] = {111: "a", 63: "a", 110: "a"} | dict.fromkeys((96, 97, 98, 99, 120, 122), "v")
VP9 = RtpCodec(payload_type=98, mime_type="video/VP9", clock_rate=90_000, feedback=VP8.feedback, rtx_payload_type=99)


def _session() -> RtpSession:
    """A session with all that can be negotiated."""
    session = RtpSession(
        now=0.0, rng=SeededRng(1), ntp_time=WALL_CLOCK, options=SessionOptions(send_buffer_size=200_000)
    )
    codec = VP8.__class__(
        payload_type=96,
        mime_type="video/VP8",
        clock_rate=90_000,
        feedback=VP8.feedback | {"transport-cc", "ack ccfb", "goog-remb"},
        rtx_payload_type=97,
    )
    tones = {48_000: 110}
    session.add_sender("a", audio_sender(telephone_event_payload_types=tones))
    session.add_sender("v", video_sender(codecs=(codec,)))
    session.add_receiver("a", audio_receiver(red_payload_type=63, telephone_event_payload_types=tones))
    session.add_receiver(
        "v",
        video_receiver(
            codecs=(codec, VP9),
            rids=("q", "h"),
            red_payload_type=120,
            ulpfec_payload_type=121,
            flexfec_payload_type=122,
        ),
    )
    session.set_router(ByPayloadType(ROUTES))
    return session


payloads = st.one_of(
    st.binary(max_size=40),
    st.builds(
        bytes.__add__,
        st.sampled_from([b"\x10\0\0", b"\x90\x80\x01", b"\x78", b"\x60\x10", b"\x79"]),
        st.binary(max_size=40),
    ),
)
rtp_packets = st.builds(
    RtpPacket,
    st.sampled_from([*ROUTES, 5]),
    st.integers(0, 40) | st.integers(0, 0xFFFF),
    st.integers(0, 10).map(lambda number: 3000 * number) | st.integers(0, 0xFFFF_FFFF),
    st.sampled_from([1, 2, 3, 4, AUDIO_SSRC, RTX_SSRC]),
    payloads,
    marker=st.booleans(),
    csrcs=st.lists(st.integers(0, 5), max_size=3).map(tuple),
    extensions=st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), max_size=4),
).map(bytes)
datagrams = st.lists(st.one_of(rtp_packets, rtcp_packets.map(bytes), st.binary(max_size=60)), max_size=20)


@examples(100)
@given(st.lists(st.tuples(datagrams, st.sampled_from([0.0, 0.01, 0.3, 1.0, 3.0])), max_size=4))
def test_nothing_that_arrives_raises(batches: list[tuple[list[bytes], float]]) -> None:
    session = _session()
    now = 0.0
    for number, (batch, pause) in enumerate(batches):
        session.receive_datagrams(batch, now)
        session.send_frame("a", opus_frame(number))
        session.send_frame("v", vp8_frame(number, key=True))
        session.datagrams_to_send(now)
        session.events()
        due = session.next_timeout()
        assert due is None or due > now
        now += pause
        session.handle_timeout(now)
    session.close(now)
    session.datagrams_to_send(now)

    assert session.closed
    pickle.loads(pickle.dumps(session))


@examples(50)
@given(rtcp_packets, st.sampled_from([AUDIO_SSRC, VIDEO_SSRC, RTX_SSRC]))
def test_feedback_on_what_exists_raises_nothing(packet: rtcp.RtcpPacket, ssrc: int) -> None:
    session = _session()
    for number in range(3):
        session.send_frame("v", vp8_frame(number, key=True))
        session.datagrams_to_send(number / 30)
    for name in ("ssrc", "media_ssrc", "sender_ssrc"):
        if hasattr(packet, name):
            setattr(packet, name, ssrc)

    session.receive_datagram(bytes(packet), 0.2)
    session.datagrams_to_send(0.2)
    session.handle_timeout(1.0)
    session.datagrams_to_send(1.0)


def test_what_is_forged_changes_no_stream() -> None:
    party = Party()
    party.connect_video()
    party.send_video(5)
    before = copy.deepcopy(party.right.receiver_stats("v"))

    for number in range(50):
        party.right.receive_datagram(bytes(RtpPacket(5, number, 1, VIDEO_SSRC, b"x")), party.network.now)
        party.right.receive_datagram(b"\x80\xc8\x00\x06" + bytes(3), party.network.now)

    assert party.right.receiver_stats("v") == before
    assert party.right.stats.dropped == {"unknown_payload_type": 50, "malformed_rtcp": 50}


def test_a_call_over_a_bad_path_does_not_grow() -> None:
    link = Link(delay=0.05, jitter=0.05, loss=0.1, reordering=0.05, duplication=0.05)
    party = Party(link=link, back=link)
    codec = VP8.__class__(
        payload_type=96,
        mime_type="video/VP8",
        clock_rate=90_000,
        feedback=VP8.feedback | {"transport-cc"},
        rtx_payload_type=97,
    )
    party.left.add_sender("v", video_sender(codecs=(codec,)))
    party.right.add_receiver("v", video_receiver(codecs=(codec,)))
    sizes = []
    for minute in range(3):
        party.send_video(600, first=600 * minute, length=1500)
        party.network.advance(12.0)
        sizes.append([len(pickle.dumps(session)) for session in party.sessions])

    assert all(late < early + 20_000 for early, late in zip(sizes[1], sizes[2], strict=True))
    assert len(party.received()) > 0.8 * len(party.frames_sent)


def test_a_jitter_beyond_what_a_report_can_tell_is_told_as_the_most() -> None:
    """A machine that slept for weeks, or a clock of billions of ticks: the report leaves all the same."""
    party = Party()
    party.right.add_receiver("v", video_receiver(ssrcs={5: SourceAssociation()}))
    now = 0.0
    for number, now in enumerate((0.0, 2e6)):
        party.right.receive_datagram(bytes(RtpPacket(96, number, 0, 5, b"\x10\0\0", marker=True)), now)

    reports = [
        packet
        for data in party.right.datagrams_to_send(now)
        for packet in parse_compound(data)
        if isinstance(packet, ReceiverReport)
    ]

    assert [block.jitter for report in reports for block in report.blocks] == [0xFFFF_FFFF]


@pytest.mark.parametrize("first", [b"\x41\x80", b"\x41\x20"])
def test_what_waits_behind_a_gap_is_not_searched_for_each_packet(first: bytes) -> None:
    """Calls grow with the packets, not with their square: pictures behind a gap, or no beginning of any."""
    h264 = RtpCodec(payload_type=96, mime_type="video/H264", clock_rate=90_000, parameters={"packetization-mode": "1"})

    def calls_for(count: int) -> int:
        party = Party()
        party.right.add_receiver("v", video_receiver(codecs=(h264,), ssrcs={5: SourceAssociation()}))
        packets = [
            bytes(RtpPacket(96, number, number * 3000, 5, first, marker=number == 0))
            for number in range(count)
            if number != 1
        ]
        calls = 0

        def note(_frame: FrameType, _event: str, _argument: object) -> None:
            nonlocal calls
            calls += 1

        sys.setprofile(note)
        try:
            for packet in packets:
                party.right.receive_datagrams([packet], 0.0)
        finally:
            sys.setprofile(None)
        return calls

    assert calls_for(400) < 3 * calls_for(200)
