"""Against `gnutls-cli` and `gnutls-serv` over UDP on the loopback interface, in both roles."""

from pathlib import Path

import pytest
from tests.dtls.conformance import keys
from tests.dtls.conformance.subject import CLIENT, SERVER, Watched, make
from tests.interop.dtls_driver import UdpDriver, free_port, gnutls

from rtc_dtls import Version

KINDS = pytest.mark.parametrize("kind", ["ecdsa", "p384", "ed25519", "rsa"])
THEIR_KINDS = pytest.mark.parametrize("their_kind", ["ecdsa", "p384", "ed25519", "rsa"])
PRIORITY = "NORMAL:-VERS-ALL:+VERS-DTLS1.2"
CIPHERS = {
    keys.ECDHE_ECDSA_AES_128_GCM_SHA256: "+ECDHE-ECDSA:+AES-128-GCM",
    keys.ECDHE_ECDSA_AES_256_GCM_SHA384: "+ECDHE-ECDSA:+AES-256-GCM",
    keys.ECDHE_RSA_AES_128_GCM_SHA256: "+ECDHE-RSA:+AES-128-GCM",
    keys.ECDHE_RSA_AES_256_GCM_SHA384: "+ECDHE-RSA:+AES-256-GCM",
    keys.ECDHE_RSA_CHACHA20_POLY1305_SHA256: "+ECDHE-RSA:+CHACHA20-POLY1305",
    keys.ECDHE_ECDSA_CHACHA20_POLY1305_SHA256: "+ECDHE-ECDSA:+CHACHA20-POLY1305",
}
KEY_MATERIAL = b"Key material: "
GROUPS = {"GROUP-X25519": 29, "GROUP-SECP256R1": 23, "GROUP-SECP384R1": 24}


def as_client(
    folder: Path,
    *,
    kind: str = "ecdsa",
    their_kind: str = "ecdsa",
    mtu: int = 1200,
    priority: str = PRIORITY,
    arguments: tuple[str, ...] = (),
    versions: tuple[int, ...] = (Version.DTLS_1_2,),
) -> Watched:
    """Our client against `gnutls-serv`, which repeats what it hears: handshake, data both ways, end."""
    port = free_port()
    who = keys.identity(their_kind, "gnutls")
    line = ["--echo", "--port", str(port), "--mtu", str(mtu), "--require-client-cert", "--priority", priority]
    with gnutls("gnutls-serv", who, folder, *line, *arguments) as theirs:
        ours = make(CLIENT, who=who, kind=kind, mtu=mtu, versions=versions)
        driver = UdpDriver(ours, port=port)
        try:
            assert driver.run(lambda: ours.connected), theirs.saw(b"") or theirs.output
            ours.send(b"hello from our client\n")
            assert driver.run(lambda: bool(ours.received)), theirs.saw(b"") or theirs.output

            assert ours.received == [b"hello from our client\n"]
            assert driver.largest <= mtu
        finally:
            driver.close()
    return ours


def as_server(
    folder: Path,
    *,
    kind: str = "ecdsa",
    their_kind: str = "ecdsa",
    mtu: int = 1200,
    priority: str = PRIORITY,
    cookies: bool = False,
    srtp: str | None = None,
) -> Watched:
    """Our server against `gnutls-cli`: handshake, SRTP keys, data both ways, end."""
    who = keys.identity(their_kind, "gnutls")
    ours = make(SERVER, who=who, kind=kind, mtu=mtu, cookies=cookies)
    driver = UdpDriver(ours)
    line = ["--insecure", "--mtu", str(mtu), "--priority", priority, "--port", str(driver.port)]
    if srtp is not None:
        line += ["--srtp-profiles", srtp, "--keymatexport", "EXTRACTOR-dtls_srtp", "--keymatexportsize", "60"]
    try:
        with gnutls("gnutls-cli", who, folder, *line, "127.0.0.1") as theirs:
            assert driver.run(lambda: ours.connected), theirs.saw(b"") or theirs.output
            assert driver.run(lambda: theirs.saw(b"Handshake was completed")), theirs.output
            theirs.type(b"hello from gnutls")
            ours.send(b"hello from our server\n")
            assert driver.run(lambda: bool(ours.received) and theirs.saw(b"hello from our server")), theirs.output

            assert ours.received == [b"hello from gnutls\n"]
            assert b"extended master secret" in theirs.output
            if srtp is not None:
                assert theirs.line_with(KEY_MATERIAL).decode() == ours.srtp_material().hex()
            assert driver.largest <= mtu
            theirs.end_input()
            assert driver.run(lambda: ours.closed), theirs.output
    finally:
        driver.close()
    return ours


@KINDS
@THEIR_KINDS
@pytest.mark.spec("rfc8422:5.9/3")
def test_every_pair_of_certificates(tmp_path: Path, kind: str, their_kind: str) -> None:
    as_client(tmp_path, kind=kind, their_kind=their_kind)
    as_server(tmp_path, kind=kind, their_kind=their_kind)


@pytest.mark.parametrize("mtu", [300, 1400])
@pytest.mark.parametrize("cookies", [False, True], ids=["plain", "cookies"])
def test_every_size_with_and_without_cookies(tmp_path: Path, mtu: int, cookies: bool) -> None:
    as_client(tmp_path, mtu=mtu, arguments=() if cookies else ("--nocookie",))
    as_server(tmp_path, mtu=mtu, cookies=cookies)


@pytest.mark.parametrize("suite", sorted(keys.SUITES))
def test_every_suite(tmp_path: Path, suite: int) -> None:
    kind = keys.SUITES[suite].certificate
    priority = f"NONE:+VERS-DTLS1.2:{CIPHERS[suite]}:+AEAD:+SIGN-ALL:+GROUP-ALL:+COMP-NULL:+CTYPE-ALL"

    ours = as_server(tmp_path, kind=kind, priority=priority)
    client = as_client(tmp_path, their_kind=kind, priority=priority)

    assert ours.suite == client.suite == suite


@pytest.mark.parametrize("group", GROUPS)
def test_every_group(tmp_path: Path, group: str) -> None:
    priority = f"{PRIORITY}:-GROUP-ALL:+{group}"

    ours = as_server(tmp_path, kind="rsa", their_kind="rsa", priority=priority)
    client = as_client(tmp_path, kind="rsa", their_kind="rsa", priority=priority)

    assert ours.connection.group == client.connection.group == GROUPS[group]


@pytest.mark.parametrize(("profile", "code"), [("SRTP_AES128_CM_HMAC_SHA1_80", 1)])
@pytest.mark.spec("rfc5764:4.2/1", "rfc5764:4.2/2", "rfc5764:4.2/3")
def test_srtp_keys_agree(tmp_path: Path, profile: str, code: int) -> None:
    ours = as_server(tmp_path, srtp=profile)
    client = as_client(tmp_path, arguments=("--srtp-profiles", profile))

    assert ours.srtp_profile == client.srtp_profile == code


def test_a_client_of_both_versions_is_answered_in_1_2(tmp_path: Path) -> None:
    """Its hello with a share for a group of the future comes in two datagrams."""
    ours = as_client(tmp_path, versions=(Version.DTLS_1_3, Version.DTLS_1_2))

    assert ours.connection.version == Version.DTLS_1_2
