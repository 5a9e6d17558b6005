"""Listening sockets that live through a shortage, and ports that are shared."""

import asyncio
import errno
import socket

import pytest

from rtc_asyncio import tcp_listener
from rtc_asyncio.tcp_listener import TcpListener, bound_socket
from rtc_stun import Address

HERE = Address("127.0.0.1", 0)


async def test_a_shortage_of_descriptors_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_listener, "PAUSE", 0.05)
    accepted: asyncio.Queue[socket.socket] = asyncio.Queue()
    listener = TcpListener(HERE, lambda connection, _: accepted.put_nowait(connection))
    listening, failures = listener._socket, 2

    class Short:
        """Has no room at first."""

        def accept(self) -> object:
            nonlocal failures
            if failures:
                failures -= 1
                raise OSError(errno.EMFILE, "too many open files")
            return listening.accept()

        def fileno(self) -> int:
            return listening.fileno()

        def close(self) -> None:
            listening.close()

    monkeypatch.setattr(listener, "_socket", Short())
    _, writer = await asyncio.open_connection(*listener.local)
    async with asyncio.timeout(5):
        (await accepted.get()).close()

    assert failures == 0
    writer.close()
    listener.close()
    listener.close()


async def test_who_is_closed_by_what_it_accepts_stops_at_once() -> None:
    seen: list[Address] = []

    def accept(connection: socket.socket, remote: Address) -> None:
        seen.append(remote)
        connection.close()
        listener.close()

    listener = TcpListener(HERE, accept)
    callers = [socket.create_connection(listener.local) for _ in range(3)]
    await asyncio.sleep(0.05)

    assert len(seen) == 1
    for caller in callers:
        caller.close()


async def test_a_shared_port_lets_connect_and_listen_at_once_and_others_do_not() -> None:
    listener = TcpListener(HERE, lambda connection, _: connection.close(), shared=True)
    with bound_socket(listener.local, shared=True) as other:
        assert other.getsockname()[1] == listener.local.port
    listener.close()

    alone = TcpListener(HERE, lambda connection, _: connection.close())
    with pytest.raises(OSError, match="in use"):
        bound_socket(alone.local, shared=True)
    with pytest.raises(OSError, match="in use"):
        TcpListener(alone.local, lambda connection, _: connection.close())
    alone.close()


async def test_an_event_loop_that_cannot_watch_sockets_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(asyncio.get_running_loop(), "add_reader", refuse)

    with pytest.raises(OSError, match="cannot watch"):
        TcpListener(HERE, lambda connection, _: connection.close())
