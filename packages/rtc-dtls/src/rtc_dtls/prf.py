"""The TLS 1.2 pseudorandom function. See :rfc:`5246#section-5`."""

import hmac


def prf(hash_name: str, secret: bytes, label: bytes, seed: bytes, length: int) -> bytes:
    """Expand ``secret`` to ``length`` bytes bound to ``label`` and ``seed``."""
    # [rfc5246:5/3]
    seed = label + seed
    output = b""
    chain = seed
    while len(output) < length:
        chain = hmac.digest(secret, chain, hash_name)
        output += hmac.digest(secret, chain + seed, hash_name)
    return output[:length]
