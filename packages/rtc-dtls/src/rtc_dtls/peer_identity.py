"""Who the peer has to be: its certificate against the fingerprints from signalling.

The fingerprints may come before the certificate or after it. Until both are there and match, `verified` is False and
the connection lets nothing through. See :rfc:`8827#section-6.5` and :rfc:`8122#section-6.2`.
"""

from collections.abc import Iterable

from .alert import AlertDescription
from .errors import ProtocolError
from .fingerprint import Fingerprint, matches, most_preferred


class PeerIdentity:
    """The peer's certificate chain and what is expected of it."""

    __slots__ = ("_expected", "chain", "is_anonymous_allowed")

    def __init__(self, fingerprints: Iterable[Fingerprint] | None, *, is_anonymous_allowed: bool) -> None:
        self._expected = None if fingerprints is None else most_preferred(fingerprints)
        self.chain: tuple[bytes, ...] = ()
        """Raw DER as received; empty until then."""
        self.is_anonymous_allowed = is_anonymous_allowed
        """Whether a peer without a certificate is fine: only as a server that asks for none."""

    def present(self, chain: tuple[bytes, ...]) -> None:
        """Take the peer's chain.

        Raises:
            ProtocolError: It does not match the fingerprints that are known.
        """
        self.chain = chain
        self._check()

    def expect(self, fingerprints: Iterable[Fingerprint]) -> None:
        """Take the fingerprints.

        Raises:
            ValueError: None of the hash functions is known. Nothing changes.
            ProtocolError: The chain that the peer showed does not match.
        """
        self._expected = most_preferred(fingerprints)
        self._check()

    @property
    def verified(self) -> bool:
        """Whether the peer is who it has to be."""
        # [rfc8122:5.1/5] [rfc8122:6.2/5]
        if not self.chain:
            return self.is_anonymous_allowed and self._expected is None
        return self._expected is not None and matches(self.chain[0], self._expected)

    def _check(self) -> None:
        # [rfc8122:5.1/5] [rfc8122:6.2/3]
        if self.chain and self._expected is not None and not matches(self.chain[0], self._expected):
            raise ProtocolError(
                AlertDescription.BAD_CERTIFICATE,
                "the peer's certificate has none of the expected fingerprints",
                "RFC 8827 section 6.5",
            )
