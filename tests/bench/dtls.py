"""DTLS against OpenSSL by pyOpenSSL, which has 1.2 alone, in one process, turn by turn."""

import os
import statistics
import time
from collections.abc import Callable
from functools import cache, partial
from typing import Final

from OpenSSL import SSL
from tests.dtls.conformance import keys
from tests.dtls.conformance.subject import certificate_of, fingerprint
from tests.dtls.openssl_peer import OpenSslPeer

from rtc_dtls import DtlsConfig, DtlsConnection, GroupId, Role, Version

KINDS: Final[dict[str, tuple[int, tuple[int, ...]]]] = {
    "12": (Version.DTLS_1_2, (GroupId.X25519, GroupId.SECP256R1)),
    "13": (Version.DTLS_1_3, (GroupId.X25519, GroupId.SECP256R1)),
    "13_hybrid": (Version.DTLS_1_3, (GroupId.X25519MLKEM768, GroupId.X25519)),
}
LENGTH: Final = 1200
BATCH: Final = 32
_HANDSHAKES: Final = 40
_RECORDS: Final = 4096
_TURNS: Final = 7


def compare() -> dict[str, float]:
    """Return handshakes and records per CPU-second, and ratios of CPU time to OpenSSL's by the same language."""
    figures: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        figures.setdefault(name, []).append(value)

    for _ in range(_TURNS):
        # OpenSSL's contexts are made beforehand, as programs do.
        pairs = [_openssl_pair() for _ in range(_HANDSHAKES)]
        baseline = _cpu(partial(_take_openssl_handshake, pairs), _HANDSHAKES)
        note("openssl_handshakes", 1 / baseline)
        for kind in KINDS:
            spent = _cpu(partial(_handshake, kind), _HANDSHAKES)
            note(f"handshakes_{kind}", 1 / spent)
            note(f"handshake_ratio_{kind}", spent / baseline)
        sealed, opened = _openssl_records()
        note("openssl_seal", 1 / sealed)
        note("openssl_open", 1 / opened)
        for kind in ("12", "13"):
            ours_sealed, ours_opened = _records(kind)
            note(f"seal_{kind}", 1 / ours_sealed)
            note(f"open_{kind}", 1 / ours_opened)
            note(f"seal_ratio_{kind}", ours_sealed / sealed)
            note(f"open_ratio_{kind}", ours_opened / opened)
    result = {name: statistics.median(values) for name, values in figures.items()}
    return result | {f"round_trips_{kind}": _round_trips(kind) for kind in ("12", "13")}


def _cpu(call: Callable[[], object], count: int) -> float:
    before = time.process_time()
    for _ in range(count):
        call()
    return (time.process_time() - before) / count


@cache
def _configs(kind: str) -> tuple[DtlsConfig, DtlsConfig]:
    version, groups = KINDS[kind]
    client, server = keys.identity("ecdsa", "client"), keys.identity("ecdsa", "server")
    mine, yours = (
        DtlsConfig(
            versions=(version,),
            groups=groups,
            certificate=certificate_of(who),
            remote_fingerprints=(fingerprint(peer.certificate),),
        )
        for who, peer in ((client, server), (server, client))
    )
    return mine, yours


def _ends(kind: str) -> tuple[DtlsConnection, DtlsConnection]:
    client, server = _configs(kind)
    return (
        DtlsConnection(role=Role.CLIENT, config=client, rng=os.urandom),
        DtlsConnection(role=Role.SERVER, config=server, rng=os.urandom),
    )


def _handshake(kind: str) -> tuple[DtlsConnection, DtlsConnection]:
    client, server = _ends(kind)
    client.start(0.0)
    while datagrams := client.datagrams_to_send(0.0):
        server.receive_datagrams(datagrams, 0.0)
        client.receive_datagrams(server.datagrams_to_send(0.0), 0.0)
    assert client.version == server.version == KINDS[kind][0]
    return client, server


def _round_trips(kind: str) -> float:
    """After how many round trips the client may send."""
    client, server = _ends(kind)
    client.start(0.0)
    trips = 0
    while client.version is None:
        server.receive_datagrams(client.datagrams_to_send(0.0), 0.0)
        client.receive_datagrams(server.datagrams_to_send(0.0), 0.0)
        trips += 1
    return trips


def _openssl_pair() -> tuple[OpenSslPeer, OpenSslPeer]:
    client = OpenSslPeer(is_client=True, who=keys.identity("ecdsa", "client"), ciphers=_CIPHER, srtp=None)
    server = OpenSslPeer(is_client=False, who=keys.identity("ecdsa", "server"), ciphers=_CIPHER, srtp=None)
    return client, server


def _take_openssl_handshake(pairs: list[tuple[OpenSslPeer, OpenSslPeer]]) -> None:
    _openssl_handshake(*pairs.pop())


def _openssl_handshake(client: OpenSslPeer, server: OpenSslPeer) -> tuple[OpenSslPeer, OpenSslPeer]:
    client.start()
    while not (client.connected and server.connected):
        for here, there in ((client, server), (server, client)):
            for datagram in here.datagrams_to_send(0.0):
                there.receive_datagram(datagram, 0.0)
    return client, server


_CIPHER: Final = b"ECDHE-ECDSA-AES128-GCM-SHA256"


def _openssl_records() -> tuple[float, float]:
    client, server = (each.connection for each in _openssl_handshake(*_openssl_pair()))
    data = os.urandom(LENGTH)
    datagrams = []
    before = time.process_time()
    for _ in range(_RECORDS):
        client.send(data)
        datagrams.append(client.bio_read(65536))
    sealed = time.process_time() - before
    before = time.process_time()
    for datagram in datagrams:
        server.bio_write(datagram)
        _receive(server)
    return sealed / _RECORDS, (time.process_time() - before) / _RECORDS


def _receive(connection: SSL.Connection) -> None:
    assert len(connection.recv(65536)) == LENGTH


def _records(kind: str) -> tuple[float, float]:
    client, server = _handshake(kind)
    batch = [os.urandom(LENGTH)] * BATCH
    batches = []
    before = time.process_time()
    for _ in range(_RECORDS // BATCH):
        client.send_many(batch)
        batches.append(client.datagrams_to_send(0.0))
    sealed = time.process_time() - before
    before = time.process_time()
    for datagrams in batches:
        server.receive_datagrams(datagrams, 0.0)
        server.events()
    opened = time.process_time() - before
    assert server.stats.application_data_received == _RECORDS
    return sealed / _RECORDS, opened / _RECORDS
