"""What is fuzzed. Each target takes any bytes and raises nothing but what the package says it raises.

record        a datagram taken apart
handshake     the body of a message, the first byte tells which: it is refused with `ParseError`, or is written the same again and again
certificate   the peer's certificate: a key, or `ProtocolError`
network       datagrams from anybody, into a connection somewhere in its life: nothing raises, and what is kept stays bounded
peer          records from the peer itself, under its keys: the same
"""

import pickle
from collections.abc import Callable
from functools import cache
from typing import Final, Protocol

from tests.dtls.ends import Ends

from rtc_dtls import DtlsConnection, ParseError, Role
from rtc_dtls.alert import Alert
from rtc_dtls.certificate_messages import CertificateMessage, CertificateRequest, CertificateVerify
from rtc_dtls.client_hello import ClientHello
from rtc_dtls.errors import ProtocolError
from rtc_dtls.handshake import Fragment
from rtc_dtls.key_exchange import ClientKeyExchange, Finished, ServerHelloDone, ServerKeyExchange
from rtc_dtls.peer_certificate import PeerKey
from rtc_dtls.record import ContentType, split_datagram
from rtc_dtls.server_hello import HelloVerifyRequest, ServerHello

MOST_KEPT: Final = 600_000
"""Bytes of a connection with everything that anybody made it keep."""


class Codec(Protocol):
    """A message."""

    @classmethod
    def parse(cls, body: bytes) -> "Codec":
        """Read it."""
        ...

    def __bytes__(self) -> bytes: ...


CODECS: Final[tuple[type[Codec], ...]] = (
    ClientHello,
    ServerHello,
    HelloVerifyRequest,
    CertificateMessage,
    CertificateRequest,
    CertificateVerify,
    ServerKeyExchange,
    ClientKeyExchange,
    ServerHelloDone,
    Finished,
)


def record(data: bytes) -> None:
    """A datagram and the fragments in it."""
    records, _ = split_datagram(data)
    for each in records:
        at = 0
        while at < len(each.fragment):
            try:
                _, at = Fragment.parse(each.fragment, at)
            except ParseError:
                break
        try:
            Alert.parse(each.fragment)
        except ParseError:
            continue


def handshake(data: bytes) -> None:
    """The body of a message."""
    if not data:
        return
    codec = CODECS[data[0] % len(CODECS)]
    try:
        message = codec.parse(data[1:])
    except ParseError:
        return
    written = bytes(message)
    assert bytes(codec.parse(written)) == written


def certificate(data: bytes) -> None:
    """A certificate."""
    try:
        PeerKey(data)
    except ProtocolError:
        return


def network(data: bytes) -> None:
    """Datagrams with a length of two bytes each, after a byte that chooses the connection."""
    if not data:
        return
    states = _states()
    connection: DtlsConnection = pickle.loads(states[data[0] % len(states)])
    at, now = 1, 1.0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big") % 2048
        connection.receive_datagram(data[at + 2 : at + 2 + length], now)
        _live(connection, now)
        at += 2 + length
        now += 0.3
    assert len(pickle.dumps(connection)) < MOST_KEPT


def peer(data: bytes) -> None:
    """Records of one content with its type and a length of two bytes each, sealed as the peer seals them."""
    if not data:
        return
    here, there = pickle.loads(_connected(Role.CLIENT if data[0] & 1 else Role.SERVER))
    assert isinstance(here, DtlsConnection)
    assert isinstance(there, DtlsConnection)
    at, now = 1, 1.0
    while at + 3 <= len(data):
        length = int.from_bytes(data[at + 1 : at + 3], "big") % 2048
        content = data[at + 3 : at + 3 + length]
        records = there._context.records
        here.receive_datagram(records.seal(ContentType(20 + data[at] % 4), content, 1), now)
        _live(here, now)
        at += 3 + length
        now += 0.3
    assert len(pickle.dumps(here)) < MOST_KEPT


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    each.__name__: each for each in (record, handshake, certificate, network, peer)
}


def _live(connection: DtlsConnection, now: float) -> None:
    connection.datagrams_to_send(now)
    connection.events()
    due = connection.next_timeout()
    if due is not None and due <= now:
        connection.handle_timeout(now)
        connection.datagrams_to_send(now)


@cache
def _states() -> tuple[bytes, ...]:
    """Connections after each datagram of a handshake, and at its end."""
    states = []
    for round_ in range(6):
        ends = Ends(seed="fuzz")
        ends.client.start(0.0)
        for _ in range(round_):
            ends.carry_once()
        states += [pickle.dumps(ends.client), pickle.dumps(ends.server)]
    return tuple(states)


@cache
def _connected(role: Role) -> bytes:
    ends = Ends(seed="fuzz").connect()
    return pickle.dumps((ends.client, ends.server) if role is Role.CLIENT else (ends.server, ends.client))
