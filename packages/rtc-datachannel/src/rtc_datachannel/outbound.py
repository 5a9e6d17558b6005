"""What leaves on a stream: the announcement of a channel, its messages, and the requests for and about streams."""

import rtc_sctp
from rtc_sctp import Association, AssociationState

from .channel import DataChannel, Priority
from .config import DataChannelConfig
from .errors import BufferFullError, MessageTooLargeError, StateError
from .payload import EMPTY_PAYLOAD, Data, Ppid, encode
from .table import ChannelTable


class Outbound:
    """Hands the association what channels want to send, and what the table wants of the streams."""

    __slots__ = ("_association", "_config", "_table", "remote_limit")

    def __init__(self, *, association: Association, table: ChannelTable, config: DataChannelConfig) -> None:
        self._association = association
        self._table = table
        self._config = config
        self.remote_limit = config.remote_max_message_size
        """Bytes of the longest message that the peer accepts; 0 for any."""

    def announce(self, channel: DataChannel) -> None:
        """The association is up: open a channel, in band or by agreement."""
        stream_id = channel.id
        if stream_id is None or stream_id in self._table.waiting:
            return
        if self._association.state is not AssociationState.ESTABLISHED:
            # The peer ends the association already; the channel ends with it.
            return
        prepare_stream(self._association, channel, stream_id)
        if channel.negotiated:
            self._table.confirm(channel)
            return
        # [rfc8832:6/1] [rfc8832:6/2] [rfc8832:6/3]
        message = bytes(channel.to_open())
        channel.awaits_ack = True
        channel.account.add_overhead(len(message), 0)
        self._association.send(stream_id, Ppid.DCEP, message, ignore_limit=True)

    def send(self, channel: DataChannel, stream_id: int, data: Data) -> None:
        """Queue one message of a channel that may send. The hot path.

        Raises:
            MessageTooLargeError, BufferFullError, StateError, ValueError: As the endpoint documents.
        """
        # [rfc8831:6.6/2] [rfc8831:6.6/3] One message of the application is one of SCTP.
        # [rfc8832:6/4] Never DCEP's identifier.
        ppid, payload = encode(data)
        length = len(payload)
        if 0 < self.remote_limit < length:
            raise MessageTooLargeError(f"the peer accepts {self.remote_limit} bytes, the message has {length}")
        if payload is EMPTY_PAYLOAD and self._config.swap_empty_identifiers:
            ppid = Ppid.STRING_EMPTY + Ppid.BINARY_EMPTY - ppid
        try:
            # [rfc8831:6.6/1] [rfc8831:6.1/5] [rfc8831:6.1/6] [rfc8831:5/1]
            self._association.send(
                stream_id,
                ppid,
                payload,
                unordered=not channel.ordered and channel.sends_unordered,
                max_retransmits=channel.max_retransmits,
                lifetime=channel.lifetime,
            )
        except rtc_sctp.BufferFullError as error:
            raise BufferFullError(str(error)) from None
        except rtc_sctp.StateError as error:
            # The peer ends the association; what is left of it takes no more.
            raise StateError(str(error)) from None
        stats = channel.stats
        stats.messages_sent += 1
        if payload is EMPTY_PAYLOAD:
            channel.account.add_overhead(length, stats.bytes_sent)
        else:
            stats.bytes_sent += length

    def request_resets(self) -> None:
        """Ask for the resets that the table wants."""
        # [rfc8831:6.1/3] [rfc8831:6.7/1]
        if self._table.wanted_resets:
            wanted, self._table.wanted_resets = self._table.wanted_resets, []
            self._association.reset_streams(wanted)

    def request_streams(self) -> None:
        """Ask for the streams that channels wait for."""
        outgoing, incoming = self._table.counts.next_request()
        if (outgoing or incoming) and self._association.state is AssociationState.ESTABLISHED:
            self._association.add_streams(outgoing=outgoing, incoming=incoming)


def prepare_stream(association: Association, channel: DataChannel, stream_id: int) -> None:
    """Set a channel's outgoing stream up; it may have been another channel's before.

    Peers that know no priorities send 0, with which nothing could ever be sent; :rfc:`8831#section-6.4` has no lower
    name than "below normal", and the W3C reads 0 so.
    """
    # [rfc8831:6.4/1]
    association.set_stream_weight(stream_id, channel.priority or Priority.BELOW_NORMAL)
    association.set_buffered_amount_low_threshold(stream_id, channel.buffered_amount_low_threshold)
