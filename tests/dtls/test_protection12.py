"""Sealing, opening and the replay window against models of them."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtc_dtls import StateError
from rtc_dtls.cipher_suite import CIPHER_SUITES
from rtc_dtls.key_schedule12 import DirectionKeys
from rtc_dtls.protection12 import Opener, Sealer, record_overhead
from rtc_dtls.record import ContentType, Record, split_datagram
from rtc_dtls.replay import WINDOW_SIZE, ReplayWindow

SUITES = pytest.mark.parametrize("suite_id", sorted(CIPHER_SUITES))


def ends(suite_id: int) -> tuple[Sealer, Opener]:
    suite = CIPHER_SUITES[suite_id]
    keys = DirectionKeys(key=bytes(range(suite.key_length)), iv=bytes(range(suite.fixed_iv_length)))
    return Sealer(suite, keys, 1), Opener(suite, keys, 1)


def records_of(datagram: bytes) -> list[Record]:
    return [record for record in split_datagram(datagram)[0] if isinstance(record, Record)]


def record_of(datagram: bytes) -> Record:
    (record,) = records_of(datagram)
    assert split_datagram(datagram)[1] == []
    return record


@SUITES
@given(contents=st.lists(st.binary(max_size=200), max_size=5))
def test_what_was_sealed_opens_and_is_longer_by_the_overhead(suite_id: int, contents: list[bytes]) -> None:
    sealer, opener = ends(suite_id)
    sealed = sealer.seal_many(ContentType.APPLICATION_DATA, contents)

    assert [opener.open(record_of(datagram)) for datagram in sealed] == contents
    overhead = record_overhead(CIPHER_SUITES[suite_id])
    assert [len(datagram) for datagram in sealed] == [len(content) + overhead for content in contents]


@SUITES
@given(data=st.data())
def test_record_with_any_bit_turned_does_not_open(suite_id: int, data: st.DataObject) -> None:
    sealer, opener = ends(suite_id)
    sealed = sealer.seal(ContentType.APPLICATION_DATA, data.draw(st.binary(min_size=1, max_size=40)))
    # The bits of type, version and length decide what is looked at in the first place.
    position = data.draw(st.sampled_from([1, 2, *range(3, 11), *range(13, len(sealed))]))
    turned = bytearray(sealed)
    turned[position] ^= 1 << data.draw(st.integers(0, 7))
    records, dropped = records_of(bytes(turned)), split_datagram(bytes(turned))[1]
    opened: list[bytes] = []

    at = opener.open_application_data([bytes(turned)], 0, opened)

    assert opened == []
    assert at == 0
    assert dropped or isinstance(opener.open(records[0]), str)
    assert opener.window.highest == -1


@SUITES
@given(
    order=st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from(["data", "empty", "alert", "forged", "two"])), max_size=40
    )
)
def test_the_fast_path_accepts_what_the_general_one_does(suite_id: int, order: list[tuple[int, str]]) -> None:
    sealer, general = ends(suite_id)
    fast = copy.deepcopy(general)
    numbered = []
    for number in range(41):
        sealer.next_number = (1 << 48) + number * 29
        numbered.append(
            {
                "data": sealer.seal(ContentType.APPLICATION_DATA, b"%d" % number),
                "empty": sealer.seal(ContentType.APPLICATION_DATA, b""),
                "alert": sealer.seal(ContentType.ALERT, b"\x01\x00"),
            }
        )
    batch = []
    for number, what in order:
        made = numbered[number]
        batch.append(
            {**made, "forged": made["data"][:-1] + bytes([made["data"][-1] ^ 1]), "two": made["data"] + made["alert"]}[
                what
            ]
        )

    def open_all(opener: Opener, datagram: bytes) -> list[bytes]:
        results = [opener.open(record) for record in records_of(datagram)]
        return [result for result in results if isinstance(result, bytes) and result]

    expected = [content for datagram in batch for content in open_all(general, datagram)]
    got: list[bytes] = []
    at = 0
    while at < len(batch):
        at = fast.open_application_data(batch, at, got)
        if at < len(batch):
            got += open_all(fast, batch[at])
            at += 1

    assert got == expected
    assert (fast.window.highest, fast.window.bitmap) == (general.window.highest, general.window.bitmap)


@pytest.mark.spec("rfc6347:4.1.2.6/1", "rfc6347:4.1.2.6/3", "rfc6347:4.1.2.6/8")
@given(numbers=st.lists(st.one_of(st.integers(0, 1200), st.integers(0, 2**48 - 1)), max_size=60))
def test_replay_window_remembers_what_it_saw_and_nothing_older_than_its_size(numbers: list[int]) -> None:
    window = ReplayWindow()
    seen: set[int] = set()
    for number in numbers:
        new = number not in seen and number > max(seen, default=number) - WINDOW_SIZE
        assert window.is_new(number) is new
        if new:
            window.accept(number)
            seen.add(number)

    assert window.bitmap.bit_length() <= WINDOW_SIZE
    assert window.highest == max(seen, default=-1)


@SUITES
def test_copies_and_pickles_go_on_with_the_same_numbers(suite_id: int) -> None:
    sealer, opener = ends(suite_id)
    opener.open(record_of(sealer.seal(ContentType.APPLICATION_DATA, b"before")))
    for twin_sealer, twin_opener in (copy.deepcopy((sealer, opener)), pickle.loads(pickle.dumps((sealer, opener)))):
        sealed = twin_sealer.seal(ContentType.APPLICATION_DATA, b"after")

        assert sealed == copy.deepcopy(sealer).seal(ContentType.APPLICATION_DATA, b"after")
        assert twin_opener.open(record_of(sealed)) == b"after"
        assert twin_opener.open(record_of(sealed)) == "record_replayed"


@pytest.mark.spec("rfc6347:4.1/13", "rfc5288:3/2")
def test_sealer_refuses_what_its_numbers_do_not_suffice_for() -> None:
    sealer, _ = ends(0xC02B)
    sealer.next_number = (1 << 48) + 2**48 - 3
    with pytest.raises(StateError):
        sealer.seal_many(ContentType.APPLICATION_DATA, [b"x"] * 3)

    assert len(sealer.seal_many(ContentType.APPLICATION_DATA, [b"x"] * 2)) == 2
    assert sealer.records_left == 0
