"""Names and their addresses, where one family of addresses must not wait for the other (:rfc:`8305#section-3`)."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Final

RESOLUTION_DELAY: Final = 0.05
"""Seconds that the addresses of one family wait for those of the other."""


async def addresses_of(host: str) -> AsyncIterator[list[str]]:
    """Look a name up, IPv6 and IPv4 at the same time.

    Yields:
        What is known, the system's preference first; more of it a second time if one family took long. Nothing but an
        empty list if the name has no address.
    """
    pending = {asyncio.ensure_future(_look_up(host, family)) for family in (socket.AF_INET6, socket.AF_INET)}
    found: list[str] = []
    try:
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            if pending:
                late, pending = await asyncio.wait(pending, timeout=RESOLUTION_DELAY)
                done |= late
            known = len(found)
            found += [address for task in done for address in task.result() if address not in found]
            found.sort(key=lambda address: ":" not in address)
            if len(found) > known or not (pending or known):
                yield list(found)
    finally:
        for task in pending:
            task.cancel()


async def _look_up(host: str, family: socket.AddressFamily) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, family=family, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):  # the latter for what cannot be a name of the DNS
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
