"""What a peer connection tells about media that flow: the events of `rtc_rtp`, each with the transceiver that it belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from rtc_peer.dataclass import dataclass
from rtc_peer.events import WarningIssued
from rtc_peer.track_events import TrackMuted, TrackUnmuted

if TYPE_CHECKING:
    from rtc_peer.transceiver import RtpTransceiver
    from rtc_rtp import EncodedFrame, RtpPacket


@dataclass(slots=True)
class FrameReceived:
    """One whole encoded frame of the peer, in order and in its time."""

    transceiver: RtpTransceiver
    frame: EncodedFrame


@dataclass(slots=True)
class PacketReceived:
    """One RTP packet of the peer, as soon as it arrived; only where the receiver is told to deliver packets."""

    transceiver: RtpTransceiver
    packet: RtpPacket


@dataclass(slots=True)
class KeyFrameRequested:
    """The peer cannot decode without a key frame; answer with one from `RtpSender.send_frame`."""

    transceiver: RtpTransceiver
    rid: str | None
    """The encoding; None for the only one."""


@dataclass(slots=True)
class StreamDiscovered:
    """The first packets of an SSRC arrived."""

    transceiver: RtpTransceiver
    ssrc: int
    rid: str | None
    """The encoding that it is of, where the peer names it."""


@dataclass(slots=True)
class StreamEnded:
    """A stream of the peer is over."""

    transceiver: RtpTransceiver
    ssrc: int
    rid: str | None
    reason: str
    """``bye`` if the peer said so, ``timeout`` if nothing was heard of it for long, ``moved`` if its packets name
    another media section from now on, where the stream begins anew."""


@dataclass(slots=True)
class BitrateShare:
    """What one encoding may use."""

    transceiver: RtpTransceiver
    rid: str | None
    bitrate_bps: int


@dataclass(slots=True)
class TargetBitrateChanged:
    """A transport takes more, or less, than before: set the encoders to their shares."""

    bitrate_bps: int
    """Of all encodings on the transport together."""
    shares: tuple[BitrateShare, ...]


@dataclass(slots=True)
class LossChanged:
    """More, or less, of an encoding is lost on its way: error correction inside its frames has other losses to repair."""

    transceiver: RtpTransceiver
    rid: str | None
    fraction_lost: float
    """0 to 1, in few steps; 0 until something is lost, and once nothing was for a while."""


@dataclass(slots=True)
class ToneReceived:
    """A telephone event of the peer goes on, or has ended."""

    transceiver: RtpTransceiver
    code: int
    """0 to 9 for digits, 10 for ``*``, 11 for ``#``, 12 to 15 for A to D."""
    duration: float
    """Seconds so far."""
    volume_dbm0: int
    """0 to -63."""
    ended: bool

    @property
    def tone(self) -> str | None:
        """The character that the code stands for; None if it is none of a telephone's keys."""
        from rtc_rtp import DTMF_TONES

        return DTMF_TONES[self.code] if self.code < len(DTMF_TONES) else None


@dataclass(slots=True)
class ToneSent:
    """The sender began to play a tone of `RtpSender.insert_dtmf`."""

    transceiver: RtpTransceiver
    tone: str
    """One character; empty when all tones have been played."""


MediaEvent: TypeAlias = (
    FrameReceived
    | PacketReceived
    | KeyFrameRequested
    | StreamDiscovered
    | StreamEnded
    | TargetBitrateChanged
    | LossChanged
    | ToneReceived
    | ToneSent
)

FlowEvent: TypeAlias = MediaEvent | TrackMuted | TrackUnmuted | WarningIssued
"""All that media which flow may tell."""
