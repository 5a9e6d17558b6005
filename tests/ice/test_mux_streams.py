"""Accepted streams at one port: they wait until they have said whom they are for, and not for long."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ice.test_mux import HOME, Peer, check
from tests.support.effort import examples

from rtc_ice import Multiplexer, Refused, Routed, StreamDoor
from rtc_ice.framing import frame


def door(**settings: float) -> tuple[StreamDoor[Peer], Peer]:
    mux: Multiplexer[Peer] = Multiplexer()
    alice = Peer()
    mux.add("alice", alice)
    return StreamDoor(mux, **settings), alice  # type: ignore[arg-type]  # the test knows them


def enter(waiting: StreamDoor[Peer], now: float = 0.0) -> int:
    number = waiting.accept(now)
    assert number is not None
    return number


FIRST = frame(check("alice", HOME).data)


@pytest.mark.parametrize("cut", [1, 2, 3, 40, len(FIRST)])
def test_a_stream_is_handed_over_with_all_that_it_said(cut: int) -> None:
    waiting, alice = door()
    number = enter(waiting)
    said = FIRST + frame(b"more") + b"\x00"
    found = [waiting.receive(number, said[:cut])]
    if not isinstance(found[0], Routed):
        found.append(waiting.receive(number, said[cut:]))

    (routed,) = [each for each in found if each is not None]
    assert isinstance(routed, Routed)
    assert routed.peer is alice
    assert routed.data == (said if cut < len(FIRST) else said[:cut])
    assert len(waiting) == 0
    assert waiting.dropped == {}


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (frame(check("carol", HOME).data), "unknown-username"),
        (frame(b"\x80" * 20), "unknown-username"),
        (b"GET / HTTP/1.1\r\n", "malformed-frame"),
        (b"\xff\xff", "malformed-frame"),
    ],
)
def test_who_names_nobody_is_turned_away(said: bytes, reason: str) -> None:
    waiting, _ = door()
    number = enter(waiting)

    assert isinstance(waiting.receive(number, said), Refused)
    assert waiting.dropped == {reason: 1}
    assert isinstance(waiting.receive(number, said), Refused)
    assert len(waiting) == 0


def test_who_says_too_little_has_its_time() -> None:
    waiting, _ = door(patience=5.0)
    slow, quick = enter(waiting, 0.0), enter(waiting, 1.0)
    assert waiting.receive(slow, FIRST[:10]) is None
    assert waiting.next_timeout() == 5.0

    assert waiting.expired(4.9) == []
    assert waiting.expired(5.0) == [slow]
    assert waiting.next_timeout() == 6.0
    assert isinstance(waiting.receive(quick, FIRST), Routed)
    assert waiting.next_timeout() is None
    assert waiting.dropped == {"silent-stream": 1}


def test_the_door_holds_so_many_and_no_more() -> None:
    waiting, _ = door(max_waiting=2)
    first = enter(waiting)
    enter(waiting)

    assert waiting.accept(0.0) is None
    assert waiting.dropped == {"stream-limit": 1}
    waiting.leave(first)
    waiting.leave(first)
    assert waiting.accept(0.0) is not None


def test_empty_frames_do_not_fill_the_memory() -> None:
    waiting, _ = door()
    number = enter(waiting)
    answers = [waiting.receive(number, bytes(500)) for _ in range(5)]

    assert [isinstance(answer, Refused) for answer in answers] == [False] * 4 + [True]


def test_a_copy_is_independent() -> None:
    waiting, _ = door()
    number = enter(waiting)
    for twin in (copy.deepcopy(waiting), pickle.loads(pickle.dumps(waiting))):
        assert isinstance(twin.receive(number, FIRST), Routed)
    assert len(waiting) == 1


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=60))
@examples(60)
def test_whatever_is_said_little_is_kept(pieces: list[bytes]) -> None:
    waiting, _ = door()
    number = enter(waiting)
    kept = 0
    for piece in pieces:
        answer = waiting.receive(number, piece)
        kept = 0 if answer is not None else kept + len(piece)
        assert kept <= 2 + 2048
