"""What a server of DTLS 1.3 chooses from a ClientHello: suite, group, and the scheme it signs with.

See :rfc:`8446#section-4.1.1`, :rfc:`8446#section-4.2.7` and :rfc:`8446#section-9.2`.
"""

from .alert import AlertDescription
from .certificate import Certificate
from .cipher_suite13 import CIPHER_SUITES_13, CipherSuite13
from .client_hello import ClientHello
from .config import DtlsConfig
from .dataclass import dataclass
from .errors import ProtocolError
from .extensions import ExtensionType, parse_code_points
from .key_share import parse_client_shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A suite, a group, and the client's share of it if it sent one."""

    suite: CipherSuite13
    group: int
    share: bytes | None


def choose(config: DtlsConfig, hello: ClientHello) -> Choice:
    """Choose suite and group.

    Raises:
        ParseError: An extension is malformed.
        ProtocolError: There is nothing that both sides speak, or the hello is none of DTLS 1.3.
    """
    # [rfc9147:5.3/3]
    if hello.cookie:
        raise _illegal("a legacy_cookie in a hello of DTLS 1.3", "RFC 9147 section 5.3")
    # [rfc8446:4.1.2/3]
    if hello.compression_methods != (0,):
        raise _illegal("a hello of DTLS 1.3 with compression", "RFC 8446 section 4.1.2")
    # What we do not know is in none of these lists. [rfc8446:4.1.2/4]
    suite = next((suite for suite in config.cipher_suites_13 if suite in hello.cipher_suites), None)
    # [rfc8446:4.1.1/1]
    if suite is None:
        raise _failure("no cipher suite in common", "RFC 8446 section 4.1.1")
    groups = parse_code_points(_required(hello, ExtensionType.SUPPORTED_GROUPS), "supported_groups")
    shares = parse_client_shares(_required(hello, ExtensionType.KEY_SHARE))
    # [rfc8446:4.2.8/3]
    if not shares.keys() <= set(groups):
        raise _illegal("a share of a group that is not among the client's own", "RFC 8446 section 4.2.8")
    common = [group for group in config.groups if group in groups]
    # [rfc8446:4.1.1/2]
    if not common:
        raise _failure("no group in common", "RFC 8446 section 4.2.7")
    group = next((group for group in common if group in shares), common[0])
    return Choice(suite=CIPHER_SUITES_13[suite], group=group, share=shares.get(group))


def choose_signature_scheme(certificate: Certificate, hello: ClientHello) -> int:
    """Choose what to sign with.

    Raises:
        ParseError: An extension is malformed.
        ProtocolError: The client takes nothing that fits our certificate.
    """
    offered = parse_code_points(_required(hello, ExtensionType.SIGNATURE_ALGORITHMS), "signature_algorithms")
    # [rfc8446:4.4.3/2] [rfc8446:4.4.2/1]
    scheme = certificate.choose_scheme_13(offered)
    if scheme is None:
        raise _failure("no signature algorithm in common that fits our certificate", "RFC 8446 section 4.4.2.2")
    return scheme


def _required(hello: ClientHello, extension_type: ExtensionType) -> bytes:
    data = hello.extensions.find(extension_type)
    # [rfc8446:9.2/2] [rfc8446:4.2.3/1]
    if data is None:
        raise ProtocolError(
            AlertDescription.MISSING_EXTENSION,
            f"a hello of DTLS 1.3 without {extension_type.name.lower()}",
            "RFC 8446 section 9.2",
        )
    return data


def _illegal(message: str, section: str) -> ProtocolError:
    return ProtocolError(AlertDescription.ILLEGAL_PARAMETER, message, section)


def _failure(message: str, section: str) -> ProtocolError:
    return ProtocolError(AlertDescription.HANDSHAKE_FAILURE, message, section)
