"""One UDP port for many peers: which of them a datagram that arrives is for.

::

    datagram ──► Binding request ────► whose user fragment begins its USERNAME
             ├─► response ───────────► whose request it answers
             └─► everything else ────► who has been proven to be at that remote address
                                       nobody of these: dropped and counted

STUN says by itself who it is for; DTLS and media do not, and go by where they come from. An address becomes a peer's when
the peer's ICE agent says that it has: by a check under its password, or by the answer to a check of its own
(`IceAgent.is_valid_path`). So a forged user fragment, which everybody can read on the way, moves nothing.

A participant can still lie about where it is, by a check of its own with the address of another as source, which is as
well proven as any. That takes nothing away from the other: an address may belong to several peers, and each of them is
given what comes from there. What is not meant for it, a peer cannot decrypt, and drops.
"""

from collections.abc import Iterable
from typing import Final, Generic, Protocol, TypeAlias, TypeVar

from rtc_stun import Address, Datagram, Username, is_stun

MAX_UFRAGS_PER_PEER: Final = 16
"""How many generations of credentials a peer may have at a time; it is one, and two during an ICE restart."""

MAX_PATHS_PER_PEER: Final = 32
"""How many remote addresses are remembered for a peer; those proven first are forgotten first."""

MAX_PEERS_PER_PATH: Final = 4
"""How many peers may be at one remote address. A further one does not displace them."""

MAX_REQUESTS_PER_PEER: Final = 64
"""How many requests of a peer are remembered, for their responses; those sent first are forgotten first.

Answered ones as well: the first answer may be a forged one, which the peer ignores.
"""

_HEADER_LENGTH: Final = 20
_BINDING_REQUEST: Final = b"\x00\x01"
_RESPONSE_BIT: Final = 0x01
"""Of the first byte: the upper bit of the message class, set in responses of either kind."""
_REQUEST_MASK: Final = 0x10
"""Of the second byte: the lower bit of the class, set in indications and error responses."""


class MuxPeer(Protocol):
    """Who shares the port: an `IceAgent`, or what has one. Told apart by identity."""

    def is_valid_path(self, local: Address, remote: Address) -> bool:
        """Whether the peer has proven to be at ``remote``."""


_Path: TypeAlias = tuple[Address, Address]
"""Where a datagram arrived and where it came from."""

P = TypeVar("P", bound=MuxPeer)
T = TypeVar("T")


class MuxStats:
    """What a multiplexer did."""

    __slots__ = ("datagrams_routed", "dropped")

    def __init__(self) -> None:
        self.datagrams_routed = 0
        """Datagrams that had a peer."""
        self.dropped: dict[str, int] = {}
        """Datagrams that had none, and addresses that were not taken note of, by reason."""


class _Member(Generic[P]):
    """What is known of one peer."""

    __slots__ = ("paths", "peer", "requests", "ufrags")

    def __init__(self, peer: P) -> None:
        self.peer = peer
        self.ufrags: dict[str, None] = {}
        self.paths: dict[_Path, None] = {}
        self.requests: dict[bytes, None] = {}
        """IDs of transactions."""


class Multiplexer(Generic[P]):
    """Shares one port among many peers. It holds no sockets, and no secrets.

    The loop: `add` each peer under the user fragment of its ICE agent; hand what arrives at the port to `route`, and its
    shares to the peers; hand what the peers send to `sent` on its way out; `remove` a peer that has closed. Full and lite
    agents may be mixed.

    Args:
        max_peers: How many peers there may be.

    Raises:
        ValueError: ``max_peers`` is not positive.
    """

    def __init__(self, *, max_peers: int = 65_536) -> None:
        if max_peers < 1:
            raise ValueError("there is room for one peer at least")
        self.stats: Final = MuxStats()
        self._max_peers = max_peers
        self._members: dict[P, _Member[P]] = {}
        self._by_ufrag: dict[str, _Member[P]] = {}
        self._by_request: dict[bytes, _Member[P]] = {}
        self._by_path: dict[_Path, list[_Member[P]]] = {}
        self._unproven: list[tuple[_Member[P], _Path]] = []
        """Where STUN for a peer came from, in the last call of `route`; the peer has judged it since."""

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, peer: P) -> bool:
        return peer in self._members

    # --- peers ---

    def add(self, ufrag: str, peer: P) -> None:
        """Take in a peer, or another user fragment of it, as after an ICE restart; the older ones stay valid.

        Raises:
            ValueError: Another peer has this user fragment, or there are too many peers.
        """
        holder = self._by_ufrag.get(ufrag)
        if holder is not None and holder.peer is not peer:
            raise ValueError(f"another peer has the user fragment {ufrag!r}")
        member = self._members.get(peer)
        if member is None:
            if len(self._members) >= self._max_peers:
                raise ValueError(f"there are {self._max_peers} peers already")
            member = self._members[peer] = _Member(peer)
        member.ufrags[ufrag] = None
        self._by_ufrag[ufrag] = member
        if len(member.ufrags) > MAX_UFRAGS_PER_PEER:
            del self._by_ufrag[_pop_oldest(member.ufrags)]

    def remove(self, peer: P) -> None:
        """Forget a peer with all that leads to it; unknown ones are ignored."""
        member = self._members.pop(peer, None)
        if member is None:
            return
        for ufrag in member.ufrags:
            del self._by_ufrag[ufrag]
        for transaction_id in member.requests:
            del self._by_request[transaction_id]
        for path in member.paths:
            self._leave(member, path)
        self._unproven = [each for each in self._unproven if each[0] is not member]

    def peer_of(self, request: bytes) -> P | None:
        """Return whom a check names by its USERNAME, such as the first frame of a stream; None if that is nobody."""
        ufrag = check_ufrag(request)
        member = None if ufrag is None else self._by_ufrag.get(ufrag)
        return None if member is None else member.peer

    # --- datagrams ---

    def route(self, datagrams: Iterable[Datagram]) -> list[tuple[P, list[Datagram]]]:
        """Part what arrived together. Hand the peers their shares before the next call: it asks them what these proved."""
        if self._unproven:
            self._learn()
        shares: dict[_Member[P], list[Datagram]] = {}
        for datagram in datagrams:
            members = self._receivers(datagram)
            if members:
                self.stats.datagrams_routed += 1
            for member in members:
                share = shares.get(member)
                if share is None:
                    shares[member] = [datagram]
                else:
                    share.append(datagram)
        return [(member.peer, share) for member, share in shares.items()]

    def sent(self, peer: P, datagrams: Iterable[Datagram]) -> None:
        """Note what a peer sends through the port, so that responses find back to it."""
        for datagram in datagrams:
            data = datagram.data
            if data[:2] == _BINDING_REQUEST and is_stun(data):
                self._note_request(peer, data[8:_HEADER_LENGTH])

    def _receivers(self, datagram: Datagram) -> Iterable[_Member[P]]:
        data, path = datagram.data, (datagram.local, datagram.remote)
        if not is_stun(data) or (data[1] & _REQUEST_MASK and not data[0] & _RESPONSE_BIT):
            # Neither, and indications: keepalives, which name nobody.
            known = self._by_path.get(path)
            return known if known is not None else self._drop("unknown-address")
        if data[0] & _RESPONSE_BIT:
            member = self._by_request.get(data[8:_HEADER_LENGTH])
            if member is None:
                return self._drop("unknown-transaction")
        else:
            ufrag = check_ufrag(data)
            if ufrag is None:
                return self._drop("no-username")
            member = self._by_ufrag.get(ufrag)
            if member is None:
                return self._drop("unknown-username")
        if path not in member.paths:
            self._unproven.append((member, path))
        return (member,)

    def _note_request(self, peer: P, transaction_id: bytes) -> None:
        member = self._members.get(peer)
        # A transaction of another peer's with the same ID can only be a lie.
        if member is None or transaction_id in self._by_request:
            return
        member.requests[transaction_id] = None
        self._by_request[transaction_id] = member
        if len(member.requests) > MAX_REQUESTS_PER_PEER:
            del self._by_request[_pop_oldest(member.requests)]

    # --- addresses ---

    def _learn(self) -> None:
        """Take note of the addresses that turned out to be a peer's."""
        heard, self._unproven = self._unproven, []
        for member, path in heard:
            if path in member.paths or not member.peer.is_valid_path(*path):
                continue
            members = self._by_path.setdefault(path, [])
            for other in [other for other in members if not other.peer.is_valid_path(*path)]:
                # It was there in a session that has ended since.
                del other.paths[path]
                members.remove(other)
            if len(members) >= MAX_PEERS_PER_PATH:
                self._count("crowded-address")
                continue
            members.append(member)
            member.paths[path] = None
            if len(member.paths) > MAX_PATHS_PER_PEER:
                self._leave(member, _pop_oldest(member.paths))

    def _leave(self, member: _Member[P], path: _Path) -> None:
        members = self._by_path[path]
        members.remove(member)
        if not members:
            del self._by_path[path]

    def _drop(self, reason: str) -> tuple[()]:
        self._count(reason)
        return ()

    def _count(self, reason: str) -> None:
        self.stats.dropped[reason] = self.stats.dropped.get(reason, 0) + 1


def check_ufrag(request: bytes) -> str | None:
    """Return the user fragment of whom a check is for; None if it names nobody.

    It is found without a look at the rest, and proves nothing: whoever is named has yet to verify the request.

    See :rfc:`8445#section-7.3`.
    """
    if request[:2] != _BINDING_REQUEST or not is_stun(request):
        return None
    at, end = _HEADER_LENGTH, len(request)
    while at + 4 <= end:
        length = int.from_bytes(request[at + 2 : at + 4])
        if int.from_bytes(request[at : at + 2]) == Username.TYPE:
            # [rfc8445:7.3/4]
            local_ufrag, colon, _ = request[at + 4 : at + 4 + length].partition(b":")
            return local_ufrag.decode("ascii", "replace") if colon else None
        at += 4 + (length + 3 & ~3)
    return None


def _pop_oldest(known: dict[T, None]) -> T:
    oldest = next(iter(known))
    del known[oldest]
    return oldest
