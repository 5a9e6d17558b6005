"""The options of `rtc turn`: where each stands in the file, its default, and what it may be.

The file is TOML; what the options mean stands in `turn.toml` beside this file, which `rtc turn --example` prints. A test holds the two together.
"""

import difflib
import ipaddress
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Final, Generic, Self, TypeAlias, TypeVar

from .errors import CommandError, reason

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Ports: TypeAlias = tuple[int, int]
Keys: TypeAlias = dict[str, bytes]

USERS: Final = "users"
"""The section whose names are the administrator's own."""


@dataclass(frozen=True, slots=True)
class Option(Generic[T_co]):
    """One option."""

    path: str
    """Section and name, with a dot between them, as TOML has it."""
    default: T_co
    read: Callable[[object], T_co]
    """Turns what the file says into a value; raises ValueError with the words that follow "must be"."""
    is_live: bool = field(default=False, kw_only=True)
    """Whether SIGHUP puts a change into effect."""


# What values may be.

YES: Final = True
NO: Final = False
NONE: Final[tuple[str, ...]] = ()
EVERYWHERE: Final[tuple[str, ...]] = ("0.0.0.0", "::")  # noqa: S104 - a server is there for everybody
HALF_A_DAY: Final[int | None] = 43_200
ANY_BANDWIDTH: Final[int | None] = None
NO_KEYS: Final[Mapping[str, bytes]] = {}
AS_IT_IS: Final[Mapping[str, str]] = {}
HIGH_PORTS: Final[Ports] = (49_152, 65_535)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text in quotation marks")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise ValueError("a list of texts")
    return tuple(value)


def _switch(value: object) -> bool:
    match value:
        case bool():
            return value
        case _:
            raise ValueError("true or false")


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("a whole number, 1 or more")
    return value


def _count_or_none(value: object) -> int | None:
    return None if value is False else _count(value)


def _port(value: object) -> int:
    """A port; 0 stands for none."""
    if value is False:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 65_536:
        raise ValueError("a port from 1 to 65535, or false")
    return value


def _ports(value: object) -> Ports:
    match value:
        case [int(low), int(high)] if 1024 <= low <= high <= 65_535:
            return low, high
    raise ValueError("a list of the lowest and the highest port, from 1024 to 65535")


def _host(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"IP addresses, and {text!r} is none") from None


def _hosts(value: object) -> tuple[str, ...]:
    return tuple(map(_host, _texts(value)))


def _one_host(value: object) -> str:
    return _host(_text(value))


def _networks(value: object) -> tuple[str, ...]:
    for text in _texts(value):
        try:
            ipaddress.ip_network(text)
        except ValueError:
            raise ValueError(f"networks such as 10.1.0.0/16, and {text!r} is none") from None
    return _texts(value)


def _translations(value: object) -> Mapping[str, str]:
    match value:
        case {**hosts}:
            return {_one_host(inside): _one_host(outside) for inside, outside in hosts.items()}
        case _:
            raise ValueError('a table such as { "10.0.0.5" = "203.0.113.5" }')


def _token_keys(value: object) -> Mapping[str, bytes]:
    match value:
        case {**keys}:
            return {str(name): _hexadecimal(text, (16, 32)) for name, text in keys.items()}
        case _:
            raise ValueError('a table of names and keys such as { north = "64 hexadecimal digits" }')


def _choice(*known: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or value not in known:
            raise ValueError(" or ".join(f'"{each}"' for each in known))
        return value

    return read


def _families(value: object) -> tuple[str, ...]:
    texts = _texts(value)
    if not texts or not set(texts) <= {"ipv4", "ipv6"}:
        raise ValueError('a list of "ipv4" and "ipv6"')
    return texts


def _hexadecimal(value: object, lengths: Sequence[int]) -> bytes:
    try:
        data = bytes.fromhex(_text(value))
    except ValueError:
        data = b""
    if len(data) not in lengths:
        raise ValueError(" or ".join(f"{2 * each}" for each in lengths) + " hexadecimal digits")
    return data


def read_user(value: object) -> str | Keys:
    """Read what stands for a user: the password, or the keys made from it.

    Raises:
        ValueError: It is neither.
    """
    match value:
        case str(password) if password:
            return password
        case {**keys} if keys and set(keys) <= {"sha256", "md5"}:
            return {str(name): _hexadecimal(text, (32 if name == "sha256" else 16,)) for name, text in keys.items()}
    raise ValueError('a password, or { sha256 = "...", md5 = "..." } with keys that `rtc turn --key NAME` makes')


# The options.

REALM = Option("realm", "", _text)
HOSTS = Option("listen.hosts", EVERYWHERE, _hosts)
UDP = Option("listen.udp", 3478, _port)
TCP = Option("listen.tcp", 3478, _port)
TLS = Option("listen.tls", 5349, _port)
DTLS = Option("listen.dtls", 5349, _port)
DISCOVERY = Option("listen.discovery", 0, _port)
CERTIFICATE = Option("tls.certificate", "", _text, is_live=True)
KEY = Option("tls.key", "", _text, is_live=True)
SECRETS = Option("credentials.secrets", NONE, _texts, is_live=True)
LASTING = Option("credentials.lasting", HALF_A_DAY, _count_or_none, is_live=True)
TOKEN_SERVER = Option("credentials.token_server", "", _text, is_live=True)
TOKEN_KEYS = Option("credentials.token_keys", NO_KEYS, _token_keys, is_live=True)
NONCE_LIFETIME = Option("credentials.nonce_lifetime", 600, _count, is_live=True)
RELAY_HOSTS = Option("relay.hosts", NONE, _hosts)
FAMILIES = Option("relay.families", NONE, _families)
EXTERNAL = Option("relay.external", AS_IT_IS, _translations)
PORTS = Option("relay.ports", HIGH_PORTS, _ports)
PEERS_BY_TCP = Option("relay.tcp", NO, _switch)
MOBILITY = Option("relay.mobility", YES, _switch)
OLD_CHANNELS = Option("relay.old_channels", NO, _switch)
ALLOWED = Option("peers.allowed", NONE, _networks, is_live=True)
DENIED = Option("peers.denied", NONE, _networks, is_live=True)
ALLOCATIONS = Option("limits.allocations", 4096, _count)
PER_USER = Option("limits.allocations_per_user", 64, _count)
STREAMS = Option("limits.streams", 1024, _count)
BANDWIDTH = Option("limits.bytes_per_second", ANY_BANDWIDTH, _count_or_none)
PERMISSIONS = Option("limits.permissions", 256, _count)
CHANNELS = Option("limits.channels", 256, _count)
LIFETIME = Option("limits.lifetime", 600, _count)
MAX_LIFETIME = Option("limits.max_lifetime", 3600, _count)
SOFTWARE = Option("log.software", NO, _switch)
FORMAT = Option("log.format", "text", _choice("text", "json"))
PAGE_HOST = Option("statistics.host", "127.0.0.1", _one_host)
PAGE_PORT = Option("statistics.port", 0, _port)

_ALL: Final[Sequence[Option[object]]] = (
    REALM,
    HOSTS,
    UDP,
    TCP,
    TLS,
    DTLS,
    DISCOVERY,
    CERTIFICATE,
    KEY,
    SECRETS,
    LASTING,
    TOKEN_SERVER,
    TOKEN_KEYS,
    NONCE_LIFETIME,
    RELAY_HOSTS,
    FAMILIES,
    EXTERNAL,
    PORTS,
    PEERS_BY_TCP,
    MOBILITY,
    OLD_CHANNELS,
    ALLOWED,
    DENIED,
    ALLOCATIONS,
    PER_USER,
    STREAMS,
    BANDWIDTH,
    PERMISSIONS,
    CHANNELS,
    LIFETIME,
    MAX_LIFETIME,
    SOFTWARE,
    FORMAT,
    PAGE_HOST,
    PAGE_PORT,
)
OPTIONS: Final = {each.path: each for each in _ALL}


class Settings:
    """What a file and a command line say, checked.

    Args:
        values: What was said, by the path of the option.
        users: Names with passwords or keys.
    """

    def __init__(self, values: Mapping[str, object], users: Mapping[str, str | Keys]) -> None:
        self.values = dict(values)
        self.users = dict(users)

    def __getitem__(self, option: Option[T]) -> T:
        """Return the value of an option."""
        return option.read(self.values[option.path]) if option.path in self.values else option.default

    def with_values(self, values: Mapping[str, object], users: Mapping[str, str | Keys]) -> "Settings":
        """Return these with others on top, such as those of the command line.

        Raises:
            ValueError: One makes no sense.
        """
        for path, value in values.items():
            _checked(path, OPTIONS[path].read, value)
        return Settings(self.values | dict(values), self.users | dict(users))

    def waiting(self, newer: "Settings") -> list[str]:
        """Return the options that differ and count only after a restart."""
        paths = sorted(self.values.keys() | newer.values.keys())
        return [path for path in paths if not OPTIONS[path].is_live and self.values.get(path) != newer.values.get(path)]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            CommandError: It cannot be read, is no TOML, or says what makes no sense.
        """
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise CommandError(f"{path}: {reason(error)}") from error
        try:
            return cls.parse(document)
        except ValueError as error:
            raise CommandError(f"{path}: {error}") from error

    @classmethod
    def parse(cls, document: Mapping[str, object]) -> Self:
        """Check a parsed document.

        Raises:
            ValueError: It says what makes no sense.
        """
        values: dict[str, object] = {}
        users: dict[str, str | Keys] = {}
        sections = {path.partition(".")[0] for path in OPTIONS if "." in path}
        for name, value in document.items():
            if name == USERS and isinstance(value, dict):
                for user, secret in value.items():
                    users[user] = _checked(f"{USERS}.{user}", read_user, secret)
            elif name in sections and isinstance(value, dict):
                values |= {f"{name}.{inner}": each for inner, each in value.items()}
            else:
                values[name] = value
        for path, value in values.items():
            if path not in OPTIONS:
                raise ValueError(f"there is no option {path}{_hint(path)}")
            _checked(path, OPTIONS[path].read, value)
        return cls(values, users)


def example() -> str:
    """Return a file with every option, its default and what it means."""
    return resources.files("rtc_cli").joinpath("turn.toml").read_text(encoding="utf-8")


def _checked(path: str, read: Callable[[object], T], value: object) -> T:
    try:
        return read(value)
    except ValueError as error:
        raise ValueError(f"{path} must be {error}") from None


def _hint(path: str) -> str:
    close = difflib.get_close_matches(path, OPTIONS, n=1)
    return f"; is it {close[0]}?" if close else ""
