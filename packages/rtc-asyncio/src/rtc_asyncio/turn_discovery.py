"""Help for clients that explore their NAT, at the UDP ports of a TURN server (:rfc:`5780`)."""

from collections.abc import Iterable

from rtc_stun import Address, AlternateAddresses, BehaviorConfig, Datagram, ServerConfig, StunServer

_BINDING_REQUEST = b"\x00\x01"


class NatDiscovery:
    """Answers Binding requests in place of the TURN server, from whichever of four addresses the client wishes.

    Args:
        alternates: Two addresses and two ports of each family.
    """

    def __init__(self, alternates: tuple[AlternateAddresses, ...]) -> None:
        self._server = StunServer(config=ServerConfig(software=None, behavior=BehaviorConfig(alternates=alternates)))

    @classmethod
    def between(cls, hosts: Iterable[str], port: int, second_port: int) -> "NatDiscovery":
        """Use the first two hosts of each family.

        Raises:
            ValueError: There are not two of any.
        """
        families: dict[bool, list[str]] = {}
        for host in dict.fromkeys(hosts):
            families.setdefault(":" in host, []).append(host)
        alternates = [
            AlternateAddresses(Address(first, port), Address(second, second_port))
            for first, second, *_ in (each for each in families.values() if len(each) > 1)
        ]
        if not alternates:
            raise ValueError("to help clients explore their NAT takes two addresses of one family")
        return cls(tuple(alternates))

    def take(self, datagrams: list[Datagram], now: float) -> list[Datagram]:
        """Take Binding requests; returns the rest."""
        rest = []
        for datagram in datagrams:
            if datagram.data.startswith(_BINDING_REQUEST):
                self._server.receive_datagram(datagram, now)
            else:
                rest.append(datagram)
        return rest

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain the responses."""
        return self._server.datagrams_to_send(now)
