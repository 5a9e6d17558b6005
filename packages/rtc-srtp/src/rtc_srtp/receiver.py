"""The receiving side: SRTP and SRTCP packets into RTP and RTCP packets. See :rfc:`3711#section-3.3`."""

from collections.abc import Iterable
from struct import error as struct_error
from typing import Final

from .config import SrtpConfig
from .context import make_transform, mki_offset, rtcp_mki_offset
from .errors import (
    AuthenticationError,
    KeyExpiredError,
    ParseError,
    ReplayError,
    SourceLimitError,
    StateError,
    UnencryptedError,
    UnknownKeyError,
    UnprotectError,
)
from .master_key import MasterKey
from .mki import find_mki
from .packet import COMMON_HEADER, EXTENDED, EXTENDED_LENGTH, FIXED_LENGTH, PLAIN, parse_header, parse_rtcp_ssrc
from .profile import ProtectionProfile
from .replay import INDEX_BITS, ReplayWindow, roll_over_counter
from .transform import ENCRYPTED_FLAG, SRTCP_INDEX_LENGTH, SRTCP_INDEX_MASK, Transform

_DEFAULT: Final = SrtpConfig()


class SrtpReceiver:
    """Unprotects what arrives from one sender of an RTP session: all its sources, RTP and RTCP.

    A packet that is refused changes nothing.

    Args:
        profile: What was negotiated.
        master_key: The key of this direction; more come with `add_master_key`.
        config: Settings.

    Raises:
        ValueError: Key, salt or identifier have not the length that `profile` and `config` say.
    """

    __slots__ = (
        "_config", "_keys", "_mki_offset", "_overhead", "_profile", "_rtcp_mki_offset", "_rtcp_overhead", "_sources", "_starts", "_transform",
    )  # fmt: skip

    def __init__(self, profile: ProtectionProfile, master_key: MasterKey, *, config: SrtpConfig = _DEFAULT) -> None:
        self._profile = ProtectionProfile(profile)
        self._config = config
        self._keys = {master_key.mki: ReceivingKey(master_key, make_transform(self._profile, master_key, config))}
        self._transform = None if config.mki_length else self._keys[b""].transform
        """For packets that name no key: there is only one."""
        self._sources: dict[int, ReplayWindow] = {}
        # [rfc3711:3.2.1/8] One object for RTP and RTCP.
        self._starts: dict[int, int] = {}
        """Roll-over counters of sources that nothing was received from yet."""
        self._mki_offset, self._rtcp_mki_offset = mki_offset(self._profile), rtcp_mki_offset(self._profile)
        self._overhead = config.mki_length + self._profile.tag_length
        self._rtcp_overhead = config.mki_length + self._profile.rtcp_tag_length + SRTCP_INDEX_LENGTH

    def unprotect(self, packet: bytes) -> bytes:
        """Return the RTP packet in an SRTP packet.

        Raises:
            UnprotectError: It must not be used, see its subclasses. It has changed nothing.

        See :rfc:`3711#section-3.3`.
        """
        try:
            first, sequence_number, ssrc, extension_words = COMMON_HEADER(packet)
        except struct_error:
            raise ParseError(f"{len(packet)} bytes are too few for a header and an authentication tag") from None
        if first == EXTENDED:
            header_length = EXTENDED_LENGTH + 4 * extension_words
        elif first == PLAIN:
            header_length = FIXED_LENGTH
        else:
            ssrc, sequence_number, header_length = parse_header(packet)
        if len(packet) - header_length < self._overhead:
            raise ParseError("it is too short for an authentication tag")
        transform = self._transform or self._key(packet, self._mki_offset).transform
        # [rfc3711:3.2.3/1] [rfc3711:3.1/4] [rfc3711:3.2.1/10] [rfc3711:3.2.1/11]
        try:
            source = self._sources[ssrc]
        except KeyError:
            return self._unprotect_first(transform, packet, ssrc, sequence_number, header_length)
        if sequence_number == source.expected:  # the common case at once
            number = source.newest + 1
            unprotected = transform.unprotect(number, packet, header_length)
            source.newest = number
            source.expected = sequence_number + 1
            return unprotected
        # [rfc3711:3.3/3]
        number = source.locate(sequence_number)
        if number >> INDEX_BITS != ssrc:
            # [rfc5764:4.4/2] [rfc7714:13.1/6] [rfc7714:13.1/7]
            raise KeyExpiredError("the packet is beyond the last index")
        # [rfc3711:3.3/5] [rfc3711:3.3/6] [rfc3711:9.5/8]
        if not source.is_new(number):
            raise ReplayError("it was received before, or is too old to know")
        # [rfc3711:3.3/7] [rfc3711:3.3/8] [rfc3711:9.5/2] [rfc3711:9.5/9] [rfc5764:5.2/5]
        unprotected = transform.unprotect(number, packet, header_length)
        # [rfc3711:3.3/9] [rfc3711:3.2.1/1]
        source.add(number)
        return unprotected

    def unprotect_many(self, packets: Iterable[bytes]) -> list["bytes | UnprotectError"]:
        """Return for each SRTP packet the RTP packet, or the error that says why there is none."""
        unprotect = self.unprotect
        results: list[bytes | UnprotectError] = []
        for packet in packets:
            try:
                results.append(unprotect(packet))
            except UnprotectError as error:
                results.append(error)
        return results

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """Return the RTCP packet in an SRTCP packet.

        Raises:
            UnprotectError: It must not be used, see its subclasses. It has changed nothing.

        See :rfc:`3711#section-3.4`.
        """
        ssrc = parse_rtcp_ssrc(packet, self._rtcp_overhead)
        key = self._key(packet, self._rtcp_mki_offset)
        flag_and_index = key.transform.rtcp_flag_and_index(packet)
        number = ssrc << INDEX_BITS | flag_and_index & SRTCP_INDEX_MASK
        # [rfc3711:3.4/10]
        source = key.rtcp_sources.get(ssrc)
        if source is None:
            if len(key.rtcp_sources) >= self._config.max_sources:
                raise SourceLimitError(f"there are {self._config.max_sources} sources already")
        elif not source.is_new(number):
            raise ReplayError("it was received before, or is too old to know")
        # [rfc3711:3.4/13]
        unprotected = key.transform.unprotect_rtcp(number, packet)
        if not flag_and_index & ENCRYPTED_FLAG and not self._config.accept_unencrypted_rtcp:
            raise UnencryptedError("it was sent in the clear")
        if source is None:
            key.rtcp_sources[ssrc] = ReplayWindow(number, self._config.replay_window)
        else:
            source.add(number)
        return unprotected

    def add_master_key(self, master_key: MasterKey) -> None:
        """Accept packets under another key as well.

        Raises:
            StateError: Packets carry no master key identifier, or this one is taken.
            ValueError: Key, salt or identifier have not the right length.
        """
        if not self._config.mki_length:
            raise StateError("without a master key identifier nobody can tell which key a packet needs")
        if master_key.mki in self._keys:
            raise StateError("this master key identifier is taken")
        transform = make_transform(self._profile, master_key, self._config)
        self._keys[master_key.mki] = ReceivingKey(master_key, transform)

    def remove_master_key(self, mki: bytes) -> None:
        """Accept packets under this key no more.

        Raises:
            StateError: There is no such key, or it is the only one.
        """
        if mki not in self._keys or len(self._keys) == 1:
            raise StateError("there is no such key, or it is the only one")
        del self._keys[mki]

    def encrypt_headers(
        self, extension_ids: frozenset[int] = frozenset(), *, cryptex: bool = False, require_cryptex: bool = False
    ) -> None:
        """Say what is encrypted of the headers of RTP packets from now on, as negotiated anew; keys and counters stay.

        Args:
            extension_ids: See `SrtpConfig.encrypted_extension_ids`.
            cryptex: See `SrtpConfig.cryptex`.
            require_cryptex: See `SrtpConfig.require_cryptex`.

        Raises:
            ValueError: There is no such ID.
        """
        self._config = self._config.with_headers(extension_ids, cryptex=cryptex, require_cryptex=require_cryptex)
        for key in self._keys.values():
            key.transform = make_transform(self._profile, key.master_key, self._config)
        self._transform = None if self._config.mki_length else self._keys[b""].transform

    def roll_over_counter(self, ssrc: int) -> int:
        """Return how often the sequence number of a source has passed through zero, as far as known."""
        source = self._sources.get(ssrc)
        return self._starts.get(ssrc, 0) if source is None else roll_over_counter(source.newest)

    def set_roll_over_counter(self, ssrc: int, value: int) -> None:
        """Say which roll-over counter the next packet of a source has, for a receiver that joins late.

        What was received of the source before is forgotten.

        Raises:
            ValueError: It is not in 0 to 2**32 - 1.
            StateError: There are too many sources.
        """
        if not 0 <= value < 1 << 32:
            raise ValueError("a roll-over counter has 32 bits")
        if ssrc not in self._sources and ssrc not in self._starts and not self._has_room():
            raise StateError(f"there are {self._config.max_sources} sources already")
        self._sources.pop(ssrc, None)
        self._starts[ssrc] = value

    def forget(self, ssrc: int) -> None:
        """Drop what is known of a source, so that another can take its place, or it can begin anew.

        Until the key changes, packets that were received from it could be replayed.
        """
        self._sources.pop(ssrc, None)
        self._starts.pop(ssrc, None)
        for key in self._keys.values():
            key.rtcp_sources.pop(ssrc, None)

    def _key(self, packet: bytes, offset: int) -> "ReceivingKey":
        """Return the key that the packet names."""
        # [rfc3711:3.3/4] [rfc3711:3.2.3/2] [rfc5764:5.2/2]
        key = self._keys.get(find_mki(packet, self._config.mki_length, offset))
        if key is None:
            raise UnknownKeyError("its master key identifier names no key")
        return key

    def _has_room(self) -> bool:
        return len(self._sources) + len(self._starts) < self._config.max_sources

    def _unprotect_first(
        self, transform: Transform, packet: bytes, ssrc: int, sequence_number: int, header_length: int
    ) -> bytes:
        """Unprotect a packet of a source that nothing was received from."""
        start = self._starts.get(ssrc)
        if start is None and not self._has_room():
            raise SourceLimitError(f"there are {self._config.max_sources} sources already")
        # [rfc3711:3.3.1/3] [rfc3711:3.3.1/4] [rfc3711:3.3.1/5]
        number = ssrc << INDEX_BITS | (start or 0) << 16 | sequence_number
        try:
            unprotected = transform.unprotect(number, packet, header_length)
        except AuthenticationError:
            # The source may have begun shortly before its sequence numbers rolled over, and nothing of that have arrived.
            if start is not None or sequence_number >= 1 << 15:
                raise
            number += 1 << 16
            unprotected = transform.unprotect(number, packet, header_length)
        self._starts.pop(ssrc, None)
        self._sources[ssrc] = ReplayWindow(number, self._config.replay_window)
        return unprotected


class ReceivingKey:
    """A master key, and the replay lists of what has an index of its own under each key."""

    __slots__ = ("master_key", "rtcp_sources", "transform")

    def __init__(self, master_key: MasterKey, transform: Transform) -> None:
        self.master_key: Final = master_key
        self.transform = transform
        self.rtcp_sources: Final[dict[int, ReplayWindow]] = {}
        """By SSRC."""
