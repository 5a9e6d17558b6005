"""What a session reports. All of it is plain data that stands alone."""

from enum import Enum

from rtc_rtp.dataclass import dataclass
from rtc_rtp.frame import EncodedFrame
from rtc_rtp.packet import RtpPacket
from rtc_rtp.parameters import StreamId


@dataclass(slots=True)
class FrameReceived:
    """One whole encoded frame, in order and in its time."""

    receiver_id: StreamId
    frame: EncodedFrame


@dataclass(slots=True)
class PacketReceived:
    """One RTP packet, as soon as it arrived; retransmissions are unwrapped, duplicates left out."""

    receiver_id: StreamId
    packet: RtpPacket


@dataclass(slots=True)
class KeyFrameRequested:
    """The peer cannot decode without a key frame (PLI or FIR); answer with one from ``send_frame``.

    Requests that come in a crowd, or while a key frame is on its way, are told once.
    """

    sender_id: StreamId
    rid: str | None
    """The encoding; ``None`` for the only one."""


@dataclass(slots=True)
class StreamDiscovered:
    """The first packets of an SSRC arrived."""

    receiver_id: StreamId
    ssrc: int
    rid: str | None


class EndReason(Enum):
    """Why a stream ended."""

    BYE = "bye"
    """The peer said so. See :rfc:`3550#section-6.6`."""

    TIMEOUT = "timeout"
    """Nothing was heard of it for long. See :rfc:`3550#section-6.3.5`."""

    MOVED = "moved"
    """Its packets belong to another receiver from now on, where the stream begins anew. See :rfc:`9143#section-9.2`."""


@dataclass(slots=True)
class StreamEnded:
    """A stream of the peer is over; packets under its SSRC begin a new one."""

    receiver_id: StreamId
    ssrc: int
    rid: str | None
    reason: EndReason


@dataclass(slots=True)
class BitrateShare:
    """What one encoding may use."""

    sender_id: StreamId
    rid: str | None
    bitrate_bps: int
    """0 if nothing of it is sent at present: it does not fit, or the circuit breaker (:rfc:`8083`) holds it back."""


@dataclass(slots=True)
class TargetBitrateChanged:
    """The path takes more, or less, than before: set the encoders to their shares."""

    bitrate_bps: int
    """Of all senders together, without retransmissions and headers of lower layers."""

    shares: tuple[BitrateShare, ...]


@dataclass(slots=True)
class LossChanged:
    """The peer's reports tell of more loss of a stream, or of less: error correction inside its frames has other losses to repair."""

    sender_id: StreamId
    rid: str | None
    fraction_lost: float
    """0 to 1, in few steps; 0 until something is lost, and once nothing was for some reports."""


@dataclass(slots=True)
class ToneReceived:
    """A telephone event of the peer ended or goes on. See :rfc:`4733`."""

    receiver_id: StreamId
    code: int
    """0 to 9 for digits, 10 for ``*``, 11 for ``#``, 12 to 15 for A to D."""

    duration: float
    """Seconds so far."""

    volume_dbm0: int
    """0 to -63."""

    ended: bool


@dataclass(slots=True)
class ToneSent:
    """A tone that ``send_tones`` was given begins to be sent."""

    sender_id: StreamId
    tone: str
    """One of ``0123456789*#ABCD``, ``,`` for a pause, or nothing: all of them were sent."""


@dataclass(slots=True)
class SourceConflict:
    """The peer uses an SSRC of ours; the encoding goes on under another, which signalling may have to tell.

    See :rfc:`3550#section-8.2`.
    """

    sender_id: StreamId
    rid: str | None
    old_ssrc: int
    new_ssrc: int


Event = (
    FrameReceived
    | PacketReceived
    | KeyFrameRequested
    | StreamDiscovered
    | StreamEnded
    | TargetBitrateChanged
    | LossChanged
    | ToneReceived
    | ToneSent
    | SourceConflict
)
