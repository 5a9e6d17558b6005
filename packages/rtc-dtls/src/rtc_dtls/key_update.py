"""KeyUpdate: the sender goes on with new keys. See :rfc:`8446#section-4.6.3` and :rfc:`9147#section-8`.

request_update (1)    0 no, 1 the receiver should do the same
"""

from typing import ClassVar, Self

from .alert import AlertDescription
from .dataclass import dataclass
from .errors import ParseError
from .handshake import HandshakeType
from .presentation import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUpdate:
    """One update."""

    message_type: ClassVar[HandshakeType] = HandshakeType.KEY_UPDATE

    update_requested: bool

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse the body of the message.

        Raises:
            ParseError: A length or the value is wrong.
        """
        reader = Reader(body, "key_update")
        value = reader.number(1)
        reader.finish()
        # [rfc8446:4.6.3/3]
        if value > 1:
            raise ParseError(f"key_update: {value} is neither yes nor no", AlertDescription.ILLEGAL_PARAMETER)
        return cls(update_requested=bool(value))

    def __bytes__(self) -> bytes:
        return self.update_requested.to_bytes(1, "big")
