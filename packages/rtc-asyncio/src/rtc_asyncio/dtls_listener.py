"""A UDP port on which many clients speak DTLS, each in a connection of its own.

Nothing is kept for a client that has not shown that it receives what is sent to its address: its hello is answered with a cookie by a
connection that is thrown away. What comes back with the cookie begins the connection that stays.
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final

from rtc_dtls import (
    ApplicationDataReceived,
    BufferFullError,
    Certificate,
    ConnectionState,
    DtlsConfig,
    DtlsConnection,
    Role,
    StateError,
)
from rtc_stun import Address, Datagram

MAX_GREETED: Final = 64
"""Clients whose hello has not come whole yet; the oldest gives way."""
HANDSHAKE_TIME: Final = 30.0
"""Seconds for the whole handshake."""
IDLE_TIME: Final = 60.0
"""Seconds for which a client that is served nothing may stay connected."""
SWEEP_INTERVAL: Final = 5.0
"""Seconds between two looks for clients that have stayed too long."""

_CLIENT_HELLO: Final = b"\x16\xfe"
"""How a record begins that may hold a hello."""


class _Client:
    __slots__ = ("connection", "served_at", "since")

    def __init__(self, connection: DtlsConnection, now: float) -> None:
        self.connection = connection
        self.since = now
        self.served_at = now
        """When it had something last that must not be cut off; before that, when it came."""


class DtlsListener:
    """The DTLS clients of one UDP socket. It moves no bytes: datagrams go in, datagrams come out.

    Args:
        local: Address of the socket.
        certificate: What the server proves itself with.
        max_clients: At a time; more are not answered.
        is_served: Whether a client has something that must not be cut off, such as an allocation.
    """

    def __init__(
        self, local: Address, certificate: Certificate, max_clients: int, is_served: Callable[[Address], bool]
    ) -> None:
        self.local = local
        self._max_clients = max_clients
        self._is_served = is_served
        self._clients: dict[Address, _Client] = {}
        self._greeted: OrderedDict[Address, DtlsConnection] = OrderedDict()
        self._shaking: set[Address] = set()
        """Clients in the handshake, the only ones that have timers."""
        self._touched: dict[Address, None] = {}
        """Clients that may have something to send."""
        self._unsent: list[Datagram] = []
        self._sweep_at = 0.0
        self._secret = os.urandom(32)
        self._config = self._config_with(certificate)
        self.dropped = 0
        """Datagrams that came to nothing."""

    def __len__(self) -> int:
        return len(self._clients)

    def set_certificate(self, certificate: Certificate) -> None:
        """Prove ourselves with another certificate to those who come from now on."""
        self._config = self._config_with(certificate)

    def _config_with(self, certificate: Certificate) -> DtlsConfig:
        return DtlsConfig(certificate=certificate, require_client_certificate=False, cookie_secrets=(self._secret,))

    def receive(self, datagrams: Iterable[Datagram], now: float) -> list[Datagram]:
        """Take what arrived; return what was inside."""
        contents: list[Datagram] = []
        for datagram in datagrams:
            remote = datagram.remote
            client = self._clients.get(remote)
            if client is None:
                self._greet(datagram, now)
                continue
            client.connection.receive_datagram(datagram.data, now)
            self._touched[remote] = None
            contents += self._contents(client, remote)
        return contents

    def _greet(self, datagram: Datagram, now: float) -> None:
        remote = datagram.remote
        if not datagram.data.startswith(_CLIENT_HELLO) or len(self._clients) >= self._max_clients:
            self.dropped += 1
            return
        connection = self._greeted.pop(remote, None)
        if connection is None:
            name = f"{remote.host} {remote.port}".encode()
            connection = DtlsConnection(role=Role.SERVER, config=self._config, rng=os.urandom, peer_address=name)
        connection.receive_datagram(datagram.data, now)
        answers = connection.datagrams_to_send(now)
        self._unsent += [Datagram(data, self.local, remote) for data in answers]
        connection.events()
        if connection.closed:
            return
        if connection.next_timeout() is not None:
            # It waits for an answer to its flight: the cookie was right.
            self._clients[remote] = _Client(connection, now)
            self._shaking.add(remote)
        elif not answers:
            self._greeted[remote] = connection
            if len(self._greeted) > MAX_GREETED:
                self._greeted.popitem(last=False)

    def _contents(self, client: _Client, remote: Address) -> list[Datagram]:
        local = self.local
        return [
            Datagram(event.data, local, remote, "dtls")
            for event in client.connection.events()
            if isinstance(event, ApplicationDataReceived)
        ]

    def send(self, datagrams: Iterable[Datagram]) -> None:
        """Queue what is to go to clients inside DTLS; whoever is not connected misses it."""
        for datagram in datagrams:
            client = self._clients.get(datagram.remote)
            if client is None:
                self.dropped += 1
                continue
            try:
                client.connection.send(datagram.data)
            except (BufferFullError, StateError, ValueError):
                self.dropped += 1
            self._touched[datagram.remote] = None

    def datagrams_to_send(self, now: float) -> list[Datagram]:
        """Drain what is to leave the socket."""
        unsent, self._unsent = self._unsent, []
        touched, self._touched = self._touched, {}
        for remote in touched:
            client = self._clients.get(remote)
            if client is None:
                continue
            connection = client.connection
            unsent += [Datagram(data, self.local, remote) for data in connection.datagrams_to_send(now)]
            if connection.state is ConnectionState.CONNECTED:
                self._shaking.discard(remote)
            elif connection.closed:
                self._forget(remote)
        return unsent

    def handle_timeout(self, now: float) -> None:
        """Repeat what was lost, and part with those who have stayed too long."""
        for remote in sorted(self._shaking):
            connection = self._clients[remote].connection
            due = connection.next_timeout()
            if due is not None and due <= now:
                connection.handle_timeout(now)
                self._touched[remote] = None
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_INTERVAL
            for remote, client in list(self._clients.items()):
                if self._is_served(remote):
                    client.served_at = now
                is_late = remote in self._shaking and now - client.since > HANDSHAKE_TIME
                # Whatever it says: nobody has proven to be a user with that.
                if is_late or now - client.served_at > IDLE_TIME:
                    client.connection.close(now)
                    self._touched[remote] = None

    def next_timeout(self) -> float | None:
        """When `handle_timeout` is due."""
        if not self._clients:
            return None
        waiting = (self._clients[remote].connection.next_timeout() for remote in self._shaking)
        return min([self._sweep_at, *(due for due in waiting if due is not None)])

    def close(self, now: float) -> None:
        """Say farewell to everybody; drain one last time."""
        for remote, client in self._clients.items():
            client.connection.close(now)
            self._touched[remote] = None

    def _forget(self, remote: Address) -> None:
        self._clients.pop(remote, None)
        self._shaking.discard(remote)
