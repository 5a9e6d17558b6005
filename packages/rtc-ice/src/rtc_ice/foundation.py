"""Foundations: which candidates are likely to work or fail together (:rfc:`8445#section-5.1.1.3`)."""

from typing import TypeAlias

from rtc_stun import Address

_Origin: TypeAlias = tuple[str, str, str, str]


class Foundations:
    """Numbers the origins of candidates: type, IP address of the base, IP address of the server, transport."""

    def __init__(self) -> None:
        self._numbers: dict[_Origin, int] = {}

    def get(self, candidate_type: str, base: Address, server: Address | None, transport: str = "udp") -> str:
        """Return the foundation of a candidate; the ports play no part."""
        # [rfc8445:5.2/5] [rfc8445:5.2/6]
        origin = (candidate_type, base.host, "" if server is None else server.host, transport)
        return str(self._numbers.setdefault(origin, len(self._numbers) + 1))
