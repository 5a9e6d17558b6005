"""What `rtc check` is to look at: URLs on the command line, or the ``iceServers`` of a page, as JSON."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from .errors import CommandError
from .lookup import Server


@dataclass(frozen=True, slots=True)
class Target:
    """One server over one transport, and who we are to it."""

    server: Server
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def targets_of(urls: Iterable[str], user: str | None, password: str | None) -> list[Target]:
    """Read URLs that share user and password.

    Raises:
        CommandError: One of them is none.
    """
    return [Target(Server.parse(url), user, password) for url in urls]


def read_ice_servers(text: str) -> list[Target]:
    """Read a list of ``RTCIceServer`` dictionaries, or an ``RTCConfiguration`` with one.

    Raises:
        CommandError: It is something else.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise CommandError(f"the list of servers is no JSON: {error}") from None
    if isinstance(document, dict):
        document = document.get("iceServers", [document])
    if not isinstance(document, list):
        raise CommandError("the list of servers is no list")
    targets: list[Target] = []
    for entry in document:
        urls = entry.get("urls", entry.get("url")) if isinstance(entry, dict) else None
        if isinstance(urls, str):
            urls = [urls]
        if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls):
            raise CommandError('each server is an object with "urls": a text or a list of texts')
        targets += targets_of(urls, _text(entry, "username"), _text(entry, "credential"))
    return targets


def _text(entry: dict[str, object], key: str) -> str | None:
    value = entry.get(key)
    if value is not None and not isinstance(value, str):
        raise CommandError(f'"{key}" of a server is a text')
    return value
