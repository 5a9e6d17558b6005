"""What signalling said about both ends, said again under the protection of the handshake. See :rfc:`8844`.

    external_id_hash       opaque binding_hash<0..32>      SHA-256 of the identity assertion, empty without one
    external_session_id    opaque session_id<20..255>      the tls-id of the description

Without it, an attacker who copies fingerprints in the signalling can make two peers connect that each believe to be
connected with the attacker ("unknown key share").
"""

from typing import Final

from .alert import AlertDescription
from .config import DtlsConfig
from .errors import ParseError, ProtocolError
from .extensions import Extensions, ExtensionType
from .presentation import Reader, vector

HASH_LENGTH: Final = 32
MIN_SESSION_ID_LENGTH: Final = 20


def offer_external_session(config: DtlsConfig) -> list[tuple[int, bytes]]:
    """Make the extensions that say who we are."""
    items: list[tuple[int, bytes]] = []
    if config.identity_hash is not None:
        # [rfc8844:3.2/1]
        items.append((ExtensionType.EXTERNAL_ID_HASH, vector(1, config.identity_hash)))
    if config.external_session_id is not None:
        # [rfc8844:4.3/1]
        items.append((ExtensionType.EXTERNAL_SESSION_ID, vector(1, config.external_session_id.encode("ascii"))))
    return items


def answer_external_session(config: DtlsConfig, offered: Extensions) -> list[tuple[int, bytes]]:
    """As a server, check what the client says, and say the same of ourselves if it asks.

    Raises:
        ParseError: An extension is malformed.
        ProtocolError: The client is not the one that signalling told of.
    """
    check_external_session(config, offered)
    # In 1.3 they go into EncryptedExtensions, as all of these do. [rfc8844:3.2/6] [rfc8844:4.3/5]
    # [rfc8844:3.2/1] [rfc8844:4.3/2]
    return [item for item in offer_external_session(config) if offered.find(item[0]) is not None]


def check_external_session(config: DtlsConfig, said: Extensions) -> None:
    """Check what the peer says, if it says anything: not all know these extensions.

    Raises:
        ParseError: An extension is malformed.
        ProtocolError: The peer is not the one that signalling told of.
    """
    data = said.find(ExtensionType.EXTERNAL_ID_HASH)
    # [rfc8844:3.2/2] [rfc8844:3.2/3]
    if data is not None and config.identity_hash is not None:
        binding_hash = _content(data, "external_id_hash")
        # [rfc8844:3.2/5]
        if len(binding_hash) not in (0, HASH_LENGTH):
            raise ParseError(f"external_id_hash: a hash of {len(binding_hash)} bytes")
        if binding_hash != config.remote_identity_hash:
            raise _another("external_id_hash", "RFC 8844 section 3.2")
    data = said.find(ExtensionType.EXTERNAL_SESSION_ID)
    # [rfc8844:4.3/3] [rfc8844:4.3/4] [rfc8844:3.2/4]
    if data is not None and config.external_session_id is not None:
        session_id = _content(data, "external_session_id")
        if len(session_id) < MIN_SESSION_ID_LENGTH:
            raise ParseError(f"external_session_id: {len(session_id)} bytes")
        if config.remote_external_session_id is None or session_id != config.remote_external_session_id.encode("ascii"):
            raise _another("external_session_id", "RFC 8844 section 4.3")


def _content(data: bytes, what: str) -> bytes:
    reader = Reader(data, what)
    content = reader.vector(1)
    reader.finish()
    return content


def _another(what: str, section: str) -> ProtocolError:
    return ProtocolError(AlertDescription.ILLEGAL_PARAMETER, f"{what} is that of another peer", section)
