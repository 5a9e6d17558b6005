"""What arrives on a stream: DCEP, messages of channels, and what belongs to no channel."""

from collections.abc import Iterator, Sequence
from typing import Final

import rtc_sctp
from rtc_sctp import Association, AssociationState
from rtc_sctp import MessageReceived as UserMessage

from .channel import ChannelCloseReason, DataChannel
from .config import DataChannelConfig
from .dcep import KNOWN_CHANNEL_TYPES, Ack, Open, encode_text, parse_message
from .early import EarlyMessages
from .errors import ParseError
from .events import MessageReceived
from .outbound import prepare_stream
from .payload import Ppid
from .state import ChannelState
from .stats import EndpointStats
from .table import ChannelTable

# Comparing plain integers is twice as fast as comparing with members of an enum.
_DCEP: Final = int(Ppid.DCEP)
_STRING: Final = int(Ppid.STRING)
_BINARY: Final = int(Ppid.BINARY)
_STRING_PARTIAL: Final = int(Ppid.STRING_PARTIAL)
_BINARY_PARTIAL: Final = int(Ppid.BINARY_PARTIAL)
_STRING_EMPTY: Final = int(Ppid.STRING_EMPTY)
_BINARY_EMPTY: Final = int(Ppid.BINARY_EMPTY)


class Inbound:
    """Turns the association's messages into events, and answers DCEP."""

    __slots__ = ("_association", "_config", "_early", "_limit", "_stats", "_table")

    def __init__(
        self, *, association: Association, table: ChannelTable, config: DataChannelConfig, stats: EndpointStats
    ) -> None:
        self._association = association
        self._table = table
        self._config = config
        self._limit = config.max_message_size
        self._stats = stats
        self._early = EarlyMessages(capacity=config.early_message_buffer_size, timeout=config.early_message_timeout)

    def receive(self, events: Sequence[rtc_sctp.Event]) -> Iterator[rtc_sctp.Event]:
        """Take the messages among the events; yields each event of another kind, in its place.

        The loop is the hot path: whole messages of open channels, one look-up each.
        """
        receiving = self._table.receiving
        report = self._table.events.append
        limit = self._limit
        untaken = 0
        for event in events:
            if type(event) is not UserMessage:
                self._table.untaken += untaken
                untaken = 0
                yield event
                continue
            content: str | bytes = event.data
            length = len(content)
            channel = receiving.get(event.stream_id)
            if channel is None or length > limit:
                self._receive(event)
                continue
            if event.ppid == _STRING:
                try:
                    content = event.data.decode()
                except UnicodeDecodeError:
                    self._receive(event)
                    continue
            elif event.ppid != _BINARY:
                self._receive(event)
                continue
            report(MessageReceived(event.stream_id, content))
            stats = channel.stats
            stats.messages_received += 1
            stats.bytes_received += length
            untaken += length
        self._table.untaken += untaken

    def next_deadline(self) -> float | None:
        """When early messages have waited long enough."""
        return self._early.next_deadline()

    def expire(self, now: float) -> None:
        """Close the streams whose early messages waited too long for an OPEN."""
        for stream_id in self._early.expire(now):
            self._stats.drop("early_messages_expired")
            # [rfc8832:6/13]
            self._table.refuse(stream_id)

    def streams_were_added(self) -> None:
        """Take what was held for want of streams to answer on."""
        for stream_id in self._early.streams():
            if stream_id < self._table.counts.limit:
                for message in self._early.take(stream_id):
                    self._receive(message)

    def clear(self) -> None:
        """Forget early messages: the association ended or began anew."""
        self._early.clear()

    def _receive(self, event: UserMessage) -> None:
        """Anything but a whole message of an open channel."""
        stream_id = event.stream_id
        channel = self._table.by_id.get(stream_id)
        if stream_id >= self._table.counts.limit:
            self._receive_beyond(event)
        elif event.ppid == _DCEP:
            self._receive_dcep(event, channel)
        elif channel is None:
            self._receive_unknown(event)
        elif channel.state is ChannelState.CLOSING:
            self._stats.drop("channel_closing")
        else:
            if channel.state is ChannelState.CONNECTING:
                # The acknowledgement is late or was overtaken: the message proves as much.
                self._table.confirm(channel)
            self._receive_message(channel, stream_id, event.ppid, event.data)

    # --- messages of channels ---

    def _receive_message(self, channel: DataChannel, stream_id: int, ppid: int, data: bytes) -> None:
        if self._config.swap_empty_identifiers and ppid in (_STRING_EMPTY, _BINARY_EMPTY):
            ppid = _STRING_EMPTY + _BINARY_EMPTY - ppid
        if ppid in (_STRING_PARTIAL, _BINARY_PARTIAL):
            self._receive_piece(channel, stream_id, ppid, data)
            return
        if stream_id in self._table.partials:
            whole = self._complete(channel, stream_id, ppid, data)
            if whole is None:
                return
            data = whole
        # [rfc8831:6.6/5]
        if ppid in (_STRING_EMPTY, _BINARY_EMPTY):
            data = b""
        if len(data) > self._limit:
            self._fail_size(channel)
            return
        # [rfc8831:6.6/4]
        if ppid in (_STRING, _STRING_EMPTY):
            try:
                content: str | bytes = data.decode()
            except UnicodeDecodeError:
                self._fail(channel, "a text that is not UTF-8")
                return
        elif ppid in (_BINARY, _BINARY_EMPTY):
            content = data
        else:
            self._fail(channel, f"unsupported payload protocol identifier {ppid}")
            return
        channel.stats.messages_received += 1
        channel.stats.bytes_received += len(data)
        self._table.events.append(MessageReceived(stream_id, content))
        self._table.untaken += len(data)

    def _receive_piece(self, channel: DataChannel, stream_id: int, ppid: int, data: bytes) -> None:
        partials = self._table.partials
        if not (channel.reliable and channel.ordered):
            self._fail(channel, "a fragment by identifier on a channel that is not reliable and ordered")
        elif partials.identifier(stream_id) not in (ppid, None):
            self._fail(channel, "fragments of text and binary in one message")
        elif partials.length(stream_id) + len(data) > self._limit or not partials.add(stream_id, ppid, data):
            self._fail_size(channel)
        else:
            # Until the last piece is there, messages need a second look.
            self._table.receiving.pop(stream_id, None)

    def _complete(self, channel: DataChannel, stream_id: int, ppid: int, data: bytes) -> bytes | None:
        partials = self._table.partials
        if ppid != (_STRING if partials.identifier(stream_id) == _STRING_PARTIAL else _BINARY):
            self._fail(channel, "a fragmented message without its last piece")
            return None
        self._table.receiving[stream_id] = channel
        return partials.take(stream_id) + data

    def _fail(self, channel: DataChannel, detail: str) -> None:
        # [rfc8831:6.6/6]
        self._stats.drop("invalid_message")
        self._table.fail(channel, ChannelCloseReason.PROTOCOL_ERROR, f"the peer sent {detail}")

    def _fail_size(self, channel: DataChannel) -> None:
        # [rfc8831:6.6/6]
        self._stats.drop("message_too_large")
        detail = f"the peer sent more than the {self._limit} bytes that this side accepts"
        self._table.fail(channel, ChannelCloseReason.MESSAGE_TOO_LARGE, detail)

    # --- streams without a channel ---

    def _receive_unknown(self, event: UserMessage) -> None:
        stream_id = event.stream_id
        table = self._table
        if table.pairs.is_taken(stream_id):
            self._stats.drop("stream_refused")
            return
        # Ordered data prove that no OPEN went before; unordered ones may have overtaken it.
        if event.unordered and not table.pairs.is_ours(stream_id) and self._early.hold(event, table.now):
            return
        self._early.take(stream_id)
        self._stats.drop("unused_stream")
        # [rfc8832:6/13]
        table.refuse(stream_id)

    def _receive_beyond(self, event: UserMessage) -> None:
        """A message on a stream of one direction: there is none to answer on, not even to reset, unless we get one."""
        stream_id = event.stream_id
        table = self._table
        may_be_channel = stream_id in table.waiting or not table.pairs.is_ours(stream_id)
        if may_be_channel and stream_id < table.counts.reach and self._early.hold(event, table.now):
            table.counts.want(stream_id + 1)
        else:
            self._stats.drop("stream_out_of_range")

    # --- DCEP ---

    def _receive_dcep(self, event: UserMessage, channel: DataChannel | None) -> None:
        # Whether it was sent in order is not looked at: libwebrtc acknowledges unordered channels out of order.
        try:
            message = parse_message(event.data)
        except ParseError as error:
            self._reject(event.stream_id, channel, f"broken DCEP: {error}")
            return
        if isinstance(message, Ack):
            self._receive_ack(event.stream_id, channel)
        else:
            self._receive_open(event.stream_id, channel, message)

    def _receive_ack(self, stream_id: int, channel: DataChannel | None) -> None:
        if channel is None or not channel.awaits_ack:
            self._reject(stream_id, channel, "an acknowledgement of nothing")
            return
        channel.awaits_ack = False
        if channel.state is ChannelState.CONNECTING:
            self._table.confirm(channel)

    def _receive_open(self, stream_id: int, channel: DataChannel | None, message: Open) -> None:
        table = self._table
        if self._association.state is not AssociationState.ESTABLISHED:
            # It shuts down, and with it what the peer still opens: there is no answering any more.
            self._stats.drop("association_closing")
            return
        if not table.claim(stream_id):
            self._reject(stream_id, channel, "an OPEN on a stream in use")
            return
        text_size = len(encode_text(message.label)) + len(encode_text(message.protocol))
        early = self._early.take(stream_id)
        if problem := self._problem(stream_id, message, text_size):
            # [rfc8832:6/8] No acknowledgement: the reset is the answer.
            self._stats.drop(problem)
            table.reject(stream_id)
            return
        opened = DataChannel.from_open(message, stream_id)
        table.accept(opened, stream_id, text_size)
        prepare_stream(self._association, opened, stream_id)
        # [rfc8832:6/1] [rfc8832:6/2] [rfc8832:6/3]
        acknowledgement = bytes(Ack())
        self._association.send(stream_id, _DCEP, acknowledgement, ignore_limit=True)
        opened.account.add_overhead(len(acknowledgement), 0)
        for held in early:
            if opened.state is ChannelState.OPEN:
                self._receive_message(opened, stream_id, held.ppid, held.data)

    def _problem(self, stream_id: int, message: Open, text_size: int) -> str:
        """Why an OPEN cannot be accepted, as a reason to count; empty if it can."""
        # [rfc8832:6/7] [rfc8864:8/1]
        if self._table.pairs.is_ours(stream_id):
            return "open_of_wrong_parity"
        # [rfc8832:7/2] [rfc8864:8/1]
        if message.channel_type not in KNOWN_CHANNEL_TYPES:
            return "unknown_channel_type"
        # [rfc8832:7/3]
        if len(self._table) >= self._config.max_channels:
            return "too_many_channels"
        if self._table.peer_text_size + text_size > self._config.max_peer_text_size:
            return "too_much_text"
        return ""

    def _reject(self, stream_id: int, channel: DataChannel | None, problem: str) -> None:
        """Close whatever the bad DCEP message was meant for."""
        self._stats.drop("invalid_dcep")
        # [rfc8832:6/7] [rfc8832:7/2]
        if channel is None:
            self._early.take(stream_id)
            self._table.refuse(stream_id)
        elif channel.state is not ChannelState.CLOSING:
            self._table.fail(channel, ChannelCloseReason.PROTOCOL_ERROR, f"the peer sent {problem}")
