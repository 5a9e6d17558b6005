"""Telephone events: the codec, sending and receiving of tones (RFC 4733)."""

import copy
import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_rtp import (
    DTMF_TONES,
    ParseError,
    RtpPacket,
    TelephoneEvent,
    ToneChanged,
    TonePacket,
    ToneReceiver,
    ToneReported,
    ToneSender,
    format_event_codes,
    parse_event_codes,
    parse_telephone_events,
)

VECTORS = Path(__file__).parents[1] / "vectors" / "rtp" / "tones"
RATE = 8000


def _run(sender: ToneSender, now: float, *, until: float = 100.0) -> list[tuple[float, TonePacket]]:
    """Let a sender do what it wants in its own time; return its packets with the times at which they were due."""
    sent = []
    while (due := sender.next_timeout()) is not None and due <= until:
        now = max(now, due)
        sender.handle_timeout(now)
        sent += [(now, packet) for packet in sender.packets_to_send(now)]
        sender.events()
    return sent


def _reports(sent: list[tuple[float, TonePacket]]) -> list[TelephoneEvent]:
    return [TelephoneEvent.parse(packet.payload) for _, packet in sent]


def _sender(**options: float) -> ToneSender:
    return ToneSender(now=10.0, timestamp=1000, **options)  # type: ignore[arg-type] # any of the numbers


# --- the codec


@pytest.mark.spec("rfc4733:2.3.3/1")
def test_a_report_on_the_wire() -> None:
    event = TelephoneEvent(11, True, 10, 960)

    assert event.serialize() == bytes.fromhex("0b8a03c0")
    assert TelephoneEvent.parse(bytes.fromhex("0b8a03c0")) == event
    assert TelephoneEvent.parse(bytes.fromhex("0bca03c0")) == event  # the reserved bit


@given(st.builds(TelephoneEvent, st.integers(0, 255), st.booleans(), st.integers(0, 63), st.integers(0, 0xFFFF)))
def test_reports_survive_the_wire(event: TelephoneEvent) -> None:
    assert TelephoneEvent.parse(event.serialize()) == event


@given(st.binary(max_size=20))
def test_payloads_are_whole_reports_or_parse_errors(data: bytes) -> None:
    try:
        events = parse_telephone_events(data)
    except ParseError:
        assert not data or len(data) % 4
        return

    assert len(events) == len(data) // 4


@pytest.mark.spec("rfc4733:2.5.1.1/1", "rfc4733:2.5.2.1/1", "rfc4733:9.2/2", "rfc4733:9.2/3")
def test_lists_of_events() -> None:
    assert parse_event_codes("0-15,66,70") == {*range(16), 66, 70}
    assert format_event_codes({70, *range(16), 66}) == "0-15,66,70"
    assert format_event_codes([]) == ""


@given(st.sets(st.integers(0, 255), min_size=1))
def test_lists_of_events_survive_the_wire(codes: set[int]) -> None:
    assert parse_event_codes(format_event_codes(codes)) == codes


@pytest.mark.parametrize("text", ["", "x", "0-", "-3", "15-0", "256", "0-256", "1,,2", "0 -15", "²", "9" * 5000, "٣"])
def test_what_is_no_list_of_events(text: str) -> None:
    with pytest.raises(ParseError):
        parse_event_codes(text)


# --- sending


@pytest.mark.spec(
    "rfc4733:2.3.5/1",
    "rfc4733:2.5.1.2/2",
    "rfc4733:2.5.1.2/3",
    "rfc4733:2.5.1.2/4",
    "rfc4733:2.5.1.2/5",
    "rfc4733:2.5.1.2/6",
    "rfc4733:2.5.1.2/7",
    "rfc4733:2.5.1.2/8",
    "rfc4733:2.5.2.2/2",
)
def test_one_tone() -> None:
    sender = _sender()
    sender.send_tones("5", 10.0, duration=0.1)

    sent = _run(sender, 10.0)

    assert [round(at - 10.0, 3) for at, _ in sent] == [0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.14]
    assert [event.duration for event in _reports(sent)] == [160, 320, 480, 640, 800, 800, 800]
    assert [event.end for event in _reports(sent)] == [False] * 4 + [True] * 3
    assert {(event.code, event.volume) for event in _reports(sent)} == {(5, 10)}
    assert [packet.marker for _, packet in sent] == [True] + [False] * 6
    assert {packet.timestamp for _, packet in sent} == {1000}


@pytest.mark.spec("rfc4733:2.1/1", "rfc4733:2.5.1.2/1")
def test_events_use_the_clock_of_the_audio() -> None:
    sender = _sender()
    sender.synchronize(5000, 10.5)
    sender.send_tones("12", 11.0, duration=0.1, gap=0.1)

    sent = _run(sender, 11.0)

    assert sorted({packet.timestamp for _, packet in sent}) == [9000, 9000 + 1600]


def test_timestamps_wrap() -> None:
    sender = ToneSender(now=0.0, timestamp=0xFFFF_FFFF)
    sender.send_tones("1", 1.0)

    assert {packet.timestamp for _, packet in _run(sender, 1.0)} == {7999}


@pytest.mark.spec("rfc4733:2.5.1.4/1", "rfc4733:2.5.1.4/4")
def test_the_final_report_is_sent_three_times_though_the_next_tone_is_near() -> None:
    sender = _sender()
    sender.send_tones("12", 10.0, duration=0.04, gap=0.03)

    sent = _run(sender, 10.0)

    reports = zip([at for at, _ in sent], _reports(sent), strict=True)
    finals = [(round(at - 10, 3), event.code) for at, event in reports if event.end]
    assert finals == [(0.04, 1), (0.06, 1), (0.07, 1), (0.11, 2), (0.13, 2), (0.14, 2)]


@pytest.mark.spec(
    "rfc4733:2.5.1.3/1",
    "rfc4733:2.5.1.3/2",
    "rfc4733:2.5.1.3/3",
    "rfc4733:2.5.1.3/4",
    "rfc4733:2.5.1.3/5",
    "rfc4733:2.5.1.3/6",
    "rfc4733:2.5.1.4/1",
)
def test_a_long_tone_has_segments() -> None:
    sender = ToneSender(now=0.0, clock_rate=48000)
    sender.send_tones("9", 0.0, duration=3.0)

    sent = _run(sender, 0.0)

    reports = [(packet.timestamp, event) for (_, packet), event in zip(sent, _reports(sent), strict=True)]
    assert sorted({timestamp for timestamp, _ in reports}) == [0, 0xFFFF, 2 * 0xFFFF]
    full = [(timestamp, event.end) for timestamp, event in reports if event.duration == 0xFFFF]
    assert full == [(0, False)] * 3 + [(0xFFFF, False)] * 3
    assert [event.duration for _, event in reports if event.end] == [144000 - 2 * 0xFFFF] * 3
    assert [packet.marker for _, packet in sent].count(True) == 1
    assert sent[0][1].marker


@pytest.mark.spec("rfc4733:2.1/1", "rfc4733:2.5.1.2/1")
def test_durations_may_have_another_clock_than_the_stream() -> None:
    sender = ToneSender(now=0.0, clock_rate=8000, stream_clock_rate=48000, timestamp=7)
    receiver = ToneReceiver(clock_rate=48000)
    sender.send_tones("12", 1.0, duration=0.1, gap=0.1)

    sent = _run(sender, 1.0)
    _feed(receiver, sent, 8000)

    assert sorted({packet.timestamp for _, packet in sent}) == [48007, 48007 + 9600]
    assert {event.duration for event in _reports(sent) if event.end} == {800}
    assert [(event.code, event.duration) for event in receiver.events() if event.ended] == [(1, 0.1), (2, 0.1)]


@pytest.mark.parametrize("stream_clock_rate", [16000, 48000])
def test_segments_of_another_clock_are_one_long_tone(stream_clock_rate: int) -> None:
    receiver = ToneReceiver(clock_rate=stream_clock_rate)
    sender = ToneSender(now=0.0, clock_rate=16000, stream_clock_rate=stream_clock_rate)
    sender.send_tones("1", 0.0, duration=6.0)

    _feed(receiver, _run(sender, 0.0), 16000)

    assert [(event.timestamp, event.duration) for event in receiver.events() if event.ended] == [(0, 6.0)]


def test_a_pause_and_the_end_are_told() -> None:
    sender = _sender()
    sender.send_tones("1,d", 10.0, duration=0.1, gap=0.07)
    told: list[tuple[float, str]] = []

    now = 10.0
    told += [(now, event.tone) for event in sender.events()]
    while (due := sender.next_timeout()) is not None:
        now = max(now, due)
        sender.handle_timeout(now)
        sender.packets_to_send(now)
        told += [(round(now - 10, 3), event.tone) for event in sender.events()]

    assert told == [(10.0, "1"), (0.17, ","), (2.17, "D"), (2.34, "")]


def test_audio_gives_way_while_a_tone_is_sent() -> None:
    sender = _sender()
    sender.send_tones("1", 10.0, duration=0.1)

    states = []
    for now in (10.0, 10.05, 10.1, 10.15):
        sender.handle_timeout(now)
        states.append(sender.sending)

    assert states == [True, True, False, False]


def test_new_tones_replace_what_has_not_begun() -> None:
    sender = _sender()
    sender.send_tones("123", 10.0)
    sender.send_tones("9", 10.05)
    assert sender.tones_left == "9"

    codes = [event.code for event in _reports(_run(sender, 10.05))]

    assert list(dict.fromkeys(codes)) == [1, 9]


def test_nothing_ends_the_dialling() -> None:
    sender = _sender()
    sender.send_tones("123", 10.0)
    sender.send_tones("", 10.05)

    codes = {event.code for event in _reports(_run(sender, 10.05))}

    assert codes == {1}
    assert sender.next_timeout() is None


def test_durations_are_taken_into_their_range() -> None:
    sender = _sender()
    sender.send_tones("1", 10.0, duration=0.001, gap=0.0)
    sent = _run(sender, 10.0)
    assert _reports(sent)[-1].duration == 320

    sender.send_tones("1", 20.0, duration=99.0)
    sent = _run(sender, 20.0)
    assert _reports(sent)[-1].duration == 48000


@pytest.mark.spec("rfc4733:2.5.1.1/2", "rfc4733:2.5.1.1/3", "rfc4733:9.2/1")
def test_only_what_the_other_side_takes_is_sent() -> None:
    by_default, few = _sender(), ToneSender(now=0.0, events=frozenset({1, 2}))

    assert all(by_default.can_send(tone) for tone in DTMF_TONES + ",")
    assert not by_default.can_send("E")
    assert not by_default.can_send("12")
    assert few.can_send("1")
    with pytest.raises(ValueError, match="'3'"):
        few.send_tones("123", 0.0)
    assert few.next_timeout() is None


def test_too_many_tones_are_refused() -> None:
    sender = _sender()

    with pytest.raises(ValueError, match="4096"):
        sender.send_tones("1" * 4097, 10.0)
    assert sender.tones_left == ""


@pytest.mark.parametrize("options", [{"volume": 64}, {"interval": 0.0}, {"clock_rate": 0}])
def test_impossible_options(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"volume|positive"):
        _sender(**options)


def test_a_late_caller_gets_every_end_and_no_flood() -> None:
    sender = _sender()
    sender.send_tones("123", 10.0, duration=0.1, gap=0.07)

    sent = [(99.0, packet) for packet in sender.packets_to_send(99.0)]

    assert [(event.code, event.duration) for event in _reports(sent)] == [
        (code, 800) for code in (1, 2, 3) for _ in range(3)
    ]
    assert [event.tone for event in sender.events()] == ["1", "2", "3", ""]


def test_time_does_not_go_back() -> None:
    sender = _sender()
    sender.send_tones("1", 10.0)
    sender.handle_timeout(10.05)
    sender.packets_to_send(10.0)

    assert len(_run(sender, 10.0)) == 5


def test_copies_go_on_as_the_original() -> None:
    sender = _sender()
    sender.send_tones("1,2", 10.0)
    sender.packets_to_send(10.05)
    copies = [copy.deepcopy(sender), pickle.loads(pickle.dumps(sender))]

    rest = _run(sender, 10.05)

    assert [_run(each, 10.05) for each in copies] == [rest, rest]


# --- receiving


def _heard(receiver: ToneReceiver) -> list[tuple[int, float, bool]]:
    return [(event.code, event.duration, event.ended) for event in receiver.events()]


def _feed(receiver: ToneReceiver, sent: list[tuple[float, TonePacket]], clock_rate: int | None = None) -> None:
    for at, packet in sent:
        receiver.receive(packet.payload, packet.timestamp, at, marker=packet.marker, clock_rate=clock_rate)


def test_a_tone_is_heard_once() -> None:
    sender, receiver = _sender(), ToneReceiver()
    sender.send_tones("5", 10.0)

    _feed(receiver, _run(sender, 10.0))

    assert _heard(receiver) == [(5, 0.02, False), (5, 0.04, False), (5, 0.06, False), (5, 0.08, False), (5, 0.1, True)]
    assert receiver.dropped == {"repeated": 2}
    assert receiver.next_timeout() is None


@given(st.text(DTMF_TONES, min_size=1, max_size=6), st.data())
@pytest.mark.spec("rfc4733:2.5.2.2/5", "rfc4733:2.5.2.2/6", "rfc4733:2.5.2.2/7")
def test_every_tone_is_heard_once_whatever_is_lost_or_doubled(tones: str, data: st.DataObject) -> None:
    sender, receiver = _sender(), ToneReceiver()
    sender.send_tones(tones, 10.0, duration=0.1, gap=0.07)
    sent = []
    for at, packet in _run(sender, 10.0):
        is_final = packet.payload[1] & 0x80
        copies = data.draw(st.integers(0, 2))
        sent += [(at, packet)] * copies
        if is_final and copies and data.draw(st.booleans()):
            sent.append((at, packet))
    heard_timestamps = {packet.timestamp for _, packet in sent}

    _feed(receiver, sent)
    receiver.handle_timeout(99.0)

    events = receiver.events()
    ended = [event for event in events if event.ended]
    assert [event.timestamp for event in ended] == sorted(heard_timestamps)
    assert "".join(DTMF_TONES[event.code] for event in ended) == "".join(
        tone for i, tone in enumerate(tones) if 1000 + i * 1360 in heard_timestamps
    )


@pytest.mark.spec("rfc4733:2.5.2.3/1", "rfc4733:2.5.1.3/3")
def test_segments_are_one_long_tone() -> None:
    sender, receiver = ToneSender(now=0.0, clock_rate=48000), ToneReceiver(clock_rate=48000)
    sender.send_tones("9", 0.0, duration=5.0)

    _feed(receiver, _run(sender, 0.0))

    events = receiver.events()
    assert [event.ended for event in events].count(True) == 1
    assert events[-1] == ToneReported(9, 0, 5.0, 10, True)


@pytest.mark.spec("rfc4733:2.5.2.3/1")
def test_a_gap_between_equal_tones_makes_them_two() -> None:
    receiver = ToneReceiver()
    receiver.receive(TelephoneEvent(1, False, 10, 0xFFFF).serialize(), 0, 0.0, marker=True)
    receiver.receive(TelephoneEvent(1, True, 10, 100).serialize(), 0x10001, 0.1)

    assert [(code, ended) for code, _, ended in _heard(receiver)] == [(1, False), (1, True), (1, True)]


@pytest.mark.spec("rfc4733:2.5.2.2/3")
def test_a_lost_end_is_missed_after_three_intervals() -> None:
    receiver = ToneReceiver()
    receiver.receive(TelephoneEvent(1, False, 10, 400).serialize(), 0, 5.0, marker=True)
    due = receiver.next_timeout()
    assert due is not None
    assert due == pytest.approx(5.15)
    receiver.handle_timeout(5.14)
    assert _heard(receiver) == [(1, 0.05, False)]

    receiver.handle_timeout(due)

    assert _heard(receiver) == [(1, 0.05, True)]
    assert receiver.next_timeout() is None


@pytest.mark.spec("rfc4733:2.5.2.2/4", "rfc4733:2.5.2.2/5")
def test_a_tone_that_was_ended_is_not_begun_again() -> None:
    receiver = ToneReceiver()
    receiver.receive(TelephoneEvent(1, False, 10, 400).serialize(), 0, 5.0, marker=True)
    receiver.handle_timeout(6.0)
    receiver.events()

    receiver.receive(TelephoneEvent(1, True, 10, 900).serialize(), 0, 6.1)

    assert _heard(receiver) == []
    assert receiver.dropped == {"repeated": 1}


def test_late_reports_of_an_older_tone_change_nothing() -> None:
    receiver = ToneReceiver()
    receiver.receive(TelephoneEvent(1, True, 10, 400).serialize(), 1000, 5.0, marker=True)
    receiver.receive(TelephoneEvent(2, False, 10, 400).serialize(), 3000, 5.1, marker=True)
    receiver.events()

    receiver.receive(TelephoneEvent(1, True, 10, 400).serialize(), 1000, 5.2)

    assert _heard(receiver) == []
    assert receiver.dropped == {"late": 1}


def test_a_clock_that_was_set_back_does_not_silence_what_follows() -> None:
    receiver = ToneReceiver()
    receiver.receive(TelephoneEvent(1, True, 10, 400).serialize(), 1000, 5.0, marker=True)

    # Timestamps may not tell before from after any more: half of them have passed, or the source is another.
    receiver.receive(TelephoneEvent(2, True, 10, 400).serialize(), (1000 + (1 << 31)) % (1 << 32), 60.0, marker=True)

    assert [(tone.code, tone.ended) for tone in receiver.events()] == [(1, True), (2, True)]


@pytest.mark.spec("rfc4733:2.3.5/2")
def test_no_duration_is_no_event() -> None:
    receiver = ToneReceiver()

    receiver.receive(TelephoneEvent(1, False, 10, 0).serialize(), 0, 5.0)

    assert _heard(receiver) == []
    assert receiver.dropped == {"no duration": 1}


@pytest.mark.spec("rfc4733:2.5.1.5/1")
def test_several_events_in_a_packet_follow_each_other() -> None:
    receiver = ToneReceiver()
    events = [TelephoneEvent(code, True, 10, 400) for code in (1, 2)]

    receiver.receive(b"".join(event.serialize() for event in events), 1000, 5.0, marker=True)

    assert [(event.code, event.timestamp) for event in receiver.events()] == [(1, 1000), (2, 1400)]


@given(st.lists(st.tuples(st.binary(max_size=9), st.integers(0, 0xFFFF_FFFF), st.booleans()), max_size=30))
def test_nothing_from_the_network_raises(packets: list[tuple[bytes, int, bool]]) -> None:
    receiver = ToneReceiver()

    for i, (payload, timestamp, marker) in enumerate(packets):
        receiver.receive(payload, timestamp, float(i), marker=marker)
        receiver.handle_timeout(float(i))

    assert len(receiver.events()) <= 4 * len(packets)


def test_what_is_not_drained_is_bounded() -> None:
    receiver = ToneReceiver()
    for i in range(1000):
        receiver.receive(TelephoneEvent(1, True, 10, 400).serialize(), i * 1000, float(i), marker=True)

    assert receiver.dropped["not drained"] == 1000 - 256
    assert len(receiver.events()) == 256


@pytest.mark.parametrize("name", ["chromium-dtmf", "firefox-dtmf"])
def test_what_browsers_dial_is_heard(name: str) -> None:
    content = json.loads((VECTORS / f"{name}.json").read_text())
    receiver = ToneReceiver(clock_rate=48000)

    for i, data in enumerate(content["packets"]):
        packet = RtpPacket.parse(bytes.fromhex(data))
        receiver.receive(
            packet.payload, packet.timestamp, i * 0.02, marker=packet.marker, clock_rate=content["clock_rate"]
        )

    events = receiver.events()
    assert "".join(DTMF_TONES[event.code] for event in events if event.ended) == content["tones"]
    assert {event.duration for event in events} == {0.12}


def test_events_are_plain_data() -> None:
    assert ToneChanged("1") == ToneChanged("1")
