"""A STUN and TURN server on asyncio: `rtc_turn.TurnServer` with sockets, TLS, DTLS and time.

`TurnService` is everything between the sans-I/O server and the network. It listens over UDP, TCP, TLS and DTLS, opens relays, tells the
server what arrives and sends what it answers; whoever runs it gives it users, a policy and limits, all of them those of `rtc_turn`.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Final, Literal, Self, TypeAlias

from rtc_dtls import Certificate
from rtc_stun import Address, Authenticator, CloseTransport, Datagram
from rtc_turn import (
    AllocationCreated,
    AllocationDeleted,
    AllocationStatus,
    ClosePeerConnection,
    CloseRelay,
    OpenPeerConnection,
    OpenRelay,
    PeerPolicy,
    ServerClosed,
    ServerEvent,
    TurnServer,
    TurnServerConfig,
    TurnServerStats,
)

from .dataclass import dataclass
from .dtls_listener import DtlsListener
from .fragmentation import keeps_whole
from .icmp import IcmpError
from .interfaces import local_hosts
from .turn_discovery import NatDiscovery
from .turn_relays import Listener, RelaySockets, TurnRelays
from .turn_streams import TurnStreams
from .udp import Batch, UdpSocket

ListenerTransport: TypeAlias = Literal["udp", "tcp", "tls", "dtls"]
AllocationEvent: TypeAlias = AllocationCreated | AllocationDeleted

ANY_HOSTS: Final = ("0.0.0.0", "::")  # noqa: S104 - what stands for all of them
BACKLOG: Final = 256
ALPN: Final = ("stun.turn", "stun.nat-discovery")
"""Names of the application protocols of :rfc:`7443`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnListener:
    """One port that clients reach the server at."""

    transport: ListenerTransport
    host: str
    """IP address of this machine. ``0.0.0.0`` and ``::`` mean every address that it has of the family at the start."""
    port: int
    """0 to let the system choose."""


@dataclass(frozen=True, slots=True)
class TurnCertificate:
    """What the server proves itself with over TLS and DTLS, read anew for each `TurnService.reconfigure`.

    See `load`.
    """

    chain_file: str
    key_file: str
    dtls: Certificate

    @classmethod
    def load(cls, chain_file: str | os.PathLike[str], key_file: str | os.PathLike[str]) -> Self:
        """Read a certificate chain, our own first, and its private key, both PEM and the key not encrypted.

        Raises:
            OSError: A file cannot be read.
            ValueError: They hold something else, or do not belong together.
        """
        chain, key = os.fspath(chain_file), os.fspath(key_file)
        texts = []
        for path in dict.fromkeys((key, chain)):
            with open(path, "rb") as file:
                texts.append(file.read())
        certificate = cls(chain, key, Certificate.from_pem(b"\n".join(texts)))
        try:
            certificate.fill(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        except ssl.SSLError as error:
            raise ValueError(f"{chain}: {error.reason or error}") from error
        return certificate

    def fill(self, context: ssl.SSLContext) -> None:
        """Let a TLS context use it for connections from now on."""
        context.load_cert_chain(self.chain_file, self.key_file)


@dataclass(slots=True)
class TurnServiceStats:
    """What a service has done so far, beside what `TurnServerStats` counts."""

    server: TurnServerStats
    """That of the protocol."""
    allocations: int
    """At present."""
    relays: int
    """Open sockets of relayed addresses."""
    streams: int
    """Clients connected over TCP and TLS at present."""
    dtls_clients: int
    """Clients connected over DTLS at present."""
    datagrams_lost: int
    """That the system refused, or for which a socket had no room."""
    messages_dropped: int
    """For clients over streams that read too slowly."""
    connections_refused: int
    """Over TCP and TLS, above the bound or without a handshake."""


class TurnService:
    """Serve STUN and TURN.

    Use it as an asynchronous context, or call `start` and `stop`::

        users = LongTermUsers("example.org", {"alice": "a good password"})
        service = TurnService(
            authenticator=LongTermAuthenticator(users, secret=os.urandom(32)),
            listeners=[TurnListener(transport="udp", host="0.0.0.0", port=3478)],
        )
        async with service:
            await asyncio.Event().wait()

    Users come and go by what their directory says (`rtc_stun.LongTermUsers.add` and ``remove`` count from the next request on);
    `reconfigure` changes the rest while the service runs.

    Args:
        authenticator: Who may ask, such as a `rtc_stun.LongTermAuthenticator`.
        listeners: Where clients come.
        relays: Where to relay from.
        certificate: What to prove the server with; needed for TLS and DTLS.
        policy: Whom to relay to; by default public addresses alone.
        config: Limits and more. Its `TurnServerConfig.families` is what `relays` can do, and its
            `TurnServerConfig.dont_fragment` what the system can.
        discovery_port: A second UDP port at which to listen, too. With it and two hosts of one family the service helps
            clients to explore their NAT (:rfc:`5780`): their Binding requests may be answered from another address.
        on_event: Called when an allocation is made and when it ends, to keep a log or to send bills.
        trace: Called with time, name and data of what happens.

    Raises:
        ValueError: There is no listener, or one needs a certificate and there is none.
    """

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        listeners: Sequence[TurnListener],
        relays: TurnRelays | None = None,
        certificate: TurnCertificate | None = None,
        policy: PeerPolicy | None = None,
        config: TurnServerConfig | None = None,
        discovery_port: int | None = None,
        on_event: Callable[[AllocationEvent], None] | None = None,
        trace: Callable[[float, str, Mapping[str, object]], None] | None = None,
    ) -> None:
        if not listeners:
            raise ValueError("a server without a listener is found by nobody")
        if certificate is None and any(each.transport in ("tls", "dtls") for each in listeners):
            raise ValueError("TLS and DTLS need a certificate")
        self._relay_options = relays if relays is not None else TurnRelays()
        self._config = replace(
            config if config is not None else TurnServerConfig(),
            families=self._relay_options.relayed_families,
            dont_fragment=keeps_whole(),
        )
        self._wanted = tuple(listeners)
        self._certificate = certificate
        self._discovery_port = discovery_port
        self._discovery: NatDiscovery | None = None
        self._on_event = on_event
        self._server = TurnServer(
            rng=os.urandom, authenticator=authenticator, policy=policy, config=self._config, trace=trace
        )
        self._context: ssl.SSLContext | None = None
        self._udp: dict[Address, UdpSocket] = {}
        self._dtls: dict[Address, DtlsListener] = {}
        self._accepting: list[Listener] = []
        self._listeners: list[TurnListener] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._is_awake = False
        self._stopped = asyncio.Event()

    # What it is.

    @property
    def listeners(self) -> tuple[TurnListener, ...]:
        """Where clients come, with the ports that the system chose, once it has started."""
        return tuple(self._listeners)

    @property
    def stats(self) -> TurnServiceStats:
        """Counters and present numbers, once it has started."""
        sockets = [*self._udp.values(), *self._relays.open_sockets]
        return TurnServiceStats(
            server=self._server.stats,
            allocations=self._server.allocation_count,
            relays=len(self._relays),
            streams=self._streams.count,
            dtls_clients=sum(len(each) for each in self._dtls.values()),
            datagrams_lost=self._relays.datagrams_lost + sum(each.stats.datagrams_lost for each in sockets),
            messages_dropped=self._streams.dropped,
            connections_refused=self._streams.refused,
        )

    def allocations(self) -> list[AllocationStatus]:
        """Describe the allocations that there are."""
        return self._server.allocations(self._loop.time())

    # Begin and end.

    async def start(self) -> None:
        """Listen. Call it once.

        Raises:
            OSError: An address cannot be bound, which the message names; nothing is left open.
            ValueError: There are no two addresses of one family for a discovery port; nothing is left open either.
        """
        self._loop = asyncio.get_running_loop()
        self._relays = RelaySockets(self._relay_options, self._received, self._icmp, self._peer_came)
        self._streams = TurnStreams(self._server, self._relays, self._config.max_transports, self._wake)
        if self._certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.set_alpn_protocols(list(ALPN))
            self._certificate.fill(self._context)
        try:
            for wanted in self._wanted:
                for host in _hosts(wanted.host):
                    self._listen(wanted.transport, Address(host, wanted.port))
            if self._discovery_port is not None:
                self._listen_for_discovery(self._discovery_port)
        except (OSError, ValueError):
            self._close_listeners()
            raise

    async def stop(self) -> None:
        """End every allocation and close everything; what clients have to be told is sent before."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._flush()
        now = self._loop.time()
        self._server.close(now)
        for event in self._server.events():
            self._take(event)
        for listener in self._dtls.values():
            listener.close(now)
        self._send_dtls(now)
        if self._timer is not None:
            self._timer.cancel()
        self._relays.close_all()
        self._close_listeners()
        await self._streams.close()

    async def wait_stopped(self) -> None:
        """Wait until somebody calls `stop`."""
        await self._stopped.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # Changes while it runs.

    def reconfigure(
        self,
        *,
        authenticator: Authenticator | None = None,
        policy: PeerPolicy | None = None,
        certificate: TurnCertificate | None = None,
    ) -> None:
        """Change who may ask, whom to relay to, or what the server proves itself with; None leaves it as it is.

        Allocations stay. A user who is unknown from now on cannot prolong them; a peer who is not allowed any more is reached no
        more; who is connected by TLS or DTLS stays so.
        """
        if authenticator is not None:
            self._server.set_authenticator(authenticator)
        if policy is not None:
            self._server.set_policy(policy)
            self._wake()
        if certificate is not None:
            self._certificate = certificate
            if self._context is not None:
                certificate.fill(self._context)
            for listener in self._dtls.values():
                listener.set_certificate(certificate.dtls)

    def redirect(self, alternate: Address | None) -> None:
        """Send those who ask for an allocation to another server from now on, such as before an end of service; None for nowhere."""
        self._server.redirect(alternate)

    # Listeners.

    def _listen(self, transport: ListenerTransport, wanted: Address) -> None:
        try:
            self._bind(transport, wanted)
        except OSError as error:
            where = f"{wanted.host} port {wanted.port} over {transport.upper()}"
            raise OSError(error.errno, f"{where}: {error.strerror or error}") from error

    def _bind(self, transport: ListenerTransport, wanted: Address) -> None:
        if transport in ("udp", "dtls"):
            received = self._received_dtls if transport == "dtls" else self._received
            udp = UdpSocket(wanted, received, stamped=False, relays=True)
            local = udp.local
            self._udp[local] = udp
            if transport == "dtls" and self._certificate is not None:
                certificate, limit = self._certificate.dtls, self._config.max_transports
                self._dtls[local] = DtlsListener(
                    local,
                    certificate,
                    limit,
                    is_served=lambda remote: self._server.serves(local, remote, "dtls"),
                    on_begun=lambda remote: self._server.association_begun(local, remote, self._loop.time()),
                )
        else:
            local = self._accept(wanted, None if transport == "tcp" else self._context)
        self._listeners.append(TurnListener(transport=transport, host=local.host, port=local.port))

    def _listen_for_discovery(self, port: int) -> None:
        first = [listener for listener in self._listeners if listener.transport == "udp"]
        if not first:
            raise ValueError("clients explore their NAT over UDP, and there is no UDP listener")
        hosts = [listener.host for listener in first]
        self._discovery = NatDiscovery.between(hosts, first[0].port, port)
        for host in hosts:
            self._listen("udp", Address(host, port))

    def _accept(self, wanted: Address, context: ssl.SSLContext | None) -> Address:
        family = socket.AF_INET6 if ":" in wanted.host else socket.AF_INET
        listening = socket.create_server(tuple(wanted), family=family, backlog=BACKLOG)
        listener = Listener(
            listening, lambda opened, remote: self._streams.accept(opened, listener.local, remote, context)
        )
        self._accepting.append(listener)
        return listener.local

    def _close_listeners(self) -> None:
        for accepting in self._accepting:
            accepting.close()
        for udp in self._udp.values():
            udp.close()
        self._accepting.clear()
        self._udp.clear()
        self._dtls.clear()

    # Input.

    def _received(self, batches: list[Batch]) -> None:
        for arrived_at, datagrams in batches:
            # What peers send to a relayed address is for the client, whatever it is.
            if self._discovery is not None and datagrams and datagrams[0].local in self._udp:
                self._server.receive_datagrams(self._discovery.take(datagrams, arrived_at), arrived_at)
            else:
                self._server.receive_datagrams(datagrams, arrived_at)
        self._wake()

    def _received_dtls(self, batches: list[Batch]) -> None:
        for arrived_at, datagrams in batches:
            listener = self._dtls.get(datagrams[0].local) if datagrams else None
            if listener is not None:
                self._server.receive_datagrams(listener.receive(datagrams, arrived_at), arrived_at)
        self._wake()

    def _icmp(self, relayed: Address, error: IcmpError) -> None:
        now, peer = self._loop.time(), error.destination
        self._server.icmp_received(relayed, peer, error.icmp_type, error.icmp_code, now, error_data=error.mtu)
        self._wake()

    def _peer_came(self, relayed: Address, opened: socket.socket, peer: Address) -> None:
        self._streams.accept_peer(relayed, opened, peer)

    # Output: once for everything that one turn of the event loop has brought.

    def _wake(self) -> None:
        if not self._is_awake and not self._stopped.is_set():
            self._is_awake = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_awake = False
        if self._server.closed:
            return
        server, now = self._server, self._loop.time()
        while events := server.events():
            for event in events:
                self._take(event)
        # [rfc8656:5/13] From the address that was reached, to the one that asked.
        datagrams = server.datagrams_to_send(now)
        if self._discovery is not None:
            datagrams += self._discovery.datagrams_to_send(now)
        by_socket: dict[Address, list[Datagram]] = {}
        for datagram in datagrams:
            by_socket.setdefault(datagram.local, []).append(datagram)
        for local, together in by_socket.items():
            if local in self._dtls:
                self._dtls[local].send(together)
            elif local in self._udp:
                self._udp[local].send(together)
            else:
                self._relays.send(local, together)
        self._send_dtls(now)
        self._streams.flush(now)
        self._set_timer()

    def _send_dtls(self, now: float) -> None:
        for local, listener in self._dtls.items():
            self._udp[local].send(listener.datagrams_to_send(now))

    def _take(self, event: ServerEvent) -> None:
        match event:
            case OpenRelay():
                self._open_relay(event)
            case CloseRelay(relayed=relayed):
                self._relays.close(relayed)
            case OpenPeerConnection():
                self._streams.connect(event)
            case ClosePeerConnection(connection_id=number):
                self._streams.close_peer(number)
            case CloseTransport(transport_id=number, abort=abort):
                if not abort:
                    self._streams.flush(self._loop.time())
                self._streams.close_client(number, abort=abort)
            case AllocationCreated() | AllocationDeleted():
                if self._on_event is not None:
                    self._on_event(event)
            case ServerClosed():
                pass

    def _open_relay(self, wish: OpenRelay) -> None:
        now = self._loop.time()
        try:
            relayed, reserved = self._relays.open(wish)
        except OSError:
            self._server.relay_failed(wish.relay_id, now)
        else:
            self._server.relay_opened(wish.relay_id, relayed, now, reserved=reserved)

    # Time.

    def _set_timer(self) -> None:
        due = [self._server.next_timeout(), *(each.next_timeout() for each in self._dtls.values())]
        at = min((each for each in due if each is not None), default=None)
        if at is None or self._stopped.is_set() or (self._timer is not None and self._timer_at <= at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._due)

    def _due(self) -> None:
        self._timer = None
        now = self._loop.time()
        self._server.handle_timeout(now)
        for listener in self._dtls.values():
            listener.handle_timeout(now)
        self._flush()


def _hosts(host: str) -> list[str]:
    """Every address that a wildcard stands for: answers have to leave from the one that was asked."""
    if host not in ANY_HOSTS:
        return [host]
    found = [each for each in local_hosts(loopback=True) if (":" in each) is (":" in host)]
    return found or [host]
