"""The sending side: RTP and RTCP packets into SRTP and SRTCP packets. See :rfc:`3711#section-3.3`."""

from collections.abc import Iterable
from hmac import compare_digest
from struct import error as struct_error
from typing import Final, NoReturn

from .config import SrtpConfig
from .context import make_transform
from .errors import KeyExhaustedError, PacketReuseError, StateError
from .master_key import MasterKey
from .packet import (
    COMMON_HEADER,
    EXTENDED,
    EXTENDED_LENGTH,
    FIXED_LENGTH,
    MAX_LENGTH,
    PLAIN,
    parse_header,
    parse_rtcp_ssrc,
)
from .profile import ProtectionProfile
from .replay import INDEX_BITS, ReplayWindow, roll_over_counter
from .transform import SRTCP_INDEX_MASK

SRTCP_LIFETIME: Final = 1 << 31
"""RTCP packets of one source that a master key may protect. Those of RTP end with their index, after 2**48."""
_WINDOW: Final = 1024
"""How far behind the newest a packet may be that is protected: of those before, nobody knows whether they were."""
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

    __slots__ = (
        "_config",
        "_exhausted",
        "_master_key",
        "_profile",
        "_rtcp_sources",
        "_sources",
        "_starts",
        "_transform",
        "_used_mkis",
    )

    def __init__(self, profile: ProtectionProfile, master_key: MasterKey, *, config: SrtpConfig = _DEFAULT) -> None:
        self._profile = ProtectionProfile(profile)
        self._config = config
        self._master_key = master_key
        self._transform = make_transform(self._profile, master_key, config)
        self._used_mkis = {master_key.mki}
        self._sources: dict[int, ReplayWindow] = {}
        self._starts: dict[int, int] = {}
        """Roll-over counters of sources that have not sent yet."""
        self._rtcp_sources: dict[int, SentRtcp] = {}
        self._exhausted = False

    def protect(self, packet: bytes) -> bytes:
        """Return the SRTP packet for an RTP packet.

        Packets of a source come in the order of their sequence numbers, or nearly so.

        Raises:
            ValueError: It is not an RTP packet (`ParseError`), is too long, or `SrtpConfig.require_cryptex` forbids it
                (`UnencryptableError`).
            PacketReuseError: Its sequence number was protected before, or is too far behind.
            KeyExhaustedError: The key has protected as many packets as it may.
            StateError: There are as many sources as `SrtpConfig.max_sources` says.

        See :rfc:`3711#section-3.3`.
        """
        # The common case at once, the next packet of a source without CSRCs; all others where the rules are.
        try:
            first, sequence_number, ssrc, extension_words = COMMON_HEADER(packet)
            source = self._sources[ssrc]
        except (KeyError, struct_error):
            return self._protect_other(packet)
        if first == EXTENDED:
            header_length = EXTENDED_LENGTH + 4 * extension_words
        elif first == PLAIN:
            header_length = FIXED_LENGTH
        else:
            return self._protect_other(packet)
        if sequence_number != source.expected or not header_length <= len(packet) <= MAX_LENGTH:
            return self._protect_other(packet)
        # [rfc3711:3.3/1] [rfc3711:3.3/2]
        number = source.newest + 1
        protected = self._transform.protect(number, packet, header_length)
        source.newest = number
        source.expected = sequence_number + 1
        return protected

    def protect_many(self, packets: Iterable[bytes]) -> list[bytes]:
        """Return the SRTP packets for RTP packets, in their order.

        Raises:
            ValueError, StateError: As `protect`, for the first that cannot be protected; those before it count as protected.
        """
        protect = self.protect
        return [protect(packet) for packet in packets]

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Return the SRTCP packet for an RTCP packet, compound or of reduced size.

        Raises:
            ValueError: It is not an RTCP packet (`ParseError`), or too long.
            KeyExhaustedError: The key has protected as many packets as it may.
            StateError: There are as many sources as `SrtpConfig.max_sources` says.

        See :rfc:`3711#section-3.4`.
        """
        if len(packet) > MAX_LENGTH:
            raise ValueError(f"a packet has at most {MAX_LENGTH} bytes, not {len(packet)}")
        ssrc = parse_rtcp_ssrc(packet)
        self._check_key()
        source = self._rtcp_sources.get(ssrc) or self._new_rtcp_source(ssrc)
        # [rfc3711:9.2/4] [rfc3711:9.2/6] [rfc3711:8.1/1] [rfc7714:9.4/1] [rfc7714:10/4]
        if source.next >= source.end:
            self._exhaust()
        # [rfc3711:3.4/5] [rfc3711:3.4/12] [rfc3711:9.2/3]
        number = ssrc << INDEX_BITS | source.next & SRTCP_INDEX_MASK
        source.next += 1
        # [rfc3711:3.4/3] [rfc3711:3.4/8]
        return self._transform.protect_rtcp(number, packet, self._config.encrypt_rtcp)

    def use_master_key(self, master_key: MasterKey) -> None:
        """Protect from now on with another key; all counters go on. The receiver has to have it already.

        Raises:
            StateError: There is no master key identifier that would tell the receiver, or this one was used before, or the key
                is the same.
            ValueError: Key, salt or identifier have not the right length.

        See :rfc:`3711#section-8.1`.
        """
        if not self._config.mki_length:
            raise StateError("without a master key identifier nobody can tell which key a packet needs")
        # [rfc3711:9.2/5]
        if master_key.mki in self._used_mkis:
            raise StateError("this master key identifier was used before")
        transform = make_transform(self._profile, master_key, self._config)
        if compare_digest(master_key.key, self._master_key.key):
            raise StateError("this is the key in use, which protects no more packets under another name")
        # [rfc3711:3.1/5] [rfc3711:3.3.1/8] [rfc3711:3.3.1/11] [rfc3711:11.2/2] [rfc3711:11.4/1] [rfc3711:11.4/2]
        self._transform, self._master_key = transform, master_key
        self._used_mkis.add(master_key.mki)
        self._exhausted = False
        for source in self._rtcp_sources.values():
            # [rfc3711:3.4/6] [rfc7714:13.1/5]
            source.end = source.next + SRTCP_LIFETIME

    def encrypt_headers(
        self, extension_ids: frozenset[int] = frozenset(), *, cryptex: bool = False, require_cryptex: bool = False
    ) -> None:
        """Choose what is encrypted of the headers of RTP packets from now on, as negotiated anew; key and counters stay.

        What was protected before is not protected again, even where `SrtpConfig.allow_repeats` says so: it would not be the same.

        Args:
            extension_ids: See `SrtpConfig.encrypted_extension_ids`.
            cryptex: See `SrtpConfig.cryptex`.
            require_cryptex: See `SrtpConfig.require_cryptex`.

        Raises:
            ValueError: There is no such ID.
        """
        self._config = self._config.with_headers(extension_ids, cryptex=cryptex, require_cryptex=require_cryptex)
        self._transform = make_transform(self._profile, self._master_key, self._config)
        if self._config.allow_repeats:
            for source in self._sources.values():
                source.floor = source.newest + 1

    def roll_over_counter(self, ssrc: int) -> int:
        """Return how often the sequence number of a source has passed through zero. A receiver that joins late needs it."""
        source = self._sources.get(ssrc)
        return self._starts.get(ssrc, 0) if source is None else roll_over_counter(source.newest)

    def set_roll_over_counter(self, ssrc: int, value: int) -> None:
        """Say which roll-over counter the next packet of a source has, for one that goes on with what another began.

        Raises:
            ValueError: It is not in 0 to 2**32 - 1.
            StateError: Packets of the source were protected under this one or a later, or there are too many sources.
        """
        if not 0 <= value < 1 << 32:
            raise ValueError("a roll-over counter has 32 bits")
        if ssrc not in self._starts and ssrc not in self._sources:
            self._check_room()
        if value < self._starts.get(ssrc, 0) or (ssrc in self._sources and value <= self.roll_over_counter(ssrc)):
            raise StateError("the roll-over counter of a sender only grows, or packets would be protected twice")
        self._sources.pop(ssrc, None)
        self._starts[ssrc] = value

    def srtcp_index(self, ssrc: int) -> int:
        """Return the index that the next RTCP packet of a source gets."""
        source = self._rtcp_sources.get(ssrc)
        return 0 if source is None else source.next & SRTCP_INDEX_MASK

    def set_srtcp_index(self, ssrc: int, value: int) -> None:
        """Say which index the next RTCP packet of a source gets, for one that goes on with what another began.

        Raises:
            ValueError: It is not in 0 to 2**31 - 1.
            StateError: A packet of the source was protected under this one or a later, or there are too many sources.
        """
        if not 0 <= value <= SRTCP_INDEX_MASK:
            raise ValueError("an index of RTCP has 31 bits")
        source = self._rtcp_sources.get(ssrc) or self._new_rtcp_source(ssrc)
        ahead = value - (source.next & SRTCP_INDEX_MASK)
        if ahead < 0:
            raise StateError("the index of a sender only grows, or packets would be protected twice")
        source.next += ahead

    def _protect_other(self, packet: bytes) -> bytes:
        """Protect any packet: the first of a source, one that comes out of order, one at which the counter rolls over."""
        # [rfc3711:4.1.1/4] [rfc7714:10/3]
        if len(packet) > MAX_LENGTH:
            raise ValueError(f"a packet has at most {MAX_LENGTH} bytes, not {len(packet)}")
        ssrc, sequence_number, header_length = parse_header(packet)
        self._check_key()
        source = self._sources.get(ssrc)
        if source is None:
            if ssrc not in self._starts:
                self._check_room()
            # [rfc3711:3.3.1/1]
            floor = ssrc << INDEX_BITS | self._starts.get(ssrc, 0) << 16
            number = floor | sequence_number
            protected = self._transform.protect(number, packet, header_length)
            self._starts.pop(ssrc, None)
            # [rfc3711:9.1/3] Of the roll-over counters before, nobody knows here what was sent.
            self._sources[ssrc] = ReplayWindow(number, _WINDOW, floor)
            return protected
        # [rfc3711:3.3.1/2]
        number = source.locate(sequence_number)
        # [rfc3711:3.3.1/9] [rfc3711:8.1.1/3] [rfc7714:8.4/1] [rfc7714:13.1/6] [rfc7714:13.1/7]
        if number >> INDEX_BITS != ssrc:
            self._exhaust()
        # [rfc3711:4.1.1/5] [rfc3711:4.1.1/6] [rfc3711:9.1/1] [rfc3711:9.2/7] [rfc7714:8.4/2]
        if number < source.floor or not (self._config.allow_repeats or source.is_new(number)):
            raise PacketReuseError(f"sequence number {sequence_number} was protected before, or is too far behind")
        protected = self._transform.protect(number, packet, header_length)
        source.add(number)
        return protected

    def _exhaust(self) -> NoReturn:
        """Let nothing more go out under this key, RTP or RTCP. See :rfc:`3711#section-9.2`."""
        self._exhausted = True
        for source in self._sources.values():
            source.expected = -1
        raise KeyExhaustedError("the key has protected as many packets of a source as it may")

    def _check_key(self) -> None:
        if self._exhausted:
            raise KeyExhaustedError("the key has protected as many packets of a source as it may")

    def _new_rtcp_source(self, ssrc: int) -> "SentRtcp":
        if len(self._rtcp_sources) >= self._config.max_sources:
            raise StateError(f"there are {self._config.max_sources} sources already")
        source = self._rtcp_sources[ssrc] = SentRtcp()
        return source

    def _check_room(self) -> None:
        if len(self._sources) + len(self._starts) >= self._config.max_sources:
            raise StateError(f"there are {self._config.max_sources} sources already")


class SentRtcp:
    """The RTCP packets of one source."""

    __slots__ = ("end", "next")

    def __init__(self) -> None:
        # [rfc3711:3.4/4]
        self.next = 0
        """How many there were. The lower 31 bits are the next index."""
        self.end = SRTCP_LIFETIME
        """How many there may be under the key in use."""
