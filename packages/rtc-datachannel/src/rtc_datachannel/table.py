"""The channels of an endpoint: which exist, how they come, and how they go. See :rfc:`8831#section-6.5` and 6.7."""

from collections.abc import Callable, Mapping

from .channel import ChannelCloseReason, DataChannel
from .counts import StreamCounts
from .errors import StateError, StreamUnavailableError
from .events import ChannelClosed, ChannelClosing, ChannelOpened, ChannelReceived, Event
from .partial import PartialMessages
from .state import ChannelInput, ChannelState
from .stats import EndpointStats
from .streams import StreamPairs

Trace = Callable[[float, str, Mapping[str, object]], None]
"""Takes the time, the name of what happened such as ``datachannel:channel_state_changed``, and plain data about it."""


class ChannelTable:
    """Keeps channels and stream pairs in step, and reports every change as an event.

    It sends nothing: streams to reset gather in ``wanted_resets`` until the endpoint hands them to the association.
    """

    __slots__ = (
        "_opened",
        "_peer_text",
        "_stats",
        "_trace",
        "_unassigned",
        "by_id",
        "can_reset",
        "counts",
        "events",
        "max_channels",
        "now",
        "pairs",
        "partials",
        "peer_text_size",
        "receiving",
        "untaken",
        "waiting",
        "wanted_resets",
    )

    def __init__(
        self,
        *,
        max_channels: int,
        counts: StreamCounts,
        partials: PartialMessages,
        stats: EndpointStats,
        trace: Trace | None,
    ) -> None:
        self.now = 0.0
        """The latest time the endpoint has seen."""
        self.max_channels = max_channels
        self.counts = counts
        self.can_reset = True
        """Whether the peer knows stream resets."""
        self.pairs = StreamPairs()
        # [rfc8831:6.1/2]
        self.by_id: dict[int, DataChannel] = {}
        self.waiting: dict[int, DataChannel] = {}
        """Those of them whose streams are still to be added."""
        self.receiving: dict[int, DataChannel] = {}
        """The channels whose messages go to the application without further thought."""
        self.partials = partials
        """Pieces of messages of open channels."""
        self.events: list[Event] = []
        self.untaken = 0
        """Bytes of the messages among the events."""
        self.wanted_resets: list[int] = []
        self.peer_text_size = 0
        """Bytes of labels and protocols of the peer's channels."""
        self._unassigned: list[DataChannel] = []
        self._peer_text: dict[int, int] = {}
        self._stats = stats
        self._trace = trace

    def __len__(self) -> int:
        return len(self.by_id) + len(self._unassigned)

    def __contains__(self, channel: DataChannel) -> bool:
        return channel in self._unassigned if channel.id is None else self.by_id.get(channel.id) is channel

    # --- coming ---

    def add(self, channel: DataChannel, *, role_known: bool) -> None:
        """Take in a channel of this side.

        Raises:
            StreamUnavailableError: There are too many channels, or its stream is taken or beyond the limit.
        """
        if len(self) >= self.max_channels:
            raise StreamUnavailableError(f"there are {self.max_channels} channels already")
        if channel.id is not None:
            if channel.id >= self.counts.reach:
                raise StreamUnavailableError(f"the association has {self.counts.limit} streams")
            self.pairs.take(channel.id)
        elif role_known:
            channel.id = self.pairs.allocate(self.counts.reach)
        else:
            self._unassigned.append(channel)
            return
        self.by_id[channel.id] = channel
        if channel.id >= self.counts.limit:
            self._await_streams(channel, channel.id)

    def assign_ids(self, *, client: bool) -> None:
        """Learn the role, and number the channels that were created without it, in their order."""
        self.pairs.set_role(client=client)
        waiting, self._unassigned = self._unassigned, []
        for channel in waiting:
            try:
                channel.id = self.pairs.allocate(self.counts.limit)
            except StreamUnavailableError:
                self._end(channel, ChannelInput.DISCARD, ChannelCloseReason.NO_STREAM)
            else:
                self.by_id[channel.id] = channel

    def connect(self, *, can_reset: bool) -> list[DataChannel]:
        """Learn what the association offers; returns the channels that may open, in the order of their creation."""
        self.can_reset = can_reset
        for stream_id, channel in list(self.by_id.items()):
            if stream_id >= self.counts.reach:
                self._lose_stream(channel, stream_id)
            elif stream_id >= self.counts.limit:
                self._await_streams(channel, stream_id)
        return [channel for channel in self.by_id.values() if channel.id not in self.waiting]

    def _await_streams(self, channel: DataChannel, stream_id: int) -> None:
        self.waiting[stream_id] = channel
        self.counts.want(stream_id + 1)

    def streams_were_added(self) -> list[DataChannel]:
        """There are more streams; returns the channels that waited for them."""
        ready = [stream_id for stream_id in self.waiting if stream_id < self.counts.limit]
        return [self.waiting.pop(stream_id) for stream_id in ready]

    def streams_were_refused(self) -> None:
        """There will be no more streams: the channels that wait for them end."""
        self.counts.refuse()
        for stream_id, channel in list(self.waiting.items()):
            self._lose_stream(channel, stream_id)

    def _lose_stream(self, channel: DataChannel, stream_id: int) -> None:
        self.pairs.release(stream_id)
        self._end(channel, ChannelInput.DISCARD, ChannelCloseReason.NO_STREAM)

    def claim(self, stream_id: int) -> bool:
        """Occupy a pair for a channel the peer wants to open; returns whether it was free for that.

        A pair that lacks only the confirmation of our reset counts as free: the peer must have seen that reset.
        """
        if self.pairs.awaits_confirmation_only(stream_id):
            if (channel := self.by_id.get(stream_id)) is not None:
                self._end(channel, ChannelInput.STREAMS_RESET)
            self.pairs.renew(stream_id)
            return True
        if self.pairs.is_taken(stream_id):
            return False
        self.pairs.take(stream_id)
        return True

    def accept(self, channel: DataChannel, stream_id: int, text_size: int) -> None:
        """Take in a channel of the peer, on a pair that was claimed."""
        self.by_id[stream_id] = channel
        self._peer_text[stream_id] = text_size
        self.peer_text_size += text_size
        self._open(channel, stream_id)
        self.events.append(ChannelReceived(channel))

    def reject(self, stream_id: int) -> None:
        """Give a claimed pair up again: reset our side of it, which tells the peer so."""
        # [rfc8832:6/7]
        self._want_reset(stream_id)

    def confirm(self, channel: DataChannel) -> None:
        """The peer knows the channel."""
        if channel.id is not None:
            self._open(channel, channel.id)
            self.events.append(ChannelOpened(channel))

    def _open(self, channel: DataChannel, stream_id: int) -> None:
        channel.step(ChannelInput.CONFIRMED)
        self.receiving[stream_id] = channel
        self._stats.channels_opened += 1
        self._report(channel)

    # --- going ---

    def close(self, channel: DataChannel, *, announced: bool) -> None:
        """The application closes a channel; one of which the peer never heard ends at once.

        Raises:
            StateError: It is closing or closed.
        """
        if channel.state in (ChannelState.CLOSING, ChannelState.CLOSED):
            raise StateError(f"the channel is {channel.state.value} already")
        if announced and channel.id not in self.waiting:
            self._start_closing(channel, ChannelInput.CLOSE, ChannelCloseReason.LOCAL, "")
            return
        if channel.id is None:
            self._unassigned.remove(channel)
        else:
            self.pairs.release(channel.id)
        self._end(channel, ChannelInput.DISCARD, ChannelCloseReason.LOCAL)

    def fail(self, channel: DataChannel, reason: ChannelCloseReason, detail: str) -> None:
        """The peer broke a rule on a channel that is not closing yet: close it."""
        self._start_closing(channel, ChannelInput.CLOSE, reason, detail)

    def refuse(self, stream_id: int) -> None:
        """The peer sent data on a stream that is no channel's: close what it takes for one."""
        # [rfc8832:6/13]
        if stream_id < self.counts.limit and not self.pairs.is_taken(stream_id):
            self.pairs.take(stream_id)
            self._want_reset(stream_id)

    def incoming_was_reset(self, stream_id: int) -> None:
        """The peer reset its stream: answer in kind."""
        channel = self.by_id.get(stream_id)
        if self.pairs.incoming_was_reset(stream_id):
            if channel is not None:
                self._end(channel, ChannelInput.STREAMS_RESET)
            return
        # [rfc8831:6.7/2]
        if channel is not None and channel.state is not ChannelState.CLOSING:
            self._peer_closed(channel)

    def outgoing_was_reset(self, stream_id: int) -> None:
        """The peer confirmed the reset of our stream."""
        is_free = self.pairs.outgoing_was_reset(stream_id)
        channel = self.by_id.get(stream_id)
        if channel is None:
            return
        if is_free:
            self._end(channel, ChannelInput.STREAMS_RESET)
        elif channel.state is not ChannelState.CLOSING and self.pairs.is_ending(stream_id):
            # The peer asked for it: see RFC 6525 section 4.2. That closes the channel as much as its own reset would.
            self._peer_closed(channel)

    def reset_failed(self, stream_id: int) -> None:
        """The peer refused to let our stream be reset: the pair is lost, and so is the channel."""
        self.pairs.retire(stream_id)
        channel = self.by_id.get(stream_id)
        if channel is not None and channel.state is ChannelState.CLOSING:
            self._end(channel, ChannelInput.DISCARD)

    def end_all(self, reason: ChannelCloseReason, detail: str, *, resets_go_on: bool) -> None:
        """The association is gone or all its streams were reset, and all channels with it.

        Args:
            reason: Why.
            detail: Why, in a sentence.
            resets_go_on: Whether the peer will still answer the resets of streams that were asked for.
        """
        channels = [*self.by_id.values(), *self._unassigned]
        self._unassigned.clear()
        for channel in channels:
            channel.close_detail = channel.close_detail or detail
            self._end(channel, ChannelInput.ASSOCIATION_ENDED, reason)
        if resets_go_on:
            self.pairs.forget_all_but_requested()
        else:
            self.pairs.forget_all()
            self.wanted_resets.clear()

    def _peer_closed(self, channel: DataChannel) -> None:
        refused = channel.state is ChannelState.CONNECTING
        reason = ChannelCloseReason.REFUSED if refused else ChannelCloseReason.REMOTE
        self._start_closing(channel, ChannelInput.PEER_RESET, reason, "")

    def _start_closing(
        self, channel: DataChannel, happened: ChannelInput, reason: ChannelCloseReason, detail: str
    ) -> None:
        channel.close_reason, channel.close_detail = reason, detail
        stream_id = channel.id
        if stream_id is None:
            return
        self.partials.take(stream_id)
        self.receiving.pop(stream_id, None)
        self._stats.channels_closed += channel.state is ChannelState.OPEN
        channel.step(happened)
        self._report(channel)
        if reason is not ChannelCloseReason.LOCAL:
            self.events.append(ChannelClosing(channel, reason))
        self._want_reset(stream_id)

    def _want_reset(self, stream_id: int) -> None:
        # [rfc8831:6.7/1] [rfc8864:6.6.1/1]
        if not self.can_reset or self.pairs.is_retired(stream_id):
            self.reset_failed(stream_id)
        elif self.pairs.request_reset(stream_id):
            self.wanted_resets.append(stream_id)

    def _end(self, channel: DataChannel, happened: ChannelInput, reason: ChannelCloseReason | None = None) -> None:
        reason = channel.close_reason or reason or ChannelCloseReason.LOCAL
        channel.close_reason = reason
        self._stats.channels_closed += channel.state is ChannelState.OPEN
        channel.step(happened)
        if channel.id is not None:
            self.partials.take(channel.id)
            self.by_id.pop(channel.id, None)
            self.waiting.pop(channel.id, None)
            self.receiving.pop(channel.id, None)
            self.peer_text_size -= self._peer_text.pop(channel.id, 0)
        self._report(channel)
        self.events.append(ChannelClosed(channel, reason))

    def _report(self, channel: DataChannel) -> None:
        if self._trace is not None:
            facts = {"id": channel.id, "label": channel.label, "state": channel.state.value}
            self._trace(self.now, "datachannel:channel_state_changed", facts)
