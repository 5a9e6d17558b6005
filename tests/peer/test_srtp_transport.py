"""SRTP on a transport: keys of the handshake or nothing, and nothing that is not authentic."""

import copy

import pytest
from tests.peer.pair import Pair

import rtc_dtls
from rtc_dtls import DtlsConnection
from rtc_peer.journal import Journal
from rtc_peer.srtp_transport import MAX_EARLY_PACKETS, MAX_REPEATABLE_PACKETS, SrtpTransport
from rtc_rtp import RtpPacket
from rtc_srtp import ProtectionProfile

RTCP = bytes.fromhex("80c9000100000007")
"""An empty receiver report."""


class Without(DtlsConnection):
    """A connection whose handshake agreed on no profile."""

    def srtp_keying_material(self) -> rtc_dtls.SrtpKeyingMaterial:
        raise rtc_dtls.StateError("no SRTP profile was negotiated")


def _connections() -> tuple[DtlsConnection, DtlsConnection]:
    """The ends of an association that has shaken hands."""
    pair = Pair().connect()
    left, right = (side.machine._layers.transports.transports[0].dtls.connection for side in pair.sides)
    assert left is not None
    assert right is not None
    return left, right


def _keyed() -> tuple[SrtpTransport, SrtpTransport, Journal]:
    """Two ends with keys, and the counters of the second."""
    journal = Journal(trace=None, now=0.0)
    left, right = SrtpTransport(Journal(trace=None, now=0.0)), SrtpTransport(journal)
    for transport, connection in zip((left, right), _connections(), strict=True):
        assert transport.key(connection)
    return left, right, journal


def _packet(sequence_number: int, payload: bytes = b"payload") -> bytes:
    return RtpPacket(96, sequence_number, 0, 7, payload).serialize()


@pytest.mark.spec("rfc8834:4.2/3", "rfc8834:4.5/1")
@pytest.mark.spec("rfc8827:6.5/1")
def test_rtp_and_rtcp_are_protected_in_both_directions() -> None:
    left, right, _ = _keyed()
    plain = [_packet(1), RTCP, _packet(2)]

    for sender, receiver in ((left, right), (right, left)):
        protected = sender.protect(plain)
        assert all(payload not in each for each in protected for payload in (b"payload",))
        assert receiver.unprotect(protected) == plain
    assert left.profile is right.profile is ProtectionProfile.AEAD_AES_128_GCM


@pytest.mark.spec("rfc8834:4.2/2")
@pytest.mark.spec("rfc8827:6.5/5")
def test_without_keys_nothing_leaves() -> None:
    transport = SrtpTransport(Journal(trace=None, now=0.0))

    assert transport.protect([_packet(1), RTCP]) == []
    assert transport.profile is None


@pytest.mark.spec("rfc5764:5.1/1")
def test_what_comes_before_the_keys_waits_unread_and_within_bounds() -> None:
    journal = Journal(trace=None, now=0.0)
    transport = SrtpTransport(journal)
    packets = [_packet(number) for number in range(MAX_EARLY_PACKETS + 5)]

    assert transport.unprotect(packets) == []
    assert transport.take_early() == packets[:MAX_EARLY_PACKETS]
    assert journal.stats.dropped == {"rtp-without-keys": 5}


def test_forged_and_replayed_packets_change_nothing_and_are_counted() -> None:
    left, right, journal = _keyed()
    (protected,) = left.protect([_packet(1)])
    forged = protected[:-1] + bytes([protected[-1] ^ 1])

    assert right.unprotect([forged, protected[:11], b"\x80"]) == []
    assert right.unprotect([protected]) == [_packet(1)]
    assert right.unprotect([protected]) == []
    assert journal.stats.dropped == {"srtp:not authentic": 1, "srtp:malformed": 2, "srtp:replayed": 1}


def test_an_association_without_a_profile_brings_no_media_and_says_so_once() -> None:
    journal = Journal(trace=None, now=0.0)
    transport = SrtpTransport(journal)
    transport.unprotect([_packet(1)])
    config = rtc_dtls.DtlsConfig()
    connection = Without(role=rtc_dtls.Role.CLIENT, config=config, rng=bytes)

    with pytest.raises(rtc_dtls.StateError):
        transport.key(connection)
    assert not transport.key(connection)
    assert transport.protect([_packet(1)]) == []
    assert transport.unprotect([_packet(2)]) == []
    assert transport.take_early() == []
    assert journal.stats.dropped == {"rtp-without-keys": 1}


@pytest.mark.spec("rfc5764:5.1.2/3")
def test_a_new_association_has_new_keys_and_no_memory() -> None:
    left, right, journal = _keyed()
    old = left.protect([_packet(1)])
    for transport, connection in zip((left, right), _connections(), strict=True):
        assert not transport.key(connection), "keys are taken once"
        transport.unkey()
        assert transport.protect([_packet(2)]) == []
        assert transport.key(connection)

    assert right.unprotect(left.protect([_packet(1)])) == [_packet(1)]
    assert right.unprotect(old) == []
    assert sum(journal.stats.dropped.values()) == 1


def test_an_index_is_never_used_for_two_packets() -> None:
    left, _, _ = _keyed()

    assert len(left.protect([_packet(1, b"one")])) == 1
    assert left.protect([_packet(1, b"two")]) == []
    assert left.protect([_packet(1, b"one")]) == []


def test_what_is_sent_again_without_a_repair_stream_is_the_same_to_the_bit() -> None:
    left, right, _ = _keyed()
    left.repeating = frozenset({(7).to_bytes(4, "big")})
    first = left.protect([_packet(1)])

    assert left.protect([_packet(1)]) == first
    assert left.protect([_packet(1, b"another")]) == []
    for number in range(2, 2 * MAX_REPEATABLE_PACKETS):
        left.protect([_packet(number)])
    assert left.protect([_packet(1)]) == []
    assert len(left._repeatable) == MAX_REPEATABLE_PACKETS
    assert right.unprotect(first) == [_packet(1)]


def test_a_copy_goes_on_alike() -> None:
    left, right, _ = _keyed()
    right.unprotect(left.protect([_packet(1)]))
    twin = copy.deepcopy(left)

    assert twin.protect([_packet(2)]) == left.protect([_packet(2)])
