"""`RTCIceCandidate` and `RTCIceCandidatePair` (WebRTC 1.0, sections 4.8.1 and 5.6.3)."""

from collections.abc import Mapping
from typing import Final

from rtc_ice import Candidate

from .dataclass import dataclass
from .dictionaries import (
    RTCIceCandidateType,
    RTCIceComponent,
    RTCIceProtocol,
    RTCIceServerTransportProtocol,
    RTCIceTcpCandidateType,
)

_COMPONENTS: Final[dict[int, RTCIceComponent]] = {1: "rtp", 2: "rtcp"}
_PROTOCOLS: Final[dict[str, RTCIceProtocol]] = {"udp": "udp", "tcp": "tcp"}
_TYPES: Final[dict[str, RTCIceCandidateType]] = {"host": "host", "srflx": "srflx", "prflx": "prflx", "relay": "relay"}
_TCP_TYPES: Final[dict[str, RTCIceTcpCandidateType]] = {"active": "active", "passive": "passive", "so": "so"}

_RELAY_PROTOCOLS: Final[tuple[RTCIceServerTransportProtocol, ...]] = ("udp", "tcp", "tls")


class RTCIceCandidate:
    """A candidate as it travels through signalling; its parts are there to read where the text can be parsed.

    Args:
        candidateInitDict: `RTCLocalIceCandidateInit` as a dict; keyword arguments of the same names do as well.

    Raises:
        TypeError: Both `sdpMid` and `sdpMLineIndex` are None.
    """

    __slots__ = (
        "_parts",
        "_read",
        "candidate",
        "relayProtocol",
        "sdpMLineIndex",
        "sdpMid",
        "url",
        "usernameFragment",
    )

    def __init__(
        self,
        candidateInitDict: Mapping[str, object] | None = None,
        *,
        candidate: str = "",
        sdpMid: str | None = None,
        sdpMLineIndex: int | None = None,
        usernameFragment: str | None = None,
        relayProtocol: RTCIceServerTransportProtocol | None = None,
        url: str | None = None,
    ) -> None:
        if candidateInitDict is not None:
            candidate, sdpMid, sdpMLineIndex, usernameFragment = candidate_members(candidateInitDict)
            url = _text(candidateInitDict, "url")
            relayProtocol = relay_protocol(candidateInitDict.get("relayProtocol"))
        if sdpMid is None and sdpMLineIndex is None:
            raise TypeError("a candidate needs sdpMid or sdpMLineIndex")
        self.candidate = candidate
        self.sdpMid = sdpMid
        self.sdpMLineIndex = sdpMLineIndex
        self.usernameFragment = usernameFragment
        self.relayProtocol = relayProtocol
        self.url = url
        self._parts: Candidate | None = None
        self._read = False

    @property
    def _parsed(self) -> Candidate | None:
        """The parts. Most candidates are only passed on, so they are not parsed before somebody asks."""
        if not self._read:
            self._parts = _parse(self.candidate)
            self._read = True
        return self._parts

    @property
    def foundation(self) -> str | None:
        """Equal for candidates of the same kind, base and server."""
        return self._parsed.foundation if self._parsed else None

    @property
    def component(self) -> RTCIceComponent | None:
        """It is "rtp" for component 1, "rtcp" for component 2."""
        return _COMPONENTS.get(self._parsed.component_id) if self._parsed else None

    @property
    def priority(self) -> int | None:
        """The priority the sender gave it, 1 to 2^31 - 1."""
        return self._parsed.priority if self._parsed else None

    @property
    def address(self) -> str | None:
        """IP address or name."""
        return self._parsed.address.host if self._parsed else None

    @property
    def protocol(self) -> RTCIceProtocol | None:
        """Either "udp" or "tcp"."""
        return _PROTOCOLS.get(self._parsed.transport) if self._parsed else None

    @property
    def port(self) -> int | None:
        """The port."""
        return self._parsed.address.port if self._parsed else None

    @property
    def type(self) -> RTCIceCandidateType | None:
        """One of "host", "srflx", "prflx" and "relay"."""
        return _TYPES.get(self._parsed.type) if self._parsed else None

    @property
    def tcpType(self) -> RTCIceTcpCandidateType | None:
        """For TCP candidates, who opens the connection (:rfc:`6544`)."""
        if self._parsed is None or self._parsed.transport != "tcp":
            return None
        return _TCP_TYPES.get(self._parsed.extension("tcptype") or "")

    @property
    def relatedAddress(self) -> str | None:
        """The base of a reflexive candidate, the mapped address of a relayed one."""
        return self._parsed.related_address.host if self._parsed and self._parsed.related_address else None

    @property
    def relatedPort(self) -> int | None:
        """The port that belongs to `relatedAddress`."""
        return self._parsed.related_address.port if self._parsed and self._parsed.related_address else None

    def toJSON(self) -> dict[str, str | int | None]:
        """A dict for `json.dumps`, with the keys a browser expects."""
        return {
            "candidate": self.candidate,
            "sdpMid": self.sdpMid,
            "sdpMLineIndex": self.sdpMLineIndex,
            "usernameFragment": self.usernameFragment,
        }

    def __repr__(self) -> str:
        return f"RTCIceCandidate({self.candidate!r}, sdpMid={self.sdpMid!r}, sdpMLineIndex={self.sdpMLineIndex})"


@dataclass(frozen=True, slots=True)
class RTCIceCandidatePair:
    """A local and a remote candidate that belong together."""

    local: RTCIceCandidate
    remote: RTCIceCandidate


def candidate_members(given: Mapping[str, object]) -> tuple[str, str | None, int | None, str | None]:
    """Read an `RTCIceCandidateInit`: candidate, sdpMid, sdpMLineIndex and usernameFragment.

    Raises:
        TypeError: It is no dictionary, or a member is of another type.
    """
    if not isinstance(given, Mapping):
        raise TypeError(f"expected an RTCIceCandidate or a dict, got {type(given).__name__}")
    index = given.get("sdpMLineIndex")
    if index is not None and not isinstance(index, int):
        raise TypeError(f"sdpMLineIndex is an int, not {type(index).__name__}")
    return _text(given, "candidate") or "", _text(given, "sdpMid"), index, _text(given, "usernameFragment")


def _text(given: Mapping[str, object], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name} is a str, not {type(value).__name__}")
    return value


def relay_protocol(value: object) -> RTCIceServerTransportProtocol | None:
    """Read how a relay is reached.

    Raises:
        TypeError: It is none of the known ways.
    """
    for known in _RELAY_PROTOCOLS:
        if value == known:
            return known
    if value is None:
        return None
    raise TypeError(f"relayProtocol is one of {', '.join(_RELAY_PROTOCOLS)}, not {value!r}")


def _parse(candidate: str) -> Candidate | None:
    """Return the parts of a candidate; None if it is empty or malformed, or a part has no name here: nothing of it is shown then."""
    try:
        parsed = Candidate.parse(candidate)
    except ValueError:
        return None
    tcp_type = parsed.extension("tcptype")
    known = (
        parsed.component_id in _COMPONENTS
        and parsed.transport in _PROTOCOLS
        and parsed.type in _TYPES
        and (parsed.transport != "tcp" or tcp_type is None or tcp_type in _TCP_TYPES)
    )
    return parsed if known else None
