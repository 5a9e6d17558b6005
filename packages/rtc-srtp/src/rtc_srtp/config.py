"""What a sender and a receiver may be told. Both ends of a direction need the same `SrtpConfig.mki_length`."""

from typing import Final

from .dataclass import dataclass

MAX_SRTP_LIFETIME: Final = 1 << 48
"""RTP packets of one source that one key may protect: there are no more indices."""
MAX_SRTCP_LIFETIME: Final = 1 << 31
"""RTCP packets of one source that one key may protect."""
MIN_REPLAY_WINDOW: Final = 64
MAX_MKI_LENGTH: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class SrtpConfig:
    """Settings of an `SrtpSender` or `SrtpReceiver`."""

    mki_length: int = 0
    """Bytes of the master key identifier in every packet, 0 to 128; 0 means that there is none, and one key."""
    replay_window: int = 1024
    """Packets that the newest may be ahead of one that is still accepted, 64 or more. 0 turns replay protection off,
    which is for recordings that are read again and for nothing else."""
    allow_repeats: bool = False
    """Let a sender protect a packet index more than once. Each time it has to be the same packet, bit for bit: with another one
    under the same key both are lost, and with GCM so is the authentication of all that follow."""
    accept_unencrypted_rtcp: bool = False
    """Let a receiver take RTCP packets that are authentic but were sent in the clear."""
    max_sources: int = 1024
    """Synchronization sources that state is kept for, 1 or more."""
    srtp_lifetime: int = MAX_SRTP_LIFETIME
    """RTP packets of one source that one master key protects, 1 to 2**48."""
    srtcp_lifetime: int = MAX_SRTCP_LIFETIME
    """RTCP packets of one source that one master key protects, 1 to 2**31."""

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if not 0 <= self.mki_length <= MAX_MKI_LENGTH:
            raise ValueError(f"a master key identifier has 0 to {MAX_MKI_LENGTH} bytes, not {self.mki_length}")
        # [rfc3711:3.3.2/3]
        if self.replay_window != 0 and self.replay_window < MIN_REPLAY_WINDOW:
            raise ValueError(f"a replay window has at least {MIN_REPLAY_WINDOW} packets, not {self.replay_window}")
        if self.max_sources < 1:
            raise ValueError("there is at least one source")
        if not (1 <= self.srtp_lifetime <= MAX_SRTP_LIFETIME and 1 <= self.srtcp_lifetime <= MAX_SRTCP_LIFETIME):
            raise ValueError("a key lives for 1 to 2**48 RTP and 1 to 2**31 RTCP packets of a source")
