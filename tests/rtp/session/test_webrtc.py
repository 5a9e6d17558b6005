"""What WebRTC asks of RTP beyond RTP itself (RFC 8834), where no other test asks it."""

import pytest
from tests.rtp.session.party import (
    AUDIO_SSRC,
    EXTENSIONS,
    Party,
    audio_receiver,
    audio_sender,
    opus_frame,
    video_sender,
)

from rtc_rtp import (
    AUDIO_LEVEL,
    AudioLevel,
    DescriptionType,
    ExtensionMap,
    ReceiverReport,
    RtpPacket,
    SourceDescription,
    is_rtcp,
    parse_compound,
    serialize_compound,
)
from rtc_rtp.rtcp import ExtendedReport, UnknownBlock, UnknownPacket


@pytest.mark.spec("rfc8834:4.1/6", "rfc8834:11/2")
def test_streams_of_several_canonical_names_are_received_and_kept_apart() -> None:
    party = Party()
    for number, name in enumerate(("one", "other")):
        party.left.add_sender(number, audio_sender(AUDIO_SSRC + number, cname=name))
    party.right.add_receiver("a", audio_receiver(synchronization_group="all"))
    for number in range(100):
        for sender in (0, 1):
            party.left.send_frame(sender, opus_frame(number))
        party.network.flush()
        party.network.advance(0.02)

    streams = {stats.ssrc: stats for stats in party.right.receiver_stats("a")}
    assert {ssrc: stats.cname for ssrc, stats in streams.items()} == {AUDIO_SSRC: "one", AUDIO_SSRC + 1: "other"}
    assert all(stats.packets_received == 100 for stats in streams.values())
    assert len(party.received("a")) > 190


@pytest.mark.spec("rfc8834:4.9/4")
@pytest.mark.parametrize("name", ["user@192.0.2.1", "host.example.org", "ü", "x" * 255, "{uuid}", "a b\0c"])
def test_any_canonical_name_is_taken(name: str) -> None:
    party = Party()
    party.connect_audio()
    party.send_audio(5)
    packet = serialize_compound(
        [ReceiverReport(AUDIO_SSRC), SourceDescription.of(AUDIO_SSRC, [(DescriptionType.CNAME, name)])]
    )

    party.right.receive_datagram(packet, party.network.now)

    assert party.right.receiver_stats("a")[0].cname == name
    assert party.right.stats.dropped == {}


@pytest.mark.spec("rfc8834:5.2.2/1")
def test_the_level_of_sound_is_told_in_every_packet() -> None:
    party = Party()
    party.connect_audio()
    for number in range(10):
        frame = opus_frame(number)
        frame.audio_level = AudioLevel(10 * number, voice_activity=number % 2 == 0)
        party.left.send_frame("a", frame)
        party.network.flush()
        party.network.advance(0.02)
    party.network.advance(0.5)

    identifier = EXTENSIONS.id_of(AUDIO_LEVEL)
    assert identifier is not None
    told = [AUDIO_LEVEL.parse(packet.extension(identifier) or b"") for packet in party.rtp()]
    assert told == [AudioLevel(10 * number, voice_activity=number % 2 == 0) for number in range(10)]
    assert [frame.audio_level for frame in party.received("a")] == told


@pytest.mark.spec("rfc8834:8/3")
def test_extended_reports_that_nobody_expects_cost_nothing_of_what_comes_with_them() -> None:
    party = Party()
    party.connect_audio()
    party.send_audio(5)
    extended = ExtendedReport(AUDIO_SSRC, [UnknownBlock(200, 7, b"what"), UnknownBlock(201, 0, b"")])
    description = SourceDescription.of(AUDIO_SSRC, [(DescriptionType.CNAME, "name")])
    packet = serialize_compound([ReceiverReport(AUDIO_SSRC), extended, UnknownPacket(215, 0, b"more"), description])
    before = party.right.stats.dropped.get("unknown_rtcp", 0)

    party.right.receive_datagram(packet, party.network.now)

    assert parse_compound(packet)[1] == extended
    assert party.right.receiver_stats("a")[0].cname == "name"
    assert party.right.stats.dropped.get("unknown_rtcp", 0) - before <= 2


class ByMid:
    """A router that knows sources by what RTCP tells of them."""

    def __init__(self) -> None:
        self.mids: dict[int, str] = {}

    def route(self, packet: RtpPacket) -> str | None:
        """Return the receiver that is called as the section."""
        return self.mids.get(packet.ssrc)

    def describe(self, ssrc: int, mid: str) -> None:
        """Remember."""
        self.mids[ssrc] = mid


@pytest.mark.spec("rfc9143:15/2")
def test_packets_name_their_section_from_the_first_on_and_under_a_new_ssrc_too() -> None:
    party = Party()
    party.connect_audio()
    party.send_audio(3)
    party.left.receive_datagram(RtpPacket(111, 9, 9, AUDIO_SSRC, b"\x78x").serialize(), party.network.now)
    party.send_audio(3, first=3)

    packets = [RtpPacket.parse(data) for data in party.sent[0] if not is_rtcp(data)]
    assert len({packet.ssrc for packet in packets}) == 2
    assert [packet.extension(4) for packet in packets] == [b"0"] * 6


@pytest.mark.spec("rfc8834:4.1/7", "rfc9143:15/1")
def test_rtcp_tells_which_section_a_stream_belongs_to() -> None:
    party = Party()
    nothing = ExtensionMap({})
    party.left.add_sender("v", video_sender(mid="1", header_extensions=nothing))
    party.left.add_sender("a", audio_sender(mid="0", header_extensions=nothing))
    party.right.add_receiver("0", audio_receiver(header_extensions=nothing))
    party.right.add_receiver("1", audio_receiver(header_extensions=nothing))
    party.right.set_router(ByMid())
    for number in range(100):
        party.left.send_frame("a", opus_frame(number))
        party.network.flush()
        party.network.advance(0.02)

    told = [
        chunk
        for data in party.rtcp(0)
        for packet in parse_compound(data)
        if isinstance(packet, SourceDescription)
        for chunk in packet.chunks
    ]
    assert {chunk.get(DescriptionType.MID) for chunk in told if chunk.ssrc == AUDIO_SSRC} == {"0"}
    assert party.right.receiver_stats("0")[0].packets_received > 40
    assert party.right.receiver_stats("1") == []
