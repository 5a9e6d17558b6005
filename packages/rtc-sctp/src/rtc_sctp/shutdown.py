"""The orderly end. See :rfc:`9260#section-9.2`."""

from .bundle import seal_packet
from .causes import ProtocolViolation
from .chunks import ShutdownAckChunk, ShutdownChunk, ShutdownCompleteChunk
from .context import Context, ViolationError
from .receiver import Receiver
from .rto import RtoEstimator
from .state import AssociationState, Input
from .timers import Timer

_GUARD_FACTOR = 5
"""T5-shutdown-guard is so many times RTO.Max."""


class Shutdown:
    """SHUTDOWN, SHUTDOWN ACK, SHUTDOWN COMPLETE, and the timers T2-shutdown and T5-shutdown-guard."""

    __slots__ = ("_context", "_is_due", "_receiver", "_remote_tag", "_rto", "is_finished")

    def __init__(self, context: Context, receiver: Receiver, rto: RtoEstimator, remote_tag: int) -> None:
        self._context = context
        self._receiver = receiver
        self._rto = rto
        self._remote_tag = remote_tag
        self._is_due = False
        """Whether SHUTDOWN is to be sent at the next flush."""

        self.is_finished = False
        """Whether both sides are done, and the association with it."""

    def begin(self) -> None:
        """The application wants to end; data go first."""
        context = self._context
        context.step(Input.CLOSE)
        # [rfc9260:9.2/14]
        context.timers.start(Timer.T5, context.now + _GUARD_FACTOR * context.config.rto_max)

    def everything_acknowledged(self) -> None:
        """All data arrived: go on where a shutdown waits for that."""
        context = self._context
        # [rfc9260:9.2/22]
        if context.state is AssociationState.SHUTDOWN_PENDING:
            # [rfc9260:3.3.8/1] [rfc9260:9.2/1]
            context.step(Input.ALL_ACKNOWLEDGED)
            self._send_shutdown()
        elif context.state is AssociationState.SHUTDOWN_RECEIVED:
            # [rfc9260:3.3.9/1] [rfc9260:9.2/15] [rfc9260:4/11]
            context.step(Input.ALL_ACKNOWLEDGED)
            self._send_shutdown_ack()

    def data_arrived(self) -> None:
        """The peer still sends after our SHUTDOWN: acknowledge by another one."""
        # [rfc9260:9.2/11] [rfc9260:4/9] [rfc9260:6.2/14]
        self._send_shutdown()
        if self._receiver.tracker.has_gaps:
            # [rfc9260:9.2/12]
            self._receiver.acknowledge_now()

    def receive_shutdown(self) -> None:
        """The peer has nothing more to send."""
        context = self._context
        match context.state:
            case AssociationState.ESTABLISHED | AssociationState.SHUTDOWN_PENDING:
                context.step(Input.SHUTDOWN)
            case AssociationState.SHUTDOWN_SENT:
                # [rfc9260:9.2/27]
                context.step(Input.SHUTDOWN)
                self._send_shutdown_ack()
            case AssociationState.SHUTDOWN_ACK_SENT:
                self._send_shutdown_ack()
            case _:
                # [rfc9260:9.2/8] Its cumulative TSN was taken as any other acknowledgement.
                pass

    def receive_shutdown_ack(self) -> None:
        """Neither has the peer: that ends the association."""
        context = self._context
        if context.state not in (AssociationState.SHUTDOWN_SENT, AssociationState.SHUTDOWN_ACK_SENT):
            context.drop("unexpected_shutdown_ack")
            return
        # [rfc9260:9.2/19] [rfc9260:9.2/28] [rfc9260:3.3.13/1] [rfc9260:8.5.1/8] [rfc9260:8.5.1/9]
        context.step(Input.SHUTDOWN_ACK)
        config = context.config
        context.packets.append(
            # [rfc9260:3/1] [rfc9260:6.10/8] Alone in its packet.
            seal_packet(config.local_port, config.remote_port, self._remote_tag, ShutdownCompleteChunk().serialize())
        )
        self.is_finished = True

    def receive_shutdown_complete(self) -> None:
        """The peer saw our SHUTDOWN ACK: that ends the association."""
        context = self._context
        # [rfc9260:9.2/20] [rfc9260:9.2/21] [rfc9260:8.5.1/13]
        if context.state is not AssociationState.SHUTDOWN_ACK_SENT:
            context.drop("unexpected_shutdown_complete")
            return
        context.step(Input.SHUTDOWN_COMPLETE)
        self.is_finished = True

    def heard_from_peer(self) -> None:
        """A packet arrived: the peer is there, so T2-shutdown starts anew."""
        # [rfc9260:9.2/6]
        context = self._context
        if context.state is AssociationState.SHUTDOWN_SENT:
            context.error_count = 0
            context.timers.start(Timer.T2, context.now + self._rto.rto)

    def expire(self) -> None:
        """T2-shutdown ran out: say it again.

        Raises:
            PeerGoneError: It was said too often.
        """
        # [rfc9260:9.2/4] [rfc9260:9.2/5] [rfc9260:9.2/17] [rfc9260:9.2/18]
        self._context.count_error()
        # [rfc9260:9.2/3]
        self._rto.back_off()
        # [rfc9260:9.2/2] [rfc9260:9.2/16]
        if self._context.state is AssociationState.SHUTDOWN_SENT:
            self._send_shutdown()
        else:
            self._send_shutdown_ack()

    def guard_expired(self) -> None:
        """T5-shutdown-guard ran out.

        Raises:
            ViolationError: Always: the association is to be aborted.
        """
        # [rfc9260:9.2/13]
        reason = "the shutdown took too long"
        raise ViolationError(reason, "rfc9260:9.2", ProtocolViolation(reason.encode()).serialize())

    def answer_init(self) -> None:
        """An INIT came although we only wait for SHUTDOWN COMPLETE."""
        # [rfc9260:9.2/24]
        self._send_shutdown_ack()

    def _send_shutdown(self) -> None:
        context = self._context
        self._is_due = True
        context.timers.start(Timer.T2, context.now + self._rto.rto)

    def flush(self) -> None:
        """Queue the SHUTDOWN that is due, however many packets called for it."""
        if self._is_due:
            self._is_due = False
            if self._context.state is AssociationState.SHUTDOWN_SENT:
                # [rfc9260:9.2/2]
                cumulative_tsn = self._receiver.tracker.cumulative_tsn
                self._context.control.append(ShutdownChunk(cumulative_tsn).serialize())

    def _send_shutdown_ack(self) -> None:
        context = self._context
        context.control.append(ShutdownAckChunk().serialize())
        context.timers.start(Timer.T2, context.now + self._rto.rto)
