"""The key exchange of DTLS 1.3: key_share and who answers it. See :rfc:`8446#section-4.2.8`.

KeyShareEntry         group (2) | key_exchange<1..2^16-1>
in the ClientHello    KeyShareEntry client_shares<0..2^16-1>
in a ServerHello      one KeyShareEntry
in a retry request    group (2)
"""

from collections.abc import Callable, Iterable
from typing import Final

from .alert import AlertDescription
from .errors import ParseError
from .group import EphemeralKey, GroupId
from .hybrid import HybridKey, encapsulate
from .presentation import Reader, vector

KeyPair = EphemeralKey | HybridKey
"""What a client keeps until the server has answered one of its shares."""

MAX_SHARES: Final = 16
"""Shares of one hello. Browsers send two."""


def generate_key_pair(group: int, rng: Callable[[int], bytes]) -> KeyPair:
    """As client, make a key pair of any group we speak."""
    return HybridKey.generate(rng) if group == GroupId.X25519MLKEM768 else EphemeralKey.generate(group, rng)


def answer_share(group: int, share: bytes, rng: Callable[[int], bytes]) -> tuple[bytes, bytes]:
    """As server, answer a client's share with our own and the shared secret.

    Raises:
        ProtocolError: The client's share is no valid element of the group.
    """
    if group == GroupId.X25519MLKEM768:
        return encapsulate(share, rng)
    ours = EphemeralKey.generate(group, rng)
    # [rfc8446:4.2.8.2/1]
    return ours.public, ours.exchange(share)


def parse_client_shares(data: bytes) -> dict[int, bytes]:
    """Parse the shares of a ClientHello, in the client's order.

    Raises:
        ParseError: A length is wrong, or a group comes twice.
    """
    reader = Reader(data, "key_share")
    inner = Reader(reader.vector(2), "key_share")
    reader.finish()
    shares: dict[int, bytes] = {}
    while inner.left:
        group = inner.number(2)
        # [rfc8446:4.2.8/2]
        if group in shares or len(shares) >= MAX_SHARES:
            raise ParseError(f"key_share: group {group} twice, or too many", AlertDescription.ILLEGAL_PARAMETER)
        shares[group] = inner.vector(2, 1)
    return shares


def encode_client_shares(pairs: Iterable[KeyPair]) -> bytes:
    """Encode the shares of a ClientHello."""
    return vector(2, b"".join(encode_server_share(pair.group, pair.public) for pair in pairs))


def parse_server_share(data: bytes) -> tuple[int, bytes]:
    """Parse the group and the share of a ServerHello."""
    reader = Reader(data, "key_share")
    group, share = reader.number(2), reader.vector(2, 1)
    reader.finish()
    return group, share


def encode_server_share(group: int, share: bytes) -> bytes:
    """Encode the group and the share of a ServerHello."""
    return group.to_bytes(2, "big") + vector(2, share)


def parse_selected_group(data: bytes) -> int:
    """Parse the group that a HelloRetryRequest asks for."""
    reader = Reader(data, "key_share")
    group = reader.number(2)
    reader.finish()
    return group
