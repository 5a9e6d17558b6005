"""Which protocol a datagram belongs to."""

import pytest
from rtc_peer import PacketKind, classify

RANGES = [
    (0, 3, PacketKind.STUN),
    (4, 15, PacketKind.UNKNOWN),
    (16, 19, PacketKind.ZRTP),
    (20, 63, PacketKind.DTLS),
    (64, 79, PacketKind.TURN_CHANNEL),
    (80, 127, PacketKind.UNKNOWN),
    (128, 191, PacketKind.RTP),
    (192, 255, PacketKind.UNKNOWN),
]


def test_the_first_byte_decides() -> None:
    kinds = [kind for first, last, kind in RANGES for _ in range(first, last + 1)]

    assert [classify(bytes([value, 0])) for value in range(256)] == kinds


def test_an_empty_datagram_is_of_no_kind() -> None:
    assert classify(b"") is PacketKind.UNKNOWN


@pytest.mark.parametrize("first_byte", [26, 32, 47, 63])
def test_the_records_of_dtls_1_3_are_dtls(first_byte: int) -> None:
    assert classify(bytes([first_byte])) is PacketKind.DTLS
