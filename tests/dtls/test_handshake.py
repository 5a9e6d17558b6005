"""Our client and our server over the simulated network: everything that can be agreed on, over good paths and bad ones."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dtls.conformance import wire
from tests.dtls.ends import Ends, certificate, config12
from tests.support.effort import examples
from tests.support.network import Link, Network
from tests.support.rng import SeededRng

from rtc_dtls import (
    ApplicationDataReceived,
    CertificateKind,
    CipherSuiteId,
    ConnectionFailed,
    ConnectionState,
    DtlsConfig,
    DtlsConnection,
    GroupId,
    HandshakeCompleted,
    Role,
    SrtpProfile,
)
from rtc_dtls.group import ECDHE_GROUPS

ECDSA_SUITES = [suite for suite in CipherSuiteId if "ECDSA" in suite.name]
RSA_SUITES = [suite for suite in CipherSuiteId if "_RSA_" in suite.name]
ECDSA_KINDS: list[CertificateKind] = ["ecdsa-p256", "ecdsa-p384"]
RSA_KINDS: list[CertificateKind] = ["rsa-2048"]
COMBINATIONS = [
    *itertools.product(ECDSA_SUITES, ECDSA_KINDS, ECDHE_GROUPS),
    *itertools.product(RSA_SUITES, RSA_KINDS, ECDHE_GROUPS),
]


def configs(
    kind: CertificateKind = "ecdsa-p256",
    client_kind: CertificateKind = "ecdsa-p256",
    *,
    mtu: int = 1200,
    cookies: bool = False,
    suites: tuple[int, ...] = tuple(ECDSA_SUITES + RSA_SUITES),
    groups: tuple[int, ...] = ECDHE_GROUPS,
) -> tuple[DtlsConfig, DtlsConfig]:
    mine, yours = certificate(client_kind, "client"), certificate(kind, "server")
    return (
        config12(
            certificate=mine,
            remote_fingerprints=(yours.fingerprint(),),
            cipher_suites=suites,
            groups=groups,
            mtu=mtu,
            srtp_profiles=tuple(SrtpProfile),
            alpn_protocols=("webrtc", "c-webrtc"),
        ),
        config12(
            certificate=yours,
            remote_fingerprints=(mine.fingerprint(),),
            mtu=mtu,
            cookie_secrets=(bytes(range(32)),) if cookies else (),
            srtp_profiles=tuple(SrtpProfile),
            alpn_protocols=("c-webrtc",),
        ),
    )


@pytest.mark.parametrize(("suite", "kind", "group"), COMBINATIONS)
def test_every_suite_with_every_certificate_and_group(suite: CipherSuiteId, kind: CertificateKind, group: int) -> None:
    # The curve of an ECDSA certificate has to be offered, too.
    groups = [group, *(code for code in (GroupId.SECP256R1, GroupId.SECP384R1) if code != group)]
    client, server = configs(kind, suites=(suite,), groups=tuple(groups))
    server = config12(
        certificate=server.certificate,
        remote_fingerprints=server.remote_fingerprints,
        groups=(group,),
        srtp_profiles=server.srtp_profiles,
    )
    pair = Ends(client, server).connect()
    pair.client.send(b"there")
    pair.server.send(b"and back")
    pair.carry()

    for connection in (pair.client, pair.server):
        assert (connection.cipher_suite, connection.group) == (suite, group)
    assert pair.seen(Role.SERVER, ApplicationDataReceived) == [ApplicationDataReceived(b"there")]
    assert pair.seen(Role.CLIENT, ApplicationDataReceived) == [ApplicationDataReceived(b"and back")]
    here, there = pair.client.srtp_keying_material(), pair.server.srtp_keying_material()
    assert (here.local_key, here.local_salt) == (there.remote_key, there.remote_salt)
    assert (here.remote_key, here.remote_salt) == (there.local_key, there.local_salt)
    assert here.local_key != here.remote_key


@pytest.mark.parametrize("client_kind", ["ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072"])
@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "rsa-2048"])
def test_every_pair_of_certificates(kind: CertificateKind, client_kind: CertificateKind) -> None:
    pair = Ends(*configs(kind, client_kind)).connect()

    assert pair.client.peer_certificates == certificate(kind, "server").chain
    assert pair.server.peer_certificates == certificate(client_kind, "client").chain


@pytest.mark.parametrize("profile", list(SrtpProfile))
def test_srtp_keys_have_the_lengths_of_their_profile(profile: SrtpProfile) -> None:
    client, server = configs()
    client = config12(
        certificate=client.certificate, remote_fingerprints=client.remote_fingerprints, srtp_profiles=(profile,)
    )
    pair = Ends(client, server).connect()
    material = pair.client.srtp_keying_material()

    lengths = {1: (16, 14), 2: (16, 14), 7: (16, 12), 8: (32, 12)}[profile]
    assert material.profile is profile
    assert (len(material.local_key), len(material.local_salt)) == lengths
    assert (len(material.remote_key), len(material.remote_salt)) == lengths


@pytest.mark.spec("rfc6347:4.2.3/8")
def test_neighbouring_messages_share_a_record() -> None:
    pair = Ends(*configs()).connect()
    flight = wire.parse_records(pair.sent[Role.SERVER][0])

    assert len(flight) == 1
    assert [fragment.msg_type for fragment in wire.parse_fragments(flight[0].fragment)] == [2, 11, 12, 13, 14]


@pytest.mark.parametrize("seed", range(30))
def test_bad_network(seed: int) -> None:
    """Loss, duplication, reordering and jitter together, with small datagrams and large certificates, data, and the end."""
    kinds: list[CertificateKind] = ["ecdsa-p256", "rsa-2048", "ecdsa-p384"]
    options = configs(kinds[seed % 3], kinds[seed // 3 % 3], mtu=(256, 400, 1200)[seed % 3], cookies=bool(seed % 2))
    client, server = (
        DtlsConnection(role=role, config=config, rng=SeededRng(f"{seed} {role.name}"), peer_address=b"address")
        for role, config in zip(Role, options, strict=True)
    )
    link = Link(delay=0.03, jitter=0.03, loss=0.15, duplication=0.15, reordering=0.2, mtu=options[0].mtu + 100)
    network = Network(seed=seed, link=link, batch=bool(seed % 2))
    left, right = network.join(client, server)
    client.start(0.0)

    assert network.run(until=lambda: left.saw(HandshakeCompleted) and right.saw(HandshakeCompleted), timeout=200.0)
    for number in range(50):
        client.send(b"c%d" % number)
        server.send(b"s%d" % number)
    network.run(timeout=5.0)

    for node, prefix in ((left, b"s"), (right, b"c")):
        received = [event.data for event in node.of(ApplicationDataReceived)]
        assert len(received) == len(set(received)) > 20
        assert set(received) <= {prefix + b"%d" % number for number in range(50)}
    assert not left.saw(ConnectionFailed)
    assert not right.saw(ConnectionFailed)
    client.close(network.now)
    network.run(timeout=5.0)
    assert client.state is ConnectionState.CLOSED


def test_path_that_swallows_large_datagrams_is_found_out() -> None:
    """The server's certificate is larger than the path; nobody says so, and the flight gets through all the same."""
    client, server = (
        DtlsConnection(role=role, config=config, rng=SeededRng(role.name))
        for role, config in zip(Role, configs("rsa-3072", "rsa-3072", mtu=1400), strict=True)
    )
    network = Network(seed=1, link=Link(delay=0.02, mtu=600))
    left, right = network.join(client, server)
    client.start(0.0)

    assert network.run(until=lambda: left.saw(HandshakeCompleted) and right.saw(HandshakeCompleted), timeout=60.0)
    assert network.traffic.too_large > 0


@examples(60)
@given(
    choices=st.lists(st.sampled_from(["deliver", "drop", "double", "swap", "time"]), max_size=40),
    seed=st.integers(0, 9),
)
def test_whatever_the_network_does_both_agree_or_neither_has_keys(choices: list[str], seed: int) -> None:
    """Any sequence of fates; at the end the network behaves, and both ends have the same secret."""
    pair = Ends(*configs(mtu=300), seed=str(seed))
    pair.client.start(0.0)
    flying: list[tuple[DtlsConnection, bytes]] = []

    def flush() -> None:
        for source, target in ((pair.client, pair.server), (pair.server, pair.client)):
            flying.extend((target, datagram) for datagram in source.datagrams_to_send(pair.now))

    for choice in choices:
        flush()
        if choice == "time" or not flying:
            pair.now += 0.5
            pair.client.handle_timeout(pair.now)
            pair.server.handle_timeout(pair.now)
        elif choice == "swap":
            flying.append(flying.pop(0))
        else:
            target, datagram = flying.pop(0)
            for _ in range({"drop": 0, "deliver": 1, "double": 2}[choice]):
                target.receive_datagram(datagram, pair.now)
    for target, datagram in flying:
        target.receive_datagram(datagram, pair.now)
    for _ in range(8):
        pair.carry()
        pair.now += 30.0
        pair.client.handle_timeout(pair.now)
        pair.server.handle_timeout(pair.now)
    pair.carry()

    assert pair.client.state is pair.server.state is ConnectionState.CONNECTED
    secrets = {end.export_keying_material("EXPERIMENTAL", 32) for end in (pair.client, pair.server)}
    assert len(secrets) == 1
