"""Two of our own that speak DTLS 1.3, and what has to hold when they are connected."""

from tests.dtls.ends import Ends, certificate

from rtc_dtls import (
    ApplicationDataReceived,
    CertificateKind,
    ConnectionState,
    DtlsConfig,
    HandshakeCompleted,
    Role,
    Version,
)

BOTH = (Version.DTLS_1_3, Version.DTLS_1_2)
ONLY_13 = (Version.DTLS_1_3,)
ONLY_12 = (Version.DTLS_1_2,)


def configs(
    client_kind: CertificateKind = "ecdsa-p256", server_kind: CertificateKind = "ecdsa-p256"
) -> tuple[DtlsConfig, DtlsConfig]:
    """A client and a server that speak 1.3 and expect each other."""
    mine, yours = certificate(client_kind, "client"), certificate(server_kind, "server")
    client = DtlsConfig(certificate=mine, remote_fingerprints=(yours.fingerprint(),), versions=BOTH)
    server = DtlsConfig(certificate=yours, remote_fingerprints=(mine.fingerprint(),), versions=BOTH)
    return client, server


CLIENT, SERVER = configs()


def check_connected(pair: Ends) -> None:
    """Both are connected, agree on everything, and data flow both ways."""
    client, server = pair.client, pair.server
    assert client.state is server.state is ConnectionState.CONNECTED
    for connection in (client, server):
        assert len(pair.seen(connection.role, HandshakeCompleted)) == 1
    facts = [
        (end.version, end.cipher_suite, end.group, end.alpn_protocol, end.selected_srtp_profile)
        for end in (client, server)
    ]
    assert facts[0] == facts[1]
    assert client.export_keying_material("label", 32) == server.export_keying_material("label", 32)
    before = {role: len(pair.seen(role, ApplicationDataReceived)) for role in Role}
    client.send(b"from the client")
    server.send(b"from the server")
    pair.carry()
    assert pair.seen(Role.SERVER, ApplicationDataReceived)[before[Role.SERVER] :] == [
        ApplicationDataReceived(b"from the client")
    ]
    assert pair.seen(Role.CLIENT, ApplicationDataReceived)[before[Role.CLIENT] :] == [
        ApplicationDataReceived(b"from the server")
    ]
