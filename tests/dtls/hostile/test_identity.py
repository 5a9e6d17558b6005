"""Class 27: who the peer is. No data in or out before its certificate has a fingerprint that signalling brought."""

import pytest
from tests.dtls.ends import Ends, certificate, config12

from rtc_dtls import (
    AlertDescription,
    ApplicationDataReceived,
    Certificate,
    ConnectionFailed,
    ConnectionState,
    DtlsConfig,
    DtlsConnection,
    Fingerprint,
    HandshakeCompleted,
    PeerCertificateReceived,
    Role,
    StateError,
)
from rtc_dtls.peer_identity import PeerIdentity

MINE, YOURS, OTHER = certificate(who="client"), certificate(who="server"), certificate(who="somebody else")
EACH_ROLE = pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name.lower())


def config(mine: Certificate, *fingerprints: Fingerprint) -> DtlsConfig:
    return config12(certificate=mine, remote_fingerprints=fingerprints or None)


def ends(role: Role, *fingerprints: Fingerprint) -> Ends:
    """`role` expects these fingerprints (none: not known yet), the other end the right one."""
    if role is Role.CLIENT:
        return Ends(config(MINE, *fingerprints), config(YOURS, MINE.fingerprint()))
    return Ends(config(MINE, YOURS.fingerprint()), config(YOURS, *fingerprints))


def end(pair: Ends, role: Role) -> DtlsConnection:
    return pair.client if role is Role.CLIENT else pair.server


def of_peer(role: Role, algorithm: str = "sha-256") -> Fingerprint:
    return (YOURS if role is Role.CLIENT else MINE).fingerprint(algorithm)


@EACH_ROLE
@pytest.mark.spec("rfc8122:5.1/5", "rfc8122:6.2/1", "rfc8122:6.2/2", "rfc8122:6.2/3")
def test_class_27_wrong_fingerprint_is_bad_certificate(role: Role) -> None:
    pair = ends(role, OTHER.fingerprint()).connect()

    (failure,) = pair.seen(role, ConnectionFailed)
    assert isinstance(failure, ConnectionFailed)
    assert failure.alert == AlertDescription.BAD_CERTIFICATE
    assert not failure.received
    assert pair.seen(Role.CLIENT, HandshakeCompleted) == pair.seen(Role.SERVER, HandshakeCompleted) == []
    assert pair.client.closed
    assert pair.server.closed


@EACH_ROLE
@pytest.mark.spec("rfc8122:6.2/5")
def test_class_27_nothing_goes_in_or_out_before_the_fingerprint_is_known(role: Role) -> None:
    pair = ends(role).connect()
    here, there = end(pair, role), end(pair, Role.SERVER if role is Role.CLIENT else Role.CLIENT)
    there.send(b"too early")
    pair.carry()

    assert here.state is ConnectionState.UNVERIFIED
    assert pair.seen(role, HandshakeCompleted) == []
    assert pair.seen(role, ApplicationDataReceived) == []
    with pytest.raises(StateError):
        here.send(b"data")
    with pytest.raises(StateError):
        here.export_keying_material("EXPERIMENTAL", 16)
    with pytest.raises(StateError):
        here.srtp_keying_material()


@EACH_ROLE
def test_class_27_fingerprint_that_comes_late_lets_the_data_through_in_order(role: Role) -> None:
    pair = ends(role).connect()
    here, there = end(pair, role), end(pair, Role.SERVER if role is Role.CLIENT else Role.CLIENT)
    there.send(b"one")
    there.send(b"two")
    pair.carry()

    here.set_remote_fingerprints((of_peer(role),), 1.0)
    pair.carry()

    kinds = [type(event).__name__ for event in pair.events[role]]
    assert kinds == ["PeerCertificateReceived", "HandshakeCompleted", *["ApplicationDataReceived"] * 2]
    assert [getattr(event, "data", None) for event in pair.events[role]][2:] == [b"one", b"two"]
    assert here.state is ConnectionState.CONNECTED


@EACH_ROLE
@pytest.mark.spec("rfc8122:5.1/5", "rfc8122:6.2/5")
def test_class_27_late_fingerprint_that_does_not_match_ends_the_connection(role: Role) -> None:
    pair = ends(role).connect()
    here = end(pair, role)

    here.set_remote_fingerprints((OTHER.fingerprint(),), 1.0)
    pair.carry()

    assert [
        event for event in pair.events[role] if isinstance(event, HandshakeCompleted | ApplicationDataReceived)
    ] == []
    (failure,) = pair.seen(role, ConnectionFailed)
    assert isinstance(failure, ConnectionFailed)
    assert failure.alert == AlertDescription.BAD_CERTIFICATE
    with pytest.raises(StateError):
        here.set_remote_fingerprints((of_peer(role),), 2.0)


@EACH_ROLE
def test_class_27_fingerprint_may_come_between_the_certificate_and_the_end_of_the_handshake(role: Role) -> None:
    pair = ends(role)
    here = end(pair, role)
    pair.client.start(0.0)
    while not pair.seen(role, PeerCertificateReceived):
        assert pair.carry_once()

    here.set_remote_fingerprints((of_peer(role),), 0.0)
    pair.carry()

    assert len(pair.seen(role, HandshakeCompleted)) == 1


@pytest.mark.parametrize(("length", "most"), [(16_000, 16), (10, 256)])
def test_class_27_data_held_for_an_unverified_peer_are_bounded(length: int, most: int) -> None:
    pair = ends(Role.CLIENT).connect()
    for _ in range(100):
        pair.server.send_many([bytes(length)] * 4)
        pair.carry()

    pair.client.set_remote_fingerprints((of_peer(Role.CLIENT),), 1.0)
    pair.carry()

    delivered = pair.seen(Role.CLIENT, ApplicationDataReceived)
    assert len(delivered) == most
    assert pair.client.stats.dropped["application_data_too_early"] == 400 - most


@EACH_ROLE
@pytest.mark.parametrize("algorithm", ["sha-224", "sha-256", "sha-384", "sha-512"])
def test_class_27_every_hash_function_verifies(role: Role, algorithm: str) -> None:
    pair = ends(role, of_peer(role, algorithm)).connect()

    assert end(pair, role).state is ConnectionState.CONNECTED


@EACH_ROLE
def test_class_27_upper_and_lower_case_mean_the_same(role: Role) -> None:
    right = str(of_peer(role))
    for text in (right.lower(), right.upper()):
        pair = ends(role, Fingerprint.parse(text)).connect()

        assert end(pair, role).state is ConnectionState.CONNECTED


@EACH_ROLE
@pytest.mark.spec("rfc8122:5.1/4")
def test_class_27_strongest_hash_function_alone_decides(role: Role) -> None:
    right, wrong = of_peer(role), OTHER.fingerprint("sha-512")

    refused = ends(role, right, wrong).connect()
    accepted = ends(role, OTHER.fingerprint("sha-256"), of_peer(role, "sha-512")).connect()

    assert end(refused, role).state is ConnectionState.FAILED
    assert end(accepted, role).state is ConnectionState.CONNECTED


@EACH_ROLE
def test_class_27_one_of_several_fingerprints_of_a_hash_function_is_enough(role: Role) -> None:
    pair = ends(role, OTHER.fingerprint(), of_peer(role)).connect()

    assert end(pair, role).state is ConnectionState.CONNECTED


@pytest.mark.spec("rfc8122:5/2")
def test_class_27_fingerprints_of_which_no_function_is_known_are_the_caller_s_mistake() -> None:
    unknown = Fingerprint(algorithm="md5", digest=bytes(16))
    with pytest.raises(ValueError, match="hash function"):
        ends(Role.CLIENT, unknown)
    with pytest.raises(ValueError, match="hash function"):
        Ends(config12(certificate=MINE, remote_fingerprints=()))
    pair = ends(Role.CLIENT).connect()

    with pytest.raises(ValueError, match="hash function"):
        pair.client.set_remote_fingerprints((unknown,), 0.0)
    assert pair.client.state is ConnectionState.UNVERIFIED


def test_class_27_server_that_asks_for_no_certificate_cannot_have_fingerprints() -> None:
    with pytest.raises(ValueError, match="client certificate"):
        config12(certificate=YOURS, require_client_certificate=False, remote_fingerprints=(MINE.fingerprint(),))
    open_server = config12(certificate=YOURS, require_client_certificate=False)
    pair = Ends(config(MINE, YOURS.fingerprint()), open_server).connect()

    assert pair.server.state is ConnectionState.CONNECTED
    assert pair.server.peer_certificates == ()
    with pytest.raises(StateError):
        pair.server.set_remote_fingerprints((MINE.fingerprint(),), 0.0)


def test_class_27_peer_without_a_certificate_is_nobody_that_was_expected() -> None:
    assert not PeerIdentity(None, is_anonymous_allowed=False).verified
    assert not PeerIdentity((YOURS.fingerprint(),), is_anonymous_allowed=True).verified
    assert PeerIdentity(None, is_anonymous_allowed=True).verified


def test_class_27_client_without_a_certificate_is_refused_where_one_is_required() -> None:
    pair = Ends(config12(remote_fingerprints=(YOURS.fingerprint(),))).connect()

    (failure,) = pair.seen(Role.CLIENT, ConnectionFailed)
    assert isinstance(failure, ConnectionFailed)
    assert failure.alert == AlertDescription.BAD_CERTIFICATE
    assert failure.received


def test_class_27_owner_may_refuse_a_certificate_with_an_alert_of_its_choice() -> None:
    pair = ends(Role.SERVER)
    pair.client.start(0.0)
    while not pair.seen(Role.SERVER, PeerCertificateReceived):
        assert pair.carry_once()

    # The handshake may have been completed within the same datagram; nothing was sent of it yet.
    pair.server.abort(0.0, AlertDescription.CERTIFICATE_UNKNOWN)
    pair.carry()

    (failure,) = pair.seen(Role.CLIENT, ConnectionFailed)
    assert isinstance(failure, ConnectionFailed)
    assert failure.alert == AlertDescription.CERTIFICATE_UNKNOWN
    assert failure.received
