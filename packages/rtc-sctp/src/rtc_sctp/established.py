"""The association while both sides know it: its parts, which chunk goes to which, and what leaves when."""

from collections.abc import Sequence

from .bundle import Bundle, packet_head
from .causes import Cause, UnrecognizedChunkType
from .chunks import (
    Chunk,
    CookieEchoChunk,
    DataChunk,
    ErrorChunk,
    ForwardTsnChunk,
    HeartbeatAckChunk,
    HeartbeatChunk,
    IDataChunk,
    IForwardTsnChunk,
    InitChunk,
    ReconfigChunk,
    SackChunk,
    ShutdownAckChunk,
    ShutdownChunk,
    ShutdownCompleteChunk,
)
from .context import Context
from .cookie import CookieContents
from .events import AssociationEstablished, PartialReliabilityLost, PeerErrorReceived
from .heartbeat import Heartbeat
from .path_mtu import PathMtu
from .receiver import Receiver
from .reconfiguration_requests import ReconfigurationRequests
from .reconfiguration_responses import ReconfigurationResponses
from .renumbering import Renumbering
from .rto import RtoEstimator
from .send_queue import SendQueue
from .sender import Sender
from .serial import MASK_32
from .shutdown import Shutdown
from .state import AssociationState
from .timers import Timer


class Established:
    """Made from what was agreed in the set-up, and thrown away with the association."""

    __slots__ = (
        "_context",
        "_head",
        "_heartbeat",
        "_path_mtu",
        "_queue",
        "_remote_head",
        "_renumbering",
        "_responses",
        "_rto",
        "_zero_checksum",
        "agreed",
        "can_reset",
        "receiver",
        "requests",
        "sender",
        "shutdown",
    )

    def __init__(self, context: Context, queue: SendQueue, rto: RtoEstimator, agreed: CookieContents) -> None:
        config = context.config
        extensions = agreed.peer_extensions
        # [rfc8260:2.2.1/1] [rfc8260:2.2.1/2] [rfc8260:2.2.1/3] [rfc8260:2.2.1/4] [rfc8260:2/1]
        interleaved = config.message_interleaving and IDataChunk.TYPE in extensions
        self._context = context
        self._queue = queue
        self._rto = rto
        self._head = packet_head(config.local_port, config.remote_port, agreed.peer_tag)
        self._remote_head = packet_head(config.remote_port, config.local_port, agreed.local_tag) + (
            bytes(4) if config.zero_checksum else b""
        )
        """How the peer's packets begin; no packet matches it where a checksum is needed."""

        self._zero_checksum = config.zero_checksum and agreed.peer_zero_checksum
        self.agreed = agreed
        # [rfc6525:5.1.1/2]
        self.can_reset = config.stream_reconfiguration and ReconfigChunk.TYPE in extensions
        queue.interleaved = interleaved
        self.sender = Sender(
            context,
            queue,
            rto,
            initial_tsn=agreed.local_initial_tsn,
            window=agreed.peer_a_rwnd,
            # [rfc3758:3.3.2/4] [rfc3758:3.3.2/5] [rfc8260:2/2]
            partial_reliability=config.partial_reliability
            and (IForwardTsnChunk.TYPE in extensions if interleaved else agreed.peer_forward_tsn),
            interleaved=interleaved,
        )
        self.receiver = Receiver(
            context,
            initial_tsn=agreed.peer_initial_tsn,
            inbound_streams=agreed.inbound_streams,
            interleaved=interleaved,
        )
        self._heartbeat = Heartbeat(context, rto)
        self._path_mtu = PathMtu(context, rto)
        self._renumbering = renumbering = Renumbering(context, queue, self.sender, self.receiver)
        self.requests = ReconfigurationRequests(context, queue, self.sender, rto, renumbering, agreed)
        self._responses = ReconfigurationResponses(context, self.receiver, self.requests, renumbering, agreed)
        self.shutdown = Shutdown(context, self.receiver, rto, agreed.peer_tag)
        self._heartbeat.postpone()

    def report(self) -> AssociationEstablished:
        """What was agreed, for the application."""
        return AssociationEstablished(
            outbound_streams=self.agreed.outbound_streams,
            inbound_streams=self.agreed.inbound_streams,
            partial_reliability=self.sender.partial_reliability,
            stream_reconfiguration=self.can_reset,
            message_interleaving=self._queue.interleaved,
            zero_checksum=self._zero_checksum,
        )

    def follow(self, contents: CookieContents) -> None:
        """The peer took another tag, and with it another first TSN, before anything of ours reached it.

        What was sent under its old tag is not lost: it was never acknowledged, and is sent again.
        """
        # [rfc9260:5.2.4/8] [rfc9260:5.2.4/9]
        config = self._context.config
        agreed = self.agreed
        agreed.peer_tag = contents.peer_tag
        agreed.peer_initial_tsn = contents.peer_initial_tsn
        self._head = packet_head(config.local_port, config.remote_port, contents.peer_tag)
        self.shutdown = Shutdown(self._context, self.receiver, self._rto, contents.peer_tag)
        self.receiver.start_at(contents.peer_initial_tsn)
        self.sender.window.size = contents.peer_a_rwnd
        self.requests.answers = (contents.peer_initial_tsn - 1) & MASK_32
        self._responses = ReconfigurationResponses(
            self._context, self.receiver, self.requests, self._renumbering, agreed
        )

    # --- receiving ---

    def receive_in_order(self, packets: Sequence[bytes], index: int) -> tuple[int, int]:
        """Take the packets from ``index`` on that hold nothing but DATA in order; returns where that ends."""
        # SHUTDOWN-SENT answers each packet.
        if self._context.state not in (AssociationState.ESTABLISHED, AssociationState.SHUTDOWN_PENDING):
            return index, 0
        return self.receiver.receive_in_order(packets, index, 0, self._remote_head)

    def receive_data(self, packet: bytes, position: int) -> int:
        """Take the DATA chunks of a packet from ``position`` on; returns where they end.

        Raises:
            ViolationError: The peer broke a rule that ends the association.
        """
        # [rfc9260:6/2]
        if not self._context.may_receive:
            return position
        taken, end = self.receiver.receive_in_order((packet,), 0, position, self._remote_head)
        if taken:
            end = len(packet)
        elif end == position:
            end = self.receiver.receive_data(packet, position)
        if end != position:
            self._data_arrived()
        return end

    def receive(self, chunk: Chunk) -> None:
        """Process any other chunk.

        Raises:
            ViolationError: The peer broke a rule that ends the association.
        """
        context = self._context
        match chunk:
            case SackChunk():
                self.receive_sack(chunk)
            case IDataChunk() | ForwardTsnChunk() | IForwardTsnChunk():
                self._receive_numbered(chunk)
            case HeartbeatChunk():
                self._heartbeat.answer(chunk)
            case HeartbeatAckChunk() if self._path_mtu.receive_answer(chunk):
                self.sender.resize_packets(self._path_mtu.size)
            case HeartbeatAckChunk():
                self._heartbeat.receive_answer(chunk)
            case ReconfigChunk() if context.config.stream_reconfiguration:
                self._responses.receive(chunk)
            case ErrorChunk():
                for cause in chunk.causes:
                    self._receive_cause(cause)
            case ShutdownChunk():
                # [rfc9260:3.3.8/2] As a SACK it would revoke what gap blocks acknowledged.
                self.sender.receive_cumulative_tsn(chunk.cumulative_tsn)
                self.shutdown.receive_shutdown()
            case ShutdownAckChunk():
                self.shutdown.receive_shutdown_ack()
            case DataChunk() | ReconfigChunk() | InitChunk() | CookieEchoChunk() | ShutdownCompleteChunk():
                # [rfc9260:6/4] Not in this state, or not in this place of a packet.
                context.drop("unexpected_chunk")
            case _:
                # PAD: there to fill.
                pass

    def receive_sack(self, chunk: SackChunk) -> None:
        """Process an acknowledgement.

        Raises:
            ViolationError: It acknowledges what was never sent.
        """
        # [rfc9260:6/5] [rfc9260:6/7]
        if not self._context.may_send:
            self._context.drop("unexpected_sack")
        elif self.sender.receive_sack(chunk):
            self._path_mtu.data_acknowledged()
            if self._rto.is_backed_off:
                self._heartbeat.measure()

    def _receive_numbered(self, chunk: IDataChunk | ForwardTsnChunk | IForwardTsnChunk) -> None:
        # [rfc9260:6/2] [rfc9260:6/4]
        if not self._context.may_receive:
            self._context.drop("unexpected_data")
            return
        if isinstance(chunk, IDataChunk):
            self.receiver.receive_i_data(chunk)
        else:
            self.receiver.receive_forward_tsn(chunk)
        self._data_arrived()

    def _data_arrived(self) -> None:
        self._responses.data_arrived()
        if self._context.state is AssociationState.SHUTDOWN_SENT:
            self.shutdown.data_arrived()

    def _receive_cause(self, cause: Cause) -> None:
        events = self._context.events
        raw = cause.serialize()
        events.append(PeerErrorReceived(int.from_bytes(raw[:2], "big"), raw[4 : int.from_bytes(raw[2:4], "big")]))
        # [rfc3758:3.3.3/1]
        if (
            isinstance(cause, UnrecognizedChunkType)
            and cause.chunk[:1] in (bytes([ForwardTsnChunk.TYPE]), bytes([IForwardTsnChunk.TYPE]))
            and self.sender.partial_reliability
        ):
            self.sender.stop_abandoning()
            events.append(PartialReliabilityLost())

    # --- sending ---

    def flush(self) -> list[bytes]:
        """Build what is to be sent now."""
        context = self._context
        self._queue.start_lifetimes()
        # [rfc8899:3/1]
        bundle = Bundle(self._head, max_packet_size=self._path_mtu.size, zero_checksum=self._zero_checksum)
        self.shutdown.flush()
        # [rfc9260:6/10] [rfc9260:6.10/3] [rfc9260:12.4/2]
        self._add_control(bundle)
        receiver, sender = self.receiver, self.sender
        may_send = context.may_send
        # [rfc9260:6.1/15]
        if receiver.owes_sack and (receiver.owes_sack_now or (may_send and sender.has_work)):
            bundle.add(receiver.sack(max(bundle.room, bundle.capacity // 2)))
        if may_send:
            self.requests.prepare()
            sender.transmit(bundle)
        if context.state is not AssociationState.SHUTDOWN_ACK_SENT:
            # After our SHUTDOWN too: the peer may wait for it with what it has still to send.
            self._reconfigure(bundle)
        bundle.finish_packet()
        if self._path_mtu.probe_size and context.state is AssociationState.ESTABLISHED:
            return bundle.packets + self._probe_packet()
        return bundle.packets

    def _probe_packet(self) -> list[bytes]:
        bundle = Bundle(self._head, max_packet_size=self._path_mtu.probe_size, zero_checksum=self._zero_checksum)
        for chunk in self._path_mtu.probe():
            bundle.add(chunk)
        bundle.finish_packet()
        return bundle.packets

    def _reconfigure(self, bundle: Bundle) -> None:
        begins_anew = self._responses.data_left()
        self.requests.send_next()
        if self._context.control:
            # Requests name the last TSN, and so stand behind what was sent until now: in a packet of their own.
            bundle.finish_packet()
            self._add_control(bundle)
        if begins_anew and self._context.may_send:
            # What was held back may leave.
            bundle.finish_packet()
            self.sender.transmit(bundle)

    def _add_control(self, bundle: Bundle) -> None:
        control = self._context.control
        for chunk in control:
            bundle.add(chunk)
        control.clear()

    @property
    def packet_size(self) -> int:
        """Bytes of the longest packet that may be sent."""
        return self._path_mtu.size

    def path_changed(self) -> None:
        """Forget what was learnt of the path: packets go another way from now on."""
        # [rfc8261:6.1/6]
        self._path_mtu.restart()
        self.sender.resize_packets(self._path_mtu.size)
        self.sender.path_changed()

    # --- time ---

    def progress(self) -> None:
        """After any input: go on with a shutdown that waited for acknowledgements, and bound how long ours wait."""
        if (
            self._context.state in (AssociationState.SHUTDOWN_PENDING, AssociationState.SHUTDOWN_RECEIVED)
            and self.sender.is_idle
        ):
            self.shutdown.everything_acknowledged()
        self.receiver.arm_sack_timer()

    def expire(self, timer: Timer) -> None:
        """A timer ran out.

        Raises:
            PeerGoneError: The peer did not answer too often.
        """
        match timer:
            case Timer.T2:
                self.shutdown.expire()
            case Timer.T3:
                self.sender.retransmission_timeout()
                self._path_mtu.data_timed_out()
                self.sender.resize_packets(self._path_mtu.size)
            case Timer.T5:
                self.shutdown.guard_expired()
            case Timer.RECONFIGURATION:
                self.requests.expire()
            case Timer.ZERO_WINDOW:
                self.sender.window.probe()
            case Timer.HEARTBEAT:
                self._heartbeat.expire(path_in_use=not self.sender.is_idle)
            case Timer.PATH_MTU:
                self._path_mtu.expire()
            case Timer.SACK:
                self.receiver.acknowledge_now()
            case Timer.T1:
                # Runs before there is anything to expire here.
                pass
