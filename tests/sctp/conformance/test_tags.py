"""Verification tags, and packets that belong to no association. See :rfc:`9260#section-8.4` and 8.5."""

import pytest
from tests.sctp.scripted import PEER_TAG, Script, packet, pick

from rtc_sctp import (
    AbortChunk,
    AssociationClosed,
    AssociationState,
    CloseReason,
    CookieAckChunk,
    ErrorChunk,
    HeartbeatAckChunk,
    HeartbeatChunk,
    SackChunk,
    ShutdownAckChunk,
    ShutdownChunk,
    ShutdownCompleteChunk,
    StaleCookie,
)


@pytest.fixture
def script() -> Script:
    return Script().accept()


@pytest.mark.spec("rfc9260:8.5/1", "rfc9260:3.1/3")
def test_every_packet_carries_the_peers_tag(script: Script) -> None:
    script.queue(b"data")
    sent = script.packets()
    script.send(HeartbeatChunk(b"info"))
    sent += script.packets()
    script.send(script.sack(script.association_tsn))
    script.association.close(script.now)
    sent += script.packets()

    assert len(sent) == 3
    assert {packet.verification_tag for packet in sent} == {PEER_TAG}


@pytest.mark.spec("rfc9260:8.5/2", "rfc9260:8.5/3", "rfc9260:8.5/4")
def test_a_packet_under_another_tag_is_discarded(script: Script) -> None:
    script.forget()

    chunks = script.answer(
        script.data(), HeartbeatChunk(b"info"), ShutdownChunk(script.acknowledged), tag=script.tag ^ 1
    )

    assert chunks == []
    assert script.events == []
    assert script.is_in(AssociationState.ESTABLISHED)
    assert sum(script.dropped.values()) == 1


@pytest.mark.parametrize(("source", "destination"), [(5001, 5000), (5000, 5001)])
def test_a_packet_of_other_ports_is_discarded(script: Script, source: int, destination: int) -> None:
    script.deliver(packet(HeartbeatChunk(b"x"), tag=script.tag, source_port=source, destination_port=destination))

    assert script.chunks() == []


# ABORT.


@pytest.mark.parametrize(("tag", "flags"), [("own", 0), ("peer", 1)])
@pytest.mark.spec(
    "rfc9260:8.5.1/6", "rfc9260:9.1/6", "rfc9260:9.1/7", "rfc9260:9.1/8", "rfc9260:9.1/5", "rfc9260:3.3.7/4"
)
def test_an_abort_under_the_own_tag_or_reflected_under_the_peers_ends_it(script: Script, tag: str, flags: int) -> None:
    chunks = script.answer(AbortChunk((), flags), tag=script.tag if tag == "own" else PEER_TAG)

    assert chunks == []
    assert script.association.closed
    assert [event.reason for event in script.happened(AssociationClosed)] == [CloseReason.REMOTE_ABORT]


@pytest.mark.parametrize(
    ("tag", "flags"), [("own", 1), ("peer", 0), ("other", 0), ("other", 1), ("zero", 0), ("zero", 1)]
)
@pytest.mark.spec("rfc9260:8.5.1/7", "rfc9260:9.1/6", "rfc9260:3.3.7/3", "rfc9260:3.3.7/4", "rfc9260:8.4/2")
def test_any_other_abort_is_discarded(script: Script, tag: str, flags: int) -> None:
    value = {"own": script.tag, "peer": PEER_TAG, "other": 12345, "zero": 0}[tag]

    assert script.answer(AbortChunk((), flags), tag=value) == []
    assert script.is_in(AssociationState.ESTABLISHED)


@pytest.mark.spec("rfc9260:8.5.1/6", "rfc9260:8.5.1/7")
def test_in_cookie_wait_a_reflected_abort_cannot_be_right_since_no_tag_is_known() -> None:
    script = Script()
    script.connect()

    script.answer(AbortChunk((), 1), tag=0)
    assert script.is_in(AssociationState.COOKIE_WAIT)
    script.answer(AbortChunk(), tag=script.tag)
    assert script.association.closed


@pytest.mark.spec("rfc9260:3.3.7/3")
def test_a_malformed_abort_is_discarded(script: Script) -> None:
    malformed = bytes.fromhex("06000008 00010003")

    assert script.answer(malformed) == []
    assert script.is_in(AssociationState.ESTABLISHED)


@pytest.mark.spec("rfc9260:3.3.7/3", "rfc9260:8.4/2")
def test_an_abort_of_no_association_is_discarded() -> None:
    script = Script()

    assert script.answer(AbortChunk(), tag=1) == []
    assert script.answer(AbortChunk((), 1), tag=1) == []
    assert script.is_in(AssociationState.CLOSED)
    assert script.events == []


@pytest.mark.spec("rfc9260:8.5.1/4", "rfc9260:9.1/2")
def test_our_abort_goes_under_the_peers_tag_without_t_bit(script: Script) -> None:
    script.association.abort(script.now, b"enough")

    (sent,) = script.packets()
    (abort,) = pick(AbortChunk, sent.chunks)
    assert sent.verification_tag == PEER_TAG
    assert abort.flags == 0


@pytest.mark.spec("rfc9260:8.5.1/4")
def test_our_abort_for_a_violation_goes_under_the_peers_tag_without_t_bit_too(script: Script) -> None:
    script.send(SackChunk(script.association_tsn + 5, 1500))

    (sent,) = script.packets()
    (abort,) = pick(AbortChunk, sent.chunks)
    assert sent.verification_tag == PEER_TAG
    assert abort.flags == 0


# SHUTDOWN COMPLETE and SHUTDOWN ACK.


def in_shutdown_ack_sent() -> Script:
    script = Script().accept()
    script.answer(ShutdownChunk(script.acknowledged))
    assert script.is_in(AssociationState.SHUTDOWN_ACK_SENT)
    return script


@pytest.mark.parametrize(("tag", "flags"), [("own", 0), ("peer", 1)])
@pytest.mark.spec("rfc9260:9.2/21", "rfc9260:8.5.1/12")
def test_shutdown_complete_with_a_fitting_tag_ends_it(tag: str, flags: int) -> None:
    script = in_shutdown_ack_sent()

    chunks = script.answer(ShutdownCompleteChunk(flags), tag=script.tag if tag == "own" else PEER_TAG)

    assert chunks == []
    assert script.association.closed
    assert script.association.next_timeout() is None


@pytest.mark.parametrize(("tag", "flags"), [("own", 1), ("peer", 0), ("other", 0), ("other", 1)])
@pytest.mark.spec("rfc9260:8.5.1/12")
def test_shutdown_complete_whose_tag_does_not_fit_is_discarded(tag: str, flags: int) -> None:
    script = in_shutdown_ack_sent()
    value = {"own": script.tag, "peer": PEER_TAG, "other": 12345}[tag]

    script.send(ShutdownCompleteChunk(flags), tag=value)

    assert script.is_in(AssociationState.SHUTDOWN_ACK_SENT)


@pytest.mark.spec("rfc9260:8.5.1/13", "rfc9260:9.2/20", "rfc9260:8.4/8")
def test_shutdown_complete_in_other_states_is_discarded(script: Script) -> None:
    assert script.answer(ShutdownCompleteChunk()) == []
    assert script.is_in(AssociationState.ESTABLISHED)

    fresh = Script()
    assert fresh.answer(ShutdownCompleteChunk(), tag=1) == []
    assert fresh.is_in(AssociationState.CLOSED)

    closing = Script().accept()
    closing.association.close(closing.now)
    closing.chunks()
    closing.send(ShutdownCompleteChunk())
    assert closing.is_in(AssociationState.SHUTDOWN_SENT)


@pytest.mark.parametrize("state", ["closed", "cookie_wait", "cookie_echoed"])
@pytest.mark.spec(
    "rfc9260:8.4/6",
    "rfc9260:8.4/7",
    "rfc9260:8.5.1/10",
    "rfc9260:8.5.1/11",
    "rfc9260:8.5.1/15",
    "rfc9260:9.2/25",
    "rfc9260:3.1/5",
    "rfc9260:3.3.13/2",
    "rfc9260:3/1",
)
def test_shutdown_ack_without_association_gets_a_reflected_shutdown_complete(state: str) -> None:
    script = Script()
    if state == "cookie_wait":
        script.connect()
    elif state == "cookie_echoed":
        script.to_cookie_echoed()
    before = script.state

    script.send(ShutdownAckChunk(), tag=0x0102_0304)

    (sent,) = script.packets()
    assert sent.chunks == (ShutdownCompleteChunk(1),)
    assert sent.verification_tag == 0x0102_0304
    assert script.is_in(before)


@pytest.mark.spec("rfc9260:8.5.1/8", "rfc9260:8.5.1/9", "rfc9260:9.2/19", "rfc9260:3.3.13/1", "rfc9260:3/1")
def test_shutdown_complete_of_an_association_goes_alone_under_the_peers_tag(script: Script) -> None:
    script.association.close(script.now)
    script.chunks()

    script.send(ShutdownAckChunk())

    (sent,) = script.packets()
    assert sent.chunks == (ShutdownCompleteChunk(0),)
    assert sent.verification_tag == PEER_TAG
    assert script.association.closed
    assert script.association.next_timeout() is None


@pytest.mark.spec("rfc9260:8.4/9")
def test_cookie_ack_and_stale_cookie_errors_from_the_blue_are_discarded() -> None:
    script = Script()

    assert script.answer(CookieAckChunk(), tag=1) == []
    assert script.answer(ErrorChunk((StaleCookie(1),)), tag=1) == []
    assert script.events == []


@pytest.mark.parametrize("chunk", [SackChunk(1, 1500), HeartbeatChunk(b"x"), HeartbeatAckChunk(b"x"), ShutdownChunk(1)])
def test_other_packets_from_the_blue_are_discarded(chunk: SackChunk | HeartbeatChunk | ShutdownChunk) -> None:
    script = Script()

    assert script.answer(chunk, tag=1) == []
    assert script.is_in(AssociationState.CLOSED)
