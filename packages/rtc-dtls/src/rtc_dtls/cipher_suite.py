"""The cipher suites we negotiate: ECDHE with AEAD and nothing else.

CBC, static RSA, NULL and anonymous suites are not in the table, so nothing can select them (:rfc:`8827#section-6.5`).
"""

from enum import IntEnum
from typing import Final, Literal

from .dataclass import dataclass

Authentication = Literal["ecdsa", "rsa"]
"""What a suite demands of the certificate; Ed25519 keys count as ECDSA ones (:rfc:`8422#section-2`)."""

Aead = Literal["aes_gcm", "chacha20_poly1305"]


class CipherSuiteId(IntEnum):
    """Code points of the suites in `CIPHER_SUITES` and `CIPHER_SUITES_13`, and of the signalling value that is no suite."""

    ECDHE_ECDSA_AES_128_GCM_SHA256 = 0xC02B
    ECDHE_ECDSA_AES_256_GCM_SHA384 = 0xC02C
    ECDHE_RSA_AES_128_GCM_SHA256 = 0xC02F
    ECDHE_RSA_AES_256_GCM_SHA384 = 0xC030
    ECDHE_RSA_CHACHA20_POLY1305_SHA256 = 0xCCA8
    ECDHE_ECDSA_CHACHA20_POLY1305_SHA256 = 0xCCA9
    AES_128_GCM_SHA256 = 0x1301
    AES_256_GCM_SHA384 = 0x1302
    CHACHA20_POLY1305_SHA256 = 0x1303
    # [rfc5746:3.3/1]
    EMPTY_RENEGOTIATION_INFO_SCSV = 0x00FF


@dataclass(frozen=True, slots=True, kw_only=True)
class CipherSuite:
    """What a DTLS 1.2 suite stands for."""

    id: CipherSuiteId
    authentication: Authentication
    """What the key exchange is signed with."""
    aead: Aead
    key_length: int
    fixed_iv_length: int
    """Bytes of the nonce that come from the key block: 4 for GCM (the salt), 12 for ChaCha20."""
    explicit_nonce_length: int
    """Bytes of the nonce that travel in each record: 8 for GCM, none for ChaCha20."""
    hash_name: str
    """Hash of the PRF and of the transcript, by its `hashlib` name."""


def _gcm(suite_id: CipherSuiteId, authentication: Authentication, key_length: int, hash_name: str) -> CipherSuite:
    """See :rfc:`5289` and, for the nonce, :rfc:`5288#section-3`."""
    return CipherSuite(
        id=suite_id,
        authentication=authentication,
        aead="aes_gcm",
        key_length=key_length,
        # [rfc5288:3/1]
        fixed_iv_length=4,
        explicit_nonce_length=8,
        # [rfc5288:3/4] [rfc5289:3.2/1] [rfc5289:3.2/2]
        hash_name=hash_name,
    )


def _chacha(suite_id: CipherSuiteId, authentication: Authentication) -> CipherSuite:
    """See :rfc:`7905`."""
    return CipherSuite(
        id=suite_id,
        authentication=authentication,
        aead="chacha20_poly1305",
        key_length=32,
        fixed_iv_length=12,
        # [rfc7905:2/3]
        explicit_nonce_length=0,
        # [rfc7905:2/4] [rfc5246:5/4]
        hash_name="sha256",
    )


# [rfc8827:6.5/10] [rfc8827:6.5/12] [rfc8827:6.5/13]
# [rfc6347:4.1.2.2/1] [rfc5246:A.5/1] [rfc5246:A.5/2] [rfc8422:6/1] [rfc7905:3/1]
CIPHER_SUITES: Final[dict[int, CipherSuite]] = {
    suite.id: suite
    for suite in (
        _gcm(CipherSuiteId.ECDHE_ECDSA_AES_128_GCM_SHA256, "ecdsa", 16, "sha256"),
        _gcm(CipherSuiteId.ECDHE_RSA_AES_128_GCM_SHA256, "rsa", 16, "sha256"),
        _gcm(CipherSuiteId.ECDHE_ECDSA_AES_256_GCM_SHA384, "ecdsa", 32, "sha384"),
        _gcm(CipherSuiteId.ECDHE_RSA_AES_256_GCM_SHA384, "rsa", 32, "sha384"),
        _chacha(CipherSuiteId.ECDHE_ECDSA_CHACHA20_POLY1305_SHA256, "ecdsa"),
        _chacha(CipherSuiteId.ECDHE_RSA_CHACHA20_POLY1305_SHA256, "rsa"),
    )
}
"""Every suite we speak, in our order of preference."""
