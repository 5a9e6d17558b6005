"""Against OpenSSL in memory, in both roles."""

from itertools import product

import pytest
from tests.dtls.conformance import keys
from tests.dtls.conformance.subject import CLIENT, SERVER, Watched, make
from tests.dtls.openssl_peer import OpenSslPeer

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])

CIPHERS = {
    keys.ECDHE_ECDSA_AES_128_GCM_SHA256: b"ECDHE-ECDSA-AES128-GCM-SHA256",
    keys.ECDHE_ECDSA_AES_256_GCM_SHA384: b"ECDHE-ECDSA-AES256-GCM-SHA384",
    keys.ECDHE_RSA_AES_128_GCM_SHA256: b"ECDHE-RSA-AES128-GCM-SHA256",
    keys.ECDHE_RSA_AES_256_GCM_SHA384: b"ECDHE-RSA-AES256-GCM-SHA384",
    keys.ECDHE_RSA_CHACHA20_POLY1305_SHA256: b"ECDHE-RSA-CHACHA20-POLY1305",
    keys.ECDHE_ECDSA_CHACHA20_POLY1305_SHA256: b"ECDHE-ECDSA-CHACHA20-POLY1305",
}
KINDS = ["ecdsa", "p384", "ed25519", "rsa"]
PROFILES = {b"SRTP_AES128_CM_SHA1_80": (1, 60), b"SRTP_AEAD_AES_128_GCM": (7, 56)}


def shake(ours: Watched, theirs: OpenSslPeer) -> None:
    """Carry datagrams to and fro until both are silent."""
    for _ in range(20):
        outward = ours.datagrams_to_send(0.0)
        for datagram in outward:
            theirs.receive_datagram(datagram, 0.0)
        inward = theirs.datagrams_to_send(0.0)
        for datagram in inward:
            ours.receive_datagram(datagram, 0.0)
        if not outward and not inward:
            return
    raise AssertionError("they never fall silent")


def meet(
    role: str,
    *,
    kind: str = "ecdsa",
    their_kind: str = "ecdsa",
    mtu: int = 1200,
    cookies: bool = False,
    ciphers: bytes | None = None,
    srtp: bytes | None = b"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM",
    alpn: tuple[str, ...] = (),
) -> tuple[Watched, OpenSslPeer]:
    """Our machine in `role` after a handshake with OpenSSL."""
    who = keys.identity(their_kind, "openssl")
    names = [name.encode() for name in alpn] if alpn else None
    theirs = OpenSslPeer(
        is_client=role == SERVER,
        who=who,
        mtu=mtu,
        ciphers=ciphers,
        srtp=srtp,
        alpn=names,
        cookies=cookies and role == CLIENT,
    )
    ours = make(role, who=who, kind=kind, mtu=mtu, cookies=cookies, alpn=alpn)
    if role == SERVER:
        theirs.start()
    shake(ours, theirs)
    assert theirs.failure is None
    assert theirs.connected
    assert ours.connected
    return ours, theirs


@BOTH
@pytest.mark.parametrize("cookies", [False, True])
@pytest.mark.parametrize("mtu", [300, 1200])
@pytest.mark.parametrize("suite", sorted(keys.SUITES))
def test_handshake_and_data(role: str, suite: int, mtu: int, cookies: bool) -> None:
    kind = keys.SUITES[suite].certificate
    ciphers = CIPHERS[suite] + (b":ECDHE+AESGCM" if role == SERVER else b"")
    mine, yours = (kind, "ecdsa") if role == SERVER else ("ecdsa", kind)
    ours, theirs = meet(role, mtu=mtu, cookies=cookies, ciphers=ciphers, kind=mine, their_kind=yours)

    ours.send(b"to OpenSSL")
    theirs.send(b"from OpenSSL")
    shake(ours, theirs)

    assert role == SERVER or ours.suite == suite
    assert theirs.received == [b"to OpenSSL"]
    assert ours.received == [b"from OpenSSL"]


@pytest.mark.parametrize(
    ("role", "kind", "their_kind"),
    # As a server of DTLS (unlike TLS) OpenSSL has no suite for its Ed25519 certificate.
    [each for each in product((CLIENT, SERVER), KINDS, KINDS) if each[::2] != (CLIENT, "ed25519")],
)
@pytest.mark.spec("rfc8422:5.9/3", "rfc8422:5.10/5", "rfc8422:5.10/7")
def test_every_pair_of_certificates(role: str, kind: str, their_kind: str) -> None:
    ours, theirs = meet(role, kind=kind, their_kind=their_kind, mtu=1200)
    certificate = theirs.connection.get_peer_certificate(as_cryptography=True)

    assert certificate is not None
    assert ours.peer_certificates == (keys.identity(their_kind, "openssl").certificate,)


@BOTH
@pytest.mark.spec("rfc5705:4/1", "rfc5705:4/2", "rfc5705:4/3")
@pytest.mark.parametrize("context", [None, b"", b"context"])
def test_exporters_agree(role: str, context: bytes | None) -> None:
    ours, theirs = meet(role)

    assert ours.export("EXPERIMENTAL label", 77, context) == theirs.connection.export_keying_material(
        b"EXPERIMENTAL label", 77, context
    )


@BOTH
@pytest.mark.spec("rfc5764:4.2/1", "rfc5764:4.2/2", "rfc5764:4.2/3")
@pytest.mark.parametrize("profile", PROFILES)
def test_srtp_keys_agree(role: str, profile: bytes) -> None:
    ours, theirs = meet(role, srtp=profile)
    code, length = PROFILES[profile]
    material = theirs.connection.export_keying_material(b"EXTRACTOR-dtls_srtp", length)
    (local_key, local_salt), (remote_key, remote_salt) = ours.srtp_keys()

    assert theirs.connection.get_selected_srtp_profile() == profile
    assert ours.srtp_profile == code
    ordered = (
        (local_key, remote_key, local_salt, remote_salt)
        if role == CLIENT
        else (remote_key, local_key, remote_salt, local_salt)
    )
    assert b"".join(ordered) == material


@BOTH
def test_alpn_agrees(role: str) -> None:
    ours, theirs = meet(role, alpn=("webrtc", "c-webrtc"))

    assert ours.alpn == "webrtc"
    assert theirs.connection.get_alpn_proto_negotiated() == b"webrtc"


@BOTH
def test_without_srtp_there_is_none(role: str) -> None:
    ours, _ = meet(role, srtp=None)

    assert ours.srtp_profile is None


@BOTH
def test_close_is_understood(role: str) -> None:
    ours, theirs = meet(role)
    other_ours, other_theirs = meet(role)

    ours.close(0.0)
    shake(ours, theirs)
    other_theirs.shutdown()
    shake(other_ours, other_theirs)

    assert theirs.finished
    assert other_ours.closed


@pytest.mark.spec("rfc8827:6.5/14")
@BOTH
def test_renegotiation_is_refused_and_openssl_gives_up(role: str) -> None:
    ours, theirs = meet(role)
    theirs.connection.renegotiate()
    theirs.connected = False
    theirs.start()
    shake(ours, theirs)

    assert theirs.failure is not None
    assert "no renegotiation" in theirs.failure
    assert ours.dropped["renegotiation_refused"] >= 1


@BOTH
def test_many_messages_of_every_size(role: str) -> None:
    ours, theirs = meet(role)
    sizes = [1, 2, 15, 16, 17, 255, 256, 1000, 1100, 4000, 16384]

    for size in sizes:
        ours.send(bytes([size % 251]) * size)
        theirs.send(bytes([size % 251]) * size)
        shake(ours, theirs)

    assert [len(data) for data in theirs.received] == sizes
    assert [len(data) for data in ours.received] == sizes
