"""The messages of the ECDHE key exchange, and those that end the two flights of the hellos.

    ServerKeyExchange    named_curve (1) = 3 | group (2) | public<1..255> | signature_algorithm (2) | signature<0..>
                         '---------------- params -----------------'
    ClientKeyExchange    public<1..255>
    ServerHelloDone      (empty)
    Finished             verify_data (12)

See :rfc:`8422#section-5.4`, :rfc:`8422#section-5.7` and :rfc:`5246#section-7.4.9`.
"""

from typing import ClassVar, Final, Self

from .alert import AlertDescription
from .dataclass import dataclass
from .errors import ParseError
from .handshake import HandshakeType
from .key_schedule12 import VERIFY_DATA_LENGTH
from .presentation import Reader, vector

NAMED_CURVE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerKeyExchange:
    """The server's ephemeral public key, signed by its certificate's key."""

    message_type: ClassVar[HandshakeType] = HandshakeType.SERVER_KEY_EXCHANGE

    group: int
    public: bytes
    signature_algorithm: int
    signature: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse the body of the message.

        Raises:
            ParseError: A length is wrong, or the curve is not a named one.
        """
        reader = Reader(body, "server_key_exchange")
        # [rfc8422:5.4/3]
        if reader.number(1) != NAMED_CURVE:
            raise ParseError("server_key_exchange: not a named curve", AlertDescription.ILLEGAL_PARAMETER)
        message = cls(
            group=reader.number(2),
            public=reader.vector(1, 1),
            signature_algorithm=reader.number(2),
            signature=reader.vector(2),
        )
        reader.finish()
        return message

    @staticmethod
    def params(group: int, public: bytes) -> bytes:
        """Encode the part that is signed, the two randoms in front of it left out."""
        # [rfc8422:5.4/2]
        return NAMED_CURVE.to_bytes(1, "big") + group.to_bytes(2, "big") + vector(1, public)

    def __bytes__(self) -> bytes:
        return (
            self.params(self.group, self.public)
            + self.signature_algorithm.to_bytes(2, "big")
            + vector(2, self.signature)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKeyExchange:
    """The client's ephemeral public key."""

    message_type: ClassVar[HandshakeType] = HandshakeType.CLIENT_KEY_EXCHANGE

    public: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse the body of the message.

        Raises:
            ParseError: A length is wrong.
        """
        reader = Reader(body, "client_key_exchange")
        # [rfc8422:5.7/1]
        message = cls(public=reader.vector(1, 1))
        reader.finish()
        return message

    def __bytes__(self) -> bytes:
        return vector(1, self.public)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHelloDone:
    """The server has said everything it has to say for now."""

    message_type: ClassVar[HandshakeType] = HandshakeType.SERVER_HELLO_DONE

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse the body of the message.

        Raises:
            ParseError: There is one.
        """
        Reader(body, "server_hello_done").finish()
        return cls()

    def __bytes__(self) -> bytes:
        return b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The sender's view of the handshake, authenticated by the master secret."""

    message_type: ClassVar[HandshakeType] = HandshakeType.FINISHED

    verify_data: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Parse the body of the message.

        Raises:
            ParseError: A length is wrong.
        """
        reader = Reader(body, "finished")
        message = cls(verify_data=reader.take(VERIFY_DATA_LENGTH))
        reader.finish()
        return message

    def __bytes__(self) -> bytes:
        return self.verify_data
