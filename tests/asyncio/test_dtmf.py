"""Telephone tones as an application sees them."""

import pytest

from rtc_asyncio import InvalidCharacterError, InvalidStateError, OperationError, RTCDTMFSender


class Player:
    """Keeps what shall be played."""

    def __init__(self) -> None:
        self.can_insert_dtmf = True
        self.refuses = False
        self.inserted: list[tuple[str, int, int]] = []

    def insert_dtmf(self, tones: str, duration_ms: int, gap_ms: int) -> None:
        if self.refuses:
            raise OperationError("too many")
        self.inserted.append((tones, duration_ms, gap_ms))


def test_tones_are_handed_on_in_capitals_and_within_limits() -> None:
    player = Player()
    sender = RTCDTMFSender(player)
    sender.insertDTMF("19ab#*,")
    sender.insertDTMF("1", 1, 1)
    sender.insertDTMF("1", 7000, 7000)

    assert player.inserted == [("19AB#*,", 100, 70), ("1", 40, 30), ("1", 6000, 6000)]


def test_the_buffer_empties_as_tones_are_played() -> None:
    sender = RTCDTMFSender(Player())
    told: list[tuple[str, str]] = []
    sender.ontonechange = lambda event: told.append((event.tone, sender.toneBuffer))
    sender.on("tonechange")(lambda tone: told.append((tone, "person")))
    sender.insertDTMF("12")
    for tone in ("1", "2", ""):
        sender.played(tone)

    assert told[::2] == [("1", "2"), ("2", ""), ("", "")]
    assert told[1] == ("1", "person")


def test_new_tones_take_the_place_of_those_that_wait() -> None:
    player = Player()
    sender = RTCDTMFSender(player)
    sender.insertDTMF("12")
    sender.insertDTMF("")

    assert sender.toneBuffer == ""
    assert player.inserted[-1][0] == ""


@pytest.mark.parametrize("tones", ["x", "1 2", "E", "½", "ß"])
def test_what_is_no_tone_is_refused(tones: str) -> None:
    player = Player()
    sender = RTCDTMFSender(player)
    with pytest.raises(InvalidCharacterError):
        sender.insertDTMF(tones)

    assert player.inserted == []


def test_tones_that_cannot_be_played_do_not_wait() -> None:
    player = Player()
    sender = RTCDTMFSender(player)
    sender.insertDTMF("1")
    player.refuses = True
    with pytest.raises(OperationError):
        sender.insertDTMF("22")

    assert sender.toneBuffer == "1"


def test_tones_need_a_sender_that_sends() -> None:
    player = Player()
    player.can_insert_dtmf = False
    sender = RTCDTMFSender(player)

    assert not sender.canInsertDTMF
    with pytest.raises(InvalidStateError):
        sender.insertDTMF("1")
