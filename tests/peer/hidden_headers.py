"""Options by which header extensions are encrypted, and what came of them."""

from dataclasses import replace

from tests.peer.media_sections import LEVEL
from tests.peer.talk import negotiated

from rtc_peer import (
    AUDIO_EXTENSIONS,
    VIDEO_EXTENSIONS,
    Configuration,
    ExtensionEncryption,
    HeaderExtensionCapability,
    MediaOptions,
    PeerConnection,
    PeerOptions,
    RtpHeaderEncryptionPolicy,
)

PREFER, REQUIRE, ACCEPT = ExtensionEncryption.PREFER, ExtensionEncryption.REQUIRE, ExtensionEncryption.ACCEPT
DISABLE, NEGOTIATE, HIDE = RtpHeaderEncryptionPolicy


def wishing(encryption: ExtensionEncryption, *uris: str) -> PeerOptions:
    """Options by which some header extensions, or all, are encrypted."""

    def chosen(known: tuple[HeaderExtensionCapability, ...]) -> tuple[HeaderExtensionCapability, ...]:
        return tuple(
            replace(each, encryption=encryption) if each.uri in (uris or [each.uri]) else each for each in known
        )

    return PeerOptions(
        media=MediaOptions(
            audio_header_extensions=chosen(AUDIO_EXTENSIONS), video_header_extensions=chosen(VIDEO_EXTENSIONS)
        )
    )


def hiding(policy: RtpHeaderEncryptionPolicy) -> Configuration:
    return Configuration(rtp_header_encryption_policy=policy)


def form(peer: PeerConnection, uri: str = LEVEL, mid: str = "0") -> tuple[bool | None, bool | None]:
    """How a header extension is sent and received: encrypted, in the clear (False) or not at all."""
    media = negotiated(peer)[mid]
    found: list[bool | None] = []
    for parameters in (media.send, media.receive):
        extensions = None if parameters is None else parameters.header_extensions
        number = None if extensions is None else extensions.id_of(uri)
        found.append(None if extensions is None or number is None else number in extensions.encrypted)
    return found[0], found[1]
