"""The vectors of the RFCs. Those that start from session keys are given to the ciphers, those from master keys to sender and receiver."""

import pytest

from rtc_srtp import MasterKey, ProtectionProfile, SrtpConfig, SrtpReceiver, SrtpSender
from rtc_srtp.gcm import GcmCipher
from rtc_srtp.header_encryption import encryption_mask
from rtc_srtp.key_derivation import Label, SessionKeys, derive, derive_srtp_keys
from rtc_srtp.keystream import Keystream
from rtc_srtp.packet import ONE_BYTE_PROFILE

# RFC 3711, appendix B.3
MASTER_128 = MasterKey(
    key=bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139"), salt=bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")
)
# RFC 6188, section 7
MASTER_256 = MasterKey(
    key=bytes.fromhex("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6"),
    salt=bytes.fromhex("3b04803de51ee7c96423ab5b78d2"),
)
# RFC 7714, sections 16 and 17
GCM_SALT = b"Quid pro quo"
RTP = bytes.fromhex(
    "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573"
)
RTCP = bytes.fromhex(
    "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef"
)
RTP_NUMBER = 0x5501A0B2_0000_0000_F17B
RTCP_NUMBER = 0x4D617273 << 48 | 0x5D4
GCM_RTP = {
    16: "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
    32: "32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
}
GCM_RTCP = {
    16: "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded"
    "0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
    32: "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658 c61de047"
    "6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
}
GCM_RTCP_TAGS = {16: "841dd968 3dd78ec9 2ae58790 125f62b3", 32: "91db4afb feee5a97 8fab4393 ed2615fe"}


def gcm(key_length: int) -> GcmCipher:
    keys = SessionKeys(bytes(range(key_length)), b"", GCM_SALT)
    return GcmCipher(keys, keys)


@pytest.mark.spec("rfc3711:4.1.1/1", "rfc3711:4.1.1/2")
def test_counter_mode_keystream() -> None:
    keystream = Keystream(
        bytes.fromhex("2B7E151628AED2A6ABF7158809CF4F3C"), bytes.fromhex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD")
    )

    blocks = keystream.crypt(0, bytes(16 * 0xFF02))

    assert blocks[:48].hex().upper() == (
        "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0"
    )
    assert blocks[16 * 0xFEFF :].hex().upper() == (
        "EC8CDF7398607CB0F2D21675EA9EA1E4362B7C3C6773516318A077D7FC5073AE6A2CC3787889374FBEB4C81B17BA6C44"
    )


@pytest.mark.spec(
    "rfc3711:4.3.1/1", "rfc3711:4.3.1/4", "rfc3711:4.3.1/5", "rfc3711:4.3.1/6", "rfc3711:4.3.1/7", "rfc3711:4.3.1/9",
    "rfc3711:4.3.1/11", "rfc3711:4.3.3/1", "rfc3711:5.3/1", "rfc3711:3.2.1/4", "rfc3711:3.2.1/6",
)  # fmt: skip
def test_key_derivation() -> None:
    keys = derive_srtp_keys(ProtectionProfile.AES128_CM_HMAC_SHA1_80, MASTER_128)

    assert keys.encryption.hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert keys.salt.hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"
    assert keys.authentication.hex().upper() == "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"
    assert derive(MASTER_128, Label.SRTP_AUTHENTICATION, 94).hex().upper() == (
        "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF72270986371C10C9A369AC2"
        "F94A8C5FBCDDDC256D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2"
    )


def test_key_derivation_with_256_bits() -> None:
    keys = derive_srtp_keys(ProtectionProfile.AES256_CM_HMAC_SHA1_80, MASTER_256)

    assert keys.encryption.hex() == "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4"
    assert keys.salt.hex() == "fa31791685ca444a9e07c6c64e93"
    assert keys.authentication.hex() == "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"


def test_counter_mode_with_256_bits() -> None:
    """The packet that libsrtp checks itself with."""
    profile = ProtectionProfile.AES256_CM_HMAC_SHA1_80
    packet = bytes.fromhex("800f1234decafbadcafebabe") + bytes([0xAB] * 16)

    protected = SrtpSender(profile, MASTER_256).protect(packet)

    assert protected.hex() == "800f1234decafbadcafebabef1d9de17ff251ff1aa007774b0b4b40da08d9d9a5b3a55d8873b"
    assert SrtpReceiver(profile, MASTER_256).unprotect(protected) == packet


@pytest.mark.parametrize("key_length", GCM_RTP)
@pytest.mark.spec(
    "rfc7714:8.1/1", "rfc7714:8.2/1", "rfc7714:8.2/2", "rfc7714:10/1", "rfc7714:10/2", "rfc7714:1/1", "rfc7714:1/2",
    "rfc7714:7.1/1", "rfc7714:7.1/2", "rfc7714:12/1",
)  # fmt: skip
def test_gcm_rtp(key_length: int) -> None:
    protected = RTP[:12] + bytes.fromhex(GCM_RTP[key_length])

    assert gcm(key_length).protect(RTP_NUMBER, RTP, 12) == protected
    assert gcm(key_length).unprotect(RTP_NUMBER, protected, 12) == RTP


@pytest.mark.parametrize("key_length", GCM_RTCP)
@pytest.mark.spec("rfc7714:9/1", "rfc7714:9.1/1", "rfc7714:9.2/1")
def test_gcm_rtcp(key_length: int) -> None:
    protected = bytes.fromhex(GCM_RTCP[key_length])

    assert gcm(key_length).protect_rtcp(RTCP_NUMBER, RTCP, encrypt=True) == protected
    assert gcm(key_length).unprotect_rtcp(RTCP_NUMBER, protected) == RTCP


@pytest.mark.parametrize("key_length", GCM_RTCP_TAGS)
@pytest.mark.spec("rfc7714:9/1", "rfc7714:9.3/1")
def test_gcm_rtcp_without_encryption(key_length: int) -> None:
    protected = RTCP + bytes.fromhex(GCM_RTCP_TAGS[key_length] + "000005d4")

    assert gcm(key_length).protect_rtcp(RTCP_NUMBER, RTCP, encrypt=False) == protected
    assert gcm(key_length).unprotect_rtcp(RTCP_NUMBER, protected) == RTCP


# RFC 6904, appendix A
EXTENSION = bytes.fromhex("17414273A475262748220000C8308E4655996386B395FB00")
ENCRYPTED_EXTENSION = bytes.fromhex("17588A9270F4E15E1C220000C8309546A994F0BC54789700")


@pytest.mark.spec("rfc6904:3/2")
def test_header_key_derivation() -> None:
    assert derive(MASTER_128, Label.HEADER_ENCRYPTION, 16).hex().upper() == "549752054D6FB708622C4A2E596A1B93"
    assert derive(MASTER_128, Label.HEADER_SALT, 14).hex().upper() == "AB01818174C40D39A3781F7C2D27"


@pytest.mark.spec("rfc6904:3/1", "rfc6904:3/3")
def test_encryption_mask() -> None:
    mask = encryption_mask(ONE_BYTE_PROFILE, EXTENSION, frozenset({1, 3, 4}))

    assert mask is not None
    assert mask.hex().upper() == "00FFFFFFFFFFFFFFFF0000000000FF00FFFFFFFFFFFFFF00"


@pytest.mark.spec("rfc6904:3/4", "rfc6904:3/5", "rfc6904:3.2/1")
def test_header_encryption() -> None:
    profile = ProtectionProfile.AES128_CM_HMAC_SHA1_80
    packet = bytes.fromhex("90601234 00000000 CAFEBABE BEDE0006") + EXTENSION + b"payload"
    config = SrtpConfig(encrypted_extension_ids=frozenset({1, 3, 4}))

    protected = SrtpSender(profile, MASTER_128, config=config).protect(packet)

    assert protected[16:40] == ENCRYPTED_EXTENSION
    assert protected[40:47] == SrtpSender(profile, MASTER_128).protect(packet)[40:47]
    assert SrtpReceiver(profile, MASTER_128, config=config).unprotect(protected) == packet


# RFC 9335, appendix A: packet as it is sent, and protected
CRYPTEX_COUNTER_MODE = [
    (
        "900f1235decafbadcafebabe bede0001 51000200 abababababababababababababababab",
        "900f1235decafbadcafebabe c0de0001 eb923652 51c3e036f8de27e9c27ee3e0b4651d9f bc4218a70244522f34a5",
    ),
    (
        "900f1236decafbadcafebabe 10000001 05020002 abababababababababababababababab",
        "900f1236decafbadcafebabe c2de0001 4ed9cc4e 6a712b3096c5ca77339d4204ce0d7739 6cab69585fbce38194a5",
    ),
    (
        "920f1238decafbadcafebabe 0001e2400000b26e bede0001 51000200 abababababababababababababababab",
        "920f1238decafbadcafebabe 8bb6e12b5cff16dd c0de0001 92838c8c 09e58393e1de3a9a74734d6745671338 c3acf11da2df8423bee0",
    ),
    (
        "920f1239decafbadcafebabe 0001e2400000b26e 10000001 05020002 abababababababababababababababab",
        "920f1239decafbadcafebabe f70e513eb90b9b25 c2de0001 bbed4848 faa644665f3d7f34125914e9f4d0ae92 3c6f479b95a0f7b53133",
    ),
    (
        "920f123adecafbadcafebabe 0001e2400000b26e bede0000 abababababababababababababababab",
        "920f123adecafbadcafebabe 7130b6abfe2ab0e3 c0de0000 e3d9f64b25c9e74cb4cf8e43fb92e378 1c2c0ceab6b3a499a14c",
    ),
    (
        "920f123bdecafbadcafebabe 0001e2400000b26e 10000000 abababababababababababababababab",
        "920f123bdecafbadcafebabe cbf24c124330e1c8 c2de0000 599dd45bc9d687b603e8b59d771fd38e 88b170e0cd31e125eabe",
    ),
]
CRYPTEX_GCM = [
    (
        "900f1235decafbadcafebabe bede0001 51000200 abababababababababababababababab",
        "900f1235decafbadcafebabe c0de0001 39972dc9 572c4d99e8fc355de743fb2e94f9d8ff 54e72f4193bbc5c74ffab0fa9fa0fbeb",
    ),
    (
        "900f1236decafbadcafebabe 10000001 05020002 abababababababababababababababab",
        "900f1236decafbadcafebabe c2de0001 bb75a4c5 45cd1f413bdb7daa2b1e3263de313667 c963249081b35a65f5cb6c88b394235f",
    ),
    (
        "920f1238decafbadcafebabe 0001e2400000b26e bede0001 51000200 abababababababababababababababab",
        "920f1238decafbadcafebabe 63bbccc4a7f695c4 c0de0001 8ad7c71f ac70a80c92866b4c6ba98546ef913586 e95ffaaffe956885bb0647a8bc094ac8",
    ),
    (
        "920f1239decafbadcafebabe 0001e2400000b26e 10000001 05020002 abababababababababababababababab",
        "920f1239decafbadcafebabe 3680524f8d312b00 c2de0001 c78d1200 38422bc111a7187a18246f980c059cc6 bc9df8b626394eca344e4b05d80fea83",
    ),
    (
        "920f123adecafbadcafebabe 0001e2400000b26e bede0000 abababababababababababababababab",
        "920f123adecafbadcafebabe 15b6bb4337906fff c0de0000 b7b964537a2b03ab7ba5389ce9331712 6b5d974df30c6884dcb651c5e120c1da",
    ),
    (
        "920f123bdecafbadcafebabe 0001e2400000b26e 10000000 abababababababababababababababab",
        "920f123bdecafbadcafebabe dcb38c9e48bf95f4 c2de0000 61ee432cf920317076613258d3ce4236 c06ac429681ad08413512dc98b5207d8",
    ),
]
GCM_MASTER = MasterKey(key=bytes(range(16)), salt=bytes.fromhex("a0a1a2a3a4a5a6a7a8a9aaab"))


@pytest.mark.parametrize(
    ("profile", "master", "plain", "protected"),
    [
        *((ProtectionProfile.AES128_CM_HMAC_SHA1_80, MASTER_128, *pair) for pair in CRYPTEX_COUNTER_MODE),
        *((ProtectionProfile.AEAD_AES_128_GCM, GCM_MASTER, *pair) for pair in CRYPTEX_GCM),
    ],
)
@pytest.mark.spec("rfc9335:5.1/2", "rfc9335:5.1/3", "rfc9335:5.1/5", "rfc9335:5.2/1", "rfc9335:6.1/1", "rfc9335:6.2/1")
def test_cryptex(profile: ProtectionProfile, master: MasterKey, plain: str, protected: str) -> None:
    config = SrtpConfig(cryptex=True)

    assert SrtpSender(profile, master, config=config).protect(bytes.fromhex(plain)) == bytes.fromhex(protected)
    assert SrtpReceiver(profile, master, config=config).unprotect(bytes.fromhex(protected)) == bytes.fromhex(plain)
