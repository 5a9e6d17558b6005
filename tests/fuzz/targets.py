"""What is fuzzed. Each target takes any bytes and raises nothing but what the package says it raises.

record        a datagram taken apart
handshake     the body of a message, the first byte tells which: it is refused, or is written the same again and again
certificate   the peer's certificate: a key, or `ProtocolError`
network       datagrams from anybody, into a connection somewhere in its life: nothing raises, and what is kept stays bounded
peer          records from the peer itself, under its keys: the same
stage         messages of DTLS 1.3 in place of those that are expected, whole and under the right keys: the same
"""

import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Final, Protocol

from tests.dtls.ends import Ends
from tests.dtls.ends import certificate as identity
from tests.dtls.hostile13.puppet import EACH_STAGE, Puppet, Stage
from tests.dtls.hostile13.puppet import stage as stage_of

from rtc_dtls import DtlsConfig, DtlsConnection, GroupId, ParseError, Role, Version
from rtc_dtls.ack import parse_ack
from rtc_dtls.alert import Alert
from rtc_dtls.certificate_messages import CertificateMessage, CertificateRequest, CertificateVerify
from rtc_dtls.certificate_messages13 import CertificateMessage13, CertificateRequest13
from rtc_dtls.client_hello import ClientHello
from rtc_dtls.encrypted_extensions import EncryptedExtensions
from rtc_dtls.errors import ProtocolError
from rtc_dtls.handshake import Fragment, HandshakeMessage
from rtc_dtls.key_exchange12 import ClientKeyExchange, Finished, ServerHelloDone, ServerKeyExchange
from rtc_dtls.key_share import parse_client_shares, parse_server_share
from rtc_dtls.key_update import KeyUpdate
from rtc_dtls.new_session_ticket import NewSessionTicket
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
    EncryptedExtensions,
    CertificateMessage13,
    CertificateRequest13,
    KeyUpdate,
)
"""Those of DTLS 1.2 first, in the order of `corpus.TYPES`."""

READERS: Final[tuple[Callable[[bytes], object], ...]] = (
    NewSessionTicket.parse,
    parse_ack,
    parse_client_shares,
    parse_server_share,
)
"""What is read and never written, or in another form."""

VERSIONS: Final = ((Version.DTLS_1_2,), (Version.DTLS_1_3,))


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
    number = data[0] % (len(CODECS) + len(READERS))
    try:
        if number >= len(CODECS):
            READERS[number - len(CODECS)](data[1:])
            return
        codec = CODECS[number]
        message = codec.parse(data[1:])
    except (ParseError, ProtocolError):
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
    here, there = pickle.loads(_connected(Role.CLIENT if data[0] & 1 else Role.SERVER, VERSIONS[data[0] >> 1 & 1]))
    assert isinstance(here, DtlsConnection)
    assert isinstance(there, DtlsConnection)
    at, now = 1, 1.0
    while at + 3 <= len(data):
        length = int.from_bytes(data[at + 1 : at + 3], "big") % 2048
        content = data[at + 3 : at + 3 + length]
        records = there._context.records
        kind = (*range(20, 24), ContentType.ACK)[data[at] % 5]
        here.receive_datagram(records.seal(ContentType(kind), content, records.write_epoch), now)
        _live(here, now)
        at += 3 + length
        now += 0.3
    assert len(pickle.dumps(here)) < MOST_KEPT


def stage(data: bytes) -> None:
    """Messages with a type, a distance of their number and a length of two bytes each, after a byte that chooses the stage."""
    if not data:
        return
    here = _stages()[data[0] % len(EACH_STAGE)]
    messages: list[HandshakeMessage] = []
    at = 1
    while at + 4 <= len(data) and len(messages) < 8:
        length = int.from_bytes(data[at + 2 : at + 4], "big") % 4096
        number = here.message.message_seq + (data[at + 1] & 7)
        messages.append(HandshakeMessage(data[at], number, data[at + 4 : at + 4 + length], here.message.epoch))
        at += 4 + length
    puppet: Puppet = here.feed(*messages)
    _live(puppet.subject, 1.0)
    assert len(pickle.dumps(puppet.subject)) < MOST_KEPT


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    each.__name__: each for each in (record, handshake, certificate, network, peer, stage)
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
    """Connections of both versions after each datagram of a handshake, and at its end."""
    states = []
    for round_ in range(12):
        ends = _ends(VERSIONS[round_ >= 6])
        ends.client.start(0.0)
        for _ in range(round_ % 6):
            ends.carry_once()
        states += [pickle.dumps(ends.client), pickle.dumps(ends.server)]
    return tuple(states)


@cache
def _connected(role: Role, versions: tuple[int, ...]) -> bytes:
    ends = _ends(versions).connect()
    return pickle.dumps((ends.client, ends.server) if role is Role.CLIENT else (ends.server, ends.client))


def _ends(versions: tuple[int, ...]) -> Ends:
    """Two ends that say the same every time, which they would not with ML-KEM."""
    client, server = (identity(who=who) for who in ("client", "server"))
    options = DtlsConfig(versions=versions, groups=(GroupId.X25519, GroupId.SECP256R1))
    return Ends(
        replace(options, certificate=client, remote_fingerprints=(server.fingerprint(),)),
        replace(options, certificate=server, remote_fingerprints=(client.fingerprint(),)),
        seed="fuzz",
    )


@cache
def _stages() -> tuple[Stage, ...]:
    return tuple(stage_of(role, name) for role, name in EACH_STAGE)
