"""What protects the media of one transport: SRTP and SRTCP under the keys of its DTLS association (RFC 5764, 3711).

No keys, no media: what is to be sent without them is never asked for, and what comes too early waits, unread, for a moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import rtc_dtls
from rtc_dtls import DtlsConnection
from rtc_peer.dataclass import dataclass
from rtc_peer.journal import Journal
from rtc_rtp.packet import RTCP_TYPES
from rtc_srtp import (
    KeyExhaustedError,
    MasterKey,
    PacketReuseError,
    ProtectionProfile,
    SrtpConfig,
    SrtpError,
    SrtpReceiver,
    SrtpSender,
    UnencryptableError,
    UnprotectError,
)

MAX_EARLY_PACKETS: Final = 64
"""Packets kept that came before the keys because they overtook the end of the handshake; later ones are dropped."""
MAX_REPEATABLE_PACKETS: Final = 512
"""Packets kept for peers that want the same again because they did not negotiate a stream for repairs; a second of video."""
MAX_SOURCES: Final = 8192
"""SSRCs of a direction in the life of its keys: none of them is forgotten, for then its packets could be replayed."""
MAX_OVERHEAD: Final = 20
"""Bytes that protection adds to a packet at most: the tag of GCM, and the index of SRTCP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderEncryption:
    """What is encrypted of the headers of one direction."""

    extension_ids: frozenset[int] = frozenset()
    """Of the header extensions that are encrypted one by one (:rfc:`6904`)."""
    cryptex: bool = False
    """Whether header extensions and contributing sources are encrypted as a whole (:rfc:`9335`)."""
    required: bool = False
    """Whether nothing of them may stay readable."""


class SrtpTransport:
    """Both directions of SRTP on one transport, whatever becomes of the DTLS association below.

    Args:
        journal: Takes what is dropped.
    """

    __slots__ = (
        "_early", "_journal", "_received", "_receiver", "_refusing", "_repeatable", "_sender", "_sent", "profile", "repeating"
    )  # fmt: skip

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._sender: SrtpSender | None = None
        self._receiver: SrtpReceiver | None = None
        self._refusing: DtlsConnection | None = None
        """The association that brought no keys."""
        self._sent = self._received = HeaderEncryption()
        self._early: list[bytes] = []
        self._repeatable: dict[bytes, bytes] = {}
        """What was sent last of `repeating`, before and after protection."""
        self.profile: ProtectionProfile | None = None
        """What protects the packets; None without keys."""
        self.repeating: frozenset[bytes] = frozenset()
        """SSRCs, in the bytes of the wire, of streams that are repaired by sending the same packets again."""

    # --- keys ---

    def key(self, connection: DtlsConnection) -> bool:
        """Take the keys of a handshake that is over; return whether there are keys now and were not before.

        Args:
            connection: Connected; the peer's certificate is verified.

        Raises:
            rtc_dtls.StateError: Once for every association: it brings no keys, because no profile was agreed on.

        See :rfc:`5764#section-4.2`.
        """
        if self.profile is not None or connection is self._refusing:
            return False
        try:
            material = connection.srtp_keying_material()
        except rtc_dtls.StateError:
            self._refusing = connection
            self._early = []
            raise
        # [rfc5764:4.2/3] [rfc8835:3.5/1]
        profile = ProtectionProfile(material.profile)
        ours = MasterKey(key=material.local_key, salt=material.local_salt)
        theirs = MasterKey(key=material.remote_key, salt=material.remote_salt)
        self._sender = SrtpSender(profile, ours, config=_config(self._sent))
        self._receiver = SrtpReceiver(profile, theirs, config=_config(self._received))
        self._repeatable = {}
        self.profile = profile
        return True

    def unkey(self) -> None:
        """Give up the keys, if there are any: their association has ended, or another one takes its place."""
        # [rfc5764:5.1.2/3] With the keys goes all that was known of sources under them.
        if self.profile is not None:
            self.profile = self._sender = self._receiver = None
            self._early = []

    def encrypt_headers(self, sent: HeaderEncryption, received: HeaderEncryption) -> None:
        """Encrypt and decrypt headers as negotiated, from now on; keys and counters stay."""
        # [rfc8834:5.2.2/2] [rfc8834:5.2.3/1]
        if sent != self._sent:
            self._sent = sent
            if self._sender is not None:
                self._sender.encrypt_headers(sent.extension_ids, cryptex=sent.cryptex, require_cryptex=sent.required)
        if received != self._received:
            self._received = received
            if self._receiver is not None:
                self._receiver.encrypt_headers(
                    received.extension_ids, cryptex=received.cryptex, require_cryptex=received.required
                )

    # --- packets ---

    def take_early(self) -> list[bytes]:
        """Return what came before the keys, still protected."""
        early, self._early = self._early, []
        return early

    def unprotect(self, packets: Iterable[bytes]) -> list[bytes]:
        """Return the RTP and RTCP packets in SRTP and SRTCP packets; those that are not authentic change nothing."""
        receiver = self._receiver
        if receiver is None:
            self._hold(packets)
            return []
        unprotect, unprotect_rtcp = receiver.unprotect, receiver.unprotect_rtcp
        plain: list[bytes] = []
        for packet in packets:
            try:
                # [rfc8834:4.5/1] [rfc5761:7/1]
                plain.append(unprotect_rtcp(packet) if packet[1:2] in RTCP_TYPES else unprotect(packet))
            except UnprotectError as error:
                self._journal.drop(f"srtp:{error.reason}")
        return plain

    def _hold(self, packets: Iterable[bytes]) -> None:
        for packet in packets:
            if self._refusing is not None or len(self._early) >= MAX_EARLY_PACKETS:
                self._journal.drop("rtp-without-keys")
            else:
                self._early.append(packet)

    def protect(self, packets: Iterable[bytes]) -> list[bytes]:
        """Return the SRTP and SRTCP packets for RTP and RTCP packets; nothing without keys."""
        sender = self._sender
        # [rfc8827:6.5/5]
        if sender is None:
            return []
        protect, protect_rtcp = sender.protect, sender.protect_rtcp
        repeating, repeatable = self.repeating, self._repeatable
        output: list[bytes] = []
        for packet in packets:
            try:
                # [rfc8834:4.2/3] [rfc8834:4.5/1] [rfc8827:6.5/1] [rfc8827:6.5/4]
                protected = protect_rtcp(packet) if packet[1:2] in RTCP_TYPES else protect(packet)
            except PacketReuseError:
                # Sent again as it was, it is protected as it was: another text under its index would give both away.
                repeated = repeatable.get(packet)
                if repeated is None:
                    self._journal.drop("srtp:packet reused")
                else:
                    output.append(repeated)
            except KeyExhaustedError:
                # The key is worn out. Better nothing than what it does not protect.
                self._journal.drop("srtp:key exhausted")
            except UnencryptableError:
                self._journal.drop("srtp:unencryptable")
            except SrtpError:
                # Too many sources, or a packet of the application that is none.
                self._journal.drop("srtp:refused")
            else:
                output.append(protected)
                if repeating and packet[8:12] in repeating:
                    repeatable[packet] = protected
        while len(repeatable) > MAX_REPEATABLE_PACKETS:
            del repeatable[next(iter(repeatable))]
        return output


def _config(headers: HeaderEncryption) -> SrtpConfig:
    return SrtpConfig(
        max_sources=MAX_SOURCES,
        encrypted_extension_ids=headers.extension_ids,
        cryptex=headers.cryptex,
        require_cryptex=headers.required,
    )
