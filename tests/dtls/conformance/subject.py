"""The machine under test, watched, and the scripted peer that faces it."""

import pickle
from collections.abc import Iterable
from functools import cache

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.dtls.conformance import keys
from tests.dtls.conformance.keys import Identity
from tests.dtls.conformance.scripted import ScriptedClient, ScriptedServer
from tests.support.rng import SeededRng

from rtc_dtls import (
    ApplicationDataReceived,
    Certificate,
    ConnectionClosed,
    ConnectionFailed,
    DtlsConfig,
    DtlsConnection,
    DtlsStats,
    Event,
    Fingerprint,
    HandshakeCompleted,
    Role,
    SrtpProfile,
    Version,
)

CLIENT = "client"
SERVER = "server"
SECRET = bytes(range(32))


class Watched:
    """A connection whose events are kept; the verbs are those of every machine."""

    def __init__(self, connection: DtlsConnection, certificate: bytes) -> None:
        self.connection = connection
        self.certificate = certificate
        self._seen: list[Event] = []

    # --- the verbs

    def receive_datagram(self, datagram: bytes, now: float) -> None:
        self.connection.receive_datagram(datagram, now)

    def receive_datagrams(self, datagrams: Iterable[bytes], now: float) -> None:
        self.connection.receive_datagrams(datagrams, now)

    def handle_timeout(self, now: float) -> None:
        self.connection.handle_timeout(now)

    def datagrams_to_send(self, now: float) -> list[bytes]:
        return self.connection.datagrams_to_send(now)

    def events(self) -> list[Event]:
        new = self.connection.events()
        self._seen += new
        return new

    def next_timeout(self) -> float | None:
        return self.connection.next_timeout()

    def close(self, now: float) -> None:
        self.connection.close(now)

    def send(self, data: bytes) -> None:
        self.connection.send(data)

    def abort(self, alert: int) -> None:
        self.connection.abort(0.0, alert)

    # --- what a test wants to know

    @property
    def all_events(self) -> list[Event]:
        self.events()
        return self._seen

    @property
    def closed(self) -> bool:
        return self.connection.closed

    @property
    def connected(self) -> bool:
        """Whether the handshake completed, even if the connection ended later."""
        return any(isinstance(event, HandshakeCompleted) for event in self.all_events)

    @property
    def received(self) -> list[bytes]:
        return [event.data for event in self.all_events if isinstance(event, ApplicationDataReceived)]

    @property
    def terminal(self) -> list[Event]:
        return [event for event in self.all_events if isinstance(event, ConnectionClosed | ConnectionFailed)]

    @property
    def stats(self) -> DtlsStats:
        return self.connection.stats

    @property
    def dropped(self) -> dict[str, int]:
        return self.connection.stats.dropped

    @property
    def suite(self) -> int | None:
        return self.connection.cipher_suite

    @property
    def expansion(self) -> int | None:
        return self.connection.record_overhead

    @property
    def alpn(self) -> str | None:
        return self.connection.alpn_protocol

    @property
    def srtp_profile(self) -> int | None:
        return self.connection.selected_srtp_profile

    @property
    def peer_certificates(self) -> tuple[bytes, ...]:
        return self.connection.peer_certificates

    def export(self, label: str, length: int, context: bytes | None = None) -> bytes:
        return self.connection.export_keying_material(label, length, context)

    def srtp_keys(self) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
        """Local and remote key and salt."""
        material = self.connection.srtp_keying_material()
        return (material.local_key, material.local_salt), (material.remote_key, material.remote_salt)

    def srtp_material(self) -> bytes:
        """The SRTP keys in the order of RFC 5764, 4.2."""
        local, remote = self.srtp_keys()
        client, server = (local, remote) if self.connection.role is Role.CLIENT else (remote, local)
        return client[0] + server[0] + client[1] + server[1]

    def weight(self) -> int:
        """Bytes of the whole state, a measure of what a peer made us keep."""
        return len(pickle.dumps(self.connection))


@cache
def certificate_of(who: Identity) -> Certificate:
    key = who.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return Certificate((who.certificate,), key)


def config(
    *,
    who: Identity,
    peer: Identity | None,
    mtu: int = 1200,
    cookies: bool = False,
    srtp: bool = True,
    alpn: tuple[str, ...] = (),
    require_certificate: bool = True,
    extended_master_secret: bool = True,
    cookie_secret: bytes = SECRET,
    versions: tuple[int, ...] = (Version.DTLS_1_2,),
) -> DtlsConfig:
    """The configuration of most tests; `peer` is whose fingerprint is expected, None for anybody's."""
    return DtlsConfig(
        versions=versions,
        certificate=certificate_of(who),
        remote_fingerprints=None if peer is None or not require_certificate else (fingerprint(peer.certificate),),
        srtp_profiles=(SrtpProfile.AES128_CM_HMAC_SHA1_80, SrtpProfile.AEAD_AES_128_GCM) if srtp else (),
        alpn_protocols=alpn,
        require_client_certificate=require_certificate,
        require_extended_master_secret=extended_master_secret,
        cookie_secrets=(cookie_secret,) if cookies else (),
        mtu=mtu,
    )


def fingerprint(certificate: bytes) -> Fingerprint:
    return Fingerprint(algorithm="sha-256", digest=keys.digest("sha256", certificate))


def make(
    role: str,
    *,
    who: Identity | None = None,
    kind: str = "ecdsa",
    seed: str = "subject",
    mtu: int = 1200,
    cookies: bool = True,
    srtp: bool = True,
    alpn: tuple[str, ...] = (),
    require_certificate: bool = True,
    extended_master_secret: bool = True,
    cookie_secret: bytes = SECRET,
    address: bytes = b"192.0.2.1:5000",
    versions: tuple[int, ...] = (Version.DTLS_1_2,),
) -> Watched:
    """A machine that expects the peer `who`; a client has been started."""
    mine = keys.identity(kind, "subject")
    options = config(
        who=mine,
        peer=who or keys.identity(),
        mtu=mtu,
        cookies=cookies and role == SERVER,
        srtp=srtp,
        alpn=alpn,
        require_certificate=require_certificate,
        extended_master_secret=extended_master_secret,
        cookie_secret=cookie_secret,
        versions=versions,
    )
    connection = DtlsConnection(
        role=Role.CLIENT if role == CLIENT else Role.SERVER,
        config=options,
        rng=SeededRng(f"{role} {seed}"),
        peer_address=address,
    )
    if role == CLIENT:
        connection.start(0.0)
    return Watched(connection, mine.certificate)


def face_server(
    *,
    who: Identity | None = None,
    kind: str = "ecdsa",
    seed: str = "subject",
    mtu: int = 1200,
    cookies: bool = True,
    srtp: bool = True,
    alpn: tuple[str, ...] = (),
    require_certificate: bool = True,
    extended_master_secret: bool = True,
    cookie_secret: bytes = SECRET,
    address: bytes = b"192.0.2.1:5000",
) -> tuple[ScriptedClient, Watched]:
    """A scripted client (whose identity is `who`) and the server that it faces (whose key is of `kind`)."""
    subject = make(
        SERVER,
        who=who,
        kind=kind,
        seed=seed,
        mtu=mtu,
        cookies=cookies,
        srtp=srtp,
        alpn=alpn,
        require_certificate=require_certificate,
        extended_master_secret=extended_master_secret,
        cookie_secret=cookie_secret,
        address=address,
    )
    return ScriptedClient(subject, who=who), subject


def face_client(
    *,
    who: Identity | None = None,
    kind: str = "ecdsa",
    seed: str = "subject",
    mtu: int = 1200,
    srtp: bool = True,
    alpn: tuple[str, ...] = (),
    extended_master_secret: bool = True,
) -> tuple[ScriptedServer, Watched]:
    """A scripted server (whose identity is `who`) and the client that it faces (whose key is of `kind`)."""
    subject = make(
        CLIENT,
        who=who,
        kind=kind,
        seed=seed,
        mtu=mtu,
        srtp=srtp,
        alpn=alpn,
        extended_master_secret=extended_master_secret,
    )
    return ScriptedServer(subject, who=who), subject


def face(
    role: str,
    *,
    who: Identity | None = None,
    kind: str = "ecdsa",
    seed: str = "subject",
    mtu: int = 1200,
    cookies: bool = True,
    srtp: bool = True,
) -> tuple[ScriptedClient | ScriptedServer, Watched]:
    """The scripted peer of a subject in `role`."""
    if role == SERVER:
        return face_server(who=who, kind=kind, cookies=cookies, seed=seed, srtp=srtp, mtu=mtu)
    return face_client(who=who, kind=kind, seed=seed, srtp=srtp, mtu=mtu)


def connect(
    role: str, *, suite: int = keys.ECDHE_ECDSA_AES_128_GCM_SHA256, seed: str = "subject", srtp: bool = True
) -> tuple[ScriptedClient | ScriptedServer, Watched]:
    """A scripted peer and the subject after an honest handshake."""
    kind = keys.SUITES[suite].certificate
    peer, subject = face(role, kind=kind, who=keys.identity(kind), seed=seed, srtp=srtp)
    peer.suite = suite
    peer.shake()
    assert subject.connected
    return peer, subject
