"""The command line of `rtc dtls`."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict, TypeVar, Unpack

import click

if TYPE_CHECKING:
    from rtc_dtls import CertificateKind

    from .dtls_station import Options

MAX_PORT: Final = 65_535

Command = TypeVar("Command", bound=Callable[..., object])

_ENDPOINT: Final = re.compile(r"(?:\[(?P<literal>[^\]]+)\]|(?P<name>[^:]+)):(?P<port>\d{1,5})")
_VERSIONS: Final = ("1.3", "1.2")
_SUITES: Final = (
    "AES_128_GCM_SHA256",
    "AES_256_GCM_SHA384",
    "CHACHA20_POLY1305_SHA256",
    "ECDHE_ECDSA_AES_128_GCM_SHA256",
    "ECDHE_RSA_AES_128_GCM_SHA256",
    "ECDHE_ECDSA_AES_256_GCM_SHA384",
    "ECDHE_RSA_AES_256_GCM_SHA384",
    "ECDHE_ECDSA_CHACHA20_POLY1305_SHA256",
    "ECDHE_RSA_CHACHA20_POLY1305_SHA256",
)
_GROUPS: Final = ("X25519MLKEM768", "X25519", "SECP256R1", "SECP384R1")
_PROFILES: Final = ("AEAD_AES_128_GCM", "AEAD_AES_256_GCM", "AES128_CM_HMAC_SHA1_80", "AES128_CM_HMAC_SHA1_32")
_KINDS: Final = ("ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-2048", "rsa-3072", "rsa-4096")
"""Held equal to those of rtc_dtls by a test; that package is not loaded to print a help text."""


class Registered(click.Choice[str]):
    """A name of ours, which may be typed as the registries of IANA have it, and as it is shown."""

    def __init__(self, choices: tuple[str, ...]) -> None:
        super().__init__(choices, case_sensitive=False)

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return our name."""
        name = value.upper().removeprefix("TLS_").removeprefix("SRTP_").replace("_WITH_", "_")
        return super().convert(name, param, ctx)


class Wishes(TypedDict):
    """The options that client and server have in common."""

    certificate: Path | None
    kind: "CertificateKind"
    fingerprints: tuple[str, ...]
    versions: tuple[str, ...]
    suites: tuple[str, ...]
    groups: tuple[str, ...]
    profiles: tuple[str, ...]
    protocols: tuple[str, ...]
    mtu: int
    timeout: float
    label: str | None
    export_length: int
    key_log: Path | None
    verbose: bool


def _shared(command: Command) -> Command:
    """Add the options that client and server have in common."""
    for option in reversed(
        (
            click.option(
                "--certificate",
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                help="PEM file with certificate and private key.  [default: one is made]",
            ),
            click.option(
                "--key",
                "kind",
                type=click.Choice(_KINDS),
                default="ecdsa-p256",
                show_default=True,
                help="Kind of key of the certificate that is made.",
            ),
            click.option(
                "--fingerprint",
                "fingerprints",
                multiple=True,
                metavar="HASH",
                help="What the peer's certificate must match, as in SDP: 'sha-256 AB:CD:…'.  [default: any, which is told]",
            ),
            click.option(
                "--dtls",
                "versions",
                multiple=True,
                type=click.Choice(_VERSIONS),
                help="Version; may be given several times.  [default: all]",
            ),
            click.option(
                "--suite",
                "suites",
                multiple=True,
                type=Registered(_SUITES),
                metavar="NAME",
                help="Cipher suite, in order of preference; may be given several times.  [default: all]",
            ),
            click.option(
                "--group",
                "groups",
                multiple=True,
                type=Registered(_GROUPS),
                metavar="NAME",
                help="Group of the key exchange, likewise.  [default: all]",
            ),
            click.option(
                "--srtp",
                "profiles",
                multiple=True,
                type=Registered(_PROFILES),
                metavar="NAME",
                help="SRTP protection profile, likewise.  [default: none]",
            ),
            click.option("--alpn", "protocols", multiple=True, metavar="NAME", help="Application protocol, likewise."),
            click.option(
                "--mtu",
                default=1200,
                show_default=True,
                type=click.IntRange(256, 16384),
                metavar="BYTES",
                help="Largest datagram of the handshake.",
            ),
            click.option(
                "--timeout",
                default=15.0,
                show_default=True,
                type=click.FloatRange(0.1, 3600.0),
                metavar="SECONDS",
                help="How long a handshake may take.",
            ),
            click.option("--export", "label", metavar="LABEL", help="Show keying material exported under a label."),
            click.option(
                "--export-length",
                default=20,
                show_default=True,
                type=click.IntRange(1, 1024),
                metavar="BYTES",
                help="How much of it.",
            ),
            click.option(
                "--key-log",
                type=click.Path(dir_okay=False, path_type=Path),
                metavar="FILE",
                help="Add the keys to a file, for Wireshark. Whoever has it can read everything.",
            ),
            click.option("-v", "--verbose", is_flag=True, help="Show every message, datagram and drop."),
            click.option("--json", "as_json", is_flag=True, help="Print events as JSON, one object a line."),
        )
    ):
        command = option(command)
    return command


def _options(host: str, port: int, wishes: Wishes, **more: bool) -> "Options":
    """What the command line chose, as the command takes it."""
    from rtc_dtls import CipherSuiteId, DtlsConfig, Fingerprint, GroupId, SrtpProfile

    from .dtls_facts import VERSIONS
    from .dtls_station import Options

    anonymous = not more.pop("require_client_certificate", True)
    config = DtlsConfig(require_client_certificate=not anonymous, mtu=wishes["mtu"])
    try:
        config = replace(
            config,
            versions=tuple(VERSIONS[name] for name in wishes["versions"]) or config.versions,
            cipher_suites=tuple(CipherSuiteId[name] for name in wishes["suites"]) or config.cipher_suites,
            groups=tuple(GroupId[name] for name in wishes["groups"]) or config.groups,
            srtp_profiles=tuple(SrtpProfile[name] for name in wishes["profiles"]),
            alpn_protocols=wishes["protocols"],
        )
        fingerprints = tuple(Fingerprint.parse(text) for text in wishes["fingerprints"])
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return Options(
        host=host,
        port=port,
        config=config,
        certificate=wishes["certificate"],
        kind=wishes["kind"],
        fingerprints=fingerprints,
        timeout=wishes["timeout"],
        export=None if wishes["label"] is None else (wishes["label"], wishes["export_length"]),
        key_log=wishes["key_log"],
        verbose=wishes["verbose"],
        **more,
    )


@click.group()
def dtls() -> None:
    """Speak DTLS with any peer and see what it does.

    Shows certificates, fingerprints, what was negotiated and how long it took. Lines typed are sent, one in a record, and what
    comes is printed; the end of the input ends the connection.
    """


@dtls.command()
@click.argument("host")
@click.argument("port", required=False, type=click.IntRange(1, MAX_PORT))
@_shared
def connect(host: str, port: int | None, as_json: bool, **wishes: Unpack[Wishes]) -> None:
    """Connect to a DTLS server, given as HOST PORT or HOST:PORT."""
    from .dtls import run_connect
    from .running import run

    if port is None:
        host, port = _endpoint(host)
    run(run_connect(_options(host, port, wishes), as_json=as_json), as_json=as_json)


def _endpoint(text: str) -> tuple[str, int]:
    found = _ENDPOINT.fullmatch(text)
    if found is None or not 1 <= int(found["port"]) <= MAX_PORT:
        raise click.UsageError(f"{text!r} has no port: give HOST PORT, or HOST:PORT")
    return found["literal"] or found["name"], int(found["port"])


@dtls.command()
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option("--port", default=4433, show_default=True, type=click.IntRange(0, MAX_PORT), help="Port; 0 for any.")
@click.option("--no-cookies", is_flag=True, help="Answer without asking whether the client's address is its own.")
@click.option("--no-client-certificate", is_flag=True, help="Do not ask clients for a certificate.")
@click.option("--once", is_flag=True, help="End with the first connection.")
@_shared
def listen(
    host: str,
    port: int,
    no_cookies: bool,
    no_client_certificate: bool,
    once: bool,
    as_json: bool,
    **wishes: Unpack[Wishes],
) -> None:
    """Wait for DTLS clients."""
    from .dtls import run_listen
    from .running import run

    if no_client_certificate and wishes["fingerprints"]:
        raise click.UsageError(
            "--fingerprint is about the client's certificate, which --no-client-certificate does without"
        )
    options = _options(
        host, port, wishes, cookies=not no_cookies, require_client_certificate=not no_client_certificate, once=once
    )
    run(run_listen(options, as_json=as_json), as_json=as_json)
