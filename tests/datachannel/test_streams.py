"""Stream pairs: parity, reuse, and confirmations that come late."""

import pytest

from rtc_datachannel import StreamUnavailableError
from rtc_datachannel.streams import StreamPairs


def pairs(*, client: bool = True) -> StreamPairs:
    made = StreamPairs()
    made.set_role(client=client)
    return made


@pytest.mark.spec("rfc8832:4/2", "rfc8832:4/3", "rfc8832:4/4", "rfc8832:6/5", "rfc8832:6/6")
def test_the_client_gets_even_streams_and_the_server_odd_ones() -> None:
    client, server = pairs(client=True), pairs(client=False)

    assert [client.allocate(100) for _ in range(3)] == [0, 2, 4]
    assert [server.allocate(100) for _ in range(3)] == [1, 3, 5]


def test_negotiated_streams_are_skipped() -> None:
    client = pairs()
    client.take(2)

    assert [client.allocate(100), client.allocate(100)] == [0, 4]


def test_no_stream_is_given_beyond_the_limit() -> None:
    client = pairs()
    client.allocate(2)

    with pytest.raises(StreamUnavailableError):
        client.allocate(2)


@pytest.mark.spec("rfc8831:6.5/1")
def test_a_stream_is_taken_once() -> None:
    client = pairs()
    client.take(7)

    with pytest.raises(StreamUnavailableError):
        client.take(7)


@pytest.mark.spec("rfc8831:6.7/3", "rfc8831:6.7/4")
@pytest.mark.parametrize("outgoing_first", [True, False])
def test_a_pair_is_free_after_both_resets_and_not_before(outgoing_first: bool) -> None:
    client = pairs()
    stream = client.allocate(100)
    client.request_reset(stream)
    steps = [client.outgoing_was_reset, client.incoming_was_reset]

    first, second = steps if outgoing_first else reversed(steps)
    assert not first(stream)
    assert client.is_taken(stream)
    assert second(stream)

    assert client.allocate(100) == stream


def test_a_reset_is_requested_once() -> None:
    client = pairs()
    client.take(3)

    assert client.request_reset(3)
    assert not client.request_reset(3)


def test_freed_streams_are_reused_lowest_first() -> None:
    client = pairs()
    streams = [client.allocate(100) for _ in range(4)]
    for stream in reversed(streams[:3]):
        client.request_reset(stream)
        client.outgoing_was_reset(stream)
        client.incoming_was_reset(stream)

    assert [client.allocate(100) for _ in range(4)] == [0, 2, 4, 8]


def test_a_late_confirmation_of_a_former_life_does_not_close_the_next() -> None:
    server = pairs(client=False)
    server.take(0)
    server.incoming_was_reset(0)
    server.request_reset(0)
    assert server.awaits_confirmation_only(0)
    server.renew(0)
    server.request_reset(0)
    server.incoming_was_reset(0)

    assert not server.awaits_confirmation_only(0)
    assert not server.outgoing_was_reset(0)
    assert server.outgoing_was_reset(0)


def test_a_retired_pair_never_comes_back() -> None:
    client = pairs()
    stream = client.allocate(100)
    client.request_reset(stream)
    client.retire(stream)

    assert not client.incoming_was_reset(stream)
    assert not client.outgoing_was_reset(stream)
    assert client.is_taken(stream)
    assert not client.request_reset(stream)


def test_resets_of_streams_nobody_uses_mean_nothing() -> None:
    client = pairs()

    assert not client.incoming_was_reset(5)
    assert not client.outgoing_was_reset(5)
    assert not client.is_taken(5)


def test_a_new_association_frees_every_pair() -> None:
    client = pairs()
    for _ in range(3):
        client.allocate(100)
    client.take(9)
    client.retire(9)

    client.forget_all()

    assert not client.is_taken(9)
    assert [client.allocate(100) for _ in range(4)] == [0, 2, 4, 6]


def test_all_streams_of_one_parity_can_be_given() -> None:
    server = pairs(client=False)

    given = [server.allocate(65_535) for _ in range(32_767)]

    assert given[-1] == 65_533
    with pytest.raises(StreamUnavailableError):
        server.allocate(65_535)


def test_a_pair_whose_reset_is_under_way_survives_an_association_that_begins_anew() -> None:
    client = pairs()
    idle, waiting, retired = (client.allocate(100) for _ in range(3))
    client.request_reset(waiting)
    client.retire(retired)

    client.forget_all_but_requested()

    assert [client.is_taken(stream) for stream in (idle, waiting, retired)] == [False, True, True]
    assert client.outgoing_was_reset(waiting)
    assert not client.is_taken(waiting)


def test_of_many_identifiers_only_those_that_are_taken_matter() -> None:
    client = pairs()
    taken = [client.allocate(100) for _ in range(2)]

    assert client.taken_among(range(65_535)) == taken
    assert client.taken_among((50, 2)) == [2]
