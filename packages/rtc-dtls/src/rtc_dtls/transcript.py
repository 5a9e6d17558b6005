"""The handshake messages so far, as both sides must have seen them. See :rfc:`6347#section-4.2.6`, :rfc:`9147#section-5.2`.

The bytes themselves are kept until the handshake is over: the hash is not known before the ServerHello, and a
CertificateVerify may use another than the PRF's. A handshake is a few kilobytes.
"""

import hashlib


class Transcript:
    """Every message in order: in DTLS 1.2 with the header of an unfragmented one, in 1.3 with that of TLS."""

    __slots__ = ("_messages",)

    def __init__(self) -> None:
        self._messages = bytearray()

    def add(self, message: bytes) -> None:
        """Append a message."""
        # [rfc6347:4.2.6/1] [rfc6347:4.2.6/2]
        self._messages += message

    def clear(self) -> None:
        """Forget everything: a HelloVerifyRequest and the hello before it do not count."""
        # [rfc6347:4.2.1/21] [rfc6347:4.2.6/3]
        self._messages.clear()

    def digest(self, hash_name: str) -> bytes:
        """Hash all messages so far."""
        # [rfc7627:6.2/1]
        return hashlib.new(hash_name, self._messages).digest()

    def __bytes__(self) -> bytes:
        return bytes(self._messages)
