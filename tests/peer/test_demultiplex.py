"""Which protocol a datagram belongs to (RFC 7983)."""

import pytest
from tests.peer.pair import Pair

from rtc_peer import PacketKind, classify
from rtc_stun import Datagram

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


@pytest.mark.spec("rfc9143:8.1/1")
def test_class_28_the_first_byte_decides() -> None:
    kinds = [kind for first, last, kind in RANGES for _ in range(first, last + 1)]

    assert [classify(bytes([value, 0])) for value in range(256)] == kinds


def test_an_empty_datagram_is_of_no_kind() -> None:
    assert classify(b"") is PacketKind.UNKNOWN


@pytest.mark.parametrize("first_byte", [26, 32, 47, 63])
def test_class_28_the_records_of_dtls_1_3_are_dtls(first_byte: int) -> None:
    assert classify(bytes([first_byte])) is PacketKind.DTLS


@pytest.mark.spec("rfc9143:8.1/1")
@pytest.mark.spec("rfc7983:7/1", "rfc7983:7/2", "rfc8835:3.5/5")
def test_a_connection_drops_and_counts_what_it_has_no_protocol_for() -> None:
    pair = Pair().connect()
    path = pair.left.machine.transports[0].selected_pair
    assert path is not None
    batch = [Datagram(bytes([value]) + bytes(30), path.local, path.remote) for value in range(256)]

    pair.left.machine.receive_datagrams([*batch, Datagram(b"", path.local, path.remote)], pair.now)
    pair.settle()

    own = {reason: count for reason, count in pair.left.machine.stats.dropped.items() if ":" not in reason}
    assert own == {
        "empty": 1,
        "no-unknown": 12 + 48 + 64,
        "no-zrtp": 4,
        "no-rtp": 64,
    }
    # What may be a TURN server's is shown to ICE, which knows of none.
    assert pair.left.machine.stats.dropped["ice:not-stun"] == 4 + 16
    assert pair.left.machine.connection_state.value == "connected"
