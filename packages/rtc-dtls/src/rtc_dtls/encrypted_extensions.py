"""EncryptedExtensions: the server's answers that need not be in plain. See :rfc:`8446#section-4.3.1`."""

from typing import ClassVar, Self

from .dataclass import dataclass
from .extensions import Extensions
from .handshake import HandshakeType
from .presentation import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedExtensions:
    """A list of extensions and nothing else."""

    message_type: ClassVar[HandshakeType] = HandshakeType.ENCRYPTED_EXTENSIONS

    extensions: Extensions

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse the body of the message.

        Raises:
            ParseError: A length is wrong, or an extension comes twice.
        """
        return cls(extensions=Extensions.parse_required(Reader(body, "encrypted_extensions")))

    def __bytes__(self) -> bytes:
        return self.extensions.encode()
