"""HelloRetryRequest: a ServerHello that asks for another ClientHello, with a share of another group or with a cookie.

The server keeps nothing in between. All it needs is in the cookie, under a MAC that binds it to the client's address:

    cookie    MAC (32) | suite (2) | group asked for (2, 0 if none) | hash of the first hello | digest of what must not change

See :rfc:`8446#section-4.1.4`, :rfc:`8446#section-4.2.2` and :rfc:`9147#section-5.1`.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from .cipher_suite13 import CIPHER_SUITES_13, CipherSuite13
from .client_hello import ClientHello
from .dataclass import dataclass
from .extensions import Extensions, ExtensionType
from .extensions13 import encode_cookie
from .handshake import HandshakeMessage, HandshakeType, tls_message
from .presentation import Reader, vector
from .server_hello import ServerHello
from .transcript import Transcript
from .version import Version

RETRY_RANDOM: Final = hashlib.sha256(b"HelloRetryRequest").digest()
"""What makes a ServerHello a HelloRetryRequest."""

MAC_LENGTH: Final = 32

CHANGEABLE: Final = frozenset(
    {
        ExtensionType.KEY_SHARE,
        ExtensionType.COOKIE,
        ExtensionType.EARLY_DATA,
        ExtensionType.PRE_SHARED_KEY,
        ExtensionType.PADDING,
    }
)
"""Extensions in which the second hello may differ from the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A request as the server made it, and as the cookie remembers it."""

    suite: CipherSuite13
    group: int | None
    """The group to send a share of; None if the client needs only return the cookie."""
    hello_hash: bytes
    """Of the first hello, as the transcript wants it."""
    unchanging: bytes
    """Digest of what the second hello has to repeat."""

    @classmethod
    def after(cls, suite: CipherSuite13, group: int | None, hello: ClientHello, message: HandshakeMessage) -> "Retry":
        """Describe the request that answers a hello."""
        digest = hashlib.new(suite.hash_name, message.without_dtls_fields()).digest()
        return cls(suite=suite, group=group, hello_hash=digest, unchanging=unchanging_digest(hello))

    def cookie(self, secret: bytes, address: bytes) -> bytes:
        """Make the cookie."""
        state = self.suite.id.to_bytes(2, "big") + (self.group or 0).to_bytes(2, "big")
        state += vector(1, self.hello_hash) + self.unchanging
        return _mac(secret, address, state) + state

    def message(self, cookie: bytes) -> ServerHello:
        """Make the request."""
        items: list[tuple[int, bytes]] = [(ExtensionType.SUPPORTED_VERSIONS, Version.DTLS_1_3.to_bytes(2, "big"))]
        if self.group is not None:
            items.append((ExtensionType.KEY_SHARE, self.group.to_bytes(2, "big")))
        items.append((ExtensionType.COOKIE, encode_cookie(cookie)))
        return ServerHello(
            server_version=Version.DTLS_1_2,
            random=RETRY_RANDOM,
            cipher_suite=self.suite.id,
            extensions=Extensions(items),
        )

    def transcript(self, cookie: bytes) -> Transcript:
        """Return the transcript up to and with the request."""
        transcript = Transcript()
        # [rfc8446:4.4.1/1] [rfc9147:5.1/4]
        transcript.add(tls_message(HandshakeType.MESSAGE_HASH, self.hello_hash))
        transcript.add(tls_message(HandshakeType.SERVER_HELLO, bytes(self.message(cookie))))
        return transcript


def open_cookie(secrets: Sequence[bytes], address: bytes, cookie: bytes) -> Retry | None:
    """Return what is in a cookie of ours, or None if it is forged, of another address, or of a former secret.

    The secrets may be changed while the server runs: any of them will do.
    """
    mac, state = cookie[:MAC_LENGTH], cookie[MAC_LENGTH:]
    valid = False
    for secret in secrets:
        # [rfc9147:5.1/5] [rfc9147:5.1/10]
        valid |= hmac.compare_digest(_mac(secret, address, state), mac)
    if not valid:
        return None
    reader = Reader(state, "cookie")
    suite, group = reader.number(2), reader.number(2)
    return Retry(
        suite=CIPHER_SUITES_13[suite],
        group=group or None,
        hello_hash=reader.vector(1),
        unchanging=reader.take(reader.left),
    )


def unchanging_digest(hello: ClientHello) -> bytes:
    """Hash all of a hello that the second one has to repeat."""
    # [rfc8446:4.1.2/1]
    rest = Extensions(item for item in hello.extensions.items if item[0] not in CHANGEABLE)
    without = ClientHello(
        client_version=hello.client_version,
        random=hello.random,
        session_id=hello.session_id,
        cipher_suites=hello.cipher_suites,
        compression_methods=hello.compression_methods,
        extensions=rest,
    )
    return hashlib.sha256(bytes(without)).digest()


def _mac(secret: bytes, address: bytes, state: bytes) -> bytes:
    # What it covers are hashes, of which nobody can make a hello. [rfc9147:11/1] [rfc9147:11/2] [rfc9147:11/3]
    return hmac.digest(secret, b"DTLS 1.3" + vector(2, address) + state, hashlib.sha256)
