"""What an association reports. All of it is plain data that stands alone."""

from enum import Enum

from .dataclass import dataclass


@dataclass(slots=True)
class AssociationEstablished:
    """Messages may flow both ways."""

    outbound_streams: int
    """Identifiers of outgoing streams are below this."""

    inbound_streams: int
    """Identifiers of incoming streams are below this."""

    # [rfc3758:3.3.2/6]
    partial_reliability: bool
    """Whether both sides can abandon messages; otherwise limits of ``send`` have no effect."""

    stream_reconfiguration: bool
    """Whether both sides can reset streams."""

    message_interleaving: bool
    """Whether long messages are interleaved."""

    zero_checksum: bool
    """Whether the peer takes packets without checksum."""


@dataclass(slots=True)
class PeerRestarted:
    """The peer lost the association and set it up anew; what was queued is gone. See :rfc:`9260#section-5.2.4`."""

    established: AssociationEstablished


@dataclass(slots=True)
class AssociationReset:
    """All streams of both directions and all TSNs began anew, as either side wished. See :rfc:`6525#section-5.2.4`."""


class CloseReason(Enum):
    """Why an association ended in order."""

    SHUTDOWN = "shutdown"
    """Everything was delivered both ways."""

    LOCAL_ABORT = "local_abort"
    REMOTE_ABORT = "remote_abort"


@dataclass(slots=True)
class AssociationClosed:
    """The end, as one of the two sides wished."""

    reason: CloseReason
    message: bytes = b""
    """The peer's words with its abort, if any."""


@dataclass(slots=True)
class AssociationFailed:
    """The end, as nobody wished: the peer is gone or broke a rule."""

    reason: str
    section: str
    """Where the rule stands, such as ``rfc9260:8.1``."""


@dataclass(slots=True)
class MessageReceived:
    """One whole message of the peer."""

    stream_id: int
    ppid: int
    """Payload protocol identifier."""

    data: bytes
    unordered: bool = False


@dataclass(slots=True)
class IncomingStreamsReset:
    """The peer reset its outgoing streams: their sequence numbers begin anew."""

    stream_ids: tuple[int, ...] | range
    """Which; a range if it named none, which means all."""


@dataclass(slots=True)
class OutgoingStreamsReset:
    """The peer confirmed the reset of outgoing streams of ours."""

    stream_ids: tuple[int, ...]


@dataclass(slots=True)
class StreamsResetFailed:
    """The peer refused to let outgoing streams of ours be reset; they go on as they were."""

    stream_ids: tuple[int, ...]


@dataclass(slots=True)
class StreamsAdded:
    """The number of streams grew, by either side's wish."""

    outbound_streams: int
    inbound_streams: int


@dataclass(slots=True)
class StreamsAddFailed:
    """The peer refused to add streams."""


@dataclass(slots=True)
class IncomingStreamsResetFailed:
    """The peer refused to reset its outgoing streams."""

    stream_ids: tuple[int, ...]


@dataclass(slots=True)
class AssociationResetFailed:
    """The peer refused to begin all numbers anew."""


@dataclass(slots=True)
class BufferedAmountLow:
    """The unsent bytes of a stream fell to its threshold."""

    stream_id: int


# [rfc3758:4.1/5]
@dataclass(slots=True)
class MessageAbandoned:
    """A message was given up because its lifetime or its retransmissions ran out; the peer may not have got it."""

    stream_id: int
    ppid: int


@dataclass(slots=True)
class PartialReliabilityLost:
    """The peer does not understand how messages are given up; from now on all are reliable."""


@dataclass(slots=True)
class PeerErrorReceived:
    """The peer reported an error that does not end the association."""

    cause_code: int
    detail: bytes
    """The value of the cause, as the peer sent it."""


Event = (
    AssociationEstablished
    | PeerRestarted
    | AssociationReset
    | AssociationClosed
    | AssociationFailed
    | MessageReceived
    | IncomingStreamsReset
    | OutgoingStreamsReset
    | StreamsResetFailed
    | StreamsAdded
    | StreamsAddFailed
    | IncomingStreamsResetFailed
    | AssociationResetFailed
    | BufferedAmountLow
    | MessageAbandoned
    | PartialReliabilityLost
    | PeerErrorReceived
)
