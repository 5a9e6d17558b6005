"""The cipher suites of DTLS 1.3: an AEAD and a hash, and how long one key may be used. See :rfc:`8446#appendix-B.4`.

TLS_AES_128_CCM_8_SHA256 is not here, so nothing can select it (:rfc:`9147#section-4.5.3`).
"""

import hashlib
from typing import Final

from .cipher_suite import Aead, CipherSuiteId
from .dataclass import dataclass

# [rfc9147:4.5.3/1]
MAX_RECORDS: Final[dict[Aead, int]] = {"aes_gcm": 2**24, "chacha20_poly1305": 2**48 - 1}
"""Records that one key may protect: :rfc:`8446#section-5.5` gives 2^24.5 for AES-GCM; ChaCha20 has no limit of its own."""

# [rfc9147:4.5.3/4]
MAX_FORGERIES: Final = 2**36
"""Records that may fail authentication under one key, for all the AEADs here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CipherSuite13:
    """What a DTLS 1.3 suite stands for."""

    id: CipherSuiteId
    aead: Aead
    key_length: int
    hash_name: str
    """Hash of the key schedule and of the transcript, by its `hashlib` name."""

    @property
    def hash_length(self) -> int:
        """Bytes of the hash, and of every secret."""
        return hashlib.new(self.hash_name).digest_size


# [rfc8446:9.1/1] [rfc8446:9.1/2] [rfc9147:4.5.3/5]
CIPHER_SUITES_13: Final[dict[int, CipherSuite13]] = {
    suite.id: suite
    for suite in (
        CipherSuite13(id=CipherSuiteId.AES_128_GCM_SHA256, aead="aes_gcm", key_length=16, hash_name="sha256"),
        CipherSuite13(id=CipherSuiteId.AES_256_GCM_SHA384, aead="aes_gcm", key_length=32, hash_name="sha384"),
        CipherSuite13(
            id=CipherSuiteId.CHACHA20_POLY1305_SHA256, aead="chacha20_poly1305", key_length=32, hash_name="sha256"
        ),
    )
}
"""Every suite of DTLS 1.3 that we speak, in our order of preference."""
