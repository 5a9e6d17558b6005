"""Setting an association up: INIT, INIT ACK, COOKIE ECHO, COOKIE ACK. See :rfc:`9260#section-5`."""

from dataclasses import replace
from enum import Enum
from math import ceil
from typing import Final

from .bundle import seal_packet
from .causes import (
    Cause,
    CookieReceivedWhileShuttingDown,
    InvalidMandatoryParameter,
    MissingMandatoryParameter,
    StaleCookie,
    UnrecognizedParameters,
    UnresolvableAddress,
)
from .chunks import (
    FLAG_REFLECTED_TAG,
    MINIMUM_A_RWND,
    AbortChunk,
    Chunk,
    CookieAckChunk,
    CookieEchoChunk,
    ErrorChunk,
    ForwardTsnChunk,
    IDataChunk,
    IForwardTsnChunk,
    InitAckChunk,
    InitChunk,
    ReconfigChunk,
    ShutdownAckChunk,
)
from .context import Context, PeerGoneError
from .cookie import CookieContents, CookieJar, ForgedCookieError, StaleCookieError
from .parameter import Parameter
from .parameters import (
    DTLS_EDMID,
    CookiePreservative,
    ForwardTsnSupported,
    HostNameAddress,
    StateCookie,
    SupportedExtensions,
    UnrecognizedParameter,
    ZeroChecksumAcceptable,
    parameters_to_report,
)
from .rto import RtoEstimator
from .state import IS_UP, AssociationState, Input
from .timers import Timer

_MAX_REPORT_LENGTH: Final = 512
"""Bytes of unrecognized parameters that an answer quotes at most."""


class CookieVerdict(Enum):
    """What a COOKIE ECHO means. See the table in :rfc:`9260#section-5.2.4`."""

    DISCARD = "discard"
    NEW = "new"
    """There was no association, or ours was being set up at the same time."""

    RESTART = "restart"
    """Action A: the peer lost the association."""

    UPDATE = "update"
    """Action B in an association that is up: the peer has another tag."""

    REPEATED = "repeated"
    """Action D in an association that is up: our COOKIE ACK was lost."""


class Handshake:
    """Both sides' part of the set-up; an endpoint may play both at once.

    Between INIT ACK and COOKIE ECHO the answering side keeps nothing: the cookie holds it all.
    """

    __slots__ = (
        "_attempts",
        "_context",
        "_cookie",
        "_interval",
        "_jar",
        "_preservative_ms",
        "_report",
        "_rto",
        "_sent_at",
        "_stale_count",
        "agreed",
        "local_initial_tsn",
        "local_tag",
    )

    def __init__(self, context: Context, rto: RtoEstimator) -> None:
        self._context = context
        self._rto = rto
        self._jar = CookieJar(context.rng, lifetime=context.config.cookie_lifetime)
        self._attempts = 0
        self._interval = rto.rto
        """How long T1 runs; doubles with each repetition of the same chunk."""

        self._cookie = b""
        self._stale_count = 0
        """How many cookies came too late."""

        self._preservative_ms = 0
        self._sent_at = 0.0
        self._report = b""
        """ERROR about parameters of the INIT ACK, to go with the COOKIE ECHO."""

        self.local_tag = 0
        """Our verification tag; 0 before there is one."""

        self.local_initial_tsn = 0
        self.agreed: CookieContents | None = None
        """What both sides said, once INIT ACK or a good cookie arrived."""

    # --- our INIT ---

    def start(self) -> None:
        """Send INIT."""
        context = self._context
        context.step(Input.CONNECT)
        # [rfc9260:5.1/1] [rfc9260:5.1/2] [rfc9260:5.3.1/3] [rfc9260:3.3.2/21]
        self.local_tag = context.random_32()
        self.local_initial_tsn = int.from_bytes(context.rng(4), "big")
        self._begin_attempts()
        self._send_init()

    def _send_init(self) -> None:
        config = self._context.config
        parameters = self._capabilities()
        if self._preservative_ms:
            parameters = (*parameters, CookiePreservative(self._preservative_ms))
        # [rfc9260:5.1.1/1] [rfc9260:3.3.2/1] [rfc9260:3.3.2/2] [rfc9260:3.3.2.1.4/1] [rfc8261:6.1/3] [rfc8261:6.1/4]
        init = InitChunk(
            self.local_tag,
            config.receive_buffer_size,
            config.max_outbound_streams,
            config.max_inbound_streams,
            self.local_initial_tsn,
            parameters,
        )
        # [rfc9260:3.1/4] [rfc9260:8.5.1/1] [rfc9260:12.3/2] [rfc9260:3/1] [rfc9260:5.1/10] [rfc9260:5.1/11] [rfc9260:12.3/1]
        self._send_alone(init, 0)
        self._start_t1()

    def _capabilities(self) -> tuple[Parameter, ...]:
        config = self._context.config
        parameters: list[Parameter] = []
        extensions: list[int] = []
        if config.stream_reconfiguration:
            # [rfc6525:5.1.1/1]
            extensions.append(ReconfigChunk.TYPE)
        if config.partial_reliability:
            parameters.append(ForwardTsnSupported())
            extensions.append(ForwardTsnChunk.TYPE)
        if config.message_interleaving:
            extensions.append(IDataChunk.TYPE)
            if config.partial_reliability:
                extensions.append(IForwardTsnChunk.TYPE)
        if extensions:
            parameters.append(SupportedExtensions(tuple(extensions)))
        if config.zero_checksum:
            parameters.append(ZeroChecksumAcceptable(DTLS_EDMID))
        return tuple(parameters)

    def _send_alone(self, chunk: Chunk, tag: int) -> None:
        config = self._context.config
        self._context.packets.append(seal_packet(config.local_port, config.remote_port, tag, chunk.serialize()))

    def _refuse(self, tag: int, *causes: Cause) -> None:
        # [rfc9260:5.1/16] [rfc9260:5.1/17] [rfc9260:5.1/18] [rfc9260:8.4/4]
        self._send_alone(AbortChunk(causes), tag)

    def _begin_attempts(self) -> None:
        self._attempts = 0
        self._interval = self._rto.rto
        self._sent_at = self._context.now

    def _start_t1(self) -> None:
        # [rfc9260:5.1/13] [rfc9260:5.1.6/1]
        self._context.timers.start(Timer.T1, self._context.now + self._interval)

    def expire(self) -> None:
        """T1-init or T1-cookie ran out.

        Raises:
            PeerGoneError: It did so too often.
        """
        context = self._context
        self._attempts += 1
        waits_for_init_ack = context.state is AssociationState.COOKIE_WAIT
        # [rfc9260:4/4] [rfc9260:4/5] [rfc9260:4/7] [rfc9260:4/8]
        limit = context.config.max_init_retransmissions
        if limit is not None and self._attempts > limit:
            what = "INIT" if waits_for_init_ack else "COOKIE ECHO"
            raise PeerGoneError(f"the peer does not answer {what}", "rfc9260:4")
        self._interval = min(self._interval * 2, context.config.rto_max)
        # [rfc9260:4/3] [rfc9260:4/6] [rfc9260:5.1.4/3]
        if waits_for_init_ack:
            self._send_init()
        else:
            self._send_cookie_echo()

    # --- the peer's INIT ---

    def receive_init(self, init: InitChunk) -> None:
        """Answer an INIT; the association, if any, stays as it is."""
        context = self._context
        # [rfc9260:3.3.2/7]
        if init.initiate_tag == 0:
            context.drop("init_without_tag")
            return
        if (cause := _problem(init)) is not None:
            # [rfc9260:3.3.2/9] [rfc9260:3.3.2/10] [rfc9260:3.3.2/11] [rfc9260:3.3.2/14] [rfc9260:3.3.2/15]
            # [rfc9260:3.3.2/16] [rfc9260:3.3.2/18] [rfc9260:3.3.2/19] [rfc9260:3.3.2/20]
            context.drop("invalid_init")
            self._refuse(init.initiate_tag, cause)
            return
        # [rfc9260:5.2.1/11] [rfc9260:5.2.1/12] [rfc9260:5.2.1/13] [rfc9260:5.2.2/9] [rfc9260:5.1/6]
        local_tag, local_tsn = self.local_tag, self.local_initial_tsn
        tie_tags = (0, 0)
        match context.state:
            case AssociationState.COOKIE_WAIT:
                # [rfc9260:5.2.1/1] Ours repeats what our INIT said.
                pass
            case AssociationState.COOKIE_ECHOED:
                # [rfc9260:5.2.1/5] [rfc9260:5.2.1/14]
                tie_tags = (self.local_tag, self._remote_tag)
            case AssociationState.CLOSED:
                # [rfc9260:5.2.2/10] [rfc9260:3.3.3/5] [rfc9260:3.3.3/23]
                local_tag, local_tsn = context.random_32(), int.from_bytes(context.rng(4), "big")
            case _:
                # [rfc9260:5.2.2/1] [rfc9260:5.2.2/5] [rfc9260:5.2.2/7] [rfc9260:5.3.1/2]
                local_tag = context.random_32()
                tie_tags = (self.local_tag, self._remote_tag)
        self._send_init_ack(init, local_tag, local_tsn, tie_tags)

    @property
    def _remote_tag(self) -> int:
        return 0 if self.agreed is None else self.agreed.peer_tag

    def _send_init_ack(self, init: InitChunk, local_tag: int, local_tsn: int, tie_tags: tuple[int, int]) -> None:
        context = self._context
        config = context.config
        contents = _agree(init, config.max_outbound_streams, config.max_inbound_streams)
        contents = replace(
            contents,
            source_port=config.local_port,
            destination_port=config.remote_port,
            local_tag=local_tag,
            local_initial_tsn=local_tsn,
            local_tie_tag=tie_tags[0],
            peer_tie_tag=tie_tags[1],
        )
        wish = sum(
            [parameter.increment_ms for parameter in init.parameters if isinstance(parameter, CookiePreservative)]
        )
        # [rfc9260:5.1/5] [rfc9260:5.2.1/10]
        cookie = self._jar.seal(contents, context.now, added_lifetime=min(wish / 1000, config.cookie_lifetime))
        # [rfc9260:3.2.2/1] [rfc9260:3.3.3.1.2/1] [rfc9260:5.1.2/9] [rfc9260:5.1.2/11]
        reports: list[Parameter] = []
        length = 0
        for unknown in parameters_to_report(init.parameters):
            length += len(unknown.serialize())
            if length > _MAX_REPORT_LENGTH:
                break
            reports.append(UnrecognizedParameter(unknown.serialize()))
        # [rfc9260:5.1/4] [rfc9260:5.2.2/6] [rfc9260:5.2.2/8] [rfc9260:3.3.3/1] [rfc9260:3.3.3/15] [rfc9260:12.4/6]
        # [rfc9260:3.3.3.1/1]
        answer = InitAckChunk(
            local_tag,
            config.receive_buffer_size,
            contents.outbound_streams,
            config.max_inbound_streams,
            local_tsn,
            (*self._capabilities(), StateCookie(cookie), *reports),
        )
        self._send_alone(answer, init.initiate_tag)

    # --- INIT ACK ---

    def receive_init_ack(self, answer: InitAckChunk) -> None:
        """Take the answer to our INIT.

        Raises:
            PeerGoneError: It makes an association impossible.
        """
        context = self._context
        # [rfc9260:5.2.3/1] [rfc9260:3.3.3/8] [rfc9260:3.3.3/18] [rfc9260:3.3.3/22]
        if context.state is not AssociationState.COOKIE_WAIT:
            context.drop("unexpected_init_ack")
            return
        if answer.initiate_tag == 0:
            # [rfc9260:3.3.3/6] [rfc9260:3.3.3/7]
            self._send_alone(AbortChunk((InvalidMandatoryParameter(),), FLAG_REFLECTED_TAG), self.local_tag)
            raise PeerGoneError("an INIT ACK without tag", "rfc9260:3.3.3")
        if answer.a_rwnd < MINIMUM_A_RWND:
            # [rfc9260:3.3.3/10] [rfc9260:3.3.3/11] [rfc9260:3.3.3/12]
            context.drop("invalid_init_ack")
            self._refuse(answer.initiate_tag, InvalidMandatoryParameter())
            return
        cookie = next((item.cookie for item in answer.parameters if isinstance(item, StateCookie)), None)
        cause = _problem(answer)
        if cause is None and cookie is None:
            cause = MissingMandatoryParameter((StateCookie.TYPE,))
        if cause is not None or cookie is None:
            # [rfc9260:3.3.3/16] [rfc9260:3.3.3/17] [rfc9260:3.3.3/20] [rfc9260:3.3.3/21] [rfc9260:3.3.3/2]
            self._refuse(answer.initiate_tag, cause or InvalidMandatoryParameter())
            raise PeerGoneError("an INIT ACK that leads to no association", "rfc9260:5.1")
        # [rfc9260:3.3.3/24] [rfc9260:3.3.3/25]
        config = context.config
        self.agreed = replace(
            _agree(answer, config.max_outbound_streams, config.max_inbound_streams),
            source_port=config.local_port,
            destination_port=config.remote_port,
            local_tag=self.local_tag,
            local_initial_tsn=self.local_initial_tsn,
        )
        self._cookie = cookie
        # [rfc9260:3.2.2/2]
        unknown = b"".join([item.serialize() for item in parameters_to_report(answer.parameters)])
        self._report = (
            b"" if not unknown else ErrorChunk((UnrecognizedParameters(unknown[:_MAX_REPORT_LENGTH]),)).serialize()
        )
        if self._attempts == 0:
            self._rto.measure(context.now - self._sent_at)
        self._begin_attempts()
        context.step(Input.INIT_ACK)
        # [rfc9260:5.1.4/1]
        self._send_cookie_echo()

    def _send_cookie_echo(self) -> None:
        config = self._context.config
        # [rfc9260:3.2.2/3] [rfc9260:3.3.11/1] [rfc9260:5.1/7] [rfc9260:5.1/8] [rfc9260:8.5.1/14]
        chunks = CookieEchoChunk(self._cookie).serialize() + self._report
        self._context.packets.append(seal_packet(config.local_port, config.remote_port, self._remote_tag, chunks))
        # [rfc9260:5.1.4/2]
        self._start_t1()

    # --- the cookie comes back ---

    def receive_cookie_echo(self, cookie: bytes, tag: int) -> tuple[CookieVerdict, CookieContents | None]:
        """Judge a cookie; ``tag`` is the packet's verification tag."""
        context = self._context
        try:
            contents = self._jar.open(cookie, context.now)
        except ForgedCookieError:
            # [rfc9260:4/1] [rfc9260:5.1.5/2]
            context.drop("forged_cookie")
            return CookieVerdict.DISCARD, None
        except StaleCookieError as error:
            contents = error.contents
            if not self._matches_both_tags(contents):
                self._report_stale(contents, error.staleness)
                return CookieVerdict.DISCARD, None
        # [rfc9260:5.1.5/3]
        if tag != contents.local_tag or (contents.source_port, contents.destination_port) != (
            context.config.local_port,
            context.config.remote_port,
        ):
            context.drop("cookie_of_another_packet")
            return CookieVerdict.DISCARD, None
        return self._judge(contents), contents

    def _report_stale(self, contents: CookieContents, staleness: float) -> None:
        # [rfc9260:4/2] [rfc9260:5.1.5/4] [rfc9260:5.1.5/5] [rfc9260:5.2.4/1] [rfc9260:5.2.4/2]
        self._context.drop("stale_cookie")
        cause = StaleCookie(min(ceil(staleness * 1_000_000), 0xFFFF_FFFF))
        self._send_alone(ErrorChunk((cause,)), contents.peer_tag)

    def _matches_both_tags(self, contents: CookieContents) -> bool:
        return self.local_tag == contents.local_tag and self._remote_tag == contents.peer_tag

    def _judge(self, contents: CookieContents) -> CookieVerdict:
        context = self._context
        state = context.state
        if state is AssociationState.CLOSED:
            return CookieVerdict.NEW
        is_ours = contents.local_tag == self.local_tag
        is_theirs = contents.peer_tag == self._remote_tag
        if is_ours and state not in IS_UP:
            # [rfc9260:5.2.4/8] [rfc9260:5.2.4/9] [rfc9260:5.2.4/12] [rfc9260:5.2.4/13] Actions B and D.
            return CookieVerdict.NEW
        if is_ours:
            return CookieVerdict.REPEATED if is_theirs else CookieVerdict.UPDATE
        ties = (contents.local_tie_tag, contents.peer_tie_tag)
        if not is_theirs and ties == (self.local_tag, self._remote_tag) and state in IS_UP:
            if state is AssociationState.SHUTDOWN_ACK_SENT:
                # [rfc9260:5.2.4/6] [rfc9260:5.2.4/7]
                context.control.append(ShutdownAckChunk().serialize())
                context.control.append(ErrorChunk((CookieReceivedWhileShuttingDown(),)).serialize())
                return CookieVerdict.DISCARD
            return CookieVerdict.RESTART
        # [rfc9260:5.2.4/3] [rfc9260:5.2.4/10] [rfc9260:5.2.4/11] Action C, and what the table leaves out.
        context.drop("late_cookie")
        return CookieVerdict.DISCARD

    def accept(self, contents: CookieContents) -> None:
        """Take the terms of a good cookie, and acknowledge it."""
        self.agreed = contents
        self.local_tag = contents.local_tag
        self.local_initial_tsn = contents.local_initial_tsn
        self.acknowledge_cookie()

    def acknowledge_cookie(self) -> None:
        """Send COOKIE ACK in front of everything else."""
        # [rfc9260:3.3.12/1] [rfc9260:5.1/9] [rfc9260:5.1.5/6] [rfc9260:5.1.5/8]
        self._context.control.insert(0, CookieAckChunk().serialize())

    def receive_stale_cookie(self) -> None:
        """The peer says that our COOKIE ECHO came too late: try again with a wish for a longer life."""
        context = self._context
        # [rfc9260:5.2.6/1] [rfc9260:5.2.6/2]
        if context.state is not AssociationState.COOKIE_ECHOED:
            context.drop("unexpected_stale_cookie")
            return
        context.step(Input.STALE_COOKIE)
        # [rfc9260:5.2.6/3] The round trip of COOKIE ECHO and error, and one second.
        self._preservative_ms = int((context.now - self._sent_at) * 1000) + 1000
        self._stale_count += 1
        limit = context.config.max_init_retransmissions
        if limit is not None and self._stale_count > limit:
            raise PeerGoneError("the peer's cookies always come too late", "rfc9260:5.2.6")
        self._begin_attempts()
        self._send_init()


def _problem(chunk: InitChunk | InitAckChunk) -> Cause | None:
    """Why an INIT or INIT ACK with a tag cannot lead to an association."""
    for parameter in chunk.parameters:
        if isinstance(parameter, HostNameAddress):
            # [rfc9260:3.3.2/3] [rfc9260:3.3.2.1.4/2] [rfc9260:3.3.3/2] [rfc9260:5.1.2/2] [rfc9260:12.2.4.1/1]
            return UnresolvableAddress(parameter.serialize())
    if chunk.a_rwnd < MINIMUM_A_RWND or not chunk.outbound_streams or not chunk.inbound_streams:
        return InvalidMandatoryParameter()
    return None


def _agree(chunk: InitChunk | InitAckChunk, max_outbound: int, max_inbound: int) -> CookieContents:
    """What the peer's INIT or INIT ACK and our settings come to; ports and our own numbers are still to be filled in."""
    extensions: tuple[int, ...] = ()
    forward_tsn = zero_checksum = False
    # [rfc9260:3.3.2/4]
    for parameter in chunk.parameters:
        match parameter:
            case SupportedExtensions():
                extensions = parameter.chunk_types
            case ForwardTsnSupported():
                forward_tsn = True
            case ZeroChecksumAcceptable():
                zero_checksum = parameter.edmid == DTLS_EDMID
            case _:
                pass
    known = (ReconfigChunk.TYPE, ForwardTsnChunk.TYPE, IDataChunk.TYPE, IForwardTsnChunk.TYPE)
    return CookieContents(
        source_port=0,
        destination_port=0,
        local_tag=0,
        # [rfc9260:3.3.2/6] [rfc9260:3.3.3/4]
        peer_tag=chunk.initiate_tag,
        local_initial_tsn=0,
        peer_initial_tsn=chunk.initial_tsn,
        peer_a_rwnd=chunk.a_rwnd,
        # [rfc9260:5.1.1/2] [rfc9260:5.1.1/3] [rfc9260:5.1.1/4]
        outbound_streams=min(max_outbound, chunk.inbound_streams),
        inbound_streams=min(max_inbound, chunk.outbound_streams),
        peer_forward_tsn=forward_tsn,
        peer_zero_checksum=zero_checksum,
        peer_extensions=tuple([type_ for type_ in known if type_ in extensions]),
    )
