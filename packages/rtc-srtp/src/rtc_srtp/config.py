"""What a sender and a receiver may be told. Both ends of a direction need the same `SrtpConfig.mki_length`."""

from dataclasses import replace
from typing import Final

from .dataclass import dataclass

MIN_REPLAY_WINDOW: Final = 64
MAX_MKI_LENGTH: Final = 128
_EXTENSION_IDS: Final = frozenset(range(1, 256))


@dataclass(frozen=True, slots=True, kw_only=True)
class SrtpConfig:
    """Settings of an `SrtpSender` or `SrtpReceiver`."""

    mki_length: int = 0
    """Bytes of the master key identifier in every packet, 0 to 128; 0 means that there is none, and one key."""
    # [rfc3711:3.3.2/1] [rfc3711:3.3.2/3]
    replay_window: int = 1024
    """How far behind the newest a packet may be that a receiver still accepts, 64 or more. 0 turns replay protection off,
    which is for recordings that are read again and for nothing else."""
    allow_repeats: bool = False
    """Let a sender protect a packet index more than once. Each time it has to be the same packet, bit for bit: with another one
    under the same key both are lost, and with GCM so is the authentication of all that follow."""
    encrypted_extension_ids: frozenset[int] = frozenset()
    """IDs of the header extensions that are encrypted one by one, 1 to 255. See :rfc:`6904`."""
    cryptex: bool = False
    """Encrypt header extensions and contributing sources as a whole, where `encrypted_extension_ids` is not asked; a
    receiver takes both kinds of packets. Both sides have to know it. See :rfc:`9335`."""
    require_cryptex: bool = False
    """Neither send nor take packets with a readable header extension or readable contributing sources."""
    encrypt_rtcp: bool = True
    """Let a sender encrypt RTCP packets; they are authenticated anyway."""
    accept_unencrypted_rtcp: bool = False
    """Let a receiver take RTCP packets that are authentic but were sent in the clear."""
    max_sources: int = 4096
    """Synchronization sources that state is kept for, 1 or more."""

    def with_headers(
        self, encrypted_extension_ids: frozenset[int], *, cryptex: bool, require_cryptex: bool
    ) -> "SrtpConfig":
        """Return the same with other settings of what is encrypted of headers.

        Raises:
            ValueError: There is no such ID.
        """
        return replace(
            self,
            encrypted_extension_ids=encrypted_extension_ids,
            cryptex=cryptex,
            require_cryptex=require_cryptex,
        )

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if not 0 <= self.mki_length <= MAX_MKI_LENGTH:
            raise ValueError(f"a master key identifier has 0 to {MAX_MKI_LENGTH} bytes, not {self.mki_length}")
        # [rfc3711:3.3.2/2]
        if self.replay_window != 0 and self.replay_window < MIN_REPLAY_WINDOW:
            raise ValueError(f"a replay window has at least {MIN_REPLAY_WINDOW} packets, not {self.replay_window}")
        if self.max_sources < 1:
            raise ValueError("there is at least one source")
        if not self.encrypted_extension_ids <= _EXTENSION_IDS:
            raise ValueError("header extensions have IDs 1 to 255")
