"""Offer, pranswer, answer and rollback: which steps are legal, what they leave behind, and that a refused one changes nothing."""

import itertools
import pickle
from collections.abc import Callable

import pytest
from tests.peer.descriptions import answer_to, audio, describe, parsed, section, vector
from tests.peer.pair import Pair, Side, make_peer

from rtc_datachannel import ChannelReceived, ChannelState
from rtc_peer import (
    DescriptionError,
    DescriptionSyntaxError,
    GatheringWanted,
    ModificationError,
    NegotiationNeeded,
    PeerConnection,
    SdpType,
    SessionDescription,
    SignalingState,
    SignalingStateChanged,
    StateError,
    TransportClosed,
)

_S = SignalingState


def _stable() -> Side:
    pair = Pair(trickle=False)
    pair.left.machine.create_data_channel("chat")
    pair.right.machine.create_data_channel("chat")
    return pair.left


def _have_local_offer() -> Side:
    side = _stable()
    _offer(side)
    return side


def _have_remote_offer() -> Side:
    side = _stable()
    side.machine.set_remote_description(_offer(side.other), 0.0)
    return side


def _have_local_pranswer() -> Side:
    side = _have_remote_offer()
    side.machine.set_local_description(SessionDescription(SdpType.PRANSWER), 0.0)
    return side


def _have_remote_pranswer() -> Side:
    side = _have_local_offer()
    side.machine.set_remote_description(_answer_of(side.other, side, SdpType.PRANSWER), 0.0)
    return side


def _closed() -> Side:
    side = _stable()
    side.machine.close(0.0)
    return side


def _offer(side: Side) -> SessionDescription:
    side.machine.set_local_description(SessionDescription(SdpType.OFFER), 0.0)
    return side.local


def _answer_of(answerer: Side, offerer: Side, kind: SdpType) -> SessionDescription:
    if answerer.machine.signaling_state is not _S.HAVE_LOCAL_PRANSWER:
        answerer.machine.set_remote_description(offerer.local, 0.0)
    answerer.machine.set_local_description(SessionDescription(kind), 0.0)
    return answerer.local


STATES: dict[SignalingState, Callable[[], Side]] = {
    _S.STABLE: _stable,
    _S.HAVE_LOCAL_OFFER: _have_local_offer,
    _S.HAVE_REMOTE_OFFER: _have_remote_offer,
    _S.HAVE_LOCAL_PRANSWER: _have_local_pranswer,
    _S.HAVE_REMOTE_PRANSWER: _have_remote_pranswer,
    _S.CLOSED: _closed,
}


def _set_local(kind: SdpType) -> Callable[[Side], None]:
    return lambda side: side.machine.set_local_description(SessionDescription(kind), 0.0)


def _set_remote_offer(side: Side) -> None:
    # What the peer would offer if it had heard nothing of us.
    stranger = make_peer("another offerer")
    stranger.create_data_channel("chat")
    side.machine.set_remote_description(stranger.create_offer(), 0.0)


def _set_remote_answer(kind: SdpType) -> Callable[[Side], None]:
    def act(side: Side) -> None:
        if side.machine.signaling_state in {_S.HAVE_LOCAL_OFFER, _S.HAVE_REMOTE_PRANSWER}:
            side.machine.set_remote_description(_answer_of(side.other, side, kind), 0.0)
        else:
            side.machine.set_remote_description(SessionDescription(kind, "v=0\r\n"), 0.0)

    return act


def _roll_back_remote(side: Side) -> None:
    side.machine.set_remote_description(SessionDescription(SdpType.ROLLBACK), 0.0)


INPUTS: dict[str, Callable[[Side], None]] = {
    "local offer": _set_local(SdpType.OFFER),
    "local pranswer": _set_local(SdpType.PRANSWER),
    "local answer": _set_local(SdpType.ANSWER),
    "local rollback": _set_local(SdpType.ROLLBACK),
    "remote offer": _set_remote_offer,
    "remote pranswer": _set_remote_answer(SdpType.PRANSWER),
    "remote answer": _set_remote_answer(SdpType.ANSWER),
    "remote rollback": _roll_back_remote,
}

LEGAL = {
    (_S.STABLE, "local offer"): _S.HAVE_LOCAL_OFFER,
    (_S.STABLE, "remote offer"): _S.HAVE_REMOTE_OFFER,
    (_S.HAVE_LOCAL_OFFER, "local offer"): _S.HAVE_LOCAL_OFFER,
    (_S.HAVE_LOCAL_OFFER, "remote pranswer"): _S.HAVE_REMOTE_PRANSWER,
    (_S.HAVE_LOCAL_OFFER, "remote answer"): _S.STABLE,
    (_S.HAVE_LOCAL_OFFER, "local rollback"): _S.STABLE,
    (_S.HAVE_LOCAL_OFFER, "remote rollback"): _S.STABLE,
    # Ours is rolled back first, as perfect negotiation wants it.
    (_S.HAVE_LOCAL_OFFER, "remote offer"): _S.HAVE_REMOTE_OFFER,
    (_S.HAVE_REMOTE_OFFER, "remote offer"): _S.HAVE_REMOTE_OFFER,
    (_S.HAVE_REMOTE_OFFER, "local pranswer"): _S.HAVE_LOCAL_PRANSWER,
    (_S.HAVE_REMOTE_OFFER, "local answer"): _S.STABLE,
    (_S.HAVE_REMOTE_OFFER, "local rollback"): _S.STABLE,
    (_S.HAVE_REMOTE_OFFER, "remote rollback"): _S.STABLE,
    (_S.HAVE_LOCAL_PRANSWER, "local pranswer"): _S.HAVE_LOCAL_PRANSWER,
    (_S.HAVE_LOCAL_PRANSWER, "local answer"): _S.STABLE,
    (_S.HAVE_REMOTE_PRANSWER, "remote pranswer"): _S.HAVE_REMOTE_PRANSWER,
    (_S.HAVE_REMOTE_PRANSWER, "remote answer"): _S.STABLE,
}


@pytest.mark.spec("rfc8829:5.5/1", "rfc8829:5.5/2", "rfc8829:5.5/3", "rfc8829:5.6/1", "rfc8829:5.6/2")
@pytest.mark.spec("rfc8829:5.6/3", "rfc8829:5.7/1", "rfc8829:5.7/2", "rfc8829:4.1.10/1", "rfc8829:4.1.10/2")
@pytest.mark.spec("rfc8829:5.9/1", "rfc8829:5.10/1")
@pytest.mark.parametrize(
    ("state", "signal"),
    list(itertools.product(STATES, INPUTS)),
    ids=lambda each: each if isinstance(each, str) else each.value,
)
def test_every_step_is_taken_or_refused(state: SignalingState, signal: str) -> None:
    side = STATES[state]()
    assert side.machine.signaling_state is state
    expected = LEGAL.get((state, signal))
    before = pickle.dumps(side.machine)

    if expected is not None:
        INPUTS[signal](side)
        assert side.machine.signaling_state is expected
    else:
        with pytest.raises(StateError):
            INPUTS[signal](side)
        assert pickle.dumps(side.machine) == before


# --- the four descriptions ---


def _descriptions(machine: PeerConnection) -> tuple[bool, bool, bool, bool]:
    return (
        machine.current_local_description is not None,
        machine.pending_local_description is not None,
        machine.current_remote_description is not None,
        machine.pending_remote_description is not None,
    )


@pytest.mark.spec("rfc8829:4.1.10/4")
def test_an_answer_makes_the_pending_descriptions_current() -> None:
    pair = Pair(trickle=False)
    pair.left.machine.create_data_channel()

    pair.give(pair.right, pair.offer())
    assert _descriptions(pair.left.machine) == (False, True, False, False)
    assert _descriptions(pair.right.machine) == (False, False, False, True)

    pair.give(pair.left, pair.answer())
    for side in pair.sides:
        assert _descriptions(side.machine) == (True, False, True, False)


@pytest.mark.spec("rfc8829:4.1.10/2", "rfc8829:4.1.10/3")
def test_a_provisional_answer_leaves_everything_pending_and_frees_nothing() -> None:
    pair = Pair()
    pair.left.machine.create_data_channel()
    offer = pair.offer()
    pair.give(pair.right, offer)

    pair.give(pair.left, pair.answer(kind=SdpType.PRANSWER))

    assert _descriptions(pair.left.machine) == (False, True, False, True)
    assert _descriptions(pair.right.machine) == (False, True, False, True)
    assert not any(side.node.saw(TransportClosed) for side in pair.sides)
    assert pair.run(pair.talking), "a provisional answer starts the transports"


def test_the_final_answer_after_a_provisional_one_changes_no_transport() -> None:
    pair = Pair()
    pair.left.machine.create_data_channel()
    pair.give(pair.right, pair.offer())
    pair.give(pair.left, pair.answer(kind=SdpType.PRANSWER))
    pair.run(pair.talking)
    before = [view.selected_pair for view in pair.left.machine.transports]

    pair.give(pair.left, pair.answer())
    pair.settle()

    assert [view.selected_pair for view in pair.left.machine.transports] == before
    assert [side.machine.signaling_state for side in pair.sides] == [_S.STABLE, _S.STABLE]
    assert pair.left.machine.connection_state.value == "connected"


# --- rollback ---


@pytest.mark.spec("rfc8829:4.1.10/6", "rfc8829:5.7/2")
@pytest.mark.parametrize("remote", [False, True])
def test_rolling_back_the_first_offer_leaves_nothing(remote: bool) -> None:
    side = _have_local_offer()
    set_description = side.machine.set_remote_description if remote else side.machine.set_local_description

    set_description(SessionDescription(SdpType.ROLLBACK), 0.0)

    assert _descriptions(side.machine) == (False, False, False, False)
    assert side.machine.transports == ()
    assert side.machine.sctp is None
    assert side.machine.negotiation_needed


@pytest.mark.spec("rfc8829:4.1.10/6")
@pytest.mark.parametrize("remote", [False, True])
def test_rolling_back_a_later_offer_returns_to_the_last_agreement(remote: bool) -> None:
    pair = Pair().connect()
    side = pair.right if remote else pair.left
    agreed = side.local, side.machine.remote_description
    offer = pair.offer()
    if remote:
        pair.right.machine.set_remote_description(offer, pair.now)

    side.machine.set_local_description(SessionDescription(SdpType.ROLLBACK), pair.now)
    pair.settle()

    assert (side.local, side.machine.remote_description) == agreed
    assert side.machine.connection_state.value == "connected"


@pytest.mark.spec("rfc8829:4.1.10/6")
def test_the_text_of_a_rollback_is_ignored() -> None:
    side = _have_local_offer()

    side.machine.set_local_description(SessionDescription(SdpType.ROLLBACK, "!<nonsense>"), 0.0)

    assert side.machine.signaling_state is _S.STABLE


def test_a_rollback_is_told_in_order() -> None:
    pair = Pair(trickle=False)
    for side in pair.sides:
        side.machine.create_data_channel()
    theirs = pair.offer(pair.right)
    pair.offer()
    pair.settle(0.1)

    pair.left.machine.set_remote_description(theirs, pair.now)
    pair.settle(0.1)

    assert [each.state for each in pair.left.of(SignalingStateChanged)] == [
        _S.HAVE_LOCAL_OFFER,
        _S.STABLE,
        _S.HAVE_REMOTE_OFFER,
    ]


def test_glare_ends_in_one_connection() -> None:
    pair = Pair()
    for side in pair.sides:
        side.machine.create_data_channel(side.name)
    polite = pair.left
    # Nobody has drained the events yet when the collision is seen: the wish for sockets is out of date by then.
    offers = [pair.offer(side) for side in pair.sides]

    pair.give(polite, offers[1])
    pair.give(polite.other, pair.answer(polite))

    assert pair.run(lambda: all(len(side.of(ChannelReceived)) == 1 for side in pair.sides))
    assert pair.left.of(ChannelReceived)[0].channel.label == pair.right.name


def test_gathering_begins_anew_after_a_rollback() -> None:
    pair = Pair(trickle=False)
    pair.left.machine.create_data_channel()
    pair.offer()
    pair.settle(0.1)
    pair.left.machine.set_local_description(SessionDescription(SdpType.ROLLBACK), pair.now)
    pair.offer()
    pair.settle(0.1)

    first, second = pair.left.of(GatheringWanted)
    assert first.transport_id != second.transport_id
    assert [each.transport_id for each in pair.left.of(TransportClosed)] == [first.transport_id]


def test_rolling_back_the_first_offer_of_the_peer_leaves_nothing_of_it() -> None:
    pair = Pair(trickle=False)
    pair.left.machine.create_data_channel()
    offer = pair.offer()
    machine = pair.right.machine
    candidate = "candidate:1 1 udp 2130706431 192.0.2.99 5000 typ host"
    machine.set_remote_description(offer, pair.now)
    machine.add_ice_candidate(candidate, pair.now, sdp_mid="0")

    machine.set_remote_description(SessionDescription(SdpType.ROLLBACK), pair.now)

    assert machine.remote_description is None
    with pytest.raises(StateError):
        machine.add_ice_candidate(candidate, pair.now, sdp_mid="0")
    pair.give(pair.right, offer)
    pair.give(pair.left, pair.answer())
    assert machine.transports[0].remote_candidates == ()


# --- what may be set ---


@pytest.mark.spec("rfc8829:5.4/1", "rfc8829:5.5/4", "rfc8829:5.9/1")
@pytest.mark.parametrize("kind", [SdpType.OFFER, SdpType.ANSWER, SdpType.PRANSWER])
def test_an_altered_local_description_is_refused(kind: SdpType) -> None:
    side = _stable() if kind is SdpType.OFFER else _have_remote_offer()
    made = side.machine.create_offer() if kind is SdpType.OFFER else side.machine.create_answer()
    before = pickle.dumps(side.machine)

    with pytest.raises(ModificationError):
        side.machine.set_local_description(SessionDescription(kind, made.sdp + "a=extra\r\n"), 0.0)

    assert pickle.dumps(side.machine) == before


@pytest.mark.spec("rfc8829:5.5/4")
def test_only_the_last_description_that_was_made_may_be_set() -> None:
    side = _stable()
    first, second = side.machine.create_offer(), side.machine.create_offer()

    with pytest.raises(ModificationError):
        side.machine.set_local_description(first, 0.0)
    side.machine.set_local_description(second, 0.0)


@pytest.mark.spec("rfc8829:4.1.8/3", "rfc8829:4.1.9/3", "rfc8829:5.2/1", "rfc8829:5.3/1")
def test_what_was_created_can_be_set_at_once_and_is_new_each_time() -> None:
    pair = Pair(trickle=False)
    pair.left.machine.create_data_channel()
    offers = [pair.left.machine.create_offer() for _ in range(2)]
    assert offers[0].sdp != offers[1].sdp
    pair.left.machine.set_local_description(offers[1], 0.0)
    pair.right.machine.set_remote_description(offers[1], 0.0)

    answers = [pair.right.machine.create_answer() for _ in range(2)]
    assert answers[0].sdp != answers[1].sdp
    pair.right.machine.set_local_description(answers[1], 0.0)
    pair.left.machine.set_remote_description(answers[1], 0.0)

    assert pair.left.machine.signaling_state is _S.STABLE


@pytest.mark.spec("rfc8829:4.1.9/1", "rfc8829:5.3.1/1")
@pytest.mark.parametrize("state", [_S.STABLE, _S.HAVE_LOCAL_OFFER, _S.HAVE_REMOTE_PRANSWER])
def test_without_an_offer_there_is_no_answer(state: SignalingState) -> None:
    side = STATES[state]()

    with pytest.raises(StateError):
        side.machine.create_answer()


@pytest.mark.spec("rfc3264:4/1")
@pytest.mark.parametrize("state", [_S.HAVE_REMOTE_OFFER, _S.HAVE_LOCAL_PRANSWER, _S.HAVE_REMOTE_PRANSWER])
def test_no_offer_is_made_in_the_middle_of_an_exchange(state: SignalingState) -> None:
    side = STATES[state]()

    with pytest.raises(StateError):
        side.machine.create_offer()


@pytest.mark.spec("rfc8829:5.6/4", "rfc8829:5.10/1", "rfc8829:8/1")
@pytest.mark.parametrize("text", ["", "v=1\r\n", "nonsense", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n", "\x00", "v=0"])
def test_what_is_no_sdp_is_refused_and_changes_nothing(text: str) -> None:
    side = _stable()
    before = pickle.dumps(side.machine)

    with pytest.raises(DescriptionSyntaxError) as raised:
        side.machine.set_remote_description(SessionDescription(SdpType.OFFER, text), 0.0)

    assert raised.value.dom_name == "RTCError"
    assert pickle.dumps(side.machine) == before


def test_a_colliding_offer_that_is_no_sdp_does_not_roll_ours_back() -> None:
    side = _have_local_offer()
    before = pickle.dumps(side.machine)

    with pytest.raises(DescriptionError):
        side.machine.set_remote_description(SessionDescription(SdpType.OFFER, "v=0"), 0.0)

    assert pickle.dumps(side.machine) == before


def test_the_state_says_which_description_is_made_when_none_is_given() -> None:
    pair = Pair()
    pair.left.machine.create_data_channel()

    pair.left.machine.set_local_description(None, 0.0)
    pair.right.machine.set_remote_description(pair.left.local, 0.0)
    pair.right.machine.set_local_description(None, 0.0)

    assert pair.left.local.type is SdpType.OFFER
    assert pair.right.local.type is SdpType.ANSWER


def test_an_accurate_description_is_not_made_again() -> None:
    side = _stable()
    made = side.machine.create_offer()

    side.machine.set_local_description(None, 0.0)

    assert side.local == made


def test_an_answer_to_an_offer_that_was_replaced_is_refused() -> None:
    peer = make_peer()
    peer.set_remote_description(describe(section()), 0.0)
    stale = peer.create_answer()
    peer.set_remote_description(describe(section(ufrag="other"), version=2), 0.0)

    with pytest.raises(ModificationError):
        peer.set_local_description(stale, 0.0)


def test_a_colliding_offer_need_not_look_like_ours() -> None:
    peer = make_peer()
    peer.create_data_channel()
    peer.set_local_description(None, 0.0)

    answer = answer_to(peer, describe(audio(mid="a")))

    assert [media.media_type for media in answer.media] == ["audio"]


# --- the wish to negotiate ---


def test_the_first_channel_asks_for_negotiation_once() -> None:
    pair = Pair()
    machine = pair.left.machine
    machine.create_data_channel("one")
    machine.create_data_channel("two")
    pair.settle(0.1)

    assert machine.negotiation_needed
    assert len(pair.left.of(NegotiationNeeded)) == 1
    pair.negotiate()
    assert not machine.negotiation_needed


def test_a_wish_that_comes_in_the_middle_of_an_exchange_is_told_after_it() -> None:
    pair = Pair().connect()
    pair.give(pair.right, pair.offer())
    pair.left.machine.restart_ice()
    pair.settle(0.1)
    told = len(pair.left.of(NegotiationNeeded))

    pair.give(pair.left, pair.answer())
    pair.settle(0.1)

    assert len(pair.left.of(NegotiationNeeded)) == told + 1
    assert pair.left.machine.negotiation_needed


def test_a_channel_that_an_offer_has_no_section_for_waits_for_our_own() -> None:
    peer = make_peer()
    peer.set_remote_description(describe(audio(mid="a")), 0.0)
    channel = peer.create_data_channel("later")

    peer.set_local_description(None, 0.0)

    assert channel.state is ChannelState.CONNECTING
    assert peer.negotiation_needed
    assert "m=application" in peer.create_offer().sdp


def test_a_channel_beside_media_that_firefox_offers_needs_no_offer_of_ours() -> None:
    peer = make_peer()
    peer.set_remote_description(vector("firefox-offer-media"), 0.0)
    peer.create_data_channel("beside media")

    peer.set_local_description(None, 0.0)

    assert [media.port for media in parsed(peer.local_description).media] == [9, 9, 9]
    assert not peer.negotiation_needed
    assert peer.sctp is not None
    assert [each.id for each in peer.transports] == [0]


def test_media_that_comes_after_the_channel_does_not_take_it_away() -> None:
    peer = make_peer()
    answer_to(peer, describe(section(mid="0"), session=("group:BUNDLE 0",)))

    bare = audio("bundle-only", mid="1", port=0, ufrag=None, password=None, fingerprint=None, setup=None)
    answer = answer_to(peer, describe(section(mid="0"), bare, session=("group:BUNDLE 0 1",), version=2))

    assert [media.port for media in answer.media] == [9, 0]
    assert [each.id for each in peer.transports] == [0]


def test_a_channel_that_came_after_our_offer_waits_for_the_next() -> None:
    peer = make_peer()
    peer.set_local_description(None, 0.0)
    channel = peer.create_data_channel("later")

    peer.set_remote_description(describe(kind=SdpType.ANSWER), 0.0)

    assert channel.state is ChannelState.CONNECTING
    assert peer.negotiation_needed


def test_a_channel_whose_section_was_offered_and_rejected_is_closed() -> None:
    peer = make_peer()
    channel = peer.create_data_channel("unwanted")
    peer.set_local_description(None, 0.0)

    peer.set_remote_description(describe(section(port=0, setup="active"), kind=SdpType.ANSWER), 0.0)

    assert channel.state is ChannelState.CLOSED
    assert not peer.negotiation_needed
