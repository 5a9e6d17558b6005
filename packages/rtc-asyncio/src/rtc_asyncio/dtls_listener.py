"""A UDP port on which many clients speak DTLS, each in a connection of its own.

Nothing is kept for a client that has not shown that it receives what is sent to its address: its hello is answered with a cookie by a
connection that is thrown away. What comes back with the cookie begins the connection that stays.

A client that has lost its connection, as by a restart, begins anew from the address that it had. What it had before stays until the new
handshake is over, for anybody can send a hello in its name (:rfc:`9147#section-5.11`). Who owns the listener is told, because nothing proves
that the client is the same.
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

_HANDSHAKE: Final = b"\x16\xfe"
"""How a record begins that may hold a hello."""
_PLAINTEXT: Final = b"\0\0"
"""The epoch of what is not encrypted, where all records but those of DTLS 1.3 that are encrypted have it."""
_PLAINTEXT_TYPES: Final = range(20, 32)
"""First bytes of records that tell their epoch like that."""
_CLIENT_HELLO: Final = 1
_HEADER_LENGTH: Final = 13


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
        on_begun: Called when a handshake is over, before anything is returned that came after it.
    """

    def __init__(
        self,
        local: Address,
        certificate: Certificate,
        max_clients: int,
        *,
        is_served: Callable[[Address], bool],
        on_begun: Callable[[Address], None],
    ) -> None:
        self.local = local
        self._max_clients = max_clients
        self._is_served = is_served
        self._on_begun = on_begun
        self._clients: dict[Address, _Client] = {}
        self._heirs: dict[Address, _Client] = {}
        """Clients that have begun anew and are in the handshake, beside what they had before."""
        self._greeted: OrderedDict[Address, DtlsConnection] = OrderedDict()
        self._shaking: dict[Address, None] = {}
        """Clients in their first handshake; like their heirs they have timers, and nobody else."""
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
            if remote in self._heirs:
                contents += self._receive_for_two(client, datagram, now)
                continue
            if remote not in self._shaking and _begins_anew(datagram.data):
                # [rfc9147:5.11/2] [rfc6347:4.2.8/1]
                self._greet(datagram, now)
                continue
            client.connection.receive_datagram(datagram.data, now)
            self._touched[remote] = None
            if remote in self._shaking and client.connection.state is ConnectionState.CONNECTED:
                self._shaking.pop(remote, None)
                self._on_begun(remote)
            contents += self._contents(client, remote)
        return contents

    def _receive_for_two(self, client: _Client, datagram: Datagram, now: float) -> list[Datagram]:
        """Take what comes while a client begins anew: no record tells which connection it is of, unless it can be decrypted."""
        remote, data = datagram.remote, datagram.data
        heir = self._heirs[remote]
        heir.connection.receive_datagram(data, now)
        self._touched[remote] = None
        if heir.connection.state is ConnectionState.CONNECTED:
            # [rfc9147:5.11/3] [rfc6347:4.2.8/3]
            self._clients[remote] = self._heirs.pop(remote)
            self._on_begun(remote)
            return self._contents(heir, remote)
        if not _is_plaintext(data):
            client.connection.receive_datagram(data, now)
        return self._contents(client, remote)

    def _greet(self, datagram: Datagram, now: float) -> None:
        remote = datagram.remote
        is_full = remote not in self._clients and len(self._clients) >= self._max_clients
        if not datagram.data.startswith(_HANDSHAKE) or is_full:
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
            if remote in self._clients:
                self._heirs[remote] = _Client(connection, now)
            else:
                self._clients[remote] = _Client(connection, now)
                self._shaking[remote] = None
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
            client, heir = self._clients.get(remote), self._heirs.get(remote)
            for each in (client, heir):
                if each is not None:
                    unsent += [Datagram(data, self.local, remote) for data in each.connection.datagrams_to_send(now)]
            if heir is not None and heir.connection.closed:
                del self._heirs[remote]
            if client is not None and client.connection.closed:
                self._forget(remote)
        return unsent

    def handle_timeout(self, now: float) -> None:
        """Repeat what was lost, and part with those who have stayed too long."""
        for remote, client in self._in_handshake():
            connection = client.connection
            due = connection.next_timeout()
            if due is not None and due <= now:
                connection.handle_timeout(now)
                self._touched[remote] = None
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_INTERVAL
            for remote in [each for each, heir in self._heirs.items() if now - heir.since > HANDSHAKE_TIME]:
                del self._heirs[remote]
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
        waiting = (client.connection.next_timeout() for _, client in self._in_handshake())
        return min([self._sweep_at, *(due for due in waiting if due is not None)])

    def _in_handshake(self) -> list[tuple[Address, _Client]]:
        """Those that have timers, in the order in which they came."""
        return [*((remote, self._clients[remote]) for remote in self._shaking), *self._heirs.items()]

    def close(self, now: float) -> None:
        """Say farewell to everybody; drain one last time."""
        self._heirs.clear()
        for remote, client in self._clients.items():
            client.connection.close(now)
            self._touched[remote] = None

    def _forget(self, remote: Address) -> None:
        self._clients.pop(remote, None)
        self._shaking.pop(remote, None)
        heir = self._heirs.pop(remote, None)
        if heir is not None:
            self._clients[remote] = heir
            self._shaking[remote] = None


def _is_plaintext(data: bytes) -> bool:
    return len(data) > _HEADER_LENGTH and data[0] in _PLAINTEXT_TYPES and data[3:5] == _PLAINTEXT


def _begins_anew(data: bytes) -> bool:
    return data.startswith(_HANDSHAKE) and _is_plaintext(data) and data[_HEADER_LENGTH] == _CLIENT_HELLO
