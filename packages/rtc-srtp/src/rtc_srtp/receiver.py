"""The receiving side: SRTP and SRTCP packets into RTP and RTCP packets. See :rfc:`3711#section-3.3`."""

from collections.abc import Iterable
from typing import Final

from .config import SrtpConfig
from .context import KeyContext, remove_mki
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
from .packet import SEQUENCE_NUMBER_AND_SSRC, check_rtcp, header_length, rtcp_ssrc
from .profile import ProtectionProfile
from .replay import INDEX_BITS, ReplayWindow, roll_over_counter
from .transform import ENCRYPTED_FLAG, SRTCP_INDEX_LENGTH, SRTCP_INDEX_MASK

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

    __slots__ = ("_config", "_context", "_contexts", "_profile", "_rtcp_overhead", "_sources", "_starts", "_tag_length")

    def __init__(self, profile: ProtectionProfile, master_key: MasterKey, *, config: SrtpConfig = _DEFAULT) -> None:
        self._profile = ProtectionProfile(profile)
        self._config = config
        self._context = KeyContext(self._profile, master_key, config)
        self._contexts = {master_key.mki: self._context}
        self._sources: dict[int, ReplayWindow] = {}
        self._starts: dict[int, int] = {}
        self._tag_length = self._profile.tag_length
        self._rtcp_overhead = self._profile.rtcp_tag_length + SRTCP_INDEX_LENGTH

    def unprotect(self, packet: bytes) -> bytes:
        """Return the RTP packet in an SRTP packet.

        Raises:
            UnprotectError: It must not be used, see its subclasses. It has changed nothing.

        See :rfc:`3711#section-3.3`.
        """
        context = self._context
        if self._config.mki_length:
            context, packet = self._choose(packet, context.mki_offset)
        length = header_length(packet)
        if len(packet) < length + self._tag_length:
            raise ParseError("it is too short for an authentication tag")
        sequence_number, ssrc = SEQUENCE_NUMBER_AND_SSRC(packet)
        source = self._sources.get(ssrc)
        if source is None:
            return self._unprotect_first(context, packet, length)
        number = source.locate(sequence_number)
        if number >> INDEX_BITS != ssrc:
            raise KeyExpiredError("the packet is beyond the last index")
        # [rfc3711:3.3/5]
        if not source.is_new(number):
            raise ReplayError("it was received before, or is too old to know")
        # [rfc3711:3.3/7]
        unprotected = context.transform.unprotect(number, packet, length)
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
        context = self._context
        if self._config.mki_length:
            context, packet = self._choose(packet, context.rtcp_mki_offset)
        check_rtcp(packet, self._rtcp_overhead)
        ssrc = rtcp_ssrc(packet)
        word = context.transform.rtcp_word(packet)
        flag_and_index = int.from_bytes(word, "big")
        number = ssrc << INDEX_BITS | flag_and_index & SRTCP_INDEX_MASK
        source = context.rtcp_sources.get(ssrc)
        if source is None:
            if len(context.rtcp_sources) >= self._config.max_sources:
                raise SourceLimitError(f"there are {self._config.max_sources} sources already")
        elif not source.is_new(number):
            raise ReplayError("it was received before, or is too old to know")
        unprotected = context.transform.unprotect_rtcp(number, packet, word)
        if not flag_and_index & ENCRYPTED_FLAG and not self._config.accept_unencrypted_rtcp:
            raise UnencryptedError("it was sent in the clear")
        if source is None:
            source = context.rtcp_sources[ssrc] = ReplayWindow(number, self._config.replay_window)
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
        if master_key.mki in self._contexts:
            raise StateError("this master key identifier is taken")
        self._contexts[master_key.mki] = KeyContext(self._profile, master_key, self._config)

    def remove_master_key(self, mki: bytes) -> None:
        """Accept packets under this key no more.

        Raises:
            StateError: There is no such key, or it is the only one.
        """
        if mki not in self._contexts or len(self._contexts) == 1:
            raise StateError("there is no such key, or it is the only one")
        del self._contexts[mki]

    def roll_over_counter(self, ssrc: int) -> int:
        """Return how often the sequence number of a source has passed through zero, as far as known."""
        source = self._sources.get(ssrc)
        return self._starts.get(ssrc, 0) if source is None else roll_over_counter(source.newest)

    def set_roll_over_counter(self, ssrc: int, value: int) -> None:
        """Say which roll-over counter the next packet of a source has, for one that joins late.

        Raises:
            ValueError: It is not in 0 to 2**32 - 1.
            StateError: There are too many sources.
        """
        if not 0 <= value < 1 << 32:
            raise ValueError("a roll-over counter has 32 bits")
        if ssrc not in self._sources and len(self._sources) + len(self._starts) >= self._config.max_sources:
            raise StateError(f"there are {self._config.max_sources} sources already")
        self._sources.pop(ssrc, None)
        self._starts[ssrc] = value

    def forget(self, ssrc: int) -> None:
        """Drop what is known of a source, so that another can take its place in the table."""
        self._sources.pop(ssrc, None)
        self._starts.pop(ssrc, None)
        for context in self._contexts.values():
            context.rtcp_sources.pop(ssrc, None)

    def _choose(self, packet: bytes, offset: int) -> tuple[KeyContext, bytes]:
        """Return the key that the packet names, and the packet without the name."""
        packet, mki = remove_mki(packet, self._config.mki_length, offset)
        context = self._contexts.get(mki)
        # [rfc5764:5.2/2]
        if context is None:
            raise UnknownKeyError("its master key identifier names no key")
        return context, packet

    def _unprotect_first(self, context: KeyContext, packet: bytes, length: int) -> bytes:
        """Unprotect a packet of a source that nothing is known of, or the roll-over counter alone."""
        sequence_number, ssrc = SEQUENCE_NUMBER_AND_SSRC(packet)
        start = self._starts.get(ssrc)
        if start is None and len(self._sources) + len(self._starts) >= self._config.max_sources:
            raise SourceLimitError(f"there are {self._config.max_sources} sources already")
        number = ssrc << INDEX_BITS | (start or 0) << 16 | sequence_number
        try:
            unprotected = context.transform.unprotect(number, packet, length)
        except AuthenticationError:
            # A source may start shortly before the end of the sequence numbers, and its first packets be lost.
            if start is not None or sequence_number >= 1 << 15:
                raise
            number += 1 << 16
            unprotected = context.transform.unprotect(number, packet, length)
        self._starts.pop(ssrc, None)
        source = self._sources[ssrc] = ReplayWindow(number, self._config.replay_window)
        source.add(number)
        return unprotected
