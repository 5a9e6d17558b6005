"""Permissions and channels as a server keeps them: what is looked at for each datagram is at hand (:rfc:`8656#section-9`)."""

from typing import Final

from rtc_stun import Address

NEVER_JUDGED: Final = -1


class Permission:
    """That of one host, in one allocation."""

    __slots__ = ("expires_at",)

    def __init__(self, expires_at: float) -> None:
        self.expires_at = expires_at
        """Seconds."""


class Channel:
    """A number that stands for a peer.

    Args:
        number: What the client calls it.
        peer: Who is meant.
        relayed: From where the peer is reached.
        permission: That of the peer's host.
        expires_at: Seconds.
    """

    __slots__ = ("expires_at", "judged_in", "number", "peer", "permission", "prefix", "relayed")

    def __init__(self, number: int, peer: Address, relayed: Address, permission: Permission, expires_at: float) -> None:
        self.number = number
        self.prefix = number.to_bytes(2, "big")
        """How its messages begin."""
        self.peer = peer
        self.relayed = relayed
        self.permission = permission
        self.expires_at = expires_at
        self.judged_in = NEVER_JUDGED
        """The term of the policy in which it was allowed last; see `ServerRequests.term`."""
