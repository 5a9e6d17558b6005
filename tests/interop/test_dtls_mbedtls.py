"""Against Mbed TLS (python-mbedtls) in memory, in both roles."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
from tests.dtls.conformance import keys
from tests.dtls.conformance.subject import CLIENT, SERVER, Watched, make
from tests.support.peers import require

from rtc_dtls import Version

if TYPE_CHECKING:
    from tests.interop.mbedtls_peer import MbedTlsPeer

BOTH = pytest.mark.parametrize("role", [CLIENT, SERVER])


def meet(
    role: str,
    *,
    kind: str = "ecdsa",
    their_kind: str = "ecdsa",
    mtu: int = 1200,
    versions: tuple[int, ...] = (Version.DTLS_1_2,),
    patience: float = 0.0,
) -> tuple[Watched, "MbedTlsPeer"]:
    """Our machine in `role` after a handshake with Mbed TLS, which verifies our certificate as one it knows."""
    require(find_spec("mbedtls"), "python-mbedtls is not installed")
    from tests.interop.mbedtls_peer import MbedTlsPeer

    who = keys.identity(their_kind, "mbedtls")
    theirs = MbedTlsPeer(is_client=role == SERVER, who=who, peer=keys.identity(kind, "subject"))
    ours = make(role, who=who, kind=kind, mtu=mtu, versions=versions)
    theirs.shake()
    carry(ours, theirs)
    while not (ours.connected and theirs.connected) and (due := ours.next_timeout()) and due < patience:
        ours.handle_timeout(due)
        carry(ours, theirs, now=due)
    assert theirs.connected
    assert ours.connected
    return ours, theirs


def carry(ours: Watched, theirs: "MbedTlsPeer", *, now: float = 0.0) -> None:
    for _ in range(20):
        inward, outward = theirs.datagrams_to_send(), ours.datagrams_to_send(now)
        for datagram in inward:
            ours.receive_datagram(datagram, now)
        for datagram in outward:
            theirs.receive_datagram(datagram)
        if not inward and not outward:
            return
    raise AssertionError("they never fall silent")


@BOTH
@pytest.mark.parametrize("kind", ["ecdsa", "p384", "rsa"])
@pytest.mark.parametrize("their_kind", ["ecdsa", "p384", "rsa"])
def test_handshake_and_data(role: str, kind: str, their_kind: str) -> None:
    ours, theirs = meet(role, kind=kind, their_kind=their_kind)

    theirs.buffer.write(b"from Mbed TLS")
    carry(ours, theirs)
    ours.send(b"to Mbed TLS")
    (datagram,) = ours.datagrams_to_send(0.0)
    theirs.buffer.receive_from_network(datagram)

    assert ours.received == [b"from Mbed TLS"]
    assert theirs.buffer.read(100) == b"to Mbed TLS"
    assert theirs.buffer.negotiated_tls_version().name == "DTLSv1_2"
    assert theirs.buffer.getpeercert(binary_form=True) == ours.certificate


@BOTH
@pytest.mark.parametrize("their_kind", ["ecdsa", "rsa"])
def test_small_datagrams_work_once_each_message_has_a_record_of_its_own(role: str, their_kind: str) -> None:
    """It overlooks messages that stand behind a fragment; from the fifth transmission on we put none there."""
    ours, _ = meet(role, kind="rsa", their_kind=their_kind, mtu=300, patience=12.0)

    assert ours.connected


def test_its_server_asks_for_a_cookie() -> None:
    ours, _ = meet(CLIENT)

    assert ours.stats.datagrams_sent >= 3


def test_its_server_takes_a_hello_of_both_versions_where_that_fits_a_datagram() -> None:
    """It cannot put hellos together: where paths take less, whoever wants to talk to it offers no hybrid group."""
    ours, _ = meet(CLIENT, mtu=1500, versions=(Version.DTLS_1_3, Version.DTLS_1_2))

    assert ours.connection.version == Version.DTLS_1_2
