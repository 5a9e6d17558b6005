"""One side of a connection full of data channels. See :rfc:`8831` and :rfc:`8832`."""

from collections.abc import Callable, Iterable
from typing import Final

import rtc_sctp
from rtc_sctp import Association

from .channel import ChannelCloseReason, DataChannel, Priority
from .config import DataChannelConfig
from .counts import StreamCounts
from .errors import StateError
from .events import EndpointClosed, Event
from .inbound import Inbound
from .lifecycle import Lifecycle
from .outbound import Outbound
from .partial import PartialMessages
from .payload import Data
from .state import ChannelState, EndpointInput, EndpointState
from .stats import EndpointStats
from .streams import MAX_STREAM_ID
from .table import ChannelTable, Trace

_MAX_PENDING_EVENTS: Final = 100_000
"""Events that may wait to be taken; the peer's packets are dropped beyond."""


class DataChannelEndpoint:
    """Channels over one SCTP association, which it owns and drives.

    Its datagrams are SCTP packets, to be carried by DTLS. The loop: hand in what arrived (``receive_datagrams``), call
    ``handle_timeout`` when ``next_timeout`` is reached, and after every call drain ``events`` and
    ``datagrams_to_send``. Commands only queue.

    Args:
        config: Settings; the defaults suit WebRTC.
        rng: Source of random bytes, such as ``os.urandom``.
        trace: Called with structured records of what happens; changes nothing.
    """

    __slots__ = ("_association", "_config", "_inbound", "_lifecycle", "_outbound", "_started", "_stats", "_table")

    def __init__(
        self,
        *,
        rng: Callable[[int], bytes],
        config: DataChannelConfig | None = None,
        trace: Trace | None = None,
    ) -> None:
        self._config = config or DataChannelConfig()
        self._started = False
        """Whether the role is known and the association was told to connect; stays True to the end."""
        self._stats = EndpointStats()
        self._association = Association(config=self._config.for_association(), rng=rng, trace=trace)
        self._table = ChannelTable(
            max_channels=self._config.max_channels,
            counts=StreamCounts(most=self._config.max_streams),
            partials=PartialMessages(capacity=self._config.for_association().receive_buffer_size),
            stats=self._stats,
            trace=trace,
        )
        self._inbound = Inbound(
            association=self._association, table=self._table, config=self._config, stats=self._stats
        )
        self._outbound = Outbound(association=self._association, table=self._table, config=self._config)
        self._lifecycle = Lifecycle(
            association=self._association,
            table=self._table,
            inbound=self._inbound,
            outbound=self._outbound,
            trace=trace,
        )

    # --- what it is ---

    @property
    def state(self) -> EndpointState:
        """Where the endpoint is in its life."""
        return self._lifecycle.state

    @property
    def closed(self) -> bool:
        """Whether it ended; inputs are then ignored and commands raise."""
        return self._lifecycle.ended

    @property
    def stats(self) -> EndpointStats:
        """A snapshot of the counters; drops of the association are among them."""
        dropped = dict(self._association.stats.dropped)
        for reason, count in self._stats.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
        return EndpointStats(
            channels_opened=self._stats.channels_opened, channels_closed=self._stats.channels_closed, dropped=dropped
        )

    @property
    def association_stats(self) -> rtc_sctp.AssociationStats:
        """The counters of the association below."""
        return self._association.stats

    @property
    def channels(self) -> list[DataChannel]:
        """The channels that are not closed and have an identifier, in the order in which they came."""
        return list(self._table.by_id.values())

    @property
    def max_channels(self) -> int | None:
        """Identifiers are below this; ``None`` until the association is up. Grows when channels need it and the peer agrees."""
        return self._table.counts.limit if self._lifecycle.state is EndpointState.CONNECTED else None

    @property
    def max_message_size(self) -> int:
        """Longest message this side accepts, to be announced to the peer."""
        return self._config.max_message_size

    @property
    def remote_max_message_size(self) -> int:
        """Longest message the peer accepts, 0 for any; may be set when its description arrives."""
        return self._outbound.remote_limit

    @remote_max_message_size.setter
    def remote_max_message_size(self, size: int) -> None:
        if size < 0:
            raise ValueError("remote_max_message_size is 0 for unlimited, or positive")
        self._outbound.remote_limit = size

    def channel(self, channel_id: int) -> DataChannel | None:
        """The channel with this identifier that is not closed, if any."""
        return self._table.by_id.get(channel_id)

    def buffered_amount(self, channel: DataChannel) -> int:
        """Bytes of the application that were queued on the channel and not yet sent; 0 once it is closed."""
        if channel.id is None or channel not in self._table:
            return 0
        unsent = self._association.buffered_amount(channel.id)
        return channel.account.user_bytes(unsent, channel.stats.bytes_sent)

    # --- commands ---

    def start(self, now: float, *, client: bool, remote_port: int | None = None) -> None:
        """Set the association up; call ``datagrams_to_send`` next.

        Both sides start. Channels that were created before get their identifiers now.

        Args:
            now: Seconds.
            client: Whether this side is the DTLS client; its channels then have even identifiers, odd ones otherwise.
            remote_port: The peer's SCTP port if its description named another than the configuration.

        Raises:
            StateError: It was started before.
        """
        self._lifecycle.step(EndpointInput.START)
        self._table.now = max(self._table.now, now)
        self._started = True
        self._table.assign_ids(client=client)
        self._association.connect(now, remote_port=remote_port)

    def create_channel(
        self,
        label: str = "",
        *,
        ordered: bool = True,
        max_retransmits: int | None = None,
        max_packet_life_time_ms: int | None = None,
        protocol: str = "",
        negotiated: bool = False,
        channel_id: int | None = None,
        priority: int = Priority.NORMAL,
    ) -> DataChannel:
        """Create a channel; ``ChannelOpened`` tells when the peer knows it. Only queues.

        Messages may be sent as soon as the association is up, before ``ChannelOpened``.

        Args:
            label: Any text up to 65,535 bytes of UTF-8.
            ordered: Whether messages arrive in order.
            max_retransmits: How often a lost message is sent again; ``None`` for reliability.
            max_packet_life_time_ms: For how many milliseconds a message is sent; ``None`` for reliability.
            protocol: Name of the subprotocol, or empty.
            negotiated: The application agrees on the channel with the peer by itself; both sides create it with one
                ``channel_id``, and nothing is announced.
            channel_id: Stream identifier, 0 to 65,534, of a negotiated channel; must be ``None`` otherwise.
            priority: Weight against other channels, see ``Priority``.

        Raises:
            StateError: The endpoint is closing or closed.
            ValueError: An argument is out of range, or both limits are given.
            StreamUnavailableError: The stream is taken, or there is none and the peer adds none.

        See :rfc:`8831#section-6.5`.
        """
        if self._lifecycle.state in (EndpointState.CLOSING, EndpointState.CLOSED, EndpointState.FAILED):
            raise StateError(f"the endpoint is {self._lifecycle.state.value}")
        if negotiated is (channel_id is None):
            raise ValueError("a negotiated channel needs its channel_id, any other gets one")
        if channel_id is not None and not 0 <= channel_id <= MAX_STREAM_ID:
            raise ValueError(f"channel_id is 0 to {MAX_STREAM_ID}")
        # [rfc8831:6.5/2] The options are the same whoever negotiates.
        channel = DataChannel(
            label,
            protocol=protocol,
            ordered=ordered,
            max_retransmits=max_retransmits,
            max_packet_life_time_ms=max_packet_life_time_ms,
            negotiated=negotiated,
            channel_id=channel_id,
            priority=priority,
        )
        self._table.add(channel, role_known=self._started)
        if self._lifecycle.state is EndpointState.CONNECTED:
            self._outbound.announce(channel)
            self._outbound.request_streams()
        return channel

    def send(self, channel: DataChannel, data: Data) -> None:
        """Queue one message; call ``datagrams_to_send`` next.

        Args:
            channel: Open, or connecting while the association is up.
            data: Text travels as text, bytes as binary; both may be empty.

        Raises:
            StateError: The channel is closing, closed, or of another endpoint, or the association is not up.
            MessageTooLargeError: The peer accepts ``remote_max_message_size`` bytes.
            BufferFullError: The send buffer is full; wait for ``BufferedAmountLow``.
            ValueError: The text has lone surrogates and so no UTF-8 form.

        See :rfc:`8831#section-6.6`.
        """
        stream_id = channel.id
        if (
            self._lifecycle.state is not EndpointState.CONNECTED
            or stream_id is None
            # [rfc8832:4/1] [rfc8832:6/9]
            or (channel.state is not ChannelState.OPEN and not channel.is_announced)
            or self._table.by_id.get(stream_id) is not channel
        ):
            raise self._unsendable(channel)
        self._outbound.send(channel, stream_id, data)

    def _unsendable(self, channel: DataChannel) -> StateError:
        if self._lifecycle.state is not EndpointState.CONNECTED:
            return StateError(f"the endpoint is {self._lifecycle.state.value}")
        if channel.id in self._table.waiting:
            return StateError("the channel waits for its streams")
        if channel in self._table or channel.state is ChannelState.CLOSED:
            return StateError(f"the channel is {channel.state.value}")
        return StateError("the channel is of another endpoint")

    def set_buffered_amount_low_threshold(self, channel: DataChannel, threshold: int) -> None:
        """Say at how many unsent bytes ``BufferedAmountLow`` shall tell; 0 at first.

        Raises:
            StateError: The channel is closed, or of another endpoint.
            ValueError: ``threshold`` is negative.
        """
        if threshold < 0:
            raise ValueError("the threshold is not negative")
        if channel not in self._table:
            raise StateError("the channel is closed, or of another endpoint")
        channel.buffered_amount_low_threshold = threshold
        if channel.id is not None:
            self._association.set_buffered_amount_low_threshold(channel.id, threshold)
            unsent = self._association.buffered_amount(channel.id)
            channel.account.threshold_changed(threshold, unsent, channel.stats.bytes_sent)

    def add_unread(self, difference: int) -> None:
        """Tell that the application holds more messages unread than before, or less; the peer's window follows.

        Messages that ``events`` returned count as read unless this says otherwise. Flush next. What is said while there
        is no association, or read of one that ended or began anew, does not count.

        Args:
            difference: Bytes; negative when messages were read.
        """
        self._lifecycle.add_unread(difference)

    def close_channel(self, channel: DataChannel) -> None:
        """Close a channel after everything queued on it was sent. Only queues; ``ChannelClosed`` tells when it ended.

        Raises:
            StateError: It is closing or closed, or of another endpoint.

        See :rfc:`8831#section-6.7`.
        """
        if channel not in self._table:
            raise StateError("the channel is closed, or of another endpoint")
        self._table.close(channel, announced=self._lifecycle.state is EndpointState.CONNECTED)
        self._outbound.request_resets()

    def path_changed(self, now: float) -> None:
        """Say that datagrams go another way from now on, as after an ICE restart: what was learnt of the path is forgotten.

        See :rfc:`8831#section-5`.
        """
        # [rfc8831:5/2] [rfc8831:5/3]
        self._table.now = max(self._table.now, now)
        self._association.path_changed(now)

    def close(self, now: float) -> None:
        """End the association once everything queued was delivered; ``EndpointClosed`` tells when. Idempotent."""
        self._table.now = max(self._table.now, now)
        if self._lifecycle.state is EndpointState.CLOSING or self.closed:
            return
        self._lifecycle.step(EndpointInput.CLOSE)
        if self._started:
            self._association.close(now)
            self._lifecycle.translate()
        else:
            self._table.end_all(ChannelCloseReason.ASSOCIATION_CLOSED, "", resets_go_on=False)
            self._table.events.append(EndpointClosed(by_peer=False))

    def abort(self, now: float, message: bytes = b"") -> None:
        """End the association at once; what was queued is lost. Idempotent.

        Args:
            now: Seconds.
            message: Words for the peer.
        """
        self._table.now = max(self._table.now, now)
        if self.closed:
            return
        if self._started:
            self._association.abort(now, message)
            self._lifecycle.translate()
        else:
            self.close(now)

    # --- the machine ---

    def receive_datagram(self, datagram: bytes, now: float) -> None:
        """Take one SCTP packet from the peer. Never raises for what it holds."""
        self.receive_datagrams((datagram,), now)

    def receive_datagrams(self, datagrams: Iterable[bytes], now: float) -> None:
        """Take all SCTP packets that arrived together: the fast path."""
        self._table.now = max(self._table.now, now)
        if not self._started:
            for _ in datagrams:
                self._stats.drop("not_started")
            return
        if len(self._table.events) > _MAX_PENDING_EVENTS:
            for _ in datagrams:
                self._stats.drop("events_not_taken")
            return
        self._lifecycle.count_untaken()
        self._association.receive_datagrams(datagrams, now)
        self._lifecycle.translate()

    def handle_timeout(self, now: float) -> None:
        """Do what is due; call at or after ``next_timeout``."""
        self._table.now = max(self._table.now, now)
        self._association.handle_timeout(now)
        self._lifecycle.translate()
        self._inbound.expire(self._table.now)
        self._outbound.request_resets()

    def datagrams_to_send(self, now: float) -> list[bytes]:
        """Drain the SCTP packets to send; call after every other call."""
        self._table.now = max(self._table.now, now)
        self._lifecycle.count_untaken()
        # [rfc8831:6.6/9] Whatever the windows allow leaves now; nothing waits for more to fill a packet.
        datagrams = self._association.datagrams_to_send(now)
        self._lifecycle.translate()
        return datagrams

    def events(self) -> list[Event]:
        """Drain what happened; call after every other call."""
        table = self._table
        events, table.events = table.events, []
        table.untaken = 0
        self._lifecycle.count_untaken()
        return events

    def next_timeout(self) -> float | None:
        """When ``handle_timeout`` is due, on the clock of ``now``; ``None`` for never."""
        due = self._association.next_timeout()
        early = self._inbound.next_deadline()
        if due is None or early is None:
            return early if due is None else due
        return min(due, early)
