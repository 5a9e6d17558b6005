"""ICE in offers and answers: RFC 8839, section 4."""

import pytest
from tests.peer.call import AUDIO, call, transceiver
from tests.peer.descriptions import answer_to, describe, parsed, section
from tests.peer.media_sections import media_section
from tests.peer.pair import Pair, Side, make_peer
from tests.peer.tcp_pair import TcpPair

import rtc_ice
from rtc_ice import TcpType
from rtc_peer import DescriptionError, PeerConnection, PeerOptions, SdpType, SessionDescription
from rtc_sdp import Candidate, Direction, IcePwd, IceUfrag, MediaDescription
from rtc_stun import Address, Datagram

LITE = PeerOptions(ice=rtc_ice.IceConfig(lite=True))
TWO_HOSTS = (("192.0.2.1", "192.0.2.11"), ("192.0.2.2",))


def _credentials(media: MediaDescription) -> tuple[IceUfrag | None, IcePwd | None]:
    return media.get(IceUfrag), media.get(IcePwd)


def _candidates(media: MediaDescription) -> list[str]:
    return [each.serialize() for each in media.get_all(Candidate)]


def _places(media: MediaDescription) -> set[tuple[str, int]]:
    return {rtc_ice.Candidate.parse(each).address[:2] for each in _candidates(media)}


def _default(media: MediaDescription) -> tuple[str, int]:
    return str(media.connections[0].address), media.port


def _offered(peer: PeerConnection) -> MediaDescription:
    return parsed(peer.create_offer()).media[0]


def _answer(side: Side, *lines: str) -> SessionDescription:
    """What a side would answer, with attributes added and its ICE credentials left out if none are named."""
    text = side.machine.create_answer().sdp
    if not lines:
        kept = [line for line in text.splitlines() if not line.startswith(("a=ice-ufrag", "a=ice-pwd", "a=candidate"))]
        text = "".join(line + "\r\n" for line in kept)
    return SessionDescription(SdpType.ANSWER, text + "".join(f"a={line}\r\n" for line in lines))


# --- what is written ---


@pytest.mark.spec("rfc8839:4.2.1.6/1")
def test_a_section_that_is_inactive_keeps_its_ice() -> None:
    pair = call([AUDIO])
    before = parsed(pair.left.local).media[0]
    for side in pair.sides:
        transceiver(side, AUDIO).direction = Direction.INACTIVE
    pair.negotiate()

    for side in pair.sides:
        media = parsed(side.local).media[0]
        assert media.direction is Direction.INACTIVE
        assert media.has(IceUfrag)
        assert media.has(IcePwd)
        assert len(_candidates(media)) == 1
    assert _credentials(parsed(pair.left.local).media[0]) == _credentials(before)


@pytest.mark.spec("rfc8839:4.3.2/6")
def test_without_a_candidate_over_udp_the_default_is_open() -> None:
    pair = TcpPair(TcpType.PASSIVE, right=(TcpType.ACTIVE,))
    pair.left.machine.create_data_channel()
    pair.negotiate()
    pair.settle()

    for side in pair.sides:
        media = parsed(side.local).media[0]
        assert len(_candidates(media)) == 1
        assert _default(media) == ("0.0.0.0", 9)


@pytest.mark.spec("rfc8839:4.4.1.2.1/1", "rfc8839:4.4.1.2.1/2", "rfc8839:4.4.1.3/1", "rfc8839:4.4.1.3/5")
@pytest.mark.parametrize("options", [PeerOptions(), LITE], ids=["full", "lite"])
def test_while_checks_run_an_offer_repeats_what_the_last_one_said(options: PeerOptions) -> None:
    pair = Pair(hosts=TWO_HOSTS, options=(options, PeerOptions()), trickle=False)
    pair.left.machine.create_data_channel()
    pair.negotiate()
    pair.settle(0.0)
    first = parsed(pair.left.local).media[0]
    assert pair.left.machine.transports[0].selected_pair is None
    again = _offered(pair.left.machine)

    assert _credentials(again) == _credentials(first)
    assert _candidates(again) == _candidates(first)
    assert len(_candidates(again)) == 2
    assert _default(again) in _places(again)


@pytest.mark.spec("rfc8839:4.4.1.3/2", "rfc8839:4.4.1.3/3")
def test_a_lite_agent_that_has_other_candidates_restarts() -> None:
    pair = Pair(options=(LITE, PeerOptions())).connect()
    machine, other = pair.left.machine, Address("192.0.2.11", 6000)
    before = _offered(machine)

    assert not machine.add_local_address(0, other, pair.now)
    assert _candidates(_offered(machine)) == _candidates(before)
    assert _credentials(_offered(machine)) == _credentials(before)
    machine.restart_ice()
    pair.gather = pair.trickle = False
    pair.offer()
    assert machine.add_local_address(0, other, pair.now)
    pair.settle(0.1)

    after = parsed(pair.left.local).media[0]
    assert (other.host, other.port) in _places(after)
    assert after.get(IceUfrag) != before.get(IceUfrag)
    assert after.get(IcePwd) != before.get(IcePwd)


# --- what is no ICE ---


@pytest.mark.spec("rfc8839:5.3/1")
def test_a_section_that_the_peer_marks_as_mismatched_is_refused() -> None:
    pair = Pair()
    pair.left.machine.create_data_channel()
    pair.give(pair.right, pair.offer())

    with pytest.raises(DescriptionError, match="mismatch"):
        pair.left.machine.set_remote_description(_answer(pair.right, "ice-mismatch"), pair.now)
    assert pair.left.machine.transports[0].selected_pair is None


@pytest.mark.spec("rfc8839:4.4.3.1/5")
def test_an_answer_without_ice_does_not_end_the_session() -> None:
    pair = Pair().connect()
    pair.give(pair.right, pair.offer())

    with pytest.raises(DescriptionError, match="ICE credentials"):
        pair.left.machine.set_remote_description(_answer(pair.right), pair.now)
    pair.settle(40.0)
    pair.left.machine.send(pair.left.channel(), "still here")

    assert pair.run(lambda: pair.right.messages() == ["still here"])


# --- restarts ---


@pytest.mark.spec("rfc8839:4.4.1.1.1/3")
def test_credentials_that_move_to_another_level_restart_nothing() -> None:
    peer = make_peer()
    attributes = ("ice-ufrag:8hhY", "ice-pwd:asd88fgpdd777uzjYhagZg")
    before = answer_to(peer, describe(section(ufrag=None, password=None), session=attributes)).media[0]
    moved = [line.replace("0.0.0.0", "192.0.2.9") for line in section(port=7777)]
    same = answer_to(peer, describe(moved, version=2)).media[0]

    assert _credentials(same) == _credentials(before)
    restarted = answer_to(peer, describe(section(ufrag="other", password="y" * 24), version=3)).media[0]
    assert _credentials(restarted) != _credentials(before)


@pytest.mark.spec("rfc8839:4.4.2.1/1", "rfc8839:5.4/3")
def test_a_restart_is_answered_with_new_credentials() -> None:
    pair = Pair().connect()
    before = parsed(pair.right.local).media[0]
    pair.left.machine.restart_ice()
    pair.negotiate()

    after = parsed(pair.right.local).media[0]
    assert after.get(IceUfrag) != before.get(IceUfrag)
    assert after.get(IcePwd) != before.get(IcePwd)


# --- streams that come and go ---


@pytest.mark.spec("rfc8839:4.4.3.1/2")
def test_a_stream_that_was_removed_sends_nothing_more() -> None:
    pair = call([AUDIO])
    transceiver(pair.left, AUDIO).stop()
    pair.negotiate()
    pair.settle()
    seen: list[Datagram] = []
    pair.network.trace = lambda now, datagram: seen.append(datagram)
    pair.settle(40.0)

    assert [side.machine.transports for side in pair.sides] == [(), ()]
    assert seen == []


@pytest.mark.spec("rfc8839:4.4.3.1/3")
def test_a_stream_that_was_added_has_checks_of_its_own() -> None:
    peer = make_peer()
    answer_to(peer, describe(section()))
    sound = media_section("rtpmap:111 opus/48000/2", mid="1")
    sound = [line.replace("8hhY", "abcd") for line in sound]
    answered = answer_to(peer, describe(section(), sound, version=2))
    peer.add_ice_candidate("candidate:1 1 udp 1 192.0.2.9 9999 typ host", 0.0, sdp_mid="1")

    assert len(peer.transports) == 2
    assert [len(each.remote_candidates) for each in peer.transports] == [0, 1]
    assert answered.media[1].get(IceUfrag) is not None
