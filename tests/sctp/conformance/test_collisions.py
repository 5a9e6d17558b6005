"""INIT, INIT ACK, COOKIE ECHO and COOKIE ACK where none is expected. See :rfc:`9260#section-5.2`."""

import pytest
from tests.sctp.scripted import PEER_COOKIE, PEER_TAG, Script, cookie_of, pick

from rtc_sctp import (
    AssociationClosed,
    AssociationConfig,
    AssociationEstablished,
    AssociationFailed,
    AssociationState,
    CookieAckChunk,
    CookieEchoChunk,
    CookiePreservative,
    CookieReceivedWhileShuttingDown,
    DataChunk,
    ErrorChunk,
    InitAckChunk,
    InitChunk,
    MessageReceived,
    PeerRestarted,
    SackChunk,
    ShutdownAckChunk,
    ShutdownChunk,
    StaleCookie,
)

NEW_TAG = 0x0BAD_CAFE


@pytest.fixture
def script() -> Script:
    return Script()


def cookie_for(script: Script, tag: int) -> tuple[int, bytes]:
    """Send an INIT with this tag; returns tag and cookie of the INIT ACK, without taking them on."""
    (init_ack,) = pick(InitAckChunk, script.answer(script.init(tag=tag), tag=0))
    return init_ack.initiate_tag, cookie_of(init_ack)


# INIT during our own set-up.


@pytest.mark.spec("rfc9260:5.2.1/1", "rfc9260:5.2.1/10", "rfc9260:5.2.1/11", "rfc9260:5.2.1/12", "rfc9260:5.2.1/13")
def test_init_in_cookie_wait_is_answered_with_what_our_init_said(script: Script) -> None:
    ours = script.connect()
    due = script.association.next_timeout()

    (init_ack,) = pick(InitAckChunk, script.answer(script.init(tag=NEW_TAG), tag=0))

    assert (init_ack.initiate_tag, init_ack.initial_tsn) == (ours.initiate_tag, ours.initial_tsn)
    assert init_ack.a_rwnd == ours.a_rwnd
    assert set(map(repr, ours.parameters)) <= set(map(repr, init_ack.parameters))
    assert cookie_of(init_ack)
    assert script.is_in(AssociationState.COOKIE_WAIT)
    assert script.association.next_timeout() == due
    script.wait_until_sent(InitChunk)


@pytest.mark.spec("rfc9260:5.2.1/5", "rfc9260:5.2.1/10", "rfc9260:5.2.1/11", "rfc9260:5.2.1/12", "rfc9260:5.2.1/13")
def test_init_in_cookie_echoed_is_answered_with_what_our_init_said(script: Script) -> None:
    ours = script.connect()
    script.answer(script.init_ack())
    due = script.association.next_timeout()

    (init_ack,) = pick(InitAckChunk, script.answer(script.init(tag=NEW_TAG), tag=0))

    assert (init_ack.initiate_tag, init_ack.initial_tsn) == (ours.initiate_tag, ours.initial_tsn)
    assert cookie_of(init_ack)
    assert script.is_in(AssociationState.COOKIE_ECHOED)
    assert script.association.next_timeout() == due
    script.wait_until_sent(CookieEchoChunk)


def test_two_associations_that_open_at_once_become_one(script: Script) -> None:
    other = Script(seed=2)
    other.now = script.now
    script.association.connect(0.0)
    other.association.connect(0.0)

    for _ in range(6):
        to_other, to_script = script.datagrams(), other.datagrams()
        other.deliver(*to_other)
        script.deliver(*to_script)

    assert script.is_in(AssociationState.ESTABLISHED)
    assert other.is_in(AssociationState.ESTABLISHED)
    assert len(script.happened(AssociationEstablished)) == 1
    script.queue(b"one way")
    other.queue(b"the other")
    to_other, to_script = script.datagrams(), other.datagrams()
    other.deliver(*to_other)
    script.deliver(*to_script)
    assert [event.data for event in other.happened(MessageReceived)] == [b"one way"]
    assert [event.data for event in script.happened(MessageReceived)] == [b"the other"]


# INIT in an association that is up.


@pytest.mark.spec(
    "rfc9260:5.2.2/1", "rfc9260:5.2.2/6", "rfc9260:5.2.2/7", "rfc9260:5.2.2/8", "rfc9260:5.2.2/9", "rfc9260:5.3.1/2"
)
def test_init_in_an_association_gets_a_new_tag_and_changes_nothing(script: Script) -> None:
    script.establish(streams=10)
    script.forget()
    due = script.association.next_timeout()

    script.send(script.init(tag=NEW_TAG, streams=10), tag=0)

    (sent,) = script.packets()
    (init_ack,) = pick(InitAckChunk, sent.chunks)
    assert sent.verification_tag == NEW_TAG
    assert init_ack.initiate_tag not in (script.tag, 0)
    assert init_ack.outbound_streams == 10
    assert cookie_of(init_ack)
    assert script.is_in(AssociationState.ESTABLISHED)
    assert script.association.next_timeout() == due
    assert script.events == []
    script.queue(b"goes on")
    (data,) = script.packets()
    assert data.verification_tag == PEER_TAG


@pytest.mark.spec("rfc9260:5.2.2/7")
def test_each_unexpected_init_gets_another_tag(script: Script) -> None:
    script.establish()

    assert len({cookie_for(script, NEW_TAG)[0] for _ in range(20)}) == 20


@pytest.mark.spec("rfc9260:9.2/24")
def test_init_in_shutdown_ack_sent_is_answered_by_shutdown_ack(script: Script) -> None:
    script.establish()
    script.answer(ShutdownChunk(script.acknowledged))
    assert script.is_in(AssociationState.SHUTDOWN_ACK_SENT)

    assert script.answer(script.init(tag=NEW_TAG), tag=0) == [ShutdownAckChunk()]


# INIT ACK and COOKIE ACK where none is expected.


@pytest.mark.parametrize("state", ["closed", "cookie_wait", "established"])
@pytest.mark.spec("rfc9260:5.2.5/1", "rfc9260:8.4/9")
def test_an_unexpected_cookie_ack_is_discarded(script: Script, state: str) -> None:
    if state == "cookie_wait":
        script.connect()
    elif state == "established":
        script.accept()
    before = script.state
    script.forget()

    assert script.answer(CookieAckChunk()) == []
    assert script.is_in(before)
    assert script.events == []


# Table 12. A letter for each column: X differs, M matches.


@pytest.mark.parametrize("closing", [False, True])
@pytest.mark.spec("rfc9260:5.2.2/5", "rfc9260:5.2.4/4", "rfc9260:5.2.4/5", "rfc9260:5.3.1/3")
def test_action_a_the_peer_restarted(script: Script, closing: bool) -> None:
    script.establish()
    script.queue(*[bytes(1000)] * 40)
    script.finish()
    assert script.association.stats.congestion_window > 4404
    if closing:
        script.association.close(script.now)
        script.chunks()
    script.forget()
    old_tag = script.tag
    tag, cookie = cookie_for(script, NEW_TAG)

    script.send(CookieEchoChunk(cookie), tag=tag)

    (sent,) = script.packets()
    assert sent.verification_tag == NEW_TAG
    assert sent.chunks[0] == CookieAckChunk()
    assert tag != old_tag
    assert script.is_in(AssociationState.ESTABLISHED)
    assert len(script.happened(PeerRestarted)) == 1
    assert not script.happened(AssociationFailed)
    assert not script.happened(AssociationClosed)
    assert script.association.stats.congestion_window <= 4404
    script.tag, script.tsn = tag, 1000
    script.stream_sequences.clear()
    assert pick(SackChunk, script.answer(script.data(b"anew")))
    assert [event.data for event in script.happened(MessageReceived)] == [b"anew"]


@pytest.mark.spec("rfc9260:5.2.4/6", "rfc9260:5.2.4/7")
def test_action_a_in_shutdown_ack_sent(script: Script) -> None:
    script.establish()
    tag, cookie = cookie_for(script, NEW_TAG)
    script.answer(ShutdownChunk(script.acknowledged))
    assert script.is_in(AssociationState.SHUTDOWN_ACK_SENT)

    chunks = script.answer(CookieEchoChunk(cookie), tag=tag)

    assert ShutdownAckChunk() in chunks
    assert ErrorChunk((CookieReceivedWhileShuttingDown(),)) in chunks
    assert script.is_in(AssociationState.SHUTDOWN_ACK_SENT)


@pytest.mark.spec("rfc9260:5.2.4/8", "rfc9260:5.2.4/9")
def test_action_b_the_inits_crossed_and_the_peer_took_another_tag(script: Script) -> None:
    script.connect()
    tag, cookie = cookie_for(script, NEW_TAG)
    assert tag == script.tag
    script.answer(script.init_ack(tag=PEER_TAG))
    assert script.is_in(AssociationState.COOKIE_ECHOED)

    script.send(CookieEchoChunk(cookie))

    (sent,) = script.packets()
    assert sent.verification_tag == NEW_TAG
    assert sent.chunks[0] == CookieAckChunk()
    assert script.is_in(AssociationState.ESTABLISHED)
    assert script.wait(100.0) == []


@pytest.mark.spec("rfc9260:5.2.4/8", "rfc9260:5.2.4/9")
def test_action_b_before_any_init_ack(script: Script) -> None:
    script.connect()
    _, cookie = cookie_for(script, NEW_TAG)

    assert script.answer(CookieEchoChunk(cookie)) == [CookieAckChunk()]
    assert script.is_in(AssociationState.ESTABLISHED)
    assert script.wait(100.0) == []


@pytest.mark.spec("rfc9260:5.2.4/8", "rfc9260:5.2.4/9")
def test_action_b_in_an_association_that_is_up_already(script: Script) -> None:
    script.connect()
    _, cookie = cookie_for(script, NEW_TAG)
    script.answer(script.init_ack())
    script.answer(CookieAckChunk())
    assert script.is_in(AssociationState.ESTABLISHED)
    script.queue(b"under the old tag")
    (lost,) = script.sent_data()

    script.send(CookieEchoChunk(cookie))

    (sent,) = script.packets()
    assert (sent.verification_tag, sent.chunks[0]) == (NEW_TAG, CookieAckChunk())
    assert script.is_in(AssociationState.ESTABLISHED)
    assert script.wait_until_sent(DataChunk) == lost
    script.send(script.data(b"hello"))
    assert [event.data for event in script.happened(MessageReceived)] == [b"hello"]


@pytest.mark.spec("rfc9260:5.2.4/10", "rfc9260:5.2.4/11", "rfc9260:5.2.2/10")
def test_action_c_a_cookie_from_before_our_own_init_comes_late(script: Script) -> None:
    old_tag, cookie = cookie_for(script, PEER_TAG)
    script.to_cookie_echoed()
    due = script.association.next_timeout()

    assert script.answer(CookieEchoChunk(cookie), tag=old_tag) == []
    assert script.is_in(AssociationState.COOKIE_ECHOED)
    assert script.association.next_timeout() == due
    script.answer(CookieAckChunk())
    assert script.answer(CookieEchoChunk(cookie), tag=old_tag) == []
    assert script.is_in(AssociationState.ESTABLISHED)


@pytest.mark.spec("rfc9260:5.2.4/12", "rfc9260:5.2.4/13")
def test_action_d_both_tags_match_during_set_up(script: Script) -> None:
    script.connect()
    _, cookie = cookie_for(script, PEER_TAG)
    script.answer(script.init_ack(tag=PEER_TAG))

    chunks = script.answer(CookieEchoChunk(cookie))

    assert chunks[0] == CookieAckChunk()
    assert script.is_in(AssociationState.ESTABLISHED)
    assert script.wait(100.0) == []


@pytest.mark.parametrize("later", [0.0, 1000.0])
@pytest.mark.spec("rfc9260:5.2.4/13", "rfc9260:5.1.5/9")
def test_action_d_our_cookie_ack_was_lost_even_if_the_cookie_is_stale_by_now(script: Script, later: float) -> None:
    _, cookie = script.obtain_cookie()
    script.answer(CookieEchoChunk(cookie))
    script.forget()
    script.now += later

    assert script.answer(CookieEchoChunk(cookie))[0] == CookieAckChunk()
    assert script.is_in(AssociationState.ESTABLISHED)
    assert script.events == []


@pytest.mark.spec("rfc9260:5.2.4/3")
def test_a_cookie_that_the_table_leaves_out_is_discarded(script: Script) -> None:
    # From before the association was: neither tag matches, and there are no tie-tags.
    old_tag, cookie = cookie_for(script, NEW_TAG)
    script.accept()
    script.forget()

    assert script.answer(CookieEchoChunk(cookie), tag=old_tag) == []
    assert script.is_in(AssociationState.ESTABLISHED)
    assert script.events == []


@pytest.mark.spec("rfc9260:5.2.2/5", "rfc9260:5.2.4/3")
def test_a_restart_counts_only_for_the_association_that_the_tie_tags_name(script: Script) -> None:
    script.establish()
    tag, cookie = cookie_for(script, NEW_TAG)
    second_tag, second = cookie_for(script, NEW_TAG + 1)
    script.answer(CookieEchoChunk(cookie), tag=tag)
    assert len(script.happened(PeerRestarted)) == 1

    assert script.answer(CookieEchoChunk(second), tag=second_tag) == []
    assert len(script.happened(PeerRestarted)) == 1


def tie_tags(script: Script, cookie: bytes) -> tuple[int, int]:
    """The tie-tags in a cookie, which only the association itself can read."""
    contents = script.association._life.handshake._jar.open(cookie, script.now)
    return contents.local_tie_tag, contents.peer_tie_tag


@pytest.mark.spec("rfc9260:5.2.1/14")
def test_the_cookie_of_an_answer_in_cookie_echoed_names_the_association(script: Script) -> None:
    script.to_cookie_echoed()

    assert tie_tags(script, cookie_for(script, NEW_TAG)[1]) == (script.tag, PEER_TAG)


@pytest.mark.spec("rfc9260:5.2.2/5")
def test_the_cookie_of_an_answer_in_an_association_names_it(script: Script) -> None:
    script.establish()

    assert tie_tags(script, cookie_for(script, NEW_TAG)[1]) == (script.tag, PEER_TAG)


@pytest.mark.spec("rfc9260:5.2.2/10")
def test_the_cookie_of_an_answer_without_an_association_names_none(script: Script) -> None:
    assert tie_tags(script, cookie_for(script, NEW_TAG)[1]) == (0, 0)
    script.connect()
    assert tie_tags(script, cookie_for(script, NEW_TAG)[1]) == (0, 0)


@pytest.mark.spec("rfc9260:5.2.4/1", "rfc9260:5.2.4/2")
def test_a_stale_cookie_of_a_restart_is_discarded_and_reported(script: Script) -> None:
    script.establish()
    tag, cookie = cookie_for(script, NEW_TAG)
    script.now += 61.0
    script.forget()

    script.send(CookieEchoChunk(cookie), script.data(), tag=tag)

    reports = [sent for sent in script.packets() if pick(ErrorChunk, sent.chunks)]
    assert [sent.chunks for sent in reports] == [(ErrorChunk((StaleCookie(1_000_000),)),)]
    assert script.is_in(AssociationState.ESTABLISHED)
    assert script.events == []


# The peer says that our cookie is stale.


@pytest.mark.spec("rfc9260:5.2.6/1", "rfc9260:5.2.6/3")
def test_after_a_stale_cookie_a_new_init_asks_for_a_longer_life(script: Script) -> None:
    script.to_cookie_echoed()
    script.now += 0.5

    (init,) = pick(InitChunk, script.answer(ErrorChunk((StaleCookie(2_000_000),))))

    (wish,) = [parameter for parameter in init.parameters if isinstance(parameter, CookiePreservative)]
    assert 500 <= wish.increment_ms <= 1500
    assert script.is_in(AssociationState.COOKIE_WAIT)
    assert script.answer(script.init_ack()) == [CookieEchoChunk(PEER_COOKIE)]


def test_the_round_trip_of_the_new_init_is_measured_from_when_it_was_sent(script: Script) -> None:
    script.to_cookie_echoed()
    script.now += 0.5
    script.answer(ErrorChunk((StaleCookie(2_000_000),)))
    script.now += 0.1
    script.answer(script.init_ack())

    # The first INIT was answered at once; the new measurement counts an eighth.
    assert script.association.stats.smoothed_round_trip_time == pytest.approx(0.1 / 8)


@pytest.mark.spec("rfc9260:5.2.6/1")
def test_a_peer_whose_cookies_are_always_stale_is_given_up() -> None:
    script = Script(AssociationConfig(max_init_retransmissions=3, heartbeat_interval=None))
    script.connect()
    for _ in range(10):
        if script.association.closed:
            break
        script.answer(script.init_ack())
        script.answer(ErrorChunk((StaleCookie(1),)))

    assert script.happened(AssociationFailed)


@pytest.mark.parametrize("state", ["cookie_wait", "established"])
@pytest.mark.spec("rfc9260:5.2.6/2", "rfc9260:8.4/9")
def test_a_stale_cookie_error_in_other_states_is_discarded(script: Script, state: str) -> None:
    if state == "cookie_wait":
        script.connect()
    else:
        script.establish()
    before = script.state

    assert script.answer(ErrorChunk((StaleCookie(1),))) == []
    assert script.is_in(before)
