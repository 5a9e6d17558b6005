"""Against the `openssl` program over UDP on the loopback interface, in both roles."""

from pathlib import Path

import pytest
from tests.dtls.conformance import keys
from tests.dtls.conformance.subject import CLIENT, SERVER, Watched, make
from tests.dtls.test_openssl import CIPHERS
from tests.interop.dtls_driver import UdpDriver, free_port, openssl

from rtc_dtls import Version

PROFILES = {"SRTP_AES128_CM_SHA1_80": (1, 60), "SRTP_AEAD_AES_128_GCM": (7, 56)}
KINDS = pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
MTUS = pytest.mark.parametrize("mtu", [300, 1200])


def keymat(output: bytes) -> bytes:
    return bytes.fromhex(output.split(b"Keying material: ", 1)[1].split(b"\n", 1)[0].strip().decode())


def as_client(
    folder: Path,
    *,
    kind: str,
    their_kind: str,
    mtu: int = 1200,
    profile: str = "SRTP_AES128_CM_SHA1_80",
    arguments: tuple[str, ...] = (),
    versions: tuple[int, ...] = (Version.DTLS_1_2,),
) -> None:
    """Our client against `s_server`: handshake, SRTP keys, data both ways, end."""
    port = free_port()
    who = keys.identity(their_kind, "openssl")
    code, length = PROFILES[profile]
    line = [
        "-accept",
        f"127.0.0.1:{port}",
        "-mtu",
        str(mtu),
        "-timeout",
        "-use_srtp",
        profile,
        "-Verify",
        "1",
        "-verify_quiet",
    ]
    line += ["-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", str(length), *arguments]
    with openssl("s_server", who, folder, *line) as theirs:
        ours = make(CLIENT, who=who, kind=kind, mtu=mtu, versions=versions)
        driver = UdpDriver(ours, port=port)
        try:
            assert driver.run(lambda: ours.connected), theirs.output
            assert driver.run(lambda: theirs.saw(b"Keying material: ")), theirs.output
            ours.send(b"hello from our client\n")
            theirs.type(b"hello from s_server")
            assert driver.run(lambda: bool(ours.received) and theirs.saw(b"hello from our client")), theirs.output

            assert b"".join(ours.received) == b"hello from s_server\n"
            assert ours.srtp_profile == code
            assert ours.srtp_material() == keymat(theirs.output)
            assert driver.largest <= mtu
            ours.close(0.0)
            assert driver.run(lambda: theirs.saw(b"DONE") or theirs.saw(b"shutting down")), theirs.output
        finally:
            driver.close()


def as_server(
    folder: Path,
    *,
    kind: str,
    their_kind: str,
    mtu: int = 1200,
    profile: str = "SRTP_AES128_CM_SHA1_80",
    cookies: bool = False,
    arguments: tuple[str, ...] = (),
) -> Watched:
    """Our server against `s_client`: handshake, SRTP keys, data both ways, end."""
    who = keys.identity(their_kind, "openssl")
    code, length = PROFILES[profile]
    ours = make(SERVER, who=who, kind=kind, mtu=mtu, cookies=cookies)
    driver = UdpDriver(ours)
    line = ["-connect", f"127.0.0.1:{driver.port}", "-mtu", str(mtu), "-timeout", "-use_srtp", profile]
    line += ["-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", str(length), *arguments]
    try:
        with openssl("s_client", who, folder, *line) as theirs:
            assert driver.run(lambda: ours.connected), theirs.saw(b"") or theirs.output
            assert driver.run(lambda: theirs.saw(b"Keying material: ")), theirs.output
            ours.send(b"hello from our server\n")
            theirs.type(b"hello from s_client")
            assert driver.run(lambda: bool(ours.received) and theirs.saw(b"hello from our server")), theirs.output

            assert b"".join(ours.received) == b"hello from s_client\n"
            assert ours.srtp_profile == code
            assert ours.srtp_material() == keymat(theirs.output)
            assert theirs.saw(b"Extended master secret: yes")
            assert driver.largest <= mtu
            theirs.type(b"Q")
            assert driver.run(lambda: ours.closed), theirs.output
    finally:
        driver.close()
    return ours


@KINDS
@MTUS
@pytest.mark.parametrize("their_kind", ["ecdsa", "rsa"])
def test_our_client_and_s_server(tmp_path: Path, kind: str, their_kind: str, mtu: int) -> None:
    as_client(tmp_path, kind=kind, their_kind=their_kind, mtu=mtu)


@KINDS
@MTUS
@pytest.mark.parametrize("their_kind", ["ecdsa", "rsa"])
@pytest.mark.parametrize("cookies", [False, True])
def test_our_server_and_s_client(tmp_path: Path, kind: str, their_kind: str, mtu: int, cookies: bool) -> None:
    as_server(tmp_path, kind=kind, their_kind=their_kind, mtu=mtu, cookies=cookies)


def test_our_client_answers_the_stateless_cookie_of_s_server(tmp_path: Path) -> None:
    as_client(tmp_path, kind="ecdsa", their_kind="ecdsa", arguments=("-listen",))


@pytest.mark.parametrize("profile", PROFILES)
def test_srtp_profiles(tmp_path: Path, profile: str) -> None:
    as_client(tmp_path, kind="ecdsa", their_kind="ecdsa", profile=profile)
    as_server(tmp_path, kind="ecdsa", their_kind="ecdsa", profile=profile)


@pytest.mark.parametrize("suite", sorted(keys.SUITES))
def test_every_suite(tmp_path: Path, suite: int) -> None:
    kind = keys.SUITES[suite].certificate
    cipher = CIPHERS[suite].decode()
    as_client(tmp_path, kind="ecdsa", their_kind=kind, arguments=("-cipher", cipher))
    ours = as_server(tmp_path, kind=kind, their_kind="ecdsa", arguments=("-cipher", cipher))

    assert ours.suite == suite


@pytest.mark.parametrize("group", ["X25519", "P-256", "P-384"])
def test_every_group(tmp_path: Path, group: str) -> None:
    as_client(tmp_path, kind="rsa", their_kind="rsa", arguments=("-groups", group))
    as_server(tmp_path, kind="rsa", their_kind="rsa", arguments=("-groups", group))


def test_a_client_of_both_versions_is_answered_in_1_2(tmp_path: Path) -> None:
    """Its hello with a share for a group of the future comes in two datagrams."""
    as_client(tmp_path, kind="ecdsa", their_kind="ecdsa", versions=(Version.DTLS_1_3, Version.DTLS_1_2))
