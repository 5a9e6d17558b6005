"""What a connection has of this machine's network: sockets on its addresses, and the resolution of names."""

import asyncio
import errno
import ipaddress
import logging
import random
from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import rtc_peer
from rtc_ice import TcpType
from rtc_peer import IceTransportState, PeerConnection
from rtc_stun import Address, CloseTransport, OpenTransport

from .driver import Driver
from .host_names import HostNames
from .interfaces import interface_addresses
from .network_options import NetworkOptions

if TYPE_CHECKING:
    from .network_monitor import NetworkMonitor
    from .single_port import SinglePort
    from .streams import MachineStreams
    from .tcp_candidates import TcpCandidates

_LOGGER: Final = logging.getLogger("rtc_asyncio")

RECOVERY_TIME: Final = 8.0
"""Seconds after a change of the network until a connection asks for a restart, if the peer did not choose another path: libwebrtc
takes three to seven."""

_LOST: Final = (IceTransportState.DISCONNECTED, IceTransportState.FAILED)


class HostNetwork:
    """Answers the machine's wishes for I/O.

    Args:
        peer: The machine.
        driver: Has the sockets.
        options: Which addresses and ports to use, and what the peer is told of them.
        hosts: IP addresses to gather candidates on; those that the options admit if None.
        port: Has sockets that connections share; with it, none are opened.
    """

    def __init__(
        self,
        peer: PeerConnection,
        driver: Driver[rtc_peer.Event],
        options: NetworkOptions,
        hosts: Sequence[str] | None,
        port: "SinglePort | None",
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._peer = peer
        self._driver = driver
        self._options = options
        self._hosts = hosts
        self._share = None if port is None else port.share(peer, driver, self._use_streams)
        self._sockets: dict[int, list[Address]] = {}
        self._streams: MachineStreams | None = None
        self._tcp: TcpCandidates | None = None
        self._monitor: NetworkMonitor | None = None
        self._recovery: asyncio.TimerHandle | None = None
        self.names: Final = HostNames(peer, driver)

    @property
    def in_use(self) -> bool:
        """Whether there are sockets."""
        return bool(self._sockets) or (self._share is not None and self._share.in_use)

    def restricted(self, configuration: rtc_peer.Configuration) -> rtc_peer.Configuration:
        """Return a configuration without what the options forbid."""
        return self._options.restricted(configuration)

    def gather(self, transport_id: int) -> None:
        """Open a socket on every address; what cannot be bound is left out, as an interface that just went down.

        After a restart those are opened that have come since: before it they were not taken, unless the agent is continual.
        """
        if self._share is not None:
            self._share.gather(transport_id)
        elif transport_id not in self._sockets:
            self._sockets[transport_id] = []
            self._follow()
            self._take_up(transport_id, self._hosts if self._hosts is not None else self._present())
        elif self._hosts is None:
            self._take_up(transport_id, self._present_elsewhere())
        self._peer.end_of_local_addresses(transport_id, self._driver.now)

    def transport_closed(self, transport_id: int) -> None:
        """Close the sockets of a transport."""
        if self._share is not None:
            self._share.transport_closed(transport_id)
        for address in self._sockets.pop(transport_id, ()):
            self._driver.close_socket(address)
        if self._tcp is not None:
            self._tcp.transport_closed(transport_id)

    def open_stream(self, wish: OpenTransport) -> None:
        """Connect a stream, to a TURN server or to a TCP candidate of the peer's."""
        self._use_streams().open(wish)

    def close_stream(self, wish: CloseTransport) -> None:
        """Close a stream once the last is written."""
        if self._streams is not None:
            self._streams.close_later(wish)

    def close(self) -> None:
        """Look nothing up any more, watch nothing, and take our names back."""
        self.names.close()
        if self._tcp is not None:
            self._tcp.close()
        if self._recovery is not None:
            self._recovery.cancel()
        if self._monitor is not None:
            self._monitor.leave(self._changed)
            self._monitor = None

    def _use_tcp(self) -> "TcpCandidates":
        if self._tcp is None:
            from .tcp_candidates import TcpCandidates  # who does without TCP does without this

            self._tcp = TcpCandidates(self._peer, self._driver, self._use_streams)
        return self._tcp

    def _use_streams(self) -> "MachineStreams":
        if self._streams is None:
            from .streams import MachineStreams  # who needs neither TCP nor relays over streams does without

            self._streams = MachineStreams(self._peer, self._driver.flush, self._options.tls)
            self._driver.use_streams(self._streams)
        return self._streams

    # --- the network changes ---

    def _follow(self) -> None:
        """Watch the addresses of this machine from now on, if they were not named one by one."""
        if self._monitor is None and self._hosts is None and self._options.follow_changes:
            from .network_monitor import NetworkMonitor  # who has a single host does without

            self._monitor = NetworkMonitor.watch(self._changed)

    def _present(self) -> list[str]:
        return self._options.hosts(interface_addresses() if self._monitor is None else self._monitor.addresses)

    def _present_elsewhere(self) -> list[str]:
        """Leave out loopback addresses: without a network, those are for other programs on it, but this peer is elsewhere."""
        return [host for host in self._present() if not ipaddress.ip_address(host).is_loopback]

    def _take_up(self, transport_id: int, hosts: Sequence[str]) -> None:
        """Open a socket of a transport on each of the addresses that has none."""
        used = {each.host for each in self._sockets[transport_id]}
        for host in hosts:
            if host not in used:
                self._add(transport_id, host)

    def _changed(self) -> None:
        """Give up the addresses that are gone, or superseded and not in use, and take up those that came."""
        if self._peer.closed:
            return
        present = self._present_elsewhere()
        kept = {*present, *self._superseded_in_use()}
        self.names.follow_links()
        moves = self._is_without(kept)
        lost = False if self._tcp is None else self._tcp.keep(kept)
        for transport_id, addresses in self._sockets.items():
            for address in [each for each in addresses if each.host not in kept]:
                addresses.remove(address)
                self._driver.close_socket(address)
                lost = self._peer.remove_local_address(address, self._driver.now) or lost
            self._take_up(transport_id, present)
        if lost:
            self._recover()
        elif moves and self._recovery is None:
            self._recovery = self._loop.call_later(RECOVERY_TIME, self._recover_if_needed)
        self._driver.wake()

    def _superseded_in_use(self) -> set[str]:
        """The addresses that there are better ones beside, but that data goes by way of, or a relay or stream may."""
        superseded = (
            set() if self._monitor is None else {each.host for each in self._monitor.addresses if each.is_superseded}
        )
        pairs = [view.selected_pair for view in self._peer.transports]
        # [rfc8835:3.3/2]
        if any(pair is not None and pair.is_carried for pair in pairs):
            return superseded
        return {pair.local.host for pair in pairs if pair is not None} & superseded

    def _is_without(self, hosts: Collection[str]) -> bool:
        """Whether data takes a path that may begin at none of these addresses, or takes none any more."""
        gone = {each.host for addresses in self._sockets.values() for each in addresses} - set(hosts)
        pairs = [view.selected_pair for view in self._peer.transports]
        # By way of which address a relay or a stream is reached is not told.
        breaks = any(pair is not None and (pair.is_carried or pair.local.host in gone) for pair in pairs)
        return (bool(gone) and breaks) or self._peer.ice_connection_state in _LOST

    def _recover_if_needed(self) -> None:
        """Where no other path was found by itself, the peer has to take part."""
        self._recovery = None
        # One that was cut off before a pair was nominated is still checking, if there is anything left to check.
        is_cut_off = any(view.selected_pair is None for view in self._peer.transports)
        if is_cut_off or self._peer.ice_connection_state in _LOST or self._peer.needs_ice_restart(self._driver.now):
            self._recover()

    def _recover(self) -> None:
        self._peer.restart_ice()
        self._driver.wake()

    def _add(self, transport_id: int, host: str) -> None:
        """Open a socket on an address for a transport, and for TCP too if it is wanted; what cannot be bound is left out."""
        address = self._open(host)
        if address is None:
            return
        announce = partial(self._options.announcement, name=self.names.of(host) if self._options.hide_hosts else None)
        if self._peer.add_local_address(transport_id, address, self._driver.now, announced=announce(address)):
            self._sockets[transport_id].append(address)
        else:
            self._driver.close_socket(address)
        # [rfc6544:4.1/2] [rfc6544:4.1/3] [rfc6544:5.1/1] [rfc6544:4.5/6]
        for tcp_type in self._options.tcp:
            self._use_tcp().add(transport_id, host, TcpType(tcp_type), announce)

    def _open(self, host: str) -> Address | None:
        """Open a socket on an address, at a port of the range if there is one; None if that is not possible."""
        first, last = self._options.ports or (0, 0)
        count = last - first + 1
        start = random.randrange(count)
        for offset in range(count):
            try:
                return self._driver.open_socket(Address(host, first + (start + offset) % count))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    # An interface may have gone down just now; but who named an address expects it to be used.
                    if self._hosts is not None:
                        _LOGGER.warning("%s is not used: %s", host, error.strerror)
                    return None
        _LOGGER.warning("no port from %s to %s is free on %s", first, last, host)
        return None
