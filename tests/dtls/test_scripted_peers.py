"""The scripted peers of these tests are themselves right: they complete handshakes with OpenSSL."""

import pytest
from tests.dtls.conformance import keys, wire
from tests.dtls.conformance.scripted import ScriptedClient, ScriptedServer
from tests.dtls.openssl_peer import OpenSslPeer


@pytest.mark.parametrize("suite", sorted(keys.SUITES))
@pytest.mark.parametrize("cookies", [False, True])
def test_scripted_client_completes_with_openssl(suite: int, cookies: bool) -> None:
    kind = keys.SUITES[suite].certificate
    subject = OpenSslPeer(is_client=False, who=keys.identity(kind), cookies=cookies)
    client = ScriptedClient(subject, who=keys.identity(kind))
    client.suite = suite

    client.shake()
    client.send_data(b"over")
    subject.send(b"and back")
    client.pump()

    assert subject.received == [b"over"]
    assert client.data == [b"and back"]
    assert client.extended
    assert client.got(wire.HELLO_VERIFY_REQUEST) is cookies


@pytest.mark.parametrize("suite", sorted(keys.SUITES))
@pytest.mark.parametrize("group", [keys.X25519, keys.P256])
def test_scripted_server_completes_with_openssl(suite: int, group: int) -> None:
    kind = keys.SUITES[suite].certificate
    subject = OpenSslPeer(is_client=True, who=keys.identity("ecdsa"))
    subject.start()
    server = ScriptedServer(subject, who=keys.identity(kind)).begin()
    server.suite = suite

    server.say(
        server.server_hello(),
        server.certificate(),
        server.key_exchange(group=group),
        server.certificate_request(),
        server.hello_done(),
    )
    server.finish()
    server.send_data(b"over")
    subject.send(b"and back")
    server.pump()

    assert subject.received == [b"over"]
    assert server.data == [b"and back"]
