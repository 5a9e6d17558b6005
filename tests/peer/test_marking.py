"""The code points that packets leave with (RFC 8835 section 4.2, RFC 8837)."""

import copy
import pickle
from collections import defaultdict
from dataclasses import replace
from typing import Literal

import pytest
from tests.peer.call import AUDIO, VIDEO, Call, call, transceiver
from tests.peer.pair import Pair, Side
from tests.peer.tcp_pair import TcpPair
from tests.peer.test_relay import TURN, URLS, RelayPair, configured

from rtc_datachannel import ChannelReceived, DataChannel, DataChannelEndpoint, Priority
from rtc_ice import TcpType
from rtc_peer.ice_transport import IceTransport
from rtc_peer.marking import CODE_POINTS, code_point_of_channels
from rtc_stun import Address, Datagram, MarkedAddress, is_stun

Importance = Literal["very-low", "low", "medium", "high"]
IMPORTANCE: tuple[Importance, ...] = ("very-low", "low", "medium", "high")


def _watch(side: Side) -> list[Datagram]:
    """Collect what leaves a side from now on."""
    left: list[Datagram] = []

    def tap(_now: float, datagram: Datagram) -> bool:
        left.append(datagram)
        return True

    side.node.tap = tap
    return left


def _code_points(left: list[Datagram]) -> dict[str, set[int]]:
    """The code points of what left, by what it is."""
    found = defaultdict(set)
    for datagram in left:
        data = datagram.data
        if is_stun(data):
            kind = "check"
        elif data[0] < 64:
            kind = "dtls"
        elif 192 <= data[1] <= 223:
            kind = f"rtcp {data[4:8].hex()}"
        else:
            kind = f"rtp {data[8:12].hex()}"
        found[kind].add(datagram.local.dscp)
    return found


def _prefer(side: Side, kind: str, importance: Importance) -> None:
    sender = transceiver(side, kind).sender
    sender.set_encodings([replace(each, network_priority=importance) for each in sender.encodings])


@pytest.mark.spec("rfc8837:5/1", "rfc8837:5/2", "rfc8837:5/3", "rfc8837:5/4")
def test_code_points_are_those_of_the_table() -> None:
    assert {kind: [row[each] for each in IMPORTANCE] for kind, row in CODE_POINTS.items()} == {
        "audio": [1, 0, 46, 46],
        "video": [1, 0, 36, 34],
        "data": [1, 0, 10, 18],
    }


def test_what_nobody_prefers_has_no_code_point() -> None:
    talk = Call(data=True)
    left = _watch(talk.left)
    talk.begin()

    talk.talk(3)

    assert {each.local.dscp for each in left} == {0}
    assert {type(each.local) for each in left} == {Address}


@pytest.mark.spec("rfc8835:4.2/1", "rfc8837:5/1", "rfc8837:5/6")
@pytest.mark.parametrize(("importance", "audio", "video"), [("very-low", 1, 1), ("medium", 46, 36), ("high", 46, 34)])
def test_every_packet_of_a_stream_has_the_code_point_of_its_importance(
    importance: Importance, audio: int, video: int
) -> None:
    talk = call()
    for kind in (AUDIO, VIDEO):
        _prefer(talk.left, kind, importance)
    left, right = _watch(talk.left), _watch(talk.right)

    talk.talk(100)
    talk.settle(6.0)

    found = _code_points(left)
    streams = {
        f"{ssrc:08x}": dscp
        for kind, dscp in ((AUDIO, audio), (VIDEO, video))
        for each in transceiver(talk.left, kind).sender.encodings
        for ssrc in (each.ssrc, each.rtx_ssrc)
        if ssrc is not None
    }
    assert {key: codes for key, codes in found.items() if "rt" in key} == {
        key: {streams[key.split()[1]]} for key in found if "rt" in key
    }
    assert sum(key.startswith("rtp") for key in found) >= 2
    assert sum(key.startswith("rtcp") for key in found) >= 1
    assert {each.local.dscp for each in right} == {0}


def test_datagrams_of_one_code_point_share_one_address() -> None:
    """That is how who sends them finds what goes together, at no cost."""
    talk = call()
    _prefer(talk.left, VIDEO, "high")
    left = _watch(talk.left)

    talk.talk(5)

    assert len({id(each.local) for each in left if each.local.dscp == 34}) == 1
    assert {each.local for each in left} == {left[0].local}


@pytest.mark.spec("rfc8445:7.2.3/1", "rfc8445:7.2.3/2", "rfc8445:7.3/10")
def test_checks_go_with_the_data() -> None:
    talk = call()
    for side in talk.sides:
        for kind in (AUDIO, VIDEO):
            _prefer(side, kind, "high")
    left = _watch(talk.left)
    talk.talk(1)

    talk.settle(12.0)

    codes = {(is_stun(each.data) and each.data[0]): each.local.dscp for each in left if is_stun(each.data)}
    assert codes == {0: 46, 1: 46}  # requests and responses


@pytest.mark.spec("rfc8445:7.2.3/2")
def test_where_some_data_have_no_code_point_checks_have_none() -> None:
    talk = call(data=True)
    _prefer(talk.left, AUDIO, "high")
    left = _watch(talk.left)

    talk.talk(5)
    talk.settle(12.0)

    found = _code_points(left)
    assert found["check"] == {0}
    assert {46} in found.values()


# --- data channels ---


@pytest.mark.spec("rfc8835:4.2/3", "rfc8837:5/10")
@pytest.mark.parametrize(
    ("priorities", "dscp"),
    [
        ([], 0),
        ([Priority.NORMAL], 0),
        ([Priority.BELOW_NORMAL], 1),
        ([Priority.HIGH, Priority.NORMAL], 10),
        ([Priority.BELOW_NORMAL, Priority.EXTRA_HIGH], 18),
        ([129], 0),
        ([257], 10),
        ([513], 18),
        ([0], 0),
        ([0, 0], 0),
    ],
)
def test_the_highest_priority_of_the_channels_counts(priorities: list[int], dscp: int) -> None:
    assert code_point_of_channels(priorities) == dscp


@pytest.mark.spec("rfc8835:4.2/2", "rfc8835:4.2/3", "rfc8837:5/8", "rfc8837:5/10")
def test_all_packets_of_an_association_have_one_code_point() -> None:
    pair = Pair().connect(priority=Priority.HIGH)
    pair.left.machine.create_data_channel("less", priority=Priority.BELOW_NORMAL)
    pair.settle()
    left, right = _watch(pair.left), _watch(pair.right)

    for side in pair.sides:
        for index in (0, 1):
            side.machine.send(side.channel(index), bytes(5000))
    pair.settle(30.0)

    for packets in (left, right):
        assert _code_points(packets) == {"dtls": {10}, "check": {10}}


@pytest.mark.spec("rfc9260:7.2.5.1/1", "rfc8837:5/9")
def test_another_code_point_begins_congestion_control_anew() -> None:
    pair = Pair().connect()
    pair.left.machine.send(pair.left.channel(), bytes(200_000))
    assert pair.run(lambda: bool(pair.right.messages()))
    association = pair.left.machine._layers.data.endpoint
    grown = association.association_stats.congestion_window
    left = _watch(pair.left)

    pair.left.machine.create_data_channel("as usual")
    pair.network.flush()
    same = association.association_stats.congestion_window
    pair.left.machine.create_data_channel("urgent", priority=Priority.EXTRA_HIGH)
    pair.network.flush()
    begun = association.association_stats.congestion_window
    pair.settle(0.5)

    assert begun < same == grown
    codes = [each.local.dscp for each in left if each.data[0] >= 20]
    assert set(codes) == {0, 18}
    assert codes == sorted(codes)


# --- what carries them ---


def test_many_channels_of_the_peer_are_not_looked_through_for_each_that_comes_or_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[DataChannelEndpoint] = []

    def look(endpoint: DataChannelEndpoint) -> list[DataChannel]:
        looked.append(endpoint)
        return [found for number in range(64) if (found := endpoint.channel(number)) is not None]

    pair = Pair().connect(priority=Priority.HIGH)
    monkeypatch.setattr(DataChannelEndpoint, "channels", property(look))
    machine = pair.left.machine
    channels = [machine.create_data_channel(f"{number}", priority=Priority.NORMAL) for number in range(20)]
    for channel in channels:
        machine.send(channel, b"some")
        pair.settle(0.1)
    for channel in channels:
        machine.close_channel(channel, pair.now)
        pair.settle(0.1)

    assert len(pair.right.of(ChannelReceived)) == 21
    assert looked.count(pair.right.machine._layers.data.endpoint) <= 2


@pytest.mark.spec("rfc8835:4.2/4", "rfc8837:5/7")
def test_streams_have_no_code_points(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = TcpPair(TcpType.ACTIVE, right=[TcpType.PASSIVE]).connect(priority=Priority.EXTRA_HIGH)
    carried: list[Datagram] = []
    carry = IceTransport.carry

    def watched(transport: IceTransport, datagrams: list[Datagram], now: float) -> list[Datagram]:
        carried.extend(datagrams)
        return carry(transport, datagrams, now)

    monkeypatch.setattr(IceTransport, "carry", watched)

    pair.talk()

    assert {each.local.dscp for each in carried} == {0}


def test_a_code_point_goes_as_far_as_the_server_of_a_relay() -> None:
    pair = RelayPair(configured(URLS["udp"])).connect(priority=Priority.EXTRA_HIGH)
    left = _watch(pair.left)

    pair.talk()

    assert pair.kinds() == ["relay", "host"]
    assert {(each.remote.host, each.local.dscp) for each in left if not is_stun(each.data)} == {(TURN, 18)}


def test_a_marked_address_is_the_address_that_it_marks() -> None:
    plain, marked = Address("192.0.2.1", 5000), MarkedAddress("192.0.2.1", 5000, 46)

    assert plain == marked
    assert {plain: 1}[marked] == 1
    assert (plain.dscp, marked.dscp) == (0, 46)
    for same in (copy.deepcopy(marked), pickle.loads(pickle.dumps(marked))):
        assert same == marked
        assert same.dscp == 46
