"""Streams are played in step from the first packets on, reports or not (RFC 6051, RFC 8834 section 5.2.1)."""

from itertools import pairwise

import pytest
from tests.rtp.session.party import (
    AUDIO_SSRC,
    EXTENSIONS,
    VIDEO_SSRC,
    WALL_CLOCK,
    Party,
    audio_receiver,
    audio_sender,
    opus_frame,
    video_receiver,
    video_sender,
    vp8_frame,
)

from rtc_rtp import (
    NTP_64,
    EncodedFrame,
    ExtensionMap,
    FrameReceived,
    JitterSettings,
    RapidResynchronizationRequest,
    RtpPacket,
    SenderReport,
    SourceAssociation,
    is_rtcp,
    ntp_to_wall_clock,
    parse_compound,
    serialize_compound,
)

NUMBER = 8
CLOCKED = ExtensionMap({**EXTENSIONS, NUMBER: NTP_64})
CNAME = "one speaker"


def _clock(packet: RtpPacket) -> float | None:
    """What a packet says of its sender's clock, seconds since 1970."""
    found = packet.extension(NUMBER)
    return None if found is None else ntp_to_wall_clock(NTP_64.parse(found))


def _party(*, extensions: ExtensionMap = CLOCKED, reports: bool = True) -> Party:
    """Sound and pictures, the pictures played late; with or without what the sender reports."""
    party = Party()
    party.left.add_sender("a", audio_sender(header_extensions=extensions))
    party.left.add_sender("v", video_sender(header_extensions=extensions))
    common = {"synchronization_group": "speaker", "header_extensions": extensions}
    sound, pictures = ({ssrc: SourceAssociation(cname=CNAME)} for ssrc in (AUDIO_SSRC, VIDEO_SSRC))
    party.right.add_receiver("a", audio_receiver(ssrcs=sound, **common))
    party.right.add_receiver("v", video_receiver(ssrcs=pictures, jitter=JitterSettings(target_delay=0.2), **common))
    party.route()
    if not reports:
        keep = party.here.tap
        assert keep is not None
        party.here.tap = lambda at, datagram: keep(at, datagram) and not is_rtcp(datagram.data)
    return party


def _send(party: Party, ticks: int, *, first: int = 0, key_at: frozenset[int] = frozenset({0})) -> None:
    """Send sound and pictures, each 20 ms."""
    for number in range(first, first + ticks):
        party.left.send_frame("a", opus_frame(number), now=party.network.now)
        picture = vp8_frame(number, key=number in key_at)
        picture = EncodedFrame(picture.data, number * 1800, keyframe=picture.keyframe)
        party.left.send_frame("v", picture, now=party.network.now)
        party.network.flush()
        party.network.advance(0.02)


@pytest.mark.spec("rfc6051:3.3/1", "rfc6051:3.3/2", "rfc6051:3.3/4", "rfc8834:5.2.1/1")
def test_the_clock_of_packets_is_that_of_reports() -> None:
    party = _party()
    _send(party, 100)

    packets = [each for each in party.rtp() if _clock(each) is not None]
    reports = [packet for data in party.rtcp(0) for packet in parse_compound(data) if isinstance(packet, SenderReport)]
    for ssrc, rate in ((AUDIO_SSRC, 48_000), (VIDEO_SSRC, 90_000)):
        told = [each for each in packets if each.ssrc == ssrc]
        report = [each for each in reports if each.ssrc == ssrc][-1]
        assert told
        for packet in told:
            ticks = (report.rtp_timestamp - packet.timestamp) & 0xFFFF_FFFF
            by_report = ntp_to_wall_clock(report.ntp_timestamp) - ticks / rate
            assert _clock(packet) == pytest.approx(by_report, abs=0.001)


@pytest.mark.spec("rfc6051:3.3/3", "rfc8834:5.2.1/1")
def test_first_packets_key_frames_and_their_sound_tell_the_clock_and_others_do_not() -> None:
    party = _party()
    _send(party, 250, key_at=frozenset({0, 200}))

    said: dict[int, list[float]] = {AUDIO_SSRC: [], VIDEO_SSRC: []}
    for packet in party.rtp():
        if packet.ssrc in said and (clock := _clock(packet)) is not None:
            said[packet.ssrc].append(clock - WALL_CLOCK)
    for ssrc, moments in said.items():
        late = [each for each in moments if each > 2.0]
        # Until the first report came back, and then once more.
        assert moments[0] == pytest.approx(0.0, abs=0.001)
        assert late
        assert all(4.0 - 0.001 <= each <= 4.02 + 0.001 for each in late), ssrc
        assert len(moments) < 0.7 * 250


def test_who_did_not_ask_is_not_told() -> None:
    party = _party(extensions=EXTENSIONS)
    _send(party, 50)

    assert all(_clock(each) is None for each in party.rtp())


@pytest.mark.spec("rfc8834:5.2.1/1")
@pytest.mark.parametrize("told", [True, False])
def test_streams_are_played_in_step_before_any_report_comes(told: bool) -> None:
    party = _party(extensions=CLOCKED if told else EXTENSIONS, reports=False)
    _send(party, 100)

    stream = {each.ssrc: each for each in party.right._inbound.streams.values()}
    sound = stream[AUDIO_SSRC].buffer  # type: ignore[union-attr]  # a stream of media
    assert sound is not None
    assert (sound.playout.floor > 0.1) is told


@pytest.mark.spec("rfc8834:5.2.1/1")
def test_sound_waits_for_its_picture_at_once() -> None:
    party = _party(reports=False)
    late = {"a": 0.0, "v": 0.0}

    def notice(event: object) -> None:
        if isinstance(event, FrameReceived) and event.frame.capture_time is not None:
            late[str(event.receiver_id)] = party.network.now - (event.frame.capture_time - WALL_CLOCK)

    party.there.on_event = notice
    _send(party, 100)

    assert late["v"] == pytest.approx(0.22, abs=0.02)
    assert late["a"] == pytest.approx(late["v"], abs=0.03)


@pytest.mark.spec("rfc8834:5.2.1/1")
def test_frames_know_when_they_were_captured_before_any_report_comes() -> None:
    party = _party(reports=False)
    _send(party, 50)

    times = [event.frame.capture_time for event in party.there.of(FrameReceived) if event.receiver_id == "v"]
    known = [each for each in times if each is not None]
    assert len(known) == len(times) > 20
    assert known[0] == pytest.approx(WALL_CLOCK, abs=0.001)
    assert all(later - earlier == pytest.approx(0.02, abs=0.001) for earlier, later in pairwise(known))


def test_what_packets_say_does_not_count_as_a_report() -> None:
    party = _party(reports=False)
    _send(party, 100)

    blocks = [
        block
        for data in party.rtcp(1)
        for packet in parse_compound(data)
        for block in getattr(packet, "blocks", [])
        if hasattr(block, "last_sr")
    ]
    assert blocks
    assert {(block.last_sr, block.delay_since_last_sr) for block in blocks} == {(0, 0)}


def test_what_is_passed_on_does_not_tell_the_clock_of_somebody_else() -> None:
    party = _party()
    packet = RtpPacket(111, 1, 2, 3, b"\x78sound", extensions={NUMBER: NTP_64.serialize(1 << 40)})
    party.left.send_packet("a", packet, rewrite=True)
    party.network.flush()

    assert all(_clock(each) is None for each in party.rtp())


@pytest.mark.spec("rfc6051:3.2/1", "rfc6051:3.2/2", "rfc6051:3.2/3")
def test_a_report_comes_early_if_somebody_cannot_keep_step() -> None:
    def reports_within(ask: bool) -> int:
        party = Party()
        party.connect_audio()
        party.send_audio(150)
        # Just after a report, so that the next one is a second away.
        before = len(party.rtcp(0))
        number = 150
        while len(party.rtcp(0)) == before:
            party.send_audio(1, first=number)
            number += 1
        before = len(party.rtcp(0))
        if ask:
            request = serialize_compound([RapidResynchronizationRequest(7, AUDIO_SSRC)], reduced_size=True)
            assert len(request) == 12
            party.left.receive_datagram(request, party.network.now)
        party.send_audio(15, first=number)
        return len(party.rtcp(0)) - before

    assert reports_within(ask=True) > 0
    assert reports_within(ask=False) == 0


def test_asking_about_streams_of_others_is_counted() -> None:
    party = Party()
    party.connect_audio()
    party.send_audio(10)
    request = serialize_compound([RapidResynchronizationRequest(7, 99)], reduced_size=True)
    party.left.receive_datagram(request, party.network.now)

    assert party.left.stats.dropped == {"feedback_for_unknown_source": 1}


def test_clocks_are_compared_now_and_then_not_with_every_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    party = Party()
    party.right.add_receiver("a", audio_receiver(header_extensions=CLOCKED, synchronization_group="speaker"))
    compared: list[int] = []
    monkeypatch.setattr("rtc_rtp.inbound.synchronize", lambda streams: compared.append(len(streams)))
    for number in range(5):
        for ssrc in range(1, 51):
            extensions = {4: b"0", NUMBER: NTP_64.serialize(0xE000_0000 << 32)}
            packet = RtpPacket(111, number, 960 * number, ssrc, b"x", extensions=extensions)
            party.right.receive_datagram(packet.serialize(), party.network.now)
            party.network.flush()
        party.network.advance(0.03)

    assert 5 <= len(compared) <= 10
    assert compared[-1] == 50
