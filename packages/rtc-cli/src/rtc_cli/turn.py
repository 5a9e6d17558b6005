"""`rtc turn`: a STUN and TURN server, from a file or from the command line."""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rtc_asyncio import TurnCertificate, TurnListener, TurnRelays, TurnService
from rtc_asyncio.turn_server import ListenerTransport
from rtc_stun import Algorithm, Authenticator, LongTermAuthenticator, LongTermUsers, UserDirectory, long_term_key
from rtc_turn import (
    LAST_CHANNEL,
    LAST_CHANNEL_OF_RFC5766,
    AddressFamily,
    AnyOf,
    PublicPeers,
    TimeLimitedUsers,
    TokenAuthenticator,
    TurnServerConfig,
)

from . import turn_options as option
from .errors import CommandError, reason
from .turn_log import TurnLog
from .turn_options import Keys, Settings
from .turn_statistics import statistics_page, uri

PASSWORD_LENGTH: Final = 12
"""Random bytes of a password that nobody has chosen."""
GUEST: Final = "guest"
"""Who may come in where no user was named."""
_PORTS: Final[Sequence[tuple[ListenerTransport, option.Option[int]]]] = (
    ("udp", option.UDP),
    ("tcp", option.TCP),
    ("tls", option.TLS),
    ("dtls", option.DTLS),
)
_ALGORITHMS: Final = {"sha256": Algorithm.SHA256, "md5": Algorithm.MD5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says."""

    file: Path | None = None
    values: dict[str, object] = field(default_factory=dict)
    """Options that it sets, by their path in the file."""
    users: dict[str, str | Keys] = field(default_factory=dict)


def load(options: Options) -> Settings:
    """Return what file and command line say together.

    Raises:
        CommandError: One of them makes no sense.
    """
    settings = Settings({}, {}) if options.file is None else Settings.load(options.file)
    try:
        return settings.with_values(options.values, options.users)
    except ValueError as error:
        raise CommandError(str(error)) from error


class Plan:
    """What settings come to: the parts of a service, made and checked before anything is opened.

    Args:
        settings: What was said.
        nonce_secret: Under which nonces are made; the same for every plan of one service.

    Raises:
        CommandError: It makes no sense, or a certificate cannot be read.
    """

    def __init__(self, settings: Settings, nonce_secret: bytes) -> None:
        self.settings = settings
        self.realm = settings[option.REALM] or socket.getfqdn() or "localhost"
        try:
            self.authenticator = _authenticator(settings, self.realm, nonce_secret)
            self.policy = PublicPeers(allowed=settings[option.ALLOWED], denied=settings[option.DENIED])
            self.certificate = _certificate(settings)
            self.relays = _relays(settings)
            self.config = _config(settings)
        except ValueError as error:
            raise CommandError(str(error)) from error
        transports = [each for each in _PORTS if settings[each[1]]]
        self.listeners = [
            TurnListener(transport=transport, host=host, port=settings[port])
            for transport, port in transports
            for host in settings[option.HOSTS]
            if self.certificate is not None or transport in ("udp", "tcp")
        ]
        if not self.listeners:
            raise CommandError("there is no port to listen on: listen.udp, tcp, tls and dtls are all false")

    def service(self, log: TurnLog) -> TurnService:
        """Return the service."""
        return TurnService(
            authenticator=self.authenticator,
            listeners=self.listeners,
            relays=self.relays,
            certificate=self.certificate,
            policy=self.policy,
            config=self.config,
            discovery_port=self.settings[option.DISCOVERY] or None,
            on_event=log.allocation,
        )

    def apply(self, service: TurnService) -> None:
        """Let a running service go by this plan from now on, as far as that is possible."""
        service.reconfigure(authenticator=self.authenticator, policy=self.policy, certificate=self.certificate)


def _authenticator(settings: Settings, realm: str, nonce_secret: bytes) -> Authenticator:
    users = LongTermUsers(realm)
    for name, secret in settings.users.items():
        if isinstance(secret, str):
            users.add(name, secret)
        else:
            users.add_keys(name, {int(_ALGORITHMS[algorithm]): key for algorithm, key in secret.items()})
    directories: list[UserDirectory] = [
        *([users] if settings.users else []),
        *(
            TimeLimitedUsers(realm, each, wall_clock=time.time, lasting=settings[option.LASTING] or 0)
            for each in settings[option.SECRETS]
        ),
    ]
    lifetime = settings[option.NONCE_LIFETIME]
    kinds: list[Authenticator] = [
        LongTermAuthenticator(each, secret=nonce_secret, nonce_lifetime=lifetime) for each in directories
    ]
    token_server, token_keys = settings[option.TOKEN_SERVER], settings[option.TOKEN_KEYS]
    if bool(token_server) != bool(token_keys):
        raise ValueError("credentials.token_server and credentials.token_keys go together")
    if token_keys:
        from .turn_tokens import GcmKey

        keys = {name: GcmKey(key) for name, key in token_keys.items()}
        kinds.append(
            TokenAuthenticator(
                realm, token_server, keys, secret=nonce_secret, wall_clock=time.time, nonce_lifetime=lifetime
            )
        )
    if not kinds:
        raise ValueError("nobody could use this server: name users in [users], or secrets in [credentials]")
    return AnyOf(kinds)


def _certificate(settings: Settings) -> TurnCertificate | None:
    chain, key = settings[option.CERTIFICATE], settings[option.KEY]
    if not chain and not key:
        return None
    if not chain or not key:
        raise ValueError("tls.certificate and tls.key go together")
    try:
        return TurnCertificate.load(chain, key)
    except OSError as error:
        raise CommandError(f"{error.filename or chain}: {reason(error)}") from error
    except ValueError as error:
        raise CommandError(f"the certificate {chain} cannot be used: {error}") from error


def _relays(settings: Settings) -> TurnRelays:
    low, high = settings[option.PORTS]
    families = (AddressFamily.IPV6 if each == "ipv6" else AddressFamily.IPV4 for each in settings[option.FAMILIES])
    return TurnRelays(
        hosts=settings[option.RELAY_HOSTS],
        families=frozenset(families),
        external=settings[option.EXTERNAL],
        min_port=low,
        max_port=high,
    )


def _config(settings: Settings) -> TurnServerConfig:
    if settings[option.LIFETIME] > settings[option.MAX_LIFETIME]:
        raise ValueError("limits.lifetime is longer than limits.max_lifetime")
    return TurnServerConfig(
        software=TurnServerConfig().software if settings[option.SOFTWARE] else None,
        default_lifetime=settings[option.LIFETIME],
        max_lifetime=settings[option.MAX_LIFETIME],
        max_allocations=settings[option.ALLOCATIONS],
        max_allocations_per_user=settings[option.PER_USER],
        tcp=settings[option.PEERS_BY_TCP],
        mobility=settings[option.MOBILITY],
        last_channel=LAST_CHANNEL_OF_RFC5766 if settings[option.OLD_CHANNELS] else LAST_CHANNEL,
        max_permissions=settings[option.PERMISSIONS],
        max_channels=settings[option.CHANNELS],
        max_bytes_per_second=settings[option.BANDWIDTH],
        max_transports=settings[option.STREAMS],
    )


def check(options: Options) -> str:
    """Check everything that can be checked without opening a port; return a sentence about it.

    Raises:
        CommandError: Something makes no sense.
    """
    settings = load(options)
    if _needs_guest(options, settings):
        settings = settings.with_values({}, {GUEST: "a password"})
    plan = Plan(settings, bytes(16))
    ports = ", ".join(dict.fromkeys(f"{each.transport} {each.port}" for each in plan.listeners))
    return f"realm {plan.realm}, {ports}, {_users(plan.settings)}: this would run"


def stored_keys(name: str, realm: str, password: str) -> str:
    """Return the line that stands for a user in the file, without the password.

    Raises:
        CommandError: Name or password hold what no credential may.
    """
    try:
        keys = {label: long_term_key(name, realm, password, one).hex() for label, one in _ALGORITHMS.items()}
    except ValueError as error:
        raise CommandError(str(error)) from error
    inner = ", ".join(f'{label} = "{key}"' for label, key in keys.items())
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" = {{ {inner} }}'


async def run_turn(options: Options) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reads the file and the certificate anew.

    Raises:
        CommandError: It cannot be started.
    """
    settings = load(options)
    log = TurnLog(as_json=settings[option.FORMAT] == "json")
    if _needs_guest(options, settings):
        password = secrets.token_urlsafe(PASSWORD_LENGTH)
        settings = settings.with_values({}, {GUEST: password})
        log.say("guest", f"no user was named: {GUEST} may come in with the password {password}", password=password)
    nonce_secret = os.urandom(32)
    plan = Plan(settings, nonce_secret)
    if options.file is not None and _is_open_to_all(options.file):
        log.say("warning", f"{options.file} holds secrets and everybody on this machine may read it")
    service = plan.service(log)
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(service)
        except (OSError, ValueError) as error:
            raise CommandError(f"the server cannot be started: {reason(error)}") from error
        uris = list(dict.fromkeys(uri(each) for each in service.listeners))
        for each in uris:
            log.say("listening", each, uri=each)
        if plan.certificate is None and (settings[option.TLS] or settings[option.DTLS]):
            log.say("note", "without a certificate there is no TLS and no DTLS")
        if settings[option.PAGE_PORT]:
            url = await stack.enter_async_context(
                statistics_page(service, plan.realm, settings[option.PAGE_HOST], settings[option.PAGE_PORT])
            )
            log.say("statistics", url, url=url)
        log.say("ready", f"realm {plan.realm}", realm=plan.realm)
        ending = asyncio.Event()
        for number, handler in (
            (signal.SIGTERM, ending.set),
            (getattr(signal, "SIGHUP", None), lambda: _reload(options, settings, service, nonce_secret, log)),
        ):
            if number is not None:
                with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                    asyncio.get_running_loop().add_signal_handler(number, handler)
        await ending.wait()
        log.say("stopping", "every allocation ends")
    log.say("stopped", "goodbye")


def _reload(options: Options, started_with: Settings, service: TurnService, nonce_secret: bytes, log: TurnLog) -> None:
    """Read everything anew; what makes no sense changes nothing."""
    try:
        settings = load(options)
        plan = Plan(settings, nonce_secret)
    except CommandError as error:
        log.say("error", f"nothing was changed: {error}")
        return
    plan.apply(service)
    waiting = started_with.waiting(settings)
    note = f"; {', '.join(waiting)} will count after a restart" if waiting else ""
    log.say("reloaded", f"{_users(settings)}{note}", waiting=waiting)


def _needs_guest(options: Options, settings: Settings) -> bool:
    return options.file is None and not settings.users


def _users(settings: Settings) -> str:
    count = len(settings.users)
    return f"{count} user{'s' * (count != 1)}"


def _is_open_to_all(file: Path) -> bool:
    return os.name == "posix" and bool(file.stat().st_mode & stat.S_IROTH)
