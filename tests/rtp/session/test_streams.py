"""Forwarding, tones and redundancy: what else travels in streams."""

from dataclasses import replace

import pytest
from tests.rtp.session.party import (
    AUDIO_SSRC,
    EXTENSIONS,
    OPUS,
    VIDEO_SSRC,
    VP8,
    ByPayloadType,
    Party,
    audio_receiver,
    audio_sender,
    opus_frame,
    video_receiver,
    video_sender,
    vp8_frame,
)
from tests.support.network import Link
from tests.support.rng import SeededRng

from rtc_rtp import (
    BufferFullError,
    DescriptionChunk,
    DescriptionItem,
    DescriptionType,
    EndReason,
    ExtensionMap,
    FrameReceived,
    FullIntraRequest,
    Goodbye,
    IntraRequest,
    KeyFrameRequested,
    MaximumBitrate,
    PacketReceived,
    PictureLossIndication,
    ReceiverReport,
    RedSender,
    RtpPacket,
    RtpSession,
    SessionOptions,
    SourceDescription,
    StateError,
    StreamDiscovered,
    StreamEnded,
    TargetBitrateChanged,
    TemporaryMaximumBitrate,
    TemporaryMaximumBitrateNotification,
    ToneReceived,
    ToneSent,
    parse_compound,
)
from rtc_rtp.fec import FLEXFEC, ULPFEC, FecSender, mutable_extensions
from rtc_rtp.sending.circuit_breaker import BreakReason

# --- key frames ---


@pytest.mark.spec("rfc8834:5.1.2/1")
def test_requests_in_a_crowd_are_told_once() -> None:
    party = Party()
    party.connect_video()
    party.send_video(10)
    now = party.network.now
    party.left.receive_datagrams([PictureLossIndication(9, VIDEO_SSRC).serialize()] * 5, now)
    party.left.receive_datagram(PictureLossIndication(9, VIDEO_SSRC).serialize(), now + 0.3)

    first = party.left.events()
    party.left.send_frame("v", vp8_frame(10, key=True))
    party.left.datagrams_to_send(now + 0.4)
    party.left.receive_datagram(PictureLossIndication(9, VIDEO_SSRC).serialize(), now + 0.45)
    meanwhile = party.left.events()
    party.left.receive_datagram(PictureLossIndication(9, VIDEO_SSRC).serialize(), now + 2.0)

    assert first == [KeyFrameRequested("v", None)]
    assert meanwhile == []
    assert party.left.events() == [KeyFrameRequested("v", None)]
    assert party.left.sender_stats("v")[None].pli_count == 8


def test_who_missed_the_first_key_frame_gets_another_though_the_sender_takes_the_request_for_an_older_one() -> None:
    party = Party(link=Link(delay=0.001))
    party.connect_video()
    party.send_video(1)
    party.right.request_key_frame("v")
    party.send_video(30, first=1)

    assert [frame.keyframe for frame in party.received()].count(True) == 2
    assert party.right.receiver_stats("v")[0].pli_count == 2


def test_a_wish_for_a_key_frame_that_nobody_grants_is_given_up() -> None:
    party = Party()
    party.connect_video()
    party.send_video(30)
    party.right.request_key_frame("v")
    party.send_video(150, first=30, answer=False)

    assert party.right.receiver_stats("v")[0].pli_count == 5


@pytest.mark.spec("rfc8834:5.1.1/1")
def test_an_intra_request_is_obeyed_once_for_each_number() -> None:
    party = Party()
    party.connect_video()
    party.send_video(10)
    told = []
    for number, at in ((1, 1.0), (1, 3.0), (2, 5.0)):
        request = FullIntraRequest(9, 0, [IntraRequest(VIDEO_SSRC, number)])
        party.left.receive_datagram(request.serialize(), party.network.now + at)
        told.append(len(party.left.events()))

    assert told == [1, 0, 1]


def test_without_picture_loss_indications_an_intra_request_is_sent() -> None:
    party = Party()
    codec = replace(VP8, feedback=frozenset({"nack", "ccm fir"}))
    party.left.add_sender("v", video_sender(codecs=(codec,)))
    party.right.add_receiver("v", video_receiver(codecs=(codec,)))
    party.send_video(10)

    party.right.request_key_frame("v")
    party.network.advance(0.1)

    assert party.here.saw(KeyFrameRequested)
    assert party.right.receiver_stats("v")[0].fir_count == 1


@pytest.mark.spec("rfc8834:5.1.6/1")
def test_a_bound_of_the_peer_is_kept_and_confirmed() -> None:
    party = Party()
    party.connect_video()
    party.left.receive_datagram(
        TemporaryMaximumBitrate(9, 0, [MaximumBitrate(VIDEO_SSRC, 200_000, 40)]).serialize(), 0.0
    )
    party.network.advance(1.0)

    answers = [
        packet
        for data in party.rtcp(0)
        for packet in parse_compound(data)
        if isinstance(packet, TemporaryMaximumBitrateNotification)
    ]
    assert party.here.of(TargetBitrateChanged)[-1].shares[0].bitrate_bps == 200_000 * 160 // (160 + 40)
    assert answers == [TemporaryMaximumBitrateNotification(VIDEO_SSRC, 0, [MaximumBitrate(9, 200_000, 40)])]


# --- forwarding ---


def _forward(party: Party, sources: list[RtpPacket], **how: object) -> list[RtpPacket]:
    party.left.add_sender("v", video_sender())
    for packet in sources:
        party.left.send_packet("v", packet, rewrite=True, now=party.network.now, **how)  # type: ignore[arg-type]
        party.network.flush()
        party.network.advance(0.01)
    return party.rtp()


def test_a_forwarder_gets_packets_as_they_came() -> None:
    party = Party(link=Link(delay=0.02, loss=0.1, duplication=0.1), back=Link(delay=0.02))
    party.left.add_sender("v", video_sender())
    party.right.add_receiver("v", video_receiver(deliver="packets"))

    party.send_video(60)
    party.network.advance(1.0)

    packets = [event.packet for event in party.there.of(PacketReceived)]
    numbers = [packet.sequence_number for packet in packets]
    assert {packet.ssrc for packet in packets} == {VIDEO_SSRC}
    assert len(numbers) == len(set(numbers))
    assert sorted(numbers) == sorted({packet.sequence_number for packet in party.rtp() if packet.ssrc == VIDEO_SSRC})
    assert party.there.of(FrameReceived) == []


def test_both_kinds_of_delivery_at_once() -> None:
    party = Party()
    party.left.add_sender("v", video_sender())
    party.right.add_receiver("v", video_receiver(deliver="both"))

    party.send_video(10)

    assert len(party.received()) == 10
    assert len(party.there.of(PacketReceived)) == len(party.rtp())


def test_a_gap_in_what_is_passed_on_stays_a_gap() -> None:
    sources = [RtpPacket(96, number, 3000, 1, b"\x10abc") for number in (65_534, 65_535, 1, 2)]

    packets = _forward(Party(), sources)

    first = packets[0].sequence_number
    assert [(packet.sequence_number - first) & 0xFFFF for packet in packets] == [0, 1, 3, 4]
    assert {packet.ssrc for packet in packets} == {VIDEO_SSRC}


def test_another_source_goes_on_where_the_last_one_ended() -> None:
    sources = [
        RtpPacket(96, 10, 3000, 1, b"\x10abc"),
        RtpPacket(96, 7000, 99, 2, b"\x10abc"),
        RtpPacket(96, 7001, 99, 2, b"x"),
    ]

    packets = _forward(Party(), sources)

    numbers = [packet.sequence_number for packet in packets]
    assert [number - numbers[0] for number in numbers] == [0, 1, 2]
    assert packets[1].timestamp - packets[0].timestamp == 900
    assert packets[2].timestamp == packets[1].timestamp


def test_what_a_packet_says_of_itself_is_passed_on_under_our_numbers() -> None:
    theirs = ExtensionMap({9: EXTENSIONS[1], 3: EXTENSIONS[4], 8: "urn:unknown"})
    source = RtpPacket(96, 10, 3000, 1, b"\x10abc", extensions={9: b"\x22", 3: b"theirs", 8: b"?"})

    (packet,) = _forward(Party(), [source], extension_map=theirs)

    assert packet.extensions[1] == b"\x22"
    assert packet.extensions[4] == b"1"
    assert b"?" not in packet.extensions.values()
    assert source.extensions == {9: b"\x22", 3: b"theirs", 8: b"?"}


def test_a_packet_that_is_not_rewritten_keeps_its_numbers() -> None:
    party = Party()
    party.left.add_sender("v", video_sender())

    party.left.send_packet("v", RtpPacket(96, 4711, 4712, VIDEO_SSRC, b"\x10abc"))
    party.network.flush()

    assert (party.rtp()[0].sequence_number, party.rtp()[0].timestamp) == (4711, 4712)


# --- tones ---

DIALLED = {48_000: 110}


def _telephone() -> Party:
    party = Party()
    party.left.add_sender("a", audio_sender(telephone_event_payload_types=DIALLED))
    party.right.add_receiver("a", audio_receiver(telephone_event_payload_types=DIALLED))
    return party


def test_tones_are_heard_at_the_other_end() -> None:
    party = _telephone()
    party.send_audio(10)

    party.left.send_tones("a", "1,#", party.network.now)
    party.send_audio(200, first=10)

    heard = [event for event in party.there.of(ToneReceived) if event.ended]
    assert [event.code for event in heard] == [1, 11]
    assert all(event.duration == pytest.approx(0.1, abs=0.001) for event in heard)
    assert [event.tone for event in party.here.of(ToneSent)] == ["1", ",", "#", ""]
    assert party.left.tones_left("a") == ""
    assert party.right.receiver_stats("a")[0].concealed_packets == 0


def test_tones_that_find_no_room_are_lost_like_others() -> None:
    options = SessionOptions(send_buffer_size=200)
    session = RtpSession(rng=SeededRng("tones"), options=options, now=0.0, ntp_time=0)
    codec = replace(OPUS, feedback=frozenset({"transport-cc"}))  # so that there is a pace, and a queue
    session.add_sender("a", audio_sender(codecs=(codec,), telephone_event_payload_types=DIALLED))
    session.send_tones("a", "123", 0.0)

    for step in range(1, 100):  # and nobody drains it
        session.handle_timeout(step * 0.01)

    assert session.datagrams_to_send(1.0)


def test_tones_that_come_first_say_which_section_they_belong_to() -> None:
    party = _telephone()
    party.left.send_tones("a", "1", 0.0)
    party.network.advance(0.2)

    assert party.rtp()
    assert {packet.extension(4) for packet in party.rtp()[:2]} == {b"0"}


def test_no_tones_leave_while_the_stream_is_held_back() -> None:
    party = _telephone()
    party.send_audio(10)
    before = len(party.rtp())
    party.left._outbound.by_ssrc[AUDIO_SSRC][1].breaker.reason = BreakReason.MEDIA_TIMEOUT

    party.left.send_tones("a", "1", party.network.now)
    party.network.advance(1.0)

    assert len(party.rtp()) == before
    assert [event.tone for event in party.here.of(ToneSent)] == ["1", ""]


def test_an_end_of_a_tone_that_is_lost_is_noticed() -> None:
    party = _telephone()
    party.send_audio(10)
    party.left.send_tones("a", "5", party.network.now, duration=1.0)
    party.network.advance(0.5)
    for host in party.here.hosts.values():
        host.up = False

    party.network.advance(1.0)

    assert [event.ended for event in party.there.of(ToneReceived)][-1]


def test_tones_follow_what_is_negotiated_anew() -> None:
    party = _telephone()
    party.send_audio(2)
    party.left.send_tones("a", "1", party.network.now)
    party.network.advance(1.0)
    party.sent[0].clear()

    party.left.add_sender("a", audio_sender(telephone_event_payload_types={48_000: 101}))
    party.left.send_tones("a", "2", party.network.now)
    party.network.advance(1.0)
    assert {packet.payload_type for packet in party.rtp()} == {101}

    party.left.add_sender("a", audio_sender())
    with pytest.raises(StateError):
        party.left.send_tones("a", "3", party.network.now)


def test_there_are_no_tones_without_negotiation() -> None:
    party = Party()
    party.connect_audio()

    with pytest.raises(StateError):
        party.left.send_tones("a", "1", 0.0)


# --- redundancy ---


def test_redundant_audio_makes_lost_packets_good() -> None:
    party = Party()
    party.right.add_receiver("a", audio_receiver(red_payload_type=63))
    red = RedSender(distance=2)
    for number in range(100):
        frame = opus_frame(number)
        payload = red.wrap(OPUS.payload_type, frame.timestamp, frame.data, 1200)
        packet = RtpPacket(63, number, frame.timestamp, 9, payload, extensions={4: b"0"})
        if number % 4:
            party.right.receive_datagram(bytes(packet), number * 0.02)
        party.network.advance(0.02)
    party.network.advance(1.0)

    # The first one was never asked for: nobody knew of it.
    assert [frame.data for frame in party.received("a")] == [opus_frame(number).data for number in range(1, 100)]
    assert party.right.receiver_stats("a")[0].packets_repaired == 24


@pytest.mark.parametrize("kind", ["ulpfec", "flexfec"])
def test_parity_makes_lost_packets_good(kind: str) -> None:
    party = Party()
    numbers = {"red_payload_type": 120, "ulpfec_payload_type": 121, "flexfec_payload_type": 122}
    codec = replace(VP8, feedback=frozenset({"nack pli"}))
    party.right.add_receiver("v", video_receiver(codecs=(codec,), **numbers))
    scheme = ULPFEC if kind == "ulpfec" else FLEXFEC
    fec = FecSender(scheme, ssrc=9, protection=1.0, mutable=mutable_extensions(EXTENSIONS))
    number = 0
    for index in range(40):
        data = vp8_frame(index, key=index == 0, length=500).data
        media = RtpPacket(96, number, 3000 * index, 9, b"\x10" + data, marker=True, extensions={4: b"1"})
        parities = fec.protect(bytes(media), ends_frame=True)
        number += 1
        if index % 5 != 4:
            wrapped = replace_payload(media, 120, b"\x60" + media.payload) if kind == "ulpfec" else media
            party.right.receive_datagram(bytes(wrapped), party.network.now)
        for parity in parities:
            if kind == "ulpfec":
                packet = RtpPacket(120, number, media.timestamp, 9, b"\x79" + parity)
                number += 1
            else:
                packet = RtpPacket(122, index, media.timestamp, 10, parity)
            party.right.receive_datagram(bytes(packet), party.network.now)
        party.network.advance(1 / 30)
    party.network.advance(1.0)

    stats = party.right.receiver_stats("v")[0]
    assert len(party.received()) == 40
    assert stats.packets_repaired == 8
    assert stats.fec_packets_received == 40


def replace_payload(packet: RtpPacket, payload_type: int, payload: bytes) -> RtpPacket:
    """Return a packet with another payload."""
    return RtpPacket(
        payload_type,
        packet.sequence_number,
        packet.timestamp,
        packet.ssrc,
        payload,
        marker=packet.marker,
        extensions=packet.extensions,
    )


# --- routing ---


class ByName:
    """A router by the MID of the latest packet, and whatever it is told else."""

    def __init__(self) -> None:
        self.known: dict[int, str] = {}
        self.asked = 0

    def route(self, packet: RtpPacket) -> str | None:
        """Take the name that the packet says, or the one that was said before."""
        self.asked += 1
        mid = packet.extension(4)
        if mid is not None:
            self.known[packet.ssrc] = mid.decode()
        return self.known.get(packet.ssrc)

    def describe(self, ssrc: int, mid: str) -> None:
        """Remember it."""
        self.known[ssrc] = mid


def _named(number: int, mid: bytes | None) -> bytes:
    return bytes(RtpPacket(111, number, 960 * number, 5, b"x", extensions={} if mid is None else {4: mid}))


def _two_sections() -> tuple[Party, ByName]:
    party, router = Party(), ByName()
    for mid in ("p", "q"):
        party.right.add_receiver(mid, audio_receiver(mid=mid))
    party.right.set_router(router)
    return party, router


def _counts(party: Party) -> dict[str, list[int]]:
    return {mid: [each.packets_received for each in party.right.receiver_stats(mid)] for mid in ("p", "q")}


@pytest.mark.spec("rfc9143:9.2/3")
def test_a_stream_that_names_another_section_moves_there() -> None:
    party, router = _two_sections()

    party.right.receive_datagrams([_named(1, b"p"), _named(2, b"p"), _named(3, None)], 0.0)
    before, asked = _counts(party), router.asked
    party.right.receive_datagrams([_named(4, b"q"), _named(5, None), _named(6, b"q")], 0.1)

    assert before == {"p": [3], "q": []}
    assert asked == 1
    assert _counts(party) == {"p": [], "q": [3]}
    assert [event for event in party.right.events() if isinstance(event, StreamEnded)] == [
        StreamEnded("p", 5, None, EndReason.MOVED)
    ]


def test_a_router_that_changed_is_asked_again_of_what_is_known() -> None:
    party, router = _two_sections()
    party.right.receive_datagrams([_named(1, b"p"), _named(2, None)], 0.0)

    router.known[5] = "q"
    party.right.receive_datagram(_named(3, None), 0.1)
    unasked = _counts(party)
    party.right.set_router(router)
    party.right.receive_datagrams([_named(4, None), _named(5, None)], 0.2)

    assert unasked == {"p": [3], "q": []}
    assert _counts(party) == {"p": [], "q": [2]}
    assert router.asked == 2


def test_rtcp_may_move_a_stream() -> None:
    party, _ = _two_sections()
    party.right.receive_datagram(_named(1, b"p"), 0.0)
    item = DescriptionItem(DescriptionType.MID, b"q")
    description = SourceDescription([DescriptionChunk(5, [item])])

    party.right.receive_datagram(ReceiverReport(5).serialize() + description.serialize(), 0.1)
    party.right.receive_datagram(_named(2, None), 0.2)

    assert _counts(party) == {"p": [], "q": [1]}


def test_a_stream_that_stays_where_it_is_goes_on() -> None:
    party, router = _two_sections()
    party.right.receive_datagrams([_named(1, b"p"), _named(2, None)], 0.0)

    party.right.set_router(router)
    party.right.receive_datagram(_named(3, None), 0.1)

    assert _counts(party) == {"p": [3], "q": []}


def test_what_nobody_wants_is_counted() -> None:
    party = Party()
    party.right.add_receiver("v", video_receiver())
    party.right.add_receiver("a", audio_receiver())
    party.right.set_router(ByPayloadType({96: "v"}))

    party.right.receive_datagram(bytes(RtpPacket(111, 1, 1, 5, b"x")), 0.0)
    party.right.receive_datagram(bytes(RtpPacket(111, 1, 1, 6, b"x")), 0.0)
    party.right.set_router(ByPayloadType({96: "v", 50: "v"}))
    party.right.receive_datagram(bytes(RtpPacket(50, 1, 1, 7, b"x")), 0.0)
    party.right.receive_datagram(bytes(RtpPacket(97, 1, 1, 8, b"\0\1x")), 0.0)

    assert party.right.stats.dropped == {"unrouted": 3, "unknown_payload_type": 1}


def test_streams_of_the_peer_are_bounded() -> None:
    party = Party()
    party.right.add_receiver("v", video_receiver())
    for ssrc in range(1, 1000):
        party.right.receive_datagram(bytes(RtpPacket(96, 1, 1, ssrc, b"\x10\0\0")), 0.0)

    assert party.right.stats.dropped == {"too_many_sources": 999 - 512}


def test_packets_that_came_together_are_passed_on_together() -> None:
    party = Party()
    party.connect_video()
    packets = [RtpPacket(101, number, 3000, 7, bytes([0x10, number])) for number in (10, 11, 14)]

    party.left.send_packets("v", packets, rewrite=True, payload_types={101: 96})
    party.network.flush()
    sent = party.rtp()

    assert [packet.payload for packet in sent] == [packet.payload for packet in packets]
    assert {(packet.payload_type, packet.ssrc) for packet in sent} == {(96, VIDEO_SSRC)}
    assert [packet.sequence_number - sent[0].sequence_number for packet in sent] == [0, 1, 4]
    assert [packet.ssrc for packet in packets] == [7, 7, 7]


def test_of_packets_that_came_together_all_or_none_are_taken() -> None:
    party = Party(options=SessionOptions(send_buffer_size=1000))
    party.connect_video()
    own, foreign, large = (RtpPacket(96, 1, 1, ssrc, bytes(size)) for ssrc, size in ((VIDEO_SSRC, 5), (7, 5), (7, 600)))

    with pytest.raises(ValueError, match="rewritten"):
        party.left.send_packets("v", [own, foreign])
    with pytest.raises(BufferFullError):
        party.left.send_packets("v", [large, large], rewrite=True)
    party.network.flush()

    assert party.rtp() == []


# --- goodbye ---


@pytest.mark.spec("rfc3550:6.2.1/4")
def test_stragglers_behind_a_goodbye_begin_no_stream_but_what_goes_on_does() -> None:
    party = Party()
    party.right.add_receiver("p", audio_receiver(mid="p"))
    party.right.receive_datagrams([_named(number, b"p") for number in (1, 2, 3, 5)], 0.0)
    party.right.receive_datagram(Goodbye((5,)).serialize(), 0.1)
    party.right.events()

    party.right.receive_datagram(_named(4, b"p"), 0.2)
    stragglers = party.right.events()
    party.right.receive_datagram(_named(6, b"p"), 0.3)

    assert stragglers == []
    assert party.right.stats.dropped == {"straggler": 1}
    assert StreamDiscovered("p", 5, None) in party.right.events()


# --- pauses ---


def test_after_a_long_pause_packets_say_anew_where_they_belong() -> None:
    party = Party()
    party.connect_video()
    party.send_video(60)
    before = len(party.rtp())
    silent = party.rtp()[-1].extension(4)
    party.network.advance(30.0)

    party.send_video(60, first=60)

    assert silent is None
    assert party.rtp()[before].extension(4) == b"1"
    assert party.rtp()[-1].extension(4) is None
