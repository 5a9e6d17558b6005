"""The sending side: RTP and RTCP packets into SRTP and SRTCP packets. See :rfc:`3711#section-3.3`."""

from collections.abc import Iterable
from typing import Final

from .config import SrtpConfig
from .context import KeyContext, insert_mki
from .errors import KeyExhaustedError, PacketReuseError, StateError
from .master_key import MasterKey
from .packet import SEQUENCE_NUMBER_AND_SSRC, check_rtcp, header_length, rtcp_ssrc
from .profile import ProtectionProfile
from .replay import INDEX_BITS, ReplayWindow, roll_over_counter
from .transform import SRTCP_INDEX_MASK

_DEFAULT: Final = SrtpConfig()


class SrtpSender:
    """Protects what one side sends in an RTP session: all its sources, RTP and RTCP.

    Args:
        profile: What was negotiated.
        master_key: The key of this direction. Nothing else may protect packets with it, another `SrtpSender` neither.
        config: Settings.

    Raises:
        ValueError: Key, salt or identifier have not the length that `profile` and `config` say.
    """

    __slots__ = ("_config", "_context", "_profile", "_rtcp_sources", "_sources", "_starts", "_used_mkis")

    def __init__(self, profile: ProtectionProfile, master_key: MasterKey, *, config: SrtpConfig = _DEFAULT) -> None:
        self._profile = ProtectionProfile(profile)
        self._config = config
        self._context = KeyContext(self._profile, master_key, config)
        self._used_mkis = {master_key.mki}
        self._sources: dict[int, SentSource] = {}
        self._rtcp_sources: dict[int, SentRtcp] = {}
        self._starts: dict[int, int] = {}

    def protect(self, packet: bytes) -> bytes:
        """Return the SRTP packet for an RTP packet.

        Packets of a source come in the order of their sequence numbers, or nearly so.

        Raises:
            ParseError: It is not an RTP packet.
            PacketReuseError: Its sequence number was protected before, or is too far behind.
            KeyExhaustedError: The key has protected as many packets of this source as it may: `use_master_key`.
            StateError: There are as many sources as `SrtpConfig.max_sources` says.

        See :rfc:`3711#section-3.3`.
        """
        length = header_length(packet)
        sequence_number, ssrc = SEQUENCE_NUMBER_AND_SSRC(packet)
        source = self._sources.get(ssrc) or self._new_source(ssrc, sequence_number)
        number = source.take(sequence_number, self._config.allow_repeats)
        context = self._context
        protected = context.transform.protect(number, packet, length)
        return insert_mki(protected, context.mki, context.mki_offset) if context.mki else protected

    def protect_many(self, packets: Iterable[bytes]) -> list[bytes]:
        """Return the SRTP packets for RTP packets, in their order.

        Raises:
            SrtpError: As `protect`, for the first that cannot be protected; those before it count as protected.
        """
        protect = self.protect
        return [protect(packet) for packet in packets]

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Return the SRTCP packet for an RTCP packet, compound or of reduced size.

        Raises:
            ParseError: It is not an RTCP packet.
            KeyExhaustedError: The key has protected as many packets of this source as it may: `use_master_key`.
            StateError: There are as many sources as `SrtpConfig.max_sources` says.

        See :rfc:`3711#section-3.4`.
        """
        check_rtcp(packet)
        ssrc = rtcp_ssrc(packet)
        source = self._rtcp_sources.get(ssrc)
        if source is None:
            if len(self._rtcp_sources) >= self._config.max_sources:
                raise StateError(f"there are {self._config.max_sources} sources already")
            source = self._rtcp_sources[ssrc] = SentRtcp(self._config.srtcp_lifetime)
        number = ssrc << INDEX_BITS | source.take()
        context = self._context
        protected = context.transform.protect_rtcp(number, packet, encrypt=True)
        return insert_mki(protected, context.mki, context.rtcp_mki_offset) if context.mki else protected

    def use_master_key(self, master_key: MasterKey) -> None:
        """Protect from now on with another key; counters go on. The receiver has to know it already, by its identifier.

        Raises:
            StateError: There is no master key identifier that would tell the receiver, or it was used before.
            ValueError: Key, salt or identifier have not the right length.

        See :rfc:`3711#section-8.1`.
        """
        if not self._config.mki_length:
            raise StateError("without a master key identifier nobody can tell which key a packet needs")
        # [rfc3711:9.2/4]
        if master_key.mki in self._used_mkis:
            raise StateError("this master key identifier was used before")
        self._context = KeyContext(self._profile, master_key, self._config)
        self._used_mkis.add(master_key.mki)
        for source in self._sources.values():
            source.renew(self._config.srtp_lifetime)
        for rtcp_source in self._rtcp_sources.values():
            rtcp_source.renew(self._config.srtcp_lifetime)

    def roll_over_counter(self, ssrc: int) -> int:
        """Return how often the sequence number of a source has passed through zero. A receiver that joins late needs it."""
        source = self._sources.get(ssrc)
        return self._starts.get(ssrc, 0) if source is None else roll_over_counter(source.newest)

    def set_roll_over_counter(self, ssrc: int, value: int) -> None:
        """Say with which roll-over counter the next packet of a source goes out.

        Raises:
            ValueError: It is not in 0 to 2**32 - 1.
            StateError: The source has sent with this one already, or there are too many sources.
        """
        if not 0 <= value < 1 << 32:
            raise ValueError("a roll-over counter has 32 bits")
        if ssrc in self._sources and value <= self.roll_over_counter(ssrc):
            raise StateError(
                "the roll-over counter of a sender only grows: under an old one packets would be protected twice"
            )
        if ssrc not in self._sources and len(self._sources) + len(self._starts) >= self._config.max_sources:
            raise StateError(f"there are {self._config.max_sources} sources already")
        self._sources.pop(ssrc, None)
        self._starts[ssrc] = value

    def _new_source(self, ssrc: int, sequence_number: int) -> "SentSource":
        # [rfc3711:3.3.1/1]
        start = self._starts.pop(ssrc, 0)
        if len(self._sources) + len(self._starts) >= self._config.max_sources:
            raise StateError(f"there are {self._config.max_sources} sources already")
        number = ssrc << INDEX_BITS | start << 16 | sequence_number
        source = self._sources[ssrc] = SentSource(number, self._config.replay_window)
        source.renew(self._config.srtp_lifetime)
        return source


class SentSource(ReplayWindow):
    """The RTP packets of one source that were protected."""

    __slots__ = ("_last",)

    def renew(self, lifetime: int) -> None:
        """Count the packets that a new key may protect, from here."""
        self._last = min(self.newest + lifetime - 1, self.newest | (1 << INDEX_BITS) - 1)

    def take(self, sequence_number: int, repeats: bool) -> int:
        """Return the number of the next packet, which is thereby used up.

        Raises:
            PacketReuseError: It was used before.
            KeyExhaustedError: It is beyond what the key may protect.
        """
        number = self.locate(sequence_number)
        # [rfc3711:3.3.1/8]
        if number > self._last:
            raise KeyExhaustedError("the key has protected as many RTP packets of this source as it may")
        # [rfc3711:4.1.1/6]
        if not repeats and not self.is_new(number):
            raise PacketReuseError(f"sequence number {sequence_number} was protected before, or is too far behind")
        self.add(number)
        return number


class SentRtcp:
    """The RTCP packets of one source that were protected."""

    __slots__ = ("_count", "_end")

    def __init__(self, lifetime: int) -> None:
        self._count = 0
        self._end = lifetime

    def renew(self, lifetime: int) -> None:
        """Count the packets that a new key may protect, from here."""
        self._end = self._count + lifetime

    def take(self) -> int:
        """Return the index of the next packet.

        Raises:
            KeyExhaustedError: It is beyond what the key may protect.
        """
        if self._count >= self._end:
            raise KeyExhaustedError("the key has protected as many RTCP packets of this source as it may")
        # [rfc3711:3.4/3]
        index = self._count & SRTCP_INDEX_MASK
        self._count += 1
        return index
