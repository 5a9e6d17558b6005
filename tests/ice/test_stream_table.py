"""Streams of several owners under one numbering."""

from rtc_ice import StreamTable
from rtc_stun import Address, CloseTransport, OpenTransport, StreamData

SERVER = Address("198.51.100.1", 3478)


def _open(transport_id: int) -> OpenTransport:
    return OpenTransport(transport_id, SERVER, "tcp", None, Address("192.0.2.1", 0))


def test_owners_may_use_the_same_numbers() -> None:
    table: StreamTable[str] = StreamTable()
    assert table.wish("left", _open(0)) == _open(0)
    assert table.wish("right", _open(0)) == _open(1)
    assert (table.find(0), table.find(1)) == (("left", 0), ("right", 0))
    assert table.data("right", [StreamData(0, b"x")]) == [StreamData(1, b"x")]


def test_a_number_is_not_given_twice() -> None:
    table: StreamTable[str] = StreamTable()
    table.add("left", 7)
    table.forget(0)
    assert table.find(0) is None
    assert table.was_numbered(0)
    assert not table.was_numbered(1)
    assert table.add("left", 7) == 1


def test_what_an_owner_says_last_is_written_before_its_stream_is_closed() -> None:
    table: StreamTable[str] = StreamTable()
    table.add("left", 0)
    assert table.wish("left", CloseTransport(0)) == CloseTransport(0)
    assert table.data("right", []) == []
    assert table.data("left", [StreamData(0, b"bye")]) == [StreamData(0, b"bye")]
    assert table.find(0) is None
    assert table.data("left", [StreamData(0, b"too late")]) == []


def test_wishes_and_data_of_forgotten_streams_come_to_nothing() -> None:
    table: StreamTable[str] = StreamTable()
    table.add("left", 0)
    table.forget(0)
    assert table.wish("left", CloseTransport(0)) is None
    assert table.data("left", [StreamData(0, b"x")]) == []
