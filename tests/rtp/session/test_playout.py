"""When frames are handed on: the jitter buffers, and play-out in step."""

from itertools import pairwise

import pytest
from tests.rtp.session.party import (
    EXTENSIONS,
    OPUS,
    Party,
    audio_receiver,
    audio_sender,
    opus_frame,
    video_receiver,
    video_sender,
    vp8_frame,
)
from tests.support.network import Link

from rtc_rtp import (
    VIDEO_ORIENTATION,
    AudioLevel,
    EncodedFrame,
    ExtensionMap,
    FrameReceived,
    JitterSettings,
    RtpCodec,
    RtpPacket,
    SessionOptions,
    VideoOrientation,
)
from rtc_rtp.receiving.audio_buffer import AudioBuffer


def _arrivals(party: Party, receiver_id: str) -> list[tuple[float, EncodedFrame]]:
    """Frames with the time at which they are handed on."""
    seen: list[tuple[float, EncodedFrame]] = []
    party.there.on_event = lambda event: (
        seen.append((party.network.now, event.frame))
        if isinstance(event, FrameReceived) and event.receiver_id == receiver_id
        else None
    )
    return seen


def test_audio_of_a_steady_path_does_not_wait() -> None:
    party = Party()
    party.connect_audio()
    seen = _arrivals(party, "a")

    party.send_audio(50)

    assert all(at == pytest.approx(0.02 + 0.02 * number, abs=0.001) for number, (at, _) in enumerate(seen))
    stats = party.right.receiver_stats("a")[0]
    assert stats.jitter_buffer_emitted_count == len(seen) * 960, "samples, as the W3C counts sound"


def test_audio_of_an_uneven_path_is_handed_on_evenly() -> None:
    party = Party(link=Link(delay=0.02, jitter=0.06))
    party.connect_audio()
    seen = _arrivals(party, "a")

    party.send_audio(600)
    late = seen[100:]

    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(late)]
    assert sum(abs(gap - 0.02) < 0.003 for gap in gaps) > 0.9 * len(gaps)
    stats = party.right.receiver_stats("a")[0]
    assert stats.packets_discarded < 30
    assert 0.02 < stats.jitter_buffer_delay / stats.jitter_buffer_emitted_count < 0.08
    assert 0.02 < stats.jitter_buffer_minimum_delay / stats.jitter_buffer_emitted_count < 0.08
    assert stats.jitter_buffer_minimum_delay <= stats.jitter_buffer_target_delay


def test_the_delay_sinks_again_when_the_path_calms_down() -> None:
    link = Link(delay=0.02, jitter=0.1)
    party = Party(link=link)
    party.connect_audio()
    party.send_audio(300)
    buffer = party.right._inbound.streams[0xA0D10].buffer  # type: ignore[union-attr]
    assert isinstance(buffer, AudioBuffer)
    high = buffer.playout.delay

    link.jitter = 0.0
    party.send_audio(800, first=300)

    assert high > 0.07
    assert buffer.playout.delay < 0.4 * high


def test_a_wished_delay_is_kept() -> None:
    party = Party()
    party.left.add_sender("a", audio_sender())
    party.right.add_receiver("a", audio_receiver(jitter=JitterSettings(target_delay=0.2)))
    seen = _arrivals(party, "a")

    party.send_audio(30)
    party.network.advance(1.0)

    assert [round(at, 3) for at, _ in seen] == [round(0.22 + 0.02 * number, 3) for number in range(30)]


def test_a_wished_delay_holds_for_pictures_too() -> None:
    party = Party()
    party.left.add_sender("v", video_sender())
    party.right.add_receiver("v", video_receiver(jitter=JitterSettings(target_delay=0.3)))
    seen = _arrivals(party, "v")

    party.send_video(10)
    party.network.advance(1.0)

    assert [round(at, 2) for at, _ in seen] == [round(0.32 + number / 30, 2) for number in range(10)]


def test_silence_that_was_not_sent_is_no_loss() -> None:
    party = Party()
    party.connect_audio()
    party.send_audio(10)
    party.network.advance(1.0)

    party.send_audio(10, first=60)
    party.network.advance(1.0)

    stats = party.right.receiver_stats("a")[0]
    assert len(party.received("a")) == 20
    assert stats.concealed_packets == 0


def test_what_is_lost_is_passed_over_in_its_time() -> None:
    party = Party(link=Link(delay=0.02, loss=0.1))
    party.connect_audio()
    seen = _arrivals(party, "a")

    party.send_audio(200)

    stats = party.right.receiver_stats("a")[0]
    numbers = [frame.first_sequence_number or 0 for _, frame in seen]
    gaps = sum((later - earlier - 1) & 0xFFFF for earlier, later in pairwise(numbers))
    assert stats.concealed_packets == gaps > 5
    assert seen[-1][0] == pytest.approx(0.02 * 199 + 0.02, abs=0.05)


def test_frames_tell_what_header_extensions_said() -> None:
    party = Party()
    party.connect_audio()
    frame = opus_frame(0)
    frame.audio_level = AudioLevel(30, voice_activity=True)

    for _ in range(3):
        party.left.send_frame("a", frame)
        party.network.flush()
        frame = opus_frame(1)
        frame.audio_level = AudioLevel(20, voice_activity=False)
    party.network.advance(0.2)

    received = party.received("a")[0]
    source = party.right.synchronization_sources("a")[0]
    assert received.audio_level == AudioLevel(30, voice_activity=True)
    assert (received.mime_type, received.ssrc) == (OPUS.mime_type, 0xA0D10)
    assert source.audio_level == pytest.approx(0.1)
    assert (source.ssrc, source.voice_activity) == (0xA0D10, False)


@pytest.mark.spec("rfc6464:3/2", "rfc6464:4/2")
@pytest.mark.parametrize("in_use", [True, False])
def test_voice_activity_that_is_not_in_use_is_not_looked_at(in_use: bool) -> None:
    party = Party()
    party.left.add_sender("a", audio_sender())
    party.right.add_receiver("a", audio_receiver(voice_activity=in_use))
    frame = opus_frame(0)
    frame.audio_level = AudioLevel(20, voice_activity=True)

    party.left.send_frame("a", frame)
    party.network.flush()
    party.network.advance(0.2)

    told = True if in_use else None
    assert party.received("a")[0].audio_level == AudioLevel(20, voice_activity=told)
    assert party.right.synchronization_sources("a")[0].voice_activity is told


def test_pictures_have_no_loudness_whatever_their_packets_say() -> None:
    party = Party()
    party.connect_video()
    packet = RtpPacket(96, 0, 0, 1, b"\x10" + vp8_frame(0, key=True).data, marker=True, extensions={1: b"\x14"})

    party.left.send_packets("v", [packet], rewrite=True)
    party.network.flush()
    party.network.advance(0.2)

    assert len(party.received()) == 1
    assert party.right.synchronization_sources("v")[0].audio_level is None
    assert party.right.receiver_stats("v")[0].audio_level is None


def test_contributing_sources_are_known_for_ten_seconds() -> None:
    party = Party()
    party.connect_audio()
    for number in range(3):
        frame = opus_frame(number)
        frame.csrcs = (7, 8)
        party.left.send_frame("a", frame)
    party.network.advance(1.0)

    assert {source.ssrc for source in party.right.contributing_sources("a")} == {7, 8}
    party.right.handle_timeout(party.network.now + 10.0)
    assert party.right.contributing_sources("a") == []


def _speak(party: Party, seconds: float) -> None:
    """Sound 50 times and pictures 25 times a second, captured together."""
    begin = round(party.network.now * 50)
    for number in range(begin, begin + int(50 * seconds)):
        party.left.send_frame("a", opus_frame(number))
        if number % 2 == 0:
            frame = vp8_frame(0, key=number == 0, length=500)
            frame.timestamp = number * 1800
            party.left.send_frame("v", frame)
        party.network.flush()
        party.network.advance(0.02)


@pytest.mark.spec("rfc5888:7/1")
def test_sound_waits_for_the_picture_that_belongs_to_it() -> None:
    party = Party()
    party.connect_video()
    party.left.add_sender("a", audio_sender())
    party.right.add_receiver("a", audio_receiver(synchronization_group="speaker"))
    party.right.add_receiver(
        "v", video_receiver(synchronization_group="speaker", jitter=JitterSettings(target_delay=0.15))
    )
    party.route()
    late = {"a": 0.0, "v": 0.0}

    def notice(event: object) -> None:
        if isinstance(event, FrameReceived) and event.frame.capture_time is not None:
            late[str(event.receiver_id)] = party.network.now - (event.frame.capture_time - 1_800_000_000.0)

    party.there.on_event = notice
    _speak(party, 10)

    assert late["v"] == pytest.approx(0.17, abs=0.02)
    assert late["a"] == pytest.approx(late["v"], abs=0.03)


def test_pictures_out_of_order_come_in_order() -> None:
    party = Party(link=Link(delay=0.02, reordering=0.3, duplication=0.2))
    party.connect_video()

    party.send_video(60)
    party.network.advance(0.5)

    assert [frame.data for frame in party.received()] == [frame.data for frame in party.frames_sent]
    assert party.right.receiver_stats("v")[0].packets_duplicated > 10
    assert party.left.sender_stats("v")[None].retransmitted_packets_sent < 60


def test_nothing_is_handed_on_before_a_key_frame() -> None:
    party = Party()
    party.connect_video()
    for number in range(1, 4):
        party.left.send_frame("v", vp8_frame(number, key=False))
        party.network.flush()
        party.network.advance(1 / 30)
    before = party.received()

    party.left.send_frame("v", vp8_frame(4, key=True))
    party.network.advance(0.1)

    assert before == []
    assert [frame.keyframe for frame in party.received()] == [True]


def test_buffers_are_bounded() -> None:
    party = Party(options=SessionOptions(probation=0))
    party.right.add_receiver("v", video_receiver())
    party.right.add_receiver("a", audio_receiver(jitter=JitterSettings(target_delay=100.0, maximum_delay=100.0)))
    party.route()
    for number in range(6000):
        # Pictures without an end, and sound for later.
        party.right.receive_datagram(bytes(RtpPacket(96, number, number, 1, b"\x10\x00\x00")), number / 1000)
        party.right.receive_datagram(bytes(RtpPacket(111, number, number * 48, 2, b"\x78x")), number / 1000)
        party.right.datagrams_to_send(number / 1000)

    held = [len(stream.buffer._packets) for stream in party.right._inbound.streams.values()]  # type: ignore[union-attr]
    assert max(held) <= 2048


@pytest.mark.spec("rfc8834:5.2.5/1")
def test_a_picture_that_is_turned_says_so_once_for_those_that_follow() -> None:
    party = Party()
    extensions = ExtensionMap({**EXTENSIONS, 8: VIDEO_ORIENTATION})
    party.left.add_sender("v", video_sender(header_extensions=extensions))
    party.right.add_receiver("v", video_receiver(header_extensions=extensions))
    turned = VideoOrientation(90, back_camera=True)
    for number in range(7):
        frame = vp8_frame(number, key=number in {0, 4})
        frame.orientation = turned if 2 <= number < 6 else None
        party.left.send_frame("v", frame)
        party.network.flush()
        party.network.advance(1 / 30)

    upright = VideoOrientation(0)
    assert [frame.orientation for frame in party.received()] == [None, None, *[turned] * 4, upright]
    assert sum(8 in packet.extensions for packet in party.rtp()) == 3


@pytest.mark.spec("rfc8834:4.3/6")
def test_sound_goes_on_evenly_when_the_clock_of_its_codec_changes() -> None:
    pcmu = RtpCodec(payload_type=0, mime_type="audio/PCMU", clock_rate=8000)
    party = Party()
    party.left.add_sender("a", audio_sender(codecs=(OPUS, pcmu)))
    party.right.add_receiver("a", audio_receiver(codecs=(OPUS, pcmu)))
    seen = _arrivals(party, "a")

    party.send_audio(100)
    for number in range(100, 200):
        frame = EncodedFrame(b"\xff" * 160, number * 160, mime_type="audio/PCMU")
        party.left.send_frame("a", frame)
        party.network.flush()
        party.network.advance(0.02)

    assert [round(at, 3) for at, _ in seen] == [round(0.02 + 0.02 * number, 3) for number in range(len(seen))]
    assert len(seen) >= 198
    assert party.right.receiver_stats("a")[0].jitter < 0.001


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_a_timeline_that_is_left_holds_nothing_up(kind: str) -> None:
    """Another source behind the same stream, as after a transfer of the call: timestamps go back by an hour, numbers go on."""
    party = Party()
    jitter = JitterSettings(target_delay=0.2)
    if kind == "audio":
        party.left.add_sender("x", audio_sender())
        party.right.add_receiver("x", audio_receiver(jitter=jitter))
        frames = [opus_frame(number) for number in range(20)]
    else:
        party.left.add_sender("x", video_sender())
        party.right.add_receiver("x", video_receiver(jitter=jitter))
        frames = [vp8_frame(number, key=number == 0) for number in range(20)]
    rate = 48_000 if kind == "audio" else 90_000
    for frame in frames[10:]:
        frame.timestamp = frame.timestamp - 3600 * rate & 0xFFFF_FFFF

    for frame in frames:
        party.left.send_frame("x", frame)
        party.network.flush()
        party.network.advance(0.02)
    party.network.advance(0.5)

    assert [frame.data for frame in party.received("x")] == [frame.data for frame in frames]
