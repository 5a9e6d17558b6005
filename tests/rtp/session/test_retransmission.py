"""Packets that are lost are asked for and sent again (RFC 4588)."""

from dataclasses import replace

import pytest
from tests.rtp.session.party import (
    RTX_SSRC,
    VIDEO_SSRC,
    VP8,
    Party,
    audio_receiver,
    video_receiver,
    video_sender,
    vp8_frame,
)
from tests.support.network import Link

from rtc_rtp import (
    EncodedFrame,
    FrameReceived,
    GenericNack,
    Goodbye,
    ReceiverReport,
    RtpPacket,
    SendEncoding,
    SessionOptions,
    SourceAssociation,
    SourceConflict,
    SourceDescription,
    parse_compound,
)
from rtc_rtp.sending.departures import REPAIR_TIME


def _lossy(**changes: object) -> Party:
    party = Party(link=Link(delay=0.02, loss=0.1), back=Link(delay=0.02))
    party.connect_video(**changes)
    return party


def _nacks(party: Party) -> list[GenericNack]:
    packets = [packet for data in party.rtcp(1) for packet in parse_compound(data)]
    return [packet for packet in packets if isinstance(packet, GenericNack)]


@pytest.mark.spec(
    "rfc4588:3.1/2",
    "rfc4588:4/4",
    "rfc4588:4/8",
    "rfc4588:4/9",
    "rfc4588:4/10",
    "rfc4588:4/11",
    "rfc4588:4/12",
    "rfc4588:4/13",
    "rfc4588:4/18",
    "rfc4588:4/19",
    "rfc4588:4/20",
    "rfc4588:4/23",
)
def test_a_retransmission_is_the_original_in_another_stream() -> None:
    party = _lossy()
    for number in range(60):
        frame = vp8_frame(number, key=number == 0)
        frame.csrcs = (77, 78)
        party.left.send_frame("v", frame)
        party.network.flush()
        party.network.advance(1 / 30)

    originals = {packet.sequence_number: packet for packet in party.rtp() if packet.ssrc == VIDEO_SSRC}
    repeated = [packet for packet in party.rtp() if packet.ssrc == RTX_SSRC]
    first = repeated[0].sequence_number
    assert len(repeated) > 10
    assert [packet.sequence_number for packet in repeated] == [first + index & 0xFFFF for index in range(len(repeated))]
    for packet in repeated:
        original = originals[int.from_bytes(packet.payload[:2], "big")]
        assert packet.payload[2:] == original.payload
        assert (packet.payload_type, original.payload_type) == (97, 96)
        assert packet.timestamp == original.timestamp
        assert packet.marker == original.marker
        assert packet.csrcs == original.csrcs == (77, 78)
        # What is of one hop is made anew.
        assert packet.extensions[3] != original.extensions[3]


@pytest.mark.spec("rfc4588:4/18")
def test_a_retransmission_has_the_header_extension_of_its_original() -> None:
    party = Party()
    party.connect_video()
    packet = RtpPacket(96, 5, 3000, 1, vp8_frame(0, key=True).data[:900], marker=True, extensions={1: b"\x11"})
    party.left.send_packet("v", packet, rewrite=True)
    party.network.flush()
    party.left.receive_datagram(GenericNack(1, VIDEO_SSRC, [party.rtp()[0].sequence_number]).serialize(), 0.1)

    party.network.advance(0.1)

    repeated = party.rtp()[-1]
    assert repeated.ssrc == RTX_SSRC
    assert repeated.extensions[1] == b"\x11"


@pytest.mark.spec("rfc4588:4/21")
def test_padding_of_an_original_is_left_out() -> None:
    party = Party()
    party.connect_video()
    packet = RtpPacket(96, 5, 3000, 1, b"\x10abc", marker=True, padding_length=20)
    party.left.send_packet("v", packet, rewrite=True)
    party.network.flush()
    party.left.receive_datagram(GenericNack(1, VIDEO_SSRC, [party.rtp()[0].sequence_number]).serialize(), 0.1)

    party.network.advance(0.1)

    assert party.rtp()[-1].payload[2:] == b"\x10abc"
    assert party.rtp()[-1].padding_length == 0


@pytest.mark.spec("rfc4588:4/22")
def test_padding_of_its_own_is_padding_as_usual() -> None:
    party = Party(link=Link(delay=0.02, bandwidth_bps=20_000_000))
    codec = replace(VP8, feedback=VP8.feedback | {"transport-cc"})
    party.left.add_sender("v", video_sender(codecs=(codec,)))
    party.right.add_receiver("v", video_receiver(codecs=(codec,)))
    party.send_video(30, length=600)

    padding = [packet for packet in party.rtp() if packet.padding_length]
    assert padding
    assert all(packet.ssrc == RTX_SSRC and packet.payload == b"" for packet in padding)
    repeated = [packet for packet in party.rtp() if packet.ssrc == RTX_SSRC and packet.payload]
    assert party.left.sender_stats("v")[None].retransmitted_packets_sent == len(repeated)
    assert party.right.receiver_stats("v")[0].retransmitted_packets_received == len(repeated)
    assert len(party.received()) == len(party.frames_sent)


@pytest.mark.spec("rfc4588:5.2/1")
def test_both_streams_have_one_canonical_name() -> None:
    party = _lossy(cname="somebody")
    party.send_video(90)

    names = {
        chunk.ssrc: chunk.items[0].text
        for data in party.rtcp(0)
        for packet in parse_compound(data)
        if isinstance(packet, SourceDescription)
        for chunk in packet.chunks
    }
    assert names[VIDEO_SSRC] == names[RTX_SSRC] == "somebody"


@pytest.mark.spec("rfc4588:6.3/1", "rfc4588:6.3/2")
def test_only_the_original_stream_is_asked_for() -> None:
    party = Party(link=Link(delay=0.02, loss=0.3), back=Link(delay=0.02))
    party.connect_video()
    party.send_video(60)

    assert len(_nacks(party)) > 10
    assert {nack.media_ssrc for nack in _nacks(party)} == {VIDEO_SSRC}


def test_a_packet_is_asked_for_again_after_a_round_trip_and_given_up_at_last() -> None:
    party = Party(back=Link(delay=0.02))
    party.connect_video()
    party.send_video(5)
    lost = 0

    def lose_two(_: float, datagram: object) -> bool:
        nonlocal lost
        packet = RtpPacket.parse(datagram.data)  # type: ignore[attr-defined]
        number = packet.sequence_number if packet.ssrc == VIDEO_SSRC else int.from_bytes(packet.payload[:2], "big")
        lost = lost or number
        return number != lost

    party.here.tap = lambda now, datagram: 200 <= datagram.data[1] <= 206 or lose_two(now, datagram)
    party.send_video(90, first=5, answer=False)

    asked = [nack for nack in _nacks(party) if lost in nack.sequence_numbers]
    assert len(asked) == 10


def test_a_stream_without_one_for_retransmissions_repeats_packets_to_the_bit() -> None:
    party = Party(link=Link(delay=0.02, loss=0.1), back=Link(delay=0.02))
    party.connect_video(encodings=(SendEncoding(ssrc=VIDEO_SSRC),))
    party.send_video(60)
    party.network.advance(1.0)

    by_number: dict[int, set[bytes]] = {}
    datagrams = [data for data in party.sent[0] if not 200 <= data[1] <= 206]
    for data in datagrams:
        by_number.setdefault(RtpPacket.parse(data).sequence_number, set()).add(data)
    assert len(datagrams) > len(by_number) + 10
    assert all(len(copies) == 1 for copies in by_number.values())
    assert len(party.received()) == 60


def _two_streams(party: Party, **receiver: object) -> None:
    party.left.add_sender("v", video_sender(100))
    party.left.add_sender("w", video_sender(200))
    party.right.add_receiver("v", video_receiver(**receiver))


def _send_both(party: Party, count: int) -> None:
    for number in range(count):
        for sender in ("v", "w"):
            party.left.send_frame(sender, vp8_frame(number, key=number == 0))
        party.network.flush()
        party.network.advance(1 / 30)
    party.network.advance(1.0)


@pytest.mark.spec("rfc4588:5.3/1")
def test_a_retransmission_is_known_by_what_was_asked_for() -> None:
    party = Party(link=Link(delay=0.02, loss=0.1), back=Link(delay=0.02))
    _two_streams(party)

    _send_both(party, 60)

    stats = {each.ssrc: each for each in party.right.receiver_stats("v")}
    assert {ssrc: each.rtx_ssrc for ssrc, each in stats.items()} == {100: 101, 200: 201}
    assert len(party.there.of(FrameReceived)) == 120


def test_a_retransmission_is_known_by_what_signalling_said() -> None:
    party = Party(link=Link(delay=0.02, loss=0.1), back=Link(delay=0.02))
    _two_streams(party, ssrcs={100: SourceAssociation(rtx_ssrc=101), 200: SourceAssociation(rtx_ssrc=201)})

    _send_both(party, 30)

    assert {each.ssrc: each.rtx_ssrc for each in party.right.receiver_stats("v")} == {100: 101, 200: 201}


@pytest.mark.spec("rfc4588:5.3/2")
def test_two_streams_never_wait_for_the_same_number_while_it_could_be_mistaken() -> None:
    party = Party()
    party.right.add_receiver("v", video_receiver())
    for ssrc in (100, 200):
        for number in (10, 11, 13, 14):
            # The beginning of a key frame, and more of it.
            packet = RtpPacket(96, number, 3000, ssrc, b"\x10\x00\x00\x00x" if number == 10 else b"\x00more")
            party.right.receive_datagram(bytes(packet), 0.01 * number)

    party.network.advance(0.5)

    asked = {nack.media_ssrc for nack in _nacks(party) if 12 in nack.sequence_numbers}
    assert len(asked) == 1


@pytest.mark.spec("rfc4588:5.3/4", "rfc4588:5.3/5")
def test_after_a_goodbye_nothing_is_asked_for_and_a_new_stream_is_associated_anew() -> None:
    party = Party(link=Link(delay=0.02, loss=0.3), back=Link(delay=0.02))
    party.connect_video()
    party.send_video(20)
    party.right.receive_datagram(Goodbye((VIDEO_SSRC,)).serialize(), party.network.now)
    party.left.close(party.network.now)
    party.network.flush()
    before = len(_nacks(party))

    party.network.advance(3.0)

    assert len(_nacks(party)) == before
    assert party.right.receiver_stats("v") == []
    again = Party(link=Link(delay=0.02, loss=0.1), back=Link(delay=0.02))
    again.connect_video()
    again.send_video(20)
    again.left.add_sender("v", video_sender(500))
    again.send_video(60, first=20)
    assert {each.ssrc: each.rtx_ssrc for each in again.right.receiver_stats("v")}[500] == 501


@pytest.mark.spec("rfc4588:4/5", "rfc4588:4/6", "rfc4588:4/7")
def test_a_conflict_changes_the_stream_that_it_happened_to_alone() -> None:
    party = Party(link=Link(delay=0.02, loss=0.2), back=Link(delay=0.02))
    party.connect_video()
    party.left.add_receiver("x", audio_receiver())
    party.send_video(30)
    foreign = RtpPacket(111, 1, 1, RTX_SSRC, b"x")

    party.left.receive_datagram(bytes(foreign), party.network.now)
    party.send_video(30, first=30)

    (conflict,) = party.here.of(SourceConflict)
    goodbyes = [packet for data in party.rtcp(0) for packet in parse_compound(data) if isinstance(packet, Goodbye)]
    later = {packet.ssrc for packet in party.rtp()[-30:]}
    assert (conflict.old_ssrc, conflict.rid) == (RTX_SSRC, None)
    assert [goodbye.ssrcs for goodbye in goodbyes] == [(RTX_SSRC,)]
    assert later == {VIDEO_SSRC, conflict.new_ssrc}
    assert party.left.sender_stats("v")[None].ssrc == VIDEO_SSRC


@pytest.mark.spec("rfc4588:7/1", "rfc4588:7/2", "rfc4588:7/3")
def test_retransmissions_come_out_of_the_same_budget() -> None:
    link = Link(delay=0.03, bandwidth_bps=1_000_000, queue_length=30_000, loss=0.05)
    party = Party(link=link, back=Link(delay=0.03))
    codec = replace(VP8, feedback=VP8.feedback | {"transport-cc"})
    party.left.add_sender("v", video_sender(codecs=(codec,)))
    party.right.add_receiver("v", video_receiver(codecs=(codec,)))
    for number in range(600):
        target = party.left.stats.target_bitrate_bps or 300_000
        party.left.send_frame("v", vp8_frame(number, key=number == 0, length=int(target / 8 / 30)))
        party.network.flush()
        party.network.advance(1 / 30)
    begun = party.left.stats.bytes_sent

    for number in range(600, 900):
        target = party.left.stats.target_bitrate_bps or 300_000
        party.left.send_frame("v", vp8_frame(number, key=False, length=int(target / 8 / 30)))
        party.network.flush()
        party.network.advance(1 / 30)

    assert party.left.sender_stats("v")[None].retransmitted_packets_sent > 100
    assert (party.left.stats.bytes_sent - begun) * 8 / 10 < 1_100_000


def test_what_is_no_longer_there_is_counted() -> None:
    party = Party()
    party.connect_video()
    party.send_video(3)
    party.left.receive_datagram(GenericNack(1, VIDEO_SSRC, [7, 8, 9]).serialize(), party.network.now)
    party.left.receive_datagram(GenericNack(1, 4711, [7]).serialize(), party.network.now)

    assert party.left.sender_stats("v")[None].retransmissions_denied == 3
    assert party.left.stats.dropped == {"feedback_for_unknown_source": 1}


def test_a_frame_that_is_old_is_not_repeated() -> None:
    party = Party()
    party.connect_video()
    party.left.send_frame("v", EncodedFrame(vp8_frame(0, key=True).data, 0))
    party.network.flush()
    number = party.rtp()[0].sequence_number
    party.network.advance(5.0)

    party.left.receive_datagram(GenericNack(1, VIDEO_SSRC, [number]).serialize(), party.network.now)
    party.network.advance(0.1)

    assert all(packet.ssrc == VIDEO_SSRC for packet in party.rtp())


def test_packets_that_are_repeated_to_the_bit_take_no_number_of_the_transport() -> None:
    party = Party(link=Link(delay=0.02, loss=0.1), back=Link(delay=0.02))
    codec = replace(VP8, feedback=VP8.feedback | {"transport-cc"}, rtx_payload_type=None)
    party.left.add_sender("v", video_sender(codecs=(codec,), encodings=(SendEncoding(ssrc=VIDEO_SSRC),)))
    party.right.add_receiver("v", video_receiver(codecs=(codec,)))
    party.send_video(60)

    numbers = {packet.extensions[3] for packet in party.rtp()}
    assert len(party.rtp()) > len(numbers)
    assert {int.from_bytes(number, "big") for number in numbers} == set(range(len(numbers)))


def test_a_codec_without_retransmission_beside_one_that_has_it_is_not_repeated() -> None:
    party = Party(back=Link(delay=0.02))
    bare = replace(VP8, payload_type=100, rtx_payload_type=None)
    party.left.add_sender("v", video_sender(codecs=(bare, VP8)))
    party.right.add_receiver("v", video_receiver(codecs=(bare, VP8)))
    party.send_video(3)
    sent = len(party.rtp())

    number = party.rtp()[-1].sequence_number
    party.left.receive_datagram(GenericNack(1, VIDEO_SSRC, [number]).serialize(), party.network.now)
    party.network.advance(0.1)

    assert len(party.rtp()) == sent
    assert party.left.sender_stats("v")[None].retransmissions_denied == 1


def test_what_was_asked_for_may_come_far_behind() -> None:
    link = Link(delay=0.15, loss=0.1)
    party = Party(link=link, back=Link(delay=0.15))
    party.connect_video(encodings=(SendEncoding(ssrc=VIDEO_SSRC),))

    party.send_video(90, length=20_000)
    party.network.advance(2.0)

    # Copies of it that come later still are no restart of the stream.
    assert len(party.received()) > 80
    assert party.right._inbound.streams[VIDEO_SSRC].reception.restarts == 0


@pytest.mark.parametrize("feedback", [set(), {"transport-cc"}])
def test_a_peer_that_asks_for_everything_again_fills_no_queue(feedback: set[str]) -> None:
    party = Party(options=SessionOptions(send_buffer_size=20_000, max_bitrate_bps=300_000))
    party.connect_video(codecs=(replace(VP8, feedback=VP8.feedback | feedback),))
    party.send_video(20)
    sent = [packet.sequence_number for packet in party.rtp() if packet.ssrc == VIDEO_SSRC]
    party.sent[0].clear()

    for _ in range(5):
        party.left.receive_datagrams([bytes(GenericNack(1, VIDEO_SSRC, sent))], party.network.now)
    party.network.advance(0.2)

    stats = party.left.sender_stats("v")[None]
    assert stats.retransmissions_denied > 0
    assert 0 < sum(len(packet.payload) for packet in party.rtp() if packet.ssrc == RTX_SSRC) <= 20_000


def test_no_more_is_sent_again_than_leaves_in_time() -> None:
    party = Party(options=SessionOptions(start_bitrate_bps=100_000, max_bitrate_bps=100_000))
    party.connect_video(codecs=(replace(VP8, feedback=VP8.feedback | {"transport-cc"}),))
    party.send_video(60, length=1000)
    sent = [packet.sequence_number for packet in party.rtp() if packet.ssrc == VIDEO_SSRC]
    party.sent[0].clear()

    for _ in range(3):
        party.left.receive_datagrams([bytes(GenericNack(1, VIDEO_SSRC, sent))], party.network.now)
    party.network.advance(5.0)

    repeated = sum(len(packet.payload) for packet in party.rtp() if packet.ssrc == RTX_SSRC)
    paced = 2.5 * 100_000 / 8
    assert 0 < repeated <= REPAIR_TIME * paced < 60 * 1000
    assert party.left.sender_stats("v")[None].retransmissions_denied > 0


def test_payload_types_of_retransmissions_may_be_negotiated_anew() -> None:
    party = Party(link=Link(delay=0.02, loss=0.1), back=Link(delay=0.02))
    party.connect_video()
    party.send_video(60)
    renumbered = (replace(VP8, rtx_payload_type=98),)
    before = party.right.receiver_stats("v")[0].retransmitted_packets_received

    party.left.add_sender("v", video_sender(codecs=renumbered))
    party.right.add_receiver("v", video_receiver(codecs=renumbered))
    party.send_video(100, first=60)

    assert before > 0
    assert party.right.receiver_stats("v")[0].retransmitted_packets_received > before + 5


def test_a_retransmission_of_what_nobody_can_have_sent_changes_nothing() -> None:
    party = Party()
    party.connect_video()
    party.send_video(10)
    number = party.rtp()[-1].sequence_number
    absurd = (number + 20_000 & 0xFFFF).to_bytes(2, "big") + b"\x10\x00"

    party.right.receive_datagram(bytes(RtpPacket(97, 1, 0, RTX_SSRC, absurd)), party.network.now)
    party.send_video(10, first=10)

    assert len(party.received()) == 20
    assert party.right.stats.dropped == {"unexpected_repair": 1}
    assert party.right.receiver_stats("v")[0].packets_lost == 0


def test_small_packets_that_take_no_room_are_not_repeated_beyond_it_and_the_call_goes_on() -> None:
    party = Party(options=SessionOptions(send_buffer_size=20_000))
    codec = replace(VP8, feedback=VP8.feedback | {"transport-cc"})  # so that there is a pace, and a queue
    party.connect_video(codecs=(codec,))
    for number in range(700):
        party.left.send_frame("v", vp8_frame(number, key=number == 0, length=1))
        party.network.flush()
        party.network.advance(0.001)
    numbers = [packet.sequence_number for packet in party.rtp() if packet.ssrc == VIDEO_SSRC]

    party.left.receive_datagram(ReceiverReport(1).serialize() + GenericNack(1, VIDEO_SSRC, numbers).serialize(), 0.7)
    party.network.flush()

    assert party.left.sender_stats("v")[None].retransmissions_denied >= 500
    party.left.send_frame("v", vp8_frame(701, key=True))
