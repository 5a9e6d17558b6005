"""Finished of DTLS 1.3, as long as the suite's hash. See :rfc:`8446#section-4.4.4`."""

import hmac
from typing import ClassVar

from .alert import AlertDescription
from .dataclass import dataclass
from .errors import ParseError, ProtocolError
from .handshake import HandshakeType
from .key_schedule13 import TrafficSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished13:
    """The sender's view of the handshake, authenticated by its traffic secret."""

    message_type: ClassVar[HandshakeType] = HandshakeType.FINISHED

    verify_data: bytes

    def __bytes__(self) -> bytes:
        return self.verify_data


def check_finished(body: bytes, secret: TrafficSecret, transcript_hash: bytes) -> None:
    """Check the peer's Finished; returning means it is right.

    Raises:
        ParseError: It has another length.
        ProtocolError: It is wrong.
    """
    expected = secret.verify_data(transcript_hash)
    if len(body) != len(expected):
        raise ParseError(f"finished: {len(expected)} bytes wanted, got {len(body)}")
    # [rfc8446:4.4.4/1]
    if not hmac.compare_digest(body, expected):
        raise ProtocolError(AlertDescription.DECRYPT_ERROR, "the peer's Finished is wrong", "RFC 8446 section 4.4.4")
