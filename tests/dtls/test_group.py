"""Key exchange in the groups we have."""

import pytest
from tests.support.rng import SeededRng

from rtc_dtls import GroupId
from rtc_dtls.errors import ProtocolError
from rtc_dtls.group import ECDHE_GROUPS, EphemeralKey

EACH_GROUP = pytest.mark.parametrize("group", ECDHE_GROUPS, ids=lambda group: GroupId(group).name)
LENGTHS = {GroupId.X25519: (32, 32), GroupId.SECP256R1: (65, 32), GroupId.SECP384R1: (97, 48)}


def test_x25519_agrees_with_rfc_7748() -> None:
    """The first vector of section 5.2."""
    scalar = bytes.fromhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")
    u = bytes.fromhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")
    key = EphemeralKey.generate(GroupId.X25519, lambda _: scalar)

    assert key.exchange(u).hex() == "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"


@EACH_GROUP
def test_both_sides_agree_and_lengths_are_those_of_the_group(group: int) -> None:
    rng = SeededRng(group)
    here, there = EphemeralKey.generate(group, rng), EphemeralKey.generate(group, rng)
    secret = here.exchange(there.public)

    assert secret == there.exchange(here.public)
    assert (len(here.public), len(secret)) == LENGTHS[GroupId(group)]


@EACH_GROUP
@pytest.mark.spec("rfc8422:5.10/1")
def test_leading_zeros_of_the_shared_secret_are_kept(group: int) -> None:
    rng = SeededRng("zeros")
    here = EphemeralKey.generate(group, rng)
    zeros = 0
    for _ in range(3000):
        secret = here.exchange(EphemeralKey.generate(group, rng).public)
        assert len(secret) == LENGTHS[GroupId(group)][1]
        zeros += secret[0] == 0
        if zeros == 2:
            break

    assert zeros == 2


@EACH_GROUP
def test_what_is_no_public_key_of_the_group_is_refused(group: int) -> None:
    key = EphemeralKey.generate(group, SeededRng(group))
    length = len(key.public)
    wrong = [b"", bytes(length), key.public[:-1], key.public + b"\0"]
    if group != GroupId.X25519:
        half = (length - 1) // 2
        compressed = bytes([2 + key.public[-1] % 2]) + key.public[1 : 1 + half]
        wrong += [compressed, key.public[:-1] + bytes([key.public[-1] ^ 1]), b"\x05" + key.public[1:], b"\0"]

    for public in wrong:
        with pytest.raises(ProtocolError):
            key.exchange(public)
