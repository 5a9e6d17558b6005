"""Candidates of the peer: trickled, in descriptions, by name."""

import contextlib
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.peer.descriptions import HOST, answer_to, audio, describe, parsed, section
from tests.peer.pair import Pair, make_peer

import rtc_ice
from rtc_peer import (
    ArgumentError,
    HostResolutionWanted,
    IceTransportState,
    OperationError,
    PeerConnection,
    PeerError,
    PeerOptions,
    SessionDescription,
    StateError,
)
from rtc_peer.description import MAX_CANDIDATES
from rtc_sdp import Candidate, EndOfCandidates, IceLite
from rtc_stun import Address


def _answerer() -> PeerConnection:
    """A connection that has answered an offer whose ufrag is 8hhY."""
    peer = make_peer()
    answer_to(peer, describe(section(), session=("ice-options:trickle",)))
    return peer


def _remote(peer: PeerConnection) -> list[str]:
    return [f"{each.address.host}:{each.address.port}" for each in peer.transports[0].remote_candidates]


# --- candidates of the peer ---


@pytest.mark.spec("rfc8829:3.5.2.1/1", "rfc8829:3.5.2.1/2")
@pytest.mark.parametrize(
    ("mid", "index", "expected"),
    [("d", None, True), (None, 1, True), ("d", 0, True), (None, 0, False), ("a", 1, False)],
)
def test_a_candidate_goes_to_the_section_of_its_mid_or_else_of_its_index(
    mid: str | None, index: int | None, expected: bool
) -> None:
    peer = make_peer()
    answer_to(peer, describe(audio(mid="a"), section(mid="d", ufrag="9iiZ")))

    peer.add_ice_candidate(HOST, 0.0, sdp_mid=mid, sdp_m_line_index=index)

    assert bool(_remote(peer)) is expected


@pytest.mark.spec("rfc8829:3.5.2.1/2")
@pytest.mark.parametrize("prefix", ["", "a="])
def test_a_candidate_may_be_written_as_an_attribute_or_bare(prefix: str) -> None:
    peer = _answerer()

    peer.add_ice_candidate(prefix + HOST, 0.0, sdp_mid="0")
    peer.add_ice_candidate(HOST.removeprefix("candidate:"), 0.0, sdp_mid="0")

    assert _remote(peer) == ["192.0.2.2:5000"]
    assert len(parsed(peer.remote_description).media[0].get_all(Candidate)) == 1


def test_a_trickled_candidate_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    parse = rtc_ice.Candidate.parse

    def note(line: str) -> rtc_ice.Candidate:
        lines.append(line)
        return parse(line)

    peer = _answerer()
    monkeypatch.setattr(rtc_ice.Candidate, "parse", note)

    peer.add_ice_candidate(HOST, 0.0, sdp_mid="0")

    assert len(lines) == 1
    assert _remote(peer) == ["192.0.2.2:5000"]


@pytest.mark.spec("rfc8829:4.1.19/1")
def test_a_candidate_without_a_section_is_refused() -> None:
    with pytest.raises(ArgumentError):
        _answerer().add_ice_candidate(HOST, 0.0)


@pytest.mark.spec("rfc8829:4.1.19/2", "rfc8829:8/1")
@pytest.mark.parametrize(
    "wrong",
    [
        {"candidate": "nonsense"},
        {"candidate": "candidate:1 1 udp x 192.0.2.2 5000 typ host"},
        {"sdp_mid": "other"},
        {"sdp_m_line_index": 7},
        {"sdp_m_line_index": -1},
        {"username_fragment": "none"},
        {"candidate": HOST + " ufrag none"},
    ],
    ids=str,
)
def test_an_invalid_candidate_is_reported_and_ignored(wrong: dict[str, object]) -> None:
    peer = _answerer()
    before = pickle.dumps(peer)
    arguments: dict[str, object] = {"candidate": HOST, **wrong}
    if not {"sdp_mid", "sdp_m_line_index"} & wrong.keys():
        arguments["sdp_mid"] = "0"
    candidate = str(arguments.pop("candidate"))

    with pytest.raises(OperationError):
        peer.add_ice_candidate(candidate, 0.0, **arguments)  # type: ignore[arg-type]  # the table above knows

    assert pickle.dumps(peer) == before


def test_a_candidate_needs_a_remote_description() -> None:
    peer = make_peer()
    peer.create_data_channel()
    peer.set_local_description(None, 0.0)

    with pytest.raises(StateError):
        peer.add_ice_candidate(HOST, 0.0, sdp_mid="0")


@pytest.mark.parametrize("how", [{"sdp_mid": "0"}, {"sdp_m_line_index": 0}, {}])
def test_the_end_of_candidates_may_name_its_section_or_none(how: dict[str, object]) -> None:
    peer = _answerer()

    peer.add_ice_candidate("", 0.0, **how)  # type: ignore[arg-type]  # mid or index

    assert parsed(peer.remote_description).media[0].has(EndOfCandidates)


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("trickled", [True, False])
def test_checks_are_complete_once_the_peer_has_no_more_candidates(*, trickled: bool, ended: bool) -> None:
    pair = Pair(trickle=False)
    pair.left.machine.create_data_channel()
    pair.offer()
    pair.settle(0.1)
    pair.give(pair.right, pair.left.local)
    answer = pair.answer()
    if not trickled:
        pair.settle(0.1)
        answer = pair.right.local
        assert "a=end-of-candidates" in answer.sdp
        if not ended:
            answer = SessionDescription(answer.type, answer.sdp.replace("a=end-of-candidates\r\n", ""))
    pair.give(pair.left, answer)
    pair.settle(0.1)
    for event in pair.right.held if trickled else ():
        if event.candidate or ended:
            pair.add_candidate(pair.left, event)

    assert pair.run(pair.talking)
    pair.settle(1.0)

    expected = IceTransportState.COMPLETED if ended else IceTransportState.CONNECTED
    assert pair.left.machine.ice_connection_state is expected


@pytest.mark.spec("rfc8829:5.8.2/6", "rfc8829:5.8.2/8")
def test_candidates_in_descriptions_are_used() -> None:
    peer = make_peer()

    answer_to(peer, describe(section(HOST, "candidate:2 1 udp 1 192.0.2.3 5001 typ host", "end-of-candidates")))

    assert _remote(peer) == ["192.0.2.2:5000", "192.0.2.3:5001"]


def test_candidates_of_a_description_are_bounded_before_they_are_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [HOST.replace("5000", str(port)) for port in range(1000, 1500)]
    peer = make_peer()
    peer.set_remote_description(describe(section(*lines)), 0.0)
    count = 0
    parse = rtc_ice.Candidate.parse

    def counted(text: str) -> rtc_ice.Candidate:
        nonlocal count
        count += 1
        return parse(text)

    monkeypatch.setattr(rtc_ice.Candidate, "parse", counted)
    peer.set_local_description(None, 0.0)

    assert count == MAX_CANDIDATES


def test_candidates_that_come_between_offer_and_answer_are_used() -> None:
    peer = make_peer()
    peer.set_remote_description(describe(section(), session=("ice-options:trickle",)), 0.0)
    peer.add_ice_candidate(HOST, 0.0, sdp_mid="0")

    peer.set_local_description(None, 0.0)

    assert _remote(peer) == ["192.0.2.2:5000"]


def test_candidates_are_bounded() -> None:
    peer = _answerer()

    for port in range(1, 1000):
        peer.add_ice_candidate(f"candidate:1 1 udp 1 192.0.2.2 {port} typ host", 0.0, sdp_mid="0")

    assert len(_remote(peer)) <= 100
    assert len(parsed(peer.remote_description).media[0].get_all(Candidate)) <= 128


@pytest.mark.spec("rfc8829:5.1.1/4")
def test_a_lite_peer_leaves_the_control_to_us() -> None:
    peer = make_peer()

    answer_to(peer, describe(section(), session=("ice-lite",)))

    assert peer.transports[0].controlling


@pytest.mark.spec("rfc8839:4.2.1.4/1")
@pytest.mark.parametrize("offering", [True, False])
def test_a_lite_agent_says_so_and_is_controlled(*, offering: bool) -> None:
    lite, full = PeerOptions(ice=rtc_ice.IceConfig(lite=True)), PeerOptions()
    pair = Pair(options=(lite, full) if offering else (full, lite)).connect()

    side = pair.sides[0] if offering else pair.sides[1]
    assert parsed(side.local).has(IceLite)
    assert not parsed(side.other.local).has(IceLite)
    assert [side.machine.transports[0].controlling, side.other.machine.transports[0].controlling] == [False, True]


def test_another_address_can_be_announced() -> None:
    peer = _answerer()
    address, public = Address("192.168.0.1", 5000), Address("192.0.2.1", 5000)

    with pytest.raises(ArgumentError, match="families differ"):
        peer.add_local_address(0, address, 0.0, announced=Address("2001:db8::1", 5000))
    assert peer.add_local_address(0, address, 0.0, announced=public)
    assert [each.address for each in peer.transports[0].local_candidates] == [public]


def test_the_offerer_controls() -> None:
    pair = Pair().connect()

    assert [side.machine.transports[0].controlling for side in pair.sides] == [True, False]


# --- names ---


def test_a_name_that_hides_an_address_is_resolved() -> None:
    peer = _answerer()
    peer.events()

    for name in ("one.example", "one.example", "two.example"):
        peer.add_ice_candidate(HOST.replace("192.0.2.2", name), 0.0, sdp_mid="0")
    wanted = [event for event in peer.events() if isinstance(event, HostResolutionWanted)]
    assert [event.host for event in wanted] == ["one.example", "two.example"]

    peer.host_resolved("one.example", ["192.0.2.9", "2001:db8::9"], 0.0)
    peer.host_resolved("two.example", [], 0.0)
    peer.host_resolved("unasked.example", ["192.0.2.66"], 0.0)

    assert _remote(peer) == ["192.0.2.9:5000", "2001:db8::9:5000"]


HIDDEN = "1f4712db-ea17-4bcf-a596-105139dfd8bf.local"


@pytest.mark.parametrize("found", [["192.0.2.9"], ["192.0.2.9", "192.0.2.10"], []])
def test_a_name_that_hides_an_address_stands_for_one(found: list[str]) -> None:
    peer = _answerer()
    peer.events()

    peer.add_ice_candidate(HOST.replace("192.0.2.2", HIDDEN), 0.0, sdp_mid="0")
    wanted = [event for event in peer.events() if isinstance(event, HostResolutionWanted)]
    peer.host_resolved(HIDDEN, found, 0.0)

    assert [event.host for event in wanted] == [HIDDEN]
    assert _remote(peer) == (["192.0.2.9:5000"] if len(found) == 1 else [])


@pytest.mark.parametrize("name", ["printer.local", "Printer.LOCAL.", "a.b.local", f"x{HIDDEN}"])
def test_devices_of_the_local_network_are_not_looked_up(name: str) -> None:
    peer = _answerer()
    peer.events()

    peer.add_ice_candidate(HOST.replace("192.0.2.2", name), 0.0, sdp_mid="0")

    assert not any(isinstance(event, HostResolutionWanted) for event in peer.events())


def test_names_are_answered_by_addresses() -> None:
    with pytest.raises(ArgumentError):
        _answerer().host_resolved("one.example", ["two.example"], 0.0)


def test_names_that_wait_are_bounded() -> None:
    peer = _answerer()
    peer.events()

    for number in range(100):
        peer.add_ice_candidate(HOST.replace("192.0.2.2", f"{number}.example"), 0.0, sdp_mid="0")

    assert sum(isinstance(event, HostResolutionWanted) for event in peer.events()) == 32


def test_the_end_of_candidates_waits_for_names() -> None:
    pair = Pair(trickle=False)
    pair.left.machine.create_data_channel()
    pair.negotiate()
    pair.settle(0.1)
    for side in pair.sides:
        for event in side.held:
            hidden = event.candidate.replace("192.0.2.", f"host-{side is pair.left}.example 192.0.2.").split()
            if event.candidate:
                del hidden[5]
            side.other.machine.add_ice_candidate(" ".join(hidden), pair.now, sdp_mid="0")
    pair.settle(0.1)

    pair.right.machine.host_resolved("host-True.example", ["192.0.2.1"], pair.now)
    pair.left.machine.host_resolved("host-False.example", ["192.0.2.2"], pair.now)

    assert pair.run(pair.talking)


# --- policies ---


@settings(max_examples=60)
@given(text=st.text(max_size=60), mid=st.none() | st.sampled_from(["0", "1", ""]), index=st.none() | st.integers(-2, 3))
def test_candidates_of_any_text_raise_nothing_but_our_own_errors(text: str, mid: str | None, index: int | None) -> None:
    peer = _answerer()

    for candidate in (text, f"candidate:{text}", f"{HOST} {text}"):
        with contextlib.suppress(PeerError):
            peer.add_ice_candidate(candidate, 0.0, sdp_mid=mid, sdp_m_line_index=index)

    assert len(_remote(peer)) <= 2
