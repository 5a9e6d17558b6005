"""Sealing and opening records of DTLS 1.3 against models of them."""

import copy
import pickle
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from rtc_dtls import AlertDescription, StateError
from rtc_dtls.cipher_suite13 import CIPHER_SUITES_13
from rtc_dtls.errors import ProtocolError
from rtc_dtls.key_schedule13 import TrafficKeys, TrafficSecret
from rtc_dtls.protection13 import MAX_LOOKAHEAD, OVERHEAD, Opener13, Sealer13
from rtc_dtls.record import ContentType, Opened, split_datagram
from rtc_dtls.record13 import ProtectedRecord, closest_sequence_number
from rtc_dtls.replay import WINDOW_SIZE

EACH_SUITE = pytest.mark.parametrize("suite_id", sorted(CIPHER_SUITES_13))


def keys(suite_id: int) -> TrafficKeys:
    return TrafficSecret(suite=CIPHER_SUITES_13[suite_id], secret=b"secret").keys()


def ends(suite_id: int, epoch: int = 3) -> tuple[Sealer13, Opener13]:
    suite = CIPHER_SUITES_13[suite_id]
    return Sealer13(suite, keys(suite_id), epoch), Opener13(suite, keys(suite_id), epoch)


def record_of(datagram: bytes) -> ProtectedRecord:
    (record,), dropped = split_datagram(datagram)
    assert dropped == []
    assert isinstance(record, ProtectedRecord)
    return record


def seal_by_hand(
    suite_id: int, number: int, inner: bytes, *, epoch: int = 3, short_number: bool = False, with_length: bool = True
) -> bytes:
    """A record in any of the shapes that a peer may choose, made without the code under test."""
    material = keys(suite_id)
    size = 1 if short_number else 2
    first = 0x20 | (0 if short_number else 8) | (4 if with_length else 0) | epoch & 3
    low = (number % 256**size).to_bytes(size, "big")
    length = (len(inner) + 16).to_bytes(2, "big") if with_length else b""
    header = bytes([first]) + low + length
    nonce = (int.from_bytes(material.iv, "big") ^ number).to_bytes(12, "big")
    sample_key = material.sequence_number_key
    if suite_id == 0x1303:
        ciphertext = ChaCha20Poly1305(material.key).encrypt(nonce, inner, header)
        mask = Cipher(algorithms.ChaCha20(sample_key, ciphertext[:16]), None).encryptor().update(bytes(2))
    else:
        ciphertext = AESGCM(material.key).encrypt(nonce, inner, header)
        mask = Cipher(algorithms.AES(sample_key), modes.ECB()).encryptor().update(ciphertext[:16])
    masked = bytes(a ^ b for a, b in zip(low, mask, strict=False))
    return bytes([first]) + masked + length + ciphertext


@EACH_SUITE
@given(contents=st.lists(st.binary(max_size=200), max_size=5))
def test_what_was_sealed_opens_and_is_longer_by_the_overhead(suite_id: int, contents: list[bytes]) -> None:
    sealer, opener = ends(suite_id)
    sealed = sealer.seal_many(ContentType.APPLICATION_DATA, contents)
    opened = [opener.open(record_of(datagram)) for datagram in sealed]

    assert [each.content for each in opened if isinstance(each, Opened)] == contents
    assert [each.number for each in opened if isinstance(each, Opened)] == [(3 << 48) + n for n in range(len(contents))]
    assert [len(datagram) for datagram in sealed] == [len(content) + OVERHEAD for content in contents]


@pytest.mark.spec("rfc9147:4/5", "rfc9147:4/6", "rfc9147:4.2.3/1")
@EACH_SUITE
@pytest.mark.parametrize("number", [0, 1, 255, 65535, 65536, 2**24 - 1])
def test_sealed_record_is_the_one_made_by_hand(suite_id: int, number: int) -> None:
    sealer, _ = ends(suite_id, epoch=6)
    sealer.next_number = number

    sealed = sealer.seal(ContentType.HANDSHAKE, b"content")

    assert sealed == seal_by_hand(suite_id, number, b"content\x16", epoch=6)


@pytest.mark.spec("rfc9147:4/3", "rfc9147:4.2.3/1", "rfc9147:4/5", "rfc9147:4.1/2")
@EACH_SUITE
@pytest.mark.parametrize("short_number", [False, True])
@pytest.mark.parametrize("with_length", [False, True])
@pytest.mark.parametrize("padding", [0, 1, 300])
def test_records_of_every_shape_open(suite_id: int, short_number: bool, with_length: bool, padding: int) -> None:
    _, opener = ends(suite_id)
    for number in (0, 1, 2, 200, 327):
        inner = b"content \0\x17" + bytes(padding)
        datagram = seal_by_hand(suite_id, number, inner, short_number=short_number, with_length=with_length)
        opened = opener.open(record_of(datagram))

        assert isinstance(opened, Opened)
        assert (opened.content, opened.content_type, opened.number) == (b"content \0", 23, (3 << 48) + number)


def _everywhere(datagram: bytes) -> list[bytes]:
    return [
        datagram[:at] + bytes([datagram[at] ^ 1 << bit]) + datagram[at + 1 :]
        for at in range(len(datagram))
        for bit in range(8)
    ]


@pytest.mark.spec("rfc9147:4.5.2/1", "rfc9147:4.5.3/3", "rfc9147:4.5.1/4")
@EACH_SUITE
def test_record_with_any_bit_turned_does_not_open_and_moves_nothing_but_the_count(suite_id: int) -> None:
    sealer, opener = ends(suite_id)
    reasons = set()
    for forged in _everywhere(sealer.seal(ContentType.APPLICATION_DATA, b"content")):
        assert opener.open_application_data([forged], 0, []) == 0
        records, dropped = split_datagram(forged)
        reasons.update(dropped)
        for record in records:
            # A turned fixed bit makes it a record of another kind, turned epoch bits are for other keys.
            if isinstance(record, ProtectedRecord):
                reason = opener.open(record)
                assert isinstance(reason, str)
                reasons.add(reason)

    assert "record_bad_mac" in reasons
    assert opener.forgeries > 8 * 24
    assert opener.window.highest == -1


@pytest.mark.spec("rfc9147:4.5.1/1", "rfc9147:4.5.1/2", "rfc9147:4.5.1/3")
@EACH_SUITE
def test_replayed_records_and_those_behind_the_window_are_dropped(suite_id: int) -> None:
    sealer, opener = ends(suite_id)
    sealed = [record_of(each) for each in sealer.seal_many(ContentType.APPLICATION_DATA, [b"x"] * (WINDOW_SIZE + 2))]
    assert isinstance(opener.open(sealed[1]), Opened)
    assert opener.open(sealed[1]) == "record_replayed"
    assert isinstance(opener.open(sealed[-1]), Opened)

    assert opener.open(sealed[0]) == opener.open(sealed[1]) == "record_replayed"
    assert isinstance(opener.open(sealed[2]), Opened)


@pytest.mark.spec("rfc9147:4.2.3/3")
@pytest.mark.parametrize("length", range(16))
def test_ciphertext_that_is_too_short_for_a_sample_does_not_open(length: int) -> None:
    _, opener = ends(0x1301)

    assert opener.open(record_of(b"\x2f\0\0" + length.to_bytes(2, "big") + bytes(length))) == "record_too_short"


@pytest.mark.spec("rfc8446:5.4/3")
@pytest.mark.parametrize("zeros", [1, 2, 100])
def test_record_of_padding_alone_is_the_peers_fault(zeros: int) -> None:
    _, opener = ends(0x1301)

    with pytest.raises(ProtocolError) as failure:
        opener.open(record_of(seal_by_hand(0x1301, 0, bytes(zeros))))
    assert failure.value.alert == AlertDescription.UNEXPECTED_MESSAGE


@pytest.mark.spec("rfc8446:5.4/4")
def test_record_that_is_too_long_inside_is_the_peers_fault() -> None:
    _, opener = ends(0x1301)
    assert isinstance(opener.open(record_of(seal_by_hand(0x1301, 0, bytes(2**14) + b"\x17"))), Opened)

    with pytest.raises(ProtocolError) as failure:
        opener.open(record_of(seal_by_hand(0x1301, 1, bytes(2**14 + 1) + b"\x17")))
    assert failure.value.alert == AlertDescription.RECORD_OVERFLOW
    assert (
        opener.open(record_of(b"\x2f\0\0" + (2**14 + 257).to_bytes(2, "big") + bytes(2**14 + 257))) == "record_too_long"
    )


@pytest.mark.spec("rfc9147:4.2.2/1")
@given(expected=st.integers(0, 2**48), number=st.integers(0, 2**48), bits=st.sampled_from([8, 16]))
def test_whole_number_is_the_closest_to_the_expected_one(expected: int, number: int, bits: int) -> None:
    size = 1 << bits

    found = closest_sequence_number(number % size, bits, expected)

    assert found % size == number % size
    others = [other for other in (found - size, found + size) if other >= 0]
    assert all(abs(found - expected) <= abs(other - expected) for other in others)


def _kinds(suite_id: int) -> dict[str, Callable[[int], bytes]]:
    def make(inner: bytes, **options: bool) -> Callable[[int], bytes]:
        return lambda number: seal_by_hand(suite_id, number, inner, **options)

    common = make(b"data\x17")
    return {
        "common": common,
        "short number": make(b"data\x17", short_number=True),
        "no length": make(b"data\x17", with_length=False),
        "padded": make(b"data\x17\0\0"),
        "empty": make(b"\x17"),
        "alert": make(b"\x01\x00\x15"),
        "forged": lambda number: common(number)[:-1] + bytes([common(number)[-1] ^ 1]),
        "two": lambda number: common(number) + common(number + 1),
    }


@EACH_SUITE
@given(data=st.data())
def test_fast_path_accepts_what_the_general_one_does(suite_id: int, data: st.DataObject) -> None:
    """Batches of everything, in any order and with any gaps."""
    kinds = _kinds(suite_id)
    start = data.draw(st.sampled_from([0, 250, 65530, 2**20]))
    steps = data.draw(st.lists(st.tuples(st.integers(0, 700), st.sampled_from(sorted(kinds))), max_size=12))
    batch = [kinds[kind](start + number) for number, kind in steps]
    _, general = ends(suite_id)
    _, fast = ends(suite_id)
    general.window.highest = fast.window.highest = start - 1

    def general_contents(opener: Opener13, datagram: bytes) -> list[tuple[int, bytes]]:
        opened = [opener.open(record) for record in split_datagram(datagram)[0] if isinstance(record, ProtectedRecord)]
        return [(each.content_type, each.content) for each in opened if isinstance(each, Opened)]

    expected = [each for datagram in batch for each in general_contents(general, datagram)]
    seen: list[tuple[int, bytes]] = []
    at = 0
    while at < len(batch):
        opened: list[bytes] = []
        at = fast.open_application_data(batch, at, opened)
        seen += [(23, content) for content in opened]
        if at < len(batch):
            seen += general_contents(fast, batch[at])
            at += 1

    assert seen == expected
    assert (fast.window.highest, fast.window.bitmap) == (general.window.highest, general.window.bitmap)
    assert fast.forgeries == general.forgeries


@pytest.mark.spec("rfc9147:4.5.3/1")
def test_key_protects_no_more_records_than_its_aead_allows() -> None:
    sealer, _ = ends(0x1301)
    sealer.next_number = 2**24 - 2
    assert sealer.records_left == 2

    with pytest.raises(StateError):
        sealer.seal_many(ContentType.APPLICATION_DATA, [b"x"] * 3)
    sealer.seal_many(ContentType.APPLICATION_DATA, [b"x"] * 2)
    with pytest.raises(StateError):
        sealer.seal(ContentType.ALERT, b"x")
    assert sealer.records_left == 0


@EACH_SUITE
@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))], ids=["copy", "pickle"]
)
def test_copies_go_on_like_the_original(suite_id: int, duplicate: Callable[[object], object]) -> None:
    sealer, opener = ends(suite_id)
    opener.open(record_of(sealer.seal(ContentType.APPLICATION_DATA, b"first")))
    other_sealer, other_opener = duplicate(sealer), duplicate(opener)
    assert isinstance(other_sealer, Sealer13)
    assert isinstance(other_opener, Opener13)

    sealed = sealer.seal(ContentType.APPLICATION_DATA, b"second")

    assert other_sealer.seal(ContentType.APPLICATION_DATA, b"second") == sealed
    for each in (opener, other_opener):
        opened: list[bytes] = []
        assert each.open_application_data([sealed, sealed], 0, opened) == 1
        assert opened == [b"second"]


@EACH_SUITE
def test_forged_datagrams_cost_masks_in_proportion(suite_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sealer, opener = ends(suite_id)
    genuine = Opener13._masks
    made = 0

    def masks(self: Opener13, samples: list[bytes]) -> tuple[bytes, bytes]:
        nonlocal made
        made += len(samples)
        return genuine(self, samples)

    sealed = sealer.seal_many(ContentType.APPLICATION_DATA, [b"content"] * 200)
    forged = [datagram[:-1] + bytes([datagram[-1] ^ 1]) for datagram in sealed]
    monkeypatch.setattr(Opener13, "_masks", masks)

    for at in range(len(forged)):
        assert opener.open_application_data(forged, at, []) == at

    assert made <= len(forged) + MAX_LOOKAHEAD
    opened: list[bytes] = []
    at = 0
    while at < len(sealed):
        at = opener.open_application_data(sealed, at, opened)
    assert opened == [b"content"] * 200
    assert made <= 2 * (len(sealed) + MAX_LOOKAHEAD)
