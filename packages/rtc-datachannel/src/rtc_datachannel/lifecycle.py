"""What becomes of the association, and of the endpoint with it. See :rfc:`8831#section-6.2`."""

import rtc_sctp
from rtc_sctp import Association, CloseReason

from .channel import ChannelCloseReason
from .events import BufferedAmountLow, EndpointClosed, EndpointConnected, EndpointFailed
from .inbound import Inbound
from .outbound import Outbound
from .state import EndpointInput, EndpointState, next_endpoint_state
from .table import ChannelTable, Trace


class Lifecycle:
    """Turns the association's events into steps of the endpoint and its channels, and keeps count of what is unread."""

    __slots__ = ("_association", "_counted", "_inbound", "_outbound", "_table", "_trace", "_unread", "state")

    def __init__(
        self,
        *,
        association: Association,
        table: ChannelTable,
        inbound: Inbound,
        outbound: Outbound,
        trace: Trace | None,
    ) -> None:
        self.state = EndpointState.NEW
        """Where the endpoint is; only ``step`` assigns it."""
        self._association = association
        self._table = table
        self._inbound = inbound
        self._outbound = outbound
        self._trace = trace
        self._unread = 0
        """Bytes that the application said it holds, of this incarnation of the peer."""
        self._counted = 0
        """Bytes of untaken events that the association knows of; they count against the peer's window, too."""

    @property
    def ended(self) -> bool:
        """Whether nothing can happen any more."""
        return self.state in (EndpointState.CLOSED, EndpointState.FAILED)

    def step(self, happened: EndpointInput) -> None:
        """Take one step of the endpoint.

        Raises:
            StateError: It is not legal in this state.
        """
        self.state = next_endpoint_state(self.state, happened)
        if self._trace is not None:
            self._trace(self._table.now, "datachannel:endpoint_state_changed", {"state": self.state.value})

    def translate(self) -> None:
        """Turn the association's events into ours, and ask it for what they call for."""
        for event in self._inbound.receive(self._association.events()):
            self._stream_happened(event)
        self._outbound.request_resets()
        self._outbound.request_streams()

    # --- what is unread ---

    def add_unread(self, difference: int) -> None:
        """The application holds so many bytes more, or less."""
        difference = max(difference, -self._unread)
        if difference and self.state in (EndpointState.CONNECTED, EndpointState.CLOSING):
            self._association.add_unread(difference)
            self._unread += difference

    def count_untaken(self) -> None:
        """Let the association know what waits in our events, where it cannot see it any more.

        Call it where the window matters: before packets are taken or made, and when events were taken.
        """
        untaken = self._table.untaken
        if untaken != self._counted and not self.ended:
            self._association.add_unread(untaken - self._counted)
            self._counted = untaken

    # --- events of the association ---

    def _stream_happened(self, event: rtc_sctp.Event) -> None:
        """What concerns streams, and is frequent; the association as a whole is the next method's."""
        table = self._table
        match event:
            case rtc_sctp.BufferedAmountLow():
                self._stream_became_low(event.stream_id)
            case rtc_sctp.IncomingStreamsReset():
                for stream_id in table.pairs.taken_among(event.stream_ids):
                    table.incoming_was_reset(stream_id)
            case rtc_sctp.OutgoingStreamsReset():
                for stream_id in event.stream_ids:
                    table.outgoing_was_reset(stream_id)
            case rtc_sctp.StreamsResetFailed():
                for stream_id in event.stream_ids:
                    table.reset_failed(stream_id)
            case rtc_sctp.StreamsAdded():
                self._streams_added(event)
            case rtc_sctp.StreamsAddFailed():
                table.streams_were_refused()
            case rtc_sctp.MessageAbandoned():
                if (channel := table.by_id.get(event.stream_id)) is not None:
                    channel.stats.messages_abandoned += 1
            case _:
                self._association_happened(event)

    def _association_happened(self, event: rtc_sctp.Event) -> None:
        """What concerns the association as a whole."""
        table = self._table
        match event:
            case rtc_sctp.AssociationEstablished():
                self.step(EndpointInput.ESTABLISHED)
                self._connected(event)
            case rtc_sctp.PeerRestarted():
                self._unread = self._counted = table.untaken = 0
                self._end_channels(ChannelCloseReason.ASSOCIATION_RESTARTED, "the peer began anew")
                if self.state is EndpointState.CLOSING:
                    # The peer forgot, this side did not: it still wants to end.
                    self._association.close(table.now)
                else:
                    self._connected(event.established)
            case rtc_sctp.AssociationReset():
                detail = "the peer reset all streams"
                self._end_channels(ChannelCloseReason.ASSOCIATION_RESTARTED, detail, resets_go_on=True)
            case rtc_sctp.AssociationClosed():
                self.step(EndpointInput.ENDED)
                self._end_channels(ChannelCloseReason.ASSOCIATION_CLOSED, event.message.decode(errors="replace"))
                by_peer = event.reason is CloseReason.REMOTE_ABORT
                table.events.append(EndpointClosed(by_peer=by_peer, message=event.message))
            case rtc_sctp.AssociationFailed():
                self.step(EndpointInput.FAILED)
                # [rfc8831:6.2/2]
                self._end_channels(ChannelCloseReason.ASSOCIATION_FAILED, event.reason)
                table.events.append(EndpointFailed(event.reason, event.section))
            case _:
                # Whether the path answers shows in the end; reconfigurations are never asked for here.
                pass

    def _connected(self, established: rtc_sctp.AssociationEstablished) -> None:
        counts = self._table.counts
        can_reset = established.stream_reconfiguration
        counts.agree(established.outbound_streams, established.inbound_streams, may_grow=can_reset)
        self._table.events.append(EndpointConnected(counts.limit))
        for channel in self._table.connect(can_reset=can_reset):
            self._outbound.announce(channel)

    def _end_channels(self, reason: ChannelCloseReason, detail: str, *, resets_go_on: bool = False) -> None:
        self._table.end_all(reason, detail, resets_go_on=resets_go_on)
        self._inbound.clear()

    def _streams_added(self, added: rtc_sctp.StreamsAdded) -> None:
        self._table.counts.grow(added.outbound_streams, added.inbound_streams)
        for channel in self._table.streams_were_added():
            self._outbound.announce(channel)
        self._inbound.streams_were_added()

    def _stream_became_low(self, stream_id: int) -> None:
        channel = self._table.by_id.get(stream_id)
        if channel is not None and channel.account.became_low(channel.stats.bytes_sent):
            self._table.events.append(BufferedAmountLow(channel))
