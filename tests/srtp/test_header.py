"""Encrypted header extensions, one by one (RFC 6904) and as a whole (RFC 9335)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.srtp.packets import master_key, receiver_report, rtp

from rtc_srtp import (
    AuthenticationError,
    PacketReuseError,
    ParseError,
    ProtectionProfile,
    ReplayError,
    SrtpConfig,
    SrtpReceiver,
    SrtpSender,
    UnencryptableError,
    UnencryptedError,
)
from rtc_srtp.context import make_transform
from rtc_srtp.cryptex import Cryptex
from rtc_srtp.key_derivation import Label, derive
from rtc_srtp.keystream import Keystream

profiles = st.sampled_from(sorted(ProtectionProfile))
each_profile = pytest.mark.parametrize("profile", ProtectionProfile, ids=lambda profile: profile.name)
GCM = ProtectionProfile.AEAD_AES_128_GCM
SOME = SrtpConfig(encrypted_extension_ids=frozenset({1, 4}))
CRYPTEX = SrtpConfig(cryptex=True)
REQUIRED = SrtpConfig(require_cryptex=True)
ONE_BYTE = bytes.fromhex("10aa 21bbbb 00 43dddddddd 50ee 000000")
TWO_BYTE = bytes.fromhex("0101aa 0202bbbb 00 0404dddddddd 0500 00000000")


@given(
    profile=profiles,
    config=st.sampled_from([SOME, CRYPTEX, REQUIRED, SrtpConfig(cryptex=True, encrypted_extension_ids=frozenset({1}))]),
    extension=st.sampled_from([(0xBEDE, ONE_BYTE), (0x1000, TWO_BYTE), (0xBEDE, b"")]) | st.none(),
    csrcs=st.lists(st.integers(0, (1 << 32) - 1), max_size=15).map(tuple),
    payload=st.binary(max_size=100),
)
def test_what_is_protected_comes_out_again(
    profile: ProtectionProfile,
    config: SrtpConfig,
    extension: tuple[int, bytes] | None,
    csrcs: tuple[int, ...],
    payload: bytes,
) -> None:
    packet = rtp(1, extension=extension, csrcs=csrcs, payload=payload)
    if config != SOME and csrcs and extension is None:
        expected = rtp(1, extension=(0xBEDE, b""), csrcs=csrcs, payload=payload)
    else:
        expected = packet

    protected = SrtpSender(profile, master_key(profile), config=config).protect(packet)

    assert SrtpReceiver(profile, master_key(profile), config=config).unprotect(protected) == expected


@each_profile
@pytest.mark.parametrize(
    ("profile_id", "extension", "clear"),
    [
        (0xBEDE, ONE_BYTE, "10.. 21bbbb 00 43........ 50ee 000000"),
        (0x1003, TWO_BYTE, "0101.. 0202bbbb 00 0404........ 0500 00000000"),
    ],
)
@pytest.mark.spec(
    "rfc6904:3/1",
    "rfc6904:3/2",
    "rfc6904:3/3",
    "rfc6904:3/4",
    "rfc6904:3/5",
    "rfc6904:3.2/1",
    "rfc7714:8.3/1",
    "rfc7714:8.3/2",
)
def test_chosen_elements_are_encrypted_in_counter_mode(
    profile: ProtectionProfile, profile_id: int, extension: bytes, clear: str
) -> None:
    master = master_key(profile)
    packet = rtp(0x1234, extension=(profile_id, extension))
    salt = derive(master, Label.HEADER_SALT, profile.salt_length).ljust(14, b"\0")
    stream = Keystream(derive(master, Label.HEADER_ENCRYPTION, profile.key_length), salt).crypt(
        0x12345678 << 48 | 0x1234, bytes(len(extension))
    )
    readable = bytes.fromhex(clear.replace(".", "0"))
    hidden = bytes.fromhex("".join("ff" if pair == ".." else "00" for pair in _pairs(clear)))

    protected = SrtpSender(profile, master, config=SOME).protect(packet)

    sent = protected[16 : 16 + len(extension)]
    assert bytes(a & ~b & 0xFF for a, b in zip(sent, hidden, strict=True)) == readable
    assert all(a == b ^ c for a, b, c, d in zip(sent, extension, stream, hidden, strict=True) if d)
    assert protected[:16] == packet[:16]


def _pairs(text: str) -> list[str]:
    text = text.replace(" ", "")
    return [text[n : n + 2] for n in range(0, len(text), 2)]


@each_profile
@pytest.mark.spec("rfc6904:3/6", "rfc6904:3/7", "rfc6904:3/8", "rfc6904:3/9", "rfc7714:8.3/3")
def test_the_encrypted_header_extension_is_authenticated(profile: ProtectionProfile) -> None:
    """What was decrypted before the tag is looked at would be a parse error, and not one of authentication."""
    protected = SrtpSender(profile, master_key(profile), config=SOME).protect(rtp(1, extension=(0xBEDE, ONE_BYTE)))
    receiver = SrtpReceiver(profile, master_key(profile), config=SOME)
    for place in range(16, 16 + len(ONE_BYTE)):
        forged = protected[:place] + bytes([protected[place] ^ 0x0F]) + protected[place + 1 :]

        with pytest.raises(AuthenticationError):
            receiver.unprotect(forged)
    assert receiver.unprotect(protected) == rtp(1, extension=(0xBEDE, ONE_BYTE))


@pytest.mark.parametrize(
    ("profile_id", "extension"),
    [
        (0xBEDE, "10aaf0001fffffff"),
        (0xABAC, "10aa0000"),
        (0xBEDE, "00000000"),
        (0x2000, "0101aa00"),
        (0xBEDE, "20aa30bb"),
    ],
)
def test_nothing_is_encrypted_where_no_chosen_element_is(profile_id: int, extension: str) -> None:
    """After the one-byte ID 15 nothing is read; extensions of other kinds have no elements."""
    config = SrtpConfig(encrypted_extension_ids=frozenset({15} if extension.startswith("10aaf") else {1}))
    packet = rtp(1, extension=(profile_id, bytes.fromhex(extension)))

    protected = SrtpSender(GCM, master_key(GCM), config=config).protect(packet)

    assert protected == SrtpSender(GCM, master_key(GCM)).protect(packet)


@pytest.mark.parametrize(
    ("profile_id", "extension"), [(0xBEDE, "1faa0000"), (0x1000, "01040000"), (0x1000, "02010001")]
)
def test_an_element_longer_than_the_extension(profile_id: int, extension: str) -> None:
    packet = rtp(1, extension=(profile_id, bytes.fromhex(extension)))
    sender = SrtpSender(GCM, master_key(GCM), config=SOME)
    receiver = SrtpReceiver(GCM, master_key(GCM), config=SOME)

    with pytest.raises(ParseError):
        sender.protect(packet)
    with pytest.raises(ParseError):
        receiver.unprotect(SrtpSender(GCM, master_key(GCM)).protect(packet))
    assert receiver.unprotect(sender.protect(rtp(1))) == rtp(1)


@pytest.mark.parametrize("ids", [{0}, {256}, {1, -1}])
def test_ids_are_1_to_255(ids: set[int]) -> None:
    with pytest.raises(ValueError, match="255"):
        SrtpConfig(encrypted_extension_ids=frozenset(ids))


@pytest.mark.parametrize("config", [SOME, CRYPTEX, REQUIRED])
def test_rtcp_is_as_always(config: SrtpConfig) -> None:
    sender, receiver = (
        SrtpSender(GCM, master_key(GCM), config=config),
        SrtpReceiver(GCM, master_key(GCM), config=config),
    )
    protected = sender.protect_rtcp(receiver_report())

    assert protected == SrtpSender(GCM, master_key(GCM)).protect_rtcp(receiver_report())
    assert receiver.unprotect_rtcp(protected) == receiver_report()


@each_profile
@pytest.mark.spec("rfc9335:5.1/4")
def test_an_empty_extension_says_that_csrcs_are_encrypted(profile: ProtectionProfile) -> None:
    protected = SrtpSender(profile, master_key(profile), config=CRYPTEX).protect(rtp(1, csrcs=(7, 8)))

    assert protected[0] == 0x92
    assert protected[20:24] == bytes.fromhex("c0de0000")
    assert protected[12:20] != rtp(1, csrcs=(7, 8))[12:20]


@each_profile
@pytest.mark.spec("rfc9335:4/2", "rfc9335:4/3", "rfc9335:5.1/1", "rfc9335:5.2/2")
def test_a_packet_that_cryptex_does_not_concern_goes_the_other_way(profile: ProtectionProfile) -> None:
    both = SrtpConfig(cryptex=True, encrypted_extension_ids=frozenset({1}))
    sender = SrtpSender(profile, master_key(profile), config=both)
    cryptex = SrtpSender(profile, master_key(profile), config=CRYPTEX)
    plain = SrtpSender(profile, master_key(profile))
    with_appbits = rtp(2, extension=(0x1003, TWO_BYTE))
    foreign = rtp(3, extension=(0xABAC, bytes(4)), csrcs=(1,))

    assert sender.protect(rtp(1, extension=(0xBEDE, ONE_BYTE))) == cryptex.protect(rtp(1, extension=(0xBEDE, ONE_BYTE)))
    assert sender.protect(with_appbits) != plain.protect(with_appbits)
    assert sender.protect(foreign) == plain.protect(foreign)
    assert sender.protect(rtp(4)) == plain.protect(rtp(4))


@each_profile
@pytest.mark.spec("rfc9335:5.2/3")
def test_where_cryptex_is_required_no_readable_header_passes(profile: ProtectionProfile) -> None:
    key = master_key(profile)
    readable = [rtp(1, extension=(0xBEDE, ONE_BYTE)), rtp(1, csrcs=(1,)), rtp(1, extension=(0xABAC, bytes(4)))]
    receiver = SrtpReceiver(profile, key, config=REQUIRED)
    for packet in readable:
        with pytest.raises(UnencryptedError):
            receiver.unprotect(SrtpSender(profile, key).protect(packet))
    sender = SrtpSender(profile, key, config=REQUIRED)
    with pytest.raises(UnencryptableError, match="Cryptex"):
        sender.protect(readable[2])

    assert [receiver.unprotect(sender.protect(packet)) for packet in (rtp(1), rtp(2, extension=(0xBEDE, ONE_BYTE)))]


@each_profile
@pytest.mark.spec("rfc9335:6.2/1", "rfc9335:6.1/1")
def test_cryptex_authenticates_all(profile: ProtectionProfile) -> None:
    packet = rtp(1, extension=(0xBEDE, ONE_BYTE), csrcs=(1, 2))
    protected = SrtpSender(profile, master_key(profile), config=CRYPTEX).protect(packet)
    receiver = SrtpReceiver(profile, master_key(profile), config=CRYPTEX)
    for place in range(1, len(protected)):
        if 20 <= place < 24 or 8 <= place < 12:
            continue  # says that it is Cryptex, how long the extension is, or from whom
        forged = protected[:place] + bytes([protected[place] ^ 0x10]) + protected[place + 1 :]

        with pytest.raises(AuthenticationError):
            receiver.unprotect(forged)
    for place in (8, 9, 10, 11, 20, 21, 22, 23):
        forged = protected[:place] + bytes([protected[place] ^ 0x01]) + protected[place + 1 :]
        with pytest.raises((AuthenticationError, ParseError)):
            receiver.unprotect(forged)


@each_profile
@pytest.mark.parametrize("mki", [b"", b"k"])
def test_what_is_encrypted_of_headers_changes_and_all_else_goes_on(profile: ProtectionProfile, mki: bytes) -> None:
    key, length = master_key(profile, mki), len(mki)
    sender = SrtpSender(profile, key, config=SrtpConfig(mki_length=length))
    receiver = SrtpReceiver(profile, key, config=SrtpConfig(mki_length=length))
    packets = [rtp(0xFFFE + n, extension=(0xBEDE, ONE_BYTE)) for n in range(5)]
    sent = [sender.protect(packets[0])]
    some = frozenset({1, 4})
    choices = [
        (some, False, False),
        (some, True, False),
        (frozenset[int](), False, True),
        (frozenset[int](), False, False),
    ]
    assert receiver.unprotect(sent[0]) == packets[0]

    for packet, (ids, cryptex, required) in zip(packets[1:], choices, strict=True):
        for each in (sender, receiver):
            each.encrypt_headers(ids, cryptex=cryptex, require_cryptex=required)
        sent.append(sender.protect(packet))
        assert receiver.unprotect(sent[-1]) == packet

    alone = [SrtpConfig(mki_length=length, encrypted_extension_ids=some), SrtpConfig(mki_length=length)]
    for number, config in zip((1, 4), alone, strict=True):
        fresh = SrtpSender(profile, key, config=config)
        fresh.set_roll_over_counter(0x1234_5678, (0xFFFE + number) >> 16)
        assert sent[number] == fresh.protect(packets[number])
    assert [each[23:27] != ONE_BYTE[7:11] for each in sent] == [False, True, True, True, False]
    assert sender.roll_over_counter(0x1234_5678) == 1
    with pytest.raises(PacketReuseError):
        sender.protect(packets[2])
    for old in sent:
        with pytest.raises(ReplayError):
            receiver.unprotect(old)


def test_a_refused_choice_changes_nothing() -> None:
    sender, receiver = SrtpSender(GCM, master_key(GCM), config=CRYPTEX), SrtpReceiver(GCM, master_key(GCM))

    for each in (sender, receiver):
        with pytest.raises(ValueError, match="255"):
            each.encrypt_headers(frozenset({256}))

    protected = sender.protect(rtp(1, extension=(0xBEDE, ONE_BYTE)))
    assert protected == SrtpSender(GCM, master_key(GCM), config=CRYPTEX).protect(rtp(1, extension=(0xBEDE, ONE_BYTE)))


def test_another_key_encrypts_the_same_of_headers() -> None:
    first, second = master_key(GCM, b"1"), master_key(GCM, b"2", first=9)
    sender = SrtpSender(GCM, first, config=SrtpConfig(mki_length=1))
    receiver = SrtpReceiver(GCM, first, config=SrtpConfig(mki_length=1))
    packet = rtp(1, extension=(0xBEDE, ONE_BYTE))
    for each in (sender, receiver):
        each.encrypt_headers(frozenset({1, 4}))
    receiver.add_master_key(second)
    sender.use_master_key(second)
    sender.encrypt_headers(frozenset({4}))
    receiver.encrypt_headers(frozenset({4}))

    protected = sender.protect(packet)

    assert protected[16:18] == ONE_BYTE[:2]
    assert receiver.unprotect(protected) == packet


@each_profile
@pytest.mark.parametrize("mark", [0xC0DE, 0xC2DE])
def test_a_header_extension_that_looks_encrypted_is_not_sent(profile: ProtectionProfile, mark: int) -> None:
    """The receiver would take what is readable for encrypted."""
    sender = SrtpSender(profile, master_key(profile), config=CRYPTEX)

    with pytest.raises(UnencryptableError):
        sender.protect(rtp(1, extension=(mark, ONE_BYTE)))
    assert SrtpReceiver(profile, master_key(profile), config=CRYPTEX).unprotect(sender.protect(rtp(1))) == rtp(1)


@given(profile=profiles, extension=st.sampled_from([(0xBEDE, ONE_BYTE), (0x1000, TWO_BYTE), (0xBEDE, b"")]))
def test_the_short_way_of_common_packets_is_the_way_of_all(
    profile: ProtectionProfile, extension: tuple[int, bytes]
) -> None:
    transform = make_transform(profile, master_key(profile), CRYPTEX)
    assert isinstance(transform, Cryptex)
    packet = rtp(1, extension=extension)
    number, header_length = 0x12345678 << 48 | 1, 16 + len(extension[1])

    protected = transform.protect(number, packet, header_length)

    assert protected == transform._protect_other(number, packet, header_length)
    assert transform._unprotect_other(number, protected, header_length) == packet
    assert transform.unprotect(number, protected, header_length) == packet
