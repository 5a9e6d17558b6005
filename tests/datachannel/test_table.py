"""The table of channels where the associations of the other tests never lead: refused resets."""

from rtc_datachannel import ChannelClosed, ChannelState, DataChannel, EndpointStats
from rtc_datachannel.counts import StreamCounts
from rtc_datachannel.partial import PartialMessages
from rtc_datachannel.table import ChannelTable


def table_with_channel() -> tuple[ChannelTable, DataChannel]:
    """A table with one open channel on stream 4."""
    table = ChannelTable(
        max_channels=10,
        counts=StreamCounts(most=10),
        partials=PartialMessages(capacity=0),
        stats=EndpointStats(),
        trace=None,
    )
    channel = DataChannel("x", negotiated=True, channel_id=4)
    table.add(channel, role_known=True)
    table.confirm(channel)
    table.events.clear()
    return table, channel


def test_a_refused_reset_ends_the_channel_and_costs_the_stream() -> None:
    table, channel = table_with_channel()
    table.close(channel, announced=True)

    table.reset_failed(4)

    assert [type(event) for event in table.events] == [ChannelClosed]
    assert table.pairs.is_taken(4)


def test_a_channel_closes_at_once_on_a_stream_whose_reset_was_refused_before() -> None:
    table, channel = table_with_channel()
    table.reset_failed(4)
    states = [channel.state]
    table.close(channel, announced=True)

    assert [*states, channel.state] == [ChannelState.OPEN, ChannelState.CLOSED]
    assert table.wanted_resets == []
