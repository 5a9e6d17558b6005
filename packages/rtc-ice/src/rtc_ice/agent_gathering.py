"""The side of an agent that finds local candidates: what the caller knows of its addresses and of servers.

What comes of them is made in `rtc_ice.gathering` and `rtc_ice.relayed`.
"""

import abc
from dataclasses import replace

from rtc_ice.agent_streams import StreamSide
from rtc_ice.announcement import Announced
from rtc_ice.candidate import HOST
from rtc_ice.events import Event
from rtc_ice.local_address import LocalAddress, LocalAddresses
from rtc_ice.relayed import Relays
from rtc_ice.session import Session
from rtc_ice.state import GatheringState
from rtc_ice.tcp import TcpType, base_of, transport_of
from rtc_ice.tcp_carrier import TcpCarrier
from rtc_ice.turn_server import TurnServer
from rtc_stun import Address


class GatheringSide(StreamSide):
    """What an `IceAgent` is told of addresses and servers."""

    _addresses: LocalAddresses
    _events: list[Event]
    _relays: Relays
    _tcp: TcpCarrier

    def add_local_address(
        self,
        address: Address,
        now: float,
        *,
        announced: Announced | None = None,
        tcp_type: TcpType | None = None,
        stream: int = 0,
        component_id: int = 1,
    ) -> bool:
        """Tell of a bound socket: makes a host candidate and, if it is one for UDP, asks the servers through it.

        A TCP candidate that is passive wants a listening socket, of which the agent is told by `transport_accepted`; one for
        simultaneous open such a socket as well, from whose port connections can be opened at the same time; an active one
        wants nothing but an address to connect from.

        What is added first gets the highest priority, except that IPv4 and IPv6 take turns: begin with IPv6 where the
        host has both (:rfc:`8421#section-4`). Look at `events` afterwards.

        Args:
            address: Where the socket receives.
            now: The present.
            announced: What the peer is told instead: the public address that a static one-to-one translator has for
                this one, as in front of cloud servers, or a name that hides it; see `Announcement`.
            tcp_type: Who connects, if it is to be a TCP candidate; the port of active ones means nothing.
            stream: Index of the data stream.
            component_id: 1 to the number of components of the stream.

        Returns:
            Whether the address became a candidate. Not if it is of a kind that :rfc:`8445#section-5.1.1.1` excludes;
            and not if gathering has ended, in which case it waits for the next restart.

        Raises:
            ValueError: An address is no IP address, was added before, or is one too many; or the one to announce is of
                another family or neither address nor name; or there is no such component.
            StateError: The agent is closed.
        """
        self._enter(now)
        # [rfc8445:5.1.1.1/3] [rfc8839:5.1/3]
        components = self._config.components
        if not (0 <= stream < len(components) and 1 <= component_id <= components[stream]):
            raise ValueError(f"there is no component {component_id} of stream {stream}")
        local = self._addresses.add(
            base_of(address, tcp_type), announced, (stream, component_id), self._config, tcp_type
        )
        # [rfc8838:13/6] [rfc8838:13/8] [rfc8838:13/10] [rfc8839:4.4.1.3/2] [rfc8839:4.4.1.3/3]
        ended = (self._addresses.ended and not self._config.continual) or not self._session.gathers
        if local is None or ended:
            return False
        self._gather(local)
        self._settle()
        return True

    def end_of_local_addresses(self, now: float) -> None:
        """Tell that no further addresses will be added before the next restart, so that gathering can complete."""
        self._enter(now)
        self._addresses.ended = True
        self._settle()

    def add_stun_server(self, server: Address, now: float) -> None:
        """Tell of a STUN server that was not known before, such as one whose name has just been resolved.

        It is asked through all addresses, unless gathering has ended: then the next restart asks it.

        Raises:
            ValueError: The server is given by name, or is one too many.
            StateError: The agent is closed.
        """
        self._enter(now)
        if server in self._config.stun_servers:
            return
        self._config = replace(self._config, stun_servers=(*self._config.stun_servers, server))
        bases = [each for each in self._session.local_candidates if each.candidate.type == HOST]
        self._current.gatherer.add_server(self._config, server, bases if self._may_ask_servers else [])
        self._settle()

    def add_turn_server(self, server: TurnServer, now: float) -> None:
        """Tell of a TURN server that was not known before, as `add_stun_server` does of a STUN server.

        Raises:
            ValueError: The server is one too many.
            StateError: The agent is closed.
        """
        self._enter(now)
        if any(each.location == server.location for each in self._config.turn_servers):
            return
        self._config = replace(self._config, turn_servers=(*self._config.turn_servers, server))
        self._relays.add_server(self._config, server, self._udp_addresses() if self._may_ask_servers else [])
        if server.transport == "tcp" and self._may_ask_servers:
            self._current.gatherer.add_tcp_server(self._config, server.address, self._session.local_candidates)
        self._settle()

    def remove_local_address(self, address: Address, now: float, *, tcp_type: TcpType | None = None) -> None:
        """Tell that an address is gone: its candidates and pairs go with it.

        Args:
            address: As it was added.
            now: The present.
            tcp_type: As it was added.

        Raises:
            ValueError: The address was not added.
        """
        self._enter(now)
        address = base_of(address, tcp_type)
        self._addresses.remove(address, transport_of(tcp_type))
        self._current.gatherer.forget(address, transport_of(tcp_type))
        if tcp_type is None:
            self._relays.forget(address, self._now)
        else:
            self._tcp.remove_base(address)
        self._drop_base(address, transport_of(tcp_type))
        self._settle()

    # --- within ---

    @property
    def _session(self) -> Session:
        return self._current.session

    @property
    def _may_ask_servers(self) -> bool:
        return self._config.continual or (
            self._status.gathering is not GatheringState.COMPLETE and self._session.completed_at is None
        )

    def _gather(self, local: LocalAddress) -> None:
        if self._status.gathering is GatheringState.NEW:
            self._step_gathering(GatheringState.GATHERING)
        if local.tcp_type is not None:
            self._tcp.add_base(local.address, local.tcp_type)
        self._events.extend(self._current.gather(local, self._now))

    def _udp_addresses(self) -> list[LocalAddress]:
        return [local for local in self._addresses if local.tcp_type is None]

    def _drop_base(self, address: Address, transport: str) -> None:
        for session in (self._session, self._previous):
            if session is not None:
                session.remove_local(address, transport)
        self._selection.drop_base(address, transport)

    # --- what the agent itself does ---

    @abc.abstractmethod
    def _step_gathering(self, state: GatheringState) -> None: ...
