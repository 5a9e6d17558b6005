"""Why a server was not reached: for programs in a word, for people in a sentence, and what to do."""

import errno
import socket
import ssl
from dataclasses import dataclass
from typing import Final

from .errors import reason
from .lookup import Server

_WRONG_NAME: Final = frozenset({62, 64})
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""
_EXPIRED: Final = 10
_NOT_YET_VALID: Final = 9
_UNREACHABLE: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL})
_PROHIBITED: Final = frozenset({errno.EACCES, errno.EPERM})


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, and what to do."""

    code: str
    """For programs."""
    sentence: str
    advice: str


def explain(error: OSError, server: Server) -> Failure:
    """Tell what an error of a socket, or of TLS, means to a person."""
    match error:
        case ssl.SSLCertVerificationError(verify_code=code) if code in _WRONG_NAME:
            return Failure(
                "tls_name",
                f"its certificate is for another name than {server.host}",
                "Use the name that the certificate has, or give the server the right certificate.",
            )
        case ssl.SSLCertVerificationError(verify_code=code) if code in (_EXPIRED, _NOT_YET_VALID):
            when = "has expired" if code == _EXPIRED else "is not valid yet"
            return Failure(
                "tls_expired", f"its certificate {when}", "Renew the certificate; look at this machine's clock as well."
            )
        case ssl.SSLCertVerificationError():
            return Failure(
                "tls_untrusted",
                f"its certificate is not trusted: {error.verify_message}",
                "Browsers will refuse it, too. Use a certificate of a public authority with its whole chain, or --ca FILE.",
            )
        case ssl.SSLError():
            return Failure(
                "tls_failed",
                f"TLS fails: {reason(error)}",
                "Perhaps that port does not speak TLS: turns: has port 5349 by default, many servers use 443.",
            )
        case ConnectionRefusedError():
            return Failure(
                "refused",
                f"nothing listens on {server.transport.upper()} port {server.port}",
                "Look at the port, and whether the server runs.",
            )
        case ConnectionResetError():
            return Failure(
                "closed",
                "the connection was closed at once",
                "Perhaps that port serves something else, or a firewall interferes.",
            )
        case socket.gaierror():
            return Failure("name", f"{server.host} has no address", "Look at the spelling, and at this machine's DNS.")
        case TimeoutError():
            return silent(server)
        case _:
            return _of_network(error)


def _of_network(error: OSError) -> Failure:
    if error.errno in _UNREACHABLE:
        return Failure("unroutable", f"there is no way to it: {reason(error)}", "Look at this machine's network.")
    if error.errno in _PROHIBITED:
        return Failure("prohibited", "a firewall on this machine forbids it", "Allow it, or use another port.")
    return Failure("failed", reason(error), "")


def silent(server: Server, *, is_connected: bool = False) -> Failure:
    """Tell what it means that nothing came back.

    Args:
        server: Who was asked.
        is_connected: Whether it accepted a stream.
    """
    if is_connected:
        spoken = "TLS" if server.transport == "tls" else "STUN"
        advice = f"Something else listens on port {server.port}: look at the port."
        return Failure("mute", f"it accepts connections, but does not speak {spoken}", advice)
    transport = server.transport.upper()
    if server.transport in ("udp", "dtls"):
        advice = "Where UDP is blocked, a turn: URL with ?transport=tcp or a turns: URL on port 443 gets through."
    else:
        advice = f"A firewall may drop it; port 443 gets through where port {server.port} does not."
    return Failure("silent", f"no answer over {transport}", advice)
