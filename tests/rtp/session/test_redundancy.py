"""What a session sends unasked so that losses are made good: RED, ULPFEC, FlexFEC."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.rtp.session.party import (
    AUDIO_SSRC,
    VIDEO_SSRC,
    VP8,
    Party,
    audio_receiver,
    audio_sender,
    video_receiver,
    video_sender,
    vp8_frame,
)
from tests.support.network import Link

from rtc_rtp import (
    EncodedFrame,
    FrameMetadata,
    FrameReceived,
    LossChanged,
    RtpPacket,
    SendEncoding,
    SessionOptions,
    is_rtcp,
    parse_red,
    payload_format,
)
from rtc_rtp.sending.loss_level import LossLevel
from rtc_stun import Datagram

FEC_SSRC = 0x71DE2
KINDS = ["ulpfec", "flexfec"]
NUMBERS = {
    "ulpfec": {"red_payload_type": 120, "ulpfec_payload_type": 121},
    "flexfec": {"flexfec_payload_type": 122},
}
WITHOUT_NACK = replace(VP8, feedback=frozenset({"nack pli"}), rtx_payload_type=None)
ENCODINGS = {"ulpfec": SendEncoding(ssrc=VIDEO_SSRC), "flexfec": SendEncoding(ssrc=VIDEO_SSRC, fec_ssrc=FEC_SSRC)}


class Everything:
    """A router for one receiver."""

    def route(self, _packet: RtpPacket) -> str:
        """Return it."""
        return "v"

    def describe(self, ssrc: int, mid: str) -> None:
        """Nothing is to be chosen."""


def _is_parity(packet: RtpPacket) -> bool:
    if packet.payload_type == 120:
        return parse_red(packet.payload)[-1].payload_type == 121
    return packet.payload_type == 122


def _lose(party: Party, is_lost: Callable[[RtpPacket], bool]) -> None:
    log = party.here.tap

    def tap(at: float, datagram: Datagram) -> bool:
        assert log is not None
        log(at, datagram)
        return is_rtcp(datagram.data) or not is_lost(RtpPacket.parse(datagram.data))

    party.here.tap = tap


def _video(kind: str, *, error_correction: bool = True) -> Party:
    party = Party(
        link=Link(delay=0.08), back=Link(delay=0.08), options=SessionOptions(error_correction=error_correction)
    )
    numbers = NUMBERS[kind]
    party.left.add_sender("v", video_sender(codecs=(WITHOUT_NACK,), encodings=(ENCODINGS[kind],), **numbers))
    party.right.add_receiver("v", video_receiver(codecs=(WITHOUT_NACK,), **numbers))
    party.right.set_router(Everything())
    return party


def _lose_one_of_a_frame(packet: RtpPacket) -> bool:
    """The middle of every third frame, nothing of the parity."""
    return packet.timestamp // 3000 % 3 == 1 and not _is_parity(packet) and packet.sequence_number % 11 == 5


@pytest.mark.parametrize("kind", KINDS)
def test_parity_follows_losses_and_makes_them_good(kind: str) -> None:
    party = _video(kind)
    _lose(party, _lose_one_of_a_frame)
    party.send_video(120, length=10_000)
    before = party.right.receiver_stats("v")[0].packets_repaired
    received = len(party.received())

    party.send_video(90, first=120, length=10_000)
    party.network.advance(0.5)

    stats = party.left.sender_stats("v")[None]
    assert 0.05 < stats.fec_packets_sent / (210 * 10) < 0.5
    assert stats.fec_bytes_sent > 100 * stats.fec_packets_sent
    assert party.right.receiver_stats("v")[0].packets_repaired > before
    # Once the losses were reported, no picture is lost any more.
    assert len(party.received()) - received >= 90
    assert all(len(data) <= 1200 for data in party.sent[0])


@pytest.mark.parametrize("kind", KINDS)
def test_without_the_option_there_is_no_parity(kind: str) -> None:
    party = _video(kind, error_correction=False)
    _lose(party, _lose_one_of_a_frame)

    party.send_video(120, length=10_000)

    assert party.left.sender_stats("v")[None].fec_packets_sent == 0
    assert {packet.payload_type for packet in party.rtp()} == {96}


@pytest.mark.parametrize("kind", KINDS)
def test_where_nothing_is_lost_there_is_no_parity(kind: str) -> None:
    party = _video(kind)

    party.send_video(60)

    assert party.left.sender_stats("v")[None].fec_packets_sent == 0
    assert {packet.payload_type for packet in party.rtp()} == {96}
    assert len(party.received()) >= 55


def test_parity_beside_has_numbers_that_never_come_twice() -> None:
    party = _video("flexfec")
    _lose(party, _lose_one_of_a_frame)
    party.send_video(90, length=10_000)
    # Parity goes away and comes back with the same SSRC.
    for numbers in ({}, NUMBERS["flexfec"]):
        sender = video_sender(codecs=(WITHOUT_NACK,), encodings=(ENCODINGS["flexfec"],), **numbers)
        party.left.add_sender("v", sender)
        party.send_video(30, first=len(party.frames_sent), length=10_000)

    parity = [packet.sequence_number for packet in party.rtp() if packet.ssrc == FEC_SSRC]

    assert len(parity) > 20
    assert parity == [(parity[0] + i) & 0xFFFF for i in range(len(parity))]
    assert {packet.payload_type for packet in party.rtp() if packet.ssrc == FEC_SSRC} == {122}


def test_what_was_in_red_is_sent_again_as_it_was_before() -> None:
    party = Party(
        link=Link(delay=0.08),
        back=Link(delay=0.08),
        options=SessionOptions(error_correction=True, circuit_breaker=False),
    )
    party.left.add_sender("v", video_sender(**NUMBERS["ulpfec"]))
    party.right.add_receiver("v", video_receiver(**NUMBERS["ulpfec"]))
    party.right.set_router(Everything())
    _lose(party, lambda packet: packet.ssrc == VIDEO_SSRC and packet.sequence_number % 9 == 5)

    party.send_video(150, length=6000)
    party.network.advance(1.0)

    again = [packet for packet in party.rtp() if packet.payload_type == 97 and packet.payload]
    parity = {packet.sequence_number for packet in party.rtp() if packet.ssrc == VIDEO_SSRC and _is_parity(packet)}
    numbers = {int.from_bytes(packet.payload[:2], "big"): packet.payload[2:] for packet in again}
    assert parity & numbers.keys()
    # Media begins with the descriptor of VP8, parity comes without a payload.
    assert {len(payload) == 0 for number, payload in numbers.items() if number in parity} == {True}
    assert {payload[:1] in (b"\x90", b"\x80") for number, payload in numbers.items() if number not in parity} == {True}
    assert len(party.received()) == 150


@pytest.mark.parametrize("payload_type", [96, 98])
def test_what_is_lost_between_pictures_that_follow_each_other_holds_up_none(payload_type: int) -> None:
    party = Party()
    vp9 = replace(VP8, payload_type=98, mime_type="video/VP9", rtx_payload_type=None)
    party.right.add_receiver("v", video_receiver(codecs=(VP8, vp9)))
    sender = payload_format("video/VP8" if payload_type == 96 else "video/VP9", {})
    assert sender is not None
    number = 0

    for index in range(10):
        data = vp8_frame(index, key=index == 0, length=3000).data if payload_type == 96 else _vp9(index)
        payloads = sender.packetize(EncodedFrame(data, 0, keyframe=index == 0), 1200)
        for payload, marker in payloads:
            packet = RtpPacket(payload_type, number, 3000 * index, 9, payload, marker=marker, extensions={4: b"1"})
            party.right.receive_datagram(bytes(packet), party.network.now)
            number += 1
        # Something without a picture in it, that does not come.
        number += index % 3

    assert len(_frames_now(party)) == 10


def _frames_now(party: Party) -> list[FrameReceived]:
    """What came out without time going on."""
    party.right.handle_timeout(party.network.now)
    return [event for event in party.right.events() if isinstance(event, FrameReceived)]


def _vp9(index: int) -> bytes:
    return (b"\x82\x49\x83\x42\x00\x13\xf0\x0b\x30" if index == 0 else b"\x86\x00") + bytes([1]) * 3000


def test_a_lost_picture_is_no_gap_to_leap_over() -> None:
    party = Party()
    party.right.add_receiver("v", video_receiver())
    sender = payload_format("video/VP8", {})
    assert sender is not None

    for index in range(4):
        data = vp8_frame(index, key=index == 0, length=300).data
        [(payload, marker)] = sender.packetize(EncodedFrame(data, 0, keyframe=index == 0), 1200)
        packet = RtpPacket(96, index, 3000 * index, 9, payload, marker=marker, extensions={4: b"1"})
        if index != 2:
            party.right.receive_datagram(bytes(packet), party.network.now)

    assert len(_frames_now(party)) == 2


@pytest.mark.spec("rfc8854:8/4")
@pytest.mark.parametrize("kind", KINDS)
def test_pictures_that_no_other_needs_have_no_parity(kind: str) -> None:
    party = _video(kind)
    _lose(party, _lose_one_of_a_frame)
    party.send_video(60, length=10_000)
    sent, begins = len(party.rtp()), party.rtp()[0].timestamp

    for number in range(60, 240):
        frame = vp8_frame(number, key=False, length=6000)
        frame.metadata = FrameMetadata(temporal_id=number % 2, discardable=number % 6 == 4)
        party.left.send_frame("v", frame)
        party.network.flush()
        party.network.advance(1 / 30)
    parity_after: Counter[int | None] = Counter()
    latest: int | None = None
    for packet in party.rtp()[sent:]:
        if _is_parity(packet):
            parity_after[latest] += 1
        else:
            latest = (packet.timestamp - begins) // 3000 % 6

    assert set(parity_after) == {0, 2}
    assert parity_after.total() > 10


@pytest.mark.spec("rfc8854:4.1/5")
def test_audio_has_no_stream_of_parity_beside_it() -> None:
    party = Party(options=SessionOptions(error_correction=True, audio_redundancy=1))
    encodings = (SendEncoding(ssrc=AUDIO_SSRC, fec_ssrc=FEC_SSRC),)
    party.left.add_sender("a", audio_sender(encodings=encodings, **NUMBERS["flexfec"], red_payload_type=63))
    party.right.add_receiver("a", audio_receiver(**NUMBERS["flexfec"], red_payload_type=63))
    _lose(party, lambda packet: packet.sequence_number % 5 == 0)

    party.send_audio(300)

    assert {packet.ssrc for packet in party.rtp()} == {AUDIO_SSRC}
    assert party.left.sender_stats("a")[None].remote.fraction_lost > 0.1


@pytest.mark.parametrize("distance", [1, 2])
def test_audio_is_repeated_where_the_peer_takes_red(distance: int) -> None:
    party = Party(options=SessionOptions(audio_redundancy=distance))
    party.left.add_sender("a", audio_sender(red_payload_type=63))
    party.right.add_receiver("a", audio_receiver(red_payload_type=63))
    _lose(party, lambda packet: packet.timestamp // 960 % (distance + 2) < distance and packet.ssrc == AUDIO_SSRC)

    party.send_audio(100)
    party.network.advance(1.0)

    sent = [packet for packet in party.rtp() if packet.ssrc == AUDIO_SSRC]
    assert {packet.payload_type for packet in sent} == {63}
    assert len(parse_red(sent[-1].payload)) == distance + 1
    heard = [frame.data for frame in party.received("a")]
    assert len(heard) >= 95
    assert heard == [frame.data for frame in party.frames_sent if frame.data in heard]


def test_audio_is_not_repeated_without_being_asked_for() -> None:
    party = Party()
    party.left.add_sender("a", audio_sender(red_payload_type=63))
    party.right.add_receiver("a", audio_receiver(red_payload_type=63))

    party.send_audio(20)

    assert {packet.payload_type for packet in party.rtp()} == {111}


# --- what encoders have to protect against ---


@pytest.mark.spec("rfc8854:8/2")
@pytest.mark.parametrize(
    ("reports", "levels"),
    [
        ([0.0, 0.0], [0.0, 0.0]),
        ([0.02, 0.02], [0.05, 0.05]),
        ([0.0, 0.08, 0.3, 0.9], [0.0, 0.1, 0.4, 0.4]),
        ([0.1, *[0.0] * 11], [0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.0]),
        ([0.004], [0.0]),
    ],
)
def test_the_level_of_loss_rises_at_once_and_falls_slowly(reports: list[float], levels: list[float]) -> None:
    loss = LossLevel()
    before, seen = 0.0, []
    for report in reports:
        assert loss.report(report) is (loss.level != before)
        before = loss.level
        seen.append(before)

    assert seen == levels


@pytest.mark.spec("rfc8854:8/2")
def test_encoders_are_told_of_loss_that_comes_and_goes() -> None:
    party = Party()
    party.left.add_sender("a", audio_sender())
    party.right.add_receiver("a", audio_receiver())
    losing = True
    _lose(party, lambda packet: losing and packet.sequence_number % 12 == 5)

    party.send_audio(600)
    (told, *more) = party.here.of(LossChanged)
    losing = False
    party.send_audio(6000, first=600)

    assert (told.sender_id, told.rid, told.fraction_lost) == ("a", None, 0.1)
    assert {each.fraction_lost for each in more} <= {0.1, 0.2}
    assert party.here.of(LossChanged)[-1].fraction_lost == 0.0
    assert len(party.here.of(LossChanged)) < 8
