"""What of a stream's unsent bytes is the application's."""

from hypothesis import given
from hypothesis import strategies as st

from rtc_datachannel.account import SendAccount


def test_dcep_ahead_of_a_message_is_not_the_applications() -> None:
    account = SendAccount()
    account.add_overhead(12, 0)

    assert account.user_bytes(112, 100) == 100
    assert account.user_bytes(105, 100) == 100
    assert account.user_bytes(40, 100) == 40


def test_a_flood_of_empty_messages_is_one_entry() -> None:
    account = SendAccount()
    for _ in range(1000):
        account.add_overhead(1, 0)

    assert account.user_bytes(1000, 0) == 0
    assert account.user_bytes(1, 0) == 0


def test_a_stream_becomes_low_once_for_what_was_queued() -> None:
    account = SendAccount()
    account.add_overhead(12, 0)

    assert [account.became_low(queued) for queued in (0, 5, 5, 6)] == [False, True, False, True]


def test_another_threshold_makes_news_of_what_is_still_unsent_and_of_nothing_else() -> None:
    account = SendAccount()
    assert account.became_low(100)

    account.threshold_changed(39, 40, 100)
    assert account.became_low(100)
    account.threshold_changed(40, 40, 100)
    assert not account.became_low(100)
    account.add_overhead(12, 100)
    account.threshold_changed(11, 12, 100)
    assert not account.became_low(100)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9)), max_size=20), st.data())
def test_it_agrees_with_counting_byte_by_byte(queued: list[tuple[bool, int]], data: st.DataObject) -> None:
    account = SendAccount()
    stream = ""
    for is_message, length in queued:
        if not is_message:
            account.add_overhead(length, stream.count("m"))
        stream += ("m" if is_message else "o") * length

    sent = 0
    while sent < len(stream):
        sent = data.draw(st.integers(sent + 1, len(stream)))
        assert account.user_bytes(len(stream) - sent, stream.count("m")) == stream[sent:].count("m")
