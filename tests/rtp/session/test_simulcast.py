"""Simulcast: encodings that are told apart by name (RFC 8851 section 4, RFC 8853 section 5.5)."""

from dataclasses import replace

import pytest
from tests.rtp.session.party import (
    Party,
    video_receiver,
    video_sender,
    vp8_frame,
)
from tests.support.network import Link

from rtc_rtp import (
    DescriptionChunk,
    DescriptionItem,
    DescriptionType,
    ExtensionMap,
    FrameReceived,
    GenericNack,
    KeyFrameRequested,
    ReceiverReport,
    RtpPacket,
    SendEncoding,
    SourceDescription,
    StreamDiscovered,
)

LAYERS = ("q", "h", "f")


def _simulcast() -> tuple[SendEncoding, ...]:
    return tuple(
        SendEncoding(ssrc=100 + 2 * index, rtx_ssrc=101 + 2 * index, rid=rid) for index, rid in enumerate(LAYERS)
    )


def _send_layers(party: Party, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        for rid in LAYERS:
            party.left.send_frame("v", vp8_frame(number, key=number == 0), rid=rid)
        party.network.flush()
        party.network.advance(1 / 30)


@pytest.mark.spec("rfc8851:4/1", "rfc8851:4/2")
def test_encodings_are_told_apart_by_name_and_repaired_each() -> None:
    party = Party(link=Link(delay=0.02, loss=0.1), back=Link(delay=0.02))
    party.left.add_sender("v", video_sender(encodings=_simulcast()))
    party.right.add_receiver("v", video_receiver(rids=LAYERS))

    _send_layers(party, 60)
    party.network.advance(1.0)

    frames = [event.frame for event in party.there.of(FrameReceived)]
    assert {rid: sum(frame.rid == rid for frame in frames) for rid in LAYERS} == dict.fromkeys(LAYERS, 60)
    assert {event.rid for event in party.there.of(StreamDiscovered)} == set(LAYERS)
    assert {each.rid: each.rtx_ssrc for each in party.right.receiver_stats("v")} == {"q": 101, "h": 103, "f": 105}


@pytest.mark.spec("rfc8851:4/3")
def test_after_a_change_of_ssrc_packets_and_what_repairs_them_bear_names_again() -> None:
    party = Party()
    party.left.add_sender("v", video_sender(encodings=_simulcast()))
    party.right.add_receiver("v", video_receiver(rids=LAYERS))
    _send_layers(party, 90)
    before = party.rtp()
    party.left.receive_datagram(bytes(RtpPacket(96, 9, 9, 100, b"\x10\0\0")), party.network.now)
    _send_layers(party, 3, first=90)
    fresh = [packet for packet in party.rtp()[len(before) :] if packet.ssrc not in (100, 102, 104)]
    (ssrc,) = {packet.ssrc for packet in fresh}
    lost = GenericNack(1, ssrc, [packet.sequence_number for packet in fresh])
    party.left.receive_datagram(ReceiverReport(1).serialize() + lost.serialize(), party.network.now)
    party.network.flush()
    party.network.advance(0.5)
    repairs = [packet for packet in party.rtp() if packet.payload_type == 97]

    assert 5 not in [packet for packet in before if packet.ssrc == 100][-1].extensions
    assert [packet.extensions.get(5) for packet in fresh] == [b"q"] * len(fresh)
    assert len(repairs) == len(fresh)
    assert [packet.extensions.get(6) for packet in repairs] == [b"q"] * len(fresh)


@pytest.mark.spec("rfc8853:5.5/2")
def test_encodings_are_told_apart_by_rtcp_where_packets_do_not_name_them() -> None:
    party = Party(link=Link(delay=0.02, loss=0.1), back=Link(delay=0.02))
    party.left.add_sender("v", video_sender(encodings=_simulcast(), header_extensions=ExtensionMap({})))
    party.right.add_receiver("v", video_receiver(rids=LAYERS, header_extensions=ExtensionMap({})))

    _send_layers(party, 120)
    party.network.advance(1.0)

    assert {each.ssrc: each.rid for each in party.right.receiver_stats("v")} == {100: "q", 102: "h", 104: "f"}
    latest = [event.frame for event in party.there.of(FrameReceived)][-30:]
    assert {frame.rid for frame in latest} == set(LAYERS)


@pytest.mark.spec("rfc8853:5.5/2")
def test_rtcp_names_what_repairs_an_encoding_and_nothing_that_was_not_negotiated() -> None:
    party = Party()
    party.right.add_receiver("v", video_receiver(rids=LAYERS))
    names = [
        (1, DescriptionType.RTP_STREAM_ID, b"q"),
        (2, DescriptionType.RTP_STREAM_ID, b"h"),
        (3, DescriptionType.RTP_STREAM_ID, b"other"),
        (20, DescriptionType.REPAIRED_RTP_STREAM_ID, b"h"),
    ]
    chunks = [DescriptionChunk(ssrc, [DescriptionItem(kind, value)]) for ssrc, kind, value in names]
    party.right.receive_datagram(ReceiverReport(1).serialize() + SourceDescription(chunks).serialize(), 0.0)
    for ssrc in (1, 2, 3):
        party.right.receive_datagram(bytes(RtpPacket(96, 1, 0, ssrc, b"\x10\0\0")), 0.1)
    party.right.receive_datagram(bytes(RtpPacket(97, 1, 0, 20, b"\0\2x")), 0.2)

    told = {each.ssrc: (each.rid, each.rtx_ssrc) for each in party.right.receiver_stats("v")}
    assert told == {1: ("q", None), 2: ("h", 20), 3: (None, None)}


@pytest.mark.spec("rfc8853:5.5/3")
def test_names_are_left_out_once_the_peer_knows_them() -> None:
    party = Party()
    party.left.add_sender("v", video_sender(encodings=_simulcast()))
    party.right.add_receiver("v", video_receiver(rids=LAYERS))

    _send_layers(party, 90)

    packets = [packet for packet in party.rtp() if packet.ssrc == 100]
    assert packets[0].extensions[4] == b"1"
    assert packets[0].extensions[5] == b"q"
    assert {4, 5}.isdisjoint(packets[-1].extensions)


def test_an_encoding_that_is_not_active_sends_nothing() -> None:
    party = Party()
    encodings = _simulcast()
    party.left.add_sender(
        "v", video_sender(encodings=(encodings[0], replace(encodings[1], active=False), encodings[2]))
    )
    party.right.add_receiver("v", video_receiver(rids=LAYERS))
    _send_layers(party, 5)
    silent = {packet.ssrc for packet in party.rtp()}

    party.left.add_sender("v", video_sender(encodings=encodings))
    _send_layers(party, 5, first=5)

    assert silent == {100, 104}
    assert {packet.ssrc for packet in party.rtp()} == {100, 102, 104}
    assert party.left.sender_stats("v")["h"].frames_dropped == 5


def test_a_key_frame_is_asked_of_the_encoding_that_needs_it() -> None:
    party = Party()
    party.left.add_sender("v", video_sender(encodings=_simulcast()))
    party.right.add_receiver("v", video_receiver(rids=LAYERS))
    _send_layers(party, 15)

    party.right.request_key_frame("v", "h")
    party.network.advance(0.1)

    assert party.here.of(KeyFrameRequested) == [KeyFrameRequested("v", "h")]


def test_names_of_the_latest_streams_are_known_however_many_there_were() -> None:
    party = Party()
    party.right.add_receiver("v", video_receiver(rids=LAYERS))
    rid, repaired_rid = 5, 6

    def arrive(payload_type: int, ssrc: int, payload: bytes, number: int = 1, **names: bytes) -> None:
        elements = {rid: names["rid"]} if "rid" in names else {}
        elements |= {repaired_rid: names["repaired_rid"]} if "repaired_rid" in names else {}
        packet = RtpPacket(payload_type, number, 0, ssrc, payload, extensions=elements)
        party.right.receive_datagram(bytes(packet), 0.0)

    for ssrc in range(1000, 1300):
        arrive(97, ssrc, b"\0\1x", repaired_rid=b"gone")
    arrive(97, 2000, b"\0\1x", repaired_rid=b"h")
    for index, name in enumerate((b"q", b"h")):
        arrive(96, index + 1, b"\x10\0\0", rid=name)
    arrive(97, 2000, b"\0\1x", number=2)

    assert {each.rid: each.rtx_ssrc for each in party.right.receiver_stats("v")} == {"q": None, "h": 2000}
