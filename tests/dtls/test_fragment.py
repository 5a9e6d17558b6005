"""Reassembly of handshake messages against a model: however they are cut, mixed and repeated."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_dtls.errors import ParseError, ProtocolError
from rtc_dtls.fragment import MAX_BUFFERED, MAX_MESSAGE_LENGTH, MAX_MESSAGES_AHEAD, MAX_PIECES, Reassembler
from rtc_dtls.handshake import Fragment, HandshakeMessage, HandshakeType

BODY = st.binary(min_size=1, max_size=60)


def whole(message_seq: int, body: bytes, message_type: int = HandshakeType.CERTIFICATE) -> HandshakeMessage:
    return HandshakeMessage(message_type, message_seq, body, 0)


def drain(reassembler: Reassembler) -> list[tuple[int, bytes]]:
    found = []
    while (message := reassembler.next_message()) is not None:
        found.append((message.message_seq, message.body))
    return found


@given(bodies=st.lists(BODY, min_size=1, max_size=4), data=st.data())
def test_messages_come_whole_and_in_order_whatever_the_pieces(bodies: list[bytes], data: st.DataObject) -> None:
    pieces = []
    for seq, body in enumerate(bodies):
        message = whole(seq, body)
        cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(body) - 1)), max_size=6)) - {len(body)})
        bounds = [0, *cuts, len(body)]
        pieces += [message.fragment(low, high - low) for low, high in itertools.pairwise(bounds)]
        for low, length in data.draw(st.lists(st.tuples(st.integers(0, len(body)), st.integers(0, 60)), max_size=4)):
            pieces.append(message.fragment(low, min(length, len(body) - low)))
    reassembler = Reassembler()
    found = []

    for fragment in data.draw(st.permutations(pieces)):
        reassembler.add(fragment, 0)
        found += drain(reassembler)

    assert found == list(enumerate(bodies))
    assert reassembler._buffered == 0


@given(body=st.binary(min_size=4, max_size=40), data=st.data())
def test_other_bytes_for_the_same_place_are_never_mixed_in(body: bytes, data: st.DataObject) -> None:
    message = whole(0, body)
    half = len(body) // 2
    reassembler = Reassembler()
    reassembler.add(message.fragment(half // 2, half), 0)
    low = data.draw(st.integers(half // 2, half // 2 + half - 1))
    wrong = bytes([body[low] ^ data.draw(st.integers(1, 255))])

    with pytest.raises(ProtocolError):
        reassembler.add(Fragment(message.message_type, len(body), 0, low, wrong), 0)
    reassembler.add(message.fragment(0, len(body)), 0)

    assert drain(reassembler) == [(0, body)]


def test_what_is_held_is_bounded_in_every_direction() -> None:
    reassembler = Reassembler()

    assert reassembler.add(whole(MAX_MESSAGES_AHEAD, b"x").fragment(0, 1), 0) == "handshake_too_far_ahead"
    with pytest.raises(ProtocolError):
        reassembler.add(Fragment(11, MAX_MESSAGE_LENGTH + 1, 0, 0, b"x"), 0)
    for offset in range(0, 4 * MAX_PIECES, 2):
        reassembler.add(Fragment(11, MAX_MESSAGE_LENGTH, 0, offset, b"x"), 0)
    assert reassembler._buffered == MAX_PIECES
    full = Reassembler()
    reasons = [full.add(Fragment(11, MAX_MESSAGE_LENGTH, seq, 0, bytes(2**15)), 0) for seq in range(1, 7)]
    assert full._buffered <= MAX_BUFFERED
    assert reasons[-1] == "handshake_buffer_full"


def test_protected_fragment_takes_the_place_of_a_plaintext_one_and_not_the_other_way_round() -> None:
    reassembler = Reassembler()
    reassembler.add(Fragment(11, 4, 0, 0, b"ev"), 0)
    reassembler.add(Fragment(20, 3, 0, 0, b"ab"), 1)

    assert reassembler.add(Fragment(11, 4, 0, 2, b"il"), 0) == "handshake_mixed_epochs"
    reassembler.add(Fragment(20, 3, 0, 2, b"c"), 1)
    message = reassembler.next_message()

    assert message is not None
    assert (message.message_type, message.body, message.epoch) == (20, b"abc", 1)


def test_server_that_waits_for_its_first_hello_takes_the_newest_of_contradicting_ones() -> None:
    reassembler = Reassembler(in_order=False)
    hello = HandshakeType.CLIENT_HELLO
    for fragment in (
        Fragment(hello, 10, 0, 0, b"old"),
        Fragment(hello, 11, 0, 0, b"another"),
        Fragment(hello, 11, 0, 0, b"ANOTHER"),
        Fragment(hello, 5, 0, 0, b"right"),
    ):
        assert reassembler.add(fragment, 0) is None

    assert drain(reassembler) == [(0, b"right")]
    assert reassembler._buffered == 0


def test_server_whose_buffer_was_filled_by_others_still_takes_a_hello() -> None:
    reassembler = Reassembler(in_order=False)
    for seq in range(6):
        reassembler.add(Fragment(HandshakeType.CLIENT_HELLO, MAX_MESSAGE_LENGTH, seq, 0, bytes(2**15)), 0)

    assert reassembler.add(Fragment(HandshakeType.CLIENT_HELLO, 5, 6, 0, b"right"), 0) is None
    assert drain(reassembler) == [(6, b"right")]


@given(data=st.binary(max_size=40))
def test_fragment_header_of_any_bytes_parses_or_is_a_parse_error(data: bytes) -> None:
    try:
        fragment, end = Fragment.parse(data)
    except ParseError:
        return

    assert bytes(fragment) == data[:end]
    assert fragment.offset + len(fragment.data) <= fragment.length
