"""From the keying material of a DTLS handshake to a sender and a receiver. See :rfc:`5764#section-4.2`."""

from typing import Final

from .config import SrtpConfig
from .master_key import MasterKey
from .profile import ProtectionProfile
from .receiver import SrtpReceiver
from .sender import SrtpSender

EXPORTER_LABEL: Final = "EXTRACTOR-dtls_srtp"
"""What to export keying material under, without a context."""


def keying_material_length(profile: ProtectionProfile) -> int:
    """Return how many bytes to export for a profile: two keys and two salts."""
    return 2 * (profile.key_length + profile.salt_length)


def dtls_srtp_pair(
    profile: ProtectionProfile, keying_material: bytes, *, is_client: bool, config: SrtpConfig | None = None
) -> tuple[SrtpSender, SrtpReceiver]:
    """Return what protects our packets, and what unprotects those of the peer.

    ::

        | client's key | server's key | client's salt | server's salt |

    Args:
        profile: What the ``use_srtp`` extension agreed upon.
        keying_material: What the exporter gave, `keying_material_length` bytes.
        is_client: Whether our side of the handshake was the client.
        config: Settings for both; without a master key identifier, as WebRTC uses none.

    Raises:
        ValueError: The keying material has not the right length, or the settings ask for a master key identifier.
    """
    key, salt = profile.key_length, profile.salt_length
    if len(keying_material) != keying_material_length(profile):
        raise ValueError(f"{profile.name} needs {keying_material_length(profile)} bytes, not {len(keying_material)}")
    # [rfc5764:4.2/2]
    client = MasterKey(key=keying_material[:key], salt=keying_material[2 * key : 2 * key + salt])
    server = MasterKey(key=keying_material[key : 2 * key], salt=keying_material[2 * key + salt :])
    # [rfc5764:4.2/3]
    ours, theirs = (client, server) if is_client else (server, client)
    config = config or SrtpConfig()
    return SrtpSender(profile, ours, config=config), SrtpReceiver(profile, theirs, config=config)
