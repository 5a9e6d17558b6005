"""COOKIE ECHO as it comes back: what a good cookie opens, and what a bad one does not. See :rfc:`9260#section-5.1.5`."""

import pytest
from tests.sctp.scripted import EXTENSIONS, PEER_TAG, PEER_TSN, Script, packet, pick

from rtc_sctp import (
    AssociationConfig,
    AssociationEstablished,
    AssociationState,
    Chunk,
    CookieAckChunk,
    CookieEchoChunk,
    CookiePreservative,
    ErrorChunk,
    MessageReceived,
    SackChunk,
    StaleCookie,
    StateError,
)


@pytest.fixture
def script() -> Script:
    return Script()


# COOKIE ACK.


@pytest.mark.spec(
    "rfc9260:5.1/9", "rfc9260:5.1.5/6", "rfc9260:3.3.12/1", "rfc9260:5.1.5/8", "rfc9260:5.1.5/7", "rfc9260:5.1/19"
)
def test_cookie_ack_goes_in_front_of_the_sack_for_bundled_data(script: Script) -> None:
    _, cookie = script.obtain_cookie()

    script.send(CookieEchoChunk(cookie), script.data(b"early"))

    (sent,) = script.packets()
    assert sent.chunks[0] == CookieAckChunk()
    assert [type(chunk) for chunk in sent.chunks] == [CookieAckChunk, SackChunk]
    assert sent.verification_tag == PEER_TAG
    assert [event.data for event in script.happened(MessageReceived)] == [b"early"]


@pytest.mark.parametrize("flags", [3, 7], ids=["ordered", "unordered"])
@pytest.mark.spec("rfc9260:5.1/19")
def test_the_first_data_are_acknowledged_at_once(script: Script, flags: int) -> None:
    script.accept()

    assert pick(SackChunk, script.answer(script.data(b"first", flags=flags)))


@pytest.mark.spec("rfc9260:5.1/20", "rfc9260:5.1.5/7")
def test_later_data_are_acknowledged_with_delay(script: Script) -> None:
    script.accept()
    assert pick(SackChunk, script.answer(script.data()))

    assert script.answer(script.data()) == []
    assert pick(SackChunk, script.wait_chunks(0.2))


@pytest.mark.spec("rfc9260:5.1/21")
def test_the_first_sack_counts_from_the_initial_tsn(script: Script) -> None:
    script.accept()

    (sack,) = pick(SackChunk, script.answer(script.data(tsn=PEER_TSN + 1)))

    assert sack.cumulative_tsn == PEER_TSN - 1
    assert sack.gaps == ((2, 2),)


@pytest.mark.spec("rfc9260:5/1", "rfc9260:6/1", "rfc9260:5.1/8", "rfc9260:3.3.11/1")
def test_no_data_leave_before_cookie_ack(script: Script) -> None:
    script.to_cookie_echoed()

    with pytest.raises(StateError):
        script.queue(b"early")
    assert script.chunks() == []
    script.send(CookieAckChunk())
    script.queue(b"in time")

    assert [chunk.payload for chunk in script.sent_data()] == [b"in time"]


@pytest.mark.spec("rfc9260:5.1.1/2", "rfc9260:5.1.1/3", "rfc9260:5.1.1/4", "rfc9260:6.5/1")
def test_no_more_streams_are_used_than_the_peer_accepts() -> None:
    script = Script(AssociationConfig(max_outbound_streams=50)).establish(streams=3)

    assert script.happened(AssociationEstablished)[0].outbound_streams == 3
    script.association.send(2, 51, b"fits")
    with pytest.raises((ValueError, StateError)):
        script.association.send(3, 51, b"does not")
    assert [chunk.stream_id for chunk in script.sent_data()] == [2]


# A cookie that is not good.


@pytest.mark.spec("rfc9260:4/1", "rfc9260:5.1.5/2", "rfc9260:5.1.3/1")
def test_a_forged_cookie_is_discarded_with_its_data(script: Script) -> None:
    _, cookie = script.obtain_cookie()
    forged = cookie[:-1] + bytes([cookie[-1] ^ 1])

    assert script.answer(CookieEchoChunk(forged), script.data()) == []
    assert script.is_in(AssociationState.CLOSED)
    assert script.happened(MessageReceived) == []
    assert sum(script.dropped.values()) >= 1


@pytest.mark.spec("rfc9260:4/2", "rfc9260:5.1.5/4", "rfc9260:5.1.5/5", "rfc9260:5.2.4/2")
def test_a_stale_cookie_is_discarded_with_its_data_and_reported(script: Script) -> None:
    _, cookie = script.obtain_cookie()
    script.now += 60.0 + 0.25

    script.send(CookieEchoChunk(cookie), script.data())

    (sent,) = script.packets()
    assert sent.chunks == (ErrorChunk((StaleCookie(250_000),)),)
    assert sent.verification_tag == PEER_TAG
    assert script.is_in(AssociationState.CLOSED)
    assert script.happened(MessageReceived) == []


@pytest.mark.spec("rfc9260:5.1.5/3")
def test_a_cookie_from_other_ports_or_under_another_tag_is_discarded(script: Script) -> None:
    _, cookie = script.obtain_cookie()
    echo = CookieEchoChunk(cookie)

    script.deliver(packet(echo, tag=script.tag ^ 1))
    script.deliver(packet(echo, tag=script.tag, source_port=5001))
    script.deliver(packet(echo, tag=script.tag, destination_port=5001))

    assert script.chunks() == []
    assert script.is_in(AssociationState.CLOSED)


@pytest.mark.spec("rfc9260:5.1.5/1", "rfc9260:5.1.3/5")
def test_a_cookie_under_a_key_that_is_gone_is_discarded(script: Script) -> None:
    _, cookie = script.obtain_cookie()
    for _ in range(2):
        script.now += 3600.0
        script.obtain_cookie()

    assert script.answer(CookieEchoChunk(cookie)) == []
    assert script.is_in(AssociationState.CLOSED)


def test_a_cookie_lives_longer_where_the_init_asks_for_it(script: Script) -> None:
    _, cookie = script.obtain_cookie(script.init(CookiePreservative(5000)))
    script.now += 64.0

    assert script.answer(CookieEchoChunk(cookie)) == [CookieAckChunk()]


@pytest.mark.spec("rfc9260:8.4/3", "rfc9260:8.4/5")
def test_init_and_cookie_echo_are_the_way_in_from_the_blue(script: Script) -> None:
    _, cookie = script.obtain_cookie()

    chunks: list[Chunk] = script.answer(CookieEchoChunk(cookie))

    assert chunks == [CookieAckChunk()]
    assert script.happened(AssociationEstablished)


def test_both_sides_learn_what_was_agreed(script: Script) -> None:
    script.accept(*EXTENSIONS, streams=12)

    (established,) = script.happened(AssociationEstablished)
    assert established.outbound_streams == 12
    assert established.inbound_streams == 12
    assert established.partial_reliability
    assert established.stream_reconfiguration
    assert not established.message_interleaving
    assert not established.zero_checksum
