"""What a client says about itself: the first ClientHello, for all the versions it speaks.

A server of DTLS 1.2 reads the old fields and extensions, one of 1.3 supported_versions and key_share; each ignores what is
for the other. See :rfc:`5246#section-7.4.1.2`, :rfc:`8446#section-4.1.2` and :rfc:`9147#section-5.3`.
"""

from collections.abc import Callable, Iterable

from .client_hello import ClientHello
from .config import DtlsConfig
from .connection_id import encode_connection_id
from .extensions import (
    NO_RENEGOTIATED_CONNECTION,
    UNCOMPRESSED_POINT,
    Extensions,
    ExtensionType,
    encode_code_points,
    encode_supported_versions,
)
from .key_share import KeyPair, encode_client_shares
from .shared_extensions import offer_shared_extensions
from .signature import SIGNATURE_SCHEMES, SIGNATURE_SCHEMES_13
from .version import Version


def make_client_hello(config: DtlsConfig, key_pairs: Iterable[KeyPair], rng: Callable[[int], bytes]) -> ClientHello:
    """Make the first hello; the key pairs are those of ``config.offered_key_shares``."""
    is_12, is_13 = (version in config.spoken_versions for version in (Version.DTLS_1_2, Version.DTLS_1_3))
    schemes = SIGNATURE_SCHEMES if is_12 else SIGNATURE_SCHEMES_13
    items: list[tuple[int, bytes]] = []
    if is_12:
        items += [
            # [rfc7627:5.2/1] [rfc7627:5.1/2] [rfc5246:7.4.1.2/10]
            (ExtensionType.EXTENDED_MASTER_SECRET, b""),
            # [rfc5746:3.4/1] [rfc5746:3.4/2]
            # In place of the signalling cipher suite.
            (ExtensionType.RENEGOTIATION_INFO, NO_RENEGOTIATED_CONNECTION),
        ]
    # [rfc8422:4/1] [rfc8422:5.1/1] [rfc8422:5.1.1/1] [rfc8446:4.2.7/1]
    items.append((ExtensionType.SUPPORTED_GROUPS, encode_code_points(config.groups if is_13 else config.ecdhe_groups)))
    if is_12:
        # [rfc8422:5.1/2] [rfc8422:5.1.2/3]
        items.append((ExtensionType.EC_POINT_FORMATS, UNCOMPRESSED_POINT))
    # [rfc5246:7.4.1.4.1/3] [rfc8446:4.2.3/1]
    items.append((ExtensionType.SIGNATURE_ALGORITHMS, encode_code_points(schemes)))
    if is_13:
        items += [
            # [rfc8446:4.2.1/1] [rfc9147:5.3/1]
            (ExtensionType.SUPPORTED_VERSIONS, encode_supported_versions(config.spoken_versions)),
            # [rfc8446:4.2.8/1] [rfc8446:9.2/1]
            (ExtensionType.KEY_SHARE, encode_client_shares(key_pairs)),
        ]
    items += offer_shared_extensions(config)
    if config.connection_id is not None:
        items.append((ExtensionType.CONNECTION_ID, encode_connection_id(config.connection_id)))
    return ClientHello(
        # [rfc5246:7.4.1.2/6] [rfc5246:E.1/6] [rfc5288:4/1] [rfc9147:5.3/1]
        client_version=Version.DTLS_1_2,
        # [rfc5246:7.4.1.2/1]
        random=rng(32),
        cipher_suites=(config.cipher_suites_13 if is_13 else ()) + (config.cipher_suites_12 if is_12 else ()),
        extensions=Extensions(items),
    )
