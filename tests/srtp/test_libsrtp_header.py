"""Header extensions that are encrypted one by one: byte for byte what libsrtp makes (RFC 6904).

Padding stands behind the elements, as everybody writes it. Between them libsrtp does not count it, though mask and keystream run over
all of the extension, as `test_header` has it.
"""

from random import Random

import pytest
from tests.srtp import libsrtp
from tests.srtp.packets import master_key, rtp

from rtc_srtp import ProtectionProfile, SrtpConfig, SrtpReceiver, SrtpSender

IDS = (1, 3, 4, 14)
CONFIG = SrtpConfig(encrypted_extension_ids=frozenset(IDS))


def one_byte_elements(random: Random) -> bytes:
    data = b""
    for _ in range(random.randrange(5)):
        length = random.randrange(1, 17)
        data += bytes((random.randrange(1, 15) << 4 | length - 1,)) + random.randbytes(length)
    return data + bytes(-len(data) % 4)


def two_byte_elements(random: Random) -> bytes:
    data = b""
    for _ in range(random.randrange(5)):
        length = random.randrange(30)
        data += bytes((random.choice([*IDS, 2, 20, 200]), length)) + random.randbytes(length)
    return data + bytes(-len(data) % 4)


@pytest.mark.parametrize("profile", libsrtp.PROFILES, ids=lambda profile: profile.name)
@pytest.mark.spec("rfc6904:3/1", "rfc6904:3/2", "rfc6904:3/3", "rfc6904:3/4", "rfc6904:3/5", "rfc6904:3.2/1")
@pytest.mark.spec("rfc7714:8.3/1", "rfc7714:8.3/2")
def test_streams_protected_here_and_there_are_equal(profile: ProtectionProfile) -> None:
    random = Random(f"header extensions {profile}")
    key = master_key(profile)
    packets = []
    for number in range(300):
        extension = (0xBEDE, one_byte_elements(random)) if number % 2 else (0x1000, two_byte_elements(random))
        csrcs = tuple(random.getrandbits(32) for _ in range(random.choice([0, 0, 3])))
        packets.append(rtp(0xFF00 + number, extension=extension, csrcs=csrcs, payload=random.randbytes(50)))

    protected = SrtpSender(profile, key, config=CONFIG).protect_many(packets)

    theirs = libsrtp.sender(profile, key, IDS)
    assert protected == [theirs.protect(packet) for packet in packets]
    assert SrtpReceiver(profile, key, config=CONFIG).unprotect_many(protected) == packets
    receiver = libsrtp.receiver(profile, key, IDS)
    assert [receiver.unprotect(packet) for packet in protected] == packets
