"""Connection IDs: records say whose they are, wherever they come from. See :rfc:`9146` and :rfc:`9147#section-9`.

    connection_id          opaque cid<0..255>     what the peer has to put into its records; empty: nothing
    NewConnectionId        ConnectionId cids<0..2^16-1> | usage (1)    0 use one of them from now on, 1 keep them in reserve
    RequestConnectionId    num_cids (1)

Each side chooses what it wants to receive. Plaintext records never have one.
"""

from typing import ClassVar, Final, Self

from .alert import AlertDescription
from .dataclass import dataclass
from .errors import ParseError
from .extensions import Extensions, ExtensionType
from .handshake import HandshakeType
from .presentation import Reader, vector, vectors
from .record import TLS12_CID
from .record13 import CONNECTION_ID_BIT, FIXED_BITS, FIXED_MASK

MAX_LENGTH: Final = 255
_NUMBER_END: Final = 11
"""Where in a record of DTLS 1.2 the epoch and sequence number end, and the connection ID begins."""


def peek_connection_id(datagram: bytes, length: int) -> bytes | None:
    """Read the connection ID of a datagram, to find the connection it is for. Nothing about it is proven yet.

    Args:
        datagram: As received.
        length: Of all connection IDs that the caller gives out.

    Returns:
        The ID, or None if the first record has none.
    """
    at = 0
    if datagram[:1] and datagram[0] & FIXED_MASK == FIXED_BITS and datagram[0] & CONNECTION_ID_BIT:
        at = 1
    elif datagram[:1] == bytes((TLS12_CID,)):
        at = _NUMBER_END
    found = datagram[at : at + length]
    return found if at and len(found) == length else None


def find_connection_id(extensions: Extensions) -> bytes | None:
    """Read the extension of a hello.

    Raises:
        ParseError: A length is wrong.
    """
    data = extensions.find(ExtensionType.CONNECTION_ID)
    if data is None:
        return None
    reader = Reader(data, "connection_id")
    connection_id = reader.vector(1)
    reader.finish()
    return connection_id


def encode_connection_id(connection_id: bytes) -> bytes:
    """Encode the extension."""
    return vector(1, connection_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConnectionId:
    """Other IDs for the receiver of this message to use."""

    message_type: ClassVar[HandshakeType] = HandshakeType.NEW_CONNECTION_ID

    connection_ids: tuple[bytes, ...]
    immediate: bool
    """Whether the first of them has to be used from now on."""

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse the body of the message.

        Raises:
            ParseError: A length or the usage is wrong, or nothing is there to be used at once.
        """
        reader = Reader(body, "new_connection_id")
        connection_ids, usage = reader.vectors(2, 1), reader.number(1)
        reader.finish()
        if usage > 1 or (usage == 0 and not connection_ids):
            raise ParseError(f"new_connection_id: usage {usage}", AlertDescription.ILLEGAL_PARAMETER)
        return cls(connection_ids=connection_ids, immediate=usage == 0)

    def __bytes__(self) -> bytes:
        return vectors(2, 1, self.connection_ids) + bytes((not self.immediate,))
