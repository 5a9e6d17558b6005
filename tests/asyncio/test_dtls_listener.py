"""Clients of DTLS that begin anew from the address that they had, and what others can do in their name."""

import os
from pathlib import Path

import pytest
from tests.asyncio.test_turn_server import serving
from tests.asyncio.turn_party import HOST, Peer, TurnParty, certificate, until

from rtc_asyncio.dtls_listener import HANDSHAKE_TIME, DtlsListener
from rtc_dtls import ConnectionState, DtlsConfig, DtlsConnection, Fingerprint, Role, Version
from rtc_stun import Address, Datagram

SERVER, SOURCE = Address(HOST, 5349), Address("192.0.2.9", 9)
EACH_VERSION = pytest.mark.parametrize("version", [Version.DTLS_1_2, Version.DTLS_1_3], ids=lambda it: it.name)


class Site:
    """A listener, and clients of one address."""

    def __init__(self, folder: Path) -> None:
        self.listener = DtlsListener(
            SERVER, certificate(folder).dtls, 4, is_served=lambda _: True, on_begun=lambda _: None
        )
        self.now = 0.0
        self.heard: list[bytes] = []

    def client(self, version: int) -> DtlsConnection:
        """One that has said hello, which is not delivered yet."""
        made = DtlsConnection(role=Role.CLIENT, config=DtlsConfig(versions=(version,)), rng=os.urandom)
        made.start(self.now)
        return made

    def deliver(self, *wires: bytes) -> list[bytes]:
        """What the listener sends for what it gets from the address."""
        contents = self.listener.receive([Datagram(each, SERVER, SOURCE) for each in wires], self.now)
        self.heard += [each.data for each in contents]
        return [each.data for each in self.listener.datagrams_to_send(self.now)]

    def turn(self, client: DtlsConnection) -> None:
        """Once there and back."""
        for answer in self.deliver(*client.datagrams_to_send(self.now)):
            client.receive_datagram(answer, self.now)
        client.events()
        if client.peer_certificates and client.state is ConnectionState.UNVERIFIED:
            client.set_remote_fingerprints([Fingerprint.of(client.peer_certificates[0])], self.now)

    def connect(self, version: int) -> DtlsConnection:
        """One that is connected."""
        client = self.client(version)
        for _ in range(5):
            self.turn(client)
        assert client.state is ConnectionState.CONNECTED
        return client

    def say(self, client: DtlsConnection, data: bytes) -> None:
        """Send to the listener."""
        client.send(data)
        self.deliver(*client.datagrams_to_send(self.now))


@pytest.mark.spec("rfc9147:5.11/2", "rfc9147:5.11/3", "rfc6347:4.2.8/1", "rfc6347:4.2.8/3")
@EACH_VERSION
@pytest.mark.parametrize("former", [Version.DTLS_1_2, Version.DTLS_1_3], ids=lambda it: it.name)
def test_who_begins_anew_is_served_and_the_former_connection_until_then(
    version: int, former: int, tmp_path: Path
) -> None:
    site = Site(tmp_path)
    before, after = site.connect(former), site.client(version)
    for number in range(6):
        if after.state is not ConnectionState.CONNECTED:
            site.say(before, b"before %d" % number)
        site.turn(after)
    assert after.state is ConnectionState.CONNECTED
    assert len(site.heard) >= 2
    site.heard.clear()
    site.say(before, b"too late")
    site.say(after, b"hello")
    site.listener.send([Datagram(b"answer", SERVER, SOURCE)])
    (answer,) = site.deliver()
    before.receive_datagram(answer, site.now)
    after.receive_datagram(answer, site.now)

    assert site.heard == [b"hello"]
    assert before.events() == []
    assert len(after.events()) == 1
    assert len(site.listener) == 1
    assert site.listener._in_handshake() == []


@pytest.mark.spec("rfc9147:5.11/1", "rfc6347:4.2.8/2")
@EACH_VERSION
def test_a_hello_in_anothers_name_keeps_nothing_and_harms_nobody(version: int, tmp_path: Path) -> None:
    site = Site(tmp_path)
    client = site.connect(version)
    for _ in range(100):
        forged = site.client(version).datagrams_to_send(site.now)
        answers = site.deliver(*forged)
        assert sum(map(len, answers)) < sum(map(len, forged))
        assert site.listener._in_handshake() == []
    site.say(client, b"still here")

    assert site.heard == [b"still here"]


@pytest.mark.spec("rfc9147:5.11/1", "rfc6347:4.2.8/2")
@EACH_VERSION
def test_a_handshake_that_is_never_finished_harms_nobody_and_is_forgotten(version: int, tmp_path: Path) -> None:
    site = Site(tmp_path)
    client, other = site.connect(version), site.client(version)
    for answer in site.deliver(*other.datagrams_to_send(site.now)):
        other.receive_datagram(answer, site.now)
    site.deliver(*other.datagrams_to_send(site.now))  # with the cookie
    assert len(site.listener._in_handshake()) == 1
    while site.now < HANDSHAKE_TIME + 10:
        site.say(client, b"here")
        due = site.listener.next_timeout()
        assert due is not None
        site.now = max(site.now, due)
        site.listener.handle_timeout(site.now)
        site.deliver()

    assert site.listener._in_handshake() == []
    site.say(client, b"still here")
    assert set(site.heard) == {b"here", b"still here"}


@EACH_VERSION
def test_who_begins_anew_outlives_the_end_of_what_was_before(version: int, tmp_path: Path) -> None:
    site = Site(tmp_path)
    before, after = site.connect(version), site.client(version)
    site.turn(after)
    site.turn(after)
    assert len(site.listener._in_handshake()) == 1
    before.close(site.now)
    site.deliver(*before.datagrams_to_send(site.now))
    for _ in range(4):
        site.turn(after)
    site.say(after, b"hello")

    assert after.state is ConnectionState.CONNECTED
    assert site.heard == [b"hello"]
    assert len(site.listener) == 1


async def test_an_allocation_ends_when_dtls_begins_anew_at_its_address(tmp_path: Path) -> None:
    """Nothing proves that it is the same client, and data needs no credential."""
    async with serving(tmp_path) as site, TurnParty.at(site.listener("dtls")) as party:
        peer = Peer()
        await party.allocate()
        before = await party.send(b"before", peer.address)
        party._shake_hands()
        party.certificates.clear()
        party.flush()
        await until(lambda: party._dtls is not None and party._dtls.state is ConnectionState.CONNECTED)
        await until(lambda: site.service.stats.allocations == 0)
        stats = site.service.stats
        peer.socket.close()

    assert before == b"BEFORE"
    assert stats.dtls_clients == 1


async def test_an_allocation_does_not_pass_to_who_comes_after_the_end_of_dtls(tmp_path: Path) -> None:
    async with serving(tmp_path) as site, TurnParty.at(site.listener("dtls")) as party:
        await party.allocate()
        assert party._dtls is not None
        party._dtls.close(0.0)
        party.flush()
        await until(lambda: site.service.stats.dtls_clients == 0)
        party._shake_hands()
        party.certificates.clear()
        party.flush()
        await until(lambda: party._dtls is not None and party._dtls.state is ConnectionState.CONNECTED)
        await until(lambda: site.service.stats.allocations == 0)
        stats = site.service.stats

    assert stats.dtls_clients == 1
