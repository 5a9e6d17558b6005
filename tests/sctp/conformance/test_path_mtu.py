"""How long packets may be, found by probes. See :rfc:`8899`."""

import copy
from itertools import pairwise

import pytest
from tests.sctp.scripted import EXTENSIONS, INTERLEAVING, Script, pick

from rtc_sctp import (
    AssociationConfig,
    AssociationState,
    Chunk,
    CookieAckChunk,
    DataChunk,
    HeartbeatAckChunk,
    HeartbeatChunk,
    IDataChunk,
    Packet,
    PadChunk,
    Parameter,
)

CONFIG = AssociationConfig(heartbeat_interval=None, path_mtu_limit=1452)


def opened(config: AssociationConfig = CONFIG, *parameters: Parameter, a_rwnd: int = 1 << 20) -> Script:
    """An association that is just established; nothing of what it wants to send was taken yet."""
    script = Script(config)
    script.to_cookie_echoed(*(parameters or EXTENSIONS), a_rwnd=a_rwnd)
    script.send(CookieAckChunk())
    return script


class Path:
    """A script's association behind a path that lets only packets up to a size through."""

    def __init__(self, mtu: int, config: AssociationConfig = CONFIG, *, round_trip: float = 0.05) -> None:
        self.mtu = mtu
        self.round_trip = round_trip
        self.script = opened(config)
        self.probes: list[tuple[float, int]] = []
        """When which sizes were probed."""

        self.arrived: list[Chunk] = []
        """What else came through."""

    @property
    def size(self) -> int:
        return self.script.association.stats.packet_size

    def flush(self) -> None:
        """Let what is to be sent go the path; probes that come through are answered."""
        answers = []
        for datagram in self.script.datagrams():
            chunks = Packet.parse(datagram).chunks
            is_probe = len(chunks) == 2 and isinstance(chunks[1], PadChunk)
            if is_probe:
                self.probes.append((self.script.now, len(datagram)))
            if len(datagram) <= self.mtu:
                answers += [HeartbeatAckChunk(chunk.info) for chunk in pick(HeartbeatChunk, chunks)]
                self.arrived += [chunk for chunk in chunks if not is_probe]
        if answers:
            self.script.now += self.round_trip
            for answer in answers:
                self.script.send(answer)
            self.flush()

    def run(self, seconds: float) -> "Path":
        """Let time pass."""
        end = self.script.now + seconds
        self.flush()
        while (due := self.script.association.next_timeout()) is not None and due <= end:
            self.script.now = max(self.script.now, due)
            self.script.association.handle_timeout(self.script.now)
            self.flush()
        self.script.now = max(self.script.now, end)
        return self

    @property
    def sizes(self) -> list[int]:
        return [size for _, size in self.probes]


# The search.


@pytest.mark.spec(
    "rfc8261:4/1",
    "rfc8261:4/2",
    "rfc9260:7.3/1",
    "rfc8899:3/2",
    "rfc8899:3/4",
    "rfc8899:5.1.2/1",
    "rfc8899:3/20",
    "rfc8899:5.3.2/1",
)
def test_where_the_path_takes_the_limit_two_probes_find_it() -> None:
    path = Path(1500).run(5.0)

    assert path.sizes == [1200, 1452]
    assert path.size == 1452


@pytest.mark.parametrize("mtu", range(1200, 1453, 12))
@pytest.mark.spec("rfc8261:4/1", "rfc8899:5.3.2/1", "rfc8899:3/1")
def test_the_search_comes_within_a_probe_of_the_truth_or_ends_early(mtu: int) -> None:
    path = Path(mtu).run(30.0)

    assert 1200 <= path.size <= mtu
    failures = [size for size in path.sizes if size > mtu]
    # Three probes in a row without an answer end the search; else it is as near as is worth a probe.
    assert mtu - path.size < 64 or len(failures) >= 3
    assert len(path.sizes) <= 8


@pytest.mark.spec("rfc8899:6.2/1", "rfc8899:6.2/2", "rfc8899:3/5", "rfc8899:4.1/1", "rfc8261:6.2/1")
def test_a_probe_is_a_heartbeat_and_padding_and_nothing_else() -> None:
    script = opened()
    script.queue(b"data")

    *_, probe = script.packets()

    assert [type(chunk) for chunk in probe.chunks] == [HeartbeatChunk, PadChunk]
    assert len(probe.serialize()) == 1200


@pytest.mark.spec("rfc8899:3/21", "rfc8899:4.4/1")
def test_the_size_can_be_asked_for() -> None:
    assert Path(1500).size == 1200
    assert Path(1500).run(5.0).size == 1452


@pytest.mark.spec("rfc8899:5/1")
def test_without_a_limit_nothing_is_probed() -> None:
    path = Path(9000, AssociationConfig(heartbeat_interval=None)).run(2000.0)

    assert path.probes == []
    assert path.size == 1200
    assert path.script.association.next_timeout() is None


@pytest.mark.parametrize("limit", [1199, 65_536])
def test_a_limit_must_make_sense(limit: int) -> None:
    with pytest.raises(ValueError, match="path_mtu_limit"):
        AssociationConfig(path_mtu_limit=limit)


# When.


@pytest.mark.spec("rfc8899:3/12", "rfc8899:8/1", "rfc8899:5.1.1/1")
def test_between_two_probes_lies_a_round_trip_or_a_second() -> None:
    path = Path(1260, round_trip=0.3).run(30.0)

    assert len(path.probes) >= 4
    for (earlier, size), (later, _) in pairwise(path.probes):
        assert later - earlier >= (0.3 if size <= 1260 else 1.0) - 1e-9


@pytest.mark.spec("rfc8899:5.2/1", "rfc8899:5.1.1/3", "rfc8899:6.2.1.3/1", "rfc8899:6.2.3.3/1")
def test_after_the_search_the_path_is_left_alone_for_ten_minutes() -> None:
    path = Path(1452).run(5.0)
    path.probes.clear()

    path.run(590.0)

    assert path.probes == []


@pytest.mark.spec("rfc8899:3/22", "rfc8899:3/7")
def test_after_ten_minutes_a_path_that_grew_is_noticed() -> None:
    path = Path(1300).run(60.0)
    found = path.size
    path.mtu = 1500

    path.run(700.0)

    assert found < 1452
    assert path.size == 1452


# What is sent.


@pytest.mark.spec("rfc8899:3/1", "rfc8899:5/2", "rfc9260:6.10/1")
def test_packets_are_as_long_as_was_found_and_no_longer() -> None:
    path = Path(1400).run(30.0)
    path.script.queue(bytes(20_000))

    lengths = [len(datagram) for datagram in path.script.datagrams()]

    assert path.size - 40 < max(lengths) <= path.size <= 1400
    assert max(lengths) > 1200


@pytest.mark.spec("rfc8899:3/1")
def test_before_the_answer_packets_are_short() -> None:
    script = opened()
    script.queue(*[bytes(5000)] * 2)

    assert max(len(datagram) for datagram in script.datagrams()) <= 1200


@pytest.mark.spec("rfc8899:3/15")
def test_longer_packets_widen_no_window() -> None:
    path = Path(1500)
    before = path.script.association.stats.congestion_window

    path.run(5.0)

    assert path.size == 1452
    assert path.script.association.stats.congestion_window == before


@pytest.mark.spec("rfc8899:3/17")
def test_probes_need_no_window_of_the_peer() -> None:
    script = opened(a_rwnd=1500)
    script.queue(*[bytes(1400)] * 3)

    assert [packet for packet in script.packets() if pick(PadChunk, packet.chunks)]


@pytest.mark.spec("rfc8899:3/13", "rfc8899:3/14", "rfc8899:3/7", "rfc8899:8/4", "rfc8899:3/19")
def test_a_lost_probe_is_no_congestion_and_no_fault() -> None:
    path = Path(1200)
    before = copy.copy(path.script.association.stats)

    path.run(30.0)

    after = path.script.association.stats
    assert [size for size in path.sizes if size > 1200]
    assert (after.congestion_window, after.slow_start_threshold) == (
        before.congestion_window,
        before.slow_start_threshold,
    )
    assert after.retransmission_timeout == before.retransmission_timeout
    assert path.size == 1200
    assert path.script.is_in(AssociationState.ESTABLISHED)


@pytest.mark.spec("rfc8899:3/7", "rfc8899:3/23")
def test_the_loss_of_one_probe_by_chance_costs_little() -> None:
    path = Path(1100)
    path.flush()
    path.mtu = 1500
    path.run(30.0)

    assert path.size == 1452

    unlucky = Path(1500)
    unlucky.script.send(HeartbeatAckChunk(pick(HeartbeatChunk, unlucky.script.chunks())[0].info))
    assert len(unlucky.script.datagrams()) == 1  # the probe of the limit, lost
    unlucky.run(30.0)

    assert 1452 - 32 <= unlucky.size < 1452


@pytest.mark.spec("rfc8899:4.1/2", "rfc8899:3/23", "rfc8899:3/24")
def test_only_the_answer_to_the_latest_probe_counts_and_once() -> None:
    script = opened()
    (base,) = pick(HeartbeatChunk, script.chunks())
    script.send(HeartbeatAckChunk(base.info))
    (limit,) = pick(HeartbeatChunk, script.chunks())
    assert limit.info != base.info
    # The answer to the first again, a forged one, and one that only names the size.
    for info in (base.info, bytes(16), limit.info[:4] + bytes(12)):
        script.send(HeartbeatAckChunk(info))
    assert script.association.stats.packet_size == 1200
    # Too late: another probe is under way.
    script.wait(1.5)
    script.send(HeartbeatAckChunk(limit.info))
    assert script.association.stats.packet_size == 1200


# A path that changes.


@pytest.mark.spec("rfc8899:4.3/1", "rfc8899:3/22", "rfc8899:8/4")
def test_timeouts_in_a_row_bring_the_size_back_without_any_icmp() -> None:
    path = Path(1452).run(5.0)
    assert path.size == 1452
    path.mtu = 1300
    path.script.queue(bytes(1400))

    path.run(10.0)

    assert path.size <= 1300
    assert 1200 in path.sizes[2:]


@pytest.mark.spec("rfc8899:4.3/1")
def test_one_timeout_does_not() -> None:
    path = Path(1452).run(5.0)
    path.script.queue(bytes(100))
    path.script.sent_data()

    for _ in range(3):
        again = path.script.wait_until_sent(DataChunk)
        path.script.answer(path.script.sack(again.tsn))
        path.script.queue(bytes(100))
        path.script.sent_data()

    assert path.size == 1452


@pytest.mark.spec("rfc8899:3/25", "rfc8261:6.1/6", "rfc8899:3/22")
def test_another_path_is_searched_anew() -> None:
    path = Path(1452).run(5.0)
    path.probes.clear()
    path.mtu = 1300

    path.script.association.path_changed(path.script.now)

    assert path.size == 1200
    path.run(30.0)
    assert path.sizes[0] == 1200
    assert 1200 <= path.size <= 1300


def test_a_path_that_does_not_even_take_the_base_is_asked_ever_more_rarely() -> None:
    path = Path(1000).run(1000.0)

    assert set(path.sizes) == {1200}
    assert len(path.probes) < 25
    assert path.script.is_in(AssociationState.ESTABLISHED)
    path.mtu = 1500
    path.run(100.0)
    assert path.size == 1452


def test_a_chunk_that_was_cut_for_longer_packets_is_still_sent_again() -> None:
    path = Path(1452).run(5.0)
    path.script.queue(bytes(1400))
    (long,) = path.script.sent_data()
    path.script.association.path_changed(path.script.now)

    assert long in pick(DataChunk, path.script.wait_chunks(10.0))


def test_fragments_are_numbered_on_when_packets_grow_in_the_middle_of_a_message() -> None:
    config = AssociationConfig(heartbeat_interval=None, path_mtu_limit=1452, message_interleaving=True)
    script = opened(config, *INTERLEAVING)
    message = bytes(range(256)) * 60
    script.queue(message)
    chunks = script.chunks()
    sent = pick(IDataChunk, chunks)
    for _ in range(30):
        for heartbeat in pick(HeartbeatChunk, chunks):
            script.send(HeartbeatAckChunk(heartbeat.info))
        script.send(script.sack(sent[-1].tsn))
        chunks = script.chunks()
        sent += pick(IDataChunk, chunks)

    assert len({len(chunk.payload) for chunk in sent[:-1]}) == 2
    assert [chunk.fragment_sequence for chunk in sent] == list(range(len(sent)))
    assert b"".join(chunk.payload for chunk in sent) == message


def test_an_association_that_shuts_down_probes_no_more() -> None:
    script = opened()
    script.association.close(script.now)

    packets = script.wait(20.0)

    assert not [packet for packet in packets if pick(PadChunk, packet.chunks)]
