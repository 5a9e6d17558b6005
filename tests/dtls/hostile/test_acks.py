"""Class 23: DTLS 1.2 has no ACK, so whatever claims to be one is nothing."""

import pytest
from tests.dtls.conformance.subject import CLIENT, SERVER, connect, face
from tests.dtls.conformance.wire import Record

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])
ACK = 26
ACKS = pytest.mark.parametrize(
    "content", [b"", b"\x00\x00", b"\x00\x10" + bytes(16), b"\x00\x0f" + bytes(15), b"\xff\xff" + bytes(32)]
)


@BOTH
@ACKS
def test_class_23_plaintext_ack_in_the_handshake_stops_no_timer(role: str, content: bytes) -> None:
    peer, subject = face(role)
    peer.open()
    due = subject.next_timeout()

    peer.send(Record(ACK, content, 0, 77))

    assert subject.next_timeout() == due
    assert not subject.closed


@BOTH
@ACKS
def test_class_23_protected_ack_is_not_data(role: str, content: bytes) -> None:
    peer, subject = connect(role)

    peer.send(peer.record(ACK, content))
    peer.send_data(b"data")

    assert subject.received == [b"data"]
    assert subject.dropped["record_unknown_type"] == 1
