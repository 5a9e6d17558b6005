"""From set-up to the end: packets are checked, judged by their verification tag, and their chunks go where they belong.

See :rfc:`9260#section-8.4` and :rfc:`9260#section-8.5`.
"""

import struct
from collections.abc import Sequence
from typing import Final

from .bundle import seal_packet
from .causes import Cause, NoUserData, StaleCookie, UnrecognizedChunkType, UserInitiatedAbort
from .chunks import (
    DATA_HEADER_LENGTH,
    FLAG_REFLECTED_TAG,
    I_DATA_HEADER_LENGTH,
    AbortChunk,
    Chunk,
    CookieAckChunk,
    CookieEchoChunk,
    DataChunk,
    ErrorChunk,
    IDataChunk,
    InitAckChunk,
    InitChunk,
    SackChunk,
    ShutdownAckChunk,
    ShutdownCompleteChunk,
    UnknownChunk,
    parse_chunk,
)
from .chunks.chunk import encode_chunk
from .context import Context, PeerGoneError, ViolationError
from .cookie import CookieContents
from .errors import ParseError
from .established import Established
from .events import AssociationClosed, AssociationFailed, CloseReason, PeerRestarted
from .handshake import CookieVerdict, Handshake
from .packet import is_intact
from .rto import RtoEstimator
from .send_queue import SendQueue
from .state import IS_UP, AssociationState, Input
from .timers import Timer

_unpack_header: Final = struct.Struct("!HHLL").unpack_from
_unpack_chunk_header: Final = struct.Struct("!BBH").unpack_from
_MIN_PACKET: Final = 16
_DATA: Final = DataChunk.TYPE
_EMPTY_LENGTHS: Final = {DataChunk.TYPE: DATA_HEADER_LENGTH - 4, IDataChunk.TYPE: I_DATA_HEADER_LENGTH - 4}
"""Bytes of the value of DATA and I-DATA without user data."""

_DATA_BYTE: Final = bytes([_DATA])
_MAX_REPORT_LENGTH: Final = 256
"""Bytes of an unrecognized chunk that are quoted."""

_MAX_PENDING_EVENTS: Final = 100_000
"""Events that may wait to be taken; the peer's packets are dropped beyond."""

_MAX_PENDING_OUTPUT: Final = 1000
"""Answers that may wait to be flushed; the peer's packets are dropped beyond."""

_SPECIAL: Final = frozenset(
    {InitChunk.TYPE, CookieEchoChunk.TYPE, AbortChunk.TYPE, ShutdownCompleteChunk.TYPE, ShutdownAckChunk.TYPE}
)
"""Chunks that are judged by themselves when they begin a packet."""


class Lifecycle:
    """The association itself: nothing, a handshake, an established association, or its end."""

    __slots__ = ("context", "ended", "handshake", "queue", "rto", "up")

    def __init__(self, context: Context) -> None:
        config = context.config
        self.context = context
        self.rto = RtoEstimator(initial=config.rto_initial, minimum=config.rto_min, maximum=config.rto_max)
        self.handshake = Handshake(context, self.rto)
        self.queue = SendQueue(context)
        self.up: Established | None = None
        """What exists once both sides know the association; stays after its end for the counters in it."""

        self.ended = False

    # --- packets ---

    def receive_batch(self, packets: Sequence[bytes]) -> None:
        """Take packets that arrived together; never raises for what they hold."""
        self.context.stats.packets_received += len(packets)
        index = 0
        while index < len(packets):
            position = 0
            if self.up is not None and packets[index][12:13] == _DATA_BYTE:
                index, position = self.up.receive_in_order(packets, index)
                if index == len(packets):
                    return
            if position == 0:
                self._receive(packets[index])
            else:
                self._process(packets[index], position)
            index += 1

    def _receive(self, packet: bytes) -> None:
        context = self.context
        if len(packet) < _MIN_PACKET:
            context.drop("packet_too_short")
            return
        if len(context.control) > _MAX_PENDING_OUTPUT or len(context.packets) > _MAX_PENDING_OUTPUT:
            context.drop("output_not_flushed")
            return
        if len(context.events) > _MAX_PENDING_EVENTS:
            context.drop("events_not_taken")
            return
        source, destination, tag, checksum = _unpack_header(packet)
        config = context.config
        if source != config.remote_port or destination != config.local_port:
            context.drop("wrong_port")
            return
        # [rfc9260:6.8/3] [rfc9260:6.8/4]
        # Who sends INIT was not told yet that we take packets without a checksum. See RFC 9653, section 5.
        needs_checksum = checksum or not config.zero_checksum or packet[12] == InitChunk.TYPE
        if needs_checksum and not is_intact(packet):
            context.drop("wrong_checksum")
            return
        if self.ended:
            self._receive_after_end(packet[12], tag)
            return
        if tag == self.handshake.local_tag and tag and packet[12] not in _SPECIAL:
            # [rfc9260:8.5/2]
            self._process(packet, 12)
        else:
            self._process(packet, 0, tag)

    def _process(self, packet: bytes, position: int, tag: int = 0) -> None:
        """Process a packet from the chunk at ``position`` on, or from 0 by the special rules for its tag."""
        try:
            if position:
                self._receive_chunks(packet, position)
            else:
                self._receive_special(packet, tag)
        except ViolationError as error:
            self._receive_violation(error)
        except PeerGoneError as error:
            self._fail(error)
        if self.up is not None and self.up.shutdown.is_finished and not self.ended:
            self.end(AssociationClosed(CloseReason.SHUTDOWN))

    def _receive_violation(self, error: ViolationError) -> None:
        self.context.drop("protocol_violation")
        # [rfc9260:8.5.1/4]
        self._send_abort_chunk(error.cause)
        self.end(AssociationFailed(error.reason, error.section))

    def _receive_special(self, packet: bytes, tag: int) -> None:
        """Packets whose verification tag has a rule of its own. See :rfc:`9260#section-8.5.1`."""
        context = self.context
        type_, flags, length = _unpack_chunk_header(packet, 12)
        if length < 4 or 12 + length > len(packet):
            context.drop("partial_chunk")
            return
        value = packet[16 : 12 + length]
        end = 12 + (length + 3 & ~3)
        is_ours = tag == self.handshake.local_tag and tag != 0
        agreed = self.handshake.agreed
        is_reflected = agreed is not None and tag == agreed.peer_tag
        try:
            match type_:
                case InitChunk.TYPE:
                    # [rfc9260:8.5.1/2] [rfc9260:8.5.1/3] [rfc9260:12.3/3] [rfc9260:8.4/3]
                    if tag != 0 or end < len(packet):
                        context.drop("init_with_wrong_tag_or_company")
                    else:
                        self._receive_init(InitChunk.parse(flags, value))
                case CookieEchoChunk.TYPE:
                    self._receive_cookie_echo(value, tag, packet, end)
                case AbortChunk.TYPE:
                    # [rfc9260:8.5.1/6] [rfc9260:8.5.1/7] [rfc9260:9.1/6] [rfc9260:8.4/2]
                    if is_reflected if flags & FLAG_REFLECTED_TAG else is_ours:
                        self._receive_abort(AbortChunk.parse(flags, value))
                    else:
                        context.drop("abort_with_wrong_tag")
                case ShutdownCompleteChunk.TYPE:
                    # [rfc9260:8.5.1/12] [rfc9260:8.4/8]
                    if self.up is not None and (is_reflected if flags & FLAG_REFLECTED_TAG else is_ours):
                        self.up.shutdown.receive_shutdown_complete()
                    else:
                        context.drop("shutdown_complete_with_wrong_tag")
                case ShutdownAckChunk.TYPE:
                    self._receive_shutdown_ack(tag, is_ours=is_ours, rest=(packet, end))
                case _:
                    # [rfc9260:8.5/3] [rfc9260:8.5/4] [rfc9260:8.4/9]
                    context.drop("wrong_verification_tag")
        except ParseError:
            context.drop("malformed_chunk")

    def _receive_chunks(self, packet: bytes, position: int) -> None:
        """Process the chunks of a packet that belongs to the association, in their order."""
        # [rfc9260:6.10/6] [rfc9260:6/11]
        context = self.context
        size = len(packet)
        if context.state is AssociationState.SHUTDOWN_SENT and self.up is not None:
            self.up.shutdown.heard_from_peer()
        while position < size:
            up = self.up
            if packet[position] == _DATA and up is not None:
                end = up.receive_data(packet, position)
                if end != position:
                    position = end
                    continue
            if size - position < 4:
                context.drop("partial_chunk")
                return
            type_, flags, length = _unpack_chunk_header(packet, position)
            end = position + length
            # [rfc9260:6.10/7]
            if length < 4 or end > size:
                context.drop("partial_chunk")
                return
            try:
                chunk = parse_chunk(type_, flags, packet[position + 4 : end])
            except ParseError:
                self._receive_malformed(type_, packet[position + 4 : end])
            else:
                if not self._dispatch(chunk) or self.ended:
                    return
            # [rfc9260:3.2/7]
            position = end + 3 & ~3

    def _receive_malformed(self, type_: int, value: bytes) -> None:
        self.context.drop("malformed_chunk")
        # [rfc9260:6.2/30]
        if _EMPTY_LENGTHS.get(type_) == len(value) and self.up is not None and self.context.may_receive:
            tsn = int.from_bytes(value[:4], "big")
            raise ViolationError("DATA without user data", "rfc9260:6.2", NoUserData(tsn).serialize())

    def _dispatch(self, chunk: Chunk) -> bool:
        """Process one chunk; returns whether the rest of the packet is to be processed."""
        up = self.up
        if type(chunk) is SackChunk and up is not None:
            # The usual case, before the chunks that are rare.
            up.receive_sack(chunk)
            return True
        match chunk:
            case CookieAckChunk():
                self._receive_cookie_ack()
            case InitAckChunk():
                self.handshake.receive_init_ack(chunk)
            case AbortChunk():
                # The tag of the packet is ours.
                if chunk.flags & FLAG_REFLECTED_TAG:
                    self.context.drop("abort_with_wrong_tag")
                else:
                    self._receive_abort(chunk)
                # [rfc9260:9.1/5]
                return False
            case UnknownChunk():
                return self._receive_unknown(chunk)
            case ErrorChunk() if any(isinstance(cause, StaleCookie) for cause in chunk.causes):
                self.handshake.receive_stale_cookie()
            case _ if up is not None and self.context.state in IS_UP:
                up.receive(chunk)
            case _:
                # [rfc9260:6/4] [rfc9260:9.2/26]
                self.context.drop("unexpected_chunk")
        return True

    def _receive_unknown(self, chunk: UnknownChunk) -> bool:
        context = self.context
        context.drop("unknown_chunk")
        # [rfc9260:3.2/3]
        if chunk.report and self.up is not None:
            quoted = chunk.serialize()[:_MAX_REPORT_LENGTH]
            context.control.append(ErrorChunk((UnrecognizedChunkType(quoted),)).serialize())
        # [rfc9260:3.2/1] [rfc9260:3.2/2]
        return chunk.skip

    # --- set-up ---

    def _receive_init(self, init: InitChunk) -> None:
        if self.up is not None and self.context.state is AssociationState.SHUTDOWN_ACK_SENT:
            self.up.shutdown.answer_init()
        else:
            self.handshake.receive_init(init)

    def _receive_cookie_echo(self, cookie: bytes, tag: int, packet: bytes, end: int) -> None:
        # [rfc9260:8.4/5] [rfc9260:5.1.5/9]
        verdict, contents = self.handshake.receive_cookie_echo(cookie, tag)
        if contents is None or verdict is CookieVerdict.DISCARD:
            return
        match verdict:
            case CookieVerdict.NEW:
                self.context.events.append(self._establish(contents).report())
            case CookieVerdict.RESTART:
                self._restart(contents)
            case CookieVerdict.UPDATE:
                if self.up is not None:
                    self.up.follow(contents)
                    self.handshake.accept(self.up.agreed)
            case CookieVerdict.REPEATED:
                self.handshake.acknowledge_cookie()
        self._receive_chunks(packet, end)

    def _receive_cookie_ack(self) -> None:
        context = self.context
        agreed = self.handshake.agreed
        # [rfc9260:5.2.5/1]
        if context.state is not AssociationState.COOKIE_ECHOED or agreed is None:
            context.drop("unexpected_cookie_ack")
            return
        context.step(Input.COOKIE_ACK)
        context.events.append(self._set_up(agreed).report())

    def _establish(self, contents: CookieContents) -> Established:
        self.context.step(Input.COOKIE_ECHO)
        up = self._set_up(contents)
        self.handshake.accept(contents)
        return up

    def _set_up(self, contents: CookieContents) -> Established:
        context = self.context
        context.timers.stop(Timer.T1)
        context.packets.clear()
        context.error_count = 0
        self.up = up = Established(context, self.queue, self.rto, contents)
        return up

    def _restart(self, contents: CookieContents) -> None:
        # [rfc9260:5.2.4/4] [rfc9260:5.2.4/5]
        context = self.context
        context.timers.stop_all()
        context.control.clear()
        self.rto.reset()
        self.queue = SendQueue(context)
        up = self._establish(contents)
        context.events.append(PeerRestarted(up.report()))

    # --- the end ---

    def _receive_shutdown_ack(self, tag: int, *, is_ours: bool, rest: tuple[bytes, int]) -> None:
        context = self.context
        if context.state in IS_UP:
            if is_ours:
                self._receive_chunks(rest[0], 12)
            else:
                context.drop("wrong_verification_tag")
            return
        # [rfc9260:8.5.1/10] [rfc9260:8.5.1/11] [rfc9260:9.2/25]
        self._complete_shutdown(tag)

    def _receive_after_end(self, type_: int, tag: int) -> None:
        """Nothing is taken any more, but a peer that did not hear our SHUTDOWN COMPLETE hears another one."""
        if type_ == ShutdownAckChunk.TYPE:
            self._complete_shutdown(tag)
            self.context.dirty = True
        else:
            self.context.drop("association_ended")

    def _complete_shutdown(self, tag: int) -> None:
        """Answer a SHUTDOWN ACK out of the blue."""
        # [rfc9260:8.4/6] [rfc9260:8.4/7] [rfc9260:8.5.1/15] [rfc9260:3.1/5]
        context = self.context
        context.drop("shutdown_ack_out_of_the_blue")
        config = context.config
        complete = ShutdownCompleteChunk(FLAG_REFLECTED_TAG).serialize()
        context.packets.append(seal_packet(config.local_port, config.remote_port, tag, complete))

    def _receive_abort(self, chunk: AbortChunk) -> None:
        if self.context.state is AssociationState.CLOSED:
            self.context.drop("unexpected_abort")
            return
        # [rfc9260:9.1/7] [rfc9260:9.1/8] [rfc9260:9.1/9] [rfc9260:3.3.7/4]
        for cause in chunk.causes:
            if isinstance(cause, UserInitiatedAbort):
                self.end(AssociationClosed(CloseReason.REMOTE_ABORT, cause.reason))
                return
        detail = ", ".join(type(cause).__name__ for cause in chunk.causes)
        if not chunk.causes:
            self.end(AssociationClosed(CloseReason.REMOTE_ABORT))
        else:
            self.end(AssociationFailed(f"the peer aborted: {detail}", "rfc9260:9.1"))

    def send_abort(self, cause: Cause) -> None:
        """Tell the peer, if it may know of the association."""
        self._send_abort_chunk(cause.serialize())

    def _send_abort_chunk(self, causes: bytes) -> None:
        # [rfc9260:9.1/2] [rfc9260:9.1/3] [rfc9260:3.3.7/1] [rfc9260:3.3.7/2]
        agreed = self.handshake.agreed
        config = self.context.config
        if agreed is not None:
            chunk = encode_chunk(AbortChunk.TYPE, 0, causes)
            packet = seal_packet(config.local_port, config.remote_port, agreed.peer_tag, chunk)
            self.context.packets.append(packet)

    def _fail(self, error: PeerGoneError) -> None:
        # [rfc9260:8.1/3] [rfc9260:8.1/4] [rfc9260:8.1/5]
        self._send_abort_chunk(b"")
        self.end(AssociationFailed(error.reason, error.section))

    def end(self, event: AssociationClosed | AssociationFailed) -> None:
        """Throw everything away; what was said last still leaves."""
        # [rfc9260:14.2/1]
        context = self.context
        context.step(Input.END)
        context.timers.stop_all()
        context.control.clear()
        context.events.append(event)
        self.ended = True
        self.queue = SendQueue(context)
        context.dirty = bool(context.packets)

    # --- time ---

    def expire(self, timer: Timer) -> None:
        """A timer ran out."""
        try:
            if timer is Timer.T1:
                self.handshake.expire()
            elif self.up is not None:
                self.up.expire(timer)
        except ViolationError as error:
            self._receive_violation(error)
        except PeerGoneError as error:
            self._fail(error)
